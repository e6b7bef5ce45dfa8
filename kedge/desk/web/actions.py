"""Commands from pages: one address for every deed, `/do/<deed>/`, by GET a page that asks, by POST the deed.

    GET  /do/bot-stop/?name=hedge-1        says what it means, and asks for what is missing
    POST /do/bot-stop/                     name=hedge-1, command_id=..., next=/bots/hedge-1/

The form carries its idempotency key, made when the page was: a double click, a retry or a browser that was
restored sends the same key, and the engine acts once; who goes back to a question that was answered is told
what came of it (`answered.py`). Who did it is recorded with the command.
"""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Struct, inspect

from kedge.client import DeskAway, Refused, new_command_id
from kedge.desk import commands
from kedge.desk.commands import BY_NAME, Deed
from kedge.desk.params import ParamWrong
from kedge.desk.web import answered, project
from kedge.desk.web.errors import forbidden
from kedge.desk.web.person import Request, known, page
from kedge.model.forms import Entry, choices, default_word
from kedge.model.records import CommandTaken
from kedge.model.sentences import mistake

# Said beside the button: what the deed costs or ends. A deed that is not here asks with its own sentence.
WARNINGS: dict[str, Any] = {
    "kill": gettext_lazy("Every order is cancelled, and nothing new is sent until the switch is released."),
    "revive": gettext_lazy("Bots trade again at once."),
    "bot kill": gettext_lazy("Its orders are cancelled, and what it holds stays as it is, balanced or not."),
    "bot stop": gettext_lazy("It takes no new risk and ends when it is balanced; that may trade once more."),
    "bot close": gettext_lazy("It trades now: what it opened is closed at the market's price."),
    "bot rm": gettext_lazy("It leaves the list; its fills and its story stay."),
    "stop": gettext_lazy("Each task takes no new risk and ends when balanced; that may trade once more."),
    "stash save": gettext_lazy("Without `cancel` the orders stay where they stand."),
    "stash restore": gettext_lazy("Its orders are placed again, those that still stand left out."),
    "stash drop": gettext_lazy("What was saved is forgotten; it cannot be had back."),
    "cancel": gettext_lazy(
        "With neither account nor bot it is every order of every account. What bots hold stays as it is."
    ),
}
# Deeds that spend or end something are red.
DANGER = ("kill", "bot kill", "bot close", "bot rm", "resolve", "cancel", "stop", "stash drop")


class Field(Struct, frozen=True):
    """One input of a form, ready for the template."""

    name: str
    label: str
    help: str
    kind: str  # text, number, choice, flag, market, area
    value: str
    required: bool = False
    choices: tuple[str, ...] = ()
    example: str = ""
    wrong: str = ""


def deed_of(slug: str) -> Deed:
    deed = BY_NAME.get(slug.replace("-", " "))
    if deed is None or commands.told(deed):
        raise Http404(slug)
    return deed


def slug_of(name: str) -> str:
    return name.replace(" ", "-")


@page()
async def do(request: Request, slug: str) -> HttpResponse:
    deed = deed_of(slug)
    if not known(request).may(deed):
        return forbidden(request, deed.role)
    if request.method != "POST":
        return await question(request, deed)
    given = request.POST.dict()
    try:
        args = arguments_from(deed, given)
    except ParamWrong as wrong:
        return asked(request, deed, given, str(wrong), status=400)
    return await carried_out(request, deed, args, given)


async def question(request: Request, deed: Deed) -> HttpResponse:
    """What it asks; or what came of it, where this very question was answered before."""
    given, about = request.GET.dict(), _about(deed, request.GET.get("name", ""))
    key = answered.key_of(given.pop(answered.PARAMETER, ""), known(request).name, about)
    says = await answered.answer_to(request.session, key)
    if says:
        again = urlencode({name: text for name, text in given.items() if name != "command_id"})
        context = {"deed": deed, "says": says, "again": f"{request.path}?{again}", "next": next_of(request)}
        return render(request, "desk/answered.html", context)
    # A refusal did nothing: the question is open, and its next answer is another one.
    return asked(request, deed, given | {"command_id": key if says is None else new_command_id()})


async def carried_out(
    request: Request, deed: Deed, args: dict[str, Any], given: dict[str, str]
) -> HttpResponse:
    """Do it, say what came of it, and go back to the page it was asked from."""
    key = given.get("command_id", "")
    try:
        result = await perform(request, deed, args, key)
    except Refused as refused:
        await answered.remember(request.session, key, "")
        messages.error(request, str(refused))
        return redirect(next_of(request))
    except DeskAway as away:
        # The form keeps its key: whether the first try was done or not, the second does it once.
        return asked(request, deed, given, unknown(away), status=503)
    says = result.says if isinstance(result, CommandTaken) else str(result)
    await answered.remember(request.session, key, says)
    messages.success(request, says)
    return redirect(next_of(request))


