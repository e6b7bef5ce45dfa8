"""The lean venue behind real sockets on loopback, which takes the time: book out, order in.

`python -P -m bench.lean_server [markets]` prints its ports and then does as it is told on standard input,
one JSON line each. A round is some quiet messages, a message that calls for an order, the order's arrival;
then one that calls for its cancel. Both moments are this process's own: right before the frame is sent, and
right when the bytes of the order are in hand, before anything is read of them. A flood is a steady stream
of all markets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from bench.flow import SYMBOL, bybit, symbols_of
from bench.kit import fast_loop
from bench.lean import Lean

HOST = "127.0.0.1"
# After an order, so that whoever writes something down has done it.
REST_S = 0.004
# Safety nets, never measurements: a busy machine takes its time, and who has ended is noticed at once by
# whoever started both of us.
WAIT_S = 300.0
# Until a client is there, which may have to import half a gigabyte first.
START_S = 600.0
NUDGE_S = 0.05

now = time.perf_counter_ns


class Rounds(Struct):
    """What to do: so many rounds, with so many quiet messages before each order, so far apart."""

    count: int
    quiet: int = 10
    gap_us: int = 200
    levels: int = 5


class Flood(Struct):
    """So many messages a second of each market, for so long."""

    seconds: float
    per_s: int = 20
    levels: int = 5


class LeanServer:
    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.lean = Lean(lambda: time.time_ns() // 1_000_000, symbols)
        self.lines: dict[str, Listener] = {}
        self.books = 0  # that somebody has subscribed to
        self.watched = asyncio.Event()
        self._arrived: asyncio.Future[int] | None = None

    # ── what comes in ───────────────────────────────────────────────────────────────────────────

    def ordered(self, at_ns: int) -> None:
        """An order, or a cancel, is here."""
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(at_ns)

    def say(self, line: str, frame: bytes) -> None:
        listener = self.lines.get(line)
        if listener is not None and listener.transport is not None:
            listener.transport.send(WSMsgType.TEXT, frame)

    # ── rounds ──────────────────────────────────────────────────────────────────────────────────

    async def rounds(self, asked: Rounds) -> list[int]:
        await asyncio.wait_for(self.watched.wait(), START_S)
        took = []
        for _ in range(asked.count):
            for _ in range(asked.quiet):
                self._tell(self.lean.flows[SYMBOL].ripple(asked.levels))
                await asyncio.sleep(asked.gap_us / 1e6)
            took.append(await self._call_for(asked.levels))
            await asyncio.sleep(REST_S)
            await self._call_for(asked.levels)
            await asyncio.sleep(REST_S)
        return took

    async def flood(self, asked: Flood) -> dict[str, list[int]]:
        """When each message of each market left, from the first on: a few every millisecond."""
        await asyncio.wait_for(self.watched.wait(), START_S)
        await asyncio.sleep(1)
        flows = list(self.lean.flows.values())
        left: dict[str, list[int]] = {flow.symbol: [flow.number] for flow in flows}
        began, sent, every_ns = now(), 0, 1_000_000_000 // (asked.per_s * len(flows))
        while (passed := now() - began) < asked.seconds * 1e9:
            while sent * every_ns < passed:
                flow = flows[sent % len(flows)]
                frame = bybit(flow.wander(asked.levels), flow.symbol)
                left[flow.symbol].append(now())
                self.say("public", frame)
                sent += 1
            await asyncio.sleep(0.001)
        return left

    async def _call_for(self, levels: int) -> int:
        frame = bybit(self.lean.flows[SYMBOL].breathe(levels), SYMBOL)
        self._arrived = asyncio.get_running_loop().create_future()
        began = now()
        self.say("public", frame)
        for _ in range(round(WAIT_S / NUDGE_S)):
            done, _ = await asyncio.wait([self._arrived], timeout=NUDGE_S)
            if done:
                return self._arrived.result() - began
            # Whoever was busy when the message came looks at the book when the next one does.
            self._tell(self.lean.flows[SYMBOL].ripple(levels))
        raise TimeoutError

    def _tell(self, message: Any) -> None:
        self.say("public", bybit(message, SYMBOL))


class Listener(WSListener):
    """One WebSocket of a client."""

    def __init__(self, server: LeanServer, line: str) -> None:
        self.server, self.line = server, line
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.server.lines[self.line] = self

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        at_ns = now()
        server, payload = self.server, frame.get_payload_as_bytes()
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        elif frame.msg_type != WSMsgType.TEXT:
            return
        elif self.line == "trade" and b'"order.' in payload:
            server.ordered(at_ns)
            ack, news = server.lean.taken(payload)
            transport.send(WSMsgType.TEXT, ack)
            server.say("private", news)
        elif self.line == "echo":
            server.ordered(at_ns)
        else:
            for answer in server.lean.heard(self.line, payload):
                transport.send(WSMsgType.TEXT, answer)
            server.books += payload.count(b'"orderbook.50.')
            if server.books >= len(server.lean.flows):
                server.watched.set()


class Http(asyncio.Protocol):
    """The least that HTTP can be: one request after another, each with a length."""

    def __init__(self, server: LeanServer) -> None:
        self.server = server
        self.bytes = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or transport is not None
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        at_ns = now()
        self.bytes += data
        while (end := self.bytes.find(b"\r\n\r\n")) >= 0:
            head, size = self.bytes[:end], 0
            for line in head.split(b"\r\n")[1:]:
                if line.lower().startswith(b"content-length:"):
                    size = int(line.partition(b":")[2])
            if len(self.bytes) < end + 4 + size:
                return
            body, self.bytes = self.bytes[end + 4 : end + 4 + size], self.bytes[end + 4 + size :]
            self._answer(head.split(b" ", 2), body, at_ns)

    def _answer(self, words: list[bytes], body: bytes, at_ns: int) -> None:
        path, _, query = words[1].decode().partition("?")
        if path in ("/v5/order/create", "/v5/order/cancel"):
            self.server.ordered(at_ns)
            said = self.server.lean.taken_by_http(body)
        else:
            said = self.server.lean.http(path, query)
        assert self.transport is not None
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said)
        self.transport.write(head + said)


async def serve(lines: asyncio.StreamReader, tell: Callable[[Any], None], markets: int) -> None:
    """Rounds and floods as they are asked for, until the asking ends."""
    server = LeanServer(symbols_of(markets))

    def listener(request: WSUpgradeRequest) -> Listener:
        path = request.path.decode().partition("?")[0]
        return Listener(server, "public" if "/public/" in path else path.rpartition("/")[2])

    loop = asyncio.get_running_loop()
    sockets = await ws_create_server(listener, HOST, 0, websocket_handshake_timeout=WAIT_S)
    http = await loop.create_server(lambda: Http(server), HOST, 0)
    tell({"http": http.sockets[0].getsockname()[1], "ws": sockets.sockets[0].getsockname()[1]})
    while line := await lines.readline():
        asked = json.loads(line)
        try:
            if "seconds" in asked:
                tell({"left": await server.flood(Flood(**asked))})
            else:
                tell({"took": await server.rounds(Rounds(**asked))})
        except TimeoutError:
            tell({"failed": "nothing came in time"})
    sockets.close()
    http.close()


async def main() -> None:
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    markets = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    await serve(lines, lambda said: print(json.dumps(said), flush=True), markets)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(main())
