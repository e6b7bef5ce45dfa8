"""The seam to the net for venues that speak gRPC: one call, one stream. Message bytes are what crosses.

`grpc_net.py` is the real thing; a storm brings its own, in memory and on its own clock. As in `wires.py`:
no method raises for what a net can do, `unsent` is only said where not a single byte can have left, one call
is one attempt, and nothing here, nor below, ever sends twice.

A call that came to its end has a status, whatever it is: `CallSaid`. It is the venue's word only where the
venue said it; a status that the transport made up itself (a cut line, a deadline) is a `NoReply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from kedge.venues.wires import NoReply

Metadata = tuple[tuple[str, str], ...]
OK = "OK"


class CallAsk(Struct, frozen=True):
    """`method` is the whole name: "/package.Service/Method". `metadata` may hold a token: never shown."""

    method: str
    body: bytes
    metadata: Metadata = ()

    def __repr__(self) -> str:
        return f"CallAsk({self.method!r}, {len(self.body)} bytes)"


class StreamAsk(Struct, frozen=True):
    """`body` is the first message of ours. `talks`: more may follow it; otherwise it is the only one."""

    method: str
    body: bytes
    metadata: Metadata = ()
    talks: bool = False

    def __repr__(self) -> str:
        return f"StreamAsk({self.method!r}, {len(self.body)} bytes)"


class CallSaid(Struct, frozen=True):
    """How a call ended: the status by its name ("OK", "NOT_FOUND"), its words, and the reply where it is OK.

    `metadata` is what came before and after the reply, names in small letters."""

    status: str
    body: bytes = b""
    words: str = ""
    metadata: Mapping[str, str] = {}


class CallEars(Protocol):
    """Who listens to a stream. Called from the loop; `ended` comes last, and once."""

    def heard(self, message: bytes) -> None: ...

    def ended(self, how: CallSaid | NoReply) -> None: ...


class CallMouth(Protocol):
    """Who speaks into a stream. After its end `say` does nothing and returns False."""

    def say(self, message: bytes) -> bool: ...

    def close(self) -> None: ...


class Calls(Protocol):
    """The way to the outside, one per account. `host` is "https://name:port", or http for one without TLS."""

    async def unary(self, host: str, ask: CallAsk, timeout_s: float) -> CallSaid | NoReply: ...

    async def stream(
        self, host: str, ask: StreamAsk, ears: CallEars, timeout_s: float
    ) -> CallMouth | NoReply:
        """Connect within `timeout_s` and send the first message; the stream itself has no end of its own."""

    async def close(self) -> None: ...
