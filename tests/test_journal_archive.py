"""Compaction and backup: entries move and are copied, and no reader notices."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from kedge.journal import archive, backup
from kedge.journal.archive import Bounds, archives_of
from kedge.journal.journal import Corrupt, JournalError, LeaseHeld
from kedge.journal.sqlite import ReadOnlyJournal, SqliteJournal
from kedge.journal.store import Store
from kedge.model import records as r
from kedge.model.records import Entry

SECOND = 10**9
SMALL = Bounds(least_entries=1, archive_bytes=1 << 30)
MANY = Bounds(least_entries=1, archive_bytes=500)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "CHUNK_ROWS", 4)


def open_journal(home: Path) -> SqliteJournal:
    journal = SqliteJournal.open(home, "main", "0.1", lambda: 1_795_000_000 * SECOND)
    # Only when a test asks for it.
    journal.bounds = Bounds(least_entries=1 << 40)
    return journal


def entries(first: int, last: int) -> list[Entry]:
    return [Entry(n, n * SECOND, r.Noted("info", f"note {n}")) for n in range(first, last + 1)]


async def fill(journal: SqliteJournal, last: int, at_once: int = 3) -> None:
    for first in range(journal.past().last_seq + 1, last + 1, at_once):
        await journal.append(entries(first, min(last, first + at_once - 1)))


async def compacted(home: Path, bounds: Bounds = SMALL) -> SqliteJournal:
    """Entries 1 to 60, snapshots at 20, 40 and 55, and what may move has moved."""
    journal = open_journal(home)
    await fill(journal, 60)
    for seq in (20, 40, 55):
        await journal.snapshot(seq, b"state at %d" % seq)
    journal.bounds = bounds
    await journal.compact()
    return journal


@pytest.mark.parametrize("bounds", [SMALL, MANY])
def test_old_entries_move_to_archives_and_reading_does_not_notice(tmp_path: Path, bounds: Bounds) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path, bounds)
        found = archives_of(tmp_path, "main")
        assert found[-1].end.seq == 39, "whole rows at or below the older snapshot"
        assert len(found) == 1 if bounds is SMALL else len(found) > 3
        assert journal._live(lambda s: s.db.execute("SELECT min(first_seq) FROM flush").get) == 40
        for after in (0, 1, 19, 38, 39, 40, 41, 60):
            assert list(journal.tail(after)) == entries(after + 1, 60)
        assert list(journal.tail(10, limit=35)) == entries(11, 45)
        assert journal.verify().entries == 60
        await fill(journal, 70)
        assert await journal.compact() == 0
        await journal.close()
        again = open_journal(tmp_path)
        assert again.past().snapshot_seq == 55
        assert list(again.tail(0)) == entries(1, 70)
        await again.close()

    asyncio.run(go())


def test_compaction_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path)
        await fill(journal, 90)
        await journal.snapshot(90, b"state at 90")
        await journal.compact()
        assert [a.end.seq for a in archives_of(tmp_path, "main")] == [39, 54]
        assert list(journal.tail(0)) == entries(1, 90)
        await journal.close()

    asyncio.run(go())


def test_little_is_left_where_it_is(tmp_path: Path) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path, Bounds(least_entries=1000))
        assert archives_of(tmp_path, "main") == []
        await journal.close()

    asyncio.run(go())


def test_a_reader_between_two_chunks_survives_compaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "CHUNK_ROWS", 2)

    async def go() -> None:
        journal = open_journal(tmp_path)
        await fill(journal, 60)
        await journal.snapshot(40, b"40")
        await journal.snapshot(55, b"55")
        reader = journal.tail(0)
        head = [next(reader) for _ in range(5)]
        journal.bounds = SMALL
        await journal.compact()  # or the one that followed the last snapshot by itself
        assert archives_of(tmp_path, "main")[-1].end.seq == 39
        assert head + list(reader) == entries(1, 60)
        await journal.close()

    asyncio.run(go())


class Cut(BaseException):
    """The power goes."""


Point = tuple[str, Callable[[pytest.MonkeyPatch], None]]


def _cut(where: Any, name: str, call: int, after: bool) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        real, calls = getattr(where, name), [0]

        def instead(*args: Any, **kwargs: Any) -> Any:
            calls[0] += 1
            if calls[0] == call and not after:
                raise Cut
            result = real(*args, **kwargs)
            if calls[0] == call:
                raise Cut
            return result

        monkeypatch.setattr(where, name, instead)

    return plant


POINTS: list[Point] = [
    (f"{name} {call} {'after' if after else 'before'}", _cut(where, name, call, after))
    for where, name, calls in [
        (archive, "create_schema", 1),
        (archive, "rows_as_tuples", 3),
        (archive, "sync_file", 1),
        (archive.os, "replace", 1),
        (archive, "sync_directory", 1),
        (Store, "move_anchor", 2),
        (Store, "forget_rows", 3),
    ]
    for call in range(1, calls + 1)
    for after in (False, True)
]


@pytest.mark.parametrize(("name", "plant"), POINTS, ids=[name for name, _ in POINTS])
def test_a_cut_at_any_step_loses_nothing_and_doubles_nothing(
    tmp_path: Path, name: str, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """The cut is made in this thread, on the file itself, as compaction would run offline."""

    async def prepare() -> None:
        journal = open_journal(tmp_path)
        await fill(journal, 60)
        for seq in (20, 40, 55):
            await journal.snapshot(seq, b"state")
        await journal.close()

    asyncio.run(prepare())
    store = Store.open_to_drive(tmp_path / "main.sqlite", "main", "0.1", 0)
    bounds = Bounds(least_entries=1, archive_bytes=500)
    with pytest.MonkeyPatch.context() as monkeypatch:
        plant(monkeypatch)
        with pytest.raises(Cut):
            archive.compact(tmp_path, "main", lambda work, writes=False: work(store), lambda: False, bounds)
    store.close(clean=False)

    async def after() -> None:
        journal = open_journal(tmp_path)
        assert list(journal.tail(0)) == entries(1, 60)
        journal.bounds = bounds
        await journal.compact()
        assert list(journal.tail(0)) == entries(1, 60)
        assert archives_of(tmp_path, "main")[-1].end.seq == 39
        assert journal._live(lambda s: s.db.execute("SELECT min(first_seq) FROM flush").get) == 40
        assert not list(tmp_path.glob("*.part*"))
        await journal.close()

    asyncio.run(after())


def test_a_missing_archive_stops_history_but_not_a_start(tmp_path: Path) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path, MANY)
        await journal.close()
        archives = archives_of(tmp_path, "main")
        archives[0].path.unlink()
        again = open_journal(tmp_path)
        assert list(again.tail(again.past().snapshot_seq)) == entries(56, 60)
        with pytest.raises(Corrupt, match="put it back from a backup"):
            list(again.tail(0))
        archives[2].path.unlink()
        with pytest.raises(Corrupt, match="the archive before it ends"):
            again.verify()
        await again.close()

    asyncio.run(go())


def test_a_damaged_archive_is_found(tmp_path: Path) -> None:

    async def go() -> None:
        journal = await compacted(tmp_path)
        await journal.close()
        db = apsw.Connection(str(tmp_path / "main.archive-0001.sqlite"))
        db.execute("UPDATE flush SET ts_ns = 0 WHERE first_seq = 13")
        db.close()
        with ReadOnlyJournal.open(tmp_path, "main") as stopped, pytest.raises(Corrupt, match="entry 13"):
            stopped.verify()

    asyncio.run(go())


def test_archives_without_the_journal_are_not_a_new_desk(tmp_path: Path) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path)
        await journal.close()
        (tmp_path / "main.sqlite").unlink()
        with pytest.raises(Corrupt, match="is missing, but its archives"):
            open_journal(tmp_path)

    asyncio.run(go())


# ── backup ──────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_taken_while_appending_is_a_whole_prefix(tmp_path: Path) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path / "home")
        backing = asyncio.ensure_future(journal.backup(tmp_path / "copy"))
        seq = 60
        while not backing.done():
            seq += 1
            await journal.append(entries(seq, seq))
        await backing
        await fill(journal, seq + 5)
        await journal.close()
        with ReadOnlyJournal.open(tmp_path / "copy", "main") as copy:
            last = copy.past().last_seq
            assert 60 <= last <= seq
            assert copy.past().snapshot == b"state at 55"
            assert list(copy.tail(0)) == entries(1, last)

    asyncio.run(go())


def test_a_backup_is_a_home_to_start_from(tmp_path: Path) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path / "home", MANY)
        await journal.close()
        backup.backup(tmp_path / "home", "main", tmp_path / "copy")
        assert not (tmp_path / "copy.part").exists()
        restored = open_journal(tmp_path / "copy")
        assert list(restored.tail(0)) == entries(1, 60)
        await restored.append(entries(61, 61))
        await restored.close()

    asyncio.run(go())


def test_a_backup_of_what_a_crash_left_holds_it_all(tmp_path: Path) -> None:
    async def go() -> None:
        journal = open_journal(tmp_path / "home")
        await fill(journal, 30)
        journal.abandon()

    asyncio.run(go())
    backup.backup(tmp_path / "home", "main", tmp_path / "copy")
    with ReadOnlyJournal.open(tmp_path / "copy", "main") as copy:
        assert list(copy.tail(0)) == entries(1, 30)


def test_a_backup_never_overwrites_and_never_bears_the_name_unchecked(tmp_path: Path) -> None:
    async def go() -> None:
        journal = await compacted(tmp_path / "home")
        (tmp_path / "there").mkdir()
        with pytest.raises(JournalError, match="exists already"):
            await journal.backup(tmp_path / "there")
        archives_of(tmp_path / "home", "main")[0].path.unlink()
        with pytest.raises(Corrupt, match="missing"):
            await journal.backup(tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
        assert not (tmp_path / "copy.part").exists()
        assert journal.holds(), "a failed backup is no failed journal"
        await journal.append(entries(61, 61))
        await journal.close()

    asyncio.run(go())


def test_a_running_desk_is_backed_up_by_its_engine_alone(tmp_path: Path) -> None:
    async def go() -> None:
        journal = open_journal(tmp_path / "home")
        with pytest.raises(LeaseHeld, match="ask it instead"):
            backup.backup(tmp_path / "home", "main", tmp_path / "copy")
        await journal.close()

    asyncio.run(go())


def test_closing_ends_a_backup_cleanly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "PAGES_AT_ONCE", 1)

    async def go() -> None:
        journal = open_journal(tmp_path / "home")
        await fill(journal, 3000, at_once=50)
        backing = asyncio.ensure_future(journal.backup(tmp_path / "copy"))
        await asyncio.sleep(0)
        await journal.close()
        (outcome,) = await asyncio.gather(backing, return_exceptions=True)
        # Either it was quicker than the close, or it says why it is not there.
        assert (tmp_path / "copy").exists() == (outcome is None)
        assert not (tmp_path / "copy.part").exists()

    asyncio.run(go())
    shutil.rmtree(tmp_path / "home")
