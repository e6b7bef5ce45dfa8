"""The gate over a real unix socket and a fake engine: what it answers, what it bounds, whom it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from fake_port import AwayPort, FakePort, a_gate, short_folder

from kedge.model import frames
from kedge.runtime import gate_unix
from kedge.runtime.gate_unix import GateShut, peer_uid, user_name
from kedge.settings import GateSettings

HELLO = {"type": "Hello", "protocol": frames.PROTOCOL, "via": "test"}
ID = "0123456789abcdef"


class Caller:
    """A plain socket that speaks lines, so that nothing of the client hides a fault of the gate."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def raw(self, line: bytes) -> None:
        self.writer.write(line)

    def say(self, **frame: Any) -> None:
        self.raw(json.dumps(frame).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.reader.readline(), 10)
        return json.loads(line) if line else {"type": "EOF"}

    async def ask(self, **frame: Any) -> dict[str, Any]:
        self.say(**frame)
        return await self.hear()

    async def to_the_end(self) -> list[dict[str, Any]]:
        said = []
        while (frame := await self.hear())["type"] != "EOF":
            said.append(frame)
        return said


@contextlib.asynccontextmanager
async def calling(path: Path, hello: bool = True) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 26)
    caller = Caller(reader, writer)
    if hello:
        assert (await caller.ask(**HELLO))["type"] == "Welcome"
    try:
        yield caller
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


Body = Callable[[Path, FakePort], Coroutine[Any, Any, None]]


def at_the_gate(
    body: Body,
    port: FakePort | None = None,
    bounds: GateSettings | None = None,
    bugs: list[BaseException] | None = None,
) -> FakePort:
    port = port or FakePort()

    async def run() -> None:
        with short_folder() as folder:
            async with a_gate(port, folder / "main.sock", bounds, bugs):
                await body(folder / "main.sock", port)

    asyncio.run(run())
    return port


def test_a_command_gets_its_actor_from_the_kernel_and_its_via_from_the_hello() -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            said = await caller.ask(type="Do", id=1, command_id=ID, verb="desk.kill", args={"why": "lunch"})
            assert said["type"] == "Answer"
            assert said["id"] == 1
            assert said["result"]["ok"] is True

    command = at_the_gate(body).commands[0]
    assert (command.actor, command.via, command.verb) == (getpass.getuser(), "test", "desk.kill")
    assert json.loads(bytes(command.args)) == {"why": "lunch"}


def test_a_program_says_for_whom_it_speaks_but_never_instead_of_whom() -> None:
    """The kernel's name stays in front; what cannot be a person is refused before the engine hears of it."""

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            ask = {"type": "Do", "verb": "desk.kill"}
            said = await caller.ask(id=1, command_id=ID, of="ann+desk@example.org", **ask)
            assert said["result"]["ok"] is True
            for number, wrong in enumerate(("root:ann", "a b", "ann\n", "é", "x" * 65), 2):
                said = await caller.ask(id=number, command_id=ID + str(number), of=wrong, **ask)
                assert (said["type"], said["fault"]) == ("Failed", "malformed")
                assert "of" in said["says"]

    (command,) = at_the_gate(body).commands
    assert command.actor == f"{getpass.getuser()}:ann+desk@example.org"


def test_the_socket_is_its_owners_alone_and_goes_with_the_gate() -> None:
    paths: list[Path] = []

    async def body(path: Path, port: FakePort) -> None:
        paths.append(path)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_ISSOCK(os.stat(path).st_mode)

    at_the_gate(body)
    assert not paths[0].exists()


def test_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_unix, "peer_uid", lambda peer: 65533)

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path, hello=False) as caller:
            said = await caller.to_the_end()
            assert [frame["fault"] for frame in said] == ["denied"]
            assert "uid-65533 may not speak to it" in said[0]["says"]

    at_the_gate(body)


def test_the_peer_is_ourselves() -> None:
    import socket

    one, two = socket.socketpair()
    assert peer_uid(one) == os.getuid()
    one.close()
    two.close()
    assert user_name(999_999_999) == "uid-999999999"


