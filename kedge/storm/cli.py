"""`kedge storm`: run many seeds, sweep crashes, replay one world.

    kedge storm --seeds 2000                  seeds and planted faults; 0 only when all is well
    kedge storm --seed 123 --verbose          one world again, with its log, journal and last steps
    kedge storm --sweep --scenario all        a crash at every step of short scenarios
    kedge storm --wire --seeds 300            the venues' own protocols instead of the `Venue` protocol

Progress goes to stderr, the result to stdout. A failing seed prints the command that repeats it and the
shortest case found, and is added to `storm-failures.txt` in KEDGE_HOME (else in the current folder).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from kedge import __version__
from kedge.model.exits import Exit
from kedge.storm.crew import Crew, default_jobs
from kedge.storm.mutants import planted
from kedge.storm.plan import MS, Plan, Spans, all_kinds
from kedge.storm.report import Verdict, as_data, failure_lines, json_line, lines
from kedge.storm.rings import PLANTED, mutant_named
from kedge.storm.run import Caught, Replay, Tally, catch, chunk, one, replay
from kedge.storm.shrink import Shrinker
from kedge.storm.sweep import SCENARIOS, SHORTEST, WEATHERS, Swept, sweep_part, sweep_twice_part

CHUNK = 50
SHRINK_MOST = 3  # failing seeds that are shrunk in one run
SHRINK_S = 20.0
ALL = "all-of-them"


def main(arguments: list[str]) -> int:
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # how argparse says "done" or "usage"
        return Exit.OK if not stop.code else Exit.USAGE
    try:
        if options.seed is not None:
            return _replay(options)
        return _sweep(options) if options.sweep else _seeds(options)
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return Exit.USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kedge storm", description=main.__doc__ or "Seeded storms.")
    add = parser.add_argument
    add("--seeds", type=int, default=2000, metavar="N", help="how many seeds to run (2000)")
    add("--from", type=int, default=0, dest="first", metavar="A", help="the first seed (0)")
    add("--jobs", type=int, default=default_jobs(), metavar="J", help="processes (one per core)")
    add("--wire", action="store_true", help="real adapters against the testnets, in their own dialects")
    add("--time", type=float, default=0.0, metavar="S", help="begin no new seeds after so many seconds")
    add("--mutants", action=argparse.BooleanOptionalAction, default=True, help="plant faults too (yes)")
    add("--mutant-seeds", type=int, default=2000, metavar="N", help="seeds to catch each within (2000)")
    add("--json", action="store_true", help="one last line of JSON on stdout")
    add("--sweep", action="store_true", help="crash at every step of short scenarios")
    names = [ALL, *(scenario.name for scenario in SCENARIOS)]
    add("--scenario", choices=names, default=ALL, help="which scenario to sweep")
    add("--seed", type=int, metavar="N", help="replay one seed")
    add("--mutant", default="", metavar="NAME", help="with --seed: plant this fault")
    add("--verbose", action="store_true", help="with --seed: print log, journal and last steps")
    add("--shrink", action="store_true", help="with --seed: look for the shortest case that fails so")
    add("--crash-at", type=_numbers, default=(), metavar="K[,K]", help="with --seed: cut the power there")
    add("--without", type=_names, default=(), metavar="KINDS", help="with --seed: these faults do not exist")
    add("--only", type=_names, default=None, metavar="KINDS", help="with --seed: no faults but these")
    add("--wishes", type=_numbers, default=None, metavar="N[,N]", help="with --seed: only these wishes")
    add("--storm-ms", type=int, default=0, metavar="MS", help="with --seed: how long the storm lasts")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(int(word) for word in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


# ── many seeds ──────────────────────────────────────────────────────────────────────────────────


def _seeds(options: argparse.Namespace) -> int:
    verdict = Verdict(options.first, Tally(), version=__version__, wire=options.wire)
    began = _now()
    with Crew(max(1, options.jobs)) as crew:
        jobs = ((*job, options.wire) for job in _chunks(options.first, max(0, options.seeds)))
        for tally in crew.work(chunk, jobs, _bell(options.time)):
            verdict.tally.merge(tally)
            verdict.seconds = _now() - began
            _progress(f"{verdict.tally.seeds:,} seeds, {verdict.tally.violations} violations")
        if options.mutants:
            _plant(crew, verdict, options.mutant_seeds, options.wire)
    for failure in verdict.tally.failures:
        _remember(failure.seed, options.wire)
    _say(options, "\n".join(lines(verdict)))
    for place, failure in enumerate(verdict.tally.failures):
        _say(options, "\n".join(failure_lines(failure, options.wire)))
        if place < SHRINK_MOST:
            _say(options, _shortest(Plan(failure.seed, wire=options.wire), ""))
    if options.json:
        print(json_line(as_data(verdict)))
    return Exit.OK if verdict.good else Exit.REFUSED


def _chunks(first: int, count: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + count, CHUNK):
        yield start, min(CHUNK, first + count - start)


def _plant(crew: Crew, verdict: Verdict, seeds: int, wire: bool) -> None:
    began = _now()
    mutants = PLANTED[wire]
    verdict.planted = len(mutants)
    found: list[Caught] = []
    for caught in crew.work(catch, ((mutant.name, range(seeds), wire) for mutant in mutants)):
        found.append(caught)
        _progress(f"{len(found)} of {len(mutants)} planted faults tried")
    verdict.caught = found
    verdict.mutant_seconds = _now() - began


def _remember(seed: int, wire: bool) -> None:
    """A failing seed is noted where the person runs storms, never in the package."""
    home = os.environ.get("KEDGE_HOME")
    folder = Path(home) if home and Path(home).is_dir() else Path.cwd()
    path = folder / ("wire-storm-failures.txt" if wire else "storm-failures.txt")
    known = path.read_text().split() if path.exists() else []
    if str(seed) not in known:
        with path.open("a") as file:
            file.write(f"{seed}\n")


# ── one seed ────────────────────────────────────────────────────────────────────────────────────


def _replay(options: argparse.Namespace) -> int:
    without = options.without
    if options.only is not None:
        without = (*without, *(kind for kind in all_kinds(options.wire) if kind not in options.only))
    plan = Plan(
        options.seed, crash_at=options.crash_at, without=without, kept=options.wishes, wire=options.wire
    )
    if options.storm_ms:
        plan = replace(plan, spans=Spans(storm_ns=options.storm_ms * MS))
    found = replay(plan, options.mutant)
    result = found.result
    if options.verbose:
        _say(options, "\n".join(_story(found)))
    ends = f"{result.steps} steps, {len(result.crashed_at)} crashes, digest {result.digest}"
    _say(options, f"seed {plan.seed}: {ends}; faults: {', '.join(found.kinds) or 'none'}")
    for violation in result.violations:
        _say(options, f"  {violation.check}: {violation.says}")
    if not result.violations:
        _say(options, "  no violation")
    elif options.shrink:
        _say(options, _shortest(plan, options.mutant))
    if options.json:
        print(json_line(_replay_data(found)))
    return Exit.REFUSED if result.violations else Exit.OK


def _story(found: Replay) -> list[str]:
    story = ["log", *found.result.log, "", "journal", *found.journal, ""]
    if found.result.events:
        story += ["the last steps before the first violation, by actor"]
        story += [f"  {line}" for line in _by_actor(found.result.events)]
    return [*story, ""]


def _by_actor(events: Sequence[str]) -> list[str]:
    """Each actor in a column of its own, so that who did what reads down the page."""
    split = [event.split(": ", 1) for event in events]
    actors = list(dict.fromkeys(left.split()[-1] for left, _ in split))
    found = ["  ".join(f"[{place}] {actor}" for place, actor in enumerate(actors))]
    for left, what in split:
        now, actor = left.split()
        place = actors.index(actor)
        found.append(f"{int(now) / 1e9:12.6f} {'    ' * place}[{place}] {what}")
    return found


def _replay_data(found: Replay) -> dict[str, object]:
    result = found.result
    return {
        "seed": result.seed,
        "violations": [{"check": v.check, "says": v.says} for v in result.violations],
        "steps": result.steps,
        "crashes": len(result.crashed_at),
        "digest": result.digest,
        "faults": found.kinds,
        "version": __version__,
    }


def _shortest(plan: Plan, mutant: str) -> str:
    """The shortest case that fails in the same way, and the command that repeats it."""
    with planted(mutant_named(mutant) if mutant else None):
        shrunk = Shrinker(_bell(SHRINK_S), one).shrink(plan)
    command = shrunk.plan.words() + (f" --mutant {mutant}" if mutant else "")
    return (
        f"  shortest: {shrunk.sentence()}\n  {shrunk.check}: {shrunk.says}\n  replay:   {command} --verbose"
    )


# ── crash at every step ─────────────────────────────────────────────────────────────────────────


def _sweep(options: argparse.Namespace) -> int:
    hands = max(1, options.jobs)
    names = [s.name for s in SCENARIOS if options.scenario in (ALL, s.name)]
    parts = 2 * hands if hands > 1 else 1
    jobs = [(name, weather, part, parts) for name in names for weather in WEATHERS for part in range(parts)]
    began = _now()
    found: list[Swept] = []
    with Crew(hands) as crew:
        for swept in crew.work(sweep_part, jobs):
            found.append(swept)
            _progress(f"{sum(s.points for s in found):,} crash points")
        twice = [job for job in jobs if job[0] == SHORTEST]
        for swept in crew.work(sweep_twice_part, twice):
            found.append(swept)
            _progress(f"{sum(s.points for s in found):,} crash points")
    tally = Tally()
    for swept in found:
        tally.merge(swept.tally)
    _say(options, "\n".join(_sweep_lines(found, _now() - began)))
    if options.json:
        points = sum(swept.points for swept in found)
        data = {"crash_points": points, "violations": tally.violations, "steps": tally.steps}
        print(json_line({**data, "seconds": round(_now() - began, 3), "version": __version__}))
    return Exit.REFUSED if tally.violations else Exit.OK


def _sweep_lines(found: list[Swept], seconds: float) -> list[str]:
    sums: dict[tuple[str, str, int], list[int]] = {}
    for swept in found:
        row = sums.setdefault((swept.scenario, swept.weather, swept.crashes), [0, 0])
        row[0] += swept.points
        row[1] += swept.tally.violations
    told = [f"{'scenario':<12}{'weather':<10}{'crashes':>8}{'points':>9}{'violations':>12}"]
    for (name, weather, crashes), (points, violations) in sorted(sums.items(), key=lambda item: item[0]):
        told.append(f"{name:<12}{weather:<10}{crashes:>8}{points:>9,}{violations:>12}")
    points = sum(swept.points for swept in found)
    told.append(f"{points:,} crash points in {seconds:.1f} s")
    for swept in found:
        for plan, failure in zip(swept.plans, swept.tally.failures, strict=False):
            said = failure.violations[0]
            told.append(f"{swept.scenario} in {swept.weather} weather, crash at {plan.crash_at}: {said.says}")
    return told


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(text, flush=True)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="", file=sys.stderr, flush=True)


def _now() -> float:
    return time.monotonic()  # storm-ok: how long a storm took, for people; nothing in it looks


class _Bell:
    """Rings after so many seconds; never where that is 0."""

    def __init__(self, seconds: float) -> None:
        self._until = _now() + seconds if seconds > 0 else None

    def __call__(self) -> bool:
        return self._until is not None and _now() >= self._until


_bell = _Bell
