"""The Binance USDⓈ-M adapter's markets against a scripted venue: books by their rule, marks, trades, bars."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal
from typing import Any

from binance_usdm_kit import (
    SECOND,
    SYMBOL,
    World,
    exchange_info,
    name,
    order_row,
    refusal,
    snapshot,
    with_world,
)

from kedge.model.events import (
    BarsSeen,
    BookLost,
    BookUpdate,
    InstrumentSeen,
    LinkDown,
    MarkUpdate,
    Outgrown,
    TradesSeen,
)
from kedge.model.venue import Feed

MINUTE = 60 * SECOND
MINUTE_MS = 60_000


def depth(first: int, last: int, prev: int, *bids: list[str], symbol: str = SYMBOL) -> dict[str, Any]:
    data = {
        "e": "depthUpdate",
        "T": 1,
        "s": symbol,
        "U": first,
        "u": last,
        "pu": prev,
        "b": bids,
        "a": [],
    }
    return {"stream": f"{symbol.lower()}@depth@100ms", "data": data}


def touch(seq: int, bid: str, ask: str) -> dict[str, Any]:
    data = {"e": "bookTicker", "u": seq, "T": 1, "s": SYMBOL, "b": bid, "B": "3", "a": ask, "A": "4"}
    return {"stream": f"{SYMBOL.lower()}@bookTicker", "data": data}


def mark(price: str) -> dict[str, Any]:
    data = {
        "e": "markPriceUpdate",
        "E": 1,
        "s": SYMBOL,
        "p": price,
        "i": "99",
        "P": "0",
        "r": "0.0001",
        "T": 1,
    }
    return {"stream": f"{SYMBOL.lower()}@markPrice@1s", "data": data}


async def watched(world: World, feeds: list[Feed] | None = None) -> None:
    await world.up()
    await world.venue.watch([SYMBOL], feeds or [])
    await asyncio.sleep(2)


def bids(update: BookUpdate) -> list[Decimal]:
    return [level.price for level in update.bids]


def test_a_book_begins_with_a_snapshot_and_the_change_that_spans_it() -> None:
    async def test(world: World) -> None:
        await watched(world)
        public = world.fake.line("public")
        assert "streams=btcusdt@depth@100ms" in public.url
        public.push(depth(95, 105, 94, ["98", "5"]))
        await asyncio.sleep(1)
        update = world.told(BookUpdate)[-1]
        assert bids(update) == [100, 99, 98]
        public.push(depth(106, 107, 105, ["100", "0"]))
        assert bids(world.told(BookUpdate)[-1]) == [99, 98]
        assert not world.told(BookLost)

    with_world(test)


def test_a_gap_loses_the_book_until_the_next_snapshot() -> None:
    async def test(world: World) -> None:
        await watched(world)
        public = world.fake.line("public")
        public.push(depth(95, 105, 94))
        await asyncio.sleep(1)
        told = len(world.told(BookUpdate))
        world.fake.says["GET", "/fapi/v1/depth"] = lambda p: (200, snapshot(120))
        public.push(depth(110, 112, 109))
        assert "gap" in world.told(BookLost)[0].why
        await asyncio.sleep(5)
        assert len(world.told(BookUpdate)) > told
        public.push(depth(119, 121, 118))
        public.push(depth(122, 123, 121, ["100.5", "1"]))
        assert bids(world.told(BookUpdate)[-1])[0] == Decimal("100.5")
        assert not world.told(LinkDown)

    with_world(test)


def test_the_touch_is_told_ahead_of_the_book() -> None:
    async def test(world: World) -> None:
        await watched(world)
        public = world.fake.line("public")
        public.push(depth(95, 105, 94))
        await asyncio.sleep(1)
        public.push(touch(106, "100.5", "100.8"))
        update = world.told(BookUpdate)[-1]
        assert (bids(update)[0], update.asks[0].price) == (Decimal("100.5"), Decimal("100.8"))
        public.push(touch(104, "90", "91"))
        assert world.told(BookUpdate)[-1] == update
        # The change that brings the book to the touch's number: from here the book knows it all.
        public.push(depth(106, 106, 105, ["100.5", "3"]))
        assert bids(world.told(BookUpdate)[-1])[:2] == [Decimal("100.5"), Decimal(100)]

    with_world(test)


def test_a_cut_market_line_loses_books_and_nothing_else() -> None:
    async def test(world: World) -> None:
        await watched(world)
        world.fake.line("public").push(depth(95, 105, 94))
        await asyncio.sleep(1)
        world.fake.line("public").cut()
        await asyncio.sleep(3)
        assert world.told(BookLost)
        assert not world.told(LinkDown)
        world.fake.line("public").push(depth(95, 105, 94))
        await asyncio.sleep(1)
        assert isinstance(world.told(BookUpdate)[-1], BookUpdate)

    with_world(test)


def test_an_unreadable_change_loses_its_book() -> None:
    async def test(world: World) -> None:
        await watched(world)
        public = world.fake.line("public")
        public.push(depth(95, 105, 94))
        await asyncio.sleep(1)
        broken = depth(106, 107, 105)
        del broken["data"]["pu"]
        public.push(broken)
        assert "unreadable" in world.told(BookLost)[0].why

    with_world(test)


def test_a_symbol_that_the_venue_does_not_have() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.says["GET", "/fapi/v1/depth"] = lambda p: refusal(-1121, "Invalid symbol.")
        await world.venue.watch(["NOSUCH"])
        await asyncio.sleep(5)
        assert "no such contract" in world.told(BookLost)[0].why
        asked = world.fake.paths().count("/fapi/v1/depth")
        await asyncio.sleep(60)
        assert world.fake.paths().count("/fapi/v1/depth") == asked

    with_world(test)


def test_a_quiet_book_is_kept_by_a_line_that_answers() -> None:
    async def test(world: World) -> None:
        await watched(world)
        world.fake.line("public").push(depth(95, 105, 94))
        await asyncio.sleep(300)
        assert not world.told(BookLost)
        world.fake.line("public").deaf = True
        await asyncio.sleep(60)
        assert world.told(BookLost)

    with_world(test)


def test_the_watched_set_is_followed() -> None:
    async def test(world: World) -> None:
        await watched(world, [Feed(SYMBOL, "trades")])
        market, public = world.fake.line("market"), world.fake.line("public")
        assert "!contractInfo" in market.url
        await world.venue.watch(["ETHUSDT"])
        await asyncio.sleep(5)
        told = [(s["method"], s["params"]) for s in public.said if "params" in s]
        assert told[-2:] == [
            ("SUBSCRIBE", ["ethusdt@depth@100ms", "ethusdt@bookTicker"]),
            ("UNSUBSCRIBE", ["btcusdt@depth@100ms", "btcusdt@bookTicker"]),
        ]
        told = [(s["method"], s["params"]) for s in market.said if "params" in s]
        assert told[-1] == ("UNSUBSCRIBE", ["btcusdt@markPrice@1s", "btcusdt@aggTrade"])
        # After a cut everything that is still wanted is asked for again.
        public.cut()
        await asyncio.sleep(5)
        again = world.fake.line("public")
        assert "ethusdt@depth" in again.url
        assert [s["params"] for s in again.said if "params" in s] == [["ethusdt@bookTicker"]]

    with_world(test)


def test_marks_and_trades() -> None:
    async def test(world: World) -> None:
        await watched(world, [Feed(SYMBOL, "trades")])
        market = world.fake.line("market")
        market.push(mark("100.5"))
        (told,) = world.told(MarkUpdate)
        assert (told.mark, told.index, told.funding_rate) == (
            Decimal("100.5"),
            Decimal(99),
            Decimal("0.0001"),
        )
        market.push(mark("0"))
        assert len(world.told(MarkUpdate)) == 1
        data = {"e": "aggTrade", "s": SYMBOL, "a": 5, "p": "100", "q": "2", "T": 1, "m": False}
        market.push({"stream": "btcusdt@aggTrade", "data": data})
        (trades,) = world.told(TradesSeen)
        assert (trades.trades[0].side, trades.trades[0].qty) == ("buy", Decimal(2))

    with_world(test)


def trade(number: int) -> dict[str, Any]:
    data = {"e": "aggTrade", "s": SYMBOL, "a": number, "p": "100", "q": "2", "T": 1, "m": False}
    return {"stream": "btcusdt@aggTrade", "data": data}


def test_trades_that_were_missed_are_asked_for_and_told_in_order() -> None:
    async def test(world: World) -> None:
        def rows(params: dict[str, str]) -> Any:
            first = int(params["fromId"])
            return 200, [{"a": n, "p": "100", "q": "1", "T": 1, "m": True} for n in range(first, 9)]

        world.fake.says["GET", "/fapi/v1/aggTrades"] = lambda p: refusal(-1001, "Internal error", 500)
        await watched(world, [Feed(SYMBOL, "trades")])
        market = world.fake.line("market")
        market.push(trade(5))
        market.push(trade(8))
        market.push(trade(8))

        def told() -> list[str]:
            return [one.trade_id for seen in world.told(TradesSeen) for one in seen.trades]

        assert told() == ["5"]
        await asyncio.sleep(2)
        world.fake.says["GET", "/fapi/v1/aggTrades"] = rows
        await asyncio.sleep(3)
        assert told() == ["5", "6", "7", "8"]
        market.push(trade(9))
        assert told()[-1] == "9"
        # While there is no link nobody hears: the next link begins where this one ended.
        world.fake.no_socket["private"] = "refused"
        world.fake.line("private").cut()
        await asyncio.sleep(1)
        market.push(trade(10))
        world.fake.no_socket.clear()
        world.fake.says["GET", "/fapi/v1/aggTrades"] = lambda p: (
            200,
            [{"a": n, "p": "100", "q": "1", "T": 1, "m": True} for n in range(int(p["fromId"]), 12)],
        )
        await asyncio.sleep(60)
        assert told()[-3:] == ["9", "10", "11"]

    with_world(test)


def test_the_last_price_comes_with_the_mark() -> None:
    async def test(world: World) -> None:
        world.fake.says["GET", "/fapi/v2/ticker/price"] = lambda p: (200, {"symbol": SYMBOL, "price": "98"})
        await watched(world)
        market = world.fake.line("market")
        market.push(mark("100.5"))
        assert world.told(MarkUpdate)[-1].last == 98
        market.push(trade(5))
        market.push(mark("100.6"))
        assert world.told(MarkUpdate)[-1].last == 100
        assert world.told(TradesSeen) == []

    with_world(test)


def test_a_quiet_book_is_told_again() -> None:
    async def test(world: World) -> None:
        await watched(world)
        world.fake.line("public").push(depth(95, 105, 94))
        await asyncio.sleep(1)
        told = len(world.told(BookUpdate))
        await asyncio.sleep(20)
        assert len(world.told(BookUpdate)) >= told + 1

    with_world(test)


def row(start_ms: int, close: str = "1") -> list[Any]:
    return [start_ms, "1", "2", "0.5", close, "10", start_ms + MINUTE_MS - 1, "0", 1, "0", "0", "0"]


def kline(start_ms: int, closed: bool = True) -> dict[str, Any]:
    k = {"t": start_ms, "T": start_ms + MINUTE_MS - 1, "i": "1m", "o": "1", "c": "1", "h": "2", "l": "0.5"}
    data = {"e": "kline", "E": 1, "s": SYMBOL, "k": k | {"v": "3", "x": closed}}
    return {"stream": "btcusdt@kline_1m", "data": data}


def test_bars_begin_with_history_and_follow_the_stream() -> None:
    async def test(world: World) -> None:
        now = world.fake.now_ms() // MINUTE_MS * MINUTE_MS

        def klines(params: dict[str, str]) -> Any:
            since, until = int(params["startTime"]), int(params["endTime"])
            first = -(-since // MINUTE_MS) * MINUTE_MS
            starts = range(max(first, now - 10 * MINUTE_MS), min(until + 1, world.fake.now_ms()), MINUTE_MS)
            return 200, [row(start) for start in starts][: int(params["limit"])]

        world.fake.says["GET", "/fapi/v1/klines"] = klines
        await watched(world, [Feed(SYMBOL, "bars", MINUTE)])
        (first,) = world.told(BarsSeen)
        assert len(first.bars) == 10
        assert first.bars[-1].start_ns == (now - MINUTE_MS) * 1_000_000
        market = world.fake.line("market")
        market.push(kline(now, closed=False))
        assert len(world.told(BarsSeen)) == 1
        market.push(kline(now))
        market.push(kline(now))
        assert [bar.start_ns for bar in world.told(BarsSeen)[-1].bars] == [now * 1_000_000]
        assert len(world.told(BarsSeen)) == 2
        # One is missed: the history decides.
        await asyncio.sleep(180)
        starts = [bar.start_ns for seen in world.told(BarsSeen) for bar in seen.bars]
        assert starts == sorted(set(starts))
        assert starts[-1] >= (now + 60_000) * 1_000_000

    with_world(test)


def test_history_by_pages_and_unknown_intervals() -> None:
    async def test(world: World) -> None:
        await world.up()
        now = world.fake.now_ms() // MINUTE_MS * MINUTE_MS

        def klines(params: dict[str, str]) -> Any:
            since, until = int(params["startTime"]), int(params["endTime"])
            assert int(params["limit"]) <= 1_500
            assert (until - since) // MINUTE_MS < 1_500
            return 200, [
                row(start) for start in range(since, until + 1, MINUTE_MS) if start % (7 * MINUTE_MS)
            ]

        world.fake.says["GET", "/fapi/v1/klines"] = klines
        since = (now - 4_000 * MINUTE_MS) * 1_000_000
        found = await world.venue.bars(SYMBOL, MINUTE, since, now * 1_000_000)
        assert isinstance(found, tuple)
        assert 3_990 < len(found) <= 4_000
        assert all(b.start_ns - a.start_ns == MINUTE for a, b in itertools.pairwise(found))
        assert any(bar.volume == 0 for bar in found)
        assert "7 s" in str(await world.venue.bars(SYMBOL, 7 * SECOND, since, now * 1_000_000))
        await world.venue.watch([SYMBOL], [Feed(SYMBOL, "bars", 7 * SECOND)])
        assert "7 s" in world.told(Outgrown)[0].why

    with_world(test)


def test_a_change_of_contracts_is_told() -> None:
    async def test(world: World) -> None:
        await watched(world)
        changed = exchange_info()
        changed["symbols"][0]["status"] = "SETTLING"
        world.fake.says["GET", "/fapi/v1/exchangeInfo"] = lambda p: (200, changed)
        told = len(world.told(InstrumentSeen))
        data = {"e": "contractInfo", "E": 1, "s": SYMBOL, "ct": "PERPETUAL", "cs": "SETTLING"}
        world.fake.line("market").push({"stream": "!contractInfo", "data": data})
        await asyncio.sleep(1)
        (news,) = world.told(InstrumentSeen)[told:]
        assert (news.instrument.symbol, news.instrument.status) == (SYMBOL, "halted")

    with_world(test)


def test_nothing_is_told_of_markets_while_there_is_no_link() -> None:
    async def test(world: World) -> None:
        await watched(world)
        world.fake.line("public").push(depth(95, 105, 94))
        await asyncio.sleep(1)
        world.fake.no_socket["private"] = "refused"
        world.fake.line("private").cut()
        await asyncio.sleep(1)
        told = len(world.events)
        world.fake.line("public").push(depth(106, 107, 105, ["100.5", "1"]))
        assert len(world.events) == told
        world.fake.no_socket.clear()
        await asyncio.sleep(60)
        assert bids(world.told(BookUpdate)[-1])[0] == Decimal("100.5")

    with_world(test)


def test_kit_rows_are_of_the_documents_shape() -> None:
    assert order_row()["clientOrderId"] == name(1)
