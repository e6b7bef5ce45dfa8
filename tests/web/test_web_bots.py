"""The list of many bots, and one bot's page: its own past, its commands, its chart after a restart."""

from __future__ import annotations

import json

import pytest
from asgiref.sync import sync_to_async
from desk_kit import Web, a_port, at_a_desk
from fake_port import NOW, NS, FakePort, a_bot, a_status
from list_kit import MARKET as LISTED
from list_kit import at_the_lists

from kedge.desk.web import pasts, prices, samples
from kedge.desk.web.candles import STEPS, Candles, gathered, joined
from kedge.desk.web.pages.bots import Filter, filter_of, since
from kedge.model.looks import BotLook, Status

MARKET = "paper/main:BTC-PERP"


class Many(FakePort):
    """Five hundred bots; three of them are parked."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = a_port().rows

    def status(self) -> Status:
        return a_status(bots=tuple(many()))


def many() -> list[BotLook]:
    phases = {7: "parked", 300: "parked", 499: "parked", 12: "stopped"}
    kinds = ("peg", "hedge")
    return [
        a_bot(bot=f"b-{n}", number=n, kind=kinds[n % 2], phase=phases.get(n, "running"), why="")
        for n in range(1, 501)
    ]


def names(text: str) -> list[str]:
    return [
        part.partition("/")[0] for part in text.split('<th scope="row" translate="no"><a href="/bots/')[1:]
    ]


def test_five_hundred_bots_are_paged_and_found() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        first = (await web.get("/bots/")).text
        assert names(first)[:4] == ["b-7", "b-300", "b-499", "b-1"], "who needs a person stands first"
        assert len(names(first)) == 50
        assert "Page 1 of 10, 500 bots" in first
        last = (await web.get("/bots/?page=10")).text
        assert names(last)[-1] == "b-12"
        assert len(names((await web.get("/bots/?page=99")).text)) == 50, "beyond the end is the end"
        assert names((await web.get("/bots/?phase=parked")).text) == ["b-7", "b-300", "b-499"]
        found = (await web.get("/bots/?q=B-49&kind=hedge")).text
        assert names(found) == ["b-499", "b-49", "b-491", "b-493", "b-495", "b-497"]
        assert "No bot fits." in (await web.get("/bots/?q=nothing")).text
        assert len(names((await web.get("/bots/?q=&phase=nonsense&page=x")).text)) == 50

    at_a_desk(run, Many())


def test_the_overview_shows_those_that_matter() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        text = (await web.get("/")).text
        assert len(names(text)) == 25
        assert names(text)[:3] == ["b-7", "b-300", "b-499"]
        assert "All 500 bots" in text
        assert "/bots/?phase=parked" in text

    at_a_desk(run, Many())


def test_who_see_the_same_list_share_it_live() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        page = await web.get("/bots/?page=2&phase=running&q=b")
        about = filter_of("page=2&phase=running&q=b").query(page=2)
        assert f'data-about="{about.replace("&", "&amp;")}"' in page.text
        answer = await web.client.get("/live/", {"topic": "bots", "about": about})
        await anext(answer.streaming_content)
        event = (await anext(answer.streaming_content)).decode()
        parts = json.loads(event.partition("\ndata: ")[2])
        assert names(parts["botlist"]) == names(page.text)
        await answer.streaming_content.aclose()

    at_a_desk(run, Many())


def test_a_filter_travels_as_a_query() -> None:
    wanted = Filter("a b&c", "parked", "my:Kind", 3)
    assert filter_of(wanted.query(page=3)) == wanted
    assert filter_of("page=0&phase=x&page=2") == Filter()
    assert Filter().query() == ""


# ── one bot ─────────────────────────────────────────────────────────────────────────────────────


def a_command(bot: str, **changes: object) -> dict[str, object]:
    row = {
        "seq": 9,
        "ts_ns": NOW,
        "command_id": "c9",
        "actor": "pi:ann",
        "via": "web",
        "verb": "bot.amend",
        "args": {"name": bot, "config": {"qty": "0.7"}},
        "ok": True,
        "says": "amended",
    }
    return {**row, **changes}


def test_a_bots_page_tells_who_gave_it_which_command() -> None:
    port = a_port()
    port.rows["commands"] = [
        a_command("hedge-1"),
        a_command("hedge-10", actor="pi:eve"),
        a_command("", verb="desk.cancel", args={"account": "", "bot": "hedge-1"}, actor="pi:bob", ok=False),
        a_command("hedge-1", verb="bot.stop", actor="pi", via="cli", args={"name": "hedge-1"}),
    ]

    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        text = (await web.get("/bots/hedge-1/")).text
        told = text.partition('id="botcommands"')[2].partition("</section>")[0]
        assert "qty=0.7" in told
        assert [who in told for who in ("ann", "bob", ">pi<", "eve")] == [True, True, True, False]

    at_a_desk(run, port)


def test_the_tables_are_searched_for_commands() -> None:
    async def run(web: Web) -> None:
        await web.context.link.fresh()
        found = pasts.Pasts(web.context)
        rows = await found._commands("<script>alert(1)</script>'\"&")
        assert rows == [], "a name with a quote in it is written otherwise; it is no name of a bot either"
        assert await found._commands("nobody") == []

    at_the_lists(run)


@pytest.mark.parametrize(
    ("args", "said"),
    [({"text": "close"}, "close"), ({"leave": False, "why": "x"}, "x"), ({"kind": "peg"}, "kind=peg")],
)
def test_what_was_given_is_one_line(args: dict[str, object], said: str) -> None:
    assert pasts.said_with(args) == said


class Quiet(FakePort):
    """The desk's latest fills are another bot's; the gate finds this one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = a_port().rows

    async def read(self, what: str, args: dict[str, object]) -> object:
        found = await super().read(what, args)
        if what == "fills":
            from test_web_pages import a_fill

            other, own = a_fill(bot="peg-1", price="1"), a_fill(bot="hedge-1", price="59000.25", seq=3)
            return [own] if args.get("bot") == "hedge-1" else [other]
        return found


