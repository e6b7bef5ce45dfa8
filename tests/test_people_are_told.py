"""What a person is told without asking: why nothing is sent, what is odd, and what is to be mended."""

from __future__ import annotations

import msgspec
from builders import MAIN, PERP, Trial, perp, up_to, wanting
from msgspec import Raw

from kedge.engine.effects import Place, Retry
from kedge.engine.look import status
from kedge.engine.refusals import REFUSALS_MOST
from kedge.model import records as r
from kedge.model.events import Command, LinkDown, LinkOdd
from kedge.model.looks import BotLook
from kedge.model.order import State
from kedge.model.venue import Answer, PlaceOrder

READ_ONLY = "the key may only read: give it the right to trade"


def buying() -> tuple[Trial, PlaceOrder]:
    t = Trial()
    t.add("b", "puppet")
    t.play("b", up_to("buy", 60_000, "0.05"))
    return t, t.placed()


def needs(t: Trial) -> tuple[str, ...]:
    return status(t.e, t.now_ns, 0, 0, 0).needs


def bot(t: Trial, name: str) -> BotLook:
    return next(one for one in status(t.e, t.now_ns, 0, 0, 0).bots if one.bot == name)


def said_of_account(t: Trial) -> list[str]:
    return [one.text for one in t.records(r.Noted) if one.account == MAIN]


def again(t: Trial) -> PlaceOrder:
    """The next attempt; the longest wait is 64 seconds."""
    for _ in range(70):
        places = t.take(Place)
        if places:
            return places[0].order
        t.wait(1, keep_books=True)
    raise AssertionError("it was not tried again")


def refuse(t: Trial, place: PlaceOrder, reason: str, times: int) -> None:
    """The venue refuses this order, and each attempt after it."""
    for attempt in range(times):
        t.answer(place, Answer.REJECTED, reason)
        if attempt + 1 == times:
            return
        place = again(t)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


def test_why_the_venue_refuses_stands_with_the_bot_and_is_noted_once() -> None:
    t, place = buying()
    refuse(t, place, "no money at 60000", 3)
    assert t.notes("b").count("main: refused: no money at 60000") == 1
    t.wait("0.1", keep_books=True)
    assert t.held("b") == "refused by the venue, and tried again later: no money at 60000"


def test_another_reason_is_another_note() -> None:
    t, place = buying()
    t.answer(place, Answer.REJECTED, "no money")
    t.answer(again(t), Answer.REJECTED, "the market is closed")
    assert "main: refused: no money" in t.notes("b")
    assert "main: refused: the market is closed" in t.notes("b")


def test_new_risk_that_is_refused_again_and_again_ends_until_a_person_says_so() -> None:
    t, place = buying()
    refuse(t, place, "no money", REFUSALS_MOST)
    assert t.bot("b").phase == "paused"
    said = f"main was refused {REFUSALS_MOST} times in a row: no money"
    assert needs(t) == (f"b is paused: {said}; mended? kedge bot resume b",)
    t.wait(600, keep_books=True)
    t.nothing_sent()
    t.command("bot.resume", name="b")
    t.wait(64, keep_books=True)
    place = t.placed()
    t.opened(place)
    assert t.bot("b").phase == "running"
    assert needs(t) == ()


def test_what_evens_out_is_tried_for_ever() -> None:
    t = Trial()
    t.add("b", "puppet")
    t.play("b", up_to("buy", 60_000, "0.05", role="balance"))
    refuse(t, t.placed(), "no money", REFUSALS_MOST + 3)
    assert t.bot("b").phase == "running"
    assert any("refused 5 times in a row" in one for one in needs(t))


def test_orders_that_are_taken_and_then_refused_count_too() -> None:
    t, place = buying()
    t.opened(place)
    t.news(place, State.CANCELLED, reason="it would have traded at once")
    assert t.held("b") == "refused by the venue, and tried again later: it would have traded at once"


# ── links ───────────────────────────────────────────────────────────────────────────────────────


def test_the_first_vain_attempt_to_connect_is_told_once() -> None:
    t = Trial(connect=False)
    for seconds in (1, 2):
        t.hear(LinkDown(MAIN, f"nobody listens, for {seconds} s"))
    assert said_of_account(t) == ["not connected: nobody listens, for 1 s"]
    assert needs(t)[0] == f"{MAIN} is not ready: nobody listens, for 2 s"


