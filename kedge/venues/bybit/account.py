"""What Bybit says of our account: orders, executions, cash, balances, positions, the key. Pure.

The rows are the same on the streams and in replies, so each is read once, here. A row that cannot be read is
an `Unreadable`; rows of options are not ours to read and are left out.

Funding comes as an execution and again in the transaction log, under ids that nobody promises to be the
same. Both are therefore known by symbol and time of the settlement: it is booked once, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Raw, Struct

from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, Side, State, opposite
from kedge.model.venue import Balance, Cash, CashKind, Fill, FillKind, OrderReport, VenuePosition
from kedge.venues.bybit.instruments import Listing
from kedge.venues.bybit.wire import (
    CATEGORIES,
    MS,
    UNREADABLE,
    Category,
    Number,
    Numbers,
    Stamp,
    Unreadable,
    Word,
    Words,
    ns_of,
    number,
    number_or_zero,
    read_as,
)
from kedge.venues.silence import sentence


class OrderRow(Struct, frozen=True, rename="camel"):
    symbol: Word
    order_id: Word
    side: Word
    order_type: Word
    order_status: Word
    qty: Number
    cum_exec_qty: Numbers
    updated_time: Stamp
    order_link_id: Words = ""
    price: Numbers = ""
    leaves_qty: Numbers = ""
    time_in_force: Words = ""
    cancel_type: Words = ""
    reject_reason: Words = ""
    stop_order_type: Words = ""
    trigger_price: Numbers = ""
    trigger_direction: int = 0  # 1: fires as the price rises to it, 2: as it falls; spot does not say
    market_unit: Words = ""
    category: Words = ""


class ExecRow(Struct, frozen=True, rename="camel"):
    symbol: Word
    exec_id: Word
    order_id: Word
    exec_type: Word
    exec_time: Stamp
    exec_price: Numbers
    exec_qty: Numbers
    side: Words = ""
    order_link_id: Words = ""
    exec_fee: Numbers = ""
    fee_currency: Words = ""
    is_maker: bool | None = False
    order_qty: Numbers = ""
    order_price: Numbers = ""
    order_type: Words = ""
    leaves_qty: Numbers = ""
    category: Words = ""


class LogRow(Struct, frozen=True, rename="camel"):
    id: Word
    type: Word
    currency: Word
    transaction_time: Stamp
    change: Numbers
    symbol: Words = ""
    category: Words = ""
    funding: Numbers = ""
    trade_id: Words = ""


class PositionRow(Struct, frozen=True, rename="camel"):
    symbol: Word
    size: Numbers
    side: Words = ""
    avg_price: Numbers = ""  # in replies
    entry_price: Numbers = ""  # on the stream
    position_idx: int = 0
    position_status: Words = ""
    category: Words = ""


class CoinRow(
    Struct,
    frozen=True,
    rename={
        "wallet_balance": "walletBalance",
        "total_order_im": "totalOrderIM",
        "total_position_im": "totalPositionIM",
        "spot_borrow": "spotBorrow",
    },
):
    coin: Word
    wallet_balance: Numbers
    locked: Numbers = ""
    total_order_im: Numbers = ""
    total_position_im: Numbers = ""
    spot_borrow: Numbers = ""
    bonus: Numbers = ""


class WalletRow(Struct, frozen=True, rename="camel"):
    coin: tuple[Raw, ...] | None = ()
    account_type: Words = ""


class Skipped(Struct, frozen=True):
    """A row that says nothing of use to the ledger; `why` is "" where that is as it should be."""

    why: str = ""


# ── orders ──────────────────────────────────────────────────────────────────────────────────────

_SIDES: Final[dict[str, Side]] = {"Buy": "buy", "Sell": "sell"}
_OPEN: Final = ("New", "PartiallyFilled", "Untriggered", "Triggered", "Created")
_ENDED: Final = ("Cancelled", "PartiallyFilledCanceled", "Deactivated")
# The matching engine refused it after the acknowledgement; nothing of it was ever in the book.
_REFUSALS: Final[dict[str, str]] = {
    "EC_PostOnlyWillTakeLiquidity": "it would have traded at once, and it was to be post-only",
    "EC_LimitOrderInvalidPrice": "its price is not allowed",
    "EC_InvalidPriceScale": "its price does not fit the step",
    "EC_InvalidSymbolStatus": "the symbol does not trade now",
    "EC_SecurityStatusFail": "the symbol does not trade now",
    "EC_QtyCannotBeZero": "its quantity is zero",
    "EC_InvalidAmount": "its amount is not allowed",
    "EC_EcInvalidQty": "its quantity is not allowed",
    "EC_InvalidBaseValue": "its value is not allowed",
    "EC_MarketOrderCannotBePostOnly": "a market order cannot be post-only",
    "EC_MarketOrderNoSupportTIF": "a market order cannot have this time in force",
    "EC_UnknownOrderType": "the venue does not know this type of order",
    "EC_UnknownTimeInForce": "the venue does not know this time in force",
    "EC_InCallAuctionStatus": "the call auction does not allow it",
    "EC_LoadOrderCanMatch": "it would have traded at once when the book was loaded",
}
# Words about another request, not about this order: a cancel that came too late, a twin with its id.
_OF_REQUESTS: Final = ("EC_OrigClOrdIDDoesNotExist", "EC_TooLateToCancel", "EC_OrderNotExist")
_TWIN: Final = "EC_DuplicatedClOrdID"
_NOT_SAID: Final = ("", "UNKNOWN", "EC_NoError")
_SELF_ENDING: Final = ("IOC", "FOK")


def order_of(row: OrderRow, category: Category, listing: Listing) -> OrderReport | Skipped | Unreadable:
    """One order in the desk's words. A refused twin of an order says nothing of that order, nor does a
    refused cancel: it may have found no order yet, as well as none any more."""
    if row.reject_reason == _TWIN:
        return Skipped()
    side = _SIDES.get(row.side)
    if side is None:
        return Unreadable(sentence(f"order {row.order_id}: side {row.side!r}"))
    try:
        cum_qty = number_or_zero(row.cum_exec_qty)
        if row.order_status == "Rejected" and row.reject_reason in _OF_REQUESTS and cum_qty == 0:
            return Skipped()
        qty = _qty_of(row, cum_qty)
        market = row.order_type == "Market"
        return OrderReport(
            client_id=row.order_link_id or "",
            venue_id=row.order_id,
            symbol=listing.symbol_of(category, row.symbol),
            side=side,
            qty=qty,
            # The limit that the venue puts into a market order is its own affair.
            price=ZERO if market else number_or_zero(row.price),
            cum_qty=cum_qty,
            state=_state_of(row, qty, cum_qty),
            venue_ns=ns_of(row.updated_time),
            reason=_reason_of(row),
            kind=_kind_of(row, market),
            trigger_price=number_or_zero(row.trigger_price),
        )
    except UNREADABLE as error:
        return Unreadable(sentence(f"order {row.order_id}: {error}"))


def waits(row: OrderRow) -> bool:
    """Whether it is a stop whose price has not come yet."""
    return row.order_status == "Untriggered"


def _qty_of(row: OrderRow, cum_qty: Decimal) -> Decimal:
    """A market order of somebody who counts in money has no quantity but what it got."""
    return cum_qty if row.market_unit == "quoteCoin" else number(row.qty)


def _kind_of(row: OrderRow, market: bool) -> OrderKind:
    is_stop = (row.stop_order_type or "") not in _NOT_SAID and number_or_zero(row.trigger_price) > 0
    if is_stop:
        takes = row.trigger_direction != 0 and (row.trigger_direction == 1) != (row.side == "Buy")
        if takes:
            return "take" if market else "take_limit"
        return "stop" if market else "stop_limit"
    return "market" if market else "limit"


def _state_of(row: OrderRow, qty: Decimal, cum_qty: Decimal) -> State:
    status, reason = row.order_status, row.reject_reason or ""
    if status in _OPEN:
        return State.OPEN
    if status == "Filled":
        return State.FILLED
    if status == "Rejected":
        return State.CANCELLED if cum_qty > 0 else State.REJECTED
    if status in _ENDED:
        if cum_qty >= qty > 0:
            return State.FILLED  # a cancel that came too late is told as the order's own end
        if cum_qty == 0 and reason in _REFUSALS:
            return State.REJECTED
        by_itself = row.time_in_force in _SELF_ENDING and row.cancel_type in (None, *_NOT_SAID)
        return State.EXPIRED if by_itself else State.CANCELLED
    # A status newer than this code: what is left of the order tells whether it lives.
    if number(row.leaves_qty) > 0:
        return State.OPEN
    return State.FILLED if cum_qty >= qty > 0 else State.CANCELLED


def _reason_of(row: OrderRow) -> str:
    said = [w for w in (row.cancel_type or "", row.reject_reason or "") if w not in _NOT_SAID]
    words = ": ".join(said)
    plain = _REFUSALS.get(row.reject_reason or "")
    return sentence(f"{plain} ({words})" if plain else words)


# ── executions ──────────────────────────────────────────────────────────────────────────────────

_FILLS: Final[dict[str, FillKind]] = {
    "Trade": "trade",
    "BlockTrade": "trade",
    "MovePosition": "trade",
    "FutureSpread": "trade",
    "AdlTrade": "adl",
    "BustTrade": "liquidation",
    "Delivery": "delivery",
    "Settle": "delivery",
}
_FUNDING: Final = "Funding"


def exec_of(row: ExecRow, category: Category, listing: Listing) -> Fill | Cash | Skipped | Unreadable:
    """A fill, or the cash that came in the shape of one. Nothing is dropped for having no id of ours."""
    symbol = listing.symbol_of(category, row.symbol)
    try:
        if row.exec_type == _FUNDING:
            return _funding(symbol, category, row, listing)
        kind = _FILLS.get(row.exec_type)
        if kind is None:
            # A stock split, or something newer than this code. It is no trade, so it is not booked as one;
            # if it changes a position, the audit of positions says so.
            return Skipped(
                f"execution {row.exec_id} of {symbol} is of a kind that is not booked: {row.exec_type}"
            )
        return _fill(symbol, category, row, kind, listing)
    except UNREADABLE as error:
        return Unreadable(sentence(f"execution {row.exec_id}: {error}"))


def _fill(
    symbol: str, category: Category, row: ExecRow, kind: FillKind, listing: Listing
) -> Fill | Unreadable:
    side = _SIDES.get(row.side or "")
    qty, price = number(row.exec_qty), number(row.exec_price)
    # What an inverse contract is worth is a quantity divided by its price.
    if side is None or qty <= 0 or price < 0 or (category == "inverse" and price == 0):
        return Unreadable(
            sentence(f"execution {row.exec_id}: {row.side!r} {row.exec_qty!r} at {row.exec_price!r}")
        )
    fee = number_or_zero(row.exec_fee)
    # A rebate is paid in the coin that a fee would not be taken in.
    fee_side = opposite(side) if fee < 0 and category == "spot" else side
    return Fill(
        # Ids are not promised to differ between symbols, nor between the two sides of one trade.
        exec_id=f"{symbol}:{row.exec_id}:{side[0]}",
        client_id=row.order_link_id or "",
        venue_id=row.order_id,
        symbol=symbol,
        side=side,
        qty=qty,
        price=price,
        fee=fee,
        fee_asset=row.fee_currency or listing.money_of(category, symbol, fee_side),
        venue_ns=ns_of(row.exec_time),
        maker=bool(row.is_maker),
        kind=kind,
    )


def _funding(symbol: str, category: Category, row: ExecRow, listing: Listing) -> Cash:
    """As a "fee" a positive one is paid."""
    asset = row.fee_currency or listing.money_of(category, symbol, "buy")
    at_ns = ns_of(row.exec_time)
    return Cash(_funding_id(symbol, at_ns), "funding", asset, -number(row.exec_fee), at_ns, symbol)


# Funding is settled on the hour, at most once in it; either source may stamp it a little late.
_SLOT_NS: Final = 1_800_000_000_000


def _funding_id(symbol: str, at_ns: int) -> str:
    return f"funding:{symbol}:{(at_ns + _SLOT_NS // 2) // _SLOT_NS * _SLOT_NS // MS}"


# ── the transaction log ─────────────────────────────────────────────────────────────────────────

# What the executions tell, with more to it.
_TOLD_ELSEWHERE: Final = ("TRADE", "LIQUIDATION", "ADL", "DELIVERY")
_CASH_KINDS: Final[dict[str, CashKind]] = {
    "INTEREST": "fee",
    "FEE_REFUND": "fee",
    "AIRDROP": "other",
    "BONUS": "other",
    "BONUS_RECOLLECT": "other",
}


def cash_of(row: LogRow, listing: Listing) -> Cash | Skipped | Unreadable:
    """Money that moved without a fill. Whatever is not named here came from outside trading: a transfer."""
    if row.type in _TOLD_ELSEWHERE:
        return Skipped()
    try:
        at_ns = ns_of(row.transaction_time)
        if row.type == "SETTLEMENT":
            return _settled(row, at_ns, listing)
        amount = number_or_zero(row.change)
        if amount == 0:
            return Skipped()
        kind = _CASH_KINDS.get(row.type, "transfer")
        return Cash(f"{row.type}:{row.id}:{row.currency}", kind, row.currency, amount, at_ns)
    except UNREADABLE as error:
        return Unreadable(sentence(f"transaction {row.id}: {error}"))


def _settled(row: LogRow, at_ns: int, listing: Listing) -> Cash | Skipped:
    """Of a settlement only the funding: its cash flow is profit, which the position's own fills tell."""
    category: Category = "inverse" if row.category == "inverse" else "linear"
    amount = number_or_zero(row.funding)
    if amount == 0 or not row.symbol:
        return Skipped()
    symbol = listing.symbol_of(category, row.symbol)
    return Cash(_funding_id(symbol, at_ns), "funding", row.currency, amount, at_ns, symbol)


