"""A net in memory: `Wires` for any adapter, joined to any `Testnet`, with a weather between them.

Nothing is decided here but who hears what and when. A WebSocket keeps its order in each direction, as TCP
does; between two there is none. What goes wrong is drawn by a `Weather`.

    here, there   what runs as the adapter's and what runs as the venue's. In a world of several processes
                  these are two of them, so that a request outlives the engine that sent it; else the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, get_args
from urllib.parse import urlsplit

from kedge.sim.tape import Marks, Tape
from kedge.sim.testnet.web import Reply, Request, Testnet, Visitor
from kedge.venues.wires import Ears, Headers, HttpAsk, HttpSaid, Mouth, NoReply

SECOND_NS = 1_000_000_000
# A ping frame that is not answered within this ends the WebSocket, as it does on the real net.
PONG_NS = 10 * SECOND_NS
# When a venue's system notices that the far end of a half-open line is gone.
GHOST_NS = 900 * SECOND_NS
# What may be on its way on one line, one way; who falls behind so far is cut off.
ON_WAY_MAX = 10_000

Way = Literal["out", "in"]  # as the adapter sees it

HttpFate = Literal[
    "fair",
    "refused",  # no connection: certainly unsent
    "lost",  # the request never arrives
    "slow",  # the request arrives late, and is read all the same
    "reset",  # the connection breaks before the request is read
    "busy",  # 503, not done
    "failed",  # 502, and done all the same
    "unheard",  # done, and the connection breaks instead of the reply
    "late",  # done, and answered after everybody's patience
]
SocketFate = Literal["fair", "refused", "unanswered"]
FrameFate = Literal[
    "fair",
    "dropped",
    "doubled",
    "slow",  # and everything behind it on this line
    "cut",  # both ends learn of it; what was on its way is lost
    "half_open",  # neither end is told, and nothing arrives any more
]

Post = Callable[[int, Callable[[], None]], None]  # runs a callback after so many nanoseconds
Doors = Callable[[str], Testnet | None]  # who answers at a host ("127.0.0.1:8001"); None: nobody does


class Weather(Protocol):
    """What happens, drawn each time anew."""

    def delay_ns(self, way: Way) -> int: ...

    def late_ns(self) -> int:
        """How much later than usual a late reply or a slow frame is."""

    def exchange(self, host: str, ask: HttpAsk) -> HttpFate: ...

    def opening(self, url: str) -> SocketFate: ...

    def frame(self, url: str, way: Way, frame: bytes) -> FrameFate: ...

    def together(self) -> bool:
        """Whether the next frame on its way is read in one with this one."""


class Calm:
    """Fair weather: everything takes a millisecond each way."""

    def delay_ns(self, way: Way) -> int:
        return 1_000_000

    def late_ns(self) -> int:
        return 30 * SECOND_NS

    def exchange(self, host: str, ask: HttpAsk) -> HttpFate:
        return "fair"

    def opening(self, url: str) -> SocketFate:
        return "fair"

    def frame(self, url: str, way: Way, frame: bytes) -> FrameFate:
        return "fair"

    def together(self) -> bool:
        return False


class Rough(Calm):
    """Weather from a tape: each kind in `permille` ("http.lost", "frame.cut", "sent.slow") with its own
    likelihood, counted in `marks`. `heal` ends it."""

    def __init__(
        self,
        tape: Tape,
        permille: Mapping[str, int],
        marks: Marks | None = None,
        delay_ns: tuple[int, int] = (50_000, 20_000_000),
        late_ns: tuple[int, int] = (SECOND_NS, 30 * SECOND_NS),
    ) -> None:
        unknown = [kind for kind in permille if kind not in KINDS]
        assert not unknown, f"no such weather: {unknown}"
        self.permille = dict(permille)
        self.marks = marks if marks is not None else Marks()
        self._tape = tape
        self._delay_ns = delay_ns
        self._late_ns = late_ns

    def heal(self) -> None:
        self.permille.clear()

    def delay_ns(self, way: Way) -> int:
        return self._tape.ns(f"wires.{way}", *self._delay_ns)

    def late_ns(self) -> int:
        return self._tape.ns("wires.late", *self._late_ns)

    def exchange(self, host: str, ask: HttpAsk) -> HttpFate:
        return next((fate for fate in _HTTP if self._fires(f"http.{fate}")), "fair")

    def opening(self, url: str) -> SocketFate:
        return next((fate for fate in _SOCKET if self._fires(f"socket.{fate}")), "fair")

    def frame(self, url: str, way: Way, frame: bytes) -> FrameFate:
        """A venue may say a thing twice; what we say arrives once at most, as TCP has it."""
        if way == "in":
            return next((fate for fate in _FRAME if self._fires(f"frame.{fate}")), "fair")
        return next((fate for fate in _SENT if self._fires(f"sent.{fate}")), "fair")

    def together(self) -> bool:
        return self._tape.draw("wires.together", 2) == 1

    def _fires(self, kind: str) -> bool:
        fires = self._tape.chance(kind, self.permille.get(kind, 0))
        if fires:
            self.marks.sometimes(kind)
        return fires


_HTTP: tuple[HttpFate, ...] = get_args(HttpFate)[1:]
_SOCKET: tuple[SocketFate, ...] = get_args(SocketFate)[1:]
_FRAME: tuple[FrameFate, ...] = get_args(FrameFate)[1:]
_SENT: tuple[FrameFate, ...] = tuple(fate for fate in _FRAME if fate != "doubled")
KINDS = (
    *(f"http.{fate}" for fate in _HTTP),
    *(f"socket.{fate}" for fate in _SOCKET),
    *(f"frame.{fate}" for fate in _FRAME),
    *(f"sent.{fate}" for fate in _SENT),
)


def on_loop(after_ns: int, do: Callable[[], None]) -> None:
    """`Post` on the loop that runs now."""
    asyncio.get_running_loop().call_later(after_ns / SECOND_NS, do)


class SimWires:
    """One account's way to the outside."""

    def __init__(
        self,
        doors: Doors | Mapping[str, Testnet],
        weather: Weather | None = None,
        here: Post = on_loop,
        there: Post = on_loop,
    ) -> None:
        self.weather = weather if weather is not None else Calm()
        self.here, self.there = here, there
        # Open WebSockets, by number, for those who make the weather.
        self.sockets: dict[int, Socket] = {}
        self._door: Doors = doors.get if isinstance(doors, Mapping) else doors
        self._opened = 0

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid | NoReply:
        host = urlsplit(base).netloc
        fate = self.weather.exchange(host, ask)
        answered: asyncio.Future[HttpSaid | NoReply] = asyncio.get_running_loop().create_future()

        def answer(what: HttpSaid | NoReply, extra_ns: int = 0) -> None:
            self.here(extra_ns + self.weather.delay_ns("in"), lambda: _settle(answered, what))

        if fate == "refused" or self._door(host) is None:
            answer(NoReply("cannot connect: connection refused", unsent=True))
        elif fate != "lost":
            out_ns = self.weather.delay_ns("out") + (self.weather.late_ns() if fate == "slow" else 0)
            self.there(out_ns, lambda: self._arrive(host, ask, fate, answer))
        try:
            async with asyncio.timeout(timeout_s):
                return await answered
        except TimeoutError:
            return NoReply(f"no answer within {timeout_s:g} s")

    def _arrive(self, host: str, ask: HttpAsk, fate: HttpFate, answer: Callable[..., None]) -> None:
        door = self._door(host)
        if fate == "reset" or door is None:
            answer(NoReply("the connection was closed before the answer"))
            return
        if fate == "busy":
            answer(HttpSaid(503, {}, b"Service Unavailable"))
            return
        reply = door.http(_request(ask.method, ask.target, ask.headers, ask.body))
        if fate == "failed":
            answer(HttpSaid(502, {}, b"Bad Gateway"))
        elif fate == "unheard":
            answer(NoReply("the connection was closed before the answer"))
        else:
            said = HttpSaid(reply.status, _small(reply.headers), reply.body)
            answer(said, self.weather.late_ns() if fate == "late" else 0)

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> Mouth | NoReply:
        parts = urlsplit(url)
        fate = self.weather.opening(url)
        opened: asyncio.Future[Mouth | NoReply] = asyncio.get_running_loop().create_future()
        if fate == "refused" or self._door(parts.netloc) is None:
            said = NoReply("cannot connect: connection refused", unsent=True)
            self.here(self.weather.delay_ns("in"), lambda: _settle(opened, said))
        elif fate == "fair":
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            request = _request("GET", target, headers, b"")
            self._opened += 1
            socket = Socket(self, self._opened, url, ears)
            self.there(
                self.weather.delay_ns("out"), lambda: self._open(parts.netloc, request, socket, opened)
            )
        try:
            async with asyncio.timeout(timeout_s):
                return await opened
        except TimeoutError:
            return NoReply(f"no connection within {timeout_s:g} s", unsent=True)
        finally:
            opened.cancel()

    def _open(
        self, host: str, request: Request, socket: Socket, opened: asyncio.Future[Mouth | NoReply]
    ) -> None:
        door = self._door(host)
        if door is None or opened.cancelled():
            said = NoReply("cannot connect: connection refused", unsent=True)
            self.here(self.weather.delay_ns("in"), lambda: _settle(opened, said))
            return
        self.sockets[socket.number] = socket
        found = door.socket(request, socket)
        if isinstance(found, Reply):
            self.sockets.pop(socket.number, None)
            if told := getattr(socket.ears, "refused", None):
                told(found)
            text = f"HTTP {found.status}: {found.body[:200].decode(errors='replace')}"
            said = NoReply(f"no WebSocket: {text}", unsent=True)
            self.here(self.weather.delay_ns("in"), lambda: _settle(opened, said))
            return
        socket.meet(found)
        # First on the line, so that what the venue says at once is heard after it.
        socket.inwards.first(lambda: socket.give(opened))

    async def close(self) -> None:
        for socket in list(self.sockets.values()):
            socket.mouth.close()

    def abandon(self, *, told: bool) -> None:
        """Whoever spoke here has died: the venue is `told`, or left with lines that are half-open."""
        for socket in list(self.sockets.values()):
            socket.muted = True
            if told:
                socket.leave()
            else:
                socket.half_open()


