"""What Binance USDⓈ-M answers to one account: replies, lookups and lists, as the desk's own nouns. Pure.

Nothing here raises for what arrives: what cannot be read is an `Unreadable` with a sentence, because
"nothing" and "zero" are both lies where a fill may have been. Members that we do not need are not declared,
so that the venue may add to them; those that we do need are checked to the last digit.

An order has one of two natures. A regular one lives in the matching engine. A conditional one (`Algo`) lives
in the algo service until it triggers; then a regular order appears beside it, with a number of its own, and
that one trades. `memory.py` joins the two under the client id that the desk gave.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, Side, State
from kedge.model.venue import Balance, Cash, CashKind, Fill, FillKind, OrderReport, VenuePosition
from kedge.venues.binance.errors import RateLimit, cut

NS_PER_MS = 1_000_000

# Plain digits, few enough that no arithmetic on them can be expensive. `\Z`, because `$` lets "\n" pass.
Number = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,18})?(E-[0-9]{1,2})?\Z")]
Unsigned = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,18})?(E-[0-9]{1,2})?\Z")]
# Members that are empty until there is something to say.
Blank = Annotated[str, Meta(pattern=r"^(-?[0-9]{1,15}(\.[0-9]{1,18})?(E-[0-9]{1,2})?)?\Z")]
Millis = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Word = Annotated[str, Meta(max_length=256)]
WireSide = Literal["BUY", "SELL"]


class Unreadable(Struct, frozen=True):
    """Not what was expected; `why` is one sentence. A value, because the world may send anything."""

    why: str


# ── replies ─────────────────────────────────────────────────────────────────────────────────────


class Order(Struct, frozen=True, rename="camel"):
    """A regular order: in a reply, a lookup or a list."""

    order_id: Count
    symbol: Word
    status: Word
    client_order_id: Word
    side: WireSide
    type: Word
    orig_qty: Unsigned
    executed_qty: Unsigned
    price: Unsigned
    update_time: Millis
    orig_type: Word = ""
    time_in_force: Word = ""
    reduce_only: bool = False


class Algo(Struct, frozen=True, rename="camel"):
    """A conditional order, as the algo service keeps it. `actual_order_id` is "" until it has triggered."""

    algo_id: Count
    client_algo_id: Word
    order_type: Word
    symbol: Word
    side: WireSide
    algo_status: Word
    create_time: Millis
    update_time: Millis
    quantity: Unsigned | None = None
    price: Blank | None = None
    trigger_price: Blank | None = None
    actual_order_id: Count | Word | None = None
    time_in_force: Word = ""


class AlgoDone(Struct, frozen=True, rename="camel"):
    """The reply to the cancel of a conditional order: no more than that it was heard."""

    algo_id: Count
    client_algo_id: Word


class Trade(Struct, frozen=True, rename="camel"):
    """One of our trades. It names the order by its number alone."""

    symbol: Word
    id: Count
    order_id: Count
    side: WireSide
    price: Unsigned
    qty: Unsigned
    commission: Number
    commission_asset: Word
    time: Millis
    maker: bool = False


class Income(Struct, frozen=True, rename="camel"):
    income_type: Word
    income: Number
    asset: Word
    time: Millis
    tran_id: Count | Word
    symbol: Word = ""
    trade_id: Count | Word | None = None


class Position(Struct, frozen=True, rename="camel"):
    symbol: Word
    position_amt: Number
    entry_price: Unsigned
    position_side: Word = "BOTH"


class Wallet(Struct, frozen=True, rename="camel"):
    asset: Word
    balance: Number
    available_balance: Number


class PositionMode(Struct, frozen=True, rename="camel"):
    dual_side_position: bool


class ListenKey(Struct, frozen=True, rename="camel"):
    listen_key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,256}\Z")]


class ServerTime(Struct, frozen=True, rename="camel"):
    server_time: Millis


class Rights(Struct, frozen=True, rename="camel"):
    """What a key may do, told by the spot host about keys of real money."""

    ip_restrict: bool
    enable_withdrawals: bool
    enable_futures: bool
    enable_reading: bool = True


class Refusal(Struct, frozen=True):
    code: int
    msg: str = ""


class WsReply(Struct, frozen=True, rename="camel"):
    """One reply of the WS API. `id` is None where the venue speaks of the whole connection."""

    status: Annotated[int, Meta(ge=0, lt=1000)]
    id: Count | Word | None = None
    result: Raw = Raw(b"")
    error: Refusal | None = None
    rate_limits: tuple[RateLimit, ...] = ()


B = TypeVar("B")

# What a decoder may raise for bytes of any kind; deep nesting ends in a RecursionError.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read(body: bytes | Raw, kind: type[B]) -> B | Unreadable:
    """The body of a reply, as the request that it answers expects it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        return Unreadable(cut(f"unreadable reply ({error})"))


