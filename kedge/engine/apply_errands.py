"""The fold of lists, schedules, errands and sweeps: the rest of the table in `apply.py`, by its rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedge.engine.state import Desk, ErrandRow, ListRow, ScheduleRow, Sweep
from kedge.model import records as r


def _cancel_all_asked(desk: Desk, record: r.CancelAllAsked, ts_ns: int) -> None:
    desk.sweeps[record.account] = Sweep(record.actor, record.why, ts_ns)


def _cancel_all_ended(desk: Desk, record: r.CancelAllEnded, ts_ns: int) -> None:
    desk.sweeps.pop(record.account, None)


def _list_set(desk: Desk, record: r.ListSet, ts_ns: int) -> None:
    if record.items:
        desk.lists[record.name] = ListRow(record.items, record.actor, ts_ns)
    else:
        desk.lists.pop(record.name, None)


def _schedule_set(desk: Desk, record: r.ScheduleSet, ts_ns: int) -> None:
    """A schedule that is changed keeps what came of it last."""
    row = ScheduleRow(
        name=record.name,
        verb=record.verb,
        args=record.args.copy(),
        every=record.every,
        zone=record.zone,
        enabled=record.enabled,
        missed=record.missed,
        comment=record.comment,
        anchor_ns=record.anchor_ns,
        next_ns=record.next_ns,
        set_by=record.actor,
        set_ns=ts_ns,
    )
    old = desk.schedules.get(record.name)
    if old is not None:
        row.due_ns, row.ran_ns, row.ok, row.says = old.due_ns, old.ran_ns, old.ok, old.says
    desk.schedules[record.name] = row


def _schedule_removed(desk: Desk, record: r.ScheduleRemoved, ts_ns: int) -> None:
    desk.schedules.pop(record.name, None)


def _schedule_ran(desk: Desk, record: r.ScheduleRan, ts_ns: int) -> None:
    row = desk.schedules[record.name]
    row.due_ns, row.ran_ns, row.ok, row.says = record.due_ns, ts_ns, record.ok, record.says
    row.next_ns = record.next_ns


def _errand_began(desk: Desk, record: r.ErrandBegan, ts_ns: int) -> None:
    desk.errands[record.command_id] = ErrandRow(record.verb, record.schedule, ts_ns)


def _errand_ended(desk: Desk, record: r.ErrandEnded, ts_ns: int) -> None:
    errand = desk.errands.pop(record.command_id, None)
    row = desk.schedules.get(errand.schedule) if errand else None
    if row is not None:
        row.ok, row.says = record.ok, record.says


APPLY_ERRANDS: dict[type, Callable[[Desk, Any, int], None]] = {
    r.CancelAllAsked: _cancel_all_asked,
    r.CancelAllEnded: _cancel_all_ended,
    r.ListSet: _list_set,
    r.ScheduleSet: _schedule_set,
    r.ScheduleRemoved: _schedule_removed,
    r.ScheduleRan: _schedule_ran,
    r.ErrandBegan: _errand_began,
    r.ErrandEnded: _errand_ended,
}
