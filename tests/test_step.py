"""The life of orders through `step`: each test is one way in which desks lose or double orders."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import MAIN, NEAR, PERP, RULES, SECOND, Trial, pair_trial, rest, target, up_to, wanting
from msgspec.structs import replace

from kedge.engine.effects import Amend, Cancel, Lookup, Place
from kedge.model import records as r
from kedge.model.events import Answered, FillNews, LinkUp, LookedUp, Outgrown, Tick
from kedge.model.ids import mint
from kedge.model.order import State
from kedge.model.venue import Answer, Fill, OrderReport


def buying(qty: Any = "0.05", price: Any = 60000, **more: Any) -> tuple[Trial, Any]:
    """A trial with a puppet "b" whose first order has just been sent."""
    t = Trial(**more)
    t.play("b", up_to("buy", price, qty))
    return t, t.placed()


# ── no answer is no answer ──────────────────────────────────────────────────────────────────────


def test_a_timeout_is_not_a_rejection() -> None:
    t, place = buying()
    t.answer(place, Answer.UNKNOWN, "timeout")
    assert t.order(place).state is State.UNKNOWN
    t.wait(2, keep_books=True)
    t.nothing_sent()
    assert t.held("b") == f"order {place.client_id} is UNKNOWN: asking the venue"
    assert t.lookups()


def test_an_unknown_order_found_live_is_simply_open() -> None:
    t, place = buying()
    t.answer(place, Answer.UNKNOWN)
    t.wait(1)
    t.found(place, State.OPEN)
    assert t.order(place).state is State.OPEN
    t.nothing_sent()


def test_not_found_is_believed_only_after_the_last_moment_it_could_take_effect() -> None:
    t, place = buying()
    t.answer(place, Answer.UNKNOWN)
    bound = place.valid_until_ns + RULES.skew_ns + RULES.visibility_ns
    for asked in (t.now_ns, place.valid_until_ns, bound):
        t.not_found(place, asked_ns=asked)
        assert t.order(place).state is State.UNKNOWN, asked
    t.now_ns = bound + 1
    t.book()
    t.nothing_sent()
    t.not_found(place)
    assert t.order(place).state is State.LOST
    assert t.placed().client_id != place.client_id


def test_where_the_venue_has_no_bound_absence_is_never_concluded() -> None:
    t, place = buying(rules=replace(RULES, bounded=False))
    t.answer(place, Answer.UNKNOWN)
    t.wait(600)
    t.not_found(place)
    assert t.order(place).state is State.UNKNOWN
    taken = t.command("order.resolve", client_id=place.client_id, fate="absent", why="looked it up")
    assert taken.ok
    assert t.order(place).state is State.LOST
    t.book()
    t.placed()


def test_no_answer_at_all_becomes_unknown_by_itself() -> None:
    t, place = buying()
    t.wait(9, keep_books=True)
    assert t.order(place).state is State.UNKNOWN
    t.nothing_sent()


def test_a_failed_lookup_proves_nothing() -> None:
    t, place = buying()
    t.answer(place, Answer.UNKNOWN)
    t.wait(30)
    t.hear(LookedUp(MAIN, place.client_id, t.now_ns, error="503"))
    assert t.order(place).state is State.UNKNOWN
    t.take(Lookup)
    t.wait(31)
    assert t.lookups(), "it is asked again"


def test_a_definite_refusal_frees_the_slot_after_a_pause() -> None:
    t, place = buying()
    t.answer(place, Answer.REJECTED, "no money")
    assert t.order(place).state is State.REJECTED
    t.nothing_sent()
    t.wait("0.6")
    t.placed()


def test_a_venue_that_refuses_for_ever_is_asked_less_and_less() -> None:
    t, place = buying()
    sent = 0
    for _ in range(600):
        t.answer(place, Answer.REJECTED, "no money")
        t.wait(1, keep_books=True)
        places = t.take(Place)
        sent += len(places)
        if places:
            place = places[0].order
    assert sent <= 18, "64 s is the longest pause"


def test_a_refusal_of_an_order_that_was_seen_live_is_a_question() -> None:
    t, place = buying()
    t.news(place, State.OPEN)
    t.answer(place, Answer.REJECTED, "duplicate id")
    assert t.order(place).state is State.UNKNOWN
    t.nothing_sent()


def test_the_request_that_never_left_is_refused_with_certainty() -> None:
    t, place = buying()
    t.answer(place, Answer.REJECTED, "not sent: its time ran out", unsent=True)
    assert t.order(place).state is State.REJECTED


def test_an_acceptance_after_the_order_was_given_up_asks_the_venue() -> None:
    """The answer of a request can itself come later than every bound."""
    t, place = buying()
    t.answer(place, Answer.UNKNOWN)
    t.wait(10)
    t.not_found(place)
    assert t.order(place).state is State.LOST
    t.take(Place)
    t.wait(1)
    t.report()
    t.wait(1)
    t.reports_asked()
    t.answer(place, Answer.ACCEPTED)
    t.wait(1)
    assert t.reports_asked() == 1


def test_a_lost_order_that_is_live_after_all_is_told_and_cancelled() -> None:
    t, first = buying()
    t.answer(first, Answer.UNKNOWN)
    t.wait(10)
    t.not_found(first)
    t.book()
    second = t.opened(t.placed())
    t.news(first, State.OPEN)
    assert any("live though it was concluded absent" in x for x in t.alarms())
    t.book(59999)
    assert {c.client_id for c in t.take(Cancel)} == {first.client_id, second.client_id}
    t.nothing_sent()


# ── fills, in any order ─────────────────────────────────────────────────────────────────────────


def test_a_fill_before_the_answer_is_booked_and_the_answer_changes_nothing() -> None:
    t, place = buying()
    t.fill(place, "0.02")
    assert t.order(place).state is State.OPEN
    t.answer(place, Answer.ACCEPTED)
    assert (t.order(place).state, t.order(place).filled) == (State.OPEN, D("0.02"))
    t.nothing_sent()


def test_a_fill_heard_twice_is_booked_once() -> None:
    t, place = buying()
    fill = t.fill(place, "0.02")
    t.hear(FillNews(MAIN, fill))
    t.report(fills=(fill,))
    assert t.slot("b").tally.bought == D("0.02")


def test_a_fill_under_the_venues_own_number_is_booked_to_the_order_that_has_it() -> None:
    t, place = buying()
    t.opened(place)
    nameless = replace(t.a_fill(place, "0.02"), client_id="")
    t.hear(FillNews(MAIN, nameless))
    assert t.slot("b").tally.bought == D("0.02")
    # Somebody cancelled it by hand, and the venue calls it by the cancel's name since.
    renamed = replace(t.a_fill(place, "0.01"), client_id="web_xyz", exec_id="after that")
    t.hear(FillNews(MAIN, renamed))
    assert t.slot("b").tally.bought == D("0.03")
    t.hear(FillNews(MAIN, replace(nameless, exec_id="another", venue_id="somebody else's")))
    assert t.slot("b").tally.bought == D("0.03")
    t.check()


def test_a_cancelled_order_that_traded_is_waited_for_until_its_fill_is_booked() -> None:
    t, place = buying()
    t.opened(place)
    t.play("b", up_to("buy", 59990, "0.05"))
    t.take(Amend)
    t.news(place, State.CANCELLED, cum="0.02", version=9)
    t.book()
    assert t.held("b") == "0.02 filled at the venue is still to be booked"
    t.nothing_sent()
    t.fill(place, "0.02", price=60000)
    assert t.placed().qty == D("0.03")


def test_partial_fill_then_cancel_is_hedged_for_what_filled() -> None:
    t = pair_trial()
    t.add("p", "pair", far=PERP, near=NEAR, side="sell", qty="0.05")
    far = t.opened(t.placed())
    t.fill(far, "0.02")
    near = t.placed()
    assert (near.side, near.qty) == ("buy", D("0.02"))
    t.news(far, State.CANCELLED, cum="0.02")
    t.fill(near, "0.02", account="other/main")
    t.placed()  # the far leg goes on with the rest
    assert t.slot("p", "near").tally.net == D("0.02")


def test_a_fill_in_a_cancel_race_is_hedged() -> None:
    t = pair_trial()
    t.add("p", "pair", far=PERP, near=NEAR, side="sell", qty="0.05")
    far = t.opened(t.placed())
    t.command("bot.stop", name="p")
    assert t.cancelled() == far.client_id
    t.fill(far, "0.05")
    assert t.placed().qty == D("0.05")
    assert t.bot("p").phase == "stopping"


def test_cancel_refused_means_neither_alive_nor_dead() -> None:
    t, place = buying()
    t.opened(place)
    t.play("b", wanting())
    assert t.cancelled() == place.client_id
    t.answer(place, Answer.REJECTED, "order not found", request="cancel")
    assert t.order(place).state is State.OPEN
    t.nothing_sent()
    t.wait(1)
    assert t.lookups() == [place.client_id]
    t.found(place, State.FILLED, cum="0.05")
    t.report(fills=(t.a_fill(place, "0.05"),))
    assert t.slot("b").tally.bought == D("0.05")


def test_a_cancel_that_is_refused_for_ever_is_not_repeated_thousands_of_times() -> None:
    t, place = buying()
    t.opened(place)
    t.play("b", wanting())
    cancels = 1
    t.take(Cancel)
    for _ in range(3600):
        t.wait(1, keep_books=True)
        for client_id in t.lookups():
            assert client_id == place.client_id
            t.found(place, State.OPEN)
        for cancel in t.take(Cancel):
            cancels += 1
            t.answer(cancel.client_id, Answer.REJECTED, "busy", request="cancel")
    assert cancels < 200


def test_a_late_fill_after_the_stop_wakes_the_bot_and_is_balanced() -> None:
    t = pair_trial()
    t.add("p", "pair", far=PERP, near=NEAR, side="sell", qty="0.05")
    far = t.opened(t.placed())
    t.command("bot.stop", name="p")
    t.news(far, State.CANCELLED)
    assert t.bot("p").phase == "stopped"
    t.take(Cancel)
    t.fill(far, "0.03")
    assert t.bot("p").phase == "stopping"
    near = t.placed()
    assert (near.side, near.qty) == ("buy", D("0.03"))
    t.fill(near, "0.03", account="other/main")
    assert t.bot("p").phase == "stopped"
    assert "left open" in t.bot("p").why, "both legs are named: even, though not flat"


def test_a_late_fill_after_the_bot_was_removed_is_the_accounts_own() -> None:
    t, place = buying()
    t.opened(place)
    t.command("bot.kill", name="b")
    t.news(place, State.CANCELLED)
    assert t.command("bot.rm", name="b").ok
    t.fill(place, "0.01")
    assert t.e.desk.account(MAIN).external["BTC-PERP"].qty == D("0.01")


def test_a_namesake_does_not_inherit_the_late_fills_of_a_removed_bot() -> None:
    t, place = buying()
    t.opened(place)
    t.command("bot.kill", name="b")
    t.news(place, State.CANCELLED)
    assert t.command("bot.rm", name="b").ok
    t.puppet.acts.clear()
    t.add("b")
    t.fill(place, "0.01")
    assert not t.bot("b").slots
    assert t.e.desk.account(MAIN).external["BTC-PERP"].qty == D("0.01")


def test_a_fill_older_than_memory_is_told_and_not_booked() -> None:
    t, place = buying()
    t.opened(place)
    t.fill(place, "0.01")
    t.report(cursor="1")
    t.fill(place, "0.01", venue_ns=t.now_ns - 7 * 3600 * SECOND)
    assert t.slot("b").tally.bought == D("0.01")
    assert any("older than the ledger remembers" in x for x in t.alarms())


def test_fills_missed_in_a_long_absence_are_booked_even_when_a_new_one_comes_first() -> None:
    """Dead for a night; on reconnecting, the stream's first fill arrives before the report."""
    t, place = buying("0.05")
    t.opened(place)
    t.fill(place, "0.01")
    t.report(cursor="1")
    t.restart(gone_s=9 * 3600, connect=False)
    missed = t.a_fill(place, "0.02", venue_ns=t.now_ns - 8 * 3600 * SECOND)
    t.hear(t_link_up(t))
    t.fill(place, "0.01")
    t.report(fills=(missed,), cursor="2", orders=(t.seen(place, cum="0.04"),))
    assert t.slot("b").tally.bought == D("0.04")


