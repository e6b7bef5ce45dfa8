"""ccxt in this process, as far as its work on bytes can be had without a net.

It is ccxt as its documentation has it: `ccxt.pro`, orjson beside it, one market known, its rate limiter off.
"""

from __future__ import annotations

import re
from typing import Any

from bench.flow import SYMBOL

UNIFIED = "BTC/USDT:USDT"


def exchange(kind: str) -> Any:
    """`ccxt.pro.<kind>` that knows BTC against USDT: the perpetual, and for plain `binance` the spot pair."""
    import ccxt.pro  # type: ignore[import-untyped]

    config = {
        "apiKey": "bench",
        "secret": "bench-secret",
        "enableRateLimit": False,
        "options": {"enableUnifiedAccount": True, "enableUnifiedMargin": False},
    }
    made: Any = getattr(ccxt.pro, kind)(config)
    made.urls["api"] = _nowhere(made.urls["api"])
    made.set_markets([_market(made, spot=kind == "binance")])
    return made


def _nowhere(urls: Any) -> Any:
    """No address of a real venue: nobody here may so much as look one up."""
    if isinstance(urls, dict):
        return {name: _nowhere(url) for name, url in urls.items()}
    return re.sub(r"//[^/]+", "//127.0.0.1:9", urls) if isinstance(urls, str) else urls


def _market(made: Any, spot: bool) -> Any:
    return made.safe_market_structure(
        {
            "id": SYMBOL,
            "lowercaseId": SYMBOL.lower(),
            "symbol": "BTC/USDT" if spot else UNIFIED,
            "base": "BTC",
            "quote": "USDT",
            "settle": None if spot else "USDT",
            "baseId": "BTC",
            "quoteId": "USDT",
            "settleId": None if spot else "USDT",
            "type": "spot" if spot else "swap",
            "spot": spot,
            "swap": not spot,
            "contract": not spot,
            "linear": None if spot else True,
            "inverse": None if spot else False,
            "contractSize": None if spot else 1.0,
            "active": True,
            "precision": {"price": 0.1, "amount": 0.001},
            "limits": {"amount": {"min": 0.001, "max": 1000.0}, "price": {}, "cost": {"min": 5.0}},
            "info": {"orderTypes": ["LIMIT", "MARKET"], "orderType": ["LIMIT", "MARKET"]},
        }
    )


class Wire:
    """The far end of one of its clients: what it is sent is heard by it, what it says is kept."""

    def __init__(self, made: Any, url: str) -> None:
        from aiohttp import WSMessage, WSMsgType
        from ccxt.async_support.base.ws.client import Client  # type: ignore[import-untyped]

        self.client = Client(url, made.handle_message, _ignore, _ignore, _ignore)
        made.client = lambda address: self.client  # whatever it wants to connect to
        self._message, self._text = WSMessage, WSMsgType.TEXT

    def stay_connected(self) -> None:
        """For `watch_…`, which connects before it waits."""
        self.client.connection = Sink()
        self.client.isConnected = True
        if not self.client.connected.done():
            self.client.connected.resolve(self.client.url)

    def hear(self, frame: bytes) -> None:
        """From the bytes of a frame on; making text of them is aiohttp's work."""
        self.client.handle_message(self._message(self._text, frame.decode(), None))


class Sink:
    """A connection that takes everything."""

    closed = False
    _conn = None

    async def send_str(self, text: str) -> None:
        pass


def _ignore(*args: Any) -> None:
    pass
