"""Which symbols' trades a report has to ask for: trades can only be asked symbol by symbol, and each weighs.

A symbol is *in use* when it is watched, or an order of ours was ever on it. It is *busy* when something has
happened there since the last report that asked about it, or an order rests there: a fill that nobody was told
of needs an order. So the busy ones are always asked about, all in use only now and then (a sweep), and pairs
that others may have traded for the account once a connection. Pure: time is the venue's, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

IN_USE_MAX = 2_000


class Round(Struct, frozen=True):
    """One report: on which connection, when, and whether it asks about everything."""

    connection: int
    at_ms: int
    sweeps: bool
    others: bool


class Uses:
    """`overlap_ms`: for so long after something happened a trade of it may still be shown late."""

    def __init__(self, venue_ms: Callable[[], int], sweep_ms: int, overlap_ms: int) -> None:
        self._venue_ms = venue_ms
        self._sweep_ms = sweep_ms
        self._overlap_ms = overlap_ms
        # Since when our orders may be on each symbol; when something last happened on those that are busy.
        self._since: dict[str, int] = {}
        self._busy: dict[str, int] = {}
        self._connection = 0
        self._swept_ms = 0
        self._others_asked = False

    def begin(self) -> None:
        """A new connection: what happened before it was perhaps not heard."""
        self._connection += 1
        self._swept_ms, self._others_asked = 0, False

    def use(self, symbol: str, since_ms: int = 0) -> None:
        """Our orders may be on this symbol, at least since then (0: now)."""
        since_ms = since_ms if since_ms > 0 else self._venue_ms()
        known_ms = self._since.get(symbol)
        if known_ms is None and len(self._since) >= IN_USE_MAX:
            return
        self._since[symbol] = since_ms if known_ms is None else min(known_ms, since_ms)

    def deal(self, symbol: str, since_ms: int = 0) -> None:
        """Something happens there: a deed, news of an order, a question about one."""
        self.use(symbol, since_ms)
        if symbol in self._since:
            self._busy[symbol] = self._venue_ms()

    # ── reports ─────────────────────────────────────────────────────────────────────────────────

    def round(self) -> Round:
        now_ms = self._venue_ms()
        sweeps = not self._swept_ms or now_ms - self._swept_ms >= self._sweep_ms
        return Round(self._connection, now_ms, sweeps, not self._others_asked)

    def of(self, round: Round) -> dict[str, int]:
        """The symbols of this report, with the time since when our orders may be on each."""
        chosen = self._since if round.sweeps else self._busy
        return {symbol: self._since[symbol] for symbol in chosen}

    def asked(self, round: Round, resting: Iterable[str]) -> None:
        """This report was complete; orders rest on these symbols."""
        if round.connection != self._connection:
            return
        self._others_asked = True
        if round.sweeps:
            self._swept_ms = round.at_ms
        open_ones = dict.fromkeys(resting)
        for symbol in open_ones:
            if symbol not in self._busy:
                self.deal(symbol)
        late_ms = round.at_ms - self._overlap_ms
        self._busy = {s: at_ms for s, at_ms in self._busy.items() if at_ms > late_ms or s in open_ones}
