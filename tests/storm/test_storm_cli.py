"""`kedge storm` as people and programs meet it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from kedge.model.exits import Exit
from kedge.storm import cli
from kedge.storm.mutants import planted
from kedge.storm.rings import mutant_named


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Failing seeds are noted here and not in the checkout."""
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path))
    monkeypatch.setattr(cli, "SHRINK_S", 0.2)
    return tmp_path


def test_seeds_end_with_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--seeds", "4", "--jobs", "1", "--no-mutants", "--json"]) == Exit.OK
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    said = msgspec.json.decode(out)
    assert said["seeds"] == 4
    assert said["violations"] == 0
    assert (said["mutants_caught"], said["mutants_planted"]) == (0, 0)
    for key in ("steps", "crashes", "faults", "missing_marks", "seconds", "version"):
        assert key in said


def test_seeds_for_people(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert cli.main(["--seeds", "3", "--from", "5", "--jobs", "1", "--no-mutants"]) == Exit.OK
    out = capsys.readouterr().out
    for word in ("seeds          3 (5..7)", "violations     0", "faults fired", "rows of the order table"):
        assert word in out
    assert not (home / "storm-failures.txt").exists()


def test_a_failing_seed_says_how_to_see_it_again(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    with planted(mutant_named("forget-late-fill")):
        assert cli.main(["--seeds", "1", "--jobs", "1", "--no-mutants"]) == Exit.REFUSED
    out = capsys.readouterr().out
    assert "kedge storm --seed 0" in out
    assert "shortest:" in out
    assert (home / "storm-failures.txt").read_text() == "0\n"


def test_a_replay_tells_everything(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--seed", "0", "--mutant", "forget-late-fill", "--verbose"]
    assert cli.main(arguments) == Exit.REFUSED
    out = capsys.readouterr().out
    for word in ("LifeBegan", "Intent", "bot.add", "the last steps before the first violation", "digest"):
        assert word in out


def test_a_replay_can_be_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--seed",
        "3",
        "--crash-at",
        "40",
        "--without",
        "crash,freeze",
        "--storm-ms",
        "4000",
        "--json",
    ]
    assert cli.main(arguments) == Exit.OK
    said = msgspec.json.decode(capsys.readouterr().out)
    assert said["crashes"] >= 1


def test_what_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--seed", "1", "--mutant", "nobody"]) == Exit.USAGE
    assert "there is no mutant 'nobody'" in capsys.readouterr().err
    assert cli.main(["--sees", "1"]) == Exit.USAGE


def test_missed_faults_and_blind_corpora_are_not_good() -> None:
    from kedge.storm.report import Verdict
    from kedge.storm.run import Caught, Tally

    assert Verdict(0, Tally(seeds=10)).good
    assert not Verdict(0, Tally(seeds=5000)).good  # nothing was ever seen
    assert not Verdict(0, Tally(seeds=10), caught=[Caught("x", None)], planted=1).good
    assert not Verdict(0, Tally(seeds=10, violations=1)).good