# ── positions and balances ──────────────────────────────────────────────────────────────────────


HEDGED: Final = (
    "{} is held in hedge mode, and the desk's orders need one-way mode: close it and switch the mode on"
    " Bybit's site"
)
DANGERS: Final[dict[str, str]] = {
    "Liq": "the venue is liquidating the position",
    "Adl": "the venue is deleveraging the position",
}


def position_of(row: PositionRow, category: Category, listing: Listing) -> VenuePosition | Unreadable:
    """Signed; a flat one has size zero."""
    try:
        size = number_or_zero(row.size)
        if size and row.side not in _SIDES:
            return Unreadable(sentence(f"position {row.symbol}: side {row.side!r}"))
        signed = -size if row.side == "Sell" else size
        price = number_or_zero(row.avg_price or row.entry_price)
        return VenuePosition(listing.symbol_of(category, row.symbol), signed, price)
    except UNREADABLE as error:
        return Unreadable(sentence(f"position {row.symbol}: {error}"))


def balances_of(row: WalletRow) -> tuple[Balance, ...] | Unreadable:
    balances = []
    for raw in row.coin or ():
        coin = read_as(raw, CoinRow)
        if isinstance(coin, Unreadable):
            return coin
        made = _balance_of(coin)
        if isinstance(made, Unreadable):
            return made
        balances.append(made)
    return tuple(balances)


