"""The real net on a loopback: what leaves, how often, and what is said when nothing comes back."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ssl
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import WSMsgType, web

from kedge.venues import net as net_module
from kedge.venues.net import Net
from kedge.venues.wires import HttpAsk, HttpSaid, Mouth, NoReply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Ears:
    """Keeps what it hears, in order; `paused` is a mark between reads."""

    def __init__(self) -> None:
        self.log: list[bytes | str] = []
        self.news = asyncio.Event()

    def heard(self, frame: bytes) -> None:
        self.log.append(frame)
        self.news.set()

    def paused(self) -> None:
        self.log.append("paused")

    def ended(self, why: str) -> None:
        self.log.append(f"ended: {why}")
        self.news.set()

    async def until(self, wanted: bytes | str) -> None:
        async with asyncio.timeout(20):
            while not any(
                one == wanted or (isinstance(one, str) and isinstance(wanted, str) and one.startswith(wanted))
                for one in self.log
            ):
                self.news.clear()
                await self.news.wait()


def with_server(handler: Handler, visit: Callable[[Net, str], Awaitable[None]]) -> None:
    """Serve everything by one handler, and visit it."""

    async def main() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        wires = Net()
        try:
            await visit(wires, f"127.0.0.1:{port}")
        finally:
            await wires.close()
            await runner.cleanup()

    asyncio.run(main())


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Serves by hand, and leaves no connection behind."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)

        async def serve() -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                await self._serve(reader, writer)

        self._tasks.append(asyncio.create_task(serve()))

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for writer in self._writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def with_raw_server(serve: Serve, visit: Callable[[Net, str], Awaitable[None]]) -> None:
    async def main() -> None:
        async with RawServer(serve) as at:
            wires = Net()
            try:
                await visit(wires, at)
            finally:
                await wires.close()

    asyncio.run(main())


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_leaves_exactly_as_it_was_signed() -> None:
    seen: list[tuple[str, str, bytes, dict[str, str]]] = []

    async def handler(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen.append((request.method, request.raw_path, await request.read(), headers))
        return web.Response(status=418, text='{"code":1}', headers={"X-Left": "3"})

    async def visit(wires: Net, at: str) -> None:
        target = "/v1/%EF%BC%91?b=%2B+x&a=1,2&sig=A%3d"
        ask = HttpAsk("POST", target, (("X-KEY", "k"), ("Content-Type", "application/json")), b'{"a":1}')
        said = await wires.http(f"http://{at}", ask, 20)
        assert isinstance(said, HttpSaid)
        assert (said.status, said.body, said.headers["x-left"]) == (418, b'{"code":1}', "3")
        method, path, body, headers = seen[0]
        assert (method, path, body) == ("POST", target, b'{"a":1}')
        assert headers["x-key"] == "k"
        assert headers["content-type"] == "application/json"
        assert headers["accept-encoding"] == "identity"

    with_server(handler, visit)


def test_redirects_and_cookies_are_not_followed() -> None:
    cookies: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie", ""))
        return web.Response(status=302, headers={"Location": "/elsewhere", "Set-Cookie": "a=b"})

    async def visit(wires: Net, at: str) -> None:
        for _ in range(2):
            said = await wires.http(f"http://{at}", HttpAsk("GET", "/"), 20)
            assert isinstance(said, HttpSaid)
            assert said.status == 302
        assert cookies == ["", ""]

    with_server(handler, visit)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "POST"])
def test_a_dead_connection_is_one_attempt(method: str) -> None:
    """The first request is answered and kept alive; the second is read, and the connection closed."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            requests.append(head.split(b" ")[0])
            if len(requests) > 1:
                writer.close()
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def visit(wires: Net, at: str) -> None:
        assert isinstance(await wires.http(f"http://{at}", HttpAsk("GET", "/first"), 20), HttpSaid)
        said = await wires.http(f"http://{at}", HttpAsk(method, "/order"), 20)  # type: ignore[arg-type]
        assert said == NoReply("the connection was closed before the answer")
        await asyncio.sleep(0)
        assert requests == [b"GET", method.encode()]

    with_raw_server(serve, visit)


