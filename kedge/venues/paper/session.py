"""One connection to the paper venue, from the challenge to the cut.

It owns request ids, who waits for which answer, and the number of the last private message. It decides
nothing about orders. Whatever makes the connection useless is one exception, `LinkError`, with the
sentence that people will read; whoever still waits then is told `Silence`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from msgspec import Struct

from kedge.venues.paper import wire
from kedge.venues.paper.lines import Lines
from kedge.venues.paper.wire import Bye, Challenge, Private, Reply, Said, Unreadable
from kedge.venues.stream import NET_ERRORS, Reader, Writer

Clock = Callable[[], int]

READ_BYTES = 65_536
# Requests waiting for their answers; the engine's own bounds are far below.
PENDING_MAX = 1_000
# Stream messages that may come between `private_on` and its answer.
HELD_MAX = 10_000


class LinkError(Exception):
    """The connection is of no further use. `retry_ns`: the venue has said how long to stay away."""

    def __init__(self, why: str, retry_ns: int = 0) -> None:
        super().__init__(wire.sentence(why))
        self.retry_ns = retry_ns


class Silence(Struct, frozen=True):
    """There is no answer. `unsent`: the request certainly never left this machine."""

    why: str
    unsent: bool = False


class _Waiting(Struct, frozen=True):
    sent_ns: int
    done: Callable[[Reply | Silence], None]


class Session:
    def __init__(self, reader: Reader, writer: Writer, clock: Clock) -> None:
        self.private_seq = 0
        self.repeats = 0
        # The venue's clock less ours, from the quickest of the recent answers.
        self.skew_ns = 0
        self._rtt_ns = 0
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._lines = Lines(wire.LINE_MAX)
        self._arrived: deque[Said] = deque()
        self._waiting: dict[int, _Waiting] = {}
        self._last_id = 0
        self._ended = ""

    async def sign_in(self, key: str, secret: str, account: str) -> None:
        """Challenge, hello, private stream on. Stream messages that come early are kept for `pump`."""
        said = await self._next()
        if not isinstance(said, Challenge):
            raise _refusal(said, "the venue did not begin with a challenge")
        if said.protocol != wire.PROTOCOL:
            raise LinkError(f"the venue speaks protocol {said.protocol}; this client speaks {wire.PROTOCOL}")
        challenge = said.challenge
        reply = await self.handshake(lambda id: wire.hello(id, key, secret, account, challenge))
        body = wire.read_body(reply, wire.HelloBody)
        if isinstance(body, Unreadable):
            raise LinkError(body.why)
        if body.account != account:
            raise LinkError(f"signed in as {account!r}, but the venue says {body.account!r}")

    async def handshake(self, make: Callable[[int], bytes]) -> Reply:
        """Ask before `pump` runs, and read until the answer; a refusal ends the connection."""
        answers: list[Reply | Silence] = []
        self.post(make, answers.append)
        held: deque[Said] = deque()
        while not answers:
            said = await self._next()
            if isinstance(said, Reply):
                self._answer(said)
            else:
                held.append(said)
                if len(held) > HELD_MAX:
                    raise LinkError("the venue streams before it answers")
        self._arrived.extendleft(reversed(held))
        answer = answers[0]
        if isinstance(answer, Silence):
            raise LinkError(answer.why)
        if not answer.ok:
            raise LinkError(f"{answer.code}: {answer.text}", answer.retry_ns)
        return answer

    async def pump(
        self, hear: Callable[[Said], None], pause: Callable[[], None], silence_s: float
    ) -> NoReturn:
        """Hand on everything the venue says; `pause` is called when nothing more is at hand."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(silence_s) as alarm:
                while True:
                    while self._arrived:
                        self._dispatch(self._arrived.popleft(), hear)
                    pause()
                    await self._read()
                    alarm.reschedule(loop.time() + silence_s)
        except TimeoutError:
            raise LinkError(f"nothing heard for {silence_s:g} s") from None

    def post(self, make: Callable[[int], bytes], done: Callable[[Reply | Silence], None]) -> None:
        """Send one request; `done` is called once, with the answer or with the silence at the end."""
        if self._ended:
            done(Silence(f"not connected: {self._ended}", unsent=True))
            return
        if len(self._waiting) >= PENDING_MAX:
            done(Silence(f"not sent: {PENDING_MAX} requests are waiting already", unsent=True))
            return
        self._last_id += 1
        id = self._last_id
        self._waiting[id] = _Waiting(self._clock(), done)
        try:
            self._writer.write(make(id))
        except NET_ERRORS as error:
            # Some of it may have left: who can say. The reader will find the cut.
            del self._waiting[id]
            done(Silence(f"the line broke while sending: {error}"))

    async def ask(self, make: Callable[[int], bytes], timeout_s: float) -> Reply | Silence:
        """Send one request and wait for its answer, no longer than `timeout_s`."""
        answered: asyncio.Future[Reply | Silence] = asyncio.get_running_loop().create_future()

        def done(answer: Reply | Silence) -> None:
            if not answered.done():
                answered.set_result(answer)

        self.post(make, done)
        id = self._last_id
        try:
            async with asyncio.timeout(timeout_s):
                return await answered
        except TimeoutError:
            return Silence(f"no answer within {timeout_s:g} s")
        finally:
            waiting = self._waiting.get(id)
            if waiting is not None and waiting.done is done:
                del self._waiting[id]

    def end(self, why: str) -> None:
        """Close, and tell everybody who waits. Calling it again does nothing."""
        if self._ended:
            return
        self._ended = why
        self._writer.close()
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.done(Silence(f"the connection ended before the answer: {why}"))

    def check_tail(self, private_seq: int) -> None:
        """Compare with what the venue says it has sent: finds a lost last message."""
        if private_seq != self.private_seq:
            raise LinkError(f"private stream gap: {self.private_seq} heard, {private_seq} sent")

    async def _next(self) -> Said:
        while not self._arrived:
            await self._read()
        return self._arrived.popleft()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(READ_BYTES)
        except NET_ERRORS as error:
            raise LinkError(f"the line broke: {type(error).__name__} {error}") from None
        if not data:
            raise LinkError(self._ended or "the venue closed the connection")
        lines = self._lines.feed(data)
        if self._lines.broken:
            raise LinkError(f"a line of more than {wire.LINE_MAX} bytes")
        for line in lines:
            said = wire.read_said(line)
            if isinstance(said, Unreadable):
                # It may have been a fill. Ask for everything again rather than guess.
                raise LinkError(said.why)
            self._arrived.append(said)

    def _dispatch(self, said: Said, hear: Callable[[Said], None]) -> None:
        if isinstance(said, Reply):
            self._answer(said)
        elif isinstance(said, Bye):
            raise _refusal(said, "")
        elif isinstance(said, Private):
            if self._is_next(said.seq):
                hear(said)
        else:
            hear(said)

    def _answer(self, reply: Reply) -> None:
        waiting = self._waiting.pop(reply.id, None)
        if waiting is None:
            # A repetition, or too late: whoever asked has been told "unknown" and will look.
            self.repeats += 1
            return
        self._compare_clocks(waiting.sent_ns, reply.now_ns)
        waiting.done(reply)

    def _is_next(self, seq: int) -> bool:
        if seq <= self.private_seq:
            self.repeats += 1
            return False
        if seq != self.private_seq + 1:
            raise LinkError(f"private stream gap: {self.private_seq} heard, then {seq}")
        self.private_seq = seq
        return True

    def _compare_clocks(self, sent_ns: int, venue_ns: int) -> None:
        now_ns = self._clock()
        rtt_ns = max(0, now_ns - sent_ns)
        # A slow answer says little. The yardstick loosens with every answer, so that it cannot stick.
        if self._rtt_ns and rtt_ns > self._rtt_ns:
            self._rtt_ns += self._rtt_ns // 8 + 1
            return
        self._rtt_ns = max(rtt_ns, 1_000)
        self.skew_ns = venue_ns - (sent_ns + rtt_ns // 2)


def _refusal(said: Said, otherwise: str) -> LinkError:
    if isinstance(said, Bye):
        return LinkError(f"the venue said goodbye: {said.code}: {said.text}", said.retry_ns)
    return LinkError(otherwise)
