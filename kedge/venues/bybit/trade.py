"""Bybit's line for orders: deeds by WebSocket, each answered by its own id.

The account lives without it: while it is down, orders go by HTTP. It is only the line that says whether a
request left: what it calls unsent may be sent another way, everything else is nobody's to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kedge.venues.bybit import errors, frames, orders
from kedge.venues.bybit.sign import window_ms
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.wire import Unreadable
from kedge.venues.line import Address, Line
from kedge.venues.silence import Refused, Silence

# "The gateway is restarting: what it has is done, what comes is not taken."
RESTARTING = 10019
_AGAIN = 20001
# "Too many sessions under the same UID"; elsewhere this code speaks of the key.
CROWDED = 10003


class Trade:
    """`says(trouble)` is told whenever the line comes and goes; "" is all well."""

    def __init__(self, ties: Ties, says: Callable[[str], None]) -> None:
        self.restarting = False
        self._ties = ties
        self._says = says
        # Ids differ from those of every other life and line: the venue refuses one that it has seen.
        self._prefix = ""
        self._last_id = 0
        self._auth_id = ""
        self._opened = False
        self.line: Line[frames.Answer] = Line("order line", ties.wires, self, ties.line_waits())

    def open(self) -> None:
        """Begin to keep the line up; an open one is tried again at once."""
        if not self._ties.hosts.trade:
            return
        if self._opened:
            self.line.retry()
            return
        self._opened = True
        self.line.open()

    def retry(self) -> None:
        self.line.retry()

    async def close(self) -> None:
        await self.line.close()

    @property
    def usable(self) -> bool:
        return self.line.is_up and not self.restarting

    async def ask(self, op: str, args: object, now_ns: int, valid_until_ns: int) -> frames.Answer | Silence:
        """One request, one answer; `unsent` when it certainly did not leave."""
        id = self._new_id()
        stamp_ms, window = window_ms(now_ns, valid_until_ns)
        frame = orders.frame(op, id, stamp_ms, window, args)
        return await self.line.ask(id, frame, self._ties.options.request_s)

    # ── the owner of the line ───────────────────────────────────────────────────────────────────

    async def address(self) -> Address | Silence | Refused:
        self._prefix, self._last_id = f"{self._ties.clock():x}", 0
        self.restarting = False
        return Address(self._ties.hosts.trade)

    async def greet(self) -> Silence | Refused | None:
        id = self._new_id()
        setup = self._ties.setup
        frame = frames.auth("reqId", id, setup.key, setup.secret, self._ties.clock())
        self._auth_id = id
        answer = await self.line.ask(id, frame, self._ties.options.request_s)
        if isinstance(answer, Silence) or answer.ret_code in (0, _AGAIN):
            return answer if isinstance(answer, Silence) else None
        if answer.ret_code == CROWDED:
            # By HTTP the key was good a moment ago.
            return Silence(crowded(answer))
        refused = errors.refused_of(answer.ret_code, answer.ret_msg or "")
        return refused or Silence(errors.reason_of(answer.ret_code, answer.ret_msg or ""))

    def heard(self, frame: bytes) -> None:
        answer = frames.read_answer(frame)
        if isinstance(answer, Unreadable):
            self.line.cut(answer.why)
            return
        if answer.op in ("pong", "ping"):
            return
        if answer.ret_code == RESTARTING and not self.restarting:
            self._restart()
        # The answer to our authentication comes without an id where it pleases the venue.
        id = answer.req_id or (self._auth_id if answer.op == "auth" else "")
        if id:
            self.line.answer(id, answer)
        if answer.ret_code == CROWDED and answer.op != "auth":
            self.line.cut(crowded(answer))

    def paused(self) -> None:
        """Answers are handed on one by one: nothing is gathered."""

    def beat(self) -> bytes | None:
        return frames.PING

    def up(self) -> None:
        self._says("")

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._says(f"{why}; orders go by HTTP meanwhile")

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _new_id(self) -> str:
        self._last_id += 1
        return f"{self._prefix}-{self._last_id:x}"

    def _restart(self) -> None:
        """Take no new requests here; those under way are answered yet, then a new connection begins."""
        self.restarting = True
        asyncio.get_running_loop().call_later(self._ties.options.request_s, self._renew, self._prefix)

    def _renew(self, prefix: str) -> None:
        if self._prefix == prefix and self.restarting:
            self.line.renew("the venue restarts its order gateway")


def crowded(answer: frames.Answer) -> str:
    words = answer.ret_msg or "too many sessions"
    return f"{words} ({CROWDED}): close other programs that order with this account"
