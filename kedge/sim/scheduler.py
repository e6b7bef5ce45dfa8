"""The steps of a world: one ready callback at a time, and time that jumps when there is none.

A step is one callback, and its number is an address. Whatever cuts or stops a process does so between two
steps: Python has no way to stop within one, and every await that suspends ends one.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import heapq
import sys
import threading
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextvars import copy_context
from typing import Any, Literal, NoReturn

from kedge.sim.escape import Escape, SealedLoop
from kedge.sim.process import SECOND_NS, Complaint, PowerCut, Process, StormHandle, label_of, place_of
from kedge.sim.tape import Draw, Tape

FAR_NS = 1 << 62  # where timers "in infinity" stand
WALL_START_NS = 1_767_225_600 * SECOND_NS  # 2026-01-01T00:00:00Z
STEPS_MAX = 2_000_000
TIME_MAX_NS = 400 * 86_400 * SECOND_NS
EVENTS_KEPT = 64
COMPLAINTS_MAX = 100
COLLECT_EVERY = 1 << 16  # steps between garbage collections, which must not come by chance

Trace = Literal["off", "digest", "keep"]


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: what is awaited can never come."""


class Stuck(RuntimeError):
    """The run passed its bound of steps or of virtual time."""


# Dead worlds that are not buried yet. A coroutine that is collected runs its `finally`, and a dead process
# must not write, so even a world whose owner forgot it is held here.
graveyard: list[Scheduler] = []


