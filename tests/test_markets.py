"""Prices and scans as people ask for them: what is asked of which account, and what is said beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal as D
from typing import Any, TypeVar

import pytest
from fake_port import NOW
from market_kit import COINS, DAY, MOEX, Gate, coin, future, quote, share
from msgspec.structs import replace

from kedge.client import Refused
from kedge.desk import commands, markets
from kedge.desk.deed import WordsWrong
from kedge.desk.markets import Scanned
from kedge.desk.screens import Look, Screen
from kedge.desk.screens_markets import answer_screen, instruments_screen
from kedge.model.numbers import moment

T = TypeVar("T")


def wait(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def refusal(work: Coroutine[Any, Any, Any]) -> str:
    with pytest.raises(Refused) as caught:
        wait(work)
    return str(caught.value)


def pairs(found: Scanned) -> list[str]:
    return [f"{one.near.partition(':')[2]} {one.far.partition(':')[2]}" for one in found.rows]


# ── what is asked ───────────────────────────────────────────────────────────────────────────────


def test_only_what_a_scan_needs_is_asked_for() -> None:
    gate = Gate()
    wait(markets.scanned(gate.read, "1"))
    quotes = {str(args["account"]): args["symbols"] for what, args in gate.asked if what == "quotes"}
    assert quotes == {
        MOEX: "SBER,SRH7,SRZ6",  # GAZP has no future
        COINS: "BTC-26MAR27,BTC-PERP,BTC-USD",
    }


def test_one_asset_or_one_account_alone() -> None:
    gate = Gate()
    found = wait(markets.scanned(gate.read, "-99", "sber"))
    assert {one.account for one in map(_Account, found.rows)} == {MOEX}
    assert [args["account"] for what, args in gate.asked if what == "quotes"] == [MOEX]
    found = wait(markets.scanned(gate.read, "-99", account=COINS))
    assert {one.account for one in map(_Account, found.rows)} == {COINS}


class _Account:
    def __init__(self, row: Any) -> None:
        self.account = row.far.partition(":")[0]


def test_instruments_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    monkeypatch.setattr(markets, "PAGE", 2)
    whole = wait(markets.listed(gate.read))
    assert [one.market for one in whole] == sorted(
        f"{name}:{one.symbol}" for name, known in gate.listed.items() for one in known
    )


def test_two_accounts_at_one_venue_are_looked_at_once() -> None:
    gate = Gate()
    gate.listed["tinvest/other"] = [*gate.listed[MOEX], share("LKOH"), future("LKZ6", "LKOH", 30, 10)]
    gate.quotes["tinvest/other:LKOH"] = quote("tinvest/other", "LKOH", 7000, 7001)
    gate.quotes["tinvest/other:LKZ6"] = quote("tinvest/other", "LKZ6", 71500, 71510)
    found = wait(markets.scanned(gate.read, "-99"))
    assert pairs(found).count("SBER SRZ6") == 1
    assert "LKOH LKZ6" in pairs(found)


def test_what_is_no_longer_listed_is_left_out() -> None:
    gate = Gate()
    gate.listed[MOEX] = [replace(one, listed=one.symbol != "SRZ6") for one in gate.listed[MOEX]]
    assert pairs(wait(markets.scanned(gate.read, "-99", account=MOEX))) == ["SBER SRH7"]


def test_nothing_to_scan_is_said() -> None:
    gate = Gate()
    assert refusal(markets.scanned(gate.read, asset="GAZP")) == (
        "there are no dated futures on GAZP at any account: there is nothing to scan"
    )
    gate.listed = {COINS: [coin("BTC-PERP")]}
    assert "no dated futures at any account" in refusal(markets.scanned(gate.read))


# ── what is said ────────────────────────────────────────────────────────────────────────────────


def test_a_scan_is_reckoned_on_what_the_venues_tell() -> None:
    """Far 30600 less 100 shares at 300 is 600 on a margin of 30000 + 5200, in thirty days."""
    found = wait(markets.scanned(Gate().read, "18", "SBER"))
    best = next(one for one in found.rows if one.far == f"{MOEX}:SRZ6")
    assert (best.delta, best.margin, best.days) == (D(600), D(35200), 30)
    assert best.yearly_pct == pytest.approx(((1 + 600 / 35200) ** (365 / 30) - 1) * 100, abs=0.01)
    assert found.rows[0].yearly_pct >= found.rows[-1].yearly_pct > 18
    assert found.pairs == 3
    assert found.said == ()


def test_where_nothing_yields_enough_the_best_is_told() -> None:
    found = wait(markets.scanned(Gate().read, "900"))
    assert (found.rows, found.found) == ((), 0)
    assert found.best is not None
    said = _text(found)
    assert "0 of 5 pairs yield more than 900 % a year on the margin; the best is shown" in said
    assert "SRZ6" in said


def test_an_account_that_does_not_answer_is_a_sentence_beside_the_others() -> None:
    gate = Gate()
    gate.refuses[MOEX] = f"{MOEX}: not connected: the token has expired"
    found = wait(markets.scanned(gate.read, "-99"))
    assert found.said == (f"{MOEX}: not connected: the token has expired",)
    assert pairs(found)
    gate.refuses[COINS] = f"{COINS}: not connected"
    both = f"{COINS}: not connected; {MOEX}: not connected: the token has expired"
    assert refusal(markets.scanned(gate.read)) == both


def test_out_of_session_last_prices_are_taken_and_said() -> None:
    gate = Gate()
    opens_ns = NOW + DAY
    for market, one in gate.quotes.items():
        if market.startswith(MOEX):
            stale = {"bid": D(1), "ask": D(99999999), "last": one.bid}
            gate.quotes[market] = replace(one, open=False, opens_ns=opens_ns, **stale)
    found = wait(markets.scanned(gate.read, "-99", "SBER"))
    assert found.rows[-1].near_price == D("299.9")
    assert found.said == (
        f"{MOEX}: SBER, SRH7, SRZ6 out of session, taken at last prices; "
        f"the next session begins {moment(opens_ns)}",
    )


def test_a_side_that_is_missing_is_said_and_the_last_price_stands_in() -> None:
    gate = Gate()
    market = f"{MOEX}:SRZ6"
    gate.quotes[market] = replace(gate.quotes[market], bid=D(0), last=D(30700))
    found = wait(markets.scanned(gate.read, "-99", "SBER"))
    assert next(one.far_price for one in found.rows if one.far == market) == D(30700)
    assert found.said == (f"{MOEX}: SRZ6 without a bid or an ask: the last price stands in for it",)
    gate.quotes[market] = replace(gate.quotes[market], bid=D(0), last=D(0), mark=D(30800))
    found = wait(markets.scanned(gate.read, "-99", "SBER"))
    assert next(one.far_price for one in found.rows if one.far == market) == D(30800)


def test_the_funding_period_is_the_venues() -> None:
    gate = Gate()

    def funding(period_s: int) -> D:
        market = f"{COINS}:BTC-PERP"
        gate.quotes[market] = replace(gate.quotes[market], funding_s=period_s)
        found = wait(markets.scanned(gate.read, "-99", account=COINS))
        return next(one.funding for one in found.rows if one.near == market and one.side == "sell")

    assert funding(4 * 3600) == 2 * funding(8 * 3600)
    assert funding(0) == funding(8 * 3600)


def test_implied_dividends() -> None:
    gate = Gate()
    market = f"{MOEX}:SRZ6"
    gate.quotes[market] = replace(gate.quotes[market], bid=D(29000), ask=D(29010))
    found = wait(markets.implied(gate.read, "7,5"))
    assert found.rows[0].buy == market
    fair = 29990 * 1.075 ** (30 / 365)
    assert float(found.rows[0].dividend) == pytest.approx((fair - 29010) / 100, abs=0.001)
    assert wait(markets.implied(gate.read, threshold="99")).rows == ()
    assert "SRZ6" in _text(found)


def test_the_chart_of_basis() -> None:
    points = wait(markets.basis_of(Gate().read, "SBER"))
    assert [one.market for one in points] == [f"{MOEX}:SRZ6", f"{MOEX}:SRH7"]
    assert points[0].over == D("6.1")
    assert wait(markets.assets(Gate().read)) == ("BTC", "SBER")


# ── mistakes and words ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wrong", ["x", "", "1e9999", "--5", "nan"])
def test_a_rate_that_is_none_is_one_sentence(wrong: str) -> None:
    assert refusal(markets.scanned(Gate().read, wrong)).startswith("`rate`: ")


@pytest.mark.parametrize(
    ("deed", "words", "given"),
    [
        ("scan", "", {}),
        ("scan", "7.5", {"rate": "7.5"}),
        ("scan", "7,5% SBER", {"rate": "7,5%", "asset": "SBER"}),
        ("scan", "BTC", {"asset": "BTC"}),
        ("dscan", "20", {"limit": 20}),
        ("dscan", "SBER 5", {"limit": 5, "asset": "SBER"}),
        ("quotes", "paper/main", {"account": "paper/main", "symbols": ""}),
        ("quotes", "paper/main A B", {"account": "paper/main", "symbols": "A,B"}),
        ("instruments", "SBER", {"text": "SBER"}),
    ],
)
def test_words(deed: str, words: str, given: dict[str, Any]) -> None:
    spoken = commands.BY_NAME[deed].spoken
    assert spoken is not None
    assert spoken(words.split()) == given


@pytest.mark.parametrize(
    ("deed", "words"),
    [("scan", "1 2"), ("scan", "A B"), ("dscan", "0"), ("quotes", "")],
)
def test_words_that_fit_no_form(deed: str, words: str) -> None:
    spoken = commands.BY_NAME[deed].spoken
    assert spoken is not None
    with pytest.raises(WordsWrong):
        spoken(words.split())


# ── screens ─────────────────────────────────────────────────────────────────────────────────────


def _text(answer: Any, width: int = 140) -> str:
    return answer_screen(answer, Look(NOW)).text(width)


def test_a_screen_has_seventy_pairs_at_most() -> None:
    gate = Gate()
    names = [f"SR{number:03d}" for number in range(90)]
    gate.listed[MOEX] = [share("SBER"), *(future(name, "SBER", 30 + n) for n, name in enumerate(names))]
    gate.quotes |= {f"{MOEX}:{name}": quote(MOEX, name, 31000, 31010) for name in names}
    found = wait(markets.scanned(gate.read, "1", "SBER", limit=1000))
    assert (found.found, len(found.rows)) == (90, 90)
    lines = _text(found).splitlines()
    assert sum(line.startswith("SBER") for line in lines) == 70
    assert "90 of 4095 pairs yield more than 1 % a year on the margin; the best 70 are shown" in lines
    assert any(line.startswith("not reckoned: ") for line in lines)


def test_accounts_are_named_where_there_are_several() -> None:
    gate = Gate()
    one = _text(wait(markets.scanned(gate.read, "1", "SBER")))
    assert MOEX not in one
    gate.listed["other/main"] = gate.listed.pop(COINS)[1:]
    gate.listed[COINS] = [coin("BTC-USD", "spot")]
    gate.quotes |= {
        one.market.replace(COINS, "other/main"): replace(one, market=one.market.replace(COINS, "other/main"))
        for one in list(gate.quotes.values())
    }
    both = _text(wait(markets.scanned(gate.read, "1", "BTC")), 200)
    assert f"{COINS}:BTC-USD" in both
    assert "other/main:BTC-26MAR27" in both


def test_quotes_as_a_table() -> None:
    gate = Gate()
    market = f"{COINS}:BTC-USD"
    gate.quotes[market] = replace(gate.quotes[market], open=False, opens_ns=NOW + DAY, age_ns=2_100_000_000)
    said = _text(wait(markets.quoted(gate.read, COINS)))
    assert "BTC-PERP" in said
    assert "0.01" in said  # per cent of funding
    assert "closed" in said
    assert "prices of 2.1 s ago" in said
    assert _text(()) == "no prices\n"
    assert max(map(len, _text(wait(markets.quoted(gate.read, COINS)), 80).splitlines())) <= 80


def test_instruments_as_a_table() -> None:
    def row(it: Any, account: str) -> dict[str, Any]:
        fields = {name: getattr(it, name) for name in it.__struct_fields__}
        return {**fields, "market": f"{account}:{it.symbol}", "account": account}

    rows = [
        row(future("SRZ6", "SBER", 30, can_short=False), MOEX),
        row(share("SBER", listed=False), MOEX),
        row(coin("BTC-PERP"), COINS),
    ]
    screen: Screen = instruments_screen(rows, Look(NOW))
    said = screen.text(140)
    assert "5000/5200" in said
    assert "no short selling" in said
    assert "no longer listed" in said
    assert screen.data[0]["symbol"] == "SRZ6"
