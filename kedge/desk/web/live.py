"""Pages that move: parts of a page, rendered once for all who see the same, sent when they have changed.

A `Topic` is a page; its parts are small templates, each inside an element with its name as id. Who looks at
the same topic in the same language, zone and role shares a `Room`: its parts are rendered once per change of
the picture, however many browsers there are, and only while there is one.

A browser's place in the stream is a number, the room's edition at which it last heard something; so there
is no queue that could grow. One that is slow, asleep or comes back (`Last-Event-ID`) gets what changed since,
as it is now. Parts are whole, so what lies between need not be told.
"""

from __future__ import annotations

import asyncio
import json
import zoneinfo
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import timezone, translation
from msgspec import Struct

from kedge.desk.commands import Role
from kedge.desk.parts import DeskContext
from kedge.desk.web import nav
from kedge.desk.web.person import Request, known, page
from kedge.desk.web.picture import Picture
from kedge.model.records import Entry

# After an entry the parts are made this soon, and no oftener than this.
SOON_S = 0.03
GAP_S = 0.1
HEARTBEAT_S = 15.0
# A stream ends then and is opened again by the browser: who lost their rights is found out.
STREAM_S = 600.0
# Browsers at once; more are told to wait.
CLIENTS_MAX = 200
ROOMS_MAX = 300
# A bot's name, or what a list is filtered by.
ABOUT_MAX = 300


class View(Struct, frozen=True):
    """For whom parts are made: all who share these see the same."""

    topic: str
    about: str  # a bot's name on its page; what the list of bots is filtered by
    language: str
    zone: str
    role: Role


class Topic(Struct, frozen=True):
    """`parts` maps an element's id to its template; `context` gives what they need, and may wait.

    What `data` gives is sent as it is, to scripts (charts). `ready` asks for what only this view needs.
    """

    parts: dict[str, str]
    context: Callable[[Picture, View], dict[str, Any]]
    data: Callable[[Picture, View], dict[str, Any]] = lambda picture, view: {}
    ready: Callable[[Picture, View], Awaitable[None]] | None = None


# Filled by the pages: `topics["bots"] = Topic(...)`.
topics: dict[str, Topic] = {}


class Room:
    def __init__(self, view: View) -> None:
        self.view = view
        self.edition = 0
        self.looking = 0
        # Element or data name to its edition and content.
        self.shown: dict[str, tuple[int, Any]] = {}
        self.changed = asyncio.Event()

    def show(self, made: dict[str, Any]) -> None:
        different = {name: what for name, what in made.items() if self.shown.get(name, (0, None))[1] != what}
        if not different:
            return
        self.edition += 1
        self.shown |= {name: (self.edition, what) for name, what in different.items()}
        self.changed.set()
        self.changed = asyncio.Event()

    def since(self, edition: int) -> dict[str, Any]:
        return {name: what for name, (when, what) in self.shown.items() if when > edition}


