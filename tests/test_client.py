"""The Python client against the real gate: typed answers, typed errors, and asking again under one id."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path

import pytest
from fake_port import AwayPort, FakePort, a_gate, a_status, short_folder

from kedge import client
from kedge.client import Desk, DeskAway, Refused
from kedge.model import frames
from kedge.model.commands import BotPause
from kedge.model.events import Tick
from kedge.model.frames import Answer, Welcome
from kedge.model.records import CommandTaken, Noted
from kedge.settings import SettingsWrong


def test_the_whole_round() -> None:
    port = FakePort()
    port.rows = {"orders": [{"client_id": "c"}], "fills": [], "positions": [], "decisions": [], "notes": []}

    async def run() -> None:
        with short_folder() as folder:
            async with a_gate(port, folder / "main.sock"), client.connect(folder) as desk:
                taken = await desk.command("bot.add", name="b", kind="hedge", config={"amount": "0.05"})
                assert (taken.ok, taken.via) == (True, "python")
                assert (await desk.do(BotPause("b"))).verb == "bot.pause"
                assert await desk.status() == a_status()
                assert await desk.orders(bot="b") == [{"client_id": "c"}]
                for rows in (desk.fills, desk.positions, desk.decisions, desk.notes):
                    assert await rows() == []
                assert await desk.backup("/b") == "/b/copy.journal"
                assert await desk.reload() == "1 bot added, none removed"
                await desk.ping()
                assert [entry.seq async for entry in desk.tail(after=3)] == [4, 5]
                assert [entry.record async for entry in desk.tail(after=4)] == [Noted("info", "note 5")]
                assert [event async for event in desk.tap("Tick")] == [Tick()]
                assert port.asked[0] == ("orders", {"bot": "b"})

    asyncio.run(run())


def test_a_program_that_serves_people_says_for_whom_it_asks() -> None:
    port = FakePort()

    async def run() -> None:
        with short_folder() as folder:
            async with a_gate(port, folder / "main.sock"):
                async with client.connect(folder, via="web", of="ann") as desk:
                    await desk.command("desk.kill", why="lunch")
                    await desk.do(BotPause("b"), of="bob")
                    with pytest.raises(Refused, match="of"):
                        await desk.command("desk.kill", of="bob:root")
                async with client.connect(folder) as desk:
                    await desk.command("desk.kill")

    asyncio.run(run())
    user = getpass.getuser()
    assert [command.actor for command in port.commands] == [f"{user}:ann", f"{user}:bob", user]


def test_an_errand_is_asked_for_by_a_person_and_waited_for(tmp_path: Path) -> None:
    """Asked again under its id, even after it has ended, it answers the same and is not done again."""
    port = FakePort()

    async def run() -> None:
        with short_folder() as folder:
            async with a_gate(port, folder / "main.sock"), client.connect(folder, of="ann") as desk:
                for _ in range(2):
                    assert await desk.backup("/b", command_id="errand-1") == "/b/copy.journal"
                assert await desk.reload(of="bob") == "1 bot added, none removed"
                port.wrong = ValueError("/b exists already")
                with pytest.raises(Refused, match="/b exists already"):
                    await desk.backup("/b")

    asyncio.run(run())
    asked = [(c.verb, c.actor.partition(":")[2]) for c in port.commands]
    assert asked == [("desk.backup", "ann")] * 2 + [("desk.reload", "bob"), ("desk.backup", "ann")]


def test_requests_side_by_side_find_their_own_answers() -> None:
    port = FakePort()

    async def run() -> None:
        with short_folder() as folder:
            async with a_gate(port, folder / "s.sock"), client.connect(folder / "s.sock") as desk:
                ids = [f"command-{n}" for n in range(10)]
                taken = await asyncio.gather(*(desk.command("desk.kill", command_id=one) for one in ids))
                assert [one.command_id for one in taken] == ids

    asyncio.run(run())


def test_errors_have_types_and_sentences() -> None:
    port = FakePort()
    port.answer = (False, "there is no bot `b`")

    async def run() -> None:
        with short_folder() as folder:
            async with a_gate(port, folder / "main.sock"), client.connect(folder) as desk:
                with pytest.raises(Refused, match="there is no bot `b`") as refused:
                    await desk.command("bot.pause", name="b")
                assert refused.value.taken is not None
                with pytest.raises(Refused, match=r"did you mean `bot\.pause`") as refused:
                    await desk.command("bot.puase", name="b")
                assert (refused.value.fault, refused.value.taken) == ("usage", None)
                with pytest.raises(Refused, match="nothing called `tea`"):
                    await desk.read("tea")
                with pytest.raises(Refused, match="Tick is not a command"):
                    await desk.do(Tick())
                with pytest.raises(Refused, match="the desk takes 262144"):
                    await desk.command("desk.kill", why="x" * 300_000)
                await desk.ping()

    asyncio.run(run())


def test_nobody_there_is_desk_away() -> None:
    async def run() -> None:
        with short_folder() as folder:
            with pytest.raises(DeskAway, match=r"no desk is running here .* start it with: kedge up"):
                async with client.connect(folder):
                    raise AssertionError("connected to nobody")
            async with a_gate(AwayPort(), folder / "main.sock"), client.connect(folder) as desk:
                with pytest.raises(DeskAway, match="the desk is stopping") as away:
                    await desk.command("desk.kill", command_id="my-own-id")
                assert away.value.command_id == "my-own-id"

    asyncio.run(run())


class BreakingDesk:
    """Takes a command, does it, and hangs up before answering, `breaks` times."""

    def __init__(self, breaks: int) -> None:
        self.breaks, self.heard, self.done = breaks, [], {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames.read_hello(await reader.readline())
        writer.write(frames.pack(Welcome(frames.PROTOCOL, "main", "0", "me")))
        while line := await reader.readline():
            request = frames.read_request(line)
            assert isinstance(request, frames.Do)
            self.heard.append(request.command_id)
            taken = CommandTaken(request.command_id, "me", "python", request.verb, request.args, True, "done")
            self.done.setdefault(request.command_id, taken)
            if self.breaks:
                self.breaks -= 1
                break
            writer.write(frames.pack(Answer(request.id, frames.to_raw(self.done[request.command_id]))))
        writer.close()


def with_breaking_desk(breaks: int) -> tuple[BreakingDesk, CommandTaken | DeskAway]:
    fake = BreakingDesk(breaks)

    async def run() -> CommandTaken | DeskAway:
        with short_folder() as folder:
            server = await asyncio.start_unix_server(fake.serve, str(folder / "main.sock"))
            desk = Desk(folder / "main.sock", "python")
            try:
                return await desk.command("desk.kill")
            except DeskAway as away:
                return away
            finally:
                await desk.close()
                server.close()

    return fake, asyncio.run(run())


def test_a_broken_line_asks_again_under_the_same_id_and_the_deed_is_done_once() -> None:
    fake, taken = with_breaking_desk(2)
    assert isinstance(taken, CommandTaken)
    assert fake.heard == [taken.command_id] * 3
    assert list(fake.done) == [taken.command_id]


def test_a_line_that_stays_broken_gives_back_the_id_to_ask_with_later() -> None:
    fake, away = with_breaking_desk(99)
    assert isinstance(away, DeskAway)
    assert fake.heard == [away.command_id] * client.ASKS_MAX


def test_every_command_has_its_own_id() -> None:
    assert len({client.new_command_id() for _ in range(100)}) == 100


def test_a_desk_that_closes_wakes_who_waits() -> None:
    port = FakePort()

    async def run() -> None:
        port.hold = asyncio.Event()
        with short_folder() as folder:
            async with a_gate(port, folder / "main.sock"):
                desk = Desk(folder / "main.sock", "python")
                waiting = asyncio.create_task(desk.command("desk.kill"))
                await port.heard.wait()
            with pytest.raises(DeskAway):
                await waiting
            await desk.close()
            port.hold.set()

    asyncio.run(run())


def test_where_a_desk_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_HOME", "/h")
    assert client.socket_of(None) == Path("/h/main.sock")
    assert client.socket_of("/x/y.sock") == Path("/x/y.sock")
    (tmp_path / "kedge.toml").write_text('[desk]\ncell = "two"\n')
    assert client.socket_of(tmp_path) == tmp_path / "two.sock"
    (tmp_path / "kedge.toml").write_text("broken")
    with pytest.raises(SettingsWrong):
        client.socket_of(tmp_path)
    (tmp_path / "three.sock").touch()
    assert client.socket_of(tmp_path) == tmp_path / "three.sock"
