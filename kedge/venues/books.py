"""The books one connection streams: kept, checked, and told to the engine no oftener than needed.

The venue's wire code reads messages into `Change`s and says, by its own gap rule (`Follows`), whether one
follows the book. Everything else is the same everywhere and is here:

* changes of one read are told as one `BookUpdate` (`flush`, when the line pauses);
* a book that cannot be believed is told once as `BookLost`; then a fresh snapshot is asked for by `resync`,
  and asked for again with growing waits, so that a broken book never hammers the venue;
* where the snapshot comes another way than the changes (REST), the changes wait for it (`buffer=True`);
* a book that is too old is lost (`check`, about once a second), unless the line proves to be alive (`alive`);
* what was held up on its way (a stalled line that moves again) is applied, but the book is not believed until
  the stream is as young as that again.

Time is the desk's clock. Nothing in here waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from kedge.model.events import BookLost, BookUpdate, Event
from kedge.model.instrument import Market, market_of
from kedge.venues.quickbook import Pairs, QuickBook
from kedge.venues.venue import Clock

SECOND_NS = 1_000_000_000
# A snapshot takes its time; who needs more changes than these meanwhile begins again.
BUFFER_MAX = 2_000
# What was longer on its way says nothing of now, however seldom a venue speaks.
LATE_MOST_NS = 5 * SECOND_NS


class Change(Struct, frozen=True, array_like=True, gc=False):
    """One message of changes. `first`..`last` are the numbers it covers, `prev` the one it follows; a venue
    that has not all of them leaves them 0. `sent_ns` is the venue's clock when it spoke, 0 where not told."""

    bids: Pairs
    asks: Pairs
    last: int
    first: int = 0
    prev: int = 0
    venue_ns: int = 0
    sent_ns: int = 0


Follow = Literal["apply", "skip", "gap"]
# The book's number, a change, and whether it is the first one after a snapshot.
Follows = Callable[[int, Change, bool], Follow]


class BookWaits(Struct, frozen=True):
    levels: int = 10  # told to the engine, of each side
    resync_first_s: float = 0.5
    resync_max_s: float = 30.0
    # A book that lived so long was healthy: its next loss is the first again.
    healthy_s: float = 30.0


