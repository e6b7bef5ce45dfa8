"""What one bot's page shows of its past: its latest fills and notes, the commands it was given, its story.

Kept for bots that somebody looks at, and asked for anew when an entry names the bot: a bot that filled last
week shows that fill, however many others filled since.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kedge.client import DeskAway, Refused
from kedge.desk.parts import DeskContext
from kedge.desk.tables.people import DatabaseTrouble
from kedge.journal.rows import Ask
from kedge.model.records import CommandTaken, Entry

FILLS, NOTES, COMMANDS, STORY = 30, 30, 15, 60
# A command names its bot in its arguments: so many with that name in them are looked through.
SEARCHED = 200
KEPT_MAX = 100
# A bot that does something all the time is asked about no oftener.
GAP_S = 0.25
ANSWER_S = 5.0

Row = dict[str, Any]


@dataclass
class Past:
    fills: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    commands: list[Row] = field(default_factory=list)
    story: list[Row] = field(default_factory=list)
    heard: int = 1  # raised by each entry about the bot
    shown: int = 0
    read_s: float = 0.0


class Pasts:
    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self._kept: dict[str, Past] = {}

    def of(self, bot: str) -> Past:
        return self._kept.get(bot) or Past()

    def hear(self, entry: Entry) -> bool:
        """Whether it is about a bot that somebody looks at."""
        past = self._kept.get(_bot_of(entry))
        if past is None:
            return False
        past.heard += 1
        return True

    def forget_time(self) -> None:
        """The engine was away: what happened meanwhile was heard by nobody."""
        for past in self._kept.values():
            past.heard += 1

    async def refresh(self, bot: str) -> None:
        """Ask where there may be something new; the world's faults leave what was there."""
        past = self._kept.pop(bot, None) or Past()
        self._kept[bot] = past  # the latest stands last
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        now_s = asyncio.get_running_loop().time()
        if past.heard == past.shown or now_s - past.read_s < GAP_S or not self._context.link.here:
            return
        past.read_s, heard = now_s, past.heard
        try:
            past.fills = await self._read("fills", bot=bot, limit=FILLS)
            past.notes = await self._read("notes", bot=bot, limit=NOTES)
            past.story = await self._read("story", bot=bot, sort="-time", limit=STORY)
            past.commands = commands_to(bot, await self._commands(bot))
        except (DeskAway, Refused, TimeoutError):
            return
        past.shown = heard

    async def _read(self, what: str, **filters: object) -> list[Row]:
        async with asyncio.timeout(ANSWER_S):
            return list(await self._context.link.desk("desk").read(what, **filters))

    async def _commands(self, bot: str) -> list[Row]:
        """From the desk's tables, where they are: a search costs the engine's own readers more."""
        tables, quoted = self._context.tables, f'"{bot}"'
        if tables is None:
            return await self._read("commands", text=quoted, limit=SEARCHED)
        try:
            page = await asyncio.to_thread(tables.find, "commands", Ask(text=quoted, limit=SEARCHED))
        except (DatabaseTrouble, ValueError):
            return []
        return [msgspec.structs.asdict(row) for row in page.rows]


def commands_to(bot: str, rows: list[Row]) -> list[Row]:
    """Those of the rows that were given to this bot, ready to be shown: who, what, and what came of it."""
    found = []
    for row in rows:
        args = dict(row["args"])
        if row["verb"].partition(".")[0] == "bot" and args.pop("name", "") == bot:
            found.append({**row, "who": person_of(row["actor"]), "with": said_with(args)})
        elif args.get("bot") == bot:
            found.append({**row, "who": person_of(row["actor"]), "with": ""})
    return found[:COMMANDS]


def person_of(actor: str) -> str:
    """`pi:ann` is ann, at this machine's user pi; the terminal's own is the user."""
    return actor.partition(":")[2] or actor


def said_with(args: Row) -> str:
    """What a person gave with the command, in one line."""
    words = []
    for name, value in args.items():
        if isinstance(value, dict):
            words += [f"{key}={value[key]}" for key in value]
        elif value not in ("", None, False):
            words.append(str(value) if name in ("text", "why") else f"{name}={value}")
    return " ".join(words)[:300]


def _bot_of(entry: Entry) -> str:
    record = entry.record
    if isinstance(record, CommandTaken):
        try:
            args = msgspec.json.decode(record.args)
        except msgspec.DecodeError:
            return ""
        return str(args.get("name") or args.get("bot") or "") if isinstance(args, dict) else ""
    return str(getattr(record, "bot", "") or "")
