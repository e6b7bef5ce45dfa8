"""The doors of the futures testnet: signatures, keys, limits, doubtful answers, and the WebSocket API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from usdm_kit import BTC, MS, SECOND_NS, World, sign

from kedge.sim.binance.common import read_params
from kedge.sim.binance.keys import check_http
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Request

SAMPLE_KEY = ApiKey(
    "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83",
    "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9",
    "main",
)
SAMPLE = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
    "&recvWindow=5000&timestamp=1591702613943"
)
SAMPLE_SIGN = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
MIXED = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC",
    "quantity=1&price=9000&recvWindow=5000&timestamp=1591702613943",
)
SAMPLE_NS = 1_591_702_613_943 * MS

ORDER = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
ORDER |= {"quantity": "0.010", "price": "59000"}

# Of the Ed25519 key whose 32 bytes are 0, 1, 2 ... 31, made with another library.
PUBLIC = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
-----END PUBLIC KEY-----
"""
LOGON = "apiKey=pair&timestamp=1790000000000"
LOGON_SIGN = "4kv8VttFeNQBlMo5Nm8TTTYf4wKEMUyH3le1HEunB5+zVxUyv53gBbLpFofKWwrZowLjLhIooA20Ny+JSWjoDA=="


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"{SAMPLE}&signature={SAMPLE_SIGN}", ""),
        ("", f"{SAMPLE}&signature={SAMPLE_SIGN}"),
        (f"{SAMPLE}&signature={SAMPLE_SIGN.upper()}", ""),
        (MIXED[0], f"{MIXED[1]}&signature={sign(SAMPLE_KEY.secret, ''.join(MIXED))}"),
    ],
)
def test_the_signatures_of_the_documents(query: str, body: str) -> None:
    raw = body.encode()
    until = check_http(SAMPLE_KEY, query, raw, read_params(query, raw), SAMPLE_NS)
    assert until == SAMPLE_NS + 5 * SECOND_NS


def test_a_body_is_as_good_as_a_query_and_the_query_wins() -> None:
    world = World()
    signed = world.signed(
        {
            "symbol": BTC,
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": "59000",
        }
    )
    assert world.reply("POST", "v1/order", "", signed.encode()).status == 200
    params = f"timestamp={world.ms}&symbol=ETHUSDT"
    whole = f"symbol={BTC}{params}"
    reply = world.reply(
        "GET", "v1/openOrders", f"symbol={BTC}", f"{params}&signature={sign('paper', whole)}".encode()
    )
    assert [o["symbol"] for o in json.loads(reply.body)] == [BTC]


@pytest.mark.parametrize(
    ("off_ms", "params", "code"),
    [
        (0, {}, 0),
        (-5000, {}, 0),
        (-5001, {}, -1021),
        (999, {}, 0),
        (1000, {}, -1021),
        (-9000, {"recvWindow": 10000}, 0),
        (-200, {"recvWindow": 100}, -1021),
    ],
)
def test_the_time_window(off_ms: int, params: dict[str, Any], code: int) -> None:
    world = World()
    reply = world.reply("GET", "v2/balance", world.signed(params, off_ms=off_ms))
    said = json.loads(reply.body)
    assert (said["code"] if code else 0) == code
    assert reply.status == (400 if code else 200)


def test_who_may_not() -> None:
    world = World()
    world.secret = "wrong"
    assert world.get("v2/balance")["code"] == -1022
    world.secret = "paper"
    assert json.loads(world.reply("GET", "v2/balance", f"timestamp={world.ms}").body)["code"] == -1102
    world.key = ""
    assert world.get("v2/balance")["code"] == -2014
    world.key = "nobody"
    assert world.get("v2/balance")["code"] == -2015
    world.add_key("reader", "main", trades=False)
    world.key = "reader"
    assert world.get("v1/openOrders") == []
    assert world.place()["code"] == -2015
    world.add_key("bound", "main", ips=("10.0.0.1",))
    world.key = "bound"
    assert world.get("v2/balance")["code"] == -2015
    reply = world.reply("GET", "v2/balance", world.signed({}), peer="10.0.0.1")
    assert reply.status == 200


def test_accounts_do_not_see_each_other() -> None:
    world = World()
    order = world.place()
    world.add_key("rival", "rival")
    world.key = "rival"
    assert world.get("v1/openOrders") == []
    asked = {"symbol": BTC, "orderId": order["orderId"]}
    assert world.get("v1/order", **asked)["code"] == -2013
    assert world.ask("DELETE", "v1/order", **asked)["code"] == -2011
    assert world.get("v2/balance")[0]["balance"] == "100000.00000000"


