"""The paper dialect as the client speaks it: bytes to model and back, signing, the table of codes. Pure.

Written from docs/reference/paper-dialect.md alone; the venue's own codec is another, so that mistakes show.
Nothing here raises for what arrives: a line that cannot be read is an `Unreadable` with a sentence.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.events import Request
from kedge.model.instrument import Instrument, InstrumentKind, Session, Status
from kedge.model.numbers import text
from kedge.model.order import OrderKind, Side, State
from kedge.model.venue import (
    Answer,
    Balance,
    Cash,
    CashKind,
    Fill,
    FillKind,
    Level,
    OrderReport,
    PlaceOrder,
    VenuePosition,
)

PROTOCOL = 1
LINE_MAX = 1_048_576
PAGE = 500
SENTENCE_MAX = 300

# Plain digits, few enough that no arithmetic on them can be expensive. `\Z`, because `$` lets "\n" pass.
Number = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,18})?\Z")]
Unsigned = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,18})?\Z")]
Nanos = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Count = Annotated[int, Meta(ge=0, lt=1 << 53)]
Word = Annotated[str, Meta(max_length=256)]
VenueState = Literal["open", "filled", "cancelled", "expired", "rejected"]


# ── what the venue says ─────────────────────────────────────────────────────────────────────────


class Challenge(Struct, frozen=True, tag="challenge", tag_field="t"):
    protocol: int
    challenge: Word
    now_ns: Nanos


class Reply(Struct, frozen=True, tag="reply", tag_field="t"):
    id: Count
    ok: bool
    now_ns: Nanos
    body: Raw = Raw(b"{}")
    code: Word = ""
    text: str = ""
    retry_ns: Nanos = 0


class _Order(Struct, frozen=True):
    venue_id: Word
    symbol: Word
    side: Side
    qty: Unsigned
    price: Unsigned
    cum_qty: Unsigned
    state: VenueState
    venue_ns: Nanos
    client_id: Word = ""
    kind: OrderKind = "limit"
    reason: str = ""
    version: Count = 0
    trigger_price: Unsigned = "0"
    expires_ns: Nanos = 0


class _Fill(Struct, frozen=True):
    exec_id: Word
    venue_id: Word
    symbol: Word
    side: Side
    qty: Unsigned
    price: Unsigned
    fee: Number
    fee_asset: Word
    venue_ns: Nanos
    client_id: Word = ""
    maker: bool = False
    kind: FillKind = "trade"


class _Cash(Struct, frozen=True):
    cash_id: Word
    kind: CashKind
    asset: Word
    amount: Number
    venue_ns: Nanos
    symbol: Word = ""


class _Position(Struct, frozen=True):
    symbol: Word
    qty: Number
    price: Unsigned


class _Balance(Struct, frozen=True):
    asset: Word
    total: Number
    free: Number


class _Session(Struct, frozen=True):
    open_ns: Nanos
    close_ns: Nanos


class _Instrument(Struct, frozen=True):
    symbol: Word
    kind: InstrumentKind
    base: Word
    quote: Word
    settle: Word
    tick: Unsigned
    qty_step: Unsigned
    min_qty: Unsigned = "0"
    max_qty: Unsigned = "1000000000000"
    min_notional: Unsigned = "0"
    lot: Unsigned = "1"
    multiplier: Unsigned = "1"
    nominal: Unsigned = "0"
    tick_value: Unsigned = "0"
    expires_ns: Nanos = 0
    status: Status = "trading"
    sessions: tuple[_Session, ...] | None = None


class OrderSaid(Struct, frozen=True, tag="order", tag_field="t"):
    seq: Count
    order: _Order


class FillSaid(Struct, frozen=True, tag="fill", tag_field="t"):
    seq: Count
    fill: _Fill


class CashSaid(Struct, frozen=True, tag="cash", tag_field="t"):
    seq: Count
    cash: _Cash


class BalancesSaid(Struct, frozen=True, tag="balances", tag_field="t"):
    seq: Count
    balances: tuple[_Balance, ...]


class BookSaid(Struct, frozen=True, tag="book", tag_field="t"):
    symbol: Word
    kind: Literal["snapshot", "delta"]
    seq: Count
    prev: Count
    bids: tuple[tuple[Unsigned, Unsigned], ...]
    asks: tuple[tuple[Unsigned, Unsigned], ...]
    venue_ns: Nanos


class MarkSaid(Struct, frozen=True, tag="mark", tag_field="t"):
    symbol: Word
    mark: Unsigned
    venue_ns: Nanos
    index: Unsigned = "0"
    last: Unsigned = "0"
    funding_rate: Number = "0"


class InstrumentSaid(Struct, frozen=True, tag="instrument", tag_field="t"):
    instrument: _Instrument


class Bye(Struct, frozen=True, tag="bye", tag_field="t"):
    code: Word
    text: str = ""
    retry_ns: Nanos = 0


class Unreadable(Struct, frozen=True):
    """Not a message of this dialect; `why` is one sentence. A value, because the world may send anything."""

    why: str


Private = OrderSaid | FillSaid | CashSaid | BalancesSaid
Said = (
    Challenge
    | Reply
    | OrderSaid
    | FillSaid
    | CashSaid
    | BalancesSaid
    | BookSaid
    | MarkSaid
    | InstrumentSaid
    | Bye
)


# ── bodies of replies ───────────────────────────────────────────────────────────────────────────


class HelloBody(Struct, frozen=True):
    account: Word
    silence_ns: Nanos = 10_000_000_000


class PingBody(Struct, frozen=True):
    private_seq: Count = 0


class OrderBody(Struct, frozen=True):
    order: _Order | None = None


class Page(Struct, frozen=True, kw_only=True):
    next: Word
    more: bool
    # Entries between the cursor and the first one shown are gone.
    clipped: bool = False


class OrdersBody(Page, frozen=True):
    orders: tuple[_Order, ...]


class FillsBody(Page, frozen=True):
    fills: tuple[_Fill, ...]


class CashBody(Page, frozen=True):
    cash: tuple[_Cash, ...]


class PositionsBody(Struct, frozen=True):
    positions: tuple[_Position, ...]


class BalancesBody(Struct, frozen=True):
    balances: tuple[_Balance, ...]


class InstrumentsBody(Struct, frozen=True):
    instruments: tuple[_Instrument, ...]


class WatchBody(Struct, frozen=True):
    watching: tuple[Word, ...]
    unknown: tuple[Word, ...] = ()


_said = msgspec.json.Decoder(Said)
B = TypeVar("B", bound=Struct)

# What a decoder may raise for bytes of any kind; deep nesting ends in a RecursionError.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_said(line: bytes) -> Said | Unreadable:
    """One line from the venue."""
    try:
        said: Said = _said.decode(line)
    except _UNREADABLE as error:
        return Unreadable(f"unreadable line ({error}): {line[:80]!r}")
    return said


def read_body(reply: Reply, kind: type[B]) -> B | Unreadable:
    """The body of a reply, as the request that it answers expects it."""
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except _UNREADABLE as error:
        return Unreadable(f"unreadable reply ({error})")


# ── what the venue said, in the desk's words ────────────────────────────────────────────────────


def order_of(o: _Order) -> OrderReport:
    return OrderReport(
        client_id=o.client_id,
        venue_id=o.venue_id,
        symbol=o.symbol,
        side=o.side,
        qty=Decimal(o.qty),
        price=Decimal(o.price),
        cum_qty=Decimal(o.cum_qty),
        state=State(o.state),
        venue_ns=o.venue_ns,
        reason=sentence(o.reason),
        kind=o.kind,
        version=o.version,
        trigger_price=Decimal(o.trigger_price),
        expires_ns=o.expires_ns,
    )


def fill_of(f: _Fill) -> Fill:
    return Fill(
        exec_id=f.exec_id,
        client_id=f.client_id,
        venue_id=f.venue_id,
        symbol=f.symbol,
        side=f.side,
        qty=Decimal(f.qty),
        price=Decimal(f.price),
        fee=Decimal(f.fee),
        fee_asset=f.fee_asset,
        venue_ns=f.venue_ns,
        maker=f.maker,
        kind=f.kind,
    )


def cash_of(c: _Cash) -> Cash:
    return Cash(c.cash_id, c.kind, c.asset, Decimal(c.amount), c.venue_ns, c.symbol)


def position_of(p: _Position) -> VenuePosition:
    return VenuePosition(p.symbol, Decimal(p.qty), Decimal(p.price))


def balance_of(b: _Balance) -> Balance:
    return Balance(b.asset, Decimal(b.total), Decimal(b.free))


def instrument_of(i: _Instrument) -> Instrument | None:
    """None for a description that cannot be traded by: a step of zero divides nothing."""
    if Decimal(i.tick) <= 0 or Decimal(i.qty_step) <= 0 or Decimal(i.lot) <= 0:
        return None
    sessions = None
    if i.sessions is not None:
        sessions = tuple(Session(s.open_ns, s.close_ns) for s in i.sessions)
    return Instrument(
        symbol=i.symbol,
        kind=i.kind,
        base=i.base,
        quote=i.quote,
        settle=i.settle,
        tick=Decimal(i.tick),
        qty_step=Decimal(i.qty_step),
        min_qty=Decimal(i.min_qty),
        max_qty=Decimal(i.max_qty),
        min_notional=Decimal(i.min_notional),
        lot=Decimal(i.lot),
        multiplier=Decimal(i.multiplier),
        nominal=Decimal(i.nominal),
        tick_value=Decimal(i.tick_value),
        expires_ns=i.expires_ns,
        status=i.status,
        sessions=sessions,
    )


def levels_of(pairs: Sequence[tuple[str, str]]) -> list[Level]:
    return [Level(Decimal(price), Decimal(qty)) for price, qty in pairs]


def sentence(words: str) -> str:
    """What others have written, cut to what a person reads and a journal may hold."""
    return words if len(words) <= SENTENCE_MAX else words[: SENTENCE_MAX - 1] + "…"


# ── what we say ─────────────────────────────────────────────────────────────────────────────────

_encode = msgspec.json.Encoder().encode


def ask(op: str, id: int, **members: object) -> bytes:
    """One request line. Members are already text, integers, booleans or lists of text."""
    return _encode({"op": op, "id": id, **members}) + b"\n"


def sign(secret: str, challenge: str, key: str, account: str) -> str:
    """The signature of `hello`."""
    message = "\n".join((f"kedge-paper-{PROTOCOL}", challenge, key, account))
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def hello(id: int, key: str, secret: str, account: str, challenge: str) -> bytes:
    signature = sign(secret, challenge, key, account)
    return ask("hello", id, protocol=PROTOCOL, key=key, account=account, signature=signature)


def place(id: int, order: PlaceOrder) -> bytes:
    return ask(
        "place",
        id,
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        qty=text(order.qty),
        price=text(order.price),
        kind=order.kind,
        tif=order.tif,
        reduce_only=order.reduce_only,
        trigger_price=text(order.trigger_price),
        trigger_by=order.trigger_by,
        valid_until_ns=order.valid_until_ns,
        expires_ns=order.expires_ns,
    )


def amend(id: int, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int) -> bytes:
    return ask(
        "amend",
        id,
        client_id=client_id,
        symbol=symbol,
        price=text(price),
        qty=text(qty),
        valid_until_ns=valid_until_ns,
    )


def cancel(id: int, client_id: str, symbol: str, valid_until_ns: int) -> bytes:
    return ask("cancel", id, client_id=client_id, symbol=symbol, valid_until_ns=valid_until_ns)


def cancel_all(id: int, symbol: str) -> bytes:
    """`symbol` "": every one of the account."""
    return ask("cancel_all", id, symbol=symbol)


# ── the table of codes (section 9) ──────────────────────────────────────────────────────────────

# Codes after which the request has not been carried out and never will be. All others are UNKNOWN.
DEFINITE: tuple[str, ...] = (
    "bad_request",
    "unknown_op",
    "not_signed_in",
    "bad_protocol",
    "bad_signature",
    "bad_account",
    "bad_cursor",
    "rate_limited",
    "banned",
    "expired",
    "too_many_watched",
    "unknown_symbol",
    "unknown_order",
    "finished_order",
    "halted",
    "closed",
    "bad_order",
    "bad_price",
    "bad_qty",
    "too_small",
    "would_take",
    "would_not_reduce",
    "would_trigger",
    "too_many_orders",
    "no_money",
    "bad_leverage",
    "bad_amount",
    "refused",
    "duplicate_client_id",
)


def answer_of(request: Request, reply: Reply) -> Answer:
    """The class of a reply.

    A duplicate id refuses this request but proves an order with our id: whether the intention lives is
    then a question for the order, so for a `place` it is UNKNOWN, which looks.
    """
    if reply.ok:
        return Answer.DONE
    if reply.code == "duplicate_client_id" and request == "place":
        return Answer.UNKNOWN
    return Answer.REJECTED if reply.code in DEFINITE else Answer.UNKNOWN


# ── cursors ─────────────────────────────────────────────────────────────────────────────────────


def join_cursors(fills: str, cash: str) -> str:
    """The account's one cursor holds the venue's two."""
    return f"{fills}/{cash}"


def split_cursors(cursor: str) -> tuple[str, str]:
    fills, _, cash = cursor.partition("/")
    return fills, cash
