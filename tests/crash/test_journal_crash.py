"""Real crashes of the journal: kill -9, torn files, a disk that lies, and one that fails at every n-th write.

What must hold each time: a start either gives every entry that was acknowledged, in one unbroken
sequence, or says in a sentence that the file is damaged. Set KEDGE_LONG=1 for many more rounds.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from kedge.journal.archive import Bounds
from kedge.journal.journal import Corrupt, JournalError
from kedge.journal.sqlite import SqliteJournal
from kedge.model.records import Entry, Noted

LONG = bool(os.environ.get("KEDGE_LONG"))
CHILD = Path(__file__).with_name("journal_child.py")


def entry(seq: int) -> Entry:
    return Entry(seq, seq, Noted("info", f"note {seq} " + "x" * (seq % 97)))


def now_ns() -> int:
    return 0


def read_all(home: Path) -> list[Entry]:
    """Start, read everything, stop. Raises what a start raises."""

    async def go() -> list[Entry]:
        journal = SqliteJournal.open(home, "main", "0.1", now_ns)
        found = list(journal.tail(0))
        past = journal.past()
        assert past.last_seq == len(found)
        assert past.snapshot is None or past.snapshot.startswith(b"state at %d " % past.snapshot_seq)
        await journal.append([entry(len(found) + 1)])
        await journal.close()
        return found

    return asyncio.run(go())


def check_prefix(found: list[Entry], acknowledged: int) -> None:
    assert found == [entry(seq) for seq in range(1, len(found) + 1)]
    assert len(found) >= acknowledged, f"{acknowledged} was acknowledged; only {len(found)} are there"


# ── kill -9 ─────────────────────────────────────────────────────────────────────────────────────


def run_until(home: Path, lines: int, writers: int, snapshot_every: int = 0) -> int:
    """Let a child append until it has said so many lines, then kill it; the last number it said."""
    command = [sys.executable, str(CHILD), str(home), str(writers), str(snapshot_every)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as child:
        assert child.stdout is not None
        said = [0]
        for _ in range(lines):
            said.append(int(child.stdout.readline()))
        child.send_signal(signal.SIGKILL)
        # It went on until the signal came: what it said then was acknowledged too.
        rest = child.stdout.read().split(b"\n")[:-1]
    return max([*said, *map(int, rest)])


@pytest.mark.parametrize("seed", range(40 if LONG else 4))
def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged = 0
    for _ in range(3):
        lines = chance.choice([1, 7, 50, 400, 1500])
        writers = chance.choice([1, 4, 64])
        said = run_until(tmp_path, lines, writers, chance.choice([0, 5, 40]))
        acknowledged = max(acknowledged, said)
        found = read_all(tmp_path)
        check_prefix(found, acknowledged)
        acknowledged = len(found) + 1


# ── torn files ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `kill -9` left it, with much in its log."""
    home = tmp_path_factory.mktemp("killed")
    run_until(home, 300, 4, 100)
    assert (home / "main.sqlite-wal").exists()
    return home


def tear(path: Path, chance: random.Random) -> None:
    """Cut the file, or spoil some bytes of it, or fill a sector with zeros."""
    content = bytearray(path.read_bytes())
    # The log is written ahead with zeros: aim where there is something.
    size = len(bytes(content).rstrip(b"\0"))
    at = chance.randrange(size)
    how = chance.choice(["cut", "spoil", "sector"])
    if how == "cut":
        del content[at:]
    elif how == "spoil":
        content[at] ^= chance.randrange(1, 256)
    else:
        start = at // 512 * 512
        content[start : start + 512] = bytes(512)
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["main.sqlite-wal", "main.sqlite"])
@pytest.mark.parametrize("seed", range(400 if LONG else 40))
def test_a_torn_file_gives_a_prefix_or_is_called_corrupt(
    tmp_path: Path, killed: Path, name: str, seed: int
) -> None:
    home = tmp_path / "home"
    shutil.copytree(killed, home)
    tear(home / name, random.Random(seed))
    before = (home / "main.sqlite").read_bytes()
    try:
        found = read_all(home)
    except Corrupt:
        assert (home / "main.sqlite").read_bytes() == before, "a damaged file was written to"
    else:
        check_prefix(found, 0)


# ── a disk that fails ───────────────────────────────────────────────────────────────────────────

Fault = Callable[[], Exception]
FAULTS: dict[str, Fault] = {
    "i/o error": lambda: apsw.IOError("disk I/O error"),
    "disk full": lambda: apsw.FullError("database or disk is full"),
    "read-only": lambda: apsw.ReadOnlyError("attempt to write a readonly database"),
}