@pytest.mark.parametrize(
    ("line", "fault", "words"),
    [
        (b"GET / HTTP/1.1\r\n", "malformed", "the first line must be a Hello"),
        (b'{"type":"Hello","protocol":99,"via":"test"}\n', "protocol", "speaks protocol 1, the caller 99"),
        (b'{"type":"Hello","protocol":1,"via":"<b>"}\n', "malformed", "via"),
        (b'{"type":"Ping","id":1}\n', "malformed", "Hello"),
    ],
)
def test_who_does_not_greet_properly_is_told_and_left(line: bytes, fault: str, words: str) -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path, hello=False) as caller:
            caller.raw(line)
            said = await caller.to_the_end()
            assert [frame["fault"] for frame in said] == [fault]
            assert words in said[0]["says"]

    at_the_gate(body)


def test_who_says_nothing_is_left() -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path, hello=False) as caller:
            assert [frame["fault"] for frame in await caller.to_the_end()] == ["protocol"]

    at_the_gate(body, bounds=GateSettings(hello_s=1e-9))


@pytest.mark.parametrize(
    ("line", "here", "words"),
    [
        (b"nonsense\n", 0, "cannot be read"),
        (b"\xff\xfe\n", 0, "cannot be read"),
        (b"{}\n", 0, "has no `type`"),
        (b'{"type":"Dance","id":7}\n', 7, "there is no such request"),
        (b'{"type":"Do","id":7}\n', 7, "`command_id` is missing"),
        (b'{"type":"Do","id":-7}\n', 0, "`id` must be a whole number, at least 1"),
        (b'{"type":"Tail","id":7,"after":"x"}\n', 7, "`after` must be a whole number, not text"),
        (
            b'{"type":"Read","id":7,"what":"x","args":' + b'{"a":' * 20000 + b"1" + b"}" * 20000 + b"}\n",
            0,
            "nested",
        ),
    ],
)
def test_a_malformed_line_gets_one_clear_answer_and_the_talk_goes_on(
    line: bytes, here: int, words: str
) -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            caller.raw(line)
            said = await caller.hear()
            assert (said["type"], said["fault"], said["id"]) == ("Failed", "malformed", here)
            assert words in said["says"]
            assert (await caller.ask(type="Ping", id=1))["result"] == "pong"

    at_the_gate(body)


def test_a_line_without_end_is_cut_off() -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            caller.raw(b"x" * (frames.REQUEST_BYTES_MAX * 3))
            said = await caller.hear()
            assert said["type"] == "Dropped"
            assert "at most 262144 bytes" in said["says"]

    at_the_gate(body)


@pytest.mark.parametrize(
    ("verb", "args", "words"),
    [
        ("bot.pasue", {}, "there is no command `bot.pasue`; did you mean `bot.pause`?"),
        ("bot.pause", {}, "bot.pause: `name` is missing"),
        ("bot.pause", {"nam": "x", "name": "x"}, "there is no parameter `nam`; did you mean `name`?"),
        ("bot.pause", {"name": 5}, "`name` must be text, not a number"),
        ("order.resolve", {"client_id": "x", "fate": "gone"}, "it must be absent or cancelled"),
    ],
)
def test_a_wrong_command_is_a_sentence_and_never_reaches_the_engine(
    verb: str, args: object, words: str
) -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            said = await caller.ask(type="Do", id=1, command_id=ID, verb=verb, args=args)
            assert said["fault"] == "usage"
            assert words in said["says"]

    assert at_the_gate(body).commands == []


def test_reads_status_reload_backup_and_their_refusals() -> None:
    port = FakePort()
    port.rows["orders"] = [{"client_id": "c1"}]

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            said = await caller.ask(type="Read", id=1, what="orders", args={"bot": "b"})
            assert said["result"] == [{"client_id": "c1"}]
            assert port.asked == [("orders", {"bot": "b"})]
            said = await caller.ask(type="Read", id=2, what="oders")
            assert (said["fault"], said["says"]) == ("usage", "there is nothing called `oders` to read")
            assert (await caller.ask(type="Status", id=3))["result"]["cell"] == "main"
            said = await caller.ask(type="Backup", id=5, target="/b")
            assert (said["fault"], said["id"]) == ("malformed", 5)
            assert "there is no such request" in said["says"]

    at_the_gate(body, port)


