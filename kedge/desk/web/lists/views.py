"""A list as a page, as a file, and how many rows are new since it was drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from kedge.desk.commands import ROLES
from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.web import errors, project
from kedge.desk.web.lists import asking, cells, export
from kedge.desk.web.lists.asking import COUNTED, NONE, ROWS, SPANS, Asked
from kedge.desk.web.lists.listings import LISTS, Listing
from kedge.desk.web.lists.siblings import siblings
from kedge.desk.web.models import Profile
from kedge.desk.web.person import Request, known, page
from kedge.journal.rows import Ask

# Files that are being made at once: each holds a thread and a reader of the database.
EXPORTS_MAX = 4
_exports: list[Stream] = []

DEFAULTS = {"rows": "", "page": "", "after": "", "at": ""}


# ── the page ────────────────────────────────────────────────────────────────────────────────────


@require_safe
@page()
def listing(request: Request, name: str) -> HttpResponse:
    one = LISTS[name]
    if refusal := refused(request, one):
        return refusal
    context: dict[str, Any] = {"list": one, "says": "", "siblings": siblings(name)}
    status = 200
    try:
        asked = asking.read(one, request.GET.dict(), _usual_rows(request), project.context().clock())
        found = _source(one).find(one.table, asked.ask, after=asked.after)
        context |= _drawn(request, one, asked, found)
    except ValueError as wrong:
        context |= {"says": str(wrong), "form": form(one, request), "rows": []}
        status = 400
    except DatabaseTrouble as trouble:
        return troubled(request, trouble)
    return render(request, "lists/list.html", context, status=status)


def _drawn(request: Request, one: Listing, asked: Asked, found: Any) -> dict[str, Any]:
    last = asked.at + len(found.rows) - 1
    return {
        "asked": asked,
        "form": form(one, request),
        "heads": heads(one, asked, request),
        "rows": drawn(one, found.rows),
        "total": total(asked, found, last),
        "pages": pages(request, asked, found, last),
        "filtered": asked.filtered,
        "searched_all": getattr(found, "searched_all", True),
        "news": _news(request, one, asked, found),
        "exported": f"csv/?{_query(request, **DEFAULTS)}",
        "state": _source(one).state,
    }


def drawn(one: Listing, rows: Any) -> list[SafeString]:
    """The rows of a table as HTML."""
    first, others = one.columns[0], one.columns[1:]
    labels = {column.name: str(escape(column.label)) for column in others}
    return [
        cells.safe(
            [
                cells.head_cell(first.kind, row, first.name),
                *[cells.cell(column.kind, row, column.name, labels[column.name]) for column in others],
            ]
        )
        for row in rows
    ]


def heads(one: Listing, asked: Asked, request: Request) -> list[dict[str, Any]]:
    """The heads of the columns, each with the address that sorts by it."""
    now = asked.ask.sort or ""
    made = []
    for column in one.columns:
        sort = one.sort_of(column.name)
        is_now = bool(sort) and now.removeprefix("-") == sort
        down = is_now and now.startswith("-")
        turned = sort if down else f"-{sort}" if is_now else _first_way(one, sort)
        made.append(
            {
                "label": column.label,
                "css": cells.KINDS[column.kind].css,
                "where": f"?{_query(request, sort=turned, page='', after='', at='')}" if sort else "",
                "aria": ("descending" if down else "ascending") if is_now else "",
                "mark": ("▼" if down else "▲") if is_now else "",
            }
        )
    return made


def _first_way(one: Listing, sort: str) -> str:
    """Times and amounts begin with the most; words with A."""
    column = one.shape.sorts.get(sort, "")
    kind = one.shape.kinds().get(column, "name")
    return f"-{sort}" if kind in ("int", "decimal") else sort


def total(asked: Asked, found: Any, last: int) -> str:
    """Which rows of how many."""
    if not found.rows:
        return _("nothing") if found.total == 0 else _("no more rows")
    here = f"{asked.at:,}–{last:,}"
    if found.total_is_exact:
        said = ngettext("%(here)s of %(n)s row", "%(here)s of %(n)s rows", found.total)
        return said % {"here": here, "n": f"{found.total:,}"}
    return _("%(here)s of more than %(n)s") % {"here": here, "n": f"{COUNTED:,}"}


def pages(request: Request, asked: Asked, found: Any, last: int) -> dict[str, str]:
    """Addresses of the neighbouring pages; a missing one is "". Numbered as far as rows are counted."""
    numbered = asked.page and asked.page * asked.rows <= COUNTED
    following = ""
    if found.next:
        where = {"page": asked.page + 1} if numbered else {"after": found.next, "at": last + 1}
        following = _query(request, **(DEFAULTS | {"rows": asked.rows} | where))
    before = _query(request, **(DEFAULTS | {"page": asked.page - 1})) if asked.page > 1 else ""
    first = _query(request, **DEFAULTS) if asked.page != 1 else ""
    ends = -(-found.total // asked.rows)
    last_page = ""
    if found.total_is_exact and asked.page and ends > asked.page:
        last_page = _query(request, **(DEFAULTS | {"page": ends}))
    return {
        "first": f"?{first}" if asked.page != 1 else "",
        "before": f"?{before}" if before else "",
        "next": f"?{following}" if following else "",
        "last": f"?{last_page}" if last_page else "",
    }


def form(one: Listing, request: Request) -> dict[str, Any]:
    """The filters with what was given, and what may be chosen."""
    status = project.context().link.status
    accounts = [account.account for account in status.accounts] if status else []
    markets = [market.market for account in status.accounts for market in account.markets] if status else []
    suggested = {"bot": [bot.bot for bot in status.bots] if status else [], "account": accounts}
    suggested["market"] = markets
    labels = {
        "bot": _("Bot"),
        "account": _("Account"),
        "market": _("Market"),
        "client_id": _("Order"),
        "state": _("State"),
        "level": _("Level"),
        "kind": _("Kind"),
        "side": _("Side"),
        "actor": _("Who"),
        "via": _("By"),
    }
    fields = [
        {
            "name": name,
            "label": labels.get(name, name),
            "value": request.GET.get(name, ""),
            "choices": one.choices(name),
            "suggested": suggested.get(name, []),
        }
        for name in one.filters
    ]
    chosen = {name: request.GET.get(name, "") for name in ("q", "span", "from", "to", "sort")}
    sort = chosen["sort"] or one.sort or one.shape.sort
    given = [name for name in (*one.filters, "q", "span", "from", "to") if request.GET.get(name)]
    return {
        "fields": fields,
        "spans": SPANS.items(),
        "rows": ROWS,
        "rows_now": _usual_rows(request),
        "none": NONE,
        "given": len(given),
        "q": chosen["q"],
        "span": chosen["span"],
        "since": chosen["from"],
        "until": chosen["to"],
        "sort": sort,
    }


def _usual_rows(request: Request) -> int:
    """The person's own choice; one that came with the address is kept for the next time."""
    profile = request.profile
    usual = profile.rows if profile else asking.ROWS_USUAL
    given = request.GET.get("rows", "")
    if profile and given.isdigit() and int(given[:6]) in ROWS and int(given) != usual:
        Profile.objects.filter(pk=profile.pk).update(rows=int(given))
        profile.rows = usual = int(given)
    return usual


