"""What only one living bot may hold: two hedges for one preorder are never at work together."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import PERP, Trial
from hypothesis import given
from hypothesis import strategies as st

from kedge.bots.hedge import Hedge, HedgeConfig
from kedge.engine.effects import Place
from kedge.engine.look import status
from kedge.engine.residue import residue
from kedge.model.numbers import ONE
from kedge.model.order import State
from kedge.model.venue import PlaceOrder


def hedge(t: Trial, name: str, preorder: str = "1234", **more: Any) -> str:
    """What the desk says; "" when it is running."""
    config = {"market": PERP, "qty": "0.01", "preorder": preorder, **more}
    taken = t.command("bot.add", name=name, kind="hedge", config=config)
    return "" if taken.ok else taken.says


def test_a_hedge_claims_its_preorder() -> None:
    assert Hedge().claim(HedgeConfig(PERP, ONE, preorder="7")) == "preorder 7"
    assert Hedge().claim(HedgeConfig(PERP, ONE)) == ""


def test_a_second_holder_is_refused_by_name_while_the_first_lives() -> None:
    t = Trial()
    assert hedge(t, "a") == ""
    assert hedge(t, "b") == "preorder 1234 is held by a, which is running; only one bot at a time may hold it"
    assert hedge(t, "b", "1235") == ""
    assert hedge(t, "c", "") == hedge(t, "d", "") == "", "no preorder, no claim"
    t.command("bot.kill", name="a")
    assert "held by a, which is killed" in hedge(t, "e")
    t.check()


def test_an_amend_may_not_take_it_either_and_gives_up_what_it_had() -> None:
    t = Trial()
    hedge(t, "a", "1")
    hedge(t, "b", "2")
    assert "held by a" in t.command("bot.amend", name="b", config={"preorder": "1"}).says
    assert t.command("bot.amend", name="a", config={"preorder": "3"}).ok
    assert t.command("bot.amend", name="b", config={"preorder": "1"}).ok
    assert t.command("bot.amend", name="b", config={"qty": "0.02"}).ok, "its own claim is not in its way"


def ended_flat() -> Trial:
    """A hedge that was stopped before anything traded."""
    t = Trial()
    hedge(t, "a")
    t.opened(t.placed())
    t.command("bot.stop", name="a")
    assert "held by a" in hedge(t, "b"), "its order is still open"
    t.restart()
    assert "held by a" in hedge(t, "b")
    (mine,) = t.asked.values()
    t.news(mine, State.CANCELLED)
    t.run_until(lambda: t.bot("a").phase == "stopped")
    return t


def test_who_has_ended_flat_holds_nothing_and_does_not_wake_where_another_took_over() -> None:
    t = ended_flat()
    assert hedge(t, "b") == ""
    assert "held by b" in t.command("bot.resume", name="a").says
    assert "held by b" in t.tell("a", "close").says
    assert t.bot("a").phase == "stopped"
    t.check()


def test_who_has_ended_flat_may_wake_where_nobody_took_over() -> None:
    t = ended_flat()
    assert t.tell("a", "close").ok
    t.take(Place)
    t = ended_flat()
    assert t.command("bot.rm", name="a").ok
    assert hedge(t, "a") == ""


def test_who_ended_with_something_open_still_holds_it() -> None:
    t = Trial()
    hedge(t, "a")
    mine = t.opened(t.placed())
    t.fill(mine, "0.01")
    t.command("bot.stop", name="a")
    t.run_until(lambda: t.bot("a").phase == "stopped")
    assert "held by a, which is stopped" in hedge(t, "b")
    assert t.command("bot.rm", name="a", leave=True).ok
    assert hedge(t, "b") == ""


def needs(t: Trial) -> list[str]:
    return [said for said in status(t.e, t.e.now_ns, 0, 0, 0).needs if "preorder 1234" in said]


def a_late_fill() -> Trial:
    """It had been stopped before anything traded, another took its preorder over, and then it had traded."""
    t = ended_flat()
    late = next(iter(t.asked.values()))
    assert hedge(t, "b") == ""
    t.opened(t.placed())
    t.fill(late, "0.004")
    return t


def closing_order(t: Trial) -> PlaceOrder:
    """Of the older one, once the newer one's order, which it would meet, has made way."""
    standing = next(place for place in reversed(list(t.asked.values())) if t.order(place).bot == "b")
    t.news(standing, State.CANCELLED)
    t.wait("0.3", keep_books=True)
    place = t.placed()
    assert t.order(place).bot == "a"
    return place


def test_a_late_fill_beside_a_new_holder_is_said_loudly_until_it_is_closed() -> None:
    t = a_late_fill()
    words = (
        "preorder 1234 is b's, and a late fill has woken a, which holds -0.004 paper/main:BTC-PERP:"
        " kedge bot close a; it takes no new risk"
    )
    assert words in needs(t)
    assert any("a late fill has woken a" in said for said in t.alarms())
    t.restart()
    assert words in needs(t), "it is so in the next life, too"
    assert "held by b" in t.command("bot.resume", name="a").says
    t.check()


def test_the_older_one_closes_what_was_filled_late_and_nothing_more() -> None:
    t = a_late_fill()
    t.take(Place)
    assert t.tell("a", "close").ok
    assert t.bot("a").phase == "stopping"
    closing = closing_order(t)
    assert (closing.side, closing.qty) == ("buy", D("0.004"))
    t.fill(t.opened(closing), "0.004")
    t.run_until(lambda: t.bot("a").phase == "stopped")
    assert not residue(t.bot("a"))
    assert t.slot("a", "open").tally.sold == D("0.004"), "nothing new was opened"
    assert needs(t) == []
    assert "held by b" in t.tell("a", "close").says
    assert t.bot("b").phase == "running"
    t.check()


def test_one_that_had_closed_closes_again_by_itself_beside_the_new_holder() -> None:
    t = Trial()
    hedge(t, "a")
    first = t.opened(t.placed())
    t.fill(first, "0.006")
    t.tell("a", "close")
    t.news(first, State.CANCELLED, "0.006")
    t.wait(1, keep_books=True)
    closing = t.placed()
    t.fill(t.opened(closing), "0.006")
    t.run_until(lambda: t.bot("a").phase == "stopped")
    assert hedge(t, "b") == ""
    t.opened(t.placed())
    t.fill(first, "0.004")
    assert t.bot("a").phase == "stopping"
    assert needs(t)
    again = closing_order(t)
    assert (again.side, again.qty) == ("buy", D("0.004"))
    t.fill(t.opened(again), "0.004")
    t.run_until(lambda: t.bot("a").phase == "stopped")
    assert needs(t) == []
    t.check()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "amend", "stop", "kill", "resume", "rm", "tell", "restart"]),
            st.sampled_from("abc"),
            st.sampled_from("12"),
        ),
        max_size=25,
    )
)
def test_never_two_living_holders_whatever_people_do(deeds: list[tuple[str, str, str]]) -> None:
    t = Trial(connect=False)
    for what, name, preorder in deeds:
        if what == "add":
            hedge(t, name, preorder)
        elif what == "amend":
            t.command("bot.amend", name=name, config={"preorder": preorder})
        elif what == "tell":
            t.tell(name, "close")
        elif what == "restart":
            t.restart(connect=False)
        else:
            t.command(f"bot.{what}", name=name)
        living = [row for row in t.e.desk.bots.values() if row.phase != "stopped" or residue(row)]
        claims = [row.claim for row in living]
        assert len(claims) == len(set(claims)), claims
    t.check()
