"""A testnet behind real sockets on loopback: raw requests, frames, slow readers, doors, the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from toy_testnet import SYMBOL, Toy, an_order, make

from kedge.sim.testnet.house import Setup
from kedge.sim.testnet.options import Options, Ready
from kedge.sim.testnet.server import serve
from kedge.sim.testnet.store import StoreError

LONG_S = 20.0  # a safety net against hanging, never a measurement


class Inn:
    """A running toy, and somebody who visits it."""

    def __init__(self, toy: Toy, ready: Ready, session: aiohttp.ClientSession) -> None:
        self.toy = toy
        self.ready = ready
        self.session = session
        self.url = f"http://127.0.0.1:{ready.port}"

    async def control(self, do: str, **members: object) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.ready.control_port}/{do}"
        async with self.session.post(url, data=json.dumps(members)) as reply:
            answer: dict[str, Any] = await reply.json()
        assert (reply.status == 200) == answer["ok"]
        return answer

    async def place(self, client_id: str, **more: str) -> int:
        async with self.session.post(f"{self.url}/order", data=an_order(client_id, **more)) as reply:
            return reply.status

    async def raw(self, text: bytes, port: int | None = 0) -> bytes:
        """What the server writes to these bytes until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.ready.port)
        writer.write(text)
        try:
            return await reader.read()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def an_inn(**options: Any) -> AsyncIterator[Inn]:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Ready] = loop.create_future()
    made: list[Toy] = []

    def noted(setup: Setup) -> Toy:
        made.append(make(setup))
        return made[0]

    chosen = Options(**{"control_port": 0, "market": "still", "tick_ms": 5, **options})
    serving = loop.create_task(serve(chosen, noted, ready.set_result))
    serving.add_done_callback(lambda task: ready.done() or ready.set_exception(task.exception()))
    try:
        where = await ready
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(LONG_S)) as session:
            yield Inn(made[0], where, session)
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def visit(act: Callable[[Inn], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(LONG_S), an_inn(**options) as inn:
            await act(inn)

    asyncio.run(main())


async def until(holds: Callable[[], object]) -> None:
    """Let the server work until it has come to that; `visit` bounds it."""
    while not holds():  # noqa: ASYNC110  # nobody in there could set an event
        await asyncio.sleep(0.001)


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_signed_arrives_as_it_was_sent() -> None:
    async def act(inn: Inn) -> None:
        target = b"/raw?b=%EF%BC%91%2f&a=1+2%20&empty=&a=%zz"
        body = b"quantity=1&x=%41\x00\xff"
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: Kk\r\nContent-Length: %d\r\n"
        head += b"Connection: close\r\n\r\n"
        said = await inn.raw(head % (target, len(body)) + body)
        found = json.loads(said.partition(b"\r\n\r\n")[2])
        assert found["query"] == "b=%EF%BC%91%2f&a=1+2%20&empty=&a=%zz"
        assert bytes.fromhex(found["body"]) == body
        assert found["x-mbx-apikey"] == "Kk"
        assert b"X-Toy: yes" in said
        assert inn.toy.requests[-1].peer == "127.0.0.1"
        absolute = b"GET http://api.toy.com/raw?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert b'"path":"/raw","query":"a=1"' in await inn.raw(absolute)

    visit(act)


def test_a_compressed_body_is_handed_on_as_it_is() -> None:
    async def act(inn: Inn) -> None:
        body = b"\x1f\x8b not really gzip"
        headers = {"Content-Encoding": "gzip"}
        async with inn.session.post(f"{inn.url}/raw", data=body, headers=headers) as reply:
            assert bytes.fromhex((await reply.json())["body"]) == body

    visit(act)


def test_a_body_too_large_is_refused() -> None:
    async def act(inn: Inn) -> None:
        head = b"POST /raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2097152\r\n\r\n"
        assert b" 413 " in (await inn.raw(head + bytes(2 << 20))).splitlines()[0]
        assert inn.toy.requests == []

    visit(act)


def test_an_order_and_the_words_of_a_reply() -> None:
    async def act(inn: Inn) -> None:
        assert await inn.place("a") == 200
        assert await inn.place("a") == 400
        async with inn.session.get(f"{inn.url}/order?client_id=a") as reply:
            assert (reply.status, await reply.json()) == (200, "0")
            assert reply.headers["Content-Type"] == "application/json"

    visit(act)


def test_no_answer_and_a_broken_connection() -> None:
    async def act(inn: Inn) -> None:
        await inn.control("fault", fault={"kind": "reset"})
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await inn.place("a")
        await inn.control("fault", fault={"kind": "lose_reply"})
        silent = asyncio.get_running_loop().create_task(inn.place("b"))
        await until(lambda: len(inn.toy.requests) == 2)
        assert inn.toy.house.exchange.order("main", "b") is not None
        assert not silent.done()
        silent.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await silent
        assert await inn.place("c") == 200

    visit(act)


# ── WebSockets ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("deflate", [True, False])
def test_a_stream(deflate: bool) -> None:
    async def act(inn: Inn) -> None:
        async with inn.session.ws_connect(
            f"{inn.url}/stream", compress=15, autoping=False, headers={"X-Key": "paper"}
        ) as ws:
            assert bool(ws.compress) == deflate
            assert (await ws.receive_str()) == "welcome"
            ping = await ws.receive()
            assert (ping.type, ping.data) == (aiohttp.WSMsgType.PING, b"are you there")
            await ws.pong(ping.data)
            await ws.send_str("one")
            assert (await ws.receive_str()) == "echo one"
            await ws.ping(b"and you")
            pong = await ws.receive()
            assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"and you")
            assert inn.toy.guests[0].pongs == [b"are you there", b"pinged and you"]
            await inn.place("a")
            assert (await ws.receive_str()) == "order a"
            await ws.send_str("bye")
            closing = await ws.receive()
            assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, 1000)
        await until(lambda: not inn.toy.guests)
        async with inn.session.get(f"{inn.url}/raw") as reply:
            assert reply.status == 200

    visit(act, deflate=deflate)