def read_batch(body: bytes) -> tuple[Order | Refusal, ...] | Unreadable:
    """Of a batch, each order's own outcome, in the order in which they were sent."""
    rows = read(body, tuple[Raw, ...])
    if isinstance(rows, Unreadable):
        return rows
    found: list[Order | Refusal] = []
    for row in rows:
        refusal = read(row, Refusal)
        one = read(row, Order) if isinstance(refusal, Unreadable) else refusal
        if isinstance(one, Unreadable):
            return one
        found.append(one)
    return tuple(found)


# ── in the desk's words ─────────────────────────────────────────────────────────────────────────

STATES: dict[str, State] = {
    "NEW": State.OPEN,
    "PARTIALLY_FILLED": State.OPEN,
    "FILLED": State.FILLED,
    "CANCELED": State.CANCELLED,
    "REJECTED": State.REJECTED,
    "EXPIRED": State.EXPIRED,
    "EXPIRED_IN_MATCH": State.EXPIRED,
    # Orders that the venue made to close an account's position.
    "NEW_INSURANCE": State.OPEN,
    "NEW_ADL": State.OPEN,
}
# FINISHED says only that the regular order has ended: how, that order says itself.
ALGO_STATES: dict[str, State] = {
    "NEW": State.OPEN,
    "TRIGGERING": State.OPEN,
    "TRIGGERED": State.OPEN,
    "CANCELED": State.CANCELLED,
    "REJECTED": State.REJECTED,
    "EXPIRED": State.EXPIRED,
}
KINDS: dict[str, OrderKind] = {
    "LIMIT": "limit",
    "MARKET": "market",
    "LIQUIDATION": "market",
    "STOP": "stop_limit",
    "TAKE_PROFIT": "take_limit",
    "STOP_MARKET": "stop",
    "TAKE_PROFIT_MARKET": "take",
    "TRAILING_STOP_MARKET": "stop",
}


def side_of(side: WireSide) -> Side:
    return "buy" if side == "BUY" else "sell"


def number_of(order_id: int | str | None) -> int:
    """The number of the regular order behind a conditional one; 0 while there is none."""
    if isinstance(order_id, int):
        return order_id
    return int(order_id) if order_id and order_id.isdecimal() and len(order_id) < 19 else 0


def order_report(o: Order, client_id: str = "", kind: OrderKind | None = None) -> OrderReport | Unreadable:
    """A regular order; `client_id` and `kind` are those of the conditional one that it came from."""
    state = STATES.get(o.status)
    if state is None:
        return Unreadable(cut(f"order {o.order_id} has a status that is not known: {o.status!r}"))
    return OrderReport(
        client_id=client_id or o.client_order_id,
        venue_id=str(o.order_id),
        symbol=o.symbol,
        side=side_of(o.side),
        qty=Decimal(o.orig_qty),
        price=Decimal(o.price),
        cum_qty=Decimal(o.executed_qty),
        state=state,
        venue_ns=o.update_time * NS_PER_MS,
        kind=kind or KINDS.get(o.orig_type or o.type, "limit"),
    )


