"""python-binance, unchanged, takes a tour of the futures half of `kedge sim binance`.

What it needs to be pointed here is in `point`: four addresses on its base class, and one of its streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, FuturesDepthCacheManager
from binance.base_client import BaseClient
from binance.client import Client
from binance.exceptions import BinanceAPIException
from kit import Simulator, eventually

BTC = "BTCUSDT"
INNER = "usdm:BTCUSDT"
WITHIN_S = 30
LIMIT: dict[str, Any] = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
LIMIT |= {"quantity": "0.010", "price": "59000"}
MARKET: dict[str, Any] = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.010"}


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator("binance", tmp_path_factory.mktemp("binance")) as simulator:
        yield simulator


@pytest.fixture
def sim(venue: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The same venue for all, at the same price and in fair weather."""
    venue.control("clear")
    venue.control("price", symbol=INNER, price="60000")
    point(venue, monkeypatch)
    return venue


@pytest.fixture
def key(sim: Simulator, request: pytest.FixtureRequest) -> str:
    """An account of its own for each tour."""
    name: str = request.node.name
    sim.control("key", key=name, secret="paper", account=name)
    return name


def point(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseClient, "API_URL", f"{sim.http}/api")
    monkeypatch.setattr(BaseClient, "FUTURES_URL", f"{sim.http}/fapi")
    monkeypatch.setattr(BaseClient, "WS_API_URL", f"{sim.ws}/ws-api/v3")
    monkeypatch.setattr(BaseClient, "WS_FUTURES_URL", f"{sim.ws}/ws-fapi/v1")
    monkeypatch.setattr(BinanceSocketManager, "FSTREAM_URL", f"{sim.ws}/")


@pytest.fixture
def client(key: str) -> Client:
    return Client(key, "paper")


@asynccontextmanager
async def asynchronous(key: str) -> AsyncIterator[AsyncClient]:
    client = await AsyncClient.create(key, "paper")
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
    assert client.futures_time()["serverTime"] > 0
    info = {one["symbol"]: one for one in client.futures_exchange_info()["symbols"]}
    kinds = {one["filterType"] for one in info[BTC]["filters"]}
    assert kinds >= {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "MIN_NOTIONAL", "PERCENT_PRICE"}
    assert [one["contractType"] for one in info.values()].count("CURRENT_QUARTER") == 1
    book = client.futures_order_book(symbol=BTC, limit=5)
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    assert len(client.futures_klines(symbol=BTC, interval="1m", limit=1500)) == 1500
    bars = client.futures_continuous_klines(pair=BTC, contractType="PERPETUAL", interval="5m")
    assert [bar[0] for bar in bars] == sorted(bar[0] for bar in bars)
    assert len(client.futures_historical_klines(BTC, "5m", "6 hours ago UTC")) >= 71
    assert Decimal(client.futures_mark_price(symbol=BTC)["markPrice"]) > 0
    assert client.futures_funding_rate(symbol=BTC) == []
    assert client.futures_ticker(symbol=BTC)["symbol"] == BTC
    assert len(client.futures_symbol_ticker()) == len(info)
    assert client.futures_orderbook_ticker(symbol=BTC)["bidPrice"] == book["bids"][0][0]
    assert client.futures_leverage_bracket(symbol=BTC)["brackets"][0]["initialLeverage"] == 125
    assert client.futures_commission_rate(symbol=BTC)["takerCommissionRate"] == "0.0005"


def test_an_order_from_beginning_to_end(client: Client) -> None:
    order = client.futures_create_order(**LIMIT, newClientOrderId="tour")
    assert order["status"] == "NEW"
    assert client.futures_get_order(symbol=BTC, origClientOrderId="tour")["orderId"] == order["orderId"]
    changed = client.futures_modify_order(
        symbol=BTC, orderId=order["orderId"], side="BUY", quantity="0.020", price="58000"
    )
    assert (changed["orderId"], changed["price"], changed["origQty"]) == (
        order["orderId"],
        "58000.00",
        "0.020",
    )
    assert [one["orderId"] for one in client.futures_get_open_orders(symbol=BTC)] == [order["orderId"]]
    gone = client.futures_cancel_order(symbol=BTC, orderId=order["orderId"])
    assert gone["status"] == "CANCELED"
    bought = client.futures_create_order(**MARKET, newOrderRespType="RESULT")
    assert bought["status"] == "FILLED"
    assert client.futures_position_information(symbol=BTC)[0]["positionAmt"] == "0.010"
    client.futures_create_test_order(**LIMIT)
    statuses = [one["status"] for one in client.futures_get_all_orders(symbol=BTC)]
    assert statuses == ["CANCELED", "FILLED"]


