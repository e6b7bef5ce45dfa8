"""A Bybit testnet without sockets: a clock that is told the time, clients that sign by the venue's documents.

Nothing of the adapter is used here. The signature is written out a second time, from the rule in the venue's
documents, so that a mistake in the testnet's is seen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kedge.sim.bybit import BybitTestnet, make
from kedge.sim.bybit.limits import Limits
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Setup
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.web import Reply, Request, Visitor

START_NS = 1_790_000_000_123_456_789
SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS

Body = dict[str, Any]


@dataclass
class Wire:
    """The venue's side of a WebSocket, as a client sees it."""

    said: list[Body] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    closed: int | None = None

    def say(self, text: bytes) -> None:
        self.raw.append(text)
        self.said.append(json.loads(text))

    def ping(self, payload: bytes) -> None:
        raise AssertionError("this venue pings nobody")

    def close(self, code: int, why: str) -> None:
        self.closed = code

    def take(self, topic: str = "") -> list[Body]:
        """What was said since, of one topic or of all."""
        said, self.said = self.said, []
        return [one for one in said if topic in ("", one.get("topic", ""))]


@dataclass
class Socket:
    wire: Wire
    visitor: Visitor

    def send(self, **frame: Any) -> Body:
        """Say it; the answer, which came at once."""
        before = len(self.wire.said)
        self.visitor.heard(json.dumps(frame).encode())
        assert len(self.wire.said) > before, f"no answer to {frame}"
        return self.wire.said.pop(before)

    def rows(self, topic: str) -> list[Body]:
        return [row for message in self.wire.take(topic) for row in message["data"]]


class World:
    """One testnet and its clock. `advance` moves time and ticks."""

    def __init__(
        self, state: Path | None = None, *, market: str = "still", limits: Limits | None = None
    ) -> None:
        self.now_ns = START_NS
        self._state = str(state) if state else ""
        self._market = market
        self._limits = limits
        self.net = self._open()

    def _open(self) -> BybitTestnet:
        options = Options(market=self._market, state=self._state, seed=7)
        clock = VenueClock(lambda: self.now_ns)
        setup = Setup(options, clock, lambda label: random.Random(f"7:{label}"))
        return BybitTestnet(setup, self._limits) if self._limits else make(setup)

    def kill(self) -> None:
        """As kill -9 does: nothing is said, nothing is folded."""
        self.net.house.keeper.abandon()

    def restart(self, after_ns: int = SECOND_NS) -> None:
        self.kill()
        self.now_ns += after_ns
        self.net = self._open()

    def tick(self) -> None:
        self.net.tick()

    def advance(self, ns: int, steps: int = 1) -> None:
        for _ in range(steps):
            self.now_ns += ns // steps
            self.net.tick()

    @property
    def ms(self) -> int:
        return self.now_ns // 1_000_000

    # ── the control door's deeds ────────────────────────────────────────────────────────────────

    def price(self, symbol: str, price: str) -> None:
        self.net.house.keeper.market.move(symbol, Decimal(price), self.now_ns)
        self.tick()

    def fault(self, kind: str, **members: Any) -> None:
        self.net.house.faults.arm(Fault(kind, **members))

    def key(self, name: str, account: str = "main", **members: Any) -> Client:
        self.net.house.add_key(ApiKey(name, f"secret of {name}", account, **members))
        self.tick()
        return Client(self, name, f"secret of {name}")

    def client(self, peer: str = "127.0.0.1") -> Client:
        return Client(self, "paper", "paper", peer)


