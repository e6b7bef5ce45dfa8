"""Keys to the private stream: one per account, good for an hour, renewed by whoever still listens."""

from __future__ import annotations

from kedge.sim.binance.usdm.codes import no
from kedge.sim.binance.usdm.facts import ListenKey, Memory

HOUR_NS = 3600 * 10**9
KEY_LETTERS = 64


class Listeners:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._rows = memory.listeners

    def start(self, account: str, now_ns: int) -> str:
        """The account's key: the one it has, or a new one; an hour from now in either case."""
        known = self._of(account, now_ns)
        word = self._memory.numbers.word
        key = known.key if known else (word() + word() + word())[:KEY_LETTERS]
        self._rows.put(key, ListenKey(key, account, now_ns + HOUR_NS))
        return key

    def renew(self, account: str, now_ns: int) -> str:
        """Raises -1125 where there is none."""
        known = self._of(account, now_ns)
        if known is None:
            raise no(-1125)
        self._rows.put(known.key, ListenKey(known.key, account, now_ns + HOUR_NS))
        return known.key

    def stop(self, account: str, now_ns: int) -> str:
        """The key that is good no longer; "" where there was none."""
        known = self._of(account, now_ns)
        if known is None:
            return ""
        self._rows.drop(known.key)
        return known.key

    def account_of(self, key: str, now_ns: int) -> str:
        """Whose key this is; "" where it is nobody's (any more)."""
        known = self._rows.get(key)
        return known.account if known and known.until_ns > now_ns else ""

    def expired(self, now_ns: int) -> list[str]:
        """The keys whose hour is over; they are forgotten."""
        over = [row.key for row in self._rows.values() if row.until_ns <= now_ns]
        for key in over:
            self._rows.drop(key)
        return over

    def expire(self, account: str, now_ns: int) -> None:
        """Let the key of this account ("" or "all": all keys) be good no longer at the next look."""
        for row in list(self._rows.values()):
            if account in ("", "all", row.account):
                self._rows.put(row.key, ListenKey(row.key, row.account, now_ns))

    def _of(self, account: str, now_ns: int) -> ListenKey | None:
        found = [row for row in self._rows.values() if row.account == account and row.until_ns > now_ns]
        return found[-1] if found else None
