"""The engines of a world: started, killed, frozen, doubled and started again, as machines are.

An engine here is the real `Cell` on a simulated disk; only its venues are the world's. One that ends by
itself or loses its power is started again by a service manager, unless another one is at work by then.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from kedge.bots import BUILT_IN
from kedge.engine.effects import Errand
from kedge.engine.engine import RiskBook
from kedge.journal.journal import Fenced, JournalError, LeaseHeld
from kedge.model.records import Intent
from kedge.runtime.cell import Cell, CellConfig
from kedge.sim.disk import SimJournal
from kedge.sim.loop import Process, StormLoop
from kedge.sim.medium import SimDisk, Snapshot, Write
from kedge.sim.tape import Marks, Tape
from kedge.storm.checks import Witness
from kedge.storm.plan import MS, SECOND_NS, Plan
from kedge.storm.weather import MACHINE
from kedge.venues.venue import Venue

DESK_ID = 0xDE5C
SNAPSHOT_EVERY = 150


# The venues of one engine, by account: made anew for each life.
Venues = Callable[[Process, int], dict[str, Venue]]


class WatchedDisk(SimDisk):
    """Says when a group of records has become durable."""

    committed: Callable[[Sequence[Write]], None] = staticmethod(lambda writes: None)

    def commit(self, life: int, writes: Sequence[Write], now_ns: int) -> None:
        super().commit(life, writes, now_ns)
        self.committed(writes)


class Engines:
    def __init__(
        self,
        plan: Plan,
        loop: StormLoop,
        tape: Tape,
        marks: Marks,
        disk: WatchedDisk,
        venues: Venues,
        witness: Witness,
        note: Callable[[str], None],
    ) -> None:
        self.plan = plan
        self.loop = loop
        self.tape = tape
        self.marks = marks
        self.disk = disk
        self.venues = venues
        self.witness = witness
        self.note = note
        self.limits = RiskBook()
        self.processes: list[Process] = []
        self.cells: dict[str, Cell] = {}  # by the name of the process
        self.crashed_at: list[int] = []  # the step at which each engine died, in the order of deaths
        self.healed = self.over = False
        self._crash_at_send = self._freeze_at_write = 0
        disk.committed = self._committed

    @property
    def cell(self) -> Cell | None:
        """The youngest engine that runs."""
        for process in reversed(self.processes):
            if process.alive and process.name in self.cells:
                return self.cells[process.name]
        return None

    @property
    def alive(self) -> list[Process]:
        return [process for process in self.processes if process.alive]

    # ── a life ──────────────────────────────────────────────────────────────────────────────────

    def start(self, crash_at: int = 0) -> Process:
        skew_ns = 0
        if not self.healed and self.befalls("clock-skewed"):
            skew_ns = self.tape.draw("skew", 1600 * MS) - 800 * MS
        number = len(self.processes)
        process = self.loop.process(f"engine-{number + 1}", skew_ns=skew_ns)
        self.processes.append(process)
        planned = self.plan.crash_at[number] if number < len(self.plan.crash_at) else 0
        process.crash_at_step = planned or crash_at or None
        process.at_death(lambda: self._died(process))
        self.loop.spawn(process, self._live(process), process.name)
        return process

    async def _live(self, process: Process) -> None:
        try:
            journal = SimJournal(self.disk, process=process)
        except (LeaseHeld, JournalError) as error:
            return self._ended(process, error)
        venues = self.venues(process, journal.life)
        config = CellConfig("main", "storm", DESK_ID, snapshot_every=SNAPSHOT_EVERY)
        try:
            cell = Cell(config, journal, venues, BUILT_IN, self.limits, process.wall_ns)
            self.cells[process.name] = cell
            cell.do_errand = partial(self._errand, process)
            self.note(f"{process.name} lives life {journal.life} from record {cell.last_seq}")
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

    async def _errand(self, process: Process, errand: Errand) -> str:
        """A deed outside the engine: it takes its time, it may fail, and its end may never be told."""
        self.witness.read_journal()
        self.witness.fold.carried_out(errand.command_id)
        self.marks.sometimes("errand")
        await asyncio.sleep(self.tape.draw("errand.takes", 3000) / 1000)
        fate = self.tape.pick("errand.fate", ("done", "fails", "cut"))
        if fate == "cut" and not self.healed:
            self.marks.sometimes("crash-in-errand")
            self.loop.kill(process)
            await asyncio.sleep(0)
        if fate == "fails":
            raise ValueError("the disk of the copy is full")
        return f"{errand.verb} is done"

    def _ended(self, process: Process, error: Exception) -> None:
        """The process ends by itself: the lease is held, the disk failed, or it was fenced."""
        if isinstance(error, Fenced):
            self.marks.sometimes("fenced")
        elif isinstance(error, LeaseHeld):
            self.marks.sometimes("lease-held")
        else:
            self.marks.sometimes("stopped-by-disk")
        self.note(f"{process.name} ends: {error}")
        self.loop.kill(process)

    def _died(self, process: Process) -> None:
        if self.loop.dead:
            return
        self.crashed_at.append(process.steps)
        self.note(f"{process.name} is dead after {process.steps} steps")
        self.disk.fail_at_write = None
        delay_ns = 50 * MS + self.tape.draw("restart", self.plan.spans.restart_ns)
        self.loop.post(self.loop.root, self._restart, delay_ns=delay_ns)

    def _restart(self) -> None:
        if not self.alive:
            again = not self.healed and self.befalls("crash-again")
            self.start(1 + self.tape.draw("crash-again-at", 1500) if again else 0)

    # ── what happens to machines ────────────────────────────────────────────────────────────────

    def befalls(self, kind: str) -> bool:
        """Whether this fault of the machine happens in this world."""
        if not self.plan.machine or kind in self.plan.without:
            return False
        if not self.tape.chance(f"machine.{kind}", MACHINE[kind]):
            return False
        self.marks.sometimes(kind)
        return True

    def plan_faults(self) -> None:
        fires, draw, storm_ns = self.befalls, self.tape.draw, self.plan.spans.storm_ns
        first = self.processes[0]
        if first.crash_at_step is None and fires("crash"):
            if draw("crash-where", 2):
                first.crash_at_step = 1 + draw("crash-at", 1200)
            else:
                self._crash_at_send = 1 + draw("crash-at-send", 10)
        if fires("freeze"):
            self._at(draw("freeze-at", storm_ns), self._freeze)
        if fires("freeze-at-write"):
            self._freeze_at_write = 1 + draw("freeze-at-write", 8)
        if fires("two-engines"):
            self._at(SECOND_NS + draw("second-at", storm_ns), self._second)
        if fires("disk-fails"):
            self._at(draw("disk-fails-at", storm_ns), self._fail_disk)

    def sent(self) -> int:
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

    def _committed(self, writes: Sequence[Write]) -> None:
        """Orders have just become durable and are about to leave: the moment to be frozen in."""
        if not self._freeze_at_write or not any(_has_intent(write) for write in writes):
            return
        self._freeze_at_write -= 1
        if self._freeze_at_write or self.healed:
            return
        writer = self.loop.current
        for_ns = 200 * MS + self.tape.draw("freeze-at-write.for", 6 * SECOND_NS)
        self.note(f"{writer.name} freezes between writing and sending")
        self.loop.freeze_for(for_ns, writer)
        if self.tape.draw("freeze-at-write.second", 3):
            self._at(self.tape.draw("freeze-at-write.after", for_ns), self._start_unless_healed)

    def _start_unless_healed(self) -> None:
        if not self.healed:
            self.start()

    def _freeze(self) -> None:
        if self.alive and not self.healed:
            self.note(f"{self.alive[-1].name} freezes")
            self.loop.freeze_for(200 * MS + self.tape.draw("freeze-for", 7 * SECOND_NS), self.alive[-1])

    def _second(self) -> None:
        if not self.healed:
            if self.tape.draw("second-while-frozen", 2):
                self._freeze()
            self._at(self.tape.draw("second-after", 6 * SECOND_NS), self._start_unless_healed)

    def _fail_disk(self) -> None:
        if not self.healed:
            self.disk.fail_at_write = self.disk.writes + 1 + self.tape.draw("disk-fails-in", 20)

    def _at(self, delay_ns: int, what: Callable[[], Any]) -> None:
        self.loop.post(self.loop.root, what, delay_ns=delay_ns)

    # ── the end of the storm ────────────────────────────────────────────────────────────────────

    def heal(self) -> None:
        """The youngest living engine survives; where there is none, one is started."""
        self.healed = True
        self.disk.fail_at_write = self.disk.full_at_bytes = None
        self.disk.read_only = False
        for older in self.alive[:-1]:
            self.loop.kill(older)
        if not self.alive:
            self.start()


def _has_intent(write: Write) -> bool:
    lines = write.what
    if isinstance(lines, Snapshot):
        return False
    return any(line.entry is not None and isinstance(line.entry.record, Intent) for line in lines)
