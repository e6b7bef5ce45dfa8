"""The dead-man switch: the venue cancels a symbol's regular orders when we were silent for too long.

It is armed for every symbol with open orders of ours and renewed at a third of its time, so that two renewals
may fail. It is stopped where nothing is open any more, and left armed when the desk closes: that is the
point. Conditional orders are not covered by it: a stop outlives the desk, which is mostly what a stop is for.
"""

from __future__ import annotations

import asyncio

from kedge.venues.binance.usdm import asks
from kedge.venues.binance.usdm.asking import Failed
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.memory import Memory
from kedge.venues.binance.usdm.wire import NS_PER_MS

# Renewals weigh ten each; a shorter switch would eat the budget of requests.
SHORTEST_NS = 10_000_000_000


class DeadMan:
    """`after_ns` 0: there is none."""

    def __init__(self, after_ns: int, common: Common, memory: Memory) -> None:
        self.after_ms = max(after_ns, SHORTEST_NS) // NS_PER_MS if after_ns else 0
        self.failed = ""
        self._asking = common.asking
        self._chores = common.chores
        self._memory = memory
        # Armed symbols, and when by the loop's time.
        self._armed: dict[str, float] = {}

    def check(self) -> None:
        """Often: arm what has orders now, renew what is due, stop what has none."""
        if self.after_ms and (self._due() or self._idle()):
            self._chores.start("dead-man switch", self._renew)

    def _due(self) -> list[str]:
        now_s = asyncio.get_running_loop().time()
        third_s = self.after_ms / 3_000
        return [s for s in self._memory.open_symbols() if now_s - self._armed.get(s, -third_s) >= third_s]

    def _idle(self) -> list[str]:
        open_ones = self._memory.open_symbols()
        return [symbol for symbol in self._armed if symbol not in open_ones]

    async def _renew(self) -> None:
        for symbol in self._due():
            now_s = asyncio.get_running_loop().time()
            if await self._set(symbol, self.after_ms):
                self._armed[symbol] = now_s
            else:
                await asyncio.sleep(1)
                return  # `check` begins again
        for symbol in self._idle():
            if await self._set(symbol, 0):
                self._armed.pop(symbol, None)
            else:
                await asyncio.sleep(1)
                return

    async def _set(self, symbol: str, after_ms: int) -> bool:
        # As a question, which leaves the reserve to cancels: ten of weight a symbol add up.
        said = await self._asking.read(asks.countdown(symbol, after_ms), dict[str, object])
        self.failed = f"the dead-man switch of {symbol} is not set" if isinstance(said, Failed) else ""
        return not self.failed
