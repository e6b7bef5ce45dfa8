"""WebSocket order entry: the same deeds as over REST, one frame in, one frame out.

Deeds share the account's limits with REST. A `reqId` may be used once on a connection. While the service is
restarting a connection takes no new request (10019), though what is under way is done; a new connection is
served at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedge.sim.bybit import access, codes
from kedge.sim.bybit.codes import No
from kedge.sim.bybit.limits import Left, Rolling
from kedge.sim.bybit.params import Params
from kedge.sim.bybit.private import SignIn
from kedge.sim.bybit.sessions import Session, read_frame
from kedge.sim.bybit.texts import Body, ms
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Line

# Operation to the endpoint that does the same.
OPS = {
    "order.create": "/v5/order/create",
    "order.amend": "/v5/order/amend",
    "order.cancel": "/v5/order/cancel",
    "order.create-batch": "/v5/order/create-batch",
    "order.amend-batch": "/v5/order/amend-batch",
    "order.cancel-batch": "/v5/order/cancel-batch",
}
REQ_ID_MAX = 36
REQ_IDS_KEPT = 10_000


class Done:
    """What became of one deed: as REST would have answered it."""

    __slots__ = ("ext", "left", "no", "result")

    def __init__(self, result: Body, ext: Body, left: Left | None, no: No | None) -> None:
        self.result = result
        self.ext = ext
        self.left = left
        self.no = no


# Does it: key, path, parameters.
Do = Callable[[ApiKey, str, Params], Done]


class TradeSession(Session):
    def __init__(
        self,
        line: Line,
        conn: str,
        peer: str,
        clock: Callable[[], int],
        sign_in: SignIn,
        do: Do,
        heard_from: Callable[[str], bool],
        session_per_s: int,
        left: Callable[[], None],
    ) -> None:
        super().__init__(line, conn, peer, clock(), left)
        self.restarting = False
        self._clock = clock
        self._sign_in = sign_in
        self._do = do
        self._heard_from = heard_from
        self._key: ApiKey | None = None
        self._req_ids: dict[str, None] = {}
        self._rate = Rolling(session_per_s, 1000)

    def heard(self, text: bytes) -> None:
        now_ns = self._clock()
        frame = read_frame(text)
        if frame is None:
            self._refuse({}, "", codes.bad("not a JSON object"), now_ns)
            return
        op = str(frame.get("op", ""))
        if op == "ping":
            self.alive(now_ns)
            pong = {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(ms(now_ns))]}
            self.say({**_req(frame), **pong, "connId": self.conn}, now_ns)
        elif op == "auth":
            self._auth(frame, now_ns)
        else:
            self._deed(frame, op, now_ns)

    def _auth(self, frame: dict[str, Any], now_ns: int) -> None:
        key: ApiKey | No = codes.REPEATED_AUTH if self._key else self._sign_in(frame.get("args"), self.peer)
        if isinstance(key, ApiKey):
            self._key, self.account = key, key.account
            no = No(0, codes.OK_TEXT)
        else:
            no = key
        answer = {"retCode": no.code, "retMsg": no.text, "op": "auth", "connId": self.conn}
        self.say({**_req(frame), **answer}, now_ns)

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    def _deed(self, frame: dict[str, Any], op: str, now_ns: int) -> None:
        no = self._wrong(frame, op, now_ns)
        if no is not None or self._key is None:
            self._refuse(frame, op, no or codes.KEY_INVALID, now_ns)
            return
        done = self._do(self._key, OPS[op], Params(frame["args"][0]))
        if done.no is not None:
            self._refuse(frame, op, done.no, now_ns, done.left)
            return
        self.say(
            {
                **_req(frame),
                "retCode": 0,
                "retMsg": codes.OK_TEXT,
                "op": op,
                "data": done.result,
                "retExtInfo": done.ext,
                "header": self._header(done.left, now_ns),
                "connId": self.conn,
            },
            now_ns,
        )

    def _wrong(self, frame: dict[str, Any], op: str, now_ns: int) -> No | None:
        """Why a frame is not even a deed."""
        if not self._heard_from(self.peer):
            return codes.IP_FREQUENT
        if not self._rate.take(ms(now_ns)).granted:
            return codes.SESSION_FREQUENT
        if op not in OPS:
            return codes.OP_UNKNOWN
        if self._key is None:
            return No(10003, "not authenticated: send auth first")
        return self._repeated(frame) or self._misshapen(frame, now_ns)

    def _repeated(self, frame: dict[str, Any]) -> No | None:
        if self.restarting:
            return codes.RESTARTING
        req_id = frame.get("reqId")
        if req_id is None or req_id == "":
            return None
        if not isinstance(req_id, str) or len(req_id) > REQ_ID_MAX:
            return codes.bad("reqId is a text of at most 36 characters")
        if req_id in self._req_ids:
            return codes.REQ_ID_DUPLICATE
        self._req_ids[req_id] = None
        if len(self._req_ids) > REQ_IDS_KEPT:
            del self._req_ids[next(iter(self._req_ids))]
        return None

    def _misshapen(self, frame: dict[str, Any], now_ns: int) -> No | None:
        header, args = frame.get("header"), frame.get("args")
        if not isinstance(header, dict) or "X-BAPI-TIMESTAMP" not in header:
            return codes.bad("header with X-BAPI-TIMESTAMP is required")
        span = header.get("X-BAPI-RECV-WINDOW")
        late = access.window(str(header["X-BAPI-TIMESTAMP"]), "" if span is None else str(span), ms(now_ns))
        if late is not None:
            return late
        if not isinstance(args, list) or len(args) != 1 or not isinstance(args[0], dict):
            return codes.bad("args is a list of one object")
        if args[0].get("category") not in codes.CATEGORIES:
            return codes.CATEGORY_UNKNOWN
        return None

    def _refuse(self, frame: dict[str, Any], op: str, no: No, now_ns: int, left: Left | None = None) -> None:
        self.say(
            {
                **_req(frame),
                "retCode": no.code,
                "retMsg": no.text,
                "op": op,
                "data": {},
                "retExtInfo": {},
                "header": self._header(left, now_ns),
                "connId": self.conn,
            },
            now_ns,
        )

    def _header(self, left: Left | None, now_ns: int) -> Body:
        at = str(ms(now_ns))
        header: Body = {"Traceid": f"{self.conn}{now_ns:x}", "Timenow": at}
        if left is not None:
            header["X-Bapi-Limit"] = str(left.limit)
            header["X-Bapi-Limit-Status"] = str(left.remaining)
            header["X-Bapi-Limit-Reset-Timestamp"] = str(left.reset_ms)
        return header


def _req(frame: dict[str, Any]) -> Body:
    req_id = frame.get("reqId")
    return {} if req_id is None else {"reqId": req_id}
