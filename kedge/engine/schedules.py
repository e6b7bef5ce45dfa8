"""Commands that run by themselves: at a tick that is due, each is given as if a person had given it.

The command's id is `schedule:<name>:<due time>`, and what came of it, with the next due time, is in the same
commit as the command. So a due time is run at most once, whatever crashes; and a replay knows every next time
without asking what a zone's clocks did.

Up to `LATE_NS` after its time a run is on time. What is later was missed: the desk was down, or the kill
switch held a bot's command back. Then `skip` only says so, and `once` runs the latest of the missed times, if
that is not older than a day. There is never a burst.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Raw

from kedge.engine.engine import MINUTE_NS, SECOND_NS, Engine
from kedge.engine.senses import TimerKey
from kedge.engine.state import ScheduleRow
from kedge.model import commands as c
from kedge.model import records as r
from kedge.model.events import Command
from kedge.model.recurrence import BadRecurrence, Recurrence, recurrence
from kedge.model.sentences import mistake, unknown_name

SCHEDULES_MOST = 200
ARGS_BYTES_MOST = 16 * 1024
LATE_NS = MINUTE_NS
DAY_NS = 86_400 * SECOND_NS
# After a start the accounts come first; then those that are due follow one another.
START_NS = 10 * SECOND_NS
APART_NS = SECOND_NS // 10

Result = tuple[bool, str]
Give = Callable[[Engine, Command], None]


# ── time ────────────────────────────────────────────────────────────────────────────────────────


def arm(e: Engine, in_ns: int = 0) -> None:
    """Set every schedule's timer: at a start, and when the kill switch is released."""
    first_ns = e.now_ns + in_ns
    for row in e.desk.schedules.values():
        if row.enabled and row.next_ns:
            e.timers.set(_key(row.name), max(row.next_ns, first_ns))
            if row.next_ns <= first_ns:
                first_ns += APART_NS


def due(e: Engine, name: str, give: Give) -> None:
    """Its timer has rung."""
    row = e.desk.schedules.get(name)
    if row is None or not row.enabled or not row.next_ns or _is_held(e, row):
        return
    if row.next_ns > e.now_ns:
        e.timers.set(_key(name), row.next_ns)
        return
    try:
        rule = recurrence(row.every, row.zone)
    except BadRecurrence as bad:
        # Another machine, without this zone: the time that is due is run, and nobody knows the next one.
        _run(e, row, row.next_ns, 0, give)
        e.note("alarm", f"schedule {name}: {bad}; it rests until it is set again")
        return
    due_ns, missed = _latest(e, row, rule)
    next_ns = rule.after_ns(e.now_ns, row.anchor_ns)
    late_ns = e.now_ns - due_ns
    if missed and late_ns <= LATE_NS:
        e.note("warn", f"schedule {name}: {_missed(missed)} before this one")
    elif missed and (row.missed == "skip" or late_ns > DAY_NS):
        says = f"{_missed(missed)}: not run"
        e.write(r.ScheduleRan(name=name, due_ns=due_ns, ok=False, says=says, next_ns=next_ns))
        e.note("warn", f"schedule {name}: {says}")
        _wake(e, row)
        return
    elif missed:
        e.note("warn", f"schedule {name}: {_missed(missed)}; the latest is run now")
    _run(e, row, due_ns, next_ns, give)
    _wake(e, row)


def _latest(e: Engine, row: ScheduleRow, rule: Recurrence) -> tuple[int, int]:
    """The latest time that has come, and how many were missed: it too, unless it is on time."""
    due_ns, missed = row.next_ns, 0
    # What is older than a day is not run: it is enough to know that there was some.
    later_ns = rule.after_ns(max(due_ns, e.now_ns - DAY_NS - 1), row.anchor_ns)
    while 0 < later_ns <= e.now_ns:
        due_ns, missed = later_ns, missed + 1
        later_ns = rule.after_ns(later_ns, row.anchor_ns)
    return due_ns, missed + (e.now_ns - due_ns > LATE_NS)


def _run(e: Engine, row: ScheduleRow, due_ns: int, next_ns: int, give: Give, run_id: str = "") -> Result:
    """Give its command, and write what came of it."""
    command_id = f"schedule:{row.name}:{run_id or due_ns}"
    give(e, Command(command_id, f"schedule:{row.name}", "schedule", row.verb, row.args))
    ok, says = e.desk.commands[command_id]
    if not ok:
        e.note("warn", f"schedule {row.name}: {row.verb} was refused: {says}")
    e.write(
        r.ScheduleRan(name=row.name, due_ns=due_ns, ok=ok, says=says, next_ns=next_ns, command_id=command_id)
    )
    e.count("schedules run")
    return ok, says


