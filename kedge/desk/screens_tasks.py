"""Tasks, prices of spreads, stashes: the views of a trader's day on the command line."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from kedge.desk.screens import (
    Column,
    Look,
    Row,
    Screen,
    about,
    average,
    moment,
    name,
    number,
    side,
    span,
    state,
    table,
    word,
    words,
)
from kedge.desk.tasks import PriceLine, TaskLine, asked_for, prices_of
from kedge.model.looks import Status

MINUTE_NS = 60_000_000_000

_TASKS = (
    Column("task", ("task",), name),
    Column("", ("phase",), state),
    Column("", ("side",), side),
    Column("what", ("what",), words),
    Column("progress", ("progress",), words),
    Column("price", ("bound",), word),
    Column("now", ("now",), words),
)
_PRICES = (
    Column("task", ("task",), name),
    Column("legs", ("legs",), words),
    Column("sell at", ("sell",), average, right=True),
    Column("buy at", ("buy",), average, right=True),
    Column("", ("side",), side),
    Column("wanted", ("wanted",), number, right=True),
    Column("", ("state",), state),
    Column("", ("says",), words),
)
_STASHES = (
    Column("stash", ("name",), name),
    Column("account", ("account",), word),
    Column("orders", ("count",), number, right=True),
    Column("saved", ("saved",), word),
    Column("", ("says",), words),
)


def tasks_screen(status: Status, look: Look, call: str = "tasks") -> Screen:
    lines = asked_for(status, call)
    nothing = {"sellbuy": "nothing is being sold or bought", "spreads": "no spread is at work"}
    return _screen(
        lines, [_task(one) for one in lines], _TASKS, look, nothing.get(call, "no task is at work")
    )


def sellbuy_screen(status: Status, look: Look) -> Screen:
    return tasks_screen(status, look, "sellbuy")


def spreads_screen(status: Status, look: Look) -> Screen:
    return tasks_screen(status, look, "spreads")


def sprices_screen(status: Status, look: Look) -> Screen:
    lines = prices_of(status)
    return _screen(lines, [_price(one, look) for one in lines], _PRICES, look, "no spread is at work")


def stashes_screen(status: Status, look: Look) -> Screen:
    rows: list[Row] = [
        {
            "name": one.name,
            "account": one.account,
            "count": one.orders,
            "saved": moment(one.saved_ns, look, True).rpartition(".")[0],
            "says": one.says,
        }
        for one in status.stashes
    ]
    return _screen(status.stashes, rows, _STASHES, look, "nothing is saved: kedge stash save")


def minutes_to(opens_ns: int, now_ns: int) -> int:
    """Whole minutes until then, at least one."""
    return max(1, -(-(opens_ns - now_ns) // MINUTE_NS))


def _screen(data: object, rows: list[Row], columns: tuple[Column, ...], look: Look, nothing: str) -> Screen:
    def draw(width: int) -> RenderableType:
        return table(rows, columns, width, look) if rows else Text(nothing, "dim")

    return Screen(data, draw)


def _task(one: TaskLine) -> Row:
    bound = about(one.price) if one.price else ""
    whole = {field: getattr(one, field) for field in one.__struct_fields__}
    return {**whole, "progress": one.progress, "bound": bound}


def _price(one: PriceLine, look: Look) -> Row:
    if one.open:
        says = one.why or (f"{span(one.age_ns)} old" if one.age_ns else "")
    elif one.opens_ns:
        says = f"opens in {minutes_to(one.opens_ns, look.now_ns)} min"
    else:
        says = one.why
    return {
        "task": one.task,
        "legs": f"{one.far} - {about(one.ratio)} {one.near}",
        "sell": one.sell if one.sell else "",
        "buy": one.buy if one.buy else "",
        "side": one.side,
        "wanted": one.wanted,
        "state": "" if one.open else "closed",
        "says": says,
    }
