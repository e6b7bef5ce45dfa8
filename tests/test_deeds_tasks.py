"""What a trader types becomes arguments, in either order; tasks and prices are read from a status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal as D
from typing import Any

import pytest
from fake_port import NOW, a_status
from moex_floor import MOEX, floor
from msgspec.structs import replace

from kedge.desk import deeds_tasks as words
from kedge.desk.commands import BY_NAME, with_usual
from kedge.desk.deed import WordsWrong
from kedge.desk.screens import Look
from kedge.desk.screens_tasks import sprices_screen, stashes_screen, tasks_screen
from kedge.desk.tasks import asked_for, prices_of, tasks_of
from kedge.engine import look
from kedge.model.instrument import Session
from kedge.model.looks import StashLook, Status
from kedge.runtime import lists_from_settings
from kedge.settings import SettingsWrong, parse

HOUR = 3600 * 1_000_000_000
Speak = Callable[[Sequence[str]], dict[str, Any]]


# ── words ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("speak", "line", "wanted"),
    [
        (words.trade_words, "SBER 300000", {"ticker": "SBER", "sum": "300000"}),
        (words.trade_words, "100 SBER", {"ticker": "SBER", "qty": "100"}),
        (words.trade_words, "SBER 300_000,5", {"ticker": "SBER", "sum": "300000.5"}),
        (words.trade_words, "100 SBER 250,5", {"ticker": "SBER", "qty": "100", "limit": "250.5"}),
        (words.nuke_words, "SBER 400000", {"ticker": "SBER", "sum": "400000"}),
        (words.nuke_words, "400000 SBER", {"ticker": "SBER", "sum": "400000"}),
        (
            words.spread_words,
            "SiZ6 SiH7 -120,5 10",
            {"far": "SiZ6", "near": "SiH7", "price": "-120.5", "qty": "10"},
        ),
        (
            words.spread_words,
            "SiZ6 SiH7 0 10 BUY 2",
            {"far": "SiZ6", "near": "SiH7", "price": "0", "qty": "10", "ratio": "2", "side": "buy"},
        ),
        (words.ladder_words, "", {}),
        (words.ladder_words, "SBER,GAZP LKOH 50000", {"tickers": "SBER,GAZP LKOH", "sum": "50000"}),
        (words.amend_words, "t qty=5 price=-1,5", {"name": "t", "qty": "5", "price": "-1.5"}),
        (words.amend_words, "t amount=5", {"name": "t", "qty": "5"}),
        (words.amend_words, "t levels=10,20", {"name": "t", "levels": "10,20"}),
        (words.list_words, "Whitelist SBER GAZP", {"name": "whitelist", "items": "SBER GAZP"}),
        (words.list_words, "whitelist", {"name": "whitelist", "items": ""}),
    ],
)
def test_words_become_arguments(speak: Speak, line: str, wanted: dict[str, Any]) -> None:
    assert speak(line.split()) == wanted


@pytest.mark.parametrize(
    ("speak", "lines"),
    [
        (
            words.trade_words,
            ("", "SBER", "1 2", "SBER GAZP", "SBER -5", "0 SBER", "1 SBER x", "1 S 2 3", "nan S"),
        ),
        (words.nuke_words, ("", "SBER", "1 2", "SBER x", "SBER 1 2")),
        (words.spread_words, ("", "A B 1", "A B x 1", "A B 1 x", "A B 1 0", "A B 1 1 buy sell", "A B 1 1 x")),
        (words.ladder_words, ("1 2", "SBER 1 2")),
        (words.amend_words, ("", "t", "t qty", "t qty=", "t qty=x", "t colour=1", "t qty=1 qty=2")),
        (words.items_words, ("", "whitelist")),
    ],
)
def test_what_fits_no_form_is_said(speak: Speak, lines: tuple[str, ...]) -> None:
    for line in lines:
        with pytest.raises(WordsWrong):
            speak(line.split())


def test_every_spoken_deed_shows_its_form() -> None:
    spoken = [deed for deed in BY_NAME.values() if deed.spoken is not None]
    assert {"sell", "buy", "spread", "stops", "shorts", "nuke", "amend", "list add"} <= {
        d.name for d in spoken
    }
    assert all(deed.form for deed in spoken)


# ── tasks ───────────────────────────────────────────────────────────────────────────────────────


def status_of(t: Any) -> Status:
    return look.status(t.e, t.now_ns, t.now_ns, 0, 0)


def test_tasks_have_amount_progress_and_average() -> None:
    t = floor()
    t.command("task.sell", ticker="SBER", qty="100", name="s")
    t.fill(t.opened(t.placed()), 30, account=MOEX)
    t.command("task.spread", far="SRZ6", near="SBER", price="2.5", qty="5", name="x")
    t.command("task.stops", tickers="SBER GAZP", name="l")
    t.wait(1)
    lines = {one.task: one for one in tasks_of(status_of(t))}
    assert (lines["s"].amount, lines["s"].done, lines["s"].average) == (D(100), D(30), D("250.01"))
    assert lines["s"].progress == "[30 / 100] at 250.01"
    assert (lines["x"].what, lines["x"].price, lines["x"].progress) == ("SRZ6 / SBER", D("2.5"), "[0 / 5]")
    assert lines["l"].now == "6 of 6 orders stand, 0 have traded"
    assert [one.task for one in asked_for(status_of(t), "sellbuy")] == ["s"]
    assert [one.task for one in asked_for(status_of(t), "spreads")] == ["x"]
    t.command("bot.pause", name="s")
    assert next(one for one in tasks_of(status_of(t)) if one.task == "s").phase == "paused"
    t.command("bot.kill", name="s")
    assert "s" not in [one.task for one in tasks_of(status_of(t))]


def test_the_spread_that_was_got_is_the_average() -> None:
    t = floor()
    t.book(250, market=f"{MOEX}:SBER", qty=10_000)
    t.command("task.spread", far="SRZ6", near="SBER", price="-100", qty="2", ratio="100", name="x")
    t.book(250, market=f"{MOEX}:SBER", qty=10_000)
    t.fill(t.opened(t.placed()), 1, account=MOEX)
    t.fill(t.opened(t.placed()), 100, account=MOEX)
    (line,) = tasks_of(status_of(t), ("spread",))
    far, near = t.slot("x", "far").tally, t.slot("x", "near").tally
    assert line.average == (far.sold_value - near.bought_value) / far.sold != 0
    assert line.progress == f"[1 / 2] at {line.average.normalize()}"


def test_prices_of_spreads_are_those_both_legs_would_get() -> None:
    t = floor()
    t.command("task.spread", far="SRZ6", near="SBER", price="2.5", qty="5", ratio="100", name="x")
    t.book(250, market=f"{MOEX}:SBER")
    t.book(25_003, market=f"{MOEX}:SRZ6")
    (line,) = prices_of(status_of(t))
    assert (line.sell, line.buy) == (D(25_004) - 100 * D("250.01"), D(25_003) - 100 * D(250))
    assert (line.wanted, line.open, line.opens_ns) == (D("2.5"), True, 0)


def test_those_that_do_not_trade_say_when_both_legs_will() -> None:
    sessions = (Session(NOW + HOUR, NOW + 2 * HOUR),)
    t = floor(now_ns=NOW, sessions=sessions)
    t.command("task.spread", far="SRZ6", near="SBER", price="2.5", qty="5", name="x")
    (line,) = prices_of(status_of(t))
    assert (line.open, line.opens_ns) == (False, NOW + HOUR)
    assert "opens in 60 min" in written(sprices_screen(status_of(t), Look(NOW)))


def written(screen: Any) -> str:
    import io

    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=120).print(screen.draw(120))
    return out.getvalue()


def test_screens_of_the_command_line() -> None:
    t = floor()
    assert "no task is at work" in written(tasks_screen(status_of(t), Look(t.now_ns)))
    t.command("task.buy", ticker="SBER", qty="100", name="b")
    assert "[0 / 100]" in written(tasks_screen(status_of(t), Look(t.now_ns)))
    assert "no spread is at work" in written(sprices_screen(status_of(t), Look(t.now_ns)))
    assert "nothing is saved" in written(stashes_screen(status_of(t), Look(t.now_ns)))
    saved = replace(a_status(), stashes=(StashLook("night", MOEX, 11, NOW, "b puts it back"),))
    assert "b puts it back" in written(stashes_screen(saved, Look(NOW)))


# ── lists of the settings ───────────────────────────────────────────────────────────────────────


def follow(t: Any, **moex: Any) -> list[str]:
    commands = lists_from_settings.changes(t.e.desk, parse({"moex": moex}).moex, t.now_ns)
    for command in commands:
        t.hear(command)
        assert t.e.desk.commands[command.command_id][0], t.e.desk.commands[command.command_id]
    t.wait(1)
    return [command.command_id.split(":")[1] for command in commands]


def test_lists_follow_the_settings_until_a_person_sets_them() -> None:
    t = floor()
    assert follow(t) == []
    assert follow(t, stops_levels=[10, 12.5], stops_expiry="8h") == ["stops-levels", "stops-expiry"]
    assert list(t.e.desk.lists["stops-levels"].items) == ["10", "12.5"]
    assert follow(t, stops_levels=[10, 12.5], stops_expiry="8h") == []
    t.command("list.set", name="stops-levels", items="7")
    assert follow(t, stops_levels=[30], stops_expiry="none") == ["stops-expiry"]
    assert list(t.e.desk.lists["stops-levels"].items) == ["7"]
    assert list(t.e.desk.lists["stops-expiry"].items) == ["none"]
    assert follow(t) == ["stops-expiry"]


@pytest.mark.parametrize(
    ("moex", "says"),
    [
        ({"stops_levels": [100]}, "100 % is no level"),
        ({"shorts_levels": []}, "give 1 to 20 levels"),
        ({"stops_sum": 0}, "stops-sum is one sum of money"),
        ({"stops_expiry": "soon"}, "stops-expiry is one time"),
        ({"stop_levels": [1]}, "did you mean `stops_levels`?"),
    ],
)
def test_settings_that_cannot_be_are_refused(moex: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsWrong, match="moex") as wrong:
        parse({"moex": moex})
    assert says in str(wrong.value)


def test_lists_that_nobody_set_are_shown_with_what_is_usual() -> None:
    rows = [
        {"name": "whitelist", "items": "SBER", "actor": "ann", "set_ns": 1},
        {"name": "emptied", "items": "", "actor": "ann", "set_ns": 1},
    ]
    held = {row["name"]: row["items"] for row in with_usual(rows)}
    assert held["whitelist"] == "SBER"
    assert held["nuke-levels"] == "0, 1, 5, 7"
    assert "emptied" not in held
