"""Charts: minutes from trades, longer bars from minutes, a past that stays, feeds that tell each end once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_testnet import SECOND, START_NS, SYMBOL, Toy, a_setup

from kedge.model.instrument import Instrument
from kedge.model.numbers import is_multiple
from kedge.sim.exchange import TradePrinted
from kedge.sim.testnet.bars import (
    INTERVALS,
    KEPT,
    MINUTE_NS,
    PAST_MINUTES,
    Bar,
    Bars,
    Feed,
    Interval,
    Minute,
    Origin,
    merged,
    opening,
    span_ns,
)
from kedge.sim.testnet.drawer import Drawer
from kedge.sim.testnet.prints import Prints
from kedge.sim.testnet.store import Store

LINEAR = Instrument("linear:X", "linear", "X", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"))
INVERSE = Instrument("inverse:X", "inverse", "X", "USD", "X", Decimal("0.5"), Decimal(1))
# A Wednesday, a little after noon.
NOON = int(datetime(2026, 9, 23, 12, 0, 20, tzinfo=UTC).timestamp()) * SECOND


def some_bars(*instruments: Instrument, absent: bool = False) -> Bars:
    minutes: Drawer[Minute] = Drawer("minutes", Minute, {}, KEPT * 10, True)
    origins: Drawer[Origin] = Drawer("origins", Origin, {}, 10, False)
    bars = Bars(lambda label: Random(label), minutes, origins, absent=absent)
    for instrument in instruments or (LINEAR,):
        bars.join(instrument, Decimal(100), NOON)
    return bars


def trade(bars: Bars, price: str, qty: str, at_ns: int, side: str = "buy", symbol: str = "linear:X") -> None:
    bars.trade(symbol, side, Decimal(price), Decimal(qty), at_ns)  # type: ignore[arg-type]


def test_a_minute_of_trades() -> None:
    bars = some_bars()
    for price, qty, side in (("101", "1", "buy"), ("99", "2", "sell"), ("100", "3", "buy")):
        trade(bars, price, qty, NOON, side)
    bar = bars.current("linear:X", "1m", NOON)
    d = Decimal
    assert bar == Bar(NOON - 20 * SECOND, d(101), d(101), d(99), d(100), d(6), d(599), 3, d(4), d(401))


def test_an_inverse_contract_turns_over_its_base() -> None:
    bars = some_bars(INVERSE)
    trade(bars, "50", "1000", NOON, symbol="inverse:X")
    bar = bars.current("inverse:X", "1h", NOON)
    assert (bar.volume, bar.turnover) == (Decimal(1000), Decimal(20))


def test_minutes_without_trades_are_flat_or_absent() -> None:
    for absent in (False, True):
        bars = some_bars(absent=absent)
        trade(bars, "101", "1", NOON)
        trade(bars, "102", "1", NOON + 3 * MINUTE_NS)
        found = bars.query("linear:X", "1m", NOON + 4 * MINUTE_NS, start_ns=NOON - 20 * SECOND)
        flat = [bar for bar in found if not bar.trades]
        if absent:
            assert [bar.close for bar in found] == [101, 102]
        else:
            assert [bar.close for bar in found] == [101, 101, 101, 102, 102]
            assert all(bar.open == bar.high == bar.low == bar.close and bar.volume == 0 for bar in flat)


def test_the_past_leads_to_the_first_price_and_never_changes() -> None:
    first, second = some_bars(), some_bars()
    found = first.query("linear:X", "1m", NOON, limit=PAST_MINUTES, end_ns=NOON - MINUTE_NS)
    assert len(found) == min(PAST_MINUTES, 2_000)
    assert found[-1].close == 100
    assert found[-1].start_ns == NOON - 20 * SECOND - MINUTE_NS
    assert found == second.query("linear:X", "1m", NOON, limit=PAST_MINUTES, end_ns=NOON - MINUTE_NS)
    for before, bar in pairwise(found):
        assert bar.open == before.close
        assert bar.start_ns == before.start_ns + MINUTE_NS
    for bar in found:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert is_multiple(bar.high, LINEAR.tick)
        assert is_multiple(bar.volume, LINEAR.qty_step)
        assert bar.taker_volume <= bar.volume
        assert bar.trades


def test_there_are_two_days_of_it() -> None:
    bars = some_bars()
    assert sum(len(bars.query("linear:X", i, NOON, limit=2_000)) > 1 for i in INTERVALS) >= 13
    hours = bars.query("linear:X", "1h", NOON, limit=2_000)
    assert 48 <= len(hours) <= 49


@pytest.mark.parametrize("interval", INTERVALS)
def test_bars_stand_on_their_grid(interval: Interval) -> None:
    start = opening(interval, NOON)
    assert start <= NOON < start + span_ns(interval, NOON)
    assert opening(interval, start) == start
    assert opening(interval, start - 1) < start
    day = datetime.fromtimestamp(start // SECOND, UTC)
    if interval == "1w":
        assert day.weekday() == 0
    if interval == "1M":
        assert (day.day, day.hour) == (1, 0)


@given(st.integers(0, 3_000_000_000), st.sampled_from(INTERVALS))
def test_intervals_tile_time(second: int, interval: Interval) -> None:
    at = second * SECOND
    start = opening(interval, at)
    after = start + span_ns(interval, at)
    assert opening(interval, after) == after
    assert opening(interval, after - 1) == start


@given(st.lists(st.tuples(st.integers(0, 180), st.integers(90, 110), st.integers(1, 9)), max_size=30))
def test_longer_bars_hold_what_their_minutes_hold(trades: list[tuple[int, int, int]]) -> None:
    bars, at = some_bars(), NOON
    for gap, price, qty in trades:
        at += gap * SECOND
        trade(bars, str(price), str(qty), at)
    minutes = bars.query("linear:X", "1m", at, start_ns=NOON - 20 * SECOND, limit=2_000)
    for interval in ("3m", "15m", "1h", "1d"):
        longer = bars.query("linear:X", interval, at, start_ns=opening(interval, NOON), limit=2_000)  # type: ignore[arg-type]
        since = [bar for bar in longer if bar.start_ns >= NOON - 20 * SECOND]
        assert since == [b for b in merged(minutes, interval) if b in since]  # type: ignore[arg-type]
        assert longer[-1].close == minutes[-1].close
    assert sum(bar.volume for bar in minutes) == sum(qty for _, _, qty in trades)


def test_questions_by_start_end_and_limit() -> None:
    bars = some_bars()
    now = NOON + 10 * MINUTE_NS

    def starts(interval: Interval = "1m", **ask: int | bool) -> list[int]:
        found = bars.query("linear:X", interval, now, **ask)  # type: ignore[arg-type]
        return [(bar.start_ns - (NOON - 20 * SECOND)) // MINUTE_NS for bar in found]

    assert starts(limit=3) == [8, 9, 10]
    assert starts(start_ns=NOON, limit=3) == [8, 9, 10]
    assert starts(start_ns=NOON, limit=3, first=True) == [1, 2, 3]
    assert starts(end_ns=NOON, limit=2) == [-1, 0]
    assert starts(start_ns=NOON - 20 * SECOND, end_ns=NOON + MINUTE_NS) == [0, 1]
    assert starts("5m", limit=2) == [5, 10]
    assert starts("5m", start_ns=NOON, limit=9) == [5, 10]
    assert starts(start_ns=now + 1) == []
    assert starts(limit=0) == []


def test_what_is_kept_is_bounded_and_a_long_absence_leaves_no_hole() -> None:
    bars = some_bars()
    bars.query("linear:X", "1m", NOON)
    now = NOON
    for _ in range(3):
        now += KEPT // 2 * MINUTE_NS
        trade(bars, "101", "1", now)
    now += 3 * KEPT * MINUTE_NS
    found = bars.query("linear:X", "1m", now, limit=2_000, start_ns=1, first=True)
    assert found[0].start_ns >= now - KEPT * MINUTE_NS - MINUTE_NS
    assert [b.start_ns - a.start_ns for a, b in pairwise(found)] == [MINUTE_NS] * (len(found) - 1)


def test_a_feed_tells_each_end_once() -> None:
    bars = some_bars()
    feed = Feed(bars, "linear:X", "1m")
    assert [final for _, final in feed.told(NOON)] == [False]
    assert feed.told(NOON + 1) == []
    trade(bars, "101", "1", NOON + 2)
    assert [(bar.close, final) for bar, final in feed.told(NOON + 3)] == [(101, False)]
    told = feed.told(NOON + 3 * MINUTE_NS)
    assert [(bar.close, bar.trades, final) for bar, final in told] == [
        *((101, 1, True), (101, 0, True), (101, 0, True)),
        (101, 0, False),
    ]
    hourly = Feed(bars, "linear:X", "1h")
    assert len(hourly.told(NOON + 3 * MINUTE_NS)) == 1
    assert hourly.told(NOON + 3 * MINUTE_NS + 1) == []
    told = hourly.told(NOON + 60 * MINUTE_NS)
    assert [final for _, final in told] == [True, False]
    assert told[0][0].trades >= 1


def test_charts_survive_a_restart() -> None:
    now, store = [START_NS], Store("")
    toy = Toy(a_setup(lambda: now[0], store, market="synthetic"))
    for _ in range(400):
        now[0] += SECOND
        toy.tick()
    asked = {"limit": 3_000, "end_ns": now[0] - 2 * MINUTE_NS}
    before = toy.house.bars.query(SYMBOL, "1m", now[0], **asked)  # type: ignore[arg-type]
    assert any(bar.trades for bar in before[-5:])
    toy.house.keeper.checkpoint()
    again = Toy(a_setup(lambda: now[0], store, market="synthetic"))
    assert again.house.bars.query(SYMBOL, "1m", now[0], **asked) == before  # type: ignore[arg-type]


def test_the_tape_keeps_the_newest() -> None:
    prints = Prints(3)
    for number in range(5):
        prints.add(TradePrinted("X", str(number), "buy", Decimal(1), Decimal(1), number))
    assert [one.trade_id for one in prints.last("X")] == ["2", "3", "4"]
    assert [one.trade_id for one in prints.last("X", 2)] == ["3", "4"]
    assert [one.trade_id for one in prints.since("X", 3)] == ["3", "4"]
    assert prints.last("Y") == []


def test_trades_of_the_market_reach_tape_and_chart() -> None:
    now = [START_NS]
    toy = Toy(a_setup(lambda: now[0]))
    toy.house.keeper.market.move(SYMBOL, Decimal(61_000), now[0])
    toy.house.settle()
    assert toy.house.prints.last(SYMBOL)
    bar = toy.house.bars.current(SYMBOL, "1m", now[0])
    assert bar.trades == len(toy.house.prints.last(SYMBOL))
    assert bar.high == bar.close == 61_000
    assert toy.house.exchange.market(SYMBOL).last == 61_000


def test_a_span_is_what_its_minutes_come_to() -> None:
    """Whoever asks all the time gets the same as who adds everything up each time."""
    bars, dice = some_bars(), Random(5)
    now = NOON
    for _ in range(300):
        now += dice.randint(0, 40) * SECOND
        trade(bars, str(90 + dice.randint(0, 20)), str(dice.randint(1, 9)), now)
        for minutes in (1, 60, 1440):
            start = now - now % (60 * SECOND) - (minutes - 1) * 60 * SECOND
            found = bars.query("linear:X", "1m", now, start_ns=start, limit=minutes)
            span = bars.span("linear:X", now, minutes)
            assert (span.open, span.high) == (found[0].open, max(bar.high for bar in found))
            assert (span.low, span.trades) == (
                min(bar.low for bar in found),
                sum(bar.trades for bar in found),
            )
            assert span.volume == sum(bar.volume for bar in found)
            assert span.turnover == sum(bar.turnover for bar in found)
