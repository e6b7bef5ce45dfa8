"""Prices of the last day as candles, from the marks that every status brings. Pure, bounded, in memory.

Floats: these are pictures, no order is priced by them.
"""

from __future__ import annotations

from collections import deque

SECOND_NS = 1_000_000_000
# Step and how many are kept: two hours finely, a day coarsely.
FINE_S, FINE_KEPT = 15, 480
COARSE_S, COARSE_KEPT = 60, 1440
MARKETS_MAX = 64

# Begin in seconds, open, high, low, close.
Candle = list[float]


class Candles:
    def __init__(self) -> None:
        self._fine: dict[str, deque[Candle]] = {}
        self._coarse: dict[str, deque[Candle]] = {}

    def add(self, market: str, price: float, now_ns: int) -> None:
        if price <= 0:
            return
        if market not in self._fine:
            if len(self._fine) >= MARKETS_MAX:
                return
            self._fine[market] = deque(maxlen=FINE_KEPT)
            self._coarse[market] = deque(maxlen=COARSE_KEPT)
        now_s = now_ns // SECOND_NS
        _put(self._fine[market], price, now_s - now_s % FINE_S)
        _put(self._coarse[market], price, now_s - now_s % COARSE_S)

    def of(self, market: str, *, coarse: bool) -> list[Candle]:
        kept = self._coarse if coarse else self._fine
        return [list(candle) for candle in kept.get(market, ())]


def _put(candles: deque[Candle], price: float, begin_s: int) -> None:
    if candles and candles[-1][0] >= begin_s:
        last = candles[-1]
        last[2], last[3], last[4] = max(last[2], price), min(last[3], price), price
        return
    candles.append([float(begin_s), price, price, price, price])
