"""The weather of one card: what befalls which request or frame, written down and not drawn.

`Script` strikes on the net (lost, slow, cut); `Porch` stands before the venue's door and strikes in the
venue's own words (5xx, too many, half an answer). A strike names the order it means, and is used up by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from kedge.sim.testnet.web import Line, Reply, Request, Testnet, Visitor
from kedge.storm.wires import Calm, FrameFate, HttpFate, SocketFate, Way
from kedge.venues.wires import HttpAsk

Name = Literal[
    "request_lost",
    "request_slow",
    "reply_lost",
    "reply_late",
    "cut",
    "busy",
    "failed",
    "too_many",
    "garbled",
]

_HTTP: dict[str, HttpFate] = {
    "request_lost": "lost",
    "reply_lost": "unheard",
    "reply_late": "late",
    "cut": "reset",
    "busy": "busy",
    "failed": "failed",
}
_OUT: dict[str, FrameFate] = {"request_lost": "dropped", "request_slow": "slow"}
_IN: dict[str, FrameFate] = {"reply_lost": "dropped", "reply_late": "slow", "cut": "cut"}
# Longer than any adapter waits for an answer.
LATE_NS = 14_000_000_000


class Dialect(Protocol):
    """What a rig knows of its venue's words."""

    @property
    def order_path(self) -> str: ...

    def is_answer(self, frame: bytes) -> bool:
        """A frame of the order line that answers a request, and tells no news."""

    def refusal(self, name: str, frame: bytes) -> bytes:
        """How the order line says "busy", "failed" or "too_many" to this request."""

    def too_many(self) -> Reply:
        """How HTTP says it."""


class Script(Calm):
    """The net of one account. `shut(url)` refuses a WebSocket."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.strikes: list[tuple[str, bytes]] = []
        self.shut: Callable[[str], bool] = lambda url: False
        # Questions by HTTP whose path begins so are answered with 502.
        self.fails = ""
        # Each way.
        self.delay = 1_000_000
        # How often the venue was spoken to, in any way.
        self.traffic = 0
        # Every request and every frame out, as text.
        self.asked: list[str] = []

    def take(self, names: tuple[str, ...] | dict[str, HttpFate] | dict[str, FrameFate], text: bytes) -> str:
        """The strike of these names that means this text; "" where none does."""
        for strike in self.strikes:
            if strike[0] in names and strike[1] in text:
                self.strikes.remove(strike)
                return strike[0]
        return ""

    def late_ns(self) -> int:
        return LATE_NS

    def delay_ns(self, way: Way) -> int:
        return self.delay

    def exchange(self, host: str, ask: HttpAsk) -> HttpFate:
        self.traffic += 1
        self.asked.append(f"{ask.method} {ask.target} {ask.headers} {ask.body.decode(errors='replace')}")
        if self.fails and ask.method == "GET" and ask.target.startswith(self.fails):
            return "failed"
        name = self.take(_HTTP, f"{ask.target} ".encode() + ask.body)
        return _HTTP[name] if name else "fair"

    def opening(self, url: str) -> SocketFate:
        self.traffic += 1
        return "refused" if self.shut(url) else "fair"

    def frame(self, url: str, way: Way, frame: bytes) -> FrameFate:
        if way == "out":
            self.traffic += 1
            self.asked.append(frame.decode(errors="replace"))
        if self.dialect.order_path not in url or (way == "in" and not self.dialect.is_answer(frame)):
            return "fair"
        fates = _OUT if way == "out" else _IN
        name = self.take(fates, frame)
        return fates[name] if name else "fair"


class Porch:
    """A testnet behind a door that answers now and then in its place."""

    def __init__(self, inner: Testnet, dialect: Dialect, script: Script) -> None:
        self.inner = inner
        self._dialect = dialect
        self._script = script

    def http(self, request: Request) -> Reply:
        text = f"{request.path}?{request.query} ".encode() + request.body
        if self._script.take(("too_many",), text):
            return self._dialect.too_many()
        garbled = self._script.take(("garbled",), text)
        reply = self.inner.http(request)
        return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers) if garbled else reply

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        if not request.path.startswith(self._dialect.order_path):
            return self.inner.socket(request, line)
        guest = Guest(line, self._dialect, self._script)
        found = self.inner.socket(request, guest)
        if isinstance(found, Reply):
            return found
        guest.visitor = found
        return guest

    def tick(self) -> None:
        self.inner.tick()


class Guest:
    """One line for orders: the venue's `Line` and the caller's `Visitor`, with strikes between."""

    def __init__(self, line: Line, dialect: Dialect, script: Script) -> None:
        self.visitor: Visitor | None = None
        self._line = line
        self._dialect = dialect
        self._script = script
        # What is said instead of the answer to the request that is being heard.
        self._instead: bytes | None = None
        self._garbled = False

    def heard(self, text: bytes) -> None:
        assert self.visitor is not None
        name = self._script.take(("busy", "failed", "too_many", "garbled"), text)
        if name in ("busy", "too_many"):
            self._line.say(self._dialect.refusal(name, text))
            return
        self._instead = self._dialect.refusal(name, text) if name == "failed" else None
        self._garbled = name == "garbled"
        self.visitor.heard(text)
        self._instead, self._garbled = None, False

    def say(self, text: bytes) -> None:
        if self._dialect.is_answer(text) and self._instead is not None:
            text, self._instead = self._instead, None
        elif self._dialect.is_answer(text) and self._garbled:
            text, self._garbled = text[: len(text) // 2], False
        self._line.say(text)

    def ping(self, payload: bytes) -> None:
        self._line.ping(payload)

    def close(self, code: int, why: str) -> None:
        self._line.close(code, why)

    def pinged(self, payload: bytes) -> None:
        if self.visitor is not None:
            self.visitor.pinged(payload)

    def ponged(self, payload: bytes) -> None:
        if self.visitor is not None:
            self.visitor.ponged(payload)

    def gone(self) -> None:
        if self.visitor is not None:
            self.visitor.gone()