def test_a_refusal_that_is_not_tried_again_is_told_once_and_says_how_to_go_on() -> None:
    t = Trial()
    t.hear(LinkDown(MAIN, "the key is wrong", stopped=True))
    assert needs(t) == (
        f"{MAIN} is not ready: the key is wrong; not tried again; mended? kedge reconnect {MAIN}",
    )
    t.connect(MAIN)
    assert needs(t) == (), "the alarm is over with what it was about"


def test_what_is_odd_is_told_and_stays_on_the_list_until_it_is_over() -> None:
    t = Trial()
    t.hear(LinkOdd(MAIN, READ_ONLY))
    t.hear(LinkOdd(MAIN, READ_ONLY))
    assert said_of_account(t).count(READ_ONLY) == 1
    assert needs(t) == (f"{MAIN}: {READ_ONLY}",)
    t.hear(LinkOdd(MAIN, ""))
    assert needs(t) == ()


def test_a_number_that_moves_is_not_news() -> None:
    t = Trial()
    for ms in (1_200, 1_201, 1_202):
        t.hear(LinkOdd(MAIN, f"the clock is {ms} ms ahead"))
    assert len([note for note in said_of_account(t) if "ahead" in note]) == 1


def test_a_person_may_have_an_odd_link_begun_anew() -> None:
    t = Trial()
    assert "connected already" in t.command("account.reconnect", account=MAIN).says
    assert t.take(Retry) == []
    t.hear(LinkOdd(MAIN, READ_ONLY))
    assert "trying" in t.command("account.reconnect", account=MAIN).says
    assert t.take(Retry) == [Retry(MAIN)]


def test_an_audit_that_a_person_asked_for_says_what_came_of_it() -> None:
    t = Trial()
    t.wait(1)
    t.command("account.audit", account=MAIN)
    t.report(MAIN)
    t.report(MAIN)
    assert len([note for note in said_of_account(t) if note.startswith("audited")]) == 1


# ── bots ────────────────────────────────────────────────────────────────────────────────────────


def test_a_symbol_that_nobody_could_check_is_checked_with_the_first_report() -> None:
    t = Trial(connect=False)
    t.add("typo", "puppet", markets=["paper/main:BTC-PREP"])
    t.add("good", "puppet", markets=[PERP])
    t.connect()
    assert t.bot("typo").phase == t.bot("good").phase == "running"
    says = "paper/main does not list 'BTC-PREP'; did you mean BTC-PERP?"
    assert [one for one in needs(t) if "typo" in one] == [f"typo: {says}"]


def test_a_bot_says_what_it_waits_for() -> None:
    t = Trial()
    t.add("b", "puppet")
    t.play("b", wanting())
    assert bot(t, "b").waits_for == ""
    t.lose_book(why="a gap")
    assert bot(t, "b").waits_for == f"{PERP}: a gap"
    t.cut(why="the line was cut")
    assert bot(t, "b").waits_for == f"{MAIN}: the line was cut"


def test_a_market_says_why_it_is_closed() -> None:
    t = Trial(instruments=(perp(status="halted"),))
    t.add("b", "puppet")
    t.play("b", wanting())
    assert bot(t, "b").waits_for == f"{PERP} is halted by the venue"
    market = status(t.e, t.now_ns, 0, 0, 0).accounts[0].markets[0]
    assert (market.open, market.why) == (False, "is halted by the venue")


def test_under_the_kill_switch_a_new_bot_is_told_of_as_what_it_is() -> None:
    t = Trial()
    t.command("desk.kill", why="enough")
    assert "the kill switch is on" in t.command("bot.add", name="b", kind="puppet", config={}).says
    assert bot(t, "b").waits_for == "the kill switch is on"


def test_what_the_bots_file_asks_for_in_vain_needs_a_person() -> None:
    t = Trial()
    args = msgspec.json.encode({"name": "b", "kind": "pegg", "config": {}})
    t.hear(Command("f1", "bots file", "file", "bot.add", Raw(args)))
    assert len(needs(t)) == 1
    assert needs(t)[0].startswith("bots file: b: there is no kind of bot 'pegg'")
