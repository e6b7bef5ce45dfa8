"""The journal's contract: order, durability, life, refusal. Crashes are in crash/test_journal_crash.py."""

from __future__ import annotations

import asyncio
import shutil
from decimal import Decimal
from pathlib import Path

import apsw
import pytest
from msgspec import Raw

from kedge.journal import store as store_module
from kedge.journal.journal import Corrupt, Fenced, Journal, JournalError, LeaseHeld, TooNew
from kedge.journal.sqlite import ReadOnlyJournal, SqliteJournal
from kedge.journal.store import Store, check_sqlite, file_of
from kedge.model import records as r
from kedge.model.records import Entry

SECOND = 10**9


def now_ns() -> int:
    return 1_795_000_000 * SECOND


def open_journal(home: Path, cell: str = "main") -> SqliteJournal:
    return SqliteJournal.open(home, cell, "0.1", now_ns)


def intent(seq: int) -> r.Intent:
    return r.Intent(
        client_id=f"{seq:032x}",
        bot="hedge-1",
        slot="near",
        market="paper/main:BTC-PERP",
        side="sell",
        qty=Decimal("0.05"),
        price=Decimal("65000.10"),
        valid_until_ns=seq * SECOND,
        why="follows the far leg",
    )


def entries(first: int, last: int) -> list[Entry]:
    return [Entry(seq, seq * SECOND, intent(seq)) for seq in range(first, last + 1)]


async def fill(journal: SqliteJournal, last: int, at_once: int = 1) -> None:
    for first in range(journal.past().last_seq + 1, last + 1, at_once):
        await journal.append(entries(first, min(last, first + at_once - 1)))


def everything(journal: Journal) -> list[Entry]:
    return list(journal.tail(0))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_new_journal_is_empty_and_has_a_life(home: Path) -> None:
    async def go() -> None:
        journal: Journal = open_journal(home)
        assert journal.cell == "main"
        assert journal.life > 0
        assert journal.holds()
        past = journal.past()
        assert (past.snapshot, past.snapshot_seq, past.last_seq) == (None, 0, 0)
        assert everything(journal) == []
        await journal.close()
        assert not journal.holds()

    asyncio.run(go())


def test_what_was_appended_is_read_back_equal_in_this_life_and_the_next(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, 20, at_once=3)
        assert everything(journal) == entries(1, 20)
        assert list(journal.tail(7)) == entries(8, 20)
        assert list(journal.tail(7, limit=4)) == entries(8, 11)
        assert list(journal.tail(20)) == []
        assert list(journal.tail(99)) == []
        await journal.close()
        again = open_journal(home)
        assert everything(again) == entries(1, 20)
        await again.append(entries(21, 21))
        assert again.past().last_seq == 21
        await again.close()

    asyncio.run(go())


def test_every_start_begins_a_later_life_even_when_the_clock_went_back(home: Path) -> None:
    async def go() -> None:
        lives = []
        for seconds in (1000, 1000, 5, 2000, 1999):
            journal = SqliteJournal.open(home, "main", "0.1", lambda s=seconds: s * SECOND)  # type: ignore[misc]
            lives.append(journal.life)
            await journal.close()
        assert lives == [1000, 1001, 1002, 2000, 2001]

    asyncio.run(go())


def test_a_restored_copy_never_lives_a_life_again(home: Path, tmp_path: Path) -> None:
    async def go() -> None:
        first = SqliteJournal.open(home, "main", "0.1", lambda: 1000 * SECOND)
        await first.close()
        shutil.copytree(home, tmp_path / "copy")
        second = SqliteJournal.open(home, "main", "0.1", lambda: 1100 * SECOND)
        await second.close()
        restored = SqliteJournal.open(tmp_path / "copy", "main", "0.1", lambda: 1200 * SECOND)
        await restored.close()
        assert restored.life > second.life

    asyncio.run(go())