def algo_report(a: Algo) -> OrderReport | None:
    """A conditional order that has not triggered; None for one of which only the regular order can tell."""
    state = ALGO_STATES.get(a.algo_status)
    if state is None or number_of(a.actual_order_id):
        return None
    return OrderReport(
        client_id=a.client_algo_id,
        venue_id=f"algo-{a.algo_id}",
        symbol=a.symbol,
        side=side_of(a.side),
        qty=Decimal(a.quantity or "0"),
        price=Decimal(a.price or "0"),
        cum_qty=ZERO,
        state=state,
        venue_ns=a.update_time * NS_PER_MS,
        kind=KINDS.get(a.order_type, "stop"),
        trigger_price=Decimal(a.trigger_price or "0"),
    )


def trade_fill(t: Trade, client_id: str, kind: FillKind) -> Fill:
    return Fill(
        exec_id=exec_id(t.symbol, t.id, t.side),
        client_id=client_id,
        venue_id=str(t.order_id),
        symbol=t.symbol,
        side=side_of(t.side),
        qty=Decimal(t.qty),
        price=Decimal(t.price),
        fee=Decimal(t.commission),
        fee_asset=t.commission_asset,
        venue_ns=t.time * NS_PER_MS,
        maker=t.maker,
        kind=kind,
    )


def exec_id(symbol: str, trade_id: int, side: WireSide) -> str:
    """Trades are numbered by symbol. The side is in it because who trades with himself has both."""
    return f"{symbol}-{trade_id}-{'b' if side == 'BUY' else 's'}"


def fill_kind(client_id: str, execution: str = "") -> FillKind:
    """Orders that the venue makes on an account carry ids of its own."""
    if client_id.startswith("adl_autoclose"):
        return "adl"
    if client_id.startswith("settlement_autoclose"):
        return "delivery"
    if client_id.startswith("autoclose-") or execution == "CALCULATED":
        return "liquidation"
    return "trade"


# Profit and commission are told with the fills they belong to; what is not here is "other".
OF_FILLS = ("REALIZED_PNL", "COMMISSION", "DELIVERED_SETTELMENT")
INCOMES: dict[str, CashKind] = {
    "FUNDING_FEE": "funding",
    "TRANSFER": "transfer",
    "INTERNAL_TRANSFER": "transfer",
    "CROSS_COLLATERAL_TRANSFER": "transfer",
    "COIN_SWAP_DEPOSIT": "transfer",
    "COIN_SWAP_WITHDRAW": "transfer",
    "STRATEGY_UMFUTURES_TRANSFER": "transfer",
    "INSURANCE_CLEAR": "insurance",
    "REFERRAL_KICKBACK": "fee",
    "COMMISSION_REBATE": "fee",
    "API_REBATE": "fee",
    "FEE_RETURN": "fee",
    "POSITION_LIMIT_INCREASE_FEE": "fee",
}


def cash_of(i: Income) -> Cash | None:
    """Money that moved without a fill; None for what the fills tell."""
    amount = Decimal(i.income)
    if i.income_type in OF_FILLS or amount == ZERO:
        return None
    # Numbers are unique within a kind; one exchange of assets has a row for each of them.
    name = f"{i.income_type}-{i.tran_id}-{i.asset}-{i.symbol}"
    kind = INCOMES.get(i.income_type, "other")
    return Cash(name, kind, i.asset, amount, i.time * NS_PER_MS, i.symbol)


def position_of(p: Position) -> VenuePosition:
    return VenuePosition(p.symbol, Decimal(p.position_amt), Decimal(p.entry_price))


def balance_of(w: Wallet) -> Balance:
    return Balance(w.asset, Decimal(w.balance), Decimal(w.available_balance))
