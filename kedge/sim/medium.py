"""A disk that lies the way disks do. `SimJournal` (in `disk.py`) is one opening of it by one process.

The fault model, to the last edge:

* `append` only enqueues. A flusher takes all that waits, and after the disk's delay the whole group is
  durable at one instant. Then, and only then, its futures resolve.
* A power cut keeps a random prefix of what was not yet durable: whole appends by default (as a database
  commits them), or whole entries (ruder than any database: one step's records may be parted). The next
  append may be left torn; whoever opens the disk next finds that its end is missing and drops it.
* A write can fail: the disk is full, read-only, or it is the n-th write. A failed write may have left a
  prefix behind all the same. A failure is final: the journal refuses everything afterwards.
* One opening is one life. It is raised durably, and a write by an older life fails with `Fenced`, at the
  instant of that write and not before: until then the older life believes in its lease, unless it has not
  been able to renew it for as long as a lease may live.
* Entries pass through their real bytes: encoded when they are appended, decoded and compared when they are
  read. `real_bytes=False` skips that for storms that look for something else.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from kedge.model.records import Entry, decode
from kedge.sim.tape import Marks, Tape

SNAPSHOTS_KEPT = 2
UNREAL_BYTES = 200  # what an entry counts for where real bytes are switched off
SECOND_NS = 1_000_000_000


class DiskError(Exception):
    """The disk cannot be written or read."""


class DiskFenced(DiskError):
    """Another life has begun."""


class DiskHeld(DiskError):
    """Another process holds the lease now."""


class DiskCorrupt(DiskError):
    """What was read is not what was written."""


class Past(Struct, frozen=True):
    """The shape of the journal room's `Past`."""

    snapshot: bytes | None
    snapshot_seq: int
    last_seq: int


class JournalTypes(NamedTuple):
    """The journal room's own classes, handed in because `sim` may not import them."""

    failed: type[Exception] = DiskError
    fenced: type[Exception] = DiskFenced
    held: type[Exception] = DiskHeld
    corrupt: type[Exception] = DiskCorrupt
    past: Callable[[bytes | None, int, int], Any] = Past


