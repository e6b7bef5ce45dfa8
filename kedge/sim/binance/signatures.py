"""RSA (PKCS #1 v1.5, SHA-256) and Ed25519 signatures checked with whole numbers alone. Pure.

A simulator checks a few signatures a second, so it needs no library for them: RFC 8017 section 8.2.2 and
RFC 8032 section 5.1.7, straight from the text. Checking uses public values only; nothing secret is here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import lru_cache

PEM_MAX = 8_192


class BadKey(ValueError):
    """Not a public key that is known here; the text says why."""


def verify(pem: str, message: bytes, signature: str) -> bool:
    """Whether this base64 signature of the message was made by the owner of the public key."""
    try:
        signed = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    kind, numbers = read_public_key(pem)
    if kind == "ed25519":
        return _ed25519(numbers[0], message, signed)
    return _rsa(numbers[0], numbers[1], message, signed)


def is_ed25519(pem: str) -> bool:
    """False for anything else, unreadable keys too."""
    try:
        return read_public_key(pem)[0] == "ed25519"
    except BadKey:
        return False


# ── keys ────────────────────────────────────────────────────────────────────────────────────────

_ED25519 = bytes.fromhex("2b6570")
_RSA = bytes.fromhex("2a864886f70d010101")


@lru_cache(maxsize=64)
def read_public_key(pem: str) -> tuple[str, tuple[int, ...]]:
    """A SubjectPublicKeyInfo: ("ed25519", (point,)) or ("rsa", (modulus, exponent)). Raises `BadKey`."""
    lines = [line.strip() for line in pem.strip().splitlines()]
    if len(pem) > PEM_MAX or len(lines) < 3 or lines[0] != "-----BEGIN PUBLIC KEY-----":
        raise BadKey("It is not a public key in PEM.")
    try:
        body = base64.b64decode("".join(lines[1:-1]), validate=True)
        _, info, _ = _item(body)
        _, algorithm, rest = _item(info)
        _, name, _ = _item(algorithm)
        _, bits, _ = _item(rest)
        if name == _ED25519 and len(bits) == 33:
            return "ed25519", (int.from_bytes(bits[1:], "little"),)
        if name == _RSA:
            _, pair, _ = _item(bits[1:])
            _, modulus, rest = _item(pair)
            _, exponent, _ = _item(rest)
            return "rsa", (int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
    except (binascii.Error, ValueError, IndexError):
        raise BadKey("The public key cannot be read.") from None
    raise BadKey("The key is neither RSA nor Ed25519.")


def _item(der: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, what follows) of the first item in DER."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[2 : 2 + count], "big")
        start = 2 + count
    if start + length > len(der):
        raise ValueError("cut short")
    return tag, der[start : start + length], der[start + length :]


# ── RSA ─────────────────────────────────────────────────────────────────────────────────────────

_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def _rsa(modulus: int, exponent: int, message: bytes, signature: bytes) -> bool:
    size = (modulus.bit_length() + 7) // 8
    if len(signature) != size or size < 128:
        return False
    found = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    tail = _SHA256_INFO + hashlib.sha256(message).digest()
    return found == b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail


# ── Ed25519 ─────────────────────────────────────────────────────────────────────────────────────

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

# (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z.
Point = tuple[int, int, int, int]


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _same(one: Point, two: Point) -> bool:
    return (one[0] * two[2] - two[0] * one[2]) % _P == 0 and (one[1] * two[2] - two[1] * one[2]) % _P == 0


def _point(number: int) -> Point | None:
    """The point that 32 little-endian bytes stand for; None where there is none."""
    odd, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and odd):
        return None
    if x & 1 != odd:
        x = _P - x
    return x, y, 1, x * y % _P


_y = 4 * pow(5, _P - 2, _P) % _P
_BASE = _point(_y)


def _ed25519(key: int, message: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    owner = _point(key)
    nonce = _point(int.from_bytes(signature[:32], "little"))
    scalar = int.from_bytes(signature[32:], "little")
    if owner is None or nonce is None or scalar >= _L:
        return False
    assert _BASE is not None
    told = hashlib.sha512(signature[:32] + key.to_bytes(32, "little") + message).digest()
    challenge = int.from_bytes(told, "little") % _L
    return _same(_times(scalar, _BASE), _add(nonce, _times(challenge, owner)))
