"""What the exchange does with orders: one test per feature."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from exchange_kit import HOUR, PERP, SECOND, SPOT, Hand, fills_in, make, terms
from msgspec.structs import replace

from kedge.model.instrument import Session
from kedge.model.numbers import ZERO
from kedge.model.venue import Level, PlaceOrder
from kedge.sim.exchange import (
    AmendOrder,
    BalancesChanged,
    BookChanged,
    CancelOrder,
    Exchange,
    Fixed,
    Jitter,
    OrderChanged,
    PositionChanged,
    RequestAnswered,
    StatusChanged,
    TradePrinted,
)


def test_a_limit_order_rests_and_is_filled_by_another() -> None:
    ex = make()
    hand = Hand(ex)
    reply = hand.sell("alice", "a", "0.5", 100)
    assert reply.ok
    assert reply.order is not None
    assert reply.order.state == "open"
    assert hand.asks() == [(D(100), D("0.5"))]
    assert hand.buy("bob", "b", "0.2", 101).ok
    assert hand.state("bob", "b") == ("filled", D("0.2"))
    assert hand.state("alice", "a") == ("open", D("0.2"))
    happened = ex.take()
    maker, taker = fills_in(happened, "alice"), fills_in(happened, "bob")
    assert (maker[0].price, maker[0].qty, maker[0].maker) == (D(100), D("0.2"), True)
    assert (taker[0].price, taker[0].qty, taker[0].maker) == (D(100), D("0.2"), False)
    assert maker[0].exec_id != taker[0].exec_id
    assert hand.position("bob") == D("0.2")
    assert hand.position("alice") == D("-0.2")


def test_best_price_first_then_first_come() -> None:
    ex = make()
    hand = Hand(ex)
    for name in ("first", "second", "third"):
        hand.sell("alice", name, "0.1", 100)
    hand.sell("alice", "best", "0.1", "99.5")
    ex.take()
    hand.buy("bob", "t", "0.3", 100)
    assert [f.client_id for f in fills_in(ex.take(), "alice")] == ["best", "first", "second"]


def test_market_orders_take_what_there_is_and_end() -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("alice", "a", "0.5", 100)
    reply = hand.buy("bob", "b", 1)
    assert reply.ok
    assert hand.state("bob", "b") == ("expired", D("0.5"))
    assert ex.order("bob", "b").reason.startswith("no_liquidity")  # type: ignore[union-attr]


def test_market_orders_stop_at_the_collar() -> None:
    ex = make(terms(PERP, market_collar=D("0.05")))
    hand = Hand(ex)
    ex.feed("PERP", 0, mark=D(100))
    hand.sell("alice", "near", "0.1", 105)
    hand.sell("alice", "far", "0.1", "105.5")
    hand.buy("bob", "b", "0.2")
    assert hand.state("bob", "b") == ("expired", D("0.1"))
    hand.buy("alice", "bid", "0.1", 95)
    hand.sell("bob", "s", "0.1")
    assert hand.state("bob", "s") == ("filled", D("0.1"))


def test_immediate_or_cancel_leaves_nothing() -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("alice", "a", "0.5", 100)
    assert hand.buy("bob", "b", 1, 100, tif="ioc").ok
    assert hand.state("bob", "b") == ("expired", D("0.5"))
    assert hand.bids() == []


@pytest.mark.parametrize(("qty", "state", "filled"), [("0.8", "filled", "0.8"), ("0.9", "expired", "0")])
def test_fill_or_kill_is_all_or_nothing(qty: str, state: str, filled: str) -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("alice", "a", "0.5", 100)
    hand.sell("alice", "b", "0.3", 101)
    hand.sell("alice", "too-far", "0.3", 102)
    hand.buy("bob", "f", qty, 101, tif="fok")
    assert hand.state("bob", "f") == (state, D(filled))


def test_fill_or_kill_does_not_count_on_reduce_only_orders_that_will_shrink() -> None:
    ex = make(self_trade="none")
    hand = Hand(ex)
    hand.sell("bob", "s", 1, 100)
    hand.buy("alice", "open", 1, 100)  # alice is long 1
    hand.sell("alice", "one", 1, 110, reduce_only=True)
    hand.sell("alice", "two", 1, 110, reduce_only=True)
    assert hand.asks() == [(D(110), D(2))]
    hand.buy("bob", "f", 2, 110, tif="fok")
    assert hand.state("bob", "f") == ("expired", ZERO)


def test_post_only_rests_or_is_refused() -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("alice", "a", "0.5", 100)
    assert hand.buy("bob", "b", 1, "99.5", tif="post_only").ok
    assert hand.buy("bob", "c", 1, 100, tif="post_only").code == "post_only"
    assert ex.order("bob", "c") is None


def test_post_only_may_be_accepted_and_cancelled_instead() -> None:
    ex = make(post_only_cancels=True)
    hand = Hand(ex)
    hand.sell("alice", "a", "0.5", 100)
    reply = hand.buy("bob", "c", 1, 100, tif="post_only")
    assert reply.ok
    assert reply.order is not None
    assert (reply.order.state, reply.order.cum_qty) == ("cancelled", ZERO)
    assert reply.order.reason.startswith("post_only")


# ── reduce-only ─────────────────────────────────────────────────────────────────────────────────


def long_alice(**settings: object) -> tuple[Exchange, Hand]:
    """Alice is long 1 at 100."""
    ex = make(**settings)
    hand = Hand(ex)
    hand.sell("bob", "s", 1, 100)
    hand.buy("alice", "open", 1, 100)
    assert hand.position("alice") == 1
    ex.take()
    return ex, hand


def test_reduce_only_is_cut_to_the_position() -> None:
    _, hand = long_alice()
    reply = hand.sell("alice", "r", 3, 110, reduce_only=True)
    assert reply.order is not None
    assert reply.order.qty == 1


def test_reduce_only_orders_shrink_with_the_position() -> None:
    ex, hand = long_alice()
    hand.sell("alice", "profit", 1, 110, reduce_only=True)
    hand.sell("alice", "stop", 1, 0, kind="stop", trigger_price=D(90), reduce_only=True)
    hand.buy("bob", "bid", "0.4", 99)
    hand.sell("alice", "part", "0.4", 99)
    assert hand.asks() == [(D(110), D("0.6"))]
    assert [o.qty for o in ex.open_orders("alice")] == [D("0.6"), D("0.6")]
    hand.buy("bob", "rest", "0.6", 110)
    assert hand.position("alice") == 0
    assert hand.state("alice", "stop") == ("cancelled", ZERO)
    assert ex.faults() == []


# ── stops ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["last", "mark", "index"])
def test_a_stop_fires_at_its_price(by: str) -> None:
    ex, hand = long_alice()
    hand.buy("bob", "bid", 2, 80)
    reply = hand.sell("alice", "stop", 1, 0, kind="stop", trigger_price=D(90), trigger_by=by)
    assert reply.order is not None
    assert reply.order.state == "open"
    assert hand.asks() == []
    if by == "last":
        hand.buy("bob", "a", "0.1", 90)
        hand.sell("bob", "b", "0.1", 85, tif="ioc")  # cancels against himself: no trade, no trigger
        assert hand.state("alice", "stop") == ("open", ZERO)
        hand.buy("bob", "c", "0.1", 90)
        hand.sell("alice", "d", "0.1", 90)
    else:
        ex.feed("PERP", 1, **{by: D("90.5")})
        assert hand.state("alice", "stop") == ("open", ZERO)
        ex.feed("PERP", 2, **{by: D(90)})
    assert hand.state("alice", "stop") == ("filled", D(1))


def test_a_stop_limit_rests_when_it_has_fired() -> None:
    ex = make()
    hand = Hand(ex)
    hand.buy("alice", "s", 1, 105, kind="stop_limit", trigger_price=D(103), trigger_by="mark")
    ex.feed("PERP", 1, mark=D(104))
    assert hand.bids() == [(D(105), D(1))]


def test_stops_fire_one_after_another() -> None:
    """One stop's trade triggers the next: a cascade ends, and in order."""
    ex, hand = long_alice()
    hand.buy("bob", "1", "0.3", 90)
    hand.buy("bob", "2", "0.3", 85)
    hand.buy("bob", "3", "0.3", 80)
    hand.buy("bob", "4", "0.1", 75)
    hand.sell("alice", "s1", "0.3", 0, kind="stop", trigger_price=D(90))
    hand.sell("alice", "s2", "0.3", 0, kind="stop", trigger_price=D(86))
    hand.sell("alice", "go", "0.3", 90)
    assert hand.state("alice", "s1") == ("filled", D("0.3"))
    assert hand.state("alice", "s2") == ("filled", D("0.3"))
    assert ex.market("PERP").last == D(80)


