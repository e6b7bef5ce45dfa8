"""The weather between a venue and whoever calls it: the same for real sockets and for a storm's net.

    faulty = Faulty(testnet, faults, later)
    faulty.ask(request, told)               `told` is called with the reply: at once, later, or never
    visitor = faulty.socket(request, line)  a `Visitor` to hand what comes in, or the `Reply` that refuses
    faulty.tick()                           instead of the testnet's own

Whoever carries a WebSocket answers pings himself, except while `visitor.deaf`; and a `close` with the code
`CUT` means: break it, without a word.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from kedge.sim.testnet.clock import Later
from kedge.sim.testnet.faults import (
    HEARD_FAULTS,
    REPLY_FAULTS,
    REQUEST_FAULTS,
    SAID_FAULTS,
    Case,
    Fault,
    Faults,
)
from kedge.sim.testnet.web import Line, Reply, Request, Testnet, Visitor

# The close code of a line that breaks; no close frame carries it (RFC 6455, 7.4.1).
CUT = 1006
# What may wait: requests of a paused venue, frames of a stalled line.
PAUSED_MAX = 10_000
STALLED_MAX = 10_000

# Told the reply, once; None: the connection is reset instead. Never called: there is no answer.
Told = Callable[[Reply | None], None]


class Faulty:
    def __init__(
        self,
        testnet: Testnet,
        faults: Faults,
        later: Later,
        account_of: Callable[[Request], str] = lambda request: "",
    ) -> None:
        self.testnet = testnet
        self.faults = faults
        self.paused = False
        self.requests = 0
        self.sessions: dict[int, Session] = {}
        self._later = later
        self._account_of = account_of
        self._made = 0
        self._waiting: deque[Callable[[], None]] = deque()
        # While the venue does a deed whose news is to come after the answer: the lines it spoke to.
        self._late: dict[int, Session] | None = None

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────

    def ask(self, request: Request, told: Told) -> None:
        """One HTTP request, weather permitting."""
        if self.paused:
            self.wait(lambda: self.ask(request, told))
            return
        self.requests += 1
        case = Case(request.method, request.path, lambda: _text(request), self._account_of(request))
        fault = self.faults.draw(REQUEST_FAULTS, case)
        if fault is None:
            self._do(request, case, told)
        elif fault.kind == "delay_request":
            self._later(fault.delay_ns, lambda: self._do(request, case, told))
        elif fault.kind in ("error", "reset"):
            if fault.deed:
                self.testnet.http(request)
            told(self.faults.error_of(fault) if fault.kind == "error" else None)

    def _do(self, request: Request, case: Case, told: Told) -> None:
        if self.paused:
            self.wait(lambda: self._do(request, case, told))
            return
        first = self.faults.draw(("reply_first",), case)
        if first is None:
            self._answer(self.testnet.http(request), case, told)
            return
        self._late = {}
        reply = self.testnet.http(request)
        late, self._late = self._late, None
        self._answer(reply, case, told)
        for session in late.values():
            session.release_after(first.delay_ns)

    def _answer(self, reply: Reply, case: Case, told: Told) -> None:
        fault = self.faults.draw(REPLY_FAULTS, case)
        if fault is None:
            told(reply)
        elif fault.kind == "delay_reply":
            self._later(fault.delay_ns, lambda: told(reply))
        elif fault.kind == "garble_reply":
            told(Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers, reply.kind))

    # ── WebSockets ──────────────────────────────────────────────────────────────────────────────

    def socket(self, request: Request, line: Line) -> Session | Reply:
        """Somebody wants a WebSocket; `gone` of what is returned must be called when it has ended."""
        fault = self.faults.draw(("refuse_socket",), Case("WS", request.path, lambda: request.query))
        if fault is not None:
            return self.faults.error_of(fault)
        self._made += 1
        session = Session(self, self._made, request.path, line, self._account_of(request))
        found = self.testnet.socket(request, session)
        if isinstance(found, Reply):
            return found
        session.begin(found)
        if not session.closed:
            self.sessions[session.number] = session
        return session

    def cut(self, path: str = "", account: str = "") -> int:
        """Break the WebSockets whose path begins so and that were opened as this account; how many."""
        chosen = [s for s in self.sessions.values() if s.path.startswith(path) and account in ("", s.account)]
        for session in chosen:
            session.close(CUT, "")
        return len(chosen)

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def tick(self) -> None:
        if not self.paused:
            self.testnet.tick()

    def pause(self) -> None:
        """Do nothing and say nothing until `unpause`; what arrives meanwhile is done afterwards."""
        self.paused = True

    def unpause(self) -> None:
        if not self.paused:
            return
        self.paused = False
        waiting, self._waiting = self._waiting, deque()
        for do in waiting:
            do()

    def wait(self, do: Callable[[], None]) -> None:
        """Until the pause is over. What does not fit is lost, as by a venue that is flooded."""
        if len(self._waiting) < PAUSED_MAX:
            self._waiting.append(do)

    def later(self, after_ns: int, do: Callable[[], None]) -> None:
        self._later(after_ns, do)

    def hold_if_late(self, session: Session) -> None:
        """A line is spoken to: within a deed whose answer goes first, it begins to wait."""
        if self._late is not None and session.number not in self._late:
            self._late[session.number] = session
            session.stall()


class Session:
    """One WebSocket in the weather: a `Line` for the venue, a `Visitor` for whoever carries it."""

    def __init__(self, faulty: Faulty, number: int, path: str, line: Line, account: str) -> None:
        self.number = number
        self.path = path
        self.account = account
        # Half-open: pings are not answered either.
        self.deaf = False
        self.closed = False
        self._faulty = faulty
        self._line = line
        self._visitor: Visitor | None = None
        self._stalls = 0
        self._waiting: deque[Callable[[], None]] = deque()
        self._held: list[bytes] = []

    def begin(self, visitor: Visitor) -> None:
        self._visitor = visitor

    # ── the venue speaks ────────────────────────────────────────────────────────────────────────

    def say(self, text: bytes) -> None:
        if self.closed or self.deaf:
            return
        self._faulty.hold_if_late(self)
        fault = self._draw(SAID_FAULTS, text, "out")
        if fault is None:
            self._send(text)
        elif fault.kind == "duplicate_frame":
            self._send(text)
            self._send(text)
        elif fault.kind == "hold_frame":
            self._hold(text, fault.delay_ns)
        elif fault.kind == "stall":
            self.stall()
            self._send(text)
            self.release_after(fault.delay_ns)
        elif fault.kind == "cut":
            self.close(CUT, "")
        elif fault.kind == "silent":
            self.deaf = True

    def ping(self, payload: bytes) -> None:
        if not self.deaf:
            self._out(lambda: self._line.ping(payload))

    def close(self, code: int, why: str) -> None:
        """A break comes at once; a goodbye waits its turn."""
        if self.closed:
            return
        if code == CUT:
            self._waiting.clear()
            self._end(code, why)
        elif not self.deaf:
            self._out(lambda: self._end(code, why))

    def stall(self) -> None:
        """Let what is said wait, until as many releases have come."""
        self._stalls += 1

    def release_after(self, after_ns: int) -> None:
        self._faulty.later(after_ns, self._release)

    # ── the other side speaks ───────────────────────────────────────────────────────────────────

    def heard(self, text: bytes) -> None:
        if self.closed or self.deaf:
            return
        if self._faulty.paused:
            self._faulty.wait(lambda: self.heard(text))
            return
        self._faulty.requests += 1
        fault = self._draw(HEARD_FAULTS, text, "in")
        if fault is None:
            self._hear(text)
        elif fault.kind == "delay_request":
            self._faulty.later(fault.delay_ns, lambda: self._hear(text))
        elif fault.kind == "cut":
            if fault.deed:
                self._hear(text)
            self.close(CUT, "")
        elif fault.kind == "silent":
            self.deaf = True
            if fault.deed:
                self._hear(text)

    def pinged(self, payload: bytes) -> None:
        if self._visitor is not None and not (self.closed or self.deaf):
            self._visitor.pinged(payload)

    def ponged(self, payload: bytes) -> None:
        if self._visitor is not None and not (self.closed or self.deaf):
            self._visitor.ponged(payload)

    def gone(self) -> None:
        """The line has ended, from whichever side."""
        self.closed = True
        self._faulty.sessions.pop(self.number, None)
        visitor, self._visitor = self._visitor, None
        if visitor is not None:
            visitor.gone()

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _draw(self, kinds: tuple[str, ...], text: bytes, way: Literal["in", "out"]) -> Fault | None:
        case = Case("WS", self.path, lambda: text.decode(errors="replace"), self.account, way=way)
        return self._faulty.faults.draw(kinds, case)

    def _hear(self, text: bytes) -> None:
        if self._visitor is not None and not self.closed:
            self._visitor.heard(text)

    def _send(self, text: bytes) -> None:
        self._out(lambda: self._line.say(text))
        held, self._held = self._held, []
        for late in held:
            self._out(lambda late=late: self._line.say(late))  # type: ignore[misc]

    def _hold(self, text: bytes, delay_ns: int) -> None:
        """After the next one; when there is none, after the delay."""
        self._held.append(text)

        def over() -> None:
            if text in self._held:
                self._held.remove(text)
                self._out(lambda: self._line.say(text))

        self._faulty.later(delay_ns, over)

    def _out(self, do: Callable[[], None]) -> None:
        if self.closed:
            return
        if not self._stalls:
            do()
        elif len(self._waiting) < STALLED_MAX:
            self._waiting.append(do)
        else:
            self.close(CUT, "")

    def _release(self) -> None:
        self._stalls -= 1
        while self._waiting and not self._stalls and not self.deaf:
            self._waiting.popleft()()

    def _end(self, code: int, why: str) -> None:
        self.closed = True
        self._line.close(code, why)


def _text(request: Request) -> str:
    return request.query + "\n" + request.body.decode(errors="replace")
