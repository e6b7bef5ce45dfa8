"""The forms that start a bot and change one: made from the parameters of its kind."""

from __future__ import annotations

from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from kedge import kinds as kinds_room
from kedge.bots import BUILT_IN
from kedge.client import DeskAway, Refused, new_command_id
from kedge.desk.commands import BY_NAME
from kedge.desk.params import ParamWrong, values_from
from kedge.desk.web import actions, own_kinds, project
from kedge.desk.web.actions import Field, field_of
from kedge.desk.web.pages.bots import config_shape, look_of, parameters_of
from kedge.desk.web.person import Request, page
from kedge.model.forms import Entry, default_word, form


@page("trade")
def new(request: Request) -> HttpResponse:
    """Which kind?"""
    built_in = [(bot.kind, bot.summary) for bot in BUILT_IN.values()]
    return render(request, "desk/bot_kinds.html", {"kinds": built_in, "own": own_kinds.found()})


@page("trade")
async def new_of(request: Request, kind: str) -> HttpResponse:
    """The form made from the kind's parameters."""
    try:
        found = await sync_to_async(kinds_room.find)(kind, project.context().home.bots_folder)
    except kinds_room.NoKind as unknown:
        messages.error(request, str(unknown))
        return redirect("bot-new")
    given = request.POST.dict() if request.method == "POST" else {}
    wrong: ParamWrong | None = None
    if request.method == "POST":
        try:
            config = values_from(filled_in(found.Config, given), found.Config, given["name"], whole=True)
            args = {"name": given["name"].strip(), "kind": kind, "config": config}
            done = await sent(request, "bot add", args, given)
            if done is not None:
                return done
        except ParamWrong as mistaken:
            wrong = mistaken
            messages.error(request, str(wrong))
    context = {
        "kind": kind,
        "summary": found.summary,
        "fields": fields_of(found.Config, given, wrong),
        "name": given.get("name", "") or free_name(kind),
        "markets": known_markets(),
        "command_id": given.get("command_id", "") or new_command_id(),
        "amending": False,
    }
    return render(request, "desk/bot_form.html", context, status=400 if given else 200)


@page("trade")
async def amend(request: Request, name: str) -> HttpResponse:
    """The same form with the parameters in force; only what was changed is sent."""
    look = look_of(project.context().link.status, name)
    shape = await sync_to_async(config_shape)(look.kind) if look else None
    if look is None or shape is None:
        raise Http404(name)
    now = {row["name"]: row["value"] for row in parameters_of(look, shape)}
    given = request.POST.dict() if request.method == "POST" else {}
    wrong: ParamWrong | None = None
    if request.method == "POST":
        try:
            changed = {key: value for key, value in given.items() if key in now and value.strip() != now[key]}
            if not changed:
                raise ParamWrong(_("%(bot)s: nothing was changed") % {"bot": name})
            args = {"name": name, "config": values_from(changed, shape, name, whole=False)}
            done = await sent(request, "bot amend", args, given)
            if done is not None:
                return done
        except ParamWrong as mistaken:
            wrong = mistaken
            messages.error(request, str(wrong))
    context = {
        "kind": look.kind,
        "fields": fields_of(shape, {**now, **given}, wrong),
        "name": name,
        "markets": known_markets(),
        "command_id": given.get("command_id", "") or new_command_id(),
        "amending": True,
    }
    return render(request, "desk/bot_form.html", context, status=400 if given else 200)


async def sent(
    request: Request, deed: str, args: dict[str, Any], given: dict[str, str]
) -> HttpResponse | None:
    """The bot's page when it was done; None, with the reason told, when the form shall stay."""
    try:
        taken = await actions.perform(request, BY_NAME[deed], args, given.get("command_id", ""))
    except Refused as no:
        messages.error(request, str(no))
        # That was answered: the same key would bring the same refusal, however the form was mended.
        given.pop("command_id", None)
        return None
    except DeskAway as away:
        # The form keeps its key: whether the first try was done or not, the second does it once.
        messages.error(request, str(away))
        return None
    messages.success(request, taken.says)
    # Shown with the bot on it, not with the status of a second ago.
    await project.context().link.fresh()
    return redirect("bot", args["name"])


def filled_in(shape: type[msgspec.Struct], given: dict[str, str]) -> dict[str, str]:
    """What the form says; what is empty or still the default is left to the kind."""
    found: dict[str, str] = {}
    for entry in form(shape):
        value = given.get(entry.name, "").strip()
        if value and (entry.required or value != default_word(entry)):
            found[entry.name] = value
    return found


def fields_of(shape: type[msgspec.Struct], given: dict[str, str], wrong: ParamWrong | None) -> list[Field]:
    made = []
    for entry in form(shape):
        says = str(wrong) if wrong and wrong.field == entry.name else ""
        field = field_of(entry, given.get(entry.name, ""), says)
        made.append(msgspec.structs.replace(field, kind="area", example="{…}") if _is_whole(entry) else field)
    return made


def _is_whole(entry: Entry) -> bool:
    """A structure or a list of structures: written as JSON."""
    return entry.type in ("structure", "list of structure")


def known_markets() -> list[str]:
    status = project.context().link.status
    return sorted(look.market for account in status.accounts for look in account.markets) if status else []


def free_name(kind: str) -> str:
    """hedge-2, where hedge-1 is taken."""
    status = project.context().link.status
    taken = {bot.bot for bot in status.bots} if status else set()
    stem = kind.rpartition(":")[2].lower()
    return next(name for name in (f"{stem}-{n}" for n in range(1, 10_000)) if name not in taken)
