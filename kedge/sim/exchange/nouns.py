"""What goes into the exchange and what comes out of it: configuration, replies, happenings, answers.

Orders, fills, cash, positions and balances are the ones of `kedge.model.venue`; here is only what an
exchange adds to them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from kedge.model.instrument import Instrument, Status
from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side
from kedge.model.venue import (
    AmendMode,
    Balance,
    Cash,
    Fill,
    Level,
    OrderReport,
    PlaceOrder,
    VenuePosition,
)

SelfTrade = Literal["cancel_newest", "cancel_oldest", "cancel_both", "none"]

# The house's own accounts. Every movement of money has two sides, so the sum over all accounts,
# these three included, is zero in every asset at every moment.
OUTSIDE = "~outside"  # where transfers come from; its balance is minus everything ever paid in
FEES = "~fees"
INSURANCE = "~insurance"
HOUSE = (OUTSIDE, FEES, INSURANCE)


class Terms(Struct, frozen=True, omit_defaults=True):
    """One instrument with what the venue adds to it: fees, leverage, funding, bands."""

    instrument: Instrument
    maker_fee: Decimal = ZERO  # a fraction of the value; negative is a rebate
    taker_fee: Decimal = ZERO
    # Spot only. "quote"; "received" (a buyer pays in base); or an asset's name, taken at `fee_price`
    # units of quote each while the account has it, from the quote afterwards. Derivatives pay in settle.
    fee_asset: str = "quote"
    fee_price: Decimal = ONE
    # Fees are cut down to this.
    fee_step: Decimal = Decimal("1e-10")
    leverage_max: Decimal = Decimal(50)
    maintenance: Decimal = Decimal("0.005")  # a fraction of the position's value at the mark
    # What a liquidated account pays to the insurance fund, out of what is left to it.
    liquidation_fee: Decimal = Decimal("0.005")
    funding_interval_ns: int = 0  # 0: no funding
    funding_cap: Decimal = Decimal("0.0075")
    # Limit prices further than this fraction from the mark are refused; 0: no band.
    price_band: Decimal = ZERO
    # Market orders and triggered stops stop trading this far from the mark; 0: no collar.
    market_collar: Decimal = ZERO


class ExchangeConfig(Struct, frozen=True, omit_defaults=True):
    terms: tuple[Terms, ...]
    amend: AmendMode = "in_place"
    # What an amended quantity means where an amend is cancel-and-new. "total": the order with what has
    # traded of it (the new order carries the fills). "fresh": the new order's own, whatever has traded:
    # an amend that races a fill then overfills, which is how some venues are.
    amend_qty: Literal["total", "fresh"] = "total"
    id_scope: Literal["open", "forever"] = "forever"
    self_trade: SelfTrade = "cancel_newest"
    # True: a post-only order that would take is accepted and cancelled. False: it is refused.
    post_only_cancels: bool = False
    # True: a reduce-only order larger than the position is cut to it. False: it is refused.
    reduce_only_cuts: bool = True
    # True: cancels are taken in a halt, as on most venues.
    cancel_in_halt: bool = True
    leverage: Decimal = Decimal(10)
    open_orders_max: int = 500  # per account
    # A break of the calendar that is at least so long ends what rests in the book, as a day's end does; stops
    # outlast it. 0: everything outlasts every break. The house's own orders always do.
    day_break_ns: int = 0
    retention_ns: int = 7 * 24 * 3600 * 10**9
    # Used client ids that are remembered per account when the scope is "forever".
    ids_max: int = 1_000_000
    insurance: dict[str, Decimal] = {}


# ── requests and replies ────────────────────────────────────────────────────────────────────────


class Manner(Struct, frozen=True, omit_defaults=True):
    """How one order is to be treated where orders may choose; the default is the exchange's own way."""

    # By the taker's choice; None is what the exchange does with all.
    self_trade: SelfTrade | None = None
    # The trigger lies where there is a profit: a buy fires as the price falls to it, a sell as it rises.
    take_profit: bool = False
    # Owned things: what the order will need is set aside while its trigger waits.
    holds_early: bool = False
    # The client id of an open order that goes when this one is triggered: of two, one works. An amend that
    # gives that order another id changes it here as well.
    instead_of: str = ""
    # Owned things: the fee is taken in this asset, at this many units of quote each and with so much off,
    # as long as the account has enough of it.
    fee_asset: str = ""
    fee_price: Decimal = ONE
    fee_cut: Decimal = ZERO

    def __post_init__(self) -> None:
        assert self.fee_price > 0
        assert ZERO <= self.fee_cut <= ONE


class AmendOrder(Struct, frozen=True, omit_defaults=True):
    """Zero leaves a number as it is."""

    client_id: str
    price: Decimal = ZERO
    qty: Decimal = ZERO
    trigger_price: Decimal = ZERO
    venue_id: str = ""
    valid_until_ns: int = 0
    # Where a venue lets an amend give the order another id; "" leaves it.
    new_client_id: str = ""


