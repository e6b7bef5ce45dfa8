"""One line of the WS API: logged on where the key allows it, subscribed to the user stream where wanted.

The desk keeps two. `private` hears the account: its end is the account's. `orders` only takes deeds: while it
is away they go by REST. So a burst of one's own fills delays no order, and a fault of either is told for what
it is.

The heartbeat asks the time: its answer proves the line alive, and keeps the clock's skew known.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from kedge.venues.binance.errors import sentence_of
from kedge.venues.binance.sign import Value
from kedge.venues.binance.spot import asks, wire
from kedge.venues.binance.spot.market import ServerTime
from kedge.venues.binance.spot.rules import Options
from kedge.venues.binance.spot.us import Us
from kedge.venues.binance.spot.wire import (
    ExecutionReport,
    Frame,
    LoggedOn,
    Other,
    Private,
    ServerShutdown,
    StreamTerminated,
    Subscribed,
    Unreadable,
)
from kedge.venues.line import Address, Line, LineWaits
from kedge.venues.rest import Rest
from kedge.venues.silence import Refused, Silence
from kedge.venues.venue import Clock
from kedge.venues.wires import Wires

NS_PER_MS = 1_000_000
# Questions about the time that are under way; a dead line answers none of them.
BEATS_MAX = 16

Knock = Callable[[], Awaitable[Silence | Refused | None]]


class Listener(Protocol):
    """Who hears the account, and is told of the line."""

    def private(self, said: Private) -> None: ...

    def line_up(self) -> None: ...

    def line_down(self, why: str, refused: bool, stopped: bool) -> None: ...


class Session:
    """`knock` is asked before every attempt: whether the venue may be gone to at all."""

    def __init__(self, name: str, url: str, us: Us, rest: Rest, clock: Clock, options: Options) -> None:
        self.name = name
        self.strangers = 0  # events of a subscription that is not ours, or of a kind we do not know
        self._url = url
        self._us = us
        self._rest = rest
        self._clock = clock
        self._options = options
        self._line: Line[Frame] | None = None
        self._knock: Knock | None = None
        self._listener: Listener | None = None
        self._last_id = 0
        self._logged_on = False
        self._subscribe_id = 0
        self._subscription: int | None = None
        # When the time was asked, by id.
        self._beats: dict[int, int] = {}

    @property
    def quiet_ns(self) -> int:
        """How long nothing was heard; 0 while there is no connection."""
        return self._line.quiet_ns if self._line is not None else 0

    def open(self, wires: Wires, knock: Knock, listener: Listener | None = None) -> None:
        o = self._options
        waits = LineWaits(
            connect_s=o.connect_s,
            heartbeat_s=o.session_beat_s,
            silence_s=o.session_silence_s,
            life_s=o.renew_s,
            backoff_first_s=o.backoff_first_s,
            backoff_max_s=o.backoff_max_s,
        )
        self._knock, self._listener = knock, listener
        self._line = Line(self.name, wires, self, waits)
        self._line.open()

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()

    def retry(self) -> None:
        if self._line is not None:
            self._line.retry()

    def cut(self, why: str) -> None:
        if self._line is not None:
            self._line.cut(why)

    @property
    def is_up(self) -> bool:
        return self._line is not None and self._line.is_up

    async def ask(self, method: str, params: dict[str, Value], valid_until_ns: int = 0) -> Frame | Silence:
        """Stamp, sign and send one request now; one attempt."""
        stamped = self._us.stamped(params, valid_until_ns, logged_on=self._logged_on)
        if stamped is None:
            return Silence("not sent: its last moment has passed", unsent=True)
        return await self._send(method, stamped)

    # ── the line's owner ────────────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        assert self._knock is not None
        return await self._knock() or Address(self._url)

    async def greet(self) -> Silence | Refused | None:
        self._logged_on, self._subscription = False, None
        self._beats.clear()
        if self._us.may_log_on:
            failed = await self._log_on()
            if failed is not None:
                return failed
        return await self._subscribe() if self._listener is not None else None

    def heard(self, frame: bytes) -> None:
        assert self._line is not None
        said = wire.read_frame(frame)
        if isinstance(said, Unreadable):
            self._line.cut(said.why)  # it may have been a fill
        elif said.event:
            self._event(said)
        else:
            self._reply(said)

    def paused(self) -> None:
        pass

    def beat(self) -> bytes | None:
        """What the time is; while the venue wants to be left alone a ping, which is no request."""
        assert self._line is not None
        if self._rest.allowance.banned_ns(self._clock()):
            self._line.excuse()
            return None
        self._last_id += 1
        if len(self._beats) < BEATS_MAX:
            self._beats[self._last_id] = self._clock()
        return asks.call(self._last_id, "time")

    def up(self) -> None:
        if self._listener is not None:
            self._listener.line_up()

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        if self._listener is not None:
            self._listener.line_down(why, refused, stopped)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    async def _log_on(self) -> Silence | Refused | None:
        said = await self.ask("session.logon", {})
        failed = self._failed(said)
        if failed is not None or isinstance(said, Silence):
            return failed
        result = wire.read_as(bytes(said.result), LoggedOn)
        if isinstance(result, Unreadable):
            return Silence(result.why)
        self._logged_on = result.api_key is not None
        return None

    async def _subscribe(self) -> Silence | Refused | None:
        if self._logged_on:
            frame_id = self._last_id + 1
            self._subscribe_id = frame_id
            said = await self._send("userDataStream.subscribe", None)
        else:
            self._subscribe_id = self._last_id + 1
            said = await self.ask("userDataStream.subscribe.signature", {})
        failed = self._failed(said)
        if failed is None and self._subscription is None:
            return Silence("the venue did not say which subscription is ours")
        return failed

    def _failed(self, said: Frame | Silence) -> Silence | Refused | None:
        if isinstance(said, Silence):
            return said
        if said.status == 200:
            return None
        failure = self._us.ws_failure(said)
        why = sentence_of(failure)
        return Refused(why) if failure.for_a_person else Silence(why, retry_ns=failure.retry_ns)

    async def _send(self, method: str, params: dict[str, Value] | None) -> Frame | Silence:
        assert self._line is not None
        self._last_id += 1
        return await self._line.ask(
            self._last_id, asks.call(self._last_id, method, params), self._options.request_s
        )

    def _reply(self, said: Frame) -> None:
        assert self._line is not None
        self._rest.heed(self._us.ws_heed(said))
        if not isinstance(said.id, int):
            # About no request of ours: the session was revoked, or we were not understood.
            self._line.cut(sentence_of(self._us.ws_failure(said)))
            return
        if said.id == self._subscribe_id and said.status == 200:
            # Here and not in `greet`, which runs later: the next frame may be an event already.
            result = wire.read_as(bytes(said.result), Subscribed)
            self._subscription = None if isinstance(result, Unreadable) else result.subscription_id
        sent_ns = self._beats.pop(said.id, None)
        if sent_ns is None:
            self._line.answer(said.id, said)
        elif said.status == 200:
            self._tick(sent_ns, said)

    def _tick(self, sent_ns: int, said: Frame) -> None:
        assert self._line is not None
        time = wire.read_as(bytes(said.result), ServerTime)
        if isinstance(time, Unreadable):
            return
        skew = self._us.skew
        skew.measured(sent_ns, time.server_time * NS_PER_MS, self._clock())
        if skew.known and skew.fault:
            self._line.cut(skew.fault)

    def _event(self, frame: Frame) -> None:
        assert self._line is not None
        said = wire.read_private(bytes(frame.event))
        if isinstance(said, Unreadable):
            self._line.cut(said.why)
        elif isinstance(said, ServerShutdown):
            self._line.renew("the venue is about to shut this server down")
        elif self._listener is None or isinstance(said, Other) or not self._is_ours(frame):
            self.strangers += 1
        elif isinstance(said, StreamTerminated):
            self._line.cut("the venue has ended the user stream")
        elif isinstance(said, ExecutionReport) and isinstance(wire.report_of(said), Unreadable):
            self._line.cut(f"unreadable execution report: status {said.X[:40]!r}")
        else:
            self._listener.private(said)

    def _is_ours(self, frame: Frame) -> bool:
        """One line may carry several accounts' events; those without a number are of the only one."""
        return frame.subscription_id is None or frame.subscription_id == self._subscription
