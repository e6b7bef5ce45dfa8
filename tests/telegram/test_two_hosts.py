"""Engine and desk on two hosts, over the gate's TCP door: the line between them is cut, and comes back.

The engine listens on one loopback address, the desk asks another, and between the two is a line that the test
may cut, or hold so that nothing arrives though it stands. What people ask meanwhile is refused with the
reason, nothing is kept for later, and what was under way when the line broke is done once.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from bot_api import ANN, bot_api
from fake_port import NOW, short_folder
from gate_kit import ADMIN, a_far_gate, port_of
from moex_floor import floor
from rooms import Room, settings
from trading_room import TraderPort

from kedge.client import FarGate
from kedge.desk import link as links
from kedge.desk.link import Link
from kedge.desk.parts import DeskContext

pytest.importorskip("aiogram")

ENGINE_HOST, DESK_SIDE = "127.0.0.2", "127.0.0.1"
PATIENCE_S = 20


class Line:
    """What joins the two hosts: bytes are passed on for as long as it holds."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._number = 0
        self.address = ("", 0)
        self.mute = False  # answers no longer arrive, though the line stands
        self.passed = asyncio.Event()  # something went to the engine while it was mute

    async def lay(self) -> None:
        host, port = self.address[0] or DESK_SIDE, self.address[1]
        self._server = await asyncio.start_server(self._join, host, port)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def cut(self) -> None:
        """Everything that went over it breaks off, and nobody answers there."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks.values():
            task.cancel()
        for writer in self._writers.values():
            writer.transport.abort()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks, self._writers = {}, {}

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(ENGINE_HOST, self._port)
        self._number += 2
        self._writers |= {self._number: writer, self._number + 1: far_writer}
        there = asyncio.ensure_future(self._pass_on(reader, far_writer, False))
        back = asyncio.ensure_future(self._pass_on(far_reader, writer, True))
        self._tasks |= {self._number: there, self._number + 1: back}
        await asyncio.gather(there, back, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: bool) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(1 << 16):
                if back and self.mute:
                    continue
                if not back and self.mute:
                    self.passed.set()
                writer.write(some)
                await writer.drain()
            writer.close()


class FarRoom(Room):
    """A desk whose engine is on another host."""

    gate: FarGate

    def context(self) -> DeskContext:
        made = super().context()
        link = Link(self.gate, self.clock)
        return DeskContext(
            made.home, made.settings, made.secrets, link, made.say, made.clock, "main", None, self.people
        )

    async def until(self, here: bool) -> None:
        """The desk knows whether the engine is there."""
        assert self.link is not None
        knows, link = asyncio.Event(), self.link
        leave = link.on_status(lambda: knows.set() if link.here == here else None)
        try:
            if link.here != here:
                await asyncio.wait_for(knows.wait(), PATIENCE_S)
        finally:
            leave()


@contextlib.asynccontextmanager
async def two_hosts() -> AsyncIterator[tuple[FarRoom, Line, TraderPort]]:
    port = TraderPort(floor(now_ns=NOW))
    with short_folder() as root:
        async with bot_api() as api, a_far_gate(port, root / "keys", host=ENGINE_HOST) as gate:
            line = Line(port_of(gate))
            await line.lay()
            room = FarRoom(root, api, port, settings(api))
            room.gate = FarGate(*line.address, ADMIN, ca=str(root / "keys" / "gate.pem"))
            try:
                async with room.desk():
                    yield room, line, port
            finally:
                room.people.close()
                await line.cut()


def with_a_line(test: Callable[[FarRoom, Line, TraderPort], Awaitable[None]]) -> None:
    async def run() -> None:
        async with two_hosts() as (room, line, port):
            await test(room, line, port)

    with pytest.MonkeyPatch.context() as here:
        here.setattr(links, "ANSWER_S", 0.5)
        here.setattr(links, "AGAIN_S", 0.05)
        asyncio.run(run())


async def says(room: Room, line: str) -> str:
    return html.unescape((await room.ask(line, ANN)).text)


# ── the line ────────────────────────────────────────────────────────────────────────────────────


def test_a_cut_line_refuses_and_a_restored_one_works() -> None:
    async def test(room: FarRoom, line: Line, port: TraderPort) -> None:
        told = await says(room, "/list set whitelist SBER")
        assert told == "✓ whitelist: SBER"
        await line.cut()
        await room.until(here=False)
        for asked in ("/sell sber 300000", "/stops", "/list add whitelist GAZP", "/stop", "/cancel", "/kill"):
            answer = await says(room, asked)
            assert answer.startswith("The engine is away: "), asked
            assert "Nothing was done, and nothing is kept for later." in answer, asked
        # What was known is shown, with its age.
        assert (await says(room, "/tasks")).startswith("The engine is away; this is ")
        assert room.link is not None
        assert room.link.status is not None
        await line.lay()
        await room.until(here=True)
        assert (await says(room, "/tasks")) == "No bot is at work."
        assert [one.verb for one in port.commands] == ["list.set"]
        asked_ = await room.ask("/sell sber 300000")
        assert "✓ sell-sber-1 is running" in (await room.press(asked_, "Yes")).text
        assert room.link.restarts == 1

    with_a_line(test)


def test_a_yes_whose_answer_was_lost_is_done_once() -> None:
    """The command arrives, the line breaks before its answer: the desk says so, and asks again by its id."""

    async def test(room: FarRoom, line: Line, port: TraderPort) -> None:
        asked = await room.ask("/buy 100 sber")
        port.hold, port.heard = asyncio.Event(), asyncio.Event()
        room.api.press(asked, "Yes")
        await asyncio.wait_for(port.heard.wait(), PATIENCE_S)
        await line.cut()
        said = await room.api.heard("toast")
        assert "The engine is away" in said.text
        assert "It is not known whether it was done" in said.text
        port.hold.set()
        port.hold = None
        await room.until(here=False)
        await line.lay()
        await room.until(here=True)
        assert "✓ buy-sber-1 is running" in (await room.press(asked, "Yes")).text
        assert list(port.t.e.desk.bots) == ["buy-sber-1"]
        assert len({one.command_id for one in port.commands}) == 1

    with_a_line(test)


def test_a_line_that_stands_and_carries_nothing_is_noticed() -> None:
    async def test(room: FarRoom, line: Line, port: TraderPort) -> None:
        line.mute = True
        await room.until(here=False)
        assert room.link is not None
        assert "has not answered" in room.link.away
        assert "The engine is away" in await says(room, "/stops")
        line.mute = False
        await line.cut()
        await line.lay()
        await room.until(here=True)
        assert await says(room, "/tasks") == "No bot is at work."
        assert port.commands == []

    with_a_line(test)


def test_many_cuts_double_nothing() -> None:
    async def test(room: FarRoom, line: Line, port: TraderPort) -> None:
        for number in range(1, 4):
            asked = await room.ask("/buy 10 sber")
            await line.cut()
            press = room.api.press(asked, "Yes")
            assert "The engine is away" in (await room.api.heard("toast")).text
            await room.until(here=False)
            await line.lay()
            await room.until(here=True)
            await room.api.until_confirmed()
            room.api.again(press)  # Telegram delivers it once more
            assert f"✓ buy-sber-{number} is running" in (await room.api.heard("editMessageText")).text
            assert f"✓ buy-sber-{number} is running" in (await room.press(asked, "Yes")).text
            assert len(port.t.e.desk.bots) == number

    with_a_line(test)
