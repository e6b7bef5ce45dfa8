"""Wants against what is: the fewest requests, cut to the venue's steps, never more than was wanted."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import PERP, Trial, perp, rest, target, up_to, wanting

from kedge.engine.effects import Amend, Cancel, Place
from kedge.engine.look import say_want
from kedge.model.order import State
from kedge.model.venue import Answer


def test_a_want_that_stands_already_sends_nothing() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 60000, "0.05")))
    t.opened(t.placed())
    for _ in range(10):
        t.poke("b")
    assert not [x for x in t.effects if isinstance(x, (Place, Amend, Cancel))]


@pytest.mark.parametrize(
    ("side", "price", "on_tick"),
    [("buy", "60000.4", "60000.0"), ("sell", "60000.4", "60000.5"), ("buy", "60000.5", "60000.5")],
)
def test_a_price_goes_to_the_tick_that_is_no_worse(side: Any, price: str, on_tick: str) -> None:
    t = Trial()
    t.play("b", wanting(rest(side, price, "0.05")))
    assert t.placed().price == D(on_tick)


def test_a_quantity_is_cut_never_raised() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 60000, "0.0509")))
    assert t.placed().qty == D("0.050")


def test_what_passes_the_largest_order_is_cut_to_a_step_of_it_and_goes_on() -> None:
    t = Trial(instruments=(perp(max_qty=D("0.0205")),))
    t.play("b", up_to("buy", 60000, "0.05"))
    done = D(0)
    for _ in range(3):
        place = t.opened(t.placed())
        assert place.qty == min(D("0.020"), D("0.05") - done)
        t.fill(place, place.qty)
        done += place.qty
    t.nothing_sent()


def test_a_want_below_the_venues_least_money_is_nothing() -> None:
    t = Trial(instruments=(perp(min_notional=D(100)),))
    t.play("b", wanting(rest("buy", 60000, "0.001")))
    t.nothing_sent()
    t.play("b", wanting(rest("buy", 60000, "0.002")))
    t.placed()


# ── targets ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("net", "how", "price", "tif"),
    [
        ("0.05", "cross", "60060.5", "ioc"),
        ("-0.05", "cross", "59940.0", "ioc"),
        ("0.05", "touch", "60000", "gtc"),
        ("-0.05", "touch", "60000.5", "gtc"),
    ],
)
def test_a_target_is_priced_by_the_book(net: str, how: Any, price: str, tif: str) -> None:
    t = Trial()
    t.play("b", wanting(target(net, how=how, slip=D("0.001"))))
    place = t.placed()
    assert (place.price, place.tif, place.qty) == (D(price), tif, D("0.05"))


@pytest.mark.parametrize(("net", "limit"), [("0.05", "60010"), ("-0.05", "59990")])
def test_a_targets_limit_bounds_it(net: str, limit: str) -> None:
    t = Trial()
    t.play("b", wanting(target(net, limit_price=D(limit))))
    assert t.placed().price == D(limit)


def test_a_target_counts_what_the_slot_has_traded_in_all() -> None:
    t = Trial()
    t.play("b", wanting(target("0.05")))
    t.fill(t.placed(), "0.05", price=60000)
    t.play("b", wanting(target("-0.02")))
    place = t.placed()
    assert (place.side, place.qty) == ("sell", D("0.07"))


def test_a_target_at_the_touch_follows_it() -> None:
    t = Trial()
    t.play("b", wanting(target("0.05", how="touch")))
    place = t.opened(t.placed())
    t.book(60010)
    assert [a.price for a in t.take(Amend)] == [D(60010)]
    t.answer(place, Answer.DONE, request="amend")


def test_a_target_that_was_reached_while_its_order_stood_withdraws_it() -> None:
    t = Trial()
    t.play("b", wanting(target("0.05", how="touch")))
    place = t.opened(t.placed())
    t.play("b", wanting(target("0", how="touch")))
    assert t.cancelled() == place.client_id


def test_an_immediate_order_is_waited_for_even_if_it_seems_to_rest() -> None:
    t = Trial()
    t.play("b", wanting(target("0.05")))
    place = t.opened(t.placed())
    t.fill(place, "0.02")
    t.book(60001)
    t.nothing_sent()
    assert t.held("b") == "waiting for its end: it does not rest"
    t.wait(3)
    assert place.client_id in t.lookups()
    t.found(place, State.EXPIRED, cum="0.02")
    t.book(60002)
    assert t.placed().qty == D("0.03")


def test_without_a_book_a_target_waits_and_says_so() -> None:
    t = Trial()
    t.lose_book()
    t.play("b", wanting(target("0.05")))
    t.nothing_sent()
    assert t.held("b") == f"{PERP}: no fresh book"


# ── kinds of orders ─────────────────────────────────────────────────────────────────────────────


def test_a_market_order_carries_no_price() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 0, "0.05", kind="market")))
    place = t.placed()
    assert (place.kind, place.price, place.qty) == ("market", D(0), D("0.05"))
    t.opened(place)
    t.poke("b")
    t.nothing_sent()


def test_a_stop_keeps_its_trigger_on_the_tick() -> None:
    t = Trial()
    t.play("b", wanting(rest("sell", 0, "0.05", kind="stop", trigger_price=D("59000.3"))))
    place = t.placed()
    assert (place.kind, place.trigger_price) == ("stop", D("59000.5"))
    t.opened(place)
    t.play("b", wanting(rest("sell", 0, "0.05", kind="stop", trigger_price=D("59500"))))
    assert t.cancelled() == place.client_id


def test_a_slot_stays_on_its_market() -> None:
    other = perp("ETH-PERP")
    t = Trial(instruments=(perp(), other))
    both = (PERP, "paper/main:ETH-PERP")
    t.play("b", up_to("buy", 60000, "0.05"), markets=both)
    t.fill(t.opened(t.placed()), "0.05")
    t.play("b", wanting(rest("buy", 60000, "0.05", market=both[1])))
    t.nothing_sent()
    assert "has traded paper/main:BTC-PERP; use another slot" in t.held("b")


def test_two_slots_of_a_bot_are_apart() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 59990, "0.01", slot="one"), rest("buy", 59980, "0.01", slot="two")))
    one, two = [p.order for p in t.take(Place)]
    t.answer(one, Answer.UNKNOWN)
    t.opened(two)
    t.play("b", wanting(rest("buy", 59990, "0.01", slot="one"), rest("buy", 59985, "0.01", slot="two")))
    assert [a.client_id for a in t.take(Amend)] == [two.client_id]


@pytest.mark.parametrize(
    ("want", "says"),
    [
        (None, "nothing"),
        (rest("sell", "60012.30", "0.05", tif="post_only"), "sell 0.05 at 60012.3 (post only)"),
        (rest("buy", 0, "1", kind="market"), "buy 1"),
        (rest("buy", 5, "1", reduce_only=True), "buy 1 at 5 (reduce only)"),
        (target("-0.05"), "net -0.05 at once"),
        (target("0.05", how="touch"), "net 0.05 at the touch"),
    ],
)
def test_a_want_reads_as_a_sentence(want: Any, says: str) -> None:
    assert say_want(want) == says
