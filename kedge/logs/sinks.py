"""Where lines go: stderr and a file, each with a thread and a bounded queue of its own.

Whoever logs hands a line over and goes on: a terminal that is not read (`kedge up | less`), a slow card or a
full disk holds up no trading. A queue that is full drops the line, counts it, and the next line that gets
through says how many are missing.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from kedge.logs.lines import Line, at_least

QUEUE_LINES = 10_000
FLUSH_S = 2.0

Form = Callable[[Line], str]
Mend = Callable[[Line], Line]


class Sink:
    """A thread that writes what it is given, in order. `write` may block; nobody waits for it."""

    def __init__(self, name: str, least: str, form: Form, write: Callable[[str], None], mend: Mend) -> None:
        self.least, self._form, self._write, self._mend = least, form, write, mend
        self._queue: queue.Queue[Line | None] = queue.Queue(QUEUE_LINES)
        self.lost = 0
        self._told = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"log {name}", daemon=True)
        self._thread.start()

    def take(self, line: Line) -> None:
        if self._over.is_set() or not at_least(line.level, self.least):
            return
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self.lost += 1

    def close(self, within_s: float = FLUSH_S) -> None:
        """Write what is left, within that time: a terminal that is not read keeps nobody from ending."""
        self._over.set()
        try:
            self._queue.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            text = self._form(self._mend(line))
            if self.lost > self._told:
                missing, self._told = self.lost - self._told, self.lost
                gap = Line(line.ts_ns, "warn", line.program, f"{missing} lines could not be written here")
                text = self._form(gap) + text
            try:
                self._write(text)
            except (OSError, ValueError):  # a full disk, a broken pipe, a closed file
                self.lost += 1


def to_stderr(text: str) -> None:
    stream = sys.stderr
    stream.write(text)
    stream.flush()


def goes_to_journal(environ: dict[str, str] | os._Environ[str] = os.environ) -> bool:
    """Whether stderr is journald's own stream, as it says by device and inode."""
    try:
        about = os.fstat(2)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{about.st_dev}:{about.st_ino}"


class RotatingFile:
    """A file that begins anew at a size: `name`, `name.1` (the newest of the old ones) ... `name.<keep>`.

    Another program may move or delete the file; it is then made again. Rights are the owner's alone.
    """

    def __init__(self, path: Path, bytes_max: int, keep: int) -> None:
        self._path, self._bytes_max, self._keep = path, bytes_max, keep
        self._fd = -1

    def write(self, text: str) -> None:
        body = text.encode(errors="replace")
        self._open()
        if os.fstat(self._fd).st_size and os.fstat(self._fd).st_size + len(body) > self._bytes_max:
            self._turn()
            self._open()
        os.write(self._fd, body)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        if self._fd >= 0:
            try:
                here = os.stat(self._path)
                if (here.st_dev, here.st_ino) == _identity(self._fd):
                    return
            except FileNotFoundError:
                pass
            self.close()
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _turn(self) -> None:
        self.close()
        if not self._keep:
            self._path.unlink(missing_ok=True)
            return
        for number in range(self._keep - 1, 0, -1):
            old = numbered(self._path, number)
            if old.exists():
                old.replace(numbered(self._path, number + 1))
        self._path.replace(numbered(self._path, 1))


def numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _identity(fd: int) -> tuple[int, int]:
    about = os.fstat(fd)
    return about.st_dev, about.st_ino