def test_appends_become_durable_in_order_and_together(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        order: list[int] = []
        waiting = []
        for seq in range(1, 301):
            future = journal.append(entries(seq, seq))
            future.add_done_callback(lambda _, seq=seq: order.append(seq))  # type: ignore[misc]
            waiting.append(future)
        await asyncio.gather(*waiting)
        assert order == list(range(1, 301))
        flushes = journal._live(lambda s: s.db.execute("SELECT count(*) FROM flush").get)
        assert flushes < 100, "appends that waited together did not share a sync"
        assert everything(journal) == entries(1, 300)
        await journal.close()

    asyncio.run(go())


def test_one_append_is_one_commit(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await journal.append(entries(1, 5000))
        assert journal._live(lambda s: s.db.execute("SELECT count(*) FROM flush").get) == 1
        await journal.close()

    asyncio.run(go())


def test_close_waits_for_what_was_appended(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        futures = [journal.append(entries(seq, seq)) for seq in range(1, 51)]
        await journal.close()
        await asyncio.gather(*futures)
        with ReadOnlyJournal.open(home, "main") as stopped:
            assert everything(stopped) == entries(1, 50)

    asyncio.run(go())


def test_a_closed_journal_refuses(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await journal.close()
        with pytest.raises(JournalError, match="closed"):
            await journal.append(entries(1, 1))
        with pytest.raises(JournalError, match="closed"):
            await journal.snapshot(0, b"")
        with pytest.raises(JournalError, match="closed"):
            journal.past()
        await journal.close()

    asyncio.run(go())


@pytest.mark.parametrize("wrong", [entries(3, 3), entries(1, 1), [], [*entries(2, 2), *entries(4, 4)]])
def test_a_gap_or_a_double_in_the_numbers_ends_the_journal(home: Path, wrong: list[Entry]) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await journal.append(entries(1, 1))
        with pytest.raises(JournalError, match="fault of ours"):
            await journal.append(wrong)
        assert not journal.holds()
        with pytest.raises(JournalError):
            await journal.append(entries(2, 2))
        await journal.close()
        again = open_journal(home)
        assert again.past().last_seq == 1
        await again.close()

    asyncio.run(go())


def test_torn_raw_bytes_never_reach_the_file(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        with pytest.raises(ValueError, match="malformed"):
            journal.append([Entry(1, 0, r.BotStated("b", Raw(b'{"a":')))])
        await journal.append([Entry(1, 0, r.BotStated("b", Raw(b'{"a":1}')))])
        assert len(everything(journal)) == 1
        await journal.close()

    asyncio.run(go())


def test_a_later_life_fences_this_one(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await journal.append(entries(1, 1))
        journal._live(lambda s: s.db.execute("UPDATE cell SET life = life + 1").get)
        assert journal.holds()
        first, second = journal.append(entries(2, 2)), journal.append(entries(3, 3))
        with pytest.raises(Fenced, match="another life"):
            await first
        with pytest.raises(Fenced):
            await second
        assert not journal.holds()
        with pytest.raises(Fenced):
            await journal.append(entries(2, 2))
        await journal.close()
        again = open_journal(home)
        assert everything(again) == entries(1, 1)
        await again.close()

    asyncio.run(go())


def test_too_much_waiting_ends_the_journal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.journal.sqlite.WAITING_BYTES_MAX", 1000)

    async def go() -> None:
        journal = open_journal(home)
        futures = [journal.append(entries(seq, seq)) for seq in range(1, 40)]
        assert journal.pressure.share > 0
        results = await asyncio.gather(*futures, return_exceptions=True)
        refused = [e for e in results if e is not None]
        assert refused, "nothing was refused"
        assert all("cannot keep up" in str(e) for e in refused)
        await journal.close()

    asyncio.run(go())


# ── who may open ────────────────────────────────────────────────────────────────────────────────


def test_two_engines_cannot_drive_one_cell(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.journal.sqlite.time.sleep", lambda _: None)

    async def go() -> None:
        journal = open_journal(home)
        with pytest.raises(LeaseHeld, match=r"driven by process \d+ on \S+ since 2026-11-18"):
            open_journal(home)
        with pytest.raises(LeaseHeld, match="ask it instead"):
            ReadOnlyJournal.open(home, "main")
        other = open_journal(home, "other")
        await other.close()
        await journal.close()
        journal = open_journal(home)
        await journal.close()

    asyncio.run(go())


def test_without_the_lock_file_the_journal_file_itself_is_held(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_MS", 0)

    async def go() -> None:
        journal = open_journal(home)
        (home / "main.lease").unlink()
        with pytest.raises(LeaseHeld, match="open in another process"):
            open_journal(home)
        await journal.append(entries(1, 1))
        await journal.close()

    asyncio.run(go())


def test_a_stale_or_copied_lock_file_blocks_nobody(home: Path) -> None:
    home.mkdir()
    (home / "main.lease").write_text("process 1 on elsewhere since 2020-01-01 00:00:00 UTC")

    async def go() -> None:
        journal = open_journal(home)
        await journal.close()

    asyncio.run(go())


def test_readers_of_a_stopped_desk_leave_nothing_behind(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, 5)
        await journal.close()

    asyncio.run(go())
    before = sorted(path.name for path in home.iterdir())
    with ReadOnlyJournal.open(home, "main") as one, ReadOnlyJournal.open(home, "main") as two:
        assert everything(one) == everything(two) == entries(1, 5)
        assert one.past().last_seq == 5
        assert one.verify().entries == 5
    assert sorted(path.name for path in home.iterdir()) == before == ["main.lease", "main.sqlite"]


def test_a_reader_sees_what_a_crash_left_in_the_log(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, 5)
        journal.abandon()

    asyncio.run(go())
    assert (home / "main.sqlite-wal").stat().st_size > 0
    with ReadOnlyJournal.open(home, "main") as stopped:
        assert everything(stopped) == entries(1, 5)


def test_there_must_be_a_journal_to_read(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        ReadOnlyJournal.open(tmp_path, "main")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.b", "x" * 65, "-a"])
def test_a_cell_is_named_so_that_files_can_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="cannot name a cell"):
        open_journal(tmp_path, name)


def test_the_file_knows_its_cell(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await journal.close()

    asyncio.run(go())
    (home / "main.sqlite").rename(home / "other.sqlite")
    with pytest.raises(JournalError, match="belongs to the cell main"):
        open_journal(home, "other")


# ── what is refused at the door ─────────────────────────────────────────────────────────────────


def test_an_affected_sqlite_is_refused() -> None:
    for version in ("3.40.1", "3.51.2", "3.7"):
        with pytest.raises(JournalError, match=f"SQLite {version} can lose"):
            check_sqlite(version)
    for version in ("3.51.3", "3.52.0", "4.0"):
        check_sqlite(version)


def test_another_programs_database_is_left_alone(home: Path) -> None:
    home.mkdir()
    db = apsw.Connection(str(home / "main.sqlite"))
    db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = (home / "main.sqlite").read_bytes()
    with pytest.raises(JournalError, match="other program's"):
        open_journal(home)
    assert (home / "main.sqlite").read_bytes() == before


def test_what_is_not_a_database_is_left_alone(home: Path) -> None:
    home.mkdir()
    (home / "main.sqlite").write_bytes(b"not a database at all, but a letter to a friend" * 100)
    with pytest.raises(Corrupt, match="restore the home from a backup"):
        open_journal(home)
    assert (home / "main.sqlite").read_bytes().startswith(b"not a database")


def written(home: Path, last: int) -> apsw.Connection:
    """A closed journal of so many entries, one a row, opened by a vandal."""

    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, last)
        await journal.close()

    asyncio.run(go())
    return apsw.Connection(str(file_of(home, "main")))


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE flush SET body = replace(body, '0.05', '0.06') WHERE first_seq = 4", "damaged at entry 4"),
        ("UPDATE flush SET ts_ns = 1 WHERE first_seq = 5", "damaged at entry 5"),
        ("UPDATE flush SET crc = crc + 1 WHERE first_seq = 6", "damaged at entry 6"),
        ("DELETE FROM flush WHERE first_seq = 3", "lacks entry 3"),
        ("DELETE FROM flush WHERE first_seq = 1", "lacks entry 1"),
        ("UPDATE flush SET vocabulary = 9 WHERE first_seq = 2", "damaged at entry 2"),
        ("UPDATE cell SET anchor_crc = 7", "damaged at entry 1"),
        ("DELETE FROM cell", "does not say which cell"),
    ],
)
def test_a_changed_file_is_refused_and_left_as_it_is(home: Path, sql: str, says: str) -> None:
    db = written(home, 8)
    db.execute(
        sql.replace("replace(body,", "CAST(replace(CAST(body AS TEXT),").replace(
            "'0.06')", "'0.06') AS BLOB)"
        )
    )
    db.close()
    before = file_of(home, "main").read_bytes()
    with pytest.raises(Corrupt, match=says):
        open_journal(home)
    assert file_of(home, "main").read_bytes() == before


def test_a_newer_schema_is_refused(home: Path) -> None:
    db = written(home, 2)
    db.pragma("user_version", 99)
    db.close()
    with pytest.raises(TooNew, match="schema 99"):
        open_journal(home)
    with pytest.raises(TooNew):
        ReadOnlyJournal.open(home, "main")


@pytest.mark.parametrize("kinds", ['{"Intent": 2}', '{"Teleported": 1}'])
def test_a_newer_vocabulary_is_refused(home: Path, kinds: str) -> None:
    db = written(home, 2)
    db.execute("INSERT INTO vocabulary VALUES (2, '9.9', ?)", (kinds,))
    db.close()
    with pytest.raises(TooNew, match=r"Kedge 9\.9"):
        open_journal(home)


def test_an_empty_file_of_an_interrupted_first_start_is_a_new_journal(home: Path) -> None:
    home.mkdir()
    file_of(home, "main").write_bytes(b"")

    async def go() -> None:
        journal = open_journal(home)
        assert journal.past().last_seq == 0
        await journal.close()

    asyncio.run(go())


# ── snapshots ───────────────────────────────────────────────────────────────────────────────────


def test_the_newest_snapshot_is_what_a_start_reads(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, 10)
        await journal.snapshot(4, b"state at 4")
        await journal.snapshot(8, b"state at 8")
        await journal.snapshot(8, b"again")
        past = journal.past()
        assert (past.snapshot, past.snapshot_seq, past.last_seq) == (b"state at 8", 8, 10)
        await journal.snapshot(10, b"state at 10")
        assert journal._live(Store.snapshot_seqs) == [10, 8]
        journal.abandon()
        again = open_journal(home)
        assert again.past().snapshot == b"state at 10"
        assert list(again.tail(again.past().snapshot_seq)) == []
        await again.close()

    asyncio.run(go())


def test_a_big_snapshot_is_written_in_parts_between_appends(home: Path) -> None:
    body = b"".join(i.to_bytes(8, "big") * 3 + bytes([i * 7 % 251]) for i in range(150_000))

    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, 3)
        keeping = asyncio.ensure_future(journal.snapshot(3, body))
        for seq in range(4, 60):
            await journal.append(entries(seq, seq))
        await keeping
        parts = journal._live(lambda s: s.db.execute("SELECT parts FROM snapshot").get)
        assert parts > 1
        assert journal.past().snapshot == body
        await journal.close()

    asyncio.run(go())


def test_a_damaged_snapshot_is_passed_over_and_said(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, 10)
        await journal.snapshot(4, b"four")
        await journal.snapshot(8, b"eight")
        await journal.close()

    asyncio.run(go())
    db = apsw.Connection(str(file_of(home, "main")))
    db.execute("UPDATE snapshot_part SET body = zeroblob(9) WHERE seq = 8")
    db.close()

    async def again() -> None:
        journal = open_journal(home)
        assert (journal.past().snapshot, journal.past().snapshot_seq) == (b"four", 4)
        assert "entry 8 was damaged" in journal.notices[0]
        assert list(journal.tail(4)) == entries(5, 10)
        await journal.close()

    asyncio.run(again())


def test_half_a_snapshot_is_no_snapshot(home: Path) -> None:
    async def go() -> None:
        journal = open_journal(home)
        await fill(journal, 10)
        await journal.snapshot(4, b"four")
        journal._live(lambda s: s.put_part(9, 0, b"half"), True)
        journal.abandon()
        again = open_journal(home)
        assert again.past().snapshot == b"four"
        assert again._live(lambda s: s.db.execute("SELECT count(*) FROM snapshot_part").get) == 1
        await again.close()

    asyncio.run(go())


def test_a_snapshot_beyond_the_end_is_corrupt(home: Path) -> None:
    db = written(home, 4)
    db.execute("INSERT INTO snapshot VALUES (9, 0, '0.1', 0, 0)")
    db.close()
    with pytest.raises(Corrupt, match="ends at entry 4"):
        open_journal(home)
