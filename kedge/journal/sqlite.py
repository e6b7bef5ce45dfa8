"""The journal of one cell in one file: what the embedded desk runs on.

`SqliteJournal.open` is a start: it takes the lease, checks the whole chain, and begins a new life, durably.
After that the file belongs to one thread (`writer.py`); this class turns the engine's calls into its jobs.

    home/<cell>.lease                  who drives (a lock, not a record)
    home/<cell>.sqlite                 entries since the older of two snapshots, and those snapshots
    home/<cell>.archive-0001.sqlite    older entries, never written again
"""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar, get_args

import apsw
import msgspec
from msgspec import Raw, Struct

from kedge.journal import archive, backup
from kedge.journal.journal import Corrupt, JournalError, MayBegin, Past
from kedge.journal.lease import FileLock, patiently
from kedge.journal.store import (
    ADVICE,
    PART_BYTES,
    SNAPSHOTS_KEPT,
    Store,
    check_sqlite,
    file_of,
    lease_of,
    plainly,
)
from kedge.journal.writer import Append, Writer
from kedge.model.records import Entry, Record

T = TypeVar("T")

# What may wait for the disk. The shell should take less in long before: see `Pressure.share`.
WAITING_BYTES_MAX = 64 << 20

_CELL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_encoder = msgspec.json.Encoder()
_syntax = msgspec.json.Decoder(list[tuple[int, int, Raw]])
_WITH_RAW = tuple(
    kind for kind in get_args(Record) if any(field.type is Raw for field in msgspec.structs.fields(kind))
)


class Pressure(Struct, frozen=True):
    """How far the disk is behind."""

    waiting_bytes: int
    limit_bytes: int

    @property
    def share(self) -> float:
        return self.waiting_bytes / self.limit_bytes


class Verdict(Struct, frozen=True):
    """What `verify` found: every entry of archives and live file read, chained and decoded."""

    entries: int
    first_seq: int
    last_seq: int
    archives: int


