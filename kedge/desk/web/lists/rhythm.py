"""How often a schedule runs, in words, and when next: for the page that shows and edits it."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from kedge.desk.web.lists.cells import SECOND_NS
from kedge.model.recurrence import Cron, Interval, recurrence

NEXT = 5
# Times of a day that are named one by one; more are told as hours and minutes.
TIMES_MOST = 6

_DAYS = (
    pgettext_lazy("weekday", "Sunday"),
    pgettext_lazy("weekday", "Monday"),
    pgettext_lazy("weekday", "Tuesday"),
    pgettext_lazy("weekday", "Wednesday"),
    pgettext_lazy("weekday", "Thursday"),
    pgettext_lazy("weekday", "Friday"),
    pgettext_lazy("weekday", "Saturday"),
)
_MONTHS = (
    pgettext_lazy("month", "January"),
    pgettext_lazy("month", "February"),
    pgettext_lazy("month", "March"),
    pgettext_lazy("month", "April"),
    pgettext_lazy("month", "May"),
    pgettext_lazy("month", "June"),
    pgettext_lazy("month", "July"),
    pgettext_lazy("month", "August"),
    pgettext_lazy("month", "September"),
    pgettext_lazy("month", "October"),
    pgettext_lazy("month", "November"),
    pgettext_lazy("month", "December"),
)
WORKDAYS = frozenset(range(1, 6))
EVERY_DAY = frozenset(range(7))


def in_words(every: str, zone: str = "UTC") -> str:
    """Raises `BadRecurrence` with a sentence."""
    rule = recurrence(every, zone)
    if isinstance(rule, Interval):
        return _("every %(span)s") % {"span": _span(rule.step_ns // SECOND_NS)}
    when = ", ".join(part for part in (_times(rule), _days(rule), _months(rule)) if part)
    return _("%(when)s (%(zone)s time)") % {"when": when, "zone": zone}


def next_times(every: str, zone: str, now_ns: int, anchor_ns: int = 0) -> list[int]:
    """The next few, in nanoseconds. Raises `BadRecurrence`."""
    rule = recurrence(every, zone)
    found: list[int] = []
    at, anchor = now_ns, anchor_ns or now_ns
    while len(found) < NEXT:
        at = rule.after_ns(at, anchor)
        if not at:
            break
        found.append(at)
    return found


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _span(seconds: int) -> str:
    units: tuple[tuple[int, Callable[[int], str]], ...] = (
        (86_400, lambda n: ngettext("%(n)d day", "%(n)d days", n)),
        (3600, lambda n: ngettext("%(n)d hour", "%(n)d hours", n)),
        (60, lambda n: ngettext("%(n)d minute", "%(n)d minutes", n)),
        (1, lambda n: ngettext("%(n)d second", "%(n)d seconds", n)),
    )
    said = []
    for length, worded in units:
        count, seconds = divmod(seconds, length)
        if count:
            said.append(worded(count) % {"n": count})
    return " ".join(said)


def _times(rule: Cron) -> str:
    if len(rule.hours) * len(rule.minutes) <= TIMES_MOST:
        times = [f"{hour:02d}:{minute:02d}" for hour in rule.hours for minute in rule.minutes]
        return _("at %(times)s") % {"times": _listed(times)}
    minutes = _stepped(rule.minutes, 60)
    if minutes > 1:
        said = _("every %(span)s") % {"span": _span(minutes * 60)}
    elif len(rule.minutes) == 60:
        said = _("every minute")
    else:
        said = _("at minute %(minutes)s") % {"minutes": _listed([f":{one:02d}" for one in rule.minutes])}
    if len(rule.hours) == 24:
        return (
            said if minutes > 1 or len(rule.minutes) == 60 else _("%(when)s of every hour") % {"when": said}
        )
    return _("%(when)s in the hours %(hours)s") % {"when": said, "hours": _ranges(rule.hours)}


def _stepped(numbers: tuple[int, ...], whole: int) -> int:
    """15 for 0, 15, 30, 45; 0 where there is no such rhythm."""
    step = whole // len(numbers)
    return step if numbers == tuple(range(0, whole, step)) and step * len(numbers) == whole else 0


def _days(rule: Cron) -> str:
    all_month = len(rule.days) == 31
    week = ""
    if rule.weekdays == WORKDAYS:
        week = _("from Monday to Friday")
    elif rule.weekdays != EVERY_DAY:
        names = [str(_DAYS[day]) for day in sorted(rule.weekdays, key=lambda day: day or 7)]
        week = _("on %(days)s") % {"days": _listed(names)}
    month = (
        "" if all_month else _("on day %(days)s of the month") % {"days": _ranges(tuple(sorted(rule.days)))}
    )
    if week and month:
        join = _("%(one)s or %(other)s") if rule.either_day else _("%(one)s and %(other)s")
        return join % {"one": month, "other": week}
    return month or week or _("every day")


def _months(rule: Cron) -> str:
    if len(rule.months) == 12:
        return ""
    return _("in %(months)s") % {"months": _listed([str(_MONTHS[one - 1]) for one in sorted(rule.months)])}


def _listed(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    return _("%(one)s and %(other)s") % {"one": ", ".join(words[:-1]), "other": words[-1]}


def _ranges(numbers: tuple[int, ...]) -> str:
    """8–18, 20: runs of numbers told by their ends."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)


def moment_of(ns: int, zone: datetime.tzinfo) -> str:
    return f"{datetime.datetime.fromtimestamp(ns // SECOND_NS, zone):%Y-%m-%d %H:%M:%S %Z}"
