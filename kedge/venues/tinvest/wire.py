"""T-Invest's wire: message bytes to Python and back, numbers, times, keys. Pure.

A quotation is units and billionths with one sign: both go into one exact Decimal, and back. Whatever cannot
be read is a value (`Unreadable`) with a sentence, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, Protocol, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct

from kedge.model.ids import as_uuid
from kedge.model.numbers import LIMIT, ZERO
from kedge.protos.tinvest.common_pb2 import MoneyValue, Quotation
from kedge.venues.silence import sentence

PACKAGE: Final = "tinkoff.public.invest.api.contract.v1"
SECOND_NS: Final = 1_000_000_000
MS: Final = 1_000_000
NANO: Final = Decimal("1e-9")
_WHOLE: Final = 1_000_000_000

M = TypeVar("M", bound=Message)


class Unreadable(Struct, frozen=True):
    why: str


class Parts(Protocol):
    """A quotation, or a sum of money."""

    units: int
    nano: int


# ── messages ────────────────────────────────────────────────────────────────────────────────────


def read(kind: type[M], body: bytes) -> M | Unreadable:
    try:
        message = kind()
        message.ParseFromString(body)
        return message
    except DecodeError as error:
        return Unreadable(sentence(f"a {kind.__name__} cannot be read: {error}"))


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


def number(parts: Parts) -> Decimal:
    """Exact; a number beyond what is traded with is the reader's to refuse (`sane`)."""
    return _decimal(parts.units, parts.nano)


@lru_cache(16_384)  # a feed names the same prices over and over
def _decimal(units: int, nano: int) -> Decimal:
    if not nano:
        return Decimal(units)
    # With a fraction there is nothing before the point that `normalize` could shorten.
    return Decimal(units * _WHOLE + nano).scaleb(-9).normalize()


def sane(value: Decimal) -> bool:
    return abs(value) < LIMIT


def quotation(value: Decimal) -> Quotation:
    units, nano = _parts(value)
    return Quotation(units=units, nano=nano)


def money(value: Decimal, currency: str) -> MoneyValue:
    units, nano = _parts(value)
    return MoneyValue(units=units, nano=nano, currency=currency)


def _parts(value: Decimal) -> tuple[int, int]:
    scaled = value.scaleb(9)
    whole = int(scaled)
    assert whole == scaled, f"{value} is finer than a billionth"
    sign = -1 if whole < 0 else 1
    units, nano = divmod(abs(whole), _WHOLE)
    return sign * units, sign * nano


def has(message: Message, field: str) -> bool:
    """Whether a field that is a message is there at all."""
    return message.HasField(field)


def money_or_zero(message: Message, field: str) -> Decimal:
    return number(getattr(message, field)) if message.HasField(field) else ZERO


# ── times ───────────────────────────────────────────────────────────────────────────────────────


def ns_of(stamp: Timestamp) -> int:
    return stamp.seconds * SECOND_NS + stamp.nanos


def stamp(ns: int) -> Timestamp:
    return Timestamp(seconds=ns // SECOND_NS, nanos=ns % SECOND_NS)


# ── keys ────────────────────────────────────────────────────────────────────────────────────────


def key_of(client_id: str) -> str:
    """Our id as the venue's idempotency key; what is none of ours is left as it is."""
    return as_uuid(client_id) if len(client_id) == 32 else client_id


def client_id_of(key: str) -> str:
    """The key in our spelling; "" where the venue shows none."""
    plain = key.replace("-", "").lower()
    if len(plain) == 32 and all(letter in "0123456789abcdef" for letter in plain):
        return plain
    return key


def is_no_key(key: str) -> bool:
    """Whether no desk has made it: a desk's ids do not look like random UUIDs. Then the order is somebody
    else's, or one that a stop order has become."""
    plain = client_id_of(key)
    return len(plain) != 32 or (plain[12] == "4" and plain[16] in "89ab")


# ── what comes beside a reply ───────────────────────────────────────────────────────────────────


class Pace(Struct, frozen=True):
    """What the headers say of a method's limit: so many a minute, so many left, and until when."""

    limit: int = 0
    remaining: int = -1
    reset_ns: int = 0


def pace_of(metadata: Mapping[str, str]) -> Pace:
    """`x-ratelimit-limit` is "300, 300;w=60"; what is not there, or no number, says nothing."""
    limit = _whole(metadata.get("x-ratelimit-limit", "").partition(",")[0], 0)
    remaining = _whole(metadata.get("x-ratelimit-remaining", ""), -1)
    return Pace(limit, remaining, max(0, _whole(metadata.get("x-ratelimit-reset", ""), 0)) * SECOND_NS)


def _whole(text: str, otherwise: int) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise
