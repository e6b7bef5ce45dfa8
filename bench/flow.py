"""Books that move: the same messages, from a seed, in the words of each venue.

The touch wanders by a tick now and then, what enters and leaves the fifty levels shown is told with it, and
the rest of each message are sizes near the touch, as in a real stream.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

SYMBOL = "BTCUSDT"
DEPTH = 50
# Prices in ticks of 0.1.
BEGIN = 600_000
NOW_MS = 1_790_000_000_000
# When the venue says that it spoke: far ahead, so that no message is held for one that was long on its way.
SENT_MS = 4_000_000_000_000

_encode = msgspec.json.encode
Rows = list[list[str]]


def symbols_of(count: int) -> tuple[str, ...]:
    """So many markets; the first is the one that all know."""
    return (SYMBOL, *(f"C{number:03d}USDT" for number in range(1, count)))


class Message(Struct, frozen=True):
    """Levels that changed, best first, and the number of the change."""

    bids: Rows
    asks: Rows
    number: int


class Flow:
    """One market's book as its venue sees it."""

    def __init__(self, symbol: str = SYMBOL, seed: int = 1) -> None:
        self.symbol = symbol
        self.number = 1_000
        self.bid = BEGIN
        self.wide = False
        self._dice = random.Random(f"{symbol}:{seed}")

    def whole(self) -> Message:
        """The book as it stands now."""
        best_ask = self.bid + (2 if self.wide else 1)
        bids = [[price_of(self.bid - i), self._qty()] for i in range(DEPTH)]
        asks = [[price_of(best_ask + i), self._qty()] for i in range(DEPTH)]
        return Message(bids, asks, self.number)

    def wander(self, levels: int) -> Message:
        """The next change, of so many levels in all."""
        bids: dict[int, str] = {}
        asks: dict[int, str] = {}
        bid = self.bid
        if self._dice.random() < 0.3:
            up = self._dice.random() < 0.5
            if up:
                bids |= {bid + 1: self._qty(), bid + 1 - DEPTH: "0"}
                asks |= {bid + 1: "0", bid + 1 + DEPTH: self._qty()}
            else:
                bids |= {bid: "0", bid - DEPTH: self._qty()}
                asks |= {bid: self._qty(), bid + DEPTH: "0"}
            self.bid = bid = bid + 1 if up else bid - 1
        return self._message(bids, asks, levels)

    def ripple(self, levels: int = 5) -> Message:
        """Sizes change, and nothing else."""
        return self._message({}, {}, levels)

    def breathe(self, levels: int = 5) -> Message:
        """The best ask goes, or comes back: the spread is two ticks wide in turns."""
        self.wide = not self.wide
        return self._message({}, {self.bid + 1: "0" if self.wide else self._qty()}, levels)

    def snapshot(self, topic: str) -> bytes:
        """The whole book in Bybit's words."""
        return bybit(self.whole(), self.symbol, "snapshot", topic)

    def _message(self, bids: dict[int, str], asks: dict[int, str], levels: int) -> Message:
        self.number += 1
        of_bids = max(len(bids), (levels + self.number % 2) // 2)
        of_asks = max(len(asks), levels - of_bids)
        while len(bids) < of_bids:
            bids.setdefault(self.bid - self._depth(), self._qty())
        while len(asks) < of_asks:
            asks.setdefault(self.bid + 2 + self._depth(), self._qty())
        return Message(
            [[price_of(p), bids[p]] for p in sorted(bids, reverse=True)],
            [[price_of(p), asks[p]] for p in sorted(asks)],
            self.number,
        )

    def _depth(self) -> int:
        return min(DEPTH - 3, int(self._dice.expovariate(0.1)))

    def _qty(self) -> str:
        size = self._dice.randint(1, 9_999)
        return f"{size // 1000}.{size % 1000:03d}"


def price_of(ticks: int) -> str:
    return f"{ticks // 10}.{ticks % 10}0"


# ── in the venues' words ────────────────────────────────────────────────────────────────────────


def number_at(venue_ns: int) -> int:
    """Which message of Bybit's says that it is of this moment."""
    return (venue_ns // 1_000_000 + 3 - NOW_MS) // 20


def bybit(message: Message, symbol: str, kind: str = "delta", topic: str = "") -> bytes:
    data = {"s": symbol, "b": message.bids, "a": message.asks, "u": message.number, "seq": message.number * 7}
    at_ms = NOW_MS + message.number * 20
    said = {"topic": topic or f"orderbook.{DEPTH}.{symbol}", "type": kind, "ts": SENT_MS, "data": data}
    return _encode({**said, "cts": at_ms - 3})


def usdm(message: Message, symbol: str) -> bytes:
    last = message.number * 10
    data: dict[str, Any] = {"e": "depthUpdate", "E": SENT_MS, "T": NOW_MS + last - 3, "s": symbol}
    data |= {"U": last - 9, "u": last, "pu": last - 10, "b": message.bids, "a": message.asks}
    return _encode({"stream": f"{symbol.lower()}@depth@100ms", "data": data})


def spot(message: Message, symbol: str) -> bytes:
    last = message.number * 10
    data: dict[str, Any] = {"e": "depthUpdate", "E": SENT_MS, "s": symbol, "U": last - 9, "u": last}
    data |= {"b": _eights(message.bids), "a": _eights(message.asks)}
    return _encode({"stream": f"{symbol.lower()}@depth@100ms", "data": data})


def _eights(rows: Rows) -> Rows:
    """Spot writes eight places, whatever the step."""
    return [[_eight(price), _eight(qty)] for price, qty in rows]


def _eight(text: str) -> str:
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<8}"


Say = Callable[[Message, str], bytes]
