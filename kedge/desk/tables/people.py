"""The people's database: users, tokens, preorders, messages that wait. It is the truth of what is in it.

Parts that are not Django keep their tables here by this module. Each has a schema of its own with a version;
steps from one version to the next are given as lists of statements, and are done once, in one transaction:

    people = people_of(home, settings, secrets)
    people.part_schema("outbox", [[CREATE_1], [CHANGE_2]])     version 2: both steps, or the second alone
    with people.transaction() as within:
        within.insert_new("outbox_message", {"message_key": key, "body": body})
        within.execute("UPDATE outbox_cursor SET seq = ?", (seq,))
    people.fetch("SELECT body FROM outbox_message WHERE due_ns <= ? ORDER BY due_ns LIMIT 10", (now_ns,))

Without a `[database] url` it is `desk.sqlite` in the home: rollback journal, every commit on the disk.
Names of tables begin with the part's name, since Django's tables are in the same database.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kedge.desk.tables.address import Address, AddressWrong, file_address, parse
from kedge.desk.tables.database import Database, DatabaseTrouble, Transaction
from kedge.home import Home
from kedge.settings import Secrets, Settings, SettingsWrong

__all__ = [
    "Database",
    "DatabaseTrouble",
    "PeopleDatabase",
    "Transaction",
    "people_address",
    "people_of",
    "rows_address",
]

PEOPLE = "desk.sqlite"
ROWS = "desk-rows.sqlite"


class PeopleDatabase(Database):
    """`Database`, and the versions of the parts' schemas."""

    def part_schema(self, part: str, steps: Sequence[Sequence[str]]) -> int:
        """Bring a part's tables to version `len(steps)`; returns the version they had.

        Statements may use the `{words}` of `dialect.py` for types. Raises `DatabaseTrouble` where the tables
        are of a newer Kedge.
        """
        with self.transaction() as within:
            within.execute(
                self.dialect.made(
                    "CREATE TABLE IF NOT EXISTS desk_part"
                    " (part {name} NOT NULL PRIMARY KEY, version {int} NOT NULL)"
                )
            )
            # MariaDB ends a transaction at each CREATE; the lock below is taken after it.
            found = within.fetch("SELECT version FROM desk_part WHERE part = ?", (part,))
            had = int(found[0][0]) if found else 0
            if had > len(steps):
                raise DatabaseTrouble(
                    f"{self.address.shown} was used by a newer Kedge ({part} is of version {had}, this one"
                    f" knows {len(steps)}); install that one again"
                )
            for step in steps[had:]:
                for statement in step:
                    within.execute(self.dialect.made(statement))
            if had < len(steps):
                within.upsert("desk_part", ["part"], {"part": part, "version": len(steps)})
        return had

    def has_table(self, name: str) -> bool:
        """Whether it was made yet: Django's tables are, when the pages run for the first time."""
        if self.address.kind == "sqlite":
            asked = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
        else:
            own = "current_schema()" if self.address.kind == "postgresql" else "DATABASE()"
            asked = (
                "SELECT COUNT(*) FROM information_schema.tables"
                f" WHERE table_schema = {own} AND table_name = ?"
            )
        return bool(self.fetch(asked, (name,))[0][0])


def people_of(home: Home, settings: Settings, secrets: Secrets) -> PeopleDatabase:
    """Raises `SettingsWrong`; opens nothing yet."""
    try:
        return PeopleDatabase(people_address(home, settings, secrets))
    except AddressWrong as wrong:
        raise SettingsWrong(f"[database] url: {wrong}") from None


def people_address(home: Home, settings: Settings, secrets: Secrets) -> Address:
    return _address(home.root / PEOPLE, settings, secrets, truth=True)


def rows_address(home: Home, settings: Settings, secrets: Secrets) -> Address:
    return _address(home.root / ROWS, settings, secrets, truth=False)


def _address(file: Path, settings: Settings, secrets: Secrets, *, truth: bool) -> Address:
    url = settings.database.url
    if not url:
        return file_address(file, truth=truth)
    try:
        return parse(url, lambda name: secrets.find(name, "[database] url").reveal())
    except AddressWrong as wrong:
        raise SettingsWrong(f"[database] url: {wrong}") from None