class DiskWeather(Struct, frozen=True):
    """How slow and how false this disk is."""

    flush_ns: tuple[int, int] = (200_000, 2_000_000)
    stall_permille: int = 0
    stall_ns: tuple[int, int] = (SECOND_NS // 10, 5 * SECOND_NS)
    cut: Literal["append", "entry"] = "append"
    torn_permille: int = 500
    # "steal": an opening always wins. "lock": not while the holder lives, as with a lock of the system's.
    # "ttl": not until the holder's last renewal is older than `lease_ttl_ns`.
    lease: Literal["steal", "lock", "ttl"] = "steal"
    lease_ttl_ns: int = 0  # 0: a lease has no age
    real_bytes: bool = True


class Line(Struct):
    """An entry as it lies on the disk."""

    seq: int
    ts_ns: int
    body: bytes  # empty where real bytes are switched off
    crc: int
    ending: bool  # the last of its append
    entry: Entry | None  # None: torn

    def whole(self) -> bool:
        return self.entry is not None and zlib.crc32(self.body, self.seq) == self.crc


class Snapshot(Struct):
    seq: int
    body: bytes
    crc: int


class Write(Struct):
    """One append or one snapshot on its way."""

    what: list[Line] | Snapshot
    durable: asyncio.Future[None]


class Holder(Protocol):
    """An opening, as far as the disk cares."""

    def lives(self) -> bool:
        """Whether its process still has the file open."""


class SimDisk:
    """The medium. Set `fail_at_write`, `full_at_bytes` and `read_only` at any time; all start off."""

    def __init__(
        self,
        tape: Tape | None = None,
        *,
        cell: str = "main",
        weather: DiskWeather | None = None,
        types: JournalTypes | None = None,
        marks: Marks | None = None,
    ) -> None:
        self.tape = tape if tape is not None else Tape.boring()
        self.cell = cell
        self.weather = weather if weather is not None else DiskWeather()
        self.types = types if types is not None else JournalTypes()
        self.marks = marks if marks is not None else Marks()
        self.fail_at_write: int | None = None  # counted from 1; openings, groups of appends and snapshots
        self.full_at_bytes: int | None = None
        self.read_only = False
        self.writes = 0
        self.life = 0
        self.holder: Holder | None = None
        self.lease_renewed_ns = 0
        self.archived_seq = 0  # entries up to here were moved to the archive; reading finds them there
        self.bytes_used = 0
        self._lines: list[Line] = []
        self._snapshots: list[Snapshot] = []

    @property
    def last_seq(self) -> int:
        """The last entry an opening would find."""
        return len(self._lines) - self._torn_tail()

    def entries(self, after_seq: int = 0) -> Iterator[Entry]:
        """What is durable, for checkers: not decoded, not checked."""
        for line in islice(self._lines, after_seq, self.last_seq):
            assert line.entry is not None
            yield line.entry

    def read(self, after_seq: int) -> Iterator[Entry]:
        """What an opening reads, checked line by line."""
        for place in range(after_seq, len(self._lines)):
            yield self._checked(self._lines[place], place + 1)

    def newest_snapshot(self) -> tuple[int, bytes] | None:
        """The newest one whose checksum holds."""
        for kept in reversed(self._snapshots):
            if zlib.crc32(kept.body) == kept.crc:
                return kept.seq, kept.body
            self.marks.sometimes("disk.snapshot-passed-over")
        if self._snapshots:
            raise self.types.corrupt(f"no snapshot of {self.cell} can be read")
        return None

    def rot(self, seq: int) -> None:
        """Flip a bit of a durable entry, as a dying disk does."""
        line = self._lines[seq - 1]
        line.crc ^= 1

    def rot_snapshot(self) -> None:
        self._snapshots[-1].crc ^= 1

    def delay_ns(self) -> int:
        weather = self.weather
        if self.tape.chance("disk.stall", weather.stall_permille):
            self.marks.sometimes("disk.stall")
            return self.tape.ns("disk.stall_ns", *weather.stall_ns)
        return self.tape.ns("disk.flush_ns", *weather.flush_ns)

    # ── what a journal asks of it ────────────────────────────────────────────────────────────────

    def claim(self, journal: Holder, now_ns: int) -> int:
        """Begin a life: the number is raised durably, and every older life is fenced from now on."""
        self._refuse_if_held(now_ns)
        self._count_write(0)
        self._recover()
        self.life += 1
        self.holder = journal
        self.lease_renewed_ns = now_ns
        return self.life

    def renew(self, life: int, now_ns: int) -> None:
        self._refuse_if_fenced(life)
        self.lease_renewed_ns = now_ns

    def release(self, life: int) -> None:
        if life == self.life:
            self.holder = None

    def commit(self, life: int, writes: Sequence[Write], now_ns: int) -> None:
        """Make a group durable at this instant, all of it; where it raises, a prefix may be there too."""
        self._refuse_if_fenced(life)
        size = sum(_size(write) for write in writes)
        try:
            self._count_write(size)
        except self.types.failed:
            kept = self.tape.draw("disk.kept_on_error", len(writes) + 1)
            if kept and not self.read_only and self.full_at_bytes is None:
                self.marks.sometimes("disk.kept-on-error")
                self._put(writes[:kept])
            raise
        self._put(writes)
        self.lease_renewed_ns = now_ns

    def power_cut(self, life: int, unsynced: Sequence[Write]) -> None:
        """Keep a random prefix of what was on its way; what follows it may be left torn."""
        if life != self.life or self.read_only or not unsynced:
            return
        kept = self.tape.draw("disk.keep", len(unsynced) + 1)
        self.marks.sometimes("disk.kept-unsynced" if kept else "disk.lost-unsynced")
        self._put(unsynced[:kept])
        if kept == len(unsynced):
            return
        lines = unsynced[kept].what
        if isinstance(lines, Snapshot):
            return
        if self.weather.cut == "entry":
            whole = self.tape.draw("disk.keep_entries", len(lines))
            self._put_lines([msgspec.structs.replace(line, ending=True) for line in lines[:whole]])
            lines = lines[whole:]
        if self.tape.chance("disk.torn", self.weather.torn_permille):
            self.marks.sometimes("disk.torn")
            there = self.tape.draw("disk.torn_at", len(lines))
            self._put_lines([*lines[:there], _torn(lines[there])])

    # ── the medium ───────────────────────────────────────────────────────────────────────────────

    def _put(self, writes: Sequence[Write]) -> None:
        for write in writes:
            if isinstance(write.what, Snapshot):
                self._snapshots.append(write.what)
                del self._snapshots[:-SNAPSHOTS_KEPT]
                # Entries since the older snapshot stay at hand, in case the newer one cannot be read.
                self.archived_seq = self._snapshots[0].seq if len(self._snapshots) > 1 else 0
            else:
                self._put_lines(write.what)

    def _put_lines(self, lines: Sequence[Line]) -> None:
        for line in lines:
            assert line.seq == len(self._lines) + 1, "the disk was given entries out of order"
            self._lines.append(line)
            self.bytes_used += line_bytes(line)

    def _recover(self) -> None:
        """Drop what a cut left torn: an append whose end never reached the disk."""
        torn = self._torn_tail()
        for line in self._lines[len(self._lines) - torn :]:
            self.bytes_used -= line_bytes(line)
        del self._lines[len(self._lines) - torn :]
        if torn:
            self.marks.sometimes("disk.torn-dropped")

    def _torn_tail(self) -> int:
        torn = 0
        while torn < len(self._lines) and not self._lines[-1 - torn].ending:
            torn += 1
        return torn

    def _checked(self, line: Line, seq: int) -> Entry:
        if line.entry is None or line.seq != seq or not line.whole():
            raise self.types.corrupt(f"entry {seq} of {self.cell} fails its checksum")
        if not self.weather.real_bytes:
            return line.entry
        try:
            record = decode(line.body)
        except msgspec.DecodeError as error:
            raise self.types.corrupt(f"entry {seq} of {self.cell} cannot be read: {error}") from error
        if record != line.entry.record:
            raise self.types.corrupt(f"entry {seq} of {self.cell} was {line.entry.record}, reads {record}")
        return Entry(line.seq, line.ts_ns, record)

    def _count_write(self, size: int) -> None:
        self.writes += 1
        if self.read_only:
            raise self.types.failed(f"the disk of {self.cell} is read-only")
        if self.full_at_bytes is not None and self.bytes_used + size > self.full_at_bytes:
            self.marks.sometimes("disk.full")
            raise self.types.failed(f"the disk of {self.cell} is full")
        if self.writes == self.fail_at_write:
            self.marks.sometimes("disk.failed")
            raise self.types.failed(f"the disk of {self.cell} failed at write {self.writes}")

    def _refuse_if_fenced(self, life: int) -> None:
        if life != self.life:
            self.marks.sometimes("disk.fenced")
            raise self.types.fenced(f"life {life} of {self.cell} ended when life {self.life} began")

    def _refuse_if_held(self, now_ns: int) -> None:
        holder, weather = self.holder, self.weather
        if holder is None or weather.lease == "steal":
            return
        if weather.lease == "lock" and not holder.lives():
            return
        if weather.lease == "ttl" and now_ns - self.lease_renewed_ns > weather.lease_ttl_ns:
            return
        self.marks.sometimes("disk.lease-held")
        raise self.types.held(f"the lease of {self.cell} is held by life {self.life}")


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def line_bytes(line: Line) -> int:
    return len(line.body) or UNREAL_BYTES


def _torn(line: Line) -> Line:
    half = line.body[: len(line.body) // 2]
    return msgspec.structs.replace(line, body=half, crc=line.crc ^ 1, ending=False, entry=None)


def _size(write: Write) -> int:
    if isinstance(write.what, Snapshot):
        return len(write.what.body)
    return sum(line_bytes(line) for line in write.what)
