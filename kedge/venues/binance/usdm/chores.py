"""Small tasks of an adapter, each known by name and never twice at once, all ended when it closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

Chore = Callable[[], Coroutine[None, None, None]]


class Chores:
    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def start(self, name: str, chore: Chore) -> bool:
        """False when it is under way already, or nothing is begun any more."""
        if self._closed or name in self._tasks:
            return False
        loop = asyncio.get_running_loop()
        task = loop.create_task(chore(), name=f"{self._owner}: {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda ended: self._ended(name, ended))
        return True

    def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True
        for task in list(self._tasks.values()):
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                # Ours, unless somebody cancels the closing itself.
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        """Nobody awaits a chore: what went wrong in it is our own mistake, and is said."""
        if self._tasks.get(name) is task:
            del self._tasks[name]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
