"""One journal file, opened by one thread at a time: its rows, its chain, its snapshots.

A row is a *flush*: all entries that became durable by one disk sync, as one JSON text. One statement
writes it, and the same statement proves that our life is still the newest, so an append is one step into
SQLite and back, whatever number of entries it holds. `docs/why/journal.md` has the measurements.

Every row carries a crc32 chained over the row before and everything in this one: a row lost, changed,
swapped or doubled breaks the chain at its place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec
from msgspec import Struct

from kedge.journal import migrate
from kedge.journal.journal import Corrupt, Fenced, JournalError, LeaseHeld, MayBegin, TooNew
from kedge.model.records import Entry

T = TypeVar("T")

# 3.7.0 to 3.51.2 can lose committed pages when a WAL is reset (sqlite.org/wal.html, "the WAL-reset bug").
SQLITE_LEAST = (3, 51, 3)
APPLICATION_ID = 0x4B454447  # "KEDG", for file(1)
PAGE = 4096
# The WAL is written to this size in advance: a sync that also grows the file costs half as much again.
WAL_BYTES = 8 << 20
PART_BYTES = 256 << 10
SNAPSHOTS_KEPT = 2
# How long a start waits for another process to let the file go.
BUSY_MS = 2000

_header = struct.Struct("<QQqI")

_INSERT = (
    "INSERT INTO flush SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM cell WHERE one = 1 AND life = ?)"
)
_ROWS = (
    "SELECT first_seq, last_seq, ts_ns, vocabulary, crc, body FROM flush "
    "WHERE first_seq > ? ORDER BY first_seq LIMIT ?"
)


class Row(Struct, frozen=True, array_like=True):
    """One flush as stored."""

    first_seq: int
    last_seq: int
    ts_ns: int
    vocabulary: int
    crc: int
    body: bytes


class Link(Struct, frozen=True, array_like=True):
    """A place in the chain: the last entry so far, and the chain's value there."""

    seq: int
    crc: int


class Vocabulary(Struct, frozen=True):
    version: str
    kinds: dict[str, int]
    current: bool


class Kept(Struct, frozen=True):
    """A snapshot as stored, unpacked and checked."""

    seq: int
    version: str
    body: bytes


def file_of(home: Path, cell: str) -> Path:
    return home / f"{cell}.sqlite"


def lease_of(home: Path, cell: str) -> Path:
    return home / f"{cell}.lease"


def chained(link: Link, first: int, last: int, ts_ns: int, vocabulary: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_header.pack(first, last, ts_ns, vocabulary), link.crc))


def check_sqlite(version: str) -> None:
    """Raises `JournalError` on a SQLite that can corrupt a journal."""
    if tuple(int(part) for part in version.split(".")[:3]) < SQLITE_LEAST:
        least = ".".join(map(str, SQLITE_LEAST))
        raise JournalError(
            f"SQLite {version} can lose committed records (the WAL-reset bug); "
            f"install apsw {least} or newer: pip install --upgrade apsw"
        )


