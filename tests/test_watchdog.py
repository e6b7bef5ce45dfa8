"""A loop that stands still ends the process, with everybody's stack in the log."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from house import eventually

from kedge.model.exits import Exit
from kedge.service.watchdog import Watchdog

STUCK = """
import asyncio, threading, time
from kedge.service.watchdog import Watchdog

def the_culprit():
    time.sleep(120)

async def main():
    watching = asyncio.get_running_loop().create_task(Watchdog('the engine', limit_s=0.5, look_s=0.05).run())
    await asyncio.sleep(0)
    the_culprit()
    await watching

threading.Thread(target=time.sleep, args=(120,), name="bystander", daemon=True).start()
asyncio.run(main())
"""


def test_a_loop_that_stands_still_ends_the_process() -> None:
    ran = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=60)
    assert ran.returncode == Exit.STUCK == 75
    assert "kedge: the engine's loop has not turned for" in ran.stderr
    assert "in the_culprit" in ran.stderr
    assert ran.stderr.count("most recent call first") >= 3, "the loop's, the bystander's and its own"


def test_a_loop_that_turns_is_left_alone_and_the_watch_ends_with_it() -> None:
    async def go() -> None:
        watchdog = Watchdog("the engine", limit_s=60, look_s=0.001)
        watching = asyncio.get_running_loop().create_task(watchdog.run())
        await asyncio.to_thread(eventually, lambda: watchdog._turns > 5, "the loop turns")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        watchdog._thread.join(20)
        assert not watchdog._thread.is_alive()

    asyncio.run(go())
