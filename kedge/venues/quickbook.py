"""An order book kept in the venue's own spelling: `model.book.Book` for feeds where every microsecond counts.

It believes and shows exactly what `Book` does (a law in the tests compares them), and does less on the way.
Most of a feed repeats prices it has named before and sets quantities that nobody looks at. So a price becomes
a number when its level appears, is found by its spelling while the level stands, and a quantity becomes a
number when it is shown; what was shown before and has not changed is shown again as it is. What cannot be a
quantity is therefore found when its level would be shown, not before; the book is lost then, as it would have
been at once.
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
# Prices remembered beyond those that stand: as many again, and these.
NUMBERS_SPARE = 128


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
        if mine.came or theirs.came:
            # Only a level that was not there can cross the other side, or be one too many.
            mine.came = theirs.came = False
            why = self._impossible()
            if why:
                return self.lose(why)
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

    def _impossible(self) -> str:
        bids, asks = self._bids.prices, self._asks.prices
        if len(bids) > self.levels_max or len(asks) > self.levels_max:
            return f"corrupt: more than {self.levels_max} levels on one side"
        if bids and asks and bids[-1] >= asks[0]:
            return f"crossed: bid {bids[-1]} is not below ask {asks[0]}"
        return ""


class _Side:
    """Prices in order, their spellings beside them, and what was shown of them last."""

    def __init__(self, *, best_is_last: bool) -> None:
        self.best_is_last = best_is_last
        self.prices: list[Decimal] = []
        self.spelled: list[str] = []
        # Quantities as they were written, by the spelling of their price: the levels that stand.
        self.qtys: dict[str, str] = {}
        # Prices by their spelling: of all levels that stand, and of some that went and may come back.
        self.numbers: dict[str, Decimal] = {}
        # What was shown last, best first, and which of these have another quantity by now.
        self.shown: dict[str, Level] = {}
        self.stale: list[str] = []
        self.told: tuple[Level, ...] = ()
        # How many were asked for; and whether a level came or went among so many since.
        self.count = 0
        self.moved = True
        # A level came since somebody last looked at this.
        self.came = False

    def clear(self) -> None:
        for kept in (self.prices, self.spelled, self.qtys, self.numbers, self.shown, self.stale):
            kept.clear()
        self.moved = True

    def change(self, pairs: Pairs) -> bool:
        """Apply levels in order; False at a price that cannot be."""
        qtys, shown, note = self.qtys, self.shown, self.stale.append
        for price, qty in pairs:
            if price not in qtys:
                if not self._take_new(price, qty):
                    return False
            elif qty in ZEROS:
                self._remove(price)
            else:
                qtys[price] = qty
                if price in shown:
                    note(price)
        return True

    def best(self, count: int) -> tuple[Level, ...] | None:
        """None: a quantity is not one."""
        if self.moved or count != self.count:
            return self._show(count)
        if self.stale:
            qtys, numbers, shown = self.qtys, self.numbers, self.shown
            try:
                for name in self.stale:
                    qty = Decimal(qtys[name])
                    if not ZERO < qty < LIMIT:
                        return self._show(count)
                    shown[name] = Level(numbers[name], qty)
            except InvalidOperation:
                return self._show(count)
            self.stale.clear()
            self.told = tuple(shown.values())
        return self.told

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _show(self, count: int) -> tuple[Level, ...] | None:
        """Choose the levels to show anew; those that were shown and have not changed are taken over."""
        known = self.shown
        for name in self.stale:
            known.pop(name, None)
        self.stale.clear()
        names = self.spelled[: -count - 1 : -1] if self.best_is_last else self.spelled[:count]
        self.shown = shown = {}
        self.count, self.moved = count, False
        for name in names:
            level = known.get(name)
            if level is None:
                qty = _number(self.qtys[name])
                if qty is None:
                    return None
                if not qty:
                    # Zero in a rare spelling.
                    self._remove(name)
                    return self._show(count)
                level = Level(self.numbers[name], qty)
            shown[name] = level
        self.told = tuple(shown.values())
        return self.told

    def _take_new(self, spelling: str, qty: str) -> bool:
        """A spelling that is not in the book: a new level, or a known one spelled otherwise."""
        price = self.numbers.get(spelling) or _number(spelling)
        if not price:
            return False
        prices = self.prices
        at = self._place_of(price)
        if at < len(prices) and prices[at] == price:
            self._remove(self.spelled[at])
        if qty in ZEROS:
            return True
        better = len(prices) - at if self.best_is_last else at
        if better < self.count:
            self.moved = True
        self.came = True
        prices.insert(at, price)
        self.spelled.insert(at, spelling)
        self.qtys[spelling] = qty
        self.numbers[spelling] = price
        if len(self.numbers) > NUMBERS_SPARE + 2 * len(prices):
            self.numbers = dict(zip(self.spelled, prices, strict=True))
        return True

    def _remove(self, spelling: str) -> None:
        del self.qtys[spelling]
        at = self._place_of(self.numbers[spelling])
        del self.prices[at], self.spelled[at]
        if self.shown.pop(spelling, None) is not None:
            self.moved = True

    def _place_of(self, price: Decimal) -> int:
        """Where it stands, or would; most that comes and goes does so at an end."""
        prices = self.prices
        if not prices or price > prices[-1]:
            return len(prices)
        if price == prices[-1]:
            return len(prices) - 1
        return 0 if price <= prices[0] else bisect_left(prices, price)


def _number(text: str) -> Decimal | None:
    """A number at or above zero and below the limit; None for anything else."""
    try:
        number = Decimal(text)
        # A NaN is either refused by the comparison or raises in it, as the process's context has it.
        return number if ZERO <= number < LIMIT else None
    except InvalidOperation:
        return None
