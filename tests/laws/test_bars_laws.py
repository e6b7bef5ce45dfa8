"""Laws of bars: whatever a stream loses, doubles and shuffles, what is told is the history, flat and once."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kedge.model.venue import Bar
from kedge.venues.bars import BarKeeper, History, fill_flat

MIN = 60_000_000_000
GRACE = 5_000_000_000
SETTLED = 120_000_000_000


def bar(minute: int) -> Bar:
    price = Decimal(100 + minute)
    return Bar(minute * MIN, price, price, price, price, Decimal(1))


class Client:
    """What an adapter does with a keeper: hand it bars, ask history for what is missing."""

    def __init__(self, traded: list[int], limit: int, newest_first: bool, lag: int) -> None:
        self.bars = [bar(minute) for minute in traded]
        self.limit, self.newest_first, self.lag_ns = limit, newest_first, lag * MIN
        self.keeper = BarKeeper(MIN, GRACE)
        self.told: list[Bar] = []
        self.now_ns = 0

    def history(self, since_ns: int, until_ns: int) -> History:
        """The venue's history lags, but shows every bar once it is two minutes old."""
        paging = History(MIN, since_ns, until_ns, self.limit)
        while (window := paging.window) is not None:
            page = [
                one
                for one in self.bars
                if window.since_ns <= one.start_ns < window.until_ns
                and one.start_ns + MIN + min(self.lag_ns, MIN) <= self.now_ns
            ]
            paging.took(page[::-1][: self.limit] if self.newest_first else page[: self.limit])
        return paging

    def begin(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.told += self.keeper.begin(self.history(0, now_ns).bars(now_ns))

    def look(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.keeper.due(now_ns)
        asked = self.keeper.missing
        if asked is not None:
            paging = self.history(asked.since_ns, asked.until_ns)
            known_ns = paging.known_until_ns(now_ns, SETTLED)
            self.told += self.keeper.answered(asked, paging.bars(now_ns), known_ns)


@given(
    traded=st.sets(st.integers(0, 60), min_size=1).map(sorted),
    begins=st.integers(1, 30),
    heard=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=60),
    limit=st.integers(1, 20),
    newest_first=st.booleans(),
    lag=st.integers(0, 1),
)
def test_what_is_told_is_the_history(
    traded: list[int],
    begins: int,
    heard: list[tuple[int, int]],
    limit: int,
    newest_first: bool,
    lag: int,
) -> None:
    client = Client(traded, limit, newest_first, lag)
    client.begin(begins * MIN)
    # The stream brings some bars, at the end of their minute or up to three minutes later, some twice.
    for minute in range(begins, 70):
        for which, late in heard:
            if which in traded and which + 1 + late == minute:
                client.told += client.keeper.heard(bar(which))
        client.look(minute * MIN + GRACE)
    starts = [one.start_ns // MIN for one in client.told]
    assert starts == list(range(starts[0], starts[0] + len(starts))) if starts else not client.told
    if not starts:
        # Nothing had traded when it began, and nothing was heard since.
        assert not any(minute + 1 <= begins - lag for minute in traded)
        return
    every = fill_flat(client.bars, MIN, 68 * MIN)
    assert client.told == [one for one in every if starts[0] * MIN <= one.start_ns <= starts[-1] * MIN]
    assert starts[-1] >= 66


@given(
    minutes=st.lists(st.integers(0, 200), max_size=80),
    since=st.integers(0, 100),
    length=st.integers(0, 150),
    limit=st.integers(1, 50),
    most=st.integers(1, 50),
    newest_first=st.booleans(),
)
def test_paging_finds_everything(
    minutes: list[int], since: int, length: int, limit: int, most: int, newest_first: bool
) -> None:
    bars = [bar(minute) for minute in sorted(set(minutes))]
    paging = History(MIN, since * MIN, (since + length) * MIN, limit)
    for _ in range(1_000):
        window = paging.window
        if window is None:
            break
        page = [one for one in bars if window.since_ns <= one.start_ns < window.until_ns]
        paging.took(page[::-1][:most] if newest_first else page[:most])
    assert paging.window is None
    mine = [one for one in bars if since * MIN <= one.start_ns < (since + length) * MIN]
    assert paging.bars(1_000 * MIN) == fill_flat(mine, MIN)
