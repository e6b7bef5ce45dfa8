"""The exchange by the clock: orders that end by themselves, days that end, stops from the other side."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from msgspec.structs import replace

from kedge.model.instrument import Instrument, Session
from kedge.model.order import State
from kedge.model.venue import OrderReport, PlaceOrder
from kedge.sim.exchange import Exchange, ExchangeConfig, Terms

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
SHARE = Instrument("SHARE", "spot", "SHARE", "RUB", "RUB", D("0.5"), D(10), lot=D(10), sector="share")


def house(*hours: tuple[int, int], day_break_h: int = 0, **more: Any) -> Exchange:
    sessions = tuple(Session(a * HOUR, b * HOUR) for a, b in hours) or None
    terms = Terms(replace(SHARE, sessions=sessions))
    ex = Exchange(ExchangeConfig(terms=(terms,), day_break_ns=day_break_h * HOUR, **more))
    for who in ("me", "you"):
        ex.transfer(who, "RUB", D(10**6), 0)
        ex.transfer(who, "SHARE", D(1000), 0)
    return ex


def order(client_id: str, side: Any = "buy", price: Any = 90, qty: Any = 10, **more: Any) -> PlaceOrder:
    return PlaceOrder(client_id, "SHARE", side, D(qty), D(price), **more)


def waits(client_id: str, kind: Any, side: Any, trigger: Any, price: Any = 0, **more: Any) -> PlaceOrder:
    return order(client_id, side, price, kind=kind, trigger_price=D(trigger), **more)


def trade(ex: Exchange, price: Any, now_ns: int) -> None:
    """The last price is this from here on."""
    assert ex.place("you", order("", "sell", price), now_ns).ok
    bought = ex.place("me", order("", "buy", price, tif="ioc"), now_ns)
    assert bought.order is not None
    assert bought.order.state is State.FILLED


def seen(ex: Exchange, client_id: str) -> OrderReport:
    found = ex.order("me", client_id)
    assert found is not None
    return found


# ── their own time ──────────────────────────────────────────────────────────────────────────────


def test_orders_end_when_their_time_is_over() -> None:
    ex = house()
    for number, ends_s in enumerate((30, 10, 20)):
        assert ex.place("me", order(f"o{number}", expires_ns=ends_s * SECOND), 0).ok
    assert ex.place("me", waits("stop", "stop", "buy", 120, expires_ns=10 * SECOND), 0).ok
    ex.advance(10 * SECOND - 1)
    assert seen(ex, "o1").state is State.OPEN
    ex.advance(10 * SECOND)
    assert [seen(ex, one).state for one in ("o0", "o1", "o2", "stop")] == [
        State.OPEN,
        State.EXPIRED,
        State.OPEN,
        State.EXPIRED,
    ]
    assert seen(ex, "o1").reason == "its_time: The time that it was given is over."
    assert seen(ex, "o0").expires_ns == 30 * SECOND
    ex.advance(HOUR)
    assert seen(ex, "o0").state is State.EXPIRED
    assert not ex.faults()


def test_what_ended_before_its_time_is_not_ended_again() -> None:
    ex = house()
    ex.place("me", order("o", expires_ns=10 * SECOND), 0)
    ex.cancel("me", "o", SECOND)
    ex.advance(20 * SECOND)
    assert seen(ex, "o").state is State.CANCELLED


def test_a_time_that_has_passed_is_a_mistake() -> None:
    ex = house()
    ex.advance(SECOND)
    reply = ex.place("me", order("o", expires_ns=SECOND), SECOND)
    assert (reply.ok, reply.code) == (False, "bad_order")


def test_the_time_is_kept_in_a_dump() -> None:
    ex = house()
    ex.place("me", order("o", expires_ns=10 * SECOND), 0)
    again = Exchange.load(ex.dump())
    again.advance(10 * SECOND)
    assert seen(again, "o").state is State.EXPIRED


# ── days ────────────────────────────────────────────────────────────────────────────────────────


def test_the_days_end_takes_what_rests_and_a_clearing_does_not() -> None:
    ex = house((0, 4), (5, 9), (20, 30), day_break_h=6)
    ex.place("me", order("rests"), 0)
    ex.place("me", waits("waits", "take_limit", "buy", 80, 80), 0)
    ex.advance(4 * HOUR + SECOND)
    assert seen(ex, "rests").state is State.OPEN
    ex.advance(9 * HOUR)
    assert seen(ex, "rests").state is State.EXPIRED
    assert seen(ex, "rests").reason == "session: The trading day has ended."
    assert seen(ex, "waits").state is State.OPEN, "stops stand with the broker"
    assert ex.place("me", order("late"), 10 * HOUR).code == "closed"
    assert ex.place("me", order("tomorrow"), 20 * HOUR).ok
    assert not ex.faults()


def test_without_day_orders_a_night_changes_nothing() -> None:
    ex = house((0, 4), (20, 30))
    ex.place("me", order("rests"), 0)
    ex.advance(19 * HOUR)
    assert seen(ex, "rests").state is State.OPEN


# ── stops from the other side ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "away", "there"),
    [
        ("take", "buy", 90, 110, 90),
        ("take", "sell", 110, 90, 110),
        ("stop", "buy", 110, 90, 110),
        ("stop", "sell", 90, 110, 90),
    ],
)
def test_each_kind_fires_from_its_side(kind: str, side: str, trigger: int, away: int, there: int) -> None:
    ex = house()
    trade(ex, 100, 0)
    assert ex.place("me", waits("w", kind, side, trigger), 0).ok
    trade(ex, away, SECOND)
    assert seen(ex, "w").state is State.OPEN
    trade(ex, there, 2 * SECOND)
    assert seen(ex, "w").state is not State.OPEN
    assert not ex.faults()


def test_a_take_whose_price_is_there_already_is_refused() -> None:
    ex = house()
    trade(ex, 100, 0)
    assert ex.place("me", waits("w", "take", "buy", 100), 0).code == "would_trigger"


def test_a_take_with_a_price_rests_at_it() -> None:
    ex = house()
    trade(ex, 100, 0)
    ex.place("me", waits("w", "take_limit", "buy", 90, 85), 0)
    trade(ex, 90, SECOND)
    report = seen(ex, "w")
    assert (report.state, report.kind, report.price, report.trigger_price) == (
        State.OPEN,
        "take_limit",
        D(85),
        D(90),
    )
    assert ex.book("SHARE", 5).bids[0].price == 85