def test_batches(client: Client) -> None:
    orders = [{**LIMIT, "newClientOrderId": "a"}, {**LIMIT, "price": "0.05"}]
    said = client.futures_place_batch_order(batchOrders=orders)
    assert [one.get("status", one.get("code")) for one in said] == ["NEW", -4014]
    gone = client.futures_cancel_orders(symbol=BTC, orderidlist=[said[0]["orderId"]])
    assert gone[0]["status"] == "CANCELED"
    client.futures_create_order(**LIMIT)
    assert client.futures_cancel_all_open_orders(symbol=BTC)["code"] == 200
    assert client.futures_get_open_orders() == []


def test_stops(client: Client, sim: Simulator) -> None:
    client.futures_create_order(**MARKET)
    stop = client.futures_create_order(
        symbol=BTC, side="SELL", type="STOP_MARKET", stopPrice="59000", quantity="0.010", reduceOnly="true"
    )
    assert stop["algoStatus"] == "NEW", "the SDK sends what waits to the algo endpoint by itself"
    other = client.futures_create_algo_order(
        symbol=BTC, side="SELL", type="TAKE_PROFIT_MARKET", triggerPrice="65000", quantity="0.010"
    )
    assert len(client.futures_get_open_algo_orders()) == 2
    assert client.futures_cancel_algo_order(algoId=other["algoId"])["msg"] == "success"
    sim.control("price", symbol=INNER, price="58900")
    done = client.futures_get_algo_order(algoId=stop["algoId"])
    assert done["algoStatus"] == "FINISHED"
    order = client.futures_get_order(symbol=BTC, orderId=done["actualOrderId"])
    assert (order["status"], order["reduceOnly"]) == ("FILLED", True)
    assert len(client.futures_get_all_algo_orders(symbol=BTC)) == 2
    assert client.futures_cancel_all_algo_open_orders(symbol=BTC)["code"] == 200


def test_fills_page_by_page(client: Client) -> None:
    for _ in range(7):
        client.futures_create_order(**{**MARKET, "quantity": "0.002"})
    seen: list[int] = []
    while page := client.futures_account_trades(symbol=BTC, fromId=seen[-1] + 1 if seen else 0, limit=3):
        seen += [row["id"] for row in page]
    assert len(seen) == 7
    assert seen == sorted(set(seen))
    income = client.futures_income_history(incomeType="COMMISSION")
    assert len(income) == 7


def test_settings(client: Client) -> None:
    assert client.futures_change_leverage(symbol=BTC, leverage=50)["leverage"] == 50
    assert client.futures_change_margin_type(symbol=BTC, marginType="ISOLATED")["code"] == 200
    assert code_of(client.futures_change_margin_type, symbol=BTC, marginType="ISOLATED") == -4046
    assert client.futures_get_position_mode()["dualSidePosition"] is False
    assert code_of(client.futures_change_position_mode, dualSidePosition="false") == -4059
    client.futures_change_position_mode(dualSidePosition="true")
    assert code_of(client.futures_create_order, **MARKET) == -4061
    client.futures_create_order(**MARKET, positionSide="LONG")
    client.futures_create_order(**{**MARKET, "side": "SELL"}, positionSide="SHORT")
    risk = {p["positionSide"]: p["positionAmt"] for p in client.futures_position_information(symbol=BTC)}
    assert risk == {"LONG": "0.010", "SHORT": "-0.010"}
    assert Decimal(client.futures_account_balance()[0]["balance"]) < 100_000
    assert client.futures_account()["totalWalletBalance"]
    assert client.futures_countdown_cancel_all(symbol=BTC, countdownTime=100_000)["countdownTime"] == "100000"


def test_errors_by_code(client: Client, sim: Simulator) -> None:
    create = client.futures_create_order
    assert code_of(create, **{**LIMIT, "symbol": "NOPE"}) == -1121
    assert code_of(create, **{**LIMIT, "price": "59000.05"}) == -4014
    assert code_of(create, **{**LIMIT, "quantity": "0.0001"}) == -1111
    assert code_of(create, **{**LIMIT, "quantity": "0.001"}) == -4164
    assert code_of(create, **{**LIMIT, "timeInForce": "GTX", "price": "60500"}) == -5022
    assert code_of(create, **{**LIMIT, "timeInForce": "FOK", "quantity": "5", "price": "60000.1"}) == -5021
    assert code_of(create, **{**LIMIT, "quantity": "120", "price": "20000"}) == -2019
    assert code_of(create, **{**MARKET, "side": "SELL", "reduceOnly": "true"}) == -2022
    assert code_of(client.futures_get_order, symbol=BTC, orderId=1) == -2013
    assert code_of(client.futures_cancel_order, symbol=BTC, orderId=1) == -2011
    wrong = Client("test_errors_by_code", "wrong", ping=False)
    assert code_of(wrong.futures_account_balance) == -1022
    sim.control("fault", fault={"kind": "usdm_unknown", "deed": True, "client_id": "lost"})
    assert code_of(create, **LIMIT, newClientOrderId="lost") == -1000
    assert client.futures_get_order(symbol=BTC, origClientOrderId="lost")["status"] == "NEW"


