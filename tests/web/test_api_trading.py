"""A trader's day by REST: every deed has its address, previews do nothing, refusals have their number."""

from __future__ import annotations

import pytest
from api_kit import Api, at_an_api
from builders import MAIN, PERP

from kedge.desk.deeds_tasks import TASK_DEEDS
from kedge.desk.web.api.routes import API, routes


def test_every_deed_has_its_address() -> None:
    there = {(route.method, route.path) for route in routes()}
    for deed in TASK_DEEDS:
        method = "POST" if deed.verb else "GET"
        assert (method, f"{API}/{deed.name.replace(' ', '/')}") in there, deed.name


def test_tasks_begin_are_shown_and_amended() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        asked = {"verb": "task.sell", "args": {"ticker": "btc-perp", "qty": "0.5"}}
        status, body = await api.post("/api/v1/preview", asked, ann)
        config = {"market": PERP, "side": "sell", "qty": "0.5"}
        says = f"sell 0.5 of {PERP} at the best ask"
        assert (status, body) == (200, {"ok": True, "says": says, "kind": "peg", "config": config})
        assert not api.port.commands
        status, body = await api.post(
            "/api/v1/sell", {"ticker": "btc-perp", "qty": "0.5"}, ann, key="key-1111"
        )
        assert (status, body.get("ok")) == (200, True), body
        again = await api.post("/api/v1/sell", {"ticker": "btc-perp", "qty": "0.5"}, ann, key="key-1111")
        assert again[1]["says"] == body["says"]
        status, body = await api.get("/api/v1/sellbuy", ann)
        assert [(row["task"], row["amount"], row["done"]) for row in body["rows"]] == [
            ("sell-btc-perp-1", "0.5", "0")
        ]
        status, body = await api.post("/api/v1/amend", {"name": "sell-btc-perp-1", "qty": "0.7"}, ann)
        assert (status, body["says"]) == (200, "sell-btc-perp-1 is amended")
        assert (await api.get("/api/v1/tasks", ann))[1]["rows"][0]["amount"] == "0.7"
        assert (await api.get("/api/v1/spreads", ann))[1]["rows"] == []
        assert (await api.get("/api/v1/sprices", ann))[1]["rows"] == []
        status, body = await api.post("/api/v1/stop", {}, ann)
        assert (status, body["says"]) == (200, "stopping sell-btc-perp-1; each ends when it is balanced")

    at_an_api(run)


def test_lists_and_stashes() -> None:
    async def run(api: Api) -> None:
        ann, eve = await api.token("ann", "trader"), await api.token("eve", "viewer")
        status, body = await api.post("/api/v1/list/set", {"name": "whitelist", "items": "BTC-PERP"}, ann)
        assert (status, body["says"]) == (200, "whitelist: BTC-PERP")
        _, body = await api.get("/api/v1/lists", eve)
        held = {row["name"]: row["items"] for row in body["rows"]}
        assert (held["whitelist"], held["stops-levels"]) == ("BTC-PERP", "15, 20, 25")
        status, body = await api.get("/api/v1/kept-lists", eve)
        assert [row["name"] for row in body["rows"]] == ["whitelist"]
        assert (await api.get("/api/v1/stashes", eve))[1]["rows"] == []
        status, _ = await api.get("/api/v1/stash/show?name=night", eve)
        assert status in (400, 404, 409)
        status, body = await api.post("/api/v1/stash/save", {"name": "night", "account": MAIN}, ann)
        assert (status, body.get("ok")) == (200, True), body

    at_an_api(run)


@pytest.mark.parametrize(
    ("where", "body", "number"),
    [
        ("sell", {"ticker": "nosuch", "qty": "1"}, 409),
        ("sell", {"ticker": "BTC-PERP"}, 409),
        ("sell", {"qty": "1"}, 400),
        ("sell", {"ticker": "BTC-PERP", "qty": "x"}, 400),
        ("nuke", {"ticker": "BTC-PERP", "sum": "1"}, 409),
        ("stops", {}, 409),
        ("amend", {"name": "nobody", "qty": "1"}, 409),
        ("list/set", {"name": "stops-levels", "items": "120"}, 409),
        ("preview", {"verb": "task.sel", "args": {}}, 400),
        ("preview", {"verb": "task.sell", "args": {}}, 400),
    ],
)
def test_refusals_have_their_number(where: str, body: dict[str, object], number: int) -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        status, said = await api.post(f"/api/v1/{where}", body, ann)
        assert status == number, said
        assert not api.port.trial.e.desk.bots

    at_an_api(run)


def test_a_viewer_may_look_and_not_trade() -> None:
    async def run(api: Api) -> None:
        eve = await api.token("eve", "viewer")
        body = {"ticker": "BTC-PERP", "qty": "1"}
        assert (await api.post("/api/v1/sell", body, eve))[0] == 403
        assert (await api.post("/api/v1/preview", {"verb": "task.sell", "args": body}, eve))[0] == 403
        assert (await api.get("/api/v1/tasks", eve))[0] == 200

    at_an_api(run)
