"""Every request there is: by REST path and by the WebSocket API's name, with its weight and who may ask it.

Both doors lead to the same methods. Weights are the documents' own; what is free when it succeeds (since
April 2026) is marked so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from kedge.sim.binance.common import Params
from kedge.sim.binance.spot.deeds import Deeds
from kedge.sim.binance.spot.lists import Lists
from kedge.sim.binance.spot.market import MarketData
from kedge.sim.binance.spot.questions import Ask, Questions

Security = Literal["none", "user", "trade"]
Weigh = Callable[[Params], int]


class Method(Struct, frozen=True):
    name: str
    handle: Callable[[Ask], Any]
    weight: int | Weigh
    security: Security = "none"
    # Costs nothing when it succeeds.
    free: bool = False
    # Adds to the count of unfilled orders: the counts are told with the answer.
    counts: bool = False

    def weigh(self, params: Params) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(params)


def methods(market: MarketData, questions: Questions, deeds: Deeds, lists: Lists) -> dict[str, Method]:
    """By the name of the WebSocket API; those that only REST has are named by their path."""
    found = (
        Method("ping", market.ping, 1),
        Method("time", market.time, 1),
        Method("exchangeInfo", market.exchange_info, 20),
        Method("depth", market.depth, _depth_weight),
        Method("trades.recent", market.trades, 25),
        Method("trades.historical", market.old_trades, 25),
        Method("trades.aggregate", market.aggregates, 4),
        Method("klines", market.klines, 2),
        Method("uiKlines", market.klines, 2),
        Method("avgPrice", market.average, 2),
        Method("ticker.price", market.price_ticker, _ticker_weight),
        Method("ticker.book", market.book_ticker, _ticker_weight),
        Method("ticker.24hr", market.day_ticker, _day_weight),
        Method("ticker.tradingDay", market.trading_day, _window_weight),
        Method("ticker", market.window, _window_weight),
        Method("order.place", deeds.place, 1, "trade", True, True),
        Method("order.test", deeds.test, _test_weight, "trade"),
        Method("order.cancel", deeds.cancel, 1, "trade", True),
        Method("order.cancelReplace", deeds.replace, 1, "trade", True, True),
        Method("order.amend.keepPriority", deeds.amend, 4, "trade"),
        Method("openOrders.cancelAll", deeds.cancel_all, 1, "trade", True),
        Method("orderList.place.oco", lists.place, 1, "trade", True, True),
        Method("orderList.cancel", lists.cancel, 1, "trade", True),
        Method("order.status", questions.order, 4, "user"),
        Method("order.amendments", questions.amendments, 4, "user"),
        Method("openOrders.status", questions.open_orders, _open_weight, "user"),
        Method("allOrders", questions.all_orders, 20, "user"),
        Method("orderList.status", lists.status, 4, "user"),
        Method("openOrderLists.status", lists.open, 6, "user"),
        Method("allOrderLists", lists.all, 20, "user"),
        Method("myTrades", questions.trades, _trades_weight, "user"),
        Method("myFilters", questions.filters, 40, "user"),
        Method("account.status", questions.status, 20, "user"),
        Method("account.commission", questions.commission, 20, "user"),
        Method("account.rateLimits.orders", questions.order_counts, 40, "user"),
        Method("sapi.restrictions", questions.restrictions, 1, "user"),
        Method("sapi.coins", questions.coins, 10, "user"),
        Method("sapi.fees", questions.trade_fees, 1, "user"),
        Method("sapi.pairs", questions.margin_pairs, 1, "user"),
        Method("sapi.burn", questions.burn, 1, "user"),
        Method("sapi.setBurn", questions.set_burn, 1, "user"),
    )
    return {method.name: method for method in found}


ROUTES: dict[tuple[str, str], str] = {
    ("GET", "/api/v3/ping"): "ping",
    ("GET", "/api/v3/time"): "time",
    ("GET", "/api/v3/exchangeInfo"): "exchangeInfo",
    ("GET", "/api/v3/depth"): "depth",
    ("GET", "/api/v3/trades"): "trades.recent",
    ("GET", "/api/v3/historicalTrades"): "trades.historical",
    ("GET", "/api/v3/aggTrades"): "trades.aggregate",
    ("GET", "/api/v3/klines"): "klines",
    ("GET", "/api/v3/uiKlines"): "uiKlines",
    ("GET", "/api/v3/avgPrice"): "avgPrice",
    ("GET", "/api/v3/ticker/price"): "ticker.price",
    ("GET", "/api/v3/ticker/bookTicker"): "ticker.book",
    ("GET", "/api/v3/ticker/24hr"): "ticker.24hr",
    ("GET", "/api/v3/ticker/tradingDay"): "ticker.tradingDay",
    ("GET", "/api/v3/ticker"): "ticker",
    ("POST", "/api/v3/order"): "order.place",
    ("POST", "/api/v3/order/test"): "order.test",
    ("GET", "/api/v3/order"): "order.status",
    ("DELETE", "/api/v3/order"): "order.cancel",
    ("POST", "/api/v3/order/cancelReplace"): "order.cancelReplace",
    ("PUT", "/api/v3/order/amend/keepPriority"): "order.amend.keepPriority",
    ("GET", "/api/v3/order/amendments"): "order.amendments",
    ("GET", "/api/v3/openOrders"): "openOrders.status",
    ("DELETE", "/api/v3/openOrders"): "openOrders.cancelAll",
    ("GET", "/api/v3/allOrders"): "allOrders",
    ("POST", "/api/v3/orderList/oco"): "orderList.place.oco",
    ("GET", "/api/v3/orderList"): "orderList.status",
    ("DELETE", "/api/v3/orderList"): "orderList.cancel",
    ("GET", "/api/v3/openOrderList"): "openOrderLists.status",
    ("GET", "/api/v3/allOrderList"): "allOrderLists",
    ("GET", "/api/v3/myTrades"): "myTrades",
    ("GET", "/api/v3/myFilters"): "myFilters",
    ("GET", "/api/v3/account"): "account.status",
    ("GET", "/api/v3/account/commission"): "account.commission",
    ("GET", "/api/v3/rateLimit/order"): "account.rateLimits.orders",
    ("GET", "/sapi/v1/account/apiRestrictions"): "sapi.restrictions",
    ("GET", "/sapi/v1/capital/config/getall"): "sapi.coins",
    ("GET", "/sapi/v1/asset/tradeFee"): "sapi.fees",
    ("GET", "/sapi/v1/margin/allPairs"): "sapi.pairs",
    ("GET", "/sapi/v1/margin/isolated/allPairs"): "sapi.pairs",
    ("GET", "/sapi/v1/bnbBurn"): "sapi.burn",
    ("POST", "/sapi/v1/bnbBurn"): "sapi.setBurn",
}
PATHS = frozenset(path for _, path in ROUTES)


# ── weights that depend on what is asked (a malformed number weighs as if it were not there) ────


def _number(params: Params, name: str, default: int) -> int:
    value = params.values.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 10 else default


def _depth_weight(params: Params) -> int:
    limit = _number(params, "limit", 100)
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1_000 else 250


def _ticker_weight(params: Params) -> int:
    return 2 if "symbol" in params.values else 4


def _day_weight(params: Params) -> int:
    if "symbol" in params.values:
        return 2
    named = params.values.get("symbols", "").count('"') // 2
    return 80 if not named or named > 100 else 40 if named > 20 else 2


def _window_weight(params: Params) -> int:
    return min(4 * max(params.values.get("symbols", "").count('"') // 2, 1), 200)


def _open_weight(params: Params) -> int:
    return 6 if "symbol" in params.values else 80


def _trades_weight(params: Params) -> int:
    return 5 if "orderId" in params.values else 20


def _test_weight(params: Params) -> int:
    return 20 if params.values.get("computeCommissionRates", "").lower() == "true" else 1