def test_a_stop_that_cannot_be_paid_is_rejected_when_it_fires() -> None:
    ex = make()
    hand = Hand(ex, "SPOT")
    ex.transfer("carol", "USD", D(50), 0)
    hand.sell("alice", "a", 1, 110)
    assert hand.buy("carol", "s", 1, 0, kind="stop", trigger_price=D(105)).ok
    hand.buy("bob", "b", "0.1", 110)
    assert hand.state("carol", "s") == ("rejected", ZERO)
    assert ex.order("carol", "s").reason.startswith("funds")  # type: ignore[union-attr]


def test_stops_wait_while_trading_is_halted() -> None:
    ex = make()
    hand = Hand(ex)
    hand.buy("alice", "s", 1, 105, kind="stop_limit", trigger_price=D(103), trigger_by="mark")
    ex.halt("PERP", True, 1)
    ex.feed("PERP", 2, mark=D(104))
    assert hand.bids() == []
    ex.halt("PERP", False, 3)
    assert hand.bids() == [(D(105), D(1))]


# ── self-trade ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("protect", "old", "new", "bobs"),
    [
        ("cancel_newest", "open", "cancelled", "open"),
        ("cancel_oldest", "cancelled", "filled", "filled"),
        ("cancel_both", "cancelled", "cancelled", "open"),
        ("none", "filled", "filled", "open"),
    ],
)
def test_self_trade_prevention(protect: str, old: str, new: str, bobs: str) -> None:
    ex = make(self_trade=protect)
    hand = Hand(ex)
    hand.sell("alice", "old", 1, 100)
    hand.sell("bob", "bobs", 1, 101)
    hand.buy("alice", "new", 1, 101)
    assert hand.state("alice", "old")[0] == old
    assert hand.state("alice", "new")[0] == new
    assert hand.state("bob", "bobs")[0] == bobs
    assert ex.faults() == []


