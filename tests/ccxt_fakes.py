"""An exchange in memory behind an interface like ccxt's; the tour with the real ccxt shows that it is alike.

`House` is the exchange itself, its truth and its moods; `Fake` is what ccxt would be of it. Between them goes
JSON text, so that numbers take the way they take in life.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

from kedge.model.events import Event
from kedge.sim.loop import StormLoop
from kedge.venues.ccxt.client import CcxtVenue
from kedge.venues.ccxt.rules import Options
from kedge.venues.venue import Setup

SECOND_NS = 1_000_000_000
START_NS = 1_790_000_000 * SECOND_NS
SYMBOL, SWAP = "BTC/USDT", "BTC/USDT:USDT"
Json = dict[str, Any]


def now_ns() -> int:
    return cast(StormLoop, asyncio.get_running_loop()).now_ns + START_NS


def now_ms() -> int:
    return now_ns() // 1_000_000


def our_id(count: int) -> str:
    return f"{count:032x}"


# ── errors, called as ccxt calls them ───────────────────────────────────────────────────────────


class BaseError(Exception):
    pass


class ExchangeError(BaseError):
    pass


class AuthenticationError(ExchangeError):
    pass


class NotSupported(ExchangeError):
    pass


class BadRequest(ExchangeError):
    pass


class InsufficientFunds(ExchangeError):
    pass


class InvalidOrder(ExchangeError):
    pass


class OrderNotFound(InvalidOrder):
    pass


class DuplicateOrderId(InvalidOrder):
    pass


class OperationFailed(BaseError):
    pass


class NetworkError(OperationFailed):
    pass


class InvalidNonce(NetworkError):
    pass


class RateLimitExceeded(NetworkError):
    pass


class RequestTimeout(NetworkError):
    pass


class ExchangeNotAvailable(NetworkError):
    pass


class OnMaintenance(ExchangeNotAvailable):
    pass


ERRORS: dict[str, type[BaseError]] = {
    kind.__name__: kind
    for kind in (
        *(ExchangeError, AuthenticationError, NotSupported, BadRequest, InsufficientFunds, InvalidOrder),
        *(OrderNotFound, DuplicateOrderId, InvalidNonce, RateLimitExceeded, RequestTimeout),
        *(ExchangeNotAvailable, OnMaintenance),
    )
}


class ClientConnectorError(Exception):
    """Like aiohttp's: no connection, so nothing left."""


# ── the exchange ────────────────────────────────────────────────────────────────────────────────