def test_an_answer_that_is_too_long_is_refused_and_the_talk_goes_on() -> None:
    port = FakePort()
    port.rows["orders"] = "x" * frames.LINE_BYTES_MAX

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            said = await caller.ask(type="Read", id=1, what="orders")
            assert (said["fault"], said["says"]) == ("refused", "the answer is too long; ask for less")
            assert (await caller.ask(type="Ping", id=2))["result"] == "pong"

    at_the_gate(body, port)


def test_an_engine_that_is_away_refuses_in_one_sentence() -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            said = await caller.ask(type="Do", id=1, command_id=ID, verb="desk.kill")
            assert (said["fault"], said["says"]) == ("away", "the desk is stopping")

    at_the_gate(body, AwayPort())


def test_a_bug_behind_the_gate_is_answered_and_handed_to_the_supervisor() -> None:
    bugs: list[BaseException] = []
    port = FakePort()
    port.wrong = KeyError("boom")

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            for number, frame in enumerate(({"type": "Status"}, {"type": "Read", "what": "x"}), 1):
                said = await caller.ask(id=number, **frame)
                assert said["fault"] == "bug"
            said = await caller.ask(type="Do", id=9, command_id=ID, verb="desk.kill")
            assert said["fault"] == "bug"
            port.wrong = None
            assert (await caller.ask(type="Ping", id=10))["result"] == "pong"

    at_the_gate(body, port, bugs=bugs)
    assert [type(bug) for bug in bugs] == [KeyError] * 3


def test_requests_in_flight_are_bounded_and_ids_are_not_shared() -> None:
    port = FakePort()

    async def body(path: Path, port: FakePort) -> None:
        port.hold = asyncio.Event()
        async with calling(path) as caller:
            caller.say(type="Do", id=1, command_id=ID + "1", verb="desk.kill")
            caller.say(type="Do", id=2, command_id=ID + "2", verb="desk.kill")
            said = await caller.ask(type="Do", id=1, command_id=ID + "3", verb="desk.kill")
            assert (said["fault"], said["says"]) == (
                "busy",
                "request 1 is still being worked on; use a new id",
            )
            said = await caller.ask(type="Ping", id=3)
            assert (said["fault"], said["id"]) == ("busy", 3)
            port.hold.set()
            assert sorted([(await caller.hear())["id"], (await caller.hear())["id"]]) == [1, 2]
            assert (await caller.ask(type="Ping", id=3))["result"] == "pong"

    at_the_gate(body, port, GateSettings(requests_max=2))


def test_callers_are_bounded() -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path), calling(path, hello=False) as second:
            said = await second.to_the_end()
            assert [frame["fault"] for frame in said] == ["busy"]
            assert "already talks with 1 callers" in said[0]["says"]

    at_the_gate(body, bounds=GateSettings(clients_max=1))


def test_a_command_outlives_its_caller() -> None:
    port = FakePort()

    async def body(path: Path, port: FakePort) -> None:
        port.hold = asyncio.Event()
        async with calling(path) as caller:
            caller.say(type="Do", id=1, command_id=ID, verb="desk.kill")
            await port.heard.wait()
        async with calling(path) as caller:
            port.hold.set()
            said = await caller.ask(type="Do", id=1, command_id=ID, verb="desk.kill")
            assert said["result"]["command_id"] == ID

    at_the_gate(body, port)
    assert len(port.commands) == 2
    assert list(port.taken) == [ID]


def test_a_tail_starts_where_asked_and_can_be_stopped() -> None:
    port = FakePort()
    port.live = True

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            caller.say(type="Tail", id=5, after=3)
            first = [await caller.hear() for _ in range(3)]
            assert [(frame["type"], frame["id"], frame["entry"][0]) for frame in first] == [
                ("Line", 5, 4),
                ("Line", 5, 5),
                ("Line", 5, 99),
            ]
            said = await caller.ask(type="Stop", id=6, stream=5)
            while said["type"] == "Line":
                said = await caller.hear()
            assert (said["type"], said["id"]) == ("Ended", 5)
            assert (await caller.hear())["id"] == 6
            assert (await caller.ask(type="Stop", id=7, stream=5))["fault"] == "usage"

    at_the_gate(body, port)
    assert port.entries_closed == 1


