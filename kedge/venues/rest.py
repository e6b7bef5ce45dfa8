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

from collections.abc import Callable

from msgspec import Struct

from kedge.venues.allowance import HEEDLESS, Allowance, Cost, Heed
from kedge.venues.silence import Silence, sentence
from kedge.venues.skew import Skew
from kedge.venues.turns import Turns
from kedge.venues.venue import Clock, Condition
from kedge.venues.wires import HttpAsk, HttpSaid, Method, NoReply, Wires

CLOCK_TRIES = 5


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
        self._turns = Turns(allowance, clock)

    @property
    def waits_for_room(self) -> str:
        """Why a question is not sent yet, where the allowance holds it up; "" where nothing does."""
        return self._turns.waits_for_room

    @property
    def condition(self) -> Condition:
        """As far as asking by HTTP tells."""
        used, most = self.allowance.nearest(self._clock())
        return Condition(used, most, self.skew.skew_ns)

    async def ask(self, call: Call) -> HttpSaid | Silence:
        """Send it once and wait for the reply, whatever its status is."""
        if call.deed:
            refused = self._turns.claim(call.cost, True)
        else:
            refused = await self._turns.claim_in_turn(call.cost, self.waits.room_s, self.waits.ban_s)
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
