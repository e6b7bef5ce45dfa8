"""Margin, liquidation, ADL, funding, delivery: what happens to accounts without their asking."""

from __future__ import annotations

from decimal import Decimal as D

from exchange_kit import DATED, HOUR, INVERSE, PERP, SECOND, Hand, fills_in, make, terms
from msgspec.structs import replace

from kedge.model.numbers import ZERO
from kedge.sim.exchange import CashMoved, Exchange, MarkMoved, Terms

FREE = terms(PERP, maintenance=D("0.05"), liquidation_fee=ZERO)


def short_of_money(*listed: Terms, money: int = 20, insurance: int = 0) -> tuple[Exchange, Hand]:
    """Carol is long 1 at 100 with little money, ten times leveraged; bob is short."""
    ex = make(*(listed or (FREE,)), insurance={"USD": D(insurance)} if insurance else {})
    hand = Hand(ex, listed[0].instrument.symbol if listed else "PERP")
    ex.transfer("carol", "USD", D(money), 0)
    ex.feed(hand.symbol, 0, mark=D(100), index=D(100))
    hand.sell("bob", "s", 1, 100)
    hand.buy("carol", "open", 1, 100)
    assert hand.position("carol") == 1
    ex.take()
    return ex, hand


def test_leverage_is_what_margin_is_asked_for() -> None:
    ex = make(FREE)
    hand = Hand(ex)
    ex.transfer("carol", "USD", D(100), 0)
    assert hand.buy("carol", "a", "10.01", 100).code == "margin"
    assert hand.buy("carol", "a", 10, 100).ok
    assert hand.sell("carol", "b", "9.9", 101).ok, "the other side needs no margin beside it"
    assert hand.sell("carol", "c", 1, 101).code == "margin"
    ex.cancel_all("carol", 0)
    ex.set_leverage("carol", "PERP", D(50), 0)
    assert hand.buy("carol", "d", 50, 100).ok


def test_profit_and_loss_become_cash_when_a_position_closes() -> None:
    ex, hand = short_of_money()
    hand.buy("alice", "b", "0.4", 110)
    hand.sell("carol", "part", "0.4", 110)
    assert hand.cash("carol") == D(24)
    hand.buy("alice", "c", 1, 90)
    hand.sell("carol", "flip", 1, 90)
    assert hand.position("carol") == D("-0.4")
    assert hand.cash("carol") == D(18)
    assert [(p.qty, p.price) for p in ex.positions("carol")] == [(D("-0.4"), D(90))]
    assert ex.faults() == []


def test_unrealised_profit_is_margin_but_not_money() -> None:
    ex, hand = short_of_money()
    ex.feed("PERP", 1, mark=D(150))
    assert hand.free("carol") == D(20) - D(15)
    assert ex.transfer("carol", "USD", D(-6), 1).code == "funds"
    assert hand.buy("carol", "more", 3, 100).ok


def test_liquidation_sells_into_the_book_first() -> None:
    ex, hand = short_of_money()
    hand.buy("alice", "deep", 1, 84)
    hand.buy("carol", "resting", "0.05", 100, tif="gtc")
    ex.feed("PERP", 1, mark=D(84))
    happened = ex.take()
    fills = fills_in(happened, "carol")
    assert [(f.kind, f.client_id, f.side, f.qty, f.price) for f in fills] == [
        ("liquidation", "", "sell", D(1), D(84))
    ]
    assert hand.position("carol") == 0
    assert hand.cash("carol") == D(4)
    assert hand.state("carol", "resting")[0] == "cancelled"
    assert fills_in(happened, "alice")[0].kind == "trade"
    assert ex.faults() == []


def test_no_liquidation_while_the_margin_holds() -> None:
    ex, hand = short_of_money()
    ex.feed("PERP", 1, mark=D("84.5"))
    assert hand.position("carol") == 1