async def perform(request: Request, deed: Deed, args: dict[str, Any], key: str) -> Any:
    """Raises `Refused`, `DeskAway`."""
    person, link = known(request), project.context().link
    desk, command_id = link.desk("web"), key or new_command_id()
    if deed.errand:
        # As a command, not as a question to the gate: so the journal has who asked for it.
        done: Any = await desk.command(deed.errand, command_id=command_id, of=person.name, **args)
    else:
        done = await commands.carry_out(deed, args, desk, command_id, of=person.name)
    # The page that follows shows what was done. Where the engine has gone meanwhile, it shows that.
    with contextlib.suppress(DeskAway, Refused, TimeoutError):
        await link.fresh()
    return done


def arguments_from(deed: Deed, given: dict[str, str]) -> dict[str, Any]:
    """Raises `ParamWrong` with a sentence."""
    made: dict[str, Any] = {}
    for entry in commands.arguments(deed):
        text = given.get(entry.name, "").strip()
        if commands.is_pairs(entry):
            made[entry.name] = msgspec.Raw(b"{}")
        elif isinstance(entry.shape, inspect.BoolType):
            made[entry.name] = text in ("on", "true", "1", "yes")
        elif text or entry.required:
            made[entry.name] = text
    try:
        whole = msgspec.convert(made, deed.args, strict=False)
    except msgspec.ValidationError as error:
        raise ParamWrong(mistake(error, deed.args, deed.name)) from None
    pairs = {entry.name for entry in commands.arguments(deed) if commands.is_pairs(entry)}
    return {name: {} if name in pairs else msgspec.to_builtins(getattr(whole, name)) for name in made}


def asked(
    request: Request, deed: Deed, given: dict[str, str], says: str = "", status: int = 200
) -> HttpResponse:
    """The page that asks again, with what was given already."""
    key, about = given.get("command_id", "") or new_command_id(), given.get("name", "")
    context = {
        "deed": deed,
        "asked": answered.sealed(key, known(request).name, _about(deed, about)),
        "slug": slug_of(deed.name),
        "warning": WARNINGS.get(deed.name, ""),
        "danger": deed.name in DANGER,
        "fields": [offered(field_of(entry, given.get(entry.name, ""))) for entry in asked_for(deed)],
        "says": says,
        "about": about,
        "next": given.get("next", "") or next_of(request),
        "command_id": key,
    }
    return HttpResponse(render_to_string("desk/ask.html", context, request), status=status)


def asked_for(deed: Deed) -> list[Entry]:
    return [entry for entry in commands.arguments(deed) if not commands.is_pairs(entry)]


def field_of(entry: Entry, value: str = "", wrong: str = "") -> Field:
    some = tuple(choices(entry.shape))
    kinds: dict[type, str] = {
        inspect.BoolType: "flag",
        inspect.DecimalType: "number",
        inspect.IntType: "number",
        inspect.FloatType: "number",
    }
    kind = "choice" if some else kinds.get(type(entry.shape), "text")
    if "account:SYMBOL" in entry.help:
        kind = "market"
    if entry.name in ("why", "comment"):
        kind = "area"
    shown = value or ("" if entry.required else default_word(entry))
    return Field(
        entry.name,
        entry.name.replace("_", " "),
        entry.help,
        kind,
        shown,
        entry.required,
        some,
        wrong=wrong,
    )


def offered(field: Field) -> Field:
    """Accounts and bots are chosen among those there are, while the desk knows them."""
    status = project.context().link.status
    if status is None or field.name not in ("account", "bot"):
        return field
    named = field.name == "account"
    there = [one.account for one in status.accounts] if named else [one.bot for one in status.bots]
    if field.value and field.value not in there:
        return field
    return msgspec.structs.replace(
        field, kind="choice", choices=tuple(there) if field.required else ("", *there)
    )


def next_of(request: Request) -> str:
    """The page to go back to: a page of ours, or the first one."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    fits = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if fits and wanted.startswith("/") else "/"


def _about(deed: Deed, name: str) -> str:
    """What a question is about: its key fits no other."""
    return f"{deed.name} {name}"


def unknown(away: DeskAway) -> str:
    if not away.command_id:
        return _("Not done: %(why)s") % {"why": away}
    return _("Whether it was done is not known (%(why)s). Send it again: it acts once.") % {"why": away}
