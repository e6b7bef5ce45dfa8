"""gRPC over TLS: the only file of this venue that knows it. Messages are handed on as the bytes they are.

A method of the venue is whatever path is called: which methods there are, and what they want, the venue says.
The certificate is the one that was given, or one made at the start for this machine's own names; its path is
in the ready line, for clients pin it: GRPC_DEFAULT_SSL_ROOTS_FILE_PATH, or `root_certificates`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from kedge.sim.testnet.doors import LINE_MAX as CONTROL_LINE_MAX
from kedge.sim.testnet.doors import serve_control
from kedge.sim.testnet.faulty import CUT
from kedge.sim.testnet.options import LOOPBACK, Options, Ready
from kedge.sim.testnet.registry import maker
from kedge.sim.testnet.server import TestnetServer
from kedge.sim.testnet.store import StoreError
from kedge.sim.testnet.tasks import STOP_S, Tasks, port_of, run
from kedge.sim.testnet.web import Reply, Request, Visitor
from kedge.sim.tinvest import codes
from kedge.sim.tinvest.certificate import Certificate, certificate
from kedge.sim.tinvest.methods import STREAMS, short_name

MESSAGE_MAX = 16 << 20
BACKLOG_MAX = 16 << 20
OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MESSAGE_MAX),
    ("grpc.max_send_message_length", MESSAGE_MAX),
    # Clients that ping often are no attackers here.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
)
# What an HTTP status is to gRPC, for faults that name one.
HTTP_STATUSES = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
STATUSES: dict[int, grpc.StatusCode] = {int(one.value[0]): one for one in grpc.StatusCode}
Context = Any  # grpc.aio.ServicerContext, whose stubs know one request type at a time


class TlsReady(Ready, frozen=True, tag_field="t", tag="ready"):
    """Where the doors are, and the certificate that clients are to trust."""

    cert: str = ""


class GrpcServer(TestnetServer):
    """The venue joined to grpc's loop. Clock, control door and endings are those of all testnets."""

    async def unary(self, path: str, body: bytes, context: Context) -> bytes:
        """One call; its answer, or an end by `abort`."""
        request = _request(path, body, context)
        waiting: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()

        def told(reply: Reply | None) -> None:
            if not waiting.done():
                waiting.set_result(reply)

        try:
            self.guarded(lambda: self.faulty.ask(request, told))
        except StoreError:
            told(None)  # `run` tells why.
        if self.ended:
            told(None)
        # An answer that never comes is waited for until the client's deadline ends this call.
        reply = await waiting
        if reply is None:
            return await _reset(context)
        return await _answered(reply, context)

    async def stream(self, path: str, messages: AsyncIterator[bytes], context: Context) -> None:
        """One stream from beginning to end."""
        line = StreamLine()
        found: list[Visitor | Reply] = []
        self.guarded(lambda: found.append(self.faulty.socket(_request(path, b"", context), line)))
        if not found:
            await _reset(context)
        session = found[0]
        if isinstance(session, Reply):
            await _answered(session, context)
            return
        loop = asyncio.get_running_loop()
        hearing = loop.create_task(self._hear(messages, session), name="tinvest-listener")
        try:
            await context.send_initial_metadata(())
            await line.carry(context)
        finally:
            hearing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hearing
            self.guarded(session.gone)

    async def _hear(self, messages: AsyncIterator[bytes], session: Visitor) -> None:
        async for message in messages:
            self.guarded(lambda heard=message: session.heard(heard))  # type: ignore[misc]

    @property
    def ended(self) -> bool:
        """Whether the venue says nothing any more."""
        return self._over


class StreamLine:
    """The venue's side of one stream: what is said is queued, written in order, and bounded."""

    def __init__(self) -> None:
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._more = asyncio.Event()
        self._end: tuple[int, str] | None = None

    def say(self, text: bytes) -> None:
        if self._end is not None:
            return
        self._bytes += len(text)
        self._queue.append(text)
        if self._bytes > BACKLOG_MAX:
            self.close(CUT, "")
        self._more.set()

    def ping(self, payload: bytes) -> None:
        raise AssertionError("this venue pings by messages")

    def close(self, code: int, why: str) -> None:
        if code == CUT:
            self._queue.clear()
        if self._end is None:
            self._end = (code, why)
        self._more.set()

    async def carry(self, context: Context) -> None:
        """Write until the stream has been closed; the client's leaving cancels this."""
        while True:
            while self._queue:
                text = self._queue.popleft()
                self._bytes -= len(text)
                await context.write(text)
            if self._end is not None:
                await self._abort(*self._end, context)
            self._more.clear()
            await self._more.wait()

    async def _abort(self, code: int, why: str, context: Context) -> None:
        if code in codes.SENTENCES:
            trailers = (("message", _ascii(why or codes.SENTENCES[code])),)
            await context.abort(STATUSES[codes.no(code).status], str(code), trailers)
        await _reset(context)


