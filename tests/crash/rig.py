"""The rig: two exchanges in processes of their own, a stable of workers, people, and a market that nudges.

    async with Site.start(folder) as site:
        run = await play(site, Plan(...))
        assert not run.broken

A run is one desk in a fresh home on fresh accounts. People give it a hedge, two pegs and a pair across both
exchanges, through the real client and under fixed command ids; they close the hedge, and stop everything
once the work is done. Whenever the desk dies it is started again the ordinary way and every command is
given again under its old id. At the end, and after each death, `truth.py` judges from outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from kedge import client
from kedge.client import Desk, DeskAway, Refused
from kedge.model.looks import Status
from kedge.model.records import CommandTaken
from tests.crash import truth
from tests.crash.disk import Trouble
from tests.crash.points import Passed, Strike, read_log
from tests.crash.worker import Ended, Job, log_of, logs_of, points_of

ROOT = Path(__file__).parents[2]
READY_S = 60.0
# A run that has not come to its end after so long is stuck.
RUN_S = 240.0
LIVES_MAX = 12
# So long people leave the bots to their work before they stop them anyway.
WORK_S = 30.0
POLL_S = 0.015
NUDGE_S = 0.03
NUDGES = 6  # upward moves of the price: enough for orders to follow it
# Runs after which a site gets new exchanges: their truth is read whole each time.
RUNS_PER_EXCHANGE = 60

PRICES = {"BTC-PERP": 60_000.0, "ETH-PERP": 3_000.0}
HEDGE_QTY, PAIR_QTY, PEG_QTY = "2.5", "0.03", "0.3"


# ── exchanges ───────────────────────────────────────────────────────────────────────────────────


class Exchange:
    """One paper exchange with a state file. When it is killed it is started again, at the same doors."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = 0
        self.control_port = 0
        self.deaths = 0
        self.runs = 0
        self._state = folder / f"{name}.sqlite"
        self._log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._asking = asyncio.Lock()
        self._up = asyncio.Event()
        self.on_start: Any = lambda: None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.name}")

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._hang_up()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._process is not None:
            _forget(self._process)

    async def renew(self) -> None:
        """An empty exchange instead of one with a long past."""
        await self.stop()
        for path in self._state.parent.glob(f"{self._state.name}*"):
            path.unlink()
        self.runs = 0
        await self.start()

    async def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """One order at the control door; patient while the exchange is being started again."""
        body = msgspec.json.encode({"do": do, **order}) + b"\n"
        for _ in range(200):
            async with self._asking:
                line = await self._asked(body)
            if line:
                answer: dict[str, Any] = msgspec.json.decode(line)
                assert answer["ok"], answer
                return answer
            await asyncio.sleep(0.02)
        raise AssertionError(f"{self.name} does not answer at its control door")

    async def _asked(self, body: bytes) -> bytes:
        """One try; b"" when the line broke. Whoever is cancelled here leaves no answer for the next one."""
        line = b""
        try:
            reader, writer = await self._control()
            writer.write(body)
            line = await reader.readline()
        except OSError:
            pass
        finally:
            if not line:
                self._hang_up()
        return line

    async def _control(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self._up.wait()
        if self._line is None:
            self._line = await asyncio.open_connection("127.0.0.1", self.control_port, limit=64 << 20)
        return self._line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line[1].close()
            self._line = None

    async def _spawn(self) -> None:
        options = {
            "port": self.port,
            "control_port": self.control_port,
            "market": "still",
            "state": str(self._state),
            "tick_ms": 10,
        }
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kedge.runtime.paper_child", msgspec.json.encode(options).decode()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
        )
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            ready = msgspec.json.decode(await process.stdout.readline())
        self.port, self.control_port = ready["port"], ready["control_port"]
        self.on_start()
        self._up.set()

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            await self._process.wait()
            self._up.clear()
            self.deaths += 1
            self._hang_up()
            _forget(self._process)
            await self._spawn()


# ── workers ─────────────────────────────────────────────────────────────────────────────────────


class Stable:
    """The process that forks workers; one at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self.pid = 0

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )

    async def begin(self, job: Job) -> asyncio.Task[Ended]:
        """Begin a life; the task ends when the life does."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self.pid = int((await self._said())["pid"])
        return asyncio.create_task(self._ended(), name=f"life of {self.pid}")

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            _forget(self._process)

    async def _ended(self) -> Ended:
        return Ended((await self._said())["status"])

    async def _said(self) -> dict[str, int]:
        assert self._process is not None
        assert self._process.stdout is not None
        return msgspec.json.decode(await self._process.stdout.readline(), type=dict[str, int])