class Books:
    def __init__(
        self,
        account: str,
        clock: Clock,
        age_max_ns: int,
        follows: Follows,
        say: Callable[[Event], None],
        resync: Callable[[str], None],
        *,
        buffer: bool = False,
        waits: BookWaits | None = None,
    ) -> None:
        self.account = account
        self.waits = waits or BookWaits()
        self._clock = clock
        self._age_max_ns = age_max_ns
        self._late_max_ns = min(age_max_ns, LATE_MOST_NS)
        self._follows = follows
        self._say = say
        self._resync = resync
        self._buffers = buffer
        self._kept: dict[str, _Kept] = {}
        # There is a connection: snapshots may be asked for.
        self._on = False
        # Changed since they were last told; a dict, because its order is the venue's.
        self._changed: dict[str, _Kept] = {}

    # ── what the owner says ─────────────────────────────────────────────────────────────────────

    def watch(self, symbols: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Keep exactly these books; those that stay keep their levels. Returns the new and the gone."""
        wanted = dict.fromkeys(symbols)
        added = tuple(symbol for symbol in wanted if symbol not in self._kept)
        gone = tuple(symbol for symbol in self._kept if symbol not in wanted)
        for symbol in gone:
            del self._kept[symbol]
            self._changed.pop(symbol, None)
        for symbol in added:
            self._kept[symbol] = self._new(symbol)
        return added, gone

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._kept)

    def begin(self) -> None:
        """A new connection: every book starts anew. Its snapshot comes by itself, or is asked for when the
        first change has come (`buffer`)."""
        self._on = True
        for symbol, kept in list(self._kept.items()):
            if kept.book.live:
                self._tell_lost(symbol, kept, "a new connection")
            self._kept[symbol] = self._new(symbol)
        self._changed.clear()

    def lose_all(self, why: str) -> None:
        """The connection is gone, and every book with it. Nothing is asked for before `begin`."""
        self._on = False
        for symbol, kept in self._kept.items():
            kept.waiting.clear()
            if kept.book.live:
                kept.book.lose(why)
                self._tell_lost(symbol, kept, why)

    def drop(self, symbol: str, why: str) -> None:
        """The venue has no such symbol (any more)."""
        kept = self._kept.pop(symbol, None)
        if kept is not None:
            self._tell_lost(symbol, kept, why)

    def check(self) -> None:
        """About once a second: books too old to be believed, snapshots that never came."""
        now_ns = self._clock()
        for symbol, kept in list(self._kept.items()):
            was_live = kept.book.live
            why = kept.book.check_age(now_ns, self._age_max_ns)
            if was_live and why:
                self._broken(symbol, kept, why)
            elif was_live and now_ns - kept.late_since_ns > self._late_max_ns and self._is_late(kept):
                # Nothing younger came: the market is quiet now, and a snapshot tells what it is.
                self._broken(symbol, kept, kept.book.lose(_late(kept)))
            elif why and now_ns >= kept.ask_ns:
                # Also where no change waits: the market may be so quiet that none comes.
                self._ask(symbol, kept, now_ns)

    def alive(self) -> None:
        """The line answered, so nothing of it is on its way: quiet books are quiet, not stale."""
        now_ns = self._clock()
        for kept in self._kept.values():
            kept.book.heard_ns = now_ns

    def flush(self) -> None:
        """Tell every changed book's best levels, once."""
        if not self._changed:
            return
        changed, self._changed = self._changed, {}
        for symbol, kept in changed.items():
            book = kept.book
            bids, asks = book.best(self.waits.levels)
            if book.lost:
                self._broken(symbol, kept, book.lost)
            elif self._is_late(kept):
                # It is the way here that was slow: what comes next is younger.
                self._tell_lost(symbol, kept, _late(kept))
            else:
                kept.lost_told = False
                self._say(BookUpdate(kept.market, bids, asks, book.venue_ns))

    def retell(self) -> None:
        """A new link: tell every book that is live."""
        self._changed = {symbol: kept for symbol, kept in self._kept.items() if kept.book.live}
        self.flush()

    def is_live(self, symbol: str) -> bool:
        """Whether this book may be believed now."""
        kept = self._kept.get(symbol)
        return kept is not None and kept.book.live and not self._is_late(kept)

    def takes(self, symbol: str, sent_ns: int) -> bool:
        """Whether this book may be believed now, and with it what was said of it then (0: not told when)."""
        timely = not sent_ns or self._clock() - sent_ns <= self._late_max_ns
        return timely and self.is_live(symbol)

    # ── what the venue says ─────────────────────────────────────────────────────────────────────

    def snapshot(
        self, symbol: str, bids: Pairs, asks: Pairs, seq: int, venue_ns: int = 0, sent_ns: int = 0
    ) -> None:
        """Begin this book anew; changes that waited for it are applied by the venue's rule."""
        kept = self._kept.get(symbol)
        if kept is None:
            return
        now_ns = self._clock()
        why = kept.book.reset(bids, asks, seq, venue_ns, now_ns)
        if why:
            kept.waiting.clear()
            self._broken(symbol, kept, why)
            return
        kept.fresh, kept.live_ns = True, now_ns
        kept.came(sent_ns, now_ns)
        self._changed[symbol] = kept
        waiting, kept.waiting = kept.waiting, deque()
        while waiting:
            self.change(symbol, waiting.popleft())
            if kept.book.lost:
                # The snapshot does not reach to the changes. They still wait, for a newer one.
                kept.waiting.extend(waiting)
                return

    def change(self, symbol: str, change: Change, now_ns: int = 0) -> None:
        """Apply a change, let it wait for a snapshot, or lose the book by it. `now_ns`: where it is known."""
        kept = self._kept.get(symbol)
        if kept is None:
            return
        book = kept.book
        if book.lost:
            self._await_snapshot(symbol, kept, change)
            return
        follow = self._follows(book.seq, change, kept.fresh)
        if follow == "apply":
            now_ns = now_ns or self._clock()
            why = book.change(change.bids, change.asks, change.last, change.venue_ns, now_ns)
            if not why:
                kept.fresh = False
                kept.came(change.sent_ns, now_ns)
                self._changed[symbol] = kept
                return
        elif follow == "skip":
            return
        else:
            numbers = f"{change.first}-{change.last}" if change.first else f"{change.last}"
            after = f" after {change.prev}" if change.prev else ""
            why = book.lose(f"gap: the book is at {book.seq} and the change is {numbers}{after}")
            if self._buffers:
                kept.waiting.append(change)
        self._broken(symbol, kept, why)

    def heard(self, symbol: str, sent_ns: int) -> bool:
        """The venue repeats itself: the book stood when it spoke. Whether that is young enough to count."""
        kept = self._kept.get(symbol)
        now_ns = self._clock()
        if kept is None or now_ns - sent_ns > self._late_max_ns:
            return False
        kept.book.heard_ns = now_ns
        return True

    def lost(self, symbol: str, why: str) -> None:
        """The venue's own word, or an unreadable message: this book must not be believed."""
        kept = self._kept.get(symbol)
        if kept is not None and kept.book.live:
            self._broken(symbol, kept, kept.book.lose(why))

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _new(self, symbol: str) -> _Kept:
        kept = _Kept(market_of(self.account, symbol))
        if not self._buffers:
            # The snapshot comes with the subscription: give it as long as a resync.
            self._count_asked(kept, self._clock())
        return kept

    def _is_late(self, kept: _Kept) -> bool:
        return kept.late_ns > self._late_max_ns

    def _await_snapshot(self, symbol: str, kept: _Kept, change: Change) -> None:
        if not self._buffers:
            return
        if len(kept.waiting) >= BUFFER_MAX:
            # Too old to be of use to any snapshot that is still to come.
            kept.waiting.clear()
        kept.waiting.append(change)
        now_ns = self._clock()
        if now_ns >= kept.ask_ns:
            self._ask(symbol, kept, now_ns)

    def _broken(self, symbol: str, kept: _Kept, why: str) -> None:
        """A book was lost now: say it, and ask for a snapshot as soon as the back-off allows."""
        now_ns = self._clock()
        if kept.live_ns and now_ns - kept.live_ns > self.waits.healthy_s * SECOND_NS:
            kept.wait_ns = kept.ask_ns = 0
        kept.live_ns = 0
        self._tell_lost(symbol, kept, why)
        if now_ns >= kept.ask_ns:
            self._ask(symbol, kept, now_ns)

    def _tell_lost(self, symbol: str, kept: _Kept, why: str) -> None:
        self._changed.pop(symbol, None)
        if not kept.lost_told:
            kept.lost_told = True
            self._say(BookLost(kept.market, why))

    def _ask(self, symbol: str, kept: _Kept, now_ns: int) -> None:
        if self._on:
            self._count_asked(kept, now_ns)
            self._resync(symbol)

    def _count_asked(self, kept: _Kept, now_ns: int) -> None:
        first_ns, most_ns = round(self.waits.resync_first_s * SECOND_NS), self.waits.resync_max_s * SECOND_NS
        kept.wait_ns = min(max(first_ns, 2 * kept.wait_ns), round(most_ns))
        kept.ask_ns = now_ns + kept.wait_ns


class _Kept:
    """One book, and how often its snapshot was asked for."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.book = QuickBook()
        # No change was applied since the snapshot.
        self.fresh = True
        self.live_ns = 0
        self.lost_told = False
        # How long the last message was on its way, and when it came.
        self.late_ns = self.late_since_ns = 0
        self.waiting: deque[Change] = deque()
        # Not before this is a snapshot asked for again, and how long the last such wait was.
        self.ask_ns = 0
        self.wait_ns = 0

    def came(self, sent_ns: int, now_ns: int) -> None:
        self.late_ns, self.late_since_ns = (now_ns - sent_ns if sent_ns else 0), now_ns


def _late(kept: _Kept) -> str:
    return f"what the stream says was {kept.late_ns // SECOND_NS} s on its way"
