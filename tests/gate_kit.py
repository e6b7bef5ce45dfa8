"""A gate that listens by TCP, with a certificate made for the test, and callers that speak plain lines."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake_port import FakePort

from kedge.runtime.gate import Door
from kedge.runtime.gate_tcp import TcpGate, keys_of
from kedge.settings import GateSettings, Secrets, TokenSettings

LOOK, TRADE, ADMIN = ("l" * 32, "t" * 32, "a" * 32)
SECRETS = {"GATE_LOOK": LOOK, "GATE_TRADE": TRADE, "GATE_ADMIN": ADMIN}
TOKENS = (
    TokenSettings("board", "GATE_LOOK", "look"),
    TokenSettings("robot", "GATE_TRADE", "trade"),
    TokenSettings("pages", "GATE_ADMIN", "admin"),
)


@cache
def pair(name: str = "localhost") -> tuple[bytes, bytes]:
    """A certificate that vouches for itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName(
        [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    today = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - day)
        .not_valid_after(today + 30 * day)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return made.public_bytes(pem), private


def write_pair(folder: Path, name: str = "localhost") -> tuple[str, str]:
    """The two files, by name: certificate and key."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for what, body in zip(("gate.pem", "gate.key"), pair(name), strict=True):
        (folder / what).write_bytes(body)
        found.append(str(folder / what))
    return found[0], found[1]


def secrets_of(folder: Path) -> Secrets:
    return Secrets(folder / "none.toml", SECRETS)


@contextlib.asynccontextmanager
async def a_far_gate(
    port: FakePort,
    folder: Path,
    *,
    tls: bool = True,
    warned: list[str] | None = None,
    bugs: list[BaseException] | None = None,
    host: str = "127.0.0.1",
    **bounds: float,
) -> AsyncIterator[TcpGate]:
    """Open on a free port of this machine; a bug that no test expects fails it."""
    cert, key = write_pair(folder) if tls else ("", "")
    settings = GateSettings(listen=f"{host}:0", cert=cert, key=key, tokens=TOKENS, **bounds)  # type: ignore[arg-type]
    found: list[BaseException] = [] if bugs is None else bugs
    door = Door(port, "main", settings, found.append)
    keys = keys_of(settings, secrets_of(folder))
    assert keys is not None
    gate = TcpGate(door, settings, keys, (warned if warned is not None else []).append)
    await gate.open()
    try:
        yield gate
    finally:
        await gate.close()
    assert bugs is not None or not found, found


def port_of(gate: TcpGate) -> int:
    return int(gate.address.rpartition(":")[2])


def trusting(folder: Path, **wishes: ssl.TLSVersion) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(folder / "gate.pem"))
    for name, value in wishes.items():
        setattr(made, name, value)
    return made


async def knock(gate: TcpGate, folder: Path | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    tls = trusting(folder) if folder is not None else None
    more = {"ssl_shutdown_timeout": 1.0} if tls else {}
    return await asyncio.open_connection("127.0.0.1", port_of(gate), ssl=tls, limit=1 << 26, **more)


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """Everything that is said until the line is cut."""
    found = b""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(20):
            while more := await reader.read(1 << 16):
                found += more
    return found


@contextlib.contextmanager
def far_desk_in_a_thread(port: FakePort, folder: Path) -> Iterator[str]:
    """For code that runs its own loop, such as the command line: its address."""
    ready = threading.Event()
    said: list[str] = []
    stop: list[Callable[[], object]] = []

    async def run() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with a_far_gate(port, folder) as gate:
            said.append(gate.address)
            stop.append(lambda: loop.call_soon_threadsafe(over.set))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    try:
        yield said[0]
    finally:
        stop[0]()
        thread.join(10)
        assert not thread.is_alive()
