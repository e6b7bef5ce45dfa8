"""The Binance spot adapter and the Binance testnet in one virtual world: they share the wire alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar

from kedge.model.events import BookUpdate, Event, LinkUp
from kedge.model.ids import mint
from kedge.model.venue import PlaceOrder
from kedge.sim.binance import make
from kedge.sim.loop import StormLoop
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Setup as House
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Testnet
from kedge.storm.wires import Calm, SimWires, Socket
from kedge.venues.binance.spot.client import BinanceSpotVenue
from kedge.venues.venue import Setup
from kedge.venues.wires import HttpAsk

SECOND = 10**9
START_NS = 1_790_000_000 * SECOND
HOST = "binance.test"
BTC = "BTCUSDT"
MARKET = f"binance/main:{BTC}"
E = TypeVar("E")


class Sea(Calm):
    """Fair weather, but for the fates that a test has written down: by path for HTTP, by text for frames."""

    def __init__(self) -> None:
        self.http: dict[str, Any] = {}
        self.frames: dict[str, Any] = {}
        self.asked: list[str] = []
        self.said: list[bytes] = []

    def exchange(self, host: str, ask: HttpAsk) -> Any:
        self.asked.append(f"{ask.method} {ask.target}")
        return next((fate for path, fate in self.http.items() if path in ask.target), "fair")

    def frame(self, url: str, way: Any, frame: bytes) -> Any:
        if way == "out":
            self.said.append(frame)
        text = f"{way} {frame.decode()}"
        return next((fate for part, fate in self.frames.items() if part in text), "fair")


class World:
    """`events` is what the engine was told, in its order."""

    def __init__(self, loop: StormLoop, market: str, **setup: Any) -> None:
        self.loop = loop
        self.market = market
        self.store = Store("")
        self.dead = False
        self.net = self._make()
        self.sea = Sea()
        self.wires = SimWires(self._door, self.sea)
        self.events: list[Event] = []
        self.made = 0
        self._news = asyncio.Event()
        given = {"account": "binance/main", "key": "paper", "secret": "paper", "url": f"http://{HOST}"}
        self.setup = Setup(**{**given, **setup})
        self.venue = BinanceSpotVenue(self.setup, self.wires, self.clock)
        loop.call_later(0.05, self._tick)

    def clock(self) -> int:
        return START_NS + self.loop.now_ns

    # ── the venue ───────────────────────────────────────────────────────────────────────────────

    def _make(self) -> Any:
        options = Options(market=self.market)
        return make(House(options, VenueClock(self.clock), lambda label: random.Random(label), self.store))

    def _door(self, host: str) -> Testnet | None:
        assert host == HOST
        return None if self.dead else self.net

    def _tick(self) -> None:
        if not self.dead:
            self.net.tick()
        self.loop.call_later(0.05, self._tick)

    def kill_venue(self) -> None:
        self.dead = True
        for socket in list(self.wires.sockets.values()):
            socket.cut()

    def raise_venue(self) -> None:
        """From what was on its disk."""
        self.net = self._make()
        self.dead = False

    def arm(self, fault: Fault) -> None:
        self.net.house.faults.arm(fault)

    # ── the desk ────────────────────────────────────────────────────────────────────────────────

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def up(self) -> BinanceSpotVenue:
        await self.venue.open(self.emit)
        await self.until(LinkUp)
        await self.pause(0.2)
        return self.venue

    async def watching(self) -> BinanceSpotVenue:
        venue = await self.up()
        await venue.watch([BTC])
        await self.until(BookUpdate)
        return venue

    async def another_life(self) -> BinanceSpotVenue:
        """The desk dies without a word, and begins again knowing nothing but its journal's cursor."""
        self.wires.abandon(told=True)
        await self.venue.close()
        self.events.clear()
        self.wires = SimWires(self._door, self.sea)
        self.venue = BinanceSpotVenue(self.setup, self.wires, self.clock)
        return await self.up()

    async def until(self, kind: type[E], count: int = 1, within_s: float = 300) -> E:
        try:
            async with asyncio.timeout(within_s):
                while len(found := self.told(kind)) < count:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            said = f"no {kind.__name__}; trouble {self.venue.trouble!r}; told {self.events[-5:]}"
            raise AssertionError(said) from None
        return found[count - 1]

    async def pause(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        await asyncio.sleep(seconds)

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def sockets(self, part: str) -> list[Socket]:
        return [one for one in self.wires.sockets.values() if part in one.url]

    def order(self, side: str = "buy", qty: str = "0.01", price: str = "", **members: Any) -> PlaceOrder:
        """A new order with an id of ours; without a price, a market order."""
        self.made += 1
        usual: dict[str, Any] = {
            "client_id": mint(1, 2, 3, self.made),
            "symbol": BTC,
            "side": side,
            "qty": Decimal(qty),
            "price": Decimal(price or 0),
            "kind": "limit" if price else "market",
            "valid_until_ns": self.clock() + 3 * SECOND,
        }
        return PlaceOrder(**{**usual, **members})

    def best(self) -> tuple[Decimal, Decimal]:
        book = self.told(BookUpdate)[-1]
        return book.bids[0].price, book.asks[0].price


def in_world(test: Callable[[World], Coroutine[Any, Any, None]], market: str = "still", **setup: Any) -> None:
    async def run() -> None:
        world = World(loop, market, **setup)
        try:
            await test(world)
        finally:
            await world.venue.close()

    with StormLoop() as loop:
        loop.run_until_complete(run())
        assert loop.complaints == []
