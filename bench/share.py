"""Our own share of the way from a book to an order, and ccxt's of the same: no socket, no other process.

The clock starts when the bytes of the frame are handed to the line and stops when the bytes of the order
would go to the socket. In between lies everything: the frame is read, the book kept and told, the loop
turns, the engine decides, the order is written and, unless it is an early quote, made durable. Before each
measured frame come some that change nothing for the bot, as in any stream. Run by `kit.child`, each in a
process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import theirs
from bench.flow import SYMBOL, bybit
from bench.kit import folder, run
from bench.lean import Lean
from bench.peer_ccxt import quote
from bench.quoter import Desk, StillWires, desk

QUIET = 10
LEVELS = 5
# A safety net, never a measurement: a busy machine takes its time.
PATIENCE_S = 60.0
NUDGE_S = 0.05
MEMORY = Path("/dev/shm")

now = time.perf_counter_ns


def _lean() -> Lean:
    return Lean(lambda: time.time_ns() // 1_000_000)


# ── ours ────────────────────────────────────────────────────────────────────────────────────────


def ours(count: int, early: bool, memory: bool) -> list[int]:
    """Nanoseconds of so many orders. `memory`: the journal is on no disk, so nothing ever waits for one."""
    with _memory() if memory and MEMORY.is_dir() else folder() as home:
        took: list[int] = run(lambda: _ours(count, early, home))
    return took


@contextlib.contextmanager
def _memory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(dir=MEMORY, prefix="kedge-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


async def _ours(count: int, early: bool, home: Path) -> list[int]:
    wires = StillWires(_lean())
    took = []
    async with desk(home, wires, "http://lean") as d:
        await d.add(SYMBOL, early)
        await _books_come(wires)
        for number in range(count + count // 10):
            took.append(await _one(d, wires))
            await _one(d, wires)  # its cancel
            if number < count // 10:
                took.clear()  # so far it only warmed up
    return took


async def _books_come(wires: StillWires) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while "public" not in wires.ears:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)


async def _come(order: asyncio.Future[int], nudge: Callable[[], None]) -> int:
    """When it came. Whoever was busy when the book came looks at it again when the next message does."""
    for _ in range(round(PATIENCE_S / NUDGE_S)):
        done, _ = await asyncio.wait([order], timeout=NUDGE_S)
        if done:
            break
        nudge()
    return await asyncio.wait_for(order, NUDGE_S)


async def _one(d: Desk, wires: StillWires) -> int:
    flow = wires.lean.flows[SYMBOL]
    for _ in range(QUIET):
        wires.hear("public", bybit(flow.ripple(LEVELS), SYMBOL))
        for _ in range(4):
            await asyncio.sleep(0)
    left: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    wires.on_order = lambda frame: left.set_result(now())
    frame = bybit(flow.breathe(LEVELS), SYMBOL)
    began = now()
    wires.hear("public", frame)
    took = await _come(left, lambda: wires.hear("public", bybit(flow.ripple(LEVELS), SYMBOL))) - began
    wires.on_order = lambda frame: None
    await d.settled()
    return took


# ── theirs ──────────────────────────────────────────────────────────────────────────────────────


def ccxt(count: int, by: str) -> list[int]:
    """The same task with ccxt's pro streams, its order by WebSocket ("ws") or by HTTP ("rest")."""
    took: list[int] = run(lambda: _ccxt(count, by))
    return took


async def _ccxt(count: int, by: str) -> list[int]:
    lean = _lean()
    made = theirs.exchange("bybit")
    wire = theirs.Wire(made, "ws://nowhere/v5/public/linear")
    wire.stay_connected()
    waiting: list[asyncio.Future[int]] = []

    def left(at_ns: int) -> None:
        if waiting:
            waiting.pop().set_result(at_ns)

    _capture(made, wire, lean, left)
    quoting = asyncio.get_running_loop().create_task(quote(made, by))
    await asyncio.sleep(0.01)
    wire.hear(lean.flows[SYMBOL].snapshot(f"orderbook.50.{SYMBOL}"))
    took = []
    for number in range(count + count // 10):
        took.append(await _their_one(lean, wire, waiting))
        await _their_one(lean, wire, waiting)
        if number < count // 10:
            took.clear()
    quoting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await quoting
    await made.close()
    return took


def _capture(made: Any, wire: theirs.Wire, lean: Lean, left: Callable[[int], Any]) -> None:
    """Whatever it would give to a socket is stamped and answered with the loop's next turn."""

    async def send(text: str) -> None:
        at_ns, frame = now(), text.encode()
        soon = asyncio.get_running_loop().call_soon
        if b'"order.' in frame:
            soon(wire.hear, lean.taken(frame)[0])
            left(at_ns)
        elif b'"auth"' in frame:
            soon(wire.hear, lean.heard("trade", frame)[0])

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        at_ns = now()
        await asyncio.sleep(0)
        left(at_ns)
        return made.parse_json(lean.taken_by_http((body or "").encode()).decode())

    wire.client.connection.send_str = send
    made.fetch = fetch


async def _their_one(lean: Lean, wire: theirs.Wire, waiting: list[asyncio.Future[int]]) -> int:
    flow = lean.flows[SYMBOL]
    for _ in range(QUIET):
        wire.hear(bybit(flow.ripple(LEVELS), SYMBOL))
        for _ in range(6):
            await asyncio.sleep(0)
    left: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting.append(left)
    frame = bybit(flow.breathe(LEVELS), SYMBOL)
    began = now()
    wire.hear(frame)
    took = await _come(left, lambda: wire.hear(bybit(flow.ripple(LEVELS), SYMBOL))) - began
    for _ in range(20):
        await asyncio.sleep(0)
    return took
