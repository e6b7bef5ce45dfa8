"""What is due by the venue's own clock: countdowns, orders that are good till a date, memories that fade.

Each is done at its own moment and in order, however late one looks.
"""

from __future__ import annotations

from collections.abc import Callable

from kedge.sim.binance.usdm.algos import Conditionals
from kedge.sim.binance.usdm.entry import Entry
from kedge.sim.binance.usdm.facts import DAY_NS, Books, Memory
from kedge.sim.binance.usdm.listings import MS

HOUR_NS = 3600 * 10**9
# An order without an end of its own is good for a year.
YEAR_NS = 365 * DAY_NS

Due = tuple[int, Callable[[int], None]]


class Timers:
    def __init__(self, memory: Memory, entry: Entry, algos: Conditionals) -> None:
        self._memory = memory
        self._entry = entry
        self._algos = algos
        self._sweep_ns = 0

    def run(self, now_ns: int) -> bool:
        """Do what is due up to this moment; whether there was anything."""
        due: list[Due] = []
        for account, books in self._memory.accounts.items():
            due += self._countdowns(account, books, now_ns)
            due += self._dates(books, now_ns)
        if now_ns >= self._sweep_ns:
            self._sweep_ns = now_ns + HOUR_NS
            due += self._old(now_ns)
            self._memory.sweep(now_ns)
        for at_ns, do in sorted(due, key=lambda one: one[0]):
            do(at_ns)
        return bool(due)

    def _countdowns(self, account: str, books: Books, now_ns: int) -> list[Due]:
        return [
            (at_ns, lambda at, symbol=symbol: self._count_out(account, symbol, at))  # type: ignore[misc]
            for symbol, at_ns in books.settings.countdowns.items()
            if at_ns <= now_ns
        ]

    def _count_out(self, account: str, symbol: str, at_ns: int) -> None:
        settings = self._memory.books(account).settings
        settings.countdowns.pop(symbol, None)
        self._memory.put_settings(settings)
        self._entry.cancel_all(account, symbol, at_ns)

    def _dates(self, books: Books, now_ns: int) -> list[Due]:
        found: list[Due] = []
        for number in books.timed:
            order = books.orders[number]
            if order.good_till_ms * MS <= now_ns:
                at_ns = order.good_till_ms * MS
                found.append((at_ns, lambda at, order=order: self._entry.expire(order, at)))  # type: ignore[misc]
        for number in books.timed_algos:
            algo = books.algos[number]
            if algo.good_till_ms * MS <= now_ns:
                at_ns = algo.good_till_ms * MS
                found.append((at_ns, lambda at, algo=algo: self._algos.end(algo, "EXPIRED", at)))  # type: ignore[misc]
        return found

    def _old(self, now_ns: int) -> list[Due]:
        found: list[Due] = []
        for books in self._memory.accounts.values():
            for number in books.open:
                order = books.orders[number]
                if order.created_ns + YEAR_NS <= now_ns:
                    at_ns = order.created_ns + YEAR_NS
                    found.append((at_ns, lambda at, order=order: self._entry.expire(order, at)))  # type: ignore[misc]
        return found
