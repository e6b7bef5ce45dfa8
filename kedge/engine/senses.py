"""What the engine hears but need not remember: books, links, clocks, decoded bots. Gone after a crash.

Everything here is rebuilt by starting: from the durable state, and from asking the venues.
"""

from __future__ import annotations

from decimal import Decimal
from heapq import heappop, heappush
from typing import Any

from msgspec import Struct, field

from kedge.engine.bot import Bot
from kedge.engine.wants import Want
from kedge.model.instrument import Market
from kedge.model.numbers import ZERO
from kedge.model.venue import Balance, Bar, Feed, Level, Rules, Trade

# Timers are data: what is due is named by (room, name), never by a callback.
TimerKey = tuple[str, str]


class Timers:
    """One heap; setting a key again replaces it (the older heap entry is skipped when it surfaces)."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, TimerKey]] = []
        self._due: dict[TimerKey, int] = {}
        self._count = 0

    def set(self, key: TimerKey, due_ns: int) -> None:
        if self._due.get(key) == due_ns:
            return
        self._due[key] = due_ns
        self._count += 1
        heappush(self._heap, (due_ns, self._count, key))

    def sooner(self, key: TimerKey, due_ns: int) -> None:
        """Set it, unless it is already due earlier."""
        known = self._due.get(key)
        if known is None or due_ns < known:
            self.set(key, due_ns)

    def drop(self, key: TimerKey) -> None:
        self._due.pop(key, None)

    def due_ns(self, key: TimerKey) -> int | None:
        return self._due.get(key)

    def next_ns(self) -> int | None:
        while self._heap:
            due_ns, _, key = self._heap[0]
            if self._due.get(key) == due_ns:
                return due_ns
            heappop(self._heap)
        return None

    def take_due(self, now_ns: int) -> list[TimerKey]:
        due: list[TimerKey] = []
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, _, key = heappop(self._heap)
            if self._due.get(key) == due_ns:
                del self._due[key]
                due.append(key)
        return due

    def dump(self) -> list[tuple[str, str, int]]:
        """All of them, in the order in which they would come up."""
        order = {key: count for due_ns, count, key in self._heap if self._due.get(key) == due_ns}
        found = sorted(self._due.items(), key=lambda item: (item[1], order[item[0]]))
        return [(room, name, due_ns) for (room, name), due_ns in found]

    def load(self, dumped: list[tuple[str, str, int]]) -> None:
        self._heap, self._due, self._count = [], {}, 0
        for room, name, due_ns in dumped:
            self.set((room, name), due_ns)

    def __len__(self) -> int:
        return len(self._due)


class MarketNow(Struct):
    market: Market
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    venue_ns: int = 0
    heard_ns: int = 0
    lost: str = "no book yet"
    mark: Decimal = ZERO
    index: Decimal = ZERO
    last: Decimal = ZERO
    funding_rate: Decimal = ZERO
    # Names of the bots that watch it; a dict keeps their order.
    watchers: dict[str, None] = field(default_factory=dict)
    # Of these, the ones that are not asked again at every change of the book.
    deaf: dict[str, None] = field(default_factory=dict)
    # The latest trades of others, and closed bars by interval; only what some bot wants to hear.
    trades: list[Trade] = field(default_factory=list)
    bars: dict[int, list[Bar]] = field(default_factory=dict)

    @property
    def reference(self) -> Decimal:
        """The price positions are valued at: mark, else the middle, else the last trade."""
        if self.mark > 0:
            return self.mark
        if self.bids and self.asks:
            return (self.bids[0].price + self.asks[0].price) / 2
        return self.last


class Link(Struct):
    account: str
    rules: Rules
    up: bool = False
    # Reconciled since the link came up: only then is anything placed.
    ready: bool = False
    why: str = "not connected yet"
    since_ns: int = 0
    reported_ns: int = 0
    asking: bool = False
    failures: int = 0
    # Position differences and since when they stand: only what stands is written down.
    doubts: dict[str, tuple[Decimal, int]] = field(default_factory=dict)
    watched: tuple[str, ...] = ()
    fed: tuple[Feed, ...] = ()
    # The venue will not be tried again until a person says so.
    stopped: bool = False
    # What people should know though it is up.
    odd: str = ""
    # A person asked for the audit that is under way, and wants to hear that all agrees, too.
    audit_asked: bool = False
    balances: tuple[Balance, ...] = ()  # as the stream tells them; the report's are written
    filled_ns: int = 0  # when a fill was last booked
    ended_ns: int = 0  # when an order last ended with a rest, and when fills were last asked for therefore
    checked_ns: int = 0
    sent_ns: list[int] = field(default_factory=list)
    ups: int = 0  # how often it came up in this life, and when it was first ready
    first_ready_ns: int = 0
    # Of the cancelling of every order that is under way: how often the venue was asked and when last, what it
    # said to that, and what a report showed afterwards (None: no report yet).
    sweeps: int = 0
    swept_ns: int = 0
    sweep_says: str = ""
    left: tuple[str, ...] | None = None
    # How often the orders of a stash were asked to go, by its name.
    emptied: dict[str, int] = field(default_factory=dict)
    # The list of instruments: being asked for, asked for by a person, and when it was last had.
    listing: bool = False
    list_asked: bool = False
    listed_ns: int = 0
    # When orders that wait for a trigger were last sent, and until when the venue wants none.
    stops_ns: list[int] = field(default_factory=list)
    stops_after_ns: int = 0
    stop_cancels_ns: int = 0  # when a cancel of one that waits for its turn may go


class Care(Struct):
    """The questions asked about one order whose fate or fills are not settled."""

    asks: int = 0
    asking: bool = False
    refused: int = 0  # changes of it that were refused in a row: each waits longer than the one before
    # A lookup asked at this time did not find it; a complete report asked later concludes.
    missing_ns: int = 0
    shut: bool = False  # a change of it was refused outside a session: asked for again at the opening
    burns: bool = False  # the next lookup uses its key up
    # Of an amend under way: the venue has taken it, and the stream has shown its price. Both make it done.
    taken: bool = False
    shown: bool = False


class BotNow(Struct):
    bot: Bot[Any, Any] | None
    config: Any
    state: Any
    wants: dict[str, Want] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, int]] = field(default_factory=dict)
    sent_ns: list[int] = field(default_factory=list)  # for orders per minute; bounded by that limit
    stated_ns: int = 0
    soft: bool = False  # the state in memory is newer than the journal's
    waits_for: str = ""
    # Why the venue last refused an order of a slot.
    refusals: dict[str, str] = field(default_factory=dict)
    # Slots whose order made way for another of ours, and until when they hold back.
    yielding: dict[str, int] = field(default_factory=dict)
