"""The tape: the last public trades of each symbol."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from kedge.sim.exchange import TradePrinted

KEPT = 1_000


class Prints:
    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._tapes: dict[str, deque[TradePrinted]] = {}

    def add(self, trade: TradePrinted) -> None:
        tape = self._tapes.get(trade.symbol)
        if tape is None:
            tape = self._tapes[trade.symbol] = deque(maxlen=self._most)
        tape.append(trade)

    def last(self, symbol: str, limit: int = KEPT) -> list[TradePrinted]:
        """The newest, oldest first."""
        tape = list(self._tapes.get(symbol, ()))
        return tape[max(len(tape) - limit, 0) :]

    def since(self, symbol: str, trade_id: int, limit: int = KEPT) -> list[TradePrinted]:
        """From this number on, oldest first: what paging by id asks for."""
        tape: Iterable[TradePrinted] = self._tapes.get(symbol, ())
        return [trade for trade in tape if int(trade.trade_id) >= trade_id][:limit]
