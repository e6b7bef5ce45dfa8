"""Best prices in the paper dialect, as the client reads them. Pure."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.venue import Quote
from kedge.venues.paper.wire import Nanos, Number, Unsigned, Word


class QuoteSaid(Struct, frozen=True):
    symbol: Word
    bid: Unsigned = "0"
    bid_qty: Unsigned = "0"
    ask: Unsigned = "0"
    ask_qty: Unsigned = "0"
    last: Unsigned = "0"
    mark: Unsigned = "0"
    funding_rate: Number = "0"
    funding_ns: Nanos = 0
    funding_interval_ns: Nanos = 0


class QuotesBody(Struct, frozen=True):
    quotes: tuple[QuoteSaid, ...]


def quote_of(q: QuoteSaid, venue_ns: int) -> Quote:
    return Quote(
        symbol=q.symbol,
        bid=Decimal(q.bid),
        bid_qty=Decimal(q.bid_qty),
        ask=Decimal(q.ask),
        ask_qty=Decimal(q.ask_qty),
        last=Decimal(q.last),
        mark=Decimal(q.mark),
        funding_rate=Decimal(q.funding_rate),
        funding_ns=q.funding_ns,
        funding_s=q.funding_interval_ns // 1_000_000_000,
        venue_ns=venue_ns,
    )
