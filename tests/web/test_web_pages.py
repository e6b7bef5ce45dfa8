"""Pages: what they show, commands that act once, and what they say while engine or database is away."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from asgiref.sync import sync_to_async
from desk_kit import Web, a_home, a_port, at_a_desk
from fake_port import NOW, FakePort, a_status

from kedge.desk.web import live
from kedge.model.records import Entry, Noted


def a_fill(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "seq": 7,
        "ts_ns": NOW,
        "account": "paper/main",
        "exec_id": "e1",
        "client_id": "0000002a00000100000003000000000c",
        "venue_id": "v",
        "bot": "hedge-1",
        "slot": "far",
        "market": "paper/main:BTC-PERP",
        "side": "sell",
        "qty": "0.02",
        "price": "60012.5",
        "fee": "0.1",
        "fee_asset": "USDT",
        "maker": True,
        "kind": "trade",
        "realised": "0",
        "settle": "USDT",
        "venue_ns": NOW,
    }
    return {**row, **changes}


def test_the_overview_tells_how_the_desk_stands() -> None:
    port = a_port()
    port.rows["fills"] = [a_fill()]
    port.rows["held"] = [msgspec.to_builtins(x) for x in ()]

    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        text = (await web.get("/")).text
        for word in (
            "hedge-1",
            "peg-1 is parked",
            "paper/main",
            "100000.23",
            "60012.5",
            "Every bot is balanced",
        ):
            assert word in text, word
        assert 'href="/bots/peg-1/"' in text, "what needs a person leads to where it is mended"

    at_a_desk(run, port)


def test_a_bot_has_its_page() -> None:
    port = a_port()
    port.rows["story"] = [
        {"seq": 1, "ts_ns": NOW, "kind": "BotAdded", "bot": "hedge-1", "client_id": "", "says": "added"}
    ]
    port.rows["fills"] = [a_fill()]

    async def run(web: Web) -> None:
        await web.sign_in("ann", "trader")
        page = await web.get("/bots/hedge-1/")
        assert page.status == 200
        for word in (
            "sell 0.05 at 60012.5 (post only)",
            "0.02/0.05 @ 60012.5",
            "added",
            "bot-pause",
            "bot-kill",
        ):
            assert word in page.text, word
        chart = json.loads((await web.get("/bots/hedge-1/chart.json?market=paper/main:BTC-PERP")).text)
        assert chart["fills"] == [[NOW // 10**9, "sell", 60012.5, "0.02"]]
        assert (await web.get("/bots/nobody/")).status == 404

    at_a_desk(run, port)


def test_a_double_click_acts_once() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        asked = await web.get("/do/bot-stop/?name=hedge-1&next=/bots/")
        assert "ends when it is balanced" in asked.text
        given = {"name": "hedge-1", "command_id": asked.field("command_id"), "next": "/bots/"}
        pages = await asyncio.gather(*(web.post("/do/bot-stop/", **given) for _ in range(3)))
        assert {page.where for page in pages} == {"/bots/"}
        assert list(web.port.taken) == [given["command_id"]], "one command, however often it was sent"
        assert "done" in (await web.get("/bots/")).text

    at_a_desk(run)


def test_going_back_to_an_answered_question_asks_nothing() -> None:
    """The browser asks for the page anew; its address has the key, which was answered."""

    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        at = "/do/bot-stop/?name=hedge-1&next=/bots/"
        asked = await web.get(at)
        key, seal = asked.field("command_id"), re.search(r'data-asked="([^"]+)"', asked.text)
        assert seal
        address = f"{at}&{urlencode({'asked': seal[1]})}"
        assert (await web.get(address)).field("command_id") == key, "not answered: the same question"
        await web.post("/do/bot-stop/", name="hedge-1", command_id=key, next="/bots/")
        back = await web.get(address)
        assert "it was done once" in back.text
        assert "<form" not in back.text.partition('id="ask"')[2].partition("</section>")[0]
        anew = re.search(r'href="(/do/bot-stop/[^"]*)"', back.text)
        assert anew
        assert (await web.get(unescape(anew[1]))).field("command_id") != key
        # The key of one question fits no other, nor another person's; what was refused may be asked again.
        other = await web.get(f"/do/bot-stop/?name=pair-1&{urlencode({'asked': seal[1]})}")
        assert other.field("command_id") != key
        stranger = web.another()
        await stranger.sign_in("tina", "trader")
        assert (await stranger.get(address)).field("command_id") != key
        web.port.answer = (False, "not now")
        refused = await web.get(at)
        seal, key = re.search(r'data-asked="([^"]+)"', refused.text), refused.field("command_id")
        assert seal
        await web.post("/do/bot-stop/", name="hedge-1", command_id=key)
        assert (await web.get(f"{at}&{urlencode({'asked': seal[1]})}")).field("command_id") != key

    at_a_desk(run)


def test_a_refusal_and_a_mistake_are_one_sentence() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        web.port.answer = (False, "there is no bot `zz`")
        await web.post("/do/bot-stop/", name="zz")
        assert "there is no bot `zz`" in (await web.get("/bots/")).text
        missing = await web.post("/do/bot-tell/", name="hedge-1")
        assert missing.status == 400 or missing.where
        assert (await web.get("/do/orders/")).status == 404, "reading is no command"
        assert (await web.get("/do/nonsense/")).status == 404

    at_a_desk(run)


def test_a_bot_is_started_by_the_form_of_its_kind() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        page = await web.get("/bots/new/hedge/")
        for word in (
            "How much to open, in base units",
            'name="qty"',
            'list="markets"',
            "chase",
            "paper/main:BTC-PERP",
        ):
            assert word in page.text, word
        key = page.field("command_id")
        wrong = await web.post(
            "/bots/new/hedge/", name="h", command_id=key, market="paper/main:BTC-PERP", qty="much"
        )
        assert wrong.status == 400
        assert "`qty`" in wrong.text
        assert wrong.field("command_id") == key, "the corrected form is the same command"
        await web.post(
            "/bots/new/hedge/",
            name="h",
            command_id=key,
            market="paper/main:BTC-PERP",
            qty="0.05",
            then="cross",
        )
        sent = web.port.commands[-1]
        assert (sent.verb, sent.command_id) == ("bot.add", key)
        assert msgspec.json.decode(sent.args) == {
            "name": "h",
            "kind": "hedge",
            "config": {"market": "paper/main:BTC-PERP", "qty": "0.05", "then": "cross"},
        }
        none = await web.get("/bots/new/nonsense/")
        assert none.where == "/bots/new/"

    at_a_desk(run)


def test_what_bots_and_venues_say_is_text_only() -> None:
    port = a_port()
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    port.rows["notes"] = [{"seq": 1, "ts_ns": NOW, "level": "warn", "bot": "", "account": evil, "text": evil}]
    port.rows["fills"] = [a_fill(slot=evil, market=f"paper/main:{evil}", side=evil)]

    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        for where in ("/", f"/do/bot-stop/?name={evil}&next={evil}", f"/bots/new/hedge/?name={evil}"):
            text = (await web.get(where)).text
            assert "<script>alert" not in text
            assert "<img src=x" not in text

    at_a_desk(run, port)


class Coming(FakePort):
    """An engine that writes an entry when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = a_port().rows
        self.news: asyncio.Queue[Entry] = asyncio.Queue()

    async def entries(self, after_seq: int):  # type: ignore[no-untyped-def]
        while True:
            yield await self.news.get()


