"""People's own kinds: imported by path, every fault a sentence, mended files read again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import Trial
from runtime_kit import HandJournal, a_room, in_virtual_time, settle

from kedge.bots import BUILT_IN
from kedge.kinds import Kinds, NoKind, find
from kedge.model.records import CommandTaken

GOOD = """
from msgspec import Struct
from kedge.engine.bot import Bot, Decision

class Config(Struct, frozen=True):
    market: str = "paper/main:BTC-PERP"

class State(Struct, frozen=True):
    pass

class {name}(Bot[Config, State]):
    kind = "{name}"
    summary = "Looks on."
    Config = Config
    State = State

    def markets(self, config):
        return (config.market,)

    def decide(self, view):
        return Decision(view.state)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A bots folder; what was imported from it is forgotten afterwards."""
    before, path = set(sys.modules), list(sys.path)
    (tmp_path / "bots").mkdir()
    yield tmp_path / "bots"
    sys.path[:] = path
    for name in [name for name in sys.modules if name not in before and name.startswith("kk_")]:
        del sys.modules[name]


def test_the_built_in_kinds_are_there() -> None:
    kinds = Kinds()
    assert list(kinds) == list(BUILT_IN)
    assert len(kinds) == len(BUILT_IN)
    assert kinds.load_all(["hedge", "peg"]) == []
    assert kinds.failed == {}


def test_a_persons_own_kind_is_imported_from_the_folder(folder: Path) -> None:
    (folder / "kk_mine.py").write_text(GOOD.format(name="Mine"))
    kinds = Kinds(folder)
    assert kinds.load("kk_mine:Mine") == ""
    assert kinds["kk_mine:Mine"].summary == "Looks on."
    same = kinds["kk_mine:Mine"]
    assert kinds.load("kk_mine:Mine") == ""
    assert kinds["kk_mine:Mine"] is same


BROKEN: list[tuple[str, str, str]] = [
    ("kk_a", "def broken(:\n", "kk_a is not Python: invalid syntax (line 1)"),
    ("kk_b", "import no_such_thing_here\n", "there is no module no_such_thing_here (wanted by kk_b)"),
    ("kk_c", "1 / 0\n", "kk_c failed while it was imported: ZeroDivisionError: division by zero"),
    ("kk_d", "Mine = 5\n", "kk_d: there is no bot class `Mine`"),
    ("kk_e", "class Mine: pass\n", "kk_e: there is no bot class `Mine`"),
    (
        "kk_f",
        GOOD.format(name="Mine").replace("    Config = Config\n", ""),
        "kk_f:Mine must say its Config, each a msgspec Struct; see docs/how-to/write-a-bot.md",
    ),
    (
        "kk_g",
        GOOD.format(name="Mine").replace("State = State", "State = int"),
        "kk_g:Mine must say its State",
    ),
    ("kk_h", GOOD.format(name="Mine").replace("def decide", "def decides"), "kk_h:Mine has no decide"),
    ("kk_i", GOOD.format(name="Mine").replace("def markets", "def market"), "kk_i:Mine has no markets"),
    (
        "kk_j",
        GOOD.format(name="Mine") + "    def __init__(self):\n        raise OSError('no data')\n",
        "kk_j:Mine cannot be made: OSError: no data",
    ),
    ("kk_k", GOOD.format(name="Mien"), "kk_k: there is no bot class `Mine`; did you mean `Mien`?"),
]


@pytest.mark.parametrize(("module", "text", "says"), BROKEN, ids=[row[0] for row in BROKEN])
def test_every_fault_is_one_sentence_and_the_mended_file_is_read(
    folder: Path, module: str, text: str, says: str
) -> None:
    (folder / f"{module}.py").write_text(text)
    kinds, kind = Kinds(folder), f"{module}:Mine"
    said = kinds.load(kind)
    assert said.startswith(says)
    assert "\n" not in said
    assert kinds.failed == {kind: said}
    assert kind not in kinds
    (folder / f"{module}.py").write_text(GOOD.format(name="Mine") + "\n# mended\n")
    assert kinds.load(kind) == ""
    assert kinds.failed == {}
    assert kind in kinds


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("kk_nowhere:Mine", "there is no module kk_nowhere in"),
        ("hegde", "there is no kind of bot `hegde`; did you mean `hedge`? (your own is named module:Class)"),
        ("my file:Mine", "`my file:Mine` is no class; write it like my_module:MyBot"),
        (":Mine", "`:Mine` is no class"),
        ("msgspec:Struct", "msgspec: there is no bot class `Struct`"),
    ],
)
def test_names_that_lead_nowhere(folder: Path, kind: str, says: str) -> None:
    assert Kinds(folder).load(kind).startswith(says)
    with pytest.raises(NoKind) as error:
        find(kind, folder)
    assert str(error.value).startswith(says)
    assert "msgspec" in sys.modules, "what is not a person's own is never unloaded"


def test_a_second_class_may_be_written_into_a_file_in_use(folder: Path) -> None:
    (folder / "kk_two.py").write_text(GOOD.format(name="One"))
    kinds = Kinds(folder)
    assert kinds.load("kk_two:One") == ""
    one = kinds["kk_two:One"]
    (folder / "kk_two.py").write_text(GOOD.format(name="One") + GOOD.format(name="Two"))
    assert kinds.load("kk_two:Two") == ""
    assert kinds["kk_two:One"] is one


# ── in the engine ───────────────────────────────────────────────────────────────────────────────


def test_the_engine_says_why_a_kind_is_missing(folder: Path) -> None:
    (folder / "kk_bad.py").write_text("1 / 0\n")
    kinds = Kinds(folder)
    t = Trial()
    t.e.kinds = kinds
    assert t.command("bot.add", name="a", kind="kk_bad:Mine").says.startswith("there is no kind of bot")
    said = kinds.load("kk_bad:Mine")
    assert t.command("bot.add", name="a", kind="kk_bad:Mine").says == said
    assert t.command("bot.add", name="a", kind="nonsense").says.startswith("there is no kind of bot")


def test_a_kind_that_is_missing_at_a_start_parks_its_bot_alone(folder: Path) -> None:
    path = folder / "kk_gone.py"
    path.write_text(GOOD.format(name="Mine"))

    async def go() -> None:
        journal, kinds = HandJournal(), Kinds(folder)
        kinds.load("kk_gone:Mine")
        async with a_room(journal=journal, kinds=kinds) as room:
            for name, kind, config in (("mine", "kk_gone:Mine", {}), ("peg", "peg", PEG)):
                taken = await room.do("bot.add", name=name, kind=kind, config=config)
                assert taken.ok, taken.says
        journal.life = 2
        sys.modules.pop("kk_gone")
        path.write_text("import kk_not_there\n")
        later = Kinds(folder)
        assert later.load_all(["kk_gone:Mine", "peg"]) == [
            "there is no module kk_not_there (wanted by kk_gone)"
        ]
        async with a_room(journal=journal, kinds=later) as room:
            bots = room.cell.engine.desk.bots
            assert (bots["mine"].phase, bots["mine"].why) == ("parked", later.failed["kk_gone:Mine"])
            assert bots["peg"].phase == "running"
            refused = await room.do("bot.resume", name="mine")
            assert (refused.ok, refused.says) == (False, later.failed["kk_gone:Mine"])
            path.write_text(GOOD.format(name="Mine") + "\n# mended\n")
            assert later.load("kk_gone:Mine") == ""
            taken = await room.do("bot.resume", name="mine")
            assert (taken.ok, taken.says) == (True, "mine is running again")
            await settle()
            assert bots["mine"].phase == "running"
            assert all(isinstance(t, CommandTaken) for t in (refused, taken))

    in_virtual_time(go)


PEG: dict[str, Any] = {"market": "paper/main:BTC-PERP", "side": "buy", "qty": "0.01"}
