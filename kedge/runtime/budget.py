"""One request budget per account, shared by all its bots, with a part kept back for cancels and hedges.

A bucket of `burst` tokens, refilled at `requests_per_s`. Urgent requests may use all of it; the others
stop at `reserve`. Being told by the venue to wait empties it: 429 is not earned twice. Where it is only an
adapter's own count that is used up, what is urgent may still try: that count is not of cancels, perhaps.

Orders that wait for a trigger have an allowance of their own where the venue has one (`stops_per_min`): they
neither use the bucket up nor wait for it. The engine sends at that pace already; this is the second lock.
"""

from __future__ import annotations

from kedge.model import pace
from kedge.model.venue import Rules

SECOND_NS = 1_000_000_000


class Budget:
    def __init__(self, rules: Rules, now_ns: int) -> None:
        self._rate = rules.requests_per_s
        self._burst = rules.burst * SECOND_NS
        self._reserve = rules.reserve * SECOND_NS
        # In token-nanoseconds, so that refilling is exact integer arithmetic.
        self._tokens = self._burst
        self._at_ns = now_ns
        self._not_before_ns = 0
        self._others_not_before_ns = 0
        self._stops_most = rules.stops_per_min
        self._stops_ns: list[int] = []
        self._stops_not_before_ns = 0

    def take(self, now_ns: int, urgent: bool) -> int:
        """Take one token; 0 when taken, else how many nanoseconds to wait before asking again."""
        if now_ns > self._at_ns:
            self._tokens = min(self._burst, self._tokens + (now_ns - self._at_ns) * self._rate)
            self._at_ns = now_ns
        held_ns = self._not_before_ns - now_ns
        if not urgent:
            held_ns = max(held_ns, self._others_not_before_ns - now_ns)
        if held_ns > 0:
            return held_ns
        floor = 0 if urgent else self._reserve
        short = floor + SECOND_NS - self._tokens
        if short <= 0:
            self._tokens -= SECOND_NS
            return 0
        return -(-short // self._rate)

    def take_stop(self, now_ns: int) -> int:
        """The same from the allowance of stop orders, where `has_stops`."""
        wait_ns = pace.wait_ns(self._stops_ns, self._stops_most, now_ns, pace.MINUTE_NS)
        wait_ns = max(wait_ns, self._stops_not_before_ns - now_ns, self._not_before_ns - now_ns)
        if wait_ns > 0:
            return wait_ns
        self._stops_ns.append(now_ns)
        return 0

    def hold_stops(self, until_ns: int) -> None:
        """The venue wants no stop orders before then; nothing else is meant."""
        self._stops_not_before_ns = max(self._stops_not_before_ns, until_ns)

    def exhaust(self, until_ns: int) -> None:
        """The venue said "too many": nothing goes before then, and it starts again from nothing."""
        self._tokens = 0
        self._not_before_ns = max(self._not_before_ns, until_ns)

    def hold_back(self, until_ns: int) -> None:
        """Nothing goes before then but what is urgent."""
        self._others_not_before_ns = max(self._others_not_before_ns, until_ns)

    @property
    def has_stops(self) -> bool:
        return self._stops_most > 0

    @property
    def left(self) -> int:
        return self._tokens // SECOND_NS
