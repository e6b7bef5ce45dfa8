"""The short forms that start a task. Nothing starts before it was shown what it would be.

The first press asks the engine what the task would do, and shows it with the prices of now: the orders of a
ladder, the ratio of a spread. The second press starts it. If a field was changed between, it is shown again.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from kedge.client import DeskAway, Refused, new_command_id
from kedge.desk import foresight, markets
from kedge.desk.commands import BY_NAME, Deed, arguments, may
from kedge.desk.foresight import Foreseen
from kedge.desk.params import ParamWrong
from kedge.desk.web import actions, errors, project
from kedge.desk.web.actions import Field
from kedge.desk.web.person import Request, known, page
from kedge.desk.web.trade.tasks import STARTED, TITLES
from kedge.model.instrument import symbol_of
from kedge.model.looks import ListedLook

TICKERS_MOST = 3000
OF_MARKETS = ("ticker", "far", "near")
LABELS: dict[str, Any] = {
    "ticker": _("Ticker"),
    "sum": _("Sum"),
    "qty": _("Amount"),
    "limit": _("Limit"),
    "name": _("Name"),
    "far": _("Far leg"),
    "near": _("Near leg"),
    "price": _("Spread price"),
    "side": _("Side"),
    "ratio": _("Ratio"),
    "tickers": _("Tickers"),
    "levels": _("Levels, %"),
    "expires": _("Stand for"),
}
WHY_NOT: dict[str, Any] = {
    "no price": _("no price now; the task waits half a minute for one"),
    "no lot": _("the sum buys no lot"),
    "too low": _("the price is too low for this level"),
}


@page("trade")
async def start(request: Request, slug: str) -> HttpResponse:
    if slug not in STARTED:
        raise Http404(slug)
    deed = BY_NAME[slug]
    if not may(known(request).role, deed):
        return errors.forbidden(request, deed.role)
    given = request.POST.dict() if request.method == "POST" else request.GET.dict()
    if request.method != "POST":
        return await drawn(request, deed, given)
    try:
        args = actions.arguments_from(deed, given)
    except ParamWrong as wrong:
        return await drawn(request, deed, given, says=str(wrong))
    if given.get("press") != "start" or given.get("seen") != written(args):
        return await shown(request, deed, given, args)
    return await started(request, deed, given, args)


async def shown(request: Request, deed: Deed, given: dict[str, str], args: dict[str, Any]) -> HttpResponse:
    """The form again, with what it would be beneath it."""
    read = project.context().link.desk("web").read
    try:
        seen = await foresight.foresee(read, deed.verb, args)
    except (Refused, DeskAway) as why:
        return await drawn(request, deed, given, says=str(why))
    if not seen.preview.ok:
        return await drawn(request, deed, given, says=seen.preview.says)
    return await drawn(request, deed, given, seen=seen, key=written(args))


async def started(request: Request, deed: Deed, given: dict[str, str], args: dict[str, Any]) -> HttpResponse:
    try:
        taken = await actions.perform(request, deed, args, given.get("command_id", ""))
    except Refused as no:
        given.pop("command_id", None)  # that key was answered; the mended form is another command
        return await drawn(request, deed, given, says=str(no))
    except DeskAway as away:
        # The form keeps its key, and what was seen: sent again it acts once.
        return await drawn(request, deed, given, says=actions.unknown(away), key=given.get("seen", ""))
    messages.success(request, taken.says)
    await project.context().link.fresh()
    return redirect("tasks")


async def drawn(
    request: Request,
    deed: Deed,
    given: dict[str, str],
    *,
    says: str = "",
    seen: Foreseen | None = None,
    key: str = "",
) -> HttpResponse:
    context = {
        "deed": deed,
        "title": TITLES[deed.name],
        "fields": fields_of(deed, given),
        "tickers": await tickers(),
        "says": says,
        "foreseen": seen,
        "rungs": rungs_shown(seen),
        "more": max(0, len(seen.rungs) - foresight.RUNGS_SHOWN) if seen else 0,
        "seen": key,
        "command_id": given.get("command_id", "") or new_command_id(),
    }
    return render(request, "trade/start.html", context, status=400 if says else 200)


def written(args: dict[str, Any]) -> str:
    """What was shown, to be compared with what is sent."""
    return msgspec.json.encode(args, order="sorted").decode()


def fields_of(deed: Deed, given: dict[str, str]) -> list[dict[str, Any]]:
    made = []
    for entry in arguments(deed):
        field: Field = actions.field_of(entry, given.get(entry.name, ""))
        if entry.name in OF_MARKETS:
            field = msgspec.structs.replace(field, kind="market")
        if field.value == "0" and not given.get(entry.name):
            field = msgspec.structs.replace(field, value="")  # nought stands for "not said"
        made.append({"field": field, "label": LABELS[entry.name]})
    return made


def rungs_shown(seen: Foreseen | None) -> list[tuple[Any, Any]]:
    """Each order, with why there is none in words."""
    rungs = seen.rungs[: foresight.RUNGS_SHOWN] if seen else ()
    return [(rung, WHY_NOT.get(rung.why, "")) for rung in rungs]


async def tickers() -> list[tuple[str, str]]:
    """What may be typed, with its name; nothing while the engine cannot tell."""
    try:
        found = await markets.listed(project.context().link.desk("web").read)
    except (Refused, DeskAway):
        return []
    live = [one for one in found if one.instrument.listed][:TICKERS_MOST]
    counts: dict[str, int] = {}
    for one in live:
        counts[symbol_of(one.market)] = counts.get(symbol_of(one.market), 0) + 1
    return [(_called(one, counts), one.instrument.name) for one in live]


def _called(one: ListedLook, counts: dict[str, int]) -> str:
    symbol = symbol_of(one.market)
    return symbol if counts[symbol] == 1 else one.market
