"""What a bot sees: its own slots and the markets it watches, frozen."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import NEAR, PERP, Trial, perp, rest, up_to, wanting

from kedge.engine.bot import SlotView
from kedge.engine.view import BotView
from kedge.model.order import State
from kedge.model.venue import Answer


def view(t: Trial, bot: str = "b") -> BotView:
    return BotView(t.e, t.bot(bot), t.e.bots[bot])


def market(t: Trial) -> Any:
    seen = view(t).market(PERP)
    assert seen is not None
    return seen


def test_a_slot_that_never_traded_is_empty() -> None:
    t = Trial()
    t.add("b")
    assert view(t).slot("main") == SlotView()


def test_a_slot_shows_its_own_ledger_and_order() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.fill(place, "0.01", price=59990, fee="0.3")
    t.fill(place, "0.01", price=59980, fee="0.3")
    slot = view(t).slot("main")
    assert (slot.bought, slot.sold, slot.net) == (D("0.02"), D(0), D("0.02"))
    assert (slot.bought_avg, slot.sold_avg) == (D(59985), D(0))
    assert slot.fees == {"USD": D("0.6")}
    assert slot.traded("buy") == D("0.02")
    assert slot.order is not None
    assert (slot.order.client_id, slot.order.filled, slot.order.state) == (
        place.client_id,
        D("0.02"),
        State.OPEN,
    )
    assert not slot.unsettled


def test_doubt_is_shown_as_unsettled() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.placed()
    t.answer(place, Answer.UNKNOWN)
    assert view(t).slot("main").unsettled
    t.found(place, State.CANCELLED, cum="0.01")
    slot = view(t).slot("main")
    assert slot.unsettled
    assert slot.order is None


def test_why_nothing_is_sent_is_shown() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 60000, "0.0001")))
    assert view(t).slot("main").held == "less than the smallest order"


@pytest.mark.parametrize(
    ("upset", "fresh", "is_open"),
    [
        (lambda t: None, True, True),
        (lambda t: t.lose_book(), False, True),
        (lambda t: t.cut(), False, True),
        (lambda t: t.wait(6), False, True),
    ],
)
def test_a_book_that_may_not_be_traded_on_is_not_fresh(upset: Any, fresh: bool, is_open: bool) -> None:
    t = Trial()
    t.add("b")
    upset(t)
    assert (market(t).fresh, market(t).open, market(t).ready) == (fresh, is_open, fresh)


def test_a_market_is_not_ready_with_one_side_missing_or_out_of_trading() -> None:
    t = Trial()
    t.add("b")
    t.levels([(60000, 1)], [])
    assert market(t).fresh
    assert not market(t).ready
    t = Trial(instruments=(perp(status="halted"),))
    t.add("b")
    assert not market(t).ready


def test_touches_and_ages() -> None:
    t = Trial()
    t.add("b")
    t.wait(2)
    t.poke("b")
    seen = market(t)
    assert (seen.bid, seen.ask) == (D(60000), D("60000.5"))
    assert (seen.touch("buy"), seen.near("buy")) == (seen.ask, seen.bid)
    assert (seen.touch("sell"), seen.near("sell")) == (seen.bid, seen.ask)
    assert seen.age_ns == 2_000_000_000


def test_an_instrument_that_is_not_known_yet_is_none() -> None:
    t = Trial(connect=False)
    t.add("b")
    assert view(t).market(PERP) is None


def test_a_view_is_of_its_own_bot_only() -> None:
    t = Trial()
    t.play("a", up_to("buy", 60000, "0.05"))
    t.fill(t.opened(t.placed()), "0.05")
    t.add("b")
    assert view(t, "b").slot("main").bought == 0
    assert view(t, "b").market(NEAR) is None


def test_what_is_seen_cannot_be_changed() -> None:
    t = Trial()
    t.add("b")
    with pytest.raises(AttributeError):
        market(t).fresh = True
    with pytest.raises(AttributeError):
        view(t).slot("main").bought = D(1)  # type: ignore[misc]
