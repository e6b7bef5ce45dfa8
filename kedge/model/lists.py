"""Named lists that people keep while the desk runs: tickers, levels, sums, times.

Some names are known, and what they hold is checked; any other name is a list of one's own. Every list is kept
as texts in their order, as people wrote them, so that what is shown is what was set. A known list that
nobody has set holds its usual value.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from kedge.model.numbers import HUNDRED, ZERO, BadNumber, exact, text

LISTS_MOST = 200
ITEMS_MOST = 1000
LEVELS_MOST = 20
LETTERS_MOST = 64

SECOND_NS = 1_000_000_000

Sort = Literal["tickers", "below", "above", "sum", "time", "own"]

WHITELIST, STOP_BLACKLIST, SHORT_BLACKLIST = "whitelist", "stop-blacklist", "short-blacklist"
STOPS_LEVELS, SHORTS_LEVELS, NUKE_LEVELS = "stops-levels", "shorts-levels", "nuke-levels"
STOPS_SUM, STOPS_EXPIRY = "stops-sum", "stops-expiry"

KNOWN: dict[str, Sort] = {
    WHITELIST: "tickers",
    STOP_BLACKLIST: "tickers",
    SHORT_BLACKLIST: "tickers",
    STOPS_LEVELS: "below",
    SHORTS_LEVELS: "above",
    NUKE_LEVELS: "below",
    STOPS_SUM: "sum",
    STOPS_EXPIRY: "time",
}

USUAL: dict[str, tuple[str, ...]] = {
    WHITELIST: (),
    STOP_BLACKLIST: (),
    SHORT_BLACKLIST: (),
    STOPS_LEVELS: ("15", "20", "25"),
    SHORTS_LEVELS: ("20", "25", "30"),
    NUKE_LEVELS: ("0", "1", "5", "7"),
    STOPS_SUM: ("300000",),
    STOPS_EXPIRY: ("120m",),
}

MEANINGS: dict[str, str] = {
    WHITELIST: "what /stops and /shorts are placed for",
    STOP_BLACKLIST: "of the whitelist, what /stops leaves out",
    SHORT_BLACKLIST: "of the whitelist, what /shorts leaves out",
    STOPS_LEVELS: "how many per cent below the price /stops buys",
    SHORTS_LEVELS: "how many per cent above the price /shorts sells",
    NUKE_LEVELS: "how many per cent below the price /nuke buys",
    STOPS_SUM: "money for each order of /stops and /shorts",
    STOPS_EXPIRY: "how long orders of /stops, /shorts and /nuke stand: 120m, 8h, 7d, or none",
}

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
_ITEM = re.compile(rf"[^\s,;]{{1,{LETTERS_MOST}}}\Z")
_TIME = re.compile(r"(\d{1,5})(s|m|min|h|d)\Z")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SEPARATORS = re.compile(r"[\s,;]+")
YEAR_S = 366 * 86_400


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def split(written: str) -> tuple[str, ...]:
    """The items of what a person wrote, with commas, semicolons or spaces between; each once."""
    return tuple(dict.fromkeys(part for part in _SEPARATORS.split(written) if part))


def levels(written: tuple[str, ...]) -> tuple[Decimal, ...] | str:
    """Per cents, or the sentence that says which is none."""
    found: list[Decimal] = []
    for item in written:
        try:
            level = exact(item.removesuffix("%"))
        except BadNumber:
            return f"{item!r} is no level; write per cents like 15, 20, 25"
        if level < ZERO:
            return f"{item!r} is no level: it is below zero"
        found.append(level)
    if not found or len(found) > LEVELS_MOST:
        return f"give 1 to {LEVELS_MOST} levels, like 15, 20, 25"
    return tuple(dict.fromkeys(found))


def seconds(written: str) -> int | None:
    """How long: `120m` is 7200, `none` is 0; None where it is neither."""
    if written == "none":
        return 0
    match = _TIME.match(written)
    lasts_s = int(match[1]) * _SECONDS[match[2]] if match else 0
    return lasts_s if 0 < lasts_s <= YEAR_S else None


def amount(written: str) -> Decimal | None:
    """Money above zero; None where it is none."""
    try:
        found = exact(written.replace("_", ""))
    except BadNumber:
        return None
    return found if found > ZERO else None


# ── judging ─────────────────────────────────────────────────────────────────────────────────────


def wrong_name(name: str) -> str:
    if _NAME.match(name):
        return ""
    return f"{name[:LETTERS_MOST]!r} is no name for a list: use small letters, digits and '-', 40 at most"


def normal(name: str, written: tuple[str, ...]) -> tuple[str, ...]:
    """As it is kept: tickers in capitals, numbers without decoration."""
    sort = KNOWN.get(name, "own")
    if sort == "tickers":
        items = [item if ":" in item else item.upper() for item in written]
    elif sort in ("below", "above"):
        items = [_plain(item.removesuffix("%")) for item in written]
    elif sort == "sum":
        items = [_plain(item.replace("_", "")) for item in written]
    else:
        items = list(written)
    return tuple(dict.fromkeys(items))


def wrong(name: str, items: tuple[str, ...]) -> str:
    """Why a list of this name cannot hold this, in one sentence; "" where it can."""
    if len(items) > ITEMS_MOST:
        return f"{name} would have {len(items)} items; {ITEMS_MOST} is the most"
    for item in items:
        if not _ITEM.match(item) or not item.isprintable():
            return f"{item[:20]!r} cannot be in a list: {LETTERS_MOST} letters at most, without spaces"
    sort = KNOWN.get(name, "own")
    if sort in ("below", "above"):
        found = levels(items)
        if isinstance(found, str):
            return found
        return _too_deep(sort, found)
    if sort == "sum" and (len(items) != 1 or amount(items[0]) is None):
        return f"{name} is one sum of money, like 300000"
    if sort == "time" and (len(items) != 1 or seconds(items[0]) is None):
        return f"{name} is one time, like 120m, 8h or 7d, or the word none"
    return ""


def _too_deep(sort: Sort, found: tuple[Decimal, ...]) -> str:
    """A level of a hundred per cent below the price is no price; far above it, a slip of the pen."""
    most = HUNDRED if sort == "below" else 10 * HUNDRED
    deep = next((level for level in found if level >= most), None)
    if deep is not None:
        return f"{text(deep)} % is no level: it must be less than {text(most)}"
    if sort == "above" and ZERO in found:
        return "0 % is no level to sell above the price"
    return ""


def _plain(item: str) -> str:
    try:
        return text(exact(item))
    except BadNumber:
        return item
