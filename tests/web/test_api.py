"""REST: who is let in, what they may, what is answered, and that nothing of it can be abused."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from api_kit import Api, D, at_an_api
from asgiref.sync import sync_to_async

from kedge.desk.commands import DEEDS
from kedge.settings import parse
from kedge.settings.api_sections import ApiSettings

LOOKING = (
    *("status", "bots", "bot-history", "orders", "fills", "positions", "position-minutes", "decisions"),
    *("notes", "commands", "cash", "story", "instruments", "schedules", "schedule-history", "days"),
    *("listed", "scan", "dscan", "quotes?account=paper/main"),
    *("schedule-runs", "figures", "held", "open-orders", "ping", "preorders", "preorder-sources"),
)
MAIN = ("/main/market-data/", "/main/positions/", "/main/preorders/")


def test_nobody_unknown_sees_anything() -> None:
    async def run(api: Api) -> None:
        from kedge.desk.web.api.routes import routes

        for route in routes():
            where = route.path.replace("{id}", "1")
            for token in ("", "kedge_foreign", "x" * 5000):
                response = await api.raw(route.method, where, token, body={})
                assert response.status_code == 401, route.name
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert msgspec.json.decode(response.content)["error"]["code"] == "unknown"
        assert (await api.get("/api/v1/openapi.json"))[0] == 401
        assert (await api.raw("GET", "/api/v1/docs")).status_code == 302
        basic = await api.raw("GET", "/api/v1/status", Authorization="Basic eDp5")
        assert basic.status_code == 401

    at_an_api(run)


def test_expired_revoked_and_dismissed_tokens_see_nothing() -> None:
    async def run(api: Api) -> None:
        from kedge.desk.web import people
        from kedge.desk.web.models import ApiToken

        async def sees(token: str) -> int:
            return (await api.get("/api/v1/orders", token))[0]

        ann, bob, eve = [await api.token(name, "trader", days=1) for name in ("ann", "bob", "eve")]
        tokens = [await sees(token) for token in (ann, bob, eve)]
        assert tokens == [200, 200, 200]

        def take_away() -> None:
            from datetime import timedelta

            from django.utils import timezone

            mine = ApiToken.objects.filter(user__username="ann")
            mine.update(expires_at=timezone.now() - timedelta(seconds=1))
            ApiToken.objects.filter(user__username="bob").update(revoked_at=timezone.now())
            people.add("own", "owner", "correct horse staple")
            people.set_active("eve", False)

        await sync_to_async(take_away)()
        assert [await sees(token) for token in (ann, bob, eve)] == [401, 401, 401]

    at_an_api(run)


def test_viewers_and_read_only_tokens_cannot_trade() -> None:
    async def run(api: Api) -> None:
        viewer = await api.token("vic", "viewer")
        asked_for_more = await api.token("vic", "viewer", role="admin")
        read_only = await api.token("own", "owner", role="look")
        trader = await api.token("ann", "trader")
        for token in (viewer, asked_for_more, read_only):
            for path in LOOKING:
                assert (await api.get(f"/api/v1/{path}", token))[0] == 200, path
            for path in MAIN:
                assert (await api.get(path, token))[0] == 200, path
            for deed in DEEDS:
                if deed.role != "look":
                    status, body = await api.post(f"/api/v1/{deed.name.replace(' ', '/')}", {}, token)
                    assert (status, body["error"]["code"]) == (403, "denied"), deed.name
                if deed.verb:
                    asked = {"verb": deed.verb, "args": {}}
                    assert (await api.post("/api/v1/commands", asked, token))[0] == 403, deed.verb
            opening = {"action": "open", "sum_btc": 1}
            assert (await api.post("/main/position-actions/", opening, token))[0] == 403
        for deed in DEEDS:
            if deed.role == "admin":
                path = f"/api/v1/{deed.name.replace(' ', '/')}"
                assert (await api.post(path, {}, trader))[0] == 403, deed.name
        assert not api.port.commands

    at_an_api(run)


def test_commands_are_recorded_with_the_person_and_repeat_under_a_key() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        config = {"market": "paper/main:BTC-PERP", "qty": 0.05}
        body = {"name": "h", "kind": "hedge", "config": config}
        first = await api.post("/api/v1/bot/add", body, ann, key="add-the-bot")
        assert first[0] == 200
        assert first[1]["actor"].endswith(":ann")
        assert (first[1]["via"], first[1]["verb"], first[1]["ok"]) == ("api", "bot.add", True)
        assert await api.post("/api/v1/bot/add", body, ann, key="add-the-bot") == first
        status, other = await api.post("/api/v1/bot/stop", {"name": "h"}, ann, key="add-the-bot")
        assert (status, other["error"]["code"]) == (409, "refused")
        assert api.port.trial.e.desk.bots["h"].phase == "running"
        stop = {"verb": "bot.stop", "args": {"name": "h"}}
        assert (await api.post("/api/v1/commands", stop, ann))[0] == 200
        status, refused = await api.post("/api/v1/bot/stop", {"name": "nobody"}, ann)
        assert (status, refused["error"]["taken"]["ok"]) == (409, False)
        _, rows = await api.get("/api/v1/commands?text=add-the-bot", ann)
        assert [row["command_id"] for row in rows["rows"]] == ["add-the-bot"]
        _, body = await api.post("/api/v1/bot/stop", {"name": "h"}, ann, key="short")
        assert "8 to 64" in body["error"]["says"]

    at_an_api(run)


def test_a_session_needs_its_csrf_token() -> None:
    async def run(api: Api) -> None:
        await api.web.sign_in("ann", "trader")
        assert (await api.get("/api/v1/status"))[0] == 200, "looking needs none"
        status, body = await api.post("/api/v1/kill", {})
        assert (status, body["error"]["code"]) == (403, "denied")
        assert not api.port.commands
        forged = await api.raw("POST", "/api/v1/kill", body={}, **{"X-CSRFToken": "x" * 32})
        assert forged.status_code == 403
        headers = {"X-CSRFToken": api.web.csrf}
        assert (await api.raw("POST", "/api/v1/kill", body={}, **headers)).status_code == 200
        elsewhere = {**headers, "Origin": "https://evil.example"}
        assert (await api.raw("POST", "/api/v1/kill", body={}, **elsewhere)).status_code == 403
        assert [command.via for command in api.port.commands] == ["web"]

    at_an_api(run)


def test_lists_filter_sort_turn_pages_and_export() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        for number in range(1, 6):
            body = {"action": "open", "sum_btc": f"0.0{number}", "comment": "=1+1"}
            assert (await api.post("/main/position-actions/", body, ann))[0] == 200
            api.port.fill(46714)
        _, page = await api.get("/api/v1/orders?sort=-qty&limit=2", ann)
        assert [row["qty"] for row in page["rows"]] == ["0.05", "0.04"]
        assert (page["total"], page["total_is_exact"], page["as_of"]["trouble"]) == (5, True, "")
        _, page = await api.get(f"/api/v1/orders?sort=-qty&limit=2&after={page['next']}", ann)
        assert [row["qty"] for row in page["rows"]] == ["0.03", "0.02"]
        assert (await api.get("/api/v1/orders?state=open", ann))[1]["total"] == 0
        status, body = await api.get("/api/v1/orders?state=opne", ann)
        assert (status, "opne" in body["error"]["says"]) == (400, True)
        for wrong in ("limit=0", "limit=x", "offset=99999999", "sort=tea", "tea=1", "bot=a&bot=b", "bot=%00"):
            assert (await api.get(f"/api/v1/orders?{wrong}", ann))[0] == 400, wrong
        response = await api.raw("GET", "/api/v1/fills?format=csv", ann)
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        lines = list(csv.DictReader(io.StringIO(b"".join([x async for x in response]).decode())))
        assert [row["qty"] for row in lines] == ["0.05", "0.04", "0.03", "0.02", "0.01"]
        response = await api.raw("GET", "/api/v1/fills?limit=2", ann, Accept="text/csv")
        assert len(b"".join([x async for x in response]).splitlines()) == 3
        assert (await api.get("/api/v1/status?format=csv", ann))[0] == 400

    at_an_api(run)


def test_cells_that_look_like_formulas_are_made_harmless() -> None:
    from kedge.desk.web.api.csvs import cell

    assert [cell(x) for x in ("=1+1", "@x", "+x", "-x", "\tx")] == ["'=1+1", "'@x", "'+x", "'-x", "'\tx"]
    assert [cell(x) for x in (D("-0.5"), D("1E+3"), 7, True, None, {"a": 1})] == [
        *("-0.5", "1000", "7", "true", "", '{"a":1}')
    ]


def test_what_is_no_good_request_is_told_so() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")

        async def post(body: bytes, kind: str = "application/json") -> tuple[int, str]:
            response = await api.raw("POST", "/api/v1/bot/stop", ann, body=body, **{"Content-Type": kind})
            return response.status_code, msgspec.json.decode(response.content)["error"]["says"]

        assert (await post(b"{"))[0] == 400
        assert (await post(b'{"name": "\xff"}'))[0] == 400
        assert "zero byte" in (await post(b'{"name": "a\\u0000"}'))[1]
        assert "did you mean `name`" in (await post(b'{"nmae": "a"}'))[1]
        assert (await post(b"name=h", "application/x-www-form-urlencoded"))[0] == 415
        assert (await post(b'{"name": "' + b"x" * 300_000 + b'"}'))[0] == 413
        assert (await api.raw("DELETE", "/api/v1/status", ann)).headers["Allow"] == "GET, HEAD"
        assert (await api.raw("HEAD", "/api/v1/status", ann)).status_code == 200
        status, body = await api.get("/api/v1/nothing", ann)
        assert (status, body["error"]["code"]) == (404, "missing")
        bad = {"name": "x", "kind": "hedge", "config": [1]}
        assert "table" in (await api.post("/api/v1/bot/add", bad, ann))[1]["error"]["says"]

    at_an_api(run)


def test_too_many_requests_wait_and_others_do_not() -> None:
    async def run(api: Api) -> None:
        ann, bob = await api.token("ann", "viewer"), await api.token("bob", "viewer")
        answers = [await api.raw("GET", "/api/v1/ping", ann) for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert (await api.get("/api/v1/ping", bob))[0] == 200

    at_an_api(run, ApiSettings(per_minute=60, burst=3))


def test_the_buckets_refill_and_are_bounded() -> None:
    from kedge.desk.web.api.rates import CALLERS_MOST, Rates

    rates, second = Rates(per_minute=60, burst=2), 10**9
    assert [rates.wait_s("a", 0) for _ in range(4)] == [0, 0, 1, 1]
    assert rates.wait_s("a", second) == 0
    assert rates.wait_s("a", second) == 1
    for number in range(CALLERS_MOST + 100):
        rates.wait_s(str(number), second)
    assert len(rates._full_ns) == CALLERS_MOST


def test_an_engine_that_is_away_is_503_and_rows_are_still_told() -> None:
    async def run(api: Api) -> None:
        from kedge.runtime.port import EngineAway

        ann = await api.token("ann", "trader")
        api.port.wrong = EngineAway("the desk is stopping")
        for path in ("held", "open-orders"):
            status, body = await api.get(f"/api/v1/{path}", ann)
            assert (status, body["error"]["code"]) == (503, "away"), path
        status, body = await api.post("/api/v1/kill", {}, ann, key="kill-it-now")
        assert (status, body["error"]["command_id"]) == (503, "kill-it-now"), "ask again under it"
        assert (await api.get("/api/v1/orders", ann))[0] == 200
        assert (await api.get("/main/positions/", ann))[0] == 200
        api.port.wrong = None
        assert (await api.post("/api/v1/kill", {}, ann, key="kill-it-now"))[0] == 200

    at_an_api(run)


NASTY = (
    "<script>alert(1)</script>",
    "'; DROP TABLE orders; --",
    '" OR ""="',
    "{{ 7*7 }}{% debug %}",
    "%s%n%x",
    "\u202e\ufeff\U0001f600",
    "../../etc/passwd",
)


@pytest.mark.parametrize("nasty", NASTY)
def test_injection_in_texts_is_inert(nasty: str) -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        body = {"action": "open", "sum_btc": "0.05", "comment": nasty}
        status, answer = await api.post("/main/position-actions/", body, ann)
        assert status == 200, answer
        api.port.fill(46714)
        _, data = await api.get(f"/main/position-data/{answer['position_id']}/", ann)
        assert data["comment"] == nasty
        from urllib.parse import quote

        for path in ("orders", "notes", "commands", "preorders", "bot-history"):
            status, page = await api.get(f"/api/v1/{path}?text={quote(nasty)}", ann)
            assert status == 200, page
        for filters in ("bot", "market", "account", "client_id"):
            status, page = await api.get(f"/api/v1/orders?{filters}={quote(nasty)}", ann)
            assert (status, page["total"]) == (200, 0)
        assert (await api.get(f"/main/positions/{quote(nasty, safe='')}/", ann))[0] == 404
        assert (await api.get("/api/v1/orders", ann))[1]["total"] == 1, "the tables are whole"

    at_an_api(run)


def test_secrets_appear_nowhere() -> None:
    planted = "s3cr3t-planted-0123456789"

    async def run(api: Api) -> None:
        import os

        from kedge.desk.web.api.routes import routes

        os.environ["SHOP_TOKEN"] = planted
        try:
            token = await api.token("own", "owner")
            seen = []
            for route in routes():
                if route.stream:
                    continue
                response = await api.raw(route.method, route.path.replace("{id}", "1"), token, body={})
                seen.append(b"" if response.streaming else response.content)
            text = b"".join(seen).decode()
            assert planted not in text
            assert token not in text
            assert "correct horse" not in text
        finally:
            del os.environ["SHOP_TOKEN"]

    source = {"name": "shop", "kind": "http", "url": "https://127.0.0.1:1/x", "token": "SHOP_TOKEN"}
    at_an_api(run, preorders=parse({"preorders": {"sources": [source]}}).preorders)


def test_the_live_stream_tells_entries_and_ends_with_the_tail() -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        response = await api.raw("GET", "/api/v1/live?after=0&topics=entries", ann)
        assert response.headers["Content-Type"] == "text/event-stream"
        text = b"".join([part async for part in response]).decode()
        events = [block for block in text.split("\n\n") if block.startswith("id: ")]
        assert [block.splitlines()[0] for block in events] == [
            f"id: {n}" for n in range(1, len(api.port.trial.entries) + 1)
        ]
        last: dict[str, str] = {"Last-Event-ID": "2"}
        response = await api.raw("GET", "/api/v1/live", ann, **last)
        text = b"".join([part async for part in response]).decode()
        assert "id: 3\n" in text
        assert "id: 2\n" not in text
        assert (await api.get("/api/v1/live?topics=tea", ann))[0] == 400

    at_an_api(run)


def test_the_docs_page_lists_every_route_and_runs_no_script_of_its_own() -> None:
    async def run(api: Api) -> None:
        from kedge.desk.web.api.routes import routes

        await api.web.sign_in("ann", "viewer")
        page = await api.web.get("/api/v1/docs")
        assert page.status == 200
        for route in routes():
            assert f"{route.method} {route.path}</code>" in page.text, route.name
        assert "<script>" not in page.text
        assert "http://" not in page.text.replace("http://testserver", "")

    at_an_api(run)
