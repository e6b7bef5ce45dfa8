"""A trader's day by Telegram, with a real engine behind the gate: each word, each mistake, in Russian too."""

from __future__ import annotations

import asyncio
import contextlib
import html
from collections.abc import Awaitable, Callable
from decimal import Decimal as D

import msgspec
import pytest
from bot_api import ANN, BOB, EVE
from builders import Trial
from fake_port import NOW, NS, a_status
from moex_floor import MOEX, PAPER, floor, share
from rooms import Room, a_room
from trading_room import TraderPort

from kedge.client import DeskAway
from kedge.model.instrument import Session
from kedge.model.order import State
from kedge.model.venue import OrderReport
from kedge.runtime import gate
from kedge.runtime.port import EngineAway

pytest.importorskip("aiogram")

Test = Callable[[Room, Trial], Awaitable[None]]
HOUR = 3600 * NS


def in_a_room(test: Test, trial: Trial | None = None, language: str = "en") -> None:
    async def run() -> None:
        port = TraderPort(trial or floor(now_ns=NOW))
        async with a_room(port, language=language) as room, room.desk():
            await test(room, port.t)

    with pytest.MonkeyPatch.context() as here:
        # The test moves the world between two looks; people do not look so soon.
        here.setattr(gate, "STATUS_SHARED_S", -1.0)
        asyncio.run(run())


async def says(room: Room, line: str, user: int = ANN) -> str:
    """The answer, from a picture of the engine as it is now."""
    assert room.link is not None
    with contextlib.suppress(DeskAway):
        await room.link.fresh()
    return html.unescape((await room.ask(line, user)).text)


async def agreed(room: Room, line: str) -> tuple[str, str]:
    """The question, and the answer after a yes."""
    asked = await room.ask(line)
    assert len(asked.buttons) == 2, asked.text
    return html.unescape(asked.text), html.unescape((await room.press(asked, next(iter(asked.buttons)))).text)


def names(t: Trial) -> list[str]:
    return list(t.e.desk.bots)


# ── tasks ───────────────────────────────────────────────────────────────────────────────────────


def test_sell_and_buy_ask_with_what_will_be_done() -> None:
    async def test(room: Room, t: Trial) -> None:
        question, answer = await agreed(room, "/sell sber 300000")
        assert question == "Sell?\nsell tinvest/main:SBER for 300000 at the best ask, about 1190"
        assert answer.endswith(
            "✓ sell-sber-1 is running: sell tinvest/main:SBER for 300000 at the best ask, about 1190"
        )
        question, _ = await agreed(room, "/buy 100 gazp 249,5")
        assert question == "Buy?\nbuy 100 of tinvest/main:GAZP at the best bid, at 249.5 or better"
        assert names(t) == ["sell-sber-1", "buy-gazp-2"]
        t.fill(t.opened(t.asked[next(iter(t.asked))]), 10, account=MOEX)
        shown = await says(room, "/sellbuy")
        assert "sell-sber-1\n sell SBER" in shown
        assert "[10 / " in shown
        assert "buy-gazp-2\n buy GAZP (249.5)" in shown
        assert "[0 / 100]" in shown
        question, answer = await agreed(room, "/amend buy-gazp-2 qty=200 price=248")
        assert question == "Change buy-gazp-2: qty 200, price 248?"
        assert answer.endswith("✓ buy-gazp-2 is amended")
        assert "[0 / 200]" in await says(room, "/tasks")
        question, answer = await agreed(room, "/stop")
        assert question == "Stop sell-sber-1, buy-gazp-2?"
        assert "✓ stopping sell-sber-1, buy-gazp-2" in answer

    in_a_room(test)


def test_a_no_does_nothing() -> None:
    async def test(room: Room, t: Trial) -> None:
        asked = await room.ask("/buy 100 sber")
        room.api.press(asked, "No")
        assert (await room.api.heard("editMessageText")).text.endswith("Nothing was done.")
        assert names(t) == []

    in_a_room(test)


