"""Those who answer the lean venue's book with an order, each in a process of its own, until told to end.

python -P -m bench.lean_clients <who> <http port> <websocket port> <folder>

echo picows and the fast loop, and nothing else: any frame is answered with the bytes of an order waits
Kedge, whose order waits for the journal, as everything does that takes liquidity early Kedge, whose
post-only quote is journalled with the send
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.flow import SYMBOL, number_at, symbols_of
from bench.kit import SWITCH_S, fast_loop
from bench.quoter import desk
from kedge.model.events import BookUpdate, Event
from kedge.model.instrument import symbol_of
from kedge.venues.net import Net
from kedge.venues.wires import Ears, Headers, Mouth, NoReply

HOST = "127.0.0.1"
ORDER = (
    b'{"reqId":"18a9c1f0e2b3c4d5-1f","header":{"X-BAPI-TIMESTAMP":"1790000000000","X-BAPI-RECV-WINDOW":"5000"},'
    b'"op":"order.echo","args":[{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit",'
    b'"qty":"0.01","timeInForce":"PostOnly","orderLinkId":"0000004d0000010000000100000000ab","price":"60000",'
    b'"positionIdx":0}]}'
)


class TwoPorts(Net):
    """HTTP on one port and WebSockets on another, where an adapter knows one address."""

    def __init__(self, ws_port: int) -> None:
        super().__init__()
        self._ws_port = ws_port

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> Mouth | NoReply:
        path = url.split("/", 3)[3]
        return await super().socket(f"ws://{HOST}:{self._ws_port}/{path}", ears, timeout_s, headers)


async def kedge(http_port: int, ws_port: int, home: Path, early: bool) -> None:
    async with desk(home, TwoPorts(ws_port), f"http://{HOST}:{http_port}") as d:
        await d.add(SYMBOL, early)
        await told_to_end()


async def many(http_port: int, ws_port: int, home: Path, markets: int) -> None:
    """`many.json`: of each market the number of each message decided on, and when; the processor's time."""
    seen: dict[str, list[tuple[int, int]]] = {symbol: [] for symbol in symbols_of(markets)}

    def note(now_ns: int, event: Event) -> None:
        if type(event) is BookUpdate:
            seen[symbol_of(event.market)].append((number_at(event.venue_ns), time.perf_counter_ns()))

    wires, url = TwoPorts(ws_port), f"http://{HOST}:{http_port}"
    async with desk(home, wires, url, note) as d:
        for symbol in seen:
            await d.add(symbol, early=False)
        began = time.process_time(), time.perf_counter()
        await told_to_end()
        used, passed = time.process_time() - began[0], time.perf_counter() - began[1]
        (home.parent / "many.json").write_text(json.dumps({"seen": seen, "cpu": used, "seconds": passed}))


class _Echo(WSListener):
    def __init__(self, back: WSTransport) -> None:
        self._back = back

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        frame.get_payload_as_bytes()
        self._back.send(WSMsgType.TEXT, ORDER)


async def echo(ws_port: int) -> None:
    address = f"ws://{HOST}:{ws_port}/v5"
    back, _ = await ws_connect(WSListener, f"{address}/echo")
    public, _ = await ws_connect(lambda: _Echo(back), f"{address}/public/linear")
    topic = f"orderbook.50.{SYMBOL}".encode()
    public.send(WSMsgType.TEXT, b'{"op":"subscribe","req_id":"1","args":["%b"]}' % topic)
    await told_to_end()
    public.disconnect()
    back.disconnect()


async def told_to_end() -> None:
    """Until standard input ends: whoever started us is gone, or has closed it."""

    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await lines.read()


def main(who: str, http_port: int, ws_port: int, home: Path) -> None:
    sys.setswitchinterval(SWITCH_S)
    if who == "echo":
        work = echo(ws_port)
    elif who.startswith("many"):
        work = many(http_port, ws_port, home, int(who.removeprefix("many")))
    else:
        work = kedge(http_port, ws_port, home, who == "early")
    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(work)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
