"""The real net: HTTP by aiohttp, WebSocket by picows. `Net` is the `Wires` of a running desk.

Both libraries are kept from being helpful. No redirect, cookie, proxy of the environment or decompression; no
header that was not given (but a name for ourselves); a target goes out as it was signed. Above all no second
attempt: aiohttp sends GET, PUT and DELETE again when a kept-alive connection dies under them, and a cancel or
a listen key that is sent twice is our business, not a library's. A tracer sees every request leave, stops a
second one, and tells what has certainly not left.

Nothing here logs: a URL may hold a listen key.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from socket import gaierror
from types import SimpleNamespace
from typing import Any

import aiohttp
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)
from yarl import URL

from kedge.venues.wires import Ears, Headers, HttpAsk, HttpSaid, Mouth, NoReply

# The largest thing a venue has to say is its list of instruments.
BODY_MAX = 64 * 1024 * 1024
MESSAGE_MAX = 16 * 1024 * 1024
# Venues close idle connections after a minute or so; an order must not meet a dead one.
KEEP_ALIVE_S = 12.0
CONNECTIONS_MAX = 32
# A ping frame that is not answered within this ends the WebSocket.
PONG_S = 10.0
# How long the far end may take to hear our goodbye.
GOODBYE_S = 3.0

_HEADERS = {"User-Agent": "kedge", "Accept-Encoding": "identity"}
_UNASKED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

_log = logging.getLogger("kedge.net")
_log.setLevel(logging.WARNING)


class Net:
    """All connections of one account. Give `tls` only where the system's certificates will not do."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._sockets: dict[int, _Socket] = {}
        self._opened = 0

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid | NoReply:
        """One exchange, one attempt."""
        trace = _Trace()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(base, ask, trace)
        except TimeoutError:
            why = (
                f"no answer within {timeout_s:g} s" if trace.left else f"no connection within {timeout_s:g} s"
            )
            return NoReply(why, unsent=not trace.left)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NoReply(_why(error, base), unsent=not trace.left)

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> Mouth | NoReply:
        """Connect and upgrade; frames may be heard before this returns."""
        self._opened += 1
        number = self._opened
        socket = _Socket(ears, lambda: self._sockets.pop(number, None))
        try:
            async with asyncio.timeout(timeout_s):
                await ws_connect(
                    lambda: socket,
                    url,
                    ssl_context=self._context() if url.startswith("wss:") else None,
                    websocket_handshake_timeout=timeout_s,
                    logger_name=_log,
                    max_frame_size=MESSAGE_MAX,
                    extra_headers=(("User-Agent", "kedge"), *headers),
                    max_redirects=0,
                )
        except TimeoutError:
            socket.abandon()
            return NoReply(f"no connection within {timeout_s:g} s", unsent=True)
        except (WSError, OSError, ValueError) as error:
            socket.abandon()
            return NoReply(_why(error, url), unsent=True)
        except asyncio.CancelledError:
            socket.abandon()
            raise
        if not socket.over:
            self._sockets[number] = socket
        return socket

    async def close(self) -> None:
        for socket in list(self._sockets.values()):
            socket.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────

    async def _exchange(self, base: str, ask: HttpAsk, trace: _Trace) -> HttpSaid | NoReply:
        if self._session is None:
            self._session = self._open_session()
        async with self._session.request(
            ask.method,
            URL(base + ask.target, encoded=True),
            headers={**_HEADERS, **dict(ask.headers)},
            skip_auto_headers=_UNASKED,
            data=ask.body or None,
            allow_redirects=False,
            trace_request_ctx=trace,
        ) as reply:
            headers = {name.lower(): value for name, value in reply.headers.items()}
            if headers.get("content-encoding", "identity") != "identity":
                return NoReply(
                    f"the reply is packed as {headers['content-encoding']}, which was not asked for"
                )
            body = await _read(reply.content)
            if body is None:
                reply.close()
                return NoReply(f"the reply is longer than {BODY_MAX} bytes")
            return HttpSaid(reply.status, headers, body)

    def _open_session(self) -> aiohttp.ClientSession:
        config = aiohttp.TraceConfig()
        config.on_request_headers_sent.append(_note_leaving)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._context(), limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
            trace_configs=[config],
        )

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class _Trace:
    """What became of one request."""

    def __init__(self) -> None:
        self.left = False


class _Again(aiohttp.ClientError):
    pass


