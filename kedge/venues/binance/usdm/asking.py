"""How one account asks Binance USDⓈ-M: stamped and signed at the last moment, within its limits, once.

Questions go by REST. Deeds go by the WS API while its line is up, and by REST when the deed has certainly not
left by the line: never because an answer is missing. Either way what comes back is one of three: `Done` with
the body of the reply, `Failure` with the venue's refusal, or `Silence`.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from kedge.venues.allowance import Allowance, Cost, Heed
from kedge.venues.binance.errors import (
    BAD_TIMESTAMP,
    Failure,
    Used,
    failure_of,
    used_of_headers,
    used_of_limits,
    ws_failure_of,
)
from kedge.venues.binance.sign import Signer, query_of, sealed, signer_of, window, ws_signature
from kedge.venues.binance.usdm import asks, mends
from kedge.venues.binance.usdm.asks import Ask
from kedge.venues.binance.usdm.rules import (
    BINANCE_USDM_RULES,
    ORDERS_1M,
    ORDERS_10S,
    SECOND_NS,
    WEIGHT,
    WINDOWS,
    Hosts,
    Options,
)
from kedge.venues.binance.usdm.wire import NS_PER_MS, ServerTime, Unreadable, WsReply, read
from kedge.venues.rest import Call, Manners, Rest, Waits
from kedge.venues.silence import Silence
from kedge.venues.skew import Skew
from kedge.venues.venue import Clock, Setup
from kedge.venues.wires import HttpAsk, HttpSaid, Wires

QUESTION_WINDOW_NS = 5 * SECOND_NS
MINUTE_NS = 60 * SECOND_NS
# A reply of the time is smaller than this; no other is asked what time it is.
SMALL = 64

T = TypeVar("T")


class Done(Struct, frozen=True):
    """The venue has carried it out; the body says what."""

    body: bytes


class Failed(Struct, frozen=True):
    """A question without an answer. `code` is the venue's, 0 where it said none."""

    why: str
    code: int = 0
    retry_ns: int = 0
    for_a_person: bool = False


Outcome = Done | Failure | Silence


class OrderLine(Protocol):
    """The line of the WS API, as far as deeds need it."""

    @property
    def is_up(self) -> bool: ...

    async def call(self, method: str, params: dict[str, object]) -> WsReply | Silence: ...


