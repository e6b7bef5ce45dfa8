"""One side of a book: a sorted list of prices, and a queue of orders at each.

Prices are counted in ticks. A side keeps its best price at the end of the list, so that the best is one
index away and taking it off costs nothing: asks are kept negated. The queue is a dict, which remembers
the order of arrival and lets an order leave from anywhere.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from kedge.model.numbers import ZERO
from kedge.sim.exchange.state import Order


class Queue:
    """The orders at one price, first come first served, and how much they are in all."""

    __slots__ = ("orders", "qty")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.qty = ZERO


class BookSide:
    __slots__ = ("changed", "keys", "queues", "sign")

    def __init__(self, sign: int, changed: dict[int, None]) -> None:
        self.sign = sign  # +1 bids, -1 asks
        self.keys: list[int] = []
        self.queues: dict[int, Queue] = {}
        # The keys touched since somebody last looked; it belongs to the durable state.
        self.changed = changed

    def add(self, order: Order) -> None:
        """Queue the order behind all others at its price."""
        key = order.ticks * self.sign
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = Queue()
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                insort(self.keys, key)
        queue.orders[order.number] = order
        queue.qty += order.qty - order.cum_qty
        self.changed[key] = None

    def remove(self, order: Order) -> None:
        """Take the order out, with what is left of it."""
        key = order.ticks * self.sign
        queue = self.queues[key]
        del queue.orders[order.number]
        queue.qty -= order.qty - order.cum_qty
        if not queue.orders:
            assert queue.qty == 0
            del self.queues[key]
            if self.keys[-1] == key:
                self.keys.pop()
            else:
                del self.keys[bisect_left(self.keys, key)]
        self.changed[key] = None

    def shrink(self, order: Order, by: Decimal) -> None:
        """The order has become smaller by this and keeps its place."""
        key = order.ticks * self.sign
        self.queues[key].qty -= by
        self.changed[key] = None

    def best(self) -> Order | None:
        """The order that trades next."""
        if not self.keys:
            return None
        return next(iter(self.queues[self.keys[-1]].orders.values()))

    def best_ticks(self) -> int | None:
        return self.keys[-1] * self.sign if self.keys else None

    def levels(self, depth: int) -> Iterator[tuple[int, Decimal]]:
        """(ticks, quantity), best first; all of them where depth is 0."""
        keys = self.keys[-depth:] if depth else self.keys
        for key in reversed(keys):
            yield key * self.sign, self.queues[key].qty

    def orders(self) -> Iterator[Order]:
        """Every order in the order it would trade."""
        for key in reversed(self.keys):
            yield from self.queues[key].orders.values()

    def qty_at(self, key: int) -> Decimal:
        queue = self.queues.get(key)
        return queue.qty if queue else ZERO

    def within(self, limit_ticks: int | None) -> bool:
        """Whether the best price here is one that a taker with this limit accepts."""
        if not self.keys:
            return False
        return limit_ticks is None or self.keys[-1] >= limit_ticks * self.sign
