"""Lines between the processes of a world: ordered, bounded, and cut in every way a wire can be.

A `Line` is one end of a connection that carries whole messages (bytes), as a web socket does; message
order is kept within a connection and nowhere else. What the weather may do to it:

    delay       each message, drawn anew, never overtaking an earlier one
    half-open   the far end is gone and nobody says so: what is sent vanishes, nothing is ever received
    cut         both ends learn of it: `LineCut` at the next receive
    partition   between two names: messages are held and connections refused until it is lifted

A killed process leaves its lines half-open (the host lost its power) or cut (its system said goodbye),
as the tape chooses. A full inbox stops the sender, as a real window does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from msgspec import Struct

from kedge.sim.loop import StormLoop
from kedge.sim.process import Process
from kedge.sim.tape import Marks, Tape

INBOX_MAX = 1024

Server = Callable[["Line"], Awaitable[None]]


class LineCut(ConnectionError):
    """The connection is gone and this end knows it."""


class LineRefused(ConnectionError):
    """Nobody listens there, or nothing gets through."""


class NetWeather(Struct, frozen=True):
    delay_ns: tuple[int, int] = (50_000, 20_000_000)
    connect_timeout_ns: int = 10_000_000_000


class Line:
    """One end. `far` is who is at the other one."""

    def __init__(self, net: SimNet, owner: Process, far_name: str) -> None:
        self.owner = owner
        self.far_name = far_name
        self._net = net
        self._far: Line | None = None  # set by the pairing
        self._inbox: deque[bytes] = deque()
        self._on_way: deque[bytes | None] = deque()  # from us, not yet there; None is the end
        self._arrives_ns = 0
        self._room: asyncio.Future[None] | None = None
        self._news: asyncio.Future[None] | None = None
        self.half_open = False
        self.cut = False
        self.ended = False  # the far end closed in good order; what it sent before can still be read

    async def send(self, message: bytes) -> None:
        """Returns when the message has left, which says nothing about its arrival."""
        self.owner.check()
        while not self._gone() and self._backlog() >= INBOX_MAX:
            if self._room is None or self._room.done():
                self._room = self._net.loop.create_future()
            await asyncio.shield(self._room)
        if self._gone():
            raise LineCut(f"the line to {self.far_name} is closed")
        if not self.half_open:
            self._on_way.append(message)
            self._net.carry(self)

    async def receive(self) -> bytes | None:
        """The next message; None when the far end has closed."""
        while not self._inbox:
            if self.cut:
                raise LineCut(f"the line to {self.far_name} was cut")
            if self.ended:
                return None
            if self._news is None or self._news.done():
                self._news = self._net.loop.create_future()
            await asyncio.shield(self._news)
        message = self._inbox.popleft()
        if self._far is not None:
            _wake(self._far._room)
        return message

    def close(self) -> None:
        """In good order: the far end reads what was sent, then the end."""
        if self.owner.alive and not self.cut and not self.half_open:
            self._on_way.append(None)
            self._net.carry(self)
        self._break()

    def _gone(self) -> bool:
        return self.cut or self.ended

    def _backlog(self) -> int:
        return len(self._on_way) + (len(self._far._inbox) if self._far is not None else 0)

    def _break(self) -> None:
        self.cut = True
        self._tell()

    def _tell(self) -> None:
        _wake(self._news)
        _wake(self._room)


class SimNet:
    """All wires of a world."""

    def __init__(
        self, loop: StormLoop, tape: Tape, weather: NetWeather | None = None, marks: Marks | None = None
    ) -> None:
        self.loop = loop
        self.tape = tape
        self.weather = weather if weather is not None else NetWeather()
        self.marks = marks if marks is not None else Marks()
        self._servers: dict[str, tuple[Process, Server]] = {}
        self._lines: list[Line] = []
        self._parted: dict[tuple[str, str], bool] = {}
        self._minded: dict[str, Process] = {}

    def listen(self, name: str, process: Process, server: Server) -> None:
        """Run `server` as a task of `process` for each connection to `name`."""
        self._servers[name] = (process, server)
        process.at_death(lambda: self._forget(name, process))

    async def connect(self, name: str) -> Line:
        """A line from the process that runs now to whoever listens to `name`."""
        owner = self.loop.current
        owner.check()
        await asyncio.sleep(self._delay_ns() / 1e9)
        if self.parted(owner.name, name):
            await asyncio.sleep(self.weather.connect_timeout_ns / 1e9)
            raise LineRefused(f"no answer from {name}")
        listening = self._servers.get(name)
        if listening is None or not listening[0].alive:
            raise LineRefused(f"nobody listens to {name}")
        process, server = listening
        near, far = Line(self, owner, name), Line(self, process, owner.name)
        near._far, far._far = far, near
        self._lines = [line for line in self._lines if line.owner.alive and (line._on_way or not line.cut)]
        self._lines += [near, far]
        self._mind(owner)
        self._mind(process)
        self.loop.post(process, self._serve, process, server, far)
        return near

    def part(self, one: str, other: str) -> None:
        """From now on nothing passes between these two."""
        self.marks.sometimes("net.partition")
        self._parted[_pair(one, other)] = True

    def join(self, one: str, other: str) -> None:
        """Lift the partition: what was held arrives, in order."""
        self._parted.pop(_pair(one, other), None)
        for line in self._lines:
            if _pair(line.owner.name, line.far_name) == _pair(one, other):
                for _ in range(len(line._on_way)):
                    self.carry(line)

    def heal(self) -> None:
        for one, other in list(self._parted):
            self.join(one, other)

    def parted(self, one: str, other: str) -> bool:
        return _pair(one, other) in self._parted

    def cut(self, line: Line) -> None:
        """Reset the connection: both ends learn of it, and what was on its way is lost."""
        self.marks.sometimes("net.cut")
        for end in (line, line._far):
            if end is not None:
                end._on_way.clear()
                self._post_to(end, end._break)

    def lose(self, line: Line) -> None:
        """Make the connection half-open: silence in both directions, and nobody is told."""
        self.marks.sometimes("net.half-open")
        for end in (line, line._far):
            if end is not None:
                end.half_open = True
                end._on_way.clear()

    def lines_of(self, name: str) -> list[Line]:
        """The open ends this process or listener has, for those who make the weather."""
        return [line for line in self._lines if line.owner.name == name and not line.cut]

    # ── carrying ───────────────────────────────────────────────────────────────────────────────

    def carry(self, line: Line) -> None:
        """One message leaves. Each arrival takes the oldest one, so order holds however arrivals are run."""
        at_ns = max(self.loop.now_ns + self._delay_ns(), line._arrives_ns + 1)
        line._arrives_ns = at_ns
        assert line._far is not None
        self.loop.post(line._far.owner, self._arrive, line, line._far, delay_ns=at_ns - self.loop.now_ns)

    def _arrive(self, line: Line, far: Line) -> None:
        if far.cut or line.half_open or not line._on_way or self.parted(line.owner.name, line.far_name):
            return  # while parted, messages wait where they are, and `join` carries them
        message = line._on_way.popleft()
        if message is None:
            far.ended = True
        else:
            far._inbox.append(message)
        far._tell()

    def _serve(self, process: Process, server: Server, line: Line) -> None:
        async def serve() -> None:
            try:
                await server(line)
            finally:
                line.close()

        self.loop.spawn(process, serve(), f"{process.name}/serves {line.far_name}")

    def _mind(self, process: Process) -> None:
        if self._minded.get(process.name) is not process:
            self._minded[process.name] = process
            process.at_death(lambda: self._bereave(process))

    def _bereave(self, process: Process) -> None:
        """A process lost its power: its lines fall silent, or its system says goodbye for it."""
        for line in self._lines:
            if line.owner is process and not line.cut:
                if self.tape.draw("net.goodbye", 2) == 1:
                    self.lose(line)
                else:
                    self.cut(line)

    def _forget(self, name: str, process: Process) -> None:
        if self._servers.get(name, (None,))[0] is process:
            del self._servers[name]

    def _post_to(self, line: Line, tell: Callable[[], None]) -> None:
        self.loop.post(line.owner, tell, delay_ns=self._delay_ns())

    def _delay_ns(self) -> int:
        return self.tape.ns("net.delay", *self.weather.delay_ns)


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