class Store:
    """The file, its chain's end, and what may be done to it."""

    def __init__(self, db: apsw.Connection, path: Path) -> None:
        self.db = db
        self.path = path
        self.cell, self.life, anchor_seq, anchor_crc = _cell_row(db, path)
        self.anchor = Link(anchor_seq, anchor_crc)
        self.end = self.anchor
        self.vocabularies = _vocabularies(db, path)
        self.vocabulary = max(self.vocabularies, default=0)
        # What a person should hear about this file, though it did not stop the start.
        self.notices: list[str] = []

    # ── opening ─────────────────────────────────────────────────────────────────────────────

    @classmethod
    def open_to_drive(
        cls, path: Path, cell: str, version: str, now_ns: int, vfs: str = "", may: MayBegin | None = None
    ) -> Store:
        """Make or upgrade the file, check it, and begin a new life in it, durably, if that may be."""
        with plainly(path):
            fresh = not path.exists() if not vfs else False
            db = apsw.Connection(os.fspath(path), vfs=vfs or None)
            try:
                _set_up(db, path)
                _sound(db, path)
                _upgrade_schema(db, cell, path)
                store = cls(db, path)
                if store.cell != cell:
                    raise JournalError(f"{path} belongs to the cell {store.cell}, not to {cell}")
                store.check()
                if may is not None:
                    may(store.last_ns())
                with db:  # all or nothing: damage may show only when something is written
                    store._drop_damaged()
                    store._begin_life(version, now_ns)
                if not vfs:
                    _preallocate(path.with_name(path.name + "-wal"))
                if fresh:
                    sync_directory(path.parent)
            except BaseException:
                # Left as found, the WAL too: it may be all that a rescue has.
                db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                db.close(True)
                raise
            return store

    @classmethod
    def open_to_read(cls, path: Path) -> Store:
        """Open without the right to change anything; the caller sees to it that no engine runs."""
        if not path.exists():
            raise JournalError(f"there is no journal at {path}")
        with plainly(path):
            db = _open_read_only(path)
            try:
                _sound(db, path)
                check_schema(db, path)
                store = cls(db, path)
                store.end = store.last_link()
            except BaseException:
                db.close(True)
                raise
            return store

    def _begin_life(self, version: str, now_ns: int) -> None:
        """Raise the life: the later of the next number and the clock's second.

        The clock is there for copies: a home restored from a backup, or a machine set back to an older
        image, would else begin lives that were already lived, and mint order ids a second time.
        """
        life = max(self.life + 1, now_ns // 10**9)
        kinds = migrate.kinds()
        with self.db:
            self.db.execute("UPDATE cell SET life = ? WHERE one = 1 AND life = ?", (life, self.life))
            assert self.db.changes() == 1
            newest = self.vocabularies.get(self.vocabulary)
            if newest is None or newest.kinds != kinds or newest.version != version:
                self.vocabulary += 1
                self.vocabularies[self.vocabulary] = Vocabulary(version, kinds, True)
                text = msgspec.json.encode(kinds).decode()
                self.db.execute("INSERT INTO vocabulary VALUES (?, ?, ?)", (self.vocabulary, version, text))
            # What a crash left half-written.
            self.db.execute(
                "DELETE FROM snapshot_part WHERE seq NOT IN (SELECT seq FROM snapshot)",
            )
        self.life = life

    # ── entries ─────────────────────────────────────────────────────────────────────────────

    def append(self, first: int, last: int, ts_ns: int, body: bytes) -> None:
        """Make one flush durable, or raise: `Fenced` when another life has begun."""
        assert self.end.seq + 1 == first <= last
        crc = chained(self.end, first, last, ts_ns, self.vocabulary, body)
        self.db.execute(_INSERT, (first, last, ts_ns, self.vocabulary, crc, body, self.life))
        if self.db.changes() != 1:
            raise Fenced(f"another life of the cell {self.cell} has begun; this one (life {self.life}) stops")
        self.end = Link(last, crc)

    def rows(self, after: int, count: int) -> list[Row]:
        """Up to `count` rows whose last entry is after `after`, in order."""
        found = self.db.execute("SELECT max(first_seq) FROM flush WHERE first_seq <= ?", (after + 1,)).get
        start = after if found is None else found - 1
        found = [read_columns(row, Row, self.path) for row in self.db.execute(_ROWS, (start, count))]
        return [row for row in found if row.last_seq > after]

    def link_before(self, first_seq: int) -> Link:
        """The chain's value just before the row that starts at `first_seq`."""
        row = self.db.execute(
            "SELECT last_seq, crc FROM flush WHERE first_seq < ? ORDER BY first_seq DESC LIMIT 1",
            (first_seq,),
        ).get
        link = self.anchor if row is None else read_columns(row, Link, self.path)
        return link if link.seq > self.anchor.seq else self.anchor

    def last_whole(self, seq: int) -> int:
        """The last entry of the last row that ends at or before `seq`; 0 when there is none."""
        last: int | None = self.db.execute(
            "SELECT max(last_seq) FROM flush WHERE first_seq <= ? AND last_seq <= ?", (seq, seq)
        ).get
        return last or 0

    def last_link(self) -> Link:
        row = self.db.execute("SELECT last_seq, crc FROM flush ORDER BY first_seq DESC LIMIT 1").get
        return self.anchor if row is None else read_columns(row, Link, self.path)

    def last_ns(self) -> int:
        """When the last record of this file was written; 0 where it has none."""
        return self.db.execute("SELECT max(ts_ns) FROM flush").get or 0

    def check(self) -> int:
        """Walk the whole chain of this file; raises `Corrupt` at the first broken place."""
        link, count = self.anchor, 0
        for columns in self.db.execute(_ROWS, (-1, -1)):
            row = read_columns(columns, Row, self.path)
            if row.last_seq <= self.anchor.seq:
                continue  # archived already; a crash came before the deletion
            link = check_row(link, row, self.path)
            count += 1
        self.end = link
        return count

    def forget_rows(self, count: int) -> bool:
        """Delete up to `count` rows that the archive holds; true while there are more."""
        with self.db:
            self.db.execute(
                "DELETE FROM flush WHERE first_seq IN "
                "(SELECT first_seq FROM flush WHERE first_seq <= ? ORDER BY first_seq LIMIT ?)",
                (self.anchor.seq, count),
            )
            deleted = self.db.changes()
        return deleted == count

    def move_anchor(self, link: Link) -> None:
        """What is at or before `link` is the archive's from now on."""
        self.db.execute("UPDATE cell SET anchor_seq = ?, anchor_crc = ? WHERE one = 1", (link.seq, link.crc))
        self.anchor = link

    # ── snapshots ───────────────────────────────────────────────────────────────────────────

    def put_part(self, seq: int, part: int, body: bytes) -> None:
        self.db.execute("INSERT OR REPLACE INTO snapshot_part VALUES (?, ?, ?)", (seq, part, body))

    def seal_snapshot(self, seq: int, ts_ns: int, version: str, parts: int, crc: int) -> None:
        assert seq <= self.end.seq
        self.db.execute(
            "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?)", (seq, ts_ns, version, parts, crc)
        )

    def snapshot_seqs(self) -> list[int]:
        """Newest first."""
        return [seq for (seq,) in self.db.execute("SELECT seq FROM snapshot ORDER BY seq DESC")]

    def forget_snapshot(self, seq: int, parts: int) -> bool:
        """Delete a snapshot, a few parts at a time; true while there is more to delete."""
        with self.db:
            self.db.execute("DELETE FROM snapshot WHERE seq = ?", (seq,))
            self.db.execute(
                "DELETE FROM snapshot_part WHERE rowid IN "
                "(SELECT rowid FROM snapshot_part WHERE seq = ? LIMIT ?)",
                (seq, parts),
            )
            deleted = self.db.changes()
        return deleted == parts

    def newest_snapshot(self) -> Kept | None:
        """The newest snapshot that passes its own check; a damaged one is passed over for the older."""
        for seq in self.snapshot_seqs():
            if seq > self.end.seq:
                raise Corrupt(
                    f"{self.path} has a snapshot at entry {seq} but ends at entry {self.end.seq}; {ADVICE}"
                )
            columns = self.db.execute("SELECT version, parts, crc FROM snapshot WHERE seq = ?", (seq,)).get
            version, parts, crc = read_columns(columns, tuple[str, int, int], self.path)
            bodies = self.db.execute("SELECT body FROM snapshot_part WHERE seq = ? ORDER BY part", (seq,))
            packed = [read_columns(body, tuple[bytes], self.path)[0] for body in bodies]
            body = _unpacked(b"".join(packed)) if len(packed) == parts else None
            if body is not None and zlib.crc32(body) == crc:
                return Kept(seq, version, body)
        if self.anchor.seq > 0:
            raise Corrupt(f"no snapshot in {self.path} can be read, and older entries are archived; {ADVICE}")
        return None

    def _drop_damaged(self) -> None:
        """A damaged snapshot is of no use to anyone; what it held follows from the one before it."""
        kept = self.newest_snapshot()
        for seq in self.snapshot_seqs():
            if kept is None or seq > kept.seq:
                self.db.execute("DELETE FROM snapshot WHERE seq = ?", (seq,))
                before = f"the one at entry {kept.seq}" if kept else "the first entry"
                self.notices.append(f"the snapshot at entry {seq} was damaged: started from {before}")

    # ── upkeep ──────────────────────────────────────────────────────────────────────────────

    def checkpoint(self) -> None:
        self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self, clean: bool = True) -> None:
        """`clean` False leaves the WAL as a killed process would."""
        if not clean:
            self.db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.db.close(True)


