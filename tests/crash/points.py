"""Boundaries: the moments at which a worker may be struck, numbered as it comes past them.

There are two families. `desk` are moments of the engine's own loop: before and after an append, when it is
durable, before a request leaves, when it has left, when its answer is here. `disk` are moments inside
SQLite's writes and syncs, half-written pages among them. A dry run learns how many there are of each; a
strike names a family and a number.

Every boundary is noted in a file before anything happens there, so the last line of a dead worker's file
says where it died.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

Family = Literal["desk", "disk"]
Act = Literal[
    "kill",  # SIGKILL to ourselves
    "cut",  # the same, and what was not yet synced is lost or torn, sector by sector
    "alpha",  # SIGKILL to one exchange; we go on
    "beta",
    "exchanges",  # to both of them
    "all",  # to both of them and to ourselves
]
EXCHANGES: dict[Act, tuple[str, ...]] = {
    "alpha": ("alpha",),
    "beta": ("beta",),
    "exchanges": ("alpha", "beta"),
    "all": ("alpha", "beta"),
}
DEADLY: tuple[Act, ...] = ("kill", "cut", "all")


class Strike(Struct, frozen=True):
    """What happens at boundary `at` of a family, or of those that have these words; 0: nothing ever."""

    family: Family = "desk"
    at: int = 0
    act: Act = "kill"
    words: str = ""

    def __str__(self) -> str:
        return f"{self.act} at {self.words or self.family} {self.at}" if self.at else "nothing"


class Points:
    """One life's boundaries. `pids` is the file in which the rig keeps the exchanges' process numbers."""

    def __init__(self, log: Path, strike: Strike, pids: Path) -> None:
        self.lose_unsynced: Callable[[], None] | None = None
        self._strike = strike
        self._pids = pids
        self._count = 0
        self._due = ""
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def tick(self, family: Family, label: str) -> None:
        """Come past a boundary."""
        if self.due(family, label):
            self.strike()

    def due(self, family: Family, label: str) -> bool:
        """Come past a boundary; whether it is the one. For who has something to do before the blow."""
        os.write(self._log, f"{family} {label}\n".encode())
        if self._strike.family != family or not has_words(label, self._strike.words):
            return False
        self._count += 1
        if self._strike.at != self._count:
            return False
        self._due = f"{family} {label}"
        return True

    def strike(self) -> None:
        act = self._strike.act
        # With its name: the other thread may have come past a boundary since.
        os.write(self._log, f"struck {self._due}\n".encode())
        for name in EXCHANGES.get(act, ()):
            pid = msgspec.json.decode(self._pids.read_bytes(), type=dict[str, int])[name]
            os.kill(pid, signal.SIGKILL)
        if act == "cut":
            assert self.lose_unsynced is not None
            self.lose_unsynced()
        if act in DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)


def has_words(label: str, words: str) -> bool:
    """Whether `append before BotAdded+Intent` is one of `append before Intent`: it is."""
    known = label.replace("+", " ").split()
    return all(word in known for word in words.split())


class Passed(Struct):
    """What a life's file says: the boundaries it came past, and whether the blow fell."""

    desk: list[str]
    disk: list[str]
    struck: str  # the label of the boundary; "" when it was never reached


def read_log(path: Path) -> Passed:
    passed = Passed([], [], "")
    for line in path.read_text().splitlines() if path.exists() else ():
        family, _, label = line.partition(" ")
        if family == "struck":
            passed.struck = label
        else:
            (passed.desk if family == "desk" else passed.disk).append(label)
    return passed
