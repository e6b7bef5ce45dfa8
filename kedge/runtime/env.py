"""The one place that asks the machine what time it is and for randomness.

The engine's clock is wall time that never runs backwards and never jumps while we run: the wall is read
once and carried on by the monotonic clock. A wall that is set forward is followed; one that is set back is
told to people, not to the engine.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable

Clock = Callable[[], int]

JUMP_NS = 500_000_000


class SteadyClock:
    """Wall nanoseconds, steady. Call it for now; `jump_ns` is how far the wall has gone its own way."""

    def __init__(self, wall: Clock = time.time_ns, mono: Clock = time.monotonic_ns) -> None:
        self._wall, self._mono = wall, mono
        # The wall's clock less the monotonic one.
        self._apart_ns = wall() - mono()

    def __call__(self) -> int:
        return self._mono() + self._apart_ns

    def jump_ns(self) -> int:
        """How far the wall is ahead of us (negative: behind); a jump ahead is followed from here on."""
        ahead = self._wall() - self()
        if ahead > JUMP_NS:
            self._apart_ns += ahead
        return ahead if abs(ahead) > JUMP_NS else 0


def new_desk_id() -> int:
    """A desk's own number, drawn once when its home is made: 32 bits, never zero."""
    return int.from_bytes(os.urandom(4), "big") | 1


def new_command_id() -> str:
    return uuid.uuid4().hex