def test_a_reports_fills_may_come_in_any_order() -> None:
    t, place = buying("0.05")
    t.opened(place)
    t.restart(gone_s=20 * 3600, connect=False)
    old = t.a_fill(place, "0.02", venue_ns=t.now_ns - 19 * 3600 * SECOND)
    new = t.a_fill(place, "0.01")
    t.hear(t_link_up(t))
    t.report(fills=(new, old), cursor="2", orders=(t.seen(place, cum="0.03"),))
    assert t.slot("b").tally.bought == D("0.03")


def t_link_up(t: Trial) -> Any:
    return LinkUp(MAIN, RULES)


# ── news out of order ───────────────────────────────────────────────────────────────────────────


def test_an_old_report_does_not_bring_a_finished_order_back() -> None:
    t, place = buying()
    t.opened(place)
    t.news(place, State.CANCELLED, version=7)
    t.take(Place)
    t.news(place, State.OPEN, version=3)
    assert t.order(place).state is State.CANCELLED


def test_a_refusal_and_the_acknowledgement_before_it_may_come_the_wrong_way_round() -> None:
    """Both carry the same venue time: the acknowledgement is old news, not a resurrection."""
    t, place = buying()
    stamp = t.now_ns
    t.answer(place, Answer.ACCEPTED)
    t.news(place, State.REJECTED, venue_ns=stamp, reason="margin")
    assert t.order(place).state is State.REJECTED
    t.news(place, State.OPEN, venue_ns=stamp)
    assert t.order(place).state is State.REJECTED
    assert t.alarms() == []


