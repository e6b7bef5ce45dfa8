"""From an `Ask` to SQL: one statement, the same question in every database.

Nothing of what was asked is ever in the text of a statement, only in its values. Sorts end in the table's
ties, so that pages neither repeat nor skip; where a page ended is a `mark`, and the next one goes on behind
it by the index, at the same cost at any depth.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from kedge.journal.dialect import Dialect, clean
from kedge.journal.row_store import Row, Shape, after_sql, native
from kedge.journal.rows import FILTERS, TABLES, Ask, Is, Table, readable
from kedge.journal.schema import index_name, named_indexes
from kedge.model.numbers import text
from kedge.model.sentences import mistake

Statement = tuple[str, list[Any]]

# Pages further down are asked for without parts: each part would have to reach as far.
PARTS_OFFSET_MAX = 1000

# Columns by which filters are tried first: they leave the fewest rows.
_SELECTIVE = ("client_id", "state", "market", "bot", "level", "kind", "account")


class Question:
    """What was asked of one table of one cell. Raises ValueError, one sentence, for what cannot be asked."""

    def __init__(self, what: str, ask: Ask, cell: str, dialect: Dialect) -> None:
        self.what, self.ask, self.dialect = what, ask, dialect
        self.table = table_of(what)
        self.shape = Shape(what, self.table, dialect)
        self._where = ['"cell" = ?']
        self._values: list[Any] = [cell]
        # Columns that must equal something: an index that begins with one leaves few rows.
        self.equal: list[str] = []
        self._constant: list[str] = []  # those of them that equal one value
        self._timed = False
        self._filter()
        self._time()
        self.by, self.down = self._order()

    # ── statements ──────────────────────────────────────────────────────────────────────────

    def rows(self, after: str = "", index: str = "", more: int = 0, few: bool = False) -> Statement:
        """The rows of one page and `more`; `index` is one to use where the database can be told. `few`: so
        few rows fit the filters that they may be looked at one by one."""
        text_sql, text_values = self._text()
        source, where, values = self._from(index), " AND ".join(self._where), list(self._values)
        if few and self.dialect.kind == "postgresql" and (text_sql or self.by != self.table.ties):
            # It takes no hints, and would walk through the sort's whole index to find the few in order.
            source, where = f"(SELECT * FROM {source} WHERE {where} OFFSET 0) AS few", "1 = 1"
        if text_sql:
            where += f" AND {text_sql}"
            values += text_values
        behind, behind_values = self._behind(after)
        where, values = where + behind, [*values, *behind_values]
        if not few and self._in_parts():
            source, values = self._parts_of(source, where, values, self.ask.limit + more + self.ask.offset)
            where = "1 = 1"
        sql = f"SELECT {self.shape.selected} FROM {source} WHERE {where} ORDER BY {self._way(self.by)}"
        return f"{sql} LIMIT ? OFFSET ?", [*values, self.ask.limit + more, self.ask.offset]

    def count(self, most: int, index: str = "") -> Statement:
        """How many rows there are, counted up to `most`."""
        text_sql, text_values = self._text()
        where = " AND ".join([*self._where, text_sql] if text_sql else self._where)
        some = f"SELECT 1 AS one FROM {self._from(index)} WHERE {where} LIMIT {most}"
        return f"SELECT count(*) FROM ({some}) AS counted", [*self._values, *text_values]

    def edge(self, newest: int, index: str = "") -> Statement:
        """Where the newest so many rows end that fit the filters, the text apart; nothing where fewer fit."""
        ties = self.table.ties
        named = ", ".join(f'"{tie}"' for tie in ties)
        order = ", ".join(f'"{tie}" DESC' for tie in ties)
        where = " AND ".join(self._where)
        sql = (
            f"SELECT {named} FROM {self._from(index)} WHERE {where} ORDER BY {order} LIMIT 1 OFFSET {newest}"
        )
        return sql, list(self._values)

    def within(self, edge: Sequence[Any]) -> Question:
        """The same question for the rows that are newer than this edge."""
        other = self._narrowed(self.ask, *after_sql(self.dialect, self.table.ties, edge))
        other._timed = self.table.time == self.table.ties[0]
        return other

    def exactly(self, column: str, value: str) -> Question:
        """The same question for one id alone, without the text."""
        ask = msgspec.structs.replace(self.ask, text=None)
        other = self._narrowed(ask, f' AND "{column}" = ?', [value])
        other.equal = [column]
        return other

    def index_for(self, few: bool, *, newest: bool = False) -> str:
        """The index to use: a filter's where that leaves few rows or has the order, or else the sort's.
        `newest`: for the order of the ties, whatever the sort is."""
        by = self.table.ties if newest else self.by
        found = next((c for name in _SELECTIVE if (c := self.table.filters.get(name)) in self.equal), None)
        column = self.equal[0] if found is None and self.equal else found
        names: list[str] = []
        if column is not None:
            if few or by == self.table.ties:
                names = [index_name(self.what, column, other) for other in self.equal if other != column]
                names.append(index_name(self.what, column))
            else:
                names = [index_name(self.what, one, by[0]) for one in self.equal]
        if few and self._timed:
            names.append(index_name(self.what, self.table.time))
        if not few:
            names.append(index_name(self.what, by[0]))
        known = named_indexes(self.what, self.table, self.dialect)
        return next((name for name in names if name in known), "")

    def mark(self, row: Row) -> str:
        """Where a page ended."""
        kinds = self.shape.kinds
        said = [text(row[c]) if kinds[c] == "decimal" else row[c] for c in self.by]
        sort = self.ask.sort or self.table.sort
        return base64.urlsafe_b64encode(msgspec.json.encode([sort, *said])).decode().rstrip("=")

    # ── parts ───────────────────────────────────────────────────────────────────────────────

    def _filter(self) -> None:
        for name in FILTERS:
            value: str | None = getattr(self.ask, name)
            if value is None:
                continue
            value = clean(value)
            words, known = self.table.words.get(name, {}), self.table.values.get(name, ())
            if value in words:
                self._is(words[value])
            elif (known or (words and name not in self.table.filters)) and value not in known:
                said = ", ".join(dict.fromkeys((*words, *known)))
                raise ValueError(f"{self.what} cannot be {value!r}: {name} is one of {said}")
            elif name not in self.table.filters:
                takes = ", ".join(readable()[self.what])
                raise ValueError(f"{self.what} cannot be filtered by {name}; they take: {takes}")
            elif name == "account" and self.table.filters[name] == "market":
                # All markets of an account: `;` is the letter behind `:`.
                self._where.append('"market" >= ? AND "market" < ?')
                self._values += [f"{value}:", f"{value};"]
            else:
                self._is(Is(self.table.filters[name], (value,)))

    def _is(self, wanted: Is) -> None:
        kind = self.shape.kinds[wanted.column]
        values = [native(self.dialect, kind, value) for value in wanted.values]
        no = "NOT " if wanted.no else ""
        self._where.append(f'{no}"{wanted.column}" IN ({", ".join("?" * len(values))})')
        self._values += values
        if not wanted.no:
            self.equal.append(wanted.column)
            self._constant += [wanted.column] if len(values) == 1 else []

    def _time(self) -> None:
        for sign, limit in ((">=", self.ask.since_ns), ("<", self.ask.until_ns)):
            if limit is not None:
                self._where.append(f'"{self.table.time}" {sign} ?')
                self._values.append(limit)
                self._timed = True

    def _text(self) -> tuple[str, list[Any]]:
        if not self.ask.text:
            return "", []
        wanted = clean(self.ask.text).replace("!", "!!").replace("%", "!%").replace("_", "!_")
        pattern = f"%{wanted}%"
        like = '"{}" LIKE ?'
        if self.dialect.kind == "postgresql":
            like = '"{}" ILIKE ?'
        elif self.dialect.kind == "mysql":
            like, pattern = 'LOWER("{}") LIKE ?', pattern.lower()
        said = " OR ".join(f"{like.format(column)} ESCAPE '!'" for column in self.table.texts)
        return f"({said})", [pattern] * len(self.table.texts)

    def _order(self) -> tuple[tuple[str, ...], bool]:
        sort = self.ask.sort or self.table.sort
        column = self.table.sorts.get(sort.removeprefix("-"))
        if column is None:
            known = ", ".join(self.table.sorts)
            raise ValueError(f"{self.what} cannot be sorted by {sort!r}; they can by: {known}")
        by = tuple(dict.fromkeys((column, *self.table.ties)))
        # What is the same in all rows gives no order; without it another index fits.
        telling = tuple(one for one in by if one not in self._constant)
        return telling or by[:1], sort.startswith("-")

    def _way(self, columns: Sequence[str]) -> str:
        way = "DESC" if self.down else "ASC"
        return ", ".join(f'"{column}" {way}' for column in columns)

    def _narrowed(self, ask: Ask, sql: str, values: Sequence[Any]) -> Question:
        other = Question(self.what, ask, "", self.dialect)
        other._where = [*self._where, sql.removeprefix(" AND ")]
        other._values = [*self._values, *values]
        return other

    def _in_parts(self) -> bool:
        """Whether to ask for each value of the sort's column apart: all buys lie before the first sell, and
        those of one hour are a small part of them."""
        return self._timed and self.by[0] in self.table.few and self.ask.offset <= PARTS_OFFSET_MAX

    def _parts_of(self, source: str, where: str, values: list[Any], most: int) -> tuple[str, list[Any]]:
        column, rest = self.by[0], self._way(self.by[1:])
        one = f'SELECT * FROM {source} WHERE {where} AND "{column}" = ? ORDER BY {rest} LIMIT {most}'
        known = self.table.few[column]
        parts = " UNION ALL ".join(f"SELECT * FROM ({one}) AS part{at}" for at in range(len(known)))
        return f"({parts}) AS parts", [value for known_ in known for value in (*values, known_)]

    def _behind(self, after: str) -> tuple[str, list[Any]]:
        if not after:
            return "", []
        values = self._marked(after)
        kinds = self.shape.kinds
        found = [
            native(self.dialect, kinds[c], Decimal(str(value)) if kinds[c] == "decimal" else value)
            for c, value in zip(self.by, values, strict=True)
        ]
        return after_sql(self.dialect, self.by, found, down=self.down)

    def _marked(self, after: str) -> Sequence[Any]:
        wrong = ValueError("this page's mark is of another question; begin at its first page")
        try:
            raw = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
            sort, *values = msgspec.json.decode(raw, type=list[Any])
            for column, value in zip(self.by, values, strict=True):
                kind = self.shape.kinds[column]
                fits = {"int": int, "flag": bool}.get(kind, str)
                if type(value) is not fits or (kind == "decimal" and not Decimal(str(value)).is_finite()):
                    raise wrong
        except (binascii.Error, msgspec.DecodeError, ValueError, ArithmeticError):
            raise wrong from None
        if sort != (self.ask.sort or self.table.sort):
            raise wrong
        return values

    def _from(self, index: str) -> str:
        if not index or self.dialect.kind == "postgresql":
            return f'"{self.what}"'
        hint = "INDEXED BY" if self.dialect.kind == "sqlite" else "FORCE INDEX"
        named = f'"{index}"' if self.dialect.kind == "sqlite" else f'("{index}")'
        return f'"{self.what}" {hint} {named}'


def table_of(what: str) -> Table:
    table = TABLES.get(what)
    if table is None:
        raise ValueError(f"there is nothing called {what!r} to read; there are: {', '.join(TABLES)}")
    return table


def ask_of(what: str, args: Mapping[str, object]) -> Ask:
    """Filters as they come from people and programs. Raises ValueError with one sentence."""
    try:
        return msgspec.convert(dict(args), Ask, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(mistake(error, Ask, what)) from None


def row_of(table: Table, row: Row) -> Any:
    """A row for people."""
    named = {column: row[column] for column in table.columns}
    for column in table.json:
        named[column] = msgspec.json.decode(named[column])
    for column, value in named.items():
        if type(value) is Decimal:
            named[column] = Decimal(text(value))
    return msgspec.convert(named, table.row, strict=False)
