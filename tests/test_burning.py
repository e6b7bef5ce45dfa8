"""Doubt where nothing is bounded: a key works once, so it is used up, and only then is an order given up."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from builders import MAIN, RULES, SECOND, Trial, up_to
from msgspec.structs import replace

from kedge.engine.effects import Lookup, Place
from kedge.model.events import FillNews, LookedUp, OrderNews
from kedge.model.order import State
from kedge.model.records import Filled
from kedge.model.venue import Answer, Ask, PlaceOrder

KEYED = replace(RULES, bounded=False, burns=True)


def lost(rules=KEYED) -> tuple[Trial, PlaceOrder]:  # type: ignore[no-untyped-def]
    """An order was sent, and no answer came."""
    t = Trial(rules=rules)
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.placed()
    t.answer(place, Answer.UNKNOWN, "no answer")
    return t, place


def asked(t: Trial) -> list[Ask]:
    return [lookup.ask for lookup in t.take(Lookup)]


def search(t: Trial, place: PlaceOrder, seconds: int = 60) -> list[Ask]:
    """Answer every question with "not found" until one burns."""
    found: list[Ask] = []
    for _ in range(seconds):
        for ask in asked(t):
            found.append(ask)
            if ask.burn:
                return found
            t.not_found(place)
        t.wait(1, keep_books=True)
    return found


def test_a_question_carries_all_that_the_journal_knows() -> None:
    t, place = lost()
    t.wait(1, keep_books=True)
    first = asked(t)[0]
    assert first.placed == place
    assert (first.client_id, first.symbol, first.venue_id) == (place.client_id, place.symbol, "")
    assert first.asked_first_ns == t.order(place).intent_ns
    t.restart()
    t.wait(40, keep_books=True)
    assert asked(t)[0].placed == place, "a life that has just begun knows as much"


def test_not_found_is_never_believed_until_the_key_is_burnt() -> None:
    t, place = lost()
    asks = search(t, place)
    assert asks[-1].burn
    assert not any(ask.burn for ask in asks[:-1])
    last_moment = place.valid_until_ns + KEYED.skew_ns + KEYED.visibility_ns
    assert t.now_ns > last_moment, "the way in is open until then, and there is no hurry"
    assert t.order(place).state is State.UNKNOWN
    t.nothing_sent()
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, burnt=True))
    assert t.order(place).state is State.LOST
    assert t.order(place).reason == "its key was used up before it could take effect"
    again = t.placed()
    assert again.client_id != place.client_id
    t.check()


def test_a_burn_that_shows_nothing_is_tried_again() -> None:
    t, place = lost()
    search(t, place)
    for said in (LookedUp(MAIN, place.client_id, 0, error="closed now"), None):
        t.hear(said) if said else t.not_found(place)
        assert t.order(place).state is State.UNKNOWN
        t.wait(31, keep_books=True)
        asks = asked(t)
        assert asks
        assert all(ask.burn for ask in asks)
    t.nothing_sent()


def test_a_burn_that_finds_the_order_has_burnt_nothing() -> None:
    t, place = lost()
    search(t, place)
    t.found(place, State.OPEN)
    assert t.order(place).state is State.OPEN
    t.wait(60, keep_books=True)
    assert not any(ask.burn for ask in asked(t))


def test_a_key_that_an_earlier_life_has_burnt_is_burnt() -> None:
    """The answer to the burn was lost with the life that asked; the next one just looks."""
    t, place = lost()
    search(t, place)
    t.restart()
    t.wait(35, keep_books=True)
    assert not asked(t)[0].burn
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, burnt=True))
    assert t.order(place).state is State.LOST


def test_what_has_been_seen_is_not_lost_by_a_burnt_key() -> None:
    t = Trial(rules=KEYED)
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, burnt=True))
    assert t.order(place).state is State.OPEN


def test_a_fill_after_all_that_is_booked_and_said_aloud() -> None:
    t, place = lost()
    search(t, place)
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, burnt=True))
    t.hear(FillNews(MAIN, t.a_fill(place, "0.05")))
    assert t.order(place).state is State.FILLED
    assert any("concluded absent" in alarm for alarm in t.alarms())


@pytest.mark.parametrize("rules", [RULES, replace(RULES, bounded=False)], ids=["bounded", "unbounded"])
def test_where_keys_cannot_be_burnt_nobody_asks_for_it(rules) -> None:  # type: ignore[no-untyped-def]
    t, place = lost(rules)
    assert not any(ask.burn for ask in search(t, place, 120))
    state = State.LOST if rules.bounded else State.UNKNOWN
    assert t.order(place).state is state


def test_two_that_look_the_same_are_told_apart_by_the_venues_number() -> None:
    """Where orders are found by their looks, what is known to be another's is not this one."""
    t, place = lost()
    report = t.seen(place)
    other = replace(report, venue_id="v-other")
    t.play("c", up_to("buy", 60000, "0.05"))
    mine = t.take(Place)[-1].order
    t.answer(mine, Answer.DONE, order=replace(other, client_id=mine.client_id))
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, other))
    assert t.order(place).state is State.UNKNOWN
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, report))
    assert t.order(place).state is State.OPEN
    assert t.now_ns < place.valid_until_ns + 30 * SECOND


def test_what_burnt_a_key_is_not_the_order_whoever_shows_it() -> None:
    """It stands under the order's own key, with another quantity than was meant."""
    rules = replace(KEYED, amend="none")
    t, place = lost(rules)
    search(t, place)
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, burnt=True))
    burnt = replace(t.seen(place), qty=place.qty * 2, state=State.EXPIRED)
    t.hear(OrderNews(MAIN, burnt))
    assert t.order(place).state is State.LOST
    assert not t.alarms()


def test_a_trade_without_a_name_waits_while_a_stop_order_of_ours_has_none() -> None:
    """The venue names in its own way what a stop order became; whose it was is known after the doubt."""
    t = Trial(rules=replace(KEYED, amend="none"))
    t.play("b", up_to("buy", 60600, "0.05", kind="stop_limit", trigger_price=D("60500")))
    place = t.placed()
    t.answer(place, Answer.UNKNOWN, "no answer")
    fill = replace(t.a_fill(place, "0.05"), client_id="", venue_id="stop:1")
    t.hear(FillNews(MAIN, fill))
    assert t.records(Filled) == []
    t.found(place, State.OPEN)
    t.hear(FillNews(MAIN, replace(fill, venue_id=t.order(place).venue_id)))
    assert [one.bot for one in t.records(Filled)] == ["b"]
