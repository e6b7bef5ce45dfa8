"""Who we are, proven to Binance: signatures over a query string, a form body, or the params of a WS API call.

Binance knows three kinds of keys. A secret that begins like a PEM file is a private key (Ed25519 or RSA, told
apart by what is inside); any other secret is an HMAC one. What is signed:

    REST      the query, then the body, with nothing between; percent-encoded before it is signed
    WS API    all params sorted by name, `k=v` joined by "&", as UTF-8, *not* percent-encoded

Shared by spot and USDⓈ-M. Nothing here shows a secret: not in a repr, not in the sentence of what is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Literal, Protocol
from urllib.parse import quote

KeyKind = Literal["hmac", "ed25519", "rsa"]
# What a parameter may be; numbers of money are text already.
Value = str | int | bool
Params = Mapping[str, Value]

PEM = "-----BEGIN"
NO_SECRET = "no secret is set for this account: put the API key and its secret into the settings"
NO_CRYPTOGRAPHY = (
    "Ed25519 and RSA keys need the package `cryptography`, which is not installed: pip install kedge[keys],"
    " or use an HMAC key"
)
ENCRYPTED = "the private key is protected by a password: store it without one, in a file only you can read"
UNREADABLE = (
    "the secret looks like a private key but cannot be read: give the whole PEM file, from BEGIN to END"
)
WRONG_KIND = "the private key is of a kind Binance does not take: make an Ed25519 key (or RSA, 2048 bits)"
NOT_PLAIN = "the secret holds characters that no Binance secret has: paste it again, without spaces around it"


class Signer(Protocol):
    kind: KeyKind

    def sign(self, payload: bytes) -> str:
        """Hexadecimal for HMAC, base64 for the others."""


def signer_of(secret: str) -> Signer | str:
    """The way to sign with this secret, or the sentence why there is none."""
    if not secret:
        return NO_SECRET
    if secret.lstrip().startswith(PEM):
        # A PEM that came through an environment variable may have its line ends spelled out.
        return _private_key(secret.strip().replace("\\n", "\n"))
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        return NOT_PLAIN
    return Hmac(secret)


class Hmac:
    kind: KeyKind = "hmac"

    def __init__(self, secret: str) -> None:
        # The key's part of the digest is computed once; each signature goes on from a copy.
        self._begun = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def sign(self, payload: bytes) -> str:
        digest = self._begun.copy()
        digest.update(payload)
        return digest.hexdigest()


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def query_of(params: Params) -> str:
    """`k=v&k=v` in the order given, percent-encoded: what is signed is what is sent."""
    return "&".join([f"{_quoted(name)}={_quoted(text_of(value))}" for name, value in params.items()])


def sealed(query: str, signer: Signer, body: str = "") -> str:
    """An encoded query with its signature at the end. `body`, encoded too, is signed with it, sent apart."""
    signature = _quoted(signer.sign((query + body).encode()))
    return f"{query}&signature={signature}" if query else f"signature={signature}"


def signed_query(params: Params, signer: Signer, body: str = "") -> str:
    return sealed(query_of(params), signer, body)


def target_of(path: str, params: Params) -> str:
    query = query_of(params)
    return f"{path}?{query}" if query else path


def signed_target(path: str, params: Params, signer: Signer) -> str:
    """Path and query of a signed request whose parameters are all in the query."""
    return f"{path}?{signed_query(params, signer)}"


# ── WS API ──────────────────────────────────────────────────────────────────────────────────────


def ws_payload(params: Params) -> str:
    # The names alone are sorted: to compare pairs costs three times as much.
    return "&".join([f"{name}={text_of(params[name])}" for name in sorted(params)])


def signed_params(params: Params, signer: Signer) -> dict[str, Value]:
    """The params of a WS API call, `apiKey` and `timestamp` among them, with their signature."""
    return {**params, "signature": ws_signature(params, signer)}


def ws_signature(params: Params, signer: Signer) -> str:
    return signer.sign(ws_payload(params).encode())


def text_of(value: Value) -> str:
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# What percent-encoding leaves as it is, which is nearly all that we ever say.
_is_plain = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII).fullmatch


def _quoted(text: str) -> str:
    return text if _is_plain(text) else quote(text, safe="")


# ── time windows ────────────────────────────────────────────────────────────────────────────────

RECV_WINDOW_MAX_MS = 60_000
NS_PER_MS = 1_000_000


def window(now_ns: int, valid_until_ns: int, skew_ns: int) -> tuple[int, int] | None:
    """`timestamp` and `recvWindow`, in ms, of a request that must not take effect after `valid_until_ns`.

    Both moments are of our clock; `skew_ns` is the venue's clock less ours. Each is rounded so that the venue
    stops no later than asked. None: there is no whole millisecond left.
    """
    timestamp_ms = (now_ns + skew_ns) // NS_PER_MS
    window_ms = (valid_until_ns + skew_ns) // NS_PER_MS - timestamp_ms
    if window_ms <= 0:
        return None
    return timestamp_ms, min(window_ms, RECV_WINDOW_MAX_MS)


# ── private keys ────────────────────────────────────────────────────────────────────────────────


class _PrivateKey:
    """`_sign` holds the key; nothing prints it."""

    def __init__(self, kind: KeyKind, sign: Callable[[bytes], bytes]) -> None:
        self.kind = kind
        self._sign = sign

    def sign(self, payload: bytes) -> str:
        return base64.b64encode(self._sign(payload)).decode()


def _private_key(pem: str) -> Signer | str:
    """Read a PEM. The package that can is only asked for by those who have such a key."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return NO_CRYPTOGRAPHY
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        return ENCRYPTED
    except (ValueError, UnsupportedAlgorithm):
        return UNREADABLE
    if isinstance(key, Ed25519PrivateKey):
        return _PrivateKey("ed25519", key.sign)
    if isinstance(key, RSAPrivateKey):
        rsa = key
        return _PrivateKey("rsa", lambda payload: rsa.sign(payload, PKCS1v15(), SHA256()))
    return WRONG_KIND
