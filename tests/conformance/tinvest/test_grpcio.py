"""grpcio, as the venue's own SDK for Python is made of it, takes a tour of `kedge sim tinvest`.

The SDK opens a secure channel to a `target`, trusts what GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names, and reads
tracking id and limits from the metadata of each call; so does this.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from kit import Simulator

TOKEN = (("authorization", "Bearer paper"), ("x-app-name", "kedge.tour"))
WITHIN_S = 20


@pytest.fixture
def channel(sim: Simulator) -> Iterator[grpc.Channel]:
    trusted = grpc.ssl_channel_credentials(Path(sim.ready["cert"]).read_bytes())
    with grpc.secure_channel(f"localhost:{sim.ready['port']}", trusted) as opened:
        yield opened


def account_of(channel: grpc.Channel) -> str:
    from contract import users_pb2, users_pb2_grpc

    stub = users_pb2_grpc.UsersServiceStub(channel)
    found = stub.GetAccounts(users_pb2.GetAccountsRequest(), metadata=TOKEN, timeout=WITHIN_S)
    return str(found.accounts[0].id)


def uid_of(channel: grpc.Channel, ticker: str, class_code: str = "TQBR") -> str:
    from contract import instruments_pb2, instruments_pb2_grpc

    stub = instruments_pb2_grpc.InstrumentsServiceStub(channel)
    request = instruments_pb2.InstrumentRequest(id_type=2, class_code=class_code, id=ticker)
    return str(stub.GetInstrumentBy(request, metadata=TOKEN, timeout=WITHIN_S).instrument.uid)


def order(channel: grpc.Channel, lots: int, key: str = "") -> Any:
    from contract import orders_pb2

    return orders_pb2.PostOrderRequest(
        instrument_id=uid_of(channel, "SBER"),
        quantity=lots,
        direction=1,
        account_id=account_of(channel),
        order_type=2,
        order_id=key or str(uuid.uuid4()),
    )


def test_the_same_certificate_is_trusted_by_the_environment(sim: Simulator, stubs: Path) -> None:
    """What a program of the SDK is told: a target, a token, and where the root certificate is."""
    program = (
        "import grpc\n"
        "from contract import users_pb2 as pb, users_pb2_grpc as rpc\n"
        f"target = 'localhost:{sim.ready['port']}'\n"
        "with grpc.secure_channel(target, grpc.ssl_channel_credentials()) as channel:\n"
        "    stub = rpc.UsersServiceStub(channel)\n"
        "    found = stub.GetAccounts(pb.GetAccountsRequest(), timeout=20,\n"
        "                             metadata=(('authorization', 'Bearer paper'),))\n"
        "    print(found.accounts[0].id)\n"
    )
    environment = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": sim.ready["cert"], "PYTHONPATH": str(stubs)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("2000000001", 0), done.stderr


def test_calls_carry_their_number_and_their_limits(channel: grpc.Channel) -> None:
    from contract import orders_pb2_grpc

    stub = orders_pb2_grpc.OrdersServiceStub(channel)
    reply, call = stub.PostOrder.with_call(order(channel, 10), metadata=TOKEN, timeout=WITHIN_S)
    metadata = dict(call.initial_metadata())
    assert reply.lots_executed == 10
    assert metadata["x-tracking-id"] == reply.response_metadata.tracking_id
    assert metadata["x-ratelimit-limit"] == "300, 300;w=60"
    assert (metadata["x-ratelimit-remaining"], int(metadata["x-ratelimit-reset"]) > 0) == ("299", True)
    with pytest.raises(grpc.RpcError) as no:
        stub.PostOrder(order(channel, 0), metadata=TOKEN, timeout=WITHIN_S)
    assert (no.value.code(), no.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "30015")
    trailers = dict(no.value.trailing_metadata())
    assert trailers["message"] == "Parameter `quantity` is missing or equal to 0"
    assert trailers["x-tracking-id"]


def test_too_many_calls_are_told_when_to_come_again(sim: Simulator, channel: grpc.Channel) -> None:
    from contract import orders_pb2_grpc

    sim.control("fault", fault={"kind": "limit", "value": "PostOrder=1"})
    stub, asked = orders_pb2_grpc.OrdersServiceStub(channel), order(channel, 1)
    stub.PostOrder(asked, metadata=TOKEN, timeout=WITHIN_S)
    with pytest.raises(grpc.RpcError) as no:
        stub.PostOrder(asked, metadata=TOKEN, timeout=WITHIN_S)
    trailers = dict(no.value.trailing_metadata())
    assert (no.value.code(), no.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "80002")
    assert (trailers["x-ratelimit-remaining"], int(trailers["x-ratelimit-reset"]) > 0) == ("0", True)


def test_both_ways_of_subscribing_to_the_market(channel: grpc.Channel) -> None:
    from contract import marketdata_pb2 as pb
    from contract import marketdata_pb2_grpc

    stub = marketdata_pb2_grpc.MarketDataStreamServiceStub(channel)
    rows = [pb.LastPriceInstrument(instrument_id=uid_of(channel, "SBER"))]
    asked = pb.SubscribeLastPriceRequest(subscription_action=1, instruments=rows)
    once = pb.MarketDataServerSideStreamRequest(subscribe_last_price_request=asked)
    told = stub.MarketDataServerSideStream(once, metadata=TOKEN, timeout=WITHIN_S)
    assert next(told).HasField("subscribe_last_price_response")
    assert next(told).last_price.price.units == 302
    told.cancel()
    words: queue.SimpleQueue[Any] = queue.SimpleQueue()
    words.put(pb.MarketDataRequest(subscribe_last_price_request=asked))
    talk = stub.MarketDataStream(iter(words.get, None), metadata=TOKEN, timeout=WITHIN_S)
    assert next(talk).HasField("subscribe_last_price_response")
    assert next(talk).last_price.price.units == 302
    words.put(pb.MarketDataRequest(get_my_subscriptions=pb.GetMySubscriptions()))
    answers = [next(talk) for _ in range(5)]
    counts = [len(one.subscribe_last_price_response.last_price_subscriptions) for one in answers]
    assert counts == [0, 0, 0, 0, 1]
    words.put(None)
    talk.cancel()


def test_a_deadline_ends_a_call_that_nobody_answers(sim: Simulator, channel: grpc.Channel) -> None:
    from contract import orders_pb2_grpc

    stub, asked = orders_pb2_grpc.OrdersServiceStub(channel), order(channel, 7)
    path = "/tinkoff.public.invest.api.contract.v1.OrdersService/PostOrder"
    sim.control("fault", fault={"kind": "lose_reply", "path": path})
    with pytest.raises(grpc.RpcError) as no:
        stub.PostOrder(asked, metadata=TOKEN, timeout=1)
    assert no.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    # The resend is the recovery.
    assert stub.PostOrder(asked, metadata=TOKEN, timeout=WITHIN_S).lots_executed == 7
    truth = sim.control("truth")
    assert truth["broken_laws"] == []
    position = truth["truth"]["accounts"]["main"]["positions"]["TQBR:SBER"]
    assert position["qty"] == "7"


def test_a_method_that_is_not_there_is_unimplemented(channel: grpc.Channel) -> None:
    call = channel.unary_unary("/tinkoff.public.invest.api.contract.v1.SignalService/GetSignals")
    with pytest.raises(grpc.RpcError) as no:
        call(b"", metadata=TOKEN, timeout=WITHIN_S)
    assert (no.value.code(), no.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, "12001")