def test_what_the_book_does_not_take_the_insurance_takes() -> None:
    ex, hand = short_of_money(insurance=100)
    hand.buy("alice", "some", "0.3", 82)
    hand.buy("alice", "too-low", 1, 70)
    ex.feed("PERP", 1, mark=D(75))
    fills = fills_in(ex.take(), "carol")
    assert [(f.kind, f.qty, f.price) for f in fills] == [
        ("liquidation", D("0.3"), D(82)),
        ("liquidation", D("0.7"), D("79.5")),
    ]
    assert hand.cash("carol") == D("0.25"), "the bankruptcy price is rounded in the account's favour"
    assert ex.truth().net_positions == {"PERP": ZERO}
    assert ex.truth().assets["USD"].insurance == D(100) - D("0.7") * D("79.5"), "cash less what it holds"
    assert ex.faults() == []


def test_the_insurance_gets_rid_of_what_it_took() -> None:
    ex, hand = short_of_money(insurance=100)
    ex.feed("PERP", 1, mark=D(78))
    assert hand.position("carol") == 0
    before = hand.position("alice")
    hand.buy("alice", "b", 1, 79)
    ex.feed("PERP", 2, mark=D("78.5"))
    assert hand.position("alice") - before == 1
    assert hand.position("bob") == -1


def test_beyond_the_insurance_those_who_gained_are_closed() -> None:
    ex, hand = short_of_money(insurance=1)
    # Alice is short too, with less gain: she entered lower than bob.
    hand.buy("carol", "more", "0.5", 90)
    hand.sell("alice", "s", "0.5", 90)
    ex.take()
    ex.feed("PERP", 1, mark=D(60))
    happened = ex.take()
    adl = fills_in(happened, "bob") + fills_in(happened, "alice")
    assert {f.kind for f in adl} == {"adl"}
    assert hand.position("carol") == 0
    assert fills_in(happened, "bob")[0].qty == 1, "bob gained most and comes first"
    assert {f.kind for f in fills_in(happened, "carol")} == {"liquidation"}
    assert ex.faults() == []


def test_an_inverse_position_is_liquidated_in_coins() -> None:
    ex = make(terms(INVERSE, maintenance=D("0.05"), liquidation_fee=ZERO))
    hand = Hand(ex, "INVERSE")
    ex.feed("INVERSE", 0, mark=D(100))
    ex.transfer("carol", "BTC", D("0.2"), 0)
    hand.sell("bob", "s", 100, 100)
    hand.buy("carol", "b", 100, 100)
    assert ex.positions("carol")[0].price == D(100)
    hand.buy("alice", "bid", 100, "87.5")
    ex.feed("INVERSE", 1, mark=D(87))
    assert hand.position("carol") == 0
    # Entered at one coin, left at 100 / 87.5 coins.
    assert hand.cash("carol", "BTC") == D("0.2") + 1 - D("1.142857142857142857")
    assert ex.faults() == []


def test_the_liquidation_fee_goes_to_the_insurance() -> None:
    ex, hand = short_of_money(terms(PERP, maintenance=D("0.05"), liquidation_fee=D("0.01")))
    hand.buy("alice", "deep", 1, 84)
    ex.feed("PERP", 1, mark=D(84))
    assert hand.cash("carol") == D(4) - D("0.84")
    assert ex.truth().assets["USD"].insurance == D("0.84")
    moves = [h.cash for h in ex.take() if isinstance(h, CashMoved)]
    assert [(c.kind, c.amount) for c in moves] == [("insurance", D("-0.84"))]


# ── funding ─────────────────────────────────────────────────────────────────────────────────────


def test_funding_passes_from_longs_to_shorts() -> None:
    ex, _ = short_of_money(terms(PERP, funding_interval_ns=8 * HOUR))
    ex.feed("PERP", 1, mark=D("100.5"), index=D(100))
    ex.feed("PERP", 2, mark=D("100.5"), index=D(100))
    assert ex.market("PERP").funding_ns == 8 * HOUR
    rate = ex.market("PERP").funding_rate
    assert rate == D("0.00333333"), "the mean of three premiums, the first of them none"
    ex.take()
    ex.advance(8 * HOUR)
    moves = {h.account: h.cash for h in ex.take() if isinstance(h, CashMoved)}
    assert moves["carol"].kind == "funding"
    assert moves["carol"].amount == -rate * D("100.5")
    assert moves["bob"].amount == rate * D("100.5")
    assert moves["bob"].venue_ns == 8 * HOUR
    assert ex.market("PERP").funding_ns == 16 * HOUR
    assert ex.faults() == []


