"""A bot's parameters as people write them: text by name, typed by what its kind declares.

    market=paper/main:BTC-PERP qty=0.05 then=cross          the command line, Telegram
    {"market": "paper/main:BTC-PERP", "qty": "0.05"}        a form on a page

Values are read by the field's own type, so nobody quotes numbers or writes JSON; lists are `a,b` and whole
structures may still be given as JSON. Every mistake names the field, the fault and the mend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, inspect

from kedge.model.forms import Entry, example, form
from kedge.model.numbers import BadNumber, exact
from kedge.model.sentences import both, mistake, unknown_name

_json = msgspec.json.Decoder(float_hook=Decimal)


class ParamWrong(ValueError):
    """A parameter cannot be used; the text is one sentence. `field` is its name, "" for the whole."""

    def __init__(self, says: str, field: str = "") -> None:
        super().__init__(says)
        self.field = field


def config_from(pairs: Iterable[str], shape: type[Struct], called: str, *, whole: bool) -> dict[str, Any]:
    """From `name=value` pairs. `whole`: none that is required may be missing. Raises `ParamWrong`."""
    known = {entry.name: entry for entry in form(shape)}
    given: dict[str, str] = {}
    for pair in pairs:
        name, value = _split(pair, known, called)
        if name in given:
            raise ParamWrong(f"{called}: `{name}` is given twice", name)
        given[name] = value
    return values_from(given, shape, called, whole=whole)


def values_from(given: Mapping[str, str], shape: type[Struct], called: str, *, whole: bool) -> dict[str, Any]:
    """The parameters as plain data that `shape` accepts. Raises `ParamWrong`."""
    known = {entry.name: entry for entry in form(shape)}
    for name in given:
        if name not in known:
            raise ParamWrong(unknown_name(name, known, "parameter", called), name)
    made = {name: _read(value, known[name], f"{called}: `{name}`") for name, value in given.items()}
    if whole:
        _whole(made, known, shape, called)
    return made


def free_from(pairs: Iterable[str], called: str) -> dict[str, Any]:
    """Pairs nobody has declared a type for: numbers are numbers, JSON is JSON, the rest is text."""
    made: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ParamWrong(f"{called}: `{pair}` is no parameter; write name=value")
        made[name] = _guess(value)
    return made


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _whole(made: dict[str, Any], known: dict[str, Entry], shape: type[Struct], called: str) -> None:
    missing = [name for name, entry in known.items() if entry.required and name not in made]
    if missing:
        more = f" (and {both(missing[1:])})" if missing[1:] else ""
        add = example(known[missing[0]])
        raise ParamWrong(f"{called}: `{missing[0]}` is missing{more}; add {add}", missing[0])
    try:
        msgspec.convert(made, shape)
    except msgspec.ValidationError as error:
        raise ParamWrong(mistake(error, shape, called)) from None


def _split(pair: str, known: dict[str, Entry], called: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    name = name.removeprefix("--").replace("-", "_")
    if not equals:
        near = f"{name}=..." if name in known else "name=value"
        raise ParamWrong(f"{called}: `{pair}` has no value; write it like {near}", name)
    if name not in known:
        raise ParamWrong(unknown_name(name, known, "parameter", called), name)
    return name, value


def _read(value: str, entry: Entry, where: str) -> Any:
    if isinstance(entry.shape, inspect.DecimalType):
        try:
            return str(exact(value))
        except BadNumber as error:
            raise ParamWrong(f"{where}: {error}; {_hint(entry)}", entry.name) from None
    given: Any = value
    if isinstance(entry.shape, (inspect.ListType, inspect.VarTupleType)) and not value.startswith("["):
        given = [part for part in value.split(",") if part]
    elif not isinstance(entry.shape, (inspect.StrType, inspect.LiteralType, inspect.EnumType)):
        given = _guess(value) if value[:1] in "[{" else value
    try:
        return msgspec.to_builtins(msgspec.convert(given, entry.hint, strict=False))
    except msgspec.ValidationError as error:
        raise ParamWrong(f"{mistake(error, entry.hint, where)}; {_hint(entry)}", entry.name) from None


def _hint(entry: Entry) -> str:
    return f"write it like {example(entry)}" + (f" [{entry.help}]" if entry.help else "")


def _guess(value: str) -> Any:
    try:
        return _json.decode(value)
    except msgspec.DecodeError:
        return value
