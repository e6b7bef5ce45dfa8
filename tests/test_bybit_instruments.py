"""Bybit's instruments: exact steps, both names of each, what is no longer listed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.json import encode

from kedge.model.instrument import Instrument
from kedge.venues.bybit import wire
from kedge.venues.bybit.instruments import Listing, native_of, read_instruments

CONTRACT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "deliveryTime": "0",
    "priceFilter": {"tickSize": "0.10", "minPrice": "0.10", "maxPrice": "1999999.80"},
    "lotSizeFilter": {
        "maxOrderQty": "1190.000",
        "minOrderQty": "0.001",
        "qtyStep": "0.001",
        "maxMktOrderQty": "500.000",
        "minNotionalValue": "5",
    },
}
INVERSE = CONTRACT | {
    "symbol": "BTCUSD",
    "quoteCoin": "USD",
    "settleCoin": "BTC",
    "lotSizeFilter": {"maxOrderQty": "25000000", "minOrderQty": "1", "qtyStep": "1"},
}
PAIR: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.0000001",
        "minOrderQty": "0.000011",
        "maxOrderQty": "83",
        "minOrderAmt": "5",
        "maxLimitOrderQty": "83",
        "maxMarketOrderQty": "41.5",
    },
    "priceFilter": {"tickSize": "0.1"},
}


def page(category: str, *rows: dict[str, Any], cursor: str = "") -> wire.Envelope:
    result = {"category": category, "list": rows, "nextPageCursor": cursor}
    envelope = wire.read_envelope(encode({"retCode": 0, "result": result}))
    assert isinstance(envelope, wire.Envelope)
    return envelope


def read(category: Any, *rows: dict[str, Any]) -> list[Instrument]:
    found = read_instruments(category, page(category, *rows))
    assert not isinstance(found, wire.Unreadable)
    assert found[2] == []
    return found[0]


def known() -> Listing:
    listing = Listing()
    listing.learn("linear", read("linear", CONTRACT, CONTRACT | {"symbol": "BTCPERP", "settleCoin": "USDC"}))
    listing.learn("inverse", read("inverse", INVERSE))
    listing.learn("spot", read("spot", PAIR, PAIR | {"symbol": "BTCEUR", "quoteCoin": "EUR"}))
    return listing


def test_a_linear_contract() -> None:
    (made,) = read("linear", CONTRACT)
    assert made == Instrument(
        symbol="BTCUSDT",
        kind="linear",
        base="BTC",
        quote="USDT",
        settle="USDT",
        tick=Decimal("0.10"),
        qty_step=Decimal("0.001"),
        min_qty=Decimal("0.001"),
        max_qty=Decimal("500.000"),
        min_notional=Decimal(5),
    )


def test_an_inverse_contract_is_counted_in_dollars_and_settled_in_its_coin() -> None:
    (made,) = read("inverse", INVERSE)
    assert (made.kind, made.settle, made.qty_step) == ("inverse", "BTC", 1)
    assert made.value(Decimal(300), Decimal(30000)) == Decimal("-0.01")


def test_a_future_has_its_end() -> None:
    (made,) = read("linear", CONTRACT | {"symbol": "BTCUSDT-26DEC25", "deliveryTime": "1766736000000"})
    assert made.expires_ns == 1766736000000 * 10**6


def test_a_pair_is_named_by_its_coins() -> None:
    (made,) = read("spot", PAIR)
    assert (made.symbol, made.kind, native_of(made.symbol)) == ("BTC/USDT", "spot", "BTCUSDT")
    # minOrderQty is no longer checked: the least is one step, worth minOrderAmt.
    assert (made.min_qty, made.min_notional, made.max_qty) == (
        Decimal("0.000001"),
        5,
        Decimal("41.5"),
    )


@pytest.mark.parametrize(
    ("status", "ours"),
    [("Trading", "trading"), ("PreLaunch", "halted"), ("Delivering", "halted"), ("Closed", "closed")],
)
def test_only_what_trades_is_traded(status: str, ours: str) -> None:
    assert read("linear", CONTRACT | {"status": status})[0].status == ours


@pytest.mark.parametrize(
    "spoilt",
    [
        {"priceFilter": {"tickSize": "0"}},
        {"priceFilter": {"tickSize": ""}},
        {"lotSizeFilter": {}},
        {"priceFilter": None},
        {"symbol": 7},
    ],
)
def test_an_odd_one_does_not_spoil_the_list(spoilt: dict[str, Any]) -> None:
    found = read_instruments("linear", page("linear", CONTRACT | spoilt, INVERSE | {"symbol": "OK"}))
    assert not isinstance(found, wire.Unreadable)
    assert [one.symbol for one in found[0]] == ["OK"]
    assert len(found[2]) == 1


def test_pages_say_where_the_next_one_begins() -> None:
    found = read_instruments("linear", page("linear", CONTRACT, cursor="first%3DA%26last%3DB"))
    assert not isinstance(found, wire.Unreadable)
    assert found[1] == "first%3DA%26last%3DB"


def test_both_names() -> None:
    listing = known()
    assert listing.symbol_of("spot", "BTCUSDT") == "BTC/USDT"
    assert listing.symbol_of("linear", "BTCUSDT") == "BTCUSDT"
    assert listing.category_of("BTC/USDT") == "spot"
    assert listing.category_of("BTCUSDT") == "linear"
    assert listing.category_of("BTCUSD") == "inverse"


def test_what_is_not_listed_is_named_by_its_spelling() -> None:
    listing = known()
    assert listing.symbol_of("spot", "DOGEUSDT") == "DOGE/USDT"
    assert listing.symbol_of("spot", "DOGEEUR") == "DOGE/EUR"
    assert native_of(listing.symbol_of("spot", "ODDPAIR")) == "ODDPAIR"
    assert listing.category_of("DOGE/USDT") == "spot"
    assert listing.category_of("ETHUSDH26") == "inverse"
    assert listing.category_of("ETHUSDT-26DEC25") == "linear"


def test_what_changed_is_news_and_what_is_gone_is_closed() -> None:
    listing = known()
    finer = CONTRACT | {"priceFilter": {"tickSize": "0.01"}}
    news = listing.learn("linear", read("linear", finer))
    assert [(one.symbol, one.status, one.tick) for one in news] == [
        ("BTCUSDT", "trading", Decimal("0.01")),
        ("BTCPERP", "closed", Decimal("0.10")),
    ]
    assert listing.learn("linear", read("linear", finer)) == []
    assert listing.all["BTC/USDT"].status == "trading"  # another category's list says nothing of it


def test_a_list_that_is_not_whole_closes_nothing() -> None:
    listing = known()
    assert listing.learn("linear", read("linear", CONTRACT), whole=False) == []
    assert listing.all["BTCPERP"].status == "trading"
    assert listing.lists("linear")
    listing.learn("linear", [])
    assert not listing.lists("linear")


def test_where_fees_are_paid_when_the_venue_does_not_say() -> None:
    listing = known()
    assert listing.settle_coins("linear") == ("USDT", "USDC")
    assert listing.money_of("linear", "BTCPERP", "buy") == "USDC"
    # Those that have left the list: a delivery's fee may be all that is still to come of them.
    assert listing.money_of("linear", "ETHPERP", "buy") == "USDC"
    assert listing.money_of("linear", "BTC-24MAR23", "buy") == "USDC"
    assert listing.money_of("linear", "ETHUSDT-24MAR23", "buy") == "USDT"
    assert listing.money_of("inverse", "BTCUSD", "sell") == "BTC"
    assert listing.money_of("inverse", "XRPUSD", "sell") == "XRP"
    assert listing.money_of("spot", "BTC/USDT", "buy") == "BTC"
    assert listing.money_of("spot", "BTC/USDT", "sell") == "USDT"
