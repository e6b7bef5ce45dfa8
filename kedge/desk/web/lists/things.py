"""One thing at a time: an order with its story, an instrument, a record of the journal as it was written."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from msgspec import Struct

from kedge.client import DeskAway, Refused
from kedge.desk import screens
from kedge.desk.commands import BY_NAME
from kedge.desk.markets import quoted
from kedge.desk.screens import plain
from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.web import project
from kedge.desk.web.lists import cells
from kedge.desk.web.lists.listings import LISTS
from kedge.desk.web.lists.views import drawn, troubled
from kedge.desk.web.person import Request, known, page
from kedge.journal.rows import Ask
from kedge.model import records
from kedge.model.instrument import account_of, symbol_of
from kedge.model.looks import MarketLook, QuoteLook

STORY = 500
BESIDE = 20
# The gate answers a request for one record at once, or something is wrong with it.
RECORD_S = 10.0
# A venue that is slow to tell a price does not hold up the page.
QUOTE_S = 4.0
SEQ_MOST = 2**62


@require_safe
@page()
def order(request: Request, client_id: str) -> HttpResponse:
    tables = project.context().tables
    try:
        row = tables.one("orders", client_id)
        if row is None:
            raise Http404(client_id)
        fills = tables.find("fills", Ask(client_id=client_id, sort="time", limit=200))
        decisions = tables.find("decisions", Ask(client_id=client_id, sort="time", limit=200))
        story = tables.story(client_id, limit=STORY)
    except DatabaseTrouble as trouble:
        return troubled(request, trouble)
    context = {
        "row": row,
        "shown_id": screens.order_id(row.client_id).plain,
        "facts": facts("orders", row),
        "fills": part("fills", fills, without=("client_id", "bot", "market", "slot")),
        "decisions": part("decisions", decisions, without=("client_id", "bot", "market", "slot")),
        "story": story,
        "may_resolve": row.state == "unknown" and known(request).may(BY_NAME["resolve"]),
    }
    return render(request, "lists/order.html", context)


@require_safe
@page()
async def instrument(request: Request, market: str) -> HttpResponse:
    try:
        context = await sync_to_async(_of_instrument)(market)
    except DatabaseTrouble as trouble:
        return troubled(request, trouble)
    look = look_of(market)
    context |= {"look": look, "quote": None if look else await _quote(market)}
    return await sync_to_async(render)(request, "lists/instrument.html", context)


def _of_instrument(market: str) -> dict[str, Any]:
    """Raises `DatabaseTrouble`, `Http404`."""
    tables = project.context().tables
    row = tables.one("instruments", market)
    if row is None:
        raise Http404(market)
    newest = Ask(market=market, sort="-time", limit=BESIDE)
    parts = [
        part(name, tables.find(LISTS[name].table, newest), without=("market",))
        for name in ("orders", "fills")
    ]
    held = tables.find("positions", Ask(market=market, limit=100))
    return {
        "row": row,
        "facts": facts("instruments", row),
        "parts": [
            {**one, "more": cells.listed(one["list"].name, market=market)}
            for one in (part("positions", held, without=("market",)), *parts)
        ],
    }


async def _quote(market: str) -> QuoteLook | None:
    """The prices of a market that nobody watches; the page is whole without them."""
    try:
        async with asyncio.timeout(QUOTE_S):
            found = await quoted(
                project.context().link.desk("web").read, account_of(market), symbol_of(market)
            )
    except (Refused, DeskAway, TimeoutError):
        return None
    return found[0] if found else None


@require_safe
@page()
async def record(request: Request, seq: int) -> HttpResponse:
    """As the journal has it, from the gate: the tables hold what is read from it, not the records."""
    if not 0 < seq < SEQ_MOST:
        raise Http404(str(seq))
    entry = await _entry(seq)
    if entry is None:
        raise Http404(str(seq))
    rows = await sync_to_async(_said)(seq)
    context = {
        "entry": entry,
        "kind": records.kind_of(entry.record),
        "help": _meaning(entry.record),
        "says": rows[0].says if rows else "",
        "fields": _fields(entry.record),
        "raw": msgspec.json.format(msgspec.json.encode(entry.record), indent=2).decode(),
        "before": seq - 1 if seq > 1 else 0,
        "after": seq + 1,
    }
    return render(request, "lists/record.html", context)


async def _entry(seq: int) -> records.Entry | None:
    """None where the journal has no such record yet."""
    link = project.context().link
    desk = link.desk("web")
    if (await desk.status()).durable_seq < seq:
        return None
    try:
        async with asyncio.timeout(RECORD_S), aclosing(desk.tail(seq - 1)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                return entry if entry.seq == seq else None
    except TimeoutError:
        raise DeskAway(_("the engine did not show that record in time")) from None
    except Refused as refused:
        # Records that were put into an archive are not in the journal any more.
        raise Refused(str(refused), refused.fault) from None
    return None


def _said(seq: int) -> list[Any]:
    row = project.context().tables.one("story", seq)
    return [row] if row is not None else []


def _meaning(record: Struct) -> str:
    return " ".join((record.__doc__ or "").strip().split("\n\n")[0].split())


def _fields(record: Struct) -> list[tuple[str, Any]]:
    """What it says, one fact each; what is within a part is called by both names."""
    shown: list[tuple[str, Any]] = []
    for name, value in plain(record).items():
        inner = value if isinstance(value, dict) and value else {"": value}
        shown += [(f"{name}.{part}" if part else name, _written(one)) for part, one in inner.items()]
    return shown


def _written(value: Any) -> Any:
    return value if isinstance(value, (str, int)) else msgspec.json.encode(value).decode()


# ── parts of pages ──────────────────────────────────────────────────────────────────────────────


def facts(name: str, row: Struct) -> list[dict[str, Any]]:
    """All columns of one row, each with its label."""
    return [
        {"label": column.label, "shown": cells.safe([cells.KINDS[column.kind].show(row, column.name)])}
        for column in LISTS[name].columns
    ]


def part(name: str, found: Any, without: tuple[str, ...]) -> dict[str, Any]:
    """A short list within a page: its usual columns but those that would say the same in every row."""
    one = LISTS[name]
    kept = tuple(column for column in one.columns if column.name not in without)
    small = msgspec.structs.replace(one, columns=kept)
    return {
        "list": one,
        "heads": [(column.label, cells.KINDS[column.kind].css) for column in kept],
        "rows": drawn(small, found.rows),
        "more": "",
    }


def look_of(market: str) -> MarketLook | None:
    status = project.context().link.status
    if status is None:
        return None
    looks = (look for account in status.accounts for look in account.markets)
    return next((look for look in looks if look.market == market), None)
