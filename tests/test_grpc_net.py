"""The real net of gRPC venues against a real server: answers, refusals, cuts, TLS, and no second attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from kedge.venues.calls import CallAsk, CallSaid, StreamAsk
from kedge.venues.grpc_net import GrpcNet
from kedge.venues.wires import NoReply

TLS = Path(__file__).parent / "tls"
PLAIN = "/test.Service/"
PATIENCE_S = 30.0


class Server:
    """Answers by the method's name; counts what arrives."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.heard: list[bytes] = []
        self.metadata: dict[str, str] = {}
        self.never = asyncio.Event()
        self.waited = asyncio.Event()
        self.server = aio.server()
        self.port = 0

    async def __aenter__(self) -> Server:
        unary = grpc.unary_unary_rpc_method_handler
        stream = grpc.stream_stream_rpc_method_handler
        handlers = {
            "Echo": unary(self._echo),
            "No": unary(self._no),
            "Wait": unary(self._wait),
            "Talk": stream(self._talk),
            "Old": stream(self._old),
            "End": stream(self._end),
        }
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("test.Service", handlers),)
        )
        await self._listen()
        await self.server.start()
        return self

    async def _listen(self) -> None:
        self.port = self.server.add_insecure_port("127.0.0.1:0")

    async def __aexit__(self, *_: object) -> None:
        self.never.set()
        await self.server.stop(0)

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _echo(self, body: bytes, context: Any) -> bytes:
        self.asked.append("Echo")
        self.metadata = dict(context.invocation_metadata())
        await context.send_initial_metadata((("x-ratelimit-remaining", "299"),))
        context.set_trailing_metadata((("message", "trailing"),))
        return body[::-1]

    async def _no(self, body: bytes, context: Any) -> bytes:
        self.asked.append("No")
        context.set_trailing_metadata((("message", "Incorrect minimum price increment"),))
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "30078")
        return b""

    async def _wait(self, body: bytes, context: Any) -> bytes:
        self.asked.append("Wait")
        if self.asked.count("Wait") == 2:
            self.waited.set()
        await self.never.wait()
        return b""

    async def _talk(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        self.asked.append("Talk")
        async for message in messages:
            self.heard.append(message)
            yield b"heard " + message

    async def _old(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "80005")

    async def _end(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for message in messages:
            self.heard.append(message)
        yield b"all heard"


class TlsServer(Server):
    async def _listen(self) -> None:
        pair = ((TLS / "localhost.key").read_bytes(), (TLS / "localhost.pem").read_bytes())
        self.port = self.server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))

    @property
    def host(self) -> str:
        return f"https://localhost:{self.port}"


class Ears:
    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes | CallSaid | NoReply] = asyncio.Queue()
        self.ends: list[CallSaid | NoReply] = []

    def heard(self, message: bytes) -> None:
        self.said.put_nowait(message)

    def ended(self, how: CallSaid | NoReply) -> None:
        self.ends.append(how)
        self.said.put_nowait(how)

    async def next(self) -> bytes | CallSaid | NoReply:
        async with asyncio.timeout(PATIENCE_S):
            return await self.said.get()


def run(
    main: Callable[[Server, GrpcNet], Coroutine[Any, Any, None]],
    server: type[Server] = Server,
    roots: str = "",
) -> None:
    async def both() -> None:
        async with server() as up:
            net = GrpcNet(roots)
            try:
                await main(up, net)
            finally:
                await net.close()

    asyncio.run(both())


def ask(name: str, body: bytes = b"abc") -> CallAsk:
    return CallAsk(PLAIN + name, body, (("authorization", "Bearer secret"),))


def test_an_answer_with_all_that_comes_beside_it() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        said = await net.unary(server.host, ask("Echo"), PATIENCE_S)
        assert isinstance(said, CallSaid)
        assert (said.status, said.body) == ("OK", b"cba")
        assert said.metadata["x-ratelimit-remaining"] == "299"
        assert said.metadata["message"] == "trailing"
        assert server.metadata["authorization"] == "Bearer secret"
        assert server.metadata["user-agent"].startswith("kedge ")
        assert "secret" not in repr(ask("Echo"))

    run(main)


def test_a_refusal_is_the_venues_word() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        said = await net.unary(server.host, ask("No"), PATIENCE_S)
        assert isinstance(said, CallSaid)
        assert (said.status, said.words) == ("INVALID_ARGUMENT", "30078")
        assert said.metadata["message"] == "Incorrect minimum price increment"

    run(main)


