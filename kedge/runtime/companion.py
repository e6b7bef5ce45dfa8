"""Another program beside the engine: started, kept and ended with it, and never waited for.

The engine knows nothing of it but its command line. It writes to the same terminal and to a log of its own,
and it ends when the engine ends, however that was: its standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

AGAIN_S = 1.0
AGAIN_MOST_S = 60.0
# Who lived so long begins again with a short wait.
STEADY_S = 60.0
STOP_S = 5.0


class Companion:
    def __init__(self, command: Sequence[str], say: Callable[[str], None]) -> None:
        self._command = tuple(command)
        self._say = say
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self) -> None:
        """Start it, and start it again whenever it ends; runs until cancelled."""
        loop = asyncio.get_running_loop()
        again_s = AGAIN_S
        while True:
            began = loop.time()
            why = await self._live()
            again_s = AGAIN_S if loop.time() - began > STEADY_S else again_s
            self._say(f"the desk's pages {why}; starting them again in {again_s:g} s")
            await asyncio.sleep(again_s)
            again_s = min(again_s * 2, AGAIN_MOST_S)

    async def _live(self) -> str:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                # Ctrl-C at the terminal is for the engine; the engine tells its companion.
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be started ({error.strerror})"
        return f"have ended ({await self._process.wait()})"

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
