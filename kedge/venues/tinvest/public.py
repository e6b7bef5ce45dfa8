"""What T-Invest says of its markets: books, last prices, trades and bars. Pure.

A book is a whole snapshot every time, so there is nothing to miss; the venue itself says when one is not to
be believed (`is_consistent`). Quantities and volumes are in lots there. Trades carry no number: one is known
by its moment, price, quantity and side, and by how many such there were before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

from kedge.model.events import BookUpdate
from kedge.model.instrument import Instrument, Market
from kedge.model.numbers import text
from kedge.model.order import Side
from kedge.model.venue import Bar, Level, Trade
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.venues.tinvest.rules import BOOK_DEPTH
from kedge.venues.tinvest.wire import Unreadable, ns_of, number, sane

# Beyond these a number is a broken feed, not a market.
LOTS_MAX = 10**12
UNITS_MAX = 10**15

# ── books ───────────────────────────────────────────────────────────────────────────────────────


def book_of(
    said: md.OrderBook | md.GetOrderBookResponse, instrument: Instrument, market: Market, venue_ns: int
) -> BookUpdate | Unreadable:
    lot = instrument.lot
    bids = _levels(said.bids, lot)
    asks = _levels(said.asks, lot)
    if bids is None or asks is None:
        return Unreadable("corrupt: a price or a quantity is out of range")
    if not _falls(bids) or not _falls(asks[::-1]):
        return Unreadable("corrupt: its levels are out of order")
    if bids and asks and bids[0].price >= asks[0].price:
        return Unreadable(f"crossed: bid {text(bids[0].price)} is not below ask {text(asks[0].price)}")
    return BookUpdate(market, bids, asks, venue_ns)


def _levels(rows: Sequence[md.Order], lot: Decimal) -> tuple[Level, ...] | None:
    made = []
    for row in rows[:BOOK_DEPTH]:
        price, quantity = row.price, row.quantity
        if not 0 < quantity < LOTS_MAX or abs(price.units) >= UNITS_MAX:
            return None
        made.append(Level(number(price), quantity * lot))
    return tuple(made)


def _falls(levels: Sequence[Level]) -> bool:
    return all(above.price > below.price for above, below in pairwise(levels))


# ── trades ──────────────────────────────────────────────────────────────────────────────────────


class Counting:
    """Gives trades their names: how many of the same moment, price, quantity and side came before."""

    KEPT = 5_000

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def named(self, row: md.Trade, lot: Decimal) -> Trade | None:
        """None: a side that is none, or a number that is not traded."""
        side: Side = "buy" if row.direction == md.TRADE_DIRECTION_BUY else "sell"
        price, qty, at_ns = number(row.price), row.quantity * lot, ns_of(row.time)
        if row.direction == md.TRADE_DIRECTION_UNSPECIFIED or qty <= 0 or not sane(price) or at_ns <= 0:
            return None
        key = f"{at_ns}:{text(price)}:{text(qty)}:{side[0]}"
        count = self._seen.get(key, 0)
        self._seen[key] = count + 1
        while len(self._seen) > self.KEPT:
            del self._seen[next(iter(self._seen))]
        return Trade(f"{key}:{count}", side, price, qty, at_ns)


def trades_told(said: md.GetLastTradesResponse, lot: Decimal) -> list[Trade]:
    """Oldest first; named as the stream would have named them from the first of them on."""
    counting = Counting()
    rows = sorted(said.trades, key=lambda row: ns_of(row.time))
    return [trade for trade in (counting.named(row, lot) for row in rows) if trade is not None]


# ── bars ────────────────────────────────────────────────────────────────────────────────────────


def bar_of(row: md.Candle | md.HistoricCandle, interval_ns: int, lot: Decimal) -> Bar | None:
    """On UTC's grid: days begin at midnight, whatever hour the venue gives them. None: no numbers of a
    market.
    """
    start_ns = ns_of(row.time) // interval_ns * interval_ns
    prices = [number(one) for one in (row.open, row.high, row.low, row.close)]
    volume = row.volume * lot
    if start_ns <= 0 or volume < 0 or not all(sane(price) for price in prices) or prices[1] < prices[2]:
        return None
    first, high, low, last = prices
    return Bar(start_ns, first, high, low, last, volume)


def bars_told(rows: Iterable[md.HistoricCandle], interval_ns: int, lot: Decimal) -> tuple[Bar, ...]:
    made = (bar_of(row, interval_ns, lot) for row in rows if row.is_complete)
    return tuple(bar for bar in made if bar is not None)
