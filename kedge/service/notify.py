"""Tells systemd how the process is: a datagram of a few lines, to the socket that it names.

READY=1 once, when recovery is over; WATCHDOG=1 from inside the loop, so that a loop which no longer turns is
noticed even where our own watchdog's thread gets no turn; STATUS= what `systemctl status` shows; STOPPING=1.
Without systemd nothing is sent and nothing is lost. See sd_notify(3).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, MutableMapping

# How often the status line is looked at where no watchdog sets the pace.
STATUS_S = 10.0


class Notifier:
    """Made once, first thing: it takes the variables away, so that no child speaks in our name."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = environ.pop("NOTIFY_SOCKET", "")
        usec, whose = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        mine = whose in ("", str(os.getpid() if pid is None else pid))
        # How long systemd waits for a sign of life; 0 where it does not.
        self.watchdog_s = int(usec) / 1e6 if usec.isdigit() and mine and self._address else 0.0
        self._status = ""

    def __bool__(self) -> bool:
        return bool(self._address)

    def ready(self, status: str) -> None:
        self._status = status
        self._tell("READY=1", f"STATUS={_one_line(status)}")

    def stopping(self, status: str = "") -> None:
        self._tell("STOPPING=1", f"STATUS={_one_line(status or 'ending')}")

    def status(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._tell(f"STATUS={_one_line(status)}")

    def alive(self) -> None:
        if self.watchdog_s:
            self._tell("WATCHDOG=1")

    async def keep(self, status: Callable[[], str]) -> None:
        """Signs of life from inside the loop, three in the time systemd waits for one; until cancelled."""
        pause_s = min(self.watchdog_s / 3, STATUS_S) if self.watchdog_s else STATUS_S
        while True:
            self.alive()
            if self:
                self.status(status())
            await asyncio.sleep(pause_s)

    def _tell(self, *said: str) -> None:
        if not self._address:
            return
        # A leading @ is Linux' name space of sockets without a file.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.setblocking(False)
            try:
                door.sendto("\n".join(said).encode(), address)
            except OSError:
                return  # nobody listens (any more): trading does not depend on it


def _one_line(status: str) -> str:
    return " ".join(status.split())[:400]
