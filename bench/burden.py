"""What the desk's pages cost the engine: its latency with them at work and without, taking turns in one run.

The engine is a real cell over a real journal with a hundred pegs on the quiet venue and an open gate. Books
move at a steady pace; what is measured is the time from a book that moves to the request that leaves for the
venue, durable in between. The desk is `kedge desk` in a process of its own: it polls, follows the journal
into its tables, and two people look at its overview and its list of bots.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.desk_home import Looker, address_of, end, run_kedge
from bench.kit import Budget, Part, Size, Spread, Table, middle, ratio, run, spread, us
from bench.quiet import Desk, book, desk
from kedge.journal.reading import Reading
from kedge.kinds import Kinds
from kedge.runtime.door import EngineDoor
from kedge.runtime.gate import Door
from kedge.runtime.gate_unix import UnixGate
from kedge.runtime.readings import Readings
from kedge.settings import GateSettings

NAME, TITLE = "burden", "What the desk costs the engine"
BOTS = 100
A_SECOND = 200
BUDGET_RATIO = 1.02
TOPICS = ("overview", "bots")
ANSWER_S = 10.0

Rounds = dict[str, list[Spread]]


def measure(size: Size) -> Part:
    rounds, moves = (1, 20) if size.tiny else (7, 1200)
    bots = size.of(BOTS, 5)
    # A socket's name may not be long, so its home is not among the others.
    with tempfile.TemporaryDirectory(prefix="kedge-") as name:
        home = Path(name) / "h"
        home.mkdir(mode=0o700)
        found = run(lambda: _measure(home, bots, rounds, moves))
    return _part(found, bots)


async def _measure(home: Path, bots: int, rounds: int, moves: int) -> Rounds:
    found: Rounds = {"alone": [], "with the desk": []}
    async with _engine(home, bots) as d:
        async with _desk(home) as known:
            looker = known  # the first time it makes its databases, which is no turn's
        try:
            for turn in range(rounds):
                for name in list(found)[:: 1 if turn % 2 else -1]:
                    if name == "alone":
                        found[name].append(await _pace(d, bots, moves))
                    else:
                        async with _desk(home, looker), _looking(looker):
                            found[name].append(await _pace(d, bots, moves))
                    _well()
        finally:
            await looker.close()
    return found


# ── the engine ──────────────────────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def _engine(home: Path, bots: int) -> AsyncIterator[Desk]:
    async with desk(home, bots) as d:
        await d.add_pegs(bots, bots)
        d.books(bots)
        await d.settled()
        readings = Readings(Reading.open(home, "bench"), d.journal, print)
        d.cell.tails[0] = readings.tell
        following = asyncio.get_running_loop().create_task(readings.run())
        port = EngineDoor(d.cell, d.journal, readings, Kinds(home), lambda: home / "bots.toml")
        gate = UnixGate(Door(port, "bench", GateSettings(), _bugs.append), home / "main.sock")
        await gate.open()
        try:
            yield d
        finally:
            await gate.close()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await readings.close()


async def _pace(d: Desk, bots: int, moves: int) -> Spread:
    """One market moves after the other; nanoseconds until its peg's request leaves."""
    took: list[float] = []
    left = asyncio.Event()
    began = 0

    def leaves(_: str) -> None:
        nonlocal began
        if began:
            took.append(time.perf_counter_ns() - began)
            began = 0
        left.set()

    d.venue.on_request = leaves
    loop = asyncio.get_running_loop()
    due = loop.time()
    for number in range(moves):
        due += 1 / A_SECOND
        await asyncio.sleep(max(0.0, due - loop.time()))
        left.clear()
        began = time.perf_counter_ns()
        d.cell.hear(book(number % bots, d.moved(number % bots), d.clock()))
        async with asyncio.timeout(ANSWER_S):
            await left.wait()
    d.venue.on_request = _nothing
    await d.settled()
    return spread(took)


def _nothing(_: str) -> None:
    pass


# What went wrong behind the gate: a desk that is not answered costs nothing, and is no measurement.
_bugs: list[BaseException] = []


def _well() -> None:
    if _bugs:
        raise SystemExit(f"the gate failed: {_bugs[0]!r}")


# ── the desk ────────────────────────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def _desk(home: Path, looker: Looker | None = None) -> AsyncIterator[Looker]:
    (home / "desk.address").unlink(missing_ok=True)
    process: subprocess.Popen[bytes] = run_kedge(home, "desk")
    try:
        address = await address_of(home, process)
        if looker is None:
            looker = Looker(address)
            await looker.come_in(home)
        looker.address = address
        yield looker
    finally:
        await asyncio.to_thread(end, process)


@contextlib.asynccontextmanager
async def _looking(looker: Looker) -> AsyncIterator[None]:
    """People at pages that move; begins when each has seen its page once."""
    came: asyncio.Queue[str] = asyncio.Queue()
    watching = [asyncio.get_running_loop().create_task(_watch(looker, topic, came)) for topic in TOPICS]
    try:
        seen: dict[str, bool] = {}
        while len(seen) < len(TOPICS):
            async with asyncio.timeout(60):
                seen[await came.get()] = True
        before = came.qsize()
        yield
        if came.qsize() == before:
            # A round may be shorter than a page's beat; that it still beats must be seen.
            async with asyncio.timeout(60):
                await came.get()
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def _watch(looker: Looker, topic: str, came: asyncio.Queue[str]) -> None:
    async for _parts in looker.live(topic):
        came.put_nowait(topic)


# ── what was found ──────────────────────────────────────────────────────────────────────────────


def _part(found: Rounds, bots: int) -> Part:
    part = Part(TITLE)
    with_it, alone = found["with the desk"], found["alone"]
    part.budgets = [
        Budget("latency with the desk ÷ alone, p50, median of rounds", ratio(with_it, alone), BUDGET_RATIO)
    ]
    rows = []
    for name, rounds in found.items():
        whole = middle(rounds)
        low, high = min(r.p50 for r in rounds), max(r.p50 for r in rounds)
        rows.append((name, us(whole.p50), f"{us(low)}–{us(high)}", us(whole.p99), f"{whole.count:,}"))
    tails: Any = statistics.median(a.p99 / b.p99 for a, b in zip(with_it, alone, strict=True))
    part.tables = [Table(("", "µs p50", "rounds", "µs p99", "moves"), rows)]
    part.says = [
        f"{bots} pegs, {A_SECOND} moves a second, book → durable → request; a round each in turns, the desk's"
        f" process started and busy before its round begins. p99 with ÷ alone: {tails:.2f}."
    ]
    return part