class _Methods(grpc.GenericRpcHandler):
    """Every path there is."""

    def __init__(self, server: GrpcServer) -> None:
        self._server = server

    def service(self, details: Any) -> Any:
        path, server = details.method, self._server
        talks = STREAMS.get(short_name(path))
        if talks is None:

            async def unary(body: bytes, context: Context) -> bytes:
                return await server.unary(path, body, context)

            return grpc.unary_unary_rpc_method_handler(unary)
        if talks:

            async def talk(messages: AsyncIterator[bytes], context: Context) -> None:
                await server.stream(path, messages, context)

            return grpc.stream_stream_rpc_method_handler(talk)

        async def tell(body: bytes, context: Context) -> None:
            await server.stream(path, _once(body), context)

        return grpc.unary_stream_rpc_method_handler(tell)


async def serve(
    options: Options,
    ready: Callable[[Ready], None],
    *,
    real_ns: Callable[[], int] = time.time_ns,  # storm-ok: the venue is another machine with its own clock
) -> None:
    """Run the testnet until cancelled. Raises `StoreError`, `OSError` or `ValueError` when it cannot."""
    venue = GrpcServer(options, maker("tinvest"), real_ns)
    tasks, server, control = Tasks(), grpc.aio.server(options=OPTIONS), None
    try:
        papers = certificate(options, venue.hosted.house.keeper.birth)
        server.add_generic_rpc_handlers((_Methods(venue),))
        port = _bind(server, options, papers)
        await server.start()
        control_port = None
        if options.control_port is not None:
            control = await asyncio.start_server(
                tasks.kept(lambda reader, writer: serve_control(venue.control, reader, writer), "control"),
                LOOPBACK,
                options.control_port,
                limit=CONTROL_LINE_MAX,
            )
            control_port = port_of(control)
        birth = venue.hosted.house.keeper.birth
        ready(TlsReady("tinvest", options.host, port, control_port, birth, papers.path))
        await venue.run()
    finally:
        if control is not None:
            control.close()
        venue.close()
        await server.stop(STOP_S)
        await tasks.end()


def main(options: Options) -> int:
    """Run the testnet in this process; the exit code."""
    return run("tinvest", lambda ready: serve(options, ready))


# ── from grpc and back ──────────────────────────────────────────────────────────────────────────


def _bind(server: Any, options: Options, papers: Certificate) -> int:
    credentials = grpc.ssl_server_credentials([(papers.key, papers.chain)])
    address = f"{options.host}:{options.port}"
    try:
        port: int = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise OSError(f"cannot listen at {address}: {error}") from None
    return port


def _request(path: str, body: bytes, context: Context) -> Request:
    headers = {name: value for name, value in context.invocation_metadata() if isinstance(value, str)}
    return Request("POST", path, "", headers, body, _peer(context.peer()))


def _peer(peer: str) -> str:
    """ "ipv4:127.0.0.1:40000" is 127.0.0.1."""
    return peer.partition(":")[2].rpartition(":")[0].replace("%5B", "").replace("%5D", "") or LOOPBACK


async def _answered(reply: Reply, context: Context) -> bytes:
    """The venue's answer in grpc's words. Headers go before it and after it, where clients look for them."""
    headers = tuple(
        (name.lower(), _ascii(value)) for name, value in reply.headers.items() if not name.startswith("grpc-")
    )
    await context.send_initial_metadata(tuple(one for one in headers if one[0] != "message"))
    status = int(reply.headers.get("grpc-status", "0"))
    if reply.status != 200 and not status:
        status = HTTP_STATUSES.get(reply.status, codes.UNKNOWN)
    if status:
        text = reply.headers.get("grpc-message", "") or reply.body.decode(errors="replace")
        await context.abort(STATUSES[status], text, headers)
    context.set_trailing_metadata(headers)
    return reply.body


async def _reset(context: Context) -> bytes:
    """What a client sees of a connection that breaks."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, "Connection reset by peer")
    return b""  # `abort` raises.


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _ascii(text: str) -> str:
    """Metadata is printable ASCII."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
