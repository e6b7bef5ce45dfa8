"""A scripted Binance USDⓈ-M at the far end of a fake `Wires`: it answers by tables that a test fills in.

It knows nothing by itself: a test says what the venue would say, and sees what the adapter makes of it.
Everything runs on a virtual loop; a second of the adapter's patience costs nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from kedge.model.events import Event
from kedge.model.venue import PlaceOrder
from kedge.sim.loop import StormLoop
from kedge.venues.binance.usdm.client import BinanceUsdmVenue
from kedge.venues.binance.usdm.rules import Options
from kedge.venues.venue import Setup
from kedge.venues.wires import Ears, Headers, HttpAsk, HttpSaid, Mouth, NoReply

EXAMPLES = json.loads((Path(__file__).parent / "data/binance/usdm/examples.json").read_text())
SECOND = 1_000_000_000
START_NS = 1_790_000_000 * SECOND
SYMBOL = "BTCUSDT"
OURS = "00000001" + "000002" + "00000003" + "00000000"
Params = dict[str, str]
Answer = tuple[int, Any] | NoReply
Said = Callable[[Params], Answer]
E = TypeVar("E", bound=Event)


def name(number: int) -> str:
    """A client id as the desk makes them."""
    return f"{OURS}{number:02x}"


def refusal(code: int, text: str = "", status: int = 400) -> Answer:
    return status, {"code": code, "msg": text or f"said {code}"}


def order_row(**members: Any) -> dict[str, Any]:
    plain = {
        "orderId": 7,
        "symbol": SYMBOL,
        "status": "NEW",
        "clientOrderId": name(1),
        "side": "BUY",
        "type": "LIMIT",
        "origType": "LIMIT",
        "origQty": "1",
        "executedQty": "0",
        "price": "100",
        "updateTime": START_NS // 1_000_000,
    }
    return plain | members


def algo_row(**members: Any) -> dict[str, Any]:
    plain = EXAMPLES["query_algo"][0] | {
        "clientAlgoId": name(2),
        "algoStatus": "NEW",
        "symbol": SYMBOL,
        "orderType": "STOP_MARKET",
        "quantity": "1",
        "price": "0",
        "createTime": START_NS // 1_000_000,
    }
    return plain | members


def trade_row(**members: Any) -> dict[str, Any]:
    plain = EXAMPLES["user_trades"][0][0] | {
        "symbol": SYMBOL,
        "id": 77,
        "orderId": 7,
        "qty": "1",
        "price": "100",
        "side": "BUY",
        "time": START_NS // 1_000_000,
        "commission": "0.04",
        "positionSide": "BOTH",
    }
    return plain | members


def pushed(**members: Any) -> dict[str, Any]:
    plain = {
        "s": SYMBOL,
        "c": name(1),
        "S": "BUY",
        "o": "LIMIT",
        "q": "1",
        "p": "100",
        "x": "NEW",
        "X": "NEW",
        "i": 7,
        "l": "0",
        "z": "0",
        "L": "0",
        "T": 1_790_000_000_000,
        "t": 0,
        "n": "0.04",
        "N": "USDT",
    }
    return {"e": "ORDER_TRADE_UPDATE", "o": plain | members}


class Line:
    """One WebSocket, from the venue's side."""

    def __init__(self, venue: FakeUsdm, url: str, ears: Ears) -> None:
        self.url = url
        self.said: list[dict[str, Any]] = []
        self.open = True
        self.deaf = False
        self.pings = 0
        _, _, first = url.partition("?streams=")
        self.streams: dict[str, None] = {first: None} if first else {}
        self._venue = venue
        self._ears = ears

    def say(self, frame: bytes) -> bool:
        if not self.open:
            return False
        message = json.loads(frame)
        self.said.append(message)
        if not self.deaf:
            asyncio.get_running_loop().call_later(0.001, self._venue.answer, self, message)
        return True

    def ping(self) -> None:
        self.pings += 1

    def close(self) -> None:
        self.open = False

    def push(self, message: Any) -> None:
        if self.open:
            self._ears.heard(message if isinstance(message, bytes) else json.dumps(message).encode())
            paused = getattr(self._ears, "paused", None)
            if paused is not None:
                paused()

    def cut(self, why: str = "cut by the test") -> None:
        if self.open:
            self.open = False
            self._ears.ended(why)


