"""What people read: orders, fills, positions, decisions, notes and more, as tables made from the journal.

The tables are in a file of their own and can be made again at will: the journal is the truth. Entries go
in by `apply`, in any batches, each once; the same entries give the same tables (`digest`). Two connections
to the file, so that a question never waits for a batch being told, and both may be used from any thread.

    reading = Reading.open(home, "main")
    reading.follow(journal)                          at start: catch up, or begin anew
    reading.apply(entries)                           as they become durable
    reading.find("orders", Ask(bot="hedge-1", state="open"))
    reading.story("hedge-1")
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import apsw
import msgspec
from msgspec import Struct

from kedge.journal.asking import Question, ask_of, row_of
from kedge.journal.dialect import Dialect, dialect_of
from kedge.journal.journal import JournalError
from kedge.journal.row_store import RowCache, digest
from kedge.journal.rows import (
    TABLES,
    Ask,
    BotRow,
    CashRow,
    CommandRow,
    DecisionRow,
    FillRow,
    MinuteRow,
    NoteRow,
    OrderRow,
    PositionRow,
    StoryRow,
    readable,
)
from kedge.journal.schema import VERSION, indexes_sql, tables_sql
from kedge.journal.store import check_sqlite, plainly
from kedge.journal.telling import Teller
from kedge.model.ids import read as read_id
from kedge.model.records import Entry

__all__ = [
    "Ask",
    "BotRow",
    "CashRow",
    "CommandRow",
    "DecisionRow",
    "FillRow",
    "MinuteRow",
    "NoteRow",
    "OrderRow",
    "PositionRow",
    "Reading",
    "StoryRow",
    "mark_of",
    "readable",
]

BATCH = 2000
STORY_MAX = 1000
SQLITE = dialect_of("sqlite")

EVERYTHING = Ask()

R = TypeVar("R", bound=Struct)


class Tail(Protocol):
    """As much of a journal as making tables takes."""

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]: ...


def reading_of(home: Path, cell: str) -> Path:
    return home / f"{cell}.reading.sqlite"


class Connection:
    """A connection of apsw's, as the rows want to speak to one."""

    dialect: Dialect = SQLITE

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def fetch_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        return self._db.executemany(sql, rows).fetchall()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        self._db.execute(sql, values)
        return self._db.changes()

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._db.executemany(sql, rows)

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._db.executemany(SQLITE.insert(table, columns), rows)


