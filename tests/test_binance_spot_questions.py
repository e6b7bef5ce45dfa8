"""What the Binance spot adapter asks of the account: one order by every way there is, and the whole of it.

The whole is what a restart stands on: nothing told twice, nothing dropped, no stranger's name on our fill.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from binance_kit import (
    ID,
    MS,
    START_NS,
    SYMBOL,
    World,
    execution,
    in_world,
    limit_order,
    order_said,
    refuse,
    symbol,
    trade_said,
)
from binance_kit import (
    Answer as Reply,
)

from kedge.model.events import LinkUp
from kedge.model.order import State
from kedge.model.venue import AccountReport, Ask
from kedge.venues.binance.spot.names import read_cursor
from kedge.venues.wires import NoReply

NOW_MS = START_NS // MS
HOUR_MS = 3_600_000
NOBODY = refuse(-2013, "Order does not exist.")
Rows = list[dict[str, Any]]


# ── one order ───────────────────────────────────────────────────────────────────────────────────


def by_name(**orders: dict[str, Any]) -> Any:
    """GET order, of orders by client id (`id_…`) and by number (`n…`)."""

    def answer(params: dict[str, Any]) -> Reply:
        name = params.get("origClientOrderId")
        key = f"id_{name}" if name is not None else f"n{params['orderId']}"
        return (200, orders[key]) if key in orders else NOBODY

    return answer


def test_an_order_is_found_by_its_own_id() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.on["GET", "/api/v3/order"] = by_name(**{f"id_{ID}": order_said(executedQty="0.2")})
        found = await venue.lookup(Ask(ID, SYMBOL))
        assert found.order is not None
        assert (found.order.client_id, found.order.cum_qty) == (ID, Decimal("0.2"))
        assert (found.error, found.asked_ns) != ("", 0)

    in_world(test)


def test_a_cancelled_order_is_found_by_the_name_that_our_cancel_gave_it() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        renamed = order_said(f"c-{ID}", status="CANCELED", executedQty="0.1")
        world.on["GET", "/api/v3/order"] = by_name(**{f"id_c-{ID}": renamed})
        found = await venue.lookup(Ask(ID, SYMBOL))
        assert found.order is not None
        assert (found.order.client_id, found.order.state) == (ID, State.CANCELLED)
        assert found.order.cum_qty == Decimal("0.1")

    in_world(test)


def test_an_order_that_somebody_else_cancelled_is_found_by_its_number() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.event(execution())  # number 7 is ours
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said("web_xyz", status="CANCELED"))
        found = await venue.lookup(Ask(ID, SYMBOL))
        assert found.order is not None
        assert (found.order.client_id, found.order.state) == (ID, State.CANCELLED)

    in_world(test)


def test_an_order_that_lookups_do_not_show_yet_is_found_in_the_lists() -> None:
    for path in ("/api/v3/openOrders", "/api/v3/allOrders"):

        async def test(world: World, path: str = path) -> None:
            venue = await world.up()
            older = order_said(orderId=3, status="EXPIRED")
            listed = [older, order_said(), order_said("f" * 32, orderId=9)]
            world.on["GET", path] = lambda _: (200, listed)
            found = await venue.lookup(Ask(ID, SYMBOL))
            assert found.order is not None
            assert (found.order.venue_id, found.order.state) == ("7", State.OPEN)

        in_world(test)


def test_not_found_is_said_when_every_place_has_answered() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        before = len(world.asked)
        found = await venue.lookup(Ask(ID, SYMBOL))
        assert (found.order, found.error) == (None, "")
        assert [path for _, path, _, _ in world.asked[before:]] == [
            "/api/v3/order",
            "/api/v3/order",
            "/api/v3/openOrders",
            "/api/v3/allOrders",
        ]

    in_world(test)


def test_a_place_that_does_not_answer_leaves_the_question_open() -> None:
    broken: list[Reply] = [
        NoReply("reset"),
        None,
        (500, b"<html>"),
        refuse(-1021, "Timestamp for this request is outside of the recvWindow."),
        (200, {"what": 1}),
    ]
    for path in ("/api/v3/order", "/api/v3/openOrders", "/api/v3/allOrders"):
        for reply in broken:

            async def test(world: World, path: str = path, reply: Reply = reply) -> None:
                venue = await world.up()
                world.on["GET", path] = lambda _: reply
                found = await venue.lookup(Ask(ID, SYMBOL))
                assert found.order is None
                assert found.error

            in_world(test)


def test_an_answer_about_another_order_is_none() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.on["GET", "/api/v3/order"] = lambda _: (200, order_said("f" * 32))
        assert "another order" in (await venue.lookup(Ask(ID, SYMBOL))).error

    in_world(test)


def test_without_a_link_nothing_is_known() -> None:
    async def test(world: World) -> None:
        assert "not connected" in (await world.venue.lookup(Ask(ID, SYMBOL))).error
        assert "not connected" in str(await world.venue.report(""))

    in_world(test)


# ── everything ──────────────────────────────────────────────────────────────────────────────────


class Past:
    """The venue's trades, served as GET myTrades serves them."""

    def __init__(self, world: World, rows: Rows) -> None:
        self.rows = rows
        self.page_most = 1_000
        world.on["GET", "/api/v3/myTrades"] = self.answer

    def answer(self, params: dict[str, Any]) -> Reply:
        rows = sorted((r for r in self.rows if r["symbol"] == params["symbol"]), key=lambda r: r["id"])
        limit = min(int(params["limit"]), self.page_most)
        if "fromId" in params:
            return 200, [r for r in rows if r["id"] >= int(params["fromId"])][:limit]
        if "startTime" in params:
            since, until = int(params["startTime"]), int(params["endTime"])
            assert until - since <= 24 * HOUR_MS, "longer than the venue takes"
            return 200, [r for r in rows if since <= r["time"] <= until][:limit]
        return 200, rows[-limit:]


