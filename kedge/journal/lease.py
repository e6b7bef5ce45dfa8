"""One driver at a time: a lock the operating system gives back when its holder dies.

The lock is on an open file, not in its words: a copied file, or one left by a dead process, locks nobody
out. The words in it (pid, host, since) only serve to tell a person who holds it. The lock is the first of
three: SQLite holds the journal file exclusively too, and every append proves that its life is still the
newest (`kedge/journal/store.py`).
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kedge.journal.journal import JournalError, LeaseHeld

# On Windows a locked byte cannot be read by others: lock one far behind the words.
_LOCK_BYTE = 1 << 20
_WORDS_MAX = 512


class FileLock:
    """Hold `path` until `release` or the end of the process. `what` names it for people."""

    def __init__(self, path: Path, what: str, fd: int) -> None:
        self.path = path
        self.what = what
        self._fd = fd

    @classmethod
    def take(cls, path: Path, what: str, now_ns: int) -> FileLock:
        """Raises `LeaseHeld`, naming the holder, when another process (or this one) has it."""
        fd = _open(path, os.O_RDWR | os.O_CREAT)
        if not _try_lock(fd, shared=False):
            says = _who_holds(fd, what)
            os.close(fd)
            raise LeaseHeld(says)
        lock = cls(path, what, fd)
        lock._write(_describe(now_ns))
        return lock

    @classmethod
    def share(cls, path: Path, what: str) -> FileLock:
        """Hold off drivers, but not other readers, for the short life of an offline reader."""
        fd = _open(path, os.O_RDONLY | os.O_CREAT)
        if not _try_lock(fd, shared=True):
            words = _words(fd)
            os.close(fd)
            raise LeaseHeld(f"{what} is driven by {words or 'another process'}; ask it instead")
        return cls(path, what, fd)

    def release(self) -> None:
        """Safe to call twice."""
        if self._fd >= 0:
            _unlock(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _write(self, words: str) -> None:
        try:
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, words.encode())
        except OSError as error:
            self.release()
            raise JournalError(f"cannot write {self.path}: {error.strerror}") from error


class AccountLock:
    """Two desks on one machine must not drive the same account, whatever homes they live in.

    `account_key` is what the venue knows the account by (an API key's public part, an address, a
    sub-account number): equal keys lock each other out. `directory` is the same for all homes.
    """

    def __init__(self, directory: Path, account_key: str) -> None:
        readable = re.sub(r"[^A-Za-z0-9_.-]", "-", account_key)[:32]
        digest = hashlib.sha256(account_key.encode()).hexdigest()[:16]
        self.path = directory / f"{readable}-{digest}.lock"
        self._what = f"the account {account_key}"
        self._lock: FileLock | None = None

    def take(self, now_ns: int) -> None:
        """Raises `LeaseHeld` when another desk on this machine drives the account."""
        assert self._lock is None, "taken twice"
        _make_directory(self.path.parent)
        self._lock = FileLock.take(self.path, self._what, now_ns)

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def patiently(take: Callable[[], FileLock], tries: int, pause: Callable[[], None]) -> FileLock:
    """Try again a few times: a `kedge` command may be reading for a moment."""
    for _ in range(tries - 1):
        try:
            return take()
        except LeaseHeld:
            pause()
    return take()


def _describe(now_ns: int) -> str:
    since = datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()} since {since} UTC"


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(f"cannot make {directory}: {error.strerror}") from error


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as error:
        raise JournalError(f"cannot open {path}: {error.strerror}") from error


def _who_holds(fd: int, what: str) -> str:
    """The words are the last driver's, perhaps long dead: where readers may share, readers hold it."""
    if _try_lock(fd, shared=True):
        return f"{what} is being read by a `kedge` command; try again in a moment"
    return f"{what} is driven by {_words(fd) or 'a process that is just starting'}; stop it first"


def _words(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    return os.read(fd, _WORDS_MAX).decode(errors="replace").strip()


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int, shared: bool) -> bool:
        # Windows has no shared byte locks here: a reader holds everyone off for its short life.
        os.lseek(fd, _LOCK_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(fd, 0, os.SEEK_SET)
        return True

    def _unlock(fd: int) -> None:
        os.lseek(fd, _LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(fd: int, shared: bool) -> bool:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)
