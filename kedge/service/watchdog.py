"""A loop that no longer turns is worse than a dead process: orders stand and nobody looks after them.

A thread looks every second whether the process' loop has turned. After `limit_s` without a turn it writes
every thread's stack where the log goes and ends the process, so that whoever supervises it starts it again:
starting is recovering.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading

from kedge.model.exits import Exit

LIMIT_S = 30.0


class Watchdog:
    def __init__(self, what: str, limit_s: float = LIMIT_S, look_s: float = 1.0) -> None:
        self._what = what
        self._limit_s = limit_s
        self._look_s = look_s
        self._turns = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    async def run(self) -> None:
        """Turn the counter from inside the loop, for as long as it runs."""
        self._thread.start()
        try:
            while True:
                self._turns += 1
                await asyncio.sleep(self._look_s)
        finally:
            self._over.set()

    def _watch(self) -> None:
        seen, still_s = -1, 0.0
        while not self._over.wait(self._look_s):
            still_s = still_s + self._look_s if self._turns == seen else 0.0
            seen = self._turns
            if still_s > self._limit_s:
                sys.stderr.write(f"kedge: {self._what}'s loop has not turned for {still_s:g} s; ending\n")
                faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
                os._exit(Exit.STUCK)