class Lane:
    """One direction of a WebSocket. Whatever the delays, each arrival takes the oldest on the way."""

    def __init__(self, way: Way, wires: SimWires, post: Post, paused: Callable[[], None]) -> None:
        self.on_way: deque[Callable[[], None]] = deque()
        self._there_s = 0.0
        self._way = way
        self._wires = wires
        self._post = post
        self._paused = paused

    def send(self, do: Callable[[], None], extra_ns: int = 0) -> None:
        """`do` happens at the far end, after everything that was sent before."""
        self.on_way.append(do)
        self._start(extra_ns)

    def first(self, do: Callable[[], None]) -> None:
        """Before everything that is on its way already."""
        self.on_way.appendleft(do)
        self._start(0)

    def _start(self, extra_ns: int) -> None:
        now_s = asyncio.get_running_loop().time()
        delay_s = (extra_ns + self._wires.weather.delay_ns(self._way)) / SECOND_NS
        # Not before the one in front of it, so that what is slow slows all behind it.
        self._there_s = max(self._there_s, now_s + delay_s)
        self._post(round((self._there_s - now_s) * SECOND_NS), self._arrive)

    def _arrive(self) -> None:
        if not self.on_way:
            return  # lost on the way, or read in one with an earlier one
        self.on_way.popleft()()
        while self.on_way and self._wires.weather.together():
            self.on_way.popleft()()
        self._paused()