ADVICE = "restore the home from a backup, or see what can be read with: kedge doctor --journal"


def check_row(link: Link, row: Row, path: Path) -> Link:
    """The chain's next place, or `Corrupt`."""
    if row.first_seq != link.seq + 1 or row.last_seq < row.first_seq:
        raise Corrupt(f"{path} lacks entry {link.seq + 1} (next comes {row.first_seq}); {ADVICE}")
    if chained(link, row.first_seq, row.last_seq, row.ts_ns, row.vocabulary, row.body) != row.crc:
        raise Corrupt(f"{path} is damaged at entry {row.first_seq}: its checksum does not match; {ADVICE}")
    return Link(row.last_seq, row.crc)


def read_columns(columns: object, shape: type[T], path: Path) -> T:
    """One row in its shape, or `Corrupt`: a damaged page may show anything in any column."""
    try:
        return msgspec.convert(columns, shape)
    except msgspec.ValidationError as error:
        raise Corrupt(f"{path} is damaged (a row of another shape: {error}); {ADVICE}") from None


def decode_row(row: Row, vocabularies: Mapping[int, Vocabulary], path: Path) -> list[Entry]:
    vocabulary = vocabularies.get(row.vocabulary)
    if vocabulary is None:
        raise Corrupt(f"{path}: entry {row.first_seq} has an unknown vocabulary {row.vocabulary}; {ADVICE}")
    try:
        if vocabulary.current:
            entries = migrate.decode_current(row.body)
        else:
            entries = migrate.decode_older(row.body, vocabulary.kinds)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt(f"{path}: entry {row.first_seq} cannot be read ({error}); {ADVICE}") from error
    if len(entries) != row.last_seq - row.first_seq + 1 or entries[0].seq != row.first_seq:
        raise Corrupt(f"{path}: the entries from {row.first_seq} are not numbered as their row; {ADVICE}")
    return entries


