"""Synthetic liquidity: a house account that shows what it is told, by real orders in the real book.

So depth, queues, partial fills and conservation of money are the exchange's own and nobody's invention.
The only thing that is decided here is what a recording cannot tell: when a level shrinks, whether the
quantity left from before or from behind the orders of others. That is the queue model's.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ZERO
from kedge.model.order import Side
from kedge.model.venue import Level, OrderReport, PlaceOrder
from kedge.sim.exchange.exchange import Exchange
from kedge.sim.exchange.hooks import Cautious, QueueModel
from kedge.sim.exchange.nouns import AmendOrder

# With more orders than this at one price, the youngest are put together.
ORDERS_PER_LEVEL_MAX = 6


class Maker:
    """One house account in one market. What it shows is read from the exchange, never remembered."""

    def __init__(
        self, exchange: Exchange, account: str, symbol: str, queue_model: QueueModel | None = None
    ) -> None:
        self.account = account
        self.symbol = symbol
        self._exchange = exchange
        self._queue_model: QueueModel = queue_model or Cautious()
        exchange.open_account(account, house=True)

    def levels(self) -> dict[Side, dict[Decimal, list[OrderReport]]]:
        """Its own orders by side and price, first in the queue first."""
        found: dict[Side, dict[Decimal, list[OrderReport]]] = {"buy": {}, "sell": {}}
        for order in self._exchange.open_orders(self.account, self.symbol):
            found[order.side].setdefault(order.price, []).append(order)
        return found

    def show(self, bids: tuple[Level, ...], asks: tuple[Level, ...], now_ns: int) -> None:
        """Have exactly these levels. What is in the way goes first; what is new is placed last."""
        wanted: dict[Side, dict[Decimal, Decimal]] = {
            "buy": {level.price: level.qty for level in bids},
            "sell": {level.price: level.qty for level in asks},
        }
        standing = self.levels()
        for side, levels in standing.items():
            for price, orders in levels.items():
                if not wanted[side].get(price):
                    self.cancel(orders, now_ns)
        for side, quantities in wanted.items():
            for price, qty in quantities.items():
                self.set(side, price, qty, now_ns, standing[side].get(price, []))

    def set(self, side: Side, price: Decimal, qty: Decimal, now_ns: int, orders: list[OrderReport]) -> None:
        """Have this quantity at this price, where `orders` stand now."""
        left = sum((order.qty - order.cum_qty for order in orders), ZERO)
        if qty < left:
            self._shrink(orders, left - qty, now_ns)
        elif qty > left:
            if len(orders) >= ORDERS_PER_LEVEL_MAX:
                last = orders[-1]
                qty += last.qty - last.cum_qty
                self.cancel([last], now_ns)
            self.place(side, price, qty - left, now_ns)

    def place(self, side: Side, price: Decimal, qty: Decimal, now_ns: int) -> None:
        """A limit order behind all others at its price. Other people's orders in the way are traded with."""
        self._exchange.place(self.account, PlaceOrder("", self.symbol, side, qty, price), now_ns)

    def cancel(self, orders: list[OrderReport], now_ns: int) -> None:
        for order in orders:
            self._exchange.cancel(self.account, "", now_ns, venue_id=order.venue_id)

    def _shrink(self, orders: list[OrderReport], removed: Decimal, now_ns: int) -> None:
        """Take a quantity out of the level: from behind others' orders, or from before them."""
        ahead: list[OrderReport] = []
        passed = ZERO
        for order in orders:
            spot = self._exchange.queue(self.account, "", order.venue_id)
            if spot is None or spot.ahead != passed:
                break
            passed += order.qty - order.cum_qty
            ahead.append(order)
        behind = orders[len(ahead) :]
        behind_qty = sum((order.qty - order.cum_qty for order in behind), ZERO)
        step = self._exchange.instrument(self.symbol).qty_step
        cut = self._queue_model.cut_ahead(passed, behind_qty, removed) // step * step
        self._cut(ahead, cut, now_ns)
        rest = self._cut(behind, removed - cut, now_ns)
        self._cut(ahead, rest, now_ns)

    def _cut(self, orders: list[OrderReport], removed: Decimal, now_ns: int) -> Decimal:
        """Cut from the youngest backwards; the answer is what could not be cut."""
        for order in reversed(orders):
            if removed <= 0:
                break
            now = self._exchange.order(self.account, "", order.venue_id)
            if now is None:
                continue
            left = now.qty - now.cum_qty
            if removed >= left:
                self._exchange.cancel(self.account, "", now_ns, venue_id=order.venue_id)
            else:
                change = AmendOrder("", qty=now.qty - removed, venue_id=order.venue_id)
                self._exchange.amend(self.account, change, now_ns)
            removed -= min(removed, left)
        return removed
