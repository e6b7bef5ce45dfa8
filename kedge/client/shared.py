"""What every way to a desk has in common: the errors, the key of a command, the shape of rows."""

from __future__ import annotations

import uuid
from typing import Any

from kedge.model.records import CommandTaken

# How often a command is asked under its id before the desk counts as away.
ASKS_MAX = 3

Row = dict[str, Any]


class DeskAway(Exception):
    """Nobody answers at the gate. `command_id` is set where a command's fate is not known."""

    def __init__(self, says: str, command_id: str = "") -> None:
        super().__init__(says)
        self.command_id = command_id


class Refused(Exception):
    """The desk said no; the text is its sentence. `taken` is the journalled result, where it came to that."""

    def __init__(self, says: str, fault: str = "refused", taken: CommandTaken | None = None) -> None:
        super().__init__(says)
        self.fault, self.taken = fault, taken


def new_command_id() -> str:
    return uuid.uuid4().hex  # storm-ok: idempotency key made by the caller's side
