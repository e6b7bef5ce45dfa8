"""The public streams of one account's markets: books, last prices, trades and bars, on one combined line.

What is wanted is a set; what the venue has subscribed is asked for with every heartbeat, and the difference
is mended, so that a lost SUBSCRIBE is found within seconds. The same answer proves that quiet is not stale.

A snapshot is asked for when the first change has been heard: from then on every change is kept, and the
documents' rule (`market.follows`) decides which of them still count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from kedge.model.events import Event, MarkUpdate
from kedge.model.instrument import market_of
from kedge.model.venue import Feed
from kedge.venues.binance.spot import market, rules
from kedge.venues.binance.spot.depth import Snapshots
from kedge.venues.binance.spot.history import BarFeeds, Past
from kedge.venues.binance.spot.market import DepthUpdate, KlineSeen, MiniTicker, StreamFrame, TradeSeen
from kedge.venues.binance.spot.tape import Tape
from kedge.venues.binance.spot.us import Us
from kedge.venues.binance.spot.wire import NS_PER_MS, Unreadable
from kedge.venues.books import Books, BookWaits
from kedge.venues.line import Address, Line, LineWaits
from kedge.venues.rest import Rest
from kedge.venues.silence import Refused, Silence
from kedge.venues.stream import Pace
from kedge.venues.venue import Clock
from kedge.venues.wires import Wires

NO_SYMBOL = "the venue has no such symbol: it is spelled like BTCUSDT, and may have been delisted"
TOO_MANY = (
    "one line of the venue carries 1,024 streams, two of each market: watch fewer, or use another account"
)
NOT_STREAMED = "the venue does not stream it (any more)"
# A SUBSCRIBE that was not answered for so long is taken for lost.
ANSWER_S = 10.0
_encode = msgspec.json.Encoder().encode


class Streams:
    """`known`: whether a symbol is listed. `say`: tell the engine, which hears it while `linked`."""

    def __init__(
        self,
        account: str,
        rest: Rest,
        us: Us,
        clock: Clock,
        options: rules.Options,
        known: Callable[[str], bool],
        say: Callable[[Event], None],
        linked: Callable[[], bool],
    ) -> None:
        self.account = account
        self.unread = 0  # messages that could not be read, each of which cost a book or was let go
        self._options = options
        self._known = known
        self._say = say
        self._snapshots = Snapshots(rest, us, self._hears_depth)
        self.books = Books(
            account,
            clock,
            rules.BINANCE_SPOT_RULES.book_age_max_ns,
            market.follows,
            say,
            self._snapshots.ask,
            buffer=True,
            waits=BookWaits(levels=options.book_levels),
        )
        self._snapshots.serve(self.books)
        self.bars = BarFeeds(account, Past(rest, us), clock, options.bars_first, say)
        self.tape = Tape(account, rest, clock, say, linked)
        self._line: Line[StreamFrame] | None = None
        self._url = ""
        self._symbols: tuple[str, ...] = ()
        self._feeds: tuple[Feed, ...] = ()
        self._last_id = 0
        self._pace = Pace(rules.MESSAGES_PER_S, 1)
        # Streams the venue has confirmed, and what was asked for and is not answered: id to (when, streams).
        self._have: dict[str, None] = {}
        self._pending: dict[int, tuple[float, tuple[str, ...]]] = {}
        self._list_id = 0
        self._connection = 0

    # ── verbs ───────────────────────────────────────────────────────────────────────────────────

    def open(self, wires: Wires, url: str) -> None:
        o = self._options
        waits = LineWaits(
            connect_s=o.connect_s,
            heartbeat_s=o.stream_beat_s,
            silence_s=o.stream_silence_s,
            life_s=o.renew_s,
            backoff_first_s=o.backoff_first_s,
            backoff_max_s=o.backoff_max_s,
        )
        self._url = url
        self._line = Line(f"streams of {self.account}", wires, self, waits)
        self._line.open()

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()
        await self._snapshots.close()
        await self.bars.close()
        await self.tape.close()

    def retry(self) -> None:
        if self._line is not None:
            self._line.retry()

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._symbols

    def watch(self, symbols: Sequence[str], feeds: Sequence[Feed]) -> None:
        """Have exactly these streamed."""
        self._symbols, self._feeds = tuple(dict.fromkeys(symbols)), tuple(feeds)
        self.books.watch(self._symbols)
        self.bars.watch([feed for feed in self._feeds if self._known(feed.symbol)])
        self.tape.watch(feed.symbol for feed in self._feeds if feed.kind == "trades")
        self._drop_unknown()
        self._mend()

    def retell(self) -> None:
        """A new link, or new instruments: tell what is known, and what is not."""
        self.bars.watch([feed for feed in self._feeds if self._known(feed.symbol)])
        self.books.retell()
        self._drop_unknown()
        self.bars.retell()
        self.tape.begin()
        self._mend()

    def check(self) -> None:
        """About once a second."""
        if self._line is not None and self._line.is_up:
            self.books.check()
            self.bars.check()
            self.tape.check()

    # ── the line's owner ────────────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        return Address(self._url)

    async def greet(self) -> Silence | Refused | None:
        return None

    def heard(self, frame: bytes) -> None:
        assert self._line is not None
        depth = market.read_depth(frame)
        if depth is not None:
            self._depth(market.symbol_of_stream(depth.stream), depth.data)
            return
        said = market.read_stream(frame)
        if isinstance(said, Unreadable):
            self._line.cut(said.why)  # it may have been a change of any book
        elif said.stream == market.SHUTDOWN:
            self._line.renew("the venue is about to shut this server down")
        elif said.stream:
            self._data(said)
        else:
            self._reply(said)

    def paused(self) -> None:
        self.books.flush()

    def beat(self) -> bytes | None:
        self._last_id += 1
        self._list_id = self._last_id
        return _encode({"method": "LIST_SUBSCRIPTIONS", "id": self._last_id})

    def up(self) -> None:
        self._connection += 1
        self._have.clear()
        self._pending.clear()
        self.books.begin()
        self._mend()
        self.tape.begin()

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._have.clear()
        self._pending.clear()
        self._snapshots.forget_all()
        self.books.lose_all(why)

    # ── what is subscribed ──────────────────────────────────────────────────────────────────────

    def _wanted(self) -> dict[str, None]:
        wanted: dict[str, None] = {}
        for symbol in self._symbols:
            if self._known(symbol):
                wanted.update(dict.fromkeys(market.streams_of(symbol)))
        for feed in self._feeds:
            if not self._known(feed.symbol):
                continue
            stream = (
                market.trade_stream(feed.symbol)
                if feed.kind == "trades"
                else market.bar_stream(feed.symbol, feed.interval_ns)
            )
            if stream is not None:
                wanted[stream] = None
        return dict.fromkeys(list(wanted)[: rules.STREAMS_PER_LINE])

    def _mend(self) -> None:
        """Ask for what is missing, and no more for what is not wanted."""
        if self._line is None or not self._line.is_up:
            return
        asked = {stream: None for _, streams in self._pending.values() for stream in streams}
        wanted = self._wanted()
        self._ask("SUBSCRIBE", [s for s in wanted if s not in self._have and s not in asked])
        self._ask("UNSUBSCRIBE", [s for s in self._have if s not in wanted and s not in asked])

    def _ask(self, method: str, streams: list[str]) -> None:
        for first in range(0, len(streams), rules.STREAMS_PER_MESSAGE):
            some = tuple(streams[first : first + rules.STREAMS_PER_MESSAGE])
            self._last_id += 1
            self._pending[self._last_id] = (asyncio.get_running_loop().time(), some)
            if method == "UNSUBSCRIBE":
                for stream in some:
                    self._have.pop(stream, None)
            self._send(_encode({"method": method, "params": some, "id": self._last_id}))

    def _send(self, frame: bytes) -> None:
        """Five messages a second are allowed, and a sixth costs the line."""
        assert self._line is not None
        loop = asyncio.get_running_loop()
        wait_s = self._pace.take(loop.time())
        if wait_s:
            loop.call_later(wait_s, self._say_later, self._connection, frame)
        else:
            self._line.say(frame)

    def _say_later(self, connection: int, frame: bytes) -> None:
        if self._line is not None and connection == self._connection:
            self._line.say(frame)

    def _reply(self, said: StreamFrame) -> None:
        if not isinstance(said.id, int):
            return
        if said.id == self._list_id:
            self._listed(said)
            return
        _, streams = self._pending.pop(said.id, (0.0, ()))
        if said.code is not None or said.error or bytes(said.result) != b"null":
            return  # refused: the next heartbeat finds it missing, and asks again
        wanted = self._wanted()
        self._have.update({stream: None for stream in streams if stream in wanted})

    def _listed(self, said: StreamFrame) -> None:
        """What the venue says it streams; believed unless something of ours is on its way."""
        self.books.alive()
        self.books.retell()  # the engine counts a book's age by what it is told
        now_s = asyncio.get_running_loop().time()
        self._pending = {i: p for i, p in self._pending.items() if now_s - p[0] < ANSWER_S}
        if self._pending:
            return
        try:
            listed = msgspec.json.decode(said.result, type=tuple[str, ...])
        except msgspec.DecodeError:
            return
        gone = [stream for stream in self._have if stream not in listed]
        self._have = {stream: None for stream in listed if stream in self._have}
        for stream in gone:
            # The line lives and this no longer comes on it: quiet here is stale.
            if "@depth" in stream:
                self.books.lost(market.symbol_of_stream(stream), NOT_STREAMED)
        wanted = self._wanted()
        strange = [stream for stream in listed if stream not in wanted]
        if strange:
            self._ask("UNSUBSCRIBE", strange)
        self._mend()

    def _hears_depth(self, symbol: str) -> bool:
        return market.streams_of(symbol)[0] in self._have

    def _drop_unknown(self) -> None:
        for number, symbol in enumerate(self._symbols):
            if not self._known(symbol):
                self.books.drop(symbol, NO_SYMBOL)
            elif number >= rules.STREAMS_PER_LINE // 2:
                self.books.drop(symbol, TOO_MANY)

    # ── what is streamed ────────────────────────────────────────────────────────────────────────

    def _data(self, frame: StreamFrame) -> None:
        seen = market.read_seen(frame.stream, frame.data)
        symbol = market.symbol_of_stream(frame.stream)
        if isinstance(seen, Unreadable):
            self.unread += 1
            if "@depth" in frame.stream:
                self.books.lost(symbol, seen.why)
        elif isinstance(seen, DepthUpdate):
            self._depth(symbol, seen)
        elif isinstance(seen, MiniTicker):
            self._price(symbol, seen)
        elif isinstance(seen, TradeSeen):
            self.books.flush()  # nothing overtakes a book
            self.tape.heard(seen)
        elif isinstance(seen, KlineSeen):
            bar = market.bar_of(seen)
            if bar is not None:
                self.bars.heard(symbol, seen.k.i, bar)

    def _depth(self, symbol: str, seen: DepthUpdate) -> None:
        change = market.change_of(seen)
        self.books.change(symbol, change)
        self._snapshots.change(symbol, change)

    def _price(self, symbol: str, seen: MiniTicker) -> None:
        last = Decimal(seen.c)
        if last <= 0 or symbol not in self._symbols:
            return
        self._snapshots.price(symbol, last)
        market_name = market_of(self.account, symbol)
        self._say(MarkUpdate(market_name, last, last=last, venue_ns=max(seen.E, 0) * NS_PER_MS))
