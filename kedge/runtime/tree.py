"""The task tree: every task has a name and a parent, the first failure ends all, and ending is bounded.

`asyncio.TaskGroup` is not used: on abort it walks a set of tasks, whose order no seed can fix.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

# A task that has not ended so long after it was told to is named and left behind.
CLOSE_S = 20.0


class Tree:
    def __init__(self, name: str) -> None:
        self._name = name
        # What each is called, its number, and whether it is to last; in the order they were started.
        self._tasks: dict[asyncio.Task[None], tuple[str, int, bool]] = {}
        self._count = 0
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closing = False
        self._empty = asyncio.Event()

    def start(self, name: str, work: Coroutine[Any, Any, None], lasting: bool = True) -> asyncio.Task[None]:
        """Run a task of this tree. A lasting one that returns ends the tree as a failure would."""
        self._count += 1
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = (name, self._count, lasting)
        if self._closing:
            task.cancel()
        task.add_done_callback(self._done)
        return task

    def fail(self, error: BaseException) -> None:
        """End the tree with this error; the first one counts."""
        if not self._ended.done():
            self._ended.set_exception(error)

    def finish(self) -> None:
        """End the tree in good order."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def ended(self) -> None:
        """Wait for the end; raises the error that caused it."""
        await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Cancel what still runs, youngest first, and wait until all have ended, for `CLOSE_S` at most."""
        self._closing = True
        for task in reversed(list(self._tasks)):
            task.cancel()
        try:
            async with asyncio.timeout(CLOSE_S):
                while self._tasks:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            names = ", ".join(self._called(name, number) for name, number, _ in self._tasks.values())
            self.fail(RuntimeError(f"did not end within {CLOSE_S:g} s: {names}"))
        if self._ended.done() and not self._ended.cancelled():
            self._ended.exception()  # it was told, or it will be by `ended`
        else:
            self._ended.cancel()

    def __len__(self) -> int:
        return len(self._tasks)

    def _called(self, name: str, number: int) -> str:
        return f"{self._name}/{name}/{number}"

    def _done(self, task: asyncio.Task[None]) -> None:
        name, number, lasting = self._tasks.pop(task)
        if not self._tasks:
            self._empty.set()
        if task.cancelled():
            if lasting and not self._closing:
                self.fail(
                    RuntimeError(
                        f"{self._called(name, number)} was cancelled by something else than its tree"
                    )
                )
            return
        error = task.exception()
        if error is not None:
            self.fail(error)
        elif lasting:
            self.fail(RuntimeError(f"{self._called(name, number)} ended by itself"))
