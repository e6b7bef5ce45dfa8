"""Equity, profit and exposure, as pages and messages show them."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest
from builders import perp
from fake_port import NOW, a_status

from kedge.desk import figures
from kedge.desk.figures import DAY_NS


def a_day(ago: int, profit: str, settle: str = "USDT") -> dict[str, object]:
    return {"day": NOW // DAY_NS - ago, "settle": settle, "profit": profit}


def test_money_is_told_per_asset_and_never_mixed() -> None:
    status = a_status(realised={"USDT": D("-0.12"), "BTC": D("0.001")}, unrealised={"USDT": D("0.23")})
    usdt, btc = figures.moneys(status)
    assert (usdt.asset, usdt.equity, usdt.total) == ("USDT", D("100000.23"), D("0.11"))
    assert (btc.asset, btc.equity, btc.total) == ("BTC", D(0), D("0.001"))
    assert usdt.day is None, "nobody knows is not zero"


def test_a_day_and_a_week_end_where_they_should() -> None:
    days = [a_day(0, "1"), a_day(1, "10"), a_day(6, "100"), a_day(7, "1000"), a_day(0, "5", "BTC")]
    spans = figures.spans_of(days, NOW)
    assert spans == {"USDT": (D(1), D(111)), "BTC": (D(5), D(5))}
    usdt = figures.moneys(a_status(), days)[0]
    assert (usdt.day, usdt.week) == (D(1), D(111))


@pytest.mark.parametrize(("day", "number"), [("1970-01-01", 0), ("2000-02-29", 11016), ("2026-11-20", 20777)])
def test_a_written_day_is_the_same_day(day: str, number: int) -> None:
    spans = figures.spans_of([{"day": day, "settle": "X", "profit": "2"}], number * DAY_NS + 5)
    assert spans == {"X": (D(2), D(2))}


def test_exposure_nets_over_venues_and_shows_its_legs() -> None:
    held = [
        {"bot": "a", "slot": "far", "market": "one/m:BTC-PERP", "qty": "-0.85", "mark": "60000"},
        {"bot": "b", "slot": "near", "market": "two/m:BTCUSDT", "qty": "0.8", "mark": "60010"},
        {"bot": "b", "slot": "x", "market": "two/m:ETHUSDT", "qty": "0", "mark": "3000"},
    ]
    (btc,) = figures.exposures(held)
    assert (btc.asset, btc.net, btc.long, btc.short, btc.hedged) == (
        "BTC",
        D("-0.05"),
        D("0.8"),
        D("-0.85"),
        D("0.8"),
    )
    assert btc.notional == D("-0.85") * 60000 + D("0.8") * 60010
    assert [leg.bot for leg in btc.legs] == ["a", "b"]


def test_contracts_of_an_inverse_future_are_quote_money() -> None:
    inverse = msgspec.structs.replace(perp(), kind="inverse", multiplier=D(100))
    held = [{"bot": "a", "slot": "s", "market": "v/m:BTCUSD", "qty": "3", "mark": "60000"}]
    (btc,) = figures.exposures(held, {"v/m:BTCUSD": inverse})
    assert btc.net == D(300) / 60000


@pytest.mark.parametrize(
    ("market", "base"),
    [
        ("p/m:BTC-PERP", "BTC"),
        ("b/m:BTCUSDT", "BTC"),
        ("c/m:ETH/USDT:USDT", "ETH"),
        ("b/m:1000PEPEUSDT", "1000PEPE"),
    ],
)
def test_the_asset_of_a_symbol(market: str, base: str) -> None:
    assert figures.base_of(market) == base


def test_what_a_need_is_about() -> None:
    status = a_status()
    assert figures.urgent_about("bot peg-1 is parked: fault: KeyError", status) == ("bot", "peg-1")
    assert figures.urgent_about("paper/main: refused us", status) == ("account", "paper/main")
    assert figures.urgent_about("the kill switch is on", status) == ("kill", "")
    assert figures.urgent_about("something else", status) == ("", "")