# ── amends ──────────────────────────────────────────────────────────────────────────────────────


def amend(ex: Exchange, client_id: str, price: object = 0, qty: object = 0, **more: object):  # type: ignore[no-untyped-def]
    return ex.amend("alice", AmendOrder(client_id, D(str(price)), D(str(qty)), **more), 0)  # type: ignore[arg-type]


def queue(ex: Exchange) -> list[str]:
    """Whose order trades first at 100."""
    ahead = {}
    for account in ("alice", "bob"):
        for order in ex.open_orders(account):
            spot = ex.queue(account, order.client_id)
            assert spot is not None
            ahead[order.client_id] = spot.ahead
    return sorted(ahead, key=lambda name: ahead[name])


@pytest.mark.parametrize(
    ("qty", "order"), [("0.5", ["a", "b"]), ("1.5", ["b", "a"])], ids=["down keeps", "up loses"]
)
def test_an_amend_in_place_keeps_its_turn_only_when_it_shrinks(qty: str, order: list[str]) -> None:
    ex = make()
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    hand.buy("bob", "b", 1, 100)
    before = ex.order("alice", "a")
    reply = amend(ex, "a", qty=qty)
    assert reply.ok
    assert reply.order.venue_id == before.venue_id  # type: ignore[union-attr]
    assert reply.order.version > before.version  # type: ignore[union-attr]
    assert queue(ex) == order
    assert hand.bids() == [(D(100), D(1) + D(qty))]


