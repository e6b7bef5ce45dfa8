"""The order book: what it shows, and everything after which it shows nothing."""

from decimal import Decimal

import pytest

from kedge.model.book import Book
from kedge.model.venue import Level


def levels(*pairs: tuple[str, str]) -> list[Level]:
    return [Level(Decimal(price), Decimal(qty)) for price, qty in pairs]


def a_book() -> Book:
    book = Book()
    why = book.reset(levels(("99", "1"), ("98", "2")), levels(("101", "3"), ("102", "4")), 10, 1, 1)
    assert why == ""
    return book


def test_shows_the_best_first() -> None:
    bids, asks = a_book().best(5)
    assert bids == tuple(levels(("99", "1"), ("98", "2")))
    assert asks == tuple(levels(("101", "3"), ("102", "4")))
    assert a_book().best(1) == (tuple(levels(("99", "1"))), tuple(levels(("101", "3"))))


def test_a_new_book_is_lost() -> None:
    book = Book()
    assert not book.live
    assert book.best(3) == ((), ())
    assert book.apply([], [], 2, 1, 0, 0) == "no snapshot yet"


def test_changes_insert_replace_and_remove() -> None:
    book = a_book()
    changes = levels(("99", "0"), ("98.5", "7"), ("98", "9"))
    assert book.apply(changes, levels(("100", "1")), 11, 10, 2, 2) == ""
    bids, asks = book.best(5)
    assert bids == tuple(levels(("98.5", "7"), ("98", "9")))
    assert asks[0] == Level(Decimal(100), Decimal(1))
    assert (book.seq, book.venue_ns) == (11, 2)


def test_equal_prices_in_other_spellings_are_one_level() -> None:
    book = a_book()
    assert book.apply(levels(("99.00", "5")), [], 11, 10, 2, 2) == ""
    bids, _ = book.best(5)
    assert [b.qty for b in bids] == [Decimal(5), Decimal(2)]


def test_removing_what_is_not_there_is_harmless() -> None:
    book = a_book()
    assert book.apply(levels(("97", "0")), [], 11, 10, 2, 2) == ""
    assert len(book.best(5)[0]) == 2


def test_a_gap_loses_the_book_until_the_next_snapshot() -> None:
    book = a_book()
    why = book.apply([], [], 12, 11, 2, 2)
    assert why.startswith("gap")
    assert book.best(5) == ((), ())
    assert book.apply([], [], 13, 12, 3, 3) == why, "a lost book stays lost"
    assert book.reset(levels(("99", "1")), [], 20, 4, 4) == ""
    assert book.live


def test_a_repeated_change_does_nothing() -> None:
    book = a_book()
    assert book.apply(levels(("99", "0")), [], 10, 9, 2, 2) == ""
    assert book.best(1)[0] == tuple(levels(("99", "1")))


@pytest.mark.parametrize("ask", ["99", "98.5"])
def test_a_crossed_or_locked_book_is_lost(ask: str) -> None:
    book = a_book()
    assert book.apply([], levels((ask, "1")), 11, 10, 2, 2).startswith("crossed")
    assert not book.live


def test_a_crossed_snapshot_is_lost() -> None:
    assert Book().reset(levels(("100", "1")), levels(("99", "1")), 1, 1, 1).startswith("crossed")


def test_a_change_that_moves_through_the_other_side_is_judged_as_a_whole() -> None:
    book = a_book()
    gone = levels(("101", "0"), ("102", "0"), ("105", "1"))
    assert book.apply(levels(("103", "1")), gone, 11, 10, 2, 2) == ""


@pytest.mark.parametrize(
    ("price", "qty"), [("0", "1"), ("-1", "1"), ("1", "-1"), ("NaN", "1"), ("1", "NaN"), ("1E15", "1")]
)
def test_numbers_that_cannot_be_lose_the_book(price: str, qty: str) -> None:
    book = a_book()
    assert book.apply(levels((price, qty)), [], 11, 10, 2, 2).startswith("corrupt")


def test_a_book_that_only_grows_is_lost() -> None:
    book = Book(levels_max=3)
    bids = levels(*((str(n), "1") for n in range(1, 5)))
    assert book.reset(bids, [], 1, 1, 1).startswith("corrupt")


def test_age() -> None:
    book = a_book()
    assert book.check_age(5_000_001, 5_000_000) == ""
    assert book.check_age(5_000_002, 5_000_000).startswith("stale")
    assert not book.live
