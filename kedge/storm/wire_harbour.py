"""Wire storms: the real adapters against the real testnets, byte for byte, in the same seeded world.

What `venue.py` makes up in a core storm is here the venues' own protocols: signing, streams, gaps, listen
keys, rate limits, lookups that lag, batches of pages. The engine, the disk, the people and the checks are
those of every storm; only the water is real.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from random import Random  # storm-ok: seeded by the world's tape
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kedge.model import events as ev
from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Ask, Bar, Feed, PlaceOrder, Quote, Rules
from kedge.sim.loop import Process, StormLoop
from kedge.sim.tape import Marks, Swarm, Tape
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import BadFault, Fault
from kedge.sim.testnet.house import Hosted, Maker, Setup
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Testnet
from kedge.storm.door import Door
from kedge.storm.window import View, Window
from kedge.storm.wire_weather import MS, NET, STRIKES, VENUE, S
from kedge.storm.wires import Rough, SimWires, Socket
from kedge.venues.venue import Condition, Emit, Venue
from kedge.venues.venue import Setup as Account

Best = tuple[Decimal, Decimal]
# More than a world has turns.
BESTS_MOST = 2_000
TICK_NS = 100 * MS
CALM_TICK_NS = 1_000 * MS


class Port(Struct, frozen=True):
    """One place to trade at in a wire storm: whose testnet, which adapter, which market."""

    name: str  # the harbour's, and the first half of the account's
    host: str
    testnet: Maker
    adapter: Callable[..., Venue]
    view: View
    price: Decimal = Decimal(60_000)


class WireHarbour:
    """A testnet that dies and comes back with what it had on disk; the stage for `Witness` and `Crowd`."""

    hosted: Hosted
    exchange: Window
    calm_tick_ns = CALM_TICK_NS
    weather_of: type[Rough] = Rough
    carries: Sequence[str] = tuple(NET)

    def __init__(self, port: Port, loop: StormLoop, tape: Tape, swarm: Swarm, marks: Marks) -> None:
        self.name = port.name
        self.port = port
        self.loop = loop
        self.tape = tape
        self.swarm = swarm
        self.marks = marks
        self.door: Door | None = None
        self.sent: Callable[[], int] = lambda: 0
        self.banned: list[str] = []
        self.lookups: dict[str, int] = {}
        self.understated: dict[str, Decimal] = {}
        self.reborn: Callable[[], None] = lambda: None
        self.down = False
        self.weather = self.weather_of(tape, {}, marks, delay_ns=(MS // 2, 5 * MS), late_ns=(S, 35 * S))
        self.wires: list[SimWires] = []
        self._healed = False
        self._store = Store("")
        self._lives = 0
        self._bests: deque[tuple[int, Best]] = deque(maxlen=BESTS_MOST)
        self._draw = tape.stream(f"{port.name}.net")
        self._begin()

    # ── the testnet's life ──────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self._lives += 1
        setup = Setup(self._options(), VenueClock(self.now_ns), self._dice, self._store)
        self.hosted = self._host(setup)
        self.exchange = self._look(self.hosted)
        self.exchange.watch(self._placed, self._amended, self._cancelled)
        self._arm()

    def _options(self) -> Options:
        return Options(market="none", key="storm", secret="storm")

    def _host(self, setup: Setup) -> Hosted:
        return self.port.testnet(setup)

    def _look(self, hosted: Hosted) -> Window:
        return Window(hosted.house.exchange, self.port.view)

    def _dice(self, label: str) -> Random:  # storm-ok: seeded by the world's tape
        return Random(
            f"{self.name}:{label}:{self._lives}:{self.tape.draw('testnet', 1 << 30)}"
        )  # storm-ok: seeded by the tape

    def die(self, for_ns: int) -> None:
        """Its power is cut: every line breaks, nothing is said; its disk stays."""
        self.down = True
        self._mark_venue_faults()
        self.cut()
        self.loop.post(self.loop.root, self._live_again, delay_ns=for_ns)

    def _live_again(self) -> None:
        if self.down:
            self.down = False
            self._begin()
            self.reborn()

    def answers(self) -> Testnet | None:
        return None if self.down else self.hosted

    def now_ns(self) -> int:
        return self.loop.wall_start_ns + self.loop.now_ns

    def tell(self) -> None:
        if not self.down:
            self.note_best()
            self.hosted.tick()

    def tick(self) -> None:
        """For ever: what is paced by the venue's clock. Less often once nobody is in a hurry."""
        self.tell()
        self.loop.post(self.loop.root, self.tick, delay_ns=self.calm_tick_ns if self._healed else TICK_NS)

    def note_best(self) -> None:
        """Remember what the venue's best prices have been."""
        report = self.exchange.inner.book(self.port.view.symbol, 1)
        if report.bids and report.asks:
            best = (report.bids[0].price, report.asks[0].price)
            if not self._bests or self._bests[-1][1] != best:
                self._bests.append((self.now_ns(), best))

    def bests_since(self, since_ns: int) -> set[Best]:
        """The best prices of this time, and those that held when it began."""
        found: set[Best] = set()
        for at_ns, best in reversed(self._bests):
            found.add(best)
            if at_ns < since_ns:
                break
        return found

    # ── weather ─────────────────────────────────────────────────────────────────────────────────

    def begin_storm(self) -> None:
        """What this world drew holds until the storm has healed, over restarts too."""
        self.weather.permille = {kind: self.swarm.permille.get(kind, 0) for kind in self.carries}
        self._arm()

    def _arm(self) -> None:
        faults = self.hosted.house.faults
        for kind, (_, fault) in VENUE.items():
            permille = 0 if self._healed else self.swarm.permille.get(kind, 0)
            if permille and fault.kind in faults.known():
                faults.arm(replace(fault, probability=permille / 1000))

    def turn(self) -> None:
        """What is drawn once in a while, beside what holds."""
        if self.down:
            return
        fires = self.swarm.fires
        if fires("link-cut"):
            self.cut()
        if fires("half-open"):
            for socket in self._sockets():
                socket.half_open()
        for kind, strikes in STRIKES.items():
            if fires(kind):
                self._strike(strikes)
        if fires("venue-down"):
            self.die(S + self._draw(8 * S))

    def _strike(self, faults: Sequence[Fault]) -> None:
        known = self.hosted.house.faults.known()
        for fault in faults:
            if fault.kind in known:
                with contextlib.suppress(BadFault):  # what it names is not there at this moment
                    self.hosted.house.faults.arm(fault)

    def cut(self) -> None:
        for socket in self._sockets():
            socket.cut()

    def _sockets(self) -> list[Socket]:
        return [socket for wires in self.wires for socket in list(wires.sockets.values())]

    def heal(self) -> None:
        self._healed = True
        self.weather.heal()
        self._mark_venue_faults()
        self._live_again()
        self.hosted.house.faults.clear()

    def _mark_venue_faults(self) -> None:
        fired = self.hosted.house.faults.fired
        for kind, (_, fault) in VENUE.items():
            if fired.get(fault.kind):
                self.marks.sometimes(kind)

    def check_bans(self) -> None:
        bans = self.hosted.stats().get("bans", 0)
        if bans and not self.banned:
            self.banned.append(f"{self.name}: banned {bans} times")

    # ── the door ────────────────────────────────────────────────────────────────────────────────

    @property
    def account(self) -> str:
        return f"{self.name}/main"

    def _placed(self, order: PlaceOrder, reply: Any) -> None:
        self.note_best()
        if self.door is not None:
            self.door.placed(self, self.account, order, reply)

    def _amended(self, change: Any, reply: Any) -> None:
        self.note_best()
        if self.door is not None:
            self.door.amended(self, self.account, change, reply)

    def _cancelled(self, client_id: str, reply: Any) -> None:
        self.note_best()
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

    @property
    def trouble(self) -> str:
        return self._inner.trouble

    @property
    def condition(self) -> Condition:
        return self._inner.condition

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

    async def cancel(
        self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = ""
    ) -> ev.Answered:
        return await self._leaves(
            "cancel", client_id, self._inner.cancel(client_id, symbol, valid_until_ns, venue_id)
        )

    async def cancel_all(self, symbol: str | None) -> str:
        return await self._inner.cancel_all(symbol)

    async def lookup(self, ask: Ask) -> ev.LookedUp:
        lookups = self._harbour.lookups
        lookups[ask.client_id] = lookups.get(ask.client_id, 0) + 1
        return await self._inner.lookup(ask)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        return await self._inner.instruments()

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        return await self._inner.quotes(symbols)

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
    port, loop = harbour.port, harbour.loop

    def here(after_ns: int, do: Callable[[], None]) -> None:
        loop.post(process, do, delay_ns=max(after_ns, 1))

    def there(after_ns: int, do: Callable[[], None]) -> None:
        loop.post(loop.root, do, delay_ns=max(after_ns, 1))

    def door(host: str) -> Testnet | None:
        return harbour.answers() if host == port.host else None

    wires = SimWires(door, harbour.weather, here, there)
    harbour.wires.append(wires)
    process.at_death(lambda: wires.abandon(told=True))
    setup = Account(harbour.account, "storm", "storm", url=f"http://{port.host}")
    return WatchedVenue(port.adapter(setup, wires, process.wall_ns), harbour, life)
