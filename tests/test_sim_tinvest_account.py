"""Tokens, limits, private streams, operations and the sandbox of the T-Invest testnet."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tinvest_kit import (
    BUY,
    CANCELLED,
    FILLED,
    MINUTE_NS,
    NEW,
    PARTLY,
    SECOND_NS,
    SELL,
    STOP_LOSS,
    Ear,
    Refusal,
    World,
    fresh,
    number,
)

from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import operations_pb2 as operations
from kedge.protos.tinvest import orders_pb2 as orders
from kedge.protos.tinvest import sandbox_pb2 as sandbox
from kedge.protos.tinvest import users_pb2 as users
from kedge.sim.testnet.faulty import Faulty
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Reply, Request


def accounts(world: World) -> list[users.Account]:
    found = world.call("UsersService/GetAccounts", users.GetAccountsRequest(), users.GetAccountsResponse)
    return list(found.accounts)


def states(world: World, *ids: str, ping: int = 0) -> Ear:
    request = orders.OrderStateStreamRequest(accounts=ids)
    if ping:
        request.ping_delay_millis = ping
    name = "OrdersStreamService/OrderStateStream"
    return world.stream(name, orders.OrderStateStreamResponse, request)


# ── who may ask ─────────────────────────────────────────────────────────────────────────────────


def test_a_token_opens_what_it_may() -> None:
    world = World()
    house = world.net.house
    house.add_key(ApiKey("second", "", "main:2"))
    house.add_key(ApiKey("reader", "", "main", trades=False))
    assert [one.id for one in accounts(world)] == ["2000000001", "2000000002"]
    world.token = "second"
    assert [one.id for one in accounts(world)] == ["2000000002"]
    with pytest.raises(Refusal, match="50004"):
        world.positions()
    world.token = "reader"
    assert {one.access_level for one in accounts(world)} == {users.ACCOUNT_ACCESS_LEVEL_READ_ONLY}
    assert world.roubles() == 10_000_000
    with pytest.raises(Refusal, match="40002"):
        world.post("SBER", BUY, 1)
    for token in ("", "wrong"):
        world.token = token
        with pytest.raises(Refusal) as no:
            accounts(world)
        assert (no.value.code, no.value.status) == ("40003", 16)


def test_every_answer_has_its_number_and_the_counts_of_its_group() -> None:
    world = World()
    first = world.reply("UsersService/GetInfo", users.GetInfoRequest())
    second = world.reply("UsersService/GetInfo", users.GetInfoRequest())
    assert first.headers["x-tracking-id"] != second.headers["x-tracking-id"]
    assert second.headers["x-ratelimit-limit"] == "100, 100;w=60"
    assert second.headers["x-ratelimit-remaining"] == "98"
    assert 1 <= int(second.headers["x-ratelimit-reset"]) <= 60


def test_too_many_requests_are_refused_until_the_minute_is_over() -> None:
    world, key = World(), fresh()
    world.fault("limit", value="PostOrder=3")
    for _ in range(3):
        world.post("SBER", BUY, 1, "302.14")
    with pytest.raises(Refusal) as no:
        world.post("SBER", BUY, 1, "302.14", key=key)
    assert (no.value.code, no.value.status) == ("80002", 8)
    assert len(world.active()) == 3  # counted apart
    world.advance(MINUTE_NS)
    assert world.post("SBER", BUY, 1, "302.14", key=key).execution_report_status == NEW


def test_what_is_not_there_is_unimplemented_and_what_is_no_message_an_error() -> None:
    world = World()
    with pytest.raises(Refusal) as no:
        world.call("UsersService/Nothing", users.GetInfoRequest(), users.GetInfoResponse)
    assert (no.value.code, no.value.status) == ("12001", 12)
    path = "/tinkoff.public.invest.api.contract.v1.OrdersService/PostOrder"
    reply = world.net.http(Request("POST", path, "", {"authorization": "Bearer paper"}, b"\xff\xff"))
    assert (reply.headers["grpc-status"], reply.headers["grpc-message"]) == ("13", "70001")


def test_tariff_and_margin_are_told() -> None:
    world = World()
    tariff = world.call(
        "UsersService/GetUserTariff", users.GetUserTariffRequest(), users.GetUserTariffResponse
    )
    limits = {one.methods[0].rpartition(".")[2]: one.limit_per_minute for one in tariff.unary_limits}
    assert limits["OrdersService/PostOrder"] == 300
    assert limits["StopOrdersService"] == 50
    world.post("SBER", BUY, 10_000)
    request = users.GetMarginAttributesRequest(account_id=world.account)
    found = world.call("UsersService/GetMarginAttributes", request, users.GetMarginAttributesResponse)
    assert number(found.starting_margin) == Decimal("302150") * 10_000 / 1000 / 5 * Decimal("1")
    assert Decimal(9_990_000) < number(found.liquid_portfolio) < Decimal(10_000_000)


# ── private streams ─────────────────────────────────────────────────────────────────────────────


def test_an_order_is_told_first_by_its_internal_number() -> None:
    world, key = World(), fresh()
    ear = states(world, world.account)
    (answer,) = ear.take("subscription")
    assert (answer.status, list(answer.accounts)) == (1, [world.account])
    posted = world.post("SBER", BUY, 10, "302.14", key=key)
    assert ear.said == []  # with the next tick
    world.tick()
    first, second = ear.take("order_state")
    assert first.order_id != posted.order_id == second.order_id
    assert {first.order_request_id, second.order_request_id} == {key}
    assert (first.execution_report_status, second.execution_report_status) == (NEW, NEW)
    world.fault("internal_first", value="off")
    world.post("SBER", BUY, 10, "302.14")
    world.tick()
    assert len(ear.take("order_state")) == 1


def test_fills_are_told_with_their_trades_in_pieces() -> None:
    world = World()
    ear = states(world)
    trades = world.stream(
        "OrdersStreamService/TradesStream", orders.TradesStreamResponse, orders.TradesStreamRequest()
    )
    posted = world.post("GAZP", BUY, 1200, "124.65")
    assert posted.execution_report_status == PARTLY
    world.cancel(posted.order_id)
    world.tick()
    told = [one for one in ear.take("order_state") if one.order_id == posted.order_id]
    partly, ended = told[-2:]
    assert (partly.execution_report_status, partly.lots_executed) == (PARTLY, posted.lots_executed)
    assert partly.lots_left == 1200 - partly.lots_executed
    pieces = sum(trade.quantity for one in told for trade in one.trades)
    assert pieces == partly.lots_executed * 10
    assert (ended.execution_report_status, ended.status_info) == (CANCELLED, 15)
    assert ended.lots_cancelled == 1200 - ended.lots_executed
    assert not ended.trades
    bought = trades.take("order_trades")
    assert {(one.order_id, one.account_id) for one in bought} == {(posted.order_id, world.account)}
    assert sum(trade.quantity for one in bought for trade in one.trades) == pieces


def test_a_stream_may_be_faster_than_the_answer() -> None:
    world = World()
    ear = states(world)
    ear.take()
    world.fault("stream_first")
    world.post("SBER", BUY, 1)
    assert [one.execution_report_status for one in ear.take("order_state")] == [NEW, FILLED]


def test_the_weather_of_all_testnets_falls_on_calls_and_streams_alike() -> None:
    world, key = World(), fresh()
    net, later = world.net, []
    faulty = Faulty(net, net.house.faults, lambda ns, do: later.append(do), net.house.account_of)
    path = "/tinkoff.public.invest.api.contract.v1.OrdersService/PostOrder"
    body = world.order("SBER", BUY, 5, "302.14", key=key).SerializeToString()
    told: list[Reply | None] = []
    world.fault("lose_reply", path=path, match=key, account="main")
    request = Request("POST", path, "", {"authorization": "Bearer paper"}, body)
    faulty.ask(request, told.append)
    assert told == []
    assert world.state(key, 2).execution_report_status == NEW
    world.fault("error", error="deadline", deed=False, path=path)
    faulty.ask(request, told.append)
    assert [one.headers["grpc-status"] for one in told if one] == ["4"]
    ear = Ear(orders.OrderStateStreamResponse)
    stream = "/tinkoff.public.invest.api.contract.v1.OrdersStreamService/OrderStateStream"
    session = faulty.socket(Request("POST", stream, "", {"authorization": "Bearer paper"}, b""), ear)
    assert not isinstance(session, Reply)
    session.heard(orders.OrderStateStreamRequest().SerializeToString())
    world.fault("silent", path=stream, way="out", match=key)
    world.cancel(key, 2)
    faulty.tick()
    world.advance(5 * MINUTE_NS)
    assert [one.WhichOneof("payload") for one in ear.said] == ["subscription"]
    assert ear.closed is None


def test_a_key_that_is_no_uuid_is_another_in_streams() -> None:
    world = World()
    ear = states(world)
    posted = world.post("SBER", BUY, 1, "302.14", key="my order")
    world.tick()
    assert {one.order_request_id for one in ear.take("order_state")} != {"my order"}
    assert world.state("my order", 2).order_id == posted.order_id


def test_an_order_that_a_stop_became_is_told_too() -> None:
    world = World()
    ear = states(world)
    world.post_stop("SBER", BUY, 5, "304", STOP_LOSS)
    world.price("TQBR:SBER", "305")
    world.tick()
    last = ear.take("order_state")[-1]
    assert (last.execution_report_status, last.lots_executed) == (FILLED, 5)


def test_a_margin_call_takes_the_position_by_an_order_of_the_brokers_own() -> None:
    world = World()
    ear = states(world)
    for _ in range(2):
        world.post("LKOH", BUY, 4000, "5490", confirm_margin_trade=True)
    while world.active():
        world.advance(SECOND_NS)  # Whoever quotes sells on.
    held = world.held("LKOH")
    assert held == 8000
    ear.take()
    world.price("TQBR:LKOH", "4000")
    world.tick()
    taken = [one for one in ear.take("order_state") if one.marker == 4]
    assert sum(one.lots_executed for one in taken) == held
    assert {one.direction for one in taken} == {SELL}
    assert world.held("LKOH") == 0
    assert world.roubles() < 2_000_000
    assert world.net.house.exchange.faults() == []


def test_pings_come_when_nothing_else_does() -> None:
    world = World()
    ear = states(world, ping=5_000)
    ear.take()
    world.advance(4 * SECOND_NS)
    assert ear.take() == []
    world.advance(2 * SECOND_NS)
    assert len(ear.take("ping")) == 1


def test_streams_are_ended_by_the_venue_and_limited_in_number() -> None:
    world = World()
    first, other = states(world), states(world)
    world.fault("stream_cut", path="OrdersStreamService/OrderState")
    assert (first.closed, other.closed) == (80005, 80005)
    assert sum(world.net.stats()["streams"].values()) == 0
    request = operations.PositionsStreamRequest()
    for _ in range(2):
        world.stream("OperationsStreamService/PositionsStream", operations.PositionsStreamResponse, request)
    with pytest.raises(Refusal) as no:
        world.stream("OperationsStreamService/PositionsStream", operations.PositionsStreamResponse, request)
    assert (no.value.code, no.value.status) == ("80001", 8)


def test_another_ones_account_is_not_followed() -> None:
    world = World()
    ear = states(world, "2000000009")
    (answer,) = ear.take("subscription")
    assert (answer.status, answer.error.code) == (13, "50004")
    world.post("SBER", BUY, 1)
    world.tick()
    assert ear.take() == []


def test_positions_and_portfolio_are_told_as_they_change() -> None:
    world = World()
    request = operations.PositionsStreamRequest(accounts=[world.account], with_initial_positions=True)
    ear = world.stream("OperationsStreamService/PositionsStream", operations.PositionsStreamResponse, request)
    subscriptions, initial = ear.take()
    assert subscriptions.accounts[0].subscription_status == 1
    assert [number(one) for one in initial.money] == [Decimal(10_000_000)]
    whole = world.stream(
        "OperationsStreamService/PortfolioStream",
        operations.PortfolioStreamResponse,
        operations.PortfolioStreamRequest(accounts=[world.account]),
    )
    whole.take()
    world.post("SBER", BUY, 10)
    world.post("SRZ6", SELL, 3)
    world.tick()
    (data,) = ear.take("position")
    assert [(one.ticker, one.balance) for one in data.securities] == [("SBER", 10)]
    assert [(one.ticker, one.balance) for one in data.futures] == [("SRZ6", -3)]
    assert number(data.money[0].available_value) == number(world.positions().money[0])
    (portfolio,) = whole.take("portfolio")
    assert number(portfolio.total_amount_shares) == Decimal("3021.50")
    world.post("SBER", SELL, 10)
    world.tick()
    (data,) = ear.take("position")
    assert [(one.ticker, one.balance) for one in data.securities] == [("SBER", 0)]


def test_money_behind_open_orders_is_blocked_and_papers_too() -> None:
    world = World()
    world.post("SBER", BUY, 10)
    world.post("SBER", SELL, 4, "310")
    world.post("SBER", BUY, 100, "300")
    found = world.positions()
    (share,) = found.securities
    assert (share.balance, share.blocked) == (6, 4)
    assert number(found.blocked[0]) == Decimal("30015")
    loading = world.fault("limits_loading")
    assert loading is None
    assert world.positions().limits_loading_in_progress


# ── operations ──────────────────────────────────────────────────────────────────────────────────


def by_cursor(world: World, **more: object) -> operations.GetOperationsByCursorResponse:
    request = operations.GetOperationsByCursorRequest(account_id=world.account, **more)  # type: ignore[arg-type]
    name = "OperationsService/GetOperationsByCursor"
    return world.call(name, request, operations.GetOperationsByCursorResponse)


def test_operations_are_a_report_whose_sum_is_the_money() -> None:
    world = World()
    for ticker, side, lots in (("SBER", BUY, 10), ("GAZP", BUY, 5), ("SBER", SELL, 4)):
        world.advance(SECOND_NS)
        world.post(ticker, side, lots)
    world.post("SU26238RMFS4", BUY, 5)
    items = by_cursor(world).items
    assert sum(number(one.payment) for one in items) == world.roubles()
    kinds = [one.type for one in items]
    assert (
        kinds.count(operations.OPERATION_TYPE_BROKER_FEE),
        kinds.count(operations.OPERATION_TYPE_INPUT),
    ) == (4, 1)
    fee = next(one for one in items if one.type == operations.OPERATION_TYPE_BROKER_FEE)
    assert fee.parent_operation_id in [one.id for one in items]
    only = by_cursor(world, instrument_id=world.uid("GAZP"), without_commissions=True).items
    assert [one.quantity_done for one in only] == [50]


def test_pages_follow_the_cursor() -> None:
    world = World()
    for _ in range(5):
        world.advance(SECOND_NS)
        world.post("SBER", BUY, 1)
    seen: list[str] = []
    cursor = ""
    while True:
        page = by_cursor(world, limit=3, cursor=cursor)
        seen += [one.id for one in page.items]
        if not page.has_next:
            break
        cursor = page.next_cursor
    assert len(seen) == len(set(seen)) == 11
    with pytest.raises(Refusal, match="30069"):
        by_cursor(world, limit=1001)


def test_operations_lag_and_change_their_names() -> None:
    world = World()
    posted = world.post("SBER", BUY, 3000, "302.16")
    (part,) = [one for one in by_cursor(world).items if one.type == operations.OPERATION_TYPE_BUY]
    assert part.state == operations.OPERATION_STATE_PROGRESS
    world.cancel(posted.order_id)
    (done,) = [one for one in by_cursor(world).items if one.type == operations.OPERATION_TYPE_BUY]
    assert part.id != done.id
    assert done.state == operations.OPERATION_STATE_EXECUTED
    world.fault("operation_ids")
    (other,) = [one for one in by_cursor(world).items if one.type == operations.OPERATION_TYPE_BUY]
    assert other.trades_info.trades[0].num != done.trades_info.trades[0].num
    world.fault("operations_lag", delay_ns=60 * SECOND_NS)
    assert by_cursor(world).items == []
    older = operations.OperationsRequest(account_id=world.account)
    found = world.call("OperationsService/GetOperations", older, operations.OperationsResponse)
    assert done.id in [one.id for one in found.operations]


# ── sandbox ─────────────────────────────────────────────────────────────────────────────────────


def test_a_sandbox_is_opened_filled_traded_in_and_closed() -> None:
    world = World()
    opened = world.call(
        "SandboxService/OpenSandboxAccount",
        sandbox.OpenSandboxAccountRequest(),
        sandbox.OpenSandboxAccountResponse,
    ).account_id
    paid = sandbox.SandboxPayInRequest(
        account_id=opened, amount=common.MoneyValue(currency="rub", units=100_000)
    )
    balance = world.call("SandboxService/SandboxPayIn", paid, sandbox.SandboxPayInResponse).balance
    assert number(balance) == 100_000
    request = world.order("SBER", BUY, 10)
    request.account_id = opened
    posted = world.call("SandboxService/PostSandboxOrder", request, orders.PostOrderResponse)
    assert posted.lots_executed == 10
    asked = operations.PositionsRequest(account_id=opened)
    found = world.call("SandboxService/GetSandboxPositions", asked, operations.PositionsResponse)
    assert [one.balance for one in found.securities] == [10]
    # Each side knows its own accounts alone.
    with pytest.raises(Refusal, match="50004"):
        world.call("OrdersService/PostOrder", request, orders.PostOrderResponse)
    request.account_id, request.order_id = world.account, fresh()
    with pytest.raises(Refusal, match="50004"):
        world.call("SandboxService/PostSandboxOrder", request, orders.PostOrderResponse)
    assert [one.id for one in accounts(world)] == [world.account]
    closing = sandbox.CloseSandboxAccountRequest(account_id=opened)
    world.call("SandboxService/CloseSandboxAccount", closing, sandbox.CloseSandboxAccountResponse)
    request.account_id, request.order_id = opened, fresh()
    with pytest.raises(Refusal, match="30081"):
        world.call("SandboxService/PostSandboxOrder", request, orders.PostOrderResponse)
