"""One seed, and what came of it in a form that crosses processes.

one(plan)              a world, run to its end; whatever goes wrong is a violation, never an exception
chunk(first, count)    many seeds, added up
catch(mutant, seeds)   seeds under a planted fault, until one of them is caught
replay(plan)           one world with everything it has to tell
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable

import msgspec
from msgspec import Struct, field

from kedge.sim.tape import Marks
from kedge.storm.checks import Violation
from kedge.storm.mutants import planted
from kedge.storm.plan import SECOND_NS, Plan, all_kinds
from kedge.storm.rings import mutant_named, world
from kedge.storm.world import Result

FAILURES_KEPT = 100


class Failure(Struct):
    seed: int
    violations: list[Violation]


class Tally(Struct):
    """What many seeds came to."""

    seeds: int = 0
    steps: int = 0
    crashes: int = 0
    violations: int = 0
    failures: list[Failure] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.steps += result.steps
        self.crashes += len(result.crashed_at)
        self.violations += len(result.violations)
        if result.violations and len(self.failures) < FAILURES_KEPT:
            self.failures.append(Failure(result.seed, result.violations))
        self._count(result.marks.count)
        self._raise_most({**result.most, "rest in seconds": result.rest_ns // SECOND_NS})

    def merge(self, other: Tally) -> None:
        self.seeds += other.seeds
        self.steps += other.steps
        self.crashes += other.crashes
        self.violations += other.violations
        self.failures += other.failures[: FAILURES_KEPT - len(self.failures)]
        self._count(other.marks)
        self._raise_most(other.most)

    def _count(self, marks: dict[str, int]) -> None:
        for label, times in marks.items():
            self.marks[label] = self.marks.get(label, 0) + times

    def _raise_most(self, most: dict[str, int]) -> None:
        for what, count in most.items():
            self.most[what] = max(count, self.most.get(what, 0))


class Caught(Struct, frozen=True):
    """A planted fault and the seed that found it; `seed` is None where none did."""

    mutant: str
    seed: int | None
    check: str = ""
    seeds: int = 0  # how many it took


class Replay(Struct):
    result: Result
    journal: list[str]
    kinds: list[str]  # the kinds of fault that fired


# ── running ─────────────────────────────────────────────────────────────────────────────────────


def one(plan: int | Plan, trace: bool = False) -> Result:
    try:
        made = world(Plan(plan) if isinstance(plan, int) else plan, trace)
        try:
            return made.run()
        finally:
            made.loop.bury()
    except Exception as error:  # noqa: BLE001  # a storm's own fault is a finding like any other
        where = traceback.format_exc().strip().splitlines()
        return _broken(plan if isinstance(plan, int) else plan.seed, f"{error!r}: {' '.join(where[-6:])}")


def _broken(seed: int, says: str) -> Result:
    return Result(
        seed=seed,
        violations=[Violation("0 crash", says[:1500])],
        steps=0,
        marks=Marks(),
        crashed_at=[],
        engine_steps=[],
        rest_ns=0,
        most={},
        digest="",
        log=[],
        events=[],
    )


def chunk(first: int, count: int, wire: bool = False) -> Tally:
    tally = Tally()
    for seed in range(first, first + count):
        tally.add(one(Plan(seed, wire=wire)))
    return tally


def catch(name: str, seeds: Iterable[int], wire: bool = False) -> Caught:
    """Run seeds with this fault planted until one is caught."""
    tried = 0
    with planted(mutant_named(name)):
        for seed in seeds:
            tried += 1
            violations = one(Plan(seed, wire=wire)).violations
            if violations:
                return Caught(name, seed, violations[0].check, tried)
    return Caught(name, None, "", tried)


def replay(plan: Plan, mutant: str = "") -> Replay:
    """One world again, with its journal."""
    with planted(mutant_named(mutant) if mutant else None):
        made = world(plan, trace=True)
        result = made.run()
    journal = [
        f"{entry.seq:5} {(entry.ts_ns - made.loop.wall_start_ns) / SECOND_NS:9.3f} {_line(entry.record)}"
        for entry in made.disk.entries()
    ]
    return Replay(result, journal, kinds_fired(result, plan.wire))


def kinds_fired(result: Result, wire: bool = False) -> list[str]:
    return [kind for kind in all_kinds(wire) if kind in result.marks.count]


def _line(record: Struct) -> str:
    body = msgspec.json.encode(msgspec.structs.asdict(record)).decode()
    return f"{type(record).__name__} {body}"
