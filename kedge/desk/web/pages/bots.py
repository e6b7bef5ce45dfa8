"""Bots: the list, and one bot's page with what it wants and has, its chart, commands, notes and story."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec
from asgiref.sync import sync_to_async
from django.db import DatabaseError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from msgspec import Struct

from kedge import kinds as kinds_room
from kedge.bots import BUILT_IN
from kedge.client import DeskAway, Refused
from kedge.desk.commands import BY_NAME
from kedge.desk.screens import plain
from kedge.desk.web import actions, candles, live, prices, project
from kedge.desk.web.live import Topic, View, topics
from kedge.desk.web.pages.overview import PHASES, bots_of, phases_of
from kedge.desk.web.person import Request, page
from kedge.desk.web.picture import Picture
from kedge.engine.bot import Bot
from kedge.model.forms import default_word, form
from kedge.model.looks import BotLook, Status
from kedge.model.numbers import text

SECOND_NS = 1_000_000_000
CHART_ROWS = 500
PER_PAGE = 50
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


class Filter(Struct, frozen=True):
    """Which bots of the list. It travels as the page's query, and names the live room of who see the same."""

    q: str = ""
    phase: str = ""
    kind: str = ""
    page: int = 1

    def query(self, **changes: Any) -> str:
        given = {**msgspec.structs.asdict(self), "page": 1, **changes}
        usual = msgspec.structs.asdict(Filter())
        return urlencode({name: value for name, value in given.items() if value != usual[name]})

    def fits(self, bot: BotLook) -> bool:
        if (self.phase and bot.phase != self.phase) or (self.kind and bot.kind != self.kind):
            return False
        words = (bot.bot, bot.kind, *(slot.market for slot in bot.slots))
        return not self.q or any(self.q.lower() in word.lower() for word in words)


def filter_of(query: str) -> Filter:
    """What is misspelt filters nothing."""
    given = {name: some[0].strip() for name, some in parse_qs(query).items()}
    page_text = given.get("page", "")
    number = int(page_text[:6]) if page_text.isascii() and page_text[:6].isdigit() else 1
    phase = given.get("phase", "")
    return Filter(
        given.get("q", "")[:64], phase if phase in PHASES else "", given.get("kind", "")[:64], max(1, number)
    )


