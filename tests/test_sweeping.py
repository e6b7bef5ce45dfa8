"""Cancelling every order: bots keep still, everything goes, and what remains is said until it is gone."""

from __future__ import annotations

from decimal import Decimal as D

from builders import MAIN, OTHER, PERP, Trial, pair_trial, rest, up_to, wanting

from kedge.engine import look
from kedge.engine.effects import AskReport, Cancel, CancelAll, Place
from kedge.model import records as r
from kedge.model.events import CancelledAll
from kedge.model.order import State
from kedge.model.venue import OrderReport

FOREIGN = OrderReport("", "f1", "BTC-PERP", "buy", D(1), D(50000), D(0), State.OPEN, 1)


def quoting() -> Trial:
    t = Trial()
    t.play("a", wanting(rest("buy", 59000, "0.01")))
    t.opened(t.placed())
    t.take(AskReport)
    return t


def needs(t: Trial) -> str:
    return " | ".join(look.status(t.e, t.now_ns, 0, 0, 0).needs)


def cancelled(t: Trial) -> None:
    """The venue does what was asked, and says so."""
    for cancel in t.take(Cancel):
        order = t.order(cancel.client_id)
        t.news(t.asked[order.client_id], State.CANCELLED)


def test_everything_goes_and_nothing_comes_back_until_a_person_says_so() -> None:
    t = quoting()
    taken = t.command("desk.cancel", why="news")
    assert taken.ok
    assert "1 of ours" in taken.says
    assert t.bot("a").still
    assert [x.account for x in t.take(CancelAll)] == [MAIN]
    cancelled(t)
    t.hear(CancelledAll(MAIN))
    t.wait(1)
    t.report(asked_ns=t.now_ns)
    assert not t.e.desk.sweeps
    (ended,) = t.records(r.CancelAllEnded)
    assert "no order is open" in ended.says
    t.book(59500)
    t.poke("a")
    t.restart()
    t.poke("a")
    assert not t.take(Place), "still is still, over a restart, too"
    assert "orders cancelled by ann: news" in needs(t)
    assert t.command("bot.resume", name="a").ok
    t.poke("a")
    assert len(t.take(Place)) == 1
    t.check()


def test_balance_keeps_still_too() -> None:
    t = Trial()
    t.play("a", up_to("buy", 59000, "0.01", role="balance"))
    t.opened(t.placed())
    t.command("desk.cancel")
    cancelled(t)
    t.book(58000)
    t.poke("a")
    t.nothing_sent()
    assert not t.tell("a", "close").ok
    assert t.command("bot.stop", name="a").ok
    t.poke("a")
    assert not t.bot("a").still
    assert t.e.desk.bots["a"].phase == "stopping"


def test_what_remains_is_said_tried_again_and_needed_until_it_is_gone() -> None:
    t = quoting()
    t.command("desk.cancel", account=MAIN)
    t.take(CancelAll)
    cancelled(t)
    t.hear(CancelledAll(MAIN, "this venue has no such request"))
    t.wait(1)
    t.report(orders=(FOREIGN,))
    assert "1 order remains" in needs(t)
    assert "no such request" in needs(t)
    t.wait(5)
    assert len(t.take(CancelAll)) == 1, "asked again"
    new = OrderReport("", "f2", "BTC-PERP", "sell", D(2), D(70000), D(0), State.OPEN, 2)
    t.wait(1)
    t.report(orders=(new,))
    assert not t.e.desk.sweeps, "what others placed since is not meant"
    assert "remains" not in needs(t)
    t.check()


def test_the_venue_is_asked_a_few_times_and_then_only_looked_at() -> None:
    t = quoting()
    t.command("desk.cancel", account=MAIN)
    cancelled(t)
    asked = 0
    for _ in range(40):
        asked += len(t.take(CancelAll))
        t.hear(CancelledAll(MAIN))
        t.wait(5)
        t.report(orders=(FOREIGN,))
    assert asked == 4
    assert "1 order remains" in needs(t)
    assert sum("1 order remains" in note for note in (x.text for x in t.records(r.Noted))) == 1


def test_a_sweep_goes_on_in_the_next_life_and_over_a_cut_line() -> None:
    t = quoting()
    t.cut()
    assert t.command("desk.cancel", account=MAIN).ok
    assert not t.take(CancelAll), "nobody is there to be asked"
    assert "waiting for the venue" in needs(t)
    t.restart(connect=False)
    assert t.e.desk.sweeps
    t.connect()
    t.wait(2)
    assert len(t.take(CancelAll)) == 1
    assert t.bot("a").still


def test_one_bots_orders_alone() -> None:
    t = pair_trial()
    t.play("a", wanting(rest("buy", 59000, "0.01")))
    mine = t.opened(t.placed())
    t.play("b", wanting(rest("buy", 59000, "0.02")))
    t.opened(t.placed())
    assert t.command("desk.cancel", bot="a").ok
    assert t.cancelled() == mine.client_id
    assert not t.take(CancelAll), "it would hit the others"
    assert (t.bot("a").still, t.bot("b").still) == (True, False)


def test_one_accounts_orders_alone() -> None:
    t = pair_trial()
    t.play("a", wanting(rest("buy", 59000, "0.01")))
    t.opened(t.placed())
    assert t.command("desk.cancel", account=OTHER).ok
    assert not t.take(Cancel)
    assert not t.bot("a").still
    for wrong in ({"account": "x/y"}, {"bot": "nobody"}, {"account": MAIN, "bot": "a"}):
        assert not t.command("desk.cancel", **wrong).ok


def test_the_first_new_order_ends_a_sweep() -> None:
    t = quoting()
    t.command("desk.cancel", account=MAIN)
    cancelled(t)
    t.hear(CancelledAll(MAIN))
    t.take(Place)
    t.command("bot.resume", name="a")
    t.poke("a")
    assert len(t.take(Place)) == 1
    assert not t.e.desk.sweeps
    assert PERP in t.e.watched("a")
    t.check()
