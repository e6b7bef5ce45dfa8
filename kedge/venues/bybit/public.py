"""What Bybit says of its markets: books, tickers, trades and bars, on the streams and in replies. Pure.

The gap rule of books: a delta's number is the one before it plus one. A snapshot replaces the book whenever
it comes; number 1 is a snapshot too, whatever it calls itself, because the venue's service has begun anew.
Best prices (depth 1) come as snapshots only, the same one again after three quiet seconds: a sign of life.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.events import BookUpdate, MarkUpdate
from kedge.model.instrument import Market
from kedge.model.numbers import ZERO
from kedge.model.order import Side
from kedge.model.venue import Bar, Trade
from kedge.venues.books import Change, Follow
from kedge.venues.bybit.rules import INTERVALS
from kedge.venues.bybit.wire import (
    MS,
    UNREADABLE,
    Envelope,
    Number,
    Numbers,
    Stamp,
    Unreadable,
    Word,
    ns_of,
    number,
    number_or_zero,
    read_as,
    read_listed,
)
from kedge.venues.silence import sentence

# ── topics ──────────────────────────────────────────────────────────────────────────────────────


class Topic(Struct, frozen=True):
    """`orderbook.50.BTCUSDT` taken apart; `detail` is the depth or the interval."""

    kind: str
    detail: str
    native: str


def topic_of(words: str) -> Topic:
    parts = words.split(".", 2)
    if len(parts) == 3:
        return Topic(parts[0], parts[1], parts[2])
    return Topic(parts[0], "", parts[1] if len(parts) == 2 else "")


def book_topic(depth: int, native: str) -> str:
    return f"orderbook.{depth}.{native}"


def ticker_topic(native: str) -> str:
    return f"tickers.{native}"


def trades_topic(native: str) -> str:
    return f"publicTrade.{native}"


def bars_topic(interval_ns: int, native: str) -> str:
    return f"kline.{INTERVALS[interval_ns]}.{native}"


_LENGTHS: Final = {name: length for length, name in INTERVALS.items()}


def interval_of(name: str) -> int:
    """0 for a length that is not watched."""
    return _LENGTHS.get(name, 0)


# ── books ───────────────────────────────────────────────────────────────────────────────────────


# Bounded as it is read: books are most of what is heard, and each look at them in Python costs.
_Millis = Annotated[int, Meta(ge=0, lt=10**16)]


class _Levels(Struct, frozen=True, gc=False):
    s: Word
    b: list[tuple[Number, Number]]
    a: list[tuple[Number, Number]]
    u: Annotated[int, Meta(ge=0)]


class BookSaid(Struct, frozen=True, gc=False):
    """One message about a book; best first only in snapshots."""

    topic: str
    type: Literal["snapshot", "delta"]
    data: _Levels
    ts: _Millis = 0
    cts: _Millis | None = None

    @property
    def is_snapshot(self) -> bool:
        return self.type == "snapshot" or self.data.u == 1

    @property
    def venue_ns(self) -> int:
        """Of the last change, which may be long ago; `sent_ns` is when the venue spoke of it."""
        return (self.cts or self.ts) * MS

    @property
    def sent_ns(self) -> int:
        return self.ts * MS


_book = msgspec.json.Decoder(BookSaid, strict=False)
BOOK_BEGINS: Final = b'{"topic":"orderbook.'


def read_book(frame: bytes) -> BookSaid | Unreadable:
    try:
        said = _book.decode(frame)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable book ({error}): {frame[:80]!r}"))
    if not (said.cts or said.ts):
        return Unreadable(sentence(f"a book without a time: {frame[:80]!r}"))
    return said


def change_of(said: BookSaid) -> Change:
    data = said.data
    number = data.u
    return Change(data.b, data.a, number, number, number - 1, (said.cts or said.ts) * MS, said.ts * MS)


def follows(seq: int, change: Change, first: bool) -> Follow:
    """The gap rule; it is the same after a snapshot as later."""
    if change.last <= seq:
        return "skip"
    return "apply" if change.last == seq + 1 else "gap"


def agrees(told: BookUpdate, best: BookSaid) -> bool:
    """Whether the best prices of a message of depth 1 are those of the book."""
    sides = ((told.bids, best.data.b), (told.asks, best.data.a))
    try:
        return all(
            (levels[0].price, levels[0].qty) == (number(said[0][0]), number(said[0][1]))
            if levels and said
            else bool(levels) == bool(said)
            for levels, said in sides
        )
    except UNREADABLE:
        return False


# ── tickers ─────────────────────────────────────────────────────────────────────────────────────


class TickerRow(Struct, frozen=True, rename="camel"):
    """What has not changed is left out of a delta: None. Spot knows the last price only."""

    symbol: Word
    mark_price: Numbers = None
    index_price: Numbers = None
    last_price: Numbers = None
    funding_rate: Numbers = None


def read_ticker(data: Raw) -> TickerRow | Unreadable:
    return read_as(data, TickerRow)


def merged(before: TickerRow | None, now: TickerRow) -> TickerRow:
    """A delta over what is known."""
    if before is None:
        return now
    return TickerRow(
        now.symbol,
        before.mark_price if now.mark_price is None else now.mark_price,
        before.index_price if now.index_price is None else now.index_price,
        before.last_price if now.last_price is None else now.last_price,
        before.funding_rate if now.funding_rate is None else now.funding_rate,
    )


def mark_of(row: TickerRow, market: Market, venue_ns: int) -> MarkUpdate | Unreadable | None:
    """None while there is no price yet. Where there is no mark (spot), the last price is it."""
    try:
        last = number_or_zero(row.last_price)
        mark = number_or_zero(row.mark_price) or last
        if mark <= 0:
            return None
        index = number_or_zero(row.index_price)
        return MarkUpdate(market, mark, index, last, number_or_zero(row.funding_rate), venue_ns)
    except UNREADABLE as error:
        return Unreadable(sentence(f"ticker of {row.symbol}: {error}"))


def read_last_price(envelope: Envelope) -> Decimal | Unreadable:
    """Of a reply of /v5/market/tickers about one symbol."""
    listed = read_listed(envelope.result)
    if isinstance(listed, Unreadable):
        return listed
    rows = [read_as(raw, TickerRow) for raw in listed.list or ()]
    row = rows[0] if len(rows) == 1 else Unreadable(f"a ticker of {len(rows)} symbols")
    if isinstance(row, Unreadable):
        return row
    try:
        last = number(row.last_price)
    except UNREADABLE as error:
        return Unreadable(sentence(f"ticker of {row.symbol}: {error}"))
    return last if last > 0 else Unreadable(f"{row.symbol} has no last price")


def is_same_mark(before: MarkUpdate | None, now: MarkUpdate) -> bool:
    """Tickers come ten times a second, mostly about what nobody here wants to know."""
    if before is None:
        return False
    return (before.mark, before.index, before.last, before.funding_rate) == (
        now.mark,
        now.index,
        now.last,
        now.funding_rate,
    )


# ── trades ──────────────────────────────────────────────────────────────────────────────────────

_SIDES: Final[Mapping[str, Side]] = {"Buy": "buy", "Sell": "sell"}


class _TradeSaid(Struct, frozen=True):
    T: Stamp
    S: Word
    v: Number
    p: Number
    i: Word
    BT: bool | None = False


class _TradeTold(Struct, frozen=True, rename="camel"):
    """The same in a reply of /v5/market/recent-trade."""

    exec_id: Word
    price: Number
    size: Number
    side: Word
    time: Stamp
    is_block_trade: bool | None = False


_trades = msgspec.json.Decoder(tuple[_TradeSaid, ...], strict=False)


def read_trades(data: Raw) -> tuple[Trade, ...] | Unreadable:
    """Of a stream's message, oldest first. Block trades are agreed elsewhere and are left out."""
    try:
        return tuple(_trade(t.i, t.S, t.p, t.v, t.T) for t in _trades.decode(data) if not t.BT)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable trades ({error})"))


