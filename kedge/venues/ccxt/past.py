"""The past as exchanges tell it through ccxt: our fills and orders since a moment, and bars.

ccxt promises no order of pages: of a long list one exchange gives the oldest, another the newest, and both
look alike once ccxt has sorted them. So fills and orders are asked for by stretches of time, and a page that
came full is asked for again in two halves, until none is full: then nothing can be missing, whatever the
order was. Where an exchange takes no end of a stretch this cannot be done, and a full page is `clipped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.model.venue import Bar
from kedge.venues.bars import History, Missing
from kedge.venues.ccxt import wire
from kedge.venues.ccxt.errors import Failure
from kedge.venues.ccxt.rules import BARS_PAGE, DAY_NS, NS_PER_MS, PAGE, Options, timeframe_ns
from kedge.venues.ccxt.talk import Talk
from kedge.venues.ccxt.wire import Listing, Said, Unreadable
from kedge.venues.venue import Clock

# Our clock and theirs differ; what is stamped a little ahead of us is meant too.
AHEAD_NS = 5_000_000_000


class Rows(Struct):
    """Raw trades or orders of ours, each once. `failed`: some are missing. `clipped`: for ever."""

    rows: dict[str, Said]
    failed: str = ""
    clipped: bool = False


class _Asking(Struct):
    method: str
    symbol: str
    limit: int
    found: Rows


METHODS: Final[Mapping[str, str]] = {
    "fetchMyTrades": "fetch_my_trades",
    "fetchOpenOrders": "fetch_open_orders",
    "fetchClosedOrders": "fetch_closed_orders",
    "fetchCanceledOrders": "fetch_canceled_orders",
    "fetchCanceledAndClosedOrders": "fetch_canceled_and_closed_orders",
    "fetchOrders": "fetch_orders",
}


class Past:
    def __init__(self, talk: Talk, clock: Clock, options: Options) -> None:
        self._talk = talk
        self._clock = clock
        self._options = options

    # ── fills and orders ────────────────────────────────────────────────────────────────────────

    async def fills(self, symbol: str, since_ns: int) -> Rows:
        """Every trade of ours in this market since then."""
        return await self.rows("fetchMyTrades", symbol, since_ns)

    async def rows(self, method: str, symbol: str, since_ns: int) -> Rows:
        """Everything that this method of ccxt's (`METHODS`) lists of a market since then."""
        asking = _Asking(method, symbol, int(self._feature(symbol, method, "limit") or PAGE), Rows({}))
        now_ns = self._clock()
        kept_ns = int((self._feature(symbol, method, "daysBack") or 0) * DAY_NS)
        if kept_ns and now_ns - since_ns > kept_ns:
            since_ns, asking.found.clipped = now_ns - kept_ns, True
        days = self._feature(symbol, method, "untilDays")
        if days is None:
            await self._forward(asking, since_ns)
        else:
            await self._halving(asking, since_ns, int(days * DAY_NS))
        return asking.found

    async def _halving(self, asking: _Asking, since_ns: int, span_ns: int) -> None:
        end_ns = self._clock() + AHEAD_NS
        step_ns = span_ns or end_ns - since_ns
        todo = [(start, min(start + step_ns, end_ns)) for start in range(since_ns, end_ns, step_ns)]
        todo.reverse()
        for _ in range(self._options.pages_max):
            if not todo:
                return
            since_ns, until_ns = todo.pop()
            count = await self._page(asking, since_ns, {"until": until_ns // NS_PER_MS})
            if asking.found.failed:
                return
            if count < asking.limit:
                continue
            middle_ns = (since_ns + until_ns) // 2 // NS_PER_MS * NS_PER_MS
            if middle_ns <= since_ns:
                asking.found.failed = f"{asking.symbol}: more than {asking.limit} rows in one millisecond"
                return
            todo += [(middle_ns, until_ns), (since_ns, middle_ns)]
        asking.found.failed = self._too_many(asking)

    async def _forward(self, asking: _Asking, since_ns: int) -> None:
        """Page on from the newest that came. If the page after a full one brings nothing newer, the full one
        held the newest already, and nobody knows whether it held the oldest as well."""
        found, full_before = asking.found, False
        for _ in range(self._options.pages_max):
            before_ns = _newest_ns(found)
            count = await self._page(asking, since_ns, {})
            if found.failed:
                return
            newest_ns = _newest_ns(found)
            if newest_ns <= before_ns:
                found.clipped = found.clipped or full_before or count >= asking.limit
                return
            if count < asking.limit:
                return
            full_before, since_ns = True, newest_ns
        found.failed = self._too_many(asking)

    async def _page(self, asking: _Asking, since_ns: int, params: dict[str, Any]) -> int:
        """Ask for one page; how long it was before ccxt filtered it."""
        ask = getattr(self._talk.exchange, METHODS[asking.method])
        page, rows = await self._talk.ask_counting(
            lambda: ask(asking.symbol, since_ns // NS_PER_MS, asking.limit, params)
        )
        if isinstance(page, Failure):
            asking.found.failed = page.why
            return 0
        for row in page:
            asking.found.rows[f"{row.get('id')}:{row.get('side')}"] = row
        return max(rows, len(page))

    def _too_many(self, asking: _Asking) -> str:
        return f"{asking.symbol}: more than {self._options.pages_max} pages of {asking.method}"

    def _feature(self, symbol: str, method: str, name: str) -> Any:
        return self._talk.feature(symbol, method, name)

    # ── bars ────────────────────────────────────────────────────────────────────────────────────

    def timeframe(self, interval_ns: int) -> str:
        """The exchange's name for this interval; "" where it has none."""
        frames = getattr(self._talk.exchange, "timeframes", None) or {}
        return next((str(name) for name in frames if timeframe_ns(str(name)) == interval_ns), "")

    async def bars(
        self, listing: Listing, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        """Closed bars that start in [since, until), oldest first, empty intervals flat."""
        frame = self.timeframe(interval_ns) if self._talk.has("fetchOHLCV") else ""
        if not frame:
            return f"{self._talk.exchange.id} has no bars of {interval_ns // 1_000_000_000} s"
        since_ns = -(-since_ns // interval_ns) * interval_ns
        limit = int(self._talk.feature(listing.symbol, "fetchOHLCV", "limit") or BARS_PAGE)
        paging = History(interval_ns, since_ns, until_ns, limit)
        for _ in range(self._options.pages_max):
            window = paging.window
            if window is None:
                return paging.bars(self._clock())
            page = await self._bars_page(listing, frame, window, interval_ns)
            if isinstance(page, str):
                return page
            paging.took(page)
        return f"{listing.symbol}: more than {self._options.pages_max} pages of bars"

    async def missing(
        self, listing: Listing, interval_ns: int, window: Missing
    ) -> tuple[tuple[Bar, ...], int] | str:
        """The closed bars of a stretch, and before what moment the exchange has no more to add."""
        frame = self.timeframe(interval_ns)
        page = await self._bars_page(listing, frame, window, interval_ns)
        if isinstance(page, str):
            return page
        now_ns = self._clock()
        settled_ns = round(self._options.bars_settled_s * 1_000_000_000)
        known_ns = max([now_ns - settled_ns - interval_ns, *(bar.start_ns + 1 for bar in page)])
        return tuple(bar for bar in page if bar.start_ns + interval_ns <= now_ns), known_ns

    async def _bars_page(
        self, listing: Listing, frame: str, window: Missing, interval_ns: int
    ) -> tuple[Bar, ...] | str:
        exchange = self._talk.exchange
        # One more than is meant: the bar after the last shows that the last is closed.
        count = -(-(window.until_ns - window.since_ns) // interval_ns) + 1
        limit = min(count, int(self._talk.feature(listing.symbol, "fetchOHLCV", "limit") or BARS_PAGE))
        rows = await self._talk.ask(
            lambda: exchange.fetch_ohlcv(listing.symbol, frame, window.since_ns // NS_PER_MS, limit)
        )
        if isinstance(rows, Failure):
            return rows.why
        bars = [wire.bar_of(row) for row in rows]
        broken = next((bar for bar in bars if isinstance(bar, Unreadable)), None)
        if broken is not None:
            return broken.why
        return tuple(scaled(bar, listing) for bar in bars if isinstance(bar, Bar))


def scaled(bar: Bar, listing: Listing) -> Bar:
    """Volume is counted as the exchange counts amounts; ours is in units."""
    if listing.lot == 1 or bar.volume == ZERO:
        return bar
    return Bar(bar.start_ns, bar.open, bar.high, bar.low, bar.close, bar.volume * listing.lot)


def _newest_ns(found: Rows) -> int:
    return max((wire.stamp_ns(row, "timestamp") for row in found.rows.values()), default=0)
