"""Old entries leave the live file for archive files, and reading does not notice.

An archive is a finished file that is never written again: the same rows and the same chain, from its
anchor to its end. Moving goes copy, sync, check, rename, point the live file past it, delete; each step
leaves every entry in at least one place, and reading takes an entry from the archive first. So a crash
at any point loses nothing and doubles nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import apsw
from msgspec import Struct

from kedge.journal.journal import Corrupt, JournalError
from kedge.journal.store import (
    ADVICE,
    PAGE,
    Link,
    Row,
    Store,
    Vocabulary,
    check_row,
    create_schema,
    decode_row,
    plainly,
    sync_directory,
)
from kedge.model.records import Entry

T = TypeVar("T")


class Live(Protocol):
    """How work gets to the live file: straight, or as a small job between two flushes of the writer."""

    def __call__(self, work: Callable[[Store], T], writes: bool = False) -> T: ...


CHUNK_ROWS = 256
# One archive holds about this much at most; a run of compaction makes as many as it needs.
ARCHIVE_BYTES = 256 << 20
# Below this there is nothing to gain: a start reads it in a moment.
LEAST_ENTRIES = 20_000


class Archive(Struct, frozen=True):
    """One finished archive: what it starts after, and where it ends."""

    path: Path
    number: int
    before: Link
    end: Link


def archives_of(home: Path, cell: str) -> list[Archive]:
    """All archives in order; raises `Corrupt` when they do not follow on each other."""
    found: list[Archive] = []
    for number, path in _numbered(home, cell):
        store = Store.open_to_read(path)
        archive = Archive(path, number, store.anchor, store.end)
        store.close()
        if found and archive.before != found[-1].end:
            raise Corrupt(
                f"{path} starts after entry {archive.before.seq} but the archive before it ends at entry "
                f"{found[-1].end.seq}; {ADVICE}"
            )
        found.append(archive)
    return found


def clear_unfinished(home: Path, cell: str) -> None:
    """Remove what a crash left of an archive that never got its name."""
    name = re.compile(re.escape(cell) + r"\.archive-(\d{4,})\.part(-journal)?")
    for path in home.iterdir():
        if name.fullmatch(path.name):
            path.unlink(missing_ok=True)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def entries(home: Path, cell: str, live: Live, after: int) -> Iterator[Entry]:
    """Entries with seq > `after` from the archives and then the live file, chain checked throughout.

    Compaction may move entries away while a reader is between two chunks: then it turns to the archive.
    """
    while True:
        chunk = live(partial(_chunk, after=after))
        if after < chunk.anchor.seq:
            for entry in _archived(home, cell, after, chunk.anchor.seq):
                yield entry
                after = entry.seq
            continue
        if not chunk.rows:
            return
        link = chunk.before
        for row in chunk.rows:
            link = check_row(link, row, chunk.path)
            yield from _wanted(row, chunk.vocabularies, chunk.path, after)
            after = row.last_seq


class _Chunk(Struct, frozen=True):
    path: Path
    anchor: Link
    before: Link
    rows: list[Row]
    vocabularies: dict[int, Vocabulary]


def _chunk(store: Store, after: int) -> _Chunk:
    rows = store.rows(after, CHUNK_ROWS) if after >= store.anchor.seq else []
    before = store.link_before(rows[0].first_seq) if rows else store.anchor
    return _Chunk(store.path, store.anchor, before, rows, store.vocabularies)


def _archived(home: Path, cell: str, after: int, until: int) -> Iterator[Entry]:
    for archive in archives_of(home, cell):
        if archive.end.seq <= after or archive.before.seq >= until:
            continue
        if archive.before.seq > after:
            raise _missing(after, archive.before.seq)
        store = Store.open_to_read(archive.path)
        try:
            link: Link | None = None
            while rows := store.rows(after, CHUNK_ROWS):
                for row in rows:
                    link = check_row(link or store.link_before(row.first_seq), row, archive.path)
                    yield from _wanted(row, store.vocabularies, archive.path, after)
                    after = row.last_seq
        finally:
            store.close()
    if after < until:
        raise _missing(after, until)


def _missing(after: int, until: int) -> Corrupt:
    return Corrupt(f"the archive with entries {after + 1} to {until} is missing: put it back from a backup")


def _wanted(row: Row, vocabularies: dict[int, Vocabulary], path: Path, after: int) -> list[Entry]:
    decoded = decode_row(row, vocabularies, path)
    return decoded if row.first_seq > after else decoded[after - row.first_seq + 1 :]


# ── moving ──────────────────────────────────────────────────────────────────────────────────────


class Bounds(Struct, frozen=True):
    """When moving is worth it, and how much goes into one file."""

    least_entries: int = LEAST_ENTRIES
    archive_bytes: int = ARCHIVE_BYTES


def compact(home: Path, cell: str, live: Live, stopping: Callable[[], bool], bounds: Bounds) -> int:
    """Move what lies at or below the older snapshot to archives. Returns how many entries moved."""
    clear_unfinished(home, cell)
    start, until = live(_movable)
    _follow_finished(home, cell, live, start)
    start, until = live(_movable)
    first = start
    if until - start.seq >= max(1, bounds.least_entries):
        while start.seq < until and not stopping():
            end = _write_archive(home, cell, live, start, until, bounds, stopping)
            if end is None:
                break
            live(partial(Store.move_anchor, link=end), writes=True)
            start = end
    while not stopping() and live(lambda store: store.forget_rows(CHUNK_ROWS), writes=True):
        pass
    return start.seq - first.seq


def _movable(store: Store) -> tuple[Link, int]:
    """From where, and up to which entry: whole rows at or below the older of two snapshots."""
    seqs = store.snapshot_seqs()
    older = seqs[1] if len(seqs) > 1 else 0
    return store.anchor, max(store.last_whole(older), store.anchor.seq)


def _follow_finished(home: Path, cell: str, live: Live, start: Link) -> None:
    """A crash after the rename and before the anchor moved: the archive counts, so move it now."""
    for archive in archives_of(home, cell):
        if archive.before == start:
            start = archive.end
            live(partial(Store.move_anchor, link=start), writes=True)


def _write_archive(
    home: Path, cell: str, live: Live, start: Link, until: int, bounds: Bounds, stopping: Callable[[], bool]
) -> Link | None:
    """One finished archive from `start`; its end, or None when asked to stop midway."""
    number = max((number for number, _ in _numbered(home, cell)), default=0) + 1
    final = home / f"{cell}.archive-{number:04}.sqlite"
    part = final.with_suffix(".part")
    with plainly(part):
        end = _copy_rows(part, cell, live, start, until, bounds.archive_bytes, stopping)
        if end is None:
            part.unlink(missing_ok=True)
            return None
        sync_file(part)
        written = Store.open_to_read(part)
        try:
            written.check()
            if written.end != end:
                raise JournalError(f"{part} does not hold what was written to it: is the disk sound?")
        finally:
            written.close()
        os.replace(part, final)
        sync_directory(home)
    return end


def _copy_rows(
    part: Path,
    cell: str,
    live: Live,
    start: Link,
    until: int,
    most_bytes: int,
    stopping: Callable[[], bool],
) -> Link | None:
    end, size = start, 0
    vocabularies = live(lambda store: store.db.execute("SELECT * FROM vocabulary").fetchall())
    db = apsw.Connection(os.fspath(part))
    try:
        db.pragma("page_size", PAGE)
        # No journal and no syncs: until the file is synced as a whole and renamed, it does not count.
        db.pragma("journal_mode", "OFF")
        db.pragma("synchronous", "OFF")
        with db:
            create_schema(db, cell, 0, start)
            db.executemany("INSERT INTO vocabulary VALUES (?, ?, ?)", vocabularies)
        while end.seq < until and size < most_bytes:
            if stopping():
                return None
            rows = live(partial(Store.rows, after=end.seq, count=CHUNK_ROWS))
            rows = [row for row in rows if row.last_seq <= until]
            with db:
                db.executemany("INSERT INTO flush VALUES (?, ?, ?, ?, ?, ?)", rows_as_tuples(rows))
            end = Link(rows[-1].last_seq, rows[-1].crc)
            size += sum(len(row.body) for row in rows)
    finally:
        db.close(True)
    return end


def rows_as_tuples(rows: list[Row]) -> Iterator[tuple[int, int, int, int, int, bytes]]:
    return ((r.first_seq, r.last_seq, r.ts_ns, r.vocabulary, r.crc, r.body) for r in rows)


def sync_file(path: Path) -> None:
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _numbered(home: Path, cell: str) -> list[tuple[int, Path]]:
    name = re.compile(re.escape(cell) + r"\.archive-(\d{4,})\.sqlite")
    found = [(name.fullmatch(path.name), path) for path in home.iterdir()]
    return sorted((int(match[1]), path) for match, path in found if match)
