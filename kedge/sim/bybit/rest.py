"""The REST door: addresses, signatures, rights, budgets; then the endpoint; then the envelope.

Business always answers with HTTP 200 and a `retCode`. Other numbers mean that nobody looked at the request:
403 (address shut out, or a GET with a body), 401 (no signature), 404 (no such path).
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kedge.sim.bybit import access, codes, params
from kedge.sim.bybit.account import Accounts
from kedge.sim.bybit.codes import No
from kedge.sim.bybit.deeds import Deeds
from kedge.sim.bybit.feeds import Feeds
from kedge.sim.bybit.history import History
from kedge.sim.bybit.limits import Guard, Left
from kedge.sim.bybit.market import MarketData
from kedge.sim.bybit.params import Params, Refused
from kedge.sim.bybit.texts import Body, encode, envelope, ms
from kedge.sim.bybit.trade import OPS, Done
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Reply, Request

PATHS = (*OPS.values(), "/v5/order/cancel-all", "/v5/order/pre-check")

Public = Callable[[Params, int], Body]
Private = Callable[[ApiKey, Params, int], Body]


class Parts(Struct, frozen=True):
    """What the door opens to."""

    data: MarketData
    feeds: Feeds
    history: History
    accounts: Accounts
    deeds: Deeds
    guard: Guard


class Rest:
    def __init__(self, parts: Parts, keys: access.Keys) -> None:
        self._parts = parts
        self._keys = keys
        self._public = _public(parts)
        self._asks, self._sets = _asks(parts), _sets(parts)

    def answer(self, request: Request, now_ns: int) -> Reply:
        """The reply; whatever it did is for the caller to settle before it is sent."""
        if not self._parts.guard.address(request.peer, ms(now_ns)):
            return Reply(403, codes.TOO_FREQUENT.text.encode(), kind="text/plain")
        if request.method == "GET" and request.body:
            return Reply(403, b"a GET request has no body", kind="text/plain")
        public = self._public.get(request.path) if request.method == "GET" else None
        if public is not None:
            return self._plain(public, request, now_ns)
        if not self._knows(request):
            return _no(codes.NO_PATH, now_ns)
        key = access.check(self._keys, request, ms(now_ns))
        if isinstance(key, No):
            return _no(key, now_ns)
        if not (key.reads if request.method == "GET" else key.trades):
            return _no(codes.DENIED, now_ns)
        return self._private(key, request, now_ns)

    def _knows(self, request: Request) -> bool:
        if request.method == "GET":
            return request.path in self._asks
        return request.method == "POST" and (request.path in self._sets or request.path in PATHS)

    def _plain(self, handle: Public, request: Request, now_ns: int) -> Reply:
        try:
            result = handle(params.of_query(request.query), now_ns)
        except Refused as refused:
            return _no(refused.no, now_ns)
        return Reply(200, encode(envelope(result, now_ns)))

    def _private(self, key: ApiKey, request: Request, now_ns: int) -> Reply:
        get = request.method == "GET"
        left: Left | None = None
        try:
            asked = params.of_query(request.query) if get else params.of_body(request.body)
            if request.path in PATHS:
                done = self._parts.deeds.do(key.account, request.path, asked, now_ns)
                return self._done(done, now_ns)
            category = str(asked.values.get("category") or "")
            left = self._parts.guard.endpoint(key.account, request.path, category, ms(now_ns))
            if not left.granted:
                raise Refused(codes.TOO_MANY)
            result = (self._asks if get else self._sets)[request.path](key, asked, now_ns)
        except Refused as refused:
            return _no(refused.no, now_ns, left)
        return Reply(200, encode(envelope(result, now_ns)), _headers(left, now_ns))

    def _done(self, done: Done, now_ns: int) -> Reply:
        if done.no is not None:
            return _no(done.no, now_ns, done.left)
        body = envelope(done.result, now_ns, ext=done.ext)
        return Reply(200, encode(body), _headers(done.left, now_ns))


def _no(no: No, now_ns: int, left: Left | None = None) -> Reply:
    return Reply(no.http, encode(envelope({}, now_ns, no.code, no.text)), _headers(left, now_ns))


def _headers(left: Left | None, now_ns: int) -> dict[str, str]:
    headers = {"Timenow": str(ms(now_ns))}
    if left is not None:
        headers["X-Bapi-Limit"] = str(left.limit)
        headers["X-Bapi-Limit-Status"] = str(left.remaining)
        headers["X-Bapi-Limit-Reset-Timestamp"] = str(left.reset_ms)
    return headers


# ── the tables ──────────────────────────────────────────────────────────────────────────────────


def _public(parts: Parts) -> dict[str, Public]:
    data = parts.data
    return {
        "/v5/market/time": lambda asked, now: data.time(now),
        "/v5/market/instruments-info": lambda asked, now: data.instruments(asked),
        "/v5/market/orderbook": lambda asked, now: data.book(asked, parts.feeds.updates(), now),
        "/v5/market/tickers": data.tickers,
        "/v5/market/kline": data.klines,
        "/v5/market/mark-price-kline": lambda asked, now: data.klines(asked, now, traded=False),
        "/v5/market/index-price-kline": lambda asked, now: data.klines(asked, now, traded=False),
        "/v5/market/recent-trade": lambda asked, now: data.trades(asked),
        "/v5/market/funding/history": data.funding,
        "/v5/market/risk-limit": lambda asked, now: data.risk_limits(asked),
    }


def _asks(parts: Parts) -> dict[str, Private]:
    history, accounts = parts.history, parts.accounts
    return {
        "/v5/order/realtime": lambda key, asked, now: history.realtime(key.account, asked, now),
        "/v5/order/history": lambda key, asked, now: history.history(key.account, asked, now),
        "/v5/execution/list": lambda key, asked, now: history.executions(key.account, asked, now),
        "/v5/position/list": lambda key, asked, now: accounts.positions(key.account, asked),
        "/v5/position/closed-pnl": lambda key, asked, now: history.closed_pnl(key.account, asked, now),
        "/v5/account/wallet-balance": lambda key, asked, now: accounts.balance(key.account, asked),
        "/v5/account/info": lambda key, asked, now: accounts.info(key.account, now),
        "/v5/account/fee-rate": lambda key, asked, now: accounts.fees(asked),
        "/v5/account/transaction-log": lambda key, asked, now: history.log(key.account, asked, now),
        "/v5/account/query-dcp-info": lambda key, asked, now: accounts.dcp(key.account, now),
        "/v5/asset/coin/query-info": lambda key, asked, now: accounts.coins(),
        "/v5/user/query-api": lambda key, asked, now: accounts.key(key, now),
    }


def _sets(parts: Parts) -> dict[str, Private]:
    accounts = parts.accounts
    return {
        "/v5/order/disconnected-cancel-all": lambda key, asked, now: accounts.set_dcp(
            key.account, asked, now
        ),
        "/v5/position/set-leverage": lambda key, asked, now: accounts.set_leverage(key.account, asked, now),
        "/v5/position/switch-mode": lambda key, asked, now: accounts.switch_mode(asked),
        "/v5/position/switch-isolated": lambda key, asked, now: accounts.switch_isolated(),
        "/v5/position/trading-stop": lambda key, asked, now: accounts.trading_stop(key.account, asked, now),
        "/v5/account/set-margin-mode": lambda key, asked, now: accounts.set_margin_mode(
            key.account, asked, now
        ),
    }
