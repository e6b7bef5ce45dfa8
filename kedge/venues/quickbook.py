"""An order book kept in the venue's own spelling: `model.book.Book` for feeds where every microsecond counts.

It believes and shows exactly what `Book` does (a law in the tests compares them), and does less on the way.
Most of a feed repeats prices it has named before and sets quantities that nobody looks at. So a price becomes
a number when its level appears, is found by its spelling while the level stands, and a quantity becomes a
number when it is shown. What cannot be a quantity is therefore found when its level would be shown, not
before; the book is lost then, as it would have been at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from kedge.model.book import LEVELS_MAX
from kedge.model.numbers import LIMIT, ZERO
from kedge.model.venue import Level

# (price, quantity) as the venue wrote them.
Pairs = Sequence[tuple[str, str]]

# How venues write nothing. Another spelling is found when it would be shown, and is nothing there too.
ZEROS = frozenset(["0", *("0." + "0" * digits for digits in range(1, 19))])


class QuickBook:
    """One market's book. `reset` and `change` return "" or the sentence why the book is now lost."""

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

    def reset(self, bids: Pairs, asks: Pairs, seq: int, venue_ns: int, now_ns: int) -> str:
        """Begin anew from a snapshot."""
        self._bids.clear()
        self._asks.clear()
        self.lost = ""
        return self.change(bids, asks, seq, venue_ns, now_ns)

    def change(self, bids: Pairs, asks: Pairs, seq: int, venue_ns: int, now_ns: int) -> str:
        """Apply changes that the venue's gap rule has passed; quantity zero removes a level."""
        if self.lost:
            return self.lost
        mine, theirs = self._bids, self._asks
        if not (mine.change(bids) and theirs.change(asks)):
            return self.lose("corrupt: a price or a quantity is out of range")
        if len(mine.prices) > self.levels_max or len(theirs.prices) > self.levels_max:
            return self.lose(f"corrupt: more than {self.levels_max} levels on one side")
        if mine.prices and theirs.prices and mine.prices[-1] >= theirs.prices[0]:
            return self.lose(f"crossed: bid {mine.prices[-1]} is not below ask {theirs.prices[0]}")
        self.seq, self.venue_ns, self.heard_ns = seq, venue_ns, now_ns
        return ""

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
        """The best `count` bids and asks, best first; nothing of a lost book.

        Look at `lost` afterwards: a quantity that cannot be is found here.
        """
        assert count > 0
        bids, asks = self._bids.best(count), self._asks.best(count)
        if bids is None or asks is None:
            self.lose("corrupt: a quantity is out of range")
            return (), ()
        return bids, asks


class _Side:
    """Prices in order, their spellings beside them, and what is known of each spelling."""

    def __init__(self, *, best_is_last: bool) -> None:
        self.best_is_last = best_is_last
        self.prices: list[Decimal] = []
        self.spelled: list[str] = []
        # A quantity's text; a `Level` where it was shown and has not changed since.
        self.levels: dict[str, str | Level] = {}
        # Prices by their spelling, of the levels that stand.
        self.numbers: dict[str, Decimal] = {}

    def clear(self) -> None:
        self.numbers.clear()
        self.prices.clear()
        self.spelled.clear()
        self.levels.clear()

    def change(self, pairs: Pairs) -> bool:
        """Apply levels in order; False at a price that cannot be."""
        levels = self.levels
        for price, qty in pairs:
            if price in levels:
                if qty in ZEROS:
                    self._remove(price)
                else:
                    levels[price] = qty
            elif not self._take_new(price, qty):
                return False
        return True

    def _take_new(self, spelling: str, qty: str) -> bool:
        """A spelling that is not in the book: a new level, or a known one spelled otherwise."""
        price = _number(spelling)
        if price is None or price == 0:
            return False
        prices = self.prices
        at = bisect_left(prices, price)
        if at < len(prices) and prices[at] == price:
            self._remove(self.spelled[at])
        if qty not in ZEROS:
            prices.insert(at, price)
            self.spelled.insert(at, spelling)
            self.numbers[spelling] = price
            self.levels[spelling] = qty
        return True

    def _remove(self, spelling: str) -> None:
        del self.levels[spelling]
        at = bisect_left(self.prices, self.numbers.pop(spelling))
        del self.prices[at], self.spelled[at]

    def best(self, count: int) -> tuple[Level, ...] | None:
        """None: a quantity is not one."""
        names = self.spelled[: -count - 1 : -1] if self.best_is_last else self.spelled[:count]
        shown = [self.levels[name] for name in names]
        if str in map(type, shown):
            for at, level in enumerate(shown):
                if type(level) is str:
                    qty = _number(level)
                    if qty is None:
                        return None
                    if not qty:
                        # Zero in a rare spelling.
                        self._remove(names[at])
                        return self.best(count)
                    name = names[at]
                    shown[at] = self.levels[name] = Level(self.numbers[name], qty)
        return tuple(shown)  # type: ignore[arg-type]


def _number(text: str) -> Decimal | None:
    """A number at or above zero and below the limit; None for anything else."""
    try:
        number = Decimal(text)
        # A NaN is either refused by the comparison or raises in it, as the process's context has it.
        return number if ZERO <= number < LIMIT else None
    except InvalidOperation:
        return None
