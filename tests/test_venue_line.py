"""One WebSocket kept up: let in, refused, silent, cut, renewed; and every question answered exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from venue_kit import HOST, SECOND_NS, URL, ToyNet, now_s, run

from kedge.sim.testnet.web import Reply
from kedge.storm.wires import Calm, FrameFate, SimWires, Way
from kedge.venues import line as line_module
from kedge.venues.line import Address, Line, LineWaits
from kedge.venues.silence import Refused, Silence
from kedge.venues.wires import Mouth, NoReply

WAITS = LineWaits(heartbeat_s=5, silence_s=12, backoff_first_s=0.5, backoff_max_s=8)
# The waits after a refusal, and one more second.
MINUTES_16 = 16 * 60


class Toy:
    """An owner: logs in, and writes down what happens and when."""

    def __init__(self, net: ToyNet, waits: LineWaits = WAITS, weather: Calm | None = None) -> None:
        self.net = net
        self.line: Line[bytes] = Line("toy", SimWires({HOST: net}, weather), self, waits)
        self.log: list[str] = []
        self.frames: list[bytes] = []
        self.pauses = 0
        self.where: Address | Silence | Refused = Address(URL)
        self.frame_of_beat: bytes | None = b"ping"

    async def address(self) -> Address | Silence | Refused:
        return self.where

    async def greet(self) -> Silence | Refused | None:
        said = await self.line.ask("login", b"login", 5)
        if isinstance(said, Silence):
            return said
        return None if said == b"welcome" else Refused(said.decode())

    def heard(self, frame: bytes) -> None:
        self.frames.append(frame)
        verb, _, rest = frame.partition(b" ")
        if verb == b"answer":
            self.line.answer(int(rest), rest)
        elif verb in (b"welcome", b"no"):
            self.line.answer("login", frame)
        elif verb == b"garbage":
            self.line.cut("an unreadable frame")

    def paused(self) -> None:
        self.pauses += 1

    def beat(self) -> bytes | None:
        return self.frame_of_beat

    def up(self) -> None:
        self.log.append(f"{now_s():.0f} up")

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        words = "refused " * refused + "stopped " * stopped
        self.log.append(f"{now_s():.0f} down {words}{why}")


def play(
    scene: Callable[[Toy], Awaitable[None]], waits: LineWaits = WAITS, weather: Calm | None = None
) -> Toy:
    net = ToyNet()

    async def main() -> Toy:
        toy = Toy(net, waits, weather)
        await scene(toy)
        await toy.line.close()
        await toy.line.close()
        await asyncio.sleep(1)
        return toy

    toy: Toy = run(main())
    return toy


# ── up and down ─────────────────────────────────────────────────────────────────────────────────


def test_it_comes_up_answers_and_closes_for_good() -> None:
    async def scene(toy: Toy) -> None:
        toy.line.open()
        await asyncio.sleep(1)
        assert toy.line.is_up
        assert toy.line.why == ""
        assert await toy.line.ask(7, b"ask 7", 5) == b"7"
        pair = [asyncio.create_task(toy.line.ask(id, b"ask %d" % id, 5)) for id in (1, 2)]
        assert [await one for one in pair] == [b"1", b"2"]

    toy = play(scene)
    assert toy.log == ["0 up"]
    assert toy.line.why == "closed"
    assert not toy.line.is_up


def test_an_end_is_told_with_its_sentence_and_mended() -> None:
    async def scene(toy: Toy) -> None:
        toy.line.open()
        await asyncio.sleep(100)
        toy.line.say(b"end")
        await asyncio.sleep(10)

    toy = play(scene)
    assert toy.log == ["0 up", "100 down toy: closed by the venue (1001 good night)", "101 up"]


def test_who_throws_us_out_at_once_is_not_hammered() -> None:
    async def scene(toy: Toy) -> None:
        toy.net.greeting = [b"garbage"]
        toy.line.open()
        await asyncio.sleep(60)
        assert "an unreadable frame" in toy.log[0]
        assert len(toy.net.opened_at_s) == 11  # after 0.5 1 2 4 8 8 8 …
        toy.net.greeting = []
        await asyncio.sleep(8)
        assert toy.line.is_up

    play(scene)


def test_a_refused_connection_backs_off_and_says_why() -> None:
    async def scene(toy: Toy) -> None:
        toy.net.shut = Reply(429, b"slow down")
        toy.line.open()
        await asyncio.sleep(20)
        assert toy.log[0] == "0 down toy: no WebSocket: HTTP 429: slow down"
        assert len(toy.net.opened_at_s) == 6
        toy.where = Silence("no key yet", retry_ns=100 * SECOND_NS)
        await asyncio.sleep(9)
        assert toy.log[-1].endswith("down toy: no key yet")
        tried = len(toy.log)
        await asyncio.sleep(90)
        assert len(toy.log) == tried

    play(scene)


def test_a_handshake_without_end_ends() -> None:
    async def scene(toy: Toy) -> None:
        toy.net.login = b"something else"
        toy.line.open()
        await asyncio.sleep(5.2)
        assert toy.log == ["5 down toy: toy: no answer within 5 s"]

    play(scene)


def test_greeting_has_its_own_bound() -> None:
    class Slow(Toy):
        async def greet(self) -> Silence | Refused | None:
            await asyncio.sleep(1_000)
            return None

    async def main() -> None:
        toy = Slow(ToyNet(), LineWaits(silence_s=0))
        toy.line.open()
        await asyncio.sleep(15.2)
        assert toy.log == ["15 down toy: not let in within 15 s"]
        await toy.line.close()

    run(main())


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_is_tried_a_few_times_and_then_not_again() -> None:
    async def scene(toy: Toy) -> None:
        toy.net.login = b"no such key"
        toy.line.open()
        await asyncio.sleep(MINUTES_16)
        assert [line.split(" down ")[0] for line in toy.log] == ["0", "30", "90", "210", "450", "930"]
        assert all("down refused no such key" in line for line in toy.log[:-1])
        assert toy.log[-1] == "930 down refused stopped no such key"
        await asyncio.sleep(100_000)
        assert len(toy.log) == 6
        # A person says that it is mended, and is wrong at first.
        toy.line.retry()
        await asyncio.sleep(1)
        assert toy.log[-1] == "100960 down refused no such key"
        toy.net.login = b"welcome"
        toy.line.retry()
        await asyncio.sleep(1)
        assert toy.line.is_up
        toy.line.retry()
        await asyncio.sleep(1)
        assert toy.line.is_up

    play(scene)


def test_retry_does_not_wait_for_the_back_off() -> None:
    async def scene(toy: Toy) -> None:
        toy.where = Silence("banned", retry_ns=10**15)
        toy.line.open()
        await asyncio.sleep(1)
        toy.where = Address(URL)
        toy.line.retry()
        await asyncio.sleep(1)
        assert toy.line.is_up

    play(scene)


def test_an_address_is_never_shown() -> None:
    assert "key" not in repr(Address(URL))


# ── silence and heartbeats ──────────────────────────────────────────────────────────────────────


class Deaf(Calm):
    """From `at_s` on nothing arrives any more, and nobody is told."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def frame(self, url: str, way: Way, frame: bytes) -> FrameFate:
        return "half_open" if self.at_s <= now_s() < self.at_s + 20 else "fair"


