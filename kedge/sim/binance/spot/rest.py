"""REST: one request in, one reply out. Weight first, then who asks, then what."""

from __future__ import annotations

from kedge.sim.binance.common import Params, Refused, answered, read_params, refused
from kedge.sim.binance.house import KEY_HEADER, BinanceHouse
from kedge.sim.binance.keys import check_http, key_of
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.methods import PATHS, ROUTES, Method
from kedge.sim.binance.spot.questions import Ask
from kedge.sim.binance.spot.shapes import US_UNIT, Shapes
from kedge.sim.binance.weights import Weights
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Reply, Request

NOT_FOUND = Reply(404, b"<html><head><title>404 Not Found</title></head></html>", kind="text/html")
UNIT_HEADER = "x-mbx-time-unit"


class Rest:
    def __init__(
        self, house: BinanceHouse, clerk: Clerk, methods: dict[str, Method], weights: Weights
    ) -> None:
        self._house = house
        self._clerk = clerk
        self._methods = methods
        self._weights = weights

    def answer(self, request: Request) -> Reply:
        name = ROUTES.get((request.method, request.path))
        if name is None:
            return NOT_FOUND if request.path not in PATHS else _wrong_method(request)
        now_ns = self._house.now_ns()
        try:
            return self._carry_out(self._methods[name], request, now_ns)
        except Refused as no:
            return refused(no, self._weights.headers(request.peer, now_ns))

    def _carry_out(self, method: Method, request: Request, now_ns: int) -> Reply:
        params = read_params(request.query, request.body)
        weight = method.weigh(params)
        self._weights.take(request.peer, weight, now_ns)
        ask = self._judge(method, request, params, now_ns)
        body = method.handle(ask)
        if method.free:
            self._weights.give_back(request.peer, weight, now_ns)
        headers = self._weights.headers(request.peer, now_ns)
        if method.counts:
            headers |= self._clerk.counts_of(ask.account).headers(now_ns)
        return answered(body, headers)

    def _judge(self, method: Method, request: Request, params: Params, now_ns: int) -> Ask:
        """Who asks, and is it still time. Public requests are asked by nobody."""
        shapes = _shapes(request)
        if method.security == "none":
            return Ask(params, now_ns, request.peer, shapes)
        trades = method.security == "trade"
        key: ApiKey = key_of(
            self._house.keys, request.headers.get(KEY_HEADER, ""), request.peer, trades=trades
        )
        until_ns = check_http(key, request.query, request.body, params, now_ns)
        return Ask(params, now_ns, request.peer, shapes, key, until_ns)


def _shapes(request: Request) -> Shapes:
    unit = request.headers.get(UNIT_HEADER, "")
    if not unit:
        return Shapes()
    if unit.upper() not in ("MICROSECOND", "MILLISECOND"):
        raise Refused(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    return Shapes(US_UNIT) if unit.upper() == "MICROSECOND" else Shapes()


def _wrong_method(request: Request) -> Reply:
    return refused(Refused(-1000, f"Request method '{request.method}' is not supported.", 405))
