"""The venue's own modular SDK for USDⓈ-M futures, unchanged, takes a tour of `kedge sim binance`.

What it needs to be pointed here is in `pointed`: three addresses in its configuration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, ServerError, UnauthorizedError
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures as Futures,
)
from binance_sdk_derivatives_trading_usds_futures.rest_api.models import (
    ModifyMultipleOrdersBatchOrdersParameterInner as Change,
)
from binance_sdk_derivatives_trading_usds_futures.rest_api.models import (
    PlaceMultipleOrdersBatchOrdersParameterInner as Order,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from kit import Simulator, eventually

BTC = "BTCUSDT"
INNER = "usdm:BTCUSDT"
WITHIN_S = 30
LIMIT: dict[str, Any] = {
    "symbol": BTC,
    "side": "BUY",
    "type": "LIMIT",
    "time_in_force": "GTC",
    "quantity": 0.01,
    "price": 59000.0,
}
MARKET: dict[str, Any] = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01}
STOP: dict[str, Any] = {
    "algo_type": "CONDITIONAL",
    "symbol": BTC,
    "side": "SELL",
    "type": "STOP_MARKET",
    "quantity": 0.01,
    "trigger_price": 59000.0,
}


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
def futures(sim: Simulator, request: pytest.FixtureRequest) -> Futures:
    """An account of its own for each tour."""
    name: str = request.node.name
    sim.control("key", key=name, secret="paper", account=name)
    return pointed(sim, name, "paper")


def pointed(sim: Simulator, key: str, secret: str | None = None, private: bytes | None = None) -> Futures:
    keys: dict[str, Any] = {"api_key": key, "api_secret": secret, "private_key": private}
    return Futures(
        ConfigurationRestAPI(**keys, base_path=sim.http, retries=0, timeout=10_000),
        ConfigurationWebSocketAPI(**keys, stream_url=f"{sim.ws}/ws-fapi/v1"),
        ConfigurationWebSocketStreams(stream_url=sim.ws),
    )


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, WITHIN_S)


def heard(stream: Any) -> asyncio.Queue[Any]:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    stream.on("message", queue.put_nowait)
    return queue


def code_of(error: type[Exception], call: Any, **params: Any) -> str:
    with pytest.raises(error) as raised:
        call(**params)
    return str(raised.value)


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_traded(futures: Futures) -> None:
    rest = futures.rest_api
    assert rest.check_server_time().data().server_time > 0
    symbols = {one.symbol: one for one in rest.exchange_information().data().symbols}
    assert symbols[BTC].contract_type == "PERPETUAL"
    assert {one.filter_type for one in symbols[BTC].filters} >= {"PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL"}
    book = rest.order_book(BTC, limit=5).data()
    assert Decimal(book.bids[0][0]) < Decimal(book.asks[0][0])
    assert len(rest.kline_candlestick_data(BTC, "1m", limit=1500).data()) == 1500
    assert len(rest.continuous_contract_kline_candlestick_data(BTC, "PERPETUAL", "5m").data()) == 500
    assert rest.mark_price(BTC).data().actual_instance.mark_price
    assert rest.symbol_price_ticker_v2(BTC).data().actual_instance.price
    assert rest.symbol_order_book_ticker(BTC).data().actual_instance.bid_price == book.bids[0][0]
    day = rest.ticker24hr_price_change_statistics(BTC).data().actual_instance
    assert Decimal(day.high_price) >= Decimal(day.low_price)
    assert rest.get_funding_rate_info().data()[0].funding_interval_hours == 8
    assert rest.open_interest(BTC).data().open_interest is not None
    assert rest.user_commission_rate(BTC).data().maker_commission_rate == "0.0002"
    brackets = rest.notional_and_leverage_brackets(BTC).data().actual_instance
    assert (brackets[0] if isinstance(brackets, list) else brackets).brackets[0].initial_leverage == 125


def test_an_order_from_beginning_to_end(futures: Futures) -> None:
    rest = futures.rest_api
    order = rest.new_order(**LIMIT, new_client_order_id="tour").data()
    assert order.status == "NEW"
    number = order.order_id
    assert rest.query_order(BTC, orig_client_order_id="tour").data().order_id == number
    assert rest.query_current_open_order(BTC, order_id=number).data().status == "NEW"
    changed = rest.modify_order(BTC, "BUY", 0.02, 58000.0, order_id=number).data()
    assert (changed.order_id, changed.price, changed.orig_qty) == (number, "58000.00", "0.020")
    assert [one.order_id for one in rest.current_all_open_orders(BTC).data()] == [number]
    assert rest.cancel_order(BTC, order_id=number).data().status == "CANCELED"
    done = rest.new_order(**MARKET, new_order_resp_type="RESULT").data()
    assert done.status == "FILLED"
    assert rest.test_order(**LIMIT).data() is not None
    assert [one.status for one in rest.all_orders(BTC).data()] == ["CANCELED", "FILLED"]
    assert rest.position_information_v3(BTC).data()[0].position_amt == "0.010"
    assert rest.account_information_v3().data().positions[0].symbol == BTC
    assert len(rest.account_information_v2().data().positions) >= 4
    assert rest.futures_account_balance_v3().data()[0].asset == "USDT"
    assert rest.futures_account_configuration().data().can_trade


def test_batches(futures: Futures) -> None:
    rest = futures.rest_api
    one = Order(symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity=0.01, price=59000.0)
    two = Order(symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity=0.01, price=59000.05)
    said = rest.place_multiple_orders([one, two]).data()
    assert (said[0].status, said[1].code) == ("NEW", -4014)
    change = Change(symbol=BTC, side="BUY", orderId=said[0].order_id, quantity=0.01, price=58000.0)
    assert rest.modify_multiple_orders([change]).data()[0].price == "58000.00"
    gone = rest.cancel_multiple_orders(BTC, order_id_list=[said[0].order_id, 1]).data()
    assert (gone[0].status, gone[1].code) == ("CANCELED", -2011)
    rest.new_order(**LIMIT)
    assert rest.cancel_all_open_orders(BTC).data().code == 200
    assert rest.current_all_open_orders().data() == []


def test_stops(futures: Futures, sim: Simulator) -> None:
    rest = futures.rest_api
    rest.new_order(**MARKET)
    stop = rest.new_algo_order(**STOP, client_algo_id="stop", reduce_only="true").data()
    assert stop.algo_status == "NEW"
    trail = {**STOP, "type": "TRAILING_STOP_MARKET", "trigger_price": None, "callback_rate": 5.0}
    other = rest.new_algo_order(**trail).data()
    assert len(rest.current_all_algo_open_orders().data()) == 2
    assert rest.cancel_algo_order(algo_id=other.algo_id).data().msg == "success"
    sim.control("price", symbol=INNER, price="58900")
    done = rest.query_algo_order(client_algo_id="stop").data()
    assert done.algo_status == "FINISHED"
    order = rest.query_order(BTC, order_id=int(done.actual_order_id)).data()
    assert (order.status, order.reduce_only) == ("FILLED", True)
    assert [a.algo_status for a in rest.query_all_algo_orders(BTC).data()] == ["FINISHED", "CANCELED"]
    assert rest.cancel_all_algo_open_orders(BTC).data().code == 200


def test_fills_page_by_page(futures: Futures) -> None:
    rest = futures.rest_api
    for _ in range(5):
        rest.new_order(**{**MARKET, "quantity": 0.002})
    seen: list[int] = []
    while page := rest.account_trade_list(BTC, from_id=seen[-1] + 1 if seen else 0, limit=2).data():
        seen += [row.id for row in page]
    assert len(seen) == len(set(seen)) == 5
    assert len(rest.get_income_history(income_type="COMMISSION").data()) == 5
    assert [row.limit for row in rest.query_user_rate_limit().data()] == [300, 1200]


def test_settings(futures: Futures) -> None:
    rest = futures.rest_api
    assert rest.change_initial_leverage(BTC, 50).data().leverage == 50
    assert rest.symbol_configuration(BTC).data()[0].leverage == 50
    assert rest.change_margin_type(BTC, "ISOLATED").data().code == 200
    assert "-4046" in code_of(BadRequestError, rest.change_margin_type, symbol=BTC, margin_type="ISOLATED")
    assert rest.get_current_position_mode().data().dual_side_position is False
    rest.change_position_mode("true")
    assert "-4061" in code_of(BadRequestError, rest.new_order, **MARKET)
    rest.new_order(**MARKET, position_side="LONG")
    rest.new_order(**{**MARKET, "side": "SELL"}, position_side="SHORT")
    legs = {one.position_side: one.position_amt for one in rest.position_information_v3(BTC).data()}
    assert legs == {"LONG": "0.010", "SHORT": "-0.010"}
    assert rest.get_current_multi_assets_mode().data().multi_assets_margin is False
    assert rest.auto_cancel_all_open_orders(BTC, 100_000).data().countdown_time == "100000"


def test_errors_by_code(futures: Futures, sim: Simulator) -> None:
    rest = futures.rest_api
    create = rest.new_order
    assert "-1121" in code_of(BadRequestError, rest.order_book, symbol="NOPE")
    assert "-4014" in code_of(BadRequestError, create, **{**LIMIT, "price": 59000.05})
    assert "-1111" in code_of(BadRequestError, create, **{**LIMIT, "quantity": 0.0101})
    assert "-4164" in code_of(BadRequestError, create, **{**LIMIT, "quantity": 0.001})
    assert "-5022" in code_of(BadRequestError, create, **{**LIMIT, "time_in_force": "GTX", "price": 60500.0})
    assert "-2019" in code_of(BadRequestError, create, **{**LIMIT, "quantity": 120.0, "price": 20000.0})
    assert "-4120" in code_of(BadRequestError, create, **{**LIMIT, "type": "STOP"})
    assert "-2013" in code_of(BadRequestError, rest.query_order, symbol=BTC, order_id=1)
    assert "-2011" in code_of(BadRequestError, rest.cancel_order, symbol=BTC, order_id=1)
    assert "-2021" in code_of(BadRequestError, rest.new_algo_order, **{**STOP, "trigger_price": 61000.0})
    nobody = pointed(sim, "nobody", "paper").rest_api
    assert "-2015" in code_of(UnauthorizedError, nobody.futures_account_balance_v3)
    wrong = pointed(sim, "paper", "wrong").rest_api
    assert "-1022" in code_of(BadRequestError, wrong.futures_account_balance_v3)
    for deed in (True, False):
        sim.control("fault", fault={"kind": "usdm_unknown", "client_id": f"doubt-{deed}", "deed": deed})
        code_of(ServerError, create, **LIMIT, new_client_order_id=f"doubt-{deed}")
    assert rest.query_order(BTC, orig_client_order_id="doubt-True").data().status == "NEW"
    missing = code_of(BadRequestError, rest.query_order, symbol=BTC, orig_client_order_id="doubt-False")
    assert "-2013" in missing


# ── WebSockets ──────────────────────────────────────────────────────────────────────────────────


def test_the_websocket_api(futures: Futures) -> None:
    async def tour() -> None:
        api = await soon(futures.websocket_api.create_connection())
        try:
            placed = (await soon(api.new_order(**LIMIT, new_client_order_id="tour"))).data().result
            assert placed.status == "NEW"
            number = placed.order_id
            assert (await soon(api.query_order(BTC, order_id=number))).data().result.status == "NEW"
            changed = await soon(api.modify_order(BTC, "BUY", 0.01, 58000.0, order_id=number))
            assert changed.data().result.price == "58000.00"
            assert (await soon(api.cancel_order(BTC, order_id=number))).data().result.status == "CANCELED"
            stop = (await soon(api.new_algo_order(**STOP))).data().result
            gone = (await soon(api.cancel_algo_order(algo_id=stop.algo_id))).data().result
            assert gone.msg == "success"
            assert (await soon(api.futures_account_balance_v2())).data().result[0].asset == "USDT"
            assert (await soon(api.account_information_v2())).data().result.total_wallet_balance
            assert (await soon(api.position_information_v2())).data().result == []
            assert (await soon(api.order_book(BTC, limit=5))).data().result.last_update_id > 0
            assert (await soon(api.symbol_price_ticker(BTC))).data() is not None
            key = (await soon(api.start_user_data_stream())).data().result.listen_key
            assert (await soon(api.keepalive_user_data_stream())).data().result.listen_key == key
            await soon(api.close_user_data_stream())
        finally:
            await api.close_connection(close_session=True)

    asyncio.run(tour())


def test_a_key_pair(sim: Simulator) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sim.control("key", key="pair", secret=public.decode(), account="pair")
    futures = pointed(sim, "pair", private=pem)
    assert futures.rest_api.new_order(**LIMIT).data().status == "NEW"


def test_the_private_stream(futures: Futures) -> None:
    async def tour() -> None:
        key = futures.rest_api.start_user_data_stream().data().listen_key
        futures.rest_api.keepalive_user_data_stream()
        streams = await soon(futures.websocket_streams.create_connection())
        try:
            user = heard(await soon(streams.user_data(key)))
            await asyncio.to_thread(futures.rest_api.new_order, **MARKET)
            kinds = []
            for _ in range(4):
                event = (await soon(user.get())).actual_instance
                kinds.append(type(event).__name__)
            assert kinds == ["OrderTradeUpdate", "TradeLite", "AccountUpdate", "OrderTradeUpdate"]
            assert (event.o.X, event.o.l) == ("FILLED", "0.010")
        finally:
            await streams.close_connection(close_session=True)

    asyncio.run(tour())


def test_market_streams(futures: Futures) -> None:
    async def tour() -> None:
        streams = await soon(futures.websocket_streams.create_connection())
        try:
            trades = heard(await soon(streams.aggregate_trade_streams(symbol="btcusdt")))
            marks = heard(await soon(streams.mark_price_stream(symbol="btcusdt", update_speed="1s")))
            best = heard(await soon(streams.individual_symbol_book_ticker_streams(symbol="btcusdt")))
            bars = heard(await soon(streams.kline_candlestick_streams(symbol="btcusdt", interval="1m")))
            await asyncio.to_thread(futures.rest_api.new_order, **MARKET)
            assert (await soon(trades.get())).q == "0.010"
            assert (await soon(marks.get())).s == BTC
            assert (await soon(best.get())).s == BTC
            assert (await soon(bars.get())).k.i == "1m"
        finally:
            await streams.close_connection(close_session=True)

    asyncio.run(tour())


class Book:
    """A local book, kept as the venue's documents say."""

    def __init__(self, rest: Any) -> None:
        self._rest = rest
        self.last = 0
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
        self.resyncs = 0
        self._chained = False

    def resync(self) -> None:
        shown = self._rest.order_book(BTC, limit=1000).data()
        self.last = shown.last_update_id
        self.sides = {
            "b": {level[0]: level[1] for level in shown.bids},
            "a": {level[0]: level[1] for level in shown.asks},
        }
        self.resyncs += 1
        self._chained = False

    def apply(self, event: Any) -> None:
        if event.u < self.last:
            return
        fits = event.pu == self.last if self._chained else event.U <= self.last <= event.u
        if not fits:
            self.resync()
            return
        self._chained = True
        for side, levels in (("b", event.b), ("a", event.a)):
            for price, qty in levels:
                if Decimal(qty):
                    self.sides[side][price] = qty
                else:
                    self.sides[side].pop(price, None)
        self.last = event.u


