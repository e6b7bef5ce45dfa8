"""Many runs: which strikes, on how many sites at once, and what came of them all.

The first run of each campaign is dry and learns how many boundaries a life has. After it come, in this
order and again from the start with other seeds until there are enough: every boundary of the engine's loop,
every boundary of the disk, power cuts, second deaths during the recovery, and deaths of the exchanges.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct, field

from tests.crash.points import DEADLY, EXCHANGES, Act, Family, Strike
from tests.crash.rig import Plan, Run, play
from tests.crash.scene import PAPER, Scene
from tests.crash.sites import Site

# A recovery has fewer boundaries than a whole life: a second blow falls early.
SECOND_MOST = 40
FAMILIES: tuple[Family, ...] = ("desk", "disk")


class Shares(Struct, frozen=True):
    """Of each hundred kills, how many are of which kind; the rest strike the disk's boundaries."""

    desk: int = 40
    cut: int = 12
    twice: int = 14
    exchanges: int = 14
    deeds: int = 0


# With real protocols most boundaries are greetings and questions: those of orders are struck by name, too.
WIRE_SHARES = Shares(desk=20, cut=10, twice=14, exchanges=20, deeds=24)
DEEDS = (
    *("append durable Intent", "place left", "place answered", "heard OrderNews", "heard FillNews"),
    *("amend left", "amend answered", "cancel left", "cancel answered"),
)
DEEDS_MOST = 8


class Summary(Struct):
    runs: int = 0
    kills: int = 0  # blows that fell on a desk or an exchange, each process counted once
    kills_of_desk: int = 0
    power_cuts: int = 0
    kills_of_exchanges: int = 0
    second_kills: int = 0  # of a desk that was recovering
    not_reached: int = 0
    lives: int = 0
    desk_boundaries: int = 0  # in the dry run
    disk_boundaries: int = 0
    desk_struck: int = 0  # different ones among them
    disk_struck: int = 0
    struck: dict[str, int] = field(default_factory=dict)  # by what was going on
    checked: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    run_seconds_median: float = 0.0
    broken: list[str] = field(default_factory=list)