def test_what_never_left_is_told_from_what_may_have() -> None:
    async def visit(wires: Net, at: str) -> None:
        host = at.partition(":")[0]
        probe = await asyncio.start_server(lambda r, w: None, host, 0)
        free = probe.sockets[0].getsockname()[1]
        probe.close()
        await probe.wait_closed()
        refused = await wires.http(f"http://{host}:{free}", HttpAsk("POST", "/order"), 20)
        assert refused == NoReply(f"nobody listens at {host}:{free}", unsent=True)
        there = await wires.socket(f"ws://{host}:{free}/ws?listenKey=secret", Ears(), 20)
        assert there == NoReply(f"nobody listens at {host}:{free}", unsent=True), "and not a word of the key"
        silent = await wires.http(f"http://{at}", HttpAsk("POST", "/order"), 0.05)
        assert silent == NoReply("no answer within 0.05 s")
        for base in ("http://", "nonsense://x", f"http://{host}:99999999"):
            said = await wires.http(base, HttpAsk("GET", "/"), 20)
            assert isinstance(said, NoReply)
            assert said.unsent

    async def handler(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with_server(handler, visit)


def test_a_secure_connection_that_fails_sends_nothing() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"this is no TLS at all, and never will be\r\n")
        writer.close()

    async def visit(wires: Net, at: str) -> None:
        said = await wires.http(f"https://{at}", HttpAsk("POST", "/order"), 20)
        assert isinstance(said, NoReply)
        assert said.unsent
        mouth = await wires.socket(f"wss://{at}/ws", Ears(), 20)
        assert isinstance(mouth, NoReply)

    with_raw_server(serve, visit)


def test_bodies_are_bounded_and_never_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_module, "BODY_MAX", 1_000)

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/packed":
            return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * 100)
        return response

    async def visit(wires: Net, at: str) -> None:
        long = await wires.http(f"http://{at}", HttpAsk("GET", "/long"), 20)
        assert long == NoReply("the reply is longer than 1000 bytes")
        packed = await wires.http(f"http://{at}", HttpAsk("GET", "/packed"), 20)
        assert packed == NoReply("the reply is packed as gzip, which was not asked for")

    with_server(handler, visit)


# ── WebSocket ───────────────────────────────────────────────────────────────────────────────────


def test_messages_are_whole_and_the_end_comes_once_with_its_reason() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.WebSocketResponse:
        seen.append(request.raw_path + " " + request.headers.get("X-KEY", ""))
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.PING:
                await socket.pong(message.data)
                await socket.send_str("pinged")
            elif message.data == "bye":
                await socket.close(code=1008, message=b"too many")
            else:
                await socket.send_str(message.data * 1000)
        return socket

    async def visit(wires: Net, at: str) -> None:
        ears = Ears()
        mouth = await wires.socket(f"ws://{at}/ws/key%21?a=1", ears, 20, (("X-KEY", "k"),))
        assert not isinstance(mouth, NoReply)
        assert seen == ["/ws/key%21?a=1 k"]
        assert mouth.say(b"hello")
        await ears.until(b"hello" * 1000)
        mouth.ping()
        await ears.until(b"pinged")
        assert mouth.say(b"bye")
        await ears.until("ended")
        assert [one for one in ears.log if isinstance(one, str) and one != "paused"] == [
            "ended: closed by the venue (1008 too many)"
        ]
        assert not mouth.say(b"more")
        mouth.ping()
        mouth.close()
        assert str(ears.log[-1]).startswith("ended")

    with_server(handler, visit)


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server's side of the handshake, by hand."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    digest = hashlib.sha1(key.split(b":")[1].strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