class Socket:
    """One WebSocket: the venue's `Line`, and by `mouth` the adapter's `Mouth`."""

    def __init__(self, wires: SimWires, number: int, url: str, ears: Ears) -> None:
        self.number = number
        self.url = url
        self.mouth = _Mouth(self)
        self.visitor: Visitor | None = None
        self.ears = ears
        self.open = True  # as the adapter sees it
        self.muted = False  # the adapter is dead, and hears nothing
        self.inwards = Lane("in", wires, wires.here, self._pause)
        self.outwards = Lane("out", wires, wires.there, lambda: None)
        self._wires = wires
        self._deaf = False
        self._pings = 0
        self._pong_due = False

    def meet(self, visitor: Visitor) -> None:
        """The venue lets somebody in; it may have thought better of it already."""
        if self.number in self._wires.sockets:
            self.visitor = visitor
        else:
            visitor.gone()

    def give(self, opened: asyncio.Future[Mouth | NoReply]) -> None:
        """The handshake is through, if somebody still waits for it."""
        if opened.done():
            self.muted = True
            self.mouth.close()
        else:
            opened.set_result(self.mouth)

    # ── the venue speaks: `Line` ────────────────────────────────────────────────────────────────

    def say(self, text: bytes) -> None:
        self._carry(self.inwards, "in", text, lambda: self._hear(text))

    def ping(self, payload: bytes) -> None:
        """The adapter's side answers by itself, as every WebSocket library does."""
        self._send(self.inwards, lambda: self._send(self.outwards, lambda: self._ponged(payload)))

    def close(self, code: int, why: str) -> None:
        self._send(self.inwards, lambda: self._closed(code, why))
        self.leave()

    # ── the weather ─────────────────────────────────────────────────────────────────────────────

    def cut(self) -> None:
        """The connection breaks, and both ends learn of it; what was on its way is lost."""
        self._lose_all()
        weather = self._wires.weather
        self._wires.here(weather.delay_ns("in"), lambda: self._end("the connection was lost"))
        self._wires.there(weather.delay_ns("out"), self.leave)

    def half_open(self) -> None:
        """From now on nothing arrives at either end, and neither is told."""
        self._lose_all()
        self._wires.there(GHOST_NS, self.leave)

    def _lose_all(self) -> None:
        self._deaf = True
        self.inwards.on_way.clear()
        self.outwards.on_way.clear()

    # ── carrying ────────────────────────────────────────────────────────────────────────────────

    def hear_out(self, frame: bytes) -> None:
        """The adapter says this."""
        self._carry(self.outwards, "out", frame, lambda: self._heard(frame))

    def ask_pong(self) -> None:
        """Without a pong, or any other sign, the socket has ended."""
        self._send(self.outwards, self._pinged)
        if self._pong_due:
            return
        self._pings += 1
        self._pong_due, mine = True, self._pings

        def give_up() -> None:
            if self._pong_due and mine == self._pings and self.open:
                self._end(f"no pong within {PONG_NS // SECOND_NS} s")
                self._send(self.outwards, self.leave)

        self._wires.here(PONG_NS, give_up)

    def leave(self) -> None:
        """The venue no longer keeps it."""
        self._wires.sockets.pop(self.number, None)
        visitor, self.visitor = self.visitor, None
        if visitor is not None:
            visitor.gone()

    def goodbye(self) -> None:
        """The adapter hangs up."""
        self._end("closed by this side")
        self._send(self.outwards, self.leave)

    def _carry(self, lane: Lane, way: Way, frame: bytes, do: Callable[[], None]) -> None:
        if self._deaf or self.number not in self._wires.sockets:
            return
        fate = self._wires.weather.frame(self.url, way, frame)
        if fate == "cut" or len(lane.on_way) >= ON_WAY_MAX:
            self.cut()
        elif fate == "half_open":
            self.half_open()
        elif fate != "dropped":
            extra_ns = self._wires.weather.late_ns() if fate == "slow" else 0
            lane.send(do, extra_ns)
            if fate == "doubled":
                lane.send(do)

    def _send(self, lane: Lane, do: Callable[[], None]) -> None:
        if not self._deaf:
            lane.send(do)

    def _hear(self, text: bytes) -> None:
        if self.open and not self.muted:
            self._pong_due = False
            self.ears.heard(text)

    def _pause(self) -> None:
        paused = getattr(self.ears, "paused", None)
        if paused is not None and self.open and not self.muted:
            paused()

    def _end(self, why: str) -> None:
        if self.open:
            self.open = False
            if not self.muted:
                self.ears.ended(why)

    def _closed(self, code: int, why: str) -> None:
        if told := getattr(self.ears, "closing", None):
            told(code, why)
        self._end(f"closed by the venue ({code} {why})".replace(" )", ")"))

    def _heard(self, frame: bytes) -> None:
        if self.visitor is not None:
            self.visitor.heard(frame)

    def _pinged(self) -> None:
        if self.visitor is not None:
            self.visitor.pinged(b"")
            self._send(self.inwards, self._pong)

    def _pong(self) -> None:
        self._pong_due = False

    def _ponged(self, payload: bytes) -> None:
        if self.visitor is not None:
            self.visitor.ponged(payload)


class _Mouth:
    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    def say(self, frame: bytes) -> bool:
        if not self._socket.open:
            return False
        self._socket.hear_out(frame)
        return True

    def ping(self) -> None:
        if self._socket.open:
            self._socket.ask_pong()

    def close(self) -> None:
        if self._socket.open:
            self._socket.goodbye()


def _settle(
    waiting: asyncio.Future[HttpSaid | NoReply] | asyncio.Future[Mouth | NoReply], what: object
) -> None:
    if not waiting.done():
        waiting.set_result(what)  # type: ignore[arg-type]


def _request(method: str, target: str, headers: Headers, body: bytes) -> Request:
    path, _, query = target.partition("?")
    return Request(method, path, query, _small(dict(headers)), body)


def _small(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
