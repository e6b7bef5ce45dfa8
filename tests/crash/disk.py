"""The disk under the journal: a SQLite VFS, the process's default, that comes past boundaries and fails.

Only the journal's own files pass through it with consequences (`<cell>.sqlite`, its log, the archives); the
tables people read are left alone. Three things can be asked of it:

    boundaries   each write has two (before, and half of it written), each sync two (before and after)
    fault        the n-th operation that changes the disk fails: full, i/o error, read-only; once or for good
    power cut    what was written after the last sync of its file is taken back or torn, sector by sector
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from tests.crash.points import Points

BASE = "unix"
SECTOR = 512

FAULTS: dict[str, Callable[[], apsw.Error]] = {
    "io": lambda: apsw.IOError("disk I/O error"),
    "full": lambda: apsw.FullError("database or disk is full"),
    "read-only": lambda: apsw.ReadOnlyError("attempt to write a readonly database"),
}


class Trouble(Struct, frozen=True):
    """The n-th operation fails; 0: none. Those after it fail too, unless it is `once`."""

    kind: str = "io"
    at: int = 0
    once: bool = False


class _Written(Struct):
    offset: int
    before: bytes
    after: bytes


class CrashDisk(apsw.VFS):
    """Registers itself as the default; keep a reference to it."""

    def __init__(self, watched: tuple[str, ...], points: Points, trouble: Trouble, seed: int) -> None:
        self.watched = watched
        self.points = points
        self.lock = threading.RLock()
        self._trouble = trouble
        self._operations = 0
        self._unsynced: dict[str, list[_Written]] = {}
        self._chance = random.Random(seed)
        points.lose_unsynced = self.lose_unsynced
        super().__init__("crash", BASE, makedefault=True, maxpathname=0)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None or not Path(path).name.startswith(self.watched):
            return apsw.VFSFile(BASE, name, flags)
        return CrashFile(self, path, name, flags)

    def meet(self) -> None:
        """One more operation that changes the disk: perhaps the one that fails."""
        self._operations += 1
        at = self._trouble.at
        if at and (self._operations == at or (self._operations > at and not self._trouble.once)):
            raise FAULTS[self._trouble.kind]()

    def wrote(self, path: str, written: _Written) -> None:
        self._unsynced.setdefault(path, []).append(written)

    def synced(self, path: str) -> None:
        self._unsynced.pop(path, None)

    def lose_unsynced(self) -> None:
        """What a power cut does: of each unsynced write, any of its sectors may never have arrived."""
        with self.lock:
            for path, writes in self._unsynced.items():
                if not os.path.exists(path):
                    continue  # an archive: synced as a whole, and renamed, without asking SQLite
                fd = os.open(path, os.O_RDWR)
                for written in reversed(writes):
                    self._tear(fd, written)
                os.close(fd)

    def _tear(self, fd: int, written: _Written) -> None:
        size = len(written.after)
        before = written.before.ljust(size, b"\0")
        whole = self._chance.random() < 0.3
        for start in range(0, size, SECTOR):
            if whole or self._chance.random() < 0.5:
                os.pwrite(fd, before[start : start + SECTOR], written.offset + start)


class CrashFile(apsw.VFSFile):
    def __init__(self, disk: CrashDisk, path: str, name: Any, flags: list[int]) -> None:
        super().__init__(BASE, name, flags)
        self._disk = disk
        self._path = path
        self._what = _what(path)

    def xWrite(self, data: bytes, offset: int) -> None:
        disk = self._disk
        with disk.lock:
            disk.meet()
            disk.points.tick("disk", f"write {self._what} before")
            disk.wrote(self._path, _Written(offset, self._read(len(data), offset), bytes(data)))
            if disk.points.due("disk", f"write {self._what} half"):
                super().xWrite(data[: len(data) // 2], offset)
                disk.points.strike()
            super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        disk = self._disk
        with disk.lock:
            disk.meet()
            disk.points.tick("disk", f"sync {self._what} before")
            super().xSync(flags)
            disk.synced(self._path)
            disk.points.tick("disk", f"sync {self._what} after")

    def xTruncate(self, newsize: int) -> None:
        disk = self._disk
        with disk.lock:
            disk.meet()
            disk.points.tick("disk", f"truncate {self._what} before")
            super().xTruncate(newsize)

    def _read(self, count: int, offset: int) -> bytes:
        with open(self._path, "rb") as file:
            file.seek(offset)
            return file.read(count)


def _what(path: str) -> str:
    if ".archive-" in path:
        return "archive"
    return "log" if path.endswith("-wal") else "journal" if path.endswith("-journal") else "file"
