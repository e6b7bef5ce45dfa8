"""The generated part of `docs/reference/cli.md`: every command with its options, and the exit codes."""

from __future__ import annotations

from cyclopts import App

from kedge.cli import make_app
from kedge.model.exits import MEANINGS


def reference() -> str:
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
