"""`kedge desk`: the process that people meet. One loop, and one task per part, each supervised.

    link        the live picture of the engine
    tables      what people read, as SQL
    web         pages and REST
    telegram, post, metrics ...

Nothing here trades and nothing waits for it: it may be killed at any moment, and the engine does not notice.
A part that fails is told of in one line and started again with back-off, while the others go on.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import signal
import time

from kedge import client
from kedge.desk.link import Link
from kedge.desk.parts import Clock, DeskContext, Part, Say
from kedge.home import Home
from kedge.settings import Secrets, Settings, SettingsWrong

__all__ = ["DeskContext", "Part", "make_context", "parts_of", "run_desk"]

# Where parts come from: each module has `parts(context) -> list[Part]`. One line adds a part; a module that
# is not there (its extra is not installed) is left out.
SOURCES = (
    "kedge.desk.tables.part",
    "kedge.desk.web.part",
    "kedge.desk.web.preorders.part",
    "kedge.desk.post.part",
    "kedge.desk.telegram.part",
    "kedge.desk.meters_port",
)

AGAIN_S = 0.5
AGAIN_MOST_S = 30.0
# A part that ran so long begins again with a short wait.
STEADY_S = 60.0
CLOSE_S = 10.0

wall: Clock = time.time_ns  # storm-ok: the desk is never part of a storm


def run_desk(home: Home, settings: Settings, say: Say) -> None:
    """Run until SIGINT or SIGTERM. Raises `SettingsWrong`, `Refused`."""
    os.umask(0o077)  # databases hold digests of passwords, whichever part makes them first
    context = make_context(home, settings, say)
    asyncio.run(_Crew(context, parts_of(context)).run())


def make_context(home: Home, settings: Settings, say: Say, clock: Clock = wall) -> DeskContext:
    cell = settings.desk.cell
    link = Link(client.gate_of(home) if settings.desk.gate else home.socket(cell), clock)
    return DeskContext(home, settings, Secrets(home.secrets), link, say, clock, cell)


def parts_of(context: DeskContext) -> list[Part]:
    """Every part that is wanted and installed; the link first."""
    found = [Part("link", lambda here: here.link.run())]
    for source in SOURCES:
        if _is_there(source):
            found += importlib.import_module(source).parts(context)
    return found


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class _Crew:
    """The parts while they run."""

    def __init__(self, context: DeskContext, parts: list[Part]) -> None:
        self._context = context
        self._parts = parts
        self._over = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._over.set)
        tasks = [loop.create_task(keep(part, self._context), name=part.name) for part in self._parts]
        try:
            await self._over.wait()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            await _end(tasks[::-1], self._context.say)


async def keep(part: Part, context: DeskContext) -> None:
    """Run a part, again and again, until cancelled. What is wrong with it now stands in `troubles`."""
    loop = asyncio.get_running_loop()
    again_s = AGAIN_S
    while True:
        began = loop.time()
        work = loop.create_task(_run(part, context), name=f"part {part.name}")
        try:
            await asyncio.gather(work, return_exceptions=True)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        why = _why_ended(work)
        context.troubles[part.name] = why
        again_s = AGAIN_S if loop.time() - began > STEADY_S else again_s
        context.say(f"{part.name}: {why}; trying again in {again_s:g} s")
        await asyncio.sleep(again_s)
        again_s = min(again_s * 2, AGAIN_MOST_S)


async def _run(part: Part, context: DeskContext) -> None:
    await part.run(context)


def _why_ended(work: asyncio.Task[None]) -> str:
    if work.cancelled():
        return "it was cancelled"
    error = work.exception()
    if error is None:
        return "it ended by itself"
    if isinstance(error, (SettingsWrong, OSError)):
        return str(error)
    return f"a fault of its own: {type(error).__name__}: {error}"


async def _end(tasks: list[asyncio.Task[None]], say: Say) -> None:
    """End them one after the other, the link last; none may take longer than its bound."""
    for task in tasks:
        task.cancel()
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(task, return_exceptions=True)
        except TimeoutError:
            say(f"{task.get_name()} did not end within {CLOSE_S:g} s and was left behind")