def test_a_path_that_is_not_there() -> None:
    reply = World().reply("GET", "v1/nothing")
    assert reply.status == 404
    assert json.loads(reply.body)["code"] == -5000


def test_public_data_needs_nobody() -> None:
    world = World()
    world.key = ""
    assert world.public("v1/ping") == {}
    assert world.public("v1/time") == {"serverTime": world.ms}
    for path, params in (
        ("v1/depth", {"symbol": BTC, "limit": 100}),
        ("v1/trades", {"symbol": BTC}),
        ("v1/aggTrades", {"symbol": BTC}),
        ("v1/klines", {"symbol": BTC, "interval": "1h"}),
        ("v1/continuousKlines", {"pair": BTC, "contractType": "PERPETUAL", "interval": "5m"}),
        ("v1/premiumIndex", {}),
        ("v1/fundingRate", {}),
        ("v1/fundingInfo", {}),
        ("v1/openInterest", {"symbol": BTC}),
        ("v1/ticker/price", {}),
        ("v2/ticker/price", {"symbol": BTC}),
        ("v1/ticker/bookTicker", {"symbol": BTC}),
        ("v1/ticker/24hr", {}),
    ):
        assert world.reply("GET", path, "&".join(f"{k}={v}" for k, v in params.items())).status == 200, path
    assert world.public("v1/historicalTrades", symbol=BTC)["code"] == -2014
    assert world.public("v1/depth", symbol=BTC, limit=7)["code"] == -4021
    assert world.public("v1/klines", symbol=BTC, interval="7m")["code"] == -1120
    assert (
        world.public("v1/continuousKlines", pair="NOPE", contractType="PERPETUAL", interval="1m")["code"]
        == -4144
    )
    assert (
        world.public("v1/continuousKlines", pair=BTC, contractType="WEEKLY", interval="1m")["code"] == -4104
    )


# ── how much ────────────────────────────────────────────────────────────────────────────────────


def test_weights_are_counted_by_address_and_shown() -> None:
    world = World()
    weights = [
        int(world.reply("GET", path).headers["x-mbx-used-weight-1m"])
        for path in ("v1/ping", f"v1/depth?symbol={BTC}", "v1/ticker/24hr")
    ]
    assert weights[0] == 1
    heavy = world.reply("GET", "v1/depth", f"symbol={BTC}&limit=1000")
    assert int(heavy.headers["x-mbx-used-weight-1m"]) == weights[-1] + 20
    other = world.reply("GET", "v1/ping", peer="10.9.9.9")
    assert other.headers["x-mbx-used-weight-1m"] == "1"
    free = world.reply("POST", "v1/order", world.signed({"symbol": BTC}))
    assert int(free.headers["x-mbx-used-weight-1m"]) == weights[-1] + 20, "orders have a limit of their own"


def test_too_much_is_429_and_going_on_is_418() -> None:
    world = World()
    query = f"symbol={BTC}&limit=1000"
    statuses = [world.reply("GET", "v1/depth", query).status for _ in range(120)]
    assert set(statuses) == {200}
    refused = world.reply("GET", "v1/depth", query)
    assert refused.status == 429
    assert json.loads(refused.body)["code"] == -1003
    assert int(refused.headers["retry-after"]) >= 1
    last = [world.reply("GET", "v1/depth", query) for _ in range(10)][-1]
    assert last.status == 418
    world.pass_time(121 * SECOND_NS)
    assert world.reply("GET", "v1/ping").status == 200
    assert world.net.stats()["bans"] == 1


def test_orders_are_counted_by_account() -> None:
    world = World()
    for number in range(200):
        world.place(symbol="ETHUSDT", quantity="0.1", price=str(2000 + number))
    for number in range(99):
        world.place(price=str(50_000 + number))
    reply = world.reply(
        "POST",
        "v1/order",
        world.signed(
            {
                "symbol": BTC,
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01",
                "price": "59000",
            }
        ),
    )
    assert (reply.headers["x-mbx-order-count-10s"], reply.headers["x-mbx-order-count-1m"]) == ("300", "300")
    said = world.place(price="58000")
    assert said["code"] == -1015
    world.pass_time(10 * SECOND_NS)
    assert world.place(symbol="ETHUSDT", quantity="0.1", price="1999")["code"] == -2025
    assert world.place(price="58000")["status"] == "NEW"


