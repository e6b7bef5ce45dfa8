"""`Calls` on the same net in memory: a call of gRPC is an exchange, a stream is a socket of messages.

So the weather of `wires.py` is that of these venues too, with the same names: `http.unheard` is a call that
was done and whose reply never came, `socket.refused` a stream that nobody takes, `frame.dropped` a message
that was lost on a stream. How the venue ends a call is in the reply's headers, as its testnet has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from kedge.sim.testnet.web import Reply
from kedge.storm.wires import SimWires
from kedge.venues.calls import OK, CallAsk, CallEars, CallMouth, CallSaid, StreamAsk
from kedge.venues.wires import HttpAsk, HttpSaid, Mouth, NoReply

STATUSES: Final[Mapping[str, str]] = {
    "0": OK,
    "1": "CANCELLED",
    "2": "UNKNOWN",
    "3": "INVALID_ARGUMENT",
    "4": "DEADLINE_EXCEEDED",
    "5": "NOT_FOUND",
    "7": "PERMISSION_DENIED",
    "8": "RESOURCE_EXHAUSTED",
    "9": "FAILED_PRECONDITION",
    "12": "UNIMPLEMENTED",
    "13": "INTERNAL",
    "14": "UNAVAILABLE",
    "16": "UNAUTHENTICATED",
}
# What a client makes of an answer that is none of gRPC's.
HTTP: Final[Mapping[int, str]] = {
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
# Below it a close code is the transport's, from it on the venue's.
VENUES_OWN: Final = 30_000


class SimCalls:
    """One account's way to a venue that speaks gRPC, on the net of `wires`."""

    def __init__(self, wires: SimWires) -> None:
        self.wires = wires

    async def unary(self, host: str, ask: CallAsk, timeout_s: float) -> CallSaid | NoReply:
        request = HttpAsk("POST", ask.method, ask.metadata, ask.body)
        said = await self.wires.http(host, request, timeout_s)
        return said if isinstance(said, NoReply) else _said(said)

    async def stream(
        self, host: str, ask: StreamAsk, ears: CallEars, timeout_s: float
    ) -> CallMouth | NoReply:
        listener = _Ears(ears)
        url = f"wss://{urlsplit(host).netloc}{ask.method}"
        mouth = await self.wires.socket(url, listener, timeout_s, ask.metadata)
        if isinstance(mouth, NoReply):
            if listener.refusal is None:
                return mouth
            # The call itself was taken; its end is the answer to it.
            ears.ended(listener.refusal)
            return _Over()
        mouth.say(ask.body)
        return _Mouth(mouth, ask.talks)

    async def close(self) -> None:
        await self.wires.close()


class _Ears:
    """What a socket tells, as a stream's listener hears it."""

    def __init__(self, ears: CallEars) -> None:
        self.refusal: CallSaid | None = None
        self._ears = ears
        self._code = 0
        self._why = ""

    def heard(self, frame: bytes) -> None:
        self._ears.heard(frame)

    def refused(self, reply: Reply) -> None:
        """The venue does not open it."""
        headers = {name.lower(): value for name, value in reply.headers.items()}
        self.refusal = _said(HttpSaid(reply.status, headers, reply.body))

    def closing(self, code: int, why: str) -> None:
        """The venue has ended it; `ended` follows."""
        self._code, self._why = code, why

    def ended(self, why: str) -> None:
        if self._code >= VENUES_OWN:
            words = {"message": self._why}
            self._ears.ended(CallSaid("RESOURCE_EXHAUSTED", words=str(self._code), metadata=words))
        else:
            self._ears.ended(NoReply(why))


class _Mouth:
    def __init__(self, inner: Mouth, talks: bool) -> None:
        self._inner = inner
        self._talks = talks

    def say(self, message: bytes) -> bool:
        return self._talks and self._inner.say(message)

    def close(self) -> None:
        self._inner.close()


class _Over:
    """A stream that has ended before anything could be said."""

    def say(self, message: bytes) -> bool:
        return False

    def close(self) -> None:
        pass


def _said(said: HttpSaid) -> CallSaid:
    headers = dict(said.headers)
    number = headers.get("grpc-status")
    if number is None and said.status != 200:
        status = HTTP.get(said.status, "UNKNOWN")
        return CallSaid(status, words=f"Received http2 header with status: {said.status}", metadata=headers)
    status = STATUSES[number or "0"]
    return CallSaid(status, said.body if status == OK else b"", headers.get("grpc-message", ""), headers)
