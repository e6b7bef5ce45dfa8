"""What the futures side allows, as data: limits of the venue, weights of requests. As of May 2026."""

from __future__ import annotations

from collections.abc import Callable

from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.weights import Window, limit_row

WEIGHT_PER_MINUTE = 2_400
ORDER_WINDOWS = (Window("SECOND", 10, 300), Window("MINUTE", 1, 1_200))
HANDSHAKE_WEIGHT = 5

Weigh = Callable[[Named], int]


def rate_limits() -> list[dict[str, object]]:
    """As exchangeInfo lists them."""
    rows = [limit_row("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE)]
    return rows + [limit_row("ORDERS", w.interval, w.number, w.most) for w in reversed(ORDER_WINDOWS)]


def fixed_weight(weight: int) -> Weigh:
    return lambda params: weight


def by_symbol(one: int, every: int) -> Weigh:
    """Less for a single symbol than for all of them."""
    return lambda params: one if params.raw("symbol") else every


def by_depth(params: Named) -> int:
    limit = _limit(params, 500)
    return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20


def by_klines(params: Named) -> int:
    limit = _limit(params, 500)
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def _limit(params: Named, default: int) -> int:
    sent = params.raw("limit")
    return int(sent) if sent.isdecimal() and len(sent) < 10 else default
