"""The desk follows the bots file: what is listed is added or amended, what is gone is stopped and removed.

Only bots that came from the file are touched. Every change is an ordinary command with an id made of what
the file says, and only where the desk differs from it, so that following the same file twice changes
nothing. What is stopped because it left the file is removed as soon as it has ended: `leaving` names those,
`farewell` is the command. One whose section is put back before that runs again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from kedge.engine.bot import Bot
from kedge.engine.decide import LEFT_FILE
from kedge.engine.state import BotRow, Desk
from kedge.model.events import Command
from kedge.settings import BotSpec

ENDED = ("stopped", "killed", "parked")


def changes(
    desk: Desk, kinds: Mapping[str, Bot[Any, Any]], wanted: Mapping[str, BotSpec], now_ns: int
) -> list[Command]:
    """The commands that bring the desk to what the file lists."""
    found: list[Command] = []
    for name, spec in wanted.items():
        row = desk.bots.get(name)
        if row is None:
            body = {"name": name, "kind": spec.kind, "config": spec.config, "origin": "file"}
            found.append(_command("bot.add", body, now_ns))
        elif not _conflict(row, spec) and not _says_the_same(row, spec, kinds.get(spec.kind)):
            change = {"name": name, "config": spec.config, "whole": True}
            found.append(_command("bot.amend", change, now_ns))
        if row is not None and _comes_back(row):
            found.append(_command("bot.resume", {"name": name}, now_ns))
    for row in leaving(desk, wanted):
        if row.phase in ENDED:
            found.append(farewell(row.name, now_ns))
        elif row.phase != "stopping":
            found.append(_command("bot.stop", {"name": row.name}, now_ns))
    return found


def leaving(desk: Desk, wanted: Mapping[str, BotSpec]) -> list[BotRow]:
    """The bots that came from the file and are no longer in it."""
    return [row for name, row in desk.bots.items() if row.origin == "file" and name not in wanted]


def farewell(name: str, now_ns: int) -> Command:
    """Remove a bot that has ended; the engine refuses while it holds something."""
    return _command("bot.rm", {"name": name}, now_ns)


def conflicts(desk: Desk, wanted: Mapping[str, BotSpec]) -> list[str]:
    """What the file asks for and cannot have, in sentences."""
    found = [_conflict(desk.bots[name], spec) for name, spec in wanted.items() if name in desk.bots]
    return [said for said in found if said]


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _conflict(row: BotRow, spec: BotSpec) -> str:
    if row.origin != "file":
        return f"{row.name} was added by command and is left alone; remove it, or rename the section"
    if row.kind != spec.kind:
        return f"{row.name} is a {row.kind}, not a {spec.kind}; remove the section first, or rename it"
    return ""


def _comes_back(row: BotRow) -> bool:
    """It was stopped because its section had gone, and the section is there again. Who was stopped by a
    person stays stopped."""
    stops = row.phase in ("stopping", "stopped")
    return row.origin == "file" and stops and row.why.startswith(LEFT_FILE)


def _says_the_same(row: BotRow, spec: BotSpec, kind: Bot[Any, Any] | None) -> bool:
    """Whether the file's parameters are the bot's, as its kind reads them: 0.05, 0.050 and "0.05" are."""
    try:
        has = msgspec.json.decode(row.config, type=dict[str, Raw])
        says = msgspec.json.decode(spec.config, type=dict[str, Raw])
        if kind is None:
            return bool(has == {**has, **says})
        return bool(_read(says, kind) == _read(has, kind))
    except msgspec.DecodeError:
        return False  # the engine will say what is wrong with it


def _read(config: Mapping[str, Raw], kind: Bot[Any, Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(config), type=kind.Config)


def _command(verb: str, body: Mapping[str, object], now_ns: int) -> Command:
    args = msgspec.json.encode(body)
    key = hashlib.blake2b(args, digest_size=8).hexdigest()
    return Command(f"file:{verb}:{key}:{now_ns}", "bots file", "file", verb, Raw(args))
