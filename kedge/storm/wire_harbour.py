"""Wire storms: the real adapters against the real testnets, byte for byte, in the same seeded world.

What `venue.py` makes up in a core storm is here the venues' own protocols: signing, streams, gaps, listen
keys, rate limits, lookups that lag, batches of pages. The engine, the disk, the people and the checks are
those of every storm; only the water is real.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from random import Random  # storm-ok: seeded by the world's tape
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from kedge.model import events as ev
from kedge.model.venue import AccountReport, Bar, Feed, PlaceOrder, Rules
from kedge.sim.loop import Process, StormLoop
from kedge.sim.tape import Swarm, Tape
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault, WireFault
from kedge.sim.testnet.faulty import Faulty
from kedge.sim.testnet.house import Hosted, Maker, Setup
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.store import Store
from kedge.storm.door import Door
from kedge.storm.lines import StormWires
from kedge.storm.plan import MS, SECOND_NS
from kedge.storm.window import View, Window
from kedge.storm.wire_weather import STEADY
from kedge.venues.venue import Emit, Venue
from kedge.venues.venue import Setup as Account

TICK_NS = 100 * MS
WIRE_FAULTS = get_args(WireFault)


class Port(Struct, frozen=True):
    """One place to trade at in a wire storm: whose testnet, which adapter, which market."""

    name: str  # the harbour's, and the first half of the account's
    host: str
    testnet: Maker
    adapter: Callable[..., Venue]
    view: View
    price: Decimal = Decimal(60_000)


class Memoryless:
    """The market of a storm is its crowd; the testnet itself moves nothing."""

    def step(self, now_ns: int) -> None: ...

    def move(self, symbol: str, price: Decimal, now_ns: int) -> None: ...

    def join(self, listing: Any, now_ns: int) -> None: ...


class WireHarbour:
    """A testnet that dies and comes back with what it had on disk; the stage for `Witness` and `Crowd`."""

    def __init__(self, port: Port, loop: StormLoop, tape: Tape, swarm: Swarm) -> None:
        self.name = port.name
        self.port = port
        self.loop = loop
        self.tape = tape
        self.swarm = swarm
        self.door: Door | None = None
        self.sent: Callable[[], int] = lambda: 0
        self.down_until_ns = 0
        self.banned: list[str] = []
        self.lookups: dict[str, int] = {}
        self.understated: dict[str, Decimal] = {}
        self.reborn: Callable[[], None] = lambda: None
        self.fired: dict[str, int] = {}
        self._store = Store("")
        self._lives = 0
        self._draw = tape.stream(f"{port.name}.net")
        self._armed: dict[str, Fault] = {}
        self._begin()

    # ── the testnet's life ──────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self._lives += 1
        options = Options(market="still", key="storm", secret="storm")
        setup = Setup(options, VenueClock(self.now_ns), self._dice, self._store)
        self.hosted: Hosted = self.port.testnet(setup)
        house = self.hosted.house
        for account in house.exchange.accounts():
            house.exchange.cancel_all(account, self.now_ns()) if account.startswith("_") else ()
        house.keeper.join(lambda exchange: Memoryless())
        self.faulty = Faulty(self.hosted, house.faults, self._later, house.account_of)
        self.exchange = Window(house.exchange, self.port.view)
        self.exchange.watch(self._placed, self._amended, self._cancelled)
        self._arm_all()

    def _dice(self, label: str) -> Random:  # storm-ok: seeded by the world's tape
        return Random(f"{self.name}:{label}:{self._lives}:{self.tape.draw('testnet', 1 << 30)}")  # storm-ok

    def die(self, for_ns: int) -> None:
        """Its power is cut: every line breaks, nothing is said; its disk stays."""
        self.down_until_ns = self.loop.now_ns + for_ns
        self._keep_counts()
        self.faulty.cut()
        self.loop.post(self.loop.root, self.live_again, delay_ns=for_ns)

    def live_again(self) -> None:
        if self.down_until_ns:
            self.down_until_ns = 0
            self._begin()
            self.reborn()

    @property
    def down(self) -> bool:
        return self.down_until_ns > 0

    def answers(self) -> Faulty | None:
        return None if self.down else self.faulty

    def now_ns(self) -> int:
        return self.loop.wall_start_ns + self.loop.now_ns

    def wire_ns(self) -> int:
        return MS // 2 + self._draw(4 * MS)

    def tell(self) -> None:
        if not self.down:
            self.faulty.tick()

    def tick(self) -> None:
        """For ever, ten times a second: what is paced by the venue's clock."""
        self.tell()
        self.loop.post(self.loop.root, self.tick, delay_ns=TICK_NS)

    def _later(self, after_ns: int, do: Callable[[], None]) -> None:
        life = self._lives

        def then() -> None:
            if life == self._lives:
                do()

        self.loop.post(self.loop.root, then, delay_ns=max(after_ns, 1))

    # ── weather ─────────────────────────────────────────────────────────────────────────────────

    def begin_storm(self) -> None:
        """Arm what this world drew; it holds until the storm has healed, over restarts too."""
        known = self.hosted.house.faults.known()
        for kind, (_, fault) in STEADY.items():
            permille = self.swarm.permille.get(kind, 0)
            if permille and (fault.kind in WIRE_FAULTS or fault.kind in known):
                self._armed[kind] = replace(fault, probability=permille / 1000)
        self._arm_all()

    def _arm_all(self) -> None:
        for fault in self._armed.values():
            self.hosted.house.faults.arm(fault)

    def turn(self) -> None:
        """What is drawn once in a while, beside what is armed."""
        if self.down:
            return
        fires = self.swarm.fires
        if fires("link-cut"):
            self.faulty.cut()
        if fires("half-open"):
            self.strike(Fault("silent", way="out"))
        if fires("venue-down"):
            self.die(SECOND_NS + self._draw(8 * SECOND_NS))

    def strike(self, fault: Fault) -> None:
        """Once, now."""
        if not self.down:
            self.hosted.house.faults.arm(fault)

    def heal(self) -> None:
        self._armed = {}
        self._keep_counts()
        self.live_again()
        self.hosted.house.faults.clear()

    def _keep_counts(self) -> None:
        faults = self.hosted.house.faults
        for kind, times in faults.fired.items():
            self.fired[kind] = self.fired.get(kind, 0) + times
        faults.fired.clear()

    def check_bans(self) -> None:
        bans = self.hosted.stats().get("bans", 0)
        if bans and not self.banned:
            self.banned.append(f"{self.name}: banned {bans} times")

    # ── the door ────────────────────────────────────────────────────────────────────────────────

    @property
    def account(self) -> str:
        return f"{self.name}/main"

    def _placed(self, order: PlaceOrder, reply: Any) -> None:
        if self.door is not None:
            self.door.placed(self, self.account, order, reply)

    def _amended(self, change: Any, reply: Any) -> None:
        if self.door is not None:
            self.door.amended(self, self.account, change, reply)

    def _cancelled(self, client_id: str, reply: Any) -> None:
        if self.door is not None:
            self.door.cancelled(self, self.account, client_id, reply)


