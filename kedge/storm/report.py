"""What a corpus came to: for people in lines, for programs in one object.

`Verdict` also decides what counts as good: no violation, every planted fault caught, and, in a corpus that
is large enough, every expected mark seen.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from kedge.model.order import MOVES
from kedge.storm.fold import ROW
from kedge.storm.plan import Plan, all_kinds
from kedge.storm.rings import EXPECTED, RARE, RAREST
from kedge.storm.run import Caught, Failure, Tally

# A smaller corpus may miss a rare mark by chance.
ENOUGH_SEEDS = 2_000
MANY_SEEDS = 20_000
ALL_ROWS = tuple(f"{ROW}{state}+{learnt}" for state, learnt in MOVES)


class Verdict(Struct):
    first_seed: int
    tally: Tally
    caught: list[Caught] = field(default_factory=list)
    planted: int = 0
    seconds: float = 0.0
    mutant_seconds: float = 0.0
    version: str = ""
    wire: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        return missing_marks(self.tally, self.wire)

    @property
    def missed(self) -> list[str]:
        """Planted faults that no seed caught."""
        return [caught.mutant for caught in self.caught if caught.seed is None]

    @property
    def good(self) -> bool:
        blind = self.tally.seeds >= ENOUGH_SEEDS and self.missing
        return not self.tally.violations and not self.missed and not blind


def missing_marks(tally: Tally, wire: bool = False) -> tuple[str, ...]:
    """Expected marks that no seed of the corpus has shown."""
    expected = EXPECTED[wire] if tally.seeds < MANY_SEEDS else (*EXPECTED[wire], *RAREST[wire])
    return tuple(mark for mark in expected if mark not in tally.marks)


# ── for people ──────────────────────────────────────────────────────────────────────────────────


def lines(verdict: Verdict) -> list[str]:
    tally = verdict.tally
    last = verdict.first_seed + max(tally.seeds - 1, 0)
    found = [
        f"seeds          {tally.seeds:,} ({verdict.first_seed}..{last})",
        f"steps          {tally.steps:,}",
        f"crashes        {tally.crashes:,}",
        f"violations     {tally.violations:,}",
    ]
    if verdict.seconds:
        rate = tally.seeds / verdict.seconds
        found.append(f"time           {verdict.seconds:.1f} s, {rate:,.1f} seeds/s")
    found += _marks("faults fired", tally, all_kinds(verdict.wire))
    found += _marks("rare branches", tally, (*RARE[verdict.wire], *RAREST[verdict.wire]))
    found += _rows(tally)
    found.append("most seen      " + ", ".join(f"{n} {what}" for what, n in sorted(tally.most.items())))
    found.append("marks missing  " + (", ".join(verdict.missing) or "none"))
    if tally.seeds < ENOUGH_SEEDS and verdict.missing:
        found.append(f"               (expected of {ENOUGH_SEEDS:,} seeds or more)")
    if verdict.planted:
        found += _mutants(verdict)
    return found


def _marks(title: str, tally: Tally, labels: tuple[str, ...]) -> list[str]:
    """`label count` in columns of three."""
    cells = [f"{label:<24}{tally.marks.get(label, 0):>9,}" for label in labels]
    rows = ["   ".join(cells[place : place + 3]) for place in range(0, len(cells), 3)]
    return ["", title, *(f"  {row.rstrip()}" for row in rows)]


def _rows(tally: Tally) -> list[str]:
    seen = [row for row in ALL_ROWS if row in tally.marks]
    unseen = [row.removeprefix(ROW) for row in ALL_ROWS if row not in tally.marks]
    found = ["", f"rows of the order table seen: {len(seen)} of {len(ALL_ROWS)}"]
    if unseen:
        found.append("  never seen: " + ", ".join(unseen))
    return [*found, ""]


def _mutants(verdict: Verdict) -> list[str]:
    caught = verdict.planted - len(verdict.missed)
    found = ["", f"planted faults caught: {caught} of {verdict.planted} in {verdict.mutant_seconds:.1f} s"]
    for one in sorted(verdict.caught, key=lambda one: one.mutant):
        where = "NOT CAUGHT" if one.seed is None else f"seed {one.seed:<6} {one.check}"
        found.append(f"  {one.mutant:<26}{where}")
    return found


def failure_lines(failure: Failure, wire: bool = False) -> list[str]:
    again = Plan(failure.seed, wire=wire).words()
    found = [f"seed {failure.seed} FAILED; replay it: {again}"]
    return found + [f"  {violation.check}: {violation.says}" for violation in failure.violations[:5]]


# ── for programs ────────────────────────────────────────────────────────────────────────────────


def as_data(verdict: Verdict) -> dict[str, Any]:
    tally = verdict.tally
    return {
        "seeds": tally.seeds,
        "first_seed": verdict.first_seed,
        "violations": tally.violations,
        "failing_seeds": [failure.seed for failure in tally.failures],
        "mutants_caught": verdict.planted - len(verdict.missed),
        "mutants_planted": verdict.planted,
        "mutants_missed": verdict.missed,
        "steps": tally.steps,
        "crashes": tally.crashes,
        "faults": {kind: tally.marks.get(kind, 0) for kind in all_kinds(verdict.wire)},
        "rare": {mark: tally.marks.get(mark, 0) for mark in (*RARE[verdict.wire], *RAREST[verdict.wire])},
        "table_rows_seen": sum(1 for row in ALL_ROWS if row in tally.marks),
        "table_rows": len(ALL_ROWS),
        "missing_marks": list(verdict.missing),
        "seconds": round(verdict.seconds, 3),
        "seeds_per_second": round(tally.seeds / verdict.seconds, 1) if verdict.seconds else 0,
        "version": verdict.version,
        "good": verdict.good,
    }


def json_line(data: dict[str, Any]) -> str:
    return msgspec.json.encode(data).decode()