def read_recent_trades(envelope: Envelope) -> tuple[Trade, ...] | Unreadable:
    """Of a reply, which has the newest first."""
    listed = read_listed(envelope.result)
    if isinstance(listed, Unreadable):
        return listed
    trades = []
    for raw in listed.list or ():
        row = read_as(raw, _TradeTold)
        if isinstance(row, Unreadable):
            return row
        if row.is_block_trade:
            continue
        try:
            trades.append(_trade(row.exec_id, row.side, row.price, row.size, row.time))
        except UNREADABLE as error:
            return Unreadable(sentence(f"unreadable trade ({error})"))
    return tuple(reversed(trades))


def _trade(id: str, side: str, price: str, qty: str, stamp: Stamp) -> Trade:
    """Raises what `UNREADABLE` lists."""
    taker = _SIDES.get(side)
    if taker is None:
        raise msgspec.ValidationError(f"side {side!r}")
    return Trade(id, taker, number(price), number(qty), ns_of(stamp))


# ── bars ────────────────────────────────────────────────────────────────────────────────────────


class _BarSaid(Struct, frozen=True):
    start: Stamp
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    confirm: bool


_bars = msgspec.json.Decoder(tuple[_BarSaid, ...], strict=False)


def read_bars(data: Raw) -> tuple[Bar, ...] | Unreadable:
    """The closed ones of a stream's message: only `confirm` says that a bar is final."""
    try:
        said = _bars.decode(data)
        rows = [(b.start, b.open, b.high, b.low, b.close, b.volume) for b in said if b.confirm]
        return tuple(_bar(row) for row in rows)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable bars ({error})"))


class _BarsTold(Struct, frozen=True):
    list: tuple[tuple[str, ...], ...] | None = ()


def read_bars_told(envelope: Envelope) -> tuple[Bar, ...] | Unreadable:
    """Of a reply, which has the newest first and the running one among them; here oldest first."""
    told = read_as(envelope.result, _BarsTold)
    if isinstance(told, Unreadable):
        return told
    try:
        bars = [_bar(row) for row in told.list or ()]
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable bars ({error})"))
    return tuple(sorted(bars, key=lambda bar: bar.start_ns))


def _bar(row: Sequence[Stamp]) -> Bar:
    """Raises what `UNREADABLE` lists."""
    if len(row) < 6:
        raise msgspec.ValidationError(f"a bar of {len(row)} members")
    o, h, l, c, v = (number(str(one)) for one in row[1:6])  # noqa: E741
    if min(o, h, l, c) <= ZERO or v < ZERO or l > h:
        raise msgspec.ValidationError("a bar whose prices contradict each other")
    return Bar(ns_of(row[0]), o, h, l, c, v)