def test_heartbeats_keep_a_quiet_line_up() -> None:
    async def scene(toy: Toy) -> None:
        toy.line.open()
        await asyncio.sleep(1_000)
        assert toy.log == ["0 up"]
        assert toy.frames.count(b"pong") > 100

    play(scene)


def test_silence_is_noticed() -> None:
    async def scene(toy: Toy) -> None:
        toy.line.open()
        await asyncio.sleep(100)

    toy = play(scene, weather=Deaf(52))
    assert toy.log[1] == "62 down toy: nothing heard for 12 s"
    assert toy.log[-1].endswith("up")


def test_silence_is_measured_at_moments_no_float_can_hold() -> None:
    async def main() -> None:
        for nanoseconds in (1, 333_333_333, 777_777_777, 14_026_112_642):
            await asyncio.sleep(nanoseconds / 1e9)
            toy = Toy(ToyNet(), LineWaits(heartbeat_s=0, silence_s=0.7))
            toy.line.open()
            await asyncio.sleep(3)
            assert "nothing heard for 0.7 s" in toy.log[1]
            await toy.line.close()

    run(main())


def test_ping_frames_notice_it_too() -> None:
    async def scene(toy: Toy) -> None:
        toy.frame_of_beat = None
        toy.line.open()
        await asyncio.sleep(52)
        assert len(toy.net.visitor.pings) == 10
        toy.line.say(b"anything")
        await asyncio.sleep(60)

    toy = play(scene, LineWaits(heartbeat_s=5, silence_s=0), Deaf(52))
    assert toy.log[1] == "65 down toy: no pong within 10 s"
    assert toy.log[-1].endswith("up")


def test_a_line_is_renewed_before_its_end_of_life() -> None:
    async def scene(toy: Toy) -> None:
        toy.line.open()
        await asyncio.sleep(250)

    toy = play(scene, LineWaits(heartbeat_s=5, silence_s=12, life_s=100))
    ups = [line for line in toy.log if line.endswith(" up")]
    assert ups == ["0 up", "100 up", "200 up"]
    assert toy.log[1] == "100 down toy: renewed before its end of life"
    assert [visitor.is_gone for visitor in toy.net.visitors] == [1, 1, 1]