@contextlib.contextmanager
def plainly(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk say into one sentence for a person."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise in_words(error, path) from error
    except UnicodeDecodeError as error:
        raise Corrupt(f"{path} is damaged (what should be text is not); {ADVICE}") from error


def in_words(error: apsw.Error | OSError, path: Path) -> JournalError:
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return Corrupt(f"{path} is damaged ({error}); {ADVICE}")
    if isinstance(error, apsw.BusyError):
        return LeaseHeld(f"{path} is open in another process; stop it first")
    if isinstance(error, apsw.FullError) or getattr(error, "errno", None) == errno.ENOSPC:
        return JournalError(f"the disk of {path} is full: free some space and start again")
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError)):
        return JournalError(f"{path} cannot be written: the file or its disk is read-only")
    if isinstance(error, apsw.CantOpenError):
        return JournalError(f"{path} cannot be opened: check that the folder exists and is ours to write")
    return JournalError(f"the journal at {path} failed: {error}")


def sync_directory(directory: Path) -> None:
    if os.name == "posix":
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def check_schema(db: apsw.Connection, path: Path) -> int:
    number: int = db.pragma("user_version")
    if number > len(migrate.SCHEMA):
        raise TooNew(f"{path} was written by a newer Kedge (schema {number}); install that version or newer")
    if number == 0:
        raise Corrupt(f"{path} is not a journal, or is empty; {ADVICE}")
    return number


