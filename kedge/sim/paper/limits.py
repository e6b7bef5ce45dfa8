"""How much one account may ask of the venue, and what happens to those who ask for more. Pure.

Two budgets, one for deeds and one for questions. Who is refused too often is banned, and both are counted:
a client that earns a ban has a defect, and tests read it here.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

SECOND_NS = 1_000_000_000


class Limits(Struct, frozen=True):
    requests_per_s: int = 20
    burst: int = 40
    # More refusals than this within the window end in a ban.
    refusals_max: int = 50
    refusals_window_ns: int = 10 * SECOND_NS
    ban_ns: int = 60 * SECOND_NS


class Counts(Struct):
    """Part of the truth, kept over restarts."""

    refused: int = 0
    bans: int = 0


class Budget:
    """So many a second, so many at once; in whole nanoseconds."""

    def __init__(self, per_s: int, burst: int) -> None:
        assert per_s > 0
        assert burst > 0
        self._gap_ns = SECOND_NS // per_s
        self._slack_ns = self._gap_ns * (burst - 1)
        self._free_at_ns = 0

    def take(self, now_ns: int) -> int:
        """0 when there is room, which is then taken; else how long to wait."""
        wait_ns = self._free_at_ns - self._slack_ns - now_ns
        if wait_ns > 0:
            return wait_ns
        self._free_at_ns = max(self._free_at_ns, now_ns) + self._gap_ns
        return 0


class Guard:
    """One account's budgets and its record."""

    def __init__(self, limits: Limits, counts: Counts | None = None) -> None:
        self.limits = limits
        self.counts = counts or Counts()
        self.banned_until_ns = 0
        self._deeds = Budget(limits.requests_per_s, limits.burst)
        self._questions = Budget(limits.requests_per_s, limits.burst)
        self._refusals: deque[int] = deque(maxlen=limits.refusals_max + 1)

    def take(self, now_ns: int, *, deed: bool) -> int:
        """0 when the request may pass; else how long to stay away. May end in a ban."""
        wait_ns = (self._deeds if deed else self._questions).take(now_ns)
        if wait_ns:
            self.counts.refused += 1
            self._refusals.append(now_ns)
            full = len(self._refusals) > self.limits.refusals_max
            if full and now_ns - self._refusals[0] <= self.limits.refusals_window_ns:
                self.ban(now_ns)
        return wait_ns

    def ban(self, now_ns: int) -> None:
        self.counts.bans += 1
        self.banned_until_ns = now_ns + self.limits.ban_ns
        self._refusals.clear()

    def banned_ns(self, now_ns: int) -> int:
        """How long a ban still lasts."""
        return max(0, self.banned_until_ns - now_ns)
