"""Where preorders come from: rows judged one by one, JSON over HTTP, CSV folders, classes of people's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from kedge.desk.link import Link
from kedge.desk.parts import DeskContext
from kedge.desk.preorders.keeper import Keeper, Told, judged
from kedge.desk.preorders.rows import BadRow, parse
from kedge.desk.preorders.sources import CsvSource, HttpSource, SourceTrouble, make_source
from kedge.desk.tables.database import DatabaseTrouble
from kedge.home import Home
from kedge.settings import Secrets, Settings, SettingsWrong, SourceSettings
from kedge.settings import parse as parse_settings
from kedge.settings.api_sections import PreorderSettings

D = Decimal
TOKEN = "shop-token-0123456789"


def settings(**changes: Any) -> SourceSettings:
    return SourceSettings(**{"name": "shop", "kind": "http", "url": "http://127.0.0.1:1/x", **changes})


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_read_as_loosely_as_sources_write() -> None:
    row, fields = parse(
        {
            "preorder_id": "1234",
            "sum_btc": 0.05,
            "sum_rub": "250000.50",
            "buyer": "Ann",
            "location": "",
            "order_date": "2026-11-01",
            "is_garant": "true",
            "more": "nobody asked for it",
            "stages": [{"status": "paid", "status_date": "2026-11-02T10:00:00+03:00", "comment": None}],
        }
    )
    assert (row.preorder_id, row.sum_btc, row.sum_rub) == (1234, D("0.05"), D("250000.50"))
    assert row.order_date == datetime(2026, 11, 1, tzinfo=UTC)
    assert row.stages is not None
    assert row.stages[0].status_date == datetime(2026, 11, 2, 7, tzinfo=UTC)
    assert "location" not in fields, "what was not told stays as it is kept"
    assert row.is_garant is True


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "`preorder_id` is missing"),
        ({"preorder_id": 0}, "at least 1"),
        ({"preorder_id": "x"}, "preorder x: `preorder_id` must be a whole number"),
        ({"preorder_id": 1, "sum_btc": "x"}, "must be a number"),
        ({"preorder_id": 1, "sum_btc": "-1"}, "below zero"),
        ({"preorder_id": 1, "sum_btc": "NaN"}, "is not a number"),
        ({"preorder_id": 1, "sum_btc": "0.0000000000001"}, "more than 12 digits after the point"),
        ({"preorder_id": 1, "sum_rub": "99999999999"}, "too large"),
        ({"preorder_id": 1, "buyer": "x" * 31}, "at most 30"),
        ({"preorder_id": 1, "buyer": "a\0b"}, "zero byte"),
        ({"preorder_id": 1, "status": "lost"}, "must be closed or open"),
        ({"preorder_id": 1, "order_date": "yesterday"}, "order_date"),
        ([], "an object"),
        ("x", "an object"),
    ],
)
def test_a_bad_row_is_one_sentence(raw: Any, says: str) -> None:
    with pytest.raises(BadRow) as bad:
        parse(raw)
    assert says in str(bad.value)


def test_bad_rows_are_counted_and_stop_no_other() -> None:
    raw = [{"preorder_id": n} for n in range(1, 4)] + [{"preorder_id": "x"}] * 9
    good, wrong, bad = judged(raw)
    assert (len(good), len(wrong), bad) == (3, 5, 9)


# ── sources ─────────────────────────────────────────────────────────────────────────────────────


def test_json_over_http_comes_in_pages_with_the_token_of_a_secret(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(f'SHOP_TOKEN = "{TOKEN}"\n')
    secrets.chmod(0o600)
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        number = int(request.query.get("page", "1"))
        following = "/rows?page=2" if number == 1 else None
        rows = '{"results": [{"preorder_id": %d, "sum_btc": 0.1000000000001}], "next": %s}'
        return web.Response(text=rows % (number, json.dumps(following)), content_type="application/json")

    async def run(server: TestServer) -> None:
        source = HttpSource(settings(url=str(server.make_url("/rows")), token="SHOP_TOKEN"), Secrets(secrets))
        rows = await source.poll()
        assert [row["preorder_id"] for row in rows if isinstance(row, dict)] == [1, 2]
        assert isinstance(rows[0], dict)
        assert rows[0]["sum_btc"] == D("0.1000000000001"), "in its own digits"
        assert seen == [f"Bearer {TOKEN}"] * 2

    serve(answer, run)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("no json", 200, "no JSON"),
        ('{"rows": []}', 200, "neither a list nor"),
        ("[]", 500, "answered 500"),
        ("", 302, "answered 302"),
        ('{"results": [], "next": "http://evil.example/"}', 200, "at another host"),
    ],
)
def test_what_a_source_answers_wrongly_is_a_sentence(
    body: str, status: int, says: str, tmp_path: Path
) -> None:
    async def answer(_: web.Request) -> web.Response:
        headers = {"Location": "http://evil.example/"} if status == 302 else {}
        return web.Response(text=body, status=status, headers=headers)

    async def run(server: TestServer) -> None:
        source = HttpSource(settings(url=str(server.make_url("/key-in-path"))), Secrets(tmp_path / "none"))
        with pytest.raises(SourceTrouble, match=says) as trouble:
            await source.poll()
        assert "key-in-path" not in str(trouble.value)

    serve(answer, run)


def test_nobody_there_is_trouble(tmp_path: Path) -> None:
    source = HttpSource(settings(), Secrets(tmp_path / "none"))
    with pytest.raises(SourceTrouble, match="cannot be asked"):
        asyncio.run(source.poll())


def test_a_folder_of_csv_is_read_when_it_changes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'preorder_id,sum_btc,stages\n1,0.05,"[{""status"": ""paid""}]"\n2,0.06,\n'
    )
    (tmp_path / "b.csv").write_text("\ufeffpreorder_id; buyer\n3; Ann\n", encoding="utf-8")
    (tmp_path / "c.csv").write_bytes(b"preorder_id\n\xff\xfe\n")
    source = CsvSource(settings(kind="csv", folder=str(tmp_path)))
    good, wrong, bad = judged(asyncio.run(source.poll()))
    assert [row.preorder_id for row, _ in good] == [1, 2, 3]
    assert good[0][0].stages is not None
    assert good[2][0].buyer == "Ann"
    assert (bad, "UTF-8" in wrong[0]) == (1, True)
    assert len(asyncio.run(source.poll())) == 4, "told again until they are kept"
    source.kept()
    assert asyncio.run(source.poll()) == []
    (tmp_path / "b.csv").write_text("preorder_id\n3\n4\n")
    assert len(asyncio.run(source.poll())) == 2
    gone = CsvSource(settings(kind="csv", folder=str(tmp_path / "none")))
    with pytest.raises(SourceTrouble, match="there is no folder"):
        asyncio.run(gone.poll())


class Own:
    """A source of somebody's own."""

    def __init__(self, settings: SourceSettings, secrets: Secrets) -> None:
        self.rows = [{"preorder_id": settings.options["first"]}]

    async def poll(self) -> Sequence[dict[str, object]]:
        if not self.rows:
            raise RuntimeError("its own fault")
        return [self.rows.pop()]