def test_an_amended_price_may_trade_at_once() -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("bob", "s", "0.4", 101)
    hand.buy("alice", "a", 1, 100)
    assert amend(ex, "a", price=101).ok
    assert hand.state("alice", "a") == ("open", D("0.4"))
    assert hand.bids() == [(D(101), D("0.6"))]


def test_an_amend_to_what_is_changes_nothing() -> None:
    ex = make()
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    before = ex.order("alice", "a")
    assert amend(ex, "a", price=100, qty=1).order == before


def test_a_waiting_stop_can_be_amended() -> None:
    ex = make()
    hand = Hand(ex)
    ex.feed("PERP", 0, mark=D(100))
    hand.sell("alice", "s", 1, 0, kind="stop", trigger_price=D(90), trigger_by="mark")
    assert amend(ex, "s", trigger_price=D(95)).ok
    assert amend(ex, "s", trigger_price=D(100)).code == "would_trigger"
    assert amend(ex, "s", price=100).code == "bad_order"
    hand.buy("bob", "b", 1, 94)
    ex.feed("PERP", 1, mark=D(95))
    assert hand.state("alice", "s") == ("filled", D(1))


def test_cancel_and_new_with_a_total_carries_the_fills() -> None:
    ex = make(amend="cancel_new", amend_qty="total")
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    hand.sell("bob", "s", "0.4", 100)
    old = ex.order("alice", "a")
    reply = amend(ex, "a", price="100.5", qty=1)
    assert reply.order is not None
    assert reply.order.venue_id != old.venue_id  # type: ignore[union-attr]
    assert reply.order.cum_qty == D("0.4")
    assert hand.bids() == [(D("100.5"), D("0.6"))]
    assert amend(ex, "a", qty="0.4").ok
    assert hand.state("alice", "a") == ("cancelled", D("0.4"))


def test_cancel_and_new_with_a_fresh_quantity_races_a_fill() -> None:
    """The engine asked for one in all; between its decision and the amend 0.4 traded: 1.4 it becomes."""
    ex = make(amend="cancel_new", amend_qty="fresh")
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    old = ex.order("alice", "a")
    hand.sell("bob", "s", "0.4", 100)
    assert amend(ex, "a", price="100.5", qty=1).ok
    hand.sell("bob", "s2", 1, 100)
    assert hand.position("alice") == D("1.4")
    gone = ex.order("alice", "", old.venue_id)  # type: ignore[union-attr]
    assert gone is not None
    assert (gone.state, gone.cum_qty) == ("cancelled", D("0.4"))


def test_cancel_and_new_loses_the_order_when_the_new_one_is_refused() -> None:
    ex = make(amend="cancel_new")
    hand = Hand(ex)
    hand.sell("bob", "s", 1, 101)
    hand.buy("alice", "a", 1, 100, tif="post_only")
    reply = amend(ex, "a", price=101)
    assert (reply.ok, reply.code) == (False, "post_only")
    assert hand.state("alice", "a") == ("cancelled", ZERO)
    assert hand.bids() == []


def test_house_accounts_amend_in_place_whatever_the_venue_does() -> None:
    ex = make(amend="none")
    ex.open_account("house", house=True)
    reply = ex.place("house", PlaceOrder("", "PERP", "buy", D(2), D(100)), 0)
    venue_id = reply.order.venue_id  # type: ignore[union-attr]
    assert ex.amend("house", AmendOrder("", qty=D(1), venue_id=venue_id), 0).ok
    assert Hand(ex).bids() == [(D(100), D(1))]


