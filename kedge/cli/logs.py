"""`kedge logs`: what engine, desk and watch wrote, together and in order; with `-f`, as it comes."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from cyclopts import Parameter

from kedge import home as homes
from kedge.cli.desk import AS_JSON, HOME
from kedge.cli.out import say, show_json
from kedge.logs import lines
from kedge.logs.lines import Line
from kedge.logs.reading import Follower, Wanted, last_lines, programs, wanted
from kedge.model.exits import Exit, Halt

LOOK_S = 0.3
LINES_MAX = 100_000
Program = Literal["engine", "desk", "watch"]


def logs(
    *,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], help="Go on with new lines until Ctrl-C.")
    ] = False,
    level: Annotated[
        Literal["debug", "info", "warn", "error"], Parameter(help="The least that is shown.")
    ] = "debug",
    bot: Annotated[str, Parameter(help="Only this bot's.")] = "",
    text: Annotated[str, Parameter(help="Only lines with these letters in them.")] = "",
    program: Annotated[Program | None, Parameter(help="Only this program's.")] = None,
    most: Annotated[int, Parameter(name=["--lines", "-n"], help="So many of the last lines.")] = 50,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """What engine, desk and watch wrote to their log files, together and in order."""
    if not 0 <= most <= LINES_MAX:
        raise Halt(Exit.USAGE, f"--lines is from 0 to {LINES_MAX}; it is {most}")
    folder = homes.find(home).logs
    names = [program] if program else programs(folder)
    if not names and not follow:
        raise Halt(
            Exit.REFUSED,
            f"there are no log files in {folder}; kedge up writes them unless `[log] file` is false",
        )
    is_wanted = wanted(level, bot, text)
    follower = Follower(folder, names or ("engine", "desk", "watch")) if follow else None
    found = last_lines(folder, names, is_wanted, most)
    if follower is None and json:
        show_json([_data(line) for line in found])
        return Exit.OK
    for line in found:
        _show(line, json)
    if follower is not None:
        _follow(follower, is_wanted, json)
    return Exit.OK


def _follow(follower: Follower, is_wanted: Wanted, json: bool) -> None:
    try:
        while True:
            for line in follower.new_lines():
                if is_wanted(line):
                    _show(line, json)
            time.sleep(LOOK_S)
    finally:
        follower.close()


def _show(line: Line, json: bool) -> None:
    if json:
        show_json(_data(line))
    else:
        say(lines.as_text(line).replace("\t", "  ").rstrip("\n"))


def _data(line: Line) -> dict[str, object]:
    return {
        "ts_ns": line.ts_ns,
        "level": line.level,
        "program": line.program,
        "says": line.says,
        "about": dict(line.about),
        "trace": line.trace,
    }