class CancelOrder(Struct, frozen=True, omit_defaults=True):
    client_id: str
    venue_id: str = ""
    valid_until_ns: int = 0


class Reply(Struct, frozen=True, omit_defaults=True):
    """What became of a request. `code` is "" when it was carried out; a refusal changes nothing.

    `order` is the order after the request. With a refused placing it is a REJECTED report of what was
    asked (never stored), except for duplicate ids, where it is the order that has the id.
    """

    ok: bool
    code: str = ""
    sentence: str = ""
    order: OrderReport | None = None


# ── happenings ──────────────────────────────────────────────────────────────────────────────────


class _Happening(Struct, frozen=True, tag=True, omit_defaults=True):
    pass


class OrderChanged(_Happening, frozen=True):
    account: str
    order: OrderReport


class FillMade(_Happening, frozen=True):
    account: str
    fill: Fill


class CashMoved(_Happening, frozen=True):
    account: str
    cash: Cash


class BalancesChanged(_Happening, frozen=True):
    """All balances of the account. Several changes between two `take`s are one happening."""

    account: str
    balances: tuple[Balance, ...]


class PositionChanged(_Happening, frozen=True):
    account: str
    position: VenuePosition


class RequestAnswered(_Happening, frozen=True):
    """The reply to a request that came by `send`, with the sender's own tag."""

    account: str
    tag: str
    reply: Reply


class BookChanged(_Happening, frozen=True):
    """The levels that changed since the last `take`, best first; quantity 0: the level is gone.

    `seq` grows by one from one `BookChanged` of a symbol to the next.
    """

    symbol: str
    seq: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_ns: int


class TradePrinted(_Happening, frozen=True):
    """A trade as the public sees it; `side` is the taker's."""

    symbol: str
    trade_id: str
    side: Side
    price: Decimal
    qty: Decimal
    venue_ns: int


class MarkMoved(_Happening, frozen=True):
    symbol: str
    mark: Decimal
    index: Decimal
    last: Decimal
    funding_rate: Decimal
    venue_ns: int


class StatusChanged(_Happening, frozen=True):
    """Trading was halted, resumed, opened, closed; `status` is what holds now."""

    symbol: str
    status: Status
    venue_ns: int


Happening = (
    OrderChanged
    | FillMade
    | CashMoved
    | BalancesChanged
    | PositionChanged
    | RequestAnswered
    | BookChanged
    | TradePrinted
    | MarkMoved
    | StatusChanged
)

Request = PlaceOrder | AmendOrder | CancelOrder


# ── answers to questions ────────────────────────────────────────────────────────────────────────


class BookView(Struct, frozen=True):
    """The best levels, best first, as of the `seq` that the next `BookChanged` will follow."""

    symbol: str
    seq: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_ns: int


class MarketReport(Struct, frozen=True):
    symbol: str
    status: Status
    open: bool
    last: Decimal
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    funding_ns: int  # when funding is next paid; 0: never


class FillPage(Struct, frozen=True):
    """`cursor` is where the next question starts. `clipped`: older entries than asked for are gone."""

    items: tuple[Fill, ...]
    cursor: str
    more: bool
    clipped: bool


class CashPage(Struct, frozen=True):
    items: tuple[Cash, ...]
    cursor: str
    more: bool
    clipped: bool


class QueueSpot(Struct, frozen=True):
    """What stands before and behind an order at its own price."""

    ahead: Decimal
    behind: Decimal


class AccountTruth(Struct, frozen=True):
    cash: dict[str, Decimal]
    held: dict[str, Decimal]
    positions: dict[str, VenuePosition]
    # The value at which the open positions were entered, per settlement asset.
    entered: dict[str, Decimal]
    orders: tuple[OrderReport, ...]  # every order that is remembered, finished ones too
    fills: tuple[Fill, ...]
    cash_moves: tuple[Cash, ...]


class AssetTruth(Struct, frozen=True):
    """`paid_in == cash - entered + fees + insurance`, exactly and always.

    `cash` and `entered` are sums over the accounts; the house's own are counted apart.
    """

    paid_in: Decimal
    cash: Decimal
    entered: Decimal
    fees: Decimal
    insurance: Decimal

    @property
    def total(self) -> Decimal:
        return self.cash - self.entered + self.fees + self.insurance

    @property
    def conserved(self) -> bool:
        return self.paid_in == self.total


class Truth(Struct, frozen=True):
    """Everything a checker wants to know, as plain data."""

    now_ns: int
    accounts: dict[str, AccountTruth]
    assets: dict[str, AssetTruth]
    # The net of all positions, the insurance fund's included; zero for each.
    net_positions: dict[str, Decimal]
    markets: dict[str, MarketReport]
    books: dict[str, BookView]
    executions: int
