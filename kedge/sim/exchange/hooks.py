"""What cannot be known is a parameter: how long a request takes to arrive, and where a queue shrinks.

Two small protocols, after hftbacktest's models. A generator is passed in, seeded by the caller; nothing
here makes one. `Exchange.send` uses the first; `Maker` (synthetic liquidity) uses the second.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from kedge.model.numbers import ONE, ZERO


class Generator(Protocol):
    """The one method of a seeded generator that latencies need."""

    def randint(self, a: int, b: int) -> int: ...


class Latency(Protocol):
    def entry_ns(self, account: str, now_ns: int) -> int:
        """How long the request that is sent now takes to reach the matching engine."""


class Fixed:
    """Every request takes the same time."""

    def __init__(self, entry_ns: int = 0) -> None:
        assert entry_ns >= 0
        self._entry_ns = entry_ns

    def entry_ns(self, account: str, now_ns: int) -> int:
        return self._entry_ns


class Jitter:
    """Evenly spread between two bounds; one in `spike_every` takes `spike_ns` longer."""

    def __init__(
        self, generator: Generator, least_ns: int, most_ns: int, spike_every: int = 0, spike_ns: int = 0
    ) -> None:
        assert 0 <= least_ns <= most_ns
        self._generator = generator
        self._least_ns, self._most_ns = least_ns, most_ns
        self._spike_every, self._spike_ns = spike_every, spike_ns

    def entry_ns(self, account: str, now_ns: int) -> int:
        took = self._generator.randint(self._least_ns, self._most_ns)
        if self._spike_every and self._generator.randint(1, self._spike_every) == 1:
            took += self._spike_ns
        return took


class QueueModel(Protocol):
    def cut_ahead(self, ahead: Decimal, behind: Decimal, removed: Decimal) -> Decimal:
        """Of a quantity that left a price level, how much stood ahead of our order.

        Between `removed - behind` and `ahead`, both bounds included.
        """


class Cautious:
    """Everything leaves from behind us first: nobody ahead of us ever gives up his place."""

    def cut_ahead(self, ahead: Decimal, behind: Decimal, removed: Decimal) -> Decimal:
        return _bounded(ahead, behind, removed, removed - behind)


class ProRata:
    """The quantity leaves evenly from the whole queue, weighed by `power`.

    1 is even; a larger power moves the cuts to the longer part of the queue.
    """

    def __init__(self, power: int = 1) -> None:
        assert power >= 1
        self._power = power

    def cut_ahead(self, ahead: Decimal, behind: Decimal, removed: Decimal) -> Decimal:
        front, back = ahead**self._power, behind**self._power
        share = front / (front + back) if front + back else ONE
        return _bounded(ahead, behind, removed, removed * share)


def _bounded(ahead: Decimal, behind: Decimal, removed: Decimal, wish: Decimal) -> Decimal:
    return min(max(wish, removed - behind, ZERO), ahead, removed)
