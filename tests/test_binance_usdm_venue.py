"""The Binance USDⓈ-M adapter and the testnet, written by different hands, meet on the wire: the full tour."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from binance_usdm_world import ACCOUNT, SECOND_NS, World, now_ns, tour

from kedge.model.events import (
    BarsSeen,
    BookLost,
    CashNews,
    InstrumentSeen,
    LinkDown,
    LinkOdd,
    LinkUp,
    MarkUpdate,
    TradesSeen,
)
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Feed, PlaceOrder
from kedge.model.venue import Ask as Question
from kedge.sim.loop import StormLoop
from kedge.venues.binance.usdm.asks import Ask
from kedge.venues.binance.usdm.rules import Options

MINUTE_NS = 60 * SECOND_NS
BTC = "BTCUSDT"
ZERO = Decimal(0)


async def report(world: World, cursor: str = "") -> AccountReport:
    said = await world.venue.report(cursor)
    assert isinstance(said, AccountReport), said
    assert said.complete
    return said


def until() -> int:
    return now_ns() + 5 * SECOND_NS


async def stop(world: World, **members: Any) -> PlaceOrder:
    given: dict[str, Any] = {
        "kind": "stop",
        "side": "sell",
        "price": ZERO,
        "trigger_price": Decimal(59000),
    }
    order, answer = await world.place(**(given | members))
    assert answer.answer is Answer.DONE, answer
    await world.until(lambda: world.orders(order.client_id), what="the stop")
    return order


async def bought(world: World, qty: str = "0.1") -> PlaceOrder:
    order, answer = await world.place(kind="market", price=ZERO, qty=Decimal(qty))
    assert answer.answer is Answer.DONE, answer
    await world.until(lambda: world.fills(order.client_id), what="the fill")
    return order


# ── the link and the markets ────────────────────────────────────────────────────────────────────


def test_the_link_comes_up_with_what_can_be_traded() -> None:
    async def main(world: World) -> None:
        kinds = {one.instrument.symbol: one.instrument for one in world.all(InstrumentSeen)}
        assert kinds[BTC].settle == "USDT"
        assert kinds[BTC].tick == Decimal("0.10")
        assert isinstance(world.hear[0], LinkUp)
        assert world.venue.trouble == ""

    tour(main)


def test_books_marks_trades_and_bars_are_streamed() -> None:
    async def main(world: World) -> None:
        await world.venue.watch([BTC], [Feed(BTC, "trades"), Feed(BTC, "bars", MINUTE_NS)])
        await world.until(world.books, what="a book")
        await world.until(lambda: world.all(MarkUpdate), what="a mark")
        await world.until(lambda: world.all(BarsSeen), what="bars")
        assert len(world.all(BarsSeen)[0].bars) == 300
        world.move("60100")
        await world.until(lambda: world.books()[-1].bids[0].price >= 60050, what="the move")
        await bought(world)
        await world.until(lambda: world.all(TradesSeen), what="a trade")
        await asyncio.sleep(130)
        bars = [bar for seen in world.all(BarsSeen) for bar in seen.bars]
        starts = [bar.start_ns for bar in bars]
        assert starts == list(range(starts[0], starts[-1] + 1, MINUTE_NS))
        assert starts[-1] + 2 * MINUTE_NS + 5 * SECOND_NS >= now_ns() - MINUTE_NS
        history = await world.venue.bars(BTC, MINUTE_NS, starts[0], starts[10])
        assert isinstance(history, tuple)
        assert [bar.start_ns for bar in history] == starts[:10]
        assert not world.all(BookLost)

    tour(main)


def test_a_lost_change_is_a_lost_book_and_a_fresh_one() -> None:
    async def main(world: World) -> None:
        await world.venue.watch([BTC])
        await world.until(world.books, what="a book")
        world.sea.frames["depthUpdate"] = "dropped"
        world.move("60100")
        await asyncio.sleep(1)
        world.sea.frames.clear()
        world.move("60200")
        await world.until(lambda: world.all(BookLost), what="the gap")
        assert "gap" in world.all(BookLost)[0].why
        world.move("60300")
        await world.until(lambda: world.books()[-1].bids[0].price >= 60250, what="the book again")
        bids, asks = world.books()[-1].bids, world.books()[-1].asks
        assert bids[0].price < asks[0].price
        assert not world.downs()

    tour(main)


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


def test_an_order_rests_is_amended_and_cancelled() -> None:
    async def main(world: World) -> None:
        order, answer = await world.place()
        assert answer.answer is Answer.DONE
        assert answer.order is not None
        await world.until(lambda: world.orders(order.client_id))
        assert world.orders(order.client_id)[-1].state is State.OPEN
        amended = await world.venue.amend(order.client_id, BTC, Decimal(59100), order.qty, until())
        assert amended.answer is Answer.DONE
        assert amended.order is not None
        assert (amended.order.price, amended.order.venue_id) == (Decimal(59100), answer.order.venue_id)
        await world.until(lambda: world.orders(order.client_id)[-1].price == 59100)
        assert [o.client_id for o in (await report(world)).open_orders] == [order.client_id]
        cancelled = await world.venue.cancel(order.client_id, BTC, until())
        assert cancelled.answer is Answer.DONE
        await world.until(lambda: world.orders(order.client_id)[-1].state is State.CANCELLED)
        again = await world.venue.cancel(order.client_id, BTC, until())
        assert again.answer is Answer.REJECTED
        found = await world.venue.lookup(Question(order.client_id, BTC))
        assert found.order is not None
        assert found.order.state is State.CANCELLED
        assert (await report(world)).open_orders == ()

    tour(main)


def test_a_trade_is_told_once_with_its_fee_and_found_again() -> None:
    async def main(world: World) -> None:
        order = await bought(world)
        await asyncio.sleep(10)
        told = world.fills(order.client_id)
        assert len({fill.exec_id for fill in told}) == len(told)
        assert sum(fill.qty for fill in told) == order.qty
        assert all(fill.fee > 0 and fill.fee_asset == "USDT" for fill in told)
        assert world.orders(order.client_id)[-1].state is State.FILLED
        said = await report(world)
        assert sorted(said.fills, key=lambda f: f.exec_id) == sorted(told, key=lambda f: f.exec_id)
        assert {p.symbol: p.qty for p in said.positions} == {BTC: order.qty}
        again = await report(world, said.cursor)
        assert {f.exec_id for f in again.fills} == {f.exec_id for f in told}

    tour(main)


def test_orders_that_do_not_wait() -> None:
    async def main(world: World) -> None:
        _, answer = await world.place(tif="ioc")
        assert answer.order is not None
        assert answer.order.state in (State.EXPIRED, State.CANCELLED)
        fok, answer = await world.place(tif="fok", price=Decimal(61000), qty=Decimal(900))
        await asyncio.sleep(1)
        assert answer.answer is Answer.REJECTED or world.orders(fok.client_id)[-1].state is State.EXPIRED
        maker, answer = await world.place(tif="post_only", price=Decimal(61000))
        await asyncio.sleep(1)
        assert answer.answer is Answer.REJECTED or world.orders(maker.client_id)[-1].state is State.EXPIRED
        assert world.fills() == []
        assert (await report(world)).open_orders == ()

    tour(main)


def test_refusals_are_definite_and_say_why() -> None:
    async def main(world: World) -> None:
        for members, code in [
            ({"price": Decimal("59000.05")}, "-4014"),
            ({"qty": Decimal("0.0015")}, "-"),
            ({"qty": Decimal("0.001"), "price": Decimal(1000)}, "-"),
            ({"reduce_only": True}, "-2022"),
            ({"symbol": "NOSUCH"}, "-1121"),
            ({"qty": Decimal(100)}, "-2019"),
            ({"kind": "stop", "side": "sell", "price": ZERO, "trigger_price": Decimal(61000)}, "-2021"),
        ]:
            _, answer = await world.place(**members)
            assert answer.answer is Answer.REJECTED, (members, answer)
            assert not answer.unsent
            assert code in answer.reason, (members, answer)

    tour(main)


def test_a_batch_and_the_end_of_all() -> None:
    async def main(world: World) -> None:
        orders = [world.order(price=Decimal(59000 - n)) for n in range(6)]
        orders[2] = world.order(price=Decimal("59000.05"))
        trigger = world.order(kind="stop", side="sell", price=ZERO, trigger_price=Decimal(58000))
        answers = await world.venue.place_batch([*orders, trigger])
        kinds = [a.answer for a in answers]
        assert kinds.count(Answer.DONE) == 6
        assert kinds[2] is Answer.REJECTED
        assert len((await report(world)).open_orders) == 6
        assert await world.venue.cancel_all(None) == ""
        await world.until(lambda: world.orders(trigger.client_id)[-1].state is State.CANCELLED)
        assert (await report(world)).open_orders == ()

    tour(main)


# ── stops ───────────────────────────────────────────────────────────────────────────────────────


def test_a_stop_triggers_and_trades_under_its_own_id() -> None:
    async def main(world: World) -> None:
        await bought(world)
        order = await stop(world, qty=Decimal("0.1"), reduce_only=True)
        assert world.orders(order.client_id)[-1].state is State.OPEN
        assert [o.client_id for o in (await report(world)).open_orders] == [order.client_id]
        world.move("58900")
        await world.until(lambda: world.orders(order.client_id)[-1].state is State.FILLED, what="the end")
        fills = world.fills(order.client_id)
        assert sum(fill.qty for fill in fills) == Decimal("0.1")
        assert all(news.fill.client_id for news in world.hear if hasattr(news, "fill"))
        said = await report(world)
        assert all(p.qty == 0 for p in said.positions)
        assert {f.client_id for f in said.fills if f.side == "sell"} == {order.client_id}
        found = await world.venue.lookup(Question(order.client_id, BTC))
        assert found.order is not None
        assert (found.order.state, found.order.cum_qty) == (State.FILLED, Decimal("0.1"))

    tour(main)


def test_a_stop_that_triggered_while_the_desk_was_dead_is_known_by_its_id() -> None:
    async def main(world: World) -> None:
        await bought(world)
        cursor = (await report(world)).cursor
        order = await stop(world, qty=Decimal("0.1"))
        limit = await stop(
            world, kind="stop_limit", qty=Decimal("0.1"), trigger_price=Decimal(59500), price=Decimal(59999)
        )
        await world.venue.close()
        world.move("58900")
        await asyncio.sleep(2)
        await world.restart()
        said = await report(world, cursor)
        assert {f.client_id for f in said.fills if f.side == "sell"} == {order.client_id}
        assert [o.client_id for o in said.open_orders] == [limit.client_id]
        # And what it does from now on is told under its id too.
        world.move("60100")
        await world.until(lambda: world.fills(limit.client_id), what="the fill of what rested")
        found = await world.venue.lookup(Question(order.client_id, BTC))
        assert found.order is not None
        assert found.order.state is State.FILLED

    tour(main)


def test_a_triggered_stop_limit_that_rests_can_be_cancelled() -> None:
    async def main(world: World) -> None:
        limit = await stop(world, kind="stop_limit", trigger_price=Decimal(59500), price=Decimal(59999))
        world.move("59400")
        await asyncio.sleep(2)
        assert world.orders(limit.client_id)[-1].state is State.OPEN
        answer = await world.venue.cancel(limit.client_id, BTC, until())
        assert answer.answer is Answer.DONE, answer
        await world.until(lambda: world.orders(limit.client_id)[-1].state is State.CANCELLED)

    tour(main)


def test_a_stop_by_the_mark_and_one_that_is_cancelled() -> None:
    async def main(world: World) -> None:
        order = await stop(world, trigger_by="mark", trigger_price=Decimal(59500))
        answer = await world.venue.cancel(order.client_id, BTC, until())
        assert answer.answer is Answer.ACCEPTED
        await world.until(lambda: world.orders(order.client_id)[-1].state is State.CANCELLED)
        found = await world.venue.lookup(Question(order.client_id, BTC))
        assert found.order is not None
        assert found.order.state is State.CANCELLED

    tour(main)


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────


def test_an_answer_that_was_lost_is_unknown_and_found() -> None:
    async def main(world: World) -> None:
        world.sea.frames['"orderId"'] = "dropped"
        order, answer = await world.place()
        assert answer.answer is Answer.UNKNOWN
        world.sea.frames.clear()
        found = await world.venue.lookup(Question(order.client_id, BTC))
        assert found.order is not None
        assert found.order.state is State.OPEN
        assert len([s for s in world.sea.said if order.client_id.encode() in s]) == 1

    tour(main)


def test_without_the_line_of_deeds_orders_go_by_rest() -> None:
    async def main(world: World) -> None:
        world.sea.sockets["ws-fapi"] = "refused"
        world.cut("ws-fapi")
        await asyncio.sleep(1)
        _, answer = await world.place()
        assert answer.answer is Answer.DONE
        world.sea.http["POST /fapi/v1/order"] = "unheard"
        order, answer = await world.place()
        assert answer.answer is Answer.UNKNOWN
        world.sea.http["POST /fapi/v1/order"] = "lost"
        lost, answer = await world.place()
        assert answer.answer is Answer.UNKNOWN
        world.sea.http["POST /fapi/v1/order"] = "refused"
        _, answer = await world.place()
        assert answer.unsent
        assert (await world.venue.lookup(Question(order.client_id, BTC))).order is not None
        missing = await world.venue.lookup(Question(lost.client_id, BTC))
        assert (missing.order, missing.error) == (None, "")

    tour(main)


def test_fills_while_the_stream_was_cut_are_in_the_report() -> None:
    async def main(world: World) -> None:
        cursor = (await report(world)).cursor
        order, _ = await world.place(qty=Decimal("0.2"))
        world.sea.sockets["/private"] = "refused"
        world.cut("/private")
        await world.until(world.downs, what="the cut")
        told = len(world.hear)
        world.move("58900")
        await asyncio.sleep(2)
        assert all(not hasattr(event, "fill") for event in world.hear[told:])
        world.sea.sockets.clear()
        await world.link_again()
        said = await report(world, cursor)
        assert sum(f.qty for f in said.fills if f.client_id == order.client_id) == Decimal("0.2")
        assert said.open_orders == ()

    tour(main)


def test_an_announced_fill_whose_story_is_lost_is_fetched() -> None:
    async def main(world: World) -> None:
        world.sea.frames["ORDER_TRADE_UPDATE"] = "dropped"
        order, _ = await world.place(kind="market", price=ZERO)
        await asyncio.sleep(15)
        assert not world.downs()
        fills = world.fills(order.client_id)
        assert sum(fill.qty for fill in fills) == order.qty
        assert all(fill.fee > 0 for fill in fills)

    tour(main)


def test_a_doubled_and_a_slow_stream_book_nothing_twice() -> None:
    async def main(world: World) -> None:
        world.sea.frames["in wss://binance.test/private"] = "doubled"
        order = await bought(world)
        await asyncio.sleep(5)
        names = [fill.exec_id for fill in world.fills(order.client_id)]
        assert len(names) == len(set(names))
        assert sum(fill.qty for fill in world.fills(order.client_id)) == order.qty

    tour(main)


VENUES_FAULTS = [
    ("usdm_unknown", Answer.UNKNOWN),
    ("usdm_unavailable", Answer.REJECTED),
    ("usdm_overload", Answer.REJECTED),
    ("usdm_internal", Answer.UNKNOWN),
    ("usdm_timeout", Answer.UNKNOWN),
    ("usdm_bad_bus", Answer.UNKNOWN),
    ("usdm_engine_window", Answer.REJECTED),
]


@pytest.mark.parametrize("by_rest", [False, True])
@pytest.mark.parametrize(("kind", "answer"), VENUES_FAULTS)
def test_the_venues_own_failures_have_their_class(kind: str, answer: Answer, by_rest: bool) -> None:
    """What is said to be refused is not at the venue, whatever the venue did with what is unknown."""

    async def main(world: World) -> None:
        if by_rest:
            world.sea.sockets["ws-fapi"] = "refused"
            world.cut("ws-fapi")
            await asyncio.sleep(1)
        world.fault(kind)
        order, said = await world.place()
        assert said.answer is answer, said
        assert said.reason
        found = await world.venue.lookup(Question(order.client_id, BTC))
        assert not found.error
        if answer is Answer.REJECTED:
            assert found.order is None
        assert (await world.place())[1].answer is Answer.DONE

    tour(main)


def test_an_expired_listen_key_is_replaced() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place(qty=Decimal("0.2"))
        world.fault("usdm_expire_keys", account="main")
        await world.until(world.downs, what="the end of the key")
        assert "listen key" in world.downs()[0].why
        await world.until(lambda: len(world.all(LinkUp)) == 2, what="another link")
        world.move("58900")
        await world.until(lambda: world.fills(order.client_id), what="the fill by the new key")

    tour(main)


def test_the_venue_dies_and_comes_back() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place()
        waiting = await stop(world, trigger_price=Decimal(58000))
        world.kill()
        await world.until(world.downs, what="the end")
        refused = await world.venue.place(world.order())
        assert (refused.answer, refused.unsent) == (Answer.REJECTED, True)
        assert isinstance(await world.venue.report(""), str)
        await asyncio.sleep(5)
        world.revive()
        await world.link_again()
        for one in (order, waiting):
            found = await world.venue.lookup(Question(one.client_id, BTC))
            assert found.order is not None
            assert found.order.state is State.OPEN
        assert {o.client_id for o in (await report(world)).open_orders} == {
            order.client_id,
            waiting.client_id,
        }

    tour(main)


# ── the account ─────────────────────────────────────────────────────────────────────────────────


def test_settings_are_applied_at_the_link() -> None:
    async def main(world: World) -> None:
        assert world.venue.trouble == ""
        asked = [one.partition("?")[0] for one in world.sea.asked]
        assert asked.count("POST /fapi/v1/leverage") == 1
        assert asked.count("POST /fapi/v1/marginType") == 1
        world.cut("/private")
        await world.link_again()
        # What stands already is no trouble.
        assert world.venue.trouble == ""

    tour(main, leverage={BTC: Decimal(7)}, margin="isolated")


def test_funding_is_told_once_under_one_name() -> None:
    async def main(world: World) -> None:
        await bought(world)
        house = world.hosted.house
        house.exchange.advance(house.now_ns())
        house.exchange.set_funding("usdm:BTCUSDT", Decimal("0.0001"), house.now_ns())
        house.exchange.fund_now("usdm:BTCUSDT", house.now_ns())
        world.hosted.tick()

        def told() -> list[CashNews]:
            return [news for news in world.all(CashNews) if news.cash.kind == "funding"]

        await world.until(told, what="the funding")
        (news,) = told()
        assert news.cash.asset == "USDT"
        said = await report(world)
        assert [cash for cash in said.cash if cash.kind == "funding"] == [news.cash]

    tour(main)


def test_a_liquidation_is_a_fill_of_its_own_kind() -> None:
    async def main(world: World) -> None:
        await bought(world, "1")
        house = world.hosted.house
        mark = Decimal(60000)
        # So little is left that a fall of the mark takes the position.
        assert house.exchange.transfer("main:usdm", "USDT", Decimal(-90000), house.now_ns()).ok
        for _ in range(40):
            mark = (mark * Decimal("0.99")).quantize(Decimal("0.01"))
            house.exchange.feed("usdm:BTCUSDT", house.now_ns(), mark=mark)
        world.hosted.tick()
        await asyncio.sleep(2)
        taken = [f for f in world.fills() if f.kind == "liquidation"]
        assert taken
        assert {f.side for f in taken} == {"sell"}
        said = await report(world)
        assert {f.exec_id for f in taken} <= {f.exec_id for f in said.fills if f.kind == "liquidation"}

    tour(main)


def test_the_dead_man_cancels_orders_and_leaves_stops() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place()
        waiting = await stop(world, trigger_price=Decimal(58000))
        await asyncio.sleep(45)
        assert world.orders(order.client_id)[-1].state is State.OPEN
        world.sea.http["countdownCancelAll"] = "lost"
        await world.until(
            lambda: world.orders(order.client_id)[-1].state is State.CANCELLED, within_s=90, what="the switch"
        )
        assert world.orders(waiting.client_id)[-1].state is State.OPEN

    tour(main, dead_man_ns=20 * SECOND_NS)


def test_hedge_mode_by_somebody_else_is_said() -> None:
    async def main(world: World) -> None:
        ask = Ask("POST", "/fapi/v1/positionSide/dual", {"dualSidePosition": "true"})
        await world.venue._asking.do(ask, 0)
        await world.until(world.downs, what="the change", within_s=400)
        assert "hedge mode" in world.downs()[0].why
        # Nothing is open, so it is switched back, and said.
        await world.until(lambda: any("one-way" in e.says for e in world.all(LinkOdd)), what="the way back")

    tour(main)


def test_a_wrong_key_is_one_sentence() -> None:
    async def main() -> None:
        async with World(key="nobody", secret="knows") as world:
            await world.until(world.downs, what="the refusal")
            assert "-20" in world.downs()[0].why or "key" in world.downs()[0].why
            assert "knows" not in world.downs()[0].why
            assert not world.all(LinkUp)
            await world.until(lambda: world.downs()[-1].stopped, within_s=3_600)

    with StormLoop() as loop:
        loop.run_until_complete(main())
        assert loop.complaints == []


def test_a_clock_that_is_ahead_still_trades() -> None:
    async def main(world: World) -> None:
        _, answer = await world.place()
        assert answer.answer is Answer.DONE
        assert not world.all(LinkDown)

    tour(main, venue_ahead_ns=700_000_000, options=Options())


def test_the_account_is_the_settings() -> None:
    async def main(world: World) -> None:
        assert world.venue.account == ACCOUNT
        assert "paper" not in repr(world.setup)

    tour(main)
