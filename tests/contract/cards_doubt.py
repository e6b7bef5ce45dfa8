"""Doubt: what is said when nobody can know, and how the venue is asked afterwards.

A deed has four classes of answers. UNKNOWN is said wherever the deed may have been done; REJECTED only where
it certainly was not. One call is one attempt, whatever happens to it.
"""

from __future__ import annotations

import asyncio

from kedge.model.events import Answered, LinkDown
from kedge.model.order import State
from kedge.model.venue import Answer, PlaceOrder
from tests.contract.cards import both_ways, card
from tests.contract.desk import SECOND, TAKEN, Desk, is_sentence
from tests.contract.rig import Rig


async def _befalls(rig: Rig, name: str) -> tuple[Desk, PlaceOrder, Answered]:
    """Place an order that this befalls."""
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    rig.fault(name, order)
    return desk, order, await desk.place(order)


def _is_doubt(answered: Answered) -> None:
    assert answered.answer is Answer.UNKNOWN, answered
    assert not answered.unsent
    is_sentence(answered.reason)


async def _found(rig: Rig, desk: Desk, order: PlaceOrder, state: State = State.OPEN) -> None:
    """The venue has it, once, and a lookup tells so."""
    await asyncio.sleep(3)
    await desk.holds(lambda: desk.linked, 120)
    assert rig.arrived.count(order.client_id) == 1, "more than one attempt"
    found = await desk.lookup(order)
    assert found.order is not None, found
    assert (found.order.client_id, found.order.state) == (order.client_id, state)


async def _absent(rig: Rig, desk: Desk, order: PlaceOrder) -> None:
    """It is not there, and is not there after the venue's bound either."""
    rules = rig.rules()
    await asyncio.sleep((rules.request_window_ns + rules.skew_ns + rules.visibility_ns) / SECOND + 1)
    await desk.holds(lambda: desk.linked, 120)
    found = await desk.lookup(order)
    assert (found.order, found.error) == (None, "")
    assert rig.truth(order) is None
    assert order.client_id not in rig.arrived


# ── placing ─────────────────────────────────────────────────────────────────────────────────────


@both_ways(
    401, "request-lost", "A request that is lost is UNKNOWN; past the bound a lookup shows that it never was"
)
async def request_lost(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "request_lost")
    _is_doubt(answered)
    await _absent(rig, desk, order)


@both_ways(403, "reply-lost", "A reply that is lost after the deed is UNKNOWN, and a lookup finds the order")
async def reply_lost(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "reply_lost")
    _is_doubt(answered)
    await _found(rig, desk, order)


@both_ways(
    405, "failed", "An error of the venue's machinery after the deed is UNKNOWN, and a lookup finds the order"
)
async def failed(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "failed")
    _is_doubt(answered)
    await _found(rig, desk, order)


@both_ways(407, "busy", "An error of the venue's machinery before the deed is never taken for done")
async def busy(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "busy")
    assert answered.answer in (Answer.UNKNOWN, Answer.REJECTED), answered
    is_sentence(answered.reason)
    await _absent(rig, desk, order)


@both_ways(409, "too-many", "Too many requests is REJECTED with the time to wait, and nothing of it was done")
async def too_many(rig: Rig) -> None:
    _, order, answered = await _befalls(rig, "too_many")
    assert answered.answer is Answer.REJECTED, answered
    assert answered.retry_ns > 0
    is_sentence(answered.reason)
    await asyncio.sleep(5)
    assert rig.arrived == []
    assert rig.truth(order) is None


@both_ways(411, "garbled", "A reply that cannot be read is UNKNOWN, and a lookup finds the order")
async def garbled(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "garbled")
    _is_doubt(answered)
    await _found(rig, desk, order)


@both_ways(
    413, "reply-late", "A reply after our patience is UNKNOWN, and is not a second answer when it comes"
)
async def reply_late(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "reply_late")
    _is_doubt(answered)
    await asyncio.sleep(20)
    assert not [event for event in desk.events if isinstance(event, Answered)]
    await _found(rig, desk, order)


@both_ways(415, "cut-in-flight", "A line that is cut with a request in flight is UNKNOWN")
async def cut_in_flight(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "cut")
    _is_doubt(answered)
    await asyncio.sleep(5)
    await desk.holds(lambda: desk.linked, 120)
    found = await desk.lookup(order)
    assert not found.error
    # Whether it was done depends on the way it went; what is said is what is so.
    assert (found.order is not None) == rig.is_live(order)
    assert rig.arrived.count(order.client_id) <= 1


