"""The rig: a site with two exchanges, a desk, people, and a market that nudges.

    async with Site.start(folder) as site:
        run = await play(site, Plan(...))
        assert not run.broken

A run is one desk in a fresh home on fresh accounts. People give it the bots of the scene, among them a hedge,
two pegs and a pair across both exchanges, through the real client and under fixed command ids; they close the
hedge, and stop everything once the work is done. Whenever the desk dies it is started again the ordinary way
and every command is given again under its old id. At the end, and after each death, `truth.py` judges from
outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from kedge import client
from kedge.client import Desk, DeskAway, Refused
from kedge.model.looks import Status
from kedge.model.records import CommandTaken
from tests.crash import truth
from tests.crash.disk import Trouble
from tests.crash.points import Passed, Strike, read_log
from tests.crash.sites import Site
from tests.crash.worker import Ended, Job, log_of, logs_of, points_of

# A run that has not come to its end after so long is stuck.
RUN_S = 240.0
LIVES_MAX = 12
# So long people leave the bots to their work before they stop them anyway.
WORK_S = 30.0
POLL_S = 0.015


# ── one run ─────────────────────────────────────────────────────────────────────────────────────


class Plan(Struct, frozen=True):
    """What is done to one desk: a strike for each of its lives; lives beyond them are left in peace."""

    number: int
    strikes: tuple[Strike, ...] = ()
    seed: int = 0
    trouble: Trouble = Trouble()  # of the first life
    mutant: str = ""
    # Numbers a life may end with beside 0, because the disk is bad.
    exits: tuple[int, ...] = ()

    def strike(self, life: int) -> Strike:
        return self.strikes[life - 1] if life <= len(self.strikes) else Strike()


Between = Callable[[Path, int], None]


class Given(Struct, frozen=True):
    """A command and what was answered, with the life that answered."""

    life: int
    ok: bool
    says: str


class Run(Struct):
    """What came of it."""

    plan: Plan
    home: Path
    accounts: dict[str, str]
    lives: list[Passed] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)
    answers: dict[str, list[Given]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def struck(self) -> list[str]:
        return [passed.struck for passed in self.lives if passed.struck]

    def story(self) -> str:
        """For the person who has to find out."""
        strikes = ", ".join(str(strike) for strike in self.plan.strikes) or "no strikes"
        lines = [f"run {self.plan.number} ({strikes}; struck: {'; '.join(self.struck) or 'nothing'}):"]
        return "\n".join([*lines, *(f"    {said}" for said in self.broken), f"    home: {self.home}"])


async def play(site: Site, plan: Plan, *, between: Between | None = None) -> Run:
    """Play one plan to its end and judge it. The home is removed when nothing is wrong.

    `between` may do what it likes to the home: before each life, given how many there have been.
    """
    began = time.monotonic()
    home = await site.new_home(plan.number)
    accounts = {name: seat.account(plan.number) for name, seat in site.scene.seats.items()}
    run = Run(plan, home, accounts)
    nudges = asyncio.create_task(site.scene.nudge(site), name="nudges")
    try:
        async with asyncio.timeout(RUN_S):
            await _Play(site, run, between or (lambda home, lives: None)).to_the_end()
        await truth.at_rest(site, run)
        for exchange in site.exchanges.values():
            run.broken += [f"0 fault: {exchange.name} said {text}" for text in exchange.complaints()]
    except TimeoutError:
        run.broken.append(f"not at its end after {RUN_S:g} s")
    finally:
        nudges.cancel()
        await asyncio.gather(nudges, return_exceptions=True)
    run.took_s = time.monotonic() - began
    if not run.broken and not os.path.ismount(home):
        shutil.rmtree(home)
        shutil.rmtree(logs_of(home))
    return run


class _Play:
    def __init__(self, site: Site, run: Run, between: Between) -> None:
        self.site = site
        self.run = run
        self.between = between
        self.life: asyncio.Task[Ended] | None = None
        self.given: list[tuple[str, str, dict[str, Any]]] = []
        self.began_s = 0.0
        self.stopped = False

    async def to_the_end(self) -> None:
        try:
            while not self.stopped:
                await self._alive()
                try:
                    async with client.connect(self.run.home) as desk:
                        await self._converse(desk)
                except DeskAway:
                    await asyncio.sleep(0.01)
                    continue
                # It may die on the way out, too: then it is started once more, and looked at again.
                self.stopped = await self._rested()
        finally:
            if self.life is not None:
                self._signal(signal.SIGKILL)
                await self.life

    # ── lives ───────────────────────────────────────────────────────────────────────────────────

    async def _alive(self) -> None:
        """See to it that a desk is running."""
        if self.life is not None and not self.life.done():
            return
        if self.life is not None:
            await self._bury()
        run = self.run
        number = len(run.lives) + 1
        assert number <= LIVES_MAX, f"it dies again and again: {run.notes[-2:]}"
        self.between(run.home, number - 1)
        job = Job(
            home=str(run.home),
            life=number,
            pids=str(self.site.pids),
            strike=run.plan.strike(number),
            trouble=run.plan.trouble if number == 1 else Trouble(),
            seed=run.plan.seed * 100 + number,
            address=self.site.scene.address(run.plan.number),
            mutant=run.plan.mutant,
        )
        self.life = await self.site.stable.begin(job)

    async def _bury(self) -> None:
        """A life has ended: note how, and look at what it left before anybody touches it."""
        assert self.life is not None
        run, number = self.run, len(self.run.lives) + 1
        ended = await self.life
        self.life = None
        run.ends.append(ended)
        run.lives.append(read_log(points_of(run.home, number)))
        expected = (run.lives[-1].struck, ended.signal) if ended.signal else (True, 0)
        if ended.signal not in (0, signal.SIGKILL) or not all(expected[:1]):
            run.broken.append(f"life {number} ended by signal {ended.signal} that nobody sent")
        said = log_of(run.home, number).read_text().strip().splitlines()
        if any(line.startswith("Traceback") for line in said):
            run.broken.append(
                f"0 fault: life {number} went on after a fault of its own: {log_of(run.home, number)}"
            )
        if not ended.signal and ended.code:
            run.notes.append(f"exit {ended.code}: {said[-1] if said else ''}")
            if ended.code not in run.plan.exits:
                run.broken.append(f"life {number} ended with {ended.code}: {said[-3:]}")
        await truth.at_a_wreck(self.site, run)

    async def _rested(self) -> bool:
        """End the desk in good order; false when it died on the way (then it is started once more)."""
        assert self.life is not None
        self._signal(signal.SIGTERM)
        ended = await self.life
        await self._bury()
        return ended.status == 0

    def _signal(self, number: signal.Signals) -> None:
        if self.life is not None and not self.life.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.site.stable.pid, number)

    # ── people ──────────────────────────────────────────────────────────────────────────────────

    async def _converse(self, desk: Desk) -> None:
        for command_id, verb, args in self.given:
            await self._ask(desk, command_id, verb, args)
        self.began_s = self.began_s or time.monotonic()
        for name, kind, config in self.site.scene.bots(self.run.accounts):
            await self._give(desk, "bot.add", name=name, kind=kind, config=config)
        await self._until(desk, hedge_is_open)
        await self._give(desk, "bot.tell", name="hedge-1", text="close")
        await self._until(desk, work_is_done)
        for name, _, _ in self.site.scene.bots(self.run.accounts):
            await self._give(desk, "bot.stop", name=name)
        await self._until(desk, all_stopped, patient=True)

    async def _until(self, desk: Desk, done: Any, patient: bool = False) -> None:
        while not done(await desk.status()):
            if not patient and time.monotonic() - self.began_s > WORK_S:
                unfinished = f"9 work: not done after {WORK_S:g} s, though everything was there"
                if not self.run.plan.exits and unfinished not in self.run.broken:
                    self.run.broken.append(unfinished)
                return
            await asyncio.sleep(POLL_S)

    async def _give(self, desk: Desk, verb: str, **args: Any) -> None:
        """Give a command once; given before, it has been repeated already."""
        command_id = f"{verb.replace('.', '-')}-{args['name']}"
        if any(known == command_id for known, _, _ in self.given):
            return
        self.given.append((command_id, verb, args))
        await self._ask(desk, command_id, verb, args)

    async def _ask(self, desk: Desk, command_id: str, verb: str, args: dict[str, Any]) -> None:
        try:
            taken = await desk.command(verb, command_id=command_id, **args)
        except Refused as refused:
            if refused.taken is None:
                raise
            taken = refused.taken
        self._answered(command_id, taken)

    def _answered(self, command_id: str, taken: CommandTaken) -> None:
        given = Given(len(self.run.lives) + 1, taken.ok, taken.says)
        self.run.answers.setdefault(command_id, []).append(given)


def _phases(status: Status) -> dict[str, str]:
    return {bot.bot: bot.phase for bot in status.bots}


def hedge_is_open(status: Status) -> bool:
    hedge = next(bot for bot in status.bots if bot.bot == "hedge-1")
    return hedge.state.get("stage", "opening") != "opening"


def work_is_done(status: Status) -> bool:
    """All but the peg whose limit is out of reach."""
    return all(phase == "stopped" for name, phase in _phases(status).items() if name != "peg-2")


def all_stopped(status: Status) -> bool:
    return all(phase == "stopped" for phase in _phases(status).values())
