"""Refusals, last moments, and several deeds at once."""

from __future__ import annotations

import asyncio

from kedge.model.order import State
from kedge.model.venue import Answer
from tests.contract.cards import both_ways, card
from tests.contract.desk import TAKEN, is_sentence
from tests.contract.looks import refused
from tests.contract.rig import Rig

# ── refusals ────────────────────────────────────────────────────────────────────────────────────


@card(351, "too-small", "An order below the minimum is REJECTED for certain")
async def too_small(rig: Rig) -> None:
    desk = await rig.up()
    terms = rig.terms()
    step = terms.qty_step
    if terms.notional(step, rig.mid) >= terms.min_notional:
        step = step / 2
    await refused(rig, desk, rig.order("buy", qty=step, price=rig.below(3)))


@card(352, "wrong-step", "A quantity off the step is REJECTED for certain, and not rounded")
async def wrong_step(rig: Rig) -> None:
    desk = await rig.up()
    qty = rig.lot + rig.terms().qty_step / 2
    await refused(rig, desk, rig.order("buy", qty=qty, price=rig.below(3)))


@card(353, "wrong-tick", "A price off the tick is not traded at another one")
async def wrong_tick(rig: Rig) -> None:
    desk = await rig.up()
    price = rig.below(3) + rig.terms().tick / 2
    await refused(rig, desk, rig.order("buy", price=price))


@card(354, "wrong-price", "A price far outside the venue's band is REJECTED for certain")
async def wrong_price(rig: Rig) -> None:
    desk = await rig.up()
    await refused(rig, desk, rig.order("buy", price=rig.terms().price_at_most(rig.mid * 30)))


@card(355, "no-symbol", "An order for a symbol that is not there is REJECTED for certain")
async def no_symbol(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3), symbol=rig.strange)
    answered = await desk.place(order)
    assert answered.answer is Answer.REJECTED, answered
    is_sentence(answered.reason)


@card(356, "no-money", "An order that the account cannot pay is REJECTED for certain")
async def no_money(rig: Rig) -> None:
    desk = await rig.up()
    most = desk.instruments()[rig.symbol].max_qty
    order = rig.order("buy", qty=most - most % rig.lot, price=rig.below(1))
    assert rig.terms().notional(order.qty, order.price) > 1_000_000
    await refused(rig, desk, order)


@card(357, "duplicate", "A client id that is live already never makes a second live order")
async def duplicate(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    again = rig.order("buy", price=rig.below(4), client_id=order.client_id)
    answered = await desk.place(again)
    assert answered.answer in (Answer.REJECTED, Answer.UNKNOWN), answered
    await asyncio.sleep(2)
    assert len(rig.window.open_orders("")) == 1
    true = rig.truth(order)
    assert true is not None
    assert true.price == order.price
    found = (await desk.lookup(order)).order
    assert found is not None
    assert (found.state, found.price) == (State.OPEN, order.price)


@card(358, "duplicate-ended", "A client id whose order has ended is refused, too", "ids_forever")
async def duplicate_ended(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await desk.cancel(order)
    await desk.end_of(order)
    again = rig.order("buy", price=rig.below(4), client_id=order.client_id)
    assert (await desk.place(again)).answer in (Answer.REJECTED, Answer.UNKNOWN)
    assert rig.window.open_orders("") == ()


# ── time ────────────────────────────────────────────────────────────────────────────────────────


@both_ways(361, "past", "Past `valid_until_ns` nothing is sent: REJECTED unsent")
async def past(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3), valid_until_ns=rig.now_ns() - 1_000_000)
    before = rig.traffic()
    answered = await desk.place(order)
    assert answered.answer is Answer.REJECTED
    assert answered.unsent
    is_sentence(answered.reason)
    assert rig.traffic() == before
    assert rig.arrived == []


@card(363, "arrives-late", "A request that arrives after `valid_until_ns` is not carried out", "bounded")
async def arrives_late(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    rig.fault("request_slow", order)
    answered = await desk.place(order)
    assert answered.answer in (Answer.UNKNOWN, Answer.REJECTED), answered
    await asyncio.sleep(20)
    assert not rig.is_live(order)
    assert order.client_id not in rig.arrived or rig.truth(order) is None or not rig.is_live(order)


# ── several at once ─────────────────────────────────────────────────────────────────────────────


@card(
    371,
    "batch",
    "A batch: one answer for each order, in their order; some are taken, others refused",
    "batch",
)
async def batch(rig: Rig) -> None:
    desk = await rig.up()
    orders = [rig.order("buy", price=rig.below(3 + number)) for number in range(4)]
    wrong = rig.order("buy", qty=rig.lot + rig.terms().qty_step / 2, price=rig.below(3))
    mixed = [orders[0], wrong, *orders[1:]]
    answers = await desk.venue.place_batch(mixed)  # type: ignore[attr-defined]
    assert [one.client_id for one in answers] == [one.client_id for one in mixed]
    assert answers[1].answer is Answer.REJECTED, answers[1]
    assert all(one.answer in TAKEN for place, one in enumerate(answers) if place != 1)
    await desk.holds(lambda: all(rig.is_live(one) for one in orders))
    assert not rig.is_live(wrong)


@card(372, "many-at-once", "Orders placed at the same time each get their own answer")
async def many_at_once(rig: Rig) -> None:
    desk = await rig.up()
    orders = [rig.order("buy", price=rig.below(3 + number)) for number in range(4)]
    tasks = [rig.loop.create_task(desk.place(one)) for one in orders]
    for task, order in zip(tasks, orders, strict=True):
        answered = await task
        assert answered.client_id == order.client_id
        assert answered.answer in TAKEN, answered
    assert [rig.is_live(one) for one in orders] == [True] * 4


@card(373, "cancel-all", "Cancel-all takes away everything of a symbol, stops included")
async def cancel_all(rig: Rig) -> None:
    desk = await rig.up()
    orders = [rig.order("buy", price=rig.below(3 + number)) for number in range(3)]
    stop = rig.stop("sell", rig.below(5))
    for order in (*orders, stop):
        await desk.rest(order)
    assert await desk.venue.cancel_all(rig.symbol) == ""
    for order in (*orders, stop):
        assert (await desk.end_of(order)).state is State.CANCELLED
    assert (await desk.report()).open_orders == ()


@card(375, "cancel-all-of-account", "Cancel-all without a symbol takes away everything of the account")
async def cancel_all_of_account(rig: Rig) -> None:
    desk = await rig.up()
    orders = [rig.order("buy", price=rig.below(3 + number)) for number in range(2)]
    for order in orders:
        await desk.rest(order)
    assert await desk.venue.cancel_all(None) == ""
    for order in orders:
        assert (await desk.end_of(order)).state is State.CANCELLED
    assert await desk.venue.cancel_all(None) == "", "nothing is open: that is what was wanted"


@card(
    374,
    "over-the-budget",
    "What the venue's limits do not allow is not sent: REJECTED with the time to wait; never a ban",
    "budget",
)
async def over_the_budget(rig: Rig) -> None:
    desk = await rig.up()
    answers = []
    for _ in range(rig.rules().burst * 4):
        # Straight away: the engine, which keeps a budget of its own, is not here.
        answers.append(await desk.cancel(rig.order("buy", price=rig.below(3))))
    for answered in answers:
        assert answered.answer is Answer.REJECTED
        is_sentence(answered.reason)
    refused = [one for one in answers if one.unsent or one.retry_ns]
    assert all(one.retry_ns > 0 for one in refused)
    assert rig.bans() == 0
