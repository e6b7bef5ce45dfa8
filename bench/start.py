"""How long a start takes on a desk with a past: 1,000 bots, 10,000 open orders, a million records.

The home is written by the journal's own means (appends, a snapshot every 20,000 records, compaction), then
a new process starts on it as `kedge up` would, up to the moment at which the venue is asked: the venue's own
answers are not in the time, and taking them in is a row of its own.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from itertools import islice
from pathlib import Path
from typing import Any

from bench.history import entries
from bench.kit import Budget, Part, Size, Table, child, folder, peak_mb, rss_mb, run
from bench.quiet import ACCOUNT, RULES, QuietVenue, instrument, ready
from kedge.bots import BUILT_IN
from kedge.engine.apply import apply
from kedge.engine.engine import RiskBook
from kedge.engine.state import Desk, encode_desk
from kedge.journal.sqlite import SqliteJournal
from kedge.model.events import Reported
from kedge.model.order import State
from kedge.model.venue import AccountReport, OrderReport, VenuePosition
from kedge.runtime.cell import Cell, CellConfig
from kedge.runtime.env import SteadyClock

NAME, TITLE = "start", "A start with a long past"
SNAPSHOT_EVERY = 20_000
PER_FLUSH, PER_FLUSH_EARLY = 4, 100


def measure(size: Size) -> Part:
    bots, orders = size.of(1000, 20), size.of(10_000, 40)
    count, rounds = size.of(1_000_000, 1000), size.of(7, 1)
    every = size.of(SNAPSHOT_EVERY, 300)
    with folder() as home:
        past = {"count": count, "bots": bots, "orders": orders, "every": every}
        made = child("bench.start", "make", home=str(home), **past)
        starts = [child("bench.start", "start", home=str(home), bots=bots) for _ in range(rounds)]
    part = Part(TITLE)
    whole = statistics.median(s["all"] for s in starts)
    says = f"start with {bots:,} bots, {orders:,} open orders and {count:,} records"
    part.budgets = [Budget(says, whole, 5, "s")]
    rows = []
    for name, what in _STAGES:
        times = [s[name] * 1000 for s in starts]
        spans = f"{min(times):,.0f}–{max(times):,.0f}"
        rows.append((what, f"{statistics.median(times):,.0f}", spans))
    part.tables = [Table(("ms", "median", "best–worst"), rows)]
    live, archived = made["live"] / 2**20, made["archived"] / 2**20
    last = starts[-1]
    part.says = [
        f"{rounds} starts, each in a new process on the same home: {live:.0f} MB of journal with a snapshot"
        f" of {made['snapshot'] / 2**20:.1f} MB and {last['tail']:,} records after it, {archived:.0f} MB of"
        f" archive beside it that a start does not read. {last['open']:,} orders were open; the process then"
        f" held {last['rss']:.0f} MB ({last['peak']:.0f} at most).",
        f"Such a snapshot takes {made['encode'] * 1000:.0f} ms to encode on the loop, once in {every:,}"
        " records.",
    ]
    return part


_STAGES = (
    ("imports", "Python and imports (not in the budget)"),
    ("journal", "open the journal: lease, chain checked, life begun"),
    ("fold", "fold snapshot and tail"),
    ("born", "embody the bots, look after every order, ask the venue"),
    ("all", "**all of it**"),
    ("reconcile", "take in the venue's answer: every open order listed (not in the budget)"),
)


# ── in processes of their own ───────────────────────────────────────────────────────────────────


def make(home: str, count: int, bots: int, orders: int, every: int) -> dict[str, Any]:
    return run(lambda: _make(Path(home), count, bots, orders, every))  # type: ignore[no-any-return]


async def _make(home: Path, count: int, bots: int, orders: int, every: int) -> dict[str, Any]:
    """Write the past; the newest snapshot is as old as it can be, so that the tail is at its longest."""
    clock = SteadyClock()
    journal = SqliteJournal.open(home, "bench", "bench", clock)
    desk, taken, encode_s, body = Desk(), 0, 0.0, b""
    past = entries(count, bots, orders, clock())
    archived = count - 4 * every  # what a start will not see is written in larger pieces
    last_snapshot = (count - every // 2) // every * every
    futures = []
    while batch := list(islice(past, PER_FLUSH if taken >= archived else PER_FLUSH_EARLY)):
        futures.append(journal.append(batch))
        await asyncio.sleep(0)
        for entry in batch:
            apply(desk, entry.record, entry.ts_ns)
        seq = batch[-1].seq
        if seq - taken >= every and seq <= last_snapshot + PER_FLUSH_EARLY:
            await asyncio.gather(*futures)
            futures.clear()
            began = time.perf_counter()
            body = encode_desk(desk)
            encode_s, taken = time.perf_counter() - began, seq
            await journal.snapshot(seq, body)
    await asyncio.gather(*futures)
    await journal.compact()
    await journal.close()
    live = (home / "bench.sqlite").stat().st_size
    archived = sum(path.stat().st_size for path in home.glob("*.archive-*"))
    return {"live": live, "archived": archived, "snapshot": len(body), "encode": encode_s}


def start(home: str, bots: int) -> dict[str, Any]:
    return run(lambda: _start(Path(home), bots))  # type: ignore[no-any-return]


async def _start(home: Path, bots: int) -> dict[str, Any]:
    imports = time.process_time()
    clock = SteadyClock()
    venue = _Silent(clock)
    began = time.perf_counter()
    journal = SqliteJournal.open(home, "bench", "bench", clock)
    opened = time.perf_counter()
    config = CellConfig("bench", "bench", 77)
    tail = journal.past().last_seq - journal.past().snapshot_seq
    looked = time.perf_counter()
    cell = Cell(config, journal, {ACCOUNT: venue}, BUILT_IN, RiskBook(), clock)
    folded = time.perf_counter()
    running = asyncio.get_running_loop().create_task(cell.run())
    await venue.reported.wait()
    asked = time.perf_counter()
    standing = [o for o in cell.engine.desk.account(ACCOUNT).orders.values() if o.state is State.OPEN]
    report = _report(cell, bots, clock())
    told = time.perf_counter()
    cell.hear(Reported(ACCOUNT, report))
    await ready(cell)
    reconciled = time.perf_counter()
    rss, peak = rss_mb(), peak_mb()
    cell.stop()
    await running
    journal.abandon()  # as found, for the next start
    return {
        "imports": imports,
        "journal": opened - began,
        "fold": folded - looked,
        "born": asked - folded,
        "all": asked - began - (looked - opened),
        "reconcile": reconciled - told,
        "open": len(standing),
        "tail": tail,
        "rss": rss,
        "peak": peak,
    }


class _Silent(QuietVenue):
    """Connects, is asked, and does not answer: what it would say is given by the bench."""

    def __init__(self, clock: SteadyClock) -> None:
        super().__init__(0, clock, RULES)

    async def report(self, cursor: str) -> AccountReport | str:
        self.reported.set()
        await asyncio.get_running_loop().create_future()
        return "never"


def _report(cell: Cell, bots: int, now_ns: int) -> AccountReport:
    """What a venue that agrees with us would say."""
    account = cell.engine.desk.account(ACCOUNT)
    listed = tuple(
        OrderReport(
            client_id=o.client_id,
            venue_id=o.venue_id,
            symbol=o.symbol,
            side=o.side,
            qty=o.qty,
            price=o.price,
            cum_qty=o.told,
            state=State.OPEN,
            venue_ns=o.intent_ns,
            version=o.version,
        )
        for o in account.orders.values()
        if o.state is State.OPEN
    )
    nets = cell.engine.desk.nets
    positions = tuple(VenuePosition(m.partition(":")[2], net, net) for m, net in nets.items() if net)
    instruments = tuple(instrument(i) for i in range(bots))
    return AccountReport(now_ns, listed, (), (), positions, (), instruments, account.cursor)
