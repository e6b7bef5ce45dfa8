"""What the adapter asks Bybit for: orders, changes, batches, settings, as the venue's parameters. Pure.

All numbers are text. A stop to buy waits for a rise and a stop to sell for a fall; contracts are told so by
`triggerDirection`, spot pairs by their own filter of orders. A market order in spot always counts in the base
coin: left to itself the venue reads a buyer's quantity as money.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from kedge.model.numbers import text
from kedge.model.order import PRICED, TRIGGERED, Side, Tif, Trigger, fires_rising
from kedge.model.venue import PlaceOrder
from kedge.venues.bybit.instruments import native_of
from kedge.venues.bybit.wire import Category, json_of

Params = dict[str, str | int | bool]

_SIDES: dict[Side, str] = {"buy": "Buy", "sell": "Sell"}
_TIFS: dict[Tif, str] = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK", "post_only": "PostOnly"}
_TRIGGERS: dict[Trigger, str] = {"last": "LastPrice", "mark": "MarkPrice", "index": "IndexPrice"}
_RISE, _FALL = 1, 2


def impossible(category: Category, order: PlaceOrder) -> str:
    """Why this order cannot be said in the venue's words; "" when it can."""
    if len(order.client_id) > 36:
        return f"the id {order.client_id!r} is longer than the 36 characters the venue allows"
    if category == "spot":
        if order.kind in TRIGGERED and order.trigger_by != "last":
            return f"spot has no stops by the {order.trigger_by} price: use trigger_by = last"
        if order.reduce_only:
            return "spot has no reduce-only orders: leave it out"
    return ""


def place(category: Category, order: PlaceOrder) -> Params:
    """The parameters of /v5/order/create and order.create."""
    market = order.kind not in PRICED
    params: Params = {
        "category": category,
        "symbol": native_of(order.symbol),
        "side": _SIDES[order.side],
        "orderType": "Market" if market else "Limit",
        "qty": text(order.qty),
        "timeInForce": "IOC" if market else _TIFS[order.tif],
        "orderLinkId": order.client_id,
    }
    if not market:
        params["price"] = text(order.price)
    if category == "spot":
        if market:
            params["marketUnit"] = "baseCoin"
    else:
        params["positionIdx"] = 0
        if order.reduce_only:
            params["reduceOnly"] = True
    if order.kind in TRIGGERED:
        params["triggerPrice"] = text(order.trigger_price)
        if category == "spot":
            params["orderFilter"] = "StopOrder"
        else:
            params["triggerDirection"] = _RISE if fires_rising(order.kind, order.side) else _FALL
            params["triggerBy"] = _TRIGGERS[order.trigger_by]
    return params


def amend(category: Category, client_id: str, symbol: str, price: Decimal, qty: Decimal) -> Params:
    """Price and whole quantity; a price of zero (a stop that becomes a market order) is left as it is."""
    params = cancel(category, client_id, symbol)
    params["qty"] = text(qty)
    if price:
        params["price"] = text(price)
    return params


def cancel(category: Category, client_id: str, symbol: str, *, waiting: bool = False) -> Params:
    """By our id alone: were both ids sent, the venue's would win silently. `waiting`: a stop in spot that
    waits for its price is found in a drawer of its own."""
    params: Params = {"category": category, "symbol": native_of(symbol), "orderLinkId": client_id}
    if waiting:
        params["orderFilter"] = "StopOrder"
    return params


def batch(category: Category, items: Sequence[Params]) -> dict[str, object]:
    """Several at once; the category is said once for all."""
    rows = [{name: value for name, value in item.items() if name != "category"} for item in items]
    return {"category": category, "request": rows}


def cancel_all(category: Category, symbol: str, settle: str, order_filter: str = "") -> Params:
    """Of one symbol, or of everything settled in one coin; spot also knows "everything"."""
    params: Params = {"category": category}
    if symbol:
        params["symbol"] = native_of(symbol)
    elif settle:
        params["settleCoin"] = settle
    if order_filter:
        params["orderFilter"] = order_filter
    return params


# ── settings ────────────────────────────────────────────────────────────────────────────────────


def leverage(category: Category, symbol: str, times: Decimal) -> bytes:
    one = text(times)
    return json_of(
        {"category": category, "symbol": native_of(symbol), "buyLeverage": one, "sellLeverage": one}
    )


def margin_mode(margin: str) -> str:
    return "ISOLATED_MARGIN" if margin == "isolated" else "REGULAR_MARGIN"


def one_way(coin: str) -> bytes:
    return json_of({"category": "linear", "coin": coin, "mode": 0})


def dead_man(product: str, after_s: int) -> bytes:
    return json_of({"product": product, "timeWindow": after_s})


# ── frames of order entry by WebSocket ──────────────────────────────────────────────────────────


def frame(op: str, id: str, stamp_ms: int, window_ms: int, args: object) -> bytes:
    header = {"X-BAPI-TIMESTAMP": str(stamp_ms), "X-BAPI-RECV-WINDOW": str(window_ms)}
    return json_of({"reqId": id, "header": header, "op": op, "args": [args]})
