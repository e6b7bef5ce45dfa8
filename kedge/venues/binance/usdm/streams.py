"""One line of market streams: what is wanted is subscribed, told again after every cut, and heard.

The venue splits its streams by host path: books and touches are public, everything else is market. A line is
opened when something is first wanted of it. The venue takes ten messages a second and closes on more, so
subscriptions go in handfuls, each after the answer to the one before. The heartbeat asks what is subscribed:
a line that lives and no longer has a stream of ours would let its market grow old unnoticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote

import msgspec

from kedge.venues.binance.usdm import asks
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.feeds import Said, Told, UnreadableTold, read_told
from kedge.venues.binance.usdm.rules import SAYS_PER_S, STREAMS_MOST
from kedge.venues.binance.usdm.wire import Unreadable
from kedge.venues.line import Address, Line, LineWaits
from kedge.venues.silence import Refused, Silence

HANDFUL = 50
NOT_STREAMED = "the venue does not stream it (any more)"


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
        # What the venue has taken on this connection, and what it would not since the last heartbeat.
        self._on: dict[str, None] = {}
        self._list_id = 0
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

    def is_on(self, stream: str) -> bool:
        """Whether this stream is told now."""
        return stream in self._on

    async def close(self) -> None:
        await self.line.close()
        self._opened = False

    # ── the line's owner ────────────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        first = next(iter(self._wanted), "")
        self._on = {first: None} if first else {}
        self.refused.clear()
        # Names of contracts may be Chinese.
        query = f"?streams={quote(first, safe='@!')}" if first else ""
        return Address(f"{self._url}/stream{query}")

    async def greet(self) -> Silence | Refused | None:
        return await self._catch_up()

    def heard(self, frame: bytes) -> None:
        told = read_told(frame)
        if isinstance(told, Unreadable):
            stream = told.stream if isinstance(told, UnreadableTold) else ""
            self._audience.unreadable(stream, told.why)
        elif isinstance(told, Said):
            if told.id == self._list_id and told.listed is not None:
                self._compare(told.listed)
            self._audience.alive()
            self.line.answer(told.id, told)
        else:
            self._audience.heard(told)

    def paused(self) -> None:
        self._audience.paused()

    def beat(self) -> bytes:
        self._last_id += 1
        self._list_id = self._last_id
        return msgspec.json.encode({"method": "LIST_SUBSCRIPTIONS", "id": self._last_id})

    def up(self) -> None:
        self._audience.went_up()
        if self._on.keys() != self._wanted.keys():
            self._chores.start(f"{self.name} subscriptions", self._follow)

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._on = {}
        self._audience.went_down(why)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _compare(self, listed: tuple[str, ...]) -> None:
        """What was taken and is not listed is lost, and asked for again; so is what was refused."""
        if self._on and not any(stream in self._on for stream in listed):
            # Not one of ours, and yet they came: it is the list that must not be believed.
            return
        gone = [stream for stream in self._on if stream not in listed]
        for stream in gone:
            del self._on[stream]
            self._audience.unreadable(stream, NOT_STREAMED)
        if gone or self.refused:
            self.refused.clear()
            self._chores.start(f"{self.name} subscriptions", self._follow)

    async def _follow(self) -> None:
        failed = await self._catch_up()
        if failed is not None:
            self.line.cut(failed.why)

    async def _catch_up(self) -> Silence | None:
        """Subscribe what is wanted and unsubscribe what is not, until the two agree."""
        size = HANDFUL
        while True:
            more = [s for s in self._wanted if s not in self._on and s not in self.refused][:size]
            fewer = [s for s in self._on if s not in self._wanted][:HANDFUL]
            if not more and not fewer:
                return None
            self._last_id += 1
            frame = asks.subscribe(self._last_id, more or fewer, bool(more))
            said = await self.line.ask(self._last_id, frame, self._options.question_s)
            if isinstance(said, Silence):
                return said
            # Of a handful that is refused, one may be what the venue does not take.
            size = max(1, len(more) // 2) if said.why and more else HANDFUL
            self._answered(more, fewer, said.why)
            await asyncio.sleep(1 / SAYS_PER_S)

    def _answered(self, more: list[str], fewer: list[str], why: str) -> None:
        if not more:
            for stream in fewer:
                self._on.pop(stream, None)
        elif not why:
            self._on.update(dict.fromkeys(more))
        elif len(more) == 1:
            self.refused[more[0]] = why