async def reported(world: World, cursor: str = "") -> AccountReport:
    report = await world.venue.report(cursor)
    assert isinstance(report, AccountReport), report
    return report


def ids(report: AccountReport) -> list[str]:
    return [fill.exec_id.split(":")[1] for fill in report.fills]


def test_a_report_asks_in_the_order_of_the_contract() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.account = {
            "canTrade": True,
            "balances": [{"asset": "USDT", "free": "90", "locked": "10"}],
        }
        await venue.watch([SYMBOL])
        await world.pause(1)
        world.on["GET", "/api/v3/openOrders"] = lambda _: (200, [order_said()])
        Past(world, [trade_said(5)])
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said())
        before = len(world.asked)
        report = await reported(world)
        asked = [path for _, path, _, _ in world.asked[before:] if path != "/api/v3/depth"]
        assert asked == [
            "/api/v3/openOrders",
            "/api/v3/myTrades",
            "/api/v3/account",
            "/api/v3/openOrders",
        ]
        assert report.complete
        assert not report.clipped
        assert [order.client_id for order in report.open_orders] == [ID]
        assert [(fill.client_id, fill.exec_id) for fill in report.fills] == [(ID, "BTCUSDT:5:buy")]
        assert report.balances[0].total == 100
        assert [i.symbol for i in report.instruments] == [SYMBOL]
        assert report.positions == report.cash == ()

    in_world(test)


def test_the_next_report_goes_on_where_this_one_ended() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said())
        past = Past(world, [trade_said(n, time=NOW_MS - HOUR_MS) for n in (3, 5)])
        first = await reported(world)
        assert ids(first) == ["3", "5"]
        past.rows += [trade_said(8), trade_said(9)]
        second = await reported(world, first.cursor)
        assert ids(second) == ["5", "8", "9"], "the one it begins at shows that the venue remembers"
        assert ids(await reported(world, second.cursor)) == ["8", "9"], "what is young may be shown late"
        assert not second.clipped

    in_world(test)


def test_many_trades_are_paged_while_more_come() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said())
        past = Past(world, [trade_said(1, time=NOW_MS - HOUR_MS)])
        cursor = (await reported(world)).cursor
        past.rows += [trade_said(n) for n in range(2, 2_502)]
        ask = past.answer

        def more(params: dict[str, Any]) -> Reply:
            past.rows.append(trade_said(len(past.rows) + 1))
            return ask(params)

        world.on["GET", "/api/v3/myTrades"] = more
        found = [int(one) for one in ids(await reported(world, cursor))]
        assert sorted(found) == list(range(1, len(found) + 1))
        assert len(found) >= 2_501

    in_world(test)


