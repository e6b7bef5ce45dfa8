"""What Bybit says of its markets: the gap rule, marks that merge, trades, bars that are final."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import Raw
from msgspec.json import encode

from kedge.model.events import BookUpdate, MarkUpdate
from kedge.model.venue import Bar, Level, Trade
from kedge.venues.bybit import public, wire

MARKET = "bybit/main:BTCUSDT"


def book(kind: str, u: int, bids: Any = (), asks: Any = (), topic: str = "orderbook.50.BTCUSDT") -> Any:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": u, "seq": 7}
    said = public.read_book(
        encode({"topic": topic, "type": kind, "ts": 1700000000123, "data": data, "cts": 1700000000120})
    )
    assert isinstance(said, public.BookSaid), said
    return said


def test_a_delta_follows_the_number_before_it() -> None:
    change = public.change_of(book("delta", 8, [["1", "2"]]))
    assert public.follows(7, change, True) == "apply"
    assert public.follows(7, change, False) == "apply"
    assert public.follows(8, change, False) == "skip"
    assert public.follows(9, change, False) == "skip"
    assert public.follows(6, change, False) == "gap"
    assert change.venue_ns == 1700000000120 * 10**6


def test_number_one_is_a_snapshot_whatever_it_calls_itself() -> None:
    assert book("snapshot", 900).is_snapshot
    assert book("delta", 1).is_snapshot
    assert not book("delta", 2).is_snapshot


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b'{"topic":"orderbook.50.X","type":"guess","ts":1,"data":{"s":"X","b":[],"a":[],"u":3}}',
        b'{"topic":"orderbook.50.X","type":"delta","ts":1,"data":{"s":"X","b":[],"a":[],"u":-3}}',
        b'{"topic":"orderbook.50.X","type":"delta","ts":"now","data":{"s":"X","b":[],"a":[],"u":3}}',
        b'{"topic":"orderbook.50.X","type":"delta","ts":1,"data":{"s":"X","b":[["1"]],"a":[],"u":3}}',
        b'{"topic":"orderbook.50.X","type":"delta","ts":1,"data":{"s":"X","b":null,"a":[],"u":3}}',
    ],
)
def test_an_unreadable_book_is_no_empty_book(frame: bytes) -> None:
    assert isinstance(public.read_book(frame), wire.Unreadable)


TOLD = BookUpdate(MARKET, (Level(Decimal(100), Decimal(2)),), (Level(Decimal(101), Decimal(3)),), 0)


@pytest.mark.parametrize(
    ("bids", "asks", "agrees"),
    [
        ([["100.0", "2.00"]], [["101", "3"]], True),
        ([["100", "1"]], [["101", "3"]], False),
        ([["99", "2"]], [["101", "3"]], False),
        ([], [["101", "3"]], False),
        ([["NaN", "2"]], [["101", "3"]], False),
    ],
)
def test_best_prices_agree_with_the_book_or_say_nothing(bids: Any, asks: Any, agrees: bool) -> None:
    assert public.agrees(TOLD, book("snapshot", 5, bids, asks, "orderbook.1.BTCUSDT")) is agrees


def test_topics() -> None:
    assert public.topic_of("orderbook.50.BTCUSDT") == public.Topic("orderbook", "50", "BTCUSDT")
    assert public.topic_of("tickers.BTC-26DEC25") == public.Topic("tickers", "", "BTC-26DEC25")
    assert public.topic_of("kline.60.BTCUSDT") == public.Topic("kline", "60", "BTCUSDT")
    assert public.topic_of("x") == public.Topic("x", "", "")
    assert public.bars_topic(86_400_000_000_000, "BTCUSD") == "kline.D.BTCUSD"
    assert public.interval_of("60") == 3_600_000_000_000
    assert public.interval_of("M") == 0


def ticker(**members: Any) -> public.TickerRow:
    row = public.read_ticker(Raw(encode({"symbol": "BTCUSDT", **members})))
    assert isinstance(row, public.TickerRow)
    return row


def test_a_delta_of_a_ticker_leaves_out_what_has_not_changed() -> None:
    first = ticker(markPrice="100", indexPrice="99", lastPrice="101", fundingRate="0.0001")
    later = public.merged(first, ticker(lastPrice="102"))
    assert public.mark_of(later, MARKET, 5) == MarkUpdate(
        MARKET, Decimal(100), Decimal(99), Decimal(102), Decimal("0.0001"), 5
    )
    gone = public.merged(first, ticker(fundingRate=""))
    mark = public.mark_of(gone, MARKET, 5)
    assert isinstance(mark, MarkUpdate)
    assert mark.funding_rate == 0  # a future has none, and says so


def test_spot_has_no_mark_but_its_last_price() -> None:
    mark = public.mark_of(ticker(lastPrice="102"), MARKET, 5)
    assert mark == MarkUpdate(MARKET, Decimal(102), last=Decimal(102), venue_ns=5)
    assert public.mark_of(ticker(), MARKET, 5) is None
    assert isinstance(public.mark_of(ticker(markPrice="much"), MARKET, 5), wire.Unreadable)


def test_a_mark_that_says_nothing_new_is_not_told() -> None:
    one = public.mark_of(ticker(lastPrice="102"), MARKET, 5)
    two = public.mark_of(ticker(lastPrice="102"), MARKET, 6)
    assert isinstance(one, MarkUpdate)
    assert isinstance(two, MarkUpdate)
    assert public.is_same_mark(one, two)
    assert not public.is_same_mark(None, one)


def test_trades_are_the_takers_and_block_trades_are_left_out() -> None:
    said = [
        {
            "T": 1672304486865,
            "s": "BTCUSDT",
            "S": "Buy",
            "v": "0.001",
            "p": "16578.50",
            "i": "a",
            "BT": False,
        },
        {"T": 1672304486866, "s": "BTCUSDT", "S": "Sell", "v": "9", "p": "1", "i": "b", "BT": True},
    ]
    assert public.read_trades(Raw(encode(said))) == (
        Trade("a", "buy", Decimal("16578.50"), Decimal("0.001"), 1672304486865 * 10**6),
    )
    for spoilt in ({"S": "Both"}, {"v": ""}, {"p": "NaN"}, {"T": "soon"}):
        assert isinstance(public.read_trades(Raw(encode([said[0] | spoilt]))), wire.Unreadable)


BAR = {
    "start": 1672324800000,
    "end": 1672325099999,
    "interval": "5",
    "open": "10",
    "close": "11",
    "high": "12",
    "low": "9",
    "volume": "2.5",
    "turnover": "27",
    "confirm": True,
}


def test_only_a_confirmed_bar_is_final() -> None:
    running = BAR | {"confirm": False}
    assert public.read_bars(Raw(encode([running, BAR]))) == (
        Bar(1672324800000 * 10**6, Decimal(10), Decimal(12), Decimal(9), Decimal(11), Decimal("2.5")),
    )
    assert isinstance(public.read_bars(Raw(encode([BAR | {"low": "13"}]))), wire.Unreadable)
    assert isinstance(public.read_bars(Raw(encode([BAR | {"volume": ""}]))), wire.Unreadable)


def test_history_has_the_newest_first_and_is_turned_round() -> None:
    rows = [["1670605200000", "2", "2", "2", "2", "5", "9"], ["1670601600000", "1", "1", "1", "1", "4", "9"]]
    envelope = wire.read_envelope(encode({"retCode": 0, "result": {"list": rows}}))
    assert isinstance(envelope, wire.Envelope)
    bars = public.read_bars_told(envelope)
    assert isinstance(bars, tuple)
    assert [bar.close for bar in bars] == [1, 2]
    short = wire.read_envelope(encode({"retCode": 0, "result": {"list": [["1", "2"]]}}))
    assert isinstance(public.read_bars_told(short), wire.Unreadable)  # type: ignore[arg-type]
