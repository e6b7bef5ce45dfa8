"""One account's way of asking T-Invest: within each method's limit, one attempt, heard once.

A reply is a message, a `Fault` (the venue has said no, and with which code), or a `Silence` (nobody knows).
What the headers say of the limits is taken to heart before the reply is handed on.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from kedge.venues.allowance import Allowance, Cost, Heed
from kedge.venues.calls import OK, CallAsk, CallSaid
from kedge.venues.silence import Silence, sentence
from kedge.venues.tinvest.errors import Fault, fault_of
from kedge.venues.tinvest.rules import SECOND_NS, WINDOWS, Method
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import PACKAGE, Unreadable, pace_of, read
from kedge.venues.turns import Turns
from kedge.venues.venue import Condition
from kedge.venues.wires import NoReply

M = TypeVar("M", bound=Message)

# How long a question may wait for room: a window is a minute.
ROOM_S = 70.0
SHORTEST_S = 0.05


class Asks:
    def __init__(self, ties: Ties) -> None:
        self.allowance = Allowance(WINDOWS)
        self.turns = Turns(self.allowance, ties.clock)
        self._ties = ties

    @property
    def condition(self) -> Condition:
        used, most = self.allowance.nearest(self._ties.clock())
        return Condition(used, most)

    def now_ns(self) -> int:
        return self._ties.clock()

    async def ask(self, method: Method, request: Message, reply: type[M]) -> M | Fault | Silence:
        """A question: it waits its turn."""
        refused = await self.turns.claim_in_turn(self.cost(method), ROOM_S, ROOM_S)
        if refused is not None:
            return refused
        return await self._call(method, request, reply, self._ties.options.question_s * method.patience)

    async def do(
        self, method: Method, request: Message, reply: type[M], valid_until_ns: int = 0
    ) -> M | Fault | Silence:
        """A deed: now or not at all, and not after its last moment."""
        now_ns = self._ties.clock()
        if valid_until_ns and now_ns > valid_until_ns:
            return Silence("not sent: its last moment has passed", unsent=True)
        refused = self.turns.claim(self.cost(method), True)
        if refused is not None:
            return refused
        patience_s = self._ties.options.deed_s
        if valid_until_ns:
            # The venue knows no last moment, so it must not leave after ours either: a connection that takes
            # longer is not waited for.
            patience_s = min(patience_s, max(SHORTEST_S, (valid_until_ns - now_ns) / SECOND_NS))
        return await self._call(method, request, reply, patience_s)

    def path(self, method: Method) -> str:
        if self._ties.sandbox and method.sandbox:
            return f"/{PACKAGE}.SandboxService/{method.sandbox}"
        return f"/{PACKAGE}.{method.service}/{method.name}"

    def cost(self, method: Method) -> Cost:
        return (("address", 1), (self._window(method), 1))

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _window(self, method: Method) -> str:
        return "sandbox" if self._ties.sandbox and method.sandbox else method.window

    async def _call(
        self, method: Method, request: Message, reply: type[M], timeout_s: float
    ) -> M | Fault | Silence:
        ask = CallAsk(self.path(method), request.SerializeToString(), self._ties.metadata)
        said = await self._ties.calls.unary(self._ties.host, ask, timeout_s)
        if isinstance(said, NoReply):
            return Silence(sentence(said.why), unsent=said.unsent)
        if said.status != OK:
            fault = fault_of(said)
            self._heed(method, said, fault)
            return fault
        self._heed(method, said, None)
        made = read(reply, said.body)
        return Silence(made.why) if isinstance(made, Unreadable) else made

    def _heed(self, method: Method, said: CallSaid, fault: Fault | None) -> None:
        """How much of this method's minute is used up; after a refusal, until when it is."""
        pace, window = pace_of(said.metadata), self._window(method)
        now_ns = self._ties.clock()
        if fault is not None and fault.meaning == "rate":
            self.allowance.heed(Heed(fault.retry_ns, fault.why, only=window), now_ns)
        elif pace.remaining >= 0:
            used = max(0, WINDOWS[window].limit - pace.remaining)
            self.allowance.heed(Heed(used=((window, used),)), now_ns)