class NoPoll:
    def __init__(self, *_: object) -> None: ...


def test_a_class_of_your_own_is_found_or_told(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "none")
    own = make_source(settings(kind="test_preorder_sources:Own", options={"first": "7"}), secrets)
    assert asyncio.run(own.poll()) == [{"preorder_id": "7"}]
    for kind, says in (
        ("no_such_module:X", "cannot be made"),
        ("test_preorder_sources:Nobody", "cannot be made"),
        ("test_preorder_sources:NoPoll", "has no `async def poll"),
        ("test_preorder_sources:Own", "KeyError"),
    ):
        with pytest.raises(SettingsWrong, match=says):
            make_source(settings(kind=kind), secrets)


# ── the keeper ──────────────────────────────────────────────────────────────────────────────────


def test_the_keeper_shows_what_came_and_what_went_wrong(tmp_path: Path) -> None:
    kept: list[Told] = []

    def keep(rows: Sequence[Told]) -> tuple[int, int]:
        if not rows:
            raise DatabaseTrouble("the database is away")
        kept.extend(rows)
        return len(rows), 0

    async def run() -> None:
        chosen = settings(kind="test_preorder_sources:Own", options={"first": "7"})
        context = DeskContext(
            Home(tmp_path),
            Settings(preorders=PreorderSettings((chosen,))),
            Secrets(tmp_path / "none"),
            Link(tmp_path / "none.sock", lambda: 5),
            said.append,
            lambda: 5,
            "main",
        )
        keeper = Keeper(context, keep)
        source = make_source(chosen, context.secrets)
        assert await keeper.look(chosen, source)
        state = keeper.states["shop"]
        assert (state.polled_ns, state.rows, state.new, state.bad, state.trouble) == (5, 1, 1, 0, "")
        assert not await keeper.look(chosen, source), "what it raises ends its turn alone"
        assert "RuntimeError: its own fault" in context.troubles["preorders from shop"]
        source.rows.append({"preorder_id": "x"})  # type: ignore[attr-defined]
        assert not await keeper.look(chosen, source)
        assert keeper.states["shop"].trouble == "the database is away"
        source.rows.append({"preorder_id": "8"})  # type: ignore[attr-defined]
        assert await keeper.look(chosen, source)
        assert context.troubles == {}

    said: list[str] = []
    asyncio.run(run())
    assert [row.preorder_id for row, _ in kept] == [7, 8]
    assert said[0] == "preorders from shop: 1 new, 0 changed, 0 that cannot be kept"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"name": "Shop", "kind": "http", "url": "http://x"}, "small letters"),
        ({"name": "shop", "kind": "http"}, "begins with https"),
        ({"name": "shop", "kind": "csv"}, "`folder` is missing"),
        ({"name": "shop", "kind": "tea"}, "http, csv or module:Class"),
        ({"name": "shop", "kind": "http", "url": "http://x", "token": "abc-secret"}, "NAME of a secret"),
    ],
)
def test_settings_of_sources_are_judged(source: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsWrong, match=says) as wrong:
        parse_settings({"preorders": {"sources": [source]}})
    assert "abc-secret" not in str(wrong.value)
    twice = [{"name": "shop", "kind": "csv", "folder": "x"}] * 2
    with pytest.raises(SettingsWrong, match="two sources are called"):
        parse_settings({"preorders": {"sources": twice}})


def serve(answer: Any, run: Any) -> None:
    async def both() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        async with TestServer(app) as server:
            await run(server)

    asyncio.run(both())
