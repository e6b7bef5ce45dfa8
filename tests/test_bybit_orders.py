"""What the adapter asks Bybit for, member by member."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from kedge.model.venue import PlaceOrder
from kedge.venues.bybit import orders

LIMIT = PlaceOrder("c" * 32, "BTCUSDT", "buy", Decimal("0.010"), Decimal("30000.50"))

# The parameters of /v5/order/create in the venue's documents.
DOCUMENTED = [
    "category",
    "symbol",
    "isLeverage",
    "side",
    "orderType",
    "qty",
    "marketUnit",
    "rpiTakerAccess",
    "slippageToleranceType",
    "slippageTolerance",
    "price",
    "triggerDirection",
    "orderFilter",
    "triggerPrice",
    "triggerBy",
    "orderIv",
    "timeInForce",
    "positionIdx",
    "orderLinkId",
    "takeProfit",
    "stopLoss",
    "tpTriggerBy",
    "slTriggerBy",
    "reduceOnly",
    "closeOnTrigger",
    "smpType",
    "mmp",
    "tpslMode",
    "tpLimitPrice",
    "slLimitPrice",
    "tpOrderType",
    "slOrderType",
    "bboSideType",
    "bboLevel",
]


def test_a_limit_order() -> None:
    assert orders.place("linear", LIMIT) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.01",
        "price": "30000.5",
        "timeInForce": "GTC",
        "orderLinkId": "c" * 32,
        "positionIdx": 0,
    }


@pytest.mark.parametrize(
    ("tif", "said"), [("gtc", "GTC"), ("ioc", "IOC"), ("fok", "FOK"), ("post_only", "PostOnly")]
)
def test_times_in_force(tif: Any, said: str) -> None:
    assert orders.place("spot", replace(LIMIT, tif=tif))["timeInForce"] == said


def test_a_market_order_has_no_price_and_reduces_where_it_should() -> None:
    order = replace(LIMIT, kind="market", price=Decimal(0), side="sell", reduce_only=True)
    said = orders.place("linear", order)
    assert "price" not in said
    assert (said["orderType"], said["timeInForce"], said["reduceOnly"]) == ("Market", "IOC", True)
    assert "marketUnit" not in said


def test_a_spot_market_order_counts_in_the_base_coin() -> None:
    """Left to itself the venue reads a buyer's quantity as money."""
    order = replace(LIMIT, symbol="BTC/USDT", kind="market", price=Decimal(0))
    said = orders.place("spot", order)
    assert (said["symbol"], said["marketUnit"], said["qty"]) == ("BTCUSDT", "baseCoin", "0.01")
    assert "positionIdx" not in said


@pytest.mark.parametrize(("side", "direction"), [("buy", 1), ("sell", 2)])
@pytest.mark.parametrize(
    ("by", "said"), [("last", "LastPrice"), ("mark", "MarkPrice"), ("index", "IndexPrice")]
)
def test_stops_of_contracts(side: Any, direction: int, by: Any, said: str) -> None:
    stop = replace(
        LIMIT, kind="stop", price=Decimal(0), side=side, trigger_price=Decimal("31000"), trigger_by=by
    )
    made = orders.place("inverse", stop)
    assert (made["triggerPrice"], made["triggerDirection"], made["triggerBy"]) == ("31000", direction, said)
    assert made["orderType"] == "Market"
    assert "price" not in made
    assert "orderFilter" not in made
    limited = orders.place("linear", replace(stop, kind="stop_limit", price=Decimal(31001)))
    assert (limited["orderType"], limited["price"], limited["timeInForce"]) == ("Limit", "31001", "GTC")


@pytest.mark.parametrize(("side", "direction"), [("buy", 2), ("sell", 1)])
@pytest.mark.parametrize(("kind", "price"), [("take", 0), ("take_limit", 31001)])
def test_takes_of_contracts_wait_on_the_other_side(side: Any, direction: int, kind: Any, price: int) -> None:
    take = replace(LIMIT, kind=kind, price=Decimal(price), side=side, trigger_price=Decimal(31000))
    made = orders.place("linear", take)
    assert (made["triggerPrice"], made["triggerDirection"]) == ("31000", direction)
    assert (made["orderType"], made.get("price")) == (("Limit", "31001") if price else ("Market", None))


