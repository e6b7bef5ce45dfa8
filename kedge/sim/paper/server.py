"""The paper venue as a process: sockets, the clock, the seed.

`serve` runs it until it is cancelled; `main` is what the command line calls, and prints one JSON line when
the doors are open. Everything that decides is in `gateway` and below; this is the only file of the venue
that looks at a clock, makes a generator or opens a socket. A storm builds the same `PaperServer` on its own
loop and joins its own net to `serve_client`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kedge.sim.paper import wire
from kedge.sim.paper.connection import Writer
from kedge.sim.paper.control import PaperHand
from kedge.sim.paper.faults import Fault, Faults, read_faults
from kedge.sim.paper.gateway import Access, Gateway
from kedge.sim.paper.keeper import PaperKeeper
from kedge.sim.paper.limits import Limits
from kedge.sim.paper.markets import NEWCOMER_MONEY, join_market, new_exchange
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.control import Control
from kedge.sim.testnet.doors import LINE_MAX as CONTROL_LINE_MAX
from kedge.sim.testnet.doors import serve_control
from kedge.sim.testnet.options import LOOPBACK, Options, Ready
from kedge.sim.testnet.store import Store, StoreError
from kedge.sim.testnet.tasks import Tasks, dice, later, port_of, run

READ_BYTES = 65_536


class Reader(Protocol):
    async def read(self, n: int = -1, /) -> bytes: ...


class PaperServer:
    """The venue joined to a loop. Raises `StoreError` from `run` when it can no longer remember."""

    def __init__(self, options: Options, real_ns: Callable[[], int], *, limits: Limits | None = None) -> None:
        self.options = options
        self.clock = VenueClock(real_ns)
        began_ns = self.clock.now_ns()
        store = Store(options.state)
        self.keeper = PaperKeeper(store, new_exchange(began_ns), NEWCOMER_MONEY, began_ns)
        self.clock.catch_up(self.keeper.exchange.now_ns)
        now_ns = self.clock.now_ns()
        # A restart goes on with other numbers: the market must not repeat its first day.
        life = f":{now_ns}" if self.keeper.restored else ""
        faults = Faults(dice(f"{options.seed}:faults{life}"))
        hello_dice = dice(f"{options.seed}:hello:{now_ns}")
        access = Access(options.key, options.secret)
        self.gateway = Gateway(
            self.keeper, self.clock.now_ns, faults, hello_dice, limits=limits, access=access
        )
        self.control = Control(PaperHand(self.gateway, self.clock), later)
        market_dice = dice(f"{options.seed}:market{life}")
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
            await serve_control(self.control, reader, writer)
        except StoreError as error:
            self._fail(error)

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
    tasks = Tasks()
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
            control_port = port_of(control)
        ready(Ready("paper", options.host, port_of(door), control_port, server.keeper.birth))
        await server.run()
    finally:
        for one in doors:
            one.close()
        server.close()
        await tasks.end()


def main(options: Options) -> int:
    """Run the venue in this process; the exit code. SIGINT and SIGTERM end it in good order."""
    return run("paper", lambda ready: serve(options, ready))


def _faults_of(path: str) -> list[Fault]:
    if not path:
        return []
    found = read_faults(Path(path).read_bytes())
    if isinstance(found, str):
        raise ValueError(f"{path}: {found}")
    return found
