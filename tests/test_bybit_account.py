"""What Bybit says of the account, in the desk's words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.json import encode
from test_bybit_instruments import known

from kedge.model.order import State
from kedge.model.venue import Cash, Fill, OrderReport
from kedge.venues.bybit import account, key, wire

ORDER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": "o-1",
    "orderLinkId": "c" * 32,
    "side": "Buy",
    "orderType": "Limit",
    "orderStatus": "New",
    "price": "30000",
    "qty": "0.010",
    "cumExecQty": "0",
    "leavesQty": "0.010",
    "timeInForce": "GTC",
    "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError",
    "stopOrderType": "",
    "triggerPrice": "",
    "updatedTime": "1700000000123",
}
EXEC: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "execId": "e-1",
    "orderId": "o-1",
    "orderLinkId": "c" * 32,
    "side": "Sell",
    "execPrice": "30000",
    "execQty": "0.01",
    "execType": "Trade",
    "execTime": "1700000000123",
    "execFee": "0.165",
    "feeCurrency": "",
    "isMaker": True,
}


def order(category: Any = "linear", **changes: Any) -> OrderReport:
    row = wire.read_as(encode(ORDER | changes), account.OrderRow)
    assert isinstance(row, account.OrderRow)
    made = account.order_of(row, category, known())
    assert isinstance(made, OrderReport), made
    return made


def execution(category: Any = "linear", **changes: Any) -> Any:
    row = wire.read_as(encode(EXEC | changes), account.ExecRow)
    assert isinstance(row, account.ExecRow)
    return account.exec_of(row, category, known())


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"orderStatus": "New"}, State.OPEN),
        ({"orderStatus": "PartiallyFilled", "cumExecQty": "0.005"}, State.OPEN),
        ({"orderStatus": "Untriggered"}, State.OPEN),
        ({"orderStatus": "Triggered"}, State.OPEN),
        ({"orderStatus": "Filled", "cumExecQty": "0.010"}, State.FILLED),
        ({"orderStatus": "Cancelled", "cancelType": "CancelByUser"}, State.CANCELLED),
        ({"orderStatus": "PartiallyFilledCanceled", "cumExecQty": "0.005"}, State.CANCELLED),
        ({"orderStatus": "Deactivated"}, State.CANCELLED),
        ({"orderStatus": "Rejected", "rejectReason": "EC_Others"}, State.REJECTED),
        ({"orderStatus": "Cancelled", "timeInForce": "IOC"}, State.EXPIRED),
        (
            {"orderStatus": "Cancelled", "timeInForce": "FOK", "rejectReason": "EC_NoEnoughQtyToFill"},
            State.EXPIRED,
        ),
        ({"orderStatus": "Cancelled", "timeInForce": "IOC", "cancelType": "CancelByUser"}, State.CANCELLED),
        # A status newer than this code: what is left of the order tells.
        ({"orderStatus": "Sleeping", "leavesQty": "0.010"}, State.OPEN),
        ({"orderStatus": "Vanished", "leavesQty": "0"}, State.CANCELLED),
        ({"orderStatus": "Eaten", "leavesQty": "0", "cumExecQty": "0.010"}, State.FILLED),
    ],
)
def test_states(changes: dict[str, Any], state: State) -> None:
    assert order(**changes).state is state


def test_a_post_only_order_that_would_have_taken_is_refused_by_the_stream() -> None:
    made = order(orderStatus="Cancelled", timeInForce="PostOnly", rejectReason="EC_PostOnlyWillTakeLiquidity")
    assert made.state is State.REJECTED
    assert made.reason == (
        "it would have traded at once, and it was to be post-only (EC_PostOnlyWillTakeLiquidity)"
    )


def test_what_has_traded_is_never_refused() -> None:
    for status in ("Rejected", "Cancelled"):
        made = order(orderStatus=status, cumExecQty="0.005", rejectReason="EC_PostOnlyWillTakeLiquidity")
        assert made.state is State.CANCELLED


def test_a_cancel_that_came_too_late_does_not_change_the_order() -> None:
    late = {"cancelType": "CancelByUser", "rejectReason": "EC_OrigClOrdIDDoesNotExist", "cumExecQty": "0.010"}
    assert order(orderStatus="Filled", **late).state is State.FILLED
    assert order(orderStatus="Cancelled", **late).state is State.FILLED


@pytest.mark.parametrize("reason", ["EC_OrigClOrdIDDoesNotExist", "EC_TooLateToCancel", "EC_OrderNotExist"])
def test_a_refused_cancel_does_not_end_the_order(reason: str) -> None:
    """One that found no order yet, say: what is told dead here would live on, and nobody would look."""
    row = wire.read_as(encode(ORDER | {"orderStatus": "Rejected", "rejectReason": reason}), account.OrderRow)
    assert isinstance(row, account.OrderRow)
    assert account.order_of(row, "linear", known()) == account.Skipped()
    assert order(orderStatus="Rejected", rejectReason=reason, cumExecQty="0.005").state is State.CANCELLED


def test_a_refused_twin_says_nothing_of_the_order() -> None:
    row = wire.read_as(
        encode(ORDER | {"orderId": "o-2", "orderStatus": "Rejected", "rejectReason": "EC_DuplicatedClOrdID"}),
        account.OrderRow,
    )
    assert isinstance(row, account.OrderRow)
    assert account.order_of(row, "linear", known()) == account.Skipped()


def test_of_two_orders_of_one_id_the_refused_one_does_not_count() -> None:
    real = order(updatedTime="1700000000000")
    refused = order(orderId="o-2", orderStatus="Rejected", updatedTime="1700000000999")
    assert account.newest([real, refused]) is real
    assert account.newest([refused, real]) is real
    assert account.newest([refused]) is refused
    # A stop and the order that came of it may share an id and a moment: what is further on counts.
    done = order(orderId="o-3", orderStatus="Filled", cumExecQty="0.010", updatedTime="1700000000000")
    assert account.newest([done, real]) is account.newest([real, done]) is done
    assert account.newest([]) is None


@pytest.mark.parametrize(
    ("changes", "kind", "price"),
    [
        ({}, "limit", "30000"),
        ({"orderType": "Market", "timeInForce": "IOC"}, "market", "0"),
        ({"orderType": "Market", "stopOrderType": "Stop", "triggerPrice": "31000"}, "stop", "0"),
        ({"stopOrderType": "Stop", "triggerPrice": "31000"}, "stop_limit", "30000"),
        ({"stopOrderType": "Stop", "triggerPrice": "29000", "triggerDirection": 1}, "stop_limit", "30000"),
        ({"stopOrderType": "Stop", "triggerPrice": "29000", "triggerDirection": 2}, "take_limit", "30000"),
        ({"stopOrderType": "UNKNOWN", "triggerPrice": "0.00"}, "limit", "30000"),
        ({"stopOrderType": "tpslOrder", "triggerPrice": "31000"}, "stop_limit", "30000"),
    ],
)
def test_kinds(changes: dict[str, Any], kind: str, price: str) -> None:
    made = order(**changes)
    assert (made.kind, made.price) == (kind, Decimal(price))


def test_the_rest_of_an_order() -> None:
    made = order("spot", cumExecQty="0.004")
    assert (made.symbol, made.side, made.qty, made.cum_qty) == (
        "BTC/USDT",
        "buy",
        Decimal("0.010"),
        Decimal("0.004"),
    )
    assert (made.client_id, made.venue_id, made.venue_ns) == ("c" * 32, "o-1", 1700000000123 * 10**6)
    assert order(orderLinkId=None).client_id == ""
    # Somebody else's market order for so much money has no quantity but what it got.
    assert order("spot", marketUnit="quoteCoin", qty="500", cumExecQty="0.01").qty == Decimal("0.01")


@pytest.mark.parametrize(
    "changes", [{"qty": ""}, {"qty": "NaN"}, {"side": "Both"}, {"updatedTime": ""}, {"price": "many"}]
)
def test_an_order_that_cannot_be_read_is_not_guessed(changes: dict[str, Any]) -> None:
    row = wire.read_as(encode(ORDER | changes), account.OrderRow)
    assert isinstance(row, account.OrderRow)
    assert isinstance(account.order_of(row, "linear", known()), wire.Unreadable)


# ── executions ──────────────────────────────────────────────────────────────────────────────────


def test_a_fill() -> None:
    assert execution() == Fill(
        exec_id="BTCUSDT:e-1:s",
        client_id="c" * 32,
        venue_id="o-1",
        symbol="BTCUSDT",
        side="sell",
        qty=Decimal("0.01"),
        price=Decimal(30000),
        fee=Decimal("0.165"),
        fee_asset="USDT",
        venue_ns=1700000000123 * 10**6,
        maker=True,
    )


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        ("Trade", "trade"),
        ("BlockTrade", "trade"),
        ("MovePosition", "trade"),
        ("AdlTrade", "adl"),
        ("BustTrade", "liquidation"),
        ("Delivery", "delivery"),
        ("Settle", "delivery"),
    ],
)
def test_kinds_of_fills_and_none_is_dropped_for_having_no_id(kind: str, ours: str) -> None:
    made = execution(execType=kind, orderLinkId="")
    assert (made.kind, made.client_id) == (ours, "")


def test_executions_are_told_apart_by_symbol_and_side() -> None:
    """Both sides of a trade of the account with itself may carry one id, and so may two symbols."""
    mine = execution()
    assert execution(side="Buy", orderId="o-2").exec_id != mine.exec_id
    assert execution(symbol="ETHUSDT").exec_id != mine.exec_id
    assert execution("spot").exec_id != mine.exec_id


def test_a_rebate_is_paid_in_the_other_coin() -> None:
    assert execution("spot", side="Buy", execFee="-0.1", isMaker=True).fee_asset == "USDT"
    assert execution("spot", side="Sell", execFee="-0.1", isMaker=True).fee_asset == "BTC"
    assert execution("spot", side="Sell", execFee="-0.1", isMaker=True, feeCurrency="MNT").fee_asset == "MNT"


def test_fees_in_the_coin_that_is_received() -> None:
    assert execution("spot", side="Buy", execFee="0.00001").fee_asset == "BTC"
    assert execution("spot", side="Sell", feeCurrency="MNT").fee_asset == "MNT"
    assert execution("inverse", symbol="BTCUSD", execFee="-0.000001").fee == Decimal("-0.000001")
    assert execution("inverse", symbol="BTCUSD").fee_asset == "BTC"


def test_what_is_no_trade_is_not_booked_as_one() -> None:
    made = execution(execType="CorporateAction")
    assert isinstance(made, account.Skipped)
    assert "CorporateAction" in made.why


@pytest.mark.parametrize(
    "changes", [{"execQty": ""}, {"execQty": "0"}, {"side": ""}, {"execPrice": "-1"}, {"execTime": "x"}]
)
def test_a_fill_that_cannot_be_read_is_not_guessed(changes: dict[str, Any]) -> None:
    assert isinstance(execution(**changes), wire.Unreadable)


def test_an_inverse_fill_at_nothing_has_no_worth() -> None:
    """Its worth is its quantity divided by the price."""
    assert isinstance(execution("inverse", symbol="BTCUSD", execPrice="0"), wire.Unreadable)
    assert isinstance(execution(execPrice="0"), Fill)


def test_funding_is_the_same_cash_from_both_sources() -> None:
    """As an execution's fee a positive one is paid; in the log a positive one is received."""
    hour = 1672128000000
    paid = execution(execType="Funding", execFee="0.003676", execTime=str(hour + 7), feeCurrency="USDT")
    row = account.LogRow(
        id="592324_XRPUSDT_1",
        type="SETTLEMENT",
        currency="USDT",
        transaction_time=str(hour),
        change="-0.003676",
        symbol="BTCUSDT",
        category="linear",
        funding="-0.003676",
    )
    logged = account.cash_of(row, known())
    assert isinstance(paid, Cash)
    assert isinstance(logged, Cash)
    assert paid.cash_id == logged.cash_id
    assert (paid.kind, paid.amount) == (logged.kind, logged.amount) == ("funding", Decimal("-0.003676"))
    later = execution(execType="Funding", execFee="0.1", execTime=str(hour + 3_600_000))
    assert later.cash_id != paid.cash_id