def test_an_order_that_is_gone_without_a_last_word_ends_by_lookup_and_two_reports() -> None:
    t, place = buying()
    t.opened(place)
    t.wait(1)
    t.not_found(place)
    t.wait(3)
    t.report()
    assert t.order(place).state is State.OPEN, "it was so young that a lookup need not have shown it"
    assert t.lookups() == [place.client_id]
    t.not_found(place)
    assert t.order(place).state is State.OPEN, "one report has to follow"
    t.wait(3)
    t.report()
    assert t.order(place).state is State.CANCELLED
    assert t.order(place).reason == "no longer at the venue"


# ── amending ────────────────────────────────────────────────────────────────────────────────────


def test_a_new_price_of_the_same_rest_is_amended_in_place() -> None:
    t, place = buying()
    t.opened(place)
    t.fill(place, "0.02")
    t.play("b", up_to("buy", 59990, "0.05"))
    amends = t.take(Amend)
    assert [(a.price, a.qty) for a in amends] == [(D(59990), D("0.05"))]
    assert t.held("b") == "waiting for the amend" or t.order(place).change == "amend"


def test_another_quantity_is_cancelled_first_and_placed_from_what_filled() -> None:
    t, place = buying()
    t.opened(place)
    t.play("b", up_to("buy", 60000, "0.04"))
    assert t.cancelled() == place.client_id
    t.fill(place, "0.01")
    t.nothing_sent()
    t.news(place, State.CANCELLED, cum="0.01", version=5)
    assert t.placed().qty == D("0.03")