def test_a_message_that_comes_again_is_one_task() -> None:
    async def test(room: Room, t: Trial) -> None:
        update = room.api.say("/buy 100 sber")
        asked = await room.api.heard()
        await room.press(asked, "Yes")
        await room.api.until_confirmed()
        room.api.again(update)
        assert "✓ buy-sber-1 is running" in (await room.api.heard()).text
        assert names(t) == ["buy-sber-1"]

    in_a_room(test)


def test_dump() -> None:
    async def test(room: Room, t: Trial) -> None:
        assert await says(room, "/dump sber") == "nothing is held in tinvest/main:SBER"
        t.command("task.buy", ticker="SBER", qty="30", name="b")
        t.fill(t.opened(t.placed()), 30, account=MOEX)
        question, answer = await agreed(room, "/dump sber")
        assert question.startswith("Trade the whole position away?\nsell 30 of tinvest/main:SBER")
        assert "held by b 30" in question
        assert "✓ dump-sber-2 is running" in answer

    in_a_room(test)


def test_spreads_are_started_listed_and_priced() -> None:
    async def test(room: Room, t: Trial) -> None:
        assert await says(room, "/spreads") == "No spread is at work."
        assert await says(room, "/sprices") == "No spread is at work."
        question, answer = await agreed(room, "/spreads srz6 sber 2,5 5 sell 100")
        assert question.startswith(
            "Start this spread?\nsell 5 of tinvest/main:SRZ6 and buy tinvest/main:SBER"
        )
        assert "✓ spread-srz6-sber-1 is running" in answer
        assert "sell SRZ6 / SBER (2.5)" in await says(room, "/spreads")
        t.book(250, market=f"{MOEX}:SBER")
        t.book(25_003, market=f"{MOEX}:SRZ6")
        shown = await says(room, "/sprices")
        # far at its ask, 25004, less a hundred shares at 250.01
        assert "SRZ6 - 100 SBER" in shown
        assert "sell at                          3" in shown
        assert "wanted sell                    2.5" in shown

    in_a_room(test)


