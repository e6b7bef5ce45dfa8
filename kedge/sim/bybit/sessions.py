"""One WebSocket: what all three families have in common, and the public one.

A connection that neither pings nor is told anything for its `max_active_time` is cut, at the next of the
scans that come every thirty seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from kedge.sim.bybit.feeds import Topic, read_topic
from kedge.sim.bybit.texts import Body, encode
from kedge.sim.testnet.web import Line

ACTIVE_S = 600
ACTIVE_LEAST_S = 30
SCAN_NS = 30 * 10**9
ARGS_CHARACTERS_MAX = 21_000
SPOT_ARGS_MAX = 10
NORMAL = 1000
_decoder = msgspec.json.Decoder()


class Session:
    """What a visitor is to the venue. `left` is called when it is gone."""

    def __init__(self, line: Line, conn: str, peer: str, now_ns: int, left: Callable[[], None]) -> None:
        self.line = line
        self.conn = conn
        self.peer = peer
        self.active_s = ACTIVE_S
        self.account = ""
        self._alive_ns = now_ns
        self._left = left

    def say(self, body: Body, now_ns: int) -> None:
        self._alive_ns = now_ns
        self.line.say(encode(body))

    def alive(self, now_ns: int) -> None:
        self._alive_ns = max(self._alive_ns, now_ns)

    def scan(self, now_ns: int) -> None:
        """Cut who has been silent, and told nothing, for too long."""
        if now_ns - self._alive_ns >= self.active_s * 10**9:
            self.line.close(NORMAL, "")

    def heard(self, text: bytes) -> None:
        raise NotImplementedError

    def pinged(self, payload: bytes) -> None:
        """Answered by whoever carries the line; it keeps nobody alive."""

    def ponged(self, payload: bytes) -> None:
        pass

    def gone(self) -> None:
        self._left()


class PublicSession(Session):
    """`begin` tells a new listener of a topic what there is."""

    def __init__(
        self,
        line: Line,
        conn: str,
        peer: str,
        category: str,
        clock: Callable[[], int],
        begin: Callable[[PublicSession, Topic], None],
        known: Callable[[], dict[str, None]],
        left: Callable[[], None],
    ) -> None:
        super().__init__(line, conn, peer, clock(), left)
        self.category = category
        self.topics: dict[str, Topic] = {}
        self._clock = clock
        self._begin = begin
        self._known = known

    def heard(self, text: bytes) -> None:
        now_ns = self._clock()
        frame = read_frame(text)
        if frame is None:
            self._answer("", "", False, "Invalid request: not a JSON object", now_ns)
            return
        op, req_id = str(frame.get("op", "")), frame.get("req_id")
        if op == "ping":
            self.alive(now_ns)
            self._answer("ping", req_id, True, "pong", now_ns)
        elif op == "subscribe":
            self._subscribe(frame, req_id, now_ns)
        elif op == "unsubscribe":
            self._unsubscribe(frame, req_id, now_ns)
        else:
            self._answer(op, req_id, False, f"error:unknown op,{op}", now_ns)

    def _subscribe(self, frame: dict[str, Any], req_id: object, now_ns: int) -> None:
        names = args_of(frame)
        why = self._refuses(names)
        if why or names is None:
            self._answer("subscribe", req_id, False, why, now_ns)
            return
        known = self._known()
        topics: list[Topic] = []
        for name in names:
            topic = read_topic(self.category, name, known)
            if topic is None:
                why = f"error:handler not found,topic:{name}"
            elif name in self.topics:
                why = f"error:already subscribed,topic:{name}"
            if why or topic is None:
                self._answer("subscribe", req_id, False, why, now_ns)
                return
            topics.append(topic)
        # Spot says so in one more word.
        self._answer("subscribe", req_id, True, "subscribe" if self.category == "spot" else "", now_ns)
        for topic in topics:
            if topic.name not in self.topics:
                self.topics[topic.name] = topic
                self._begin(self, topic)

    def _refuses(self, names: list[str] | None) -> str:
        if not names:
            return "error:args is a list of topics"
        if self.category == "spot" and len(names) > SPOT_ARGS_MAX:
            return f"args size >{SPOT_ARGS_MAX}"
        total = sum(map(len, names)) + sum(map(len, self.topics))
        return "args length over 21000 characters" if total > ARGS_CHARACTERS_MAX else ""

    def _unsubscribe(self, frame: dict[str, Any], req_id: object, now_ns: int) -> None:
        names = args_of(frame) or []
        strange = [name for name in names if name not in self.topics]
        if strange or not names:
            self._answer("unsubscribe", req_id, False, f"error:not subscribed,topic:{strange}", now_ns)
            return
        for name in names:
            self.topics.pop(name, None)
        self._answer("unsubscribe", req_id, True, "", now_ns)

    def _answer(self, op: str, req_id: object, success: bool, text: str, now_ns: int) -> None:
        body: Body = {"success": success, "ret_msg": text, "conn_id": self.conn}
        if req_id is not None or self.category != "spot":
            body["req_id"] = "" if req_id is None else req_id
        self.say({**body, "op": op}, now_ns)


def read_frame(text: bytes) -> dict[str, Any] | None:
    try:
        frame = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


def args_of(frame: dict[str, Any]) -> list[str] | None:
    """The texts in `args`; None when it is anything else."""
    args = frame.get("args")
    if not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
        return None
    return args


def active_of(query: str) -> int:
    """The seconds of `max_active_time=45s` or `=2m`; ten minutes where it is not said, or said wrongly."""
    found = re.search(r"(?:^|&)max_active_time=(\d{1,4})([sm])(?:&|$)", query)
    if not found:
        return ACTIVE_S
    seconds = int(found[1]) * (60 if found[2] == "m" else 1)
    return min(max(seconds, ACTIVE_LEAST_S), ACTIVE_S)