def test_where_the_venue_cannot_amend_it_is_cancel_and_new() -> None:
    t, place = buying(rules=replace(RULES, amend="cancel_new"))
    t.opened(place)
    t.play("b", up_to("buy", 59990, "0.05"))
    assert not t.take(Amend)
    assert t.cancelled() == place.client_id


def test_an_amend_that_was_acknowledged_is_done_when_the_stream_shows_it() -> None:
    """Where an acknowledgement says no more than "taken", nobody has to be asked for what the stream says."""
    for shown_first in (False, True):
        t, place = buying()
        t.opened(place)
        old = t.now_ns
        t.wait("0.1")
        t.play("b", up_to("buy", 59990, "0.05"))
        assert [a.price for a in t.take(Amend)] == [D(59990)]
        if not shown_first:
            t.answer(place, Answer.ACCEPTED, request="amend")
            t.news(place, State.OPEN, price=D(60000))
            assert t.order(place).change == "amend", "that was before it"
        t.wait("0.1")
        t.news(place, State.OPEN, price=D(59990))
        if shown_first:
            assert t.order(place).change == "amend", "its answer is still to come, and must not end another"
            t.answer(place, Answer.ACCEPTED, request="amend")
        assert t.order(place).change == ""
        t.wait("0.1")
        t.play("b", up_to("buy", 60000, "0.05"))
        assert [a.price for a in t.take(Amend)] == [D(60000)]
        t.answer(place, Answer.ACCEPTED, request="amend")
        t.news(place, State.OPEN, price=D(60000), version=old)
        assert t.order(place).change == "amend", "old news of the same price proves nothing"
        assert not t.take(Lookup)


