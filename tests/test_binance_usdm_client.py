"""The Binance USDⓈ-M adapter against a scripted venue: its link, its deeds, its questions."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from binance_usdm_kit import (
    SECOND,
    SYMBOL,
    World,
    algo_row,
    clock,
    name,
    order_row,
    pushed,
    refusal,
    trade_row,
    with_world,
)

from kedge.model.events import (
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkOdd,
    LinkUp,
)
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask
from kedge.venues.venue import Setup
from kedge.venues.wires import NoReply

LEVERED = Setup(
    "usdm/main",
    "key",
    "secret",
    url="http://fake",
    leverage={SYMBOL: Decimal(20), "ETHUSDT": Decimal("1.5")},
    margin="isolated",
)


def until() -> int:
    return clock() + 5 * SECOND


# ── the link ────────────────────────────────────────────────────────────────────────────────────


def test_the_link_begins_with_clock_modes_and_stops() -> None:
    async def test(world: World) -> None:
        await world.up()
        assert isinstance(world.events[0], LinkUp)
        assert [e.instrument.symbol for e in world.told(InstrumentSeen)] == [SYMBOL, "ETHUSDT"]
        paths = world.fake.paths()
        order = [
            "/fapi/v1/time",
            "/fapi/v1/exchangeInfo",
            "/fapi/v1/positionSide/dual",
            "/fapi/v1/openAlgoOrders",
        ]
        assert [paths.index(path) for path in order] == sorted(paths.index(path) for path in order)
        assert world.fake.line("private").url.endswith("/private/ws/listen-key")

    with_world(test)


def test_what_is_pushed_before_the_link_is_up_is_told_after_it() -> None:
    async def test(world: World) -> None:
        answer = world.fake.says["GET", "/fapi/v1/openAlgoOrders"]

        def slowly(params: dict[str, str]) -> Any:
            world.fake.line("private").push(pushed(x="TRADE", X="FILLED", l="1", z="1", L="100", t=5))
            return answer(params)

        world.fake.says["GET", "/fapi/v1/openAlgoOrders"] = slowly
        await world.up()
        assert isinstance(world.events[0], LinkUp)
        (news,) = world.told(FillNews)
        assert news.fill.client_id == name(1)

    with_world(test)


def test_leverage_and_margin_are_set_and_what_stands_already_is_fine() -> None:
    async def test(world: World) -> None:
        world.fake.says["POST", "/fapi/v1/marginType"] = lambda p: refusal(
            -4046, "No need to change margin type."
        )
        world.fake.says["POST", "/fapi/v1/leverage"] = lambda p: (200, {"leverage": 20})
        await world.venue.open(world.events.append)
        await asyncio.sleep(1)
        deeds = [(path, p) for m, path, p in world.fake.asked if m == "POST"]
        margins = [p["marginType"] for path, p in deeds if path == "/fapi/v1/marginType"]
        assert margins == ["ISOLATED", "ISOLATED"]
        assert [p["leverage"] for path, p in deeds if path == "/fapi/v1/leverage"] == ["20"]
        assert "1.5" in world.venue.trouble
        assert any("whole numbers" in e.says for e in world.told(LinkOdd))

    with_world(test, LEVERED)


def test_hedge_mode_is_left_or_keeps_us_out() -> None:
    async def left(world: World) -> None:
        world.fake.says["GET", "/fapi/v1/positionSide/dual"] = lambda p: (200, {"dualSidePosition": True})
        world.fake.says["POST", "/fapi/v1/positionSide/dual"] = lambda p: (
            200,
            {"code": 200, "msg": "success"},
        )
        await world.venue.open(world.events.append)
        await asyncio.sleep(1)
        assert world.told(LinkUp)
        assert "one-way" in world.venue.trouble

    async def kept_out(world: World) -> None:
        world.fake.says["GET", "/fapi/v1/positionSide/dual"] = lambda p: (200, {"dualSidePosition": True})
        world.fake.says["POST", "/fapi/v1/positionSide/dual"] = lambda p: refusal(-4068)
        await world.venue.open(world.events.append)
        await asyncio.sleep(3600)
        assert not world.told(LinkUp)
        downs = world.told(LinkDown)
        assert "close it at the venue" in downs[0].why
        assert downs[-1].stopped
        tries = len(world.fake.asked)
        await asyncio.sleep(3600)
        assert len(world.fake.asked) == tries
        world.fake.says["GET", "/fapi/v1/positionSide/dual"] = lambda p: (200, {"dualSidePosition": False})
        world.venue.retry()
        await asyncio.sleep(1)
        assert world.told(LinkUp)

    with_world(left)
    with_world(kept_out)


def test_a_wrong_key_is_told_once_and_not_tried_for_ever() -> None:
    async def test(world: World) -> None:
        world.fake.says["GET", "/fapi/v1/positionSide/dual"] = lambda p: refusal(
            -2015, "Invalid API-key", 401
        )
        await world.venue.open(world.events.append)
        await asyncio.sleep(7200)
        assert "-2015" in world.told(LinkDown)[0].why
        assert world.told(LinkDown)[-1].stopped
        assert world.fake.paths().count("/fapi/v1/positionSide/dual") == 6

    with_world(test)


def test_no_secret_is_one_sentence() -> None:
    async def test(world: World) -> None:
        await world.venue.open(world.events.append)
        await asyncio.sleep(10)
        assert "no secret is set" in world.told(LinkDown)[0].why
        assert world.fake.asked == []

    with_world(test, Setup("usdm/main", url="http://fake"))


@pytest.mark.parametrize(
    ("rights", "says"),
    [
        ({"enableFutures": False, "enableWithdrawals": False, "ipRestrict": True}, "may not trade futures"),
        ({"enableFutures": True, "enableWithdrawals": True, "ipRestrict": True}, "may withdraw"),
    ],
)
def test_a_real_key_with_the_wrong_rights_keeps_us_out(rights: dict[str, bool], says: str) -> None:
    async def test(world: World) -> None:
        world.fake.says["GET", "/sapi/v1/account/apiRestrictions"] = lambda p: (200, rights)
        await world.venue.open(world.events.append)
        await asyncio.sleep(1)
        assert says in world.told(LinkDown)[0].why

    with_world(test, Setup("usdm/main", "key", "secret", live=True))


def test_a_real_key_whose_rights_are_not_told_is_only_noted() -> None:
    async def test(world: World) -> None:
        await world.venue.open(world.events.append)
        await asyncio.sleep(1)
        assert world.told(LinkUp)
        assert "rights are not known" in world.venue.trouble

    with_world(test, Setup("usdm/main", "key", "secret", live=True))


def test_a_clock_that_is_behind_keeps_us_out() -> None:
    async def test(world: World) -> None:
        world.fake.skew_ms = -5_000
        await world.venue.open(world.events.append)
        await asyncio.sleep(1)
        assert "behind ours" in world.told(LinkDown)[0].why
        world.fake.skew_ms = 300
        await asyncio.sleep(60)
        assert world.told(LinkUp)
        sent = [p for m, path, p in world.fake.asked if "timestamp" in p][-1]
        assert abs(int(sent["timestamp"]) - world.fake.now_ms()) < 60_000

    with_world(test)


def test_a_cut_stream_is_a_link_down_and_comes_back() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.line("private").cut("reset by peer")
        await asyncio.sleep(2)
        assert "reset by peer" in world.told(LinkDown)[0].why
        assert len(world.told(LinkUp)) == 2

    with_world(test)


def test_a_stream_that_falls_silent_is_noticed_by_its_heartbeat() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.line("private").deaf = True
        await asyncio.sleep(120)
        assert "has not answered" in world.told(LinkDown)[0].why
        assert len(world.told(LinkUp)) == 2

    with_world(test)


def test_an_unreadable_push_ends_the_link() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.line("private").push(b'{"e":"ORDER_TRADE_UPDATE","o":{}}')
        await asyncio.sleep(2)
        assert "unreadable" in world.told(LinkDown)[0].why
        assert len(world.told(LinkUp)) == 2

    with_world(test)


def test_the_listen_key_is_kept_alive_and_replaced() -> None:
    async def test(world: World) -> None:
        await world.up()
        await asyncio.sleep(2 * 1_800 + 5)
        assert world.fake.paths("PUT").count("/fapi/v1/listenKey") == 2
        assert not world.told(LinkDown)
        world.fake.says["PUT", "/fapi/v1/listenKey"] = lambda p: refusal(-1125)
        world.fake.says["POST", "/fapi/v1/listenKey"] = lambda p: (200, {"listenKey": "another"})
        await asyncio.sleep(1_800)
        assert "listen key" in world.told(LinkDown)[0].why
        assert world.fake.line("private").url.endswith("/another")
        world.push({"e": "listenKeyExpired", "E": 1, "listenKey": "another"})
        await asyncio.sleep(2)
        assert len(world.told(LinkUp)) == 3

    with_world(test)


# ── deeds ───────────────────────────────────────────────────────────────────────────────────────


def test_orders_go_by_the_line_signed_and_windowed() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.deed = lambda p: (200, order_row())
        answer = await world.venue.place(world.order())
        assert (answer.answer, answer.order is not None) == (Answer.DONE, True)
        assert answer.order is not None
        assert (answer.order.state, answer.order.venue_id) == (State.OPEN, "7")
        ((method, params),) = world.fake.deeds
        assert method == "order.place"
        assert {"apiKey", "signature", "timestamp", "recvWindow"} <= params.keys()
        assert int(params["recvWindow"]) <= 5_000

    with_world(test)


def test_without_the_line_orders_go_by_rest() -> None:
    async def test(world: World) -> None:
        world.fake.no_socket["ws-fapi"] = "refused"
        await world.up()
        world.fake.deed = lambda p: (200, order_row())
        assert (await world.venue.place(world.order())).answer is Answer.DONE
        assert world.fake.deeds == []
        assert world.fake.asked[-1][:2] == ("POST", "/fapi/v1/order")
        assert world.fake.asked[-1][2]["newClientOrderId"] == name(1)

    with_world(test)


def test_a_lost_answer_is_unknown_and_never_sent_again() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.deed = lambda p: NoReply("nothing came")
        before = len(world.fake.asked)
        answer = await world.venue.place(world.order())
        assert answer.answer is Answer.UNKNOWN
        assert len(world.fake.deeds) == 1
        assert not [path for m, path, _ in world.fake.asked[before:] if m == "POST"]

    with_world(test)


def test_a_line_cut_while_we_wait_is_unknown() -> None:
    async def test(world: World) -> None:
        await world.up()
        line = world.fake.line("ws-fapi")
        line.deaf = True
        placing = asyncio.get_running_loop().create_task(world.venue.place(world.order()))
        await asyncio.sleep(0.5)
        line.cut()
        assert (await placing).answer is Answer.UNKNOWN
        assert len([said for said in line.said if said["method"] == "order.place"]) == 1

    with_world(test)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (refusal(-2019, "Margin is insufficient."), Answer.REJECTED),
        (refusal(-5022, "Post Only order will be rejected."), Answer.REJECTED),
        (refusal(-1007, "Timeout waiting for response", 408), Answer.UNKNOWN),
        (refusal(-4116, "clientOrderId is duplicated"), Answer.UNKNOWN),
        (refusal(-1008, "Request throttled", 503), Answer.REJECTED),
        ((200, order_row(clientOrderId="another")), Answer.UNKNOWN),
        ((200, {"orderId": 7}), Answer.UNKNOWN),
    ],
)
def test_answers_have_their_class(said: Any, answer: Answer) -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.deed = lambda p: said
        heard = await world.venue.place(world.order())
        assert heard.answer is answer
        assert not heard.unsent
        assert heard.reason

    with_world(test)


def test_what_must_not_leave_does_not() -> None:
    async def test(world: World) -> None:
        await world.up()
        late = await world.venue.place(world.order(valid_until_ns=clock() - 1))
        assert late.unsent
        odd = await world.venue.place(world.order(kind="stop", trigger_by="index"))
        assert odd.unsent
        assert "index" in odd.reason
        world.fake.line("private").cut()
        down = await world.venue.place(world.order())
        assert down.unsent
        assert "not connected" in down.reason
        assert world.fake.deeds == []

    with_world(test)


def test_a_ban_says_how_long_to_stay_away() -> None:
    async def test(world: World) -> None:
        world.fake.no_socket["ws-fapi"] = "refused"
        await world.up()
        world.fake.headers = {"retry-after": "7"}
        world.fake.deed = lambda p: refusal(-1003, "Too many requests", 429)
        banned = await world.venue.place(world.order())
        assert (banned.answer, banned.retry_ns) == (Answer.REJECTED, 7 * SECOND)
        again = await world.venue.place(world.order(2))
        assert again.unsent
        assert 6 * SECOND < again.retry_ns <= 7 * SECOND

    with_world(test)


def test_a_stop_lives_and_ends_under_its_own_id() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.deed = lambda p: (200, algo_row())
        stop = world.order(2, kind="stop", price=Decimal(0), trigger_price=Decimal(90))
        placed = await world.venue.place(stop)
        assert placed.answer is Answer.DONE
        assert placed.order is not None
        assert (placed.order.client_id, placed.order.kind) == (name(2), "stop")
        world.fake.deed = lambda p: (
            200,
            {"algoId": 1, "clientAlgoId": name(2), "code": "200", "msg": "success"},
        )
        assert (await world.venue.cancel(name(2), SYMBOL, until())).answer is Answer.ACCEPTED
        assert world.fake.deeds[-1][0] == "algoOrder.cancel"
        amended = await world.venue.amend(name(2), SYMBOL, Decimal(1), Decimal(1), until())
        assert amended.unsent

    with_world(test)


def test_a_triggered_stop_is_cancelled_by_its_number() -> None:
    async def test(world: World) -> None:
        world.fake.open_algos = [algo_row()]
        world.fake.all_algos = [algo_row()]
        await world.up()
        event = {"caid": name(2), "aid": 1, "o": "STOP", "s": SYMBOL, "S": "SELL", "q": "1", "X": "TRIGGERED"}
        world.push({"e": "ALGO_UPDATE", "T": 1, "o": event | {"ai": "991"}})
        world.fake.deed = lambda p: (200, order_row(orderId=991, clientOrderId="other", status="CANCELED"))
        answer = await world.venue.cancel(name(2), SYMBOL, until())
        assert answer.answer is Answer.DONE
        assert answer.order is not None
        assert (answer.order.client_id, answer.order.state) == (name(2), State.CANCELLED)
        assert world.fake.deeds[-1][1]["orderId"] == "991"

    with_world(test)


def test_an_order_nobody_remembers_is_cancelled_by_both_ways() -> None:
    async def test(world: World) -> None:
        await world.up()
        done = {"algoId": 1, "clientAlgoId": name(3), "code": "200", "msg": "success"}
        world.fake.deed = lambda p: (
            (200, done) if "clientAlgoId" in p else refusal(-2011, "Unknown order sent.")
        )
        assert (await world.venue.cancel(name(3), SYMBOL, until())).answer is Answer.ACCEPTED
        assert [method for method, _ in world.fake.deeds] == ["order.cancel", "algoOrder.cancel"]
        world.fake.deed = lambda p: refusal(-2011, "Unknown order sent.")
        assert (await world.venue.cancel(name(4), SYMBOL, until())).answer is Answer.REJECTED

    with_world(test)


def test_an_amend_knows_the_side_or_asks_for_it() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.orders[name(5)] = order_row(clientOrderId=name(5), side="SELL", orderId=55)
        world.fake.deed = lambda p: (
            200,
            order_row(clientOrderId=name(5), side="SELL", price=p["price"], orderId=55),
        )
        answer = await world.venue.amend(name(5), SYMBOL, Decimal(101), Decimal(1), until())
        assert answer.answer is Answer.DONE
        assert answer.order is not None
        assert answer.order.price == 101
        assert world.fake.deeds[-1][1]["side"] == "SELL"
        asked = world.fake.paths().count("/fapi/v1/order")
        await world.venue.amend(name(5), SYMBOL, Decimal(102), Decimal(1), until())
        assert world.fake.paths().count("/fapi/v1/order") == asked
        unknown = await world.venue.amend(name(6), SYMBOL, Decimal(1), Decimal(1), until())
        assert unknown.unsent

    with_world(test)


def test_a_batch_has_an_answer_for_each() -> None:
    async def test(world: World) -> None:
        await world.up()

        def batch(params: dict[str, str]) -> Any:
            if "batchOrders" not in params:
                return 200, algo_row()
            rows: list[Any] = [order_row(clientOrderId=name(10 + n), orderId=n) for n in range(5)]
            rows[3] = {"code": -2022, "msg": "ReduceOnly Order is rejected."}
            return 200, rows if params["batchOrders"].count("newClientOrderId") == 5 else rows[:1]

        world.fake.deed = batch
        orders = [world.order(10 + n) for n in range(5)]
        stop = world.order(2, kind="stop", price=Decimal(0), trigger_price=Decimal(90))
        answers = await world.venue.place_batch([*orders[:2], stop, *orders[2:]])
        kinds = [a.answer for a in answers]
        assert kinds == [Answer.DONE, Answer.DONE, Answer.DONE, Answer.DONE, Answer.REJECTED, Answer.DONE]
        assert [a.client_id for a in answers] == [o.client_id for o in [*orders[:2], stop, *orders[2:]]]
        world.fake.deed = lambda p: (200, [order_row()])
        short = await world.venue.place_batch([world.order(20), world.order(21)])
        assert [a.answer for a in short] == [Answer.UNKNOWN, Answer.UNKNOWN]

    with_world(test)


def test_cancel_all_is_both_kinds() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.deed = lambda p: (200, {"code": 200, "msg": "done"})
        assert await world.venue.cancel_all(SYMBOL) == ""
        assert world.fake.paths("DELETE") == ["/fapi/v1/allOpenOrders", "/fapi/v1/algoOpenOrders"]
        world.fake.says["DELETE", "/fapi/v1/algoOpenOrders"] = lambda p: refusal(-1007, "Timeout", 408)
        assert "stops of BTCUSDT" in await world.venue.cancel_all(SYMBOL)

    with_world(test)


def test_the_dead_man_is_armed_renewed_and_stopped() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.says["POST", "/fapi/v1/countdownCancelAll"] = lambda p: (200, {})
        world.fake.deed = lambda p: (200, order_row())
        await world.venue.place(world.order())
        await asyncio.sleep(50)
        sent = [p["countdownTime"] for m, path, p in world.fake.asked if path.endswith("countdownCancelAll")]
        assert sent == ["60000"] * 3
        world.push(pushed(x="CANCELED", X="CANCELED"))
        await asyncio.sleep(5)
        sent = [p["countdownTime"] for m, path, p in world.fake.asked if path.endswith("countdownCancelAll")]
        assert sent[-1] == "0"

    with_world(test, Setup("usdm/main", "key", "secret", url="http://fake", dead_man_ns=60 * SECOND))


# ── questions ───────────────────────────────────────────────────────────────────────────────────


def test_a_lookup_asks_where_the_order_may_be() -> None:
    async def test(world: World) -> None:
        await world.up()
        missing = await world.venue.lookup(Ask(name(1), SYMBOL))
        assert (missing.order, missing.error) == (None, "")
        places = ["/fapi/v1/order", "/fapi/v1/algoOrder", "/fapi/v1/allAlgoOrders"]
        assert world.fake.paths()[-3:] == places
        world.fake.orders[name(1)] = order_row(status="FILLED", executedQty="1")
        found = await world.venue.lookup(Ask(name(1), SYMBOL))
        assert found.order is not None
        assert found.order.state is State.FILLED
        # Known now, so only one question.
        del world.fake.orders[name(1)]
        before = len(world.fake.asked)
        await world.venue.lookup(Ask(name(1), SYMBOL))
        assert [path for _, path, _ in world.fake.asked[before:]] == ["/fapi/v1/order"]
        world.fake.says["GET", "/fapi/v1/order"] = lambda p: refusal(-1001, "Internal error")
        failed = await world.venue.lookup(Ask(name(1), SYMBOL))
        assert failed.error

    with_world(test)


def test_a_lookup_follows_a_triggered_stop() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.algos[name(2)] = algo_row(algoStatus="TRIGGERED", actualOrderId="991")
        world.fake.orders["991"] = order_row(
            orderId=991, clientOrderId="other", status="PARTIALLY_FILLED", executedQty="0.5"
        )
        found = (await world.venue.lookup(Ask(name(2), SYMBOL))).order
        assert found is not None
        assert (found.client_id, found.cum_qty, found.kind) == (name(2), Decimal("0.5"), "stop")
        # No longer shown: its trades decide.
        del world.fake.orders["991"]
        still = await world.venue.lookup(Ask(name(2), SYMBOL))
        assert "does not show its order yet" in still.error
        world.fake.algos[name(2)] = algo_row(algoStatus="FINISHED", actualOrderId="991")
        world.fake.trades = [trade_row(orderId=991, qty="0.4"), trade_row(orderId=991, qty="0.6", id=78)]
        ended = (await world.venue.lookup(Ask(name(2), SYMBOL))).order
        assert ended is not None
        assert (ended.state, ended.cum_qty) == (State.FILLED, Decimal(1))

    with_world(test)


async def report(world: World, cursor: str = "") -> AccountReport:
    said = await world.venue.report(cursor)
    assert isinstance(said, AccountReport), said
    return said


def test_a_report_gives_every_trade_its_owner() -> None:
    async def test(world: World) -> None:
        world.fake.orders["7"] = order_row(status="FILLED")
        world.fake.orders["8"] = order_row(orderId=8, clientOrderId="by-hand")
        world.fake.all_algos = [algo_row(algoStatus="FINISHED", actualOrderId=9)]
        world.fake.orders["9"] = order_row(orderId=9, clientOrderId="strange", type="MARKET")
        world.fake.trades = [trade_row(id=70 + n, orderId=n) for n in (7, 8, 9, 10)]
        await world.up()
        await asyncio.sleep(10)  # what is young might still be named
        await world.venue.watch([SYMBOL])
        said = await report(world)
        assert said.complete
        assert [(f.exec_id, f.client_id) for f in said.fills] == [
            ("BTCUSDT-77-b", name(1)),
            ("BTCUSDT-78-b", "by-hand"),
            ("BTCUSDT-79-b", name(2)),
            ("BTCUSDT-80-b", ""),
        ]
        # Everything is remembered now.
        before = len(world.fake.asked)
        again = await report(world, said.cursor)
        assert [f.client_id for f in again.fills] == [f.client_id for f in said.fills]
        assert "/fapi/v1/order" not in [path for _, path, _ in world.fake.asked[before:]]

    with_world(test)


def test_many_unknown_orders_are_listed_and_the_rest_asked_for() -> None:
    async def test(world: World) -> None:
        await world.up()
        await world.venue.watch([SYMBOL])
        world.fake.trades = [trade_row(id=n, orderId=n) for n in range(1, 41)]
        rows = [order_row(orderId=n, clientOrderId=name(n)) for n in range(1, 41)]
        world.fake.says["GET", "/fapi/v1/allOrders"] = lambda p: (200, rows[5:])
        world.fake.orders = {str(row["orderId"]): row for row in rows[:5]}
        said = await report(world)
        assert said.complete
        assert [f.client_id for f in said.fills] == [name(n) for n in range(1, 41)]
        assert world.fake.paths().count("/fapi/v1/order") == 5

    with_world(test)


def test_a_refused_timestamp_has_the_clock_asked_for_again() -> None:
    async def test(world: World) -> None:
        await world.up()
        asked = world.fake.paths().count("/fapi/v1/time")
        world.fake.deed = lambda p: refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
        assert (await world.venue.place(world.order())).answer is Answer.REJECTED
        await asyncio.sleep(3)
        assert world.fake.paths().count("/fapi/v1/time") == asked + 1

    with_world(test)


def test_a_report_asks_in_order_and_lists_orders_and_stops() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.open_orders = [order_row(), order_row(orderId=991, clientOrderId="x")]
        world.fake.open_algos = [
            algo_row(),
            algo_row(clientAlgoId=name(3), algoStatus="TRIGGERED", actualOrderId=991),
        ]
        world.fake.all_algos = world.fake.open_algos
        world.fake.algos = {row["clientAlgoId"]: row for row in world.fake.open_algos}
        world.fake.positions = [
            {"symbol": "ETHUSDT", "positionAmt": "-2", "entryPrice": "5", "positionSide": "BOTH"}
        ]
        world.fake.trades = [trade_row(symbol="ETHUSDT", orderId=5)]
        world.fake.orders["5"] = order_row(symbol="ETHUSDT", orderId=5, clientOrderId=name(9))
        before = len(world.fake.asked)
        said = await report(world)
        assert said.complete
        assert [o.client_id for o in said.open_orders] == [name(2), name(1), name(3)]
        assert [o.kind for o in said.open_orders] == ["stop", "limit", "stop"]
        assert said.positions[0].qty == -2
        # A position in a symbol nobody knew of: its trades are asked for too.
        assert [f.client_id for f in said.fills] == [name(9)]
        paths = [path for _, path, _ in world.fake.asked[before:]]
        order = ["/fapi/v1/openAlgoOrders", "/fapi/v1/income", "/fapi/v1/userTrades", "/fapi/v3/positionRisk"]
        assert [paths.index(path) for path in order] == sorted(paths.index(path) for path in order)
        assert paths[-2:] == ["/fapi/v1/openAlgoOrders", "/fapi/v1/openOrders"]

    with_world(test)


def test_pages_of_trades_and_of_income() -> None:
    async def test(world: World) -> None:
        await world.up()
        now = world.fake.now_ms()
        world.fake.orders["7"] = order_row()
        world.fake.trades = [trade_row(id=n, time=now - 3_000_000 + n) for n in range(2_500)]
        funding = {"symbol": SYMBOL, "incomeType": "FUNDING_FEE", "asset": "USDT", "info": "", "tradeId": ""}
        world.fake.incomes = [
            funding | {"income": "-0.1", "tranId": n, "time": now - 5_000 + n} for n in range(1_500)
        ]
        said = await report(world)
        assert said.complete
        assert len(said.fills) == 2_500
        assert len({f.exec_id for f in said.fills}) == 2_500
        assert len(said.cash) == 1_500
        assert said.cash[0].kind == "funding"

    with_world(test)


def test_a_long_absence_is_asked_by_weeks_and_says_what_is_lost() -> None:
    async def test(world: World) -> None:
        await world.up()
        day = 86_400_000
        now = world.fake.now_ms()
        world.fake.orders["7"] = order_row()
        world.fake.trades = [trade_row(id=n, time=now - n * day) for n in range(20, 0, -1)]
        await world.venue.watch([SYMBOL])
        said = await report(world, f"{now - 21 * day}/{now - 21 * day}/{SYMBOL}")
        assert len(said.fills) == 20
        assert not said.clipped
        old = await report(world, f"{now - 200 * day}/{now - 200 * day}/")
        assert old.clipped

    with_world(test)


def test_a_report_that_lacks_something_says_so() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.says["GET", "/fapi/v3/positionRisk"] = lambda p: refusal(-1001, "Internal error", 500)
        said = await report(world)
        assert not said.complete
        world.fake.says["GET", "/fapi/v1/openOrders"] = lambda p: refusal(-1001, "Internal error", 500)
        assert isinstance(await world.venue.report(""), str)
        world.fake.line("private").cut()
        assert "not connected" in str(await world.venue.report(""))

    with_world(test)


def test_fills_whose_owner_cannot_be_learnt_wait_for_the_next_report() -> None:
    async def test(world: World) -> None:
        await world.up()
        await world.venue.watch([SYMBOL])
        world.fake.trades = [trade_row()]
        world.fake.says["GET", "/fapi/v1/order"] = lambda p: refusal(-1001, "Internal error", 500)
        said = await report(world)
        assert (said.complete, said.fills) == (False, ())

    with_world(test)


def test_a_key_that_may_not_trade_is_found_by_an_order_and_not_tried_for_ever() -> None:
    async def test(world: World) -> None:
        world.fake.deed = lambda p: refusal(-2015, "Invalid API-key", 401)
        await world.up()
        first = await world.venue.place(world.order(1))
        second = await world.venue.place(world.order(2))
        assert (first.answer, first.unsent) == (Answer.REJECTED, False)
        assert (second.answer, second.unsent) == (Answer.REJECTED, True)
        assert "that it may trade here" in second.reason
        assert len(world.fake.deeds) == 1, "it is not asked again"
        assert "that it may trade here" in world.told(LinkOdd)[-1].says
        # A person has given it the right, and says so.
        world.fake.deed = lambda p: (200, order_row(clientOrderId=name(3)))
        world.venue.retry()
        await asyncio.sleep(5)
        assert len(world.told(LinkUp)) == 2
        assert world.venue.trouble == ""
        assert (await world.venue.place(world.order(3))).answer is Answer.DONE

    with_world(test)