class SqliteJournal:
    """Implements `Journal`. Make one with `open`."""

    def __init__(
        self, home: Path, store: Store, lock: FileLock, version: str, now_ns: Callable[[], int]
    ) -> None:
        self.home = home
        self.cell = store.cell
        self.life = store.life
        self.bounds = archive.Bounds()
        self.notices = tuple(store.notices)
        self._version = version
        self._now_ns = now_ns
        self._lock = lock
        self._last_seq = store.end.seq
        self._closing = False
        self._writer = Writer(store, f"journal-{store.cell}", now_ns)
        # Appends of this turn of the loop: they go together, at its end.
        self._turn: list[Append] = []
        self._turn_bytes = 0
        self._turn_appends = 0
        # The last turn had one append at most: then the next one need not wait for company.
        self._alone = True
        self._janitor = ThreadPoolExecutor(1, f"janitor-{store.cell}")

    @classmethod
    def open(
        cls,
        home: Path,
        cell: str,
        version: str,
        now_ns: Callable[[], int],
        vfs: str = "",
        may: MayBegin | None = None,
    ) -> SqliteJournal:
        """Take the lease, check the past, begin a life. Raises a `JournalError` that says what to do.

        `may` is told when the last record was written; what it raises, it raises before anything is changed.
        """
        check_sqlite(apsw.sqlite_lib_version())
        check_cell(cell)
        with plainly(home):
            home.mkdir(parents=True, exist_ok=True)
        what = f"the cell {cell} in {home}"
        # A `kedge` command may be reading for a moment: two seconds of patience.
        lock = patiently(
            lambda: FileLock.take(lease_of(home, cell), what, now_ns()), 40, lambda: time.sleep(0.05)
        )
        try:
            path = file_of(home, cell)
            archive.clear_unfinished(home, cell)
            if not vfs and not path.exists() and archive.archives_of(home, cell):
                raise Corrupt(f"{path} is missing, but its archives are there; {ADVICE}")
            store = Store.open_to_drive(path, cell, version, now_ns(), vfs, may)
        except BaseException:
            lock.release()
            raise
        journal = cls(home, store, lock, version, now_ns)
        journal._writer.start()
        return journal

    # ── reading ─────────────────────────────────────────────────────────────────────────────

    def past(self) -> Past:
        return self._live(_past)

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]:
        """Safe to call from any thread; each chunk waits for one flush at most."""
        found = archive.entries(self.home, self.cell, self._live, after_seq)
        return islice(found, limit) if limit else found

    def verify(self) -> Verdict:
        """Read and check everything there is; raises `Corrupt` at the first broken place."""
        return _verify(self.home, self.cell, self._live)

    # ── writing ─────────────────────────────────────────────────────────────────────────────

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        error = self._refusal(entries)
        if error is not None:
            future.set_exception(error)
            return future
        body = _encoder.encode(entries)
        # Raw fields go in unread: a torn one would make the whole row unreadable for ever.
        if any(type(entry.record) in _WITH_RAW for entry in entries):
            _syntax.decode(body)
        self._last_seq = entries[-1].seq
        item = Append(entries[0].seq, self._last_seq, entries[-1].ts_ns, body, future, loop)
        self._turn_appends += 1
        if self._turn_appends == 1:
            loop.call_soon(self._end_turn)
            if self._alone and self._writer.flush_here([item]):
                return future
        self._turn_bytes += len(body)
        self._turn.append(item)
        return future

    def _end_turn(self) -> None:
        self._alone, self._turn_appends = self._turn_appends <= 1, 0
        turn, self._turn, self._turn_bytes = self._turn, [], 0
        if turn and not self._writer.flush_here(turn):
            for item in turn:
                self._writer.append(item)

    def _refusal(self, entries: Sequence[Entry]) -> JournalError | None:
        broken = self._writer.broken
        if broken is not None:
            return type(broken)(*broken.args)
        if self._closing:
            return JournalError(f"the journal of {self.cell} is closed")
        expected = self._last_seq + 1
        for seq, entry in enumerate(entries, expected):
            if entry.seq != seq:
                return self._break(
                    f"entry {entry.seq} was given where {seq} follows: this is a fault of ours"
                )
        if not entries:
            return self._break("an append of nothing: this is a fault of ours")
        if self._waiting_bytes > WAITING_BYTES_MAX:
            return self._break(f"the disk is {WAITING_BYTES_MAX >> 20} MB behind: it cannot keep up")
        return None

    def _break(self, says: str) -> JournalError:
        self._writer.broken = self._writer.broken or JournalError(
            f"the journal of {self.cell} stopped: {says}"
        )
        return JournalError(*self._writer.broken.args)

    @property
    def pressure(self) -> Pressure:
        return Pressure(self._waiting_bytes, WAITING_BYTES_MAX)

    @property
    def _waiting_bytes(self) -> int:
        return self._turn_bytes + self._writer.waiting_bytes

    def holds(self) -> bool:
        """The lock is the system's and ends with us: only a fence or a failure can end it before."""
        return self._writer.broken is None and not self._closing

    # ── upkeep ──────────────────────────────────────────────────────────────────────────────

    async def snapshot(self, seq: int, body: bytes) -> None:
        """Returns when the snapshot is durable; compaction follows by itself in the background."""
        ts_ns = self._now_ns()
        await self._in_background(lambda: self._keep_snapshot(seq, ts_ns, body))
        if not self._closing:
            self._janitor.submit(self._compact)

    async def compact(self) -> int:
        """Move what may be moved to the archive now; returns how many entries moved."""
        return await self._in_background(self._compact)

    async def backup(self, target: Path) -> None:
        """A checked copy of everything in the new folder `target`, while the engine goes on."""

        def copy() -> None:
            backup.copy(self.home, self.cell, self._live, target, lambda: self._closing)

        await self._in_background(copy)

    async def close(self) -> None:
        """What was appended becomes durable; what runs in the background stops at its next safe place."""
        self._closing = True
        self._end_turn()
        if not self._writer.closed.done():
            await asyncio.wrap_future(self._janitor.submit(lambda: None))
            self._writer.stop()
            await asyncio.wrap_future(self._writer.closed)
        self._finish()

    def abandon(self) -> None:
        """Drop everything at once, as a killed process would. For tests and storms."""
        self._closing = True
        self._writer.stop(clean=False)
        self._finish()

    def _finish(self) -> None:
        self._writer.join()
        self._janitor.shutdown()
        self._lock.release()

    def _compact(self) -> int:
        return archive.compact(self.home, self.cell, self._live, lambda: self._closing, self.bounds)

    def _keep_snapshot(self, seq: int, ts_ns: int, body: bytes) -> None:
        if seq <= max(self._live(Store.snapshot_seqs), default=0):
            return  # the same state, or an older one, is nothing new
        crc, packed = zlib.crc32(body), zlib.compress(body, 1)
        parts = range(0, len(packed), PART_BYTES)
        for part, start in enumerate(parts):
            piece = packed[start : start + PART_BYTES]
            self._live(partial(Store.put_part, seq=seq, part=part, body=piece), True)
        version = self._version
        self._live(lambda store: store.seal_snapshot(seq, ts_ns, version, len(parts), crc), True)
        for old in self._live(Store.snapshot_seqs)[SNAPSHOTS_KEPT:]:
            while self._live(partial(Store.forget_snapshot, seq=old, parts=4), True):
                pass

    def _live(self, work: Callable[[Store], T], writes: bool = False) -> T:
        return self._writer.call(work, writes).result()

    async def _in_background(self, work: Callable[[], T]) -> T:
        if self._closing:
            raise JournalError(f"the journal of {self.cell} is closed")
        return await asyncio.wrap_future(self._janitor.submit(work))


