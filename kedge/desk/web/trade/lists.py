"""The lists that people keep, changed where they stand: tickers, levels, sums, times, and lists of one's own.

A form carries what the list held when it was drawn. If somebody else has changed it since, nothing is done
and the page shows both.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kedge.client import DeskAway, Refused, new_command_id
from kedge.desk.commands import BY_NAME, with_usual
from kedge.desk.web import actions, errors, project
from kedge.desk.web.person import Request, known, page
from kedge.desk.web.trade import tabs
from kedge.model import lists as model

ITEMS_LONG = 40  # letters; more are given an area of several lines
MEANINGS: dict[str, Any] = {
    model.WHITELIST: gettext_lazy("What stops and shorts are placed for."),
    model.STOP_BLACKLIST: gettext_lazy("Of the whitelist, what stops leave out."),
    model.SHORT_BLACKLIST: gettext_lazy("Of the whitelist, what shorts leave out."),
    model.STOPS_LEVELS: gettext_lazy("How many per cent below the price stops buy."),
    model.SHORTS_LEVELS: gettext_lazy("How many per cent above the price shorts sell."),
    model.NUKE_LEVELS: gettext_lazy("How many per cent below the price a nuke buys."),
    model.STOPS_SUM: gettext_lazy("Money for each order of stops and shorts."),
    model.STOPS_EXPIRY: gettext_lazy("How long those orders stand: 120m, 8h, 7d, or none."),
}


@page()
async def lists(request: Request) -> HttpResponse:
    if request.method == "POST":
        return await changed(request)
    return await drawn(request)


async def changed(request: Request) -> HttpResponse:
    deed = BY_NAME["list set"]
    if not known(request).may(deed):
        return errors.forbidden(request, deed.role)
    given = request.POST.dict()
    name = given.get("name", "").strip().lower()
    try:
        held = {row["name"]: row["items"] for row in await _read()}
        if model.split(held.get(name, "")) != model.split(given.get("was", "")):
            says = _("%(name)s was changed meanwhile; it holds now: %(items)s") % {
                "name": name,
                "items": held.get(name, "") or "–",
            }
            return await drawn(request, says, given)
        args = {"name": name, "items": given.get("items", "")}
        taken = await actions.perform(request, deed, args, given.get("command_id", ""))
    except Refused as no:
        return await drawn(request, str(no), given)
    except DeskAway as away:
        return await drawn(request, actions.unknown(away), given, keep=True)
    messages.success(request, taken.says)
    return redirect(f"{reverse('lists')}#list-{name}")


async def drawn(
    request: Request, says: str = "", given: dict[str, str] | None = None, keep: bool = False
) -> HttpResponse:
    """All of them; what was typed and not taken stays typed."""
    typed = given or {}
    rows = []
    away = ""
    try:
        rows = await _read()
    except (Refused, DeskAway) as why:
        away = str(why)
    is_new = typed.get("name") not in [row["name"] for row in rows]
    context = {
        "rows": [_row(row, typed if row["name"] == typed.get("name") else {}, keep) for row in rows],
        "says": says or away,
        "may_set": known(request).may(BY_NAME["list set"]),
        # Of the form for a new list.
        "typed_name": typed.get("name", "") if is_new else "",
        "typed_items": typed.get("items", "") if is_new else "",
        "command_id": (typed.get("command_id", "") if keep else "") or new_command_id(),
        "siblings": tabs.of_the_day(),
    }
    status = 503 if away else 400 if says else 200
    return render(request, "trade/lists.html", context, status=status)


def _row(row: dict[str, Any], typed: dict[str, str], keep: bool) -> dict[str, Any]:
    items = str(row["items"])
    return {
        **row,
        "typed": typed.get("items", items),
        "meaning": MEANINGS.get(row["name"], ""),
        "sort": model.KNOWN.get(row["name"], "own"),
        "count": len(model.split(items)),
        "usual": not row["set_ns"],
        "long": model.KNOWN.get(row["name"], "own") in ("tickers", "own") or len(items) > ITEMS_LONG,
        "command_id": typed.get("command_id", "") if keep and typed else new_command_id(),
    }


async def _read() -> list[dict[str, Any]]:
    read = project.context().link.desk("web").read
    return with_usual(list(await read("lists", limit=model.LISTS_MOST)))
