"""Orders at the Binance spot testnet: every type, every end, fees, self-trades, amends, pairs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from spot_kit import BTC, MS, SECOND, Spot, events, query_of

from kedge.sim.binance.keys import sign

FULL = [
    "symbol",
    "orderId",
    "orderListId",
    "clientOrderId",
    "transactTime",
    "price",
    "origQty",
    "executedQty",
    "origQuoteOrderQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "selfTradePreventionMode",
    "workingTime",
    "fills",
]


def told(socket: Any) -> list[tuple[str, str]]:
    return [(one["x"], one["X"]) for one in events(socket)]


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_as_long_as_was_asked() -> None:
    spot = Spot()
    full = spot.order(quantity="0.01", price="59000", newClientOrderId="a" * 36)
    assert list(full) == FULL
    assert full["clientOrderId"] == "a" * 36
    result = spot.order(quantity="0.01", price="59000", newOrderRespType="RESULT")
    assert list(result) == FULL[:-1]
    ack = spot.order(quantity="0.01", price="59000", newOrderRespType="ACK")
    assert list(ack) == FULL[:5]
    assert list(spot.order("SELL", "LIMIT_MAKER", quantity="0.01", price="61000")) == FULL[:5]
    assert len(ack["clientOrderId"]) == 22


def test_times_are_microseconds_for_who_asks_so() -> None:
    spot = Spot()
    reply = spot.raw("GET", "/api/v3/time", x_mbx_time_unit="MICROSECOND")
    assert str(spot.now_ns // 1_000).encode() in reply.body
    assert spot.raw("GET", "/api/v3/time", x_mbx_time_unit="DAYS").status == 400


def test_a_market_order_says_each_fill_and_pays_from_what_it_received() -> None:
    spot = Spot()
    spot.deposit("USDT", 100_000)
    order = spot.order(type="MARKET", quantity="2")
    assert order["status"] == "FILLED"
    assert [(f["price"], f["qty"], f["commission"], f["commissionAsset"]) for f in order["fills"]] == [
        ("60000.01000000", "1.66666000", "0.00166666", "BTC"),
        ("60000.02000000", "0.33334000", "0.00033334", "BTC"),
    ]
    assert order["cummulativeQuoteQty"] == "120000.02333340"
    assert spot.balance("BTC") == ("3.99800000", "0.00000000")
    sold = spot.order("SELL", "MARKET", quantity="0.5")
    assert sold["fills"][0]["commissionAsset"] == "USDT"
    ids = [f["tradeId"] for f in order["fills"] + sold["fills"]]
    assert ids == list(range(ids[0], ids[0] + 3)), "trade ids of a symbol follow each other"


def test_quote_money_buys_what_it_can() -> None:
    spot = Spot()
    order = spot.order(type="MARKET", quoteOrderQty="1000")
    assert order["executedQty"] == "0.01666000"
    assert order["origQuoteOrderQty"] == "1000.00000000"
    assert order["status"] == "FILLED"
    sold = spot.order("SELL", "MARKET", quoteOrderQty="1000")
    assert float(sold["cummulativeQuoteQty"]) <= 1000
    assert spot.order(type="MARKET", quoteOrderQty="1")[2] == "Filter failure: NOTIONAL"


def test_fees_may_be_paid_in_bnb_for_less() -> None:
    spot = Spot()
    assert spot.call("POST", "/sapi/v1/bnbBurn", spotBNBBurn=True)["spotBNBBurn"] is True
    assert spot.call("GET", "/api/v3/account/commission", symbol=BTC)["discount"]["enabledForAccount"]
    [fill] = spot.order(type="MARKET", quantity="0.1")["fills"]
    assert (fill["commission"], fill["commissionAsset"]) == ("0.00750000", "BNB")
    assert spot.balance("BNB")[0] == "49.99250000"
    assert spot.balance("BTC")[0] == "2.10000000"


# ── ends ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tif", "price", "qty", "status", "filled", "reason"),
    [
        ("IOC", "60000.01", "2", "EXPIRED", "1.66666000", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("IOC", "59000", "1", "EXPIRED", "0.00000000", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("FOK", "60000.01", "2", "EXPIRED", "0.00000000", "UNFILLED_FOK_ORDER_EXPIRED"),
        ("FOK", "60000.02", "1.5", "FILLED", "1.50000000", None),
    ],
)
def test_what_does_not_fill_at_once(
    tif: str, price: str, qty: str, status: str, filled: str, reason: str | None
) -> None:
    spot = Spot()
    spot.deposit("USDT", 10**6)
    user = spot.user()
    order = spot.order(timeInForce=tif, price=price, quantity=qty)
    assert (order["status"], order["executedQty"], order.get("expiryReason")) == (status, filled, reason)
    happened = events(user)
    assert happened[-1]["X"] == status
    assert happened[-1].get("eR") == reason
    found = spot.look(order["orderId"])
    assert (found["status"], found["executedQty"], found.get("expiryReason")) == (status, filled, reason)


def test_a_cancel_has_an_id_of_its_own() -> None:
    spot = Spot()
    user = spot.user()
    order = spot.order(quantity="0.01", price="59000", newClientOrderId="mine")
    gone = spot.call(
        "DELETE", "/api/v3/order", symbol=BTC, origClientOrderId="mine", newClientOrderId="cancel-1"
    )
    assert (gone["origClientOrderId"], gone["clientOrderId"], gone["status"]) == (
        "mine",
        "cancel-1",
        "CANCELED",
    )
    new, cancelled = events(user)
    assert (new["c"], new["C"], new["x"]) == ("mine", "", "NEW")
    assert (cancelled["c"], cancelled["C"], cancelled["x"], cancelled["X"]) == (
        "cancel-1",
        "mine",
        "CANCELED",
        "CANCELED",
    )
    assert cancelled["i"] == order["orderId"]
    assert spot.look(order["orderId"])["clientOrderId"] == "mine"


def test_a_cancel_may_be_for_untouched_orders_only() -> None:
    spot = Spot()
    order = spot.order(price="60000.01", quantity="1.6")
    assert order["status"] == "FILLED"
    order = spot.order("SELL", price="60001", quantity="1")
    cancel = {"symbol": BTC, "orderId": order["orderId"]}
    no = spot.call("DELETE", "/api/v3/order", **cancel, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert no == (400, -2011, "Order was not canceled due to cancel restrictions.")
    assert spot.call("DELETE", "/api/v3/order", **cancel, cancelRestrictions="SOME")[1] == -1145
    assert (
        spot.call("DELETE", "/api/v3/order", **cancel, cancelRestrictions="ONLY_NEW")["status"] == "CANCELED"
    )


def test_all_of_a_symbol_go_at_once() -> None:
    spot = Spot()
    for price in ("59000", "58000"):
        spot.order(quantity="0.01", price=price)
    gone = spot.call("DELETE", "/api/v3/openOrders", symbol=BTC)
    assert [one["status"] for one in gone] == ["CANCELED"] * 2
    assert len({one["clientOrderId"] for one in gone}) == 1
    assert spot.call("DELETE", "/api/v3/openOrders", symbol=BTC) == (400, -2011, "Unknown order sent.")


# ── triggers ────────────────────────────────────────────────────────────────────────────────────


def test_a_stop_waits_holds_its_money_and_works_when_it_is_reached() -> None:
    spot = Spot()
    spot.move("60000")
    user = spot.user()
    stop = spot.order("SELL", "STOP_LOSS_LIMIT", quantity="1.5", price="58000", stopPrice="59000")
    assert spot.balance("BTC") == ("0.50000000", "1.50000000")
    assert spot.look(stop["orderId"])["isWorking"] is False
    spot.move("59500")
    assert told(user) == [("NEW", "NEW")]
    spot.move("58990")
    happened = events(user)
    assert [(one["x"], one["w"]) for one in happened][:1] == [("NEW", True)]
    assert happened[-1]["X"] == "FILLED"
    assert spot.look(stop["orderId"])["status"] == "FILLED"


def test_a_profit_is_taken_on_the_other_side() -> None:
    spot = Spot()
    spot.move("60000")
    no = spot.order("SELL", "TAKE_PROFIT", quantity="0.1", stopPrice="59000")
    assert no == (400, -2010, "Order would trigger immediately.")
    order = spot.order("SELL", "TAKE_PROFIT", quantity="0.1", stopPrice="61000", newOrderRespType="RESULT")
    assert (order["stopPrice"], order["workingTime"], order["status"]) == ("61000.00000000", -1, "NEW")
    spot.move("61010")
    found = spot.look(order["orderId"])
    assert (found["status"], found["isWorking"]) == ("FILLED", True)


def test_a_stop_that_cannot_be_paid_any_more_expires() -> None:
    spot = Spot()
    spot.move("60000")
    order = spot.order("BUY", "STOP_LOSS", quantity="1.6", stopPrice="61000")
    assert spot.balance("USDT")[1] == "97600.00000000"
    user = spot.user()
    spot.move("64000")
    found = spot.look(order["orderId"])
    assert (found["status"], found.get("expiryReason")) == ("EXPIRED", "REJECTED")
    assert told(user)[-1] == ("EXPIRED", "EXPIRED")


def test_no_more_algos_than_the_filter_allows() -> None:
    spot = Spot()
    spot.move("60000")
    for _ in range(5):
        assert "orderId" in spot.order("SELL", "STOP_LOSS", quantity="0.01", stopPrice="50000")
    no = spot.order("SELL", "STOP_LOSS", quantity="0.01", stopPrice="50000")
    assert no == (400, -1013, "Filter failure: MAX_NUM_ALGO_ORDERS")


# ── self-trades ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "FILLED", "FILLED"),
    ],
)
def test_one_does_not_trade_with_oneself(mode: str, maker: str, taker: str) -> None:
    spot = Spot()
    first = spot.order("BUY", price="60000", quantity="1")
    user = spot.user()
    second = spot.order("SELL", price="60000", quantity="1", selfTradePreventionMode=mode)
    assert spot.look(first["orderId"])["status"] == maker
    found = spot.look(second["orderId"])
    assert (found["status"], found["selfTradePreventionMode"]) == (taker, mode)
    prevented = [one for one in events(user) if one["x"] == "TRADE_PREVENTION"]
    assert len(prevented) == [maker, taker].count("EXPIRED_IN_MATCH")
    for one in prevented:
        assert (one["A"], one["B"], one["X"]) == ("1.00000000", "1.00000000", "EXPIRED_IN_MATCH")
    if taker == "EXPIRED_IN_MATCH":
        assert found["preventedQuantity"] == "1.00000000"


# ── amends, replacements ────────────────────────────────────────────────────────────────────────


def test_less_of_an_order_keeps_its_place() -> None:
    spot = Spot()
    order = spot.order(quantity="1", price="59000", newClientOrderId="old")
    spot.net.house.exchange.open_account("_other", house=True)
    user = spot.user()
    path = "/api/v3/order/amend/keepPriority"
    amended = spot.call(
        "PUT", path, symbol=BTC, origClientOrderId="old", newQty="0.4", newClientOrderId="new"
    )
    body = amended["amendedOrder"]
    assert (body["origClientOrderId"], body["clientOrderId"], body["qty"]) == ("old", "new", "0.40000000")
    assert (body["orderId"], body["status"]) == (order["orderId"], "NEW")
    [event] = events(user)
    assert (event["x"], event["c"], event["C"], event["q"], event["I"]) == (
        "REPLACED",
        "new",
        "old",
        "0.40000000",
        amended["executionId"],
    )
    assert spot.balance("USDT")[1] == "23600.00000000"
    [row] = spot.call("GET", "/api/v3/order/amendments", symbol=BTC, orderId=order["orderId"])
    assert (row["origQty"], row["newQty"]) == ("1.00000000", "0.40000000")
    assert spot.call("PUT", path, symbol=BTC, origClientOrderId="old", newQty="0.1")[1] == -2038
    for qty, text in (
        ("0.5", "Order amend (quantity increase) is not supported."),
        ("0.4", "The requested action would change no state; rejecting"),
    ):
        assert spot.call("PUT", path, symbol=BTC, orderId=order["orderId"], newQty=qty)[1:] == (-2038, text)


@pytest.mark.parametrize(
    ("mode", "old", "price", "status", "code", "halves"),
    [
        ("STOP_ON_FAILURE", "there", "58000", 200, None, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", "gone", "58000", 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", "gone", "58000", 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", "there", "61000", 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", "gone", "61000", 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
def test_cancel_and_replace_has_two_outcomes(
    mode: str, old: str, price: str, status: int, code: int | None, halves: tuple[str, str]
) -> None:
    spot = Spot()
    spot.order(quantity="0.01", price="59000", newClientOrderId="there")
    params = {
        "symbol": BTC,
        "side": "BUY",
        "type": "LIMIT_MAKER",
        "quantity": "0.01",
        "price": price,
        "cancelReplaceMode": mode,
        "cancelOrigClientOrderId": old,
        "timestamp": spot.now_ns // MS,
    }
    query = query_of(params)
    reply = spot.raw(
        "POST", "/api/v3/order/cancelReplace", f"{query}&signature={sign('paper', query.encode())}"
    )
    body = msgspec.json.decode(reply.body)
    assert reply.status == status
    assert body.get("code") == code
    data = body["data"] if code else body
    assert (data["cancelResult"], data["newOrderResult"]) == halves
    if halves[1] == "FAILURE":
        assert data["newOrderResponse"]["msg"] == "Order would immediately match and take."


# ── pairs ───────────────────────────────────────────────────────────────────────────────────────


def pair(spot: Spot, **more: Any) -> Any:
    return spot.call(
        "POST",
        "/api/v3/orderList/oco",
        symbol=BTC,
        side="SELL",
        quantity="2",
        aboveType="LIMIT_MAKER",
        abovePrice="62000",
        belowType="STOP_LOSS_LIMIT",
        belowPrice="57000",
        belowStopPrice="58000",
        belowTimeInForce="GTC",
        **more,
    )


@pytest.mark.parametrize(
    ("price", "above", "below"),
    [("62010", "FILLED", "EXPIRED"), ("57990", "EXPIRED", "FILLED")],
)
def test_of_a_pair_one_trades(price: str, above: str, below: str) -> None:
    spot = Spot()
    spot.move("60000")
    user = spot.user()
    made = pair(spot)
    assert (made["contingencyType"], made["listOrderStatus"]) == ("OCO", "EXECUTING")
    assert spot.balance("BTC") == ("0.00000000", "2.00000000"), "the two share what they hold"
    stop, limit = (one["orderId"] for one in made["orders"])
    spot.move(price)
    assert (spot.look(limit)["status"], spot.look(stop)["status"]) == (above, below)
    expired = spot.look(stop if below == "EXPIRED" else limit)
    assert expired["expiryReason"] == "OCO_TRIGGER"
    said = [one["event"] for one in user.take() if one["event"]["e"] == "listStatus"]
    assert [(one["l"], one["L"]) for one in said] == [("EXEC_STARTED", "EXECUTING"), ("ALL_DONE", "ALL_DONE")]
    status = spot.call("GET", "/api/v3/orderList", orderListId=made["orderListId"])
    assert status["listOrderStatus"] == "ALL_DONE"
    assert spot.call("GET", "/api/v3/openOrderList") == []


def test_a_pair_goes_together() -> None:
    spot = Spot()
    spot.move("60000")
    made = pair(spot, listClientOrderId="pair-1")
    assert pair(spot, listClientOrderId="pair-1")[2] == "Duplicate order sent."
    gone = spot.call("DELETE", "/api/v3/orderList", symbol=BTC, listClientOrderId="pair-1")
    assert [one["status"] for one in gone["orderReports"]] == ["CANCELED", "CANCELED"]
    assert spot.balance("BTC") == ("2.00000000", "0.00000000")
    made = pair(spot)
    spot.call("DELETE", "/api/v3/order", symbol=BTC, orderId=made["orders"][0]["orderId"])
    assert spot.call("GET", "/api/v3/openOrders") == []
    made = pair(spot)
    [gone] = spot.call("DELETE", "/api/v3/openOrders", symbol=BTC)
    assert (gone["orderListId"], len(gone["orderReports"])) == (made["orderListId"], 2)
    spot.wait(11 * SECOND)
    assert len(spot.call("GET", "/api/v3/allOrderList")) == 3


def test_a_pair_that_does_not_fit_leaves_nothing_behind() -> None:
    spot = Spot()
    spot.move("63000")
    assert pair(spot)[2] == "The relationship of the prices for the orders is not correct."
    spot.move("60000")
    poor = spot.order("SELL", price="70000", quantity="1")
    assert pair(spot)[2] == "Account has insufficient balance for requested action."
    assert [one["orderId"] for one in spot.call("GET", "/api/v3/openOrders")] == [poor["orderId"]]
    truth = spot.net.house.exchange.truth().accounts["main:spot"]
    assert [o.state.value for o in truth.orders if o.kind == "stop_limit"] == ["cancelled"]
    assert spot.net.house.exchange.faults() == []