@card(
    417,
    "half-open-in-flight",
    "A request into a line that is dead, and nobody knows it, is UNKNOWN in due time",
)
async def half_open_in_flight(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    rig.half_open()
    before_ns = rig.now_ns()
    answered = await desk.place(order)
    _is_doubt(answered)
    assert rig.now_ns() - before_ns <= 30 * SECOND
    await desk.linked_again(0, within_s=200)


@card(
    418,
    "venue-dies",
    "A venue that dies with a request in flight leaves UNKNOWN, and tells the truth when it is back",
)
async def venue_dies(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    rig.fault("reply_lost", order)
    placing = rig.loop.create_task(desk.place(order))
    await asyncio.sleep(0.5)
    since = desk.mark()
    await rig.restart()
    _is_doubt(await placing)
    await desk.linked_again(since)
    await _found(rig, desk, order)


@card(419, "own-end", "An order whose reply was lost is still told by the stream to its end")
async def own_end(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy")
    rig.fault("reply_lost", order)
    _is_doubt(await desk.place(order))
    end = await desk.end_of(order)
    assert (end.state, end.cum_qty) == (State.FILLED, order.qty)
    await desk.holds(lambda: len(desk.fills(order.client_id)) == len(rig.true_fills(order)))


# ── cancels and amends ──────────────────────────────────────────────────────────────────────────


@both_ways(421, "cancel-reply-lost", "A cancel whose reply is lost is UNKNOWN, and the order is gone")
async def cancel_reply_lost(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    rig.fault("reply_lost", order)
    _is_doubt(await desk.cancel(order))
    await desk.holds(lambda: desk.linked, 120)
    assert not rig.is_live(order)
    assert (await desk.lookup(order)).order.state is State.CANCELLED  # type: ignore[union-attr]


@both_ways(423, "cancel-request-lost", "A cancel that is lost is UNKNOWN, and the order still rests")
async def cancel_request_lost(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    rig.fault("request_lost", order)
    _is_doubt(await desk.cancel(order))
    assert rig.is_live(order)
    assert (await desk.lookup(order)).order.state is State.OPEN  # type: ignore[union-attr]
    assert (await desk.cancel(order)).answer in TAKEN
    await desk.holds(lambda: not rig.is_live(order))


@card(
    425,
    "amend-reply-lost",
    "An amend whose reply is lost is UNKNOWN, and a lookup shows the new numbers",
    "amend",
)
async def amend_reply_lost(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", qty=rig.lot * 2, price=rig.below(3))
    await desk.rest(order)
    rig.fault("reply_lost", order)
    _is_doubt(await desk.amend(order, rig.below(4), rig.lot * 3))
    await desk.holds(lambda: desk.linked, 120)
    found = (await desk.lookup(order)).order
    assert found is not None
    assert (found.price, found.qty) == (rig.below(4), rig.lot * 3)


@card(426, "stop-reply-lost", "A stop whose reply is lost is UNKNOWN, and a lookup finds it waiting", "stops")
async def stop_reply_lost(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.stop("sell", rig.below(2))
    rig.fault("reply_lost", order)
    _is_doubt(await desk.place(order))
    await desk.holds(lambda: desk.linked, 120)
    await asyncio.sleep(2)
    found = await desk.lookup(order)
    assert found.order is not None, found
    assert (found.order.client_id, found.order.state) == (order.client_id, State.OPEN)


# ── lookups ─────────────────────────────────────────────────────────────────────────────────────


@card(431, "lookup-open", "Lookup finds an order that is open, filled in part or not at all")
async def lookup_open(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", qty=rig.lot * 2, price=rig.mid)
    await desk.rest(order)
    rig.counter("sell", rig.lot, order.price)
    await asyncio.sleep(2)
    found = await desk.lookup(order)
    assert found.order is not None
    assert (found.order.state, found.order.cum_qty, found.order.qty) == (State.OPEN, rig.lot, rig.lot * 2)
    assert found.asked_ns <= rig.now_ns()


@card(432, "lookup-filled", "Lookup finds an order that has been filled, with all that traded")
async def lookup_filled(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy")
    await desk.filled(order)
    found = await desk.lookup(order)
    assert found.order is not None
    assert (found.order.state, found.order.cum_qty) == (State.FILLED, order.qty)


@card(433, "lookup-cancelled", "Lookup finds an order that has been cancelled, by the id it was placed with")
async def lookup_cancelled(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await desk.cancel(order)
    await desk.end_of(order)
    await asyncio.sleep(30)
    found = await desk.lookup(order)
    assert found.order is not None
    assert (found.order.client_id, found.order.state) == (order.client_id, State.CANCELLED)


@card(434, "lookup-never", "Lookup of what never was finds nothing, and says no error")
async def lookup_never(rig: Rig) -> None:
    desk = await rig.up()
    found = await desk.lookup(rig.order("buy", price=rig.below(3)))
    assert (found.order, found.error) == (None, "")


@card(435, "lookup-failed", "A lookup of which one question fails is an error, never 'not found'", "http")
async def lookup_failed(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    rig.questions_fail(True)  # type: ignore[attr-defined]
    for one in (order, rig.order("buy", price=rig.below(3))):
        found = await desk.lookup(one)
        assert found.order is None
        is_sentence(found.error)
    rig.questions_fail(False)  # type: ignore[attr-defined]
    assert (await desk.lookup(order)).order is not None


@card(436, "lookup-lag", "A lookup while the venue lags may miss an order; past the bound it is found")
async def lookup_lag(rig: Rig) -> None:
    desk = await rig.up()
    rig.lag(True)
    order = rig.order("buy", price=rig.below(3))
    rig.fault("reply_lost", order)
    _is_doubt(await desk.place(order))
    await desk.holds(lambda: desk.linked, 120)
    asked = await desk.lookup(order)
    assert not asked.error
    await asyncio.sleep(rig.rules().visibility_ns / SECOND + 1)
    found = await desk.lookup(order)
    assert found.order is not None
    assert found.order.state is State.OPEN


@card(
    437,
    "lookup-after-restart",
    "A desk that begins anew finds every order of its earlier life, however it ended",
)
async def lookup_after_restart(rig: Rig) -> None:
    first = await rig.up()
    resting, gone, filled = (rig.order("buy", price=rig.below(n)) for n in (3, 4, 5))
    filled = rig.order("buy")
    for order in (resting, gone):
        await first.rest(order)
    await first.cancel(gone)
    await first.end_of(gone)
    await first.filled(filled)
    await first.close()
    await asyncio.sleep(10)
    desk = await rig.up()
    for order, state in ((resting, State.OPEN), (gone, State.CANCELLED), (filled, State.FILLED)):
        found = await desk.lookup(order)
        assert found.order is not None, (state, found)
        assert found.order.state is state
    assert (await desk.cancel(resting)).answer in TAKEN
    await desk.holds(lambda: not rig.is_live(resting))


@card(
    438,
    "stop-after-restart",
    "A desk that begins anew knows its waiting stop, sees it trigger, and can look it up",
    "stops",
    "stop_keys",
)
async def stop_after_restart(rig: Rig) -> None:
    first = await rig.up()
    order = rig.stop("sell", rig.below(2))
    await first.rest(order)
    await first.close()
    await asyncio.sleep(5)
    desk = await rig.up()
    report = await desk.report()
    assert [one.client_id for one in report.open_orders] == [order.client_id]
    rig.move(rig.below(3))
    end = await desk.end_of(order)
    assert end.state is State.FILLED
    await desk.holds(lambda: len(desk.fills(order.client_id)) == len(rig.true_fills(order)))
    assert (await desk.lookup(order)).order.state is State.FILLED  # type: ignore[union-attr]


@card(
    439, "one-attempt", "One call is one attempt: nothing is sent again by itself, not even after a new link"
)
async def one_attempt(rig: Rig) -> None:
    desk, order, answered = await _befalls(rig, "request_lost")
    _is_doubt(answered)
    since = desk.mark()
    rig.cut()
    await desk.until(LinkDown)
    await desk.linked_again(since)
    await asyncio.sleep(60)
    assert rig.arrived == []
    assert rig.truth(order) is None


@card(
    441,
    "left-alone",
    "A venue that wants to be left alone is: what is placed at once afterwards is not sent",
    "budget",
)
async def left_alone(rig: Rig) -> None:
    desk, _, answered = await _befalls(rig, "too_many")
    assert answered.retry_ns > 0
    for _ in range(3):
        again = await desk.place(rig.order("buy", price=rig.below(3)))
        assert again.answer is Answer.REJECTED, again
        assert again.unsent
        assert 0 < again.retry_ns <= answered.retry_ns
    assert rig.arrived == []
    await asyncio.sleep(answered.retry_ns / SECOND + 1)
    order = rig.order("buy", price=rig.below(3))
    assert (await desk.place(order)).answer in TAKEN
    await desk.holds(lambda: rig.is_live(order))


@card(442, "double-lookups", "Questions and deeds at the same time each get their own answer")
async def double_lookups(rig: Rig) -> None:
    desk = await rig.up()
    orders = [rig.order("buy", price=rig.below(3 + number)) for number in range(3)]
    for order in orders:
        await desk.rest(order)
    asking = [rig.loop.create_task(desk.lookup(order)) for order in orders]
    cancelling = rig.loop.create_task(desk.cancel(orders[0]))
    reporting = rig.loop.create_task(desk.report())
    for order, task in zip(orders, asking, strict=True):
        found = (await task).order
        assert found is not None
        assert (found.client_id, found.price) == (order.client_id, order.price)
    assert (await cancelling).answer in TAKEN
    told = {one.client_id for one in (await reporting).open_orders}
    assert {one.client_id for one in orders[1:]} <= told
