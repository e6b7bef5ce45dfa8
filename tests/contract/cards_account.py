"""The account: what a report holds, what the stream and the report have in common, and who else is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from kedge.model.events import BalanceNews, CashNews, FillNews, LinkDown, OrderNews
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Fill
from tests.contract.cards import card
from tests.contract.desk import SECOND, Desk, is_sentence, total
from tests.contract.rig import Rig

MANY = 260


def _ids(fills: tuple[Fill, ...] | list[Fill]) -> list[str]:
    return [fill.exec_id for fill in fills]


async def _trade(rig: Rig, desk: Desk, times: int = 1) -> None:
    for _ in range(times):
        await desk.filled(rig.order("buy"))


# ── the report ──────────────────────────────────────────────────────────────────────────────────


@card(501, "report-empty", "The report of a new account is whole and empty, with its money and instruments")
async def report_empty(rig: Rig) -> None:
    desk = await rig.up()
    before_ns = rig.now_ns()
    report = await desk.report()
    assert (report.open_orders, report.fills) == ((), ())
    assert [one for one in report.positions if one.qty] == []
    assert before_ns <= report.asked_ns <= rig.now_ns()
    assert report.cursor
    assert not report.clipped
    told = {one.asset: one.total for one in report.balances if one.total}
    true = rig.true_balances()
    assert told == true
    assert rig.symbol in {one.symbol for one in report.instruments}


@card(502, "report-orders", "Every open order is in the report, of every market, and nothing that has ended")
async def report_orders(rig: Rig) -> None:
    desk = await rig.up()
    orders = [rig.order("buy", price=rig.below(3 + number)) for number in range(4)]
    for order in orders:
        await desk.rest(order)
    await desk.cancel(orders[0])
    await desk.end_of(orders[0])
    report = await desk.report()
    told = {one.client_id: one for one in report.open_orders}
    assert sorted(told) == sorted(one.client_id for one in orders[1:])
    for order in orders[1:]:
        one = told[order.client_id]
        assert (one.price, one.qty, one.state, one.symbol) == (order.price, order.qty, State.OPEN, rig.symbol)


@card(503, "report-fills", "The fills of the report are those of the stream, under the same ids")
async def report_fills(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    await _trade(rig, desk, 3)
    report = await desk.report(cursor)
    reported = {fill.exec_id: fill for fill in report.fills}
    streamed = {fill.exec_id: fill for fill in desk.fills()}
    assert sorted(reported) == sorted(streamed)
    assert len(reported) == len(rig.true_fills())
    for exec_id, fill in streamed.items():
        assert reported[exec_id] == fill


@card(504, "cursor-moves", "The cursor moves on; fills that are told again by an overlap have the same ids")
async def cursor_moves(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    await _trade(rig, desk, 2)
    first = await desk.report(cursor)
    await _trade(rig, desk)
    second = await desk.report(first.cursor)
    third = await desk.report(cursor)
    assert (
        set(_ids(first.fills)) | set(_ids(second.fills)) == set(_ids(third.fills)) == set(_ids(desk.fills()))
    )
    new = [one for one in _ids(second.fills) if one not in _ids(first.fills)]
    assert len(new) == len(rig.true_fills()) - len(first.fills)
    # Much later nothing but the overlap is told again.
    await rig.idle(2 * rig.rules().fills_overlap_ns / SECOND)
    moved = (await desk.report(second.cursor)).cursor
    await rig.idle(2 * rig.rules().fills_overlap_ns / SECOND)
    assert len((await desk.report(moved)).fills) < len(third.fills)


@card(505, "report-missed", "Fills that were made while nobody listened are in the next report")
async def report_missed(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", qty=rig.lot * 2, price=rig.mid)
    await desk.rest(order)
    cursor = (await desk.report()).cursor
    since = desk.mark()
    rig.away(True)
    await desk.until(LinkDown)
    rig.counter("sell", order.qty, order.price)
    rig.away(False)
    await desk.linked_again(since)
    report = await desk.report(cursor)
    mine = [fill for fill in report.fills if fill.client_id == order.client_id]
    assert total(mine) == order.qty
    assert order.client_id not in {one.client_id for one in report.open_orders}


@card(506, "report-pages", "Hundreds of fills come whole, over many pages, none missing and none twice")
async def report_pages(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    await _many_fills(rig, desk)
    report = await desk.report(cursor)
    assert len(_ids(report.fills)) == len(set(_ids(report.fills))) == len(rig.true_fills()) >= MANY
    assert set(_ids(report.fills)) == set(_ids(desk.fills()))


async def _many_fills(rig: Rig, desk: Desk) -> None:
    """One order, filled in as many parts."""
    rig.enrich()
    least = rig.lot / 5 if rig.lot < 1 else rig.lot
    order = rig.order("buy", qty=least * MANY, price=rig.mid)
    await desk.rest(order)
    for _ in range(MANY):
        rig.counter("sell", least, order.price)
        await asyncio.sleep(0.05)
    await desk.end_of(order, within_s=60)
    await desk.holds(lambda: len(desk.fills()) == len(rig.true_fills()))


@card(507, "report-shifting", "Pages that shift while they are turned lose no fill and no order", "shifting")
async def report_shifting(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    await _many_fills(rig, desk)
    resting = [rig.order("buy", price=rig.below(3 + number)) for number in range(3)]
    for order in resting:
        await desk.rest(order)
    last = rig.order("buy", qty=rig.lot * 30, price=rig.mid)
    await desk.rest(last)
    rig.shift()  # type: ignore[attr-defined]
    asking = rig.loop.create_task(desk.venue.report(cursor))
    for _ in range(30):
        await asyncio.sleep(0.002)
        rig.counter("sell", rig.lot, rig.mid)
    report = await asking
    assert isinstance(report, AccountReport)
    await desk.holds(lambda: len(desk.fills()) == len(rig.true_fills()))
    assert set(_ids(desk.fills())) == {*_ids(report.fills), *_ids((await desk.report(report.cursor)).fills)}
    assert {one.client_id for one in report.open_orders} >= {one.client_id for one in resting}


@card(
    508, "report-failed", "A report that cannot be had is a sentence; one that lacks a page says so", "http"
)
async def report_failed(rig: Rig) -> None:
    desk = await rig.up()
    await _trade(rig, desk)
    rig.questions_fail(True)  # type: ignore[attr-defined]
    report = await desk.venue.report("")
    if isinstance(report, str):
        is_sentence(report)
    else:
        assert not report.complete
    rig.questions_fail(False)  # type: ignore[attr-defined]
    assert len((await desk.report()).fills) == len(rig.true_fills())


@card(509, "report-part", "When any one question fails the report is not called complete", "http")
async def report_part(rig: Rig) -> None:
    desk = await rig.up()
    await _trade(rig, desk)
    await desk.rest(rig.order("buy", price=rig.below(3)))
    paths = rig.questions_of_report(await _asked(rig, desk))  # type: ignore[attr-defined]
    assert len(paths) >= 3
    for path in paths:
        rig.question_fails(path)  # type: ignore[attr-defined]
        report = await desk.venue.report("")
        assert isinstance(report, str) or not report.complete, path
    rig.question_fails("")  # type: ignore[attr-defined]
    await desk.report()


async def _asked(rig: Rig, desk: Desk) -> list[str]:
    """What one report asks."""
    before = len(rig.script.asked)  # type: ignore[attr-defined]
    await desk.report()
    asked: list[str] = rig.script.asked[before:]  # type: ignore[attr-defined]
    return asked


@card(510, "report-strange-cursor", "A cursor that is not ours is a sentence, never a crash")
async def report_strange_cursor(rig: Rig) -> None:
    desk = await rig.up()
    for cursor in ("x", "{}", "-1", "[1,2", "9" * 40):
        report = await desk.venue.report(cursor)
        assert isinstance(report, AccountReport | str)
        if isinstance(report, str):
            is_sentence(report)


# ── positions and money ─────────────────────────────────────────────────────────────────────────


@card(
    521, "positions", "Positions are signed, long and short, with the price they were entered at", "contracts"
)
async def positions(rig: Rig) -> None:
    desk = await rig.up()
    await desk.filled(rig.order("buy", qty=rig.lot * 2))
    for qty in (2, -1):
        report = await desk.report()
        held = {one.symbol: one for one in report.positions if one.qty}
        assert held[rig.symbol].qty == rig.lot * qty == rig.position()
        assert abs(held[rig.symbol].price - rig.mid) < rig.mid / 100
        if qty > 0:
            await desk.filled(rig.order("sell", qty=rig.lot * 3))
    await desk.filled(rig.order("buy"))
    assert not [one for one in (await desk.report()).positions if one.qty]


@card(522, "balances", "Balances of the report and of the stream are the exchange's after a trade")
async def balances(rig: Rig) -> None:
    desk = await rig.up()
    await desk.filled(rig.order("buy"))
    news = await desk.until(BalanceNews)
    assert news.balances
    await asyncio.sleep(2)
    true = rig.true_balances()
    streamed = {one.asset: one.total for said in desk.all(BalanceNews) for one in said.balances if one.total}
    reported = {one.asset: one.total for one in (await desk.report()).balances if one.total}
    assert reported == true
    assert all(true[asset] == amount for asset, amount in streamed.items())


@card(523, "balances-held", "What a resting order holds is not free")
async def balances_held(rig: Rig) -> None:
    desk = await rig.up()
    terms = rig.terms()
    before = {one.asset: one for one in (await desk.report()).balances}
    order = rig.order("buy", qty=rig.lot * 10, price=rig.below(3))
    await desk.rest(order)
    after = {one.asset: one for one in (await desk.report()).balances}
    assert after[terms.settle].free < before[terms.settle].free
    assert after[terms.settle].total == before[terms.settle].total


@card(524, "funding", "Funding is cash, told once: by the stream and the report under one id", "contracts")
async def funding(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    await desk.filled(rig.order("buy", qty=rig.lot * 10))
    rig.control("fund", symbol=rig.inside, rate="0.001")
    await rig.idle(30)
    true = rig.window.cash("").items
    assert len(true) == 1
    report = await desk.report(cursor)
    told = [cash for cash in report.cash if cash.kind == "funding"]
    assert [(one.asset, one.amount, one.symbol) for one in told] == [
        (true[0].asset, true[0].amount, rig.symbol)
    ]
    streamed = [news.cash for news in desk.all(CashNews) if news.cash.kind == "funding"]
    assert {one.cash_id for one in streamed} <= {told[0].cash_id}
    assert all(one == told[0] for one in streamed)
    assert true[0].amount < 0, "who is long pays a positive rate"


@card(525, "transfer", "Money that comes from outside is cash of its own, or at least in the balances")
async def transfer(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    asset = rig.terms().settle
    before = {one.asset: one.total for one in (await desk.report()).balances}
    rig.control("deposit", account=rig.view.account, asset=asset, amount="7")
    await rig.idle(30)
    report = await desk.report(cursor)
    assert {one.asset: one.total for one in report.balances}[asset] == before.get(asset, Decimal(0)) + 7
    cash = [one for one in (*report.cash, *(n.cash for n in desk.all(CashNews))) if one.amount == 7]
    assert all((one.kind, one.asset) == ("transfer", asset) for one in cash)
    assert len({one.cash_id for one in cash}) <= 1


@card(
    526, "liquidation", "A liquidation is told as fills of its kind, and so is it in the report", "contracts"
)
async def liquidation(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    await desk.filled(rig.ruinous())
    rig.control("liquidate", account=rig.view.account, symbol=rig.inside)
    await asyncio.sleep(5)
    assert rig.position() == 0
    true = [fill for fill in rig.true_fills() if fill.kind != "trade"]
    assert true
    await desk.holds(lambda: len(desk.fills()) == len(rig.true_fills()), 60)
    report = await desk.report(cursor)
    assert sorted(_ids(report.fills)) == sorted(_ids(desk.fills()))
    forced = [fill for fill in report.fills if fill.kind != "trade"]
    assert total(forced) == total(true)
    assert {fill.kind for fill in forced} <= {"liquidation", "adl"}


@card(527, "others-orders", "Orders and fills of others on the account are told under their own ids, or none")
async def others_orders(rig: Rig) -> None:
    desk = await rig.up()
    cursor = (await desk.report()).cursor
    somebody = await rig.join(account=f"{rig.venue}/elsewhere" if rig.venue != "paper" else "paper/main")
    await asyncio.sleep(2)
    resting = rig.order("buy", price=rig.below(3), client_id=rig.stranger_id(1))
    taking = rig.order("buy", client_id=rig.stranger_id(2))
    await somebody.rest(resting)
    await somebody.filled(taking)
    await desk.holds(lambda: desk.fills() and desk.orders(resting.client_id), 30)
    report = await desk.report(cursor)
    assert [one.client_id for one in report.open_orders] == [resting.client_id]
    assert {fill.client_id for fill in report.fills} <= {taking.client_id, ""}
    assert sorted(_ids(report.fills)) == sorted(_ids(desk.fills()))
    assert total(report.fills) == taking.qty


# ── two accounts ────────────────────────────────────────────────────────────────────────────────


@card(531, "two-accounts", "Two accounts of one venue side by side hear nothing of each other")
async def two_accounts(rig: Rig) -> None:
    one = await rig.up()
    two = await rig.second()
    await asyncio.sleep(2)
    mine, theirs = rig.order("buy", price=rig.below(3)), rig.order("buy", price=rig.below(4))
    await one.rest(mine)
    await two.rest(theirs)
    await one.filled(rig.order("buy"))
    await asyncio.sleep(3)
    assert one.account != two.account
    for desk, order, other in ((one, mine, theirs), (two, theirs, mine)):
        assert desk.orders(other.client_id) == []
        assert [o.client_id for o in (await desk.report()).open_orders] == [order.client_id]
        assert all(news.account == desk.account for news in desk.all(OrderNews))
    assert two.all(FillNews) == []
    assert (await two.report()).fills == ()
    assert (await two.cancel(mine)).answer is Answer.REJECTED
    assert (await two.lookup(mine)).order is None
    assert rig.is_live(mine)


# ── the dead-man switch and settings ────────────────────────────────────────────────────────────


@card(
    541, "dead-man-cut", "The dead-man switch cancels what rests when the desk does not come back", "dead_man"
)
async def dead_man_cut(rig: Rig) -> None:
    await _dies_armed(rig, rig.cut)


@card(
    542,
    "dead-man-silent",
    "The dead-man switch cancels also when nobody told the venue that the desk is dead",
    "dead_man",
)
async def dead_man_silent(rig: Rig) -> None:
    await _dies_armed(rig, rig.half_open)


async def _dies_armed(rig: Rig, dies: Callable[[], None]) -> None:
    desk = await rig.up(dead_man_ns=20 * SECOND)
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await asyncio.sleep(5)
    await rig.mute(desk)
    dies()
    await desk.holds(lambda: not rig.is_live(order), 120)


@card(
    543,
    "dead-man-rests",
    "The dead-man switch does not fire while the desk lives, however quiet it is",
    "dead_man",
)
async def dead_man_rests(rig: Rig) -> None:
    desk = await rig.up(dead_man_ns=20 * SECOND)
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await rig.idle(300)
    assert rig.is_live(order)
    assert desk.all(LinkDown) == []


@card(544, "dead-man-off", "Without the setting nothing is cancelled by the venue, whoever dies")
async def dead_man_off(rig: Rig) -> None:
    desk = await rig.up()
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    await rig.mute(desk)
    rig.cut()
    await rig.idle(300)
    assert rig.is_live(order)


@card(
    545,
    "leverage",
    "The leverage of the settings is set when the link begins, and not again",
    "contracts",
    "leverage",
)
async def leverage(rig: Rig) -> None:
    desk = await rig.up(leverage={rig.symbol: Decimal(3)})
    await desk.watch(rig.symbol)
    await asyncio.sleep(3)
    assert rig.window.inner.leverage(rig.view.account, rig.inside) == 3
    assert desk.linked


@card(
    546,
    "leverage-wrong",
    "A leverage that the venue does not allow is said, and nothing trades unnoticed at another",
    "contracts",
    "leverage",
)
async def leverage_wrong(rig: Rig) -> None:
    desk = await rig.join(linked=False, leverage={rig.symbol: Decimal(1000)})
    await asyncio.sleep(10)
    said = [*(down.why for down in desk.all(LinkDown)), desk.trouble]
    assert any("leverage" in one.lower() for one in said), said


@card(547, "leverage-spot", "Leverage of something that has none is said", "leverage")
async def leverage_spot(rig: Rig) -> None:
    desk = await rig.join(linked=False, leverage={rig.strange: Decimal(3)})
    await asyncio.sleep(10)
    said = [*(down.why for down in desk.all(LinkDown)), desk.trouble]
    assert any("leverage" in one.lower() for one in said), said


@card(
    548,
    "margin",
    "The margin mode of the settings is set when the link begins, or it is said",
    "contracts",
    "leverage",
)
async def margin(rig: Rig) -> None:
    desk = await rig.join(linked=False, margin="isolated", leverage={rig.symbol: Decimal(3)})
    await asyncio.sleep(10)
    assert rig.asked("argin") > 0  # type: ignore[attr-defined]
    said = [*(down.why for down in desk.all(LinkDown)), desk.trouble]
    assert desk.linked or any("margin" in one for one in said), said
