"""A person's mistake, told in one sentence: which field, what is wrong, how to mend it.

`msgspec` finds the mistake; this file says it in the words of the person who made it. Every face of the
desk (gate, settings, command line, web) uses the same function, so a mistake reads the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

from kedge.model.forms import bare, choices

# A mistake quotes what was written, but not a book of it.
QUOTE_MAX = 60

_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<field>.*)`$")
_EXPECTED = re.compile(r"^Expected `(?P<want>[^`]*)`(?: (?P<bound>[<>=]+ \S+))?(?:, got `(?P<got>[^`]*)`)?$")
_LENGTH = re.compile(r"^Expected `(?P<want>str|array|object)` of length (?P<bound>[<>=]+ \d+)$")
_PATTERN = re.compile(r"^Expected `str` matching regex (?P<pattern>.*)$")
_ENUM = re.compile(r"^Invalid enum value (?P<value>.*)$")
_WHERE = re.compile(r"^(?P<what>.*?) - at `(?P<where>[^`]*)`$", re.DOTALL)

_THINGS = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of names and values",
    "null": "nothing",
}
_FRACTION = "a number with a fraction"
_WERE = {**_THINGS, "int": "a number", "float": _FRACTION, "decimal": _FRACTION}


def mistake(error: msgspec.DecodeError, within: Any = None, called: str = "") -> str:
    """What a person got wrong, in one sentence without a full stop.

    `within` is the type that was wanted (it gives the known names); `called` is what the whole is called
    where the mistake is not inside a named field ("[limits]", "bot hedge-1").
    """
    if not isinstance(error, msgspec.ValidationError):
        return f"{called or 'this'} cannot be read: {_lower(str(error))}"
    found = _WHERE.match(str(error))
    what, where = (found["what"], found["where"]) if found else (str(error), "$")
    shape = _shape_at(within, where)
    name = _name(where, called)
    if match := _UNKNOWN.match(what):
        return unknown_name(match["field"], _fields(shape), "parameter", name)
    if match := _MISSING.match(what):
        return f"{_in(name)}`{match['field']}` is missing"
    if match := _ENUM.match(what):
        words = choices(shape) if shape is not None else []
        end = f"; it must be {either(words)}" if words else ""
        return f"{_subject(name)} cannot be {match['value'][:QUOTE_MAX]}{end}"
    if match := _EXPECTED.match(what):
        return f"{_subject(name)} must be {_thing(match['want'], match['bound'])}{_was(match['got'])}"
    if match := _LENGTH.match(what):
        unit = "characters" if match["want"] == "str" else "entries"
        return f"{_subject(name)} must have {_bounded(match['bound'])} {unit}"
    if match := _PATTERN.match(what):
        return f"{_subject(name)} must be written like {match['pattern']}"
    if what == "Invalid decimal string":
        return f"{_subject(name)} must be a number, like 0.05"
    return f"{_in(name)}{what}" if where != "$" or called else what


def unknown_name(given: str, known: Iterable[str], sort: str, place: str = "") -> str:
    """`given` is no `sort` we know; the nearest one is suggested, or all are listed."""
    names = list(known)
    said = given[:QUOTE_MAX]
    near = nearest(given, names)
    if near:
        end = f"; did you mean `{near}`?"
    elif names and len(names) <= 16:
        end = f"; there {'are' if names[1:] else 'is'} {', '.join(names)}"
    else:
        end = ""
    return f"{_in(place)}there is no {sort} `{said}`{end}"


def nearest(given: str, known: Iterable[str]) -> str:
    """The known name a person most likely meant; "" when none is near."""
    names = list(known)
    folded = {name.lower().replace("-", "_"): name for name in names}
    close = get_close_matches(given.lower().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def either(choices: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    names = list(choices)
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"


def both(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    some = list(names)
    if len(some) < 2:
        return "".join(some)
    return f"{', '.join(some[:-1])} and {some[-1]}"


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _name(where: str, called: str) -> str:
    path = where.removeprefix("$").removeprefix(".").replace("[...]", "")
    if not path:
        return called
    return f"{called}: `{path}`" if called else f"`{path}`"


def _subject(name: str) -> str:
    return name or "this"


def _in(name: str) -> str:
    return f"{name}: " if name else ""


def _thing(want: str, bound: str | None) -> str:
    parts = [_THINGS.get(part.strip(), part.strip()) for part in want.split("|")]
    thing = either(dict.fromkeys(part for part in parts if part != "nothing"))
    if not bound:
        return thing
    return f"{thing}, {_bounded(bound)}"


def _bounded(bound: str) -> str:
    relation, number = bound.split(" ", 1)
    words = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
    return f"{words.get(relation, relation)} {number}"


def _was(got: str | None) -> str:
    return f", not {_WERE.get(got, got)}" if got else ""


def _lower(text: str) -> str:
    """For the middle of a sentence; names like JSON stay as they are."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _shape_at(within: Any, where: str) -> inspect.Type | None:
    """The type at a msgspec path like `$.accounts[...].limits`."""
    if within is None:
        return None
    shape = inspect.type_info(within)
    for step in re.findall(r"\.([^.\[]+)|(\[[^\]]*\])", where.removeprefix("$")):
        inner = _inside(bare(shape), step[0])
        if inner is None:
            return None
        shape = inner
    return bare(shape)


def _inside(shape: inspect.Type, field: str) -> inspect.Type | None:
    if isinstance(shape, inspect.StructType) and field:
        return next((f.type for f in shape.fields if f.encode_name == field), None)
    if isinstance(shape, inspect.DictType) and not field:
        return shape.value_type
    if isinstance(shape, (inspect.ListType, inspect.VarTupleType)) and not field:
        return shape.item_type
    return None


def _fields(shape: inspect.Type | None) -> list[str]:
    return [field.encode_name for field in shape.fields] if isinstance(shape, inspect.StructType) else []


def not_listed(account: str, symbol: str, listed: Iterable[str]) -> str:
    """That a venue has no such symbol, with the nearest or the first of those it has."""
    known = sorted(listed)
    near = nearest(symbol, known)
    hint = f"did you mean {near}?" if near else f"it lists: {', '.join(known[:20])}"
    return f"{account} does not list {symbol!r}; {hint}"


def words_of(said: str) -> str:
    """A sentence without its numbers: what it says, however far it has gone."""
    return "".join(c for c in said if not c.isdigit())
