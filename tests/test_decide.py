"""The supervisor of bots: nonsense and exceptions park one bot, and nothing it says can harm the journal."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D
from decimal import getcontext
from typing import Any, ClassVar

import pytest
from builders import PERP, SECOND, Puppet, PuppetState, Trial, rest, target, wanting
from msgspec import Raw, Struct

import kedge.engine.decide as decide
from kedge.engine.bot import Bot, Decision, Note, Send
from kedge.engine.effects import Place
from kedge.engine.wants import Rest
from kedge.model import records as r
from kedge.model.order import State


def readable(t: Trial) -> None:
    """Whatever was written can be read again."""
    for _, record in t.entries:
        assert r.decode(r.encode(record)) == record or isinstance(record, (r.Told, r.CommandTaken))
    t.check()


def raises(view: Any) -> Decision[Any]:
    raise ZeroDivisionError("price / nothing")


# ── parking ─────────────────────────────────────────────────────────────────────────────────────


def test_an_exception_parks_only_that_bot_and_pulls_its_orders() -> None:
    t = Trial()
    t.play("good", wanting(rest("buy", 59990, "0.01")))
    t.opened(t.placed())
    t.play("bad", wanting(rest("buy", 59980, "0.01")))
    order = t.opened(t.placed())
    t.puppet.acts["bad"] = raises
    t.book(60001)
    assert (t.bot("bad").phase, t.bot("good").phase) == ("parked", "running")
    assert t.bot("bad").why == "ZeroDivisionError: price / nothing"
    assert t.cancelled() == order.client_id
    assert "parked: ZeroDivisionError: price / nothing" in t.alarms()
    t.news(order, State.CANCELLED, version=9)
    t.puppet.acts["bad"] = wanting(rest("buy", 59980, "0.01"))
    t.book(60002)
    t.nothing_sent()
    assert t.command("bot.resume", name="bad").ok
    t.wait(1)
    t.placed()


NONSENSE: list[tuple[str, Callable[[Any], Any], str]] = [
    ("nothing", lambda v: None, "decide returned NoneType"),
    ("a list", lambda v: [rest("buy", 1, 1)], "decide returned list"),
    ("another's state", lambda v: Decision(Struct()), "not its own State"),
    ("a twin slot", lambda v: Decision(v.state, (rest("buy", 1, 1), rest("sell", 2, 1))), "two wants"),
    ("elsewhere", lambda v: Decision(v.state, (rest("buy", 1, 1, market="a:B"),)), "does not watch"),
    ("negative", lambda v: Decision(v.state, (rest("buy", 1, -1),)), "wants the number Decimal('-1')"),
    ("not a number", lambda v: Decision(v.state, (rest("buy", "NaN", 1),)), "wants the number"),
    ("a boundless price", lambda v: Decision(v.state, (rest("buy", "Infinity", 1),)), "wants the number"),
    ("a boundless sum", lambda v: Decision(v.state, (target("-Infinity"),)), "wants the number"),
    ("no sum", lambda v: Decision(v.state, (target("NaN"),)), "wants the number"),
    ("a float", lambda v: Decision(v.state, (Rest("main", PERP, "buy", 1.5, D(1)),)), "the number 1.5"),  # type: ignore[arg-type]
    ("a float sum", lambda v: Decision(v.state, (target(0, slip=0.5),)), "the number 0.5"),
    ("a NaN trigger", lambda v: Decision(v.state, (rest("buy", 1, 1, trigger_price=D("NaN")),)), "number"),
    ("a side", lambda v: Decision(v.state, (rest("long", 1, 1),)), "side 'long'; there is buy, sell"),  # type: ignore[arg-type]
    ("a tif", lambda v: Decision(v.state, (rest("buy", 1, 1, tif="GTC"),)), "tif 'GTC'"),  # type: ignore[arg-type]
    ("a role", lambda v: Decision(v.state, (rest("buy", 1, 1, role="hedge"),)), "role 'hedge'"),  # type: ignore[arg-type]
    ("a how", lambda v: Decision(v.state, (target(1, how="taker"),)), "how 'taker'"),
    ("a want", lambda v: Decision(v.state, ("buy",)), "AttributeError"),  # type: ignore[arg-type]
    ("a level", lambda v: Decision(v.state, notes=(Note("x", "warning"),)), "a level is one of"),  # type: ignore[arg-type]
    ("a note", lambda v: Decision(v.state, notes=(Note(5),)), "its note is"),  # type: ignore[arg-type]
    ("done", lambda v: Decision(v.state, done=True), "`done` is True"),  # type: ignore[arg-type]
    ("a message", lambda v: Decision(v.state, messages=(Send("b", "x", Raw(b"{")),)), "DecodeError"),
    ("a state", lambda v: Decision(PuppetState(object())), "TypeError"),  # type: ignore[arg-type]
    (
        "a flood",
        lambda v: Decision(v.state, tuple(rest("buy", 1, 1, slot=str(n)) for n in range(2001))),
        "the most is 2000",
    ),
    ("a long name", lambda v: Decision(v.state, (rest("buy", 1, 1, slot="x" * 65),)), "longer than 64"),
]


def test_slots_are_used_again_or_the_bot_is_parked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of its own for every order would be remembered for ever."""
    monkeypatch.setattr(decide, "SLOTS_MOST", 3)
    t = Trial()
    for n in range(3):
        t.play("b", wanting(rest("buy", 60000, "0.01", slot=f"slot-{n}")))
        t.fill(t.opened(t.placed()), "0.01")
        t.take(Place)
    t.play("b", wanting(rest("buy", 59990, "0.01", slot="slot-1")))
    assert t.bot("b").phase == "running", "one that is known may be used again"
    t.take(Place)
    t.play("b", wanting(rest("buy", 59990, "0.01", slot="slot-1"), rest("buy", 59980, "0.01", slot="slot-3")))
    assert t.bot("b").why == "a slot beside 3 others; the most is 3: use them again"


