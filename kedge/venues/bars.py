"""Bars kept by one rule for all venues: each is told once, in order, closed only; empty intervals are flat.

Pure. `BarKeeper` follows a stream of closed bars; `History` pages through a venue's past by windows of time,
which do not shift while new bars come, whatever the order of a page is.

An interval of which nothing was heard may be empty or may have been missed. Nobody can tell by the stream, so
it is reported as `Missing` and the client asks the venue's history, which decides: what the history has is
told; what it has not was empty, provided that the history is known to reach beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.model.venue import Bar

# Closed bars that wait for an earlier one. More than these are let go; history will have them.
HELD_MAX = 1_000


class Missing(Struct, frozen=True):
    """Ask the history for bars that start in [since, until)."""

    since_ns: int
    until_ns: int


class BarKeeper:
    """One market's bars of one interval. Verbs return what is to be told now, oldest first.

    After each verb look at `missing`, and ask the history while it is not None. A new connection changes
    nothing here: what came meanwhile is missing, and is asked for.
    """

    def __init__(self, interval_ns: int, grace_ns: int = 5_000_000_000) -> None:
        assert interval_ns > 0
        self.interval_ns = interval_ns
        # How long after its end a bar may take to come.
        self.grace_ns = grace_ns
        self._begun = False
        self._last: Bar | None = None
        self._held: dict[int, Bar] = {}
        # Intervals that have ended for certain begin before this.
        self._ended_ns = 0

    @property
    def next_ns(self) -> int:
        """Where the next bar to be told starts; 0 before the first."""
        return self._last.start_ns + self.interval_ns if self._last is not None else 0

    @property
    def missing(self) -> Missing | None:
        """The stretch that history must decide about before anything later is told; None: none."""
        if self._last is None:
            return None
        until_ns = max(min(self._held, default=0), self._ended_ns)
        return Missing(self.next_ns, until_ns) if self.next_ns < until_ns else None

    def begin(self, bars: Iterable[Bar]) -> tuple[Bar, ...]:
        """Start from history: closed bars in any order. What the stream brought meanwhile follows them."""
        assert not self._begun, "begun already"
        self._begun = True
        told = fill_flat(bars, self.interval_ns)
        if told:
            self._last = told[-1]
        return told + self._release()

    def heard(self, bar: Bar) -> tuple[Bar, ...]:
        """A closed bar came by the stream. Before `begin` it waits."""
        last = self._last
        if last is not None and (bar.start_ns <= last.start_ns or self._is_odd(bar)):
            return ()  # told already, or none of ours
        if len(self._held) >= HELD_MAX:
            del self._held[max(self._held)]
        self._held[bar.start_ns] = bar
        return self._release()

    def due(self, now_ns: int) -> None:
        """Time has passed: an interval that ended more than the grace ago and brought nothing is missing."""
        self._ended_ns = max(self._ended_ns, now_ns - self.grace_ns - self.interval_ns + 1)

    def answered(self, asked: Missing, bars: Iterable[Bar], known_until_ns: int) -> tuple[Bar, ...]:
        """History answered what was `missing`. It is complete for bars that start before `known_until_ns`:
        what it does not have there was empty. See `History.known_until_ns`."""
        if self._last is None:
            return ()
        until_ns = min(asked.until_ns, known_until_ns)
        # The stream's last word on an interval counts more than the history's.
        mine = [bar for bar in [*bars, *self._held.values()] if self.next_ns <= bar.start_ns < until_ns]
        told = fill_flat([self._last, *mine], self.interval_ns, until_ns)[1:]
        if told:
            self._last = told[-1]
        return told + self._release()

    def _is_odd(self, bar: Bar) -> bool:
        """Beside the grid of the others, or from a future that would be asked for in vain."""
        assert self._last is not None
        ahead_ns = bar.start_ns - self._last.start_ns
        known_ns = max(self._ended_ns, self._last.start_ns)
        return bool(ahead_ns % self.interval_ns) or bar.start_ns > known_ns + HELD_MAX * self.interval_ns

    def _release(self) -> tuple[Bar, ...]:
        """What is held and follows what was told; before the very first bar there is nothing to follow."""
        told: list[Bar] = []
        if self._last is None and self._begun and self._held:
            self._last = self._held.pop(min(self._held))
            told.append(self._last)
        if self._last is None:
            return ()
        while (bar := self._held.pop(self.next_ns, None)) is not None:
            told.append(bar)
            self._last = bar
        self._held = {start_ns: bar for start_ns, bar in self._held.items() if start_ns > self.next_ns}
        return tuple(told)


class History:
    """Page through [since, until) by windows of at most `limit` bars.

        paging = History(interval_ns, since_ns, until_ns, limit)
        while (window := paging.window) is not None:
            page = await ask(window.since_ns, window.until_ns)      # bars, open ones included; in any order
            paging.took(page)
        bars = paging.bars(now_ns)                                  # closed, ascending, flat where empty

    Windows are stretches of time from the oldest on, so nothing shifts while one pages. A page may stop short
    of its window's end (in its own order), because the venue gives fewer than it promises or because nothing
    traded there: the rest is asked for until nothing comes. What is outside the window is dropped, and of two
    bars with one start the later page's counts.
    """

    def __init__(self, interval_ns: int, since_ns: int, until_ns: int, limit: int) -> None:
        assert interval_ns > 0
        assert limit > 0
        self.interval_ns = interval_ns
        self.since_ns = since_ns
        self.until_ns = until_ns
        self.limit = limit
        self._bars: dict[int, Bar] = {}
        self._seen_ns = 0
        # What is still to be asked, oldest last.
        self._todo = self._windows()

    @property
    def window(self) -> Missing | None:
        """What to ask next; None: everything was asked."""
        return self._todo[-1] if self._todo else None

    def took(self, page: Sequence[Bar]) -> None:
        """The page of `window` is here."""
        assert self._todo, "nothing was asked"
        window = self._todo.pop()
        starts = [bar.start_ns for bar in page]
        self._seen_ns = max(self._seen_ns, *starts, 0)
        mine = {bar.start_ns: bar for bar in page if window.since_ns <= bar.start_ns < window.until_ns}
        if not mine:
            return
        self._bars.update(mine)
        # What is not covered may have been cut off, at the end that comes last in this page's order.
        first_ns, end_ns = min(mine), max(mine) + self.interval_ns
        if starts[0] <= starts[-1] and end_ns < window.until_ns:
            self._todo.append(Missing(end_ns, window.until_ns))
        if starts[0] >= starts[-1] and first_ns - self.interval_ns >= window.since_ns:
            self._todo.append(Missing(window.since_ns, first_ns))

    def known_until_ns(self, now_ns: int, settled_ns: int) -> int:
        """Before this, what the history has not was empty.

        It shows a later bar, so it reaches as far; or an interval ended so long ago (`settled_ns`) that its
        bar would be there.
        """
        return max(self._seen_ns, now_ns - settled_ns - self.interval_ns + 1)

    def bars(self, now_ns: int) -> tuple[Bar, ...]:
        """Closed bars, oldest first, flat between them; nothing is made up before the first or after the last
        of them that the history is known to reach."""
        closed = [bar for bar in self._bars.values() if bar.start_ns + self.interval_ns <= now_ns]
        return fill_flat(closed, self.interval_ns)

    def _windows(self) -> list[Missing]:
        span_ns = self.limit * self.interval_ns
        starts = range(self.since_ns, self.until_ns, span_ns)
        return [Missing(start, min(start + span_ns, self.until_ns)) for start in reversed(starts)]


def fill_flat(bars: Iterable[Bar], interval_ns: int, until_ns: int = 0) -> tuple[Bar, ...]:
    """Sorted, each start once (the last one counts), and every empty interval flat: those between the first
    and the last bar, and those after it that start before `until_ns`."""
    known = {bar.start_ns: bar for bar in bars}
    if not known:
        return ()
    first_ns, last_ns = min(known), max(known)
    filled: list[Bar] = []
    for start_ns in range(first_ns, max(last_ns + 1, until_ns), interval_ns):
        bar = known.get(start_ns)
        if bar is None:
            close = filled[-1].close
            bar = Bar(start_ns, close, close, close, close, ZERO)
        filled.append(bar)
    return tuple(filled)
