"""Bars: the last few hundred when a feed begins, then each as it closes; what was missed is asked of history.

`BarKeeper` holds the rule that all venues share; here it is fed by the stream and by GET /api/v3/klines. What
was told is kept, and told again after a link was down: the engine takes each bar once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from kedge.model.events import BarsSeen, Event
from kedge.model.instrument import market_of
from kedge.model.venue import Bar, Feed
from kedge.venues.bars import BarKeeper, History, Missing
from kedge.venues.binance.chores import Chores
from kedge.venues.binance.errors import sentence_of
from kedge.venues.binance.sign import Value, query_of
from kedge.venues.binance.spot import rules
from kedge.venues.binance.spot.market import Klines, read_klines
from kedge.venues.binance.spot.us import Us
from kedge.venues.binance.spot.wire import NS_PER_MS, Unreadable
from kedge.venues.rest import Call, Rest
from kedge.venues.silence import Silence
from kedge.venues.venue import Clock

KLINES_PATH = "/api/v3/klines"
# A question of history that failed is asked again after this.
AGAIN_NS = 5_000_000_000
PAGES_MAX = 1_000
# So long after its end a bar is in history, or there was none.
SETTLED_NS = 60_000_000_000

Key = tuple[str, int]


class Past:
    """GET /api/v3/klines."""

    def __init__(self, rest: Rest, us: Us) -> None:
        self._rest = rest
        self._us = us

    async def ask(
        self, symbol: str, interval_ns: int, limit: int, since_ns: int = -1, until_ns: int = -1
    ) -> Klines | str:
        """Bars that start in [since, until), `limit` at most, the oldest of them first; or why not."""
        params: dict[str, Value] = {
            "symbol": symbol,
            "interval": rules.INTERVALS[interval_ns],
            "limit": limit,
        }
        if since_ns >= 0:
            params["startTime"] = since_ns // NS_PER_MS
        if until_ns >= 0:
            params["endTime"] = until_ns // NS_PER_MS - 1
        cost = ((rules.WEIGHT, rules.W_KLINES),)
        said = await self._rest.ask(Call("GET", KLINES_PATH, query_of(params), cost=cost, signed=False))
        if isinstance(said, Silence):
            return said.why
        if said.status != 200:
            return sentence_of(self._us.failure(said))
        klines = read_klines(said.body, self._us.venue_ns() // NS_PER_MS)
        return klines.why if isinstance(klines, Unreadable) else klines

    async def between(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int, now_ns: int
    ) -> tuple[Bar, ...] | str:
        """Every closed bar that starts in [since, until), empty intervals flat."""
        if interval_ns not in rules.INTERVALS:
            return f"Binance spot has no bars of {interval_ns // 1_000_000_000} s"
        if symbol != symbol.strip() or not symbol.isalnum():
            return f"{symbol!r} is no symbol of Binance spot: they are spelled like BTCUSDT"
        paging = History(interval_ns, since_ns, until_ns, rules.PAGE_MOST)
        for _ in range(PAGES_MAX):
            window = paging.window
            if window is None:
                break
            page = await self.ask(symbol, interval_ns, rules.PAGE_MOST, window.since_ns, window.until_ns)
            if isinstance(page, str):
                return page
            paging.took(page.bars)
        return paging.bars(now_ns)


class BarFeeds:
    """The bar feeds of one account."""

    def __init__(
        self, account: str, past: Past, clock: Clock, first: int, say: Callable[[Event], None]
    ) -> None:
        self._account = account
        self._past = past
        self._clock = clock
        self._first = first
        self._say = say
        self._feeds: dict[Key, _Feed] = {}
        self._chores = Chores("bars")

    def watch(self, feeds: Sequence[Feed]) -> None:
        """Keep exactly these; those that stay go on where they are."""
        wanted = {
            (feed.symbol, feed.interval_ns): None
            for feed in feeds
            if feed.kind == "bars" and feed.interval_ns in rules.INTERVALS
        }
        self._feeds = {key: self._feeds.get(key) or _Feed(key[1], self._first) for key in wanted}

    def heard(self, symbol: str, interval: str, bar: Bar) -> None:
        for (named, interval_ns), feed in self._feeds.items():
            if named == symbol and rules.INTERVALS[interval_ns] == interval and feed.begun:
                self._tell((named, interval_ns), feed, feed.keeper.heard(bar))

    def check(self) -> None:
        """About once a second: begin what has not begun, notice what should have come, ask for it."""
        now_ns = self._clock()
        for key, feed in self._feeds.items():
            if feed.begun:
                feed.keeper.due(now_ns)
            wanting = not feed.begun or feed.keeper.missing is not None
            if wanting and now_ns >= feed.ask_at_ns:
                self._chores.start(f"{key[0]} {key[1]}", partial(self._ask, key, feed))

    def retell(self) -> None:
        """A new link: what was told before it may not have been heard."""
        for key, feed in self._feeds.items():
            if feed.told:
                self._emit(key, tuple(feed.told))

    async def close(self) -> None:
        await self._chores.close()

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, key: Key, feed: _Feed) -> None:
        symbol, interval_ns = key
        missing = feed.keeper.missing if feed.begun else None
        since_ns = missing.since_ns if missing is not None else -1
        limit = rules.PAGE_MOST if missing is not None else self._first
        said = await self._past.ask(symbol, interval_ns, limit, since_ns)
        feed.ask_at_ns = self._clock() + AGAIN_NS
        if isinstance(said, str) or self._feeds.get(key) is not feed:
            return
        if missing is None:
            feed.begun = True
            self._tell(key, feed, feed.keeper.begin(said.closed))
        else:
            self._settle(key, feed, missing, said)

    def _settle(self, key: Key, feed: _Feed, missing: Missing, said: Klines) -> None:
        """What history has not, of an interval that ended long enough ago, was empty."""
        settled_ns = self._clock() - SETTLED_NS - feed.keeper.interval_ns + 1
        known_ns = max(said.latest_ns, settled_ns)
        self._tell(key, feed, feed.keeper.answered(missing, said.closed, known_ns))

    def _tell(self, key: Key, feed: _Feed, bars: tuple[Bar, ...]) -> None:
        if bars:
            feed.told.extend(bars)
            self._emit(key, bars)

    def _emit(self, key: Key, bars: tuple[Bar, ...]) -> None:
        self._say(BarsSeen(market_of(self._account, key[0]), key[1], bars))


class _Feed:
    def __init__(self, interval_ns: int, kept: int) -> None:
        self.keeper = BarKeeper(interval_ns)
        self.begun = False
        self.told: deque[Bar] = deque(maxlen=kept)
        self.ask_at_ns = 0
