"""Pages of history, newest first, and the cursor to the next.

A cursor names the last row that was shown, so that new rows do not move what follows. With `shifting` it
counts rows instead, as some of the venue's own do: then new rows push old ones onto the next page again, and
rows that went away pull others past the reader. A full page has a cursor, whether more follows or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar
from urllib.parse import quote, unquote

from kedge.sim.bybit import codes
from kedge.sim.bybit.params import Refused


class Numbered(Protocol):
    @property
    def number(self) -> int: ...


R = TypeVar("R", bound=Numbered)


def page(rows: Iterable[R], cursor: str, limit: int, *, shifting: bool = False) -> tuple[list[R], str]:
    """The rows of this page (their numbers fall), and the next cursor; "" when there is none."""
    kind, at = _read(cursor)
    found: list[R] = []
    skipped = 0
    for row in rows:
        if kind == "before" and row.number >= at:
            continue
        if kind == "skip" and skipped < at:
            skipped += 1
            continue
        found.append(row)
        if len(found) == limit:
            break
    if len(found) < limit:
        return found, ""
    if shifting:
        return found, quote(f"page_token={(at if kind == 'skip' else 0) + limit}&", safe="")
    return found, quote(f"page_args={found[-1].number:x}&", safe="")


def unescaped(cursor: str) -> str:
    """As it was made, however often it was escaped on the way."""
    for _ in range(3):
        cursor = unquote(cursor)
    return cursor


def _read(cursor: str) -> tuple[str, int]:
    if not cursor:
        return "", 0
    name, _, value = cursor.rstrip("&").partition("=")
    try:
        if name == "page_token":
            return "skip", int(value)
        if name == "page_args":
            return "before", int(value, 16)
    except ValueError:
        pass
    raise Refused(codes.bad("cursor invalid"))