# ── what is new ─────────────────────────────────────────────────────────────────────────────────


@require_safe
@page()
def news(request: Request, name: str) -> HttpResponse:
    """How many rows of this filter came or changed since the page was drawn: a number for its script."""
    one = LISTS[name]
    if refusal := refused(request, one):
        return refusal
    since = request.GET.get("since", "")
    if not (since.isascii() and since.isdigit() and len(since) < 20):
        return JsonResponse({"new": 0}, status=400)
    try:
        asked = asking.read(one, request.GET.dict(), ROWS[0], project.context().clock())
        newer = max(int(since) + 1, asked.ask.since_ns or 0)
        count, exact = _source(one).count(one.table, _since(asked.ask, newer))
    except ValueError:
        return JsonResponse({"new": 0}, status=400)
    except DatabaseTrouble:
        return JsonResponse({"new": 0, "away": True}, status=503)
    said = ngettext("%(n)s new row", "%(n)s new rows", count) % {"n": f"{count:,}{'' if exact else '+'}"}
    return JsonResponse({"new": count, "says": said if count else ""})


def _since(ask: Ask, since_ns: int) -> Ask:
    return msgspec.structs.replace(ask, since_ns=since_ns, sort=None, offset=0)


def _news(request: Request, one: Listing, asked: Asked, found: Any) -> str:
    """Where the page's script asks; "" where new rows cannot come (a time that has ended)."""
    if asked.ask.until_ns is not None:
        return ""
    time = one.shape.time
    on_top = asked.page == 1 and (asked.ask.sort or "") == "-time" and bool(found.rows)
    # What was written after the newest row that is seen; else after the tables were written last.
    newest = getattr(found.rows[0], time) if on_top else _source(one).state.told_ns
    return f"new/?{_query(request, since=newest, **DEFAULTS)}"


