"""Preorders for whoever runs no Django: the same rows as REST's, from the same tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from api_kit import Api, at_an_api
from asgiref.sync import sync_to_async

from kedge import cli
from kedge.client import Refused
from kedge.desk.deeds_people import PreordersAsk
from kedge.desk.preorders import shelf
from kedge.desk.preorders.rows import parse
from kedge.desk.tables.people import people_of
from kedge.home import Home
from kedge.settings import Secrets, Settings

FIRST = {"preorder_id": 7, "sum_btc": "0.123456789012", "buyer": "Ann", "status": "open", "product": "a_1"}
STAGE = {"status": "sent", "status_date": "2026-11-20T10:00:00Z", "comment": "by train"}
SECOND = {"preorder_id": 8, "buyer": "Борис", "status": "closed", "is_garant": True, "stages": [STAGE]}


def kept(*rows: dict[str, Any]) -> list[Any]:
    return [parse(row) for row in rows]


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"status": "open"},
        {"status": "closed", "is_garant": True},
        {"is_garant": False},
        {"text": "ANN"},
        {"text": "Борис"},
        {"text": "a_1"},
        {"text": "_"},
        {"text": "%"},
        {"text": "8"},
        {"limit": 1, "offset": 1},
    ],
)
def test_the_rows_are_those_of_rest(filters: dict[str, Any]) -> None:
    from kedge.desk.web import project
    from kedge.desk.web.preorders.service import keep

    async def run(api: Api) -> None:
        await sync_to_async(keep)(kept(FIRST, SECOND))
        words = "&".join(f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in filters.items())
        words = words.replace("%", "%25")
        status, body = await api.get(f"/api/v1/preorders?{words}", await api.token("own", "owner"))
        assert status == 200, body
        here = project.context()
        people = people_of(here.home, here.settings, here.secrets)
        found = await sync_to_async(shelf.find)(people, PreordersAsk(**filters))
        people.close()
        assert found == body["rows"]

    at_an_api(run)


def test_a_state_that_is_none_and_a_database_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "home")
    home.make()
    people = people_of(home, Settings(), Secrets(home.secrets, {}))
    with pytest.raises(Refused, match="open or closed"):
        shelf.find(people, PreordersAsk(status="ajar"))
    with pytest.raises(Refused, match="is not there"):
        shelf.find(people, PreordersAsk())
    assert cli.main(["preorders", "--home", str(home.root)]) == 1
    assert "the desk's database is not there" in capsys.readouterr().err
    assert not list(home.root.iterdir()), "to look makes nothing"
    people.fetch("SELECT 1")
    with pytest.raises(Refused, match="is not there"):
        shelf.find(people, PreordersAsk())
    people.close()


def test_the_command_reads_them_whether_a_desk_runs_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    from kedge.desk.web import project
    from kedge.desk.web.preorders.service import keep

    async def run(api: Api) -> None:
        await sync_to_async(keep)(kept(FIRST, SECOND))
        home = str(project.context().home.root)

        def said(*words: str) -> Any:
            assert cli.main(["preorders", "--home", home, "--json", *words]) == 0
            return json.loads(capsys.readouterr().out)

        def numbers(*words: str) -> list[int]:
            return [row["preorder_id"] for row in said(*words)["rows"]]

        def look() -> None:
            assert said()["from"] == "database"
            assert numbers("--status", "open") == numbers("--no-is-garant") == [7]
            assert numbers("--is-garant") == [8]
            assert cli.main(["preorders", "--home", home]) == 0
            assert "0.123456789012" in capsys.readouterr().out

        await sync_to_async(look, thread_sensitive=False)()

    at_an_api(run)
