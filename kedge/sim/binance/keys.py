"""Who asks: API keys, signatures over exactly what was sent, and whether the request is young enough.

REST signs the query string followed by the body, as they were sent, without the signature itself. The
WebSocket API signs all parameters sorted by name, `name=value` joined with "&", not percent-encoded.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from kedge.model.numbers import exact
from kedge.sim.binance.common import DECIMAL, MS, Params, Refused, illegal, missing, moment_ns
from kedge.sim.binance.signatures import BadKey, verify
from kedge.sim.testnet.keys import ApiKey

WINDOW_MS = 5_000
WINDOW_MAX_MS = 60_000
AHEAD_NS = 1_000 * MS
KEY_MAX = 128


def is_asymmetric(key: ApiKey) -> bool:
    """Whether it signs with a private key of its own; else by HMAC."""
    return key.secret.lstrip().startswith("-----BEGIN")


class Keys(Protocol):
    def get(self, name: str, /) -> ApiKey | None: ...


def key_of(keys: Keys, name: str, peer: str, *, trades: bool = False) -> ApiKey:
    """The key of this name, if it may do that from there."""
    if not name or len(name) > KEY_MAX or not name.isascii():
        raise Refused(-2014, "API-key format invalid.", 401)
    key = keys.get(name)
    if key is None or not key.admits(peer) or not (key.trades if trades else key.reads):
        raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return key


def check_http(key: ApiKey, query: str, body: bytes, params: Params, now_ns: int) -> int:
    """Check signature and time of a REST request; until when it is valid."""
    signature = _signature(params)
    until_ns = check_time(params, now_ns)
    payload = unsigned(query).encode() + unsigned(body.decode(errors="replace")).encode()
    if not _good(key, payload, signature):
        raise Refused(-1022, "Signature for this request is not valid.")
    return until_ns


def check_socket(key: ApiKey, params: Params, now_ns: int) -> int:
    """Check signature and time of a request of a WebSocket API; until when it is valid."""
    signature = _signature(params)
    until_ns = check_time(params, now_ns)
    if not _good(key, socket_payload(params.values).encode(), signature):
        raise Refused(-1022, "Signature for this request is not valid.")
    return until_ns


def check_time(params: Params, now_ns: int) -> int:
    """-1021 where the request is too old, or of the future; else the last moment of its window."""
    if not params.has("timestamp"):
        raise missing("timestamp")
    sent_ns = moment_ns(params.integer("timestamp"))
    window_ns = _window_ns(params)
    if sent_ns >= now_ns + AHEAD_NS:
        raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ns - sent_ns > window_ns:
        raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")
    return sent_ns + window_ns


def unsigned(raw: str) -> str:
    """The string without its signature: what the signature is made over."""
    return "&".join(part for part in raw.split("&") if not part.startswith("signature="))


def socket_payload(values: Mapping[str, str]) -> str:
    return "&".join(f"{name}={values[name]}" for name in sorted(values) if name != "signature")


def sign(secret: str, payload: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def _signature(params: Params) -> str:
    params.has("recvWindow")
    if not params.has("timestamp"):
        raise missing("timestamp")
    return params.need("signature")


def _window_ns(params: Params) -> int:
    if not params.has("recvWindow"):
        return WINDOW_MS * MS
    sent = params.text("recvWindow")
    whole, _, rest = sent.partition(".")
    if not DECIMAL.fullmatch(sent) or len(rest) > 3 or len(whole) > 12:
        raise illegal("recvWindow", DECIMAL)
    window = exact(sent)
    if window > WINDOW_MAX_MS:
        raise Refused(-1131, f"recvWindow must be less than {WINDOW_MAX_MS}")
    return int(window * Decimal(MS))


def _good(key: ApiKey, payload: bytes, signature: str) -> bool:
    if is_asymmetric(key):
        try:
            return verify(key.secret, payload, signature)
        except BadKey:
            return False
    due = sign(key.secret, payload)
    return hmac.compare_digest(due.encode(), signature.lower().encode())
