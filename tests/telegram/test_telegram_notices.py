"""Notices by Telegram: to whom they go, what is muted, and what becomes of them when Telegram will not."""

from __future__ import annotations

import asyncio
import html
from typing import Any

import msgspec
import pytest
from bot_api import ANN, BOB
from fake_port import NOW, NS
from rooms import Room, a_room

from kedge.desk.notices import Level, Notice
from kedge.desk.post.messages import pack
from kedge.desk.post.sender import SENT, Sender
from kedge.desk.post.service import test_notice as a_test
from kedge.desk.telegram.memory import Memory
from kedge.desk.telegram.sender import telegram_senders

pytest.importorskip("aiogram")


def a_notice(key: str = "k", level: Level = "warn", **changes: Any) -> Notice:
    return msgspec.structs.replace(Notice(key, "note", level, f"note <{key}>", NOW), **changes)


def senders(room: Room) -> list[Sender]:
    return telegram_senders(room.settings.telegram, room.secrets(), room.people, lambda _: True, room.clock)


def test_they_go_to_who_runs_the_desk_or_to_the_chats_that_are_named() -> None:
    async def test() -> None:
        async with a_room() as room:
            assert [one.channel for one in senders(room)] == [f"telegram/{ANN}", f"telegram/{BOB}"]
        async with a_room(notify=(-100,)) as room:
            (sender,) = senders(room)
            assert await sender.send(pack([a_notice()])) == SENT
            sent = await room.api.heard()
            assert (sent.chat, sent.text) == (-100, "! note &lt;k&gt;")
            assert room.api.calls[-1][1].get("disable_notification") != "true"
            assert await sender.send(pack([a_notice(level="info")])) == SENT
            assert room.api.calls[-1][1]["disable_notification"] == "true"
            await sender.close()

    asyncio.run(test())


def test_each_chat_is_told_in_its_language() -> None:
    async def test() -> None:
        async with a_room(language="fr") as room:
            memory = Memory(room.people)
            memory.open()
            memory.speak(str(ANN), "ru")
            for sender in senders(room):
                assert await sender.send(pack([a_test(NOW)])) == SENT
                await sender.close()
            said = [(await room.api.heard()).text for _ in range(2)]
            assert said == ["✓ проверка: этот канал работает", "✓ un essai : ce canal fonctionne"]

    asyncio.run(test())


def test_what_a_chat_has_muted_does_not_come() -> None:
    async def test() -> None:
        async with a_room() as room:
            ann, bob = senders(room)
            memory = Memory(room.people)
            memory.open()
            memory.mute(str(ANN), "fill", NOW + 60 * NS)
            memory.mute(str(BOB), "all", NOW + 60 * NS)
            for sender in (ann, bob):
                await sender.refresh()
            fill, alarm = a_notice(kind="fill"), a_notice(level="alarm")
            assert [ann.wants(fill), ann.wants(a_notice()), ann.wants(alarm)] == [False, True, True]
            assert [bob.wants(fill), bob.wants(a_notice()), bob.wants(alarm)] == [False, False, True]
            room.now_ns += 61 * NS
            assert all(one.wants(fill) for one in (ann, bob))
            memory.tidy(room.now_ns)
            assert memory.mutes(str(ANN), NOW) == {}

    asyncio.run(test())


def test_who_gave_a_command_here_is_not_told_of_it_twice() -> None:
    async def test() -> None:
        async with a_room() as room:
            ann, bob = senders(room)
            for sender in (ann, bob):
                await sender.refresh()
            mine = a_notice(kind="command", actor="pi:ann")
            assert (ann.wants(mine), bob.wants(mine)) == (False, True)

    asyncio.run(test())


def test_a_chat_that_will_not_hear_is_said_and_waits() -> None:
    async def test() -> None:
        async with a_room(notify=(-100,)) as room:
            (sender,) = senders(room)
            room.api.faults["sendMessage"] = [
                ("blocked",),
                ("flood", 33),
                ("cut",),
                ("bad", "Bad Request: chat not found"),
            ]
            verdicts = [await sender.send(pack([a_notice()])) for _ in range(4)]
            assert {one.state for one in verdicts} == {"later"}
            assert "write /start to the bot there" in verdicts[0].why
            assert verdicts[1].wait_s == 33
            assert "cannot be reached" in verdicts[2].why
            assert "chat not found" in verdicts[3].why
            long = a_notice(text="é<" * 1500)
            assert await sender.send(pack([long, a_notice("b"), a_notice("c", text="x" * 600)])) == SENT
            assert len(html.unescape((await room.api.heard()).text)) <= 4096
            await sender.close()

    asyncio.run(test())
