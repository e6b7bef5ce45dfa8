"""When something happens again: intervals by elapsed time, cron lines by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kedge.model.recurrence import SECOND_NS, BadRecurrence, recurrence


def ns(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def following(every: str, zone: str, since: str, count: int) -> list[str]:
    rule, at_ns, found = recurrence(every, zone), ns(since), []
    for _ in range(count):
        at_ns = rule.after_ns(at_ns, ns(since))
        found.append(datetime.fromtimestamp(at_ns // SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("every", "seconds"), [("10s", 10), ("15m", 900), ("4h", 14_400), ("1d", 86_400), ("1h30m", 5_400)]
)
def test_an_interval_is_counted_from_its_anchor(every: str, seconds: int) -> None:
    rule, anchor_ns = recurrence(every), ns("2026-01-01 00:00")
    step_ns = seconds * SECOND_NS
    assert rule.after_ns(anchor_ns, anchor_ns) == anchor_ns + step_ns
    assert rule.after_ns(anchor_ns + 7 * step_ns, anchor_ns) == anchor_ns + 8 * step_ns
    assert rule.after_ns(anchor_ns + 7 * step_ns + 1, anchor_ns) == anchor_ns + 8 * step_ns
    assert rule.after_ns(anchor_ns - 5 * step_ns, anchor_ns) == anchor_ns + step_ns, "the clock was set back"


@pytest.mark.parametrize(
    ("every", "times"),
    [
        ("*/20 8-9 * * *", ["2026-01-01 08:00", "2026-01-01 08:20", "2026-01-01 08:40", "2026-01-01 09:00"]),
        ("0 3 * * mon-fri", ["2026-01-01 03:00", "2026-01-02 03:00", "2026-01-05 03:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 13 * fri", ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"]),
        ("5,35 0 1 JAN,jul *", ["2026-01-01 00:05", "2026-01-01 00:35", "2026-07-01 00:05"]),
        ("0 12 * * fri-sun", ["2026-01-02 12:00", "2026-01-03 12:00", "2026-01-04 12:00"]),
        ("@weekly", ["2026-01-04 00:00", "2026-01-11 00:00"]),
        ("0 0 * * 7", ["2026-01-04 00:00"]),
    ],
)
def test_a_cron_line_names_times(every: str, times: list[str]) -> None:
    assert following(every, "UTC", "2026-01-01 00:00", len(times)) == times


def test_a_time_that_does_not_exist_comes_with_the_end_of_the_gap() -> None:
    """Paris, 29 March 2026: after 01:59 comes 03:00."""
    times = following("30 2 * * *", "Europe/Paris", "2026-03-28 12:00", 2)
    assert times == ["2026-03-29 01:00", "2026-03-30 00:30"]
    # All that is skipped happens once, together with what is due then anyway.
    times = following("*/30 2-3 * * *", "Europe/Paris", "2026-03-29 00:00", 3)
    assert times == ["2026-03-29 01:00", "2026-03-29 01:30", "2026-03-30 00:00"]


def test_a_time_that_exists_twice_comes_the_first_time() -> None:
    """Paris, 25 October 2026: 02:00 to 02:59 are there twice."""
    times = following("30 2 * * *", "Europe/Paris", "2026-10-24 12:00", 2)
    assert times == ["2026-10-25 00:30", "2026-10-26 01:30"]
    # Asked in the second of the two hours, the first is over.
    assert following("45 2 * * *", "Europe/Paris", "2026-10-25 01:10", 1) == ["2026-10-26 01:45"]


def test_a_day_that_an_island_left_out_is_a_gap_too() -> None:
    """Samoa went from the 29th to the 31st of December 2011."""
    assert following("0 9 30 12 *", "Pacific/Apia", "2011-12-29 12:00", 1) == ["2011-12-30 10:00"]


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ("", "five cron fields"),
        ("1 2 3", "five cron fields"),
        ("9s", "from 10s"),
        ("400d", "366d"),
        ("60 * * * *", "no minute"),
        ("* 24 * * *", "no hour"),
        ("* * 0 * *", "no day of the month"),
        ("* * * 13 *", "no month"),
        ("* * * * 8", "no day of the week"),
        ("* * * * xyz", "no day of the week"),
        ("5/2 * * * *", "8-18/2"),
        ("*/0 * * * *", "*/15"),
        ("9-5 * * * *", "backwards"),
        ("1,,2 * * * *", "no minute"),
        ("? * * * *", "no minute"),
        ("0 0 31 2 *", "no such day"),
        ("² * * * *", "no minute"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(every: str, words: str) -> None:
    with pytest.raises(BadRecurrence) as caught:
        recurrence(every)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "Europe", "../../etc/passwd", "a\0b", "/etc/localtime"])
def test_a_zone_that_is_not_known_is_a_sentence(zone: str) -> None:
    with pytest.raises(BadRecurrence, match="zone"):
        recurrence("0 0 * * *", zone)