# ── questions ───────────────────────────────────────────────────────────────────────────────────


def test_what_cannot_be_sent_is_unsent() -> None:
    async def scene(toy: Toy) -> None:
        said = await toy.line.ask(1, b"ask 1", 5)
        assert said == Silence("not sent: toy is down: not opened", unsent=True)
        assert not toy.line.say(b"hello")

    play(scene)


def test_no_answer_is_silence_and_a_late_one_is_a_stray() -> None:
    async def scene(toy: Toy) -> None:
        toy.net.unanswered = [b"1"]
        toy.line.open()
        await asyncio.sleep(1)
        assert await toy.line.ask(1, b"ask 1", 5) == Silence("toy: no answer within 5 s")
        toy.net.visitor.line.say(b"answer 1")
        toy.net.visitor.line.say(b"answer 2")
        await asyncio.sleep(1)
        assert toy.line.strays == 2

    play(scene)


def test_a_cut_answers_everybody_who_waits() -> None:
    async def scene(toy: Toy) -> None:
        toy.net.unanswered = [b"1", b"2"]
        toy.line.open()
        await asyncio.sleep(1)
        asked = [asyncio.create_task(toy.line.ask(id, b"ask %d" % id, 60)) for id in (1, 2)]
        await asyncio.sleep(1)
        toy.line.cut("a gap in its numbers")
        said = [await one for one in asked]
        assert said == [Silence("toy ended before the answer: a gap in its numbers")] * 2
        assert not said[0].unsent  # type: ignore[union-attr]
        closing = asyncio.create_task(toy.line.ask(3, b"ask 3", 60))
        await asyncio.sleep(0)
        assert isinstance(await closing, Silence)

    play(scene)


def test_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "PENDING_MAX", 1)

    async def scene(toy: Toy) -> None:
        toy.net.unanswered = [b"1"]
        toy.line.open()
        await asyncio.sleep(1)
        first = asyncio.create_task(toy.line.ask(1, b"ask 1", 5))
        await asyncio.sleep(0)
        said = await toy.line.ask(2, b"ask 2", 5)
        assert said == Silence("not sent: 1 requests are waiting already", unsent=True)
        assert isinstance(await first, Silence)
        assert await toy.line.ask(2, b"ask 2", 5) == b"2"

    play(scene)


def test_who_stops_waiting_leaves_nothing_behind() -> None:
    async def scene(toy: Toy) -> None:
        toy.net.unanswered = [b"1"]
        toy.line.open()
        await asyncio.sleep(1)
        asked = asyncio.create_task(toy.line.ask(1, b"ask 1", 5))
        await asyncio.sleep(1)
        asked.cancel()
        await asyncio.sleep(0)
        toy.net.unanswered = []
        assert await toy.line.ask(1, b"ask 1", 5) == b"1"

    play(scene)


@pytest.mark.parametrize("says_pauses", [True, False])
def test_the_owner_is_told_when_nothing_more_is_at_hand(says_pauses: bool) -> None:
    class Plain(SimWires):
        """Wires that do not say when a read is through."""

        async def socket(self, url: str, ears: Any, *rest: Any) -> Mouth | NoReply:
            known = Whole(ears) if says_pauses else Half(ears)
            return await super().socket(url, known, *rest)

    class Half:
        def __init__(self, ears: Any) -> None:
            self.heard, self.ended, self._paused = ears.heard, ears.ended, ears.paused

    class Whole(Half):
        def paused(self) -> None:
            self._paused()

    async def main() -> None:
        net = ToyNet()
        toy = Toy(net)
        toy.line = Line("toy", Plain({HOST: net}), toy, WAITS)
        toy.line.open()
        await asyncio.sleep(1)
        for number in range(3):
            before = toy.pauses
            assert await toy.line.ask(number, b"ask %d" % number, 5)
            await asyncio.sleep(0.1)
            assert toy.pauses == before + 1
        await toy.line.close()

    run(main())


def test_a_net_that_cannot_be_had_is_no_crash() -> None:
    class Gone(SimWires):
        async def socket(self, *_: object, **__: object) -> NoReply:  # type: ignore[override]
            return NoReply("cannot connect: network is unreachable", unsent=True)

    async def main() -> None:
        toy = Toy(ToyNet())
        toy.line = Line("toy", Gone({}), toy, WAITS)
        toy.line.open()
        await asyncio.sleep(5)
        assert toy.log[0] == "0 down toy: cannot connect: network is unreachable"
        await toy.line.close()

    run(main())
