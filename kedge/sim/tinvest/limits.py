"""How much may be asked: so many requests a minute of each group, by user, and so many streams at once.

The counts stand in the headers of every answer, as the venue writes them: "300, 300;w=60".
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kedge.sim.testnet.rates import Window
from kedge.sim.tinvest.calendar import SECOND_NS

MINUTE_NS = 60 * SECOND_NS
USERS_MAX = 1_000

GROUPS: dict[str, int] = {
    "InstrumentsService": 200,
    "UsersService": 100,
    "OperationsService": 200,
    "MarketDataService": 600,
    "StopOrdersService": 50,
    "SandboxService": 200,
    "OrdersService": 100,
    "PostOrder": 300,
    "PostOrderAsync": 450,
    "GetOrders": 200,
    "CancelOrder": 100,
}
# Methods that are counted apart from their service.
APART = ("PostOrder", "PostOrderAsync", "GetOrders", "CancelOrder")
STREAMS: dict[str, int] = {
    "MarketDataStreamService": 16,
    "OrdersStreamService": 10,
    "OperationsStreamService": 2,
}
SUBSCRIPTIONS_MAX = 300


class Allowance(Struct, frozen=True):
    most: int
    left: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit": f"{self.most}, {self.most};w=60",
            "x-ratelimit-remaining": str(self.left),
            "x-ratelimit-reset": str(self.reset_s),
        }


class Limits:
    def __init__(self) -> None:
        self.refused = 0
        self._windows: dict[tuple[str, str], Window] = {}

    def ask(self, user: str, service: str, method: str, own: Mapping[str, int], now_ns: int) -> Allowance:
        """Count it. `left` is below zero where it is too many. `own`: limits that were set by hand."""
        group = method if service == "OrdersService" and method in APART else service
        most = own.get(group, GROUPS.get(group, 100))
        window = self._windows.get((user, group))
        if window is None or window.most != most:
            if len(self._windows) >= USERS_MAX * len(GROUPS):
                self._windows.clear()
            window = self._windows[(user, group)] = Window(most, MINUTE_NS)
        fits = window.add(now_ns)
        left = most - window.used(now_ns) if fits else -1
        if not fits:
            self.refused += 1
        return Allowance(most, left, max((window.reset_ns() - now_ns) // SECOND_NS, 1))
