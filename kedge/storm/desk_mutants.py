"""Planted faults in what people ask for: schedules, errands, claims, cancelling everything.

The rest is in `mutants.py`, which says how they are planted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import kedge.engine.commands as commands
import kedge.engine.decide as decide
import kedge.engine.errands as errands
import kedge.engine.schedules as schedules
from kedge.engine.engine import Engine
from kedge.model import records as r
from kedge.model.recurrence import recurrence
from kedge.storm.mutants import Mutant, Patch


def _schedule_twice() -> Sequence[Patch]:
    """When it is due next is kept in memory alone, and each life names its runs anew."""
    import kedge.engine.apply as apply_module

    old = schedules._run

    def run(e: Engine, row: Any, due_ns: int, next_ns: int, give: Any, run_id: str = "") -> tuple[bool, str]:
        result = old(e, row, due_ns, next_ns, give, run_id or f"{due_ns}-{e.desk.life}")
        row.next_ns = next_ns
        return result

    def ran(desk: Any, record: r.ScheduleRan, ts_ns: int) -> None:
        row = desk.schedules[record.name]
        row.due_ns, row.ran_ns, row.ok, row.says = record.due_ns, ts_ns, record.ok, record.says

    table = dict(apply_module._APPLY)
    table[r.ScheduleRan] = ran
    return [(apply_module, "_APPLY", table), (schedules, "_run", run)]


def _missed_runs_burst() -> Sequence[Patch]:
    """Every time that has passed is made up for."""

    def due(e: Engine, name: str, give: Any) -> None:
        row = e.desk.schedules.get(name)
        if row is None or not row.enabled or not row.next_ns:
            return
        if row.next_ns <= e.now_ns:
            after_ns = recurrence(row.every, row.zone).after_ns(row.next_ns, row.anchor_ns)
            schedules._run(e, row, row.next_ns, after_ns, give)
        schedules._wake(e, row)

    return [(schedules, "due", due)]


def _claim_not_asked() -> Sequence[Patch]:
    """Whether another bot holds it is left to whoever asks."""
    return [(commands, "claimed", lambda e, bot, claim: "")]


def _sweep_forgotten() -> Sequence[Patch]:
    """That all orders are to go is known to this life only."""
    import kedge.engine.apply as apply_module

    table = dict(apply_module._APPLY)
    old = table[r.LifeBegan]

    def life_began(desk: Any, record: r.LifeBegan, ts_ns: int) -> None:
        old(desk, record, ts_ns)
        desk.sweeps.clear()

    table[r.LifeBegan] = life_began
    return [(apply_module, "_APPLY", table)]


def _goes_on_after_still() -> Sequence[Patch]:
    """A bot that was to keep still goes on balancing, and puts back what was cancelled."""
    old = decide.settle_bot

    def settle_bot(e: Engine, row: Any) -> None:
        still, row.still = row.still, False
        before = row.phase
        old(e, row)
        row.still = still and row.phase == before

    return [(decide, "settle_bot", settle_bot)]


def _errand_never_ends() -> Sequence[Patch]:
    """What was under way when a life ended is not looked for by the next one."""
    return [(errands, "cut_off", lambda e: None)]


DESK_MUTANTS: tuple[Mutant, ...] = (
    Mutant("schedule-twice", "a due time is run again after a crash", _schedule_twice),
    Mutant("missed-runs-burst", "missed runs are all made up for", _missed_runs_burst),
    Mutant("claim-not-asked", "two bots hold one preorder", _claim_not_asked),
    Mutant("sweep-forgotten", "cancelling everything is forgotten in a crash", _sweep_forgotten),
    Mutant("goes-on-after-still", "a bot that is to be still places orders", _goes_on_after_still),
    Mutant("errand-never-ends", "an errand cut off by a crash is forgotten", _errand_never_ends),
)
