"""What we say to Binance USDⓈ-M: every request with its parameters, before it is timed and signed. Pure.

Deeds have two ways out, the WS API and REST, with the same parameters; which one is taken is decided where it
is sent. Deeds name orders by the desk's client id, because that is known before the venue has answered; only
a conditional order that has triggered is named by its number, since the order that trades is another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from kedge.model.numbers import text
from kedge.model.order import PRICED, TRIGGERED, OrderKind, Side, Tif, Trigger
from kedge.model.venue import PlaceOrder
from kedge.venues.allowance import Cost
from kedge.venues.binance.sign import Params, Value
from kedge.venues.binance.usdm.rules import BATCH_MOST, ORDER_COST, ORDERS_1M, ORDERS_10S, WEIGHT
from kedge.venues.wires import Method

# ── one request ─────────────────────────────────────────────────────────────────────────────────


class Ask(Struct, frozen=True):
    """`ws` is the method's name at the WS API, "" where there is none. `key`: "signed", the bare "key", or
    "" for what everybody may ask."""

    method: Method
    path: str
    params: Params = {}
    ws: str = ""
    cost: Cost = ()
    key: str = "signed"


def _weight(weight: int) -> Cost:
    return ((WEIGHT, weight),)


# ── orders ──────────────────────────────────────────────────────────────────────────────────────

TIFS: dict[Tif, str] = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK", "post_only": "GTX"}
WORKING: dict[Trigger, str] = {"last": "CONTRACT_PRICE", "mark": "MARK_PRICE"}
SIDES: dict[Side, str] = {"buy": "BUY", "sell": "SELL"}
CONDITIONALS = TRIGGERED
ALGO_TYPES: dict[OrderKind, str] = {
    "stop": "STOP_MARKET",
    "stop_limit": "STOP",
    "take": "TAKE_PROFIT_MARKET",
    "take_limit": "TAKE_PROFIT",
}
NO_INDEX = "the venue triggers stops by the last or the mark price only, not by the index: choose one of them"
NO_ALGO_AMEND = "the venue cannot amend a stop that waits: cancel it, and place another"


def place(order: PlaceOrder) -> Ask | str:
    """The request that places this order; a string is why the venue has no such order."""
    if order.kind not in CONDITIONALS:
        return Ask("POST", "/fapi/v1/order", place_params(order), "order.place", ORDER_COST)
    working = WORKING.get(order.trigger_by)
    if working is None:
        return NO_INDEX
    limited = order.kind in PRICED
    params: dict[str, Value] = {
        "algoType": "CONDITIONAL",
        "symbol": order.symbol,
        "side": SIDES[order.side],
        "type": ALGO_TYPES[order.kind],
        "quantity": text(order.qty),
        "triggerPrice": text(order.trigger_price),
        "workingType": working,
        "clientAlgoId": order.client_id,
    }
    if limited:
        params |= {"price": text(order.price), "timeInForce": TIFS[order.tif]}
    if order.reduce_only:
        params["reduceOnly"] = "true"
    # Of no weight, and yet counted as one, so that not even stops are sent without bound.
    return Ask("POST", "/fapi/v1/algoOrder", params, "algoOrder.place", _weight(1))


def place_params(order: PlaceOrder) -> dict[str, Value]:
    """Of a regular order; the same in a batch."""
    assert order.kind not in CONDITIONALS
    params: dict[str, Value] = {"symbol": order.symbol, "side": SIDES[order.side]}
    if order.kind == "market":
        params |= {"type": "MARKET", "quantity": text(order.qty)}
    else:
        params |= {
            "type": "LIMIT",
            "timeInForce": TIFS[order.tif],
            "quantity": text(order.qty),
            "price": text(order.price),
        }
    params["newClientOrderId"] = order.client_id
    if order.reduce_only:
        params["reduceOnly"] = "true"
    if order.kind == "market" or order.tif in ("ioc", "fok"):
        # These end at once, and the reply then says how.
        params["newOrderRespType"] = "RESULT"
    return params


def place_batch(orders: Sequence[PlaceOrder]) -> Ask:
    """Up to five regular orders in one request; each has its own outcome."""
    assert 0 < len(orders) <= BATCH_MOST
    rows = msgspec.json.encode([place_params(order) for order in orders]).decode()
    cost: Cost = ((ORDERS_10S, 5), (ORDERS_1M, 1), (WEIGHT, 5))
    return Ask("POST", "/fapi/v1/batchOrders", {"batchOrders": rows}, cost=cost)


def modify(client_id: str, symbol: str, side: Side, price: Decimal, qty: Decimal) -> Ask:
    """A new price and total quantity; the id stays, the place in the queue does not."""
    params: Params = {
        "symbol": symbol,
        "origClientOrderId": client_id,
        "side": SIDES[side],
        "quantity": text(qty),
        "price": text(price),
    }
    return Ask("PUT", "/fapi/v1/order", params, "order.modify", ORDER_COST)


def cancel(symbol: str, client_id: str = "", order_id: int = 0) -> Ask:
    name: Params = {"orderId": order_id} if order_id else {"origClientOrderId": client_id}
    return Ask("DELETE", "/fapi/v1/order", {"symbol": symbol, **name}, "order.cancel", _weight(1))


def cancel_algo(client_id: str) -> Ask:
    return Ask("DELETE", "/fapi/v1/algoOrder", {"clientAlgoId": client_id}, "algoOrder.cancel", _weight(1))


def cancel_all(symbol: str) -> tuple[Ask, Ask]:
    """Regular and conditional orders are cancelled by two requests; neither knows of the other's."""
    return (
        Ask("DELETE", "/fapi/v1/allOpenOrders", {"symbol": symbol}, cost=_weight(1)),
        Ask("DELETE", "/fapi/v1/algoOpenOrders", {"symbol": symbol}, cost=_weight(1)),
    )


