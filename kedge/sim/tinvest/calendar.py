"""When the exchange trades: sessions of the day by schedule, weekends, holidays, clearings. Moscow time.

    phase_at("FORTS_EVENING", now_ns)       clearing, until ...
    spans_of("MOEX", day)                   everything of a day, in order

Moscow keeps UTC+3 the whole year. With the switch `sessions` at "always" every schedule is the one that never
closes, `ALWAYS`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from msgspec import Struct

Kind = Literal["closed", "auction", "morning", "main", "clearing", "evening", "weekend"]
TRADING: tuple[Kind, ...] = ("morning", "main", "evening", "weekend")

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 24 * 60 * MINUTE_NS
MOSCOW_NS = 3 * 60 * MINUTE_NS
ALWAYS = "ALWAYS"
AHEAD_DAYS = 30

# Kind, begin and end, in hours and minutes.
Row = tuple[Kind, int, int]
_MAIN: tuple[Row, ...] = (("auction", 950, 1000), ("main", 1000, 1840), ("auction", 1840, 1850))
_EVENING: tuple[Row, ...] = (("auction", 1900, 1905), ("evening", 1905, 2350))
_DERIVATIVES: tuple[Row, ...] = (
    ("auction", 850, 900),
    ("morning", 900, 1000),
    ("main", 1000, 1400),
    ("clearing", 1400, 1405),
    ("main", 1405, 1850),
    ("clearing", 1850, 1905),
    ("evening", 1905, 2350),
)
_WEEKEND: tuple[Row, ...] = (("weekend", 1000, 1900),)

# Name of the schedule: working days, days off.
SCHEDULES: dict[str, tuple[tuple[Row, ...], tuple[Row, ...]]] = {
    "MOEX": (_MAIN, ()),
    "MOEX_PLUS": ((*_MAIN, *_EVENING), ()),
    "MOEX_EVENING_WEEKEND": ((("morning", 700, 950), *_MAIN, *_EVENING), _WEEKEND),
    "FORTS_EVENING": (_DERIVATIVES, ()),
    "FX": ((("auction", 950, 1000), ("main", 1000, 1900)), ()),
    "FX_MTL": ((("auction", 950, 1000), ("main", 1000, 1900)), ()),
    "moex_close": ((), ()),
    ALWAYS: ((("main", 0, 2400),), (("main", 0, 2400),)),
}
# Month and day of the public holidays that are the same every year.
HOLIDAYS: frozenset[tuple[int, int]] = frozenset(
    ((1, 1), (1, 2), (1, 7), (2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4), (12, 31))
)


class Span(Struct, frozen=True):
    kind: Kind
    start_ns: int
    end_ns: int

    @property
    def trading(self) -> bool:
        return self.kind in TRADING


class Phase(Struct, frozen=True):
    """What goes on now, and until when."""

    kind: Kind
    end_ns: int

    @property
    def trading(self) -> bool:
        return self.kind in TRADING


def day_of(at_ns: int) -> int:
    """The number of the day in Moscow."""
    return (at_ns + MOSCOW_NS) // DAY_NS


def midnight_ns(day: int) -> int:
    """When the day begins in Moscow."""
    return day * DAY_NS - MOSCOW_NS


def date_of(day: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()


def works(day: int) -> bool:
    """Whether it is neither a weekend nor a holiday."""
    found = date_of(day)
    return found.weekday() < 5 and (found.month, found.day) not in HOLIDAYS


@lru_cache(4096)
def spans_of(schedule: str, day: int) -> tuple[Span, ...]:
    rows = SCHEDULES[schedule][0 if works(day) else 1]
    start_ns = midnight_ns(day)
    return tuple(Span(kind, start_ns + _ns(begin), start_ns + _ns(end)) for kind, begin, end in rows)


def phase_at(schedule: str, now_ns: int) -> Phase:
    """The phase, and when it ends (at the latest after `AHEAD_DAYS`)."""
    today = day_of(now_ns)
    for day in range(today, today + AHEAD_DAYS):
        for span in spans_of(schedule, day):
            if span.end_ns <= now_ns:
                continue
            if span.start_ns <= now_ns:
                return Phase(span.kind, span.end_ns)
            return Phase("closed", span.start_ns)
    return Phase("closed", midnight_ns(today + AHEAD_DAYS))


def day_ends_ns(schedule: str, now_ns: int) -> int:
    """When an order that is good for the day ends; 0: never."""
    if schedule == ALWAYS:
        return 0
    ends = [span.end_ns for span in spans_of(schedule, day_of(now_ns)) if span.trading]
    return max(ends, default=now_ns)


def next_ns(schedule: str, kind: Kind, now_ns: int) -> int:
    """When a phase of this kind next begins; 0 where it does not come within `AHEAD_DAYS`."""
    today = day_of(now_ns)
    for day in range(today, today + AHEAD_DAYS):
        for span in spans_of(schedule, day):
            if span.kind == kind and span.start_ns > now_ns:
                return span.start_ns
    return 0


def _ns(clock: int) -> int:
    """1840 is twenty to seven."""
    return (clock // 100 * 60 + clock % 100) * MINUTE_NS
