"""64 bots at once, each wanting its next order durable: beside DBOS, a general durable-workflow library.

    kedge, cell      the whole way: book in, decide, intent durable, request out, answer in, durable
    kedge, journal   64 writers that each await their append of one Intent
    DBOS             64 callers, one workflow with one step per order, on SQLite and on PostgreSQL

DBOS lives in an environment of its own, made here, and runs in a process of its own; of its threads and its
coroutines the quicker counts. A peer that cannot be installed is reported as missing, and the rest goes on.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from bench.durable import intent
from bench.kit import HERE, Budget, Part, Size, Spread, Table, folder, per_s, run, spread, us
from bench.quiet import Desk, book, desk
from kedge.journal.sqlite import SqliteJournal
from kedge.model.records import AmendIntent, ChangeSettled, Entry
from kedge.runtime.env import SteadyClock

NAME, TITLE = "peers", "64 bots at once, and a durable-workflow library"
AT_ONCE = 64
TIMES = 50
ENVIRONMENT = HERE / ".peers"
REQUIREMENTS = HERE / "requirements-peers.txt"


class Pace(Struct, frozen=True):
    """What one turn came to."""

    per_s: float
    took: Spread


Turns = dict[str, list[Pace]]


def measure(size: Size) -> Part:
    seconds = 0.2 if size.tiny else 2.0
    rounds = size.of(7, 1)
    missing: dict[str, str] = {}
    with folder() as home:
        peers = {} if size.tiny else _peers(home, missing)
        turns: Turns = {name: [] for name in ("kedge, cell", "kedge, journal", *peers)}
        try:
            for turn in range(rounds):
                (home / f"{turn}").mkdir()
                for name in turns:
                    turns[name].append(_one(name, home / f"{turn}", peers, seconds))
        finally:
            for peer in peers.values():
                peer.stop()
    return _part(turns, missing)


def _one(name: str, home: Path, peers: dict[str, Peer], seconds: float) -> Pace:
    if name == "kedge, cell":
        return run(lambda: _cell(home / "cell", seconds))  # type: ignore[no-any-return]
    if name == "kedge, journal":
        return run(lambda: _journal(home / "journal", seconds))  # type: ignore[no-any-return]
    return peers[name].pace(seconds)


# ── ours ────────────────────────────────────────────────────────────────────────────────────────


async def _journal(home: Path, seconds: float) -> Pace:
    clock = SteadyClock()
    journal = SqliteJournal.open(home, "bench", "bench", clock)
    numbers = itertools.count(1)
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def work() -> None:
        while (began := time.perf_counter()) < until:
            number = next(numbers)
            await journal.append([Entry(number, clock(), intent(number, clock()))])
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    passed = time.perf_counter() - began
    await journal.close()
    return Pace(len(took) / passed, spread([t * 1e9 for t in took]))


async def _cell(home: Path, seconds: float) -> Pace:
    """Each peg's market moves again as soon as its last amend is settled, durably."""
    async with desk(home, AT_ONCE) as d:
        await d.add_pegs(AT_ONCE, AT_ONCE)
        d.books(AT_ONCE)
        await d.settled()
        return await _chase(d, seconds)


async def _chase(d: Desk, seconds: float) -> Pace:
    began_at: dict[int, float] = {}
    number_of = {
        o.client_id: int(o.bot[4:]) for o in d.cell.engine.desk.account("quiet/main").orders.values()
    }
    took: list[float] = []
    over = False

    def move(number: int) -> None:
        began_at[number] = time.perf_counter()
        d.cell.hear(book(number, d.moved(number), d.clock()))

    def tail(entries: Sequence[Entry]) -> None:
        for entry in entries:
            record = entry.record
            if type(record) is AmendIntent:
                took.append(time.perf_counter() - began_at[number_of[record.client_id]])
            elif type(record) is ChangeSettled and not over:
                move(number_of[record.client_id])

    d.cell.tails[0] = tail
    began = time.perf_counter()
    for number in range(AT_ONCE):
        move(number)
    await asyncio.sleep(seconds)
    count, passed, over = len(took), time.perf_counter() - began, True
    await d.settled()
    assert count, "no order was amended"
    return Pace(count / passed, spread([t * 1e9 for t in took]))


