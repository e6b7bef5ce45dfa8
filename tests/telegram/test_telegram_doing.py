"""What a person does by Telegram: every word that changes something, its question, its buttons, its key."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from bot_api import ANN, BOB
from fake_port import NS, a_bot
from rooms import Port, Room, a_room

from kedge.desk.commands import BY_NAME
from kedge.runtime import gate
from kedge.runtime.port import EngineAway

pytest.importorskip("aiogram")

MARKET = "paper/main:BTC-PERP"


def in_a_room(test: Callable[[Room], Awaitable[None]], **telegram: Any) -> None:
    async def run() -> None:
        async with a_room(**telegram) as room, room.desk():
            await test(room)

    with pytest.MonkeyPatch.context() as here:
        # A test changes the engine's picture between two looks; people do not look so soon.
        here.setattr(gate, "STATUS_SHARED_S", -1.0)
        asyncio.run(run())


async def agreed(room: Room, line: str, user: int = ANN) -> tuple[str, list[tuple[str, Any]]]:
    """The question, and what was done after a yes."""
    before = len(room.port.commands)
    asked = await room.ask(line, user)
    assert list(asked.buttons) == ["Yes, do it", "No"], f"{line}: {asked.text}"
    assert len(room.port.commands) == before, "nothing may be done before the yes"
    answered = await room.press(asked, "Yes", user)
    assert "✓ done" in answered.text, answered.text
    assert not answered.buttons
    return html.unescape(asked.text), room.port.verbs()[before:]


def test_what_costs_money_asks_first_and_then_does_it() -> None:
    async def test(room: Room) -> None:
        question, done = await agreed(room, "/sell BTC-PERP 1000", BOB)
        assert question == "Sell?\ntask.sell BTC-PERP 1000"
        assert done == [("task.sell", {"ticker": "BTC-PERP", "sum": "1000"})]
        question, done = await agreed(room, "/buy 0,5 btc-perp")
        assert question == "Buy?\ntask.buy btc-perp 0.5"
        assert done == [("task.buy", {"ticker": "btc-perp", "qty": "0.5"})]
        _, done = await agreed(room, f"/sell 0.1 {MARKET} 60000.5")
        assert done == [("task.sell", {"ticker": MARKET, "qty": "0.1", "limit": "60000.5"})]
        _, done = await agreed(room, "/hedge 0.05")
        assert done[0][1]["config"] == {"market": MARKET, "qty": "0.05", "side": "sell"}
        _, done = await agreed(room, "/hedge 0.05 BTC-PERP buy")
        assert (done[0][1]["kind"], done[0][1]["config"]["side"]) == ("hedge", "buy")
        _, done = await agreed(room, "/close hedge-1")
        assert done == [("bot.tell", {"name": "hedge-1", "text": "close"})]
        _, done = await agreed(room, "/stopbot hedge-1")
        assert done == [("bot.stop", {"name": "hedge-1"})]
        _, done = await agreed(room, "/revive all is well")
        assert done == [("desk.revive", {"why": "all is well"})]
        _, done = await agreed(room, "/do bot amend hedge-1 qty=0.3 then=cross")
        assert done == [("bot.amend", {"name": "hedge-1", "config": {"qty": "0.3", "then": "cross"}})]
        _, done = await agreed(room, "/do bot add h2 hedge market=paper/main:BTC-PERP qty=1")
        assert done[0][1]["config"] == {"market": MARKET, "qty": "1"}
        actors = {(one.actor.rpartition(":")[2], one.via) for one in room.port.commands}
        assert actors == {("ann", "telegram"), (f"tg-{BOB}", "telegram")}

    in_a_room(test)


OWN_KIND = """
from decimal import Decimal
from msgspec import Struct
from kedge.engine.bot import Bot

class State(Struct, frozen=True):
    pass

class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    market: str
    step: Decimal
    levels: tuple[Decimal, ...] = ()
    tag: str = ""
    at_most: int = 3
    eager: bool = False

class Ladder(Bot[Config, State]):
    kind = "ladder"
    summary = "A kind of one's own."
    Config = Config
    State = State

    def markets(self, config):
        return (config.market,)

    def decide(self, view):
        raise NotImplementedError
