"""Laws of the futures testnet: whatever is asked of it, money and papers agree, and nothing makes it fall."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from usdm_kit import BTC, SECOND_NS, World

from kedge.sim.testnet.web import Request

PRICES = ["58000", "59990", "60000", "60000.1", "60010", "62000", "59000.05", "-1", "x"]
QTYS = ["0.002", "0.010", "0.500", "3", "0", "0.0001"]
SIDES = st.sampled_from(["BUY", "SELL"])

placing = st.tuples(
    st.just("place"),
    st.fixed_dictionaries(
        {
            "side": SIDES,
            "quantity": st.sampled_from(QTYS),
            "price": st.sampled_from(PRICES),
            "timeInForce": st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
            "reduceOnly": st.sampled_from(["true", "false"]),
            "newClientOrderId": st.sampled_from(["a", "b", "c"]),
            "selfTradePreventionMode": st.sampled_from(["EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"]),
        }
    ),
)
trading = st.tuples(
    st.just("market"), st.fixed_dictionaries({"side": SIDES, "quantity": st.sampled_from(QTYS)})
)
waiting = st.tuples(
    st.just("algo"),
    st.fixed_dictionaries(
        {
            "side": SIDES,
            "type": st.sampled_from(["STOP_MARKET", "TAKE_PROFIT_MARKET"]),
            "quantity": st.sampled_from(QTYS),
            "triggerPrice": st.sampled_from(PRICES),
            "clientAlgoId": st.sampled_from(["s", "t"]),
        }
    ),
)
changing = st.tuples(
    st.just("modify"),
    st.fixed_dictionaries(
        {
            "origClientOrderId": st.sampled_from(["a", "b"]),
            "side": SIDES,
            "quantity": st.sampled_from(QTYS),
            "price": st.sampled_from(PRICES),
        }
    ),
)
cancelling = st.tuples(
    st.just("cancel"), st.fixed_dictionaries({"origClientOrderId": st.sampled_from(["a", "b", "c"])})
)
moving = st.tuples(
    st.just("move"),
    st.fixed_dictionaries({"price": st.sampled_from(["57000", "59500", "60000", "60500", "63000"])}),
)
killing = st.tuples(st.just("kill"), st.just({}))
deeds = st.lists(
    st.one_of(placing, trading, waiting, changing, cancelling, moving, killing), min_size=1, max_size=25
)


def do(world: World, kind: str, params: dict[str, Any], leg: str) -> None:
    side = {"positionSide": leg} if leg else {}
    if leg and "reduceOnly" in params:
        params = {name: value for name, value in params.items() if name != "reduceOnly"}
    if kind == "place":
        world.place(**params, **side)
    elif kind == "market":
        world.market(params["side"], params["quantity"], **side)
    elif kind == "algo":
        world.algo(**params, **side)
    elif kind == "modify":
        world.ask("PUT", "v1/order", symbol=BTC, **params)
    elif kind == "cancel":
        world.ask("DELETE", "v1/order", symbol=BTC, **params)
    elif kind == "kill":
        world.begin()
    else:
        world.move(BTC, params["price"])


def check(world: World) -> None:
    """Papers and money agree."""
    exchange = world.house.exchange
    assert exchange.faults() == []
    truth = exchange.truth().accounts["main:usdm"]
    fills = world.get("v1/userTrades", symbol=BTC, limit=1000)
    net = sum(Decimal(f["qty"]) * (1 if f["side"] == "BUY" else -1) for f in fills)
    held = {p.symbol: p.qty for p in exchange.positions("main:usdm")}
    assert net == held.get(f"usdm:{BTC}", 0)
    legs = world.get("v2/positionRisk", symbol=BTC)
    assert sum(Decimal(p["positionAmt"]) for p in legs) == net
    income = sum(Decimal(row["income"]) for row in world.get("v1/income", limit=1000))
    wallet = Decimal(world.get("v2/balance")[0]["balance"])
    assert wallet == income
    unrealised = sum(Decimal(p["unRealizedProfit"]) for p in legs)
    mark = exchange.market(f"usdm:{BTC}").mark
    equity = truth.cash["USDT"] + net * mark - truth.entered.get("USDT", Decimal(0))
    assert abs(wallet + unrealised - equity) < Decimal("1e-7")
    by_order: dict[int, Decimal] = {}
    for fill in fills:
        by_order[fill["orderId"]] = by_order.get(fill["orderId"], Decimal(0)) + Decimal(fill["qty"])
    orders = world.get("v1/allOrders", symbol=BTC, limit=1000)
    assert {o["orderId"]: Decimal(o["executedQty"]) for o in orders if Decimal(o["executedQty"])} == by_order
    live = {o["orderId"] for o in orders if o["status"] in ("NEW", "PARTIALLY_FILLED")}
    assert live == {int(o.venue_id) for o in exchange.open_orders("main:usdm")}


@settings(max_examples=60, deadline=None)
@given(deeds)
def test_papers_and_money_agree(script: list[tuple[str, dict[str, Any]]]) -> None:
    world = World()
    for kind, params in script:
        do(world, kind, params, "")
        world.pass_time(SECOND_NS)
    check(world)


@settings(max_examples=40, deadline=None)
@given(deeds, st.lists(st.sampled_from(["LONG", "SHORT"]), min_size=25, max_size=25))
def test_with_two_legs_too(script: list[tuple[str, dict[str, Any]]], legs: list[str]) -> None:
    world = World()
    world.ask("POST", "v1/positionSide/dual", dualSidePosition="true")
    for (kind, params), leg in zip(script, legs, strict=False):
        do(world, kind, params, leg)
        world.pass_time(SECOND_NS)
    check(world)
    for row in world.get("v2/positionRisk", symbol=BTC):
        assert Decimal(row["positionAmt"]) * (1 if row["positionSide"] == "LONG" else -1) >= 0


METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])
PATHS = st.sampled_from(sorted({path for _, path in World().usdm.door.operations}))
NAMES = [
    "symbol",
    "side",
    "type",
    "quantity",
    "price",
    "limit",
    "orderId",
    "batchOrders",
    "startTime",
    "interval",
]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=12)), max_size=6)


@settings(max_examples=150, deadline=None)
@given(METHODS, PATHS, PAIRS, st.binary(max_size=40))
def test_no_request_makes_it_fall(method: str, path: str, pairs: list[tuple[str, str]], body: bytes) -> None:
    world = World()
    signed = world.signed(dict(pairs))
    for query in (signed, "&".join(f"{n}={v}" for n, v in pairs)):
        reply = world.net.http(Request(method, path, query, {"x-mbx-apikey": "paper"}, body))
        assert 200 <= reply.status < 500
        json.loads(reply.body)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=5))
def test_no_frame_makes_it_fall(frames: list[bytes]) -> None:
    world = World()
    for ears in (world.open("/public/ws"), world.api()):
        assert ears.visitor is not None
        for frame in frames:
            ears.visitor.heard(frame)
            ears.visitor.pinged(frame)
            ears.visitor.ponged(frame)
        ears.visitor.gone()


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda x: (
            st.lists(x, max_size=4)
            | st.dictionaries(st.sampled_from(["method", "id", "params", "symbol", "apiKey"]), x, max_size=4)
        ),
    )
)
def test_no_json_makes_it_fall(value: Any) -> None:
    world = World()
    for ears in (world.open("/private/ws"), world.api()):
        assert ears.visitor is not None
        ears.visitor.heard(json.dumps(value).encode())
        ears.visitor.heard(json.dumps({"method": "order.place", "id": 1, "params": value}).encode())
        ears.visitor.heard(json.dumps({"method": "SUBSCRIBE", "id": value, "params": value}).encode())
