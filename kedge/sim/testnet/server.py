"""A testnet as a process: one port for HTTP and WebSockets, one for the control door, the clock, the seed.

`serve` runs it until it is cancelled; `main` is what the command line calls, and prints one JSON line when
the doors are open. Everything that decides is in the venue and in `faulty`; this file knows sockets. What
is signed must arrive as it was sent, so paths, queries and bodies are handed on raw.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable

from aiohttp import web

from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.control import Control
from kedge.sim.testnet.doors import LINE_MAX as CONTROL_LINE_MAX
from kedge.sim.testnet.doors import serve_control
from kedge.sim.testnet.faulty import Faulty, Session
from kedge.sim.testnet.hand import Hand
from kedge.sim.testnet.house import Hosted, Maker, Setup
from kedge.sim.testnet.line import FRAME_MAX, SocketLine
from kedge.sim.testnet.options import LOOPBACK, Options, Ready
from kedge.sim.testnet.registry import maker
from kedge.sim.testnet.store import StoreError
from kedge.sim.testnet.tasks import STOP_S, Tasks, dice, later, port_of, run
from kedge.sim.testnet.web import Reply, Request

# An answer on its way; None: the connection is reset instead.
Waiting = asyncio.Future[Reply | None]


class TestnetServer:
    """One testnet joined to a loop. Raises from `run` whatever ended it: a full disk, a fault of our own."""

    __test__ = False

    def __init__(self, options: Options, make: Maker, real_ns: Callable[[], int]) -> None:
        self.options = options
        self.clock = VenueClock(real_ns)
        setup = Setup(options, self.clock, lambda label: dice(f"{options.seed}:{label}"))
        self.hosted: Hosted = make(setup)
        self.hosted.house.arm_file()
        self.faulty = Faulty(self.hosted, self.hosted.house.faults, later, self.hosted.house.account_of)
        self.control = Control(Hand(self.hosted, self.faulty), later)
        self._failed: BaseException | None = None
        self._closed = False
        self._waiting: dict[Waiting, web.BaseRequest] = {}
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Let time pass, tick by tick, for ever."""
        while self._failed is None:
            self.guarded(self.faulty.tick)
            self._give_up(gone_only=True)
            try:
                async with asyncio.timeout(self.options.tick_ms / 1000):
                    await self._ended.wait()
            except TimeoutError:
                continue
        raise self._failed

    async def answer(self, asked: web.BaseRequest) -> web.StreamResponse:
        """One request, or one WebSocket from beginning to end."""
        request = await _request(asked)
        if self._over:
            return _reset(asked)
        try:
            if asked.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(asked, request)
            return await self._http(asked, request)
        except StoreError:
            return _reset(asked)  # `run` tells why.

    async def _http(self, asked: web.BaseRequest, request: Request) -> web.StreamResponse:
        waiting: Waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = asked

        def told(reply: Reply | None) -> None:
            if not waiting.done():
                waiting.set_result(reply)

        try:
            self.guarded(lambda: self.faulty.ask(request, told))
            reply = await waiting
        finally:
            del self._waiting[waiting]
        return _reset(asked) if reply is None else _response(reply)

    async def _socket(self, asked: web.BaseRequest, request: Request) -> web.StreamResponse:
        line = SocketLine()
        found: list[Session | Reply] = []
        self.guarded(lambda: found.append(self.faulty.socket(request, line)))
        session = found[0]
        if isinstance(session, Reply):
            return _response(session)
        socket = web.WebSocketResponse(
            autoping=False, compress=self.options.deflate, max_msg_size=FRAME_MAX, timeout=STOP_S
        )
        try:
            await socket.prepare(asked)
            await line.carry(socket, asked, _Guarded(self, session))  # type: ignore[arg-type]
        except OSError:
            if not socket.prepared:
                return _reset(asked)  # Gone before it was open.
        finally:
            self.guarded(session.gone)
        return socket

    def guarded(self, do: Callable[[], None]) -> None:
        """Do something of the venue's. What it may not survive ends the venue: it says nothing any more."""
        if self._over:
            return
        try:
            do()
        except BaseException as error:
            self._failed = error
            self._ended.set()
            raise

    def _give_up(self, *, gone_only: bool) -> None:
        """Answers that never came (a fault) are no longer waited for: where the client is gone, or by all."""
        for waiting, asked in self._waiting.items():
            gone = asked.transport is None or asked.transport.is_closing()
            if not waiting.done() and (gone or not gone_only):
                waiting.set_result(None)

    def close(self) -> None:
        """Say goodbye and fold the memory into one dump; after a failure leave it as it is on disk."""
        if self._failed is None:
            self.hosted.close()
            self.hosted.house.close()
        else:
            self.faulty.cut()
            self.hosted.house.keeper.abandon()
        self._closed = True
        self._give_up(gone_only=False)

    @property
    def _over(self) -> bool:
        return self._closed or self._failed is not None


