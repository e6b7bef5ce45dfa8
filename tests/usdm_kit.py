"""A futures testnet in memory: a still market, a clock that is moved by hand, signed requests, deaf ears.

world = World()
order = world.place(side="BUY", quantity="0.01", price="59000")
ears = world.listen()                      the private stream of the account
world.move("BTCUSDT", "59000"); ears.events("ORDER_TRADE_UPDATE")
"""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import urlencode

from kedge.sim.binance.testnet import BinanceTestnet
from kedge.sim.binance.usdm import UsdmTestnet
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Setup
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Reply, Request, Visitor

MS = 1_000_000
SECOND_NS = 10**9
HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
START_NS = 1_790_000_000 * SECOND_NS  # 2026-09-21
BTC = "BTCUSDT"


class Ears:
    """A line that keeps what it hears."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.pings: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.visitor: Visitor | None = None

    def say(self, text: bytes) -> None:
        assert self.closed is None
        self.frames.append(json.loads(text))

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)

    def close(self, code: int, why: str) -> None:
        self.closed = (code, why)

    def tell(self, **members: Any) -> dict[str, Any]:
        """Say something; the answer that came at once."""
        assert self.visitor is not None
        before = len(self.frames)
        self.visitor.heard(json.dumps(members).encode())
        return self.frames[before] if len(self.frames) > before else {}

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        return [frame for frame in self.frames if kind in ("", frame.get("e"))]

    def kinds(self) -> list[str]:
        return [str(frame.get("e")) for frame in self.frames]

    def take(self) -> list[dict[str, Any]]:
        taken, self.frames = self.frames, []
        return taken


class World:
    def __init__(
        self, *switches: str, store: Store | None = None, now_ns: int = START_NS, seed: int = 7
    ) -> None:
        """`switches` such as "gtx=expire"."""
        self.real_ns = now_ns
        self.store = store or Store("")
        self.switches = switches
        self.seed = seed
        self.key, self.secret = "paper", "paper"
        self.begin()

    def begin(self) -> None:
        """A new life of the venue, on the same memory."""
        options = Options(market="still", key="paper", secret="paper")
        clock = VenueClock(lambda: self.real_ns)
        setup = Setup(options, clock, lambda label: Random(f"{self.seed}:{label}"), self.store)
        self.net = BinanceTestnet(setup)
        self.house = self.net.house
        side = self.net.usdm
        assert isinstance(side, UsdmTestnet)
        self.usdm = side
        for switch in self.switches:
            self.fault("usdm_switch", value=switch)

    # ── time and weather ────────────────────────────────────────────────────────────────────────

    @property
    def ms(self) -> int:
        return self.real_ns // MS

    def pass_time(self, span_ns: int, steps: int = 1) -> None:
        for _ in range(steps):
            self.real_ns += span_ns // steps
            self.net.tick()

    def move(self, symbol: str, price: str) -> None:
        now_ns = self.house.now_ns()
        self.house.exchange.advance(now_ns)
        self.house.keeper.market.move(f"usdm:{symbol}", Decimal(price), now_ns)
        self.net.tick()

    def fault(self, kind: str, **members: Any) -> None:
        self.house.faults.arm(Fault(kind, **members))

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def reply(
        self, method: str, path: str, query: str = "", body: bytes = b"", *, peer: str = "127.0.0.1"
    ) -> Reply:
        headers = {"x-mbx-apikey": self.key} if self.key else {}
        return self.net.http(Request(method, f"/fapi/{path}", query, headers, body, peer))

    def signed(self, params: dict[str, Any], *, off_ms: int = 0) -> str:
        shown = {name: value for name, value in params.items() if value is not None}
        query = urlencode({**shown, "timestamp": self.ms + off_ms})
        return f"{query}&signature={sign(self.secret, query)}"

    def ask(self, method: str, path: str, **params: Any) -> Any:
        return json.loads(self.reply(method, path, self.signed(params)).body)

    def get(self, path: str, **params: Any) -> Any:
        return self.ask("GET", path, **params)

    def public(self, path: str, **params: Any) -> Any:
        return json.loads(self.reply("GET", path, urlencode(params)).body)

    def place(self, **params: Any) -> Any:
        """A limit buy far from the market, unless something else is said; None takes a parameter out."""
        usual = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        usual |= {"quantity": "0.010", "price": "59000"}
        return self.ask("POST", "v1/order", **{**usual, **params})

    def market(self, side: str, quantity: str, **params: Any) -> Any:
        wanted = {"type": "MARKET", "timeInForce": None, "price": None, "newOrderRespType": "RESULT"}
        return self.place(side=side, quantity=quantity, **{**wanted, **params})

    def algo(self, **params: Any) -> Any:
        usual = {"algoType": "CONDITIONAL", "symbol": BTC, "side": "SELL", "type": "STOP_MARKET"}
        usual |= {"quantity": "0.010", "triggerPrice": "59000"}
        return self.ask("POST", "v1/algoOrder", **{**usual, **params})

    # ── sockets ─────────────────────────────────────────────────────────────────────────────────

    def open(self, path: str, query: str = "") -> Ears:
        ears = Ears()
        found = self.net.socket(Request("GET", path, query, {}, b""), ears)
        assert not isinstance(found, Reply), found
        ears.visitor = found
        return ears

    def listen(self) -> Ears:
        """The private stream of this world's key."""
        key = json.loads(self.reply("POST", "v1/listenKey").body)["listenKey"]
        return self.open(f"/private/ws/{key}")

    def api(self) -> Ears:
        return self.open("/ws-fapi/v1")

    def call(self, ears: Ears, method: str, **params: Any) -> Any:
        """A signed request of the WebSocket API."""
        values = {**params, "apiKey": self.key, "timestamp": self.ms}
        payload = "&".join(f"{name}={values[name]}" for name in sorted(values))
        return ears.tell(id=1, method=method, params={**values, "signature": sign(self.secret, payload)})

    def add_key(self, name: str, account: str, **rights: Any) -> None:
        self.house.add_key(ApiKey(name, "paper", account, **rights))
        self.house.settle()


def sign(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
