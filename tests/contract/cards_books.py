"""Markets: instruments, books and marks."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from kedge.model.events import (
    BookLost,
    BookUpdate,
    LinkDown,
    LinkUp,
    MarkUpdate,
)
from kedge.model.instrument import market_of
from kedge.model.numbers import text
from kedge.model.venue import Answer
from tests.contract.cards import card
from tests.contract.desk import SECOND, Desk, is_sentence
from tests.contract.rig import Rig

MINUTE_NS = 60 * SECOND


# ── instruments ─────────────────────────────────────────────────────────────────────────────────


@card(201, "steps", "Kind, coins, steps, minimums and expiry are the venue's own, exactly")
async def steps(rig: Rig) -> None:
    desk = await rig.up()
    told, true = desk.instruments()[rig.symbol], rig.terms()
    for name in ("symbol", "kind", "base", "quote", "settle", "multiplier", "expires_ns", "status"):
        assert getattr(told, name) == getattr(true, name), name
    for name in ("tick", "qty_step", "min_qty", "min_notional"):
        number = getattr(told, name)
        assert isinstance(number, Decimal)
        assert number == getattr(true, name), name
        assert "E" not in text(number)
    assert 0 < told.max_qty <= true.max_qty
    assert told.lot == true.lot


@card(202, "all-listed", "Every instrument that the venue lists is told, and none twice under another name")
async def all_listed(rig: Rig) -> None:
    desk = await rig.up()
    told = desk.instruments()
    assert rig.other in told
    assert rig.strange not in told
    assert len(told) == len([one for one in rig.listed() if one.status == "trading"])
    assert all(one.tick > 0 and one.qty_step > 0 for one in told.values())


@card(
    203, "halted", "A market that does not trade now is told so by its status, and when it trades again too"
)
async def halted(rig: Rig) -> None:
    desk = await rig.up(hurry=True)

    def is_open() -> bool:
        return desk.instruments()[rig.symbol].status == "trading"

    rig.tempo(1.0)
    if rig.halts_watched:
        await desk.watch(rig.symbol)
        await desk.until(BookUpdate)
    rig.halt(True)
    await desk.holds(lambda: not is_open(), 200)
    rig.halt(False)
    await desk.holds(is_open, 200)


@card(232, "halted-first", "A market that was halted when the desk came is traded once it opens")
async def halted_first(rig: Rig) -> None:
    rig.away(True)
    desk = await rig.join(linked=False)
    rig.halt(True)
    rig.away(False)
    await desk.until(LinkUp)
    await desk.watch(rig.symbol)
    await asyncio.sleep(20)
    rig.halt(False)

    def is_open() -> bool:
        told = desk.instruments().get(rig.symbol)
        return told is not None and told.status == "trading"

    await desk.holds(is_open, 130)
    await desk.holds(lambda: _is_true(rig, desk), 30)


@card(204, "halted-order", "In a halt an order is REJECTED for certain")
async def halted_order(rig: Rig) -> None:
    desk = await rig.up()
    rig.halt(True)
    order = rig.order("buy", price=rig.below(3))
    answered = await desk.place(order)
    assert answered.answer is Answer.REJECTED, answered
    is_sentence(answered.reason)
    assert not rig.is_live(order)


# ── books ───────────────────────────────────────────────────────────────────────────────────────


async def _watching(rig: Rig) -> Desk:
    desk = await rig.up()
    await desk.watch(rig.symbol)
    await desk.until(BookUpdate)
    return desk


def _is_true(rig: Rig, desk: Desk, since: int = 0) -> bool:
    """The book that was told last is the exchange's own, as deep as it was told."""
    books = desk.books(rig.symbol, since)
    if not books:
        return False
    told, true = books[-1], rig.window.inner.book(rig.inside, 10)
    return (
        min(len(told.bids), len(true.bids)) > 0
        and all(a == b for a, b in zip(told.bids, true.bids, strict=False))
        and all(a == b for a, b in zip(told.asks, true.asks, strict=False))
    )


@card(205, "first-book", "After `watch` the book comes: best first, and at rest the exchange's own")
async def first_book(rig: Rig) -> None:
    desk = await _watching(rig)
    await desk.holds(lambda: _is_true(rig, desk), 10)
    book = desk.books(rig.symbol)[-1]
    assert len(book.bids) >= 5
    assert len(book.asks) >= 5
    assert book.market == market_of(desk.account, rig.symbol)
    # Zero where a snapshot has no time of its own.
    assert book.venue_ns == 0 or abs(book.venue_ns - rig.now_ns()) < 30 * SECOND


