"""Conditionals of the Bybit testnet: direction and price kind, take profits, stop losses, trailing stops."""

from __future__ import annotations

import pytest
from sim_bybit_kit import Body, Client, World

STOP = "/v5/position/trading-stop"


def conditional(client: Client, category: str = "linear", **changes: object) -> str:
    return client.place(category, **{"triggerPrice": "61000", "triggerDirection": 1, **changes})


def waiting(client: Client, category: str = "linear") -> list[Body]:
    rows = client.ask("/v5/order/realtime", category=category, symbol="BTCUSDT")["list"]
    return [row for row in rows if row["orderStatus"] == "Untriggered"]


@pytest.mark.parametrize(
    ("side", "direction", "trigger", "moves"),
    [
        ("Buy", 1, "60500", "60600"),
        ("Buy", 2, "59500", "59400"),
        ("Sell", 1, "60500", "60600"),
        ("Sell", 2, "59500", "59400"),
    ],
)
def test_a_trigger_has_a_direction_of_its_own(side: str, direction: int, trigger: str, moves: str) -> None:
    world = World()
    client = world.client()
    stream = client.private("order")
    order = conditional(
        client,
        side=side,
        orderType="Market",
        price=None,
        triggerPrice=trigger,
        triggerDirection=direction,
    )
    world.tick()
    (row,) = stream.rows("order")
    assert (row["orderStatus"], row["stopOrderType"]) == ("Untriggered", "Stop")
    assert (row["triggerDirection"], row["triggerBy"]) == (direction, "LastPrice")
    world.price("linear:BTCUSDT", moves)
    statuses = [row["orderStatus"] for row in stream.rows("order") if row["orderId"] == order]
    assert statuses == ["Triggered", "Filled"]
    assert client.order(order)["createType"] == "CreateByStopOrder"


def test_a_limit_order_rests_after_its_trigger() -> None:
    world = World()
    client = world.client()
    stream = client.private("order")
    order = conditional(client, price="59000", orderLinkId="wait")
    world.price("linear:BTCUSDT", "61000")
    assert [r["orderStatus"] for r in stream.rows("order")] == ["Untriggered", "Triggered", "New"]
    assert client.order(order)["orderLinkId"] == "wait"


@pytest.mark.parametrize(("by", "fires"), [("MarkPrice", "mark"), ("IndexPrice", "index")])
def test_a_trigger_looks_at_its_own_price(by: str, fires: str) -> None:
    from decimal import Decimal

    world = World()
    client = world.client()
    order = conditional(client, triggerPrice="60500", triggerBy=by)
    other = {"mark": "index", "index": "mark"}[fires]
    exchange = world.net.house.exchange
    exchange.feed("linear:BTCUSDT", world.now_ns, **{other: Decimal(60600)})
    world.tick()
    assert client.order(order)["orderStatus"] == "Untriggered"
    exchange.feed("linear:BTCUSDT", world.now_ns, **{fires: Decimal(60600)})
    world.tick()
    assert client.order(order)["orderStatus"] == "New"


def test_triggers_that_have_been_reached_already() -> None:
    client = World().client()
    assert client.create(triggerPrice="59000", triggerDirection=1)["retCode"] == 110092
    assert client.create(triggerPrice="61000", triggerDirection=2)["retCode"] == 110093
    assert client.create(triggerPrice="61000")["retCode"] == 10001


def test_ten_conditionals_for_each_symbol() -> None:
    world = World()
    client = world.client()
    for number in range(10):
        conditional(client, orderLinkId=f"c{number}")
    world.advance(10**9)
    assert client.create(triggerPrice="61000", triggerDirection=1)["retCode"] == 110009
    assert client.create()["retCode"] == 0


def test_a_conditional_is_amended_and_cancelled() -> None:
    client = World().client()
    order = conditional(client)
    which = {"category": "linear", "symbol": "BTCUSDT", "orderId": order}
    client.do("/v5/order/amend", **which, triggerPrice="62000", qty="0.02")
    row = client.order(order)
    assert (row["triggerPrice"], row["qty"]) == ("62000", "0.02")
    assert client.post("/v5/order/amend", **which, triggerPrice="59000")["retCode"] == 110092
    client.do("/v5/order/cancel", **which)
    assert client.order(order)["orderStatus"] == "Deactivated"


def test_spot_conditionals_take_their_direction_from_the_price() -> None:
    world = World()
    client = world.client()
    assert client.create("spot", triggerPrice="61000")["retCode"] == 170130
    rising = client.place("spot", orderFilter="StopOrder", triggerPrice="60500")
    falling = client.place("spot", orderFilter="tpslOrder", side="Sell", triggerPrice="59500", price="59000")
    assert client.order(rising, "spot")["triggerDirection"] == 1
    assert client.order(falling, "spot")["stopOrderType"] == "tpslOrder"
    world.price("spot:BTCUSDT", "60600")
    assert client.order(rising, "spot")["orderStatus"] == "New"
    which = {"category": "spot", "symbol": "BTCUSDT", "orderId": falling}
    assert client.post("/v5/order/cancel", **which)["retCode"] == 170213
    client.do("/v5/order/cancel", **which, orderFilter="tpslOrder")


