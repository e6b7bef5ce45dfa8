"""Many hands: chunks of work over spawned processes, results as they come, a bound in time.

Processes are spawned, never forked: each begins with nothing that an earlier world could have left behind.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice, takewhile
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Any, ...]


def default_jobs() -> int:
    return max(1, os.cpu_count() or 1)


class Crew:
    """With one hand the work is done here; with more, in that many processes."""

    def __init__(self, hands: int) -> None:
        self.hands = hands
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Crew:
        if self.hands > 1:
            spawned = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.hands, mp_context=spawned)
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def work(
        self, function: Callable[..., T], jobs: Iterable[Job], enough: Callable[[], bool] = lambda: False
    ) -> Iterator[T]:
        """The results, in the order in which they are done; no new job is begun once there is enough."""
        if self._pool is None:
            for job in takewhile(lambda job: not enough(), jobs):
                yield function(*job)
            return
        waiting = takewhile(lambda job: not enough(), jobs)
        running: list[Future[T]] = []
        while True:
            for job in islice(waiting, 2 * self.hands - len(running)):
                running.append(self._pool.submit(function, *job))
            if not running:
                return
            wait(running, return_when=FIRST_COMPLETED)
            done = [future for future in running if future.done()]
            running = [future for future in running if future not in done]
            yield from (future.result() for future in done)