# ── cancels ─────────────────────────────────────────────────────────────────────────────────────


def test_cancel_by_client_id_and_by_venue_id() -> None:
    ex = make()
    hand = Hand(ex)
    first = hand.buy("alice", "a", 1, 100).order
    second = hand.buy("alice", "b", 1, 99).order
    assert first is not None
    assert second is not None
    assert ex.cancel("alice", "a", 0).order.state == "cancelled"  # type: ignore[union-attr]
    assert ex.cancel("bob", "", 0, venue_id=second.venue_id).code == "not_found"
    assert ex.cancel("alice", "", 0, venue_id=second.venue_id).ok
    assert hand.bids() == []


def test_cancel_all_of_one_symbol() -> None:
    ex = make()
    Hand(ex).buy("alice", "a", 1, 100)
    Hand(ex, "SPOT").buy("alice", "b", 1, 100)
    assert [o.client_id for o in ex.cancel_all("alice", 0, "PERP")] == ["a"]
    assert [o.client_id for o in ex.open_orders("alice")] == ["b"]
    assert ex.cancel_all("nobody", 0) == ()


def test_the_dead_man_switch() -> None:
    ex = make()
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    ex.cancel_all_after("alice", 5 * SECOND, 0)
    ex.cancel_all_after("alice", 5 * SECOND, 4 * SECOND)
    ex.advance(8 * SECOND)
    assert hand.state("alice", "a")[0] == "open"
    ex.advance(9 * SECOND)
    assert hand.state("alice", "a")[0] == "cancelled"
    assert ex.order("alice", "a").reason.startswith("dead_man")  # type: ignore[union-attr]
    assert ex.order("alice", "a").venue_ns == 9 * SECOND  # type: ignore[union-attr]


# ── ids, history, pages ─────────────────────────────────────────────────────────────────────────


def test_ids_may_be_used_again_where_the_scope_is_open() -> None:
    ex = make(id_scope="open")
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    assert hand.buy("alice", "a", 1, 100).code == "id_open"
    assert hand.buy("bob", "a", 1, 100).ok
    ex.cancel("alice", "a", 0)
    assert hand.buy("alice", "a", 2, 100).ok
    assert ex.order("alice", "a").qty == 2  # type: ignore[union-attr]


def test_ids_are_used_once_where_the_scope_is_forever() -> None:
    ex = make(id_scope="forever", retention_ns=HOUR)
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    ex.cancel("alice", "a", 0)
    again = hand.buy("alice", "a", 1, 100)
    assert again.code == "id_used"
    assert again.order is not None
    assert again.order.state == "cancelled"
    hand.now_ns = 10 * HOUR
    ex.advance(hand.now_ns)
    assert ex.order("alice", "a") is None
    assert hand.buy("alice", "a", 1, 100).code == "id_used"


def test_history_is_kept_for_its_time_and_not_longer() -> None:
    ex = make(retention_ns=HOUR)
    hand = Hand(ex)
    hand.sell("alice", "a", 1, 100)
    hand.buy("bob", "b", 1, 100)
    cursor = ex.fills("bob").cursor
    ex.advance(HOUR - 1)
    assert ex.order("bob", "b") is not None
    assert len(ex.fills("bob").items) == 1
    ex.advance(HOUR)
    assert ex.order("bob", "b") is None
    ex.advance(2 * HOUR)
    page = ex.fills("bob")
    assert page.items == ()
    assert page.clipped
    assert not ex.fills("bob", cursor).clipped
    assert ex.truth().accounts["bob"].orders == ()
    assert hand.position("bob") == 1


