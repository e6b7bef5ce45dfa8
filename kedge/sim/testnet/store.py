"""The venue's own file: a dump of the exchange, the calls since, and what the venue keeps beside it.

SQLite in WAL mode with a sync at each commit: the venue must not forget what it has told, not even when the
machine's power is cut, or a desk that did everything right would look wrong. The file is held exclusively,
so that two venues cannot live from one memory.
"""

from __future__ import annotations

import apsw
import msgspec
from msgspec import Struct

SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS calls (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS kept (
    seq INTEGER PRIMARY KEY, drawer TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (drawer, key)
) STRICT;
"""
# A row that is written again stays where it is: rows come back in the order they were first put in.
PUT_ROW = (
    "INSERT INTO kept (drawer, key, body) VALUES (?, ?, ?)"
    " ON CONFLICT (drawer, key) DO UPDATE SET body = excluded.body"
)
DROP_ROW = "DELETE FROM kept WHERE drawer = ? AND key = ?"
FORMAT = 1


class StoreError(Exception):
    """The state file cannot be used; the text is one sentence for a person."""


class RowChange(Struct, frozen=True):
    """One row of a drawer is put (or, `body` None, dropped)."""

    drawer: str
    key: str
    body: bytes | None


class Saved(Struct, frozen=True):
    """What a start finds. `rows`: drawer to key to body, in the order they were put in."""

    dump: bytes | None
    calls: tuple[bytes, ...]
    facts: bytes | None
    rows: dict[str, dict[str, bytes]]


class Store:
    """`path` "" keeps everything in memory: such a venue does not survive its process."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._db = apsw.Connection(path or ":memory:")
            self._db.set_busy_timeout(0)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            with self._db:
                self._db.execute(SCHEMA)
            self._check_format()
        except apsw.BusyError:
            raise StoreError(f"{path}: another venue is using this file") from None
        except apsw.Error as error:
            raise StoreError(f"{path}: {error}") from None

    def load(self) -> Saved:
        calls = tuple(bytes(body) for (body,) in self._db.execute("SELECT body FROM calls ORDER BY seq"))
        rows: dict[str, dict[str, bytes]] = {}
        for drawer, key, body in self._db.execute("SELECT drawer, key, body FROM kept ORDER BY seq"):
            rows.setdefault(str(drawer), {})[str(key)] = bytes(body)
        return Saved(self._fact("dump"), calls, self._fact("facts"), rows)

    def append(self, calls: bytes, facts: bytes | None, rows: list[RowChange]) -> None:
        """Durable when it returns."""
        try:
            with self._db:
                if calls:
                    self._db.execute("INSERT INTO calls (body) VALUES (?)", (calls,))
                if facts is not None:
                    self._put("facts", facts)
                self._change(rows)
        except apsw.Error as error:
            raise StoreError(f"{self.path}: cannot write: {error}") from None

    def checkpoint(self, dump: bytes, facts: bytes, rows: list[RowChange]) -> None:
        """One dump instead of all the calls before it."""
        try:
            with self._db:
                self._put("dump", dump)
                self._put("facts", facts)
                self._change(rows)
                self._db.execute("DELETE FROM calls")
        except apsw.Error as error:
            raise StoreError(f"{self.path}: cannot write: {error}") from None

    def close(self) -> None:
        self._db.close()

    def _change(self, rows: list[RowChange]) -> None:
        for row in rows:
            if row.body is None:
                self._db.execute(DROP_ROW, (row.drawer, row.key))
            else:
                self._db.execute(PUT_ROW, (row.drawer, row.key, row.body))

    def _check_format(self) -> None:
        found = self._fact("format")
        if found is None:
            with self._db:
                self._put("format", msgspec.json.encode(FORMAT))
        elif found != msgspec.json.encode(FORMAT):
            raise StoreError(f"{self.path}: written in format {found.decode()}; this version writes {FORMAT}")

    def _fact(self, name: str) -> bytes | None:
        for (body,) in self._db.execute("SELECT body FROM fact WHERE name = ?", (name,)):
            return bytes(body)
        return None

    def _put(self, name: str, body: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO fact (name, body) VALUES (?, ?)", (name, body))
