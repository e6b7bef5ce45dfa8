"""Commands that run by themselves: what there is and when next, and the form that sets one.

The list is the engine's own picture, so what it shows is in force. A schedule is given by a form made from
the command that it runs; how often is told back in words, with the next times in the person's zone.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from msgspec import Struct

from kedge import kinds
from kedge.client import DeskAway, Refused, new_command_id
from kedge.desk import commands
from kedge.desk.commands import BY_NAME, DEEDS, Deed
from kedge.desk.params import ParamWrong, config_from, free_from
from kedge.desk.screens import plain
from kedge.desk.web import actions, project
from kedge.desk.web.actions import Field, field_of
from kedge.desk.web.lists import rhythm
from kedge.desk.web.lists.siblings import siblings
from kedge.desk.web.lists.words import WORDS
from kedge.desk.web.pages.yours import zones
from kedge.desk.web.person import Request, known, page
from kedge.model.looks import ScheduleLook
from kedge.model.recurrence import BadRecurrence

# Shown beside the field, to begin from.
EXAMPLES = ("15m", "4h", "1d", "0 3 * * *", "0 9 * * mon-fri", "*/10 8-18 * * *", "0 0 1 * *")
SET = "schedule set"
# A word of the deed's own form, so that its `name` is not the schedule's.
PREFIX = "arg-"


class Shown(Struct, frozen=True):
    """A schedule with what is said of it."""

    look: ScheduleLook
    deed: str
    args: str
    words: str
    buttons: tuple[tuple[str, str], ...]


# ── the list ────────────────────────────────────────────────────────────────────────────────────


@require_safe
@page()
async def schedules(request: Request) -> HttpResponse:
    person, link = known(request), project.context().link
    looks = link.status.schedules if link.status else ()
    context = {
        "schedules": [_shown(request, look) for look in looks],
        "siblings": siblings("schedules"),
        "may_set": person.may(BY_NAME[SET]),
        "known": link.status is not None,
    }
    return render(request, "lists/schedules.html", context)


def _shown(request: Request, look: ScheduleLook) -> Shown:
    deed = deed_of(look.verb, look.args)
    try:
        words = rhythm.in_words(look.every, look.zone)
    except BadRecurrence as bad:
        words = str(bad)
    turn = "schedule pause" if look.enabled else "schedule resume"
    names = [name for name in ("schedule run", turn, "schedule rm") if known(request).may(BY_NAME[name])]
    given = " ".join(f"{name}={_written(value)}" for name, value in look.args.items())
    buttons = tuple((actions.slug_of(name), _button(name)) for name in names)
    return Shown(look, deed.name if deed else look.verb, given, words, buttons)


def _button(name: str) -> str:
    said = {
        "schedule run": _("Run now"),
        "schedule pause": _("Pause"),
        "schedule resume": _("Resume"),
        "schedule rm": _("Remove"),
    }
    return said[name]


# ── the form ────────────────────────────────────────────────────────────────────────────────────


@page("admin")
async def edit(request: Request, name: str = "") -> HttpResponse:
    """A new schedule, or another shape of one that is there: setting it replaces it."""
    status = project.context().link.status
    look = next((one for one in status.schedules if one.name == name), None) if status else None
    if name and look is None:
        raise Http404(name)
    given = request.POST.dict() if request.method == "POST" else request.GET.dict()
    deed = BY_NAME.get(given.get("deed", "")) or (deed_of(look.verb, look.args) if look else None)
    if deed is None or deed not in schedulable():
        return render(request, "lists/schedule_deeds.html", {"deeds": schedulable(), "name": name})
    says = ""
    if request.method == "POST":
        try:
            return await _set(request, deed, given)
        except (ParamWrong, BadRecurrence, Refused) as wrong:
            says = str(wrong)
            # Mended and sent again it is another command: the same key would bring the same refusal.
            given.pop("command_id", None)
        except DeskAway as away:
            says = actions.unknown(away)
    values = given if request.method == "POST" else _values_of(look) if look else {}
    return _form(request, deed, name, values, says)


async def _set(request: Request, deed: Deed, given: dict[str, str]) -> HttpResponse:
    """Raises `ParamWrong`, `BadRecurrence`, `Refused`, `DeskAway`."""
    rhythm.in_words(given.get("every", ""), given.get("zone", "") or "UTC")
    args = {
        "name": given.get("name", "").strip(),
        "verb": deed.verb or deed.errand,
        "every": given.get("every", "").strip(),
        "args": {**arguments_of(deed, given), **deed.fixed},
        "zone": given.get("zone", "") or "UTC",
        "enabled": "enabled" in given,
        "missed": "skip" if given.get("missed") == "skip" else "once",
        "comment": given.get("comment", "").strip()[:300],
    }
    taken = await actions.perform(request, BY_NAME[SET], args, given.get("command_id", ""))
    messages.success(request, taken.says)
    await project.context().link.fresh()
    return redirect("schedules")


def _form(request: Request, deed: Deed, name: str, values: dict[str, str], says: str) -> HttpResponse:
    every, zone = values.get("every", "1d"), values.get("zone", "") or _zone(request)
    context = {
        "deed": deed,
        "name": name,
        "values": {"name": name, **values, "every": every, "zone": zone},
        "enabled": "enabled" in values or not values,
        "missed": [
            (value, said, value == values.get("missed", "once")) for value, said in WORDS["missed"].items()
        ],
        "fields": fields_of(deed, values),
        "zones": zones(),
        "examples": EXAMPLES,
        "says": says,
        "rhythm": _rhythm(every, zone),
        "command_id": values.get("command_id", "") or new_command_id(),
    }
    return render(request, "lists/schedule_form.html", context, status=400 if says else 200)


def missed_of(now: str) -> list[tuple[str, Any, bool]]:
    """What may become of missed runs, and which of it is chosen."""
    return [(value, said, value == now) for value, said in WORDS["missed"].items()]


@require_safe
@page()
def rhythm_of(request: Request) -> HttpResponse:
    """What was typed, in words, with the next times: a part of the form, fetched while one types."""
    every, zone = request.GET.get("every", "")[:200], request.GET.get("zone", "")[:64] or "UTC"
    return render(request, "lists/rhythm.html", {"rhythm": _rhythm(every, zone)})


def _rhythm(every: str, zone: str) -> dict[str, Any]:
    try:
        words = rhythm.in_words(every, zone)
        times = rhythm.next_times(every, zone, project.context().clock())
    except BadRecurrence as bad:
        return {"wrong": str(bad)}
    here = timezone.get_current_timezone()
    shown = [rhythm.moment_of(ns, here) for ns in times]
    return {"words": words, "times": shown, "zone": timezone.get_current_timezone_name()}


# ── commands and their arguments ────────────────────────────────────────────────────────────────


def schedulable() -> list[Deed]:
    """What may run by itself: whatever acts, except on schedules."""
    acting = [deed for deed in DEEDS if deed.verb or deed.errand]
    return [deed for deed in acting if not deed.name.startswith("schedule")]


def deed_of(verb: str, args: dict[str, Any]) -> Deed | None:
    """The deed that a schedule's command is; with fixed arguments where those fit."""
    fits = [deed for deed in schedulable() if verb in (deed.verb, deed.errand)]
    fits = [deed for deed in fits if all(args.get(name) == value for name, value in deed.fixed.items())]
    return max(fits, key=lambda deed: len(deed.fixed)) if fits else None


