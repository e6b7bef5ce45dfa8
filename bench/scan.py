"""/scan and /dscan over the prices of a whole exchange: 600 instruments, all pairs, as lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from bench.kit import Budget, Part, Size, Table, in_turns, middle, noise, us
from kedge.desk.scan.dividends import dividends
from kedge.desk.scan.lines import dividend_lines, scan_lines
from kedge.desk.scan.quotes import DAY_NS, Quoted
from kedge.desk.scan.yields import scan
from kedge.model.instrument import Instrument

NAME, TITLE = "scan", "Yields and implied dividends over the prices of 600 instruments"
BUDGET_MS = 150
NOW_NS = 1_760_432_400_000_000_000
INSTRUMENTS, FUTURES_EACH = 600, 5
MS_NS = 1_000_000


def table(count: int) -> list[Quoted]:
    """So many instruments: each sixth a share, the others its futures of the next quarters."""
    found: list[Quoted] = []
    for number in range(count // (FUTURES_EACH + 1)):
        code = f"{chr(65 + number // 26)}{chr(65 + number % 26)}"
        price = Decimal(100 + number * 7)
        found.append(_quoted(_share(code), price))
        for ahead in range(FUTURES_EACH):
            days = 40 + 91 * ahead
            dear = (price * 100 * (Decimal(1) + Decimal(days - 60 + number % 7) / 4000)).quantize(Decimal(1))
            found.append(_quoted(_future(code, ahead, days), dear))
    return found


def measure(size: Size) -> Part:
    prices = table(size.of(INSTRUMENTS, 24))
    works: dict[str, Callable[[], list[str]]] = {
        "`scan`": lambda: scan_lines(scan(prices, NOW_NS, Decimal(0))),
        "`dscan`": lambda: dividend_lines(dividends(prices, NOW_NS), 50),
    }
    turns = in_turns(size.of(9, 2), {name: _timed(work, size.of(5, 1)) for name, work in works.items()})
    pairs = scan(prices, NOW_NS, Decimal(0)).pairs
    part = Part(TITLE)
    for name in works:
        part.budgets.append(Budget(f"{name}, p50", middle(turns[name]).p50 / MS_NS, BUDGET_MS, "ms"))
    rows = [
        (name, us(middle(turns[name]).p50), us(middle(turns[name]).p99), noise(turns[name])) for name in works
    ]
    part.tables.append(Table(("what", "p50 µs", "p99 µs", "rounds"), rows))
    part.says.append(f"{len(prices)} instruments make {pairs} pairs of a share and a future, or two futures.")
    return part


def _timed(work: Callable[[], list[str]], count: int) -> Callable[[], list[float]]:
    def once() -> float:
        began = time.perf_counter_ns()
        assert work()
        return float(time.perf_counter_ns() - began)

    return lambda: [once() for _ in range(count)]


def _quoted(instrument: Instrument, price: Decimal) -> Quoted:
    return Quoted(
        f"bench/main:{instrument.symbol}", instrument, price - instrument.tick, price + instrument.tick, price
    )


def _share(code: str) -> Instrument:
    return Instrument(
        symbol=code,
        kind="spot",
        base=code,
        quote="RUB",
        settle="RUB",
        tick=Decimal("0.01"),
        qty_step=Decimal(10),
        min_qty=Decimal(10),
        sector="share",
    )


def _future(code: str, ahead: int, days: int) -> Instrument:
    return Instrument(
        symbol=f"{code}{'FGHJK'[ahead]}7",
        kind="points",
        base=f"{code}{ahead}",
        quote="RUB",
        settle="RUB",
        tick=Decimal(1),
        tick_value=Decimal(1),
        qty_step=Decimal(1),
        min_qty=Decimal(1),
        sector="future",
        asset=code,
        asset_size=Decimal(100),
        buy_margin=Decimal(2000),
        sell_margin=Decimal(2100),
        expires_ns=NOW_NS + days * DAY_NS,
    )
