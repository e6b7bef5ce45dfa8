"""The same task as the quoter's, done with ccxt's pro streams; run in a process of its own.

    python -P bench/peer_ccxt.py ws|rest <http port> <websocket port>

`ws` places by `create_order_ws`, `rest` by `create_order`. Its rate limiter is off, its markets are one,
and it is spared the questions about the kind of account: only what happens per message is compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import ccxt.pro  # type: ignore[import-untyped]

HOST = "127.0.0.1"
SYMBOL = "BTC/USDT:USDT"
TICK = 0.1


def exchange(http_port: int, ws_port: int) -> Any:
    ex = ccxt.pro.bybit(
        {
            "apiKey": "bench",
            "secret": "bench-secret",
            "enableRateLimit": False,
            "options": {
                "fetchMarkets": {"types": ["linear"]},
                "enableUnifiedAccount": True,
                "enableUnifiedMargin": False,
                "fetchCurrencies": False,
            },
        }
    )
    http, ws = f"http://{HOST}:{http_port}", f"ws://{HOST}:{ws_port}/v5"
    ex.has["fetchCurrencies"] = False
    ex.urls["api"] = {
        "spot": http,
        "futures": http,
        "v2": http,
        "public": http,
        "private": http,
        "ws": {
            "public": {kind: f"{ws}/public/{kind}" for kind in ("spot", "linear", "inverse", "option")},
            "private": {
                "spot": {"unified": f"{ws}/private", "nonUnified": f"{ws}/private"},
                "contract": f"{ws}/private",
                "usdc": f"{ws}/private",
                "trade": f"{ws}/trade",
            },
        },
    }
    return ex


async def quote(ex: Any, by: str) -> None:
    place = ex.create_order_ws if by == "ws" else ex.create_order
    cancel = ex.cancel_order_ws if by == "ws" else ex.cancel_order
    standing = ""
    while True:
        book = await ex.watch_order_book(SYMBOL)
        bid, ask = book["bids"][0][0], book["asks"][0][0]
        wide = ask - bid > 1.5 * TICK
        if wide and not standing:
            order = await place(SYMBOL, "limit", "buy", 0.01, bid, {"postOnly": True})
            standing = order["id"]
        elif standing and not wide:
            await cancel(standing, SYMBOL)
            standing = ""


async def main(by: str, http_port: int, ws_port: int) -> None:
    ex = exchange(http_port, ws_port)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await ex.load_markets()
    quoting = loop.create_task(quote(ex, by))
    ending = loop.create_task(lines.read())
    await asyncio.wait([quoting, ending], return_when=asyncio.FIRST_COMPLETED)
    if quoting.done():
        quoting.result()
    quoting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await quoting
    await ex.close()


if __name__ == "__main__":
    try:
        import uvloop

        uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    except ImportError:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
