"""What tests of the venue toolkit share: a world to run in, and a venue small enough to see through.

The toy venue answers HTTP by a function and WebSockets by echo: "login" is let in or refused, "ask 7" is
answered "answer 7", "ping" is answered "pong". It remembers everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from kedge.sim.loop import StormLoop
from kedge.sim.tape import Tape
from kedge.sim.testnet.web import Line as VenueLine
from kedge.sim.testnet.web import Reply, Request, Visitor

SECOND_NS = 1_000_000_000
HOST = "venue.test"
BASE = f"https://{HOST}"
URL = f"wss://{HOST}/ws?key=1"


def run(main: Coroutine[Any, Any, Any], tape: Tape | None = None) -> Any:
    """Run it in virtual time; a good run has no complaints."""
    with StormLoop(tape) as loop:
        result = loop.run_until_complete(main)
        assert loop.complaints == []
        return result


def now_ns() -> int:
    """The desk's clock in such a world; it begins an hour after nothing."""
    return cast(StormLoop, asyncio.get_running_loop()).now_ns + 3_600 * SECOND_NS


def now_s() -> float:
    return asyncio.get_running_loop().time()


class ToyVisitor:
    def __init__(self, net: ToyNet, line: VenueLine) -> None:
        self.line = line
        self.heard_here: list[bytes] = []
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.is_gone = 0
        self._net = net

    def heard(self, text: bytes) -> None:
        self.heard_here.append(text)
        verb, _, rest = text.partition(b" ")
        if verb == b"login":
            self.line.say(self._net.login)
        elif verb == b"ask" and rest not in self._net.unanswered:
            self.line.say(b"answer " + rest)
        elif verb == b"ping":
            self.line.say(b"pong")
        elif verb == b"end":
            self.line.close(1001, "good night")

    def pinged(self, payload: bytes) -> None:
        self.pings.append(payload)

    def ponged(self, payload: bytes) -> None:
        self.pongs.append(payload)

    def gone(self) -> None:
        self.is_gone += 1


class ToyNet:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.visitors: list[ToyVisitor] = []
        self.opened_at_s: list[float] = []
        self.reply: Callable[[Request], Reply] = lambda request: Reply(200, b"ok")
        self.login = b"welcome"
        self.unanswered: list[bytes] = []
        self.greeting: list[bytes] = []
        self.shut: Reply | None = None

    def http(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply(request)

    def socket(self, request: Request, line: VenueLine) -> Visitor | Reply:
        self.opened_at_s.append(now_s())
        self.requests.append(request)
        if self.shut is not None:
            return self.shut
        visitor = ToyVisitor(self, line)
        self.visitors.append(visitor)
        for frame in self.greeting:
            line.say(frame)
        return visitor

    def tick(self) -> None: ...

    @property
    def visitor(self) -> ToyVisitor:
        return self.visitors[-1]


class ToyEars:
    def __init__(self) -> None:
        self.log: list[str] = []

    def heard(self, frame: bytes) -> None:
        self.log.append(frame.decode())

    def paused(self) -> None:
        self.log.append("|")

    def ended(self, why: str) -> None:
        self.log.append(f"ended: {why}")
