"""The paper venue as a process: sockets, the clock, the seed.

`serve` runs it until it is cancelled; `main` is what the command line calls, and prints one JSON line when
the doors are open. Everything that decides is in `gateway` and below; this is the only file of the venue
that looks at a clock, makes a generator or opens a socket. A storm builds the same `PaperServer` on its own
loop and joins its own net to `serve_client`.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from kedge.sim.paper import wire
from kedge.sim.paper.connection import Writer
from kedge.sim.paper.control import LINE_MAX as CONTROL_LINE_MAX
from kedge.sim.paper.control import Control
from kedge.sim.paper.faults import Fault, Faults, read_faults
from kedge.sim.paper.gateway import Access, Gateway
from kedge.sim.paper.keeper import Keeper
from kedge.sim.paper.limits import Limits
from kedge.sim.paper.markets import NEWCOMER_MONEY, join_market, new_exchange
from kedge.sim.paper.store import Store, StoreError

READ_BYTES = 65_536
LOOPBACK = "127.0.0.1"
STOP_S = 2.0


class Options(Struct, frozen=True):
    """What `kedge sim paper` takes. A port of 0 is any that is free."""

    host: str = LOOPBACK
    port: int = 0
    # None: no control door.
    control_port: int | None = None
    seed: int = 0
    # "synthetic", "still", or the path of a file of prices.
    market: str = "synthetic"
    # Path of a file of faults, armed at the start; "": none.
    faults: str = ""
    key: str = "paper"
    secret: str = "paper"
    # Path of the state file; "": the venue forgets everything when it ends.
    state: str = ""
    tick_ms: int = 50


class Ready(Struct, frozen=True, tag_field="t", tag="ready"):
    """The one line that says where the doors are."""

    venue: str
    host: str
    port: int
    control_port: int | None
    birth: str


class Reader(Protocol):
    async def read(self, n: int = -1, /) -> bytes: ...


class VenueClock:
    """The venue's time: the given clock, never backwards, and forward when the control door says so."""

    def __init__(self, real_ns: Callable[[], int]) -> None:
        self._real_ns = real_ns
        self._ahead_ns = 0
        self._last_ns = 0

    def now_ns(self) -> int:
        self._last_ns = max(self._last_ns, self._real_ns() + self._ahead_ns)
        return self._last_ns

    def advance(self, by_ns: int) -> None:
        assert by_ns >= 0
        self._ahead_ns += by_ns

    def catch_up(self, now_ns: int) -> None:
        """Be at `now_ns` at least: an earlier life may have been moved ahead."""
        self.advance(max(0, now_ns - self.now_ns()))