# ── doubtful answers ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "status", "code", "done"),
    [
        ("usdm_unknown", 503, -1000, True),
        ("usdm_unavailable", 503, 0, False),
        ("usdm_overload", 503, -1008, False),
        ("usdm_internal", 503, -1001, False),
        ("usdm_timeout", 408, -1007, True),
        ("usdm_bad_bus", 500, -1006, True),
        ("usdm_engine_window", 400, -5028, False),
    ],
)
@pytest.mark.parametrize("deed", [True, False])
def test_what_was_done_and_what_was_said(kind: str, status: int, code: int, done: bool, deed: bool) -> None:
    world = World()
    world.fault(kind, deed=deed)
    signed = world.signed({**ORDER, "newClientOrderId": "x"})
    reply = world.reply("POST", "v1/order", signed)
    assert (reply.status, json.loads(reply.body)["code"]) == (status, code)
    found = world.get("v1/order", symbol=BTC, origClientOrderId="x")
    assert ("orderId" in found) == (done and deed)


def test_what_reduces_is_exempt_from_overload() -> None:
    world = World()
    world.market("BUY", "0.010")
    order = world.place()
    world.fault("usdm_overload", count=0)
    assert world.place()["code"] == -1008
    assert world.market("SELL", "0.005", reduceOnly="true")["status"] == "FILLED"
    assert world.ask("DELETE", "v1/order", symbol=BTC, orderId=order["orderId"])["status"] == "CANCELED"


def test_a_fault_may_choose_its_victim() -> None:
    world = World()
    world.fault("usdm_unknown", client_id="this one", count=0)
    assert world.place(newClientOrderId="that")["status"] == "NEW"
    world.fault("usdm_unknown", symbol="ETHUSDT")
    assert world.place()["status"] == "NEW"
    assert world.place(symbol="ETHUSDT", price="2900", quantity="0.1")["code"] == -1000


def test_switches_are_turned_at_the_control_door() -> None:
    world = World()
    world.fault("usdm_switch", value="gtx=expire")
    assert world.usdm.switches.gtx == "expire"
    for wrong in ("gtx=maybe", "nothing=1", "nonsense"):
        with pytest.raises(ValueError, match=r"."):
            world.fault("usdm_switch", value=wrong)


# ── the WebSocket API ───────────────────────────────────────────────────────────────────────────

ORDER = {
    "symbol": BTC,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.010",
    "price": "59000",
}


def test_orders_over_a_socket() -> None:
    world = World()
    api = world.api()
    said = world.call(api, "order.place", **ORDER, newClientOrderId="ws")
    assert (said["status"], said["id"], said["result"]["status"]) == (200, 1, "NEW")
    assert [row["count"] for row in said["rateLimits"]] == [5, 1, 1]
    number = said["result"]["orderId"]
    shown = world.call(api, "order.status", symbol=BTC, origClientOrderId="ws")
    assert shown["result"]["orderId"] == number
    change = {**ORDER, "orderId": number, "price": "58000"}
    del change["type"], change["timeInForce"]
    assert world.call(api, "order.modify", **change)["result"]["price"] == "58000.00"
    assert world.call(api, "v1/order.cancel", symbol=BTC, orderId=number)["result"]["status"] == "CANCELED"
    again = world.call(api, "order.cancel", symbol=BTC, orderId=number)
    assert (again["status"], again["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})
    stop = {"algoType": "CONDITIONAL", "symbol": BTC, "side": "SELL", "type": "STOP_MARKET"}
    algo = world.call(api, "algoOrder.place", **stop, quantity="0.010", triggerPrice="59000")["result"]
    assert world.call(api, "algoOrder.cancel", algoId=algo["algoId"])["result"]["code"] == "200"


def test_questions_over_a_socket() -> None:
    world = World()
    api = world.api()
    world.market("BUY", "0.010")
    assert world.call(api, "v2/account.balance")["result"][0]["asset"] == "USDT"
    assert world.call(api, "v2/account.status")["result"]["positions"][0]["positionAmt"] == "0.010"
    assert len(world.call(api, "v2/account.position")["result"]) == 1
    assert len(world.call(api, "account.position")["result"]) == 4
    assert "positions" in world.call(api, "account.status")["result"]
    assert api.tell(id="a", method="ticker.price", params={"symbol": BTC})["result"]["price"] == "60000.10"
    assert "lastUpdateId" in api.tell(id="a", method="ticker.book", params={"symbol": BTC})["result"]
    assert len(api.tell(id=None, method="depth", params={"symbol": BTC, "limit": 5})["result"]["bids"]) == 5
    hidden = api.tell(id=1, method="ticker.price", params={"symbol": BTC, "returnRateLimits": False})
    assert "rateLimits" not in hidden


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"{", -1135),
        (b"[]", -1135),
        (b'{"id":1}', -1135),
        (b'{"id":1,"method":"order.dance"}', -1020),
        (b'{"id":1,"method":"session.dance"}', -1020),
        (b'{"id":1,"method":"order.place","params":{}}', -2014),
        (b'{"id":1,"method":"order.place","params":[]}', -1135),
        (b'{"id":1,"method":"depth"}', -1102),
        (b'{"id":1,"method":"depth","params":null}', -1102),
    ],
)
def test_frames_that_are_no_requests(frame: bytes, code: int) -> None:
    api = World().api()
    assert api.visitor is not None
    api.visitor.heard(frame)
    assert api.frames[0]["error"]["code"] == code
    assert api.closed is None


