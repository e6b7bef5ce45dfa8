"""A world: two venues, a crowd at each, one disk, people, and an engine that dies and is born again.

    storm   faults of the kinds this seed drew; safety must hold at every moment
    heal    faults off; people close and stop everything
    rest    within a bound of virtual time nothing is open, every leg is even, every fill is booked once

Everything an engine is made of here is the real thing, except the venue (joined at the `Venue` protocol),
the disk, and time.
"""

from __future__ import annotations

import asyncio
import traceback
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from kedge.bots import BUILT_IN
from kedge.engine.engine import RiskBook
from kedge.engine.state import Desk
from kedge.journal.journal import Corrupt, Fenced, JournalError, LeaseHeld, Past
from kedge.model.limits import Limits
from kedge.model.venue import Rules
from kedge.runtime.cell import Cell, CellConfig
from kedge.runtime.port import EngineAway
from kedge.sim.disk import SimJournal
from kedge.sim.loop import Deadlock, Process, StormLoop, Stuck
from kedge.sim.medium import DiskWeather, JournalTypes, SimDisk
from kedge.sim.tape import Marks, Swarm, Tape
from kedge.storm.checks import Violation, Witness
from kedge.storm.crowd import Crowd, open_exchange
from kedge.storm.people import STORM_NS, Wish, last_wishes, wishes
from kedge.storm.venue import Harbour, StormVenue
from kedge.storm.weather import KINDS, MACHINE

MS = 1_000_000
SECOND_NS = 1_000_000_000
TYPES = JournalTypes(JournalError, Fenced, LeaseHeld, Corrupt, Past)
PRICE = Decimal(60_000)
REST_NS = 240 * SECOND_NS
STEPS_MOST = 400_000
LEASE_NS = 3 * SECOND_NS
DESK_ID = 0xDE5C


class Result(Struct):
    seed: int
    violations: list[Violation]
    steps: int
    crashes: int
    marks: Marks
    digest: str = ""
    engine_steps: list[int] = []  # steps of each engine process, for the sweep
    log: list[str] = []


