"""Whether the private stream keeps its word: executions by HTTP, compared with those the stream has told.

The stream has no numbers, so a message that was lost leaves no gap to see. Once a minute the executions of
the last minutes are asked for; one that is old enough, and was told by nobody, ends the connection: what
follows every reconnect finds the rest.
"""

from __future__ import annotations

from msgspec import Raw

from kedge.model.venue import Fill
from kedge.venues.bybit import account as rows
from kedge.venues.bybit.asks import QUESTION, Asks
from kedge.venues.bybit.rules import FILLS_PAGE
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.wire import CATEGORIES, MS, Category, Unreadable, read_as

SECOND_NS = 1_000_000_000
# What is younger than this may still be on its way; what is older than that was looked at before.
YOUNG_NS = 10 * SECOND_NS
LENGTH_NS = 150 * SECOND_NS
KNOWN_MAX = 20_000


class Tail:
    def __init__(self, ties: Ties, asks: Asks) -> None:
        self._ties = ties
        self._asks = asks
        self._known: dict[str, None] = {}
        self._since_ns = 0

    def begin(self) -> None:
        """A new connection: what happened before it is the report's to tell."""
        self._since_ns = self._ties.clock()

    def heard(self, fill: Fill) -> None:
        self._known[fill.exec_id] = None
        while len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    async def check(self) -> str:
        """Why the stream must not be believed; "" when nothing speaks against it, or nothing is known."""
        for category in CATEGORIES:
            since_ns = max(self._since_ns, self._ties.clock() - LENGTH_NS)
            for fill in await self._fills(category, since_ns):
                old = fill.venue_ns < self._ties.clock() - YOUNG_NS
                if old and fill.venue_ns > self._since_ns + SECOND_NS and fill.exec_id not in self._known:
                    return f"the private stream has not told of execution {fill.exec_id} of {fill.symbol}"
        return ""

    async def _fills(self, category: Category, since_ns: int) -> list[Fill]:
        def read(raw: Raw) -> tuple[str, Fill] | str | Unreadable:
            row = read_as(raw, rows.ExecRow)
            made = row if isinstance(row, Unreadable) else rows.exec_of(row, category, self._ties.listing)
            return (made.exec_id, made) if isinstance(made, Fill) else ""

        params: dict[str, str | int] = {
            "category": category,
            "startTime": since_ns // MS,
            "limit": FILLS_PAGE,
        }
        return (await self._asks.pages("/v5/execution/list", params, QUESTION, read)).items