def test_the_power_is_cut(client: Client, sim: Simulator) -> None:
    order = client.futures_create_order(**LIMIT, newClientOrderId="kept")
    client.futures_create_order(**MARKET)
    before = client.futures_account_trades(symbol=BTC)
    sim.kill()
    sim.start()
    shown = eventually(lambda: client.futures_get_order(symbol=BTC, origClientOrderId="kept"), "it is there")
    assert (shown["orderId"], shown["status"]) == (order["orderId"], "NEW")
    assert client.futures_account_trades(symbol=BTC) == before


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_market_streams(sim: Simulator, key: str) -> None:
    async def tour() -> None:
        async with asynchronous(key) as client:
            manager = BinanceSocketManager(client)
            async with (
                manager.aggtrade_futures_socket(BTC) as trades,
                manager.kline_futures_socket(BTC) as bars,
            ):
                await client.futures_create_order(**MARKET)
                trade = await soon(trades.recv())
                assert trade["data"]["e"] == "aggTrade"
                bar = await soon(bars.recv())
                assert bar["k"]["i"] == "1m"
            async with manager.symbol_mark_price_socket(BTC) as marks:
                assert (await soon(marks.recv()))["data"]["e"] == "markPriceUpdate"
            async with manager.futures_depth_socket(BTC) as depth:
                sim.control("price", symbol=INNER, price="60010")
                assert (await soon(depth.recv()))["data"]["e"] == "depthUpdate"

    asyncio.run(tour())


def test_a_book_that_is_kept_through_a_gap(sim: Simulator, key: str) -> None:
    """The SDK's own depth cache; it takes whole tops of books here, so that a lost one heals by itself."""

    async def until(cache: Any, best: float) -> None:
        """Move the price there until the cache has heard of it."""
        book = None
        while book is None or book.get_bids()[0][0] != best:
            for price in (best + 5, best):
                sim.control("price", symbol=INNER, price=f"{price + 0.1:.1f}")
            try:
                book = await asyncio.wait_for(cache.recv(), 1)
            except TimeoutError:
                continue

    async def tour() -> None:
        async with asynchronous(key) as client, FuturesDepthCacheManager(client, BTC) as cache:
            await soon(until(cache, 60009.9))
            sim.control("fault", fault={"kind": "drop_frame", "path": "/public", "match": "depthUpdate"})
            await soon(until(cache, 60019.9))
            assert sim.control("stats")["faults_fired"]["drop_frame"] == 1

    asyncio.run(tour())


def test_the_private_stream(sim: Simulator, key: str) -> None:
    async def tour() -> None:
        async with asynchronous(key) as client:
            manager = BinanceSocketManager(client)
            async with manager.futures_user_socket() as user:
                order = await client.futures_create_order(**MARKET)
                kinds = []
                while not kinds or kinds[-1] != ("ORDER_TRADE_UPDATE", "FILLED"):
                    event = await soon(user.recv())
                    kinds.append((event["e"], event.get("o", {}).get("X", "")))
                    if event["e"] == "TRADE_LITE":
                        assert event["i"] == order["orderId"]
                assert [kind for kind, _ in kinds] == [
                    "ORDER_TRADE_UPDATE",
                    "TRADE_LITE",
                    "ACCOUNT_UPDATE",
                    "ORDER_TRADE_UPDATE",
                ]

    asyncio.run(tour())


def test_orders_over_a_socket(sim: Simulator, key: str) -> None:
    async def tour() -> None:
        async with asynchronous(key) as client:
            order = await soon(client.ws_futures_create_order(**LIMIT))
            assert order["status"] == "NEW"
            shown = await soon(client.ws_futures_get_order(symbol=BTC, orderId=order["orderId"]))
            assert shown["orderId"] == order["orderId"]
            edited = await soon(
                client.ws_futures_edit_order(
                    symbol=BTC, orderId=order["orderId"], side="BUY", quantity="0.010", price="58000"
                )
            )
            assert edited["price"] == "58000.00"
            gone = await soon(client.ws_futures_cancel_order(symbol=BTC, orderId=order["orderId"]))
            assert gone["status"] == "CANCELED"
            assert (await soon(client.ws_futures_v2_account_balance()))[0]["asset"] == "USDT"
            assert (await soon(client.ws_futures_get_order_book(symbol=BTC, limit=5)))["bids"]
            with pytest.raises(BinanceAPIException) as raised:
                await soon(client.ws_futures_cancel_order(symbol=BTC, orderId=order["orderId"]))
            assert raised.value.code == -2011

    asyncio.run(tour())
