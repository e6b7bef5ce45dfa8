"""What every venue's connection needs and no venue owns: the seam to the socket, back-off, a pace.

A connection is opened by a `Connect`, given from outside: TCP in life, an in-memory net in a storm. What it
returns needs no more than the methods named here. Nothing in this file is random: two desks that lost the
same venue are told apart by their accounts' limits, not by jitter, and a storm can replay every wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class Reader(Protocol):
    async def read(self, n: int = -1, /) -> bytes:
        """Up to `n` bytes; b"" when the other side has closed."""


class Writer(Protocol):
    def write(self, data: bytes, /) -> None: ...

    def close(self) -> None: ...


Connect = Callable[[], Awaitable[tuple[Reader, Writer]]]

# What a net may raise: OSError covers refused, reset, unreachable and timed out.
NET_ERRORS = (OSError, EOFError)


def tcp(host: str, port: int) -> Connect:
    """Open plain TCP connections to one address."""

    async def connect() -> tuple[Reader, Writer]:
        return await asyncio.open_connection(host, port)

    return connect


class Backoff:
    """Waits that double from `first_s` to `max_s`. `reset` after a connection that was of use."""

    def __init__(self, first_s: float = 0.1, max_s: float = 5.0) -> None:
        assert 0 < first_s <= max_s
        self.first_s = first_s
        self.max_s = max_s
        self._next_s = first_s

    def reset(self) -> None:
        self._next_s = self.first_s

    def next_s(self) -> float:
        wait_s = self._next_s
        self._next_s = min(self.max_s, wait_s * 2)
        return wait_s


class Pace:
    """A budget of so many a second with a burst, kept by asking it how long to wait. Time is the loop's."""

    def __init__(self, per_s: float, burst: int) -> None:
        assert per_s > 0
        assert burst >= 1
        self._gap_s = 1 / per_s
        self._slack_s = (burst - 1) / per_s
        # The moment at which the whole burst would be free again.
        self._free_at_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """How long the next one would have to wait, without taking it."""
        return max(0.0, self._free_at_s - self._slack_s - now_s)

    def take(self, now_s: float) -> float:
        """Take the next one; the caller waits as long as this says before using it."""
        wait_s = self.wait_s(now_s)
        self._free_at_s = max(self._free_at_s, now_s) + self._gap_s
        return wait_s
