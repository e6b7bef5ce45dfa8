"""Binance spot's orders, fills and balances, read and written as its documents have them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kedge.model.order import State
from kedge.model.venue import Balance, Cash, Fill, OrderReport, PlaceOrder
from kedge.venues.binance.spot import asks, wire
from kedge.venues.binance.spot.wire import (
    AccountPosition,
    BalanceUpdate,
    CancelReplaceSaid,
    ExecutionReport,
    OrderSaid,
    Other,
    Unreadable,
)

ID = "00000001" + "000002" + "00000003" + "0000000004"


def execution(**members: Any) -> ExecutionReport:
    """The documents' execution report, with other members."""
    report = {
        "e": "executionReport",
        "E": 1499405658658,
        "s": "ETHBTC",
        "c": ID,
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "1.00000000",
        "p": "0.10264410",
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": 4293153,
        "l": "0.00000000",
        "z": "0.00000000",
        "L": "0.00000000",
        "n": "0",
        "N": None,
        "T": 1499405658657,
        "t": -1,
        "I": 8641984,
        "w": True,
        "m": False,
        "M": False,
        "O": 1499405658657,
        "Z": "0.00000000",
        "V": "NONE",
        **members,
    }
    said = wire.read_private(msgspec.json.encode(report))
    assert isinstance(said, ExecutionReport), said
    return said


def order(**members: Any) -> OrderReport:
    said = {
        "symbol": "LTCBTC",
        "orderId": 1,
        "clientOrderId": ID,
        "price": "0.1",
        "origQty": "1.0",
        "executedQty": "0.0",
        "status": "NEW",
        "type": "LIMIT",
        "side": "BUY",
        "time": 5,
        "updateTime": 9,
        **members,
    }
    read = wire.read_as(msgspec.json.encode(said), OrderSaid)
    assert isinstance(read, OrderSaid), read
    report = wire.order_of(read)
    assert isinstance(report, OrderReport), report
    return report


# ── the user stream ─────────────────────────────────────────────────────────────────────────────


def test_a_new_order() -> None:
    assert wire.report_of(execution()) == OrderReport(
        client_id=ID,
        venue_id="4293153",
        symbol="ETHBTC",
        side="buy",
        qty=Decimal("1.00000000"),
        price=Decimal("0.10264410"),
        cum_qty=Decimal(0),
        state=State.OPEN,
        venue_ns=1499405658657 * 10**6,
    )
    assert wire.fill_of_report(execution()) is None


def test_a_trade_is_a_fill() -> None:
    said = execution(
        x="TRADE",
        X="PARTIALLY_FILLED",
        l="0.4",
        z="0.4",
        L="0.1026",
        t=77,
        n="0.0003",
        N="BNB",
        m=True,
    )
    assert wire.fill_of_report(said) == Fill(
        exec_id="ETHBTC:77:buy",
        client_id=ID,
        venue_id="4293153",
        symbol="ETHBTC",
        side="buy",
        qty=Decimal("0.4"),
        price=Decimal("0.1026"),
        fee=Decimal("0.0003"),
        fee_asset="BNB",
        venue_ns=1499405658657 * 10**6,
        maker=True,
    )
    report = wire.report_of(said)
    assert isinstance(report, OrderReport)
    assert (report.state, report.cum_qty) == (State.OPEN, Decimal("0.4"))


def test_both_sides_of_a_trade_with_oneself_are_two_fills() -> None:
    bought = wire.fill_of_report(execution(x="TRADE", X="FILLED", l="1", z="1", L="1", t=5))
    sold = wire.fill_of_report(execution(x="TRADE", X="FILLED", l="1", z="1", L="1", t=5, S="SELL"))
    assert bought is not None
    assert sold is not None
    assert bought.exec_id != sold.exec_id