def test_fills_come_in_pages() -> None:
    ex = make()
    hand = Hand(ex)
    for number in range(5):
        hand.sell("alice", f"a{number}", "0.1", 100)
        hand.buy("bob", f"b{number}", "0.1", 100)
    first = ex.fills("bob", "", 2)
    second = ex.fills("bob", first.cursor, 2)
    third = ex.fills("bob", second.cursor, 2)
    got = [f.client_id for page in (first, second, third) for f in page.items]
    assert got == ["b0", "b1", "b2", "b3", "b4"]
    assert (first.more, second.more, third.more) == (True, True, False)
    assert ex.fills("bob", third.cursor, 2).items == ()
    assert ex.cash("bob").items[0].kind == "transfer"


def test_a_request_says_until_when_it_is_good() -> None:
    ex = make()
    hand = Hand(ex)
    hand.now_ns = 100
    assert hand.buy("alice", "a", 1, 100, valid_until_ns=100).ok
    assert hand.buy("alice", "b", 1, 100, valid_until_ns=99).code == "expired"
    assert ex.cancel("alice", "a", 101, valid_until_ns=100).code == "expired"
    assert ex.amend("alice", AmendOrder("a", D(99), valid_until_ns=100), 101).code == "expired"


# ── news ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_told_and_in_which_order() -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("alice", "a", 1, 100)
    ex.take()
    hand.buy("bob", "b", "0.4", 100)
    kinds = [type(h).__name__ for h in ex.take()]
    assert kinds == [
        "FillMade",
        "FillMade",
        "TradePrinted",
        "OrderChanged",
        "OrderChanged",
        "BalancesChanged",
        "BalancesChanged",
        "PositionChanged",
        "PositionChanged",
        "BookChanged",
    ]
    assert ex.take() == []


def test_book_changes_add_up_to_the_book() -> None:
    ex = make()
    hand = Hand(ex)
    local: dict[D, D] = {}
    seq = ex.book("PERP").seq
    plan = [("a", 1, 100), ("b", 2, 101), ("c", 1, 100), ("d", 1, 102)]
    for name, qty, price in plan:
        hand.sell("alice", name, qty, price)
    ex.cancel("alice", "d", 0)
    hand.buy("bob", "t", "1.5", 100)
    ex.cancel("alice", "b", 0)
    for h in ex.take():
        if isinstance(h, BookChanged) and h.symbol == "PERP":
            seq += 1
            assert h.seq == seq
            for level in h.asks:
                local[level.price] = level.qty
    assert {p: q for p, q in local.items() if q} == {D(100): D("0.5")}
    assert ex.book("PERP").asks == (Level(D(100), D("0.5")),)
    assert ex.book("PERP").seq == seq


def test_house_accounts_are_silent_but_count() -> None:
    ex = make()
    ex.open_account("house", house=True)
    Hand(ex).sell("house", "", 1, 100)
    Hand(ex).buy("bob", "b", 1, 100)
    said = ex.take()
    assert not [h for h in said if getattr(h, "account", "") == "house"]
    assert [h.qty for h in said if isinstance(h, TradePrinted)] == [D(1)]
    assert ex.open_orders("house") == ()
    assert ex.faults() == []


# ── spot ────────────────────────────────────────────────────────────────────────────────────────


def test_spot_orders_hold_what_they_pay_with() -> None:
    ex = make()
    hand = Hand(ex, "SPOT")
    hand.buy("alice", "a", 2, 100)
    assert (hand.cash("alice"), hand.free("alice")) == (D(100_000), D(99_800))
    hand.sell("bob", "b", 5, 200)
    assert hand.free("bob", "BTC") == 95
    ex.cancel("alice", "a", 0)
    assert hand.free("alice") == D(100_000)


def test_spot_trades_change_what_is_owned() -> None:
    ex = make(terms(SPOT, taker_fee=D("0.001"), maker_fee=D("-0.0005"), fee_asset="received"))
    hand = Hand(ex, "SPOT")
    hand.sell("alice", "a", 2, 100)
    hand.buy("bob", "b", 2, 100)
    assert (hand.cash("bob", "BTC"), hand.cash("bob")) == (D(102) - D("0.002"), D(100_000 - 200))
    assert (hand.cash("alice", "BTC"), hand.cash("alice")) == (D(98), D(100_200) + D("0.1"))
    fee = fills_in(ex.take(), "bob")[0]
    assert (fee.fee, fee.fee_asset) == (D("0.002"), "BTC")
    assert ex.positions("bob") == ()
    assert ex.faults() == []


