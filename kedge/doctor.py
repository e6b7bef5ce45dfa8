"""Is this machine fit to trade on? One line per question: ok, warn or fail, and the mend.

Nothing here changes anything: a probe file is written beside the journal, measured and taken away again.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import os
import platform
import shutil
import statistics
import struct
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import apsw
from msgspec import Struct

from kedge import __version__, client, settings
from kedge.home import Home
from kedge.journal.journal import JournalError, LeaseHeld
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.journal.store import check_sqlite, file_of
from kedge.model.looks import Status
from kedge.settings import SettingsWrong

Level = Literal["ok", "warn", "fail"]

FREE_BYTES_LEAST = 200 * 1024 * 1024
FREE_BYTES_GOOD = 2 * 1024 * 1024 * 1024
SYNCS = 25
SYNC_BYTES = 4096
SYNC_SLOW_NS = 20_000_000
# Faster than any disk or flash can be: the sync is not one.
SYNC_TOO_FAST_NS = 3_000
CLOCK_PROBE_S = 0.05
CLOCK_DRIFT_NS = 5_000_000
# The clock of a machine without a battery begins at 1970; this is older than Kedge.
EARLIEST_NS = 1_735_689_600_000_000_000
FAR_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "glusterfs")
FORGETFUL_FILE_SYSTEMS = ("tmpfs", "ramfs")


class Finding(Struct, frozen=True):
    about: str
    level: Level
    says: str
    mend: str = ""


def examine(home: Home, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Every question, in the order a person would mend things."""
    found = [*versions(), *_home(home)]
    cell = "main"
    try:
        said = settings.load(home.settings, environ)
        cell = said.desk.cell
        found.append(Finding("settings", "ok", _what(home.settings, "the defaults are used")))
        found += _secrets(home, said, environ)
    except SettingsWrong as wrong:
        found.append(Finding("settings", "fail", str(wrong), "mend the file; kedge settings show checks it"))
    found += [_bots(home), *_clock()]
    if home.root.is_dir():
        found += [*_disk(home.root), *_desk(home, cell)]
    return found


def passed(found: list[Finding]) -> bool:
    return all(finding.level != "fail" for finding in found)


# ── what is installed ───────────────────────────────────────────────────────────────────────────


def versions() -> Iterator[Finding]:
    python = platform.python_version()
    level: Level = "ok" if sys.version_info >= (3, 11) else "fail"
    yield Finding(
        "python", level, f"{platform.python_implementation()} {python}", "" if level == "ok" else "use 3.11+"
    )
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    if arguments and "--enable-optimizations" not in arguments:
        yield Finding(
            "python build",
            "warn",
            "this interpreter was built without optimisation and runs slower than it could",
            "use a distribution's Python, or build with --enable-optimizations --with-lto",
        )
    try:
        check_sqlite(apsw.sqlite_lib_version())
        yield Finding("sqlite", "ok", f"{apsw.sqlite_lib_version()} in apsw {version('apsw')}")
    except JournalError as error:
        yield Finding("sqlite", "fail", str(error), "pip install --upgrade apsw")
    yield Finding("msgspec", "ok", version("msgspec"))
    if importlib.util.find_spec("uvloop"):
        yield Finding("uvloop", "ok", f"{version('uvloop')}, used")
    else:
        yield Finding(
            "uvloop", "warn", "not installed: everything works, a little slower", "pip install kedge[speed]"
        )


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def _home(home: Home) -> Iterator[Finding]:
    if not home.root.exists():
        yield Finding("home", "warn", f"{home.root} is not there yet", "kedge up makes it")
        return
    wrong = home.wrong()
    if wrong:
        says, _, mend = wrong.partition("; ")
        yield Finding("home", "fail", says, mend.removeprefix("run: "))
    else:
        yield Finding("home", "ok", f"{home.root}, yours alone")
    folder = home.bots_folder
    if folder.is_dir() and os.stat(folder).st_mode & 0o022:
        yield Finding(
            "bots folder",
            "fail",
            f"{folder} can be written to by other users: what is in it is run",
            f"chmod go-w {folder}",
        )


