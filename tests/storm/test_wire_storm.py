"""Wire storms of every test run: adapters against testnets, 300 seeds, planted faults, kept seeds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kedge.storm import wire_weather
from kedge.storm.moex_mutants import MOEX_MUTANTS
from kedge.storm.mutants import planted
from kedge.storm.plan import Plan
from kedge.storm.rings import kept_seeds, moex_seeds, mutant_named
from kedge.storm.run import Tally, catch, chunk, one
from kedge.storm.wire_mutants import WIRE_MUTANTS

CHUNKS, CHUNK = 12, 25
MUTANT_SEEDS = 600
MOEX_CHUNKS, MOEX_CHUNK, MOEX_MUTANT_SEEDS = 4, 25, 150
ROOT = Path(__file__).parents[2]
DIGESTS = """
import sys
from kedge.storm.plan import Plan
from kedge.storm.run import one
print(" ".join(one(Plan(int(seed), wire=True), trace=True).digest for seed in sys.argv[1:]))
"""


def told(tally: Tally) -> str:
    return "\n".join(f"seed {f.seed}: {v.check}: {v.says}" for f in tally.failures for v in f.violations)


@pytest.mark.parametrize("place", range(CHUNKS))
def test_seeds(place: int) -> None:
    tally = chunk(place * CHUNK, CHUNK, True)
    assert not tally.failures, told(tally)
    assert tally.seeds == CHUNK


@pytest.mark.parametrize("place", range(MOEX_CHUNKS))
def test_seeds_of_the_moscow_exchange(place: int) -> None:
    """More of them than their share among the seeds above."""
    tally = Tally()
    for seed in moex_seeds(MOEX_CHUNKS * MOEX_CHUNK)[place::MOEX_CHUNKS]:
        tally.add(one(Plan(seed, wire=True)))
    assert not tally.failures, told(tally)
    assert tally.seeds == MOEX_CHUNK


@pytest.mark.parametrize("seed", kept_seeds(True) or [0])
def test_seeds_that_once_failed(seed: int) -> None:
    result = one(Plan(seed, wire=True))
    assert not result.violations, result.violations


@pytest.mark.parametrize("name", [mutant.name for mutant in WIRE_MUTANTS])
def test_planted_faults_are_caught(name: str) -> None:
    caught = catch(name, range(MUTANT_SEEDS), True)
    assert caught.seed is not None, f"{name}: not caught within {MUTANT_SEEDS} seeds; the storm is blind"


@pytest.mark.parametrize("name", [mutant.name for mutant in MOEX_MUTANTS])
def test_planted_faults_of_tinvest_are_caught(name: str) -> None:
    caught = catch(name, moex_seeds(MOEX_MUTANT_SEEDS), True)
    assert caught.seed is not None, (
        f"{name}: not caught within {MOEX_MUTANT_SEEDS} worlds; the storm is blind"
    )


def test_a_planted_fault_leaves_nothing_behind() -> None:
    before = one(Plan(3, wire=True), trace=True).digest
    for mutant in (*WIRE_MUTANTS, *MOEX_MUTANTS):
        with planted(mutant_named(mutant.name)):
            pass
    assert one(Plan(3, wire=True), trace=True).digest == before


def test_one_seed_is_one_run_in_every_process() -> None:
    seeds = ("1", "8", "13", "15")
    here = " ".join(one(Plan(int(seed), wire=True), trace=True).digest for seed in seeds)
    for hash_seed in ("0", "4242"):
        there = subprocess.run(
            [sys.executable, "-c", DIGESTS, *seeds],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_everything_is_named_on_the_page() -> None:
    page = (ROOT / "docs" / "storms.md").read_text()
    for name in (*wire_weather.KINDS, *wire_weather.RARE):
        assert f"`{name}`" in page, name
    for mutant in (*WIRE_MUTANTS, *MOEX_MUTANTS):
        assert f"| `{mutant.name}` | {mutant.says} |" in page
