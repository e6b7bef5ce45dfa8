"""What Binance USDⓈ-M tells everybody: instruments, books, marks, trades, bars, in the desk's nouns. Pure.

The book's rule is the futures one: a snapshot, then the change that spans its number, then only changes whose
`pu` is the number of the change before. `@bookTicker` runs ahead of `@depth@100ms` by up to that long and
counts with the same numbers, so the touch it tells is laid over the book until a later change overtakes it.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Raw, Struct, field

from kedge.model.events import BookUpdate, MarkUpdate
from kedge.model.instrument import Instrument, Status
from kedge.model.numbers import ZERO
from kedge.model.order import Side
from kedge.model.venue import Bar, Level, Trade
from kedge.venues.binance.errors import RateLimit, cut
from kedge.venues.binance.usdm.wire import (
    NS_PER_MS,
    UNREADABLE,
    Blank,
    Count,
    Millis,
    Unreadable,
    Unsigned,
    Word,
    read,
)
from kedge.venues.books import Change, Follow

NS_PER_S = 1_000_000_000
# The book reads the numbers, and loses itself where one of them is none.
Levels = list[tuple[str, str]]
# ── streams ─────────────────────────────────────────────────────────────────────────────────────


class Depth(Struct, frozen=True, tag="depthUpdate", tag_field="e"):
    symbol: Word = field(name="s")
    time: Millis = field(name="T")
    first: Count = field(name="U")
    last: Count = field(name="u")
    prev: Count = field(name="pu")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")
    sent: Millis = field(name="E", default=0)


class Touch(Struct, frozen=True, tag="bookTicker", tag_field="e"):
    symbol: Word = field(name="s")
    time: Millis = field(name="T")
    seq: Count = field(name="u")
    bid: Unsigned = field(name="b")
    bid_qty: Unsigned = field(name="B")
    ask: Unsigned = field(name="a")
    ask_qty: Unsigned = field(name="A")
    sent: Millis = field(name="E", default=0)

    @property
    def sent_ns(self) -> int:
        return self.sent * NS_PER_MS


class AggTrade(Struct, frozen=True, tag="aggTrade", tag_field="e"):
    symbol: Word = field(name="s")
    id: Count = field(name="a")
    price: Unsigned = field(name="p")
    qty: Unsigned = field(name="q")
    time: Millis = field(name="T")
    buyer_is_maker: bool = field(name="m")


class Mark(Struct, frozen=True, tag="markPriceUpdate", tag_field="e"):
    symbol: Word = field(name="s")
    time: Millis = field(name="E")
    mark: Unsigned = field(name="p")
    index: Unsigned = field(name="i", default="0")
    # Empty for dated contracts.
    rate: Blank = field(name="r", default="")


class _Candle(Struct, frozen=True):
    start: Millis = field(name="t")
    interval: Word = field(name="i")
    open: Unsigned = field(name="o")
    high: Unsigned = field(name="h")
    low: Unsigned = field(name="l")
    close: Unsigned = field(name="c")
    volume: Unsigned = field(name="v")
    closed: bool = field(name="x")


class Kline(Struct, frozen=True, tag="kline", tag_field="e"):
    symbol: Word = field(name="s")
    candle: _Candle = field(name="k")


class Contract(Struct, frozen=True, tag="contractInfo", tag_field="e"):
    symbol: Word = field(name="s")


Told = Depth | Touch | AggTrade | Mark | Kline | Contract


class Said(Struct, frozen=True):
    """The answer to SUBSCRIBE and its like; `why` is "" when it was done. `listed` is what is subscribed,
    where that was asked."""

    id: int
    why: str = ""
    listed: tuple[str, ...] | None = None


class Frame(Struct, frozen=True):
    stream: Word = ""
    data: Told | None = None
    id: Count | None = None
    code: int | None = None
    msg: str = ""
    error: Raw = Raw(b"")
    result: Raw = Raw(b"")


class _Wrapped(Struct, frozen=True):
    stream: Word = ""


_frame = msgspec.json.Decoder(Frame)
_bare = msgspec.json.Decoder(Told)
_wrapped = msgspec.json.Decoder(_Wrapped)


def read_told(frame: bytes) -> Told | Said | Unreadable:
    """One message of a public or market stream. `Unreadable.stream` names what must not be believed."""
    try:
        said = _frame.decode(frame)
    except UNREADABLE as error:
        return UnreadableTold(cut(f"unreadable market message ({error})"), _stream_of(frame))
    if said.data is not None:
        return said.data
    if said.id is not None:
        refused = bytes(said.error).decode(errors="replace") or said.msg
        if refused or said.code:
            return Said(said.id, cut(refused or f"code {said.code}"))
        listed = read(said.result, tuple[Word, ...])
        return Said(said.id, listed=None if isinstance(listed, Unreadable) else listed)
    try:
        told: Told = _bare.decode(frame)
    except UNREADABLE as error:
        return UnreadableTold(cut(f"unreadable market message ({error})"), said.stream)
    return told


class UnreadableTold(Unreadable, frozen=True):
    """`stream` is where it came from, "" where even that cannot be read."""

    stream: str = ""


def _stream_of(frame: bytes) -> str:
    try:
        return _wrapped.decode(frame).stream
    except UNREADABLE:
        return ""


# ── books ───────────────────────────────────────────────────────────────────────────────────────


class Snapshot(Struct, frozen=True):
    last: Count = field(name="lastUpdateId")
    bids: Levels
    asks: Levels
    time: Millis = field(name="T", default=0)


def change_of(d: Depth) -> Change:
    return Change(d.bids, d.asks, d.last, d.first, d.prev, d.time * NS_PER_MS, d.sent * NS_PER_MS)


def follows(seq: int, change: Change, fresh: bool) -> Follow:
    """Whether a change follows the book at `seq`; `fresh`: the book is a snapshot still."""
    if change.prev == seq:
        return "apply"
    if fresh and change.first <= seq <= change.last:
        return "apply"
    if change.last <= seq:
        return "skip"
    return "gap"


class Touches:
    """Lays the newest touch over the levels of the books, as long as it is newer than they are."""

    def __init__(self) -> None:
        self._touch: dict[str, Touch] = {}
        self._told: dict[str, BookUpdate] = {}
        self._seq: dict[str, int] = {}

    def book_at(self, symbol: str, seq: int) -> None:
        """The book has come to this number; what is not newer has been overtaken."""
        self._seq[symbol] = seq
        touch = self._touch.get(symbol)
        if touch is not None and touch.seq <= seq:
            del self._touch[symbol]

    def heard(self, touch: Touch) -> bool:
        """A touch came; True if it is news."""
        known = self._touch.get(touch.symbol)
        newest = max(self._seq.get(touch.symbol, 0), known.seq if known else 0)
        if touch.symbol not in self._told or touch.seq <= newest:
            return False
        if not 0 < Decimal(touch.bid) < Decimal(touch.ask):
            return False
        self._touch[touch.symbol] = touch
        return True

    def over(self, symbol: str, update: BookUpdate | None = None) -> BookUpdate | None:
        """The book's levels, or those told last, with the touch over them."""
        update = update or self._told.get(symbol)
        if update is None:
            return None
        self._told[symbol] = update
        touch = self._touch.get(symbol)
        return update if touch is None else _laid_over(update, touch)

    def forget(self, symbol: str) -> None:
        """The book is lost, and its touch with it."""
        self._touch.pop(symbol, None)
        self._told.pop(symbol, None)
        self._seq.pop(symbol, None)

    def clear(self) -> None:
        self._touch, self._told, self._seq = {}, {}, {}


