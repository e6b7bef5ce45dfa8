"""What the desk asks Bybit: one order, or everything the account has.

One order: the live and the just-closed ones, then the history, then the executions. Only when all three
answer and none knows the id is it "not found"; any doubt on the way is an error, which proves nothing.

Everything: open orders, executions and cash since the cursor, positions, balances, open orders once more.
The cursor is the moment up to which executions were asked for; the next report begins an overlap before it,
because the venue may show some of them late. An order in the first list and not in the last ended in between,
or slipped between two pages: whoever believes it alive will miss it and look it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from decimal import Decimal
from typing import Any, Final, TypeVar

from msgspec import Raw, Struct

from kedge.model.numbers import ZERO
from kedge.model.order import State
from kedge.model.venue import AccountReport, Balance, Cash, Fill, OrderReport, Rules, VenuePosition
from kedge.venues.bybit import account as rows
from kedge.venues.bybit import rules as limits
from kedge.venues.bybit.asks import LOG, QUESTION, Asks, Pages
from kedge.venues.bybit.instruments import native_of
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.wire import (
    CATEGORIES,
    MS,
    UNREADABLE,
    Category,
    Envelope,
    Unreadable,
    number,
    number_or_zero,
    read_as,
    read_listed,
)
from kedge.venues.silence import sentence

REALTIME: Final = "/v5/order/realtime"
HISTORY: Final = "/v5/order/history"
EXECUTIONS: Final = "/v5/execution/list"
TRANSACTIONS: Final = "/v5/account/transaction-log"
POSITIONS: Final = "/v5/position/list"
WALLET: Final = "/v5/account/wallet-balance"

STRANGER: Final = (
    "the place where this desk stopped reading ({!r}) is not one of Bybit's: its journal was written for "
    "another venue; begin with a new home"
)

Params = dict[str, str | int]
T = TypeVar("T")


class _Told(Struct):
    """What the executions and the log brought."""

    fills: dict[str, Fill]
    cash: dict[str, Cash]
    failed: str = ""


class Questions:
    def __init__(self, asks: Asks, ties: Ties, rules: Rules) -> None:
        # What was read and could not be booked, for people; the newest.
        self.oddity = ""
        # Why the last report lacks something; "" when it is whole.
        self.failed = ""
        self._asks = asks
        self._ties = ties
        self._listing = ties.listing
        self._clock = ties.clock
        self._rules = rules
        self._options = ties.options

    # ── one order ───────────────────────────────────────────────────────────────────────────────

    async def order(self, client_id: str, symbol: str) -> OrderReport | str | None:
        """The order with this id, None when the venue has none, or why that is not known."""
        category = self._listing.category_of(symbol)
        params: Params = {"category": category, "symbol": native_of(symbol), "orderLinkId": client_id}
        for path in (REALTIME, HISTORY):
            pages = await self._orders(path, params, category)
            if pages.failed:
                return pages.failed
            strange = [one for one in pages.items if one.client_id != client_id]
            if strange:
                return f"{path}: the answer is about another order: {strange[0].client_id!r}"
            found = rows.newest(pages.items)
            if found is not None:
                return found
        return await self._by_fills(client_id, params, category)

    async def _by_fills(self, client_id: str, params: Params, category: Category) -> OrderReport | str | None:
        def read(raw: Raw) -> tuple[str, rows.ExecRow] | str | Unreadable:
            row = read_as(raw, rows.ExecRow)
            return row if isinstance(row, Unreadable) else (row.exec_id, row)

        pages = await self._asks.pages(EXECUTIONS, {**params, "limit": limits.FILLS_PAGE}, QUESTION, read)
        if pages.failed:
            return pages.failed
        if any((row.order_link_id or "") != client_id for row in pages.items):
            return f"{EXECUTIONS}: the answer is about another order than {client_id!r}"
        if not pages.items:
            return None
        return self._from_fills(pages.items, category)

    def _from_fills(self, found: list[rows.ExecRow], category: Category) -> OrderReport | str:
        """An order that only its executions still tell of: known when nothing is left of it."""
        fills = [rows.exec_of(row, category, self._listing) for row in found]
        trades = [fill for fill in fills if isinstance(fill, Fill)]
        try:
            left = min(number(row.leaves_qty) for row in found)
            qty = max(number(row.order_qty) for row in found)
            price = _limit_price(found[0])
        except UNREADABLE as error:
            return f"{EXECUTIONS}: {error}"
        if left > 0 or len(trades) != len(found):
            return "the order has executions, but the venue does not show the order itself"
        last = max(trades, key=lambda fill: fill.venue_ns)
        filled = sum((fill.qty for fill in trades), ZERO)
        return OrderReport(
            client_id=last.client_id,
            venue_id=last.venue_id,
            symbol=last.symbol,
            side=last.side,
            qty=qty,
            price=price,
            cum_qty=filled,
            state=State.FILLED if filled >= qty else State.CANCELLED,
            venue_ns=last.venue_ns,
            kind="market" if found[0].order_type == "Market" else "limit",
        )

    # ── the whole account ───────────────────────────────────────────────────────────────────────

    async def report(self, cursor: str) -> AccountReport | str:
        asked_ns = self._clock()
        kept_ns = asked_ns - limits.KEPT_NS
        first_ns = asked_ns - self._options.history_ns
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
            return STRANGER.format(cursor)
        since_ns = int(cursor) * MS - self._rules.fills_overlap_ns if cursor else first_ns
        first = await self._open_orders()
        if first.failed and not first.items:
            return first.failed
        told = await self._told_since(max(since_ns, kept_ns), asked_ns)
        positions, failed = await self._positions()
        balances, unpaid = await self._balances()
        last = await self._open_orders()
        failures = (first.failed, told.failed, failed, unpaid, last.failed)
        self.failed = next((why for why in failures if why), "")
        return AccountReport(
            asked_ns=asked_ns,
            open_orders=tuple((first if last.failed else last).items),
            fills=tuple(sorted(told.fills.values(), key=lambda fill: (fill.venue_ns, fill.exec_id))),
            cash=tuple(sorted(told.cash.values(), key=lambda cash: (cash.venue_ns, cash.cash_id))),
            positions=positions,
            balances=balances,
            instruments=tuple(self._listing.all.values()),
            cursor=cursor if told.failed else str(asked_ns // MS),
            complete=not self.failed,
            clipped=bool(cursor) and since_ns < asked_ns - limits.KEPT_NS,
        )

    async def _open_orders(self) -> Pages[OrderReport]:
        """Of all categories and, because linear ones are asked by it, all coins of settlement."""
        everything: Pages[OrderReport] = Pages([])
        for category, coin in self._parts():
            params: Params = {"category": category, "settleCoin": coin, "openOnly": 0}
            pages = await self._orders(REALTIME, params, category)
            everything.items += [one for one in pages.items if one.state is State.OPEN]
            if pages.failed:
                everything.failed = pages.failed
                break
        return everything

    def _parts(self) -> Iterator[tuple[Category, str]]:
        coins = dict.fromkeys(("USDT", "USDC", *self._listing.settle_coins("linear")))
        yield from (("linear", coin) for coin in coins)
        yield "inverse", ""
        yield "spot", ""

    async def _orders(self, path: str, params: Params, category: Category) -> Pages[OrderReport]:
        def read(raw: Raw) -> tuple[str, OrderReport] | str | Unreadable:
            row = read_as(raw, rows.OrderRow)
            made = row if isinstance(row, Unreadable) else rows.order_of(row, category, self._listing)
            if isinstance(made, OrderReport) and isinstance(row, rows.OrderRow):
                self._ties.note(made, rows.waits(row))
                return made.venue_id, made
            return made if isinstance(made, Unreadable) else ""

        return await self._asks.pages(path, {**params, "limit": limits.ORDERS_PAGE}, QUESTION, read)

    async def _told_since(self, since_ns: int, until_ns: int) -> _Told:
        """Executions of each category and the log, side by side: each is a long row of questions."""
        parts = [self._executions(category, since_ns, until_ns) for category in CATEGORIES]
        told = _Told({}, {})
        for part in await _together([*parts, self._transactions(since_ns, until_ns)]):
            told.fills.update(part.fills)
            told.cash.update(part.cash)
            told.failed = told.failed or part.failed
        return told

    async def _executions(self, category: Category, since_ns: int, until_ns: int) -> _Told:
        def read(raw: Raw) -> tuple[str, Fill | Cash] | str | Unreadable:
            row = read_as(raw, rows.ExecRow)
            made = row if isinstance(row, Unreadable) else rows.exec_of(row, category, self._listing)
            if isinstance(made, Fill):
                return made.exec_id, made
            if isinstance(made, Cash):
                return made.cash_id, made
            return made if isinstance(made, Unreadable) else made.why

        told = _Told({}, {})
        params: Params = {"category": category, "limit": limits.FILLS_PAGE}
        for window in _windows(since_ns, until_ns):
            if window["endTime"] == until_ns // MS:
                # What has happened since the question began, and what the venue's clock dates later.
                del window["endTime"]
            pages = await self._asks.pages(EXECUTIONS, {**params, **window}, QUESTION, read)
            for made in pages.items:
                _put(told, made)
            self._odd(pages.odd)
            if pages.failed:
                told.failed = pages.failed
                break
        return told

    async def _transactions(self, since_ns: int, until_ns: int) -> _Told:
        def read(raw: Raw) -> tuple[str, Cash] | str | Unreadable:
            row = read_as(raw, rows.LogRow)
            made = row if isinstance(row, Unreadable) else rows.cash_of(row, self._listing)
            if isinstance(made, Cash):
                return made.cash_id, made
            return made if isinstance(made, Unreadable) else made.why

        told = _Told({}, {})
        params: Params = {"accountType": "UNIFIED", "limit": limits.LOG_PAGE}
        for window in _windows(since_ns, until_ns):
            pages = await self._asks.pages(TRANSACTIONS, {**params, **window}, LOG, read)
            for made in pages.items:
                _put(told, made)
            if pages.failed:
                told.failed = pages.failed
                break
        return told

    async def _positions(self) -> tuple[tuple[VenuePosition, ...], str]:
        """Net of each contract, and what failed. Two sides of one contract are said: orders need one-way."""
        net: dict[str, VenuePosition] = {}
        for category, coin in self._parts():
            if category == "spot":
                continue

            def read(raw: Raw, category: Category = category) -> tuple[str, _Held] | str | Unreadable:
                row = read_as(raw, rows.PositionRow)
                made = row if isinstance(row, Unreadable) else rows.position_of(row, category, self._listing)
                if isinstance(made, Unreadable) or isinstance(row, Unreadable):
                    return made if isinstance(made, Unreadable) else ""
                return f"{made.symbol} {row.position_idx}", _Held(made, row.position_idx)

            params: Params = {"category": category, "settleCoin": coin, "limit": limits.POSITIONS_PAGE}
            pages = await self._asks.pages(POSITIONS, params, QUESTION, read)
            if pages.failed:
                return tuple(net.values()), pages.failed
            for held in pages.items:
                self._add(net, held)
        return tuple(net.values()), ""

    def _add(self, net: dict[str, VenuePosition], held: _Held) -> None:
        position = held.position
        if position.qty == 0:
            return
        if held.index:
            self._odd((rows.HEDGED.format(position.symbol),))
        before = net.get(position.symbol)
        qty = position.qty + (before.qty if before else Decimal(0))
        net[position.symbol] = VenuePosition(position.symbol, qty, position.price)

    async def _balances(self) -> tuple[tuple[Balance, ...], str]:
        envelope = await self._asks.get(WALLET, {"accountType": "UNIFIED"}, QUESTION)
        if not isinstance(envelope, Envelope):
            return (), f"{WALLET}: {envelope.why}"
        listed = read_listed(envelope.result)
        if isinstance(listed, Unreadable):
            return (), f"{WALLET}: {listed.why}"
        balances: list[Balance] = []
        for raw in listed.list or ():
            row = read_as(raw, rows.WalletRow)
            made = row if isinstance(row, Unreadable) else rows.balances_of(row)
            if isinstance(made, Unreadable):
                return (), f"{WALLET}: {made.why}"
            balances += made
        return tuple(balances), ""

    def _odd(self, words: tuple[str, ...]) -> None:
        if words:
            self.oddity = sentence(words[-1])


class _Held(Struct, frozen=True):
    position: VenuePosition
    index: int


def _put(told: _Told, made: Fill | Cash) -> None:
    if isinstance(made, Fill):
        told.fills[made.exec_id] = made
    else:
        told.cash[made.cash_id] = made


def _windows(since_ns: int, until_ns: int) -> Iterator[dict[str, int]]:
    """[since, until] in windows of at most seven days, oldest first; the ends are both included there."""
    begin_ms, end_ms = max(0, since_ns) // MS, until_ns // MS
    length_ms = limits.WINDOW_NS // MS
    while begin_ms <= end_ms:
        last_ms = min(begin_ms + length_ms - 1, end_ms)
        yield {"startTime": begin_ms, "endTime": last_ms}
        begin_ms = last_ms + 1


def _limit_price(row: rows.ExecRow) -> Decimal:
    """Raises `BadNumber`."""
    return ZERO if row.order_type == "Market" else number_or_zero(row.order_price)


async def _together(parts: list[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all, and have the results in their order; whoever is cancelled takes all of them along."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(part, name=f"bybit part {n}") for n, part in enumerate(parts)]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
