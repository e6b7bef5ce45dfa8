"""Everything public of one account's markets: books and their touch, marks, trades, bars, contracts.

Books come by two ways: changes by the stream, the snapshot by REST; `Books` joins them by the venue's rule. A
market line that is down loses its books and nothing else: the account's link does not hang by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kedge.model.events import BookLost, BookUpdate, Event
from kedge.model.instrument import market_of, symbol_of
from kedge.model.venue import Feed
from kedge.venues.binance.usdm import asks, feeds
from kedge.venues.binance.usdm.barring import Bars
from kedge.venues.binance.usdm.common import Common, Outlet
from kedge.venues.binance.usdm.feeds import Snapshot, Told, Touches
from kedge.venues.binance.usdm.rules import STREAMS_MOST
from kedge.venues.binance.usdm.streams import Streams
from kedge.venues.binance.usdm.tape import Tape
from kedge.venues.binance.usdm.wire import NS_PER_MS
from kedge.venues.books import Books, BookWaits

BAD_SYMBOL = -1121
# Snapshots asked for at one time: where there are hundreds of books, the account's questions come between.
SNAPSHOTS_AT_ONCE = 4
# Two streams of each market, on each of the two lines; the market line has one more.
BOOKS_MOST = STREAMS_MOST // 2 - 1
TOO_MANY = (
    "one line of the venue carries 1,024 streams, two of each market: watch fewer, or use another account"
)


class Markets:
    def __init__(self, common: Common, outlet: Outlet, book_age_max_ns: int) -> None:
        self._account = common.account
        self._asking = common.asking
        self._chores = common.chores
        self._options = options = common.options
        self._outlet = outlet
        self._snapshots = asyncio.Semaphore(SNAPSHOTS_AT_ONCE)
        self._clock = common.clock
        self._touches = Touches()
        # Markets whose touch has changed since the last pause.
        self._touched: dict[str, None] = {}
        self._books = Books(
            common.account,
            common.clock,
            book_age_max_ns,
            feeds.follows,
            self._say_book,
            self._resync,
            buffer=True,
            waits=BookWaits(levels=options.book_levels),
        )
        self._tape = Tape(common, outlet)
        self._bars = Bars(common, outlet)
        self._public = Streams("public", common, _BookAudience(self))
        self._market = Streams("market", common, _TapeAudience(self))

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._books.symbols

    def watch(self, symbols: Sequence[str], wanted: Sequence[Feed]) -> None:
        _, gone = self._books.watch(symbols)
        for symbol in gone:
            self._touches.forget(symbol)
        for symbol in symbols[BOOKS_MOST:]:
            self._books.drop(symbol, TOO_MANY)
        symbols = symbols[:BOOKS_MOST]
        public = [name for symbol in symbols for name in asks.public_streams(symbol)]
        market = [asks.CONTRACTS, *(asks.mark_stream(symbol) for symbol in symbols)]
        trades_of = dict.fromkeys(f.symbol for f in wanted if f.kind == "trades")
        market += [asks.trade_stream(symbol) for symbol in dict.fromkeys([*symbols, *trades_of])]
        self._tape.watch(symbols, trades_of)
        market += self._bars.watch([f for f in wanted if f.kind == "bars"])
        self._public.want(public)
        self._market.want(market)

    def retell(self) -> None:
        """A new link: books are told again, trades and bars go on where they ended."""
        self._books.retell()
        self._tape.went_up()
        self._bars.check()

    def check(self) -> None:
        """About once a second."""
        self._books.check()
        self._books.flush()
        self._tape.check()
        self._bars.check()

    async def close(self) -> None:
        await self._public.close()
        await self._market.close()

    @property
    def bars(self) -> Bars:
        return self._bars

    # ── books ───────────────────────────────────────────────────────────────────────────────────

    def hear_book(self, told: Told) -> None:
        if isinstance(told, feeds.Depth):
            self._books.change(told.symbol, feeds.change_of(told))
            if self._books.is_live(told.symbol):
                self._touches.book_at(told.symbol, told.last)
        elif isinstance(told, feeds.Touch):
            self._touch(told)

    def pause_books(self) -> None:
        """Tell what this read has changed: whole books first, then touches that no book update has told."""
        self._books.flush()
        touched, self._touched = self._touched, {}
        for symbol in touched:
            update = self._touches.over(symbol) if self._books.is_live(symbol) else None
            if update is not None:
                self._outlet.say(update)

    def books_up(self) -> None:
        self._touches.clear()
        self._books.begin()

    def books_down(self, why: str) -> None:
        self._touches.clear()
        self._touched.clear()
        self._books.lose_all(why)

    def books_alive(self) -> None:
        """Quiet books are quiet, not stale; told again, so that nobody counts their age from long ago."""
        self._books.alive()
        self._books.retell()

    def book_unreadable(self, stream: str, why: str) -> None:
        symbol = stream.partition("@")[0].upper()
        for one in self._books.symbols:
            if one == symbol or not symbol:
                self._books.lost(one, why)

    def _say_book(self, event: Event) -> None:
        """What `Books` tells, with the newest touch laid over it."""
        if isinstance(event, BookUpdate):
            symbol = symbol_of(event.market)
            self._touched.pop(symbol, None)
            self._outlet.say(self._touches.over(symbol, event) or event)
            return
        if isinstance(event, BookLost):
            self._touches.forget(symbol_of(event.market))
        self._outlet.say(event)

    def _touch(self, told: feeds.Touch) -> None:
        if self._books.takes(told.symbol, told.sent_ns) and self._touches.heard(told):
            self._touched[told.symbol] = None

    def _resync(self, symbol: str) -> None:
        if not self._public.is_on(asks.public_streams(symbol)[0]):
            return  # a snapshot without the changes that follow it would only look alive

        async def fetch() -> None:
            async with self._snapshots:
                levels, asked_ns = self._options.snapshot_levels, self._clock()
                snapshot = await self._asking.read(asks.depth(symbol, levels), Snapshot)
            if isinstance(snapshot, Snapshot):
                venue_ns = snapshot.time * NS_PER_MS
                self._touches.book_at(symbol, snapshot.last)
                # It is as the book was after we asked, however long the answer was on its way.
                self._books.snapshot(symbol, snapshot.bids, snapshot.asks, snapshot.last, venue_ns, asked_ns)
                self.pause_books()
            elif snapshot.code == BAD_SYMBOL:
                self._books.drop(symbol, snapshot.why)

        self._chores.start(f"book of {symbol}", fetch)

    # ── the tape ────────────────────────────────────────────────────────────────────────────────

    def hear_tape(self, told: Told) -> None:
        if isinstance(told, feeds.Mark):
            last = self._tape.last(told.symbol)
            mark = feeds.mark_of(told, market_of(self._account, told.symbol), last)
            if mark is not None and told.symbol in self._books.symbols:
                self._outlet.say(mark)
        elif isinstance(told, feeds.AggTrade):
            self._tape.heard(told)
        elif isinstance(told, feeds.Kline):
            self._bars.heard(told)
        elif isinstance(told, feeds.Contract):
            self._outlet.contracts_changed()

    def pause_tape(self) -> None:
        self._tape.paused()

    def tape_up(self) -> None:
        self._tape.went_up()


class _BookAudience:
    """Hears the public line."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    def heard(self, told: Told) -> None:
        self._markets.hear_book(told)

    def unreadable(self, stream: str, why: str) -> None:
        self._markets.book_unreadable(stream, why)

    def paused(self) -> None:
        self._markets.pause_books()

    def alive(self) -> None:
        self._markets.books_alive()

    def went_up(self) -> None:
        self._markets.books_up()

    def went_down(self, why: str) -> None:
        self._markets.books_down(why)


class _TapeAudience:
    """Hears the market line. What cannot be read is missing; bars are asked for again by their gap."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self.unread = 0

    def heard(self, told: Told) -> None:
        self._markets.hear_tape(told)

    def unreadable(self, stream: str, why: str) -> None:
        self.unread += 1

    def paused(self) -> None:
        self._markets.pause_tape()

    def alive(self) -> None:
        pass

    def went_up(self) -> None:
        self._markets.tape_up()

    def went_down(self, why: str) -> None:
        self._markets.pause_tape()
