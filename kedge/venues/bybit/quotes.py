"""Best prices of many Bybit markets at once: one request for each category, whatever it lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from kedge.model.venue import Quote
from kedge.venues.bybit.asks import PUBLIC, Asks
from kedge.venues.bybit.instruments import Listing, native_of
from kedge.venues.bybit.wire import (
    CATEGORIES,
    UNREADABLE,
    Category,
    Envelope,
    Numbers,
    Stamp,
    Unreadable,
    Word,
    ns_or_zero,
    number_or_zero,
    read_as,
    read_listed,
)
from kedge.venues.silence import sentence

TICKERS: Final = "/v5/market/tickers"
HOUR_S: Final = 3_600
UNREAD: Final = "the venue tells no price of these markets that can be read"


class _Row(Struct, frozen=True, rename="camel"):
    symbol: Word
    bid1_price: Numbers = None
    bid1_size: Numbers = None
    ask1_price: Numbers = None
    ask1_size: Numbers = None
    last_price: Numbers = None
    mark_price: Numbers = None
    funding_rate: Numbers = None
    next_funding_time: Stamp | None = None
    funding_interval_hour: Numbers = None


async def quotes(asks: Asks, listing: Listing, symbols: Sequence[str] | None) -> tuple[Quote, ...] | str:
    """Of these symbols of ours, or of all that is listed."""
    known = list(listing.all) if symbols is None else [one for one in symbols if one in listing.all]
    wanted: dict[Category, dict[str, str]] = {category: {} for category in CATEGORIES}
    for symbol in known:
        wanted[listing.category_of(symbol)][native_of(symbol)] = symbol
    found: list[Quote] = []
    for category, names in wanted.items():
        if not names:
            continue
        some = await _of_category(asks, category, names)
        if isinstance(some, str):
            return some
        found += some
    return tuple(found) if found or not known else UNREAD


async def _of_category(asks: Asks, category: Category, names: dict[str, str]) -> list[Quote] | str:
    """`names`: the venue's to ours."""
    params: dict[str, str | int] = {"category": category}
    if len(names) == 1:
        params["symbol"] = next(iter(names))
    said = await asks.get(TICKERS, params, PUBLIC, signed=False)
    read = read_quotes(said, names) if isinstance(said, Envelope) else said
    return read if isinstance(read, list) else sentence(f"prices of {category}: {read.why}")


def read_quotes(envelope: Envelope, names: dict[str, str]) -> list[Quote] | Unreadable:
    """Of a reply about one category; a row that cannot be read is left out."""
    listed = read_listed(envelope.result)
    if isinstance(listed, Unreadable):
        return listed
    venue_ns = ns_or_zero(envelope.time)
    found: list[Quote] = []
    for raw in listed.list or ():
        row = read_as(raw, _Row)
        if not isinstance(row, Unreadable) and row.symbol in names:
            made = _quote(row, names[row.symbol], venue_ns)
            found += [made] if made is not None else []
    return found


def _quote(row: _Row, symbol: str, venue_ns: int) -> Quote | None:
    try:
        return Quote(
            symbol=symbol,
            bid=number_or_zero(row.bid1_price),
            bid_qty=number_or_zero(row.bid1_size),
            ask=number_or_zero(row.ask1_price),
            ask_qty=number_or_zero(row.ask1_size),
            last=number_or_zero(row.last_price),
            mark=number_or_zero(row.mark_price),
            funding_rate=number_or_zero(row.funding_rate),
            funding_ns=ns_or_zero(row.next_funding_time),
            funding_s=int(number_or_zero(row.funding_interval_hour) * HOUR_S),
            venue_ns=venue_ns,
        )
    except UNREADABLE:
        return None
