"""How often one caller may ask: a bucket each, steadily refilled. Bounded: the longest away is forgotten."""

from __future__ import annotations

from collections import OrderedDict

MINUTE_NS = 60 * 1_000_000_000
CALLERS_MOST = 4096


class Rates:
    def __init__(self, per_minute: int, burst: int) -> None:
        # A request costs this many nanoseconds of rest.
        self._cost_ns = MINUTE_NS // per_minute
        self._most_ns = self._cost_ns * burst
        # Caller to the moment at which their bucket will be full again.
        self._full_ns: OrderedDict[str, int] = OrderedDict()

    def wait_s(self, caller: str, now_ns: int) -> int:
        """Take one; 0 where there was one, else the whole seconds until there will be."""
        full_ns = max(self._full_ns.pop(caller, 0), now_ns) + self._cost_ns
        over_ns = full_ns - now_ns - self._most_ns
        self._full_ns[caller] = full_ns - self._cost_ns if over_ns > 0 else full_ns
        if len(self._full_ns) > CALLERS_MOST:
            self._full_ns.popitem(last=False)
        return max(1, -(-over_ns // 1_000_000_000)) if over_ns > 0 else 0
