"""Every example payload of Binance's spot documents that the desk may meet, through our own reading of it.

`data/binance/spot` holds the payloads as the documents print them (comments taken out), by section.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kedge.model.order import State
from kedge.model.venue import Answer, OrderReport, PlaceOrder
from kedge.venues.binance import errors
from kedge.venues.binance.spot import asks, market, wire
from kedge.venues.binance.spot.market import Depth, ExchangeInfo, Filter, Klines, Listing
from kedge.venues.binance.spot.wire import (
    AccountSaid,
    Ack,
    CancelReplaceSaid,
    Frame,
    OrderSaid,
    TradeSaid,
    Unreadable,
)

DATA = Path(__file__).parent / "data" / "binance" / "spot"
LATE_MS = 9_000_000_000_000


def entries(name: str) -> list[tuple[str, Any]]:
    return [(one["what"], one["said"]) for one in json.loads((DATA / f"{name}.json").read_text())]


def whats(name: str, what: str) -> list[Any]:
    found = [said for section, said in entries(name) if section.startswith(what)]
    assert found, f"no section {what!r} in {name}"
    return found


def encoded(said: Any) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()


def read_order(said: Any) -> OrderReport:
    order = wire.read_as(encoded(said), OrderSaid)
    assert isinstance(order, OrderSaid), order
    report = wire.order_of(order)
    assert isinstance(report, OrderReport), report
    return report


def read_result(kind: str, said: Any) -> object:
    """The result of a reply in the section `kind`, read as the desk reads it."""
    body = encoded(said)
    if kind in ("Account information", "Account status"):
        return wire.read_as(body, AccountSaid)
    if kind.startswith("Account trade"):
        return wire.read_as(body, tuple[TradeSaid, ...])
    if kind in ("Current open orders", "All orders", "Account order history", "Cancel open orders"):
        return wire.read_as(body, tuple[OrderSaid | Any, ...])
    if kind == "Order book":
        return wire.read_as(body, Depth)
    if kind.startswith("Kline"):
        return market.read_klines(body, LATE_MS)
    if kind == "Exchange information":
        return wire.read_as(body, ExchangeInfo)
    return wire.read_as(body, Any)


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("what", "said"), entries("rest"), ids=lambda v: v if isinstance(v, str) else "")
def test_every_rest_example_is_read(what: str, said: Any) -> None:
    kind = what.partition(" (")[0]
    if isinstance(said, dict) and "code" in said:
        failure = errors.failure_of(400, encoded(said), {}, 0)
        assert failure.code == said["code"]
        assert said["msg"] in failure.text or failure.text in said["msg"]
    else:
        assert not isinstance(read_result(kind, said), Unreadable)


def test_placed_orders_of_each_kind_of_reply() -> None:
    ack, result, full = whats("rest", "New order")
    assert isinstance(wire.read_as(encoded(ack), Ack), Ack)
    assert isinstance(wire.read_as(encoded(ack), OrderSaid), Unreadable), "an ACK says too little"
    for said in (result, full):
        report = read_order(said)
        assert report.state is State.FILLED
        assert (report.symbol, report.side, report.kind) == ("BTCUSDT", "sell", "market")
        assert report.cum_qty == report.qty == Decimal(10)
        assert report.venue_ns == said["transactTime"] * 10**6


def test_a_cancelled_order_is_told_under_its_own_id() -> None:
    (said, *refusals) = whats("rest", "Cancel order")
    assert read_order(said).client_id == "myOrder1"
    assert read_order(said).state is State.CANCELLED
    for refusal in refusals:
        assert errors.answer_of(errors.failure_of(400, encoded(refusal), {}, 0)) is Answer.REJECTED


def test_cancelling_all_tells_each_order() -> None:
    (said,) = whats("rest", "Cancel All Open Orders")
    orders = [one for one in said if "status" in one]
    assert [read_order(one).state for one in orders] == [State.CANCELLED] * len(orders)


def test_looked_up_open_and_old_orders() -> None:
    for what in ("Query order", "Current open orders", "All orders"):
        (said,) = whats("rest", what)
        for one in said if isinstance(said, list) else [said]:
            report = read_order(one)
            assert (report.client_id, report.state) == ("myOrder1", State.OPEN)
            assert (report.price, report.qty, report.cum_qty) == (Decimal("0.1"), 1, 0)


def test_a_trade_and_the_balances() -> None:
    ((trade,),) = whats("rest", "Account trade list")
    said = wire.read_as(encoded(trade), TradeSaid)
    assert isinstance(said, TradeSaid)
    fill = wire.fill_of_trade(said, "mine")
    assert (fill.exec_id, fill.venue_id, fill.side) == ("BNBBTC:28457:buy", "100234", "buy")
    assert (fill.qty, fill.price, fill.fee, fill.fee_asset) == (
        12,
        Decimal("4.000001"),
        Decimal("10.1"),
        "BNB",
    )
    (account,) = whats("rest", "Account information")
    read = wire.read_as(encoded(account), AccountSaid)
    assert isinstance(read, AccountSaid)
    assert read.can_trade
    assert [wire.balance_of(one).asset for one in read.balances] == ["BTC", "LTC"]


def test_cancel_replace_of_every_outcome() -> None:
    outcomes = []
    for said in whats("rest", "Cancel an Existing Order") + [
        one.get("result") or one["error"]
        for one in whats("ws-api", "Cancel and replace order")
        if "method" not in one
    ]:
        data = said.get("data", said if "cancelResult" in said else None)
        if data is None:
            assert said["code"] == -1015
            continue
        read = wire.read_as(encoded(data), CancelReplaceSaid)
        assert isinstance(read, CancelReplaceSaid), read
        cancelled, placed = wire.legs_of(read, 409)
        outcomes.append((cancelled.outcome, placed.outcome))
        assert (cancelled.refusal is not None) == (cancelled.outcome == "FAILURE")
        assert (placed.refusal is not None) == (placed.outcome == "FAILURE")
        if cancelled.outcome == "SUCCESS":
            assert cancelled.order is not None
            assert cancelled.order.state is State.CANCELLED
    assert set(outcomes) >= {
        ("SUCCESS", "SUCCESS"),
        ("FAILURE", "NOT_ATTEMPTED"),
        ("SUCCESS", "FAILURE"),
        ("FAILURE", "SUCCESS"),
        ("FAILURE", "FAILURE"),
    }


def test_the_book_and_the_bars() -> None:
    (said,) = whats("rest", "Order book")
    depth = wire.read_as(encoded(said), Depth)
    assert isinstance(depth, Depth)
    assert (depth.last_update_id, depth.bids, depth.asks) == (
        1027024,
        (("4.00000000", "431.00000000"),),
        (("4.00000200", "12.00000000"),),
    )
    (rows,) = whats("rest", "Kline/Candlestick data")
    klines = market.read_klines(encoded(rows), LATE_MS)
    assert isinstance(klines, Klines)
    (bar,) = klines.closed
    assert (bar.start_ns, bar.close, bar.volume) == (
        1499040000000 * 10**6,
        Decimal("0.01577100"),
        Decimal("148976.11427815"),
    )


# ── the WS API ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("what", "said"), entries("ws-api"), ids=lambda v: v if isinstance(v, str) else "")
def test_every_ws_api_example_is_read(what: str, said: Any) -> None:
    if "method" in said or ("status" not in said and "event" not in said):
        return
    frame = wire.read_frame(encoded(said))
    assert isinstance(frame, Frame), frame
    if frame.event:
        assert not isinstance(wire.read_private(bytes(frame.event)), Unreadable)
    elif frame.status == 200:
        kind = what.partition(" (")[0]
        assert not isinstance(read_result(kind, said["result"]), Unreadable)
    else:
        assert frame.error is not None
        assert frame.error.code == said["error"]["code"]
        assert errors.used_of_limits(frame.rate_limits) or "rateLimits" not in said


def test_a_ban_is_told_with_its_end() -> None:
    said = next(one for one in whats("ws-api", "IP limits") if one["status"] == 418)
    frame = wire.read_frame(encoded(said))
    assert isinstance(frame, Frame)
    assert frame.error is not None
    assert frame.error.data is not None
    assert frame.error.data.retry_after - frame.error.data.server_time == 3_492_469


def test_our_requests_have_the_documents_shape() -> None:
    """Each parameter that we send is one that the documents' example or table names, and of its type."""
    documented = {
        "order.place": {
            **whats("ws-api", "Place new order")[0]["params"],
            "newClientOrderId": "",
            "newOrderRespType": "",
            "stopPrice": "",
            "recvWindow": 0,
        },
        "order.cancel": {
            **whats("ws-api", "Cancel order")[0]["params"],
            "newClientOrderId": "",
            "recvWindow": 0,
        },
    }
    order = PlaceOrder("a" * 32, "BTCUSDT", "sell", Decimal("0.00847"), Decimal("23416.1"))
    ours = {
        "order.place": asks.place_params(order),
        "order.cancel": asks.cancel_params("a" * 32, "BTCUSDT"),
    }
    for method, params in ours.items():
        assert isinstance(params, dict)
        for name, value in params.items():
            assert type(value) is type(documented[method][name]), (method, name)


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_every_event_of_the_user_stream_is_read() -> None:
    kinds = []
    for _, said in entries("user-stream"):
        frame = wire.read_frame(encoded(said))
        assert isinstance(frame, Frame)
        assert frame.subscription_id == 0
        event = wire.read_private(bytes(frame.event))
        assert not isinstance(event, Unreadable), event
        kinds.append(type(event).__name__)
    assert kinds == [
        "AccountPosition",
        "BalanceUpdate",
        "ExecutionReport",
        "ListStatus",
        "StreamTerminated",
        "ExternalLock",
    ]


