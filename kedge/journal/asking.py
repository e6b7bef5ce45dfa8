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
from kedge.journal.schema import index_name, indexes
from kedge.model.numbers import text
from kedge.model.sentences import mistake

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
        self._filter()
        self._time()
        self.by, self.down = self._order()

    # ── statements ──────────────────────────────────────────────────────────────────────────

    def rows(self, after: str = "", index: str = "", window: int = 0, more: int = 0) -> tuple[str, list[Any]]:
        """The rows of one page and `more`; `index` is one to use where the database can be told."""
        text_sql, text_values = self._text()
        source, where, values = self._from(index), list(self._where), list(self._values)
        if window and text_sql:
            # The newest rows that fit, then those among them that hold the text.
            newest = ", ".join(f'"{tie}" DESC' for tie in self.table.ties)
            inner = f"SELECT * FROM {source} WHERE {' AND '.join(where)} ORDER BY {newest} LIMIT {window}"
            source, where = f"({inner}) AS newest", ["1 = 1"]
        if text_sql:
            where.append(text_sql)
            values += text_values
        behind, behind_values = self._behind(after)
        way = "DESC" if self.down else "ASC"
        order = ", ".join(f'"{column}" {way}' for column in self.by)
        sql = (
            f"SELECT {self.shape.selected} FROM {source} WHERE {' AND '.join(where)}{behind} ORDER BY {order}"
        )
        page = [self.ask.limit + more, self.ask.offset]
        return f"{sql} LIMIT ? OFFSET ?", [*values, *behind_values, *page]

    def count(self, most: int, window: int = 0) -> tuple[str, list[Any]]:
        """How many rows there are, counted up to `most`."""
        text_sql, text_values = self._text()
        where, values = " AND ".join(self._where), list(self._values)
        if not text_sql:
            some = f'SELECT 1 AS one FROM "{self.what}" WHERE {where} LIMIT {most}'
            return f"SELECT count(*) FROM ({some}) AS counted", values
        newest = ", ".join(f'"{tie}" DESC' for tie in self.table.ties)
        inner = f'SELECT * FROM "{self.what}" WHERE {where}'
        inner += f" ORDER BY {newest} LIMIT {window}" if window else ""
        some = f"SELECT 1 AS one FROM ({inner}) AS newest WHERE {text_sql} LIMIT {most}"
        return f"SELECT count(*) FROM ({some}) AS counted", values + text_values

    def exactly(self, column: str, value: str) -> Question:
        """The same question for one id alone, without the text."""
        other = Question(self.what, msgspec.structs.replace(self.ask, text=None), "", self.dialect)
        other._where, other._values = [*self._where, f'"{column}" = ?'], [*self._values, value]
        other.equal = [column]
        return other

    def index_for(self, few: bool) -> str:
        """The index to use: a filter's where that leaves few rows or has the order, or else the sort's."""
        found = next((c for name in _SELECTIVE if (c := self.table.filters.get(name)) in self.equal), None)
        column = self.equal[0] if found is None and self.equal else found
        by_filter = few or self.by == self.table.ties
        wanted = column if by_filter and column is not None else "" if few else self.by[0]
        known = {columns[0] for columns in indexes(self.table)}
        return index_name(self.what, wanted) if wanted in known else ""

    def mark(self, row: Row) -> str:
        """Where a page ended."""
        kinds = self.shape.kinds
        said = [text(row[c]) if kinds[c] == "decimal" else row[c] for c in self.by]
        sort = ("-" if self.down else "") + self.by[0]
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

    def _time(self) -> None:
        for sign, limit in ((">=", self.ask.since_ns), ("<", self.ask.until_ns)):
            if limit is not None:
                self._where.append(f'"{self.table.time}" {sign} ?')
                self._values.append(limit)

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
        return tuple(dict.fromkeys((column, *self.table.ties))), sort.startswith("-")

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
        if sort != ("-" if self.down else "") + self.by[0]:
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
