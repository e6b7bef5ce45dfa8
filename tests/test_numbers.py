"""Numbers by example; their laws are in `laws/test_numbers_laws.py`."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

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


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (0.05, "is a float; write the number as text"),
        (True, "is a bool"),
        (None, "is a NoneType"),
        ("", "is not a number"),
        ("0,05", "is not a number"),
        ("nan", "is not a finite number"),
        ("sNaN", "is not a finite number"),
        ("-inf", "is not a finite number"),
        ("1e15", "is out of range"),
        (10**15, "is out of range"),
        ("-1e999", "is out of range"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason(given: Any, says: str) -> None:
    with pytest.raises(BadNumber, match=says):
        exact(given)


@pytest.mark.parametrize(("given", "number"), [("0.05", D("0.05")), (7, D(7)), (D("1e3"), D(1000))])
def test_numbers_are_read_exactly(given: Any, number: D) -> None:
    assert exact(given) == number


@pytest.mark.parametrize(
    ("value", "step", "floor", "ceil", "trunc"),
    [
        ("60000.7", "0.5", "60000.5", "60001.0", "60000.5"),
        ("-60000.7", "0.5", "-60001.0", "-60000.5", "-60000.5"),
        ("1", "0.5", "1", "1", "1"),
        ("-1", "0.5", "-1", "-1", "-1"),
        ("0", "0.5", "0", "0", "0"),
        ("0.1", "0.25", "0", "0.25", "0"),
        ("-0.1", "0.25", "-0.25", "0", "0"),
    ],
)
def test_rounding_to_a_step(value: str, step: str, floor: str, ceil: str, trunc: str) -> None:
    assert floor_to(D(value), D(step)) == D(floor)
    assert ceil_to(D(value), D(step)) == D(ceil)
    assert trunc_to(D(value), D(step)) == D(trunc)


def test_multiples() -> None:
    assert is_multiple(D("0.3"), D("0.1"))
    assert not is_multiple(D("0.35"), D("0.1"))
    assert is_multiple(D("-1.5"), D("0.5"))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("0.050", "0.05"),
        ("1E+3", "1000"),
        ("-0.00", "0"),
        ("0", "0"),
        ("100", "100"),
        ("1e-9", "0.000000001"),
    ],
)
def test_plain_digits(value: str, plain: str) -> None:
    assert text(D(value)) == plain


def test_division_keeps_eighteen_places_of_any_number_in_range() -> None:
    """Tens of billions are an ordinary sum in rupiah, won or dong."""
    assert divide(D("1e14"), D(3)) == D("33333333333333.333333333333333333")
    assert divide(LIMIT - 1, D("1e-8")).as_tuple().exponent == FINE.as_tuple().exponent
    assert divide(D(1), D(-3)) == D("-0.333333333333333333")
