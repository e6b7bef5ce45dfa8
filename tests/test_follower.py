"""The follower: in step with a source of entries, whatever happens to either side."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from house import eventually
from test_reading import History
from test_tables import engines

from kedge.client import DeskAway
from kedge.desk.tables import follower as follow
from kedge.desk.tables.address import file_address
from kedge.desk.tables.database import Database
from kedge.desk.tables.follower import Follower
from kedge.desk.tables.projection import Projection
from kedge.desk.tables.tables import Tables
from kedge.model.records import Entry

LONG_S = 60


class Source:
    """A journal that grows, breaks and is exchanged."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.away = ""
        self.tails = 0
        self.cut_after = 0  # entries of one tail, then it breaks
        self._more = asyncio.Event()

    def grow(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.wake()

    def wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    async def last(self) -> int:
        if self.away:
            raise DeskAway(self.away)
        return len(self.entries)

    async def tail(self, after: int) -> AsyncIterator[Entry]:
        self.tails += 1
        given = 0
        while True:
            for entry in self.entries[after:]:
                if self.away or (self.cut_after and given == self.cut_after):
                    raise DeskAway(self.away or "the line broke")
                given += 1
                after = entry.seq
                yield entry
            if self.away:
                raise DeskAway(self.away)
            await self._more.wait()


def database_of(folder: Path) -> Database:
    return Database(file_address(folder / "rows.sqlite", truth=False))


@asynccontextmanager
async def following(folder: Path, source: Source, said: list[str]) -> AsyncIterator[Tables]:
    database = database_of(folder)
    tables = Tables(database, "main")
    work = asyncio.create_task(Follower(tables, source, lambda: 7, said.append).run())
    try:
        async with asyncio.timeout(LONG_S):
            yield tables
        assert not work.done(), work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        database.close()


async def until(tables: Tables, holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def digest_of(folder: Path) -> str:
    database = database_of(folder)
    projection = Projection(database, "main")
    try:
        return projection.digest()
    finally:
        database.close()


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_it_catches_up_and_goes_on_live(tmp_path: Path) -> None:
    entries = History(1).run(200)
    heard: list[tuple[tuple[str, ...], int]] = []

    async def go() -> None:
        source = Source(entries[:150])
        async with following(tmp_path, source, []) as tables:
            tables.on_change(lambda names, seq: heard.append((names, seq)))
            assert await tables.reached(150, LONG_S)
            await until(tables, lambda: not tables.state.catching_up)
            leave = tables.on_change(lambda names, seq: heard.append(((), -1)))
            leave()
            source.grow(entries)
            assert await tables.reached(len(entries), LONG_S)
            assert (tables.state.behind, tables.state.told_ns, tables.state.trouble) == (0, 7, "")
            assert not await tables.reached(len(entries) + 1, 0.01)
            assert tables.find("fills").total

    run(go)
    assert heard[-1][1] == len(entries)
    assert {name for names, _ in heard for name in names} >= {"orders", "fills", "positions", "story", "days"}
    assert (((), -1)) not in heard
    assert digest_of(tmp_path) == engines(tmp_path, entries)


def test_broken_lines_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "AGAIN_S", 0.001)
    entries = History(2).run(150)

    async def go() -> None:
        source = Source(entries)
        source.cut_after = 40
        async with following(tmp_path, source, []) as tables:
            assert await tables.reached(len(entries), LONG_S)
            assert source.tails > 4

    run(go)
    assert digest_of(tmp_path) == engines(tmp_path, entries)


def test_an_engine_that_is_away_is_said_and_found_again(tmp_path: Path) -> None:
    entries = History(3).run(80)

    async def go() -> None:
        source = Source(entries)
        source.away = "no desk is running here"
        async with following(tmp_path, source, []) as tables:
            await until(tables, lambda: tables.state.away)
            assert tables.find("orders").total == 0
            source.away = ""
            assert await tables.reached(len(entries), LONG_S)
            assert not tables.state.away

    run(go)


@pytest.mark.parametrize("journal", ["another", "shorter", "same length"])
def test_a_restored_journal_is_noticed(tmp_path: Path, journal: str) -> None:
    mine = History(1).run(100)
    theirs = mine[:40] if journal == "shorter" else History(2).run(150)
    theirs = theirs[: len(mine)] if journal == "same length" else theirs
    said: list[str] = []

    async def go(entries: list[Entry]) -> None:
        async with following(tmp_path, Source(entries), said) as tables:
            await until(tables, lambda: tables.state.seq == len(entries) and not tables.state.catching_up)

    run(lambda: go(mine))
    run(lambda: go(theirs))
    assert said == ["the tables are of another journal than the engine's; they are made again"]
    assert digest_of(tmp_path) == engines(tmp_path, theirs)


def test_a_locked_database_is_said_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.desk.tables.database.BUSY_S", 0.01)
    entries = History(4).run(100)
    said: list[str] = []

    async def go() -> None:
        source = Source(entries[:50])
        async with following(tmp_path, source, said) as tables:
            assert await tables.reached(50, LONG_S)
            await until(tables, lambda: not tables.state.catching_up)
            other = sqlite3.connect(tmp_path / "rows.sqlite", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            source.grow(entries)
            await until(tables, lambda: tables.state.trouble)
            assert tables.find("fills").rows, "reading goes on"
            other.execute("ROLLBACK")
            other.close()
            assert await tables.reached(len(entries), LONG_S)
            assert not tables.state.trouble

    run(go)
    assert len([line for line in said if "locked" in line and "trading goes on" in line]) == 1
    assert digest_of(tmp_path) == engines(tmp_path, entries)


def test_another_process_may_empty_them_meanwhile(tmp_path: Path) -> None:
    """`kedge project --rebuild` while the desk follows: whoever comes first tells, nobody twice."""
    entries = History(5).run(150)

    async def go() -> None:
        source = Source(entries[:100])
        async with following(tmp_path, source, []) as tables:
            assert await tables.reached(100, LONG_S)
            await until(tables, lambda: not tables.state.catching_up)
            database = database_of(tmp_path)
            other = Projection(database, "main")
            other.open()
            other.clear()
            other.apply(entries[:30])
            database.close()
            source.grow(entries)
            assert await tables.reached(len(entries), LONG_S)

    run(go)
    assert digest_of(tmp_path) == engines(tmp_path, entries)


def test_once_ends_when_everything_is_told(tmp_path: Path) -> None:
    entries = History(6).run(120)

    async def go() -> None:
        database = database_of(tmp_path)
        follower = Follower(Tables(database, "main"), Source(entries), lambda: 0, print)
        assert await follower.once() == len(entries)
        assert follower.projection.indexed
        database.close()

    run(go)
    run(go)
    assert digest_of(tmp_path) == engines(tmp_path, entries)


CHILD = """
import sys
from pathlib import Path
from test_reading import History
from kedge.desk.tables.address import file_address
from kedge.desk.tables.database import Database
from kedge.desk.tables.projection import Projection

projection = Projection(Database(file_address(Path(sys.argv[1]), truth=False)), "main")
projection.open()
entries = History(7).run(1500)
while projection.seq < len(entries):
    projection.apply(entries[projection.seq : projection.seq + 11])
    print(projection.seq, flush=True)
"""


def test_a_killed_follower_goes_on(tmp_path: Path) -> None:
    """SIGKILL in the middle, several times; then the same tables as if nothing had happened."""
    path = tmp_path / "rows.sqlite"
    entries = History(7).run(1500)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for turn in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, env=environ
        ) as child:
            assert child.stdout is not None
            for _ in range(5 + 9 * turn):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.wait()
    database = database_of(tmp_path)
    projection = Projection(database, "main")
    eventually(lambda: projection.open() is None, "the file can be opened")
    assert 0 < projection.seq < len(entries)
    projection.apply(entries)
    assert projection.digest() == engines(tmp_path, entries)
    database.close()
