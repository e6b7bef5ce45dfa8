"""A list as CSV: all rows of the filter, streamed, with exact numbers and ISO times.

A spreadsheet runs a text that begins like a formula. Such a text is written with an apostrophe before it;
numbers are not touched.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from kedge.desk import screens
from kedge.desk.web.lists.cells import SECOND_NS, moment
from kedge.model.numbers import text

# Rows that one piece of the stream holds.
PIECE = 500
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def guarded(value: str) -> str:
    """Text that a spreadsheet takes as text."""
    return f"'{value}" if value.startswith(_RISKY) else value


def plain(name: str, value: Any) -> str:
    """One field, as programs read it again."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return text(value)
    if name.endswith("_ns"):
        return iso(value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return guarded(msgspec.json.encode(screens.plain(value)).decode()) if value else ""
    return guarded("" if value is None else str(value))


def iso(ns: int) -> str:
    """UTC with nanoseconds: as exact as the record. "" for never."""
    if not ns:
        return ""
    return f"{moment(ns):%Y-%m-%dT%H:%M:%S}.{ns % SECOND_NS:09d}Z"


def pieces(columns: tuple[str, ...], rows: Iterator[Any]) -> Iterator[bytes]:
    """The file, piece by piece; the first begins with a mark by which spreadsheets know that it is UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    out.write("\ufeff")
    writer.writerow([name.removesuffix("_ns") for name in columns])
    waiting = 0
    for row in rows:
        writer.writerow([plain(name, getattr(row, name)) for name in columns])
        waiting += 1
        if waiting == PIECE:
            yield _taken(out)
            waiting = 0
    yield _taken(out)


def _taken(out: io.StringIO) -> bytes:
    body = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return body
