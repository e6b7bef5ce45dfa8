"""Rows of the tables in a database, exactly: what the fold reads and writes, a batch at a time.

Decimals become numbers of the database, so that people can compute, compare and sort with them in SQL:

    PostgreSQL         NUMERIC, which holds every decimal
    MariaDB, MySQL     DECIMAL(65, 30)
    SQLite             NUMERIC: a whole number or a double

A decimal that such a number cannot give back digit by digit (more than 15 digits in SQLite, more than 30
after the point in MariaDB) is kept beside it, as text, in the row's `exact`. So what is read here is what was
written, in every database, and the tables of one journal have one digest.

`RowCache` holds the rows that the fold touched lately, reads what a batch needs in one question per table,
and writes what changed at the end of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, Protocol

import msgspec

from kedge.journal.dialect import NAME_MAX, Dialect, clean, name_of
from kedge.journal.rows import TABLES, ColumnKind, Table
from kedge.model.numbers import text

Row = dict[str, Any]
Key = tuple[Any, ...]

# Rows of one table that stay in memory between batches.
KEPT_MAX = 4000
# Keys asked for in one question.
ASKED_MAX = 200
# So few are asked for singly.
FEW = 4
# Letters of a decimal that every database holds exactly: fifteen digits and a point.
SHORT = 16
# Rows that are digested at a time.
PAGE = 2000


class Session(Protocol):
    """A connection within a transaction."""

    @property
    def dialect(self) -> Dialect: ...
    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...
    def fetch_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]: ...
    def execute(self, sql: str, values: Sequence[Any] = ()) -> int: ...
    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...
    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...


# ── one row to and from a database ──────────────────────────────────────────────────────────────


class Shape:
    """How the rows of one table are written into and read from one kind of database."""

    def __init__(self, name: str, table: Table, dialect: Dialect) -> None:
        self.name, self.table = name, table
        self.kinds = table.kinds()
        self.columns = tuple(self.kinds)
        self.decimals = [at for at, kind in enumerate(self.kinds.values()) if kind == "decimal"]
        self.exact = dialect.inexact and bool(self.decimals)
        self.stored = ("cell", *self.columns, *(("exact",) if self.exact else ()))
        self.selected = ", ".join(f'"{column}"' for column in self.stored[1:])
        changing = (*table.changing, *(("exact",) if self.exact else ())) if table.changing else ()
        keys = ("cell", *table.keys)
        self.key_names = ", ".join(f'"{key}"' for key in keys)
        where = " AND ".join(f'"{key}" = ?' for key in keys)
        self.one_sql = f'SELECT {self.selected} FROM "{name}" WHERE {where}'
        self.write_sql = dialect.upsert(name, keys, self.stored, changing) if changing else ""
        self._get = itemgetter(*self.columns)
        self._names = tuple(at for at, kind in enumerate(self.kinds.values(), 1) if kind == "name")
        self._texts = tuple(at for at, kind in enumerate(self.kinds.values(), 1) if kind in ("text", "json"))
        self._decimal = _WRITERS[dialect.kind]
        self.key_of: Callable[[Row], Key] = _key_of(table.keys)

    def some_sql(self, count: int) -> str:
        """Rows of so many keys, in SQLite's words: it would read the whole table for `IN` of several columns,
        and a CROSS JOIN it leaves in its order, key by key through the index. The cell is the last value."""
        names = [f"k{at}" for at in range(len(self.table.keys))]
        one = f"({', '.join('?' * len(names))})"
        fits = [f'"{key}" = {name}' for key, name in zip(self.table.keys, names, strict=True)]
        return (
            f"WITH keys({', '.join(names)}) AS (VALUES {', '.join([one] * count)}) SELECT {self.selected}"
            f' FROM keys CROSS JOIN "{self.name}" ON "cell" = ? AND {" AND ".join(fits)}'
        )

    def write(self, cell: str, row: Row) -> tuple[Any, ...]:
        """Much of what telling costs is done here."""
        written: list[Any] = [cell, *self._get(row)]
        for at in self._names:
            said = written[at]
            if len(said) > NAME_MAX or not said.isascii() or "\0" in said:
                written[at] = name_of(said)
        for at in self._texts:
            written[at] = clean(written[at])
        if not self.exact:
            if self._decimal is not _as_it_is:
                for at in self.decimals:
                    written[at + 1] = self._decimal(written[at + 1])
            return tuple(written)
        odd: dict[str, str] = {}
        for at in self.decimals:
            value = written[at + 1]
            written[at + 1] = kept = self._decimal(value)
            # So short a number is held by all of them.
            if len(str(value)) > SHORT and _odd(kept, value):
                odd[self.columns[at]] = text(value)
        written.append(msgspec.json.encode(odd).decode() if odd else "")
        return tuple(written)

    def read(self, values: Sequence[Any]) -> Row:
        row = dict(zip(self.columns, values, strict=False))
        exact = msgspec.json.decode(values[-1]) if self.exact and values[-1] else {}
        for column, kind in self.kinds.items():
            if kind == "decimal":
                row[column] = Decimal(exact[column]) if column in exact else read_decimal(row[column])
            elif kind == "flag":
                row[column] = bool(row[column])
        return row


def read_decimal(value: Any) -> Decimal:
    """A number of the database as it was written."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def native(dialect: Dialect, kind: ColumnKind, value: Any) -> Any:
    """A value as this database keeps it, for comparing with what is in it."""
    return _WRITERS[dialect.kind if kind == "decimal" else kind](value)


