"""How the command line speaks: tables for people, JSON for programs, one sentence for mistakes.

--json, done          the command's own shape on stdout, described in docs/reference/cli.md
--json, a mistake     {"error": {"code": "refused", "exit": 1, "says": "..."}} on stdout as well
always, a mistake     one sentence on stderr
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec
from rich.console import Console

from kedge.desk.screens import Screen, clean, plain
from kedge.model.exits import Exit

# A pipe has no width: wide enough for every column.
PIPE_WIDTH = 140


def console() -> Console:
    """Made anew each time: tests and redirections change what stdout is."""
    return Console(highlight=False, width=_width(sys.stdout.isatty()))


def error_console() -> Console:
    return Console(stderr=True, highlight=False, width=_width(sys.stderr.isatty()))


def _width(terminal: bool) -> int | None:
    if os.environ.get("COLUMNS", "").isdigit():
        return max(20, int(os.environ["COLUMNS"]))
    return None if terminal else PIPE_WIDTH


def show(screen: Screen, as_json: bool, data: Any = None) -> None:
    """`data` takes the place of the screen's own where programs get more than people see."""
    if as_json:
        show_json(screen.data if data is None else data)
        return
    out = console()
    if out.is_terminal:
        out.print(screen.draw(out.width))
    else:
        sys.stdout.write(screen.text(out.width))
    sys.stdout.flush()


def show_json(data: Any) -> None:
    body = msgspec.json.encode(plain(data))
    if sys.stdout.isatty():
        body = msgspec.json.format(body, indent=2)
    sys.stdout.write(body.decode() + "\n")
    sys.stdout.flush()


def say(words: str, as_json: bool = False, **data: Any) -> None:
    """One sentence, or the data it was made of."""
    if as_json:
        show_json(data or {"says": words})
    else:
        sys.stdout.write(words + "\n")
        sys.stdout.flush()


def remark(words: str) -> None:
    """Beside the answer, for people only: never mixed into what a program reads."""
    error_console().print(f"({clean(words)})", style="dim", markup=False, soft_wrap=True)


def complain(code: Exit, says: str, as_json: bool, command_id: str = "") -> int:
    words = clean(says)
    if command_id:
        words += f"; whether it was done is not known: ask again with --id {command_id}"
    if as_json:
        error: dict[str, Any] = {"code": code.name.lower(), "exit": int(code), "says": words}
        if command_id:
            error["command_id"] = command_id
        show_json({"error": error})
    out = error_console()
    out.print(f"kedge: {words}", style="red" if out.is_terminal else "", markup=False, soft_wrap=True)
    return int(code)
