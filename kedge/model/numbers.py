"""Exact numbers, and every rounding to a step there is.

Money, price and quantity are `Decimal` from the wire to the journal and back. A float never decides
an order. Why Decimal and not integer counts of a step: `docs/why/numbers.md`.

Decimal rounds silently to the digits of its context, and anybody in the process may set that. So money is
computed in a context of our own, wide enough for every sum and product of numbers below `LIMIT`; the one
operation that cannot be exact (division, for averages and inverse contracts) is rounded here, to `FINE`.
The same history always gives the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)

# The last digit that division keeps: 18 places, one finer than any coin in use.
FINE = Decimal("1e-18")

# A number at or above this is a broken feed, not a price: "corrupt data is worse than no data".
LIMIT = Decimal("1e15")

# Numbers below LIMIT have 15 digits before the point, and 18 after it; so do two of their products.
MONEY = Context(prec=72, rounding=ROUND_HALF_EVEN)
# Where a bot's own arithmetic runs: Decimal as everybody knows it, and what it sets there stays there.
PLAIN = Context(prec=28, rounding=ROUND_HALF_EVEN)


class BadNumber(ValueError):
    """What arrived is not a number we trade with; the text says which and why."""


def exact(value: str | int | Decimal) -> Decimal:
    """Read a number exactly, or raise `BadNumber`. Floats are refused by type and by design."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise BadNumber(f'{value!r} is a {type(value).__name__}; write the number as text, like "0.05"')
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise BadNumber(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise BadNumber(f"{value!r} is not a finite number")
    if abs(number) >= LIMIT:
        raise BadNumber(f"{value!r} is out of range (the limit is {LIMIT:f})")
    return number


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The multiple of `step` at or below `value`."""
    assert step > 0
    steps = value // step  # truncates towards zero
    if value < 0 and steps * step != value:
        steps -= 1
    return steps * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The multiple of `step` at or above `value`."""
    assert step > 0
    steps = value // step
    if value > 0 and steps * step != value:
        steps += 1
    return steps * step


def trunc_to(value: Decimal, step: Decimal) -> Decimal:
    """The multiple of `step` nearest zero: how a quantity is cut, so that it never grows."""
    assert step > 0
    return (value // step) * step


def is_multiple(value: Decimal, step: Decimal) -> bool:
    assert step > 0
    return value % step == 0


def divide(a: Decimal, b: Decimal) -> Decimal:
    """`a / b`, rounded to `FINE`: the one division money goes through."""
    return MONEY.quantize(MONEY.divide(a, b), FINE)


def moment(at_ns: int) -> str:
    """A moment as people read it, to the minute: 2026-11-23 07:00 UTC."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def text(value: Decimal) -> str:
    """Plain digits without exponent or trailing zeros: `0.050` -> `0.05`, `1E+3` -> `1000`."""
    plain = str(value)
    if "E" in plain:
        plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain
