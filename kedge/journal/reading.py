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

import hashlib
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

from kedge.journal.journal import JournalError
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
    Table,
)
from kedge.journal.store import check_sqlite, plainly
from kedge.journal.telling import SCHEMA, Teller
from kedge.model.ids import read as read_id
from kedge.model.records import Entry
from kedge.model.sentences import mistake

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
]

# Raised when the tables or what is told in them change: older files are then made again.
VERSION = 1
BATCH = 2000
STORY_MAX = 1000

EVERYTHING = Ask()

R = TypeVar("R", bound=Struct)


class Tail(Protocol):
    """As much of a journal as making tables takes."""

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]: ...


def reading_of(home: Path, cell: str) -> Path:
    return home / f"{cell}.reading.sqlite"


class Reading:
    """The tables of one cell."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._writer = _connect(path)
        try:
            if _version(self._writer) != VERSION:
                _make_tables(self._writer)
            self._reader = _connect(path)
        except BaseException:
            self._writer.close(True)
            raise
        self._teller = Teller(self._writer)
        self.applied_seq: int
        self._mark: int
        self.applied_seq, self._mark = self._writer.execute("SELECT seq, mark FROM applied").get

    @classmethod
    def open(cls, home: Path, cell: str) -> Reading:
        """Open the tables; a damaged file is thrown away, since it can be made again."""
        check_sqlite(apsw.sqlite_lib_version())
        path = reading_of(home, cell)
        with plainly(path):
            try:
                return cls(path)
            except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError):
                for name in (path.name, path.name + "-wal", path.name + "-shm"):
                    path.with_name(name).unlink(missing_ok=True)
                return cls(path)

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
            mark = _mark(new[-1])
            with self._writer:
                for entry in new:
                    self._teller.tell(entry)
                self._writer.execute("UPDATE applied SET seq = ?, mark = ?", (new[-1].seq, mark))
            self.applied_seq, self._mark = new[-1].seq, mark
            return len(new)

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
        return last is not None and last.seq == self.applied_seq and _mark(last) == self._mark

    def _empty(self) -> None:
        with self._write_lock, plainly(self.path):
            _make_tables(self._writer)
            self._teller = Teller(self._writer)
            self.applied_seq, self._mark = 0, 0

    def digest(self) -> str:
        """Equal for equal entries, however they were batched."""
        total = hashlib.blake2b(digest_size=16)
        with self._read_lock, plainly(self.path), self._reader:
            for name in (*TABLES, "instruments", "applied"):
                keys = ", ".join(TABLES[name].keys) if name in TABLES else "1"
                for row in self._reader.execute(f"SELECT * FROM {name} ORDER BY {keys}"):
                    total.update(msgspec.json.encode(row))
        return total.hexdigest()

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
        table = TABLES.get(what)
        if table is None:
            raise ValueError(f"there is nothing called {what!r} to read; there are: {', '.join(TABLES)}")
        sql, values = _question(what, table, ask)
        with self._read_lock, plainly(self.path):
            found = self._reader.execute(sql, values).fetchall()
        return tuple(_row(table, row) for row in found)

    def read(self, what: str, args: Mapping[str, object]) -> tuple[Struct, ...]:
        """As `find`, with filters as they come from people and programs; `story` takes `of`."""
        if what == "story" and "of" in args:
            if set(args) != {"of"} or not isinstance(args["of"], str):
                raise ValueError("story takes `of` alone: an order's id or a bot's name")
            return self.story(args["of"])
        try:
            ask = msgspec.convert(dict(args), Ask, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(mistake(error, Ask, what)) from None
        return self.find(what, ask)

    def _typed(self, what: str, ask: Ask, row: type[R]) -> tuple[R, ...]:
        found = self.find(what, ask)
        assert TABLES[what].row is row
        return found  # type: ignore[return-value]


def readable() -> dict[str, tuple[str, ...]]:
    """The names that can be read, with the filters each takes."""
    common = ("since_ns", "until_ns", "text", "sort", "limit", "offset")
    return {name: (*dict.fromkeys([*table.filters, *table.words]), *common) for name, table in TABLES.items()}


# ── questions ───────────────────────────────────────────────────────────────────────────────────


def _question(what: str, table: Table, ask: Ask) -> tuple[str, dict[str, Any]]:
    """One statement; nothing of what was asked is in its text, only in its values."""
    where, values = _where(what, table, ask)
    if ask.since_ns is not None:
        where.append(f"{table.time} >= :since")
        values["since"] = ask.since_ns
    if ask.until_ns is not None:
        where.append(f"{table.time} < :until")
        values["until"] = ask.until_ns
    if ask.text:
        where.append("(" + " OR ".join(f"{column} LIKE :text ESCAPE '!'" for column in table.texts) + ")")
        escaped = ask.text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        values["text"] = f"%{escaped}%"
    sql = f"SELECT {', '.join(table.columns)} FROM {what}"
    if where:
        sql += " WHERE " + " AND ".join(where)
    values |= {"limit": ask.limit, "offset": ask.offset}
    return f"{sql} ORDER BY {_order(what, table, ask)} LIMIT :limit OFFSET :offset", values


def _where(what: str, table: Table, ask: Ask) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    values: dict[str, Any] = {}
    for name in ("bot", "account", "market", "client_id", "state", "level", "kind"):
        value: str | None = getattr(ask, name)
        if value is None:
            continue
        words, values_known = table.words.get(name, {}), table.values.get(name, ())
        if value in words:
            where.append(words[value])
        elif (values_known or (words and name not in table.filters)) and value not in values_known:
            known = ", ".join(dict.fromkeys((*words, *values_known)))
            raise ValueError(f"{what} cannot be {value!r}: {name} is one of {known}")
        elif name in table.filters:
            where.append(f"({table.filters[name]})")
            values[name] = value
        else:
            raise ValueError(f"{what} cannot be filtered by {name}; they take: {', '.join(readable()[what])}")
    return where, values


def _order(what: str, table: Table, ask: Ask) -> str:
    sort = ask.sort or table.sort
    expression = table.sorts.get(sort.removeprefix("-"))
    if expression is None:
        raise ValueError(f"{what} cannot be sorted by {sort!r}; they can by: {', '.join(table.sorts)}")
    way = "DESC" if sort.startswith("-") else "ASC"
    # The keys break ties, so that pages neither repeat nor skip.
    return ", ".join(f"{column} {way}" for column in (expression, *table.keys))


def _row(table: Table, values: Sequence[Any]) -> Struct:
    named = dict(zip(table.columns, values, strict=True))
    for column in table.json:
        named[column] = msgspec.json.decode(named[column])
    row: Struct = msgspec.convert(named, table.row, strict=False)
    return row


# ── the file ────────────────────────────────────────────────────────────────────────────────────


def _connect(path: Path) -> apsw.Connection:
    db = apsw.Connection(os.fspath(path))
    db.set_busy_timeout(5000)
    db.pragma("journal_mode", "WAL")
    # A power cut may take the newest rows back, all of a batch or none: they are told again.
    db.pragma("synchronous", "NORMAL")
    return db


def _version(db: apsw.Connection) -> int:
    if not db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'applied'").get:
        return 0
    version: int = db.execute("SELECT version FROM applied").get or 0
    return version


def _make_tables(db: apsw.Connection) -> None:
    names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    found = [name for (name,) in names.fetchall()]
    with db:
        for name in found:
            db.execute(f'DROP TABLE "{name}"')
        db.execute(SCHEMA)
        db.execute("INSERT INTO applied VALUES (1, ?, 0, 0)", (VERSION,))


def _mark(entry: Entry) -> int:
    return zlib.crc32(msgspec.json.encode(entry))


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, BATCH)):
        yield batch
