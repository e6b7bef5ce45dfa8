"""Who may come in, how much, and in what weather: what every request goes through, by HTTP or by WebSocket.

In this order: weight of the address, the key, the signature and its time, the orders of the account; then
the operation; and whatever it says no with becomes a reply in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from kedge.sim.binance.common import Refused, answered, read_params, refused
from kedge.sim.binance.house import KEY_HEADER, BinanceHouse
from kedge.sim.binance.keys import check_http, key_of
from kedge.sim.binance.usdm.ask import Ask
from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.usdm.operations import Op, Rest
from kedge.sim.binance.usdm.rules import ORDER_WINDOWS, WEIGHT_PER_MINUTE
from kedge.sim.binance.usdm.weather import Weather
from kedge.sim.binance.weights import OrderCounts, Weights
from kedge.sim.testnet.web import Reply, Request

ACCOUNTS_MAX = 10_000


class Door:
    def __init__(self, house: BinanceHouse, weather: Weather, wake: Callable[[int], None]) -> None:
        """`wake` does what is due by itself up to a moment."""
        self.house = house
        self.weights = Weights(WEIGHT_PER_MINUTE)
        self._weather = weather
        self.wake = wake
        self._counts: dict[str, OrderCounts] = {}
        self.operations: Rest = {}

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────

    def http(self, request: Request) -> Reply:
        now_ns = self.house.now_ns()
        self.wake(now_ns)
        headers: dict[str, str] = {}
        try:
            op = self.operations.get((request.method, request.path))
            if op is None:
                text = f"Path {request.path}, Method {request.method} is invalid"
                raise Refused(-5000, text, 404)
            params = Named(read_params(request.query, request.body))
            self.weights.take(request.peer, op.weigh(params), now_ns)
            ask = self._ask_of(request, op, params, now_ns)
            body = self.do(op, ask)
            if any(op.orders):
                headers = self.counts_of(ask.account).headers(now_ns)
        except Refused as no:
            return refused(no, self.weights.headers(request.peer, now_ns))
        return answered(body, headers | self.weights.headers(request.peer, now_ns))

    def _ask_of(self, request: Request, op: Op, params: Named, now_ns: int) -> Ask:
        """Who asks, if that matters."""
        if op.security == "none":
            return Ask(params, now_ns, request.peer)
        name = request.headers.get(KEY_HEADER, "")
        key = key_of(self.house.keys, name, request.peer, trades=op.security == "trade")
        until_ns = 0
        if op.security != "key":
            until_ns = check_http(key, request.query, request.body, params, now_ns)
        return Ask(params, now_ns, request.peer, key.account, name, until_ns)

    # ── operations ──────────────────────────────────────────────────────────────────────────────

    def do(self, op: Op, ask: Ask) -> object:
        """Count it, meet the weather, do it. Raises `Refused`; what was done is settled all the same."""
        self._count(op, ask)
        try:
            if op.deed:
                self._meet(op, ask)
            return op.do(ask)
        finally:
            self.house.settle()

    def counts_of(self, account: str) -> OrderCounts:
        counts = self._counts.get(account)
        if counts is None:
            if len(self._counts) >= ACCOUNTS_MAX:
                del self._counts[next(iter(self._counts))]
            counts = self._counts[account] = OrderCounts(ORDER_WINDOWS)
        return counts

    def _count(self, op: Op, ask: Ask) -> None:
        if not any(op.orders):
            return
        counts = self.counts_of(ask.account)
        counts.take(ask.now_ns)
        # A batch weighs more in one window than in the other.
        for count, orders in zip(counts.counts, op.orders, strict=True):
            count.used += orders - 1

    def _meet(self, op: Op, ask: Ask) -> None:
        """A fault of the venue's machinery, if one strikes: then the answer is its."""
        path = "/ws-fapi" if ask.socket else "/fapi"
        reduces = op.deed != "place" or _reduces(ask.params)
        found = self._weather.doubt(ask.account, ask.params, reduces=reduces, path=path)
        if found is None:
            return
        doubt, fault = found
        if fault.deed and not doubt.definite:
            with suppress(Refused):  # Nobody is told what would have been said.
                op.do(ask)
        raise doubt.refusal()


def _reduces(params: Named) -> bool:
    """Whether an order can only make a position smaller, as far as its parameters say."""
    if "true" in (params.raw("reduceOnly").lower(), params.raw("closePosition").lower()):
        return True
    return (params.raw("positionSide"), params.raw("side")) in (("LONG", "SELL"), ("SHORT", "BUY"))
