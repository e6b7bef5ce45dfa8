"""grpclib (HTTP/2 by h2, TLS by Python's ssl), with stubs of its own, takes a tour of `kedge sim tinvest`."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from kit import WITHIN_S, Simulator

TOKEN = {"authorization": "Bearer paper"}
BUY, SELL = 1, 2
FILLED, CANCELLED, NEW = 1, 3, 4


class Client:
    """The services that the tours need, on one channel."""

    def __init__(self, channel: Channel) -> None:
        from contract import (
            instruments_grpc,
            marketdata_grpc,
            operations_grpc,
            orders_grpc,
            stoporders_grpc,
            users_grpc,
        )

        self.users = users_grpc.UsersServiceStub(channel)
        self.instruments = instruments_grpc.InstrumentsServiceStub(channel)
        self.market = marketdata_grpc.MarketDataServiceStub(channel)
        self.market_stream = marketdata_grpc.MarketDataStreamServiceStub(channel)
        self.orders = orders_grpc.OrdersServiceStub(channel)
        self.orders_stream = orders_grpc.OrdersStreamServiceStub(channel)
        self.stops = stoporders_grpc.StopOrdersServiceStub(channel)
        self.operations = operations_grpc.OperationsServiceStub(channel)
        self.account = ""
        self.uids: dict[str, str] = {}

    async def begin(self) -> None:
        from contract import instruments_pb2, users_pb2

        found = await self.users.GetAccounts(users_pb2.GetAccountsRequest(), metadata=TOKEN)
        self.account = found.accounts[0].id
        for ask in (self.instruments.Shares, self.instruments.Futures, self.instruments.Bonds):
            listed = await ask(instruments_pb2.InstrumentsRequest(instrument_status=1), metadata=TOKEN)
            self.uids.update({one.ticker: one.uid for one in listed.instruments})

    async def post(self, ticker: str, side: int, lots: int, price: str = "", key: str = "") -> Any:
        from contract import orders_pb2

        request = orders_pb2.PostOrderRequest(
            instrument_id=self.uids[ticker],
            quantity=lots,
            direction=side,
            account_id=self.account,
            order_type=1 if price else 2,
            order_id=key or str(uuid.uuid4()),
        )
        if price:
            value = Decimal(price)
            request.price.units, request.price.nano = int(value), int(value % 1 * 10**9)
        return await self.orders.PostOrder(request, metadata=TOKEN, timeout=10)


def tour(sim: Simulator, walk: Callable[[Client], Awaitable[None]]) -> None:
    """Connect as the certificate of the ready line allows, and walk."""

    async def go() -> None:
        context = ssl.create_default_context(cafile=sim.ready["cert"])
        context.set_alpn_protocols(["h2"])
        async with Channel("127.0.0.1", sim.ready["port"], ssl=context) as channel:
            client = Client(channel)
            await client.begin()
            await walk(client)

    asyncio.run(asyncio.wait_for(go(), WITHIN_S))


def test_a_trader_looks_buys_and_sells(sim: Simulator) -> None:
    from contract import marketdata_pb2, operations_pb2, orders_pb2

    async def walk(client: Client) -> None:
        assert len(client.uids) > 500
        book = await client.market.GetOrderBook(
            marketdata_pb2.GetOrderBookRequest(instrument_id=client.uids["SBER"], depth=10), metadata=TOKEN
        )
        assert book.bids[0].price.units <= book.asks[0].price.units
        bought = await client.post("SBER", BUY, 10)
        assert (bought.execution_report_status, bought.lots_executed) == (FILLED, 10)
        key = str(uuid.uuid4())
        resting = await client.post("SBER", SELL, 4, "310.00", key)
        assert resting.execution_report_status == NEW
        asked = orders_pb2.GetOrderStateRequest(account_id=client.account, order_id=key, order_id_type=2)
        state = await client.orders.GetOrderState(asked, metadata=TOKEN)
        assert state.order_id == resting.order_id
        positions = await client.operations.GetPositions(
            operations_pb2.PositionsRequest(account_id=client.account), metadata=TOKEN
        )
        assert [(one.ticker, one.balance, one.blocked) for one in positions.securities] == [("SBER", 6, 4)]
        cancel = orders_pb2.CancelOrderRequest(account_id=client.account, order_id=resting.order_id)
        await client.orders.CancelOrder(cancel, metadata=TOKEN)
        state = await client.orders.GetOrderState(asked, metadata=TOKEN)
        assert state.execution_report_status == CANCELLED

    tour(sim, walk)


def test_errors_have_a_status_a_number_and_a_sentence(sim: Simulator) -> None:
    from contract import users_pb2

    async def walk(client: Client) -> None:
        with pytest.raises(GRPCError) as tick:
            await client.post("SBER", BUY, 1, "302.145")
        assert (tick.value.status, tick.value.message) == (Status.INVALID_ARGUMENT, "30078")
        with pytest.raises(GRPCError) as stranger:
            await client.users.GetInfo(users_pb2.GetInfoRequest(), metadata={"authorization": "Bearer no"})
        assert (stranger.value.status, stranger.value.message) == (Status.UNAUTHENTICATED, "40003")
        async with client.users.GetInfo.open(metadata=TOKEN) as stream:
            await stream.send_message(users_pb2.GetInfoRequest(), end=True)
            await stream.recv_message()
            assert stream.initial_metadata is not None
            assert stream.initial_metadata["x-tracking-id"]
            assert stream.initial_metadata["x-ratelimit-limit"] == "100, 100;w=60"
            assert int(stream.initial_metadata["x-ratelimit-remaining"]) < 100

    tour(sim, walk)


def test_the_market_is_talked_with_in_both_directions(sim: Simulator) -> None:
    from contract import marketdata_pb2 as pb

    def books(client: Client, ticker: str, action: int) -> Any:
        row = pb.OrderBookInstrument(instrument_id=client.uids[ticker], depth=10)
        asked = pb.SubscribeOrderBookRequest(subscription_action=action, instruments=[row])
        return pb.MarketDataRequest(subscribe_order_book_request=asked)

    async def walk(client: Client) -> None:
        async with client.market_stream.MarketDataStream.open(metadata=TOKEN) as stream:
            await stream.send_message(books(client, "SBER", 1))
            answer = await stream.recv_message()
            row = answer.subscribe_order_book_response.order_book_subscriptions[0]
            assert row.subscription_status == pb.SUBSCRIPTION_STATUS_SUCCESS
            book = (await stream.recv_message()).orderbook
            assert book.is_consistent
            await stream.send_message(books(client, "GAZP", 1))
            second = await stream.recv_message()
            assert second.HasField("subscribe_order_book_response")
            assert (await stream.recv_message()).orderbook.ticker == "GAZP"
            sim.control("price", symbol="TQBR:SBER", price="301.5")
            moved = (await stream.recv_message()).orderbook
            assert (moved.ticker, moved.bids[0].price.units) == ("SBER", 301)
            await stream.cancel()

    tour(sim, walk)


def test_orders_are_told_of_as_they_happen_and_streams_are_cut(sim: Simulator) -> None:
    from contract import orders_pb2 as pb

    async def walk(client: Client) -> None:
        async with client.orders_stream.OrderStateStream.open(metadata=TOKEN) as stream:
            await stream.send_message(pb.OrderStateStreamRequest(accounts=[client.account]), end=True)
            assert list((await stream.recv_message()).subscription.accounts) == [client.account]
            key = str(uuid.uuid4())
            posted = await client.post("GAZP", BUY, 3, key=key)
            first = (await stream.recv_message()).order_state
            last = (await stream.recv_message()).order_state
            assert first.order_id != posted.order_id == last.order_id
            assert {first.order_request_id, last.order_request_id} == {key}
            assert last.execution_report_status == FILLED
            assert sum(trade.quantity for trade in last.trades) == 30
            sim.control("fault", fault={"kind": "stream_cut", "path": "OrdersStreamService"})
            assert await stream.recv_message() is None
            with pytest.raises(GRPCError) as cut:
                await stream.recv_trailing_metadata()
            assert (cut.value.status, cut.value.message) == (Status.RESOURCE_EXHAUSTED, "80005")

    tour(sim, walk)


def test_a_lost_answer_is_no_lost_order(sim: Simulator) -> None:
    from contract import orders_pb2 as pb

    async def walk(client: Client) -> None:
        path = "/tinkoff.public.invest.api.contract.v1.OrdersService/PostOrder"
        for fault in (
            {"kind": "lose_reply", "path": path},
            {"kind": "reset", "path": path},
            {"kind": "error", "error": "internal", "path": path},
        ):
            sim.control("fault", fault=fault)
            key = str(uuid.uuid4())
            with pytest.raises((GRPCError, TimeoutError, StreamTerminatedError)):
                await asyncio.wait_for(client.post("SBER", BUY, 1, "300.00", key), 3)
            asked = pb.GetOrderStateRequest(account_id=client.account, order_id=key, order_id_type=2)
            found = await client.orders.GetOrderState(asked, metadata=TOKEN)
            assert found.execution_report_status == NEW
            again = await client.post("SBER", BUY, 1, "300.00", key)
            assert again.order_id == found.order_id
        active = await client.orders.GetOrders(pb.GetOrdersRequest(account_id=client.account), metadata=TOKEN)
        assert len(active.orders) == 3

    tour(sim, walk)


def test_stops_and_orders_survive_a_power_cut(sim: Simulator) -> None:
    from contract import stoporders_pb2 as pb

    def stop(client: Client) -> Any:
        request = pb.PostStopOrderRequest(
            instrument_id=client.uids["SBER"],
            quantity=5,
            direction=BUY,
            account_id=client.account,
            expiration_type=1,
            stop_order_type=1,
            order_id=str(uuid.uuid4()),
        )
        request.stop_price.units = 290
        return request

    kept: list[str] = []

    async def before(client: Client) -> None:
        posted = await client.stops.PostStopOrder(stop(client), metadata=TOKEN)
        kept.append(posted.stop_order_id)
        kept.append((await client.post("SBER", BUY, 1, "300.00")).order_id)

    async def after(client: Client) -> None:
        from contract import orders_pb2

        asked = pb.GetStopOrdersRequest(account_id=client.account)
        found = await client.stops.GetStopOrders(asked, metadata=TOKEN)
        assert [one.stop_order_id for one in found.stop_orders] == kept[:1]
        request = orders_pb2.GetOrdersRequest(account_id=client.account)
        active = await client.orders.GetOrders(request, metadata=TOKEN)
        assert [one.order_id for one in active.orders] == kept[1:]
        sim.control("price", symbol="TQBR:SBER", price="289")
        found = await client.stops.GetStopOrders(asked, metadata=TOKEN)
        assert not found.stop_orders

    tour(sim, before)
    cert = sim.ready["cert"]
    sim.kill()
    sim.start()
    assert sim.ready["cert"] == cert
    tour(sim, after)
