"""ccxt's dictionaries, read exactly or not at all."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from ccxt_fakes import SWAP, SYMBOL, market

from kedge.model.numbers import BadNumber
from kedge.model.order import State
from kedge.model.venue import Balance, Bar, Level, PlaceOrder, VenuePosition
from kedge.venues.ccxt import wire
from kedge.venues.ccxt.rules import timeframe_ns
from kedge.venues.ccxt.wire import DECIMAL_PLACES, TICK_SIZE, Listing, Unreadable

SIGNIFICANT_DIGITS = 3


def listing(symbol: str = SYMBOL, **members: Any) -> Listing:
    read = wire.listing_of(market(symbol, **members), TICK_SIZE)
    assert isinstance(read, Listing), read
    return read


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "read"),
    [("0.1", "0.1"), ("1e-8", "1E-8"), (7, "7"), (0.1, "0.1"), (60000.01, "60000.01"), (1e-08, "1E-8")],
)
def test_numbers_are_what_the_exchange_wrote(said: object, read: str) -> None:
    assert wire.number(said) == D(read)


@pytest.mark.parametrize("said", [0.1 + 0.2, True, None, "abc", "nan", "inf", [], 1e16])
def test_what_is_not_exact_is_refused(said: object) -> None:
    with pytest.raises(BadNumber):
        wire.number(said)


# ── instruments ─────────────────────────────────────────────────────────────────────────────────


def test_spot_keeps_its_steps() -> None:
    spot = listing().instrument
    assert (spot.kind, spot.tick, spot.qty_step, spot.min_notional) == ("spot", D("0.1"), D("0.001"), D(5))
    assert (spot.base, spot.quote, spot.settle, spot.status) == ("BTC", "USDT", "USDT", "trading")


def test_linear_contracts_become_coins_and_inverse_ones_stay_contracts() -> None:
    linear = listing(SWAP).instrument
    assert (linear.kind, linear.lot, linear.multiplier) == ("linear", D("0.01"), D(1))
    assert (linear.qty_step, linear.min_qty) == (D("0.01"), D("0.01"))
    assert linear.value(D("0.05"), D(100)) == D(5)
    inverse = listing("BTC/USD:BTC", linear=False, inverse=True, contractSize="100").instrument
    assert (inverse.kind, inverse.lot, inverse.multiplier, inverse.qty_step) == (
        "inverse",
        D(1),
        D(100),
        D(1),
    )


def test_decimal_places_are_a_step_and_significant_digits_are_none() -> None:
    described = market(SYMBOL, precision={"price": 2, "amount": 5})
    read = wire.listing_of(described, DECIMAL_PLACES)
    assert isinstance(read, Listing)
    assert (read.instrument.tick, read.instrument.qty_step) == (D("0.01"), D("0.00001"))
    assert isinstance(wire.listing_of(described, SIGNIFICANT_DIGITS), Unreadable)


@pytest.mark.parametrize(
    "members",
    [
        {"spot": False, "type": "option"},
        {"spot": False, "type": "swap", "quanto": True, "linear": True},
        {"precision": {"price": None, "amount": "1"}},
        {"precision": {"price": "0.1", "amount": "x"}},
        {"precision": None},
    ],
)
def test_what_cannot_be_traded_exactly_is_left_out(members: dict[str, Any]) -> None:
    assert isinstance(wire.listing_of(market(SYMBOL, **members), TICK_SIZE), Unreadable)


def test_a_market_that_is_not_active_is_halted_and_one_that_is_gone_closed() -> None:
    halted = listing(active=False)
    assert halted.instrument.status == "halted"
    assert wire.closed(halted).instrument.status == "closed"
    assert (
        listing("BTC/USDT:USDT", type="future", expiry=1_800_000_000_000).instrument.expires_ns
        == 1_800_000_000 * 10**9
    )


def test_what_is_not_a_whole_number_of_steps_cannot_be_written() -> None:
    def order(qty: str, price: str, trigger: str = "0") -> str:
        placed = PlaceOrder("1", SWAP, "buy", D(qty), D(price), trigger_price=D(trigger))
        return wire.impossible(listing(SWAP), placed)

    assert order("0.05", "100.1") == ""
    assert wire.amount_of(listing(SWAP), D("0.05")) == "5"
    assert order("0.055", "100") == "0.055 is not a multiple of BTC/USDT:USDT's step 0.01"
    assert "price 100.15 is not a multiple" in order("0.05", "100.15")
    assert "trigger 1.01 is not a multiple" in order("0.05", "100", "1.01")


# ── orders, fills, money ────────────────────────────────────────────────────────────────────────

ORDER = {
    "id": "7",
    "side": "buy",
    "type": "limit",
    "amount": "10",
    "filled": "4",
    "price": "100.0",
    "status": "open",
    "timestamp": 5,
    "lastUpdateTimestamp": 6,
}


def read_order(**members: Any) -> Any:
    return wire.order_of({**ORDER, **members}, listing(SWAP), "c1")


def test_an_order_is_counted_in_coins_and_dated_by_its_last_change() -> None:
    order = read_order()
    assert (order.qty, order.cum_qty, order.price) == (D("0.10"), D("0.04"), D("100.0"))
    assert (order.state, order.venue_ns, order.venue_id) == (State.OPEN, 6_000_000, "7")


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"status": "closed", "filled": "10"}, State.FILLED),
        ({"status": "closed"}, State.CANCELLED),  # the rest is gone
        ({"status": "canceled"}, State.CANCELLED),
        ({"status": "canceling"}, State.OPEN),
        ({"status": "expired"}, State.EXPIRED),
        ({"status": "rejected"}, State.REJECTED),
    ],
)
def test_states_are_our_own_words(members: dict[str, Any], state: State) -> None:
    assert read_order(**members).state is state


def test_a_market_order_has_no_price_and_a_trigger_makes_a_stop() -> None:
    assert (read_order(type="market", price="99").kind, read_order(type="market", price="99").price) == (
        "market",
        D(0),
    )
    assert read_order(triggerPrice="90").kind == "stop_limit"
    assert read_order(type="market", triggerPrice="90").kind == "stop"
    assert read_order(triggerPrice="0").kind == "limit"


@pytest.mark.parametrize("members", [{"status": None}, {"side": None}, {"amount": "x"}])
def test_an_order_that_cannot_be_read_is_a_sentence(members: dict[str, Any]) -> None:
    assert isinstance(read_order(**members), Unreadable)


TRADE = {
    "id": "9",
    "order": "7",
    "side": "sell",
    "amount": "3",
    "price": "100.5",
    "timestamp": 8,
    "takerOrMaker": "maker",
    "fee": {"cost": "0.3", "currency": "USDT"},
}


def test_a_fill_has_a_name_of_its_own_and_its_fee() -> None:
    read = wire.fill_of(TRADE, listing(SWAP), "c1")
    assert not isinstance(read, Unreadable)
    fill, more = read
    assert (fill.exec_id, fill.client_id, fill.venue_id) == ("BTC/USDT:USDT:9:s", "c1", "7")
    assert (fill.qty, fill.price, fill.fee, fill.fee_asset) == (D("0.03"), D("100.5"), D("0.3"), "USDT")
    assert (fill.maker, fill.venue_ns, more) == (True, 8_000_000, ())


def test_further_fees_are_cash_of_their_own() -> None:
    fees = [{"cost": "0.3", "currency": "USDT"}, {"cost": "0.01", "currency": "KCS"}]
    read = wire.fill_of({**TRADE, "fees": fees}, listing(SWAP), "")
    assert not isinstance(read, Unreadable)
    (cash,) = read[1]
    assert (cash.asset, cash.amount, cash.kind) == ("KCS", D("-0.01"), "fee")


@pytest.mark.parametrize(
    "members", [{"id": None}, {"side": None}, {"amount": "0"}, {"price": None}, {"amount": 0.1 + 0.2}]
)
def test_a_fill_that_could_be_booked_twice_or_wrongly_is_not_booked(members: dict[str, Any]) -> None:
    assert isinstance(wire.fill_of({**TRADE, **members}, listing(SWAP), ""), Unreadable)


def test_positions_are_signed_and_netted() -> None:
    known = {SWAP: listing(SWAP)}

    def read(*rows: dict[str, Any]) -> Any:
        return wire.positions_of(rows, known)

    long = {"symbol": SWAP, "contracts": "5", "side": "long", "entryPrice": "100"}
    short = {**long, "contracts": "2", "side": "short", "entryPrice": None}
    assert read(long) == (VenuePosition(SWAP, D("0.05"), D(100)),)
    assert read(long, short) == (VenuePosition(SWAP, D("0.03"), D(100)),)
    assert read({**long, "contracts": None}, {**long, "symbol": "X"}) == ()
    assert "side None" in read({**long, "side": None})
    assert "not a number" in read({**long, "contracts": "x"})


def test_balances_and_funding() -> None:
    said = {
        "total": {"BTC": 1, "ETH": 0},
        "BTC": {"total": "1.5", "free": None},
        "ETH": {"total": "0"},
        "info": {},
    }
    assert wire.balances_of(said) == (Balance("BTC", D("1.5"), D("1.5")),)
    cash = wire.funding_of({"id": "f", "symbol": SWAP, "code": "USDT", "amount": "-0.7", "timestamp": 1})
    assert not isinstance(cash, Unreadable)
    assert (cash.kind, cash.amount, cash.asset) == ("funding", D("-0.7"), "USDT")


# ── markets ─────────────────────────────────────────────────────────────────────────────────────


def test_a_book_is_told_best_first_in_coins() -> None:
    said = {"bids": [[99.5, 3], [99.4, 1]], "asks": [[100.5, 2.0]]}
    assert wire.book_of(said, listing(SWAP), 1) == (
        (Level(D("99.5"), D("0.03")),),
        (Level(D("100.5"), D("0.02")),),
    )


@pytest.mark.parametrize(
    ("bids", "asks", "why"),
    [
        ([[100.5, 1]], [[100.5, 1]], "crossed"),
        ([[99.0, 1], [99.5, 1]], [[100.5, 1]], "not in order"),
        ([[0.0, 1]], [[100.5, 1]], "out of range"),
        ([[99.0, 0]], [[100.5, 1]], "out of range"),
        ([["x", 1]], [[100.5, 1]], "corrupt"),
        ([[99.0]], [[100.5, 1]], "corrupt"),
        ([[0.1 + 0.2, 1]], [[100.5, 1]], "more digits than a float keeps"),
    ],
)
def test_a_book_that_cannot_be_is_lost(bids: Any, asks: Any, why: str) -> None:
    said = wire.book_of({"bids": bids, "asks": asks}, listing(), 10)
    assert isinstance(said, str)
    assert why in said


def test_bars_prices_and_trades_of_others() -> None:
    assert wire.bar_of([60_000, "1", "3", "0.5", "2", "7.25"]) == Bar(
        60_000_000_000, D(1), D(3), D("0.5"), D(2), D("7.25")
    )
    assert isinstance(wire.bar_of([60_000, "1"]), Unreadable)
    assert isinstance(wire.bar_of([60_000, "x", "3", "0.5", "2", "7"]), Unreadable)
    row = {"side": "buy", "price": 100.1, "amount": 5, "timestamp": 3}
    trade = wire.trade_of(row, listing(SWAP))
    assert trade is not None
    assert (trade.trade_id, trade.qty) == ("3000000:100.1:0.05", D("0.05"))
    assert wire.trade_of({**row, "price": None}, listing(SWAP)) is None


@pytest.mark.parametrize(
    ("name", "seconds"), [("1m", 60), ("4h", 14_400), ("1d", 86_400), ("1w", 0), ("1M", 0), ("x", 0)]
)
def test_timeframes_that_have_a_length(name: str, seconds: int) -> None:
    assert timeframe_ns(name) == seconds * 10**9
