"""A journal in memory that keeps the `Journal` protocol on a `SimDisk`, with all its lies.

What it promises is what the real ones promise: appends become durable in order, a group at one instant;
a failure is final; a life that was fenced cannot write. What the disk may do to it is in `medium.py`.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from kedge.model.records import Entry, encode
from kedge.sim.medium import (
    SECOND_NS,
    DiskCorrupt,
    DiskError,
    DiskFenced,
    DiskHeld,
    DiskWeather,
    JournalTypes,
    Line,
    SimDisk,
    Snapshot,
    Write,
)
from kedge.sim.process import Process
from kedge.sim.scheduler import Scheduler

__all__ = [
    "DiskCorrupt",
    "DiskError",
    "DiskFenced",
    "DiskHeld",
    "DiskWeather",
    "JournalTypes",
    "SimDisk",
    "SimJournal",
]

WAITING_MAX = 100_000  # entries that may wait for the disk before the journal gives up


class SimJournal:
    """One opening of a disk. Raises as `SimDisk.types` says; dies with the process that opened it.

    `process` and `clock` come from the running `StormLoop` where they are not given; on an ordinary loop
    there is no process, and `abandon` stands for the power cut.
    """

    def __init__(
        self, disk: SimDisk, *, process: Process | None = None, clock: Callable[[], int] | None = None
    ) -> None:
        loop = asyncio.get_running_loop() if process is None else process.loop
        if process is None and isinstance(loop, Scheduler):
            process = loop.current
        self._disk = disk
        self._loop = loop
        self._process = process
        self._clock = clock if clock is not None else _clock_of(loop)
        self._waiting: list[Write] = []
        self._flight: list[Write] = []
        self._waiting_entries = 0
        self._begins: asyncio.Handle | None = None
        self._broken: Exception | None = None
        self._closing = False
        self._idle: asyncio.Future[None] | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self.cell = disk.cell
        self.life = disk.claim(self, self._clock())
        self._last_seq = disk.last_seq
        self._renewed_ns = self._clock()
        if process is not None:
            process.at_death(self.abandon)
        if disk.weather.lease_ttl_ns:
            self._arm_renewal()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def past(self) -> Any:
        kept = self._disk.newest_snapshot()
        if kept is None:
            return self._disk.types.past(None, 0, self._disk.last_seq)
        return self._disk.types.past(kept[1], kept[0], self._disk.last_seq)

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]:
        found = self._disk.read(after_seq)
        return islice(found, limit) if limit else found

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        if self._process is not None:
            self._process.check()
        future: asyncio.Future[None] = self._loop.create_future()
        refusal = self._refusal(entries)
        if refusal is not None:
            future.set_exception(refusal)
            return future
        self._last_seq = entries[-1].seq
        self._waiting_entries += len(entries)
        real = self._disk.weather.real_bytes
        self._enqueue(Write([_line(entry, entry is entries[-1], real) for entry in entries], future))
        return future

    async def snapshot(self, seq: int, body: bytes) -> None:
        """Durable after everything appended before it, so it never runs ahead of its entries."""
        if self._closing:
            raise self._disk.types.failed(f"the journal of {self.cell} is closed")
        if self._broken is not None:
            raise _again(self._broken)
        assert 0 < seq <= self._last_seq, f"a snapshot of {seq}, but the last entry is {self._last_seq}"
        future: asyncio.Future[None] = self._loop.create_future()
        self._enqueue(Write(Snapshot(seq, body, zlib.crc32(body)), future))
        await future

    def holds(self) -> bool:
        if self._broken is not None or self._closing:
            return False
        ttl_ns = self._disk.weather.lease_ttl_ns
        return not ttl_ns or self._clock() - self._renewed_ns <= ttl_ns

    def lives(self) -> bool:
        """Whether the process behind this opening still has the file open."""
        return not self._closing and (self._process is None or self._process.alive)

    async def close(self) -> None:
        """What was appended becomes durable first."""
        self._closing = True
        if self._flight or self._waiting:
            if self._idle is None:
                self._idle = self._loop.create_future()
            await asyncio.shield(self._idle)
        if self._renewal is not None:
            self._renewal.cancel()
        self._disk.release(self.life)

    def abandon(self) -> None:
        """Drop this opening as a power cut does; the disk keeps what it likes of the unsynced."""
        if self._broken is None:
            self._disk.power_cut(self.life, [*self._flight, *self._waiting])
            self._broken = self._disk.types.failed(f"the journal of {self.cell} was abandoned")
        self._flight, self._waiting = [], []
        self._closing = True
        for handle in (self._renewal, self._begins):
            if handle is not None:
                handle.cancel()

    # ── the flusher ──────────────────────────────────────────────────────────────────────────────

    def _enqueue(self, write: Write) -> None:
        self._waiting.append(write)
        if not self._flight and self._begins is None:
            self._begins = self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        """Take all that waits into one flush: the more happens at once, the more each flush carries."""
        self._begins = None
        self._flight, self._waiting = self._waiting, []
        self._waiting_entries = 0
        if self._flight:
            self._loop.call_later(self._disk.delay_ns() / SECOND_NS, self._flushed)

    def _flushed(self) -> None:
        flight, self._flight = self._flight, []
        if self._broken is None and flight:
            try:
                self._disk.commit(self.life, flight, self._clock())
                self._renewed_ns = self._clock()
            except (self._disk.types.failed, self._disk.types.fenced) as error:
                self._broken = error
        _tell(flight, self._broken)
        if self._broken is not None:
            _tell(self._waiting, self._broken)
            self._waiting = []
        if self._waiting:
            self._begin()
        elif self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _refusal(self, entries: Sequence[Entry]) -> Exception | None:
        if self._broken is not None:
            return _again(self._broken)
        failed = self._disk.types.failed
        if self._closing:
            return failed(f"the journal of {self.cell} is closed")
        expected = range(self._last_seq + 1, self._last_seq + 1 + len(entries))
        if not entries or any(entry.seq != seq for entry, seq in zip(entries, expected, strict=True)):
            says = (
                f"the journal of {self.cell} stopped: entries out of order or none: this is a fault of ours"
            )
        elif self._waiting_entries > WAITING_MAX:
            says = f"the journal of {self.cell} stopped: the disk cannot keep up"
        else:
            return None
        self._broken = failed(says)
        return failed(says)

    def _arm_renewal(self) -> None:
        every_ns = self._disk.weather.lease_ttl_ns // 3
        self._renewal = self._loop.call_later(every_ns / SECOND_NS, self._renew)

    def _renew(self) -> None:
        if self._broken is not None or self._closing:
            return
        try:
            self._disk.renew(self.life, self._clock())
        except self._disk.types.fenced as error:
            self._broken = error
            return
        self._renewed_ns = self._clock()
        self._arm_renewal()


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], int]:
    if isinstance(loop, Scheduler):
        return lambda: loop.now_ns
    return lambda: round(loop.time() * SECOND_NS)


def _line(entry: Entry, ending: bool, real_bytes: bool) -> Line:
    body = encode(entry.record) if real_bytes else b""
    return Line(entry.seq, entry.ts_ns, body, zlib.crc32(body, entry.seq), ending, entry)


def _again(error: Exception) -> Exception:
    """A copy: one exception raised in two places mixes up their tracebacks."""
    return type(error)(*error.args)


def _tell(writes: Sequence[Write], error: Exception | None) -> None:
    for write in writes:
        if write.durable.done():
            continue
        if error is None:
            write.durable.set_result(None)
        else:
            write.durable.set_exception(_again(error))
