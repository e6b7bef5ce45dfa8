"""The Binance spot adapter trades at our Binance testnet: a tour, and the faults of the wire one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from binance_spot_world import BTC, MARKET, SECOND, World, in_world

from kedge.model.events import (
    Answered,
    BalanceNews,
    BarsSeen,
    BookLost,
    BookUpdate,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    MarkUpdate,
    OrderNews,
    TradesSeen,
)
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask, Feed
from kedge.sim.tape import Tape
from kedge.storm.window import View, Window
from kedge.storm.wires import Rough

MINUTE_NS = 60 * SECOND


async def reported(world: World, cursor: str = "") -> AccountReport:
    report = await world.venue.report(cursor)
    assert isinstance(report, AccountReport), report
    assert report.complete
    return report


# ── a tour ──────────────────────────────────────────────────────────────────────────────────────


def test_a_tour() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        assert BTC in [seen.instrument.symbol for seen in world.told(InstrumentSeen)]
        bid, ask = world.best()
        assert bid < ask
        first = await reported(world)
        resting = world.order("buy", "0.01", str(bid - 100))
        placed = await venue.place(resting)
        assert (placed.answer, placed.reason) == (Answer.DONE, "")
        assert placed.order is not None
        assert (placed.order.state, placed.order.client_id) == (State.OPEN, resting.client_id)
        assert [o.client_id for o in (await reported(world)).open_orders] == [resting.client_id]
        taken = await venue.place(world.order("buy", "0.02"))
        assert taken.order is not None
        assert taken.order.state is State.FILLED
        await world.pause(0.1)
        fills = [news.fill for news in world.told(FillNews)]
        assert sum(fill.qty for fill in fills) == Decimal("0.02")
        assert {fill.client_id for fill in fills} == {taken.client_id}
        assert world.told(BalanceNews)
        cancelled = await venue.cancel(resting.client_id, BTC, world.clock() + SECOND)
        assert cancelled.order is not None
        assert cancelled.order.state is State.CANCELLED
        found = await venue.lookup(Ask(resting.client_id, BTC))
        assert found.order is not None
        assert (found.order.state, found.order.client_id) == (State.CANCELLED, resting.client_id)
        last = await reported(world, first.cursor)
        assert {fill.exec_id for fill in last.fills} == {fill.exec_id for fill in fills}
        assert {fill.client_id for fill in last.fills} == {taken.client_id}
        assert not last.open_orders
        again = await venue.cancel(resting.client_id, BTC, world.clock() + SECOND)
        assert again.answer is Answer.REJECTED

    in_world(test)


def test_every_kind_of_order() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, ask = world.best()

        async def state(**members: Any) -> State | str:
            answered = await venue.place(world.order(**members))
            if answered.answer is not Answer.DONE or answered.order is None:
                return answered.reason
            return answered.order.state

        assert await state(price=str(ask), tif="ioc", qty="0.001") is State.FILLED
        assert await state(price=str(bid - 50), tif="ioc") is State.EXPIRED
        assert await state(price=str(bid - 50), tif="fok") is State.EXPIRED
        assert await state(price=str(bid), tif="post_only") is State.OPEN
        assert "would have traded at once" in str(await state(price=str(ask), tif="post_only"))
        assert "free money" in str(await state(price=str(bid), qty="90"))
        assert "off the step" in str(await state(price=str(bid), qty="0.0000001"))
        assert "worth too little" in str(await state(price=str(bid), qty="0.00001"))
        trigger = ask + 500
        stop = {"kind": "stop_limit", "trigger_price": trigger, "price": str(trigger + 10)}
        assert await state(**stop) is State.OPEN
        assert "already passed" in str(await state(**{**stop, "trigger_price": bid - 500}))
        assert len((await reported(world)).open_orders) == 2
        assert await venue.cancel_all(None) == ""
        assert not (await reported(world)).open_orders

    in_world(test)


def test_prices_trades_and_bars_of_a_market_that_moves() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await venue.watch([BTC], [Feed(BTC, "trades"), Feed(BTC, "bars", MINUTE_NS)])
        await world.until(TradesSeen)
        await world.until(MarkUpdate)
        first = await world.until(BarsSeen)
        await world.until(BarsSeen, 3)
        starts = [bar.start_ns for seen in world.told(BarsSeen) for bar in seen.bars]
        assert starts == list(range(starts[0], starts[0] + len(starts) * MINUTE_NS, MINUTE_NS))
        assert not world.told(BookLost)
        assert all(book.bids[0].price < book.asks[0].price for book in world.told(BookUpdate))
        past = await venue.bars(BTC, MINUTE_NS, starts[0], starts[-1] + MINUTE_NS)
        assert not isinstance(past, str)
        assert [bar.start_ns for bar in past] == starts
        assert past[0] == first.bars[0]

    in_world(test, market="synthetic")


# ── answers that are lost ───────────────────────────────────────────────────────────────────────


def test_an_order_whose_answer_is_lost_is_unknown_and_found() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, _ = world.best()
        order = world.order("buy", "0.01", str(bid - 100))
        world.sea.frames['in {"id"'] = "dropped"
        answered = await venue.place(order)
        world.sea.frames.clear()
        assert (answered.answer, answered.unsent) == (Answer.UNKNOWN, False)
        await world.pause(30)
        found = await venue.lookup(Ask(order.client_id, BTC))
        assert found.order is not None
        assert found.order.state is State.OPEN

    in_world(test)


def test_an_order_that_is_lost_on_its_way_never_was() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, _ = world.best()
        order = world.order("buy", "0.01", str(bid - 100))
        world.sea.frames["order.place"] = "dropped"
        assert (await venue.place(order)).answer is Answer.UNKNOWN
        world.sea.frames.clear()
        found = await venue.lookup(Ask(order.client_id, BTC))
        assert (found.order, found.error) == (None, "")

    in_world(test)


def test_an_order_that_comes_after_its_last_moment_is_refused() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, _ = world.best()
        late = world.order("buy", "0.01", str(bid - 100), valid_until_ns=world.clock() + 2_000_000)
        world.sea.frames["order.place"] = "slow"  # the weather holds it for long
        answered = await venue.place(late)
        world.sea.frames.clear()
        assert answered.answer in (Answer.REJECTED, Answer.UNKNOWN)
        await world.pause(60)
        assert (await venue.lookup(Ask(late.client_id, BTC))).order is None

    in_world(test)


@pytest.mark.parametrize("fate", ["failed", "unheard", "reset", "lost", "busy"])
def test_by_rest_every_broken_answer_is_unknown_and_a_lookup_tells(fate: str) -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, _ = world.best()
        order = world.order("buy", "0.01", str(bid - 100))
        _, orders = sorted(world.sockets("/ws-api"), key=lambda socket: socket.number)[-2:]
        orders.cut()
        await world.pause(0.01)
        world.sea.http["/api/v3/order?symbol=BTCUSDT&side"] = fate
        answered = await venue.place(order)
        world.sea.http.clear()
        assert answered.answer is Answer.UNKNOWN, answered
        found = await venue.lookup(Ask(order.client_id, BTC))
        assert found.error == ""
        assert (found.order is not None) == (fate in ("failed", "unheard"))
        assert not world.told(LinkDown)

    in_world(test)


def test_a_cancel_whose_answer_is_lost_is_unknown_and_the_stream_tells() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, _ = world.best()
        order = world.order("buy", "0.01", str(bid - 100))
        await venue.place(order)
        world.sea.frames['in {"id"'] = "dropped"
        answered = await venue.cancel(order.client_id, BTC, world.clock() + SECOND)
        world.sea.frames.clear()
        assert answered.answer is Answer.UNKNOWN
        news = world.told(OrderNews)[-1].order
        assert (news.client_id, news.state) == (order.client_id, State.CANCELLED)

    in_world(test)


# ── lines that break ────────────────────────────────────────────────────────────────────────────


def test_a_fill_while_the_line_was_cut_is_in_the_report() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        cursor = (await reported(world)).cursor
        world.sea.frames["executionReport"] = "dropped"
        placed = await venue.place(world.order("buy", "0.02"))
        assert placed.answer is Answer.DONE
        private, _ = sorted(world.sockets("/ws-api"), key=lambda socket: socket.number)[-2:]
        private.cut()
        world.sea.frames.clear()
        await world.until(LinkUp, 2)
        assert not world.told(FillNews)
        report = await reported(world, cursor)
        assert sum(fill.qty for fill in report.fills) == Decimal("0.02")
        assert {fill.client_id for fill in report.fills} == {placed.client_id}

    in_world(test)


def test_a_desk_that_died_finds_its_orders_and_fills() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        cursor = (await reported(world)).cursor
        bid, _ = world.best()
        resting, taken = world.order("buy", "0.01", str(bid - 100)), world.order("buy", "0.02")
        cancelled = world.order("buy", "0.01", str(bid - 200))
        for order in (resting, taken, cancelled):
            await venue.place(order)
        await venue.cancel(cancelled.client_id, BTC, world.clock() + SECOND)
        venue = await world.another_life()
        found = await venue.lookup(Ask(cancelled.client_id, BTC))
        assert found.order is not None
        assert (found.order.client_id, found.order.state) == (cancelled.client_id, State.CANCELLED)
        assert (await venue.lookup(Ask(taken.client_id, BTC))).order is not None
        report = await reported(world, cursor)
        assert [order.client_id for order in report.open_orders] == [resting.client_id]
        assert {fill.client_id for fill in report.fills} == {taken.client_id}
        assert sum(fill.qty for fill in report.fills) == Decimal("0.02")

    in_world(test)


def test_a_gap_in_a_book_is_told_and_mended() -> None:
    async def test(world: World) -> None:
        await world.watching()
        world.sea.frames["depthUpdate"] = "dropped"
        await world.pause(1)
        world.sea.frames.clear()
        lost = await world.until(BookLost)
        assert (lost.market, "gap" in lost.why) == (MARKET, True)
        told = len(world.told(BookUpdate))
        await world.until(BookUpdate, told + 1)
        await world.pause(5)
        assert len(world.told(BookLost)) == 1

    in_world(test, market="synthetic")


def test_frames_that_come_twice_are_told_once() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        world.sea.frames["in "] = "doubled"
        await venue.place(world.order("buy", "0.02"))
        await world.pause(5)
        assert len({news.fill.exec_id for news in world.told(FillNews)}) == len(world.told(FillNews)) // 2
        assert not world.told(BookLost), "the engine counts fills once by their ids; a book does by itself"
        assert not world.told(LinkDown)

    in_world(test, market="synthetic")


def test_a_half_open_line_is_noticed() -> None:
    async def test(world: World) -> None:
        await world.watching()
        private, _ = sorted(world.sockets("/ws-api"), key=lambda socket: socket.number)[-2:]
        private.half_open()
        down = await world.until(LinkDown, within_s=60)
        assert "nothing heard" in down.why
        await world.until(LinkUp, 2)

    in_world(test)


def test_a_venue_that_dies_and_comes_back_with_its_disk() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, _ = world.best()
        order = world.order("buy", "0.01", str(bid - 100))
        await venue.place(order)
        cursor = (await reported(world)).cursor
        world.kill_venue()
        await world.until(LinkDown)
        await world.pause(20)
        world.raise_venue()
        await world.until(LinkUp, 2)
        report = await reported(world, cursor)
        assert [one.client_id for one in report.open_orders] == [order.client_id]
        world.events.clear()
        await world.until(BookUpdate)

    in_world(test)


# ── keys and clocks ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("setup", [{"secret": "not-the-secret-of-it"}, {"key": "unknown"}])
def test_a_key_that_is_wrong_is_told(setup: dict[str, str]) -> None:
    async def test(world: World) -> None:
        await world.venue.open(world.emit)
        down = await world.until(LinkDown)
        assert "key" in down.why
        assert setup.get("secret", "not-the-secret-of-it") not in down.why
        assert not world.told(LinkUp)

    in_world(test, **setup)


def test_the_venue_never_has_to_tell_us_off() -> None:
    async def test(world: World) -> None:
        venue = await world.watching()
        bid, _ = world.best()
        for _ in range(120):
            order = world.order("buy", "0.001", str(bid - 100))
            if (await venue.place(order)).answer is Answer.DONE:
                await venue.cancel(order.client_id, BTC, world.clock() + SECOND)
            await venue.lookup(Ask(order.client_id, BTC))
        for _ in range(20):
            await venue.report("")
        assert world.net.stats()["bans"] == 0
        assert not world.told(LinkDown)

    in_world(test)


# ── a rough sea ─────────────────────────────────────────────────────────────────────────────────

ROUGH = {
    **{f"http.{fate}": 30 for fate in ("refused", "lost", "reset", "busy", "failed", "unheard", "late")},
    "socket.refused": 50,
    "socket.unanswered": 20,
    "frame.dropped": 20,
    "frame.doubled": 30,
    "frame.slow": 10,
    "frame.cut": 4,
    "frame.half_open": 1,
}


async def trade(world: World, tape: Tape) -> dict[str, Answered]:
    """Orders and cancels in bad weather, and what was said of each order."""
    said: dict[str, Answered] = {}
    for _ in range(25):
        await world.pause(tape.draw("pause", 40) / 10)
        bid = Decimal(60_000 - 100 * (1 + tape.draw("price", 5)))
        order = world.order("buy", "0.001", "" if tape.draw("market", 2) else str(bid))
        said[order.client_id] = await world.venue.place(order)
        if tape.draw("cancel", 2):
            await world.venue.cancel(order.client_id, BTC, world.clock() + 3 * SECOND)
    return said


@pytest.mark.parametrize("seed", range(12))
def test_what_is_said_of_orders_is_true_and_every_fill_is_told_once(seed: int) -> None:
    async def test(world: World) -> None:
        await world.watching()
        first = (await reported(world)).cursor
        tape = Tape(seed)
        rough = Rough(tape, ROUGH)
        world.wires.weather = rough
        said = await trade(world, tape)
        rough.heal()
        await world.pause(120)  # what was late has come, and the link is up
        truth = Window(world.net.house.exchange, View("main:spot", "spot:BTCUSDT", BTC))
        for client_id, answered in said.items():
            there = truth.order("main", client_id)
            if answered.answer is Answer.REJECTED:
                assert there is None, f"{answered.reason}: and yet it is there"
            if answered.answer is Answer.DONE:
                assert there is not None
            found = await world.venue.lookup(Ask(client_id, BTC))
            assert found.error == ""
            assert (found.order is None) == (there is None)
            if there is not None and found.order is not None:
                assert (found.order.state, found.order.cum_qty) == (there.state, there.cum_qty)
        report = await reported(world, first)
        mine = {(fill.client_id, fill.qty, fill.price) for fill in report.fills}
        theirs = list(truth.fills("main").items)
        assert mine == {(fill.client_id, fill.qty, fill.price) for fill in theirs}
        assert len(report.fills) == len({fill.exec_id for fill in report.fills}) == len(theirs)
        assert world.net.stats()["bans"] == 0

    in_world(test)
