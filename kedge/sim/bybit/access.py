"""Who may ask: API keys, signatures over the raw request, the time window, rights, addresses. Pure.

What is signed is what came: `timestamp + key + recv_window + (raw query | raw body)`, HMAC-SHA256 in small
hex digits. The window is `now - recv_window <= timestamp < now + 1000`, in milliseconds of the venue's clock.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from kedge.sim.bybit import codes
from kedge.sim.bybit.codes import No
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Request

WINDOW_MS = 5000
WINDOW_MS_MAX = 60_000
AHEAD_MS = 1000


class Signed(Struct, frozen=True):
    """What a request says about itself, before any of it is believed."""

    key: str
    timestamp: str
    window: str
    sign: str


class Keys(Protocol):
    """Wherever keys are kept, by their names."""

    def get(self, key: str) -> ApiKey | None: ...


def check(keys: Keys, request: Request, now_ms: int) -> ApiKey | No:
    """The key behind a request, or why there is none."""
    claim = read(request.headers)
    if not claim.key or not claim.sign:
        return codes.NO_AUTH
    key = keys.get(claim.key)
    if key is None:
        return codes.KEY_INVALID
    late = window(claim.timestamp, claim.window, now_ms)
    if late is not None:
        return late
    payload = request.query.encode() if request.method == "GET" else request.body
    due = signature(key.secret, claim.timestamp, claim.key, claim.window, payload)
    if not hmac.compare_digest(due.encode(), claim.sign.encode()):
        return codes.SIGN_WRONG
    return standing(key, request.peer)


def standing(key: ApiKey, peer: str) -> ApiKey | No:
    """Whether a key that signed rightly may be used from there."""
    return key if key.admits(peer) else codes.IP_UNMATCHED


def read(headers: Mapping[str, str]) -> Signed:
    """The four headers. Without a window the signature is made without one, and 5 s hold."""
    return Signed(
        headers.get("x-bapi-api-key", ""),
        headers.get("x-bapi-timestamp", ""),
        headers.get("x-bapi-recv-window", ""),
        headers.get("x-bapi-sign", ""),
    )


def window(timestamp: str, recv_window: str, now_ms: int) -> No | None:
    """Why the moment a request carries is not one to act on."""
    if not _is_number(timestamp) or (recv_window and not _is_number(recv_window)):
        return codes.bad("timestamp or recv_window is not a number")
    at, span = int(timestamp), int(recv_window or WINDOW_MS)
    if span > WINDOW_MS_MAX:
        return codes.bad(f"recv_window is at most {WINDOW_MS_MAX}")
    if now_ms - span <= at < now_ms + AHEAD_MS:
        return None
    return No(
        10002,
        "invalid request, please check your server timestamp or recv_window param. "
        f"req_timestamp[{at}],server_timestamp[{now_ms}],recv_window[{span}]",
    )


def signature(secret: str, timestamp: str, key: str, recv_window: str, payload: bytes) -> str:
    said = f"{timestamp}{key}{recv_window}".encode() + payload
    return hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()


def check_stream(keys: Keys, args: object, peer: str, now_ms: int) -> ApiKey | No:
    """A WebSocket's `auth`: [key, expires in ms, signature of "GET/realtime" and expires]."""
    if not isinstance(args, list) or len(args) != 3:
        return codes.bad("args of auth are [api key, expires, signature]")
    name, expires, sign = args
    if not isinstance(name, str) or not isinstance(sign, str) or isinstance(expires, bool):
        return codes.bad("args of auth are [api key, expires, signature]")
    if not _is_number(str(expires)):
        return codes.bad("expires is a number of milliseconds")
    key = keys.get(name)
    if key is None:
        return codes.KEY_INVALID
    if int(str(expires)) <= now_ms:
        return No(10002, f"Params Error: expires[{expires}] is not later than server time[{now_ms}]")
    due = hmac.new(key.secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(due.encode(), sign.encode()):
        return codes.SIGN_WRONG
    return standing(key, peer)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 16
