"""A scripted Binance spot for the adapter's tests: it answers what it is told to, and remembers all.

It is no venue: it matches nothing and verifies nothing by itself. It shows what leaves the adapter and lets a
test say anything in return, the impossible too. Time is the virtual loop's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from kedge.model.events import BookUpdate, Event, LinkUp
from kedge.model.venue import PlaceOrder
from kedge.sim.loop import StormLoop
from kedge.venues.binance.spot.client import BinanceSpotVenue
from kedge.venues.venue import Setup
from kedge.venues.wires import Ears, Headers, HttpAsk, HttpSaid, Mouth, NoReply

START_NS = 1_790_000_000 * 10**9
MS = 1_000_000
KEY, SECRET = "key-of-nobody", "secret-of-nobody"
SYMBOL = "BTCUSDT"
ID = "00000001" + "000002" + "00000003" + "0000000004"
E = TypeVar("E")

Params = dict[str, Any]
# status and body; None: it never answers; an exception text: the line breaks.
Answer = tuple[int, Any] | NoReply | None
Handler = Callable[[Params], Answer]


def symbol(name: str = SYMBOL, **members: Any) -> Params:
    return {
        "symbol": name,
        "status": "TRADING",
        "baseAsset": name.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
            {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000"},
        ],
        **members,
    }


def order_said(client_id: str = ID, **members: Any) -> Params:
    return {
        "symbol": SYMBOL,
        "orderId": 7,
        "clientOrderId": client_id,
        "price": "100.00",
        "origQty": "0.50000",
        "executedQty": "0.00000",
        "status": "NEW",
        "type": "LIMIT",
        "side": "BUY",
        "time": START_NS // MS,
        "updateTime": START_NS // MS,
        **members,
    }


def trade_said(id: int, order_id: int = 7, **members: Any) -> Params:
    return {
        "symbol": SYMBOL,
        "id": id,
        "orderId": order_id,
        "price": "100.00",
        "qty": "0.10000",
        "commission": "0.0001",
        "commissionAsset": "BTC",
        "time": START_NS // MS,
        "isBuyer": True,
        "isMaker": False,
        **members,
    }


def execution(**members: Any) -> Params:
    return {
        "e": "executionReport",
        "E": START_NS // MS,
        "s": SYMBOL,
        "c": ID,
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.5",
        "p": "100",
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": 7,
        "l": "0",
        "z": "0",
        "L": "0",
        "n": "0",
        "N": None,
        "T": START_NS // MS,
        "t": -1,
        "m": False,
        **members,
    }


def refuse(code: int, text: str, status: int = 400) -> tuple[int, Any]:
    return status, {"code": code, "msg": text}


def limit_order(client_id: str = ID, **members: Any) -> PlaceOrder:
    usual: Params = {"client_id": client_id, "symbol": SYMBOL, "side": "buy", "qty": Decimal("0.5")}
    return PlaceOrder(**{**usual, "price": Decimal(100), **members})


class FakeLine:
    """One WebSocket, seen from the venue."""

    def __init__(self, world: World, url: str, ears: Ears) -> None:
        self.world, self.url, self.ears = world, url, ears
        self.path = urlsplit(url).path
        self.heard: list[Params] = []
        self.at: list[float] = []
        self.open = True
        self.pings = 0
        self.streams: dict[str, None] = {}

    def say(self, frame: bytes) -> bool:
        if self.open:
            asyncio.get_running_loop().call_later(0.002, self._arrive, frame)
        return self.open

    def ping(self) -> None:
        """This venue's heartbeats are questions, where they may be asked."""
        self.pings += 1

    def close(self) -> None:
        self.open = False

    def tell(self, said: Any) -> None:
        """The venue says something."""
        if self.open:
            frame = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.ears.heard(frame)
            if hasattr(self.ears, "paused"):
                self.ears.paused()

    def cut(self, why: str = "reset") -> None:
        if self.open:
            self.open = False
            self.ears.ended(why)

    def _arrive(self, frame: bytes) -> None:
        if not self.open:
            return
        said = json.loads(frame)
        self.heard.append(said)
        self.at.append(asyncio.get_running_loop().time())
        reply = self.world.stream_reply(self, said) if self.path == "/stream" else self.world.ws_reply(said)
        if reply is not None:
            asyncio.get_running_loop().call_later(0.002, self.tell, reply)


