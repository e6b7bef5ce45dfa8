"""Orders on the futures testnet: what is refused with which code, what is accepted and becomes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from usdm_kit import BTC, DAY_NS, SECOND_NS, World

BAD_ID = "a b"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"symbol": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"side": None}, -1102),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "TRAILING_STOP_MARKET"}, -4120),
        ({"closePosition": "true"}, -4136),
        ({"timeInForce": "SOON"}, -1115),
        ({"timeInForce": None}, -1102),
        ({"type": "MARKET", "price": None}, -1106),
        ({"type": "MARKET", "timeInForce": None}, -1106),
        ({"quantity": None}, -1102),
        ({"quantity": "one"}, -1102),
        ({"quantity": "0"}, -4003),
        ({"quantity": "-1"}, -4003),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "2000"}, -4005),
        ({"type": "MARKET", "timeInForce": None, "price": None, "quantity": "200"}, -4005),
        ({"price": None}, -1102),
        ({"price": "0"}, -4001),
        ({"price": "-5"}, -4001),
        ({"price": "0.1"}, -4013),
        ({"price": "9000000"}, -4002),
        ({"price": "59000.001"}, -1111),
        ({"price": "59000.05"}, -4014),
        ({"price": "66000"}, -4016),
        ({"side": "SELL", "price": "54000"}, -4024),
        ({"quantity": "0.001", "price": "59000"}, -4164),
        ({"newClientOrderId": BAD_ID}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"positionSide": "SIDEWAYS"}, -4060),
        ({"positionSide": "LONG"}, -4061),
        ({"reduceOnly": "true"}, -2022),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"selfTradePreventionMode": "MAYBE"}, -5039),
        ({"priceMatch": "BEST", "price": None}, -5037),
        ({"priceMatch": "QUEUE"}, -1106),
        ({"priceMatch": "QUEUE_20", "price": None}, -5041),
        ({"timeInForce": "GTD"}, -1102),
        ({"timeInForce": "GTD", "goodTillDate": 1}, -5040),
        ({"quantity": "120", "price": "20000"}, -2019),
    ],
)
def test_refusals(changes: dict[str, Any], code: int) -> None:
    world = World()
    said = world.place(**changes)
    assert said["code"] == code, said
    assert said["msg"]
    assert world.get("v1/openOrders") == []


def test_a_number_that_is_the_venues_own_limit_passes() -> None:
    """A buy may be as low as one likes; a quantity may be the smallest step where the notional allows."""
    world = World()
    assert world.place(price="20000", quantity="0.005")["status"] == "NEW"
    assert world.place(price="62999.9", quantity="0.002", timeInForce="IOC")["status"] == "NEW"


def test_ack_shows_what_was_accepted_and_result_what_became_of_it() -> None:
    world = World()
    accepted = world.market("BUY", "0.010", newOrderRespType="ACK")
    assert (accepted["status"], accepted["executedQty"]) == ("NEW", "0.000")
    done = world.market("BUY", "0.010")
    assert (done["status"], done["executedQty"], done["avgPrice"]) == ("FILLED", "0.010", "60000.10000")
    shown = world.get("v1/order", symbol=BTC, orderId=accepted["orderId"])
    assert shown["status"] == "FILLED"
    assert shown["time"] == world.ms


def test_market_orders_may_come_with_a_price_of_zero() -> None:
    """Some clients always send one."""
    assert World().market("BUY", "0.010", price="0")["status"] == "FILLED"


@pytest.mark.parametrize(("tif", "code"), [("GTX", -5022), ("FOK", -5021)])
def test_orders_that_leave_no_trace(tif: str, code: int) -> None:
    world = World()
    ears = world.listen()
    said = world.place(price="60000.1", quantity="5", timeInForce=tif, newClientOrderId="gone")
    assert said["code"] == code
    assert "will not be recorded" in said["msg"]
    assert ears.frames == []
    assert world.get("v1/order", symbol=BTC, origClientOrderId="gone")["code"] == -2013


@pytest.mark.parametrize(("tif", "switch"), [("GTX", "gtx=expire"), ("FOK", "fok=expire")])
def test_or_are_accepted_and_expire(tif: str, switch: str) -> None:
    world = World(switch)
    ears = world.listen()
    said = world.place(price="60000.1", quantity="5", timeInForce=tif, newOrderRespType="RESULT")
    assert said["status"] == "EXPIRED"
    seen = [(f["o"]["x"], f["o"]["X"]) for f in ears.events("ORDER_TRADE_UPDATE")]
    assert seen == [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]
    assert world.get("v1/order", symbol=BTC, orderId=said["orderId"])["status"] == "EXPIRED"


def test_what_an_ioc_does_not_find_expires() -> None:
    world = World()
    ears = world.listen()
    said = world.place(price="60000.1", quantity="5", timeInForce="IOC", newOrderRespType="RESULT")
    assert (said["status"], said["executedQty"]) == ("EXPIRED", "1.666")
    last = ears.events("ORDER_TRADE_UPDATE")[-1]["o"]
    assert (last["x"], last["X"], last["er"]) == ("EXPIRED", "EXPIRED", "2")


def test_client_ids_are_unique_among_open_orders_only() -> None:
    world = World()
    first = world.place(newClientOrderId="mine")
    assert world.place(newClientOrderId="mine")["code"] == -4116
    assert world.ask("DELETE", "v1/order", symbol=BTC, origClientOrderId="mine")["status"] == "CANCELED"
    second = world.place(newClientOrderId="mine")
    assert second["orderId"] > first["orderId"]
    assert world.get("v1/order", symbol=BTC, origClientOrderId="mine")["orderId"] == second["orderId"]


def test_without_a_client_id_one_is_made() -> None:
    world = World()
    ids = {world.place()["clientOrderId"] for _ in range(3)}
    assert len(ids) == 3


def test_price_match_takes_its_price_from_the_book() -> None:
    world = World()
    queued = world.place(price=None, priceMatch="QUEUE_5")
    assert (queued["price"], queued["priceMatch"]) == ("59999.50", "QUEUE_5")
    opposed = world.place(price=None, priceMatch="OPPONENT", newOrderRespType="RESULT")
    assert (opposed["price"], opposed["status"]) == ("60000.10", "FILLED")


@pytest.mark.parametrize(
    ("mode", "old", "new"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
    ],
)
def test_nobody_trades_with_himself(mode: str, old: str, new: str) -> None:
    world = World()
    resting = world.place(price="60000", quantity="0.010")
    taking = world.place(side="SELL", price="60000", quantity="0.010", selfTradePreventionMode=mode)
    assert world.get("v1/order", symbol=BTC, orderId=resting["orderId"])["status"] == old
    assert world.get("v1/order", symbol=BTC, orderId=taking["orderId"])["status"] == new


def test_reduce_only_needs_no_notional_and_goes_with_the_position() -> None:
    world = World()
    world.market("BUY", "0.010")
    exit_ = world.place(side="SELL", quantity="0.001", price="62000", reduceOnly="true")
    assert exit_["reduceOnly"] is True
    assert world.place(side="BUY", reduceOnly="true")["code"] == -2022
    ears = world.listen()
    world.market("SELL", "0.010")
    ended = ears.events("ORDER_TRADE_UPDATE")[-1]["o"]
    assert (ended["i"], ended["X"], ended["er"]) == (exit_["orderId"], "EXPIRED", "4")


def test_names_of_parameters_are_read_without_regard_to_case() -> None:
    world = World()
    assert world.place(timeInForce=None)["msg"].startswith("Mandatory parameter 'timeinforce' was not sent")
    assert world.place(timeInForce=None, TIMEINFORCE="GTC", newclientorderid="x")["clientOrderId"] == "x"
    said = world.ask("DELETE", "v1/batchOrders", symbol=BTC, origclientorderidlist='["x"]')
    assert said[0]["status"] == "CANCELED"


# ── cancelling ──────────────────────────────────────────────────────────────────────────────────


def test_cancelling_what_is_not_there() -> None:
    world = World()
    order = world.place()
    asked = {"symbol": BTC, "orderId": order["orderId"]}
    assert world.ask("DELETE", "v1/order", symbol=BTC)["code"] == -1102
    assert world.ask("DELETE", "v1/order", symbol=BTC, orderId=999)["code"] == -2011
    assert world.ask("DELETE", "v1/order", **asked)["status"] == "CANCELED"
    assert world.ask("DELETE", "v1/order", **asked)["code"] == -2011
    assert world.get("v1/openOrder", **asked)["code"] == -2013
    assert world.get("v1/order", **asked)["status"] == "CANCELED"


def test_cancelling_everything_of_a_symbol() -> None:
    world = World()
    world.place()
    world.place(price="58000")
    other = world.place(symbol="ETHUSDT", price="2900", quantity="0.1")
    assert world.ask("DELETE", "v1/allOpenOrders", symbol=BTC)["code"] == 200
    assert [o["orderId"] for o in world.get("v1/openOrders")] == [other["orderId"]]


# ── modifying ───────────────────────────────────────────────────────────────────────────────────


def modify(world: World, order: dict[str, Any], **changes: Any) -> Any:
    usual = {"symbol": BTC, "orderId": order["orderId"], "side": "BUY", "quantity": "0.010", "price": "59100"}
    return world.ask("PUT", "v1/order", **{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"orderId": 999}, -2013),
        ({"orderId": None}, -1102),
        ({"side": "SELL"}, -1117),
        ({"price": "59000"}, -5027),
        ({"price": "59000.05"}, -4014),
        ({"price": "66000"}, -4016),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": None}, -1102),
        ({"price": None}, -1102),
        ({"quantity": "0.001"}, -5029),
        ({"quantity": "120", "price": "20000"}, -2019),
    ],
)
def test_modifications_that_leave_the_order_as_it_is(changes: dict[str, Any], code: int) -> None:
    world = World()
    order = world.place()
    said = modify(world, order, **changes)
    assert said["code"] == code, said
    after = world.get("v1/order", symbol=BTC, orderId=order["orderId"])
    assert (after["status"], after["price"], after["origQty"]) == ("NEW", "59000.00", "0.010")


def test_a_modified_order_keeps_its_ids_and_loses_its_place() -> None:
    world = World()
    world.add_key("rival", "rival")
    mine = world.place(newClientOrderId="mine", quantity="0.020")
    world.key = "rival"
    rival = world.place(quantity="0.020")
    world.key = "paper"
    ears = world.listen()
    said = modify(world, mine, price="59000", quantity="0.010")
    assert (said["orderId"], said["clientOrderId"], said["origQty"]) == (mine["orderId"], "mine", "0.010")
    assert ears.events("ORDER_TRADE_UPDATE")[-1]["o"]["x"] == "AMENDMENT"
    spots = [
        world.house.exchange.queue(f"{name}:usdm", "", str(order["orderId"]))
        for name, order in (("main", mine), ("rival", rival))
    ]
    assert [str(spot.ahead) for spot in spots if spot] == ["0.020", "0"]


def test_a_modification_may_end_the_order() -> None:
    world = World()
    maker = world.place(timeInForce="GTX")
    assert modify(world, maker, price="60500")["status"] == "CANCELED"
    part = world.place(price="60000.1", quantity="3")
    assert world.get("v1/order", symbol=BTC, orderId=part["orderId"])["executedQty"] == "1.666"
    ended = modify(world, part, quantity="1", price="60000.1")
    assert (ended["status"], ended["executedQty"]) == ("CANCELED", "1.666")
    assert modify(world, part, price="59000")["code"] == -2013


def test_market_orders_and_halted_symbols_are_not_modified() -> None:
    world = World()
    order = world.place()
    world.house.exchange.halt(f"usdm:{BTC}", True, world.real_ns)
    world.net.tick()
    assert modify(world, order)["code"] == -5024
    assert world.place()["code"] == -4140
    assert world.ask("DELETE", "v1/order", symbol=BTC, orderId=order["orderId"])["status"] == "CANCELED"


# ── batches ─────────────────────────────────────────────────────────────────────────────────────


def batch(*orders: dict[str, Any]) -> str:
    usual = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010"}
    return json.dumps([{**usual, "price": "59000", **order} for order in orders])


def test_each_of_a_batch_has_its_own_fate() -> None:
    world = World()
    said = world.ask(
        "POST",
        "v1/batchOrders",
        batchOrders=batch({"newClientOrderId": "a"}, {"price": "1.23456"}, {"quantity": 0.02}),
    )
    assert [one.get("status", one.get("code")) for one in said] == ["NEW", -1111, "NEW"]
    assert said[2]["origQty"] == "0.020"
    change = {"symbol": BTC, "side": "BUY", "quantity": "0.010", "price": "58000"}
    changes = json.dumps([{**change, "origClientOrderId": "a"}, {**change, "orderId": 1}])
    changed = world.ask("PUT", "v1/batchOrders", batchOrders=changes)
    assert [one.get("price", one.get("code")) for one in changed] == ["58000.00", -2013]
    gone = world.ask("DELETE", "v1/batchOrders", symbol=BTC, origClientOrderIdList='["a","b"]')
    assert [one.get("status", one.get("code")) for one in gone] == ["CANCELED", -2011]
    numbers = json.dumps([said[2]["orderId"]])
    assert world.ask("DELETE", "v1/batchOrders", symbol=BTC, orderIdList=numbers)[0]["status"] == "CANCELED"


@pytest.mark.parametrize("orders", ["[]", batch(*[{}] * 6), "{}", "[", "nothing", None])
def test_batches_that_are_none(orders: str | None) -> None:
    assert World().ask("POST", "v1/batchOrders", batchOrders=orders)["code"] in (-1102, -4082)


def test_a_batch_weighs_more_in_ten_seconds_than_in_a_minute() -> None:
    world = World()
    reply = world.reply("POST", "v1/batchOrders", world.signed({"batchOrders": batch({}, {})}))
    assert reply.headers["x-mbx-order-count-10s"] == "5"
    assert reply.headers["x-mbx-order-count-1m"] == "1"


# ── what is kept ────────────────────────────────────────────────────────────────────────────────


def test_what_ended_without_a_fill_vanishes_after_three_days() -> None:
    world = World()
    fruitless = world.place()
    world.ask("DELETE", "v1/order", symbol=BTC, orderId=fruitless["orderId"])
    filled = world.market("BUY", "0.010")
    resting = world.place(price="30000")
    world.pass_time(3 * DAY_NS + SECOND_NS)
    codes = [
        world.get("v1/order", symbol=BTC, orderId=order["orderId"]).get("code", 0)
        for order in (fruitless, filled, resting)
    ]
    assert codes == [-2013, 0, 0]
    world.pass_time(88 * DAY_NS)
    assert world.get("v1/order", symbol=BTC, orderId=filled["orderId"])["code"] == -2013
    assert world.get("v1/order", symbol=BTC, orderId=resting["orderId"])["status"] == "NEW"


def test_lookups_may_lag_behind() -> None:
    world = World()
    order = world.place()
    asked = {"symbol": BTC, "orderId": order["orderId"]}
    world.fault("lookup_lag", delay_ns=SECOND_NS, count=2)
    assert world.get("v1/order", **asked)["code"] == -2013
    assert world.get("v1/openOrders", symbol=BTC) == []
    assert world.get("v1/order", **asked)["status"] == "NEW"


def test_pages_of_orders_and_fills() -> None:
    world = World()
    numbers = [world.market("BUY", "0.010")["orderId"] for _ in range(5)]
    page = world.get("v1/allOrders", symbol=BTC, orderId=numbers[1], limit=2)
    assert [o["orderId"] for o in page] == numbers[1:3]
    assert [o["orderId"] for o in world.get("v1/allOrders", symbol=BTC, limit=2)] == numbers[3:]
    fills = world.get("v1/userTrades", symbol=BTC)
    rest = world.get("v1/userTrades", symbol=BTC, fromId=fills[2]["id"], limit=2)
    assert [f["id"] for f in rest] == [f["id"] for f in fills[2:4]]
    assert [f["orderId"] for f in world.get("v1/userTrades", symbol=BTC, orderId=numbers[0])] == numbers[:1]
    both = world.get("v1/userTrades", symbol=BTC, fromId=1, startTime=1)
    assert both["code"] == -1128
    week = world.get("v1/userTrades", symbol=BTC, startTime=1, endTime=8 * DAY_NS // 10**6)
    assert week["code"] == -4165
    world.pass_time(8 * DAY_NS)
    assert world.get("v1/userTrades", symbol=BTC) == []
    assert len(world.get("v1/userTrades", symbol=BTC, fromId=fills[0]["id"])) == 5


def test_good_till_a_date() -> None:
    world = World()
    till = world.ms + 700_500
    order = world.place(timeInForce="GTD", goodTillDate=till)
    assert order["goodTillDate"] == till // 1000 * 1000
    world.pass_time(699 * SECOND_NS)
    assert world.get("v1/openOrder", symbol=BTC, orderId=order["orderId"])["status"] == "NEW"
    world.pass_time(2 * SECOND_NS)
    assert world.get("v1/order", symbol=BTC, orderId=order["orderId"])["status"] == "EXPIRED"


def test_an_order_for_a_test_reaches_nobody() -> None:
    world = World()
    usual = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    said = world.ask("POST", "v1/order/test", **usual, quantity="0.01", price="59000")
    assert said["status"] == "NEW"
    assert world.ask("POST", "v1/order/test", **usual, quantity="0.01", price="59000.05")["code"] == -4014
    assert world.get("v1/openOrders") == []
