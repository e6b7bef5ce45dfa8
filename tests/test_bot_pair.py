"""The pair bot through a real engine: near.net = -ratio * far.net, whatever happens on the way."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import NEAR, OTHER, PERP, Trial, pair_trial, perp

from kedge.engine.effects import Place
from kedge.model.order import State
from kedge.model.venue import Answer, PlaceOrder


def pair(**config: Any) -> tuple[Trial, PlaceOrder]:
    t = pair_trial(instruments=config.pop("instruments", ()))
    t.add("p", "pair", **{"far": PERP, "near": NEAR, "side": "sell", "qty": "1", **config})
    return t, t.opened(t.placed())


def even(t: Trial, near: PlaceOrder, qty: Any = None) -> None:
    t.fill(near, near.qty if qty is None else qty, account=OTHER)


def test_the_far_leg_is_joined_or_taken() -> None:
    _, join = pair()
    assert (join.price, join.tif) == (D("60000.5"), "post_only")
    _, cross = pair(work="cross")
    assert (cross.price, cross.tif) == (D(60000), "gtc")


@pytest.mark.parametrize(("side", "opposite"), [("sell", "buy"), ("buy", "sell")])
def test_each_fill_of_the_far_leg_is_evened_at_once(side: str, opposite: str) -> None:
    t, far = pair(side=side, ratio="2")
    t.fill(far, "0.1")
    near = t.placed()
    assert (near.side, near.qty, near.tif) == (opposite, D("0.2"), "ioc")
    t.fill(far, "0.3")
    t.nothing_sent()  # one order in a slot
    even(t, near)
    assert t.placed().qty == D("0.6")


def test_the_evening_order_is_bounded_by_the_slip() -> None:
    t, far = pair(slip="0.001")
    t.fill(far, "0.1")
    assert t.placed().price == D("60060.5")


def test_what_the_near_leg_did_not_get_is_asked_for_again() -> None:
    t, far = pair()
    t.fill(far, "0.1")
    near = t.placed()
    t.fill(near, "0.04", account=OTHER)
    t.news(near, State.EXPIRED, cum="0.04", version=9, account=OTHER)
    assert t.placed().qty == D("0.06")


def test_an_unanswered_near_order_is_not_doubled() -> None:
    t, far = pair()
    t.fill(far, "0.1")
    near = t.placed()
    t.answer(near, Answer.UNKNOWN)
    t.fill(far, "0.1")
    t.wait(4, keep_books=True)
    assert not [p for p in t.take(Place) if p.account == OTHER]
    t.found(near, State.FILLED, cum="0.1", account=OTHER)
    t.report(OTHER, fills=(t.a_fill(near, "0.1"),))
    assert t.placed().qty == D("0.1")


@pytest.mark.parametrize(
    ("side", "spread", "works"),
    [("sell", "-0.5", True), ("sell", "0", False), ("buy", "0.5", True), ("buy", "0", False)],
)
def test_it_works_only_while_the_spread_is_better(side: str, spread: str, works: bool) -> None:
    """Far joins at 60000.5 (sell) or 60000 (buy); near is taken at 60000.5 (buy) or 60000 (sell).

    So the spread that can be had is 0 on both sides, and "better" is strict.
    """
    t = pair_trial()
    t.add("p", "pair", far=PERP, near=NEAR, side=side, qty="1", spread=spread)
    assert bool(t.take(Place)) is works


def test_a_spread_that_is_gone_pulls_the_far_order_and_evens_what_filled() -> None:
    t, far = pair(spread="-1")
    t.fill(far, "0.1")
    near = t.placed()
    t.book(60010, market=NEAR)
    assert t.cancelled() == far.client_id
    even(t, near)
    t.news(far, State.CANCELLED, cum="0.1", version=9)
    t.nothing_sent()


def test_the_ratio_is_exact_over_many_small_fills() -> None:
    t, far = pair(ratio="0.333")
    for _ in range(9):
        t.fill(far, "0.1")
        for place in t.take(Place):
            even(t, place.order)
    for place in t.take(Place):
        even(t, place.order)
    assert t.slot("p", "near").tally.net == D("0.299")


def test_a_residue_that_is_dust_is_named_at_the_end() -> None:
    t, far = pair(ratio="0.3335")
    t.fill(far, "1")
    even(t, t.placed())
    assert t.bot("p").phase == "stopped"
    assert f"left open: -1 {PERP}, 0.333 {NEAR}" in t.bot("p").why
    assert t.held("p", "near") == "0.0005 is less than the smallest order"


def test_it_ends_with_the_spread_it_got() -> None:
    t, far = pair()
    t.fill(far, "1", price=60010)
    near = t.placed()
    t.fill(near, "1", price=60000, account=OTHER)
    assert "far leg 1 done at a spread of 10 before fees" in t.bot("p").why


def test_an_end_of_the_far_leg_worth_less_than_the_smallest_order_ends_it() -> None:
    cheap = perp(tick=D("0.0001"), qty_step=D(1), min_qty=D(1), min_notional=D(5))
    t = pair_trial(instruments=(cheap,), bid="0.1")
    t.add("p", "pair", far=PERP, near=NEAR, side="sell", qty="1000")
    far = t.opened(t.placed())
    t.fill(far, "990")
    even(t, t.placed())
    t.news(far, State.CANCELLED, cum="990", version=9)
    t.book("0.1001")
    t.wait(1)
    assert t.bot("p").phase == "stopped"


def test_a_stop_withdraws_the_far_leg_and_waits_until_it_is_even() -> None:
    t, far = pair()
    t.fill(far, "0.2")
    near = t.placed()
    t.command("bot.stop", name="p")
    assert t.cancelled() == far.client_id
    t.news(far, State.CANCELLED, cum="0.2", version=9)
    assert t.bot("p").phase == "stopping"
    even(t, near)
    assert t.bot("p").phase == "stopped"


def test_a_pause_takes_no_new_risk_and_goes_on_balancing() -> None:
    t, far = pair()
    t.command("bot.pause", name="p")
    assert t.cancelled() == far.client_id
    t.fill(far, "0.2")
    assert t.placed().qty == D("0.2")
    assert t.bot("p").phase == "paused"


def test_without_a_near_book_the_far_leg_is_not_worked() -> None:
    t, far = pair()
    t.lose_book(NEAR)
    assert t.cancelled() == far.client_id


def test_while_the_near_leg_is_refused_no_more_of_the_far_leg_is_opened() -> None:
    """A near venue that refuses again and again must not find the far leg growing meanwhile."""
    t, far = pair()
    t.fill(far, "0.1")
    near = t.placed()
    t.answer(near, Answer.REJECTED, reason="no margin")
    t.wait(1, keep_books=True)
    near = t.placed()
    t.answer(near, Answer.REJECTED, reason="no margin")
    assert t.cancelled() == far.client_id
    t.news(far, State.CANCELLED, cum="0.1", version=9)
    t.wait(2, keep_books=True)
    near = t.placed()
    assert near.qty == D("0.1")
    even(t, near)
    assert t.placed().side == "sell"  # evened out: the far leg is worked again


def test_fills_while_the_near_venue_was_away_are_evened_when_it_is_back() -> None:
    t, far = pair()
    t.cut(OTHER)
    t.fill(far, "0.2")
    t.news(far, State.CANCELLED, cum="0.2", version=9)
    t.nothing_sent()
    t.wait(600)
    t.connect(OTHER)
    near = t.placed()
    assert (near.side, near.qty) == ("buy", D("0.2"))


def test_a_crash_between_the_legs_is_the_same_case() -> None:
    t, far = pair()
    t.fill(far, "0.2")
    near = t.placed()
    t.restart()
    t.wait(9, keep_books=True)
    t.not_found(near, account=OTHER)
    again = [p.order for p in t.take(Place) if p.account == OTHER]
    assert [(p.side, p.qty) for p in again] == [("buy", D("0.2"))]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"qty": "0"}, "must be above zero"),
        ({"ratio": "0"}, "must be above zero"),
        ({"slip": "1"}, "`slip` is a fraction"),
        ({"near": PERP}, "two different markets"),
        ({"work": "hard"}, "work"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(config: dict[str, Any], says: str) -> None:
    taken = pair_trial().command(
        "bot.add",
        name="p",
        kind="pair",
        config={"far": PERP, "near": NEAR, "side": "sell", "qty": "1", **config},
    )
    assert not taken.ok
    assert says in taken.says


def test_legs_side_and_ratio_of_a_running_pair_are_fixed() -> None:
    t, _ = pair()
    for config in ({"ratio": "2"}, {"side": "buy"}):
        assert not t.command("bot.amend", name="p", config=config).ok
    assert t.command("bot.amend", name="p", config={"qty": "2"}).ok
