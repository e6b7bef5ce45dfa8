"""The hedge bot through a real engine: prices, pace, bounds, deadlines, and closing by what filled."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, PERP, Trial, perp
from msgspec.structs import replace

from kedge.engine.effects import Amend, Cancel, Place
from kedge.model import records as r
from kedge.model.numbers import text
from kedge.model.order import State
from kedge.model.venue import Answer, PlaceOrder


def hedge(**config: Any) -> tuple[Trial, PlaceOrder]:
    """A hedge that has just sent its opening order; the book is 60000 / 60000.5."""
    instruments = config.pop("instruments", ())
    t = Trial(instruments=instruments, bid=config.pop("bid", 60000))
    t.add("h", "hedge", **{"market": PERP, "qty": "0.05", **config})
    return t, t.placed()


def filled(t: Trial, qty: Any = "0.05", price: Any = 60000) -> None:
    """Open it wholly."""
    place = t.asked[t.slot("h", "open").orders[0]]
    t.opened(place)
    t.fill(place, qty, price=price)


def closing(**config: Any) -> tuple[Trial, PlaceOrder]:
    t, _ = hedge(**config)
    filled(t)
    assert t.tell("h", "close").ok
    return t, t.placed()


# ── prices ──────────────────────────────────────────────────────────────────────────────────────


def test_a_short_is_priced_through_the_bid_and_a_long_through_the_ask() -> None:
    _, short = hedge(through="1")
    assert (short.side, short.price, short.tif) == ("sell", D(59999), "gtc")
    _, long = hedge(side="buy", through="1")
    assert (long.side, long.price) == ("buy", D("60001.5"))


def test_the_price_is_on_the_tick_and_never_worse_than_asked() -> None:
    _, short = hedge(through="0.7")
    assert short.price == D("59999.5")
    _, long = hedge(side="buy", through="0.7")
    assert long.price == D("60001.0")


@pytest.mark.parametrize(("side", "worst"), [("sell", D(59400)), ("buy", D("60600.5"))])
def test_slippage_bounds_the_price_on_both_sides(side: str, worst: D) -> None:
    _, place = hedge(side=side, through="5000", slippage="0.01")
    assert place.price == worst


def test_it_follows_the_market_at_its_pace() -> None:
    t, place = hedge(reprice_s="2", through="1")
    t.opened(place)
    t.wait("0.5")
    t.book(59990)
    assert not t.take(Amend), "the pace is two seconds"
    t.wait("1.5")
    assert [a.price for a in t.take(Amend)] == [D(59989)]
    t.answer(place, Answer.DONE, request="amend")
    t.book(59980)
    assert not t.take(Amend)
    t.wait(2)
    assert [a.price for a in t.take(Amend)] == [D(59979)]


def test_it_stops_following_at_the_slippage_from_where_it_began() -> None:
    t, place = hedge(slippage="0.001", reprice_s="0")
    t.opened(place)
    t.book(59000)
    assert [a.price for a in t.take(Amend)] == [D("59940.0")]


def test_the_bound_of_the_beginning_survives_a_restart() -> None:
    t, place = hedge(slippage="0.001", reprice_s="0")
    t.opened(place)
    t.restart(connect=False)
    t.connect(bid=59000)
    assert t.cancelled() == place.client_id, "there was no book yet: stale is closed"
    t.news(place, State.CANCELLED, version=9)
    t.book(58999)
    assert t.placed().price == D("59940.0")


# ── partial fills, dust, closing ────────────────────────────────────────────────────────────────


def test_it_closes_what_was_filled_and_not_what_was_asked() -> None:
    t, place = hedge()
    t.opened(place)
    t.fill(place, "0.02")
    t.tell("h", "close")
    assert t.cancelled() == place.client_id
    t.nothing_sent()  # it would meet its own opening order, which is being cancelled
    t.news(place, State.CANCELLED, cum="0.02", version=9)
    close = t.placed()
    assert (close.side, close.qty, close.reduce_only) == ("buy", D("0.02"), True)


def test_a_fill_while_closing_is_closed_too() -> None:
    t, place = hedge()
    t.opened(place)
    t.fill(place, "0.02")
    t.tell("h", "close")
    t.news(place, State.CANCELLED, cum="0.02", version=9)
    close = t.opened(t.placed())
    t.take(Cancel)
    t.fill(place, "0.01")  # the venue's last word on it was not the last
    assert t.cancelled() == close.client_id
    t.fill(close, "0.02", price=60001)
    more = t.placed()
    assert more.qty == D("0.01")
    t.opened(more)
    t.fill(more, "0.01", price=60001)
    assert t.bot("h").phase == "stopped"
    assert t.e.desk.net(PERP) == 0


def test_a_fill_after_it_was_closed_is_closed_again() -> None:
    t, close = closing()
    t.opened(close)
    opening = next(p for p in t.asked.values() if p.side == "sell")
    t.fill(close, "0.05", price=59990)
    assert t.bot("h").phase == "stopped"
    t.fill(opening, "0.01")
    assert t.bot("h").phase == "stopping"
    assert t.placed().qty == D("0.01")


def test_closing_before_anything_filled_ends_with_nothing() -> None:
    t, place = hedge()
    t.opened(place)
    t.tell("h", "close")
    assert t.cancelled() == place.client_id
    t.news(place, State.CANCELLED, version=9)
    assert t.bot("h").phase == "stopped"
    assert t.bot("h").why == "nothing was opened"


def test_a_fill_in_the_race_with_that_close_is_closed() -> None:
    t, place = hedge()
    t.opened(place)
    t.tell("h", "close")
    t.take(Cancel)
    t.fill(place, "0.05")
    assert t.placed().qty == D("0.05")


def test_asking_twice_to_close_is_asking_once() -> None:
    t, close = closing()
    t.opened(close)
    t.tell("h", "close")
    t.nothing_sent()
    assert "close: it is closing already" in t.notes("h")
    t.fill(close, "0.05", price=59990)
    assert t.e.desk.net(PERP) == 0
    t.tell("h", "close")
    t.nothing_sent()
    assert t.bot("h").phase == "stopped"


def test_an_amount_that_rounds_to_zero_is_told_and_ends() -> None:
    t = Trial()
    t.add("h", "hedge", market=PERP, qty="0.0004")
    t.nothing_sent()
    assert t.bot("h").phase == "stopped"
    assert "0.0004 is less than the smallest order: nothing opened" in t.notes("h")


def test_what_is_worth_less_than_the_smallest_order_does_not_keep_it_closing_for_ever() -> None:
    """The quantity is a whole step, but its money is below the venue's least."""
    cheap = perp(tick=D("0.0001"), qty_step=D(1), min_qty=D(1), min_notional=D(5))
    t = Trial(instruments=(cheap,), bid="0.1")
    t.add("h", "hedge", market=PERP, qty="1000", through="0.0001")
    place = t.opened(t.placed())
    t.fill(place, "1000")
    t.tell("h", "close")
    close = t.opened(t.placed())
    t.fill(close, "990")
    t.news(close, State.CANCELLED, cum="990", version=9)
    t.book("0.1")
    t.wait(2)
    assert t.bot("h").phase == "stopped"
    assert "10 is too little to close" in t.bot("h").why
    assert "left open: -10" in t.bot("h").why


