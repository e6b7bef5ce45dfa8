"""Keys, stop orders without names, and hours: what the Moscow Exchange by T-Invest asks of an adapter."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from msgspec.structs import replace

from kedge.model.events import BookLost, BookUpdate, CashNews, LookedUp
from kedge.model.order import State
from kedge.model.venue import Answer, Ask, PlaceOrder
from kedge.sim.testnet.faults import Fault
from tests.contract.cards import card
from tests.contract.desk import SECOND, TAKEN, Desk, is_sentence
from tests.contract.rig import Rig

HOUR_NS = 3600 * SECOND
LAG = Fault("lookup_lag", count=0, delay_ns=8 * SECOND)


async def _ask(desk: Desk, order: PlaceOrder, burn: bool = False, venue_id: str = "") -> LookedUp:
    asked_ns = order.valid_until_ns - 5 * SECOND
    return await desk.venue.lookup(Ask(order.client_id, order.symbol, order, venue_id, asked_ns, burn))


async def _burnt(desk: Desk, order: PlaceOrder) -> None:
    said = await _ask(desk, order)
    assert (said.order, said.error, said.burnt) == (None, "", False), "absence alone proves nothing"
    said = await _ask(desk, order, burn=True)
    assert (said.order, said.error, said.burnt) == (None, "", True), said


# ── keys ────────────────────────────────────────────────────────────────────────────────────────


@card(
    601, "burn", "The key of a lost order is used up; its request comes too late, and has no effect", "burns"
)
async def burn(rig: Rig) -> None:
    desk = await rig.up()
    for side in ("buy", "sell"):
        order = rig.order(side, price=rig.below(3) if side == "buy" else rig.above(3))  # type: ignore[arg-type]
        rig.fault("request_lost", order)
        assert (await desk.place(order)).answer is Answer.UNKNOWN
        await _burnt(desk, order)
        late = replace(order, valid_until_ns=rig.now_ns() + 5 * SECOND)
        assert (await desk.place(late)).answer in (Answer.UNKNOWN, Answer.REJECTED)
        again = await _ask(desk, order)
        assert (again.order, again.burnt) == (None, True), "what burnt the key is not taken for the order"
    assert rig.window.open_orders("") == ()
    assert rig.true_fills() == []


async def _first_was_there(rig: Rig, duplicates: str) -> None:
    desk = await rig.up()
    rig.strike(Fault("duplicates", value=duplicates))  # type: ignore[attr-defined]
    rig.strike(LAG)  # type: ignore[attr-defined]
    for waits in (False, True):
        order = rig.stop("sell", rig.below(2)) if waits else rig.order("buy", price=rig.below(3))
        rig.fault("reply_lost", order)
        assert (await desk.place(order)).answer is Answer.UNKNOWN
        said = await _ask(desk, order, burn=True)
        assert not said.burnt, "its key was used by the order itself"
        await asyncio.sleep(20)
        found = (await _ask(desk, order, burn=True)).order
        assert found is not None
        assert (found.client_id, found.state, found.qty) == (order.client_id, State.OPEN, order.qty)
        assert rig.is_live(order)
    assert len(rig.window.open_orders("")) == 2


@card(602, "burn-shown", "A key that its order has used is not burnt: the venue shows the order", "burns")
async def burn_shown(rig: Rig) -> None:
    await _first_was_there(rig, "state")


@card(
    603, "burn-duplicate", "The same where the venue only says that the key is a duplicate (30057)", "burns"
)
async def burn_duplicate(rig: Rig) -> None:
    await _first_was_there(rig, "error")


@card(
    604,
    "stops-by-fields",
    "After a restart two stop orders alike in every field are found by them, each for one order",
    "burns",
    "stops",
)
async def stops_by_fields(rig: Rig) -> None:
    first = await rig.up()
    orders = [rig.stop("sell", rig.below(2)) for _ in range(2)]
    for order in orders:
        await first.rest(order)
    await first.close()
    desk = await rig.up()
    found = [(await _ask(desk, order)).order for order in orders]
    assert [one.client_id for one in found if one is not None] == [order.client_id for order in orders]
    assert len({one.venue_id for one in found if one is not None}) == 2
    third = rig.stop("sell", rig.below(2))
    said = await _ask(desk, third)
    assert (said.order, said.burnt) == (None, False), "both have an owner"
    rig.move(rig.below(3))
    for order in orders:
        assert (await desk.end_of(order)).state is State.FILLED
        await desk.holds(lambda order=order: len(desk.fills(order.client_id)) == len(rig.true_fills(order)))


@card(
    605,
    "stop-burnt",
    "The key of a lost stop order is used up, and what used it up is taken away",
    "burns",
    "stops",
)
async def stop_burnt(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.stop("sell", rig.below(2))
    rig.fault("request_lost", order)
    assert (await desk.place(order)).answer is Answer.UNKNOWN
    await _burnt(desk, order)
    await asyncio.sleep(2)
    assert rig.window.open_orders("") == ()
    assert (await desk.report()).open_orders == ()


# ── money ───────────────────────────────────────────────────────────────────────────────────────


@card(
    606,
    "fees-as-cash",
    "The commission of an order is cash, under one id in the stream and the report",
    "moex",
)
async def fees_as_cash(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    for side in ("buy", "sell"):
        await desk.filled(rig.order(side))  # type: ignore[arg-type]
    await rig.idle(90)
    report = await desk.report(cursor)
    told = {one.cash_id: one.amount for one in report.cash if one.kind == "fee"}
    streamed = {news.cash.cash_id: news.cash.amount for news in desk.all(CashNews)}
    assert sum(told.values()) == -rig.window.fees() < 0  # type: ignore[attr-defined]
    assert streamed == told


# ── hours ───────────────────────────────────────────────────────────────────────────────────────


@card(611, "calendar", "The hours of every instrument are the venue's own, for days ahead", "moex")
async def calendar(rig: Rig) -> None:
    rig.sessions = "calendar"  # type: ignore[attr-defined]
    desk = await rig.up()
    house = rig.hosted.house  # type: ignore[attr-defined]
    symbols = [rig.symbol, *[name for name, one in desk.instruments().items() if one.sector == "future"][:2]]
    for symbol in symbols:
        told = desk.instruments()[symbol]
        paper = next(one for one in house.papers() if one.ticker == symbol)
        for minutes in range(7, 6 * 24 * 60, 20):
            at_ns = rig.now_ns() + minutes * 60 * SECOND
            assert told.is_open(at_ns) == house.phase(paper, at_ns).trading, (symbol, minutes)


@card(
    612, "day-orders", "What is good for the day ends with it, and is told; a stop order stays", "day_orders"
)
async def day_orders(rig: Rig) -> None:
    rig.sessions = "calendar"  # type: ignore[attr-defined]
    desk = await rig.up()
    order, stop = rig.order("buy", price=rig.below(3)), rig.stop("sell", rig.below(20))
    for one in (order, stop):
        await desk.rest(one)
    closes_ns = max(
        session.close_ns
        for session in desk.instruments()[rig.symbol].sessions or ()
        if session.close_ns < rig.now_ns() + 12 * HOUR_NS
    )
    rig.tempo(5.0)
    await asyncio.sleep((closes_ns - rig.now_ns()) / SECOND - 60)
    assert rig.is_live(order)
    await asyncio.sleep(120)
    rig.tempo(0.1)
    end = await desk.end_of(order)
    assert (end.state, end.cum_qty) == (State.EXPIRED, 0)
    assert rig.is_live(stop)
    assert not desk.instruments()[rig.symbol].is_open(rig.now_ns())
    late = await desk.place(rig.order("buy", price=rig.below(3)))
    assert late.answer is Answer.REJECTED, late
    is_sentence(late.reason)
    report = await desk.report()
    assert [one.kind for one in report.open_orders] == ["stop"]


# ── prices ──────────────────────────────────────────────────────────────────────────────────────


@card(621, "torn", "A book that the venue itself calls torn is lost, and stands again with the next", "moex")
async def torn(rig: Rig) -> None:
    desk = await rig.up()
    await desk.watch(rig.symbol)
    await desk.until(BookUpdate)
    rig.strike(Fault("inconsistent_book"))  # type: ignore[attr-defined]
    rig.move(rig.above(1))
    await desk.until(BookLost)
    rig.move(rig.above(1))
    await desk.until(BookUpdate)


@card(622, "bonds", "A bond's price is percent in every message, and what it has accrued is cash", "moex")
async def bonds(rig: Rig) -> None:
    bond, inside = "SU26238RMFS4", "TQOB:SU26238RMFS4"
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    best = rig.window.inner.book(inside, 1)
    order = rig.order("buy", symbol=bond, qty=Decimal(7), price=best.asks[0].price)
    fills = await desk.filled(order)
    assert [(fill.qty, fill.price) for fill in fills] == [(Decimal(7), best.asks[0].price)]
    await rig.idle(90)
    report = await desk.report(cursor)
    paper = next(one for one in rig.hosted.house.papers() if one.ticker == bond)  # type: ignore[attr-defined]
    accrued = [one for one in report.cash if one.kind == "other"]
    assert [(one.asset, one.amount) for one in accrued] == [("RUB", -7 * paper.accrued(rig.now_ns()))]
    resting = rig.order("buy", symbol=bond, qty=Decimal(3), price=best.bids[0].price - Decimal(2))
    told = await desk.rest(resting)
    assert told.price == resting.price
    found = (await _ask(desk, resting)).order
    assert found is not None
    assert found.price == resting.price
    assert (await desk.cancel(resting)).answer in TAKEN
