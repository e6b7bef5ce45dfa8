"""Signatures of Bybit V5: the rule, and the headers that carry it. Pure.

    REST        timestamp + key + receive window + (the query as sent | the body as sent)
    WebSocket   "GET/realtime" + the moment at which the signature expires

HMAC-SHA256 with the secret, in small hex digits. A secret that is an RSA private key is not supported.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from kedge.venues.bybit.wire import MS
from kedge.venues.rest import Call
from kedge.venues.wires import Headers, HttpAsk

# The venue's own default, used where a request has no last moment.
WINDOW_MS = 5_000
# How long a WebSocket's signature may be under way.
AUTH_MS = 10_000


@lru_cache(64)
def _begun(secret: str) -> hmac.HMAC:
    """The key's part of the digest is computed once; each signature goes on from a copy."""
    return hmac.new(secret.encode(), digestmod=hashlib.sha256)


def hex_hmac(secret: str, *parts: bytes) -> str:
    digest = _begun(secret).copy()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def rest_signature(secret: str, key: str, stamp_ms: int, window_ms: int, payload: bytes) -> str:
    """`payload` is the query of a GET and the body of a POST, to the letter."""
    return hex_hmac(secret, f"{stamp_ms}{key}{window_ms}".encode(), payload)


def socket_signature(secret: str, expires_ms: int) -> str:
    return hex_hmac(secret, f"GET/realtime{expires_ms}".encode())


def window_ms(now_ns: int, valid_until_ns: int) -> tuple[int, int]:
    """The time stamp and the receive window, whose sum is the request's last moment.

    The venue takes a request while `server time <= stamp + window`. Both are rounded so that their sum is
    never later than what was meant.
    """
    stamp_ms = now_ns // MS
    if not valid_until_ns:
        return stamp_ms, WINDOW_MS
    return stamp_ms, max(1, valid_until_ns // MS - stamp_ms)


def sign(call: Call, key: str, secret: str, now_ns: int) -> HttpAsk:
    """The HTTP request of a call as it leaves now."""
    target = f"{call.path}?{call.query}" if call.query else call.path
    if not call.signed:
        return HttpAsk(call.method, target, (), call.body)
    stamp_ms, window = window_ms(now_ns, call.valid_until_ns)
    payload = call.body if call.method == "POST" else call.query.encode()
    headers: Headers = (
        ("X-BAPI-API-KEY", key),
        ("X-BAPI-TIMESTAMP", str(stamp_ms)),
        ("X-BAPI-RECV-WINDOW", str(window)),
        ("X-BAPI-SIGN", rest_signature(secret, key, stamp_ms, window, payload)),
    )
    if call.method == "POST":
        headers = (*headers, ("Content-Type", "application/json"))
    return HttpAsk(call.method, target, headers, call.body)
