"""Deeds at Bybit through the whole adapter: each kind of order, each way an answer may be lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from bybit_world import SECOND_NS, World, now_ns
from venue_kit import run

from kedge.model.events import CashNews
from kedge.model.numbers import ZERO
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask
from kedge.sim.testnet.web import Reply
from kedge.venues.bybit.rules import BYBIT_RULES, Options


def tour(main: Callable[[World], Awaitable[None]], options: Options | None = None, **setup: Any) -> None:
    async def whole() -> None:
        async with World(options, **setup) as world:
            await world.linked()
            if world.venue._ties.hosts.trade:
                await world.ordering()
            await main(world)

    run(whole())


async def ended(world: World, client_id: str, *states: State) -> Any:
    await world.until(lambda: any(o.state in states for o in world.orders(client_id)), what=f"{states}")
    return next(o for o in world.orders(client_id) if o.state in states)


# ── orders of each kind ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("symbol", "qty", "price"),
    [("BTCUSDT", "0.01", "59000"), ("BTCUSD", "100", "59000"), ("BTC/USDT", "0.001", "59000")],
)
def test_a_limit_order_rests_is_amended_and_cancelled(symbol: str, qty: str, price: str) -> None:
    async def main(world: World) -> None:
        order, answered = await world.place(symbol, qty=Decimal(qty), price=Decimal(price))
        assert (answered.answer, answered.reason) == (Answer.ACCEPTED, "")
        opened = await ended(world, order.client_id, State.OPEN)
        assert (opened.symbol, opened.price, opened.qty, opened.kind) == (
            symbol,
            order.price,
            order.qty,
            "limit",
        )
        until_ns = now_ns() + 5 * SECOND_NS
        more = order.qty * 2
        amended = await world.venue.amend(order.client_id, symbol, Decimal("58000"), more, until_ns)
        assert amended.answer is Answer.ACCEPTED
        await world.until(lambda: world.orders(order.client_id)[-1].price == 58000)
        assert world.orders(order.client_id)[-1].qty == more
        cancelled = await world.venue.cancel(order.client_id, symbol, until_ns)
        assert cancelled.answer is Answer.ACCEPTED
        await ended(world, order.client_id, State.CANCELLED)
        again = await world.venue.cancel(order.client_id, symbol, until_ns)
        assert again.answer is Answer.REJECTED
        found = await world.venue.lookup(Ask(order.client_id, symbol))
        assert found.order is not None
        assert found.order.state is State.CANCELLED

    tour(main)


@pytest.mark.parametrize(
    ("symbol", "qty", "asset"),
    [("BTCUSDT", "0.01", "USDT"), ("BTCUSD", "100", "BTC"), ("BTC/USDT", "0.001", "BTC")],
)
@pytest.mark.parametrize("kind", ["market", "ioc"])
def test_what_trades_at_once_is_filled(symbol: str, qty: str, asset: str, kind: str) -> None:
    async def main(world: World) -> None:
        how: dict[str, Any] = {"kind": "market", "price": ZERO} if kind == "market" else {"tif": "ioc"}
        order, answered = await world.place(symbol, **{"qty": Decimal(qty), "price": Decimal(61000), **how})
        assert answered.answer is Answer.ACCEPTED
        filled = await ended(world, order.client_id, State.FILLED)
        assert (filled.cum_qty, filled.qty) == (Decimal(qty), Decimal(qty))
        await world.until(lambda: world.fills(order.client_id))
        assert sum(fill.qty for fill in world.fills(order.client_id)) == Decimal(qty)
        fill = world.fills(order.client_id)[0]
        assert (fill.side, fill.maker, fill.fee_asset, fill.symbol) == ("buy", False, asset, symbol)
        assert fill.fee > 0
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        assert [f for f in report.fills if f.client_id == order.client_id] == world.fills(order.client_id)
        position = {p.symbol: p.qty for p in report.positions}
        assert position.get(symbol, ZERO) == (ZERO if "/" in symbol else Decimal(qty))

    tour(main)


def test_orders_that_end_by_themselves() -> None:
    async def main(world: World) -> None:
        for tif in ("ioc", "fok"):
            order, answered = await world.place(tif=tif)
            assert answered.answer is Answer.ACCEPTED
            gone = await ended(world, order.client_id, State.EXPIRED, State.CANCELLED)
            assert (gone.state, gone.cum_qty) == (State.EXPIRED, 0)
        order, answered = await world.place(tif="post_only", price=Decimal(61000))
        assert answered.answer is Answer.ACCEPTED  # the refusal comes by the stream
        refused = await ended(world, order.client_id, State.REJECTED)
        assert "post-only" in refused.reason
        order, answered = await world.place(tif="post_only")
        await ended(world, order.client_id, State.OPEN)

    tour(main)


@pytest.mark.parametrize("by", ["last", "mark", "index"])
@pytest.mark.parametrize("kind", ["stop", "stop_limit"])
def test_stops_of_contracts(by: Any, kind: Any) -> None:
    async def main(world: World) -> None:
        price = Decimal(62000) if kind == "stop_limit" else ZERO
        order, answered = await world.place(
            kind=kind, price=price, trigger_price=Decimal(60500), trigger_by=by
        )
        assert (answered.answer, answered.reason) == (Answer.ACCEPTED, "")
        waiting = await ended(world, order.client_id, State.OPEN)
        assert (waiting.kind, waiting.cum_qty) == (kind, 0)
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        assert [o.client_id for o in report.open_orders] == [order.client_id]
        world.move("linear:BTCUSDT", "60600")
        # The last price moves when somebody trades.
        await world.place(price=Decimal(62000), tif="ioc")
        await ended(world, order.client_id, State.FILLED)

    tour(main)


def test_a_stop_of_a_pair_and_its_cancel() -> None:
    async def main(world: World) -> None:
        stop: dict[str, Any] = {"kind": "stop", "price": ZERO, "trigger_price": Decimal(60500)}
        order, answered = await world.place("BTC/USDT", qty=Decimal("0.001"), **stop)
        assert (answered.answer, answered.reason) == (Answer.ACCEPTED, "")
        waiting = await ended(world, order.client_id, State.OPEN)
        assert waiting.kind == "stop"
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        assert [o.client_id for o in report.open_orders] == [order.client_id]
        cancelled = await world.venue.cancel(order.client_id, "BTC/USDT", now_ns() + SECOND_NS)
        assert cancelled.answer is Answer.ACCEPTED
        await ended(world, order.client_id, State.CANCELLED)
        refused = await world.venue.place(world.order("BTC/USDT", **{**stop, "trigger_by": "mark"}))
        assert refused.unsent

    tour(main)


def test_a_stop_of_a_pair_is_found_in_either_drawer() -> None:
    """Stops in spot are cancelled by another word, and nobody says whether that holds after the trigger."""

    async def main(world: World) -> None:
        stop: dict[str, Any] = {"kind": "stop_limit", "price": Decimal(59000), "qty": Decimal("0.001")}
        order, _ = await world.place("BTC/USDT", trigger_price=Decimal(60500), **stop)
        await ended(world, order.client_id, State.OPEN)
        world.move("spot:BTCUSDT", "60700")
        await asyncio.sleep(2)
        assert world.exchange.order("main", order.client_id) is not None
        cancelled = await world.venue.cancel(order.client_id, "BTC/USDT", now_ns() + SECOND_NS)
        assert cancelled.answer is Answer.ACCEPTED
        await ended(world, order.client_id, State.CANCELLED)

    tour(main)


def test_a_stop_of_a_pair_whose_price_has_passed_is_not_sent() -> None:
    """The venue would have it wait for the way back, and so do the opposite."""

    async def main(world: World) -> None:
        stop: dict[str, Any] = {"kind": "stop", "price": ZERO, "qty": Decimal("0.001")}
        await world.place("BTC/USDT", kind="market", price=ZERO, qty=Decimal("0.001"))
        for side, trigger in (("sell", 61000), ("buy", 59000)):
            _, answered = await world.place("BTC/USDT", side=side, trigger_price=Decimal(trigger), **stop)
            assert answered.unsent
            assert "has passed" in answered.reason
        world.sea.http["/v5/market/tickers"] = "busy"
        _, answered = await world.place("BTC/USDT", side="sell", trigger_price=Decimal(59000), **stop)
        assert answered.unsent
        assert "is not known" in answered.reason

    tour(main)


def test_a_line_that_nobody_hung_up_is_not_kept_for_ten_minutes_where_the_switch_counts_on_its_end() -> None:
    async def main(world: World) -> None:
        assert [s.url for s in world.sockets("/v5/private")] == [
            "wss://bybit.test/v5/private?max_active_time=30s"
        ]
        await asyncio.sleep(120)
        assert not world.downs()

    tour(main, dead_man_ns=10 * SECOND_NS)


def test_reduce_only_never_opens() -> None:
    async def main(world: World) -> None:
        _, answered = await world.place(kind="market", price=ZERO, side="sell", reduce_only=True)
        assert answered.answer is Answer.REJECTED
        assert "110017" in answered.reason
        await world.place(kind="market", price=ZERO)
        _, answered = await world.place(kind="market", price=ZERO, side="sell", reduce_only=True)
        assert answered.answer is Answer.ACCEPTED

    tour(main)


def test_refusals_say_what_to_mend() -> None:
    async def main(world: World) -> None:
        _, answered = await world.place(price=Decimal("59000.05"))
        assert answered.answer is Answer.REJECTED
        assert answered.reason
        _, answered = await world.place(qty=Decimal("0.00001"))
        assert answered.answer is Answer.REJECTED
        _, answered = await world.place(qty=Decimal(400), price=Decimal(59000))
        assert answered.answer is Answer.REJECTED
        assert "1100" in answered.reason

    tour(main)


# ── last moments, ids, duplicates ───────────────────────────────────────────────────────────────


def test_nothing_is_sent_after_its_last_moment() -> None:
    async def main(world: World) -> None:
        said = len(world.sea.said)
        _, answered = await world.place(valid_until_ns=now_ns() - 1)
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
        assert len(world.sea.said) == said

    tour(main)


def test_a_request_that_is_slow_on_the_way_is_refused_by_the_venue() -> None:
    async def main(world: World) -> None:
        world.sea.frames["order.create"] = "slow"  # thirty seconds, with all that is behind it
        order, answered = await world.place()
        assert answered.answer is Answer.UNKNOWN
        world.sea.frames.clear()
        await asyncio.sleep(60)
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert (found.order, found.error) == (None, "")

    tour(main)


def test_a_repeated_id_is_a_question_and_not_a_refusal() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place()
        answered = await world.venue.place(order)
        assert answered.answer is Answer.UNKNOWN
        assert len(world.exchange.open_orders("main")) == 1

    tour(main)


def test_a_doubled_frame_is_one_order() -> None:
    async def main(world: World) -> None:
        world.sea.frames["order.create"] = "doubled"
        order, answered = await world.place()
        assert answered.answer in (Answer.ACCEPTED, Answer.UNKNOWN)
        await world.until(lambda: world.orders(order.client_id))
        await asyncio.sleep(1)
        assert len(world.exchange.open_orders("main")) == 1
        assert world.orders(order.client_id)[-1].state is State.OPEN

    tour(main)


# ── ways, and what is lost on them ──────────────────────────────────────────────────────────────


def test_orders_go_by_the_order_line() -> None:
    async def main(world: World) -> None:
        await world.place()
        assert not [one for one in world.sea.asked if "POST /v5/order/create" in one]
        sent = [json.loads(frame) for frame in world.sea.said if b"order.create" in frame]
        assert len(sent) == 1

    tour(main)


def test_without_the_order_line_orders_go_by_http() -> None:
    async def main(world: World) -> None:
        world.sea.sockets["/v5/trade"] = "refused"
        world.cut("/v5/trade")
        await world.until(lambda: not world.venue._trade.usable)
        order, answered = await world.place()
        assert answered.answer is Answer.ACCEPTED
        await ended(world, order.client_id, State.OPEN)
        assert len([one for one in world.sea.asked if "POST /v5/order/create" in one]) == 1
        assert "by HTTP meanwhile" in world.venue.trouble
        world.sea.sockets.clear()
        await world.ordering()
        assert world.venue.trouble == ""
        assert not world.downs()

    tour(main)


@pytest.mark.parametrize("fate", ["dropped", "cut"])
def test_a_lost_frame_is_never_sent_another_way(fate: str) -> None:
    async def main(world: World) -> None:
        world.sea.frames["out wss://bybit.test/v5/trade"] = fate
        order, answered = await world.place()
        assert (answered.answer, answered.unsent) == (Answer.UNKNOWN, False)
        assert not [one for one in world.sea.asked if "POST /v5/order/create" in one]
        world.sea.frames.clear()
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert (found.order, found.error) == (None, "")

    tour(main)


def test_an_answer_lost_after_the_deed_is_unknown_and_found_by_lookup() -> None:
    async def main(world: World) -> None:
        world.sea.frames["in wss://bybit.test/v5/trade"] = "dropped"
        order, answered = await world.place()
        assert answered.answer is Answer.UNKNOWN
        world.sea.frames.clear()
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert found.order is not None
        assert found.order.state is State.OPEN

    tour(main)


@pytest.mark.parametrize(
    ("fate", "answer", "there"),
    [
        ("refused", Answer.REJECTED, False),
        ("lost", Answer.UNKNOWN, False),
        ("reset", Answer.UNKNOWN, False),
        ("busy", Answer.UNKNOWN, False),
        ("failed", Answer.UNKNOWN, True),
        ("unheard", Answer.UNKNOWN, True),
        ("late", Answer.UNKNOWN, True),
    ],
)
def test_every_fate_of_an_order_by_http(fate: str, answer: Answer, there: bool) -> None:
    async def main(world: World) -> None:
        world.sea.sockets["/v5/trade"] = "refused"
        world.cut("/v5/trade")
        await world.until(lambda: not world.venue._trade.usable)
        world.sea.http["/v5/order/create"] = fate
        order, answered = await world.place()
        assert answered.answer is answer
        assert answered.unsent is (fate == "refused")
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert found.error == ""
        assert (found.order is not None) is there

    tour(main)


@pytest.mark.parametrize(
    "page",
    [
        Reply(200, b'{"retCode":10000,"retMsg":"Server Timeout","result":{}}'),
        Reply(200, b'{"retCode":10016,"retMsg":"Server error.","result":{}}'),
        Reply(200, b"<html>hm</html>"),
        Reply(200, b'{"retCode":0,"result":{"orderId":"1","orderLinkId":"another"}}'),
        Reply(504, b"Gateway Timeout"),
        Reply(302, b""),
    ],
)
def test_the_venues_own_doubt_is_ours(page: Reply) -> None:
    async def main(world: World) -> None:
        world.sea.sockets["/v5/trade"] = "refused"
        world.cut("/v5/trade")
        await world.until(lambda: not world.venue._trade.usable)
        world.pages["/v5/order/create"] = page
        _, answered = await world.place()
        assert answered.answer is Answer.UNKNOWN

    tour(main)


def test_a_restarting_gateway_is_left_and_its_refusal_is_definite() -> None:
    async def main(world: World) -> None:
        world.fault("service_restart", value="trade")
        answers = [(await world.place())[1] for _ in range(3)]
        assert all(one.answer in (Answer.REJECTED, Answer.ACCEPTED) for one in answers)
        await world.until(lambda: world.venue._trade.usable and not world.venue._trade.restarting)
        _, answered = await world.place()
        assert answered.answer is Answer.ACCEPTED
        assert not world.downs()

    tour(main)


def test_an_acknowledged_order_that_the_engine_refuses_is_told_by_the_stream() -> None:
    async def main(world: World) -> None:
        world.fault("reject_after_ack", value="EC_Others")
        order, answered = await world.place()
        assert answered.answer is Answer.ACCEPTED
        await ended(world, order.client_id, State.REJECTED)

    tour(main)


def test_a_cancel_that_loses_the_race() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place()
        await ended(world, order.client_id, State.OPEN)
        world.fault("cancel_race")
        cancelled = await world.venue.cancel(order.client_id, "BTCUSDT", now_ns() + SECOND_NS)
        assert cancelled.answer is Answer.ACCEPTED
        await ended(world, order.client_id, State.FILLED)
        await world.until(lambda: world.fills(order.client_id))
        await asyncio.sleep(1)
        assert world.orders(order.client_id)[-1].state is State.FILLED

    tour(main)


# ── several at once ─────────────────────────────────────────────────────────────────────────────


def test_a_batch_is_answered_one_by_one() -> None:
    async def main(world: World) -> None:
        good, bad = world.order(), world.order(price=Decimal("59000.05"))
        spot = world.order("BTC/USDT", qty=Decimal("0.001"))
        unknown = world.order("NOSUCH")
        answers = await world.venue.place_batch([good, bad, spot, unknown])
        assert [one.client_id for one in answers] == [o.client_id for o in (good, bad, spot, unknown)]
        assert [one.answer for one in answers] == [
            Answer.ACCEPTED,
            Answer.REJECTED,
            Answer.ACCEPTED,
            Answer.REJECTED,
        ]
        assert answers[3].unsent
        await ended(world, spot.client_id, State.OPEN)
        gone = await world.venue.cancel_batch(
            [(good.client_id, "BTCUSDT"), (bad.client_id, "BTCUSDT"), (spot.client_id, "BTC/USDT")],
            now_ns() + SECOND_NS,
        )
        assert [one.answer for one in gone] == [Answer.ACCEPTED, Answer.REJECTED, Answer.ACCEPTED]
        await ended(world, good.client_id, State.CANCELLED)

    tour(main)


def test_a_batch_whose_answer_is_lost_is_unknown_as_a_whole() -> None:
    async def main(world: World) -> None:
        world.sea.frames["in wss://bybit.test/v5/trade"] = "dropped"
        answers = await world.venue.place_batch([world.order(), world.order()])
        assert [one.answer for one in answers] == [Answer.UNKNOWN, Answer.UNKNOWN]

    tour(main)


def test_everything_is_cancelled_at_once() -> None:
    async def main(world: World) -> None:
        placed = [await world.place(), await world.place("BTCUSD", qty=Decimal(100))]
        placed.append(await world.place("BTC/USDT", qty=Decimal("0.001")))
        placed.append(
            await world.place(
                "BTC/USDT", qty=Decimal("0.001"), kind="stop", price=ZERO, trigger_price=Decimal(60500)
            )
        )
        assert all(answered.answer is Answer.ACCEPTED for _, answered in placed)
        assert await world.venue.cancel_all("BTC/USDT") == ""
        for order, _ in placed[2:]:
            await ended(world, order.client_id, State.CANCELLED)
        await asyncio.sleep(1)
        assert await world.venue.cancel_all(None) == ""
        for order, _ in placed[:2]:
            await ended(world, order.client_id, State.CANCELLED)

    tour(main)


# ── budgets ─────────────────────────────────────────────────────────────────────────────────────


def test_the_eleventh_order_of_a_second_is_not_sent() -> None:
    async def main(world: World) -> None:
        await asyncio.sleep(2)
        answers = [(await world.place())[1] for _ in range(11)]
        assert [one.answer for one in answers[:10]] == [Answer.ACCEPTED] * 10
        assert answers[10].unsent
        assert 0 < answers[10].retry_ns <= SECOND_NS
        assert "budget" in answers[10].reason
        await asyncio.sleep(answers[10].retry_ns / SECOND_NS)
        assert (await world.place())[1].answer is Answer.ACCEPTED
        assert BYBIT_RULES.requests_per_s + BYBIT_RULES.burst <= 10

    tour(main)


def test_a_ban_is_waited_out_where_it_holds() -> None:
    """It shuts the address out of HTTP. The order line is another door, and a quote that nobody can cancel
    for ten minutes is dear."""

    async def main(world: World) -> None:
        standing, _ = await world.place()
        await ended(world, standing.client_id, State.OPEN)
        world.sea.sockets["/v5/trade"] = "refused"
        world.cut("/v5/trade")
        await world.until(lambda: not world.venue._trade.usable)
        world.pages["/v5/order/create"] = Reply(403, b"access too frequent")
        _, answered = await world.place()
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, False)
        assert "HTTP 403" in answered.reason
        asked = len(world.sea.asked)
        _, answered = await world.place()
        assert answered.unsent
        assert answered.retry_ns > 500 * SECOND_NS
        assert "HTTP 403" in answered.reason
        assert (await world.venue.lookup(Ask(standing.client_id, "BTCUSDT"))).error
        assert len(world.sea.asked) == asked
        world.sea.sockets.clear()
        await world.ordering()
        until_ns = now_ns() + 5 * SECOND_NS
        assert (await world.venue.cancel(standing.client_id, "BTCUSDT", until_ns)).answer is Answer.ACCEPTED
        await ended(world, standing.client_id, State.CANCELLED)
        assert len(world.sea.asked) == asked

    tour(main)


# ── rights ──────────────────────────────────────────────────────────────────────────────────────


def test_a_key_that_may_only_read_looks_and_does_nothing() -> None:
    async def main() -> None:
        world = World(key="reader", secret="secret of reader")
        world.hosted.house.add_key(_key("reader", trades=False))
        async with world:
            await world.linked()
            report = await world.venue.report("")
            assert isinstance(report, AccountReport)
            _, answered = await world.place()
            assert answered.unsent
            assert "may only read" in answered.reason
            assert (await world.venue.cancel("x", "BTCUSDT", 0)).unsent

    run(main())


def _key(name: str, **members: Any) -> Any:
    from kedge.sim.testnet.keys import ApiKey

    return ApiKey(name, f"secret of {name}", "main", **members)


def test_a_key_that_may_withdraw_is_refused_for_real_money() -> None:
    async def main(meant: bool) -> None:
        world = World(key="rich", secret="secret of rich", live=True, may_withdraw=meant)
        world.hosted.house.add_key(_key("rich", withdraws=True))
        async with world:
            if meant:
                await world.linked()
                assert "withdraw" in world.venue.trouble
            else:
                await world.until(world.downs)
                assert "may_withdraw" in world.downs()[0].why

    run(main(False))
    run(main(True))


# ── reports and cash ────────────────────────────────────────────────────────────────────────────


def test_a_report_goes_on_where_the_last_one_stopped() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place(kind="market", price=ZERO)
        await world.until(lambda: world.fills(order.client_id))
        first = await world.venue.report("")
        assert isinstance(first, AccountReport)
        assert first.complete
        assert len(first.fills) == len(world.fills())
        await asyncio.sleep(1_000)
        again = await world.venue.report(first.cursor)
        assert isinstance(again, AccountReport)
        assert again.fills == first.fills  # the overlap, for what the venue shows late
        later, _ = await world.place(kind="market", price=ZERO)
        await world.until(lambda: world.fills(later.client_id))
        second = await world.venue.report(again.cursor)
        assert isinstance(second, AccountReport)
        assert {fill.client_id for fill in second.fills} == {later.client_id}
        assert int(second.cursor) > int(first.cursor)
        strange = await world.venue.report("abc/7")
        assert isinstance(strange, str)
        assert "another venue" in strange

    tour(main)


def test_a_report_that_lacks_a_page_concludes_nothing() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place(kind="market", price=ZERO)
        await world.until(lambda: world.fills(order.client_id))
        first = await world.venue.report("")
        assert isinstance(first, AccountReport)
        for path in (
            "/v5/execution/list?category=spot",
            "transaction-log",
            "position/list",
            "wallet-balance",
        ):
            world.sea.http[path] = "busy"
            report = await world.venue.report(first.cursor)
            assert isinstance(report, AccountReport), path
            assert not report.complete
            assert path.partition("?")[0] in world.venue.trouble, (
                "people are told which part of it is missing"
            )
            world.sea.http.clear()
        assert isinstance(await world.venue.report(first.cursor), AccountReport)
        assert world.venue.trouble == ""
        world.sea.http["/v5/order/realtime"] = "busy"
        assert isinstance(await world.venue.report(first.cursor), str)
        error = (await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))).error
        assert "/v5/order/realtime" in error

    tour(main)


@pytest.mark.parametrize("path", ["/v5/order/realtime", "/v5/order/history", "/v5/execution/list"])
def test_a_doubt_in_a_lookup_is_never_not_found(path: str) -> None:
    async def main(world: World) -> None:
        world.sea.http[path] = "busy"
        found = await world.venue.lookup(Ask("f" * 32, "BTCUSDT"))
        assert found.order is None
        assert found.error
        world.sea.http.clear()
        assert (await world.venue.lookup(Ask("f" * 32, "BTCUSDT"))).error == ""

    tour(main)


def test_pages_that_shift_while_they_are_turned() -> None:
    async def main(world: World) -> None:
        world.fault("shifting_cursor", count=0)
        for n in range(12):
            for _ in range(10):
                _, answered = await world.place("BTCUSD", qty=Decimal(1), kind="market", price=ZERO)
                assert answered.answer is Answer.ACCEPTED, n
            await asyncio.sleep(1.1)
        told = {fill.exec_id for fill in world.fills()}
        assert len(told) >= 120
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        assert report.complete
        assert {fill.exec_id for fill in report.fills} == told

    tour(main)


def test_funding_is_told_once_by_both_ways() -> None:
    async def main(world: World) -> None:
        await world.place(kind="market", price=ZERO)
        world.exchange.set_funding("linear:BTCUSDT", Decimal("0.0001"), now_ns())
        world.exchange.fund_now("linear:BTCUSDT", now_ns())
        await world.until(lambda: world.all(CashNews))
        (news,) = world.all(CashNews)
        assert (news.cash.kind, news.cash.asset, news.cash.symbol) == ("funding", "USDT", "BTCUSDT")
        assert news.cash.amount < 0  # a long one pays a positive rate
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        funding = [cash for cash in report.cash if cash.kind == "funding"]
        assert funding == [news.cash]

    tour(main)


def test_lookups_that_lag_are_bounded_by_the_rules() -> None:
    async def main(world: World) -> None:
        world.fault("lookup_lag", count=0, delay_ns=2 * SECOND_NS)
        order, _ = await world.place()
        await asyncio.sleep(BYBIT_RULES.visibility_ns / SECOND_NS)
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert found.order is not None

    tour(main)


def test_a_report_has_the_latest_fills_though_the_venue_s_clock_is_ahead() -> None:
    """What the venue dates later than our question has happened before it all the same."""

    async def main() -> None:
        async with World(venue_ahead_ns=3 * SECOND_NS) as world:
            await world.linked()
            await world.place(kind="market", price=ZERO)
            await world.until(world.fills)
            report = await world.venue.report("")
            assert isinstance(report, AccountReport)
            assert [fill.exec_id for fill in report.fills] == [fill.exec_id for fill in world.fills()]

    run(main())


def test_too_many_order_lines_are_no_word_about_the_key() -> None:
    """10003 is "the key is invalid" by HTTP, and "too many sessions under the same UID" on the order line."""

    async def main(world: World) -> None:
        world.sea.frames["out wss://bybit.test/v5/trade"] = "dropped"
        placing = asyncio.get_running_loop().create_task(world.place())
        await world.until(lambda: b"order.create" in world.sea.said[-1])
        crowded = {"retCode": 10003, "retMsg": "Too many sessions under the same UID", "op": "order.create"}
        (line,) = world.sockets("/v5/trade")
        line.say(json.dumps({"reqId": json.loads(world.sea.said[-1])["reqId"], **crowded}).encode())
        _, answered = await placing
        assert answered.answer is Answer.REJECTED
        assert "Too many sessions" in answered.reason
        # The next one goes by HTTP, and the account stays linked.
        order, answered = await world.place()
        assert answered.answer is Answer.ACCEPTED
        await ended(world, order.client_id, State.OPEN)
        for _ in range(8):  # however often it is turned away, it tries again
            await world.until(lambda: b'"auth"' in world.sea.said[-1], within_s=100)
            said = json.loads(world.sea.said[-1])
            await asyncio.sleep(0.2)
            world.sea.said.append(b"")
            crowded = {"reqId": said["reqId"], "retCode": 10003, "retMsg": "Too many sessions", "op": "auth"}
            for line in world.sockets("/v5/trade"):
                line.say(json.dumps(crowded).encode())
        assert "Too many sessions" in world.venue.trouble
        world.sea.frames.clear()
        await world.until(lambda: world.venue._trade.usable, within_s=100)
        assert world.downs() == []

    tour(main)


def test_an_answer_without_its_code_is_no_consent() -> None:
    async def main(world: World) -> None:
        world.sea.frames["out wss://bybit.test/v5/trade"] = "dropped"
        order = world.order()
        placing = asyncio.get_running_loop().create_task(world.venue.place(order))
        await world.until(lambda: b"order.create" in world.sea.said[-1])
        (line,) = world.sockets("/v5/trade")
        said = {"reqId": json.loads(world.sea.said[-1])["reqId"], "op": "order.create"}
        line.say(json.dumps({**said, "data": {"orderLinkId": order.client_id}}).encode())
        assert (await placing).answer is Answer.UNKNOWN

    tour(main)


def test_too_many_orders_hold_up_no_cancel_and_no_question() -> None:
    """The venue counts each path for itself: what one of them has used up is still there for the others."""

    async def main(world: World) -> None:
        world.sea.sockets["/v5/trade"] = "refused"
        world.cut("/v5/trade")
        await world.until(lambda: not world.venue._trade.usable)
        order, _ = await world.place()
        await ended(world, order.client_id, State.OPEN)
        many = {"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "retExtInfo": {}, "time": 1}
        reset = str(now_ns() // 10**6 + 4_000)
        world.pages["/v5/order/create"] = Reply(
            200, json.dumps(many).encode(), {"X-Bapi-Limit-Reset-Timestamp": reset}
        )
        _, answered = await world.place()
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, False)
        _, answered = await world.place()
        assert (answered.answer, answered.unsent, answered.retry_ns > 0) == (Answer.REJECTED, True, True)
        answered = await world.venue.cancel(order.client_id, "BTCUSDT", now_ns() + 5 * SECOND_NS)
        assert answered.answer is Answer.ACCEPTED
        assert (await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))).error == ""
        await asyncio.sleep(5)
        assert (await world.place())[1].answer is Answer.ACCEPTED

    tour(main)