class WatchedVenue:
    """A real adapter, and somebody who notes what leaves it."""

    def __init__(self, inner: Venue, harbour: WireHarbour, life: int) -> None:
        self.account = inner.account
        self.life = life
        self._inner = inner
        self._harbour = harbour

    @property
    def rules(self) -> Rules:
        return self._inner.rules

    async def open(self, emit: Emit) -> None:
        await self._inner.open(emit)

    async def close(self) -> None:
        await self._inner.close()

    def retry(self) -> None:
        self._inner.retry()

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        await self._inner.watch(symbols, feeds)

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        return await self._inner.bars(symbol, interval_ns, since_ns, until_ns)

    async def place(self, order: PlaceOrder) -> ev.Answered:
        return await self._leaves("place", order.client_id, self._inner.place(order))

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> ev.Answered:
        work = self._inner.amend(client_id, symbol, price, qty, valid_until_ns)
        return await self._leaves("amend", client_id, work)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int) -> ev.Answered:
        return await self._leaves("cancel", client_id, self._inner.cancel(client_id, symbol, valid_until_ns))

    async def lookup(self, client_id: str, symbol: str) -> ev.LookedUp:
        lookups = self._harbour.lookups
        lookups[client_id] = lookups.get(client_id, 0) + 1
        return await self._inner.lookup(client_id, symbol)

    async def report(self, cursor: str) -> AccountReport | str:
        return await self._inner.report(cursor)

    async def _leaves(self, request: ev.Request, client_id: str, work: Awaitable[ev.Answered]) -> ev.Answered:
        harbour = self._harbour
        if harbour.door is not None:
            harbour.door.leaves(harbour, self.life, request, client_id)
        if request == "place":
            harbour.sent()
        return await work


def venue_of(harbour: WireHarbour, process: Process, life: int) -> Venue:
    """One engine's adapter of one account, on the storm's net."""
    port = harbour.port

    def doors(host: str) -> Faulty | None:
        return harbour.answers() if host == port.host else None

    wires = StormWires(harbour.loop, process, doors, harbour.wire_ns)
    setup = Account(harbour.account, "storm", "storm", url=f"http://{port.host}")
    return WatchedVenue(port.adapter(setup, wires, process.wall_ns), harbour, life)
