"""What programs write: its forms, its files, what is hidden, and that nobody waits for it."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
import sys
import threading
from pathlib import Path

import msgspec
import pytest
import structlog
from house import eventually
from hypothesis import given
from hypothesis import strategies as st

from kedge import logs, settings
from kedge.home import Home
from kedge.logs import lines, sinks
from kedge.logs.lines import Line, read_line
from kedge.logs.reading import Follower, assembled, last_lines, programs, wanted
from kedge.logs.redact import HIDDEN, Redactor
from kedge.logs.sinks import RotatingFile, Sink
from kedge.settings import Settings

AT = 1_795_203_856_123_000_000
PLANTED = "pl4nted-S3cret/with+signs="


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home")


def a_line(says: str = "late", **changes: object) -> Line:
    made = Line(AT, "warn", "engine", says, {"bot": "hedge-1", "why": "two words"})
    return msgspec.structs.replace(made, **changes)


def with_log(**changes: object) -> Settings:
    return msgspec.structs.replace(Settings(), log=msgspec.structs.replace(settings.LogSettings(), **changes))


# ── forms ───────────────────────────────────────────────────────────────────────────────────────


def test_the_four_forms_of_a_line() -> None:
    line = a_line("hedge-1: late")
    assert lines.as_text(line) == (
        '2026-11-20T19:44:16.123Z WARN  engine: hedge-1: late\tbot=hedge-1 why="two words"\n'
    )
    assert lines.as_person(line) == '19:44:16 warning: hedge-1: late (why="two words")\n'
    assert lines.as_journal(line) == '<4>hedge-1: late [bot=hedge-1 why="two words"]\n'
    assert json.loads(lines.as_json(line)) == {
        "at": "2026-11-20T19:44:16.123Z",
        "level": "warn",
        "program": "engine",
        "says": "hedge-1: late",
        "bot": "hedge-1",
        "why": "two words",
    }


@given(
    says=st.text(max_size=200),
    about=st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=40), max_size=3),
    form=st.sampled_from([lines.as_text, lines.as_json]),
)
def test_whatever_is_said_is_one_line_and_is_read_back(
    says: str, about: dict[str, str], form: object
) -> None:
    about = {name: value for name, value in about.items() if name not in ("at", "level", "program", "says")}
    written = form(a_line(says, about=about))  # type: ignore[operator]
    assert written.count("\n") == 1
    assert written.endswith("\n")
    read = read_line(written)
    assert read is not None
    assert (read.ts_ns, read.level, read.program) == (AT, "warn", "engine")
    assert read.says == lines.clean(says)
    assert read.about == {name: lines.clean(value) for name, value in about.items()}


def test_nobody_writes_a_second_line_or_a_field_by_what_they_say() -> None:
    evil = "x\n2026-11-20T19:44:16.123Z ERROR engine: forged\tbot=other\x1b[2J\u202e"
    read = read_line(lines.as_text(a_line(evil, about={})))
    assert read is not None
    assert (read.level, read.about) == ("warn", {})
    assert "\x1b" not in lines.as_person(a_line(evil))


def test_a_faults_way_belongs_to_its_line() -> None:
    line = a_line("broke", trace="Traceback\n  File x\nValueError: no")
    rows = (lines.as_text(line) + "not ours\n" + lines.as_text(a_line("next"))).splitlines(keepends=True)
    first, second = list(assembled(rows))
    assert (first.says, first.trace) == ("broke", "Traceback\n  File x\nValueError: no\n")
    assert (second.says, second.trace) == ("next", "")
    assert lines.as_journal(line).count("<4>") == 4


@pytest.mark.parametrize("row", ["", "hello", "{", "{}", '{"at":"x","level":"info"}', "2026 INFO a: b"])
def test_what_is_no_line_of_ours_is_none(row: str) -> None:
    assert read_line(row) is None


# ── what is hidden ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "says",
    [
        PLANTED,
        f"GET /x?key={PLANTED}&y=1",
        "Authorization: Basic cGw0bnRlZC1TM2NyZXQvd2l0aCtzaWducz0=",
        "query=pl4nted-S3cret%2Fwith%2Bsigns%3D",
    ],
)
def test_a_secret_we_hold_is_hidden_in_every_dress(says: str) -> None:
    hidden = Redactor([PLANTED]).hide(says)
    assert HIDDEN in hidden
    assert "S3cret" not in hidden
    assert "cGw0bnRl" not in hidden


@pytest.mark.parametrize(
    ("says", "gone"),
    [
        ("postgresql://kedge:hunter2hunter2@db/desk", "hunter2"),
        ("https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/getMe", "AAHdq"),
        ("Authorization: Bearer abcdef0123456789", "abcdef"),
        ("signature=0123456789abcdef&x=1", "0123456789abcdef"),
        ("{'X-MBX-APIKEY': 'qwertyuiop'}", "qwertyuiop"),
        ("password: letmein99", "letmein99"),
        ('"secret": "zzzzzzzz"', "zzzzzzzz"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(says: str, gone: str) -> None:
    assert gone not in Redactor().hide(says)


def test_ordinary_sentences_are_left_alone() -> None:
    for says in ("hedge-1: open: 0.05 of 0.05 at 60012.3", "the secret BYBIT_KEY is not there", "signed in"):
        assert Redactor(["abc", PLANTED]).hide(says) == says


def test_planted_keys_appear_in_no_log(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.secrets.write_text(f'FILE_KEY = "{PLANTED}"\n')
    home.secrets.chmod(0o600)
    monkeypatch.setenv("ENV_KEY", "from-the-environment-1")
    chosen = settings.parse(
        {"accounts": {"bybit/main": {"key": "FILE_KEY", "secret": "ENV_KEY"}}, "log": {"level": "debug"}}
    )
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    with logs.writing("engine", home, chosen) as log:
        log(f"key {PLANTED}", other="from-the-environment-1")
        logging.getLogger("some.library").warning("sent %s", PLANTED)
        log.fault("broke", ValueError(f"bad key {PLANTED}"), url=f"http://x/?k={PLANTED}")
        structlog.get_logger("web").error("no", key=PLANTED)
    written = home.log("engine").read_text() + err.getvalue()
    assert written.count(HIDDEN) >= 8
    assert "S3cret" not in written
    assert "from-the-environment" not in written


# ── programs that write ─────────────────────────────────────────────────────────────────────────


def test_a_program_writes_to_stderr_and_to_its_file(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with logs.writing("engine", home, Settings()) as log:
        log("100% of 5 %s", bot="hedge-1")
        log.debug("not wanted")
        logging.getLogger("library").warning("its %s", "word")
        logging.getLogger("library").info("plain", extra={"peer": "x"})
    told = capsys.readouterr()
    assert told.out == ""
    written = home.log("engine").read_text()
    assert written == told.err
    found = list(assembled(written.splitlines(keepends=True)))
    assert [(line.level, line.says) for line in found] == [
        ("info", "100% of 5 %s"),
        ("warn", "library: its word"),
        ("info", "library: plain"),
    ]
    assert (found[0].about, found[2].about) == ({"bot": "hedge-1"}, {"peer": "x"})
    assert stat.S_IMODE(home.log("engine").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.logs.stat().st_mode) == 0o700


def test_json_for_collectors_and_no_file_where_none_is_wanted(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with logs.writing("engine", home, with_log(form="json", file=False)) as log:
        log.warn("careful", bot="a", level_of="x")
    assert json.loads(capsys.readouterr().err)["says"] == "careful"
    assert not home.logs.exists()


def test_quiet_is_for_programs_whose_output_is_read(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with logs.writing("engine", home, Settings(), quiet=True) as log:
        log("to the file")
        log.error("to both")
    assert "to the file" not in (err := capsys.readouterr().err)
    assert "to both" in err
    assert len(home.log("engine").read_text().splitlines()) == 2


def test_libraries_that_tell_of_every_request_are_quiet(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with logs.writing("engine", home, Settings()):
        for name in ("axes.handlers.database", "aiohttp.access", "httpx"):
            logging.getLogger(name).info("AXES: somebody signed in")
            logging.getLogger(name).warning("somebody failed to")
    said = capsys.readouterr().err
    assert "signed in" not in said
    assert said.count("failed to") == 3


def test_what_ends_a_program_is_its_files_last_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    def go() -> None:
        with logs.writing("engine", home, Settings()):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        go()
    assert "ended: the disk is full" in home.log("engine").read_text()
    assert capsys.readouterr().err == "", "whoever catches it tells the person"


def test_no_sentence_is_made_for_a_line_that_is_not_wanted(home: Home) -> None:
    with logs.writing("engine", home, with_log(level="error")) as log:
        assert log.wants("error")
        assert not log.wants("warn")
    root = logging.getLogger()
    assert not [one for one in root.handlers if isinstance(one, logs._Pens)], "it is put back as it was"


def test_a_librarys_own_mistake_in_a_line_is_a_line(home: Home) -> None:
    with logs.writing("engine", home, Settings()):
        logging.getLogger("library").warning("%d", "no number")
    assert "library: '%d'" in home.log("engine").read_text()


def test_structlogs_context_goes_into_the_same_lines(home: Home) -> None:
    with logs.writing("desk", home, Settings(), structured=True):
        structlog.contextvars.bind_contextvars(request="r1")
        try:
            structlog.get_logger("web").info("signed in", person="ann")
            structlog.get_logger("web").debug("not wanted")
        finally:
            structlog.contextvars.clear_contextvars()
    (line,) = assembled(home.log("desk").read_text().splitlines(keepends=True))
    assert line.says == "web: signed in"
    assert line.about == {"person": "ann", "request": "r1"}
    structlog.reset_defaults()


def test_without_structlog_everything_is_written_all_the_same(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "structlog", None)
    with logs.writing("desk", home, Settings(), structured=True) as log:
        log("here")
    assert "here" in home.log("desk").read_text()


# ── nobody waits ────────────────────────────────────────────────────────────────────────────────


def test_a_terminal_that_is_not_read_holds_up_nobody() -> None:
    gate = threading.Event()
    got: list[str] = []

    def write(text: str) -> None:
        gate.wait()
        got.append(text)

    sink = Sink("slow", "info", lambda line: line.says + "\n", write, lambda line: line)
    for number in range(sinks.QUEUE_LINES + 500):
        sink.take(a_line(str(number)))
    assert sink.lost >= 499
    sink.close(within_s=0.01)  # it is stuck: ending does not wait for it
    gate.set()
    eventually(lambda: len(got) > 2, "the rest is written")
    assert any("lines could not be written here" in text for text in got)


def test_a_terminal_that_is_gone_and_a_full_disk_are_survived() -> None:
    got: list[str] = []

    def write(text: str) -> None:
        if len(got) == 1 and "two" in text:
            raise BrokenPipeError
        got.append(text)

    sink = Sink("gone", "info", lambda line: line.says + "\n", write, lambda line: line)
    for says in ("one", "two", "three"):
        sink.take(a_line(says))
    sink.close()
    assert got[0] == "one\n"
    assert got[1] == "1 lines could not be written here\nthree\n"


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def test_files_begin_anew_at_a_size_and_only_some_are_kept(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "logs" / "engine.log", 100, keep=2)
    for number in range(50):
        file.write(f"{number:02d} " + "x" * 30 + "\n")
    file.close()
    found = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert found == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(path.stat().st_size <= 100 for path in (tmp_path / "logs").iterdir())
    assert (tmp_path / "logs" / "engine.log").read_text().endswith("49 " + "x" * 30 + "\n")


def test_none_are_kept_where_none_are_wanted(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "engine.log", 50, keep=0)
    for _ in range(5):
        file.write("y" * 40 + "\n")
    assert [path.name for path in tmp_path.iterdir()] == ["engine.log"]


def test_a_file_that_was_moved_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    file = RotatingFile(path, 1000, keep=2)
    file.write("one\n")
    path.rename(tmp_path / "elsewhere")
    file.write("two\n")
    path.unlink()
    file.write("three\n")
    assert path.read_text() == "three\n"
    assert (tmp_path / "elsewhere").read_text() == "one\n"


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def written(folder: Path, program: str, number: int, *told: Line) -> None:
    folder.mkdir(exist_ok=True)
    name = f"{program}.log.{number}" if number else f"{program}.log"
    (folder / name).write_text("".join(lines.as_text(line) for line in told))


def test_the_last_lines_of_all_programs_in_one_order(tmp_path: Path) -> None:
    def at(second: int, program: str) -> Line:
        return a_line(f"{program} {second}", ts_ns=AT + second * 10**9, program=program)

    written(tmp_path, "engine", 1, at(1, "engine"), at(2, "engine"))
    written(tmp_path, "engine", 0, at(4, "engine"), at(6, "engine"))
    written(tmp_path, "desk", 0, at(3, "desk"), at(5, "desk"))
    assert programs(tmp_path) == ["desk", "engine"]
    found = last_lines(tmp_path, programs(tmp_path), wanted(), 5)
    assert [line.says for line in found] == ["engine 2", "desk 3", "engine 4", "desk 5", "engine 6"]
    assert last_lines(tmp_path, ["engine"], wanted(), 0) == []
    assert last_lines(tmp_path, ["none"], wanted(), 5) == []


def test_what_is_asked_for_is_what_is_shown(tmp_path: Path) -> None:
    other = a_line("other", level="info", about={"bot": "peg-1"})
    written(tmp_path, "engine", 0, a_line("One"), other, a_line("two", level="error"))

    def says(**asked: str) -> list[str]:
        return [line.says for line in last_lines(tmp_path, ["engine"], wanted(**asked), 9)]

    assert says(level="warn") == ["One", "two"]
    assert says(bot="peg-1") == ["other"]
    assert says(text="ONE") == ["One"]


def test_new_lines_are_followed_over_a_turn_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    file = RotatingFile(path, 200, keep=3)
    file.write(lines.as_text(a_line("old")))
    follower = Follower(tmp_path, ["engine", "desk"])
    assert follower.new_lines() == []
    told = []
    for number in range(12):
        file.write(lines.as_text(a_line(str(number))))
        if number % 2:
            told += [line.says for line in follower.new_lines()]
    assert told == [str(number) for number in range(12)]
    with path.open("a") as half:
        half.write(lines.as_text(a_line("half"))[:20])
        half.flush()
        assert follower.new_lines() == []
        half.write(lines.as_text(a_line("half"))[20:])
    assert [line.says for line in follower.new_lines()] == ["half"]
    written(tmp_path, "desk", 0, a_line("a new program"))
    assert [line.says for line in follower.new_lines()] == ["a new program"]
    follower.close()


def test_the_journal_is_known_by_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    about = os.fstat(2)
    assert sinks.goes_to_journal({"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
    assert not sinks.goes_to_journal({"JOURNAL_STREAM": "1:1"})
    assert not sinks.goes_to_journal({})
