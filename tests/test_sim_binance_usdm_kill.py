"""The futures testnet is killed: at every step of a day's work, and nothing that was said is lost.

The same script runs twice, once in one life and once in a new life after every step. What clients are shown
in the end is the same, but for numbers that only rise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from usdm_kit import BTC, SECOND_NS, World

Step = Callable[[World], object]

STEPS: tuple[Step, ...] = (
    lambda w: w.ask("POST", "v1/leverage", symbol=BTC, leverage=50),
    lambda w: w.place(newClientOrderId="rest", price="59000"),
    lambda w: w.market("BUY", "0.050", newClientOrderId="in"),
    lambda w: w.algo(clientAlgoId="stop", triggerPrice="59500", quantity="0.020"),
    lambda w: w.algo(clientAlgoId="trail", type="TRAILING_STOP_MARKET", triggerPrice=None, callbackRate="2"),
    lambda w: w.place(newClientOrderId="exit", side="SELL", price="62000", reduceOnly="true"),
    lambda w: w.ask("POST", "v1/countdownCancelAll", symbol="ETHUSDT", countdownTime=3000),
    lambda w: w.place(newClientOrderId="eth", symbol="ETHUSDT", price="2900", quantity="0.1"),
    lambda w: w.ask(
        "PUT", "v1/order", symbol=BTC, origClientOrderId="exit", side="SELL", quantity="0.010", price="61500"
    ),
    lambda w: w.move(BTC, "61000"),
    lambda w: w.ask("DELETE", "v1/order", symbol=BTC, origClientOrderId="rest"),
    lambda w: w.place(newClientOrderId="rest", price="59400"),
    lambda w: w.pass_time(4 * SECOND_NS),
    lambda w: w.move(BTC, "59300"),
    lambda w: w.ask("POST", "v1/marginType", symbol="SOLUSDT", marginType="ISOLATED"),
    lambda w: w.reply("POST", "v1/listenKey"),
)


def shown(world: World) -> dict[str, Any]:
    """What a client may ask for, without the numbers and times that differ from life to life."""
    fills = world.get("v1/userTrades", symbol=BTC)
    seen = {
        "orders": [
            (o["clientOrderId"], o["status"], o["executedQty"], o["price"], o["origQty"])
            for symbol in (BTC, "ETHUSDT")
            for o in world.get("v1/allOrders", symbol=symbol)
        ],
        "algos": [(a["clientAlgoId"], a["algoStatus"]) for a in world.get("v1/allAlgoOrders", symbol=BTC)],
        "fills": [(f["side"], f["price"], f["qty"], f["realizedPnl"], f["commission"]) for f in fills],
        "income": [(i["incomeType"], i["income"]) for i in world.get("v1/income", limit=1000)],
        "positions": [(p["symbol"], p["positionAmt"], p["entryPrice"]) for p in world.get("v3/positionRisk")],
        "balance": world.get("v2/balance")[0]["balance"],
        "leverage": world.get("v1/symbolConfig", symbol=BTC)[0]["leverage"],
        "isolated": world.get("v1/symbolConfig", symbol="SOLUSDT")[0]["marginType"],
    }
    assert len(dict.fromkeys(f["id"] for f in fills)) == len(fills)
    return seen


def run(*, kill_after: Callable[[int], bool]) -> World:
    world = World()
    for number, step in enumerate(STEPS):
        step(world)
        world.pass_time(SECOND_NS)
        if kill_after(number):
            world.begin()
    return world


def test_killed_after_every_step_it_shows_the_same() -> None:
    calm = run(kill_after=lambda number: False)
    wild = run(kill_after=lambda number: True)
    assert shown(calm) == shown(wild)
    assert wild.house.exchange.faults() == []


@pytest.mark.parametrize("at", range(len(STEPS)))
def test_what_was_said_before_a_kill_is_there_after_it(at: int) -> None:
    world = World()
    for step in STEPS[: at + 1]:
        step(world)
    before = shown(world)
    key = json.loads(world.reply("POST", "v1/listenKey").body)
    world.begin()
    assert shown(world) == before
    assert json.loads(world.reply("POST", "v1/listenKey").body) == key


def test_money_is_the_exchanges_after_many_lives() -> None:
    world = run(kill_after=lambda number: number % 2 == 0)
    cash = world.house.exchange.truth().accounts["main:usdm"].cash["USDT"]
    assert Decimal(world.get("v2/balance")[0]["balance"]) == cash
    net = sum(
        Decimal(f["qty"]) * (1 if f["side"] == "BUY" else -1) for f in world.get("v1/userTrades", symbol=BTC)
    )
    assert net == sum(p.qty for p in world.house.exchange.positions("main:usdm"))


def test_what_happens_while_the_market_joins_is_learnt_too() -> None:
    """The market of a new life may trade with what rests before the venue listens."""
    world = World()
    resting = world.place(price="59990", quantity="0.010")
    exchange = world.house.exchange
    exchange.feed(f"usdm:{BTC}", world.real_ns, mark=Decimal(59_000), index=Decimal(59_000))
    world.house.keeper.settle()
    world.begin()
    after = world.get("v1/order", symbol=BTC, orderId=resting["orderId"])
    truth = world.house.exchange.order("main:usdm", "", str(resting["orderId"]))
    assert truth is not None
    assert Decimal(after["executedQty"]) == truth.cum_qty
    assert (
        Decimal(world.get("v2/balance")[0]["balance"])
        == (world.house.exchange.truth().accounts["main:usdm"].cash["USDT"])
    )
