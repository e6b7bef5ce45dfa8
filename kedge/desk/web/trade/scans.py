"""Scans as pages: what futures yield, which dividends they imply, and the basis of one asset by expiry.

Everything is asked of the venues when the page is drawn; the page says how old the oldest price is and what
stands behind the prices where no session is on. All pairs are on the page, and the state of a page is in its
address: rate, asset, account, sorting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe
from msgspec import Struct

from kedge.client import DeskAway, Refused
from kedge.desk import markets
from kedge.desk.deeds_markets import ROWS_MAX
from kedge.desk.markets import BasisPoint, Implied, Prices, Scanned
from kedge.desk.scan.dividends import INTEREST_PCT, THRESHOLD_PCT, Dividend
from kedge.desk.scan.quotes import DAY_NS, SECOND_NS, by_asset
from kedge.desk.scan.yields import RATE, Yield, basis
from kedge.desk.web import errors, project
from kedge.desk.web.lists import export
from kedge.desk.web.person import Request, page
from kedge.desk.web.trade import tabs
from kedge.model.instrument import symbol_of
from kedge.model.numbers import text

GIVEN_MOST = 200
# A perpetual that is kept as a future expires in a hundred years: the chart would show nothing else.
DRAWN_NS = 5 * 366 * DAY_NS


class Column(Struct, frozen=True):
    """One of a table that can be sorted: which field it shows, and which it is sorted by."""

    name: str
    label: Any
    number: bool = True


YIELDS = (
    Column("far", _("Far leg"), number=False),
    Column("near", _("Near leg"), number=False),
    Column("side", _("Side"), number=False),
    Column("yearly_pct", _("A year, %")),
    Column("delta", _("Delta")),
    Column("days", _("Days")),
    Column("ratio", _("Ratio")),
    Column("far_price", _("Far price")),
    Column("near_price", _("Near price")),
    Column("margin", _("Margin")),
    Column("profit", _("Profit")),
    Column("funding", _("Funding")),
)
DIVIDENDS = (
    Column("buy", _("Future"), number=False),
    Column("sell", _("Against"), number=False),
    Column("yield_pct", _("Yield, %")),
    Column("dividend", _("Dividend")),
    Column("days", _("Days")),
    Column("ratio", _("Ratio")),
    Column("price", _("Delta")),
    Column("expires_ns", _("Expires")),
)
# Why pairs were left out, in the words of the scan.
LEFT_OUT: dict[str, Any] = {
    "no ratio": _("no ratio"),
    "settled in two moneys": _("settled in two moneys"),
    "no price": _("no price"),
    "cannot be traded that way": _("cannot be traded that way"),
    "expires today": _("expires today"),
    "no contango": _("no contango"),
    "no margin": _("no margin"),
}
SORTS: dict[str, Any] = {
    "share-future": pgettext_lazy("pair", "share and future"),
    "future-future": pgettext_lazy("pair", "two futures"),
    "spot-future": pgettext_lazy("pair", "spot and future"),
    "perpetual-future": pgettext_lazy("pair", "perpetual and future"),
}


# ── yields ──────────────────────────────────────────────────────────────────────────────────────

USUAL_YIELDS = {"rate": text(RATE)}
USUAL_DIVIDENDS = {"rate": text(INTEREST_PCT), "threshold": text(THRESHOLD_PCT)}


@require_safe
@page()
async def scan(request: Request) -> HttpResponse:
    wanted, context = asked(request, USUAL_YIELDS), _begun(request, YIELDS, "yearly_pct")
    context |= {"wanted": wanted, "title": _("Scan"), "file": reverse("scan-csv"), "here": "scan"}
    status = 200
    try:
        found = await _scanned(wanted)
        now = await markets.prices(_read(), wanted["asset"], wanted["account"])
        context |= {
            "found": found,
            "rows": [_pair(row) for row in in_order(found.rows, context["sort"])],
            "left_out": [(LEFT_OUT.get(why, why), count) for why, count in found.left_out.items()],
            "assets": await _assets(wanted, now),
            **_chart(request, found.rows, now),
        }
    except (Refused, DeskAway) as why:
        status = _status(why)
        context |= {"says": str(why), "wrong": status != 200}
    return render(request, "trade/scan.html", context, status=status)


@require_safe
@page()
async def scan_file(request: Request) -> HttpResponseBase:
    try:
        found = await _scanned(asked(request, USUAL_YIELDS))
    except (Refused, DeskAway) as why:
        return errors.refused(request, why)
    rows = in_order(found.rows, sort_of(request, YIELDS, "yearly_pct"))
    return _file("scan", Yield.__struct_fields__, rows)


async def _scanned(wanted: dict[str, str]) -> Scanned:
    return await markets.scanned(_read(), wanted["rate"], wanted["asset"], wanted["account"], ROWS_MAX)


def _pair(row: Yield) -> dict[str, Any]:
    """One line, with the address of the form that starts this very spread."""
    given = {
        "far": row.far,
        "near": row.near,
        "side": row.side,
        "price": text(row.delta),
        "ratio": text(row.ratio),
    }
    start = f"{reverse('task-new', args=['spread'])}?{urlencode(given)}"
    return {"one": row, "sort": SORTS.get(row.sort, row.sort), "start": start}


# ── dividends ───────────────────────────────────────────────────────────────────────────────────


@require_safe
@page()
async def dividends(request: Request) -> HttpResponse:
    wanted, context = asked(request, USUAL_DIVIDENDS), _begun(request, DIVIDENDS, "yield_pct")
    context |= {"wanted": wanted, "title": _("Implied dividends")}
    context |= {"file": reverse("dividends-csv"), "here": "dividends"}
    status = 200
    try:
        found = await _implied(wanted)
        rows = in_order(found.rows, context["sort"])
        context |= {"found": found, "rows": rows, "assets": await markets.assets(_read())}
    except (Refused, DeskAway) as why:
        status = _status(why)
        context |= {"says": str(why), "wrong": status != 200}
    return render(request, "trade/dividends.html", context, status=status)


@require_safe
@page()
async def dividends_file(request: Request) -> HttpResponseBase:
    try:
        found = await _implied(asked(request, USUAL_DIVIDENDS))
    except (Refused, DeskAway) as why:
        return errors.refused(request, why)
    rows = in_order(found.rows, sort_of(request, DIVIDENDS, "yield_pct"))
    return _file("dividends", Dividend.__struct_fields__, rows)


async def _implied(wanted: dict[str, str]) -> Implied:
    asset, account = wanted["asset"], wanted["account"]
    return await markets.implied(_read(), wanted["rate"], wanted["threshold"], asset, account, ROWS_MAX)


# ── the chart ───────────────────────────────────────────────────────────────────────────────────


def _chart(request: Request, rows: Sequence[Yield], now: Prices) -> dict[str, Any]:
    """The basis of one asset by expiry: the one that was chosen, or that of the best pair."""
    dated = by_asset(now.table)
    named = {one.market: asset for asset, some in dated.items() for one in some}
    chosen = request.GET.get("chart", "")[:GIVEN_MOST]
    if chosen not in dated:
        chosen = next((named[row.far] for row in rows if row.far in named), next(iter(dated), ""))
    symbols = {one.instrument.expires_ns: one.market for one in dated.get(chosen, ())}
    found = basis(now.table, chosen, now.now_ns)
    points = [BasisPoint(symbols[at_ns], at_ns, over, over_pct) for at_ns, over, over_pct in found]
    drawn = [
        [one.expires_ns // SECOND_NS, one.over_pct, symbol_of(one.market)]
        for one in points
        if one.expires_ns < now.now_ns + DRAWN_NS
    ]
    return {"chart": chosen, "chart_assets": sorted(dated), "points": points, "drawn": drawn}


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def asked(request: Request, usual: dict[str, str]) -> dict[str, str]:
    """What the page was asked with. An empty rate is the usual one; a wrong one is told by the scan."""
    given = {name: request.GET.get(name, "").strip()[:GIVEN_MOST] for name in (*usual, "asset", "account")}
    return {name: value or usual.get(name, "") for name, value in given.items()}


def sort_of(request: Request, columns: Sequence[Column], usual: str) -> str:
    """A column's name, "-" before it for downwards; the usual one downwards where it is none of ours."""
    given = request.GET.get("sort", "")
    return given if given.removeprefix("-") in [column.name for column in columns] else f"-{usual}"


