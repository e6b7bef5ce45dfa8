"""What the public is told of one symbol: its trades, its book's changes with their numbers, its day.

Trades have consecutive ids; those of one taker at one price in one moment are one aggregate trade. Every
changed level of the book counts one update id, so that `U` and `u` of the diff streams and `lastUpdateId`
of the snapshot speak of the same thing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import MONEY, ZERO, divide
from kedge.model.venue import Level
from kedge.sim.binance.spot.numbers import Numbers
from kedge.sim.binance.weights import MINUTE_NS
from kedge.sim.exchange import BookChanged, TradePrinted

KEPT = 20_000
# Prints whose number is asked for by the fills that come before them.
PENDING_MAX = 10_000


class Print(Struct, frozen=True):
    """One trade. `sold`: the taker sold, so the buyer was the maker."""

    trade_id: int
    price: Decimal
    qty: Decimal
    at_ns: int
    sold: bool


class Aggregate(Struct):
    number: int
    price: Decimal
    qty: Decimal
    first: int
    last: int
    at_ns: int
    sold: bool


class Diff(Struct):
    """Changed levels since some moment; the quantities are what stands now."""

    first: int = 0
    last: int = 0
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}

    def add(self, first: int, last: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        self.first = self.first or first
        self.last = last
        self.bids.update((level.price, level.qty) for level in bids)
        self.asks.update((level.price, level.qty) for level in asks)


class Tape:
    def __init__(self, symbol: str, numbers: Numbers) -> None:
        self.symbol = symbol
        self.prints: deque[Print] = deque(maxlen=KEPT)
        self.aggregates: deque[Aggregate] = deque(maxlen=KEPT)
        # What has not been told yet.
        self.new_prints: list[Print] = []
        self.new_aggregates: list[Aggregate] = []
        self.touched = False
        self.update_id = numbers.next(f"update:{symbol}")
        self._numbers = numbers
        # One change set for each stream that tells them.
        self._diffs: dict[str, Diff] = {}
        self._pending: dict[int, int] = {}

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    def number(self, execution: int) -> int:
        """The trade id of an execution of the exchange (its maker's number), however often it is asked."""
        found = self._pending.get(execution)
        if found is None:
            found = self._pending[execution] = self._numbers.next(f"trade:{self.symbol}")
            if len(self._pending) > PENDING_MAX:
                del self._pending[next(iter(self._pending))]
        return found

    def printed(self, trade: TradePrinted) -> None:
        trade_id = self.number(int(trade.trade_id))
        one = Print(trade_id, trade.price, trade.qty, trade.venue_ns, trade.side == "sell")
        self.prints.append(one)
        self.new_prints.append(one)
        last = self.new_aggregates[-1] if self.new_aggregates else None
        same = last and (last.price, last.at_ns, last.sold) == (one.price, one.at_ns, one.sold)
        if last is not None and same and last.last == trade_id - 1:
            last.qty = MONEY.add(last.qty, one.qty)
            last.last = trade_id
            return
        number = self._numbers.next(f"aggregate:{self.symbol}")
        whole = Aggregate(number, one.price, one.qty, trade_id, trade_id, one.at_ns, one.sold)
        self.aggregates.append(whole)
        self.new_aggregates.append(whole)

    def average(self, now_ns: int, minutes: int) -> Decimal:
        """Weighted by volume over the last minutes; the last price where there was no trade; 0 before any."""
        value = volume = ZERO
        for one in reversed(self.prints):
            if one.at_ns <= now_ns - minutes * MINUTE_NS:
                break
            value = MONEY.add(value, MONEY.multiply(one.price, one.qty))
            volume = MONEY.add(volume, one.qty)
        if volume:
            return divide(value, volume)
        return self.prints[-1].price if self.prints else ZERO

    # ── the book ────────────────────────────────────────────────────────────────────────────────

    def changed(self, book: BookChanged) -> None:
        levels = len(book.bids) + len(book.asks)
        first = self.update_id + 1
        self.update_id = self._numbers.next(f"update:{self.symbol}", levels)
        assert self.update_id == first + levels - 1
        self.touched = True
        for diff in self._diffs.values():
            diff.add(first, self.update_id, book.bids, book.asks)

    def watch(self, stream: str) -> None:
        """A stream wants the changes; from now on they are gathered for it."""
        self._diffs[stream] = Diff()

    def unwatch(self, stream: str) -> None:
        self._diffs.pop(stream, None)

    def take_diff(self, stream: str) -> Diff | None:
        """What has changed since this stream took it last; None where nothing has."""
        diff = self._diffs.get(stream)
        if diff is None or not diff.first:
            return None
        self._diffs[stream] = Diff()
        return diff

    def told(self) -> None:
        """All that was new has been told."""
        self.new_prints.clear()
        self.new_aggregates.clear()
        self.touched = False
