"""Binance spot when the venue is slow to show things, when there is much to ask, and when orders run short.

A fill that is told to nobody stays nobody's; a report that never ends keeps an account closed; a limit of
orders must not hold up a cancel. Each of these has cost somebody money.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from binance_kit import (
    ID,
    START_NS,
    SYMBOL,
    World,
    in_world,
    limit_order,
    order_said,
    refuse,
    symbol,
    trade_said,
)

from kedge.model.events import BookLost, BookUpdate, LinkDown, LinkUp
from kedge.model.venue import AccountReport, Answer, Ask

DAY_MS = 24 * 3_600_000
WEIGHTS = {"/api/v3/depth": 50, "/api/v3/myTrades": 20, "/api/v3/account": 20, "/api/v3/exchangeInfo": 20}


async def reported(world: World, cursor: str = "") -> AccountReport:
    report = await world.venue.report(cursor)
    assert isinstance(report, AccountReport), report
    return report


# ── whose a fill is ─────────────────────────────────────────────────────────────────────────────


def test_a_young_trade_whose_order_is_not_shown_yet_waits_for_the_next_report() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        trade = trade_said(1, time=world.venue_ms())
        world.on["GET", "/api/v3/myTrades"] = lambda _: (200, [trade])
        report = await reported(world)
        assert (report.complete, report.fills) == (False, ())
        world.on["GET", "/api/v3/order"] = lambda _: (200, order_said())
        again = await reported(world, report.cursor)
        assert again.complete
        assert [fill.client_id for fill in again.fills] == [ID]

    in_world(test)


def test_a_trade_whose_order_is_never_shown_is_a_strangers_after_the_bound() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        trade = trade_said(1, time=world.venue_ms())
        world.on["GET", "/api/v3/myTrades"] = lambda _: (200, [trade])
        assert not (await reported(world)).complete
        await world.pause(13)
        report = await reported(world)
        assert report.complete
        assert [fill.client_id for fill in report.fills] == [""]

    in_world(test)


def test_the_first_report_of_a_desk_is_of_the_last_day() -> None:
    """What was before a desk's first life is not its own."""

    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        now_ms = world.venue_ms()
        rows = [trade_said(n, time=now_ms - (3 - n) * DAY_MS - 3_600_000) for n in (1, 2, 3)]
        world.on["GET", "/api/v3/order"] = lambda _: (200, order_said())
        world.on["GET", "/api/v3/myTrades"] = lambda _: (200, rows)
        assert [fill.exec_id for fill in (await reported(world)).fills] == ["BTCUSDT:3:buy"]

    in_world(test)


# ── much to ask ─────────────────────────────────────────────────────────────────────────────────


def test_an_account_with_many_symbols_is_reported_within_the_venues_limit() -> None:
    async def test(world: World) -> None:
        names = [f"A{n}USDT" for n in range(500)]
        world.symbols = [symbol(name) for name in names]
        left: list[tuple[float, int]] = []
        http = world.http

        async def counted(base: str, ask: Any, timeout_s: float) -> Any:
            path = ask.target.partition("?")[0]
            weight = 80 if path.endswith("openOrders") else WEIGHTS.get(path, 1)
            left.append((world.loop.time(), weight))
            return await http(base, ask, timeout_s)

        world.http = counted  # type: ignore[method-assign]
        venue = await world.up()
        await venue.watch(names)
        await world.pause(5)
        for name in names:
            data = {
                "e": "depthUpdate",
                "E": world.venue_ms(),
                "s": name,
                "U": 101,
                "u": 101,
                "b": [],
                "a": [],
            }
            world.stream(f"{name.lower()}@depth@100ms", data)
        report = await reported(world)
        assert report.complete
        assert world.loop.time() < 900
        looked_up = await venue.lookup(Ask(ID, names[0]))
        assert looked_up.error == ""
        while len({news.market: None for news in world.told(BookUpdate)}) < 500:
            assert world.loop.time() < 1_200
            await world.pause(10)
        for at_s, _ in left:
            assert sum(weight for then_s, weight in left if at_s <= then_s < at_s + 60) <= 6_000

    in_world(test)


def test_symbols_where_nothing_happens_are_asked_about_now_and_then() -> None:
    async def test(world: World) -> None:
        names = [SYMBOL, "ETHUSDT", "XRPUSDT"]
        world.symbols = [symbol(name) for name in names]
        venue = await world.up()
        await venue.watch(names)

        async def asked(cursor: str) -> tuple[str, list[str]]:
            before = len(world.questions("/api/v3/myTrades"))
            report = await reported(world, cursor)
            listed.append([one.symbol for one in report.instruments])
            return report.cursor, [p["symbol"] for p in world.questions("/api/v3/myTrades")[before:]]

        listed: list[list[str]] = []

        cursor, first = await asked("")
        assert first == names
        world.ws["order.place"] = lambda p: (200, order_said(symbol="ETHUSDT"))
        await venue.place(limit_order(symbol="ETHUSDT"))
        cursor, second = await asked(cursor)
        assert second == ["ETHUSDT"]
        # It rests; whatever it is that ends it, its symbol is asked about until it is gone.
        world.on["GET", "/api/v3/openOrders"] = lambda _: (200, [order_said(symbol="ETHUSDT")])
        cursor, _ = await asked(cursor)
        await world.pause(200)
        world.on["GET", "/api/v3/openOrders"] = lambda _: (200, [])
        cursor, third = await asked(cursor)
        assert third == ["ETHUSDT"]
        await world.pause(301)
        cursor, fourth = await asked(cursor)
        assert fourth == names
        # What is listed is told with everything, else only what the report is about.
        assert listed == [names, [], ["ETHUSDT"], [], names]


