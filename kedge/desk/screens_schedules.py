"""What runs by itself: when next, and what came of it last."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from kedge.desk.screens import Column, Look, Row, Screen, moment, name, state, table, word, words
from kedge.model.looks import ScheduleLook, Status

_SCHEDULES = (
    Column("schedule", ("name",), name),
    Column("runs", ("runs",), words),
    Column("when", ("when",), words),
    Column("next", ("next",), word),
    Column("last", ("last",), word),
    Column("", ("came",), state),
    Column("says", ("says",), words),
)


def schedules_screen(status: Status, look: Look) -> Screen:
    rows = [_row(one, look) for one in status.schedules]

    def draw(width: int) -> RenderableType:
        if not rows:
            return Text("no schedules: kedge schedule set", "dim")
        return table(rows, _SCHEDULES, width, look)

    return Screen(status.schedules, draw)


def _row(one: ScheduleLook, look: Look) -> Row:
    args = " ".join(f"{key}={value}" for key, value in one.args.items())
    zone = "" if one.zone == "UTC" else f" {one.zone}"
    return {
        "name": one.name,
        "runs": f"{one.verb} {args}".strip(),
        "when": f"{one.every}{zone}",
        "next": moment(one.next_ns, look, True).rpartition(".")[0] if one.enabled else "paused",
        "last": moment(one.ran_ns, look, True).rpartition(".")[0],
        "came": ("done" if one.ok else "refused") if one.ran_ns else "",
        "says": one.says,
    }
