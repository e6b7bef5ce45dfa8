"""Where a desk is: the socket file of a home here, or `tls://host:port` of a gate on another machine.

    tls://trade.example.org:8322     with a token, and with `ca` where its certificate is one of your own
    tcp://127.0.0.1:8322             in the clear: the end of a tunnel on this machine, nothing else

The command line, the desk process and `connect` all find it here: what was asked for, KEDGE_GATE, `[desk]
gate` of the home's settings, and else the home's own socket.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from kedge import home as homes
from kedge import settings
from kedge.client.shared import DeskAway, Refused
from kedge.home import Home
from kedge.model import frames
from kedge.settings import DeskSettings, Secrets, SettingsWrong

GATE, GATE_CA, GATE_TOKEN = "KEDGE_GATE", "KEDGE_GATE_CA", "KEDGE_GATE_TOKEN"
SCHEMES = ("tls://", "tcp://")
# A farewell that is not answered is not waited for.
FAREWELL_S = 1.0
# A desk that has vanished (its machine lost power) is noticed after about a minute.
ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000))

_ADDRESS = re.compile(
    r"^(tls|tcp)://(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})\Z"
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class FarGate(Struct, frozen=True):
    """A gate on another machine. The token is shown to it alone."""

    host: str
    port: int
    token: str
    tls: bool = True
    ca: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'tcp'}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"FarGate({self})"

    def exists(self) -> bool:
        """As a socket file would: whether it is there is known when somebody has asked."""
        return True


Gate = Path | FarGate


def is_far(where: object) -> bool:
    return isinstance(where, str) and where.startswith(SCHEMES)


def far_gate(address: str, token: str, ca: str = "") -> FarGate:
    """Raises `Refused` where that is no address, or no token is there to show."""
    read = _ADDRESS.match(address)
    if read is None or int(read["port"]) > 65535:
        raise Refused(f"{address!r} is no gate; write it like tls://trade.example.org:8322", "usage")
    host, tls = read["six"] or read["host"], read[1] == "tls"
    if not tls and host not in _LOOPBACK:
        raise Refused(f"{address}: tokens do not travel in the clear; write tls:// instead", "usage")
    if not token:
        raise Refused(f"the gate {address} asks for a token; none was given", "usage")
    return FarGate(host, int(read["port"]), token, tls, ca)


def gate_of(home: Home, gate: str = "", environ: Mapping[str, str] = os.environ) -> Gate:
    """The gate of a home: the one asked for, the environment's, its settings', or its own socket.

    Raises `SettingsWrong` and `Refused`.
    """
    try:
        chosen = settings.load(home.settings, environ).desk
    except SettingsWrong:
        # A typing mistake must not stand between a person and the kill switch.
        chosen = DeskSettings()
    asked = gate or environ.get(GATE, "")
    address = asked or chosen.gate
    if not address:
        return home.socket(settings.cell_of(home, environ))
    name = chosen.gate_token
    token = Secrets(home.secrets, environ).find(name, f"the gate {address}").reveal()
    return far_gate(address, token, environ.get(GATE_CA, "") or chosen.gate_ca)


def gate_at(where: str | Path | FarGate | None, token: str = "", ca: str = "") -> Gate:
    """What `connect` was given: an address, a home, a socket file, or nothing."""
    if isinstance(where, FarGate):
        return where
    if isinstance(where, str) and is_far(where):
        return far_gate(where, token or os.environ.get(GATE_TOKEN, ""), ca or os.environ.get(GATE_CA, ""))
    home = homes.find(where)
    if home.root.suffix == ".sock":
        return home.root
    return gate_of(home, environ=_without_gate(os.environ) if where else os.environ)


def _without_gate(environ: Mapping[str, str]) -> dict[str, str]:
    """A home that was named outright is not another one because of a variable."""
    return {name: value for name, value in environ.items() if name != GATE}


# ── opening ─────────────────────────────────────────────────────────────────────────────────────


async def open_gate(where: Gate) -> Streams:
    """A connection to it. Raises `DeskAway`, `Refused`."""
    if isinstance(where, FarGate):
        return await _open_far(where)
    try:
        return await asyncio.open_unix_connection(str(where), limit=frames.LINE_BYTES_MAX + 1)
    except PermissionError:
        raise Refused(f"{where} belongs to another user", "denied") from None
    except (OSError, ValueError):
        raise DeskAway(f"no desk is running here ({where}); start it with: kedge up") from None


async def _open_far(where: FarGate) -> Streams:
    tls = _trusting(where.ca, _changed_ns(where.ca)) if where.tls else None
    more = {"ssl_shutdown_timeout": FAREWELL_S} if tls else {}
    try:
        reader, writer = await asyncio.open_connection(
            where.host, where.port, ssl=tls, limit=frames.LINE_BYTES_MAX + 1, **more
        )
    except ssl.SSLCertVerificationError as error:
        says = f"the certificate of {where} is not trusted ({error.verify_message or error.reason}); name the"
        raise Refused(f"{says} file with its own, or its issuer's, by `ca`", "denied") from None
    except ssl.SSLError as error:
        raise DeskAway(f"{where} does not speak TLS as it should ({error.reason})") from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error.strerror or type(error).__name__
        raise DeskAway(f"no desk answers at {where} ({why})") from None
    line: socket.socket = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ALIVE:
        if hasattr(socket, name):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return reader, writer


@lru_cache(maxsize=8)
def _trusting(ca: str, changed_ns: int) -> ssl.SSLContext:
    """Made once per file and content: reading a machine's certificates takes its time."""
    try:
        made = ssl.create_default_context(cafile=str(Path(ca).expanduser()) if ca else None)
    except (OSError, ssl.SSLError):
        raise Refused(f"`ca` {ca} holds no certificate that can be read", "usage") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _changed_ns(ca: str) -> int:
    try:
        return os.stat(Path(ca).expanduser()).st_mtime_ns if ca else 0
    except OSError:
        return 0
