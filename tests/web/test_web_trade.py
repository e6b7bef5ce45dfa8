"""A trader's pages: tasks are shown before they start and changed in place; lists, stashes, scans."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import Any

import msgspec
import pytest
from api_kit import Api, at_an_api
from builders import PERP
from desk_kit import Page, Web
from fake_port import NOW
from list_kit import ListPort, at_the_lists
from market_kit import MOEX, quote

from kedge.runtime.port import EngineAway


def shown_form(page: Page) -> dict[str, str]:
    """What a form that was shown sends back."""
    names = ("command_id", "seen")
    return {name: unescape(page.field(name)) for name in names}


async def file_at(web: Web, where: str) -> str:
    answer: Any = await web.client.get(where)
    return b"".join([piece async for piece in answer.streaming_content]).decode("utf-8-sig")


def commands(api: Api, verb: str) -> list[dict[str, object]]:
    return [msgspec.json.decode(one.args) for one in api.port.commands if one.verb == verb]


# ── tasks ───────────────────────────────────────────────────────────────────────────────────────


def test_a_task_is_shown_before_it_starts_and_starts_once() -> None:
    async def run(api: Api) -> None:
        web = api.web
        await web.sign_in("ann", "trader")
        form = await web.get("/tasks/new/sell/?ticker=BTC-PERP")
        assert 'value="BTC-PERP"' in form.text
        assert "SBER" in form.text, "what there is may be chosen"
        given = {"ticker": "btc-perp", "qty": "0.5", "command_id": form.field("command_id")}
        page = await web.post("/tasks/new/sell/", press="start", **given)
        assert not api.port.commands, "what was not shown does not start"
        assert f"sell 0.5 of {PERP} at the best ask" in page.text
        assert "60011" in page.text, "with the price of now"
        changed = {**given, **shown_form(page), "qty": "0.7"}
        page = await web.post("/tasks/new/sell/", press="start", **changed)
        assert not api.port.commands, "what was changed since is shown again"
        assert "sell 0.7 of" in page.text
        sent = {**changed, **shown_form(page)}
        done = await web.post("/tasks/new/sell/", press="start", **sent)
        assert (done.status, done.where) == (302, "/tasks/")
        await web.post("/tasks/new/sell/", press="start", **sent)
        keys = [one.command_id for one in api.port.commands if one.verb == "task.sell"]
        assert len(dict.fromkeys(keys)) == 1, "a double click acts once"
        text = (await web.get("/tasks/")).text
        for word in ("sell-btc-perp-1", "0 / 0.7", "/tasks/sell-btc-perp-1/amend/", "/do/bot-stop/"):
            assert word in text, word
        assert "sell-btc-perp-1" in (await web.get("/tasks/?of=sellbuy")).text
        assert "sell-btc-perp-1" not in (await web.get("/tasks/?of=spreads")).text

    at_an_api(run)


def test_a_task_is_changed_in_place_and_only_what_was_changed_is_sent() -> None:
    async def run(api: Api) -> None:
        web = api.web
        await web.sign_in("ann", "trader")
        page = await web.post("/tasks/new/sell/", ticker="btc-perp", qty="0.5", press="show")
        await web.post("/tasks/new/sell/", ticker="btc-perp", qty="0.5", press="start", **shown_form(page))
        form = await web.get("/tasks/sell-btc-perp-1/amend/?next=/tasks/")
        assert 'name="qty" value="0.5"' in form.text
        given = {"command_id": form.field("command_id"), "next": "/tasks/", "was-qty": "0.5", "was-price": ""}
        page = await web.post("/tasks/sell-btc-perp-1/amend/", qty="0.5", price="", **given)
        assert page.status == 400
        assert "Nothing was changed." in page.text
        page = await web.post("/tasks/sell-btc-perp-1/amend/", qty="much", price="", **given)
        assert page.status == 400
        assert 'value="much"' in page.text, "what was typed stays typed"
        done = await web.post("/tasks/sell-btc-perp-1/amend/", qty="0.8", price="", **given)
        assert (done.status, done.where) == (302, "/tasks/")
        assert commands(api, "task.amend") == [{"name": "sell-btc-perp-1", "qty": "0.8"}]
        assert "0 / 0.8" in (await web.get("/tasks/")).text
        assert (await web.get("/tasks/nobody/amend/")).status == 404

    at_an_api(run)


def test_the_orders_of_a_ladder_are_seen_before_they_are_placed() -> None:
    async def run(api: Api) -> None:
        web = api.web
        await web.sign_in("ann", "trader")
        form = await web.get("/tasks/new/stops/")
        given = {
            "tickers": "BTC-PERP",
            "levels": "10,20",
            "sum": "9000",
            "command_id": form.field("command_id"),
        }
        page = await web.post("/tasks/new/stops/", press="show", **given)
        assert "2 orders at the prices of now" in page.text
        rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", page.text)
        # The middle is 60010.5: 10 % below it is 54009.45, cut to the tick; 9000 buys 0.166 of it.
        told = [re.findall(r'translate="no">([\d.]+)', row) for row in rows]
        assert told == [["10", "54009.4", "0.166", "8965.5604"], ["20", "48008.4", "0.187", "8977.5708"]]
        page = await web.post("/tasks/new/stops/", press="show", **{**given, "sum": "1"})
        assert "the sum buys no lot" in page.text
        page = await web.post("/tasks/new/stops/", press="show", **{**given, "tickers": "NOPE"})
        assert page.status == 400
        assert "no account lists NOPE" in page.text
        assert not api.port.commands

    at_an_api(run)


def test_who_may_only_look_starts_nothing() -> None:
    async def run(api: Api) -> None:
        web = api.web
        await web.sign_in("eve", "viewer")
        text = (await web.get("/tasks/")).text
        assert "/tasks/new/" not in text
        assert (await web.get("/tasks/new/sell/")).status == 403
        page = await web.post("/tasks/new/sell/", ticker="btc-perp", qty="1", press="start")
        assert page.status == 403
        assert (await web.post("/lists/", name="mine", items="SBER", was="")).status == 403
        assert "readonly" in (await web.get("/lists/")).text
        assert not api.port.commands

    at_an_api(run)


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_changed_where_it_stands_unless_somebody_else_has() -> None:
    async def run(api: Api) -> None:
        web = api.web
        await web.sign_in("ann", "trader")
        page = await web.get("/lists/")
        assert "15, 20, 25" in page.text, "what is usual is shown"
        given = {"command_id": page.field("command_id"), "name": "whitelist", "was": ""}
        done = await web.post("/lists/", items="sber btc-perp", **given)
        assert (done.status, done.where) == (302, "/lists/#list-whitelist")
        assert "SBER, BTC-PERP" in (await web.get("/lists/")).text
        late = await web.post("/lists/", items="GAZP", **{**given, "command_id": "another-key-1"})
        assert late.status == 400
        assert "whitelist was changed meanwhile; it holds now: SBER, BTC-PERP" in late.text
        assert ">GAZP<" in late.text, "what was typed stays typed"
        page = await web.post(
            "/lists/", name="stops-levels", was="15, 20, 25", items="much", command_id="one-more-key"
        )
        assert page.status == 400
        assert "no level" in page.text
        assert commands(api, "list.set")[0] == {"name": "whitelist", "items": "sber btc-perp"}

    at_an_api(run)


# ── stashes ─────────────────────────────────────────────────────────────────────────────────────


def test_stashes_show_their_orders_and_what_can_be_done() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        text = (await web.get("/stashes/")).text
        for word in ("/stashes/night/", "/do/stash-restore/?name=night", "/do/stash-drop/?name=night"):
            assert word in text, word
        text = (await web.get("/stashes/night/")).text
        for word in ("BTC-PERP", "take limit", "99.5", "somebody else", 'href="/bots/peg-1/"'):
            assert word in text, word
        assert (await web.get("/stashes/other/")).status == 404
        assert 'name="cancel"' in (await web.get("/do/stash-save/?next=/stashes/")).text

    at_the_lists(run)


# ── scans ───────────────────────────────────────────────────────────────────────────────────────


def test_a_scan_is_a_table_that_can_be_sorted_narrowed_and_kept() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        page = await web.get("/scan/?rate=1")
        text = page.text
        for word in ("SRH7", "share and future", "two futures", "perpetual and future", "basis-chart"):
            assert word in text, word
        assert "/tasks/new/spread/?far=tinvest%2Fmain%3ASRH7" in text, "a line leads to its spread"
        by_days = (await web.get("/scan/?rate=1&sort=days")).text
        days = [int(one) for one in re.findall(r'data-label="Days">(\d+)', by_days)]
        assert days == sorted(days)
        assert len(days) > 3
        only = (await web.get("/scan/?rate=1&asset=SBER")).text
        assert "BTC-26MAR27" not in only
        assert (await web.get("/scan/?rate=much")).status == 400
        none = await web.get("/scan/?asset=NOPE")
        assert none.status == 200
        assert "there are no dated futures on NOPE" in none.text
        file = await file_at(web, "/scan/csv/?rate=1&sort=days")
        rows = list(csv.DictReader(io.StringIO(file)))
        assert [int(row["days"]) for row in rows] == days
        assert all(re.fullmatch(r"-?[\d.]+", row["yearly_pct"]) for row in rows)

    at_the_lists(run)


def test_a_scan_tells_what_stands_behind_its_prices() -> None:
    port = ListPort()
    opens = NOW + 3600 * 10**9
    port.markets.quotes[f"{MOEX}:SRH7"] = quote(
        MOEX, "SRH7", 0, 0, last=31800, open=False, opens_ns=opens, age_ns=2 * 10**9
    )

    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        text = (await web.get("/scan/?asset=SBER&rate=1")).text
        assert "out of session" in text
        assert "The oldest price is 2 s old." in text

    at_the_lists(run, port)


def test_implied_dividends_are_a_table_and_a_file() -> None:
    port = ListPort()
    port.markets.quotes[f"{MOEX}:SRZ6"] = quote(MOEX, "SRZ6", 28000, 28010)

    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        text = (await web.get("/scan/dividends/")).text
        assert "SRZ6" in text
        assert "dividend is implied" in text or "dividends are implied" in text
        file = await file_at(web, "/scan/dividends/csv/")
        assert next(csv.DictReader(io.StringIO(file)))["buy"] == f"{MOEX}:SRZ6"

    at_the_lists(run, port)


@pytest.mark.parametrize(
    "where", ["/tasks/", "/stashes/", "/lists/", "/scan/", "/scan/dividends/", "/tasks/new/sell/"]
)
def test_the_engine_may_be_away(where: str) -> None:
    port = ListPort()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        port.wrong = EngineAway("the desk is stopping")
        page = await web.get(where)
        assert page.status in (200, 503)
        assert "<h1>" in page.text, "the page is whole"
        port.wrong = None

    at_the_lists(run, port)


# ── markets ─────────────────────────────────────────────────────────────────────────────────────


def test_a_market_tells_its_session_and_nobody_watched_it() -> None:
    port = ListPort()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        text = (await web.get("/instruments/")).text
        assert "/do/refresh/?next=/instruments/" in text
        assert "Margin to buy" in text
        assert "Session" in (await web.get("/instruments/at/paper/main:BTC-PERP/")).text

    at_the_lists(run, port)
