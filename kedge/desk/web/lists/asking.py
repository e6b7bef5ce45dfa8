"""From the address of a page to a question for the tables, and back: all of a list's state is in its address.

bot, account, market, state, level, kind, side ...   filters of the table
q                                                     letters that stand somewhere in the row
span or from, to                                      which time, in the person's zone
sort                                                  a column, "-" before it for downwards
page, or after with at                                where in the list
rows                                                  rows per page, kept for the person
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Struct

from kedge.desk.web.lists.listings import Listing
from kedge.journal.rows import Ask

ROWS = (25, 50, 100, 250)
ROWS_USUAL = 50
# As far as a list is counted and its pages are numbered; beyond, one goes on from row to row.
COUNTED = 10_000
TEXT_MOST = 200
SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS

SPANS: dict[str, Any] = {
    "hour": gettext_lazy("Last hour"),
    "today": gettext_lazy("Today"),
    "day": gettext_lazy("24 hours"),
    "week": gettext_lazy("7 days"),
    "month": gettext_lazy("30 days"),
    "year": gettext_lazy("365 days"),
}
_LENGTHS = {"hour": HOUR_NS, "day": 24 * HOUR_NS, "week": 168 * HOUR_NS, "month": 720 * HOUR_NS}
_LENGTHS["year"] = 8760 * HOUR_NS


class Mistake(ValueError):
    """The address asks for something that cannot be asked; the text is one sentence for the person."""


class Asked(Struct, frozen=True):
    """A question, where in its answer the page is, and the words of the form that asked it."""

    ask: Ask
    rows: int
    page: int  # from 1; 0 where `after` goes on from a row
    after: str
    at: int  # the number of the first row that is shown
    given: dict[str, str]  # what the form holds, filters only

    @property
    def filtered(self) -> bool:
        return bool(self.given)


def read(one: Listing, given: Mapping[str, str], usual_rows: int, now_ns: int) -> Asked:
    """Raises `Mistake`."""
    rows = _rows(given.get("rows", ""), usual_rows)
    page, after = _number(given.get("page", ""), 1), given.get("after", "")[:500]
    at = _number(given.get("at", ""), 1) if after else (page - 1) * rows + 1
    offset = 0 if after else (page - 1) * rows
    if offset > COUNTED:
        raise Mistake(
            _("Pages are numbered up to row %(n)d; from there go on by “next”, or turn the sorting round.")
            % {"n": COUNTED}
        )
    filters, since_ns, until_ns = _filters(one, given), *_times(given, now_ns)
    asks = {name: "" if value == NONE else value for name, value in filters.items() if name in one.filters}
    ask = Ask(
        **asks,
        since_ns=since_ns,
        until_ns=until_ns,
        text=filters.get("q"),
        sort=_sort(one, given.get("sort", "")),
        limit=rows,
        offset=offset,
    )
    return Asked(ask, rows, 0 if after else page, after, at, filters)


# How an address says "of nobody", since an empty field is no filter at all.
NONE = "-"


def unlimited(asked: Asked) -> Ask:
    """The same question about all its rows."""
    return msgspec.structs.replace(asked.ask, offset=0)


def _filters(one: Listing, given: Mapping[str, str]) -> dict[str, str]:
    names = (*one.filters, "q", "span", "from", "to")
    found = {name: given.get(name, "").strip() for name in names}
    wrong = [name for name, value in found.items() if len(value) > TEXT_MOST]
    if wrong:
        raise Mistake(_("A filter has at most %(n)d letters.") % {"n": TEXT_MOST})
    return {name: value for name, value in found.items() if value}


def _rows(word: str, usual: int) -> int:
    chosen = _number(word, usual)
    return chosen if chosen in ROWS else ROWS_USUAL


def _sort(one: Listing, word: str) -> str:
    usual = one.sort or one.shape.sort
    return word if word.removeprefix("-") in one.shape.sorts else usual


def _number(word: str, otherwise: int) -> int:
    return max(1, int(word)) if word.isascii() and word.isdigit() and len(word) < 12 else otherwise


# ── time ────────────────────────────────────────────────────────────────────────────────────────


def _times(given: Mapping[str, str], now_ns: int) -> tuple[int | None, int | None]:
    span = given.get("span", "")
    if span in _LENGTHS:
        return now_ns - _LENGTHS[span], None
    if span == "today":
        here = datetime.datetime.fromtimestamp(now_ns // SECOND_NS, timezone.get_current_timezone())
        return _ns(here.replace(hour=0, minute=0, second=0, microsecond=0)), None
    return _moment(given.get("from", "")), _moment(given.get("to", ""), ends=True)


def _moment(word: str, ends: bool = False) -> int | None:
    """A day or a minute as a browser's field gives it, in the person's zone; the end of a day is its last."""
    word = word.strip()
    if not word:
        return None
    try:
        moment = datetime.datetime.fromisoformat(word)
    except ValueError:
        raise Mistake(
            _("A time is written like 2026-11-20 or 2026-11-20T09:30; it is “%(word)s”.")
            % {"word": word[:40]}
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.get_current_timezone())
    if ends and len(word) == len("2026-11-20"):
        moment += datetime.timedelta(days=1)
    return _ns(moment)


def _ns(moment: datetime.datetime) -> int:
    whole = moment.astimezone(datetime.UTC).replace(tzinfo=None) - datetime.datetime(1970, 1, 1)
    return (whole.days * 86400 + whole.seconds) * SECOND_NS + whole.microseconds * 1000
