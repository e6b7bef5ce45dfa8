"""The Binance spot testnet in one's hand: no sockets, no clock but ours, signed requests in one line."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec

from kedge.sim.binance import BinanceTestnet, make
from kedge.sim.binance.keys import sign, socket_payload
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.faulty import Faulty
from kedge.sim.testnet.house import Setup
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Reply, Request, Visitor

SECOND = 10**9
MS = 10**6
BEGIN = 1_795_000_000 * SECOND
BTC = "BTCUSDT"


class Line:
    """The other end of a WebSocket: what was said, and whether it is closed."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.pings: list[bytes] = []
        self.closed: tuple[int, str] | None = None

    def say(self, text: bytes) -> None:
        self.said.append(msgspec.json.decode(text))

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)

    def close(self, code: int, why: str) -> None:
        self.closed = (code, why)

    def take(self) -> list[Any]:
        said, self.said = self.said, []
        return said


class Socket:
    """A visitor with his line."""

    def __init__(self, visitor: Visitor, line: Line) -> None:
        self.visitor = visitor
        self.line = line

    def send(self, **message: Any) -> Any:
        """Say it; the answer."""
        self.visitor.heard(msgspec.json.encode(message))
        return self.line.said.pop() if self.line.said else None

    def take(self) -> list[Any]:
        return self.line.take()


class Spot:
    def __init__(self, market: str = "still", store: Store | None = None) -> None:
        self.now_ns = BEGIN
        self.market = market
        self.store = store
        self.key, self.secret = "paper", "paper"
        self.peer = "127.0.0.1"
        self.net: BinanceTestnet = self._make()
        self.ids = 0

    def _make(self) -> BinanceTestnet:
        clock = VenueClock(lambda: self.now_ns)
        options = Options(market=self.market)
        return make(Setup(options, clock, lambda label: random.Random(label), self.store))

    def restart(self) -> None:
        """The power was cut: what is in the store is all there is."""
        self.net = self._make()

    # ── REST ────────────────────────────────────────────────────────────────────────────────────

    def raw(self, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.net.http(
            Request(method, path, query, {"x-mbx-apikey": self.key, **named}, body, self.peer)
        )

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """A public request; the body, or (status, code, text) where it is refused."""
        return said(self.raw(method, path, query_of(params)))

    def call(self, method: str, path: str, **params: Any) -> Any:
        """A signed request, in the query string."""
        params.setdefault("timestamp", self.now_ns // MS)
        query = query_of(params)
        return said(self.raw(method, path, f"{query}&signature={sign(self.secret, query.encode())}"))

    def order(self, side: str = "BUY", type: str = "LIMIT", **params: Any) -> Any:
        if type == "LIMIT" or type.endswith("_LIMIT"):
            params.setdefault("timeInForce", "GTC")
        return self.call("POST", "/api/v3/order", symbol=BTC, side=side, type=type, **params)

    def look(self, number: int) -> Any:
        return self.call("GET", "/api/v3/order", symbol=BTC, orderId=number)

    def balance(self, asset: str) -> tuple[str, str]:
        rows = self.call("GET", "/api/v3/account")["balances"]
        return next((row["free"], row["locked"]) for row in rows if row["asset"] == asset)

    # ── WebSockets ──────────────────────────────────────────────────────────────────────────────

    def socket(self, path: str, query: str = "") -> Socket:
        line = Line()
        visitor = self.net.socket(Request("GET", path, query, {}, b"", self.peer), line)
        assert not isinstance(visitor, Reply), visitor
        return Socket(visitor, line)

    def api(self, query: str = "") -> Socket:
        return self.socket("/ws-api/v3", query)

    def signed(self, **params: Any) -> dict[str, Any]:
        params.setdefault("timestamp", self.now_ns // MS)
        params["apiKey"] = self.key
        texts = {name: _plain(value) for name, value in params.items()}
        return {**params, "signature": sign(self.secret, socket_payload(texts).encode())}

    def method(self, socket: Socket, name: str, **params: Any) -> Any:
        """A signed request over the WebSocket API; the whole answer."""
        self.ids += 1
        socket.visitor.heard(
            msgspec.json.encode({"id": self.ids, "method": name, "params": self.signed(**params)})
        )
        answers = [one for one in socket.line.said if one.get("id") == self.ids]
        socket.line.said = [one for one in socket.line.said if one.get("id") != self.ids]
        return answers[0] if answers else None

    def user(self) -> Socket:
        """A connection that hears the account's events."""
        socket = self.api()
        answer = self.method(socket, "userDataStream.subscribe.signature")
        assert answer["result"] == {"subscriptionId": 0}, answer
        return socket

    # ── the world ───────────────────────────────────────────────────────────────────────────────

    def wait(self, span_ns: int = 100 * MS) -> None:
        self.now_ns += span_ns
        self.net.tick()

    def move(self, price: str) -> None:
        """The still market goes there, through the book."""

        house = self.net.house
        house.keeper.market.move(f"spot:{BTC}", Decimal(price), house.now_ns())
        house.settle()

    def deposit(self, asset: str, amount: int) -> None:
        house = self.net.house
        house.exchange.transfer("main:spot", asset, Decimal(amount), house.now_ns())
        house.settle()

    def arm(self, kind: str, **members: Any) -> None:
        self.net.house.faults.arm(Fault(kind, **members))

    def weather(self) -> Faulty:
        return Faulty(self.net, self.net.house.faults, lambda after_ns, do: do(), self.net.house.account_of)

    def add_key(self, name: str, account: str = "main", **rights: Any) -> None:
        self.net.house.add_key(ApiKey(name, "secret", account, **rights))


def said(reply: Reply) -> Any:
    body = msgspec.json.decode(reply.body)
    if reply.status == 200:
        return body
    return reply.status, body["code"], body["msg"]


def query_of(params: dict[str, Any]) -> str:
    return "&".join(f"{name}={quote(_plain(value), safe='')}" for name, value in params.items())


def events(socket: Socket, kind: str = "executionReport") -> list[Any]:
    return [one["event"] for one in socket.take() if one.get("event", {}).get("e") == kind]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
