"""Binance spot's public side: filters that become instruments, the rule of books, bars, what is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kedge.model.instrument import Instrument
from kedge.model.venue import Bar, Trade
from kedge.venues.binance.spot import market
from kedge.venues.binance.spot.market import (
    DepthUpdate,
    ExchangeInfo,
    Filter,
    Klines,
    KlineSeen,
    Listing,
    SymbolSaid,
    TradeSeen,
    Unreadable,
)
from kedge.venues.books import Change

PRICE = {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000"}
LOT = {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.0", "stepSize": "0.00001000"}
MARKET = {"filterType": "MARKET_LOT_SIZE", "minQty": "0.0", "maxQty": "84.40", "stepSize": "0.00000000"}
NOTIONAL = {"filterType": "NOTIONAL", "minNotional": "5.0", "maxNotional": "9000000.0", "avgPriceMins": 5}
BY_SIDE = {
    "filterType": "PERCENT_PRICE_BY_SIDE",
    "bidMultiplierUp": "5",
    "bidMultiplierDown": "0.2",
    "askMultiplierUp": "6",
    "askMultiplierDown": "0.3",
    "avgPriceMins": 5,
}


def symbol(*filters: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "orderTypes": ["LIMIT", "MARKET"],
        "filters": list(filters),
        **members,
    }


def listing(*filters: dict[str, Any], **members: Any) -> Listing | None:
    return market.listing_of(msgspec.convert(symbol(*filters, **members), SymbolSaid))


def instrument(*filters: dict[str, Any], **members: Any) -> Instrument:
    made = listing(*filters, **members)
    assert made is not None
    return made.instrument


# ── instruments ─────────────────────────────────────────────────────────────────────────────────


def test_filters_become_an_instrument() -> None:
    made = listing(
        *(PRICE, LOT, MARKET, NOTIONAL, BY_SIDE),
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_POSITION", "maxPosition": "10.5"},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "BRAND_NEW", "whatever": [1]},
    )
    assert made == Listing(
        Instrument(
            symbol="BTCUSDT",
            kind="spot",
            base="BTC",
            quote="USDT",
            settle="USDT",
            tick=Decimal("0.01"),
            qty_step=Decimal("0.00001"),
            min_qty=Decimal("0.00001"),
            max_qty=Decimal("84.4"),
            min_notional=Decimal(5),
        ),
        ("LIMIT", "MARKET"),
        limit_max_qty=Decimal(9000),
        max_notional=Decimal(9000000),
        bid_band=(Decimal("0.2"), Decimal(5)),
        ask_band=(Decimal("0.3"), Decimal(6)),
        max_orders=200,
        max_algo_orders=5,
        max_position=Decimal("10.5"),
    )


def test_older_forms_of_filters() -> None:
    old = listing(
        *(PRICE, LOT, {"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": True}),
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.3", "multiplierDown": "0.7", "avgPriceMins": 5},
    )
    assert old is not None
    assert old.instrument.min_notional == 10
    assert old.instrument.max_qty == 9000, "no market filter: the lot's"
    assert old.bid_band == old.ask_band == (Decimal("0.7"), Decimal("1.3"))


@pytest.mark.parametrize(
    ("lot", "market_step", "step"),
    [
        ("0.001", "0", "0.001"),
        ("0.001", "0.001", "0.001"),
        ("0.001", "0.01", "0.01"),
        ("0.01", "0.001", "0.01"),
        ("0.4", "0.6", "1.2"),
        ("1", "0.3", "3"),
    ],
)
def test_one_step_for_limit_and_market_orders(lot: str, market_step: str, step: str) -> None:
    filters = {**LOT, "stepSize": lot}, {**MARKET, "stepSize": market_step}
    assert instrument(PRICE, *filters).qty_step == Decimal(step)


def test_rules_that_are_switched_off() -> None:
    assert instrument({**PRICE, "tickSize": "0"}, LOT, quotePrecision=8).tick == Decimal("1E-8")
    assert instrument(LOT, quotePrecision=2).tick == Decimal("0.01")
    assert listing(PRICE, {**LOT, "stepSize": "0.0"}) is None
    assert listing(PRICE) is None
    assert listing(PRICE, LOT, isSpotTradingAllowed=False) is None


@pytest.mark.parametrize(
    ("said", "status"),
    [("TRADING", "trading"), ("HALT", "halted"), ("BREAK", "halted"), ("END_OF_DAY", "halted")],
)
def test_whether_it_trades(said: str, status: str) -> None:
    assert instrument(PRICE, LOT, status=said).status == status


def test_a_symbol_that_cannot_be_read_does_not_hide_the_others() -> None:
    symbols = [symbol(PRICE, LOT), symbol({**LOT, "stepSize": "NaN"}), {"symbol": 5}, 7]
    body = msgspec.json.encode({"symbols": symbols, "rateLimits": [{}]})
    info = msgspec.json.decode(body, type=ExchangeInfo)
    listings, unread = market.listings_of(info)
    assert [one.instrument.symbol for one in listings] == ["BTCUSDT"]
    assert unread == 3


def test_a_filter_has_zero_where_the_venue_says_nothing() -> None:
    assert Filter("X").tick_size == "0"


# ── the rule of books ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seq", "first", "last", "follow"),
    [
        (160, 150, 159, "skip"),
        (160, 157, 160, "skip"),
        (160, 157, 161, "apply"),
        (160, 161, 165, "apply"),
        (160, 161, 161, "apply"),
        (160, 162, 165, "gap"),
    ],
)
@pytest.mark.parametrize("fresh", [True, False])
def test_whether_a_change_follows(seq: int, first: int, last: int, follow: str, fresh: bool) -> None:
    assert market.follows(seq, Change((), (), last, first), fresh) == follow


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_streams_by_name() -> None:
    assert market.streams_of("BTCUSDT") == ("btcusdt@depth@100ms", "btcusdt@miniTicker")
    assert market.trade_stream("BTCUSDT") == "btcusdt@trade"
    assert market.bar_stream("BTCUSDT", 60 * 10**9) == "btcusdt@kline_1m"
    assert market.bar_stream("BTCUSDT", 7 * 10**9) is None
    assert market.symbol_of_stream("btcusdt@depth@100ms") == "BTCUSDT"


def test_changes_trades_and_bars() -> None:
    depth = b'{"e":"depthUpdate","E":16,"s":"B","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","0"]]}'
    update = market.read_seen("b@depth@100ms", depth)
    assert isinstance(update, DepthUpdate)
    assert market.change_of(update) == Change(
        (("0.0024", "10"),), (("0.0026", "0"),), 160, 157, 0, 16_000_000, 16_000_000
    )
    seen = market.read_seen("b@trade", b'{"E":1,"s":"B","t":12,"p":"0.001","q":"100","T":2,"m":true}')
    assert isinstance(seen, TradeSeen)
    assert market.trade_of(seen) == Trade("12", "sell", Decimal("0.001"), Decimal(100), 2_000_000)
    kline = {"t": 60_000, "i": "1m", "o": "1", "c": "2", "h": "3", "l": "0.5", "v": "9", "x": True}
    closed = market.read_seen("b@kline_1m", msgspec.json.encode({"E": 1, "s": "B", "k": kline}))
    assert isinstance(closed, KlineSeen)
    bar = Bar(60 * 10**9, Decimal(1), Decimal(3), Decimal("0.5"), Decimal(2), Decimal(9))
    assert market.bar_of(closed) == bar
    running = market.read_seen(
        "b@kline_1m", msgspec.json.encode({"E": 1, "s": "B", "k": {**kline, "x": False}})
    )
    assert isinstance(running, KlineSeen)
    assert market.bar_of(running) is None, "the running bar is not told"


def test_a_stream_that_is_not_ours() -> None:
    assert market.read_seen("b@avgPrice", b"{}") is None
    assert market.read_seen("!ticker@arr", b"[]") is None
    assert isinstance(market.read_seen("b@trade", b"{}"), Unreadable)


def test_klines_of_a_reply_know_the_running_one_by_its_end() -> None:
    rows = [
        [60_000, "1", "3", "0.5", "2", "9", 119_999, "q", 1, "x", "y", "0"],
        [120_000, "2", "2", "2", "2", "0", 179_999, "q", 0, "x", "y", "0"],
    ]
    read = market.read_klines(msgspec.json.encode(rows), venue_ms=150_000)
    assert isinstance(read, Klines)
    assert [bar.start_ns for bar in read.bars] == [60 * 10**9, 120 * 10**9]
    assert [bar.start_ns for bar in read.closed] == [60 * 10**9]
    assert read.latest_ns == 120 * 10**9
    assert market.read_klines(b"[]", 1) == Klines((), ())
    assert isinstance(market.read_klines(b"{}", 1), Unreadable)


# ── what a snapshot covers ──────────────────────────────────────────────────────────────────────


def test_the_market_near_the_edge_of_what_is_known() -> None:
    bids = tuple((f"{99 - n}", "1") for n in range(10))
    asks = tuple((f"{101 + n}", "1") for n in range(10))
    known = market.known_of(bids, asks, 10)
    assert known is not None
    assert (known.low, known.middle, known.high) == (90, 100, 110)
    assert [p for p in range(90, 111) if known.near_edge(Decimal(p))] == [
        90,
        91,
        92,
        93,
        94,
        *range(106, 111),
    ]
    assert market.known_of(bids, asks, 11) is None, "the whole book was shown"
    assert market.known_of((), asks, 10) is None
    half = market.known_of(bids[:5], asks, 10)
    assert half is not None
    assert not half.near_edge(Decimal(1)), "all bids were shown"
    assert half.near_edge(Decimal(109))
