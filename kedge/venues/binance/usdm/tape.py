"""Trades of others: the stream's while it runs, and by their numbers what passed while it was cut.

Aggregated trades of a symbol are numbered without holes, so a hole is seen at once: what is missing is asked
for, what came after it waits, and everything is told in order and once. The last price comes from here too.
While there is no link nothing counts as told: the next link goes on where the last one ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, field

from kedge.model.events import TradesSeen
from kedge.model.instrument import market_of
from kedge.model.numbers import ZERO
from kedge.model.venue import Trade
from kedge.venues.binance.usdm import asks, feeds
from kedge.venues.binance.usdm.asking import Failed
from kedge.venues.binance.usdm.common import Common, Outlet
from kedge.venues.binance.usdm.feeds import AggRow, AggTrade, LastPrice

# So many pages of what was missed are told; after a longer absence the tape goes on from now.
PAGES_MOST = 10
WAITING_MOST = 5_000
TOLD_MOST = 1_000


class _Kept(Struct):
    # The newest trade that was told; 0 before the first.
    number: int = 0
    waiting: deque[AggTrade] = field(default_factory=deque)
    torn: bool = False
    last: Decimal = ZERO


class Tape:
    def __init__(self, common: Common, outlet: Outlet) -> None:
        self._account = common.account
        self._asking = common.asking
        self._chores = common.chores
        self._outlet = outlet
        self._kept: dict[str, _Kept] = {}
        # Symbols whose trades are wanted; of the others only the last price is.
        self._told_of: dict[str, None] = {}
        self._pending: dict[str, list[Trade]] = {}

    def watch(self, symbols: Iterable[str], trades_of: Iterable[str]) -> None:
        self._told_of = dict.fromkeys(trades_of)
        wanted = dict.fromkeys([*symbols, *self._told_of])
        self._kept = {s: self._kept.get(s) or _Kept() for s in wanted}
        for symbol, kept in self._kept.items():
            if not kept.last:
                self._ask_last(symbol)

    def last(self, symbol: str) -> Decimal:
        """The price of the newest trade; zero while none is known."""
        kept = self._kept.get(symbol)
        return kept.last if kept is not None else ZERO

    def heard(self, trade: AggTrade) -> None:
        kept = self._kept.get(trade.symbol)
        if kept is None:
            return
        kept.last = Decimal(trade.price)
        if trade.symbol not in self._told_of or not self._outlet.is_up:
            return
        if kept.torn or (kept.number and trade.id > kept.number + 1):
            kept.waiting.append(trade)
            if len(kept.waiting) > WAITING_MOST:
                kept.waiting.popleft()
            self._mend(trade.symbol, kept)
        elif trade.id > kept.number:
            self._take(trade.symbol, kept, trade)

    def paused(self) -> None:
        """Nothing more is at hand: tell what was gathered."""
        pending, self._pending = self._pending, {}
        for symbol, trades in pending.items():
            self._outlet.say(TradesSeen(market_of(self._account, symbol), tuple(trades)))

    def went_up(self) -> None:
        """The line, or the link, is there again: trades may have passed meanwhile."""
        for symbol, kept in self._kept.items():
            if symbol in self._told_of and kept.number and self._outlet.is_up:
                self._mend(symbol, kept)

    def check(self) -> None:
        """About once a second: what could not be asked for is asked for again."""
        for symbol, kept in self._kept.items():
            if kept.torn and self._outlet.is_up:
                self._mend(symbol, kept)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _take(self, symbol: str, kept: _Kept, trade: AggTrade) -> None:
        kept.number = trade.id
        pending = self._pending.setdefault(symbol, [])
        pending.append(feeds.trade_of(trade))
        if len(pending) >= TOLD_MOST:
            self.paused()

    def _mend(self, symbol: str, kept: _Kept) -> None:
        kept.torn = True

        async def fetch() -> None:
            for _ in range(PAGES_MOST):
                page = await self._asking.read(asks.agg_trades(symbol, kept.number + 1), list[AggRow])
                if isinstance(page, Failed) or not self._outlet.is_up or self._kept.get(symbol) is not kept:
                    return  # `check` asks again
                for row in sorted(page, key=lambda row: row.id):
                    if row.id > kept.number:
                        self._take(symbol, kept, row.of(symbol))
                if len(page) < asks.PAGE:
                    break
            self._release(symbol, kept)

        self._chores.start(f"trades of {symbol}", fetch)

    def _release(self, symbol: str, kept: _Kept) -> None:
        """What waited follows; a hole that is still there is older than the venue shows, or too long."""
        kept.torn = False
        while kept.waiting:
            trade = kept.waiting.popleft()
            if trade.id > kept.number:
                self._take(symbol, kept, trade)
        self.paused()

    def _ask_last(self, symbol: str) -> None:
        async def fetch() -> None:
            price = await self._asking.read(asks.last_price(symbol), LastPrice)
            kept = self._kept.get(symbol)
            if isinstance(price, LastPrice) and kept is not None and not kept.last:
                kept.last = Decimal(price.price)

        self._chores.start(f"last price of {symbol}", fetch)
