"""The WebSocket API of the Binance spot testnet: requests, sessions, the user data stream, its weather."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st
from spot_kit import BTC, MS, SECOND, Line, Socket, Spot, events, query_of

from kedge.sim.binance.keys import sign, socket_payload
from kedge.sim.testnet.faulty import Session
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Request

LIMIT: dict[str, Any] = {
    "symbol": BTC,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "59000",
}


class Owner:
    """Somebody with an Ed25519 key."""

    def __init__(self, spot: Spot) -> None:
        self.spot = spot
        self._private = ed25519.Ed25519PrivateKey.generate()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        self.pem = self._private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
        spot.net.house.add_key(ApiKey("ed", self.pem, "main"))

    def params(self, **params: Any) -> dict[str, Any]:
        whole = {**params, "apiKey": "ed", "timestamp": self.spot.now_ns // MS}
        payload = socket_payload({name: str(value) for name, value in whole.items()})
        return {**whole, "signature": base64.b64encode(self._private.sign(payload.encode())).decode()}


# ── requests ────────────────────────────────────────────────────────────────────────────────────


def test_both_doors_lead_to_the_same_desk() -> None:
    spot = Spot()
    api = spot.api()
    placed = spot.method(api, "order.place", **LIMIT, newClientOrderId="one")
    assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
    assert [row["rateLimitType"] for row in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    number = placed["result"]["orderId"]
    assert spot.look(number) == spot.method(api, "v3/order.status", symbol=BTC, orderId=number)["result"]
    amended = spot.method(api, "order.amend.keepPriority", symbol=BTC, orderId=number, newQty="0.005")
    assert amended["result"]["amendedOrder"]["qty"] == "0.00500000"
    replaced = spot.method(
        api,
        "order.cancelReplace",
        **{**LIMIT, "price": "58000"},
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=number,
    )
    number = replaced["result"]["newOrderResponse"]["orderId"]
    assert spot.method(api, "openOrders.status")["result"][0]["orderId"] == number
    assert spot.method(api, "order.cancel", symbol=BTC, orderId=number)["result"]["status"] == "CANCELED"
    assert spot.method(api, "order.test", **LIMIT)["result"] == {}
    spot.method(api, "order.place", **LIMIT)
    assert len(spot.method(api, "openOrders.cancelAll", symbol=BTC)["result"]) == 1
    for name, params in (
        ("allOrders", {"symbol": BTC}),
        ("myTrades", {"symbol": BTC}),
        ("account.status", {}),
    ):
        assert spot.method(api, name, **params)["status"] == 200
    assert len(spot.method(api, "account.rateLimits.orders")["result"]) == 2
    refused = spot.method(api, "order.cancel", symbol=BTC, orderId=number)
    assert (refused["status"], refused["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


def test_public_requests_need_no_key() -> None:
    spot = Spot()
    api = spot.api("returnRateLimits=false")
    assert api.send(id=1, method="ping") == {"id": 1, "status": 200, "result": {}}
    assert api.send(id="t", method="time")["result"]["serverTime"] == spot.now_ns // MS
    depth = api.send(id=None, method="depth", params={"symbol": BTC, "limit": 5})
    assert (depth["id"], len(depth["result"]["bids"])) == (None, 5)
    info = api.send(id=2, method="exchangeInfo", params={"symbols": [BTC], "returnRateLimits": True})
    assert info["result"]["symbols"][0]["symbol"] == BTC
    assert info["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", -1135),
        (b"[1]", -1135),
        (b'{"method":"ping"}', -1102),
        (b'{"id":1}', -1102),
        (b'{"id":{},"method":"ping"}', -1100),
        (b'{"id":1,"method":2}', -1100),
        (b'{"id":1,"method":"ping","params":[]}', -1135),
        (b'{"id":1,"method":"order.vanish"}', -1020),
        (b'{"id":1,"method":"sapi.coins"}', -1020),
        (b'{"id":1,"method":"order.place"}', -1102),
        (b'{"id":1,"method":"depth","params":{"symbol":"NOPE"}}', -1121),
        (b'{"id":1,"method":"userDataStream.subscribe"}', -1002),
        (b'{"id":1,"method":"userDataStream.unsubscribe","params":{"subscriptionId":7}}', -2036),
    ],
)
def test_messages_that_are_refused(message: bytes, code: int) -> None:
    api = Spot().api()
    api.visitor.heard(message)
    [answer] = api.take()
    assert (answer["error"]["code"], answer["status"] >= 400) == (code, True)


@given(st.binary(max_size=80))
def test_no_message_breaks_the_api(message: bytes) -> None:
    API.visitor.heard(message)
    assert "status" in API.take()[0]
    SHARED.now_ns += 60 * SECOND


SHARED = Spot()
API = SHARED.api()


def test_a_ban_says_until_when() -> None:
    spot = Spot()
    api = spot.api()
    for _ in range(34):
        answer = api.send(id=1, method="depth", params={"symbol": BTC, "limit": 5000})
    assert (answer["status"], api.line.closed) == (418, (1008, "Banned"))
    retry = answer["error"]["data"]
    assert retry["retryAfter"] - retry["serverTime"] == 120_000
    assert spot.raw("GET", "/api/v3/ping").status == 418, "one address, one count"


# ── sessions ────────────────────────────────────────────────────────────────────────────────────


def test_a_session_needs_no_more_signatures() -> None:
    spot = Spot()
    owner, api = Owner(spot), spot.api()
    assert api.send(id=0, method="session.status")["result"]["apiKey"] is None
    answer = api.send(id=1, method="session.logon", params=owner.params())
    assert (answer["result"]["apiKey"], answer["result"]["userDataStream"]) == ("ed", False)
    unsigned = {**LIMIT, "timestamp": spot.now_ns // MS}
    assert api.send(id=2, method="order.place", params=unsigned)["result"]["status"] == "NEW"
    late = {**LIMIT, "timestamp": spot.now_ns // MS - 6_000}
    assert api.send(id=3, method="order.place", params=late)["error"]["code"] == -1021
    assert api.send(id=4, method="userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert api.send(id=5, method="userDataStream.subscribe")["error"]["code"] == -2035
    assert api.send(id=6, method="session.subscriptions")["result"] == [{"subscriptionId": 0}]
    api.send(id=7, method="order.place", params={**unsigned, "price": "58000"})
    assert [one["x"] for one in events(api)] == ["NEW"]
    out = api.send(id=8, method="session.logout")
    assert (out["result"]["apiKey"], out["result"]["userDataStream"]) == (None, False)
    assert api.take()[-1]["event"]["e"] == "eventStreamTerminated"
    assert api.send(id=9, method="order.place", params=unsigned)["error"]["code"] == -1102


def test_only_ed25519_keys_log_on_and_a_key_may_be_taken_away() -> None:
    spot = Spot()
    api = spot.api()
    assert spot.method(api, "session.logon")["error"]["code"] == -1022
    owner = Owner(spot)
    assert api.send(id=1, method="session.logon", params=owner.params())["status"] == 200
    Owner(spot)  # Another key under the same name.
    answer = api.send(id=2, method="account.status", params={"timestamp": spot.now_ns // MS})
    assert (answer["status"], answer["error"]["code"]) == (401, -2015)


# ── the user data stream ────────────────────────────────────────────────────────────────────────


def test_events_of_a_trade_come_in_order_and_are_complete() -> None:
    spot = Spot()
    user = spot.user()
    spot.deposit("USDT", 100_000)
    user.take()
    order = spot.order(type="MARKET", quantity="1.7", newClientOrderId="buy")
    said = user.take()
    assert {one["subscriptionId"] for one in said} == {0}
    kinds = [one["event"]["e"] for one in said]
    assert kinds == ["executionReport"] * 3 + ["outboundAccountPosition"]
    new, first, last = (one["event"] for one in said[:3])
    assert (new["x"], new["X"], new["t"], new["N"], new["n"]) == ("NEW", "NEW", -1, None, "0")
    assert (first["x"], first["X"], first["l"], first["L"], first["z"]) == (
        "TRADE",
        "PARTIALLY_FILLED",
        "1.66666000",
        "60000.01000000",
        "1.66666000",
    )
    assert (last["X"], last["z"], last["m"], last["w"]) == ("FILLED", "1.70000000", False, False)
    assert [f["tradeId"] for f in order["fills"]] == [first["t"], last["t"]]
    assert new["I"] < first["I"] < last["I"]
    assert {row["a"] for row in said[3]["event"]["B"]} == {"BTC", "USDT"}


def test_a_deposit_is_told() -> None:
    spot = Spot()
    user = spot.user()
    spot.deposit("BTC", 3)
    first, second = (one["event"] for one in user.take())
    assert (first["e"], first["a"], first["d"]) == ("balanceUpdate", "BTC", "3.00000000")
    assert (second["e"], second["B"]) == (
        "outboundAccountPosition",
        [{"a": "BTC", "f": "5.00000000", "l": "0.00000000"}],
    )


def test_a_maker_hears_of_his_fills() -> None:
    spot = Spot()
    user = spot.user()
    order = spot.order(price="59999", quantity="1.5")
    spot.move("59990")
    trades = [one for one in events(user) if one["x"] == "TRADE"]
    assert trades[-1]["X"] == "FILLED"
    assert all(one["m"] and one["i"] == order["orderId"] for one in trades)
    [row] = spot.call("GET", "/api/v3/myTrades", symbol=BTC, orderId=order["orderId"])
    assert (row["isMaker"], row["isBuyer"], row["id"]) == (True, True, trades[-1]["t"])


def test_several_accounts_on_one_connection() -> None:
    spot = Spot()
    user = spot.user()
    spot.add_key("hedge-key", "hedge")
    spot.key, spot.secret = "hedge-key", "secret"
    params: dict[str, Any] = {"apiKey": "hedge-key", "timestamp": spot.now_ns // MS}
    payload = socket_payload({name: str(value) for name, value in params.items()})
    params["signature"] = sign("secret", payload.encode())
    answer = user.send(id=9, method="userDataStream.subscribe.signature", params=params)
    assert answer["result"] == {"subscriptionId": 1}
    spot.order(price="59000", quantity="0.01")
    assert {one["subscriptionId"] for one in user.take()} == {1}
    user.send(id=10, method="userDataStream.unsubscribe", params={"subscriptionId": 1})
    spot.order(price="59000", quantity="0.01")
    assert [one["event"]["e"] for one in user.take()] == ["eventStreamTerminated"]


def test_a_subscription_may_be_ended_by_the_venue() -> None:
    spot = Spot()
    user = spot.user()
    spot.arm("terminate_user_stream", account="main")
    [said] = user.take()
    assert (said["subscriptionId"], said["event"]["e"]) == (0, "eventStreamTerminated")
    spot.order(price="59000", quantity="0.01")
    assert user.take() == []
    assert spot.method(user, "userDataStream.subscribe.signature")["result"] == {"subscriptionId": 1}


# ── the weather ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("deed", [True, False])
def test_an_answer_may_say_that_nobody_knows(deed: bool) -> None:
    spot = Spot()
    api = spot.api()
    spot.arm("api_error", error="spot_timeout", deed=deed, client_id="doubt")
    answer = spot.method(api, "order.place", **LIMIT, newClientOrderId="doubt")
    assert (answer["status"], answer["error"]["code"]) == (504, -1007)
    found = spot.method(api, "order.status", symbol=BTC, origClientOrderId="doubt")
    assert (found["status"] == 200) is deed


@pytest.mark.parametrize("deed", [True, False])
@pytest.mark.parametrize("name", ["spot_unknown", "spot_unexpected", "spot_timeout", "spot_overloaded"])
def test_a_5xx_over_http_with_and_without_the_deed(name: str, deed: bool) -> None:
    spot = Spot()
    spot.arm("error", error=name, deed=deed, method="POST", path="/api/v3/order", match="doubt")
    replies = http(spot, newClientOrderId="doubt")
    assert replies[0].status >= 500
    found = spot.call("GET", "/api/v3/order", symbol=BTC, origClientOrderId="doubt")
    assert found[1] == -2013 if isinstance(found, tuple) else found["status"] == "NEW"
    assert isinstance(found, dict) is deed


def test_a_reply_may_be_lost_after_the_deed() -> None:
    spot = Spot()
    spot.arm("lose_reply", method="POST", path="/api/v3/order")
    assert http(spot, newClientOrderId="lost") == []
    assert spot.call("GET", "/api/v3/order", symbol=BTC, origClientOrderId="lost")["status"] == "NEW"
    weather = spot.weather()
    line = Line()
    session = weather.socket(Request("GET", "/ws-api/v3", "", {}, b""), line)
    assert isinstance(session, Session)
    spot.arm("drop_frame", path="/ws-api", match='"status"')
    assert spot.method(Socket(session, line), "order.place", **LIMIT, newClientOrderId="lost-2") is None
    assert spot.call("GET", "/api/v3/order", symbol=BTC, origClientOrderId="lost-2")["status"] == "NEW"


def http(spot: Spot, **params: Any) -> list[Any]:
    query = query_of({**LIMIT, **params, "timestamp": spot.now_ns // MS})
    whole = f"{query}&signature={sign('paper', query.encode())}"
    replies: list[Any] = []
    spot.weather().ask(
        Request("POST", "/api/v3/order", whole, {"x-mbx-apikey": "paper"}, b""), replies.append
    )
    return replies