class House:
    """What is true at the exchange. `mood(method, path)` may answer, or raise, in its place."""

    def __init__(self) -> None:
        self.orders: dict[str, Json] = {}
        self.trades: list[Json] = []
        self.funding: list[Json] = []
        self.asked: list[str] = []
        self.bodies: list[str] = []
        self.page = 100
        self.newest_first = False
        self.mood: Callable[[str, str], tuple[int, Json] | None] = lambda method, path: None
        # A deed that was done and whose answer is lost all the same.
        self.lose_answers = False
        self.positions: list[Json] = []
        self.book: Json = {"bids": [["99.5", "1"]], "asks": [["100.5", "2"]]}
        self.bells: list[asyncio.Future[None]] = []
        self.stream_failure: BaseError | None = None

    def answer(self, method: str, path: str, args: Json) -> tuple[int, Json]:
        moody = self.mood(method, path)
        if moody is not None:
            return moody
        kind = path.strip("/").split("/")[0]
        if kind == "orders" and method == "POST":
            return self._place(args)
        if kind == "orders" and method == "DELETE":
            return self._cancel(args)
        return self._question(kind, args)

    def _place(self, args: Json) -> tuple[int, Json]:
        number = f"n{len(self.orders) + 1}"
        row = {
            "id": number,
            "cid": args.get("cid"),
            "symbol": args["symbol"],
            "side": args["side"],
            "type": args["type"],
            "amount": args["amount"],
            "price": args.get("price"),
            "filled": "0",
            "status": "open",
            "timestamp": now_ms(),
        }
        self.orders[number] = row
        if args.get("timeInForce") == "IOC":
            self.fill(number, args["amount"], args["price"])
        if self.lose_answers:
            raise RequestTimeout("no answer")
        return 200, {"id": number, "cid": args.get("cid")}

    def _cancel(self, args: Json) -> tuple[int, Json]:
        row = self._find(args)
        if row is None or row["status"] != "open":
            return 400, {"error": "OrderNotFound", "msg": "no such order"}
        row["status"] = "canceled"
        if self.lose_answers:
            raise RequestTimeout("no answer")
        return 200, {"id": row["id"]}

    def _question(self, kind: str, args: Json) -> tuple[int, Json]:
        if kind == "order":
            row = self._find(args)
            return (400, {"error": "OrderNotFound", "msg": "gone"}) if row is None else (200, row)
        if kind == "open":
            return 200, {"rows": [one for one in self._of(args) if one["status"] == "open"]}
        if kind == "closed":
            return 200, {"rows": self._cut([o for o in self._of(args) if o["status"] != "open"], args)}
        if kind == "trades":
            return 200, {"rows": self._cut([o for o in self.trades if o["symbol"] == args["symbol"]], args)}
        if kind == "balance":
            return 200, {"rows": [["USDT", "1000.10", "900.05"], ["BTC", "0", "0"]]}
        return 200, {"rows": getattr(self, kind, [])}

    def _of(self, args: Json) -> list[Json]:
        return [one for one in self.orders.values() if one["symbol"] == args["symbol"]]

    def _find(self, args: Json) -> Json | None:
        if args.get("id"):
            return self.orders.get(args["id"])
        return next((one for one in self.orders.values() if args.get("cid") == one["cid"] != None), None)  # noqa: E711

    def _cut(self, rows: Sequence[Json], args: Json) -> list[Json]:
        """One page of what lies in the stretch, from its old end or from its new one."""
        since, until = args.get("since") or 0, args.get("until") or 2**62
        inside = [one for one in rows if since <= one["timestamp"] <= until]
        most = min(self.page, args.get("limit") or self.page)
        return inside[-most:] if self.newest_first else inside[:most]

    def fill(self, number: str, amount: str, price: str, **members: Any) -> None:
        """Some of an order trades now."""
        row = self.orders[number]
        filled = Decimal(row["filled"]) + Decimal(amount)
        row["filled"] = str(filled)
        row["status"] = "closed" if filled >= Decimal(row["amount"]) else row["status"]
        trade = {
            "id": f"t{len(self.trades) + 1}",
            "order": number,
            "symbol": row["symbol"],
            "side": row["side"],
            "amount": amount,
            "price": price,
            "fee": ["0.01", "USDT"],
            "timestamp": now_ms(),
        }
        self.trades.append({**trade, **members})

    def ring(self) -> None:
        """Every private stream says something."""
        bells, self.bells = self.bells, []
        for bell in bells:
            if not bell.done():
                bell.set_result(None)

    @property
    def deeds(self) -> list[str]:
        return [one for one in self.asked if not one.startswith("GET")]


def market(symbol: str, **members: Any) -> Json:
    """A market as ccxt describes one."""
    swap = ":" in symbol
    base, _, quote = symbol.partition("/")
    described = {
        "id": symbol.replace("/", "").partition(":")[0],
        "symbol": symbol,
        "base": base,
        "quote": quote.partition(":")[0],
        "settle": quote.partition(":")[2] or None,
        "type": "swap" if swap else "spot",
        "spot": not swap,
        "linear": True if swap else None,
        "inverse": False if swap else None,
        "contractSize": "0.01" if swap else None,
        "active": True,
        "precision": {"price": "0.1", "amount": "1" if swap else "0.001"},
        "limits": {"amount": {"min": "1" if swap else "0.001"}, "cost": {"min": "5"}},
    }
    return {**described, **members}


_ABLE = (
    *("fetchBalance", "createOrder", "cancelOrder", "fetchOrder", "fetchOpenOrders", "fetchOHLCV"),
    *("fetchMyTrades", "fetchCanceledAndClosedOrders", "fetchPositions", "fetchFundingHistory"),
)
HAS: Json = dict.fromkeys(_ABLE, True)
FEATURES: Json = {"fetchMyTrades": {"limit": 100, "daysBack": 90, "untilDays": 7}}
FRAMES = {"1m": "1m", "1h": "1h", "1w": "1w"}


