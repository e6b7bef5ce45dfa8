"""Timers: one heap, keys that replace each other, nothing that grows."""

from __future__ import annotations

from builders import PERP, SECOND, Trial, up_to, wanting
from hypothesis import given
from hypothesis import strategies as st

from kedge.engine.effects import Amend, Lookup
from kedge.engine.senses import Timers
from kedge.model.order import State
from kedge.model.venue import Answer

A, B = ("bot", "a"), ("bot", "b")


def test_setting_again_replaces() -> None:
    timers = Timers()
    timers.set(A, 10)
    timers.set(A, 20)
    assert timers.take_due(15) == []
    assert timers.next_ns() == 20
    assert timers.take_due(20) == [A]
    assert timers.next_ns() is None


def test_sooner_only_moves_forward() -> None:
    timers = Timers()
    timers.sooner(A, 20)
    timers.sooner(A, 30)
    assert timers.due_ns(A) == 20
    timers.sooner(A, 10)
    assert timers.due_ns(A) == 10


def test_back_to_an_earlier_time_comes_up_once() -> None:
    timers = Timers()
    for due in (10, 20, 10):
        timers.set(A, due)
    assert timers.take_due(30) == [A]


def test_equal_times_come_in_the_order_they_were_set() -> None:
    timers = Timers()
    timers.set(B, 10)
    timers.set(A, 10)
    assert timers.take_due(10) == [B, A]


def test_a_dropped_timer_does_not_come() -> None:
    timers = Timers()
    timers.set(A, 10)
    timers.drop(A)
    timers.drop(B)
    assert timers.next_ns() is None
    assert len(timers) == 0


KEYS = st.sampled_from([("bot", n) for n in "abc"])
OPS = st.lists(st.tuples(st.sampled_from(["set", "sooner", "drop", "take"]), KEYS, st.integers(0, 50)))


@given(OPS)
def test_it_is_a_dict_of_due_times(ops: list[tuple[str, tuple[str, str], int]]) -> None:
    timers, plain = Timers(), {}
    for op, key, at in ops:
        if op == "set":
            timers.set(key, at)
            plain[key] = at
        elif op == "sooner":
            timers.sooner(key, at)
            plain[key] = min(at, plain.get(key, at))
        elif op == "drop":
            timers.drop(key)
            plain.pop(key, None)
        else:
            due = {k for k, v in plain.items() if v <= at}
            assert set(timers.take_due(at)) == due
            plain = {k: v for k, v in plain.items() if k not in due}
        assert timers.next_ns() == min(plain.values(), default=None)
        again = Timers()
        again.load(timers.dump())
        assert again.dump() == timers.dump()


# ── the engine's own use of them ────────────────────────────────────────────────────────────────


def test_an_order_that_rests_in_peace_is_asked_after_by_nobody() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    for n in range(5):
        t.play("b", up_to("buy", 59990 - n, "0.05"))
        assert len(t.take(Amend)) == 1
        t.answer(place, Answer.DONE, request="amend")
        t.wait(1, keep_books=True)
    t.wait(600, keep_books=True)
    assert t.lookups() == []
    assert t.e.timers.due_ns(("order", place.client_id)) is None


def test_a_doubt_after_a_long_rest_is_asked_about_at_once() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.play("b", up_to("buy", 59990, "0.05"))
    t.answer(place, Answer.DONE, request="amend")
    t.wait(600, keep_books=True)
    t.play("b", wanting())
    t.answer(place, Answer.UNKNOWN, request="cancel")
    t.take(Lookup)
    t.wait("0.4")
    assert t.lookups() == [place.client_id]


def test_nothing_is_left_over_when_everything_is_settled() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    for _ in range(5):
        place = t.opened(t.placed())
        t.news(place, State.CANCELLED, version=9)
        t.wait(2, keep_books=True)
        t.take(Lookup)
    t.command("bot.kill", name="b")
    for order in t.e.desk.account("paper/main").orders.values():
        if order.live:
            t.news(t.asked[order.client_id], State.CANCELLED, version=9)
    assert t.e.cares == {}
    t.wait(30)
    rooms = {key[0] for key in t.e.timers._due}
    assert rooms <= {"report", "list", "stale", "bot"}


def test_timers_stay_few_over_a_busy_hour() -> None:
    t = Trial()
    t.play("b", up_to("buy", 60000, "0.05"))
    for n in range(400):
        t.wait("0.5")
        t.book(60000 + n % 7)
    assert len(t.e.timers) < 10
    assert len(t.e.timers._heap) < 600
    assert t.now_ns > SECOND
    assert PERP in t.e.markets
