"""What the private stream says: the bodies of its events. Pure; when they are said is decided elsewhere.

Every event is built when the thing happens and shows the state of that moment, however late it is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from kedge.model.numbers import ZERO
from kedge.model.order import Side
from kedge.sim.binance.usdm.facts import AlgoFact, FillFact, Leg, OrderFact, PositionSide
from kedge.sim.binance.usdm.listings import MS, SETTLE, Listings, fixed, money, rounded

Event = dict[str, object]


def shout(side: Side) -> str:
    return "BUY" if side == "buy" else "SELL"


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


def order_event(
    listings: Listings,
    order: OrderFact,
    execution: str,
    now_ns: int,
    fill: FillFact | None = None,
    reason: str = "0",
) -> Event:
    """ORDER_TRADE_UPDATE; `execution` is its `x`."""
    symbol = order.symbol
    told: Event = {
        "s": symbol,
        "c": order.client_id,
        "S": shout(order.side),
        "o": order.kind,
        "f": order.tif,
        "q": listings.qty(symbol, order.qty),
        "p": listings.price(symbol, order.price),
        "ap": rounded(order.average, 5) if order.cum_qty else "0",
        "sp": listings.price(symbol, order.stop_price),
        "x": execution,
        "X": order.status,
        "i": order.id,
        "l": listings.qty(symbol, fill.qty) if fill else "0",
        "z": listings.qty(symbol, order.cum_qty) if order.cum_qty else "0",
        "L": listings.price(symbol, fill.price) if fill else "0",
    }
    if fill is not None:
        told |= {"n": money(fill.commission), "N": fill.asset}
    resting = order.price * order.left if order.open else ZERO
    told |= {
        "T": now_ns // MS,
        "t": fill.id if fill else 0,
        "b": money(resting) if order.side == "buy" else "0",
        "a": money(resting) if order.side == "sell" else "0",
        "m": fill.maker if fill else False,
        "R": order.reduce_only,
        "wt": order.working,
        "ot": order.kind,
        "ps": order.position_side,
        "cp": order.close_position,
        "rp": money(fill.realized) if fill else "0",
        "pP": order.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.self_trade,
        "pm": order.price_match,
        "gtd": order.good_till_ms,
        "er": reason,
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": now_ns // MS, "E": now_ns // MS, "o": told}


def trade_lite(listings: Listings, order: OrderFact, fill: FillFact) -> Event:
    now_ms = fill.time_ns // MS
    return {
        "e": "TRADE_LITE",
        "E": now_ms,
        "T": now_ms,
        "s": order.symbol,
        "q": listings.qty(order.symbol, order.qty),
        "p": listings.price(order.symbol, order.price),
        "m": fill.maker,
        "c": order.client_id,
        "S": shout(order.side),
        "L": listings.price(order.symbol, fill.price),
        "l": listings.qty(order.symbol, fill.qty),
        "t": fill.id,
        "i": order.id,
    }


def algo_event(listings: Listings, algo: AlgoFact, order: OrderFact | None, now_ns: int) -> Event:
    """ALGO_UPDATE; what the resulting order has done is told only once there is one."""
    symbol = algo.symbol
    told: Event = {
        "caid": algo.client_id,
        "aid": algo.id,
        "at": "CONDITIONAL",
        "o": algo.kind,
        "s": symbol,
        "S": shout(algo.side),
        "ps": algo.position_side,
        "f": algo.tif,
        "q": listings.qty(symbol, algo.qty) if algo.qty else "0",
        "X": algo.status,
        "ai": str(algo.order_id) if algo.order_id else "",
    }
    if order is not None:
        told |= {
            "ap": rounded(order.average, 5) if order.cum_qty else "0",
            "aq": listings.qty(symbol, order.cum_qty) if order.cum_qty else "0",
            "act": order.kind,
        }
    told |= {
        "tp": listings.price(symbol, algo.trigger),
        "p": listings.price(symbol, algo.price),
        "V": algo.self_trade,
        "wt": algo.working,
        "pm": algo.price_match,
        "cp": algo.close_position,
        "pP": algo.price_protect,
        "R": algo.reduce_only,
        "tt": algo.triggered_ns // MS,
        "gtd": algo.good_till_ms,
        "ia": False,
    }
    if algo.kind == "TRAILING_STOP_MARKET":
        told |= {"AP": listings.price(symbol, algo.activate), "cr": fixed(algo.callback, 1)}
    if algo.reason:
        told["rm"] = algo.reason
    return {"e": "ALGO_UPDATE", "T": now_ns // MS, "E": now_ns // MS, "o": told}


def trigger_reject(algo: AlgoFact, text: str, now_ns: int) -> Event:
    return {
        "e": "CONDITIONAL_ORDER_TRIGGER_REJECT",
        "E": now_ns // MS,
        "T": now_ns // MS,
        "or": {"s": algo.symbol, "i": algo.id, "r": text},
    }


# ── accounts ────────────────────────────────────────────────────────────────────────────────────


def balance_part(asset: str, wallet: Decimal, change: Decimal) -> Event:
    """`change` is without profits and commissions."""
    shown = money(wallet)
    return {"a": asset, "wb": shown, "cw": shown, "bc": money(change) if change else "0"}


def position_part(
    symbol: str, side: PositionSide, leg: Leg, mark: Decimal, listings: Listings, isolated: bool
) -> Event:
    profit = leg.qty * mark - leg.cost if leg.qty else ZERO
    return {
        "s": symbol,
        "pa": listings.qty(symbol, leg.qty) if leg.qty else "0",
        "ep": rounded(leg.entry, 8) if leg.qty else "0",
        "cr": money(leg.realized),
        "up": money(profit) if profit else "0",
        "mt": "isolated" if isolated else "cross",
        "iw": "0",
        "ps": side,
        "ma": SETTLE,
        "bep": rounded(leg.break_even, 8) if leg.qty else "0",
    }


def account_update(reason: str, balances: Iterable[Event], positions: Iterable[Event], now_ns: int) -> Event:
    body = {"B": list(balances), "P": list(positions), "m": reason}
    return {"e": "ACCOUNT_UPDATE", "T": now_ns // MS, "E": now_ns // MS, "a": body}


def config_update(part: str, body: Event, now_ns: int) -> Event:
    """ACCOUNT_CONFIG_UPDATE; `part` is "ac" (leverage of a symbol) or "ai" (multi-assets mode)."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "T": now_ns // MS, "E": now_ns // MS, part: body}


def margin_call(wallet: Decimal, positions: list[Event], now_ns: int) -> Event:
    return {"e": "MARGIN_CALL", "E": now_ns // MS, "cw": money(wallet), "p": positions}


def call_part(
    symbol: str, side: PositionSide, leg: Leg, mark: Decimal, maintenance: Decimal, isolated: bool
) -> Event:
    return {
        "s": symbol,
        "ps": side,
        "pa": fixed(leg.qty, 3),
        "mt": "ISOLATED" if isolated else "CROSSED",
        "iw": "0",
        "mp": money(mark),
        "up": money(leg.qty * mark - leg.cost),
        "mm": money(abs(leg.qty * mark) * maintenance),
    }


def key_expired(key: str, now_ns: int) -> Event:
    return {"e": "listenKeyExpired", "E": now_ns // MS, "listenKey": key}
