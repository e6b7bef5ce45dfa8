"""`kedge up` as people run it: a process, its signals, its lives, on both loops."""

from __future__ import annotations

import asyncio
import builtins
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal as D
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from house import eventually
from test_kinds import GOOD

from kedge import client
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.model import records as r
from kedge.model.looks import BotLook, Status
from kedge.runtime import up
from kedge.runtime.tree import Tree

HEDGE = """[hedge-1]
kind = "hedge"
market = "paper/main:BTC-PERP"
side = "sell"
qty = 0.05
then = "cross"
deadline_s = 2
"""
MINE = '[mine]\nkind = "ku_mine:Mine"\n'


@pytest.fixture
def root() -> Iterator[Path]:
    """With a short name: sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="ku-") as name:
        yield Path(name)


class Desk:
    """A home, and the desk that runs in it."""

    def __init__(self, root: Path, uvloop: bool = True) -> None:
        self.home = root / "home"
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.log = root / "log"
        self.environ = {**os.environ, "KEDGE_HOME": str(self.home), "XDG_STATE_HOME": str(root)}
        if not uvloop:
            hidden = root / "hidden"
            hidden.mkdir()
            (hidden / "uvloop.py").write_text("raise ImportError('hidden by a test')\n")
            self.environ["PYTHONPATH"] = str(hidden)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "kedge.cli", *words]

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command("up", "--no-desk", "--for", "300s"),
                env=self.environ,
                stdout=log,
                stderr=log,
            )

    def said(self) -> str:
        return self.log.read_text()

    def until(self, words: str) -> None:
        assert self.process is not None
        process = self.process
        eventually(
            lambda: words in self.said() or process.poll() is not None, f"{words!r} in {self.said()!r}"
        )
        assert words in self.said(), self.said()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def status(self) -> Status:
        async def ask() -> Status:
            async with client.connect(self.home) as desk:
                return await desk.status()

        return asyncio.run(ask())

    def records(self) -> list[r.Record]:
        with ReadOnlyJournal.open(self.home, "main") as journal:
            return [entry.record for entry in journal.tail(0)]


@pytest.fixture
def desk(root: Path) -> Iterator[Desk]:
    made = Desk(root)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def bot(status: Status, name: str) -> BotLook:
    return next(bot for bot in status.bots if bot.bot == name)


def has_fills(desk: Desk) -> bool:
    """Whether the running desk has traded; as long as it answers nobody it has not."""

    async def ask() -> bool:
        async with client.connect(desk.home) as running:
            return bool(await running.read("fills", limit=1))

    try:
        return asyncio.run(ask())
    except client.DeskAway:
        return False


# ── the first minute ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("uvloop", [True, False], ids=["uvloop", "asyncio"])
def test_a_newcomers_first_seconds(root: Path, uvloop: bool) -> None:
    """As long as the password and the first trades take on this machine; then it is ended."""
    desk = Desk(root, uvloop)
    once = r"sign in as owner with the one-time password [\w-]+ \(.*\)\n"
    with (root / "out").open("wb") as out, desk.log.open("wb") as log:
        running = subprocess.Popen(
            desk.command("up", "--for", "300s", "--json"),
            env={**desk.environ, "KEDGE__WEB__PORT": "0"},
            stdout=out,
            stderr=log,
        )
        desk.process = running

    def began() -> bool:
        return bool(re.search(once, desk.said())) and has_fills(desk)

    try:
        eventually(lambda: running.poll() is not None or began(), "a password and a fill", 180)
        assert running.poll() is None, desk.said()
        assert desk.end() == 0
    finally:
        running.kill()
        running.wait()
    assert re.fullmatch(once, desk.said()), desk.said()
    told: dict[str, Any] = json.loads((root / "out").read_text())
    assert sorted(b["bot"] for b in told["bots"]) == ["hedge-1", "pair-1", "peg-1"]
    assert told["fills"], "something was traded"
    assert not [b for b in told["bots"] if b["phase"] == "parked"]
    bots = desk.home / "bots.toml"
    assert stat.S_IMODE(bots.stat().st_mode) == 0o600
    assert not (desk.home / "main.sock").exists()
    with ReadOnlyJournal.open(desk.home, "main") as journal:
        assert journal.verify().entries > 20


def test_the_faster_loop_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    import uvloop

    assert up._fast_loop() is uvloop.new_event_loop
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "uvloop":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    assert up._fast_loop() is None


# ── a desk's day ────────────────────────────────────────────────────────────────────────────────


def test_two_lives_of_a_desk_with_a_bot_of_ones_own(desk: Desk) -> None:
    """From the file, amended by SIGHUP, ended by SIGTERM, and going on where it was."""
    (desk.home / "bots").mkdir()
    (desk.home / "bots" / "ku_mine.py").write_text(
        GOOD.format(name="Mine").replace(
            "        return Decision(view.state)",
            "        from kedge.engine.bot import Note\n"
            "        return Decision(view.state, notes=(Note('I see it'),), done='seen')",
        )
    )
    bots = desk.home / "bots.toml"
    bots.write_text(HEDGE + MINE)
    desk.start()
    desk.until("bots file: hedge-1 is running; mine is running")
    desk.until("mine: I see it")
    desk.until("mine: stopped: seen")
    desk.until("hedge-1: open: 0.05 of 0.05")

    bots.write_text(HEDGE.replace("0.05", "0.04x"))
    assert desk.process is not None
    desk.process.send_signal(signal.SIGHUP)
    desk.until("bots.toml is not TOML")
    bots.write_text(HEDGE.replace("deadline_s = 2", "deadline_s = 3"))
    desk.process.send_signal(signal.SIGHUP)
    desk.until("bots file: hedge-1 is amended; mine is removed")
    first = desk.status()
    assert bot(first, "hedge-1").config["deadline_s"] in (3, "3")
    assert sum(slot.sold for slot in bot(first, "hedge-1").slots) == D("0.05")
    assert desk.end() == 0
    assert "what happened in" in desk.said()
    assert not (desk.home / "main.sock").exists()

    desk.start()
    desk.until("bots file: nothing has changed")
    second = desk.status()
    assert second.life > first.life
    assert [b.bot for b in second.bots] == ["hedge-1"]
    assert bot(second, "hedge-1").slots[0].sold == bot(first, "hedge-1").slots[0].sold
    assert second.realised.keys() == first.realised.keys()
    assert not second.needs
    assert desk.end(signal.SIGINT) == 0
    records = desk.records()
    assert [x.life for x in records if isinstance(x, r.LifeBegan)] == [first.life, second.life]
    assert not [x for x in records if isinstance(x, r.Synthetic)]
    assert not [x for x in records if isinstance(x, r.Noted) and x.level == "alarm"]


def test_a_killed_desk_starts_again_and_its_venue_has_kept_everything(desk: Desk) -> None:
    (desk.home / "bots.toml").write_text(HEDGE)
    desk.start()
    desk.until("hedge-1: open: 0.05 of 0.05")
    before = desk.status()
    assert desk.end(signal.SIGKILL) == -signal.SIGKILL
    desk.start()
    desk.until("bots file: nothing has changed")
    after = desk.status()
    assert after.life > before.life
    assert bot(after, "hedge-1").slots[0].sold == bot(before, "hedge-1").slots[0].sold
    assert desk.end() == 0
    assert not [x for x in desk.records() if isinstance(x, r.Synthetic)]


def test_a_task_that_died_of_a_fault_of_ours_ends_the_desk() -> None:
    async def main() -> None:
        tree = Tree("desk")
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(partial(up._on_fault, tree))

        async def dies() -> None:
            raise ValueError("a mistake of ours")

        task = loop.create_task(dies())
        task.add_done_callback(
            lambda done: loop.call_exception_handler({"exception": done.exception(), "task": done})
        )
        with pytest.raises(ValueError, match="a mistake of ours"):
            await tree.ended()
        await tree.close()

    asyncio.run(main())