def test_no_answer_and_a_cut_line_are_no_replies_and_never_sent_again() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        assert isinstance(await net.unary(server.host, ask("Echo"), PATIENCE_S), CallSaid)
        late = await net.unary(server.host, ask("Wait"), 0.2)
        assert isinstance(late, NoReply)
        assert (late.unsent, late.why) == (False, "no answer within 0.2 s")
        loop = asyncio.get_running_loop()
        asking = loop.create_task(net.unary(server.host, ask("Wait"), PATIENCE_S))
        async with asyncio.timeout(PATIENCE_S):
            await server.waited.wait()
        await server.server.stop(0)
        cut = await asking
        assert isinstance(cut, NoReply)
        assert not cut.unsent
        assert server.asked.count("Wait") == 2

    run(main)


def test_nobody_there_is_certainly_unsent() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        host = server.host
        await server.server.stop(0)
        said = await net.unary(host, ask("Echo"), 0.5)
        assert isinstance(said, NoReply)
        assert (said.unsent, said.why) == (True, f"no connection to 127.0.0.1:{server.port} within 0.5 s")
        stream = await net.stream(host, StreamAsk(PLAIN + "Talk", b"a"), Ears(), 0.5)
        assert isinstance(stream, NoReply)
        assert stream.unsent

    run(main)


def test_a_stream_talks_both_ways_and_ends_once() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        ears = Ears()
        mouth = await net.stream(server.host, StreamAsk(PLAIN + "Talk", b"1", talks=True), ears, PATIENCE_S)
        assert not isinstance(mouth, NoReply)
        assert await ears.next() == b"heard 1"
        assert mouth.say(b"2")
        assert await ears.next() == b"heard 2"
        mouth.close()
        assert isinstance(await ears.next(), NoReply)
        assert not mouth.say(b"3")
        mouth.close()
        await asyncio.sleep(0)
        assert len(ears.ends) == 1

    run(main)


def test_a_stream_with_one_question_says_that_it_is_all() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        ears = Ears()
        mouth = await net.stream(server.host, StreamAsk(PLAIN + "End", b"only"), ears, PATIENCE_S)
        assert not isinstance(mouth, NoReply)
        assert not mouth.say(b"more")
        assert await ears.next() == b"all heard"
        ended = await ears.next()
        assert isinstance(ended, CallSaid)
        assert ended.status == "OK"
        assert server.heard == [b"only"]

    run(main)


def test_the_venues_last_word_on_a_stream_is_told() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        ears = Ears()
        await net.stream(server.host, StreamAsk(PLAIN + "Old", b"a", talks=True), ears, PATIENCE_S)
        assert await ears.next() == b"first"
        ended = await ears.next()
        assert isinstance(ended, CallSaid)
        assert (ended.status, ended.words) == ("RESOURCE_EXHAUSTED", "80005")

    run(main)


def test_a_stream_whose_server_dies_ends() -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        ears = Ears()
        await net.stream(server.host, StreamAsk(PLAIN + "Talk", b"1", talks=True), ears, PATIENCE_S)
        assert await ears.next() == b"heard 1"
        await server.server.stop(0)
        assert isinstance(await ears.next(), NoReply)

    run(main)


def test_tls_by_ones_own_roots_and_never_without() -> None:
    async def trusted(server: Server, net: GrpcNet) -> None:
        said = await net.unary(server.host, ask("Echo"), PATIENCE_S)
        assert isinstance(said, CallSaid), said

    async def doubted(server: Server, net: GrpcNet) -> None:
        said = await net.unary(server.host, ask("Echo"), 2)
        assert isinstance(said, NoReply)
        assert said.unsent
        assert server.asked == []

    run(trusted, TlsServer, str(TLS / "localhost.pem"))
    run(doubted, TlsServer)


def test_roots_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        said = await net.unary("https://localhost:1", ask("Echo"), 1)
        assert isinstance(said, NoReply)
        assert said.unsent
        assert "cannot be read: No such file" in said.why

    run(main, roots=str(tmp_path / "none.pem"))


@pytest.mark.parametrize("times", [1, 2])
def test_closing_twice_is_closing(times: int) -> None:
    async def main(server: Server, net: GrpcNet) -> None:
        ears = Ears()
        await net.stream(server.host, StreamAsk(PLAIN + "Talk", b"1", talks=True), ears, PATIENCE_S)
        await ears.next()
        for _ in range(times):
            await net.close()
        assert isinstance(ears.ends[0], NoReply)

    run(main)