def _laid_over(update: BookUpdate, touch: Touch) -> BookUpdate:
    bid = Level(Decimal(touch.bid), Decimal(touch.bid_qty))
    ask = Level(Decimal(touch.ask), Decimal(touch.ask_qty))
    bids = (bid, *(level for level in update.bids if level.price < bid.price))
    asks = (ask, *(level for level in update.asks if level.price > ask.price))
    venue_ns = max(update.venue_ns, touch.time * NS_PER_MS)
    return BookUpdate(update.market, bids[: len(update.bids) or 1], asks[: len(update.asks) or 1], venue_ns)


# ── marks, trades, bars ─────────────────────────────────────────────────────────────────────────


class AggRow(Struct, frozen=True):
    """An aggregated trade as the history has it: without its symbol."""

    id: Count = field(name="a")
    price: Unsigned = field(name="p")
    qty: Unsigned = field(name="q")
    time: Millis = field(name="T")
    buyer_is_maker: bool = field(name="m")

    def of(self, symbol: str) -> AggTrade:
        return AggTrade(symbol, self.id, self.price, self.qty, self.time, self.buyer_is_maker)


class LastPrice(Struct, frozen=True):
    price: Unsigned


def mark_of(m: Mark, market: str, last: Decimal = ZERO) -> MarkUpdate | None:
    """None for a mark that is no price. The last price is known from elsewhere."""
    mark = Decimal(m.mark)
    if mark <= 0:
        return None
    return MarkUpdate(market, mark, Decimal(m.index), last, Decimal(m.rate or "0"), m.time * NS_PER_MS)


