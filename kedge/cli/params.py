"""A bot's parameters from the command line: `name=value` pairs, typed by what its kind declares.

    kedge bot add hedge-1 hedge market=paper/main:BTC-PERP qty=0.05 then=cross

They are read by `desk/params.py`, as everywhere; here a mistake becomes an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from kedge import kinds
from kedge.desk import params
from kedge.desk.params import ParamWrong
from kedge.engine.bot import Bot
from kedge.model.exits import Exit, Halt
from kedge.model.forms import default_word, form


def find_kind(kind: str, folder: Path) -> type[Bot[Any, Any]]:
    """A built-in kind, or "module:Class" from the bots folder or what is installed. Raises `Halt`."""
    try:
        return kinds.find(kind, folder)
    except kinds.NoKind as wrong:
        raise Halt(Exit.USAGE, str(wrong)) from None


def config_from(pairs: Iterable[str], shape: type[Struct], called: str, *, whole: bool) -> dict[str, Any]:
    """The parameters as plain data that `shape` accepts. `whole`: none that is required may be missing."""
    try:
        return params.config_from(pairs, shape, called, whole=whole)
    except ParamWrong as wrong:
        raise Halt(Exit.USAGE, str(wrong)) from None


def free_from(pairs: Iterable[str], called: str) -> dict[str, Any]:
    """Pairs nobody has declared a type for: numbers are numbers, JSON is JSON, the rest is text."""
    try:
        return params.free_from(pairs, called)
    except ParamWrong as wrong:
        raise Halt(Exit.USAGE, str(wrong)) from None


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