def arguments_of(deed: Deed, given: dict[str, str]) -> dict[str, Any]:
    """The deed's own arguments as the form has them. Raises `ParamWrong`."""
    own = {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)}
    for entry in commands.arguments(deed):
        if entry.required and not own.get(entry.name, "").strip():
            raise ParamWrong(_("`%(name)s` is missing.") % {"name": entry.name}, entry.name)
    made = actions.arguments_from(deed, own)
    for entry in commands.arguments(deed):
        if not commands.is_pairs(entry):
            continue
        pairs = [line.strip() for line in own.get(entry.name, "").splitlines() if line.strip()]
        if not pairs and not entry.required:
            made.pop(entry.name, None)
            continue
        made[entry.name] = _pairs(deed, own, pairs)
    return made


def _pairs(deed: Deed, own: dict[str, str], pairs: list[str]) -> dict[str, Any]:
    """Parameters of a bot, judged by its kind where that is known."""
    kind = own.get("kind", "") or _kind_of(own.get("name", ""))
    if deed.verb in ("bot.add", "bot.amend") and kind:
        try:
            found: Any = kinds.find(kind, project.context().home.bots_folder)
        except kinds.NoKind as wrong:
            raise ParamWrong(str(wrong), "kind") from None
        return config_from(pairs, found.Config, kind, whole=deed.verb == "bot.add")
    return free_from(pairs, deed.name)


def _kind_of(bot: str) -> str:
    status = project.context().link.status
    return next((one.kind for one in status.bots if one.bot == bot), "") if status else ""


def fields_of(deed: Deed, values: dict[str, str]) -> list[Field]:
    made = []
    for entry in commands.arguments(deed):
        field = field_of(entry, values.get(PREFIX + entry.name, ""))
        if commands.is_pairs(entry):
            told = _("Parameters as name=value, each on a line of its own.")
            field = msgspec.structs.replace(field, kind="area", help=told)
        made.append(msgspec.structs.replace(field, name=PREFIX + field.name))
    return made


def _values_of(look: ScheduleLook) -> dict[str, str]:
    """The form as it was, from what is in force."""
    values = {"every": look.every, "zone": look.zone, "missed": look.missed, "comment": look.comment}
    if look.enabled:
        values["enabled"] = "on"
    for name, value in plain(look.args).items():
        if isinstance(value, dict):
            values[PREFIX + name] = "\n".join(f"{key}={_written(one)}" for key, one in value.items())
        else:
            values[PREFIX + name] = _written(value)
    return values


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int)):
        return str(value)
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def _zone(request: Request) -> str:
    return (request.profile.zone if request.profile else "") or "UTC"
