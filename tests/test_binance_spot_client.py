"""The Binance spot adapter against a scripted venue: its link, its deeds, what it hears, what it asks.

Deeds first: what may be said of an order whose answer was a refusal, nonsense, or nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from binance_kit import (
    ID,
    KEY,
    MS,
    SECRET,
    SYMBOL,
    World,
    execution,
    in_world,
    limit_order,
    order_said,
    refuse,
    symbol,
)
from binance_kit import (
    Answer as Reply,
)

from kedge.model.events import (
    Answered,
    BalanceNews,
    CashNews,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    OrderNews,
)
from kedge.model.order import State
from kedge.model.venue import Answer, Balance
from kedge.venues.binance import rights, sign
from kedge.venues.binance.spot.rules import BINANCE_SPOT_RULES, DEMO, LIVE, TESTNET, hosts_of
from kedge.venues.venue import Setup
from kedge.venues.wires import NoReply

ED25519 = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----
"""
RIGHTS = "/sapi/v1/account/apiRestrictions"
ALL_RIGHTS = {
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "ipRestrict": True,
}


# ── the link ────────────────────────────────────────────────────────────────────────────────────


def test_the_link_comes_up_and_tells_the_instruments() -> None:
    async def test(world: World) -> None:
        await world.up()
        up, *seen = world.events
        assert up == LinkUp("binance/main", BINANCE_SPOT_RULES)
        assert [e.instrument.symbol for e in seen if isinstance(e, InstrumentSeen)] == [SYMBOL]
        assert world.venue.trouble == ""
        assert [path for _, path, _, _ in world.asked] == [
            "/api/v3/time",
            "/api/v3/account",
            "/api/v3/exchangeInfo",
        ]

    in_world(test)


def test_signed_requests_carry_key_time_and_signature_and_public_ones_do_not() -> None:
    async def test(world: World) -> None:
        await world.up()
        for _, path, params, headers in world.asked:
            signed = path == "/api/v3/account"
            assert ("signature" in params) == signed
            assert headers.get("X-MBX-APIKEY") == (KEY if signed else None)
        subscribe = world.private.heard[0]
        assert subscribe["method"] == "userDataStream.subscribe.signature"
        params = dict(subscribe["params"])
        signature = params.pop("signature")
        signer = sign.signer_of(SECRET)
        assert not isinstance(signer, str)
        assert signer.sign(sign.ws_payload(params).encode()) == signature

    in_world(test)


def test_an_ed25519_key_logs_on_once_and_signs_no_more() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        methods = [said["method"] for said in world.private.heard]
        assert methods == ["session.logon", "userDataStream.subscribe"]
        assert world.private.heard[1].get("params") is None
        world.ws["order.place"] = lambda p: (200, order_said(p["newClientOrderId"]))
        assert (await venue.place(limit_order())).answer is Answer.DONE
        sent = world.orders.heard[-1]["params"]
        assert "signature" not in sent
        assert "apiKey" not in sent
        assert "timestamp" in sent

    in_world(test, secret=ED25519)


