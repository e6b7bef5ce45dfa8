"""When orders may stand at all: sessions, stale books, the kill switch, stopping, amounts of nothing."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import NEAR, PERP, SECOND, START, Trial, pair_trial, perp, rest, target, up_to, wanting

from kedge.engine.bot import Decision
from kedge.engine.effects import Amend, Cancel, Lookup, Place
from kedge.model.instrument import Session
from kedge.model.order import State
from kedge.model.venue import Answer


def buying(qty: Any = "0.05", price: Any = 60000, **more: Any) -> tuple[Trial, Any]:
    """A trial with a puppet "b" whose first order has just been sent."""
    t = Trial(**more)
    t.play("b", up_to("buy", price, qty))
    return t, t.placed()


# ── sessions and books ──────────────────────────────────────────────────────────────────────────


def test_a_session_break_causes_no_orders_at_all() -> None:
    hour = 3600 * SECOND
    day = perp(sessions=(Session(START - hour, START + 60 * SECOND), Session(START + hour, START + 3 * hour)))
    t = Trial(instruments=(day,))
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.wait(61, keep_books=True)
    t.news(place, State.EXPIRED, version=9)
    t.take(Cancel)
    for _ in range(58):
        t.wait(60, keep_books=True)
    t.nothing_sent()
    assert t.held("b") == f"{PERP} is not in session; it opens at 2025-10-14 10:00 UTC"
    t.wait(120, keep_books=True)
    t.placed()


def test_a_halted_instrument_gets_no_orders() -> None:
    t = Trial(instruments=(perp(status="halted"),))
    t.play("b", up_to("buy", 60000, "0.05"))
    t.nothing_sent()


def test_a_stale_book_pulls_quotes_and_a_fresh_one_brings_them_back() -> None:
    t, place = buying()
    t.opened(place)
    t.wait("5.1")
    assert t.cancelled() == place.client_id
    t.news(place, State.CANCELLED, version=9)
    t.nothing_sent()
    t.book()
    t.placed()


def test_a_lost_book_pulls_quotes_at_once() -> None:
    t, place = buying()
    t.opened(place)
    t.lose_book()
    assert t.cancelled() == place.client_id


def test_a_book_heard_before_anyone_watched_it_goes_stale_too() -> None:
    t = Trial()
    t.wait(1)
    t.book()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.book(59999.5)
    t.take(Amend)
    t.wait(12)
    t.take(Lookup)
    assert t.cancelled() == place.client_id or t.order(place).change


# ── the kill switch ─────────────────────────────────────────────────────────────────────────────


def test_the_kill_switch_cancels_everything_balance_included() -> None:
    t = Trial()
    t.play("r", wanting(rest("buy", 59990, "0.01")))
    risk = t.opened(t.placed())
    t.play("h", wanting(rest("sell", 60010, "0.01", role="balance")))
    balance = t.opened(t.placed())
    t.command("desk.kill", why="enough")
    assert {c.client_id for c in t.take(Cancel)} == {risk.client_id, balance.client_id}
    t.news(risk, State.CANCELLED, version=9)
    t.news(balance, State.CANCELLED, version=9)
    t.wait(30, keep_books=True)
    t.nothing_sent()
    t.command("desk.revive")
    t.book()
    assert len(t.take(Place)) == 2


def test_the_kill_switch_outlives_the_process() -> None:
    t, place = buying()
    t.opened(place)
    t.command("desk.kill")
    t.restart()
    assert t.e.desk.killed
    t.wait(3, keep_books=True)
    t.nothing_sent()


def test_a_stopping_bot_is_not_called_balanced_because_the_kill_switch_is_on() -> None:
    t = pair_trial()
    t.add("p", "pair", far=PERP, near=NEAR, side="sell", qty="0.05")
    far = t.opened(t.placed())
    t.command("desk.kill")
    t.fill(far, "0.05")
    t.nothing_sent()
    t.command("bot.stop", name="p")
    assert t.bot("p").phase == "stopping"
    assert "still to balance" in t.e.bots["p"].waits_for
    t.command("desk.revive")
    t.book(market=NEAR)
    assert t.placed().qty == D("0.05")


# ── stopping ────────────────────────────────────────────────────────────────────────────────────


def test_stop_waits_for_the_balance_and_then_names_what_is_left() -> None:
    t = pair_trial()
    t.add("p", "pair", far=PERP, near=NEAR, side="sell", qty="0.05", ratio="0.9")
    far = t.opened(t.placed())
    t.fill(far, "0.0333")
    near = t.placed()
    t.command("bot.stop", name="p")
    t.news(far, State.CANCELLED, cum="0.0333", version=9)
    assert t.bot("p").phase == "stopping"
    t.fill(near, near.qty, account="other/main")
    assert t.bot("p").phase == "stopped"
    assert near.qty == D("0.029")
    assert "left open: -0.0333 paper/main:BTC-PERP, 0.029 other/main:BTC-PERP" in t.bot("p").why


def test_a_stopping_bot_waits_for_an_unknown_order() -> None:
    t, place = buying()
    t.answer(place, Answer.UNKNOWN)
    t.command("bot.stop", name="b")
    t.wait(5, keep_books=True)
    assert t.bot("b").phase == "stopping"
    t.found(place, State.CANCELLED)
    assert t.bot("b").phase == "stopped"


def test_a_balance_smaller_than_the_smallest_order_does_not_hold_up_a_stop() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 59990, "0.0004", role="balance")))
    t.nothing_sent()
    t.command("bot.stop", name="b")
    assert t.bot("b").phase == "stopped"


# ── amounts ─────────────────────────────────────────────────────────────────────────────────────


def test_an_amount_that_rounds_to_zero_sends_nothing_and_says_so() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 60000, "0.0009")))
    t.nothing_sent()
    assert t.held("b") == "less than the smallest order"
    t.play("c", wanting(target("-0.0009")))
    t.nothing_sent()
    assert t.held("c") == "-0.0009 is less than the smallest order"


def test_a_decision_that_wants_nothing_withdraws_what_stands() -> None:
    t, place = buying()
    t.opened(place)
    t.play("b", lambda view: Decision(view.state))
    assert t.cancelled() == place.client_id
