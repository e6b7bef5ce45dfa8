"""Starts the paper venue beside the desk, and starts it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

READY_S = 20.0
AGAIN_S = 1.0
TRIES = 8
STOP_S = 5.0


class PaperFailed(Exception):
    """The paper venue cannot be started; the text says why, in one sentence."""


class _Ready(Struct):
    port: int


class PaperProcess:
    """One paper venue in its own process, on a port that stays the same when it has to be started again."""

    def __init__(self, state: Path, seed: int, market: str) -> None:
        self._options = {"port": 0, "seed": seed, "market": market, "state": str(state)}
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def start(self) -> int:
        """Its port. Raises `PaperFailed`.

        The venue of a desk that was killed a moment ago may still be on its way out: that is waited for.
        """
        for _ in range(TRIES - 1):
            with contextlib.suppress(PaperFailed):
                return await self._start()
            await asyncio.sleep(AGAIN_S / 2)
        return await self._start()

    async def _start(self) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kedge.runtime.paper_child",
            msgspec.json.encode({**self._options, "port": self.port}).decode(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C at the terminal is for the desk; the desk tells the venue.
            start_new_session=True,
        )
        self._process = process
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_S):
                line = await process.stdout.readline()
            self.port = msgspec.json.decode(line, type=_Ready).port
        except (TimeoutError, msgspec.DecodeError):
            await self.stop()
            raise PaperFailed("the paper venue did not start; run `kedge sim paper` to see why") from None
        return self.port

    async def keep(self) -> None:
        """Start it again whenever it ends; runs until cancelled."""
        while True:
            if self._process is not None:  # none: it could not be started again the last time
                await self._process.wait()
            await asyncio.sleep(AGAIN_S)
            with contextlib.suppress(PaperFailed):
                await self.start()

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
