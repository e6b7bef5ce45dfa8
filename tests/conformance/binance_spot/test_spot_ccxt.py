"""ccxt, unchanged, with and without its pro streams, takes a tour of the spot half of `kedge sim binance`.

What it needs to be pointed here is in `pointed`: its addresses, and to leave the futures' markets alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ccxt
import ccxt.pro
import pytest
from kit import Simulator, eventually

BTC = "BTC/USDT"
WITHIN_S = 30


def pointed(kind: type[Any], sim: Simulator, key: str = "paper", secret: str = "paper") -> Any:
    """An exchange of ccxt whose spot addresses are the simulator's."""
    api: dict[str, Any] = dict.fromkeys(("public", "private"), f"{sim.http}/api/v3")
    api |= {"v1": f"{sim.http}/api/v1", "sapi": f"{sim.http}/sapi/v1"}
    api |= {f"sapiV{number}": f"{sim.http}/sapi/v{number}" for number in (2, 3, 4)}
    api["ws"] = {"spot": f"{sim.ws}/ws", "ws-api": {"spot": f"{sim.ws}/ws-api/v3"}}
    options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}
    return kind({"apiKey": key, "secret": secret, "urls": {"api": api}, "options": options})


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator("binance", tmp_path) as simulator:
        yield simulator


@pytest.fixture
def exchange(sim: Simulator) -> Any:
    return pointed(ccxt.binance, sim)


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, WITHIN_S)


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_traded(exchange: Any) -> None:
    market = exchange.load_markets()[BTC]
    assert market["precision"] == {"amount": 1e-05, "price": 0.01, "base": 1e-08, "quote": 1e-08}
    assert (market["limits"]["amount"]["min"], market["limits"]["cost"]["min"]) == (1e-05, 5.0)
    book = exchange.fetch_order_book(BTC, 5)
    assert book["bids"][0][0] < book["asks"][0][0]
    bars = exchange.fetch_ohlcv(BTC, "5m", limit=100)
    assert len(bars) == 100
    assert exchange.fetch_ohlcv(BTC, "5m", since=bars[10][0], limit=3) == bars[10:13]
    assert exchange.fetch_ticker(BTC)["bid"] == book["bids"][0][0]
    assert exchange.fetch_trading_fee(BTC)["taker"] == 0.001
    assert exchange.fetch_time() > 0


def test_an_order_from_beginning_to_end(exchange: Any) -> None:
    order = exchange.create_order(BTC, "limit", "buy", 0.01, 59000, {"clientOrderId": "tour"})
    assert (order["status"], order["clientOrderId"]) == ("open", "tour")
    assert exchange.fetch_balance()["USDT"]["used"] == 590
    changed = exchange.edit_order(order["id"], BTC, "limit", "buy", 0.02, 58000)
    assert exchange.fetch_order(order["id"], BTC)["status"] == "canceled"
    assert [one["id"] for one in exchange.fetch_open_orders(BTC)] == [changed["id"]]
    assert exchange.cancel_order(changed["id"], BTC)["status"] == "canceled"
    bought = exchange.create_order(BTC, "market", "buy", 0.01)
    assert (bought["status"], bought["average"], bought["fee"]["currency"]) == ("closed", 60000.01, "BTC")
    cost = exchange.create_market_buy_order_with_cost(BTC, 600)
    assert cost["filled"] == 0.00999
    exchange.create_order(BTC, "limit", "buy", 0.01, 59000, {"postOnly": True})
    assert len(exchange.cancel_all_orders(BTC)) == 1


def test_stops(exchange: Any, sim: Simulator) -> None:
    stop = exchange.create_order(BTC, "market", "sell", 0.5, None, {"stopLossPrice": 59000})
    profit = exchange.create_order(BTC, "limit", "sell", 0.5, 62000, {"takeProfitPrice": 61000})
    assert exchange.fetch_order(stop["id"], BTC)["triggerPrice"] == 59000
    assert exchange.fetch_balance()["BTC"]["used"] == 1
    sim.control("price", symbol="spot:BTCUSDT", price="58900")
    assert exchange.fetch_order(stop["id"], BTC)["status"] == "closed"
    sim.control("price", symbol="spot:BTCUSDT", price="61100")
    found = exchange.fetch_order(profit["id"], BTC)
    assert (found["status"], found["info"]["isWorking"]) == ("open", True)


def test_fills_page_by_page(exchange: Any) -> None:
    for _ in range(5):
        exchange.create_order(BTC, "market", "buy", 0.001)
    seen: list[int] = []
    while page := exchange.fetch_my_trades(BTC, limit=2, params={"fromId": seen[-1] + 1 if seen else 0}):
        seen += [int(row["id"]) for row in page]
    assert len(seen) == len(set(seen)) == 5
    assert len(exchange.fetch_closed_orders(BTC)) == 5


