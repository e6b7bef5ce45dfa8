"""The books one paper connection streams: kept, checked, and told to the engine no oftener than needed.

Changes of one book that arrive together are told as one `BookUpdate`. A book that cannot be believed is told
once as `BookLost`; then a new snapshot is asked for, and asked for again while none comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from kedge.model.book import Book
from kedge.model.events import BookLost, BookUpdate, Event, MarkUpdate
from kedge.model.instrument import market_of
from kedge.venues.paper import wire
from kedge.venues.paper.rules import Options
from kedge.venues.paper.session import Clock, Session, Silence
from kedge.venues.paper.wire import BookSaid, MarkSaid, Reply, Unreadable


class Books:
    def __init__(
        self,
        account: str,
        clock: Clock,
        age_max_ns: int,
        options: Options,
        say: Callable[[Event], None],
    ) -> None:
        self.account = account
        self._clock = clock
        self._age_max_ns = age_max_ns
        self._options = options
        self._say = say
        self._books: dict[str, Book] = {}
        # Changed since they were last told; a dict, because its order is the venue's.
        self._changed: dict[str, None] = {}
        # When a snapshot was last asked for, by the loop's time.
        self._asked_s: dict[str, float] = {}
        self._watch_asked_s: float | None = None

    def watch(self, symbols: tuple[str, ...]) -> None:
        """Keep exactly these books; those that stay keep their levels."""
        self._books = {s: self._books.get(s) or Book() for s in symbols}
        self._changed = {s: None for s in self._changed if s in self._books}
        self._asked_s = {s: t for s, t in self._asked_s.items() if s in self._books}

    def begin(self, symbols: tuple[str, ...]) -> None:
        """A new connection: numbers start anew."""
        self._books = {s: Book() for s in symbols}
        self._changed.clear()
        self._asked_s.clear()
        self._watch_asked_s = None

    def ask_watch(self, session: Session) -> None:
        now_s = asyncio.get_running_loop().time()
        self._watch_asked_s = now_s
        symbols = list(self._books)
        self._asked_s = dict.fromkeys(symbols, now_s)

        def done(reply: Reply | Silence) -> None:
            if not isinstance(reply, Silence):
                self._watching(reply)

        session.post(lambda id: wire.ask("watch", id, symbols=symbols), done)

    def hear(self, said: BookSaid, session: Session | None) -> None:
        """Take a snapshot or a change; a book that breaks is said at once."""
        book = self._books.get(said.symbol)
        if book is None:
            return
        bids, asks = wire.levels_of(said.bids), wire.levels_of(said.asks)
        was_live, now_ns = book.live, self._clock()
        if said.kind == "snapshot":
            why = book.reset(bids, asks, said.seq, said.venue_ns, now_ns)
        else:
            why = book.apply(bids, asks, said.seq, said.prev, said.venue_ns, now_ns)
        if not why:
            self._changed[said.symbol] = None
            return
        if was_live or said.kind == "snapshot":
            self._lost(said.symbol, why)
        if session is not None:
            self._ask_snapshot(session, said.symbol, again=was_live)

    def hear_mark(self, said: MarkSaid) -> None:
        if said.symbol not in self._books:
            return
        update = MarkUpdate(
            market_of(self.account, said.symbol),
            Decimal(said.mark),
            Decimal(said.index),
            Decimal(said.last),
            Decimal(said.funding_rate),
            said.venue_ns,
        )
        self._say(update)

    def flush(self) -> None:
        """Tell every changed book's best levels, once."""
        if not self._changed:
            return
        changed, self._changed = self._changed, {}
        for symbol in changed:
            book = self._books[symbol]
            assert book.live
            bids, asks = book.best(self._options.book_levels)
            self._say(BookUpdate(market_of(self.account, symbol), bids, asks, book.venue_ns))

    def check(self, session: Session) -> None:
        """Once a heartbeat: books too old to be believed, requests that were never answered."""
        now_ns, now_s = self._clock(), asyncio.get_running_loop().time()
        if self._watch_asked_s is not None and now_s - self._watch_asked_s > self._options.request_s:
            self.ask_watch(session)
            return
        for symbol, book in self._books.items():
            was_live = book.live
            why = book.check_age(now_ns, self._age_max_ns)
            if was_live and why:
                self._lost(symbol, why)
            if why:
                self._ask_snapshot(session, symbol)

    def lose_all(self, why: str) -> None:
        """The connection is gone, and every book with it."""
        for symbol, book in self._books.items():
            if book.live:
                book.lose(why)
                self._lost(symbol, why)
        self._changed.clear()

    def _lost(self, symbol: str, why: str) -> None:
        self._changed.pop(symbol, None)
        self._say(BookLost(market_of(self.account, symbol), why))

    def _ask_snapshot(self, session: Session, symbol: str, *, again: bool = False) -> None:
        """Ask, unless an earlier question may still be answered."""
        now_s = asyncio.get_running_loop().time()
        asked_s = self._asked_s.get(symbol)
        if not again and asked_s is not None and now_s - asked_s <= self._options.request_s:
            return
        self._asked_s[symbol] = now_s
        session.post(lambda id: wire.ask("snapshot", id, symbol=symbol), lambda _: None)

    def _watching(self, reply: Reply) -> None:
        if not reply.ok:
            # Most likely the rate: the heartbeat asks again.
            return
        self._watch_asked_s = None
        body = wire.read_body(reply, wire.WatchBody)
        unknown = () if isinstance(body, Unreadable) else body.unknown
        for symbol in unknown:
            if self._books.pop(symbol, None) is not None:
                self._lost(symbol, "the venue has no such symbol")
