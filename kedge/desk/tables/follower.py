"""Keeps the tables in step with the engine: the journal's tail, read at the gate, told to the database.

    engine ── tail ──> a bounded queue ── batches of ~50 ms ──> one thread, one transaction each

The engine waits for none of it: who falls behind is cut off by the gate and goes on later from the last entry
told. A database that is locked, slow or away is tried again with back-off, and said in `state.trouble`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from kedge.client import Desk, DeskAway, Refused
from kedge.desk.parts import Clock, DeskContext, Part, Say
from kedge.desk.tables.database import Database, DatabaseTrouble
from kedge.desk.tables.people import people_of, rows_address
from kedge.desk.tables.projection import Moved, Projection
from kedge.desk.tables.tables import Tables, TablesState
from kedge.journal.reading import mark_of
from kedge.model.records import Entry

T = TypeVar("T")

# So long entries are gathered into one transaction when the tables are up to date.
GATHER_S = 0.05
BATCH_MOST = 5000
WAITING_MOST = 20_000
AGAIN_S = 0.2
AGAIN_MOST_S = 10.0


class Source(Protocol):
    """Where entries come from. Both raise `DeskAway` and `Refused`."""

    async def last(self) -> int: ...
    def tail(self, after: int) -> AsyncIterator[Entry]: ...


class Gate:
    """A running engine."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def last(self) -> int:
        return (await self._desk.status()).durable_seq

    def tail(self, after: int) -> AsyncIterator[Entry]:
        return self._desk.tail(after)


class Follower:
    """Tells what `source` says to `tables`, until cancelled."""

    def __init__(self, tables: Tables, source: Source, clock: Clock, say: Say) -> None:
        self.tables = tables
        self.projection = Projection(tables.database, tables.cell)
        self._source, self._clock, self._say = source, clock, say
        self._pool = ThreadPoolExecutor(1, "tables")
        self._durable = 0
        self._rebuild = False

    async def run(self) -> None:
        again_s = AGAIN_S
        try:
            while True:
                told = self.projection.seq
                try:
                    await self._in_thread(self.projection.open)
                    # Tables that went back were emptied by somebody: `kedge project --rebuild`.
                    emptied = self.tables.state.rebuilding or self.projection.seq < told
                    self._is(trouble="", seq=self.projection.seq, rebuilding=emptied)
                    await self._follow()
                except DatabaseTrouble as trouble:
                    self._trouble(str(trouble))
                except (DeskAway, Refused) as away:
                    self._is(away=str(away))
                except Moved:
                    pass
                again_s = AGAIN_S if self.projection.seq != told else min(again_s * 2, AGAIN_MOST_S)
                # An engine that is away is looked for often: it costs nothing, and people wait for it.
                await asyncio.sleep(again_s if self.tables.state.trouble else AGAIN_S)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def once(self) -> int:
        """Tell everything there is now. Raises `DatabaseTrouble`, `DeskAway`, `Refused`."""
        try:
            await self._in_thread(self.projection.open)
            goal = await self._source.last()
            while self.projection.seq < goal or not self.projection.indexed:
                with contextlib.suppress(Moved):
                    await self._follow(goal)
                    continue
                await self._in_thread(self.projection.open)
            return self.projection.seq
        finally:
            self._pool.shutdown(wait=True)

    # ── following ───────────────────────────────────────────────────────────────────────────────

    async def _follow(self, goal: int = 0) -> None:
        """Until the tail breaks, or to the goal."""
        self._durable = await self._source.last()
        if not await self._is_ours():
            self._say("the tables are of another journal than the engine's; they are made again")
            self._is(rebuilding=True)
            await self._in_thread(self.projection.clear)
        self._is(away="", seq=self.projection.seq)
        if self.tables.state.behind > BATCH_MOST or self.tables.state.rebuilding:
            self._is(catching_up=True)
        if goal and self.projection.seq >= goal:
            return await self._caught_up()
        queue: asyncio.Queue[Entry | Exception] = asyncio.Queue(WAITING_MOST)
        reader = asyncio.get_running_loop().create_task(self._read(queue), name="tables tail")
        try:
            await self._tell(queue, goal)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        return None

    async def _is_ours(self) -> bool:
        """Whether the last entry told is the one the journal has there: a restored home has another."""
        seq = self.projection.seq
        if seq == 0:
            return True
        if self._durable < seq:
            return False
        tail = self._source.tail(seq - 1)
        async for entry in tail:
            await _closed(tail)
            return entry.seq == seq and mark_of(entry) == self.projection.mark
        return False

    async def _read(self, queue: asyncio.Queue[Entry | Exception]) -> None:
        tail = self._source.tail(self.projection.seq)
        try:
            async for entry in tail:
                await queue.put(entry)
        except (DeskAway, Refused) as away:
            await queue.put(away)
        else:
            await queue.put(DeskAway("the engine ended the tail"))
        finally:
            await _closed(tail)

    async def _tell(self, queue: asyncio.Queue[Entry | Exception], goal: int) -> None:
        while True:
            if self.projection.seq >= max(goal, self._durable):
                await self._caught_up()
                if goal:
                    return
            batch, end = await _gathered(queue)
            if batch:
                touched = await self._in_thread(partial(self.projection.apply, batch))
                self._told(touched, batch[-1].seq)
            if end is not None and not (goal and self.projection.seq >= goal):
                raise end

    async def _caught_up(self) -> None:
        if not self.projection.indexed:
            await self._in_thread(self.projection.make_indexes)
        self._is(catching_up=False, rebuilding=False)

    def _told(self, touched: tuple[str, ...], seq: int) -> None:
        self._durable = max(self._durable, seq)
        self._is(trouble="", seq=seq, told_ns=self._clock(), behind=max(0, self._durable - seq))
        self.tables.changed(touched, seq)

    # ── state ───────────────────────────────────────────────────────────────────────────────────

    def _trouble(self, says: str) -> None:
        if not self.tables.state.trouble:
            self._say(f"{says}; trying again, and trading goes on")
        self._is(trouble=says)

    def _is(self, **changes: Any) -> None:
        if "seq" in changes:
            changes.setdefault("behind", max(0, self._durable - changes["seq"]))
        self.tables.state = msgspec.structs.replace(self.tables.state, **changes)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


async def _gathered(queue: asyncio.Queue[Entry | Exception]) -> tuple[list[Entry], Exception | None]:
    """What comes within a little time of the first entry; and why nothing more will."""
    first = await queue.get()
    if queue.qsize() < BATCH_MOST:
        await asyncio.sleep(GATHER_S)
    batch: list[Entry] = []
    item: Entry | Exception = first
    while not isinstance(item, Exception):
        batch.append(item)
        if queue.empty() or len(batch) >= BATCH_MOST:
            return batch, None
        item = queue.get_nowait()
    return batch, item


async def _closed(tail: AsyncIterator[Entry]) -> None:
    close = getattr(tail, "aclose", None)
    if close is not None:
        await close()


# ── the desk's part ─────────────────────────────────────────────────────────────────────────────


def parts(context: DeskContext) -> list[Part]:
    """Opens nothing yet: `context.tables` and `context.people` can be asked from the start."""
    context.people = people_of(context.home, context.settings, context.secrets)
    address = rows_address(context.home, context.settings, context.secrets)
    context.tables = Tables(Database(address), context.cell)
    return [Part("tables", _run)]


async def _run(context: DeskContext) -> None:
    tables: Tables = context.tables
    tables.state = TablesState(context.cell)
    follower = Follower(tables, Gate(context.link.desk("desk")), context.clock, context.say)
    await follower.run()