def test_a_venue_that_has_lost_its_memory_is_read_from_its_beginning() -> None:
    """The test network does that every month: numbers begin anew, below ours."""

    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said())
        past = Past(world, [trade_said(900, time=NOW_MS - HOUR_MS)])
        cursor = (await reported(world)).cursor
        past.rows = [trade_said(1), trade_said(2)]
        report = await reported(world, cursor)
        assert report.clipped
        assert ids(report) == ["1", "2"]
        assert not (await reported(world, report.cursor)).clipped

    in_world(test)


def test_a_symbol_first_traded_just_before_a_crash_is_not_missed() -> None:
    """No cursor names it, and the reports since may not have asked for it: its order says since when."""

    async def test(world: World) -> None:
        world.symbols = [symbol(), symbol("ETHUSDT")]
        await world.up()
        first = await reported(world)
        traded_ms = world.venue_ms() + HOUR_MS
        await world.pause(7_200)
        second = await reported(world, first.cursor)  # ETHUSDT is in nobody's mind yet
        order = order_said(symbol="ETHUSDT", status="FILLED", time=traded_ms, updateTime=traded_ms)
        world.on["GET", "/api/v3/order"] = by_name(**{f"id_{ID}": order, "n7": order})
        Past(world, [trade_said(4, symbol="ETHUSDT", time=traded_ms)])
        assert (await world.venue.lookup(Ask(ID, "ETHUSDT"))).order is not None
        third = await reported(world, second.cursor)
        assert [(fill.client_id, fill.symbol) for fill in third.fills] == [(ID, "ETHUSDT")]

    in_world(test)


def test_what_was_traded_on_pairs_that_are_held_is_asked_once_a_connection() -> None:
    async def test(world: World) -> None:
        world.symbols = [symbol(), symbol("ETHUSDT"), symbol("XRPUSDT")]
        held = [{"asset": asset, "free": "1", "locked": "0"} for asset in ("ETH", "USDT")]
        world.account = {"canTrade": True, "balances": held}
        await world.up()
        first = await reported(world)
        assert [p["symbol"] for p in world.questions("/api/v3/myTrades")] == ["ETHUSDT"]
        await reported(world, first.cursor)
        assert len(world.questions("/api/v3/myTrades")) == 1
        world.private.cut()
        await world.until(LinkUp, 2)
        await reported(world, first.cursor)
        assert len(world.questions("/api/v3/myTrades")) == 2

    in_world(test)


def test_more_trades_than_a_page_since_then_are_walked_by_days() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        first = await reported(world)
        await venue.watch([SYMBOL])
        await world.pause(26 * 3_600)
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said())
        old = [trade_said(n, time=NOW_MS - 10 * HOUR_MS) for n in range(1, 500)]
        new = [trade_said(n, time=NOW_MS + 25 * HOUR_MS) for n in range(500, 1_700)]
        Past(world, old + new)
        report = await reported(world, first.cursor)
        assert report.complete
        assert [int(one) for one in ids(report)] == list(range(500, 1_700))

    in_world(test)


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def test_trades_of_many_orders_are_named_by_pages_of_orders() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        Past(world, [trade_said(n, order_id=n, time=NOW_MS - HOUR_MS) for n in range(1, 41)])
        orders = [order_said(f"{n:032x}", orderId=n, status="FILLED") for n in range(1, 39)]
        world.on["GET", "/api/v3/allOrders"] = lambda p: (
            200,
            [o for o in orders if o["orderId"] >= int(p["orderId"])],
        )
        world.on["GET", "/api/v3/order"] = by_name(n39=order_said("c-" + ID, orderId=39))
        report = await reported(world)
        assert report.complete
        named = {fill.venue_id: fill.client_id for fill in report.fills}
        assert named["7"] == f"{7:032x}"
        assert named["39"] == ID, "by the name that our cancel gave it"
        assert named["40"] == "", "told, though nobody knows whose it is"
        assert len(world.questions("/api/v3/allOrders")) == 1

    in_world(test)


