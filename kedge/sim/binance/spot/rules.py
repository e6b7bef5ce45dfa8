"""What spot allows, as data: filters and flags of a symbol, limits of the venue, what each request weighs.

As of July 2026 (filters.md, rest-api.md, enums.md of the venue's documents). What differs by symbol (tick,
step, smallest and largest) is the instrument's own; the rest is the same for all symbols here.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO
from kedge.sim.binance.weights import DAY_NS, Window, limit_row

PRECISION = 8  # decimals of any price or quantity, told or taken
WEIGHT_PER_MINUTE = 6_000
RAW_PER_5_MINUTES = 300_000
ORDER_WINDOWS = (Window("SECOND", 10, 100), Window("DAY", 1, 200_000))

LIMIT_MAX = 1_000
LIMIT_DEFAULT = 500
DEPTH_MAX = 5_000
SPAN_MAX_NS = DAY_NS  # between startTime and endTime of one's own history
RETENTION_NS = 90 * DAY_NS  # of orders that ended without a fill; then -2026

ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
ALGO_TYPES = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
STP_DEFAULT = "EXPIRE_MAKER"

# Off the standard commission where it is paid in BNB.
BNB_DISCOUNT = Decimal("0.25")


class Filters(Struct, frozen=True):
    """The filters of one symbol; prices and notionals in quote, quantities in base."""

    tick: Decimal
    min_price: Decimal
    max_price: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    market_max_qty: Decimal
    min_notional: Decimal
    max_notional: Decimal = Decimal(9_000_000)
    bid_up: Decimal = Decimal(5)
    bid_down: Decimal = Decimal("0.2")
    ask_up: Decimal = Decimal(5)
    ask_down: Decimal = Decimal("0.2")
    avg_minutes: int = 5
    max_orders: int = 200
    max_algo_orders: int = 5
    max_amends: int = 10
    max_lists: int = 20


def filters_of(instrument: Instrument, market_max_qty: Decimal = ZERO) -> Filters:
    """`market_max_qty` 0: a market order may be as large as any."""
    return Filters(
        instrument.tick,
        instrument.tick,
        Decimal(1_000_000),
        instrument.qty_step,
        instrument.min_qty,
        instrument.max_qty,
        market_max_qty or instrument.max_qty,
        instrument.min_notional,
    )


def fixed(value: Decimal) -> str:
    """A number as the venue writes it: eight decimals, always."""
    return f"{value:.{PRECISION}f}"


def filter_bodies(f: Filters) -> list[dict[str, object]]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(f.min_price),
            "maxPrice": fixed(f.max_price),
            "tickSize": fixed(f.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": fixed(f.min_qty),
            "maxQty": fixed(f.max_qty),
            "stepSize": fixed(f.step),
        },
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": fixed(ZERO),
            "maxQty": fixed(f.market_max_qty),
            "stepSize": fixed(ZERO),
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(f.bid_up),
            "bidMultiplierDown": str(f.bid_down),
            "askMultiplierUp": str(f.ask_up),
            "askMultiplierDown": str(f.ask_down),
            "avgPriceMins": f.avg_minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": fixed(f.min_notional),
            "applyMinToMarket": True,
            "maxNotional": fixed(f.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": f.avg_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": f.max_orders},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": f.max_lists},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": f.max_algo_orders},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": f.max_amends},
    ]


STATUS = {"trading": "TRADING", "halted": "HALT", "closed": "BREAK"}


def symbol_body(
    symbol: str, instrument: Instrument, filters: Filters, sets: bool = True
) -> dict[str, object]:
    """One entry of exchangeInfo."""
    return {
        "symbol": symbol,
        "status": STATUS[instrument.status],
        "baseAsset": instrument.base,
        "baseAssetPrecision": PRECISION,
        "quoteAsset": instrument.quote,
        "quotePrecision": PRECISION,
        "quoteAssetPrecision": PRECISION,
        "baseCommissionPrecision": PRECISION,
        "quoteCommissionPrecision": PRECISION,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filter_bodies(filters),
        "permissions": [],
        "permissionSets": [["SPOT"]] if sets else [],
        "defaultSelfTradePreventionMode": STP_DEFAULT,
        "allowedSelfTradePreventionModes": list(STP_MODES),
    }


def limit_bodies() -> list[dict[str, object]]:
    return [
        limit_row("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE),
        *(limit_row("ORDERS", w.interval, w.number, w.most) for w in ORDER_WINDOWS),
        limit_row("RAW_REQUESTS", "MINUTE", 5, RAW_PER_5_MINUTES),
    ]
