"""python-binance, unchanged, takes a tour of the spot half of `kedge sim binance`.

What it needs to be pointed here is in `point`: four addresses on its base class, and one of its streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
from binance.base_client import BaseClient
from binance.client import Client
from binance.exceptions import BinanceAPIException
from kit import Simulator, eventually

BTC = "BTCUSDT"
WITHIN_S = 30


@pytest.fixture
def sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator("binance", tmp_path) as simulator:
        point(simulator, monkeypatch)
        yield simulator


def point(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseClient, "API_URL", f"{sim.http}/api")
    monkeypatch.setattr(BaseClient, "MARGIN_API_URL", f"{sim.http}/sapi")
    monkeypatch.setattr(BaseClient, "FUTURES_URL", f"{sim.http}/fapi")
    monkeypatch.setattr(BaseClient, "WS_API_URL", f"{sim.ws}/ws-api/v3")
    monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", f"{sim.ws}/")


@pytest.fixture
def client(sim: Simulator) -> Client:
    return Client("paper", "paper")


@asynccontextmanager
async def asynchronous() -> AsyncIterator[AsyncClient]:
    client = await AsyncClient.create("paper", "paper")
    try:
        yield client
    finally:
        await client.close_connection()


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, WITHIN_S)


def code_of(call: Any, **params: Any) -> int:
    with pytest.raises(BinanceAPIException) as raised:
        call(**params)
    return int(raised.value.code)


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_traded(client: Client) -> None:
    assert client.get_server_time()["serverTime"] > 0
    info = client.get_symbol_info(BTC)
    assert info is not None
    assert {one["filterType"] for one in info["filters"]} >= {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"}
    book = client.get_order_book(symbol=BTC, limit=5)
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    assert len(client.get_klines(symbol=BTC, interval="1m", limit=500)) == 500
    assert len(client.get_historical_klines(BTC, "5m", "6 hours ago UTC")) >= 71
    assert Decimal(client.get_avg_price(symbol=BTC)["price"]) > 0
    assert client.get_ticker(symbol=BTC)["symbol"] == BTC
    assert len(client.get_all_tickers()) >= 4
    assert client.get_orderbook_ticker(symbol=BTC)["bidPrice"] == book["bids"][0][0]
    assert client.get_account()["canTrade"]
    assert client.get_account_api_permissions()["enableWithdrawals"] is False


def test_an_order_from_beginning_to_end(client: Client) -> None:
    order = client.order_limit_buy(symbol=BTC, quantity="0.01", price="59000", newClientOrderId="tour")
    assert (order["status"], order["fills"]) == ("NEW", [])
    assert client.get_order(symbol=BTC, origClientOrderId="tour")["orderId"] == order["orderId"]
    assert [one["orderId"] for one in client.get_open_orders(symbol=BTC)] == [order["orderId"]]
    gone = client.cancel_order(symbol=BTC, orderId=order["orderId"])
    assert (gone["origClientOrderId"], gone["status"]) == ("tour", "CANCELED")
    assert client.get_order(symbol=BTC, orderId=order["orderId"])["status"] == "CANCELED"
    bought = client.order_market_buy(symbol=BTC, quoteOrderQty="600")
    assert bought["status"] == "FILLED"
    assert client.get_asset_balance("BTC")["locked"] == "0.00000000"
    client.create_test_order(symbol=BTC, side="BUY", type="MARKET", quantity="0.01")


def test_replacing(client: Client) -> None:
    old = client.order_limit_buy(symbol=BTC, quantity="0.02", price="59000")
    done = client.cancel_replace_order(
        symbol=BTC,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.01",
        price="58000",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=old["orderId"],
    )
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")


def test_stops(client: Client, sim: Simulator) -> None:
    stop = client.create_order(
        symbol=BTC,
        side="SELL",
        type="STOP_LOSS_LIMIT",
        timeInForce="GTC",
        quantity="0.5",
        price="58000",
        stopPrice="59000",
    )
    assert client.get_order(symbol=BTC, orderId=stop["orderId"])["isWorking"] is False
    assert client.get_asset_balance("BTC")["locked"] == "0.50000000"
    sim.control("price", symbol="spot:BTCUSDT", price="58900")
    assert client.get_order(symbol=BTC, orderId=stop["orderId"])["status"] == "FILLED"


def test_fills_page_by_page(client: Client) -> None:
    for _ in range(7):
        client.order_market_buy(symbol=BTC, quantity="0.001")
    seen: list[int] = []
    while page := client.get_my_trades(symbol=BTC, fromId=seen[-1] + 1 if seen else 0, limit=3):
        seen += [row["id"] for row in page]
    assert len(seen) == 7
    assert seen == sorted(set(seen))
    orders = client.get_all_orders(symbol=BTC, limit=5)
    assert [one["status"] for one in orders] == ["FILLED"] * 5


def test_errors_by_code(client: Client, sim: Simulator) -> None:
    order = {"symbol": BTC, "quantity": "0.01", "price": "59000"}
    client.order_limit_buy(**order, newClientOrderId="twice")
    assert code_of(client.order_limit_buy, **order, newClientOrderId="twice") == -2010
    assert code_of(client.order_limit_buy, **{**order, "symbol": "NOPE"}) == -1121
    assert code_of(client.order_limit_buy, **{**order, "quantity": "0.000001"}) == -1013
    assert code_of(client.order_limit_buy, **{**order, "quantity": "100"}) == -2010
    assert code_of(client.get_order, symbol=BTC, orderId=99_999_999) == -2013
    assert code_of(client.cancel_order, symbol=BTC, orderId=99_999_999) == -2011
    assert code_of(Client("paper", "wrong").get_account) == -1022
    assert code_of(Client("nobody", "paper").get_account) == -2015
    sim.control(
        "fault", fault={"kind": "error", "error": "spot_timeout", "path": "/api/v3/order", "deed": True}
    )
    assert code_of(client.order_limit_buy, **order, newClientOrderId="doubt") == -1007
    assert client.get_order(symbol=BTC, origClientOrderId="doubt")["status"] == "NEW"


def test_killed_and_started_again(client: Client, sim: Simulator) -> None:
    order = client.order_limit_buy(symbol=BTC, quantity="0.01", price="59000")
    bought = client.order_market_buy(symbol=BTC, quantity="0.01")
    sim.kill()
    sim.start()
    assert client.get_order(symbol=BTC, orderId=order["orderId"])["status"] == "NEW"
    assert [row["id"] for row in client.get_my_trades(symbol=BTC)] == [bought["fills"][0]["tradeId"]]


# ── WebSockets ──────────────────────────────────────────────────────────────────────────────────


def test_the_user_stream(sim: Simulator) -> None:
    async def tour() -> None:
        async with asynchronous() as client, BinanceSocketManager(client).user_socket() as user:
            order = await client.create_order(symbol=BTC, side="BUY", type="MARKET", quantity="0.01")
            said = [await soon(user.recv()) for _ in range(3)]
            assert [one["e"] for one in said] == ["executionReport"] * 2 + ["outboundAccountPosition"]
            assert [one["X"] for one in said[:2]] == ["NEW", "FILLED"]
            assert said[1]["t"] == order["fills"][0]["tradeId"]
            sim.control("deposit", account="main:spot", asset="BTC", amount="1")
            assert (await soon(user.recv()))["e"] == "balanceUpdate"

    asyncio.run(tour())


def test_the_websocket_api(sim: Simulator) -> None:
    async def tour() -> None:
        async with asynchronous() as client:
            order = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
            placed = await soon(client.ws_create_order(**order, price="59000"))
            found = await soon(client.ws_get_order(symbol=BTC, orderId=placed["orderId"]))
            assert found["status"] == "NEW"
            assert len(await soon(client.ws_get_open_orders(symbol=BTC))) == 1
            gone = await soon(client.ws_cancel_order(symbol=BTC, orderId=placed["orderId"]))
            assert gone["status"] == "CANCELED"
            assert (await soon(client.ws_get_account()))["canTrade"]
            with pytest.raises(BinanceAPIException, match="2010"):
                await soon(client.ws_create_order(**{**order, "quantity": "100"}, price="59000"))

    asyncio.run(tour())


def test_market_streams(sim: Simulator) -> None:
    async def tour() -> None:
        async with asynchronous() as client:
            sockets = BinanceSocketManager(client)
            names = ["btcusdt@trade", "btcusdt@bookTicker", "btcusdt@kline_1m", "btcusdt@depth5@100ms"]
            async with sockets.multiplex_socket(names) as stream:
                heard: dict[str, Any] = {}
                await client.create_order(symbol=BTC, side="BUY", type="MARKET", quantity="0.001")
                while len(heard) < len(names):
                    one = await soon(stream.recv())
                    heard[one["stream"]] = one["data"]
                assert heard["btcusdt@trade"]["s"] == BTC
                assert heard["btcusdt@kline_1m"]["k"]["i"] == "1m"
                assert len(heard["btcusdt@depth5@100ms"]["bids"]) == 5

    asyncio.run(tour())


def test_a_book_with_a_gap_is_made_whole(sim: Simulator) -> None:
    """Its own cache of the book: an event is lost on the way, and the cache comes back to the truth."""

    async def tour() -> None:
        async with (
            asynchronous() as client,
            DepthCacheManager(client, symbol=BTC, limit=100, refresh_interval=0) as cache,
        ):
            await moved(sim, cache, 60_010)
            sim.control("fault", fault={"kind": "book_gap", "symbol": BTC})
            sim.control("price", symbol="spot:BTCUSDT", price="60020")
            eventually(lambda: sim.control("stats")["faults_fired"].get("book_gap"), "an event is lost")
            for number in range(60_030, 60_050):
                found = await moved(sim, cache, number)
                if same(found, await client.get_order_book(symbol=BTC, limit=100)):
                    return
            raise AssertionError("the cache never was whole again")

    asyncio.run(tour())


async def moved(sim: Simulator, cache: Any, price: int) -> Any:
    """The market goes there; the cache after its next event."""
    sim.control("price", symbol="spot:BTCUSDT", price=str(price))
    return await soon(cache.recv())


def same(cache: Any, book: Any) -> bool:
    if cache is None or isinstance(cache, dict):
        return False
    bids = [[float(price), float(qty)] for price, qty in book["bids"]]
    return bool(cache.get_bids() == bids)


def test_the_door_stays_open(client: Client, sim: Simulator) -> None:
    """The venue is paused and goes on: what was asked meanwhile is answered."""
    sim.control("pause", for_ns=200_000_000)
    assert client.get_server_time()["serverTime"] > 0
    eventually(lambda: not sim.control("stats")["paused"], "the pause ends")
