"""The shell of an account: what is urgent goes first, the rate is kept, nothing is sent too late."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal as D
from itertools import pairwise
from typing import Any

import pytest
from builders import MAIN, RULES, SECOND
from msgspec.structs import replace
from runtime_kit import HandVenue, in_virtual_time, now_ns, settle

from kedge.engine.effects import Amend, AskReport, Cancel, Effect, List, Lookup, Place, Retry, Watch
from kedge.model.events import Answered, Event, Listed, LookedUp, Reported, ReportFailed
from kedge.model.venue import Answer, Ask, PlaceOrder, Rules
from kedge.runtime import shell as shells
from kedge.runtime.shell import Shell
from kedge.runtime.tree import Tree

SLOW = replace(RULES, requests_per_s=10, burst=10, reserve=4)


class Trial:
    """A shell in its tree, a venue by hand, and what came back."""

    def __init__(self, rules: Rules) -> None:
        self.venue = HandVenue(rules=rules)
        self.tree = Tree("test")
        self.heard: list[Event] = []
        self.lease = True
        self.shell = Shell(self.venue, self.tree, now_ns, self.heard.append, lambda: self.lease)

    def give(self, *effects: Effect) -> None:
        for effect in effects:
            self.shell.carry_out(effect)

    def answers(self) -> list[Answered]:
        return [event for event in self.heard if isinstance(event, Answered)]


@contextlib.asynccontextmanager
async def a_trial(rules: Rules = RULES) -> AsyncIterator[Trial]:
    trial = Trial(rules)
    trial.tree.start("shell", trial.shell.run())
    await settle()
    trial.heard.clear()
    try:
        yield trial
    finally:
        trial.tree.finish()
        await trial.tree.ended()
        await trial.tree.close()
        assert trial.venue.closed


def place(number: int, urgent: bool = False, until_s: float = 600, **more: Any) -> Place:
    until_ns = now_ns() + int(until_s * SECOND)
    order = PlaceOrder(f"{number:032x}", "BTC-PERP", "buy", D(1), D(60000), valid_until_ns=until_ns)
    return Place(MAIN, order, urgent, **more)


def cancel(number: int, until_s: float = 600) -> Cancel:
    return Cancel(MAIN, f"{number:032x}", "BTC-PERP", now_ns() + int(until_s * SECOND))


def amend(number: int, until_s: float = 600) -> Amend:
    until_ns = now_ns() + int(until_s * SECOND)
    return Amend(MAIN, f"{number:032x}", "BTC-PERP", D(60001), D(1), until_ns)


def lookup(number: int) -> Lookup:
    return Lookup(MAIN, Ask(f"{number:032x}", "BTC-PERP"))


# ── who goes first ──────────────────────────────────────────────────────────────────────────────


def test_cancels_and_hedges_overtake_what_waits() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.give(place(1), amend(2), place(3), cancel(4), lookup(5), place(6, urgent=True), place(7))
            await settle()
            order = [(what, int(client_id, 16)) for what, client_id in t.venue.left]
            assert order == [
                ("cancel", 4),
                ("place", 6),
                ("lookup", 5),
                ("place", 1),
                ("amend", 2),
                ("place", 3),
                ("place", 7),
            ]

    in_virtual_time(go)


def test_a_thousand_questions_hold_up_no_cancel() -> None:
    """After a night in which nobody answered every order is asked after; the kill switch must not wait."""

    async def go() -> None:
        async with a_trial(SLOW) as t:
            t.give(*[lookup(n) for n in range(1000)])
            await settle()
            t.give(cancel(2001), place(2002, urgent=True))
            await asyncio.sleep(0.3)
            assert [what for what, _ in t.venue.left if what != "lookup"] == ["cancel", "place"]
            await asyncio.sleep(120)
            assert t.venue.count("lookup") == 1000

    in_virtual_time(go)


def test_a_part_of_the_budget_is_kept_for_what_is_urgent() -> None:
    async def go() -> None:
        async with a_trial(SLOW) as t:
            t.give(*[place(n) for n in range(20)])
            await settle()
            assert t.venue.count("place") == 6, "ten at once, less the reserve of four"
            t.give(*[cancel(n) for n in range(20)])
            await settle()
            assert t.venue.count("cancel") == 4
            assert t.venue.count("place") == 6
            await asyncio.sleep(1.7)
            assert t.venue.count("cancel") == 20, "ten a second, and nobody else gets any"
            assert t.venue.count("place") == 6
            await asyncio.sleep(3)
            assert t.venue.count("place") == 20

    in_virtual_time(go)


def test_a_hedge_ends_the_wait_of_what_is_not_urgent() -> None:
    async def go() -> None:
        async with a_trial(replace(SLOW, requests_per_s=1)) as t:
            t.give(*[place(n) for n in range(8)])
            await settle()
            began_ns = now_ns()
            t.give(place(99, urgent=True))
            await settle()
            assert t.venue.orders[-1].client_id == f"{99:032x}"
            assert t.venue.left_ns[-1] - began_ns < SECOND // 10

    in_virtual_time(go)


def test_six_bots_on_one_key_never_exceed_the_venues_rate() -> None:
    async def go() -> None:
        async with a_trial(SLOW) as t:

            async def bot(number: int) -> None:
                for turn in range(40):
                    t.give(place(number * 100 + turn), cancel(number * 100 + turn))
                    await asyncio.sleep(0.05 * (number + 1))

            for number in range(6):
                t.tree.start(f"bot {number}", bot(number), lasting=False)
            await asyncio.sleep(120)
            left_ns = t.venue.left_ns
            assert len(left_ns) == 6 * 40 * 2
            for first, begin_ns in enumerate(left_ns):
                for count, end_ns in enumerate(left_ns[first:], 1):
                    most = SLOW.burst * SECOND + (end_ns - begin_ns) * SLOW.requests_per_s
                    assert count * SECOND <= most, f"{count} within {end_ns - begin_ns} ns"

    in_virtual_time(go)


def test_silent_orders_do_not_hold_up_a_cancel() -> None:
    async def go() -> None:
        many = replace(RULES, burst=1000, requests_per_s=1000)
        async with a_trial(many) as t:
            t.venue.hold = True
            t.give(*[place(n) for n in range(200)])
            await settle()
            places = shells.IN_FLIGHT_MOST - shells.IN_FLIGHT_RESERVE
            assert t.venue.count("place") == places
            t.give(*[cancel(n) for n in range(100)])
            await settle()
            assert t.venue.count("cancel") == shells.IN_FLIGHT_RESERVE
            t.venue.let_go()
            await asyncio.sleep(1)
            assert (t.venue.count("place"), t.venue.count("cancel")) == (200, 100)
            assert len(t.answers()) == 300

    in_virtual_time(go)


# ── what must not be sent ───────────────────────────────────────────────────────────────────────


def test_nothing_is_sent_when_its_time_is_nearly_over() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.give(place(1, until_s=0.04), amend(2, until_s=-1), cancel(3, until_s=0))
            await settle()
            assert t.venue.left == []
            for answer, request in zip(t.answers(), ("cancel", "place", "amend"), strict=True):
                assert (answer.request, answer.answer, answer.unsent) == (request, Answer.REJECTED, True)
                assert answer.reason == "not sent: its time ran out before it could be sent"
            assert t.shell.sent == 0

    in_virtual_time(go)


def test_waiting_for_budget_uses_up_an_orders_time() -> None:
    async def go() -> None:
        async with a_trial(SLOW) as t:
            t.give(*[place(n, until_s=0.5) for n in range(30)])
            await asyncio.sleep(5)
            assert 6 < t.venue.count("place") < 12
            unsent = [answer for answer in t.answers() if answer.unsent]
            assert len(unsent) == 30 - t.venue.count("place")
            allowed = zip(t.venue.orders, t.venue.left_ns, strict=True)
            assert all(at_ns <= order.valid_until_ns - shells.MARGIN_NS for order, at_ns in allowed)

    in_virtual_time(go)


def test_without_the_lease_nothing_is_sent_and_questions_are_harmless() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.lease = False
            t.give(place(1), place(2, urgent=True), place(3, early=True), amend(4), cancel(5), lookup(6))
            await settle()
            assert [what for what, _ in t.venue.left] == ["lookup"]
            answers = t.answers()
            assert len(answers) == 5
            assert {answer.reason for answer in answers} == {
                "not sent: this process no longer holds the lease"
            }
            assert all(answer.unsent for answer in answers)

    in_virtual_time(go)


def test_a_full_queue_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shells, "QUEUE_MOST", 3)

    async def go() -> None:
        async with a_trial(SLOW) as t:
            t.shell.budget.exhaust(0)
            t.give(*[place(n) for n in range(4)], amend(4))
            t.give(*[cancel(n) for n in range(3)], *[lookup(n) for n in range(3)])
            t.give(cancel(10), lookup(11), AskReport(MAIN, ""), place(12, urgent=True))
            says = "the request queue is full"
            requests = [(a.request, a.reason) for a in t.answers()]
            assert requests == [
                ("place", f"not sent: {says}"),
                ("amend", f"not sent: {says}"),
                ("cancel", f"not sent: {says}"),
                ("place", f"not sent: {says}"),
            ]
            others = [event for event in t.heard if not isinstance(event, Answered)]
            assert others == [LookedUp(MAIN, f"{11:032x}", now_ns(), error=says), ReportFailed(MAIN, says)]

    in_virtual_time(go)


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def test_every_answer_comes_back_as_an_event() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.give(place(1), amend(1), cancel(1), lookup(1), AskReport(MAIN, "c1"))
            await settle()
            assert sorted(answer.request for answer in t.answers()) == ["amend", "cancel", "place"]
            assert [type(e) for e in t.heard if not isinstance(e, Answered)] == [LookedUp, Reported]
            assert t.shell.sent == 3
            t.venue.report_says = "the venue is away"
            t.give(AskReport(MAIN, "c1"))
            await settle()
            assert t.heard[-1] == ReportFailed(MAIN, "the venue is away")

    in_virtual_time(go)


def test_of_subscriptions_only_the_newest_waits_and_they_are_told_in_order() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.venue.hold = True
            t.give(Watch(MAIN, ("A",)))
            await settle()
            for symbols in (("A", "B"), ("B",), ("B", "C")):
                t.give(Watch(MAIN, symbols))
                await settle()
            assert t.venue.watched == [("A",)], "one after another"
            t.venue.let_go()
            await settle()
            assert t.venue.watched == [("A",), ("B", "C")]
            t.give(Watch(MAIN, ()))
            await settle()
            assert t.venue.watched[-1] == ()

    in_virtual_time(go)


def test_what_waits_for_one_another_keeps_its_order() -> None:
    async def go() -> None:
        async with a_trial(SLOW) as t:
            t.give(*[place(n) for n in range(25)])
            await asyncio.sleep(10)
            numbers = [int(order.client_id, 16) for order in t.venue.orders]
            assert numbers == list(range(25))
            assert all(a <= b for a, b in pairwise(t.venue.left_ns))

    in_virtual_time(go)


def test_a_venue_that_wants_to_be_left_alone_is_left_alone() -> None:
    """A refusal for too many requests is not followed by the next one."""

    async def go() -> None:
        async with a_trial() as t:
            t.venue.retry_ns = 5 * SECOND
            t.give(place(1))
            await settle()
            t.venue.retry_ns = 0
            t.give(place(2), cancel(3))
            await settle()
            assert len(t.answers()) == 1
            await asyncio.sleep(5.1)
            assert len(t.answers()) == 3

    in_virtual_time(go)


def test_a_count_of_orders_that_is_used_up_holds_up_no_cancel() -> None:
    """What an adapter did not send, for want of room in its own count, says nothing of anything else."""

    async def go() -> None:
        async with a_trial() as t:
            t.venue.retry_ns, t.venue.unsent = 5 * SECOND, True
            t.give(place(1))
            await settle()
            t.venue.retry_ns, t.venue.unsent = 0, False
            t.give(place(2), cancel(3))
            await settle()
            assert [answered.request for answered in t.answers()] == ["place", "cancel"]
            await asyncio.sleep(5.1)
            assert len(t.answers()) == 3

    in_virtual_time(go)


def test_a_persons_word_has_the_venue_tried_again() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.give(Retry(MAIN))
            assert t.venue.retries == 1

    in_virtual_time(go)


# ── stop orders ─────────────────────────────────────────────────────────────────────────────────


def stop(number: int) -> Place:
    made = place(number)
    return replace(made, order=replace(made.order, kind="take", trigger_price=D(50000)))


def test_stop_orders_have_an_allowance_of_their_own() -> None:
    async def go() -> None:
        async with a_trial(replace(SLOW, stops_per_min=15)) as t:
            t.give(*[stop(n) for n in range(20)], place(100))
            await settle()
            assert t.venue.count("place") == 16, "fifteen of them, and the plain one is not held up"
            refused = [one for one in t.answers() if one.unsent]
            assert [int(one.client_id, 16) for one in refused] == [15, 16, 17, 18, 19]
            assert all(one.retry_ns > 59 * SECOND for one in refused), "the engine is told when to try again"
            assert t.shell.allowance[0] == 1, "they use up nothing that others need"
            await asyncio.sleep(61)
            t.give(*[stop(n) for n in range(15, 20)])
            await settle()
            assert t.venue.count("place") == 21

    in_virtual_time(go)


def test_a_limit_of_stop_orders_stops_nothing_else() -> None:
    async def go() -> None:
        async with a_trial(replace(SLOW, stops_per_min=15)) as t:
            t.venue.retry_ns = 30 * SECOND
            t.give(stop(1))
            await settle()
            t.venue.retry_ns = 0
            t.give(stop(2), replace(cancel(3), stop=True), place(4), cancel(5))
            await settle()
            left = [(what, int(client_id, 16)) for what, client_id in t.venue.left]
            assert left == [("place", 1), ("cancel", 5), ("place", 4)]
            await asyncio.sleep(31)
            t.give(stop(6), replace(cancel(7), stop=True))
            await settle()
            assert t.venue.count("place") == 3
            assert t.venue.count("cancel") == 2

    in_virtual_time(go)


def test_a_life_that_has_lost_the_lease_burns_no_key() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.lease = False
            t.give(Lookup(MAIN, Ask(f"{1:032x}", "BTC-PERP", burn=True)), lookup(2))
            await settle()
            assert [int(client_id, 16) for _, client_id in t.venue.left] == [2], "looking harms nobody"
            assert next(event.error for event in t.heard if isinstance(event, LookedUp))

    in_virtual_time(go)


def test_the_list_of_instruments_is_asked_for_and_told() -> None:
    async def go() -> None:
        async with a_trial() as t:
            t.give(List(MAIN))
            await settle()
            assert [len(event.instruments) for event in t.heard if isinstance(event, Listed)] == [1]

    in_virtual_time(go)
