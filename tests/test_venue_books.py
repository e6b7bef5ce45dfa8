"""The books of one connection: every gap rule, what waits for a snapshot, how politely one is asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.book import Book
from kedge.model.events import BookLost, BookUpdate, Event
from kedge.model.venue import Level
from kedge.venues import books as books_module
from kedge.venues.books import Books, Change, Follow, Follows
from kedge.venues.quickbook import Pairs, QuickBook

S = 1_000_000_000
BIDS: Pairs = [("99", "1"), ("98", "2")]
ASKS: Pairs = [("101", "1"), ("102", "2")]
NONE: Pairs = []


def levels(pairs: Pairs) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(qty)) for price, qty in pairs)


# ── gap rules, as venues have them ──────────────────────────────────────────────────────────────


def by_one(seq: int, change: Change, fresh: bool) -> Follow:
    """Bybit: numbers grow by one."""
    if change.last == seq + 1:
        return "apply"
    return "skip" if change.last <= seq else "gap"


def by_range(seq: int, change: Change, fresh: bool) -> Follow:
    """Binance spot: ranges that touch."""
    if change.last <= seq:
        return "skip"
    return "apply" if change.first <= seq + 1 else "gap"


def by_prev(seq: int, change: Change, fresh: bool) -> Follow:
    """Binance futures: each names the one before; the first spans the snapshot."""
    if change.last < seq:
        return "skip"
    if fresh:
        return "apply" if change.first <= seq else "gap"
    return "apply" if change.prev == seq else "gap"


class World:
    """Books, and all they say and ask."""

    def __init__(self, follows: Follows = by_one, *, buffer: bool = False) -> None:
        self.now_ns = 1_000 * S
        self.events: list[Event] = []
        self.asked: list[tuple[int, str]] = []
        self.books = Books(
            "v/a",
            lambda: self.now_ns,
            5 * S,
            follows,
            self.events.append,
            lambda symbol: self.asked.append((self.now_ns // S - 1_000, symbol)),
            buffer=buffer,
        )

    def live(self, symbol: str = "X", seq: int = 10) -> Books:
        self.books.watch([symbol])
        self.books.begin()
        self.books.snapshot(symbol, BIDS, ASKS, seq)
        self.books.flush()
        self.events.clear()
        return self.books

    def wait(self, seconds: int) -> None:
        """Seconds pass, and the books are looked after once in each; the line stays alive."""
        for _ in range(seconds):
            self.now_ns += S
            self.books.alive()
            self.books.check()

    def said(self) -> list[Event]:
        self.books.flush()
        events = list(self.events)
        self.events.clear()
        return events


# ── telling ─────────────────────────────────────────────────────────────────────────────────────


def test_changes_of_one_read_are_told_once() -> None:
    world = World()
    books = world.live()
    books.change("X", Change([("99", "5")], NONE, 11, venue_ns=7))
    books.change("X", Change(NONE, [("101", "0")], 12, venue_ns=8))
    assert world.events == []
    assert world.said() == [
        BookUpdate("v/a:X", levels([("99", "5"), ("98", "2")]), levels([("102", "2")]), 8)
    ]
    assert world.said() == []
    books.retell()
    assert len(world.said()) == 1


def test_what_was_held_up_on_its_way_is_not_believed() -> None:
    """A line that stood for half a minute and moves again tells the past first."""
    world = World()
    books = world.live()
    late_ns = world.now_ns - 31 * S
    books.change("X", Change([("99", "5")], NONE, 11, sent_ns=late_ns))
    assert world.said() == [BookLost("v/a:X", "what the stream says was 31 s on its way")]
    assert not books.is_live("X")
    books.change("X", Change([("99", "4")], NONE, 12, sent_ns=late_ns + S))
    assert world.said() == [], "said once"
    assert not books.heard("X", late_ns), "an old sign of life is none"
    books.change("X", Change([("99", "3")], NONE, 13, sent_ns=world.now_ns - S))
    assert world.said() == [
        BookUpdate("v/a:X", levels([("99", "3"), ("98", "2")]), levels([("101", "1"), ("102", "2")]), 0)
    ]
    assert books.is_live("X")
    assert world.asked == [], "no snapshot was needed"


def test_what_came_late_and_is_followed_by_nothing_is_asked_for_anew() -> None:
    world = World()
    books = world.live()
    books.change("X", Change([("99", "5")], NONE, 11, sent_ns=world.now_ns - 31 * S))
    world.said()
    world.wait(6)
    assert [at for at, _ in world.asked] == [6]
    books.snapshot("X", BIDS, ASKS, 20, sent_ns=world.now_ns)
    assert [type(event) for event in world.said()] == [BookUpdate]


def test_what_is_not_watched_is_not_kept() -> None:
    world = World()
    books = world.live()
    books.snapshot("Y", BIDS, ASKS, 1)
    books.change("Y", Change(BIDS, ASKS, 2))
    books.heard("Y", world.now_ns)
    books.lost("Y", "who knows")
    assert world.said() == []
    assert books.watch(["Y", "X", "Y"]) == (("Y",), ())
    assert books.symbols == ("X", "Y")
    assert books.is_live("X")
    assert not books.is_live("Y")
    assert books.watch(["Y"]) == ((), ("X",))
    assert not books.is_live("X")
    books.drop("Y", "the venue has no such symbol")
    assert world.said() == [BookLost("v/a:Y", "the venue has no such symbol")]


def test_a_lost_book_is_told_once_and_asked_for_with_growing_waits() -> None:
    world = World()
    books = world.live()
    world.wait(1)
    books.change("X", Change([("99", "5")], NONE, 13))
    books.change("X", Change([("99", "6")], NONE, 14))
    assert world.said() == [BookLost("v/a:X", "gap: the book is at 10 and the change is 13")]
    world.wait(70)
    assert [at for at, _ in world.asked] == [1, 2, 4, 8, 16, 32, 62]
    assert world.said() == []
    books.snapshot("X", BIDS, ASKS, 20)
    books.change("X", Change([("99", "7")], NONE, 21))
    assert len(world.said()) == 1
    # A book that lived is asked for at once when it breaks; one that never did is not.
    world.wait(60)
    books.lost("X", "the venue begins anew")
    assert world.asked[-1][0] == 131
    books.snapshot("X", BIDS, [("90", "1")], 30)
    assert world.asked[-1][0] == 131
    assert world.said() == [BookLost("v/a:X", "the venue begins anew")]


@pytest.mark.parametrize(
    ("bids", "why"),
    [
        ([("101", "1")], "crossed: bid 101 is not below ask 101"),
        ([("x", "1")], "corrupt: a price or a quantity is out of range"),
        ([("-1", "1")], "corrupt: a price or a quantity is out of range"),
        ([("NaN", "1")], "corrupt: a price or a quantity is out of range"),
        ([("0", "1")], "corrupt: a price or a quantity is out of range"),
        ([("1e15", "1")], "corrupt: a price or a quantity is out of range"),
        ([("100", "-1")], "corrupt: a quantity is out of range"),
        ([("100", "sNaN")], "corrupt: a quantity is out of range"),
        ([("100", "Infinity")], "corrupt: a quantity is out of range"),
        ([("100", "many")], "corrupt: a quantity is out of range"),
    ],
)
def test_what_cannot_be_loses_the_book(bids: Pairs, why: str) -> None:
    world = World()
    books = world.live()
    world.wait(1)
    books.change("X", Change(bids, NONE, 11))
    assert world.said() == [BookLost("v/a:X", why)]
    assert len(world.asked) == 1


def test_too_many_levels_are_a_feed_that_never_deletes() -> None:
    book = QuickBook(levels_max=3)
    assert book.reset(BIDS, ASKS, 1, 0, 0) == ""
    why = book.change([("97", "1"), ("96", "1")], NONE, 2, 0, 0)
    assert why == "corrupt: more than 3 levels on one side"
    assert book.change(NONE, NONE, 3, 0, 0) == why


# ── age ─────────────────────────────────────────────────────────────────────────────────────────


def test_stale_is_closed_unless_the_line_is_alive_or_repeats_itself() -> None:
    world = World()
    books = world.live()
    world.wait(60)
    assert books.is_live("X")
    for _ in range(10):
        world.now_ns += S
        books.heard("X", world.now_ns)
        books.check()
    assert books.is_live("X")
    for _ in range(6):
        world.now_ns += S
        books.check()
    assert world.said() == [BookLost("v/a:X", "stale: nothing heard for 6000 ms")]
    assert len(world.asked) == 1


def test_the_end_of_the_line_is_the_end_of_its_books() -> None:
    world = World()
    books = world.live()
    books.change("X", Change([("99", "5")], NONE, 11))
    books.lose_all("the line was cut")
    assert world.said() == [BookLost("v/a:X", "the line was cut")]
    world.wait(100)
    assert world.asked == []  # there is nobody to ask
    books.begin()
    books.change("X", Change([("99", "5")], NONE, 12))
    assert world.said() == []
    books.snapshot("X", BIDS, ASKS, 1)
    assert len(world.said()) == 1
    books.begin()
    assert world.said() == [BookLost("v/a:X", "a new connection")]


# ── rules ───────────────────────────────────────────────────────────────────────────────────────


def test_repetitions_do_nothing() -> None:
    for follows in (by_one, by_range):
        world = World(follows)
        books = world.live()
        books.change("X", Change([("99", "9")], NONE, 10, 9))
        assert world.said() == []


def test_ranges_may_overlap_but_not_leave_a_hole() -> None:
    world = World(by_range)
    books = world.live()
    books.change("X", Change([("99", "3")], NONE, 15, 8))
    books.change("X", Change([("99", "4")], NONE, 16, 16))
    assert len(world.said()) == 1
    books.change("X", Change([("99", "5")], NONE, 19, 18))
    assert world.said() == [BookLost("v/a:X", "gap: the book is at 16 and the change is 18-19")]


def test_a_change_that_follows_another_one_is_a_gap() -> None:
    world = World(by_prev)
    books = world.live()
    books.change("X", Change([("99", "3")], NONE, 15, 8, 7))
    books.change("X", Change([("99", "4")], NONE, 20, 17, 15))
    assert len(world.said()) == 1
    books.change("X", Change([("99", "5")], NONE, 25, 22, 21))
    assert world.said() == [BookLost("v/a:X", "gap: the book is at 20 and the change is 22-25 after 21")]


# ── snapshots that come another way ─────────────────────────────────────────────────────────────


def test_changes_wait_for_their_snapshot() -> None:
    world = World(by_range, buffer=True)
    books = world.books
    books.watch(["X"])
    books.begin()
    assert world.asked == []
    books.change("X", Change([("99", "1")], NONE, 12, 11))
    assert world.asked == [(0, "X")]
    books.change("X", Change([("99", "2")], NONE, 14, 13))
    # Too old: what follows it is not known.
    books.snapshot("X", BIDS, ASKS, 9)
    assert [type(event) for event in world.said()] == [BookLost]
    assert world.asked == [(0, "X")]
    world.wait(1)
    assert world.asked == [(0, "X"), (1, "X")]
    books.change("X", Change([("99", "3")], NONE, 16, 15))
    books.snapshot("X", BIDS, ASKS, 13)
    assert world.said() == [BookUpdate("v/a:X", levels([("99", "3"), ("98", "2")]), levels(ASKS), 0)]


def test_a_hole_among_those_that_wait_needs_a_newer_snapshot() -> None:
    world = World(by_range, buffer=True)
    books = world.books
    books.watch(["X"])
    books.begin()
    for first in (11, 12, 14, 15):
        books.change("X", Change([("99", str(first))], NONE, first, first))
    books.snapshot("X", BIDS, ASKS, 10)
    assert not books.is_live("X")
    books.snapshot("X", BIDS, ASKS, 13)
    assert books.is_live("X")
    books.change("X", Change([("99", "16")], NONE, 16, 16))
    update = world.said()[-1]
    assert isinstance(update, BookUpdate)
    assert update.bids[0] == Level(Decimal(99), Decimal(16))


def test_a_gap_keeps_the_change_that_showed_it() -> None:
    world = World(by_prev, buffer=True)
    books = world.live()
    world.wait(1)
    books.change("X", Change([("99", "3")], NONE, 15, 8, 7))
    books.change("X", Change([("99", "5")], NONE, 25, 22, 21))
    assert world.asked == [(1, "X")]
    books.snapshot("X", BIDS, ASKS, 23)
    assert books.is_live("X")


def test_a_market_too_quiet_for_changes_gets_its_snapshot_too() -> None:
    world = World(by_range, buffer=True)
    world.books.watch(["X"])
    world.books.begin()
    world.wait(1)
    assert world.asked == [(1, "X")]


def test_waiting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books_module, "BUFFER_MAX", 10)
    world = World(by_range, buffer=True)
    books = world.books
    books.watch(["X"])
    books.begin()
    for number in range(1, 26):
        books.change("X", Change([("99", "1")], NONE, number, number))
    books.snapshot("X", BIDS, ASKS, 10)
    assert not books.is_live("X")  # 11 to 20 were let go
    books.snapshot("X", BIDS, ASKS, 20)
    assert books.is_live("X")


# ── the quick book is the book ──────────────────────────────────────────────────────────────────

SPELLINGS = {0: ["0", "0.00", "0e0", "-0"], 5: ["5", "5.0", "0.5e1"]}


def spell(number: int, kind: int) -> str:
    spellings = SPELLINGS.get(number, [str(number), f"{number}.0", f"{number}.000"])
    return spellings[kind % len(spellings)]


def sides(low: int, high: int) -> st.SearchStrategy[list[tuple[str, str]]]:
    prices = st.builds(spell, st.integers(low, high), st.integers(0, 3))
    qtys = st.builds(spell, st.integers(0, 6), st.integers(0, 3))
    return st.lists(st.tuples(prices, qtys), max_size=8)


messages = st.tuples(sides(80, 100), sides(100, 120))


@given(snapshot=messages, changes=st.lists(messages, max_size=12), count=st.integers(1, 30))
def test_the_quick_book_shows_what_the_book_shows(
    snapshot: tuple[Pairs, Pairs], changes: list[tuple[Pairs, Pairs]], count: int
) -> None:
    """Shown after every message; a zero in a rare spelling may cross the quick book, which then is lost."""
    quick, plain = QuickBook(), Book()
    why = quick.reset(*snapshot, 1, 0, 0)
    lost = plain.reset(levels(snapshot[0]), levels(snapshot[1]), 1, 0, 0)
    for seq, (bids, asks) in enumerate(changes, start=2):
        assert why or not lost
        if why:
            return
        assert quick.best(count) == plain.best(count)
        assert quick.best(30) == plain.best(30)
        why = quick.change(bids, asks, seq, 0, 0)
        lost = plain.apply(levels(bids), levels(asks), seq, seq - 1, 0, 0)
    assert why or quick.best(count) == plain.best(count)
    assert quick.live is (why == "")


@given(snapshot=messages, changes=st.lists(messages, max_size=30), count=st.integers(1, 30))
def test_what_is_shown_again_is_what_stands(
    snapshot: tuple[Pairs, Pairs], changes: list[tuple[Pairs, Pairs]], count: int
) -> None:
    """The same number of levels each time, so that what was shown before is taken over."""
    quick, plain = QuickBook(), Book()
    why = quick.reset(*snapshot, 1, 0, 0)
    plain.reset(levels(snapshot[0]), levels(snapshot[1]), 1, 0, 0)
    for seq, (bids, asks) in enumerate(changes, start=2):
        if why:
            return
        assert quick.best(count) == plain.best(count)
        assert quick.best(count) is not None
        why = quick.change(bids, asks, seq, 0, 0)
        plain.apply(levels(bids), levels(asks), seq, seq - 1, 0, 0)
    assert why or quick.best(count) == plain.best(count)


def test_prices_that_went_are_forgotten_some_day() -> None:
    book = QuickBook()
    book.reset([("1", "1")], [("1000000", "1")], 1, 0, 0)
    for number in range(2, 2_000):
        assert not book.change([(f"{number}", "1"), (f"{number - 1}", "0")], [], number, 0, 0)
        assert book.best(3)[0][0].price == number
    assert len(book._bids.numbers) < 200


def test_what_was_shown_and_has_not_changed_is_the_same_object() -> None:
    """The engine compares books with those before them; the same object is equal at a glance."""
    book = QuickBook()
    book.reset([("99", "1"), ("98", "1")], [("101", "1")], 1, 0, 0)
    bids, asks = book.best(2)
    book.change([("98", "2")], [], 2, 0, 0)
    again, still = book.best(2)
    assert again[0] is bids[0]
    assert still is asks
    assert again[1].qty == 2


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=5))
def test_whatever_is_written_there_is_no_crash(pairs: list[tuple[str, str]]) -> None:
    book = QuickBook()
    book.reset([("99", "1")], [("101", "1")], 1, 0, 0)
    book.change(pairs, pairs, 2, 0, 0)
    bids, asks = book.best(10)
    assert all(level.price > 0 and level.qty > 0 for level in (*bids, *asks))
    assert bool(book.lost) or bids or asks
