"""One account's way of asking a venue by HTTP: within its allowance, signed at the last moment, heard once.

Questions wait their turn for room in the allowance, in the order they came; deeds (orders, cancels) never
wait: where there is no room, or a ban holds, they are answered unsent with the time there is to wait. One
call is one attempt. What a reply says of the venue's patience, and of its clock, is taken to heart before it
is handed on.

    rest = Rest(wires, "https://api.bybit.com", clock, manners, allowance, skew)
    said = await rest.ask(Call("GET", "/v5/order/realtime", "category=linear", cost=(("queries", 1),)))
    if isinstance(said, Silence): ...   # nobody knows; `unsent` and `retry_ns` say more
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from kedge.venues.allowance import HEEDLESS, Allowance, Cost, Heed
from kedge.venues.silence import Silence, sentence
from kedge.venues.skew import Skew
from kedge.venues.venue import Clock, Condition
from kedge.venues.wires import HttpAsk, HttpSaid, Method, NoReply, Wires

SECOND_NS = 1_000_000_000
# Questions that wait for room at one time; whoever asks more is told so.
WAITING_MAX = 200
CLOCK_TRIES = 5
# What has to wait for less is nobody's trouble.
WAIT_TOLD_NS = 2 * SECOND_NS


class Call(Struct, frozen=True):
    """One request before it is signed. `query` is encoded already; a signature may be put behind it.

    `deed`: it changes something at the venue. `valid_until_ns`: it is not sent after this moment.
    `timeout_s` 0: the usual patience.
    """

    method: Method
    path: str
    query: str = ""
    body: bytes = b""
    cost: Cost = ()
    deed: bool = False
    signed: bool = True
    valid_until_ns: int = 0
    timeout_s: float = 0.0


def _heedless(said: HttpSaid) -> Heed:
    return HEEDLESS


def _clockless(said: HttpSaid) -> int:
    return 0


class Manners(Struct, frozen=True):
    """What the toolkit must know of a venue to ask it: functions of its wire code, all pure.

    `sign(call, now_ns)` makes the request that leaves now. `heed(said)` reads what a reply says of budgets
    and bans. `clock(said)` is the venue's time in the reply, in nanoseconds; 0 where it says none.
    """

    sign: Callable[[Call, int], HttpAsk]
    heed: Callable[[HttpSaid], Heed] = _heedless
    clock: Callable[[HttpSaid], int] = _clockless


class Waits(Struct, frozen=True):
    """Patience in seconds."""

    deed_s: float = 5.0
    question_s: float = 10.0
    # How long a question may wait for room before it is given up, and for the end of a ban.
    room_s: float = 30.0
    ban_s: float = 30.0


class Rest:
    def __init__(
        self,
        wires: Wires,
        base: str,
        clock: Clock,
        manners: Manners,
        allowance: Allowance,
        skew: Skew,
        waits: Waits | None = None,
    ) -> None:
        self.base = base
        self.allowance = allowance
        self.skew = skew
        self.waits = waits or Waits()
        self._wires = wires
        self._clock = clock
        self._manners = manners
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._waits_until_ns = 0

    @property
    def waits_for_room(self) -> str:
        """Why a question is not sent yet, where the allowance holds it up; "" where nothing does."""
        now_ns = self._clock()
        left_ns = self._waits_until_ns - now_ns
        if left_ns < WAIT_TOLD_NS:
            return ""
        wants = "patience to return" if self.allowance.banned_ns(now_ns) else "request allowance"
        return f"waiting {-(-left_ns // SECOND_NS)} s for the venue's {wants}"

    @property
    def condition(self) -> Condition:
        """As far as asking by HTTP tells."""
        used, most = self.allowance.nearest(self._clock())
        return Condition(used, most, self.skew.skew_ns)

    async def ask(self, call: Call) -> HttpSaid | Silence:
        """Send it once and wait for the reply, whatever its status is."""
        refused = self._claim(call) if call.deed else await self._claim_in_turn(call)
        if refused is not None:
            return refused
        now_ns = self._clock()
        if call.valid_until_ns and now_ns > call.valid_until_ns:
            return Silence("not sent: its last moment has passed", unsent=True)
        usual_s = self.waits.deed_s if call.deed else self.waits.question_s
        ask = self._manners.sign(call, now_ns)
        said = await self._wires.http(self.base, ask, call.timeout_s or usual_s)
        if isinstance(said, NoReply):
            return Silence(sentence(said.why), unsent=said.unsent)
        self._take_to_heart(said, now_ns)
        return said

    async def check_clock(self, call: Call) -> str:
        """Ask the time until an answer is quick enough to be believed; the sentence if it must not be."""
        for _ in range(CLOCK_TRIES):
            said = await self.ask(call)
            if isinstance(said, Silence):
                return f"the venue does not tell the time: {said.why}"
            if self._manners.clock(said) <= 0:
                return _no_time(said.status)
            if self.skew.known:
                return self.skew.fault
        slow_ms = self.skew.last_rtt_ns // 1_000_000
        return f"the venue answers so slowly ({slow_ms} ms) that its clock cannot be compared with ours"

    def heed(self, heed: Heed) -> None:
        """What was said elsewhere (a WebSocket that takes orders, say) counts here too."""
        self.allowance.heed(heed, self._clock())

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _claim(self, call: Call) -> Silence | None:
        """Take what it costs, now or not at all."""
        now_ns = self._clock()
        wait_ns = self.allowance.wait_ns(call.cost, call.deed, now_ns)
        if wait_ns:
            why = f"not sent: {self.allowance.excuse(wait_ns, now_ns)}"
            return Silence(sentence(why), unsent=True, retry_ns=wait_ns)
        self.allowance.take(call.cost, now_ns)
        return None

    async def _claim_in_turn(self, call: Call) -> Silence | None:
        """Wait for room behind the questions that came earlier."""
        if self._waiting >= WAITING_MAX:
            return Silence(f"not sent: {WAITING_MAX} questions are waiting already", unsent=True)
        self._waiting += 1
        began_ns = self._clock()
        try:
            async with self._turn:
                while True:
                    refused = self._claim(call)
                    if refused is None or refused.retry_ns > self._patience_ns(began_ns):
                        return refused
                    self._waits_until_ns = self._clock() + refused.retry_ns
                    await asyncio.sleep(refused.retry_ns / SECOND_NS)
        finally:
            self._waiting -= 1
            self._waits_until_ns = 0

    def _patience_ns(self, began_ns: int) -> int:
        now_ns = self._clock()
        patience_s = self.waits.ban_s if self.allowance.banned_ns(now_ns) else self.waits.room_s
        return began_ns + round(patience_s * SECOND_NS) - now_ns

    def _take_to_heart(self, said: HttpSaid, sent_ns: int) -> None:
        now_ns = self._clock()
        self.allowance.heed(self._manners.heed(said), now_ns)
        venue_ns = self._manners.clock(said)
        if venue_ns > 0:
            self.skew.measured(sent_ns, venue_ns, now_ns)


def _no_time(status: int) -> str:
    if status >= 500:
        return f"the venue is out of service (HTTP {status}): under maintenance, perhaps"
    if status in (403, 418, 429):
        return f"the venue shuts this address out for a while (HTTP {status})"
    return f"the venue does not tell the time (HTTP {status})"