def test_fragments_pings_and_many_frames_in_one_read() -> None:
    pongs: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await reader.read(1)  # the client is ready
        # "ab" in fragments with a ping between them, then "c" and "d", in one write.
        writer.write(b"\x01\x01a" + b"\x89\x02hi" + b"\x80\x01b" + b"\x81\x01c" + b"\x81\x01d")
        pongs.append(await reader.read(1000))
        writer.close()

    async def visit(wires: Net, at: str) -> None:
        ears = Ears()
        mouth = await wires.socket(f"ws://{at}/", ears, 20)
        assert not isinstance(mouth, NoReply)
        mouth.say(b"ready")
        await ears.until("ended")
        frames = [one for one in ears.log if one != "paused"]
        assert frames == [b"ab", b"c", b"d", "ended: the connection was lost"]
        assert ears.log[-2] == "paused"
        assert pongs

    with_raw_server(serve, visit)


def test_what_is_no_text_or_too_long_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_module, "MESSAGE_MAX", 3)
    said = [b"\x82\x01x", b"\x01\x02aa\x80\x02bb"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.write(said.pop(0))
        await reader.read(1000)
        writer.close()

    async def visit(wires: Net, at: str) -> None:
        for why in ("ended: the venue sent a binary", "ended: the venue sent a message of more than 3 bytes"):
            ears = Ears()
            await wires.socket(f"ws://{at}/", ears, 20)
            await ears.until(why)

    with_raw_server(serve, visit)


def test_a_socket_that_is_refused_says_why() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=429, text="too many connections")

    async def visit(wires: Net, at: str) -> None:
        said = await wires.socket(f"ws://{at}/ws/secret", Ears(), 20)
        assert said == NoReply("no WebSocket: HTTP 429: too many connections", unsent=True)
        said = await wires.socket("ws://127.0.0.1:1/secret", Ears(), 20)
        assert isinstance(said, NoReply)
        assert "secret" not in said.why

    with_server(handler, visit)


def test_a_handshake_nobody_waits_for_never_comes_to_life() -> None:
    """Once the patience is over, and once whoever opened it is cancelled."""

    async def main() -> None:
        asked, go, closed = asyncio.Semaphore(0), asyncio.Event(), asyncio.Semaphore(0)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.release()
            await go.wait()
            await upgrade(reader, writer)
            writer.write(b"\x81\x01c")
            with contextlib.suppress(OSError):
                while await reader.read(1000):
                    pass
            closed.release()

        async with RawServer(serve) as at:
            wires, ears = Net(), Ears()
            said = await wires.socket(f"ws://{at}/", ears, 0.05)
            assert said == NoReply("no connection within 0.05 s", unsent=True)
            await asked.acquire()
            opening = asyncio.create_task(wires.socket(f"ws://{at}/", ears, 20))
            await asked.acquire()
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            go.set()
            async with asyncio.timeout(20):
                await closed.acquire()
                await closed.acquire()
            assert ears.log == []
            await wires.close()

    asyncio.run(main())


def test_a_ping_that_is_not_answered_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_module, "PONG_S", 0.05)

    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def visit(wires: Net, at: str) -> None:
        ears = Ears()
        mouth = await wires.socket(f"ws://{at}/", ears, 20)
        assert not isinstance(mouth, NoReply)
        mouth.ping()
        await ears.until("ended: no pong within 0.05 s")

    with_server(handler, visit)


def test_who_does_not_read_is_not_written_to_for_ever() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await asyncio.Event().wait()

    async def visit(wires: Net, at: str) -> None:
        mouth = await wires.socket(f"ws://{at}/", Ears(), 20)
        assert not isinstance(mouth, NoReply)
        assert _fill(mouth)

    with_raw_server(serve, visit)


def _fill(mouth: Mouth) -> bool:
    """Whether it says that it cannot take more, before 64 MB."""
    return any(not mouth.say(b"x" * 65_536) for _ in range(1_024))


def test_closing_ends_every_socket() -> None:
    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def visit(wires: Net, at: str) -> None:
        ears = [Ears(), Ears()]
        for one in ears:
            await wires.socket(f"ws://{at}/", one, 20)
        await wires.close()
        assert [one.log for one in ears] == [["ended: closed by this side"]] * 2

    with_server(handler, visit)


def test_the_certificate_given_is_used() -> None:
    context = ssl.create_default_context()
    assert Net(context)._context() is context