class ReadOnlyJournal:
    """A stopped desk's journal, for the command line. Raises `LeaseHeld` while an engine runs."""

    def __init__(self, home: Path, cell: str, store: Store, lock: FileLock) -> None:
        self.home = home
        self.cell = cell
        self.life = store.life
        self._store = store
        self._lock = lock

    @classmethod
    def open(cls, home: Path, cell: str) -> ReadOnlyJournal:
        check_sqlite(apsw.sqlite_lib_version())
        check_cell(cell)
        if not file_of(home, cell).exists():
            raise JournalError(f"there is no journal of the cell {cell} in {home}")
        lock = FileLock.share(lease_of(home, cell), f"the cell {cell} in {home}")
        try:
            return cls(home, cell, Store.open_to_read(file_of(home, cell)), lock)
        except BaseException:
            lock.release()
            raise

    def past(self) -> Past:
        return self._live(_past)

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]:
        found = archive.entries(self.home, self.cell, self._live, after_seq)
        return islice(found, limit) if limit else found

    def verify(self) -> Verdict:
        return _verify(self.home, self.cell, self._live)

    def close(self) -> None:
        self._store.close()
        self._lock.release()

    def __enter__(self) -> ReadOnlyJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _live(self, work: Callable[[Store], T], writes: bool = False) -> T:
        assert not writes
        with plainly(self._store.path):
            return work(self._store)


def check_cell(cell: str) -> None:
    if not _CELL.fullmatch(cell):
        raise JournalError(f"{cell!r} cannot name a cell: use letters, digits, - and _ (64 at most)")


def _past(store: Store) -> Past:
    kept = store.newest_snapshot()
    if kept is None:
        return Past(None, 0, store.end.seq)
    return Past(kept.body, kept.seq, store.end.seq)


def _verify(home: Path, cell: str, live: archive.Live) -> Verdict:
    count, first, last = 0, 0, 0
    for entry in archive.entries(home, cell, live, 0):
        first = first or entry.seq
        last = entry.seq
        count += 1
    live(lambda store: store.newest_snapshot())
    return Verdict(count, first, last, len(archive.archives_of(home, cell)))