def test_prices_of_those_that_do_not_trade_say_when_they_will() -> None:
    async def test(room: Room, t: Trial) -> None:
        await agreed(room, "/spreads SRZ6 SBER 2.5 5")
        shown = await says(room, "/sprices")
        assert "Not trading:" in shown
        assert "SRZ6 / SBER" in shown
        assert "opens in 90 min" in shown
        assert await says(room, "/sellbuy") == "Nothing is being sold or bought."

    sessions = (Session(NOW - HOUR, NOW - HOUR // 2), Session(NOW + HOUR * 3 // 2, NOW + 8 * HOUR))
    in_a_room(test, floor(now_ns=NOW, sessions=sessions))


# ── stop orders ─────────────────────────────────────────────────────────────────────────────────


def test_stops_shorts_and_nuke_say_what_is_left_out_and_why() -> None:
    async def test(room: Room, t: Trial) -> None:
        assert "the whitelist is empty" in await says(room, "/stops")
        assert (
            await says(room, "/list set whitelist SBER GAZP LKOH VTBR")
            == "✓ whitelist: SBER, GAZP, LKOH, VTBR"
        )
        assert await says(room, "/list stop-blacklist add lkoh") == "✓ stop-blacklist: LKOH"
        assert await says(room, "/list set stops-levels 10 20") == "✓ stops-levels: 10, 20"
        question, answer = await agreed(room, "/stops")
        assert question == (
            "Place these stop orders?\n4 orders to buy 10, 20 % below the price, 300000 each, for 120 min:"
            " SBER, GAZP; left out: VTBR (cannot be bought); on stop-blacklist: LKOH"
        )
        assert "✓ stops-1 is running" in answer
        question, _ = await agreed(room, "/shorts 100000")
        assert "3 orders to sell" not in question
        assert "9 orders to sell 20, 25, 30 % above the price, 100000 each" in question
        assert "left out: GAZP (cannot be sold short)" in question
        question, _ = await agreed(room, "/stops LKOH,SBER 5000")
        assert "4 orders to buy 10, 20 % below the price, 5000 each, for 120 min: LKOH, SBER" in question
        assert "beside stops-1" in question
        question, _ = await agreed(room, "/nuke sber 400000")
        assert "4 orders to buy tinvest/main:SBER 0, 1, 5, 7 % below the price, 100000 each" in question
        assert "Sum is too small" in await says(room, "/nuke SBER 9000")

    in_a_room(test)


def test_lists_show_what_is_in_force() -> None:
    async def test(room: Room, t: Trial) -> None:
        shown = await says(room, "/lists")
        assert "stops-levels\n 15, 20, 25" in shown
        assert "whitelist\n nothing" in shown
        await room.ask("/list add whitelist SBER")
        assert "whitelist\n SBER" in await says(room, "/lists whitelist")
        assert "There is no list white." in await says(room, "/lists white")
        assert await says(room, "/list drop whitelist GAZP") == "✗ whitelist does not have GAZP"
        # A viewer sees them and may not change them.
        assert "stops-sum" in await says(room, "/lists", EVE)
        assert "does not allow /list" in await says(room, "/list add whitelist GAZP", EVE)

    in_a_room(test)


def stop_order(number: int) -> OrderReport:
    return OrderReport(
        client_id="",
        venue_id=f"stop:{number}",
        symbol="SBER",
        side="buy",
        kind="take_limit",
        state=State.OPEN,
        qty=D(100),
        price=D(200 + number),
        cum_qty=D(0),
        trigger_price=D(200 + number),
        venue_ns=NOW,
    )


def cancelling(t: Trial) -> bool:
    return t.e.desk.stashes["night"].cancelling


def test_stash_saves_offers_to_cancel_and_restore_puts_back() -> None:
    async def test(room: Room, t: Trial) -> None:
        assert await says(room, "/stashes") == "Nothing is saved; /stash saves all stop orders."
        assert await says(room, "/restore") == "Nothing is saved; /stash saves all stop orders."
        orders = (stop_order(1), stop_order(2))
        asked = await room.ask("/stash night")
        assert html.unescape(asked.text) == (
            "✓ saving the stop orders of tinvest/main as night; kedge notes tells\n"
            "Cancel all stop orders of tinvest/main now?"
        )
        t.wait(1)
        t.report(MOEX, orders=orders)
        assert len(t.e.desk.stashes["night"].orders) == 2
        assert not cancelling(t)
        answer = await room.press(asked, "Yes")
        assert "then they are cancelled" in answer.text
        t.wait(1)
        t.report(MOEX, orders=orders)
        assert cancelling(t)
        t.wait(5)
        t.report(MOEX)
        assert "night\n tinvest/main: 2" in await says(room, "/stashes")
        assert "There is no stash day. There are: night" in await says(room, "/restore day")
        question, answer_ = await agreed(room, "/restore night")
        assert question == "Put night back: 2 orders on tinvest/main?"
        assert "✓ putting night back on tinvest/main" in answer_

    in_a_room(test)


def test_a_stash_asks_which_account_where_there_are_several() -> None:
    async def test(room: Room, t: Trial) -> None:
        assert await says(room, "/stash") == f"Say of which account: {MOEX}, {PAPER}"
        asked = await room.ask(f"/stash {PAPER}")
        assert f"saving the stop orders of {PAPER} as stash" in asked.text
        assert await says(room, "/buy 10 sber") == (
            f"SBER is listed at several: {MOEX}:SBER, {PAPER}:SBER; say which"
        )

    in_a_room(test, floor(now_ns=NOW, paper=(share("SBER"),)))


def test_cancel_says_what_remains() -> None:
    async def test(room: Room, t: Trial) -> None:
        status = a_status()
        account = msgspec.structs.replace(status.accounts[0], sweeping="1 order remains after cancelling all")
        left = msgspec.structs.replace(status, accounts=(account,))
        gone = a_status()
        answers = [left, left, gone]
        room.port.status = lambda: answers.pop(0) if len(answers) > 1 else answers[0]  # type: ignore[method-assign]
        assert "No order is open there any more." in await says(room, "/cancel", BOB)
        answers[:] = [left]
        shown = await says(room, "/cancel")
        assert shown.endswith("1 order remains after cancelling all")

    in_a_room(test)


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────

MISTAKES = [
    ("/sell", "/sell <ticker> <sum> or <amount> <ticker>"),
    ("/buy sber", "/buy <ticker> <sum> or <amount> <ticker>"),
    ("/buy sber gazp", "/buy <ticker> <sum>"),
    ("/buy 1 2", "/buy <ticker> <sum>"),
    ("/buy 1 sber x", "/buy <ticker> <sum>"),
    ("/buy 10 sbre", "no account lists sbre; did you mean SBER?"),
    ("/dump", "/dump <ticker>"),
    ("/spreads SRZ6", "/spreads [far near price amount] [buy or sell] [ratio]"),
    ("/spreads SRZ6 SBER x 5", "/spreads [far near price amount]"),
    ("/spreads SRZ6 SBER 5 5 buy sell", "/spreads [far near price amount]"),
    ("/spreads SRZ6 LKOH 5 5", "cannot be told; give `ratio`"),
    ("/sprices now", "/sprices"),
    ("/stops 1 2", "/stops [tickers] [sum]"),
    ("/shorts GAZP", "nothing is left to place orders for; left out: GAZP (cannot be sold short)"),
    ("/nuke", "/nuke <ticker> <sum>"),
    ("/nuke sber", "/nuke <ticker> <sum>"),
    ("/amend", "/amend <task> [qty=...] [price=...]"),
    ("/amend x qty", "/amend <task>"),
    ("/amend x colour=red", "/amend <task>"),
    ("/list", "/list <add, drop or set> <list> [items]"),
    ("/list whitelist", "/list <add, drop or set>"),
    ("/list add whitelist", "/list <add, drop or set>"),
    ("/list set stops-levels 120", "✗ 120 % is no level: it must be less than 100"),
    ("/stash a b", "/stash [name] [account]"),
    ("/tasks all", "/tasks"),
    ("/restore x", "Nothing is saved"),
]


def test_every_mistake_is_answered_with_the_right_form() -> None:
    async def test(room: Room, t: Trial) -> None:
        for line, form in MISTAKES:
            sent = await room.ask(line)
            assert form in html.unescape(sent.text), f"{line}: {sent.text}"
            assert not sent.buttons, line
        assert names(t) == []

    in_a_room(test)


def test_away_is_said_and_nothing_is_kept_for_later() -> None:
    async def test(room: Room, t: Trial) -> None:
        room.port.wrong = EngineAway("the desk is stopping")
        for line in (
            "/sell sber 1000",
            "/stops",
            "/stash",
            "/list add whitelist SBER",
            "/cancel",
            "/amend x qty=1",
        ):
            assert "The engine is away: " in await says(room, line), line
        room.port.wrong = None
        assert await says(room, "/tasks") == "No bot is at work."
        assert names(t) == []
        assert not t.e.desk.lists

    in_a_room(test)


# ── in Russian ──────────────────────────────────────────────────────────────────────────────────


def test_the_day_in_russian() -> None:
    async def test(room: Room, t: Trial) -> None:
        assert await says(room, "/sellbuy") == "Ничего не продаётся и не покупается."
        question, answer = await agreed(room, "/sell sber 300000")
        assert question.startswith("Продать?\n")
        assert "✓ sell-sber-1" in answer
        assert "Пишите так: /buy" in await says(room, "/buy")
        assert (await agreed(room, "/amend sell-sber-1 price=251"))[0].startswith("Изменить sell-sber-1")
        assert (await says(room, "/tasks")).startswith("Работают:")
        assert (await agreed(room, "/nuke sber 400000"))[0].startswith("Поставить эти стоп-заявки?")
        assert await says(room, "/spreads") == "Ни один спред не в работе."
        assert await says(room, "/stashes") == "Ничего не сохранено; /stash сохраняет все стоп-заявки."
        assert (await says(room, "/lists")).startswith("Списки")
        asked = await room.ask("/stash")
        assert "Снять сейчас все стоп-заявки на tinvest/main?" in asked.text
        assert "Да" in next(iter(asked.buttons))

    in_a_room(test, language="ru")
