"""The peg bot through a real engine: it joins, follows, never chases itself, and tells how it goes."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import PERP, SECOND, START, Trial, perp

from kedge.engine.effects import Amend, Cancel
from kedge.model.instrument import Session
from kedge.model.order import State
from kedge.model.venue import Answer, PlaceOrder

HOUR = 3600 * SECOND


def peg(**config: Any) -> tuple[Trial, PlaceOrder]:
    t = Trial(instruments=config.pop("instruments", ()))
    amount = {} if "money" in config else {"qty": "1"}
    t.add("p", "peg", **{"market": PERP, "side": "sell", **amount, **config})
    return t, t.opened(t.placed())


def follow(t: Trial, place: PlaceOrder) -> D:
    """The one amended price; the venue carries it out."""
    amends = t.take(Amend)
    assert len(amends) == 1, amends
    t.answer(place, Answer.DONE, request="amend")
    return amends[0].price


def test_it_joins_the_best_of_its_own_side() -> None:
    _, sell = peg()
    assert (sell.price, sell.tif) == (D("60000.5"), "post_only")
    _, buy = peg(side="buy", post_only=False)
    assert (buy.price, buy.tif) == (D(60000), "gtc")


def test_it_follows_up_and_down() -> None:
    t, place = peg()
    t.wait(1)
    t.levels([(60004, 5)], [(60005, 5)])
    assert follow(t, place) == D(60005)
    t.wait(1)
    t.levels([(59994, 5)], [(59995, 5), (60005, 1)])
    assert follow(t, place) == D(59995)


def test_it_does_not_follow_itself() -> None:
    """Only our own order holds the best price: it steps back to join the next."""
    t, place = peg()
    t.wait(1)
    t.levels([(60000, 5)], [("60000.5", 1), (60003, 5)])
    assert follow(t, place) == D(60003)
    t.levels([(60000, 5)], [(60003, 6), (60004, 5)])
    t.wait(1)
    assert not t.take(Amend), "others are there too"


def test_alone_in_the_book_it_stays_where_it_is() -> None:
    t, _ = peg()
    t.wait(1)
    t.levels([(60000, 5)], [("60000.5", 1)])
    assert not t.take(Amend)
    assert not t.take(Cancel)


def test_part_of_it_filled_it_still_knows_itself() -> None:
    t, place = peg()
    t.fill(place, "0.4")
    t.wait(1)
    t.levels([(60000, 5)], [("60000.5", "0.6"), (60003, 5)])
    assert follow(t, place) == D(60003)


@pytest.mark.parametrize(("side", "limit", "moved"), [("sell", "60010", "60010"), ("buy", "59990", "59990")])
def test_the_limit_is_never_passed(side: str, limit: str, moved: str) -> None:
    _, place = peg(side=side, limit=limit)
    assert place.price == D(moved)


def test_an_empty_side_means_no_order() -> None:
    t, place = peg()
    t.levels([(60000, 5)], [])
    assert t.cancelled() == place.client_id


def test_money_is_turned_into_an_amount_once() -> None:
    t, place = peg(money="6000", side="buy")
    assert place.qty == D("0.1")
    t.wait(1)
    t.levels([(30000, 5)], [(30001, 5)])
    assert follow(t, place) == D(30000)
    assert t.state("p").qty == D("0.1"), "the amount stays when the price halves"
    taken = t.command("bot.amend", name="p", config={"money": "12000"})
    assert not taken.ok
    assert "amend `qty`" in taken.says
    assert t.command("bot.amend", name="p", config={"money": "0", "qty": "0.2"}).ok


def test_money_that_buys_less_than_the_smallest_order_is_told() -> None:
    t = Trial()
    t.add("p", "peg", market=PERP, side="buy", money="10")
    t.nothing_sent()
    assert t.bot("p").phase == "stopped"
    assert t.bot("p").why == "10 is less than the smallest order: nothing to do"


def test_an_amount_below_the_smallest_order_is_told() -> None:
    t = Trial()
    t.add("p", "peg", market=PERP, side="buy", qty="0.0005")
    t.nothing_sent()
    assert t.bot("p").why == "0.0005 is less than the smallest order (0.001): nothing to do"


def test_it_reports_and_ends_with_the_average() -> None:
    t, place = peg(report_every="0.5")
    t.fill(place, "0.2", price=60000)
    assert t.notes("p") == []
    t.fill(place, "0.4", price=60003)
    assert t.notes("p") == ["sold 0.6 of 1 at 60002 on average"]
    t.fill(place, "0.4", price=60003)
    assert t.bot("p").phase == "stopped"
    assert t.bot("p").why == f"sold 1 of 1 at 60002.4 on average; left open: -1 {PERP}"


def test_dust_at_the_end_is_named() -> None:
    t, place = peg(qty="1.0004", side="buy")
    assert place.qty == D("1.000")
    t.fill(place, "1")
    assert "0.0004 is too little for an order" in t.bot("p").why


def test_out_of_session_and_near_its_edges_it_holds() -> None:
    day = perp(sessions=(Session(START + HOUR, START + 2 * HOUR),))
    t = Trial(instruments=(day,))
    t.add("p", "peg", market=PERP, side="sell", qty="1", edge_s=15)
    t.wait(3610, keep_books=True)
    t.nothing_sent()
    t.wait(6, keep_books=True)
    place = t.opened(t.placed())
    t.wait(3600 - 17 - 15, keep_books=True)
    assert not t.take(Cancel)
    t.wait(3, keep_books=True)
    assert t.cancelled() == place.client_id
    t.news(place, State.CANCELLED, version=9)
    t.wait(60, keep_books=True)
    t.nothing_sent()


def test_a_restart_counts_what_was_filled() -> None:
    t, place = peg()
    t.fill(place, "0.3")
    t.restart()
    assert t.cancelled() == place.client_id
    t.news(place, State.CANCELLED, cum="0.3", version=9)
    t.book(60010)
    assert t.placed().qty == D("0.7")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"qty": "0"}, "give either `qty` or `money`"),
        ({"money": "5"}, "give either `qty` or `money`"),
        ({"limit": "-1"}, "must not be negative"),
        ({"report_every": "0"}, "between 0 and 1"),
        ({"edge_s": -1}, "edge_s"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(config: dict[str, Any], says: str) -> None:
    taken = Trial().command(
        "bot.add", name="p", kind="peg", config={"market": PERP, "side": "buy", "qty": "1", **config}
    )
    assert not taken.ok
    assert says in taken.says


def test_market_and_side_of_a_running_peg_are_fixed() -> None:
    t, _ = peg()
    assert not t.command("bot.amend", name="p", config={"side": "buy"}).ok


def test_amount_and_limit_are_amended_while_it_runs() -> None:
    t, place = peg()
    t.fill(place, "0.4")
    assert t.command("bot.amend", name="p", config={"qty": "0.6"}).ok
    assert t.cancelled() == place.client_id
    t.news(place, State.CANCELLED, cum="0.4", version=9)
    again = t.opened(t.placed())
    assert again.qty == D("0.2")
    t.wait(1)
    t.levels([(60000, 5)], [("60000.5", 5)])
    assert t.command("bot.amend", name="p", config={"limit": "60010"}).ok
    assert follow(t, again) == D(60010)


def test_several_work_side_by_side_each_with_its_own_count() -> None:
    t, first = peg()
    t.add("q", "peg", market=PERP, side="sell", qty="2")
    second = t.opened(t.placed())
    t.fill(first, "0.3", price=60001)
    t.fill(second, "1", price=60003)
    assert t.notes("p")[-1] == "sold 0.3 of 1 at 60001 on average"
    assert t.notes("q")[-1] == "sold 1 of 2 at 60003 on average"
    t.command("bot.stop", name="q")
    t.news(second, State.CANCELLED, cum=1, version=9)
    assert t.bot("q").why == f"sold 1 of 2 at 60003 on average; left open: -1 {PERP}"
    assert t.bot("p").phase == "running"


def test_a_stop_before_anything_filled_says_so() -> None:
    t, place = peg()
    t.command("bot.stop", name="p")
    t.news(place, State.CANCELLED, version=9)
    assert t.bot("p").why == "nothing of 1 was done"
