"""What moves a venue's prices: a synthetic market, a still one, or a file of prices.

The still market quotes a few levels around a price that only the control door moves: for tests, and for
whoever wants to see one thing at a time. A file plays the same quotes along a recorded path. Both trade
through the book, so an order that stands in the way of a moving price is filled as in life.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from random import Random
from typing import Protocol

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import BadNumber, divide, exact
from kedge.model.order import Side, Tif, opposite, sign
from kedge.model.venue import PlaceOrder
from kedge.sim import market as synthetic
from kedge.sim.exchange import Exchange
from kedge.sim.market import Listing, MarketConfig

STILL_ACCOUNT = "_still"
SWEEP_ACCOUNT = "_sweep"
LEVELS = 5
# What stands at each level, in quote money.
LEVEL_NOTIONAL = Decimal(100_000)
# How far one stride of a move goes: within the narrowest price band that is listed anywhere here.
STRIDE = Decimal("0.05")
FILE_ROWS_MAX = 5_000_000


class Market(Protocol):
    """Whatever moves the prices."""

    def step(self, now_ns: int) -> None: ...

    def move(self, symbol: str, price: Decimal, now_ns: int) -> None: ...

    def join(self, listing: Listing, now_ns: int) -> None:
        """Make a market in one more instrument, which the exchange has listed."""


class BadMarket(ValueError):
    """The file of prices cannot be used; the text is one sentence."""


class Row(Struct, frozen=True):
    """From this long after the start, the market is here."""

    after_ns: int
    symbol: str
    price: Decimal


class Nobody:
    """No market at all: whoever trades brings the other side."""

    def step(self, now_ns: int) -> None: ...

    def move(self, symbol: str, price: Decimal, now_ns: int) -> None: ...

    def join(self, listing: Listing, now_ns: int) -> None: ...


class Still:
    """Quotes around a price, renewed when somebody has taken from them."""

    def __init__(self, exchange: Exchange, prices: dict[str, Decimal], now_ns: int) -> None:
        self._exchange = exchange
        self._instruments = {i.symbol: i for i in exchange.instruments() if i.symbol in prices}
        self._prices: dict[str, Decimal] = {}
        self._standing: dict[str, Decimal] = {}
        for account in (STILL_ACCOUNT, SWEEP_ACCOUNT):
            exchange.open_account(account, house=True)
        for symbol in self._instruments:
            self.move(symbol, prices[symbol], now_ns)

    def step(self, now_ns: int) -> None:
        """Renew what was taken. Money and time are the only things that move by themselves."""
        for symbol in self._prices:
            open_now = self._exchange.market(symbol).open
            if open_now and self._left(symbol) != self._standing[symbol]:
                self._quote(symbol, now_ns)

    def move(self, symbol: str, price: Decimal, now_ns: int) -> None:
        """Be at this price now, taking whatever stands in between, in strides that price bands let pass."""
        instrument = self._instruments[symbol]
        price = max(instrument.price_at_most(price), instrument.tick * (LEVELS + 1))
        self._prices.setdefault(symbol, price)
        while (before := self._prices[symbol]) != price:
            least = instrument.price_at_least(before * (1 - STRIDE))
            most = max(instrument.price_at_most(before * (1 + STRIDE)), before + instrument.tick)
            self._stride(instrument, min(max(price, least), most), now_ns)
        self._exchange.feed(symbol, now_ns, index=price, mark=price)
        self._quote(symbol, now_ns)

    def join(self, listing: Listing, now_ns: int) -> None:
        """It begins where another instrument of its coin is; without one it has no price yet."""
        instrument = self._exchange.instrument(listing.symbol)
        coin = [s for s in self._prices if self._instruments[s].base == instrument.base]
        self._instruments[listing.symbol] = instrument
        if coin:
            self.move(listing.symbol, self._prices[coin[0]], now_ns)

    def _stride(self, instrument: Instrument, price: Decimal, now_ns: int) -> None:
        """The far side is quoted first, so that stops which the move triggers find somebody there."""
        way: Side = "buy" if price > self._prices[instrument.symbol] else "sell"
        self._prices[instrument.symbol] = price
        self._quote_side(instrument, opposite(way), now_ns)
        qty = instrument.max_qty - instrument.max_qty % instrument.qty_step
        self._place(SWEEP_ACCOUNT, instrument, way, qty, price, now_ns, "ioc")
        # A print at the new price: the last trade is where the market is, and stops that watch it see it.
        least = _least_qty(instrument, price)
        self._place(STILL_ACCOUNT, instrument, opposite(way), least, price, now_ns, "gtc")
        self._place(SWEEP_ACCOUNT, instrument, way, least, price, now_ns, "ioc")
        self._exchange.feed(instrument.symbol, now_ns, index=price, mark=price)
        self._quote(instrument.symbol, now_ns)

    def _quote(self, symbol: str, now_ns: int) -> None:
        instrument = self._instruments[symbol]
        self._exchange.cancel_all(STILL_ACCOUNT, now_ns, symbol)
        self._quote_side(instrument, "buy", now_ns)
        self._quote_side(instrument, "sell", now_ns)
        self._standing[symbol] = self._left(symbol)

    def _quote_side(self, instrument: Instrument, side: Side, now_ns: int) -> None:
        price = self._prices[instrument.symbol]
        qty = _level_qty(instrument, price)
        for level in range(1, LEVELS + 1):
            at = price - sign(side) * level * instrument.tick
            self._place(STILL_ACCOUNT, instrument, side, qty, at, now_ns, "gtc")

    def _place(
        self,
        account: str,
        instrument: Instrument,
        side: Side,
        qty: Decimal,
        price: Decimal,
        now_ns: int,
        tif: Tif,
    ) -> None:
        # A refusal (halted, closed) leaves the market as it is: `step` tries again.
        order = PlaceOrder("", instrument.symbol, side, qty, price, tif=tif)
        self._exchange.place(account, order, now_ns)

    def _left(self, symbol: str) -> Decimal:
        orders = self._exchange.open_orders(STILL_ACCOUNT, symbol)
        return sum((o.qty - o.cum_qty for o in orders), Decimal(0))


class Played:
    """A still market along a path of prices; at its end it stays where it is."""

    def __init__(self, still: Still, rows: Sequence[Row], now_ns: int) -> None:
        self._still = still
        self._rows = rows
        self._began_ns = now_ns
        self._next = 0

    def step(self, now_ns: int) -> None:
        """Go to where the path is now; every price on the way is traded through, in order."""
        while self._next < len(self._rows):
            row = self._rows[self._next]
            if self._began_ns + row.after_ns > now_ns:
                break
            self._still.move(row.symbol, row.price, now_ns)
            self._next += 1
        self._still.step(now_ns)

    def move(self, symbol: str, price: Decimal, now_ns: int) -> None:
        self._still.move(symbol, price, now_ns)

    def join(self, listing: Listing, now_ns: int) -> None:
        self._still.join(listing, now_ns)


def read_rows(text: str, symbols: Sequence[str]) -> list[Row]:
    """Lines of `seconds,symbol,price`, seconds never falling. Raises `BadMarket`."""
    rows: list[Row] = []
    for number, fields in enumerate(csv.reader(text.splitlines()), start=1):
        if not fields or fields[0].startswith("#") or fields == ["seconds", "symbol", "price"]:
            continue
        try:
            seconds, symbol, price = fields
            row = Row(int(exact(seconds) * 10**9), symbol, exact(price))
        except (ValueError, BadNumber) as error:
            raise BadMarket(f"line {number}: not `seconds,symbol,price`: {error}") from None
        if symbol not in symbols:
            raise BadMarket(f"line {number}: there is no instrument {symbol}")
        if row.price <= 0 or row.after_ns < (rows[-1].after_ns if rows else 0):
            raise BadMarket(f"line {number}: a price is above zero, and time does not fall")
        if len(rows) >= FILE_ROWS_MAX:
            raise BadMarket(f"more than {FILE_ROWS_MAX} rows")
        rows.append(row)
    if not rows:
        raise BadMarket("no prices in it")
    return rows


def played(path: str, exchange: Exchange, now_ns: int) -> Played:
    """The market of a file. Each symbol begins at its first price; symbols not in the file have none."""
    symbols = [i.symbol for i in exchange.instruments()]
    try:
        rows = read_rows(Path(path).read_text(), symbols)
    except (BadMarket, UnicodeDecodeError) as error:
        raise BadMarket(f"{path}: {error}") from None
    first: dict[str, Decimal] = {}
    for row in rows:
        first.setdefault(row.symbol, row.price)
    return Played(Still(exchange, first, now_ns), rows, now_ns)


def join_market(
    kind: str,
    exchange: Exchange,
    config: MarketConfig,
    generator: Random,  # storm-ok: seeded generator passed in
    now_ns: int,
) -> Market:
    """The market of this kind on this exchange: "synthetic", "still", "none", or the path of a file.

    What the configuration has and the exchange has not is listed: a quarter has ended, the next one is there.
    """
    known = {i.symbol: None for i in exchange.instruments()}
    for terms in config.exchange.terms:
        if terms.instrument.symbol not in known:
            exchange.list_instrument(terms, now_ns)
    if kind == "none":
        return Nobody()
    if kind == "synthetic":
        return synthetic.Market(exchange, config, generator, now_ns)
    if kind != "still":
        return played(kind, exchange, now_ns)
    coins = {coin.name: coin.price for coin in config.coins}
    prices = {listing.symbol: coins[listing.coin] for listing in config.listings}
    for symbol in prices:
        prices[symbol] = exchange.market(symbol).index or prices[symbol]
    return Still(exchange, prices, now_ns)


def _least_qty(instrument: Instrument, price: Decimal) -> Decimal:
    """As little as may be traded."""
    step = instrument.qty_step
    steps = instrument.min_notional // instrument.notional(step, price) + 1
    return max(steps * step, instrument.min_qty)


def _level_qty(instrument: Instrument, price: Decimal) -> Decimal:
    """`LEVEL_NOTIONAL` in units, on the step, never less than may be traded."""
    step = instrument.qty_step
    steps = divide(LEVEL_NOTIONAL, instrument.notional(step, price)).to_integral_value(ROUND_DOWN)
    return min(max(steps * step, instrument.min_qty, step), instrument.max_qty)
