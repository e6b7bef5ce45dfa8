"""Orders at the Bybit testnet: what is refused at once, what after the acknowledgement, how they end."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sim_bybit_kit import SECOND_NS, Client, World


def said_of(client: Client, order_id: str, category: str = "linear") -> tuple[str, str, str]:
    row = client.order(order_id, category)
    return row["orderStatus"], row["cancelType"], row["rejectReason"]


# ── codes ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("category", "changes", "code"),
    [
        ("linear", {"qty": "0.0001"}, 10001),
        ("linear", {"qty": "2000"}, 10001),
        ("linear", {"qty": "100"}, 110007),
        ("linear", {"price": "10000"}, 110003),
        ("linear", {"qty": "0.001", "symbol": "ETHUSDT", "price": "3000"}, 10001),
        ("linear", {"qty": "0.01", "symbol": "SOLUSDT", "price": "150"}, 10001),
        ("linear", {"reduceOnly": True}, 110017),
        ("linear", {"positionIdx": 1}, 10001),
        ("linear", {"timeInForce": "RPI"}, 170355),
        ("spot", {"qty": "0.0000001"}, 170137),
        ("spot", {"qty": "0.00001"}, 170140),
        ("spot", {"price": "59000.001"}, 170134),
        ("spot", {"qty": "50"}, 170131),
        ("spot", {"price": "70000"}, 170193),
        ("spot", {"symbol": "NOSUCH"}, 170121),
        ("spot", {"timeInForce": "GTX"}, 170115),
        ("spot", {"price": None}, 170105),
        ("spot", {"orderFilter": "tpslOrder"}, 170202),
        ("spot", {"orderFilter": "Oops", "triggerPrice": "1"}, 170201),
        ("spot", {"orderType": "Market", "price": None, "qty": "1"}, 170140),
    ],
)
def test_what_is_refused_at_once(category: str, changes: dict[str, object], code: int) -> None:
    world = World()
    client = world.client()
    assert client.create(category, **changes)["retCode"] == code
    world.tick()
    assert client.ask("/v5/order/realtime", category=category, symbol="BTCUSDT")["list"] == []


def test_a_contract_too_small_in_money() -> None:
    client = World().client()
    assert client.create(symbol="SOLUSDT", qty="0.1", price="149")["retCode"] == 0
    world = World()
    world.price("linear:SOLUSDT", "40")
    assert world.client().create(symbol="SOLUSDT", qty="0.1", price="39")["retCode"] == 110094


@pytest.mark.parametrize(("category", "code"), [("linear", 110072), ("spot", 170141)])
def test_a_link_id_is_used_once_for_ever(category: str, code: int) -> None:
    world = World()
    client = world.client()
    order = client.place(category, orderLinkId="once")
    assert client.create(category, orderLinkId="once")["retCode"] == code
    client.do("/v5/order/cancel", category=category, symbol="BTCUSDT", orderId=order)
    assert client.create(category, orderLinkId="once")["retCode"] == code
    world.fault("link_id_scope", value="open")
    assert client.create(category, orderLinkId="once")["retCode"] == 0
    assert client.create(category, orderLinkId="once")["retCode"] == code


def test_a_refused_order_leaves_its_link_id_free() -> None:
    client = World().client()
    assert client.create(orderLinkId="x", qty="100")["retCode"] == 110007
    assert client.create(orderLinkId="x")["retCode"] == 0


# ── how orders end ──────────────────────────────────────────────────────────────────────────────


def test_post_only_is_acknowledged_then_cancelled() -> None:
    world = World()
    client = world.client()
    stream = client.private("order")
    order = client.place(price="61000", timeInForce="PostOnly")
    assert stream.wire.said == []
    world.tick()
    (row,) = stream.rows("order")
    assert (row["orderId"], row["orderStatus"]) == (order, "Cancelled")
    assert row["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"


@pytest.mark.parametrize(
    ("category", "changes", "ended"),
    [
        ("linear", {"timeInForce": "IOC"}, ("Cancelled", "UNKNOWN", "EC_NoImmediateQtyToFill")),
        ("linear", {"timeInForce": "FOK", "price": "61000", "qty": "12"}, None),
        ("spot", {"timeInForce": "IOC"}, ("Cancelled", "UNKNOWN", "EC_NoImmediateQtyToFill")),
    ],
)
def test_nothing_found(category: str, changes: dict[str, object], ended: tuple[str, ...] | None) -> None:
    client = World().client()
    status = said_of(client, client.place(category, **changes), category)
    assert status == (ended or ("Cancelled", "UNKNOWN", "EC_CancelForNoFullFill"))


@pytest.mark.parametrize(
    ("category", "status"), [("linear", "Cancelled"), ("spot", "PartiallyFilledCanceled")]
)
def test_an_ioc_that_finds_too_little(category: str, status: str) -> None:
    client = World().client()
    price = "60000.1" if category == "linear" else "60000.01"
    best = client.ask("/v5/market/orderbook", category=category, symbol="BTCUSDT", limit=1)["a"][0][1]
    wanted = str(Decimal(best) * Decimal("1.1") // Decimal("0.001") * Decimal("0.001"))
    order = client.place(
        category, price=price, timeInForce="IOC", qty="1.5" if category == "spot" else wanted
    )
    row = client.order(order, category)
    if row["orderStatus"] != "Filled":
        assert row["orderStatus"] == status
        assert Decimal(row["cumExecQty"]) > 0
    assert row["leavesQty"] == "0"


def test_a_partial_fill_then_a_cancel() -> None:
    world = World()
    client = world.client()
    spot = client.place("spot", price="60000.00", qty="0.01")
    linear = client.place("linear", price="60000.0", qty="0.01")
    hit(world, "spot:BTCUSDT", "sell", "0.004", "60000")
    hit(world, "linear:BTCUSDT", "sell", "0.004", "60000")
    assert client.order(spot, "spot")["orderStatus"] == "PartiallyFilled"
    assert client.order(linear)["leavesQty"] == "0.006"
    for category, order in (("spot", spot), ("linear", linear)):
        client.do("/v5/order/cancel", category=category, symbol="BTCUSDT", orderId=order)
    assert said_of(client, spot, "spot") == ("PartiallyFilledCanceled", "CancelByUser", "EC_PerCancelRequest")
    assert said_of(client, linear) == ("Cancelled", "CancelByUser", "EC_PerCancelRequest")
    assert client.order(linear)["cumExecQty"] == "0.004"


def hit(world: World, symbol: str, side: str, qty: str, price: str) -> None:
    """Somebody trades with whoever stands first at this price."""
    from kedge.model.venue import PlaceOrder

    exchange = world.net.house.exchange
    exchange.open_account("_hit", house=True)
    order = PlaceOrder("", symbol, side, Decimal(qty), Decimal(price), tif="ioc")  # type: ignore[arg-type]
    exchange.place("_hit", order, world.now_ns)
    world.tick()


def test_cancels_of_what_is_gone() -> None:
    world = World()
    client = world.client()
    filled = client.place(price="60000.0")
    hit(world, "linear:BTCUSDT", "sell", "0.01", "60000")
    cancelled = client.place()
    cancel = {"category": "linear", "symbol": "BTCUSDT"}
    assert client.post("/v5/order/cancel", **cancel, orderId=cancelled)["retCode"] == 0
    assert client.post("/v5/order/cancel", **cancel, orderId=cancelled)["retCode"] == 110010
    assert client.post("/v5/order/cancel", **cancel, orderId=filled)["retCode"] == 110008
    assert client.post("/v5/order/cancel", **cancel, orderLinkId="never")["retCode"] == 110001
    assert client.post("/v5/order/amend", **cancel, orderId=filled, qty="1")["retCode"] == 110008
    spot = client.place("spot")
    cancel["category"] = "spot"
    assert client.post("/v5/order/cancel", **cancel, orderId=spot)["retCode"] == 0
    assert client.post("/v5/order/cancel", **cancel, orderId=spot)["retCode"] == 170142
    assert client.post("/v5/order/cancel", **cancel, orderLinkId="never")["retCode"] == 170213


def test_where_both_ids_are_given_the_venues_own_decides() -> None:
    client = World().client()
    one, two = client.place(orderLinkId="one"), client.place(orderLinkId="two")
    client.do("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=one, orderLinkId="two")
    assert client.order(one)["orderStatus"] == "Cancelled"
    assert client.order(two)["orderStatus"] == "New"


# ── amend ───────────────────────────────────────────────────────────────────────────────────────


def test_an_amend_keeps_the_ids() -> None:
    world = World()
    client = world.client()
    order = client.place(orderLinkId="keep")
    amend = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "keep"}
    client.do("/v5/order/amend", **amend, price="58000", qty="0.02")
    row = client.order(order)
    assert (row["price"], row["qty"], row["orderLinkId"]) == ("58000", "0.02", "keep")
    assert client.post("/v5/order/amend", **amend, price="58000")["retCode"] == 10001
    assert client.post("/v5/order/amend", **amend)["retCode"] == 10001
    assert client.post("/v5/order/amend", **amend, price="58000.05")["retCode"] == 10001


def test_an_amend_below_what_is_filled() -> None:
    world = World()
    client = world.client()
    order = client.place(price="60000.0")
    hit(world, "linear:BTCUSDT", "sell", "0.004", "60000")
    amend = {"category": "linear", "symbol": "BTCUSDT", "orderId": order}
    assert client.post("/v5/order/amend", **amend, qty="0.003")["retCode"] == 110064
    client.do("/v5/order/amend", **amend, qty="0.005")
    assert client.order(order)["leavesQty"] == "0.001"


# ── market orders ───────────────────────────────────────────────────────────────────────────────


def test_a_spot_market_buy_is_by_money_unless_said_otherwise() -> None:
    client = World().client()
    by_money = client.order(client.place("spot", orderType="Market", price=None, qty="600"), "spot")
    assert by_money["orderStatus"] == "Filled"
    assert (by_money["qty"], by_money["marketUnit"]) == ("600", "quoteCoin")
    assert Decimal("599.9") < Decimal(by_money["cumExecValue"]) <= 600
    by_coin = client.order(
        client.place("spot", orderType="Market", price=None, qty="0.01", marketUnit="baseCoin"), "spot"
    )
    assert by_coin["cumExecQty"] == "0.01"
    sold = client.order(client.place("spot", side="Sell", orderType="Market", price=None, qty="0.01"), "spot")
    assert (sold["marketUnit"], sold["cumExecQty"]) == ("baseCoin", "0.01")
    for_money = client.order(
        client.place("spot", side="Sell", orderType="Market", price=None, qty="300", marketUnit="quoteCoin"),
        "spot",
    )
    assert Decimal("299.9") < Decimal(for_money["cumExecValue"]) <= 300


def test_a_spot_buyer_pays_his_fee_in_coin_and_a_seller_in_money() -> None:
    client = World().client()
    client.place("spot", orderType="Market", price=None, qty="600")
    client.place("spot", side="Sell", orderType="Market", price=None, qty="0.01")
    sold, bought = client.ask("/v5/execution/list", category="spot")["list"][:2]
    assert (bought["feeCurrency"], sold["feeCurrency"]) == ("BTC", "USDT")
    assert Decimal(bought["execFee"]) == Decimal(bought["execQty"]) * Decimal("0.001")


def test_slippage_is_bounded() -> None:
    client = World().client()
    order = client.place(
        orderType="Market", price=None, qty="8", slippageToleranceType="TickSize", slippageTolerance="1"
    )
    row = client.order(order)
    assert row["orderStatus"] == "Cancelled"
    assert row["price"] == "60000.2"
    assert 0 < Decimal(row["cumExecQty"]) < 8
    bad = client.create(
        orderType="Market", price=None, slippageToleranceType="Percent", slippageTolerance="11"
    )
    assert bad["retCode"] == 110109


def test_a_price_from_the_book() -> None:
    client = World().client()
    order = client.place(price=None, bboSideType="Queue", bboLevel="2")
    assert client.order(order)["price"] == "59999.8"


def test_qty_zero_closes_the_position() -> None:
    client = World().client()
    client.place(orderType="Market", price=None, qty="0.03")
    close = {"side": "Sell", "orderType": "Market", "price": None, "qty": "0"}
    client.place(**close, reduceOnly=True, closeOnTrigger=True)
    assert client.position()["size"] == "0"
    assert client.create(**close, reduceOnly=True, closeOnTrigger=True)["retCode"] == 110017


def test_reduce_only_is_cut_to_the_position() -> None:
    client = World().client()
    client.place(orderType="Market", price=None, qty="0.03")
    order = client.place(side="Sell", price="61000", qty="0.05", reduceOnly=True)
    assert client.order(order)["qty"] == "0.03"
    client.place(side="Sell", orderType="Market", price=None, qty="0.03")
    assert said_of(client, order)[:2] == ("Cancelled", "CancelByReduceOnly")


def test_inverse_is_counted_in_dollars_and_paid_in_coin() -> None:
    client = World().client()
    client.place("inverse", orderType="Market", price=None, qty="600")
    row = client.position("BTCUSD", "inverse")
    assert (row["side"], row["size"]) == ("Buy", "600")
    made = client.ask("/v5/execution/list", category="inverse")["list"][0]
    assert made["feeCurrency"] == "BTC"
    assert Decimal("0.0099") < Decimal(made["execValue"]) < Decimal("0.0101")


# ── batches ─────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_succeeds_in_part() -> None:
    client = World().client()
    one = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"}
    orders = [
        one | {"orderLinkId": "a"},
        one | {"qty": "0.0001", "orderLinkId": "b"},
        one | {"orderLinkId": "a"},
    ]
    said = client.post("/v5/order/create-batch", category="linear", request=orders)
    assert said["retCode"] == 0
    assert [verdict["code"] for verdict in said["retExtInfo"]["list"]] == [0, 10001, 110072]
    ids = [item["orderId"] for item in said["result"]["list"]]
    assert ids[0]
    assert ids[1:] == ["", ""]
    assert [item["orderLinkId"] for item in said["result"]["list"]] == ["a", "b", "a"]
    changes = [{"symbol": "BTCUSDT", "orderLinkId": name, "price": "58000"} for name in ("a", "nobody")]
    said = client.post("/v5/order/amend-batch", category="linear", request=changes)
    assert [verdict["code"] for verdict in said["retExtInfo"]["list"]] == [0, 110001]
    said = client.post("/v5/order/cancel-batch", category="linear", request=changes)
    assert [verdict["code"] for verdict in said["retExtInfo"]["list"]] == [0, 110001]


def test_a_batch_has_a_size_and_a_budget() -> None:
    world = World()
    client = world.client()
    one = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"}
    said = client.post("/v5/order/create-batch", category="linear", request=[one] * 21)
    assert said["retCode"] == 10001
    said = client.post("/v5/order/create-batch", category="linear", request=[one] * 12)
    assert [v["code"] for v in said["retExtInfo"]["list"]] == [0] * 10 + [10006] * 2


def test_cancel_all_by_symbol_coin_and_kind() -> None:
    world = World()
    client = world.client()
    kept = client.place(symbol="ETHUSDT", qty="0.1", price="2900")
    client.place()
    client.place(triggerPrice="61000", triggerDirection=1)
    said = client.do("/v5/order/cancel-all", category="linear", symbol="BTCUSDT")
    assert (len(said["list"]), said["success"]) == (2, "1")
    assert client.order(kept)["orderStatus"] == "New"
    assert client.post("/v5/order/cancel-all", category="linear")["retCode"] == 10001
    assert len(client.do("/v5/order/cancel-all", category="linear", settleCoin="USDT")["list"]) == 1
    client.place("spot", orderFilter="StopOrder", triggerPrice="61000")
    plain = client.place("spot")
    assert [row["orderId"] for row in client.do("/v5/order/cancel-all", category="spot")["list"]] == [plain]


def test_a_dry_run_places_nothing() -> None:
    client = World().client()
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "59000"}
    said = client.do("/v5/order/pre-check", category="linear", **order)
    assert said["postImrE4"] > said["preImrE4"]
    assert client.post("/v5/order/pre-check", category="linear", **{**order, "qty": "0"})["retCode"] == 10001
    assert client.ask("/v5/order/realtime", category="linear", symbol="BTCUSDT")["list"] == []


# ── weather ─────────────────────────────────────────────────────────────────────────────────────


def test_an_order_that_reaches_the_engine_late() -> None:
    world = World()
    client = world.client()
    world.fault("late_match", delay_ns=2 * SECOND_NS)
    order = client.place(orderLinkId="late")
    assert client.ask("/v5/order/realtime", category="linear", orderLinkId="late")["list"] == []
    said = client.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=order)
    assert said["retCode"] == 110079
    world.advance(SECOND_NS)
    assert client.ask("/v5/order/realtime", category="linear", orderLinkId="late")["list"] == []
    world.advance(SECOND_NS)
    assert client.order(order)["orderStatus"] == "New"


def test_an_order_that_is_rejected_after_its_acknowledgement() -> None:
    world = World()
    client = world.client()
    stream = client.private("order")
    world.fault("reject_after_ack", value="EC_ReachRiskPriceLimit")
    client.place()
    world.tick()
    (row,) = stream.rows("order")
    assert (row["orderStatus"], row["rejectReason"]) == ("Rejected", "EC_ReachRiskPriceLimit")


def test_a_cancel_that_races_a_fill() -> None:
    """The cancel is acknowledged, and the order fills: two last words, and neither is a cancel."""
    world = World()
    client = world.client()
    stream = client.private("order", "execution")
    order = client.place(price="59999.0")
    world.fault("cancel_race")
    client.do("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=order)
    world.tick()
    rows = [row for row in stream.rows("order") if row["orderStatus"] != "New"]
    assert [(r["orderStatus"], r["cancelType"], r["rejectReason"]) for r in rows] == [
        ("Filled", "UNKNOWN", "EC_NoError"),
        ("Filled", "CancelByUser", "EC_OrigClOrdIDDoesNotExist"),
    ]
    assert client.order(order)["rejectReason"] == "EC_NoError"