def _odd(written: Any, value: Decimal) -> bool:
    if isinstance(written, float):
        return len(value.as_tuple().digits) > 15 and Decimal(repr(written)) != value
    return written != value  # type: ignore[no-any-return]


def _key_of(keys: tuple[str, ...]) -> Callable[[Row], Key]:
    if len(keys) == 1:
        key = keys[0]
        return lambda row: (row[key],)
    return itemgetter(*keys)


_STEP = Decimal("1e-30")
_WHOLE_MAX = Decimal("1e35")


def _fixed(value: Decimal) -> Decimal:
    """The nearest that DECIMAL(65, 30) holds."""
    if abs(value) >= _WHOLE_MAX:
        return (_WHOLE_MAX - 1).copy_sign(value)
    return value if value.as_tuple().exponent >= -30 else round_to_step(value)  # type: ignore[operator]


def round_to_step(value: Decimal) -> Decimal:
    from kedge.model.numbers import MONEY

    return MONEY.quantize(value, _STEP)


def _as_it_is(value: Any) -> Any:
    return value


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "name": name_of,
    "text": clean,
    "json": clean,
    "int": int,
    "flag": bool,
    "sqlite": float,
    "postgresql": _as_it_is,
    "mysql": _fixed,
}


# ── many rows ───────────────────────────────────────────────────────────────────────────────────


