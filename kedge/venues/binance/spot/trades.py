"""The account's trades of one symbol since the last report: paged by number, begun by time.

Trade numbers only grow, so a page by number does not shift while new trades come. The number a page begins
at is that of a trade we have seen: if it is no longer there, the venue has lost its memory (its test network
does, every month), and we begin anew. A symbol that was never asked for begins with its latest trades, which
almost always are all of them; only where there are more is time walked in the windows the venue allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kedge.model.venue import Fill
from kedge.venues.binance.errors import Failure, sentence_of
from kedge.venues.binance.sign import Value
from kedge.venues.binance.spot import rules, wire
from kedge.venues.binance.spot.asking import ALL_ORDERS_PATH, Asking
from kedge.venues.binance.spot.names import Names
from kedge.venues.binance.spot.wire import TradeSaid, Unreadable
from kedge.venues.silence import Silence

MY_TRADES_PATH = "/api/v3/myTrades"
DAY_MS = 24 * 3_600 * 1_000
OVERLAP_MS = rules.BINANCE_SPOT_RULES.fills_overlap_ns // 1_000_000
PAGES_MAX = 1_000
WINDOWS_MAX = 400
# Orders looked up one by one; more than these are looked for in pages of a thousand.
ONE_BY_ONE = 5
ORDER_PAGES_MAX = 20

Rows = tuple[TradeSaid, ...]


@dataclass
class Pages:
    """What was read of one symbol. `failed`: a page is missing, and why."""

    rows: list[TradeSaid] = field(default_factory=list)
    failed: str = ""
    clipped: bool = False


class Trades:
    def __init__(self, asking: Asking, names: Names) -> None:
        self._asking = asking
        self._names = names

    async def since(self, symbol: str, from_id: int | None, since_ms: int, now_ms: int) -> Pages:
        """Every trade from number `from_id`, or from `since_ms` on (0: as far back as one page shows)."""
        if from_id is not None:
            pages = await self._by_number(symbol, from_id)
            known = bool(pages.rows) and pages.rows[0].id == from_id
            if known or pages.failed:
                return pages
        pages = await self._latest(symbol, since_ms, now_ms)
        pages.clipped = from_id is not None
        return pages

    async def fills(self, symbol: str, rows: list[TradeSaid]) -> tuple[list[Fill], str]:
        """The trades as fills with their orders' client ids; and what failed.

        A fill whose order could not be asked for is left out: told without its name it would be booked as a
        stranger's, for good.
        """
        orders = {str(row.order_id): row for row in rows}
        unnamed = [row for number, row in orders.items() if self._names.find(symbol, number) is None]
        failed = await self._learn(symbol, unnamed)
        fills = []
        for row in rows:
            name = self._names.find(symbol, str(row.order_id))
            if name is None and failed:
                continue
            fills.append(wire.fill_of_trade(row, name or ""))
        return fills, failed

    # ── pages ───────────────────────────────────────────────────────────────────────────────────

    async def _by_number(self, symbol: str, from_id: int) -> Pages:
        pages = Pages()
        for _ in range(PAGES_MAX):
            rows = await self._ask(symbol, fromId=from_id)
            if isinstance(rows, str):
                pages.failed = rows
                return pages
            pages.rows.extend(rows)
            if len(rows) < rules.PAGE_MOST:
                return pages
            from_id = rows[-1].id + 1
        pages.failed = f"{symbol}: more than {PAGES_MAX} pages of trades"
        return pages

    async def _latest(self, symbol: str, since_ms: int, now_ms: int) -> Pages:
        rows = await self._ask(symbol)
        if isinstance(rows, str):
            return Pages(failed=rows)
        begin_ms = max(0, since_ms - OVERLAP_MS) if since_ms else 0
        whole = len(rows) < rules.PAGE_MOST or not since_ms or rows[0].time < begin_ms
        if whole:
            return Pages([row for row in rows if row.time >= begin_ms])
        return await self._by_time(symbol, begin_ms, now_ms)

    async def _by_time(self, symbol: str, begin_ms: int, now_ms: int) -> Pages:
        """Find the first trade since then, a day at a time; from it on by number."""
        for _ in range(WINDOWS_MAX):
            rows = await self._ask(symbol, startTime=begin_ms, endTime=begin_ms + DAY_MS - 1)
            if isinstance(rows, str):
                return Pages(failed=rows)
            if rows:
                return await self._by_number(symbol, rows[0].id)
            begin_ms += DAY_MS
            if begin_ms > now_ms:
                return Pages()
        return Pages(failed=f"{symbol}: more than {WINDOWS_MAX} days without a trade")

    async def _ask(self, symbol: str, **params: int) -> Rows | str:
        asked: dict[str, Value] = {"symbol": symbol, **params, "limit": rules.PAGE_MOST}
        said = await self._asking.get(MY_TRADES_PATH, asked, rules.W_MY_TRADES, Rows)
        if not isinstance(said, tuple):
            return failing(said)
        # By number, whatever order they came in; the documents do not say.
        return tuple(sorted(said, key=lambda row: row.id))

    # ── names ───────────────────────────────────────────────────────────────────────────────────

    async def _learn(self, symbol: str, unnamed: list[TradeSaid]) -> str:
        """Have the names of these trades' orders learnt; returns what failed."""
        if len(unnamed) > ONE_BY_ONE:
            failed = await self._learn_pages(symbol, min(row.order_id for row in unnamed))
            if failed:
                return failed
        young = ""
        for row in unnamed:
            number = str(row.order_id)
            if self._names.find(symbol, number) is not None:
                continue
            found = await self._asking.order({"symbol": symbol, "orderId": row.order_id})
            if isinstance(found, (Failure, Unreadable, Silence)):
                return failing(found)
            if found is not None:
                self._names.learn(symbol, number, found.client_id)
            elif self._is_young(row):
                young = f"{symbol}: the venue shows a trade and not yet its order"
        return young

    def _is_young(self, row: TradeSaid) -> bool:
        """So lately that a lookup need not show yet what it belongs to."""
        return (
            self._asking.us.venue_ns() - row.time * wire.NS_PER_MS <= rules.BINANCE_SPOT_RULES.visibility_ns
        )

    async def _learn_pages(self, symbol: str, first: int) -> str:
        for _ in range(ORDER_PAGES_MAX):
            params: dict[str, Value] = {"symbol": symbol, "orderId": first, "limit": rules.PAGE_MOST}
            found = await self._asking.orders(ALL_ORDERS_PATH, params, rules.W_ALL_ORDERS)
            if not isinstance(found, list):
                return failing(found)
            for order in found:
                self._names.learn(symbol, order.venue_id, order.client_id)
            if len(found) < rules.PAGE_MOST:
                return ""
            first = max(int(order.venue_id) for order in found) + 1
        return ""  # what is left is looked up one by one


def failing(said: Failure | Unreadable | Silence) -> str:
    """Why a question has no answer."""
    return sentence_of(said) if isinstance(said, Failure) else said.why


def next_number(rows: list[TradeSaid], before: int | None, now_ms: int) -> int | None:
    """Where the next report begins: at the first trade young enough to have been shown late."""
    young = [row.id for row in rows if row.time >= now_ms - OVERLAP_MS]
    if young:
        return min(young)
    return max((row.id for row in rows), default=before)