class Trouble:
    """Counts the operations that change the disk, and fails the n-th and all after it."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.at = 0
        self.count = 0
        self.once = False

    def arm(self, at: int, fault: Fault, once: bool) -> None:
        self.at, self.count, self.fault, self.once = at, 0, fault, once

    def disarm(self) -> bool:
        """Whether it fired."""
        fired = self.fault is not None and self.count >= self.at
        self.fault = None
        return fired

    def meet(self) -> None:
        if self.fault is None:
            return
        self.count += 1
        if self.count == self.at or (self.count > self.at and not self.once):
            raise self.fault()


class FailingFile(apsw.VFSFile):
    trouble: Trouble

    def xWrite(self, data: bytes, offset: int) -> None:
        self.trouble.meet()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.trouble.meet()
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:
        self.trouble.meet()
        super().xTruncate(newsize)


class FailingVFS(apsw.VFS):
    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        super().__init__("failing", "", maxpathname=0)

    def xOpen(self, name: Any, flags: list[int]) -> FailingFile:
        opened = FailingFile("", name, flags)
        opened.trouble = self.trouble
        return opened


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    made = Trouble()
    vfs = FailingVFS(made)
    yield made
    vfs.unregister()


async def work(home: Path, trouble: Trouble, at: int, fault: Fault, once: bool) -> tuple[int, bool]:
    """Open, append, snapshot, compact, close on a failing disk; what was acknowledged, and did it fail."""
    acknowledged = 0
    trouble.arm(at, fault, once)
    try:
        journal = SqliteJournal.open(home, "main", "0.1", now_ns, vfs="failing")
    except JournalError as error:
        assert_one_sentence(error)
        return 0, trouble.disarm()
    journal.bounds = Bounds(least_entries=1)
    try:
        for first in range(1, 40, 4):
            await journal.append([entry(n) for n in range(first, first + 4)])
            acknowledged = first + 3
            if first % 12 == 1:
                await journal.snapshot(acknowledged, b"state at %d " % acknowledged + bytes(30_000))
        await journal.compact()
    except JournalError as error:
        assert_one_sentence(error)
        assert not journal.holds()
        with pytest.raises(JournalError):
            await journal.append([entry(acknowledged + 1)])
    await journal.close()
    return acknowledged, trouble.disarm()


def assert_one_sentence(error: JournalError) -> None:
    text = str(error)
    assert text
    assert "\n" not in text
    assert len(text) < 300


@pytest.mark.parametrize("once", [False, True], ids=["for good", "once"])
@pytest.mark.parametrize("fault", FAULTS)
def test_failing_at_every_nth_write(tmp_path: Path, trouble: Trouble, fault: str, once: bool) -> None:
    """SQLite's own loop: fail at 1, 2, 3 ... until a run has met no failure."""
    step = 1 if LONG else 3 if fault == "i/o error" else 9
    for at in range(1, 2000, step):
        home = tmp_path / str(at)
        acknowledged, fired = asyncio.run(work(home, trouble, at, FAULTS[fault], once))
        check_prefix(read_all(home), acknowledged)
        shutil.rmtree(home)
        if not fired:
            assert at > 30, "the loop met hardly any writes"
            return
    raise AssertionError("the loop did not end")


# ── a disk that lies until it is told to sync ───────────────────────────────────────────────────


class Recorded:
    """Every write and sync of one run, in order, with the moments entries were acknowledged."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, int, bytes]] = []

    def note(self, what: str, name: str = "", at: int = 0, data: bytes = b"") -> None:
        self.steps.append((what, name, at, data))


class WatchedFile(apsw.VFSFile):
    recorded: Recorded
    name: str

    def xWrite(self, data: bytes, offset: int) -> None:
        self.recorded.note("write", self.name, offset, bytes(data))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self.recorded.note("sync", self.name)

    def xTruncate(self, newsize: int) -> None:
        self.recorded.note("truncate", self.name, newsize)
        super().xTruncate(newsize)


class WatchedVFS(apsw.VFS):
    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        super().__init__("watched", "", maxpathname=0)

    def xOpen(self, name: Any, flags: list[int]) -> WatchedFile:
        opened = WatchedFile("", name, flags)
        opened.recorded = self.recorded
        opened.name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        return opened

    def xDelete(self, name: str, syncdir: bool) -> None:
        super().xDelete(name, syncdir)
        self.recorded.note("delete", Path(name).name, int(syncdir))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """One run with appends, snapshots and checkpoints, as the disk saw it."""
    recorded = Recorded()
    vfs = WatchedVFS(recorded)

    async def go() -> None:
        home = tmp_path_factory.mktemp("watched")
        journal = SqliteJournal.open(home, "main", "0.1", now_ns, vfs="watched")
        for seq in range(1, 61):
            await journal.append([entry(seq)])
            recorded.note("ack", at=seq)
            if seq % 15 == 0:
                await journal.snapshot(seq, b"state at %d " % seq + bytes(9000))
            if seq % 25 == 0:
                await asyncio.wrap_future(journal._writer.call(lambda store: store.checkpoint()))
        await journal.close()

    asyncio.run(go())
    vfs.unregister()
    return recorded


def disk_at(
    steps: list[tuple[str, str, int, bytes]], chance: random.Random
) -> tuple[dict[str, bytearray], int]:
    """What a power cut leaves: all that was synced, and any part of what was not, torn by sectors."""
    files: dict[str, bytearray] = {}
    unsynced: dict[str, list[tuple[int, bytes]]] = {}
    acknowledged = 0
    for what, name, at, data in steps:
        if what == "ack":
            acknowledged = at
        elif what == "write":
            unsynced.setdefault(name, []).append((at, data))
        elif what == "sync":
            for offset, written in unsynced.pop(name, []):
                put(files.setdefault(name, bytearray()), offset, written)
        elif what == "truncate":
            for offset, written in unsynced.pop(name, []):
                put(files.setdefault(name, bytearray()), offset, written)
            del files.setdefault(name, bytearray())[at:]
        elif what == "delete" and (at or chance.random() < 0.5):
            files.pop(name, None)
            unsynced.pop(name, None)
    for name, writes in unsynced.items():
        for offset, written in writes:
            for start in range(0, len(written), 512):
                if chance.random() < 0.5:
                    put(files.setdefault(name, bytearray()), offset + start, written[start : start + 512])
    return files, acknowledged


def put(content: bytearray, offset: int, data: bytes) -> None:
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset : offset + len(data)] = data


@pytest.mark.parametrize("seed", range(1500 if LONG else 120))
def test_a_power_cut_keeps_what_was_acknowledged(tmp_path: Path, history: Recorded, seed: int) -> None:
    chance = random.Random(seed)
    cut = chance.randrange(len(history.steps))
    files, acknowledged = disk_at(history.steps[:cut], chance)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    check_prefix(read_all(tmp_path), acknowledged)
