"""The whole desk on a bad disk: failing at the n-th write, full, read-only, and one that loses what it had.

What must hold each time: the desk stops with one sentence and the number for it, or goes on rightly; nothing
wrong is ever at an exchange; and once the disk is well again an ordinary start brings everything to its end.
KEDGE_LONG=1 fails every single operation.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge.journal.archive import Bounds
from kedge.journal.journal import JournalError
from kedge.journal.sqlite import ReadOnlyJournal, SqliteJournal
from kedge.model.exits import Exit
from kedge.model.records import Entry, Noted
from tests.crash.disk import Trouble
from tests.crash.points import Strike
from tests.crash.rig import Between, Plan, Run, play
from tests.crash.sites import Site
from tests.crash.worker import log_of

LONG = bool(os.environ.get("KEDGE_LONG"))

SENTENCES = {
    "full": "is full: free some space and start again",
    "read-only": "cannot be written: the file or its disk is read-only",
    "io": "failed: disk I/O error",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name: sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="kd-") as name:
        yield Path(name)


def play_all(folder: Path, plans: list[Plan], between: Between | None = None) -> list[Run]:
    async def go() -> list[Run]:
        async with Site.start(folder) as site:
            return [await play(site, plan, between=between) for plan in plans]

    return asyncio.run(go())


def assert_whole(runs: list[Run]) -> None:
    broken = [run.story() for run in runs if run.broken]
    assert not broken, "\n".join(broken)


# ── the n-th write fails ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", SENTENCES)
def test_the_nth_write_fails(folder: Path, kind: str) -> None:
    """A failed write is the end of that life, whether the disk recovers by itself or not."""
    operations = 260
    some = range(1, operations, 1 if LONG else 65)
    plans = [
        Plan(number, trouble=Trouble(kind, at, once=bool(number % 2)), exits=(Exit.DISK,))
        for number, at in enumerate(some, 1)
    ]
    runs = play_all(folder, plans)
    assert_whole(runs)
    stopped = [run for run in runs if run.ends[0].code == Exit.DISK]
    # A failure at the very end, of tidying up, is none: everything is durable by then.
    assert len(stopped) >= len(runs) * 3 // 4
    for run in stopped:
        said = run.notes[0].partition(": ")[2]
        assert said.startswith("kedge: ")
        # A checkpoint that failed between two appends is found by the lack of a right to write.
        assert SENTENCES[kind] in said or "no longer holds the lease" in said


# ── a full disk, a read-only one ────────────────────────────────────────────────────────────────


def can_mount() -> bool:
    """Whether this machine lets us have a small disk to fill."""
    if sys.platform != "linux" or os.getuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as there:
        if not mounted(Path(there)):
            return False
        unmount(Path(there))
    return True


def mounted(where: Path, megabytes: int = 24) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "none", str(where)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def remount(where: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(where)], capture_output=True, check=True)


def unmount(where: Path) -> None:
    subprocess.run(["umount", str(where)], check=True)


def mount_home(home: Path) -> None:
    """Put a small disk under a home that has been made."""
    kept = {path.name: path.read_bytes() for path in home.iterdir()}
    assert mounted(home)
    for name, content in kept.items():
        (home / name).write_bytes(content)


def fill(home: Path) -> None:
    """Leave no byte free."""
    with open(home / "filler", "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1 << 8, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def play_on_small_disk(folder: Path, plan: Plan, between: Between) -> Run:
    try:
        return play_all(folder, [plan], between)[0]
    finally:
        home = folder / f"r{plan.number}"
        if os.path.ismount(home):
            unmount(home)


if can_mount():  # else the n-th write above stands for it

    def test_a_disk_that_is_full_when_the_desk_starts(folder: Path) -> None:
        def between(home: Path, lives: int) -> None:
            if lives == 0:
                mount_home(home)
                fill(home)
            elif lives == 1:
                (home / "filler").unlink()

        run = play_on_small_disk(folder, Plan(1, exits=(Exit.DISK,)), between)
        assert_whole([run])
        assert run.ends[0].code == Exit.DISK
        assert "No space left" in run.notes[0] or SENTENCES["full"] in run.notes[0]

    def test_a_disk_that_is_full_when_the_desk_starts_again(folder: Path) -> None:
        """Killed in the middle of its work; then there is no room, and then there is."""

        def between(home: Path, lives: int) -> None:
            if lives == 0:
                mount_home(home)
            elif lives == 1:
                fill(home)
            elif lives == 2:
                (home / "filler").unlink()

        plan = Plan(1, (Strike("desk", 3, words="place left"),), exits=(Exit.DISK,))
        run = play_on_small_disk(folder, plan, between)
        assert_whole([run])

    def test_a_disk_that_fills_while_the_desk_works(folder: Path) -> None:
        """The log has its room beforehand: work goes on until it has to be folded into the file."""

        def between(home: Path, lives: int) -> None:
            if lives == 0:
                mount_home(home)
                asyncio.get_running_loop().call_later(0.35, fill, home)
            elif lives == 1:
                (home / "filler").unlink()

        run = play_on_small_disk(folder, Plan(1, exits=(Exit.DISK,)), between)
        assert_whole([run])
        assert run.ends[0].code in (Exit.OK, Exit.DISK)

    def test_a_disk_that_is_read_only(folder: Path) -> None:
        def between(home: Path, lives: int) -> None:
            if lives == 0:
                mount_home(home)
            elif lives == 1:
                remount(home, "ro")
            elif lives == 2:
                remount(home, "rw")

        plan = Plan(1, (Strike("desk", 3, words="place left"),), exits=(Exit.DISK, Exit.SETTINGS))
        run = play_on_small_disk(folder, plan, between)
        assert_whole([run])
        assert run.ends[1].code in (Exit.DISK, Exit.SETTINGS)
        assert log_of(run.home, 2).read_text().count("\n") == 1


# ── a disk that loses what it had ───────────────────────────────────────────────────────────────

# What the desk cannot know any more, it may do again and cannot tell whose it was: see docs/crashes.md.
FORGOTTEN = ("1 intent first", "2 never overfilled", "3 fills owner", "8 commands", "9 ", "0 alarm", "5 life")


class Tearing:
    """Tears one file of a wreck at random; where the desk refuses it, puts back what was there."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.refused = False
        self._chance = random.Random(seed)
        self._kept: dict[str, bytes] = {}
        self._torn: dict[str, bytes] = {}

    def __call__(self, home: Path, lives: int) -> None:
        if lives == 1:
            # A life's number is the clock's second where the journal has lost it: no machine restarts sooner.
            time.sleep(1.0)
            self._kept = files(home)
            tear(home / self.name, self._chance)
            self._torn = files(home)
        elif lives == 2 and "ended with 5" in log_code(home):
            self.refused = True
            assert files(home) == self._torn, "a damaged journal was written to"
            for name, content in self._kept.items():
                (home / name).write_bytes(content)