def test_the_order_that_was_cancelled_is_in_capital_c() -> None:
    """`c` is the cancel's own id there, whoever cancelled."""
    for cancel in ("a-persons-click", wire.CANCEL_MARK + ID):
        report = wire.report_of(execution(x="CANCELED", X="CANCELED", c=cancel, C=ID))
        assert isinstance(report, OrderReport)
        assert (report.client_id, report.state) == (ID, State.CANCELLED)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("NEW", State.OPEN),
        ("PENDING_NEW", State.OPEN),
        ("PARTIALLY_FILLED", State.OPEN),
        ("FILLED", State.FILLED),
        ("CANCELED", State.CANCELLED),
        ("REJECTED", State.REJECTED),
        ("EXPIRED", State.EXPIRED),
        ("EXPIRED_IN_MATCH", State.EXPIRED),
    ],
)
def test_every_status_of_the_documents(status: str, state: State) -> None:
    report = wire.report_of(execution(X=status))
    assert isinstance(report, OrderReport)
    assert report.state is state
    assert order(status=status).state is state


def test_a_status_that_is_not_of_the_documents_is_not_guessed() -> None:
    assert isinstance(wire.report_of(execution(X="HALF_DONE")), Unreadable)
    with pytest.raises(AssertionError):
        order(status="HALF_DONE")


