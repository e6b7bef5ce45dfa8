"""The private streams, reduced to bells: something happened in this market, look at it.

What they say is not used. ccxt's streams name trades and orders differently from its REST calls on some
exchanges, and a fill that is booked under two names is booked twice. A stream that breaks rings once, since
nobody knows what was missed, and is hung again.
"""

from __future__ import annotations

import asyncio
from typing import Final

from kedge.venues.ccxt.chores import Chores
from kedge.venues.ccxt.errors import Failure
from kedge.venues.ccxt.rules import SECOND_NS, Options
from kedge.venues.ccxt.talk import Talk
from kedge.venues.stream import Backoff
from kedge.venues.venue import Clock

# A bell that is silent for so long is hung anew: the stream may have died in silence.
SILENT_S: Final = 300.0
# One stream for so many markets, the ones hung first; the rest are looked at by time alone.
BELLS_MOST: Final = 50


class Bells:
    def __init__(self, account: str, clock: Clock, options: Options) -> None:
        self.trouble = ""
        self._clock = clock
        self._options = options
        self._talk: Talk | None = None
        self._chores = Chores(f"{account} bells")
        self._rung: dict[str, None] = {}
        self._hears: dict[str, None] = {}
        self._rings = asyncio.Event()

    def begin(self, talk: Talk) -> None:
        self._talk = talk

    def end(self) -> None:
        self._talk = None
        self.trouble = ""
        self._hears.clear()
        self._chores.stop_all()

    async def close(self) -> None:
        self.end()
        await self._chores.close()

    def hang(self, symbol: str) -> None:
        """Have this market ring, where the exchange has a stream for it."""
        talk = self._talk
        if talk is None or symbol not in talk.exchange.markets:
            return
        if not talk.has("watchOrders", "watchMyTrades") or len(self._chores.names) >= BELLS_MOST:
            return
        self._chores.start(symbol, lambda: self._listen(talk, symbol))

    def ring(self, symbol: str) -> None:
        self._rung[symbol] = None
        self._rings.set()

    def rang(self, symbol: str) -> bool:
        return symbol in self._rung

    def answered(self, symbol: str) -> None:
        self._rung.pop(symbol, None)

    def hears(self, symbol: str) -> bool:
        """A stream listens for this market."""
        return symbol in self._hears

    async def wait(self, within_s: float) -> None:
        """Until something rings, at most so long; and not more often than looks may follow each other."""
        self._rings.clear()
        if self._rung:
            within_s = min(within_s, self._options.apart_s)
        try:
            async with asyncio.timeout(within_s):
                await self._rings.wait()
        except TimeoutError:
            return

    async def _listen(self, talk: Talk, symbol: str) -> None:
        exchange = talk.exchange
        watch = exchange.watch_orders if talk.has("watchOrders") else exchange.watch_my_trades
        backoff = Backoff(self._options.backoff_first_s, self._options.backoff_max_s)
        while True:
            # It takes a moment until a stream is on; it counts as one only while it does not fail.
            began_ns = self._clock()
            self._hears[symbol] = None
            said = await talk.listen(lambda: watch(symbol), SILENT_S)
            self.ring(symbol)
            if not isinstance(said, Failure):
                self.trouble = ""
                continue
            self._hears.pop(symbol, None)
            self.trouble = f"no private stream ({said.why}): the account is asked instead, which is slower"
            if said.kind in ("unsupported", "auth"):
                return
            if self._clock() - began_ns > 2 * self._options.backoff_max_s * SECOND_NS:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())
