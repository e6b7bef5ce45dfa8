"""An order as it is asked for: its parameters read, checked for shape, and held against the filters. Pure.

The order of the checks is part of the behaviour: what is missing comes before what is malformed, that before
what does not fit together, that before the filters, and money last of all.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, Side, Tif
from kedge.model.venue import PlaceOrder
from kedge.sim.binance.common import Params, Refused, missing
from kedge.sim.binance.spot.rules import ALGO_TYPES, ORDER_TYPES, PRECISION, STP_DEFAULT, STP_MODES, Filters
from kedge.sim.exchange import Manner
from kedge.sim.exchange.nouns import SelfTrade

CLIENT_ID = re.compile(r"[a-zA-Z0-9-_]{1,36}")
BuySell = Literal["BUY", "SELL"]

# What each type must have beside symbol, side and quantity, and all that it may have.
NEEDS: dict[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity", "stopPrice"),
    "STOP_LOSS_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
    "TAKE_PROFIT": ("quantity", "stopPrice"),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
}
MAY: dict[str, tuple[str, ...]] = {**NEEDS, "MARKET": ("quantity", "quoteOrderQty")}
SHAPED = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice")
# Parts of the venue that are switched off here, as on symbols that do not allow them.
OFF = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
    "pegPriceType": "Pegged orders are not supported for this symbol.",
    "pegOffsetType": "Pegged orders are not supported for this symbol.",
    "pegOffsetValue": "Pegged orders are not supported for this symbol.",
}
SELF_TRADE: dict[str, SelfTrade] = {
    "NONE": "none",
    "EXPIRE_TAKER": "cancel_newest",
    "EXPIRE_MAKER": "cancel_oldest",
    "EXPIRE_BOTH": "cancel_both",
}


class Wish(Struct, frozen=True, omit_defaults=True):
    """One order as asked for; numbers that were not sent are zero."""

    symbol: str
    side: BuySell
    type: str
    tif: str = "GTC"
    qty: Decimal = ZERO
    quote_qty: Decimal = ZERO
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    client_id: str = ""
    response: str = ""
    stp: str = STP_DEFAULT
    strategy_id: int | None = None
    strategy_type: int | None = None

    @property
    def algo(self) -> bool:
        return self.type in ALGO_TYPES

    @property
    def take_profit(self) -> bool:
        return self.type.startswith("TAKE_PROFIT")


def read_wish(params: Params) -> Wish:
    """The parameters of POST /api/v3/order, in the venue's order of complaints."""
    symbol, side, type_ = params.need("symbol"), params.need("side"), params.need("type")
    if side not in ("BUY", "SELL"):
        raise Refused(-1117, "Invalid side.")
    if type_ not in ORDER_TYPES:
        raise Refused(-1116, "Invalid orderType.")
    _check_parts(params, type_)
    response = params.text("newOrderRespType", "FULL" if type_ in ("LIMIT", "MARKET") else "ACK")
    if response not in ("ACK", "RESULT", "FULL"):
        raise Refused(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    tif = params.text("timeInForce", "GTC")
    if tif not in ("GTC", "IOC", "FOK"):
        raise Refused(-1115, "Invalid timeInForce.")
    return Wish(
        symbol,
        "BUY" if side == "BUY" else "SELL",
        type_,
        tif,
        read_amount(params, "quantity"),
        read_amount(params, "quoteOrderQty"),
        read_amount(params, "price"),
        read_amount(params, "stopPrice"),
        params.matching("newClientOrderId", CLIENT_ID),
        response,
        read_stp(params),
        params.integer("strategyId") if params.has("strategyId") else None,
        read_strategy_type(params),
    )


def _check_parts(params: Params, type_: str) -> None:
    for name in NEEDS[type_]:
        if name == "stopPrice" and params.has("trailingDelta"):
            continue
        params.need(name)
    if type_ == "MARKET":
        both = params.has("quantity"), params.has("quoteOrderQty")
        if not any(both):
            text = "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
            raise Refused(-1102, text)
        if all(both):
            raise Refused(-1128, "Combination of optional parameters invalid.")
    for name in SHAPED:
        if params.has(name) and name not in MAY[type_]:
            raise Refused(-1106, f"Parameter '{name}' sent when not required.")
    for name, text in OFF.items():
        if params.has(name):
            raise Refused(-1013, text)


def read_amount(params: Params, name: str) -> Decimal:
    """A price or a quantity: at most so many decimals, above zero where it was sent."""
    value = params.decimal(name)
    if value is None:
        return ZERO
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PRECISION:
        raise Refused(-1111, f"Parameter '{name}' has too much precision.")
    if value <= 0:
        words = {"quantity": "quantity", "price": "price", "quoteOrderQty": "quote order qty"}
        raise Refused(-1013, f"Invalid {words.get(name, name)}.")
    return value


def read_stp(params: Params) -> str:
    mode = params.text("selfTradePreventionMode", STP_DEFAULT)
    if mode not in STP_MODES:
        if mode not in ("DECREMENT", "TRANSFER"):
            raise Refused(-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")
        raise Refused(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    return mode


def read_strategy_type(params: Params) -> int | None:
    if not params.has("strategyType"):
        return None
    number = params.integer("strategyType")
    if number < 1_000_000:
        raise Refused(-1134, "`strategyType` was less than 1000000.")
    return number


def either_id(params: Params, number: str, text: str) -> tuple[int | None, str]:
    """(order id, client id) of an order that exists; one of the two must be given."""
    order_id = params.integer(number) if params.has(number) else None
    client_id = params.text(text)
    if order_id is None and not client_id:
        raise Refused(-1102, f"Param '{text}' or '{number}' must be sent, but both were empty/null!")
    return order_id, client_id


# ── filters ─────────────────────────────────────────────────────────────────────────────────────


class Climate(Struct, frozen=True):
    """What the filters look at beside the order: prices, and what the account has open on the symbol."""

    average: Decimal  # of the last minutes' trades; 0: there were none
    open_orders: int
    open_algos: int


def check_filters(wish: Wish, f: Filters, climate: Climate) -> None:
    """Raises -1013 with the name of the first filter that fails."""
    for price in (wish.price, wish.stop_price):
        if price and (price < f.min_price or price > f.max_price or price % f.tick):
            raise failure("PRICE_FILTER")
    _check_percent(wish, f, climate.average)
    if wish.qty:
        if wish.qty < f.min_qty or wish.qty > f.max_qty or wish.qty % f.step:
            raise failure("LOT_SIZE")
        if wish.type in ("MARKET", "STOP_LOSS", "TAKE_PROFIT") and wish.qty > f.market_max_qty:
            raise failure("MARKET_LOT_SIZE")
    _check_notional(wish, f, climate.average)
    if climate.open_orders >= f.max_orders:
        raise failure("MAX_NUM_ORDERS")
    if wish.algo and climate.open_algos >= f.max_algo_orders:
        raise failure("MAX_NUM_ALGO_ORDERS")


def failure(name: str) -> Refused:
    return Refused(-1013, f"Filter failure: {name}")


def _check_percent(wish: Wish, f: Filters, average: Decimal) -> None:
    if not wish.price or not average:
        return
    up, down = (f.bid_up, f.bid_down) if wish.side == "BUY" else (f.ask_up, f.ask_down)
    if not average * down <= wish.price <= average * up:
        raise failure("PERCENT_PRICE_BY_SIDE")


def _check_notional(wish: Wish, f: Filters, average: Decimal) -> None:
    """Orders without a price are valued at the average, and have no largest notional."""
    price = wish.price or wish.stop_price
    if wish.quote_qty:
        notional = wish.quote_qty
    elif price or average:
        notional = wish.qty * (price or average)
    else:
        return
    if notional < f.min_notional or (wish.price and notional > f.max_notional):
        raise failure("NOTIONAL")


# ── what the exchange is asked for ──────────────────────────────────────────────────────────────

KINDS: dict[str, OrderKind] = {
    "LIMIT": "limit",
    "LIMIT_MAKER": "limit",
    "MARKET": "market",
    "STOP_LOSS": "stop",
    "TAKE_PROFIT": "stop",
    "STOP_LOSS_LIMIT": "stop_limit",
    "TAKE_PROFIT_LIMIT": "stop_limit",
}
TIFS: dict[str, Tif] = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok"}


def place_order(wish: Wish, symbol: str, client_id: str, qty: Decimal, valid_until_ns: int) -> PlaceOrder:
    side: Side = "buy" if wish.side == "BUY" else "sell"
    kind = KINDS[wish.type]
    tif = "post_only" if wish.type == "LIMIT_MAKER" else TIFS[wish.tif]
    return PlaceOrder(
        client_id,
        symbol,
        side,
        qty,
        wish.price,
        kind,
        tif if kind in ("limit", "stop_limit") else "ioc",
        trigger_price=wish.stop_price,
        valid_until_ns=valid_until_ns,
    )


def manner_of(wish: Wish, bnb_price: Decimal, bnb_cut: Decimal) -> Manner:
    """`bnb_price` 0: the account does not pay its fees in BNB."""
    return Manner(
        self_trade=SELF_TRADE[wish.stp],
        take_profit=wish.take_profit,
        holds_early=wish.algo,
        fee_asset="BNB" if bnb_price else "",
        fee_price=bnb_price or Decimal(1),
        fee_cut=bnb_cut if bnb_price else ZERO,
    )


def need_symbol(params: Params) -> str:
    if not params.has("symbol"):
        raise missing("symbol")
    return params.need("symbol")
