"""`kedge project`: a copy of the tables without the web, with and without a running engine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from test_door import a_house
from test_readings import pour

from kedge.cli.app import main
from kedge.desk.tables.address import file_address
from kedge.desk.tables.database import Database
from kedge.desk.tables.tables import Tables


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("KEDGE_HOME", str(folder))

    async def life() -> None:
        async with a_house(folder) as house:
            await pour(house, 0, 60)

    asyncio.run(life())
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["project", *words, "--json"]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_copies_are_equal_and_can_be_made_again(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = said(capsys, "--digest")
    other = tmp_path / "other.sqlite"
    copy = said(capsys, "--db", f"sqlite://{other}", "--digest")
    assert own == copy
    assert own["last_seq"]
    assert said(capsys, "--rebuild", "--digest") == own
    assert "digest" not in said(capsys, "--once")
    database = Database(file_address(other, truth=False))
    assert Tables(database, "main").find("fills").total == 60
    assert (home / "desk-rows.sqlite").stat().st_mode & 0o077 == 0
    database.close()


def test_rows_stand_under_a_name_of_ones_own(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--once", "--cell", "paris")["cell"] == "paris"
    database = Database(file_address(home / "desk-rows.sqlite", truth=False))
    assert Tables(database, "paris").find("fills").total == 60
    assert Tables(database, "main").find("fills").total == 0
    database.close()


def test_mistakes_are_one_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, says in (
        (["--db", "mysql://u:hunter2@h/x"], "must not stand"),
        (["--db", "mysql://u:{NOT_THERE}@h/x"], "needs the secret NOT_THERE"),
        (["--db", "/nowhere/x.sqlite", "--once"], "cannot be used"),
    ):
        assert main(["project", *words]) != 0
        told = capsys.readouterr().err
        assert says in " ".join(told.split())
        assert "hunter2" not in told
        assert "Traceback" not in told
