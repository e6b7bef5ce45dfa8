"""Locks: one driver per cell and per account, given back by the system when its holder dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kedge.journal.journal import JournalError, LeaseHeld
from kedge.journal.lease import AccountLock, FileLock, patiently

NOW = 1_795_000_000 * 10**9


def test_a_lock_names_its_holder_and_is_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "main.lease"
    lock = FileLock.take(path, "the cell main", NOW)
    words = rf"the cell main is driven by process {os.getpid()} on \S+ since 2026-11-18 11:06:40 UTC; stop it"
    with pytest.raises(LeaseHeld, match=words):
        FileLock.take(path, "the cell main", NOW)
    lock.release()
    lock.release()
    FileLock.take(path, "the cell main", NOW).release()


def test_readers_share_and_hold_off_drivers(tmp_path: Path) -> None:
    path = tmp_path / "main.lease"
    one, two = FileLock.share(path, "the cell"), FileLock.share(path, "the cell")
    with pytest.raises(LeaseHeld, match="being read by a `kedge` command"):
        FileLock.take(path, "the cell", NOW)
    one.release()
    two.release()
    lock = FileLock.take(path, "the cell", NOW)
    with pytest.raises(LeaseHeld, match="ask it instead"):
        FileLock.share(path, "the cell")
    lock.release()


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "main.lease"
    code = (
        "import sys, time; from pathlib import Path; from kedge.journal.lease import FileLock;"
        f"lock = FileLock.take(Path({str(path)!r}), 'it', 0); print('held', flush=True); sys.stdin.read()"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(LeaseHeld, match=f"process {child.pid} on"):
            FileLock.take(path, "it", NOW)
        child.kill()
    FileLock.take(path, "it", NOW).release()


def test_patience_waits_for_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "main.lease"
    reader = FileLock.share(path, "it")
    pauses = []

    def pause() -> None:
        pauses.append(1)
        if len(pauses) == 3:
            reader.release()

    patiently(lambda: FileLock.take(path, "it", NOW), 10, pause).release()
    assert len(pauses) == 3
    reader = FileLock.share(path, "it")
    with pytest.raises(LeaseHeld):
        patiently(lambda: FileLock.take(path, "it", NOW), 3, lambda: None)
    reader.release()


def test_two_homes_cannot_drive_one_account(tmp_path: Path) -> None:
    shared = tmp_path / "made" / "when needed"
    one, two = AccountLock(shared, "bybit:key/AbC"), AccountLock(shared, "bybit:key/AbC")
    other = AccountLock(shared, "bybit:key-AbC")
    one.take(NOW)
    with pytest.raises(LeaseHeld, match="the account bybit:key/AbC is driven by process"):
        two.take(NOW)
    other.take(NOW)
    one.release()
    two.take(NOW)
    for lock in (one, two, other):
        lock.release()


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot make"):
        AccountLock(tmp_path / "file" / "locks", "a").take(NOW)
    with pytest.raises(JournalError, match="cannot open"):
        FileLock.take(tmp_path / "nowhere" / "x.lease", "it", NOW)
