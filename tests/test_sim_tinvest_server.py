"""The T-Invest testnet behind real sockets: TLS, lost answers, cut streams, the control door, the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from kedge.protos.tinvest import orders_pb2, users_pb2
from kedge.sim.testnet.options import Options
from kedge.sim.tinvest import certificate
from kedge.sim.tinvest.server import TlsReady, serve

LONG_S = 30.0  # a safety net against hanging, never a measurement
PACKAGE = "/tinkoff.public.invest.api.contract.v1."
TOKEN = (("authorization", "Bearer paper"),)


class Inn:
    """A running venue, and somebody who visits it."""

    def __init__(self, ready: TlsReady, channel: Any) -> None:
        self.ready = ready
        self.channel = channel

    async def control(self, do: str, **members: object) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ready.control_port)
        writer.write(json.dumps({"do": do, **members}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
        return answer

    async def accounts(self, timeout_s: float = LONG_S) -> Any:
        call = self.channel.unary_unary(
            f"{PACKAGE}UsersService/GetAccounts",
            request_serializer=users_pb2.GetAccountsRequest.SerializeToString,
            response_deserializer=users_pb2.GetAccountsResponse.FromString,
        )
        return await call(users_pb2.GetAccountsRequest(), metadata=TOKEN, timeout=timeout_s)

    def states(self) -> Any:
        call = self.channel.unary_stream(
            f"{PACKAGE}OrdersStreamService/OrderStateStream",
            request_serializer=orders_pb2.OrderStateStreamRequest.SerializeToString,
            response_deserializer=orders_pb2.OrderStateStreamResponse.FromString,
        )
        return call(orders_pb2.OrderStateStreamRequest(), metadata=TOKEN, timeout=LONG_S)

    async def fault(self, kind: str, **members: object) -> None:
        answer = await self.control("fault", fault={"kind": kind, **members})
        assert answer["ok"], answer


@contextlib.asynccontextmanager
async def inn(tmp_path: Path, **more: Any) -> AsyncIterator[Inn]:
    opened: asyncio.Future[TlsReady] = asyncio.get_running_loop().create_future()
    options = Options(
        market="still", sessions="always", control_port=0, state=str(tmp_path / "venue.db"), **more
    )
    serving = asyncio.create_task(serve(options, opened.set_result))  # type: ignore[arg-type]
    try:
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED, timeout=LONG_S)
        if serving.done():
            await serving
        ready = opened.result()
        trusted = grpc.ssl_channel_credentials(Path(ready.cert).read_bytes())
        async with grpc.aio.secure_channel(f"127.0.0.1:{ready.port}", trusted) as channel:
            yield Inn(ready, channel)
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def visit(tmp_path: Path, walk: Callable[[Inn], Any], **more: Any) -> None:
    async def go() -> None:
        async with inn(tmp_path, **more) as found:
            await walk(found)

    asyncio.run(asyncio.wait_for(go(), LONG_S))


def test_it_answers_who_trusts_its_certificate_and_knows_its_token(tmp_path: Path) -> None:
    async def walk(found: Inn) -> None:
        assert [one.id for one in (await found.accounts()).accounts] == ["2000000001"]
        stats = await found.control("stats")
        assert stats["instruments"] > 500
        assert (await found.control("help"))["faults"]["stream_cut"]

    visit(tmp_path, walk)
    key = tmp_path / "venue.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = (tmp_path / "venue.db.pem").read_bytes()
    visit(tmp_path, walk)
    assert (tmp_path / "venue.db.pem").read_bytes() == before


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "lose_reply"}, grpc.StatusCode.DEADLINE_EXCEEDED),
        ({"kind": "reset"}, grpc.StatusCode.UNAVAILABLE),
        ({"kind": "error", "status": 503}, grpc.StatusCode.UNAVAILABLE),
        ({"kind": "error", "error": "deadline"}, grpc.StatusCode.DEADLINE_EXCEEDED),
        ({"kind": "error", "error": "internal"}, grpc.StatusCode.INTERNAL),
    ],
)
def test_bad_weather_is_what_a_client_of_grpc_sees_of_it(
    tmp_path: Path, fault: dict[str, Any], status: grpc.StatusCode
) -> None:
    async def walk(found: Inn) -> None:
        await found.accounts()
        await found.control("fault", fault=fault)
        with pytest.raises(grpc.aio.AioRpcError) as no:
            await found.accounts(timeout_s=1.0 if fault["kind"] == "lose_reply" else LONG_S)
        assert no.value.code() == status
        await found.accounts()

    visit(tmp_path, walk)


def test_streams_end_as_the_venue_or_the_weather_ends_them(tmp_path: Path) -> None:
    async def walk(found: Inn) -> None:
        for do, code, details in (
            ({"do": "fault", "fault": {"kind": "stream_cut"}}, grpc.StatusCode.RESOURCE_EXHAUSTED, "80005"),
            ({"do": "cut"}, grpc.StatusCode.UNAVAILABLE, "Connection reset by peer"),
        ):
            stream = found.states()
            assert (await stream.read()).HasField("subscription")
            answer = await found.control(**do)
            assert answer["ok"], answer
            with pytest.raises(grpc.aio.AioRpcError) as no:
                await stream.read()
            assert (no.value.code(), no.value.details()) == (code, details)
        stats = await found.control("stats")
        assert sum(stats["streams"].values()) == 0

    visit(tmp_path, walk)


def test_a_client_that_leaves_is_forgotten(tmp_path: Path) -> None:
    async def walk(found: Inn) -> None:
        stream = found.states()
        await stream.read()
        assert sum((await found.control("stats"))["streams"].values()) == 1
        stream.cancel()
        while sum((await found.control("stats"))["streams"].values()):
            pass  # The next question is asked when this one is answered.

    visit(tmp_path, walk)


def test_who_does_not_trust_the_certificate_is_not_spoken_to(tmp_path: Path) -> None:
    async def walk(found: Inn) -> None:
        strangers = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", found.ready.port, ssl=strangers)

    visit(tmp_path, walk)


def test_without_the_package_that_makes_one_a_certificate_must_be_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ValueError, match="--cert and --cert-key"):
        certificate.made("127.0.0.1")
    folder = Path(__file__).parent / "tls"
    given = Options(cert=str(folder / "localhost.pem"), cert_key=str(folder / "localhost.key"))
    assert certificate.certificate(given, "birth").path == str(folder / "localhost.pem")


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    async def walk(found: Inn) -> None:
        program = str(Path(sys.executable).with_name("kedge"))
        command = [program, "sim", "tinvest", "--port", str(found.ready.port)]
        process = await asyncio.create_subprocess_exec(
            *command, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        _, said = await process.communicate()
        assert process.returncode == 1
        assert f"cannot listen at 127.0.0.1:{found.ready.port}" in said.decode()
        assert "Traceback" not in said.decode()

    visit(tmp_path, walk)