STREAMS = {
    "Trade Streams": "bnbbtc@trade",
    "Kline/Candlestick Streams for UTC": "bnbbtc@kline_1m",
    "Individual Symbol Mini Ticker Stream": "bnbbtc@miniTicker",
    "Individual Symbol Book Ticker Streams": "bnbusdt@bookTicker",
    "Diff. Depth Stream": "bnbbtc@depth@100ms",
}


@pytest.mark.parametrize(("what", "stream"), STREAMS.items())
def test_every_stream_that_we_take_is_read(what: str, stream: str) -> None:
    (said,) = whats("streams", what)
    frame = market.read_stream(encoded({"stream": stream, "data": said}))
    assert not isinstance(frame, Unreadable)
    seen = market.read_seen(frame.stream, bytes(frame.data))
    assert seen is not None
    assert not isinstance(seen, Unreadable), seen


def test_subscriptions_and_the_shutdown_on_a_combined_stream() -> None:
    for what, said in entries("streams"):
        if what.startswith(("Subscribe", "Unsubscribe", "Listing", "Setting", "Retrieving", "Server")):
            frame = market.read_stream(encoded(said))
            assert not isinstance(frame, Unreadable), frame
    combined = market.read_stream(encoded(whats("streams", "Server Shutdown")[1]))
    assert not isinstance(combined, Unreadable)
    assert combined.stream == market.SHUTDOWN


