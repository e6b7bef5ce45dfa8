"""Tasks at work: how far each is, what it waits for, and the form that changes one in place.

What a person may change is asked in a dialog over the list; only what was changed is sent, so that two people
who change two things do not undo each other's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from kedge.client import DeskAway, Refused, new_command_id
from kedge.desk import tasks as told
from kedge.desk.commands import BY_NAME
from kedge.desk.params import ParamWrong
from kedge.desk.tasks import TaskLine
from kedge.desk.web import actions, live, project
from kedge.desk.web.live import Topic, View, topics
from kedge.desk.web.pages.bots import look_of
from kedge.desk.web.person import Request, page
from kedge.desk.web.picture import Picture
from kedge.desk.web.trade import tabs
from kedge.model.looks import BotLook
from kedge.model.numbers import ZERO, text

# What the list may be narrowed to; "" is all.
KINDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "": (_("All"), ()),
    "sellbuy": (_("Sales and purchases"), told.SELLBUY),
    "spreads": (_("Spreads"), told.SPREADS),
    "orders": (_("Stop orders"), ("ladder", "stash")),
}
# What is started from here, in the order of the buttons.
STARTED = ("sell", "buy", "dump", "spread", "stops", "shorts", "nuke")
# By kind, what a person may change: the argument of `amend`, and the parameter it stands for.
CHANGED: dict[str, tuple[tuple[str, str], ...]] = {
    "peg": (("qty", "qty"), ("price", "limit")),
    "spread": (("qty", "qty"), ("price", "price")),
    "hedge": (("qty", "qty"),),
    "pair": (("qty", "qty"),),
    "ladder": (("sum", "money"), ("levels", "levels")),
}
LABELS: dict[str, Any] = {
    "qty": _("Amount"),
    "price": _("Price"),
    "sum": _("Sum of one order"),
    "levels": _("Levels, %"),
}
# Of a task at work, the buttons beside it; what is stopped balances what it holds.
DEEDS: dict[str, tuple[str, ...]] = {
    "running": ("bot pause", "bot stop"),
    "paused": ("bot resume", "bot stop"),
    "parked": ("bot resume", "bot kill"),
    "stopping": ("bot kill",),
}
BUTTONS: dict[str, Any] = {
    "bot pause": _("Pause"),
    "bot resume": _("Resume"),
    "bot stop": _("Stop"),
    "bot kill": _("Kill"),
}
TITLES: dict[str, Any] = {
    "sell": _("Sell"),
    "buy": _("Buy"),
    "dump": _("Dump"),
    "spread": _("Spread"),
    "stops": _("Stops"),
    "shorts": _("Shorts"),
    "nuke": _("Nuke"),
}


class Row(Struct, frozen=True):
    line: TaskLine
    buttons: tuple[tuple[str, Any], ...]  # slug and word
    amends: bool
    part: int  # per cent of the amount that is done; -1 where there is no amount


# ── the list ────────────────────────────────────────────────────────────────────────────────────


def list_context(picture: Picture, view: View) -> dict[str, Any]:
    status = picture.context.link.status
    lines = told.tasks_of(status, KINDS.get(view.about, KINDS[""])[1]) if status else ()
    return {
        "status": status,
        "rows": [_row(line) for line in lines],
        "prices": told.prices_of(status) if status and view.about in ("", "spreads") else (),
    }


def _row(line: TaskLine) -> Row:
    buttons = tuple((actions.slug_of(name), BUTTONS[name]) for name in DEEDS.get(line.phase, ()))
    amends = line.kind in CHANGED and line.phase in ("running", "paused")
    part = int(min(line.done / line.amount, Decimal(1)) * 100) if line.amount > ZERO else -1
    return Row(line, buttons, amends, part)


topics["tasks"] = Topic(
    {"tasklist": "trade/parts/tasklist.html", "spreadprices": "trade/parts/spreadprices.html"}, list_context
)


@page()
async def tasks(request: Request) -> HttpResponse:
    wanted = request.GET.get("of", "")
    about = wanted if wanted in KINDS else ""
    parts = await live.parts_of(request, "tasks", about)
    context = {
        "parts": parts,
        "topic": "tasks",
        "about": about,
        "kinds": [(name, title) for name, (title, _kinds) in KINDS.items()],
        "started": [(name, TITLES[name]) for name in STARTED],
        "siblings": tabs.of_the_day(),
    }
    return render(request, "trade/tasks.html", context)


# ── changing one ────────────────────────────────────────────────────────────────────────────────


@page("trade")
async def amend(request: Request, name: str) -> HttpResponse:
    bot = look_of(project.context().link.status, name)
    if bot is None or bot.kind not in CHANGED:
        raise Http404(name)
    now = now_of(bot)
    given = request.POST.dict() if request.method == "POST" else {}
    says = ""
    if request.method == "POST":
        try:
            says = await _sent(request, name, now, given)
        except ParamWrong as wrong:
            says = str(wrong)
        if not says:
            return redirect(actions.next_of(request))
    context = {
        "name": name,
        "says": says,
        "fields": [
            {"name": word, "label": LABELS[word], "value": given.get(word, now[word]), "was": now[word]}
            for word, _parameter in CHANGED[bot.kind]
        ],
        "next": given.get("next", "") or actions.next_of(request),
        "command_id": given.get("command_id", "") or new_command_id(),
    }
    return render(request, "trade/amend.html", context, status=400 if says else 200)


def now_of(bot: BotLook) -> dict[str, str]:
    """What is in force, as a person writes it."""
    made: dict[str, str] = {}
    for word, parameter in CHANGED[bot.kind]:
        value = bot.config.get(parameter) or bot.state.get(parameter) or ""
        if isinstance(value, (list, tuple)):
            made[word] = ", ".join(str(one) for one in value)
        else:
            made[word] = text(value) if isinstance(value, Decimal) else str(value)
    return made


async def _sent(request: Request, name: str, now: dict[str, str], given: dict[str, str]) -> str:
    """ "" when it was done; else why not. Raises `ParamWrong`."""
    changed = {word: given[word].strip() for word in now if given.get(word, "").strip()}
    # What the form began with, and not what is in force now: another person may have changed it meanwhile.
    changed = {word: value for word, value in changed.items() if value != given.get(f"was-{word}", now[word])}
    if not changed:
        return str(_("Nothing was changed."))
    args = actions.arguments_from(BY_NAME["amend"], {"name": name, **changed})
    try:
        taken = await actions.perform(request, BY_NAME["amend"], args, given.get("command_id", ""))
    except Refused as no:
        given.pop("command_id", None)  # that key was answered; the mended form is another command
        return str(no)
    except DeskAway as away:
        return actions.unknown(away)
    messages.success(request, taken.says)
    await project.context().link.fresh()
    return ""
