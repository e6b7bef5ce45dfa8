"""`GET /api/v1/live`: what happens, as it happens, as server-sent events for programs.

    id: 1201                                        go on from here: `Last-Event-ID: 1201` or ?after=1201
    event: entry                                    a journal entry: [seq, nanoseconds, record]
    data: [1201,1760000000000000000,{"type":"Noted","level":"info","text":"..."}]

Each stream is a tail of its own at the gate, so nothing is lost between two streams, and who reads slowly
holds up nobody: the gate cuts them off with a sentence, and they go on from the last id they saw. With the
topic `status` the desk's picture comes too, each time it changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from django.http import StreamingHttpResponse
from msgspec import Meta, Struct

from kedge.client import DeskAway, Refused
from kedge.desk.web import project
from kedge.desk.web.api.door import Caller, encode
from kedge.desk.web.api.looking import fresh
from kedge.desk.web.api.shapes import Fault

HEARTBEAT_S = 15.0
# Then the stream ends and is asked for again: who lost their rights is found out.
STREAM_S = 600.0
# Lines that wait for a reader; the tail waits where there are more, and the gate drops who waits too long.
WAITING_MOST = 256
TOPICS = ("entries", "status")

_open: list[int] = [0]


class LiveAsk(Struct, frozen=True, forbid_unknown_fields=True):
    topics: Annotated[str, Meta(max_length=40, description="entries, status, or both with a comma.")] = (
        "entries"
    )
    after: Annotated[
        int, Meta(ge=-1, le=2**63 - 1, description="Entries after this one; -1: those from now on.")
    ] = -1
    kinds: Annotated[
        str, Meta(max_length=500, description="Only these kinds of record, with commas: OrderMoved,Filled.")
    ] = ""
    bot: Annotated[str, Meta(max_length=64, description="Only records about this bot.")] = ""


async def live(caller: Caller, args: LiveAsk) -> StreamingHttpResponse:
    topics = [one for one in args.topics.split(",") if one]
    for one in topics:
        if one not in TOPICS:
            raise Refused(f"live: there is no topic {one[:40]}; there are: {', '.join(TOPICS)}", "usage")
    most = project.context().settings.api.streams
    if _open[0] >= most:
        raise Refused(f"{most} streams are open already; end one first", "busy")
    last = caller.request.headers.get("Last-Event-ID", "")
    after = int(last[:18]) if last.isascii() and last.isdigit() else args.after
    if after < 0:
        after = (await fresh()).durable_seq
    stream = _Stream(topics, after, _words(args.kinds), args.bot)
    answer = StreamingHttpResponse(stream.lines(), content_type="text/event-stream")
    answer["X-Accel-Buffering"] = "no"
    return answer


class _Stream:
    """One reader."""

    def __init__(self, topics: list[str], after: int, kinds: frozenset[str], bot: str) -> None:
        self._topics, self._after, self._kinds, self._bot = topics, after, kinds, bot
        self._lines: asyncio.Queue[bytes] = asyncio.Queue(WAITING_MOST)
        self._new_status = asyncio.Event()

    async def lines(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        _open[0] += 1
        leave = project.context().link.on_status(self._new_status.set)
        tasks = [loop.create_task(work, name="api live") for work in self._sources()]
        ends = loop.time() + STREAM_S
        try:
            yield b"retry: 1000\n\n"
            while loop.time() < ends and not (all(task.done() for task in tasks) and self._lines.empty()):
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        yield await self._lines.get()
                except TimeoutError:
                    yield b": still here\n\n"
            for task in tasks:
                if task.done():
                    task.result()  # a fault of ours is no quiet end
        finally:
            _open[0] -= 1
            leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _sources(self) -> list[Any]:
        made = {"entries": self._entries, "status": self._statuses}
        return [made[topic]() for topic in dict.fromkeys(self._topics)]

    async def _entries(self) -> None:
        try:
            async for entry in project.context().link.desk("api").tail(self._after):
                if self._kinds and type(entry.record).__name__ not in self._kinds:
                    continue
                if self._bot and getattr(entry.record, "bot", "") != self._bot:
                    continue
                await self._lines.put(event("entry", encode(entry), entry.seq))
        except (DeskAway, Refused) as away:
            await self._lines.put(event("end", encode(Fault("away", str(away)))))

    async def _statuses(self) -> None:
        link = project.context().link
        while True:
            if link.status is not None and link.here:
                await self._lines.put(event("status", encode(link.status)))
            else:
                await self._lines.put(event("away", encode(Fault("away", link.away))))
            self._new_status.clear()
            await self._new_status.wait()


def event(name: str, data: bytes, number: int | None = None) -> bytes:
    """One event; JSON has no line breaks in it."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


def _words(text: str) -> frozenset[str]:
    return frozenset(one for one in text.split(",") if one)