@card(206, "book-change", "A change of the book arrives")
async def book_change(rig: Rig) -> None:
    desk = await _watching(rig)
    for step in range(1, 6):
        since = desk.mark()
        rig.move(rig.above(f"0.{step}"))
        await desk.holds(lambda since=since: _is_true(rig, desk, since), 10)  # type: ignore[misc]
    assert desk.all(BookLost) == []


@card(207, "own-order-in-book", "One's own resting order stands in the book")
async def own_order_in_book(rig: Rig) -> None:
    desk = await _watching(rig)
    order = rig.order("buy", price=rig.mid)
    await desk.rest(order)
    await desk.holds(lambda: desk.books(rig.symbol)[-1].bids[0].price == rig.mid, 10)
    assert desk.books(rig.symbol)[-1].bids[0].qty == order.qty
    await desk.cancel(order)
    await desk.holds(lambda: desk.books(rig.symbol)[-1].bids[0].price < rig.mid, 10)


@card(208, "gap", "A gap is a BookLost with its reason, then a fresh snapshot; no storm of snapshots")
async def gap(rig: Rig) -> None:
    desk = await _watching(rig)
    await asyncio.sleep(5)
    since, before = desk.mark(), rig.traffic()
    rig.gap()
    # At most venues the next change shows that one is missing.
    for step in range(1, 4):
        rig.move(rig.above(f"0.{step}"))
        await asyncio.sleep(0.5)
    await desk.holds(lambda: desk.all(BookLost, since), 30)
    is_sentence(desk.all(BookLost, since)[0].why)
    lost = desk.events.index(desk.all(BookLost, since)[0])
    await desk.holds(lambda: _is_true(rig, desk, lost), 60)
    await asyncio.sleep(10)
    assert rig.traffic() - before < 60
    assert len(desk.all(BookLost, since)) <= 2
    assert desk.all(LinkDown) == []


@card(209, "quiet", "A market in which nothing happens does not go stale while its line lives")
async def quiet(rig: Rig) -> None:
    desk = await _watching(rig)
    await rig.idle(120)
    assert desk.all(BookLost) == []
    assert desk.all(LinkDown) == []


@card(210, "quiet-fresh", "A quiet book is told again before it is as old as `book_age_max_ns`")
async def quiet_fresh(rig: Rig) -> None:
    desk = await _watching(rig)
    # The engine counts a book's age from when it was last told.
    for _ in range(4):
        since = desk.mark()
        await asyncio.sleep(rig.rules().book_age_max_ns / SECOND)
        assert desk.books(rig.symbol, since), "the book was not told again, so the engine takes it for stale"


@card(
    211,
    "dead-stream",
    "A stream that is dead is noticed: BookLost or LinkDown, within the age and a heartbeat",
)
async def dead_stream(rig: Rig) -> None:
    desk = await _watching(rig)
    await asyncio.sleep(5)
    since = desk.mark()
    rig.half_open()
    patience_s = rig.rules().book_age_max_ns / SECOND + 30
    await desk.holds(lambda: desk.all(BookLost, since) or desk.all(LinkDown, since), patience_s)
    rig.move(rig.above(1))
    await desk.linked_again(0, within_s=200)
    await desk.holds(lambda: _is_true(rig, desk, since), 200)


@card(
    212,
    "dead-markets",
    "When only the line of markets dies, books are lost and come back, and the link stays",
    "public_line",
)
async def dead_markets(rig: Rig) -> None:
    desk = await _watching(rig)
    await asyncio.sleep(5)
    since = desk.mark()
    rig.half_open("public")
    patience_s = rig.rules().book_age_max_ns / SECOND + 30
    await desk.holds(lambda: desk.all(BookLost, since), patience_s)
    lost = desk.mark()
    rig.move(rig.above(1))
    await desk.holds(lambda: _is_true(rig, desk, lost), 200)
    assert desk.all(LinkDown) == []


@card(
    213,
    "cut-markets",
    "When the line of markets is cut, books are lost and come back, and the link stays",
    "public_line",
)
async def cut_markets(rig: Rig) -> None:
    desk = await _watching(rig)
    since = desk.mark()
    rig.cut_public()  # type: ignore[attr-defined]
    await desk.until(BookLost)
    await desk.holds(lambda: _is_true(rig, desk, since), 60)
    assert desk.all(LinkDown) == []


