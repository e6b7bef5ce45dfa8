"""The certificate of a testnet that speaks TLS: the one that was given, or one of its own.

It names localhost and the loopback addresses, it is nobody's authority, and it is kept beside the state file,
so that clients which trust it go on trusting it after a restart. Without a state file it is in a folder of
its own, for as long as the machine keeps such folders.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import tempfile
from pathlib import Path

from msgspec import Struct

from kedge.sim.testnet.options import LOOPBACK, Options

YEARS = 20
NEEDED = (
    "a certificate of its own needs the package cryptography; install it (pip install 'kedge[keys]'),"
    " or give one with --cert and --cert-key"
)


class Certificate(Struct, frozen=True):
    """`path` is of the chain, which clients are to trust."""

    path: str
    chain: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"Certificate({self.path!r})"


def certificate(options: Options, birth: str) -> Certificate:
    """Raises `OSError` or `ValueError` (one sentence) where there is none."""
    if options.cert:
        chain = Path(options.cert).read_bytes()
        key = Path(options.cert_key).read_bytes() if options.cert_key else chain
        return Certificate(options.cert, chain, key)
    if options.state:
        path = Path(f"{options.state}.pem").absolute()
    else:
        path = Path(tempfile.mkdtemp(prefix=f"kedge-tinvest-{birth}-")) / "tls.pem"
    secret = path.with_suffix(".key")
    if not (path.exists() and secret.exists()):
        chain, key = made(options.host)
        _write(secret, key, 0o600)
        _write(path, chain, 0o644)
    return Certificate(str(path), path.read_bytes(), secret.read_bytes())


def made(host: str) -> tuple[bytes, bytes]:
    """A new certificate and its key, in PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise ValueError(NEEDED) from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kedge sim tinvest")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(one)) for one in _addresses(host)]
    began = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began.replace(year=began.year + YEARS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return built.public_bytes(serialization.Encoding.PEM), secret


def _addresses(host: str) -> list[str]:
    found = [LOOPBACK, "::1"]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return found
    return found if host in found else [*found, host]


def _write(path: Path, body: bytes, mode: int) -> None:
    """Nobody else may read the key, at no moment."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
