"""One public line of Bybit: the books, marks, trades and bars of one category.

Books are kept by `Books`; this file says which messages are snapshots, which are changes, and what keeps a
quiet book believable. The stream of fifty levels says nothing while nothing changes, so nobody can tell a
quiet market from a dead topic. A book that is quiet gets its best prices watched as well, which the venue
repeats every three seconds: while they agree with the book it stands and is told again; else its age decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from kedge.model.events import BookLost, BookUpdate, Event, MarkUpdate
from kedge.model.instrument import market_of, symbol_of
from kedge.model.venue import Feed
from kedge.venues.books import Books
from kedge.venues.bybit import frames, public
from kedge.venues.bybit.asks import Asks
from kedge.venues.bybit.feeds import Feeds
from kedge.venues.bybit.instruments import native_of
from kedge.venues.bybit.rules import (
    BOOK_DEPTH,
    BYBIT_RULES,
    SPOT_TOPICS_MOST,
    TOPIC_CHARS_MOST,
    TOPICS_MOST,
)
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.wire import UNREADABLE, Category, Unreadable, ns_or_zero
from kedge.venues.line import Address, Line
from kedge.venues.silence import Refused, Silence
from kedge.venues.timing import Every

SECOND_NS: Final = 1_000_000_000
CHECK_S: Final = 1.0
# How the venue refuses a topic that it streams already, and with it the whole request.
ALREADY: Final = "already subscribed"
# A book that was busy for so many checks needs no repetitions any more.
BUSY_CHECKS: Final = 30


class Market:
    def __init__(
        self,
        ties: Ties,
        asks: Asks,
        category: Category,
        say: Callable[[Event], None],
        linked: Callable[[], bool],
    ) -> None:
        self.category = category
        self._ties = ties
        self._say = say
        self._linked = linked
        self._account = ties.setup.account
        self._symbols: dict[str, str] = {}  # the venue's name to ours
        self._tickers: dict[str, public.TickerRow] = {}
        self._marks: dict[str, MarkUpdate] = {}
        self._told: dict[str, BookUpdate] = {}  # by market
        self._quiet: dict[str, _Quiet] = {}
        self._on: dict[str, None] = {}  # topics subscribed on this connection
        self._last_id = 0
        self._opened = False
        self._books = Books(
            self._account,
            ties.clock,
            BYBIT_RULES.book_age_max_ns,
            public.follows,
            self._tell,
            self._resync,
        )
        self.feeds = Feeds(ties, asks, category, say, linked)
        self.line: Line[frames.Frame] = Line(f"bybit {category} line", ties.wires, self, ties.line_waits())
        self._checks = Every(CHECK_S, self._check)

    # ── what the account says ───────────────────────────────────────────────────────────────────

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed]) -> None:
        """Stream exactly these. The line is opened for the first of them, and then kept."""
        self.feeds.watch(feeds)
        symbols = self._that_fit(symbols)
        self._books.watch(symbols)
        self._symbols = {native_of(symbol): symbol for symbol in (*symbols, *(f.symbol for f in feeds))}
        kept = {native_of(symbol): None for symbol in symbols}
        self._tickers = {n: row for n, row in self._tickers.items() if n in kept}
        self._marks = {s: mark for s, mark in self._marks.items() if native_of(s) in kept}
        self._told = {m: told for m, told in self._told.items() if native_of(symbol_of(m)) in kept}
        self._quiet = {symbol: self._quiet.get(symbol) or _Quiet() for symbol in symbols}
        if not self._opened and (symbols or feeds):
            self._opened = True
            self.line.open()
        if self.line.is_up:
            await self._subscribe_what_is_wanted()
            if self._linked():
                self.feeds.tick()

    def retell(self) -> None:
        """There is a link (again): tell what stands, and close the holes."""
        for symbol in self._books.symbols:
            if not self._books.is_live(symbol):
                # It may have been lost while nothing could be told.
                self._say(BookLost(market_of(self._account, symbol), self.line.why or "no book yet"))
        self._books.retell()
        for mark in self._marks.values():
            self._say(mark)
        if self.line.is_up:
            self.feeds.begin()
        elif self._opened:
            self.line.retry()

    async def close(self) -> None:
        self._checks.stop()
        await self.feeds.close()
        await self.line.close()

    # ── the owner of the line ───────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        return Address(f"{self._ties.hosts.public}/{self.category}")

    async def greet(self) -> Silence | Refused | None:
        self._on.clear()
        self._tickers.clear()
        self._quiet = {symbol: _Quiet() for symbol in self._quiet}
        self._books.begin()
        return await self._subscribe_what_is_wanted()

    def heard(self, frame: bytes) -> None:
        if frame.startswith(public.BOOK_BEGINS):
            self._book(frame)
            return
        said = frames.read_frame(frame)
        if isinstance(said, Unreadable):
            self.line.cut(said.why)
        elif said.topic:
            self._topic(said, frame)
        elif said.req_id and not frames.is_pong(said):
            self.line.answer(said.req_id, said)

    def paused(self) -> None:
        self._books.flush()

    def beat(self) -> bytes | None:
        return frames.PING

    def up(self) -> None:
        self._checks.start()
        # What was wished for while the greeting was under way.
        for chunk in self._chunks([topic for topic in self._wanted() if topic not in self._on]):
            self._post(frames.subscribe, chunk)
        if self._linked():
            self.feeds.begin()

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._checks.stop()
        self._marks.clear()
        self._books.lose_all(why)

    # ── what the venue says ─────────────────────────────────────────────────────────────────────

    def _topic(self, said: frames.Frame, frame: bytes) -> None:
        topic = public.topic_of(said.topic or "")
        symbol = self._symbols.get(topic.native)
        if symbol is None:
            return  # on its way when it was unsubscribed
        if topic.kind == "orderbook":
            self._book(frame)
        elif topic.kind == "tickers":
            self._ticker(symbol, topic.native, said)
        elif topic.kind == "publicTrade":
            trades = public.read_trades(said.data)
            if isinstance(trades, Unreadable):
                self.line.cut(trades.why)
            else:
                self.feeds.hear_trades(symbol, trades)
        elif topic.kind == "kline":
            bars = public.read_bars(said.data)
            if isinstance(bars, Unreadable):
                self.line.cut(bars.why)
            elif bars:
                self.feeds.hear_bars(symbol, public.interval_of(topic.detail), bars)

    def _book(self, frame: bytes) -> None:
        said = public.read_book(frame)
        if isinstance(said, Unreadable):
            self.line.cut(said.why)
            return
        data = said.data
        symbol = self._symbols.get(data.s)
        if symbol is None:
            return
        if said.topic.startswith("orderbook.1."):
            self._best(symbol, said)
            return
        now_ns = self._ties.clock()
        quiet = self._quiet.get(symbol)
        if quiet is not None:
            quiet.heard_ns = now_ns
        if said.type == "snapshot" or data.u == 1:
            self._books.snapshot(symbol, data.b, data.a, data.u, said.venue_ns, said.sent_ns)
        else:
            self._books.change(symbol, public.change_of(said), now_ns)

    def _best(self, symbol: str, said: public.BookSaid) -> None:
        """The best prices agree with the book, or they say nothing."""
        self._books.flush()
        told = self._told.get(market_of(self._account, symbol))
        if told is None or not self._books.is_live(symbol) or not public.agrees(told, said):
            return
        if self._books.heard(symbol, said.sent_ns):
            self._say(told)

    def _ticker(self, symbol: str, native: str, said: frames.Frame) -> None:
        row = public.read_ticker(said.data)
        if isinstance(row, Unreadable):
            self.line.cut(row.why)
            return
        before = self._tickers.get(native) if said.type == "delta" else None
        if said.type == "delta" and before is None:
            return  # the rest of it is not known yet: a snapshot comes first
        now = self._tickers[native] = public.merged(before, row)
        mark = public.mark_of(now, market_of(self._account, symbol), _ns(said))
        if isinstance(mark, Unreadable):
            self.line.cut(mark.why)
        elif mark is not None and not public.is_same_mark(self._marks.get(symbol), mark):
            self._marks[symbol] = mark
            self._books.flush()
            self._say(mark)

    # ── what is told ────────────────────────────────────────────────────────────────────────────

    def _tell(self, event: Event) -> None:
        """From the books: the latest of each is kept, to be told again while it stands."""
        if type(event) is BookUpdate:
            self._told[event.market] = event
        self._say(event)

    def _check(self) -> None:
        self._books.flush()
        self._watch_quiet_ones()
        self._books.check()
        self.feeds.tick()

    def _watch_quiet_ones(self) -> None:
        now_ns = self._ties.clock()
        quiet_ns = round(self._ties.options.quiet_s * SECOND_NS)
        for symbol, quiet in self._quiet.items():
            topic = public.book_topic(1, native_of(symbol))
            if now_ns - quiet.heard_ns > quiet_ns:
                quiet.busy = 0
                if topic not in self._on and self._books.is_live(symbol):
                    self._post(frames.subscribe, [topic])
            elif topic in self._on:
                quiet.busy += 1
                if quiet.busy >= BUSY_CHECKS:
                    self._post(frames.unsubscribe, [topic])

    # ── subscriptions ───────────────────────────────────────────────────────────────────────────

    def _wanted(self) -> dict[str, None]:
        topics: dict[str, None] = {}
        for symbol in self._books.symbols:
            topics[public.book_topic(BOOK_DEPTH, native_of(symbol))] = None
            topics[public.ticker_topic(native_of(symbol))] = None
            best = public.book_topic(1, native_of(symbol))
            if best in self._on:
                topics[best] = None
        return topics | dict.fromkeys(self.feeds.topics())

    def _that_fit(self, symbols: Sequence[str]) -> list[str]:
        """Those whose topics one connection may still name; the others are too many, and that is said."""
        chars = sum(len(topic) + 3 for topic in self.feeds.topics())
        fit: list[str] = []
        for symbol in symbols:
            native = native_of(symbol)
            depths = [public.book_topic(depth, native) for depth in (BOOK_DEPTH, 1)]
            chars += sum(len(topic) + 3 for topic in (*depths, public.ticker_topic(native)))
            if chars <= TOPIC_CHARS_MOST:
                fit.append(symbol)
                continue
            why = f"not streamed: {len(symbols)} markets of {self.category} need more than {TOPIC_CHARS_MOST}"
            why += " characters of topics, which is all that one connection may name: watch fewer"
            self._say(BookLost(market_of(self._account, symbol), why))
            self._ties.odd(why)
        return fit

    async def _subscribe_what_is_wanted(self) -> Silence | Refused | None:
        wanted = self._wanted()
        gone = [topic for topic in self._on if topic not in wanted]
        new = [topic for topic in wanted if topic not in self._on]
        for chunk in self._chunks(gone):
            self._post(frames.unsubscribe, chunk)
        for chunk in self._chunks(new):
            silence = await self._subscribe(chunk)
            if silence is not None:
                return silence
        return None

    async def _subscribe(self, topics: list[str]) -> Silence | None:
        """All of them, or each by itself where one of them is refused."""
        self._on.update(dict.fromkeys(topics))
        id = self._new_id()
        said = await self.line.ask(id, frames.subscribe(id, topics), self._ties.options.request_s)
        if isinstance(said, Silence):
            return said
        if said.success is not False:
            return None
        for topic in topics:
            self._on.pop(topic, None)
        if len(topics) == 1 and ALREADY in (said.ret_msg or ""):
            self._on[topics[0]] = None
            return None
        if len(topics) == 1:
            self._refused(topics[0], said.ret_msg or "no words")
            return None
        for topic in topics:
            silence = await self._subscribe([topic])
            if silence is not None:
                return silence
        return None

    def _refused(self, topic: str, words: str) -> None:
        """The venue does not stream this: its book is told lost, everything else goes on."""
        what = public.topic_of(topic)
        symbol = self._symbols.get(what.native)
        if symbol is not None and what.kind == "orderbook":
            self._books.drop(symbol, f"the venue does not stream {topic}: {words}")
        self._ties.odd(f"the venue does not stream {topic}: {words}")

    def _resync(self, symbol: str) -> None:
        """A fresh snapshot comes with a fresh subscription."""
        topic = public.book_topic(BOOK_DEPTH, native_of(symbol))
        if topic in self._on:
            self._post(frames.unsubscribe, [topic])
        self._post(frames.subscribe, [topic])

    def _post(self, make: Callable[[str, Sequence[str]], bytes], topics: Sequence[str]) -> None:
        """Send without waiting for the answer; the stream shows whether it was heard."""
        self.line.say(make(self._new_id(), topics))
        for topic in topics:
            if make is frames.subscribe:
                self._on[topic] = None
            else:
                self._on.pop(topic, None)

    def _chunks(self, topics: Sequence[str]) -> Iterator[list[str]]:
        most = SPOT_TOPICS_MOST if self.category == "spot" else TOPICS_MOST
        for at in range(0, len(topics), most):
            yield list(topics[at : at + most])

    def _new_id(self) -> str:
        self._last_id += 1
        return f"{self.category}-{self._last_id}"


class _Quiet:
    """When a book's topic last said something, and for how many checks in a row it was busy."""

    def __init__(self) -> None:
        self.heard_ns = 0
        self.busy = 0


def _ns(said: frames.Frame) -> int:
    try:
        return ns_or_zero(said.ts)
    except UNREADABLE:
        return 0
