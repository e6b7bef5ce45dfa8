"""ccxt's binanceusdm, unchanged, with and without its pro streams, takes a tour of `kedge sim binance`.

What it needs to be pointed here is in `pointed`: addresses, and no look at the spot side's lists of coins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import ccxt
import ccxt.pro
import pytest
from kit import Simulator

SWAP = "BTC/USDT:USDT"
INNER = "usdm:BTCUSDT"
WITHIN_S = 30


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator("binance", tmp_path_factory.mktemp("binance")) as simulator:
        yield simulator


@pytest.fixture
def sim(venue: Simulator) -> Simulator:
    """The same venue for all, at the same price and in fair weather."""
    venue.control("clear")
    venue.control("price", symbol=INNER, price="60000")
    return venue


@pytest.fixture
def key(sim: Simulator, request: pytest.FixtureRequest) -> str:
    """An account of its own for each tour."""
    name: str = request.node.name
    sim.control("key", key=name, secret="paper", account=name)
    return name


def keys(key: str) -> dict[str, Any]:
    return {"apiKey": key, "secret": "paper", "enableRateLimit": False}


def pointed(exchange: Any, sim: Simulator) -> Any:
    api = exchange.urls["api"]
    for name, url in api.items():
        if isinstance(url, str) and "/fapi/" in url:
            api[name] = sim.http + url[url.index("/fapi/") :]
        elif isinstance(url, str) and "/api/" in url:
            api[name] = sim.http + url[url.index("/api/") :]
        elif isinstance(url, str) and "/sapi/" in url:
            api[name] = sim.http + url[url.index("/sapi/") :]
    if "ws" in api:
        # The name of this kind of market has changed from one version to the next.
        for kind in ("future", "linear"):
            api["ws"][kind] = f"{sim.ws}/ws"
            api["ws"]["ws-api"][kind] = f"{sim.ws}/ws-fapi/v1"
    exchange.options["fetchCurrencies"] = False
    exchange.has["fetchCurrencies"] = False
    return exchange


@pytest.fixture
def rest(sim: Simulator, key: str) -> Any:
    return pointed(ccxt.binanceusdm(keys(key)), sim)


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def test_markets(rest: Any) -> None:
    markets = rest.load_markets()
    assert markets[SWAP]["precision"] == {"amount": 0.001, "price": 0.1, "base": 1e-8, "quote": 1e-8}
    assert markets[SWAP]["limits"]["cost"]["min"] == 100
    assert [m["symbol"] for m in markets.values() if m["future"]]
    book = rest.fetch_order_book(SWAP, 5)
    ticker = rest.fetch_bids_asks([SWAP])[SWAP]
    assert book["bids"][0][0] == ticker["bid"] < ticker["ask"] == book["asks"][0][0]
    assert rest.fetch_ticker(SWAP)["high"] >= rest.fetch_ticker(SWAP)["low"]
    bars = rest.fetch_ohlcv(SWAP, "5m", limit=50)
    assert [bar[0] for bar in bars] == sorted(bar[0] for bar in bars)
    assert len(bars) == 50
    rest.fetch_trades(SWAP)
    assert rest.fetch_funding_rate(SWAP)["fundingTimestamp"]
    rest.fetch_funding_rate_history(SWAP)
    assert rest.fetch_time()
    assert rest.fetch_leverage_tiers([SWAP])[SWAP][0]["maxLeverage"] == 125
    assert rest.fetch_mark_price(SWAP)["markPrice"] == 60000
    assert rest.fetch_trading_fee(SWAP)["taker"] == 0.0005


def test_orders(rest: Any) -> None:
    order = rest.create_order(SWAP, "limit", "buy", 0.01, 59000, {"clientOrderId": "tour"})
    assert order["status"] == "open"
    assert rest.fetch_open_orders(SWAP)[0]["clientOrderId"] == "tour"
    changed = rest.edit_order(order["id"], SWAP, "limit", "buy", 0.02, 58000)
    assert (changed["id"], changed["price"], changed["amount"]) == (order["id"], 58000, 0.02)
    assert rest.cancel_order(order["id"], SWAP)["status"] == "canceled"
    assert rest.fetch_order(order["id"], SWAP)["status"] == "canceled"
    bought = rest.create_order(SWAP, "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)
    assert rest.fetch_positions([SWAP])[0]["contracts"] == 0.01
    closing = rest.create_order(SWAP, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert closing["status"] == "closed"
    assert len(rest.fetch_my_trades(SWAP)) == 2
    assert len(rest.fetch_orders(SWAP)) == 3
    assert rest.fetch_balance()["USDT"]["total"] < 100_000
    assert len(rest.fetch_ledger("USDT")) >= 3


def test_batches(rest: Any) -> None:
    wanted = [
        {"symbol": SWAP, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
        for price in (59000, 58000)
    ]
    said = rest.create_orders(wanted)
    assert [one["status"] for one in said] == ["open", "open"]
    gone = rest.cancel_orders([one["id"] for one in said], SWAP)
    assert [one["status"] for one in gone] == ["canceled", "canceled"]
    rest.create_order(SWAP, "limit", "buy", 0.01, 59000)
    rest.cancel_all_orders(SWAP)
    assert rest.fetch_open_orders(SWAP) == []


def test_stops(rest: Any, sim: Simulator) -> None:
    rest.create_order(SWAP, "market", "buy", 0.01)
    stop = rest.create_order(SWAP, "market", "sell", 0.01, None, {"stopLossPrice": 59000, "reduceOnly": True})
    waiting = rest.fetch_open_orders(SWAP, params={"trigger": True})
    assert [one["id"] for one in waiting] == [stop["id"]]
    other = rest.create_order(SWAP, "market", "sell", 0.01, None, {"takeProfitPrice": 65000})
    rest.cancel_order(other["id"], SWAP, {"trigger": True})
    sim.control("price", symbol=INNER, price="58900")
    assert rest.fetch_positions([SWAP]) == []
    assert rest.fetch_open_orders(SWAP, params={"trigger": True}) == []


def test_settings(rest: Any) -> None:
    assert int(rest.set_leverage(50, SWAP)["leverage"]) == 50
    rest.set_margin_mode("isolated", SWAP)
    assert rest.fetch_leverages([SWAP])[SWAP]["longLeverage"] == 50
    assert rest.fetch_position_mode(SWAP)["hedged"] is False
    rest.set_position_mode(True)
    rest.create_order(SWAP, "market", "buy", 0.01, None, {"positionSide": "LONG"})
    rest.create_order(SWAP, "market", "sell", 0.01, None, {"positionSide": "SHORT"})
    sides = {p["side"]: p["contracts"] for p in rest.fetch_positions([SWAP])}
    assert sides == {"long": 0.01, "short": 0.01}


@pytest.mark.parametrize(
    ("code", "call"),
    [
        (-2019, lambda x: x.create_order(SWAP, "limit", "buy", 120, 20000)),
        (-2011, lambda x: x.cancel_order("1", SWAP)),
        (-2013, lambda x: x.fetch_order("1", SWAP)),
        (-4164, lambda x: x.create_order(SWAP, "limit", "buy", 0.001, 59000)),
        (-5022, lambda x: x.create_order(SWAP, "limit", "buy", 1, 60500, {"postOnly": True})),
        (-2022, lambda x: x.create_order(SWAP, "market", "sell", 1, None, {"reduceOnly": True})),
        (-2021, lambda x: x.create_order(SWAP, "market", "sell", 1, None, {"stopLossPrice": 61000})),
    ],
)
def test_errors_by_code(rest: Any, code: int, call: Callable[[Any], Any]) -> None:
    """By code: what ccxt makes of one depends on the address, which it does not know here."""
    with pytest.raises(ccxt.ExchangeError, match=f'"code":{code},'):
        call(rest)


def test_a_wrong_secret_and_an_unknown_fate(rest: Any, sim: Simulator, key: str) -> None:
    with pytest.raises(ccxt.AuthenticationError):
        pointed(ccxt.binanceusdm({**keys(key), "secret": "wrong"}), sim).fetch_balance()
    sim.control("fault", fault={"kind": "usdm_unknown", "client_id": "lost"})
    with pytest.raises(ccxt.OperationFailed):
        rest.create_order(SWAP, "limit", "buy", 0.01, 59000, {"clientOrderId": "lost"})
    assert rest.fetch_order("", SWAP, {"origClientOrderId": "lost"})["status"] == "open"


# ── pro ─────────────────────────────────────────────────────────────────────────────────────────


def pro(sim: Simulator, key: str, tour: Callable[[Any], Awaitable[None]]) -> None:
    async def run() -> None:
        exchange = pointed(ccxt.pro.binanceusdm(keys(key)), sim)
        try:
            await tour(exchange)
        finally:
            await exchange.close()

    asyncio.run(run())


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, WITHIN_S)


def test_a_book_with_a_gap(sim: Simulator, key: str) -> None:
    """A book whose update was lost: the SDK notices, says so, and has it right again."""

    def top(book: Any) -> list[Any]:
        return [[level[:2] for level in book[side][:5]] for side in ("bids", "asks")]

    async def tour(exchange: Any) -> None:
        book = await soon(exchange.watch_order_book(SWAP))
        assert top(book)[0][0][0] == 59999.9
        sim.control("fault", fault={"kind": "book_gap", "symbol": "BTCUSDT", "path": "/public"})
        sim.control("price", symbol=INNER, price="60010")
        async with asyncio.timeout(WITHIN_S):
            while True:
                for price in ("60025", "60020"):
                    sim.control("price", symbol=INNER, price=price)
                try:
                    book = await asyncio.wait_for(exchange.watch_order_book(SWAP), 1)
                except (TimeoutError, ccxt.BaseError):
                    continue
                lost = sim.control("stats")["faults_fired"].get("book_gap")
                if lost and top(book) == top(await exchange.fetch_order_book(SWAP)):
                    break

    pro(sim, key, tour)


def test_market_streams(sim: Simulator, key: str) -> None:
    async def tour(exchange: Any) -> None:
        await exchange.load_markets()
        trades = asyncio.create_task(exchange.watch_trades(SWAP))
        bars = asyncio.create_task(exchange.watch_ohlcv(SWAP, "1m"))
        marks = asyncio.create_task(exchange.watch_mark_price(SWAP))
        tickers = asyncio.create_task(exchange.watch_ticker(SWAP))
        async with asyncio.timeout(WITHIN_S):
            while not (trades.done() and bars.done()):
                await exchange.create_order(SWAP, "market", "buy", 0.01)
                await asyncio.sleep(0.3)
        assert trades.result()[0]["amount"] == 0.01
        assert bars.result()
        assert (await soon(marks))["markPrice"] == 60000
        assert (await soon(tickers))["last"]

    pro(sim, key, tour)


def test_the_private_stream(sim: Simulator, key: str) -> None:
    async def tour(exchange: Any) -> None:
        await exchange.load_markets()
        orders = asyncio.create_task(exchange.watch_orders(SWAP))
        async with asyncio.timeout(WITHIN_S):
            while not orders.done():
                await exchange.create_order(SWAP, "limit", "buy", 0.01, 59000)
                await asyncio.sleep(0.3)
        assert orders.result()[0]["status"] == "open"
        fills = asyncio.create_task(exchange.watch_my_trades(SWAP))
        await asyncio.sleep(0)
        await exchange.create_order(SWAP, "market", "buy", 0.01)
        assert (await soon(fills))[0]["amount"] == 0.01
        balance = asyncio.create_task(exchange.watch_balance())
        positions = asyncio.create_task(exchange.watch_positions([SWAP]))
        await asyncio.sleep(0.3)
        await exchange.create_order(SWAP, "market", "buy", 0.01)
        assert (await soon(balance))["USDT"]["total"] < 100_000
        assert (await soon(positions))[0]["contracts"] == 0.02

    pro(sim, key, tour)


def test_orders_over_a_socket(sim: Simulator, key: str) -> None:
    async def tour(exchange: Any) -> None:
        await exchange.load_markets()
        order = await soon(exchange.create_order_ws(SWAP, "limit", "buy", 0.01, 59000))
        assert order["status"] == "open"
        edited = await soon(exchange.edit_order_ws(order["id"], SWAP, "limit", "buy", 0.01, 58000))
        assert edited["price"] == 58000
        gone = await soon(exchange.cancel_order_ws(order["id"], SWAP))
        assert gone["status"] == "canceled"
        assert (await soon(exchange.fetch_balance_ws()))["USDT"]["total"] == 100_000

    pro(sim, key, tour)