def _forget(process: asyncio.subprocess.Process) -> None:
    """Close our ends of a dead process's pipes now, not when they are collected."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


# ── a place to play ─────────────────────────────────────────────────────────────────────────────


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exchanges = {name: Exchange(name, folder) for name in ("alpha", "beta")}
        self.stable = Stable()
        self.pids = folder / "pids.json"
        self.runs = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, folder: Path) -> AsyncIterator[Site]:
        folder.mkdir(parents=True, exist_ok=True)
        site = cls(folder)
        for exchange in site.exchanges.values():
            exchange.on_start = site._write_pids
        try:
            await asyncio.gather(
                site.stable.start(), *(exchange.start() for exchange in site.exchanges.values())
            )
            yield site
        finally:
            await site.stable.stop()
            for exchange in site.exchanges.values():
                await exchange.stop()
                os.close(exchange._log)

    async def new_home(self, number: int) -> Path:
        """A home whose two accounts nobody has used, and a market at its usual prices."""
        self.runs += 1
        for exchange in self.exchanges.values():
            exchange.runs += 1
            if exchange.runs > RUNS_PER_EXCHANGE:
                await exchange.renew()
        home = self.folder / f"r{number}"
        home.mkdir(mode=0o700)
        logs_of(home).mkdir()
        lines = ["[journal]", "snapshot_every_records = 100", "[recorder]", "segment_mb = 1"]
        for name, exchange in self.exchanges.items():
            lines += [f'[accounts."{name}/r{number}"]', 'venue = "paper"', f"port = {exchange.port}"]
            for symbol, price in PRICES.items():
                await exchange.ask("price", symbol=symbol, price=f"{price:.2f}")
        (home / "kedge.toml").write_text("\n".join(lines) + "\n")
        (home / "bots.toml").write_text("# Bots come by command.\n")
        return home

    def _write_pids(self) -> None:
        pids = {name: one.pid for name, one in self.exchanges.items() if one._process is not None}
        fresh = self.pids.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(pids))
        os.replace(fresh, self.pids)


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
    accounts = {name: f"{name}/r{plan.number}" for name in site.exchanges}
    run = Run(plan, home, accounts)
    nudges = asyncio.create_task(nudge(site), name="nudges")
    try:
        async with asyncio.timeout(RUN_S):
            await _Play(site, run, between or (lambda home, lives: None)).to_the_end()
        await truth.at_rest(site.exchanges, run)
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


async def nudge(site: Site) -> None:
    """Others trade, a little at a time, so that resting orders fill in parts; and the price creeps up."""
    moves = 0
    while True:
        alpha = site.exchanges["alpha"]
        await alpha.ask("counter", symbol="BTC-PERP", side="sell", qty="0.01")
        await alpha.ask("counter", symbol="ETH-PERP", side="sell", qty="0.1")
        await asyncio.sleep(NUDGE_S)
        if moves < NUDGES:
            moves += 1
            for symbol, tick in (("BTC-PERP", 0.1), ("ETH-PERP", 0.01)):
                await alpha.ask("price", symbol=symbol, price=f"{PRICES[symbol] + moves * tick:.2f}")
        await asyncio.sleep(NUDGE_S)


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
        if not ended.signal and ended.code:
            said = log_of(run.home, number).read_text().strip().splitlines()
            run.notes.append(f"exit {ended.code}: {said[-1] if said else ''}")
            if ended.code not in run.plan.exits:
                run.broken.append(f"life {number} ended with {ended.code}: {said[-3:]}")
        await truth.at_a_wreck(self.site.exchanges, run)

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
        for name, kind, config in bots(self.run.accounts):
            await self._give(desk, "bot.add", name=name, kind=kind, config=config)
        await self._until(desk, hedge_is_open)
        await self._give(desk, "bot.tell", name="hedge-1", text="close")
        await self._until(desk, work_is_done)
        for name, _, _ in bots(self.run.accounts):
            await self._give(desk, "bot.stop", name=name)
        await self._until(desk, all_stopped, patient=True)

    async def _until(self, desk: Desk, done: Any, patient: bool = False) -> None:
        while not done(await desk.status()):
            if not patient and time.monotonic() - self.began_s > WORK_S:
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


# ── the workload ────────────────────────────────────────────────────────────────────────────────


def bots(accounts: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, kind and parameters. The pair's near leg and the hedge share a market and an account."""
    alpha, beta = accounts["alpha"], accounts["beta"]
    pair = {"far": f"{alpha}:BTC-PERP", "near": f"{beta}:BTC-PERP", "side": "buy", "qty": PAIR_QTY}
    hedge = {"market": f"{beta}:BTC-PERP", "side": "sell", "qty": HEDGE_QTY, "reprice_s": "0.1"}
    peg = {"market": f"{alpha}:ETH-PERP", "side": "buy", "qty": PEG_QTY}
    resting = {"market": f"{beta}:ETH-PERP", "side": "sell", "qty": "1", "limit": "3100"}
    return [
        ("pair-1", "pair", pair),
        ("hedge-1", "hedge", hedge),
        ("peg-1", "peg", peg),
        ("peg-2", "peg", resting),
    ]


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
