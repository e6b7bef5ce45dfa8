"""What a person reads in Telegram: every word that only looks, every mistake, pages, pictures, languages."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from bot_api import ANN, BOB, EVE
from fake_port import CLIENT_ID, NOW, NS, a_bot, a_position
from market_kit import Gate
from rooms import Room, a_room

from kedge.desk.telegram.phone import COLUMNS
from kedge.desk.telegram.vocabulary import WORDS
from kedge.model.looks import ScheduleLook
from kedge.runtime.port import EngineAway

DAY = 86_400 * NS

pytest.importorskip("aiogram")


def in_a_room(test: Callable[[Room], Awaitable[None]], **telegram: Any) -> None:
    async def run() -> None:
        async with a_room(**telegram) as room, room.desk():
            await test(room)

    asyncio.run(run())


def a_fill(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "seq": number,
        "ts_ns": NOW - number * DAY,
        "account": "paper/main",
        "exec_id": f"e-{number}",
        "client_id": CLIENT_ID,
        "bot": "hedge-1",
        "slot": "far",
        "market": "paper/main:BTC-PERP",
        "side": "sell",
        "qty": "0.05",
        "price": "60012.5",
        "fee": "0.12",
        "fee_asset": "USDT",
        "realised": "1.5",
        "settle": "USDT",
    }
    return row | changes


def an_order_row(number: int = 1) -> dict[str, Any]:
    return {
        "client_id": f"0000002a000001000000030000{number:06x}",
        "bot": "hedge-1",
        "slot": "far",
        "market": "paper/main:BTC-PERP",
        "side": "sell",
        "qty": "0.05",
        "price": "60012.5",
        "filled": "0.02",
        "average": "60012.5",
        "state": "open",
        "change": "",
        "reason": "",
        "why": "joining the touch",
        "placed_ns": NOW - 5 * NS,
    }


def blocks(text: str) -> list[str]:
    return [
        line
        for part in re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)
        for line in html.unescape(part).split("\n")
    ]


def a_day(number: int) -> dict[str, Any]:
    ts_ns = NOW // DAY * DAY - number * DAY
    day = f"{datetime.fromtimestamp(ts_ns // NS, UTC):%Y-%m-%d}"
    return {"day": day, "ts_ns": ts_ns, "bot": "hedge-1", "settle": "USDT", "profit": "1.38", "fills": 1}


def fill_rows(args: dict[str, object]) -> list[dict[str, Any]]:
    return [a_fill(n) for n in range(40)][: int(str(args.get("limit", 100)))]


def a_desk_with_history(room: Room) -> None:
    position = msgspec.to_builtins(a_position(), builtin_types=(D,)) | {"cost": "0", "ts_ns": NOW}
    room.port.rows |= {
        "fills": fill_rows,
        "days": [a_day(n) for n in range(10)],
        "orders": [an_order_row()],
        "positions": [position],
        "held": [position],
        "listed": lambda args: Gate().rows("listed", args),
        "quotes": lambda args: Gate().rows("quotes", args),
        "notes": [{"ts_ns": NOW, "level": "alarm", "bot": "", "account": "paper/main", "text": "it is late"}],
        "bots": [{"bot": "hedge-1"}],
        "story": [
            {"ts_ns": NOW, "kind": "Intent", "bot": "hedge-1", "client_id": "", "says": "means to sell"}
        ],
    }


def test_every_word_that_looks_is_answered_and_fits_a_phone() -> None:
    """On a small screen nothing is broken by the chat, and no number is cut."""
    given = {"explain": "/explain hedge-1", "quotes": "/quotes paper/main"}

    async def test(room: Room) -> None:
        a_desk_with_history(room)
        looking = [
            word.name for word in WORDS if word.role == "look" and word.name not in ("do", "mute", "language")
        ]
        for name in looking:
            sent = await room.ask(given.get(name, f"/{name}"), EVE)
            assert "Write it like this" not in sent.text, name
            assert "allow" not in sent.text, name
            too_wide = [line for line in blocks(sent.text) if len(line) > COLUMNS]
            assert not too_wide, (name, too_wide)
        assert room.said == []

    in_a_room(test)


SAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/status", ("main · Kedge 0.1.0", "peg-1 (peg) parked", "! bot peg-1 is parked", "0.23 USDT")),
    ("/status hedge-1", ("hedge running", "sell 0.05 at 60012.5", "amount=0.05")),
    ("/status HEDGE-1", ("hedge running",)),
    ("/status 0c", ("joining the touch", "60012.5")),
    ("/bots", ("2 bots", "open 0.02/0.05 at 60012.5")),
    ("/tasks", ("At work:", "hedge-1", "peg-1 parked")),
    ("/orders", ("Open orders: 1", "sell 0.05 BTC-PERP", "at 60012.5, filled 0.02")),
    ("/orders hedge-1", ("Open orders: 1",)),
    ("/trades", ("Last fills: 16", "sell 0.05 BTC-PERP", "1.5 USDT")),
    ("/trades 3", ("Last fills: 3",)),
    ("/trades hedge-1 2", ("Last fills: 2",)),
    ("/fills 2", ("Last fills: 2",)),
    ("/positions", ("Positions: 1", "-0.02 BTC-PERP", "0.23 USDT")),
    ("/balance", ("paper/main", "USDT", "100000")),
    ("/performance", ("hedge-1", "-0.12")),
    ("/explain hedge-1", ("means to sell",)),
    ("/logs", ("‼", "it is late")),
    ("/schedules", ("Nothing runs on a schedule.",)),
    ("/health", ("engine: life 3, 420 records", "paper/main ready", "60000.5 / 60001.5")),
    ("/version", ("engine 0.1.0",)),
    ("/version@kedge_test_bot", ("engine 0.1.0",)),
    ("/help sell", ("<ticker> <sum> or <amount> <ticker>", "It asks before it does it.")),
    ("/help fx", ("/forceexit",)),
    ("/do fills limit=3", ("Last fills: 3",)),
    ("/do positions", ("Positions: 1",)),
    ("/do status", ("main · Kedge 0.1.0",)),
)


def test_it_says_what_it_should() -> None:
    async def test(room: Room) -> None:
        a_desk_with_history(room)
        for line, words in SAYS:
            sent = html.unescape((await room.ask(line)).text)
            for word in words:
                assert word in sent, f"{line}: {sent}"

    in_a_room(test)


MISTAKES = (
    ("/trades many", "There is no bot many"),
    ("/trades 0", "/trades [bot] [n]"),
    ("/trades 1 2", "/trades [bot] [n]"),
    ("/daily 1000", "A number from 1 to 62 is wanted.\nWrite it like this: /daily [n]"),
    ("/profit -3", "/profit [days]"),
    ("/explain", "/explain <bot or order>"),
    ("/orders hegde-1", "did you mean hedge-1?"),
    ("/balance please", "Write it like this: /balance"),
    ("/stauts", "There is no /stauts; did you mean /status?"),
    ("/xyzzy", "There is no /xyzzy; /help lists what there is."),
    ("hello", "Commands begin with a slash"),
    ("/status nobody", "There is no bot and no order nobody."),
    ("/help nothing", "There is no /nothing"),
    ("/sell", "/sell <ticker> <sum> or <amount> <ticker>"),
    ("/sell BTC-PERP", "/sell <ticker> <sum>"),
    ("/sell 1 2", "/sell <ticker> <sum>"),
    ("/buy BTC-PERP ETH-PERP", "/buy <ticker> <sum>"),
    ("/buy 1 BTC-PERP x", "/buy <ticker> <sum>"),
    ("/buy -5 BTC-PERP", "/buy <ticker> <sum>"),
    ("/sell nan BTC-PERP", "/sell <ticker> <sum>"),
    ("/dump", "/dump <ticker>"),
    ("/hedge 5 BTC-PREP", "did you mean BTC-PERP?"),
    ("/hedge 5 x/y:Z", "There is no market x/y:Z. Known are: paper/main:BTC-PERP"),
    ("/hedge", "/hedge <qty> [market] [sell or buy]"),
    ("/hedge much", "/hedge <qty> [market]"),
    ("/hedge 1 BTC-PERP sell buy", "/hedge <qty> [market]"),
    ("/close", "/close <bot>"),
    ("/close heddge-1", "did you mean hedge-1?"),
    ("/forceexit", "/forceexit <bot or all>"),
    ("/stop hedge-1", "Write it like this: /stop"),
    ("/stopbot", "/stopbot <bot>"),
    ("/resume", "There is no bot that this could be said of."),
    ("/pause a b", "/pause [bot]"),
    ("/mute everything", "Kinds are: all, info, warn, alarm, fill"),
    ("/mute fill 2h 3h", "/mute [kind or all] [time]"),
    ("/language de", "/language [en, ru or fr]"),
    ("/do", "The desk's commands: status, bots"),
    ("/do xyzzy", "There is no command xyzzy; /do lists them."),
    ("/do bot pause", "/do bot pause <name>"),
    ("/do bot pause a b", "/do bot pause <name>"),
    ("/do orders limit=many", "`limit`"),
    ("/do orders colour=red", "/do orders [bot=...]"),
    ("/do bot add x hedge qyt=3", "did you mean `qty`?"),
    ("/do bot add x hedge qty=much", "`qty`"),
)


def test_every_mistake_is_answered_with_the_right_form() -> None:
    async def test(room: Room) -> None:
        for line, right in MISTAKES:
            sent = await room.ask(line)
            assert right in html.unescape(sent.text), f"{line}: {html.unescape(sent.text)}"
            assert not sent.buttons, line
        assert room.port.commands == []

    in_a_room(test)


def test_schedules_are_shown() -> None:
    one = ScheduleLook(
        name="nightly",
        verb="desk.backup",
        args={},
        every="30 3 * * *",
        zone="UTC",
        enabled=False,
        missed="skip",
        comment="",
        set_by="ann",
        next_ns=NOW + DAY,
        due_ns=NOW,
        ran_ns=NOW,
        ok=False,
        says="disk is full",
    )

    async def test(room: Room) -> None:
        room.port.now = msgspec.structs.replace(room.port.now, schedules=(one,))
        async with asyncio.timeout(20):
            while "nightly (off)" not in (shown := await room.ask("/schedules")).text:
                pass  # the picture is a second old at most
        assert "desk.backup 30 3 * * * UTC" in shown.text
        assert "disk is full" in shown.text
        assert "nightly" in (await room.ask("/do schedules")).text

    in_a_room(test)


def test_profit_comes_with_a_picture() -> None:
    async def test(room: Room) -> None:
        a_desk_with_history(room)
        sent = await room.ask("/profit 10")
        assert (sent.method, sent.picture[:8]) == ("sendPhoto", b"\x89PNG\r\n\x1a\n")
        # 1.5 a day less the fee of 0.12.
        assert re.search(r"today +1\.38 USDT", sent.text)
        assert re.search(r"7 days +9\.66 USDT", sent.text)
        assert re.search(r"10 d +13\.8 USDT", sent.text)
        daily = (await room.ask("/daily 3")).text
        assert daily.count("1.38 USDT") == 3
        assert (await room.ask("/monthly 2")).text.count("USDT") == 2
        assert (
            "days",
            {"limit": 1000, "offset": 0, "since_ns": NOW // DAY * DAY - 9 * DAY},
        ) in room.port.asked

    in_a_room(test)


def test_profit_in_a_zone_of_ones_own_is_summed_from_fills() -> None:
    async def test(room: Room) -> None:
        a_desk_with_history(room)
        sent = await room.ask("/profit 10")
        assert re.search(r"today +1\.38 USDT", sent.text)
        assert re.search(r"10 d +13\.8 USDT", sent.text)
        assert "days" not in [what for what, _ in room.port.asked]

    in_a_room(test, zone="Asia/Tokyo")


def test_long_answers_are_turned_page_by_page() -> None:
    async def test(room: Room) -> None:
        a_desk_with_history(room)
        room.port.rows["orders"] = [an_order_row(n) for n in range(1, 31)]
        first = await room.ask("/orders", EVE)
        assert list(first.buttons) == ["▶ 2/5"]
        second = await room.press(first, "▶", EVE)
        assert second.method == "editMessageText"
        assert second.message_id == first.message_id
        assert list(second.buttons) == ["◀ 1/5", "▶ 3/5"]
        assert second.text != first.text
        # It is asked anew: an order that has gone meanwhile is gone, and so is the page.
        room.port.rows["orders"] = [an_order_row(1)]
        assert "Open orders: 1" in (await room.press(second, "▶", EVE)).text

    in_a_room(test)


def test_what_others_wrote_is_text_and_nothing_else() -> None:
    evil = "<b>bold</b></pre>\u202e<a href='x'>&lt; \x1b[31m"

    async def test(room: Room) -> None:
        room.port.now = msgspec.structs.replace(
            room.port.now,
            bots=(a_bot(bot="a<i>", last_word=evil, why=evil),),
            needs=(evil,),
            killed=True,
            killed_why=evil,
        )
        for line in ("/status", "/bots", "/health", "/tasks", "/close <b>x</b>", "/do bot pause <i>"):
            sent = await room.ask(line)
            plain = sent.text.replace("<pre>", "").replace("</pre>", "")
            assert "<" not in plain, sent.text
            assert "\u202e" not in sent.text
            assert "\x1b" not in sent.text

    in_a_room(test)


def test_each_chat_speaks_its_language() -> None:
    async def test(room: Room) -> None:
        asked = await room.ask("/language")
        changed = await room.press(asked, "Русский")
        assert changed.text == "Теперь этот чат говорит по-русски."
        assert "Остатки" in (await room.ask("/balance")).text
        assert "Balances" in (await room.ask("/balance", BOB)).text
        assert "Français" not in (await room.ask("/language fr")).text
        assert "Écrivez-le ainsi" in (await room.ask("/balance now")).text
        assert sorted(room.api.commands) == ["", "fr", "ru"]
        assert [one["command"] for one in room.api.commands["ru"]] == [word.name for word in WORDS]

    in_a_room(test)


def test_while_the_engine_is_away_the_age_is_said() -> None:
    async def test(room: Room) -> None:
        a_desk_with_history(room)
        await room.ask("/status")
        room.port.wrong = EngineAway("the desk is stopping")
        assert "The engine is away" in (await room.ask("/orders")).text
        assert "The engine is away" in (await room.ask("/pause")).text
        assert room.port.taken == {}

    in_a_room(test)


def test_the_catalogues_are_whole() -> None:
    """Every sentence is translated, with the same words to fill in, and nothing else is in them."""
    from telegram_words import sentences

    from kedge.desk.telegram.tongue import catalogue

    for language in ("ru", "fr"):
        known = catalogue(language)
        assert sorted(set(sentences()) - set(known)) == []
        assert sorted(set(known) - set(sentences())) == []
        for english, said in known.items():
            assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", said)), english


def test_a_viewer_sees_only_what_a_viewer_may() -> None:
    async def test(room: Room) -> None:
        for line in ("/sell BTC-PERP 100", "/kill", "/pause", "/revive", "/cancel", "/stop", "/hedge 1"):
            assert "Your role (look) does not allow" in (await room.ask(line, EVE)).text, line
        assert (
            "Your role (look) does not allow bot pause" in (await room.ask("/do bot pause hedge-1", EVE)).text
        )
        assert "Your role (trade) does not allow /revive" in (await room.ask("/revive", BOB)).text
        assert "Your role (trade) does not allow backup" in (await room.ask("/do backup /tmp/x", BOB)).text
        shown = html.unescape((await room.ask("/help", EVE)).text)
        assert "/status" in shown
        assert "/kill" not in shown
        assert "Commands" in (await room.ask("/start", EVE)).text
        assert room.port.commands == []
        assert (await room.ask("/kill", ANN)).text.startswith("✓")

    in_a_room(test)
