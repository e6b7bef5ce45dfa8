"""The public streams of the Binance spot adapter: subscriptions, books, snapshots, prices, trades, bars."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from binance_kit import MS, START_NS, SYMBOL, World, in_world, refuse, symbol

from kedge.model.events import BarsSeen, BookLost, BookUpdate, LinkDown, LinkUp, MarkUpdate, TradesSeen
from kedge.model.venue import Bar, Feed, Level
from kedge.venues.binance.spot.rules import MESSAGES_PER_S

MARKET = f"binance/main:{SYMBOL}"
MINUTE_NS = 60 * 10**9


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(qty)) for price, qty in pairs)


# ── subscriptions ───────────────────────────────────────────────────────────────────────────────


def test_what_is_watched_is_subscribed_and_what_is_not_is_left() -> None:
    async def test(world: World) -> None:
        world.symbols = [symbol(), symbol("ETHUSDT")]
        venue = await world.up()
        await venue.watch([SYMBOL, "ETHUSDT"], [Feed(SYMBOL, "trades"), Feed(SYMBOL, "bars", MINUTE_NS)])
        await world.pause(1)
        assert list(world.streams.streams) == [
            "btcusdt@depth@100ms",
            "btcusdt@miniTicker",
            "ethusdt@depth@100ms",
            "ethusdt@miniTicker",
            "btcusdt@trade",
            "btcusdt@kline_1m",
        ]
        await venue.watch(["ETHUSDT"])
        await world.pause(2)
        assert list(world.streams.streams) == ["ethusdt@depth@100ms", "ethusdt@miniTicker"]

    in_world(test)


def test_no_more_messages_than_the_venue_takes() -> None:
    """Five in any second, heartbeats among them; a sixth would cost the line."""

    async def test(world: World) -> None:
        names = [f"A{n}USDT" for n in range(400)]
        world.symbols = [symbol(name) for name in names]
        venue = await world.up()
        for count in range(0, 400, 20):
            await venue.watch(names[:count])
        await world.pause(60)
        at = world.streams.at
        assert max(sum(begin <= t < begin + 1 for t in at) for begin in at) <= 5
        assert len(world.streams.streams) == 760
        assert MESSAGES_PER_S < 5

    in_world(test)


def test_a_subscription_that_was_lost_is_made_again() -> None:
    async def test(world: World) -> None:
        await world.watching()
        world.streams.streams.clear()
        await world.pause(10)
        assert list(world.streams.streams) == ["btcusdt@depth@100ms", "btcusdt@miniTicker"]
        world.streams.streams["dogeusdt@trade"] = None
        await world.pause(10)
        assert "dogeusdt@trade" not in world.streams.streams

    in_world(test)


def test_a_symbol_that_is_not_listed_is_told_and_not_asked_for() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch(["NOSUCH", SYMBOL])
        lost = await world.until(BookLost)
        assert (lost.market, "no such symbol" in lost.why) == ("binance/main:NOSUCH", True)
        await world.pause(5)
        assert not any(stream.startswith("nosuch") for stream in world.streams.streams)

    in_world(test)


# ── books ───────────────────────────────────────────────────────────────────────────────────────


def test_a_book_begins_with_changes_then_its_snapshot() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([SYMBOL])
        await world.pause(0.1)
        world.change(95, 99, bids=[["98.00", "9"]])  # all of it is in the snapshot
        world.change(100, 101, bids=[["99.50", "3"]], asks=[["101.00", "0"], ["102.00", "4"]])
        book = await world.until(BookUpdate)
        assert book.bids == levels(("99.50", "3"), ("99.00", "1"))
        assert book.asks == levels(("102.00", "4"))
        assert world.questions("/api/v3/depth") == [{"symbol": SYMBOL, "limit": "1000"}]
        assert not world.told(BookLost)

    in_world(test)


def test_a_snapshot_older_than_the_first_change_is_asked_for_again() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.depth = {**world.depth, "lastUpdateId": 50}
        await venue.watch([SYMBOL])
        await world.pause(0.1)
        world.change(100, 101)
        await world.pause(0.2)
        assert not world.told(BookUpdate)
        world.depth = {**world.depth, "lastUpdateId": 100}
        await world.until(BookUpdate)
        assert len(world.questions("/api/v3/depth")) >= 2

    in_world(test)


def test_a_gap_loses_the_book_until_a_new_snapshot() -> None:
    async def test(world: World) -> None:
        await world.watching()
        world.change(102, 104, bids=[["99.20", "5"]])
        del world.events[:]
        world.depth = {"lastUpdateId": 110, "bids": [["98.00", "1"]], "asks": [["102.00", "2"]]}
        world.change(106, 107)
        assert "gap" in (await world.until(BookLost)).why
        book = await world.until(BookUpdate)
        assert book.bids == levels(("98.00", "1"))
        world.change(108, 111, bids=[["98.50", "1"]])
        assert (await world.until(BookUpdate, 2)).bids[0].price == Decimal("98.5")

    in_world(test)


def test_what_repeats_or_comes_late_changes_nothing() -> None:
    async def test(world: World) -> None:
        await world.watching()
        world.change(102, 104, bids=[["99.20", "5"]])
        told = len(world.events)
        world.change(102, 104, bids=[["99.20", "5"]])
        world.change(101, 103, bids=[["99.90", "7"]])
        assert len(world.events) == told

    in_world(test)


def test_an_unreadable_change_loses_its_book_and_an_unreadable_frame_the_line() -> None:
    async def test(world: World) -> None:
        await world.watching()
        world.stream("btcusdt@depth@100ms", {"U": "x"})
        assert "unreadable" in (await world.until(BookLost)).why
        await world.pause(1)
        world.change(102, 102)
        world.streams.tell(b"[]")
        await world.pause(2)
        assert len([one for one in world.lines if one.path == "/stream"]) == 2
        assert not world.told(LinkDown), "the account is heard on its own line"

    in_world(test)


def test_a_quiet_book_is_told_again_while_the_line_lives() -> None:
    async def test(world: World) -> None:
        await world.watching()
        await world.pause(60)
        updates = world.told(BookUpdate)
        assert len(updates) > 10
        assert {update.bids for update in updates} == {levels(("99.00", "1"))}
        assert not world.told(BookLost)

    in_world(test)


def test_a_silent_line_loses_every_book_and_is_left() -> None:
    async def test(world: World) -> None:
        await world.watching()
        line = world.streams
        line._arrive = lambda frame: None  # type: ignore[method-assign]
        lost = await world.until(BookLost)
        assert "nothing heard" in lost.why
        await world.pause(1)
        assert world.streams is not line
        world.change(101, 101)
        await world.until(BookUpdate)

    in_world(test)


def test_a_cut_line_loses_every_book_at_once() -> None:
    async def test(world: World) -> None:
        await world.watching()
        del world.events[:]
        world.streams.cut("reset by peer")
        assert "reset by peer" in (await world.until(BookLost, within_s=0.1)).why
        await world.pause(1)
        assert list(world.streams.streams), "subscribed anew"

    in_world(test)


def test_the_venue_says_that_it_shuts_down() -> None:
    async def test(world: World) -> None:
        await world.watching()
        line = world.streams
        world.stream("!serverShutdown", {"e": "serverShutdown", "E": 1})
        await world.pause(1)
        assert world.streams is not line

    in_world(test)


def test_a_snapshot_that_fails_is_asked_for_again_ever_less_often() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.on["GET", "/api/v3/depth"] = lambda _: refuse(-1000, "unknown", 500)
        await venue.watch([SYMBOL])
        await world.pause(120)
        asked = len(world.questions("/api/v3/depth"))
        assert 4 < asked < 15
        world.on["GET", "/api/v3/depth"] = lambda _: (200, world.depth)
        await world.until(BookUpdate)

    in_world(test)


def test_a_symbol_that_the_venue_refuses_is_dropped() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.on["GET", "/api/v3/depth"] = lambda _: refuse(-1121, "Invalid symbol.")
        await venue.watch([SYMBOL])
        assert "no such symbol" in (await world.until(BookLost)).why
        await world.pause(60)
        assert len(world.questions("/api/v3/depth")) == 1

    in_world(test)


def wide(middle: int, seq: int) -> dict[str, Any]:
    """A snapshot that shows a thousand levels of each side, and not the whole book."""
    bids = [[f"{middle - 1 - n}.00", "1"] for n in range(1_000)]
    asks = [[f"{middle + 1 + n}.00", "1"] for n in range(1_000)]
    return {"lastUpdateId": seq, "bids": bids, "asks": asks}


def test_a_book_is_taken_anew_before_the_market_leaves_what_is_known() -> None:
    async def test(world: World) -> None:
        world.depth = wide(5_000, 100)
        await world.watching()
        last = {"e": "24hrMiniTicker", "E": world.venue_ms(), "s": SYMBOL, "c": "5100.00"}
        world.stream("btcusdt@miniTicker", last)
        await world.pause(0.1)
        assert len(world.questions("/api/v3/depth")) == 1, "well within"
        world.depth = wide(5_600, 103)
        world.stream("btcusdt@miniTicker", {**last, "c": "5600.00"})
        world.change(102, 103)
        world.change(104, 105, bids=[["4998.50", "7"], ["4999.00", "0"]])
        await world.pause(0.1)
        assert len(world.questions("/api/v3/depth")) == 2
        assert not world.told(BookLost), "it never stopped being true"
        assert world.told(BookUpdate)[-1].bids[0] == levels(("5599.00", "1"))[0]
        world.change(106, 106, bids=[["5599.60", "1"]])
        assert world.told(BookUpdate)[-1].bids[0].price == Decimal("5599.6")

    in_world(test)


def test_a_snapshot_taken_anew_that_is_too_old_changes_nothing() -> None:
    async def test(world: World) -> None:
        world.depth = wide(5_000, 100)
        await world.watching()
        world.depth = wide(5_600, 90)
        last = {"e": "24hrMiniTicker", "E": world.venue_ms(), "s": SYMBOL, "c": "5600.00"}
        world.stream("btcusdt@miniTicker", last)
        world.change(102, 103)
        await world.pause(0.1)
        assert not world.told(BookLost)
        assert world.told(BookUpdate)[-1].bids[0].price == 4_999

    in_world(test)


# ── prices, trades, bars ────────────────────────────────────────────────────────────────────────


def test_the_last_price_is_the_mark() -> None:
    async def test(world: World) -> None:
        await world.watching()
        ticker = {"e": "24hrMiniTicker", "E": 7, "s": SYMBOL, "c": "100.50", "o": "1", "h": "1", "l": "1"}
        world.stream("btcusdt@miniTicker", ticker)
        world.stream("btcusdt@miniTicker", {**ticker, "c": "0.00"})
        world.stream("ethusdt@miniTicker", ticker)
        price = Decimal("100.5")
        assert world.told(MarkUpdate) == [MarkUpdate(MARKET, price, last=price, venue_ns=7 * MS)]

    in_world(test)


def test_trades_of_others() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        await venue.watch([SYMBOL], [Feed(SYMBOL, "trades")])
        trade = {"e": "trade", "E": 8, "s": SYMBOL, "t": 5, "p": "1.5", "q": "2", "T": 7, "m": True}
        world.stream("btcusdt@trade", trade)
        (seen,) = world.told(TradesSeen)
        assert (seen.market, seen.trades[0].side, seen.trades[0].venue_ns) == (MARKET, "sell", 7 * MS)

    in_world(test)


def rows(first: int, count: int) -> list[list[Any]]:
    """Klines of the minutes from `first` on."""
    return [
        [(first + n) * 60_000, "1", "1", "1", str(n + 1), "5", (first + n) * 60_000 + 59_999, "0", 1]
        for n in range(count)
    ]


def kline(minute: int, close: str) -> dict[str, Any]:
    k = {"t": minute * 60_000, "i": "1m", "o": "1", "c": close, "h": "9", "l": "1", "v": "2", "x": True}
    return {"e": "kline", "E": 1, "s": SYMBOL, "k": k}


def test_bars_begin_with_history_and_go_on_as_they_close() -> None:
    async def test(world: World) -> None:
        now = START_NS // MINUTE_NS
        world.on["GET", "/api/v3/klines"] = lambda _: (200, rows(now - 3, 4))  # the last one is running
        venue = await world.up()
        await venue.watch([SYMBOL], [Feed(SYMBOL, "bars", MINUTE_NS)])
        first = await world.until(BarsSeen)
        assert [bar.start_ns // MINUTE_NS for bar in first.bars] == [now - 3, now - 2, now - 1]
        world.stream("btcusdt@kline_1m", kline(now, "7"))
        world.stream("btcusdt@kline_1m", kline(now, "7"))
        assert [bar.close for bar in world.told(BarsSeen)[1].bars] == [Decimal(7)]
        assert len(world.told(BarsSeen)) == 2, "each once"

    in_world(test)


def test_a_bar_that_was_missed_is_asked_for_before_the_next_is_told() -> None:
    async def test(world: World) -> None:
        now = START_NS // MINUTE_NS
        world.on["GET", "/api/v3/klines"] = lambda _: (200, rows(now - 2, 2))
        venue = await world.up()
        await venue.watch([SYMBOL], [Feed(SYMBOL, "bars", MINUTE_NS)])
        await world.until(BarsSeen)
        world.on["GET", "/api/v3/klines"] = lambda _: (200, rows(now, 3))
        world.stream("btcusdt@kline_1m", kline(now + 1, "7"))
        await world.until(BarsSeen, 2)
        told = [bar.start_ns // MINUTE_NS for seen in world.told(BarsSeen) for bar in seen.bars]
        assert told == [now - 2, now - 1, now, now + 1]

    in_world(test)


def test_bars_are_told_again_after_the_link_was_down() -> None:
    async def test(world: World) -> None:
        now = START_NS // MINUTE_NS
        world.on["GET", "/api/v3/klines"] = lambda _: (200, rows(now - 2, 2))
        venue = await world.up()
        await venue.watch([SYMBOL], [Feed(SYMBOL, "bars", MINUTE_NS)])
        await world.until(BarsSeen)
        world.private.cut()
        await world.until(LinkDown)
        world.stream("btcusdt@kline_1m", kline(now, "7"))  # heard while nothing may be told
        assert len(world.told(BarsSeen)) == 1
        await world.until(LinkUp, 2)
        again = await world.until(BarsSeen, 2)
        assert [bar.start_ns // MINUTE_NS for bar in again.bars] == [now - 2, now - 1, now]

    in_world(test)


def test_bars_of_the_past_are_paged_and_flat_where_nothing_traded() -> None:
    async def test(world: World) -> None:
        def klines(params: dict[str, Any]) -> tuple[int, Any]:
            since, until = int(params["startTime"]) // 60_000, int(params["endTime"]) // 60_000
            minutes = [m for m in range(since, until + 1) if m % 5 != 3]
            return 200, [rows(m, 1)[0] for m in minutes[: int(params["limit"])]]

        world.on["GET", "/api/v3/klines"] = klines
        since, until = START_NS - 2_500 * MINUTE_NS, START_NS
        found = await world.venue.bars(SYMBOL, MINUTE_NS, since, until)
        assert not isinstance(found, str)
        starts = [bar.start_ns for bar in found]
        assert starts == list(range(starts[0], starts[-1] + 1, MINUTE_NS))
        assert starts[0] - since < 2 * MINUTE_NS
        assert until - starts[-1] <= 2 * MINUTE_NS
        flat = [bar for bar in found if (bar.start_ns // MINUTE_NS) % 5 == 3]
        assert flat
        assert all(bar.volume == 0 and bar.open == bar.close for bar in flat)
        assert all(isinstance(bar, Bar) for bar in found)

    in_world(test)


@pytest.mark.parametrize(
    ("interval_ns", "name", "why"),
    [
        (7 * 10**9, SYMBOL, "no bars of 7 s"),
        (MINUTE_NS, "BTC&USDT", "is no symbol"),
        (MINUTE_NS, SYMBOL, "-1121"),
    ],
)
def test_bars_that_cannot_be_had_are_a_sentence(interval_ns: int, name: str, why: str) -> None:
    async def test(world: World) -> None:
        world.on["GET", "/api/v3/klines"] = lambda _: refuse(-1121, "Invalid symbol.")
        assert why in str(await world.venue.bars(name, interval_ns, START_NS - MINUTE_NS, START_NS))

    in_world(test)