class Client:
    def __init__(self, world: World, key: str, secret: str, peer: str = "127.0.0.1") -> None:
        self.world = world
        self.name = key
        self._secret = secret
        self.peer = peer
        self.headers: dict[str, str] = {}

    def sign(self, payload: str, at_ms: int, window: str = "5000") -> dict[str, str]:
        said = f"{at_ms}{self.name}{window}{payload}".encode()
        sign = hmac.new(self._secret.encode(), said, hashlib.sha256).hexdigest()
        return {
            "x-bapi-api-key": self.name,
            "x-bapi-timestamp": str(at_ms),
            "x-bapi-recv-window": window,
            "x-bapi-sign": sign,
        }

    def reply(self, method: str, path: str, query: str = "", body: str = "", **headers: str) -> Reply:
        signed = self.sign(query if method == "GET" else body, self.world.ms)
        signed |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, query, signed, body.encode(), self.peer)
        reply = self.world.net.http(request)
        self.headers = {name.lower(): value for name, value in reply.headers.items()}
        return reply

    def get(self, path: str, **params: Any) -> Body:
        """The whole envelope."""
        query = "&".join(f"{name}={quote(str(value), safe='%')}" for name, value in params.items())
        reply = self.reply("GET", path, query)
        return {"http": reply.status, **json.loads(reply.body)}

    def post(self, path: str, **params: Any) -> Body:
        reply = self.reply("POST", path, body=json.dumps(params))
        return {"http": reply.status, **json.loads(reply.body)}

    def ask(self, path: str, **params: Any) -> Body:
        """The result of a question that must be answered with yes."""
        said = self.get(path, **params)
        assert said["retCode"] == 0, said
        result: Body = said["result"]
        return result

    def do(self, path: str, **params: Any) -> Body:
        said = self.post(path, **params)
        assert said["retCode"] == 0, said
        result: Body = said["result"]
        return result

    # ── what tests do most ──────────────────────────────────────────────────────────────────────

    def create(self, category: str = "linear", **params: Any) -> Body:
        """The envelope of /v5/order/create, for a small limit order unless said otherwise."""
        symbol = "BTCUSD" if category == "inverse" else "BTCUSDT"
        qty = {"linear": "0.01", "spot": "0.001", "inverse": "100"}[category]
        order = {"symbol": symbol, "side": "Buy", "orderType": "Limit", "qty": qty, "price": "59000"} | params
        order = {name: value for name, value in order.items() if value is not None}
        return self.post("/v5/order/create", category=category, **order)

    def place(self, category: str = "linear", **params: Any) -> str:
        """The id of an order that was acknowledged."""
        said = self.create(category, **params)
        assert said["retCode"] == 0, said
        return str(said["result"]["orderId"])

    def order(self, order_id: str, category: str = "linear") -> Body:
        """As `realtime` shows it, open or lately ended."""
        rows = self.ask("/v5/order/realtime", category=category, orderId=order_id)["list"]
        assert len(rows) == 1, rows
        row: Body = rows[0]
        return row

    def position(self, symbol: str = "BTCUSDT", category: str = "linear") -> Body:
        row: Body = self.ask("/v5/position/list", category=category, symbol=symbol)["list"][0]
        return row

    # ── sockets ─────────────────────────────────────────────────────────────────────────────────

    def socket(self, path: str, query: str = "") -> Socket:
        wire = Wire()
        visitor = self.world.net.socket(Request("GET", path, query, {}, b"", self.peer), wire)
        assert not isinstance(visitor, Reply), visitor
        return Socket(wire, visitor)

    def auth_args(self, expires_ms: int = 0) -> list[Any]:
        expires = expires_ms or self.world.ms + 1000
        said = f"GET/realtime{expires}".encode()
        return [self.name, expires, hmac.new(self._secret.encode(), said, hashlib.sha256).hexdigest()]

    def private(self, *topics: str, query: str = "") -> Socket:
        socket = self.socket("/v5/private", query)
        said = socket.send(op="auth", args=self.auth_args())
        assert said["success"], said
        if topics:
            said = socket.send(op="subscribe", args=list(topics))
            assert said["success"], said
        return socket

    def public(self, *topics: str, category: str = "linear") -> Socket:
        socket = self.socket(f"/v5/public/{category}")
        if topics:
            said = socket.send(op="subscribe", args=list(topics))
            assert said["success"], said
        return socket

    def trade(self) -> Socket:
        socket = self.socket("/v5/trade")
        said = socket.send(op="auth", args=self.auth_args())
        assert said["retCode"] == 0, said
        return socket
