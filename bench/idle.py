"""10,000 idle bots in one process: what they hold in memory and what they take of a core.

Two kinds of idleness, each in a process of its own, over a real cell and a real journal:

    timers   every bot only asks to be woken once a minute
    resting  every bot has an order resting, and each of 100 books is repeated unchanged once a second
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, ClassVar

from msgspec import Struct

from bench.kit import Budget, Part, Size, Table, child, folder, peak_mb, rss_mb, run
from bench.quiet import ACCOUNT, BID, Desk, book, desk, market
from kedge.engine.bot import Bot, Decision, View

NAME, TITLE = "idle", "10,000 idle bots in one process"
MARKETS = 100
MINUTE_NS = 60_000_000_000


class DozeConfig(Struct, frozen=True):
    market: str


class DozeState(Struct, frozen=True):
    pass


class Doze(Bot[DozeConfig, DozeState]):
    """Wants nothing, and wants to be asked again in a minute."""

    kind = "doze"
    summary = "Does nothing once a minute."
    Config = DozeConfig
    State = DozeState
    words: ClassVar[dict[str, str]] = {}

    def markets(self, config: DozeConfig) -> tuple[str, ...]:
        return (config.market,)

    def decide(self, view: View[DozeConfig, DozeState]) -> Decision[DozeState]:
        return Decision(view.state, wake_ns=view.now_ns + MINUTE_NS)


def measure(size: Size) -> Part:
    bots, seconds = size.of(10_000, 40), 0.2 if size.tiny else 65.0
    found = {}
    for way in ("timers", "resting"):
        with folder() as home:
            found[way] = child("bench.idle", "one", way=way, home=str(home), bots=bots, seconds=seconds)
    part = Part(TITLE if not size.tiny else f"{bots} idle bots in one process")
    for way, says in (("timers", "timers only"), ("resting", "an order each, books repeated")):
        part.budgets.append(Budget(f"{bots:,} idle bots, {says}: memory", found[way]["rss"], 400, "MB"))
        part.budgets.append(Budget(f"{bots:,} idle bots, {says}: of one core", found[way]["core"], 3, "%"))
    rows = [
        (
            way,
            f"{f['empty']:.0f}",
            f"{f['rss']:.0f}",
            f"{f['peak']:.0f}",
            f"{(f['rss'] - f['empty']) * 1024 / bots:.1f}",
            f"{f['core']:.2f} %",
            f"{f['steps']:,}",
        )
        for way, f in found.items()
    ]
    heads = ("", "MB with no bot", "MB", "MB at most", "kB a bot", "of one core", "engine steps")
    part.tables = [Table(heads, rows)]
    part.says = [f"Processor time over {seconds:.0f} s after everything has come to rest."]
    return part


def one(way: str, home: str, bots: int, seconds: float) -> dict[str, Any]:
    """In a process of its own."""
    return run(lambda: _idle(way, Path(home), bots, seconds))  # type: ignore[no-any-return]


async def _idle(way: str, home: Path, bots: int, seconds: float) -> dict[str, Any]:
    async with desk(home, MARKETS, kinds={"doze": Doze()}) as d:
        empty = rss_mb()
        if way == "resting":
            d.books(MARKETS)
            await d.add_pegs(bots, MARKETS, pace_ms=250)
        else:
            await _add_dozers(d, bots)
        await d.settled()
        if way == "resting":
            standing = len(d.cell.engine.desk.account(ACCOUNT).orders)
            assert standing == bots, f"{standing} orders of {bots} bots"
        await asyncio.sleep(min(3.0, seconds))
        steps, cpu, began = d.cell.steps, time.process_time(), time.perf_counter()
        while time.perf_counter() - began < seconds:
            if way == "resting":
                await _repeat_books(d, began + seconds)
            else:
                await asyncio.sleep(seconds)
        passed = time.perf_counter() - began
        return {
            "empty": empty,
            "rss": rss_mb(),
            "peak": peak_mb(),
            "core": (time.process_time() - cpu) / passed * 100,
            "steps": d.cell.steps - steps,
        }


async def _add_dozers(d: Desk, bots: int) -> None:
    for start in range(0, bots, 500):
        numbers = range(start, min(start + 500, bots))
        configs = [b'{"market":"%b"}' % market(i % MARKETS).encode() for i in numbers]
        await asyncio.gather(*(d.add(f"doze-{i}", "doze", c) for i, c in zip(numbers, configs, strict=True)))


async def _repeat_books(d: Desk, until: float) -> None:
    """Each book once a second, spread evenly over it."""
    for i in range(MARKETS):
        if time.perf_counter() > until:
            return
        d.cell.hear(book(i, BID, d.clock()))
        await asyncio.sleep(1 / MARKETS)
