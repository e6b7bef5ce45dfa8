"""The venue's own modular SDK (binance-sdk-spot), unchanged, takes a tour of `kedge sim binance`.

What it needs to be pointed here is in `spot`: three addresses in its configuration.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, ServerError, UnauthorizedError
from binance_sdk_spot.spot import Spot
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from kit import Simulator, eventually

BTC = "BTCUSDT"
WITHIN_S = 30
LIMIT: dict[str, Any] = {
    "symbol": BTC,
    "side": "BUY",
    "type": "LIMIT",
    "time_in_force": "GTC",
    "quantity": 0.01,
    "price": 59000.0,
}


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator("binance", tmp_path) as simulator:
        yield simulator


@pytest.fixture
def spot(sim: Simulator) -> Spot:
    return pointed(sim, "paper", "paper")


def pointed(sim: Simulator, key: str, secret: str | None = None, private: bytes | None = None) -> Spot:
    keys: dict[str, Any] = {"api_key": key, "api_secret": secret, "private_key": private}
    return Spot(
        ConfigurationRestAPI(**keys, base_path=sim.http, retries=0, timeout=10_000),
        ConfigurationWebSocketAPI(**keys, stream_url=f"{sim.ws}/ws-api/v3"),
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


def test_what_is_traded(spot: Spot) -> None:
    rest = spot.rest_api
    assert rest.time().data().server_time > 0
    symbols = rest.exchange_info(symbols=[BTC, "BNBUSDT"]).data().symbols
    assert [one.symbol for one in symbols] == [BTC, "BNBUSDT"]
    kinds = {one.actual_instance.filter_type for one in symbols[0].filters}
    assert kinds >= {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL", "PERCENT_PRICE_BY_SIDE", "MARKET_LOT_SIZE"}
    depth = rest.depth(BTC, limit=5).data()
    assert Decimal(depth.bids[0][0]) < Decimal(depth.asks[0][0])
    assert len(rest.klines(BTC, "1m", limit=1000).data()) == 1000
    assert rest.avg_price(BTC).data().mins == 5
    ticker = rest.ticker24hr(symbol=BTC).data().actual_instance
    assert Decimal(ticker.high_price) >= Decimal(ticker.low_price)
    assert rest.account_commission(BTC).data().standard_commission.taker == "0.00100000"


def test_an_order_from_beginning_to_end(spot: Spot) -> None:
    rest = spot.rest_api
    order = rest.new_order(**LIMIT, new_client_order_id="tour").data()
    assert (order.status, order.client_order_id) == ("NEW", "tour")
    amended = rest.order_amend_keep_priority(BTC, new_qty=0.005, order_id=order.order_id).data()
    assert Decimal(amended.amended_order.qty) == Decimal("0.005")
    assert len(rest.order_amendments(BTC, order.order_id).data()) == 1
    replaced = rest.order_cancel_replace(
        **LIMIT, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=order.order_id
    ).data()
    assert (replaced.cancel_result, replaced.new_order_result) == ("SUCCESS", "SUCCESS")
    assert len(rest.get_open_orders(symbol=BTC).data()) == 1
    assert [one.status for one in rest.delete_open_orders(BTC).data()] == ["CANCELED"]
    bought = rest.new_order(symbol=BTC, side="BUY", type="MARKET", quote_order_qty=600.0).data()
    assert (bought.status, len(bought.fills)) == ("FILLED", 1)
    assert bought.fills[0].commission_asset == "BTC"


def test_stops_and_pairs(spot: Spot, sim: Simulator) -> None:
    rest = spot.rest_api
    pair = rest.order_list_oco(
        symbol=BTC,
        side="SELL",
        quantity=0.5,
        above_type="LIMIT_MAKER",
        above_price=62000.0,
        below_type="STOP_LOSS",
        below_stop_price=58000.0,
    ).data()
    stop, limit = (one.order_id for one in pair.orders)
    sim.control("price", symbol="spot:BTCUSDT", price="57900")
    assert rest.get_order(BTC, order_id=stop).data().status == "FILLED"
    assert rest.get_order(BTC, order_id=limit).data().status == "EXPIRED"
    assert rest.get_order_list(order_list_id=pair.order_list_id).data().list_order_status == "ALL_DONE"


def test_fills_page_by_page(spot: Spot) -> None:
    rest = spot.rest_api
    for _ in range(5):
        rest.new_order(symbol=BTC, side="BUY", type="MARKET", quantity=0.001)
    seen: list[int] = []
    while page := rest.my_trades(BTC, from_id=seen[-1] + 1 if seen else 0, limit=2).data():
        seen += [row.id for row in page]
    assert len(seen) == len(set(seen)) == 5
    assert [row.limit for row in rest.rate_limit_order().data()] == [100, 200_000]


def test_errors_by_code(spot: Spot, sim: Simulator) -> None:
    rest = spot.rest_api
    assert "-1121" in code_of(BadRequestError, rest.depth, symbol="NOPE")
    assert "-1013" in code_of(BadRequestError, rest.new_order, **{**LIMIT, "quantity": 0.010001})
    assert "-2010" in code_of(BadRequestError, rest.new_order, **{**LIMIT, "quantity": 100.0})
    assert "-2013" in code_of(BadRequestError, rest.get_order, symbol=BTC, order_id=99_999_999)
    assert "-2011" in code_of(BadRequestError, rest.delete_order, symbol=BTC, order_id=99_999_999)
    assert "-2015" in code_of(UnauthorizedError, pointed(sim, "nobody", "paper").rest_api.get_account)
    assert "-1022" in code_of(BadRequestError, pointed(sim, "paper", "wrong").rest_api.get_account)
    for deed in (True, False):
        fault = {"kind": "error", "error": "spot_unknown", "path": "/api/v3/order", "deed": deed}
        sim.control("fault", fault=fault)
        code_of(ServerError, rest.new_order, **LIMIT, new_client_order_id=f"doubt-{deed}")
    assert rest.get_order(BTC, orig_client_order_id="doubt-True").data().status == "NEW"
    assert "-2013" in code_of(BadRequestError, rest.get_order, symbol=BTC, orig_client_order_id="doubt-False")


# ── WebSockets ──────────────────────────────────────────────────────────────────────────────────


def test_the_websocket_api_and_the_user_stream(spot: Spot) -> None:
    async def tour() -> None:
        api = await soon(spot.websocket_api.create_connection())
        try:
            user = heard((await soon(api.user_data_stream_subscribe_signature())).stream)
            placed = (await soon(api.order_place(**LIMIT, new_client_order_id="tour"))).data().result
            assert placed.status == "NEW"
            event = (await soon(user.get())).actual_instance
            assert (event.x, event.X, event.c) == ("NEW", "NEW", "tour")
            found = (await soon(api.order_status(BTC, order_id=placed.order_id))).data().result
            assert found.status == "NEW"
            gone = (await soon(api.order_cancel(BTC, order_id=placed.order_id))).data().result
            assert gone.status == "CANCELED"
            limits = (await soon(api.account_rate_limits_orders())).data().result
            assert [one.interval for one in limits] == ["SECOND", "DAY"]
        finally:
            await api.close_connection(close_session=True)

    asyncio.run(tour())


def test_a_session_with_an_ed25519_key(sim: Simulator) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sim.control("key", key="ed", secret=public.decode())
    spot = pointed(sim, "ed", private=pem)
    assert spot.rest_api.get_account().data().can_trade

    async def tour() -> None:
        api = await soon(spot.websocket_api.create_connection())
        try:
            session = (await soon(api.session_logon())).data().result
            assert session.api_key == "ed"
            user = heard((await soon(api.user_data_stream_subscribe())).stream)
            await soon(api.order_place(symbol=BTC, side="BUY", type="MARKET", quantity=0.01))
            states = [(await soon(user.get())).actual_instance.X for _ in range(2)]
            assert states == ["NEW", "FILLED"]
            await soon(api.session_logout())
        finally:
            await api.close_connection(close_session=True)

    asyncio.run(tour())


def test_a_book_with_a_gap(spot: Spot, sim: Simulator) -> None:
    async def tour() -> None:
        streams = await soon(spot.websocket_streams.create_connection())
        try:
            events = heard(await soon(streams.diff_book_depth(symbol="btcusdt", update_speed="100ms")))
            ends = []
            for number in range(4):
                sim.control("price", symbol="spot:BTCUSDT", price=str(60_010 + number))
                event = await soon(events.get())
                ends.append((event.U, event.u))
                if number == 1:
                    sim.control("fault", fault={"kind": "book_gap", "symbol": BTC})
                    sim.control("price", symbol="spot:BTCUSDT", price="60100")
                    fired = "an event is lost"
                    eventually(lambda: sim.control("stats")["faults_fired"].get("book_gap"), fired)
            steps = [after[0] - before[1] for before, after in itertools.pairwise(ends)]
            assert steps[0] == 1
            assert steps[1] > 1, "the gap can be seen"
            assert steps[2] == 1
            snapshot = spot.rest_api.depth(BTC, limit=5000).data()
            assert snapshot.last_update_id >= ends[-1][1]
        finally:
            await streams.close_connection(close_session=True)

    asyncio.run(tour())