@pytest.mark.parametrize(
    ("kind", "ours"),
    [("TRANSFER_IN", "transfer"), ("INTEREST", "fee"), ("BONUS", "other"), ("AIRDROP", "other")],
)
def test_cash_of_the_log(kind: str, ours: str) -> None:
    row = account.LogRow("7", kind, "USDT", "1700000000000", "12.5")
    made = account.cash_of(row, known())
    assert isinstance(made, Cash)
    assert (made.kind, made.amount, made.cash_id) == (ours, Decimal("12.5"), f"{kind}:7:USDT")


@pytest.mark.parametrize("kind", ["TRADE", "LIQUIDATION", "ADL", "DELIVERY"])
def test_what_executions_tell_is_not_told_twice(kind: str) -> None:
    row = account.LogRow("7", kind, "USDT", "1700000000000", "12.5")
    assert account.cash_of(row, known()) == account.Skipped()


def test_a_session_settlement_is_profit_of_the_position_and_not_cash() -> None:
    row = account.LogRow("7", "SETTLEMENT", "USDC", "1700000000000", "12.5", "BTCPERP", "linear", "")
    assert account.cash_of(row, known()) == account.Skipped()


# ── positions, balances, the key ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "qty"),
    [
        (account.PositionRow("BTCUSDT", "0.5", "Sell", avg_price="30000"), "-0.5"),
        (account.PositionRow("BTCUSDT", "0.5", "Buy", entry_price="30000"), "0.5"),
        (account.PositionRow("BTCUSDT", "0", ""), "0"),
    ],
)
def test_positions_are_signed(row: account.PositionRow, qty: str) -> None:
    made = account.position_of(row, "linear", known())
    assert not isinstance(made, wire.Unreadable)
    assert made.qty == Decimal(qty)
    assert isinstance(
        account.position_of(account.PositionRow("X", "1", ""), "linear", known()), wire.Unreadable
    )


