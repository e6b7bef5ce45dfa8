"""What people read while no desk runs: from the journal, which nothing but a start may change.

The tables they read are made from it and are caught up first, so an answer is as complete as the desk's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedge.cli.home import Place
from kedge.client import DeskAway, Refused
from kedge.desk.commands import Deed, read_rows
from kedge.desk.screens import plain
from kedge.journal.reading import Reading
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.journal.store import file_of


def read_offline(place: Place, deed: Deed, args: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows as the desk would give them. Raises `DeskAway` (no journal), `JournalError`, `Refused`."""
    with _tables(place) as (journal, reading):
        reading.follow(journal)

        async def read(what: str, /, **filters: object) -> Any:
            try:
                return plain(reading.read(what, filters))
            except ValueError as wrong:
                raise Refused(str(wrong), "usage") from None

        return asyncio.run(read_rows(deed, args, read))


def rebuild_readings(place: Place) -> int:
    """Make all tables again; the last entry told."""
    with _tables(place) as (journal, reading):
        return reading.rebuild(journal)


def need_journal(place: Place) -> None:
    """Raises `DeskAway`: there is nothing to read."""
    if not file_of(place.home.root, place.cell).exists():
        raise DeskAway(f"no desk is running here and {place.home.root} has no journal; start with: kedge up")


@contextmanager
def _tables(place: Place) -> Iterator[tuple[ReadOnlyJournal, Reading]]:
    need_journal(place)
    with ReadOnlyJournal.open(place.home.root, place.cell) as journal:
        reading = Reading.open(place.home.root, place.cell)
        try:
            yield journal, reading
        finally:
            reading.close()
