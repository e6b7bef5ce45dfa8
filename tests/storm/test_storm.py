"""The storms of every test run: 2,000 seeds in chunks, planted faults, kept seeds, the sweep, equal digests.

Chunks leave their sums in a folder that all workers of the run share, so that the test of the marks need
not run them again; run alone, it runs as many chunks as it takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from kedge.storm.plan import Plan
from kedge.storm.report import missing_marks
from kedge.storm.rings import PLANTED, kept_seeds
from kedge.storm.run import Tally, catch, chunk, one
from kedge.storm.shrink import Shrinker
from kedge.storm.sweep import SCENARIOS, SHORTEST, WEATHERS, Swept, sweep_part, sweep_twice_part

CHUNKS, CHUNK = 20, 100
MUTANT_SEEDS = 2_000
SWEEP_PARTS = 3
DIGEST_SEEDS = (0, 3, 11, 42)
# A digest in a process of its own, after `warm` worlds that have nothing to do with it.
DIGESTS = """
import sys
from kedge.storm.run import one
for seed in range(1000, 1000 + int(sys.argv[1])):
    one(seed)
garbage = [object() for _ in range(int(sys.argv[1]) * 1000)]
print(" ".join(one(int(seed), trace=True).digest for seed in sys.argv[2:]))
"""


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run see."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "storm-chunks"
    folder.mkdir(exist_ok=True)
    return folder


def chunk_tally(shared: Path, place: int) -> Tally:
    """The sums of one chunk: from the folder, or run now and left there."""
    path = shared / f"{place}.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Tally)
    tally = chunk(place * CHUNK, CHUNK)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(msgspec.json.encode(tally))
    unfinished.replace(path)
    return tally


def told(tally: Tally) -> str:
    return "\n".join(f"seed {f.seed}: {v.check}: {v.says}" for f in tally.failures for v in f.violations)


# ── seeds ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", range(CHUNKS))
def test_seeds(place: int, shared: Path) -> None:
    tally = chunk_tally(shared, place)
    assert not tally.failures, told(tally)
    assert tally.seeds == CHUNK


@pytest.mark.parametrize("seed", kept_seeds(False))
def test_seeds_that_once_failed(seed: int) -> None:
    result = one(seed)
    assert not result.violations, result.violations


# ── planted faults ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [mutant.name for mutant in PLANTED[False]])
def test_planted_faults_are_caught(name: str) -> None:
    caught = catch(name, range(MUTANT_SEEDS))
    assert caught.seed is not None, f"{name}: not caught within {MUTANT_SEEDS} seeds; the storm is blind"


def test_a_planted_fault_leaves_nothing_behind() -> None:
    before = one(3, trace=True).digest
    for mutant in PLANTED[False]:
        catch(mutant.name, range(1))
    assert one(3, trace=True).digest == before


# ── a crash at every step ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("part", range(SWEEP_PARTS))
@pytest.mark.parametrize("weather", WEATHERS)
@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_sweep(scenario: str, weather: str, part: int) -> None:
    swept_well(sweep_part(scenario, weather, part, SWEEP_PARTS))


@pytest.mark.parametrize("weather", WEATHERS)
def test_sweep_with_two_crashes(weather: str) -> None:
    swept_well(sweep_twice_part(SHORTEST, weather))


def swept_well(swept: Swept) -> None:
    crashes = [f"{plan.crash_at}" for plan in swept.plans]
    assert not swept.tally.failures, f"{swept.scenario} crashed at {', '.join(crashes)}: {told(swept.tally)}"
    assert swept.points > 30


# ── equal runs ──────────────────────────────────────────────────────────────────────────────────


def test_one_seed_is_one_run_in_every_process() -> None:
    """Whatever the hash seed, and whatever ran in the process before."""
    seeds = [str(seed) for seed in DIGEST_SEEDS]
    here = " ".join(one(seed, trace=True).digest for seed in DIGEST_SEEDS)
    for hash_seed, warm in (("0", "0"), ("1", "3"), ("4242", "1")):
        there = subprocess.run(
            [sys.executable, "-c", DIGESTS, warm, *seeds],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_seeds_differ() -> None:
    digests = [one(seed, trace=True).digest for seed in DIGEST_SEEDS]
    assert len(dict.fromkeys(digests)) == len(DIGEST_SEEDS)


# ── shrinking ───────────────────────────────────────────────────────────────────────────────────


def test_a_failure_shrinks_to_a_short_case_that_its_command_line_repeats() -> None:
    from kedge.storm.mutants import planted
    from kedge.storm.run import mutant_named

    with planted(mutant_named("forget-late-fill")):
        seed = next(seed for seed in range(100) if one(seed).violations)
        tries = Tries(60)
        shrunk = Shrinker(tries.over).shrink(Plan(seed))
        again = one(shrunk.plan)
    assert any(violation.check == shrunk.check for violation in again.violations)
    assert shrunk.bots == 1
    assert len(shrunk.kinds) <= 2
    assert f"--seed {seed}" in shrunk.plan.words()
    assert shrunk.plan.words().count(",") < 12  # short enough to be read


class Tries:
    """Time is over after so many questions: tests do not look at clocks."""

    def __init__(self, most: int) -> None:
        self.left = most

    def over(self) -> bool:
        self.left -= 1
        return self.left < 0


# ── nothing was missed: last, so that most chunks have been run by then ─────────────────────────


def test_every_fault_and_rare_branch_was_seen(shared: Path) -> None:
    corpus = Tally()
    for place in range(CHUNKS):
        corpus.merge(chunk_tally(shared, place))
        if not missing_marks(corpus):
            return
    assert not missing_marks(corpus), f"never seen in {corpus.seeds} seeds: {missing_marks(corpus)}"
