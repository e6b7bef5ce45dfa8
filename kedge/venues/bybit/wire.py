"""What every part of the Bybit V5 dialect shares: the envelope of a reply, numbers, times, questions. Pure.

Written from the venue's public documents (2026-07-24). Nothing here raises for what arrives: what cannot be
read is an `Unreadable` with a sentence. An empty string where the documents promise a number is not a zero.

    sign.py         signatures and the headers that carry them
    errors.py       what each code means for a request, and how a person mends it
    instruments.py  the list of instruments, and Kedge's names for them
    orders.py       what we ask for: orders, batches, settings
    account.py      what the venue says of us: orders, executions, cash, balances, positions, the key
    public.py       what the venue says of its markets: books, tickers, trades, bars
    frames.py       the frames of its WebSockets around all that
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.numbers import ZERO, BadNumber, exact
from kedge.venues.silence import sentence

Category = Literal["linear", "inverse", "spot"]
CATEGORIES: Final[tuple[Category, ...]] = ("linear", "inverse", "spot")

MS = 1_000_000

# Names and ids; the venue's own are far shorter.
Word = Annotated[str, Meta(max_length=256)]
# Optional texts come as "", are left out, or are null, as the endpoint likes.
Words = Annotated[str, Meta(max_length=256)] | None
# A number as text. Decimals of any size would make arithmetic expensive: `number` looks first.
Number = Annotated[str, Meta(max_length=64)]
Numbers = Annotated[str, Meta(max_length=64)] | None
# Milliseconds since 1970: an integer in some messages, digits in others.
Stamp = int | Annotated[str, Meta(max_length=20)]

_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,2})?", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)

# What a decoder may raise for bytes of any kind; deep nesting ends in a RecursionError.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadNumber)


class Unreadable(Struct, frozen=True):
    """Not what the documents promise; `why` is one sentence. A value: the world may send anything."""

    why: str


class Envelope(Struct, frozen=True, rename="camel"):
    """Around every reply. HTTP says 200 even where `ret_code` says no."""

    ret_code: int
    ret_msg: str = ""
    result: Raw = Raw(b"{}")
    ret_ext_info: Raw = Raw(b"{}")
    time: int = 0


class Listed(Struct, frozen=True, rename="camel"):
    """A page: rows to be read one by one, and where the next page begins."""

    list: tuple[Raw, ...] | None = ()
    next_page_cursor: str | None = ""
    category: Words = ""


# ── reading ─────────────────────────────────────────────────────────────────────────────────────

_envelope = msgspec.json.Decoder(Envelope, strict=False)
_listed = msgspec.json.Decoder(Listed, strict=False)

S = TypeVar("S")


def read_envelope(body: bytes) -> Envelope | Unreadable:
    try:
        return _envelope.decode(body)
    except UNREADABLE as error:
        # Not further: a reply about the key goes on with the key.
        return Unreadable(sentence(f"unreadable reply ({error}): {body[:40]!r}"))


def read_listed(result: Raw | bytes) -> Listed | Unreadable:
    try:
        return _listed.decode(result)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable page ({error})"))


def read_as(raw: Raw | bytes, kind: type[S]) -> S | Unreadable:
    """One value of a known shape."""
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except UNREADABLE as error:
        return Unreadable(sentence(f"unreadable {kind.__name__} ({error})"))


# ── numbers and times: for use inside functions that catch `UNREADABLE` ─────────────────────────


def number(words: str | None) -> Decimal:
    """A number that must be there; raises `BadNumber`."""
    if words is None or _NUMBER.fullmatch(words) is None:
        raise BadNumber(f"{words!r} is not a number")
    return exact(words)


def number_or_zero(words: str | None) -> Decimal:
    """A number where the documents allow an empty text for "none"."""
    return number(words) if words else ZERO


def ns_of(stamp: Stamp | None) -> int:
    """Nanoseconds of a time in milliseconds; raises `BadNumber`."""
    if isinstance(stamp, int):
        if 0 <= stamp < 10**16:
            return stamp * MS
    elif stamp is not None and _DIGITS.fullmatch(stamp):
        return int(stamp) * MS
    raise BadNumber(f"{stamp!r} is not a time in milliseconds")


def ns_or_zero(stamp: Stamp | None) -> int:
    return ns_of(stamp) if stamp else 0


# ── writing ─────────────────────────────────────────────────────────────────────────────────────


def query_of(params: Mapping[str, str | int]) -> str:
    """The query exactly as it is signed and sent; members that are "" are left out.

    A cursor comes percent-encoded already, and is handed back as it came.
    """
    given = {name: str(value) for name, value in params.items() if value != ""}
    return "&".join(
        f"{name}={quote(value, safe='%' if name == 'cursor' else '')}" for name, value in given.items()
    )


json_of = msgspec.json.Encoder().encode


def venue_ns_of(body: bytes) -> int:
    """The venue's clock in a reply, without reading all of it; 0 where it does not say.

    `time` is the last member of the envelope; an error page of some proxy has none.
    """
    at = body.rfind(b'"time":')
    found = _TIME.match(body, at) if at >= 0 else None
    return int(found.group(1)) * MS if found else 0


_TIME = re.compile(rb'"time":\s*"?([0-9]{1,16})\b')