def test_a_wrong_key_is_tried_a_few_times_and_then_no_more() -> None:
    async def test(world: World) -> None:
        refused = refuse(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        world.on["GET", "/api/v3/account"] = lambda _: refused
        await world.venue.open(world.emit)
        first = await world.until(LinkDown)
        assert "check that it is of this network" in first.why
        assert not first.stopped
        await world.pause(3_600)
        downs = world.told(LinkDown)
        assert [down.stopped for down in downs] == [False, True]
        asked = len(world.asked)
        await world.pause(3_600)
        assert len(world.asked) == asked, "not asked again"
        del world.on["GET", "/api/v3/account"]
        world.on["GET", "/api/v3/account"] = lambda _: (200, world.account)
        world.venue.retry()
        await world.until(LinkUp)

    in_world(test)


@pytest.mark.parametrize(
    ("setup", "why"),
    [
        ({"secret": ""}, sign.NO_SECRET),
        ({"leverage": {SYMBOL: Decimal(2)}}, "no leverage"),
        ({"margin": "cross"}, "no leverage"),
    ],
)
def test_settings_that_cannot_be_are_told(setup: dict[str, Any], why: str) -> None:
    async def test(world: World) -> None:
        await world.venue.open(world.emit)
        assert why in (await world.until(LinkDown)).why
        assert world.asked == []

    in_world(test, **setup)


def test_an_account_that_may_not_trade_is_told() -> None:
    async def test(world: World) -> None:
        world.account = {"canTrade": False, "balances": []}
        await world.venue.open(world.emit)
        assert "may not trade" in (await world.until(LinkDown)).why

    in_world(test)


@pytest.mark.parametrize(
    ("said", "setup", "why"),
    [
        ({"enableWithdrawals": True}, {}, rights.MAY_WITHDRAW),
        ({"enableWithdrawals": True}, {"may_withdraw": True}, ""),
        ({"enableSpotAndMarginTrading": False}, {}, rights.MAY_NOT_SPOT),
        ({"enableReading": False}, {}, rights.MAY_NOT_READ),
        ({}, {}, ""),
    ],
)
def test_the_rights_of_a_key_for_real_money(said: dict[str, bool], setup: dict[str, Any], why: str) -> None:
    async def test(world: World) -> None:
        world.on["GET", RIGHTS] = lambda _: (200, {**ALL_RIGHTS, **said})
        await world.venue.open(world.emit)
        if why:
            assert why in (await world.until(LinkDown)).why
        else:
            await world.until(LinkUp)

    in_world(test, live=True, url="", **setup)


def test_a_key_that_works_from_anywhere_is_warned_about() -> None:
    async def test(world: World) -> None:
        world.on["GET", RIGHTS] = lambda _: (200, {**ALL_RIGHTS, "ipRestrict": False})
        await world.up()
        assert world.venue.trouble == rights.ANY_ADDRESS

    in_world(test, live=True, url="")


def test_where_an_account_is() -> None:
    assert hosts_of(Setup("a", live=True)) is LIVE
    assert hosts_of(Setup("a", demo=True)) is DEMO
    assert hosts_of(Setup("a")) is TESTNET
    local = hosts_of(Setup("a", url="http://127.0.0.1:8001/"))
    assert (local.rest, local.streams, local.ws_api, local.rights) == (
        "http://127.0.0.1:8001",
        "ws://127.0.0.1:8001/stream",
        "ws://127.0.0.1:8001/ws-api/v3",
        False,
    )
    assert hosts_of(Setup("a", url="https://sim")).streams == "wss://sim/stream"


def test_a_venue_whose_clock_is_behind_is_not_traded_with() -> None:
    async def test(world: World) -> None:
        world.skew_ms = -1_500
        await world.venue.open(world.emit)
        assert "behind ours" in (await world.until(LinkDown)).why
        world.skew_ms = -500
        await world.until(LinkUp)

    in_world(test)


def test_a_clock_that_is_ahead_is_said_and_stamped_for() -> None:
    async def test(world: World) -> None:
        world.skew_ms = 3_000
        venue = await world.up()
        assert "ahead of ours" in venue.trouble
        world.ws["order.place"] = lambda p: (200, order_said())
        await venue.place(limit_order(valid_until_ns=world.clock() + 2_000 * MS))
        sent = world.orders.heard[-1]["params"]
        assert abs(sent["timestamp"] - world.venue_ms()) < 100
        assert 1_900 < sent["recvWindow"] <= 2_000

    in_world(test)


def test_a_clock_that_goes_wrong_later_costs_the_link() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.skew_ms = -5_000
        assert "behind ours" in (await world.until(LinkDown)).why

    in_world(test)


# ── deeds ───────────────────────────────────────────────────────────────────────────────────────

PLACED: list[tuple[Reply, Answer, str]] = [
    ((200, order_said()), Answer.DONE, ""),
    (refuse(-2010, "Account has insufficient balance for requested action."), Answer.REJECTED, "free money"),
    (refuse(-2010, "Order would immediately match and take."), Answer.REJECTED, "post-only"),
    (refuse(-1013, "Filter failure: NOTIONAL"), Answer.REJECTED, "worth too little"),
    (refuse(-2010, "Duplicate order sent."), Answer.UNKNOWN, "this id already"),
    (refuse(-1007, "Timeout waiting for response from backend server.", 408), Answer.UNKNOWN, "-1007"),
    (refuse(-1006, "An unexpected response was received."), Answer.UNKNOWN, "-1006"),
    (refuse(-1000, "An unknown error occurred.", 500), Answer.UNKNOWN, "-1000"),
    (refuse(0, "", 503), Answer.UNKNOWN, "503"),
    ((200, {}), Answer.UNKNOWN, "unreadable"),
    ((200, order_said("f" * 32)), Answer.UNKNOWN, "another order"),
    ((200, order_said(status="WHAT")), Answer.UNKNOWN, "status"),
    (None, Answer.UNKNOWN, "no answer"),
]


@pytest.mark.parametrize(("said", "answer", "why"), PLACED)
@pytest.mark.parametrize("by_rest", [False, True])
def test_what_may_be_said_of_a_placed_order(said: Reply, answer: Answer, why: str, by_rest: bool) -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        if by_rest:
            world.orders.cut()
        count = [0]

        def place(params: dict[str, Any]) -> Reply:
            count[0] += 1
            return said

        world.ws["order.place"] = place
        world.on["POST", "/api/v3/order"] = place
        answered = await venue.place(limit_order(valid_until_ns=world.clock() + 3_000 * MS))
        assert answered.answer is answer, answered
        assert why in answered.reason
        assert not answered.unsent
        assert count == [1], "one attempt"
        if answer is Answer.DONE:
            assert answered.order is not None
            assert answered.order.state is State.OPEN

    in_world(test)


def test_an_order_by_socket_is_not_sent_by_rest_as_well() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.ws["order.place"] = lambda _: None
        assert (await venue.place(limit_order())).answer is Answer.UNKNOWN
        assert not world.questions("/api/v3/order")

    in_world(test)


def test_a_cut_while_the_answer_is_on_its_way_is_unknown() -> None:
    async def test(world: World) -> None:
        venue = await world.up()

        def cut(_: Any) -> Reply:
            world.orders.cut("reset by peer")
            return None

        world.ws["order.place"] = cut
        answered = await venue.place(limit_order())
        assert (answered.answer, answered.unsent) == (Answer.UNKNOWN, False)
        assert "reset by peer" in answered.reason
        assert not world.told(LinkDown), "the account is still heard"

    in_world(test)


def test_by_rest_a_refused_connection_is_certain() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.orders.cut()
        world.on["POST", "/api/v3/order"] = lambda _: NoReply("connection refused", unsent=True)
        answered = await venue.place(limit_order())
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
        world.on["POST", "/api/v3/order"] = lambda _: NoReply("reset")
        assert (await venue.place(limit_order())).answer is Answer.UNKNOWN

    in_world(test)


def test_nothing_is_sent_without_a_link_or_after_the_last_moment() -> None:
    async def test(world: World) -> None:
        def unsent(answered: Answered, why: str) -> None:
            assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
            assert why in answered.reason

        unsent(await world.venue.place(limit_order()), "not connected")
        unsent(await world.venue.cancel(ID, SYMBOL, 0), "not connected")
        venue = await world.up()
        unsent(await venue.place(limit_order(valid_until_ns=world.clock())), "last moment")
        unsent(await venue.cancel(ID, SYMBOL, world.clock() - 1), "last moment")
        unsent(await venue.place(limit_order(reduce_only=True)), "reduce-only")
        unsent(await venue.place(limit_order(kind="stop", trigger_price=Decimal(1))), "no STOP_LOSS orders")
        unsent(await venue.amend(ID, SYMBOL, Decimal(1), Decimal(1), 0), "in place")
        assert not world.questions("/api/v3/order")
        assert all("order" not in said["method"] for said in world.orders.heard)

    in_world(test)


def test_a_cancel_names_the_order_and_is_told_under_its_own_id() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.ws["order.cancel"] = lambda p: (
            200,
            order_said(p["newClientOrderId"], origClientOrderId=p["origClientOrderId"], status="CANCELED"),
        )
        answered = await venue.cancel(ID, SYMBOL, 0)
        assert answered.answer is Answer.DONE
        assert answered.order is not None
        assert (answered.order.client_id, answered.order.state) == (ID, State.CANCELLED)
        world.ws["order.cancel"] = lambda _: refuse(-2011, "Unknown order sent.")
        assert (await venue.cancel(ID, SYMBOL, 0)).answer is Answer.REJECTED

    in_world(test)


def test_cancelling_all_of_a_symbol() -> None:
    async def test(world: World) -> None:
        assert "not connected" in await world.venue.cancel_all(SYMBOL)
        venue = await world.up()
        world.on["DELETE", "/api/v3/openOrders"] = lambda _: (200, [order_said(status="CANCELED")])
        assert await venue.cancel_all(SYMBOL) == ""
        world.on["DELETE", "/api/v3/openOrders"] = lambda _: refuse(-2011, "Unknown order sent.")
        assert await venue.cancel_all(SYMBOL) == "", "there was none, as wanted"
        world.on["DELETE", "/api/v3/openOrders"] = lambda _: refuse(-1007, "Timeout.", 408)
        assert SYMBOL in await venue.cancel_all(SYMBOL)
        world.on["GET", "/api/v3/openOrders"] = lambda _: refuse(-1007, "Timeout.", 408)
        assert "nobody knows" in await venue.cancel_all(None)

    in_world(test)


def test_more_orders_than_the_venue_takes_are_not_sent() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.ws["order.place"] = lambda p: (200, order_said(p["newClientOrderId"]))
        answers = [await venue.place(limit_order(f"{n:032x}")) for n in range(52)]
        assert [one.answer for one in answers[:50]] == [Answer.DONE] * 50
        assert all(one.unsent and 0 < one.retry_ns <= 10 * 10**9 for one in answers[50:])
        world.ws["order.cancel"] = lambda p: (200, order_said(p["origClientOrderId"], status="CANCELED"))
        assert (await venue.cancel(f"{1:032x}", SYMBOL, 0)).answer is Answer.DONE, "cancels are not counted"

    in_world(test)


def test_a_ban_is_obeyed() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        until_ms = world.venue_ms() + 90_000
        said = {"code": -1003, "msg": "Way too much request weight used", "data": {"retryAfter": until_ms}}
        world.ws["order.place"] = lambda _: (418, said)
        first = await venue.place(limit_order())
        assert first.answer is Answer.REJECTED
        assert 80 * 10**9 < first.retry_ns <= 90 * 10**9
        heard = len(world.orders.heard)
        second = await venue.place(limit_order())
        assert second.unsent
        assert second.retry_ns > 80 * 10**9
        assert len(world.orders.heard) == heard, "left alone"
        await world.pause(91)
        world.ws["order.place"] = lambda p: (200, order_said())
        assert (await venue.place(limit_order())).answer is Answer.DONE

    in_world(test)


def test_a_key_that_may_not_trade_is_not_tried_for_ever() -> None:
    """The account can be read with it, so that only the first order shows it."""

    async def test(world: World) -> None:
        venue = await world.up()
        world.ws["order.place"] = lambda _: refuse(
            -2015, "Invalid API-key, IP, or permissions for action.", 401
        )
        answered = await venue.place(limit_order())
        assert answered.answer is Answer.REJECTED
        assert "may trade here" in (await world.until(LinkDown)).why
        await world.pause(3_600)
        assert len(world.told(LinkUp)) == 1
        assert world.told(LinkDown)[-1].stopped
        venue.retry()
        await world.until(LinkUp, 2)

    in_world(test)


# ── what is heard of the account ────────────────────────────────────────────────────────────────


def test_orders_fills_balances_and_transfers_are_told_in_their_order() -> None:
    async def test(world: World) -> None:
        await world.up()
        del world.events[:]
        world.event(execution())
        world.event(
            execution(x="TRADE", X="PARTIALLY_FILLED", l="0.2", z="0.2", L="99.5", t=12, n="0.1", N="BNB")
        )
        world.event(execution(x="CANCELED", X="CANCELED", z="0.2", c="somebody", C=ID))
        balances = [{"a": "BTC", "f": "1", "l": "0.5"}]
        world.event({"e": "outboundAccountPosition", "E": 1, "u": 1, "B": balances})
        world.event({"e": "balanceUpdate", "E": 1, "a": "USDT", "d": "-10", "T": 9})
        world.event({"e": "listStatus", "whatever": 1})
        world.event({"e": "neverHeardOf"})
        kinds = [type(event) for event in world.events]
        assert kinds == [OrderNews, FillNews, OrderNews, OrderNews, BalanceNews, CashNews]
        (fill,) = world.told(FillNews)
        assert (fill.fill.exec_id, fill.fill.client_id) == ("BTCUSDT:12:buy", ID)
        assert [e.order.client_id for e in world.told(OrderNews)] == [ID] * 3
        assert world.told(OrderNews)[-1].order.state is State.CANCELLED
        assert world.told(BalanceNews)[-1].balances == (Balance("BTC", Decimal("1.5"), Decimal(1)),)

    in_world(test)


def test_every_balance_is_told_though_an_event_names_some() -> None:
    async def test(world: World) -> None:
        world.account = {"canTrade": True, "balances": [{"asset": "USDT", "free": "7", "locked": "0"}]}
        await world.up()
        balances = [{"a": "BTC", "f": "1", "l": "0"}]
        world.event({"e": "outboundAccountPosition", "E": 1, "u": 1, "B": balances})
        assert [b.asset for b in world.told(BalanceNews)[-1].balances] == ["USDT", "BTC"]

    in_world(test)


def test_the_name_an_order_was_placed_with_outlives_every_other() -> None:
    """Somebody else amends and cancels it: the venue's number says that it is still the same."""

    async def test(world: World) -> None:
        await world.up()
        world.event(execution())
        world.event(execution(x="REPLACED", X="NEW", c="renamed", C=ID))
        world.event(execution(x="TRADE", X="FILLED", l="0.5", z="0.5", L="1", t=1, c="renamed"))
        assert {e.order.client_id for e in world.told(OrderNews)} == {ID}
        assert world.told(FillNews)[0].fill.client_id == ID

    in_world(test)


def test_another_subscription_of_the_line_is_not_ours() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.event(execution(), subscription=6)
        assert not world.told(OrderNews)

    in_world(test)


@pytest.mark.parametrize(
    "said",
    [
        {"subscriptionId": 5, "event": {"e": "eventStreamTerminated", "E": 1}},
        {"event": {"e": "serverShutdown", "E": 1}},
        {"subscriptionId": 5, "event": {"e": "executionReport"}},
        {"subscriptionId": 5, "event": execution(X="WHAT")},
        {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}},
        b"nonsense",
        b"\xff\xfe",
    ],
)
def test_what_may_have_been_a_fill_costs_the_link_and_it_comes_back(said: Any) -> None:
    async def test(world: World) -> None:
        await world.up()
        world.private.tell(said)
        await world.until(LinkDown)
        await world.until(LinkUp, 2)
        assert len(world.told(LinkDown)) == 1

    in_world(test)


