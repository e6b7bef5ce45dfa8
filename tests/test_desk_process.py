"""The desk process: parts are kept, a companion is kept, and the picture of the engine is honest."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from fake_port import NOW, FakePort, a_gate, a_status, short_folder

from kedge.desk import link as link_room
from kedge.desk import process
from kedge.desk.link import Link
from kedge.desk.parts import DeskContext, Part
from kedge.desk.web.candles import FINE_KEPT, MARKETS_MAX, STEPS, Candles
from kedge.home import Home
from kedge.model.records import Entry, Noted
from kedge.runtime import companion
from kedge.runtime.companion import Companion
from kedge.settings import Settings


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "AGAIN_S", 0.001)
    monkeypatch.setattr(companion, "AGAIN_S", 0.001)
    monkeypatch.setattr(link_room, "AGAIN_S", 0.01)
    monkeypatch.setattr(link_room, "POLL_S", 0.12)


def a_context(tmp_path: Path, said: list[str]) -> DeskContext:
    return process.make_context(Home(tmp_path), Settings(), said.append, lambda: NOW)


def test_a_part_that_fails_is_told_and_started_again(tmp_path: Path) -> None:
    said: list[str] = []

    async def run() -> None:
        context = a_context(tmp_path, said)
        runs = 0
        third = asyncio.Event()

        async def flaky(here: DeskContext) -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                raise OSError("the port is taken")
            if runs == 2:
                return
            third.set()
            await asyncio.Event().wait()

        keeping = asyncio.create_task(process.keep(Part("web", flaky), context))
        async with asyncio.timeout(10):
            await third.wait()
        assert context.troubles["web"] == "it ended by itself"
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(run())
    assert said[0].startswith("web: the port is taken; trying again")
    assert said[1].startswith("web: it ended by itself; trying again")


def test_a_companion_is_started_again_and_ended(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    lives = f"open({str(mark)!r}, 'a').write('x')"
    stays = f"import os, sys\nif os.path.getsize({str(mark)!r}) > 2: sys.stdin.read()"
    said: list[str] = []

    async def run() -> None:
        beside = Companion((sys.executable, "-S", "-c", f"{lives}\n{stays}"), said.append)
        keeping = asyncio.create_task(beside.keep())
        async with asyncio.timeout(20):
            while len(said) < 2 or not mark.exists() or mark.stat().st_size < 3:  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.02)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await beside.stop()

    asyncio.run(run())
    assert all("have ended (0)" in one for one in said)
    assert mark.read_text() == "xxx"


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    said: list[str] = []

    async def run() -> None:
        told = asyncio.Event()

        def tell(sentence: str) -> None:
            said.append(sentence)
            told.set()

        keeping = asyncio.create_task(Companion((str(tmp_path / "none"),), tell).keep())
        async with asyncio.timeout(10):
            await told.wait()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(run())
    assert "cannot be started (No such file or directory)" in said[0]


class Writing(FakePort):
    """Its journal has five notes already; a sixth is written when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.news: asyncio.Queue[Entry] = asyncio.Queue()
        self.asked_after: list[int] = []

    async def entries(self, after_seq: int):  # type: ignore[no-untyped-def]
        self.asked_after.append(after_seq)
        while True:
            yield await self.news.get()


def test_the_link_hears_what_is_new_and_says_when_nobody_answers() -> None:
    async def run() -> None:
        with short_folder() as folder:
            path = folder / "main.sock"
            link = Link(path, lambda: NOW)
            changed, came = asyncio.Event(), asyncio.Event()
            heard: list[int] = []
            link.on_status(changed.set)

            def hear(entry: Entry) -> None:
                heard.append(entry.seq)
                came.set()

            leave = link.on_entry(hear)
            living = asyncio.create_task(link.run())
            await _until(changed, lambda: link.away.startswith("no desk is running here"))
            assert link.status is None
            port = Writing()
            async with a_gate(port, path):
                await _until(changed, lambda: link.here)
                assert link.status == a_status()
                assert link.age_ns() == 0
                port.news.put_nowait(Entry(421, NOW, Noted("info", "six")))
                async with asyncio.timeout(10):
                    await came.wait()
                assert (heard, port.asked_after) == ([421], [420]), "from now on, not from the beginning"
                leave()
            await _until(changed, lambda: not link.here)
            assert link.status == a_status(), "what was known is kept"
            assert link.away_since_ns == NOW
            async with a_gate(Writing(), path):
                await _until(changed, lambda: link.here)
            assert link.restarts == 1
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)

    asyncio.run(run())


async def _until(changed: asyncio.Event, holds: object) -> None:
    async with asyncio.timeout(10):
        while not holds():  # type: ignore[operator]
            changed.clear()
            await changed.wait()


FINE, COARSE = STEPS["fine"], STEPS["minute"]


def test_candles_are_bounded_and_hold_what_was_seen() -> None:
    candles = Candles()
    for at, price in ((0, 10.0), (5, 12.0), (14, 9.0), (15, 11.0)):
        candles.add("m", price, at * 10**9)
    assert candles.of("m", FINE) == [[0.0, 10.0, 12.0, 9.0, 9.0], [15.0, 11.0, 11.0, 11.0, 11.0]]
    assert candles.of("m", COARSE) == [[0.0, 10.0, 12.0, 9.0, 11.0]]
    for at in range(2 * FINE_KEPT):
        candles.add("m", 1.0, at * 15 * 10**9)
    assert len(candles.of("m", FINE)) == FINE_KEPT
    for number in range(2 * MARKETS_MAX):
        candles.add(f"m{number}", 1.0, 0)
    assert candles.of(f"m{2 * MARKETS_MAX - 1}", FINE) == []
    assert candles.of("m", COARSE)[0][1] > 0
