"""A paper venue to test against: over loopback with a client that knows only lines, or in memory and virtual
time with the real client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar

from kedge.model.events import Event
from kedge.model.order import Side
from kedge.model.venue import PlaceOrder
from kedge.sim.loop import StormLoop
from kedge.sim.paper import Limits, Options, PaperServer, Ready, StoreError, serve, wire
from kedge.sim.paper.faults import Fault
from kedge.venues.paper.client import PaperVenue
from kedge.venues.paper.rules import Options as ClientOptions

SYMBOL = "BTC-PERP"
SECOND = 10**9
START_NS = 1_790_000_000 * SECOND
LONG_S = 20.0  # a safety net against hanging, never a measurement
Message = dict[str, Any]
E = TypeVar("E")


class Raw:
    """A client that knows lines and nothing else."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.heard: list[Message] = []
        self.made = 0

    async def read(self) -> Message | None:
        async with asyncio.timeout(LONG_S):
            line = await self.reader.readline()
        return json.loads(line) if line else None

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The next message that is wanted; the others are kept in `heard`."""
        while True:
            message = await self.read()
            assert message is not None, f"closed while waiting; heard {self.heard[-3:]}"
            if wanted(message):
                return message
            self.heard.append(message)

    def send(self, op: str, **members: object) -> int:
        self.made += 1
        self.writer.write(json.dumps({"op": op, "id": self.made, **members}).encode() + b"\n")
        return self.made

    async def ask(self, op: str, **members: object) -> Message:
        id = self.send(op, **members)
        return await self.until(lambda m: m["t"] == "reply" and m["id"] == id)

    async def body(self, op: str, **members: object) -> Message:
        reply = await self.ask(op, **members)
        assert reply["ok"], reply
        body: Message = reply["body"]
        return body

    async def hello(self, account: str = "main", secret: str = "paper", protocol: int = 1) -> Message:
        challenge = (await self.until(lambda m: m["t"] == "challenge"))["challenge"]
        signature = wire.signature(secret, challenge, "paper", account)
        return await self.ask("hello", protocol=protocol, key="paper", account=account, signature=signature)

    async def place(self, client_id: str, side: str, qty: str, price: str, **more: object) -> Message:
        return await self.ask(
            "place", client_id=client_id, symbol=SYMBOL, side=side, qty=qty, price=price, **more
        )


class Hall:
    """A running venue with its doors."""

    def __init__(self, ready: Ready) -> None:
        self.ready = ready
        self.open: list[asyncio.StreamWriter] = []

    async def raw(self) -> Raw:
        reader, writer = await asyncio.open_connection(self.ready.host, self.ready.port)
        self.open.append(writer)
        return Raw(reader, writer)

    async def signed(self, account: str = "main") -> Raw:
        raw = await self.raw()
        reply = await raw.hello(account)
        assert reply["ok"], reply
        return raw

    async def control(self, do: str, **members: object) -> Message:
        assert self.ready.control_port is not None
        reader, writer = await asyncio.open_connection(self.ready.host, self.ready.control_port)
        self.open.append(writer)
        writer.write(json.dumps({"do": do, **members}).encode() + b"\n")
        async with asyncio.timeout(LONG_S):
            answer: Message = json.loads(await reader.readline())
        return answer

    async def must(self, do: str, **members: object) -> Message:
        answer = await self.control(do, **members)
        assert answer["ok"], answer
        return answer


@contextlib.asynccontextmanager
async def a_hall(limits: Limits | None = None, **options: Any) -> AsyncIterator[Hall]:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Ready] = loop.create_future()
    chosen = Options(**{"control_port": 0, "market": "still", **options})
    serving = loop.create_task(serve(chosen, ready.set_result, limits=limits))
    serving.add_done_callback(lambda task: ready.done() or ready.set_exception(task.exception()))
    hall = Hall(await ready)
    try:
        yield hall
    finally:
        for writer in hall.open:
            writer.close()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def in_hall(test: Callable[[Hall], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with a_hall(**options) as hall:
            await test(hall)

    asyncio.run(run())


# ── in memory, in virtual time ──────────────────────────────────────────────────────────────────


class Pipe:
    """One direction of a connection: what is written can be read, until it is closed."""

    def __init__(self) -> None:
        self.other: Pipe | None = None
        self.closed = False
        self._bytes = bytearray()
        self._news: asyncio.Future[None] | None = None

    async def read(self, n: int = -1, /) -> bytes:
        while not self._bytes and not self.closed:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        data = bytes(self._bytes)
        self._bytes.clear()
        return data

    def feed(self, data: bytes) -> None:
        self._bytes += data
        self._wake()

    def end(self) -> None:
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class End:
    """The writing end of a connection."""

    def __init__(self, there: Pipe, here: Pipe) -> None:
        self._there, self._here = there, here

    def write(self, data: bytes, /) -> None:
        if not self._there.closed:
            self._there.feed(data)

    def close(self) -> None:
        self._there.end()
        self._here.end()


class World:
    """The real server and the real client on one virtual loop; the server may be killed and reborn."""

    def __init__(self, loop: StormLoop, state: str = "", limits: Limits | None = None) -> None:
        self.loop = loop
        self.skew_ns = 0
        self.events: list[Event] = []
        self.dials: list[float] = []
        self.refuse = False
        self._options = Options(state=state, market="still")
        self._limits = limits
        self._ends: list[End] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._changed: asyncio.Future[None] | None = None
        self.begin()

    def begin(self) -> None:
        self.server = PaperServer(self._options, self.venue_ns, limits=self._limits)
        self.ticking = self.loop.create_task(self.server.run(), name="venue-ticks")
        self._tasks.append(self.ticking)

    async def restart(self) -> None:
        """The venue goes and comes back with the same file; the lines are cut."""
        self.refuse = True
        await self.stop()
        self.begin()
        self.refuse = False

    async def stop(self) -> None:
        for end in self._ends:
            end.close()
        tasks, self._tasks = self._tasks, []
        tasks[0].cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, StoreError):
                await task
        self.server.close()

    def now_ns(self) -> int:
        return START_NS + self.loop.now_ns

    def venue_ns(self) -> int:
        return self.now_ns() + self.skew_ns

    async def connect(self) -> tuple[Pipe, End]:
        self.dials.append(self.loop.time())
        if self.refuse:
            raise ConnectionRefusedError("nobody there")
        up, down = Pipe(), Pipe()
        far, near = End(down, up), End(up, down)
        self._ends.append(far)
        serving = self.server.serve_client(up, far)
        self._tasks.append(self.loop.create_task(serving, name=f"venue-line-{len(self.dials)}"))
        return down, near

    def client(self, **options: Any) -> PaperVenue:
        secret = options.pop("secret", "paper")
        return PaperVenue(
            "paper/main", self.connect, self.now_ns, secret=secret, options=ClientOptions(**options)
        )

    def emit(self, event: Event) -> None:
        self.events.append(event)
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def until(self, kind: type[E], wanted: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for the next event of this kind, and drop everything before it."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if isinstance(event, kind) and wanted(event):
                    return event
            self._changed = self.loop.create_future()
            async with asyncio.timeout(120):
                await self._changed

    def fault(self, kind: str, **members: Any) -> None:
        self.server.gateway.faults.add(Fault(kind, **members))  # type: ignore[arg-type]

    def order(self, client_id: str, side: Side, qty: str, price: str, **more: Any) -> PlaceOrder:
        until_ns = self.now_ns() + 5 * SECOND
        return PlaceOrder(
            client_id, SYMBOL, side, Decimal(qty), Decimal(price), **{"valid_until_ns": until_ns, **more}
        )


def in_world(
    test: Callable[[World], Coroutine[Any, Any, None]], state: str = "", limits: Limits | None = None
) -> None:
    async def run() -> None:
        world = World(loop, state, limits)
        try:
            await test(world)
        finally:
            await world.stop()

    with StormLoop() as loop:
        loop.run_until_complete(run())
        assert loop.complaints == []
