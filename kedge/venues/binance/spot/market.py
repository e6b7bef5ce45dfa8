"""Binance spot's public side: instruments with their filters, books, prices, trades and bars. Pure.

The book rule of the documents is `follows`: a change whose last number is not above the book's is old; one
whose first number leaves a hole is a gap; any other is applied, the first after a snapshot like all others.

A snapshot shows so many levels a side; what lies beyond is unknown until it changes. `Known` is the stretch
of prices that a snapshot covered: a book is taken anew before the market leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import lcm
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.instrument import Instrument, Status
from kedge.model.numbers import MONEY, ZERO
from kedge.model.order import Side
from kedge.model.venue import Bar, Trade
from kedge.venues.binance.spot.rules import INTERVALS
from kedge.venues.binance.spot.wire import NS_PER_MS, Id, Millis, Unreadable, Unsigned, Word
from kedge.venues.books import Change, Follow

# ── instruments ─────────────────────────────────────────────────────────────────────────────────


class Filter(Struct, frozen=True, rename="camel"):
    """Any of a symbol's filters; each kind uses some of the members. Zero switches a rule off."""

    filter_type: Word
    tick_size: Unsigned = "0"
    min_price: Unsigned = "0"
    max_price: Unsigned = "0"
    step_size: Unsigned = "0"
    min_qty: Unsigned = "0"
    max_qty: Unsigned = "0"
    min_notional: Unsigned = "0"
    max_notional: Unsigned = "0"
    apply_to_market: bool = False
    apply_min_to_market: bool = False
    apply_max_to_market: bool = False
    multiplier_up: Unsigned = "0"
    multiplier_down: Unsigned = "0"
    bid_multiplier_up: Unsigned = "0"
    bid_multiplier_down: Unsigned = "0"
    ask_multiplier_up: Unsigned = "0"
    ask_multiplier_down: Unsigned = "0"
    avg_price_mins: int = 0
    max_num_orders: int = 0
    max_num_algo_orders: int = 0
    max_num_iceberg_orders: int = 0
    max_num_order_amends: int = 0
    max_num_order_lists: int = 0
    max_position: Unsigned = "0"
    limit: int = 0


class SymbolSaid(Struct, frozen=True, rename="camel"):
    symbol: Word
    status: Word
    base_asset: Word
    quote_asset: Word
    filters: tuple[Filter, ...]
    base_asset_precision: Annotated[int, Meta(ge=0, le=18)] = 8
    quote_precision: Annotated[int, Meta(ge=0, le=18)] = 8
    order_types: tuple[Word, ...] = ()
    is_spot_trading_allowed: bool = True
    permission_sets: tuple[tuple[Word, ...], ...] = ()


class ExchangeInfo(Struct, frozen=True, rename="camel"):
    """`symbols` are read one by one, so that one that cannot be read does not hide the others."""

    symbols: tuple[Raw, ...]


class Listing(Struct, frozen=True):
    """One symbol: the instrument, what may be placed on it, and the filters that an instrument cannot say."""

    instrument: Instrument
    order_types: tuple[str, ...] = ()
    # The most that a limit order may be: the instrument's own maximum is what a market order may be, too.
    limit_max_qty: Decimal = ZERO
    max_notional: Decimal = ZERO
    # Price over the recent average, at least and at most: of buys, of sells. Empty: there is no such rule.
    bid_band: tuple[Decimal, ...] = ()
    ask_band: tuple[Decimal, ...] = ()
    max_orders: int = 0
    max_algo_orders: int = 0
    max_position: Decimal = ZERO


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_symbol = msgspec.json.Decoder(SymbolSaid)
_STATUS: dict[str, Status] = {"TRADING": "trading", "BREAK": "halted", "HALT": "halted"}


def listings_of(info: ExchangeInfo) -> tuple[tuple[Listing, ...], int]:
    """Every symbol that can be traded by what the venue says of it, and how many could not be read."""
    listings, unread = [], 0
    for raw in info.symbols:
        try:
            said = _symbol.decode(raw)
        except _UNREADABLE:
            unread += 1
            continue
        listing = listing_of(said)
        if listing is not None:
            listings.append(listing)
    return tuple(listings), unread