def _is_held(e: Engine, row: ScheduleRow) -> bool:
    """While the kill switch is on nobody starts or changes bots by schedule; errands and audits go on."""
    return e.desk.killed and row.verb.startswith("bot.")


def _wake(e: Engine, row: ScheduleRow) -> None:
    if row.enabled and row.next_ns:
        e.timers.set(_key(row.name), row.next_ns)
    else:
        e.timers.drop(_key(row.name))


def _missed(count: int) -> str:
    return "1 run was missed" if count == 1 else f"{count} runs were missed"


def _key(name: str) -> TimerKey:
    return ("schedule", name)


# ── people ──────────────────────────────────────────────────────────────────────────────────────


def set_schedule(e: Engine, args: c.ScheduleSet, command: Command) -> Result:
    said = _wrong(e, args)
    if said:
        return False, said
    try:
        rule = recurrence(args.every, args.zone)
    except BadRecurrence as bad:
        return False, str(bad)
    e.write(
        r.ScheduleSet(
            name=args.name,
            verb=args.verb,
            args=Raw(bytes(args.args)),
            every=args.every.strip(),
            next_ns=rule.after_ns(e.now_ns, e.now_ns) if args.enabled else 0,
            actor=command.actor,
            zone=args.zone,
            enabled=args.enabled,
            missed=args.missed,
            comment=args.comment,
            anchor_ns=e.now_ns,
        )
    )
    _wake(e, e.desk.schedules[args.name])
    return True, f"schedule {args.name} is set" + ("" if args.enabled else "; it is paused")


def remove(e: Engine, args: c.ScheduleRm, command: Command) -> Result:
    if args.name not in e.desk.schedules:
        return False, _unknown(e, args.name)
    e.write(r.ScheduleRemoved(name=args.name))
    e.timers.drop(_key(args.name))
    return True, f"schedule {args.name} is removed"


def run_now(e: Engine, args: c.ScheduleRun, command: Command, give: Give) -> Result:
    """Beside its own times, which stay as they are; under the asking command's own id."""
    row = e.desk.schedules.get(args.name)
    if row is None:
        return False, _unknown(e, args.name)
    if _is_held(e, row):
        return False, f"schedule {args.name} waits: the kill switch is on"
    ok, says = _run(e, row, e.now_ns, row.next_ns, give, f"by:{command.command_id}")
    return ok, f"schedule {args.name}: {says}"


def turn(e: Engine, name: str, on: bool, command: Command) -> Result:
    """Pause or resume: an interval is counted anew from now."""
    row = e.desk.schedules.get(name)
    if row is None:
        return False, _unknown(e, name)
    if row.enabled == on:
        return True, f"schedule {name} is {'on' if on else 'paused'} already"
    fields = {one: getattr(row, one) for one in c.ScheduleSet.__struct_fields__}
    ok, says = set_schedule(e, c.ScheduleSet(**{**fields, "enabled": on}), command)
    return ok, (f"schedule {name} is {'on again' if on else 'paused'}" if ok else says)


def _wrong(e: Engine, args: c.ScheduleSet) -> str:
    if not args.name or len(args.name) > 64 or not all(ch.isalnum() or ch in "-_." for ch in args.name):
        return f"{args.name!r} is no name for a schedule: use letters, digits, '-', '_' and '.', 64 at most"
    if args.name not in e.desk.schedules and len(e.desk.schedules) >= SCHEDULES_MOST:
        return f"there are {SCHEDULES_MOST} schedules already; remove one first"
    if args.verb.startswith("schedule."):
        return "a schedule cannot give commands to schedules"
    shape = c.VERBS.get(args.verb)
    if shape is None:
        return unknown_name(args.verb, c.VERBS, "command")
    if len(args.args) > ARGS_BYTES_MOST:
        return f"the arguments have {len(args.args)} bytes; a schedule keeps {ARGS_BYTES_MOST} at most"
    try:
        msgspec.json.decode(args.args, type=shape)
    except msgspec.DecodeError as error:
        return mistake(error, shape, args.verb)
    return ""


def _unknown(e: Engine, name: str) -> str:
    names = ", ".join(list(e.desk.schedules)[:20])
    return f"there is no schedule {name!r}" + (f"; there are: {names}" if names else "")