@pytest.mark.parametrize(("act", "says"), [(a, s) for _, a, s in NONSENSE], ids=[n for n, _, _ in NONSENSE])
def test_nonsense_parks_the_bot_and_never_reaches_the_journal(act: Callable[[Any], Any], says: str) -> None:
    t = Trial()
    t.play("b", act)
    assert t.bot("b").phase == "parked"
    assert says in t.bot("b").why
    t.nothing_sent()
    readable(t)


def test_a_bot_that_changes_decimals_precision_changes_nobody_elses_money() -> None:
    def careless(view: Any) -> Decision[Any]:
        getcontext().prec = 3
        return Decision(view.state, wants=(rest("buy", "60000.5", "0.05"),))

    before = getcontext().prec
    t = Trial()
    t.play("b", careless)
    place = t.opened(t.placed())
    t.fill(place, "0.012", price="60000.5")
    assert getcontext().prec == before
    assert t.slot("b").position.cost == D("720.006")


def test_a_bot_divides_as_decimal_does_everywhere() -> None:
    seen: list[D] = []
    t = Trial()
    t.play("b", lambda v: (seen.append(D(1) / D(3)), Decision(v.state))[1])
    assert seen[0] == D("0.3333333333333333333333333333")


# ── kinds that are somebody's own ───────────────────────────────────────────────────────────────


class OldConfig(Struct, frozen=True, forbid_unknown_fields=True):
    market: str = PERP


class NewState(Struct, frozen=True):
    steps: int = 0
    name: str = ""


class OldState(Struct, frozen=True):
    count: int = 7


class Mine(Bot[OldConfig, OldState]):
    kind = "mine"
    summary = "Written by a user."
    Config = OldConfig
    State: ClassVar[type[Struct]] = OldState

    def markets(self, config: OldConfig) -> tuple[str, ...]:
        return (config.market,)

    def decide(self, view: Any) -> Decision[Any]:
        return Decision(view.state)


class MineAgain(Mine):
    """Two versions later: `count` became `steps`, then `name` came."""

    State = NewState
    state_version = 3

    def migrate(self, version: int, state: dict[str, Any]) -> dict[str, Any]:
        if version == 1:
            return {"steps": state["count"]}
        return {**state, "name": f"from {version}"}


