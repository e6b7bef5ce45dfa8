"""The loop under every storm: one seed one run, time that jumps, power that can go between any two steps."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import kedge
from kedge.sim.escape import SealedLoop
from kedge.sim.loop import Deadlock, Escape, PowerCut, Process, StormLoop, Stuck, graveyard
from kedge.sim.tape import Tape

SECOND_NS = 1_000_000_000


def run(main: Coroutine[Any, Any, Any], tape: Tape | None = None, **options: Any) -> Any:
    with StormLoop(tape, **options) as loop:
        result = loop.run_until_complete(main)
        assert loop.complaints == []
        return result


# ── one seed, one run ───────────────────────────────────────────────────────────────────────────


async def bustle(log: list[str]) -> None:
    """A bit of everything that asyncio offers, with sets of tasks where asyncio walks them."""
    queue: asyncio.Queue[int] = asyncio.Queue(3)
    lock, opened = asyncio.Lock(), asyncio.Event()

    async def maker(name: int) -> None:
        for number in range(4):
            await asyncio.sleep(0.001 * (name % 3))
            await queue.put(10 * name + number)

    async def taker() -> None:
        await opened.wait()
        while True:
            item = await queue.get()
            async with lock:
                log.append(f"took {item}")
                await asyncio.sleep(0)

    async def order(name: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            log.append(f"cancelled {name}")

    async def fail() -> None:
        await asyncio.sleep(0.5)
        raise ValueError("abort")

    async def trade() -> None:
        async with asyncio.TaskGroup() as group:
            for name in range(12):
                group.create_task(order(name))
            group.create_task(fail())

    takers = [asyncio.ensure_future(taker()) for _ in range(3)]
    opened.set()
    await asyncio.gather(*(maker(name) for name in range(5)))
    done, pending = await asyncio.wait(takers, timeout=1)
    assert not done
    for task in pending:
        log.append(task.get_name())
        task.cancel()
    with pytest.raises(ExceptionGroup):
        await trade()


def digest(seed: int) -> str:
    log: list[str] = []
    with StormLoop(Tape(seed)) as loop:
        loop.run_until_complete(bustle(log))
        loop._note(loop.root, repr(log))
        return loop.digest


def test_one_seed_gives_one_run() -> None:
    garbage = [[object()] for _ in range(1000)]
    assert {digest(5) for _ in range(10)} == {digest(5)}
    assert len({digest(seed) for seed in range(10)}) == 10
    del garbage


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_one_seed_gives_one_run_in_any_process(hash_seed: str) -> None:
    root, here = Path(kedge.__file__).parent.parent, Path(__file__).parent
    code = "import gc; x = [set('abc') for _ in range(9999)]; from test_loop import digest; print(digest(5))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{root}{os.pathsep}{here}"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert told.stdout.decode().strip() == digest(5)


def aborted(tape: Tape | None) -> list[str]:
    log: list[str] = []
    run(bustle(log), tape)
    return [line for line in log if line.startswith("cancelled")]


def test_a_task_group_aborts_in_one_order() -> None:
    orders = [aborted(None) for _ in range(20)]
    assert all(order == orders[0] for order in orders)
    assert len(orders[0]) == 12
    assert aborted(Tape(1)) == aborted(Tape(1)) != aborted(Tape(2))


def test_without_a_tape_it_is_first_in_first_out() -> None:
    log: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(20):
            loop.call_soon(log.append, number)
        await asyncio.sleep(0.001)

    run(main())
    assert log == list(range(20))
    log.clear()
    run(main(), Tape.boring())
    assert log == list(range(20))
    log.clear()
    run(main(), Tape(3))
    assert log != sorted(log) == list(range(20))


def test_tasks_have_names_that_do_not_depend_on_the_past() -> None:
    async def main() -> list[str]:
        tasks = [asyncio.ensure_future(asyncio.sleep(0)) for _ in range(3)]
        await asyncio.wait(tasks)
        return [task.get_name() for task in tasks]

    assert run(main()) == run(main())


# ── time ────────────────────────────────────────────────────────────────────────────────────────


def test_time_jumps_and_is_exact() -> None:
    async def main() -> int:
        for _ in range(10_000):
            await asyncio.sleep(1.000000001)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StormLoop)
        assert loop.time() == loop.now_ns / SECOND_NS
        return loop.now_ns

    assert run(main()) == 10_000 * (SECOND_NS + 1)


def test_timers_run_in_the_order_of_their_time_then_of_their_making() -> None:
    log: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.2, log.append, "b")
        loop.call_later(0.1, log.append, "a1")
        loop.call_at(0.1, log.append, "a2")
        loop.call_later(0.15, log.append, "never").cancel()
        loop.call_later(-1, log.append, "at once")
        await asyncio.sleep(1)

    run(main())
    assert log == ["at once", "a1", "a2", "b"]


def test_a_cancelled_timer_moves_no_time_and_leaves_the_heap() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StormLoop)
        for _ in range(1000):
            async with asyncio.timeout(3600):
                await asyncio.sleep(0.001)
        assert len(loop._timers) < 200
        return loop.now_ns

    assert run(main()) == SECOND_NS


def test_time_does_not_jump_to_what_was_cancelled_or_killed() -> None:
    with StormLoop() as loop:
        loop.call_later(5, print).cancel()
        engine = loop.process("engine")
        loop.spawn(engine, asyncio.sleep(3600))
        loop.run_for(1)
        loop.kill(engine)
        with pytest.raises(Deadlock):
            loop.run_forever()
        assert loop.now_ns == 1


def test_timeouts_work() -> None:
    async def main() -> str:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.Event().wait()
        return await asyncio.wait_for(asyncio.sleep(1, "slept"), 10)

    assert run(main()) == "slept"


def test_each_process_has_its_own_wall_clock() -> None:
    with StormLoop(wall_start_ns=1000) as loop:
        ahead = loop.process("ahead", skew_ns=7)
        loop.run_for(SECOND_NS)
        assert (loop.wall_ns(), ahead.wall_ns()) == (1000 + SECOND_NS, 1007 + SECOND_NS)


def test_steps_may_cost_time() -> None:
    async def main() -> int:
        for _ in range(10):
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StormLoop)
        return loop.now_ns

    assert run(main(), step_ns=5) == 50


# ── what asyncio promises ───────────────────────────────────────────────────────────────────────


def test_context_variables_are_honoured() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    async def child() -> str:
        await asyncio.sleep(0.1)
        return who.get()

    async def main() -> tuple[str, str, str]:
        who.set("main")
        inherits = asyncio.ensure_future(child())
        empty = asyncio.get_running_loop().create_task(child(), context=contextvars.Context())
        who.set("later")
        return await inherits, await empty, who.get()

    assert run(main()) == ("main", "nobody", "later")


def test_results_and_errors_come_out_of_the_run() -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(fail())
    with StormLoop() as loop:
        future = loop.create_future()
        loop.call_later(1, future.set_result, 4)
        assert loop.run_until_complete(future) == 4
        loop.call_soon(loop.stop)
        with pytest.raises(RuntimeError, match="stopped before"):
            loop.run_until_complete(loop.create_future())


def test_what_nobody_heard_is_a_complaint() -> None:
    async def fail() -> None:
        raise ValueError("in a task")

    def raises() -> None:
        raise ValueError("in a callback")

    with StormLoop() as loop:
        loop.create_task(fail(), name="unheard")
        loop.call_soon(raises)
        loop.run_for(SECOND_NS)
        says = [complaint.says for complaint in loop.complaints]
        assert len(says) == 2
        assert "raises" in says[0]
        assert "unheard" in says[1]


def test_an_exception_handler_replaces_the_list() -> None:
    heard: list[dict[str, Any]] = []
    with StormLoop() as loop:
        loop.set_exception_handler(lambda _, context: heard.append(context))
        loop.call_soon(lambda: 1 // 0)
        loop.run_for(1)
        assert isinstance(heard[0]["exception"], ZeroDivisionError)
        assert loop.complaints == []


async def counting() -> AsyncIterator[int]:
    for number in range(10):
        yield number


def test_async_generators_close_or_are_named() -> None:
    kept: list[AsyncIterator[int]] = []

    async def main(keep: bool) -> None:
        numbers = counting()
        if keep:
            kept.append(numbers)
        await anext(numbers)

    with StormLoop() as loop:
        loop.run_until_complete(main(keep=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        assert loop.complaints == []
        loop.run_until_complete(main(keep=False))
        assert "counting was dropped unclosed" in loop.complaints[0].says


# ── the ends of a run ───────────────────────────────────────────────────────────────────────────


def test_a_wait_for_nothing_is_a_deadlock_that_says_where() -> None:
    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"waits_for_ever#\d+ at locks.py:\d+ in wait"):
        run(waits_for_ever())


def test_runs_are_bounded_in_steps_and_in_time() -> None:
    async def spins() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def sleeps() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(3600)

    with pytest.raises(Stuck, match=r"1000 steps have run(.|\n)*spins"):
        run(spins(), steps_max=1000)
    with pytest.raises(Stuck, match="86400 virtual seconds"):
        run(sleeps(), time_max_ns=86_400 * SECOND_NS)


@pytest.mark.parametrize(
    "reach",
    [
        lambda loop: loop.run_in_executor(None, print),
        lambda loop: loop.add_reader(0, print),
        lambda loop: loop.add_signal_handler(15, print),
        lambda loop: asyncio.open_connection("127.0.0.1", 1),
        lambda loop: asyncio.create_subprocess_exec("true"),
        lambda loop: asyncio.to_thread(print),
    ],
)
def test_reaching_outside_is_an_escape_even_where_it_is_caught(
    reach: Callable[[StormLoop], Any],
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StormLoop)
        try:
            await reach(loop)
        except RuntimeError:
            await asyncio.sleep(1)

    with pytest.raises(Escape, match="a storm cannot simulate this"):
        run(main())


def test_another_thread_may_not_call_in() -> None:
    raised: list[BaseException] = []
    with StormLoop() as loop:

        def call_in() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except Escape as escape:
                raised.append(escape)

        def start_thread() -> None:
            thread = threading.Thread(target=call_in)
            thread.start()
            thread.join()
            loop.call_soon_threadsafe(loop.stop)

        loop.call_soon(start_thread)
        loop.run_forever()
    assert len(raised) == 1


def test_every_door_is_shut_or_ours() -> None:
    ours = {
        name for cls in (StormLoop, *StormLoop.__mro__) if cls.__module__[:5] == "kedge" for name in vars(cls)
    }
    doors = {name for name in vars(asyncio.AbstractEventLoop) if not name.startswith("_")}
    assert doors <= ours
    assert "run_in_executor" in vars(SealedLoop)


# ── processes ───────────────────────────────────────────────────────────────────────────────────


class Diary:
    """A program that writes down everything it does, most of all on its way out."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def live(self, name: str, beats: int = 1000) -> None:
        try:
            for beat in range(beats):
                self.lines.append(f"{name} {beat}")
                await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.lines.append(f"{name} was cancelled")
            raise
        finally:
            self.lines.append(f"{name} cleaned up")
            await asyncio.sleep(1)
            self.lines.append(f"{name} acted after its death")