def list_context(picture: Picture, view: View) -> dict[str, Any]:
    status, wanted = picture.context.link.status, filter_of(view.about)
    every = bots_of(status, picture.held) if status else []
    found = [one for one in every if wanted.fits(one["look"])]
    pages = max(1, -(-len(found) // PER_PAGE))
    now = min(wanted.page, pages)
    return {
        "status": status,
        "bots": found[(now - 1) * PER_PAGE : now * PER_PAGE],
        "found": len(found),
        "total": len(every),
        "phases": [(phase, n, wanted.query(phase=phase)) for phase, n in phases_of(status)],
        "phase": wanted.phase,
        "everything": wanted.query(phase=""),
        "page_now": now,
        "pages": pages,
        "before": wanted.query(page=now - 1) if now > 1 else None,
        "after": wanted.query(page=now + 1) if now < pages else None,
    }


topics["bots"] = Topic({"botlist": "desk/parts/botlist_whole.html"}, list_context)


@page()
async def bots(request: Request) -> HttpResponse:
    wanted = filter_of(request.META.get("QUERY_STRING", ""))
    about = wanted.query(page=wanted.page)
    parts = await live.parts_of(request, "bots", about)
    status = project.context().link.status
    kinds = sorted(dict.fromkeys(bot.kind for bot in status.bots)) if status else []
    context = {"parts": parts, "topic": "bots", "about": about, "wanted": wanted}
    return render(request, "desk/bots.html", context | {"phases": PHASES, "kinds": kinds})


# ── one bot ─────────────────────────────────────────────────────────────────────────────────────


def look_of(status: Status | None, name: str) -> BotLook | None:
    return next((bot for bot in status.bots if bot.bot == name), None) if status else None


async def bot_ready(picture: Picture, view: View) -> None:
    await picture.pasts.refresh(view.about)


def bot_context(picture: Picture, view: View) -> dict[str, Any]:
    status = picture.context.link.status
    bot = look_of(status, view.about)
    past = picture.pasts.of(view.about)
    held = {(row["slot"], row["market"]): row for row in picture.held if row["bot"] == view.about}
    return {
        "status": status,
        "bot": bot,
        "deeds": [(name, actions.slug_of(name), BY_NAME[name]) for name in DEEDS.get(bot.phase, ())]
        if bot
        else [],
        "words": words_of(bot),
        "slots": [(slot, held.get((slot.slot, slot.market))) for slot in bot.slots] if bot else [],
        "fills": past.fills,
        "notes": past.notes,
        "commands": past.commands,
        "story": past.story[::-1],
    }


def bot_data(picture: Picture, view: View) -> dict[str, Any]:
    """What moves on the chart: the price now, and the orders that stand."""
    status = picture.context.link.status
    bot = look_of(status, view.about)
    if status is None or bot is None:
        return {}
    markets = dict.fromkeys(slot.market for slot in bot.slots if slot.market)
    looks = {look.market: look for account in status.accounts for look in account.markets}
    fills = picture.pasts.of(view.about).fills
    return {
        "price": {
            "at": status.now_ns // SECOND_NS,
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
            "fills": fills[0]["seq"] if fills else 0,
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
        "botcommands": "desk/parts/commands.html",
        "botstory": "desk/parts/story.html",
    },
    bot_context,
    bot_data,
    bot_ready,
)


@page()
async def bot(request: Request, name: str) -> HttpResponse:
    parts = await live.parts_of(request, "bot", name)
    status = project.context().link.status
    look = look_of(status, name)
    if look is None and status is not None and not await was_there(name):
        raise Http404(name)
    shape = await sync_to_async(config_shape)(look.kind) if look else None
    context = {
        "parts": parts,
        "topic": "bot",
        "name": name,
        "bot": look,
        "parameters": parameters_of(look, shape) if look else [],
        "markets": list(dict.fromkeys(slot.market for slot in look.slots if slot.market)) if look else [],
    }
    return render(request, "desk/bot.html", context)


async def was_there(name: str) -> bool:
    """Whether a bot of this name was removed; taken for so while the engine is away (the banner says it)."""
    try:
        return bool(await project.context().link.desk("web").read("bots", bot=name, limit=1))
    except (DeskAway, Refused):
        return True


def config_shape(kind: str) -> type[msgspec.Struct] | None:
    """The parameters of a kind; None where it cannot be found here."""
    try:
        found: type[Bot[Any, Any]] = kinds_room.find(kind, project.context().home.bots_folder)
    except kinds_room.NoKind:
        return None
    return found.Config


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


# ── its chart ───────────────────────────────────────────────────────────────────────────────────


@page()
async def chart(request: Request, name: str) -> JsonResponse:
    """Candles of one of its markets, with its fills."""
    here = project.context()
    market = request.GET.get("market", "")[:200]
    step = candles.STEPS.get(request.GET.get("step", ""), candles.STEPS["fine"])
    try:
        desk = here.link.desk("web")
        fills = list(await desk.read("fills", bot=name, market=market, limit=CHART_ROWS)) if market else []
    except (DeskAway, Refused):
        fills = []
    shown = live.hub().picture.candles.of(market, step)
    if step.step_s > candles.COARSE_S:
        try:
            past = await sync_to_async(prices.read)(here.cell, market, step, here.clock())
        except DatabaseError:
            past = []  # the banner tells the database's trouble; what is in memory is shown
        shown = candles.joined(past, shown)
    drawn = since(fills, here.clock() - step.span_s * SECOND_NS, bool(shown))
    marks = [[row["ts_ns"] // SECOND_NS, row["side"], float(row["price"]), row["qty"]] for row in drawn]
    return JsonResponse({"candles": with_past(shown, drawn, step.step_s), "fills": marks[::-1]})


def since(fills: list[dict[str, Any]], since_ns: int, priced: bool) -> list[dict[str, Any]]:
    """Those within the chart's span; without any price there, all of them."""
    found = [row for row in fills if row["ts_ns"] >= since_ns]
    return found if found or priced else fills


def with_past(shown: list[list[float]], fills: list[dict[str, Any]], step_s: int) -> list[list[float]]:
    """Before the desk began to look, prices are known from the fills alone."""
    first = shown[0][0] if shown else float("inf")
    past: dict[int, list[float]] = {}
    for row in reversed(fills):
        at = row["ts_ns"] // SECOND_NS
        begin, price = at - at % step_s, float(row["price"])
        if begin < first:
            candle = past.setdefault(begin, [float(begin), price, price, price, price])
            candle[2], candle[3], candle[4] = max(candle[2], price), min(candle[3], price), price
    return [*past.values(), *shown]
