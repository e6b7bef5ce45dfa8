"""What every venue's process does alike: connections that are waited for, signals, the ready line."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from kedge.sim.testnet.options import Ready
from kedge.sim.testnet.store import StoreError

STOP_S = 2.0

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
# Runs a venue until it is cancelled, and calls its parameter when the doors are open.
Serve = Callable[[Callable[[Ready], None]], Coroutine[Any, Any, None]]


class Tasks:
    """The tasks that streams make for each connection, so that the end can wait for them."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}

    def kept(self, handle: Handler, name: str) -> Handler:
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


def run(venue: str, serve: Serve) -> int:
    """Run a venue in this process; the exit code. SIGINT and SIGTERM end it in good order."""
    try:
        asyncio.run(_until_told(venue, serve))
    except (StoreError, OSError, ValueError) as error:
        sys.stderr.write(f"kedge sim {venue}: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def dice(seed: str) -> random.Random:  # storm-ok: the venue's seed
    return random.Random(seed)  # storm-ok: the venue's seed


def later(after_ns: int, do: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(after_ns / 1e9, do)


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def _say(ready: Ready) -> None:
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()


async def _until_told(venue: str, serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    serving = loop.create_task(serve(_say), name=f"{venue}-venue")
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
