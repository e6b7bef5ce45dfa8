"""Instruments by example: what a quantity is worth, what may be sent, when it trades."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from msgspec.structs import replace

from kedge.model.instrument import Instrument, Session, account_of, market_of, symbol_of

LINEAR = Instrument("BTC-PERP", "linear", "BTC", "USD", "USD", D("0.5"), D("0.001"), D("0.001"), D(100), D(5))
INVERSE = replace(LINEAR, kind="inverse", settle="BTC", qty_step=D(1), min_qty=D(1), max_qty=D(10**6))
BOND = replace(LINEAR, kind="bond", tick=D("0.01"), nominal=D(1000), qty_step=D(1), min_qty=D(1))
POINTS = replace(LINEAR, kind="points", tick=D(10), tick_value=D("12.5"), qty_step=D(1), min_qty=D(1))


@pytest.mark.parametrize(
    ("instrument", "qty", "price", "value"),
    [
        (LINEAR, "0.05", "60000", "3000"),
        (replace(LINEAR, multiplier=D("0.01")), "5", "60000", "3000"),
        (replace(LINEAR, kind="spot"), "-2", "10.5", "-21"),
        (INVERSE, "600", "60000", "-0.01"),
        (INVERSE, "-600", "60000", "0.01"),
        (BOND, "3", "98.5", "2955"),
        (POINTS, "2", "125000", "312500"),
    ],
)
def test_value(instrument: Instrument, qty: str, price: str, value: str) -> None:
    assert instrument.value(D(qty), D(price)) == D(value)
    assert instrument.price_of(D(qty), D(value)) == D(price)


def test_a_profit_of_an_inverse_long_is_positive_when_the_price_rises() -> None:
    assert INVERSE.value(D(600), D(70000)) - INVERSE.value(D(600), D(60000)) > 0


def test_notional_is_quote_money() -> None:
    assert LINEAR.notional(D("-0.05"), D(60000)) == 3000
    assert INVERSE.notional(D(-600), D(60000)) == 600
    assert BOND.notional(D(3), D("98.5")) == 2955


@pytest.mark.parametrize(
    ("changes", "qty", "price", "tradable"),
    [
        ({}, "0.0509", "60000", "0.050"),
        ({}, "-0.0509", "60000", "-0.050"),
        ({}, "0.0009", "60000", "0"),
        ({}, "0.001", "4999", "0"),
        ({}, "0.001", "5000", "0.001"),
        ({}, "250", "60000", "100"),
        ({}, "-250", "60000", "-100"),
        ({"max_qty": D("0.0105"), "qty_step": D("0.001")}, "1", "60000", "0.010"),
        ({"min_qty": D(0), "min_notional": D(0)}, "0", "60000", "0"),
    ],
)
def test_what_a_venue_would_take(changes: Any, qty: str, price: str, tradable: str) -> None:
    assert replace(LINEAR, **changes).tradable(D(qty), D(price)) == D(tradable)


def test_a_value_of_nothing_has_no_price() -> None:
    assert INVERSE.price_of(D(5), D(0)) == 0
    assert LINEAR.price_of(D(5), D(0)) == 0


def test_sessions() -> None:
    day = replace(LINEAR, sessions=(Session(10, 20), Session(30, 40)))
    assert [day.is_open(t) for t in (9, 10, 19, 20, 30, 40)] == [False, True, True, False, True, False]
    assert [day.next_change_ns(t) for t in (5, 10, 20, 39, 40)] == [10, 20, 30, 40, None]
    assert LINEAR.is_open(5)
    assert LINEAR.next_change_ns(5) is None
    assert not replace(LINEAR, sessions=()).is_open(5)
    assert not replace(LINEAR, status="halted").is_open(5)
    assert not replace(LINEAR, expires_ns=5).is_open(5)
    assert not replace(LINEAR, listed=False).is_open(5)


def test_between_two_sessions_it_rests_whatever_the_venue_calls_that() -> None:
    day = replace(LINEAR, sessions=(Session(10, 20), Session(30, 40)))
    assert [day.rests(t) for t in (5, 10, 20, 25, 30, 40)] == [True, False, True, True, False, False]
    assert replace(day, status="halted").rests(25)
    assert not replace(day, status="halted").rests(15), "a halt in the session is a halt"
    assert not replace(day, listed=False).rests(25)
    assert not replace(day, expires_ns=22).rests(25)
    assert not LINEAR.rests(25)
    assert [day.opens_ns(t) for t in (5, 10, 25, 35)] == [10, 30, 30, 0]
    assert [day.closes_ns(t) for t in (5, 10, 25, 35)] == [0, 20, 0, 40]
    assert [day.opened_ns(t) for t in (5, 10, 25, 35)] == [0, 10, 0, 30]


def test_markets_are_written_account_colon_symbol() -> None:
    market = market_of("paper/main", "BTC:USD")
    assert (market, account_of(market), symbol_of(market)) == ("paper/main:BTC:USD", "paper/main", "BTC:USD")
