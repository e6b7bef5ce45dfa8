"""Whose a trade is on Binance USDⓈ-M, when the venue is slow to say: told to nobody before it is certain.

What has just happened may be shown in one place and not yet in another ("Order does not exist."). A fill that
is booked to nobody stays there, and a stop that is called refused is placed again: so doubt must wait.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from binance_usdm_kit import (
    SECOND,
    SYMBOL,
    World,
    algo_row,
    exchange_info,
    name,
    order_row,
    pushed,
    refusal,
    trade_row,
    with_world,
)

from kedge.model.events import BookLost, BookUpdate, FillNews, LinkDown
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask
from kedge.venues.venue import Setup


async def report(world: World, cursor: str = "") -> AccountReport:
    said = await world.venue.report(cursor)
    assert isinstance(said, AccountReport), said
    return said


def test_a_young_trade_whose_order_is_not_shown_yet_is_nobodys_for_now() -> None:
    async def test(world: World) -> None:
        await world.up()
        await world.venue.watch([SYMBOL])
        world.fake.trades = [trade_row(time=world.fake.now_ms())]
        said = await report(world)
        assert (said.complete, said.fills) == (False, ())
        world.fake.orders["7"] = order_row(status="FILLED")
        again = await report(world)
        assert again.complete
        assert [f.client_id for f in again.fills] == [name(1)]

    with_world(test)


def test_a_trade_whose_order_is_never_shown_is_a_strangers_after_the_bound() -> None:
    async def test(world: World) -> None:
        await world.up()
        await world.venue.watch([SYMBOL])
        world.fake.trades = [trade_row(time=world.fake.now_ms())]
        assert not (await report(world)).complete
        await asyncio.sleep(11)
        said = await report(world)
        assert said.complete
        assert [f.client_id for f in said.fills] == [""]

    with_world(test)


def test_a_finished_stop_whose_order_is_not_shown_yet_was_not_refused() -> None:
    async def test(world: World) -> None:
        await world.up()
        now_ms = world.fake.now_ms()
        world.fake.algos[name(2)] = algo_row(algoStatus="FINISHED", actualOrderId="991", updateTime=now_ms)
        early = await world.venue.lookup(Ask(name(2), SYMBOL))
        assert early.order is None
        assert "does not show" in early.error
        world.fake.trades = [trade_row(orderId=991, qty="0.4")]
        partly = await world.venue.lookup(Ask(name(2), SYMBOL))
        assert partly.order is None
        await asyncio.sleep(11)
        late = (await world.venue.lookup(Ask(name(2), SYMBOL))).order
        assert late is not None
        assert (late.state, late.cum_qty) == (State.CANCELLED, Decimal("0.4"))

    with_world(test)


def test_a_stop_that_the_lookup_no_longer_shows_is_found_in_the_list() -> None:
    """Field reports: GET algoOrder says "does not exist" of a stop that has ended, and the list has it."""

    async def test(world: World) -> None:
        await world.up()
        world.fake.all_algos = [algo_row(algoStatus="FINISHED", actualOrderId="991")]
        world.fake.orders["991"] = order_row(orderId=991, clientOrderId="x", status="FILLED", executedQty="1")
        found = (await world.venue.lookup(Ask(name(2), SYMBOL))).order
        assert found is not None
        assert (found.client_id, found.state, found.cum_qty) == (name(2), State.FILLED, Decimal(1))

    with_world(test)


def test_a_triggered_stop_that_only_the_list_shows_owns_its_fill() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.deed = lambda p: (200, algo_row(side="SELL"))
        await world.venue.place(
            world.order(2, side="sell", kind="stop", price=Decimal(0), trigger_price=Decimal(90))
        )
        world.fake.algos[name(2)] = algo_row(side="SELL")
        # A first stranger has this symbol walked, before our stop has triggered.
        world.push(pushed(c="by-hand", i=5, x="TRADE", X="FILLED", l="1", z="1", L="100", t=70))
        await asyncio.sleep(2)
        del world.fake.algos[name(2)]
        fill = pushed(c="made-up", S="SELL", x="TRADE", X="FILLED", l="1", z="1", L="90", t=77)
        fill["o"]["T"] = world.fake.now_ms()
        world.push(fill)
        await asyncio.sleep(5)
        assert [n.fill.client_id for n in world.told(FillNews)] == ["by-hand"]
        world.fake.all_algos = [algo_row(side="SELL", algoStatus="FINISHED", actualOrderId="7")]
        await asyncio.sleep(20)
        assert [n.fill.client_id for n in world.told(FillNews)] == ["by-hand", name(2)]
        assert not world.told(LinkDown)

    with_world(test)


def test_trades_are_whole_though_a_full_page_holds_the_newest() -> None:
    """The documents do not say which thousand a full page has."""

    async def test(world: World) -> None:
        await world.up()
        now = world.fake.now_ms()
        world.fake.orders["7"] = order_row()
        world.fake.trades = [trade_row(id=n, time=now - 3_000_000 + 7 * n) for n in range(2_500)]

        def newest(params: dict[str, str]) -> Any:
            since, until = int(params["startTime"]), int(params["endTime"])
            rows = [t for t in world.fake.trades if since <= t["time"] <= until]
            return 200, rows[-int(params["limit"]) :]

        world.fake.says["GET", "/fapi/v1/userTrades"] = newest
        await world.venue.watch([SYMBOL])
        said = await report(world)
        assert said.complete
        assert len({f.exec_id for f in said.fills}) == 2_500

    with_world(test)


def test_a_user_stream_that_answers_no_question_is_pinged() -> None:
    """The venue promises no answers on private connections; a half-open one must be noticed all the same."""

    async def test(world: World) -> None:
        await world.up()
        line = world.fake.line("private")
        line.deaf = True
        await asyncio.sleep(61)
        assert line.pings >= 2

    with_world(test)


def test_the_dead_man_leaves_room_for_cancels() -> None:
    async def test(world: World) -> None:
        await world.up()
        symbols = [f"S{n}USDT" for n in range(200)]
        world.fake.says["POST", "/fapi/v1/countdownCancelAll"] = lambda p: (200, {})
        world.fake.deed = lambda p: (
            200,
            order_row(symbol=p["symbol"], clientOrderId=p["newClientOrderId"], orderId=int(p["price"])),
        )
        for number, symbol in enumerate(symbols):
            await world.venue.place(world.order(number + 1, symbol=symbol, price=Decimal(1_000 + number)))
            await asyncio.sleep(0.1)
        await asyncio.sleep(20)
        world.fake.deed = lambda p: refusal(-2011, "Unknown order sent.")
        for number, symbol in enumerate(symbols):
            said = await world.venue.cancel(name(number + 1), symbol, world.order().valid_until_ns)
            assert not said.unsent, said.reason
            assert said.answer is Answer.REJECTED

    with_world(test, Setup("usdm/main", "key", "secret", url="http://fake", dead_man_ns=10 * SECOND))


def test_too_many_orders_hold_up_orders_and_nothing_else() -> None:
    async def test(world: World) -> None:
        await world.up()
        text = "Too many new orders; current limit is 1200 orders per MINUTE."
        world.fake.deed = lambda p: refusal(-1015, text, 429)
        refused = await world.venue.place(world.order())
        assert (refused.answer, refused.unsent, refused.retry_ns) == (Answer.REJECTED, False, 0)
        again = await world.venue.place(world.order(2))
        assert again.unsent
        assert again.retry_ns > 30 * SECOND
        world.fake.deed = lambda p: (200, order_row(status="CANCELED"))
        cancelled = await world.venue.cancel(name(1), SYMBOL, world.order().valid_until_ns)
        assert cancelled.answer is Answer.DONE
        await asyncio.sleep(61)
        world.fake.deed = lambda p: (200, order_row(clientOrderId=p["newClientOrderId"], orderId=9))
        assert (await world.venue.place(world.order(3))).answer is Answer.DONE

    with_world(test)


def test_an_account_with_many_contracts_is_reported_within_the_venues_limit() -> None:
    async def test(world: World) -> None:
        symbols = [f"S{n}USDT" for n in range(500)]
        world.fake.says["GET", "/fapi/v1/exchangeInfo"] = lambda p: (
            200,
            {"symbols": [exchange_info()["symbols"][0] | {"symbol": one} for one in symbols]},
        )
        left: list[tuple[float, int]] = []
        http = world.fake.http

        async def counted(base: str, ask: Any, timeout_s: float) -> Any:
            left.append((asyncio.get_running_loop().time(), weight_of(ask.target)))
            return await http(base, ask, timeout_s)

        world.fake.http = counted  # type: ignore[method-assign]
        await world.up()
        await world.venue.watch(symbols)
        await asyncio.sleep(20)
        for symbol in symbols:
            change = {"e": "depthUpdate", "s": symbol, "T": 1, "U": 100, "u": 100, "pu": 99, "b": [], "a": []}
            world.fake.line("public").push({"stream": f"{symbol.lower()}@depth@100ms", "data": change})
        said = await report(world)
        assert said.complete
        assert asyncio.get_running_loop().time() < 600
        found = await world.venue.lookup(Ask(name(1), symbols[0]))
        assert found.error == ""
        await asyncio.sleep(600)
        assert len({news.market: None for news in world.told(BookUpdate)}) == 500
        for at_s, _ in left:
            assert sum(weight for then_s, weight in left if at_s <= then_s < at_s + 60) <= 2_400

    with_world(test)


def weight_of(target: str) -> int:
    path, _, query = target.partition("?")
    if path.endswith("/depth"):
        return 20
    if path.endswith(("/openOrders", "/openAlgoOrders")):
        return 1 if "symbol=" in query else 40
    if path.endswith(("/income", "/dual")):
        return 30
    return 5 if path.endswith(("/userTrades", "/positionRisk", "/balance", "/allAlgoOrders")) else 1


def test_a_report_that_began_before_the_stream_was_cut_says_nothing_of_the_new_link() -> None:
    async def test(world: World) -> None:
        await world.up()
        slow = asyncio.Event()
        http = world.fake.http

        async def waiting(base: str, ask: Any, timeout_s: float) -> Any:
            if "positionRisk" in ask.target:
                await slow.wait()
            return await http(base, ask, timeout_s)

        world.fake.http = waiting  # type: ignore[method-assign]
        old = asyncio.ensure_future(world.venue.report(""))
        await asyncio.sleep(1)
        world.fake.line("private").cut()
        slow.set()
        await old
        await asyncio.sleep(5)
        before = len(world.fake.asked)
        said = await report(world)
        assert [one.symbol for one in said.instruments] == [SYMBOL, "ETHUSDT"]
        lists = [p for _, path, p in world.fake.asked[before:] if path == "/fapi/v1/openOrders"]
        assert all("symbol" not in params for params in lists)
        assert (await report(world, said.cursor)).instruments == ()

    with_world(test)


def test_markets_beyond_what_a_line_carries_are_told_so() -> None:
    async def test(world: World) -> None:
        await world.up()
        await world.venue.watch([f"S{n}USDT" for n in range(513)])
        await asyncio.sleep(1)
        assert [lost.market for lost in world.told(BookLost)] == ["usdm/main:S511USDT", "usdm/main:S512USDT"]
        assert "watch fewer" in world.told(BookLost)[0].why

    with_world(test)


def test_a_venue_that_wants_to_be_left_alone_is_not_gone_to() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.headers = {"retry-after": "300"}
        world.fake.says["GET", "/fapi/v1/order"] = lambda p: refusal(-1003, "Too many requests", 429)
        await world.venue.lookup(Ask(name(1), SYMBOL))
        world.fake.headers = {}
        deeds = world.fake.line("ws-fapi")
        before = len(deeds.said)
        await asyncio.sleep(100)
        assert len(deeds.said) == before
        assert deeds.open
        assert deeds.pings >= 4
        lines = len(world.fake.lines)
        deeds.cut()
        await asyncio.sleep(150)
        assert len(world.fake.lines) == lines
        await asyncio.sleep(120)
        assert len(world.fake.lines) == lines + 1

    with_world(test)


def depth(symbol: str, first: int, last: int, prev: int) -> dict[str, Any]:
    change = {"e": "depthUpdate", "s": symbol, "T": 1, "U": first, "u": last, "pu": prev, "b": [], "a": []}
    return {"stream": f"{symbol.lower()}@depth@100ms", "data": change}


def test_a_stream_that_the_venue_dropped_is_noticed_though_the_line_lives() -> None:
    async def test(world: World) -> None:
        def books() -> int:
            return sum(news.market == "usdm/main:ETHUSDT" for news in world.told(BookUpdate))

        await world.up()
        await world.venue.watch([SYMBOL, "ETHUSDT"])
        await asyncio.sleep(2)
        line = world.fake.line("public")
        line.push(depth("ETHUSDT", 100, 100, 99))
        await asyncio.sleep(1)
        assert books() >= 1
        world.fake.no_streams = ("ethusdt@depth@100ms",)
        del line.streams["ethusdt@depth@100ms"]
        await asyncio.sleep(12)
        assert [lost.market for lost in world.told(BookLost)] == ["usdm/main:ETHUSDT"]
        # Nobody streams it: a snapshot by itself is not told as a book.
        updates = books()
        await asyncio.sleep(120)
        assert books() == updates
        world.fake.no_streams = ()
        await asyncio.sleep(15)
        line.push(depth("ETHUSDT", 100, 100, 99))
        await asyncio.sleep(40)
        assert books() > updates
        assert not world.told(LinkDown)

    with_world(test)


def test_a_stop_that_was_never_taken_is_not_looked_for_again_and_again() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.deed = lambda p: refusal(-1007, "Timeout waiting for response from backend server.", 408)
        lost = world.order(2, kind="stop", price=Decimal(0), trigger_price=Decimal(110))
        assert (await world.venue.place(lost)).answer is Answer.UNKNOWN
        await asyncio.sleep(20)

        def by_hand(number: int) -> None:
            event = pushed(c=f"hand{number}", i=number, x="TRADE", X="FILLED", l="1", z="1", L="9", t=number)
            event["o"]["T"] = world.fake.now_ms()
            world.push(event)

        for number in range(100, 120):
            by_hand(number)
            await asyncio.sleep(15)
        assert len(world.told(FillNews)) == 20
        walks = world.fake.paths().count("/fapi/v1/allAlgoOrders") // 13
        assert walks <= 7
        assert not world.told(LinkDown)

    with_world(test)
