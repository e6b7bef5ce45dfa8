"""The paper client against the paper server: over loopback once, then in virtual time and in bad weather."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from paper_world import SECOND, START_NS, SYMBOL, Hall, World, in_hall, in_world

from kedge.model.events import (
    Answered,
    BalanceNews,
    BookLost,
    BookUpdate,
    CashNews,
    Event,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    MarkUpdate,
    OrderNews,
)
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask
from kedge.sim.paper import Limits, StoreError
from kedge.sim.paper import wire as venue_wire
from kedge.venues.paper import wire
from kedge.venues.paper.client import PaperVenue
from kedge.venues.paper.rules import PAPER_RULES
from kedge.venues.stream import Backoff, Pace, tcp
from kedge.venues.venue import Venue

MARKET = f"paper/main:{SYMBOL}"


async def up(world: World, **options: Any) -> PaperVenue:
    venue = world.client(**options)
    await venue.open(world.emit)
    await world.until(LinkUp)
    return venue


# ── over loopback ───────────────────────────────────────────────────────────────────────────────


def test_a_tour_over_loopback() -> None:
    async def tour(hall: Hall) -> None:
        events: asyncio.Queue[Event] = asyncio.Queue()

        async def until(kind: type[Any]) -> Any:
            async with asyncio.timeout(20):
                while not isinstance(event := await events.get(), kind):
                    pass
            return event

        venue: Venue = PaperVenue("paper/main", tcp(hall.ready.host, hall.ready.port), time.time_ns)
        await venue.open(events.put_nowait)
        assert (await until(LinkUp)).rules == PAPER_RULES
        assert (await until(InstrumentSeen)).account == "paper/main"
        await venue.watch([SYMBOL])
        book = await until(BookUpdate)
        assert (book.market, len(book.bids), book.bids[0].price) == (MARKET, 5, Decimal("59999.9"))
        assert (await until(MarkUpdate)).mark == 60000
        world_order = World.order
        order = world_order(_Clock(), "take", "buy", "0.2", "60001")  # type: ignore[arg-type]
        answered = await venue.place(order)
        assert answered.answer is Answer.DONE
        assert answered.order is not None
        assert answered.order.state is State.FILLED
        fill = (await until(FillNews)).fill
        assert (fill.client_id, fill.qty, fill.price) == ("take", Decimal("0.2"), Decimal("60000.1"))
        assert isinstance(await until(BalanceNews), BalanceNews)
        rest = world_order(_Clock(), "rest", "buy", "0.2", "59000")  # type: ignore[arg-type]
        assert (await venue.place(rest)).answer is Answer.DONE
        until_ns = time.time_ns() + SECOND
        answered = await venue.amend("rest", SYMBOL, Decimal(59001), Decimal("0.3"), until_ns)
        assert answered.order is not None
        assert (answered.order.price, answered.order.qty) == (59001, Decimal("0.3"))
        found = (await venue.lookup(Ask("rest", SYMBOL))).order
        assert found == answered.order
        report = await venue.report("")
        assert isinstance(report, AccountReport)
        assert report.complete
        assert [o.client_id for o in report.open_orders] == ["rest"]
        assert [f.exec_id for f in report.fills] == [fill.exec_id]
        assert [(p.symbol, p.qty) for p in report.positions] == [(SYMBOL, Decimal("0.2"))]
        answered = await venue.cancel("rest", SYMBOL, until_ns)
        assert answered.order is not None
        assert answered.order.state is State.CANCELLED
        await venue.close()

    in_hall(tour)


class _Clock:
    """What `World.order` needs of a world."""

    def now_ns(self) -> int:
        return time.time_ns()


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def test_answers_have_their_class() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        answered = await venue.place(world.order("a", "buy", "0.1", "60001", tif="post_only"))
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, False)
        assert answered.reason.startswith("would_take: ")
        await venue.place(world.order("b", "buy", "0.1", "59000"))
        answered = await venue.place(world.order("b", "buy", "0.1", "59000"))
        assert answered.answer is Answer.UNKNOWN, "an order with this id exists"
        assert answered.order is not None
        assert answered.order.state is State.OPEN
        answered = await venue.cancel("never", SYMBOL, 0)
        assert (answered.answer, answered.request) == (Answer.REJECTED, "cancel")
        looked = await venue.lookup(Ask("never", SYMBOL))
        assert (looked.order, looked.error, looked.asked_ns) == (None, "", world.now_ns())
        await venue.close()

    in_world(test)


def test_nothing_is_sent_too_late_or_without_a_link() -> None:
    async def test(world: World) -> None:
        venue = world.client()
        order = world.order("a", "buy", "0.1", "59000")
        answered = await venue.place(order)
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
        assert isinstance(await venue.report(""), str)
        assert (await venue.lookup(Ask("a", SYMBOL))).error
        await venue.open(world.emit)
        await world.until(LinkUp)
        for answered in (
            await venue.place(world.order("a", "buy", "0.1", "59000", valid_until_ns=world.now_ns() - 1)),
            await venue.amend("a", SYMBOL, Decimal(1), Decimal(1), world.now_ns() - 1),
            await venue.cancel("a", SYMBOL, world.now_ns() - 1),
        ):
            assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
        await venue.close()
        answered = await venue.place(order)
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)

    in_world(test)


# Fault, its members, the class of the answer, and whether the order exists afterwards.
REQUEST_WEATHER: list[tuple[str, dict[str, Any], Answer, bool]] = [
    ("lose_request", {}, Answer.UNKNOWN, False),
    ("lose_reply", {}, Answer.UNKNOWN, True),
    ("delay_request", {"delay_ns": SECOND}, Answer.DONE, True),
    ("delay_request", {"delay_ns": 4 * SECOND}, Answer.UNKNOWN, True),
    ("delay_request", {"delay_ns": 6 * SECOND}, Answer.UNKNOWN, False),
    ("delay_reply", {"delay_ns": SECOND}, Answer.DONE, True),
    ("delay_reply", {"delay_ns": 4 * SECOND}, Answer.UNKNOWN, True),
    ("duplicate_reply", {}, Answer.DONE, True),
    ("fill_before_ack", {"delay_ns": SECOND}, Answer.DONE, True),
    ("unavailable", {"deed": True}, Answer.UNKNOWN, True),
    ("unavailable", {"deed": False}, Answer.UNKNOWN, False),
    ("rate_limit", {}, Answer.REJECTED, False),
    ("cut", {"deed": True}, Answer.UNKNOWN, True),
    ("cut", {"deed": False}, Answer.UNKNOWN, False),
    ("half_open", {}, Answer.UNKNOWN, False),
]


@pytest.mark.parametrize(("kind", "members", "answer", "exists"), REQUEST_WEATHER)
def test_each_fault_of_a_request_is_answered_in_its_class(
    kind: str, members: dict[str, Any], answer: Answer, exists: bool
) -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault(kind, op="place", **members)
        answered = await venue.place(world.order("w", "buy", "0.1", "60001"))
        assert answered.answer is answer, answered.reason
        assert not answered.unsent
        assert (answered.reason == "") is (answer is Answer.DONE)
        await asyncio.sleep(8)  # virtual: whatever was on its way has arrived
        order = world.server.keeper.exchange.order("main", "w")
        assert (order is not None) is exists
        assert world.server.gateway.faults.fired == {kind: 1}
        looked = await venue.lookup(Ask("w", SYMBOL))
        assert (looked.order is not None, looked.error) == (exists, "")
        fills = [e for e in world.events if isinstance(e, FillNews)]
        if kind not in ("cut", "half_open"):
            assert len(fills) == (1 if exists else 0), "told once, whatever became of the answer"
            assert not any(isinstance(e, LinkDown) for e in world.events)
        await venue.close()

    in_world(test)


def test_the_fill_may_come_before_the_answer() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("fill_before_ack", op="place", delay_ns=SECOND)
        placing = asyncio.get_running_loop().create_task(
            venue.place(world.order("w", "buy", "0.1", "60001")), name="placing"
        )
        await world.until(FillNews)
        assert not placing.done()
        assert (await placing).answer is Answer.DONE
        await venue.close()

    in_world(test)


def test_a_lookup_may_lag() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("lookup_lag", delay_ns=SECOND, count=0)
        await venue.place(world.order("w", "buy", "0.1", "60001"))
        await venue.place(world.order("r", "buy", "0.1", "59000"))
        looked = await venue.lookup(Ask("w", SYMBOL))
        assert (looked.order, looked.error) == (None, "")
        report = await venue.report("")
        assert isinstance(report, AccountReport)
        assert (report.open_orders, report.fills) == ((), ())
        await asyncio.sleep(2)
        assert (await venue.lookup(Ask("w", SYMBOL))).order is not None
        again = await venue.report(report.cursor)
        assert isinstance(again, AccountReport)
        assert [o.client_id for o in again.open_orders] == ["r"]
        assert [f.client_id for f in again.fills] == ["w"], "the cursor did not pass what was hidden"
        await venue.close()

    in_world(test)


# ── the private stream ──────────────────────────────────────────────────────────────────────────


def test_a_lost_message_is_a_broken_link() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("drop_message", op="fill")
        await venue.place(world.order("w", "buy", "0.1", "60001"))
        down = await world.until(LinkDown)
        assert down.why.startswith("private stream gap")
        await world.until(LinkUp)
        report = await venue.report("")
        assert isinstance(report, AccountReport)
        assert [f.client_id for f in report.fills] == ["w"]
        await venue.close()

    in_world(test)


def test_a_lost_last_message_is_found_by_the_heartbeat() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("drop_message", op="balances")
        await venue.place(world.order("w", "buy", "0.1", "59000"))
        assert (await world.until(LinkDown)).why == "private stream gap: 1 heard, 2 sent"
        await venue.close()

    in_world(test)


def test_a_message_out_of_turn_is_a_broken_link() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("reorder_message", op="order")
        await venue.place(world.order("w", "buy", "0.1", "59000"))
        assert (await world.until(LinkDown)).why.startswith("private stream gap")
        await venue.close()

    in_world(test)


def test_a_message_told_twice_is_heard_once() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("duplicate_message", op="fill")
        await venue.place(world.order("w", "buy", "0.1", "60001"))
        await asyncio.sleep(3)
        assert sum(isinstance(e, FillNews) for e in world.events) == 1
        assert not any(isinstance(e, LinkDown) for e in world.events)
        await venue.close()

    in_world(test)


def test_everything_private_is_told_in_the_venues_order() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.place(world.order("w", "buy", "0.1", "60001"))
        exchange = world.server.keeper.exchange
        exchange.set_funding(SYMBOL, Decimal("0.0001"), world.venue_ns())
        funded_ns = exchange.market(SYMBOL).funding_ns
        world.server.clock.advance(funded_ns - world.venue_ns())
        cash = await world.until(CashNews)
        assert (cash.cash.kind, cash.cash.symbol) == ("funding", SYMBOL)
        await venue.place(world.order("x", "sell", "0.1", "59999", valid_until_ns=0))
        kinds = []
        for _ in range(4):
            kinds.append(type(world.events.pop(0)))
        assert kinds == [BalanceNews, FillNews, OrderNews, BalanceNews]
        await venue.close()

    in_world(test)


# ── books ───────────────────────────────────────────────────────────────────────────────────────


def test_a_book_is_kept_and_told_with_its_best_ten_levels() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL])
        book = await world.until(BookUpdate)
        assert (len(book.bids), len(book.asks)) == (5, 5)
        for n in range(12):
            await venue.place(world.order(f"b{n}", "buy", "0.01", str(59000 + n)))
        book = await world.until(BookUpdate, lambda b: len(b.bids) == 10)
        assert [level.price for level in book.bids[4:7]] == [Decimal("59999.5"), 59011, 59010]
        await venue.close()

    in_world(test)


@pytest.mark.parametrize("kind", ["drop_message", "reorder_message"])
def test_a_gap_in_a_book_is_said_and_mended(kind: str) -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL])
        await world.until(BookUpdate)
        world.fault(kind, op="book")
        await venue.place(world.order("b", "buy", "0.01", "59000"))
        lost = await world.until(BookLost)
        lost_s = world.loop.time()
        assert (lost.market, lost.why.startswith("gap")) == (MARKET, True)
        book = await world.until(BookUpdate)
        assert world.loop.time() - lost_s < 0.1, "asked for at once, not by the next heartbeat"
        assert book.bids[-1].price == 59000
        assert not any(isinstance(e, LinkDown) for e in world.events)
        await venue.close()

    in_world(test)


def test_a_lost_snapshot_is_asked_for_again() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("drop_message", op="book", count=2)
        await venue.watch([SYMBOL])
        assert (await world.until(BookUpdate)).market == MARKET
        await venue.close()

    in_world(test)


def test_a_lost_watch_is_asked_for_again() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("lose_request", op="watch")
        await venue.watch([SYMBOL])
        assert (await world.until(BookUpdate)).market == MARKET
        await venue.close()

    in_world(test)


def test_a_book_nobody_speaks_of_is_lost() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL])
        await world.until(BookUpdate)
        world.fault("drop_message", op="book", count=0)
        assert (await world.until(BookLost)).why.startswith("stale")
        world.server.gateway.faults.clear()
        await world.until(BookUpdate)
        await venue.close()

    in_world(test)


def test_watching_replaces_what_was_watched() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL])
        await world.until(BookUpdate)
        await venue.watch(["ETH-PERP", "NONE"])
        assert (await world.until(BookLost)).why == "the venue has no such symbol"
        assert (await world.until(BookUpdate)).market == "paper/main:ETH-PERP"
        world.events.clear()
        await asyncio.sleep(3)
        assert {e.market for e in world.events if isinstance(e, BookUpdate)} == {"paper/main:ETH-PERP"}
        await venue.close()

    in_world(test)


def test_a_halt_is_told() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.server.keeper.exchange.halt(SYMBOL, True, world.venue_ns())
        seen = await world.until(InstrumentSeen, lambda e: e.instrument.status == "halted")
        assert seen.instrument.symbol == SYMBOL
        await venue.close()

    in_world(test)


# ── the connection ──────────────────────────────────────────────────────────────────────────────


def test_a_venue_that_comes_back_has_forgotten_nothing(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL])
        await venue.place(world.order("r", "buy", "0.1", "59000"))
        await venue.place(world.order("w", "buy", "0.1", "60001"))
        told = (await world.until(FillNews)).fill
        before = await venue.report("")
        assert isinstance(before, AccountReport)
        await world.until(BookUpdate)
        await world.restart()
        assert isinstance(await world.until(BookLost), BookLost)
        await world.until(LinkDown)
        await world.until(LinkUp)
        after = await venue.report("")
        assert isinstance(after, AccountReport)
        assert after.fills == before.fills == (told,)
        assert (after.open_orders, after.cash, after.positions) == (
            before.open_orders,
            before.cash,
            before.positions,
        )
        rest = await venue.report(before.cursor)
        assert isinstance(rest, AccountReport)
        assert (rest.fills, rest.cash, rest.cursor) == ((), (), before.cursor)
        answered = await venue.place(world.order("w", "buy", "0.1", "60001"))
        assert answered.reason.startswith("duplicate_client_id")
        await world.until(BookUpdate)
        await venue.close()

    in_world(test, state=str(tmp_path / "state"))


def test_a_venue_without_its_memory_refuses_old_cursors(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        report = await venue.report("")
        assert isinstance(report, AccountReport)
        await asyncio.sleep(1)
        await world.restart()
        await world.until(LinkUp)
        again = await venue.report(report.cursor)
        assert isinstance(again, str)
        assert "lost its memory" in again, "why, and what to do: asking again does not help"
        await venue.close()

    in_world(test)


def test_a_silent_line_is_given_up() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("half_open", op="ping")
        assert (await world.until(LinkDown)).why == "nothing heard for 3 s"
        await world.until(LinkUp)
        await venue.close()

    in_world(test)


def test_whoever_waits_when_the_line_is_cut_is_told() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        world.fault("lose_request", op="place")
        placing = asyncio.get_running_loop().create_task(
            venue.place(world.order("w", "buy", "0.1", "59000")), name="placing"
        )
        await asyncio.sleep(1)
        world.server.gateway.close_all("", "", "")
        answered = await placing
        assert answered.answer is Answer.UNKNOWN
        assert "the connection ended before the answer" in answered.reason
        await venue.close()

    in_world(test)


def test_reconnecting_backs_off_and_says_down_once() -> None:
    async def test(world: World) -> None:
        world.refuse = True
        venue = world.client()
        await venue.open(world.emit)
        await asyncio.sleep(21)
        assert [type(e) for e in world.events] == [LinkDown]
        waits = [round(b - a, 3) for a, b in zip(world.dials, world.dials[1:], strict=False)]
        assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
        world.refuse = False
        await world.until(LinkUp)
        await venue.close()
        await venue.close()

    in_world(test)


def test_a_wrong_secret_never_links() -> None:
    async def test(world: World) -> None:
        venue = world.client(secret="guess")
        await venue.open(world.emit)
        down = await world.until(LinkDown)
        assert down.why == "bad_signature: The key or the signature is wrong."
        await asyncio.sleep(30)
        assert world.events == []
        assert len(world.dials) < 15
        await venue.close()

    in_world(test)


def test_after_close_nothing_is_emitted() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL])
        await world.until(BookUpdate)
        await venue.close()
        world.events.clear()
        await asyncio.sleep(5)
        assert world.events == []

    in_world(test)


def test_a_venue_clock_that_is_behind_is_no_venue() -> None:
    async def test(world: World) -> None:
        world.skew_ns = -5 * SECOND
        await world.restart()
        venue = world.client()
        await venue.open(world.emit)
        assert (await world.until(LinkDown)).why.startswith("the venue's clock is 5000 ms behind ours")
        await asyncio.sleep(5)
        assert world.events == []
        await venue.close()

    in_world(test)


def test_a_venue_clock_that_is_ahead_is_said() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        assert venue.trouble == ""
        world.skew_ns = 6 * SECOND
        await asyncio.sleep(2)
        assert venue.trouble == "the venue's clock is 6000 ms ahead of ours"
        answered = await venue.place(world.order("a", "buy", "0.1", "59000"))
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, False)
        assert "ahead of ours" in answered.reason
        await venue.close()

    in_world(test)


def test_the_venues_dead_man_is_armed_and_wound() -> None:
    async def test(world: World) -> None:
        venue = await up(world, dead_man_ns=10 * SECOND)
        await venue.place(world.order("a", "buy", "0.1", "59000"))
        await asyncio.sleep(30)
        exchange = world.server.keeper.exchange
        assert len(exchange.open_orders("main")) == 1
        await venue.close()
        await asyncio.sleep(15)
        assert exchange.open_orders("main") == ()

    in_world(test)


def test_a_venue_that_cannot_write_says_nothing() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        store = world.server.keeper._store

        def full(*_: object) -> None:
            raise StoreError("state: cannot write: database or disk is full")

        store.append = full  # type: ignore[method-assign]
        answered = await venue.place(world.order("a", "buy", "0.1", "59000"))
        assert answered.answer is Answer.UNKNOWN
        await world.until(LinkDown)
        assert not any(isinstance(e, OrderNews) for e in world.events)
        with pytest.raises(StoreError, match="disk is full"):
            await world.ticking
        await venue.close()

    in_world(test)


def test_an_engine_that_raises_is_said_aloud() -> None:
    complaints: list[str] = []

    async def test(world: World) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))

        def emit(event: Event) -> None:
            raise AssertionError("our own mistake")

        venue = world.client()
        await venue.open(emit)
        await asyncio.sleep(1)
        with pytest.raises(AssertionError, match="our own mistake"):
            await venue.close()

    in_world(test)
    assert complaints == ["paper:paper/main died"]


def test_several_changes_at_once_are_one_update() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL])
        await world.until(BookUpdate)
        world.events.clear()
        (connection,) = world.server.gateway.connections.values()
        seq = world.server.gateway._publisher._published[SYMBOL].seq
        lines = b"".join(
            venue_wire.line(venue_wire.book(SYMBOL, "delta", seq + n + 1, seq + n, [], [], n))
            for n in range(5)
        )
        connection._writer.write(lines)
        assert (await world.until(BookUpdate)).venue_ns == 4
        await venue.close()

    in_world(test)


# ── reports ─────────────────────────────────────────────────────────────────────────────────────


def test_a_report_of_many_pages_keeps_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PAGE", 1)

    async def test(world: World) -> None:
        venue = await up(world)
        exchange = world.server.keeper.exchange
        for n in range(120):
            exchange.place("main", world.order(f"w{n}", "buy", "0.001", "60001"), world.venue_ns())
        world.server.gateway.settle()
        report = await venue.report("")
        assert isinstance(report, AccountReport)
        assert report.complete
        assert [f.client_id for f in report.fills] == [f"w{n}" for n in range(120)]
        assert {name: g.counts.refused for name, g in world.server.gateway.guards.items()} == {"main": 0}
        await venue.close()

    in_world(test)


@pytest.mark.parametrize("op", ["fills", "cash", "positions", "balances", "instruments", "open_orders"])
def test_a_report_with_a_hole_says_so(op: str) -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        await venue.place(world.order("r", "buy", "0.1", "59000"))
        await venue.place(world.order("w", "buy", "0.1", "60001"))
        first = await venue.report("")
        assert isinstance(first, AccountReport)
        world.fault("unavailable", op=op)
        report = await venue.report("")
        if op == "open_orders":
            assert report == "unavailable: The venue failed half-way: ask later whether it was done."
        else:
            assert isinstance(report, AccountReport)
            assert not report.complete
            assert [o.client_id for o in report.open_orders] == ["r"]
            again = await venue.report(report.cursor)
            assert isinstance(again, AccountReport)
            assert again.complete
            assert report.fills + again.fills == first.fills, "the cursor stands where the pages ended"
        await venue.close()

    in_world(test)


def test_our_own_client_never_earns_a_ban() -> None:
    """Hours of reconnects, reports and lost books with the venue's ordinary limits."""

    async def test(world: World) -> None:
        venue = await up(world)
        await venue.watch([SYMBOL, "ETH-PERP"])
        for n in range(60):
            world.fault("drop_message", op="book", count=3)
            await venue.report("")
            if n % 5 == 0:
                world.server.gateway.close_all("", "", "")
            await asyncio.sleep(2)
        guard = world.server.gateway.guards["main"]
        assert (guard.counts.refused, guard.counts.bans) == (0, 0)
        await venue.close()

    in_world(test)