class World:
    """The venue, the adapter and what it has told. `on` and `ws` hold the answers, by place and by method."""

    def __init__(self, loop: StormLoop, **setup: Any) -> None:
        self.loop = loop
        self.events: list[Event] = []
        self._news = asyncio.Event()
        self.asked: list[tuple[str, str, Params, dict[str, str]]] = []
        self.lines: list[FakeLine] = []
        self.skew_ms = 0
        self.no_sockets = ""
        self.headers: dict[str, str] = {}
        self.depth: Params = {"lastUpdateId": 100, "bids": [["99.00", "1"]], "asks": [["101.00", "2"]]}
        self.account: Params = {"canTrade": True, "balances": []}
        self.symbols: list[Params] = [symbol()]
        self.on: dict[tuple[str, str], Handler] = {
            ("GET", "/api/v3/time"): lambda _: (200, {"serverTime": self.venue_ms()}),
            ("GET", "/api/v3/account"): lambda _: (200, self.account),
            ("GET", "/api/v3/exchangeInfo"): lambda _: (200, {"symbols": self.symbols}),
            ("GET", "/api/v3/depth"): lambda _: (200, self.depth),
            ("GET", "/api/v3/openOrders"): lambda _: (200, []),
            ("GET", "/api/v3/allOrders"): lambda _: (200, []),
            ("GET", "/api/v3/myTrades"): lambda _: (200, []),
            ("GET", "/api/v3/klines"): lambda _: (200, []),
            ("GET", "/api/v3/order"): lambda _: refuse(-2013, "Order does not exist."),
        }
        self.ws: dict[str, Handler] = {
            "time": lambda _: (200, {"serverTime": self.venue_ms()}),
            "session.logon": lambda p: (200, {"apiKey": p["apiKey"], "serverTime": self.venue_ms()}),
            "userDataStream.subscribe": lambda _: (200, {"subscriptionId": 5}),
            "userDataStream.subscribe.signature": lambda _: (200, {"subscriptionId": 5}),
        }
        full = {"account": "binance/main", "key": KEY, "secret": SECRET, "url": "http://sim:8001", **setup}
        self.venue = BinanceSpotVenue(Setup(**full), self, self.clock)

    # ── its clock ───────────────────────────────────────────────────────────────────────────────

    def clock(self) -> int:
        return START_NS + round(self.loop.time() * 10**9)

    def venue_ms(self) -> int:
        return self.clock() // MS + self.skew_ms

    # ── Wires ───────────────────────────────────────────────────────────────────────────────────

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid | NoReply:
        parts = urlsplit(ask.target)
        self.asked.append((ask.method, parts.path, dict(parse_qsl(parts.query)), dict(ask.headers)))
        await asyncio.sleep(0.004)
        handler = self.on.get((ask.method, parts.path))
        said = handler(dict(parse_qsl(parts.query))) if handler else (404, "no such place")
        if said is None:
            await asyncio.sleep(timeout_s)
            return NoReply(f"no answer within {timeout_s:g} s")
        if isinstance(said, NoReply):
            return said
        body = said[1] if isinstance(said[1], bytes) else json.dumps(said[1]).encode()
        return HttpSaid(said[0], dict(self.headers), body)

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> Mouth | NoReply:
        await asyncio.sleep(0.004)
        if self.no_sockets:
            return NoReply(self.no_sockets, unsent=True)
        line = FakeLine(self, url, ears)
        self.lines.append(line)
        return line

    async def close(self) -> None:
        pass

    # ── its answers ─────────────────────────────────────────────────────────────────────────────

    def ws_reply(self, said: Params) -> Any:
        handler = self.ws.get(said["method"])
        answer = handler(said.get("params", {})) if handler else refuse(-1020, "Unknown method")
        if answer is None or isinstance(answer, NoReply):
            return None
        status, body = answer
        key = "result" if status == 200 else "error"
        return {"id": said["id"], "status": status, key: body}

    def stream_reply(self, line: FakeLine, said: Params) -> Any:
        if said["method"] == "LIST_SUBSCRIPTIONS":
            return {"result": list(line.streams), "id": said["id"]}
        for stream in said["params"]:
            if said["method"] == "SUBSCRIBE":
                line.streams[stream] = None
            else:
                line.streams.pop(stream, None)
        return {"result": None, "id": said["id"]}

    # ── for tests ───────────────────────────────────────────────────────────────────────────────

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def up(self) -> BinanceSpotVenue:
        await self.venue.open(self.emit)
        await self.until(LinkUp)
        await self.pause(0.1)  # the line for orders follows the account
        return self.venue

    async def watching(self) -> BinanceSpotVenue:
        """Up, and with one live book that stands at number 101."""
        venue = await self.up()
        await venue.watch([SYMBOL])
        await self.pause(0.1)
        self.change(101, 101)
        await self.until(BookUpdate)
        return venue

    async def until(self, kind: type[E], count: int = 1, within_s: float = 1_000) -> E:
        """Let virtual time pass until so many events of this kind were told; the last of them."""
        try:
            async with asyncio.timeout(within_s):
                while len(found := self.told(kind)) < count:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} came; told {self.events[-5:]}") from None
        return found[count - 1]

    async def pause(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        await asyncio.sleep(seconds)

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def private(self) -> FakeLine:
        """The newest line that was subscribed to the account."""
        return [one for one in self.lines if any("subscribe" in said["method"] for said in one.heard)][-1]

    @property
    def orders(self) -> FakeLine:
        subscribed = [one for one in self.lines if one.path != "/stream" and one is not self.private]
        return subscribed[-1]

    @property
    def streams(self) -> FakeLine:
        return [one for one in self.lines if one.path == "/stream"][-1]

    def event(self, said: Params, subscription: int = 5) -> None:
        """Something on the user stream."""
        self.private.tell({"subscriptionId": subscription, "event": said})

    def stream(self, name: str, data: Any) -> None:
        self.streams.tell({"stream": name, "data": data})

    def change(self, first: int, last: int, bids: Any = (), asks: Any = ()) -> None:
        data = {"e": "depthUpdate", "E": self.venue_ms(), "s": SYMBOL, "U": first, "u": last}
        self.stream("btcusdt@depth@100ms", {**data, "b": list(bids), "a": list(asks)})

    def questions(self, path: str) -> list[Params]:
        return [params for _, asked, params, _ in self.asked if asked == path]


def in_world(test: Callable[[World], Coroutine[Any, Any, None]], **setup: Any) -> None:
    """Run a test in virtual time; nothing may be left behind, and nothing complained of."""

    async def run() -> None:
        world = World(loop, **setup)
        try:
            await test(world)
        finally:
            await world.venue.close()
        said = repr(world.events)
        assert SECRET not in said
        assert KEY not in said

    with StormLoop() as loop:
        loop.run_until_complete(run())
        assert loop.complaints == []
