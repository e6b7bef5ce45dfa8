"""The desk follows the bots file: what is listed is added or amended, what is gone is stopped and removed.

Only bots that came from the file are touched when they leave it. Every change is an ordinary command with
an id made of what the file says, so that following the same file twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec import Raw

from kedge.engine.state import Desk
from kedge.model.events import Command
from kedge.settings import BotSpec


def changes(desk: Desk, wanted: Mapping[str, BotSpec], now_ns: int) -> list[Command]:
    """The commands that bring the desk to what the file lists."""
    found: list[Command] = []
    for name, spec in wanted.items():
        row = desk.bots.get(name)
        if row is None:
            body = {"name": name, "kind": spec.kind, "config": spec.config, "origin": "file"}
            found.append(_command("bot.add", body, now_ns))
        elif not _says_the_same(bytes(row.config), bytes(spec.config)):
            found.append(_command("bot.amend", {"name": name, "config": spec.config}, now_ns))
    for name, row in desk.bots.items():
        if row.origin != "file" or name in wanted:
            continue
        if row.phase in ("running", "paused"):
            found.append(_command("bot.stop", {"name": name}, now_ns))
        elif row.phase in ("stopped", "killed", "parked"):
            found.append(_command("bot.rm", {"name": name}, now_ns))
    return found


def _says_the_same(has: bytes, says: bytes) -> bool:
    """Whether every parameter in the file has that value already; defaults are not repeated in it."""
    old = msgspec.json.decode(has, type=dict[str, object])
    new = msgspec.json.decode(says, type=dict[str, object])
    return all(key in old and str(old[key]) == str(value) for key, value in new.items())


def _command(verb: str, body: Mapping[str, object], now_ns: int) -> Command:
    args = msgspec.json.encode(body)
    key = hashlib.blake2b(args, digest_size=8).hexdigest()
    return Command(f"file:{verb}:{key}:{now_ns}", "bots file", "file", verb, Raw(args))
