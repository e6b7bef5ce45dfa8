"""/scan, /dscan and /quotes in the chat: what they answer, in each language, and every mistake."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal as D
from typing import Any

import pytest
from bot_api import ANN, EVE
from fake_port import NOW
from market_kit import COINS, DAY, MOEX, Gate, future, quote, share
from msgspec.structs import replace
from rooms import Room, a_room

from kedge.desk.telegram.phone import COLUMNS
from kedge.runtime.port import EngineAway

pytest.importorskip("aiogram")


def in_a_room(test: Callable[[Room, Gate], Awaitable[None]], **telegram: Any) -> None:
    async def run() -> None:
        gate = Gate()

        def rows(what: str) -> Callable[[Mapping[str, Any]], Any]:
            return lambda args: gate.rows(what, args)

        async with a_room(**telegram) as room:
            room.port.rows |= {what: rows(what) for what in ("listed", "quotes")}
            async with room.desk():
                await test(room, gate)

    asyncio.run(run())


async def said(room: Room, line: str, user: int = EVE) -> str:
    return html.unescape((await room.ask(line, user)).text)


def test_a_scan_in_the_chat() -> None:
    async def test(room: Room, gate: Gate) -> None:
        text = await said(room, "/scan 18 SBER")
        assert text.startswith("2 of 3 pairs yield more than 18 % a year.")
        assert "SBER - SRZ6" in text
        assert "margin 35200, delta 600" in text
        assert "yield more than 7.5 % a year" in await said(room, "/scan 7,5 %")
        assert "The best of them:\nSRZ6 - SRH7" in (await said(room, "/scan 900")).replace("<pre>", "")
        assert "funding" in await said(room, "/scan 0 BTC")

    in_a_room(test)


def test_what_stands_behind_the_prices_is_said() -> None:
    async def test(room: Room, gate: Gate) -> None:
        gate.refuses[COINS] = f"{COINS}: not connected: the key was refused"
        for market, one in gate.quotes.items():
            gate.quotes[market] = replace(
                one, open=False, opens_ns=NOW + DAY, last=one.bid, age_ns=3_000_000_000
            )
        text = await said(room, "/scan 0")
        assert f"! {COINS}: not connected: the key was refused" in text
        assert f"! {MOEX}: SBER, SRH7, SRZ6 out of session, taken at last prices" in text
        assert "prices of 3.0 s ago" in text

    in_a_room(test)


def test_seventy_pairs_and_no_more() -> None:
    async def test(room: Room, gate: Gate) -> None:
        names = [f"SR{number:03d}" for number in range(90)]
        gate.listed = {MOEX: [share("SBER"), *(future(one, "SBER", 30 + n) for n, one in enumerate(names))]}
        gate.quotes |= {f"{MOEX}:{one}": quote(MOEX, one, 31000, 31010) for one in names}
        sent = await room.ask("/scan 1", EVE)
        pages = [html.unescape(sent.text)]
        while any(label.startswith("▶") for label in sent.buttons):
            sent = await room.press(sent, "▶", EVE)
            pages.append(html.unescape(sent.text))
        whole = "\n".join(pages)
        assert whole.count("SBER - SR") == 70
        assert "... and 20 more" in whole

    in_a_room(test)


def test_dividends_and_prices() -> None:
    async def test(room: Room, gate: Gate) -> None:
        market = f"{MOEX}:SRZ6"
        gate.quotes[market] = replace(gate.quotes[market], bid=D(29000), ask=D(29010))
        text = await said(room, "/dscan 5")
        assert "SBER - SRZ6" in text
        assert "dividend 11." in text
        assert "0 pairs imply" in await said(room, "/dscan BTC")
        text = await said(room, f"/quotes {COINS}")
        assert "60010 / 60011" in text
        assert "funding 0.01 %" in text
        for line in text.replace("<pre>", "").replace("</pre>", "").splitlines():
            assert len(line) <= COLUMNS, line
        assert "60000 / 60001" in await said(room, f"/do quotes {COINS} symbols=BTC-USD")
        assert "pairs yield" in await said(room, "/do scan rate=3")

    in_a_room(test)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/scan 1 2", "Write it like this: /scan [rate] [asset]"),
        ("/scan SBER GAZP", "Write it like this: /scan [rate] [asset]"),
        ("/scan 99999", "Write it like this"),
        ("/scan 5 NOPE", "there are no dated futures on NOPE"),
        ("/dscan 0", "Write it like this: /dscan [how many] [asset]"),
        ("/quotes", "Write it like this: /quotes <account> [symbols]"),
    ],
)
def test_mistakes_are_answered_with_the_form(line: str, answer: str) -> None:
    async def test(room: Room, gate: Gate) -> None:
        assert answer in await said(room, line)

    in_a_room(test)


@pytest.mark.parametrize(
    ("language", "scanned", "form"),
    [("ru", "доходность выше 18 % годовых", "Пишите так: /scan"), ("fr", "plus de 18 % par an", "Écrivez")],
)
def test_in_other_languages(language: str, scanned: str, form: str) -> None:
    async def test(room: Room, gate: Gate) -> None:
        assert scanned in await said(room, "/scan 18 SBER")
        assert form in await said(room, "/scan 1 2 3")

    in_a_room(test, language=language)


def test_an_engine_that_is_away_is_said() -> None:
    async def test(room: Room, gate: Gate) -> None:
        room.port.wrong = EngineAway("the desk is stopping")
        for line in ("/scan", "/dscan", f"/quotes {COINS}"):
            text = await said(room, line, ANN)
            assert "stopping" in text or "away" in text, text

    in_a_room(test)
