"""A bot's parameters from the command line: `name=value` pairs, typed by what its kind declares.

    kedge bot add hedge-1 hedge market=paper/main:BTC-PERP qty=0.05 then=cross

Values are read by the field's own type, so nobody quotes numbers or writes JSON; lists are `a,b` and whole
structures may still be given as JSON. Every mistake names the field, the fault and the mend.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, inspect

from kedge.bots import BUILT_IN
from kedge.engine.bot import Bot
from kedge.model.exits import Exit, Halt
from kedge.model.forms import Entry, default_word, example, form
from kedge.model.numbers import BadNumber, exact
from kedge.model.sentences import both, mistake, unknown_name

_PATH = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")

_json = msgspec.json.Decoder(float_hook=Decimal)


# ── kinds ───────────────────────────────────────────────────────────────────────────────────────


def find_kind(kind: str, folder: Path) -> type[Bot[Any, Any]]:
    """A built-in kind, or "module:Class" from the bots folder or what is installed. Raises `Halt`."""
    if kind in BUILT_IN:
        return type(BUILT_IN[kind])
    if ":" not in kind:
        says = unknown_name(kind, BUILT_IN, "kind of bot")
        raise Halt(Exit.USAGE, f"{says} (your own is named module:Class)")
    if not _PATH.match(kind):
        raise Halt(Exit.USAGE, f"`{kind}` is no class; write it like my_module:MyBot")
    module_name, _, class_name = kind.partition(":")
    module = _import(module_name, folder)
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Bot)):
        names = [
            n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, Bot) and v is not Bot
        ]
        raise Halt(Exit.USAGE, f"{module_name}: {unknown_name(class_name, names, 'bot class')}")
    missing = [name for name in ("Config", "State") if not hasattr(found, name)]
    if missing:
        raise Halt(Exit.USAGE, f"{kind} must say its {both(missing)}; see docs/how-to/write-a-bot.md")
    return found


def _import(name: str, folder: Path) -> Any:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        where = f" in {folder}" if error.name == name else f" (wanted by {name})"
        raise Halt(Exit.USAGE, f"there is no module {error.name}{where}") from None
    except SyntaxError as error:
        raise Halt(Exit.USAGE, f"{name} is not Python: {error.msg} (line {error.lineno})") from None
    except Exception as error:  # noqa: BLE001  # a person's own file may raise whatever it likes
        raise Halt(
            Exit.USAGE, f"{name} failed while it was imported: {type(error).__name__}: {error}"
        ) from None


# ── pairs ───────────────────────────────────────────────────────────────────────────────────────


def config_from(pairs: Iterable[str], shape: type[Struct], called: str, *, whole: bool) -> dict[str, Any]:
    """The parameters as plain data that `shape` accepts. `whole`: none that is required may be missing."""
    known = {entry.name: entry for entry in form(shape)}
    made: dict[str, Any] = {}
    for pair in pairs:
        name, value = _split(pair, known, called)
        if name in made:
            raise Halt(Exit.USAGE, f"{called}: `{name}` is given twice")
        made[name] = _read(value, known[name], f"{called}: `{name}`")
    if whole:
        _whole(made, known, shape, called)
    return made


def _whole(made: dict[str, Any], known: dict[str, Entry], shape: type[Struct], called: str) -> None:
    missing = [name for name, entry in known.items() if entry.required and name not in made]
    if missing:
        more = f" (and {both(missing[1:])})" if missing[1:] else ""
        add = example(known[missing[0]])
        raise Halt(Exit.USAGE, f"{called}: `{missing[0]}` is missing{more}; add {add}")
    try:
        msgspec.convert(made, shape)
    except msgspec.ValidationError as error:
        raise Halt(Exit.USAGE, mistake(error, shape, called)) from None


def free_from(pairs: Iterable[str], called: str) -> dict[str, Any]:
    """Pairs nobody has declared a type for: numbers are numbers, JSON is JSON, the rest is text."""
    made: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Halt(Exit.USAGE, f"{called}: `{pair}` is no parameter; write name=value")
        made[name] = _guess(value)
    return made


def describe(shape: type[Struct]) -> list[dict[str, Any]]:
    """A kind's parameters for people and programs: name, type, default, meaning."""
    return [
        {
            "name": entry.name,
            "type": entry.type,
            "required": entry.required,
            "default": default_word(entry),
            "help": entry.help,
        }
        for entry in form(shape)
    ]


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _split(pair: str, known: dict[str, Entry], called: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    name = name.removeprefix("--").replace("-", "_")
    if not equals:
        near = f"{name}=..." if name in known else "name=value"
        raise Halt(Exit.USAGE, f"{called}: `{pair}` has no value; write it like {near}")
    if name not in known:
        raise Halt(Exit.USAGE, unknown_name(name, known, "parameter", called))
    return name, value


def _read(value: str, entry: Entry, where: str) -> Any:
    if isinstance(entry.shape, inspect.DecimalType):
        try:
            return str(exact(value))
        except BadNumber as error:
            raise Halt(Exit.USAGE, f"{where}: {error}; {_hint(entry)}") from None
    given: Any = value
    if isinstance(entry.shape, (inspect.ListType, inspect.VarTupleType)) and not value.startswith("["):
        given = [part for part in value.split(",") if part]
    elif not isinstance(entry.shape, (inspect.StrType, inspect.LiteralType, inspect.EnumType)):
        given = _guess(value) if value[:1] in "[{" else value
    try:
        return msgspec.to_builtins(msgspec.convert(given, entry.hint, strict=False))
    except msgspec.ValidationError as error:
        raise Halt(Exit.USAGE, f"{mistake(error, entry.hint, where)}; {_hint(entry)}") from None


def _hint(entry: Entry) -> str:
    return f"write it like {example(entry)}" + (f" [{entry.help}]" if entry.help else "")


def _guess(value: str) -> Any:
    try:
        return _json.decode(value)
    except msgspec.DecodeError:
        return value
