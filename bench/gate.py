"""The engine's one door: durable commands and looks a second, over the unix socket, from another process.

The engine here is the real one (cell, journal, tables, door, socket), with 100 bots on the quiet venue. The
caller is the Python client, alone or with many requests in flight.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.kit import ROOT, Part, Size, Spread, Table, folder, per_s, run, spread, us
from bench.quiet import desk
from kedge.bots import BUILT_IN
from kedge.client import Desk
from kedge.journal.reading import Reading
from kedge.kinds import Kinds
from kedge.runtime.door import EngineDoor
from kedge.runtime.gate import Door
from kedge.runtime.gate_unix import UnixGate
from kedge.runtime.readings import Readings
from kedge.settings import GateSettings

NAME, TITLE = "gate", "The gate"
BOTS = 100


def measure(size: Size) -> Part:
    seconds, rounds = (0.2, 1) if size.tiny else (2.0, 5)
    with folder() as home, tempfile.TemporaryDirectory(prefix="kedge-") as short:
        socket = Path(short) / "gate"  # a socket's name may not be long
        code = "import sys; from bench.gate import serve; serve(*sys.argv[1:])"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code, str(home), str(socket)]
        server = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            assert server.stdout.readline().strip() == "open"
            turns = run(lambda: _turns(socket, rounds, seconds))
        finally:
            server.stdin.close()
            server.wait(30)
            server.stdout.close()
    return _part(turns)


# ── the engine's process ────────────────────────────────────────────────────────────────────────


def serve(home: str, socket: str) -> None:
    run(lambda: _serve(Path(home), Path(socket)))


async def _serve(home: Path, socket: Path) -> None:
    async with desk(home, BOTS) as d:
        await d.add_pegs(BOTS, BOTS)
        d.books(BOTS)
        await d.settled()
        readings = Readings(Reading.open(home, "bench"), d.journal, print)
        d.cell.tails[0] = readings.tell
        following = asyncio.get_running_loop().create_task(readings.run())
        kinds = Kinds(home)
        assert set(BUILT_IN) <= set(kinds)
        port = EngineDoor(d.cell, d.journal, readings, kinds, lambda: home / "bots.toml")
        gate = UnixGate(Door(port, "bench", GateSettings(), _raise), socket)
        await gate.open()
        print("open", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await gate.close()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await readings.close()


def _raise(error: BaseException) -> None:
    raise error


# ── the caller ──────────────────────────────────────────────────────────────────────────────────

Turns = dict[str, list[tuple[float, Spread]]]


async def _turns(socket: Path, rounds: int, seconds: float) -> Turns:
    caller = Desk(socket, "bench")
    await caller.open()
    flips = [0] * BOTS

    async def flip(number: int) -> None:
        """Pause and resume in turns: a command that is journalled with what it did."""
        flips[number] += 1
        verb = "bot.pause" if flips[number] % 2 else "bot.resume"
        await caller.command(verb, name=f"peg-{number}")

    async def look(number: int) -> None:
        await caller.status()

    async def open_orders(number: int) -> None:
        await caller.read("open_orders")

    works: dict[str, tuple[Callable[[int], Awaitable[None]], int]] = {
        "command, one at a time": (flip, 1),
        "command, 16 in flight": (flip, 16),
        f"status of {BOTS} bots, one at a time": (look, 1),
        f"{BOTS} open orders, one at a time": (open_orders, 1),
    }
    found: Turns = {name: [] for name in works}
    for _ in range(rounds):
        for name, (work, at_once) in works.items():
            found[name].append(await _pace(work, at_once, seconds))
    await caller.close()
    return found


async def _pace(work: Callable[[int], Awaitable[None]], at_once: int, seconds: float) -> tuple[float, Spread]:
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def hand(number: int) -> None:
        while (began := time.perf_counter_ns()) < until * 1e9:
            await work(number)
            took.append(time.perf_counter_ns() - began)

    began = time.perf_counter()
    hands: list[Any] = [hand(number) for number in range(at_once)]
    await asyncio.gather(*hands)
    return len(took) / (time.perf_counter() - began), spread(took)


def _part(turns: Turns) -> Part:
    part = Part(TITLE)
    rows = []
    for name, found in turns.items():
        rates = [rate for rate, _ in found]
        p50 = statistics.median(s.p50 for _, s in found)
        p99 = statistics.median(s.p99 for _, s in found)
        span = f"{per_s(min(rates))}–{per_s(max(rates))}"
        rows.append((name, per_s(statistics.median(rates)), span, us(p50), us(p99)))
    part.tables = [Table(("", "a second", "worst–best round", "µs p50", "µs p99"), rows)]
    part.says = ["A command is answered when it and its result are durable."]
    return part
