"""A typed struct as people meet it: names, types in words, defaults, meanings.

Bots' parameters, commands' arguments and settings are all described here, so that form, flags and reference
page say the same. The meaning stands beside the field: `Annotated[int, Meta(description="...")]`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_type_hints

import msgspec
from msgspec import Raw, Struct, inspect

from kedge.model.numbers import text

_WORDS: dict[type, str] = {
    inspect.DecimalType: "number",
    inspect.FloatType: "number",
    inspect.IntType: "whole number",
    inspect.BoolType: "true | false",
    inspect.StrType: "text",
    inspect.RawType: "name=value ...",
}


class Entry(Struct, frozen=True):
    """One field of a form."""

    name: str
    type: str  # in words, for people
    help: str
    required: bool
    default: Any
    shape: inspect.Type  # without annotations around it
    hint: Any  # as Python has it, annotations included


def form(struct: type[Struct]) -> list[Entry]:
    """The fields in their order."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    hints = get_type_hints(struct, include_extras=True)
    return [
        Entry(
            name=field.encode_name,
            type=type_word(field.type),
            help=meaning(field.type),
            required=field.required,
            default=_default(field),
            shape=bare(field.type),
            hint=hints[field.name],
        )
        for field in info.fields
    ]


def bare(shape: inspect.Type) -> inspect.Type:
    """Without the annotations around it; an optional thing is that thing."""
    if isinstance(shape, inspect.Metadata):
        return bare(shape.type)
    if isinstance(shape, inspect.UnionType):
        some = [one for one in shape.types if not isinstance(one, inspect.NoneType)]
        return bare(some[0]) if len(some) == 1 else shape
    return shape


def meaning(shape: inspect.Type) -> str:
    """The description, "" where there is none."""
    extra = getattr(shape, "extra_json_schema", None) or {}
    if "description" in extra:
        return str(extra["description"])
    return meaning(shape.type) if isinstance(shape, inspect.Metadata) else ""


def type_word(shape: inspect.Type) -> str:
    plain = bare(shape)
    if isinstance(plain, (inspect.LiteralType, inspect.EnumType)):
        return " | ".join(choices(plain))
    if isinstance(plain, (inspect.ListType, inspect.VarTupleType)):
        return f"list of {type_word(plain.item_type)}"
    return _WORDS.get(type(plain), "structure")


def choices(shape: inspect.Type) -> list[str]:
    """The words that may be written, where only some may."""
    plain = bare(shape)
    if isinstance(plain, inspect.LiteralType):
        return [str(value) for value in plain.values]
    if isinstance(plain, inspect.EnumType):
        return [str(member.value) for member in plain.cls]
    return []


def example(entry: Entry) -> str:
    """What a person could have written: `qty=0.05`."""
    samples: dict[type, str] = {
        inspect.DecimalType: "0.05",
        inspect.IntType: "10",
        inspect.FloatType: "0.5",
        inspect.BoolType: "true",
        inspect.ListType: "a,b",
        inspect.VarTupleType: "a,b",
        inspect.StrType: "paper/main:BTC-PERP" if "account:SYMBOL" in entry.help else "text",
    }
    words = choices(entry.shape)
    return f"{entry.name}={words[0] if words else samples.get(type(entry.shape), '{...}')}"


def default_word(entry: Entry) -> str:
    """The default as a person would write it; "" where it is nothing."""
    value = entry.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return text(value)
    nothing = value is None or isinstance(value, (Struct, Raw, dict, list, tuple))
    return "" if nothing else str(value)


def _default(field: inspect.Field) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None
