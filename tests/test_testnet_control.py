"""The control door's orders, one by one, on the toy: what they do and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_testnet import SECOND, START_NS, SYMBOL, Toy, a_setup, an_order, asked

from kedge.sim.testnet.control import Control
from kedge.sim.testnet.faulty import Faulty
from kedge.sim.testnet.hand import Hand


class Room:
    def __init__(self) -> None:
        self.toy = Toy(a_setup(lambda: START_NS))
        self.due: list[Callable[[], None]] = []
        self.faulty = Faulty(self.toy, self.toy.house.faults, self._later, self.toy.house.account_of)
        self.control = Control(Hand(self.toy, self.faulty), self._later)
        self.exchange = self.toy.house.exchange

    def _later(self, after_ns: int, do: Callable[[], None]) -> None:
        self.due.append(do)

    def say(self, do: str, **members: object) -> dict[str, Any]:
        return self.control.answer(json.dumps({"do": do, **members}).encode())

    def must(self, do: str, **members: object) -> dict[str, Any]:
        answer = self.say(do, **members)
        assert answer["ok"], answer
        return answer

    def buy(self, qty: str = "0.5", price: str = "61000") -> None:
        assert self.toy.http(asked("POST", "/order", an_order("a", qty=qty, price=price))).status == 200

    def cash(self, asset: str) -> Decimal:
        return next(b.total for b in self.exchange.balances("main") if b.asset == asset)


def test_price_counter_clock() -> None:
    room = Room()
    room.must("price", symbol=SYMBOL, price="61000")
    assert room.exchange.market(SYMBOL).mark == 61_000
    assert room.must("counter", symbol=SYMBOL, side="sell", qty="0.5")["filled"] == "0.5"
    room.must("counter", symbol=SYMBOL, side="buy", qty="0.5", price="60000", tif="gtc")
    assert any(level.price == 60_000 for level in room.exchange.book(SYMBOL, 0).bids)
    before = room.toy.house.now_ns()
    assert room.must("clock", advance_ns=5 * SECOND)["now_ns"] == before + 5 * SECOND


def test_funding_now() -> None:
    room = Room()
    room.buy()
    before = room.cash("USDT")
    assert room.must("fund", symbol=SYMBOL, rate="0.001")["rate"] == "0.001"
    mark = room.exchange.market(SYMBOL).mark
    assert room.cash("USDT") == before - mark * Decimal("0.0005")
    assert "has no funding" in room.say("fund", symbol="spot:BTCUSDT")["text"]


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_position_is_taken_away(side: str) -> None:
    room = Room()
    price = "61000" if side == "buy" else "59000"
    order = an_order("a", side=side, qty="5", price=price)
    assert room.toy.http(asked("POST", "/order", order)).status == 200
    room.must("deposit", account="main", asset="USDT", amount="-60000")
    mark = room.exchange.market(SYMBOL).mark
    room.must("liquidate", account="main", symbol=SYMBOL)
    assert room.exchange.positions("main") == ()
    assert room.exchange.market(SYMBOL).mark == mark
    assert room.exchange.fills("main").items[-1].kind == "liquidation"
    assert room.exchange.faults() == []


def test_who_is_too_rich_is_not_liquidated() -> None:
    room = Room()
    room.buy(qty="0.01")
    assert "no price" in room.say("liquidate", account="main", symbol=SYMBOL)["text"]
    assert room.exchange.positions("main")
    assert "has no position" in room.say("liquidate", account="main", symbol="linear:ETHUSDT")["text"]


def test_halt_and_resume() -> None:
    room = Room()
    room.must("halt", symbol=SYMBOL)
    assert not room.exchange.market(SYMBOL).open
    room.must("resume", symbol=SYMBOL)
    assert room.exchange.market(SYMBOL).open


def test_keys_and_money() -> None:
    room = Room()
    room.must("key", key="k", secret="s", account="hedge", withdraws=True, ips=["10.1.1.1"])
    key = room.toy.house.keys["k"]
    assert (key.account, key.reads, key.withdraws, key.ips) == ("hedge", True, True, ("10.1.1.1",))
    assert "hedge" in room.exchange.accounts()
    before = room.cash("USDT")
    room.must("deposit", account="main", asset="USDT", amount="12.5")
    assert room.cash("USDT") == before + Decimal("12.5")


def test_a_later_pause_has_its_own_end() -> None:
    room = Room()
    room.must("pause", for_ns=SECOND)
    room.must("pause", for_ns=2 * SECOND)
    room.due[0]()
    assert room.faulty.paused
    room.due[1]()
    assert not room.faulty.paused
    room.must("pause", for_ns=SECOND)
    room.must("unpause")
    assert not room.must("stats")["paused"]


def test_faults_are_armed_and_cleared() -> None:
    room = Room()
    assert room.must("fault", fault={"kind": "cut", "count": 0})["number"] == 1
    assert room.must("fault", fault={"kind": "service_restart"})["number"] == 0
    stats = room.must("stats")
    assert stats["faults_armed"] == [{"kind": "cut", "count": 0}]
    assert stats["faults_fired"] == {"service_restart": 1}
    assert room.must("clear")["cleared"] == 1


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"do": "price", "symbol": "X", "price": "1"}, "There is no instrument X."),
        ({"do": "price", "symbol": SYMBOL, "price": "0"}, "A price is above zero."),
        ({"do": "price", "symbol": SYMBOL, "price": "one"}, "not a number"),
        ({"do": "price", "symbol": SYMBOL}, "Not an order"),
        ({"do": "deposit", "account": "x", "asset": "USDT", "amount": "1"}, "There is no account x."),
        ({"do": "deposit", "account": "~fees", "asset": "USDT", "amount": "1"}, "There is no account"),
        ({"do": "deposit", "account": "main", "asset": "USDT", "amount": "-1e9"}, "free"),
        ({"do": "counter", "symbol": SYMBOL, "side": "buy", "qty": "0"}, ""),
        ({"do": "fault", "fault": {"kind": "rain"}}, "There is no fault rain"),
        ({"do": "fault", "fault": {"kind": 1}}, "Not a fault"),
        ({"do": "fault", "fault": {"kind": "error", "status": 7}}, "Not a fault"),
        ({"do": "clock", "advance_ns": -1}, "Not an order"),
    ],
)
def test_what_cannot_be_done_is_said(order: dict[str, object], words: str) -> None:
    answer = Room().control.answer(json.dumps(order).encode())
    assert not answer["ok"]
    assert words in answer["text"]


@given(st.binary(max_size=200) | st.sampled_from([b"[" * 5000, b'{"do":"fault","fault":nul']))
def test_any_bytes_are_answered(line: bytes) -> None:
    answer = _ROOM.control.answer(line)
    assert isinstance(answer["ok"], bool)


_ROOM = Room()
