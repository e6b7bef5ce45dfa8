"""The tables follow the journal: a little later, whole, and never in the engine's way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import MAIN
from test_cell import a_fill
from test_door import LONG_S, House, a_house

from kedge.journal.journal import JournalError
from kedge.journal.reading import Reading
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.model.records import Entry
from kedge.runtime import readings as rooms


async def pour(house: House, begin: int, count: int) -> None:
    for number in range(begin, begin + count):
        house.cell.hear(a_fill(number))
    await house.do("account.audit", account=MAIN)


def rebuilt(home: Path, other: Path) -> str:
    """The digest of tables made from the first entry on."""
    other.mkdir(exist_ok=True)
    with ReadOnlyJournal.open(home, "main") as journal:
        reading = Reading.open(other, "main")
        reading.rebuild(journal)
        try:
            return reading.digest()
        finally:
            reading.close()


def kept(home: Path) -> str:
    reading = Reading.open(home, "main")
    try:
        return reading.digest()
    finally:
        reading.close()


def test_what_is_kept_equals_a_rebuild(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()

    async def life(begin: int) -> None:
        async with a_house(home) as house:
            await pour(house, begin, 150)
            fills = await house.door.read("fills", {"limit": 1000})
            assert isinstance(fills, tuple)
            assert len(fills) == begin + 150
            await pour(house, begin + 150, 50)

    asyncio.run(life(0))
    asyncio.run(life(200))
    assert kept(home) == rebuilt(home, tmp_path / "other")


def test_falling_behind_is_made_good_from_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "WAITING_MOST", 20)
    home = tmp_path / "home"
    home.mkdir()

    async def go() -> None:
        async with a_house(home) as house:
            await pour(house, 0, 5)
            await house.door.read("fills", {})
            for turn in range(10):
                await pour(house, 5 + 30 * turn, 30)
            fills = await house.door.read("fills", {"limit": 1000})
            assert isinstance(fills, tuple)
            assert len(fills) == 305
            assert len(house.readings._waiting) <= 20

    asyncio.run(go())
    assert kept(home) == rebuilt(home, tmp_path / "other")


def test_tables_that_break_are_said_and_trading_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    full = JournalError("the disk is full")

    async def go() -> None:
        async with a_house(home) as house:
            await house.door.read("fills", {})

            def refuse(self: Reading, entries: list[Entry]) -> int:
                raise full

            with monkeypatch.context() as patch:
                patch.setattr(Reading, "apply", refuse)
                await pour(house, 0, 5)
                said = asyncio.get_running_loop().create_future()
                house.readings._say = lambda text: said.done() or said.set_result(text)
                house.readings.tell([])
                async with asyncio.timeout(LONG_S):
                    text = await said
                assert text == "what people read cannot be kept: the disk is full; trading goes on"
                assert (await house.do("account.audit", account=MAIN)).ok
                assert (await house.do("bot.pause", name="nobody")).says.startswith("there is no bot")

    asyncio.run(go())

    async def again() -> None:
        async with a_house(home) as house:
            await pour(house, 10, 1)
            assert await house.door.read("fills", {})

    asyncio.run(again())
    assert kept(home) == rebuilt(home, tmp_path / "other")


def test_an_end_with_broken_tables_is_no_bad_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()

    async def go() -> None:
        async with a_house(home) as house:
            await house.door.read("fills", {})
            real: Callable[[Reading], None] = Reading.close

            def refuse(self: Reading) -> None:
                real(self)
                raise JournalError("the disk is full")

            monkeypatch.setattr(Reading, "close", refuse)
            house_said.append(house.said)

    house_said: list[list[str]] = []
    asyncio.run(go())
    assert house_said == [["what people read could not be put away: the disk is full"]]