def test_a_quiet_bot_shows_its_own_fills() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        text = (await web.get("/bots/hedge-1/")).text
        assert "59000.25" in text
        assert "59000.25" not in (await web.get("/")).text

    at_a_desk(run, Quiet())


# ── prices ──────────────────────────────────────────────────────────────────────────────────────


def test_prices_of_before_the_restart_are_shown() -> None:
    minute = NOW // NS - NOW // NS % 60
    before = [(MARKET, [minute - 60.0 * ago, 10.0, 12.0, 9.0, 11.0]) for ago in (5000, 1000, 3, 2)]

    async def run(web: Web) -> None:
        await sync_to_async(prices.write)("main", before)
        await sync_to_async(prices.write)("main", before)  # written twice, kept once
        await web.sign_in("ann", "viewer")
        await web.context.link.fresh()
        web.context.people_ready.set()
        keeper = samples._Keeper(web.context)
        await keeper.once()
        shown = json.loads((await web.get(f"/bots/hedge-1/chart.json?market={MARKET}&step=minute")).text)
        begins = [int(candle[0]) - minute for candle in shown["candles"]]
        assert begins == [-60_000, -180, -120, 0]
        fine = json.loads((await web.get(f"/bots/hedge-1/chart.json?market={MARKET}&step=fine")).text)
        fine_begins = [int(candle[0]) - minute for candle in fine["candles"]]
        assert fine_begins[:2] == [-180, -120], "whole minutes, where there is nothing finer"
        long = json.loads((await web.get(f"/bots/hedge-1/chart.json?market={MARKET}&step=quarter")).text)
        assert [candle[0] % 900 for candle in long["candles"]] == [0] * len(long["candles"])
        assert len(long["candles"]) == 2, "three days back, no further"
        assert json.loads((await web.get("/bots/hedge-1/chart.json?market=&step=x")).text)["candles"] == []

    at_a_desk(run)


def test_old_prices_go() -> None:
    minute_s = NOW // NS - NOW // NS % 60
    old_s, new_s = minute_s - prices.KEEP_NS // NS - 60, minute_s - 60

    async def run(web: Web) -> None:
        await sync_to_async(prices.write)(
            "main", [(MARKET, [at, 1.0, 1.0, 1.0, 1.0]) for at in (old_s, new_s)]
        )
        await sync_to_async(prices.write)("other", [(MARKET, [old_s, 1.0, 1.0, 1.0, 1.0])])
        await sync_to_async(prices.thin_out)("main", NOW)
        kept = await sync_to_async(prices.read)("main", MARKET, STEPS["minute"], NOW)
        assert [int(candle[0]) for candle in kept] == [new_s]
        count = await sync_to_async(prices.PriceMinute.objects.count)()
        assert count == 2, "another cell's are its own affair"

    at_a_desk(run)


def test_candles_finish_join_and_gather() -> None:
    candles = Candles()
    for at, price in ((0, 1.0), (61, 2.0), (125, 3.0)):
        candles.add("m", price, at * NS)
    assert [candle[0] for _, candle in candles.finished(0, 125)] == [0.0, 60.0], "the third is not over"
    assert candles.finished(60, 125) == [("m", [60.0, 2.0, 2.0, 2.0, 2.0])]
    candles.remember({"m": [[-60.0, 9.0, 9.0, 9.0, 9.0], [0.0, 7.0, 7.0, 7.0, 7.0]]})
    assert [candle[:2] for candle in candles.of("m", STEPS["minute"])][:2] == [[-60.0, 9.0], [0.0, 1.0]]
    assert joined([[1.0, 1, 1, 1, 1]], []) == [[1.0, 1, 1, 1, 1]]
    assert gathered([[0.0, 1, 4, 1, 2], [60.0, 2, 9, 0, 3]], 900) == [[0.0, 1, 9, 0, 3]]


def test_fills_of_another_time_do_not_stretch_the_chart() -> None:
    old, new = {"ts_ns": 5}, {"ts_ns": 50}
    assert since([new, old], 10, priced=True) == [new]
    assert since([old], 10, priced=True) == []
    assert since([old], 10, priced=False) == [old], "without any price, better an old one than none"


def test_exposure_goes_by_the_instruments_of_the_tables() -> None:
    async def run(web: Web) -> None:
        web.port.rows["held"] = [
            {
                "bot": "peg-1", "slot": "main", "market": LISTED, "qty": "2", "mark": "60000", "average": "1",
                "realised": "0", "unrealised": "0", "settle": "USD", "fees": {},
            }
        ]  # fmt: skip
        await web.sign_in("ann", "viewer")
        text = (await web.get("/")).text
        worth = text[text.index('id="h-exposure"') :]
        assert '+120000 <small translate="no">USD</small>' in worth[: worth.index("</section>")]

    at_the_lists(run)
