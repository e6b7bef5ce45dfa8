"""An order book kept from a snapshot and its changes, that knows when it must not be believed.

A book is LIVE only from a snapshot on, while every change names the number it follows, while the best bid
is below the best ask, and while it is young enough. Anything else makes it lost: it then shows no levels
until the next snapshot, because a wrong book costs more than a missing one.

Prices of a side are kept sorted in a list (bisect) beside a dict of quantities. Changes near the touch
move few elements, and reading the best levels costs nothing more than a slice.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from decimal import Decimal

from kedge.model.numbers import LIMIT
from kedge.model.venue import Level

# More levels than any venue sends on one side: reached only by a feed that never deletes.
LEVELS_MAX = 5_000


class Book:
    """One market's book. `reset` and `apply` return "" or the sentence why the book is now lost."""

    def __init__(self, levels_max: int = LEVELS_MAX) -> None:
        self.levels_max = levels_max
        self.seq = 0
        self.venue_ns = 0
        self.heard_ns = 0
        self.lost = "no snapshot yet"
        self._bids = _Side(best_is_last=True)
        self._asks = _Side(best_is_last=False)

    @property
    def live(self) -> bool:
        return not self.lost

    def reset(
        self, bids: Iterable[Level], asks: Iterable[Level], seq: int, venue_ns: int, now_ns: int
    ) -> str:
        """Begin anew from a snapshot."""
        self._bids.clear()
        self._asks.clear()
        self.lost = ""
        return self._take(bids, asks, seq, venue_ns, now_ns)

    def apply(
        self,
        bids: Iterable[Level],
        asks: Iterable[Level],
        seq: int,
        prev: int,
        venue_ns: int,
        now_ns: int,
    ) -> str:
        """Apply the changes that follow number `prev`; quantity zero removes a level.

        A change that is not newer than the book is a repetition and does nothing. A lost book stays lost.
        """
        if self.lost:
            return self.lost
        if seq <= self.seq:
            return ""
        if prev != self.seq:
            return self.lose(f"gap: the book is at {self.seq} and the change follows {prev}")
        return self._take(bids, asks, seq, venue_ns, now_ns)

    def check_age(self, now_ns: int, age_max_ns: int) -> str:
        """Lose the book when nothing has been heard of it for longer than `age_max_ns`."""
        age_ns = now_ns - self.heard_ns
        if not self.lost and age_ns > age_max_ns:
            return self.lose(f"stale: nothing heard for {age_ns // 1_000_000} ms")
        return self.lost

    def lose(self, why: str) -> str:
        """Stop believing the book until the next snapshot."""
        assert why
        self.lost = why
        self._bids.clear()
        self._asks.clear()
        return why

    def best(self, count: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The best `count` bids and asks, best first; nothing of a lost book."""
        assert count > 0
        return self._bids.best(count), self._asks.best(count)

    def _take(
        self, bids: Iterable[Level], asks: Iterable[Level], seq: int, venue_ns: int, now_ns: int
    ) -> str:
        if not (self._bids.change(bids) and self._asks.change(asks)):
            return self.lose("corrupt: a price or a quantity is out of range")
        if max(len(self._bids.prices), len(self._asks.prices)) > self.levels_max:
            return self.lose(f"corrupt: more than {self.levels_max} levels on one side")
        bid, ask = self._bids.touch(), self._asks.touch()
        if bid is not None and ask is not None and bid >= ask:
            return self.lose(f"crossed: bid {bid} is not below ask {ask}")
        self.seq, self.venue_ns, self.heard_ns = seq, venue_ns, now_ns
        return ""


class _Side:
    def __init__(self, *, best_is_last: bool) -> None:
        self.best_is_last = best_is_last
        self.prices: list[Decimal] = []
        self.qtys: dict[Decimal, Decimal] = {}

    def clear(self) -> None:
        self.prices.clear()
        self.qtys.clear()

    def change(self, levels: Iterable[Level]) -> bool:
        """Apply levels in order; False at the first one that cannot be (NaN fails every comparison)."""
        for level in levels:
            price, qty = level.price, level.qty
            if not (price.is_finite() and qty.is_finite() and 0 < price < LIMIT and 0 <= qty < LIMIT):
                return False
            known = price in self.qtys
            if qty == 0:
                if known:
                    del self.qtys[price]
                    del self.prices[bisect_left(self.prices, price)]
                continue
            if not known:
                insort(self.prices, price)
            self.qtys[price] = qty
        return True

    def touch(self) -> Decimal | None:
        if not self.prices:
            return None
        return self.prices[-1] if self.best_is_last else self.prices[0]

    def best(self, count: int) -> tuple[Level, ...]:
        prices: Sequence[Decimal]
        prices = self.prices[: -count - 1 : -1] if self.best_is_last else self.prices[:count]
        return tuple(Level(price, self.qtys[price]) for price in prices)
