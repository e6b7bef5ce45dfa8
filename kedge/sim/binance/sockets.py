"""What every WebSocket of the venue lives by: pings and pongs, so many messages a second, a day's life.

A stream or an API is built on `Post`: it hears messages and says them, and is told when time has passed.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kedge.sim.binance.weights import DAY_NS, SECOND_NS
from kedge.sim.testnet.rates import Sliding
from kedge.sim.testnet.web import Line

POLICY = 1008
GOING_AWAY = 1001


class Habits(Struct, frozen=True):
    """How one family of sockets behaves. `messages_per_s` 0: no limit."""

    ping_ns: int
    pong_ns: int
    messages_per_s: int
    life_ns: int = DAY_NS


SPOT_STREAMS = Habits(20 * SECOND_NS, 60 * SECOND_NS, 5)
SPOT_API = Habits(20 * SECOND_NS, 60 * SECOND_NS, 0)


class Post:
    """A `Visitor`. `hear` gets each message; `left` is called once, at the end."""

    def __init__(self, line: Line, habits: Habits, clock: Callable[[], int]) -> None:
        self.began_ns = clock()
        self.closed = False
        self._line = line
        self._habits = habits
        self._clock = clock
        self._pinged_ns = self.began_ns
        # Since when a ping waits for its pong; 0: none does.
        self._waiting_ns = 0
        self._payload = b""
        self._heard = Sliding(max(habits.messages_per_s, 1), SECOND_NS)
        self._ends_ns = 0

    # ── from the line ───────────────────────────────────────────────────────────────────────────

    def heard(self, text: bytes) -> None:
        if not self.closed and self._counted():
            self.hear(text)

    def pinged(self, payload: bytes) -> None:
        self._counted()

    def ponged(self, payload: bytes) -> None:
        """Only an echo of the ping counts as an answer; a pong that nobody asked for does not."""
        self._counted()
        if payload == self._payload:
            self._waiting_ns = 0

    def gone(self) -> None:
        self.closed = True
        self.left()

    # ── for those who are built on it ───────────────────────────────────────────────────────────

    def hear(self, text: bytes) -> None:
        raise NotImplementedError

    def left(self) -> None:
        """It has ended."""

    def say(self, text: bytes) -> None:
        if not self.closed:
            self._line.say(text)

    def end(self, code: int, why: str) -> None:
        if not self.closed:
            self.closed = True
            self._line.close(code, why)

    def end_after(self, span_ns: int) -> None:
        """Close when so much time has passed."""
        self._ends_ns = self._clock() + span_ns

    def pace(self, now_ns: int) -> None:
        """Time has passed: ping, or give up, or say goodbye."""
        if self.closed:
            return
        if now_ns - self.began_ns >= self._habits.life_ns or (self._ends_ns and now_ns >= self._ends_ns):
            self.end(GOING_AWAY, "Going away")
        elif self._waiting_ns and now_ns - self._waiting_ns > self._habits.pong_ns:
            self.end(POLICY, "Pong timeout")
        elif now_ns - self._pinged_ns >= self._habits.ping_ns:
            self._pinged_ns = now_ns
            self._payload = str(now_ns // 1_000_000).encode()
            self._waiting_ns = self._waiting_ns or now_ns
            self._line.ping(self._payload)

    def _counted(self) -> bool:
        if not self._habits.messages_per_s or self._heard.add(self._clock()):
            return True
        self.end(POLICY, "Too many requests")
        return False
