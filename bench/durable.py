"""How long one intent takes to be durable, beside a bare fdatasync of the same bytes on the same disk.

    bare     pwrite into a file written ahead, then fdatasync: the least that a durable write can cost
    journal  `SqliteJournal.append` of an Entry with a real Intent, awaited: encode, chain, fence, commit
    cell     a book that moves the touch goes in; the amend of the peg's order leaves, its record durable

They take turns, and each round gives its own ratio: the disk's moods are in both and cancel.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from decimal import Decimal
from pathlib import Path

import msgspec

from bench.kit import Budget, Part, Size, Spread, Table, folder, middle, noise, ratio, run, spread, us
from bench.quiet import BID, TICK, Desk, book, desk, market
from kedge.journal.sqlite import SqliteJournal
from kedge.model.ids import mint
from kedge.model.records import Entry, Intent
from kedge.runtime.env import SteadyClock

NAME, TITLE = "durable", "One durable intent, one at a time"
FILE_BYTES = 8 << 20
PAGE = 4096

Turns = dict[str, list[Spread]]


def intent(number: int, now_ns: int) -> Intent:
    """What a peg's order is before it is sent."""
    return Intent(
        client_id=mint(77, 1 + number % 64, 9, number),
        bot=f"peg-{number % 64}",
        slot="main",
        market=market(number % 64),
        side="buy",
        qty=Decimal("0.050"),
        price=BID + TICK * (number % 40),
        valid_until_ns=now_ns + 5_000_000_000,
        tif="post_only",
        slot_total=Decimal("1.000"),
        touch=BID + TICK * (number % 40 + 1),
        why="joins the best bid",
    )


def measure(size: Size) -> Part:
    with folder() as home:
        turns: Turns = run(lambda: _turns(home, size.of(40, 2), size.of(50, 5)))
    return _part(turns)


async def _turns(home: Path, rounds: int, count: int) -> Turns:
    """They take turns write by write, so that a moment of the disk's falls on all of them alike."""
    clock = SteadyClock()
    (home / "j").mkdir()
    journal = SqliteJournal.open(home / "j", "bench", "bench", clock)
    body = msgspec.json.encode([Entry(1_000_000, clock(), intent(1_000_000, clock()))])
    bare = _BareFile(home / "bare")
    numbers = itertools.count(1)
    async with desk(home / "c", 1) as d:
        await d.add_pegs(1, 1)
        d.books(1)
        await d.settled()
        works = {
            "bare": lambda: _bare(bare, body),
            "journal": lambda: _journal(journal, next(numbers), clock),
            "cell": lambda: _cell(d),
        }
        names = list(works)
        found: Turns = {name: [] for name in names}
        for turn in range(rounds + 1):
            took: dict[str, list[float]] = {name: [] for name in names}
            for step in range(count):
                for name in names[step % 3 :] + names[: step % 3]:
                    took[name].append(await works[name]())
            if turn:  # the first round only warms up
                for name in names:
                    found[name].append(spread(took[name]))
    bare.close()
    await journal.close()
    return found


class _BareFile:
    """A file written ahead, written and synced in steps of a page as a log would be."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.at = 0
        os.pwrite(self.fd, bytes(FILE_BYTES), 0)
        os.fsync(self.fd)

    def write(self, body: bytes) -> None:
        os.pwrite(self.fd, body, self.at)
        os.fdatasync(self.fd)
        self.at = (self.at + PAGE) % FILE_BYTES

    def close(self) -> None:
        os.close(self.fd)


async def _bare(file: _BareFile, body: bytes) -> int:
    began = time.perf_counter_ns()
    file.write(body)
    return time.perf_counter_ns() - began


async def _journal(journal: SqliteJournal, number: int, clock: SteadyClock) -> int:
    entry = Entry(number, clock(), intent(number, clock()))
    began = time.perf_counter_ns()
    await journal.append([entry])
    return time.perf_counter_ns() - began


async def _cell(d: Desk) -> int:
    """A book moves the touch by a tick; the clock stops when the amend would leave for the venue."""
    left: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    d.venue.on_request = lambda _: left.set_result(time.perf_counter_ns())
    update = book(0, d.moved(0), d.clock())
    began = time.perf_counter_ns()
    d.cell.hear(update)
    took = await asyncio.wait_for(left, 30) - began
    d.venue.on_request = lambda _: None
    await d.settled()
    return took


def _part(turns: Turns) -> Part:
    part = Part(TITLE)
    bare = turns["bare"]
    part.budgets = [Budget("durable intent ÷ bare fdatasync", ratio(turns["journal"], bare), 1.5)]
    calm = _calm(turns)
    rows = []
    for name, says in (
        ("bare", "pwrite + fdatasync, file written ahead"),
        ("journal", "journal: append of one Intent, awaited"),
        ("cell", "whole cell: book in → amend durable → request out"),
    ):
        all_of, quiet = middle(turns[name]), [turns[name][i] for i in calm]
        row = (says, us(all_of.p50), us(all_of.p99), noise(turns[name]), f"{ratio(turns[name], bare):.2f}")
        quiet_ratio = ratio(quiet, [bare[i] for i in calm])
        rows.append((*row, us(middle(quiet).p50), f"{quiet_ratio:.2f}"))
    heads = ("µs", "p50", "p99", "p50, best–worst round", "÷ bare", "p50 in calm", "÷ bare in calm")
    part.tables = [Table(heads, rows)]
    part.says = [
        f"{len(bare)} rounds, {middle(bare).count:,} writes each, in turns write by write. *In calm*: the"
        " quarter of the rounds in which all three together were quickest, that is, in which others left the"
        " disk alone; there our own share shows most.",
        "The last row is more than a durable intent: it decides, and it wakes the loop and the request's"
        " task, with caches that went cold while the disk was waited for.",
    ]
    return part


def _calm(turns: Turns) -> list[int]:
    """The rounds with the least of everything, not those in which one of them was lucky."""
    count = len(turns["bare"])
    total = [sum(found[i].p50 for found in turns.values()) for i in range(count)]
    return sorted(range(count), key=lambda i: total[i])[: max(1, count // 4)]
