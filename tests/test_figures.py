"""Equity, profit and exposure, as pages and messages show them."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest
from builders import perp
from fake_port import NOW, a_status

from kedge.desk import figures
from kedge.desk.figures import DAY_NS
from kedge.model.instrument import Instrument


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


def an_instrument(**changes: object) -> Instrument:
    return msgspec.structs.replace(perp(), **changes)


def test_contracts_of_an_inverse_future_are_quote_money() -> None:
    inverse = an_instrument(kind="inverse", base="BTC", quote="USD", multiplier=D(100))
    held = [{"bot": "a", "slot": "s", "market": "v/m:BTCUSD", "qty": "-3", "mark": "60000"}]
    (btc,) = figures.exposures(held, {"v/m:BTCUSD": inverse})
    assert (btc.net, btc.notional) == (D(-300) / 60000, D(-300))
    (unknown,) = figures.exposures([{**held[0], "mark": "0"}], {"v/m:BTCUSD": inverse})
    assert (unknown.net, unknown.notional) == (0, 0), "no price yet"


def test_an_inverse_and_a_linear_leg_hedge_each_other_in_coins() -> None:
    inverse = an_instrument(kind="inverse", base="BTC", quote="USD", multiplier=D(1))
    linear = an_instrument(kind="linear", base="BTC", quote="USDT", multiplier=D("0.001"))
    held = [
        {"bot": "a", "slot": "far", "market": "v/m:BTCUSD", "qty": "-60000", "mark": "60000"},
        {"bot": "a", "slot": "near", "market": "v/m:BTCP", "qty": "1000", "mark": "60010"},
    ]
    (btc,) = figures.exposures(held, {"v/m:BTCUSD": inverse, "v/m:BTCP": linear})
    assert (btc.net, btc.hedged) == (0, 1)
    assert btc.worth == {"USD": D(-60000), "USDT": D(60010)}, "dollars of two kinds are not added up"


def test_coins_paid_as_a_fee_are_not_held() -> None:
    spot = an_instrument(kind="spot", base="BTC", quote="USDT")
    held = [{"bot": "a", "slot": "s", "market": "v/m:BTCUSDT", "qty": "1", "mark": "60000"}]
    held[0]["fees"] = {"BTC": "0.001", "USDT": "4"}
    (btc,) = figures.exposures(held, {"v/m:BTCUSDT": spot})
    assert (btc.net, btc.worth) == (D("0.999"), {"USDT": D("59940.000")})


def test_a_bond_and_a_future_in_points_are_worth_what_they_say() -> None:
    bond = an_instrument(kind="bond", base="OFZ", quote="RUB", nominal=D(1000))
    points = an_instrument(kind="points", base="RTS", quote="RUB", tick=D(10), tick_value=D("15.5"))
    held = [
        {"bot": "a", "slot": "b", "market": "q/m:OFZ", "qty": "-5", "mark": "98.5"},
        {"bot": "a", "slot": "f", "market": "q/m:RIZ6", "qty": "2", "mark": "110000"},
    ]
    rts, ofz = figures.exposures(held, {"q/m:OFZ": bond, "q/m:RIZ6": points})
    assert (ofz.net, ofz.worth) == (D(-5), {"RUB": D(-4925)})
    assert (rts.net, rts.worth) == (D(2), {"RUB": D(341000)})


def test_a_row_of_the_table_becomes_the_instrument() -> None:
    told = an_instrument(kind="inverse", multiplier=D(100), expires_ns=5)
    row = {"market": "v/m:X", "account": "v/m", "active": True, "ts_ns": 1, **msgspec.structs.asdict(told)}
    del row["sessions"]
    assert figures.instrument_of(row) == told
    assert figures.instrument_of({**row, "multiplier": "100"}) == told, "as JSON has it, too"


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
