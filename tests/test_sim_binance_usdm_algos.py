"""Conditional orders on the futures testnet: how they wait, fire, are refused, and end."""

from __future__ import annotations

from typing import Any

import pytest
from usdm_kit import BTC, DAY_NS, SECOND_NS, Ears, World


def story(ears: Ears) -> list[str]:
    """What the private stream told of conditionals and orders, in order."""
    told = []
    for frame in ears.frames:
        if frame["e"] == "ALGO_UPDATE":
            told.append(frame["o"]["X"])
        elif frame["e"] == "ORDER_TRADE_UPDATE":
            told.append(f"{frame['o']['x']}:{frame['o']['X']}")
        elif frame["e"] == "CONDITIONAL_ORDER_TRIGGER_REJECT":
            told.append("reject")
    return told


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"algoType": "TWAP"}, -1130),
        ({"algoType": None}, -1102),
        ({"symbol": "NOPE"}, -1121),
        ({"type": "LIMIT"}, -1116),
        ({"triggerPrice": None}, -1102),
        ({"triggerPrice": "0"}, -4006),
        ({"triggerPrice": "59000.05"}, -4014),
        ({"triggerPrice": "61000"}, -2021),
        ({"side": "BUY", "triggerPrice": "59000"}, -2021),
        ({"type": "TAKE_PROFIT_MARKET", "triggerPrice": "59000"}, -2021),
        ({"workingType": "MOON"}, -4031),
        ({"quantity": None}, -1102),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "0.001"}, -4164),
        ({"closePosition": "true"}, -4137),
        ({"closePosition": "true", "quantity": None, "reduceOnly": "true"}, -1106),
        ({"type": "STOP", "closePosition": "true", "quantity": None, "price": "58000"}, -4136),
        ({"type": "STOP"}, -1102),
        ({"price": "58000"}, -1106),
        ({"clientAlgoId": "no no"}, -4015),
        ({"type": "TRAILING_STOP_MARKET"}, -1102),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "11"}, -1130),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "0.05"}, -1130),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "1", "activatePrice": "59000"}, -2021),
        ({"positionSide": "SHORT"}, -4061),
    ],
)
def test_refusals(changes: dict[str, Any], code: int) -> None:
    world = World()
    said = world.algo(**changes)
    assert said["code"] == code, said
    assert world.get("v1/openAlgoOrders") == []


def test_a_stop_becomes_an_order_of_its_own() -> None:
    world = World()
    world.market("BUY", "0.010")
    ears = world.listen()
    algo = world.algo(clientAlgoId="stop-1", reduceOnly="true")
    world.move(BTC, "58900")
    assert story(ears) == ["NEW", "TRIGGERING", "NEW:NEW", "TRIGGERED", "TRADE:FILLED", "FINISHED"]
    done = world.get("v1/algoOrder", clientAlgoId="stop-1")
    assert (done["algoId"], done["algoStatus"]) == (algo["algoId"], "FINISHED")
    order = world.get("v1/order", symbol=BTC, orderId=done["actualOrderId"])
    assert (order["status"], order["type"], order["clientOrderId"]) == ("FILLED", "MARKET", "stop-1")
    assert done["actualPrice"] == order["avgPrice"]
    last = ears.events("ALGO_UPDATE")[-1]["o"]
    assert (last["ai"], last["aq"], last["act"]) == (str(order["orderId"]), "0.010", "MARKET")
    assert world.get("v3/positionRisk") == []


def test_the_resulting_order_may_have_a_name_of_its_own() -> None:
    world = World("algo_client_id=own")
    world.algo(clientAlgoId="stop-1")
    world.move(BTC, "58900")
    assert world.get("v1/order", symbol=BTC, origClientOrderId="stop-1")["code"] == -2013


