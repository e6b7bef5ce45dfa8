"""One line of market streams: what is wanted is subscribed, told again after every cut, and heard.

The venue splits its streams by host path: books and touches are public, everything else is market. A line is
opened when something is first wanted of it. The venue takes ten messages a second and closes on more, so
subscriptions go in handfuls, each after the answer to the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec

from kedge.venues.binance.usdm import asks
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.feeds import Said, Told, UnreadableTold, read_told
from kedge.venues.binance.usdm.rules import SAYS_PER_S, STREAMS_MOST
from kedge.venues.binance.usdm.wire import Unreadable
from kedge.venues.line import Address, Line, LineWaits
from kedge.venues.silence import Refused, Silence

HANDFUL = 50


class Audience(Protocol):
    def heard(self, told: Told) -> None: ...

    def unreadable(self, stream: str, why: str) -> None:
        """A message of this stream ("" where even that is not known) could not be read."""

    def paused(self) -> None: ...

    def alive(self) -> None:
        """The line answered a question: nothing of it is on its way."""

    def went_up(self) -> None: ...

    def went_down(self, why: str) -> None: ...


class Streams:
    def __init__(self, name: str, common: Common, audience: Audience) -> None:
        self.name = name
        self.refused: dict[str, str] = {}
        self._url = f"{common.hosts.stream}/{name}"
        self._audience = audience
        self._chores = common.chores
        self._options = options = common.options
        self._wanted: dict[str, None] = {}
        # What the venue was told on this connection.
        self._on: dict[str, None] = {}
        self._opened = False
        self._last_id = 0
        waits = LineWaits(
            connect_s=options.connect_s,
            greet_s=options.greet_s,
            heartbeat_s=options.market_beat_s,
            silence_s=3 * options.market_beat_s,
            life_s=options.life_s,
            backoff_first_s=options.backoff_first_s,
            backoff_max_s=options.backoff_max_s,
        )
        self.line: Line[Said] = Line(f"{name} streams", common.wires, self, waits)

    def want(self, streams: Sequence[str]) -> None:
        """Exactly these, from now on."""
        self._wanted = dict.fromkeys(streams[:STREAMS_MOST])
        if self._wanted and not self._opened:
            self._opened = True
            self.line.open()
        elif self.line.is_up:
            self._chores.start(f"{self.name} subscriptions", self._follow)

    async def close(self) -> None:
        await self.line.close()
        self._opened = False

    # ── the line's owner ────────────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        first = next(iter(self._wanted), "")
        self._on = {first: None} if first else {}
        return Address(f"{self._url}/stream?streams={first}" if first else f"{self._url}/stream")

    async def greet(self) -> Silence | Refused | None:
        return await self._catch_up()

    def heard(self, frame: bytes) -> None:
        told = read_told(frame)
        if isinstance(told, Unreadable):
            stream = told.stream if isinstance(told, UnreadableTold) else ""
            self._audience.unreadable(stream, told.why)
        elif isinstance(told, Said):
            self._audience.alive()
            self.line.answer(told.id, told)
        else:
            self._audience.heard(told)

    def paused(self) -> None:
        self._audience.paused()

    def beat(self) -> bytes:
        self._last_id += 1
        return msgspec.json.encode({"method": "LIST_SUBSCRIPTIONS", "id": self._last_id})

    def up(self) -> None:
        self._audience.went_up()
        if self._on.keys() != self._wanted.keys():
            self._chores.start(f"{self.name} subscriptions", self._follow)

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._on = {}
        self._audience.went_down(why)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    async def _follow(self) -> None:
        failed = await self._catch_up()
        if failed is not None:
            self.line.cut(failed.why)

    async def _catch_up(self) -> Silence | None:
        """Subscribe what is wanted and unsubscribe what is not, until the two agree."""
        while True:
            more = [s for s in self._wanted if s not in self._on][:HANDFUL]
            fewer = [s for s in self._on if s not in self._wanted][:HANDFUL]
            if not more and not fewer:
                return None
            self._last_id += 1
            on = bool(more)
            frame = asks.subscribe(self._last_id, more or fewer, on)
            said = await self.line.ask(self._last_id, frame, self._options.question_s)
            if isinstance(said, Silence):
                return said
            for stream in more or fewer:
                if on:
                    self._on[stream] = None
                    if said.why:
                        self.refused[stream] = said.why
                else:
                    self._on.pop(stream, None)
            await asyncio.sleep(1 / SAYS_PER_S)
