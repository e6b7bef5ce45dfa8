"""The tables in the admin: searched, filtered, sorted and narrowed by year, month and day. Read only."""

from __future__ import annotations

import calendar
import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from kedge.desk.web import project
from kedge.desk.web.adminsite.site import ReadOnly, site
from kedge.desk.web.lists.cells import SECOND_NS, moment
from kedge.desk.web.rowmodels.models import MODELS, PAGELESS
from kedge.journal.rows import TABLES, Table

YEARS_MOST = 50
# Columns with so few values that they are filters; those with a name in them are searched instead.
FILTERS = (
    "side",
    "state",
    "kind",
    "level",
    "verb",
    "phase",
    "via",
    "ok",
    "maker",
    "role",
    "status",
    "enabled",
)


class Days(admin.SimpleListFilter):
    """A date hierarchy over whole nanoseconds: the years there are, then a year's months, a month's days."""

    title = _("time")
    parameter_name = "day"
    time = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        parts = self._parts()
        if len(parts) == 0:
            ends = model_admin.get_queryset(request).aggregate(first=Min(self.time), last=Max(self.time))
            if not ends["last"]:
                return []
            first, last = moment(ends["first"]).year, moment(ends["last"]).year
            return [(f"{year}", f"{year}") for year in range(last, max(first, last - YEARS_MOST) - 1, -1)]
        year = f"{parts[0]:04d}"
        up = [(year, year)] if len(parts) > 1 else []
        if len(parts) == 1:
            return [(year, year), *((f"{year}-{m:02d}", f"{year}-{m:02d}") for m in range(1, 13))]
        month = f"{year}-{parts[1]:02d}"
        days = calendar.monthrange(parts[0], parts[1])[1]
        return [*up, (month, month), *((f"{month}-{d:02d}", f"{month}-{d:02d}") for d in range(1, days + 1))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        parts = self._parts()
        if not parts:
            return queryset
        year, month, day = (*parts, 1, 1)[:3]
        first = datetime.datetime(year, month, day, tzinfo=timezone.get_current_timezone())
        if len(parts) == 1:
            last = first.replace(year=first.year + 1)
        elif len(parts) == 2:
            last = (first + datetime.timedelta(days=32)).replace(day=1)
        else:
            last = (first + datetime.timedelta(hours=30)).replace(hour=0)
        since, until = (int(one.timestamp()) * SECOND_NS for one in (first, last))
        return queryset.filter(**{f"{self.time}__gte": since, f"{self.time}__lt": until})

    def _parts(self) -> tuple[int, ...]:
        """Year, month and day as far as they were chosen; what is no date is nothing."""
        words = (self.value() or "").split("-")[:3]
        if not all(word.isascii() and word.isdigit() and len(word) <= 4 for word in words):
            return ()
        parts = tuple(int(word) for word in words)
        try:
            datetime.date(*(*parts, 1, 1)[:3])
        except ValueError:
            return ()
        return parts if 1971 <= parts[0] <= 9000 else ()


def _shown(column: str, kind: str) -> Callable[[Any], Any]:
    """A column as people read it."""

    @admin.display(description=column.removesuffix("_ns").replace("_", " "), ordering=column)
    def when(row: Any) -> SafeString | str:
        ns = getattr(row, column)
        if not ns:
            return "–"
        here = moment(ns).astimezone(timezone.get_current_timezone())
        shown = f"{here:%Y-%m-%d %H:%M:%S}.{ns % SECOND_NS // 1_000_000:03d}"
        return format_html('<time datetime="{}">{}</time>', here.isoformat(), shown)

    @admin.display(description=column.replace("_", " "), ordering=column)
    def exact(row: Any) -> str:
        odd = json.loads(getattr(row, "exact", "") or "{}")
        return str(odd.get(column, getattr(row, column)))

    @admin.display(description=column.replace("_", " "), ordering=column)
    def cut(row: Any) -> str:
        whole = str(getattr(row, column))
        return whole if len(whole) <= 160 else f"{whole[:160]}…"

    shown = when if column.endswith("_ns") else exact if kind == "decimal" else cut
    shown.__name__ = f"shown_{column}"
    return shown


def _columns(table: Table) -> Iterator[Any]:
    kinds = table.kinds()
    for column in table.columns:
        yield column if kinds[column] == "flag" else _shown(column, kinds[column])


def _admin(name: str, table: Table) -> type[ReadOnly]:
    when = type("When", (Days,), {"time": table.time})
    ordering = ["-" + table.time] if table.sort.startswith("-") else [*table.ties]
    shown = tuple(_columns(table))
    fields = [*shown, *(["exact"] if _has_exact(name) else [])]

    def rows_of(self: Any, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model._default_manager.get_queryset()
        return found.filter(cell=project.context().cell).order_by(*ordering)

    return type(
        f"{name.title().replace('_', '')}Admin",
        (ReadOnly,),
        {
            "list_display": shown,
            "list_display_links": None if name in PAGELESS else (shown[0],),
            "list_filter": (when, *[c for c in table.columns if c in FILTERS]),
            "search_fields": [f"{c}__icontains" for c in table.texts],
            "fields": fields,
            "readonly_fields": fields,
            "get_queryset": rows_of,
            "ordering": ordering,
        },
    )


def _has_exact(name: str) -> bool:
    return any(field.name == "exact" for field in MODELS[name]._meta.get_fields())


for _name, _table in TABLES.items():
    site.register(MODELS[_name], _admin(_name, _table))