def test_a_page_moves_when_something_is_written() -> None:
    port = Coming()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        answer = await web.client.get("/live/?topic=overview")
        assert answer["Content-Type"] == "text/event-stream"
        stream = answer.streaming_content
        assert await anext(stream) == b"retry: 2000\n\n"
        first = await _parts(stream)
        assert "hedge-1" in first["botlist"]
        port.news.put_nowait(Entry(500, NOW, Noted("warn", "the moon is full", bot="hedge-1")))
        while "notes" not in (later := await _parts(stream)):
            pass
        assert "the moon is full" in later["notes"]
        assert "venues" not in later, "what has not changed is not sent"
        await _hang_up(stream)
        assert live.hub().looking() == 0, "for a page that nobody sees nothing is made"

    at_a_desk(run, port)


def test_who_comes_back_gets_what_changed_since() -> None:
    port = Coming()

    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        answer = await web.client.get("/live/?topic=overview")
        stream = answer.streaming_content
        await anext(stream)
        event = (await anext(stream)).decode()
        last = event.partition("\n")[0].removeprefix("id: ")
        await _hang_up(stream)
        again = await web.client.get("/live/?topic=overview", headers={"Last-Event-ID": last})
        port.news.put_nowait(Entry(501, NOW, Noted("info", "news")))
        await anext(again.streaming_content)
        while "notes" not in (parts := await _parts(again.streaming_content)):
            pass
        assert "switch" not in parts
        await _hang_up(again.streaming_content)
        assert (await web.get("/live/?topic=nonsense")).status == 404

    at_a_desk(run, port)


