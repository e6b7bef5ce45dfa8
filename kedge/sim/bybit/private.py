"""The private WebSocket: signing in, topics, and what each listener is told of his own account.

`order` hears everything, `order.linear` one category; the two forms do not go into one request. A connection
that subscribes to a `dcp` topic holds the account's dead-man switch open for as long as it lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedge.sim.bybit.codes import No
from kedge.sim.bybit.news import Said
from kedge.sim.bybit.sessions import Session, args_of, read_frame
from kedge.sim.bybit.shapes import private_frame
from kedge.sim.bybit.texts import Body, ms
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Line

CATEGORIES = ("spot", "linear", "inverse", "option")
STREAMS = ("order", "execution", "execution.fast", "position")
DCP_TOPICS = {"dcp.future": "DERIVATIVES", "dcp.spot": "SPOT", "dcp.option": "OPTIONS"}
ALONE = ("wallet", "greeks")
UNAUTHORISED = "Request not authorized"

# Whether the key and signature of an `auth` are good.
SignIn = Callable[[object, str], ApiKey | No]


def is_topic(name: str) -> bool:
    if name in STREAMS or name in ALONE or name in DCP_TOPICS:
        return True
    stream, _, category = name.rpartition(".")
    return stream in STREAMS and category in CATEGORIES


class PrivateSession(Session):
    """`watched` is told that a dead-man switch is held open."""

    def __init__(
        self,
        line: Line,
        conn: str,
        peer: str,
        clock: Callable[[], int],
        sign_in: SignIn,
        watched: Callable[[str, str], None],
        left: Callable[[], None],
    ) -> None:
        super().__init__(line, conn, peer, clock(), left)
        self.topics: dict[str, None] = {}
        self._clock = clock
        self._sign_in = sign_in
        self._watched = watched
        self._told = 0

    # ── what the client says ────────────────────────────────────────────────────────────────────

    def heard(self, text: bytes) -> None:
        now_ns = self._clock()
        frame = read_frame(text)
        if frame is None:
            self._answer("", None, False, "Invalid request: not a JSON object", now_ns)
            return
        op, req_id = str(frame.get("op", "")), frame.get("req_id")
        if op == "ping":
            self._pong(req_id, now_ns)
        elif op == "auth":
            self._auth(frame, req_id, now_ns)
        elif not self.account:
            self._answer(op, req_id, False, UNAUTHORISED, now_ns)
        elif op == "subscribe":
            self._subscribe(frame, req_id, now_ns)
        elif op == "unsubscribe":
            for name in args_of(frame) or []:
                self.topics.pop(name, None)
            self._answer(op, req_id, True, "", now_ns)
        else:
            self._answer(op, req_id, False, f"error:unknown op,{op}", now_ns)

    def _pong(self, req_id: object, now_ns: int) -> None:
        body: Body = {} if req_id is None else {"req_id": req_id}
        self.say({**body, "op": "pong", "args": [str(ms(now_ns))], "conn_id": self.conn}, now_ns)

    def _auth(self, frame: dict[str, Any], req_id: object, now_ns: int) -> None:
        if self.account:
            self._answer("auth", req_id, False, "Repeat auth", now_ns)
            return
        key = self._sign_in(frame.get("args"), self.peer)
        if isinstance(key, No):
            self._answer("auth", req_id, False, key.text, now_ns)
            return
        self.account = key.account
        self._answer("auth", req_id, True, "", now_ns)

    def _subscribe(self, frame: dict[str, Any], req_id: object, now_ns: int) -> None:
        names = args_of(frame)
        why = _wrong(names)
        if why or names is None:
            self._answer("subscribe", req_id, False, why, now_ns)
            return
        for name in names:
            self.topics[name] = None
            if name in DCP_TOPICS:
                self._watched(self.account, DCP_TOPICS[name])
        self._answer("subscribe", req_id, True, "", now_ns)

    def _answer(self, op: str, req_id: object, success: bool, text: str, now_ns: int) -> None:
        body: Body = {"success": success, "ret_msg": text, "op": op, "conn_id": self.conn}
        if req_id is not None:
            body["req_id"] = req_id
        self.say(body, now_ns)

    # ── what it is told ─────────────────────────────────────────────────────────────────────────

    def tell(self, items: list[Said], now_ns: int) -> None:
        """One message for each topic, with all that is new of it, in order."""
        groups: dict[str, list[Body]] = {}
        for item in items:
            for topic, body in self._heard_as(item):
                groups.setdefault(topic, []).append(body)
        for topic, bodies in groups.items():
            self._told += 1
            message_id = f"{self.account}_{ms(now_ns)}_{self._told}"
            self.say(private_frame(topic, message_id, now_ns, bodies), now_ns)

    def _heard_as(self, item: Said) -> list[tuple[str, Body]]:
        """Under which of its topics this session hears an item."""
        found = []
        for name in self.topics:
            if name in (item.topic, f"{item.topic}.{item.category}"):
                found.append((name, item.body))
            elif item.fast is not None and name in ("execution.fast", f"execution.fast.{item.category}"):
                found.append((name, item.fast))
        return found

    def holds(self, product: str) -> bool:
        return any(DCP_TOPICS.get(name) == product for name in self.topics)


def _wrong(names: list[str] | None) -> str:
    if not names:
        return "error:args is a list of topics"
    for name in names:
        if not is_topic(name):
            return f"error:handler not found,topic:{name}"
    whole = [name for name in names if name in STREAMS]
    parts = [name for name in names if name.rpartition(".")[2] in CATEGORIES]
    if whole and parts:
        return "error:all-in-one topic and categorised topic can not be in one subscription request"
    return ""
