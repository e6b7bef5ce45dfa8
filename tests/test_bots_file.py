"""The bots file against the desk: what differs, and nothing else, becomes commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import PERP, Trial

from kedge.bots import BUILT_IN
from kedge.engine.state import BotRow
from kedge.model.events import Command
from kedge.model.order import State
from kedge.runtime.bots_file import changes, conflicts, leaving
from kedge.settings import SettingsWrong, read_bots_file

HEDGE = f'[h]\nkind = "hedge"\nmarket = "{PERP}"\nside = "sell"\nqty = 0.05\n'
PEG = f'[p]\nkind = "peg"\nmarket = "{PERP}"\nside = "buy"\nqty = 0.02\n'


class Home:
    """A bots file and a desk that follows it."""

    def __init__(self, folder: Path, name: str = "bots.toml") -> None:
        self.path = folder / name
        self.t = Trial()

    def says(self, text: str) -> list[Command]:
        """What following this text asks for."""
        self.path.write_text(text)
        wanted = read_bots_file(self.path)
        return changes(self.t.e.desk, BUILT_IN, wanted, self.t.now_ns)

    def follow(self, text: str) -> list[str]:
        """Follow it: the verbs that were needed."""
        commands = self.says(text)
        for command in commands:
            self.t.hear(command)
            ok, says = self.t.e.desk.commands[command.command_id]
            assert ok, says
        self.t.check()
        return [command.verb for command in commands]

    def bot(self, name: str) -> BotRow:
        return self.t.bot(name)

    def config(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.bot(name).config)
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_bots_are_added_in_the_files_order(home: Home) -> None:
    assert home.follow(HEDGE + PEG) == ["bot.add", "bot.add"]
    assert list(home.t.e.desk.bots) == ["h", "p"]
    assert {row.origin for row in home.t.e.desk.bots.values()} == {"file"}
    assert home.config("h")["qty"] == "0.05"


def test_the_same_file_twice_changes_nothing(home: Home) -> None:
    home.follow(HEDGE + PEG)
    assert home.says(HEDGE + PEG) == []
    assert home.says("# a word\n" + PEG + HEDGE) == []


@pytest.mark.parametrize("qty", ["0.05", "0.050", '"0.05"', '"0.0500"', "5e-2", '"5E-2"'])
def test_a_number_is_the_same_however_it_is_written(home: Home, qty: str) -> None:
    home.follow(HEDGE)
    again = HEDGE.replace("0.05", qty)
    assert home.says(again) == []
    other = Home(home.path.parent)
    other.follow(again)
    assert other.says(again) == []
    assert other.says(HEDGE) == []


def test_exact_numbers_differ_where_floats_would_not(home: Home) -> None:
    home.follow(HEDGE.replace("0.05", "0.05000000000000001"))
    assert [command.verb for command in home.says(HEDGE)] == ["bot.amend"]


def test_a_changed_parameter_is_amended_and_one_that_left_the_file_has_its_default_again(home: Home) -> None:
    home.follow(HEDGE + "through = 2\n")
    assert home.follow(HEDGE.replace("0.05", "0.06") + "through = 2\n") == ["bot.amend"]
    assert home.config("h")["qty"] == "0.06"
    assert home.config("h")["through"] == "2"
    assert home.follow(HEDGE.replace("0.05", "0.06")) == ["bot.amend"]
    assert home.config("h") == {**home.config("h"), "qty": "0.06"}
    assert home.config("h").get("through", "0") == "0"
    assert home.says(HEDGE.replace("0.05", "0.06")) == []


def test_what_left_the_file_is_stopped_and_then_removed(home: Home) -> None:
    home.follow(PEG)
    peg = home.t.opened(home.t.placed())
    assert home.follow("") == ["bot.stop"]
    assert home.bot("p").phase == "stopping"
    assert [row.name for row in leaving(home.t.e.desk, read_bots_file(home.path))] == ["p"]
    assert home.says("") == [], "it is told once"
    home.t.news(peg, State.CANCELLED, version=9)
    assert home.bot("p").phase == "stopped"
    assert home.follow("") == ["bot.rm"]
    assert not home.t.e.desk.bots
    assert home.says("") == []


def test_a_section_that_is_put_back_has_its_bot_run_again(home: Home) -> None:
    """While it stops, and when it ended with something open; not where a person had stopped it."""
    home.follow(PEG)
    peg = home.t.opened(home.t.placed())
    home.follow("")
    assert home.bot("p").phase == "stopping"
    assert home.follow(PEG.replace("0.02", "0.03")) == ["bot.amend", "bot.resume"]
    assert home.bot("p").phase == "running"
    assert home.says(PEG.replace("0.02", "0.03")) == []
    home.t.fill(peg, "0.01")
    home.t.wait(1)
    home.follow("")
    home.t.news(peg, State.CANCELLED, "0.01", version=9)
    assert home.bot("p").phase == "stopped"
    assert home.bot("p").why.startswith("it left the bots file; ")
    assert [command.verb for command in home.says("")] == ["bot.rm"], "refused while it holds something"
    home.t.restart()
    assert home.follow(PEG) == ["bot.amend", "bot.resume"]
    assert home.bot("p").phase == "running"
    home.t.command("bot.stop", name="p")
    assert home.says(PEG) == []


def test_bots_that_were_added_by_command_are_left_alone(home: Home) -> None:
    home.t.add("mine", "peg", market=PERP, side="buy", qty="0.02")
    assert home.says("") == []
    mine = PEG.replace("[p]", "[mine]").replace("0.02", "0.5")
    assert home.says(mine) == []
    assert conflicts(home.t.e.desk, read_bots_file(home.path)) == [
        "mine was added by command and is left alone; remove it, or rename the section"
    ]


def test_a_bot_does_not_become_another_kind(home: Home) -> None:
    home.follow(HEDGE)
    peg = PEG.replace("[p]", "[h]")
    assert home.says(peg) == []
    assert conflicts(home.t.e.desk, read_bots_file(home.path)) == [
        "h is a hedge, not a peg; remove the section first, or rename it"
    ]


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    home = Home(tmp_path, "bots.json")
    row = {"kind": "hedge", "market": PERP, "side": "sell", "qty": 0.05}
    assert home.follow(json.dumps({"h": row})) == ["bot.add"]
    assert home.says(json.dumps({"h": {**row, "qty": "0.050"}})) == []
    toml = Home(tmp_path)
    toml.t = home.t
    assert toml.says(HEDGE) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[h\n", "is not TOML"),
        ("[h]\nqty = 1\n", "bot h has no `kind`"),
        ("h = 5\n", "h is not a bot"),
        ("[h]\nkind = 5\n", "bot h: `kind` must be text"),
        (f"[{'x' * 80}]\nkind = 'hedge'\n", "a bot's name is 1 to 64"),
    ],
)
def test_a_wrong_file_is_one_sentence(home: Home, text: str, says: str) -> None:
    with pytest.raises(SettingsWrong) as error:
        home.says(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_wrong_parameters_are_refused_by_the_engine_and_the_bot_stays_as_it_is(home: Home) -> None:
    home.follow(HEDGE)
    for line in ("qty = -1", 'qty = "much"', "quantity = 5"):
        text = HEDGE.replace("qty = 0.05", line)
        (command,) = home.says(text)
        home.t.hear(command)
        ok, says = home.t.e.desk.commands[command.command_id]
        assert not ok
        assert says
        assert home.config("h")["qty"] == "0.05"


def test_ids_tell_what_the_file_said_and_when(home: Home) -> None:
    first, again = home.says(HEDGE)[0], home.says(HEDGE)[0]
    assert first.command_id == again.command_id
    assert first.command_id.startswith("file:bot.add:")
    assert home.says(HEDGE.replace("0.05", "0.06"))[0].command_id != first.command_id
    assert (first.actor, first.via) == ("bots file", "file")
