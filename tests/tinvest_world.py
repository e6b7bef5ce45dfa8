"""The T-Invest adapter and the T-Invest testnet in one virtual world: all they share is the wire and this."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

from kedge.model.events import (
    Answered,
    BookUpdate,
    Event,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    OrderNews,
)
from kedge.model.ids import mint
from kedge.model.venue import Ask, PlaceOrder
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.sim.loop import StormLoop
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Setup as House
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.options import Options as TestnetOptions
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Reply, Request, Visitor
from kedge.sim.tinvest import make
from kedge.venues.calls import OK, CallAsk, CallEars, CallMouth, CallSaid, StreamAsk
from kedge.venues.tinvest.client import TInvestVenue
from kedge.venues.tinvest.rules import Options
from kedge.venues.venue import Setup
from kedge.venues.wires import NoReply

SECOND_NS = 10**9
# Monday 2026-11-23, 12:00 in Moscow.
START_NS = 1_795_424_400 * SECOND_NS
HOST = "https://tinvest.test:443"
WAY_S = 0.005
STATUSES = {
    "0": OK,
    "3": "INVALID_ARGUMENT",
    "5": "NOT_FOUND",
    "7": "PERMISSION_DENIED",
    "8": "RESOURCE_EXHAUSTED",
    "9": "FAILED_PRECONDITION",
    "12": "UNIMPLEMENTED",
    "13": "INTERNAL",
    "14": "UNAVAILABLE",
    "16": "UNAUTHENTICATED",
}
E = TypeVar("E", bound=Event)


def now_ns() -> int:
    """The desk's clock; the venue's is the same unless a test says otherwise."""
    return cast(StormLoop, asyncio.get_running_loop()).now_ns + START_NS


def run(main: Coroutine[Any, Any, None]) -> None:
    """One test in a world of its own: time passes only when nothing else happens."""
    loop = StormLoop()
    try:
        loop.run_until_complete(main)
    finally:
        loop.close()


def said_of(reply: Reply) -> CallSaid:
    headers = {name.lower(): text for name, text in reply.headers.items()}
    status = STATUSES[headers.get("grpc-status", "0")]
    return CallSaid(status, reply.body, headers.get("grpc-message", ""), headers)


class MemoryCalls:
    """`Calls` joined to a testnet in memory. `fates` by a part of the method's name: "lost request" (it never
    arrives), "lost reply" (it did its work), "refused" (nobody there), "slow" (the answer comes after the
    patience), or a reply in place of the venue's. Each strikes once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fates: list[tuple[str, object]] = []
        self.asked: list[tuple[str, bytes]] = []
        self.streams: list[_Line] = []
        # How the next stream of a name ends, instead of being opened.
        self.ends: list[tuple[str, CallSaid]] = []

    async def unary(self, host: str, ask: CallAsk, timeout_s: float) -> CallSaid | NoReply:
        assert host == HOST
        fate = self._fate(ask.method)
        self.asked.append((ask.method.rpartition("/")[2], ask.body))
        if fate == "refused" or self.world.dead:
            return NoReply("nobody listens", unsent=True)
        await asyncio.sleep(WAY_S)
        if fate == "lost request":
            await asyncio.sleep(timeout_s)
            return NoReply(f"no answer within {timeout_s:g} s")
        if isinstance(fate, CallSaid):
            return fate
        reply = self.world.hosted.http(self._request(ask.method, ask.body, ask.metadata))
        if fate in ("lost reply", "slow"):
            await asyncio.sleep(timeout_s)
            return NoReply(f"no answer within {timeout_s:g} s")
        await asyncio.sleep(WAY_S)
        return said_of(reply)

    async def stream(
        self, host: str, ask: StreamAsk, ears: CallEars, timeout_s: float
    ) -> CallMouth | NoReply:
        if self._fate(ask.method) == "refused" or self.world.dead:
            return NoReply("nobody listens", unsent=True)
        await asyncio.sleep(WAY_S)
        line = _Line(self, ask.method, ears)
        for end in [one for one in self.ends if one[0] in ask.method]:
            self.ends.remove(end)
            line.end(end[1])
            return line
        found = self.world.hosted.socket(self._request(ask.method, b"", ask.metadata), line)
        if isinstance(found, Reply):
            line.end(said_of(found))
            return line
        line.visitor = found
        self.streams.append(line)
        line.post(found.heard, ask.body)
        return line

    async def close(self) -> None:
        for line in list(self.streams):
            line.close_by_us()

    def count(self, name: str) -> int:
        return sum(method == name for method, _ in self.asked)

    def _fate(self, method: str) -> object:
        for number, (part, fate) in enumerate(self.fates):
            if part in method:
                del self.fates[number]
                return fate
        return "fair"

    @staticmethod
    def _request(method: str, body: bytes, metadata: tuple[tuple[str, str], ...]) -> Request:
        return Request("POST", method, "", dict(metadata), body)


