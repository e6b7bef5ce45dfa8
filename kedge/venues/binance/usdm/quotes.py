"""Best prices of many Binance USDⓈ-M contracts at once, with marks and funding: three requests for all.

How long a period of funding is, the venue tells only where it is not eight hours, and in a list of its own,
which hardly ever changes: it is asked for once an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from msgspec import Raw, Struct

from kedge.model.numbers import ZERO
from kedge.model.venue import Quote
from kedge.venues.binance.sign import Params
from kedge.venues.binance.usdm.asking import Asking, Failed
from kedge.venues.binance.usdm.asks import Ask
from kedge.venues.binance.usdm.rules import SECOND_NS, WEIGHT
from kedge.venues.binance.usdm.wire import NS_PER_MS, Blank, Millis, Unreadable, Unsigned, Word, read

USUAL_S = 8 * 3_600
PERIODS_NS = 3_600 * SECOND_NS


class _Named(Struct, frozen=True, rename="camel"):
    symbol: Word


class BestSaid(_Named, frozen=True, rename="camel"):
    bid_price: Unsigned = "0"
    bid_qty: Unsigned = "0"
    ask_price: Unsigned = "0"
    ask_qty: Unsigned = "0"
    time: Millis = 0


class IndexSaid(_Named, frozen=True, rename="camel"):
    mark_price: Unsigned = "0"
    # Empty for dated contracts.
    last_funding_rate: Blank = ""
    next_funding_time: Millis = 0


class LastSaid(_Named, frozen=True, rename="camel"):
    price: Unsigned = "0"


class PeriodSaid(_Named, frozen=True, rename="camel"):
    funding_interval_hours: int = 8


T = TypeVar("T", bound=_Named)


class Quotes:
    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._periods: dict[str, PeriodSaid] = {}
        self._periods_ns = 0

    async def ask(self, symbols: Sequence[str]) -> tuple[Quote, ...] | str:
        """Of these, which the venue lists."""
        if not symbols:
            return ()
        only = symbols[0] if len(symbols) == 1 else ""
        best = await self._rows("/fapi/v1/ticker/bookTicker", 2 if only else 5, only, BestSaid)
        if isinstance(best, str):
            return f"prices: {best}"
        index = await self._rows("/fapi/v1/premiumIndex", 1 if only else 10, only, IndexSaid)
        if isinstance(index, str):
            return f"marks: {index}"
        last = await self._rows("/fapi/v2/ticker/price", 1 if only else 2, only, LastSaid)
        if isinstance(last, str):
            return f"last prices: {last}"
        await self._learn_periods()
        return tuple(self._quote(best[one], index.get(one), last.get(one)) for one in symbols if one in best)

    async def _rows(self, path: str, weight: int, only: str, kind: type[T]) -> dict[str, T] | str:
        params: Params = {"symbol": only} if only else {}
        said = await self._asking.read(Ask("GET", path, params, cost=((WEIGHT, weight),), key=""), Raw)
        return said.why if isinstance(said, Failed) else rows_of(said, kind)

    async def _learn_periods(self) -> None:
        """What fails is asked for again with the next prices; until then the old periods stand."""
        now_ns = self._asking.now_ns
        if self._periods_ns and now_ns - self._periods_ns < PERIODS_NS:
            return
        found = await self._rows("/fapi/v1/fundingInfo", 1, "", PeriodSaid)
        if not isinstance(found, str):
            self._periods, self._periods_ns = found, now_ns

    def _quote(self, best: BestSaid, index: IndexSaid | None, last: LastSaid | None) -> Quote:
        funded = index is not None and index.next_funding_time > 0
        period = self._periods.get(best.symbol)
        period_s = period.funding_interval_hours * 3_600 if period is not None else USUAL_S
        return Quote(
            symbol=best.symbol,
            bid=Decimal(best.bid_price),
            bid_qty=Decimal(best.bid_qty),
            ask=Decimal(best.ask_price),
            ask_qty=Decimal(best.ask_qty),
            last=Decimal(last.price) if last else ZERO,
            mark=Decimal(index.mark_price) if index else ZERO,
            funding_rate=Decimal(index.last_funding_rate or "0") if index else ZERO,
            funding_ns=index.next_funding_time * NS_PER_MS if index else 0,
            funding_s=period_s if funded else 0,
            venue_ns=best.time * NS_PER_MS or self._asking.venue_ns,
        )


def rows_of(body: Raw, kind: type[T]) -> dict[str, T] | str:
    """One row or a list of them; one that cannot be read does not hide the others."""
    raws = read(body, tuple[Raw, ...]) if bytes(body).lstrip()[:1] == b"[" else (body,)
    if isinstance(raws, Unreadable):
        return raws.why
    rows = [read(raw, kind) for raw in raws]
    found = {row.symbol: row for row in rows if not isinstance(row, Unreadable)}
    odd = next((row.why for row in rows if isinstance(row, Unreadable)), "")
    return odd if odd and not found else found
