"""ccxt, unchanged, with and without its pro streams, takes a tour of `kedge sim bybit`.

What it needs to be pointed here is in `pointed`: two addresses, and no warning about a list of options.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import ccxt
import ccxt.pro
import pytest
from kit import WITHIN_S, Simulator, eventually

SWAP, SPOT, INVERSE = "BTC/USDT:USDT", "BTC/USDT", "BTC/USD:BTC"
Pro = Any


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator("bybit", tmp_path) as simulator:
        yield simulator


def pointed(exchange: Any, sim: Simulator) -> Any:
    exchange.urls["api"] = {
        **dict.fromkeys(exchange.urls["api"], sim.http),
        "ws": exchange.urls["api"].get("ws"),
    }
    exchange.urls["api"]["ws"] = {
        "public": {
            "spot": f"{sim.ws}/v5/public/spot",
            "linear": f"{sim.ws}/v5/public/linear",
            "inverse": f"{sim.ws}/v5/public/inverse",
        },
        "private": {
            "spot": {"unified": f"{sim.ws}/v5/private", "nonUnified": f"{sim.ws}/v5/private"},
            "contract": f"{sim.ws}/v5/private",
            "usdc": f"{sim.ws}/v5/private",
            "trade": f"{sim.ws}/v5/trade",
        },
    }
    return exchange


KEYS = {"apiKey": "paper", "secret": "paper", "enableRateLimit": False}


@pytest.fixture
def rest(sim: Simulator) -> Any:
    return pointed(ccxt.bybit({**KEYS}), sim)


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def test_markets(rest: Any) -> None:
    markets = rest.load_markets()
    assert {SWAP, SPOT, INVERSE} <= set(markets)
    assert markets[SWAP]["precision"] == {"amount": 0.001, "price": 0.1}
    assert markets[SPOT]["limits"]["cost"]["min"] == 5
    assert [m["symbol"] for m in markets.values() if m["future"]]
    for symbol in (SWAP, SPOT, INVERSE):
        book = rest.fetch_order_book(symbol, 5)
        ticker = rest.fetch_ticker(symbol)
        assert book["bids"][0][0] == ticker["bid"] < ticker["ask"] == book["asks"][0][0]
        bars = rest.fetch_ohlcv(symbol, "5m", limit=50)
        assert [bar[0] for bar in bars] == sorted(bar[0] for bar in bars)
        assert len(bars) == 50
        rest.fetch_trades(symbol)
    assert rest.fetch_funding_rate(SWAP)["fundingTimestamp"]
    assert rest.fetch_funding_rate_history(SWAP)
    assert rest.fetch_time()
    assert rest.fetch_leverage_tiers([SWAP])[SWAP]


def test_orders(rest: Any) -> None:
    order = rest.create_order(SWAP, "limit", "buy", 0.01, 59000, {"clientOrderId": "tour"})
    assert rest.fetch_open_order(order["id"], SWAP)["status"] == "open"
    rest.edit_order(order["id"], SWAP, "limit", "buy", 0.02, 58000)
    assert rest.fetch_open_orders(SWAP)[0]["amount"] == 0.02
    rest.cancel_order(order["id"], SWAP)
    (cancelled,) = rest.fetch_canceled_orders(SWAP)
    assert (cancelled["clientOrderId"], cancelled["status"]) == ("tour", "canceled")
    rest.create_order(SPOT, "limit", "buy", 0.001, 59000)
    rest.create_order(SPOT, "limit", "sell", 0.001, 61000)
    assert len(rest.fetch_open_orders(SPOT)) == 2
    rest.cancel_all_orders(SPOT)
    assert rest.fetch_open_orders(SPOT) == []


def test_market_orders_and_fills(rest: Any) -> None:
    rest.create_market_order_with_cost(SPOT, "buy", 60)
    for _ in range(3):
        rest.create_order(SWAP, "market", "buy", 0.01)
    trades = rest.fetch_my_trades(SWAP, params={"paginate": True})
    assert len({trade["id"] for trade in trades}) == len(trades) >= 3
    assert all(trade["fee"]["currency"] == "USDT" for trade in trades)
    (spot,) = rest.fetch_my_trades(SPOT)
    assert spot["fee"]["currency"] == "BTC"
    (position,) = rest.fetch_positions([SWAP])
    assert (position["side"], position["contracts"]) == ("long", 0.03)
    balance = rest.fetch_balance()
    assert balance["BTC"]["total"] > 2
    assert rest.fetch_ledger("USDT")
    rest.create_order(INVERSE, "market", "sell", 100)
    assert rest.fetch_position(INVERSE)["side"] == "short"


def test_stops(rest: Any, sim: Simulator) -> None:
    rest.create_order(SWAP, "market", "buy", 0.02)
    stop = rest.create_order(
        SWAP,
        "market",
        "sell",
        0.02,
        None,
        {"triggerPrice": 59000, "triggerDirection": "descending", "reduceOnly": True},
    )
    assert [o["id"] for o in rest.fetch_open_orders(SWAP, params={"trigger": True})] == [stop["id"]]
    sim.control("price", symbol="linear:BTCUSDT", price="58900")
    assert rest.fetch_closed_order(stop["id"], SWAP)["status"] == "closed"
    protected = {"stopLoss": {"triggerPrice": 55000}, "takeProfit": {"triggerPrice": 65000}}
    rest.create_order(SWAP, "market", "buy", 0.02, None, protected)
    kinds = {o["info"]["stopOrderType"] for o in rest.fetch_open_orders(SWAP)}
    assert kinds == {"StopLoss", "TakeProfit"}


def test_batches(rest: Any) -> None:
    one = {"symbol": SWAP, "type": "limit", "side": "buy", "amount": 0.01, "price": 59000}
    made = rest.create_orders([one, {**one, "price": 58000}])
    ids = [order["id"] for order in made]
    assert all(ids)
    rest.cancel_orders(ids, SWAP)
    assert rest.fetch_open_orders(SWAP) == []


def test_leverage_and_modes(rest: Any) -> None:
    rest.set_leverage(7, SWAP)
    with pytest.raises(ccxt.ExchangeError, match="110043"):
        rest.set_leverage(7, SWAP)
    assert rest.fetch_leverage(SWAP)["longLeverage"] == 7
    rest.set_position_mode(False, params={"coin": "USDT"})
    assert rest.fetch_trading_fee(SWAP)["taker"] == 0.00055


def test_errors(rest: Any, sim: Simulator) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        rest.create_order(SWAP, "limit", "buy", 500, 59000)
    with pytest.raises(ccxt.OrderNotFound):
        rest.cancel_order("never", SWAP)
    rest.create_order(SWAP, "limit", "buy", 0.01, 59000, {"clientOrderId": "twice"})
    with pytest.raises(ccxt.InvalidOrder):
        rest.create_order(SWAP, "limit", "buy", 0.01, 59000, {"clientOrderId": "twice"})
    stranger = pointed(ccxt.bybit({**KEYS, "secret": "wrong"}), sim)
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_balance()
    sim.control("fault", fault={"kind": "error", "path": "/v5/market/time", "error": "overloaded"})
    with pytest.raises(ccxt.RateLimitExceeded):
        rest.fetch_time()
    sim.control("fault", fault={"kind": "error", "path": "/v5/market/time", "error": "unavailable"})
    with pytest.raises(ccxt.ExchangeNotAvailable):
        rest.fetch_time()


def test_a_client_that_is_only_configured(sim: Simulator) -> None:
    """As freqtrade does it: addresses in the configuration, and what it asks before it trades futures."""
    urls = {"api": {"public": sim.http, "private": sim.http}}
    options = {"defaultType": "swap", "defaultSettle": "USDT"}
    client = ccxt.bybit({**KEYS, "urls": urls, "options": options})
    client.set_position_mode(False)
    assert client.is_unified_enabled()[1] is True
    client.load_markets()
    assert client.fetch_leverage_tiers([SWAP])[SWAP][0]["maxLeverage"] == 100
    client.set_leverage(3, SWAP)
    order = client.create_order(
        SWAP, "limit", "buy", 0.01, 59000, {"timeInForce": "GTC", "reduceOnly": False}
    )
    assert client.fetch_order(order["id"], SWAP, {"acknowledged": True})["status"] == "open"
    assert client.fetch_funding_history(SWAP) == []
    assert client.fetch_tickers([SWAP])[SWAP]["ask"] > 0


# ── pro ─────────────────────────────────────────────────────────────────────────────────────────


def streamed(sim: Simulator, tour: Callable[[Pro], Awaitable[None]]) -> None:
    """Run one tour with a pro client, which is closed whatever happens."""

    async def run() -> None:
        exchange = pointed(ccxt.pro.bybit({**KEYS}), sim)
        try:
            await exchange.load_markets()
            async with asyncio.timeout(WITHIN_S):
                await tour(exchange)
        finally:
            await exchange.close()

    asyncio.run(run())


async def until(watch: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> Any:
    while True:
        found = await watch()
        if holds(found):
            return found


def test_public_streams(sim: Simulator) -> None:
    async def tour(exchange: Pro) -> None:
        book = await exchange.watch_order_book(SWAP, 50)
        assert book["bids"][0][0] < book["asks"][0][0]
        sim.control("fault", fault={"kind": "book_gap", "path": "orderbook.50"})
        sim.control("price", symbol="linear:BTCUSDT", price="60010")
        eventually(lambda: sim.control("stats")["faults_fired"].get("book_gap"), "the gap")
        sim.control("fault", fault={"kind": "book_snapshot", "path": "orderbook.50"})
        sim.control("price", symbol="linear:BTCUSDT", price="60020")
        book = await until(
            lambda: exchange.watch_order_book(SWAP, 50), lambda book: book["bids"][0][0] == 60019.9
        )
        assert book["asks"][0][0] == 60020.1
        assert (await exchange.watch_ticker(SWAP))["last"] > 0
        assert (await exchange.watch_ticker(SPOT))["last"] > 0
        assert (await exchange.watch_ohlcv(SWAP, "1m"))[-1][4] > 0
        await exchange.create_order(SWAP, "market", "buy", 0.01)
        watching = asyncio.ensure_future(exchange.watch_trades(SWAP))
        while not watching.done():
            await exchange.create_order(SWAP, "market", "buy", 0.01)
            await asyncio.sleep(0.2)
        assert (await watching)[-1]["side"] == "buy"

    streamed(sim, tour)


def test_private_streams(sim: Simulator) -> None:
    async def tour(exchange: Pro) -> None:
        orders = asyncio.ensure_future(exchange.watch_orders())
        fills = asyncio.ensure_future(exchange.watch_my_trades())
        positions = asyncio.ensure_future(exchange.watch_positions())
        balance = asyncio.ensure_future(exchange.watch_balance())
        for _ in range(200):
            if all(one.done() for one in (orders, fills, positions, balance)):
                break
            await exchange.create_order(SWAP, "market", "buy", 0.001)
            await asyncio.sleep(0.2)
        assert (await orders)[-1]["symbol"] == SWAP
        assert (await fills)[-1]["takerOrMaker"] == "taker"
        assert (await positions)[-1]["side"] == "long"
        assert (await balance)["USDT"]["total"] < 100_000

    streamed(sim, tour)


def test_orders_by_socket(sim: Simulator) -> None:
    async def tour(exchange: Pro) -> None:
        order = await exchange.create_order_ws(SWAP, "limit", "buy", 0.01, 59000)
        await exchange.edit_order_ws(order["id"], SWAP, "limit", "buy", 0.02, 58000)
        assert (await exchange.fetch_open_orders(SWAP))[0]["price"] == 58000
        await exchange.cancel_order_ws(order["id"], SWAP)
        assert await exchange.fetch_open_orders(SWAP) == []
        with pytest.raises(ccxt.ExchangeError):
            await exchange.cancel_order_ws(order["id"], SWAP)

    streamed(sim, tour)