def test_a_state_is_migrated_one_version_at_a_time() -> None:
    t = Trial(kinds={"mine": Mine()})
    t.add("m", "mine")
    t.kinds["mine"] = MineAgain()
    t.restart()
    assert t.bot("m").phase == "running"
    assert t.state("m") == NewState(7, "from 2")


def test_a_migration_that_fails_parks_that_bot_and_the_desk_starts() -> None:
    class Broken(MineAgain):
        def migrate(self, version: int, state: dict[str, Any]) -> dict[str, Any]:
            return {"steps": state["missing"]}

    t = Trial(kinds={"mine": Mine()})
    t.add("m", "mine")
    t.play("b", wanting())
    t.kinds["mine"] = Broken()
    t.restart()
    assert t.bot("m").phase == "parked"
    assert "its parameters or memory cannot be read: KeyError" in t.bot("m").why
    assert t.bot("b").phase == "running"


def test_a_kind_that_is_gone_parks_its_bots_with_a_sentence() -> None:
    t = Trial(kinds={"mine": Mine()})
    t.add("m", "mine")
    del t.kinds["mine"]
    t.restart()
    assert (t.bot("m").phase, t.bot("m").why) == ("parked", "the kind 'mine' is not installed")
    assert not t.command("bot.resume", name="m").ok
    t.kinds["mine"] = Mine()
    t.restart()
    assert t.command("bot.resume", name="m").ok
    assert t.bot("m").phase == "running"


def test_a_kind_whose_markets_cannot_be_told_parks_its_bots() -> None:
    class Nowhere(Mine):
        def markets(self, config: OldConfig) -> tuple[str, ...]:
            raise RuntimeError("no idea")

    t = Trial(kinds={"mine": Mine()})
    t.add("m", "mine")
    t.kinds["mine"] = Nowhere()
    t.restart()
    assert t.bot("m").phase == "parked"


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def marking(soft: bool) -> tuple[list[int], Callable[[Any], Decision[Any]]]:
    mark = [0]
    return mark, lambda v: Decision(PuppetState(mark[0]), soft=soft)


def test_a_soft_state_is_written_at_most_once_a_second() -> None:
    t = Trial()
    mark, act = marking(soft=True)
    t.play("b", act)
    for n in range(50):
        mark[0] = n + 1
        t.wait("0.1")
        t.book(60000 + n)
    written = [x for x in t.records(r.BotStated) if x.bot == "b"]
    assert 4 <= len(written) <= 6
    t.wait(2)
    assert b"50" in bytes(t.records(r.BotStated)[-1].state), "the last one is written in the end"


def test_a_firm_state_is_written_at_once_and_only_when_it_changed() -> None:
    t = Trial()
    mark, act = marking(soft=False)
    t.play("b", act)
    for _ in range(5):
        t.poke("b")
    assert len(t.records(r.BotStated)) == 0
    mark[0] = 1
    t.poke("b")
    mark[0] = 2
    t.poke("b")
    assert len(t.records(r.BotStated)) == 2


def test_a_soft_state_that_was_not_written_is_lost_in_a_crash_and_nothing_else_is() -> None:
    t = Trial()
    mark, act = marking(soft=True)
    t.play("b", act)
    t.wait(2)
    mark[0] = 1
    t.poke("b")
    mark[0] = 2
    t.poke("b")
    del t.puppet.acts["b"]
    t.restart()
    assert t.state("b") == PuppetState(1)


# ── early quotes ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("want", "early", "urgent"),
    [
        (rest("buy", 59990, "0.01", tif="post_only", quote=True), True, False),
        (rest("buy", 59990, "0.01", tif="gtc", quote=True), False, False),
        (rest("buy", 59990, "0.01", tif="post_only"), False, False),
        (rest("buy", 59990, "0.01", role="balance"), False, True),
        (target("0.01"), False, True),
    ],
)
def test_only_post_only_quotes_may_leave_with_their_record(want: Any, early: bool, urgent: bool) -> None:
    t = Trial()
    t.play("b", wanting(want))
    (place,) = t.take(Place)
    assert (place.early, place.urgent) == (early, urgent)
    assert t.records(r.Intent)[-1].quote is early


