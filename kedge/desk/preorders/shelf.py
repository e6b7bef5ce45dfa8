"""Preorders as the people's database has them, for whoever runs no Django: the command line and Telegram.

The tables are those of `kedge.desk.web.preorders.models`; the rows are those of REST.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from kedge.client import Refused
from kedge.desk.deeds_people import PreordersAsk
from kedge.desk.preorders.rows import NUMBER_MOST
from kedge.desk.tables.people import PeopleDatabase

NOT_THERE = "the desk's database is not there: it is made when the desk process first runs (kedge up)"

_TABLE, _STAGES = "preorders_preorder", "preorders_preorderstage"
_FIELDS = (
    *("id", "preorder_id", "created_at", "sum_rub", "sum_usd", "sum_btc", "buyer", "location"),
    *("order_date", "finished_at", "product", "product_name", "size", "status", "status_text"),
    *("is_garant", "garant_status"),
)
_SEARCHED = ("buyer", "location", "product", "product_name", "status_text", "garant_status")
_PLACES = {"sum_rub": 2, "sum_usd": 2, "sum_btc": 12, "size": 2}
_TIMES = ("created_at", "order_date", "finished_at")


def find(people: PeopleDatabase, ask: PreordersAsk) -> list[dict[str, Any]]:
    """Blocking. Raises `Refused`, `DatabaseTrouble`."""
    if ask.status not in ("", "open", "closed"):
        raise Refused("preorders: `status` can be open or closed", "usage")
    address = people.address
    if address.kind == "sqlite" and not Path(address.name).exists():  # to look must not make it
        raise Refused(NOT_THERE)
    if not people.has_table(_TABLE):
        raise Refused(NOT_THERE)
    where, values = _where(ask)
    found = people.fetch(
        f"SELECT {', '.join(_FIELDS)} FROM {_TABLE} {where} ORDER BY created_at DESC, preorder_id DESC"
        f" LIMIT {int(ask.limit)} OFFSET {int(ask.offset)}",
        values,
    )
    stages = _stages(people, [row[0] for row in found])
    return [{**_row(row), "stages": stages.get(str(row[0]), [])} for row in found]


def _where(ask: PreordersAsk) -> tuple[str, list[Any]]:
    wanted: list[str] = []
    values: list[Any] = []
    if ask.status:
        wanted.append("status = ?")
        values.append(ask.status)
    if ask.is_garant is not None:
        wanted.append("is_garant" if ask.is_garant else "NOT is_garant")
    if ask.text:
        plain = ask.text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        fits = [f"LOWER({name}) LIKE LOWER(?) ESCAPE '!'" for name in _SEARCHED]
        values += [f"%{plain}%"] * len(_SEARCHED)
        if ask.text.isascii() and ask.text.isdigit() and int(ask.text) <= NUMBER_MOST:
            fits.append("preorder_id = ?")
            values.append(int(ask.text))
        wanted.append(f"({' OR '.join(fits)})")
    return (f"WHERE {' AND '.join(wanted)}" if wanted else ""), values


def _stages(people: PeopleDatabase, ids: Sequence[Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    if not ids:
        return found
    rows = people.fetch(
        f"SELECT preorder_id, status, status_date, comment FROM {_STAGES}"
        f" WHERE preorder_id IN ({', '.join('?' * len(ids))}) ORDER BY status_date, id",
        ids,
    )
    for preorder, status, date, comment in rows:
        line = {"status": status, "status_date": _stamp(date), "comment": comment}
        found.setdefault(str(preorder), []).append(line)
    return found


def _row(values: Sequence[Any]) -> dict[str, Any]:
    row = dict(zip(_FIELDS, values, strict=True))
    row["id"] = str(UUID(str(row["id"])))  # storm-ok: reads an id, makes none
    row["is_garant"] = bool(row["is_garant"])
    row |= {name: _digits(row[name], places) for name, places in _PLACES.items()}
    return row | {name: _stamp(row[name]) for name in _TIMES}


def _digits(value: Any, places: int) -> str | None:
    """SQLite keeps such a number as a float of fifteen digits, as Django reads it too."""
    return None if value is None else f"{Decimal(str(value)).quantize(Decimal(1).scaleb(-places)):f}"


def _stamp(value: Any) -> str | None:
    """Servers give a moment, SQLite its letters; without a zone it is UTC."""
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
