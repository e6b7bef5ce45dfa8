"""Telegram with a real engine behind the gate: what is typed is really carried out, in the test's world."""

from __future__ import annotations

import msgspec
from builders import Trial
from moex_floor import floor
from rooms import Port

from kedge.engine import look
from kedge.engine.commands import preview
from kedge.model.events import Command
from kedge.model.looks import Status
from kedge.model.numbers import text
from kedge.model.records import CommandTaken


class TraderPort(Port):
    """A gate's port over a `Trial`: its commands, its previews and its picture are the engine's own."""

    def __init__(self, trial: Trial | None = None) -> None:
        super().__init__()
        self.t = trial or floor()

    async def command(self, command: Command) -> CommandTaken:
        self.heard.set()
        if self.hold is not None:
            await self.hold.wait()
        self._maybe_wrong()
        self.commands.append(command)
        self.t.hear(command)
        ok, says = self.t.e.desk.commands[command.command_id]
        return CommandTaken(
            command.command_id, command.actor, command.via, command.verb, command.args, ok, says
        )

    def status(self) -> Status:
        self._maybe_wrong()
        t = self.t
        return look.status(t.e, t.now_ns, t.now_ns, len(t.entries), len(t.entries))

    async def read(self, what: str, args: dict[str, object]) -> object:
        self._maybe_wrong()
        if what == "preview":
            return preview(self.t.e, str(args["verb"]), msgspec.json.encode(args["args"], enc_hook=text))
        if what == "lists":
            return [
                {"name": name, "items": ", ".join(row.items), "actor": row.set_by, "set_ns": row.set_ns}
                for name, row in self.t.e.desk.lists.items()
            ]
        if what == "stash":
            return look.stash(self.t.e, str(args["name"]))
        return await super().read(what, args)
