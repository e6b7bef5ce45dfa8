"""Best prices of many markets at once through ccxt: all tickers of each sort of market, and funding rates.

An exchange keeps spot, linear and inverse markets apart, so each sort is a request of its own. Where it has
no list of tickers at all, that is said: asking for hundreds one by one would use up the account's allowance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from kedge.model.numbers import ZERO, BadNumber
from kedge.model.venue import Quote
from kedge.venues.ccxt import wire
from kedge.venues.ccxt.errors import Failure
from kedge.venues.ccxt.talk import Talk
from kedge.venues.ccxt.wire import Listing

# So many symbols are named in a request; for more, the whole sort is asked for.
NAMED_MOST = 50
NO_TICKERS = "through ccxt {} tells prices only one by one, which is too slow for hundreds of markets"
UNREAD = "the exchange tells no price of these markets that can be read"
HOUR_S = 3_600

Said = Mapping[str, Any]


class Quotes:
    def __init__(self, talk: Talk, exchange: str) -> None:
        self._talk = talk
        self._exchange = exchange

    async def ask(self, listings: Sequence[Listing]) -> tuple[Quote, ...] | str:
        """Of these markets."""
        if not listings:
            return ()
        if not self._talk.has("fetchTickers"):
            return NO_TICKERS.format(self._exchange)
        found: list[Quote] = []
        for sort in _sorts(listings):
            some = await self._of_sort(sort)
            if isinstance(some, str):
                return f"prices: {some}"
            found += some
        return tuple(found) or UNREAD

    async def _of_sort(self, sort: list[Listing]) -> list[Quote] | str:
        exchange = self._talk.exchange
        names, params = _named(sort)
        said = await self._talk.ask(lambda: exchange.fetch_tickers(names, params))
        if isinstance(said, Failure):
            return said.why
        if not isinstance(said, Mapping):
            return "ccxt's tickers are no list of them"
        rates: Said = {}
        if sort[0].type == "swap" and self._talk.has("fetchFundingRates"):
            told = await self._talk.ask(lambda: exchange.fetch_funding_rates(names, params))
            # Without them the prices are still worth having.
            rates = told if isinstance(told, Mapping) else {}
        made = [quote_of(one, said[one.symbol], rates.get(one.symbol)) for one in sort if one.symbol in said]
        return [one for one in made if one is not None]


def _sorts(listings: Sequence[Listing]) -> list[list[Listing]]:
    found: dict[tuple[str, str], list[Listing]] = {}
    for one in listings:
        found.setdefault((one.type, one.instrument.kind), []).append(one)
    return list(found.values())


def _named(sort: list[Listing]) -> tuple[list[str] | None, dict[str, str]]:
    if len(sort) <= NAMED_MOST:
        return [one.symbol for one in sort], {}
    params = {"type": sort[0].type}
    if sort[0].type != "spot":
        params["subType"] = sort[0].instrument.kind
    return None, params


def quote_of(listing: Listing, ticker: Said, rate: Said | None) -> Quote | None:
    """Quantities in our units; None for what cannot be read."""
    try:
        quote = Quote(
            symbol=listing.symbol,
            bid=_price(ticker, "bid"),
            bid_qty=_price(ticker, "bidVolume") * listing.lot,
            ask=_price(ticker, "ask"),
            ask_qty=_price(ticker, "askVolume") * listing.lot,
            last=_price(ticker, "last"),
            mark=_price(ticker, "markPrice"),
            venue_ns=wire.stamp_ns(ticker, "timestamp"),
        )
        if rate is None:
            return quote
        return replace(
            quote,
            mark=quote.mark or _price(rate, "markPrice"),
            funding_rate=_price(rate, "fundingRate"),
            funding_ns=wire.stamp_ns(rate, "fundingTimestamp", "nextFundingTimestamp"),
            funding_s=_period_s(rate.get("interval")),
        )
    except BadNumber:
        return None


def _price(said: Said, name: str) -> Any:
    return wire.maybe(said.get(name)) or ZERO


def _period_s(words: object) -> int:
    """ccxt writes "8h"; 0 where it does not."""
    hours = words[:-1] if isinstance(words, str) and words.endswith("h") else ""
    return int(hours) * HOUR_S if hours.isascii() and hours.isdigit() else 0
