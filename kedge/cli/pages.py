"""The generated parts of the reference pages of the command line and the gate."""

from __future__ import annotations

from cyclopts import App
from msgspec import Raw

from kedge.cli.app import make_app
from kedge.model import frames
from kedge.model.events import Tick
from kedge.model.exits import MEANINGS
from kedge.model.forms import form
from kedge.model.records import Entry, Noted


def cli_page() -> str:
    """The generated part of `docs/reference/cli.md`: every command, and the exit codes."""
    lines = ["### Exit codes", "", "| code | name | meaning |", "|---|---|---|"]
    lines += [f"| {int(code)} | {code.name.lower()} | {meaning} |" for code, meaning in MEANINGS.items()]
    lines += ["| 130 | | stopped with Ctrl-C |", "", "### Commands", ""]
    lines += ["| command | what it does |", "|---|---|"]
    lines += [f"| `kedge {name}` | {help} |" for name, help in _commands(make_app(), "")]
    return "\n".join(lines) + "\n"


def _commands(app: App, before: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in sorted(app):
        if name.startswith("-"):
            continue
        inner = app[name]
        below = _commands(inner, f"{before}{name} ")
        first = (inner.help or "").strip().split("\n")[0]
        found += below or [(f"{before}{name}", first)]
    return found


_TAKEN = (
    b'{"command_id":"9f1c6e0f4ad54a53","actor":"ann","via":"python","verb":"desk.kill","args":{},"ok":true,'
    b'"says":"the kill switch is on"}'
)

# One of each, in the order of a conversation.
EXAMPLES: tuple[frames.Frame, ...] = (
    frames.Hello(frames.PROTOCOL, "python"),
    frames.Welcome(frames.PROTOCOL, "main", "0.1.0", "ann", requests_max=16, streams_max=8),
    frames.Do(1, "9f1c6e0f4ad54a53", "desk.kill", Raw(b'{"why":"lunch"}')),
    frames.Answer(1, Raw(_TAKEN)),
    frames.Status(2),
    frames.Read(3, "orders", {"bot": "hedge-1", "state": "open"}),
    frames.Failed(3, "usage", "orders cannot be sorted by 'colour'"),
    frames.Tail(4, 1200),
    frames.Line(4, Entry(1201, 1_760_000_000_000_000_000, Noted("info", "closing 0.05", bot="hedge-1"))),
    frames.Tap(5, ("Tick",)),
    frames.Seen(5, Tick()),
    frames.Stop(6, 5),
    frames.Ended(5, "stopped as asked"),
    frames.Ping(7),
    frames.Dropped("you read too slowly: 4096 lines waited for 5 s"),
)


def gate_page() -> str:
    """The generated part of `docs/reference/gate.md`: every frame, with an example."""
    bounds = {
        "protocol": frames.PROTOCOL,
        "longest line the desk takes": f"{frames.REQUEST_BYTES_MAX >> 10} KB",
        "longest line it sends": f"{frames.LINE_BYTES_MAX >> 20} MB",
    }
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in bounds.items()), ""]
    requests = {shape.__name__ for shape in frames.Request.__args__} | {"Hello"}
    for frame in EXAMPLES:
        kind = type(frame)
        who = "caller" if kind.__name__ in requests else "desk"
        lines += [f"### {kind.__name__} ({who})", ""]
        doc = " ".join((kind.__doc__ or "").split())
        if doc:
            lines += [doc, ""]
        fields = [f"`{entry.name}`{'' if entry.required else ' (optional)'}" for entry in form(kind)]
        lines += [
            f"Fields: {', '.join(fields)}.",
            "",
            "```json",
            frames.pack(frame).decode().strip(),
            "```",
            "",
        ]
    return "\n".join(lines)