def test_fees_in_quote_are_held_beside_the_price() -> None:
    ex = make(terms(SPOT, taker_fee=D("0.001"), maker_fee=D("0.001")))
    hand = Hand(ex, "SPOT")
    ex.transfer("carol", "USD", D(200), 0)
    assert hand.buy("carol", "all", 2, 100).code == "funds"
    assert hand.buy("carol", "a", "1.99", 100).ok
    assert hand.free("carol") == D(200) - D(199) * D("1.001")
    hand.sell("alice", "s", "1.99", 100)
    assert hand.free("carol") == hand.cash("carol") == D("0.801")


def test_fees_in_a_third_asset_while_there_is_some() -> None:
    ex = make(terms(SPOT, taker_fee=D("0.001"), fee_asset="KDG", fee_price=D(4)))
    hand = Hand(ex, "SPOT")
    ex.transfer("bob", "KDG", D("0.06"), 0)
    for number in (1, 2):
        hand.sell("alice", f"a{number}", 2, 100)
        hand.buy("bob", f"b{number}", 2, 100)
    paid = [(f.fee, f.fee_asset) for f in ex.fills("bob").items]
    assert paid == [(D("0.05"), "KDG"), (D("0.2"), "USD")]
    assert ex.faults() == []


def test_a_spot_market_buy_is_paid_for() -> None:
    ex = make()
    hand = Hand(ex, "SPOT")
    hand.sell("alice", "a", 1, 100)
    hand.sell("alice", "b", 1, 200)
    ex.transfer("carol", "USD", D(250), 0)
    assert hand.buy("carol", "c", 2).code == "funds"
    assert hand.buy("carol", "d", 1).ok
    assert hand.cash("carol") == 150


# ── time ────────────────────────────────────────────────────────────────────────────────────────


def test_sessions_open_and_close() -> None:
    day = replace(PERP, sessions=(Session(10, 20), Session(30, 40)))
    ex = make(terms(day))
    hand = Hand(ex)
    assert hand.buy("alice", "a", 1, 100).code == "closed"
    hand.now_ns = 10
    assert hand.buy("alice", "a", 1, 100).ok
    hand.now_ns = 25
    assert hand.buy("alice", "b", 1, 100).code == "closed"
    assert ex.cancel("alice", "a", 25).ok
    ex.advance(50)
    told = [(h.status, h.venue_ns) for h in ex.take() if isinstance(h, StatusChanged)]
    assert told == [("trading", 10), ("closed", 20), ("trading", 30), ("closed", 40)]


def test_halts_stop_trading_and_cancels_still_work() -> None:
    ex = make()
    hand = Hand(ex)
    hand.buy("alice", "a", 1, 100)
    ex.halt("PERP", True, 0)
    assert hand.sell("bob", "b", 1, 100).code == "halted"
    assert amend(ex, "a", price=99).code == "halted"
    assert ex.instrument("PERP").status == "halted"
    assert ex.cancel("alice", "a", 0).ok
    ex.halt("PERP", False, 0)
    assert hand.sell("bob", "b", 1, 100).ok


def test_cancels_may_be_refused_in_a_halt() -> None:
    ex = make(cancel_in_halt=False)
    Hand(ex).buy("alice", "a", 1, 100)
    ex.halt("PERP", True, 0)
    assert ex.cancel("alice", "a", 0).code == "halted"