class _Line:
    """One stream: the testnet's `Line` on one side, the adapter's `CallMouth` on the other."""

    def __init__(self, calls: MemoryCalls, method: str, ears: CallEars) -> None:
        self.calls = calls
        self.method = method
        self.visitor: Visitor | None = None
        self._ears = ears
        self._over = False
        # Half-open: nobody hears the other, and nobody says so.
        self.silent = False

    # ── the adapter speaks ──────────────────────────────────────────────────────────────────────

    def _say_out(self, message: bytes) -> bool:
        if self._over:
            return False
        if self.visitor is not None and not self.silent:
            self.post(self.visitor.heard, message)
        return True

    # ── the venue speaks ────────────────────────────────────────────────────────────────────────

    def _say_in(self, text: bytes) -> None:
        if not self.silent:
            self.post(self._hear, text)

    def ping(self, payload: bytes) -> None:
        raise AssertionError("this venue pings by messages")

    def _close_by_venue(self, code: int) -> None:
        if code >= 30_000:
            self.post(self.end, CallSaid("RESOURCE_EXHAUSTED", words=str(code)))
        else:
            self.post(self.end, NoReply("the connection was cut"))

    # Both sides call it by the same two names.
    def say(self, message: bytes) -> bool:
        if self._speaks_in():
            self._say_in(message)
            return True
        return self._say_out(message)

    def close(self, code: int = 0, why: str = "") -> None:
        if code:
            self._close_by_venue(code)
        else:
            self.close_by_us()

    def close_by_us(self) -> None:
        self.end(NoReply("closed by this side"))

    def end(self, how: CallSaid | NoReply) -> None:
        if self._over:
            return
        self._over = True
        if self in self.calls.streams:
            self.calls.streams.remove(self)
        visitor, self.visitor = self.visitor, None
        if visitor is not None:
            visitor.gone()
        self._ears.ended(how)

    def _hear(self, text: bytes) -> None:
        if not self._over:
            self._ears.heard(text)

    def post(self, what: Callable[[Any], object], told: object) -> None:
        asyncio.get_running_loop().call_later(WAY_S, lambda: None if self._over else what(told))

    def _speaks_in(self) -> bool:
        return self.calls.world.venue_speaks


