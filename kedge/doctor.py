"""Is this machine fit to trade on? One line per question: ok, warn or fail, and the mend.

Nothing here changes anything: a probe file is written beside the journal, measured and taken away again.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import platform
import shutil
import ssl
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
import msgspec
from msgspec import Struct

from kedge import __version__, client, settings
from kedge.home import Home
from kedge.journal.journal import JournalError, LeaseHeld
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.journal.store import check_sqlite, file_of
from kedge.model import frames
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
# So long a gate may take to answer; a certificate that ends sooner than so many days is said.
KNOCK_S = 5.0
CERTIFICATE_DAYS = 14
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
    cell, said = "main", None
    try:
        said = settings.load(home.settings, environ)
        cell = said.desk.cell
        found.append(Finding("settings", "ok", _what(home.settings, "the defaults are used")))
        found += _secrets(home, said, environ)
    except SettingsWrong as wrong:
        found.append(Finding("settings", "fail", str(wrong), "mend the file; kedge settings show checks it"))
    found += [_bots(home), *_clock()]
    if said is not None and said.gate.listen:
        found += _gate(home, said.gate, environ)
    if said is not None and said.desk.gate:
        found += _far_desk(home, environ)
    if home.root.is_dir():
        found += _disk(home.root)
        found += _desk(home, cell) if said is None or not said.desk.gate else ()
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
    yield from _about(status)


def _about(status: Status) -> Iterator[Finding]:
    if status.version != __version__:
        yield Finding(
            "desk version",
            "warn",
            f"the desk runs Kedge {status.version}, this is {__version__}",
            "restart it",
        )
    for need in status.needs:
        yield Finding("desk", "warn", need, "kedge status")


async def _status(gate: client.address.Gate) -> Status:
    async with client.connect(gate, via="doctor") as desk:
        return await desk.status()


# ── the gate for other machines ─────────────────────────────────────────────────────────────────


def _gate(home: Home, chosen: settings.GateSettings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """The engine's side: its certificate, that it is listened at, and each token as a caller shows it."""
    if chosen.cert:
        yield _certificate(chosen)
    if not chosen.tokens:
        says = f"nobody can come by {chosen.listen}: there is no token"
        yield Finding("gate tokens", "fail", says, "write a [[gate.tokens]] into the settings")
        return
    try:
        kept = settings.Secrets(home.secrets, environ)
        shown = {
            token.name: kept.find(token.secret, f"[[gate.tokens]] {token.name}").reveal()
            for token in chosen.tokens
        }
    except SettingsWrong as wrong:
        says, _, mend = str(wrong).partition("; ")
        yield Finding("gate tokens", "fail", says, mend.removeprefix("run: ") or "write it into secrets.toml")
        return
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(chosen.host, chosen.host)
    denied: list[str] = []
    for name, token in shown.items():
        try:
            answer = asyncio.run(_knock(host, chosen, token))
        except OSError as error:
            why = error.strerror or str(error) or type(error).__name__
            says = f"nobody answers at {chosen.listen} ({why})"
            yield Finding("gate", "warn", says, "start the engine: kedge up; or free the port")
            return
        if answer != "Welcome":
            denied.append(name)
    if denied:
        says = f"{chosen.listen} does not let in {', '.join(denied)}"
        yield Finding("gate tokens", "fail", says, "a token has 24 letters or more; wait 5 s after a change")
    else:
        yield Finding("gate tokens", "ok", f"{chosen.listen} answers and knows every token ({len(shown)})")


async def _knock(host: str, chosen: settings.GateSettings, token: str) -> str:
    """The word that is answered to this token. Raises `OSError`."""
    tls = None
    if chosen.cert:
        # It is this machine that is asked; that others trust the certificate is their side's question.
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(KNOCK_S):
        reader, writer = await asyncio.open_connection(host, chosen.port, ssl=tls)
        try:
            writer.write(frames.pack(frames.Hello(frames.PROTOCOL, "doctor", token)))
            line = await reader.readline()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    return str(msgspec.json.decode(line or b"{}", type=dict[str, object]).get("type", ""))


def _certificate(chosen: settings.GateSettings) -> Finding:
    cert, key = Path(chosen.cert).expanduser(), Path(chosen.key).expanduser()
    try:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(cert, key, password=lambda: "")
        until = _until(cert)
    except (OSError, ValueError, ssl.SSLError) as error:
        why = getattr(error, "strerror", "") or getattr(error, "reason", "") or "the key has a password"
        says = f"{cert} and {key} cannot be used ({why})"
        return Finding("gate certificate", "fail", says, "see docs/how-to/desk-on-another-host.md")
    if not until:
        return Finding("gate certificate", "ok", f"{cert} and its key belong together")
    now_s = time.time()  # storm-ok: the machine's clock is what certificates are judged by
    days = int((ssl.cert_time_to_seconds(until) - now_s) // 86_400)
    mend = "renew it; the engine takes the new files within a minute"
    if days < 0:
        return Finding("gate certificate", "fail", f"{cert} has ended ({until})", mend)
    level: Level = "warn" if days < CERTIFICATE_DAYS else "ok"
    return Finding("gate certificate", level, f"{cert} is good until {until}", mend if level != "ok" else "")


def _until(cert: Path) -> str:
    """When the first certificate of a file ends; "" where the standard library does not tell (one that an
    authority signed is not listed among those that may vouch for others)."""
    end = "-----END CERTIFICATE-----"
    known = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    known.load_verify_locations(cadata=f"{cert.read_text().partition(end)[0]}{end}\n")
    listed = known.get_ca_certs()
    return str(listed[0]["notAfter"]) if listed else ""


def _far_desk(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    """The desk's side: the engine's gate as every command of this home reaches it."""
    try:
        gate = client.address.gate_of(home, environ=environ)
        status = asyncio.run(_status(gate))
    except SettingsWrong as wrong:
        yield Finding("desk", "fail", str(wrong), "see docs/how-to/desk-on-another-host.md")
        return
    except client.DeskAway as away:
        mend = "is the engine running, and does its firewall let this machine in?"
        yield Finding("desk", "fail", str(away), mend)
        return
    except client.Refused as refused:
        mend = "see `gate_ca` and `gate_token` in docs/how-to/desk-on-another-host.md"
        yield Finding("desk", "fail", str(refused), mend)
        return
    yield Finding("desk", "ok", f"running at {gate}, life {status.life}, journal at {status.seq}")
    yield from _about(status)


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