def test_a_stream_that_is_refused() -> None:
    async def act(inn: Inn) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await inn.session.ws_connect(f"{inn.url}/nowhere")

    visit(act)


def test_a_cut_stream_ends_without_a_word() -> None:
    async def act(inn: Inn) -> None:
        async with inn.session.ws_connect(f"{inn.url}/stream") as ws:
            await ws.receive_str()
            assert (await inn.control("cut", path="/stream"))["cut"] == 1
            ended = await ws.receive()
            assert ended.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE)
            assert ws.close_code == 1006
        await until(lambda: not inn.toy.guests)

    visit(act)


def test_who_is_gone_before_the_stream_is_open_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A client that is killed while it connects: the venue forgets it, and complains to nobody."""

    async def act(inn: Inn) -> None:
        head = b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", inn.ready.port)) as gone:
                gone.sendall(head)
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        async with inn.session.ws_connect(f"{inn.url}/stream") as ws:
            await ws.receive_str()
        await until(lambda: not inn.toy.guests)

    visit(act)
    assert not caplog.records, caplog.text


def test_a_half_open_stream_answers_no_pings() -> None:
    async def act(inn: Inn) -> None:
        async with inn.session.ws_connect(f"{inn.url}/stream", autoping=False) as ws:
            await ws.receive_str()
            await ws.receive()
            await inn.control("fault", fault={"kind": "silent", "way": "in"})
            await ws.send_str("one")
            await ws.ping(b"?")
            assert await inn.place("a") == 200
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=0.05)
        await until(lambda: not inn.toy.guests)

    visit(act)


def test_who_does_not_read_is_cut() -> None:
    """Two hundred megabytes are said to somebody who reads nothing: he is cut, the venue goes on."""

    async def act(inn: Inn) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", inn.ready.port, limit=1024)
        writer.write(
            b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        # "burst" as a masked text frame, with a mask of zeros.
        writer.write(b"\x81\x85\x00\x00\x00\x00burst")
        await until(lambda: inn.toy.welcomed and not inn.toy.guests)
        assert await inn.place("a") == 200
        writer.close()

    visit(act)


# A certificate for localhost that nobody has a reason to trust: tests only.
TLS = Path(__file__).parent / "tls"


def test_https_and_wss() -> None:
    async def act(inn: Inn) -> None:
        url = inn.url.replace("http:", "https:")
        async with inn.session.post(f"{url}/order", data=an_order("a"), ssl=False) as reply:
            assert reply.status == 200
        async with inn.session.ws_connect(f"{url}/stream", ssl=False) as ws:
            assert (await ws.receive_str()) == "welcome"

    visit(act, cert=str(TLS / "localhost.pem"), cert_key=str(TLS / "localhost.key"))


def test_a_full_disk_ends_the_venue_and_nobody_is_told_what_it_forgot() -> None:
    async def main() -> None:
        async with asyncio.timeout(LONG_S):
            loop = asyncio.get_running_loop()
            ready: asyncio.Future[Ready] = loop.create_future()
            made: list[Toy] = []

            def forgetful(setup: Setup) -> Toy:
                toy = make(setup)
                made.append(toy)
                return toy

            serving = loop.create_task(serve(Options(market="still"), forgetful, ready.set_result))
            url = f"http://127.0.0.1:{(await ready).port}"
            made[0].house.keeper._store.close()
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientError):
                    await session.post(f"{url}/order", data=an_order("a"))
            with pytest.raises(StoreError, match="cannot write"):
                await serving

    asyncio.run(main())


# ── the control door ────────────────────────────────────────────────────────────────────────────


def test_the_control_door_by_http_and_by_lines() -> None:
    async def act(inn: Inn) -> None:
        port = inn.ready.control_port
        assert port is not None
        assert (await inn.control("price", symbol=SYMBOL, price="61000"))["ok"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'{"do":"stats"}\n\n{"do":"dance"}\n')
        first, second = json.loads(await reader.readline()), json.loads(await reader.readline())
        writer.close()
        assert first["ok"]
        assert first["refused"] == 0
        assert not second["ok"]
        async with inn.session.get(f"http://127.0.0.1:{port}/truth") as reply:
            truth = await reply.json()
        assert truth["broken_laws"] == []
        assert truth["truth"]["markets"][SYMBOL]["mark"] == "61000.0"
        async with inn.session.get(f"http://127.0.0.1:{port}") as reply:
            help = await reply.json()
        assert "lookup_lag" in help["faults"]
        assert "liquidate" in help["orders"]
        bare = {"do": "clock", "advance_ns": 10**9}
        async with inn.session.post(f"http://127.0.0.1:{port}", data=json.dumps(bare)) as reply:
            assert (await reply.json())["ok"]

    visit(act)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /price HTTP/1.1\r\n\r\n", b"405"),
        (b"DELETE / HTTP/1.1\r\n\r\n", b"405"),
        (b"POST /price HTTP/1.1\r\nContent-Length: 3\r\n\r\n[1]", b"400"),
        (b"POST /price HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"400"),
        (b"POST /stats HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /stats HTTP/1.1\r\nContent-Length: no\r\n\r\n", b"413"),
        (b"GET /stats HTTP/1.1\r\nOrigin: https://evil.example\r\n\r\n", b"403"),
        (b"GET /stats HTTP/1.0\r\n\r\n", b"200"),
        (b"POST /stats HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", b"100"),
    ],
)
def test_the_control_door_says_what_is_wrong(request_: bytes, status: bytes) -> None:
    async def act(inn: Inn) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", inn.ready.control_port)
        writer.write(request_)
        writer.write_eof()
        said = await reader.read()
        writer.close()
        assert said.split()[1] == status

    visit(act)


# ── life and death ──────────────────────────────────────────────────────────────────────────────


def test_lines_are_told_goodbye() -> None:
    async def main() -> None:
        async with asyncio.timeout(LONG_S):
            async with an_inn() as inn:
                session = aiohttp.ClientSession()
                ws = await session.ws_connect(f"{inn.url}/stream")
                await ws.receive_str()
                listening = asyncio.get_running_loop().create_task(ws.receive())
            closing = await listening
            assert (closing.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 1001)
            await session.close()

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_fault_of_the_venues_own_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    """What may be wrong inside must not be traded against."""

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(LONG_S):
                await _until_it_ends()

    asyncio.run(main())


async def _until_it_ends() -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Ready] = loop.create_future()
    serving = loop.create_task(serve(Options(market="still"), make, ready.set_result))
    port = (await ready).port
    async with aiohttp.ClientSession() as session:
        with contextlib.suppress(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{port}/bug")
        await serving


def test_a_bad_start_is_one_sentence(tmp_path: Path) -> None:
    def start(**options: Any) -> None:
        asyncio.run(serve(Options(**options), make, lambda ready: None))

    path = tmp_path / "faults.json"
    path.write_text('[{"kind":"rain"}]')
    with pytest.raises(ValueError, match="There is no fault rain"):
        start(faults=str(path), market="still")
    state = tmp_path / "state.db"
    state.write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(StoreError):
        start(state=str(state))
    with pytest.raises(OSError, match="No such file"):
        start(market=str(tmp_path / "prices.csv"))


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from toy_testnet import make
from kedge.sim.testnet import server
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.tasks import run
options = Options(state={state!r}, market="still", control_port=0)
raise SystemExit(run("toy", lambda ready: server.serve(options, make, ready)))
"""


def test_a_process_is_killed_and_started_again(tmp_path: Path) -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parent), state=str(tmp_path / "toy.db"))

    async def ask(
        ready: dict[str, Any], method: str, path: str, body: bytes | None = None
    ) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"http://127.0.0.1:{ready['port']}{path}", data=body) as reply,
        ):
            return reply.status, await reply.text()

    def start() -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
        child = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        return child, json.loads(child.stdout.readline())

    child, ready = start()
    assert ready["t"] == "ready"
    assert ready["venue"] == "bybit"
    assert asyncio.run(ask(ready, "POST", "/order", an_order("a")))[0] == 200
    child.kill()
    child.wait()
    child.stdout and child.stdout.close()
    again, ready_again = start()
    assert ready_again["birth"] == ready["birth"]
    assert asyncio.run(ask(ready_again, "GET", "/order?client_id=a")) == (200, '"0"')
    again.send_signal(signal.SIGTERM)
    assert again.wait(LONG_S) == 0
    again.stdout and again.stdout.close()
