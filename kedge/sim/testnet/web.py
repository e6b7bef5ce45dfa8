"""The seam of a wire-level venue: HTTP requests and WebSocket texts go in, replies and texts come out.

A `Testnet` decides everything at once, without awaiting anything; who calls it is either the server with
real sockets or a storm with an in-memory net. Delays, losses, cuts and errors are not the testnet's work:
they are put between it and the caller, by `faults`, in both cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class Request(Struct, frozen=True):
    """`query` and `body` are raw: signatures are made over them. Header names are in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str = "127.0.0.1"


class Reply(Struct, frozen=True):
    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    kind: str = "application/json"


class Line(Protocol):
    """The venue's side of one WebSocket."""

    def say(self, text: bytes) -> None: ...

    def ping(self, payload: bytes) -> None:
        """A ping frame; the pong comes back by `Visitor.ponged`."""

    def close(self, code: int, why: str) -> None: ...


class Visitor(Protocol):
    """One WebSocket as the venue keeps it. `gone` comes last, and once."""

    def heard(self, text: bytes) -> None: ...

    def pinged(self, payload: bytes) -> None:
        """A ping frame came; the pong is sent by whoever carries the line."""

    def ponged(self, payload: bytes) -> None: ...

    def gone(self) -> None: ...


class Testnet(Protocol):
    """One venue. What it says by itself (streams) goes to the lines while one of these runs."""

    def http(self, request: Request) -> Reply: ...

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        """Somebody wants a WebSocket at this path; a `Reply` refuses it."""

    def tick(self) -> None:
        """Time has passed: the market moves, timers run, streams are told."""
