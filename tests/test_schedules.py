"""Commands that run by themselves: at most once per due time, never in a burst, and said when missed."""

from __future__ import annotations

from typing import Any

import pytest
from builders import MAIN, PERP, SECOND, Trial
from hypothesis import given
from hypothesis import strategies as st

from kedge.engine import look
from kedge.engine.effects import AskReport, Errand
from kedge.engine.schedules import SCHEDULES_MOST
from kedge.model import records as r
from kedge.model.events import ErrandDone

MINUTE, HOUR, DAY = 60, 3600, 86_400


def with_schedule(t: Trial | None = None, **more: Any) -> Trial:
    t = t or Trial()
    if "a" not in t.e.desk.bots:
        t.add("a", markets=[PERP])
    args = {"name": "nap", "verb": "bot.pause", "args": {"name": "a"}, "every": "1h", **more}
    taken = t.command("schedule.set", **args)
    assert taken.ok, taken.says
    return t


def ran(t: Trial) -> list[r.ScheduleRan]:
    return t.records(r.ScheduleRan)


def given_by_schedule(t: Trial) -> list[r.CommandTaken]:
    return [x for x in t.records(r.CommandTaken) if x.via == "schedule"]


# ── on time ─────────────────────────────────────────────────────────────────────────────────────


def test_a_command_is_given_when_it_is_due_and_its_result_is_kept() -> None:
    t = with_schedule()
    began_ns = t.now_ns
    t.wait(HOUR - 1)
    assert not ran(t)
    t.wait(2)
    (taken,) = given_by_schedule(t)
    due_ns = began_ns + HOUR * SECOND
    assert (taken.actor, taken.verb, taken.ok) == ("schedule:nap", "bot.pause", True)
    assert taken.command_id == f"schedule:nap:{due_ns}"
    assert t.bot("a").phase == "paused"
    (shown,) = look.status(t.e, t.now_ns, 0, 0, 0).schedules
    assert (shown.due_ns, shown.ok, shown.says) == (due_ns, True, "a is paused")
    assert shown.next_ns == due_ns + HOUR * SECOND
    t.wait(2 * HOUR)
    assert len(ran(t)) == 3
    t.check()


def test_a_command_that_is_refused_says_so_and_the_schedule_goes_on() -> None:
    t = with_schedule(args={"name": "nobody"})
    t.wait(2 * HOUR + 1)
    assert [x.ok for x in ran(t)] == [False, False]
    assert "there is no bot 'nobody'" in t.e.desk.schedules["nap"].says
    assert any("bot.pause was refused" in note for note in t.notes())


def test_the_result_is_in_the_commit_of_the_command() -> None:
    t = with_schedule()
    t.wait(HOUR + 1)
    kinds = [type(record).__name__ for _, record in t.entries]
    at = kinds.index("ScheduleRan")
    assert kinds[at - 2 : at + 1] == ["BotPhased", "CommandTaken", "ScheduleRan"]
    assert len({ts_ns for ts_ns, _ in t.entries[at - 2 : at + 1]}) == 1


# ── missed ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("missed", "runs"), [("once", 1), ("skip", 0)])
def test_what_was_missed_while_the_desk_was_down_is_run_once_or_only_said(missed: str, runs: int) -> None:
    t = with_schedule(missed=missed)
    t.restart(5 * HOUR + 30 * MINUTE)
    t.wait(MINUTE)
    assert len(given_by_schedule(t)) == runs
    (one,) = ran(t)
    assert bool(one.command_id) is bool(runs)
    assert any("5 runs were missed" in note for note in t.notes())
    assert t.e.desk.schedules["nap"].next_ns > t.now_ns
    t.wait(HOUR)
    assert len(given_by_schedule(t)) == runs + 1
    t.check()


def test_what_is_older_than_a_day_is_not_run() -> None:
    t = with_schedule(every="@weekly")
    t.restart(10 * DAY - (t.now_ns // SECOND) % DAY)
    t.wait(MINUTE)
    due_ns = ran(t)[0].due_ns
    assert t.now_ns - due_ns > DAY * SECOND
    assert not given_by_schedule(t)
    assert any("not run" in note for note in t.notes())


def test_a_short_restart_misses_nothing_and_says_nothing() -> None:
    t = with_schedule()
    t.wait(HOUR - 5)
    t.restart(20)
    t.wait(20)
    assert len(given_by_schedule(t)) == 1
    assert not any("missed" in note for note in t.notes())


def test_a_years_silence_costs_no_years_work() -> None:
    t = with_schedule(every="10s")
    t.restart(365 * DAY)
    t.wait(15)
    assert len(ran(t)) <= 2
    assert len(given_by_schedule(t)) <= 2


def test_a_due_time_is_never_run_twice_however_often_the_desk_dies() -> None:
    t = with_schedule(every="15m")
    for _ in range(40):
        t.wait(4 * MINUTE)
        t.restart(MINUTE)
    ids = [x.command_id for x in given_by_schedule(t)]
    assert len(ids) == len(set(ids)) >= 12
    dues = [x.due_ns for x in ran(t)]
    assert dues == sorted(set(dues))
    t.check()


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 100_000)), min_size=1, max_size=8), st.booleans()
)
def test_runs_never_outnumber_due_times_and_come_in_order(naps: list[tuple[int, int]], once: bool) -> None:
    t = with_schedule(every="10m", missed="once" if once else "skip")
    began_ns = t.now_ns
    for awake_s, away_s in naps:
        t.wait(awake_s)
        t.restart(away_s)
    t.wait(11 * MINUTE)
    dues = [x.due_ns for x in ran(t)]
    assert dues == sorted(set(dues))
    assert all((due_ns - began_ns) % (600 * SECOND) == 0 for due_ns in dues)
    assert t.e.desk.schedules["nap"].next_ns > t.now_ns
    t.check()


