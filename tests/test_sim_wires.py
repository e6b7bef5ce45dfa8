"""The net in memory: order within a line, every fate of a request and a frame, and who is told of an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from venue_kit import BASE, HOST, SECOND_NS, URL, ToyEars, ToyNet, now_s, run

from kedge.sim.loop import StormLoop
from kedge.sim.tape import Marks, Tape
from kedge.sim.testnet.web import Reply
from kedge.storm.wires import KINDS, Calm, FrameFate, HttpFate, Rough, SimWires, SocketFate, Way
from kedge.venues.wires import HttpAsk, HttpSaid, Mouth, NoReply

ASK = HttpAsk("POST", "/order?a=%2B", (("X-KEY", "k"),), b"{}")


class Fated(Calm):
    """Fair weather, but for what is written here."""

    def __init__(
        self,
        http: HttpFate = "fair",
        socket: SocketFate = "fair",
        frames: dict[bytes, FrameFate] | None = None,
    ) -> None:
        self.http, self.socket_, self.frames = http, socket, frames or {}
        self.joined = False

    def exchange(self, host: str, ask: HttpAsk) -> HttpFate:
        return self.http

    def opening(self, url: str) -> SocketFate:
        return self.socket_

    def frame(self, url: str, way: Way, frame: bytes) -> FrameFate:
        return self.frames.get(frame, "fair")

    def together(self) -> bool:
        return self.joined


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fate", "said", "deeds"),
    [
        ("fair", HttpSaid(200, {}, b"ok"), 1),
        ("refused", NoReply("cannot connect: connection refused", unsent=True), 0),
        ("lost", NoReply("no answer within 3 s"), 0),
        ("reset", NoReply("the connection was closed before the answer"), 0),
        ("busy", HttpSaid(503, {}, b"Service Unavailable"), 0),
        ("failed", HttpSaid(502, {}, b"Bad Gateway"), 1),
        ("unheard", NoReply("the connection was closed before the answer"), 1),
        ("late", NoReply("no answer within 3 s"), 1),
    ],
)
def test_every_fate_of_a_request(fate: HttpFate, said: HttpSaid | NoReply, deeds: int) -> None:
    net = ToyNet()

    async def main() -> None:
        wires = SimWires({HOST: net}, Fated(http=fate))
        assert await wires.http(BASE, ASK, 3) == said
        await asyncio.sleep(60)
        assert len(net.requests) == deeds

    run(main())


def test_a_request_arrives_as_it_was_sent() -> None:
    net = ToyNet()
    net.reply = lambda request: Reply(418, b"tea", {"X-Left": "3"})

    async def main() -> None:
        said = await SimWires({HOST: net}).http(BASE, ASK, 3)
        assert said == HttpSaid(418, {"x-left": "3"}, b"tea")
        request = net.requests[0]
        assert (request.method, request.path, request.query, request.body) == (
            "POST",
            "/order",
            "a=%2B",
            b"{}",
        )
        assert request.headers == {"x-key": "k"}
        nobody = await SimWires({HOST: net}).http("https://elsewhere", ASK, 3)
        assert nobody == NoReply("cannot connect: connection refused", unsent=True)

    run(main())


# ── WebSocket ───────────────────────────────────────────────────────────────────────────────────


async def opened(wires: SimWires, ears: ToyEars) -> Mouth:
    mouth = await wires.socket(URL, ears, 3)
    assert not isinstance(mouth, NoReply)
    return mouth


def test_a_line_has_its_order_and_one_end() -> None:
    net = ToyNet()
    net.greeting = [b"hello", b"there"]

    async def main() -> None:
        ears = ToyEars()
        wires = SimWires({HOST: net})
        mouth = await opened(wires, ears)
        for number in range(20):
            assert mouth.say(b"ask %d" % number)
        assert mouth.say(b"end")
        await asyncio.sleep(1)
        frames = [one for one in ears.log if one != "|"]
        answers = [f"answer {number}" for number in range(20)]
        assert frames == ["hello", "there", *answers, "ended: closed by the venue (1001 good night)"]
        assert not mouth.say(b"more")
        mouth.close()
        assert net.visitor.is_gone == 1
        assert wires.sockets == {}

    run(main())


def test_order_holds_whatever_the_delays_and_the_schedule_are() -> None:
    async def main(tape: Tape) -> None:
        net, ears = ToyNet(), ToyEars()
        mouth = await opened(SimWires({HOST: net}, Rough(tape, {"frame.slow": 200})), ears)
        for number in range(50):
            mouth.say(b"ask %d" % number)
            await asyncio.sleep(0.001 * (number % 3))
        await asyncio.sleep(3_600)
        assert [one for one in ears.log if one != "|"] == [f"answer {number}" for number in range(50)]

    for seed in range(20):
        tape = Tape(seed)
        run(main(tape), tape)


def test_lines_overtake_each_other() -> None:
    async def main() -> list[str]:
        tape = Tape(3)
        wires = SimWires({HOST: ToyNet()}, Rough(tape, {}))
        one, other = ToyEars(), ToyEars()
        other.log = one.log
        mouths = [await opened(wires, one), await opened(wires, other)]
        for number in range(20):
            mouths[number % 2].say(b"ask %d" % number)
        await asyncio.sleep(1)
        return [line for line in one.log if line != "|"]

    answers = run(main())
    assert sorted(answers) == sorted(f"answer {number}" for number in range(20))
    assert answers != [f"answer {number}" for number in range(20)]


@pytest.mark.parametrize(
    ("fates", "heard"),
    [
        ({b"answer 2": "dropped"}, ["answer 1", "answer 3"]),
        ({b"ask 2": "dropped"}, ["answer 1", "answer 3"]),
        ({b"answer 2": "doubled"}, ["answer 1", "answer 2", "answer 2", "answer 3"]),
        ({b"answer 1": "slow"}, ["answer 1", "answer 2", "answer 3"]),
        ({b"answer 1": "half_open"}, []),
        ({b"ask 1": "half_open"}, []),
    ],
)
def test_every_fate_of_a_frame(fates: dict[bytes, FrameFate], heard: list[str]) -> None:
    net = ToyNet()

    async def main() -> None:
        ears = ToyEars()
        mouth = await opened(SimWires({HOST: net}, Fated(frames=fates)), ears)
        for number in (1, 2, 3):
            mouth.say(b"ask %d" % number)
            await asyncio.sleep(1)
        await asyncio.sleep(100)
        assert [one for one in ears.log if one != "|"] == heard

    run(main())


def test_a_cut_is_told_to_both_and_loses_what_was_on_its_way() -> None:
    net = ToyNet()

    async def main() -> None:
        ears = ToyEars()
        mouth = await opened(SimWires({HOST: net}, Fated(frames={b"answer 2": "cut"})), ears)
        for number in (1, 2, 3):
            mouth.say(b"ask %d" % number)
        await asyncio.sleep(1)
        assert [one for one in ears.log if one != "|"] == ["ended: the connection was lost"]
        assert net.visitor.is_gone == 1
        assert not mouth.say(b"ask 4")

    run(main())


def test_a_half_open_line_is_told_to_nobody_until_a_ping_is_not_answered() -> None:
    net = ToyNet()

    async def main() -> None:
        ears = ToyEars()
        wires = SimWires({HOST: net}, Fated(frames={b"ask 1": "half_open"}))
        mouth = await opened(wires, ears)
        ears.log.clear()
        assert mouth.say(b"ask 1")
        await asyncio.sleep(30)
        assert ears.log == []
        began_s = now_s()
        for _ in range(4):
            mouth.ping()
            await asyncio.sleep(4)
        assert ears.log == ["ended: no pong within 10 s"]
        assert now_s() - began_s < 20
        assert net.visitor.is_gone == 0
        await asyncio.sleep(1_000)
        assert net.visitor.is_gone == 1

    run(main())


def test_pings_are_answered_on_both_sides() -> None:
    net = ToyNet()

    async def main() -> None:
        ears = ToyEars()
        mouth = await opened(SimWires({HOST: net}), ears)
        mouth.ping()
        net.visitor.line.ping(b"are you there")
        await asyncio.sleep(60)
        assert net.visitor.pings == [b""]
        assert net.visitor.pongs == [b"are you there"]
        assert "ended" not in "".join(ears.log)

    run(main())


def test_frames_may_be_read_together() -> None:
    net, weather = ToyNet(), Fated()
    weather.joined = True

    async def main() -> None:
        ears = ToyEars()
        mouth = await opened(SimWires({HOST: net}, weather), ears)
        ears.log.clear()
        for number in (1, 2, 3):
            mouth.say(b"ask %d" % number)
        await asyncio.sleep(1)
        assert ears.log == ["answer 1", "answer 2", "answer 3", "|"]

    run(main())


def test_a_refusal_has_its_text_and_nobody_answers_for_ever() -> None:
    net = ToyNet()
    net.shut = Reply(429, b"too many")

    async def main() -> None:
        said = await SimWires({HOST: net}).socket(URL, ToyEars(), 3)
        assert said == NoReply("no WebSocket: HTTP 429: too many", unsent=True)
        said = await SimWires({HOST: net}, Fated(socket="unanswered")).socket(URL, ToyEars(), 3)
        assert said == NoReply("no connection within 3 s", unsent=True)
        said = await SimWires({HOST: net}, Fated(socket="refused")).socket(URL, ToyEars(), 3)
        assert isinstance(said, NoReply)

    run(main())


class Slow(Calm):
    def delay_ns(self, way: Way) -> int:
        return 2 * SECOND_NS


def test_a_handshake_that_comes_too_late_is_closed_again() -> None:
    net = ToyNet()

    async def main() -> None:
        ears = ToyEars()
        wires = SimWires({HOST: net}, Slow())
        assert isinstance(await wires.socket(URL, ears, 3), NoReply)
        await asyncio.sleep(60)
        assert ears.log == []
        assert net.visitor.is_gone == 1
        assert wires.sockets == {}

    run(main())


# ── processes ───────────────────────────────────────────────────────────────────────────────────


def posts(loop: StormLoop, wires_of: Callable[..., SimWires], net: ToyNet) -> None:
    engine, venue = loop.process("engine"), loop.process("venue")
    wires = wires_of(
        {HOST: net},
        None,
        lambda after_ns, do: loop.post(engine, do, delay_ns=after_ns),
        lambda after_ns, do: loop.post(venue, do, delay_ns=after_ns),
    )

    async def trade() -> None:
        assert not isinstance(await wires.socket(URL, ToyEars(), 3), NoReply)
        await wires.http(BASE, ASK, 3)
        raise AssertionError("the answer reached a dead engine")

    loop.spawn(engine, trade())
    loop.run_until(lambda: len(wires.sockets) == 1)
    loop.run_for(3_500_000)  # the socket is open, and the request on its way
    loop.kill(engine)
    loop.run_for(SECOND_NS)
    assert [request.path for request in net.requests] == ["/ws", "/order"]
    wires.abandon(told=True)
    assert net.visitor.is_gone == 1


def test_a_request_outlives_the_engine_that_sent_it() -> None:
    with StormLoop() as loop:
        posts(loop, SimWires, ToyNet())


def test_rough_weather_shows_every_kind_and_heals() -> None:
    marks = Marks()

    async def main(tape: Tape) -> None:
        weather = Rough(tape, dict.fromkeys(KINDS, 150), marks)
        wires = SimWires({HOST: ToyNet()}, weather)
        for _ in range(40):
            await wires.http(BASE, ASK, 3)
            mouth = await wires.socket(URL, ToyEars(), 3)
            if not isinstance(mouth, NoReply):
                for number in range(5):
                    mouth.say(b"ask %d" % number)
                await asyncio.sleep(1)
                mouth.close()
        weather.heal()
        assert isinstance(await wires.http(BASE, ASK, 3), HttpSaid)

    for seed in range(5):
        tape = Tape(seed)
        run(main(tape), tape)
    assert marks.missing(KINDS) == ()
