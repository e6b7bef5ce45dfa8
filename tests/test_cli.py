"""The command line from outside: what it prints, how it ends, and every mistake a person can make with it."""

from __future__ import annotations

import json
import shutil
import stat
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_port import CLIENT_ID, NOW, AwayPort, FakePort, a_journal, a_status, desk_in_a_thread, short_folder
from gate_kit import ADMIN, LOOK, far_desk_in_a_thread
from pages import check_page

from kedge import __version__, cli
from kedge.cli import pages as cli_pages
from kedge.cli.params import find_kind
from kedge.desk.commands import BY_NAME, DEEDS, arguments
from kedge.desk.commands import reference as commands_page
from kedge.journal.journal import JournalError
from kedge.journal.lease import FileLock
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.journal.store import file_of, lease_of
from kedge.model import frames
from kedge.model.commands import VERBS
from kedge.model.exits import MEANINGS, Exit, Halt
from kedge.model.outcome import Outcome

MARKET = "paper/main:BTC-PERP"


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line on stderr that tells a mistake."""
        assert self.err.startswith("kedge: ")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        return self.err.removeprefix("kedge: ").strip()


class Shell:
    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = home, capsys

    def __call__(self, *argv: str) -> Ran:
        self._capsys.readouterr()
        code = cli.main(list(argv))
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)


@pytest.fixture
def kedge(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with short_folder() as home:
        monkeypatch.setenv("KEDGE_HOME", str(home))
        monkeypatch.setenv("COLUMNS", "140")
        yield Shell(home, capsys)


@pytest.fixture
def port(kedge: Shell) -> Iterator[FakePort]:
    fake = FakePort()
    with desk_in_a_thread(fake, kedge.home / "main.sock"):
        yield fake


# ── the running desk ────────────────────────────────────────────────────────────────────────────


def test_status_for_people_and_for_programs(kedge: Shell, port: FakePort) -> None:
    ran = kedge("status")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert "bot peg-1 is parked" in ran.out
    assert "60000.5" in ran.out
    ran = kedge("status", "--json")
    assert ran.json["cell"] == "main"
    assert ran.json["bots"][0]["slots"][0]["order"]["qty"] == "0.05"
    assert [bot["bot"] for bot in kedge("bots", "--json").json] == ["hedge-1", "peg-1"]
    assert "wants" in kedge("bots").out


def test_a_bot_is_added_with_parameters_typed_by_its_kind(kedge: Shell, port: FakePort) -> None:
    port.answer = (True, "hedge-9 is running")
    ran = kedge(
        "bot", "add", "hedge-9", "hedge", f"market={MARKET}", "qty=0.050", "deadline-s=30", "then=cross"
    )
    assert (ran.code, ran.out) == (Exit.OK, "hedge-9 is running\n")
    command = port.commands[0]
    assert (command.verb, command.via) == ("bot.add", "cli")
    assert json.loads(bytes(command.args)) == {
        "name": "hedge-9",
        "kind": "hedge",
        "config": {"market": MARKET, "qty": "0.050", "deadline_s": 30, "then": "cross"},
    }


def test_commands_answer_in_json_with_their_id_and_can_be_asked_again(kedge: Shell, port: FakePort) -> None:
    ran = kedge("kill", "--why", "lunch", "--json")
    assert ran.json == {"ok": True, "says": "done", "command_id": port.commands[0].command_id}
    assert json.loads(bytes(port.commands[0].args)) == {"why": "lunch"}
    again = kedge("kill", "--why", "lunch", "--json", "--id", ran.json["command_id"])
    assert again.json == ran.json
    assert len(port.taken) == 1


@pytest.mark.parametrize(
    ("argv", "verb", "args"),
    [
        (
            ("bot", "amend", "hedge-1", "qty=0.07"),
            "bot.amend",
            {"name": "hedge-1", "config": {"qty": "0.07"}, "whole": False},
        ),
        (("bot", "pause", "hedge-1"), "bot.pause", {"name": "hedge-1"}),
        (("bot", "resume", "hedge-1"), "bot.resume", {"name": "hedge-1"}),
        (("bot", "stop", "hedge-1"), "bot.stop", {"name": "hedge-1"}),
        (("bot", "kill", "hedge-1"), "bot.kill", {"name": "hedge-1"}),
        (("bot", "rm", "hedge-1", "--leave"), "bot.rm", {"name": "hedge-1", "leave": True}),
        (
            ("bot", "tell", "hedge-1", "skip", "n=3", "how=soft"),
            "bot.tell",
            {"name": "hedge-1", "text": "skip", "args": {"n": 3, "how": "soft"}},
        ),
        (("bot", "close", "hedge-1"), "bot.tell", {"name": "hedge-1", "text": "close"}),
        (("revive",), "desk.revive", {"why": ""}),
        (("audit", "paper/main"), "account.audit", {"account": "paper/main"}),
        (
            ("resolve", CLIENT_ID, "absent", "--why", "seen"),
            "order.resolve",
            {"client_id": CLIENT_ID, "fate": "absent", "why": "seen"},
        ),
    ],
)
def test_every_verb_reaches_the_engine(
    argv: tuple[str, ...], verb: str, args: dict[str, object], kedge: Shell, port: FakePort
) -> None:
    assert kedge(*argv).code == Exit.OK
    assert port.commands[0].verb == verb
    assert json.loads(bytes(port.commands[0].args)) == args


def test_rows_come_from_the_desk_with_the_filters_given(kedge: Shell, port: FakePort) -> None:
    port.rows["orders"] = [{"client_id": CLIENT_ID, "qty": "0.05", "filled": "0", "state": "open"}]
    ran = kedge("orders", "--bot", "hedge-1", "--state", "open", "--limit", "5", "--json")
    assert ran.json == {"from": "desk", "rows": port.rows["orders"]}
    assert port.asked == [
        ("orders", {"bot": "hedge-1", "state": "open", "sort": "-time", "limit": 5, "offset": 0})
    ]
    assert "0003/c" in kedge("orders").out
    port.rows["fills"] = []
    assert kedge("fills").out == "no fills\n"


def test_positions_carry_the_mark_while_the_desk_runs(kedge: Shell, port: FakePort) -> None:
    row = {"bot": "hedge-1", "slot": "open", "market": MARKET, "qty": "-0.02", "average": "60012.5"}
    live = {**row, "mark": "60001", "unrealised": "0.23"}
    port.rows = {"positions": [row, {**row, "slot": "close"}], "held": [live]}
    rows = kedge("positions", "--json").json["rows"]
    assert rows[0]["unrealised"] == "0.23"
    assert "mark" not in rows[1]
    assert "0.23" in kedge("positions").out


def test_explain_finds_a_bot_or_the_end_of_an_orders_id(kedge: Shell, port: FakePort) -> None:
    port.rows = {
        "bots": [{"bot": "hedge-1"}],
        "story": [
            {"ts_ns": 2 * NOW, "kind": "Filled", "says": "sold"},
            {"ts_ns": NOW, "kind": "Intent", "says": "sell"},
        ],
        "orders": [{"client_id": CLIENT_ID}],
    }
    ran = kedge("explain", "hedge-1", "--json")
    assert [row["says"] for row in ran.json["rows"]] == ["sell", "sold"]
    assert port.asked[-1] == ("story", {"bot": "hedge-1", "sort": "-time", "limit": 200})
    port.rows["bots"] = []
    for of in ("0003/c", "00000c", CLIENT_ID):
        assert kedge("explain", of).code == Exit.OK
    assert port.asked[-1] == ("story", {"client_id": CLIENT_ID, "sort": "-time", "limit": 200})
    ran = kedge("explain", "0c0c")
    assert (ran.code, ran.sentence) == (Exit.REFUSED, "there is no bot and no order `0c0c`")
    port.rows["orders"] = [{"client_id": f"{n}{CLIENT_ID[1:]}"} for n in range(4)]
    assert "fits 4 orders" in kedge("explain", "00000c").sentence


def test_reload_and_backup(kedge: Shell, port: FakePort) -> None:
    assert kedge("reload").out == "1 bot added, none removed\n"
    assert kedge("backup", "/b", "--json").json == {"path": "/b/copy.journal"}
    port.wrong = ValueError("/b exists already")
    ran = kedge("backup", "/b")
    assert (ran.code, ran.sentence) == (Exit.REFUSED, "/b exists already")


# ── the desk says no, or nobody answers ─────────────────────────────────────────────────────────


def test_1_refused(kedge: Shell, port: FakePort) -> None:
    port.answer = (False, "there is no bot 'b'")
    ran = kedge("bot", "pause", "b")
    assert (ran.code, ran.sentence, ran.out) == (Exit.REFUSED, "there is no bot 'b'", "")
    ran = kedge("bot", "pause", "b", "--json")
    assert ran.json == {"error": {"code": "refused", "exit": 1, "says": "there is no bot 'b'"}}
    assert ran.sentence == "there is no bot 'b'"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("stauts",), 'Unknown command "stauts". Did you mean "status"?'),
        (("bot", "ad"), 'Unknown command "ad". Did you mean "add"?'),
        (("bot", "add"), "NAME requires an argument"),
        (("orders", "--bto", "x"), "Unknown option: --bto. Did you mean --bot?"),
        (("orders", "--limit", "many"), 'unable to convert "many" into int'),
        (("orders", "--limit", "0"), "`limit` must be a whole number, at least 1"),
        (("up", "--for", "soon"), "'soon' is no length of time; write it like 60s, 5m or 2h"),
        (("up", "--fresh", "--home", "/x"), "leave --home away"),
        (("bot", "kinds", "hegde"), "there is no kind of bot `hegde`; did you mean `hedge`?"),
        (("bot", "kinds", "nowhere:Bot"), "there is no module nowhere in"),
        (("sim", "kraken"), 'Unknown command "kraken"'),
        (("completion", "tcsh"), "Invalid value"),
    ],
)
def test_2_usage(argv: tuple[str, ...], words: str, kedge: Shell) -> None:
    ran = kedge(*argv)
    assert ran.code == Exit.USAGE
    assert words in ran.sentence


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("bot", "add", "h", "hedge"), "h: `market` is missing (and qty); add market=paper/main:BTC-PERP"),
        (("bot", "add", "h", "hedge", f"market={MARKET}"), "h: `qty` is missing; add qty=0.05"),
        (
            ("bot", "add", "h", "hedge", "qty=much"),
            "`qty`: 'much' is not a number; write it like qty=0.05 [How much",
        ),
        (("bot", "add", "h", "hedge", "qty=NaN"), "`qty`: 'NaN' is not a finite number"),
        (("bot", "add", "h", "hedge", "qty"), "`qty` has no value; write it like qty=..."),
        (("bot", "add", "h", "hedge", "qty=1", "qty=2"), "`qty` is given twice"),
        (
            ("bot", "add", "h", "hedge", "amount=1"),
            "there is no parameter `amount`; there are market, qty, side",
        ),
        (
            ("bot", "add", "h", "hedge", "then=hope"),
            "`then` cannot be 'hope'; it must be cancel, chase or cross",
        ),
        (("bot", "add", "h", "hedge", "deadline_s=1.5"), "`deadline_s` must be a whole number"),
        (("bot", "add", "h", "hegde"), "there is no kind of bot `hegde`; did you mean `hedge`?"),
        (("bot", "amend", "hedge-1"), "what shall change? add name=value"),
        (("bot", "amend", "hedge-1", "sid=buy"), "there is no parameter `sid`; did you mean `side`?"),
        (("bot", "tell", "hedge-1", "go", "fast"), "`fast` is no parameter; write name=value"),
        (("resolve", "x", "gone"), 'Invalid value "gone"'),
        (("orders", "--sort", "x"), "there is nothing called `orders` to read"),
    ],
)
def test_2_wrong_parameters_name_the_field_the_fault_and_the_mend(
    argv: tuple[str, ...], words: str, kedge: Shell, port: FakePort
) -> None:
    ran = kedge(*argv)
    assert ran.code == Exit.USAGE
    assert words in ran.sentence
    assert port.commands == []


def test_an_unknown_bot_is_refused_with_the_nearest(kedge: Shell, port: FakePort) -> None:
    ran = kedge("bot", "amend", "hegde-1", "qty=1")
    assert (ran.code, ran.sentence) == (Exit.REFUSED, "there is no bot `hegde-1`; did you mean `hedge-1`?")


@pytest.mark.parametrize("argv", [("status",), ("kill",), ("bots",), ("reload",), ("bot", "pause", "x")])
def test_3_away(argv: tuple[str, ...], kedge: Shell) -> None:
    ran = kedge(*argv)
    assert ran.code == Exit.AWAY
    assert "no desk is running here" in ran.sentence
    assert "kedge up" in ran.sentence
    assert kedge(*argv, "--json").json["error"]["code"] == "away"


def test_3_a_command_whose_fate_is_unknown_says_how_to_ask_again(kedge: Shell) -> None:
    with desk_in_a_thread(AwayPort(), kedge.home / "main.sock"):
        ran = kedge("kill", "--json", "--id", "my-own-id")
    assert ran.code == Exit.AWAY
    assert ran.sentence.endswith("ask again with --id my-own-id")
    assert ran.json["error"]["command_id"] == "my-own-id"


def test_3_no_journal(kedge: Shell) -> None:
    for argv in (("orders",), ("explain", "x"), ("verify",), ("rebuild",)):
        ran = kedge(*argv)
        assert ran.code == Exit.AWAY
        assert "has no journal" in ran.sentence


# ── no desk, but its journal ────────────────────────────────────────────────────────────────────


def test_rows_are_read_from_the_journal_and_it_says_so(kedge: Shell) -> None:
    a_journal(kedge.home)
    ran = kedge("notes")
    assert ran.code == Exit.OK
    assert "it is late" in ran.out
    assert ran.err == "(the desk is not running: this is read from its journal)\n"
    ran = kedge("notes", "--level", "warn", "--json")
    assert ran.err == ""
    assert (ran.json["from"], [row["text"] for row in ran.json["rows"]]) == ("journal", ["it is late"])
    assert kedge("positions", "--json").json == {"from": "journal", "rows": []}
    story = kedge("explain", "hedge-1", "--json").json["rows"]
    assert story[0]["kind"] == "BotAdded"
    ran = kedge("orders", "--sort", "colour")
    assert ran.code == Exit.USAGE
    assert "cannot be sorted by 'colour'" in ran.sentence


def test_verify_rebuild_and_backup_at_rest(kedge: Shell) -> None:
    a_journal(kedge.home)
    assert kedge("verify", "--json").json == {
        "ok": True,
        "entries": 5,
        "first_seq": 1,
        "last_seq": 5,
        "archives": 0,
    }
    assert kedge("rebuild").out == "made again from 5 records\n"
    target = kedge.home / "copy"
    assert kedge("backup", str(target)).code == Exit.OK
    assert file_of(target, "main").exists()
    assert stat.S_IMODE(target.stat().st_mode) == 0o700, "a home that `kedge up` accepts"
    ran = kedge("backup", str(target))
    assert ran.code == Exit.DISK
    assert "exists already" in ran.sentence


def test_4_lease(kedge: Shell) -> None:
    a_journal(kedge.home)
    lock = FileLock.take(lease_of(kedge.home, "main"), "the cell main", NOW)
    try:
        for argv in (("orders",), ("verify",), ("backup", str(kedge.home / "b"))):
            ran = kedge(*argv)
            assert ran.code == Exit.LEASE
            assert "is driven by" in ran.sentence
        assert "kedge backup FOLDER" in kedge("verify").sentence, "nobody can ask a running desk to verify"
        assert kedge("rebuild").sentence.endswith("; stop it first")
    finally:
        lock.release()


def test_4_a_desk_whose_socket_was_deleted_is_not_called_absent(kedge: Shell) -> None:
    a_journal(kedge.home)
    lock = FileLock.take(lease_of(kedge.home, "main"), "the cell main", NOW)
    try:
        for argv in (("status",), ("kill",), ("bot", "stop", "hedge-1")):
            ran = kedge(*argv)
            assert ran.code == Exit.LEASE
            assert "is gone: end that process and start it again" in ran.sentence
    finally:
        lock.release()
    assert kedge("status").code == Exit.AWAY


def test_5_corrupt(kedge: Shell) -> None:
    a_journal(kedge.home)
    path = file_of(kedge.home, "main")
    body = path.read_bytes()
    assert b"it is late" in body
    path.write_bytes(body.replace(b"it is late", b"it is fine"))
    ran = kedge("verify")
    assert ran.code == Exit.CORRUPT
    assert str(path) in ran.sentence


def test_6_too_new(kedge: Shell) -> None:
    import apsw

    a_journal(kedge.home)
    db = apsw.Connection(str(file_of(kedge.home, "main")))
    db.execute("PRAGMA user_version = 900")
    db.close()
    ran = kedge("orders")
    assert ran.code == Exit.TOO_NEW
    assert "newer" in ran.sentence


def test_7_settings(kedge: Shell) -> None:
    (kedge.home / "kedge.toml").write_text("[limits]\ncolar = 1\n")
    for argv in (("settings", "show"), ("status",), ("up", "--for", "1s")):
        ran = kedge(*argv)
        assert ran.code == Exit.SETTINGS
        assert "did you mean `collar`?" in ran.sentence
    kedge.home.chmod(0o755)
    (kedge.home / "kedge.toml").unlink()
    ran = kedge("up", "--for", "1s")
    assert (ran.code, "chmod 700" in ran.sentence) == (Exit.SETTINGS, True)


def test_wrong_settings_do_not_stop_the_kill_switch(kedge: Shell, port: FakePort) -> None:
    (kedge.home / "kedge.toml").write_text("not toml at all")
    assert kedge("kill").code == Exit.OK
    assert port.commands[0].verb == "desk.kill"


def test_8_disk(kedge: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    a_journal(kedge.home)

    def broken(*_: object) -> None:
        raise JournalError("the disk answers no more")

    monkeypatch.setattr(ReadOnlyJournal, "open", broken)
    ran = kedge("fills")
    assert (ran.code, ran.sentence) == (Exit.DISK, "the disk answers no more")


@pytest.mark.parametrize("code", [Exit.VENUE, Exit.CLOCK, Exit.LEASE])
def test_9_and_10_what_the_runtime_halts_with(
    code: Exit, kedge: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_up(*_: object, **__: object) -> None:
        raise Halt(code, "it cannot go on")

    monkeypatch.setitem(sys.modules, "kedge.runtime.up", types.SimpleNamespace(run_up=run_up))
    ran = kedge("up", "--for", "1s")
    assert (ran.code, ran.sentence) == (code, "it cannot go on")


def test_70_our_own_fault_shows_where(kedge: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_up(*_: object, **__: object) -> None:
        raise KeyError("boom")

    monkeypatch.setitem(sys.modules, "kedge.runtime.up", types.SimpleNamespace(run_up=run_up))
    ran = kedge("up", "--json")
    assert ran.code == Exit.BUG
    assert "Traceback" in ran.err
    assert "a fault of Kedge's own (KeyError: 'boom')" in ran.err
    assert ran.json["error"]["code"] == "bug"


def test_ctrl_c_is_130(kedge: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_up(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "kedge.runtime.up", types.SimpleNamespace(run_up=run_up))
    assert kedge("up").code == 130


def test_every_exit_code_has_a_meaning_and_a_name() -> None:
    assert list(MEANINGS) == list(Exit)
    assert [int(code) for code in Exit] == [*range(11), 70, 75]


# ── up ──────────────────────────────────────────────────────────────────────────────────────────


def test_up_ends_with_what_happened(kedge: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def run_up(home: Any, settings: Any, *, for_ns: int, say: Any, beside: Any) -> Outcome:
        given.update(home=home, settings=settings, for_ns=for_ns, beside=beside)
        say("the desk is up")
        fill = {"market": MARKET, "side": "sell", "qty": "0.02", "price": "60000"}
        return Outcome(a_status(), for_ns, ({"state": "filled"},), (fill,), ())

    monkeypatch.setitem(sys.modules, "kedge.runtime.up", types.SimpleNamespace(run_up=run_up))
    ran = kedge("up", "--for", "60s")
    assert ran.code == Exit.OK
    assert given["for_ns"] == 60_000_000_000
    assert given["home"].root == kedge.home
    assert ran.out.startswith("what happened in 1 min 00 s")
    assert ran.err.endswith("engine: the desk is up\n")
    ran = kedge("up", "--for", "2m", "--json")
    assert ran.json["traded"] == [
        {"market": MARKET, "fills": 1, "bought": "0", "sold": "0.02", "net": "-0.02"}
    ]
    kedge("up", "--fresh")
    assert given["home"].root != kedge.home
    assert given["for_ns"] == 0
    assert stat.S_IMODE(given["home"].root.stat().st_mode) == 0o700
    shutil.rmtree(given["home"].root)


# ── settings, kinds, completion, version ────────────────────────────────────────────────────────


def test_settings_commands(kedge: Shell) -> None:
    assert kedge("settings", "init").code == Exit.OK
    assert kedge("settings", "init").code == Exit.REFUSED
    assert '[accounts."paper/main"]' in kedge("settings", "show").out
    assert kedge("settings", "show", "--json").json["desk"]["cell"] == "main"
    assert kedge("settings", "schema").json["title"] == "Kedge settings"
    assert kedge("settings", "path", "--json").json["settings"] == str(kedge.home / "kedge.toml")


def test_kinds(kedge: Shell) -> None:
    assert {row["kind"] for row in kedge("bot", "kinds", "--json").json} >= {"hedge", "peg", "pair"}
    told = kedge("bot", "kinds", "hedge", "--json").json
    assert told["words"] == {"close": "Close what was filled, reduce-only."}
    assert told["parameters"][1]["name"] == "qty"
    assert all(row["help"] for row in told["parameters"])


MINE = """
from msgspec import Struct
from kedge.engine.bot import Bot, Decision
class Config(Struct, frozen=True):
    levels: list[int]
    weights: dict[str, float] = {}
    on: bool = True
