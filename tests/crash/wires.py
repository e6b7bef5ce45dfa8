"""Around a real adapter: boundaries at its net, short waits, and short bounds.

The adapter, its lines and the net below them are the real ones. `StruckWires` stands between the adapter
and the net and comes past a boundary before anything leaves, and after; by it a `WireVenue` knows that the
bytes of a request have left. The bounds of the rules are those of a venue on the same machine: what was sent
is there at once, or never.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
from msgspec.structs import replace

from kedge.model.venue import Rules
from kedge.venues import net, registry
from kedge.venues.binance.spot import rules as spot
from kedge.venues.binance.usdm import rules as usdm
from kedge.venues.bybit import rules as bybit
from kedge.venues.venue import Clock, Setup, Venue
from kedge.venues.wires import Ears, Headers, HttpAsk, HttpSaid, Mouth, NoReply, Wires
from tests.crash.points import Points

# An HTTP request has left by then, if there is somebody to take it.
LEAVES_S = 0.004

OPTIONS: dict[str, Any] = {
    "bybit": bybit.Options(
        connect_s=2.0,
        request_s=1.0,
        question_s=3.0,
        heartbeat_s=1.0,
        silence_s=4.0,
        backoff_first_s=0.02,
        backoff_max_s=0.2,
        bars_first=10,
    ),
    "binance": spot.Options(
        connect_s=2.0,
        request_s=1.5,
        stream_beat_s=1.0,
        stream_silence_s=4.0,
        session_beat_s=1.0,
        session_silence_s=4.0,
        backoff_first_s=0.02,
        backoff_max_s=0.2,
        bars_first=10,
    ),
    "binance-usdm": usdm.Options(
        connect_s=2.0,
        greet_s=10.0,
        request_s=1.0,
        question_s=3.0,
        backoff_first_s=0.02,
        backoff_max_s=0.2,
        deeds_beat_s=1.5,
        stream_beat_s=1.5,
        market_beat_s=1.5,
        snapshot_levels=100,
        bars_first=10,
    ),
}


def short(rules: Rules) -> Rules:
    """Nothing is late on one machine: a doubt is settled in a second instead of sixteen."""
    return replace(
        rules,
        request_window_ns=500_000_000,
        visibility_ns=100_000_000,
        skew_ns=100_000_000,
        requests_per_s=max(rules.requests_per_s, 9),
        burst=max(rules.burst, 9),
    )


def come_from(address: str) -> None:
    """Every connection of this process, from now on: venues count what an address asks for, over minutes.

    So many desks have so many addresses here, as they would in life.
    """
    net.ws_connect = partial(net.ws_connect, local_addr=(address, 0))  # type: ignore[attr-defined]
    aiohttp.TCPConnector = partial(aiohttp.TCPConnector, local_addr=(address, 0))  # type: ignore[misc,assignment]


def load() -> None:
    """Adapters are imported when they are asked for: once, before there are many desks."""
    for venue in OPTIONS:
        _adapter(venue)


def make(venue: str, setup: Setup, wires: Wires, clock: Clock) -> Venue:
    made: Venue = _adapter(venue)(setup, wires, clock, options=OPTIONS[venue])
    return made


def _adapter(venue: str) -> Any:
    entry = registry.find(venue)
    assert isinstance(entry, registry.Entry), entry
    return entry.make()


class StruckWires:
    """A way to the net with boundaries on it."""

    def __init__(self, inner: Wires, points: Points) -> None:
        self._inner = inner
        self._points = points
        self._leaving: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()

    def when_left(self, tell: Callable[[], None]) -> int:
        """Called once, right after the next bytes have left."""
        number = next(self._numbers)
        self._leaving[number] = tell
        return number

    def forget(self, number: int) -> None:
        self._leaving.pop(number, None)

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid | NoReply:
        self._points.tick("desk", "http before")
        asking = asyncio.ensure_future(self._inner.http(base, ask, timeout_s))
        try:
            await asyncio.wait((asking,), timeout=LEAVES_S)
            self._left()
            answer = await asking
        finally:
            asking.cancel()
        self._points.tick("desk", "http answered")
        return answer

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> Mouth | NoReply:
        self._points.tick("desk", "socket before")
        mouth = await self._inner.socket(url, ears, timeout_s, headers)
        self._points.tick("desk", "socket answered")
        return mouth if isinstance(mouth, NoReply) else StruckMouth(mouth, self._left, self._points)

    async def close(self) -> None:
        await self._inner.close()

    def _left(self) -> None:
        leaving, self._leaving = self._leaving, {}
        for tell in leaving.values():
            tell()


class StruckMouth:
    """Says, and tells that it has said."""

    def __init__(self, inner: Mouth, left: Any, points: Points) -> None:
        self._inner = inner
        self._left = left
        self._points = points

    def say(self, frame: bytes) -> bool:
        self._points.tick("desk", "say before")
        said = self._inner.say(frame)
        self._left()
        return said

    def ping(self) -> None:
        self._inner.ping()

    def close(self) -> None:
        self._inner.close()
