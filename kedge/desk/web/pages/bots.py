"""Bots: the list, one bot's page with its chart and story, and the forms that start and change them."""

from __future__ import annotations

from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from kedge import kinds as kinds_room
from kedge.bots import BUILT_IN
from kedge.client import DeskAway, Refused, new_command_id
from kedge.desk.commands import BY_NAME
from kedge.desk.params import ParamWrong, values_from
from kedge.desk.screens import plain
from kedge.desk.web import actions, live, own_kinds, project
from kedge.desk.web.actions import Field, field_of
from kedge.desk.web.live import Topic, View, topics
from kedge.desk.web.pages.overview import bots_of
from kedge.desk.web.person import Request, page
from kedge.desk.web.picture import Picture
from kedge.engine.bot import Bot
from kedge.model.forms import Entry, default_word, form
from kedge.model.looks import BotLook, Status
from kedge.model.numbers import text

ROWS = 30
STORY = 60
CHART_ROWS = 500
# Columns of a bot that a person may act on, by phase: what each phase allows.
DEEDS: dict[str, tuple[str, ...]] = {
    "running": ("bot pause", "bot stop", "bot kill"),
    "paused": ("bot resume", "bot stop", "bot kill"),
    "parked": ("bot resume", "bot kill", "bot rm"),
    "stopping": ("bot kill",),
    "stopped": ("bot rm",),
    "killed": ("bot rm",),
}


# ── the list ────────────────────────────────────────────────────────────────────────────────────


def list_context(picture: Picture, view: View) -> dict[str, Any]:
    status = picture.context.link.status
    return {"status": status, "bots": bots_of(status, picture.held) if status else []}


topics["bots"] = Topic({"botlist": "desk/parts/botlist_whole.html"}, list_context)


@page()
async def bots(request: Request) -> HttpResponse:
    parts = await live.parts_of(request, "bots")
    return render(request, "desk/bots.html", {"parts": parts, "topic": "bots"})


# ── one bot ─────────────────────────────────────────────────────────────────────────────────────


def look_of(status: Status | None, name: str) -> BotLook | None:
    return next((bot for bot in status.bots if bot.bot == name), None) if status else None


def bot_context(picture: Picture, view: View) -> dict[str, Any]:
    status = picture.context.link.status
    bot = look_of(status, view.about)
    held = [row for row in picture.held if row["bot"] == view.about]
    return {
        "status": status,
        "bot": bot,
        "deeds": [(name, actions.slug_of(name), BY_NAME[name]) for name in DEEDS.get(bot.phase, ())]
        if bot
        else [],
        "words": words_of(bot),
        "held": {row["slot"]: row for row in held},
        "positions": held,
        "fills": [row for row in picture.fills if row["bot"] == view.about][:ROWS],
        "notes": [row for row in picture.notes if row["bot"] == view.about][:ROWS],
    }


def bot_data(picture: Picture, view: View) -> dict[str, Any]:
    """What moves on the chart: the price now, and the orders that stand."""
    status = picture.context.link.status
    bot = look_of(status, view.about)
    if status is None or bot is None:
        return {}
    markets = dict.fromkeys(slot.market for slot in bot.slots if slot.market)
    looks = {look.market: look for account in status.accounts for look in account.markets}
    return {
        "price": {
            "at": status.now_ns // 1_000_000_000,
            "marks": {
                name: float(looks[name].mark or looks[name].last)
                for name in markets
                if name in looks and looks[name].fresh
            },
            "orders": [
                [slot.market, slot.order.side, float(slot.order.price), text(slot.order.qty)]
                for slot in bot.slots
                if slot.order is not None and slot.order.price
            ],
            "fills": sum(1 for row in picture.fills if row["bot"] == view.about),
        }
    }


def words_of(bot: BotLook | None) -> list[tuple[str, str]]:
    kind = BUILT_IN.get(bot.kind) if bot else None
    return list(kind.words.items()) if kind else []


