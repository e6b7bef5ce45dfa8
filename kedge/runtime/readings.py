"""Keeps what people read in step with the journal: a follower, never a second truth.

Durable entries are told to the tables in a thread of their own, some time after the engine has gone on. If
the tables fall far behind or break, they are made again from the journal; trading does not notice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from msgspec import Struct

from kedge.journal.journal import Journal, JournalError
from kedge.journal.reading import Reading
from kedge.model.records import Entry

T = TypeVar("T")

WAITING_MOST = 50_000
PAUSE_S = 0.05


class Readings:
    def __init__(self, reading: Reading, journal: Journal, say: Callable[[str], None]) -> None:
        self._reading = reading
        self._journal = journal
        self._say = say
        self._waiting: deque[Entry] = deque()
        self._behind = True
        self._wake = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, "readings")

    def tell(self, entries: Sequence[Entry]) -> None:
        """Take durable entries; when too many wait they are dropped here and read from the journal."""
        if len(self._waiting) + len(entries) > WAITING_MOST:
            self._waiting.clear()
            self._behind = True
        if not self._behind:
            self._waiting.extend(entries)
        self._wake.set()

    async def run(self) -> None:
        while True:
            try:
                await self._catch_up()
            except JournalError as error:
                self._say(f"what people read cannot be kept: {error}; trading goes on")
                self._behind = True
                await asyncio.sleep(30)
                continue
            await self._wake.wait()
            await asyncio.sleep(PAUSE_S)  # gather a little: one commit for many entries
            self._wake.clear()

    async def _catch_up(self) -> None:
        if self._behind:
            self._waiting.clear()
            self._behind = False  # what comes from here on is told as well; told twice is told once
            await self._in_thread(partial(self._reading.follow, self._journal))
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(2000, len(self._waiting)))]
            batch = [entry for entry in batch if entry.seq > self._reading.applied_seq]
            if batch and batch[0].seq != self._reading.applied_seq + 1:
                self._behind = True
                return await self._catch_up()
            if batch:
                await self._in_thread(partial(self._reading.apply, batch))
        return None

    async def read(self, what: str, args: Mapping[str, object], up_to: int) -> tuple[Struct, ...]:
        """Rows, with everything up to this entry told (waiting a little for it)."""
        for _ in range(100):
            if self._reading.applied_seq >= up_to:
                break
            self._wake.set()
            await asyncio.sleep(0.02)
        return await self._in_thread(partial(self._reading.read, what, args))

    async def finish(self) -> None:
        """Tell what is left once nothing more comes, so that a last look and the next start find it."""
        try:
            if not self._behind and self._waiting:
                await self._catch_up()
        except JournalError as error:
            # They are made from the journal, and can be made again: no reason to end badly.
            self._say(f"what people read could not be kept to the end: {error}")

    async def close(self) -> None:
        try:
            self._pool.shutdown(wait=True)
            self._reading.close()
        except JournalError as error:
            self._say(f"what people read could not be put away: {error}")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
