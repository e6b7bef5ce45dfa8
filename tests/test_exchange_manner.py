"""What one order may choose: self-trades, the side of its trigger, early holds, fees, its place in a pair."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from exchange_kit import SPOT, fills_in, make, terms

from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import AmendOrder, Exchange, Manner, Reply, Terms
from kedge.sim.exchange.nouns import SelfTrade

RECEIVED = terms(SPOT, fee_asset="received", maker_fee=D("0.001"), taker_fee=D("0.001"))


class Desk:
    """Orders with a manner, in one line."""

    def __init__(self, *listed: Terms, **settings: Any) -> None:
        self.exchange: Exchange = make(*(listed or (Terms(SPOT),)), id_scope="open", **settings)

    def place(self, account: str, client_id: str, side: Any, qty: Any, price: Any = 0, **more: Any) -> Reply:
        manner = {name: more.pop(name) for name in list(more) if name in Manner.__struct_fields__}
        trigger = D(str(more.pop("trigger", 0)))
        kind = ("stop_limit" if price else "stop") if trigger else ("limit" if price else "market")
        order = PlaceOrder(
            client_id, "SPOT", side, D(str(qty)), D(str(price)), kind, trigger_price=trigger, **more
        )
        return self.exchange.place(account, order, 0, Manner(**manner))

    def state(self, account: str, client_id: str) -> tuple[str, str]:
        order = self.exchange.order(account, client_id)
        assert order is not None
        return order.state.value, order.reason.partition(":")[0]

    def print_at(self, price: Any) -> None:
        """A trade of others at this price."""
        for account, side in (("bob", "sell"), ("dora", "buy")):
            self.exchange.open_account(account)
            self.exchange.place(account, PlaceOrder("", "SPOT", side, D("0.1"), D(str(price))), 0)

    def free(self, account: str, asset: str) -> D:
        return next(b.free for b in self.exchange.balances(account) if b.asset == asset)


def desk(*listed: Terms, **settings: Any) -> Desk:
    made = Desk(*listed, **settings)
    for asset in ("USD", "BTC"):
        made.exchange.transfer("dora", asset, D(100_000), 0)
    return made


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("none", ("filled", ""), ("filled", "")),
        ("cancel_oldest", ("cancelled", "self_trade"), ("open", "")),
        ("cancel_newest", ("open", ""), ("cancelled", "self_trade")),
        ("cancel_both", ("cancelled", "self_trade"), ("cancelled", "self_trade")),
    ],
)
def test_the_taker_chooses_what_a_self_trade_is(
    mode: SelfTrade, maker: tuple[str, str], taker: tuple[str, str]
) -> None:
    d = desk(self_trade="cancel_newest")
    d.place("alice", "m", "buy", 1, 100, self_trade="cancel_both")
    d.place("alice", "t", "sell", 1, 100, self_trade=mode)
    assert (d.state("alice", "m"), d.state("alice", "t")) == (maker, taker)
    assert d.exchange.faults() == []


def test_without_a_choice_it_is_the_exchanges() -> None:
    d = desk(self_trade="cancel_oldest")
    d.place("alice", "m", "buy", 1, 100)
    d.place("alice", "t", "sell", 1, 100)
    assert d.state("alice", "m") == ("cancelled", "self_trade")


def test_a_profit_is_taken_where_a_stop_would_have_fired() -> None:
    d = desk()
    d.print_at(100)
    assert d.place("alice", "low", "buy", 1, trigger=100, take_profit=True).code == "would_trigger"
    assert d.place("alice", "low", "buy", "0.5", 95, trigger=90, take_profit=True).ok
    assert d.place("alice", "high", "sell", "0.5", 105, trigger=110, take_profit=True).ok
    assert d.place("alice", "stop", "sell", "0.5", 85, trigger=88).ok
    d.print_at("89.5")
    assert d.exchange.queue("alice", "low") is not None
    assert d.exchange.queue("alice", "high") is None
    assert d.exchange.queue("alice", "stop") is None
    d.print_at(110)
    assert d.exchange.queue("alice", "high") is not None
    assert d.exchange.faults() == []


def test_a_waiting_order_may_hold_what_it_will_need() -> None:
    d = desk()
    d.print_at(100)
    before = d.free("alice", "BTC"), d.free("alice", "USD")
    assert d.place("alice", "s", "sell", 2, 90, trigger=95, holds_early=True).ok
    assert d.place("alice", "b", "buy", 2, trigger=110, holds_early=True).ok
    assert (d.free("alice", "BTC"), d.free("alice", "USD")) == (before[0] - 2, before[1] - 220)
    assert d.place("alice", "more", "sell", 99, 90, trigger=95, holds_early=True).code == "funds"
    assert d.exchange.faults() == []
    loaded = Exchange.load(d.exchange.dump())
    assert loaded.faults() == []
    assert d.exchange.amend("alice", AmendOrder("s", qty=D(1)), 0).ok
    d.exchange.cancel("alice", "b", 0)
    assert (d.free("alice", "BTC"), d.free("alice", "USD")) == (before[0] - 1, before[1])
    d.print_at("94.5")
    assert d.exchange.queue("alice", "s") is not None
    assert d.free("alice", "BTC") == before[0] - 1
    d.exchange.cancel("alice", "s", 0)
    assert d.free("alice", "BTC") == before[0]
    assert d.exchange.faults() == []


def test_of_a_pair_the_one_that_is_triggered_takes_the_others_place() -> None:
    d = desk()
    d.print_at(100)
    has = d.free("alice", "BTC")
    assert d.place("alice", "stop", "sell", has, 90, trigger=95, instead_of="limit").ok
    assert d.place("alice", "limit", "sell", has, 110).ok
    assert d.free("alice", "BTC") == 0
    d.print_at("94.5")
    assert d.state("alice", "limit") == ("cancelled", "oco")
    assert d.exchange.queue("alice", "stop") is not None, "it had what the other one held"
    assert d.exchange.faults() == []


def test_fees_are_paid_in_another_asset_while_there_is_enough() -> None:
    d = desk(RECEIVED)
    d.exchange.transfer("alice", "BNB", D("0.00035"), 0)
    d.place("bob", "m", "sell", 3, 100)
    d.exchange.take()
    for number in range(3):
        chosen = {"fee_asset": "BNB", "fee_price": D(500), "fee_cut": D("0.25")}
        d.place("alice", f"t{number}", "buy", 1, 100, **chosen)
    paid = [(fill.fee, fill.fee_asset) for fill in fills_in(d.exchange.take(), "alice")]
    assert paid == [(D("0.00015"), "BNB"), (D("0.00015"), "BNB"), (D("0.001"), "BTC")]
    assert d.free("alice", "BNB") == D("0.00005")
    assert d.exchange.faults() == []


def test_fees_are_cut_to_the_terms_own_step() -> None:
    d = desk(terms(SPOT, fee_asset="received", taker_fee=D("0.000123"), fee_step=D("0.00001")))
    d.place("bob", "m", "sell", 3, 100)
    d.exchange.take()
    d.place("alice", "t", "buy", "0.33", 100)
    assert [fill.fee for fill in fills_in(d.exchange.take(), "alice")] == [D("0.00004")]


def test_an_amend_may_give_another_id() -> None:
    d = desk()
    d.place("alice", "a", "buy", 2, 100)
    d.place("alice", "b", "buy", 2, 100)
    assert d.exchange.amend("alice", AmendOrder("a", qty=D(1), new_client_id="b"), 0).code == "id_open"
    assert d.exchange.amend("alice", AmendOrder("a", qty=D(1), new_client_id="c"), 0).ok
    assert d.exchange.order("alice", "a") is None
    assert d.state("alice", "c") == ("open", "")
    assert d.place("alice", "a", "buy", 1, 100).ok, "the old id is free"
    assert d.exchange.faults() == []
