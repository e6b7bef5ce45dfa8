"""A recorded market, played into the exchange by the same kind of house accounts as the synthetic one.

The recording is lines of comma-separated values, times never falling:

    ts_ns,symbol,bid,bid_qty,ask,ask_qty[,last,last_qty]

    1763600000000000000,BTC-PERP,59999.9,1.204,60000.0,0.377
    1763600000250000000,BTC-PERP,59999.9,1.004,60000.0,0.377,59999.9,0.2

`bid` and `ask` are the touch as it stands after the line; `last` and `last_qty` are a trade, where there
was one. A header, empty lines and lines beginning with `#` are skipped.

Of each line first the quotes are laid, then the trade is made (an immediate-or-cancel order at its price,
bought when it was nearer the ask), then the quotes are laid again, for what the trade took is already
missing from the recorded quantities. Orders of others in the way of either are traded with, so what is
recorded and what happens part ways where somebody was bigger than the market: that is the point of it.
What stood before and behind other people's orders when a quantity shrank is decided by the queue model.

Prices off the tick are moved apart (bids down, asks up); quantities are cut to the step, and a level of
nothing is not laid. A line whose touch is crossed lays no quotes and is counted in `crossed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO, BadNumber, exact, trunc_to
from kedge.model.order import Side
from kedge.model.venue import Level, PlaceOrder
from kedge.sim.exchange import Exchange, QueueModel
from kedge.sim.exchange.liquidity import Maker

HEADER = "ts_ns,symbol,bid,bid_qty,ask,ask_qty"
LINE_MAX = 1000
# Lines played in one step at most: a step is a bounded amount of work.
ROWS_MAX = 1000


class BadLine(ValueError):
    """A line that is not a row of a recording; the text says which and why, in one sentence."""


class Row(Struct, frozen=True):
    ts_ns: int
    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    last: Decimal = ZERO
    last_qty: Decimal = ZERO


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """One row per line, lazily. Raises `BadLine`."""
    before_ns = 0
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_MAX:
            raise BadLine(f"line {number}: longer than {LINE_MAX} characters")
        plain = line.strip()
        if not plain or plain.startswith("#") or (number == 1 and plain.startswith(HEADER)):
            continue
        row = _read_row(number, plain)
        if row.ts_ns < before_ns:
            raise BadLine(f"line {number}: earlier than the line before it")
        before_ns = row.ts_ns
        yield row


def _read_row(number: int, line: str) -> Row:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) not in (6, 8) or not fields[1]:
        raise BadLine(f"line {number}: has {len(fields)} fields, not {HEADER}[,last,last_qty]")
    if not fields[0].isdecimal():
        raise BadLine(f"line {number}: {fields[0]!r} is not a time in nanoseconds")
    try:
        # A line without a trade may leave the last two fields empty.
        numbers = [exact(field or "0") for field in fields[2:]]
    except BadNumber as error:
        raise BadLine(f"line {number}: {error}") from None
    if any(value < 0 for value in numbers):
        raise BadLine(f"line {number}: a price or a quantity is below zero")
    return Row(int(fields[0]), fields[1], *numbers)


class Recorded:
    """`step` plays the lines up to now. The first line plays at `start_ns`, the others at their distance."""

    def __init__(
        self,
        exchange: Exchange,
        lines: Iterable[str],
        start_ns: int,
        queue_model: QueueModel | None = None,
    ) -> None:
        self._exchange = exchange
        self._rows = read_rows(lines)
        self._queue_model = queue_model
        self._makers: dict[str, Maker] = {}
        self._instruments = {i.symbol: i for i in exchange.instruments()}
        self._touches: dict[str, tuple[tuple[Level, ...], tuple[Level, ...]]] = {}
        self.crossed = 0
        self.played = 0
        self._next = next(self._rows, None)
        self._shift_ns = start_ns - self._next.ts_ns if self._next else 0

    @property
    def finished(self) -> bool:
        return self._next is None

    def next_ns(self) -> int | None:
        """When the next line is due; None at the end."""
        return self._next.ts_ns + self._shift_ns if self._next else None

    def step(self, now_ns: int) -> None:
        """Play what is due, each line at its own time. Raises `BadLine` where the recording is broken."""
        for _ in range(ROWS_MAX):
            if self._next is None or self._next.ts_ns + self._shift_ns > now_ns:
                break
            row = self._next
            # A server may be ahead of the recording's clock: time never goes back.
            self._play(row, max(row.ts_ns + self._shift_ns, self._exchange.now_ns))
            self.played += 1
            self._next = next(self._rows, None)
        self._exchange.advance(now_ns)

    def _play(self, row: Row, now_ns: int) -> None:
        instrument = self._instruments.get(row.symbol)
        if instrument is None:
            raise BadLine(f"line of {row.ts_ns}: there is no instrument {row.symbol}")
        maker = self._maker(row.symbol)
        self._exchange.advance(now_ns)
        if not self._exchange.market(row.symbol).open:
            return
        if row.bid and row.ask and row.bid >= row.ask:
            self.crossed += 1
        else:
            self._quote(maker, instrument, row, now_ns)
        if row.last and row.last_qty:
            self._trade(maker, instrument, row, now_ns)

    def _maker(self, symbol: str) -> Maker:
        maker = self._makers.get(symbol)
        if maker is None:
            maker = Maker(self._exchange, f"_maker-{symbol}", symbol, self._queue_model)
            self._makers[symbol] = maker
            self._exchange.open_account(_taker(symbol), house=True)
        return maker

    def _quote(self, maker: Maker, instrument: Instrument, row: Row, now_ns: int) -> None:
        bids = _level(instrument, instrument.price_at_most(row.bid), row.bid_qty)
        asks = _level(instrument, instrument.price_at_least(row.ask), row.ask_qty)
        self._touches[row.symbol] = (bids, asks)
        maker.show(bids, asks, now_ns)
        if row.bid and row.ask:
            middle = (row.bid + row.ask) / 2
            self._exchange.feed(row.symbol, now_ns, mark=middle, index=middle)

    def _trade(self, maker: Maker, instrument: Instrument, row: Row, now_ns: int) -> None:
        """Make the recorded trade, with the quotes or with whoever stands before them."""
        side: Side = "buy" if row.last - row.bid >= row.ask - row.last else "sell"
        price = instrument.price_at_most(row.last) if side == "sell" else instrument.price_at_least(row.last)
        qty = trunc_to(row.last_qty, instrument.qty_step)
        if not price or not qty:
            return
        bids, asks = self._touches.get(row.symbol, ((), ()))
        against = asks if side == "buy" else bids
        meets = [
            level for level in against if (level.price <= price if side == "buy" else level.price >= price)
        ]
        short = qty - sum((level.qty for level in meets), ZERO)
        if short > 0:
            # More was traded than is recorded to have stood there: hidden, or gone between two lines.
            maker.place("sell" if side == "buy" else "buy", price, short, now_ns)
        want = PlaceOrder("", row.symbol, side, qty, price, "limit", "ioc")
        self._exchange.place(_taker(row.symbol), want, now_ns)
        maker.show(bids, asks, now_ns)


def _taker(symbol: str) -> str:
    return f"_taker-{symbol}"


def _level(instrument: Instrument, price: Decimal, qty: Decimal) -> tuple[Level, ...]:
    cut = trunc_to(qty, instrument.qty_step)
    return (Level(price, cut),) if price and cut else ()
