"""What requests are answered with: orders, conditionals, fills, income, as the venue writes them. Pure."""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ZERO
from kedge.sim.binance.usdm.events import shout
from kedge.sim.binance.usdm.facts import AlgoFact, FillFact, IncomeFact, OrderFact
from kedge.sim.binance.usdm.listings import (
    INTEREST,
    MS,
    ONBOARD_MS,
    SETTLE,
    Contract,
    Listings,
    fixed,
    money,
    rounded,
)

Body = dict[str, object]

SUCCESS: Body = {"code": 200, "msg": "success"}
ALL_CANCELLED: Body = {"code": 200, "msg": "The operation of cancel all open order is done."}
ORDER_TYPES = (
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


def order_body(listings: Listings, order: OrderFact, *, asked: bool = False) -> Body:
    """`asked`: as lookups show it, with the time it was placed; else as it was placed, changed, cancelled."""
    contract = listings[order.symbol]

    def price(value: Decimal) -> str:
        return fixed(value, contract.price_precision)

    def qty(value: Decimal) -> str:
        return fixed(value, contract.qty_precision)

    body: Body = {
        "orderId": order.id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": price(order.price),
        "avgPrice": rounded(order.average, 5),
        "origQty": qty(order.qty),
        "executedQty": qty(order.cum_qty),
    }
    if not asked:
        body["cumQty"] = qty(order.cum_qty)
    body |= {
        "cumQuote": fixed(order.cum_quote, 5),
        "timeInForce": order.tif,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": shout(order.side),
        "positionSide": order.position_side,
        "stopPrice": price(order.stop_price),
        "workingType": order.working,
        "priceProtect": order.price_protect,
        "origType": order.kind,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade,
        "goodTillDate": order.good_till_ms,
    }
    if asked:
        body["time"] = order.created_ns // MS
    body["updateTime"] = order.updated_ns // MS
    return body


def algo_body(listings: Listings, algo: AlgoFact, order: OrderFact | None, *, asked: bool = False) -> Body:
    contract = listings[algo.symbol]

    def price(value: Decimal) -> str:
        return fixed(value, contract.price_precision)

    trailing = algo.kind == "TRAILING_STOP_MARKET"
    body: Body = {
        "algoId": algo.id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.kind,
        "symbol": algo.symbol,
        "side": shout(algo.side),
        "positionSide": algo.position_side,
        "timeInForce": algo.tif,
        "quantity": fixed(algo.qty, contract.qty_precision),
        "algoStatus": algo.status,
    }
    if asked:
        body |= {
            "actualOrderId": str(algo.order_id) if algo.order_id else "",
            "actualPrice": rounded(order.average if order else ZERO, 5),
        }
    body |= {"triggerPrice": price(algo.trigger), "price": price(algo.price), "icebergQuantity": None}
    if asked:
        none = price(ZERO)
        body |= {"tpTriggerPrice": none, "tpPrice": none, "slTriggerPrice": none, "slPrice": none}
        body["tpOrderType"] = ""
    return body | {
        "selfTradePreventionMode": algo.self_trade,
        "workingType": algo.working,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "activatePrice": price(algo.activate) if trailing else "",
        "callbackRate": fixed(algo.callback, 1) if trailing else "",
        "createTime": algo.created_ns // MS,
        "updateTime": algo.updated_ns // MS,
        "triggerTime": algo.triggered_ns // MS,
        "goodTillDate": algo.good_till_ms,
    }


def algo_cancelled(algo: AlgoFact) -> Body:
    return {"algoId": algo.id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def fill_body(listings: Listings, fill: FillFact) -> Body:
    return {
        "symbol": fill.symbol,
        "id": fill.id,
        "orderId": fill.order_id,
        "side": shout(fill.side),
        "price": listings.price(fill.symbol, fill.price),
        "qty": listings.qty(fill.symbol, fill.qty),
        "realizedPnl": money(fill.realized),
        "quoteQty": fixed(fill.quote, 5),
        "commission": money(fill.commission),
        "commissionAsset": fill.asset,
        "time": fill.time_ns // MS,
        "positionSide": fill.position_side,
        "maker": fill.maker,
        "buyer": fill.side == "buy",
    }


def income_body(income: IncomeFact) -> Body:
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": money(income.amount),
        "asset": income.asset,
        "info": str(income.trade_id) if income.trade_id else income.kind,
        "time": income.time_ns // MS,
        "tranId": income.id,
        "tradeId": str(income.trade_id) if income.trade_id else "",
    }


# ── contracts ───────────────────────────────────────────────────────────────────────────────────


def contract_body(contract: Contract, status: str) -> Body:
    instrument, terms = contract.instrument, contract.terms
    return {
        "symbol": contract.symbol,
        "pair": contract.pair,
        "contractType": contract.contract_type,
        "deliveryDate": contract.delivery_ms,
        "onboardDate": ONBOARD_MS,
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": SETTLE,
        "pricePrecision": contract.price_precision,
        "quantityPrecision": contract.qty_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"] if instrument.base == "BTC" else ["Layer-1"],
        "triggerProtect": fixed(contract.trigger_protect, 4),
        "liquidationFee": fixed(terms.liquidation_fee, 6),
        "marketTakeBound": fixed(terms.market_collar, 2),
        "maxMoveOrderLimit": 10_000,
        "filters": filters_body(contract),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }


def filters_body(contract: Contract) -> list[Body]:
    instrument = contract.instrument
    price = contract.price_precision
    step = {"minQty": _plain(instrument.min_qty), "stepSize": _plain(instrument.qty_step)}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(contract.min_price, price),
            "maxPrice": fixed(contract.max_price, price),
            "tickSize": fixed(instrument.tick, price),
        },
        {"filterType": "LOT_SIZE", "maxQty": _plain(instrument.max_qty), **step},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": _plain(contract.market_max_qty), **step},
        {"filterType": "MAX_NUM_ORDERS", "limit": contract.orders_max},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": contract.algos_max},
        {"filterType": "MIN_NOTIONAL", "notional": _plain(instrument.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": fixed(contract.multiplier_up, 4),
            "multiplierDown": fixed(contract.multiplier_down, 4),
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def brackets_body(contract: Contract) -> Body:
    rate = float(contract.terms.maintenance)
    return {
        "symbol": contract.symbol,
        "brackets": [
            {
                "bracket": bracket.number,
                "initialLeverage": bracket.leverage,
                "notionalCap": bracket.cap,
                "notionalFloor": bracket.floor,
                "maintMarginRatio": rate,
                "cum": 0.0,
            }
            for bracket in contract.brackets
        ],
    }


def interest() -> str:
    return money(INTEREST)


def _plain(value: Decimal) -> str:
    return fixed(value, 0)
