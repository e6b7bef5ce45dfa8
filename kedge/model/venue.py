"""What venues say, and what a venue allows: the nouns that cross from the outside to the engine.

Every answer to a request falls in one of four classes. Timeouts, 5xx, cut lines and unreadable replies
are UNKNOWN, never "rejected": the difference is an order lost or doubled.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, Side, State, Tif, Trigger


class Answer(StrEnum):
    ACCEPTED = "accepted"  # taken into the venue's queue; the result comes on the stream
    DONE = "done"  # carried out, result enclosed
    REJECTED = "rejected"  # definitely not carried out, and never will be
    UNKNOWN = "unknown"


AmendMode = Literal["in_place", "cancel_new", "none"]

# What can be streamed of a market beside its book and its mark, which always are.
FeedKind = Literal["trades", "bars"]


class Feed(Struct, frozen=True, omit_defaults=True):
    symbol: str
    kind: FeedKind
    interval_ns: int = 0  # of bars


class Rules(Struct, frozen=True):
    """What one venue allows and promises, as data with a date. Bounds are worst cases, not averages."""

    venue: str
    as_of: str
    # A request carries its last moment; the venue refuses it afterwards. intent time + this:
    request_window_ns: int = 5_000_000_000
    # How long after taking effect an order may still be missing from lookups, plus clock skew.
    visibility_ns: int = 2_000_000_000
    skew_ns: int = 1_000_000_000
    # False: the venue has no firm bound, so "not found" is never conclusive by itself.
    bounded: bool = True
    id_scope: Literal["open", "forever"] = "forever"
    amend: AmendMode = "in_place"
    reduce_only: bool = True
    post_only: bool = True
    stops: bool = True
    # Requests per second per account, and the share kept back for cancels and hedges.
    requests_per_s: int = 20
    burst: int = 40
    reserve: int = 10
    # A book older than this is stale, and stale is closed.
    book_age_max_ns: int = 5_000_000_000
    fills_overlap_ns: int = 600_000_000_000


class OrderReport(Struct, frozen=True, omit_defaults=True):
    """One order as the venue describes it, from a stream, a reply or a lookup."""

    client_id: str  # "" when the venue shows none
    venue_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal  # 0 for market orders
    cum_qty: Decimal
    state: State  # never PENDING, UNKNOWN or LOST: those are our doubts, not the venue's
    venue_ns: int
    reason: str = ""
    kind: OrderKind = "limit"
    # A number that grows with each change at the venue; 0 where there is none.
    version: int = 0


FillKind = Literal["trade", "liquidation", "adl", "delivery"]


class Fill(Struct, frozen=True, omit_defaults=True):
    exec_id: str
    client_id: str
    venue_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal  # positive is paid
    fee_asset: str
    venue_ns: int
    maker: bool = False
    kind: FillKind = "trade"


CashKind = Literal["funding", "transfer", "fee", "dust", "insurance", "other"]


class Cash(Struct, frozen=True, omit_defaults=True):
    """Money that moved without a fill."""

    cash_id: str
    kind: CashKind
    asset: str
    amount: Decimal  # positive is received
    venue_ns: int
    symbol: str = ""


class VenuePosition(Struct, frozen=True):
    symbol: str
    qty: Decimal  # signed
    price: Decimal


class Balance(Struct, frozen=True):
    asset: str
    total: Decimal
    free: Decimal


class AccountReport(Struct, frozen=True):
    """Everything an account has, asked in this order: orders, fills, cash, positions, orders again.

    `asked_ns` is our clock before the first question. `complete` is False when any page is missing;
    such a report adds what it knows and concludes nothing from what it lacks.
    `cursor` is where the next `fills` question may start.
    """

    asked_ns: int
    open_orders: tuple[OrderReport, ...]
    fills: tuple[Fill, ...]
    cash: tuple[Cash, ...]
    positions: tuple[VenuePosition, ...]
    balances: tuple[Balance, ...]
    instruments: tuple[Instrument, ...]
    cursor: str
    complete: bool = True
    # The venue no longer keeps everything since the cursor: what is missing will never be told.
    clipped: bool = False


class Trade(Struct, frozen=True, array_like=True):
    """A trade of others, as the public sees it; `side` is the taker's."""

    trade_id: str
    side: Side
    price: Decimal
    qty: Decimal
    venue_ns: int


class Bar(Struct, frozen=True, array_like=True):
    """What traded from `start_ns` until one interval later. Only closed bars are told, each once.

    One rule for all venues: an interval without trades is a flat bar at the last close with volume zero.
    """

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  # in units, not in quote money


class PlaceOrder(Struct, frozen=True, omit_defaults=True):
    """One order to be placed: exactly what the journal holds, and all that the venue needs."""

    client_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal  # 0 for market orders
    kind: OrderKind = "limit"
    tif: Tif = "gtc"
    reduce_only: bool = False
    trigger_price: Decimal = ZERO
    trigger_by: Trigger = "last"
    valid_until_ns: int = 0


class Level(Struct, frozen=True, array_like=True):
    price: Decimal
    qty: Decimal