def countdown(symbol: str, after_ms: int) -> Ask:
    """The dead-man switch of one symbol's regular orders; 0 stops it."""
    params: Params = {"symbol": symbol, "countdownTime": after_ms}
    return Ask("POST", "/fapi/v1/countdownCancelAll", params, cost=_weight(10))


# ── the account's settings ──────────────────────────────────────────────────────────────────────


def leverage(symbol: str, times: int) -> Ask:
    return Ask("POST", "/fapi/v1/leverage", {"symbol": symbol, "leverage": times}, cost=_weight(1))


def margin_type(symbol: str, isolated: bool) -> Ask:
    params: Params = {"symbol": symbol, "marginType": "ISOLATED" if isolated else "CROSSED"}
    return Ask("POST", "/fapi/v1/marginType", params, cost=_weight(1))


def position_mode() -> Ask:
    return Ask("GET", "/fapi/v1/positionSide/dual", cost=_weight(30))


def one_way() -> Ask:
    return Ask("POST", "/fapi/v1/positionSide/dual", {"dualSidePosition": "false"}, cost=_weight(1))


def rights() -> Ask:
    """Asked of the spot host, which keeps the rights of all keys."""
    return Ask("GET", "/sapi/v1/account/apiRestrictions")


# ── the user stream ─────────────────────────────────────────────────────────────────────────────


def listen_key() -> Ask:
    """The key in force, with another hour to live, or a new one."""
    return Ask("POST", "/fapi/v1/listenKey", cost=_weight(1), key="key")


def keep_alive() -> Ask:
    return Ask("PUT", "/fapi/v1/listenKey", cost=_weight(1), key="key")


# ── questions ───────────────────────────────────────────────────────────────────────────────────

PAGE = 1_000


def order(symbol: str, client_id: str = "", order_id: int = 0) -> Ask:
    name: Params = {"orderId": order_id} if order_id else {"origClientOrderId": client_id}
    return Ask("GET", "/fapi/v1/order", {"symbol": symbol, **name}, cost=_weight(1))


def algo_order(client_id: str) -> Ask:
    return Ask("GET", "/fapi/v1/algoOrder", {"clientAlgoId": client_id}, cost=_weight(1))


def open_orders(symbol: str = "") -> Ask:
    params: Params = {"symbol": symbol} if symbol else {}
    return Ask("GET", "/fapi/v1/openOrders", params, cost=_weight(1 if symbol else 40))


