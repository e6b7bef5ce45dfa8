"""Best prices of many Binance spot pairs at once: two requests, of whatever the venue lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from msgspec import Raw, Struct

from kedge.model.numbers import ZERO
from kedge.model.venue import Quote
from kedge.venues.binance.errors import sentence_of
from kedge.venues.binance.sign import query_of
from kedge.venues.binance.spot import rules
from kedge.venues.binance.spot.us import Us
from kedge.venues.binance.spot.wire import Unreadable, Unsigned, Word, read_as
from kedge.venues.rest import Call, Rest
from kedge.venues.silence import Silence

BEST_PATH = "/api/v3/ticker/bookTicker"
LAST_PATH = "/api/v3/ticker/price"
W_ONE, W_ALL = 2, 4


class BestSaid(Struct, frozen=True, rename="camel"):
    symbol: Word
    bid_price: Unsigned = "0"
    bid_qty: Unsigned = "0"
    ask_price: Unsigned = "0"
    ask_qty: Unsigned = "0"


class LastSaid(Struct, frozen=True):
    symbol: Word
    price: Unsigned = "0"


T = TypeVar("T", BestSaid, LastSaid)


class Quotes:
    def __init__(self, rest: Rest, us: Us) -> None:
        self._rest = rest
        self._us = us

    async def ask(self, symbols: Sequence[str]) -> tuple[Quote, ...] | str:
        """Of these, which the venue lists."""
        if not symbols:
            return ()
        only = symbols[0] if len(symbols) == 1 else ""
        best = await self._rows(BEST_PATH, only, BestSaid)
        last = await self._rows(LAST_PATH, only, LastSaid) if not isinstance(best, str) else best
        if isinstance(best, str) or isinstance(last, str):
            return f"prices: {best if isinstance(best, str) else last}"
        venue_ns = self._us.venue_ns()
        return tuple(quote_of(symbol, best, last, venue_ns) for symbol in symbols if symbol in best)

    async def _rows(self, path: str, only: str, kind: type[T]) -> dict[str, T] | str:
        query = query_of({"symbol": only}) if only else ""
        cost = ((rules.WEIGHT, W_ONE if only else W_ALL),)
        said = await self._rest.ask(Call("GET", path, query, cost=cost, signed=False))
        if isinstance(said, Silence):
            return said.why
        if said.status != 200:
            return sentence_of(self._us.failure(said))
        return rows_of(said.body, kind)


def rows_of(body: bytes, kind: type[T]) -> dict[str, T] | str:
    """One row or a list of them; one that cannot be read does not hide the others."""
    raws = read_as(body, tuple[Raw, ...]) if body.lstrip()[:1] == b"[" else (Raw(body),)
    if isinstance(raws, Unreadable):
        return raws.why
    read = [read_as(bytes(raw), kind) for raw in raws]
    found = {row.symbol: row for row in read if not isinstance(row, Unreadable)}
    odd = next((row.why for row in read if isinstance(row, Unreadable)), "")
    return odd if odd and not found else found


def quote_of(symbol: str, best: Mapping[str, BestSaid], last: Mapping[str, LastSaid], venue_ns: int) -> Quote:
    touch, traded = best[symbol], last.get(symbol)
    return Quote(
        symbol=symbol,
        bid=Decimal(touch.bid_price),
        bid_qty=Decimal(touch.bid_qty),
        ask=Decimal(touch.ask_price),
        ask_qty=Decimal(touch.ask_qty),
        last=Decimal(traded.price) if traded else ZERO,
        venue_ns=venue_ns,
    )
