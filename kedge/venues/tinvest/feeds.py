"""Trades and bars: streamed, and mended by the venue's history after every hole.

A hole is closed before anything behind it is told, so trades and bars reach the engine in order and once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from kedge.model.events import BarsSeen, Event, TradesSeen
from kedge.model.instrument import market_of
from kedge.model.venue import Bar, Feed, Trade
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.venues.bars import BarKeeper, History
from kedge.venues.silence import sentence
from kedge.venues.stream import Backoff
from kedge.venues.tinvest import public
from kedge.venues.tinvest import rules as limits
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.rules import INTERVALS, SECOND_NS
from kedge.venues.tinvest.streams import report_end
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import stamp

# A bar is in the venue's history so long after its end, for certain.
SETTLED_NS: Final = 45 * SECOND_NS
# Trades that wait for a hole to be closed.
HELD_MAX: Final = 5_000

Key = tuple[str, int]  # symbol, interval; an interval of 0 is trades


async def history(asks: Asks, ties: Ties, symbol: str, paging: History) -> tuple[Bar, ...] | str:
    """Everything that `paging` wants, running bars left out; or why it could not be had."""
    lot = ties.listing.lot_of(symbol)
    while (window := paging.window) is not None:
        request = md.GetCandlesRequest(
            instrument_id=ties.listing.uid_of(symbol),
            to=stamp(window.until_ns),
            interval=INTERVALS[paging.interval_ns].candles,  # type: ignore[arg-type]
        )
        getattr(request, "from").CopyFrom(stamp(window.since_ns))
        said = await asks.ask(limits.CANDLES, request, md.GetCandlesResponse)
        if not isinstance(said, md.GetCandlesResponse):
            return sentence(f"GetCandles: {said.why}")
        paging.took(public.bars_told(said.candles, paging.interval_ns, lot))
    return paging.bars(asks.now_ns())


class Feeds:
    """`say` reaches the engine only while there is a link; `linked` says whether there is one."""

    def __init__(
        self, ties: Ties, asks: Asks, say: Callable[[Event], None], linked: Callable[[], bool]
    ) -> None:
        self._ties = ties
        self._asks = asks
        self._say = say
        self._linked = linked
        self._bars: dict[Key, BarKeeper] = {}
        self._trades: dict[str, _Trades] = {}
        # Bars whose past has been told.
        self._begun: dict[Key, None] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    # ── what the owner says ─────────────────────────────────────────────────────────────────────

    def watch(self, feeds: Sequence[Feed]) -> None:
        """Keep exactly these."""
        bars = {(feed.symbol, feed.interval_ns): None for feed in feeds if feed.kind == "bars"}
        trades = {feed.symbol: None for feed in feeds if feed.kind == "trades"}
        for key in [*self._bars, *((symbol, 0) for symbol in self._trades)]:
            if key not in bars and not (key[1] == 0 and key[0] in trades):
                self._stop(key)
        self._begun = {key: None for key in self._begun if key in bars}
        self._bars = {key: self._bars.get(key) or BarKeeper(key[1]) for key in bars}
        self._trades = {symbol: self._trades.get(symbol) or _Trades() for symbol in trades}

    def begin(self) -> None:
        """The stream is on, or the link is back: close the holes."""
        for symbol, trades in self._trades.items():
            if trades.last is not None:
                trades.held = deque(maxlen=HELD_MAX)
                self._start((symbol, 0), self._mend_trades(symbol, trades))
        self.tick()

    def tick(self) -> None:
        """About once a second: bars that should have come."""
        now_ns = self._ties.clock()
        for key, keeper in self._bars.items():
            keeper.due(now_ns)
            self._look_after(key, keeper)

    async def close(self) -> None:
        for key in list(self._tasks):
            self._stop(key)

    # ── what the venue says ─────────────────────────────────────────────────────────────────────

    def hear_trade(self, symbol: str, row: md.Trade) -> None:
        trades = self._trades.get(symbol)
        if trades is None or not self._linked():
            return
        if trades.held is not None:
            trades.held.append(row)
            return
        made = trades.counting.named(row, self._ties.listing.lot_of(symbol))
        if made is not None:
            self._tell_trades(symbol, trades.fresh([made]))

    def hear_bar(self, symbol: str, interval_ns: int, row: md.Candle) -> None:
        keeper = self._bars.get((symbol, interval_ns))
        if keeper is None or not self._linked():
            return
        bar = public.bar_of(row, interval_ns, self._ties.listing.lot_of(symbol))
        # The stream was asked for closed bars only; one that still runs is no news.
        if bar is not None and bar.start_ns + interval_ns <= self._ties.clock() + SECOND_NS:
            self._tell_bars(symbol, interval_ns, keeper.heard(bar))
            self._look_after((symbol, interval_ns), keeper)

    # ── bars ────────────────────────────────────────────────────────────────────────────────────

    def _look_after(self, key: Key, keeper: BarKeeper) -> None:
        if key in self._tasks or not self._linked():
            return
        if key not in self._begun:
            self._start(key, self._begin_bars(key, keeper))
        elif keeper.missing is not None:
            self._start(key, self._mend_bars(key, keeper))

    async def _begin_bars(self, key: Key, keeper: BarKeeper) -> None:
        """The last few hundred, as one piece of news; asked for again with growing waits until they come."""
        symbol, interval_ns = key
        backoff = self._backoff()
        while True:
            until_ns = self._ties.clock() // interval_ns * interval_ns
            since_ns = max(0, until_ns - self._ties.options.bars_first * interval_ns)
            paging = History(interval_ns, since_ns, until_ns, INTERVALS[interval_ns].page)
            bars = await history(self._asks, self._ties, symbol, paging)
            if not isinstance(bars, str) and self._linked():
                self._begun[key] = None
                self._tell_bars(symbol, interval_ns, keeper.begin(bars))
                return
            await asyncio.sleep(backoff.next_s())

    async def _mend_bars(self, key: Key, keeper: BarKeeper) -> None:
        symbol, interval_ns = key
        backoff = self._backoff()
        while (missing := keeper.missing) is not None:
            paging = History(interval_ns, missing.since_ns, missing.until_ns, INTERVALS[interval_ns].page)
            bars = await history(self._asks, self._ties, symbol, paging)
            told: tuple[Bar, ...] = ()
            if not isinstance(bars, str) and self._linked():
                known_ns = paging.known_until_ns(self._ties.clock(), SETTLED_NS)
                told = keeper.answered(missing, bars, known_ns)
                self._tell_bars(symbol, interval_ns, told)
            if not told:
                await asyncio.sleep(backoff.next_s())

    def _tell_bars(self, symbol: str, interval_ns: int, bars: Sequence[Bar]) -> None:
        if bars:
            self._say(BarsSeen(market_of(self._ties.setup.account, symbol), interval_ns, tuple(bars)))

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    async def _mend_trades(self, symbol: str, trades: _Trades) -> None:
        """Ask for those since the last one known, tell what is new, then what came meanwhile."""
        backoff = self._backoff()
        lot = self._ties.listing.lot_of(symbol)
        assert trades.last is not None
        while True:
            now_ns = self._ties.clock()
            # From the very moment of the last one, so that all of its moment are counted alike.
            since_ns = max(trades.last.venue_ns, now_ns - limits.TRADES_KEPT_NS)
            request = md.GetLastTradesRequest(
                instrument_id=self._ties.listing.uid_of(symbol),
                to=stamp(now_ns + SECOND_NS),
                trade_source=md.TRADE_SOURCE_EXCHANGE,
            )
            getattr(request, "from").CopyFrom(stamp(since_ns))
            said = await self._asks.ask(limits.LAST_TRADES, request, md.GetLastTradesResponse)
            if isinstance(said, md.GetLastTradesResponse):
                break
            await asyncio.sleep(backoff.next_s())
        if not self._linked():
            return
        held, trades.held = trades.held or (), None
        known = [trade for trade in public.trades_told(said, lot) if trade.venue_ns >= since_ns]
        self._tell_trades(symbol, trades.fresh(known))
        # What came by the stream meanwhile is in the history up to its end; only what is later is new.
        reached_ns = known[-1].venue_ns if known else since_ns
        trades.counting = public.Counting()
        later = [trades.counting.named(row, lot) for row in held]
        self._tell_trades(
            symbol, trades.fresh([one for one in later if one is not None and one.venue_ns > reached_ns])
        )

    def _tell_trades(self, symbol: str, trades: Sequence[Trade]) -> None:
        if trades:
            self._say(TradesSeen(market_of(self._ties.setup.account, symbol), tuple(trades)))

    # ── tasks ───────────────────────────────────────────────────────────────────────────────────

    def _start(self, key: Key, work: Coroutine[Any, Any, None]) -> None:
        self._stop(key)
        task = asyncio.get_running_loop().create_task(work, name=f"tinvest feed {key[0]}")
        self._tasks[key] = task
        task.add_done_callback(report_end)
        task.add_done_callback(lambda done: self._done(key, done))

    def _stop(self, key: Key) -> None:
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    def _done(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    def _backoff(self) -> Backoff:
        return Backoff(1.0, self._ties.options.backoff_max_s)


class _Trades:
    """Which trades of one symbol are known; `held` is not None while a hole is being closed."""

    IDS_MAX = 2_000

    def __init__(self) -> None:
        self.last: Trade | None = None
        self.held: deque[md.Trade] | None = None
        self.counting = public.Counting()
        self._ids: dict[str, None] = {}

    def fresh(self, trades: Sequence[Trade]) -> list[Trade]:
        """Those not known yet, which are known from now on."""
        news = [trade for trade in trades if trade.trade_id not in self._ids]
        self._ids.update(dict.fromkeys(trade.trade_id for trade in news))
        while len(self._ids) > self.IDS_MAX:
            del self._ids[next(iter(self._ids))]
        if news:
            self.last = news[-1]
        return news