def listing_of(said: SymbolSaid) -> Listing | None:
    """None for a symbol that is not of spot, or that has no lot: a step of zero divides nothing."""
    filters = {one.filter_type: one for one in said.filters}
    lot = filters.get("LOT_SIZE")
    if lot is None or Decimal(lot.step_size) <= 0 or not said.is_spot_trading_allowed:
        return None
    price = filters.get("PRICE_FILTER", Filter("PRICE_FILTER"))
    market = filters.get("MARKET_LOT_SIZE", Filter("MARKET_LOT_SIZE"))
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or Filter("NOTIONAL")
    step = _common_step(Decimal(lot.step_size), Decimal(market.step_size))
    instrument = Instrument(
        symbol=said.symbol,
        kind="spot",
        base=said.base_asset,
        quote=said.quote_asset,
        settle=said.quote_asset,
        tick=Decimal(price.tick_size) or Decimal(1).scaleb(-said.quote_precision),
        qty_step=step,
        min_qty=max(Decimal(lot.min_qty), Decimal(market.min_qty), step),
        max_qty=min(Decimal(lot.max_qty), Decimal(market.max_qty) or Decimal(lot.max_qty)),
        min_notional=Decimal(notional.min_notional),
        status=_STATUS.get(said.status, "halted"),
    )
    return Listing(
        instrument,
        said.order_types,
        limit_max_qty=Decimal(lot.max_qty),
        max_notional=Decimal(notional.max_notional),
        bid_band=_band(filters, "bid"),
        ask_band=_band(filters, "ask"),
        max_orders=_most(filters, "MAX_NUM_ORDERS", "max_num_orders"),
        max_algo_orders=_most(filters, "MAX_NUM_ALGO_ORDERS", "max_num_algo_orders"),
        max_position=Decimal(filters["MAX_POSITION"].max_position) if "MAX_POSITION" in filters else ZERO,
    )


def _common_step(lot: Decimal, market: Decimal) -> Decimal:
    """One step that both limit and market orders keep; a market step of zero is no rule."""
    if market <= 0 or MONEY.remainder(lot, market) == 0:
        return lot
    if MONEY.remainder(market, lot) == 0:
        return market
    scale = max(_digits(lot), _digits(market))
    whole = lcm(int(MONEY.scaleb(lot, scale)), int(MONEY.scaleb(market, scale)))
    return MONEY.scaleb(Decimal(whole), -scale)