def test_an_order_without_money_is_cancelled_when_it_is_triggered() -> None:
    world = World()
    client = world.client()
    order = conditional(client, qty="100", price="60000")
    world.price("linear:BTCUSDT", "61000")
    assert client.order(order)["orderStatus"] == "Cancelled"


# ── take profit and stop loss ───────────────────────────────────────────────────────────────────


def long(world: World, qty: str = "0.02") -> Client:
    client = world.client()
    client.place(orderType="Market", price=None, qty=qty)
    return client


def test_a_position_has_a_take_profit_and_a_stop_loss() -> None:
    world = World()
    client = long(world)
    stop = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0}
    client.do(STOP, **stop, takeProfit="62000", stopLoss="58000")
    assert (client.position()["takeProfit"], client.position()["stopLoss"]) == ("62000", "58000")
    kinds = {(r["stopOrderType"], r["side"], r["triggerDirection"]) for r in waiting(client)}
    assert kinds == {("TakeProfit", "Sell", 1), ("StopLoss", "Sell", 2)}
    assert client.post(STOP, **stop, takeProfit="62000")["retCode"] == 34040
    assert client.post(STOP, **stop, takeProfit="59000")["retCode"] == 10001
    world.price("linear:BTCUSDT", "62000")
    assert client.position()["size"] == "0"
    assert waiting(client) == []
    rows = client.ask("/v5/order/history", category="linear")["list"]
    ends = {row["stopOrderType"]: (row["orderStatus"], row["cancelType"]) for row in rows}
    assert ends["TakeProfit"][0] == "Filled"
    assert ends["StopLoss"] == ("Deactivated", "CancelByTpSlTsClear")


def test_zero_takes_a_stop_away_and_none_without_a_position() -> None:
    world = World()
    stop = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0}
    assert world.client().post(STOP, **stop, stopLoss="58000")["retCode"] == 10001
    client = long(world)
    client.do(STOP, **stop, stopLoss="58000")
    client.do(STOP, **stop, stopLoss="0")
    assert waiting(client) == []


def test_a_stop_grows_with_its_position() -> None:
    world = World()
    client = long(world)
    client.do(STOP, category="linear", symbol="BTCUSDT", tpslMode="Full", stopLoss="58000")
    client.place(orderType="Market", price=None, qty="0.03")
    assert waiting(client)[0]["qty"] == "0.05"


def test_a_partial_stop_closes_a_part() -> None:
    world = World()
    client = long(world)
    stop = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Partial", "stopLoss": "59000"}
    client.do(STOP, **stop, slSize="0.005")
    assert waiting(client)[0]["stopOrderType"] == "PartialStopLoss"
    world.price("linear:BTCUSDT", "58900")
    assert client.position()["size"] == "0.015"


def test_stops_that_come_with_an_order_wait_for_its_fill() -> None:
    world = World()
    client = world.client()
    client.place(price="59500", takeProfit="62000", stopLoss="58000")
    assert waiting(client) == []
    world.price("linear:BTCUSDT", "59400")
    assert sorted(r["stopOrderType"] for r in waiting(client)) == ["StopLoss", "TakeProfit"]
    world.price("linear:BTCUSDT", "57900")
    assert client.position()["size"] == "0"


def test_of_two_spot_stops_one_ends_the_other() -> None:
    world = World()
    client = world.client()
    client.place("spot", price="59500", takeProfit="62000", stopLoss="58000", orderLinkId="parent")
    world.price("spot:BTCUSDT", "59400")
    rows = waiting(client, "spot")
    assert {row["parentOrderLinkId"] for row in rows} == {"parent"}
    world.price("spot:BTCUSDT", "62100")
    assert waiting(client, "spot") == []
    ended = client.ask("/v5/order/history", category="spot")["list"]
    assert {row["cancelType"] for row in ended} >= {"CancelByOCOSlCanceledByTpTriggered"}


def test_a_trailing_stop_follows_the_best_price() -> None:
    world = World()
    client = long(world)
    client.do(STOP, category="linear", symbol="BTCUSDT", tpslMode="Full", trailingStop="500")
    world.price("linear:BTCUSDT", "61000")
    assert waiting(client)[0]["triggerPrice"] == "60500"
    world.price("linear:BTCUSDT", "60600")
    assert waiting(client)[0]["triggerPrice"] == "60500"
    world.price("linear:BTCUSDT", "60400")
    assert client.position()["size"] == "0"


def test_what_was_reached_while_the_venue_was_away_fires_when_it_is_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = World(tmp_path / "sim.sqlite")
    client = world.client()
    order = conditional(client, orderType="Market", price=None)
    world.restart()
    client = world.client()
    assert client.order(order)["orderStatus"] == "Untriggered"
    world.price("linear:BTCUSDT", "61000")
    assert client.order(order)["orderStatus"] == "Filled"
