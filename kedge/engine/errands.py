"""Deeds outside the engine that are journalled like any command: a backup, following the bots file.

The engine writes that one has begun and hands it to the shell; what came of it comes back as news and is
written, too. One that was under way when a life ended is not begun again: who wants it asks anew.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw

from kedge.engine.effects import Errand
from kedge.engine.engine import SECOND_NS, Engine
from kedge.model import commands as c
from kedge.model import events as ev
from kedge.model import records as r
from kedge.model.events import Command

ERRANDS_MOST = 8
CUT_OFF = "the engine stopped before it was done; it is not begun again by itself"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Result = tuple[bool, str]


def backup(e: Engine, args: c.DeskBackup, command: Command) -> Result:
    target = filled_in(args.target, e.now_ns)
    return _begin(e, command, c.DeskBackup(target), f"a copy is being written to {target}")


def reload(e: Engine, args: c.DeskReload, command: Command) -> Result:
    return _begin(e, command, args, "the bots file is being read")


def done(e: Engine, heard: ev.ErrandDone) -> None:
    """What came of it. A word about an errand that is not under way is an earlier life's."""
    if heard.command_id in e.desk.errands:
        _end(e, heard.command_id, heard.ok, heard.says)


def cut_off(e: Engine) -> None:
    """At a start: what the last life had under way."""
    for command_id in list(e.desk.errands):
        _end(e, command_id, False, CUT_OFF)


def filled_in(target: str, now_ns: int) -> str:
    """{date} and {time} as they are now, in UTC."""
    now = _EPOCH + timedelta(seconds=now_ns // SECOND_NS)
    return target.replace("{date}", f"{now:%Y-%m-%d}").replace("{time}", f"{now:%H%M%S}")


def _begin(e: Engine, command: Command, args: c.DeskBackup | c.DeskReload, says: str) -> Result:
    if any(row.verb == command.verb for row in e.desk.errands.values()):
        return False, f"{command.verb} is under way already; wait until it is done"
    if len(e.desk.errands) >= ERRANDS_MOST:
        return False, f"{ERRANDS_MOST} errands are under way already"
    schedule = command.actor.partition(":")[2] if command.via == "schedule" else ""
    body = Raw(msgspec.json.encode(args))
    e.write(r.ErrandBegan(command_id=command.command_id, verb=command.verb, args=body, schedule=schedule))
    e.act(Errand(command.command_id, command.verb, body))
    return True, says


def _end(e: Engine, command_id: str, ok: bool, says: str) -> None:
    row = e.desk.errands[command_id]
    e.write(r.ErrandEnded(command_id=command_id, ok=ok, says=says[:1000]))
    by = f"schedule {row.schedule}: " if row.schedule else ""
    e.note("info" if ok else "alarm", f"{by}{row.verb}: {says[:1000]}")
