"""Trades of others: told as they are streamed, and by their numbers what passed while nothing was heard.

The trades of a symbol are numbered without holes, so a hole is seen at once: what is missing is asked for
(GET /api/v3/historicalTrades), what came after it waits, and everything is told in order and once. While
there is no link nothing counts as told: the next link goes on where the last one ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

from msgspec import Struct, field

from kedge.model.events import Event, Outgrown, TradesSeen
from kedge.model.instrument import market_of
from kedge.model.order import Side
from kedge.model.venue import Trade
from kedge.venues.binance.chores import Chores
from kedge.venues.binance.spot import rules
from kedge.venues.binance.spot.market import TradeSeen, trade_of
from kedge.venues.binance.spot.wire import NS_PER_MS, Id, Millis, Unreadable, Unsigned, read_as
from kedge.venues.rest import Call, Rest
from kedge.venues.silence import Silence
from kedge.venues.venue import Clock

PATH = "/api/v3/historicalTrades"
# So many pages of what was missed are told; after a longer absence the tape goes on from now.
PAGES_MOST = 10
WAITING_MOST = 5_000
# A question that failed is asked again after this.
AGAIN_NS = 5_000_000_000
TOO_MANY = "more trades passed unheard than are asked for afterwards"


class Row(Struct, frozen=True, rename="camel"):
    id: Id
    price: Unsigned
    qty: Unsigned
    time: Millis
    is_buyer_maker: bool


class _Kept(Struct):
    # The newest trade that was told; -1 before the first.
    number: int = -1
    waiting: deque[Trade] = field(default_factory=deque)
    torn: bool = False
    ask_at_ns: int = 0


class Tape:
    """`linked`: whether what is said is heard."""

    def __init__(
        self, account: str, rest: Rest, clock: Clock, say: Callable[[Event], None], linked: Callable[[], bool]
    ) -> None:
        self._account = account
        self._rest = rest
        self._clock = clock
        self._say = say
        self._linked = linked
        self._chores = Chores("trades")
        self._kept: dict[str, _Kept] = {}

    def watch(self, symbols: Iterable[str]) -> None:
        """Keep exactly these; those that stay go on where they are."""
        self._kept = {symbol: self._kept.get(symbol) or _Kept() for symbol in symbols}

    def heard(self, seen: TradeSeen) -> None:
        kept = self._kept.get(seen.s)
        if kept is None or not self._linked():
            return
        if kept.torn or 0 <= kept.number < seen.t - 1:
            kept.waiting.append(trade_of(seen))
            if len(kept.waiting) > WAITING_MOST:
                kept.waiting.popleft()
            self._mend(seen.s, kept)
        elif seen.t > kept.number:
            self._tell(seen.s, kept, [trade_of(seen)])

    def begin(self) -> None:
        """The line, or the link, is there again: trades may have passed meanwhile."""
        for symbol, kept in self._kept.items():
            if kept.number >= 0 and self._linked():
                self._mend(symbol, kept)

    def check(self) -> None:
        """About once a second: what could not be asked for is asked for again."""
        for symbol, kept in self._kept.items():
            if kept.torn and self._linked():
                self._mend(symbol, kept)

    async def close(self) -> None:
        await self._chores.close()

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _mend(self, symbol: str, kept: _Kept) -> None:
        kept.torn = True
        if self._clock() >= kept.ask_at_ns:
            self._chores.start(symbol, lambda: self._fetch(symbol, kept))

    async def _fetch(self, symbol: str, kept: _Kept) -> None:
        kept.ask_at_ns = self._clock() + AGAIN_NS
        for _ in range(PAGES_MOST):
            rows = await self._page(symbol, kept.number + 1)
            if rows is None or not self._linked() or self._kept.get(symbol) is not kept:
                return  # `check` asks again
            self._tell(symbol, kept, [_trade(row) for row in sorted(rows, key=lambda row: row.id)])
            if len(rows) < rules.PAGE_MOST:
                break
        else:
            self._say(Outgrown(f"trades of {market_of(self._account, symbol)}", TOO_MANY))
        waiting, kept.waiting = kept.waiting, deque()
        kept.torn, kept.ask_at_ns = False, 0
        self._tell(symbol, kept, waiting)

    async def _page(self, symbol: str, first: int) -> tuple[Row, ...] | None:
        query = f"symbol={symbol}&limit={rules.PAGE_MOST}&fromId={first}"
        call = Call("GET", PATH, query, cost=((rules.WEIGHT, rules.W_TRADES),), signed=False)
        said = await self._rest.ask(call)
        if isinstance(said, Silence) or said.status != 200:
            return None
        rows = read_as(said.body, tuple[Row, ...])
        return None if isinstance(rows, Unreadable) else rows

    def _tell(self, symbol: str, kept: _Kept, trades: Iterable[Trade]) -> None:
        fresh = []
        for trade in trades:
            if int(trade.trade_id) > kept.number:
                kept.number = int(trade.trade_id)
                fresh.append(trade)
        if fresh:
            self._say(TradesSeen(market_of(self._account, symbol), tuple(fresh)))


def _trade(row: Row) -> Trade:
    side: Side = "sell" if row.is_buyer_maker else "buy"
    return Trade(str(row.id), side, Decimal(row.price), Decimal(row.qty), max(row.time, 0) * NS_PER_MS)