def test_a_stop_limit_rests_where_it_says() -> None:
    world = World()
    ears = world.listen()
    world.algo(type="STOP", price="59500", clientAlgoId="s")
    world.move(BTC, "58900")
    assert story(ears) == ["NEW", "TRIGGERING", "NEW:NEW", "TRIGGERED"]
    order = world.get("v1/order", symbol=BTC, origClientOrderId="s")
    assert (order["status"], order["type"], order["stopPrice"]) == ("NEW", "LIMIT", "59000.00")
    world.ask("DELETE", "v1/order", symbol=BTC, origClientOrderId="s")
    assert story(ears)[-2:] == ["CANCELED:CANCELED", "FINISHED"]


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "to"),
    [
        ("SELL", "STOP_MARKET", "59000", "59000"),
        ("BUY", "STOP_MARKET", "61000", "61000"),
        ("SELL", "TAKE_PROFIT_MARKET", "61000", "61000"),
        ("BUY", "TAKE_PROFIT_MARKET", "59000", "59000"),
    ],
)
def test_which_way_each_waits(side: str, kind: str, trigger: str, to: str) -> None:
    world = World()
    other = "61500" if to == "59000" else "58500"
    algo = world.algo(side=side, type=kind, triggerPrice=trigger, workingType="MARK_PRICE")
    world.move(BTC, other)
    assert world.get("v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "NEW"
    world.move(BTC, to)
    assert world.get("v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "FINISHED"


def test_a_trailing_stop_follows_and_fires() -> None:
    world = World()
    waiting = {"type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "1"}
    algo = world.algo(**waiting, activatePrice="61000")
    asked = {"algoId": algo["algoId"]}
    world.move(BTC, "59000")
    assert world.get("v1/algoOrder", **asked)["algoStatus"] == "NEW", "it was not active yet"
    world.move(BTC, "62000")
    world.move(BTC, "61500")
    assert world.get("v1/algoOrder", **asked)["algoStatus"] == "NEW"
    world.move(BTC, "61300")
    assert world.get("v1/algoOrder", **asked)["algoStatus"] == "FINISHED"


def test_close_position_closes_what_there_is_then() -> None:
    world = World()
    world.market("BUY", "0.010")
    world.algo(closePosition="true", quantity=None, clientAlgoId="all")
    world.market("BUY", "0.020")
    world.move(BTC, "58900")
    order = world.get("v1/order", symbol=BTC, origClientOrderId="all")
    assert (order["executedQty"], order["closePosition"], order["reduceOnly"]) == ("0.030", True, True)
    assert world.get("v3/positionRisk") == []


def test_margin_is_looked_at_when_it_fires() -> None:
    world = World()
    world.ask("POST", "v1/leverage", symbol=BTC, leverage=1)
    ears = world.listen()
    algo = world.algo(side="BUY", triggerPrice="61000", quantity="60")
    assert algo["algoStatus"] == "NEW"
    world.move(BTC, "61100")
    assert story(ears) == ["NEW", "TRIGGERING", "REJECTED", "reject"]
    assert ears.events("ALGO_UPDATE")[-1]["o"]["rm"] == "Margin is insufficient."
    assert world.get("v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "REJECTED"


def test_nothing_to_close_is_a_rejection() -> None:
    world = World()
    ears = world.listen()
    world.algo(closePosition="true", quantity=None)
    world.move(BTC, "58900")
    assert story(ears)[-2:] == ["REJECTED", "reject"]


def test_a_spike_between_two_looks_fires_too() -> None:
    world = World()
    algo = world.algo(workingType="MARK_PRICE", triggerPrice="58000")
    exchange, now_ns = world.house.exchange, world.house.now_ns()
    for mark in (57_900, 60_000):
        exchange.feed(f"usdm:{BTC}", now_ns, mark=exchange.market(f"usdm:{BTC}").mark * mark // 60_000)
    world.net.tick()
    assert world.get("v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "FINISHED"


def test_price_protection_waits_until_the_prices_meet() -> None:
    world = World()
    algo = world.algo(workingType="MARK_PRICE", triggerPrice="50000", priceProtect="true")
    exchange, now_ns = world.house.exchange, world.house.now_ns()
    world.market("BUY", "0.010")
    exchange.feed(f"usdm:{BTC}", now_ns, mark=exchange.market(f"usdm:{BTC}").mark * 3 // 4)
    world.house.settle()
    assert world.get("v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "NEW"


def test_cancelling() -> None:
    world = World()
    ears = world.listen()
    first, second = world.algo(clientAlgoId="a"), world.algo(clientAlgoId="b", triggerPrice="58000")
    assert world.algo(clientAlgoId="a")["code"] == -4116
    gone = world.ask("DELETE", "v1/algoOrder", clientAlgoId="a")
    assert gone == {"algoId": first["algoId"], "clientAlgoId": "a", "code": "200", "msg": "success"}
    assert world.ask("DELETE", "v1/algoOrder", clientAlgoId="a")["code"] == -2011
    assert world.ask("DELETE", "v1/algoOrder")["code"] == -1102
    assert world.ask("DELETE", "v1/allOpenOrders", symbol=BTC)["code"] == 200
    assert [a["algoId"] for a in world.get("v1/openAlgoOrders")] == [second["algoId"]], (
        "orders are not conditionals"
    )
    assert world.ask("DELETE", "v1/algoOpenOrders", symbol=BTC)["code"] == 200
    assert world.get("v1/openAlgoOrders", symbol=BTC) == []
    assert story(ears) == ["NEW", "NEW", "CANCELED", "CANCELED"]
    assert [a["algoStatus"] for a in world.get("v1/allAlgoOrders", symbol=BTC)] == ["CANCELED"] * 2
    world.pass_time(3 * DAY_NS + SECOND_NS)
    assert world.get("v1/algoOrder", clientAlgoId="a")["code"] == -2013


def test_two_hundred_may_wait() -> None:
    world = World()
    for number in range(200):
        assert world.algo(triggerPrice=str(50_000 + number))["algoStatus"] == "NEW"
    assert world.algo()["code"] == -4045


def test_conditionals_survive_a_restart_and_fire() -> None:
    world = World()
    world.algo(clientAlgoId="later")
    world.begin()
    world.move(BTC, "58900")
    assert world.get("v1/algoOrder", clientAlgoId="later")["algoStatus"] == "FINISHED"
