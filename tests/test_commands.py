"""Commands: applied once, answered with one sentence, refused where they make no sense."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, PERP, Puppet, Trial, perp, rest, up_to, wanting
from msgspec import Raw

from kedge.engine.apply import apply
from kedge.engine.bot import Decision
from kedge.engine.effects import AskReport, Cancel
from kedge.engine.look import positions
from kedge.engine.state import COMMANDS_KEPT, Desk, decode_desk, encode_desk
from kedge.model import records as r
from kedge.model.commands import VERBS
from kedge.model.events import Command
from kedge.model.numbers import ZERO
from kedge.model.order import State
from kedge.model.venue import Answer

# ── once ────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_id_acts_once_and_answers_the_same() -> None:
    t = Trial()
    config = {"markets": [PERP]}
    first = t.command("bot.add", "key-1", name="a", kind="puppet", config=config)
    again = t.command("bot.add", "key-1", name="other", kind="puppet", config=config)
    assert (first.ok, first.says) == (again.ok, again.says)
    assert list(t.e.desk.bots) == ["a"]
    assert t.e.counts["commands repeated"] == 1


def test_an_id_is_remembered_over_a_restart() -> None:
    t = Trial()
    t.command("bot.add", "key-1", name="a", kind="puppet", config={})
    t.restart()
    t.command("bot.kill", "kill-1", name="a")
    t.command("bot.resume", name="a")
    t.restart()
    t.command("bot.kill", "kill-1", name="a")
    assert t.bot("a").phase == "running"


def test_a_refusal_is_remembered_too() -> None:
    t = Trial()
    assert not t.command("bot.pause", "p", name="a").ok
    t.add("a")
    assert not t.command("bot.pause", "p", name="a").ok
    assert t.bot("a").phase == "running"


def test_the_result_is_in_the_same_commit_as_the_deed() -> None:
    t = Trial()
    out = t.hear(Command("k", "ann", "cli", "bot.add", Raw(b'{"name":"a","kind":"puppet"}')))
    kinds = [type(x).__name__ for x in out.records]
    assert kinds[:2] == ["BotAdded", "CommandTaken"]


def test_memory_of_commands_is_bounded_and_the_oldest_goes_first() -> None:
    desk = Desk()
    for n in range(COMMANDS_KEPT):
        apply(desk, r.CommandTaken(f"{-n}", "a", "b", "c", Raw(b"{}"), True, ""), 0)
    desk = decode_desk(encode_desk(desk))
    apply(desk, r.CommandTaken("!newest", "a", "b", "c", Raw(b"{}"), True, ""), 0)
    apply(desk, r.CommandTaken("!newer still", "a", "b", "c", Raw(b"{}"), True, ""), 0)
    assert len(desk.commands) == COMMANDS_KEPT
    assert "!newest" in desk.commands
    assert "0" not in desk.commands
    assert "-1" not in desk.commands


# ── arguments ───────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_verb_lists_the_known_ones() -> None:
    taken = Trial().command("bot.dance")
    assert not taken.ok
    assert taken.says == f"there is no command 'bot.dance'; there are: {', '.join(VERBS)}"


@pytest.mark.parametrize("body", [b"", b"{", b"[1,", b'{"name":"a"}}', b"\xff", b"nul"])
def test_arguments_that_are_no_json_never_spoil_the_journal(body: bytes) -> None:
    t = Trial()
    out = t.hear(Command("k", "ann", "cli", "bot.pause", Raw(body)))
    (taken,) = [x for x in out.records if isinstance(x, r.CommandTaken)]
    assert not taken.ok
    assert r.decode(r.encode(taken)) is not None
    t.check()


# What may be given without saying anything more.
ALL_OPTIONAL = ("desk.kill", "desk.revive", "desk.cancel", "desk.reload", "task.stop")


@pytest.mark.parametrize("verb", [v for v in VERBS if v not in ALL_OPTIONAL])
def test_every_verb_refuses_unknown_and_missing_arguments(verb: str) -> None:
    t = Trial()
    assert not t.command(verb).ok
    assert not t.command(verb, nonsense=1).ok
    assert t.records(r.CommandTaken)[-1].says


# ── bots ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"name": "", "kind": "puppet"}, "is no name for a bot"),
        ({"name": "a b", "kind": "puppet"}, "is no name for a bot"),
        ({"name": "x" * 65, "kind": "puppet"}, "is no name for a bot"),
        ({"name": "there", "kind": "puppet"}, "there is a bot 'there' already"),
        ({"name": "a", "kind": "pupet"}, "there is no kind of bot 'pupet'"),
        ({"name": "a", "kind": "puppet", "config": {"market": PERP}}, "market"),
        ({"name": "a", "kind": "puppet", "config": {"markets": [5]}}, "markets"),
        ({"name": "a", "kind": "puppet", "config": {"markets": ["x"]}}, "'x' is no market"),
        ({"name": "a", "kind": "puppet", "config": {"markets": ["x:Y"]}}, "there is no account 'x'"),
        ({"name": "a", "kind": "puppet", "config": {"markets": [f"{MAIN}:Y"]}}, "does not list 'Y'"),
        ({"name": "a", "kind": "puppet", "config": 5}, "puppet"),
    ],
)
def test_what_bot_add_refuses(args: dict[str, Any], says: str) -> None:
    t = Trial()
    t.add("there")
    taken = t.command("bot.add", **args)
    assert not taken.ok
    assert says in taken.says
    assert list(t.e.desk.bots) == ["there"]


def test_a_kind_that_fails_to_check_is_a_refusal_and_no_crash() -> None:
    class Fails(Puppet):
        kind = "fails"

        def check(self, config: Any) -> str:
            raise KeyError("oops")

    t = Trial(kinds={"fails": Fails()})
    taken = t.command("bot.add", name="a", kind="fails")
    assert not taken.ok
    assert "failed to check them: KeyError" in taken.says


@pytest.mark.parametrize("verb", ["bot.amend", "bot.pause", "bot.resume", "bot.stop", "bot.kill", "bot.rm"])
def test_a_bot_that_is_not_there_is_named_with_those_that_are(verb: str) -> None:
    t = Trial()
    t.add("there")
    args = {"config": {}} if verb == "bot.amend" else {}
    taken = t.command(verb, name="a", **args)
    assert (taken.ok, taken.says) == (False, "there is no bot 'a'; there are: there")


def phases(t: Trial, *verbs: str) -> list[str]:
    found = []
    for verb in verbs:
        t.command(f"bot.{verb}", name="a")
        found.append(t.bot("a").phase)
    return found


def test_the_phases_a_person_can_bring_about() -> None:
    t = Trial()
    t.add("a")
    assert phases(t, "pause", "resume", "pause", "stop") == ["paused", "running", "paused", "stopped"]
    assert phases(t, "resume", "kill", "resume") == ["running", "killed", "running"]


def test_a_phase_that_is_there_already_is_no_mistake() -> None:
    t = Trial()
    t.add("a")
    t.command("bot.pause", name="a")
    again = t.command("bot.pause", name="a")
    assert (again.ok, again.says) == (True, "a is paused already")


def test_the_phases_that_do_not_follow_each_other_are_refused() -> None:
    t = Trial()
    t.add("a")
    t.command("bot.kill", name="a")
    for verb in ("pause", "stop"):
        taken = t.command(f"bot.{verb}", name="a")
        assert not taken.ok
        assert "a is killed" in taken.says


def test_amend_changes_what_is_named_and_keeps_the_rest() -> None:
    t = Trial()
    t.add("h", "hedge", market=PERP, qty="0.05", comment="mine")
    assert t.command("bot.amend", name="h", config={"qty": "0.06"}).ok
    config = t.e.bots["h"].config
    assert (str(config.qty), config.comment) == ("0.06", "mine")
    assert t.command("bot.amend", name="h", config={"qty": "0.06"}).says == "h has these parameters already"
    assert not t.command("bot.amend", name="h", config={"quantity": "1"}).ok
    assert not t.command("bot.amend", name="h", config=[1]).ok
    t.restart()
    assert str(t.e.bots["h"].config.qty) == "0.06"


def test_rm_wants_an_ended_bot_with_settled_orders_and_no_position() -> None:
    t = Trial()
    t.play("a", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.fill(place, "0.02")
    assert t.command("bot.rm", name="a").says == "a is running; stop it first"
    t.command("bot.kill", name="a")
    assert "whose fate is open" in t.command("bot.rm", name="a").says
    t.news(place, State.CANCELLED, cum="0.02", version=9)
    assert f"a holds 0.02 {PERP}" in t.command("bot.rm", name="a").says
    taken = t.command("bot.rm", name="a", leave=True)
    assert (taken.ok, taken.says) == (True, f"a is removed; 0.02 {PERP} is the account's own now")
    assert "a" not in t.e.bots
    assert t.e.desk.net(PERP) == t.e.desk.account(MAIN).external["BTC-PERP"].qty == D("0.02")
    t.book(60001)
    t.check()


def test_what_is_left_to_the_account_by_two_inverse_bots_can_be_looked_at() -> None:
    """Their costs may cancel out while their quantities do not: there is then no average price."""
    inverse = perp(kind="inverse", settle="BTC", min_notional=ZERO)
    t = Trial(instruments=(inverse,))
    for name, side, qty, price in (("a", "buy", 10, 60000), ("b", "sell", 5, 30000)):
        t.play(name, up_to(side, price, qty))
        place = t.opened(t.placed())
        t.fill(place, qty)
        t.command("bot.kill", name=name)
        assert t.command("bot.rm", name=name, leave=True).ok
    (left,) = positions(t.e)
    assert (left.qty, left.average) == (5, 0)


def test_tell_knows_the_kinds_words() -> None:
    t = Trial()
    t.add("a")
    taken = t.tell("a", "close")
    assert (taken.ok, taken.says) == (
        False,
        "a puppet does not know the word 'close'; it knows: hello",
    )
    assert t.tell("a", "hello").ok
    t.command("bot.kill", name="a")
    assert not t.tell("a", "hello").ok


def test_telling_a_stopped_bot_wakes_it() -> None:
    t = Trial()
    t.add("a")
    t.command("bot.stop", name="a")
    t.puppet.acts["a"] = lambda v: Decision(v.state)
    assert t.tell("a", "hello").ok
    assert t.bot("a").phase == "running"


# ── the desk ────────────────────────────────────────────────────────────────────────────────────


def test_kill_and_revive_may_be_said_twice() -> None:
    t = Trial()
    for _ in range(2):
        assert t.command("desk.kill", why="x").ok
    assert len(t.records(r.KillSwitch)) == 1
    for _ in range(2):
        assert t.command("desk.revive").ok
    assert len(t.records(r.KillSwitch)) == 2


def test_a_killed_desk_takes_bots_and_sends_nothing() -> None:
    t = Trial()
    t.command("desk.kill")
    t.play("a", wanting(rest("buy", 60000, "0.01")))
    t.nothing_sent()
    assert t.held("a") == "" or "kill switch" in t.held("a")


# ── a person's word on an order ─────────────────────────────────────────────────────────────────


def test_an_unknown_order_is_ended_by_a_persons_word_which_is_recorded() -> None:
    t = Trial()
    t.play("a", up_to("buy", 60000, "0.05"))
    place = t.placed()
    assert not t.command("order.resolve", client_id="nope", fate="absent").ok
    taken = t.command("order.resolve", client_id=place.client_id, fate="absent")
    assert "only an UNKNOWN order needs a person's word" in taken.says
    t.answer(place, Answer.UNKNOWN)
    assert not t.command("order.resolve", client_id=place.client_id, fate="filled").ok
    taken = t.command("order.resolve", client_id=place.client_id, fate="cancelled", why="web shows it")
    assert taken.ok
    assert t.order(place).state is State.CANCELLED
    assert t.records(r.OrderMoved)[-1].reason == "by the word of ann: web shows it"
    t.wait(1)
    t.placed()


def test_an_order_that_traded_cannot_be_declared_absent() -> None:
    t = Trial()
    t.play("a", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.fill(place, "0.01")
    t.restart()
    t.order(place).state = State.UNKNOWN
    taken = t.command("order.resolve", client_id=place.client_id, fate="absent")
    assert not taken.ok
    assert "has traded 0.01" in taken.says


def test_a_word_on_an_order_of_an_account_that_is_gone_does_not_crash() -> None:
    t = Trial(accounts=(MAIN, "other/main"))
    t.play("a", up_to("buy", 60000, "0.05"))
    place = t.placed()
    t.news(place, State.OPEN, cum="0.01")
    del t.rules[MAIN]
    t.restart()
    order = t.order(place)
    order.state = State.UNKNOWN
    assert t.command("order.resolve", client_id=place.client_id, fate="cancelled").ok


# ── accounts ────────────────────────────────────────────────────────────────────────────────────


def test_an_audit_asks_the_account_now() -> None:
    t = Trial()
    t.wait(1)
    t.take(AskReport)
    assert t.command("account.audit", account=MAIN).ok
    assert t.reports_asked() == 1
    assert "there is no account" in t.command("account.audit", account="x").says
    t.cut()
    assert "is not connected: the line was cut" in t.command("account.audit", account=MAIN).says


def test_killing_a_bot_cancels_and_keeps_its_position() -> None:
    t = Trial()
    t.play("a", up_to("buy", 60000, "0.05"))
    place = t.opened(t.placed())
    t.fill(place, "0.02")
    t.command("bot.kill", name="a")
    assert [c.client_id for c in t.take(Cancel)] == [place.client_id]
    t.fill(place, "0.01")
    t.nothing_sent()
    assert t.slot("a").tally.net == D("0.03")
    assert any("0.01 BTC-PERP filled while it is killed" in x for x in t.alarms())
