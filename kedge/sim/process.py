"""What a world is made of: its processes, and tasks, futures and callbacks that behave the same in every run.

Tasks and futures are hashed by their birth number, because task groups and `asyncio.wait` walk sets of
them and Python hashes by address. A callback knows its process, which travels in a context variable: so an
answer resolved by the venue wakes the engine's task as the engine's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from kedge.sim.scheduler import Scheduler

SECOND_NS = 1_000_000_000
CLOSE_TRIES = 16


class PowerCut(BaseException):
    """The world, or the process that was asked to act, has no power any more."""


class Complaint(NamedTuple):
    """What asyncio would have logged: a callback that raised, an exception nobody took."""

    now_ns: int
    says: str
    error: BaseException | None


class Process:
    """One program of the world. Made by `StormLoop.process`; everything it schedules dies with it."""

    def __init__(self, loop: Scheduler, name: str, context: Context, queue: deque[StormHandle]) -> None:
        self.loop = loop
        self.name = name
        self.alive = True
        self.steps = 0
        # The power goes when this process has run so many steps, just before it would run the next.
        self.crash_at_step: int | None = None
        self.frozen_until_ns = 0
        self.skew_ns = 0  # how far this host's wall clock is off
        # Where its handles go: the loop's ready queue, its own while frozen, nowhere once dead.
        self.queue = queue
        self.tasks: list[asyncio.Task[Any]] = []
        self.tasks_pruned_at = 64
        self.context = context
        self.dropped: list[StormHandle] = []
        self.endings: list[Callable[[], object]] = []
        context.run(PROCESS.set, self)

    def wall_ns(self) -> int:
        """The time of day as this host believes it to be."""
        return self.loop.wall_start_ns + self.loop.now_ns + self.skew_ns

    def at_death(self, ending: Callable[[], object]) -> None:
        """Call this when the power goes, from outside of it: a disk drops its cache, a world restarts."""
        self.endings.append(ending)

    def check(self) -> None:
        """The fence for handles on the world (a disk, a venue): raises once this process is dead."""
        if not self.alive:
            raise PowerCut(f"{self.name} is dead")

    def __repr__(self) -> str:
        return f"<{self.name} {'alive' if self.alive else 'dead'} after {self.steps} steps>"


PROCESS: ContextVar[Process] = ContextVar("kedge_sim_process")


class StormTask(asyncio.Task[Any]):
    """A task hashed by its birth number: task groups and `asyncio.wait` walk sets of tasks."""

    def __init__(
        self, coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any], *, birth: int, **options: Any
    ) -> None:
        self.birth = birth
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.birth


class StormFuture(asyncio.Future[Any]):
    """A future hashed by its birth number, for the same reason."""

    birth: int

    def __hash__(self) -> int:
        return self.birth


class StormHandle(asyncio.TimerHandle):
    """A callback that waits for its turn. Stands alone: uses nothing of the class it must be."""

    __slots__ = ("args", "callback", "context", "gone", "loop", "process", "timed", "when_ns")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: Scheduler,
        context: Context,
        process: Process,
    ) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.loop = loop
        self.context = context
        self.process = process
        self.when_ns = 0
        self.gone = False
        self.timed = False  # lies in the heap of timers

    def cancel(self) -> None:
        if self.gone:
            return
        self.gone = True
        if self.timed:
            # A cancelled timer may lie in the heap for long: let go of what it would have used.
            self.callback, self.args = None, ()
            self.loop.timers_stale += 1

    def cancelled(self) -> bool:
        return self.gone

    def when(self) -> float:
        return self.when_ns / SECOND_NS

    def __hash__(self) -> int:
        return self.when_ns

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        return f"<StormHandle {label_of(self)} of {self.process.name}>"


# ── for reports ─────────────────────────────────────────────────────────────────────────────────


def label_of(handle: StormHandle) -> str:
    """What a callback is, in words that are the same in every run."""
    callback: Any = handle.callback
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return owner.get_name()
    inner = getattr(callback, "func", callback)  # a partial's own
    name = getattr(inner, "__qualname__", None)
    return name if isinstance(name, str) else type(inner).__qualname__


def place_of(task: asyncio.Task[Any]) -> str:
    """Where a suspended task stands: its innermost frame."""
    awaited: Any = task.get_coro()
    place = "its start"
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            break
        file = frame.f_code.co_filename.rpartition("/")[2]
        place = f"{file}:{frame.f_lineno} in {frame.f_code.co_name}"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return place


# ── the end ─────────────────────────────────────────────────────────────────────────────────────


def close_silently(task: asyncio.Task[Any]) -> None:
    """Unwind a dead process's coroutine. Its `finally` blocks run now, when nothing listens any more."""
    coro: Any = task.get_coro()
    if task.done() or coro is None:
        return
    for _ in range(CLOSE_TRIES):  # one that awaits on its way out must be closed again
        try:
            coro.close()
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 whatever a dead program says on its way out, nobody hears
            continue
        return