def test_a_tap_shows_the_kinds_asked_for_and_says_when_it_ends() -> None:
    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            caller.say(type="Tap", id=1, kinds=["Tick"])
            said = await caller.hear()
            assert (said["type"], said["event"]) == ("Seen", {"type": "Tick"})
            assert (await caller.hear())["type"] == "Ended"

    at_the_gate(body)


def test_streams_are_bounded() -> None:
    port = FakePort()
    port.live, port.journal = True, []

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            caller.say(type="Tail", id=1)
            said = await caller.ask(type="Tail", id=2)
            while said["type"] == "Line":
                said = await caller.hear()
            assert (said["fault"], said["id"]) == ("busy", 2)

    at_the_gate(body, port, GateSettings(streams_max=1))


def test_a_reader_who_does_not_read_is_told_and_dropped_and_others_are_served() -> None:
    """The engine's side never waits: the live stream is cut, its iterator is closed at once."""
    port = FakePort()
    port.live, port.big = True, "x" * 10_000

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as slow, calling(path) as other:
            slow.writer.transport.pause_reading()
            slow.say(type="Tail", id=1)
            while not port.entries_closed:
                assert (await other.ask(type="Ping", id=1))["result"] == "pong"
            slow.writer.transport.resume_reading()
            said = await slow.to_the_end()
            assert said[-1]["type"] == "Dropped"
            assert "you read too slowly" in said[-1]["says"]

    at_the_gate(body, port, GateSettings(slow_s=0, queue_lines_max=4, farewell_s=10))


def test_a_steady_reader_of_a_long_history_is_never_dropped() -> None:
    port = FakePort()
    port.journal = [port.journal[0]] * 20_000

    async def body(path: Path, port: FakePort) -> None:
        async with calling(path) as caller:
            caller.say(type="Tail", id=1)
            lines = 0
            while (await caller.hear())["type"] == "Line":
                lines += 1
            assert lines == 20_000

    at_the_gate(body, port, GateSettings(queue_lines_max=8))


def test_closing_tells_everyone() -> None:
    async def run() -> None:
        with short_folder() as folder:
            async with contextlib.AsyncExitStack() as stack:
                async with a_gate(FakePort(), folder / "s"):
                    caller = await stack.enter_async_context(calling(folder / "s"))
                said = await caller.to_the_end()
                assert [(frame["type"], frame["says"]) for frame in said] == [
                    ("Dropped", "the desk is stopping")
                ]

    asyncio.run(run())


def test_a_dead_engines_socket_is_replaced_a_living_ones_is_not() -> None:
    async def run() -> None:
        with short_folder() as folder:
            path = folder / "main.sock"
            import socket

            dead = socket.socket(socket.AF_UNIX)
            dead.bind(str(path))
            dead.close()
            async with a_gate(FakePort(), path):
                with pytest.raises(GateShut, match="another engine answers"):
                    async with a_gate(FakePort(), path):
                        raise AssertionError("two engines at one door")
            path.write_text("precious")
            with pytest.raises(GateShut, match="is in the way"):
                async with a_gate(FakePort(), path):
                    raise AssertionError("a file was taken for a socket")
            assert path.read_text() == "precious"

    asyncio.run(run())


def test_a_name_too_long_and_a_missing_folder_are_sentences() -> None:
    async def run(path: Path) -> None:
        async with a_gate(FakePort(), path):
            raise AssertionError("it opened")

    with pytest.raises(GateShut, match="choose a shorter home"):
        asyncio.run(run(Path("/tmp") / ("x" * 120)))
    with pytest.raises(GateShut, match="cannot be made"):
        asyncio.run(run(Path("/nowhere/main.sock")))
