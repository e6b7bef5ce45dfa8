"""A world on one event loop: virtual time, a seeded scheduler, and processes that can lose their power.

Real programs run here unchanged: tasks, queues, timeouts and task groups are asyncio's own; only the loop
below them is ours. It runs one ready callback at a time, chosen by the tape; when nothing is ready, time
jumps to the next timer. Whoever asks it for a socket, a thread or a signal gets an `Escape`.

Several processes (an engine's first life, its second, a venue) share one loop and one time:

    kill      the power goes between two steps: no `finally`, no `CancelledError`, nothing runs again
    freeze    a pause for garbage or a closed lid: what falls due meanwhile runs late, all at once
    crash     the same as kill for the whole world: `PowerCut` comes out of the run, past all tasks

What is dead stays referenced until `bury`, so that no coroutine's `finally` runs by being collected.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any, TypeVar, TypeVarTuple

from kedge.sim.escape import Escape
from kedge.sim.process import (
    PROCESS,
    SECOND_NS,
    Complaint,
    PowerCut,
    Process,
    StormFuture,
    StormHandle,
    StormTask,
    close_silently,
)
from kedge.sim.scheduler import FAR_NS, Deadlock, Scheduler, Stuck, graveyard

__all__ = ["Complaint", "Deadlock", "Escape", "PowerCut", "Process", "StormLoop", "Stuck", "graveyard"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class StormLoop(Scheduler):
    """A world. `tape` chooses among what is ready; without one it is first in, first out."""

    # ── the world's verbs ──────────────────────────────────────────────────────────────────────

    def process(self, name: str, *, crash_at_step: int | None = None, skew_ns: int = 0) -> Process:
        """Start a program, with nothing running in it yet."""
        assert not any(p.name == name and p.alive for p in self.processes), f"{name} is running already"
        process = Process(self, name, self._context.copy(), self._nowhere if self.dead else self._ready)
        process.alive = not self.dead
        process.crash_at_step = crash_at_step
        process.skew_ns = skew_ns
        self.processes.append(process)
        return process

    def spawn(
        self, process: Process, coro: Coroutine[Any, Any, T], name: str | None = None
    ) -> asyncio.Task[T]:
        """Run a coroutine as a task of that process, whoever asks."""
        return self.create_task(coro, name=name, context=process.context.copy())

    def post(
        self, process: Process, callback: Callable[..., object], *args: Any, delay_ns: int = 0
    ) -> StormHandle:
        """Deliver a call to another process: lost if it is dead, late if it is frozen."""
        handle = StormHandle(callback, args, self, process.context.copy(), process)
        if delay_ns > 0:
            return self._set_timer(handle, self.now_ns + delay_ns)
        process.queue.append(handle)
        return handle

    def kill(self, process: Process) -> None:
        """Cut one process's power: now, or when its own step asks for it, right after that step."""
        assert process is not self.root, "the world itself dies by crash()"
        if process is self.current and self._running:
            self._doomed.append(process)
            self._interrupt = True
        else:
            self._kill(process)

    def freeze(self, process: Process, until_ns: int) -> None:
        """Stop a process until then; what falls due meanwhile runs late, all at once."""
        if not process.alive or until_ns <= max(self.now_ns, process.frozen_until_ns):
            return
        if process.queue is self._ready:
            process.queue = deque(h for h in self._ready if h.process is process)
            self._keep_ready(lambda handle: handle.process is not process)
        process.frozen_until_ns = until_ns
        self._set_timer(StormHandle(self._thaw, (process,), self, self._context, self._kernel), until_ns)
        self._note(process, "frozen")

    def freeze_for(self, duration_ns: int, process: Process | None = None) -> None:
        self.freeze(self.root if process is None else process, self.now_ns + duration_ns)

    def at_step(self, step: int, station: Callable[[], object]) -> None:
        """Call this when so many steps have run, from outside all processes."""
        assert step >= self.steps, f"step {step} is past"
        self._births += 1
        heapq.heappush(self._stations, (step, self._births, station))
        self._next_station = 0

    def crash(self) -> None:
        """Cut the whole world's power, right after the step that runs."""
        if self._running:
            self._interrupt, self._fatal = True, PowerCut(f"after step {self.steps}")
        else:
            self._die()

    def run_for(self, duration_ns: int) -> None:
        """Run that much virtual time; an idle world just lets it pass."""
        handle = StormHandle(self.stop, (), self, self._context, self._kernel)
        self._set_timer(handle, self.now_ns + duration_ns)
        try:
            self.run_forever()
        finally:
            handle.cancel()

    def run_until(self, reached: Callable[[], bool]) -> None:
        """Run until this holds after a step."""
        if reached():
            return
        watcher = self.after_step

        def watch() -> None:
            if watcher is not None:
                watcher()
            if reached():
                self.stop()

        self.after_step = watch
        try:
            self.run_forever()
        finally:
            self.after_step = watcher

    def wall_ns(self) -> int:
        """The time of day as the process that runs now believes it to be."""
        return self.current.wall_ns()

    @property
    def digest(self) -> str:
        """One number for the whole run: equal runs took equal steps at equal times."""
        return self._digest.hexdigest()

    @property
    def complaints(self) -> list[Complaint]:
        """Callbacks that raised and exceptions nobody took; a good run has none."""
        for process in self.processes:
            if process.alive:
                self._prune(process)
        return self._complaints

    def bury(self) -> None:
        """End the world: close what is left of its coroutines, silently and without effect."""
        assert not self._running, "a world cannot be buried while it runs"
        if not self.dead:
            self._die()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for process in self.processes:
                while process.tasks:
                    close_silently(process.tasks.pop())
                process.dropped.clear()
                process.endings.clear()
            self._recent.clear()
            self._asyncgens = None
        if self in graveyard:
            graveyard.remove(self)

    # ── asyncio's door ─────────────────────────────────────────────────────────────────────────

    def time(self) -> float:
        return self.now_ns / SECOND_NS

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> StormHandle:
        if context is None:
            context, process = copy_context(), self.current
        else:
            process = context.get(PROCESS, self.root)
            if process.loop is not self:
                process = self.root
        handle = StormHandle(callback, args, self, context, process)
        process.queue.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> StormHandle:
        if threading.get_ident() != self._thread:
            self._escape("call_soon_threadsafe from another thread")
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> StormHandle:
        return self.call_at_ns(self.now_ns + _as_ns(delay), callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> StormHandle:
        return self.call_at_ns(_as_ns(when), callback, *args, context=context)

    def call_at_ns(
        self, when_ns: int, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> StormHandle:
        if context is None:
            context, process = copy_context(), self.current
        else:
            process = context.get(PROCESS, self.root)
            if process.loop is not self:
                process = self.root
        return self._set_timer(StormHandle(callback, args, self, context, process), when_ns)

    def create_future(self) -> StormFuture:
        future = StormFuture(loop=self)
        self._births += 1
        future.birth = self._births
        return future

    def create_task(
        self,
        coro: Any,
        *,
        name: str | None = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[Any]:
        if context is None:
            context = copy_context()
        process = context.get(PROCESS)
        if process is None or process.loop is not self:
            process = self.current
            context.run(PROCESS.set, process)
        self._births += 1
        if name is None:
            name = f"{process.name}/{getattr(coro, '__qualname__', type(coro).__name__)}#{self._births}"
        if self._task_factory is None:
            task: asyncio.Task[Any] = StormTask(
                coro, birth=self._births, loop=self, name=name, context=context
            )
        else:
            task = self._task_factory(self, coro, context=context, **options)
            task.set_name(name)
        process.tasks.append(task)
        if len(process.tasks) >= process.tasks_pruned_at:
            self._prune(process)
        return task

    def run_until_complete(self, future: Any) -> Any:
        self._check_usable()
        is_new = not asyncio.isfuture(future)
        awaited: asyncio.Future[Any] = asyncio.ensure_future(future, loop=self)
        awaited.add_done_callback(_stop_loop)
        try:
            self.run_forever()
        finally:
            awaited.remove_done_callback(_stop_loop)
            if is_new and awaited.done() and not awaited.cancelled():
                awaited.exception()  # taken, also where the loop itself raises
        if not awaited.done():
            raise RuntimeError("the loop was stopped before the future was done")
        return awaited.result()

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return self.dead

    def close(self) -> None:
        self.bury()

    def __enter__(self) -> StormLoop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bury()

    def get_debug(self) -> bool:
        return False

    def set_debug(self, enabled: bool) -> None:
        """Nothing to switch on: a world records its steps anyway."""

    def set_task_factory(self, factory: Any) -> None:
        """Tasks of another make are not numbered: sets of them are walked by address."""
        self._task_factory = factory

    def get_task_factory(self) -> Any:
        return self._task_factory

    def set_exception_handler(
        self, handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None
    ) -> None:
        self._handler = handler

    def get_exception_handler(self) -> Any:
        return self._handler

    async def shutdown_asyncgens(self) -> None:
        for agen in list((self._asyncgens or {}).values()):
            await agen.aclose()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is no executor."""


def _as_ns(seconds: float) -> int:
    """Floats end here. An endless wait stands at the far end of time, where no run arrives."""
    return FAR_NS if seconds * SECOND_NS >= FAR_NS else round(seconds * SECOND_NS)


def _stop_loop(future: asyncio.Future[Any]) -> None:
    future.get_loop().stop()
