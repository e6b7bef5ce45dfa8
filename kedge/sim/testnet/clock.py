"""The venue's time, and when the loop is asked to do something later."""

from __future__ import annotations

from collections.abc import Callable

# Has the loop call something after so many nanoseconds of its own time.
Later = Callable[[int, Callable[[], None]], None]


class VenueClock:
    """The given clock, never backwards, and forward when the control door says so."""

    def __init__(self, real_ns: Callable[[], int]) -> None:
        self._real_ns = real_ns
        self._ahead_ns = 0
        self._last_ns = 0

    def now_ns(self) -> int:
        self._last_ns = max(self._last_ns, self._real_ns() + self._ahead_ns)
        return self._last_ns

    def advance(self, by_ns: int) -> None:
        assert by_ns >= 0
        self._ahead_ns += by_ns

    def catch_up(self, now_ns: int) -> None:
        """Be at `now_ns` at least: an earlier life may have been moved ahead."""
        self.advance(max(0, now_ns - self.now_ns()))