@card(231, "babble-markets", "A message of markets that cannot be read costs books, which come back true")
async def babble_markets(rig: Rig) -> None:
    desk = await _watching(rig)
    since = desk.mark()
    rig.babble("public")
    await desk.holds(lambda: desk.all(BookLost, since) or desk.all(LinkDown, since), 30)
    rig.move(rig.above(1))
    await desk.holds(lambda: desk.linked and _is_true(rig, desk, since), 60)


@card(214, "unknown-symbol", "A symbol that the venue has not is said, and the others are told all the same")
async def unknown_symbol(rig: Rig) -> None:
    desk = await rig.up()
    await desk.watch(rig.strange, rig.symbol)
    market = market_of(desk.account, rig.strange)
    lost = await desk.until(BookLost, lambda one: one.market == market)
    is_sentence(lost.why)
    await desk.holds(lambda: _is_true(rig, desk), 10)
    assert desk.all(LinkDown) == []


@card(215, "watch-replaced", "`watch` replaces the earlier set: what is not in it is told no more")
async def watch_replaced(rig: Rig) -> None:
    desk = await _watching(rig)
    await desk.watch(rig.other)
    await desk.holds(lambda: desk.books(rig.other), 30)
    await asyncio.sleep(5)
    since = desk.mark()
    rig.move(rig.above(1))
    await asyncio.sleep(10)
    assert desk.books(rig.symbol, since) == []
    await desk.watch()
    await asyncio.sleep(5)
    since = desk.mark()
    await asyncio.sleep(30)
    assert desk.all(BookUpdate, since) == []


@card(216, "watch-before-up", "What is watched before the link is told after it")
async def watch_before_up(rig: Rig) -> None:
    rig.away(True)
    desk = await rig.join(linked=False)
    await desk.watch(rig.symbol)
    await asyncio.sleep(2)
    rig.away(False)
    await desk.holds(lambda: _is_true(rig, desk), 120)


@card(217, "watch-survives", "What is watched is told again after a cut, without being asked again")
async def watch_survives(rig: Rig) -> None:
    desk = await _watching(rig)
    since = desk.mark()
    rig.cut()
    await desk.linked_again(since)
    rig.move(rig.above(1))
    await desk.holds(lambda: _is_true(rig, desk, since), 60)


@card(218, "two-books", "Two markets of one account are two books")
async def two_books(rig: Rig) -> None:
    desk = await rig.up()
    await desk.watch(rig.symbol, rig.other)
    await desk.holds(lambda: desk.books(rig.symbol) and desk.books(rig.other), 30)
    assert desk.books(rig.symbol)[-1].bids[0].price > 2 * desk.books(rig.other)[-1].bids[0].price
    since = desk.mark()
    rig.move(rig.above(1))
    await desk.holds(lambda: _is_true(rig, desk, since), 10)


# ── marks ───────────────────────────────────────────────────────────────────────────────────────


@card(219, "marks", "A price to value things by is told after `watch`, and when it moves")
async def marks(rig: Rig) -> None:
    desk = await _watching(rig)
    await desk.holds(lambda: desk.all(MarkUpdate), 30)
    rig.move(rig.above(2))

    def is_there() -> bool:
        last = desk.all(MarkUpdate)[-1]
        return abs((last.mark or last.last) - rig.mid) <= rig.mid / 1000

    await desk.holds(is_there, 60)
    assert desk.all(MarkUpdate)[-1].market == market_of(desk.account, rig.symbol)
    assert desk.all(MarkUpdate)[-1].mark > 0


@card(220, "index", "A perpetual's index, mark, last price and funding rate are the exchange's", "index")
async def index(rig: Rig) -> None:
    desk = await _watching(rig)
    rig.move(rig.above(2))

    def is_there() -> bool:
        true = rig.window.market(rig.symbol)
        said = desk.all(MarkUpdate)
        return bool(said) and (said[-1].mark, said[-1].index) == (true.mark, true.index)

    await desk.holds(is_there, 60)
    true, said = rig.window.market(rig.symbol), desk.all(MarkUpdate)[-1]
    assert said.funding_rate == true.funding_rate
    assert said.last == true.last