def in_order(rows: Sequence[Any], sort: str) -> list[Any]:
    name = sort.removeprefix("-")
    return sorted(rows, key=lambda row: getattr(row, name), reverse=sort.startswith("-"))


def _begun(request: Request, columns: Sequence[Column], usual: str) -> dict[str, Any]:
    status = project.context().link.status
    sort = sort_of(request, columns, usual)
    return {
        "sort": sort,
        "heads": [_head(request, column, sort) for column in columns],
        "accounts": [one.account for one in status.accounts] if status else [],
        "siblings": tabs.of_scans(),
        "query": urlencode({name: value for name, value in request.GET.items() if value}),
    }


def _head(request: Request, column: Column, sort: str) -> dict[str, Any]:
    """The address that sorts by it: numbers begin with the most, words with A; then turned round."""
    is_now, down = sort.removeprefix("-") == column.name, sort.startswith("-")
    first = f"-{column.name}" if column.number else column.name
    turned = (column.name if down else f"-{column.name}") if is_now else first
    return {
        "label": column.label,
        "css": "n" if column.number else "",
        "where": f"?{urlencode({**request.GET.dict(), 'sort': turned})}",
        "aria": ("descending" if down else "ascending") if is_now else "",
        "mark": ("▼" if down else "▲") if is_now else "",
    }


async def _assets(wanted: dict[str, str], now: Prices) -> tuple[str, ...]:
    """For the choice: all there are, also while the page is narrowed to one of them."""
    if wanted["asset"] or wanted["account"]:
        return await markets.assets(_read())
    return tuple(sorted(by_asset(now.table)))


def _file(name: str, columns: tuple[str, ...], rows: Sequence[Any]) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(_pieces(columns, iter(rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="kedge-{name}.csv"'
    return answer


async def _pieces(columns: tuple[str, ...], rows: Iterator[Any]) -> AsyncIterator[bytes]:
    for piece in export.pieces(columns, rows):
        yield piece


def _read() -> markets.Read:
    return project.context().link.desk("web").read


def _status(why: Refused | DeskAway) -> int:
    """That there is nothing to scan is an answer; a mistake and an engine that is away are told as such."""
    if isinstance(why, DeskAway):
        return 503
    return 400 if why.fault == "usage" else 200
