"""The tables of one cell in a database: made, told, compared, made again.

The cursor (`applied`) is moved in the transaction that writes the rows, and only from where this process saw
it: two followers of one database never tell an entry twice, and one that was killed goes on where its last
batch ended.
"""

from __future__ import annotations

from collections.abc import Sequence

from kedge.desk.tables.database import Database, DatabaseTrouble, Transaction
from kedge.journal.reading import mark_of
from kedge.journal.row_store import RowCache, digest
from kedge.journal.rows import TABLES
from kedge.journal.schema import (
    APPLIED,
    VERSION,
    drops_sql,
    indexes_sql,
    named_indexes,
    tables_sql,
    views_sql,
)
from kedge.journal.telling import Teller
from kedge.model.records import Entry

_THERE = {
    "sqlite": "SELECT count(*) FROM sqlite_schema WHERE name = ?",
    "postgresql": "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?",
    "mysql": "SELECT count(*) FROM information_schema.tables"
    " WHERE table_schema = database() AND table_name = ?",
}
_INDEXES = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'index'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
    "mysql": "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = database()",
}
# So long a key of PostgreSQL's for the making of tables, the same for every desk that shares it.
_LOCK = "SELECT pg_advisory_xact_lock(5194420151)"


class Moved(Exception):
    """Another process moved the cursor meanwhile; look where it is and go on from there."""


class Projection:
    """Used by one thread at a time, except `digest`."""

    def __init__(self, database: Database, cell: str) -> None:
        self.database, self.cell = database, cell
        self.seq, self.mark = 0, 0
        # Whether all indexes are there: until then questions are slower, and telling quicker.
        self.indexed = False
        self._forget()

    def _forget(self) -> None:
        self._cache: RowCache | None = None
        self._teller: Teller | None = None

    def open(self) -> None:
        """Make the tables, or find where they are. Raises `DatabaseTrouble`."""
        self._forget()
        if not self._fits():
            self._make()
        self._look()
        self.indexed = not self.missing()

    def apply(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """Tell entries, all or none; those told before are passed over. The tables that changed.

        Raises `Moved`, `DatabaseTrouble`; then nothing of it was done.
        """
        new = [entry for entry in entries if entry.seq > self.seq]
        if not new:
            return ()
        assert new[0].seq == self.seq + 1, f"entry {new[0].seq} was told after entry {self.seq}"
        mark = mark_of(new[-1])
        try:
            with self.database.transaction() as within:
                self._claim(within, new[-1].seq, mark)
                touched = self._tell(within, new)
        except BaseException:
            self._forget()  # what was remembered is of a transaction that never was
            raise
        self.seq, self.mark = new[-1].seq, mark
        return touched

    def clear(self) -> None:
        """Empty this cell's tables; telling begins anew."""
        self._forget()
        with self.database.transaction() as within:
            others = within.fetch(f'SELECT count(*) FROM "{APPLIED}" WHERE "cell" <> ?', (self.cell,))
            alone = others[0][0] == 0
            for name in TABLES:
                if alone and within.dialect.kind == "postgresql":
                    within.execute(f'TRUNCATE TABLE "{name}"')
                elif alone:
                    within.execute(f'DELETE FROM "{name}"')
                else:
                    within.execute(f'DELETE FROM "{name}" WHERE "cell" = ?', (self.cell,))
            within.execute(f'UPDATE "{APPLIED}" SET "seq" = 0, "mark" = 0 WHERE "cell" = ?', (self.cell,))
        self.seq = self.mark = 0

    def make_indexes(self) -> None:
        """Make what is missing, one by one, so that no writer waits long."""
        missing = self.missing()
        for statement in indexes_sql(self.database.dialect):
            if any(f'"{name}"' in statement for name in missing):
                with self.database.transaction() as within:
                    within.execute(statement)
        if missing:
            # Without knowing how the values lie, a database may choose the wrong one of them.
            word = "ANALYZE TABLE" if self.database.address.kind == "mysql" else "ANALYZE"
            with self.database.transaction() as within:
                for name in TABLES:
                    within.execute(f'{word} "{name}"')
        self.indexed = True

    def digest(self) -> str:
        """Equal for equal entries, in whichever database and however they were batched."""
        with self.database.transaction() as within:
            if within.dialect.kind == "postgresql":
                within.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            elif within.dialect.kind == "mysql":
                # This takes the cursor's lock, so that no follower writes meanwhile.
                within.fetch(f'SELECT "seq" FROM "{APPLIED}" WHERE "cell" = ? FOR UPDATE', (self.cell,))
            found = within.fetch(f'SELECT "seq", "mark" FROM "{APPLIED}" WHERE "cell" = ?', (self.cell,))
            seq, mark = (int(found[0][0]), int(found[0][1])) if found else (0, 0)
            return digest(within, self.cell, (seq, mark))

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _fits(self) -> bool:
        if not self.there(self.database):
            return False
        versions = self.database.fetch(f'SELECT DISTINCT "version" FROM "{APPLIED}"')
        return all(version == VERSION for (version,) in versions)

    @staticmethod
    def there(database: Database) -> bool:
        """Whether the tables have been made."""
        return bool(database.fetch(_THERE[database.address.kind], (APPLIED,))[0][0])

    def _make(self) -> None:
        """All tables anew. Those of other cells go too: their followers tell them again."""
        dialect = self.database.dialect
        with self.database.transaction() as within:
            if dialect.kind == "postgresql":
                within.fetch(_LOCK)
            for statement in (*drops_sql(), *tables_sql(dialect)[:-1], *views_sql(dialect)):
                within.execute(statement)
            within.execute(tables_sql(dialect)[-1])

    def _look(self) -> None:
        with self.database.transaction() as within:
            within.insert_new(APPLIED, {"cell": self.cell, "version": VERSION, "seq": 0, "mark": 0})
            found = within.fetch(f'SELECT "seq", "mark" FROM "{APPLIED}" WHERE "cell" = ?', (self.cell,))
        self.seq, self.mark = int(found[0][0]), int(found[0][1])

    def _claim(self, within: Transaction, seq: int, mark: int) -> None:
        moved = within.execute(
            f'UPDATE "{APPLIED}" SET "seq" = ?, "mark" = ? WHERE "cell" = ? AND "seq" = ? AND "mark" = ?',
            (seq, mark, self.cell, self.seq, self.mark),
        )
        if moved != 1:
            raise Moved(f"the tables of {self.cell} are told by another process too")

    def _tell(self, within: Transaction, entries: Sequence[Entry]) -> tuple[str, ...]:
        if self._cache is None or self._teller is None:
            self._cache = RowCache(self.cell, self.database.dialect)
            self._teller = Teller(self._cache)
        self._cache.session = within
        self._teller.tell_all(entries)
        return self._cache.flush()

    def missing(self) -> list[str]:
        there = {name for (name,) in self.database.fetch(_INDEXES[self.database.address.kind])}
        dialect = self.database.dialect
        wanted = [index for name, table in TABLES.items() for index in named_indexes(name, table, dialect)]
        return [name for name in wanted if name not in there]


def not_made(database: Database) -> DatabaseTrouble:
    return DatabaseTrouble(f"the tables in {database.address.shown} are not made yet; is the engine running?")
