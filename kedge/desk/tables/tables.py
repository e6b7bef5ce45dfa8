"""Asking the tables: pages of rows, in any of the databases, from any thread, while the follower writes.

    page = tables.find("orders", Ask(bot="hedge-1", state="open"))
    page.rows, page.total, page.total_is_exact
    tables.find("orders", the_same_ask, after=page.next)          the next page, at the same cost at any depth

What makes every list quick however long it is: an index for each sort and filter; a total is counted up to
10,000 and said to be more; a page is reached by its number up to that row, and from there on by `next`;
a text is looked for among the newest 10,000 rows that fit the filters, a whole id among all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from kedge.desk.tables.database import Database, Row
from kedge.desk.tables.projection import Projection, not_made
from kedge.journal.asking import Question, row_of, table_of
from kedge.journal.rows import LIMIT_MAX, Ask, StoryRow
from kedge.model.ids import read as read_id

COUNTED_MAX = 10_000
OFFSET_MAX = 10_000
SEARCHED_MAX = 10_000
STORY_MAX = 1000

EVERYTHING = Ask()

OnChange = Callable[[tuple[str, ...], int], None]


class Page(Struct, frozen=True):
    rows: tuple[Any, ...]
    total: int
    total_is_exact: bool  # False: there are more than `total`
    next: str  # goes on behind this page; "" where nothing follows
    searched_all: bool = True  # False: a text was looked for among the newest rows only


class TablesState(Struct, frozen=True):
    """How the tables stand: what pages say beside their rows."""

    cell: str
    seq: int = 0
    told_ns: int = 0  # when rows were written last; our clock
    behind: int = 0  # entries that the engine has and the tables do not
    catching_up: bool = True
    rebuilding: bool = False
    away: str = ""  # why the engine cannot be followed now; "" when it can
    trouble: str = ""  # why the database cannot be used now; "" when it can


@dataclass
class Tables:
    """The tables of one cell. `state` is kept by the follower of this process, where there is one."""

    database: Database
    cell: str

    def __post_init__(self) -> None:
        self.state = TablesState(self.cell)
        self._listeners: list[OnChange] = []
        self._made = False
        self._indexed = False

    # ── asking ──────────────────────────────────────────────────────────────────────────────────

    def find(self, what: str, ask: Ask = EVERYTHING, *, after: str = "") -> Page:
        """One page. Raises ValueError with one sentence for what cannot be asked, `DatabaseTrouble`."""
        question = self._question(what, ask)
        if ask.offset > OFFSET_MAX:
            raise ValueError(
                f"pages can be reached by number up to row {OFFSET_MAX:,}; narrow the question (by time, for"
                " example), or go on from page to page"
            )
        if not ask.text:
            total = self._count(question, COUNTED_MAX)
            rows = self._rows(question, after, few=total <= COUNTED_MAX)
            return _page(question, rows, total)
        return self._by_id(question, ask.text, after) or self._by_text(question, after)

    def count(self, what: str, ask: Ask = EVERYTHING) -> tuple[int, bool]:
        """How many rows, and whether that is all of them (they are counted up to 10,000)."""
        question = self._question(what, ask)
        edge = self._edge(question) if ask.text else None
        total = self._count(question.within(edge) if edge else question, COUNTED_MAX)
        return min(total, COUNTED_MAX), total <= COUNTED_MAX

    def one(self, what: str, *key: Any) -> Any:
        """The row with this key (`TABLES[what].keys`), or None."""
        question = self._question(what, EVERYTHING)
        keys = question.table.keys
        assert len(key) == len(keys), f"{what} has the keys {', '.join(keys)}"
        where = " AND ".join(f'"{name}" = ?' for name in ("cell", *keys))
        sql = f'SELECT {question.shape.selected} FROM "{what}" WHERE {where}'
        found = self.database.fetch(sql, (self.cell, *key))
        return row_of(question.table, question.shape.read(found[0])) if found else None

    def each(self, what: str, ask: Ask = EVERYTHING) -> Iterator[Any]:
        """All rows, a page at a time: for files. `limit` and `offset` do not count."""
        ask = msgspec.structs.replace(ask, limit=LIMIT_MAX, offset=0)
        question, after = self._question(what, ask), ""
        few = (
            (self._edge(question) is None) if ask.text else self._count(question, COUNTED_MAX) <= COUNTED_MAX
        )
        while True:
            rows = self._rows(question, after, few)
            yield from (row_of(question.table, row) for row in rows[:LIMIT_MAX])
            if len(rows) <= LIMIT_MAX:
                return
            after = question.mark(rows[LIMIT_MAX - 1])

    def story(self, of: str, limit: int = STORY_MAX) -> tuple[StoryRow, ...]:
        """All about one order (by any spelling of its id) or one bot: the newest lines, oldest first."""
        newest = Ask(sort="-time", limit=max(1, min(limit, STORY_MAX)))
        found: tuple[StoryRow, ...] = ()
        if read_id(of.lower()) is not None:
            plain = of.lower().removeprefix("0x").replace("-", "")
            found = self._story(msgspec.structs.replace(newest, client_id=plain))
        return (found or self._story(msgspec.structs.replace(newest, bot=of)))[::-1]

    # ── news ────────────────────────────────────────────────────────────────────────────────────

    def on_change(self, listener: OnChange) -> Callable[[], None]:
        """Call it with the names of tables that changed and the entry they hold now; the way to stop.

        It is called in the loop, after the rows can be read, and must be quick.
        """
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave

    def changed(self, names: tuple[str, ...], seq: int) -> None:
        for listener in tuple(self._listeners):
            listener(names, seq)

    async def reached(self, seq: int, timeout_s: float = 2.0) -> bool:
        """Wait until the rows hold everything up to this entry: so that who did something sees it done."""
        news = asyncio.Event()
        leave = self.on_change(lambda names, seq: news.set())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while self.state.seq < seq:
                        news.clear()
                        await news.wait()
        finally:
            leave()
        return self.state.seq >= seq

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _question(self, what: str, ask: Ask) -> Question:
        table_of(what)
        if not self._made:
            if not Projection.there(self.database):
                raise not_made(self.database)
            self._made = True
        return Question(what, ask, self.cell, self.database.dialect)

    def _rows(self, question: Question, after: str, few: bool) -> list[Any]:
        index = question.index_for(few) if self._has_indexes() else ""
        sql, values = question.rows(after, index, more=1, few=few)
        return [question.shape.read(row) for row in self.database.fetch(sql, values)]

    def _count(self, question: Question, most: int) -> int:
        index = question.index_for(few=True) if question.ask.text and self._has_indexes() else ""
        sql, values = question.count(most + 1, index)
        return int(self.database.fetch(sql, values)[0][0])

    def _by_text(self, question: Question, after: str) -> Page:
        """Among the newest rows that fit the filters."""
        edge = self._edge(question)
        newest = question.within(edge) if edge else question
        rows = self._rows(newest, after, few=True)
        whole = not after and not question.ask.offset and len(rows) <= question.ask.limit
        # What fits on the first page needs no counting, which looks at all of them again.
        total = len(rows) if whole else self._count(newest, COUNTED_MAX)
        return _page(newest, rows, total, searched_all=edge is None)

    def _edge(self, question: Question) -> Row | None:
        """Where the newest rows end among which a text is looked for; None where there are no more."""
        index = question.index_for(few=False, newest=True) if self._has_indexes() else ""
        found = self.database.fetch(*question.edge(SEARCHED_MAX, index))
        return found[0] if found else None

    def _by_id(self, question: Question, text: str, after: str) -> Page | None:
        for column in question.table.ids:
            exactly = question.exactly(column, text)
            rows = self._rows(exactly, after, few=True)
            if rows:
                return _page(exactly, rows, self._count(exactly, COUNTED_MAX))
        return None

    def _story(self, ask: Ask) -> tuple[StoryRow, ...]:
        question = self._question("story", ask)
        rows = self._rows(question, "", few=False)
        return tuple(row_of(question.table, row) for row in rows[: ask.limit])

    def _has_indexes(self) -> bool:
        if not self._indexed:
            self._indexed = not Projection(self.database, self.cell).missing()
        return self._indexed


def _page(question: Question, rows: list[Any], total: int, searched_all: bool = True) -> Page:
    limit = question.ask.limit
    shown = rows[:limit]
    return Page(
        rows=tuple(row_of(question.table, row) for row in shown),
        total=min(total, COUNTED_MAX),
        total_is_exact=total <= COUNTED_MAX,
        next=question.mark(shown[-1]) if len(rows) > limit else "",
        searched_all=searched_all,
    )