class Hub:
    """All rooms of this desk, and the one task that keeps them."""

    def __init__(self, context: DeskContext) -> None:
        self.context = context
        self.picture = Picture(context)
        self.rooms: dict[View, Room] = {}
        self.boot = f"{context.clock():x}"  # editions of another life of the desk mean nothing here
        self._dirty = asyncio.Event()

    async def run(self) -> None:
        leave = (
            self.context.link.on_status(self._on_status),
            self.context.link.on_entry(self._on_entry),
        )
        try:
            while True:
                await self._dirty.wait()
                await asyncio.sleep(SOON_S)
                self._dirty.clear()
                await self._make_all()
                await asyncio.sleep(GAP_S - SOON_S)
        finally:
            for one in leave:
                one()

    def looking(self) -> int:
        return sum(room.looking for room in self.rooms.values())

    async def enter(self, view: View) -> Room:
        """The room of this view, with its parts as they are now."""
        if view not in self.rooms:
            self._tidy()
            self.rooms[view] = Room(view)
        room = self.rooms[view]
        room.looking += 1
        if room.looking == 1:
            await made_ready(self.picture, view)
            room.show(make(self.picture, view))
        return room

    def leave(self, room: Room) -> None:
        room.looking -= 1

    def _on_status(self) -> None:
        if not self.context.link.here:
            self.picture.pasts.forget_time()
        self.picture.hear_status()
        self._dirty.set()

    def _on_entry(self, entry: Entry) -> None:
        if self.picture.hear_entry(entry):
            self._dirty.set()

    async def _make_all(self) -> None:
        seen = [room for room in self.rooms.values() if room.looking]
        if not seen:
            return
        await self.picture.refresh()
        for room in seen:
            if ready := topics[room.view.topic].ready:
                await ready(self.picture, room.view)
            room.show(make(self.picture, room.view))
            await asyncio.sleep(0)  # requests go on between two rooms

    def _tidy(self) -> None:
        for view in [view for view, room in self.rooms.items() if not room.looking][ROOMS_MAX // 2 :]:
            del self.rooms[view]


_hub: list[Hub] = []


def hub() -> Hub:
    return _hub[-1]


async def run(context: DeskContext) -> None:
    """The part of the desk process that keeps pages live."""
    made = Hub(context)
    _hub[:] = [made]
    await made.run()


async def made_ready(picture: Picture, view: View) -> None:
    """Everything that must be asked for before the parts of this view are made."""
    await picture.refresh()
    if ready := topics[view.topic].ready:
        await ready(picture, view)


def make(picture: Picture, view: View) -> dict[str, Any]:
    """Every part of a page as text, and the data of its scripts under names that begin with @."""
    topic = topics[view.topic]
    with translation.override(view.language), timezone.override(zoneinfo.ZoneInfo(view.zone)):
        context = {
            **topic.context(picture, view),
            "standing": nav.standing(picture.context),
            "topic": view.topic,
            "role": view.role,
            "about": view.about,
        }
        parts = {"standing": "desk/standing.html"} | topic.parts
        made: dict[str, Any] = {name: render_to_string(template, context) for name, template in parts.items()}
        return made | {f"@{name}": what for name, what in topic.data(picture, view).items()}


def view_of(request: Request, topic: str, about: str = "") -> View:
    zone = request.profile.zone if request.profile else ""
    return View(topic, about, translation.get_language() or "en", zone or "UTC", known(request).role)


async def parts_of(request: Request, topic: str, about: str = "") -> dict[str, Any]:
    """The parts of a page that is shown for the first time, made as the stream makes them."""
    here, view = hub(), view_of(request, topic, about)
    await made_ready(here.picture, view)
    return make(here.picture, view)


@page()
async def stream(request: Request) -> HttpResponseBase:
    topic = request.GET.get("topic", "any")
    if topic not in topics:
        return HttpResponse(status=404)
    if hub().looking() >= CLIENTS_MAX:
        response = HttpResponse(status=503)
        response["Retry-After"] = "30"
        return response
    view = view_of(request, topic, request.GET.get("about", "")[:ABOUT_MAX])
    body = _events(view, request.headers.get("Last-Event-ID", ""))
    answer = StreamingHttpResponse(body, content_type="text/event-stream")
    answer["X-Accel-Buffering"] = "no"  # nginx would collect events
    return answer


async def _events(view: View, last: str) -> AsyncIterator[str]:
    here = hub()
    room = await here.enter(view)
    loop = asyncio.get_running_loop()
    ends = loop.time() + STREAM_S
    boot, _, number = last.partition("-")
    edition = int(number) if boot == here.boot and number.isdigit() else 0
    try:
        yield "retry: 2000\n\n"
        while loop.time() < ends:
            changed = room.changed
            if news := room.since(edition):
                edition = room.edition
                yield f"id: {here.boot}-{edition}\nevent: parts\ndata: {json.dumps(news)}\n\n"
                continue
            if not await _within(changed.wait(), HEARTBEAT_S):
                yield ": still here\n\n"
    finally:
        here.leave(room)


async def _within(waiting: Awaitable[object], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return False
    return True


topics["any"] = Topic({}, lambda picture, view: {})