def _secrets(home: Home, said: settings.Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        kept = settings.Secrets(home.secrets, environ)
        for name, account in said.accounts.items():
            for wanted in (account.key, account.secret):
                if wanted:
                    kept.find(wanted, f'accounts."{name}"')
    except SettingsWrong as wrong:
        says, _, mend = str(wrong).partition("; ")
        yield Finding("secrets", "fail", says, mend.removeprefix("run: "))
    else:
        yield Finding("secrets", "ok", _what(home.secrets, "none are kept"))


def _bots(home: Home) -> Finding:
    try:
        bots = settings.read_bots_file(home.bots)
    except SettingsWrong as wrong:
        return Finding("bots file", "fail", str(wrong), "mend the file, then: kedge reload")
    return Finding(
        "bots file", "ok", _what(home.bots, "there is none") + (f": {len(bots)} bots" if bots else "")
    )


def _what(path: Path, otherwise: str) -> str:
    return str(path) if path.exists() else otherwise


# ── the clock ───────────────────────────────────────────────────────────────────────────────────


def _clock() -> Iterator[Finding]:
    wall, steady = time.time_ns(), time.monotonic_ns()  # storm-ok: the machine's clock is what is examined
    if wall < EARLIEST_NS:
        yield Finding(
            "clock", "fail", "the machine's clock is years behind", "set it, and keep it set with NTP"
        )
        return
    time.sleep(CLOCK_PROBE_S)
    drift = time.time_ns() - wall - (time.monotonic_ns() - steady)  # storm-ok: as above
    if abs(drift) > CLOCK_DRIFT_NS:
        says = f"the wall clock moved {drift / 1e6:.1f} ms against the steady one in {CLOCK_PROBE_S:g} s"
        yield Finding("clock", "fail", says, "something is setting the clock: let NTP slew it instead")
    else:
        yield Finding("clock", "ok", "the wall clock and the steady clock agree")
    yield _synchronised()


def _synchronised() -> Finding:
    """What the kernel knows of NTP (Linux); asking needs no rights and no network."""
    if sys.platform != "linux":
        return Finding("time service", "ok", "not visible on this system; see that NTP is on")
    about = ctypes.create_string_buffer(256)
    state = ctypes.CDLL(None).adjtimex(about)
    # struct timex: modes, offset, freq, maxerror, ... (all longs after the first, padded)
    error_us = struct.unpack_from("l", about, 3 * struct.calcsize("l"))[0]
    if state in (-1, 5):
        return Finding(
            "time service",
            "warn",
            "the kernel does not know the clock to be synchronised; venues refuse requests with a wrong time",
            "run a time service: systemctl enable --now systemd-timesyncd, or chrony",
        )
    return Finding("time service", "ok", f"synchronised, at most {error_us / 1000:.0f} ms off")


# ── the disk ────────────────────────────────────────────────────────────────────────────────────


def _disk(root: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(root).free
    says = f"{free / 1024**3:.1f} GB free"
    if free < FREE_BYTES_LEAST:
        yield Finding(
            "disk space", "fail", says, "the journal stops the desk when the disk is full: make room"
        )
    elif free < FREE_BYTES_GOOD:
        yield Finding("disk space", "warn", says, "make room before it is full")
    else:
        yield Finding("disk space", "ok", says)
    yield _file_system(root)
    yield _sync(root)


def _file_system(root: Path, mounts: Path = Path("/proc/mounts")) -> Finding:
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return Finding("file system", "ok", "not visible on this system")
    best, kind = "", "unknown"
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].encode().decode("unicode_escape")
        if len(point) >= len(best) and root.resolve().is_relative_to(point):
            best, kind = point, fields[2]
    if kind in FAR_FILE_SYSTEMS:
        return Finding(
            "file system",
            "fail",
            f"{kind}: locks and syncs over a network cannot be trusted",
            "use a local disk",
        )
    if kind in FORGETFUL_FILE_SYSTEMS:
        return Finding(
            "file system",
            "warn",
            f"{kind}: everything is gone when the power is",
            "use a disk for real trading",
        )
    return Finding("file system", "ok", kind)


def _sync(root: Path) -> Finding:
    try:
        times = measure_sync(root)
    except OSError as error:
        return Finding(
            "disk sync",
            "fail",
            f"nothing can be written to {root}: {error.strerror}",
            "mend the disk or its rights",
        )
    middle = int(statistics.median(times))
    slowest = max(times)
    says = f"a sync of {SYNC_BYTES} bytes takes {middle / 1e6:.2f} ms, at most {slowest / 1e6:.1f} ms"
    if middle > SYNC_SLOW_NS:
        return Finding("disk sync", "warn", says, "every order waits for this: use a faster disk")
    if middle < SYNC_TOO_FAST_NS:
        return Finding(
            "disk sync", "warn", f"{says}: too fast to be true", "the disk may only pretend to sync"
        )
    return Finding("disk sync", "ok", says)


def measure_sync(
    root: Path,
    now_ns: Callable[[], int] = time.perf_counter_ns,  # storm-ok: the machine is what is measured
) -> list[int]:
    """Nanoseconds of each of some writes with a sync, beside the journal. Raises `OSError`."""
    path = root / f".doctor-{os.getpid()}"
    sync = getattr(os, "fdatasync", os.fsync)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        times = []
        for _ in range(SYNCS):
            began = now_ns()
            os.write(file, b"k" * SYNC_BYTES)
            sync(file)
            times.append(now_ns() - began)
        return times
    finally:
        os.close(file)
        os.unlink(path)


# ── the desk ────────────────────────────────────────────────────────────────────────────────────


def _desk(home: Home, cell: str) -> Iterator[Finding]:
    try:
        status = asyncio.run(_status(home.socket(cell)))
    except client.DeskAway as away:
        yield from _at_rest(home, cell, away)
        return
    except client.Refused as refused:
        yield Finding("desk", "fail", str(refused), "ask as the user who runs it")
        return
    yield Finding("desk", "ok", f"running, life {status.life}, journal at {status.seq}")
    if status.version != __version__:
        yield Finding(
            "desk version",
            "warn",
            f"the desk runs Kedge {status.version}, this is {__version__}",
            "restart it",
        )
    for need in status.needs:
        yield Finding("desk", "warn", need, "kedge status")


async def _status(path: Path) -> Status:
    async with client.connect(path, via="doctor") as desk:
        return await desk.status()


def _at_rest(home: Home, cell: str, away: client.DeskAway) -> Iterator[Finding]:
    if not file_of(home.root, cell).exists():
        yield Finding("journal", "ok", "there is none yet: kedge up begins one")
        return
    try:
        with ReadOnlyJournal.open(home.root, cell) as journal:
            verdict = journal.verify()
    except LeaseHeld as held:
        yield Finding(
            "lease", "fail", f"{held}, but it does not answer at the gate ({away})", "stop it and start again"
        )
        return
    except JournalError as error:
        yield Finding(
            "journal", "fail", str(error), "keep the files as they are; see docs/reference/journal.md"
        )
        return
    yield Finding("lease", "ok", "free: no desk is running here")
    yield Finding(
        "journal", "ok", f"{verdict.entries} records, every check passed ({verdict.archives} archives)"
    )
