"""How the engine itself is: measured beside its work, read when somebody asks.

The hot path pays one clock reading per commit and per answer. Everything else is looked up when a status is
made, and what the machine has to be asked for (memory, open files) at most once a second.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections import deque
from pathlib import Path

from msgspec.structs import replace

from kedge.engine.senses import Link
from kedge.model.looks import AccountLook, Meters, Status
from kedge.runtime.cell import Cell
from kedge.runtime.shell import Shell

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
BEAT_S = 1.0
BEATS = 60
_STATM, _FDS = Path("/proc/self/statm"), Path("/proc/self/fd")


class Gauges:
    """`run` is one of the runtime's tasks; `fill_in` puts what was measured into a status."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._lags_ns: deque[int] = deque(maxlen=BEATS)
        self._machine = (0, 0)
        self._journal_ns = (0, 0)
        self._looked_s = -BEAT_S

    async def run(self) -> None:
        """By how much a timer of this loop is late, once a second."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self._lags_ns.append(max(0, round((loop.time() - due_s) * 1e9)))

    def fill_in(self, status: Status) -> Status:
        cell = self._cell
        accounts = tuple(
            _account(one, cell.shells.get(one.account), cell.engine.links[one.account])
            for one in status.accounts
        )
        return replace(status, accounts=accounts, meters=self.read(status.now_ns))

    def read(self, now_ns: int) -> Meters:
        cell = self._cell
        self._look_again(now_ns)
        rss_bytes, fds = self._machine
        return Meters(
            loop_lag_ns=_at(sorted(self._lags_ns), 50),
            loop_lag_max_ns=max(self._lags_ns, default=0),
            journal_ns=self._journal_ns[0],
            journal_p99_ns=self._journal_ns[1],
            recovery_ns=_recovery_ns(cell),
            steps=cell.steps,
            inbox=cell.waiting_events,
            unsynced=cell.last_seq - cell.durable_seq,
            effects=cell.held_effects + sum(shell.waiting for shell in cell.shells.values()),
            rss_bytes=rss_bytes,
            fds=fds,
        )

    def _look_again(self, now_ns: int) -> None:
        """What takes long to find out is found out once a second, however many ask."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_s < BEAT_S:
            return
        self._looked_s, self._machine = now_s, (_rss_bytes(), _open_files())
        commits = sorted(took for at_ns, took in self._cell.commits if at_ns > now_ns - MINUTE_NS)
        self._journal_ns = (_at(commits, 50), _at(commits, 99))


def _account(look: AccountLook, shell: Shell | None, link: Link) -> AccountLook:
    if shell is None:
        return look
    venue = shell.venue
    now = venue.condition
    used, most = (now.requests_used, now.requests_max) if now.requests_max else shell.allowance
    return replace(
        look,
        requests_used=used,
        requests_max=most,
        skew_ns=now.skew_ns,
        answer_ns=_at(sorted(shell.answers_ns), 50),
        private_age_ns=now.private_age_ns,
        reconnects=max(0, link.ups - 1),
        trouble=venue.trouble,
    )


def _recovery_ns(cell: Cell) -> int:
    firsts = [link.first_ready_ns for link in cell.engine.links.values()]
    return max(firsts) - cell.began_ns if firsts and all(firsts) else 0


def _at(ordered: list[int], percent: int) -> int:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0


def _rss_bytes() -> int:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no Linux: the most it ever was, in bytes there
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _open_files() -> int:
    try:
        return len(os.listdir(_FDS))
    except OSError:
        return 0