def test_stops_of_pairs_are_orders_of_their_own_kind() -> None:
    stop = replace(LIMIT, symbol="BTC/USDT", kind="stop", price=Decimal(0), trigger_price=Decimal("31000"))
    said = orders.place("spot", stop)
    assert (said["orderFilter"], said["triggerPrice"], said["marketUnit"]) == (
        "StopOrder",
        "31000",
        "baseCoin",
    )
    assert "triggerDirection" not in said
    assert "triggerBy" not in said


@pytest.mark.parametrize(
    ("category", "order", "why"),
    [
        ("spot", replace(LIMIT, kind="stop", trigger_by="mark"), "no stops by the mark price"),
        ("spot", replace(LIMIT, reduce_only=True), "no reduce-only"),
        ("linear", replace(LIMIT, client_id="x" * 37), "longer than the 36"),
        ("linear", LIMIT, ""),
    ],
)
def test_what_cannot_be_said_is_refused_here(category: Any, order: PlaceOrder, why: str) -> None:
    assert (why in orders.impossible(category, order)) if why else orders.impossible(category, order) == ""


def test_every_member_is_documented() -> None:
    for category in ("linear", "inverse", "spot"):
        for kind in ("limit", "market", "stop", "stop_limit"):
            order = replace(LIMIT, kind=kind, trigger_price=Decimal(1), reduce_only=category != "spot")
            assert set(orders.place(category, order)) <= set(DOCUMENTED)  # type: ignore[arg-type]


def test_changes_name_our_id_alone() -> None:
    assert orders.cancel("spot", "abc", "BTC/USDT") == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "orderLinkId": "abc",
    }
    amended = orders.amend("linear", "abc", "BTCUSDT", Decimal("1.50"), Decimal("2"))
    assert amended == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderLinkId": "abc",
        "qty": "2",
        "price": "1.5",
    }
    assert "price" not in orders.amend("linear", "abc", "BTCUSDT", Decimal(0), Decimal("2"))


def test_batches_say_the_category_once() -> None:
    made = orders.batch(
        "spot", [orders.cancel("spot", "a", "BTC/USDT"), orders.cancel("spot", "b", "BTC/USDT")]
    )
    assert made == {
        "category": "spot",
        "request": [
            {"symbol": "BTCUSDT", "orderLinkId": "a"},
            {"symbol": "BTCUSDT", "orderLinkId": "b"},
        ],
    }


def test_settings() -> None:
    said = json.loads(orders.leverage("linear", "BTCUSDT", Decimal("5.50")))
    assert (said["buyLeverage"], said["sellLeverage"]) == ("5.5", "5.5")
    assert json.loads(orders.one_way("USDT")) == {"category": "linear", "coin": "USDT", "mode": 0}
    assert orders.margin_mode("cross") == "REGULAR_MARGIN"
    assert orders.margin_mode("isolated") == "ISOLATED_MARGIN"
    assert json.loads(orders.dead_man("SPOT", 10)) == {"product": "SPOT", "timeWindow": 10}
    assert orders.cancel_all("linear", "", "USDT") == {"category": "linear", "settleCoin": "USDT"}
    assert orders.cancel_all("spot", "BTC/USDT", "", "StopOrder") == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "orderFilter": "StopOrder",
    }


def test_a_frame_of_the_order_line() -> None:
    frame = orders.frame("order.create", "1-a", 1711001595207, 5000, orders.place("linear", LIMIT))
    said = json.loads(frame)
    assert said["header"] == {"X-BAPI-TIMESTAMP": "1711001595207", "X-BAPI-RECV-WINDOW": "5000"}
    assert (said["reqId"], said["op"], len(said["args"])) == ("1-a", "order.create", 1)
