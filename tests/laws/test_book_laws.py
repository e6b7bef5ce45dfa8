"""Laws of the order book, against the plainest model there is: a dict, sorted when asked."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kedge.model.book import Book
from kedge.model.venue import Level

# Bids and asks from ranges that meet, so that crossed books happen and calm ones are common.
bid_prices = st.integers(80, 101).map(Decimal)
ask_prices = st.integers(100, 120).map(Decimal)
qtys = st.integers(0, 5).map(Decimal)


def side(prices: st.SearchStrategy[Decimal]) -> st.SearchStrategy[list[Level]]:
    return st.lists(st.builds(Level, prices, qtys), max_size=8)


changes = st.tuples(side(bid_prices), side(ask_prices))


class Plain:
    """The same book without any cleverness."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}

    def change(self, bids: list[Level], asks: list[Level]) -> bool:
        for into, levels in ((self.bids, bids), (self.asks, asks)):
            for level in levels:
                into[level.price] = level.qty
                if not level.qty:
                    del into[level.price]
        return not self.bids or not self.asks or max(self.bids) < min(self.asks)

    def best(self, count: int) -> tuple[list[Level], list[Level]]:
        bids = [Level(p, q) for p, q in sorted(self.bids.items(), reverse=True)]
        asks = [Level(p, q) for p, q in sorted(self.asks.items())]
        return bids[:count], asks[:count]


@given(snapshot=changes, updates=st.lists(changes, max_size=12), count=st.integers(1, 30))
def test_the_book_is_the_plain_model_or_lost(
    snapshot: tuple[list[Level], list[Level]],
    updates: list[tuple[list[Level], list[Level]]],
    count: int,
) -> None:
    book, plain = Book(), Plain()
    ok = plain.change(*snapshot)
    assert (book.reset(*snapshot, 1, 0, 0) == "") is ok
    for seq, (bids, asks) in enumerate(updates, start=2):
        if not ok:
            break
        ok = plain.change(bids, asks)
        assert (book.apply(bids, asks, seq, seq - 1, seq, seq) == "") is ok
    if ok:
        assert tuple(map(list, book.best(count))) == plain.best(count)
    else:
        assert book.best(count) == ((), ())
        assert not book.live


@given(updates=st.lists(changes, min_size=1, max_size=8), data=st.data())
def test_no_missing_change_goes_unnoticed(
    updates: list[tuple[list[Level], list[Level]]], data: st.DataObject
) -> None:
    """Drop, repeat or swap messages: the book is then exactly right, or it is lost. Never wrong."""
    numbered = [(seq, bids, asks) for seq, (bids, asks) in enumerate(updates, start=1)]
    heard = data.draw(st.lists(st.sampled_from(numbered), max_size=12))
    book, told = Book(), {0: Plain()}
    book.reset([], [], 0, 0, 0)
    for seq, bids, asks in numbered:
        plain = Plain()
        plain.bids, plain.asks = dict(told[seq - 1].bids), dict(told[seq - 1].asks)
        plain.change(bids, asks)
        told[seq] = plain
    for seq, bids, asks in heard:
        book.apply(bids, asks, seq, seq - 1, 0, 0)
        if book.live:
            assert tuple(map(list, book.best(30))) == told[book.seq].best(30)