class FakeUsdm:
    """`Wires` and venue in one. `says[method, path]` answers; `asked` remembers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Params]] = []
        self.lines: list[Line] = []
        self.no_socket: dict[str, str] = {}
        # Streams that cannot be subscribed.
        self.no_streams: tuple[str, ...] = ()
        self.headers: dict[str, str] = {}
        # A host that does not answer: what is asked of it comes back as this.
        self.away: NoReply | None = None
        self.skew_ms = 0
        self.orders: dict[str, dict[str, Any]] = {}
        self.algos: dict[str, dict[str, Any]] = {}
        self.open_orders: list[dict[str, Any]] = []
        self.open_algos: list[dict[str, Any]] = []
        self.all_algos: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.incomes: list[dict[str, Any]] = []
        self.positions: list[dict[str, Any]] = []
        self.deeds: list[tuple[str, Params]] = []
        self.deed: Said | None = None
        self.says: dict[tuple[str, str], Said] = {
            ("GET", "/fapi/v1/time"): lambda p: (200, {"serverTime": self.now_ms()}),
            ("GET", "/fapi/v1/exchangeInfo"): lambda p: (200, exchange_info()),
            ("GET", "/fapi/v1/positionSide/dual"): lambda p: (200, {"dualSidePosition": False}),
            ("POST", "/fapi/v1/listenKey"): lambda p: (200, {"listenKey": "listen-key"}),
            ("PUT", "/fapi/v1/listenKey"): lambda p: (200, {"listenKey": "listen-key"}),
            ("GET", "/fapi/v1/openOrders"): lambda p: (200, _of(self.open_orders, p)),
            ("GET", "/fapi/v1/openAlgoOrders"): lambda p: (200, _of(self.open_algos, p)),
            ("GET", "/fapi/v1/allAlgoOrders"): self._all_algos,
            ("GET", "/fapi/v1/order"): self._order,
            ("GET", "/fapi/v1/algoOrder"): self._algo,
            ("GET", "/fapi/v1/userTrades"): self._trades,
            ("GET", "/fapi/v1/income"): self._income,
            ("GET", "/fapi/v3/positionRisk"): lambda p: (200, self.positions),
            ("GET", "/fapi/v3/balance"): lambda p: (200, EXAMPLES["balances"][0]),
            ("GET", "/fapi/v1/depth"): lambda p: (200, snapshot(100)),
            ("GET", "/fapi/v1/klines"): lambda p: (200, []),
        }

    # ── Wires ───────────────────────────────────────────────────────────────────────────────────

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid | NoReply:
        path, _, query = ask.target.partition("?")
        params = dict(parse_qsl(query, keep_blank_values=True))
        self.asked.append((ask.method, path, params))
        await asyncio.sleep(0.001)
        if self.away is not None:
            return self.away
        said = self.says.get((ask.method, path), lambda p: refusal(-1099, "not scripted", 404))
        if ask.method != "GET" and (ask.method, path) not in self.says and self.deed is not None:
            said = self.deed
        answer = said(params)
        if isinstance(answer, NoReply):
            await asyncio.sleep(timeout_s if not answer.unsent else 0)
            return answer
        status, body = answer
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return HttpSaid(status, dict(self.headers), raw)

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> Mouth | NoReply:
        await asyncio.sleep(0.001)
        for part, why in self.no_socket.items():
            if part in url:
                return NoReply(why)
        line = Line(self, url, ears)
        self.lines.append(line)
        return line

    async def close(self) -> None:
        pass

    # ── the venue ───────────────────────────────────────────────────────────────────────────────

    def answer(self, line: Line, message: dict[str, Any]) -> None:
        method = message["method"]
        if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            for stream in message["params"]:
                if stream in self.no_streams:
                    line.push({"code": 2, "msg": f"no {stream}", "id": message["id"]})
                    return
                if method == "SUBSCRIBE":
                    line.streams[stream] = None
                else:
                    line.streams.pop(stream, None)
            line.push({"result": None, "id": message["id"]})
        elif method == "LIST_SUBSCRIPTIONS":
            line.push({"result": list(line.streams), "id": message["id"]})
        elif method == "session.status":
            line.push({"id": message["id"], "status": 200, "result": {}})
        else:
            self._deed(line, message)

    def _deed(self, line: Line, message: dict[str, Any]) -> None:
        params = {k: str(v) for k, v in message["params"].items()}
        self.deeds.append((message["method"], params))
        answer = self.deed(params) if self.deed else refusal(-1099, "not scripted")
        if isinstance(answer, NoReply):
            return
        status, body = answer
        reply = {"id": message["id"], "status": status}
        line.push(reply | ({"result": body} if status == 200 else {"error": body}))

    def line(self, part: str) -> Line:
        """The newest open line of this kind ("private", "public", "market", "ws-fapi")."""
        return next(line for line in reversed(self.lines) if part in line.url and line.open)

    def paths(self, method: str = "GET") -> list[str]:
        return [path for m, path, _ in self.asked if m == method]

    def now_ms(self) -> int:
        return clock() // 1_000_000 + self.skew_ms

    def _order(self, params: Params) -> Answer:
        key = params.get("orderId") or params.get("origClientOrderId", "")
        return (200, self.orders[key]) if key in self.orders else refusal(-2013, "Order does not exist.")

    def _algo(self, params: Params) -> Answer:
        key = params.get("clientAlgoId", "")
        return (200, self.algos[key]) if key in self.algos else refusal(-2013, "Order does not exist.")

    def _all_algos(self, params: Params) -> Answer:
        since, until = int(params["startTime"]), int(params["endTime"])
        assert until - since < 7 * 86_400_000
        rows = [a for a in _of(self.all_algos, params) if since <= a["createTime"] <= until]
        return 200, rows[: int(params["limit"])]

    def _trades(self, params: Params) -> Answer:
        rows = _of(self.trades, params)
        if "orderId" in params:
            rows = [t for t in rows if t["orderId"] == int(params["orderId"])]
        elif "fromId" in params:
            assert "startTime" not in params
            rows = [t for t in rows if t["id"] >= int(params["fromId"])]
        else:
            since, until = int(params["startTime"]), int(params["endTime"])
            assert until - since <= 7 * 86_400_000
            rows = [t for t in rows if since <= t["time"] <= until]
        return 200, rows[: int(params["limit"])]

    def _income(self, params: Params) -> Answer:
        since, until = int(params["startTime"]), int(params["endTime"])
        rows = [i for i in self.incomes if since <= i["time"] <= until]
        limit = int(params["limit"])
        return 200, rows[(int(params["page"]) - 1) * limit :][:limit]


def _of(rows: list[dict[str, Any]], params: Params) -> list[dict[str, Any]]:
    return [row for row in rows if params.get("symbol", row["symbol"]) == row["symbol"]]


def exchange_info() -> dict[str, Any]:
    one = EXAMPLES["exchange_info"][0]["symbols"][0]
    return {"symbols": [one | {"symbol": symbol} for symbol in (SYMBOL, "ETHUSDT")]}


def snapshot(last: int) -> dict[str, Any]:
    return {
        "lastUpdateId": last,
        "T": 1,
        "bids": [["100", "1"], ["99", "2"]],
        "asks": [["101", "1"], ["102", "2"]],
    }


def clock() -> int:
    return START_NS + round(asyncio.get_running_loop().time() * SECOND)


# ── the world ───────────────────────────────────────────────────────────────────────────────────


class World:
    """The real adapter, the fake venue, and everything that was told."""

    def __init__(self, setup: Setup | None = None, options: Options | None = None) -> None:
        self.fake = FakeUsdm()
        self.setup = setup or Setup("usdm/main", "key", "secret", url="http://fake")
        self.venue = BinanceUsdmVenue(self.setup, self.fake, clock, options=options)
        self.events: list[Event] = []

    async def up(self) -> None:
        await self.venue.open(self.events.append)
        await asyncio.sleep(1)
        assert self.venue.trouble == "", self.venue.trouble

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def push(self, event: dict[str, Any]) -> None:
        self.fake.line("private").push(event)

    def order(self, number: int = 1, **members: Any) -> PlaceOrder:
        made = {
            "client_id": name(number),
            "symbol": SYMBOL,
            "side": "buy",
            "qty": Decimal(1),
            "price": Decimal(100),
            "valid_until_ns": clock() + 5 * SECOND,
        }
        return PlaceOrder(**(made | members))


def with_world(
    test: Callable[[World], Coroutine[Any, Any, None]],
    setup: Setup | None = None,
    options: Options | None = None,
) -> None:
    async def run() -> None:
        world = World(setup, options)
        try:
            await test(world)
        finally:
            await world.venue.close()

    with StormLoop() as loop:
        loop.run_until_complete(run())
        assert loop.complaints == []
