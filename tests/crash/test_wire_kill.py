"""Real crashes with real protocols: the desk, Bybit's testnet and Binance's, and the venues' own adapters.

Twenty blows here; `python -m tests.crash.long --wire --kills 300` deals as many as one likes, and
KEDGE_LONG=1 has this file do so. What is checked is the same as with paper exchanges (docs/crashes.md).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.campaign import WIRE_SHARES, Campaign
from tests.crash.points import Strike
from tests.crash.rig import Plan, play
from tests.crash.sites import Site
from tests.crash.wire_scene import WIRE

LONG = bool(os.environ.get("KEDGE_LONG"))
KILLS = 300 if LONG else 10


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name: sockets live below it. Kept when something was broken in it."""
    with tempfile.TemporaryDirectory(prefix="kx-") as name:
        yield Path(name)


# One order on its way, its news, its change and its end; then the venues under it, and all at once.
PLACES = [
    Strike("desk", 2, "kill", "place left"),
    Strike("desk", 4, "kill", "place left"),
    Strike("desk", 5, "kill", "place answered"),
    Strike("desk", 3, "cut", "heard FillNews"),
    Strike("desk", 1, "kill", "amend left"),
    Strike("desk", 1, "kill", "cancel left"),
    Strike("desk", 3, "alpha", "place left"),
    Strike("desk", 3, "beta", "place left"),
    Strike("desk", 4, "all", "place left"),
]


def test_at_each_step_of_an_order_on_its_way(folder: Path) -> None:
    runs = []

    async def go() -> None:
        async with Site.start(folder, WIRE) as site:
            for number, strike in enumerate(PLACES, 1):
                runs.append(await play(site, Plan(number, (strike,), number)))

    asyncio.run(go())
    broken = [run.story() for run in runs if run.broken]
    assert not broken, "\n".join(broken)
    assert sum(len(run.struck) for run in runs) >= len(PLACES) - 2  # prices may leave nothing to amend
    # An order that had left was at the venue, though nobody had been told so.
    assert sum(run.counts.get("orders at the exchange whose answer was lost", 0) for run in runs)


def test_killed_anywhere_nothing_is_lost_and_nothing_is_done_twice(folder: Path) -> None:
    campaign = Campaign(folder, sites=1, seed=3, shares=WIRE_SHARES, scene=WIRE)
    summary = asyncio.run(campaign.run(KILLS))
    assert not summary.broken, "\n".join(summary.broken)
    assert summary.kills >= KILLS


MUTANTS = {
    "acts before it writes": (Strike("desk", 2, "cut", "place left"), "1 intent first"),
    "takes doubt for no": (Strike("desk", 2, "kill", "place left"), "0 alarm"),
    "names fills otherwise": (Strike("desk", 3, "kill", "place answered"), "3 fills once"),
}
TRIES = 8


def test_the_checks_are_not_blind(folder: Path) -> None:
    """A desk with a fault planted in it is found out within a few kills."""
    said: dict[str, list[str]] = {mutant: [] for mutant in MUTANTS}

    async def go() -> None:
        numbers = itertools.count(1)
        async with Site.start(folder, WIRE) as site:
            for mutant, (strike, check) in MUTANTS.items():
                for _ in range(TRIES):
                    run = await play(site, Plan(next(numbers), (strike,), mutant=mutant))
                    said[mutant] += run.broken
                    if any(one.startswith(check) for one in said[mutant]):
                        break

    asyncio.run(go())
    for mutant, (_, check) in MUTANTS.items():
        assert any(one.startswith(check) for one in said[mutant]), (mutant, said[mutant])
