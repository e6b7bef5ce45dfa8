"""A bot's parameters from the command line: `name=value` pairs, typed by what its kind declares.

    kedge bot add hedge-1 hedge market=paper/main:BTC-PERP qty=0.05 then=cross

Values are read by the field's own type, so nobody quotes numbers or writes JSON; lists are `a,b` and whole
structures may still be given as JSON. Every mistake names the field, the fault and the mend.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, inspect

from kedge.engine.bot import Bot
from kedge.model.exits import Exit, Halt
from kedge.model.forms import Entry, default_word, example, form
from kedge.model.numbers import BadNumber, exact
from kedge.model.sentences import both, mistake, unknown_name
from kedge.runtime import kinds

_json = msgspec.json.Decoder(float_hook=Decimal)


# ── kinds ───────────────────────────────────────────────────────────────────────────────────────


def find_kind(kind: str, folder: Path) -> type[Bot[Any, Any]]:
    """A built-in kind, or "module:Class" from the bots folder or what is installed. Raises `Halt`."""
    try:
        return kinds.find(kind, folder)
    except kinds.NoKind as wrong:
        raise Halt(Exit.USAGE, str(wrong)) from None


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
