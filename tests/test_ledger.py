"""The account book by example; that it always adds up is in `laws/test_ledger_laws.py`."""

from __future__ import annotations

from decimal import Decimal as D

from builders import perp

from kedge.model.ledger import Position, Tally

LINEAR = perp()
INVERSE = perp(kind="inverse", settle="BTC")


def test_opening_adding_closing() -> None:
    p = Position()
    assert p.book(LINEAR, D(1), D(100)) == 0
    assert p.book(LINEAR, D(1), D(110)) == 0
    assert (p.qty, p.cost, p.average(LINEAR)) == (D(2), D(210), D(105))
    assert p.book(LINEAR, D(-1), D(120)) == 15
    assert (p.qty, p.realised, p.unrealised(LINEAR, D(120))) == (D(1), D(15), D(15))
    assert p.book(LINEAR, D(-1), D(90)) == -15
    assert (p.qty, p.cost, p.realised, p.average(LINEAR)) == (0, 0, 0, 0)
    assert p.unrealised(LINEAR, D(5)) == 0


def test_a_fill_through_zero_closes_and_opens_the_other_way() -> None:
    p = Position()
    p.book(LINEAR, D(1), D(100))
    assert p.book(LINEAR, D(-3), D(110)) == 10
    assert (p.qty, p.cost, p.average(LINEAR)) == (D(-2), D(-220), D(110))
    assert p.unrealised(LINEAR, D(100)) == 20


def test_a_short() -> None:
    p = Position()
    p.book(LINEAR, D(-2), D(100))
    assert p.book(LINEAR, D(1), D(90)) == 10
    assert p.unrealised(LINEAR, D(80)) == 20


def test_an_inverse_contract_earns_in_the_coin() -> None:
    p = Position()
    p.book(INVERSE, D(60000), D(60000))
    assert p.cost == -1
    assert p.book(INVERSE, D(-60000), D(120000)) == D("0.5")


def test_parts_that_do_not_divide_lose_nothing() -> None:
    p = Position()
    p.book(LINEAR, D(3), D(100))
    p.book(LINEAR, D(4), D("100.01"))
    for _ in range(7):
        p.book(LINEAR, D(-1), D(100))
    assert (p.qty, p.cost) == (0, 0)
    assert p.realised == D("-0.04")


def test_ten_billion_of_a_small_currency_can_be_closed_in_part() -> None:
    p = Position()
    p.book(LINEAR, D(7), D("2700000000"))
    p.book(LINEAR, D(-3), D("2700000001"))
    assert p.realised == 3


def test_fees_are_kept_per_asset() -> None:
    p = Position()
    for asset, amount in (("USD", "1"), ("BNB", "0.01"), ("USD", "-0.25"), ("EUR", "0")):
        p.pay(asset, D(amount))
    assert p.fees == {"USD": D("0.75"), "BNB": D("0.01")}


def test_a_tally_never_nets_its_sides() -> None:
    t = Tally()
    t.book(LINEAR, D(2), D(100))
    t.book(LINEAR, D(-1), D(110))
    t.book(LINEAR, D(-1), D(130))
    assert (t.bought, t.sold, t.net) == (D(2), D(2), 0)
    assert (t.bought_average(LINEAR), t.sold_average(LINEAR)) == (D(100), D(120))
    assert Tally().bought_average(LINEAR) == 0