# ── theirs ──────────────────────────────────────────────────────────────────────────────────────


class Peer:
    """A DBOS process that does turns when told to."""

    def __init__(self, backend: str, home: Path) -> None:
        self._modes: tuple[str, ...] = ("threads", "tasks")
        home.mkdir()
        # -P: this folder has a `numbers` that is not the standard library's.
        command = [str(python_of(ENVIRONMENT)), "-P", str(HERE / "peer_dbos.py"), backend, str(home)]
        pipe = subprocess.PIPE
        with open(home / "stderr", "w") as errors:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True)
        if self._line() != "ready":
            self.stop()
            raise OSError((home / "stderr").read_text()[-600:])

    def pace(self, seconds: float) -> Pace:
        """The better of its two ways."""
        return max((self._turn(mode, seconds) for mode in self._modes), key=lambda pace: pace.per_s)

    def _turn(self, mode: str, seconds: float) -> Pace:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{mode} {AT_ONCE} {seconds}\n")
        self._process.stdin.flush()
        answer = json.loads(self._line())
        took = [t * 1e9 for t in answer["took"]]
        return Pace(len(took) / answer["seconds"], spread(took))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _peers(home: Path, missing: dict[str, str]) -> dict[str, Peer]:
    """Those that can be started here; the others with the reason why not."""
    said = install()
    found: dict[str, Peer] = {}
    for name, backend in (("DBOS on SQLite", "sqlite"), ("DBOS on PostgreSQL", "postgres")):
        if said:
            missing[name] = said
            continue
        try:
            found[name] = Peer(backend, home / backend)
        except OSError as error:
            missing[name] = str(error)
    for name, why in missing.items():
        print(f"\n!!! {name} IS NOT MEASURED: {why}\n", file=sys.stderr, flush=True)
    return found


def python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(environment: Path = ENVIRONMENT, requirements: Path = REQUIREMENTS) -> str:
    """Make a peer's environment, once for each list of requirements; a sentence says why it cannot be."""
    stamp, wanted = environment / "installed.txt", requirements.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    venv.EnvBuilder(clear=True, with_pip=True).create(environment)
    (environment / ".gitignore").write_text("*\n")
    command = [str(python_of(environment)), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return f"pip could not install bench/{requirements.name}: {done.stderr.strip()[-300:]}"
    stamp.write_text(wanted)
    return ""


# ── what it came to ─────────────────────────────────────────────────────────────────────────────


def _part(turns: Turns, missing: dict[str, str]) -> Part:
    part = Part(TITLE)
    peers = [name for name in turns if name.startswith("DBOS")]
    for name in peers:
        times = _times(turns["kedge, journal"], turns[name])
        part.budgets.append(Budget(f"durable intents/s ÷ steps/s of {name}", times, TIMES, at_most=False))
    rows = []
    for name, paces in turns.items():
        rates = [pace.per_s for pace in paces]
        row = (name, per_s(statistics.median(rates)), f"{per_s(min(rates))}–{per_s(max(rates))}")
        p50 = statistics.median(pace.took.p50 for pace in paces)
        p99 = statistics.median(pace.took.p99 for pace in paces)
        beside = tuple(f"{_times(paces, turns[peer]):,.1f}" for peer in peers)
        rows.append((*row, us(p50), us(p99), *beside))
    heads: tuple[str, ...] = (f"{AT_ONCE} at once", "durable steps/s", "worst–best round", "µs p50", "µs p99")
    heads += tuple(f"÷ {peer}" for peer in peers)
    part.tables = [Table(heads, rows)]
    rounds = len(turns["kedge, cell"])
    part.says = [
        f"{rounds} rounds, everyone in turn; each ratio is the median over the rounds.",
        "*kedge, journal* makes one intent durable per order, which is what the peers' step is. *kedge, cell*"
        " is the whole trade besides: book in, bot asked, limits, request out, answer in, durable again.",
    ]
    part.says += [f"**{name} was not measured:** {why}" for name, why in missing.items()]
    return part


def _times(ours: list[Pace], theirs: list[Pace]) -> float:
    return statistics.median(a.per_s / b.per_s for a, b in zip(ours, theirs, strict=True))
