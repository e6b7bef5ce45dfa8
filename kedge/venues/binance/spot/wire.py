"""Binance spot's orders, fills and balances: bytes to model and back, as its documents have them. Pure.

Nothing here raises for what arrives: what cannot be read is an `Unreadable` with a sentence. The public side
(instruments, books, bars) is in `market.py`, what we say in `asks.py`, the refusals in `../errors.py`.

Which order is meant. A cancel gives the cancelled order a new client id, "freeing it up for new orders". So
our cancels name it themselves: "c-" and the order's own id. By either name the order is ours, and `own_id`
says which.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.ids import read
from kedge.model.numbers import MONEY, text
from kedge.model.order import OrderKind, Side, State
from kedge.model.venue import Balance, Cash, Fill, OrderReport
from kedge.venues.binance.errors import Failure, RateLimit, cut, failure_of

NS_PER_MS = 1_000_000
CANCEL_MARK = "c-"

# Plain digits, few enough that no arithmetic on them can be expensive. `\Z`, because `$` lets "\n" pass.
Number = Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,18})?\Z")]
Unsigned = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,18})?\Z")]
Millis = Annotated[int, Meta(ge=-1, le=9_000_000_000_000)]
Id = Annotated[int, Meta(ge=-1, le=(1 << 63) - 1)]
Word = Annotated[str, Meta(max_length=256)]
VenueSide = Literal["BUY", "SELL"]


class Unreadable(Struct, frozen=True):
    """Not what the documents say; `why` is one sentence. A value, because the world may send anything."""

    why: str


# ── what the venue says of orders and money ─────────────────────────────────────────────────────


class ReplyFill(Struct, frozen=True, rename="camel"):
    price: Unsigned
    qty: Unsigned
    commission: Unsigned
    commission_asset: Word
    trade_id: Id


class OrderSaid(Struct, frozen=True, rename="camel"):
    """An order in a reply: placed (RESULT, FULL), cancelled, or looked up."""

    symbol: Word
    order_id: Id
    client_order_id: Word
    price: Unsigned
    orig_qty: Unsigned
    executed_qty: Unsigned
    status: Word
    type: Word
    side: VenueSide
    orig_client_order_id: Word = ""
    transact_time: Millis = 0
    time: Millis = 0
    update_time: Millis = 0
    expiry_reason: Word = ""
    stop_price: Unsigned = "0"
    fills: tuple[ReplyFill, ...] = ()


class Ack(Struct, frozen=True, rename="camel"):
    """The least that the venue says of a placed order."""

    symbol: Word
    order_id: Id
    client_order_id: Word
    transact_time: Millis


class TradeSaid(Struct, frozen=True, rename="camel"):
    """One row of myTrades. It carries the order's number, not its client id."""

    symbol: Word
    id: Id
    order_id: Id
    price: Unsigned
    qty: Unsigned
    commission: Unsigned
    commission_asset: Word
    time: Millis
    is_buyer: bool
    is_maker: bool


class BalanceSaid(Struct, frozen=True):
    asset: Word
    free: Unsigned
    locked: Unsigned


class AccountSaid(Struct, frozen=True, rename="camel"):
    can_trade: bool
    balances: tuple[BalanceSaid, ...]
    can_withdraw: bool = False
    account_type: Word = ""
    permissions: tuple[Word, ...] = ()
    uid: Id = 0


