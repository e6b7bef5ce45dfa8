"""One database of the desk, by address: a small pool of connections and three verbs.

    fetch       rows, as tuples
    execute     one statement; how many rows it touched
    transaction several of both, all or none; writers come one after the other

Values are always apart from the statement, marked `?`. May be used from any thread. What the world does to a
database (away, locked, full, refused) is `DatabaseTrouble`, one sentence; what we do wrong is the driver's
own error.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from kedge.desk.tables.address import Address, AddressWrong
from kedge.journal.dialect import Dialect, dialect_of, plain

# How long a statement waits for another writer, a reader for a free connection, and a server to answer.
BUSY_S = 5.0
ANSWER_S = 30
CONNECTIONS_MAX = 8
# Pages of 4 kB that SQLite gathers beside a file of rows before it writes them into it: 64 MB.
CHECKPOINT_PAGES = 16_000

Row = tuple[Any, ...]

# Text in which no letter has a meaning of its own in a statement.
_PLAIN = re.compile(r"[A-Za-z0-9 :;.,/+()_-]*").fullmatch


class DatabaseTrouble(Exception):
    """The database could not do it now; the text says which database and why. It may be tried again."""


class _Driver(Protocol):
    trouble: tuple[type[Exception], ...]

    def connect(self, address: Address) -> Any: ...
    def begin(self, raw: Any) -> None: ...


class Database:
    """A pool of connections to one database. Opens none before it is asked something."""

    def __init__(self, address: Address, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self.address = address
        self._driver = _driver(address)
        # A question is planned with its values: a plan kept for any values walks through whole tables.
        self._asking = {"prepare": False} if address.kind == "postgresql" else {}
        self._idle: list[Any] = []
        self._idle_lock = threading.Lock()
        self._room = threading.BoundedSemaphore(connections_max)
        self._writing = threading.Lock()
        self._dialect: Dialect | None = None
        self._closed = False

    @property
    def dialect(self) -> Dialect:
        """How this database speaks; asks it the first time."""
        if self._dialect is None:
            self._dialect = self._ask_dialect()
        return self._dialect

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Rows of a question; a connection that had died meanwhile is replaced once."""
        said = self.dialect.sql(sql)
        for last in (False, True):
            try:
                with self._connection() as raw:
                    return _fetch(raw, said, values, **self._asking)
            except DatabaseTrouble as trouble:
                if last or not _is_cut(trouble):
                    raise
        raise AssertionError("the second try returns or raises")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """One statement in a transaction of its own; how many rows it touched."""
        with self.transaction() as within:
            return within.execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All of it, or none where the block raises. Durable when it ends."""
        if not self._writing.acquire(timeout=ANSWER_S):
            raise DatabaseTrouble(f"{self.address.shown} is busy: another writer does not come to its end")
        try:
            dialect = self.dialect
            with self._connection() as raw:
                self._driver.begin(raw)
                try:
                    yield Transaction(raw, dialect)
                    raw.commit()
                except BaseException:
                    with suppress(*self._driver.trouble):
                        raw.rollback()
                    raise
        finally:
            self._writing.release()

    def close(self) -> None:
        self._closed = True
        with self._idle_lock:
            idle, self._idle = self._idle, []
        for raw in idle:
            self._drop(raw)

    # ── connections ─────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if not self._room.acquire(timeout=ANSWER_S):
            raise DatabaseTrouble(f"{self.address.shown} is busy: no connection became free")
        raw, whole = None, False
        try:
            with self._troubles():
                raw = self._take()
                yield raw
                whole = True
        finally:
            if raw is not None:
                if whole:
                    self._put(raw)
                else:
                    self._drop(raw)
            self._room.release()

    def _take(self) -> Any:
        with self._idle_lock:
            if self._idle:
                return self._idle.pop()
        return self._driver.connect(self.address)

    def _put(self, raw: Any) -> None:
        with self._idle_lock:
            if not self._closed:
                self._idle.append(raw)
                return
        self._drop(raw)

    def _drop(self, raw: Any) -> None:
        with suppress(*self._driver.trouble):
            raw.close()

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except self._driver.trouble as error:
            # Nothing of an address or of a value is in what drivers say, but let it be one line.
            says = " ".join(str(error).split())[:300]
            raise DatabaseTrouble(f"{self.address.shown} cannot be used: {says}") from error

    def _ask_dialect(self) -> Dialect:
        if self.address.kind != "mysql":
            return dialect_of(self.address.kind)
        with self._connection() as raw:
            return dialect_of("mysql", str(_fetch(raw, "SELECT version()", ())[0][0]))


class Transaction:
    """What may be done within one."""

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self.raw = raw
        self.dialect = dialect

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return _fetch(self.raw, self.dialect.sql(sql), values)

    def fetch_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """What the same question finds for each row of values, all together."""
        if self.dialect.kind != "postgresql" or len(rows) < 2:
            return [row for values in rows for row in self.fetch(sql, values)]
        found: list[Row] = []
        with self.raw.cursor() as cursor:
            # One after the other on the line, without waiting for each answer.
            cursor.executemany(self.dialect.sql(sql), [plain(values) for values in rows], returning=True)
            while True:
                found += cursor.fetchall()
                if not cursor.nextset():
                    return found

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        cursor = self.raw.cursor()
        try:
            cursor.execute(self.dialect.sql(sql), plain(values))
            return max(0, int(cursor.rowcount))
        finally:
            cursor.close()

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """The same statement for each row; values must be plain already."""
        if not rows:
            return
        cursor = self.raw.cursor()
        try:
            cursor.executemany(self.dialect.sql(sql), rows)
        finally:
            cursor.close()

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """New rows; values must be plain already."""
        if self.dialect.kind != "postgresql":
            return self.execute_many(self.dialect.insert(table, columns), rows)
        # Its own way for many rows: several times quicker than as many statements.
        named = ", ".join(f'"{column}"' for column in columns)
        with self.raw.cursor() as cursor, cursor.copy(f'COPY "{table}" ({named}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        return None

    def upsert(self, table: str, keys: Sequence[str], row: dict[str, Any]) -> None:
        """Insert a row by column names, or change the one with the same keys."""
        self.execute(self.dialect.upsert(table, keys, tuple(row)), tuple(row.values()))

    def insert_new(self, table: str, row: dict[str, Any]) -> bool:
        """Insert a row unless one with the same keys is there; whether it was new."""
        return self.execute(self.dialect.insert_new(table, tuple(row)), tuple(row.values())) == 1


def _fetch(raw: Any, sql: str, values: Sequence[Any], **how: Any) -> list[Row]:
    cursor = raw.cursor()
    try:
        cursor.execute(sql, plain(values), **how)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _is_cut(trouble: DatabaseTrouble) -> bool:
    """Whether a connection had ended while nobody used it, as servers do after some hours."""
    cause = trouble.__cause__
    if isinstance(cause, sqlite3.Error) or cause is None:
        return False
    name, said = type(cause).__name__, str(cause).lower()
    words = (
        "server has gone away",
        "lost connection",
        "terminating connection",
        "server closed",
        "is closed",
    )
    return name in ("AdminShutdown", "InterfaceError") or any(word in said for word in words)


# ── drivers ─────────────────────────────────────────────────────────────────────────────────────


class _Sqlite:
    """The standard library's SQLite: one library per file, the same that Django uses."""

    trouble: tuple[type[Exception], ...] = (
        sqlite3.OperationalError,
        sqlite3.InterfaceError,
        OSError,
    )

    def connect(self, address: Address) -> sqlite3.Connection:
        with suppress(FileExistsError):
            # Nobody else may read what people do and have.
            os.close(os.open(address.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        # Connections wander between threads of the pool, one at a time.
        raw = sqlite3.connect(
            address.name, timeout=BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        if address.truth:
            raw.execute("PRAGMA journal_mode = DELETE").close()
            raw.execute("PRAGMA synchronous = FULL").close()
        else:
            raw.execute("PRAGMA journal_mode = WAL").close()
            raw.execute("PRAGMA synchronous = NORMAL").close()
            raw.execute("PRAGMA cache_size = -16000").close()
            # Each checkpoint syncs the disk that the engine's journal waits for: seldom, then, and one page
            # that many rows changed is written once. The file beside it stays as small as that.
            raw.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").close()
            raw.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_PAGES * 4096}").close()
        return raw

    def begin(self, raw: sqlite3.Connection) -> None:
        # IMMEDIATE: a transaction that reads first and writes later would else be refused, not wait.
        raw.execute("BEGIN IMMEDIATE").close()


class _Postgresql:
    def __init__(self) -> None:
        import psycopg

        self._psycopg = psycopg
        self.trouble: tuple[type[Exception], ...] = (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            psycopg.DataError,
        )

    def connect(self, address: Address) -> Any:
        given = {
            "host": address.host,
            "port": str(address.port or ""),
            "user": address.user,
            "password": address.password,
            **address.words,
        }
        options: dict[str, Any] = {name: value for name, value in given.items() if value}
        return self._psycopg.connect(
            dbname=address.name,
            connect_timeout=5,
            autocommit=True,
            application_name="kedge desk",
            **options,
        )

    def begin(self, raw: Any) -> None:
        raw.autocommit = True
        cursor = raw.cursor()
        cursor.execute("BEGIN")
        cursor.close()


class _Mysql:
    MODE = "STRICT_ALL_TABLES,ANSI_QUOTES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO"

    def __init__(self) -> None:
        import pymysql

        self._connection = _quick_literals(pymysql.connections.Connection)
        self.trouble: tuple[type[Exception], ...] = (
            pymysql.err.OperationalError,
            pymysql.err.InterfaceError,
            pymysql.err.DataError,
        )

    def connect(self, address: Address) -> Any:
        socket = address.words.get("unix_socket")
        ssl = {
            name: address.words[name] for name in ("ssl_ca", "ssl_cert", "ssl_key") if name in address.words
        }
        return self._connection(
            host=address.host or "localhost",
            port=address.port or 3306,
            unix_socket=socket,
            user=address.user or None,
            password=address.password,
            database=address.name,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=5,
            read_timeout=ANSWER_S,
            write_timeout=ANSWER_S,
            sql_mode=self.MODE,
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            **ssl,
        )

    def begin(self, raw: Any) -> None:
        raw.begin()


def _quick_literals(connection: Any) -> Any:
    """The driver's connection, which looks at a value less long where nothing in it needs a second look."""

    class Quick(connection):  # type: ignore[misc]
        def literal(self, value: Any) -> Any:
            if type(value) is int:
                return str(value)
            if type(value) is str and _PLAIN(value) is not None:
                return f"'{value}'"
            return super().literal(value)

    return Quick


_DRIVERS: dict[str, Callable[[], _Driver]] = {"sqlite": _Sqlite, "postgresql": _Postgresql, "mysql": _Mysql}
_PACKAGES = {"postgresql": "kedge[postgresql]", "mysql": "kedge[mysql]"}


def _driver(address: Address) -> _Driver:
    try:
        return _DRIVERS[address.kind]()
    except ModuleNotFoundError as missing:
        raise AddressWrong(
            f"{address.kind} needs the package {missing.name}; install it with: pip install"
            f" '{_PACKAGES[address.kind]}'"
        ) from None


def patiently(work: Callable[[], None], waits_s: Sequence[float]) -> None:
    """Do it, again after each wait where the database had trouble; the last trouble is raised."""
    for wait in (*waits_s, None):
        try:
            return work()
        except DatabaseTrouble:
            if wait is None:
                raise
            time.sleep(wait)
    return None