def test_signatures_over_a_socket_are_sorted() -> None:
    world = World()
    api = world.api()
    world.secret = "wrong"
    assert world.call(api, "v2/account.balance")["error"]["code"] == -1022


def test_a_session_is_for_keys_of_another_kind() -> None:
    world = World()
    api = world.api()
    assert world.call(api, "session.logon")["error"]["code"] == -4056
    assert api.tell(id=1, method="session.status")["result"]["apiKey"] is None


def test_a_session_needs_no_signatures() -> None:
    world = World()
    world.house.add_key(ApiKey("pair", PUBLIC, "main"))
    api = world.api()
    assert LOGON.endswith(str(world.ms))
    params = {"apiKey": "pair", "timestamp": world.ms, "signature": LOGON_SIGN}
    said = api.tell(id=1, method="session.logon", params=params)
    assert said["result"]["apiKey"] == "pair"
    placed = api.tell(id=2, method="order.place", params={**ORDER, "timestamp": world.ms})
    assert placed["result"]["status"] == "NEW"
    assert api.tell(id=3, method="order.place", params=ORDER)["error"]["code"] == -1102
    api.tell(id=4, method="session.logout")
    assert (
        api.tell(id=5, method="order.place", params={**ORDER, "timestamp": world.ms})["error"]["code"]
        == -2014
    )


def test_a_handshake_has_its_weight() -> None:
    world = World()
    world.api()
    assert world.reply("GET", "v1/ping").headers["x-mbx-used-weight-1m"] == "6"
    found = world.net.socket(Request("GET", "/ws-fapi/v2", "", {}, b""), world.open("/public/ws"))
    assert getattr(found, "status", 0) == 404


def test_doubts_come_by_sockets_too() -> None:
    world = World()
    api = world.api()
    world.fault("usdm_timeout", path="/ws-fapi")
    assert world.place()["status"] == "NEW", "another door"
    said = world.call(api, "order.place", **ORDER, newClientOrderId="w")
    assert (said["status"], said["error"]["code"]) == (408, -1007)
    assert world.get("v1/order", symbol=BTC, origClientOrderId="w")["status"] == "NEW"


@pytest.mark.parametrize("deed", [True, False])
def test_an_answer_of_ones_choice(deed: bool) -> None:
    world = World()
    api = world.api()
    world.fault("api_error", path="/ws-fapi/v1/order.place", error="usdm_unknown", deed=deed)
    assert world.call(api, "v2/account.balance")["status"] == 200, "another method"
    said = world.call(api, "order.place", **ORDER, newClientOrderId="w")
    assert (said["status"], said["error"]["code"]) == (503, -1000)
    assert ("orderId" in world.get("v1/order", symbol=BTC, origClientOrderId="w")) == deed
    world.fault("api_error", path="/ws-fapi", status=502, body="Bad Gateway")
    said = world.call(api, "order.place", **ORDER)
    assert (said["status"], said["error"]) == (502, {"code": -1000, "msg": "Bad Gateway"})


def test_a_banned_address_is_shown_the_door() -> None:
    world = World()
    api = world.api()
    for number in range(140):
        if api.closed is None:
            api.tell(id=number, method="depth", params={"symbol": BTC, "limit": 1000})
    assert api.frames[-1]["status"] == 418
    assert api.closed is not None
