"""Markets through ccxt: books, marks, trades and bars, by its streams where it has them, else by asking.

Streams run on an exchange object of their own, without a key and with ccxt's own floats. ccxt keeps their
books, with the gap rules of each exchange; a book that it gives up is lost here too. A stream that says
nothing for some seconds proves nothing, so the book is asked for then: a quiet market is told again, and a
dead stream is found.

Bars are asked for when they are due, because ccxt's streams of bars do not say which of them is closed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kedge.model.events import BarsSeen, BookLost, BookUpdate, Event, MarkUpdate, TradesSeen
from kedge.model.instrument import market_of
from kedge.model.numbers import ZERO
from kedge.model.venue import Feed, Trade
from kedge.venues.bars import BarKeeper
from kedge.venues.ccxt import wire
from kedge.venues.ccxt.chores import Chores
from kedge.venues.ccxt.errors import Failure
from kedge.venues.ccxt.past import Past
from kedge.venues.ccxt.rules import NS_PER_MS, SECOND_NS, Options
from kedge.venues.ccxt.talk import Talk
from kedge.venues.ccxt.wire import Listing, Prices, Unreadable
from kedge.venues.stream import Backoff
from kedge.venues.venue import Clock

# Numbers of trades that were told, to know them when a poll brings them again.
TRADES_KEPT = 2_000
NO_SUCH = "the exchange has no such symbol"
TOO_LONG_S = 3_600.0


class Public:
    """`rest` asks with exact numbers, `streams` listens. Nothing runs outside `begin`…`end`."""

    def __init__(self, account: str, clock: Clock, options: Options, say: Callable[[Event], None]) -> None:
        self.account = account
        self._clock = clock
        self._options = options
        self._say = say
        self._symbols: tuple[str, ...] = ()
        self._feeds: tuple[Feed, ...] = ()
        self._chores = Chores(f"{account} markets")
        self._rest: Talk | None = None
        self._streams: Talk | None = None
        self._past: Past | None = None
        self._listings: Mapping[str, Listing] = {}
        # Books that were told, or told lost, since the link is up: whether they are live.
        self._live: dict[str, bool] = {}

    # ── what the account says ───────────────────────────────────────────────────────────────────

    def watch(self, symbols: Sequence[str], feeds: Sequence[Feed]) -> None:
        self._symbols = tuple(dict.fromkeys(symbols))
        self._feeds = tuple(dict.fromkeys(feeds))
        self._follow()

    def begin(self, rest: Talk, streams: Talk, past: Past, listings: Mapping[str, Listing]) -> None:
        """There is a link: every book and feed starts anew."""
        self._rest, self._streams, self._past, self._listings = rest, streams, past, listings
        self._follow()

    def end(self, why: str) -> None:
        """The link is gone, and every book with it."""
        self._rest = self._streams = self._past = None
        self._chores.stop_all()
        for symbol in list(self._live):
            self._lost(symbol, why)
        self._live.clear()

    async def close(self) -> None:
        self._rest = self._streams = self._past = None
        await self._chores.close()

    def _follow(self) -> None:
        """Run exactly the tasks of what is watched."""
        if self._rest is None:
            return
        works: dict[tuple[str, ...], Callable[[Listing], Any]] = {}
        for symbol in self._symbols:
            works["book", symbol] = self._book
            works["mark", symbol] = self._marks
        for feed in self._feeds:
            if feed.kind == "trades":
                works["trades", feed.symbol] = self._trades
            else:
                works["bars", feed.symbol, str(feed.interval_ns)] = self._bars_of(feed.interval_ns)
        for name in self._chores.names:
            if name not in works:
                self._chores.stop(name)
        self._live = {symbol: live for symbol, live in self._live.items() if symbol in self._symbols}
        for task, work in works.items():
            listing = self._listings.get(task[1])
            if listing is not None:
                self._chores.start(task, _bound(work, listing))
            elif task[0] == "book":
                self._lost(task[1], NO_SUCH)

    # ── books ───────────────────────────────────────────────────────────────────────────────────

    async def _book(self, listing: Listing) -> None:
        backoff = self._backoff()
        while True:
            said = await self._next_book(listing)
            book = said.why if isinstance(said, Failure) else wire.book_of(said, listing, self._levels)
            if isinstance(book, str):
                self._lost(listing.symbol, book)
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            self._live[listing.symbol] = True
            venue_ns = wire.stamp_ns(said, "timestamp")
            market = market_of(self.account, listing.symbol)
            self._say(BookUpdate(market, book[0], book[1], venue_ns))
            if not self._is_streamed("watchOrderBook"):
                await asyncio.sleep(self._options.book_poll_s)

    async def _next_book(self, listing: Listing) -> Any:
        rest, streams = self._talks()
        symbol = listing.symbol
        if self._is_streamed("watchOrderBook"):
            said = await streams.listen(
                lambda: streams.exchange.watch_order_book(symbol), self._options.book_quiet_s
            )
            if said is not None:
                return said
        return await rest.ask(lambda: rest.exchange.fetch_order_book(symbol))

    def _lost(self, symbol: str, why: str) -> None:
        if self._live.get(symbol, True):
            self._live[symbol] = False
            self._say(BookLost(market_of(self.account, symbol), why))

    @property
    def _levels(self) -> int:
        return self._options.book_levels

    # ── marks ───────────────────────────────────────────────────────────────────────────────────

    async def _marks(self, listing: Listing) -> None:
        """Prices of the ticker; for perpetuals also mark, index and funding, which change slowly."""
        rest, streams = self._talks()
        funding = Prices()
        funded_ns = 0
        backoff = self._backoff()
        while True:
            if listing.type == "swap" and rest.has("fetchFundingRate"):
                now_ns = self._clock()
                if not funded_ns or now_ns - funded_ns > self._options.mark_poll_s * SECOND_NS:
                    funded_ns = now_ns
                    funding = _read(await self._funding(listing)) or funding
            if self._is_streamed("watchTicker"):
                said = await streams.listen(
                    lambda: streams.exchange.watch_ticker(listing.symbol), self._options.mark_poll_s
                )
            else:
                said = None
            if said is None:
                said = await rest.ask(lambda: rest.exchange.fetch_ticker(listing.symbol))
            prices = _read(said)
            if prices is None:
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            self._tell_mark(listing, prices, funding)
            if not self._is_streamed("watchTicker"):
                await asyncio.sleep(self._options.mark_poll_s)

    async def _funding(self, listing: Listing) -> Any:
        rest, _ = self._talks()
        return await rest.ask(lambda: rest.exchange.fetch_funding_rate(listing.symbol))

    def _tell_mark(self, listing: Listing, ticker: Prices, funding: Prices) -> None:
        mark = ticker.mark or funding.mark or ticker.last
        if mark == ZERO:
            return
        update = MarkUpdate(
            market_of(self.account, listing.symbol),
            mark,
            ticker.index or funding.index,
            ticker.last,
            funding.funding_rate,
            ticker.venue_ns,
        )
        self._say(update)

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    async def _trades(self, listing: Listing) -> None:
        rest, streams = self._talks()
        told: deque[str] = deque(maxlen=TRADES_KEPT)
        backoff = self._backoff()
        since_ms = self._clock() // NS_PER_MS
        while True:
            if self._is_streamed("watchTrades"):
                said = await streams.listen(lambda: streams.exchange.watch_trades(listing.symbol), TOO_LONG_S)
            else:
                said = await rest.ask(
                    lambda since=since_ms: rest.exchange.fetch_trades(listing.symbol, since)  # type: ignore[misc] # a default argument has no type
                )
            if isinstance(said, Failure):
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            fresh = [one for one in _trades_of(said or (), listing) if one.trade_id not in told]
            if fresh:
                told.extend(one.trade_id for one in fresh)
                since_ms = max(since_ms, fresh[-1].venue_ns // NS_PER_MS)
                self._say(TradesSeen(market_of(self.account, listing.symbol), tuple(fresh)))
            if not self._is_streamed("watchTrades"):
                await asyncio.sleep(self._options.trades_poll_s)

    # ── bars ────────────────────────────────────────────────────────────────────────────────────

    def _bars_of(self, interval_ns: int) -> Callable[[Listing], Any]:
        async def bars(listing: Listing) -> None:
            await self._bars(listing, interval_ns)

        return bars

    async def _bars(self, listing: Listing, interval_ns: int) -> None:
        past = self._past
        assert past is not None, "bars are asked for while there is a link"
        if not past.timeframe(interval_ns):
            return
        backoff = self._backoff()
        keeper = BarKeeper(interval_ns, grace_ns=SECOND_NS)
        while True:
            now_ns = self._clock()
            first_ns = now_ns - self._options.bars_first * interval_ns
            first = await past.bars(listing, interval_ns, first_ns, now_ns)
            if first and not isinstance(first, str):
                self._say(BarsSeen(market_of(self.account, listing.symbol), interval_ns, keeper.begin(first)))
                break
            await asyncio.sleep(backoff.next_s())
        while True:
            await asyncio.sleep(self._until_due_s(keeper))
            keeper.due(self._clock())
            await self._catch_up(past, listing, keeper)

    async def _catch_up(self, past: Past, listing: Listing, keeper: BarKeeper) -> None:
        missing = keeper.missing
        if missing is None:
            return
        page = await past.missing(listing, keeper.interval_ns, missing)
        told = () if isinstance(page, str) else keeper.answered(missing, page[0], page[1])
        if told:
            self._say(BarsSeen(market_of(self.account, listing.symbol), keeper.interval_ns, told))

    def _until_due_s(self, keeper: BarKeeper) -> float:
        """Until the next bar has closed and had its grace; at least the wait between two questions."""
        due_ns = keeper.next_ns + keeper.interval_ns + keeper.grace_ns - self._clock()
        return max(due_ns / SECOND_NS, self._options.bars_retry_s)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _talks(self) -> tuple[Talk, Talk]:
        rest, streams = self._rest, self._streams
        assert rest is not None, "markets are followed while there is a link"
        assert streams is not None
        return rest, streams

    def _is_streamed(self, what: str) -> bool:
        return self._streams is not None and self._streams.has(what)

    def _backoff(self) -> Backoff:
        return Backoff(self._options.backoff_first_s, self._options.backoff_max_s)


def _bound(work: Callable[[Listing], Any], listing: Listing) -> Callable[[], Any]:
    return lambda: work(listing)


def _read(said: Any) -> Prices | None:
    if said is None or isinstance(said, Failure):
        return None
    prices = wire.prices_of(said)
    return None if isinstance(prices, Unreadable) else prices


def _trades_of(rows: Sequence[Any], listing: Listing) -> list[Trade]:
    read = [wire.trade_of(row, listing) for row in rows]
    return sorted((one for one in read if one is not None), key=lambda one: one.venue_ns)