class Reading:
    """The tables of one cell."""

    def __init__(self, path: Path, cell: str) -> None:
        self.path, self.cell = path, cell
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._writer = _connect(path)
        try:
            if _version(self._writer) != VERSION:
                _make_tables(self._writer, cell)
            self._reader = _connect(path)
        except BaseException:
            self._writer.close(True)
            raise
        self.applied_seq: int
        self._mark: int
        self.applied_seq, self._mark = self._writer.execute("SELECT seq, mark FROM applied").get
        self._begin()

    @classmethod
    def open(cls, home: Path, cell: str) -> Reading:
        """Open the tables; a damaged file is thrown away, since it can be made again."""
        check_sqlite(apsw.sqlite_lib_version())
        path = reading_of(home, cell)
        with plainly(path):
            try:
                return cls(path, cell)
            except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError):
                for name in (path.name, path.name + "-wal", path.name + "-shm"):
                    path.with_name(name).unlink(missing_ok=True)
                return cls(path, cell)

    def close(self) -> None:
        """Raises `JournalError` where the disk does not take what closing folds in; nothing is lost by it."""
        with self._write_lock, self._read_lock, plainly(self.path):
            self._reader.close(True)
            self._writer.close(True)

    # ── making ──────────────────────────────────────────────────────────────────────────────

    def apply(self, entries: Sequence[Entry]) -> int:
        """Tell entries, all or none; those told before are passed over. Returns how many were new."""
        with self._write_lock, plainly(self.path):
            new = [entry for entry in entries if entry.seq > self.applied_seq]
            if not new:
                return 0
            if new[0].seq != self.applied_seq + 1:
                raise JournalError(f"entry {new[0].seq} was told after entry {self.applied_seq}")
            mark = mark_of(new[-1])
            try:
                with self._writer:
                    self._teller.tell_all(new)
                    self._cache.flush()
                    self._writer.execute("UPDATE applied SET seq = ?, mark = ?", (new[-1].seq, mark))
            except BaseException:
                self._begin()  # what was remembered is of a transaction that never was
                raise
            self.applied_seq, self._mark = new[-1].seq, mark
            return len(new)

    def _begin(self) -> None:
        self._cache = RowCache(self.cell, SQLITE)
        self._cache.session = Connection(self._writer)
        self._teller = Teller(self._cache)

    def follow(self, journal: Tail) -> int:
        """Catch up with the journal, or begin anew where these tables are not its. Returns the last entry."""
        if not self._is_of(journal):
            self._empty()
        for batch in _batches(journal.tail(self.applied_seq)):
            self.apply(batch)
        return self.applied_seq

    def rebuild(self, journal: Tail) -> int:
        """Make everything again from the first entry."""
        self._empty()
        return self.follow(journal)

    def _is_of(self, journal: Tail) -> bool:
        """Whether the last entry told is the one the journal has there: a restored home has another."""
        if self.applied_seq == 0:
            return True
        last = next(journal.tail(self.applied_seq - 1, 1), None)
        return last is not None and last.seq == self.applied_seq and mark_of(last) == self._mark

    def _empty(self) -> None:
        with self._write_lock, plainly(self.path):
            _make_tables(self._writer, self.cell)
            self._begin()
            self.applied_seq, self._mark = 0, 0

    def digest(self) -> str:
        """Equal for equal entries, however they were batched."""
        with self._read_lock, plainly(self.path), self._reader:
            applied = self._reader.execute("SELECT seq, mark FROM applied").get
            said = digest(Connection(self._reader), self.cell, applied)
        assert said, "apsw swallows nothing"
        return said

    # ── asking ──────────────────────────────────────────────────────────────────────────────

    def orders(self, ask: Ask = EVERYTHING) -> tuple[OrderRow, ...]:
        return self._typed("orders", ask, OrderRow)

    def fills(self, ask: Ask = EVERYTHING) -> tuple[FillRow, ...]:
        return self._typed("fills", ask, FillRow)

    def positions(self, ask: Ask = EVERYTHING) -> tuple[PositionRow, ...]:
        return self._typed("positions", ask, PositionRow)

    def decisions(self, ask: Ask = EVERYTHING) -> tuple[DecisionRow, ...]:
        return self._typed("decisions", ask, DecisionRow)

    def notes(self, ask: Ask = EVERYTHING) -> tuple[NoteRow, ...]:
        return self._typed("notes", ask, NoteRow)

    def commands(self, ask: Ask = EVERYTHING) -> tuple[CommandRow, ...]:
        return self._typed("commands", ask, CommandRow)

    def cash(self, ask: Ask = EVERYTHING) -> tuple[CashRow, ...]:
        return self._typed("cash", ask, CashRow)

    def bots(self, ask: Ask = EVERYTHING) -> tuple[BotRow, ...]:
        return self._typed("bots", ask, BotRow)

    def position_minutes(self, ask: Ask = EVERYTHING) -> tuple[MinuteRow, ...]:
        return self._typed("position_minutes", ask, MinuteRow)

    def story(self, of: str, limit: int = STORY_MAX) -> tuple[StoryRow, ...]:
        """All that was meant, heard and done about one order (by any spelling of its id) or one bot.

        Oldest first; of a long story the newest `limit` lines.
        """
        own = read_id(of.lower())
        plain = of.lower().removeprefix("0x").replace("-", "") if own is not None else of
        newest = Ask(sort="-time", limit=min(limit, STORY_MAX))
        found = (
            self._typed("story", msgspec.structs.replace(newest, client_id=plain), StoryRow) if own else ()
        )
        return (found or self._typed("story", msgspec.structs.replace(newest, bot=of), StoryRow))[::-1]

    def find(self, what: str, ask: Ask = EVERYTHING) -> tuple[Struct, ...]:
        """Rows of a table by its name. Raises ValueError with one sentence for what cannot be asked."""
        question = Question(what, ask, self.cell, SQLITE)
        sql, values = question.rows()
        with self._read_lock, plainly(self.path):
            found = self._reader.execute(sql, values).fetchall()
        return tuple(row_of(question.table, question.shape.read(row)) for row in found)

    def read(self, what: str, args: Mapping[str, object]) -> tuple[Struct, ...]:
        """As `find`, with filters as they come from people and programs; `story` takes `of`."""
        if what == "story" and "of" in args:
            if set(args) != {"of"} or not isinstance(args["of"], str):
                raise ValueError("story takes `of` alone: an order's id or a bot's name")
            return self.story(args["of"])
        return self.find(what, ask_of(what, args))

    def _typed(self, what: str, ask: Ask, row: type[R]) -> tuple[R, ...]:
        found = self.find(what, ask)
        assert TABLES[what].row is row
        return found  # type: ignore[return-value]


# ── the file ────────────────────────────────────────────────────────────────────────────────────


def _connect(path: Path) -> apsw.Connection:
    db = apsw.Connection(os.fspath(path))
    db.set_busy_timeout(5000)
    db.pragma("journal_mode", "WAL")
    # A power cut may take the newest rows back, all of a batch or none: they are told again.
    db.pragma("synchronous", "NORMAL")
    db.pragma("cache_size", -8000)
    return db


def _version(db: apsw.Connection) -> int:
    if not db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'applied'").get:
        return 0
    version: int = db.execute("SELECT version FROM applied").get or 0
    return version


def _make_tables(db: apsw.Connection, cell: str) -> None:
    kept = "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
    found = db.execute(kept).fetchall()
    with db:
        for kind, name in found:
            db.execute(f'DROP {kind} "{name}"')
        for statement in (*tables_sql(SQLITE), *indexes_sql(SQLITE, light=True)):
            db.execute(statement)
        db.execute("INSERT INTO applied VALUES (?, ?, 0, 0)", (cell, VERSION))


def mark_of(entry: Entry) -> int:
    return zlib.crc32(msgspec.json.encode(entry))


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, BATCH)):
        yield batch
