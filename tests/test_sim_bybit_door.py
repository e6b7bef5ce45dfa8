"""The doors of the Bybit testnet: signatures, time windows, keys, rights, addresses, budgets, parameters."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_bybit_kit import SECOND_NS, World

from kedge.sim.bybit import params
from kedge.sim.bybit.access import signature
from kedge.sim.bybit.limits import Limits, Rolling
from kedge.sim.bybit.params import Refused
from kedge.sim.testnet.web import Request

WALLET = "/v5/account/wallet-balance"
CREATE = "/v5/order/create"


def test_a_signature_is_made_over_the_raw_request() -> None:
    """The documents' sample with a secret of our own, computed apart: `openssl dgst -sha256 -hmac secret`."""
    query = b"category=option&symbol=BTC-29JUL22-25000-C"
    said = signature("secret", "1658384314791", "XXXXXXXXXX", "5000", query)
    assert said == "02e9182e346177050f199ce1e0703d738589e3763805ed71590ced65539a73a7"


def test_the_order_of_a_query_is_the_clients() -> None:
    client = World().client()
    for query in ("accountType=UNIFIED&coin=BTC", "coin=BTC&accountType=UNIFIED"):
        assert json.loads(client.reply("GET", WALLET, query).body)["retCode"] == 0


def test_a_changed_byte_is_a_wrong_signature() -> None:
    world = World()
    client = world.client()
    signed = client.sign('{"category": "linear"}', world.ms)
    request = Request("POST", CREATE, "", signed, b'{"category":"linear"}')
    assert json.loads(world.net.http(request).body)["retCode"] == 10004


@pytest.mark.parametrize(
    ("off_ms", "window", "code"),
    [(0, "5000", 0), (-5000, "5000", 0), (-5001, "5000", 10002), (999, "5000", 0), (1000, "5000", 10002)],
)
def test_the_time_window(off_ms: int, window: str, code: int) -> None:
    world = World()
    signed = world.client().sign("accountType=UNIFIED", world.ms + off_ms, window)
    said = world.net.http(Request("GET", WALLET, "accountType=UNIFIED", signed, b""))
    assert said.status == 200
    assert json.loads(said.body)["retCode"] == code


def test_no_signature_and_no_such_key() -> None:
    world = World()
    said = world.net.http(Request("GET", WALLET, "accountType=UNIFIED", {}, b""))
    assert said.status == 401
    client = world.client()
    client.name = "nobody"
    assert client.get(WALLET, accountType="UNIFIED")["retCode"] == 10003


def test_rights_and_addresses() -> None:
    world = World()
    reader = world.key("reader", trades=False)
    assert reader.get(WALLET, accountType="UNIFIED")["retCode"] == 0
    assert reader.create()["retCode"] == 10005
    bound = world.key("bound", ips=("10.0.0.1",))
    assert bound.get(WALLET, accountType="UNIFIED")["retCode"] == 10010
    bound.peer = "10.0.0.1"
    assert bound.get(WALLET, accountType="UNIFIED")["retCode"] == 0


def test_two_keys_may_have_one_account_and_others_another() -> None:
    world = World()
    second, other = world.key("second"), world.key("hedge", "hedge")
    order = world.client().place()
    assert second.order(order)["orderId"] == order
    assert other.ask("/v5/order/realtime", category="linear", orderId=order)["list"] == []


def test_the_key_tells_its_rights() -> None:
    world = World()
    rights = world.key("all", withdraws=True).ask("/v5/user/query-api")
    assert "Withdraw" in rights["permissions"]["Wallet"]
    assert rights["readOnly"] == 0
    assert world.key("look", trades=False).ask("/v5/user/query-api")["readOnly"] == 1


def test_ten_deeds_a_second_and_headers_that_count() -> None:
    world = World()
    client = world.client()
    codes = []
    for number in range(12):
        codes.append(client.create(orderLinkId=f"n{number}")["retCode"])
        assert client.headers["x-bapi-limit"] == "10"
        assert client.headers["x-bapi-limit-status"] == str(max(9 - number, 0))
    assert codes == [0] * 10 + [10006] * 2
    reset_ms = int(client.headers["x-bapi-limit-reset-timestamp"])
    assert reset_ms == world.ms + 1000
    world.now_ns += SECOND_NS
    assert client.create(orderLinkId="later")["retCode"] == 0
    assert world.net.stats()["refused"] == 2


