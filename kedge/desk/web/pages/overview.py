"""The first page: money, exposure, bots, venues, what needs a person, latest fills and notes, kill switch."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from msgspec import Struct

from kedge.desk import figures
from kedge.desk.web import live, project, samples
from kedge.desk.web.live import Topic, View, topics
from kedge.desk.web.person import Request, page
from kedge.desk.web.picture import Picture
from kedge.model.looks import AccountLook, BotLook, Status
from kedge.model.numbers import ZERO

DAY_NS = figures.DAY_NS
SPANS = {"day": DAY_NS, "week": 7 * DAY_NS, "month": 30 * DAY_NS, "all": 0}
SHOWN = 12
BOTS_SHOWN = 25
# In the order in which they are counted: who needs a person first.
PHASES = ("parked", "running", "stopping", "paused", "stopped", "killed")
# With more assets than this, those without profit are left to the tables.
ASSETS_SHOWN = 8

PARTS = {
    "needs": "desk/parts/needs.html",
    "money": "desk/parts/money.html",
    "exposure": "desk/parts/exposure.html",
    "venues": "desk/parts/venues.html",
    "botlist": "desk/parts/botlist.html",
    "fills": "desk/parts/fills.html",
    "notes": "desk/parts/notes.html",
    "switch": "desk/parts/switch.html",
}


class Need(Struct, frozen=True):
    says: str
    where: str  # the page where it is mended; "" where there is none
    kind: str


def needs_of(status: Status) -> list[Need]:
    """Most urgent first, each with the page where something can be done about it."""
    found = []
    for says in status.needs:
        kind, about = figures.urgent_about(says, status)
        where = reverse("bot", args=[about]) if kind == "bot" else ""
        if kind == "kill":
            continue  # it has its own banner and switch
        found.append(Need(says, where, kind))
    return found


def context_of(picture: Picture, view: View) -> dict[str, Any]:
    status = picture.context.link.status
    if status is None:
        return {"status": None}
    moneys = samples.worth_a_sample(figures.moneys(status, picture.days))[:ASSETS_SHOWN]
    return {
        "status": status,
        "needs": needs_of(status),
        "moneys": moneys,
        "exposures": figures.exposures(picture.held, picture.instruments)[:SHOWN],
        "accounts": [venue_of(account, status) for account in status.accounts],
        "bots": bots_of(status, picture.held)[:BOTS_SHOWN],
        "bots_total": len(status.bots),
        "phases": phases_of(status),
        "fills": list(picture.fills)[:SHOWN],
        "notes": list(picture.notes)[:SHOWN],
    }


class Venue(Struct, frozen=True):
    look: AccountLook
    link: str  # ready, asking, down
    fresh: int
    markets: int
    oldest_ns: int
    used: int  # per cent of the venue's request allowance; -1 where it is not told


def venue_of(account: AccountLook, status: Status) -> Venue:
    link = "ready" if account.ready else "asking" if account.up else "down"
    heard = [market.age_ns for market in account.markets if market.age_ns]
    used, most = account.requests_used, account.requests_max
    return Venue(
        account,
        link,
        sum(1 for market in account.markets if market.fresh),
        len(account.markets),
        max(heard, default=0),
        round(100 * used / most) if most else -1,
    )


def bots_of(status: Status, held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bots with what they made so far, those that need a person first."""
    profit: dict[str, dict[str, Any]] = {}
    for row in held:
        sums = profit.setdefault(str(row["bot"]), {})
        gain = Decimal(str(row["realised"])) + Decimal(str(row["unrealised"]))
        sums[row["settle"]] = sums.get(row["settle"], ZERO) + gain
    order = {"parked": 0, "running": 1, "stopping": 2, "paused": 3}
    bots = sorted(status.bots, key=lambda bot: (order.get(bot.phase, 4), bot.number))
    return [{"look": bot, "profit": profit.get(bot.bot, {}), "says": says_of(bot)} for bot in bots]


def phases_of(status: Status | None) -> list[tuple[str, int]]:
    """How many bots are in each phase, phases with none left out."""
    counts = dict.fromkeys(PHASES, 0)
    for bot in status.bots if status else ():
        counts[bot.phase] = counts.get(bot.phase, 0) + 1
    return [(phase, number) for phase, number in counts.items() if number]


def says_of(bot: BotLook) -> str:
    """One sentence that tells most about a bot now."""
    held = next((f"{slot.slot}: {slot.held}" for slot in bot.slots if slot.held), "")
    if bot.phase in ("parked", "killed", "paused") and bot.why:
        return str(bot.why)
    return str(bot.waits_for or held or bot.last_word or bot.why)


def data_of(picture: Picture, view: View) -> dict[str, Any]:
    """The last point of the equity chart."""
    status = picture.context.link.status
    if status is None:
        return {}
    points = {
        money.asset: [float(money.equity), float(money.total)]
        for money in samples.worth_a_sample(figures.moneys(status))[:ASSETS_SHOWN]
    }
    return {"equity": {"at": status.now_ns // 1_000_000_000, "points": points}}


topics["overview"] = Topic(PARTS, context_of, data_of)


@page()
async def overview(request: Request) -> HttpResponse:
    parts = await live.parts_of(request, "overview")
    picture = live.hub().picture
    status = picture.context.link.status
    assets = [money.asset for money in samples.worth_a_sample(figures.moneys(status))] if status else []
    context = {"parts": parts, "topic": "overview", "assets": assets[:ASSETS_SHOWN], "spans": list(SPANS)}
    return render(request, "desk/overview.html", context)


@page()
async def equity(request: Request) -> JsonResponse:
    """Points of the equity chart: `?asset=USD&span=day`."""
    here = project.context()
    span = SPANS.get(request.GET.get("span", ""), DAY_NS)
    since = here.clock() - span if span else 0
    curve = await sync_to_async(samples.curve)(here.cell, request.GET.get("asset", "")[:32], since)
    return JsonResponse(curve)
