"""One unmanaged model for each table, made from its description, so that the two cannot differ.

A table's key begins with the cell and may have several columns, while the admin wants one: where the row has
a number or a name of its own, that is it; where it has none, a row has no page (`PAGELESS`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kedge.journal.row_store import read_decimal
from kedge.journal.rows import TABLES, ColumnKind, Table
from kedge.model.numbers import text

NAMES: dict[str, tuple[str, Any, Any]] = {
    "orders": ("Order", _("order"), _("orders")),
    "fills": ("Fill", _("fill"), _("fills")),
    "positions": ("Position", _("position"), _("positions")),
    "position_minutes": ("PositionMinute", _("position by minute"), _("positions by minute")),
    "decisions": ("DecisionMade", _("decision"), _("decisions")),
    "notes": ("Note", _("note"), _("notes")),
    "commands": ("CommandTaken", _("command"), _("commands")),
    "cash": ("CashMoved", _("movement of cash"), _("movements of cash")),
    "bots": ("BotKnown", _("bot"), _("bots")),
    "story": ("StoryLine", _("line of the story"), _("story")),
    "instruments": ("InstrumentKnown", _("instrument"), _("instruments")),
    "lists": ("ListKept", _("list"), _("lists")),
    "schedules": ("ScheduleKnown", _("schedule"), _("schedules")),
    "schedule_runs": ("ScheduleRun", _("run of a schedule"), _("runs of schedules")),
    "days": ("Day", _("day"), _("days")),
}
# The column by which one row is known, where it is not the only one of the table's key.
OWN_KEY = {"fills": "seq", "cash": "seq"}


class ExactField(models.Field):  # type: ignore[type-arg]
    """A decimal as plain digits, whatever the database makes of it."""

    def from_db_value(self, value: Any, *_more: object) -> str | None:
        return None if value is None else text(Decimal(read_decimal(value)))


class JsonText(models.TextField):  # type: ignore[type-arg]
    """An object, as its text."""


def _key_of(name: str, table: Table) -> str:
    return OWN_KEY.get(name) or table.keys[0]


PAGELESS = tuple(name for name, table in TABLES.items() if len(table.keys) > 1 and name not in OWN_KEY)


def _field(kind: ColumnKind, is_key: bool) -> models.Field[Any, Any]:
    made: dict[ColumnKind, Any] = {
        "name": lambda: models.CharField(max_length=190, primary_key=is_key),
        "text": lambda: models.TextField(primary_key=is_key),
        "json": lambda: JsonText(),
        "int": lambda: models.BigIntegerField(primary_key=is_key),
        "flag": lambda: models.BooleanField(),
        "decimal": lambda: ExactField(),
    }
    field: models.Field[Any, Any] = made[kind]()
    return field


def _model(name: str, table: Table) -> type[models.Model]:
    class_name, one, many = NAMES[name]
    kinds = {column: kind for column, kind in table.kinds().items() if column in table.columns}
    key = _key_of(name, table)
    fields: dict[str, Any] = {
        column: _field(kind, column == key) for column, kind in kinds.items() if not column.startswith("_")
    }
    if "decimal" in table.kinds().values() and "postgresql" not in settings.DATABASES["rows"]["ENGINE"]:
        fields["exact"] = JsonText()
    meta = type(
        "Meta",
        (),
        {
            "managed": False,
            "app_label": "rows",
            "db_table": name,
            "verbose_name": one,
            "verbose_name_plural": many,
            "default_permissions": ("view",),
        },
    )
    told = {"__module__": __name__, "__str__": lambda row: str(row.pk), "Meta": meta}
    cell = models.CharField(max_length=64)
    return type(class_name, (models.Model,), {"cell": cell, **fields, **told})


MODELS: dict[str, type[models.Model]] = {name: _model(name, table) for name, table in TABLES.items()}