def test_a_fill_whose_order_cannot_be_asked_for_waits_for_the_next_report() -> None:
    """Told without its name it would be booked as a stranger's, for good."""

    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        Past(world, [trade_said(1)])
        world.on["GET", "/api/v3/order"] = lambda _: (500, b"")
        report = await reported(world)
        assert not report.complete
        assert report.fills == ()
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said())
        again = await reported(world, report.cursor)
        assert again.complete
        assert [fill.client_id for fill in again.fills] == [ID]

    in_world(test)


def test_an_order_renamed_while_we_were_away_keeps_its_name() -> None:
    """It was open at the last report; then its desk died, and somebody cancelled it by hand."""

    async def before(world: World) -> None:
        await world.up()
        world.on["GET", "/api/v3/openOrders"] = lambda _: (200, [order_said()])
        cursors.append((await reported(world)).cursor)

    async def after(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        Past(world, [trade_said(1)])
        world.on["GET", "/api/v3/order"] = by_name(n7=order_said("web_xyz", status="CANCELED"))
        report = await reported(world, cursors[0])
        assert [fill.client_id for fill in report.fills] == [ID]

    cursors: list[str] = []
    in_world(before)
    in_world(after)


def test_an_open_order_is_listed_under_its_own_name() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.event(execution())
        world.on["GET", "/api/v3/openOrders"] = lambda _: (200, [order_said("renamed")])
        report = await reported(world)
        assert [order.client_id for order in report.open_orders] == [ID]

    in_world(test)


# ── what is missing ─────────────────────────────────────────────────────────────────────────────


def test_a_page_that_is_missing_makes_a_report_incomplete_and_moves_no_cursor() -> None:
    for path in ("/api/v3/myTrades", "/api/v3/account"):

        async def test(world: World, path: str = path) -> None:
            venue = await world.up()
            await venue.watch([SYMBOL])
            good = world.on["GET", path]
            world.on["GET", path] = lambda _: NoReply("reset")
            report = await reported(world)
            assert not report.complete
            cursor = read_cursor(report.cursor)
            assert cursor.since == 0  # type: ignore[union-attr]
            world.on["GET", path] = good
            assert (await reported(world, report.cursor)).complete

        in_world(test)


def test_without_open_orders_there_is_no_report() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.on["GET", "/api/v3/openOrders"] = lambda _: refuse(-1003, "Too many requests", 429)
        assert "too many requests" in str(await world.venue.report(""))

    in_world(test)


def test_the_second_list_of_orders_counts_and_the_first_serves_where_it_fails() -> None:
    async def test(world: World) -> None:
        await world.up()
        replies: list[Reply] = [(200, [order_said()]), (200, []), (200, [order_said()]), (500, b"")]
        world.on["GET", "/api/v3/openOrders"] = lambda _: replies.pop(0)
        ended = await reported(world)
        assert (ended.open_orders, ended.complete) == ((), True)
        failed = await reported(world)
        assert (len(failed.open_orders), failed.complete) == (1, False)

    in_world(test)


def test_a_cursor_of_another_venue_is_told() -> None:
    async def test(world: World) -> None:
        await world.up()
        assert "not one of Binance spot" in str(await world.venue.report("17/4"))

    in_world(test)


def test_a_question_keeps_to_the_budget_and_a_deed_has_the_reserve() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.headers = {"x-mbx-used-weight-1m": "4490"}
        at_s = world.loop.time()
        looking = asyncio.ensure_future(venue.lookup(Ask(ID, SYMBOL)))
        await world.pause(1)
        world.headers = {}
        world.ws["order.place"] = lambda p: (200, order_said())
        before_s = world.loop.time()
        await venue.place(limit_order())
        assert world.loop.time() - before_s < 1, "a deed has the reserve"
        found = await looking
        assert (found.order, found.error) == (None, "")
        assert world.loop.time() - at_s > 50, "others behind this address were counted"

    in_world(test)
