"""The hedge desk's contract by example: shapes, types, codes, and that asking twice acts once."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from api_kit import Api, at_an_api
from asgiref.sync import sync_to_async

from kedge.desk.hedges.shapes import SORTS
from kedge.model.events import Command
from kedge.model.records import CommandTaken
from kedge.runtime.port import EngineAway

ACTIONS = "/main/position-actions/"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")


async def opened(api: Api, token: str, sum_btc: object = "0.05", **more: object) -> str:
    status, body = await api.post(ACTIONS, {"action": "open", "sum_btc": sum_btc, **more}, token)
    assert status == 200, body
    return str(body["position_id"])


def test_a_hedge_from_opening_to_closed_in_the_shapes_of_before() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        position = await opened(api, ann, 0.05, comment="by hand")
        assert UUID.match(position)
        api.port.fill(46714)
        assert (await api.post(ACTIONS, {"action": "close", "position_id": position}, ann))[0] == 200
        api.port.fill("46713.5")
        status, data = await api.get(f"/main/position-data/{position}/", ann)
        assert status == 200
        check_data(data, position)
        status, page = await api.get("/main/positions/", ann)
        assert (status, page["count"], page["next"], page["previous"]) == (200, 1, None, None)
        row = page["results"][0]
        assert (row["id"], row["status"], row["comment"]) == (position, "closed", "by hand")
        assert (row["btc_price_in"], row["btc_price_out"]) == ("46714.00", "46713.50")
        assert (row["sum_btc"], row["btc_total_comissions"]) == ("0.050000000000", "0.020000000000")
        assert (row["is_by_hand"], row["h_preorder_id"], row["is_preorder_garant"]) == (True, None, None)
        assert MOMENT.match(row["created_at"])
        assert MOMENT.match(row["closed_at"])
        assert (await api.get(f"/main/positions/{position}/", ann)) == (200, row)

    at_an_api(run)


def check_data(data: Any, position: str) -> None:
    assert list(data) == ["id", "status", "comment", "order_in_data", "order_out_data", "analytics"]
    assert (data["id"], data["status"], data["comment"]) == (position, "closed", "by hand")
    came, left = data["order_in_data"], data["order_out_data"]
    fields = (
        "id created_at order_id type status text sum_btc sum_usd price btc_rate usd_rate preorder position"
    )
    assert list(came) == list(left) == fields.split()
    assert (came["type"], left["type"]) == ("sell", "buy")
    assert (came["status"], left["status"]) == ("Filled", "Filled")
    # As in the example of old: sold one below 46715, worth 0.05 * 46715.
    assert (came["sum_btc"], came["price"], came["btc_rate"], came["sum_usd"]) == (
        *("0.050000", "46714.00", "46715.00", "2335.75"),
    )
    assert (came["usd_rate"], came["preorder"], came["position"]) == (None, None, position)
    assert UUID.match(came["id"])
    assert isinstance(came["order_id"], str)
    margin = data["analytics"]
    assert margin == {"position_margin": 0.5, "position_margin_str": "46714.00 - 46713.50 = 0.50"}
    assert isinstance(margin["position_margin"], float), "a number, as it was"


def test_market_data_is_plain_numbers() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        await opened(api, ann)
        api.port.fill(46714)
        status, data = await api.get("/main/market-data/", ann)
        assert status == 200
        assert list(data) == ["rate", "position_info", "wallet_info"]
        info = data["position_info"]
        fields = ["size", "position_value", "leverage", "entry_price", "liq_price", "unrealised_pnl"]
        assert list(info) == fields
        assert (info["size"], info["entry_price"], info["position_value"]) == (0.05, 46714, 2335.7)
        assert info["unrealised_pnl"] < 0, "sold below where it stands"
        assert isinstance(data["rate"], (int, float))
        assert list(data["wallet_info"]) == ["available_balance", "wallet_balance"]

    at_an_api(run)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"action": "open", "sum_btc": 0}, 400, "above zero"),
        ({"action": "open", "sum_btc": -0.05}, 400, "above zero"),
        ({"action": "open", "sum_btc": "0.0505"}, 400, "multiple of 0.001"),
        ({"action": "open", "sum_btc": "x"}, 400, "not a number"),
        ({"action": "open", "sum_btc": "NaN"}, 400, "not a finite number"),
        ({"action": "open", "sum_btc": True}, 400, "must be a number"),
        ({"action": "open", "sum_btc": 10**30}, 400, "out of range"),
        ({"action": "open"}, 400, "`sum_btc` is missing"),
        ({"action": "open", "sum_btc": 1, "comment": "x" * 301}, 400, "comment"),
        ({"action": "open", "sum_btc": 1, "position_id": "x"}, 400, "goes with the action close"),
        ({"action": "dance"}, 400, "close or open"),
        ({}, 400, "`action` is missing"),
        ([], 400, "table"),
        ({"action": "open", "sum": 1}, 400, "did you mean `sum_btc`"),
        ({"action": "close"}, 400, "`position_id` is missing"),
        ({"action": "close", "position_id": "nobody"}, 404, "there is no position nobody"),
        ({"action": "open", "preorder": 7}, 404, "there is no preorder 7"),
    ],
)
def test_mistakes_have_their_number_and_one_sentence(body: Any, status: int, says: str) -> None:
    async def run(api: Api) -> None:
        answer = await api.post(ACTIONS, body, await api.token("ann", "trader"))
        assert answer[0] == status, answer
        assert says in answer[1]["error"]["says"]
        assert not api.port.commands, "the engine was not asked"

    at_an_api(run)


def test_a_double_click_opens_once_and_a_key_stands_for_one_request() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        body = {"action": "open", "sum_btc": "0.05", "comment": "once"}
        answers = await asyncio.gather(*(api.post(ACTIONS, body, ann, key="double-click") for _ in range(5)))
        assert {status for status, _ in answers} == {200}
        assert len({answer["position_id"] for _, answer in answers}) == 1
        api.port.trial.restart()
        api.port.keep()
        assert await api.post(ACTIONS, body, ann, key="double-click") == answers[0], "over a restart, too"
        assert len(api.port.trial.e.desk.bots) == 1
        status, other = await api.post(ACTIONS, {**body, "sum_btc": "0.06"}, ann, key="double-click")
        assert (status, other["error"]["code"]) == (409, "refused")
        assert "used for something else before (bot.add)" in other["error"]["says"]
        assert len(api.port.trial.e.desk.bots) == 1

    at_an_api(run)


def test_closing_twice_closes_once() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        position = await opened(api, ann)
        api.port.fill(46714)
        body = {"action": "close", "position_id": position}
        first = await api.post(ACTIONS, body, ann, key="close-it-now")
        assert first[0] == 200
        assert await api.post(ACTIONS, body, ann, key="close-it-now") == first
        status, second = await api.post(ACTIONS, body, ann)
        assert status == 200
        assert "closing already" in second["says"]
        api.port.fill(46713)
        status, third = await api.post(ACTIONS, body, ann)
        assert (status, third["error"]["code"]) == (409, "refused")
        assert "closed already" in third["error"]["says"]
        assert await api.post(ACTIONS, body, ann, key="close-it-now") == first, (
            "the same key, the same answer"
        )
        assert sum(1 for one in api.port.trial.e.desk.bots.values() if one.phase == "running") == 0
        _, data = await api.get(f"/main/position-data/{position}/", ann)
        assert data["order_out_data"]["sum_btc"] == "0.050000"

    at_an_api(run)


def test_every_column_can_be_sorted_by_and_pages_turn() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        for number in range(1, 4):
            await opened(api, ann, f"0.0{number}", comment=f"c{number}")
            api.port.fill(46714 + number)
        for name in SORTS:
            for down in ("true", "false"):
                status, page = await api.get(f"/main/positions/?sortBy={name}&sortDesc={down}", ann)
                assert (status, page["count"]) == (200, 3), name
                there = [row[name] for row in page["results"] if row[name] is not None]
                key = (lambda v: int(v[1:])) if name == "r_id" else float if name in NUMBERS else str
                assert there == sorted(there, key=key, reverse=down == "true"), name
        first = (await api.get("/main/positions/?page_size=2&sortBy=comment", ann))[1]
        assert [row["comment"] for row in first["results"]] == ["c1", "c2"]
        assert first["next"].endswith("/main/positions/?page_size=2&sortBy=comment&page=2")
        second = (await api.get(first["next"], ann))[1]
        assert [row["comment"] for row in second["results"]] == ["c3"]
        assert second["previous"].endswith("/main/positions/?page_size=2&sortBy=comment")
        assert (await api.get("/main/positions/?page=9", ann))[0] == 404
        assert (await api.get("/main/positions/?sortBy=tea", ann))[0] == 400
        assert (await api.get("/main/positions/?status=closed", ann))[1]["count"] == 0
        assert (await api.get("/main/positions/?is_by_hand=true&status=open", ann))[1]["count"] == 3

    at_an_api(run)


NUMBERS = ("sum_btc", "btc_total_comissions", "btc_price_in", "btc_price_out")


def test_several_orders_of_one_side_are_told_as_one() -> None:
    async def run(api: Api) -> None:
        from kedge.engine.effects import Place
        from kedge.model.order import State

        ann = await api.token("ann", "trader")
        position = await opened(api, ann, "0.05")
        trial = api.port.trial
        first = trial.opened(trial.placed())
        trial.fill(first, "0.02", 46714)
        trial.news(first, State.CANCELLED, "0.02")
        trial.wait(2, keep_books=True)
        rest = trial.take(Place)[-1].order
        trial.opened(rest)
        api.port.keep()
        _, data = await api.get(f"/main/position-data/{position}/", ann)
        assert (data["order_in_data"]["status"], data["order_in_data"]["sum_btc"]) == ("New", "0.050000")
        trial.fill(rest, rest.qty, 46719)
        api.port.keep()
        _, data = await api.get(f"/main/position-data/{position}/", ann)
        order = data["order_in_data"]
        assert (order["status"], order["sum_btc"], order["price"]) == ("Filled", "0.050000", "46717.00")

    at_an_api(run)


# ── preorders ───────────────────────────────────────────────────────────────────────────────────


def a_preorder(number: int = 1234, **changes: Any) -> None:
    from kedge.desk.preorders.rows import parse
    from kedge.desk.web.preorders.service import keep

    row = {"preorder_id": number, "sum_btc": "0.0512345", "sum_rub": "250000.5", "is_garant": True, **changes}
    assert keep([parse(row)]) == (1, 0)


def test_a_preorder_is_hedged_by_its_own_sum_and_never_twice() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        await sync_to_async(a_preorder)(stages=[{"status": "paid", "status_date": "2026-11-02"}])
        body = {"action": "open", "preorder": 1234}
        answers = await asyncio.gather(*(api.post(ACTIONS, body, ann) for _ in range(4)))
        assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
        won = next(answer for status, answer in answers if status == 200)
        lost = next(answer for status, answer in answers if status == 409)
        assert "preorder 1234 is held by" in lost["error"]["says"]
        api.port.trial.restart()
        api.port.keep()
        by_sum = {"action": "open", "preorder": 1234, "sum_btc": "0.01"}
        assert (await api.post(ACTIONS, by_sum, ann))[0] == 409, "a restarted engine knows it too"
        api.port.fill(46714)
        row = (await api.get("/main/positions/?is_preorder_garant=true", ann))[1]["results"][0]
        assert (row["h_preorder_id"], row["preorder_sum_rub"], row["is_by_hand"]) == (
            1234,
            "250000.50",
            False,
        )
        assert row["sum_btc"] == "0.051000000000", "cut to the market's step"
        _, data = await api.get(f"/main/position-data/{won['position_id']}/", ann)
        assert data["preorder_data"]["stages"][0]["status"] == "paid"
        assert data["order_in_data"]["preorder"] == data["preorder_data"]["id"]
        page = await api.web.get("/preorders/1234/")
        assert page.status == 302, "pages are for who has signed in"
        await api.web.sign_in("tom", "trader")
        page = await api.web.get("/preorders/1234/")
        assert page.status == 200
        for shown in ("0.0512345", won["bot"], won["position_id"], "paid", "is held by"):
            assert shown in page.text, shown

    at_an_api(run)


def test_a_retry_after_a_crash_finds_what_was_opened() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        await sync_to_async(a_preorder)()
        body = {"action": "open", "preorder": "1234"}
        # The engine has taken it, and is gone before the answer.
        api.port.trial.restart()
        first = await api.post(ACTIONS, body, ann, key="auto-1234")
        api.port.trial.restart()
        api.port.keep()
        assert await api.post(ACTIONS, body, ann, key="auto-1234") == first
        assert (await api.post(ACTIONS, body, ann, key="auto-1234-again"))[0] == 409
        assert len(api.port.trial.e.desk.bots) == 1

    at_an_api(run)


def test_the_button_of_a_preorder_keeps_its_key_until_it_was_answered() -> None:
    async def run(api: Api) -> None:
        await sync_to_async(a_preorder)()
        web = api.web
        await web.sign_in("tom", "trader")
        key = (await web.get("/preorders/1234/")).field("command_id")
        takes = api.port.command

        async def takes_and_is_gone(command: Command) -> CommandTaken:
            await takes(command)
            raise EngineAway("gone before its answer")

        api.port.command = takes_and_is_gone  # type: ignore[method-assign]
        gone = await web.post("/preorders/1234/open/", command_id=key)
        api.port.command = takes  # type: ignore[method-assign]
        page = await web.get(gone.where)
        assert "Send it again: it acts once" in page.text
        assert page.field("command_id") == key
        stranger = web.another()
        await stranger.sign_in("tina", "trader")
        assert (await stranger.get(gone.where)).field("command_id") != key, "the key is the person's own"
        done = await web.post("/preorders/1234/open/", command_id=key)
        assert done.where == "/preorders/1234/", "answered: the page has another key"
        assert "is running" in (await web.get(done.where)).text
        assert len(api.port.trial.e.desk.bots) == 1, "it acted once"

    at_an_api(run)


def test_preorders_that_cannot_be_hedged_say_why_in_their_log() -> None:
    async def run(api: Api) -> None:
        from kedge.desk.web.preorders.models import PreorderLog

        ann = await api.token("ann", "trader")
        await sync_to_async(a_preorder)(1, status="closed")
        await sync_to_async(a_preorder)(2, sum_btc="")
        await sync_to_async(a_preorder)(3, sum_btc="0.0001")
        for number, says in ((1, "is closed"), (2, "no sum"), (3, "less than")):
            status, body = await api.post(ACTIONS, {"action": "open", "preorder": number}, ann)
            assert status == 409
            assert says in body["error"]["says"]
        logs = await sync_to_async(lambda: [one.status for one in PreorderLog.objects.all()])()
        assert logs == ["error"] * 3
        assert not api.port.trial.e.desk.bots
        status, page = await api.get("/main/preorders/", ann)
        assert (status, page["count"]) == (200, 3)
        assert (await api.get("/main/preorders/2/", ann))[1]["sum_btc"] is None
        assert (await api.get("/main/preorders/99/", ann))[0] == 404
        assert (await api.get("/api/v1/preorders?status=open&text=2", ann))[1]["total"] == 1

    at_an_api(run)
