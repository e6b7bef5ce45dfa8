"""Quotes of each venue, from its own words: what is left out there is zero here, one odd row hides none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from ccxt_fakes import HAS, SWAP, SYMBOL, Fake, Json, NetworkError, World, market
from msgspec import Raw
from test_ccxt_venue import play

from kedge.model.venue import Quote
from kedge.venues.binance.spot import quotes as spot
from kedge.venues.binance.usdm import quotes as usdm
from kedge.venues.bybit.quotes import read_quotes
from kedge.venues.bybit.wire import Unreadable, read_envelope

# ── bybit ───────────────────────────────────────────────────────────────────────────────────────

PERPETUAL = {
    "symbol": "BTCUSDT",
    "lastPrice": "60001.5",
    "indexPrice": "60000",
    "markPrice": "60000.7",
    "fundingRate": "-0.00012",
    "nextFundingTime": "1790006400000",
    "fundingIntervalHour": "4",
    "bid1Price": "60001.4",
    "bid1Size": "1.25",
    "ask1Price": "60001.5",
    "ask1Size": "0.004",
}
DATED = {
    "symbol": "BTCUSDT-25DEC26",
    "lastPrice": "60400",
    "fundingRate": "",
    "nextFundingTime": "",
    "fundingIntervalHour": "",
    "bid1Price": "",
    "bid1Size": "",
    "ask1Price": "60410",
    "ask1Size": "1",
}


def bybit(*rows: Any) -> list[Quote] | Unreadable:
    body = {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"category": "linear", "list": rows},
        "time": 1790000000000,
    }
    envelope = read_envelope(msgspec.json.encode(body))
    assert not isinstance(envelope, Unreadable)
    return read_quotes(envelope, {"BTCUSDT": "BTCUSDT", "BTCUSDT-25DEC26": "BTCUSDT-25DEC26"})


def test_bybit_tells_everything_of_a_perpetual() -> None:
    assert bybit(PERPETUAL) == [
        Quote(
            "BTCUSDT",
            D("60001.4"),
            D("1.25"),
            D("60001.5"),
            D("0.004"),
            D("60001.5"),
            D("60000.7"),
            D("-0.00012"),
            1_790_006_400_000_000_000,
            4 * 3600,
            1_790_000_000_000_000_000,
        )
    ]


def test_bybit_leaves_out_what_a_dated_contract_has_not() -> None:
    found = bybit(DATED, {**PERPETUAL, "symbol": "STRANGE"})
    assert isinstance(found, list)
    (one,) = found
    assert (one.bid, one.bid_qty, one.ask, one.last) == (0, 0, D(60410), D(60400))
    assert (one.funding_rate, one.funding_ns, one.funding_s) == (0, 0, 0)


@pytest.mark.parametrize("odd", [{"bid1Price": "many"}, {"lastPrice": 1.5}, {"nextFundingTime": "soon"}])
def test_an_odd_row_of_bybit_hides_no_other(odd: dict[str, Any]) -> None:
    found = bybit({**PERPETUAL, **odd}, DATED)
    assert isinstance(found, list)
    assert [one.symbol for one in found] == ["BTCUSDT-25DEC26"]
    assert bybit({**PERPETUAL, **odd}) == []


# ── binance ─────────────────────────────────────────────────────────────────────────────────────


def test_binance_spot_tells_one_pair_or_many() -> None:
    one = b'{"symbol":"BTCUSDT","bidPrice":"60000.10000000","bidQty":"1.5","askPrice":"0.0","askQty":"0"}'
    best = spot.rows_of(one, spot.BestSaid)
    assert best == spot.rows_of(b"[" + one + b"]", spot.BestSaid)
    assert isinstance(best, dict)
    last = spot.rows_of(b'[{"symbol":"BTCUSDT","price":"60000.2"}]', spot.LastSaid)
    assert isinstance(last, dict)
    quote = spot.quote_of("BTCUSDT", best, last, 7)
    assert quote == Quote("BTCUSDT", D("60000.1"), D("1.5"), last=D("60000.2"), venue_ns=7)
    assert spot.quote_of("BTCUSDT", best, {}, 7).last == 0


@pytest.mark.parametrize(
    ("rows_of", "kind"),
    [(spot.rows_of, spot.BestSaid), (lambda b, k: usdm.rows_of(Raw(b), k), usdm.BestSaid)],
)
def test_an_odd_row_of_binance_hides_no_other(rows_of: Callable[..., Any], kind: Any) -> None:
    odd, good = b'{"symbol":"ETHUSDT","bidPrice":"-1"}', b'{"symbol":"BTCUSDT","bidPrice":"60000"}'
    assert list(rows_of(b"[" + odd + b"," + good + b"]", kind)) == ["BTCUSDT"]
    assert isinstance(rows_of(b"[" + odd + b"]", kind), str)
    assert isinstance(rows_of(b"<html>", kind), str)
    assert rows_of(b"[]", kind) == {}


# ── ccxt ────────────────────────────────────────────────────────────────────────────────────────


class Tickers(Fake):
    """An exchange with lists of tickers and of funding rates."""

    asked: list[Any]
    tickers: Json
    rates: Any

    async def fetch_tickers(self, symbols: Sequence[str] | None = None, params: Json | None = None) -> Json:
        self.asked.append((symbols, params))
        if isinstance(self.tickers, Exception):
            raise self.tickers
        return self.tickers

    async def fetch_funding_rates(self, symbols: Any = None, params: Any = None) -> Any:
        if isinstance(self.rates, Exception):
            raise self.rates
        return self.rates


SPOT_TICKER = {"bid": "99.5", "bidVolume": "3", "ask": "100.5", "askVolume": None, "last": "100"}
SWAP_TICKER = {"bid": "99", "bidVolume": "7", "ask": None, "askVolume": None, "last": None, "timestamp": 5}
RATE = {"markPrice": "99.25", "fundingRate": "0.0001", "fundingTimestamp": 9000, "interval": "4h"}
ABLE = {**HAS, "fetchTickers": True, "fetchFundingRates": True}


def ccxt_world(**members: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "has": ABLE,
        "asked": [],
        "tickers": {SYMBOL: SPOT_TICKER, SWAP: SWAP_TICKER},
        "rates": {SWAP: RATE},
        "markets_listed": (market(SYMBOL), market(SWAP)),
    }
    return {"kind": Tickers, **given, **members}


def test_ccxt_asks_each_sort_of_market_once() -> None:
    world = ccxt_world()

    async def story(w: World) -> None:
        said = await w.venue.quotes([SYMBOL, SWAP, "NO/SUCH"])
        assert said == (
            Quote(SYMBOL, D("99.5"), D(3), D("100.5"), last=D(100)),
            Quote(
                SWAP,
                D(99),
                D("0.07"),  # seven contracts of a hundredth
                mark=D("99.25"),
                funding_rate=D("0.0001"),
                funding_ns=9_000_000_000,
                funding_s=4 * 3600,
                venue_ns=5_000_000,
            ),
        )
        assert world["asked"] == [([SYMBOL], {}), ([SWAP], {})]
        assert await w.venue.quotes([]) == ()
        assert len(await w.venue.quotes()) == 2

    play(story, **world)


def test_ccxt_asks_for_a_whole_sort_where_names_would_be_too_many() -> None:
    many = [f"C{number}/USDT:USDT" for number in range(60)]
    world = ccxt_world(
        markets_listed=tuple(market(one) for one in many),
        tickers=dict.fromkeys(many, SWAP_TICKER),
        rates=NetworkError("no rates today"),
    )

    async def story(w: World) -> None:
        said = await w.venue.quotes()
        assert isinstance(said, tuple)
        assert len(said) == 60, "prices are worth having without funding"
        assert world["asked"] == [(None, {"type": "swap", "subType": "linear"})]

    play(story, **world)


def test_ccxt_says_why_there_are_no_prices() -> None:
    async def none(w: World) -> None:
        said = await w.venue.quotes([SYMBOL])
        assert isinstance(said, str)
        assert "only one by one" in said

    play(none, **ccxt_world(has=HAS))

    async def failing(w: World) -> None:
        said = await w.venue.quotes([SYMBOL])
        assert isinstance(said, str)
        assert said.startswith("prices: ")
        assert "the line broke" in said

    play(failing, **ccxt_world(tickers=NetworkError("the line broke")))


def test_an_odd_ticker_of_ccxts_hides_no_other() -> None:
    async def story(w: World) -> None:
        said = await w.venue.quotes()
        assert isinstance(said, tuple)
        assert [one.symbol for one in said] == [SYMBOL]
        assert isinstance(await w.venue.quotes([SWAP]), str)

    play(story, **ccxt_world(tickers={SYMBOL: SPOT_TICKER, SWAP: {**SWAP_TICKER, "bid": "1e"}}))
