"""Who we are to Binance spot, and what its time is: every request is stamped and signed here, at the last
moment. `Us` also reads what replies say of the venue's patience and of its clock, for `Rest` and the WS API.
"""

from __future__ import annotations

from kedge.venues.allowance import Allowance, Cost, Heed, Window
from kedge.venues.binance.errors import (
    NS_PER_MS,
    Failure,
    Used,
    failure_of,
    sentence_of,
    used_of_headers,
    used_of_limits,
    ws_failure_of,
)
from kedge.venues.binance.sign import Signer, Value, sealed, signed_params, window
from kedge.venues.binance.spot import rules
from kedge.venues.binance.spot.market import ServerTime
from kedge.venues.binance.spot.wire import Frame, Unreadable, read_as
from kedge.venues.rest import Call, Manners
from kedge.venues.skew import Skew
from kedge.venues.venue import Clock
from kedge.venues.wires import HttpAsk, HttpSaid

MINUTE_NS = 60_000_000_000
TEN_SECONDS_NS = 10_000_000_000
# How long a question may be under way; a deed says its own last moment.
QUESTION_WINDOW_NS = 5_000_000_000
SMALL = 64


class Us:
    """`signer` None: there is no usable key, and nothing signed can be asked."""

    def __init__(self, key: str, signer: Signer | None, clock: Clock, skew: Skew) -> None:
        self.signer = signer
        self.skew = skew
        self._key = key
        self._clock = clock

    @property
    def may_log_on(self) -> bool:
        """Only Ed25519 keys may log a WS API session on; the others sign every request."""
        return self.signer is not None and self.signer.kind == "ed25519"

    def venue_ns(self) -> int:
        return self._clock() + self.skew.skew_ns

    def manners(self) -> Manners:
        return Manners(self._sign, self._heed, clock_of)

    def stamped(
        self, params: dict[str, Value], valid_until_ns: int = 0, *, logged_on: bool = False
    ) -> dict[str, Value] | None:
        """The params of a signed WS API request; None when its last moment has passed."""
        now_ns = self._clock()
        moment = window(now_ns, valid_until_ns or now_ns + QUESTION_WINDOW_NS, self.skew.skew_ns)
        if moment is None:
            return None
        full = {**params, "timestamp": moment[0], "recvWindow": moment[1]}
        if logged_on:
            return full
        assert self.signer is not None
        full["apiKey"] = self._key
        return signed_params(full, self.signer)

    def failure(self, said: HttpSaid) -> Failure:
        return failure_of(said.status, said.body, said.headers, self.venue_ns())

    def ws_failure(self, frame: Frame) -> Failure:
        error = frame.error
        code, text = (error.code, error.msg) if error is not None else (0, "")
        after_ms = error.data.retry_after if error is not None and error.data is not None else 0
        return ws_failure_of(frame.status, code, text, after_ms, self.venue_ns())

    def ws_heed(self, frame: Frame) -> Heed:
        used = _cost_of(used_of_limits(frame.rate_limits))
        if frame.status < 400:
            return Heed(used=used)
        return _heed_of(self.ws_failure(frame), used)

    def _sign(self, call: Call, now_ns: int) -> HttpAsk:
        if not call.signed:
            target = f"{call.path}?{call.query}" if call.query else call.path
            return HttpAsk(call.method, target)
        assert self.signer is not None
        until_ns = call.valid_until_ns or now_ns + QUESTION_WINDOW_NS
        # `Rest` has seen that the moment is not past; less than a millisecond is rounded up to one.
        stamp_ms, window_ms = window(now_ns, until_ns, self.skew.skew_ns) or (
            (now_ns + self.skew.skew_ns) // NS_PER_MS,
            1,
        )
        stamp = f"timestamp={stamp_ms}&recvWindow={window_ms}"
        query = sealed(f"{call.query}&{stamp}" if call.query else stamp, self.signer)
        return HttpAsk(call.method, f"{call.path}?{query}", (("X-MBX-APIKEY", self._key),))

    def _heed(self, said: HttpSaid) -> Heed:
        used = _cost_of(used_of_headers(said.headers))
        if said.status < 400:
            return Heed(used=used)
        return _heed_of(self.failure(said), used)


def _heed_of(failure: Failure, used: Cost) -> Heed:
    only = rules.ORDERS if failure.of_orders else ""
    return Heed(failure.retry_ns, sentence_of(failure), used, only)


def allowance() -> Allowance:
    return Allowance(
        {
            rules.WEIGHT: Window(rules.WEIGHT_PER_MINUTE, MINUTE_NS, rules.WEIGHT_RESERVE),
            rules.ORDERS: Window(rules.ORDERS_PER_10S, TEN_SECONDS_NS),
        }
    )


def clock_of(said: HttpSaid) -> int:
    """The venue's time in a reply of `time`; nothing else is so small and says it."""
    if said.status != 200 or len(said.body) > SMALL:
        return 0
    time = read_as(said.body, ServerTime)
    return 0 if isinstance(time, Unreadable) else time.server_time * NS_PER_MS


def _cost_of(used: tuple[Used, ...]) -> tuple[tuple[str, int], ...]:
    """What the windows we keep have been counted to."""
    found = []
    for one in used:
        if one.kind == "weight" and one.interval_ns == MINUTE_NS:
            found.append((rules.WEIGHT, one.count))
        elif one.kind == "orders" and one.interval_ns == TEN_SECONDS_NS:
            found.append((rules.ORDERS, one.count))
    return tuple(found)