def test_why_an_order_ended() -> None:
    stp = wire.report_of(execution(x="TRADE_PREVENTION", X="EXPIRED_IN_MATCH"))
    unfilled = wire.report_of(execution(x="EXPIRED", X="EXPIRED", eR="UNFILLED_FOK_ORDER_EXPIRED"))
    poor = wire.report_of(execution(x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCES"))
    assert isinstance(stp, OrderReport)
    assert isinstance(unfilled, OrderReport)
    assert isinstance(poor, OrderReport)
    assert stp.reason == wire.SELF_TRADE
    assert unfilled.reason == "UNFILLED_FOK_ORDER_EXPIRED"
    assert poor.reason == "INSUFFICIENT_BALANCES"


def test_balances_and_transfers() -> None:
    body = b'{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"ETH","f":"10000.5","l":"0.25"}]}'
    position = wire.read_private(body)
    assert isinstance(position, AccountPosition)
    assert wire.balances_of(position) == (Balance("ETH", Decimal("10000.75"), Decimal("10000.5")),)
    update = wire.read_private(b'{"e":"balanceUpdate","E":2,"a":"BTC","d":"-100.00000000","T":3}')
    assert isinstance(update, BalanceUpdate)
    assert wire.cash_of(update) == Cash("BTC:3:-100", "transfer", "BTC", Decimal("-100"), 3_000_000)
    nothing = wire.read_private(b'{"e":"balanceUpdate","E":2,"a":"BTC","d":"0.00","T":3}')
    assert isinstance(nothing, BalanceUpdate)
    assert wire.cash_of(nothing) is None


def test_an_event_of_an_unknown_kind_is_no_fault_but_a_broken_one_of_a_known_kind_is() -> None:
    assert wire.read_private(b'{"e":"brandNew","x":1}') == Other("brandNew")
    for broken in (
        b'{"e":"executionReport"}',
        b'{"e":"balanceUpdate","E":2,"a":"BTC","d":"NaN","T":3}',
        b'{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"ETH","f":"1e9","l":"0"}]}',
        b'{"e":5}',
        b"",
    ):
        assert isinstance(wire.read_private(broken), Unreadable)


# ── by whichever name ───────────────────────────────────────────────────────────────────────────


def test_an_order_is_ours_by_either_name() -> None:
    assert wire.own_id(ID) == ID
    assert wire.own_id(asks.cancel_id(ID)) == ID
    assert wire.own_id("anything", ID) == ID
    assert wire.own_id("web_123") == "web_123"
    assert wire.own_id("c-web_123") == "c-web_123", "another program's id is left alone"
    assert order(clientOrderId="x", origClientOrderId=ID).client_id == ID
    assert order(clientOrderId=asks.cancel_id(ID)).client_id == ID


def test_a_cancel_names_the_order_so_that_it_can_be_found() -> None:
    assert asks.cancel_params(ID, "BTCUSDT") == {
        "symbol": "BTCUSDT",
        "origClientOrderId": ID,
        "newClientOrderId": f"c-{ID}",
    }
    assert len(asks.cancel_id(ID)) <= 36
    assert asks.cancel_id("x" * 36) == "x" * 36, "no longer than the venue takes"


# ── what we say ─────────────────────────────────────────────────────────────────────────────────


def wanted(**members: Any) -> PlaceOrder:
    usual = {"client_id": ID, "symbol": "BTCUSDT", "side": "buy", "qty": Decimal("0.0100")}
    return PlaceOrder(**{**usual, "price": Decimal("52000.00"), **members})


@pytest.mark.parametrize(
    ("order", "params"),
    [
        (wanted(), {"type": "LIMIT", "timeInForce": "GTC", "price": "52000"}),
        (wanted(tif="ioc"), {"type": "LIMIT", "timeInForce": "IOC", "price": "52000"}),
        (wanted(tif="fok"), {"type": "LIMIT", "timeInForce": "FOK", "price": "52000"}),
        (wanted(tif="post_only"), {"type": "LIMIT_MAKER", "price": "52000"}),
        (wanted(kind="market", price=Decimal(0)), {"type": "MARKET"}),
        (wanted(kind="market", price=Decimal(0), tif="ioc"), {"type": "MARKET"}),
        (
            wanted(kind="stop", price=Decimal(0), trigger_price=Decimal("1E+4")),
            {"type": "STOP_LOSS", "stopPrice": "10000"},
        ),
        (
            wanted(kind="take_limit", trigger_price=Decimal("51000.5")),
            {"type": "TAKE_PROFIT_LIMIT", "timeInForce": "GTC", "price": "52000", "stopPrice": "51000.5"},
        ),
        (
            wanted(kind="stop_limit", trigger_price=Decimal("53000.5")),
            {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "price": "52000", "stopPrice": "53000.5"},
        ),
    ],
)
def test_orders_in_the_venues_words(order: PlaceOrder, params: dict[str, str]) -> None:
    always = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01", "newClientOrderId": ID}
    assert asks.place_params(order) == {**always, "newOrderRespType": "RESULT", **params}


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (wanted(reduce_only=True), "reduce-only"),
        (wanted(kind="stop_limit", tif="post_only", trigger_price=Decimal(1)), "post-only"),
        (wanted(kind="stop", trigger_price=Decimal(1), trigger_by="mark"), "last price"),
        (wanted(kind="stop"), "trigger price"),
        (wanted(price=Decimal(0)), "needs a price"),
    ],
)
def test_orders_that_the_venue_has_not_are_refused_before_they_leave(order: PlaceOrder, why: str) -> None:
    said = asks.place_params(order)
    assert isinstance(said, str)
    assert said.startswith("not sent: ")
    assert why in said


def test_a_call() -> None:
    assert asks.call(3, "time") == b'{"id":3,"method":"time"}'
    assert asks.call(4, "x", {"a": 1, "b": "2"}) == b'{"id":4,"method":"x","params":{"a":1,"b":"2"}}'


# ── two deeds in one reply ──────────────────────────────────────────────────────────────────────


def test_cancel_replace_has_two_outcomes() -> None:
    body = (
        b'{"cancelResult":"FAILURE","newOrderResult":"SUCCESS",'
        b'"cancelResponse":{"code":-2011,"msg":"Unknown order sent."},'
        b'"newOrderResponse":{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"p","transactTime":1}}'
    )
    said = wire.read_as(body, CancelReplaceSaid)
    assert isinstance(said, CancelReplaceSaid)
    cancelled, placed = wire.legs_of(said, 409)
    assert cancelled.refusal is not None
    assert (cancelled.outcome, cancelled.refusal.code) == ("FAILURE", -2011)
    assert (placed.outcome, placed.order) == ("SUCCESS", None), "acknowledged, and told by no more"
