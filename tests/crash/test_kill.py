"""Real crashes of the whole desk: SIGKILL at every boundary, power cuts, deaths of the exchanges.

Forty blows here; `python -m tests.crash.long --kills 500` deals as many as one likes, and KEDGE_LONG=1 has
this file do so. What is checked, and how a strike is aimed, is in docs/crashes.md.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.crash.campaign import Campaign, Shares, plans
from tests.crash.points import Act, Strike, has_words
from tests.crash.rig import Plan, Run, play
from tests.crash.sites import Site

LONG = bool(os.environ.get("KEDGE_LONG"))
KILLS = 1000 if LONG else 40


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name: sockets live below it. Kept when something was broken in it."""
    with tempfile.TemporaryDirectory(prefix="kk-") as name:
        yield Path(name)


def run_plans(folder: Path, *plans: Plan) -> list[Run]:
    async def go() -> list[Run]:
        async with Site.start(folder) as site:
            return [await play(site, plan) for plan in plans]

    return asyncio.run(go())


def test_killed_anywhere_nothing_is_lost_and_nothing_is_done_twice(folder: Path) -> None:
    summary = asyncio.run(Campaign(folder, seed=20).run(KILLS))
    assert not summary.broken, "\n".join(summary.broken)
    assert summary.kills >= KILLS
    # The blows were real ones: some fell where it hurts.
    assert summary.second_kills
    assert summary.power_cuts
    assert summary.kills_of_exchanges
    assert summary.checked["orders at the exchange whose answer was lost"]


PLACES = [
    *("append before Intent", "append queued Intent", "append durable Intent"),
    *("place before", "place left", "place answered"),
]


def test_at_each_step_of_one_order_on_its_way(folder: Path) -> None:
    """The eight stops of an order: struck at each once, desk alone and with both exchanges."""
    acts: tuple[Act, ...] = ("kill", "all") if LONG else ("kill",)
    strikes = [Strike("desk", 2, act, place) for place in PLACES for act in acts]
    runs = run_plans(folder, *(Plan(number, (one,)) for number, one in enumerate(strikes, 1)))
    broken = [run.story() for run in runs if run.broken]
    assert not broken, "\n".join(broken)
    for run, strike in zip(runs, strikes, strict=True):
        assert has_words(run.struck[0], strike.words)
    # An order that had left was at the exchange, though nobody had been told so.
    left = runs[PLACES.index("place left") * len(acts)]
    assert left.counts["orders at the exchange whose answer was lost"]


@pytest.mark.parametrize(
    ("mutant", "label", "check"),
    [
        ("acts before it writes", "place left", "1 intent first"),
        ("takes doubt for no", "place left", "0 alarm"),
        ("books fills again", "place answered", "3 fills once"),
    ],
)
def test_the_checks_are_not_blind(folder: Path, mutant: str, label: str, check: str) -> None:
    """A desk with a fault planted in it is found out within a few kills."""
    said: list[str] = []

    async def go() -> None:
        async with Site.start(folder) as site:
            for number in range(1, 13):
                strike = Strike("desk", 2 + number % 4, "cut" if number % 2 else "kill", label)
                run = await play(site, Plan(number, (strike,), mutant=mutant))
                said.extend(run.broken)
                if any(one.startswith(check) for one in said):
                    return

    asyncio.run(go())
    assert any(one.startswith(check) for one in said), said


def test_few_kills_are_spread_and_many_reach_every_boundary() -> None:
    def struck(kills: int, runs: int) -> list[Strike]:
        made = plans(1, 100, 300, kills, Shares(100, 0, 0, 0))
        return [next(made)[0] for _ in range(runs)]

    assert {one.at for one in struck(100, 100)} == set(range(1, 101))
    few = sorted(one.at for one in struck(10, 10))
    assert all(5 < later - earlier < 15 for earlier, later in pairwise(few))
