"""One line of a log: what is in it, how it is written, how it is read back.

    text      2026-11-20T19:44:16.123Z WARN  engine: hedge-1: late<TAB>bot=hedge-1 seq=5
    json      {"at": "...", "level": "warn", "program": "engine", "says": "...", "bot": "hedge-1"}
    person    19:44:16 hedge-1: late                      a terminal: somebody sits before it
    journal   <4>hedge-1: late                            journald adds time and program itself

A line is one line whatever was said: what would break it or move the cursor is written as an escape. So the
tab before the fields is ours alone, and nobody can write a second line that was never logged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

LEVELS = ("debug", "info", "warn", "error")
# As the kernel and journald number them.
PRIORITIES = {"debug": 7, "info": 6, "warn": 4, "error": 3}
# What a line in JSON has of its own.
OWN = ("at", "level", "program", "says", "trace")
SAYS_MAX = 8_000
TRACE_MAX = 20_000
# Under which fault's lines stand in a text file.
TRACE_MARK = "    | "

_UGLY = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FIELD = re.compile(r'([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|\S*)')
_TEXT = re.compile(r"(\S+Z) (DEBUG|INFO |WARN |ERROR) ([\w.-]+): ([^\t]*)(?:\t(.*))?")
_PLAIN = re.compile(r'[^\s"=]+')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Line(Struct, frozen=True):
    ts_ns: int
    level: str
    program: str
    says: str
    about: Mapping[str, object] = {}
    trace: str = ""


def at_least(level: str, least: str) -> bool:
    return LEVELS.index(level) >= LEVELS.index(least)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────


def as_text(line: Line) -> str:
    fields = " ".join(f"{name}={_value(value)}" for name, value in line.about.items())
    head = f"{moment(line.ts_ns)} {line.level.upper():<5} {line.program}: {_cut(line.says)}"
    return head + (f"\t{fields}" if fields else "") + "\n" + _trace(line)


def as_json(line: Line) -> str:
    about = {name: _plain(value) for name, value in line.about.items()}
    body: dict[str, object] = {
        "at": moment(line.ts_ns),
        "level": line.level,
        "program": line.program,
        "says": _cut(line.says),
    }
    body |= {f"about_{name}" if name in OWN else name: value for name, value in about.items()}
    if line.trace:
        body["trace"] = line.trace[-TRACE_MAX:]
    return msgspec.json.encode(body).decode() + "\n"


def as_person(line: Line) -> str:
    mark = {"warn": "warning: ", "error": "ALARM: "}.get(line.level, "")
    # What the desk's own sentences are about stands in them already.
    fields = [f"{n}={_value(v)}" for n, v in line.about.items() if n not in ("bot", "account", "seq")]
    tail = f" ({' '.join(fields)})" if fields else ""
    return f"{moment(line.ts_ns)[11:19]} {mark}{_cut(line.says)}{tail}\n{_trace(line)}"


def as_journal(line: Line) -> str:
    number = PRIORITIES[line.level]
    fields = " ".join(f"{name}={_value(value)}" for name, value in line.about.items())
    told = f"<{number}>{_cut(line.says)}" + (f" [{fields}]" if fields else "") + "\n"
    return told + "".join(f"<{number}>{row}\n" for row in _trace(line).splitlines())


def moment(ts_ns: int) -> str:
    """UTC to the millisecond, and sortable as text."""
    when = _EPOCH + timedelta(microseconds=ts_ns // 1000)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def _trace(line: Line) -> str:
    return "".join(f"{TRACE_MARK}{clean(row)}\n" for row in line.trace[-TRACE_MAX:].splitlines())


def clean(says: str) -> str:
    return _UGLY.sub(lambda found: found[0].encode("unicode_escape").decode(), says)


def _cut(says: str) -> str:
    return clean(says if len(says) <= SAYS_MAX else says[:SAYS_MAX] + " ...")


def _plain(value: object) -> object:
    return value if isinstance(value, (bool, int)) else clean(str(value))[:SAYS_MAX]


def _value(value: object) -> str:
    said = str(_plain(value))
    return said if _PLAIN.fullmatch(said) else msgspec.json.encode(said).decode()


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def read_line(row: str) -> Line | None:
    """A line of a file in either form; None for what continues the line before it, and for what is none."""
    if row.startswith("{"):
        return _read_json(row)
    found = _TEXT.fullmatch(row.rstrip("\n"))
    if found is None:
        return None
    at, level, program, says, fields = found.groups()
    about = {name: _read_value(value) for name, value in _FIELD.findall(fields or "")}
    ts_ns = _ns(at)
    return None if ts_ns is None else Line(ts_ns, level.strip().lower(), program, says, about)


def _read_json(row: str) -> Line | None:
    try:
        body = msgspec.json.decode(row, type=dict[str, object])
    except msgspec.DecodeError:
        return None
    at, level = body.pop("at", ""), body.pop("level", "")
    program, says, trace = body.pop("program", ""), body.pop("says", ""), body.pop("trace", "")
    ts_ns = _ns(str(at))
    if ts_ns is None or level not in LEVELS:
        return None
    return Line(ts_ns, str(level), str(program), str(says), body, str(trace))


def _read_value(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return msgspec.json.decode(value, type=str)
    except msgspec.DecodeError:
        return value


def _ns(at: str) -> int | None:
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        return None
    if when.tzinfo is None:
        return None
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000
