"""The next time of a cron line against one who tries every minute, over days on which clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from kedge.model.recurrence import FIELDS, SECOND_NS, Cron, recurrence

# Where clocks are set by an hour, by half an hour, never, and were set over a whole day.
SPANS = (
    ("Europe/Paris", datetime(2026, 3, 28, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 10, 24, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 6, 1, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)),
)
MINUTES = 3 * 24 * 60


def field(least: int, most: int) -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(least, most), min_size=1, max_size=3).map(
        lambda ns: ",".join(map(str, ns))
    )
    steps = st.integers(1, 30).map(lambda n: f"*/{n}")
    return st.one_of(st.just("*"), numbers, steps)


LINES = st.tuples(
    *(field(one.least, one.most) for one in FIELDS[:2]), st.sampled_from(["*", "29", "30"])
).map(lambda parts: " ".join((*parts, "*", "*")))


def slowly(rule: Cron, zone: ZoneInfo, began: datetime) -> list[int]:
    """Every due second in three days: minute by minute, and what a gap has swallowed at its end."""
    found, before = [], (began - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
    for number in range(MINUTES):
        moment = began + timedelta(minutes=number)
        here = moment.astimezone(zone)
        wall = here.replace(tzinfo=None, fold=0)
        shown = [wall] if not here.fold else []
        skipped = before + timedelta(minutes=1)
        while skipped < wall:
            shown.append(skipped)
            skipped += timedelta(minutes=1)
        before = wall
        if any(fits(rule, one) for one in shown):
            found.append(int(moment.timestamp()))
    return found


def fits(rule: Cron, wall: datetime) -> bool:
    return (
        wall.minute in rule.minutes
        and wall.hour in rule.hours
        and wall.month in rule.months
        and wall.day in rule.days
        and wall.isoweekday() % 7 in rule.weekdays
    )


@given(LINES, st.sampled_from(SPANS), st.integers(0, MINUTES * 60))
def test_the_next_time_is_the_one_that_trying_finds(
    line: str, span: tuple[str, datetime], offset_s: int
) -> None:
    name, began = span
    rule = recurrence(line, name)
    assert isinstance(rule, Cron)
    now_s = int(began.timestamp()) + offset_s
    later = [at_s for at_s in slowly(rule, ZoneInfo(name), began) if at_s > now_s]
    due_ns = rule.after_ns(now_s * SECOND_NS)
    assert due_ns > now_s * SECOND_NS
    if later:
        assert due_ns == later[0] * SECOND_NS
    else:
        assert due_ns >= (int(began.timestamp()) + MINUTES * 60) * SECOND_NS


@given(
    st.integers(10, 10**7), st.integers(0, 2 * 10**18), st.integers(-(10**18), 10**18).map(lambda n: n // 7)
)
def test_an_interval_goes_on_from_its_anchor(step_s: int, anchor_ns: int, ahead_ns: int) -> None:
    rule, now_ns = recurrence(f"{step_s}s"), anchor_ns + ahead_ns
    due_ns = rule.after_ns(now_ns, anchor_ns)
    assert due_ns > max(now_ns, anchor_ns)
    assert (due_ns - anchor_ns) % (step_s * SECOND_NS) == 0
    assert due_ns - max(now_ns, anchor_ns) <= step_s * SECOND_NS
