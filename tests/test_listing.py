"""What venues list, and the hours in which it trades."""

from __future__ import annotations

from typing import Any

from builders import MAIN, PERP, RULES, SECOND, START, Trial, perp, rest, up_to, wanting
from msgspec.structs import replace

from kedge.engine.effects import AskReport, Cancel, List, Watch
from kedge.engine.listing import LIST_EVERY_NS, LIST_FIRST_NS
from kedge.engine.view import BotView
from kedge.model import records as r
from kedge.model.events import Answered, InstrumentSeen, Listed
from kedge.model.instrument import Instrument, Session
from kedge.model.order import State
from kedge.model.venue import Answer

HOUR = 3600 * SECOND
DAY = replace(RULES, day_orders=True, amend="none")


def known(t: Trial, symbol: str) -> Instrument:
    return t.e.desk.account(MAIN).instruments[symbol]


def hours(*edges: tuple[int, int]) -> Instrument:
    """Sessions, in seconds from the start."""
    return perp(sessions=tuple(Session(START + a * SECOND, START + b * SECOND) for a, b in edges))


def trading(*edges: tuple[int, int], **more: Any) -> Trial:
    t = Trial(instruments=(hours(*edges),), rules=DAY)
    t.play("b", up_to("buy", 60000, "0.05", **more))
    return t


def silence(t: Trial, seconds: int) -> None:
    """Time passes, and the closed market tells nothing."""
    t.wait(seconds)


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_no_longer_listed_is_kept_and_not_traded() -> None:
    t = Trial(instruments=(perp(), perp("ETH-PERP"), perp("SOL-PERP")))
    t.play("b", lambda view: wanting()(view))
    assert t.command("account.refresh", account=MAIN).ok
    assert t.take(List) == [List(MAIN)]
    t.hear(Listed(MAIN, (perp("ETH-PERP"), perp("SOL-PERP"), perp("NEW"))))
    assert not known(t, "BTC-PERP").listed
    assert known(t, "NEW").listed
    assert any("is no longer listed" in said for said in t.notes("b"))
    assert "3 instruments, 1 of them new; no longer listed: BTC-PERP" in t.notes()
    t.play("b", up_to("buy", 60000, "0.05"))
    t.nothing_sent()
    assert t.held("b") == f"{PERP} is no longer listed"
    t.hear(Listed(MAIN, tuple(perp(one) for one in ("ETH-PERP", "SOL-PERP", "NEW", "BTC-PERP"))))
    t.placed()
    t.check()


def test_a_list_that_lacks_most_of_what_there_was_is_not_believed() -> None:
    many = tuple(perp(f"S{n}") for n in range(10))
    t = Trial(instruments=(perp(), *many))
    t.hear(Listed(MAIN, many[:3]))
    t.hear(Listed(MAIN, ()))
    t.hear(Listed(MAIN, error="the venue answered with an error"))
    assert all(one.listed for one in t.e.desk.account(MAIN).instruments.values())
    assert any("lacks 8 of 11 instruments, which is not believed" in said for said in t.notes())