class Fake:
    """ccxt's side of the house. The class of one test carries the house and what ccxt says of it."""

    id = "fake"
    house: House
    has: Json = HAS
    features: Json = FEATURES
    markets_listed: Sequence[Json] = (market(SYMBOL),)
    needs: Sequence[str] = ("apiKey", "secret")
    precisionMode = 4
    timeframes = FRAMES

    def __init__(self, config: Json) -> None:
        self.number: Any = float
        self.options: Json = config.get("options", {})
        self.credentials = {name: config.get(name, "") for name in ("apiKey", "secret", "password")}
        self.urls: Json = {"api": {"rest": "https://api.{hostname}/v1"}, "test": {"rest": "https://test"}}
        self.markets: Json = {}
        self.throttler = None
        self.closed = False

    # ── what ccxt does by itself ────────────────────────────────────────────────────────────────

    def set_sandbox_mode(self, on: bool) -> None:
        self.urls["api"] = self.urls["test"]

    def enable_demo_trading(self, on: bool) -> None:
        self.urls["api"] = self.urls["demo"]

    def check_required_credentials(self) -> None:
        for name in self.needs:
            if not self.credentials.get(name):
                raise AuthenticationError(f'{self.id} requires "{name}" credential')

    async def throttle(self, cost: Any = None) -> None:
        await asyncio.sleep(0.01)

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """One request to the house and back, as text."""
        self.house.asked.append(f"{method} {url}")
        self.house.bodies.append(body or "")
        await asyncio.sleep(0.02)
        path = "/" + url.rpartition("/")[2]
        status, said = self.house.answer(method, path, json.loads(body or "{}", parse_float=str))
        text = json.dumps(said)
        self.on_rest_response(status, "", url, method, {"Retry-After": said.get("after", "")}, text, {}, "")
        answer = self.on_json_response(text)
        if "error" in answer:
            raise ERRORS[answer["error"]](f'{self.id} {{"msg": "{answer.get("msg", "")}", "code": 7}}')
        return answer

    def on_rest_response(self, code: int, *rest: Any) -> str:
        return str(rest[4])

    def on_json_response(self, body: str) -> Any:
        return json.loads(body)

    def feature_value(self, symbol: str, method: str, name: str) -> Any:
        return self.features.get(method, {}).get(name)

    def amount_to_precision(self, symbol: str, amount: str) -> str:
        return amount

    def price_to_precision(self, symbol: str, price: str) -> str:
        return price

    async def _ask(self, method: str, path: str, args: Json) -> Any:
        await self.throttle()
        return await self.fetch(f"{self.urls['api']['rest']}/{path}", method, {}, json.dumps(args))

    async def close(self) -> None:
        self.closed = True

    # ── markets ─────────────────────────────────────────────────────────────────────────────────

    async def load_markets(self, reload: bool = False) -> Json:
        await self._ask("GET", "markets", {})
        self.markets = {one["symbol"]: one for one in self.markets_listed}
        return self.markets

    async def fetch_order_book(self, symbol: str) -> Json:
        await self._ask("GET", "book", {})
        book = self.house.book
        sides = {side: [[float(p), float(q)] for p, q in book[side]] for side in ("bids", "asks")}
        return {**sides, "timestamp": now_ms()}

    async def fetch_ticker(self, symbol: str) -> Json:
        return {"last": "100.0", "markPrice": None, "timestamp": now_ms()}

    async def fetch_trades(self, symbol: str, since: int) -> list[Json]:
        row = {"id": "p1", "side": "buy", "price": "100.1", "amount": "0.5", "timestamp": since}
        return [row, {**row, "id": "p2", "side": None}]

    async def fetch_ohlcv(self, symbol: str, frame: str, since: int, limit: int) -> list[list[Any]]:
        step = {"1m": 60_000, "1h": 3_600_000}[frame]
        starts = range(since, min(since + limit * step, now_ms()), step)
        return [[start, "1", "3", "1", "2", "0.5"] for start in starts]

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    async def fetch_balance(self) -> Json:
        rows = (await self._ask("GET", "balance", {}))["rows"]
        coins = {name: {"total": total, "free": free} for name, total, free in rows}
        return {"info": {}, "total": dict.fromkeys(coins, 0), "free": {}, **coins}

    async def create_order(
        self, symbol: str, type: str, side: str, amount: str, price: str | None, params: Json
    ) -> Json:
        more = dict(params)
        name = more.pop("clientOrderId", None)
        args = {"symbol": symbol, "type": type, "side": side, "amount": amount, "price": price, "cid": name}
        return self.parse_order(await self._ask("POST", "orders", {**args, **more}))

    async def cancel_order(self, id: str, symbol: str, params: Json) -> Json:
        more = dict(params)
        args = {"id": id, "symbol": symbol, "cid": more.pop("clientOrderId", None)}
        return self.parse_order(await self._ask("DELETE", "orders", {**args, **more}))

    async def fetch_order(self, id: str, symbol: str, params: Json | None = None) -> Json:
        more = dict(params or {})
        args = {"id": id, "symbol": symbol, "cid": more.pop("clientOrderId", None)}
        return self.parse_order(await self._ask("GET", "order", {**args, **more}))

    async def fetch_open_orders(self, symbol: str, since: Any, limit: Any, params: Json) -> list[Json]:
        rows = (await self._ask("GET", "open", {"symbol": symbol, **params}))["rows"]
        return self.parse_orders(rows)

    async def fetch_canceled_and_closed_orders(
        self, symbol: str, since: int, limit: int, params: Json
    ) -> list[Json]:
        args = {"symbol": symbol, "since": since, "limit": limit, **params}
        return self.parse_orders((await self._ask("GET", "closed", args))["rows"])

    async def fetch_my_trades(self, symbol: str, since: int, limit: int, params: Json) -> list[Json]:
        args = {"symbol": symbol, "since": since, "limit": limit, **params}
        return self.parse_trades((await self._ask("GET", "trades", args))["rows"])

    async def fetch_positions(self, symbols: list[str]) -> list[Json]:
        rows: list[Json] = (await self._ask("GET", "positions", {}))["rows"]
        return rows

    async def fetch_funding_history(self, symbol: str, since: int) -> list[Json]:
        rows: list[Json] = (await self._ask("GET", "funding", {}))["rows"]
        return rows

    async def watch_orders(self, symbol: str) -> list[Json]:
        if self.house.stream_failure is not None:
            raise self.house.stream_failure
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.house.bells.append(bell)
        await bell
        return []

    # ── parsers ─────────────────────────────────────────────────────────────────────────────────

    def parse_order(self, row: Json) -> Json:
        names = ("id", "symbol", "side", "type", "amount", "price", "filled", "status", "timestamp")
        return {**{name: row.get(name) for name in names}, "clientOrderId": row.get("cid")}

    def parse_orders(self, rows: list[Json]) -> list[Json]:
        return [self.parse_order(row) for row in rows]

    def parse_trade(self, row: Json) -> Json:
        fee = {"cost": row["fee"][0], "currency": row["fee"][1]}
        return {**row, "id": row["id"], "order": row["order"], "fee": fee}

    def parse_trades(self, rows: list[Json]) -> list[Json]:
        return [self.parse_trade(row) for row in rows]