# ── the kill switch ─────────────────────────────────────────────────────────────────────────────


def test_the_kill_switch_holds_bots_commands_back_and_lets_others_run() -> None:
    t = with_schedule(verb="bot.resume")
    t.command("schedule.set", name="audit", verb="account.audit", args={"account": MAIN}, every="1h")
    t.command("desk.kill", why="drill")
    t.wait(3 * HOUR + 10)
    assert [x.name for x in ran(t)] == ["audit"] * 3
    assert not t.command("schedule.run", name="nap").ok
    t.command("desk.revive")
    t.wait(1)
    assert [x.name for x in ran(t)][3:] == ["nap"]
    assert any("3 runs were missed" in note or "2 runs were missed" in note for note in t.notes())


# ── people ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "a b"}, "no name"),
        ({"verb": "bot.dance"}, "bot.dance"),
        ({"verb": "schedule.rm"}, "cannot give commands to schedules"),
        ({"args": {"nmae": "a"}}, "nmae"),
        ({"every": "soon"}, "15m"),
        ({"zone": "Mars/X"}, "zone"),
        ({"args": {"name": "a" * 20_000}}, "bytes"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(change: dict[str, Any], words: str) -> None:
    t = Trial()
    args = {"name": "nap", "verb": "bot.pause", "args": {"name": "a"}, "every": "1h", **change}
    taken = t.command("schedule.set", **args)
    assert not taken.ok
    assert words in taken.says
    assert not t.e.desk.schedules


def test_there_is_a_most() -> None:
    t = Trial()
    for number in range(SCHEDULES_MOST):
        assert t.command("schedule.set", name=f"s{number}", verb="desk.reload", every="1d").ok
    assert "200" in t.command("schedule.set", name="more", verb="desk.reload", every="1d").says
    assert t.command("schedule.set", name="s7", verb="desk.reload", every="2d").ok, "a change is no addition"


def test_a_run_by_hand_acts_once_for_each_asking_and_moves_no_due_time() -> None:
    t = with_schedule(verb="account.audit", args={"account": MAIN})
    next_ns = t.e.desk.schedules["nap"].next_ns
    for _ in range(3):
        assert t.command("schedule.run", "press-1", name="nap").ok
    assert len(given_by_schedule(t)) == 1
    assert t.command("schedule.run", "press-2", name="nap").ok
    assert len(given_by_schedule(t)) == 2
    assert t.e.desk.schedules["nap"].next_ns == next_ns
    assert not t.command("schedule.run", name="none").ok


def test_pause_resume_change_and_remove() -> None:
    t = with_schedule(comment="lunch")
    assert t.command("schedule.pause", name="nap").ok
    t.restart(2 * HOUR)
    t.wait(2 * HOUR)
    assert not ran(t)
    assert t.command("schedule.resume", name="nap").ok
    row = t.e.desk.schedules["nap"]
    assert (row.next_ns, row.comment) == (t.now_ns + HOUR * SECOND, "lunch")
    t.wait(HOUR + 1)
    assert len(ran(t)) == 1
    with_schedule(t, every="2h")
    assert t.e.desk.schedules["nap"].says == "a is paused", "a change keeps what came of it last"
    assert t.command("schedule.rm", name="nap").ok
    t.wait(5 * HOUR)
    assert len(ran(t)) == 1
    t.check()


def test_a_zone_that_this_machine_has_forgotten_is_said_and_the_time_that_is_due_is_run() -> None:
    t = with_schedule(every="0 * * * *", zone="Europe/Paris")
    t.e.desk.schedules["nap"].zone = "Atlantis/Capital"
    t.wait(HOUR + 1)
    assert len(given_by_schedule(t)) == 1
    assert t.e.desk.schedules["nap"].next_ns == 0
    assert any("Atlantis" in alarm for alarm in t.alarms())


# ── errands ─────────────────────────────────────────────────────────────────────────────────────


def test_an_errand_is_handed_out_once_and_its_result_is_the_schedules() -> None:
    t = with_schedule(verb="desk.backup", args={"target": "/backups/{date}-{time}"})
    t.wait(HOUR + 1)
    (errand,) = t.take(Errand)
    assert b"/backups/20" in bytes(errand.args)
    assert b"{" not in bytes(errand.args)[1:-1]
    assert "is being written" in t.e.desk.schedules["nap"].says
    assert not t.command("desk.backup", target="/x").ok, "one at a time"
    t.hear(ErrandDone(errand.command_id, False, "the disk is full"))
    t.hear(ErrandDone(errand.command_id, True, "a word too many"))
    row = t.e.desk.schedules["nap"]
    assert (row.ok, row.says) == (False, "the disk is full")
    assert t.alarms() == ["schedule nap: desk.backup: the disk is full"]
    assert t.command("desk.backup", target="/x").ok
    t.check()


def test_an_errand_that_was_cut_off_is_not_begun_again() -> None:
    t = Trial()
    assert t.command("desk.reload", "once").ok
    t.restart()
    assert not t.take(Errand)
    (ended,) = t.records(r.ErrandEnded)
    assert not ended.ok
    assert t.command("desk.reload", "once").ok, "the same answer as before"
    assert not t.take(Errand)
    assert t.command("desk.reload", "again").ok
    assert len(t.take(Errand)) == 1
    t.check()


def test_an_audit_by_schedule_asks_the_venue() -> None:
    t = with_schedule(verb="account.audit", args={"account": MAIN}, every="20m")
    t.take(AskReport)
    t.wait(20 * MINUTE + 2)
    assert t.take(AskReport)