def test_what_is_no_longer_wanted_is_cancelled_though_an_amend_is_under_way() -> None:
    """The kill switch must not wait for a venue that says nothing of an amend."""
    for kill in (False, True):
        t, place = buying()
        t.opened(place)
        t.play("b", up_to("buy", 59990, "0.05"))
        t.take(Amend)
        t.answer(place, Answer.UNKNOWN, request="amend")
        if kill:
            assert t.command("desk.kill", why="enough").ok
        else:
            t.play("b", wanting())
        assert t.cancelled() == place.client_id
        t.wait("0.1")
        t.news(place, State.OPEN, price=D(59990))
        t.answer(place, Answer.ACCEPTED, request="cancel")
        assert not t.take(Cancel)
        t.wait("0.1")
        t.news(place, State.CANCELLED)
        assert t.order(place).state is State.CANCELLED


def test_an_amend_whose_answer_is_lost_is_settled_by_lookup_after_its_last_moment() -> None:
    t, place = buying()
    t.opened(place)
    t.play("b", up_to("buy", 59990, "0.05"))
    t.take(Amend)
    t.answer(place, Answer.UNKNOWN, request="amend")
    t.play("b", up_to("buy", 59980, "0.05"))
    assert t.held("b") == "waiting for the amend"
    t.found(place, State.OPEN, price=D(60000), version=2)
    assert t.order(place).change == "amend", "it may still be carried out"
    t.wait(9, keep_books=True)
    t.found(place, State.OPEN, price=D(60000), version=2)
    assert t.order(place).change == "amend", "the next one"
    assert [a.price for a in t.take(Amend)] == [D(59980)]


# ── restart ─────────────────────────────────────────────────────────────────────────────────────


def test_a_restart_never_sends_an_order_again() -> None:
    t, place = buying()
    t.restart()
    assert t.order(place).state is State.UNKNOWN
    t.wait(30, keep_books=True)
    t.nothing_sent()
    t.found(place, State.OPEN)
    t.book()
    t.nothing_sent()
    assert t.order(place).state is State.OPEN


def test_an_order_never_sent_before_the_crash_is_replaced_by_a_new_one_in_time() -> None:
    t, place = buying()
    t.restart()
    t.wait(9, keep_books=True)
    t.not_found(place)
    again = t.placed()
    assert again.client_id != place.client_id
    assert again.qty == place.qty


