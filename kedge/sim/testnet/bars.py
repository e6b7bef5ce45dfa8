"""Klines: minutes made of trades, longer bars made of minutes, and a past from before there were any.

A venue that has just opened would have empty charts. So each symbol is given a past of two days that
wanders backwards from its first price; it is made of the seed, so it is the same after every restart. What
traded since is kept as minutes (bounded, and durable in a soft drawer), and every longer interval is
computed from minutes when it is asked for.

    bars.trade(symbol, "buy", price, qty, at_ns)      bars.query(symbol, "5m", limit=200)
    bars.current(symbol, "1h", now_ns)                Feed(bars, symbol, "1m").told(now_ns)

A minute without a trade is a flat bar at the last price. (Venues differ; `absent=True` leaves it out.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Literal, get_args

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import MONEY, ZERO
from kedge.model.order import Side
from kedge.sim.testnet.drawer import Drawer

MINUTE_NS = 60 * 10**9
DAY_NS = 24 * 60 * MINUTE_NS
PAST_MINUTES = 2 * 24 * 60
# Minutes that are kept of each symbol, those of the past included.
KEPT = 5 * 24 * 60
QUERY_MAX = 2_000

Interval = Literal[
    "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
# Weeks begin on a Monday; the first one of the epoch was on its fifth day.
_MONDAY_NS = 4 * DAY_NS


class Bar(Struct, frozen=True, array_like=True):
    """`volume` in units of the instrument, `turnover` in quote money (inverse: in base)."""

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    turnover: Decimal = ZERO
    trades: int = 0
    # What of it takers bought.
    taker_volume: Decimal = ZERO
    taker_turnover: Decimal = ZERO


class Minute(Struct, frozen=True):
    """A row of the drawer."""

    symbol: str
    bar: Bar


class Origin(Struct, frozen=True):
    """Where a symbol's past ends and its trades begin."""

    at_ns: int
    price: Decimal


# For a label: the same label, the same numbers.
Generators = Callable[[str], Random]  # storm-ok: seeded generators passed in


class Span(Struct, frozen=True):
    """Some time up to now in numbers."""

    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    turnover: Decimal
    trades: int


class _Line:
    """The minutes of one symbol, without holes from the first to the last."""

    def __init__(self, instrument: Instrument, origin: Origin) -> None:
        self.instrument = instrument
        self.origin = origin
        self.minutes: list[Bar] = []
        self.past_made = False
        # Of so many minutes, the closed ones summed up: (start of the running one, the sum).
        self.spans: dict[int, tuple[int, Span | None]] = {}


