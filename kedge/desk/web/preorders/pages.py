"""A preorder's page: what it is, its stages, the hedges opened for it, their orders, and the log."""

from __future__ import annotations

from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from msgspec import Struct

from kedge.client import DeskAway, Refused
from kedge.desk.commands import ROLES
from kedge.desk.hedges.book import Hedge
from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.web import answered, project
from kedge.desk.web.actions import unknown
from kedge.desk.web.api import asking, looking
from kedge.desk.web.api.hedging import Books, shelf
from kedge.desk.web.person import Request, known, page
from kedge.desk.web.preorders import service
from kedge.desk.web.preorders.models import Preorder, PreorderLog, PreorderStage
from kedge.journal.row_shapes import NoteRow, OrderRow
from kedge.journal.rows import Ask

HEDGES_MOST = 20
ORDERS_MOST = 50
NOTES_MOST = 50


class Shown(Struct, frozen=True):
    """A hedge with what its page part needs."""

    hedge: Hedge
    orders: tuple[OrderRow, ...]
    notes: tuple[NoteRow, ...]


@page()
async def detail(request: Request, word: str) -> HttpResponse:
    found = await sync_to_async(_found)(word)
    if found is None:
        raise Http404(word)
    preorder, stages, logs = found
    hedges, trouble = await _hedges(preorder)
    trader = ROLES.index(known(request).role) >= ROLES.index("trade")
    here = project.context()
    context = {
        "preorder": preorder,
        "stages": stages,
        "logs": logs,
        "hedges": hedges,
        "trouble": trouble,
        "may_open": trader and preorder.status == Preorder.OPEN and not _lives(hedges),
        "market": here.settings.hedge.market,
        "command_id": answered.key_of(
            request.GET.get(answered.PARAMETER, ""), known(request).name, _about(word)
        ),
    }
    return render(request, "preorders/preorder.html", context)


@page("trade")
async def open_hedge(request: Request, word: str) -> HttpResponse:
    """The button of the page. Its form holds the key, so that a double click opens one."""
    found = await sync_to_async(service.find)(word)
    if found is None or request.method != "POST":
        raise Http404(word)
    key = request.POST.get("command_id", "")
    if not asking.KEY.match(key):
        messages.error(request, _("That form is not whole; try again."))
        return redirect("preorder", word)
    how = project.context().settings.hedge
    try:
        opened = await service.open_for(Books("web"), how, found, who=known(request).name, command_id=key)
    except Refused as refused:
        messages.error(request, str(refused))
    except DeskAway as away:
        # The page keeps the key: whether the first try was done or not, the second does it once.
        messages.error(request, unknown(away))
        kept = answered.sealed(key, known(request).name, _about(word))
        return redirect(f"{reverse('preorder', args=[word])}?{urlencode({answered.PARAMETER: kept})}")
    else:
        messages.success(request, opened.says)
    return redirect(reverse("preorder", args=[word]))


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _about(word: str) -> str:
    return f"preorder {word}"


def _found(word: str) -> tuple[Preorder, list[PreorderStage], list[PreorderLog]] | None:
    preorder = service.find(word)
    if preorder is None:
        return None
    stages = PreorderStage.objects.filter(preorder=preorder)
    logs = PreorderLog.objects.filter(preorder=preorder)
    return preorder, list(stages), list(logs[: service.LOGS_SHOWN])


async def _hedges(preorder: Preorder) -> tuple[list[Shown], str]:
    """What was opened for it, the newest first; and why that cannot be told now."""
    number = str(preorder.preorder_id)
    status = project.context().link.status
    try:
        on = shelf()
        every = await sync_to_async(on.hedges, thread_sensitive=False)(status)
        mine = [one for one in every if one.preorder == number][:HEDGES_MOST]
        return [await _shown(one) for one in mine], ""
    except (DatabaseTrouble, ValueError) as trouble:
        return [], str(trouble)


async def _shown(hedge: Hedge) -> Shown:
    orders = await looking.page_of("orders", Ask(bot=hedge.bot, sort="time", limit=ORDERS_MOST))
    notes = await looking.page_of("notes", Ask(bot=hedge.bot, limit=NOTES_MOST))
    return Shown(hedge, orders.rows, notes.rows)


def _lives(hedges: list[Shown]) -> bool:
    return any(one.hedge.status == "open" for one in hedges)
