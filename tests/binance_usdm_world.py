"""The Binance USDⓈ-M adapter and the Binance testnet in one virtual world: they share the wire, no more."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar, cast

from kedge.model.events import Answered, BookUpdate, Event, FillNews, LinkDown, LinkUp, OrderNews
from kedge.model.ids import mint
from kedge.model.venue import PlaceOrder
from kedge.sim.binance import make
from kedge.sim.loop import StormLoop
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Hosted
from kedge.sim.testnet.house import Setup as House
from kedge.sim.testnet.options import Options as TestnetOptions
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Testnet
from kedge.storm.wires import Calm, SimWires, Socket
from kedge.venues.binance.usdm.client import BinanceUsdmVenue
from kedge.venues.binance.usdm.rules import Options
from kedge.venues.venue import Setup

HOST = "binance.test"
ACCOUNT = "binance-usdm/main"
SECOND_NS = 10**9
START_NS = 1_790_000_000 * SECOND_NS
E = TypeVar("E", bound=Event)


def now_ns() -> int:
    """The desk's clock; the venue's is the same unless a test says otherwise."""
    return cast(StormLoop, asyncio.get_running_loop()).now_ns + START_NS


class Sea(Calm):
    """Fair weather, but for the fates that a test has written down: by path for HTTP, by text for frames."""

    def __init__(self) -> None:
        self.http: dict[str, Any] = {}
        self.frames: dict[str, Any] = {}
        self.sockets: dict[str, Any] = {}
        self.asked: list[str] = []
        self.said: list[bytes] = []

    def exchange(self, host: str, ask: Any) -> Any:
        self.asked.append(f"{ask.method} {ask.target}")
        return next((fate for path, fate in self.http.items() if path in self.asked[-1]), "fair")

    def opening(self, url: str) -> Any:
        return next((fate for part, fate in self.sockets.items() if part in url), "fair")

    def frame(self, url: str, way: Any, frame: bytes) -> Any:
        if way == "out":
            self.said.append(frame)
        text = f"{way} {url} {frame.decode()}"
        return next((fate for part, fate in self.frames.items() if part in text), "fair")


class World:
    """`hear` is what the engine was told, in its order."""

    def __init__(self, options: Options | None = None, *, venue_ahead_ns: int = 0, **setup: Any) -> None:
        self.store = Store("")
        self.ahead_ns = venue_ahead_ns
        self.dead = False
        self.hosted = self._host()
        self.sea = Sea()
        given = {"account": ACCOUNT, "key": "paper", "secret": "paper", "url": f"https://{HOST}"}
        self.setup = Setup(**{**given, **setup})
        self.options = options
        self.hear: list[Event] = []
        self.count = 0
        self._ticking: asyncio.TimerHandle | None = None
        self._new_life()

    def _new_life(self) -> None:
        self.wires = SimWires(self._doors, self.sea)
        self.venue = BinanceUsdmVenue(self.setup, self.wires, now_ns, options=self.options)

    def _host(self) -> Hosted:
        options = TestnetOptions(market="still", seed=7)
        clock = VenueClock(lambda: now_ns() + self.ahead_ns)
        return make(House(options, clock, lambda label: random.Random(f"7:{label}"), self.store))

    def _doors(self, host: str) -> Testnet | None:
        return self.hosted if host == HOST and not self.dead else None

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
        self._ticking = asyncio.get_running_loop().call_later(0.05, self._tick)

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
        await self.until(lambda: self.venue._ws_api.is_up, what="the line of deeds")
        return self

    async def link_again(self) -> None:
        ups = len(self.all(LinkUp))
        await self.until(lambda: len(self.all(LinkUp)) > ups, within_s=200, what="another link")

    async def restart(self) -> None:
        """The desk's program dies and another begins, which remembers nothing."""
        await self.venue.close()
        self.hear.clear()
        self._new_life()
        await self.venue.open(self.hear.append)
        await self.linked()

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.hear if isinstance(event, kind)]

    def orders(self, client_id: str) -> list[Any]:
        return [news.order for news in self.all(OrderNews) if news.order.client_id == client_id]

    def fills(self, client_id: str = "") -> list[Any]:
        return [n.fill for n in self.all(FillNews) if client_id in ("", n.fill.client_id)]

    def downs(self) -> list[LinkDown]:
        return self.all(LinkDown)

    def books(self, symbol: str = "BTCUSDT") -> list[BookUpdate]:
        return [book for book in self.all(BookUpdate) if book.market == f"{ACCOUNT}:{symbol}"]

    # ── the venue's side ────────────────────────────────────────────────────────────────────────

    @property
    def exchange(self) -> Any:
        return self.hosted.house.exchange

    def fault(self, kind: str, **members: Any) -> None:
        self.hosted.house.faults.arm(Fault(kind, **members))

    def move(self, price: str, symbol: str = "usdm:BTCUSDT") -> None:
        self.exchange.advance(self.hosted.house.now_ns())
        self.hosted.house.keeper.market.move(symbol, Decimal(price), self.hosted.house.now_ns())
        self.hosted.tick()

    def sockets(self, part: str) -> list[Socket]:
        return [socket for socket in self.wires.sockets.values() if part in socket.url]

    def cut(self, part: str = "") -> None:
        for socket in self.sockets(part):
            socket.cut()

    def kill(self) -> None:
        """The venue's power is cut: it comes back with what it had on disk."""
        self.dead = True
        self.cut()

    def revive(self) -> None:
        self.hosted = self._host()
        self.dead = False

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def order(self, symbol: str = "BTCUSDT", **members: Any) -> PlaceOrder:
        self.count += 1
        given: dict[str, Any] = {
            "client_id": mint(42, 1, 7, self.count),
            "symbol": symbol,
            "side": "buy",
            "qty": Decimal("0.01"),
            "price": Decimal(59000),
            "valid_until_ns": now_ns() + 5 * SECOND_NS,
        }
        return PlaceOrder(**{**given, **members})

    async def place(self, symbol: str = "BTCUSDT", **members: Any) -> tuple[PlaceOrder, Answered]:
        order = self.order(symbol, **members)
        return order, await self.venue.place(order)


def tour(main: Callable[[World], Awaitable[None]], options: Options | None = None, **setup: Any) -> World:
    """Run it in a world of its own, linked."""

    async def whole() -> World:
        async with World(options, **setup) as world:
            await main(await world.linked())
            return world

    with StormLoop() as loop:
        world: World = loop.run_until_complete(whole())
        assert loop.complaints == []
    return world