def trade_of(t: AggTrade) -> Trade:
    side: Side = "sell" if t.buyer_is_maker else "buy"
    return Trade(str(t.id), side, Decimal(t.price), Decimal(t.qty), t.time * NS_PER_MS)


INTERVALS: dict[int, str] = {
    60 * NS_PER_S: "1m",
    180 * NS_PER_S: "3m",
    300 * NS_PER_S: "5m",
    900 * NS_PER_S: "15m",
    1_800 * NS_PER_S: "30m",
    3_600 * NS_PER_S: "1h",
    7_200 * NS_PER_S: "2h",
    14_400 * NS_PER_S: "4h",
    21_600 * NS_PER_S: "6h",
    28_800 * NS_PER_S: "8h",
    43_200 * NS_PER_S: "12h",
    86_400 * NS_PER_S: "1d",
}
KLINES_MOST = 1_500
# Millisecond start, open, high, low, close, volume, and seven members that nobody needs.
KlineRow = tuple[Millis, Unsigned, Unsigned, Unsigned, Unsigned, Unsigned, Millis, Raw, Raw, Raw, Raw, Raw]


def interval_name(interval_ns: int) -> str | None:
    return INTERVALS.get(interval_ns)


def bar_of(k: Kline) -> Bar:
    c = k.candle
    return _bar(c.start, c.open, c.high, c.low, c.close, c.volume)


def bar_of_row(row: KlineRow) -> Bar:
    return _bar(row[0], row[1], row[2], row[3], row[4], row[5])


def _bar(start: int, open: str, high: str, low: str, close: str, volume: str) -> Bar:
    return Bar(start * NS_PER_MS, Decimal(open), Decimal(high), Decimal(low), Decimal(close), Decimal(volume))


# ── instruments ─────────────────────────────────────────────────────────────────────────────────

# What the venue writes where a contract has no end.
NO_END_MS = 4_133_404_800_000
STATUSES: dict[str, Status] = {"TRADING": "trading", "CLOSE": "closed", "DELIVERED": "closed"}


class _Filter(Struct, frozen=True, rename="camel"):
    filter_type: Word
    tick_size: Unsigned = "0"
    min_price: Unsigned = "0"
    max_price: Unsigned = "0"
    step_size: Unsigned = "0"
    min_qty: Unsigned = "0"
    max_qty: Unsigned = "0"
    notional: Unsigned = "0"


class _Symbol(Struct, frozen=True, rename="camel"):
    symbol: Word
    contract_type: Word
    status: Word
    base_asset: Word
    quote_asset: Word
    margin_asset: Word
    filters: tuple[_Filter, ...]
    delivery_date: Millis = 0


class ExchangeInfo(Struct, frozen=True, rename="camel"):
    # Each is read by itself: one that is odd must not hide the others.
    symbols: tuple[Raw, ...]
    rate_limits: tuple[RateLimit, ...] = ()


def instruments_of(info: ExchangeInfo) -> tuple[Instrument, ...]:
    """Every contract that can be traded by its description; one without steps cannot be."""
    read_ones = [read(raw, _Symbol) for raw in info.symbols]
    found = [_instrument(s) for s in read_ones if not isinstance(s, Unreadable)]
    return tuple(one for one in found if one is not None)


def _instrument(s: _Symbol) -> Instrument | None:
    filters = {f.filter_type: f for f in s.filters}
    price, lot = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
    if price is None or lot is None or Decimal(price.tick_size) <= 0 or Decimal(lot.step_size) <= 0:
        return None
    # A market order may be held to coarser or smaller bounds. One instrument serves both, so the
    # narrower of each counts; a step that is not a multiple of the other cannot be joined with it.
    market = filters.get("MARKET_LOT_SIZE", lot)
    step, coarser = Decimal(lot.step_size), Decimal(market.step_size)
    if coarser > step and coarser % step == 0:
        step = coarser
    most = [m for m in (Decimal(lot.max_qty), Decimal(market.max_qty)) if m > 0]
    notional = filters.get("MIN_NOTIONAL")
    return Instrument(
        symbol=s.symbol,
        kind="linear",
        base=s.base_asset,
        quote=s.quote_asset,
        settle=s.margin_asset,
        tick=Decimal(price.tick_size),
        qty_step=step,
        min_qty=max(Decimal(lot.min_qty), Decimal(market.min_qty)),
        max_qty=min(most, default=Decimal(10**12)),
        min_notional=Decimal(notional.notional) if notional else ZERO,
        expires_ns=s.delivery_date * NS_PER_MS if 0 < s.delivery_date < NO_END_MS else 0,
        status=STATUSES.get(s.status, "halted"),
    )