def log_code(home: Path) -> str:
    said = log_of(home, 2).read_text().strip().splitlines()
    return "ended with 5" if said and "is damaged" in said[-1] else ""


def files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(home.glob("main.sqlite*"))}


def tear(path: Path, chance: random.Random) -> None:
    """Cut the file, spoil a byte, or blank a sector, in the later half of what is used of it."""
    content = bytearray(path.read_bytes())
    used = len(bytes(content).rstrip(b"\0"))
    at = chance.randrange(used // 2, used)
    match chance.choice(("cut", "spoil", "sector")):
        case "cut":
            content[at:] = b""
        case "spoil":
            content[at] ^= chance.randrange(1, 256)
        case _:
            content[at // 512 * 512 : at // 512 * 512 + 512] = bytes(512)
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["main.sqlite-wal", "main.sqlite"])
@pytest.mark.parametrize("seed", range(40 if LONG else 2))
def test_a_torn_journal_is_refused_or_gone_on_from(folder: Path, name: str, seed: int) -> None:
    """The books agree with the exchanges all the same, no id is used twice, and nothing is left open."""
    tearing = Tearing(name, seed)
    plan = Plan(1, (Strike("desk", 70 + 10 * (seed % 5)),), exits=(Exit.CORRUPT,))
    run = play_all(folder, [plan], tearing)[0]
    if not tearing.refused:
        run.broken = [said for said in run.broken if not said.startswith(FORGOTTEN)]
    assert_whole([run])
    shutil.rmtree(run.home, ignore_errors=True)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home left in good order, with everything in the file itself."""
    home = tmp_path_factory.mktemp("closed")

    async def go() -> None:
        journal = SqliteJournal.open(home, "main", "0.1", lambda: 0)
        journal.bounds = Bounds(least_entries=1)
        for first in range(1, 200, 4):
            notes = [Entry(seq, seq, Noted("info", f"note {seq} ")) for seq in range(first, first + 4)]
            await journal.append(notes)
            if first % 60 == 1:
                await journal.snapshot(first + 3, b"state" + bytes(3000))
        await journal.close()

    asyncio.run(go())
    return home


@pytest.mark.parametrize("seed", range(2000 if LONG else 150))
def test_whoever_reads_a_damaged_file_says_so(tmp_path: Path, closed: Path, seed: int) -> None:
    """Readers and starts alike: a sentence, never a traceback; and a start that is refused writes nothing."""
    home = tmp_path / "home"
    shutil.copytree(closed, home)
    tear(home / "main.sqlite", random.Random(seed))
    torn = files(home)

    def start() -> None:
        async def go() -> None:
            journal = SqliteJournal.open(home, "main", "0.1", lambda: 0)
            journal.abandon()

        asyncio.run(go())

    def read() -> None:
        with ReadOnlyJournal.open(home, "main") as journal:
            list(journal.tail(0))
            journal.past()

    for look in (read, start):
        try:
            look()
        except JournalError:
            assert {name: body for name, body in files(home).items() if body} == torn