"""


def test_parameters_of_a_kind_of_ones_own_are_read_by_its_types() -> None:
    """As the form on the page reads them: a tag that looks like a number stays text, amounts stay exact."""

    async def test(room: Room) -> None:
        folder = room.root / "bots"
        folder.mkdir(mode=0o700)
        (folder / "telegram_ladder.py").write_text(OWN_KIND)
        own = "telegram_ladder:Ladder"
        given = f"market={MARKET} step=0,50 levels=1.10,2 tag=007 at_most=5 eager=true"
        _, done = await agreed(room, f"/do bot add l1 {own} {given}")
        config = {"market": MARKET, "step": "0.50", "levels": ["1.10", "2"], "tag": "007"}
        assert done[0][1]["config"] == {**config, "at_most": 5, "eager": True}
        room.port.now = msgspec.structs.replace(room.port.now, bots=(a_bot(bot="l1", kind=own),))
        async with asyncio.timeout(10):
            while "l1" not in (await room.ask("/bots")).text:
                pass  # the picture is a second old at most
        _, done = await agreed(room, "/do bot amend l1 tag=1e3")
        assert done[0][1]["config"] == {"tag": "1e3"}
        for wrong, says in (
            (f"/do bot add l2 {own} market={MARKET} stp=1", "did you mean `step`?"),
            (f"/do bot add l2 {own} market={MARKET}", "`step` is missing"),
            (f"/do bot add l2 {own} market={MARKET} step=much", "`step`"),
            ("/do bot add l2 telegram_ladder:Leader step=1", "Ladder"),
            ("/do bot add l2 no_such_file:Leader step=1", "no_such_file"),
        ):
            answer = await room.ask(wrong)
            assert says in html.unescape(answer.text), wrong
            assert not answer.buttons

    in_a_room(test)


def test_all_bots_at_once() -> None:
    async def test(room: Room) -> None:
        _, done = await agreed(room, "/stop")
        assert done == [("task.stop", {})]
        _, done = await agreed(room, "/forceexit all")
        # A peg knows no closing.
        assert done == [("bot.tell", {"name": "hedge-1", "text": "close"}), ("bot.stop", {"name": "peg-1"})]
        assert (await room.ask("/pause")).text == "✓ done"
        assert room.port.verbs()[-1] == ("bot.pause", {"name": "hedge-1"})
        assert (await room.ask("/stopentry hedge-1")).text == "✓ done"
        room.port.now = msgspec.structs.replace(room.port.now, bots=(a_bot(phase="paused"),))
        _, done = await agreed(room, "/resume")
        assert done == [("bot.resume", {"name": "hedge-1"})]
        async with asyncio.timeout(10):
            while (asked := await room.ask("/start")).text[:6] != "Resume":
                pass  # the picture is a second old at most
        assert asked.text == "Resume hedge-1?"

    in_a_room(test)


def test_what_must_be_fast_asks_nobody() -> None:
    async def test(room: Room) -> None:
        assert (await room.ask("/kill the market is mad", BOB)).text == "✓ done"
        assert room.port.verbs() == [("desk.kill", {"why": "the market is mad"})]
        if "cancel" in BY_NAME:
            gone = "✓ done\nNo order is open there any more."
            assert (await room.ask("/cancel")).text == gone
            assert (await room.ask("/cancel hedge-1")).text == "✓ done"
            assert (await room.ask("/cancel paper/main")).text == gone
            args = [args for verb, args in room.port.verbs()[1:] if verb]
            assert [(one.get("account", ""), one.get("bot", "")) for one in args] == [
                ("", ""),
                ("", "hedge-1"),
                ("paper/main", ""),
            ]

    in_a_room(test)


def test_a_no_is_a_no_and_a_late_yes_too() -> None:
    async def test(room: Room) -> None:
        asked = await room.ask("/stop")
        room.api.press(asked, "No")
        assert (await room.api.heard("editMessageText")).text.endswith("Nothing was done.")
        assert (await room.press(asked, "Yes")).text.endswith("Nothing was done.")
        asked = await room.ask("/stop")
        room.now_ns += 121 * NS
        assert (await room.press(asked, "Yes")).text.endswith("Too late: nothing was done.")
        assert room.port.commands == []

    in_a_room(test)


def test_only_who_asked_may_answer() -> None:
    async def test(room: Room) -> None:
        room.api.say("/stop", ANN, chat=-100)
        asked = await room.api.heard()
        refused = await room.press(asked, "Yes", BOB, toast=True)
        assert (refused.method, refused.text) == ("toast", "Only who asked may answer this.")
        assert room.port.commands == []
        await room.press(asked, "Yes", ANN)
        assert len(room.port.commands) == 1

    in_a_room(test, groups=(-100,))


def test_a_yes_pressed_many_times_acts_once() -> None:
    async def test(room: Room) -> None:
        asked = await room.ask("/close hedge-1")
        presses = [room.api.press(asked, "Yes") for _ in range(5)]
        for _ in presses:
            await room.api.heard("editMessageText")
        await room.api.until_confirmed()
        assert len({one.command_id for one in room.port.commands}) == 1
        assert len(room.port.taken) == 1

    in_a_room(test)


def test_who_lost_their_role_meanwhile_cannot_press() -> None:
    async def test() -> None:
        async with a_room() as room:
            async with room.desk():
                asked = await room.ask("/stop", BOB)
                await room.api.until_confirmed()
            telegram = msgspec.structs.replace(room.settings.telegram, traders=(), viewers=(BOB,))
            room.settings = msgspec.structs.replace(room.settings, telegram=telegram)
            async with room.desk():
                refused = await room.press(asked, "Yes", BOB, toast=True)
                assert "does not allow stop" in refused.text
        assert room.port.commands == []

    asyncio.run(test())


def test_a_refusal_is_passed_on_and_the_next_is_tried() -> None:
    async def test(room: Room) -> None:
        room.port.answer = (False, "there is no bot `hedge-1`")
        asked = await room.ask("/forceexit all")
        answered = await room.press(asked, "Yes")
        assert answered.text.count("✗ there is no bot `hedge-1`") == 2

    in_a_room(test)


def test_while_the_engine_is_away_nothing_is_kept_for_later() -> None:
    async def test(room: Room) -> None:
        asked = await room.ask("/close hedge-1")
        room.port.wrong = EngineAway("the desk is stopping")
        room.api.press(asked, "Yes")
        said = await room.api.heard("toast")
        assert "The engine is away" in said.text
        room.port.wrong = None
        assert "✓ done" in (await room.press(asked, "Yes")).text
        assert len(room.port.taken) == 1

    in_a_room(test)


def test_a_desk_killed_between_the_yes_and_the_deed_does_it_once() -> None:
    """The press is delivered again to the next process, which finds the question taken."""

    async def test() -> None:
        async with a_room() as room:
            room.port.hold = asyncio.Event()
            async with room.desk():
                asked = await room.ask("/close hedge-1")
                pressed = room.api.press(asked, "Yes")
                await asyncio.wait_for(room.port.heard.wait(), 10)
            assert pressed in room.api.updates, "an update counts as received only after its deed is durable"
            assert room.port.taken == {}
            room.port.hold = None
            async with room.desk():
                assert "✓ done" in (await room.api.heard("editMessageText")).text
                await room.api.until_confirmed()
            assert len({one.command_id for one in room.port.commands}) == 1
            assert len(room.port.taken) == 1

    asyncio.run(test())


def test_a_message_that_comes_again_after_a_restart_acts_once() -> None:
    async def test() -> None:
        async with a_room() as room:
            async with room.desk():
                update = room.api.say("/kill")
                await room.api.heard()
                await room.api.until_confirmed()
            room.api.again(update)
            async with room.desk():
                assert (await room.api.heard()).text == "✓ done"
                question = room.api.say("/stop")
                asked = await room.api.heard()
                await room.press(asked, "Yes")
                await room.api.until_confirmed()
            room.api.again(question)
            async with room.desk():
                told = await room.api.heard()
                assert "✓ done" in told.text, "the question is answered already"
                assert not told.buttons
            assert [one.verb for one in room.port.taken.values()] == ["desk.kill", "task.stop"]

    asyncio.run(test())


def test_what_was_written_while_the_desk_was_away_is_not_done_late() -> None:
    async def test(room: Room) -> None:
        for line in ("/kill", "/sell BTC-PERP 100"):
            sent = await room.ask(line, ago_s=3600)
            assert "You wrote this 1 h 00 min ago and it was not done" in sent.text
            assert not sent.buttons
        assert "main · Kedge" in (await room.ask("/status", ago_s=3600)).text
        assert room.port.commands == []
        # One that was obeyed in time and whose answer was lost is answered, not refused.
        room.port.rows["commands"] = lambda args: [{"command_id": args["text"]}]
        assert (await room.ask("/kill", ago_s=3600)).text == "✓ done"

    in_a_room(test)


def test_the_kill_switch_does_not_wait_for_a_picture() -> None:
    class Slow(Port):
        def status(self) -> Any:
            if self.commands or self.slow:
                raise EngineAway("busy")
            return super().status()

        slow = False

    async def test(room: Room) -> None:
        assert isinstance(room.port, Slow)
        room.port.slow = True
        assert (await room.ask("/kill")).text == "✓ done"

    async def run() -> None:
        async with a_room(port=Slow()) as room, room.desk():
            await test(room)

    asyncio.run(run())


def test_mute_is_the_chats_own() -> None:
    async def test(room: Room) -> None:
        assert (await room.ask("/mute fill 2h")).text.startswith("fill is muted until ")
        assert (await room.ask("/mute")).text.startswith("fill: until ")
        assert (await room.ask("/mute", BOB)).text == "Nothing is muted."
        assert (await room.ask("/mute all")).text.endswith("/mute alarm does that too.")
        assert (await room.ask("/mute off")).text == "Nothing is muted any more."

    in_a_room(test)


def test_buttons_of_nobodys_making_do_nothing() -> None:
    async def test(room: Room) -> None:
        asked = await room.ask("/stop")
        evil = (
            "y:",
            "y:nothing",
            "n:x",
            "g:0:/kill",
            "g:x:/status",
            "g:0:/do kill",
            "l:de",
            "z",
            "g:0:/do bot rm x",
        )
        for data in evil:
            asked.buttons["evil"] = data
            room.api.press(asked, "evil")
            assert (await room.api.heard()).method == "toast", data
        assert room.port.commands == []

    in_a_room(test)
