"""Last prices and tops of books of many instruments, asked within the venue's limits: what a scan looks at.

Last prices come for all of them with one question. A book is a question of its own, 600 a minute in all, so
those that are streamed are taken from the stream; of the others as many are asked for as the limit leaves
free, those that were not asked for longest first. A scan that is repeated sees all of them within a minute
or two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from kedge.model.events import BookUpdate
from kedge.model.numbers import ZERO
from kedge.model.venue import Quote
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.venues.tinvest import public
from kedge.venues.tinvest import rules as limits
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.rules import SECOND_NS
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import ns_of, number, sane

Last = tuple[Decimal, int]

# Books that were asked for so long ago are no longer told; those so young are not asked for again.
OLD_NS: Final = 180 * SECOND_NS
YOUNG_NS: Final = 10 * SECOND_NS
# So many markets are asked for anew each time.
FEW: Final = 5
# How long one question of ours may go on asking for books.
LONGEST_NS: Final = 8 * SECOND_NS
# Questions about markets that are left for everything else in a minute.
LEFT_FREE: Final = 250


class Quotes:
    """`streamed(symbol)` is the book that the stream has, None where it has none."""

    def __init__(self, asks: Asks, ties: Ties, streamed: Callable[[str], BookUpdate | None]) -> None:
        self._asks = asks
        self._ties = ties
        self._streamed = streamed
        # Books that were asked for, and when.
        self._asked: dict[str, tuple[BookUpdate | None, int]] = {}

    async def ask(self, symbols: Sequence[str] | None) -> tuple[Quote, ...] | str:
        """Those of the symbols that are listed, in their order; None: everything that is listed."""
        listing = self._ties.listing
        wanted = list(listing.all) if symbols is None else list(dict.fromkeys(symbols))
        listed = [symbol for symbol in wanted if listing.is_listed(symbol)]
        last = await self._last(listed)
        if isinstance(last, str):
            return last
        await self._ask_for_books(listed)
        return tuple(_quote(symbol, *last.get(symbol, (ZERO, 0)), self._book(symbol)) for symbol in listed)

    async def _last(self, symbols: Sequence[str]) -> Mapping[str, Last] | str:
        found: dict[str, Last] = {}
        for at in range(0, len(symbols), limits.PRICES_MOST):
            uids = [self._ties.listing.uid_of(symbol) for symbol in symbols[at : at + limits.PRICES_MOST]]
            request = md.GetLastPricesRequest(instrument_id=uids, last_price_type=md.LAST_PRICE_EXCHANGE)
            said = await self._asks.ask(limits.LAST_PRICES, request, md.GetLastPricesResponse)
            if not isinstance(said, md.GetLastPricesResponse):
                return said.why
            for row in said.last_prices:
                price = number(row.price)
                if sane(price):
                    found[self._ties.listing.symbol_of(row.instrument_uid, row.figi)] = (
                        price,
                        ns_of(row.time),
                    )
        return found

    # ── books ───────────────────────────────────────────────────────────────────────────────────

    def _book(self, symbol: str) -> BookUpdate | None:
        streamed = self._streamed(symbol)
        if streamed is not None:
            return streamed
        book, asked_ns = self._asked.get(symbol, (None, 0))
        return book if self._asks.now_ns() - asked_ns <= OLD_NS else None

    async def _ask_for_books(self, symbols: Sequence[str]) -> None:
        """Of those that trade now, as many as the limit leaves free."""
        began_ns = self._asks.now_ns()
        listing = self._ties.listing
        young_ns = YOUNG_NS if len(symbols) > FEW else 0
        lacking = [
            symbol
            for symbol in symbols
            if self._streamed(symbol) is None
            and listing.all[symbol].is_open(began_ns)
            and began_ns - self._asked.get(symbol, (None, 0))[1] > young_ns
        ]
        lacking.sort(key=lambda symbol: self._asked.get(symbol, (None, 0))[1])
        for symbol in lacking:
            now_ns = self._asks.now_ns()
            room = (("marketdata", LEFT_FREE),)
            if now_ns - began_ns > LONGEST_NS or self._asks.allowance.wait_ns(room, False, now_ns):
                return
            request = md.GetOrderBookRequest(instrument_id=listing.uid_of(symbol), depth=1)
            said = await self._asks.ask(limits.BOOK, request, md.GetOrderBookResponse)
            if not isinstance(said, md.GetOrderBookResponse):
                continue  # a scan does without
            made = public.book_of(said, listing.all[symbol], symbol, ns_of(said.orderbook_ts))
            self._asked[symbol] = (made if isinstance(made, BookUpdate) else None, self._asks.now_ns())


def _quote(symbol: str, last: Decimal, last_ns: int, book: BookUpdate | None) -> Quote:
    bid = book.bids[0] if book is not None and book.bids else None
    ask = book.asks[0] if book is not None and book.asks else None
    return Quote(
        symbol=symbol,
        bid=bid.price if bid is not None else ZERO,
        bid_qty=bid.qty if bid is not None else ZERO,
        ask=ask.price if ask is not None else ZERO,
        ask_qty=ask.qty if ask is not None else ZERO,
        last=last,
        venue_ns=max(last_ns, book.venue_ns if book is not None else 0),
    )
