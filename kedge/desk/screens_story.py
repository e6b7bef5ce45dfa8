"""The story of an order or a bot, from intent to fill: what `explain` tells.

Rows come in the order things happened, each with its time, its kind and one sentence. Beside the time
stands how long after the line before it, so that a slow answer is seen without arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kedge.desk.screens import WIDE, Look, Row, Screen, clean, moment, order_id, span

_STYLES = {
    "Intent": "bold",
    "AmendIntent": "bold",
    "CancelIntent": "bold",
    "Filled": "green",
    "Refused": "red",
    "KillSwitch": "bold red",
    "LifeBegan": "bold magenta",
    "CommandTaken": "bold blue",
    "Noted": "yellow",
}


def story_screen(of: str, rows: Sequence[Row], look: Look) -> Screen:
    """`rows`: ts_ns, kind, text; also client_id where one row of a bot's story is about an order."""

    def draw(width: int) -> RenderableType:
        if not rows:
            return Text(f"the journal knows nothing of {clean(of)}", "dim")
        made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        made.add_column("time", no_wrap=True)
        made.add_column("after", justify="right", no_wrap=True, style="dim")
        one_order = len({row.get("client_id", "") for row in rows} - {""}) <= 1
        if not one_order:
            made.add_column("order", no_wrap=True)
        made.add_column("what happened", overflow="fold")
        before = 0
        for row in rows:
            ts_ns = int(row.get("ts_ns", 0))
            cells = [Text(moment(ts_ns, look, width >= WIDE)), Text(_after(before, ts_ns))]
            if not one_order:
                cells.append(order_id(row.get("client_id", "")))
            made.add_row(*cells, _sentence(row))
            before = ts_ns
        return made

    return Screen(rows, draw)


def _after(before_ns: int, ts_ns: int) -> str:
    return f"+{span(ts_ns - before_ns)}" if before_ns and ts_ns > before_ns else ""


def _sentence(row: Row) -> Text:
    said = row.get("text") or row.get("says") or row.get("what") or ""
    return Text(clean(said), _STYLES.get(str(row.get("kind", "")), ""), overflow="fold")
