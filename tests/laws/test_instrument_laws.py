"""Laws of instruments: value is odd in quantity, prices come back, and what may be sent can be sent."""

from __future__ import annotations

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from kedge.model.instrument import Instrument, Session
from kedge.model.numbers import FINE, is_multiple

STEPS = st.sampled_from([D("0.001"), D("0.5"), D(1), D(10), D("0.3"), D("0.00000001")])


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    kind = draw(st.sampled_from(["spot", "linear", "inverse", "bond", "points"]))
    step, tick = draw(STEPS), draw(st.sampled_from([D("0.5"), D("0.01"), D(10), D("0.0001")]))
    least = step * draw(st.integers(0, 20))
    return Instrument(
        "X",
        kind,  # type: ignore[arg-type]
        "BTC",
        "USD",
        "BTC" if kind == "inverse" else "USD",
        tick,
        step,
        min_qty=least,
        max_qty=least + step + draw(st.decimals(0, 1000, places=3)),
        min_notional=draw(st.decimals(0, 100, places=2)),
        multiplier=draw(st.sampled_from([D(1), D("0.01"), D(10)])),
        nominal=D(1000),
        tick_value=D("1.25"),
    )


QTYS = st.decimals(-10_000, 10_000, places=6)
PRICES = st.decimals("0.0001", 1_000_000, places=4).filter(lambda x: x > 0)


@given(instruments(), QTYS, PRICES)
def test_value_is_odd_in_quantity(instrument: Instrument, qty: D, price: D) -> None:
    assert instrument.value(-qty, price) == -instrument.value(qty, price)
    assert instrument.notional(qty, price) == instrument.notional(-qty, price) >= 0


@given(instruments(), QTYS.filter(lambda q: abs(q) >= 1), PRICES.filter(lambda p: p >= D("0.01")))
def test_the_price_of_a_value_is_the_price(instrument: Instrument, qty: D, price: D) -> None:
    found = instrument.price_of(qty, instrument.value(qty, price))
    # One FINE of the value, seen through the slope of the contract.
    assert abs(found - price) <= FINE * max(D(1), price * price) * 1000


@given(instruments(), QTYS, PRICES)
def test_what_may_be_sent_passes_every_filter_of_the_venue(instrument: Instrument, qty: D, price: D) -> None:
    sent = instrument.tradable(qty, price)
    assert abs(sent) <= abs(qty)
    assert sent * qty >= 0
    if sent:
        assert is_multiple(sent, instrument.qty_step)
        assert abs(sent) <= instrument.max_qty
        assert instrument.notional(sent, price) >= instrument.min_notional
        assert abs(sent) >= instrument.min_qty
        assert instrument.tradable(sent, price) == sent


@given(
    st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True).filter(lambda e: len(e) % 2 == 0),
    st.integers(0, 100),
)
def test_between_two_changes_nothing_changes(edges: list[int], now: int) -> None:
    ordered = sorted(edges)
    sessions = tuple(Session(a, b) for a, b in zip(ordered[::2], ordered[1::2], strict=True))
    one = Instrument("X", "spot", "B", "Q", "Q", D(1), D(1), sessions=sessions)
    change = one.next_change_ns(now)
    until = change if change is not None else 101
    assert all(one.is_open(moment) == one.is_open(now) for moment in range(now, until))
