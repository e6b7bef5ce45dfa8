"""One preorder as a source tells it, judged before it is kept. Pure.

Sources speak loosely (numbers as text, dates without a zone, empty fields); what comes out of `parse` is
exact and fits the tables, or it is a `BadRow` with one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from kedge.model.sentences import mistake

STAGES_MOST = 200
NUMBER_MOST = 2**63 - 1

# Digits in all, and of those after the point.
MONEY, COIN, SIZE = (12, 2), (16, 12), (8, 2)

_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")

Text30 = Annotated[str, Meta(max_length=30)]
Text60 = Annotated[str, Meta(max_length=60)]
Text100 = Annotated[str, Meta(max_length=100)]


class BadRow(ValueError):
    """A row that cannot be kept; the text is one sentence."""


class StageRow(Struct, frozen=True):
    """A step on a preorder's way."""

    status: Text60
    status_date: datetime | None = None
    comment: Text60 = ""


class PreorderRow(Struct, frozen=True):
    """What a source may tell. What it does not tell stays as it is kept."""

    preorder_id: Annotated[int, Meta(ge=1, le=NUMBER_MOST)]
    sum_rub: Decimal | None = None
    sum_usd: Decimal | None = None
    sum_btc: Decimal | None = None
    buyer: Text30 = ""
    location: Text100 = ""
    order_date: datetime | None = None
    finished_at: datetime | None = None
    product: Text100 = ""
    product_name: Text100 = ""
    size: Decimal | None = None
    status: Literal["open", "closed"] = "open"
    status_text: Text60 = ""
    is_garant: bool = False
    garant_status: Text60 = ""
    stages: Annotated[tuple[StageRow, ...], Meta(max_length=STAGES_MOST)] | None = None


_DIGITS = {"sum_rub": MONEY, "sum_usd": MONEY, "sum_btc": COIN, "size": SIZE}


def parse(raw: object) -> tuple[PreorderRow, tuple[str, ...]]:
    """A row, and the names of the fields that were told. Raises `BadRow`."""
    if isinstance(raw, BadRow):
        raise raw
    if not isinstance(raw, Mapping):
        raise BadRow("a preorder is an object with names and values")
    told = {str(name): _loosely(value) for name, value in raw.items() if value not in ("", None)}
    try:
        row = msgspec.convert(told, PreorderRow, strict=False)
    except msgspec.ValidationError as error:
        raise BadRow(mistake(error, PreorderRow, _called(told))) from None
    for name, (digits, places) in _DIGITS.items():
        _fits(name, getattr(row, name), digits, places, _called(told))
    for text in _texts(row):
        if "\0" in text:
            raise BadRow(f"{_called(told)}: a text has a zero byte in it")
    fields = tuple(name for name in PreorderRow.__struct_fields__ if name in told)
    return _with_zones(row), fields


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _loosely(value: Any) -> Any:
    """Dates may be days; stages may be objects with empty fields."""
    if isinstance(value, str):
        return f"{value}T00:00:00Z" if _DAY.match(value) else value
    if isinstance(value, (list, tuple)):
        return [_loosely(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _loosely(one) for name, one in value.items() if one not in ("", None)}
    return str(value) if isinstance(value, float) else value


def _fits(name: str, value: Decimal | None, digits: int, places: int, called: str) -> None:
    if value is None:
        return
    if not value.is_finite():
        raise BadRow(f"{called}: `{name}` is not a number")
    if value < 0:
        raise BadRow(f"{called}: `{name}` must not be below zero")
    if abs(value) >= Decimal(10) ** (digits - places):
        raise BadRow(
            f"{called}: `{name}` is too large; it has {digits - places} digits before the point at most"
        )
    if value != value.quantize(Decimal(1).scaleb(-places)):
        raise BadRow(f"{called}: `{name}` has more than {places} digits after the point")


def _called(told: Mapping[str, Any]) -> str:
    number = told.get("preorder_id")
    return f"preorder {str(number)[:20]}" if number is not None else "a preorder"


def _texts(row: PreorderRow) -> list[str]:
    own = [value for name in row.__struct_fields__ if isinstance(value := getattr(row, name), str)]
    return own + [text for stage in row.stages or () for text in (stage.status, stage.comment)]


def _with_zones(row: PreorderRow) -> PreorderRow:
    """A time without a zone is UTC."""
    stages = row.stages and tuple(
        msgspec.structs.replace(stage, status_date=_zoned(stage.status_date)) for stage in row.stages
    )
    return msgspec.structs.replace(
        row, order_date=_zoned(row.order_date), finished_at=_zoned(row.finished_at), stages=stages
    )


def _zoned(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