# ── messages ────────────────────────────────────────────────────────────────────────────────────


def sending(to: str, text: str, most: int = 1) -> Callable[[Any], Decision[Any]]:
    def act(view: Any) -> Decision[Any]:
        if view.state.mark >= most:
            return Decision(view.state)
        return Decision(PuppetState(view.state.mark + 1), messages=(Send(to, text),))

    return act


def heard_by(puppet: Puppet, name: str) -> list[str]:
    return [m.text for view in puppet.seen if view.name == name for m in view.messages]


def test_a_message_reaches_the_other_bot_in_the_same_step_and_once() -> None:
    t = Trial()
    t.play("b", lambda v: Decision(v.state))
    t.play("a", sending("b", "ping"))
    t.book(60001)
    assert heard_by(t.puppet, "b") == ["ping"]
    assert t.bot("b").inbox == []
    t.check()


def test_a_message_to_itself_is_heard() -> None:
    t = Trial()
    t.play("a", sending("a", "note to self"))
    t.book(60001)
    assert heard_by(t.puppet, "a") == ["note to self"]


def test_a_message_that_was_not_heard_before_the_crash_is_heard_after_it() -> None:
    t = Trial()
    t.play("b", raises)
    t.play("a", sending("b", "ping"))
    t.puppet.acts["b"] = lambda v: Decision(v.state)
    t.puppet.seen.clear()
    t.restart()
    assert t.command("bot.resume", name="b").ok
    assert heard_by(t.puppet, "b") == ["ping"]


def test_bots_that_answer_each_other_for_ever_do_not_hold_up_the_step() -> None:
    t = Trial()
    t.play("a", sending("b", "ping", most=10_000))
    t.play("b", sending("a", "pong", most=10_000))
    before = len(t.entries)
    t.poke("a")
    assert len(t.entries) - before < 50
    t.wait(1)
    assert len(t.entries) < 2000


def test_a_message_to_nobody_is_counted_and_does_not_hurt() -> None:
    t = Trial()
    t.play("a", sending("nobody", "ping"))
    assert t.bot("a").phase == "running"
    assert t.e.counts["messages lost"] == 1


def test_an_inbox_is_bounded() -> None:
    t = Trial()
    t.play("b", raises)
    t.play("a", sending("b", "ping", most=500))
    for _ in range(300):
        t.poke("a")
    assert len(t.bot("b").inbox) <= 100


# ── waking and ending ───────────────────────────────────────────────────────────────────────────


def test_a_bot_is_asked_again_when_it_said() -> None:
    t = Trial()
    t.play("b", lambda v: Decision(v.state, wake_ns=v.now_ns + 3 * SECOND))
    asked = len(t.puppet.seen)
    t.wait("2.9")
    assert len(t.puppet.seen) == asked
    t.wait("0.2")
    assert len(t.puppet.seen) == asked + 1


def test_a_wake_in_the_past_does_not_spin() -> None:
    t = Trial()
    t.play("b", lambda v: Decision(v.state, wake_ns=1))
    t.wait("0.1")
    assert len(t.puppet.seen) <= 110


def test_done_waits_for_what_is_open() -> None:
    t = Trial()
    t.play("b", wanting(rest("buy", 59990, "0.01")))
    place = t.opened(t.placed())
    t.play("b", lambda v: Decision(v.state, done="enough"))
    assert t.bot("b").phase == "running"
    t.fill(place, "0.01")
    assert (t.bot("b").phase, t.bot("b").why) == ("stopped", f"enough; left open: 0.01 {PERP}")
    asked = len(t.puppet.seen)
    t.book(60001)
    assert len(t.puppet.seen) == asked, "a stopped bot is not asked any more"


def test_a_paused_bot_keeps_its_balance_and_gives_up_its_risk() -> None:
    t = Trial()
    t.play(
        "b",
        wanting(rest("buy", 59990, "0.01", "risk"), rest("sell", 60010, "0.01", "even", role="balance")),
    )
    risk, balance = [t.opened(p.order) for p in t.take(Place)]
    t.command("bot.pause", name="b")
    assert t.cancelled() == risk.client_id
    assert t.order(balance).live
