"""The two lines of one account: the WS API that takes deeds, and the stream that tells what became of them.

The stream is vital: without it there is no link, and whatever cannot be read of it ends it, because it may
have been a fill. The line of deeds is not: while it is away deeds go by REST. Both prove themselves alive by
a question to which any answer will do; the stream's is only counted on after it was answered once, since the
venue promises none on private connections. So the stream is pinged as well: who answers no ping has gone.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from kedge.venues.binance.errors import cut
from kedge.venues.binance.usdm import asks, mends
from kedge.venues.binance.usdm.asking import Failed, frame_of
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.hearing import Heard, Hearing
from kedge.venues.binance.usdm.wire import ListenKey, Unreadable, WsReply, read
from kedge.venues.line import Address, Line, LineWaits
from kedge.venues.silence import Refused, Silence
from kedge.venues.timing import Every

# Frames that may come before the link is up.
EARLY_MOST = 10_000
KEEP_TRIES = 3


class WsApi:
    """The line of deeds."""

    def __init__(self, common: Common) -> None:
        self._url = common.hosts.ws_api
        self._asking = common.asking
        self._options = options = common.options
        self._last_id = 0
        waits = LineWaits(
            connect_s=options.connect_s,
            heartbeat_s=options.deeds_beat_s,
            silence_s=3 * options.deeds_beat_s,
            life_s=options.life_s,
            backoff_first_s=options.backoff_first_s,
            backoff_max_s=options.backoff_max_s,
        )
        self.line: Line[WsReply] = Line("line of deeds", common.wires, self, waits)

    @property
    def is_up(self) -> bool:
        return self.line.is_up

    async def call(self, method: str, params: dict[str, object]) -> WsReply | Silence:
        self._last_id += 1
        return await self.line.ask(
            self._last_id, frame_of(self._last_id, method, params), self._options.request_s
        )

    async def address(self) -> Address | Silence | Refused:
        banned_ns = self._asking.banned_ns
        if banned_ns:
            return Silence("the venue wants to be left alone", retry_ns=banned_ns)
        return Address(self._url)

    async def greet(self) -> Silence | Refused | None:
        return None  # every request is signed by itself

    def heard(self, frame: bytes) -> None:
        reply = read(frame, WsReply)
        if isinstance(reply, Unreadable):
            self.line.cut(reply.why)
        elif reply.id is None:
            why = reply.error.msg if reply.error else f"status {reply.status}"
            self.line.cut(cut(f"the venue ended the session: {why}"))
        else:
            self.line.answer(reply.id, reply)

    def paused(self) -> None:
        pass

    def beat(self) -> bytes | None:
        """Any answer will do, and this question needs no key. While the venue wants to be left alone it is a
        ping, which is no request."""
        if self._asking.banned_ns:
            self.line.excuse()
            return None
        self._last_id += 1
        return msgspec.json.encode({"id": self._last_id, "method": "session.status"})

    def up(self) -> None:
        pass

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        pass  # deeds go by REST meanwhile


class Account(Protocol):
    """Whose stream it is."""

    async def enter(self) -> Silence | Refused | None:
        """Settle what must be settled before the account may be used; why it may not, or None."""

    async def ready(self) -> Silence | Refused | None:
        """The stream is connected and its events wait: learn what is needed to understand them."""

    def told(self, heard: Heard) -> None: ...

    def went_up(self) -> None: ...

    def went_down(self, why: str, refused: bool, stopped: bool) -> None: ...


class UserStream:
    """The private stream, with the listen key that it hangs by."""

    def __init__(self, common: Common, owner: Account, hearing: Hearing) -> None:
        self._owner = owner
        self._url = f"{common.hosts.stream}/private/ws"
        self._asking = common.asking
        self._clock = common.clock
        self._chores = common.chores
        self._options = options = common.options
        self._hearing = hearing
        # What came before the link was up; None while it is.
        self._early: list[bytes] | None = []
        self._last_id = 0
        self._echoed_s: float | None = None
        self._keep_alive = Every(options.keep_alive_s, self._keep)
        waits = LineWaits(
            connect_s=options.connect_s,
            greet_s=options.greet_s,
            heartbeat_s=options.stream_beat_s,
            silence_s=0.0,
            life_s=options.life_s,
            backoff_first_s=options.backoff_first_s,
            backoff_max_s=options.backoff_max_s,
        )
        self.line: Line[None] = Line("user stream", common.wires, self, waits)

    async def close(self) -> None:
        self._keep_alive.stop()
        await self.line.close()

    # ── the line's owner ────────────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        barred = await self._owner.enter()
        if barred is not None:
            return barred
        key = await self._asking.read(asks.listen_key(), ListenKey)
        if isinstance(key, Failed):
            if key.for_a_person:
                return Refused(key.why)
            return Silence(f"no listen key: {key.why}", retry_ns=key.retry_ns)
        self._early = []
        return Address(f"{self._url}/{key.listen_key}")

    async def greet(self) -> Silence | Refused | None:
        self._hearing.begin()
        self._echoed_s = None
        self._ask_alive()
        return await self._owner.ready()

    def heard(self, frame: bytes) -> None:
        if self._early is None:
            self._take(frame)
            return
        self._early.append(frame)
        if len(self._early) > EARLY_MOST:
            self.line.cut("the venue streams more than we can keep before the link is up")

    def paused(self) -> None:
        pass

    def beat(self) -> bytes | None:
        """A question, and a ping: the one may never be answered here, the other always is."""
        now_s = asyncio.get_running_loop().time()
        patience_s = 3 * self._options.stream_beat_s
        if self._echoed_s is not None and now_s - self._echoed_s > patience_s:
            self.line.cut(f"the user stream has not answered for {patience_s:g} s")
        self._ask_alive()
        return None

    def up(self) -> None:
        self._keep_alive.start()
        self._owner.went_up()
        early, self._early = self._early or [], None
        for frame in early:
            self._take(frame)

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._early = []
        self._keep_alive.stop()
        self._owner.went_down(why, refused, stopped)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _ask_alive(self) -> None:
        self._last_id += 1
        self.line.say(msgspec.json.encode({"method": "LIST_SUBSCRIPTIONS", "id": self._last_id}))

    def _take(self, frame: bytes) -> None:
        heard = self._hearing.hear(frame, self._clock())
        if heard.echo:
            self._echoed_s = asyncio.get_running_loop().time()
        if self.line.is_up:
            self._owner.told(heard)
        if heard.broken:
            self.line.cut(heard.broken)

    def _keep(self) -> None:
        self._chores.start("listen key", self._extend)

    async def _extend(self) -> None:
        """Half an hour has passed: the key gets another hour, or the line begins again with a new one."""
        for _ in range(KEEP_TRIES):
            said = await self._asking.read(asks.keep_alive(), dict[str, object])
            if not isinstance(said, Failed):
                return
            if said.code == mends.BAD_LISTEN_KEY:
                self.line.cut(said.why)
                return
            await asyncio.sleep(self._options.keep_alive_s / 10)
        self.line.cut("the listen key could not be kept alive")