class World:
    def __init__(
        self,
        seed: int,
        crash_at: int | None = None,
        calm: bool = False,
        trace: bool = False,
        cell_class: type[Cell] = Cell,
    ) -> None:
        self.seed = seed
        self.tape = Tape(seed)
        self.marks = Marks()
        self.swarm = Swarm(self.tape, KINDS, self.marks)
        self.calm = calm
        if calm:
            self.swarm.heal()
        self.loop = StormLoop(
            self.tape, steps_max=STEPS_MOST, trace="digest" if trace else "off"
        )
        self.crash_at = crash_at
        self.cell_class = cell_class
        self.disk = SimDisk(self.tape, weather=self._disk_weather(), types=TYPES, marks=self.marks)
        self.harbours = {
            "alpha": self._harbour("alpha", "BTC-A", in_place=True),
            "beta": self._harbour("beta", "BTC-B", in_place=False),
        }
        self.crowds = {
            name: Crowd(h.exchange, h.exchange.instruments()[0].symbol, self.tape, PRICE)
            for name, h in self.harbours.items()
        }
        self.witness = Witness(self.disk, self.harbours)
        self.engines: list[Process] = []
        self.cell: Cell | None = None
        self.crashes = 0
        self.healed = self.over = False
        self.wishes: list[Wish] = wishes(self.tape)
        self.limits = self._limits()
        self.log: list[str] = []
        self._crash_at_send = 0

    def _disk_weather(self) -> DiskWeather:
        leases: tuple[Literal["steal", "ttl", "lock"], ...] = ("steal", "ttl", "lock")
        lease = self.tape.pick("disk.lease", leases)
        return DiskWeather(
            stall_permille=20 if self._befalls("disk-stalls") else 0,
            stall_ns=(100 * MS, 1500 * MS),
            lease=lease,
            lease_ttl_ns=LEASE_NS if lease == "ttl" else 0,
            real_bytes=self.tape.draw("disk.real", 20) == 1,
        )

    def _limits(self) -> RiskBook:
        """Exposure on alpha is sometimes bounded tightly, where no leg must be evened out there."""
        evens = any(name in bytes(w.command.args) for w in self.wishes for name in (b"pair-2", b"hedge-1"))
        if evens or not self.tape.draw("limits", 2):
            return RiskBook(bot=Limits(orders_per_minute=200))
        most = PRICE * (10 + self.tape.draw("limits.most", 60)) / 1000
        self.witness.exposure_most["alpha"] = most
        return RiskBook(accounts={"alpha/main": Limits(exposure_notional_max=most)})

    def _harbour(self, name: str, symbol: str, in_place: bool) -> Harbour:
        login = f"{name}/main"
        exchange = open_exchange(symbol, (login,), self.loop.wall_start_ns, in_place)
        rules = Rules(
            venue=name,
            as_of="storm",
            amend="in_place" if in_place else "none",
            requests_per_s=20,
            burst=30,
            reserve=10,
        )
        harbour = Harbour(name, exchange, rules, self.loop, self.tape, self.swarm)
        harbour.sent = self._sent
        return harbour

    # ── the run ─────────────────────────────────────────────────────────────────────────────────

    def run(self) -> Result:
        try:
            self._storm()
            self._heal()
            self._rest()
        except (Deadlock, Stuck) as error:
            self.witness.broken("12 bounded", f"{type(error).__name__}: {error}"[:600])
        for complaint in self.loop.complaints[:3]:
            self.witness.broken("0 crash", f"{complaint.says}: {complaint.error!r}")
        self._count_rare()
        result = Result(
            seed=self.seed,
            violations=list(self.witness.violations),
            steps=self.loop.steps,
            crashes=self.crashes,
            marks=self.marks,
            digest=self.loop.digest,
            engine_steps=[p.steps for p in self.engines],
            log=self.log,
        )
        self.over = True  # what burying shakes loose is no finding
        self.loop.bury()
        return result

    def _storm(self) -> None:
        self._turns()
        self._start_engine()
        self._plan_machine_faults()
        for wish in self.wishes:
            self.loop.spawn(self.loop.root, self._give(wish), f"wish {wish.command.command_id}")
        self.loop.run_for(STORM_NS)

    def _heal(self) -> None:
        self.healed = True
        self.swarm.heal()
        self.crash_at = None
        self.disk.fail_at_write = self.disk.full_at_bytes = None
        for name, harbour in self.harbours.items():
            harbour.down_until_ns = 0
            self._unhalt(name)
        for older in self.engines[:-1]:
            self.loop.kill(older)
        if not self.engines[-1].alive:
            self._start_engine()
        self.loop.run_for(12 * SECOND_NS)
        assert self.cell is not None or self.witness.violations, "no engine after the storm"
        names = self._bot_names()
        hedges = [n for n in names if n.startswith("hedge")]
        for wish in last_wishes(names, hedges):
            self.loop.spawn(self.loop.root, self._give(wish), f"wish {wish.command.command_id}")
        self.loop.run_for(22 * SECOND_NS)

    def _bot_names(self) -> list[str]:
        return list(self.cell.engine.desk.bots) if self.cell else []

    def _rest(self) -> None:
        until_ns = self.loop.now_ns + REST_NS
        while self.loop.now_ns < until_ns and not self._at_rest():
            self.loop.run_for(2 * SECOND_NS)
        if self.cell is None or self.cell.stopped:
            self.witness.broken("8 stopped", "no engine is running after the storm")
            return
        self.loop.run_for(SECOND_NS)
        cell = self.cell
        self.loop.run_until(lambda: cell.durable_seq == cell.last_seq)
        self.witness.at_rest(self.cell.engine.desk)
        tasks = len(self.cell._tree or ())
        if tasks > 40:
            self.witness.broken("12 bounded", f"{tasks} tasks at rest")

    def _at_rest(self) -> bool:
        cell = self.cell
        if cell is None or cell.stopped or cell.durable_seq < cell.last_seq:
            return False
        desk: Desk = cell.engine.desk
        if any(bot.phase in ("running", "paused", "stopping") for bot in desk.bots.values()):
            return False
        for account in desk.accounts.values():
            if any(not order.settled for order in account.orders.values()):
                return False
        return all(link.ready and not link.doubts for link in cell.engine.links.values())

    # ── engines ─────────────────────────────────────────────────────────────────────────────────

    def _start_engine(self, crash_at: int | None = None) -> None:
        skew_ns = 0
        if not self.healed and self._befalls("clock-skewed"):
            skew_ns = self.tape.draw("skew", 1600 * MS) - 800 * MS
        process = self.loop.process(f"engine-{len(self.engines) + 1}", skew_ns=skew_ns)
        self.engines.append(process)
        process.crash_at_step = crash_at if crash_at is not None else self.crash_at
        self.crash_at = None
        process.at_death(lambda: self._died(process))
        self.loop.spawn(process, self._live(process), process.name)

    async def _live(self, process: Process) -> None:
        try:
            journal = SimJournal(self.disk, process=process)
        except (LeaseHeld, JournalError) as error:
            return self._ended(process, error)
        venues = {f"{n}/main": StormVenue(h, f"{n}/main", process) for n, h in self.harbours.items()}
        cell = self.cell_class(
            CellConfig("main", "storm", DESK_ID, snapshot_every=150),
            journal,
            venues,
            BUILT_IN,
            self.limits,
            process.wall_ns,
        )
        self.cell = cell
        self._note(f"{process.name} lives life {journal.life} from record {cell.last_seq}")
        try:
            await cell.run()
        except JournalError as error:
            return self._ended(process, error)
        except Exception as error:  # noqa: BLE001  # a fault of ours is a finding, whatever it is
            if self.over:
                return None
            where = traceback.format_exc().strip().splitlines()
            self.witness.broken("0 crash", f"{error!r} {' '.join(where[-8:])}"[:1500])
            return self._ended(process, error)
        return None

    def _ended(self, process: Process, error: Exception) -> None:
        """The process ends by itself: the lease is held, the disk failed, or it was fenced."""
        if isinstance(error, Fenced):
            self.marks.sometimes("fenced")
        elif isinstance(error, LeaseHeld):
            self.marks.sometimes("lease-held")
        else:
            self.marks.sometimes("stopped-by-disk")
        self._note(f"{process.name} ends: {error}")
        self.loop.kill(process)

    def _died(self, process: Process) -> None:
        self.crashes += 1
        self._note(f"{process.name} is dead after {process.steps} steps")
        if self.loop.dead:
            return
        self.disk.fail_at_write = None
        delay_ns = 50 * MS + self.tape.draw("restart", 2 * SECOND_NS)
        self.loop.post(self.loop.root, self._restart, process, delay_ns=delay_ns)

    def _restart(self, dead: Process) -> None:
        """As a service manager does, unless a younger engine is at work by now."""
        if not any(p.alive for p in self.engines[self.engines.index(dead) :]):
            again = not self.healed and self._befalls("crash-again")
            self._start_engine(1 + self.tape.draw("crash-again-at", 1500) if again else None)

    # ── what happens to machines ────────────────────────────────────────────────────────────────

    def _befalls(self, kind: str) -> bool:
        if self.calm or not self.tape.chance(f"machine.{kind}", MACHINE[kind]):
            return False
        self.marks.sometimes(kind)
        return True

    def _plan_machine_faults(self) -> None:
        fires, draw = self._befalls, self.tape.draw
        first = self.engines[0]
        if self.healed is False and first.crash_at_step is None and fires("crash"):
            if draw("crash-where", 2):
                first.crash_at_step = 1 + draw("crash-at", 1200)
            else:
                self._crash_at_send = 1 + draw("crash-at-send", 10)
        if fires("freeze"):
            self._at(draw("freeze-at", STORM_NS), self._freeze)
        if fires("two-engines"):
            self._at(SECOND_NS + draw("second-at", STORM_NS), self._second_engine)
        if fires("disk-fails"):
            self._at(draw("disk-fails-at", STORM_NS), self._fail_disk)

    def _sent(self) -> int:
        """An order has just left. The narrowest window there is: sent, and not answered.

        Sometimes it is also long on its way, and arrives in the next life.
        """
        self._crash_at_send -= 1
        if self._crash_at_send != 0 or self.healed:
            return 0
        self.marks.sometimes("crash-after-send")
        sender = self.loop.current
        self._at(self.tape.draw("crash-after-send", 9 * MS), lambda: self.loop.kill(sender))
        return self.tape.pick("crash-after-send.slow", (0, 1)) * self.tape.draw("crash-slow", 5 * SECOND_NS)

    def _at(self, delay_ns: int, what: Any) -> None:
        self.loop.post(self.loop.root, what, delay_ns=delay_ns)

    def _freeze(self) -> None:
        alive = [p for p in self.engines if p.alive]
        if alive and not self.healed:
            self._note(f"{alive[-1].name} freezes")
            self.loop.freeze_for(200 * MS + self.tape.draw("freeze-for", 7 * SECOND_NS), alive[-1])

    def _second_engine(self) -> None:
        if not self.healed:
            if self.tape.draw("second-while-frozen", 2):
                self._freeze()
            self._at(self.tape.draw("second-after", 6 * SECOND_NS), self._start_engine)

    def _fail_disk(self) -> None:
        if not self.healed:
            self.disk.fail_at_write = self.disk.writes + 1 + self.tape.draw("disk-fails-in", 20)

    # ── the crowd ───────────────────────────────────────────────────────────────────────────────

    def _turns(self) -> None:
        for name in self.harbours:
            self._turn(name)

    def _turn(self, name: str) -> None:
        harbour, crowd = self.harbours[name], self.crowds[name]
        self._trade(harbour, crowd)
        if not self.healed:
            harbour.turn()
            if self.swarm.fires("halt"):
                self._halt(name)
        every_ns = 400 * MS if not self.healed else 1000 * MS
        self._at(every_ns + self.tape.draw(f"{name}.turn", every_ns), lambda: self._turn(name))

    def _trade(self, harbour: Harbour, crowd: Crowd) -> None:
        crowd.turn(harbour.now_ns(), not self.healed and self.swarm.fires("price-jump"))
        harbour.tell()

    def _halt(self, name: str) -> None:
        harbour = self.harbours[name]
        harbour.exchange.halt(self.crowds[name].symbol, True, harbour.now_ns())
        self._at(SECOND_NS + self.tape.draw("halt-for", 3 * SECOND_NS), lambda: self._unhalt(name))

    def _unhalt(self, name: str) -> None:
        harbour = self.harbours[name]
        harbour.exchange.halt(self.crowds[name].symbol, False, harbour.now_ns())

    # ── people ──────────────────────────────────────────────────────────────────────────────────

    async def _give(self, wish: Wish) -> None:
        """Give a command until somebody answers; the id stays the same."""
        await asyncio.sleep(wish.at_ns / SECOND_NS)
        for _ in range(60):
            cell = self.cell
            if cell is not None and not cell.stopped and any(p.alive for p in self.engines):
                try:
                    async with asyncio.timeout(4):
                        taken = await cell.command(wish.command)
                    self._note(f"{wish.command.verb} {bytes(wish.command.args).decode()}: {taken.says}")
                    return
                except (TimeoutError, EngineAway):
                    pass
            await asyncio.sleep(1)
        self.witness.broken("8 stopped", f"nobody took {wish.command.verb} in a minute")

    # ── the report ──────────────────────────────────────────────────────────────────────────────

    def _note(self, says: str) -> None:
        self.log.append(f"{self.loop.now_ns / SECOND_NS:9.3f} {says}")

    def _count_rare(self) -> None:
        """What our own code did that only some runs see, from its counters and the journal."""
        counts = self.cell.engine.counts if self.cell else {}
        for ours, mark in _OURS.items():
            if counts.get(ours):
                self.marks.sometimes(mark)
        if any(wish.command.verb == "desk.kill" for wish in self.wishes):
            self.marks.sometimes("kill-switch")


_OURS = {
    "orders absent": "order-absent",
    "place unknown": "order-unknown",
    "fills late": "fill-late",
    "refusals": "refused-by-limit",
    "commands repeated": "command-repeated",
    "strangers cancelled": "stranger-cancelled",
    "woken by late fills": "woken-by-late-fill",
}
