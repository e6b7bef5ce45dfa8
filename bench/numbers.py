"""Decimal against whole numbers of a step: what each costs where money is handled.

    python -m bench.numbers            prints the table of docs/why/numbers.md

Four ways to do the same work in one run, so that only ratios matter: `Decimal`; integer counts of the
instrument's own step; hand-made fixed point with eight places; and `float`, which may not decide an order
and is here to show what exactness costs.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from time import perf_counter_ns

from kedge.model.instrument import Instrument
from kedge.model.ledger import Position
from kedge.model.numbers import floor_to, text

ROUNDS, REPEATS, PROCESSES = 2_000, 20, 15
PRICES = [f"{60000 + n % 977}.{n % 2 * 5}" for n in range(64)]
QTYS = [f"0.{1 + n % 98:03d}" for n in range(64)]
TICK, STEP = Decimal("0.5"), Decimal("0.001")
PERP = Instrument("BTC-PERP", "linear", "BTC", "USD", "USD", TICK, STEP)
SLIP = Decimal("1.0005")
FIXED = 10**8


# ── one order's arithmetic: parse price and quantity, multiply, round to the tick, format ───────


def with_decimal(price: str, qty: str) -> tuple[str, str]:
    p, q = Decimal(price), Decimal(qty)
    limit = floor_to(p * SLIP, TICK)
    return text(limit), text(limit * q)


def _count(digits: str, places: int, per: int) -> int:
    """Text to a count of steps: `per` steps make one unit of the last kept place."""
    whole, _, part = digits.partition(".")
    return int(whole + part.ljust(places, "0")[:places]) // per


def _plain(count: int, places: int) -> str:
    sign, count = ("-", -count) if count < 0 else ("", count)
    whole, part = divmod(count, 10**places)
    digits = f"{part:0{places}d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def with_steps(price: str, qty: str) -> tuple[str, str]:
    """Ticks of 0.5 and lots of 0.001: the step has to be known wherever a number goes in or out."""
    ticks, lots = _count(price, 1, 5), _count(qty, 3, 1)
    limit = ticks * 10005 // 10000
    return _plain(limit * 5, 1), _plain(limit * 5 * lots, 4)


def with_fixed(price: str, qty: str) -> tuple[str, str]:
    """Everything in hundred-millionths, whatever the instrument."""
    p, q = _count(price, 8, 1), _count(qty, 8, 1)
    limit = p * 10005 // 10000 // 50_000_000 * 50_000_000
    return _plain(limit, 8), _plain(limit * q // FIXED, 8)


def with_float(price: str, qty: str) -> tuple[str, str]:
    p, q = float(price), float(qty)
    limit = p * 1.0005 // 0.5 * 0.5
    return f"{limit:.10g}", f"{limit * q:.10g}"


# ── the ledger: book a fill ─────────────────────────────────────────────────────────────────────


class Steps:
    """The same account book in ticks times lots; a part of the cost is rounded to a whole one."""

    def __init__(self) -> None:
        self.qty = self.cost = self.realised = 0

    def book(self, qty: int, price: int) -> None:
        closing = 0
        if self.qty and (qty > 0) != (self.qty > 0):
            closing = qty if abs(qty) <= abs(self.qty) else -self.qty
        if closing:
            part = self.cost if closing == -self.qty else self.cost * abs(closing) // abs(self.qty)
            self.realised += -closing * price - part
            self.cost -= part
        self.cost += (qty - closing) * price
        self.qty += qty


FILLS = [
    (Decimal(q) * (1 if n % 3 else -2), Decimal(p)) for n, (q, p) in enumerate(zip(QTYS, PRICES, strict=True))
]
COUNTED = [(int(q / STEP), int(p / TICK)) for q, p in FILLS]


def ledger_decimal() -> None:
    position = Position()
    for qty, price in FILLS:
        position.book(PERP, qty, price)


def ledger_steps() -> None:
    book = Steps()
    for qty, price in COUNTED:
        book.book(qty, price)


# ── measuring ───────────────────────────────────────────────────────────────────────────────────


def costs_ns(works: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """The least time per operation of each, taken in turns: what others did on the machine can only add."""
    least: dict[str, float] = {}
    for _ in range(REPEATS):
        for name, (work, operations) in works.items():
            begun = perf_counter_ns()
            work()
            taken = (perf_counter_ns() - begun) / operations
            least[name] = min(taken, least.get(name, taken))
    return least


def arithmetic(one: Callable[[str, str], object]) -> Callable[[], None]:
    pairs = list(zip(PRICES, QTYS, strict=True)) * (ROUNDS // len(PRICES))

    def work() -> None:
        for price, qty in pairs:
            one(price, qty)

    return work


def measure() -> dict[str, float]:
    for price, qty in zip(PRICES, QTYS, strict=True):
        assert with_decimal(price, qty) == with_steps(price, qty) == with_fixed(price, qty)
    count = ROUNDS // len(PRICES) * len(PRICES)
    works: dict[str, tuple[Callable[[], object], int]] = {
        name: (arithmetic(way), count) for name, way in WAYS.items()
    }
    works["book `Decimal`"] = (ledger_decimal, len(FILLS))
    works["book counts of the step"] = (ledger_steps, len(FILLS))
    return costs_ns(works)


WAYS = {
    "`Decimal`": with_decimal,
    "counts of the step": with_steps,
    "fixed point, 8 places": with_fixed,
    "`float`": with_float,
}


def in_processes(count: int) -> dict[str, float]:
    """The median over fresh processes: how memory happens to lie makes more difference than the machine."""
    found: dict[str, list[float]] = {}
    for _ in range(count):
        out = subprocess.run(
            [sys.executable, "-m", "bench.numbers", "--once"], check=True, capture_output=True
        )
        for name, cost in json.loads(out.stdout).items():
            found.setdefault(name, []).append(cost)
    return {name: statistics.median(costs) for name, costs in found.items()}


def main() -> None:
    if "--once" in sys.argv:
        print(json.dumps(measure()))
        return
    costs = in_processes(PROCESSES)
    base, booked = costs["`Decimal`"], costs["book `Decimal`"]
    print("| | parse, multiply, round, format | ratio | book a fill | ratio |")
    print("|---|---|---|---|---|")
    for name in WAYS:
        fill = costs.get(f"book {name}")
        last = f"{fill:,.0f} ns | {fill / booked:.2f}" if fill else "– | –"
        print(f"| {name} | {costs[name]:,.0f} ns | {costs[name] / base:.2f} | {last} |")


if __name__ == "__main__":
    main()
