"""How much may be asked: a rolling second per account and endpoint, five seconds per address. Pure.

A request beyond the account's limit is refused with 10006 and costs nothing more; an address beyond its own
is shut out for ten minutes with HTTP 403. Both are counted: a client that earns either has a defect.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

SECOND_MS = 1000


class Limits(Struct, frozen=True):
    """Per second, of the venue's table; `ip_*` are requests per `ip_window_ms` and the ban that follows."""

    queries: int = 50
    deeds: int = 10
    deeds_spot: int = 20
    ip_requests: int = 600
    ip_window_ms: int = 5000
    ip_ban_ms: int = 600_000
    sockets: int = 500
    sockets_window_ms: int = 300_000
    session_per_s: int = 500
    trade_ip_per_s: int = 3000

    def of(self, path: str, category: str) -> int:
        """The limit of an endpoint (or of an operation of order entry)."""
        if path == "/v5/order/amend":
            return self.deeds
        if path == "/v5/order/disconnected-cancel-all":
            return max(self.deeds // 2, 1)
        if path.startswith("/v5/order/") and path not in QUERIES:
            return self.deeds_spot if category == "spot" else self.deeds
        if path in SETTINGS:
            return self.deeds
        return self.queries


QUERIES = ("/v5/order/realtime", "/v5/order/history")
SETTINGS = (
    "/v5/position/set-leverage",
    "/v5/position/switch-mode",
    "/v5/position/switch-isolated",
    "/v5/position/trading-stop",
    "/v5/account/set-margin-mode",
    "/v5/user/query-api",
)


class Left(Struct, frozen=True):
    """What the headers of an answer say, and how many of those asked for were granted."""

    granted: int
    limit: int
    remaining: int
    reset_ms: int


class Counts(Struct):
    refused: int = 0
    bans: int = 0


class Rolling:
    """So many within a window that moves with the clock."""

    __slots__ = ("_taken", "_window_ms", "most")

    def __init__(self, most: int, window_ms: int) -> None:
        self.most = most
        self._window_ms = window_ms
        self._taken: deque[int] = deque(maxlen=most)

    def take(self, now_ms: int, many: int = 1) -> Left:
        """As many of `many` as there is room for."""
        taken = self._taken
        while taken and taken[0] <= now_ms - self._window_ms:
            taken.popleft()
        granted = min(many, self.most - len(taken))
        taken.extend([now_ms] * granted)
        reset = now_ms if granted == many else taken[0] + self._window_ms
        return Left(granted, self.most, self.most - len(taken), reset)


class Guard:
    """All the windows of one venue. Bounded by accounts × endpoints and by addresses."""

    ADDRESSES_MAX = 10_000

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts = Counts()
        self._endpoints: dict[tuple[str, str, str], Rolling] = {}
        self._addresses: dict[str, Rolling] = {}
        self._sockets: dict[str, Rolling] = {}
        self._trades: dict[str, Rolling] = {}
        self._banned: dict[str, int] = {}

    def endpoint(self, account: str, path: str, category: str, now_ms: int, many: int = 1) -> Left:
        """One account at one endpoint; business lines have budgets of their own."""
        line = "spot" if category == "spot" else "derivatives"
        rolling = self._endpoints.get((account, path, line))
        if rolling is None:
            rolling = Rolling(self.limits.of(path, category), SECOND_MS)
            self._endpoints[account, path, line] = rolling
        left = rolling.take(now_ms, many)
        if left.granted < many:
            self.counts.refused += 1
        return left

    def address(self, peer: str, now_ms: int) -> bool:
        """Whether a request from there is heard at all."""
        if self._banned.get(peer, 0) > now_ms:
            return False
        limits = self.limits
        rolling = _of(self._addresses, peer, limits.ip_requests, limits.ip_window_ms)
        if rolling.take(now_ms).granted:
            return True
        self._banned[peer] = now_ms + limits.ip_ban_ms
        self.counts.bans += 1
        return False

    def socket(self, peer: str, now_ms: int) -> bool:
        limits = self.limits
        return bool(_of(self._sockets, peer, limits.sockets, limits.sockets_window_ms).take(now_ms).granted)

    def trade(self, peer: str, now_ms: int) -> bool:
        return bool(_of(self._trades, peer, self.limits.trade_ip_per_s, SECOND_MS).take(now_ms).granted)


def _of(windows: dict[str, Rolling], peer: str, most: int, window_ms: int) -> Rolling:
    rolling = windows.get(peer)
    if rolling is None:
        if len(windows) >= Guard.ADDRESSES_MAX:
            del windows[next(iter(windows))]
        rolling = windows[peer] = Rolling(most, window_ms)
    return rolling
