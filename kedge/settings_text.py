"""Settings as text: those in force, the template for a new file, the reference page.

All three are made from the structs and their descriptions, so none can say what is not so.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from kedge.model.forms import Entry, default_word, form
from kedge.model.limits import Limits
from kedge.model.numbers import text
from kedge.settings import AccountSettings, Settings

_ACCOUNT = 'accounts."paper/main"'

_HEAD = """\
# Settings of a Kedge desk. Everything here is optional: what is left out has the value shown.
# Check with: kedge settings show. Secrets do not belong here; see secrets.toml in the same folder.
"""


def as_toml(settings: Settings) -> str:
    """The settings in force as a file that would give the same settings."""
    return "\n".join(_section(settings, "")).lstrip("\n") + "\n"


def template() -> str:
    """A file with every setting explained and commented out."""
    lines = [_HEAD]
    for name, struct in sections():
        lines += [f"[{name}]", *(f"# {line}" for line in (_doc(struct),) if line)]
        for entry in _values(struct):
            lines += [f"# {entry.help}", f"#{entry.name} = {_toml(entry.default)}"]
        lines.append("")
    return "\n".join(lines)


def reference() -> str:
    """The generated part of `docs/reference/settings.md`."""
    lines: list[str] = []
    for name, struct in sections():
        lines += [f"### [{name}]", "", _doc(struct), ""]
        lines += ["| name | type | default | meaning |", "|---|---|---|---|"]
        for entry in _values(struct):
            kind = entry.type.replace("|", "\\|")
            default = default_word(entry)
            lines.append(f"| `{entry.name}` | {kind} | {f'`{default}`' if default else ''} | {entry.help} |")
        lines.append("")
    return "\n".join(lines)


def sections() -> list[tuple[str, type[Struct]]]:
    """Every section a file may have, with its struct."""
    made: list[tuple[str, type[Struct]]] = []
    for entry in form(Settings):
        if entry.name == "accounts":
            made += [(_ACCOUNT, AccountSettings), (f"{_ACCOUNT}.limits", Limits)]
            continue
        made.append((entry.name, type(entry.default)))
        if entry.name == "limits":
            made.append(("limits.bot", Limits))
    return made


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _values(struct: type[Struct]) -> list[Entry]:
    return [entry for entry in form(struct) if not _is_table(entry.name, entry.default)]


def _doc(struct: type[Struct]) -> str:
    if struct is Limits:
        return "The same six limits, for this scope. 0 means no limit."
    return (struct.__doc__ or "").strip()


def _section(struct: Struct, name: str) -> Iterator[str]:
    tables: list[tuple[str, Any]] = []
    plain: list[str] = []
    for key in struct.__struct_fields__:
        value = getattr(struct, key)
        if _is_table(key, value):
            tables.append((key, value))
        else:
            plain.append(f"{key} = {_toml(value)}")
    if plain:
        yield from ("", f"[{name}]", *plain)
    for key, value in tables:
        path = f"{name}.{key}" if name else key
        if isinstance(value, dict):
            for inner, one in value.items():
                yield from _section(one, f'{path}."{inner}"')
        else:
            yield from _section(value, path)


def _is_table(key: str, value: object) -> bool:
    """Whether it has a section of its own; other tables are written in one line."""
    return isinstance(value, Struct) or key == "accounts"


def _toml(value: Any) -> str:
    if isinstance(value, Struct):
        return _toml({name: getattr(value, name) for name in value.__struct_fields__})
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    return msgspec.json.encode(value).decode()
