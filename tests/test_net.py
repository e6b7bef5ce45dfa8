"""Lines between processes: in order, bounded, and cut in every way a wire can be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kedge.sim.loop import Deadlock, StormLoop
from kedge.sim.net import INBOX_MAX, Line, LineCut, LineRefused, NetWeather, SimNet
from kedge.sim.process import Process
from kedge.sim.tape import Tape

SECOND_NS = 1_000_000_000


class World:
    """A client and a venue that repeats what it hears."""

    def __init__(self, seed: int = 1, forced: dict[str, list[int | None]] | None = None) -> None:
        self.tape = Tape(seed, forced=forced)
        self.loop = StormLoop(self.tape)
        self.net = SimNet(self.loop, self.tape)
        self.venue, self.client = self.loop.process("venue"), self.loop.process("client")
        self.heard: list[bytes] = []
        self.ends: list[str] = []
        self.net.listen("venue", self.venue, self.echo)

    async def echo(self, line: Line) -> None:
        try:
            while (message := await line.receive()) is not None:
                self.heard.append(message)
                await line.send(b"echo " + message)
            self.ends.append("closed")
        except LineCut:
            self.ends.append("cut")

    def run(self, main: Any, process: Process | None = None) -> Any:
        return self.loop.run_until_complete(self.loop.spawn(process or self.client, main))

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        complaints = self.loop.complaints
        self.loop.bury()
        assert complaints == []


@pytest.mark.parametrize("seed", range(10))
def test_messages_arrive_whole_in_order_and_once(seed: int) -> None:
    async def main() -> list[bytes | None]:
        line = await world.net.connect("venue")
        for number in range(50):
            await line.send(b"%d" % number)
        answers = [await line.receive() for _ in range(50)]
        await line.send(b"last words")
        line.close()
        return answers

    with World(seed) as world:
        assert world.run(main()) == [b"echo %d" % number for number in range(50)]
        world.loop.run_for(SECOND_NS)
        assert world.heard == [b"%d" % number for number in range(50)] + [b"last words"]
        # It answers the last words to a line that is closed, and learns of it.
        assert world.ends in (["closed"], ["cut"])


def test_the_same_seed_carries_the_same_way() -> None:
    async def main(world: World) -> int:
        line = await world.net.connect("venue")
        for _ in range(10):
            await line.send(b"x")
            await line.receive()
        return world.loop.now_ns

    def once(seed: int) -> int:
        with World(seed) as world:
            took: int = world.run(main(world))
            return took

    assert once(1) == once(1) != once(2)


def test_nobody_there_is_a_refusal() -> None:
    async def connect(name: str) -> None:
        with pytest.raises(LineRefused, match=name):
            await world.net.connect(name)

    with World() as world:
        world.run(connect("nowhere"))
        world.loop.kill(world.venue)
        world.run(connect("venue"))


@pytest.mark.parametrize(("goodbye", "hears"), [(0, "cut"), (1, "silence")])
def test_a_killed_process_says_goodbye_or_not(goodbye: int, hears: str) -> None:
    async def main() -> str:
        line = await world.net.connect("venue")
        await line.send(b"x")
        assert await line.receive() == b"echo x"
        world.loop.kill(world.venue)
        await line.send(b"into the dark")
        try:
            async with asyncio.timeout(3600):
                await line.receive()
        except LineCut:
            return "cut"
        except TimeoutError:
            return "silence"
        return "an answer"

    with World(forced={"net.goodbye": [goodbye]}) as world:
        assert world.run(main()) == hears
        assert world.heard == [b"x"]


def test_a_cut_is_learnt_at_both_ends() -> None:
    async def main() -> None:
        line = await world.net.connect("venue")
        await line.send(b"x")
        await line.receive()
        world.net.cut(line)
        with pytest.raises(LineCut, match="was cut"):
            await line.receive()
        with pytest.raises(LineCut, match="is closed"):
            await line.send(b"y")

    with World() as world:
        world.run(main())
        world.loop.run_for(SECOND_NS)
        assert world.ends == ["cut"]


def test_a_half_open_line_is_silent() -> None:
    async def main() -> None:
        line = await world.net.connect("venue")
        world.net.lose(line)
        for _ in range(2 * INBOX_MAX):
            await line.send(b"x")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.receive(), 3600)
        line.close()

    with World() as world:
        world.run(main())
        world.loop.run_for(SECOND_NS)
        assert (world.heard, world.ends) == ([], [])


def test_a_partition_holds_messages_and_refuses_connections() -> None:
    async def main() -> None:
        line = await world.net.connect("venue")
        await line.send(b"before")
        world.net.part("venue", "client")
        await line.send(b"during")
        line.close()
        started = world.loop.now_ns
        with pytest.raises(LineRefused, match="no answer"):
            await world.net.connect("venue")
        assert world.loop.now_ns - started >= NetWeather().connect_timeout_ns
        assert world.heard == []
        world.net.heal()
        (await world.net.connect("venue")).close()

    with World() as world:
        world.run(main())
        world.loop.run_for(SECOND_NS)
        assert world.heard == [b"before", b"during"]


def test_a_full_inbox_stops_the_sender() -> None:
    async def deaf(line: Line) -> None:
        await asyncio.sleep(100)
        while await line.receive() is not None:
            pass

    async def main() -> float:
        line = await world.net.connect("deaf")
        for _ in range(INBOX_MAX):
            await line.send(b"x")
        assert world.loop.now_ns < SECOND_NS
        await line.send(b"one more")
        line.close()
        return world.loop.time()

    with World() as world:
        world.net.listen("deaf", world.venue, deaf)
        assert world.run(main()) > 100


def test_waiting_for_a_message_that_cannot_come_is_a_deadlock() -> None:
    async def main() -> None:
        line = await world.net.connect("venue")
        await line.receive()

    with World() as world, pytest.raises(Deadlock, match="in receive"):
        world.run(main())


def test_those_who_make_the_weather_find_the_lines() -> None:
    async def main() -> None:
        line = await world.net.connect("venue")
        await line.send(b"x")
        await line.receive()
        assert world.net.lines_of("client") == [line]
        assert len(world.net.lines_of("venue")) == 1
        line.close()
        assert world.net.lines_of("client") == []

    with World() as world:
        world.run(main())
