"""Trades and bars of one category: streamed, and mended by the venue's history after every hole.

A hole is closed before anything behind it is told, so trades and bars reach the engine in order and once.
What comes while there is no link is not taken: it is a hole like any other, closed when the link is back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from kedge.model.events import BarsSeen, Event, Outgrown, TradesSeen
from kedge.model.instrument import market_of
from kedge.model.venue import Bar, Feed, Trade
from kedge.venues.bars import BarKeeper, History
from kedge.venues.bybit import public
from kedge.venues.bybit.asks import PUBLIC, Asks
from kedge.venues.bybit.instruments import native_of
from kedge.venues.bybit.rules import BARS_PAGE, INTERVALS, SPOT_TRADES_PAGE, TRADES_PAGE
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.wire import MS, Category, Envelope
from kedge.venues.silence import sentence
from kedge.venues.stream import Backoff

KLINE: Final = "/v5/market/kline"
RECENT: Final = "/v5/market/recent-trade"

# A bar is in the venue's history so long after its end, for certain.
SETTLED_NS: Final = 120_000_000_000
# Trades known by id, and trades that wait for a hole to be closed.
IDS_MAX: Final = 2_000
HELD_MAX: Final = 5_000

Key = tuple[str, int]  # symbol, interval; an interval of 0 is trades


async def history(asks: Asks, category: Category, symbol: str, paging: History) -> tuple[Bar, ...] | str:
    """Everything that `paging` wants, running bars left out; or why it could not be had."""
    while (window := paging.window) is not None:
        params: dict[str, str | int] = {
            "category": category,
            "symbol": native_of(symbol),
            "interval": INTERVALS[paging.interval_ns],
            "start": window.since_ns // MS,
            "end": -(-window.until_ns // MS) - 1,
            "limit": BARS_PAGE,
        }
        envelope = await asks.get(KLINE, params, PUBLIC, signed=False)
        bars = public.read_bars_told(envelope) if isinstance(envelope, Envelope) else envelope
        if not isinstance(bars, tuple):
            return sentence(f"{KLINE}: {bars.why}")
        paging.took(bars)
    return paging.bars(asks.now_ns())


class Feeds:
    """`say` reaches the engine only while there is a link; `linked` says whether there is one."""

    def __init__(
        self,
        ties: Ties,
        asks: Asks,
        category: Category,
        say: Callable[[Event], None],
        linked: Callable[[], bool],
    ) -> None:
        self.category = category
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
        bars = {(f.symbol, f.interval_ns): None for f in feeds if f.kind == "bars"}
        trades = {f.symbol: None for f in feeds if f.kind == "trades"}
        for key in [*self._bars, *((symbol, 0) for symbol in self._trades)]:
            if key not in bars and not (key[1] == 0 and key[0] in trades):
                self._stop(key)
        self._begun = {key: None for key in self._begun if key in bars}
        self._bars = {key: self._bars.get(key) or BarKeeper(key[1]) for key in bars}
        self._trades = {symbol: self._trades.get(symbol) or _Trades() for symbol in trades}

    def topics(self) -> tuple[str, ...]:
        bars = [public.bars_topic(interval_ns, native_of(s)) for s, interval_ns in self._bars]
        return (*bars, *(public.trades_topic(native_of(symbol)) for symbol in self._trades))

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

    def hear_trades(self, symbol: str, said: Sequence[Trade]) -> None:
        trades = self._trades.get(symbol)
        if trades is None or not self._linked():
            return
        if trades.held is not None:
            trades.held.extend(said)
            return
        self._tell_trades(symbol, trades.fresh(said))

    def hear_bars(self, symbol: str, interval_ns: int, said: Sequence[Bar]) -> None:
        keeper = self._bars.get((symbol, interval_ns))
        if keeper is None or not self._linked():
            return
        for bar in said:
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
            now_ns = self._ties.clock()
            until_ns = now_ns // interval_ns * interval_ns
            since_ns = max(0, until_ns - self._ties.options.bars_first * interval_ns)
            paging = History(interval_ns, since_ns, until_ns, BARS_PAGE)
            bars = await history(self._asks, self.category, symbol, paging)
            if not isinstance(bars, str) and self._linked():
                self._begun[key] = None
                self._tell_bars(symbol, interval_ns, keeper.begin(bars))
                return
            await asyncio.sleep(backoff.next_s())

    async def _mend_bars(self, key: Key, keeper: BarKeeper) -> None:
        symbol, interval_ns = key
        backoff = self._backoff()
        while (missing := keeper.missing) is not None:
            paging = History(interval_ns, missing.since_ns, missing.until_ns, BARS_PAGE)
            bars = await history(self._asks, self.category, symbol, paging)
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
        """Ask for the latest, tell what is new, then what came meanwhile."""
        backoff = self._backoff()
        limit = SPOT_TRADES_PAGE if self.category == "spot" else TRADES_PAGE
        params: dict[str, str | int] = {
            "category": self.category,
            "symbol": native_of(symbol),
            "limit": limit,
        }
        while True:
            envelope = await self._asks.get(RECENT, params, PUBLIC, signed=False)
            said = public.read_recent_trades(envelope) if isinstance(envelope, Envelope) else envelope
            if isinstance(said, tuple):
                break
            await asyncio.sleep(backoff.next_s())
        if not self._linked():
            return
        last = trades.last
        if said and last is not None and said[0].venue_ns > last.venue_ns and len(said) >= limit:
            why = "more trades passed unheard than the venue tells of"
            self._say(Outgrown(f"trades of {market_of(self._ties.setup.account, symbol)}", why))
        held, trades.held = trades.held or (), None
        self._tell_trades(symbol, trades.fresh([*trades.since(said), *held]))

    def _tell_trades(self, symbol: str, trades: Sequence[Trade]) -> None:
        if trades:
            self._say(TradesSeen(market_of(self._ties.setup.account, symbol), tuple(trades)))

    # ── tasks ───────────────────────────────────────────────────────────────────────────────────

    def _start(self, key: Key, work: Coroutine[Any, Any, None]) -> None:
        self._stop(key)
        task = asyncio.get_running_loop().create_task(work, name=f"bybit feed {key[0]}")
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._done(key, done))

    def _stop(self, key: Key) -> None:
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    def _done(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)

    def _backoff(self) -> Backoff:
        return Backoff(1.0, self._ties.options.backoff_max_s)


class _Trades:
    """Which trades of one symbol are known; `held` is not None while a hole is being closed."""

    def __init__(self) -> None:
        self.last: Trade | None = None
        self.held: deque[Trade] | None = None
        self._ids: dict[str, None] = {}

    def since(self, trades: Sequence[Trade]) -> list[Trade]:
        """Those that are not older than the last one known."""
        last_ns = self.last.venue_ns if self.last is not None else 0
        return [trade for trade in trades if trade.venue_ns >= last_ns]

    def fresh(self, trades: Sequence[Trade]) -> list[Trade]:
        """Those not known yet, which are known from now on."""
        news = []
        for trade in trades:
            if trade.trade_id in self._ids:
                continue
            self._ids[trade.trade_id] = None
            news.append(trade)
        while len(self._ids) > IDS_MAX:
            del self._ids[next(iter(self._ids))]
        if news:
            self.last = news[-1]
        return news
