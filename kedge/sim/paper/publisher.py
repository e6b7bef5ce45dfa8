"""The public streams: the best levels of each book as numbered changes, marks, instruments.

A book is compared with what was last published, once per tick, so that a client never sees the market move
within a tick and every change is told once, whatever the exchange did to bring it about.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.model.venue import Level
from kedge.sim.exchange.nouns import BookView, MarketReport
from kedge.sim.paper import wire
from kedge.sim.paper.connection import Connection
from kedge.sim.paper.wire import Message

# A quiet book and a quiet mark are told again after this, so that silence is never "no news".
QUIET_NS = 1_000_000_000

Side = dict[Decimal, Decimal]


class _Published(Struct):
    seq: int = 0
    told_ns: int = 0
    bids: Side = {}
    asks: Side = {}
    mark: Message = {}
    mark_ns: int = 0


class Publisher:
    def __init__(self) -> None:
        self._published: dict[str, _Published] = {}

    def book(self, view: BookView, now_ns: int) -> Message | None:
        """The next book message of a symbol; None when there is nothing to say yet."""
        published = self._published.setdefault(view.symbol, _Published())
        bids = {level.price: level.qty for level in view.bids}
        asks = {level.price: level.qty for level in view.asks}
        bid_changes = _changes(published.bids, bids)
        ask_changes = _changes(published.asks, asks)
        quiet = not (bid_changes or ask_changes)
        if quiet and published.seq and now_ns - published.told_ns < QUIET_NS:
            return None
        prev = published.seq
        published.seq += 1
        published.told_ns = now_ns
        published.bids, published.asks = bids, asks
        return wire.book(view.symbol, "delta", published.seq, prev, bid_changes, ask_changes, now_ns)

    def snapshot(self, symbol: str, now_ns: int) -> Message:
        """The book as last published: what the next change applies to."""
        published = self._published.setdefault(symbol, _Published())
        bids = [Level(p, q) for p, q in published.bids.items()]
        asks = [Level(p, q) for p, q in published.asks.items()]
        return wire.book(symbol, "snapshot", published.seq, 0, bids, asks, now_ns)

    def mark(self, report: MarketReport, now_ns: int) -> Message | None:
        """The symbol's mark, when it is news or a second old."""
        published = self._published.setdefault(report.symbol, _Published())
        message = mark_of(report, 0)
        last = published.mark.get("last")
        if now_ns - published.mark_ns < QUIET_NS and message["last"] == last:
            return None
        published.mark, published.mark_ns = message, now_ns
        return {**message, "venue_ns": now_ns}

    def symbols_of(self, connections: Iterable[Connection]) -> list[str]:
        """Every symbol that somebody watches, in the order it was first asked for."""
        return list(dict.fromkeys(s for c in connections for s in c.watched))


def mark_of(report: MarketReport, now_ns: int) -> Message:
    return wire.mark(report.symbol, report.mark, report.index, report.last, report.funding_rate, now_ns)


def tell_book(connection: Connection, message: Message) -> None:
    """Tell a change to whoever watches, hence has the book that it follows."""
    if message["symbol"] in connection.watched:
        connection.tell(message)


def _changes(before: Side, after: Side) -> list[Level]:
    changed = [Level(price, qty) for price, qty in after.items() if before.get(price) != qty]
    gone = [Level(price, ZERO) for price in before if price not in after]
    return gone + changed
