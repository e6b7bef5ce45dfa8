"""A desk in Telegram with nothing real around it but the gate: a fake engine, a fake Bot API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from bot_api import ANN, BOB, EVE, TOKEN, BotApi, Sent, bot_api
from fake_port import NOW, NS, FakePort, a_gate, a_status, short_folder

from kedge.desk.link import Link
from kedge.desk.parts import DeskContext
from kedge.desk.tables.people import PeopleDatabase, people_of
from kedge.desk.telegram import service
from kedge.home import Home
from kedge.model.looks import Status
from kedge.settings import NoticeSettings, Secrets, Settings, TelegramSettings


def foreseen(args: dict[str, object]) -> dict[str, object]:
    """What an engine that agrees to everything says of a task before it is given."""
    given = msgspec.to_builtins(args["args"])
    assert isinstance(given, dict)
    return {"ok": True, "says": f"{args['verb']} {' '.join(str(value) for value in given.values())}"}


class Port(FakePort):
    """A fake engine whose picture a test may change."""

    def __init__(self) -> None:
        super().__init__()
        self.now = a_status()
        self.rows = {
            "orders": [],
            "fills": [],
            "positions": [],
            "notes": [],
            "held": [],
            "commands": [],
            "bots": [],
            "days": [],
            "lists": [],
            "preview": foreseen,
        }

    def status(self) -> Status:
        self._maybe_wrong()
        return self.now

    async def read(self, what: str, args: dict[str, object]) -> object:
        found = await super().read(what, args)
        return found(args) if callable(found) else found

    def verbs(self) -> list[tuple[str, Any]]:
        return [(one.verb, msgspec.json.decode(one.args)) for one in self.commands]


class Room:
    def __init__(self, root: Path, api: BotApi, port: Port, settings: Settings) -> None:
        self.root, self.api, self.port, self.settings = root, api, port, settings
        self.now_ns = NOW
        api.now_s = NOW // NS
        self.said: list[str] = []
        self.link: Link | None = None  # of the desk that runs
        self.home = Home(root)
        self.people: PeopleDatabase = people_of(self.home, settings, self.secrets())

    def secrets(self) -> Secrets:
        return Secrets(self.root / "none", {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_HOOK": "planted-hook-secret"})

    def context(self) -> DeskContext:
        link = Link(self.root / "main.sock", self.clock)
        return DeskContext(
            self.home,
            self.settings,
            self.secrets(),
            link,
            self.said.append,
            self.clock,
            "main",
            None,
            self.people,
        )

    def clock(self) -> int:
        return self.now_ns

    async def ask(self, text: str, user: int = ANN, **more: Any) -> Sent:
        """A person writes, and the bot answers."""
        self.api.say(text, user, **more)
        return await self.api.heard()

    async def press(self, sent: Sent, label: str, user: int = ANN, toast: bool = False) -> Sent:
        """A person presses, and the message changes; or only a toast is shown."""
        self.api.press(sent, label, user)
        if toast:
            return await self.api.heard("toast")
        return await self.api.heard("editMessageText", "sendMessage", "sendPhoto")

    @contextlib.asynccontextmanager
    async def desk(self) -> AsyncIterator[DeskContext]:
        """The desk process's parts: the link and Telegram."""
        context = self.context()
        self.link = context.link
        link = asyncio.ensure_future(context.link.run())
        bot = asyncio.ensure_future(service.run(context))
        try:
            async with asyncio.timeout(20):
                while context.link.away:
                    assert not link.done()
                    await asyncio.sleep(0.01)
            yield context
            assert not bot.done() or bot.result() is None
        finally:
            for task in (bot, link):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def settings(api: BotApi, **telegram: Any) -> Settings:
    zone = telegram.pop("zone", "UTC")
    given = {
        "token": "TELEGRAM_TOKEN",
        "admins": (ANN,),
        "traders": (BOB,),
        "viewers": (EVE,),
        "names": {str(ANN): "ann"},
        "api": api.url,
        **telegram,
    }
    return Settings(telegram=TelegramSettings(**given), notices=NoticeSettings(zone=zone))


@contextlib.asynccontextmanager
async def a_room(port: Port | None = None, **telegram: Any) -> AsyncIterator[Room]:
    """Engine and Bot API are there; the desk is started by `room.desk()`."""
    port = port or Port()
    with short_folder() as root:
        async with bot_api() as api, a_gate(port, root / "main.sock"):
            room = Room(root, api, port, settings(api, **telegram))
            try:
                yield room
            finally:
                room.people.close()
