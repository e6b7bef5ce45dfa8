"""How many storms a second: whole worlds with faults, crashes and recoveries, from seed to verdict."""

from __future__ import annotations

import statistics

from bench.kit import Part, Size, Table, per_s, timed
from kedge.storm.world import Result, World

NAME, TITLE = "storm", "Storms"


def measure(size: Size) -> Part:
    rounds, seeds = size.of(5, 1), size.of(60, 2)
    rates, steps, engine_steps, bad = [], [], [], []
    for turn in range(rounds):
        numbers = range(turn * seeds, (turn + 1) * seeds)
        took, results = timed(lambda numbers=numbers: [World(n).run() for n in numbers])  # type: ignore[misc]
        rates.append(seeds / took)
        steps.append(sum(result.steps for result in results) / took)
        engine_steps.append(sum(_engine_steps(result) for result in results) / took)
        bad += [result.seed for result in results if result.violations]
    part = Part(TITLE)
    rows = [
        ("seeds", *_three(rates)),
        ("steps of the loop", *_three(steps)),
        ("of them in engines", *_three(engine_steps)),
    ]
    part.tables = [Table(("a second, on one core", "median", "worst", "best"), rows)]
    verdict = f"**violations in seeds {bad}**" if bad else "no violation"
    part.says = [f"{rounds} rounds of {seeds} seeds, {verdict}."]
    return part


def _engine_steps(result: Result) -> int:
    return sum(result.engine_steps)


def _three(values: list[float]) -> tuple[str, str, str]:
    return per_s(statistics.median(values)), per_s(min(values)), per_s(max(values))