def test_funding_is_capped_and_may_be_set() -> None:
    ex, hand = short_of_money(terms(PERP, funding_interval_ns=HOUR, funding_cap=D("0.002")))
    ex.feed("PERP", 1, mark=D(104), index=D(100))
    assert ex.market("PERP").funding_rate == D("0.002")
    ex.set_funding("PERP", D("-0.01"), 2)
    assert [h.funding_rate for h in ex.take() if isinstance(h, MarkMoved)][-1] == D("-0.01")
    ex.fund_now("PERP", 3)
    assert hand.cash("carol") == D(20) + D("1.04")


def test_missed_fundings_are_paid_one_by_one() -> None:
    ex, hand = short_of_money(terms(PERP, funding_interval_ns=HOUR))
    ex.set_funding("PERP", D("0.001"), 1)
    ex.advance(5 * HOUR + 1)
    paid = [c.venue_ns for c in ex.cash("carol").items if c.kind == "funding"]
    assert paid == [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR]
    assert hand.cash("carol") == D(20) - 5 * D("0.1")


def test_funding_alone_can_ruin() -> None:
    ex, hand = short_of_money(terms(PERP, funding_interval_ns=HOUR, maintenance=D("0.05")))
    hand.buy("alice", "bid", 1, 99)
    ex.set_funding("PERP", D("0.16"), 1)
    ex.advance(HOUR)
    assert hand.position("carol") == 0


def test_what_rounding_leaves_of_funding_is_the_insurances() -> None:
    ex = make(terms(INVERSE, funding_interval_ns=HOUR))
    hand = Hand(ex, "INVERSE")
    ex.transfer("carol", "BTC", D(100), 0)
    hand.sell("alice", "s", 7, 103)
    hand.buy("bob", "b", 3, 103)
    hand.buy("carol", "c", 4, 103)
    ex.set_funding("INVERSE", D("0.00006006"), 1)
    ex.fund_now("INVERSE", 2)
    moved = [
        c.amount for name in ("alice", "bob", "carol") for c in ex.cash(name).items if c.kind == "funding"
    ]
    assert len(moved) == 3
    assert sum(moved) == -ex.truth().assets["BTC"].insurance != 0
    assert ex.faults() == []


# ── delivery ────────────────────────────────────────────────────────────────────────────────────


def test_a_dated_future_is_settled_at_the_index() -> None:
    ex, hand = short_of_money(terms(DATED))
    hand.buy("alice", "resting", 1, 50)
    ex.feed("DATED", 1, index=D("104.25"))
    ex.take()
    ex.advance(11 * HOUR)
    happened = ex.take()
    fill = fills_in(happened, "carol")[0]
    assert (fill.kind, fill.client_id, fill.side, fill.qty, fill.price) == (
        "delivery",
        "",
        "sell",
        D(1),
        D("104.25"),
    )
    assert fill.venue_ns == 10 * HOUR
    assert hand.cash("carol") == D("24.25")
    assert hand.cash("bob") == D(100_000) - D("4.25")
    assert hand.state("alice", "resting")[0] == "cancelled"
    assert ex.instrument("DATED").status == "closed"
    assert hand.buy("alice", "late", 1, 50).code == "delivered"
    assert ex.faults() == []


def test_delivery_of_many_inverse_positions_keeps_the_last_digit() -> None:
    dated = replace(INVERSE, symbol="INVERSE", expires_ns=HOUR)
    ex = make(terms(dated))
    hand = Hand(ex, "INVERSE")
    ex.transfer("carol", "BTC", D(100), 0)
    hand.sell("alice", "s", 7, 103)
    hand.buy("bob", "b", 3, 103)
    hand.buy("carol", "c", 4, 103)
    ex.feed("INVERSE", SECOND, index=D("97.3"))
    ex.advance(HOUR)
    assert all(not ex.positions(name) for name in ("alice", "bob", "carol"))
    assert ex.faults() == []