def open_algos(symbol: str = "") -> Ask:
    params: Params = {"symbol": symbol} if symbol else {}
    return Ask("GET", "/fapi/v1/openAlgoOrders", params, cost=_weight(1 if symbol else 40))


def all_algos(symbol: str, since_ms: int, until_ms: int) -> Ask:
    params: Params = {"symbol": symbol, "startTime": since_ms, "endTime": until_ms, "limit": PAGE}
    return Ask("GET", "/fapi/v1/allAlgoOrders", params, cost=_weight(5))


def all_orders(symbol: str, since_ms: int, until_ms: int) -> Ask:
    params: Params = {"symbol": symbol, "startTime": since_ms, "endTime": until_ms, "limit": PAGE}
    return Ask("GET", "/fapi/v1/allOrders", params, cost=_weight(5))


def trades(symbol: str, since_ms: int, until_ms: int) -> Ask:
    params: Params = {"symbol": symbol, "startTime": since_ms, "endTime": until_ms, "limit": PAGE}
    return Ask("GET", "/fapi/v1/userTrades", params, cost=_weight(5))


def trades_of(symbol: str, order_id: int) -> Ask:
    params: Params = {"symbol": symbol, "orderId": order_id, "limit": PAGE}
    return Ask("GET", "/fapi/v1/userTrades", params, cost=_weight(5))


def income(since_ms: int, until_ms: int, page: int) -> Ask:
    params: Params = {"startTime": since_ms, "endTime": until_ms, "page": page, "limit": PAGE}
    return Ask("GET", "/fapi/v1/income", params, cost=_weight(30))


def positions() -> Ask:
    return Ask("GET", "/fapi/v3/positionRisk", cost=_weight(5))


def balances() -> Ask:
    return Ask("GET", "/fapi/v3/balance", cost=_weight(5))


# ── what everybody may ask ──────────────────────────────────────────────────────────────────────


def server_time() -> Ask:
    return Ask("GET", "/fapi/v1/time", cost=_weight(1), key="")


def exchange_info() -> Ask:
    return Ask("GET", "/fapi/v1/exchangeInfo", cost=_weight(1), key="")


def depth(symbol: str, limit: int) -> Ask:
    weight = 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20
    return Ask("GET", "/fapi/v1/depth", {"symbol": symbol, "limit": limit}, cost=_weight(weight), key="")


def agg_trades(symbol: str, from_id: int) -> Ask:
    params: Params = {"symbol": symbol, "fromId": from_id, "limit": PAGE}
    return Ask("GET", "/fapi/v1/aggTrades", params, cost=_weight(20), key="")


def last_price(symbol: str) -> Ask:
    return Ask("GET", "/fapi/v2/ticker/price", {"symbol": symbol}, cost=_weight(1), key="")


def klines(symbol: str, interval: str, since_ms: int, until_ms: int, limit: int) -> Ask:
    """Bars that start in [since, until]; both ends are inclusive."""
    weight = 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1_000 else 10
    params: Params = {
        "symbol": symbol,
        "interval": interval,
        "startTime": since_ms,
        "endTime": until_ms,
        "limit": limit,
    }
    return Ask("GET", "/fapi/v1/klines", params, cost=_weight(weight), key="")


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def public_streams(symbol: str) -> tuple[str, str]:
    name = symbol.lower()
    return f"{name}@depth@100ms", f"{name}@bookTicker"


def mark_stream(symbol: str) -> str:
    return f"{symbol.lower()}@markPrice@1s"


def trade_stream(symbol: str) -> str:
    return f"{symbol.lower()}@aggTrade"


def kline_stream(symbol: str, interval: str) -> str:
    return f"{symbol.lower()}@kline_{interval}"


CONTRACTS = "!contractInfo"


def subscribe(id: int, streams: Sequence[str], on: bool = True) -> bytes:
    method = "SUBSCRIBE" if on else "UNSUBSCRIBE"
    return msgspec.json.encode({"method": method, "params": list(streams), "id": id})