async def serve(
    options: Options,
    make: Maker,
    ready: Callable[[Ready], None],
    *,
    real_ns: Callable[[], int] = time.time_ns,  # storm-ok: the venue is another machine with its own clock
) -> None:
    """Run a testnet until cancelled. Raises `StoreError`, `OSError` or `ValueError` when it cannot."""
    server = TestnetServer(options, make, real_ns)
    tasks = Tasks()
    runner = web.ServerRunner(
        web.Server(server.answer, access_log=None, auto_decompress=False), shutdown_timeout=STOP_S
    )
    control = None
    try:
        await runner.setup()
        site = web.TCPSite(runner, options.host, options.port, ssl_context=_tls(options))
        await site.start()
        control_port = None
        if options.control_port is not None:
            control = await asyncio.start_server(
                tasks.kept(lambda reader, writer: serve_control(server.control, reader, writer), "control"),
                LOOPBACK,
                options.control_port,
                limit=CONTROL_LINE_MAX,
            )
            control_port = port_of(control)
        house = server.hosted.house
        port = runner.addresses[0][1]
        ready(Ready(house.venue, options.host, port, control_port, house.keeper.birth))
        await server.run()
    finally:
        if control is not None:
            control.close()
        server.close()
        await runner.cleanup()
        await tasks.end()


def main(options: Options, venue: str) -> int:
    """Run the testnet of this venue in this process; the exit code."""
    return run(venue, lambda ready: serve(options, maker(venue), ready))


# ── from aiohttp and back ───────────────────────────────────────────────────────────────────────


async def _request(asked: web.BaseRequest) -> Request:
    path, _, query = asked.raw_path.partition("?")
    if "://" in path:
        # The absolute form, as for proxies: without scheme and host it is the same request.
        path = "/" + path.partition("://")[2].partition("/")[2]
    headers = {name.lower(): value for name, value in asked.headers.items()}
    body = await asked.read() if asked.body_exists else b""
    return Request(asked.method, path, query, headers, body, asked.remote or LOOPBACK)


def _response(reply: Reply) -> web.Response:
    headers = {**reply.headers, "Content-Type": reply.kind}
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _reset(asked: web.BaseRequest) -> web.Response:
    """The connection breaks: what is returned is written to nobody."""
    if asked.transport is not None:
        asked.transport.abort()
    return web.Response(status=500)


def _tls(options: Options) -> ssl.SSLContext | None:
    if not options.cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.cert, options.cert_key or None)
    return context


class _Guarded:
    """A session whose every word is guarded by the server."""

    def __init__(self, server: TestnetServer, session: Session) -> None:
        self._server = server
        self._session = session

    @property
    def deaf(self) -> bool:
        return self._session.deaf

    def heard(self, text: bytes) -> None:
        self._server.guarded(lambda: self._session.heard(text))

    def pinged(self, payload: bytes) -> None:
        self._server.guarded(lambda: self._session.pinged(payload))

    def ponged(self, payload: bytes) -> None:
        self._server.guarded(lambda: self._session.ponged(payload))
