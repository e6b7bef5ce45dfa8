"""The WebSocket API: requests as JSON frames, one answer each, over the same operations as REST.

A session may be logged on with an Ed25519 key; then requests need neither key nor signature. User data does
not come here: there is a stream for it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Raw, Struct

from kedge.sim.binance.common import Params, Refused, encode, read_json_params
from kedge.sim.binance.keys import check_socket, check_time, key_of
from kedge.sim.binance.signatures import is_ed25519
from kedge.sim.binance.sockets import POLICY, Habits, Post
from kedge.sim.binance.usdm.ask import Ask
from kedge.sim.binance.usdm.codes import no
from kedge.sim.binance.usdm.door import Door
from kedge.sim.binance.usdm.listings import MS
from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.usdm.operations import Op
from kedge.sim.testnet.web import Line, Reply

MINUTE_NS = 60 * 10**9
API_HABITS = Habits(3 * MINUTE_NS, 10 * MINUTE_NS, 0)
TEXT_MAX = 65_536
API_PATH = "/ws-fapi/v1"
VERSION = re.compile(r"v[0-9]+/")
SESSION_WEIGHT = 2


class _Request(Struct):
    method: str
    id: Raw = Raw(b"null")
    params: Raw = Raw(b"{}")


class _Error(Struct):
    code: int
    msg: str


_error = msgspec.json.Decoder(_Error)
_request = msgspec.json.Decoder(_Request)


class ApiSocket(Post):
    """One connection. `methods`: the operations by name."""

    def __init__(
        self, door: Door, methods: dict[str, Op], line: Line, peer: str, *, shows_limits: bool
    ) -> None:
        super().__init__(line, API_HABITS, door.house.now_ns)
        self._door = door
        self._methods = methods
        self._peer = peer
        self._shows_limits = shows_limits
        self._key = ""
        self._since_ns = 0

    def hear(self, text: bytes) -> None:
        if len(text) > TEXT_MAX:
            self.end(POLICY, "Payload too long")
            return
        now_ns = self._door.house.now_ns()
        self._door.wake(now_ns)
        self.say(self._answer(text, now_ns))
        guest = self._door.weights.guests.get(self._peer)
        if guest is not None and guest.banned_until_ns > now_ns:
            self.end(POLICY, "Banned")

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def _answer(self, text: bytes, now_ns: int) -> bytes:
        try:
            request = _request.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._said(Raw(b"null"), Refused(-1135, "Invalid JSON Request"), now_ns)
        shows, account = self._shows_limits, ""
        try:
            params = read_json_params(bytes(request.params) if bytes(request.params) != b"null" else b"{}")
            shows = params.flag("returnRateLimits", shows)
            account, result = self._do(request.method, params, now_ns)
        except Refused as refusal:
            return self._said(request.id, refusal, now_ns, shows, account)
        return self._said(request.id, result, now_ns, shows, account)

    def _do(self, method: str, params: Params, now_ns: int) -> tuple[str, object]:
        """(whose request it was, the result)"""
        if method.startswith("session."):
            self._door.weights.take(self._peer, SESSION_WEIGHT, now_ns)
            return "", self._session(method, params, now_ns)
        op = self._methods.get(method) or self._methods.get(VERSION.sub("", method, count=1))
        if op is None:
            raise Refused(-1020, "This operation is not supported.")
        self._door.weights.take(self._peer, op.weigh(Named(params)), now_ns)
        ask = self._ask_of(op, params, now_ns)
        self._meet(method, op, ask)
        return ask.account if any(op.orders) else "", self._door.do(op, ask)

    def _meet(self, method: str, op: Op, ask: Ask) -> None:
        """The fault `api_error`: an answer of somebody's choice, after the deed or instead of it."""
        client_id = ask.params.raw("newClientOrderId") or ask.params.raw("clientAlgoId")
        faults, symbol = self._door.house.faults, ask.params.raw("symbol")
        path = f"{API_PATH}/{method}"
        fault = faults.strikes(
            "api_error", account=ask.account, symbol=symbol, client_id=client_id, path=path
        )
        if fault is None:
            return
        if fault.deed:
            with suppress(Refused):  # Nobody is told what would have been said.
                self._door.do(op, ask)
        raise _refusal_of(faults.error_of(fault))

    def _ask_of(self, op: Op, params: Params, now_ns: int) -> Ask:
        if op.security == "none":
            return Ask(Named(params), now_ns, self._peer, socket=True)
        name = params.text("apiKey") or self._key
        key = key_of(self._door.house.keys, name, self._peer, trades=op.security == "trade")
        until_ns = 0
        if op.security != "key":
            logged_on = name == self._key and not params.has("signature")
            until_ns = check_time(params, now_ns) if logged_on else check_socket(key, params, now_ns)
        return Ask(Named(params), now_ns, self._peer, key.account, name, until_ns, socket=True)

    # ── sessions ────────────────────────────────────────────────────────────────────────────────

    def _session(self, method: str, params: Params, now_ns: int) -> dict[str, object]:
        if method == "session.logon":
            key = key_of(self._door.house.keys, params.need("apiKey"), self._peer)
            if not is_ed25519(key.secret):
                raise no(-4056)
            check_socket(key, params, now_ns)
            self._key, self._since_ns = key.name, now_ns
        elif method == "session.logout":
            self._key, self._since_ns = "", 0
        elif method != "session.status":
            raise Refused(-1020, "This operation is not supported.")
        return {
            "apiKey": self._key or None,
            "authorizedSince": self._since_ns // MS if self._key else None,
            "connectedSince": self.began_ns // MS,
            "returnRateLimits": self._shows_limits,
            "serverTime": now_ns // MS,
        }

    # ── answers ─────────────────────────────────────────────────────────────────────────────────

    def _said(self, number: Raw, result: object, now_ns: int, shows: bool = True, account: str = "") -> bytes:
        said: dict[str, Any] = {"id": number}
        if isinstance(result, Refused):
            said |= {"status": result.status, "error": result.body()}
        else:
            said |= {"status": 200, "result": result}
        if shows:
            said["rateLimits"] = [self._door.weights.row(self._peer, now_ns)]
            if account:
                said["rateLimits"] += self._door.counts_of(account).rows(now_ns)
        return encode(said)


def _refusal_of(reply: Reply) -> Refused:
    """A reply of HTTP as this door says it."""
    try:
        said = _error.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refused(-1000, reply.body.decode(errors="replace"), reply.status)
    return Refused(said.code, said.msg, reply.status)
