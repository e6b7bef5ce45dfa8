"""The desk's live picture of the engine: one for all pages, Telegram and metrics.

    status      the newest `Status`, asked for every second and soon after entries; kept while the engine is
                away, with the moment it was heard
    entries     the journal's records as they become durable, to whoever listens
    desk(via)   a client for commands, one per face of the desk ("web", "api", "telegram")

Nobody else polls the engine. Listeners are called in the loop and must be quick; one that has much to do
puts it into a bounded queue of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedge import client
from kedge.client import Desk, DeskAway, FarGate, Refused
from kedge.model.looks import Status
from kedge.model.records import Entry

SECOND_NS = 1_000_000_000
# A status is asked for so often, and after entries no sooner than this after the last one.
POLL_S = 1.0
SOON_S = 0.1
# A picture of a thousand bots is work for the engine: no more than one part in so many of its time is asked
# for.
REST_SHARE = 25
# An engine that is away is looked for so often.
AGAIN_S = 0.5
# An engine that accepts a request and never answers is away too.
ANSWER_S = 10.0

OnStatus = Callable[[], None]
OnEntry = Callable[[Entry], None]


class Link:
    """Whether the engine is there, and what it said last."""

    def __init__(self, where: Path | FarGate, clock: Callable[[], int]) -> None:
        self.where = where
        self.status: Status | None = None
        self.heard_ns = 0  # our clock, when `status` came
        self.away = "the desk has not reached the engine yet"  # "" while it is there
        self.away_since_ns = clock()
        self.restarts = 0  # how often the engine came back
        self._clock = clock
        self._desks: dict[str, Desk] = {}
        self._on_status: list[OnStatus] = []
        self._on_entry: list[OnEntry] = []
        self._soon = asyncio.Event()

    # ── what is known ───────────────────────────────────────────────────────────────────────────

    @property
    def here(self) -> bool:
        return not self.away

    def age_ns(self) -> int:
        """How old the picture is; 0 where there is none yet."""
        return max(0, self._clock() - self.heard_ns) if self.status is not None else 0

    def on_status(self, listener: OnStatus) -> Callable[[], None]:
        """Call it after each new status, and when the engine goes or comes; the way to stop listening."""
        return _joined(self._on_status, listener)

    def on_entry(self, listener: OnEntry) -> Callable[[], None]:
        """Call it for each entry that became durable from now on; the way to stop listening."""
        return _joined(self._on_entry, listener)

    # ── asking ──────────────────────────────────────────────────────────────────────────────────

    def desk(self, via: str) -> Desk:
        """A client that opens its line when first asked, and again whenever it broke."""
        if via not in self._desks:
            self._desks[via] = Desk(client.gate_at(self.where), via)
        return self._desks[via]

    async def fresh(self) -> Status:
        """A status asked for now. Raises `DeskAway`, `Refused`."""
        async with asyncio.timeout(ANSWER_S):
            status = await self.desk("desk").status()
        self._hear(status)
        return status

    # ── life ────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Keep the picture new until cancelled."""
        tail = asyncio.get_running_loop().create_task(self._follow(), name="link tail")
        try:
            while not tail.done():
                await self._poll()
            await tail  # it never ends by itself: its fault is ours
        finally:
            tail.cancel()
            await asyncio.gather(tail, return_exceptions=True)
            await self.close()

    async def close(self) -> None:
        for desk in self._desks.values():
            await desk.close()

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            await self.fresh()
        except (DeskAway, Refused) as away:
            self._lost(str(away))
        except TimeoutError:
            self._lost(f"the engine has not answered for {ANSWER_S:g} s; is it stuck?")
            await self.desk("desk").close()
        rest_s = min(POLL_S, max(SOON_S, REST_SHARE * (loop.time() - began_s)))
        await asyncio.sleep(rest_s if self.here else AGAIN_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S - rest_s):
                await self._soon.wait()
        self._soon.clear()

    async def _follow(self) -> None:
        """Entries from now on; what is older is in the tables."""
        after = -1
        while True:
            try:
                last = (await self.desk("desk").status()).durable_seq
                # A journal that was restored is shorter than what was seen: go on from its end.
                after = last if after < 0 or last < after else after
                async for entry in self.desk("desk").tail(after):
                    after = entry.seq
                    self._tell(entry)
            except (DeskAway, Refused):
                await asyncio.sleep(AGAIN_S)

    def _tell(self, entry: Entry) -> None:
        for listener in tuple(self._on_entry):
            listener(entry)
        self._soon.set()

    def _hear(self, status: Status) -> None:
        came = bool(self.away)
        if came and self.status is not None:
            self.restarts += 1
        self.status, self.heard_ns, self.away, self.away_since_ns = status, self._clock(), "", 0
        self._changed()

    def _lost(self, why: str) -> None:
        if not self.away:
            self.away_since_ns = self._clock()
        self.away = why
        self._changed()

    def _changed(self) -> None:
        for listener in tuple(self._on_status):
            listener()


def _joined(listeners: list[Any], listener: Any) -> Callable[[], None]:
    listeners.append(listener)

    def leave() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return leave