class PaperServer:
    """The venue joined to a loop. Raises `StoreError` from `run` when it can no longer remember."""

    def __init__(self, options: Options, real_ns: Callable[[], int], *, limits: Limits | None = None) -> None:
        self.options = options
        self.clock = VenueClock(real_ns)
        began_ns = self.clock.now_ns()
        store = Store(options.state)
        self.keeper = Keeper(store, new_exchange(began_ns), NEWCOMER_MONEY, began_ns)
        self.clock.catch_up(self.keeper.exchange.now_ns)
        now_ns = self.clock.now_ns()
        # A restart goes on with other numbers: the market must not repeat its first day.
        life = f":{now_ns}" if self.keeper.restored else ""
        faults = Faults(_dice(f"{options.seed}:faults{life}"))
        dice = _dice(f"{options.seed}:hello:{now_ns}")
        access = Access(options.key, options.secret)
        self.gateway = Gateway(self.keeper, self.clock.now_ns, faults, dice, limits=limits, access=access)
        self.control = Control(self.gateway, self.clock.advance, _later)
        market_dice = _dice(f"{options.seed}:market{life}")
        self.keeper.join(lambda exchange: join_market(options.market, exchange, market_dice, now_ns))
        for fault in _faults_of(options.faults):
            faults.add(fault)
        self._failed: StoreError | None = None

    async def run(self) -> None:
        """Let time pass, tick by tick, for ever."""
        while True:
            self._check()
            try:
                self.gateway.tick()
            except StoreError as error:
                self._fail(error)
            await asyncio.sleep(self.options.tick_ms / 1000)

    async def serve_client(self, reader: Reader, writer: Writer) -> None:
        """One client's connection from beginning to end."""
        connection = self.gateway.enter(writer)
        lines = wire.Lines()
        try:
            while not connection.closed:
                data = await reader.read(READ_BYTES)
                if not data:
                    break
                for line in lines.feed(data):
                    self._check()
                    self.gateway.arrive(connection, line)
                if lines.broken:
                    connection.close("line_too_long", f"A line has at most {wire.LINE_MAX} bytes.")
        except OSError:
            pass  # The other side is gone; that is what `leave` is for.
        except StoreError as error:
            self._fail(error)
        finally:
            self.gateway.leave(connection)

    async def serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One visitor at the control door."""
        try:
            while line := await reader.readline():
                if line.strip():
                    writer.write(self.control.answer(line))
                    await writer.drain()
        except (OSError, ValueError):
            pass  # Gone, or a line beyond the limit.
        except StoreError as error:
            self._fail(error)
        finally:
            writer.close()

    def close(self) -> None:
        """Say goodbye and fold the memory into one dump."""
        self.gateway.close_all("", "closing", "The venue is closing.")
        if self._failed is None:
            self.keeper.close()
        else:
            self.keeper.abandon()

    def _fail(self, error: StoreError) -> None:
        """Say nothing any more: what is not remembered must not be told."""
        self._failed = error
        self.gateway.close_all("", "", "")

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed


async def serve(
    options: Options,
    ready: Callable[[Ready], None],
    *,
    real_ns: Callable[[], int] = time.time_ns,  # storm-ok: the venue is another machine with its own clock
    limits: Limits | None = None,
) -> None:
    """Run the venue until cancelled. Raises `StoreError` or `OSError` when it cannot."""
    server = PaperServer(options, real_ns, limits=limits)
    tasks = _Tasks()
    doors: list[asyncio.Server] = []
    try:
        door = await asyncio.start_server(
            tasks.kept(server.serve_client, "paper-client"), options.host, options.port
        )
        doors.append(door)
        control_port = None
        if options.control_port is not None:
            control = await asyncio.start_server(
                tasks.kept(server.serve_control, "paper-control"),
                LOOPBACK,
                options.control_port,
                limit=CONTROL_LINE_MAX,
            )
            doors.append(control)
            control_port = _port(control)
        ready(Ready("paper", options.host, _port(door), control_port, server.keeper.birth))
        await server.run()
    finally:
        for one in doors:
            one.close()
        server.close()
        await tasks.end()


def main(options: Options) -> int:
    """Run the venue in this process; the exit code. SIGINT and SIGTERM end it in good order."""

    def say(ready: Ready) -> None:
        sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
        sys.stdout.flush()

    try:
        asyncio.run(_until_told(options, say))
    except (StoreError, OSError, ValueError) as error:
        sys.stderr.write(f"kedge sim paper: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


async def _until_told(options: Options, say: Callable[[Ready], None]) -> None:
    loop = asyncio.get_running_loop()
    serving = loop.create_task(serve(options, say), name="paper-venue")
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, serving.cancel)
        except NotImplementedError:
            break  # A loop without signals: the default handlers stay.
    try:
        await serving
    except asyncio.CancelledError:
        if not serving.cancelled():
            raise


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Tasks:
    """The tasks that streams make for each connection, so that the end can wait for them."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}

    def kept(
        self,
        handle: Handler,
        name: str,
    ) -> Handler:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.set_name(name)
            self._tasks[task] = None
            try:
                await handle(reader, writer)
            except asyncio.CancelledError:
                # The venue is closing, and streams would log it as an accident.
                writer.transport.abort()
            finally:
                writer.close()
                del self._tasks[task]

        return handler

    async def end(self) -> None:
        """Give the connections a moment to flush their goodbyes, then end them."""
        deadline_s = asyncio.get_running_loop().time() + STOP_S
        for task in list(self._tasks):
            left_s = max(0.0, deadline_s - asyncio.get_running_loop().time())
            try:
                await asyncio.wait_for(asyncio.shield(task), left_s)
            except TimeoutError:
                task.cancel()


def _dice(seed: str) -> random.Random:  # storm-ok: the venue's seed
    return random.Random(seed)  # storm-ok: the venue's seed


def _later(after_ns: int, do: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(after_ns / 1e9, do)


def _faults_of(path: str) -> list[Fault]:
    if not path:
        return []
    found = read_faults(Path(path).read_bytes())
    if isinstance(found, str):
        raise ValueError(f"{path}: {found}")
    return found


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
