"""Counting what is asked, the two ways venues do it. Pure; what follows from a full count is the venue's."""

from __future__ import annotations

from collections import deque

SECOND_NS = 1_000_000_000


class Window:
    """Counts in windows that begin at whole multiples of their span: so much a minute, by the clock."""

    def __init__(self, most: int, span_ns: int) -> None:
        assert most > 0
        assert span_ns > 0
        self.most = most
        self.span_ns = span_ns
        self._since_ns = 0
        self._used = 0

    def used(self, now_ns: int) -> int:
        since_ns = now_ns - now_ns % self.span_ns
        if since_ns > self._since_ns:
            self._since_ns, self._used = since_ns, 0
        return self._used

    def add(self, now_ns: int, weight: int = 1) -> bool:
        """Count it, whether it fits or not; whether it did."""
        self._used = self.used(now_ns) + weight
        return self._used <= self.most

    def give_back(self, now_ns: int, weight: int = 1) -> None:
        self._used = max(0, self.used(now_ns) - weight)

    def reset_ns(self) -> int:
        """When the window that was last looked at ends."""
        return self._since_ns + self.span_ns


class Sliding:
    """So many within any stretch of this length; those that do not fit are not counted."""

    def __init__(self, most: int, span_ns: int) -> None:
        assert most > 0
        assert span_ns > 0
        self.most = most
        self.span_ns = span_ns
        self._times: deque[int] = deque()

    def used(self, now_ns: int) -> int:
        while self._times and self._times[0] <= now_ns - self.span_ns:
            self._times.popleft()
        return len(self._times)

    def add(self, now_ns: int, weight: int = 1) -> bool:
        """Whether it fits; then it is counted."""
        if self.used(now_ns) + weight > self.most:
            return False
        self._times.extend([now_ns] * weight)
        return True

    def left(self, now_ns: int) -> int:
        return self.most - self.used(now_ns)

    def reset_ns(self, now_ns: int) -> int:
        """When there is room again, were nothing more to come."""
        self.used(now_ns)
        return self._times[0] + self.span_ns if self._times else now_ns
