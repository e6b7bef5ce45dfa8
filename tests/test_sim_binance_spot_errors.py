"""What the Binance spot testnet refuses, with the venue's own codes and words; weights, counts, bans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spot_kit import BTC, MS, SECOND, Spot, events, query_of

from kedge.sim.binance.common import Params, Refused, read_json_params, read_params
from kedge.sim.binance.keys import sign
from kedge.sim.binance.spot.wishes import read_wish
from kedge.sim.binance.weights import BAN_NS, MINUTE_NS

LIMIT: dict[str, Any] = {
    "symbol": BTC,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "59000",
}


def missing(name: str) -> str:
    return f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"symbol": None}, -1102, missing("symbol")),
        ({"price": None}, -1102, missing("price")),
        ({"timeInForce": None}, -1102, missing("timeInForce")),
        ({"quantity": ""}, -1102, missing("quantity")),
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "STOP"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"price": "1e3"}, -1100, "Illegal characters found in parameter 'price'; legal range is "),
        ({"quantity": "-1"}, -1100, "Illegal characters found in parameter 'quantity'; legal range is "),
        ({"newClientOrderId": "ü"}, -1100, "Illegal characters found in parameter 'newClientOrderId'"),
        ({"newClientOrderId": "a" * 37}, -1100, "'^[a-zA-Z0-9-_]{1,36}$'."),
        ({"price": "59000.123456789"}, -1111, "Parameter 'price' has too much precision."),
        ({"price": "0"}, -1013, "Invalid price."),
        ({"quantity": "0"}, -1013, "Invalid quantity."),
        ({"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"quoteOrderQty": "1"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        ({"icebergQty": "1"}, -1013, "Iceberg orders are not supported for this symbol."),
        ({"wish": "1"}, -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
        ({"newOrderRespType": "ALL"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        (
            {"selfTradePreventionMode": "DECREMENT"},
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        ({"strategyType": "5"}, -1134, "`strategyType` was less than 1000000."),
        ({"price": "59000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "1000000.01"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "350000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"price": "10000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "9000.1"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00005"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "200"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "3"}, -2010, "Account has insufficient balance for requested action."),
        (
            {"timeInForce": None, "type": "LIMIT_MAKER", "price": "60002"},
            -2010,
            "Order would immediately match",
        ),
        ({"timeInForce": None, "price": None, "type": "MARKET", "quantity": "121"}, -1013, "MARKET_LOT_SIZE"),
        (
            {"timeInForce": None, "price": None, "type": "MARKET", "quantity": None},
            -1102,
            "Param 'quantity' or",
        ),
    ],
)
def test_an_order_is_refused_in_the_venues_words(changes: dict[str, Any], code: int, text: str) -> None:
    spot = Spot()
    spot.move("60001")
    spot.order(type="MARKET", quantity="0.001")
    params = {name: value for name, value in (LIMIT | changes).items() if value is not None}
    status, found, said = spot.call("POST", "/api/v3/order", **params)
    assert (status, found) == (400, code), said
    assert text in said
    assert spot.call("GET", "/api/v3/openOrders") == []
    status, found, said = spot.call("POST", "/api/v3/order/test", **params) or (200, 0, "")
    assert found in (code, 0)


def test_what_the_engine_refuses_is_told_on_the_stream_too() -> None:
    spot = Spot()
    user = spot.user()
    spot.order("BUY", "LIMIT_MAKER", quantity="0.01", price="60001", newClientOrderId="post")
    spot.order(quantity="3", price="59000")
    first, second = events(user)
    assert (first["x"], first["X"], first["r"], first["c"]) == (
        "REJECTED",
        "REJECTED",
        "WOULD_MATCH_IMMEDIATELY",
        "post",
    )
    assert second["r"] == "INSUFFICIENT_BALANCES"


def test_a_halted_market_takes_no_orders() -> None:
    spot = Spot()
    spot.net.house.exchange.halt(f"spot:{BTC}", True, spot.now_ns)
    assert spot.order(quantity="0.01", price="59000") == (400, -2010, "Market is closed.")
    [row] = spot.ask("GET", "/api/v3/exchangeInfo", symbol=BTC)["symbols"]
    assert row["status"] == "HALT"
    assert spot.ask("GET", "/api/v3/depth", symbol=BTC, symbolStatus="TRADING")[1] == -1220


# ── ids and lookups ─────────────────────────────────────────────────────────────────────────────


def test_a_client_id_is_taken_only_while_its_order_is_open() -> None:
    spot = Spot()
    first = spot.order(quantity="0.01", price="59000", newClientOrderId="twice")
    assert spot.order(quantity="0.01", price="58000", newClientOrderId="twice") == (
        400,
        -2010,
        "Duplicate order sent.",
    )
    spot.call("DELETE", "/api/v3/order", symbol=BTC, orderId=first["orderId"])
    second = spot.order(quantity="0.01", price="58000", newClientOrderId="twice")
    found = spot.call("GET", "/api/v3/order", symbol=BTC, origClientOrderId="twice")
    assert found["orderId"] == second["orderId"], "the latest of that id"
    assert spot.look(first["orderId"])["status"] == "CANCELED"


def test_an_order_that_is_not_there() -> None:
    spot = Spot()
    order = spot.order(quantity="0.01", price="59000")
    assert spot.look(999_999) == (400, -2013, "Order does not exist.")
    wrong = {"symbol": BTC, "orderId": order["orderId"], "origClientOrderId": "other"}
    assert spot.call("GET", "/api/v3/order", **wrong)[1] == -2039
    assert spot.call("DELETE", "/api/v3/order", **wrong)[1] == -2039
    assert spot.call("DELETE", "/api/v3/order", symbol=BTC, orderId=999_999) == (
        400,
        -2011,
        "Unknown order sent.",
    )
    assert spot.call("GET", "/api/v3/order", symbol=BTC)[1] == -1102
    assert spot.call("GET", "/api/v3/order", symbol="ETHUSDT", orderId=order["orderId"])[1] == -2013


def test_what_never_filled_is_archived_after_ninety_days() -> None:
    spot = Spot()
    order = spot.order(quantity="0.01", price="59000")
    filled = spot.order(type="MARKET", quantity="0.01")
    spot.call("DELETE", "/api/v3/order", symbol=BTC, orderId=order["orderId"])
    spot.wait(90 * 86_400 * SECOND)
    assert spot.look(order["orderId"])["status"] == "CANCELED"
    spot.wait(SECOND)
    assert spot.look(order["orderId"])[1] == -2026
    assert spot.look(filled["orderId"])["status"] == "FILLED"
    assert [one["orderId"] for one in spot.call("GET", "/api/v3/allOrders", symbol=BTC)] == [
        filled["orderId"]
    ]


def test_a_lookup_may_lag_behind() -> None:
    spot = Spot()
    spot.arm("lookup_lag", delay_ns=2 * SECOND, count=0)
    order = spot.order(type="MARKET", quantity="0.01", newClientOrderId="late")
    assert spot.call("GET", "/api/v3/order", symbol=BTC, origClientOrderId="late")[1] == -2013
    assert spot.call("GET", "/api/v3/allOrders", symbol=BTC) == []
    assert spot.call("GET", "/api/v3/myTrades", symbol=BTC) == []
    spot.wait(2 * SECOND)
    assert spot.look(order["orderId"])["status"] == "FILLED"
    assert len(spot.call("GET", "/api/v3/myTrades", symbol=BTC)) == 1


# ── who asks ────────────────────────────────────────────────────────────────────────────────────


def test_keys_signatures_and_clocks() -> None:
    spot = Spot()
    spot.key = "nobody"
    assert spot.look(1) == (401, -2015, "Invalid API-key, IP, or permissions for action.")
    spot.key = ""
    assert spot.look(1) == (401, -2014, "API-key format invalid.")
    spot.key, spot.secret = "paper", "wrong"
    assert spot.look(1) == (400, -1022, "Signature for this request is not valid.")
    spot.secret = "paper"
    assert spot.call("GET", "/api/v3/openOrders", timestamp=spot.now_ns // MS - 5_001) == (
        400,
        -1021,
        "Timestamp for this request is outside of the recvWindow.",
    )
    assert spot.call("GET", "/api/v3/openOrders", timestamp=spot.now_ns // MS + 1_000) == (
        400,
        -1021,
        "Timestamp for this request was 1000ms ahead of the server's time.",
    )
    assert spot.ask("GET", "/api/v3/openOrders") == (400, -1102, missing("timestamp"))
    assert spot.raw("GET", "/api/v3/nothing").status == 404
    assert spot.raw("PATCH", "/api/v3/order").status == 405


def test_keys_have_rights_and_addresses() -> None:
    spot = Spot()
    spot.add_key("reader", trades=False, ips=("10.0.0.1",))
    spot.key, spot.secret, spot.peer = "reader", "secret", "10.0.0.1"
    assert spot.order(quantity="0.01", price="59000")[1] == -2015
    assert spot.call("GET", "/api/v3/account")["canTrade"] is True, "the account may; the key may not"
    rights = spot.call("GET", "/sapi/v1/account/apiRestrictions")
    assert (rights["ipRestrict"], rights["enableSpotAndMarginTrading"], rights["enableReading"]) == (
        True,
        False,
        True,
    )
    spot.peer = "10.0.0.2"
    assert spot.call("GET", "/api/v3/account")[1] == -2015


def test_accounts_do_not_see_each_other() -> None:
    spot = Spot()
    order = spot.order(quantity="0.01", price="59000")
    spot.add_key("hedge-key", "hedge")
    spot.key, spot.secret = "hedge-key", "secret"
    assert spot.look(order["orderId"])[1] == -2013
    assert spot.call("GET", "/api/v3/openOrders") == []
    assert spot.balance("USDT") == ("100000.00000000", "0.00000000")


# ── how much ────────────────────────────────────────────────────────────────────────────────────


def test_weight_is_counted_by_the_minute_and_the_deaf_are_banned() -> None:
    spot = Spot()
    spot.now_ns += MINUTE_NS - spot.now_ns % MINUTE_NS
    path, query = "/api/v3/depth", f"symbol={BTC}&limit=5000"
    for number in range(1, 25):
        reply = spot.raw("GET", path, query)
        assert (reply.status, reply.headers["x-mbx-used-weight-1m"]) == (200, str(250 * number))
    refused = spot.raw("GET", path, query)
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert b"current limit is 6000 request weight per 1 MINUTE" in refused.body
    for _ in range(10):
        last = spot.raw("GET", path, query)
    assert (last.status, last.headers["retry-after"]) == (418, str(BAN_NS // SECOND))
    spot.now_ns += MINUTE_NS
    assert spot.raw("GET", "/api/v3/ping").status == 418
    spot.peer = "127.0.0.2"
    assert spot.raw("GET", "/api/v3/ping").status == 200, "it is the address that is banned"
    spot.peer = "127.0.0.1"
    spot.now_ns += BAN_NS
    assert spot.raw("GET", "/api/v3/ping").status == 200
    assert (spot.net.stats()["bans"], spot.net.stats()["refused"]) == (1, 12)


def test_what_succeeds_at_the_desk_weighs_nothing() -> None:
    spot = Spot()

    def weight_after(**params: Any) -> str:
        query = query_of({**LIMIT, **params, "timestamp": spot.now_ns // MS})
        reply = spot.raw("POST", "/api/v3/order", f"{query}&signature={sign('paper', query.encode())}")
        return reply.headers["x-mbx-used-weight-1m"]

    assert weight_after() == "0"
    assert weight_after(quantity="0.000001") == "1"
    assert weight_after() == "1"


def test_orders_that_do_not_fill_are_counted() -> None:
    spot = Spot()
    spot.now_ns += 10 * SECOND - spot.now_ns % (10 * SECOND)
    for _ in range(100):
        order = spot.order(quantity="0.001", price="59000", newOrderRespType="ACK")
        assert "orderId" in order, order
    status, code, text = spot.order(quantity="0.001", price="59000")
    assert (status, code, text) == (
        429,
        -1015,
        "Too many new orders; current limit is 100 orders per 10 SECOND.",
    )
    spot.move("58000")
    counts = spot.call("GET", "/api/v3/rateLimit/order")
    assert [(one["interval"], one["count"]) for one in counts] == [("SECOND", 0), ("DAY", 0)], (
        "fills give back"
    )
    assert spot.order(type="MARKET", quantity="0.01")["status"] == "FILLED"
    spot.now_ns += 10 * SECOND
    assert spot.order(quantity="0.001", price="57000")["status"] == "NEW"


# ── anything at all ─────────────────────────────────────────────────────────────────────────────

NAMES = st.sampled_from([*LIMIT, "stopPrice", "newClientOrderId", "recvWindow", "limit", "x", ""])
PATHS = [
    "/api/v3/order",
    "/api/v3/depth",
    "/api/v3/klines",
    "/api/v3/exchangeInfo",
    "/api/v3/ticker/24hr",
    "/api/v3/aggTrades",
]


@given(
    st.sampled_from(PATHS), st.dictionaries(NAMES, st.text(max_size=12), max_size=6), st.binary(max_size=40)
)
def test_no_request_breaks_the_venue(path: str, params: dict[str, str], body: bytes) -> None:
    spot = SHARED
    query = query_of({**params, "timestamp": spot.now_ns // MS})
    for method in ("GET", "POST", "DELETE"):
        text = f"{query}&signature={sign('paper', query.encode() + body)}"
        reply = spot.raw(method, path, text, body)
        assert reply.status in (200, 400, 401, 405, 418, 429), reply
        spot.now_ns += MINUTE_NS


SHARED = Spot()


def code_of(read: Callable[[], object]) -> int:
    """What it is refused with; 0 where it is not."""
    try:
        read()
    except Refused as no:
        return no.code
    return 0


@given(st.dictionaries(NAMES, st.text(max_size=20), max_size=10))
def test_wishes_are_read_or_refused(params: dict[str, str]) -> None:
    assert code_of(lambda: read_wish(Params(params))) <= 0


@given(st.binary(max_size=60))
def test_bytes_are_read_or_refused(body: bytes) -> None:
    assert code_of(lambda: read_params("a=1", body)) in (0, -1100, -1101)
    assert code_of(lambda: read_json_params(body)) in (0, -1101, -1135)


def test_the_same_parameter_twice_is_refused_and_the_query_goes_before_the_body() -> None:
    with pytest.raises(Refused, match="-1101 Duplicate values"):
        read_params("a=1&a=2", b"")
    assert read_params("a=1", b"a=2&b=3").values == {"a": "1", "b": "3"}
