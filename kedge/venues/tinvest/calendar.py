"""When an instrument trades: the venue's schedule, or the exchange's own hours, as stretches of UTC. Pure.

Moscow is three hours ahead of UTC all year and has been since 2014, so no table of time zones is needed. A
day here is a day in Moscow.

What counts as open is continuous trading. Auctions are not: an order that is placed in one may trade at a
price that nobody saw. Clearing is cut out. The venue's schedule is believed where it is to be had; `usual`
is what stands in for it, on the safe side: a day of which nothing certain is known is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from kedge.model.instrument import Session

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS
MOSCOW_NS: Final = 3 * 3_600 * SECOND_NS

Stretch = tuple[int, int]


class Day(Struct, frozen=True):
    """One day of the venue's schedule: stretches of trading and the breaks in them, UTC nanoseconds."""

    start_ns: int
    trading: tuple[Stretch, ...] = ()
    breaks: tuple[Stretch, ...] = ()


# ── the venue's schedule ────────────────────────────────────────────────────────────────────────


def sessions_of(days: Iterable[Day]) -> tuple[Session, ...]:
    """Stretches of trading without their breaks, in order; those that touch are one."""
    found: list[Stretch] = []
    for day in days:
        for stretch in day.trading:
            found += cut(stretch, day.breaks)
    return tuple(Session(begin, end) for begin, end in joined(found))


def cut(stretch: Stretch, breaks: Sequence[Stretch]) -> list[Stretch]:
    """What is left of a stretch outside the breaks."""
    left = [stretch] if stretch[0] < stretch[1] else []
    for begin, end in breaks:
        if begin >= end:
            continue
        pieces = [
            piece for one in left for piece in ((one[0], min(one[1], begin)), (max(one[0], end), one[1]))
        ]
        left = [piece for piece in pieces if piece[0] < piece[1]]
    return left


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    out: list[Stretch] = []
    for begin, end in sorted(stretches):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((begin, end))
    return out


# ── the exchange's own hours ────────────────────────────────────────────────────────────────────

# Minutes of the day in Moscow.
Hours = tuple[tuple[int, int], ...]


def _at(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _hours(*stretches: str) -> Hours:
    return tuple((_at(one.partition("-")[0]), _at(one.partition("-")[2])) for one in stretches)


AS_OF: Final = "2026-11-20"
STOCK_MAIN: Final = _hours("10:00-18:40")
STOCK_MORNING: Final = _hours("07:00-09:50")
EVENING: Final = _hours("19:05-23:50")
# Cleared from 14:00 to 14:05 and from 18:50 to 19:05.
DERIVATIVES: Final = _hours("09:00-14:00", "14:05-18:50")
CURRENCIES: Final = _hours("10:00-19:00")
WEEKEND: Final = _hours("10:00-19:00")

# Working days on which nothing trades. 2026 as the exchange announced it on 2025-12-30; of 2027 it has
# announced nothing yet, so every public holiday is closed.
CLOSED: Final[Mapping[int, tuple[str, ...]]] = {
    2026: ("01-01", "01-02", "01-07", "12-31"),
    2027: ("01-01", "01-07", "02-23", "03-08", "11-04", "12-31"),
}
# Working days that trade by the hours of a weekend.
LIKE_WEEKEND: Final[Mapping[int, tuple[str, ...]]] = {2026: ("02-23", "05-01", "06-12", "11-04")}
# Weekends on which nothing trades; of a year that is not named none does.
CLOSED_WEEKENDS: Final[Mapping[int, tuple[str, ...]]] = {
    2026: (
        *("01-03", "01-04", "01-10", "01-11", "02-14", "02-15", "03-07", "03-08", "03-21", "03-22"),
        *("05-09", "05-10", "06-20", "06-21", "08-01", "08-02", "08-15", "08-16", "09-12", "09-13"),
        *("10-24", "10-25", "12-05", "12-06"),
    ),
}


class Habits(Struct, frozen=True):
    """Of which sessions an instrument takes part in, and whether it is a derivative or a currency."""

    derivative: bool = False
    currency: bool = False
    morning: bool = False
    evening: bool = False
    weekend: bool = False


def habits_of(exchange: str, derivative: bool, currency: bool, weekend: bool) -> Habits:
    """By the venue's name of the section: "MOEX_EVENING_WEEKEND", "moex_mrng_evng_e_wknd_dlr",
    "FORTS_EVENING".
    """
    name = exchange.lower()
    return Habits(
        derivative=derivative or name.startswith("forts"),
        currency=currency or name.startswith("fx"),
        morning=any(word in name for word in ("morning", "mrng")),
        evening=any(word in name for word in ("evening", "evng", "plus", "forts")),
        weekend=weekend or any(word in name for word in ("weekend", "wknd")),
    )


def usual(habits: Habits, since_ns: int, until_ns: int) -> tuple[Session, ...]:
    """The exchange's hours on each day in Moscow, from that of `since_ns` to the last before `until_ns`."""
    found: list[Stretch] = []
    for day_ns in range(day_of(since_ns), until_ns, DAY_NS):
        hours = _hours_of(habits, day_ns)
        found += [(day_ns + begin * MINUTE_NS, day_ns + end * MINUTE_NS) for begin, end in hours]
    return tuple(Session(begin, end) for begin, end in joined(found))


def day_of(now_ns: int) -> int:
    """When the day in Moscow began."""
    return (now_ns + MOSCOW_NS) // DAY_NS * DAY_NS - MOSCOW_NS


def _hours_of(habits: Habits, day_ns: int) -> Hours:
    year, month_day = date_of(day_ns)
    if year not in CLOSED or month_day in CLOSED[year]:
        return ()  # a year that nobody has written down is closed
    days = (day_ns + MOSCOW_NS) // DAY_NS
    is_weekend = (days + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    if is_weekend and (year not in CLOSED_WEEKENDS or month_day in CLOSED_WEEKENDS[year]):
        return ()
    if is_weekend or month_day in LIKE_WEEKEND.get(year, ()):
        return WEEKEND if habits.weekend else ()
    if habits.currency:
        return CURRENCIES
    evening = EVENING if habits.evening else ()
    if habits.derivative:
        return DERIVATIVES + evening
    return (STOCK_MORNING if habits.morning else ()) + STOCK_MAIN + evening


def date_of(now_ns: int) -> tuple[int, str]:
    """Year and "MM-DD" in Moscow, by the civil calendar (from 1 March on, so that a leap day is last)."""
    days = (now_ns + MOSCOW_NS) // DAY_NS + 719_468
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, f"{month:02d}-{of_year - (153 * shifted + 2) // 5 + 1:02d}"


# Of derivatives, every day, whatever a schedule leaves out.
CLEARINGS: Final = _hours("14:00-14:05", "18:50-19:05")


def clearings(day_ns: int) -> tuple[Stretch, ...]:
    """The two stretches of a day in Moscow in which no derivative trades."""
    begun_ns = day_of(day_ns)
    return tuple((begun_ns + begin * MINUTE_NS, begun_ns + end * MINUTE_NS) for begin, end in CLEARINGS)