def _balance_of(coin: CoinRow) -> Balance | Unreadable:
    """What is ours, and what of it no order and no position holds. Borrowed coins are not ours."""
    try:
        total = number(coin.wallet_balance) - number_or_zero(coin.spot_borrow)
        held = [coin.locked, coin.total_order_im, coin.total_position_im, coin.bonus]
        free = total - sum((number_or_zero(one) for one in held), ZERO)
        return Balance(coin.coin, total, max(ZERO, free))
    except UNREADABLE as error:
        return Unreadable(sentence(f"balance of {coin.coin}: {error}"))


# ── rows of any kind ────────────────────────────────────────────────────────────────────────────


def category_of(word: str | None) -> Category | Unreadable | None:
    """The category a row of a stream is of; None: not one that we trade (an option, a spread)."""
    if not word:
        return Unreadable("a row without its category: whose it is cannot be told")
    return next((category for category in CATEGORIES if category == word), None)


def newest(reports: Iterable[OrderReport]) -> OrderReport | None:
    """Of several reports of one id the last one; a refused second order with that id does not count."""

    def rank(report: OrderReport) -> tuple[bool, int, Decimal, bool]:
        refused, alive = report.state is State.REJECTED, report.state is State.OPEN
        return (not refused, report.venue_ns, report.cum_qty, not alive)

    return max(reports, key=rank, default=None)