def test_the_end_tells_the_result() -> None:
    t, close = closing()
    t.opened(close)
    t.fill(close, "0.05", price=59950)
    assert t.bot("h").why == "closed 0.05: in 60000.00, out 59950.00, +50.00 a unit before fees"


def test_a_long_is_the_mirror_of_a_short() -> None:
    t, place = hedge(side="buy")
    t.opened(place)
    t.fill(place, "0.05", price=60001)
    t.tell("h", "close")
    close = t.placed()
    assert (close.side, close.qty, close.reduce_only) == ("sell", D("0.05"), True)
    t.opened(close)
    t.fill(close, "0.05", price=60051)
    assert t.bot("h").why == "closed 0.05: in 60001.00, out 60051.00, +50.00 a unit before fees"


def test_an_inverse_contract_is_hedged_in_contracts() -> None:
    inverse = perp(kind="inverse", settle="BTC", qty_step=D(1), min_qty=D(1), min_notional=D(0))
    t, place = hedge(instruments=(inverse,), qty="1000")
    assert place.qty == D(1000)
    t.opened(place)
    t.fill(place, 400, price=60000)
    t.fill(place, 600, price=50000)
    t.tell("h", "close")
    close = t.opened(t.placed())
    t.fill(close, 1000, price=60000)
    slot = t.slot("h", "open")
    instrument = t.e.desk.instrument(PERP)
    assert instrument is not None
    assert text(slot.tally.sold_average(instrument).quantize(D("0.01"))) == "53571.43"
    assert t.bot("h").phase == "stopped"
    assert "in 53571.43, out 60000.00" in t.bot("h").why


# ── deadlines ───────────────────────────────────────────────────────────────────────────────────


def test_at_the_deadline_it_may_go_on_chasing() -> None:
    t, place = hedge(deadline_s=10, then="chase")
    t.opened(place)
    t.wait(11, keep_books=True)
    assert "deadline: 0.05 still to open; chasing on" in t.notes("h")
    assert not t.take(Cancel)
    assert t.order(place).live


def test_at_the_deadline_it_may_cross_within_the_slippage_of_the_market_of_now() -> None:
    t, place = hedge(deadline_s=10, then="cross", slippage="0.001", through="500", reprice_s="1")
    t.opened(place)
    t.book(59000)
    t.wait(11, keep_books=True)
    assert t.cancelled() == place.client_id
    t.take(Amend)
    t.news(place, State.CANCELLED, version=9)
    cross = t.placed()
    assert (cross.tif, cross.price) == ("ioc", D("58941.0"))


