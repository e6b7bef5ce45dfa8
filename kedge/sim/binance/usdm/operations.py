"""Everything that can be asked, by path and by method name: who may, what it weighs, who answers. A table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from kedge.sim.binance.usdm.ask import Ask
from kedge.sim.binance.usdm.desk import Desk
from kedge.sim.binance.usdm.market import MarketData
from kedge.sim.binance.usdm.questions import Questions
from kedge.sim.binance.usdm.rules import Weigh, by_depth, by_klines, by_symbol, fixed_weight

Do = Callable[[Ask], object]
# Nobody is asked who he is; a key is enough; a signature; a signature of a key that may trade.
Security = Literal["none", "key", "read", "trade"]
Deed = Literal["", "place", "modify", "cancel"]


class Op(Struct, frozen=True):
    """`orders`: what it counts against the ten-second and the one-minute limit."""

    do: Do
    security: Security
    weigh: Weigh
    orders: tuple[int, int] = (0, 0)
    deed: Deed = ""


def _op(
    do: Do,
    security: Security,
    weight: int | Weigh = 1,
    orders: tuple[int, int] = (0, 0),
    deed: Deed = "",
) -> Op:
    return Op(do, security, fixed_weight(weight) if isinstance(weight, int) else weight, orders, deed)


ONE = (1, 1)
BATCH = (5, 1)

Rest = dict[tuple[str, str], Op]


def rest_operations(market: MarketData, desk: Desk, asked: Questions, keys: Keys) -> Rest:
    found: Rest = {}
    found |= {("GET", f"/fapi/{path}"): op for path, op in _public(market).items()}
    found |= {("GET", f"/fapi/{path}"): op for path, op in _questions(desk, asked).items()}
    found |= {(method, f"/fapi/v1/{path}"): op for (method, path), op in _deeds(desk, keys).items()}
    return found


def _public(market: MarketData) -> dict[str, Op]:
    ticker = by_symbol(1, 2)
    return {
        "v1/ping": _op(market.ping, "none"),
        "v1/time": _op(market.time, "none"),
        "v1/exchangeInfo": _op(market.exchange_info, "none"),
        "v1/depth": _op(market.depth, "none", by_depth),
        "v1/trades": _op(market.trades, "none", 5),
        "v1/historicalTrades": _op(market.old_trades, "key", 20),
        "v1/aggTrades": _op(market.aggregates, "none", 20),
        "v1/klines": _op(market.klines, "none", by_klines),
        "v1/continuousKlines": _op(market.continuous_klines, "none", by_klines),
        "v1/premiumIndex": _op(market.premium_index, "none", by_symbol(1, 10)),
        "v1/fundingRate": _op(market.funding_rates, "none"),
        "v1/fundingInfo": _op(market.funding_info, "none", 0),
        "v1/openInterest": _op(market.open_interest, "none"),
        "v1/ticker/price": _op(market.price_ticker, "none", ticker),
        "v2/ticker/price": _op(market.price_ticker, "none", ticker),
        "v1/ticker/bookTicker": _op(market.book_ticker, "none", by_symbol(2, 5)),
        "v1/ticker/24hr": _op(market.day_ticker, "none", by_symbol(1, 40)),
    }


def _questions(desk: Desk, asked: Questions) -> dict[str, Op]:
    every = by_symbol(1, 40)
    return {
        "v1/order": _op(asked.order, "read"),
        "v1/openOrder": _op(asked.open_order, "read"),
        "v1/openOrders": _op(asked.open_orders, "read", every),
        "v1/allOrders": _op(asked.all_orders, "read", 5),
        "v1/forceOrders": _op(asked.forced_orders, "read", by_symbol(20, 50)),
        "v1/userTrades": _op(asked.fills, "read", 5),
        "v1/income": _op(asked.income, "read", 30),
        "v1/algoOrder": _op(asked.algo, "read"),
        "v1/openAlgoOrders": _op(asked.open_algos, "read", every),
        "v1/allAlgoOrders": _op(asked.all_algos, "read", 5),
        "v1/leverageBracket": _op(desk.brackets, "read"),
        "v1/commissionRate": _op(desk.commission, "read", 20),
        "v1/positionSide/dual": _op(desk.dual, "read", 30),
        "v1/multiAssetsMargin": _op(desk.multi_assets, "read", 30),
        "v1/rateLimit/order": _op(desk.order_limits, "read"),
        "v1/accountConfig": _op(desk.config, "read", 5),
        "v1/symbolConfig": _op(desk.symbol_config, "read", 5),
        "v1/balance": _op(desk.balances, "read", 5),
        "v2/balance": _op(desk.balances, "read", 5),
        "v3/balance": _op(desk.balances, "read", 5),
        "v2/account": _op(desk.account_v2, "read", 5),
        "v3/account": _op(desk.account_v3, "read", 5),
        "v1/positionRisk": _op(desk.positions_v2, "read", 5),
        "v2/positionRisk": _op(desk.positions_v2, "read", 5),
        "v3/positionRisk": _op(desk.positions_v3, "read", 5),
    }


def _deeds(desk: Desk, keys: Keys) -> Rest:
    return {
        ("POST", "order"): _op(desk.place, "trade", 0, ONE, "place"),
        ("PUT", "order"): _op(desk.modify, "trade", 0, ONE, "modify"),
        ("DELETE", "order"): _op(desk.cancel, "trade", 1, deed="cancel"),
        ("POST", "order/test"): _op(desk.test, "trade", 0, deed="place"),
        ("POST", "batchOrders"): _op(desk.place_batch, "trade", 5, BATCH, "place"),
        ("PUT", "batchOrders"): _op(desk.modify_batch, "trade", 5, BATCH, "modify"),
        ("DELETE", "batchOrders"): _op(desk.cancel_batch, "trade", 1, deed="cancel"),
        ("DELETE", "allOpenOrders"): _op(desk.cancel_all, "trade", 1, deed="cancel"),
        ("POST", "algoOrder"): _op(desk.place_algo, "trade", 0, ONE, "place"),
        ("DELETE", "algoOrder"): _op(desk.cancel_algo, "trade", 1, deed="cancel"),
        ("DELETE", "algoOpenOrders"): _op(desk.cancel_all_algos, "trade", 1, deed="cancel"),
        ("POST", "countdownCancelAll"): _op(desk.countdown, "trade", 10),
        ("POST", "leverage"): _op(desk.leverage, "trade"),
        ("POST", "marginType"): _op(desk.margin_type, "trade"),
        ("POST", "positionSide/dual"): _op(desk.set_dual, "trade"),
        ("POST", "multiAssetsMargin"): _op(desk.set_multi_assets, "trade"),
        ("POST", "listenKey"): _op(keys.start, "key"),
        ("PUT", "listenKey"): _op(keys.renew, "key"),
        ("DELETE", "listenKey"): _op(keys.stop, "key"),
    }


def socket_operations(market: MarketData, desk: Desk, asked: Questions, keys: Keys) -> dict[str, Op]:
    """The methods of the WebSocket API; those of its sessions are the socket's own."""
    return {
        "order.place": _op(desk.place, "trade", 0, ONE, "place"),
        "order.modify": _op(desk.modify, "trade", 0, ONE, "modify"),
        "order.cancel": _op(desk.cancel, "trade", 1, deed="cancel"),
        "order.status": _op(asked.order, "read"),
        "algoOrder.place": _op(desk.place_algo, "trade", 0, ONE, "place"),
        "algoOrder.cancel": _op(desk.cancel_algo, "trade", 1, deed="cancel"),
        "account.balance": _op(desk.balances, "read", 5),
        "v2/account.balance": _op(desk.balances, "read", 5),
        "account.status": _op(desk.account_v2, "read", 5),
        "v2/account.status": _op(desk.account_v3, "read", 5),
        "account.position": _op(desk.positions_v2, "read", 5),
        "v2/account.position": _op(desk.positions_v3, "read", 5),
        "userDataStream.start": _op(keys.start, "key", 5),
        "userDataStream.ping": _op(keys.renew, "key"),
        "userDataStream.stop": _op(keys.stop, "key"),
        "ticker.price": _op(market.price_ticker, "none", by_symbol(1, 2)),
        "ticker.book": _op(market.book_ticker, "none", by_symbol(2, 5)),
        "depth": _op(market.depth, "none", by_depth),
    }


class Keys(Struct, frozen=True):
    """What can be done with the key to the private stream."""

    start: Do
    renew: Do
    stop: Do
