"""Prices as candles, from the marks that every status brings. Pure, bounded, in memory.

What is finished is also kept in the people's database (`prices.py`), so a desk that was started again shows
the prices of before. Floats: these are pictures, no order is priced by them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from msgspec import Struct

SECOND_NS = 1_000_000_000
# Step and how many are kept: two hours finely, a day coarsely.
FINE_S, FINE_KEPT = 15, 480
COARSE_S, COARSE_KEPT = 60, 1440
MARKETS_MAX = 64

# Begin in seconds, open, high, low, close.
Candle = list[float]


class Step(Struct, frozen=True):
    """How a chart may be cut, and how far back it goes."""

    step_s: int
    span_s: int


STEPS = {
    "fine": Step(FINE_S, FINE_S * FINE_KEPT),
    "minute": Step(COARSE_S, COARSE_S * COARSE_KEPT),
    "quarter": Step(900, 3 * 86_400),
}


class Candles:
    def __init__(self) -> None:
        self._fine: dict[str, deque[Candle]] = {}
        self._coarse: dict[str, deque[Candle]] = {}

    def add(self, market: str, price: float, now_ns: int) -> None:
        if price <= 0 or not self._room(market):
            return
        now_s = now_ns // SECOND_NS
        _put(self._fine[market], price, now_s - now_s % FINE_S)
        _put(self._coarse[market], price, now_s - now_s % COARSE_S)

    def of(self, market: str, step: Step) -> list[Candle]:
        minutes = [list(candle) for candle in self._coarse.get(market, ())]
        if step.step_s >= COARSE_S:
            return minutes if step.step_s == COARSE_S else gathered(minutes, step.step_s)
        fine = [list(candle) for candle in self._fine.get(market, ())]
        # Of before the desk was started there are whole minutes only.
        since_s = fine[-1][0] - step.span_s if fine else 0
        return joined([one for one in minutes if one[0] >= since_s], fine)

    def finished(self, after_s: int, before_s: int) -> list[tuple[str, Candle]]:
        """Minutes that began at `after_s` or later and are over at `before_s`."""
        return [
            (market, list(candle))
            for market, kept in self._coarse.items()
            for candle in kept
            if after_s <= candle[0] and candle[0] + COARSE_S <= before_s
        ]

    def remember(self, past: Mapping[str, list[Candle]]) -> None:
        """Minutes of before this desk was started, put before what it has seen itself."""
        for market, told in past.items():
            if self._room(market):
                seen = list(self._coarse[market])
                self._coarse[market] = deque(joined(told, seen), maxlen=COARSE_KEPT)

    def _room(self, market: str) -> bool:
        if market not in self._fine:
            if len(self._fine) >= MARKETS_MAX:
                return False
            self._fine[market] = deque(maxlen=FINE_KEPT)
            self._coarse[market] = deque(maxlen=COARSE_KEPT)
        return True


def joined(past: list[Candle], seen: list[Candle]) -> list[Candle]:
    """What was seen stands for itself; before it comes the past."""
    first = seen[0][0] if seen else float("inf")
    return [*(candle for candle in past if candle[0] < first), *seen]


def gathered(candles: Iterable[Candle], step_s: int) -> list[Candle]:
    """The same prices in longer steps."""
    made: list[Candle] = []
    for begin_s, open_, high, low, close in candles:
        begin = begin_s - begin_s % step_s
        if made and made[-1][0] == begin:
            last = made[-1]
            last[2], last[3], last[4] = max(last[2], high), min(last[3], low), close
        else:
            made.append([begin, open_, high, low, close])
    return made


def _put(candles: deque[Candle], price: float, begin_s: int) -> None:
    if candles and candles[-1][0] >= begin_s:
        last = candles[-1]
        last[2], last[3], last[4] = max(last[2], price), min(last[3], price), price
        return
    candles.append([float(begin_s), price, price, price, price])
