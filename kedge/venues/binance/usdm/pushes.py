"""What Binance USDⓈ-M tells one account unasked: the user stream, in its own structs. Pure.

Members have one letter on the wire and a name here. An event of a kind that this file knows must be readable
to the last member, because it may hold a fill; one of any other kind is `Foreign` and concerns nobody.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct, field

from kedge.model.order import OrderKind, State
from kedge.model.venue import Fill, OrderReport
from kedge.venues.binance.errors import cut
from kedge.venues.binance.usdm.wire import (
    KINDS,
    NS_PER_MS,
    STATES,
    UNREADABLE,
    Blank,
    Count,
    Millis,
    Number,
    Unreadable,
    Unsigned,
    WireSide,
    Word,
    exec_id,
    fill_kind,
    side_of,
)

TradeId = Annotated[int, Meta(ge=-1, le=(1 << 63) - 1)]


class OrderPush(Struct, frozen=True):
    symbol: Word = field(name="s")
    client_id: Word = field(name="c")
    side: WireSide = field(name="S")
    type: Word = field(name="o")
    qty: Unsigned = field(name="q")
    price: Unsigned = field(name="p")
    execution: Word = field(name="x")
    status: Word = field(name="X")
    order_id: Count = field(name="i")
    last_qty: Unsigned = field(name="l")
    cum_qty: Unsigned = field(name="z")
    last_price: Unsigned = field(name="L")
    time: Millis = field(name="T")
    trade_id: TradeId = field(name="t")
    maker: bool = field(name="m", default=False)
    fee_asset: Word | None = field(name="N", default=None)
    fee: Number | None = field(name="n", default=None)
    original_type: Word = field(name="ot", default="")
    position_side: Word = field(name="ps", default="BOTH")
    expiry: Word | int = field(name="er", default="0")


class OrderEvent(Struct, frozen=True, tag="ORDER_TRADE_UPDATE", tag_field="e"):
    order: OrderPush = field(name="o")


class TradeLite(Struct, frozen=True, tag="TRADE_LITE", tag_field="e"):
    """A fill told early, without its fee: it only announces the `OrderEvent` that follows."""

    symbol: Word = field(name="s")
    client_id: Word = field(name="c")
    side: WireSide = field(name="S")
    last_qty: Unsigned = field(name="l")
    last_price: Unsigned = field(name="L")
    trade_id: Count = field(name="t")
    order_id: Count = field(name="i")


class AlgoPush(Struct, frozen=True):
    client_id: Word = field(name="caid")
    algo_id: Count = field(name="aid")
    type: Word = field(name="o")
    symbol: Word = field(name="s")
    side: WireSide = field(name="S")
    qty: Unsigned = field(name="q")
    status: Word = field(name="X")
    order_id: Count | Word | None = field(name="ai", default=None)
    executed: Blank | None = field(name="aq", default=None)
    price: Blank | None = field(name="p", default=None)
    reason: str | None = field(name="rm", default=None)


class AlgoEvent(Struct, frozen=True, tag="ALGO_UPDATE", tag_field="e"):
    time: Millis = field(name="T")
    algo: AlgoPush = field(name="o")


class _Money(Struct, frozen=True):
    asset: Word = field(name="a")
    wallet: Number = field(name="wb")
    cross: Number = field(name="cw")


class _Held(Struct, frozen=True):
    side: Word = field(name="ps", default="BOTH")


class _Account(Struct, frozen=True):
    reason: Word = field(name="m")
    money: tuple[_Money, ...] = field(name="B", default=())
    held: tuple[_Held, ...] = field(name="P", default=())


class AccountEvent(Struct, frozen=True, tag="ACCOUNT_UPDATE", tag_field="e"):
    time: Millis = field(name="T")
    account: _Account = field(name="a")


class _Leverage(Struct, frozen=True):
    symbol: Word = field(name="s")
    leverage: Count = field(name="l")


class _MultiAssets(Struct, frozen=True):
    on: bool = field(name="j")


class ConfigEvent(Struct, frozen=True, tag="ACCOUNT_CONFIG_UPDATE", tag_field="e"):
    leverage: _Leverage | None = field(name="ac", default=None)
    multi_assets: _MultiAssets | None = field(name="ai", default=None)


class _Called(Struct, frozen=True):
    symbol: Word = field(name="s")


class MarginCall(Struct, frozen=True, tag="MARGIN_CALL", tag_field="e"):
    positions: tuple[_Called, ...] = field(name="p", default=())


class _Rejected(Struct, frozen=True):
    symbol: Word = field(name="s")
    order_id: Count = field(name="i")
    reason: str = field(name="r", default="")


class TriggerReject(Struct, frozen=True, tag="CONDITIONAL_ORDER_TRIGGER_REJECT", tag_field="e"):
    """Told by venues from before the algo service; since then the reason is in `AlgoEvent`."""

    rejected: _Rejected = field(name="or")


class KeyExpired(Struct, frozen=True, tag="listenKeyExpired", tag_field="e"):
    listen_key: Word = field(name="listenKey", default="")


Pushed = (
    OrderEvent | TradeLite | AlgoEvent | AccountEvent | ConfigEvent | MarginCall | TriggerReject | KeyExpired
)
KNOWN_PUSHES = (
    "ORDER_TRADE_UPDATE",
    "TRADE_LITE",
    "ALGO_UPDATE",
    "ACCOUNT_UPDATE",
    "ACCOUNT_CONFIG_UPDATE",
    "MARGIN_CALL",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "listenKeyExpired",
)


class Foreign(Struct, frozen=True):
    """An event of a kind that does not concern us (a grid, a strategy, one that is newer than this file)."""

    kind: str


class Echo(Struct, frozen=True):
    """The answer to something we said on this line: it proves the line alive, and nothing else."""

    id: int


class _Peek(Struct, frozen=True):
    kind: str = field(name="e", default="")
    data: Raw = Raw(b"")
    id: int | None = None


_pushed = msgspec.json.Decoder(Pushed)
_peek = msgspec.json.Decoder(_Peek)


def read_push(frame: bytes | Raw) -> Pushed | Foreign | Echo | Unreadable:
    """One message of the user stream, bare or in its `{"stream", "data"}` wrapping."""
    try:
        said: Pushed = _pushed.decode(frame)
    except UNREADABLE as error:
        return _otherwise(frame, error)
    return said


def _otherwise(frame: bytes | Raw, error: Exception) -> Pushed | Foreign | Echo | Unreadable:
    try:
        peek = _peek.decode(frame)
    except UNREADABLE:
        return Unreadable(cut(f"unreadable message of the user stream ({error})"))
    if not peek.kind and bytes(peek.data):
        return _unwrapped(peek.data)
    if not peek.kind and peek.id is not None:
        return Echo(peek.id)
    if peek.kind and peek.kind not in KNOWN_PUSHES:
        return Foreign(cut(peek.kind))
    return Unreadable(cut(f"unreadable {peek.kind or 'message'} of the user stream ({error})"))


def _unwrapped(data: Raw) -> Pushed | Foreign | Unreadable:
    """What was in the wrapping; never another wrapping."""
    try:
        said: Pushed = _pushed.decode(data)
    except UNREADABLE as error:
        try:
            kind = _peek.decode(data).kind
        except UNREADABLE:
            kind = ""
        if kind and kind not in KNOWN_PUSHES:
            return Foreign(cut(kind))
        return Unreadable(cut(f"unreadable {kind or 'message'} of the user stream ({error})"))
    return said


# ── in the desk's words ─────────────────────────────────────────────────────────────────────────


EXPIRIES: dict[str, str] = {
    "1": "it would have traded with an order of this account",
    "2": "what could not trade at once was given back",
    "3": "the rest would have traded with an order of this account",
    "4": "a reducing order of higher priority took its place, or it would have reversed the position",
    "5": "the account was liquidated",
    "6": "its condition on the position no longer held",
    "7": "the symbol was delisted",
    "8": "it triggered, and a regular order took its place",
    "9": "what the market could not fill was given back",
}


def push_report(o: OrderPush, client_id: str, kind: OrderKind | None) -> OrderReport | Unreadable:
    state = STATES.get(o.status)
    if state is None:
        return Unreadable(cut(f"order {o.order_id} has a status that is not known: {o.status!r}"))
    expired = EXPIRIES.get(str(o.expiry), "") if state is State.EXPIRED else ""
    return OrderReport(
        client_id=client_id,
        venue_id=str(o.order_id),
        symbol=o.symbol,
        side=side_of(o.side),
        qty=Decimal(o.qty),
        price=Decimal(o.price),
        cum_qty=Decimal(o.cum_qty),
        state=state,
        venue_ns=o.time * NS_PER_MS,
        reason=expired,
        kind=kind or KINDS.get(o.original_type or o.type, "limit"),
    )


def push_fill(o: OrderPush, client_id: str) -> Fill | None:
    """The fill of an order's event; None where none happened, or where it has no number to be known by."""
    if Decimal(o.last_qty) <= 0 or Decimal(o.last_price) <= 0 or o.trade_id <= 0:
        return None
    return Fill(
        exec_id=exec_id(o.symbol, o.trade_id, o.side),
        client_id=client_id,
        venue_id=str(o.order_id),
        symbol=o.symbol,
        side=side_of(o.side),
        qty=Decimal(o.last_qty),
        price=Decimal(o.last_price),
        fee=Decimal(o.fee or "0"),
        fee_asset=o.fee_asset or "",
        venue_ns=o.time * NS_PER_MS,
        maker=o.maker,
        kind=fill_kind(o.client_id, o.execution),
    )
