"""When the Moscow Exchange trades: the venue's schedule, the fallback, holidays, weekends, clearing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from kedge.model.instrument import Instrument, Session
from kedge.protos.tinvest import instruments_pb2 as pb
from kedge.venues.tinvest import calendar, instruments
from kedge.venues.tinvest.calendar import DAY_NS, Day, Habits
from kedge.venues.tinvest.instruments import Listed
from kedge.venues.tinvest.wire import stamp

MOSCOW = timezone(timedelta(hours=3))
SHARE = Habits(evening=True, weekend=True)
FUTURE = Habits(derivative=True, evening=True)


def ns(text: str) -> int:
    """A moment in Moscow."""
    return int(datetime.fromisoformat(text).replace(tzinfo=MOSCOW).timestamp()) * 10**9


def hours(habits: Habits, day: str) -> list[str]:
    """What is open on one day, as a person reads it."""
    start_ns = ns(f"{day}T00:00")
    return shown(calendar.usual(habits, start_ns, start_ns + 1))


def shown(sessions: tuple[Session, ...]) -> list[str]:
    def clock(at_ns: int) -> str:
        return datetime.fromtimestamp(at_ns / 10**9, MOSCOW).strftime("%H:%M")

    return [f"{clock(one.open_ns)}-{clock(one.close_ns)}" for one in sessions]


@pytest.mark.parametrize(
    ("habits", "day", "open_"),
    [
        (SHARE, "2026-11-23", ["10:00-18:40", "19:05-23:50"]),
        (Habits(), "2026-11-23", ["10:00-18:40"]),
        (Habits(morning=True), "2026-11-23", ["07:00-09:50", "10:00-18:40"]),
        (FUTURE, "2026-11-23", ["09:00-14:00", "14:05-18:50", "19:05-23:50"]),
        (Habits(currency=True), "2026-11-23", ["10:00-19:00"]),
        # A public holiday, and a working day that the state has made a day off.
        (SHARE, "2026-01-07", []),
        (SHARE, "2026-12-31", []),
        (SHARE, "2026-03-09", ["10:00-18:40", "19:05-23:50"]),
        # Holidays with the hours of a weekend.
        (SHARE, "2026-11-04", ["10:00-19:00"]),
        (Habits(evening=True), "2026-11-04", []),
        # Weekends: a session of its own, or none at all, or one of those that the exchange has closed.
        (SHARE, "2026-11-28", ["10:00-19:00"]),
        (Habits(evening=True), "2026-11-28", []),
        (SHARE, "2026-12-05", []),
        # Nothing is announced of the next year but its public holidays; of later ones nothing at all.
        (SHARE, "2027-02-23", []),
        (SHARE, "2027-02-24", ["10:00-18:40", "19:05-23:50"]),
        (SHARE, "2027-02-27", []),
        (SHARE, "2028-02-23", []),
    ],
)
def test_the_exchanges_own_hours(habits: Habits, day: str, open_: list[str]) -> None:
    assert hours(habits, day) == open_


def test_moscow_has_no_summer_time() -> None:
    for day in ("2026-01-12", "2026-03-30", "2026-07-06", "2026-10-26"):
        start_ns = ns(f"{day}T00:00")
        first = calendar.usual(FUTURE, start_ns, start_ns + 1)[0]
        assert (first.open_ns - start_ns) == 9 * 3_600 * 10**9
        assert first.open_ns % DAY_NS == 6 * 3_600 * 10**9


def test_days_begin_at_midnight_in_moscow() -> None:
    assert calendar.day_of(ns("2026-11-23T00:00")) == ns("2026-11-23T00:00")
    assert calendar.day_of(ns("2026-11-23T23:59")) == ns("2026-11-23T00:00")
    assert calendar.day_of(ns("2026-11-23T02:00")) == ns("2026-11-23T00:00")


@pytest.mark.parametrize("day", ["2024-02-29", "2026-01-01", "2026-12-31", "2027-03-01", "2000-02-29"])
def test_dates(day: str) -> None:
    year, rest = day.split("-", 1)
    assert calendar.date_of(ns(f"{day}T12:00")) == (int(year), rest)


def test_every_day_of_two_years_has_its_date() -> None:
    at = datetime(2026, 1, 1, tzinfo=MOSCOW)
    for n in range(730):
        day = at + timedelta(days=n)
        assert calendar.date_of(int(day.timestamp()) * 10**9) == (day.year, day.strftime("%m-%d"))


@pytest.mark.parametrize(
    ("section", "habits"),
    [
        ("MOEX", Habits()),
        ("MOEX_PLUS", Habits(evening=True)),
        ("moex_evening_weekend", Habits(evening=True, weekend=True)),
        ("moex_mrng_evng_e_wknd_dlr", Habits(morning=True, evening=True, weekend=True)),
        ("FORTS_EVENING", Habits(derivative=True, evening=True)),
        ("FX", Habits(currency=True)),
    ],
)
def test_sections_say_in_which_sessions_an_instrument_takes_part(section: str, habits: Habits) -> None:
    assert calendar.habits_of(section, False, False, False) == habits


# ── the venue's schedule ────────────────────────────────────────────────────────────────────────


def a_day(**times: str) -> pb.TradingDay:
    given = {name: stamp(ns(f"2026-11-23T{clock}")) for name, clock in times.items()}
    return pb.TradingDay(date=stamp(ns("2026-11-23T03:00")), is_trading_day=True, **given)  # type: ignore[arg-type]


def sessions(sector: str, *days: pb.TradingDay, section: str = "X", weekend: bool = False) -> list[str]:
    said = pb.TradingSchedulesResponse(exchanges=[pb.TradingSchedule(exchange="x", days=days)])
    schedule = instruments.read_schedules(said, ns("2026-12-01T00:00"))
    made = Instrument(
        symbol="S", kind="spot", base="S", quote="RUB", settle="RUB", tick=1, qty_step=1, sector=sector
    )  # type: ignore[arg-type]
    row = Listed(made, "u", "f", "b", section.lower(), weekend)
    return shown(instruments.sessions(row, schedule, ns("2026-11-23T12:00")))


def test_the_schedules_own_fields() -> None:
    day = a_day(start_time="10:00", end_time="18:40", evening_start_time="19:05", evening_end_time="23:50")
    assert sessions("share", day) == ["10:00-18:40", "19:05-23:50"]
    day = a_day(start_time="09:00", end_time="18:50", clearing_start_time="14:00", clearing_end_time="14:05")
    assert sessions("future", day) == ["09:00-14:00", "14:05-18:50"]


def test_clearing_is_cut_out_of_derivatives_whatever_the_schedule_leaves_out() -> None:
    whole = a_day(start_time="09:00", end_time="23:50")
    assert sessions("future", whole) == ["09:00-14:00", "14:05-18:50", "19:05-23:50"]
    assert sessions("share", whole) == ["09:00-23:50"]


def test_intervals_are_sessions_by_their_names() -> None:
    day = a_day(start_time="09:50", end_time="23:50")
    for kind, begin, end in (
        ("opening_auction_main", "09:50", "10:00"),
        ("regular_trading_session_main", "10:00", "18:40"),
        ("closing_auction_main", "18:40", "18:50"),
        ("dealer_regular_trading_session", "00:00", "09:00"),
        ("regular_trading_session_evening", "19:05", "23:50"),
        ("clearing", "20:00", "20:05"),
    ):
        interval = pb.TradingInterval.TimeInterval(
            start_ts=stamp(ns(f"2026-11-23T{begin}")), end_ts=stamp(ns(f"2026-11-23T{end}"))
        )
        day.intervals.append(pb.TradingInterval(type=kind, interval=interval))
    assert sessions("share", day) == ["10:00-18:40", "19:05-20:00", "20:05-23:50"]


def test_a_day_off_by_the_schedule_is_closed_and_an_unknown_section_has_the_usual_hours() -> None:
    off = pb.TradingDay(date=stamp(ns("2026-11-23T03:00")), is_trading_day=False)
    assert sessions("share", off) == []
    assert sessions("share", off, section="MOEX")[:1] == ["10:00-18:40"]


# ── stretches ───────────────────────────────────────────────────────────────────────────────────


def test_stretches_are_cut_and_joined() -> None:
    assert calendar.cut((0, 10), [(2, 3), (5, 7), (9, 20)]) == [(0, 2), (3, 5), (7, 9)]
    assert calendar.cut((0, 10), [(0, 10)]) == []
    assert calendar.cut((5, 5), []) == []
    assert calendar.cut((0, 10), [(4, 4), (11, 12)]) == [(0, 10)]
    assert calendar.joined([(5, 7), (0, 2), (2, 3), (6, 9)]) == [(0, 3), (5, 9)]
    day = Day(0, ((0, 10), (10, 20)), ((8, 12),))
    assert calendar.sessions_of([day]) == (Session(0, 8), Session(12, 20))
