"""What we say to Binance spot: the parameters of an order and of a cancel, the frame of a call. Pure.

What this venue has no order for is refused here, with a sentence, before anything leaves.
"""

from __future__ import annotations

import msgspec

from kedge.model.numbers import ZERO, text
from kedge.model.order import PRICED, TRIGGERED, OrderKind
from kedge.model.venue import PlaceOrder
from kedge.venues.binance.sign import Value
from kedge.venues.binance.spot.rules import CLIENT_ID_MOST
from kedge.venues.binance.spot.wire import CANCEL_MARK

_encode = msgspec.json.Encoder().encode
_TIFS = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK"}


def call(id: int, method: str, params: dict[str, Value] | None = None) -> bytes:
    """One request of the WS API."""
    if params is None:
        return _encode({"id": id, "method": method})
    return _encode({"id": id, "method": method, "params": params})


def place_params(order: PlaceOrder) -> dict[str, Value] | str:
    """The parameters of an order, or the sentence why this venue has no such order."""
    why = _unplaceable(order)
    if why:
        return why
    params: dict[str, Value] = {
        "symbol": order.symbol,
        "side": order.side.upper(),
        "type": _type_of(order),
        "quantity": text(order.qty),
        "newClientOrderId": order.client_id,
        "newOrderRespType": "RESULT",
    }
    if order.kind in PRICED:
        params["price"] = text(order.price)
        if order.tif != "post_only":
            params["timeInForce"] = _TIFS[order.tif]
    if order.kind in TRIGGERED:
        params["stopPrice"] = text(order.trigger_price)
    return params


def cancel_params(client_id: str, symbol: str) -> dict[str, Value]:
    return {"symbol": symbol, "origClientOrderId": client_id, "newClientOrderId": cancel_id(client_id)}


def cancel_id(client_id: str) -> str:
    """What a cancel calls the order, so that it can still be found and told."""
    marked = CANCEL_MARK + client_id
    return marked if len(marked) <= CLIENT_ID_MOST else client_id


_TYPES: dict[OrderKind, str] = {
    "market": "MARKET",
    "stop": "STOP_LOSS",
    "stop_limit": "STOP_LOSS_LIMIT",
    "take": "TAKE_PROFIT",
    "take_limit": "TAKE_PROFIT_LIMIT",
}


def _type_of(order: PlaceOrder) -> str:
    if order.kind == "limit":
        return "LIMIT_MAKER" if order.tif == "post_only" else "LIMIT"
    return _TYPES[order.kind]


def _unplaceable(order: PlaceOrder) -> str:
    if order.reduce_only:
        return "not sent: Binance spot has no reduce-only orders"
    if order.tif == "post_only" and order.kind != "limit":
        return "not sent: on Binance spot only a plain limit order can be post-only"
    if order.kind in TRIGGERED:
        if order.trigger_by != "last":
            return f"not sent: Binance spot triggers stops by the last price, not by {order.trigger_by}"
        if order.trigger_price <= ZERO:
            return "not sent: a stop order needs a trigger price"
    if order.kind in PRICED and order.price <= ZERO:
        return "not sent: a limit order needs a price"
    return ""