def test_lists_are_compared_by_themselves_each_day() -> None:
    t = Trial()
    t.wait(LIST_FIRST_NS // SECOND - 1)
    assert not t.take(List)
    t.wait(2)
    assert t.take(List) == [List(MAIN)]
    t.wait(60)
    assert not t.take(List), "one question at a time"
    t.hear(Listed(MAIN, (perp(),)))
    asked_ns = t.now_ns
    t.run_until(lambda: bool(t.take(List)), LIST_EVERY_NS // SECOND + 60)
    assert abs(t.now_ns - asked_ns - LIST_EVERY_NS) <= SECOND


def test_a_line_that_was_cut_forgets_the_question_and_not_the_day() -> None:
    t = Trial()
    t.wait(LIST_FIRST_NS // SECOND + 1)
    assert t.take(List)
    t.cut()
    t.connect()
    t.wait(LIST_FIRST_NS // SECOND + 1)
    assert t.take(List)


def test_refreshing_has_its_reasons_not_to() -> None:
    t = Trial()
    assert "there is no account" in t.command("account.refresh", account="x").says
    t.cut()
    assert "is not connected: the line was cut" in t.command("account.refresh", account=MAIN).says


# ── sessions ────────────────────────────────────────────────────────────────────────────────────


def test_bots_are_told_the_hours() -> None:
    t = trading((-60, 60), (120, 180))
    row = t.bot("b")

    def view() -> Any:
        seen = BotView(t.e, row, t.e.bots["b"]).market(PERP)
        assert seen is not None
        return seen.open, (seen.opens_ns - START) // SECOND, (seen.closes_ns - START) // SECOND

    assert view() == (True, 120, 60)
    t.wait(61)
    assert view() == (False, 120, -START // SECOND)
    t.wait(60)
    assert view() == (True, -START // SECOND, 180)


def test_what_stands_is_left_alone_between_sessions() -> None:
    t = trading((-60, 60), (120, 1800))
    place = t.opened(t.placed())
    t.wait(59, keep_books=True)
    silence(t, 50)
    assert not t.take(Cancel), "the book is silent because the market is closed"
    t.play("b", up_to("buy", 59000, "0.05"))  # another price: not now
    assert not t.take(Cancel)
    assert t.held("b") == f"{PERP} is not in session; it opens at 2025-10-14 09:02 UTC"
    t.play("b", up_to("buy", 60000, "0.05"))
    t.wait(12)
    assert not t.take(Cancel), "the first book of the session may come a little later"
    t.book()
    assert not t.take(Cancel)
    assert t.order(place).live
    t.wait("5.1")
    assert t.cancelled() == place.client_id, "silent again, and this time nothing explains it"


def test_a_clearing_that_the_venue_calls_a_halt_is_a_clearing() -> None:
    """Both are told: the calendar, and the status of the moment, a little before and a little after."""
    t = trading((-60, 60), (120, 1800))
    place = t.opened(t.placed())
    t.wait(59, keep_books=True)
    silence(t, 3)
    halted = replace(hours((-60, 60), (120, 1800)), status="halted")
    t.hear(InstrumentSeen(MAIN, halted))
    silence(t, 60)
    t.hear(InstrumentSeen(MAIN, hours((-60, 60), (120, 1800))))
    t.book()
    assert not t.take(Cancel)
    assert t.order(place).live


def test_a_session_opens_without_a_book_and_quotes_are_pulled_in_the_end() -> None:
    t = trading((-60, 60), (120, 1800))
    place = t.opened(t.placed())
    t.wait(59, keep_books=True)
    silence(t, 61)
    assert not t.take(Cancel)
    t.wait("5.2")
    assert t.cancelled() == place.client_id


def test_day_orders_end_with_the_day_and_come_back_at_the_opening() -> None:
    t = trading((-60, 60), (3600, 7200))
    place = t.opened(t.placed())
    t.effects.clear()
    t.wait(59, keep_books=True)
    silence(t, 10)
    assert t.take(AskReport), "nobody says that the day's orders have ended: it is asked"
    t.report()
    t.found(place, State.CANCELLED, reason="the session has ended")
    assert t.order(place).state is State.CANCELLED
    assert t.slot("b").rejects == 0, "nobody has refused anything"
    silence(t, 3000)
    t.nothing_sent()
    assert not t.take(Watch), "and nobody asks for books all night"
    t.wait(600)
    t.book()
    again = t.placed()
    assert (again.price, again.qty) == (place.price, place.qty)
    t.check()


def test_a_cancel_that_is_refused_outside_a_session_waits_for_the_opening() -> None:
    t = trading((-60, 60), (600, 7200))
    place = t.opened(t.placed())
    t.wait(59, keep_books=True)
    silence(t, 30)
    t.command("bot.stop", name="b")
    assert t.cancelled() == place.client_id, "tried once: some venues take cancels at night"
    t.answer(place, Answer.REJECTED, "the session is over", "cancel")
    t.wait(1)
    t.found(place, State.OPEN)
    for _ in range(20):
        silence(t, 20)
    assert not t.take(Cancel)
    silence(t, 120)
    assert t.cancelled() == place.client_id
    t.news(place, State.CANCELLED, version=10**19)
    assert t.bot("b").phase == "stopped"


def test_killed_bots_are_woken_at_the_opening_too() -> None:
    """They watch nothing; their orders stand where they stand."""
    t = trading((-60, 60), (600, 7200))
    place = t.opened(t.placed())
    t.wait(59, keep_books=True)
    silence(t, 30)
    t.command("bot.kill", name="b")
    t.cancelled()
    t.hear(Answered(MAIN, "cancel", place.client_id, Answer.REJECTED, "the session is over"))
    t.wait(1)
    t.found(place, State.OPEN)
    silence(t, 400)
    assert not t.take(Cancel)
    silence(t, 120)
    assert t.cancelled() == place.client_id


def test_the_edges_are_kept_through_a_restart() -> None:
    t = trading((-60, 60), (600, 7200))
    t.opened(t.placed())
    t.wait(59, keep_books=True)
    t.restart(gone_s=300)
    t.effects.clear()
    seen = len(t.puppet.seen)
    t.wait(250)
    assert len(t.puppet.seen) > seen, "the opening wakes those who watch"


def test_a_new_calendar_moves_the_edges() -> None:
    t = trading((-60, 60))
    t.opened(t.placed())
    t.wait(61)
    assert t.e.timers.due_ns(("session", PERP)) is None
    t.hear(InstrumentSeen(MAIN, hours((-60, 60), (300, 900))))
    assert t.e.timers.due_ns(("session", PERP)) == START + 300 * SECOND
    assert len(t.records(r.InstrumentKnown)) == 2


def test_rights_of_an_instrument_are_kept() -> None:
    t = Trial(instruments=(perp(can_buy=False, market_orders=False),))
    t.play("b", up_to("buy", 60000, "0.05"))
    t.nothing_sent()
    assert t.held("b") == f"{PERP} cannot be bought through this account"
    t.play("b", wanting(rest("sell", 0, "0.05", kind="market")))
    t.nothing_sent()
    assert t.held("b") == f"{PERP} takes no market orders"
