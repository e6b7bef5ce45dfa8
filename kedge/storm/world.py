"""A world: two venues, a crowd at each, one disk, people, and an engine that dies and is born again.

    storm   faults of the kinds this seed drew; safety must hold at every moment
    heal    faults off; people close and stop everything
    rest    within a bound of virtual time nothing is open, every leg is even, every fill is booked once

Everything an engine is made of here is the real thing, except the venue (joined at the `Venue` protocol),
the disk, and time. `run` is the whole of it; scripts use `begin`, `run_for` and `end` one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from kedge.engine.engine import RiskBook
from kedge.engine.state import Desk
from kedge.journal.journal import Corrupt, Fenced, JournalError, LeaseHeld, Past
from kedge.model.events import Command
from kedge.model.instrument import Session
from kedge.model.limits import Limits
from kedge.model.venue import Rules
from kedge.runtime.cell import Cell
from kedge.runtime.port import EngineAway
from kedge.sim.loop import Deadlock, Process, StormLoop, Stuck
from kedge.sim.medium import DiskWeather, JournalTypes
from kedge.sim.tape import Marks, Swarm, Tape
from kedge.storm.checks import Violation, Witness
from kedge.storm.crowd import Crowd, open_exchange
from kedge.storm.door import Pier
from kedge.storm.engines import Engines, WatchedDisk
from kedge.storm.harbour import Harbour
from kedge.storm.people import BETA, Markets, Wish, last_wishes, strangers, wishes
from kedge.storm.plan import MS, SECOND_NS, Lease, Plan
from kedge.storm.venue import StormVenue
from kedge.storm.weather import KINDS
from kedge.venues.venue import Venue

TYPES = JournalTypes(JournalError, Fenced, LeaseHeld, Corrupt, Past)
PRICE = Decimal(60_000)
STEPS_MOST = 400_000
LEASE_NS = 3 * SECOND_NS
LEASES: tuple[Lease, ...] = ("steal", "ttl", "lock")
EVENTS_SHOWN = 40
# A break that is longer than a clearing ends the orders of the day.
DAY_BREAK_NS = 4 * SECOND_NS


class Result(Struct):
    seed: int
    violations: list[Violation]
    steps: int
    marks: Marks
    crashed_at: list[int]  # the step at which each engine died
    engine_steps: list[int]  # the steps of each engine's life
    rest_ns: int  # how long it took to come to rest after everything was told to stop
    most: dict[str, int]  # the most seen of everything bounded
    digest: str
    log: list[str]
    events: list[str]  # the last steps before the first violation


class World:
    def __init__(self, plan: int | Plan, trace: bool = False) -> None:
        self.plan = plan = Plan(plan) if isinstance(plan, int) else plan
        self.tape = Tape(plan.seed)
        self.marks = Marks()
        self.swarm = self._swarm()
        self.loop = StormLoop(self.tape, steps_max=STEPS_MOST, trace="digest" if trace else "off")
        self.disk = WatchedDisk(self.tape, types=TYPES, marks=self.marks)
        self.harbours = self._harbours()
        self.crowds = {name: self._crowd(harbour) for name, harbour in self.harbours.items()}
        self.witness = self._witness()
        self.witness.when_broken = self._keep_events
        self.engines = Engines(
            plan, self.loop, self.tape, self.marks, self.disk, self._venues, self.witness, self.note
        )
        for harbour in self.harbours.values():
            harbour.sent = self.engines.sent
        self.disk.weather = self._disk_weather()
        self.wishes = self._wishes()
        self.engines.limits = self._limits()
        self.log: list[str] = []
        self.rest_ns = 0
        self._events: list[str] = []

    # ── what exists ─────────────────────────────────────────────────────────────────────────────

    markets = Markets()
    kinds: Mapping[str, int] = KINDS

    def _harbours(self) -> Mapping[str, Pier]:
        return {
            "alpha": self._harbour("alpha", "BTC-A", in_place=True),
            "beta": self._harbour("beta", "BTC-B", in_place=False),
        }

    def _crowd(self, harbour: Pier) -> Crowd:
        assert isinstance(harbour, Harbour)
        return Crowd(harbour.exchange, harbour.exchange.instruments()[0].symbol, self.tape, PRICE)

    def _witness(self) -> Witness:
        return Witness(self.disk, self.harbours, self.marks)

    def _venues(self, process: Process, life: int) -> dict[str, Venue]:
        return {
            f"{name}/main": StormVenue(harbour, f"{name}/main", process, life)
            for name, harbour in self.harbours.items()
            if isinstance(harbour, Harbour)
        }

    def _swarm(self) -> Swarm:
        swarm = Swarm(self.tape, self.kinds, self.marks)
        if self.plan.weather is not None:
            swarm.permille = {**dict.fromkeys(self.kinds, 0), **self.plan.weather}
        for kind in self.plan.without:
            if kind in swarm.permille:
                swarm.permille[kind] = 0
        return swarm

    def _disk_weather(self) -> DiskWeather:
        drawn = self.tape.pick("disk.lease", LEASES)
        lease = drawn if self.plan.lease is None else self.plan.lease
        return DiskWeather(
            stall_permille=20 if self.engines.befalls("disk-stalls") else 0,
            stall_ns=(100 * MS, 1500 * MS),
            lease=lease,
            lease_ttl_ns=LEASE_NS if lease == "ttl" else 0,
            real_bytes=self.tape.draw("disk.real", 20) == 1,
        )

    def _wishes(self) -> list[Wish]:
        found = list(self.plan.wishes or ())
        if self.plan.wishes is None:
            found = self._drawn_wishes()
        if self.plan.kept is not None:
            found = [wish for wish in found if wish.number in self.plan.kept]
        return found

    def _drawn_wishes(self) -> list[Wish]:
        return wishes(self.tape, self.plan.spans.storm_ns, self.markets)

    def _limits(self) -> RiskBook:
        """Exposure on alpha is sometimes bounded tightly, where no leg must be evened out there."""
        evens = any(
            name in bytes(w.command.args) for w in self.wishes for name in (b"pair-2", b"hedge-", b"spread-")
        )
        if evens or not self.tape.draw("limits", 2):
            return RiskBook(bot=Limits(orders_per_minute=200))
        most = PRICE * (10 + self.tape.draw("limits.most", 60)) / 1000
        self.witness.exposure_most["alpha"] = most
        return RiskBook(accounts={"alpha/main": Limits(exposure_notional_max=most)})

    def _harbour(self, name: str, symbol: str, in_place: bool) -> Harbour:
        sessions = self._sessions(name)
        day_ns = DAY_BREAK_NS if self.tape.draw(f"{name}.day-orders", 2) else 0
        exchange = open_exchange(
            symbol, (f"{name}/main",), self.loop.wall_start_ns, in_place, sessions, day_ns
        )
        # A third of the worlds have a venue without any bound, where a key works once.
        burns = not in_place and self.tape.draw(f"{name}.burns", 3) == 1
        rules = Rules(
            venue=name,
            as_of="storm",
            bounded=not burns,
            burns=burns,
            day_orders=bool(day_ns and sessions),
            amend="in_place" if in_place else "none",
            requests_per_s=20,
            burst=30,
            reserve=10,
            takes=True,
        )
        harbour = Harbour(name, exchange, rules, self.loop, self.tape, self.swarm)
        harbour.marks = self.marks
        return harbour

    def _sessions(self, name: str) -> tuple[Session, ...] | None:
        """In a quarter of the worlds a market closes twice in the storm: for a while, and for longer. After
        that it is open: legs that wait can be evened out."""
        if self.tape.draw(f"{name}.sessions", 4) != 1:
            return None
        start_ns, storm_ns = self.loop.wall_start_ns, self.plan.spans.storm_ns
        closes_ns = start_ns + storm_ns // 8 + self.tape.draw(f"{name}.closes", storm_ns // 4)
        opens_ns = closes_ns + SECOND_NS + self.tape.draw(f"{name}.clearing", 2 * SECOND_NS)
        evening_ns = opens_ns + SECOND_NS + self.tape.draw(f"{name}.evening", storm_ns // 4)
        again_ns = evening_ns + DAY_BREAK_NS + self.tape.draw(f"{name}.night", 4 * SECOND_NS)
        hour_ns = 3600 * SECOND_NS
        edges = ((start_ns - hour_ns, closes_ns), (opens_ns, evening_ns), (again_ns, start_ns + 24 * hour_ns))
        return tuple(Session(*edge) for edge in edges)

    # ── the run ─────────────────────────────────────────────────────────────────────────────────

    def run(self) -> Result:
        self.begin()
        self.run_for(self.plan.spans.storm_ns)
        return self.end()

    def begin(self) -> None:
        for name in self.harbours:
            self._turn(name)
        self.engines.start()
        self.engines.plan_faults()
        for wish in self.wishes:
            self.give(wish)
        if any(wish.command.verb == "stash.save" for wish in self.wishes):
            self._strangers()

    def _strangers(self) -> None:
        """Somebody else has stop orders on the account that is stashed, as soon as its market is open."""
        harbour = self.harbours["beta"]
        assert isinstance(harbour, Harbour)
        for order in strangers(BETA, harbour.now_ns()):
            reply = harbour.exchange.place("beta/main", order, harbour.now_ns())
            if not reply.ok and reply.code not in ("id_open", "id_used"):
                self._at(SECOND_NS, self._strangers)
                return

    def run_for(self, duration_ns: int) -> None:
        self._guarded(lambda: self.loop.run_for(duration_ns))

    def end(self) -> Result:
        """Heal, let people stop everything, wait for rest, judge, and bury."""
        self._guarded(self._heal)
        self._guarded(self._rest)
        for complaint in self.loop.complaints[:3]:
            self.witness.broken("0 crash", f"{complaint.says}: {complaint.error!r}")
        self._count_rare()
        engines = self.engines
        result = Result(
            seed=self.plan.seed,
            violations=list(self.witness.violations),
            steps=self.loop.steps,
            marks=self.marks,
            crashed_at=engines.crashed_at,
            engine_steps=[process.steps for process in engines.processes],
            rest_ns=self.rest_ns,
            most=self.witness.most,
            digest=self.loop.digest,
            log=self.log,
            events=self._events,
        )
        engines.over = True  # what burying shakes loose is no finding
        self.loop.bury()
        return result

    def _guarded(self, phase: Callable[[], None]) -> None:
        """A world that stands still or never ends has broken its bounds, and is not run any further."""
        if self.loop.dead or any(v.check == "12 bounded" for v in self.witness.violations):
            return
        try:
            phase()
        except (Deadlock, Stuck) as error:
            self.witness.broken("12 bounded", f"{type(error).__name__}: {error}"[:600])

    def _heal(self) -> None:
        self.swarm.heal()
        self.engines.heal()
        for name, harbour in self.harbours.items():
            harbour.heal()
            self._unhalt(name)
        spans = self.plan.spans
        self.loop.run_for(spans.settle_ns)
        self.witness.read_journal()
        names = list(dict.fromkeys([*self.witness.fold.phases, *self._still_to_come()]))
        hedges = [name for name in names if name.startswith("hedge")]
        schedules = list(self.witness.fold.schedules)
        for wish in last_wishes(names, hedges, schedules, spans.close_ns):
            self.give(wish)
        self.loop.run_for(spans.close_ns + SECOND_NS)

    def _still_to_come(self) -> list[str]:
        """Bots that a question begins, which may be answered only now."""
        saved = any(wish.command.verb == "stash.restore" for wish in self.wishes)
        return ["stash-night"] if saved else []

    def _rest(self) -> None:
        began_ns = self.loop.now_ns
        until_ns = began_ns + self.plan.spans.rest_ns
        resting: Cell | None = None
        while self.loop.now_ns < until_ns:
            # At rest is who is at rest twice, a second apart, in the same life.
            before, resting = resting, self._at_rest()
            if resting is not None and resting is before:
                break
            self.loop.run_for(SECOND_NS)
        self.rest_ns = self.loop.now_ns - began_ns
        cell = resting or self.engines.cell
        if cell is None or cell.stopped:
            self.witness.broken("8 stopped", "no engine is running after the storm")
        else:
            self._judge(cell)

    def _judge(self, cell: Cell) -> None:
        self.witness.at_rest(cell)

    def _at_rest(self) -> Cell | None:
        cell = self.engines.cell
        return cell if cell is not None and self._rests(cell) else None

    def _rests(self, cell: Cell) -> bool:
        if cell.stopped or cell.durable_seq < cell.last_seq:
            return False
        desk: Desk = cell.engine.desk
        if any(bot.phase in ("running", "paused", "stopping") for bot in desk.bots.values()):
            return False
        for account in desk.accounts.values():
            if any(not order.settled for order in account.orders.values()):
                return False
        if desk.sweeps or desk.errands or desk.stash_asks:
            return False
        if any(stash.cancelling for stash in desk.stashes.values()):
            return False
        return all(link.ready and not link.doubts for link in cell.engine.links.values())

    # ── the crowd ───────────────────────────────────────────────────────────────────────────────

    def _turn(self, name: str) -> None:
        """One venue's turn, about twice a second: the crowd trades, the weather is drawn, checks look."""
        harbour, healed, spans = self.harbours[name], self.engines.healed, self.plan.spans
        jumps = not healed and self.swarm.fires("price-jump")
        self.crowds[name].turn(harbour.now_ns(), jumps)
        harbour.tell()
        if not healed:
            harbour.turn()
            if self.swarm.fires("halt"):
                self._halt(name)
        self.witness.turn(self.engines.cell)
        every_ns = spans.calm_turn_ns if healed else spans.turn_ns
        self._at(every_ns + self.tape.draw(f"{name}.turn", every_ns), lambda: self._turn(name))

    def _halt(self, name: str) -> None:
        harbour = self.harbours[name]
        harbour.exchange.halt(self.crowds[name].symbol, True, harbour.now_ns())
        self._at(SECOND_NS + self.tape.draw("halt-for", 3 * SECOND_NS), lambda: self._unhalt(name))

    def _unhalt(self, name: str) -> None:
        harbour = self.harbours[name]
        harbour.exchange.halt(self.crowds[name].symbol, False, harbour.now_ns())

    def _at(self, delay_ns: int, what: Callable[[], Any]) -> None:
        self.loop.post(self.loop.root, what, delay_ns=delay_ns)

    # ── people ──────────────────────────────────────────────────────────────────────────────────

    def give(self, wish: Wish) -> None:
        self.loop.spawn(self.loop.root, self._give(wish), f"wish {wish.command.command_id}")

    async def _give(self, wish: Wish) -> None:
        """Give a command until somebody answers; the id stays the same."""
        await asyncio.sleep(wish.at_ns / SECOND_NS)
        for _ in range(60):
            cell = self.engines.cell
            if cell is not None and not cell.stopped:
                says = await _answer(cell, wish.command)
                if says:
                    self.note(f"{wish.command.verb} {bytes(wish.command.args).decode()}: {says}")
                    return
            await asyncio.sleep(1)
        self.witness.broken("8 stopped", f"nobody took {wish.command.verb} in a minute")

    # ── the report ──────────────────────────────────────────────────────────────────────────────

    def note(self, says: str) -> None:
        self.log.append(f"{self.loop.now_ns / SECOND_NS:9.3f} {says}")

    def _keep_events(self) -> None:
        self._events = self.loop.events()[-EVENTS_SHOWN:]

    def _count_rare(self) -> None:
        """What our own code did that only some runs see, from its counters."""
        for cell in self.engines.cells.values():
            for ours, mark in _OURS.items():
                if cell.engine.counts.get(ours):
                    self.marks.sometimes(mark)
        if self.witness.fold.switched:
            self.marks.sometimes("kill-switch")


async def _answer(cell: Cell, command: Command) -> str:
    """What the engine says to it; "" when it does not answer."""
    try:
        async with asyncio.timeout(4):
            return (await cell.command(command)).says
    except (TimeoutError, EngineAway):
        return ""


_OURS = {
    "orders absent": "order-absent",
    "place unknown": "order-unknown",
    "fills late": "fill-late",
    "refusals": "refused-by-limit",
    "commands repeated": "command-repeated",
    "woken by late fills": "woken-by-late-fill",
    "books stale": "book-stale",
}
