"""What one account may ask of a venue: weights per window, a share kept back for deeds, and bans remembered.

A window counts exactly what left within its length, so that no window of the venue, wherever it begins, holds
more than the limit. Questions stop short of the reserve; deeds (orders, cancels) may use all of it. Several
accounts behind one address share one `Allowance`, because the venue counts the address.

Nothing in here waits or looks at a clock: it is asked with the time, and says how long there is to wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

# What one request takes of each window it counts in: (("weight", 4), ("orders", 1)).
Cost = tuple[tuple[str, int], ...]

SECOND_NS = 1_000_000_000
# However long a venue says to stay away, somebody may lift its ban: look again after this.
STAY_AWAY_MAX_NS = 3 * 24 * 3_600 * SECOND_NS


class Heed(Struct, frozen=True):
    """What a reply says of the venue's patience: read out of it by the venue's own wire code.

    `wait_ns`: leave the venue alone for so long (429, 418, 403, a code), because of `why`.
    `used`: what the venue has counted in its present windows.
    `only`: the one window that has to wait, where the venue says so (too many new orders, which must not
    hold up a cancel); "": everything.
    """

    wait_ns: int = 0
    why: str = ""
    used: Cost = ()
    only: str = ""


HEEDLESS = Heed()


class Window(Struct, frozen=True):
    """`limit` of weight in any `length_ns`, of which `reserve` is for deeds alone."""

    limit: int
    length_ns: int = SECOND_NS
    reserve: int = 0


class Allowance:
    def __init__(self, windows: Mapping[str, Window]) -> None:
        for name, window in windows.items():
            assert 0 <= window.reserve < window.limit, f"{name}: nothing is left for questions"
        self._counts = {name: _Count(window) for name, window in windows.items()}
        self.not_before_ns = 0
        self.why = ""

    def wait_ns(self, cost: Cost, deed: bool, now_ns: int) -> int:
        """How long this has to wait; 0: it may leave now. Takes nothing."""
        waits = [self._counts[name].wait_ns(weight, deed, now_ns) for name, weight in cost]
        return max(self.banned_ns(now_ns), *waits, 0)

    def take(self, cost: Cost, now_ns: int) -> None:
        """It leaves now."""
        for name, weight in cost:
            self._counts[name].add(weight, now_ns)

    def nearest(self, now_ns: int) -> tuple[int, int]:
        """What is used and what is allowed, of the window that is nearest to its end."""
        found = [(count.used_now(now_ns), count.window.limit) for count in self._counts.values()]
        return max(found, key=lambda one: one[0] * 1_000_000 // one[1], default=(0, 0))

    def banned_ns(self, now_ns: int) -> int:
        return max(0, self.not_before_ns - now_ns)

    def heed(self, heed: Heed, now_ns: int) -> None:
        """Take to heart what a reply said."""
        if heed.wait_ns > 0 and heed.only in self._counts:
            self._counts[heed.only].hold(now_ns + min(heed.wait_ns, STAY_AWAY_MAX_NS), heed.why)
        elif heed.wait_ns > 0:
            self.stay_away(heed.wait_ns, heed.why, now_ns)
        for name, used in heed.used:
            count = self._counts.get(name)
            if count is not None:
                count.learn(used, now_ns)

    def stay_away(self, wait_ns: int, why: str, now_ns: int) -> None:
        """The venue wants to be left alone; a longer ban known already stands."""
        assert why
        until_ns = now_ns + min(wait_ns, STAY_AWAY_MAX_NS)
        if until_ns > self.not_before_ns:
            self.not_before_ns, self.why = until_ns, why

    def lift(self) -> None:
        """A person says that the ban is over."""
        self.not_before_ns, self.why = 0, ""
        for count in self._counts.values():
            count.held_ns = 0

    def excuse(self, wait_ns: int, now_ns: int) -> str:
        """Why something has to wait so long, for people."""
        wait_s = -(-wait_ns // SECOND_NS)
        if self.banned_ns(now_ns):
            return f"the venue wants to be left alone for {wait_s} s: {self.why}"
        held = next((count.why for count in self._counts.values() if count.held_ns == now_ns + wait_ns), "")
        if held:
            return f"the venue wants a pause of {wait_s} s: {held}"
        return f"the budget of requests is used up for {wait_s} s"


class _Count:
    """What left within one window's length, oldest first."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.used = 0
        # The venue has said so: nothing of this kind before then.
        self.held_ns = 0
        self.why = ""
        self._left: deque[tuple[int, int]] = deque()

    def wait_ns(self, weight: int, deed: bool, now_ns: int) -> int:
        self._forget(now_ns)
        room = self.window.limit - (0 if deed else self.window.reserve)
        assert weight <= room, f"a weight of {weight} never fits into {room}"
        held_ns = max(0, self.held_ns - now_ns)
        over = self.used + weight - room
        if over <= 0:
            return held_ns
        for left_ns, taken in self._left:
            over -= taken
            if over <= 0:
                return max(held_ns, left_ns + self.window.length_ns - now_ns)
        raise AssertionError("what is counted is what is listed")

    def used_now(self, now_ns: int) -> int:
        self._forget(now_ns)
        return self.used

    def hold(self, until_ns: int, why: str) -> None:
        if until_ns > self.held_ns:
            self.held_ns, self.why = until_ns, why

    def add(self, weight: int, now_ns: int) -> None:
        self._forget(now_ns)
        if weight > 0:
            self.used += weight
            self._left.append((now_ns, weight))

    def learn(self, used: int, now_ns: int) -> None:
        """The venue has counted more than we: others ask from this address too."""
        self._forget(now_ns)
        self.add(min(used, self.window.limit) - self.used, now_ns)

    def _forget(self, now_ns: int) -> None:
        while self._left and self._left[0][0] + self.window.length_ns <= now_ns:
            self.used -= self._left.popleft()[1]
