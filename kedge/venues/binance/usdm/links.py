"""Which order is whose: conditional orders joined to the regular ones they became, numbers to client ids.

`settle` looks through a symbol's conditional orders once, as far back as the venue keeps them, and afterwards
only asks after those that still wait. `orders` and `fills` give every order number its client id. All ask the
venue, remember what they learn, and say what failed; nothing is ever guessed.

"Does not exist" is weak while a thing is young: one place of the venue shows it and another not yet. So what
happened less than the rules' `visibility_ns` ago belongs to nobody only when nothing of ours could be hidden.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from kedge.model.venue import Fill
from kedge.venues.binance.usdm import asks, mends
from kedge.venues.binance.usdm.asking import Asking, Failed
from kedge.venues.binance.usdm.asks import Ask
from kedge.venues.binance.usdm.memory import Memory
from kedge.venues.binance.usdm.rules import ORDERS_KEPT_NS, SPAN_NS
from kedge.venues.binance.usdm.wire import NS_PER_MS, Algo, Order, Trade, fill_kind, trade_fill

# Pages of one walk through history; a venue that needs more of them is broken.
PAGES_MOST = 400
# More unknown numbers than these are looked for in lists, not one by one.
SINGLES_MOST = 20
STRANGERS_ID = ""
# It has left the algo service, and the service may not yet say as what.
BETWEEN = ("TRIGGERING", "TRIGGERED")

EVER_MS = 9_000_000_000_000

T = TypeVar("T")


class Links:
    def __init__(self, asking: Asking, memory: Memory) -> None:
        self._asking = asking
        self._memory = memory
        self._turn = asyncio.Lock()

    async def settle(self, symbol: str) -> int | str:
        """Know every conditional order of this symbol that has triggered. A string is why that failed; a
        number, in milliseconds, that it is so of all that happened until then."""
        async with self._turn:
            if not self._memory.is_walked(symbol):
                _, failed = await self._walk(symbol)
                if failed:
                    return failed
            hidden: list[str] = []
            for known in self._memory.waiting(symbol):
                algo = await self._asking.read(asks.algo_order(known.client_id), Algo)
                if isinstance(algo, Algo):
                    learnt = self._memory.learn_algo(algo)
                    if algo.algo_status in BETWEEN and not learnt.order_id:
                        return f"a stop on {symbol} is triggering, and its order has no number yet"
                elif algo.code != mends.NO_ORDER:
                    return algo.why
                else:
                    hidden.append(known.client_id)
            return await self._look_for(symbol, hidden) if hidden else EVER_MS

    async def listed(self, client_id: str, symbol: str) -> Algo | Failed | None:
        """A conditional order that the lookup does not show, among those of the last days: stops that have
        ended were seen to be in the list only."""
        now_ms = self._asking.venue_ns // NS_PER_MS
        since_ms = now_ms - SPAN_NS // NS_PER_MS
        found, failed = await self.sweep(
            lambda since, until: asks.all_algos(symbol, since, until), Algo, since_ms, now_ms
        )
        if failed:
            return Failed(failed)
        return next((algo for algo in found if algo.client_algo_id == client_id), None)

    async def orders(self, found: Sequence[Order]) -> str:
        """Give each order of a list its owner. Why that failed, or ""."""
        strange = [o for o in found if self._memory.learn_order(o) is None]
        for symbol in dict.fromkeys(o.symbol for o in strange):
            at_ms = max(o.update_time for o in strange if o.symbol == symbol)
            failed = _unsettled(symbol, await self.settle(symbol), at_ms)
            if failed:
                return failed
        for o in strange:
            if self._memory.learn_order(o) is None:
                self._memory.is_stranger(o.symbol, o.order_id, o.client_order_id)
        return ""

    async def fills(self, trades: Sequence[Trade]) -> tuple[list[Fill], str]:
        """The trades as fills with their owners; those whose owner could not be learnt are left out, and
        the sentence says why."""
        unknown: dict[tuple[str, int], int] = {}
        for t in trades:
            if self._memory.owner(t.symbol, t.order_id) is None:
                known_ms = unknown.get((t.symbol, t.order_id), 0)
                unknown[t.symbol, t.order_id] = max(known_ms, t.time)
        failed = await self._learn_owners(unknown)
        found = []
        for t in trades:
            owner = self._memory.owner(t.symbol, t.order_id)
            if owner is not None:
                found.append(trade_fill(t, owner, fill_kind(owner)))
        return found, failed

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    async def _learn_owners(self, unknown: dict[tuple[str, int], int]) -> str:
        by_symbol: dict[str, list[int]] = {}
        for symbol, order_id in unknown:
            by_symbol.setdefault(symbol, []).append(order_id)
        for symbol, numbers in by_symbol.items():
            if len(numbers) > SINGLES_MOST:
                oldest = min(unknown[symbol, n] for n in numbers)
                failed = await self._list_orders(symbol, oldest)
                if failed:
                    return failed
            for number in numbers:
                failed = await self._learn_owner(symbol, number, unknown[symbol, number])
                if failed:
                    return failed
        return ""

    async def _learn_owner(self, symbol: str, order_id: int, at_ms: int) -> str:
        if self._memory.owner(symbol, order_id) is not None:
            return ""
        order = await self._asking.read(asks.order(symbol, order_id=order_id), Order)
        if isinstance(order, Order):
            return await self.orders([order])
        if order.code != mends.NO_ORDER:
            return order.why
        if self._asking.is_young(at_ms):
            return f"{symbol}: the venue shows a trade and not yet its order"
        # Too old to be shown, though its trade is: it may still have been one of our conditional orders.
        failed = _unsettled(symbol, await self.settle(symbol), at_ms)
        if not failed and self._memory.owner(symbol, order_id) is None:
            self._memory.is_stranger(symbol, order_id, STRANGERS_ID)
        return failed

    async def _look_for(self, symbol: str, hidden: list[str]) -> int | str:
        """Stops that we hold for waiting are not shown by the lookup: the list decides, and then time."""
        found, failed = await self._walk(symbol)
        if failed:
            return failed
        shown = {algo.client_algo_id: None for algo in found}
        hidden = [name for name in hidden if name not in shown]
        for name in hidden:
            known = self._memory.of(name)
            if known is not None and known.until_ns and self._asking.is_over(known.until_ns):
                self._memory.ended(name)  # it was never taken
        return self._asking.settled_ms if hidden else EVER_MS

    async def _list_orders(self, symbol: str, since_ms: int) -> str:
        """Most orders that traded since then were placed since then; the others are asked for singly."""
        now_ms = self._asking.venue_ns // NS_PER_MS
        found, failed = await self.sweep(
            lambda since, until: asks.all_orders(symbol, since, until), Order, since_ms, now_ms
        )
        return failed or await self.orders(found)

    async def _walk(self, symbol: str) -> tuple[list[Algo], str]:
        now_ms = self._asking.venue_ns // NS_PER_MS
        found, failed = await self.sweep(
            lambda since, until: asks.all_algos(symbol, since, until),
            Algo,
            now_ms - ORDERS_KEPT_NS // NS_PER_MS,
            now_ms,
        )
        for algo in found:
            self._memory.learn_algo(algo)
        if not failed:
            self._memory.walk_done(symbol)
        return found, failed

    async def sweep(
        self, ask: Callable[[int, int], Ask], kind: type[T], since_ms: int, until_ms: int
    ) -> tuple[list[T], str]:
        """Everything of a list between two moments, by spans that the venue allows. A full page is halved,
        because the documents do not say which of the rows it has; what is at the edges comes twice."""
        found: list[T] = []
        most_ms = SPAN_NS // NS_PER_MS
        spans = [(at, min(at + most_ms, until_ms)) for at in range(since_ms, until_ms, most_ms)]
        for _ in range(PAGES_MOST):
            if not spans:
                return found, ""
            since, until = spans.pop(0)
            page: list[T] | Failed = await self._asking.read(ask(since, until), list[kind])  # type: ignore[valid-type]
            if isinstance(page, Failed):
                return found, page.why
            if len(page) >= asks.PAGE:
                if until - since <= 1:
                    return found, f"more than {asks.PAGE} of a millisecond"
                middle = (since + until) // 2
                spans[:0] = [(since, middle), (middle, until)]
            else:
                found.extend(page)
        return found, f"more than {PAGES_MOST} pages of history"


def _unsettled(symbol: str, settled: int | str, at_ms: int) -> str:
    """Why what happened then may still have another owner, or ""."""
    if isinstance(settled, str):
        return settled
    return "" if at_ms <= settled else f"the venue does not show yet what became of a stop on {symbol}"
