"""Laws of the account book, for every kind of contract and any history of fills.

realised + unrealised(p)  ==  value(qty, p) - sum of value(each fill)        to the last digit
"""

from __future__ import annotations

from decimal import Decimal as D
from decimal import localcontext

from builders import MAIN, PERP, Trial, perp
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.engine.apply import apply
from kedge.engine.state import decode_desk, digest, encode_desk
from kedge.model import records as r
from kedge.model.instrument import Instrument
from kedge.model.ledger import Position, Tally
from kedge.model.numbers import FINE, MONEY, ZERO
from kedge.model.venue import Fill

KINDS = st.sampled_from(
    [
        perp(),
        perp(kind="spot"),
        perp(multiplier=D("0.001")),
        perp(kind="inverse", settle="BTC"),
        perp(kind="bond", nominal=D(1000)),
        perp(kind="points", tick=D(10), tick_value=D("12.37")),
    ]
)
QTYS = st.decimals(-1000, 1000, places=3).filter(lambda q: q != 0)
PRICES = st.decimals("0.01", 100_000, places=2).filter(lambda p: p > 0)
FILLS = st.lists(st.tuples(QTYS, PRICES), max_size=12)
# Currencies in which a fill is worth tens of billions, with coins cut into 18 places.
GREAT = st.lists(
    st.tuples(
        st.decimals(-1000, 1000, places=18).filter(lambda q: q != 0),
        st.decimals(1, 3 * 10**9, places=8),
    ),
    max_size=6,
)


def booked(instrument: Instrument, fills: list[tuple[D, D]]) -> Position:
    position = Position()
    with localcontext(MONEY):
        for qty, price in fills:
            position.book(instrument, qty, price)
    return position


def adds_up(instrument: Instrument, fills: list[tuple[D, D]], price: D) -> None:
    position = booked(instrument, fills)
    with localcontext(MONEY):
        spent = sum((instrument.value(q, p) for q, p in fills), ZERO)
        assert position.qty == sum((q for q, _ in fills), ZERO)
        total = position.realised + position.unrealised(instrument, price)
        assert total == instrument.value(position.qty, price) - spent
        if position.qty == 0:
            assert position.cost == 0


@given(KINDS, FILLS, PRICES)
def test_profit_adds_up_to_the_last_digit(instrument: Instrument, fills: list[tuple[D, D]], price: D) -> None:
    adds_up(instrument, fills, price)


@given(KINDS, GREAT, PRICES)
def test_it_adds_up_for_great_sums_and_small_coins(
    instrument: Instrument, fills: list[tuple[D, D]], price: D
) -> None:
    adds_up(instrument, fills, price)


@given(KINDS, FILLS.flatmap(lambda f: st.tuples(st.just(f), st.permutations(f))), PRICES)
def test_the_order_of_fills_changes_no_total(
    instrument: Instrument, both: tuple[list[tuple[D, D]], list[tuple[D, D]]], price: D
) -> None:
    a, b = (booked(instrument, fills) for fills in both)
    with localcontext(MONEY):
        assert a.qty == b.qty
        assert a.realised + a.unrealised(instrument, price) == b.realised + b.unrealised(instrument, price)


@given(KINDS, FILLS, QTYS, PRICES, st.integers(1, 9), PRICES)
def test_a_fill_in_two_parts_is_the_same_fill(
    instrument: Instrument, fills: list[tuple[D, D]], qty: D, price: D, tenths: int, mark: D
) -> None:
    part = qty * tenths / 10
    whole = booked(instrument, [*fills, (qty, price)])
    parts = booked(instrument, [*fills, (part, price), (qty - part, price)])
    assert whole.qty == parts.qty
    with localcontext(MONEY):
        for name in ("cost", "realised"):
            assert abs(getattr(whole, name) - getattr(parts, name)) <= 4 * FINE, name


@given(KINDS, FILLS)
def test_a_tally_is_the_sum_of_each_side(instrument: Instrument, fills: list[tuple[D, D]]) -> None:
    tally = Tally()
    with localcontext(MONEY):
        for qty, price in fills:
            tally.book(instrument, qty, price)
        assert tally.bought == sum((q for q, _ in fills if q > 0), ZERO)
        assert tally.sold == -sum((q for q, _ in fills if q < 0), ZERO)
        assert tally.net == sum((q for q, _ in fills), ZERO)
        if tally.bought and instrument.kind != "inverse":
            prices = [p for q, p in fills if q > 0]
            assert min(prices) - FINE <= tally.bought_average(instrument) <= max(prices) + FINE


# ── through the journal ─────────────────────────────────────────────────────────────────────────

EXECS = st.lists(
    st.tuples(st.integers(0, 8), QTYS, PRICES, st.decimals(-1, 1, places=4), st.sampled_from(["USD", "BNB"])),
    max_size=20,
)


@settings(max_examples=60)
@given(EXECS, st.integers(0, 20))
def test_an_execution_is_booked_once_with_its_fee_over_any_restart(
    execs: list[tuple[int, D, D, D, str]], restart_at: int
) -> None:
    """The same execution id may come any number of times, before and after a restart."""
    t = Trial()
    desk = t.e.desk
    first: dict[int, tuple[D, D, D, str]] = {}
    for number, (exec_id, qty, price, fee, asset) in enumerate(execs):
        first.setdefault(exec_id, (qty, price, fee, asset))
        side = "buy" if qty > 0 else "sell"
        fill = Fill(f"x{exec_id}", "", "", "BTC-PERP", side, abs(qty), price, fee, asset, t.now_ns)  # type: ignore[arg-type]
        apply(desk, r.Filled(MAIN, fill), t.now_ns)
        if number == restart_at:
            again = decode_desk(encode_desk(desk))
            assert digest(again) == digest(desk)
            desk = again
    position = desk.account(MAIN).external.get("BTC-PERP", Position())
    assert position.qty == sum((f[0] for f in first.values()), ZERO) == desk.net(PERP)
    for asset in ("USD", "BNB"):
        assert position.fees.get(asset, ZERO) == sum((f[2] for f in first.values() if f[3] == asset), ZERO)
    assert desk.day_realised.get("BNB", ZERO) == -position.fees.get("BNB", ZERO)
