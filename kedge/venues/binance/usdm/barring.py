"""Bars of one account's markets: by the stream while it runs, by the venue's history for what came before it
and for whatever it has missed. An interval without trades is a flat bar; each bar is told once, in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from kedge.model.events import BarsSeen, Outgrown
from kedge.model.instrument import market_of
from kedge.model.venue import Bar, Feed
from kedge.venues.bars import BarKeeper, History
from kedge.venues.binance.usdm import asks, feeds
from kedge.venues.binance.usdm.asking import Failed
from kedge.venues.binance.usdm.common import Common, Outlet
from kedge.venues.binance.usdm.feeds import INTERVALS, KLINES_MOST, Kline, KlineRow
from kedge.venues.binance.usdm.rules import SECOND_NS
from kedge.venues.binance.usdm.wire import NS_PER_MS

# An interval that ended so long ago is in the history, if it had any trades.
SETTLED_NS = 30 * SECOND_NS
PAGES_MOST = 1_000

Key = tuple[str, int]


class Bars:
    def __init__(self, common: Common, outlet: Outlet) -> None:
        self._account = common.account
        self._asking = common.asking
        self._chores = common.chores
        self._options = common.options
        self._outlet = outlet
        self._kept: dict[Key, BarKeeper] = {}
        # Begun: the first few hundred have been told.
        self._begun: dict[Key, None] = {}

    def watch(self, wanted: Sequence[Feed]) -> list[str]:
        """Keep exactly these; returns their streams."""
        for feed in wanted:
            if feed.interval_ns not in INTERVALS:
                self._outlet.say(Outgrown(self._account, _no_such(feed.interval_ns)))
        known = [f for f in wanted if f.interval_ns in INTERVALS]
        keys = {(f.symbol, f.interval_ns): INTERVALS[f.interval_ns] for f in known}
        self._kept = {key: self._kept.get(key) or BarKeeper(key[1]) for key in keys}
        self._begun = {key: None for key in self._begun if key in keys}
        for key in keys:
            self._begin(key)
        return [asks.kline_stream(symbol, name) for (symbol, _), name in keys.items()]

    def heard(self, kline: Kline) -> None:
        if not self._outlet.is_up:
            return  # it would be told to nobody: it is missing, and asked for at the next link
        name = kline.candle.interval
        for key, keeper in self._kept.items():
            if key[0] == kline.symbol and INTERVALS[key[1]] == name and kline.candle.closed:
                self._tell(key, keeper.heard(feeds.bar_of(kline)))
                self._ask_missing(key, keeper)

    def check(self) -> None:
        """About once a second: intervals that brought nothing, histories that did not come."""
        if not self._outlet.is_up:
            return
        now_ns = self._asking.venue_ns
        for key, keeper in list(self._kept.items()):
            if key not in self._begun:
                self._begin(key)
                continue
            keeper.due(now_ns)
            self._ask_missing(key, keeper)

    async def history(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        """Closed bars that start in [since, until), oldest first, empty intervals flat."""
        paging = await self._page(symbol, interval_ns, since_ns, until_ns)
        return paging if isinstance(paging, str) else paging.bars(self._asking.venue_ns)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    async def _page(self, symbol: str, interval_ns: int, since_ns: int, until_ns: int) -> History | str:
        name = INTERVALS.get(interval_ns)
        if name is None:
            return _no_such(interval_ns)
        since_ns += -since_ns % interval_ns
        paging = History(interval_ns, since_ns, until_ns, KLINES_MOST)
        for _ in range(PAGES_MOST):
            window = paging.window
            if window is None:
                return paging
            since_ms = -(-window.since_ns // NS_PER_MS)
            until_ms = -(-window.until_ns // NS_PER_MS) - 1
            limit = min(KLINES_MOST, (window.until_ns - window.since_ns) // interval_ns + 1)
            ask = asks.klines(symbol, name, since_ms, until_ms, limit)
            page = await self._asking.read(ask, list[KlineRow])
            if isinstance(page, Failed):
                return page.why
            paging.took([feeds.bar_of_row(row) for row in page])
        return f"more than {PAGES_MOST} pages of bars"

    def _begin(self, key: Key) -> None:
        if key in self._begun or not self._outlet.is_up:
            return

        async def fetch() -> None:
            symbol, interval_ns = key
            now_ns = self._asking.venue_ns
            until_ns = now_ns - now_ns % interval_ns
            since_ns = until_ns - self._options.bars_first * interval_ns
            keeper = self._kept.get(key)
            paging = await self._page(symbol, interval_ns, since_ns, until_ns)
            if isinstance(paging, str) or keeper is None or not self._is_theirs(key, keeper):
                return  # asked again by `check`
            self._begun[key] = None
            self._tell(key, keeper.begin(paging.bars(self._asking.venue_ns)))
            self._ask_missing(key, keeper)

        self._chores.start(f"bars of {key[0]} {key[1]}", fetch)

    def _ask_missing(self, key: Key, keeper: BarKeeper) -> None:
        if keeper.missing is None:
            return

        async def fetch() -> None:
            missing = keeper.missing
            if missing is None:
                return
            symbol, interval_ns = key
            # A little further, so that a later bar proves the history to reach so far.
            until_ns = missing.until_ns + interval_ns
            paging = await self._page(symbol, interval_ns, missing.since_ns, until_ns)
            if isinstance(paging, str) or not self._is_theirs(key, keeper):
                return  # asked again by `check`
            now_ns = self._asking.venue_ns
            known_ns = paging.known_until_ns(now_ns, SETTLED_NS)
            self._tell(key, keeper.answered(missing, paging.bars(now_ns), known_ns))

        self._chores.start(f"bars of {key[0]} {key[1]}", fetch)

    def _is_theirs(self, key: Key, keeper: BarKeeper) -> bool:
        """Still wanted, and there is somebody to tell."""
        return self._outlet.is_up and self._kept.get(key) is keeper

    def _tell(self, key: Key, bars: tuple[Bar, ...]) -> None:
        if bars:
            self._outlet.say(BarsSeen(market_of(self._account, key[0]), key[1], bars))


def _no_such(interval_ns: int) -> str:
    return f"the venue has no bars of {interval_ns // SECOND_NS} s; it has {', '.join(INTERVALS.values())}"