def test_fills_while_we_were_dead_are_counted_before_anything_is_sent() -> None:
    t, place = buying()
    t.opened(place)
    t.restart(connect=False)
    t.hear(t_link_up(t))
    t.book()
    t.nothing_sent()
    t.report(fills=(t.a_fill(place, "0.03"),), orders=(t.seen(place, cum="0.03"),))
    t.book()
    t.nothing_sent()
    assert t.slot("b").tally.bought == D("0.03")


def test_a_hedge_goes_on_from_where_it_was_after_a_crash_at_any_step() -> None:
    """Die after each event of a whole hedge: the venue's fills decide how it ends."""
    for dies_at in range(6):
        t = Trial()
        t.add("h", "hedge", market=PERP, qty="0.05")
        place = t.placed()
        fills: list[Any] = []
        events = [
            lambda t=t, p=place: t.opened(p),
            lambda t=t, p=place, f=fills: f.append(t.fill(p, "0.02")),
            lambda t=t, p=place, f=fills: f.append(t.fill(p, "0.03")),
            lambda t=t: t.tell("h", "close"),
        ]
        for number, event in enumerate(events):
            if number == dies_at:
                t.restart()
                if t.order(place).state is State.UNKNOWN:
                    t.found(place, State.OPEN)
            event()
        if dies_at >= len(events):
            t.restart()
        closes = [i for i in t.records(r.Intent) if i.slot == "close"]
        assert [i.qty for i in closes] == [D("0.05")], dies_at
        t.check()


def test_a_change_in_flight_at_the_crash_is_in_doubt_and_looked_up() -> None:
    t, place = buying()
    t.opened(place)
    t.play("b", wanting())
    t.take(Cancel)
    t.restart()
    assert t.order(place).change_silent
    t.wait(1)
    assert place.client_id in t.lookups()
    t.found(place, State.OPEN)
    assert t.cancelled() == place.client_id


def test_ids_of_two_lives_never_meet() -> None:
    t, place = buying()
    t.answer(place, Answer.REJECTED, "no")
    t.restart(gone_s=70)
    again = t.placed()
    assert again.client_id != place.client_id
    assert again.client_id[14:22] == "00000002"


def test_what_eviction_keeps_survives_a_snapshot_in_the_same_order() -> None:
    """The oldest goes first, before and after a restart: a command's id is not forgotten at random."""
    t = Trial()
    t.command("account.audit", command_id="zebra", account=MAIN)
    t.command("account.audit", command_id="ape", account=MAIN)
    t.restart()
    assert list(t.e.desk.commands) == ["zebra", "ape"]


# ── links ───────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_sent_before_the_first_report() -> None:
    t = Trial(connect=False)
    t.hear(t_link_up(t))
    t.book()
    t.play("b", wanting(rest("buy", 60000, "0.01")))
    t.nothing_sent()
    t.report()
    t.placed()


def test_a_cut_line_stops_new_orders_until_the_next_report() -> None:
    t, place = buying()
    t.opened(place)
    t.fill(place, "0.05")
    t.cut()
    t.play("b", up_to("buy", 60000, "0.06"))
    t.nothing_sent()
    t.hear(t_link_up(t))
    t.book()
    t.nothing_sent()
    t.report()
    t.placed()


def test_an_outgrown_queue_is_recovered_by_asking_again() -> None:
    t = Trial()
    t.wait(1)
    t.reports_asked()
    t.hear(Outgrown("the stream", "10,000 events waited"))
    assert t.reports_asked() == 1
    assert "the stream: 10,000 events waited" in t.notes()


def test_a_clock_that_jumps_back_does_not_turn_time_around() -> None:
    t, place = buying()
    before = t.e.now_ns
    t.now_ns -= 3600 * SECOND
    t.hear(Tick())
    assert t.e.now_ns == before
    t.opened(place)


# ── whose order is it ───────────────────────────────────────────────────────────────────────────


