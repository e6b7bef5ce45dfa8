"""Stop orders that were saved by name: what is in each, how far putting them back is, and saving now."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from msgspec import Struct

from kedge.client import Refused
from kedge.desk import tasks as told
from kedge.desk.tasks import TaskLine
from kedge.desk.web import live, project
from kedge.desk.web.live import Topic, View, topics
from kedge.desk.web.person import Request, page
from kedge.desk.web.picture import Picture
from kedge.desk.web.trade import tabs
from kedge.model.looks import StashLook, Status
from kedge.model.stash import SavedOrder

# The bot that puts a stash back is called by it.
BOT_PREFIX = "stash-"


class Row(Struct, frozen=True):
    look: StashLook
    task: TaskLine | None  # that puts it back, while it is at work
    bot: str  # the same, also after it has ended; "" where it was never restored


def rows_of(status: Status) -> list[Row]:
    tasks = {line.task: line for line in told.tasks_of(status, ("stash",))}
    bots = {bot.bot: None for bot in status.bots}
    return [
        Row(
            one,
            tasks.get(BOT_PREFIX + one.name),
            BOT_PREFIX + one.name if BOT_PREFIX + one.name in bots else "",
        )
        for one in status.stashes
    ]


def list_context(picture: Picture, view: View) -> dict[str, Any]:
    status = picture.context.link.status
    return {"status": status, "rows": rows_of(status) if status else []}


topics["stashes"] = Topic({"stashlist": "trade/parts/stashlist.html"}, list_context)


@page()
async def stashes(request: Request) -> HttpResponse:
    parts = await live.parts_of(request, "stashes")
    return render(
        request, "trade/stashes.html", {"parts": parts, "topic": "stashes", "siblings": tabs.of_the_day()}
    )


@require_safe
@page()
async def stash(request: Request, name: str) -> HttpResponse:
    status = project.context().link.status
    row = next((one for one in rows_of(status) if one.look.name == name), None) if status else None
    if row is None and status is not None:
        raise Http404(name)
    try:
        found = await project.context().link.desk("web").read("stash", name=name)
    except Refused:
        raise Http404(name) from None
    orders = msgspec.convert(found, list[SavedOrder], strict=False)
    return render(request, "trade/stash.html", {"name": name, "row": row, "orders": orders})
