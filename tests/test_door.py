"""The door over a running cell and a real journal: commands, the bots file, tails, taps, tables, backups."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import MAIN, PERP
from msgspec import Raw
from runtime_kit import HandVenue, a_book
from test_cell import a_fill
from test_kinds import GOOD

from kedge.engine.engine import RiskBook
from kedge.journal.reading import Reading, readable
from kedge.journal.sqlite import ReadOnlyJournal, SqliteJournal
from kedge.kinds import Kinds
from kedge.model import records as r
from kedge.model.events import BookUpdate, Command, Event, FillNews, OrderNews, Outgrown
from kedge.model.looks import Preview
from kedge.model.order import State
from kedge.model.records import CommandTaken, Entry
from kedge.model.venue import OrderReport
from kedge.runtime import door as doors
from kedge.runtime.cell import Cell, CellConfig
from kedge.runtime.door import EngineDoor
from kedge.runtime.env import SteadyClock
from kedge.runtime.readings import Readings

LONG_S = 20.0  # a safety net against hanging, never a measurement
PEG = f'[p]\nkind = "peg"\nmarket = "{PERP}"\nside = "buy"\nqty = 0.02\n'


class House:
    """Everything behind the gate, on the machine's own loop and disk."""

    def __init__(self, home: Path) -> None:
        self.home = home
        clock = SteadyClock()
        self.journal = SqliteJournal.open(home, "main", "tests", clock)
        self.kinds = Kinds(home / "bots")
        self.venue = HandVenue(clock=clock)
        config = CellConfig("main", "tests", 0xDE5C)
        self.cell = Cell(config, self.journal, {MAIN: self.venue}, self.kinds, RiskBook(), clock)
        self.said: list[str] = []
        self.readings = Readings(Reading.open(home, "main"), self.journal, self.said.append)
        self.bots = home / "bots.toml"
        self.door = EngineDoor(self.cell, self.journal, self.readings, self.kinds, lambda: self.bots)
        self.cell.tails[0] = self.readings.tell
        self._commands = 0

    async def do(self, verb: str, **args: Any) -> CommandTaken:
        self._commands += 1
        key = f"c{self.journal.life}-{self._commands}"
        return await self.door.command(Command(key, "ann", "tests", verb, Raw(msgspec.json.encode(args))))

    async def durable(self, wanted: Callable[[r.Record], bool]) -> r.Record:
        """The next durable record that is wanted."""
        found: asyncio.Future[r.Record] = asyncio.get_running_loop().create_future()

        def tail(entries: Any) -> None:
            for entry in entries:
                if wanted(entry.record) and not found.done():
                    found.set_result(entry.record)

        self.cell.tails[-99] = tail
        async with asyncio.timeout(LONG_S):
            return await found

    async def reload(self, text: str) -> str:
        self.bots.write_text(text)
        return await self.door.reload()


@contextlib.asynccontextmanager
async def a_house(home: Path) -> AsyncIterator[House]:
    house = House(home)
    loop = asyncio.get_running_loop()
    ready = loop.create_task(house.durable(lambda x: isinstance(x, r.Noted) and "ready" in x.text))
    await asyncio.sleep(0)
    running = loop.create_task(house.cell.run())
    telling = loop.create_task(house.readings.run())
    await ready
    try:
        yield house
    finally:
        house.cell.stop()
        await running
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        await house.readings.finish()
        await house.readings.close()
        await house.journal.close()