# ── filters ─────────────────────────────────────────────────────────────────────────────────────


def test_every_filter_of_the_documents_is_read() -> None:
    for what, said in entries("filters"):
        if what == "MAX_ASSET":
            continue  # of an account, not of a symbol
        assert msgspec.convert(said, Filter).filter_type == what


def test_the_documents_symbol_with_the_documents_filters() -> None:
    """The example names no filters; those of the filters' own page are put in."""
    (info,) = whats("rest", "Exchange information")
    filters = [said for what, said in entries("filters") if not what.startswith(("EXCHANGE", "MAX_ASSET"))]
    info["symbols"][0]["filters"] = [one for one in filters if one["filterType"] != "MIN_NOTIONAL"]
    read = wire.read_as(encoded(info), ExchangeInfo)
    assert isinstance(read, ExchangeInfo)
    ((listing,), unread) = market.listings_of(read)
    assert not unread
    assert isinstance(listing, Listing)
    instrument = listing.instrument
    assert (instrument.base, instrument.quote, instrument.status) == ("ETH", "BTC", "trading")
    assert (instrument.tick, instrument.qty_step) == (Decimal("0.000001"), Decimal("0.001"))
    assert instrument.min_notional == 10
    assert listing.max_notional == 10_000
    assert "STOP_LOSS_LIMIT" in listing.order_types