topics["bot"] = Topic(
    {
        "bothead": "desk/parts/bothead.html",
        "slots": "desk/parts/slots.html",
        "botfills": "desk/parts/fills.html",
        "botnotes": "desk/parts/notes.html",
    },
    bot_context,
    bot_data,
)


@page()
async def bot(request: Request, name: str) -> HttpResponse:
    parts = await live.parts_of(request, "bot", name)
    status = project.context().link.status
    look = look_of(status, name)
    rows = await rows_of(name)
    if look is None and status is not None and not rows["bots"]:
        raise Http404(name)
    shape = await sync_to_async(config_shape)(look.kind) if look else None
    context = {
        "parts": parts,
        "topic": "bot",
        "name": name,
        "bot": look,
        "past": rows["bots"][0] if rows["bots"] else None,
        "story": rows["story"][::-1],
        "parameters": parameters_of(look, shape) if look else [],
        "markets": list(dict.fromkeys(slot.market for slot in look.slots if slot.market)) if look else [],
    }
    return render(request, "desk/bot.html", context)


async def rows_of(name: str) -> dict[str, list[dict[str, Any]]]:
    """What is told of the bot; nothing while the engine is away, and the banner says so."""
    desk = project.context().link.desk("web")
    try:
        return {
            "bots": list(await desk.read("bots", bot=name, sort="-time", limit=1)),
            "story": list(await desk.read("story", bot=name, sort="-time", limit=STORY)),
        }
    except (DeskAway, Refused):
        return {"bots": [], "story": []}


def parameters_of(look: BotLook, shape: type[msgspec.Struct] | None) -> list[dict[str, str]]:
    """What it was given, and the default for the rest, each with its meaning."""
    given = plain(look.config)
    if shape is None:
        return [{"name": key, "value": str(value), "help": ""} for key, value in given.items()]
    return [
        {
            "name": entry.name,
            "value": written(given.get(entry.name, default_word(entry))),
            "help": entry.help,
            "own": "yes" if entry.name in given else "",
        }
        for entry in form(shape)
    ]


def written(value: Any) -> str:
    """As a person would write it into the form."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(one, (str, int)) for one in value):
        return ",".join(str(one) for one in value)
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return "" if value is None else str(value)


@page()
async def chart(request: Request, name: str) -> JsonResponse:
    """Candles of one of its markets, with its fills."""
    picture = live.hub().picture
    market = request.GET.get("market", "")[:200]
    coarse = request.GET.get("step") == "minute"
    desk = project.context().link.desk("web")
    try:
        fills = list(await desk.read("fills", bot=name, market=market, limit=CHART_ROWS)) if market else []
    except (DeskAway, Refused):
        fills = []
    candles = picture.candles.of(market, coarse=coarse)
    if fills:
        candles = with_past(candles, fills, 60 if coarse else 15)
    marks = [[row["ts_ns"] // 1_000_000_000, row["side"], float(row["price"]), row["qty"]] for row in fills]
    return JsonResponse({"candles": candles, "fills": marks[::-1]})


def with_past(candles: list[list[float]], fills: list[dict[str, Any]], step_s: int) -> list[list[float]]:
    """Before the desk began to look, prices are known from the fills alone."""
    first = candles[0][0] if candles else float("inf")
    past: dict[int, list[float]] = {}
    for row in reversed(fills):
        at = row["ts_ns"] // 1_000_000_000
        begin, price = at - at % step_s, float(row["price"])
        if begin < first:
            candle = past.setdefault(begin, [float(begin), price, price, price, price])
            candle[2], candle[3], candle[4] = max(candle[2], price), min(candle[3], price), price
    return [*past.values(), *candles]


# ── forms ───────────────────────────────────────────────────────────────────────────────────────


def config_shape(kind: str) -> type[msgspec.Struct] | None:
    """The parameters of a kind; None where it cannot be found here."""
    try:
        found: type[Bot[Any, Any]] = kinds_room.find(kind, project.context().home.bots_folder)
    except kinds_room.NoKind:
        return None
    return found.Config


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
    except (Refused, DeskAway) as no:
        messages.error(request, str(no))
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
