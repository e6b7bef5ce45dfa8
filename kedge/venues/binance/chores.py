"""Small tasks of an adapter, at most one of each name: a snapshot of a book, a page of bars, a reading.

Whoever starts one does not wait for it. `close` ends them all; a task that dies otherwise is our own mistake,
and is said where such mistakes are heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Chores:
    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Begin this work, unless it is under way already."""
        if name in self._tasks:
            return False
        task = asyncio.get_running_loop().create_task(work(), name=f"{self._owner}: {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))
        return True

    def is_on(self, name: str) -> bool:
        return name in self._tasks

    def drop_all(self) -> None:
        """None of them is of use any more."""
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            task.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        self.drop_all()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                # Ours, unless somebody cancels the closing itself.
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
