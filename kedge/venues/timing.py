"""Two clocks of an adapter: something done every so often, and patience with a venue that refuses.

Time is the loop's, so both run the same in a storm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Every:
    """Call `what` every `period_s`, from `start` until `stop`."""

    def __init__(self, period_s: float, what: Callable[[], None]) -> None:
        assert period_s > 0
        self._period_s = period_s
        self._what = what
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(self._period_s, self._ring)

    def stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _ring(self) -> None:
        # First, so that `what` may stop it.
        self._timer = asyncio.get_running_loop().call_later(self._period_s, self._ring)
        self._what()


class Patience:
    """Waits after a refusal that waiting does not mend: a few, growing, then none."""

    WAITS_S = (30.0, 60.0, 120.0, 240.0, 480.0)

    def __init__(self) -> None:
        self._used = 0

    def reset(self) -> None:
        self._used = 0

    def next_s(self) -> float | None:
        """How long to wait before trying again; None: not again until a person says so."""
        if self._used >= len(self.WAITS_S):
            return None
        self._used += 1
        return self.WAITS_S[self._used - 1]
