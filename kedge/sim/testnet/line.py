"""One WebSocket of aiohttp as a `Line`: what the venue says is queued, written in order, and bounded.

Who does not read is cut when `BACKLOG_MAX` bytes wait for him: a venue does not keep yesterday's books for
anybody. `finish` runs until the socket has ended, and never raises for what the other side does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Literal

from aiohttp import WSMsgType, web
from msgspec import Struct

from kedge.sim.testnet.faulty import CUT, Session

BACKLOG_MAX = 8 << 20
FRAME_MAX = 4 << 20


class _Frame(Struct, frozen=True):
    kind: Literal["text", "ping", "close"]
    body: bytes
    code: int = 0


class SocketLine:
    """Frames may be said before the socket is open: they wait for it."""

    def __init__(self) -> None:
        self._queue: deque[_Frame] = deque()
        self._bytes = 0
        self._more = asyncio.Event()
        self._broken = False
        self._parting = False
        self._transport: asyncio.Transport | None = None

    # ── the venue's side ────────────────────────────────────────────────────────────────────────

    def say(self, text: bytes) -> None:
        self._push(_Frame("text", text))

    def ping(self, payload: bytes) -> None:
        self._push(_Frame("ping", payload))

    def close(self, code: int, why: str) -> None:
        if code == CUT:
            self.cut()
        else:
            self._push(_Frame("close", why.encode()[:120], code))

    def cut(self) -> None:
        """Break it: no close frame, nothing flushed."""
        self._broken = True
        self._queue.clear()
        self._more.set()
        if self._transport is not None:
            self._transport.abort()

    # ── the wire's side ─────────────────────────────────────────────────────────────────────────

    async def carry(self, socket: web.WebSocketResponse, request: web.BaseRequest, session: Session) -> None:
        """Speak and listen until the socket has ended. `prepare` was called."""
        self._transport = request.transport
        if self._broken:
            self.cut()
            return
        speaking = asyncio.get_running_loop().create_task(self._speak(socket), name="testnet-speaker")
        try:
            await self._listen(socket, session)
        finally:
            # One who says goodbye hears the other's first: aiohttp bounds it.
            if not self._parting:
                speaking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await speaking

    async def _listen(self, socket: web.WebSocketResponse, session: Session) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                session.pinged(message.data)
                if not session.deaf and not self._broken:
                    await self._pong(socket, message.data)
            elif message.type is WSMsgType.PONG:
                session.ponged(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                data = message.data
                session.heard(data if isinstance(data, bytes) else data.encode())

    async def _pong(self, socket: web.WebSocketResponse, payload: bytes) -> None:
        try:
            await socket.pong(payload)
        except (ConnectionError, RuntimeError):
            self.cut()  # It has closed meanwhile.

    async def _speak(self, socket: web.WebSocketResponse) -> None:
        try:
            while not self._broken:
                while self._queue:
                    frame = self._queue.popleft()
                    self._bytes -= len(frame.body)
                    if frame.kind == "close":
                        self._parting = True
                        await socket.close(code=frame.code, message=frame.body)
                        return
                    if frame.kind == "ping":
                        await socket.ping(frame.body)
                    else:
                        await socket.send_frame(frame.body, WSMsgType.TEXT)
                self._more.clear()
                await self._more.wait()
        except (ConnectionError, RuntimeError):
            self.cut()  # It has closed meanwhile.

    def _push(self, frame: _Frame) -> None:
        if self._broken:
            return
        self._bytes += len(frame.body)
        if self._bytes > BACKLOG_MAX:
            self.cut()
            return
        self._queue.append(frame)
        self._more.set()