def _digits(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _band(filters: dict[str, Filter], side: str) -> tuple[Decimal, ...]:
    by_side = filters.get("PERCENT_PRICE_BY_SIDE")
    if by_side is not None:
        down = by_side.bid_multiplier_down if side == "bid" else by_side.ask_multiplier_down
        up = by_side.bid_multiplier_up if side == "bid" else by_side.ask_multiplier_up
        return Decimal(down), Decimal(up)
    both = filters.get("PERCENT_PRICE")
    return (Decimal(both.multiplier_down), Decimal(both.multiplier_up)) if both is not None else ()


def _most(filters: dict[str, Filter], kind: str, member: str) -> int:
    one = filters.get(kind)
    return int(getattr(one, member)) if one is not None else 0


# ── streams ─────────────────────────────────────────────────────────────────────────────────────

Pair = tuple[Unsigned, Unsigned]
Text = Annotated[str, Meta(max_length=64)]


class StreamFrame(Struct, frozen=True):
    """Everything on a combined stream: `{"stream","data"}`, an answer by `id`, or a complaint."""

    stream: Word = ""
    data: Raw = Raw(b"")
    id: int | str | None = None
    result: Raw = Raw(b"")
    code: int | None = None
    msg: str = ""
    error: Raw = Raw(b"")


class DepthUpdate(Struct, frozen=True, gc=False):
    E: Millis
    s: Word
    U: Id
    u: Id
    # The book reads the numbers, and loses itself where one of them is none: a pattern for each of them
    # costs four times as much as all the rest.
    b: tuple[tuple[Text, Text], ...]
    a: tuple[tuple[Text, Text], ...]


class DepthFrame(Struct, frozen=True, gc=False):
    """A change of a book with the stream's name around it: most of what is heard, so it is read in one go."""

    stream: Word
    data: DepthUpdate


class MiniTicker(Struct, frozen=True):
    E: Millis
    s: Word
    c: Unsigned


class TradeSeen(Struct, frozen=True):
    E: Millis
    s: Word
    t: Id
    p: Unsigned
    q: Unsigned
    T: Millis
    m: bool


class _Kline(Struct, frozen=True):
    t: Millis
    i: Word
    o: Unsigned
    c: Unsigned
    h: Unsigned
    l: Unsigned  # noqa: E741
    v: Annotated[str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z")]
    x: bool


class KlineSeen(Struct, frozen=True):
    E: Millis
    s: Word
    k: _Kline


class BookTicker(Struct, frozen=True):
    u: Id
    s: Word
    b: Unsigned
    B: Unsigned
    a: Unsigned
    A: Unsigned


class Depth(Struct, frozen=True, rename="camel"):
    """The REST snapshot."""

    last_update_id: Id
    bids: tuple[Pair, ...]
    asks: tuple[Pair, ...]


class ServerTime(Struct, frozen=True, rename="camel"):
    server_time: Annotated[int, Meta(ge=1, le=9_000_000_000_000)]


SHUTDOWN = "!serverShutdown"

_stream_frame = msgspec.json.Decoder(StreamFrame)
_depth_update = msgspec.json.Decoder(DepthUpdate)
_depth_frame = msgspec.json.Decoder(DepthFrame)
# The stream's name comes first; symbols are not longer than this.
_NAMED_WITHIN = 64
_mini_ticker = msgspec.json.Decoder(MiniTicker)
_trade = msgspec.json.Decoder(TradeSeen)
_kline = msgspec.json.Decoder(KlineSeen)
_book_ticker = msgspec.json.Decoder(BookTicker)

Seen = DepthUpdate | MiniTicker | TradeSeen | KlineSeen | BookTicker


def read_stream(frame: bytes) -> StreamFrame | Unreadable:
    try:
        return _stream_frame.decode(frame)
    except _UNREADABLE as error:
        return Unreadable(f"unreadable stream message ({error}): {frame[:80]!r}")


def read_depth(frame: bytes) -> DepthFrame | None:
    """None for everything else, and for what cannot be read: `read_stream` and `read_seen` say what it is."""
    if b"@depth" not in frame[:_NAMED_WITHIN]:
        return None
    try:
        return _depth_frame.decode(frame)
    except _UNREADABLE:
        return None


def read_seen(stream: str, data: bytes | Raw) -> Seen | Unreadable | None:
    """What a stream says; None for a stream that is not of ours."""
    _, _, kind = stream.partition("@")
    try:
        if kind.startswith("depth"):
            return _depth_update.decode(data)
        if kind == "trade":
            return _trade.decode(data)
        if kind == "miniTicker":
            return _mini_ticker.decode(data)
        if kind.startswith("kline_"):
            return _kline.decode(data)
        return _book_ticker.decode(data) if kind == "bookTicker" else None
    except _UNREADABLE as error:
        return Unreadable(f"unreadable message of {stream[:60]} ({error}): {bytes(data)[:80]!r}")


def symbol_of_stream(stream: str) -> str:
    return stream.partition("@")[0].upper()


def streams_of(symbol: str) -> tuple[str, str]:
    """What every watched market has: its book's changes and its last price."""
    small = symbol.lower()
    return f"{small}@depth@100ms", f"{small}@miniTicker"


def trade_stream(symbol: str) -> str:
    return f"{symbol.lower()}@trade"


def bar_stream(symbol: str, interval_ns: int) -> str | None:
    """None: the venue has no bars of this length."""
    name = INTERVALS.get(interval_ns)
    return None if name is None else f"{symbol.lower()}@kline_{name}"


# ── in the desk's words ─────────────────────────────────────────────────────────────────────────


def change_of(update: DepthUpdate) -> Change:
    sent_ns = max(update.E, 0) * NS_PER_MS
    return Change(update.b, update.a, update.u, update.U, 0, sent_ns, sent_ns)


def follows(seq: int, change: Change, fresh: bool) -> Follow:
    """Whether a change goes on from the book's number `seq`: the one rule, `fresh` or not."""
    if change.last <= seq:
        return "skip"
    return "gap" if change.first > seq + 1 else "apply"


def trade_of(t: TradeSeen) -> Trade:
    """`m`: the buyer was the maker, so the taker sold."""
    side: Side = "sell" if t.m else "buy"
    return Trade(str(t.t), side, Decimal(t.p), Decimal(t.q), max(t.T, 0) * NS_PER_MS)


def bar_of(said: KlineSeen) -> Bar | None:
    """The bar, once it is closed: `x` is the only sign of that."""
    k = said.k
    if not k.x:
        return None
    prices = Decimal(k.o), Decimal(k.h), Decimal(k.l), Decimal(k.c)
    return Bar(max(k.t, 0) * NS_PER_MS, *prices, Decimal(k.v))


class _Row(Struct, frozen=True, array_like=True):
    """A kline in a reply: twelve members, of which these matter."""

    open_ms: Millis
    open: Unsigned
    high: Unsigned
    low: Unsigned
    close: Unsigned
    volume: Annotated[str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z")]
    close_ms: Millis


_rows = msgspec.json.Decoder(tuple[_Row, ...])


class Klines(Struct, frozen=True):
    """What history shows: every bar, the running one among them, and those that are closed."""

    bars: tuple[Bar, ...]
    closed: tuple[Bar, ...]

    @property
    def latest_ns(self) -> int:
        """The start of the latest bar shown: history is whole before it."""
        return max((bar.start_ns for bar in self.bars), default=0)


def read_klines(body: bytes, venue_ms: int) -> Klines | Unreadable:
    """The bars of a reply. The running one is included there, and is recognised by its end."""
    try:
        rows = _rows.decode(body)
    except _UNREADABLE as error:
        return Unreadable(f"unreadable bars ({error}): {body[:80]!r}")
    bars = tuple(_bar_of_row(row) for row in rows)
    return Klines(bars, tuple(b for b, row in zip(bars, rows, strict=True) if row.close_ms < venue_ms))


def _bar_of_row(row: _Row) -> Bar:
    prices = Decimal(row.open), Decimal(row.high), Decimal(row.low), Decimal(row.close)
    return Bar(max(row.open_ms, 0) * NS_PER_MS, *prices, Decimal(row.volume))


# ── what a snapshot covers ──────────────────────────────────────────────────────────────────────


class Known(Struct, frozen=True):
    """Prices between `low` and `high` are known. Zero: that side was shown whole."""

    low: Decimal
    high: Decimal
    middle: Decimal

    def near_edge(self, price: Decimal) -> bool:
        """Whether the price has gone more than half of the way from the middle to an edge."""
        if self.low and 2 * price < self.low + self.middle:
            return True
        return bool(self.high) and 2 * price > self.high + self.middle


def known_of(bids: Sequence[Pair], asks: Sequence[Pair], limit: int) -> Known | None:
    """None: the snapshot showed the whole book, or has a side without levels."""
    if not bids or not asks:
        return None
    low = Decimal(bids[-1][0]) if len(bids) >= limit else ZERO
    high = Decimal(asks[-1][0]) if len(asks) >= limit else ZERO
    if not low and not high:
        return None
    return Known(low, high, (Decimal(bids[0][0]) + Decimal(asks[0][0])) / 2)
