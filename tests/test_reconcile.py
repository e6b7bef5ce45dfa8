"""Reports: start, reconnect and audit are one thing; what others did is written down, never traded away."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import MAIN, PERP, RULES, SECOND, Trial, rest, up_to, wanting
from msgspec.structs import replace

from kedge.engine.effects import AskReport, Place
from kedge.engine.engine import AUDIT_EVERY_NS
from kedge.model import records as r
from kedge.model.events import CashNews, FillNews, LinkUp, Reported, ReportFailed
from kedge.model.order import State
from kedge.model.venue import AccountReport, Balance, Cash, Fill


def synthetic(t: Trial) -> list[D]:
    return [x.qty for x in t.records(r.Synthetic)]


def cash(cash_id: str, amount: Any, venue_ns: int, kind: Any = "funding") -> Cash:
    return Cash(cash_id, kind, "USD", D(str(amount)), venue_ns)


# ── what others did ─────────────────────────────────────────────────────────────────────────────


def test_a_difference_is_written_down_only_when_it_stands() -> None:
    t = Trial()
    t.report(positions={"BTC-PERP": "0.5"})
    assert synthetic(t) == []
    t.wait(1)
    t.report(positions={"BTC-PERP": "0.5"})
    assert synthetic(t) == []
    t.wait("2.5")
    t.report(positions={"BTC-PERP": "0.5"})
    assert synthetic(t) == [D("0.5")]
    assert t.e.desk.net(PERP) == D("0.5")
    assert any("that no fill explains" in x for x in t.alarms())
    t.wait(10)
    t.report(positions={"BTC-PERP": "0.5"})
    assert synthetic(t) == [D("0.5")]
    t.nothing_sent()


def test_a_difference_that_changes_starts_anew() -> None:
    t = Trial()
    for qty in ("0.5", "0.6", "0.7", "0.8"):
        t.report(positions={"BTC-PERP": qty})
        t.wait(2)
    assert synthetic(t) == []


def test_a_fill_that_the_position_shows_first_is_no_difference() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.report(orders=(t.seen(place),), positions={"BTC-PERP": "0.05"})
    t.wait(1)
    t.report(fills=(t.a_fill(place, "0.05"),))
    t.wait(10)
    t.report()
    assert synthetic(t) == []
    assert t.e.desk.net(PERP) == D("0.05")


def test_a_difference_is_asked_after_by_itself() -> None:
    t = Trial()
    t.wait(1)
    t.report(positions={"BTC-PERP": "0.5"})
    t.take(AskReport)
    t.wait(4)
    assert t.reports_asked() == 1


def test_the_position_of_others_is_never_traded_and_counts_in_the_net() -> None:
    t = Trial()
    for _ in range(3):
        t.report(positions={"BTC-PERP": "-1"})
        t.wait(4)
    t.book()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.fill(place, "0.05")
    assert t.slot("b").position.qty == D("0.05")
    assert t.e.desk.net(PERP) == D("-0.95")
    t.nothing_sent()


def test_the_audit_says_that_it_agrees() -> None:
    t = Trial()
    t.wait(2)
    t.report()
    assert t.records(r.Audited)[-1].agrees


# ── reports that are late, partial, or fail ─────────────────────────────────────────────────────


def test_an_incomplete_report_adds_what_it_knows_and_concludes_nothing() -> None:
    t = Trial(connect=False)
    t.hear(LinkUp(MAIN, RULES))
    t.report(complete=False, positions={"BTC-PERP": 5}, cursor="7")
    assert not t.e.links[MAIN].ready
    assert t.e.desk.account(MAIN).cursor == ""
    assert t.e.desk.account(MAIN).instruments
    t.take(AskReport)
    t.wait(1)
    assert t.reports_asked() == 1


def test_a_report_that_fails_is_asked_for_again_less_and_less_often() -> None:
    t = Trial(connect=False)
    t.hear(LinkUp(MAIN, RULES))
    asked = 0
    for _ in range(300):
        for _ in t.take(AskReport):
            asked += 1
            t.hear(ReportFailed(MAIN, "502"))
        t.wait(1)
    assert 8 <= asked <= 20
    assert t.e.links[MAIN].why == "502"


def test_a_report_asked_for_before_the_line_was_cut_does_not_make_the_account_ready() -> None:
    """It arrives after the reconnect. A fill in between is in no stream and in no such report."""
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    asked = t.now_ns
    t.wait(1)
    t.cut()
    missed = t.a_fill(place, "0.05")
    t.wait(1)
    t.hear(LinkUp(MAIN, RULES))
    t.report(asked_ns=asked, orders=(t.seen(place),))
    assert not t.e.links[MAIN].ready
    t.wait(2)
    assert t.reports_asked() >= 1
    t.report(fills=(missed,))
    assert t.slot("b").tally.bought == D("0.05")
    t.nothing_sent()


def test_an_answer_nobody_waits_for_is_dropped() -> None:
    t = Trial()
    before = len(t.entries)
    report = AccountReport(t.now_ns, (), (), (), (), (), (), "99")
    t.hear(Reported(MAIN, report))
    assert len(t.entries) == before


def test_the_account_is_audited_every_hour() -> None:
    t = Trial()
    t.wait(10)
    t.report()
    t.take(AskReport)
    t.wait(AUDIT_EVERY_NS // SECOND - 5)
    assert t.reports_asked() == 0
    t.wait(10)
    assert t.reports_asked() == 1


def test_reports_are_not_asked_for_in_a_loop() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.news(place, State.CANCELLED, cum="0.02", version=9)
    asked = 0
    for _ in range(120):
        t.wait("0.5")
        for _ in t.take(AskReport):
            asked += 1
            t.report()
    assert asked < 30, "the fill that was told of never comes"


# ── cash, balances, cursor ──────────────────────────────────────────────────────────────────────


def test_cash_is_booked_once_and_counts_in_the_days_result_unless_it_was_moved_in() -> None:
    t = Trial()
    t.hear(CashNews(MAIN, cash("f1", "-3", t.now_ns)))
    t.report(cash=(cash("f1", "-3", t.now_ns), cash("t1", "1000", t.now_ns, "transfer")))
    assert t.e.desk.account(MAIN).cash == {"funding:USD": D(-3), "transfer:USD": D(1000)}
    assert t.e.desk.day_realised["USD"] == D(-3)


def test_cash_that_a_venue_shows_again_after_a_day_is_not_booked_again() -> None:
    t = Trial()
    first = cash("f0", 1, t.now_ns)
    t.report(cash=(first,), cursor="1")
    for hour in range(1, 30):
        t.now_ns += 3600 * SECOND
        t.report(cash=(cash(f"f{hour}", 1, t.now_ns),), cursor=str(hour + 1))
    t.report(cash=(first,), cursor="99")
    assert t.e.desk.account(MAIN).cash["funding:USD"] == D(30)
    assert len(t.e.desk.account(MAIN).seen) < 20, "memory of them is bounded"


def test_funding_of_a_long_absence_is_booked_though_fills_are_newer() -> None:
    t = Trial()
    t.report(cash=(cash("f0", 1, t.now_ns),), cursor="1")
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.restart(gone_s=48 * 3600, connect=False)
    t.hear(LinkUp(MAIN, RULES))
    old = cash("f1", 1, t.now_ns - 40 * 3600 * SECOND)
    t.report(fills=(t.a_fill(place, "0.05"),), cash=(old,), cursor="2")
    assert t.e.desk.account(MAIN).cash["funding:USD"] == D(2)


def test_balances_are_written_when_they_changed() -> None:
    t = Trial()
    some = (Balance("USD", D(5), D(5)),)
    for _ in range(3):
        t.report(balances=some)
    assert len(t.records(r.BalancesSeen)) == 1
    assert t.e.desk.account(MAIN).balances == some


def test_the_cursor_moves_only_with_a_complete_report() -> None:
    t = Trial()
    t.report(cursor="5")
    t.report(cursor="9", complete=False)
    assert t.e.desk.account(MAIN).cursor == "5"
    t.take(AskReport)
    t.wait(1)
    assert [a.cursor for a in t.take(AskReport)] == ["5"]


# ── orders in a report ──────────────────────────────────────────────────────────────────────────


def test_an_order_placed_after_the_question_is_not_missed_by_it() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 59990, "0.01")))
    place = t.placed()
    t.report(asked_ns=t.now_ns - 1)
    assert t.lookups() == []
    assert t.order(place).state is State.PENDING


def test_a_pending_order_that_the_report_lacks_is_looked_up() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 59990, "0.01")))
    place = t.placed()
    t.wait(1)
    t.report()
    assert t.lookups() == [place.client_id]
    assert t.order(place).state is State.PENDING


def test_an_order_of_ours_shown_with_fills_waits_for_them() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.report(orders=(t.seen(place, cum="0.02"),))
    assert t.order(place).told == D("0.02")
    assert t.slot("b").tally.bought == 0
    t.wait(1)
    assert t.reports_asked() >= 0
    t.report(orders=(t.seen(place, cum="0.02"),), fills=(t.a_fill(place, "0.02"),))
    assert t.slot("b").tally.bought == D("0.02")


def test_a_venue_that_loses_four_fills_of_five_on_its_stream_leaves_an_exact_ledger() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    fills = [t.a_fill(place, "0.01") for _ in range(5)]
    for fill in fills:
        t._move(MAIN, fill)
    t.report(fills=(fills[2],), orders=(t.seen(place, cum="0.03"),))
    t.report(fills=tuple(fills), cursor="5")
    assert t.slot("b").tally.bought == D("0.05")
    assert t.order(place).state is State.FILLED


def test_rules_come_anew_with_every_connection() -> None:
    t = Trial()
    t.cut()
    t.hear(LinkUp(MAIN, replace(RULES, amend="none")))
    assert t.e.links[MAIN].rules.amend == "none"


def test_both_sides_of_a_reconnect_send_one_order() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.placed()
    for _ in range(5):
        t.cut()
        t.wait("0.5")
        t.hear(LinkUp(MAIN, RULES))
        t.report()
        t.book()
    assert not t.take(Place)
    t.found(place, State.OPEN)


def test_a_fill_of_a_symbol_that_nobody_lists_does_not_have_the_venue_asked_without_a_pause() -> None:
    """A contract in its auction, or delisted since: no report will ever bring its instrument."""
    t = Trial()
    strange = Fill("x-strange", "", "v-strange", "NOWHERE", "buy", D(1), D(1), D(0), "USDT", t.now_ns)
    t.hear(FillNews(MAIN, strange))
    assert len(t.take(AskReport)) <= 1
    asked = 0
    for _ in range(100):
        t.report(fills=(strange,))
        t.wait("0.1", keep_books=True)
        asked += t.reports_asked()
    assert 1 <= asked <= 6
    assert any("NOWHERE" in text for text in t.notes())