def test_nothing_is_told_between_links() -> None:
    async def test(world: World) -> None:
        await world.up()
        line = world.private
        line.cut()
        told = len(world.events)
        line.open = True
        line.tell({"subscriptionId": 5, "event": execution()})
        assert len(world.events) == told
        await world.until(LinkUp, 2)

    in_world(test)


def test_a_line_that_has_gone_silent_is_left() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.ws["time"] = lambda _: None
        down = await world.until(LinkDown, within_s=60)
        assert "nothing heard" in down.why

    in_world(test)


def test_lines_are_renewed_before_the_venue_cuts_them() -> None:
    async def test(world: World) -> None:
        await world.up()
        await world.until(LinkUp, 2, within_s=24 * 3_600)
        assert "renewed" in world.told(LinkDown)[0].why

    in_world(test)


def test_the_line_for_orders_comes_back_by_itself() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        world.orders.cut()
        await world.pause(30)
        world.ws["order.place"] = lambda p: (200, order_said())
        assert (await venue.place(limit_order())).answer is Answer.DONE
        assert not world.questions("/api/v3/order")
        assert not world.told(LinkDown)

    in_world(test)


# ── instruments ─────────────────────────────────────────────────────────────────────────────────


def test_instruments_are_refreshed() -> None:
    async def test(world: World) -> None:
        world.symbols = [symbol(), symbol("ETHUSDT"), {"symbol": "BROKEN"}]
        await world.up()
        assert len(world.told(InstrumentSeen)) == 2
        world.symbols = [symbol(status="BREAK")]
        await world.pause(3_700)
        news = [(e.instrument.symbol, e.instrument.status) for e in world.told(InstrumentSeen)[2:]]
        assert news == [(SYMBOL, "halted"), ("ETHUSDT", "closed")]
        await world.pause(3_700)
        assert len(world.told(InstrumentSeen)) == 4, "nothing new, nothing told"

    in_world(test)


def test_a_filter_that_has_changed_is_looked_at_but_not_at_every_refusal() -> None:
    async def test(world: World) -> None:
        venue = await world.up()
        await world.pause(100)
        world.ws["order.place"] = lambda _: refuse(-1013, "Filter failure: LOT_SIZE")
        for _ in range(5):
            await venue.place(limit_order())
            await world.pause(1)
        assert len(world.questions("/api/v3/exchangeInfo")) == 2

    in_world(test)


def test_a_venue_that_lists_nothing_readable_is_not_linked_to() -> None:
    async def test(world: World) -> None:
        world.symbols = [{"symbol": 5}]
        await world.venue.open(world.emit)
        assert "lists nothing" in (await world.until(LinkDown)).why

    in_world(test)


def test_closing_twice_and_before_opening_is_harmless() -> None:
    async def test(world: World) -> None:
        await world.venue.close()
        await world.up()
        await world.venue.close()
        await world.venue.close()

    in_world(test)


def test_secrets_are_in_no_repr() -> None:
    async def test(world: World) -> None:
        await world.up()
        for thing in (world.venue, world.venue.__dict__):
            assert SECRET not in repr(thing)

    in_world(test)