def stranger(client_id: str, price: int = 60000) -> OrderReport:
    return OrderReport(client_id, "v9", "BTC-PERP", "buy", D(1), D(price), D(0), State.OPEN, 1)


def test_orders_of_others_are_left_alone() -> None:
    t = Trial()
    theirs = mint(0xBEEF, 1, 1, 1)
    t.report(orders=(stranger(""), stranger("web-123"), stranger(theirs)))
    assert not t.take(Cancel)
    assert t.e.counts["orders of others seen"] == 3


def test_an_order_of_ours_that_the_journal_does_not_know_is_cancelled_by_its_id() -> None:
    t = Trial()
    ours = mint(t.e.desk.desk, 1, 1, 77)
    t.report(orders=(stranger(ours),))
    assert t.cancelled() == ours
    t.hear(Answered(MAIN, "cancel", ours, Answer.UNKNOWN))
    t.report(orders=(stranger(ours),))
    assert t.cancelled() == ours, "until it is gone"


def test_a_fill_of_such_an_order_is_its_bots() -> None:
    t = Trial()
    row = t.play("b", wanting())
    ours = mint(t.e.desk.desk, row.number, 1, 77)
    t.hear(
        FillNews(MAIN, Fill("x", ours, "v", "BTC-PERP", "buy", D("0.01"), D(60000), D(0), "USD", t.now_ns))
    )
    assert t.slot("b", f"late {PERP}").tally.bought == D("0.01")


# ── two bots on one account ─────────────────────────────────────────────────────────────────────


def test_two_bots_hold_opposite_positions_and_reduce_only_is_set_only_where_the_net_allows() -> None:
    t = Trial()
    t.play("long", wanting(target("0.05")))
    buy = t.opened(t.placed())
    t.fill(buy, "0.05", price=60000)
    t.play("short", wanting(target("-0.05")))
    sell = t.opened(t.placed())
    t.fill(sell, "0.05", price=60000)
    assert t.e.desk.net(PERP) == 0
    assert (t.slot("long").position.qty, t.slot("short").position.qty) == (D("0.05"), D("-0.05"))
    t.play("long", wanting(target(0, reduce_only=True)))
    close = t.placed()
    assert close.side == "sell"
    assert close.reduce_only is False, "the account is flat: the venue would refuse to reduce"
    t.opened(close)
    t.fill(close, "0.05", price=60000)
    t.play("short", wanting(target(0, reduce_only=True)))
    assert t.placed().reduce_only is True


def test_reduce_only_counts_what_is_already_on_its_way() -> None:
    t = Trial()
    t.play("a", wanting(target("0.05")))
    t.fill(t.opened(t.placed()), "0.05", price=60000)
    t.play("a", wanting(target("0.02", reduce_only=True)))
    assert t.placed().reduce_only is True
    t.play("b", wanting(rest("sell", 60010, "0.03", reduce_only=True)))
    assert t.placed().reduce_only is False


def test_our_own_bots_do_not_trade_with_each_other() -> None:
    t = Trial()
    t.play("maker", wanting(rest("sell", 60000.5, "0.01")))
    maker = t.opened(t.placed())
    t.play("taker", wanting(rest("buy", 60000.5, "0.01")))
    t.nothing_sent()
    assert t.cancelled() == maker.client_id
    assert "is making way" in t.held("taker")
    t.news(maker, State.CANCELLED, version=9)
    t.wait("0.3")
    assert t.placed().side == "buy"
    assert t.held("maker") == "making way for another order"


def test_a_quote_that_would_meet_our_own_order_waits() -> None:
    t = Trial()
    t.play("maker", wanting(rest("sell", 60000.5, "0.01")))
    t.opened(t.placed())
    t.play("quoter", wanting(rest("buy", 60000.5, "0.01", tif="post_only")))
    t.nothing_sent()
    assert not t.take(Cancel)
    assert "would meet our own order" in t.held("quoter")