def test_spot_and_derivatives_have_budgets_of_their_own() -> None:
    client = World(limits=Limits(deeds=1, deeds_spot=1)).client()
    assert client.create("linear")["retCode"] == 0
    assert client.create("spot")["retCode"] == 0
    assert client.create("linear")["retCode"] == 10006


def test_an_address_that_asks_too_much_is_shut_out_for_ten_minutes() -> None:
    world = World(limits=Limits(ip_requests=5))
    client = world.client()
    statuses = [client.reply("GET", "/v5/market/time").status for _ in range(7)]
    assert statuses == [200] * 5 + [403] * 2
    assert world.net.stats()["bans"] == 1
    world.now_ns += 599 * SECOND_NS
    assert client.reply("GET", "/v5/market/time").status == 403
    world.now_ns += 2 * SECOND_NS
    assert client.reply("GET", "/v5/market/time").status == 200


def test_paths_and_methods_that_are_not_there() -> None:
    client = World().client()
    assert client.get("/v5/nothing")["http"] == 404
    assert client.get(CREATE)["http"] == 404
    assert client.reply("GET", "/v5/market/time", body="{}").status == 403


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "7", "null", '"x"', "\x00", '{"category": "linear"', '{"category": 7}']
)
def test_bodies_that_cannot_be_read(body: str) -> None:
    said = World().client().reply("POST", CREATE, body=body)
    assert said.status == 200
    assert json.loads(said.body)["retCode"] == 10001


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("qty", 0.01),
        ("qty", "1e-2"),
        ("qty", "NaN"),
        ("qty", "-1"),
        ("qty", "0.0000000000000000001"),
        ("price", "abc"),
        ("price", None),
        ("side", "buy"),
        ("orderType", "limit"),
        ("reduceOnly", "true"),
        ("positionIdx", 1),
        ("positionIdx", 1.0),
        ("timeInForce", "GTX"),
        ("orderLinkId", "a" * 37),
        ("orderLinkId", "no spaces"),
        ("symbol", "NOSUCH"),
        ("qty", "0.0015"),
        ("price", "59000.05"),
    ],
)
def test_strict_parameters(member: str, value: object) -> None:
    client = World().client()
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"}
    said = client.post(CREATE, category="linear", **{**order, member: value})
    assert said["retCode"] == 10001, said


def test_null_is_nothing() -> None:
    client = World().client()
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"}
    said = client.post(
        CREATE, category="linear", orderLinkId=None, triggerPrice=None, reduceOnly=None, **order
    )
    assert said["retCode"] == 0


@given(st.binary(max_size=300))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with suppress(Refused):
        params.of_body(body)


@given(st.text(max_size=200))
def test_any_query_is_read(query: str) -> None:
    read = params.of_query(query)
    with suppress(Refused):
        read.limit(20, 50)
        read.span(1_000, 7, 7)
        read.amount("qty")


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 5)), max_size=60))
def test_never_more_than_the_limit_within_any_second(asks: list[tuple[int, int]]) -> None:
    rolling, now, taken = Rolling(10, 1000), 0, []
    for gap, many in asks:
        now += gap
        taken += [now] * rolling.take(now, many).granted
        assert sum(at > now - 1000 for at in taken) <= 10


NASTY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBER_NAMES = (
    *("category", "symbol", "side", "orderType", "qty", "price", "request", "triggerPrice", "orderLinkId"),
    *("takeProfit", "slippageTolerance", "bboLevel", "marketUnit", "timeInForce", "orderId", "settleCoin"),
)
MEMBERS = st.sampled_from(MEMBER_NAMES)
ORDERS = st.sampled_from(["create", "amend", "cancel", "create-batch", "cancel-all", "pre-check"])
WORLD = World(limits=Limits(deeds=10**6, deeds_spot=10**6, ip_requests=10**6))


@given(ORDERS, st.dictionaries(MEMBERS, NASTY, max_size=6), st.sampled_from(["linear", "spot", "inverse"]))
def test_no_deed_breaks_the_venue(path: str, body: dict[str, object], category: str) -> None:
    """Whatever a client sends is answered with a code; nothing raises, nothing is half done."""
    raw = json.dumps({"category": category, "symbol": "BTCUSDT", **body})
    said = WORLD.client().reply("POST", f"/v5/order/{path}", body=raw)
    assert said.status == 200
    assert isinstance(json.loads(said.body)["retCode"], int)
    assert WORLD.net.house.exchange.faults() == []
