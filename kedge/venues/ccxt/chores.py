"""The adapter's tasks, each under a name, and all of them ended by whoever began them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any


class Chores:
    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    @property
    def names(self) -> tuple[Hashable, ...]:
        return tuple(self._tasks)

    def start(self, name: Hashable, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin this work, unless it is under way already."""
        if name in self._tasks:
            return
        task = asyncio.get_running_loop().create_task(work(), name=f"{self._owner}: {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))

    def stop(self, name: Hashable) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def stop_all(self) -> None:
        for name in self.names:
            self.stop(name)

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        self.stop_all()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                # Ours, unless somebody cancels the closing itself.
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise

    def _ended(self, name: Hashable, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
