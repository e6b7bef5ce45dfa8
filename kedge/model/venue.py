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
    # There is no bound, but a key works once: what is placed under it first is all that it ever places. A
    # lookup that is asked to `burn` uses the key up, and then "not found" is conclusive.
    burns: bool = False
    id_scope: Literal["open", "forever"] = "forever"
    amend: AmendMode = "in_place"
    reduce_only: bool = True
    post_only: bool = True
    stops: bool = True
    takes: bool = False  # stops that fire from the other side, too
    # Which orders the venue ends by itself at a time that we give; of the others the desk cancels.
    ends: Literal["none", "stops", "all"] = "none"
    # Plain orders end with the session. Their return is the desk's doing, at the next opening.
    day_orders: bool = False
    # Requests per second per account, and the share kept back for cancels and hedges.
    requests_per_s: int = 20
    burst: int = 40
    reserve: int = 10
    # Orders that wait for a trigger have this allowance a minute, and no more; 0: as all others.
    stops_per_min: int = 0
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
    # Of an order that waits for a trigger; and when the venue ends it by itself, 0: never.
    trigger_price: Decimal = ZERO
    expires_ns: int = 0


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
    # The venue ends it then by itself; 0: it stands until it is cancelled.
    expires_ns: int = 0


class Ask(Struct, frozen=True, omit_defaults=True):
    """A question about one order, with all that the journal knows of it: adapters remember nothing."""

    client_id: str
    symbol: str
    placed: PlaceOrder | None = None
    venue_id: str = ""
    asked_first_ns: int = 0  # our clock when it was about to be sent: the venue cannot have it from before
    # Use the key up, where `Rules.burns`, and say so with `LookedUp.burnt`.
    burn: bool = False
    # Orders of ours that may look the same: the venue's number, and our id.
    others: tuple[tuple[str, str], ...] = ()


class Quote(Struct, frozen=True, omit_defaults=True):
    """The best prices of one market, asked for once; zero where the venue does not tell."""

    symbol: str
    bid: Decimal = ZERO
    bid_qty: Decimal = ZERO
    ask: Decimal = ZERO
    ask_qty: Decimal = ZERO
    last: Decimal = ZERO
    mark: Decimal = ZERO
    # Of a perpetual: a fraction per period, paid by who is long when it is positive.
    funding_rate: Decimal = ZERO
    funding_ns: int = 0  # when it is paid next
    funding_s: int = 0  # the length of a period; 0 where nobody says
    venue_ns: int = 0


class Level(Struct, frozen=True, array_like=True):
    price: Decimal
    qty: Decimal
