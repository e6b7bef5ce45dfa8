"""Scans: every formula with a worked example, and what must not be looked at."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, SECOND, START, perp
from msgspec.structs import replace
from test_bot_spread import future, share

from kedge.desk.scan.dividends import dividends
from kedge.desk.scan.lines import LINES_MOST, dividend_lines, rate_from, scan_lines
from kedge.desk.scan.quotes import Quoted
from kedge.desk.scan.yields import basis, scan, yearly_pct
from kedge.model.instrument import Instrument
from kedge.model.numbers import BadNumber
from kedge.model.ratio import ratio_of

DAY = 24 * 3600 * SECOND
ANY = D(-100)


def quoted(instrument: Instrument, bid: Any = 0, ask: Any = 0, last: Any = 0, **more: Any) -> Quoted:
    return Quoted(f"{MAIN}:{instrument.symbol}", instrument, D(str(bid)), D(str(ask)), D(str(last)), **more)


GAZP = quoted(share(), "98.00", "98.01", "98")
GZZ6 = quoted(future(), 9850, 9851, 9840)
GZH7 = quoted(future("GZH7", expires_ns=START + 180 * DAY), 10010, 10020, 10000)


# ── /scan ───────────────────────────────────────────────────────────────────────────────────────


def test_a_share_and_its_future() -> None:
    """profit = 9850 - 100 * 98.01 = 49; margin = 9801 + 2100 = 11901; 90 days.

    (1 + 49 / 11901) ** (365 / 90) - 1 = 1.68 per cent a year.
    """
    (row,) = scan([GAZP, GZZ6], START, D(0)).rows
    assert (row.near, row.far, row.sort, row.side) == (GAZP.market, GZZ6.market, "share-future", "sell")
    assert (row.ratio, row.profit, row.margin, row.delta, row.days) == (D(100), D(49), D(11901), D(49), 90)
    assert row.yearly_pct == 1.68


def test_a_near_and_a_far_future() -> None:
    """profit = 10010 - 9851 = 159; margin = 2000 + 2100 = 4100; 180 days: 8.02 per cent a year."""
    rows = scan([GAZP, GZZ6, GZH7], START, D(0)).rows
    row = next(row for row in rows if row.sort == "future-future")
    assert (row.near, row.far, row.ratio) == (GZZ6.market, GZH7.market, D(1))
    assert (row.profit, row.margin, row.days) == (D(159), D(4100), 180)
    assert row.yearly_pct == 8.02


def test_a_futures_points_are_money_by_their_value() -> None:
    """9850 points of 0.5 roubles each are 4925 roubles, against 40 shares at 98.01: 3920.40."""
    half = quoted(future(tick_value=D("0.5"), asset_size=D(40)), 9850, 9851)
    (row,) = scan([GAZP, half], START, D(0)).rows
    assert row.profit == D("1004.60")
    assert row.delta == D("5929.60")  # in prices, as a spread bot is told


def test_a_fund_with_the_name_of_what_a_future_is_of_is_no_near_leg() -> None:
    """There is a fund GOLD at 10 roubles a piece, and a future on an ounce of gold."""
    fund = quoted(share(sector="etf"), "9.80", "9.81", "9.8")
    assert scan([fund, GZZ6], START, ANY).rows == ()
    assert dividends([fund, GZZ6], START, D(10_000), ANY) == ()
    assert [point[1] for point in basis([fund, GZZ6], "GAZP", START)] == [D(0)]


def test_out_of_session_the_last_prices_stand_in() -> None:
    (row,) = scan([quoted(share(), last="98"), quoted(future(), last=9840)], START, D(0)).rows
    assert row.profit == D(40)


def test_the_yearly_yield() -> None:
    assert yearly_pct(D(10), D(100), 365) == 10.0
    assert yearly_pct(D(10), D(100), 73) == 61.05
    assert yearly_pct(D(10), D(100), 0) is None
    assert yearly_pct(D(10), D(0), 10) is None
    assert yearly_pct(D(-200), D(100), 10) == -100.0
    assert yearly_pct(D(10**12), D(1), 1) == 1e9


def test_only_what_beats_the_rate_is_kept_best_first() -> None:
    table = [GAZP, GZZ6, GZH7]
    rows = scan(table, START, D(0)).rows
    assert [row.yearly_pct for row in rows] == sorted((row.yearly_pct for row in rows), reverse=True)
    assert [row.sort for row in scan(table, START, D("7.5")).rows] == ["future-future"]
    assert scan(table, START, D("8.02")).rows == ()


@pytest.mark.parametrize(
    ("share_more", "future_more", "why"),
    [
        ({}, {"expires_ns": START + DAY - 1}, "expires today"),
        ({}, {"can_short": False}, "cannot be traded that way"),
        ({}, {"asset_size": D(0)}, "no ratio"),
        ({"settle": "USD"}, {}, "settled in two moneys"),
    ],
)
def test_what_cannot_be_reckoned_is_counted_by_why(
    share_more: dict[str, Any], future_more: dict[str, Any], why: str
) -> None:
    found = scan([quoted(share(**share_more), 98, 98), quoted(future(**future_more), 9850, 9851)], START, ANY)
    assert found.rows == ()
    assert found.left_out == {why: 1}


def test_no_price_and_no_contango_are_no_pair() -> None:
    assert scan([GAZP, quoted(future())], START, ANY).left_out == {"no price": 1}
    assert scan([GAZP, quoted(future(), 9800, 9801)], START, ANY).left_out == {"no contango": 1}


@pytest.mark.parametrize(
    "more",
    [{"can_buy": False}, {"can_sell": False}, {"listed": False}, {"status": "closed"}, {"expires_ns": START}],
)
def test_what_cannot_trade_is_not_looked_at(more: dict[str, Any]) -> None:
    assert scan([GAZP, quoted(future(**more), 9850, 9851)], START, ANY).pairs == 0


def test_futures_of_another_family_or_without_a_share_are_no_pair() -> None:
    other = quoted(future("GAZR", expires_ns=START + 180 * DAY), 10010, 10020)
    rows = scan([GAZP, GZZ6, other], START, ANY).rows
    assert [row.sort for row in rows] == ["share-future", "share-future"]
    assert scan([GZZ6, GZH7], START, ANY).pairs == 0


# ── crypto ──────────────────────────────────────────────────────────────────────────────────────

DATED = quoted(perp("BTC-27DEC", expires_ns=START + 73 * DAY), 61200, 61201)
SPOT = quoted(perp("BTCUSD", kind="spot"), 59999, 60000)


def perpetual(rate: str) -> Quoted:
    return quoted(perp(), 59999, 60000, funding_rate=D(rate))


def test_a_dated_future_against_its_coin() -> None:
    """profit 1200 on 60000 + 61200 for 73 days: (1 + 1200 / 121200) ** 5 - 1 = 5.05 per cent."""
    (row,) = scan([SPOT, DATED], START, D(0)).rows
    assert (row.sort, row.profit, row.margin, row.yearly_pct) == ("spot-future", D(1200), D(121200), 5.05)


def test_against_a_perpetual_its_funding_is_paid_until_then() -> None:
    """73 days are 219 periods of eight hours: 219 * 0.00001 * 60000 = 131.4 is paid by who is long."""
    rows = scan([perpetual("0.00001"), DATED], START, D(0)).rows
    assert [(row.sort, row.side, row.funding, row.profit) for row in rows] == [
        ("perpetual-future", "sell", D("-131.40"), D("1068.60"))
    ]


def test_high_funding_turns_the_pair_round() -> None:
    """219 * 0.0001 of 59999 are 1313.9781 received by who is short; the future is bought 1202 dearer."""
    (row,) = scan([perpetual("0.0001"), DATED], START, D(0)).rows
    assert (row.side, row.funding, row.profit) == ("buy", D("1313.9781"), D("111.9781"))


def test_another_money_or_an_inverse_contract_is_no_pair() -> None:
    other = quoted(perp("BTC-EUR", quote="EUR", settle="EUR"), 50000, 50001)
    inverse = quoted(perp("BTC-INV", kind="inverse", expires_ns=START + 73 * DAY), 61200, 61201)
    assert scan([other, DATED, inverse, SPOT], START, ANY).pairs == 1


# ── /dscan ──────────────────────────────────────────────────────────────────────────────────────


def test_a_dividend_that_a_future_implies() -> None:
    """98 * 100 * 1.075 ** (90 / 365) = 9976.33; the future costs 9750: 2.26 a share, 2.31 per cent."""
    (row,) = dividends([GAZP, quoted(future(), 9740, 9750)], START, D("7.5"))
    assert (row.sell, row.buy, row.ratio, row.days) == (GAZP.market, GZZ6.market, D(100), 90)
    assert row.dividend.quantize(D("0.01")) == D("2.26")
    assert row.yield_pct == 2.31
    assert row.price == D(-50)
    assert row.can_trade


def test_between_two_futures_only_the_time_between_them_counts() -> None:
    """9850 * 1.075 ** (90 / 365) = 10027.23; the later one costs 9900: 127.23 a contract, 1.29 per cent."""
    cheap = quoted(future("GZH7", expires_ns=START + 180 * DAY), 9890, 9900)
    rows = dividends([GAZP, GZZ6, cheap], START, D("7.5"))
    row = next(row for row in rows if row.sell == GZZ6.market)
    assert row.dividend.quantize(D("0.01")) == D("127.23")
    assert (row.yield_pct, row.days) == (1.29, 90)


def test_small_ones_are_left_out_and_barred_ones_marked() -> None:
    table = [quoted(share(can_short=False), 98, 98), quoted(future(), 9740, 9750)]
    assert dividends(table, START, D("7.5"), D(3)) == ()
    (row,) = dividends(table, START, D("7.5"))
    assert not row.can_trade
    assert dividend_lines([row], 50) == [
        "GAZP - GZZ6: dividend = 2.26, %=2.31, price = -50, 90 days, cannot be traded"
    ]


def test_a_coins_future_below_the_coin_implies_a_yield_too() -> None:
    """60000 * 1.05 ** (73 / 365) = 60588.35; the future costs 59000: 1588.35 a coin, 2.65 per cent."""
    cheap = quoted(perp("BTC-27DEC", expires_ns=START + 73 * DAY), 58999, 59000)
    coin = quoted(perp("BTCUSD", kind="spot"), 60000, 60001)
    rows = dividends([coin, perpetual("0"), cheap], START, D(5))
    assert {row.sell for row in rows} == {coin.market, f"{MAIN}:BTC-PERP"}
    row = next(row for row in rows if row.sell == coin.market)
    assert (row.dividend.quantize(D("0.01")), row.yield_pct, row.days) == (D("1588.35"), 2.65, 73)


def test_only_the_next_three_futures_are_looked_at() -> None:
    later = [
        quoted(future(f"GZ{n}", expires_ns=START + (90 + 30 * n) * DAY), 9000, 9000 + n) for n in range(5)
    ]
    rows = dividends([GAZP, *later], START, D("7.5"))
    assert {row.buy for row in rows} == {one.market for one in later[:3]}


# ── ratios, lines, the chart ────────────────────────────────────────────────────────────────────


def test_ratios() -> None:
    assert ratio_of(future(), share()) == D(100)
    assert ratio_of(future(), replace_symbol(share(), "GAZP@TQBR")) == D(100)
    assert ratio_of(future(asset="LKOH"), share()) == D(0)
    assert ratio_of(future("GZH7"), future()) == D(1)
    assert ratio_of(future("GZH7", asset_size=D(10)), future()) == D("0.1")
    assert ratio_of(share(), replace_symbol(share(base="SBER"), "SBER")) == D(1)
    assert ratio_of(perp(), perp(kind="spot")) == D(1)
    assert ratio_of(perp(multiplier=D("0.1")), perp()) == D("0.1")
    assert ratio_of(perp(), perp("ETH-PERP", base="ETH")) == D(0)
    assert ratio_of(future("RNH7", asset="ROSN"), future()) == D(0)
    assert ratio_of(perp(), share()) == D(0)


def replace_symbol(instrument: Instrument, symbol: str) -> Instrument:
    return replace(instrument, symbol=symbol, base=instrument.base if symbol != "SBER" else "SBER")


def test_lines_say_it_as_people_know_it_and_are_seventy_at_most() -> None:
    found = scan([GAZP, GZZ6], START, D(0))
    assert scan_lines(found) == ["GAZP - GZZ6: M = 11901, %=1.68, delta = 49, 90 days"]
    many = type(found)(found.rows * 100, 100, {})
    lines = scan_lines(many)
    assert len(lines) == LINES_MOST
    assert lines[-1] == "... and 31 more"
    assert scan_lines(scan([], START)) == ["no pair yields more"]


@pytest.mark.parametrize(
    ("written", "rate"), [("7.5", "7.5"), ("18", "18"), ("7,5", "7.5"), (" 12 % ", "12")]
)
def test_rates_are_decimals(written: str, rate: str) -> None:
    assert rate_from(written) == D(rate)


@pytest.mark.parametrize("written", ["", "much", "nan", "1e9"])
def test_what_is_no_rate_is_told(written: str) -> None:
    with pytest.raises(BadNumber):
        rate_from(written)


def test_the_chart_of_basis_by_expiry() -> None:
    """9850 / 100 is 98.50 a share, 0.50 over 98; 10010 / 100 is 2.10 over it."""
    assert basis([GAZP, GZH7, GZZ6], "GAZP", START) == [
        (GZZ6.instrument.expires_ns, D("0.50"), 0.51),
        (GZH7.instrument.expires_ns, D("2.10"), 2.14),
    ]
    assert basis([], "GAZP", START) == []
