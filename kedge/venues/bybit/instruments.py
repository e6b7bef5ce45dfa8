"""Bybit's instruments, and the two names each of them has: ours and the venue's. Pure.

Linear and inverse contracts go by the venue's own symbols (BTCUSDT, BTCUSD, BTCUSDT-25DEC26), spot pairs by
BASE/QUOTE (BTC/USDT), because the venue calls the pair and the contract by the same word. The `Listing` knows
which is which; a name it does not know is read by its spelling, so that nothing the account did is ever
dropped for want of a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from kedge.model.instrument import Instrument, Status
from kedge.venues.bybit.wire import (
    UNREADABLE,
    Category,
    Envelope,
    Number,
    Numbers,
    Stamp,
    Unreadable,
    Word,
    Words,
    ns_or_zero,
    number,
    number_or_zero,
    read_as,
    read_listed,
)
from kedge.venues.silence import sentence


class _Price(Struct, frozen=True, rename="camel"):
    tick_size: Number


class _Lot(Struct, frozen=True, rename="camel"):
    """Contracts have the first group, spot pairs the second."""

    qty_step: Numbers = ""
    min_order_qty: Numbers = ""
    max_order_qty: Numbers = ""
    max_mkt_order_qty: Numbers = ""
    min_notional_value: Numbers = ""
    base_precision: Numbers = ""
    min_order_amt: Numbers = ""
    max_limit_order_qty: Numbers = ""
    max_market_order_qty: Numbers = ""


class Row(Struct, frozen=True, rename="camel"):
    symbol: Word
    status: Word
    base_coin: Word
    quote_coin: Word
    price_filter: _Price
    lot_size_filter: _Lot
    settle_coin: Words = ""
    contract_type: Words = ""
    delivery_time: Stamp | None = None


# "PreLaunch" has an auction of its own; "Delivering" and "Settling" are closing their positions.
_STATUSES: dict[str, Status] = {"Trading": "trading", "Closed": "closed"}
# BTCUSD and BTCUSDH26 are settled in their base coin; all other contracts are linear.
_INVERSE = re.compile(r"[A-Z0-9]+USD([FGHJKMNQUVXZ][0-9]{2})?", re.ASCII)


class Listing:
    """The instruments known, by both names."""

    def __init__(self) -> None:
        self.all: dict[str, Instrument] = {}
        self._categories: dict[str, Category] = {}
        self._spot: dict[str, str] = {}
        # Quote coins, longest first: how an unlisted pair is split.
        self._quotes: tuple[str, ...] = ()

    def learn(
        self, category: Category, found: Iterable[Instrument], *, whole: bool = True
    ) -> list[Instrument]:
        """Take a current list of one category; returns what is new or has changed.

        What the venue no longer lists is closed: it lists only what trades. A list that is not `whole` (some
        of it could not be read) closes nothing.
        """
        news: list[Instrument] = []
        listed: dict[str, None] = {}
        for instrument in found:
            listed[instrument.symbol] = None
            if self.all.get(instrument.symbol) != instrument:
                news.append(instrument)
            self._take(category, instrument)
        for symbol, known in list(self.all.items()) if whole else ():
            if self._categories[symbol] == category and symbol not in listed and known.status != "closed":
                closed = _closed(known)
                self.all[symbol] = closed
                news.append(closed)
        if category == "spot":
            quotes = dict.fromkeys(i.quote for i in self.all.values() if i.kind == "spot")
            self._quotes = tuple(sorted(quotes, key=lambda q: (-len(q), q)))
        return news

    def lists(self, category: Category) -> bool:
        """Whether anything of this category is known to trade."""
        known = (self.all[symbol] for symbol, its in self._categories.items() if its == category)
        return any(instrument.status != "closed" for instrument in known)

    def category_of(self, symbol: str) -> Category:
        """Of one of our symbols."""
        known = self._categories.get(symbol)
        if known is not None:
            return known
        if "/" in symbol:
            return "spot"
        return "inverse" if _INVERSE.fullmatch(symbol) else "linear"

    def symbol_of(self, category: Category, native: str) -> str:
        """Our name of what the venue calls `native`."""
        if category != "spot":
            return native
        known = self._spot.get(native)
        if known is not None:
            return known
        for quote in self._quotes:
            if native.endswith(quote) and len(native) > len(quote):
                return f"{native[: -len(quote)]}/{quote}"
        return f"{native}/"

    def settle_coins(self, category: Category) -> tuple[str, ...]:
        """In which coins contracts of this category are settled, in the order of the list."""
        coins = (
            i.settle for s, i in self.all.items() if self._categories[s] == category and i.kind != "spot"
        )
        return tuple(dict.fromkeys(coins))

    def money_of(self, category: Category, symbol: str, side: str) -> str:
        """The coin a fee is paid in where the venue does not say: the settlement's, or what is received."""
        known = self.all.get(symbol)
        if known is not None and category != "spot":
            return known.settle
        base, _, quote = symbol.partition("/")
        if category == "spot":
            return base if side == "buy" else quote
        if category == "linear":
            return "USDT" if "USDT" in symbol else "USDC"
        return symbol.partition("USD")[0]

    def _take(self, category: Category, instrument: Instrument) -> None:
        self.all[instrument.symbol] = instrument
        self._categories[instrument.symbol] = category
        if category == "spot":
            self._spot[native_of(instrument.symbol)] = instrument.symbol