def test_errors_by_code(exchange: Any, sim: Simulator) -> None:
    def limit(qty: float, price: float, **params: Any) -> Any:
        return exchange.create_order(BTC, "limit", "buy", qty, price, params)

    limit(0.01, 59000, clientOrderId="twice")
    for error, call in (
        (ccxt.InvalidOrder, lambda: limit(0.01, 59000, clientOrderId="twice")),
        (ccxt.InsufficientFunds, lambda: limit(100, 59000)),
        (ccxt.OrderImmediatelyFillable, lambda: limit(0.01, 61000, postOnly=True)),
        (ccxt.BadRequest, lambda: limit(0.0001, 10)),
        (ccxt.OrderNotFound, lambda: exchange.fetch_order("99999999", BTC)),
        (ccxt.OrderNotFound, lambda: exchange.cancel_order("99999999", BTC)),
        (ccxt.AuthenticationError, lambda: pointed(ccxt.binance, sim, "nobody").fetch_balance()),
        (ccxt.AuthenticationError, lambda: pointed(ccxt.binance, sim, "paper", "wrong").fetch_balance()),
    ):
        with pytest.raises(error):
            call()
    sim.control(
        "fault", fault={"kind": "error", "error": "spot_timeout", "path": "/api/v3/order", "deed": True}
    )
    with pytest.raises(ccxt.NetworkError):
        limit(0.01, 59000, clientOrderId="doubt")
    assert exchange.fetch_order("", BTC, {"clientOrderId": "doubt"})["status"] == "open"


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_orders_over_websockets_and_the_user_stream(sim: Simulator) -> None:
    async def tour() -> None:
        exchange = pointed(ccxt.pro.binance, sim)
        try:
            watching = asyncio.ensure_future(exchange.watch_orders(BTC))
            eventually_async = asyncio.ensure_future(exchange.watch_balance())
            await subscribed(sim)
            order = await soon(exchange.create_order_ws(BTC, "limit", "buy", 0.01, 59000))
            assert (await soon(watching))[-1]["id"] == order["id"]
            assert (await soon(eventually_async))["USDT"]["used"] == 590
            assert (await soon(exchange.fetch_order_ws(order["id"], BTC)))["status"] == "open"
            assert (await soon(exchange.cancel_order_ws(order["id"], BTC)))["status"] == "canceled"
            trades = asyncio.ensure_future(exchange.watch_my_trades(BTC))
            await asyncio.sleep(0)
            bought = await soon(exchange.create_order(BTC, "market", "buy", 0.01))
            assert (await soon(trades))[-1]["order"] == bought["id"]
        finally:
            await exchange.close()

    asyncio.run(tour())


async def subscribed(sim: Simulator) -> None:
    """Until the client has opened its connection to the WebSocket API."""
    while not sim.control("stats")["spot"]["callers"]:  # noqa: ASYNC110 (the venue is another process)
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)


def test_a_book_with_a_gap_is_made_whole(sim: Simulator) -> None:
    async def tour() -> None:
        exchange = pointed(ccxt.pro.binance, sim)
        try:
            await soon(exchange.watch_order_book(BTC))
            sim.control("fault", fault={"kind": "book_gap", "symbol": "BTCUSDT"})
            sim.control("price", symbol="spot:BTCUSDT", price="60020")
            eventually(lambda: sim.control("stats")["faults_fired"].get("book_gap"), "an event is lost")
            for price in range(60_030, 60_060):
                sim.control("price", symbol="spot:BTCUSDT", price=str(price))
                try:
                    book = await soon(exchange.watch_order_book(BTC))
                except ccxt.NetworkError:
                    continue  # It has noticed the gap, and begins anew.
                if book["bids"][0][0] == price - 0.01 and book["asks"][0][0] == price + 0.01:
                    return
            raise AssertionError("the book never was whole again")
        finally:
            await exchange.close()

    asyncio.run(tour())


def test_market_streams(sim: Simulator) -> None:
    async def tour() -> None:
        exchange = pointed(ccxt.pro.binance, sim)
        try:
            await exchange.load_markets()
            waiting = [
                asyncio.ensure_future(one)
                for one in (
                    exchange.watch_trades(BTC),
                    exchange.watch_ticker(BTC),
                    exchange.watch_ohlcv(BTC, "1m"),
                    exchange.watch_bids_asks([BTC]),
                )
            ]
            while not all(one.done() for one in waiting):
                await exchange.create_order(BTC, "market", "buy", 0.001)
                await asyncio.sleep(0.3)
            trades, ticker, bars, _ = [one.result() for one in waiting]
            assert trades[-1]["side"] == "buy"
            assert ticker["last"] == 60000.01
            assert bars[-1][4] == 60000.01
        finally:
            await exchange.close()

    asyncio.run(tour())
