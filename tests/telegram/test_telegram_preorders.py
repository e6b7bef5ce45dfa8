"""/preorders, and /do preorders: from the people's database, whether the engine is there or not."""

from __future__ import annotations

import asyncio
import html

import pytest

pytest.importorskip("aiogram")

from bot_api import ANN
from rooms import Room, a_room

COLUMNS = (
    "id TEXT, preorder_id INTEGER, created_at TEXT, sum_rub REAL, sum_usd REAL, sum_btc REAL, buyer TEXT,"
    " location TEXT, order_date TEXT, finished_at TEXT, product TEXT, product_name TEXT, size REAL,"
    " status TEXT, status_text TEXT, is_garant INTEGER, garant_status TEXT"
)
ROW = "INSERT INTO preorders_preorder VALUES ('{n:032x}', {n}, '2026-11-2{n} 10:00:00', NULL, NULL, 0.5,"
ROW += " '{who}', '', NULL, NULL, 'p', 'Printer', NULL, '{status}', 'on its way', 1, '')"


def preorders(room: Room) -> None:
    """As the pages' migrations make them."""
    room.people.execute(f"CREATE TABLE preorders_preorder ({COLUMNS})")
    room.people.execute(
        "CREATE TABLE preorders_preorderstage (id INTEGER, preorder_id TEXT, status TEXT, status_date TEXT,"
        " comment TEXT)"
    )
    for n, who, status in ((1, "Ann", "open"), (2, "Bob", "closed")):
        room.people.execute(ROW.format(n=n, who=who, status=status))


@pytest.mark.parametrize(
    ("line", "there"),
    [
        ("/preorders", ("Ann", "Bob")),
        ("/preorders open", ("Ann",)),
        ("/preorders closed bob", ("Bob",)),
        ("/preorders ann", ("Ann",)),
        ("/do preorders status=closed", ("Bob",)),
        ("/do preorders is_garant=false", ()),
        ("/preorders open bob", ()),
    ],
)
def test_they_are_found(line: str, there: tuple[str, ...]) -> None:
    async def run() -> None:
        async with a_room() as room, room.desk():
            preorders(room)
            said = html.unescape((await room.ask(line, ANN)).text)
            assert [name for name in ("Ann", "Bob") if name in said] == list(there), said
            assert f"preorders: {len(there)}" in said

    asyncio.run(run())


def test_without_pages_there_are_none_and_it_is_said() -> None:
    async def run() -> None:
        async with a_room() as room, room.desk():
            assert "database is not there" in html.unescape((await room.ask("/preorders", ANN)).text)

    asyncio.run(run())