class FakeLibrary:
    error: type[Exception] = BaseError

    def __init__(self, kind: type[Fake]) -> None:
        self._kind = kind

    def names(self) -> Sequence[str]:
        return (self._kind.id, "kraken")

    def exchange(self, name: str) -> type[Any]:
        return self._kind


# ── a world ─────────────────────────────────────────────────────────────────────────────────────

QUICK = Options(backoff_first_s=0.5, backoff_max_s=4.0, look_s=1.0, idle_s=5.0)


class World:
    """One venue over one house; `members` are of the fake's class, `setup` of the account."""

    def __init__(
        self, kind: type[Fake] = Fake, options: Options = QUICK, setup: Json | None = None, **members: Any
    ) -> None:
        self.house = House()
        fake = type("Fake", (kind,), {"house": self.house, **members})
        given = {"account": "ccxt-fake/main", "key": "key of nine", "secret": "secret of nine"}

        async def load() -> FakeLibrary:
            return FakeLibrary(fake)

        self.hear: list[Event] = []
        self.venue = CcxtVenue(Setup(**{**given, **(setup or {})}), None, now_ns, options, load)

    async def __aenter__(self) -> World:
        await self.venue.open(self.hear.append)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.venue.close()
        await asyncio.sleep(1)

    def all(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.hear if isinstance(one, kind)]

    async def until(self, kind: type[Any], holds: Callable[[Any], bool] = lambda one: True) -> Any:
        """The first such event; time passes until it comes."""
        for _ in range(2_000):
            found = next((one for one in self.hear if isinstance(one, kind) and holds(one)), None)
            if found is not None:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"no {kind.__name__}; trouble: {self.venue.trouble}; heard {self.hear[-5:]}")