def test_balances_leave_out_what_is_borrowed_and_what_is_held() -> None:
    coin = {
        "coin": "USDT",
        "walletBalance": "100",
        "spotBorrow": "20",
        "locked": "10",
        "totalOrderIM": "5",
        "totalPositionIM": "",
        "bonus": "1",
    }
    row = wire.read_as(encode({"coin": [coin]}), account.WalletRow)
    assert isinstance(row, account.WalletRow)
    made = account.balances_of(row)
    assert not isinstance(made, wire.Unreadable)
    assert [(b.asset, b.total, b.free) for b in made] == [("USDT", 80, 64)]
    bad = wire.read_as(encode({"coin": [coin | {"walletBalance": ""}]}), account.WalletRow)
    assert isinstance(account.balances_of(bad), wire.Unreadable)  # type: ignore[arg-type]


def test_rows_of_other_products_are_left_out_and_rows_of_none_are_not_read() -> None:
    assert account.category_of("linear") == "linear"
    assert account.category_of("option") is None
    assert isinstance(account.category_of(""), wire.Unreadable)


ALL_RIGHTS = {"ContractTrade": ("Order", "Position"), "Spot": ("SpotTrade",)}


def test_a_key_that_may_trade() -> None:
    rights = key.rights_of(key.KeyRow(0, ALL_RIGHTS, uta=1), True, False)
    assert rights == key.Rights({}, "")