class Asking:
    def __init__(
        self, setup: Setup, hosts: Hosts, wires: Wires, clock: Clock, skew: Skew, options: Options
    ) -> None:
        made = signer_of(setup.secret)
        # Why nothing signed can be asked, or "".
        self.no_signer = made if isinstance(made, str) else "" if setup.key else "no API key is set"
        self.skew = skew
        # The venue found our timestamps wrong: its clock must be asked for again.
        self.clock_doubted = False
        self.line: OrderLine | None = None
        self._signer: Signer | None = None if isinstance(made, str) else made
        self._key = setup.key
        self._clock = clock
        self.allowance = Allowance(WINDOWS)
        waits = Waits(deed_s=options.request_s, question_s=options.question_s, room_s=options.room_s)
        manners = Manners(self._sign, self._heed, _clock_of)
        self.rest = Rest(wires, hosts.rest, clock, manners, self.allowance, skew, waits)
        self._account_rest: Rest | None = None
        if hosts.account:
            # The host that knows keys counts by itself.
            self._account_rest = Rest(wires, hosts.account, clock, manners, Allowance({}), skew, waits)

    @property
    def now_ns(self) -> int:
        return self._clock()

    @property
    def venue_ns(self) -> int:
        """The venue's time, as far as we know it."""
        return self._clock() + self.skew.skew_ns

    @property
    def banned_ns(self) -> int:
        """How long the venue still wants to be left alone."""
        return self.allowance.banned_ns(self._clock())

    def is_young(self, at_ms: int) -> bool:
        """So lately that the venue need not show yet all that belongs to it."""
        return at_ms > self.settled_ms

    @property
    def settled_ms(self) -> int:
        """All that happened until then is shown by now, wherever it belongs."""
        return (self.venue_ns - BINANCE_USDM_RULES.visibility_ns) // NS_PER_MS

    def is_over(self, until_ns: int) -> bool:
        """What could take effect until then, by our clock, has done so and is shown, or never will."""
        rules = BINANCE_USDM_RULES
        return self._clock() > until_ns + rules.skew_ns + rules.visibility_ns

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    async def read(self, ask: Ask, kind: type[T]) -> T | Failed:
        """Ask, and read the answer; a question may wait its turn."""
        return await self._read(self.rest, ask, kind)

    async def read_of_account(self, ask: Ask, kind: type[T]) -> T | Failed | None:
        """Ask the host that knows keys; None where there is none."""
        if self._account_rest is None:
            return None
        return await self._read(self._account_rest, ask, kind)

    async def check_clock(self) -> str:
        """The sentence why the venue's clock must not be believed, or ""."""
        self.clock_doubted = False
        return await self.rest.check_clock(_call(asks.server_time()))

    async def _read(self, rest: Rest, ask: Ask, kind: type[T]) -> T | Failed:
        said = await rest.ask(_call(ask))
        if isinstance(said, Silence):
            return Failed(said.why, retry_ns=said.retry_ns)
        if said.status != 200:
            failure = self._failure(said)
            return Failed(mends.sentence(failure), failure.code, failure.retry_ns, failure.for_a_person)
        found = read(said.body, kind)
        return Failed(found.why) if isinstance(found, Unreadable) else found

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    async def do(self, ask: Ask, valid_until_ns: int) -> Outcome:
        """One attempt, by the line if it is up, else by REST."""
        line = self.line
        if ask.ws and line is not None and line.is_up:
            outcome = await self._do_by_line(line, ask, valid_until_ns)
            if not (isinstance(outcome, Silence) and outcome.unsent and not outcome.retry_ns):
                return outcome
        said = await self.rest.ask(_call(ask, deed=True, valid_until_ns=valid_until_ns))
        if isinstance(said, Silence):
            return said
        return Done(said.body) if said.status == 200 else self._failure(said)

    async def _do_by_line(self, line: OrderLine, ask: Ask, valid_until_ns: int) -> Outcome:
        now_ns = self._clock()
        moment = window(now_ns, valid_until_ns or now_ns + QUESTION_WINDOW_NS, self.skew.skew_ns)
        if moment is None:
            return Silence("not sent: its last moment has passed", unsent=True)
        wait_ns = self.allowance.wait_ns(ask.cost, True, now_ns)
        if wait_ns:
            why = f"not sent: {self.allowance.excuse(wait_ns, now_ns)}"
            return Silence(why, unsent=True, retry_ns=wait_ns)
        self.allowance.take(ask.cost, now_ns)
        assert self._signer is not None
        timed: dict[str, Any] = {
            **ask.params,
            "apiKey": self._key,
            "timestamp": moment[0],
            "recvWindow": moment[1],
        }
        timed["signature"] = ws_signature(timed, self._signer)
        reply = await line.call(ask.ws, timed)
        if isinstance(reply, Silence):
            return reply
        used = _cost_of(used_of_limits(reply.rate_limits))
        if reply.status == 200:
            self.allowance.heed(Heed(used=used), self._clock())
            return Done(bytes(reply.result))
        code, text = (reply.error.code, reply.error.msg) if reply.error else (0, "")
        failure = ws_failure_of(reply.status, code, text, 0, self.venue_ns)
        self.clock_doubted = self.clock_doubted or code == BAD_TIMESTAMP
        self.allowance.heed(_heed_of(failure, used), self._clock())
        return failure

    # ── manners ─────────────────────────────────────────────────────────────────────────────────

    def _sign(self, call: Call, now_ns: int) -> HttpAsk:
        header = (("X-MBX-APIKEY", self._key),)
        if not call.signed:
            target = f"{call.path}?{call.query}" if call.query else call.path
            # The listen key wants to know whose it is, and no signature.
            return HttpAsk(call.method, target, header if call.path.endswith("/listenKey") else ())
        assert self._signer is not None
        skew_ns = self.skew.skew_ns
        until_ns = call.valid_until_ns or now_ns + QUESTION_WINDOW_NS
        # `Rest` has seen that the moment is not past; less than a millisecond is rounded up to one.
        moment = window(now_ns, until_ns, skew_ns) or ((now_ns + skew_ns) // NS_PER_MS, 1)
        stamp = f"timestamp={moment[0]}&recvWindow={moment[1]}"
        query = sealed(f"{call.query}&{stamp}" if call.query else stamp, self._signer)
        return HttpAsk(call.method, f"{call.path}?{query}", header)

    def _failure(self, said: HttpSaid) -> Failure:
        failure = failure_of(said.status, said.body, said.headers, self.venue_ns)
        self.clock_doubted = self.clock_doubted or failure.code == BAD_TIMESTAMP
        return failure

    def _heed(self, said: HttpSaid) -> Heed:
        used = _cost_of(used_of_headers(said.headers))
        if said.status < 400:
            return Heed(used=used)
        return _heed_of(self._failure(said), used)


def _call(ask: Ask, *, deed: bool = False, valid_until_ns: int = 0) -> Call:
    return Call(
        ask.method,
        ask.path,
        query_of(ask.params),
        cost=ask.cost,
        deed=deed,
        signed=ask.key == "signed",
        valid_until_ns=valid_until_ns,
    )


def _clock_of(said: HttpSaid) -> int:
    if said.status != 200 or len(said.body) > SMALL:
        return 0
    time = read(said.body, ServerTime)
    return 0 if isinstance(time, Unreadable) else time.server_time * NS_PER_MS


def _heed_of(failure: Failure, used: Cost) -> Heed:
    """Every order counts in the window of ten seconds: holding that one holds them all."""
    only = ORDERS_10S if failure.of_orders else ""
    return Heed(failure.retry_ns, mends.sentence(failure), used, only)


_WINDOW_OF = {("weight", MINUTE_NS): WEIGHT, ("orders", 10 * SECOND_NS): ORDERS_10S}
_WINDOW_OF["orders", MINUTE_NS] = ORDERS_1M


def _cost_of(used: tuple[Used, ...]) -> Cost:
    """What the windows that we keep have been counted to."""
    found = []
    for one in used:
        name = _WINDOW_OF.get((one.kind, one.interval_ns))
        if name is not None:
            found.append((name, one.count))
    return tuple(found)


def frame_of(id: int, method: str, params: dict[str, object]) -> bytes:
    """One request of the WS API."""
    return msgspec.json.encode({"id": id, "method": method, "params": params})
