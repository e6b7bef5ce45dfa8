"""Orders: every kind of them to its end, with the exchange's truth beside what was told."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from kedge.model.events import FillNews, OrderNews
from kedge.model.order import TERMINAL, State
from kedge.model.venue import Answer
from tests.contract.cards import both_ways, card
from tests.contract.desk import TAKEN, is_sentence, total
from tests.contract.looks import moves_forward, told_as_made
from tests.contract.rig import Rig

# ── kinds ───────────────────────────────────────────────────────────────────────────────────────


@both_ways(301, "rest", "A limit order away from the market rests, and is told under our id with its numbers")
async def rest(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    told = await desk.rest(order)
    true = rig.truth(order)
    assert true is not None
    assert true.state is State.OPEN
    for report in (told, true):
        assert (report.client_id, report.side, report.kind) == (order.client_id, "buy", "limit")
        assert (report.qty, report.price, report.cum_qty) == (order.qty, order.price, 0)
    assert told.venue_id
    assert told.symbol == rig.symbol


@card(303, "market", "A market order fills, and every fill is told once")
async def market(rig: Rig) -> None:
    desk = await rig.up()
    for side in ("buy", "sell"):
        order = rig.order(side)
        fills = await desk.filled(order)
        assert total(fills) == order.qty
        await told_as_made(rig, desk, order)
        moves_forward(desk, order)


@card(304, "walks-the-book", "An order larger than the best level takes several, each fill at its own price")
async def walks_the_book(rig: Rig) -> None:
    desk = await rig.up()
    rig.enrich()
    level = rig.window.inner.book(rig.inside, 5).asks
    qty = level[0].qty + level[1].qty
    most = desk.instruments()[rig.symbol].max_qty
    assert qty <= most
    order = rig.order("buy", qty=qty, price=level[1].price, tif="ioc")
    await desk.filled(order)
    fills = await told_as_made(rig, desk, order)
    assert [fill.price for fill in fills] == [level[0].price, level[1].price]
    assert len({fill.exec_id for fill in fills}) == len(fills)


@card(305, "ioc", "Of an IOC order the rest is cancelled by itself")
async def ioc(rig: Rig) -> None:
    desk = await rig.up()
    rig.enrich()
    best = rig.window.inner.book(rig.inside, 1).asks[0]
    order = rig.order("buy", qty=best.qty + rig.lot, price=best.price, tif="ioc")
    await desk.take(order)
    end = await desk.end_of(order)
    assert end.state in (State.CANCELLED, State.EXPIRED)
    assert end.cum_qty == best.qty
    assert not rig.is_live(order)
    await told_as_made(rig, desk, order)


@card(306, "fok", "A FOK order that cannot be filled whole is not filled at all")
async def fok(rig: Rig) -> None:
    desk = await rig.up()
    rig.enrich()
    best = rig.window.inner.book(rig.inside, 1).asks[0]
    order = rig.order("buy", qty=best.qty + rig.lot, price=best.price, tif="fok")
    assert await desk.outcome(order) in (State.CANCELLED, State.EXPIRED, State.REJECTED)
    assert rig.true_fills(order) == []
    whole = rig.order("buy", price=best.price, tif="fok")
    assert total(await desk.filled(whole)) == whole.qty


@card(307, "post-only", "A post-only order that would take does not trade", "post_only")
async def post_only(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.above("0.1"), tif="post_only")
    assert await desk.outcome(order) in (State.REJECTED, State.CANCELLED, State.EXPIRED)
    assert rig.true_fills(order) == []
    assert not rig.is_live(order)


@card(308, "post-only-rests", "A post-only order that does not cross rests, and fills as maker", "post_only")
async def post_only_rests(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.mid, tif="post_only")
    await desk.rest(order)
    rig.counter("sell", order.qty, order.price)
    assert (await desk.end_of(order)).state is State.FILLED
    fills = await told_as_made(rig, desk, order)
    assert all(fill.maker for fill in fills)


@card(309, "reduce-only-flat", "Reduce-only without a position opens none", "reduce_only")
async def reduce_only_flat(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.above("0.1"), tif="ioc", reduce_only=True)
    assert await desk.outcome(order) in (State.REJECTED, State.CANCELLED, State.EXPIRED)
    assert rig.position() == 0


@card(310, "reduce-only", "Reduce-only closes a position and never turns it", "reduce_only")
async def reduce_only(rig: Rig) -> None:
    desk = await rig.up()
    await desk.filled(rig.order("buy"))
    assert rig.position() == rig.lot
    order = rig.order("sell", qty=rig.lot * 3, price=rig.below("0.1"), tif="ioc", reduce_only=True)
    answered = await desk.place(order)
    await asyncio.sleep(2)
    assert rig.position() >= 0
    if answered.answer in TAKEN:
        await desk.end_of(order)
        assert rig.position() == 0


@card(311, "exact", "Numbers travel exactly: the last digit of price and quantity, and no float on the way")
async def exact(rig: Rig) -> None:
    desk = await rig.up()
    terms = rig.terms()
    price = rig.below(3) + terms.tick
    steps = [rig.lot + terms.qty_step, rig.lot * 7 + terms.qty_step * 3]
    for qty in steps:
        order = rig.order("buy", qty=qty, price=price)
        told = await desk.rest(order)
        true = rig.truth(order)
        assert true is not None
        assert (true.qty, true.price) == (qty, price) == (told.qty, told.price)
        looked = (await desk.lookup(order)).order
        assert looked is not None
        assert (looked.qty, looked.price) == (qty, price)


@card(313, "spelling", "A number goes out in plain digits, however it is spelt inside: 5.82E+4 is 58200")
async def spelling(rig: Rig) -> None:
    desk = await rig.up()
    qty, price = (rig.lot * 2).normalize(), rig.below(3).normalize()
    order = rig.order("buy", qty=qty, price=price)
    told = await desk.rest(order)
    true = rig.truth(order)
    assert true is not None
    assert (true.qty, true.price) == (rig.lot * 2, rig.below(3)) == (told.qty, told.price)


@card(312, "least", "The smallest order that the instrument's own numbers allow is taken")
async def least(rig: Rig) -> None:
    desk = await rig.up()
    told = desk.instruments()[rig.symbol]
    price = rig.below(3)
    qty = max(told.min_qty, told.qty_step)
    while told.tradable(qty, price) == 0:
        qty += told.qty_step * max(1, int(rig.lot / told.qty_step / 200))
    order = rig.order("buy", qty=qty, price=price)
    await desk.rest(order)
    assert rig.is_live(order)


# ── the end of an order ─────────────────────────────────────────────────────────────────────────


@both_ways(321, "cancel", "Cancel takes an order away, and its end is told once")
async def cancel(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    assert (await desk.cancel(order)).answer in TAKEN
    end = await desk.end_of(order)
    assert (end.state, end.cum_qty) == (State.CANCELLED, 0)
    assert not rig.is_live(order)
    moves_forward(desk, order)


@card(323, "cancel-unknown", "Cancel of what never was is an answer: REJECTED")
async def cancel_unknown(rig: Rig) -> None:
    desk = await rig.up()
    answered = await desk.cancel(rig.order("buy", price=rig.below(3)))
    assert answered.answer is Answer.REJECTED, answered
    is_sentence(answered.reason)


@card(324, "cancel-twice", "A second cancel is an answer: REJECTED, and changes nothing")
async def cancel_twice(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await desk.cancel(order)
    await desk.end_of(order)
    answered = await desk.cancel(order)
    assert answered.answer is Answer.REJECTED, answered
    assert desk.orders(order.client_id)[-1].state is State.CANCELLED


@card(325, "cancel-filled", "Cancel of a filled order is an answer: REJECTED, and the order stays filled")
async def cancel_filled(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy")
    await desk.filled(order)
    assert (await desk.cancel(order)).answer is Answer.REJECTED
    assert (await desk.lookup(order)).order.state is State.FILLED  # type: ignore[union-attr]


@card(326, "partial-cancel", "An order that was filled in part and cancelled says how much was filled")
async def partial_cancel(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", qty=rig.lot * 3, price=rig.mid)
    await desk.rest(order)
    rig.counter("sell", rig.lot, order.price)
    await desk.until(FillNews)
    await desk.cancel(order)
    end = await desk.end_of(order)
    assert (end.state, end.cum_qty) == (State.CANCELLED, rig.lot)
    await told_as_made(rig, desk, order)
    moves_forward(desk, order)


@card(327, "many-parts", "An order filled in many parts: every part once, and their sum is `cum_qty`")
async def many_parts(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("sell", qty=rig.lot * 6, price=rig.mid)
    await desk.rest(order)
    for _ in range(6):
        rig.counter("buy", rig.lot, order.price)
        await asyncio.sleep(0.3)
    end = await desk.end_of(order)
    assert end.cum_qty == order.qty
    fills = await told_as_made(rig, desk, order)
    assert len(fills) == 6
    assert total(fills) == end.cum_qty
    heard = [n.fill.exec_id for n in desk.all(FillNews)]
    assert len(heard) == len(set(heard)), "a fill was told twice"
    moves_forward(desk, order)


@card(
    328,
    "fees",
    "Fees and their coin are the exchange's own, for maker and taker, buys and sells",
    "fill_fees",
)
async def fees(rig: Rig) -> None:
    desk = await rig.up()
    for side in ("buy", "sell"):
        taker = rig.order(side)
        await desk.filled(taker)
        assert not any(fill.maker for fill in await told_as_made(rig, desk, taker))
        maker = rig.order(side, price=rig.mid)
        await desk.rest(maker)
        rig.counter("sell" if side == "buy" else "buy", maker.qty, maker.price)
        await desk.end_of(maker)
        assert all(fill.maker for fill in await told_as_made(rig, desk, maker))
    assert all(fill.fee > 0 and fill.fee_asset for fill in desk.fills())


@card(329, "fill-before-end", "No order is told as ended while a fill of it has not been told")
async def fill_before_end(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", qty=rig.lot * 2, price=rig.mid)
    await desk.rest(order)
    rig.counter("sell", rig.lot, order.price)
    await asyncio.sleep(0.5)
    rig.counter("sell", rig.lot, order.price)
    await desk.end_of(order)
    await asyncio.sleep(2)
    filled = Decimal(0)
    for event in desk.events:
        if isinstance(event, FillNews) and event.fill.client_id == order.client_id:
            filled += event.fill.qty
        elif isinstance(event, OrderNews) and event.order.client_id == order.client_id:
            ended = event.order.state in TERMINAL
            assert not ended or filled == event.order.cum_qty, "ended before its last fill"