Outcome = Literal["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]


class CancelReplaceSaid(Struct, frozen=True, rename="camel"):
    """Two deeds in one reply, each with its own outcome. The desk sends none; the reply is read all the
    same. Where it is a refusal, this is its `data`."""

    cancel_result: Outcome
    new_order_result: Outcome
    cancel_response: Raw = Raw(b"null")
    new_order_response: Raw = Raw(b"null")


# ── the user stream ─────────────────────────────────────────────────────────────────────────────


class ExecutionReport(Struct, frozen=True, tag="executionReport", tag_field="e"):
    """`c` is the order's client id, except on a cancel: there it is the cancel's, and `C` the order's."""

    E: Millis
    s: Word
    c: Word
    S: VenueSide
    o: Word
    q: Unsigned
    p: Unsigned
    x: Word
    X: Word
    i: Id
    l: Unsigned  # noqa: E741
    z: Unsigned
    L: Unsigned
    T: Millis
    t: Id
    n: Number | None = "0"
    N: Word | None = None
    C: Word | None = ""
    m: bool = False
    r: Word = "NONE"
    a: Id = -1
    eR: Word = ""
    P: Unsigned = "0"  # where a trigger waits


class _StreamBalance(Struct, frozen=True):
    a: Word
    f: Unsigned
    l: Unsigned  # noqa: E741


class AccountPosition(Struct, frozen=True, tag="outboundAccountPosition", tag_field="e"):
    """The balances that an event may have changed, not all of them."""

    E: Millis
    u: Millis
    B: tuple[_StreamBalance, ...]


class BalanceUpdate(Struct, frozen=True, tag="balanceUpdate", tag_field="e"):
    """A deposit, a withdrawal, a transfer."""

    E: Millis
    a: Word
    d: Number
    T: Millis


class StreamTerminated(Struct, frozen=True, tag="eventStreamTerminated", tag_field="e"):
    E: Millis


class ServerShutdown(Struct, frozen=True, tag="serverShutdown", tag_field="e"):
    E: Millis


class ListStatus(Struct, frozen=True, tag="listStatus", tag_field="e"):
    """Of order lists, which the desk does not place; their orders have reports of their own."""


class ExternalLock(Struct, frozen=True, tag="externalLockUpdate", tag_field="e"):
    """A balance was locked elsewhere; the next AccountPosition says how much is free."""


class Other(Struct, frozen=True):
    """An event of a kind that is not known here."""

    e: Word


Private = (
    ExecutionReport
    | AccountPosition
    | BalanceUpdate
    | StreamTerminated
    | ServerShutdown
    | ListStatus
    | ExternalLock
)


# ── the WS API ──────────────────────────────────────────────────────────────────────────────────


class ErrorData(Struct, frozen=True, rename="camel"):
    server_time: Millis = 0
    retry_after: Millis = 0


class WsError(Struct, frozen=True):
    code: int
    msg: str = ""
    data: ErrorData | None = None


class Frame(Struct, frozen=True, rename="camel"):
    """Everything that comes on a WS API line: a reply (`status`), or an event."""

    id: int | str | None = None
    status: int = 0
    result: Raw = Raw(b"")
    error: WsError | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    subscription_id: int | None = None
    event: Raw = Raw(b"")


class Subscribed(Struct, frozen=True, rename="camel"):
    subscription_id: int


class LoggedOn(Struct, frozen=True, rename="camel"):
    api_key: str | None
    server_time: Millis = 0


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
T = TypeVar("T")

_frame = msgspec.json.Decoder(Frame)
_private = msgspec.json.Decoder(Private)
_other = msgspec.json.Decoder(Other)
_KNOWN = tuple(kind.__struct_config__.tag for kind in Private.__args__)


def read_frame(data: bytes) -> Frame | Unreadable:
    """One text frame of the WS API."""
    try:
        return _frame.decode(data)
    except _UNREADABLE as error:
        return Unreadable(f"unreadable frame ({error}): {data[:80]!r}")


def read_private(event: bytes) -> Private | Other | Unreadable:
    """One event of the user stream. A known kind that cannot be read is a fault; an unknown one is not."""
    try:
        known: Private = _private.decode(event)
        return known
    except _UNREADABLE as error:
        why = f"unreadable event ({error}): {event[:80]!r}"
    try:
        other = _other.decode(event)
    except _UNREADABLE:
        return Unreadable(why)
    return Unreadable(why) if other.e in _KNOWN else other


def read_as(body: bytes, kind: type[T]) -> T | Unreadable:
    """A reply's body, as the request that it answers expects it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except _UNREADABLE as error:
        return Unreadable(f"unreadable reply ({error}): {body[:80]!r}")


# ── what the venue said, in the desk's words ────────────────────────────────────────────────────

STATES: dict[str, State] = {
    "NEW": State.OPEN,
    "PENDING_NEW": State.OPEN,  # waits for another order of its list, and is there
    "PARTIALLY_FILLED": State.OPEN,
    "PENDING_CANCEL": State.OPEN,  # documented as unused
    "FILLED": State.FILLED,
    "CANCELED": State.CANCELLED,
    "REJECTED": State.REJECTED,
    "EXPIRED": State.EXPIRED,
    "EXPIRED_IN_MATCH": State.EXPIRED,
}
KINDS: dict[str, OrderKind] = {
    "LIMIT": "limit",
    "LIMIT_MAKER": "limit",
    "MARKET": "market",
    "STOP_LOSS": "stop",
    "TAKE_PROFIT": "take",
    "STOP_LOSS_LIMIT": "stop_limit",
    "TAKE_PROFIT_LIMIT": "take_limit",
}
SIDES: dict[str, Side] = {"BUY": "buy", "SELL": "sell"}
SELF_TRADE = "would have traded with another order of this account (self-trade prevention)"


def own_id(client_id: str, original: str | None = "") -> str:
    """The client id that the order was placed with, by whichever name the venue shows."""
    named = original or client_id
    bare = named.removeprefix(CANCEL_MARK)
    return bare if bare != named and read(bare) is not None else named


def order_of(o: OrderSaid) -> OrderReport | Unreadable:
    state = STATES.get(o.status)
    if state is None:
        return Unreadable(f"an order of a status that the documents do not know: {o.status!r}")
    reason = SELF_TRADE if o.status == "EXPIRED_IN_MATCH" else cut(o.expiry_reason)
    return OrderReport(
        client_id=own_id(o.client_order_id, o.orig_client_order_id),
        venue_id=str(o.order_id),
        symbol=o.symbol,
        side=SIDES[o.side],
        qty=Decimal(o.orig_qty),
        price=Decimal(o.price),
        cum_qty=Decimal(o.executed_qty),
        state=state,
        venue_ns=max(o.transact_time, o.update_time, o.time, 0) * NS_PER_MS,
        reason=reason,
        kind=KINDS.get(o.type, "limit"),
        trigger_price=Decimal(o.stop_price),
    )


def report_of(e: ExecutionReport) -> OrderReport | Unreadable:
    state = STATES.get(e.X)
    if state is None:
        return Unreadable(f"an order of a status that the documents do not know: {e.X!r}")
    reason = e.r if e.r != "NONE" else e.eR
    return OrderReport(
        client_id=own_id(e.c, e.C),
        venue_id=str(e.i),
        symbol=e.s,
        side=SIDES[e.S],
        qty=Decimal(e.q),
        price=Decimal(e.p),
        cum_qty=Decimal(e.z),
        state=state,
        venue_ns=max(e.T, 0) * NS_PER_MS,
        reason=SELF_TRADE if e.X == "EXPIRED_IN_MATCH" else cut(reason),
        kind=KINDS.get(e.o, "limit"),
        trigger_price=Decimal(e.P),
    )


def fill_of_report(e: ExecutionReport) -> Fill | None:
    """The fill in an execution report; None when it tells of something else."""
    if e.x != "TRADE" or Decimal(e.l) == 0:
        return None
    return Fill(
        exec_id=exec_id(e.s, e.t, SIDES[e.S]) if e.t >= 0 else f"{e.s}:a{e.a}",
        client_id=own_id(e.c, e.C),
        venue_id=str(e.i),
        symbol=e.s,
        side=SIDES[e.S],
        qty=Decimal(e.l),
        price=Decimal(e.L),
        fee=Decimal(e.n or "0"),
        fee_asset=e.N or "",
        venue_ns=max(e.T, 0) * NS_PER_MS,
        maker=e.m,
    )


def fill_of_trade(t: TradeSaid, client_id: str) -> Fill:
    side: Side = "buy" if t.is_buyer else "sell"
    return Fill(
        exec_id=exec_id(t.symbol, t.id, side),
        client_id=client_id,
        venue_id=str(t.order_id),
        symbol=t.symbol,
        side=side,
        qty=Decimal(t.qty),
        price=Decimal(t.price),
        fee=Decimal(t.commission),
        fee_asset=t.commission_asset if Decimal(t.commission) else "",
        venue_ns=max(t.time, 0) * NS_PER_MS,
        maker=t.is_maker,
    )


def exec_id(symbol: str, trade_id: int, side: Side) -> str:
    """Trades are numbered per symbol; an account that trades with itself has both sides of one number."""
    return f"{symbol}:{trade_id}:{side}"


def balance_of(b: BalanceSaid) -> Balance:
    return _balance(b.asset, b.free, b.locked)


def balances_of(position: AccountPosition) -> tuple[Balance, ...]:
    return tuple(_balance(b.a, b.f, b.l) for b in position.B)


def _balance(asset: str, free: str, locked: str) -> Balance:
    return Balance(asset, MONEY.add(Decimal(free), Decimal(locked)), Decimal(free))


def cash_of(update: BalanceUpdate) -> Cash | None:
    amount = Decimal(update.d)
    if amount == 0:
        return None
    cash_id = f"{update.a}:{update.T}:{text(amount)}"
    return Cash(cash_id, "transfer", update.a, amount, max(update.T, 0) * NS_PER_MS)


class Leg(Struct, frozen=True):
    """One of the two deeds: what became of it, the order where it is told, the refusal where there is one."""

    outcome: Outcome
    order: OrderReport | None = None
    refusal: Failure | None = None


def legs_of(said: CancelReplaceSaid, status: int) -> tuple[Leg, Leg]:
    """The cancel's outcome, and the new order's. They are two intents, each with a recovery of its own."""
    cancelled = _leg(said.cancel_result, said.cancel_response, status)
    return cancelled, _leg(said.new_order_result, said.new_order_response, status)


def _leg(outcome: Outcome, response: Raw, status: int) -> Leg:
    if outcome == "FAILURE":
        return Leg(outcome, refusal=failure_of(status, bytes(response), {}, 0))
    said = read_as(bytes(response), OrderSaid)
    order = None if isinstance(said, Unreadable) else order_of(said)
    return Leg(outcome, None if isinstance(order, Unreadable) else order)