class Bars:
    def __init__(
        self,
        generators: Generators,
        minutes: Drawer[Minute],
        origins: Drawer[Origin],
        *,
        absent: bool = False,
        empty_past: bool = False,
        kept: int = KEPT,
    ) -> None:
        self._most = kept
        self._generators = generators
        self._empty_past = empty_past
        self._kept = minutes
        self._origins = origins
        self._absent = absent
        self._lines: dict[str, _Line] = {}
        self._saved: dict[str, list[Bar]] = {}
        for row in minutes.values():
            self._saved.setdefault(row.symbol, []).append(row.bar)

    def join(self, instrument: Instrument, price: Decimal, now_ns: int) -> None:
        """A symbol is charted from now on; its past leads to this price, the first time it joins."""
        symbol = instrument.symbol
        origin = self._origins.get(symbol)
        if origin is None:
            origin = Origin(now_ns - now_ns % MINUTE_NS, price)
            self._origins.put(symbol, origin)
        line = self._lines[symbol] = _Line(instrument, origin)
        for bar in sorted(self._saved.pop(symbol, []), key=lambda bar: bar.start_ns):
            self._fill(line, bar.start_ns)
            line.minutes.append(bar)

    def symbols(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def trade(self, symbol: str, side: Side, price: Decimal, qty: Decimal, at_ns: int) -> None:
        """A trade, `side` being the taker's. Times never fall."""
        line = self._lines[symbol]
        self._roll(line, at_ns)
        value = abs(line.instrument.value(qty, price))
        last = line.minutes[-1]
        if not last.trades:
            last = Bar(last.start_ns, price, price, price, price)
        taken = side == "buy"
        line.minutes[-1] = bar = Bar(
            last.start_ns,
            last.open,
            max(last.high, price),
            min(last.low, price),
            price,
            MONEY.add(last.volume, qty),
            MONEY.add(last.turnover, value),
            last.trades + 1,
            MONEY.add(last.taker_volume, qty) if taken else last.taker_volume,
            MONEY.add(last.taker_turnover, value) if taken else last.taker_turnover,
        )
        self._kept.put(f"{symbol}|{bar.start_ns}", Minute(symbol, bar))

    def query(
        self,
        symbol: str,
        interval: Interval,
        now_ns: int,
        *,
        start_ns: int = 0,
        end_ns: int = 0,
        limit: int = 500,
        first: bool = False,
    ) -> list[Bar]:
        """Bars that start within [start, end] (0: open), oldest first, the running one included.

        Of more than `limit` the last are given, or the `first`.
        """
        line = self._lines[symbol]
        self._roll(line, now_ns)
        self._make_past(line)
        limit = min(max(limit, 0), QUERY_MAX)
        last_ns = min(end_ns or now_ns, now_ns)
        since_ns = opening(interval, start_ns)
        if since_ns < start_ns:
            since_ns += span_ns(interval, start_ns)
        if not first:
            since_ns = max(since_ns, self._back(interval, last_ns, limit))
        found = merged(self._between(line, since_ns, last_ns, interval), interval)
        if self._absent:
            found = [bar for bar in found if bar.trades]
        return found[:limit] if first else found[max(len(found) - limit, 0) :]

    def current(self, symbol: str, interval: Interval, now_ns: int) -> Bar:
        """The bar that is running, whether anything has traded in it or not."""
        line = self._lines[symbol]
        self._roll(line, now_ns)
        self._make_past(line)
        return merged(self._between(line, opening(interval, now_ns), now_ns, interval), interval)[-1]

    def minute(self, symbol: str, now_ns: int) -> Bar:
        """The minute that is running: the same object as long as nothing has traded."""
        line = self._lines[symbol]
        self._roll(line, now_ns)
        return line.minutes[-1]

    def span(self, symbol: str, now_ns: int, minutes: int) -> Span:
        """The last minutes, the running one included. Those that are closed are summed up once a minute."""
        running = self.minute(symbol, now_ns)
        line = self._lines[symbol]
        known = line.spans.get(minutes)
        if known is None or known[0] != running.start_ns:
            start_ns = running.start_ns - (minutes - 1) * MINUTE_NS
            bars = self._closed(line, start_ns)
            known = line.spans[minutes] = (running.start_ns, _span_of(bars) if bars else None)
        closed = known[1]
        now = _span_of((running,))
        if closed is None:
            return now
        return Span(
            closed.open,
            max(closed.high, now.high),
            min(closed.low, now.low),
            MONEY.add(closed.volume, now.volume),
            MONEY.add(closed.turnover, now.turnover),
            closed.trades + now.trades,
        )

    def _closed(self, line: _Line, start_ns: int) -> list[Bar]:
        self._make_past(line)
        begin = max(start_ns - line.minutes[0].start_ns, 0) // MINUTE_NS
        return line.minutes[begin:-1]

    # ── minutes ─────────────────────────────────────────────────────────────────────────────────

    def _roll(self, line: _Line, now_ns: int) -> None:
        """Begin this minute, with flat ones up to it."""
        start_ns = now_ns - now_ns % MINUTE_NS
        if line.minutes and line.minutes[-1].start_ns >= start_ns:
            return
        self._fill(line, start_ns)
        line.minutes.append(_flat(start_ns, self._close(line)))

    def _fill(self, line: _Line, until_ns: int) -> None:
        close = self._close(line)
        next_ns = line.minutes[-1].start_ns + MINUTE_NS if line.minutes else line.origin.at_ns
        if until_ns - next_ns > self._most * MINUTE_NS:
            # Away for longer than is kept: nothing of before is left.
            self._forget(line, len(line.minutes))
            next_ns = until_ns - self._most * MINUTE_NS
        while next_ns < until_ns:
            line.minutes.append(_flat(next_ns, close))
            next_ns += MINUTE_NS
        if len(line.minutes) > self._most:
            self._forget(line, len(line.minutes) - self._most)

    def _forget(self, line: _Line, gone: int) -> None:
        for bar in line.minutes[:gone]:
            self._kept.drop(f"{line.instrument.symbol}|{bar.start_ns}")
        del line.minutes[:gone]

    def _close(self, line: _Line) -> Decimal:
        return line.minutes[-1].close if line.minutes else line.origin.price

    def _make_past(self, line: _Line) -> None:
        """Put the past before the minutes, the first time anybody looks that far."""
        if line.past_made:
            return
        line.past_made = True
        if self._empty_past:
            return
        room = self._most - len(line.minutes)
        if line.minutes and line.minutes[0].start_ns > line.origin.at_ns:
            return  # So much has been kept since that the past is forgotten.
        count = min(PAST_MINUTES, max(room, 0))
        generator = self._generators(f"bars:{line.instrument.symbol}")
        line.minutes[:0] = past(line.instrument, line.origin, generator)[PAST_MINUTES - count :]

    def _between(self, line: _Line, since_ns: int, last_ns: int, interval: Interval) -> list[Bar]:
        """The minutes of all bars that start in there, each bar whole."""
        if not line.minutes:
            return []
        first_ns = line.minutes[0].start_ns
        begin = max(since_ns - first_ns, 0) // MINUTE_NS
        end_ns = opening(interval, last_ns) + span_ns(interval, last_ns)
        return line.minutes[begin : max((end_ns - first_ns) // MINUTE_NS, 0)]

    def _back(self, interval: Interval, last_ns: int, count: int) -> int:
        """Where the bar starts that is `count` bars before the end, at the latest."""
        if self._absent:
            return 0
        return opening(interval, max(last_ns - count * span_ns(interval, last_ns), 0))


class Feed:
    """One subscription to klines: what is to be told of it now."""

    def __init__(self, bars: Bars, symbol: str, interval: Interval) -> None:
        self._bars = bars
        self._symbol = symbol
        self._interval: Interval = interval
        self._last: Bar | None = None
        self._minute: Bar | None = None

    def told(self, now_ns: int) -> list[tuple[Bar, bool]]:
        """Bars, and whether each is final: those that ended since, once, then the running one if it moved."""
        minute = self._bars.minute(self._symbol, now_ns)
        if minute is self._minute:
            return []
        self._minute = minute
        current = self._bars.current(self._symbol, self._interval, now_ns)
        last, self._last = self._last, current
        if last is None:
            return [(current, False)]
        if last == current:
            return []
        if last.start_ns == current.start_ns:
            return [(current, False)]
        ended = self._bars.query(
            self._symbol, self._interval, now_ns, start_ns=last.start_ns, end_ns=current.start_ns - 1
        )
        return [(bar, True) for bar in ended] + [(current, False)]


# ── intervals ───────────────────────────────────────────────────────────────────────────────────


def opening(interval: Interval, at_ns: int) -> int:
    """When the bar that holds this moment began."""
    if interval == "1M":
        day = datetime.fromtimestamp(at_ns // 10**9, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * 10**9
    span = span_ns(interval, at_ns)
    offset = _MONDAY_NS if interval == "1w" else 0
    return at_ns - (at_ns - offset) % span


def span_ns(interval: Interval, at_ns: int) -> int:
    """How long the bar is that holds this moment: months differ."""
    if interval == "1M":
        day = datetime.fromtimestamp(at_ns // 10**9, UTC).replace(day=1)
        after = (day + timedelta(days=32)).replace(day=1)
        return (after.date() - day.date()).days * DAY_NS
    return int(interval[:-1]) * _MINUTES[interval[-1]] * MINUTE_NS


def merged(minutes: list[Bar], interval: Interval) -> list[Bar]:
    """Bars of this interval, from minutes in order."""
    if interval == "1m":
        return list(minutes)
    found: list[Bar] = []
    group: list[Bar] = []
    end_ns = 0
    for bar in minutes:
        if bar.start_ns >= end_ns:
            if group:
                found.append(_merge(group, interval))
            group = []
            end_ns = opening(interval, bar.start_ns) + span_ns(interval, bar.start_ns)
        group.append(bar)
    if group:
        found.append(_merge(group, interval))
    return found


def _merge(group: list[Bar], interval: Interval) -> Bar:
    traded = [bar for bar in group if bar.trades]
    seen = traded or group[-1:]
    return Bar(
        opening(interval, group[0].start_ns),
        seen[0].open,
        max(bar.high for bar in seen),
        min(bar.low for bar in seen),
        seen[-1].close,
        _sum([bar.volume for bar in traded]),
        _sum([bar.turnover for bar in traded]),
        sum(bar.trades for bar in traded),
        _sum([bar.taker_volume for bar in traded]),
        _sum([bar.taker_turnover for bar in traded]),
    )


def _sum(values: list[Decimal]) -> Decimal:
    total = ZERO
    for value in values:
        total = MONEY.add(total, value)
    return total


def _flat(start_ns: int, price: Decimal) -> Bar:
    return Bar(start_ns, price, price, price, price)


# ── the past ────────────────────────────────────────────────────────────────────────────────────


def past(instrument: Instrument, origin: Origin, generator: Random) -> list[Bar]:
    """Two days of minutes that end at the origin's price, made backwards; every price is on its tick."""
    found: list[Bar] = []
    tick = instrument.tick
    close = max(round(float(origin.price) / float(tick)), 1)
    for number in range(PAST_MINUTES):
        draw = generator.random
        scale = close * 0.0004
        opened = max(round(close - scale * (draw() + draw() + draw() - 1.5)), 1)
        high = max(opened, close) + int(scale * draw() * 0.5)
        low = max(min(opened, close) - int(scale * draw() * 0.5), 1)
        found.append(
            _past_bar(
                instrument,
                origin.at_ns - (number + 1) * MINUTE_NS,
                (opened * tick, high * tick, low * tick, close * tick),
                generator,
            )
        )
        close = opened
    found.reverse()
    return found


def _past_bar(
    instrument: Instrument,
    start_ns: int,
    prices: tuple[Decimal, Decimal, Decimal, Decimal],
    generator: Random,
) -> Bar:
    opened, high, low, close = prices
    trades = 20 + int(generator.random() * 200)
    unit = instrument.notional(instrument.qty_step, close)
    steps = max(int(Decimal(trades) * (500 + int(generator.random() * 4_000)) / unit), trades)
    bought = int(steps * (0.3 + 0.4 * generator.random()))
    volume, taken = steps * instrument.qty_step, bought * instrument.qty_step
    middle = instrument.price_at_most((high + low) / 2) or close
    return Bar(
        start_ns,
        opened,
        high,
        low,
        close,
        volume,
        abs(instrument.value(volume, middle)),
        trades,
        taken,
        abs(instrument.value(taken, middle)),
    )


def _span_of(bars: Sequence[Bar]) -> Span:
    volume = turnover = ZERO
    for bar in bars:
        volume, turnover = MONEY.add(volume, bar.volume), MONEY.add(turnover, bar.turnover)
    return Span(
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        volume,
        turnover,
        sum(bar.trades for bar in bars),
    )
