"""Reads what was written: the last lines of all programs in one order, and new ones as they come.

Files are read newest first and only as far back as is asked for. A file that was turned over while it was
followed is read to its end before the new one is begun, so that nothing falls between the two.
"""

from __future__ import annotations

import contextlib
import heapq
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from kedge.logs.lines import LEVELS, TRACE_MARK, TRACE_MAX, Line, at_least, read_line
from kedge.logs.sinks import numbered

# What one look at a file that grows may take in; the rest comes with the next look.
LOOK_BYTES = 1 << 20
# An older file than this number is not looked for.
FILES_MAX = 100

Wanted = Callable[[Line], bool]


def wanted(level: str = LEVELS[0], bot: str = "", text: str = "") -> Wanted:
    """What `kedge logs` is asked for."""

    def is_wanted(line: Line) -> bool:
        if not at_least(line.level, level):
            return False
        if bot and line.about.get("bot") != bot:
            return False
        return not text or text.casefold() in line.says.casefold()

    return is_wanted


def programs(folder: Path) -> list[str]:
    """Whose logs there are, in the order of the alphabet."""
    return sorted(path.stem for path in folder.glob("*.log"))


def last_lines(folder: Path, names: Iterable[str], is_wanted: Wanted, most: int) -> list[Line]:
    """The last so many wanted lines of all these programs, the oldest first."""
    found = [_last_of(folder / f"{name}.log", is_wanted, most) for name in names]
    return list(heapq.merge(*found, key=lambda line: line.ts_ns))[-most:] if most else []


def _last_of(path: Path, is_wanted: Wanted, most: int) -> list[Line]:
    found: list[Line] = []
    for number in range(FILES_MAX + 1):
        file = numbered(path, number) if number else path
        try:
            with file.open(encoding="utf-8", errors="replace") as rows:
                here = deque((line for line in assembled(rows) if is_wanted(line)), maxlen=most - len(found))
        except FileNotFoundError:
            if number:
                break
            continue
        found = [*here, *found]
        if len(found) >= most:
            break
    return found


def assembled(rows: Iterable[str]) -> Iterator[Line]:
    """Lines with the fault's way that follows them; what is no line of ours is left out."""
    line: Line | None = None
    trace: list[str] = []
    for row in rows:
        began = read_line(row)
        if began is None:
            if line is not None and row.startswith(TRACE_MARK) and len(trace) < TRACE_MAX:
                trace.append(row.removeprefix(TRACE_MARK))
            continue
        if line is not None:
            yield _whole(line, trace)
        line, trace = began, []
    if line is not None:
        yield _whole(line, trace)


def _whole(line: Line, trace: list[str]) -> Line:
    return msgspec.structs.replace(line, trace="".join(trace)) if trace else line


class Follower:
    """New lines of some programs, from now on; `close` when done."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self._files = {name: _Growing(folder / f"{name}.log") for name in names}

    def new_lines(self) -> list[Line]:
        found = [list(assembled(file.rows())) for file in self._files.values()]
        return list(heapq.merge(*found, key=lambda line: line.ts_ns))

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class _Growing:
    """A file from its end on, over being turned over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd, self._rest = -1, b""
        self._open()
        if self._fd >= 0:
            os.lseek(self._fd, 0, os.SEEK_END)

    def rows(self) -> list[str]:
        body = self._rest + self._more()
        if not self._is_current():
            body += self._more()
            self.close()
            self._open()
            body += self._more()
        whole, newline, self._rest = body.rpartition(b"\n")
        self._rest = self._rest[-LOOK_BYTES:]
        return (whole + newline).decode(errors="replace").splitlines(keepends=True)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _more(self) -> bytes:
        return os.read(self._fd, LOOK_BYTES) if self._fd >= 0 else b""

    def _is_current(self) -> bool:
        if self._fd < 0:
            return False
        about = os.fstat(self._fd)
        try:
            here = os.stat(self._path)
        except FileNotFoundError:
            return True  # it is being turned over: the new one is not there yet
        return (here.st_dev, here.st_ino) == (about.st_dev, about.st_ino)

    def _open(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