def test_a_ban_is_waited_out() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        for n in range(12):
            await venue.cancel(f"x{n}", SYMBOL, 0)
        down = await world.until(LinkDown)
        assert "banned" in down.why
        dials = len(world.dials)
        await asyncio.sleep(55)
        assert len(world.dials) == dials, "stay away for as long as the venue has said"
        await world.until(LinkUp)
        await venue.close()

    in_world(test, limits=Limits(requests_per_s=5, burst=5, refusals_max=3))


# ── a peer that is not the paper venue ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "unreadable line"),
        (b'{"t":"mark","symbol":"X","mark":"1","venue_ns":1}\n', "did not begin with a challenge"),
        (b'{"t":"challenge","protocol":9,"challenge":"00","now_ns":1}\n', "speaks protocol 9"),
        (b'{"t":"bye","code":"closing","text":"Later."}\n', "the venue said goodbye: closing: Later."),
        (b"x" * (wire.LINE_MAX + 1), "a line of more than"),
        (b"", "not signed in within 5 s"),
    ],
)
def test_strangers(lines: bytes, why: str) -> None:
    async def test(world: World) -> None:
        connect = world.connect

        async def stranger() -> Any:
            reader, writer = await connect()
            await asyncio.sleep(0.01)
            reader._bytes.clear()
            reader._bytes += lines
            return reader, writer

        world.connect = stranger  # type: ignore[method-assign]
        venue = world.client()
        await venue.open(world.emit)
        assert why in (await world.until(LinkDown)).why
        await venue.close()

    in_world(test)