class World:
    """`hear` is what the engine was told, in its order."""

    def __init__(self, options: Options | None = None, state: Path | None = None, **setup: Any) -> None:
        self.store = Store("")
        self.dead = False
        # The venue's market moves and its streams speak so often; long waits need less of it.
        self.tick_s = 0.1
        self.venue_speaks = False
        self.hosted = _Speaking(self, self._host())
        self.calls = MemoryCalls(self)
        given = {"account": "tinvest/main", "key": "paper", "url": HOST}
        self.venue = TInvestVenue(Setup(**{**given, **setup}), self.calls, now_ns, options)
        self.hear: list[Event] = []
        self.count = 0
        self._ticking: asyncio.TimerHandle | None = None

    def _host(self) -> Any:
        options = TestnetOptions(market="still", seed=7, sessions="calendar")
        return make(House(options, VenueClock(now_ns), lambda label: random.Random(f"7:{label}"), self.store))

    async def __aenter__(self) -> World:
        self._tick()
        await self.venue.open(self.hear.append)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.venue.close()
        if self._ticking is not None:
            self._ticking.cancel()
        await asyncio.sleep(0)

    def _tick(self) -> None:
        if not self.dead:
            self.hosted.tick()
        self._ticking = asyncio.get_running_loop().call_later(self.tick_s, self._tick)

    # ── waiting ─────────────────────────────────────────────────────────────────────────────────

    async def until(self, holds: Callable[[], object], within_s: float = 60, what: str = "") -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while not holds():
            assert loop.time() < end_s, (
                f"{what or holds} did not come; {self.venue.trouble}; {self.hear[-5:]}"
            )
            await asyncio.sleep(0.01)

    async def linked(self) -> World:
        await self.until(lambda: self.all(LinkUp) and self.venue._life.up, what="the link")
        return self

    async def link_again(self) -> None:
        ups = len(self.all(LinkUp))
        await self.until(lambda: len(self.all(LinkUp)) > ups, within_s=300, what="another link")

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.hear if isinstance(event, kind)]

    def orders(self, client_id: str) -> list[Any]:
        return [news.order for news in self.all(OrderNews) if news.order.client_id == client_id]

    def fills(self, client_id: str = "") -> list[Any]:
        return [n.fill for n in self.all(FillNews) if client_id in ("", n.fill.client_id)]

    def downs(self) -> list[LinkDown]:
        return self.all(LinkDown)

    def books(self, symbol: str) -> list[BookUpdate]:
        return [book for book in self.all(BookUpdate) if book.market == f"tinvest/main:{symbol}"]

    def instrument(self, symbol: str) -> Any:
        seen = [one.instrument for one in self.all(InstrumentSeen) if one.instrument.symbol == symbol]
        return seen[-1]

    # ── the venue's side ────────────────────────────────────────────────────────────────────────

    def fault(self, kind: str, **members: Any) -> None:
        self.hosted.house.faults.arm(Fault(kind, **members))

    def key(self, token: str, **members: Any) -> None:
        self.hosted.house.add_key(ApiKey(token, "", "main", **members))
        self.hosted.tick()

    def paper(self, symbol: str) -> str:
        """The testnet's own name of an instrument."""
        return next(one.symbol for one in self.hosted.house.everything() if one.symbol.endswith(f":{symbol}"))

    def move(self, symbol: str, price: str) -> None:
        self.hosted.house.keeper.market.move(self.paper(symbol), Decimal(price), now_ns())
        self.hosted.tick()

    def halt(self, symbol: str, on: bool) -> None:
        """As the venue would tell it on the stream of markets."""
        status = 4 if on else 5
        said = md.TradingStatus(
            instrument_uid=self.venue._ties.listing.uid_of(symbol),
            trading_status=status,  # type: ignore[arg-type]
            market_order_available_flag=not on,
        )
        for market in self.venue._markets:
            market.heard(md.MarketDataResponse(trading_status=said).SerializeToString())

    def ended(self, order: PlaceOrder) -> object:
        """The state of an order that was told last."""
        told = self.orders(order.client_id)
        return told[-1].state if told else None

    def cut(self, part: str = "") -> None:
        for line in [one for one in self.calls.streams if part in one.method]:
            line.end(NoReply("the connection was cut"))

    def hush(self, part: str = "") -> None:
        for line in self.calls.streams:
            line.silent = line.silent or part in line.method

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def order(self, symbol: str = "SBER", **members: Any) -> PlaceOrder:
        self.count += 1
        given: dict[str, Any] = {
            "client_id": mint(42, 1, 7, self.count),
            "symbol": symbol,
            "side": "buy",
            "qty": Decimal(10),
            "price": Decimal(100),
            "valid_until_ns": now_ns() + 5 * SECOND_NS,
        }
        return PlaceOrder(**{**given, **members})

    async def place(self, symbol: str = "SBER", **members: Any) -> tuple[PlaceOrder, Answered]:
        order = self.order(symbol, **members)
        return order, await self.venue.place(order)

    def ask(self, order: PlaceOrder, **members: Any) -> Ask:
        given: dict[str, Any] = {"placed": order, "asked_first_ns": order.valid_until_ns - 5 * SECOND_NS}
        return Ask(order.client_id, order.symbol, **{**given, **members})


async def touch(w: World, symbol: str = "SBER") -> tuple[Decimal, Decimal]:
    """Best bid and ask."""
    await w.venue.watch([symbol])
    await w.until(lambda: w.books(symbol), what=f"the book of {symbol}")
    book = w.books(symbol)[-1]
    return book.bids[0].price, book.asks[0].price


class _Speaking:
    """The testnet, with a note of when it is the venue that speaks: both sides of a line call it `say`."""

    def __init__(self, world: World, inner: Any) -> None:
        self._world = world
        self.inner = inner

    @property
    def house(self) -> Any:
        return self.inner.house

    def http(self, request: Request) -> Reply:
        with self:
            return cast(Reply, self.inner.http(request))

    def socket(self, request: Request, line: Any) -> Any:
        with self:
            found = self.inner.socket(request, line)
        return found if isinstance(found, Reply) else _Visitor(self, found)

    def tick(self) -> None:
        with self:
            self.inner.tick()

    def __enter__(self) -> None:
        self._world.venue_speaks = True

    def __exit__(self, *_: object) -> None:
        self._world.venue_speaks = False


class _Visitor:
    def __init__(self, speaking: _Speaking, inner: Any) -> None:
        self._speaking = speaking
        self._inner = inner

    def heard(self, text: bytes) -> None:
        with self._speaking:
            self._inner.heard(text)

    def pinged(self, payload: bytes) -> None: ...

    def ponged(self, payload: bytes) -> None: ...

    def gone(self) -> None:
        with self._speaking:
            self._inner.gone()