class Campaign:
    def __init__(
        self,
        folder: Path,
        *,
        sites: int = 2,
        seed: int = 1,
        shares: Shares | None = None,
        scene: Scene = PAPER,
    ) -> None:
        self.folder = folder
        self.scene = scene
        self.summary = Summary()
        self.runs: list[Run] = []
        self._sites = sites
        self._seed = seed
        self._shares = shares or Shares()
        self._number = 0
        self._reached: dict[tuple[str, int], None] = {}
        self._took: list[float] = []

    async def run(self, kills: int, say: bool = False) -> Summary:
        """Play until so many blows have fallen."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        dry: asyncio.Future[tuple[int, int]] = loop.create_future()
        async with asyncio.TaskGroup() as group:
            for number in range(self._sites):
                group.create_task(self._at_site(number, kills, dry, say))
        self.summary.seconds = round(loop.time() - began, 1)
        self.summary.run_seconds_median = round(sorted(self._took)[len(self._took) // 2], 2)
        self.summary.desk_struck = sum(1 for family, _ in self._reached if family == "desk")
        self.summary.disk_struck = sum(1 for family, _ in self._reached if family == "disk")
        return self.summary

    async def _at_site(
        self, number: int, kills: int, dry: asyncio.Future[tuple[int, int]], say: bool
    ) -> None:
        async with Site.start(self.folder / f"s{number}", self.scene) as site:
            if number == 0:
                run = await self._play(site, Plan(self._next()))
                dry.set_result((len(run.lives[0].desk), len(run.lives[0].disk)))
                self.summary.desk_boundaries, self.summary.disk_boundaries = dry.result()
                self._plans = plans(self._seed, *dry.result(), kills, self._shares)
            await asyncio.shield(dry)
            while self.summary.kills < kills:
                strikes = next(self._plans)
                run = await self._play(site, Plan(self._next(), strikes, self._number))
                if say and (run.broken or self.summary.runs % 50 == 0):
                    text = (
                        run.story() if run.broken else f"{self.summary.runs} runs, {self.summary.kills} kills"
                    )
                    print(text, flush=True)

    async def _play(self, site: Site, plan: Plan) -> Run:
        run = await play(site, plan)
        self._took.append(run.took_s)
        self._count(run)
        if run.broken:
            self.summary.broken.append(run.story())
        return run

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _count(self, run: Run) -> None:
        summary = self.summary
        summary.runs += 1
        summary.lives += len(run.lives)
        summary.checked = dict(Counter(summary.checked) + Counter(run.counts))
        for life, passed in enumerate(run.lives, 1):
            strike = run.plan.strike(life)
            if strike.at and not passed.struck:
                summary.not_reached += 1
            if not passed.struck:
                continue
            exchanges = len(EXCHANGES.get(strike.act, ()))
            desk = strike.act in DEADLY
            summary.kills += desk + exchanges
            summary.kills_of_desk += desk
            summary.kills_of_exchanges += exchanges
            summary.power_cuts += strike.act == "cut"
            summary.second_kills += desk and life > 1
            if life == 1 and not strike.words:
                self._reached[(strike.family, strike.at)] = None
            label = " ".join(passed.struck.split()[:3])
            summary.struck[label] = summary.struck.get(label, 0) + 1


def plans(seed: int, desk: int, disk: int, kills: int, shares: Shares) -> Iterator[tuple[Strike, ...]]:
    """Strikes for one run after another, without end. Few kills are spread over all boundaries evenly."""
    chance = random.Random(seed)
    total = sum(msgspec.structs.astuple(shares))
    on_desk = _spread(desk, max(1, kills * shares.desk // 100), chance)
    on_disk = _spread(disk, max(1, kills * (100 - total) // 100), chance)
    turn = _turns(shares)
    while True:
        match next(turn):
            case "desk":
                yield (Strike("desk", next(on_desk)),)
            case "disk":
                yield (Strike("disk", next(on_disk)),)
            case "cut":
                family: Family = chance.choice(FAMILIES)
                yield (Strike(family, 1 + chance.randrange(desk if family == "desk" else disk), "cut"),)
            case "twice":
                second: Act = chance.choice(("kill", "kill", "cut"))
                family = chance.choice(FAMILIES)
                first = Strike("desk", 10 + chance.randrange(desk - 10))
                yield first, Strike(family, 1 + chance.randrange(SECOND_MOST), second)
            case "deeds":
                yield (_at_deed(chance, chance.choice(("kill", "kill", "cut"))),)
            case _:
                act: Act = chance.choice(("alpha", "beta", "exchanges", "all"))
                if shares.deeds and chance.random() < 0.5:
                    yield (_at_deed(chance, act),)
                else:
                    yield (Strike("desk", 10 + chance.randrange(desk - 10), act),)


def _at_deed(chance: random.Random, act: Act) -> Strike:
    words = chance.choice(DEEDS)
    # There are fewer changes than orders.
    most = 2 if words.startswith(("amend", "cancel")) else DEEDS_MOST
    return Strike("desk", 1 + chance.randrange(most), act, words)


def _spread(boundaries: int, wanted: int, chance: random.Random) -> Iterator[int]:
    """Every boundary in turn where there are kills enough for it, else evenly among them."""
    step = max(1.0, boundaries / wanted)
    while True:
        at = chance.random() * step
        while at < boundaries:
            yield 1 + int(at)
            at += step


def _turns(shares: Shares) -> Iterator[str]:
    """Kinds in their proportion, mixed, so that a campaign cut short has some of each."""
    owed = {
        "desk": shares.desk,
        "disk": 100 - sum(msgspec.structs.astuple(shares)),
        "cut": shares.cut,
        "twice": shares.twice // 2,  # two kills each
        "exchanges": shares.exchanges * 2 // 3,  # some of them are two or three kills
        "deeds": shares.deeds,
    }
    credit = dict.fromkeys(owed, 0.0)
    total = sum(owed.values())
    while True:
        for kind, share in owed.items():
            credit[kind] += share / total
        kind = max(credit, key=lambda one: credit[one])
        credit[kind] -= 1
        yield kind
