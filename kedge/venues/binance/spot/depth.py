"""Snapshots of books, asked by REST: when a book has none, and again before the market leaves what it showed.

The venue shows the best thousand levels of a side and tells changes of all of them. A level further out is
unknown until it changes, so a market that has wandered to the edge of its snapshot would show holes as if
nobody stood there. Before that the book is taken anew, in the background: changes are gathered meanwhile, and
put on top of the new snapshot by the same rule as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from kedge.venues.binance.chores import Chores
from kedge.venues.binance.errors import sentence_of
from kedge.venues.binance.sign import query_of
from kedge.venues.binance.spot import rules
from kedge.venues.binance.spot.market import Depth, Known, follows, known_of
from kedge.venues.binance.spot.us import Us
from kedge.venues.binance.spot.wire import Unreadable, read_as
from kedge.venues.books import Books, Change
from kedge.venues.rest import Call, Rest
from kedge.venues.silence import Silence

LEVELS = 1_000
DEPTH_PATH = "/api/v3/depth"
BAD_SYMBOL = -1121
# Snapshots asked for at one time: where there are hundreds of books, the account's questions come between.
AT_ONCE = 4
# Changes gathered while a book is taken anew; more than these, and it is tried again later.
GATHER_MAX = 2_000


class Snapshots:
    """`wanted` says whether a symbol's changes are being heard; `trouble` is the last thing that failed."""

    def __init__(self, rest: Rest, us: Us, wanted: Callable[[str], bool]) -> None:
        self.trouble = ""
        self._rest = rest
        self._us = us
        self._wanted = wanted
        self._books: Books | None = None
        self._chores = Chores("depth")
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._known: dict[str, Known] = {}
        self._gathered: dict[str, list[Change]] = {}

    def serve(self, books: Books) -> None:
        self._books = books

    def ask(self, symbol: str) -> None:
        """A book has no snapshot that can be believed: ask for one, unless one is on its way."""
        self._gathered.pop(symbol, None)
        self._start(symbol)

    def change(self, symbol: str, change: Change) -> None:
        """A change was heard; it counts twice while the book is being taken anew."""
        gathered = self._gathered.get(symbol)
        if gathered is None:
            return
        gathered.append(change)
        if len(gathered) > GATHER_MAX:
            del self._gathered[symbol]

    def price(self, symbol: str, price: Decimal) -> None:
        """The market is here: take its book anew if that is near the edge of what we know."""
        known = self._known.get(symbol)
        if known is None or self._chores.is_on(symbol) or not known.near_edge(price):
            return
        self._gathered[symbol] = []
        self._start(symbol)

    def forget_all(self) -> None:
        """The line has ended: nothing that is on its way fits what comes next."""
        self._chores.drop_all()
        self._known.clear()
        self._gathered.clear()

    async def close(self) -> None:
        await self._chores.close()

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _start(self, symbol: str) -> None:
        if self._wanted(symbol):
            self._chores.start(symbol, lambda: self._fetch(symbol))

    async def _fetch(self, symbol: str) -> None:
        call = Call(
            "GET",
            DEPTH_PATH,
            query_of({"symbol": symbol, "limit": LEVELS}),
            cost=((rules.WEIGHT, rules.W_DEPTH[LEVELS]),),
            signed=False,
        )
        async with self._turns:
            said = await self._rest.ask(call)
        assert self._books is not None
        if isinstance(said, Silence):
            self.trouble = said.why
            return
        if said.status != 200:
            failure = self._us.failure(said)
            self.trouble = sentence_of(failure)
            if failure.code == BAD_SYMBOL:
                self._books.drop(symbol, self.trouble)
            return
        depth = read_as(said.body, Depth)
        if isinstance(depth, Unreadable):
            self.trouble = depth.why
            return
        self._take(symbol, depth)

    def _take(self, symbol: str, depth: Depth) -> None:
        assert self._books is not None
        gathered = self._gathered.pop(symbol, None)
        seq = depth.last_update_id
        if gathered is not None and self._books.is_live(symbol):
            newer = [change for change in gathered if follows(seq, change, True) != "skip"]
            if not gathered or (newer and follows(seq, newer[0], True) == "gap"):
                return  # older than what we hold: a later price asks again
        else:
            newer = []
        known = known_of(depth.bids, depth.asks, LEVELS)
        self._known.pop(symbol, None)
        if known is not None:
            self._known[symbol] = known
        self._books.snapshot(symbol, depth.bids, depth.asks, seq)
        for change in newer:
            self._books.change(symbol, change)
        self._books.flush()  # it came beside the line, whose next pause may be far
