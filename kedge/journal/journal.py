"""The memory of a cell: what the engine writes before it acts.

One opening is one life. `open` claims the lease by raising the life number durably; whoever holds an
older life can never append again (`Fenced`), hence never send.

    append(entries)  enqueues at once and returns a future; entries appended earlier become durable
                     earlier. The future resolves when they are durable, or fails with `JournalError`.
    A failed append is final: the journal refuses everything afterwards, and the engine stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from kedge.model.records import Entry

# Told when the last record was written (0: never); raises where no life should begin.
MayBegin = Callable[[int], None]


class JournalError(Exception):
    """The journal cannot be written or read; the text is one sentence for a person."""


class Fenced(JournalError):
    """Another life has begun: this process no longer drives the cell and must stop."""


class LeaseHeld(JournalError):
    """Another process holds the lease now."""


class Corrupt(JournalError):
    """The journal fails its own checks: says where, and what to do."""


class TooNew(JournalError):
    """Written by a newer version of Kedge."""


class Past(Struct, frozen=True):
    """What a start reads: the newest snapshot (if any) and, by `Journal.tail`, what came after."""

    snapshot: bytes | None
    snapshot_seq: int
    last_seq: int


class Journal(Protocol):
    cell: str
    life: int

    def past(self) -> Past: ...

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]:
        """Entries with seq > after_seq, in order, checked; reads the archive too where needed."""

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]: ...

    async def snapshot(self, seq: int, body: bytes) -> None:
        """Keep the state as of `seq`; then compaction may move older entries to the archive."""

    def holds(self) -> bool:
        """Whether this life may still send: false once fenced, or once its lease is too old to trust."""

    async def close(self) -> None: ...