def native_of(symbol: str) -> str:
    """The venue's name of one of our symbols."""
    return symbol.replace("/", "", 1)


def read_instruments(
    category: Category, envelope: Envelope
) -> tuple[list[Instrument], str, list[str]] | Unreadable:
    """One page: what can be traded by, where the next page begins, and what could not be read."""
    listed = read_listed(envelope.result)
    if isinstance(listed, Unreadable):
        return listed
    found: list[Instrument] = []
    odd: list[str] = []
    for raw in listed.list or ():
        row = read_as(raw, Row)
        made = row if isinstance(row, Unreadable) else instrument_of(category, row)
        if isinstance(made, Instrument):
            found.append(made)
        else:
            odd.append(made.why)
    return found, listed.next_page_cursor or "", odd


def instrument_of(category: Category, row: Row) -> Instrument | Unreadable:
    """An instrument that can be traded by: a step of zero divides nothing."""
    try:
        made = _spot(row) if category == "spot" else _contract(category, row)
    except UNREADABLE as error:
        return Unreadable(sentence(f"{row.symbol}: {error}"))
    if made.tick <= 0 or made.qty_step <= 0 or made.max_qty <= 0 or min(made.min_qty, made.min_notional) < 0:
        return Unreadable(sentence(f"{row.symbol}: a step that is not positive"))
    return made


def _contract(category: Category, row: Row) -> Instrument:
    lot = row.lot_size_filter
    most = number(lot.max_order_qty)
    # One bound for every kind of order: the smaller one, which is the market order's.
    market_most = number_or_zero(lot.max_mkt_order_qty) or most
    return Instrument(
        symbol=row.symbol,
        kind="linear" if category == "linear" else "inverse",
        base=row.base_coin,
        quote=row.quote_coin,
        settle=row.settle_coin or (row.quote_coin if category == "linear" else row.base_coin),
        tick=number(row.price_filter.tick_size),
        qty_step=number(lot.qty_step),
        min_qty=number(lot.min_order_qty),
        max_qty=min(most, market_most),
        min_notional=number_or_zero(lot.min_notional_value),
        expires_ns=ns_or_zero(row.delivery_time),
        status=_STATUSES.get(row.status, "halted"),
    )


def _spot(row: Row) -> Instrument:
    """The pair's `minOrderQty` is no longer checked: the smallest order is one step worth `minOrderAmt`."""
    lot = row.lot_size_filter
    step = number(lot.base_precision)
    most = number_or_zero(lot.max_limit_order_qty) or number(lot.max_order_qty)
    market_most = number_or_zero(lot.max_market_order_qty) or most
    return Instrument(
        symbol=f"{row.base_coin}/{row.quote_coin}",
        kind="spot",
        base=row.base_coin,
        quote=row.quote_coin,
        settle=row.quote_coin,
        tick=number(row.price_filter.tick_size),
        qty_step=step,
        min_qty=step,
        max_qty=min(most, market_most),
        min_notional=number_or_zero(lot.min_order_amt),
        status=_STATUSES.get(row.status, "halted"),
    )


def _closed(known: Instrument) -> Instrument:
    return replace(known, status="closed")