class Scheduler(SealedLoop):
    """Everything of `StormLoop` that is not asyncio's door or a verb of the world."""

    def __init__(
        self,
        tape: Tape | None = None,
        *,
        wall_start_ns: int = WALL_START_NS,
        crash_at_step: int | None = None,
        steps_max: int = STEPS_MAX,
        time_max_ns: int = TIME_MAX_NS,
        step_ns: int = 0,
        trace: Trace = "digest",
    ) -> None:
        self.now_ns = 0
        self.steps = 0
        self.wall_start_ns = wall_start_ns
        self.step_ns = step_ns  # what a step costs in virtual time: then timers fall due among the ready
        self.dead = False
        # Called after each step, from outside all processes: where checkers stand.
        self.after_step: Callable[[], object] | None = None
        self.timers_stale = 0
        self.lines: list[str] = []  # the trace, where it is kept
        self._choose: Draw | None = None if tape is None else tape.stream("sched")
        self._ready: deque[StormHandle] = deque()
        self._nowhere: deque[StormHandle] = deque(maxlen=0)
        self._timers: list[tuple[int, int, StormHandle]] = []
        self._births = 0
        self._crash_at_step = crash_at_step
        self._steps_max = steps_max
        self._time_max_ns = time_max_ns
        self._stations: list[tuple[int, int, Callable[[], object]]] = []  # what to do at which step
        self._next_collect = COLLECT_EVERY
        self._next_station = 0
        self._interrupt = self._stopping = self._running = False
        self._thread = 0
        self._fatal: BaseException | None = None
        self._doomed: list[Process] = []
        self._complaints: list[Complaint] = []
        self._handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None
        self._task_factory: Any = None
        self._asyncgens: weakref.WeakValueDictionary[int, AsyncGenerator[Any, Any]] | None = None
        self._recent: deque[tuple[int, StormHandle]] = deque(maxlen=EVENTS_KEPT)
        self._trace = trace
        self._digest = hashlib.blake2b(digest_size=16)
        self._context = copy_context()
        # The loop's own errands (thaws, the end of `run_for`) can be neither frozen nor killed.
        self._kernel = Process(self, "loop", self._context.copy(), self._ready)
        self.root = Process(self, "world", self._context.copy(), self._ready)
        self.current = self.root
        self.processes: list[Process] = [self.root]

    def run_forever(self) -> None:
        self._check_usable()
        old_hooks, collects = sys.get_asyncgen_hooks(), gc.isenabled()
        self._running, self._stopping, self._thread = True, False, threading.get_ident()
        gc.disable()  # finalizers must not run at steps that depend on what ran before this world
        sys.set_asyncgen_hooks(firstiter=self._asyncgen_began, finalizer=self._asyncgen_dropped)
        asyncio._set_running_loop(self)
        try:
            while not self._stopping:
                self._interrupt = False
                self._spin()
                self._settle()
        finally:
            self._running, self._stopping, self.current = False, False, self.root
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*old_hooks)
            if collects:
                gc.enable()

    def stop(self) -> None:
        self._stopping = self._interrupt = True

    # ── the steps ──────────────────────────────────────────────────────────────────────────────

    def _spin(self) -> None:
        """Run steps until something interrupts. The hottest lines of every storm: keep them plain."""
        ready, timers, choose, recent = self._ready, self._timers, self._choose, self._recent
        traced = self._trace != "off"
        while not self._interrupt:
            if self.steps >= self._next_station:
                self._visit_stations()
                continue
            if timers and timers[0][0] <= self.now_ns:
                self._wake_due()
            waiting = len(ready)
            if waiting == 0:
                self._jump()
                continue
            if waiting == 1 or choose is None or (place := choose(waiting)) == 0:
                handle = ready.popleft()
            else:
                handle = ready[place]
                del ready[place]
            if handle.gone:
                continue
            process = handle.process
            if process.steps == process.crash_at_step:
                ready.append(handle)
                self._kill(process)
                continue
            process.steps += 1
            self.steps += 1
            self.current = process
            recent.append((self.now_ns, handle))
            if traced:
                self._note(process, label_of(handle))
            try:
                handle.context.run(handle.callback, *handle.args)  # type: ignore[arg-type]
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 a loop is a supervisor: it must outlive its callbacks
                self._blame(handle, error)
            if self.step_ns:
                self.now_ns += self.step_ns
            if self.after_step is not None:
                self.current = self.root
                self.after_step()

    def _settle(self) -> None:
        """What a step asked for and could not have while it ran."""
        self.current = self.root
        while self._doomed:
            self._kill(self._doomed.pop(0))
        if self._fatal is not None:
            fatal, self._fatal = self._fatal, None
            if isinstance(fatal, PowerCut):
                self._die()
            raise fatal

    def _visit_stations(self) -> None:
        self.current = self.root
        while self._stations and self._stations[0][0] <= self.steps:
            heapq.heappop(self._stations)[2]()
        if self._crash_at_step is not None and self.steps >= self._crash_at_step:
            self._interrupt, self._fatal = True, PowerCut(f"at step {self.steps}")
        if self.steps >= self._steps_max:
            raise Stuck(self._report(f"{self.steps} steps have run"))
        if self.steps >= self._next_collect:
            self._next_collect += COLLECT_EVERY
            gc.collect()
        upcoming = [self._steps_max, self._next_collect]
        if self._stations:
            upcoming.append(self._stations[0][0])
        if self._crash_at_step is not None:
            upcoming.append(self._crash_at_step)
        self._next_station = min(upcoming)

    def _wake_due(self) -> None:
        timers, now_ns = self._timers, self.now_ns
        while timers and timers[0][0] <= now_ns:
            handle = heapq.heappop(timers)[2]
            if handle.gone:
                self.timers_stale -= 1
                continue
            handle.timed = False
            handle.process.queue.append(handle)

    def _jump(self) -> None:
        """Nothing is ready: time passes until something is."""
        timers = self._timers
        while timers and timers[0][2].gone:
            heapq.heappop(timers)
            self.timers_stale -= 1
        if not timers or timers[0][0] >= FAR_NS:
            raise Deadlock(self._report("nothing is ready and no timer is set"))
        if timers[0][0] > self._time_max_ns:
            self.now_ns = self._time_max_ns
            raise Stuck(self._report(f"{self._time_max_ns / SECOND_NS:.0f} virtual seconds have passed"))
        self.now_ns = max(self.now_ns, timers[0][0])

    def _set_timer(self, handle: StormHandle, when_ns: int) -> StormHandle:
        if not handle.process.alive:
            handle.cancel()
            return handle
        handle.when_ns = min(when_ns, FAR_NS)
        handle.timed = True
        self._births += 1
        heapq.heappush(self._timers, (handle.when_ns, self._births, handle))
        if self.timers_stale > 64 and self.timers_stale * 2 > len(self._timers):
            self._keep_timers(lambda kept: not kept.gone)
            self.timers_stale = 0
        return handle

    def _keep_timers(self, wanted: Callable[[StormHandle], bool]) -> None:
        """In place: `_spin` holds on to the list."""
        self._timers[:] = [timer for timer in self._timers if wanted(timer[2])]
        heapq.heapify(self._timers)

    def _keep_ready(self, wanted: Callable[[StormHandle], bool]) -> None:
        kept = [handle for handle in self._ready if wanted(handle)]
        self._ready.clear()
        self._ready.extend(kept)

    def _thaw(self, process: Process) -> None:
        if process.alive and process.frozen_until_ns <= self.now_ns and process.queue is not self._ready:
            self._ready.extend(process.queue)
            process.queue = self._ready

    def _kill(self, process: Process) -> None:
        if not process.alive:
            return
        process.alive = False
        own = [h for h in self._ready if h.process is process]
        own += [timer[2] for timer in self._timers if timer[2].process is process]
        if process.queue is not self._ready:
            own += process.queue
        process.dropped = own
        process.queue = self._nowhere
        self._keep_ready(lambda handle: handle.process is not process)
        self._keep_timers(lambda handle: handle.process is not process)
        self.timers_stale -= sum(1 for handle in own if handle.gone and handle.timed)
        self.current = self.root
        self._note(process, "killed")
        for ending in process.endings:
            ending()

    def _die(self) -> None:
        self.dead = True
        graveyard.append(self)
        for process in self.processes:
            self._kill(process)
        self._kernel.alive, self._kernel.queue = False, self._nowhere
        self._ready.clear()
        self._timers.clear()

    def _prune(self, process: Process) -> None:
        """Let go of finished tasks; those still running are held, lest they be collected by chance."""
        running: list[asyncio.Task[Any]] = []
        for task in process.tasks:
            if not task.done():
                running.append(task)
            elif not task.cancelled() and task._log_traceback:
                error = task.exception()
                says = f"{task.get_name()} failed and nobody took its exception: {error!r}"
                self.call_exception_handler({"message": says, "exception": error, "task": task})
        process.tasks[:] = running
        process.tasks_pruned_at = max(64, 2 * len(running))

    def _blame(self, handle: StormHandle, error: BaseException) -> None:
        says = f"{label_of(handle)} of {handle.process.name} raised {error!r}"
        self.call_exception_handler({"message": says, "exception": error, "handle": handle})

    def _note(self, process: Process, what: str) -> None:
        if self._trace == "off":
            return
        line = f"{self.now_ns} {process.name} {what}\n"
        self._digest.update(line.encode())
        if self._trace == "keep":
            self.lines.append(line)

    def _report(self, why: str) -> str:
        waiting = self.waiting()[:20] or ["nobody"]
        return "\n  ".join([why, "waiting:", *waiting, "the last steps:", *self.events()[-30:]])

    def _check_usable(self) -> None:
        if self.dead:
            raise RuntimeError("this loop is dead")
        if self._running or asyncio._get_running_loop() is not None:
            raise RuntimeError("a loop is running already")

    def _asyncgen_began(self, agen: AsyncGenerator[Any, Any]) -> None:
        if self._asyncgens is None:
            self._asyncgens = weakref.WeakValueDictionary()
        self._births += 1
        self._asyncgens[self._births] = agen

    def _asyncgen_dropped(self, agen: AsyncGenerator[Any, Any]) -> None:
        """A generator left unclosed would run its `finally` whenever it is collected: name it instead."""
        label = getattr(agen, "__qualname__", "?")
        says = f"the async generator {label} was dropped unclosed: use contextlib.aclosing"
        self.call_exception_handler({"message": says})

    def _escape(self, what: str) -> NoReturn:
        """Raised where it happened and, in case somebody catches it there, out of the run as well."""
        escape = Escape(f"{what}: a storm cannot simulate this; keep it behind a seam that has a fake")
        if self._running and threading.get_ident() == self._thread:
            self._interrupt, self._fatal = True, escape
        raise escape

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        if len(self._complaints) < COMPLAINTS_MAX:
            says = str(context.get("message", "an error in the loop"))
            self._complaints.append(Complaint(self.now_ns, says, context.get("exception")))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.dead:
            return
        if self._handler is None:
            self.default_exception_handler(context)
        else:
            self._handler(self, context)

    def events(self) -> list[str]:
        """The last steps, oldest first, for reports."""
        return [f"{now:>14} {h.process.name}: {label_of(h)}" for now, h in self._recent]

    def waiting(self) -> list[str]:
        """Where every living task waits."""
        return [
            f"{process.name}: {task.get_name()} at {place_of(task)}"
            for process in self.processes
            for task in process.tasks
            if process.alive and not task.done()
        ]