def test_a_key_that_may_withdraw() -> None:
    row = key.KeyRow(0, {**ALL_RIGHTS, "Wallet": ("Withdraw",)}, uta=1)
    refused = key.rights_of(row, True, False)
    assert isinstance(refused, key.Refused)
    assert "may_withdraw" in refused.why
    for live, meant in ((True, True), (False, False)):
        rights = key.rights_of(row, live, meant)
        assert isinstance(rights, key.Rights)
        assert "withdraw" in rights.oddity
        assert rights.closed == {}


def test_keys_with_less() -> None:
    reading = key.rights_of(key.KeyRow(1, ALL_RIGHTS, uta=1), True, False)
    assert isinstance(reading, key.Rights)
    assert "only read" in reading.closed["spot"]
    contracts = key.rights_of(key.KeyRow(0, {"ContractTrade": ("Order",)}, uta=1), True, False)
    assert isinstance(contracts, key.Rights)
    assert list(contracts.closed) == ["spot"]
    classic = key.rights_of(key.KeyRow(0, ALL_RIGHTS, uta=0), True, False)
    assert isinstance(classic, key.Refused)
    ending = key.rights_of(key.KeyRow(0, ALL_RIGHTS, uta=1, deadline_day=3), True, False)
    assert isinstance(ending, key.Rights)
    assert "expires in 3 days" in ending.oddity
