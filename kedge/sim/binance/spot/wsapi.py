"""The WebSocket API: the same requests as REST as JSON messages, sessions, and the user data stream.

A request says who it is by key and signature; or, on a session that has logged on with an Ed25519 key, by
the session. Events of accounts are said to every subscription that the connection has for them.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from kedge.sim.binance.common import MS, Params, Refused, encode, missing, read_json_params, split_pairs
from kedge.sim.binance.house import BinanceHouse
from kedge.sim.binance.keys import check_socket, check_time, key_of
from kedge.sim.binance.signatures import is_ed25519
from kedge.sim.binance.sockets import GOING_AWAY, POLICY, SPOT_API, Post
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.methods import Method
from kedge.sim.binance.spot.questions import Ask
from kedge.sim.binance.spot.shapes import MS_UNIT, US_UNIT, Body, Event, Shapes
from kedge.sim.binance.weights import SECOND_NS, Weights
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Line, Request

CONNECT_WEIGHT = 2
SESSION_WEIGHT = 2
SUBSCRIPTIONS_MAX = 1_000
SUBSCRIPTIONS_EVER = 65_535
TAKEN_AWAY = Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)


class Asked(Struct, frozen=True):
    """A message that is a request."""

    id: int | str | None
    method: str
    params: Params


class Api:
    """All connections of the WebSocket API."""

    def __init__(
        self, house: BinanceHouse, clerk: Clerk, methods: dict[str, Method], weights: Weights
    ) -> None:
        self.house = house
        self.clerk = clerk
        # What only REST has is not asked for here.
        self.methods = {name: one for name, one in methods.items() if not name.startswith("sapi.")}
        self.weights = weights
        self.callers: dict[int, Caller] = {}
        self._made = 0

    def open(self, request: Request, line: Line) -> Caller:
        """Raises `Refused` where the address is banned."""
        self.weights.take(request.peer, CONNECT_WEIGHT, self.house.now_ns())
        self._made += 1
        caller = Caller(self, self._made, request, line)
        self.callers[caller.number] = caller
        return caller

    def tell(self, events: list[Event]) -> None:
        for event in events:
            for caller in tuple(self.callers.values()):
                caller.tell(event)

    def tick(self) -> None:
        now_ns = self.house.now_ns()
        for caller in tuple(self.callers.values()):
            caller.pace(now_ns)

    def terminate(self, account: str) -> int:
        """End the subscriptions to an account, or ("") all; how many."""
        return sum(caller.terminate(account) for caller in tuple(self.callers.values()))

    def shut_down(self, after_ns: int) -> None:
        for caller in tuple(self.callers.values()):
            caller.say(encode({"event": {"e": "serverShutdown", "E": self.house.now_ns() // MS}}))
            caller.end_after(after_ns)

    def close(self) -> None:
        self.shut_down(0)
        for caller in tuple(self.callers.values()):
            caller.end(GOING_AWAY, "Going away")


class Caller(Post):
    """One connection to the WebSocket API."""

    def __init__(self, api: Api, number: int, request: Request, line: Line) -> None:
        super().__init__(line, SPOT_API, api.house.now_ns)
        self.number = number
        self._api = api
        self._peer = request.peer
        pairs = dict(split_pairs(request.query))
        self._shows_limits = pairs.get("returnRateLimits", "true").lower() != "false"
        self._shapes = Shapes(US_UNIT if pairs.get("timeUnit", "").upper() == "MICROSECOND" else MS_UNIT)
        self._key: ApiKey | None = None
        self._since_ns = 0
        # Subscription to account; the one that came with the session's own key.
        self._subscriptions: dict[int, str] = {}
        self._own_subscription: int | None = None
        self._subscribed = 0
        self._sessions = {
            "session.logon": self._log_on,
            "session.status": self._status,
            "session.logout": self._log_out,
            "session.subscriptions": self._list,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def tell(self, event: Event) -> None:
        for number, account in self._subscriptions.items():
            if account == event.account:
                self.say(encode({"subscriptionId": number, "event": event.body}))

    def terminate(self, account: str) -> int:
        chosen = [number for number, one in self._subscriptions.items() if account in ("", one)]
        for number in chosen:
            self._stop(number)
        return len(chosen)

    def left(self) -> None:
        self._api.callers.pop(self.number, None)

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def hear(self, text: bytes) -> None:
        try:
            asked = read_request(text)
        except Refused as no:
            self.say(encode({"id": None, "status": no.status, "error": no.body()}))
            return
        now_ns = self._api.house.now_ns()
        shows = self._shows_limits
        try:
            if asked.params.has("returnRateLimits"):
                shows = asked.params.flag("returnRateLimits")
            body, counted = self._carry_out(asked, now_ns)
            reply: Body = {"id": asked.id, "status": 200, "result": body}
        except Refused as no:
            counted = ""
            reply = {"id": asked.id, "status": no.status, "error": self._error(no, now_ns)}
        if shows:
            reply["rateLimits"] = self._limits(counted, now_ns)
        self.say(encode(reply))
        if reply["status"] == 418:
            self.end(POLICY, "Banned")

    def _carry_out(self, asked: Asked, now_ns: int) -> tuple[Any, str]:
        """(the result, the account whose order counts go with it)"""
        session = self._sessions.get(asked.method)
        if session is not None:
            self._api.weights.take(self._peer, SESSION_WEIGHT, now_ns)
            return session(asked.params, now_ns), ""
        method = self._api.methods.get(asked.method)
        if method is None:
            raise Refused(-1020, "This operation is not supported.")
        weight = method.weigh(asked.params)
        self._api.weights.take(self._peer, weight, now_ns)
        ask = self._judge(method, asked.params, now_ns)
        fault = self._fault(method, ask)
        if fault is not None and not fault.deed:
            raise _as_error(fault, self._api)
        body = method.handle(ask)
        if fault is not None:
            raise _as_error(fault, self._api)
        if method.free:
            self._api.weights.give_back(self._peer, weight, now_ns)
        return body, ask.account if method.counts else ""

    def _fault(self, method: Method, ask: Ask) -> Fault | None:
        if method.security == "none":
            return None
        values = ask.params.values
        client_id = values.get("newClientOrderId") or values.get("origClientOrderId") or ""
        return self._api.house.faults.strikes(
            "api_error",
            account=ask.account,
            symbol=values.get("symbol", ""),
            client_id=client_id,
            path=f"/ws-api/v3/{method.name}",
        )

    def _judge(self, method: Method, params: Params, now_ns: int) -> Ask:
        if method.security == "none":
            return Ask(params, now_ns, self._peer, self._shapes)
        trades = method.security == "trade"
        key, until_ns = self._identify(params, now_ns, trades=trades)
        return Ask(params, now_ns, self._peer, self._shapes, key, until_ns)

    def _identify(self, params: Params, now_ns: int, *, trades: bool) -> tuple[ApiKey, int]:
        """By key and signature where they are given, else by the session."""
        keys = self._api.house.keys
        if params.has("apiKey") or self._key is None:
            if not params.has("apiKey"):
                raise missing("apiKey")
            key = key_of(keys, params.need("apiKey"), self._peer, trades=trades)
            until_ns = check_socket(key, params, now_ns)
        else:
            if keys.get(self._key.name) != self._key:
                self._forget()
                raise TAKEN_AWAY
            key = key_of(keys, self._key.name, self._peer, trades=trades)
            params.has("signature")
            until_ns = check_time(params, now_ns)
        return key, until_ns

    def _error(self, no: Refused, now_ns: int) -> Body:
        body: Body = no.body()
        if no.status in (418, 429) and "retry-after" in no.headers:
            retry_ns = now_ns + int(no.headers["retry-after"]) * SECOND_NS
            body.setdefault("data", {"serverTime": now_ns // MS, "retryAfter": retry_ns // MS})
        return body

    def _limits(self, account: str, now_ns: int) -> list[Body]:
        counts = self._api.clerk.counts_of(account).rows(now_ns) if account else []
        return [*counts, self._api.weights.row(self._peer, now_ns)]

    # ── sessions ────────────────────────────────────────────────────────────────────────────────

    def _log_on(self, params: Params, now_ns: int) -> Body:
        key = key_of(self._api.house.keys, params.need("apiKey"), self._peer)
        if not is_ed25519(key.secret):
            raise Refused(-1022, "Signature for this request is not valid.")
        check_socket(key, params, now_ns)
        params.all_read()
        self._key, self._since_ns = key, now_ns
        return self._session(now_ns)

    def _status(self, params: Params, now_ns: int) -> Body:
        params.all_read()
        return self._session(now_ns)

    def _log_out(self, params: Params, now_ns: int) -> Body:
        params.all_read()
        self._forget()
        return self._session(now_ns)

    def _forget(self) -> None:
        self._key = None
        if self._own_subscription is not None:
            self._stop(self._own_subscription)

    def _session(self, now_ns: int) -> Body:
        return {
            "apiKey": self._key.name if self._key else None,
            "authorizedSince": self._shapes.at(self._since_ns) if self._key else None,
            "connectedSince": self._shapes.at(self.began_ns),
            "returnRateLimits": self._shows_limits,
            "serverTime": self._shapes.at(now_ns),
            "userDataStream": bool(self._subscriptions),
        }

    # ── the user data stream ────────────────────────────────────────────────────────────────────

    def _subscribe(self, params: Params, now_ns: int) -> Body:
        params.all_read()
        if self._key is None:
            raise Refused(-1002, "You are not authorized to execute this request.", 401)
        number = self._start(self._key.account)
        self._own_subscription = number
        return {"subscriptionId": number}

    def _subscribe_signed(self, params: Params, now_ns: int) -> Body:
        key = key_of(self._api.house.keys, params.need("apiKey"), self._peer)
        check_socket(key, params, now_ns)
        params.all_read()
        return {"subscriptionId": self._start(key.account)}

    def _start(self, account: str) -> int:
        if account in self._subscriptions.values():
            raise Refused(-2035, "User Data Stream subscription already active.")
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX or self._subscribed >= SUBSCRIPTIONS_EVER:
            raise Refused(-2042, "Maximum subscription ID reached for this connection.")
        number = self._subscribed
        self._subscribed += 1
        self._subscriptions[number] = account
        return number

    def _unsubscribe(self, params: Params, now_ns: int) -> Body:
        chosen = list(self._subscriptions)
        if params.has("subscriptionId"):
            number = params.integer("subscriptionId")
            if number not in self._subscriptions:
                raise Refused(-2036, "User Data Stream subscription not active.")
            chosen = [number]
        params.all_read()
        for number in chosen:
            self._stop(number)
        return {}

    def _list(self, params: Params, now_ns: int) -> list[Body]:
        params.all_read()
        return [{"subscriptionId": number} for number in self._subscriptions]

    def _stop(self, number: int) -> None:
        del self._subscriptions[number]
        if number == self._own_subscription:
            self._own_subscription = None
        at = self._api.house.now_ns() // MS
        self.say(encode({"subscriptionId": number, "event": {"e": "eventStreamTerminated", "E": at}}))


# ── messages ────────────────────────────────────────────────────────────────────────────────────

_members = msgspec.json.Decoder(dict[str, Raw])
_id = msgspec.json.Decoder(int | str | None)
_text = msgspec.json.Decoder(str)


def read_request(text: bytes) -> Asked:
    """Raises -1135 for what is no request at all, -1100 for a bad id, -1102 for a missing part."""
    try:
        members = _members.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(-1135, "Invalid JSON Request") from None
    if "id" not in members:
        raise missing("id")
    if "method" not in members:
        raise missing("method")
    try:
        id_ = _id.decode(members["id"])
        method = _text.decode(members["method"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(-1100, "Illegal characters found in a parameter.") from None
    params = read_json_params(bytes(members["params"])) if "params" in members else Params({})
    return Asked(id_, method.removeprefix("v3/"), params)


def _as_error(fault: Fault, api: Api) -> Refused:
    """The error a fault answers with: its body is a code and a message, its status the reply's."""
    reply = api.house.faults.error_of(fault)
    try:
        said = msgspec.json.decode(reply.body, type=dict[str, Any])
    except msgspec.DecodeError:
        said = {}
    code, text = (
        said.get("code", -1000),
        said.get("msg", "An unknown error occurred while processing the request."),
    )
    return Refused(int(code), str(text), reply.status)
