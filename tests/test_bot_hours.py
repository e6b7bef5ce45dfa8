"""What bots share: hours, the price that is joined, the price that is walked, margins."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, SECOND, START, Trial, perp
from test_bot_spread import FAR, future, share

from kedge.bots.hours import hours
from kedge.bots.legs import behind, better, even
from kedge.bots.margin import Part, barred, short_of
from kedge.bots.touch import walked
from kedge.engine.bot import MarketView, SlotView
from kedge.engine.view import Seen
from kedge.model.instrument import Instrument, Session
from kedge.model.venue import Balance, Level

MINUTE = 60 * SECOND


def view(instrument: Instrument, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> MarketView:
    def side(levels: list[tuple[str, str]]) -> tuple[Level, ...]:
        return tuple(Level(D(price), D(qty)) for price, qty in levels)

    market = f"{MAIN}:{instrument.symbol}"
    return MarketView(market, instrument, side(bids), side(asks), age_ns=0, fresh=True, open=True)


def sessions(*minutes: tuple[int, int]) -> Instrument:
    edges = tuple(Session(START + a * MINUTE, START + b * MINUTE) for a, b in minutes)
    return perp(sessions=edges)


@pytest.mark.parametrize(
    ("at", "works", "change"),
    [
        (0, False, 0.25),
        (10, False, 10.25),
        (10.25, True, 19.5),
        (19.4, True, 19.5),
        (19.5, False, 25.25),  # one of them is about to begin its break
        (25, False, 25.25),
        (25.25, True, 29.5),
        (29.5, False, 39.5),
    ],
)
def test_hours_are_those_that_all_share_less_their_edges(at: float, works: bool, change: float) -> None:
    """One from minute 10 to 20 and 25 to 40, the other from 0 to 30; a little inside of both edges."""
    both = (sessions((10, 20), (25, 40)), sessions((0, 30)))
    found = hours(both, START + int(at * MINUTE), 15, 30)
    assert found.works is works
    assert found.change_ns == START + int(change * MINUTE)


def test_round_the_clock_always_works_until_it_expires() -> None:
    assert hours((perp(),), START, 15, 15) == hours((perp(),), START + 1, 15, 15)
    assert hours((perp(),), START, 15, 15).works
    dated = perp(expires_ns=START + MINUTE)
    assert hours((dated,), START, 0, 30).change_ns == START + 30 * SECOND
    assert not hours((dated,), START + 30 * SECOND, 0, 30).works


def test_a_halted_one_stops_all() -> None:
    assert not hours((perp(), perp(status="halted")), START, 0, 0).works


@pytest.mark.parametrize(
    ("side", "qty", "price"),
    [
        ("buy", "1", "100"),
        ("buy", "4", "100.5"),  # 2 at 100, 2 at 101
        ("buy", "6", "101"),  # 2 at 100, 2 at 101, and 2 that nobody shows at the bound of 102
        ("sell", "1", "99"),
        ("sell", "4", "98.5075"),  # 2 at 99, 1 at 98.02, and 1 at the bound of 98.01
    ],
)
def test_the_price_that_is_walked(side: Any, qty: str, price: str) -> None:
    """The third ask lies beyond the bound of two per cent, and counts as the bound."""
    market = view(
        perp(), [("99", "2"), ("98.02", "1"), ("90", "9")], [("100", "2"), ("101", "2"), ("110", "9")]
    )
    found = walked(market, side, D(qty), D("0.01") if side == "sell" else D("0.02"))
    expected = {("sell", "4"): (D(198) + D("98.02") + D("98.01")) / 4}.get((side, qty), D(price))
    assert found == expected


def test_nobody_there_is_no_price() -> None:
    assert walked(view(perp(), [], []), "buy", D(1), D("0.01")) == 0


def test_what_is_behind_is_what_an_order_can_be_made_of() -> None:
    market = view(share(), [("98", "10")], [("98.01", "10")])
    far = SlotView(sold=D(3), net=D(-3))
    target = even("m", D(5), far, D("0.01"))
    assert target.net == D(15)
    assert behind(target, SlotView(bought=D(10), net=D(10)), market) == 0  # five of a lot of ten
    assert behind(target, SlotView(), market) == D(15)


def test_better_is_strict_on_both_sides() -> None:
    assert better(D(2), D(1), "sell")
    assert not better(D(1), D(1), "sell")
    assert better(D(0), D(1), "buy")
    assert not better(D(1), D(1), "buy")


# ── money ───────────────────────────────────────────────────────────────────────────────────────


def known(t: Trial) -> Seen:
    return Seen(t.e)


def rich(*balances: tuple[str, str]) -> Trial:
    t = Trial(instruments=(future(), share()))
    t.report(MAIN, balances=tuple(Balance(asset, D(free), D(free)) for asset, free in balances))
    return t


def part(side: Any, qty: str, instrument: Instrument | None = None) -> Part:
    return Part(view(instrument or future(), [("9849", "5")], [("9850", "5")]), side, D(qty))


def test_margins_of_all_parts_are_added_up() -> None:
    t = rich(("RUB", "4099"))
    assert short_of(known(t), [part("sell", "1")]) == ""
    said = short_of(known(t), [part("sell", "1"), part("buy", "1")])
    assert said == "it needs 4100 RUB of margin, and 4099 is free on paper/main"


def test_what_only_shrinks_a_position_needs_nothing() -> None:
    t = rich(("RUB", "1"))
    t.e.desk.nets[FAR] = D(3)
    assert short_of(known(t), [part("sell", "3")]) == ""
    assert "2100 RUB" in short_of(known(t), [part("sell", "4")])


def test_where_nobody_tells_nothing_is_refused() -> None:
    assert short_of(known(rich()), [part("sell", "1000")]) == ""
    assert short_of(known(rich(("RUB", "1"))), [part("sell", "9", future(sell_margin=D(0)))]) == ""


def test_a_share_costs_its_whole_price() -> None:
    assert "it needs 98500 RUB" in short_of(known(rich(("RUB", "1"))), [part("buy", "10", share())])


@pytest.mark.parametrize(
    ("side", "more", "says"),
    [
        ("buy", {"can_buy": False}, "cannot be bought"),
        ("sell", {"can_sell": False}, "cannot be sold"),
        ("sell", {"can_short": False}, "cannot be sold short, and 0 of 10 is held"),
        ("buy", {"can_short": False}, ""),
    ],
)
def test_what_is_barred_is_told(side: Any, more: dict[str, Any], says: str) -> None:
    found = barred(known(rich()), part(side, "10", share(**more)))
    assert found.endswith(says) if says else not found
