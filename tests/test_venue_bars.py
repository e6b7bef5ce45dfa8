"""Bars: each told once, in order, closed; what is missing is asked for; history in any page order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from kedge.model.venue import Bar
from kedge.venues.bars import BarKeeper, History, Missing, fill_flat

MIN = 60_000_000_000
GRACE = 5_000_000_000


def bar(minute: int, close: int | None = None, volume: int = 1) -> Bar:
    price = Decimal(100 + minute if close is None else close)
    return Bar(minute * MIN, price, price + 1, price - 1, price, Decimal(volume))


def flat(minute: int, close: int) -> Bar:
    price = Decimal(close)
    return Bar(minute * MIN, price, price, price, price, Decimal(0))


def begun(*minutes: int) -> BarKeeper:
    keeper = BarKeeper(MIN, GRACE)
    keeper.begin([bar(minute) for minute in minutes])
    return keeper


# ── the stream ──────────────────────────────────────────────────────────────────────────────────


def test_history_first_and_then_the_stream_each_once() -> None:
    keeper = BarKeeper(MIN)
    assert keeper.heard(bar(4)) == ()
    assert keeper.heard(bar(3)) == ()
    assert keeper.begin([bar(3), bar(1), bar(2)]) == (bar(1), bar(2), bar(3), bar(4))
    assert keeper.heard(bar(4)) == ()
    assert keeper.heard(bar(2)) == ()
    assert keeper.heard(bar(5)) == (bar(5),)
    assert keeper.next_ns == 6 * MIN
    assert keeper.missing is None


def test_a_market_without_history_begins_with_its_first_bar() -> None:
    keeper = BarKeeper(MIN)
    assert keeper.begin([]) == ()
    assert keeper.missing is None
    assert keeper.next_ns == 0
    keeper.due(100 * MIN)
    assert keeper.missing is None
    assert keeper.heard(bar(7)) == (bar(7),)


def test_a_hole_is_reported_and_what_follows_waits() -> None:
    keeper = begun(1)
    assert keeper.heard(bar(4)) == ()
    assert keeper.heard(bar(5)) == ()
    asked = keeper.missing
    assert asked == Missing(2 * MIN, 4 * MIN)
    told = keeper.answered(asked, [bar(3), bar(2), bar(4)], 5 * MIN)
    assert told == (bar(2), bar(3), bar(4), bar(5))
    assert keeper.missing is None


def test_empty_intervals_are_flat_at_the_last_close() -> None:
    keeper = begun(1)
    keeper.heard(bar(5))
    asked = keeper.missing
    assert asked is not None
    told = keeper.answered(asked, [bar(3)], 5 * MIN)
    assert told == (flat(2, 101), bar(3), flat(4, 103), bar(5))


def test_what_history_does_not_reach_is_not_made_up() -> None:
    keeper = begun(1)
    keeper.heard(bar(5))
    asked = keeper.missing
    assert asked is not None
    assert keeper.answered(asked, [bar(2)], 3 * MIN) == (bar(2),)
    assert keeper.missing == Missing(3 * MIN, 5 * MIN)
    assert keeper.heard(bar(3)) == (bar(3),)
    assert keeper.heard(bar(4)) == (bar(4), bar(5))


def test_silence_after_the_end_of_an_interval_is_a_hole() -> None:
    keeper = begun(1)
    keeper.due(3 * MIN + GRACE - 1)
    assert keeper.missing is None
    keeper.due(3 * MIN + GRACE)
    asked = keeper.missing
    assert asked is not None
    assert (asked.since_ns, asked.until_ns) == (2 * MIN, 2 * MIN + 1)
    assert keeper.answered(asked, [], 2 * MIN) == ()
    assert keeper.answered(asked, [], 2 * MIN + 1) == (flat(2, 101),)
    assert keeper.missing is None


def test_the_streams_word_counts_more_than_the_historys() -> None:
    keeper = begun(1)
    keeper.heard(bar(3, 50))
    keeper.due(4 * MIN + GRACE)
    asked = keeper.missing
    assert asked is not None
    assert keeper.answered(asked, [bar(2), bar(3, 40)], 10 * MIN) == (bar(2), bar(3, 50))


def test_odd_bars_are_let_go() -> None:
    keeper = begun(1)
    assert keeper.heard(Bar(2 * MIN + 1, *[Decimal(1)] * 5)) == ()
    assert keeper.heard(bar(10_000_000)) == ()
    assert keeper.missing is None
    for minute in range(1_100, 3, -1):
        keeper.heard(bar(minute))
    assert keeper.missing == Missing(2 * MIN, 4 * MIN)


def test_weeks_begin_where_the_venue_says() -> None:
    week = 7 * 24 * 60
    keeper = BarKeeper(week * MIN, GRACE)
    monday = 4 * 24 * 60
    assert keeper.begin([bar(monday)]) == (bar(monday),)
    assert keeper.heard(bar(monday + week)) == (bar(monday + week),)
    keeper.due((monday + 3 * week) * MIN - 1)
    assert keeper.missing is None


# ── history ─────────────────────────────────────────────────────────────────────────────────────

Page = Callable[[Missing], list[Bar]]


def venue(bars: list[Bar], most: int, *, newest_first: bool, end_included: bool = False) -> Page:
    """How venues page: so many of a stretch, from one of its ends."""

    def page(window: Missing) -> list[Bar]:
        until_ns = window.until_ns + (1 if end_included else 0)
        found = [one for one in bars if window.since_ns <= one.start_ns < until_ns]
        return found[::-1][:most] if newest_first else found[:most]

    return page


def all_of(paging: History, ask: Page) -> int:
    """Page to the end; how many questions it took."""
    asked = 0
    while (window := paging.window) is not None:
        paging.took(ask(window))
        asked += 1
        assert asked < 1_000
    return asked


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("end_included", [False, True])
@pytest.mark.parametrize("most", [10, 7, 3, 2])
def test_history_is_whole_whatever_the_pages_are(most: int, newest_first: bool, end_included: bool) -> None:
    bars = [bar(minute) for minute in range(100) if minute % 7 and minute not in range(40, 55)]
    paging = History(MIN, 5 * MIN, 93 * MIN, 10)
    all_of(paging, venue(bars, most, newest_first=newest_first, end_included=end_included))
    wanted = fill_flat([one for one in bars if 5 * MIN <= one.start_ns < 93 * MIN], MIN)
    assert paging.bars(1_000 * MIN) == wanted
    assert [one.start_ns // MIN for one in wanted] == list(range(5, 93))


def test_a_dense_history_takes_no_more_questions_than_pages() -> None:
    bars = [bar(minute) for minute in range(100)]
    for newest_first in (False, True):
        paging = History(MIN, 0, 100 * MIN, 25)
        assert all_of(paging, venue(bars, 25, newest_first=newest_first)) == 4
        unaligned = History(MIN, 5, 75 * MIN + 5, 25)
        assert all_of(unaligned, venue(bars, 25, newest_first=newest_first)) <= 8
        assert len(unaligned.bars(1_000 * MIN)) == 75


def test_open_bars_are_seen_and_not_told() -> None:
    paging = History(MIN, 0, 4 * MIN, 10)
    all_of(paging, venue([bar(0), bar(2)], 10, newest_first=False))
    assert paging.bars(2 * MIN + 5) == (bar(0),)
    # It shows a bar at 2, so there was none at 1; of 3 it says nothing yet.
    assert paging.known_until_ns(2 * MIN + 5, 2 * MIN) == 2 * MIN
    assert paging.known_until_ns(10 * MIN, 2 * MIN) == 7 * MIN + 1


def test_bars_that_come_while_one_pages_shift_nothing() -> None:
    bars = [bar(minute) for minute in range(20)]
    paging = History(MIN, 0, 20 * MIN, 5)
    asked = 0
    while (window := paging.window) is not None:
        paging.took(venue(bars, 5, newest_first=True)(window))
        bars.append(bar(20 + asked))
        asked += 1
    assert paging.bars(1_000 * MIN) == tuple(bars[:20])


def test_nothing_is_nothing() -> None:
    paging = History(MIN, 0, 100 * MIN, 10)
    assert all_of(paging, lambda window: []) == 10
    assert paging.bars(1_000 * MIN) == ()
    assert History(MIN, 10, 10, 5).window is None
    assert fill_flat([], MIN) == ()
