"""What one order may choose: self-trades, the side of its trigger, early holds, fees, its place in a pair."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from exchange_kit import PERP, SPOT, fills_in, make, terms

from kedge.model.order import State, Tif
from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import AmendOrder, Exchange, Manner, OrderChanged, Reply, Terms
from kedge.sim.exchange.nouns import SelfTrade

RECEIVED = terms(SPOT, fee_asset="received", maker_fee=D("0.001"), taker_fee=D("0.001"))


class Desk:
    """Orders with a manner, in one line."""

    def __init__(self, *listed: Terms, **settings: Any) -> None:
        self.exchange: Exchange = make(*(listed or (Terms(SPOT),)), **{"id_scope": "open", **settings})

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


def ends_of(d: Desk, account: str, client_id: str) -> list[str]:
    """The last words on an order, as they were told."""
    told = [h.order for h in d.exchange.take() if isinstance(h, OrderChanged) and h.account == account]
    return [o.state.value for o in told if o.client_id == client_id and o.state is not State.OPEN]


@pytest.mark.parametrize(("tif", "end"), [("fok", "expired"), ("gtc", "open")])
def test_an_order_that_is_named_as_its_own_pair_does_not_end_itself(tif: Tif, end: str) -> None:
    d = desk()
    d.print_at(100)
    assert d.place("alice", "s", "sell", 1, 95, trigger=95, instead_of="s", holds_early=True, tif=tif).ok
    d.print_at(94)
    assert d.state("alice", "s")[0] == end
    assert ends_of(d, "alice", "s") == ([end] if end != "open" else [])
    assert d.exchange.faults() == []


def test_the_pair_holds_when_the_other_order_gets_another_id() -> None:
    d = desk()
    d.print_at(100)
    has = d.free("alice", "BTC")
    d.place("alice", "stop", "sell", has, 90, trigger=95, instead_of="limit")
    d.place("alice", "limit", "sell", has, 110)
    assert d.exchange.amend("alice", AmendOrder("limit", new_client_id="later"), 0).ok
    d.print_at("94.5")
    assert d.state("alice", "later") == ("cancelled", "oco")
    assert d.exchange.queue("alice", "stop") is not None


@pytest.mark.parametrize("amend_qty", ["total", "fresh"])
def test_an_early_hold_outlives_an_amend_by_cancel_and_new(amend_qty: str) -> None:
    d = desk(amend="cancel_new", amend_qty=amend_qty)
    d.print_at(100)
    has = d.free("alice", "BTC")
    d.place("alice", "s", "sell", 2, 90, trigger=95, holds_early=True)
    assert d.exchange.amend("alice", AmendOrder("s", qty=D(3)), 0).ok
    assert d.free("alice", "BTC") == has - 3
    assert d.exchange.amend("alice", AmendOrder("s", qty=D(4), new_client_id="s2"), 0).ok
    assert d.free("alice", "BTC") == has - 4
    assert d.exchange.faults() == []
    assert d.exchange.amend("alice", AmendOrder("s2", qty=D(99), trigger_price=D(96)), 0).ok
    d.place("alice", "other", "sell", has - 99, 110)
    assert d.exchange.amend("alice", AmendOrder("s2", qty=D(100)), 0).code == "funds"
    assert d.state("alice", "s2") == ("cancelled", "funds")
    assert d.free("alice", "BTC") == 99
    assert d.exchange.faults() == []


def test_promises_are_not_held_early() -> None:
    """A derivative's stop is asked for its margin when it fires, and not before."""
    d = desk(Terms(SPOT), Terms(PERP))
    want = PlaceOrder("s", "PERP", "buy", D(100), D(0), "stop", trigger_price=D(10**6))
    d.exchange.transfer("pete", "USD", D(1), 0)
    d.exchange.place("bob", PlaceOrder("m", "PERP", "sell", D(100), D(100)), 0)
    assert d.exchange.place("pete", want, 0, Manner(holds_early=True)).ok
    assert d.free("pete", "USD") == 1
    assert d.exchange.faults() == []


def test_another_id_alone_is_told() -> None:
    d = desk()
    was = d.place("alice", "a", "buy", 2, 100).order
    spot = d.exchange.queue("alice", "a")
    d.exchange.take()
    now = d.exchange.amend("alice", AmendOrder("a", new_client_id="b"), 0).order
    assert was is not None
    assert now is not None
    assert (now.client_id, now.venue_id) == ("b", was.venue_id)
    assert now.version > was.version
    assert [h.order for h in d.exchange.take() if isinstance(h, OrderChanged)] == [now]
    assert d.exchange.queue("alice", "b") == spot, "it kept its place"