def test_a_killed_process_runs_nothing_more_and_the_others_go_on() -> None:
    diary = Diary()
    loop = StormLoop()
    engine, venue = loop.process("engine"), loop.process("venue")
    loop.spawn(engine, diary.live("engine"))
    loop.spawn(venue, diary.live("venue"))
    loop.run_for(SECOND_NS // 2)
    loop.kill(engine)
    gc.collect()
    loop.run_for(3 * SECOND_NS)
    assert diary.lines == ["engine 0", "venue 0", "venue 1", "venue 2", "venue 3"]
    assert (engine.alive, venue.alive, loop.dead) == (False, True, False)
    loop.bury()
    assert not any("after its death" in line for line in diary.lines)


def test_a_task_made_with_a_context_of_its_own_dies_with_its_maker() -> None:
    diary = Diary()
    with StormLoop() as loop:
        engine = loop.process("engine")

        async def live() -> None:
            await asyncio.get_running_loop().create_task(diary.live("child"), context=contextvars.Context())

        loop.spawn(engine, live())
        loop.run_for(SECOND_NS // 2)
        loop.kill(engine)
        loop.run_for(9 * SECOND_NS)
        assert diary.lines == ["child 0"]


def test_what_a_dead_process_held_is_not_let_go_before_the_end() -> None:
    let_go: list[str] = []

    class File:
        def __del__(self) -> None:
            let_go.append("closed")

    with StormLoop() as loop:
        engine = loop.process("engine")
        loop.post(engine, print, File())
        loop.post(engine, print, File(), delay_ns=SECOND_NS)
        loop.kill(engine)
        loop.run_for(SECOND_NS)
        gc.collect()
        assert let_go == []
    assert let_go == ["closed", "closed"]


def test_a_crash_comes_out_of_the_run_past_every_finally() -> None:
    diary = Diary()
    loop = StormLoop(crash_at_step=3)
    loop.create_task(diary.live("one"))
    with pytest.raises(PowerCut):
        loop.run_until_complete(diary.live("two"))
    assert loop.steps == 3
    assert not any("cleaned" in line or "cancelled" in line for line in diary.lines)
    assert loop.dead
    assert loop in graveyard
    with pytest.raises(RuntimeError, match="dead"):
        loop.run_forever()
    loop.call_soon(diary.lines.append, "from the grave")
    loop.call_later(1, diary.lines.append, "from the grave").cancel()
    loop.bury()
    assert loop not in graveyard
    assert "from the grave" not in diary.lines


def test_every_step_can_be_the_last() -> None:
    def live_until(crash_at_step: int | None) -> tuple[int, list[str]]:
        diary = Diary()
        loop = StormLoop(Tape(1), crash_at_step=crash_at_step)
        tasks = [loop.create_task(diary.live(name, 3)) for name in ("one", "two")]
        try:
            loop.run_until_complete(asyncio.wait(tasks))
        except PowerCut:
            return loop.steps, list(diary.lines)
        finally:
            loop.bury()
        return loop.steps, diary.lines

    steps, whole = live_until(None)
    assert steps > 15
    for step in range(steps):
        stopped_at, lines = live_until(step)
        assert stopped_at == step
        assert lines == whole[: len(lines)]
        assert len(lines) <= step


def test_a_process_can_be_cut_at_its_own_step_and_started_again() -> None:
    log: list[str] = []
    with StormLoop(Tape(4)) as loop:

        async def live(name: str) -> None:
            for beat in range(5):
                log.append(f"{name}.{beat}")
                await asyncio.sleep(1)

        def start(life: int, crash_at_step: int | None) -> Process:
            engine = loop.process("engine", crash_at_step=crash_at_step)
            engine.at_death(lambda: start(life + 1, None))
            loop.spawn(engine, live(f"life{life}"))
            return engine

        first = start(1, 3)
        venue = loop.process("venue")
        loop.spawn(venue, asyncio.sleep(2))
        loop.run_for(20 * SECOND_NS)
        assert not first.alive
        assert first.steps == 3
    assert [line for line in log if line.startswith("life1")] == ["life1.0", "life1.1"]
    assert [line for line in log if line.startswith("life2")] == [f"life2.{beat}" for beat in range(5)]


class FakeVenue:
    """Runs in its own process; answers with a future that lives in the asker's."""

    def __init__(self, loop: StormLoop) -> None:
        self.loop = loop
        self.process = loop.process("venue")
        self.orders: list[str] = []

    def handle_for(self, caller: Process) -> Callable[[str], asyncio.Future[str]]:
        def place(order: str) -> asyncio.Future[str]:
            caller.check()
            answer: asyncio.Future[str] = self.loop.create_future()
            self.loop.post(self.process, self._arrives, order, answer, delay_ns=SECOND_NS)
            return answer

        return place

    def _arrives(self, order: str, answer: asyncio.Future[str]) -> None:
        self.orders.append(order)
        answer.set_result(f"{order} taken in {self.loop.current.name}")


def test_a_request_outlives_its_sender_but_the_answer_wakes_nobody() -> None:
    log: list[str] = []
    with StormLoop() as loop:
        venue = FakeVenue(loop)
        engine, other = loop.process("engine"), loop.process("other")

        async def trade(process: Process) -> None:
            place = venue.handle_for(process)
            try:
                log.append(await place(f"order of {process.name}"))
                log.append(f"in {loop.current.name}")
            finally:
                place(f"last order of {process.name}")

        loop.spawn(engine, trade(engine))
        task = loop.spawn(other, trade(other))
        loop.run_for(SECOND_NS // 2)
        loop.kill(engine)
        loop.run_for(9 * SECOND_NS)
        assert log == ["order of other taken in venue", "in other"]
        assert task.done()
    # The dead one came to its `finally` when the world was buried, and met the fence.
    assert venue.orders == ["order of engine", "order of other", "last order of other"]


def test_a_process_that_kills_itself_ends_its_step_and_no_more() -> None:
    log: list[str] = []
    with StormLoop() as loop:
        engine = loop.process("engine")

        async def live() -> None:
            loop.kill(engine)
            log.append("rest of the step")
            await asyncio.sleep(0)
            log.append("next step")

        loop.spawn(engine, live())
        loop.run_for(SECOND_NS)
        loop.post(engine, log.append, "posted to the dead")
        loop.spawn(engine, live())
        loop.run_for(SECOND_NS)
    assert log == ["rest of the step"]


def test_a_world_can_crash_from_within() -> None:
    with StormLoop() as loop:
        loop.call_later(1, loop.crash)
        with pytest.raises(PowerCut):
            loop.run_for(5 * SECOND_NS)
        assert loop.now_ns == SECOND_NS


def test_a_frozen_process_runs_late_and_the_others_in_time() -> None:
    log: list[tuple[str, float]] = []
    with StormLoop() as loop:
        engine, venue = loop.process("engine"), loop.process("venue")

        async def tick(name: str) -> None:
            for _ in range(3):
                await asyncio.sleep(1)
                log.append((name, loop.time()))

        loop.spawn(engine, tick("engine"))
        loop.spawn(venue, tick("venue"))
        loop.run_for(SECOND_NS // 2)
        loop.freeze_for(5 * SECOND_NS, engine)
        loop.freeze(engine, 2 * SECOND_NS)  # shorter than what it has: nothing changes
        loop.post(engine, lambda: log.append(("message", loop.time())))
        loop.run_for(20 * SECOND_NS)
    assert log == [
        ("venue", 1.0),
        ("venue", 2.0),
        ("venue", 3.0),
        ("message", 5.5),
        ("engine", 5.5),
        ("engine", 6.5),
        ("engine", 7.5),
    ]


def test_freezing_longer_killing_the_frozen_and_freezing_the_world() -> None:
    diary = Diary()
    with StormLoop() as loop:
        engine, venue = loop.process("engine"), loop.process("venue")
        loop.spawn(engine, diary.live("engine"))
        loop.spawn(venue, diary.live("venue"))
        loop.freeze_for(SECOND_NS, engine)
        loop.freeze_for(9 * SECOND_NS, engine)
        loop.freeze_for(3 * SECOND_NS, venue)
        loop.freeze_for(3 * SECOND_NS)
        loop.run_for(2 * SECOND_NS)
        assert diary.lines == []
        loop.kill(engine)
        loop.run_for(5 * SECOND_NS // 2)
        assert diary.lines == ["venue 0", "venue 1"]


def test_stations_and_checkers_stand_outside() -> None:
    seen: list[tuple[int, str]] = []
    with StormLoop() as loop:
        engine = loop.process("engine")
        loop.spawn(engine, Diary().live("engine", 10))
        loop.at_step(4, lambda: loop.kill(engine))
        loop.after_step = lambda: seen.append((loop.steps, loop.current.name))
        loop.run_until(lambda: loop.steps == 2)
        assert seen == [(1, "world"), (2, "world")]
        loop.run_for(100 * SECOND_NS)
        assert engine.steps == 4


def test_a_checker_that_fails_stops_the_run() -> None:
    def check() -> None:
        assert loop.steps < 3, "two orders for one intent"

    with StormLoop() as loop:
        loop.create_task(Diary().live("one", 9))
        loop.after_step = check
        with pytest.raises(AssertionError, match="two orders"):
            loop.run_for(99 * SECOND_NS)
        loop.after_step = None


def test_burying_is_silent() -> None:
    """Warnings are errors in this suite: coroutines never awaited, tasks destroyed, errors not taken."""
    log: list[str] = []
    loop = StormLoop()

    async def stubborn() -> None:
        try:
            try:
                await asyncio.sleep(99)
            finally:
                try:
                    await loop.create_future()
                finally:
                    await loop.create_future()
        finally:
            log.append("on the way out")
            await asyncio.sleep(1)

    async def grouped() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(stubborn())
            group.create_task(asyncio.wait_for(stubborn(), 5000))

    engine = loop.process("engine")
    loop.spawn(engine, grouped())
    loop.run_for(SECOND_NS)
    loop.spawn(engine, stubborn())  # never started
    loop.post(engine, print, "never run")
    failed = loop.create_future()
    failed.set_exception(ValueError("never taken"))
    loop.bury()
    loop.bury()
    del engine, failed
    gc.collect()
    assert log == ["on the way out"] * 2  # and the one that never began had no way out


def test_garbage_collection_is_as_it_was_after_a_run() -> None:
    async def main() -> bool:
        return gc.isenabled()

    assert gc.isenabled()
    assert run(main()) is False
    assert gc.isenabled()


def test_the_trace_can_be_kept_and_tells_where_two_runs_part() -> None:
    def lines(seed: int) -> list[str]:
        with StormLoop(Tape(seed), trace="keep") as loop:
            loop.run_until_complete(bustle([]))
            return loop.lines

    one, other = lines(1), lines(2)
    assert one == lines(1)
    parted = next(place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    assert parted > 0
