"""The systemd units, written once: for `ops/systemd/`, for `kedge service print` and for `install`.

    kedge-engine    trades; ready when recovery is over; stopped last
    kedge-desk      pages, REST, Telegram; may be away without the engine noticing
    kedge-watch     looks from outside and calls people; restarts nothing, systemd does that

As a service of the system they run as the user `kedge`, with everything taken away that they do not need.
As a service of one user (`systemctl --user`) what only the system's manager can take away is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from kedge.model.exits import Exit

Name = Literal["engine", "desk", "watch"]
NAMES: tuple[Name, ...] = ("engine", "desk", "watch")
# Nothing is mended by starting again with these.
FINAL = (Exit.USAGE, Exit.CORRUPT, Exit.TOO_NEW, Exit.SETTINGS)


class Place(Struct, frozen=True):
    """What differs from machine to machine."""

    program: str = "/opt/kedge/bin/kedge"
    home: str = "/var/lib/kedge"
    user: str = "kedge"  # empty: a service of one user, in their own session
    apart: bool = True  # engine and desk as two services; else the engine starts the desk


class _Unit(Struct, frozen=True):
    about: str
    command: str
    watchdog_s: int
    start_s: int
    stop_s: int
    order: tuple[str, ...] = ()
    service: tuple[str, ...] = ()


_UNITS: dict[Name, _Unit] = {
    "engine": _Unit(
        "Kedge: the engine",
        "up --no-desk",
        # Its own watchdog ends it after 30 s with everybody's stack; this is for when that gets no turn.
        watchdog_s=60,
        start_s=600,
        stop_s=60,
        order=("After=network-online.target time-sync.target", "Wants=network-online.target"),
        # The last to be ended when memory is short.
        service=("OOMScoreAdjust=-600", "LimitNOFILE=65536"),
    ),
    "desk": _Unit(
        "Kedge: web, REST and Telegram",
        "desk",
        watchdog_s=60,
        start_s=120,
        stop_s=30,
        order=("After=network-online.target kedge-engine.service", "Wants=network-online.target"),
        service=("Nice=10", "CPUWeight=20", "OOMScoreAdjust=300"),
    ),
    "watch": _Unit(
        "Kedge: the watch",
        "watch",
        watchdog_s=120,
        start_s=60,
        stop_s=30,
        order=("After=kedge-engine.service kedge-desk.service",),
        service=("Nice=5", "OOMScoreAdjust=100"),
    ),
}

# For both kinds of manager.
_TAKEN: tuple[str, ...] = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictNamespaces=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources @obsolete",
    # The engine starts the desk with a lower priority, where they are one service.
    "SystemCallFilter=setpriority",
    "SystemCallErrorNumber=EPERM",
    "UMask=0077",
)
# For the system's manager alone: it may take away what a user's cannot.
_TAKEN_BY_SYSTEM: tuple[str, ...] = (
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateUsers=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "RemoveIPC=yes",
    "DevicePolicy=closed",
    "MemoryDenyWriteExecute=yes",
)


def unit(name: Name, place: Place) -> str:
    """The unit file's text."""
    one = _UNITS[name]
    lines = ["[Unit]", f"Description={one.about}"]
    lines += [line for line in one.order if place.user or "network-online" not in line]
    # However often it ends, it is started again: orders stand at the venues, and nobody looks after them.
    lines += ["StartLimitIntervalSec=0", "", "[Service]", "Type=notify", "NotifyAccess=main"]
    lines += [f"ExecStart={_quoted(place.program)} {_command(one, name, place)}"]
    if name == "engine":
        lines.append("ExecReload=/bin/kill -HUP $MAINPID")
    lines += [f"Environment={_quoted(f'KEDGE_HOME={place.home}')}", "Environment=PYTHONUNBUFFERED=1"]
    lines += _owner(place)
    lines += ["Restart=always", "RestartSec=3s"]
    lines += [f"RestartPreventExitStatus={' '.join(str(int(code)) for code in FINAL)}"]
    lines += [f"WatchdogSec={one.watchdog_s}s", f"TimeoutStartSec={one.start_s}s"]
    lines += [f"TimeoutStopSec={one.stop_s}s", "KillMode=mixed", *_fitting(one.service, place), ""]
    lines += _taken(place)
    wanted_by = "multi-user.target" if place.user else "default.target"
    return "\n".join([*lines, "", "[Install]", f"WantedBy={wanted_by}", ""])


def _command(one: _Unit, name: Name, place: Place) -> str:
    return "up" if name == "engine" and not place.apart else one.command


def _owner(place: Place) -> list[str]:
    if not place.user:
        return []
    lines = [f"User={place.user}", f"Group={place.user}"]
    if place.home.startswith("/var/lib/"):
        folder = place.home.removeprefix("/var/lib/")
        return [*lines, f"StateDirectory={folder}", "StateDirectoryMode=0700"]
    return [*lines, f"ReadWritePaths={_quoted(place.home)}"]


def _fitting(lines: tuple[str, ...], place: Place) -> list[str]:
    """A user's manager may raise nothing above what its user has."""
    forbidden = ("OOMScoreAdjust=-", "LimitNOFILE")
    return [line for line in lines if place.user or not line.startswith(forbidden)]


def _taken(place: Place) -> list[str]:
    if not place.user:
        return list(_TAKEN)
    lines = [*_TAKEN_BY_SYSTEM, *_TAKEN]
    if any(Path(path).parts[1:2] in (("home",), ("root",)) for path in (place.home, place.program)):
        lines = ["ProtectHome=read-only" if line == "ProtectHome=yes" else line for line in lines]
    return lines


def _quoted(word: str) -> str:
    """As systemd reads it: % begins a specifier, a space ends a word."""
    word = word.replace("%", "%%")
    return f'"{word}"' if any(letter in word for letter in " \t'\"\\") else word
