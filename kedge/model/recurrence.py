"""When something happens again and again: an interval like `15m`, or a cron line of five fields in a zone.

    rule = recurrence("0 3 * * mon-fri", "Europe/Paris")    BadRecurrence says in one sentence what is wrong
    rule.after_ns(now_ns, anchor_ns)                        the first time after now; 0 where there is none

An interval is counted in elapsed time from its anchor, so it knows no zone. A cron line names times on the
wall:

* A time that does not exist (clocks are set forward over it) happens at the first instant after the gap, once
  with whatever else happens then.
* A time that exists twice (clocks are set back over it) happens the first time.
* Where both days of the month and days of the week are named, a day that is either will do.

Pure: a zone's rules are data. They are needed to find the next time, never to replay what was found.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

SECOND_NS = 1_000_000_000
# More often is a bot's work, not a schedule's.
INTERVAL_LEAST_S = 10
INTERVAL_MOST_S = 366 * 86_400
# 29 February may be eight years away.
DAYS_LOOKED = 9 * 366

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_INTERVAL = re.compile(r"(?:[0-9]{1,9}[smhdw])+\Z")
_PART = re.compile(r"([0-9]{1,9})([smhdw])")
_SPAN = re.compile(r"([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?\Z")
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: number for number, name in enumerate(_DAY_NAMES)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadRecurrence(ValueError):
    """The text says in one sentence what is wrong with it."""


class Field(Struct, frozen=True):
    """One of the five: its name, its bounds, and the words that stand for numbers."""

    name: str
    least: int
    most: int
    words: dict[str, int] = {}


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, _MONTHS),
    Field("day of the week", 0, 7, _DAYS),
)


class Interval(Struct, frozen=True):
    """Every so much elapsed time, counted from an anchor."""

    step_ns: int

    def after_ns(self, now_ns: int, anchor_ns: int) -> int:
        steps = (now_ns - anchor_ns) // self.step_ns + 1
        return anchor_ns + max(steps, 1) * self.step_ns


class Cron(Struct, frozen=True):
    """Times on the wall of a zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    either_day: bool
    zone: tzinfo

    def after_ns(self, now_ns: int, anchor_ns: int = 0) -> int:
        """Walks the wall in order: no later time on it comes at an earlier instant."""
        here = _at(now_ns // SECOND_NS).astimezone(self.zone).replace(tzinfo=None)
        day, earliest = here.date(), (here.hour, here.minute)
        for _ in range(DAYS_LOOKED):
            if self._is_day(day):
                for hour, minute in self._times(earliest):
                    wall = datetime(day.year, day.month, day.day, hour, minute)
                    due_ns = _instant_s(wall, self.zone) * SECOND_NS
                    if due_ns > now_ns:
                        return due_ns
            day, earliest = day + timedelta(days=1), (0, 0)
        return 0

    def _is_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.either_day else in_month and in_week

    def _times(self, earliest: tuple[int, int]) -> list[tuple[int, int]]:
        times = ((hour, minute) for hour in self.hours for minute in self.minutes)
        return [time for time in times if time >= earliest]


Recurrence = Interval | Cron


@lru_cache(maxsize=512)
def recurrence(every: str, zone: str = "UTC") -> Recurrence:
    """Raises `BadRecurrence`."""
    words = every.strip().lower()
    there = zone_of(zone)
    if _INTERVAL.match(words):
        return _interval(words)
    fields = _SHORT.get(words, words).split()
    if len(fields) != len(FIELDS):
        raise BadRecurrence(
            f"`every` is {every!r}: write an interval like 15m, 4h or 1d,"
            " or five cron fields like `0 3 * * mon-fri`"
        )
    found = [_numbers(text, field) for text, field in zip(fields, FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = found
    cron = Cron(
        tuple(minutes),
        tuple(hours),
        frozenset(days),
        frozenset(months),
        frozenset(day % 7 for day in weekdays),
        not fields[2].startswith("*") and not fields[4].startswith("*"),
        there,
    )
    if not cron.after_ns(0):
        raise BadRecurrence(f"`every` is {every!r}: there is no such day")
    return cron


def zone_of(name: str) -> tzinfo:
    """A zone by its IANA name. Raises `BadRecurrence` where this machine does not know it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadRecurrence(
            f"`zone` is {name!r}, which this machine does not know; write one like Europe/Paris"
        ) from None


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _interval(words: str) -> Interval:
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(words))
    if not INTERVAL_LEAST_S <= seconds <= INTERVAL_MOST_S:
        raise BadRecurrence(f"`every` is {words!r}: an interval is from {INTERVAL_LEAST_S}s to 366d")
    return Interval(seconds * SECOND_NS)


def _numbers(text: str, field: Field) -> list[int]:
    """The numbers that a field names, in order."""
    found: dict[int, None] = {}
    for item in text.split(","):
        span, slash, stride = item.partition("/")
        first, last = _span(span, field)
        step = int(stride) if stride.isdecimal() and len(stride) <= 2 else 0
        if slash and (not step or (first == last and span != "*")):
            raise _bad(item, field, "a step is written like */15 or 8-18/2")
        found |= dict.fromkeys(range(first, last + 1, step or 1))
    return sorted(found)


def _span(span: str, field: Field) -> tuple[int, int]:
    if span == "*":
        return field.least, field.most
    parts = _SPAN.match(span)
    if parts is None:
        raise _bad(
            span, field, f"write numbers from {field.least} to {field.most}, a-b, lists with commas, or *"
        )
    first = _number(parts[1], field)
    last = _number(parts[2], field) if parts[2] else first
    if parts[2] == "sun" and first:
        last = 7  # fri-sun
    if last < first:
        raise _bad(span, field, "it runs backwards")
    return first, last


def _number(word: str, field: Field) -> int:
    number = field.words.get(word, int(word) if word.isdecimal() else -1)
    if not field.least <= number <= field.most:
        raise _bad(word, field, f"it is from {field.least} to {field.most}")
    return number


def _bad(item: str, field: Field, mend: str) -> BadRecurrence:
    return BadRecurrence(f"`every`: {item!r} is no {field.name}: {mend}")


def _at(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=second)


def _second(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


def _instant_s(wall: datetime, zone: tzinfo) -> int:
    """The first second at which the wall shows this time; where it never does, the first after the gap."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return _second(moment)
    # In a gap, the offsets from before and after it give an instant on either side of it.
    before, after = _second(wall.replace(tzinfo=zone, fold=1).astimezone(UTC)), _second(moment)
    new = moment.astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if _at(middle).astimezone(zone).utcoffset() == new:
            after = middle
        else:
            before = middle
    return after