def in_house(home: Path, test: Callable[[House], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with a_house(home) as house:
            await test(house)

    asyncio.run(run())


async def first(count: int, items: AsyncIterator[Any]) -> list[Any]:
    """So many items of a stream, which is then closed."""
    found: list[Any] = []
    async with asyncio.timeout(LONG_S):
        async with contextlib.aclosing(items):  # type: ignore[type-var]
            async for item in items:
                found.append(item)
                if len(found) == count:
                    break
    return found


# ── commands ────────────────────────────────────────────────────────────────────────────────────


def test_a_kind_that_cannot_be_imported_is_refused_and_recorded(tmp_path: Path) -> None:
    async def go(house: House) -> None:
        taken = await house.do("bot.add", name="a", kind="kd_nowhere:Mine")
        assert not taken.ok
        assert taken.says.startswith("there is no module kd_nowhere in")
        assert (taken.actor, taken.via) == ("ann", "tests")
        written = [e.record for e in house.journal.tail(0) if isinstance(e.record, CommandTaken)]
        assert written == [taken]
        assert not (await house.do("bot.add", nonsense=1)).ok
        assert not (await house.do("bot.add", name="a", kind="hegde")).ok

    in_house(tmp_path, go)


def test_a_bot_without_its_kind_is_resumed_once_the_file_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "bots"
    folder.mkdir()
    path = folder / "kd_mine.py"
    path.write_text(GOOD.format(name="Mine"))

    async def first_life(house: House) -> None:
        assert (await house.do("bot.add", name="a", kind="kd_mine:Mine")).ok

    async def second_life(house: House) -> None:
        row = house.cell.engine.desk.bots["a"]
        assert row.phase == "parked"
        refused = await house.do("bot.resume", name="a")
        assert (refused.ok, refused.says) == (False, "kd_mine failed while it was imported: KeyError: 1")
        path.write_text(GOOD.format(name="Mine"))
        taken = await house.do("bot.resume", name="a")
        assert (taken.ok, row.phase) == (True, "running")

    in_house(tmp_path, first_life)
    del sys.modules["kd_mine"]
    path.write_text("raise KeyError(1)\n")
    in_house(tmp_path, second_life)
    sys.modules.pop("kd_mine", None)


# ── the bots file ───────────────────────────────────────────────────────────────────────────────


def test_the_desk_follows_the_file(tmp_path: Path) -> None:
    async def go(house: House) -> None:
        house.cell.hear(a_book())
        assert await house.door.reload() == "nothing has changed"
        assert await house.reload(PEG) == "p is running"
        assert await house.reload(PEG.replace("0.02", "0.020")) == "nothing has changed"
        assert await house.reload(PEG.replace("0.02", "0.03")) == "p is amended"
        with pytest.raises(ValueError, match=r"^p: give either `qty` or `money`, above zero; q is running$"):
            await house.reload(PEG.replace("0.02", "-1") + PEG.replace("[p]", "[q]"))
        assert (await house.do("bot.add", name="m", kind="peg", config=peg_config())).ok
        seq = house.cell.last_seq
        for wrong in ("[p\n", "[p]\nqty = 1\n"):
            with pytest.raises(ValueError, match=r"bots\.toml") as error:
                await house.reload(wrong)
            assert "\n" not in str(error.value)
        with pytest.raises(ValueError, match="there is no module kd_nothing"):
            await house.reload(PEG + '[x]\nkind = "kd_nothing:Mine"\n')
        assert house.cell.last_seq == seq, "a wrong file changes nothing"
        assert sorted(house.cell.engine.desk.bots) == ["m", "p", "q"]

    in_house(tmp_path, go)


def peg_config() -> dict[str, Any]:
    return {"market": PERP, "side": "buy", "qty": "0.01"}


def test_a_bot_that_left_the_file_is_removed_when_it_has_ended(tmp_path: Path) -> None:
    async def go(house: House) -> None:
        house.cell.hear(a_book())
        removed = asyncio.get_running_loop().create_task(
            house.durable(lambda x: isinstance(x, r.BotRemoved) and x.bot == "p")
        )
        await house.reload(PEG + PEG.replace("[p]", "[q]"))
        said = await house.reload(PEG.replace("[p]", "[q]"))
        assert said == "p is stopping; it ends when it is balanced"
        if "p" in house.cell.engine.desk.bots:
            end_orders(house, "p")
        await removed
        assert list(house.cell.engine.desk.bots) == ["q"]
        assert await house.door.reload() == "nothing has changed"

    in_house(tmp_path, go)


def end_orders(house: House, bot: str) -> None:
    for order in house.cell.engine.desk.account(MAIN).orders.values():
        if order.bot == bot and order.live:
            shown = OrderReport(
                order.client_id,
                order.venue_id,
                "BTC-PERP",
                order.side,
                order.qty,
                order.price,
                D(0),
                State.CANCELLED,
                house.cell.clock(),
                version=9,
            )
            house.cell.hear(OrderNews(MAIN, shown))


def test_a_stop_by_a_person_removes_nothing(tmp_path: Path) -> None:
    async def go(house: House) -> None:
        await house.reload(PEG)
        assert (await house.do("bot.stop", name="p")).ok
        assert house.cell.engine.desk.bots["p"].phase == "stopped"
        assert await house.door.reload() == "nothing has changed"
        assert "p" in house.cell.engine.desk.bots
        assert await house.reload("") == "p is removed"

    in_house(tmp_path, go)


# ── tails and taps ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", [0, 3])
def test_a_tail_goes_from_history_to_live_without_gap_or_repetition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(doors, "PAGE", 7)

    async def go(house: House) -> None:
        for number in range(40):
            house.cell.hear(a_fill(number))
        await house.do("bot.add", name="a", kind="peg", config=peg_config())

        async def more() -> None:
            for number in range(40, 240):
                house.cell.hear(a_fill(number))
                if number % 20 == 0:
                    await house.do("account.audit", account=MAIN)

        pouring = asyncio.get_running_loop().create_task(more())
        found: list[Entry] = await first(250, house.door.entries(after))
        await pouring
        assert [entry.seq for entry in found] == list(range(after + 1, after + 251))
        assert found == list(house.journal.tail(after, 250))
        assert not house.door._followers, "who leaves is forgotten"

    in_house(tmp_path, go)


def test_a_tail_that_is_read_slowly_is_caught_up_from_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "QUEUE_MOST", 5)

    async def go(house: House) -> None:
        tail = house.door.entries(0)
        found = [await anext(tail)]
        for number in range(100):
            house.cell.hear(a_fill(number))
        await house.do("account.audit", account=MAIN)
        upto = house.cell.durable_seq
        while found[-1].seq < upto:
            found.append(await anext(tail))
        assert [entry.seq for entry in found] == list(range(1, upto + 1))
        house.cell.hear(a_fill(100))
        assert (await anext(tail)).seq == upto + 1
        await tail.aclose()  # type: ignore[attr-defined]

    in_house(tmp_path, go)


def test_a_tail_that_is_read_now_and_then_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits in its queue after a loss may have been read from the journal meanwhile."""
    monkeypatch.setattr(doors, "QUEUE_MOST", 5)

    async def go(house: House) -> None:
        tail = house.door.entries(0)
        found = [await anext(tail)]
        for turn in range(60):
            for _ in range(1 + turn % 4):
                await house.do("bot.pause", name="nobody")
            found.append(await anext(tail))
        while found[-1].seq < house.cell.durable_seq:
            found.append(await anext(tail))
        assert [entry.seq for entry in found] == list(range(1, house.cell.durable_seq + 1))
        await tail.aclose()  # type: ignore[attr-defined]

    in_house(tmp_path, go)


def test_a_tap_tells_what_is_heard_and_what_was_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "QUEUE_MOST", 3)

    async def go(house: House) -> None:
        every, fills = house.door.tap(()), house.door.tap(("FillNews",))
        waiting = [asyncio.ensure_future(anext(tap)) for tap in (every, fills)]
        await asyncio.sleep(0)
        book = a_book()
        house.cell.hear(book)
        for number in range(6):
            house.cell.hear(a_fill(number))
        seen = [await waiting[0], *[await anext(every) for _ in range(3)]]
        assert [type(event) for event in seen] == [BookUpdate, FillNews, FillNews, Outgrown]
        assert seen[-1] == Outgrown("tap", "4 events were not told: they were read too slowly")
        only: list[Event] = [await waiting[1], *[await anext(fills) for _ in range(3)]]
        assert [type(event) for event in only] == [FillNews, FillNews, FillNews, Outgrown]
        for tap in (every, fills):
            await tap.aclose()  # type: ignore[attr-defined]
        assert not house.cell.taps

    in_house(tmp_path, go)


# ── looking ─────────────────────────────────────────────────────────────────────────────────────


def test_every_name_can_be_read(tmp_path: Path) -> None:
    async def go(house: House) -> None:
        house.cell.hear(a_book())
        assert (await house.do("bot.add", name="a", kind="peg", config=peg_config())).ok
        house.cell.hear(a_fill(1))
        await house.do("account.audit", account=MAIN)
        for name in (*readable(), "open_orders", "held"):
            found = await house.door.read(name, {})
            assert isinstance(found, tuple), name
        fills = await house.door.read("fills", {})
        assert isinstance(fills, tuple)
        assert [row.exec_id for row in fills] == ["x1"], "what is durable has been told"
        orders = await house.door.read("open_orders", {})
        assert isinstance(orders, tuple)
        assert [row.bot for row in orders] == ["a"]
        (whole,) = await house.door.read("listed", {})  # type: ignore[misc]
        assert (whole.market, whole.instrument.symbol) == (PERP, "BTC-PERP")
        (quote,) = await house.door.read("quotes", {"account": MAIN})  # type: ignore[misc]
        assert (quote.market, quote.bid, quote.open) == (PERP, D(60000), True)
        with pytest.raises(ValueError, match="`account` is missing"):
            await house.door.read("quotes", {})
        with pytest.raises(ValueError, match="there is nothing called 'nothing'"):
            await house.door.read("nothing", {})
        with pytest.raises(ValueError, match="limit"):
            await house.door.read("fills", {"limit": "many"})
        status = house.door.status()
        assert (status.cell, status.life) == ("main", house.journal.life)
        assert status.durable_seq == house.cell.durable_seq
        assert [bot.bot for bot in status.bots] == ["a"]

    in_house(tmp_path, go)


def test_a_backup_while_it_runs_is_whole(tmp_path: Path) -> None:
    home, target = tmp_path / "home", tmp_path / "copy"
    home.mkdir()

    async def go(house: House) -> None:
        for number in range(300):
            house.cell.hear(a_fill(number))
        before = await house.do("account.audit", account=MAIN)
        seq = house.cell.durable_seq
        assert await house.door.backup(str(target)) == str(target)
        with pytest.raises(ValueError, match="exists already"):
            await house.door.backup(str(target))
        assert before.ok
        with ReadOnlyJournal.open(target, "main") as copy:
            assert copy.verify().last_seq >= seq
            assert list(copy.tail(0, seq)) == list(house.journal.tail(0, seq))

    in_house(home, go)


def test_a_preview_says_what_a_command_would_do_and_does_nothing(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        seq = house.cell.durable_seq
        ask: dict[str, object] = {"verb": "task.buy", "args": {"ticker": "btc-perp", "qty": "0.02"}}
        seen = await house.door.read("preview", ask)
        config: dict[str, object] = {"market": PERP, "side": "buy", "qty": "0.02"}
        assert seen == Preview(True, f"buy 0.02 of {PERP} at the best bid", "peg", config)
        wrong: dict[str, object] = {"verb": "task.buy", "args": {"ticker": "btc-prep", "qty": "0.02"}}
        seen = await house.door.read("preview", wrong)
        assert seen == Preview(False, "no account lists btc-prep; did you mean BTC-PERP?")
        assert house.cell.durable_seq == seq
        taken = await house.do("task.buy", ticker="btc-perp", qty="0.02")
        assert taken.says == f"buy-btc-perp-1 is running: buy 0.02 of {PERP} at the best bid"
        await house.do("list.set", name="whitelist", items="btc-perp")
        rows: Any = await house.door.read("lists", {})
        assert [(row.name, row.items, row.actor) for row in rows] == [("whitelist", "BTC-PERP", "ann")]
        with pytest.raises(ValueError, match="there is no stash `night`"):
            await house.door.read("stash", {"name": "night"})

    in_house(tmp_path, test)
