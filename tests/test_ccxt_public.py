"""Markets through ccxt: books, marks, trades and bars, streamed or asked for."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D
from typing import Any

from ccxt_fakes import HAS, SWAP, SYMBOL, Fake, Json, NetworkError, World, market, now_ms, now_ns
from venue_kit import run

from kedge.model.events import BarsSeen, BookLost, BookUpdate, LinkUp, MarkUpdate, TradesSeen
from kedge.model.venue import Bar, Feed, Level

MINUTE_NS = 60_000_000_000


class Streaming(Fake):
    """Books as the test says them, one by one; then silence."""

    words: asyncio.Queue[Any]
    has = {**HAS, "watchOrderBook": True}  # noqa: RUF012 # as ccxt's own classes have it

    async def watch_order_book(self, symbol: str) -> Json:
        said = await self.words.get()
        if isinstance(said, Exception):
            raise said
        return {"bids": [[said, 1.0]], "asks": [[said + 1, 2.0]], "timestamp": now_ms()}


def test_a_book_that_is_not_streamed_is_asked_for_again_and_again() -> None:
    async def main() -> None:
        async with World() as w:
            await w.venue.watch([SYMBOL])
            book = await w.until(BookUpdate)
            assert book.bids == (Level(D("99.5"), D(1)),)
            await asyncio.sleep(10)
            assert 4 <= len(w.all(BookUpdate)) <= 6
            w.house.book = {"bids": [["101", "1"]], "asks": [["100.5", "2"]]}
            lost = await w.until(BookLost)
            assert lost.why == "crossed: bid 101 is not below ask 100.5"
            await asyncio.sleep(30)
            assert len(w.all(BookLost)) == 1
            w.house.book = {"bids": [["99", "1"]], "asks": [["100.5", "2"]]}
            await w.until(BookUpdate, lambda one: one.bids[0].price == 99)

    run(main())


def test_a_streamed_book_is_told_as_it_comes_and_asked_for_when_quiet() -> None:
    async def main() -> None:
        words: asyncio.Queue[Any] = asyncio.Queue()
        async with World(kind=Streaming, words=words) as w:
            await w.venue.watch([SYMBOL])
            words.put_nowait(100.5)
            await w.until(BookUpdate, lambda one: one.bids[0].price == D("100.5"))
            asked = [one for one in w.house.asked if one.endswith("/book")]
            assert asked == []
            # Nothing is said for some seconds: the exchange is asked, and its book is told.
            await w.until(BookUpdate, lambda one: one.bids[0].price == D("99.5"))
            words.put_nowait(NetworkError("closed 1006"))
            lost = await w.until(BookLost)
            assert lost.why == "closed 1006"
            words.put_nowait(200.5)
            await w.until(BookUpdate, lambda one: one.bids[0].price == D("200.5"))

    run(main())


def test_what_is_no_longer_watched_is_no_longer_told() -> None:
    async def main() -> None:
        async with World() as w:
            await w.venue.watch([SYMBOL, "NO/NE"])
            await w.until(BookUpdate)
            gone = await w.until(BookLost)
            assert (gone.market, gone.why) == ("ccxt-fake/main:NO/NE", "the exchange has no such symbol")
            await w.venue.watch([])
            await asyncio.sleep(1)
            told = len(w.all(BookUpdate))
            await asyncio.sleep(20)
            assert len(w.all(BookUpdate)) == told

    run(main())


def test_marks_of_perpetuals_have_index_and_funding() -> None:
    class Funded(Fake):
        has = {**HAS, "fetchFundingRate": True}  # noqa: RUF012 # as ccxt's own classes have it

        async def fetch_funding_rate(self, symbol: str) -> Json:
            return {"markPrice": "100.2", "indexPrice": "100.3", "fundingRate": "0.0001"}

    async def main() -> None:
        async with World(kind=Funded, markets_listed=(market(SWAP), market(SYMBOL))) as w:
            await w.venue.watch([SWAP, SYMBOL])
            perpetual = await w.until(MarkUpdate, lambda one: one.market.endswith(SWAP))
            assert (perpetual.mark, perpetual.index, perpetual.last) == (D("100.2"), D("100.3"), D("100.0"))
            assert perpetual.funding_rate == D("0.0001")
            spot = await w.until(MarkUpdate, lambda one: one.market.endswith(":BTC/USDT"))
            assert (spot.mark, spot.index) == (D("100.0"), 0)

    run(main())


def test_trades_of_others_are_told_once() -> None:
    async def main() -> None:
        async with World() as w:
            await w.venue.watch([], [Feed(SYMBOL, "trades")])
            seen = await w.until(TradesSeen)
            assert [one.trade_id for one in seen.trades] == ["p1"]
            await asyncio.sleep(20)
            assert len(w.all(TradesSeen)) == 1

    run(main())


def test_bars_begin_with_the_last_ones_and_go_on_as_they_close() -> None:
    async def main() -> None:
        async with World() as w:
            await w.venue.watch([], [Feed(SYMBOL, "bars", MINUTE_NS)])
            first = await w.until(BarsSeen)
            assert len(first.bars) in (299, 300)
            await asyncio.sleep(185)
            told: list[Bar] = [bar for one in w.all(BarsSeen) for bar in one.bars]
            starts = [bar.start_ns for bar in told]
            assert starts == list(range(starts[0], starts[-1] + 1, MINUTE_NS))
            assert starts[-1] + MINUTE_NS <= now_ns() < starts[-1] + 3 * MINUTE_NS
            assert len(told) >= len(first.bars) + 3

    run(main())


def test_history_is_told_between_two_moments() -> None:
    async def main() -> None:
        async with World() as w:
            await w.until(LinkUp)
            since_ns = now_ns() // MINUTE_NS * MINUTE_NS - 500 * MINUTE_NS
            bars = await w.venue.bars(SYMBOL, MINUTE_NS, since_ns, since_ns + 450 * MINUTE_NS)
            assert len(bars) == 450
            assert isinstance(bars[0], Bar)
            assert bars[0].start_ns == since_ns
            assert await w.venue.bars(SYMBOL, 7 * MINUTE_NS, 0, 1) == "fake has no bars of 420 s"
            assert await w.venue.bars("NO/NE", MINUTE_NS, 0, 1) == "fake lists no 'NO/NE'"

    run(main())
