"""The line to Telegram: floods, cuts, 409s, strangers, two pollers, restarts, the webhook, and the token."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import msgspec
import pytest
from bot_api import ANN, BOB, STRANGER, TOKEN
from rooms import Room, a_room

from kedge.desk.telegram import botapi, service
from kedge.desk.telegram.hook import HEADER
from kedge.settings import Secret, SettingsWrong

pytest.importorskip("aiogram")


async def until_said(room: Room, words: str) -> None:
    async with asyncio.timeout(20):
        while not any(words in said for said in room.said):  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.01)


def test_floods_cuts_and_faults_are_gone_through() -> None:
    async def test() -> None:
        async with a_room() as room:
            room.api.faults["getMe"] = [("cut",), ("fault",)]
            room.api.faults["setMyCommands"] = [("flood", 1)]
            room.api.faults["getUpdates"] = [("cut",)]
            async with room.desk():
                assert "main" in (await room.ask("/status")).text
                for fault in (("flood", 1), ("cut",), ("fault",)):
                    room.api.faults["sendMessage"] = [fault]
                    assert "engine" in (await room.ask("/version")).text
                assert "telegram: Telegram cannot be reached" in room.said
                assert "telegram: answers" in room.said

    asyncio.run(test())


def test_an_answer_that_was_lost_is_not_a_deed_done_twice() -> None:
    async def test() -> None:
        async with a_room() as room, room.desk():
            room.api.faults["sendMessage"] = [("deaf",)]
            room.api.say("/kill")
            assert (await room.api.heard()).text == "✓ done"
            assert (await room.api.heard()).text == "✓ done"  # said again: that is all that is lost
            await room.api.until_confirmed()
            assert len(room.port.commands) == 1

    asyncio.run(test())


def test_an_answer_that_telegram_will_not_take_holds_up_nobody() -> None:
    async def test() -> None:
        async with a_room() as room, room.desk():
            room.api.faults["sendMessage"] = [("bad", "Bad Request: can't parse entities"), ("blocked",)]
            room.api.say("/version")
            room.api.say("/version")
            assert "main" in (await room.ask("/status")).text
            assert any("can't parse entities" in said for said in room.said)

    asyncio.run(test())


def test_strangers_are_not_answered_and_counted() -> None:
    async def test() -> None:
        async with a_room(groups=(-100,)) as room:
            context = room.context()
            bot = botapi.make_bot(room.settings.telegram, Secret(TOKEN))
            desk = service.TelegramDesk(context, room.people, bot, Secret(TOKEN))
            work = [asyncio.ensure_future(desk.run()), asyncio.ensure_future(context.link.run())]
            try:
                room.api.say("/status", STRANGER)
                room.api.say("/kill", STRANGER, chat=-100)
                room.api.say("/kill", ANN, chat=-200)  # a group that is not in the settings
                room.api.say("how are you?", ANN, chat=-100)
                sent = await room.ask("/version")
                assert room.api.press(type(sent)("", ANN, buttons={"y": "y:x"}), "y", STRANGER)
                await room.api.until_confirmed()
                assert room.api.quiet()
                assert (desk.strangers, desk.answered) == (4, 1)
                assert room.port.commands == []
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
                await bot.session.close()

    asyncio.run(test())


def test_another_program_with_our_token_is_told_of_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CONFLICT_S", 0.01)

    async def test() -> None:
        async with a_room() as room:
            room.api.faults["getUpdates"] = [("conflict",), ("conflict",)]
            async with room.desk() as context:
                await until_said(room, "another program asks Telegram with this token (409): stop that one")
                assert "engine" in (await room.ask("/version")).text
                assert "telegram" not in context.troubles

    asyncio.run(test())


def test_of_two_desks_one_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share the people's database: the second waits until the first has left."""
    monkeypatch.setattr(service, "AGAIN_S", 0.02)

    async def test() -> None:
        async with a_room() as room:
            async with room.desk():
                await room.ask("/version")
                second = room.context()
                other = asyncio.ensure_future(service.run(second))
                await until_said(room, "Telegram is answered by another desk process")
                await room.ask("/version")
            room.api.say("/version")
            await room.api.heard()  # the second has taken over
            assert "telegram" not in second.troubles
            conflicts = [method for method, _ in room.api.calls if method == "getMe"]
            assert len(conflicts) == 2
            other.cancel()
            await asyncio.gather(other, return_exceptions=True)

    asyncio.run(test())


def test_a_wrong_token_is_said_and_never_shown() -> None:
    async def test() -> None:
        async with a_room() as room:
            room.api.known = False
            async with room.desk() as context:
                await until_said(room, "Telegram does not know this token (secret TELEGRAM_TOKEN)")
                shown = json.dumps([room.said, context.troubles])
            assert TOKEN not in shown
            assert TOKEN.split(":")[1] not in shown

    asyncio.run(test())
    telegram = msgspec.structs.replace(service_settings(), token="TELEGRAM_TOKEN")
    with pytest.raises(SettingsWrong, match="the secret TELEGRAM_TOKEN is no Telegram token") as wrong:
        botapi.make_bot(telegram, Secret("planted"))
    assert "planted" not in str(wrong.value)


def service_settings() -> Any:
    from kedge.settings import TelegramSettings

    return TelegramSettings()


def test_chats_do_not_wait_for_each_other_but_each_keeps_its_order() -> None:
    async def test() -> None:
        async with a_room() as room, room.desk():
            await room.ask("/version")
            room.port.hold = asyncio.Event()
            room.api.say("/kill", ANN)
            room.api.say("/version", ANN)
            room.api.say("/version", BOB)
            assert (await room.api.heard()).chat == BOB
            room.port.hold.set()
            assert (await room.api.heard()).text == "✓ done"
            assert "engine" in (await room.api.heard()).text

    asyncio.run(test())


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_by_webhook() -> None:
    port = free_port()
    given = {
        "webhook": "https://desk.example.org/hook/telegram",
        "webhook_secret": "TELEGRAM_HOOK",
        "listen": f"127.0.0.1:{port}",
    }

    async def test() -> None:
        async with a_room(**given) as room, room.desk(), aiohttp.ClientSession() as telegram:
            async with asyncio.timeout(20):
                while not room.api.webhook:  # noqa: ASYNC110  # set by the fake's server
                    await asyncio.sleep(0.01)
            assert room.api.webhook["url"] == given["webhook"]
            assert room.api.webhook["secret_token"] == "planted-hook-secret"
            url = f"http://127.0.0.1:{port}/hook/telegram"

            async def call(update: Any, secret: str = "planted-hook-secret") -> int:
                body = update if isinstance(update, bytes) else json.dumps(update).encode()
                async with telegram.post(url, data=body, headers={HEADER: secret}) as answer:
                    return answer.status

            update = room.api.say("/kill")
            assert await call(update, "guessed") == 403
            assert await call(update, "") == 403
            assert await call(b"{") == 400
            assert room.port.commands == []
            assert await call(update) == 200
            assert (await room.api.heard()).text == "✓ done"
            assert await call(update) == 200  # Telegram had not heard our 200
            assert len(room.port.taken) == 1
            assert "getUpdates" not in [method for method, _ in room.api.calls]

    asyncio.run(test())
