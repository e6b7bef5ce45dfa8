"""Orders at the T-Invest testnet: keys, money, cancels, replacements, stops, and what a crash leaves."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tinvest_kit import (
    BUY,
    CANCELLED,
    FILL_OR_KILL,
    FILLED,
    HOUR_NS,
    KILL,
    MINUTE_NS,
    NEW,
    PARTLY,
    REJECTED,
    SECOND_NS,
    SELL,
    STOP_LIMIT,
    STOP_LOSS,
    TAKE_PROFIT,
    Refusal,
    World,
    fresh,
    number,
    quotation,
)

from kedge.protos.tinvest import orders_pb2 as orders


def refused(code: str, status: int = 3) -> pytest.RaisesExc[Refusal]:
    return pytest.raises(Refusal, check=lambda no: (no.code, no.status) == (code, status))


def replace(world: World, order_id: str, lots: int, price: str, key: str = "") -> orders.PostOrderResponse:
    request = orders.ReplaceOrderRequest(
        account_id=world.account,
        order_id=order_id,
        idempotency_key=key or fresh(),
        quantity=lots,
        price=quotation(price),
    )
    return world.call("OrdersService/ReplaceOrder", request, orders.PostOrderResponse)


# ── placing ─────────────────────────────────────────────────────────────────────────────────────


def test_an_order_that_rests_is_found_by_both_of_its_ids() -> None:
    world, key = World(), fresh()
    posted = world.post("SBER", BUY, 10, "302.14", key=key)
    assert (posted.execution_report_status, posted.lots_requested, posted.order_request_id) == (NEW, 10, key)
    by_exchange, by_request = world.state(posted.order_id, 1), world.state(key, 2)
    assert by_exchange == by_request
    assert by_exchange.order_id == posted.order_id
    assert number(by_exchange.initial_security_price) == Decimal("302.14")
    assert [one.order_id for one in world.active()] == [posted.order_id]


def test_an_order_at_the_market_is_filled_and_paid_for_to_the_kopeck() -> None:
    world = World()
    before = world.roubles()
    posted = world.post("GAZP", BUY, 7)
    assert (posted.execution_report_status, posted.lots_executed) == (FILLED, 7)
    state = world.state(posted.order_id)
    # Seven lots of ten at the best price; the commission is cut to whole kopecks.
    price = number(state.stages[0].price)
    assert price == Decimal("124.61")
    assert number(state.executed_order_price) == 70 * price
    fee = number(state.executed_commission)
    assert fee == Decimal("4.36")
    assert world.roubles() == before - 70 * price - fee
    assert world.held("GAZP") == 70


def test_what_is_bought_and_sold_again_costs_the_spread_and_two_commissions() -> None:
    world = World()
    before = world.roubles()
    bought, sold = world.post("SBER", BUY, 100), world.post("SBER", SELL, 100)
    fees = number(bought.executed_commission) + number(sold.executed_commission)
    assert world.held("SBER") == 0
    assert world.roubles() == before - Decimal("2.00") - fees


def test_a_short_sale_brings_money_and_a_negative_position_to_who_confirms_it() -> None:
    world = World()
    with refused("90001", 9):
        world.post("SBER", SELL, 100)
    before = world.roubles()
    sold = world.post("SBER", SELL, 100, confirm_margin_trade=True)
    assert world.held("SBER") == -100
    proceeds = Decimal("30214.00") - number(sold.executed_commission)
    assert world.roubles() == before + proceeds
    with refused("30042"):  # a share that may not be sold short
        world.post("AKRN", SELL, 1, confirm_margin_trade=True)
    world.post("SBER", BUY, 100)
    assert world.held("SBER") == 0


def test_a_future_is_not_paid_for_and_its_profit_is_money_when_it_is_closed() -> None:
    world = World()
    before = world.roubles()
    bought = world.post("SRZ6", BUY, 10)
    assert world.held("SRZ6") == 10
    assert world.roubles() == before - number(bought.executed_commission)
    opened = number(world.state(bought.order_id, price_type=1).stages[0].price)
    world.price("SPBFUT:SRZ6", str(opened + 200))
    sold = world.post("SRZ6", SELL, 10)
    closed = number(world.state(sold.order_id, price_type=1).stages[0].price)
    fees = number(bought.executed_commission) + number(sold.executed_commission)
    # A point is a rouble here.
    assert world.roubles() == before + 10 * (closed - opened) - fees


def test_a_bond_is_bought_with_its_accrued_interest() -> None:
    world = World()
    before = world.roubles()
    posted = world.post("SU26238RMFS4", BUY, 5)
    state = world.state(posted.order_id)
    percent, interest = number(state.stages[0].price), number(posted.aci_value)
    assert interest > 0
    paid = 5 * (percent * 10 + interest)
    assert number(state.executed_order_price) == paid
    paid += number(posted.executed_commission)
    assert world.roubles() == before - paid
    assert number(posted.total_order_amount) == paid
    assert number(posted.executed_order_price) == percent * 10


def test_what_is_money_and_what_is_points_is_by_the_venues_table() -> None:
    world = World()
    bond = world.post("SU26238RMFS4", BUY, 1, "57", price_type=1)
    assert number(world.state(bond.order_id).initial_security_price) == Decimal(57)
    assert number(world.state(bond.order_id, price_type=2).initial_security_price) == Decimal(570)
    assert number(bond.initial_security_price) == Decimal(570)
    # A limit price of a bond is money where nothing else is said.
    same = world.post("SU26238RMFS4", BUY, 1, "570")
    assert number(world.state(same.order_id).initial_security_price) == Decimal(57)
    future = world.post("RIZ6", BUY, 1, "100000")
    assert number(future.initial_order_price_pt) == 100_000
    assert number(world.state(future.order_id).initial_security_price) == 161_200
    assert number(world.state(future.order_id, price_type=1).initial_security_price) == 100_000
    world.post_stop("SU26238RMFS4", BUY, 1, "55", TAKE_PROFIT)
    world.post_stop("RIZ6", BUY, 1, "90000", TAKE_PROFIT)
    assert [number(one.stop_price) for one in world.stops()] == [Decimal(550), Decimal(90_000)]


def test_what_is_not_filled_at_once_is_killed_and_its_key_is_used_up() -> None:
    world, key = World(), fresh()
    posted = world.post("SBER", BUY, 10, "290", key=key, time_in_force=KILL)
    assert (posted.execution_report_status, posted.lots_executed) == (CANCELLED, 0)
    part = world.post("SBER", BUY, 3000, "302.16", time_in_force=KILL)
    assert part.execution_report_status == CANCELLED
    assert 0 < part.lots_executed < 3000
    none = world.post("SBER", BUY, 9000, "302.16", time_in_force=FILL_OR_KILL)
    assert (none.execution_report_status, none.lots_executed) == (CANCELLED, 0)
    # The same key is the same order, whatever else the request says.
    again = world.post("SBER", BUY, 1, key=key)
    assert (again.order_id, again.execution_report_status) == (posted.order_id, CANCELLED)


def test_a_kill_that_found_nothing_may_be_answered_with_an_error_though_the_order_exists() -> None:
    world, key = World(), fresh()
    world.fault("kill_refuses")
    with refused("30095"):
        world.post("SBER", BUY, 10, "290", key=key, time_in_force=KILL)
    assert world.state(key, 2).execution_report_status == CANCELLED


# ── keys ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("finished", [False, True])
def test_a_key_used_twice_is_one_order_answered_either_way(finished: bool) -> None:
    world, key = World(), fresh()
    posted = world.post("SBER", BUY, 10, "302.14", key=key)
    if finished:
        world.cancel(posted.order_id)
    again = world.post("SBER", BUY, 10, "302.14", key=key)
    assert again.order_id == posted.order_id
    assert again.execution_report_status == (CANCELLED if finished else NEW)
    world.fault("duplicates", value="error")
    with refused("30057"):
        world.post("SBER", BUY, 10, "302.14", key=key)
    assert world.state(key, 2).order_id == posted.order_id
    assert len(world.active()) == (0 if finished else 1)


def test_a_request_that_was_refused_has_not_used_its_key_up() -> None:
    world, key = World(), fresh()
    with refused("30078"):
        world.post("SBER", BUY, 10, "302.145", key=key)
    with refused("50005", 5):
        world.state(key, 2)
    assert world.post("SBER", BUY, 10, "302.14", key=key).execution_report_status == NEW


def test_a_burnt_key_lets_the_first_request_take_no_effect_any_more() -> None:
    """What an adapter does at the end of doubt: the lowest price, one lot, fill and kill."""
    world, key = World(), fresh()
    late = world.order("SBER", BUY, 500, key=key)
    burnt = world.post("SBER", BUY, 1, "211.51", key=key, time_in_force=KILL)
    assert burnt.execution_report_status == CANCELLED
    # The request that was lost arrives after all.
    arrived = world.call("OrdersService/PostOrder", late, orders.PostOrderResponse)
    assert (arrived.order_id, arrived.lots_executed) == (burnt.order_id, 0)
    assert world.held("SBER") == 0


def test_two_accounts_may_use_one_key() -> None:
    world, key = World(), fresh()
    world.post("SBER", BUY, 1, "302.14", key=key)
    from kedge.sim.testnet.keys import ApiKey

    world.net.house.add_key(ApiKey("second", "", "other"))
    world.token = "second"
    request = world.order("SBER", BUY, 2, "302.14", key=key)
    request.account_id = world.net.house.own.ids["other"]
    assert world.call("OrdersService/PostOrder", request, orders.PostOrderResponse).lots_requested == 2
    request.account_id = world.account
    with refused("50004", 5):
        world.call("OrdersService/PostOrder", request, orders.PostOrderResponse)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


def test_what_is_wrong_with_an_order_is_said_by_number() -> None:
    world = World()
    for code, lots, price in (
        ("30015", 0, "302.14"),
        ("30080", -1, "302.14"),
        ("30099", 1, "100"),
        ("30099", 1, "500"),
        ("30100", 1, "-1"),
    ):
        with refused(code):
            world.post("SBER", BUY, lots, price)
    with refused("90003", 9):
        world.post("SBER", BUY, 200_000, "302.14")
    with refused("90002", 9):
        world.post("GLTR", BUY, 1)
    with refused("30055"):
        world.post("SBER", BUY, 1, "302.14", key="x" * 37)
    with refused("30017"):
        request = world.order("SBER", BUY, 1)
        request.order_type = 1
        world.call("OrdersService/PostOrder", request, orders.PostOrderResponse)


def test_without_margin_only_what_is_there_may_be_spent() -> None:
    world = World()
    world.fault("margin", value="off")
    with refused("30051"):
        world.post("SRZ6", BUY, 1)
    with refused("30034"):
        world.post("SBER", SELL, 1, confirm_margin_trade=True)
    world.post("LKOH", BUY, 1800, "5470")
    with refused("30034"):
        world.post("SBER", BUY, 1000, "302.14")


def test_margin_ends_where_the_account_does() -> None:
    world = World()
    # Ten millions of one's own carry fifty, and no more.
    for _ in range(2):
        world.post("LKOH", BUY, 4000, "5450", confirm_margin_trade=True)
    with refused("30042"):
        world.post("LKOH", BUY, 4000, "5450", confirm_margin_trade=True)


# ── cancel, replace ─────────────────────────────────────────────────────────────────────────────


def test_a_finished_order_cannot_be_cancelled_and_an_unknown_one_is_not_found() -> None:
    world = World()
    posted = world.post("SBER", BUY, 1)
    with refused("30059"):
        world.cancel(posted.order_id)
    with refused("50005", 5):
        world.cancel("39999999999")
    key = fresh()
    world.post("SBER", BUY, 1, "302.14", key=key)
    world.cancel(key, 2)
    assert world.active() == []


def test_a_cancel_may_lose_the_race_against_a_fill() -> None:
    world = World()
    posted = world.post("SBER", BUY, 10, "302.14")
    world.fault("cancel_race")
    world.cancel(posted.order_id)
    assert world.state(posted.order_id).execution_report_status == FILLED


def test_to_replace_is_to_cancel_and_to_place_anew() -> None:
    world, key = World(), fresh()
    posted = world.post("SBER", BUY, 10, "302.14")
    new = replace(world, posted.order_id, 20, "302.00", key)
    assert new.order_id != posted.order_id
    assert (new.order_request_id, new.lots_requested) == (key, 20)
    assert world.state(posted.order_id).execution_report_status == CANCELLED
    with refused("30059"):
        replace(world, posted.order_id, 5, "302.00")
    assert replace(world, posted.order_id, 20, "302.00", key).order_id == new.order_id


def test_a_replacement_may_fail_when_its_cancel_is_done() -> None:
    world = World()
    posted = world.post("SBER", BUY, 10, "302.14")
    world.fault("replace_fails", value="30096")
    with refused("30096"):
        replace(world, posted.order_id, 20, "302.00")
    assert world.active() == []
    # And so it does by itself, where the new price is not to be had.
    posted = world.post("SBER", BUY, 10, "302.14")
    with refused("30099"):
        replace(world, posted.order_id, 20, "500")
    assert world.active() == []


# ── lookups ─────────────────────────────────────────────────────────────────────────────────────


def test_lookups_may_lag_behind() -> None:
    world, key = World(), fresh()
    world.post("SBER", BUY, 10, "302.14", key=key)
    world.fault("lookup_lag", delay_ns=5 * SECOND_NS, count=0)
    with refused("50005", 5):
        world.state(key, 2)
    assert world.active() == []
    world.advance(6 * SECOND_NS)
    assert world.state(key, 2).execution_report_status == NEW
    assert len(world.active()) == 1


def test_orders_that_finished_a_day_ago_are_no_longer_found() -> None:
    world, key = World(), fresh()
    world.post("SBER", BUY, 10, key=key)
    assert world.state(key, 2).execution_report_status == FILLED
    world.advance(25 * HOUR_NS)
    with refused("50005", 5):
        world.state(key, 2)
    # The key is remembered all the same.
    assert world.post("SBER", BUY, 10, key=key).lots_executed == 10
    assert world.held("SBER") == 10


def test_filters_show_the_finished_orders_of_the_day() -> None:
    world = World()
    posted = world.post("SBER", BUY, 10)
    world.post("SBER", BUY, 10, "302.00")
    filters = orders.GetOrdersRequest.GetOrdersRequestFilters(execution_status=[FILLED])
    assert [one.order_id for one in world.active(advanced_filters=filters)] == [posted.order_id]
    world.advance(24 * HOUR_NS)
    assert world.active(advanced_filters=filters) == []


def test_how_much_can_be_bought_is_told() -> None:
    world = World()
    uid = world.uid("SBER")
    request = orders.GetMaxLotsRequest(account_id=world.account, instrument_id=uid, price=quotation("302.14"))
    found = world.call("OrdersService/GetMaxLots", request, orders.GetMaxLotsResponse)
    assert found.buy_limits.buy_max_lots == 33080
    assert found.buy_margin_limits.buy_max_lots > found.buy_limits.buy_max_lots
    assert found.sell_limits.sell_max_lots == 0
    price = orders.GetOrderPriceRequest(
        account_id=world.account, instrument_id=uid, price=quotation("302.14"), direction=BUY, quantity=10
    )
    told = world.call("OrdersService/GetOrderPrice", price, orders.GetOrderPriceResponse)
    assert number(told.initial_order_amount) == Decimal("3021.40")
    assert number(told.executed_commission) == Decimal("1.51")


# ── by the broker, later ────────────────────────────────────────────────────────────────────────


def test_an_order_may_be_taken_by_the_broker_and_come_to_the_exchange_later() -> None:
    world, key = World(), fresh()
    world.fault("late_match", delay_ns=3 * SECOND_NS)
    request = orders.PostOrderAsyncRequest(
        instrument_id=world.uid("SBER"),
        quantity=10,
        direction=BUY,
        account_id=world.account,
        order_type=2,
        order_id=key,
    )

    def post() -> orders.PostOrderAsyncResponse:
        return world.call("OrdersService/PostOrderAsync", request, orders.PostOrderAsyncResponse)

    taken = post()
    assert (taken.execution_report_status, taken.order_request_id) == (NEW, key)
    assert post().trade_intent_id == taken.trade_intent_id
    world.tick()
    assert world.state(key, 2).lots_executed == 0
    world.advance(4 * SECOND_NS)
    assert world.state(key, 2).execution_report_status == FILLED
    assert world.held("SBER") == 10
    request.order_id = "not-a-uuid"
    with refused("30221"):
        post()


def test_what_the_broker_took_the_exchange_may_refuse() -> None:
    world, key = World(), fresh()
    request = orders.PostOrderAsyncRequest(
        instrument_id=world.uid("AKRN"),
        quantity=10,
        direction=SELL,
        account_id=world.account,
        order_type=2,
        order_id=key,
        confirm_margin_trade=True,
    )
    world.call("OrdersService/PostOrderAsync", request, orders.PostOrderAsyncResponse)
    world.tick()
    assert world.state(key, 2).execution_report_status == REJECTED


# ── stops ───────────────────────────────────────────────────────────────────────────────────────


def test_a_take_profit_to_buy_fires_as_the_price_falls_and_a_stop_as_it_rises() -> None:
    world = World()
    falls = world.post_stop("SBER", BUY, 10, "300", TAKE_PROFIT)
    rises = world.post_stop("SBER", BUY, 20, "304", STOP_LOSS)
    world.price("TQBR:SBER", "301")
    assert {one.stop_order_id for one in world.stops()} == {falls, rises}
    world.price("TQBR:SBER", "299.5")
    assert world.held("SBER") == 10
    fired = world.stops(3)
    assert [one.stop_order_id for one in fired] == [falls]
    assert world.state(fired[0].exchange_order_id).lots_executed == 10
    world.price("TQBR:SBER", "304.5")
    assert world.held("SBER") == 30
    assert world.stops() == []


def test_a_stop_limit_leaves_a_limit_order_and_a_take_profit_may() -> None:
    world = World()
    world.post_stop("SBER", SELL, 10, "300", STOP_LIMIT, price="301", confirm_margin_trade=True)
    world.post_stop("SBER", SELL, 5, "305", TAKE_PROFIT, price="306", confirm_margin_trade=True)
    world.price("TQBR:SBER", "299.5")
    assert [(number(one.initial_security_price), one.lots_requested) for one in world.active()] == [
        (Decimal("301.00"), 10)
    ]
    world.price("TQBR:SBER", "305.5")
    assert [number(one.initial_security_price) for one in world.active()] == [Decimal("306.00")]


def test_a_stop_whose_order_is_refused_is_executed_and_its_order_rejected() -> None:
    world = World()
    world.post_stop("AKRN", SELL, 10, "17000", STOP_LOSS)
    world.price("TQBR:AKRN", "16900")
    (fired,) = world.stops(3)
    assert world.state(fired.exchange_order_id).execution_report_status == REJECTED


def test_stops_expire_are_cancelled_and_are_known_by_their_key() -> None:
    world, key = World(), fresh()
    expiry = Timestamp(seconds=(world.now_ns + 10 * MINUTE_NS) // SECOND_NS)
    first = world.post_stop("SBER", BUY, 1, "290", TAKE_PROFIT, expiration_type=2, expire_date=expiry)
    second = world.post_stop("SBER", BUY, 2, "280", TAKE_PROFIT, order_id=key)
    assert world.post_stop("SBER", BUY, 2, "280", TAKE_PROFIT, order_id=key) == second
    world.fault("duplicates", value="error")
    with refused("30057"):
        world.post_stop("SBER", BUY, 2, "280", TAKE_PROFIT, order_id=key)
    world.advance(11 * MINUTE_NS)
    assert [one.stop_order_id for one in world.stops(5)] == [first]
    cancel_stop(world, second)
    assert [one.stop_order_id for one in world.stops(4)] == [second]
    with refused("50006", 5):
        cancel_stop(world, second)
    assert len(world.stops(1)) == 2


def cancel_stop(world: World, stop_id: str) -> None:
    from kedge.protos.tinvest import stoporders_pb2 as pb

    request = pb.CancelStopOrderRequest(account_id=world.account, stop_order_id=stop_id)
    world.call("StopOrdersService/CancelStopOrder", request, pb.CancelStopOrderResponse)


@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("30044", {"expiration_type": 0}),
        ("30040", {"expiration_type": 2}),
        ("30039", {"take_profit_type": 2}),
        ("30017", {"exchange_order_type": 2}),
    ],
)
def test_what_is_wrong_with_a_stop_is_said(code: str, members: dict[str, int]) -> None:
    with refused(code):
        World().post_stop("SBER", BUY, 1, "290", TAKE_PROFIT, **members)


# ── crashes ─────────────────────────────────────────────────────────────────────────────────────


def test_a_killed_venue_knows_everything_it_has_told(tmp_path: Path) -> None:
    world, key = World(tmp_path / "venue.db"), fresh()
    resting = world.post("SBER", BUY, 10, "302.14", key=key)
    bought = world.post("SU26238RMFS4", BUY, 5)
    stop = world.post_stop("SBER", BUY, 1, "290", TAKE_PROFIT)
    roubles = world.roubles()
    for _ in range(2):
        world.restart()
        assert world.state(key, 2).order_id == resting.order_id
        assert world.state(bought.order_id).execution_report_status == FILLED
        assert [one.stop_order_id for one in world.stops()] == [stop]
        assert world.roubles() == roubles
        assert world.post("SBER", BUY, 10, "302.14", key=key).order_id == resting.order_id
        world.tick()
    world.price("TQBR:SBER", "289")
    assert world.state(key, 2).execution_report_status == FILLED
    assert world.held("SBER") == 11
    assert world.net.house.exchange.faults() == []


def test_a_partly_filled_order_goes_on_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path / "venue.db")
    posted = world.post("SBER", BUY, 3000, "302.16")
    assert posted.execution_report_status == PARTLY
    world.restart()
    assert world.state(posted.order_id).execution_report_status == PARTLY
    world.price("TQBR:SBER", "301")
    state = world.state(posted.order_id)
    assert (state.execution_report_status, state.lots_executed) == (FILLED, 3000)
    assert sum(stage.quantity for stage in state.stages) == 3000
