"""`kedge project`: keep the tables that people read in a database, without the desk's pages.

    kedge project --db postgresql://kedge:{DB_PASSWORD}@db/trading        follow the engine until stopped
    kedge project --db /backups/friday.sqlite --once                      everything there is now, then end
    kedge project --digest                                                equal where the tables are equal

While no engine runs, `--once`, `--rebuild` and `--digest` read the journal itself.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from kedge import home as homes
from kedge import logs, settings
from kedge.cli.desk import AS_JSON, HOME
from kedge.cli.home import Place, find_place
from kedge.cli.offline import need_journal
from kedge.cli.out import say, show_json
from kedge.client import Desk, DeskAway
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.model.exits import Exit, Halt
from kedge.model.records import Entry

if TYPE_CHECKING:
    from kedge.desk.tables.address import Address
    from kedge.desk.tables.follower import Follower, Source


def project(
    *,
    db: Annotated[
        str,
        Parameter(
            help="A file, or a URL with {NAME} for a secret; by default the desk's own: [database] url, or"
            " desk-rows.sqlite in the home."
        ),
    ] = "",
    once: Annotated[bool, Parameter(help="End when everything there is now is told.")] = False,
    rebuild: Annotated[bool, Parameter(help="Empty the tables first, and tell everything anew.")] = False,
    digest: Annotated[bool, Parameter(help="Tell everything, then print what proves tables equal.")] = False,
    cell: Annotated[
        str, Parameter(help="The name under which the rows stand; by default the desk's cell.")
    ] = "",
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Keep the tables that people read (orders, fills, positions ...) in a database, for SQL."""
    from kedge.desk.tables.database import Database, DatabaseTrouble
    from kedge.desk.tables.follower import Follower
    from kedge.desk.tables.tables import Tables

    place = find_place(home)
    database = Database(_address(place, db))
    tables = Tables(database, cell or place.cell)
    ends = once or rebuild or digest
    try:
        with _source(place, ends) as source, logs.writing("project", place.home, _settings(place)) as log:
            follower = Follower(tables, source, time.time_ns, log)  # storm-ok: never part of a storm
            if rebuild:
                follower.projection.open()
                follower.projection.clear()
            if not ends:
                say(f"following {place.cell} into {database.address.shown}; stop with Ctrl-C")
                asyncio.run(_until_stopped(follower))
                return Exit.OK
            seq = asyncio.run(follower.once())
        made = follower.projection.digest() if digest else ""
    except DatabaseTrouble as trouble:
        raise Halt(Exit.AWAY, str(trouble)) from None
    finally:
        database.close()
    if json:
        show_json({"ok": True, "cell": tables.cell, "last_seq": seq} | ({"digest": made} if made else {}))
    else:
        says = f"the tables in {database.address.shown} hold everything up to entry {seq}"
        say(f"{says}; digest {made}" if made else says)
    return Exit.OK


def _address(place: Place, db: str) -> Address:
    from kedge.desk.tables.address import AddressWrong, parse
    from kedge.desk.tables.people import rows_address

    secrets = settings.Secrets(place.home.secrets)
    if not db:
        return rows_address(place.home, _settings(place), secrets)
    try:
        return parse(db, lambda name: secrets.find(name, "--db").reveal())
    except AddressWrong as wrong:
        raise Halt(Exit.USAGE, str(wrong)) from None


def _settings(place: Place) -> settings.Settings:
    return settings.load(homes.find(place.home.root).settings)


async def _until_stopped(follower: Follower) -> None:
    loop = asyncio.get_running_loop()
    work = loop.create_task(follower.run(), name="project")
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    await asyncio.gather(work, return_exceptions=True)
    if not work.cancelled():
        work.result()


# ── where entries come from ─────────────────────────────────────────────────────────────────────


@contextmanager
def _source(place: Place, ends: bool) -> Iterator[Source]:
    """The engine where one runs; for a thing that ends, the journal where none does."""
    from kedge.desk.tables.follower import Gate

    if not ends or place.far or asyncio.run(_answers(place)):
        yield Gate(Desk(place.door, "project"))
        return
    need_journal(place)
    with ReadOnlyJournal.open(place.home.root, place.cell) as journal:
        yield Past(journal)


async def _answers(place: Place) -> bool:
    desk = Desk(place.door, "project")
    try:
        await desk.ping()
    except DeskAway:
        return False
    finally:
        await desk.close()
    return True


class Past:
    """A journal that nobody writes."""

    def __init__(self, journal: ReadOnlyJournal) -> None:
        self._journal = journal

    async def last(self) -> int:
        return self._journal.past().last_seq

    async def tail(self, after: int) -> AsyncIterator[Entry]:
        for entry in self._journal.tail(after):
            yield entry
            if entry.seq % 1000 == 0:
                await asyncio.sleep(0)
