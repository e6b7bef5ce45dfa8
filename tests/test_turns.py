"""Turns: the allowance of orders that wait for a trigger, and orders that end by themselves."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, PERP, RULES, SECOND, Trial, perp, rest, wanting
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kedge.engine.effects import Cancel, Place
from kedge.model import pace
from kedge.model.events import Answered
from kedge.model.order import State, fires_rising
from kedge.model.venue import Answer, PlaceOrder

PACED = replace(RULES, stops_per_min=50, takes=True)
MINUTE = pace.WINDOW_NS


def stop(slot: str, trigger: Any = 50000, **more: Any) -> Any:
    return rest("buy", trigger, "0.01", slot, kind="take_limit", trigger_price=D(trigger), keep=True, **more)


def sent(t: Trial) -> list[PlaceOrder]:
    return [place.order for place in t.take(Place)]


# ── the pace itself ─────────────────────────────────────────────────────────────────────────────


@given(st.integers(1, 20), st.lists(st.integers(0, 40 * SECOND), max_size=200))
def test_no_minute_has_more_than_allowed_and_none_is_idle(most: int, steps: list[int]) -> None:
    now_ns, kept, went = 0, list[int](), list[int]()
    for step_ns in steps:
        now_ns += step_ns
        wait_ns = pace.wait_ns(kept, most, now_ns)
        recent = sum(at > now_ns - MINUTE for at in went)
        assert (wait_ns == 0) == (recent < most)
        if wait_ns:
            assert pace.wait_ns(list(kept), most, now_ns + wait_ns) == 0
            assert pace.wait_ns(list(kept), most, now_ns + wait_ns - 1) > 0
        else:
            kept.append(now_ns)
            went.append(now_ns)
        assert len(kept) <= most


# ── stop orders ─────────────────────────────────────────────────────────────────────────────────


def test_three_hundred_stop_orders_leave_at_the_allowed_pace() -> None:
    t = Trial(rules=PACED)
    t.play("b", wanting(*[stop(f"s{n}") for n in range(300)]))
    began_ns, times = t.now_ns, list[int]()
    for _ in range(400):
        for order in sent(t):
            times.append(t.now_ns)
            t.opened(order)
        if len(times) == 300:
            break
        t.wait(1, keep_books=True)
    assert len(times) == 300
    for first, at_ns in enumerate(times[:-50]):
        assert times[first + 50] - at_ns >= 60 * SECOND, "never more than fifty in a minute"
    assert times[-1] - began_ns <= 5 * MINUTE + 6 * SECOND, "and never idle"
    assert t.slot("b", "s299").rejects == 0
    t.check()


def test_what_waits_says_so_and_holds_up_nothing_else() -> None:
    t = Trial(rules=PACED)
    t.play("b", wanting(*[stop(f"s{n}") for n in range(51)]))
    assert len(sent(t)) == 50
    assert t.held("b", "s50") == f"{MAIN} takes 50 stop orders a minute: waiting for its turn"
    t.play("c", wanting(rest("buy", 60000, "0.01")))
    plain = t.opened(t.placed())
    t.play("c", wanting())
    assert t.cancelled() == plain.client_id


def test_cancels_of_stop_orders_go_before_new_ones() -> None:
    t = Trial(rules=replace(PACED, stops_per_min=10))
    t.play("old", wanting(*[stop(f"o{n}") for n in range(10)]))
    for order in sent(t):
        t.opened(order)
    t.play("new", wanting(*[stop(f"n{n}") for n in range(10)]))
    t.play("old", wanting())
    assert not t.take(Cancel)
    t.nothing_sent()
    t.wait(61)
    assert [c.stop for c in t.take(Cancel)] == [True] * 10
    t.nothing_sent()


@pytest.mark.parametrize("unsent", [True, False])
def test_a_venue_that_wants_no_more_is_waited_for_and_has_refused_nothing(unsent: bool) -> None:
    t = Trial(rules=PACED)
    t.play("b", wanting(stop("s0")))
    [order] = sent(t)
    t.answer(order, Answer.REJECTED, "80002: too many", unsent=unsent, retry_ns=20 * SECOND)
    assert t.slot("b", "s0").rejects == 0
    assert not t.notes("b"), "nobody needs to know"
    t.nothing_sent()
    t.wait(19)
    t.nothing_sent()
    t.wait(2)
    assert len(sent(t)) == 1
    t.check()


def test_a_cancel_that_came_too_early_is_given_again_in_time() -> None:
    t = Trial(rules=PACED)
    t.play("b", wanting(stop("s0")))
    order = t.opened(sent(t)[0])
    t.play("b", wanting())
    t.cancelled()
    t.hear(Answered(MAIN, "cancel", order.client_id, Answer.REJECTED, "80002", retry_ns=20 * SECOND))
    assert not t.take(Cancel)
    t.wait(21)
    assert t.cancelled() == order.client_id


def test_the_allowance_is_counted_across_lives() -> None:
    t = Trial(rules=PACED)
    t.play("b", wanting(*[stop(f"s{n}") for n in range(60)]))
    for order in sent(t):
        t.opened(order)
    t.restart()
    t.book()
    t.nothing_sent()
    t.wait(60)
    assert len(sent(t)) == 10


def test_where_there_is_no_allowance_there_is_no_turn() -> None:
    t = Trial(rules=replace(PACED, stops_per_min=0))
    t.play("b", wanting(*[stop(f"s{n}") for n in range(300)]))
    assert len(sent(t)) == 300


# ── kinds ───────────────────────────────────────────────────────────────────────────────────────


def test_which_way_a_trigger_is_reached() -> None:
    assert [fires_rising(kind, "buy") for kind in ("stop", "stop_limit", "take", "take_limit")] == [
        True,
        True,
        False,
        False,
    ]
    assert [fires_rising(kind, "sell") for kind in ("stop", "take_limit")] == [False, True]


def test_takes_are_for_venues_that_have_them() -> None:
    t = Trial(rules=replace(PACED, takes=False))
    t.play("b", wanting(stop("s0")))
    t.nothing_sent()
    assert t.held("b", "s0") == f"{MAIN} has no orders that fire as the price comes (take_limit)"


# ── ends ────────────────────────────────────────────────────────────────────────────────────────


def test_where_the_venue_does_not_end_an_order_the_desk_cancels_it_in_time() -> None:
    t = Trial()
    ends_ns = t.now_ns + 600 * SECOND
    t.play("b", wanting(rest("buy", 60000, "0.05", expires_ns=ends_ns)))
    order = t.opened(t.placed())
    assert order.expires_ns == ends_ns
    t.wait(599, keep_books=True)
    assert not t.take(Cancel)
    t.wait(1, keep_books=True)
    assert t.cancelled() == order.client_id
    t.news(order, State.CANCELLED, version=10**19)
    t.wait(60, keep_books=True)
    t.nothing_sent()
    assert t.held("b") == "its time is over"
    assert t.slot("b").rejects == 0
    t.check()


def test_the_time_is_kept_through_a_restart() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 60000, "0.05", keep=True, expires_ns=t.now_ns + 600 * SECOND)))
    order = t.opened(t.placed())
    t.restart(gone_s=300)
    t.wait(299, keep_books=True)
    assert not t.take(Cancel)
    t.wait(2, keep_books=True)
    assert t.cancelled() == order.client_id


@pytest.mark.parametrize("told", [True, False])
def test_where_the_venue_ends_it_the_desk_only_looks_that_it_did(told: bool) -> None:
    t = Trial(rules=replace(RULES, ends="all"))
    t.play("b", wanting(rest("buy", 60000, "0.05", expires_ns=t.now_ns + 60 * SECOND)))
    order = t.opened(t.placed())
    t.wait(60, keep_books=True)
    if told:
        t.news(order, State.EXPIRED, version=10**19, reason="its time is over")
    t.wait(29, keep_books=True)
    assert not t.take(Cancel)
    t.wait(2, keep_books=True)
    assert len(t.take(Cancel)) == (0 if told else 1)
    t.nothing_sent()
    assert t.slot("b").rejects == 0


def test_only_the_kinds_that_the_venue_ends_are_left_to_it() -> None:
    t = Trial(rules=replace(PACED, ends="stops"))
    ends_ns = t.now_ns + 60 * SECOND
    t.play("b", wanting(rest("buy", 60000, "0.05", expires_ns=ends_ns), stop("s0", expires_ns=ends_ns)))
    plain, waits = sent(t)
    t.opened(plain), t.opened(waits)
    t.wait(61, keep_books=True)
    assert t.cancelled() == plain.client_id


def test_nothing_is_placed_for_less_than_a_second() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 60000, "0.05", expires_ns=t.now_ns + SECOND // 2)))
    t.nothing_sent()
    assert t.held("b") == "its time is over"


def test_another_end_is_another_order() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 60000, "0.05", expires_ns=t.now_ns + 60 * SECOND)))
    order = t.opened(t.placed())
    later_ns = t.now_ns + 600 * SECOND
    t.play("b", wanting(rest("buy", 60000, "0.05", expires_ns=later_ns)))
    assert t.cancelled() == order.client_id
    t.news(order, State.CANCELLED, version=10**19)
    assert t.placed().expires_ns == later_ns


def test_an_end_that_is_no_time_parks_the_bot() -> None:
    t = Trial(instruments=(perp(),))
    t.play("b", wanting(rest("buy", 60000, "0.05", expires_ns=-1)))
    t.nothing_sent()
    assert t.bot("b").phase == "parked"
    assert PERP.startswith(MAIN)