# ── the file ────────────────────────────────────────────────────────────────────────────────────


@require_safe
@page()
async def exported(request: Request, name: str) -> HttpResponseBase:
    one = LISTS[name]
    if refusal := refused(request, one):
        return refusal
    if len(_exports) >= EXPORTS_MAX:
        return errors.told(
            request, 429, _("Too many files at once"), _("Wait until one of the others is done.")
        )
    try:
        asked = asking.read(one, request.GET.dict(), ROWS[0], project.context().clock())
        rows = iter(_source(one).each(one.table, asking.unlimited(asked)))
        stream = Stream(export.pieces(one.shape.columns, rows))
        await stream.begin()
    except ValueError as wrong:
        return errors.told(request, 400, _("That cannot be asked"), str(wrong))
    except DatabaseTrouble as trouble:
        return troubled(request, trouble)
    answer = StreamingHttpResponse(stream, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="kedge-{one.name}.csv"'
    answer["X-Accel-Buffering"] = "no"
    return answer


class Stream:
    """Pieces made in a thread, one at a time, as fast as the browser takes them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._first: bytes | None = None

    async def begin(self) -> None:
        """Make the first piece, so that what cannot be read is told as a page and not as half a file."""
        _exports.append(self)
        try:
            self._first = await asyncio.to_thread(next, self._pieces, b"")
        except BaseException:
            self.close()
            raise

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        piece, self._first = self._first, None
        if piece is None:
            piece = await asyncio.to_thread(next, self._pieces, b"")
        if not piece:
            self.close()
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """Django calls it too, when the browser has gone."""
        if self in _exports:
            _exports.remove(self)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def troubled(request: Request, trouble: DatabaseTrouble) -> HttpResponse:
    says = _("%(why)s Trading goes on; try again in a moment.") % {"why": f"{str(trouble).rstrip('.')}."}
    return errors.told(request, 503, _("The tables do not answer"), says)


# Lists whose rows are not in the tables, with what answers for them.
SOURCES: dict[str, Any] = {}


def _source(one: Listing) -> Any:
    if one.table in SOURCES:
        return SOURCES[one.table]
    tables = project.context().tables
    if tables is None:
        raise DatabaseTrouble("the tables are not open yet")
    return tables


def refused(request: Request, one: Listing) -> HttpResponse | None:
    held = known(request).role
    return errors.forbidden(request, one.role) if ROLES.index(held) < ROLES.index(one.role) else None


def _query(request: Request, **changes: Any) -> str:
    """The page's parameters with some changed; an empty one is left out."""
    given = {**request.GET.dict(), **{name: str(value) for name, value in changes.items()}}
    return urlencode({name: value for name, value in given.items() if value})