def test_at_the_deadline_it_may_cancel_the_rest_and_keep_what_filled() -> None:
    t, place = hedge(deadline_s=10, then="cancel")
    t.opened(place)
    t.fill(place, "0.02")
    t.wait(11, keep_books=True)
    assert t.cancelled() == place.client_id
    t.news(place, State.CANCELLED, cum="0.02", version=9)
    assert t.state("h").stage == "open"
    t.book(60001)
    t.nothing_sent()
    t.tell("h", "close")
    assert t.placed().qty == D("0.02")


def test_a_deadline_that_passes_with_nothing_filled_ends_it() -> None:
    t, place = hedge(deadline_s=10, then="cancel")
    t.opened(place)
    t.wait(11, keep_books=True)
    t.take(Cancel)
    t.news(place, State.CANCELLED, version=9)
    t.book(60001)
    assert (t.bot("h").phase, t.bot("h").why) == ("stopped", "nothing was opened")


def test_the_deadline_holds_over_a_restart() -> None:
    t, place = hedge(deadline_s=10, then="cancel")
    t.opened(place)
    t.fill(place, "0.02")
    t.restart(gone_s=60)
    t.found(place, State.OPEN, cum="0.02")
    t.book(60001)
    assert t.cancelled() == place.client_id


def test_a_close_that_was_given_up_can_be_asked_for_again() -> None:
    t, close = closing(deadline_s=10, then="cancel")
    t.opened(close)
    t.fill(close, "0.02", price=60000)
    t.wait(11, keep_books=True)
    assert t.cancelled() == close.client_id
    t.news(close, State.CANCELLED, cum="0.02", version=9)
    assert t.state("h").stage == "open"
    t.tell("h", "close")
    assert t.placed().qty == D("0.03")


# ── stopping, stale books, doubt ────────────────────────────────────────────────────────────────


def test_a_stop_while_closing_waits_for_a_book_to_come_back() -> None:
    t, close = closing()
    t.opened(close)
    t.lose_book()
    t.take(Cancel)
    t.command("bot.stop", name="h")
    t.news(close, State.CANCELLED, version=9)
    assert t.bot("h").phase == "stopping", "0.05 is open and was told to be closed"
    assert "0.05 still to balance" in t.e.bots["h"].waits_for
    t.nothing_sent()
    t.book()
    t.wait("0.6")
    again = t.placed()
    assert again.qty == D("0.05")
    t.opened(again)
    t.fill(again, "0.05", price=60000)
    assert t.bot("h").phase == "stopped"
    assert "left open" not in t.bot("h").why


def test_a_stop_while_open_leaves_the_position_and_names_it() -> None:
    t, _ = hedge()
    filled(t)
    t.command("bot.stop", name="h")
    assert t.bot("h").why == f"left open: -0.05 {PERP}"


def test_an_unknown_close_is_never_sent_twice() -> None:
    t, close = closing()
    t.answer(close, Answer.UNKNOWN)
    t.tell("h", "close")
    t.wait(20, keep_books=True)
    assert not t.take(Place)


def test_a_close_counts_against_no_other_bots_position() -> None:
    """Two hedges, one account: each closes its own."""
    t, _ = hedge()
    filled(t)
    t.add("g", "hedge", market=PERP, qty="0.03")
    other = t.opened(t.placed())
    t.fill(other, "0.03", price=60000)
    t.tell("g", "close")
    close = t.opened(t.placed())
    assert close.qty == D("0.03")
    t.fill(close, "0.03", price=60000)
    t.tell("g", "close")
    t.book(60010)
    t.nothing_sent()
    assert t.e.desk.net(PERP) == D("-0.05")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"qty": "0"}, "`qty` must be above zero"),
        ({"qty": "-1"}, "`qty` must be above zero"),
        ({"through": "-1"}, "must not be negative"),
        ({"slippage": "1"}, "`slippage` is a fraction"),
        ({"slippage": "0"}, "`slippage` is a fraction"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"side": "short"}, "side"),
        ({"qty": "NaN"}, "must be a number"),
        ({"qty": "Infinity"}, "must be a number"),
        ({"market": "paper/main"}, "is no market"),
        ({"market": "elsewhere:X"}, "there is no account"),
        ({"market": f"{MAIN}:DOGE"}, "does not list"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_with_a_sentence(config: dict[str, Any], says: str) -> None:
    t = Trial()
    taken = t.command("bot.add", name="h", kind="hedge", config={"market": PERP, "qty": "1", **config})
    assert not taken.ok
    assert says in taken.says


def test_market_and_side_of_a_running_hedge_are_fixed() -> None:
    t, _ = hedge()
    assert not t.command("bot.amend", name="h", config={"side": "buy"}).ok
    assert t.command("bot.amend", name="h", config={"qty": "0.04", "comment": "less"}).ok
    assert replace(t.e.bots["h"].config).qty == D("0.04")


def test_every_stage_is_in_the_journal_once() -> None:
    t, close = closing()
    t.opened(close)
    t.fill(close, "0.05", price=60000)
    stages = [x.state for x in t.records(r.BotStated)]
    assert [b'"open"' in bytes(s) for s in stages].count(True) == 1
    assert [b'"closed"' in bytes(s) for s in stages].count(True) == 1
    t.check()