def test_a_book_with_a_gap(futures: Futures, sim: Simulator) -> None:
    async def tour() -> None:
        streams = await soon(futures.websocket_streams.create_connection())
        try:
            book = Book(futures.rest_api)
            events = heard(
                await soon(streams.diff_book_depth_streams(symbol="btcusdt", update_speed="100ms"))
            )
            sim.control("price", symbol=INNER, price="60010")
            first = await soon(events.get())
            await asyncio.to_thread(book.resync)
            book.apply(first)
            for number in range(6):
                if number == 3:
                    sim.control("fault", fault={"kind": "book_gap", "symbol": BTC, "path": "/public"})
                    sim.control("price", symbol=INNER, price="60100")
                    eventually(
                        lambda: sim.control("stats")["faults_fired"].get("book_gap"), "an event is lost"
                    )
                sim.control("price", symbol=INNER, price=str(60_020 + number))
                book.apply(await soon(events.get()))
            assert book.resyncs > 1, "the gap was seen"
            shown = futures.rest_api.order_book(BTC, limit=1000).data()
            while book.last < shown.last_update_id:
                book.apply(await soon(events.get()))
            assert book.sides["b"] == {level[0]: level[1] for level in shown.bids}
            assert book.sides["a"] == {level[0]: level[1] for level in shown.asks}
        finally:
            await streams.close_connection(close_session=True)

    asyncio.run(tour())
