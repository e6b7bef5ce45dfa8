"""Keeps `kedge up` running where no service manager does: `kedge watch --restart`.

An engine that ended is started again with growing pauses; one that is stuck is killed without a word first
(`kill -9`), because starting is recovering. One that somebody else started is left alone while it gets on;
when it hangs, its process is found by the lease it holds, and only if that is really held and really Kedge.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from kedge.desk.watch import Sight, Verdict
from kedge.journal.journal import JournalError, LeaseHeld
from kedge.journal.lease import FileLock
from kedge.journal.store import lease_of
from kedge.logs import Log
from kedge.model.exits import MEANINGS, Exit

SECOND_NS = 1_000_000_000
AGAIN_S = 1.0
AGAIN_MOST_S = 60.0
# What only a person can mend is tried again no sooner than this.
HOPELESS_S = 300.0
HOPELESS = (Exit.USAGE, Exit.CORRUPT, Exit.TOO_NEW, Exit.SETTINGS)
STEADY_NS = 60 * SECOND_NS
# A start may have much to recover; longer than this without an open door is no start.
START_NS = 600 * SECOND_NS
STOP_S = 30.0

_HOLDER = re.compile(r"process (\d+) on (\S+) since")


class Keeper:
    def __init__(self, command: Sequence[str], root: Path, cell: str, log: Log) -> None:
        self._command, self._root, self._cell, self._log = tuple(command), root, cell, log
        self._process: asyncio.subprocess.Process | None = None
        self._began_ns = 0
        self._again_s = 0.0
        self._not_before_ns = 0
        self.starts = 0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def tend(self, sight: Sight, verdict: Verdict) -> list[str]:
        """Do what this look asks for; what was done, as sentences for people."""
        said = self._ended(sight.now_ns)
        if self.pid:
            return said + await self._tend_ours(sight, verdict)
        if sight.door == "away" and (self.starts or verdict.engine == "away" or self._never_seen(verdict)):
            return said + await self._start(sight.now_ns)
        if verdict.engine == "stuck":
            said += self._kill_another(verdict)
        return said

    async def stop(self) -> None:
        """End our engine in good order, or at all."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            self._log.warn(f"the engine did not end within {STOP_S:g} s and was killed")
            process.kill()
            await process.wait()

    # ── ours ────────────────────────────────────────────────────────────────────────────────────

    def _never_seen(self, verdict: Verdict) -> bool:
        """At our own start nobody was there to go away: no need to wait."""
        return self.starts == 0 and verdict.lasts_ns == 0

    async def _start(self, now_ns: int) -> list[str]:
        if now_ns < self._not_before_ns:
            return []
        try:
            # Ctrl-C at the terminal is for the watch; the watch tells the engine.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            self._pause(now_ns, HOPELESS_S)
            return [f"the engine cannot be started: {error.strerror}"]
        self.starts += 1
        self._began_ns = now_ns
        return [f"the engine was started (process {self._process.pid})"]

    async def _tend_ours(self, sight: Sight, verdict: Verdict) -> list[str]:
        assert self._process is not None
        never_opened = sight.door == "away" and verdict.lasts_ns > START_NS
        if verdict.engine != "stuck" and not never_opened:
            return []
        why = "is stuck" if verdict.engine == "stuck" else "does not open its door"
        self._process.kill()
        await self._process.wait()
        said = [f"the engine {why} for {verdict.lasts_ns // SECOND_NS} s and was killed"]
        return said + self._ended(sight.now_ns)

    def _ended(self, now_ns: int) -> list[str]:
        """Tell of an engine of ours that ended since the last look, and when the next one is due."""
        process = self._process
        if process is None or process.returncode is None:
            return []
        self._process = None
        code = process.returncode
        if now_ns - self._began_ns > STEADY_NS:
            self._again_s = 0.0
        pause_s = HOPELESS_S if code in HOPELESS else min(max(AGAIN_S, self._again_s * 2), AGAIN_MOST_S)
        self._again_s = min(pause_s, AGAIN_MOST_S)
        self._pause(now_ns, pause_s)
        return [f"the engine ended ({_how(code)}); it is started again in {pause_s:g} s"]

    def _pause(self, now_ns: int, pause_s: float) -> None:
        self._not_before_ns = now_ns + int(pause_s * SECOND_NS)

    # ── somebody else's ─────────────────────────────────────────────────────────────────────────

    def _kill_another(self, verdict: Verdict) -> list[str]:
        pid = holder(self._root, self._cell)
        if not pid:
            return []
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError as error:
            return [f"the engine (process {pid}) is stuck and cannot be killed: {error.strerror}"]
        return [f"the engine (process {pid}) was stuck for {verdict.lasts_ns // SECOND_NS} s and was killed"]


def holder(root: Path, cell: str) -> int:
    """The process that drives this cell: it holds the lease now, on this machine, and is Kedge; else 0."""
    path = lease_of(root, cell)
    try:
        FileLock.share(path, f"the cell {cell}").release()
    except LeaseHeld as held:
        found = _HOLDER.search(str(held))
    except JournalError:
        return 0
    else:
        return 0
    if found is None or found[2] != socket.gethostname():
        return 0
    pid = int(found[1])
    return pid if pid != os.getpid() and _is_kedge(pid) else 0


def _is_kedge(pid: int) -> bool:
    """A number in a file may be another program's by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(b"kedge" in word for word in words[:4]) and b"up" in words


def _how(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    return MEANINGS[Exit(code)] if code in list(Exit) else f"exit code {code}"