def test_a_report_that_began_before_the_line_was_cut_says_nothing_of_the_new_one() -> None:
    async def test(world: World) -> None:
        world.symbols = [symbol(), symbol("ETHUSDT")]
        held = [{"asset": asset, "free": "1", "locked": "0"} for asset in ("ETH", "USDT")]
        world.account = {"canTrade": True, "balances": held}
        await world.up()
        slow = asyncio.Event()
        http = world.http

        async def waiting(base: str, ask: Any, timeout_s: float) -> Any:
            if "openOrders" in ask.target:
                await slow.wait()
            return await http(base, ask, timeout_s)

        world.http = waiting  # type: ignore[method-assign]
        old = asyncio.ensure_future(world.venue.report(""))
        await world.pause(0.1)
        world.private.cut()
        await world.until(LinkUp, 2)
        slow.set()
        await old
        before = len(world.questions("/api/v3/myTrades"))
        await reported(world)
        assert [p["symbol"] for p in world.questions("/api/v3/myTrades")[before:]] == ["ETHUSDT"]

    in_world(test)


# ── orders that run short ───────────────────────────────────────────────────────────────────────


def test_orders_whose_answers_are_slow_count_when_they_leave() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.ws["order.place"] = lambda _: None
        names = [f"{ID[:-2]}{n:02x}" for n in range(60)]
        until_ns = START_NS + 3_600 * 10**9
        places = [
            asyncio.ensure_future(venue.place(limit_order(name, valid_until_ns=until_ns))) for name in names
        ]
        await world.pause(1)
        sent = [said for line in world.lines for said in line.heard if said["method"] == "order.place"]
        assert len(sent) == 50
        answers = [await place for place in places]
        assert [a.answer for a in answers].count(Answer.UNKNOWN) == 50
        assert [a.unsent for a in answers].count(True) == 10
        assert not [asked for asked in world.asked if asked[:2] == ("POST", "/api/v3/order")]

    in_world(test)


def test_too_many_orders_hold_up_orders_and_nothing_else() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        text = "Too many new orders; current limit is 160000 orders per 1 DAY."
        world.ws["order.place"] = lambda _: refuse(-1015, text, 429)
        refused = await venue.place(limit_order())
        assert (refused.answer, refused.unsent) == (Answer.REJECTED, False)
        assert refused.retry_ns == 0, "cancels need not wait"
        again = await venue.place(limit_order(ID[:-2] + "77"))
        assert again.unsent
        assert again.retry_ns > 30 * 10**9
        world.ws["order.cancel"] = lambda p: (
            200,
            order_said(p["newClientOrderId"], origClientOrderId=ID, status="CANCELED"),
        )
        cancelled = await venue.cancel(ID, SYMBOL, START_NS + 60 * 10**9)
        assert cancelled.answer is Answer.DONE
        assert (await venue.lookup(Ask(ID, SYMBOL))).error == ""
        await world.pause(61)
        world.ws["order.place"] = lambda p: (200, order_said(p["newClientOrderId"]))
        assert (await venue.place(limit_order(ID[:-2] + "78", qty=Decimal(1)))).answer is Answer.DONE

    in_world(test)


def test_markets_beyond_what_a_line_carries_are_told_so() -> None:
    async def test(world: World) -> None:
        names = [f"A{n}USDT" for n in range(513)]
        world.symbols = [symbol(name) for name in names]
        venue = await world.up()
        await venue.watch(names)
        await world.pause(1)
        assert [lost.market for lost in world.told(BookLost)] == ["binance/main:A512USDT"]

    in_world(test)


def test_a_venue_that_wants_to_be_left_alone_is_not_asked_the_time_either() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.headers = {"retry-after": "55"}
        world.on["GET", "/api/v3/order"] = lambda _: refuse(-1003, "Too many requests", 429)
        await venue.lookup(Ask(ID, SYMBOL))
        world.headers = {}
        before = len(world.asked), [len(line.heard) for line in world.lines if line.path != "/stream"]
        await world.pause(50)
        after = len(world.asked), [len(line.heard) for line in world.lines if line.path != "/stream"]
        assert after == before
        assert world.private.pings >= 4
        assert not world.told(LinkDown)
        await world.pause(30)
        assert len(world.private.heard) > before[1][0]

    in_world(test)


def test_a_stream_that_the_venue_dropped_is_a_book_that_is_lost() -> None:
    async def test(world: World) -> None:
        await world.watching()
        del world.streams.streams["btcusdt@depth@100ms"]
        stream_reply = world.stream_reply

        def refusing(line: Any, said: dict[str, Any]) -> Any:
            if said["method"] == "SUBSCRIBE":
                return {"code": 2, "msg": "no", "id": said["id"]}
            return stream_reply(line, said)

        world.stream_reply = refusing  # type: ignore[method-assign]
        await world.until(BookLost)
        await world.pause(60)
        told = [type(one) for one in world.events if isinstance(one, BookLost | BookUpdate)]
        assert told[-1] is BookLost

    in_world(test)