def test_requests_take_their_time() -> None:
    """By the latency model; one account's requests never overtake each other."""

    class Script:
        def __init__(self) -> None:
            self.times = [50, 10, 5]

        def entry_ns(self, account: str, now_ns: int) -> int:
            return self.times.pop(0)

    ex = Exchange(make().config, latency=Script())
    ex.transfer("alice", "USD", D(1000), 0)
    ex.transfer("bob", "USD", D(1000), 0)
    order = PlaceOrder("a", "PERP", "buy", D(1), D(100), valid_until_ns=55)
    assert ex.send("alice", order, 0, "first") == 50
    assert ex.send("alice", CancelOrder("a"), 1, "second") == 50
    assert ex.send("bob", PlaceOrder("b", "PERP", "sell", D(1), D(100)), 2, "third") == 7
    assert ex.next_due_ns() == 7
    ex = Exchange.load(ex.dump())
    ex.take()
    ex.advance(60)
    told = [h for h in ex.take() if isinstance(h, OrderChanged | RequestAnswered)]
    answers = [(h.tag, h.reply.ok) for h in told if isinstance(h, RequestAnswered)]
    assert answers == [("third", True), ("first", True), ("second", False)]
    assert ex.order("alice", "a").state == "filled"  # type: ignore[union-attr]
    assert ex.order("alice", "a").venue_ns == 50  # type: ignore[union-attr]


def test_latency_models() -> None:
    class Loaded:
        """A generator whose every draw is the largest."""

        def randint(self, a: int, b: int) -> int:
            return b

    assert Fixed(7).entry_ns("alice", 0) == 7
    assert Jitter(Loaded(), 10, 20).entry_ns("alice", 0) == 20
    assert Jitter(Loaded(), 10, 20, spike_every=1, spike_ns=100).entry_ns("alice", 0) == 120


def test_an_instrument_may_be_listed_later() -> None:
    ex = make()
    ex.list_instrument(terms(replace(PERP, symbol="NEW"), funding_interval_ns=HOUR), 5)
    assert Hand(ex, "NEW").buy("alice", "a", 1, 100).ok
    assert ex.next_due_ns() == HOUR
    again = Exchange.load(ex.dump())
    assert again.instrument("NEW").symbol == "NEW"


# ── to bytes and back ───────────────────────────────────────────────────────────────────────────


def test_a_loaded_exchange_goes_on_where_the_other_stood() -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("alice", "a1", 1, 100)
    hand.sell("bob", "b1", 1, 100)
    hand.buy("alice", "stop", 1, 0, kind="stop", trigger_price=D(105))
    Hand(ex, "SPOT").buy("alice", "spot", 1, 90)
    body = ex.dump()
    other = Exchange.load(body)
    assert other.dump() == body
    assert ex.take() == other.take()
    for one in (ex, other):
        Hand(one).buy("alice", "t", 1, 100)
        one.cancel_all("bob", 5)
    assert ex.take() == other.take()
    assert ex.dump() == other.dump()
    assert other.faults() == []


def test_balances_are_told_once_per_take() -> None:
    ex = make()
    hand = Hand(ex, "SPOT")
    for number in range(3):
        hand.buy("alice", str(number), 1, 100)
    told = [h for h in ex.take() if isinstance(h, BalancesChanged)]
    assert [h.account for h in told] == ["alice"]
    usd = next(b for b in told[0].balances if b.asset == "USD")
    assert (usd.total, usd.free) == (D(100_000), D(99_700))


def test_positions_are_told_with_their_entry_price() -> None:
    ex = make()
    hand = Hand(ex)
    hand.sell("alice", "a", 1, 100)
    hand.sell("alice", "b", 3, 104)
    hand.buy("bob", "t", 4, 104)
    told = [h.position for h in ex.take() if isinstance(h, PositionChanged) and h.account == "bob"]
    assert [(p.qty, p.price) for p in told] == [(D(4), D(103))]


def test_questions_about_strangers_are_errors_of_the_caller() -> None:
    ex = make()
    with pytest.raises(KeyError, match="nobody"):
        ex.balances("nobody")
    with pytest.raises(KeyError, match="NONE"):
        ex.book("NONE")