async def _note_leaving(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    """Called right before the first byte; what leaves a second time is stopped."""
    trace: _Trace = context.trace_request_ctx
    if trace.left:
        raise _Again
    trace.left = True


async def _read(content: aiohttp.StreamReader) -> bytes | None:
    """The whole body; None: it is too long."""
    parts: list[bytes] = []
    size = 0
    while chunk := await content.readany():
        size += len(chunk)
        if size > BODY_MAX:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _why(error: Exception, url: str) -> str:
    """One sentence; of the address only host and port, for the rest may hold a key."""
    if isinstance(error, WSHandshakeError):
        return _refusal(error)
    if isinstance(error, (aiohttp.InvalidURL, ValueError)) and not isinstance(error, OSError):
        return f"the address cannot be used ({type(error).__name__})"
    if isinstance(error, aiohttp.ServerDisconnectedError | _Again):
        return "the connection was closed before the answer"
    if isinstance(error, ssl.SSLError | aiohttp.ClientSSLError):
        return f"no secure connection: {error}"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return _no_way(cause, URL(url))


def _no_way(error: Exception, url: URL) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {url.host}:{url.port}"
    if isinstance(error, gaierror):
        return f"the name {url.host} cannot be looked up: is this machine online?"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was cut"
    why = error.strerror if isinstance(error, OSError) else str(error)
    return f"no way to {url.host}:{url.port}: {why or type(error).__name__}"


def _refusal(error: WSHandshakeError) -> str:
    """What a server says that does not want a WebSocket here."""
    response = error.response
    if response is None:
        return "the server does not speak WebSocket"
    text = bytes(error.raw_body or b"")[:200].decode(errors="replace").strip()
    return f"no WebSocket: HTTP {int(response.status)}" + (f": {text}" if text else "")


# ── WebSocket ───────────────────────────────────────────────────────────────────────────────────


class _Socket(WSListener):
    """One WebSocket: picows' listener on one side, `Mouth` on the other."""

    def __init__(self, ears: Ears, forget: Callable[[], object]) -> None:
        self.over = False
        self._ears = ears
        # Ears that gather want to know when a read is through.
        self._paused = getattr(ears, "paused", None)
        self._forget = forget
        self._transport: WSTransport | None = None
        self._abandoned = False
        self._full = False
        self._parts: list[bytes] = []
        self._size = 0
        self._pong_timer: asyncio.TimerHandle | None = None

    # ── speaking ────────────────────────────────────────────────────────────────────────────────

    def say(self, frame: bytes) -> bool:
        transport = self._transport
        if self.over or self._full or transport is None or transport.is_disconnected:
            return False
        transport.send(WSMsgType.TEXT, frame)
        return True

    def ping(self) -> None:
        """Also a question: without a pong, or any other sign, the socket has ended."""
        if self.over or self._transport is None or self._transport.is_disconnected:
            return
        self._transport.send_ping()
        if self._pong_timer is None:
            loop = asyncio.get_running_loop()
            self._pong_timer = loop.call_later(PONG_S, self._give_up)

    def close(self) -> None:
        transport = self._transport
        if transport is not None and not self.over and not transport.is_disconnected:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            asyncio.get_running_loop().call_later(GOODBYE_S, transport.disconnect, False)
        self._end("closed by this side")

    def abandon(self) -> None:
        """Whoever opened it waits no longer: it must not come to life."""
        self._abandoned = self.over = True
        if self._transport is not None:
            self._transport.disconnect(False)

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        if self._abandoned:
            transport.disconnect(False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.over:
            return
        kind = frame.msg_type
        if self._pong_timer is not None:
            self._pong_timer.cancel()
            self._pong_timer = None
        if kind == WSMsgType.TEXT and frame.fin and not self._parts:
            # picows' buffer is gone after this call, so the bytes are copied.
            self._ears.heard(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self._goodbye(transport, frame)
        elif kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._gather(transport, frame)
        elif kind == WSMsgType.BINARY:
            self._cut("the venue sent a binary message, which is none of its protocol")
        if frame.last_in_buffer and self._paused is not None and not self.over:
            self._paused()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._end("the connection was lost")

    def pause_writing(self) -> None:
        # The far end does not read; what cannot leave is told so rather than heaped up.
        self._full = True

    def resume_writing(self) -> None:
        self._full = False

    def _gather(self, transport: WSTransport, frame: WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        self._size += len(self._parts[-1])
        if self._size > MESSAGE_MAX:
            self._cut(f"the venue sent a message of more than {MESSAGE_MAX} bytes")
        elif frame.fin:
            whole, self._parts, self._size = b"".join(self._parts), [], 0
            self._ears.heard(whole)

    def _goodbye(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        said = f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}".strip()
        transport.send_close(WSCloseCode.OK)
        transport.disconnect()
        self._end(f"closed by the venue ({said})" if len(payload) >= 2 else "closed by the venue")

    def _give_up(self) -> None:
        self._cut(f"no pong within {PONG_S:g} s")

    def _cut(self, why: str) -> None:
        if self._transport is not None:
            self._transport.disconnect(False)
        self._end(why)

    def _end(self, why: str) -> None:
        if self.over:
            return
        self.over = True
        if self._pong_timer is not None:
            self._pong_timer.cancel()
        self._forget()
        self._ears.ended(why)
