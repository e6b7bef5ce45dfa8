"""What the gate may ask of a running engine: the port between the door and the room.

`runtime/run.py` implements it over the real engine; tests implement it over a fake.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from kedge.model.events import Command, Event
from kedge.model.looks import Status
from kedge.model.records import CommandTaken, Entry


class EngineAway(Exception):
    """The engine is stopping or has failed; the text says so in one sentence."""


class EnginePort(Protocol):
    async def command(self, command: Command) -> CommandTaken:
        """Apply once; returns when the command and its result are durable. Raises EngineAway."""

    def status(self) -> Status: ...

    async def read(self, what: str, args: dict[str, object]) -> object:
        """Rows people read, by name: orders, fills, positions, decisions, notes, commands, cash, story ...;
        as the engine has them now: open_orders, held, listed; asked of the venue: quotes.

        Raises ValueError with one sentence for an unknown name or an impossible filter.
        """

    def entries(self, after_seq: int) -> AsyncIterator[Entry]:
        """Durable journal entries from a sequence number on, then live, without end."""

    def tap(self, kinds: tuple[str, ...]) -> AsyncIterator[Event]:
        """Live events of these kinds as the engine sees them (lossy when the reader is slow: it is told)."""


class Readable(Struct, frozen=True):
    """The names `read` knows, with the filters each takes; made by the projection."""

    name: str
    filters: tuple[str, ...]
