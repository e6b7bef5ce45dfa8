"""The lists that the settings begin: told to the engine at a start, as commands like any other.

A list that a person has set stays theirs. One that came from the settings follows them.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from kedge.engine.state import Desk
from kedge.model.events import Command
from kedge.model.lists import USUAL
from kedge.settings import MoexSettings

ACTOR = "settings"


def changes(desk: Desk, settings: MoexSettings, now_ns: int) -> list[Command]:
    found: list[Command] = []
    for name, items in settings.lists().items():
        row = desk.lists.get(name)
        if items == (row.items if row is not None else USUAL[name]):
            continue
        if row is None or row.set_by == ACTOR:
            args = Raw(msgspec.json.encode({"name": name, "items": ",".join(items)}))
            found.append(Command(f"settings:{name}:{now_ns}", ACTOR, "file", "list.set", args))
    return found