class RowCache:
    """Rows of one cell while entries are told; what `telling.Rows` asks for.

    `session` is set for the time of a transaction. A transaction that failed makes the cache worthless:
    begin again with a new one.
    """

    def __init__(self, cell: str, dialect: Dialect) -> None:
        self.cell = cell
        self._dialect = dialect
        self.session: Session | None = None
        self.shapes = {name: Shape(name, table, dialect) for name, table in TABLES.items()}
        self._kept: dict[str, dict[Key, Row | None]] = {name: {} for name in TABLES}
        self._changed: dict[str, dict[Key, Row]] = {name: {} for name in TABLES}
        self._added: dict[str, list[Row]] = {name: [] for name in TABLES}

    # ── what the fold asks ──────────────────────────────────────────────────────────────────

    def get(self, table: str, *key: Any) -> Row | None:
        """The row of that key, to be changed and `put`."""
        kept = self._kept[table]
        if key not in kept:
            key = _short(key)
            self.fetch(table, [key])
        return kept[key]

    def put(self, table: str, row: Row) -> None:
        key, kept = self.shapes[table].key_of(row), self._kept[table]
        if key not in kept:
            key = _short(key)
        kept[key] = self._changed[table][key] = row

    def add(self, table: str, row: Row) -> None:
        """A row that is new and that nobody will ask for."""
        self._added[table].append(row)

    def drop(self, table: str, *key: Any) -> None:
        assert self.session is not None
        key = _short(key)
        self._write(table)
        where = " AND ".join(f'"{name}" = ?' for name in ("cell", *TABLES[table].keys))
        self.session.execute(f'DELETE FROM "{table}" WHERE {where}', (self.cell, *key))
        self._kept[table][key] = None

    def find(self, table: str, column: str, value: Any) -> list[Row]:
        """All rows with that value, in the order of their keys."""
        assert self.session is not None
        self._write(table)
        shape = self.shapes[table]
        order = ", ".join(f'"{key}"' for key in shape.table.keys)
        sql = f'SELECT {shape.selected} FROM "{table}" WHERE "cell" = ? AND "{column}" = ? ORDER BY {order}'
        found = []
        value = native(self._dialect, shape.kinds[column], value)
        for values in self.session.fetch(sql, (self.cell, value)):
            row = shape.read(values)
            key = shape.key_of(row)
            kept = self._kept[table].get(key)
            self._kept[table][key] = row = row if kept is None else kept
            found.append(row)
        return found

    # ── batches ─────────────────────────────────────────────────────────────────────────────

    def fetch(self, table: str, keys: Iterable[Key]) -> None:
        """Have these rows at hand, in as few questions as may be."""
        kept, shape = self._kept[table], self.shapes[table]
        missing = [_short(key) for key in dict.fromkeys(keys) if key not in kept]
        wanted = [key for key in dict.fromkeys(missing) if key not in kept]
        kept.update(dict.fromkeys(wanted))
        for values in self._asked(shape, wanted):
            row = shape.read(values)
            kept[shape.key_of(row)] = row

    def _asked(self, shape: Shape, keys: Sequence[Key]) -> Iterator[tuple[Any, ...]]:
        assert self.session is not None
        if self._dialect.kind == "postgresql" or len(keys) < FEW:
            # By the key's index one by one, and all in one go where the line lets it.
            yield from self.session.fetch_each(shape.one_sql, [(self.cell, *key) for key in keys])
            return
        for at in range(0, len(keys), ASKED_MAX):
            some = keys[at : at + ASKED_MAX]
            values = [part for key in some for part in key]
            if self._dialect.kind == "sqlite":
                yield from self.session.fetch(shape.some_sql(len(some)), [*values, self.cell])
                continue
            one = f"({', '.join('?' * (len(shape.table.keys) + 1))})"
            among = f"({shape.key_names}) IN ({', '.join([one] * len(some))})"
            sql = f'SELECT {shape.selected} FROM "{shape.name}" WHERE {among}'
            yield from self.session.fetch(sql, [part for key in some for part in (self.cell, *key)])

    def flush(self) -> tuple[str, ...]:
        """Write what changed; the tables that did."""
        touched = tuple(name for name in TABLES if self._changed[name] or self._added[name])
        for name in touched:
            self._write(name)
        for kept in self._kept.values():
            if len(kept) > KEPT_MAX:
                for key in list(kept)[: len(kept) - KEPT_MAX // 2]:
                    del kept[key]
        return touched

    def _write(self, table: str) -> None:
        changed, added, shape = self._changed[table], self._added[table], self.shapes[table]
        if not changed and not added:
            return
        assert self.session is not None
        rows = [shape.write(self.cell, row) for row in (*changed.values(), *added)]
        if shape.table.changing:
            self.session.execute_many(shape.write_sql, rows)
        else:
            self.session.insert_many(table, shape.stored, rows)
        changed.clear()
        added.clear()


def _short(key: Key) -> Key:
    """As the database holds it; in memory rows stand under that too."""
    if any(type(part) is str and len(part) > NAME_MAX for part in key):
        return tuple(name_of(part) if type(part) is str else part for part in key)
    return key


# ── digest ──────────────────────────────────────────────────────────────────────────────────────


def digest(session: Session, cell: str, applied: tuple[int, int]) -> str:
    """Equal for equal entries, in whichever database and however they were batched."""
    total = hashlib.blake2b(digest_size=16)
    for name, table in TABLES.items():
        shape = Shape(name, table, session.dialect)
        total.update(name.encode())
        for row in all_rows(session, cell, shape):
            values = [text(row[c]) if k == "decimal" else row[c] for c, k in shape.kinds.items()]
            total.update(msgspec.json.encode(values))
    total.update(msgspec.json.encode(applied))
    return total.hexdigest()


def all_rows(session: Session, cell: str, shape: Shape) -> Iterator[Row]:
    """Every row in the order of its keys, some at a time: memory stays small."""
    keys = shape.table.keys
    order = ", ".join(f'"{key}"' for key in keys)
    after: Key = ()
    while True:
        where, values = after_sql(session.dialect, keys, after) if after else ("", [])
        sql = f'SELECT {shape.selected} FROM "{shape.name}" WHERE "cell" = ?{where} ORDER BY {order}'
        sql += f" LIMIT {PAGE}"
        found = [shape.read(row) for row in session.fetch(sql, (cell, *values))]
        yield from found
        if len(found) < PAGE:
            return
        after = shape.key_of(found[-1])


def after_sql(
    dialect: Dialect, columns: Sequence[str], after: Sequence[Any], *, down: bool = False
) -> tuple[str, list[Any]]:
    """` AND ...`: what comes behind these values in the order of the columns."""
    sign = "<" if down else ">"
    if dialect.kind != "mysql":
        names = ", ".join(f'"{column}"' for column in columns)
        return f" AND ({names}) {sign} ({', '.join('?' * len(columns))})", list(after)
    # It does not look up rows of values by an index: said step by step, outermost first.
    first, value = columns[0], after[0]
    if len(columns) == 1:
        return f' AND "{first}" {sign} ?', [value]
    inner, values = after_sql(dialect, columns[1:], after[1:], down=down)
    said = f' AND ("{first}" {sign}= ? AND ("{first}" {sign} ? OR ({inner.removeprefix(" AND ")})))'
    return said, [value, value, *values]
