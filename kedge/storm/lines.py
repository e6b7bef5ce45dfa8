"""The net of a wire storm: the real adapters' `Wires`, joined in memory to testnets on the same virtual loop.

Everything takes time, and order holds within one WebSocket as it does within TCP. What goes wrong beyond
that is the weather of the testnet itself (`Faulty`): here a message is only ever late, or its sender dead.

A request belongs to the engine until it has left, then to the venue: an engine that dies takes its answers
with it and not its requests. What comes back runs as the engine's own step, so it can be frozen, and killed,
in the middle of reading it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from kedge.sim.loop import Process, StormLoop
from kedge.sim.testnet.faulty import CUT, Faulty, Session
from kedge.sim.testnet.web import Reply, Request
from kedge.venues.wires import Ears, Headers, HttpAsk, HttpSaid, Mouth, NoReply

# How long a message is on its way, drawn anew for each.
Delay = Callable[[], int]
# Who answers at a host; None while nobody does.
Doors = Callable[[str], Faulty | None]


class StormWires:
    """One account's way to the outside, in one engine's life."""

    def __init__(self, loop: StormLoop, process: Process, doors: Doors, delay: Delay) -> None:
        self.loop = loop
        self.process = process
        self.doors = doors
        self.delay = delay
        self.sockets: dict[int, _Socket] = {}
        self._made = 0
        process.at_death(self.abandon)

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid | NoReply:
        answer: asyncio.Future[HttpSaid | NoReply] = self.loop.create_future()
        door = self.doors(_host(base))
        if door is None:
            await asyncio.sleep(self.delay() / 1e9)
            return NoReply("cannot connect: connection refused", unsent=True)
        request = _request(ask.method, ask.target, ask.headers, ask.body)
        self.loop.post(self.loop.root, lambda: self._arrive(base, request, answer), delay_ns=self.delay())
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return NoReply(f"no answer within {timeout_s:g} s")

    def _arrive(self, base: str, request: Request, answer: asyncio.Future[HttpSaid | NoReply]) -> None:
        door = self.doors(_host(base))
        if door is None:
            self._resolve(answer, NoReply("the connection was reset"))
            return

        def told(reply: Reply | None) -> None:
            if reply is None:
                self._resolve(answer, NoReply("the connection was reset"))
            else:
                headers = {name.lower(): value for name, value in reply.headers.items()}
                self._resolve(answer, HttpSaid(reply.status, headers, reply.body))

        door.ask(request, told)

    def _resolve(self, answer: asyncio.Future[HttpSaid | NoReply], what: HttpSaid | NoReply) -> None:
        def arrive() -> None:
            if not answer.done():
                answer.set_result(what)

        self.loop.post(self.process, arrive, delay_ns=self.delay())

    # ── WebSockets ──────────────────────────────────────────────────────────────────────────────

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> Mouth | NoReply:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        request = _request("GET", target, headers, b"")
        opened: asyncio.Future[Mouth | NoReply] = self.loop.create_future()
        self.loop.post(
            self.loop.root, lambda: self._open(parts.netloc, request, ears, opened), delay_ns=self.delay()
        )
        try:
            async with asyncio.timeout(timeout_s):
                return await opened
        except TimeoutError:
            return NoReply(f"no connection within {timeout_s:g} s", unsent=True)

    def _open(self, host: str, request: Request, ears: Ears, opened: asyncio.Future[Mouth | NoReply]) -> None:
        def told(what: Mouth | NoReply) -> None:
            def arrive() -> None:
                if not opened.done():
                    opened.set_result(what)
                elif not isinstance(what, NoReply):
                    what.close()

            self.loop.post(self.process, arrive, delay_ns=self.delay())

        door = self.doors(host)
        if door is None or not self.process.alive:
            told(NoReply("cannot connect: connection refused", unsent=True))
            return
        self._made += 1
        socket = _Socket(self, self._made, ears)
        session = door.socket(request, socket.far)
        if isinstance(session, Reply):
            told(
                NoReply(f"refused with HTTP {session.status}: {session.body[:200].decode(errors='replace')}")
            )
            return
        socket.session = session
        self.sockets[socket.number] = socket
        told(socket.near)

    async def close(self) -> None:
        for socket in list(self.sockets.values()):
            socket.near.close()

    def abandon(self) -> None:
        """The engine has died: the venue notices that its lines are cut."""
        for socket in list(self.sockets.values()):
            socket.leave()


class _Socket:
    """One WebSocket, both ends of it: `near` is the adapter's, the venue's is `far`."""

    def __init__(self, wires: StormWires, number: int, ears: Ears) -> None:
        self.number = number
        self.near, self.far = _Near(self), _Far(self)
        self.session: Session | None = None
        self.closed = False  # by the adapter: nothing more is heard
        self._ears = ears
        self._wires = wires
        self._there_ns = self._here_ns = 0  # when the last message arrives on either side
        self._told = self._gone = False

    def there(self, do: Callable[[Session], None]) -> None:
        """Do it at the venue, after everything that was sent there before."""
        loop = self._wires.loop
        self._there_ns = max(self._there_ns, loop.now_ns + self._wires.delay())

        def arrive() -> None:
            if self.session is not None and not self._gone:
                do(self.session)

        loop.post(loop.root, arrive, delay_ns=self._there_ns - loop.now_ns)

    def here(self, do: Callable[[Ears], None]) -> None:
        """Do it in the engine, after everything that was sent here before."""
        loop = self._wires.loop
        self._here_ns = max(self._here_ns, loop.now_ns + self._wires.delay())

        def arrive() -> None:
            if not self.closed and not self._told:
                do(self._ears)

        loop.post(self._wires.process, arrive, delay_ns=self._here_ns - loop.now_ns)

    def end(self, why: str) -> None:
        """The venue has ended it; the adapter hears so once."""

        def told(ears: Ears) -> None:
            self._told = True
            ears.ended(why)

        self.here(told)
        self.leave()

    def leave(self) -> None:
        """The venue no longer keeps it."""
        self._wires.sockets.pop(self.number, None)
        session, self._gone = self.session, True
        if session is not None:
            self.session = None
            session.gone()


class _Near:
    """`Mouth`."""

    def __init__(self, socket: _Socket) -> None:
        self._socket = socket

    def say(self, frame: bytes) -> bool:
        if self._socket.closed:
            return False
        self._socket.there(lambda session: session.heard(frame))
        return True

    def ping(self) -> None:
        if not self._socket.closed:
            self._socket.there(lambda session: session.pinged(b""))

    def close(self) -> None:
        if not self._socket.closed:
            self._socket.closed = True
            self._socket.there(lambda session: self._socket.leave())


class _Far:
    """`Line`."""

    def __init__(self, socket: _Socket) -> None:
        self._socket = socket

    def say(self, text: bytes) -> None:
        self._socket.here(lambda ears: ears.heard(text))

    def ping(self, payload: bytes) -> None:
        """The engine's end answers by itself, as a WebSocket library does."""
        self._socket.here(lambda ears: self._socket.there(lambda session: session.ponged(payload)))

    def close(self, code: int, why: str) -> None:
        self._socket.end(
            "the connection broke" if code == CUT else f"closed by the venue ({code} {why})".strip()
        )


def _request(method: str, target: str, headers: Headers, body: bytes) -> Request:
    path, _, query = target.partition("?")
    return Request(method, path, query, {name.lower(): value for name, value in headers}, body)


def _host(base: str) -> str:
    return urlsplit(base).netloc


def doors_of(known: Mapping[str, Callable[[], Faulty | None]]) -> Doors:
    def find(host: str) -> Faulty | None:
        door = known.get(host)
        return door() if door is not None else None

    return find
