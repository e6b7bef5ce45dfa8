"""Bybit's own SDK for Python, unchanged, takes a tour of `kedge sim bybit`.

What it needs to be pointed here is in `rest` and in `sockets`: the endpoint of its HTTP session, and three
addresses of WebSockets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pybit._websocket_trading
import pybit.unified_trading
import pytest
from kit import Simulator, eventually
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
KEYS = {"api_key": "paper", "api_secret": "paper"}
Body = dict[str, Any]


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator("bybit", tmp_path) as simulator:
        yield simulator


@pytest.fixture
def rest(sim: Simulator) -> HTTP:
    session = HTTP(**KEYS)
    session.endpoint = sim.http
    return session


@pytest.fixture
def sockets(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr(pybit.unified_trading, "PUBLIC_WSS", f"{sim.ws}/v5/public/{{CHANNEL_TYPE}}")
    monkeypatch.setattr(pybit.unified_trading, "PRIVATE_WSS", f"{sim.ws}/v5/private")
    monkeypatch.setattr(pybit._websocket_trading, "TRADE_WSS", f"{sim.ws}/v5/trade")
    opened: list[Any] = []
    yield opened
    for socket in opened:
        socket.exit()


def limit(session: HTTP, **changes: Any) -> str:
    order = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"} | LINEAR | changes
    return str(session.place_order(**order)["result"]["orderId"])


def order_of(session: HTTP, order_id: str, category: str = "linear") -> Body:
    row: Body = session.get_open_orders(category=category, orderId=order_id)["result"]["list"][0]
    return row


def code_of(call: Any, **params: Any) -> int:
    with pytest.raises(InvalidRequestError) as raised:
        call(**params)
    return int(raised.value.status_code)


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_traded(rest: HTTP) -> None:
    assert int(rest.get_server_time()["result"]["timeSecond"]) > 0
    for category, symbol in (("linear", "BTCUSDT"), ("spot", "BTCUSDT"), ("inverse", "BTCUSD")):
        listed = rest.get_instruments_info(category=category)["result"]["list"]
        assert symbol in [one["symbol"] for one in listed]
        ticker = rest.get_tickers(category=category, symbol=symbol)["result"]["list"][0]
        assert Decimal(ticker["bid1Price"]) < Decimal(ticker["ask1Price"])
        book = rest.get_orderbook(category=category, symbol=symbol, limit=5)["result"]
        assert [row[0] for row in book["b"]] == sorted((row[0] for row in book["b"]), reverse=True)
        bars = rest.get_kline(category=category, symbol=symbol, interval=5, limit=100)["result"]["list"]
        assert len(bars) == 100
        assert rest.get_public_trade_history(category=category, symbol=symbol)["retCode"] == 0
    assert rest.get_funding_rate_history(**LINEAR)["result"]["list"]
    assert rest.get_mark_price_kline(**LINEAR, interval=1)["result"]["list"]


def test_an_order_from_beginning_to_end(rest: HTTP) -> None:
    order = limit(rest, orderLinkId="tour")
    assert order_of(rest, order)["orderStatus"] == "New"
    rest.amend_order(**LINEAR, orderId=order, price="58000", qty="0.02")
    assert order_of(rest, order)["price"] == "58000"
    rest.cancel_order(**LINEAR, orderLinkId="tour")
    assert order_of(rest, order)["orderStatus"] == "Cancelled"
    assert rest.get_order_history(category="linear", orderLinkId="tour")["result"]["list"]


def test_stops(rest: HTTP, sim: Simulator) -> None:
    rest.place_order(**LINEAR, side="Buy", orderType="Market", qty="0.02")
    stop = limit(
        rest, side="Sell", orderType="Market", triggerPrice="59000", triggerDirection=2, reduceOnly=True
    )
    assert order_of(rest, stop)["orderStatus"] == "Untriggered"
    rest.set_trading_stop(**LINEAR, tpslMode="Full", positionIdx=0, takeProfit="65000")
    assert rest.get_positions(**LINEAR)["result"]["list"][0]["takeProfit"] == "65000"
    sim.control("price", symbol="linear:BTCUSDT", price="58900")
    assert order_of(rest, stop)["orderStatus"] == "Filled"


def test_batches(rest: HTTP) -> None:
    one = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"}
    said = rest.place_batch_order(category="linear", request=[one, {**one, "qty": "0.0001"}])
    assert [verdict["code"] for verdict in said["retExtInfo"]["list"]] == [0, 10001]
    (order, _) = (item["orderId"] for item in said["result"]["list"])
    change = {"symbol": "BTCUSDT", "orderId": order}
    rest.amend_batch_order(category="linear", request=[{**change, "price": "58000"}])
    said = rest.cancel_batch_order(category="linear", request=[change, change])
    assert [verdict["code"] for verdict in said["retExtInfo"]["list"]] == [0, 110010]
    limit(rest)
    assert len(rest.cancel_all_orders(category="linear", settleCoin="USDT")["result"]["list"]) == 1


def test_fills_page_by_page(rest: HTTP) -> None:
    for _ in range(5):
        rest.place_order(category="spot", symbol="BTCUSDT", side="Buy", orderType="Market", qty="60")
    seen: list[str] = []
    cursor = None
    while True:
        page = rest.get_executions(category="spot", limit=2, cursor=cursor)["result"]
        seen += [row["execId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) >= 5
    rows = rest.get_transaction_log(accountType="UNIFIED", limit=50)["result"]["list"]
    assert {row["tradeId"] for row in rows if row["type"] == "TRADE"} == set(seen)


def test_the_account(rest: HTTP) -> None:
    rest.set_leverage(**LINEAR, buyLeverage="5", sellLeverage="5")
    assert code_of(rest.set_leverage, **LINEAR, buyLeverage="5", sellLeverage="5") == 110043
    assert rest.get_positions(**LINEAR)["result"]["list"][0]["leverage"] == "5"
    wallet = rest.get_wallet_balance(accountType="UNIFIED", coin="USDT")["result"]["list"][0]
    assert wallet["coin"][0]["walletBalance"] == "100000"
    assert rest.get_account_info()["result"]["marginMode"] == "REGULAR_MARGIN"
    assert rest.get_fee_rates(**LINEAR)["result"]["list"][0]["takerFeeRate"] == "0.00055"
    assert rest.get_api_key_information()["result"]["readOnly"] == 0
    rest.set_dcp(product="DERIVATIVES", timeWindow=10)


def test_errors_by_code(rest: HTTP, sim: Simulator) -> None:
    order = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"} | LINEAR
    assert code_of(rest.place_order, **{**order, "qty": "0.00001"}) == 10001
    assert code_of(rest.place_order, **{**order, "qty": "500"}) == 110007
    assert code_of(rest.cancel_order, **LINEAR, orderId="never") == 110001
    rest.place_order(**order, orderLinkId="twice")
    assert code_of(rest.place_order, **order, orderLinkId="twice") == 110072
    assert code_of(rest.set_trading_stop, **LINEAR, tpslMode="Full", stopLoss="1", positionIdx=0) == 10001
    stranger = HTTP(api_key="paper", api_secret="wrong")
    stranger.endpoint = sim.http
    assert code_of(stranger.get_account_info) == 10004
    sim.control("key", key="reader", secret="s", trades=False)
    reader = HTTP(api_key="reader", api_secret="s")
    reader.endpoint = sim.http
    assert code_of(reader.place_order, **order) == 10005
    sim.control("fault", fault={"kind": "error", "path": "/v5/market", "error": "forbidden"})
    with pytest.raises(FailedRequestError) as raised:
        rest.get_server_time()
    assert raised.value.status_code == 403


def test_the_sdk_waits_out_a_rate_limit(rest: HTTP) -> None:
    """Twelve orders at ten a second: the SDK reads the header of the refusal, sleeps, and sends again."""
    orders = [limit(rest, orderLinkId=f"burst{number}") for number in range(12)]
    assert len(set(orders)) == 12


# ── WebSockets ──────────────────────────────────────────────────────────────────────────────────


def test_a_book_stream_with_a_gap(rest: HTTP, sim: Simulator, sockets: list[Any]) -> None:
    """A message is lost and its number with it; then a snapshot comes, and the book is whole again."""
    socket = WebSocket(testnet=True, channel_type="linear")
    sockets.append(socket)
    books: list[tuple[int, Body]] = []
    socket.orderbook_stream(50, "BTCUSDT", lambda message: books.append((message["data"]["u"], message)))
    eventually(lambda: books, "the snapshot")
    for price, fault in (("60001", ""), ("60002", "book_gap"), ("60003", "book_snapshot")):
        if fault:
            sim.control("fault", fault={"kind": fault, "path": "orderbook.50"})
        before = len(books)
        sim.control("price", symbol="linear:BTCUSDT", price=price)
        if fault == "book_gap":
            eventually(lambda: sim.control("stats")["faults_fired"].get("book_gap"), "the gap")
        else:
            eventually(lambda before=before: len(books) > before, "the next message")
    assert [number for number, _ in books] == [1, 2, 4]
    asked = rest.get_orderbook(**LINEAR, limit=50)["result"]
    book = books[-1][1]["data"]
    assert (book["b"], book["a"]) == (asked["b"], asked["a"])


def test_public_streams(rest: HTTP, sockets: list[Any]) -> None:
    socket = WebSocket(testnet=True, channel_type="linear")
    sockets.append(socket)
    trades: list[Body] = []
    tickers: list[Body] = []
    bars: list[Body] = []
    socket.trade_stream("BTCUSDT", trades.append)
    socket.ticker_stream("BTCUSDT", tickers.append)
    socket.kline_stream(1, "BTCUSDT", bars.append)
    eventually(lambda: tickers and bars, "a ticker and a bar")
    rest.place_order(**LINEAR, side="Buy", orderType="Market", qty="0.02")
    row = eventually(lambda: trades, "the trade")[0]["data"][0]
    assert (row["S"], row["v"]) == ("Buy", "0.02")
    spot = WebSocket(testnet=True, channel_type="spot")
    sockets.append(spot)
    spot_tickers: list[Body] = []
    spot.ticker_stream("BTCUSDT", spot_tickers.append)
    assert eventually(lambda: spot_tickers, "a spot ticker")[0]["data"]["symbol"] == "BTCUSDT"


def listen(rest: HTTP, sockets: list[Any], heard: dict[str, list[Body]]) -> None:
    """Subscribe to all private streams. Where the answer to a subscription is here before pybit has noted
    that it asked, pybit drops the socket: loopback is too quick for it, so it may try again."""

    def into(name: str) -> Any:
        return lambda message: heard[name].extend(message["data"])

    for attempt in range(5):
        socket = WebSocket(testnet=True, channel_type="private", **KEYS)
        sockets.append(socket)
        socket.execution_stream(into("execution"))
        socket.position_stream(into("position"))
        socket.wallet_stream(into("wallet"))
        socket.fast_execution_stream(into("fast"))
        socket.order_stream(into("order"))  # last: who hears an order hears everything
        eventually(lambda: rest.get_account_info(), "a moment for the subscriptions")
        limit(rest, orderLinkId=f"probe-{attempt}")
        held = socket.is_connected
        eventually(lambda held=held: heard["order"] or not held(), "a word, or the end")
        if heard["order"]:
            return
    raise AssertionError("pybit never held its socket")


def test_private_streams(rest: HTTP, sockets: list[Any]) -> None:
    heard: dict[str, list[Body]] = {"order": [], "execution": [], "position": [], "wallet": [], "fast": []}
    listen(rest, sockets, heard)
    resting = limit(rest, orderLinkId="rest")
    taken = limit(rest, orderType="Market", orderLinkId="take")
    refused = limit(rest, price="61000", timeInForce="PostOnly", orderLinkId="post")
    rest.cancel_order(**LINEAR, orderId=resting)

    def ended() -> dict[str, tuple[str, str]]:
        return {row["orderId"]: (row["orderStatus"], row["rejectReason"]) for row in heard["order"]}

    eventually(lambda: ended().get(resting, ("",))[0] == "Cancelled", "the cancel")
    assert ended()[taken][0] == "Filled"
    assert ended()[refused] == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert {row["orderLinkId"] for row in heard["execution"]} == {"take"}
    assert {row["execId"] for row in heard["fast"]} == {row["execId"] for row in heard["execution"]}
    assert heard["position"][-1]["size"] == "0.01"
    assert heard["wallet"][-1]["accountType"] == "UNIFIED"


def test_orders_by_socket(rest: HTTP, sockets: list[Any]) -> None:
    socket = WebSocketTrading(testnet=True, **KEYS)
    sockets.append(socket)
    eventually(lambda: socket.auth, "signed in")
    said: list[Body] = []
    refused: list[Body] = []
    order = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"} | LINEAR
    socket.place_order(said.append, error_callback=refused.append, **order)
    placed = eventually(lambda: said, "the answer")[0]
    order_id = placed["data"]["orderId"]
    assert re.fullmatch(r"[0-9a-f-]{36}", order_id)
    socket.amend_order(said.append, error_callback=refused.append, **LINEAR, orderId=order_id, price="58000")
    eventually(lambda: len(said) == 2, "the amend")
    socket.cancel_order(said.append, error_callback=refused.append, **LINEAR, orderId=order_id)
    eventually(lambda: len(said) == 3, "the cancel")
    socket.cancel_order(said.append, error_callback=refused.append, **LINEAR, orderId=order_id)
    assert eventually(lambda: refused, "the refusal")[0]["retCode"] == 110010
    one = {k: v for k, v in order.items() if k != "category"}
    socket.place_batch_order(said.append, category="linear", request=[one, {**one, "qty": "9999"}])
    batch = eventually(lambda: said[3:], "the batch")[0]
    assert [verdict["code"] for verdict in batch["retExtInfo"]["list"]] == [0, 10001]


# ── the power is cut ────────────────────────────────────────────────────────────────────────────


def test_a_killed_venue_comes_back_as_it_was(rest: HTTP, sim: Simulator) -> None:
    resting = limit(rest, orderLinkId="before")
    rest.place_order(**LINEAR, side="Buy", orderType="Market", qty="0.02")
    fills = rest.get_executions(category="linear")["result"]["list"]
    sim.kill()
    sim.start()
    rest.client.close()
    assert order_of(rest, resting)["orderLinkId"] == "before"
    assert rest.get_executions(category="linear")["result"]["list"] == fills
    assert rest.get_positions(**LINEAR)["result"]["list"][0]["size"] == "0.02"
    assert (
        code_of(
            rest.place_order,
            side="Buy",
            orderType="Limit",
            qty="0.01",
            price="59000",
            orderLinkId="before",
            **LINEAR,
        )
        == 110072
    )
