"""Every refusal: its code, a sentence with the numbers in it, and nothing changed behind it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest
from exchange_kit import DATED, HOUR, INVERSE, PERP, SPOT, Hand, make, terms
from msgspec.structs import replace

from kedge.model.instrument import Session
from kedge.model.order import State
from kedge.sim.exchange import SENTENCES, AmendOrder, Exchange, Reply

NAN = D("NaN")
CLOSED = replace(PERP, symbol="CLOSED", sessions=(Session(1000, 2000),))


def world() -> tuple[Exchange, Hand]:
    """Bob sells 1 at 100 in PERP; alice bids 1 at 90; the mark is 100."""
    ex = make(
        terms(PERP, price_band=D("0.5")),
        terms(SPOT),
        terms(INVERSE),
        terms(DATED),
        terms(CLOSED),
        open_orders_max=5,
        reduce_only_cuts=False,
    )
    hand = Hand(ex)
    hand.sell("bob", "ask", 1, 100)
    hand.buy("alice", "bid", 1, 90)
    hand.buy("alice", "used", 1, 90)
    ex.cancel("alice", "used", 0)
    ex.feed("PERP", 0, mark=D(100))
    ex.transfer("carol", "USD", D(100), 0)
    ex.take()
    return ex, hand


Ask = Callable[[Exchange, Hand], Reply]

PLACING: dict[str, tuple[str, Ask]] = {
    "unknown account": ("unknown_account", lambda ex, h: h.buy("nobody", "x", 1, 100)),
    "unknown symbol": ("unknown_symbol", lambda ex, h: h.buy("alice", "x", 1, 100, symbol="NONE")),
    "expired": ("expired", lambda ex, h: late(h, valid_until_ns=5)),
    "closed": ("closed", lambda ex, h: h.buy("alice", "x", 1, 100, symbol="CLOSED")),
    "delivered": ("delivered", lambda ex, h: late(h, symbol="DATED")),
    "id open": ("id_open", lambda ex, h: h.buy("alice", "bid", 1, 90)),
    "id used": ("id_used", lambda ex, h: h.buy("alice", "used", 1, 90)),
    "id too long": ("bad_order", lambda ex, h: h.buy("alice", "x" * 129, 1, 90)),
    "not a number": ("bad_order", lambda ex, h: h.buy("alice", "x", NAN, 90)),
    "without end": ("bad_order", lambda ex, h: h.buy("alice", "x", 1, "Infinity")),
    "limit without price": ("bad_order", lambda ex, h: h.buy("alice", "x", 1, 0, kind="limit")),
    "market with price": ("bad_order", lambda ex, h: h.buy("alice", "x", 1, 90, kind="market")),
    "stop without trigger": ("bad_order", lambda ex, h: h.buy("alice", "x", 1, 0, kind="stop")),
    "limit with trigger": ("bad_order", lambda ex, h: h.buy("alice", "x", 1, 90, trigger_price=D(95))),
    "post-only market": ("bad_order", lambda ex, h: h.buy("alice", "x", 1, tif="post_only")),
    "reduce-only spot": (
        "bad_order",
        lambda ex, h: h.sell("alice", "x", 1, 100, symbol="SPOT", reduce_only=True),
    ),
    "off the tick": ("tick", lambda ex, h: h.buy("alice", "x", 1, "90.3")),
    "below nothing": ("tick", lambda ex, h: h.buy("alice", "x", 1, -90)),
    "trigger off the tick": (
        "tick",
        lambda ex, h: h.buy("alice", "x", 1, 0, kind="stop", trigger_price=D("110.1")),
    ),
    "off the step": ("step", lambda ex, h: h.buy("alice", "x", "1.001", 90)),
    "too small": ("min_qty", lambda ex, h: h.buy("alice", "x", "0.01", 90)),
    "zero": ("min_qty", lambda ex, h: h.buy("alice", "x", 0, 90)),
    "negative": ("min_qty", lambda ex, h: h.buy("alice", "x", -1, 90)),
    "too large": ("max_qty", lambda ex, h: h.buy("alice", "x", 101, 90)),
    "too little money": ("min_notional", lambda ex, h: h.buy("alice", "x", "0.05", 90)),
    "too little money at market": ("min_notional", lambda ex, h: h.buy("alice", "x", "0.04")),
    "out of the band": ("price_band", lambda ex, h: h.buy("alice", "x", 1, "150.5")),
    "would take": ("post_only", lambda ex, h: h.buy("alice", "x", 1, 100, tif="post_only")),
    "nothing to reduce": ("reduce_only", lambda ex, h: h.sell("alice", "x", 1, 100, reduce_only=True)),
    "reached already": (
        "would_trigger",
        lambda ex, h: h.buy("alice", "x", 1, 0, kind="stop", trigger_price=D(100), trigger_by="mark"),
    ),
    "too many": ("too_many_orders", lambda ex, h: many(h)),
    "no money": ("funds", lambda ex, h: h.buy("carol", "x", "1.01", 100, symbol="SPOT")),
    "no coins": ("funds", lambda ex, h: h.sell("carol", "x", 1, 100, symbol="SPOT")),
    "no margin": ("margin", lambda ex, h: h.buy("carol", "x", "11.5", 90)),
    "no margin below the bid": ("margin", lambda ex, h: h.sell("carol", "x", 100, 50)),
    "no margin in coins": ("margin", lambda ex, h: h.buy("carol", "x", 100, 100, symbol="INVERSE")),
}


def late(hand: Hand, **more: object) -> Reply:
    hand.now_ns = 11 * HOUR
    return hand.buy("alice", "x", 1, 90, **more)


def many(hand: Hand) -> Reply:
    for number in range(4):
        assert hand.buy("alice", f"m{number}", 1, 90).ok
    return hand.buy("alice", "x", 1, 90)


@pytest.mark.parametrize("name", PLACING)
def test_placing_is_refused(name: str) -> None:
    code, ask = PLACING[name]
    ex, hand = world()
    if code == "margin" and "bid" in name:
        # A sell far below the bid trades at the bid: that is what it needs margin for.
        hand.buy("bob", "deep", 100, 95, tif="gtc")
    known = {o.client_id for a in ("alice", "bob", "carol") for o in ex.open_orders(a)}
    reply = ask(ex, hand)
    assert (reply.ok, reply.code) == (False, code)
    assert reply.sentence
    assert "{" not in reply.sentence
    now = {o.client_id for a in ("alice", "bob", "carol") for o in ex.open_orders(a)}
    assert now - known <= {"m0", "m1", "m2", "m3"}
    assert not ex.has_account("nobody")
    if not code.startswith("id_"):
        assert reply.order is not None
        assert (reply.order.state, reply.order.venue_id) == (State.REJECTED, "")
        assert reply.order.reason == f"{code}: {reply.sentence}"
        assert ex.order("alice", "x") is None
    assert ex.faults() == []


def test_reduce_only_larger_than_the_position_is_refused_where_nothing_is_cut() -> None:
    _, hand = world()
    hand.buy("alice", "long", 1, 100)
    assert hand.sell("alice", "r", 2, 110, reduce_only=True).code == "reduce_only"
    assert hand.buy("alice", "r", 1, 90, reduce_only=True).code == "reduce_only"
    assert hand.sell("alice", "r", 1, 110, reduce_only=True).ok


def test_a_halt_refuses() -> None:
    ex, hand = world()
    ex.halt("PERP", True, 0)
    assert hand.buy("alice", "x", 1, 90).code == "halted"


AMENDING: dict[str, tuple[str, Callable[[Exchange], Reply]]] = {
    "unknown": ("not_found", lambda ex: change(ex, "none", D(90))),
    "finished": ("not_open", lambda ex: change(ex, "used", D(90))),
    "off the tick": ("tick", lambda ex: change(ex, "bid", D("90.3"))),
    "off the step": ("step", lambda ex: change(ex, "bid", qty=D("1.001"))),
    "not a number": ("bad_order", lambda ex: change(ex, "bid", qty=NAN)),
    "without end": ("bad_order", lambda ex: change(ex, "bid", D("Infinity"))),
    "too large": ("max_qty", lambda ex: change(ex, "bid", qty=D(101))),
    "out of the band": ("price_band", lambda ex: change(ex, "bid", D(151))),
    "a trigger it has not": ("bad_order", lambda ex: change(ex, "bid", trigger_price=D(95))),
    "filled already": ("qty_filled", lambda ex: change(ex, "part", qty=D("0.4"))),
    "would take": ("post_only", lambda ex: change(ex, "quiet", D(100))),
}


def change(ex: Exchange, client_id: str, price: D = D(0), qty: D = D(0), trigger_price: D = D(0)) -> Reply:
    return ex.amend("alice", AmendOrder(client_id, price, qty, trigger_price), 0)


@pytest.mark.parametrize("name", AMENDING)
def test_amending_is_refused_and_leaves_the_order_as_it_was(name: str) -> None:
    code, ask = AMENDING[name]
    ex, hand = world()
    hand.buy("alice", "part", 1, 95)
    hand.sell("bob", "takes", "0.4", 95)
    hand.buy("alice", "quiet", 1, 91, tif="post_only")
    before = (ex.open_orders("alice"), ex.book("PERP").bids)
    reply = ask(ex)
    assert (reply.ok, reply.code) == (False, code)
    assert reply.sentence
    assert "{" not in reply.sentence
    assert (ex.open_orders("alice"), ex.book("PERP").bids) == before
    assert ex.faults() == []


def test_an_amend_beyond_the_margin_is_refused() -> None:
    ex, hand = world()
    assert hand.buy("carol", "c", 5, 90).ok
    assert ex.amend("carol", AmendOrder("c", qty=D(12)), 0).code == "margin"
    assert ex.amend("carol", AmendOrder("c", qty=D(10)), 0).ok


def test_no_amend_where_the_venue_has_none() -> None:
    ex = make(amend="none")
    Hand(ex).buy("alice", "a", 1, 100)
    assert ex.amend("alice", AmendOrder("a", D(99)), 0).code == "amend_none"


def test_cancelling_what_is_not_there() -> None:
    ex, _ = world()
    assert ex.cancel("nobody", "bid", 0).code == "unknown_account"
    assert ex.cancel("alice", "none", 0).code == "not_found"
    assert ex.cancel("bob", "bid", 0).code == "not_found"
    gone = ex.cancel("alice", "used", 0)
    assert gone.code == "not_open"
    assert gone.order is not None
    assert gone.order.state == "cancelled"


def test_transfers_and_leverage() -> None:
    ex, hand = world()
    assert ex.transfer("nobody", "USD", D(-5), 0).code == "unknown_account"
    assert ex.transfer("~fees", "USD", D(5), 0).code == "unknown_account"
    assert ex.transfer("carol", "USD", NAN, 0).code == "amount"
    assert ex.transfer("carol", "USD", D(0), 0).code == "amount"
    assert ex.transfer("carol", "USD", D("1e14"), 0).code == "amount"
    assert hand.buy("carol", "c", 5, 90).ok
    assert hand.free("carol") == 55
    assert ex.transfer("carol", "USD", D("-55.01"), 0).code == "funds"
    assert ex.transfer("carol", "USD", D(-55), 0).ok
    assert ex.set_leverage("carol", "PERP", D(9), 0).code == "margin"
    assert ex.set_leverage("carol", "PERP", D(51), 0).code == "leverage"
    assert ex.set_leverage("carol", "PERP", D("0.5"), 0).code == "leverage"
    assert ex.set_leverage("carol", "SPOT", D(2), 0).code == "unknown_symbol"
    assert ex.set_leverage("nobody", "PERP", D(2), 0).code == "unknown_account"
    assert ex.set_leverage("carol", "PERP", D(20), 0).ok
    assert hand.free("carol") == D("22.5")
    assert ex.cancel_all_after("nobody", 1, 0).code == "unknown_account"
    assert ex.faults() == []


def test_every_code_has_been_seen_here_or_ends_an_order() -> None:
    """A new code needs a test: this list is the whole of what may be said."""
    asked = {code for code, _ in PLACING.values()} | {code for code, _ in AMENDING.values()}
    asked |= {"halted", "amend_none", "leverage", "amount"}
    ends = {"ioc", "fok", "no_liquidity", "self_trade", "cancelled", "dead_man", "replaced"}
    ends |= {"liquidation", "delivery", "oco", "session", "its_time"}
    assert asked | ends == set(SENTENCES)
