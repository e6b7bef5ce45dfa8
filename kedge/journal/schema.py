"""The tables that people read as SQL: one description, three databases.

Every table begins with `cell`, so that several desks may share a database. `exact` holds, as an object, those
decimals of a row that the database's own numbers cannot hold; it is "" for nearly every row. `applied` says
up to which entry of which journal the tables are made.
"""

from __future__ import annotations

from collections.abc import Iterator

from kedge.journal.dialect import Dialect
from kedge.journal.rows import TABLES, Table

# Raised when the tables or what is told in them change: older ones are then made again.
VERSION = 3

APPLIED = "applied"

# What the engine's own file is asked by; every index is paid for at each write.
_LIGHT = ("bot", "market", "client_id", "state", "level")

_APPLIED = (
    'CREATE TABLE "applied" ("cell" {cell} NOT NULL PRIMARY KEY,'
    ' "version" {int} NOT NULL, "seq" {int} NOT NULL, "mark" {int} NOT NULL)'
)
# How each database writes nanoseconds as a time in UTC that people read.
_TIMES = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', \"{c}\" / 1000000000.0, 'unixepoch')",
    "postgresql": "(to_timestamp((\"{c}\" / 1000)::numeric / 1000000) AT TIME ZONE 'UTC')",
    "mysql": "(TIMESTAMP('1970-01-01') + INTERVAL (\"{c}\" DIV 1000) MICROSECOND)",
}


def tables_sql(dialect: Dialect) -> list[str]:
    """Statements that make all tables, empty and without indexes but their keys."""
    # `applied` last: where it is, everything is, also in a database that ends a transaction at each CREATE.
    return [_table_sql(dialect, name, table) for name, table in TABLES.items()] + [dialect.made(_APPLIED)]


def indexes_sql(dialect: Dialect, *, light: bool = False) -> list[str]:
    """Statements that make the indexes: for every sort and filter, or (light) for the usual filters."""
    made = []
    for name, table in TABLES.items():
        for index, columns in named_indexes(name, table, dialect, light=light).items():
            listed = ", ".join(f'"{column}"' for column in ("cell", *columns))
            made.append(f'CREATE INDEX "{index}" ON "{name}" ({listed})')
    return made


def views_sql(dialect: Dialect) -> list[str]:
    """Views with the times as people read them: `v_orders`, `v_fills` and so on."""
    made = []
    for name, table in TABLES.items():
        columns = ['"cell"']
        for column in table.columns:
            if column.endswith("_ns"):
                time = _TIMES[dialect.kind].format(c=column)
                short = "time" if column == table.time else column.removesuffix("_ns")
                columns.append(f'CASE WHEN "{column}" = 0 THEN NULL ELSE {time} END AS "{short}"')
            columns.append(f'"{column}"')
        made.append(f'CREATE VIEW "v_{name}" AS SELECT {", ".join(columns)} FROM "{name}"')
    return made


def drops_sql() -> list[str]:
    made = [f'DROP TABLE IF EXISTS "{APPLIED}"'] + [f'DROP VIEW IF EXISTS "v_{name}"' for name in TABLES]
    return made + [f'DROP TABLE IF EXISTS "{name}"' for name in TABLES]


def named_indexes(
    name: str, table: Table, dialect: Dialect, *, light: bool = False
) -> dict[str, tuple[str, ...]]:
    """Columns of each index, `cell` apart, by its name."""
    found = {index_name(name, columns[0]): columns for columns in indexes(table, light=light)}
    if light or dialect.kind == "sqlite":
        # A row is so near to hand there that an index for two columns gains less than it costs at writing.
        return found
    for pair in table.pairs:
        ties = (tie for tie in table.ties if tie not in pair)
        found[index_name(name, *pair)] = (*pair, *ties)
    return found


def indexes(table: Table, *, light: bool = False) -> list[tuple[str, ...]]:
    """Columns of each index, `cell` apart; each begins with another column and ends in the ties."""
    found = {table.ties[0]: table.ties}
    for column in _indexed(table, light):
        if column not in found and column != table.keys[0]:
            found[column] = (column, *(tie for tie in table.ties if tie != column))
    return [columns for columns in found.values() if columns != table.keys]


def _indexed(table: Table, light: bool) -> Iterator[str]:
    if light:
        yield from (column for name, column in table.filters.items() if name in _LIGHT)
        return
    yield from table.filters.values()
    yield from table.ids
    yield from table.sorts.values()


def index_name(table: str, *columns: str) -> str:
    return f"{table}_by_{'_'.join(columns)}"


def _table_sql(dialect: Dialect, name: str, table: Table) -> str:
    kinds = {"json": "text"}
    columns = {column: kinds.get(kind, kind) for column, kind in table.kinds().items()}
    body = ['"cell" {cell} NOT NULL']
    body += [f'"{column}" {{{kind}}} NOT NULL' for column, kind in columns.items()]
    if dialect.inexact and "decimal" in columns.values():
        body.append('"exact" {text} NOT NULL')
    keys = ", ".join(f'"{key}"' for key in ("cell", *table.keys))
    return dialect.made(f'CREATE TABLE "{name}" ({", ".join(body)}, PRIMARY KEY ({keys}))')
