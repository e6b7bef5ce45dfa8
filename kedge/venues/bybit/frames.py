"""The frames of Bybit's three kinds of WebSocket: what surrounds the rows. Pure.

    public    {"topic", "type", "ts", "data", "cts"}          pong: {"ret_msg": "pong", "op": "ping", …}
    private   {"topic", "creationTime", "data": [rows]}       pong: {"op": "pong", "args": [ms], …}
    trade     {"reqId", "retCode", "op", "data", "header", …} pong: {"retCode": 0, "op": "pong", …}

Answers to requests come between the topics. The shape of an answer differs from line to line, so all of them
are read into one struct whose members are all optional.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from kedge.venues.bybit.sign import AUTH_MS, socket_signature
from kedge.venues.bybit.wire import MS, UNREADABLE, Stamp, Unreadable, Words, json_of
from kedge.venues.silence import sentence


class Frame(Struct, frozen=True):
    """Any frame of the public and the private lines. `topic` "": an answer."""

    topic: Words = ""
    type: Words = ""
    ts: Stamp | None = None
    cts: Stamp | None = None
    data: Raw = Raw(b"null")
    op: Words = ""
    success: bool | None = None
    ret_msg: Words = ""
    req_id: Words = ""


class Rows(Struct, frozen=True):
    """The `data` of a private topic, row by row."""

    data: tuple[Raw, ...]


# In place of a code that was left out: none of the venue's, so nobody knows what it means.
NOT_SAID = 999_999_999


class Answer(Struct, frozen=True, rename="camel"):
    """A frame of the trade line."""

    op: Words = ""
    req_id: Words = ""
    ret_code: int = NOT_SAID
    ret_msg: Words = ""
    data: Raw = Raw(b"null")
    ret_ext_info: Raw = Raw(b"null")
    header: Mapping[str, str | int | None] | None = None


_frame = msgspec.json.Decoder(Frame, strict=False)
_answer = msgspec.json.Decoder(Answer, strict=False)
_rows = msgspec.json.Decoder(tuple[Raw, ...])


def read_frame(frame: bytes) -> Frame | Unreadable:
    try:
        return _frame.decode(frame)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable frame ({error}): {frame[:80]!r}"))


def read_answer(frame: bytes) -> Answer | Unreadable:
    try:
        return _answer.decode(frame)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable frame ({error}): {frame[:80]!r}"))


def read_rows(data: Raw) -> tuple[Raw, ...] | Unreadable:
    try:
        return _rows.decode(data)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable rows ({error})"))


def is_pong(frame: Frame) -> bool:
    return frame.op == "pong" or frame.ret_msg == "pong"


def headers_of(answer: Answer) -> dict[str, str]:
    """The limits in an answer of the trade line, named as HTTP's are."""
    return {name.lower(): str(value) for name, value in (answer.header or {}).items() if value is not None}


# ── what we say ─────────────────────────────────────────────────────────────────────────────────

PING = json_of({"op": "ping"})


def auth(id_name: str, id: str, key: str, secret: str, now_ns: int) -> bytes:
    """`id_name` is "req_id" on the private line and "reqId" on the trade line."""
    expires_ms = now_ns // MS + AUTH_MS
    return json_of(
        {id_name: id, "op": "auth", "args": [key, expires_ms, socket_signature(secret, expires_ms)]}
    )


def subscribe(id: str, topics: Sequence[str]) -> bytes:
    return json_of({"req_id": id, "op": "subscribe", "args": list(topics)})


def unsubscribe(id: str, topics: Sequence[str]) -> bytes:
    return json_of({"req_id": id, "op": "unsubscribe", "args": list(topics)})
