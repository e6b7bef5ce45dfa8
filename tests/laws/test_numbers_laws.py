"""Laws of numbers: rounding brackets the value, never drifts, and text comes back as itself."""

from __future__ import annotations

from decimal import Decimal as D
from decimal import localcontext

from hypothesis import assume, given
from hypothesis import strategies as st

from kedge.model.numbers import (
    FINE,
    LIMIT,
    BadNumber,
    ceil_to,
    divide,
    exact,
    floor_to,
    is_multiple,
    text,
    trunc_to,
)

VALUES = st.decimals(-(10**12), 10**12, places=10)
STEPS = st.one_of(
    st.sampled_from([D("0.5"), D("0.01"), D("0.00000001"), D(1), D(10), D("0.25"), D("2.5"), D("1e2")]),
    st.decimals("0.0001", 1000, places=4).filter(lambda x: x > 0),
)


@given(VALUES, STEPS)
def test_floor_and_ceil_bracket_the_value_within_one_step(value: D, step: D) -> None:
    floor, ceil = floor_to(value, step), ceil_to(value, step)
    assert floor <= value <= ceil
    assert value - floor < step
    assert ceil - value < step
    assert is_multiple(floor, step)
    assert is_multiple(ceil, step)
    assert (floor == ceil) == is_multiple(value, step)


@given(VALUES, STEPS)
def test_truncation_goes_towards_zero_and_never_grows(value: D, step: D) -> None:
    cut = trunc_to(value, step)
    assert abs(cut) <= abs(value)
    assert cut == (floor_to(value, step) if value >= 0 else ceil_to(value, step))


@given(VALUES, STEPS)
def test_rounding_twice_is_rounding_once_and_mirrors(value: D, step: D) -> None:
    for rounded in (floor_to, ceil_to, trunc_to):
        assert rounded(rounded(value, step), step) == rounded(value, step)
    assert floor_to(-value, step) == -ceil_to(value, step)
    assert trunc_to(-value, step) == -trunc_to(value, step)


@given(VALUES, VALUES, STEPS)
def test_rounding_keeps_order(a: D, b: D, step: D) -> None:
    low, high = min(a, b), max(a, b)
    for rounded in (floor_to, ceil_to, trunc_to):
        assert rounded(low, step) <= rounded(high, step)


@given(VALUES)
def test_text_comes_back_as_the_same_number_and_is_plain(value: D) -> None:
    plain = text(value)
    assert exact(plain) == value
    assert "e" not in plain.lower()
    assert text(exact(plain)) == plain
    assert not (("." in plain) and plain.endswith("0"))
    assert plain != "-0"


@given(st.one_of(st.floats(), st.booleans(), st.none(), st.binary(), st.lists(st.integers())))
def test_only_text_whole_numbers_and_decimals_are_read(value: object) -> None:
    try:
        exact(value)  # type: ignore[arg-type]
    except BadNumber:
        return
    raise AssertionError(f"{value!r} was read as a number")


@given(st.text(max_size=12) | st.decimals().map(str) | st.integers().map(str))
def test_what_is_read_is_finite_and_in_range(given_text: str) -> None:
    try:
        number = exact(given_text)
    except BadNumber:
        return
    assert number.is_finite()
    assert abs(number) < LIMIT


@given(
    st.decimals(-(10**14), 10**14, places=8),
    st.decimals(-(10**9), 10**9, places=8).filter(lambda x: x != 0),
    st.integers(1, 60),
)
def test_division_is_within_half_of_fine_whatever_the_precision_around_it(a: D, b: D, precision: int) -> None:
    assume(abs(a) < abs(b) * LIMIT)
    with localcontext() as context:
        context.prec = precision
        quotient = divide(a, b)
    with localcontext() as context:
        context.prec = 200
        assert abs(quotient * b - a) <= abs(b) * FINE / 2