class State(Struct, frozen=True): pass
class Mine(Bot[Config, State]):
    kind, summary, Config, State = "mine", "Mine.", Config, State
    def markets(self, config): return ()
    def decide(self, view): return Decision(view.state)
class Half(Bot[Config, State]):
    kind = "half"
"""


def test_a_persons_own_kind(kedge: Shell, port: FakePort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = kedge.home / "bots"
    folder.mkdir()
    (folder / "own_kind_a.py").write_text(MINE)
    (folder / "own_kind_b.py").write_text("def broken(:\n")
    (folder / "own_kind_c.py").write_text("import no_such_thing_here\n")
    (folder / "own_kind_d.py").write_text("1 / 0\n")
    ran = kedge("bot", "add", "m", "own_kind_a:Mine", "levels=1,2,3", 'weights={"a": 0.5}', "on=false")
    assert ran.code == Exit.OK, ran.err
    config = json.loads(bytes(port.commands[0].args))["config"]
    assert config == {"levels": [1, 2, 3], "weights": {"a": 0.5}, "on": False}
    for kind, words in (
        ("own_kind_a:Mien", "own_kind_a: there is no bot class `Mien`; did you mean `Mine`?"),
        ("own_kind_a:Half", "must say its Config and State, each a msgspec Struct"),
        ("own_kind_b:X", "own_kind_b is not Python: invalid syntax (line 1)"),
        ("own_kind_c:X", "there is no module no_such_thing_here (wanted by own_kind_c)"),
        ("own_kind_d:X", "own_kind_d failed while it was imported: ZeroDivisionError"),
        ("own kind:X", "`own kind:X` is no class; write it like my_module:MyBot"),
    ):
        with pytest.raises(Halt) as halt:
            find_kind(kind, folder)
        assert words in str(halt.value)
        assert halt.value.code == Exit.USAGE


def test_completion_and_version(kedge: Shell) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "explain" in kedge("completion", shell).out
    assert kedge("version").out == f"kedge {__version__}\n"
    assert kedge("version", "--json").json == {"version": __version__}
    assert kedge("--version").out.strip() == __version__


def test_help_everywhere(kedge: Shell) -> None:
    assert "70 bug" in kedge("--help").out
    for deed in DEEDS:
        ran = kedge(*deed.name.split(), "--help")
        assert ran.code == Exit.OK
        assert deed.help.split(".")[0] in " ".join(ran.out.split())


@pytest.mark.parametrize(("program", "option"), [("replay", "--folder"), ("storm", "--seeds")])
def test_help_of_a_program_behind_a_command_is_its_own(program: str, option: str, kedge: Shell) -> None:
    ran = kedge(program, "--help")
    assert ran.code == Exit.OK
    assert option in ran.out
    assert kedge(program, "--colour").code == Exit.USAGE


def test_a_command_that_is_not_there_gets_a_whole_sentence(kedge: Shell) -> None:
    assert kedge("statsu").sentence == 'Unknown command "statsu". Did you mean "status"?'
    assert kedge("xyzzy").sentence == 'Unknown command "xyzzy"; kedge --help lists what there is'


# ── the list of commands ────────────────────────────────────────────────────────────────────────


def test_every_verb_of_the_engine_has_a_deed() -> None:
    assert {deed.verb or deed.errand for deed in DEEDS if deed.verb or deed.errand} == set(VERBS)
    assert len(BY_NAME) == len(DEEDS)


def test_every_deed_and_argument_has_a_meaning() -> None:
    for deed in DEEDS:
        assert sum(map(bool, (deed.verb, deed.read, deed.call))) == 1
        assert all(entry.help for entry in arguments(deed))


def test_the_reference_pages_are_generated() -> None:
    check_page("commands", commands_page())
    check_page("cli", cli_pages.cli_page())
    check_page("gate", cli_pages.gate_page())


def test_the_examples_on_the_gates_page_are_frames() -> None:
    said = [line for line in cli_pages.gate_page().splitlines() if line.startswith("{")]
    assert len(said) >= 12
    for line in said:
        kind = json.loads(line)["type"]
        if kind == "Hello":
            frames.read_hello(line.encode())
        elif kind in {shape.__name__ for shape in frames.Request.__args__}:
            frames.read_request(line.encode())
        else:
            frames.read_reply(line.encode())


# ── a desk on another machine ───────────────────────────────────────────────────────────────────


def test_a_desk_on_another_machine_is_asked_by_its_gate(
    kedge: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By option, by variable and by settings; and what is far is never answered from what is near."""
    a_journal(kedge.home)
    fake = FakePort()
    fake.rows = {"orders": []}
    with far_desk_in_a_thread(fake, tmp_path) as address:
        monkeypatch.setenv("KEDGE_GATE_TOKEN", ADMIN)
        monkeypatch.setenv("KEDGE_GATE_CA", str(tmp_path / "gate.pem"))
        assert kedge("kill", "--why", "lunch", "--gate", address).out == "done\n"
        assert fake.commands[-1].actor == "pages"
        monkeypatch.setenv("KEDGE_GATE", address)
        assert kedge("status", "--json").json["cell"] == "main"
        assert kedge("orders", "--json").json == {"from": "desk", "rows": []}
        monkeypatch.setenv("KEDGE_GATE_TOKEN", LOOK)
        ran = kedge("kill")
        assert (ran.code, ran.sentence) == (
            Exit.REFUSED,
            "board may only look; desk.kill takes the role trade",
        )
        assert kedge("status", "--home", str(kedge.home)).code == Exit.AWAY
        monkeypatch.delenv("KEDGE_GATE_TOKEN")
        ran = kedge("status")
        assert ran.code == Exit.SETTINGS
        assert "needs the secret KEDGE_GATE_TOKEN" in ran.sentence
    monkeypatch.setenv("KEDGE_GATE_TOKEN", ADMIN)
    for argv in (("orders",), ("backup", "/b"), ("status",), ("kill",)):
        ran = kedge(*argv)
        assert ran.code == Exit.AWAY, argv
        assert f"no desk answers at {address}" in ran.sentence
    monkeypatch.delenv("KEDGE_GATE")
    (kedge.home / "kedge.toml").write_text(f'[desk]\ngate = "{address}"\n')
    assert kedge("status").code == Exit.AWAY
    ran = kedge("up", "--no-desk")
    assert ran.code == Exit.SETTINGS
    assert "kedge desk" in ran.sentence