async def _hang_up(stream: object) -> None:
    """As the server does when the browser has gone: what waits is cancelled."""
    waiting = asyncio.ensure_future(anext(stream))  # type: ignore[call-overload]
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def _parts(stream: object) -> dict[str, str]:
    async with asyncio.timeout(10):
        while True:
            event = (await anext(stream)).decode()  # type: ignore[call-overload]
            if "\ndata: " in event:
                found: dict[str, str] = json.loads(event.partition("\ndata: ")[2])
                return found


def test_while_the_engine_is_away_pages_say_so_and_commands_are_refused() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        web.context.link._lost("no desk is running here")
        await web.context.link.desk("web").close()
        web.context.link.desk("web").path = Path("/nowhere/main.sock")
        web.context.link.desk("desk").path = Path("/nowhere/main.sock")
        await web.context.link.desk("desk").close()
        page = await web.get("/")
        assert page.status == 200
        assert "The engine is away." in page.text
        assert "hedge-1" in page.text, "what was known is still shown"
        assert (await web.get("/bots/hedge-1/")).status == 200
        asked = await web.get("/do/kill/")
        key = asked.field("command_id")
        refused = await web.post("/do/kill/", command_id=key, why="now")
        assert refused.status == 503
        assert "no desk is running here" in refused.text
        assert refused.field("command_id") == key, "asked again, it is the same command"

    at_a_desk(run)


def test_while_the_database_is_locked_pages_say_so() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        from django.db import connections

        options = connections.settings["default"]["OPTIONS"]
        patient, options["timeout"] = options["timeout"], 0.05
        await sync_to_async(connections.close_all)()  # the next one is opened with that patience
        other = sqlite3.connect(a_home().root / "desk.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            page = await web.get("/")
            assert page.status == 503
            assert "Trading goes on" in page.text
        finally:
            other.execute("ROLLBACK")
            other.close()
            options["timeout"] = patient
            await sync_to_async(connections.close_all)()
        assert (await web.get("/")).status == 200

    at_a_desk(run)


def test_an_engine_that_never_spoke_leaves_readable_pages() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("tom", "trader")
        web.context.link.status = None
        web.context.link._lost("no desk is running here")
        for where in ("/", "/bots/", "/bots/hedge-1/", "/bots/new/hedge/"):
            assert (await web.get(where)).status == 200, where

    at_a_desk(run)


def test_the_status_of_the_kit_is_the_one_shown() -> None:
    assert a_status().needs == ("bot peg-1 is parked: fault: KeyError",)


def test_what_is_loaded_ahead_is_all_there() -> None:
    """Also every template, so that one that cannot be read is found before somebody opens it."""
    from kedge.desk.web import part
    from kedge.desk.web.pages import yours

    yours.zones.cache_clear()
    part.warm()
    assert yours.zones.cache_info().currsize == 1