def create_schema(db: apsw.Connection, cell: str, life: int, anchor: Link) -> None:
    """All tables of today, in the caller's transaction."""
    for script in migrate.SCHEMA:
        db.execute(script)
    db.execute("INSERT INTO cell VALUES (1, ?, ?, ?, ?)", (cell, life, anchor.seq, anchor.crc))
    db.pragma("application_id", APPLICATION_ID)
    db.pragma("user_version", len(migrate.SCHEMA))


def _set_up(db: apsw.Connection, path: Path) -> None:
    db.set_busy_timeout(BUSY_MS)
    db.pragma("page_size", PAGE)
    # Exclusive before the first read: the WAL index lives in our memory, and nothing else can open the file.
    db.pragma("locking_mode", "EXCLUSIVE")
    if db.pragma("user_version") == 0 and db.execute("SELECT count(*) FROM sqlite_schema").get:
        raise JournalError(f"{path} is some other program's database; move it away")
    # As FULL once the log is on; before that, the first start's small journal file stays deleted too.
    db.pragma("synchronous", "EXTRA")
    if db.pragma("journal_mode", "WAL") != "wal":
        raise JournalError("this disk does not allow SQLite's write-ahead log; use a local disk")
    db.pragma("fullfsync", 1)  # macOS: fsync alone does not reach the medium there
    db.pragma("checkpoint_fullfsync", 1)
    db.pragma("wal_autocheckpoint", 0)  # the writer does it when idle
    db.pragma("cache_size", -8192)


def _open_read_only(path: Path) -> apsw.Connection:
    """The caller holds off writers, so a file without a log is immutable: reading leaves no trace."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size > 0:
        return apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READONLY)
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(path.absolute().as_uri() + "?immutable=1", flags=flags)


def _upgrade_schema(db: apsw.Connection, cell: str, path: Path) -> None:
    number: int = db.pragma("user_version")
    with db:
        if number == 0:
            create_schema(db, cell, 0, Link(0, 0))
            return
        steps = migrate.SCHEMA[check_schema(db, path) :]
        for step in steps:
            db.execute(step)
        if steps:  # else nothing is written before the file has been checked
            db.pragma("user_version", len(migrate.SCHEMA))


def _cell_row(db: apsw.Connection, path: Path) -> tuple[str, int, int, int]:
    row = db.execute("SELECT name, life, anchor_seq, anchor_crc FROM cell WHERE one = 1").get
    if row is None:
        raise Corrupt(f"{path} does not say which cell it belongs to; {ADVICE}")
    return read_columns(row, tuple[str, int, int, int], path)


def _sound(db: apsw.Connection, path: Path) -> None:
    """Have SQLite look at every page before anything is read from them: a torn one can hold anything."""
    says = db.execute("PRAGMA quick_check(1)").get
    if says != "ok":
        raise Corrupt(f"{path} is damaged ({says}); {ADVICE}")


def _vocabularies(db: apsw.Connection, path: Path) -> dict[int, Vocabulary]:
    found = {}
    for columns in db.execute("SELECT id, version, kinds FROM vocabulary ORDER BY id"):
        number, version, text = read_columns(columns, tuple[int, str, str], path)
        try:
            kinds = msgspec.json.decode(text, type=dict[str, int])
        except msgspec.DecodeError as error:
            raise Corrupt(f"{path} is damaged (vocabulary {number}: {error}); {ADVICE}") from None
        migrate.check_known(kinds, version)
        found[number] = Vocabulary(version, kinds, migrate.is_current(kinds))
    return found


def _unpacked(packed: bytes) -> bytes | None:
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return None


def _preallocate(wal: Path) -> None:
    """Write zeros up to `WAL_BYTES`: no frame is valid there, so SQLite reads them as the log's end."""
    with open(wal, "r+b") as file:
        missing = WAL_BYTES - file.seek(0, os.SEEK_END)
        if missing > 0:
            file.write(bytes(missing))
            file.flush()
            os.fsync(file.fileno())