def test_an_unreadable_line_in_mid_stream_breaks_the_link() -> None:
    async def test(world: World) -> None:
        venue = await up(world)
        (connection,) = world.server.gateway.connections.values()
        connection._writer.write(b'{"t":"fill","seq":1,"fill":{}}\n')
        assert (await world.until(LinkDown)).why.startswith("unreadable line")
        await world.until(LinkUp)
        await venue.close()

    in_world(test)


@pytest.mark.parametrize("body", [b'{"order":5}', b'{"order":null}', b"[]"])
def test_a_done_that_cannot_be_read_is_not_done(body: bytes) -> None:
    """`null` is readable: the deed is done and nothing is enclosed."""
    venue = PaperVenue("paper/main", tcp("127.0.0.1", 1), lambda: START_NS)
    reply = wire.read_said(b'{"t":"reply","id":1,"ok":true,"now_ns":1,"body":' + body + b"}")
    assert isinstance(reply, wire.Reply)
    answered: Answered = venue._answered("place", "a", reply)
    assert answered.answer is (Answer.DONE if body == b'{"order":null}' else Answer.UNKNOWN)


# ── helpers of every venue ──────────────────────────────────────────────────────────────────────


def test_back_off() -> None:
    backoff = Backoff(1, 5)
    assert [backoff.next_s() for _ in range(4)] == [1, 2, 4, 5]
    backoff.reset()
    assert backoff.next_s() == 1


def test_a_pace() -> None:
    pace = Pace(per_s=10, burst=2)
    assert [round(pace.take(0.0), 3) for _ in range(4)] == [0, 0, 0.1, 0.2]
    assert pace.wait_s(0.0) == pytest.approx(0.3)
    assert pace.take(100.0) == 0
