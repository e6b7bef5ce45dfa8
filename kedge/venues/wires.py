"""The seam to the net: one HTTP exchange, one WebSocket. What is above it is the same in life and in a storm.

`net.py` is the real thing (picows and aiohttp); a storm brings its own, in memory and on its own clock. No
method raises for what a net can do: what went wrong is a `NoReply`, and `unsent` is only said where not a
single byte can have left. One call is one attempt: nothing here, and nothing below, ever sends twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

Method = Literal["GET", "POST", "PUT", "DELETE"]
Headers = tuple[tuple[str, str], ...]


class HttpAsk(Struct, frozen=True):
    """`target` is path and query exactly as signed; it is sent as it stands."""

    method: Method
    target: str
    headers: Headers = ()
    body: bytes = b""


class HttpSaid(Struct, frozen=True):
    """Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoReply(Struct, frozen=True):
    """There is no answer, and why. `unsent`: the request certainly never left this machine."""

    why: str
    unsent: bool = False


class Ears(Protocol):
    """Who listens to a WebSocket. Called from the loop; `ended` comes last, and once."""

    def heard(self, frame: bytes) -> None:
        """One whole text message. Pings of the protocol are answered below."""

    def ended(self, why: str) -> None: ...

    # A listener may also have `paused()`: everything that came in one read has been heard.


class Mouth(Protocol):
    """Who speaks into a WebSocket. After its end `say` does nothing and returns False."""

    def say(self, frame: bytes) -> bool: ...

    def ping(self) -> None:
        """A ping frame of the protocol. One that is not answered within ten seconds ends the socket."""

    def close(self) -> None: ...


class Wires(Protocol):
    """The way to the outside, one per account."""

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid | NoReply:
        """`base` is scheme, host and port: "https://api.bybit.com"."""

    async def socket(
        self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()
    ) -> Mouth | NoReply: ...

    async def close(self) -> None: ...
