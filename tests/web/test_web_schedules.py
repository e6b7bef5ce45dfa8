"""Schedules on pages: what runs when, in words; the form that sets one; who may."""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec
import pytest
from desk_kit import Web
from fake_port import NOW
from list_kit import ListPort, a_schedule, at_the_lists

from kedge.desk.commands import BY_NAME
from kedge.desk.web.lists import rhythm, schedules
from kedge.model.recurrence import BadRecurrence
from kedge.runtime.port import EngineAway


def test_the_list_says_what_runs_when_and_how_it_went() -> None:
    port = ListPort()
    broken = a_schedule(name="late", every="4h", enabled=False, ok=False, says="<b>refused</b>", comment="")
    port.schedules += (broken,)

    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        text = (await web.get("/schedules/")).text
        for word in (
            "nightly",
            "before the markets",
            "at 03:00, from Monday to Friday (Europe/Paris time)",
            "every 4 hours",
            "target=/backups/{date}",
            "a copy is in /backups/2026-11-20",
            "/do/schedule-run/?name=nightly",
            "/do/schedule-pause/?name=nightly",
            "/do/schedule-resume/?name=late",
            "/do/schedule-rm/?name=late",
        ):
            assert word in text, word
        assert "&lt;b&gt;refused&lt;/b&gt;" in text
        other = web.another()
        await other.sign_in("tom", "trader")
        text = (await other.get("/schedules/")).text
        assert "/do/schedule-pause/" in text, "a trader may pause"
        assert "/do/schedule-run/" not in text
        assert (await other.get("/schedules/new/")).status == 403

    at_the_lists(run, port)


def test_a_schedule_is_set_by_its_form_once() -> None:
    port = ListPort()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        kinds = await web.get("/schedules/new/")
        assert "deed=backup" in kinds.text
        assert "deed=schedule" not in kinds.text
        form = await web.get("/schedules/new/?deed=backup")
        key = form.field("command_id")
        given = {
            "deed": "backup",
            "command_id": key,
            "name": "weekly",
            "every": "0 3 * * sun",
            "zone": "Europe/Paris",
            "missed": "skip",
            "comment": "keep four",
            "enabled": "on",
            "arg-target": "/backups/{date}",
        }
        done = await web.post("/schedules/new/", **given)
        assert (done.status, done.where) == (302, "/schedules/")
        await web.post("/schedules/new/", **given)
        assert {command.command_id for command in port.commands} == {key}, "a double click acts once"
        command = port.commands[0]
        assert (command.verb, command.via, command.actor.endswith(":ann")) == ("schedule.set", "web", True)
        assert msgspec.json.decode(command.args) == {
            "name": "weekly",
            "verb": "desk.backup",
            "every": "0 3 * * sun",
            "args": {"target": "/backups/{date}"},
            "zone": "Europe/Paris",
            "enabled": True,
            "missed": "skip",
            "comment": "keep four",
        }

    at_the_lists(run, port)


def test_what_is_wrong_is_said_and_the_form_keeps_what_was_typed() -> None:
    port = ListPort()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        await web.get("/schedules/new/?deed=backup")
        given = {"deed": "backup", "name": "x", "every": "soon", "zone": "UTC", "arg-target": "/b"}
        page = await web.post("/schedules/new/", **given)
        assert page.status == 400
        assert "write an interval like 15m" in page.text
        assert 'value="soon"' in page.text
        page = await web.post("/schedules/new/", **{**given, "every": "1d", "arg-target": ""})
        assert page.status == 400
        assert "`target` is missing" in page.text
        assert port.commands == []
        port.answer = (False, "there are 200 schedules already; remove one first")
        page = await web.post("/schedules/new/", **{**given, "every": "1d"})
        assert page.status == 400
        assert "200 schedules already" in page.text

    at_the_lists(run, port)


def test_parameters_of_a_bot_are_judged_by_its_kind() -> None:
    deed = BY_NAME["bot add"]
    port = ListPort()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        given = {"arg-name": "peg-9", "arg-kind": "peg", "arg-config": "market=paper/main:BTC-PERP\nqty=1"}
        await web.get("/schedules/new/?deed=bot+add")
        page = await web.post("/schedules/new/", deed="bot add", name="p", every="1d", zone="UTC", **given)
        assert page.status == 400
        assert "is missing" in page.text
        given["arg-config"] += "\nside=buy"
        page = await web.post("/schedules/new/", deed="bot add", name="p", every="1d", zone="UTC", **given)
        assert page.status == 302, page.text[-500:]
        args = msgspec.json.decode(port.commands[-1].args)["args"]
        assert args["config"] == {"market": "paper/main:BTC-PERP", "qty": "1", "side": "buy"}

    at_the_lists(run, port)
    assert deed in schedules.schedulable()
    assert BY_NAME["schedule set"] not in schedules.schedulable()


def test_editing_begins_with_what_is_in_force() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        page = await web.get("/schedules/of/nightly/")
        for word in ('value="0 3 * * mon-fri"', 'value="/backups/{date}"', "readonly", "before the markets"):
            assert word in page.text, word
        assert re.search(r"<option selected>Europe/Paris", page.text)
        assert (await web.get("/schedules/of/nobody/")).status == 404
        part = await web.get("/schedules/rhythm/?every=15m&zone=UTC")
        assert "every 15 minutes" in part.text
        assert part.text.count("<li>") == 5
        wrong = await web.get("/schedules/rhythm/?every=61+*+*+*+*&zone=UTC")
        assert "it is from 0 to 59" in wrong.text

    at_the_lists(run)


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ("15m", "every 15 minutes"),
        ("1d", "every 1 day"),
        ("1h30m", "every 1 hour 30 minutes"),
        ("@daily", "at 00:00, every day (UTC time)"),
        ("0 9,17 * * mon-fri", "at 09:00 and 17:00, from Monday to Friday (UTC time)"),
        ("*/10 8-18 * * *", "every 10 minutes in the hours 8–18, every day (UTC time)"),
        ("5 * * * *", "at minute :05 of every hour, every day (UTC time)"),
        ("* * * * sat", "every minute, on Saturday (UTC time)"),
        ("0 0 1 jan,jul *", "at 00:00, on day 1 of the month, in January and July (UTC time)"),
        ("0 0 13 * fri", "at 00:00, on day 13 of the month or on Friday (UTC time)"),
    ],
)
def test_a_rhythm_is_told_in_words(every: str, words: str) -> None:
    assert rhythm.in_words(every) == words


def test_the_next_times_are_those_at_which_it_will_run() -> None:
    times = rhythm.next_times("0 3 * * *", "Europe/Paris", NOW)
    assert len(times) == 5
    assert all(later - sooner == 86_400 * 10**9 for sooner, later in pairwise(times))
    with pytest.raises(BadRecurrence):
        rhythm.next_times("soon", "UTC", NOW)


def test_the_engine_may_be_away() -> None:
    port = ListPort()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "owner")
        await web.get("/schedules/new/?deed=backup")
        port.wrong = EngineAway("the desk is stopping")
        page = await web.post("/schedules/new/", deed="backup", name="x", every="1d", **{"arg-target": "/b"})
        assert page.status == 400
        assert "the desk is stopping" in page.text
        assert "Set the schedule" in page.text, "the form stays"
        port.wrong = None

    at_the_lists(run, port)
