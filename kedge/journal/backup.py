"""A copy one can trust: taken while the engine runs or not, checked, complete, and there all at once.

A backup is a home folder: to restore it, put it where the home was and start. The start begins a life that
was never lived (`Store._begin_life`), so no order id is minted twice, and asks every venue what happened
since, as any start does.

The live file is copied by SQLite's own backup, a few pages between two flushes; the archives are finished
files and are simply copied. Nothing bears the target's name before all of it has been read back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw

from kedge.journal import archive
from kedge.journal.archive import Live
from kedge.journal.journal import JournalError
from kedge.journal.lease import FileLock
from kedge.journal.store import Store, check_sqlite, file_of, lease_of, plainly, sync_directory

PAGES_AT_ONCE = 256


def backup(home: Path, cell: str, target: Path) -> None:
    """Back up a stopped desk; raises `LeaseHeld` while an engine runs (then ask the engine)."""
    check_sqlite(apsw.sqlite_lib_version())
    lock = FileLock.share(lease_of(home, cell), f"the cell {cell} in {home}")
    try:
        store = Store.open_to_read(file_of(home, cell))
        try:
            copy(home, cell, lambda work, writes=False: work(store), target, lambda: False)
        finally:
            store.close()
    finally:
        lock.release()


def copy(home: Path, cell: str, live: Live, target: Path, stopping: Callable[[], bool]) -> None:
    """Copy live file and archives to the new folder `target`, check them, and only then name it so."""
    if target.exists():
        raise JournalError(f"{target} exists already: name a new folder for the backup")
    part = target.with_name(target.name + ".part")
    with plainly(target):
        shutil.rmtree(part, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(mode=0o700)  # as closed as a home must be
        try:
            _copy_live(live, file_of(part, cell), stopping)
            for old in archive.archives_of(home, cell):
                shutil.copyfile(old.path, part / old.path.name)
                archive.sync_file(part / old.path.name)
            _check(part, cell)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync_directory(part)
        os.rename(part, target)
        sync_directory(target.parent)


def _copy_live(live: Live, path: Path, stopping: Callable[[], bool]) -> None:
    destination = apsw.Connection(os.fspath(path))
    try:
        destination.pragma("synchronous", "OFF")
        copying = live(lambda store: destination.backup("main", store.db, "main"))
        try:
            while not live(lambda _: _step(copying)):
                if stopping():
                    raise JournalError("the backup was not finished: the engine is stopping")
        finally:
            live(lambda _: copying.finish())
    finally:
        destination.close(True)
    archive.sync_file(path)


def _step(copying: apsw.Backup) -> bool:
    copying.step(PAGES_AT_ONCE)
    return copying.done


def _check(part: Path, cell: str) -> None:
    """Open the copy as a start would, and read every entry of it."""
    store = Store.open_to_read(file_of(part, cell))
    try:
        store.check()
        for _ in archive.entries(part, cell, lambda work, writes=False: work(store), 0):
            pass
        store.newest_snapshot()
    finally:
        store.close()
