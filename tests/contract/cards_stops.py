"""Stops and amends: orders that wait, and orders that change."""

from __future__ import annotations

import asyncio

from kedge.model.events import FillNews
from kedge.model.order import State, sign
from kedge.model.venue import Answer
from tests.contract.cards import card
from tests.contract.desk import SECOND, TAKEN, total
from tests.contract.looks import told_as_made
from tests.contract.rig import Rig

# ── stops ───────────────────────────────────────────────────────────────────────────────────────


@card(331, "stop", "A stop waits unseen by the market, is triggered, and fills under our id", "stops")
async def stop(rig: Rig) -> None:
    desk = await rig.up()
    for side in ("sell", "buy"):
        order = rig.stop(side, rig.below(2) if side == "sell" else rig.above(2))
        told = await desk.rest(order)
        assert (told.kind, told.cum_qty) == ("stop", 0)
        await asyncio.sleep(2)
        assert rig.true_fills(order) == []
        rig.move(rig.below(3) if side == "sell" else rig.above(3))
        end = await desk.end_of(order)
        assert (end.state, end.cum_qty) == (State.FILLED, order.qty), end
        fills = await told_as_made(rig, desk, order)
        assert total(fills) == order.qty
        assert sign(fills[0].side) == sign(order.side)


@card(
    332,
    "stop-limit",
    "A stop-limit is triggered, then rests at its price, and can be cancelled there",
    "stops",
)
async def stop_limit(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.stop("buy", rig.above(2), price=rig.below(1))
    await desk.rest(order)
    rig.move(rig.above(3))

    def rests() -> bool:
        true = rig.truth(order)
        return true is not None and true.state is State.OPEN

    await desk.holds(rests)
    await asyncio.sleep(3)
    assert rig.true_fills(order) == []
    found = (await desk.lookup(order)).order
    assert found is not None
    assert (found.client_id, found.state, found.price) == (order.client_id, State.OPEN, order.price)
    assert (await desk.cancel(order)).answer in TAKEN
    assert (await desk.end_of(order)).state is State.CANCELLED
    await desk.holds(lambda: not rig.is_live(order))


@card(333, "stop-cancel", "A stop that waits can be cancelled, and is not triggered afterwards", "stops")
async def stop_cancel(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.stop("sell", rig.below(2))
    await desk.rest(order)
    assert (await desk.cancel(order)).answer in TAKEN
    assert (await desk.end_of(order)).state is State.CANCELLED
    rig.move(rig.below(3))
    await asyncio.sleep(5)
    assert rig.true_fills(order) == []


@card(334, "stop-found", "A stop that waits is found by lookup and stands in the report", "stops")
async def stop_found(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.stop("sell", rig.below(2))
    await desk.rest(order)
    found = (await desk.lookup(order)).order
    assert found is not None
    assert (found.state, found.kind, found.qty) == (State.OPEN, "stop", order.qty)
    report = await desk.report()
    assert [one.client_id for one in report.open_orders] == [order.client_id]


@card(337, "take", "A take waits for the price to come, and not for it to run away", "takes")
async def take(rig: Rig) -> None:
    desk = await rig.up()
    low, high, start = rig.below(3), rig.above(3), rig.mid
    for side, trigger in (("buy", rig.below(2)), ("sell", rig.above(2))):
        order = rig.take(side, trigger)  # type: ignore[arg-type]
        told = await desk.rest(order)
        assert (told.kind, told.cum_qty) == ("take", 0)
        rig.move(high if side == "buy" else low)  # away from it
        await asyncio.sleep(2)
        assert rig.true_fills(order) == []
        rig.move(low if side == "buy" else high)
        end = await desk.end_of(order)
        assert (end.state, end.cum_qty) == (State.FILLED, order.qty), end
        fills = await told_as_made(rig, desk, order)
        assert total(fills) == order.qty
        rig.move(start)
        await asyncio.sleep(2)


@card(338, "take-limit", "A take with a price rests at it once it has fired, and is found by lookup", "takes")
async def take_limit(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.take("buy", rig.below(2), price=rig.below(5))
    told = await desk.rest(order)
    assert told.kind == "take_limit"
    rig.move(rig.below(3))
    await asyncio.sleep(3)
    assert rig.true_fills(order) == []
    found = (await desk.lookup(order)).order
    assert found is not None
    assert (found.client_id, found.state, found.price) == (order.client_id, State.OPEN, order.price)
    assert (await desk.cancel(order)).answer in TAKEN
    assert (await desk.end_of(order)).state is State.CANCELLED


@card(339, "ends", "An order with a time is ended by the venue when its time is over", "ends")
async def ends(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3), expires_ns=rig.now_ns() + 10 * SECOND)
    await desk.rest(order)
    await asyncio.sleep(5)
    assert rig.is_live(order)
    end = await desk.end_of(order)
    assert (end.state, end.cum_qty) == (State.EXPIRED, 0)
    await desk.holds(lambda: not rig.is_live(order))


@card(335, "stop-mark", "A stop by the mark is triggered by the mark", "stops", "stop_mark")
async def stop_mark(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.stop("sell", rig.below(2), trigger_by="mark")
    await desk.rest(order)
    rig.move(rig.below(3))
    assert (await desk.end_of(order)).state is State.FILLED


@card(
    336,
    "stop-passed",
    "A stop whose price has passed already is refused, or fires at once; it does not wait for the way back",
    "stops",
    "stop_passed",
)
async def stoprefused(rig: Rig) -> None:
    desk = await rig.up()
    # A last price there must be, for a stop to have passed it.
    await desk.filled(rig.order("buy"))
    order = rig.stop("sell", rig.above(2))
    assert await desk.outcome(order) in (State.REJECTED, State.FILLED, State.CANCELLED, State.EXPIRED)
    assert not rig.is_live(order)


# ── amends ──────────────────────────────────────────────────────────────────────────────────────


@card(341, "amend", "An amend changes price and quantity in place and keeps the id", "amend")
async def amend(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", qty=rig.lot * 2, price=rig.below(3))
    told = await desk.rest(order)
    price, qty = rig.below(4), rig.lot * 3
    assert (await desk.amend(order, price, qty)).answer in TAKEN
    news = await desk.told(order, lambda one: one.price == price and one.qty == qty)
    assert (news.state, news.venue_id) == (State.OPEN, told.venue_id)
    true = rig.truth(order)
    assert true is not None
    assert (true.price, true.qty) == (price, qty)
    assert len(rig.window.open_orders("")) == 1


@card(342, "amend-filled-part", "An amended quantity is the total, what has traded included", "amend")
async def amend_filled_part(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", qty=rig.lot * 3, price=rig.mid)
    await desk.rest(order)
    rig.counter("sell", rig.lot, order.price)
    await desk.until(FillNews)
    assert (await desk.amend(order, rig.below(1), rig.lot * 2)).answer in TAKEN
    await desk.told(order, lambda one: one.qty == rig.lot * 2)
    true = rig.truth(order)
    assert true is not None
    assert (true.qty, true.cum_qty, true.price) == (rig.lot * 2, rig.lot, rig.below(1))


@card(343, "amend-unknown", "An amend of what is not live is an answer: REJECTED", "amend")
async def amend_unknown(rig: Rig) -> None:
    desk = await rig.up()
    never = rig.order("buy", price=rig.below(3))
    assert (await desk.amend(never, rig.below(4), never.qty)).answer is Answer.REJECTED
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await desk.cancel(order)
    await desk.end_of(order)
    answered = await desk.amend(order, rig.below(4), order.qty)
    assert answered.answer is Answer.REJECTED, answered


@card(
    344, "amend-none", "Where there is no amend in place it is REJECTED unsent, with the way out", "no_amend"
)
async def amend_none(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    answered = await desk.amend(order, rig.below(4), order.qty)
    assert answered.answer is Answer.REJECTED
    assert answered.unsent
    assert "cancel" in answered.reason
    assert rig.is_live(order)