@pytest.mark.parametrize("amend", ["in_place", "cancel_new"])
@pytest.mark.parametrize(("scope", "code"), [("forever", "id_used"), ("open", "")])
def test_an_id_that_was_given_up_is_as_used_as_any(amend: str, scope: str, code: str) -> None:
    d = desk(amend=amend, id_scope=scope)
    d.place("alice", "a", "buy", 2, 100)
    assert d.exchange.amend("alice", AmendOrder("a", qty=D(1), new_client_id="b"), 0).ok
    assert d.exchange.order("alice", "a") is None
    assert d.exchange.amend("alice", AmendOrder("a", qty=D(1)), 0).code == "not_found"
    assert d.place("alice", "a", "buy", 1, 100).code == code
    assert d.place("alice", "b", "buy", 1, 100).code == "id_open"
    assert d.exchange.faults() == []


@pytest.mark.parametrize("kind", ["limit", "market"])
def test_a_wished_fee_leaves_what_the_order_itself_has_to_pay(kind: str) -> None:
    """The money of an order that is still being filled is not there for its fees."""
    d = desk(RECEIVED)
    d.exchange.transfer("pete", "USD", D(200), 0)
    for number in range(2):
        d.place("bob", f"m{number}", "sell", 1, 100)
    d.exchange.take()
    d.place("pete", "t", "buy", 2, 100 if kind == "limit" else 0, fee_asset="USD")
    assert [(f.fee, f.fee_asset) for f in fills_in(d.exchange.take(), "pete")] == [(D("0.001"), "BTC")] * 2
    assert d.free("pete", "USD") == 0
    d.exchange.transfer("pete", "BTC", D("0.002"), 0)
    d.place("bob", "b1", "buy", 1, 100)
    d.place("bob", "b2", "buy", 1, 100)
    d.place("pete", "u", "sell", 2, 100, fee_asset="BTC", fee_price=D(100))
    assert [f.fee_asset for f in fills_in(d.exchange.take(), "pete")] == ["USD", "USD"]
    assert d.free("pete", "BTC") == 0
    assert d.exchange.faults() == []


def test_a_makers_wished_fee_may_come_from_what_its_order_no_longer_holds() -> None:
    d = desk(RECEIVED)
    d.exchange.transfer("pete", "BTC", D("2.001"), 0)
    d.place("pete", "m", "sell", 2, 100, fee_asset="BTC", fee_price=D(100))
    d.exchange.take()
    d.place("bob", "t1", "buy", 1, 100)
    d.place("bob", "t2", "buy", 1, 100)
    paid = [(f.fee, f.fee_asset) for f in fills_in(d.exchange.take(), "pete")]
    assert paid == [(D("0.001"), "BTC"), (D("0.1"), "USD")]
    assert d.exchange.faults() == []


def test_a_buyer_at_any_price_pays_for_what_lies_behind_its_own_offers() -> None:
    d = desk()
    d.exchange.transfer("pete", "USD", D(150), 0)
    d.exchange.transfer("pete", "BTC", D(1), 0)
    d.place("pete", "own", "sell", 1, 100)
    d.place("bob", "far", "sell", 1, 200)
    assert d.place("pete", "t", "buy", 1, self_trade="cancel_newest").ok
    assert d.place("pete", "t", "buy", 1, self_trade="cancel_oldest").code == "funds"
    assert d.exchange.faults() == []


def test_all_or_nothing_counts_what_it_brings_to_its_own_reducing_offers() -> None:
    d = desk(Terms(SPOT), Terms(PERP))
    d.exchange.place("alice", PlaceOrder("m", "PERP", "sell", D(1), D(100)), 0)
    d.exchange.place("bob", PlaceOrder("t", "PERP", "buy", D(1), D(100)), 0)
    for number in range(2):
        offer = PlaceOrder(f"r{number}", "PERP", "sell", D(1), D(100), reduce_only=True)
        assert d.exchange.place("bob", offer, 0).ok
    all_of_it = PlaceOrder("f", "PERP", "buy", D(2), D(100), tif="fok")
    reply = d.exchange.place("bob", all_of_it, 0, Manner(self_trade="none"))
    assert reply.order is not None
    assert (reply.order.state, reply.order.cum_qty) == (State.FILLED, 2)
    assert d.exchange.faults() == []


def test_fees_are_cut_to_any_step() -> None:
    d = desk(terms(SPOT, fee_asset="received", taker_fee=D("0.000123"), fee_step=D("0.00025")))
    d.place("bob", "m", "sell", 10, 100)
    d.exchange.take()
    for number, qty in enumerate(("2", "3", "4.5")):
        d.place("alice", str(number), "buy", qty, 100)
    assert [f.fee for f in fills_in(d.exchange.take(), "alice")] == [0, D("0.00025"), D("0.0005")]
