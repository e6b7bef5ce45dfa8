"""What the desk asks about one order, and about the whole account.

One order is looked for where its kind lives: a regular one in the matching engine, a conditional one in the
algo service and then, once it has triggered, under its number in the matching engine; where the kind is not
remembered, in both. Only "does not exist" from everywhere is "not found".

The account is asked in the order of the contract: open orders, fills, cash, positions, orders again. Trades
can only be asked symbol by symbol, so the symbols that may have any are gathered first: open orders, what was
watched or dealt in, what the cursor remembers, and those that the income names (every trade that cost a fee
or made a profit is in it); a position in any other is asked about last. Stops are listed before regular
orders, so that one that triggers in between is in both lists rather than in neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.order import State
from kedge.model.venue import AccountReport, Balance, Cash, Fill, OrderReport, VenuePosition
from kedge.venues.binance.usdm import asks, mends
from kedge.venues.binance.usdm.asking import Failed
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.links import Links
from kedge.venues.binance.usdm.memory import Memory
from kedge.venues.binance.usdm.rules import (
    BINANCE_USDM_RULES,
    INCOME_KEPT_NS,
    SPAN_NS,
    TRADES_KEPT_NS,
)
from kedge.venues.binance.usdm.wire import (
    NS_PER_MS,
    Algo,
    Income,
    Order,
    Position,
    Trade,
    Unreadable,
    Wallet,
    algo_report,
    balance_of,
    cash_of,
    number_of,
    order_report,
    position_of,
    side_of,
)

INCOME_OVERLAP_MS = 3_600_000
AHEAD_MS = 60_000
DAY_MS = 86_400_000
OVERLAP_MS = BINANCE_USDM_RULES.fills_overlap_ns // NS_PER_MS
PAGES_MOST = 1_000
# With more symbols than these, one question about all of them is cheaper.
SYMBOLS_SINGLY = 15
CURSOR_SYMBOLS = 100
NO_END = "the venue says that the stop has triggered and ended, and not as which order"


class Cursor(Struct, frozen=True):
    """Where fills and income go on, and in which symbols there may be any. Zero: at yesterday."""

    fills_ms: int = 0
    income_ms: int = 0
    symbols: tuple[str, ...] = ()

    def text(self) -> str:
        return f"{self.fills_ms}/{self.income_ms}/{','.join(self.symbols[-CURSOR_SYMBOLS:])}"


def cursor_of(text: str) -> Cursor:
    """An unreadable cursor is none: everything is asked again, and nothing is booked twice by it."""
    fills, _, rest = text.partition("/")
    income, _, symbols = rest.partition("/")
    if not (fills.isdecimal() and income.isdecimal()) or max(len(fills), len(income)) > 13:
        return Cursor()
    return Cursor(int(fills), int(income), tuple(s for s in symbols.split(",") if s))


class _Lists(Struct):
    """What a report gathers; `failed` is the first thing that could not be had."""

    fills: list[Fill]
    cash: list[Cash]
    positions: tuple[VenuePosition, ...] = ()
    balances: tuple[Balance, ...] = ()
    failed: str = ""
    clipped: bool = False

    def missed(self, why: str) -> None:
        self.failed = self.failed or why


class Questions:
    def __init__(self, common: Common, memory: Memory, links: Links) -> None:
        self.instruments: tuple[Instrument, ...] = ()
        self.watched: tuple[str, ...] = ()
        self._asking = common.asking
        self._clock = common.clock
        self._options = common.options
        self._memory = memory
        self._links = links
        self._swept_s: float | None = None
        # Counted, so that a report that began on an earlier one proves nothing about this one.
        self._links_lost = 0
        self._income_due = True

    def link_down(self) -> None:
        """Whatever happens meanwhile is not heard: the next report asks for everything."""
        self._swept_s, self._income_due = None, True
        self._links_lost += 1

    def income_moved(self) -> None:
        self._income_due = True

    # ── one order ───────────────────────────────────────────────────────────────────────────────

    async def order(self, client_id: str, symbol: str) -> OrderReport | Failed | None:
        """The order with this id, None when the venue has none, or why the question failed."""
        known = self._memory.of(client_id)
        if known is None or not known.algo:
            found = await self._regular(client_id, symbol)
            if known is not None or found is not None:
                return found
        return await self._conditional(client_id, symbol)

    async def _regular(self, client_id: str, symbol: str, number: int = 0) -> OrderReport | Failed | None:
        """`number`: the regular order that the conditional one of this id became."""
        ask = asks.order(symbol, order_id=number) if number else asks.order(symbol, client_id)
        said = await self._asking.read(ask, Order)
        if isinstance(said, Failed):
            return None if said.code == mends.NO_ORDER else said
        if said.order_id != number if number else said.client_order_id != client_id:
            return Failed(f"the answer is about another order: {said.client_order_id!r}")
        self._memory.learn_order(said)
        report = order_report(said, client_id, self._memory.kind_of(client_id))
        return Failed(report.why) if isinstance(report, Unreadable) else report

    async def _conditional(self, client_id: str, symbol: str) -> OrderReport | Failed | None:
        algo: Algo | Failed | None = await self._asking.read(asks.algo_order(client_id), Algo)
        if isinstance(algo, Failed) and algo.code == mends.NO_ORDER:
            algo = await self._links.listed(client_id, symbol)
        if algo is None or isinstance(algo, Failed):
            return algo
        if algo.client_algo_id != client_id:
            return Failed(f"the answer is about another order: {algo.client_algo_id!r}")
        known = self._memory.learn_algo(algo)
        if not known.order_id:
            return algo_report(algo) or Failed(NO_END)
        found = await self._regular(client_id, algo.symbol, known.order_id)
        if found is not None:
            return found
        return await self._by_trades(algo, known.order_id)

    async def _by_trades(self, algo: Algo, number: int) -> OrderReport | Failed:
        """The regular order is no longer shown (or never was, like a refused FOK): its trades decide."""
        trades = await self._asking.read(asks.trades_of(algo.symbol, number), list[Trade])
        if isinstance(trades, Failed):
            return trades
        done = sum((Decimal(t.qty) for t in trades), Decimal(0))
        qty = Decimal(algo.quantity or "0")
        # A stop that has just ended is not refused because its order and trades are not shown yet.
        young = algo.algo_status in ("NEW", "TRIGGERING", "TRIGGERED")
        young = young or self._asking.is_young(algo.update_time)
        if young and not done >= qty > 0:
            return Failed("the stop has triggered, and the venue does not show its order yet")
        self._memory.ended(algo.client_algo_id)
        state = State.FILLED if done >= qty > 0 else State.REJECTED if not done else State.CANCELLED
        return OrderReport(
            client_id=algo.client_algo_id,
            venue_id=str(number),
            symbol=algo.symbol,
            side=side_of(algo.side),
            qty=qty,
            price=Decimal(algo.price or "0"),
            cum_qty=done,
            state=state,
            venue_ns=algo.update_time * NS_PER_MS,
            kind=self._memory.kind_of(algo.client_algo_id) or "stop",
        )

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    async def report(self, cursor_text: str) -> AccountReport | str:
        asked_ns = self._clock()
        venue_ms = self._asking.venue_ns // NS_PER_MS
        cursor = cursor_of(cursor_text)
        sweeps, links_lost = self._sweep_due(), self._links_lost
        first = await self._open_orders(() if sweeps else self._of_interest())
        if isinstance(first, str):
            return first
        lists = _Lists([], [])
        self._income_due = self._income_due or sweeps
        named, income_ms = await self._money(cursor, venue_ms, lists)
        symbols = dict.fromkeys([*self._of_interest(), *named, *(cursor.symbols if sweeps else ())])
        await self._all_fills(symbols, cursor, venue_ms, lists)
        await self._holdings(lists)
        later = [p.symbol for p in lists.positions if p.symbol not in symbols]
        await self._all_fills(later, cursor, venue_ms, lists)
        last = await self._open_orders(() if sweeps else self._of_interest())
        if isinstance(last, str):
            lists.missed(last)
        elif sweeps and not lists.failed and links_lost == self._links_lost:
            self._swept_s = asyncio.get_running_loop().time()
        if lists.failed:
            self._income_due = True
        dealt = self._memory.symbols()
        older = [s for s in cursor.symbols if s not in dealt]
        orders = tuple(first if isinstance(last, str) else last)
        return AccountReport(
            asked_ns=asked_ns,
            open_orders=orders,
            fills=tuple(lists.fills),
            cash=tuple(lists.cash),
            positions=lists.positions,
            balances=lists.balances,
            instruments=self.instruments if sweeps else self._concerned(lists, orders),
            cursor=Cursor(max(0, venue_ms - OVERLAP_MS), income_ms, (*older, *dealt)).text(),
            complete=not lists.failed,
            clipped=lists.clipped,
        )

    def _concerned(self, lists: _Lists, orders: tuple[OrderReport, ...]) -> tuple[Instrument, ...]:
        """There are hundreds, and a report may be asked for every few seconds."""
        named = dict.fromkeys(
            [f.symbol for f in lists.fills] + [p.symbol for p in lists.positions] + [o.symbol for o in orders]
        )
        return tuple(one for one in self.instruments if one.symbol in named)

    def _sweep_due(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        return self._swept_s is None or now_s - self._swept_s > self._options.sweep_every_s

    def _of_interest(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.watched, *self._memory.symbols()]))

    async def symbols_with_orders(self) -> list[str] | str:
        """Where anything is open, ours or not; the sentence why nobody knows."""
        found = await self._open_orders(())
        return found if isinstance(found, str) else list(dict.fromkeys(order.symbol for order in found))

    async def _open_orders(self, symbols: tuple[str, ...]) -> list[OrderReport] | str:
        """Of these symbols, or of all. Stops first, and a regular order stands for the stop it came from."""
        algos: list[Algo] = []
        orders: list[Order] = []
        singly = symbols if 0 < len(symbols) <= SYMBOLS_SINGLY else ("",)
        for symbol in singly:
            some_algos = await self._asking.read(asks.open_algos(symbol), list[Algo])
            if isinstance(some_algos, Failed):
                return some_algos.why
            algos += some_algos
        for algo in algos:
            self._memory.learn_algo(algo)
        for symbol in singly:
            some = await self._asking.read(asks.open_orders(symbol), list[Order])
            if isinstance(some, Failed):
                return some.why
            orders += some
        failed = await self._links.orders(orders)
        return failed or _reports(self._memory, algos, orders)

    async def _money(self, cursor: Cursor, venue_ms: int, lists: _Lists) -> tuple[tuple[str, ...], int]:
        """Income since the cursor: cash, the symbols that traded, and where it goes on. A question so heavy
        is only asked when something has moved, or when much is asked anyway."""
        if not self._income_due and cursor.income_ms:
            return (), cursor.income_ms
        earliest_ms = venue_ms - INCOME_KEPT_NS // NS_PER_MS
        since_ms = max(cursor.income_ms or venue_ms - DAY_MS, earliest_ms)
        lists.clipped = lists.clipped or 0 < cursor.income_ms < earliest_ms
        self._income_due = False
        rows, failed = await self.incomes(since_ms, venue_ms)
        if failed:
            lists.missed(failed)
            return tuple(dict.fromkeys(r.symbol for r in rows if r.symbol)), cursor.income_ms
        lists.cash += [cash for cash in map(cash_of, rows) if cash is not None]
        return tuple(dict.fromkeys(r.symbol for r in rows if r.symbol)), max(0, venue_ms - INCOME_OVERLAP_MS)

    async def incomes(self, since_ms: int, until_ms: int) -> tuple[list[Income], str]:
        """Spans of seven days, each by pages; a page that shifts while we page only repeats itself."""
        rows: list[Income] = []
        asked = 0
        most_ms = SPAN_NS // NS_PER_MS
        for since in range(since_ms, until_ms + 1, most_ms):
            for page in range(1, PAGES_MOST):
                asked += 1
                if asked > PAGES_MOST:
                    return rows, f"more than {PAGES_MOST} pages of income"
                until = min(since + most_ms - 1, until_ms)
                some = await self._asking.read(asks.income(since, until, page), list[Income])
                if isinstance(some, Failed):
                    return rows, some.why
                rows += some
                if len(some) < asks.PAGE:
                    break
        return rows, ""

    async def _all_fills(self, symbols: Iterable[str], cursor: Cursor, venue_ms: int, lists: _Lists) -> None:
        earliest_ms = venue_ms - TRADES_KEPT_NS // NS_PER_MS
        lists.clipped = lists.clipped or 0 < cursor.fills_ms < earliest_ms
        since_ms = max(cursor.fills_ms or venue_ms - DAY_MS, earliest_ms)
        for symbol in symbols:
            # What trades while we ask belongs to the answer.
            trades, failed = await self.trades(symbol, since_ms, venue_ms + AHEAD_MS)
            if failed:
                lists.missed(failed)
            fills, failed = await self._links.fills(trades)
            if failed:
                lists.missed(failed)
            lists.fills += fills

    async def trades(self, symbol: str, since_ms: int, until_ms: int) -> tuple[list[Trade], str]:
        """Spans of seven days, oldest first; each trade once."""
        rows, failed = await self._links.sweep(
            lambda since, until: asks.trades(symbol, since, until), Trade, since_ms, until_ms
        )
        found = {(t.id, t.side): t for t in rows}
        return sorted(found.values(), key=lambda t: (t.time, t.id)), failed

    async def _holdings(self, lists: _Lists) -> None:
        positions = await self._asking.read(asks.positions(), list[Position])
        if isinstance(positions, Failed):
            lists.missed(positions.why)
        elif any(p.position_side != "BOTH" for p in positions):
            lists.missed(mends.USDM_MENDS[-4061])
        else:
            lists.positions = tuple(position_of(p) for p in positions)
        wallets = await self._asking.read(asks.balances(), list[Wallet])
        if isinstance(wallets, Failed):
            lists.missed(wallets.why)
        else:
            lists.balances = tuple(balance_of(w) for w in wallets if Decimal(w.balance))


def _reports(memory: Memory, algos: list[Algo], orders: list[Order]) -> list[OrderReport] | str:
    """What lives, each under the desk's id."""
    found: dict[str, OrderReport] = {}
    for algo in algos:
        waiting = algo_report(algo) if not number_of(algo.actual_order_id) else None
        known = memory.of(algo.client_algo_id)
        if waiting is not None and (known is None or not known.order_id):
            found[algo.client_algo_id] = waiting
    for order in orders:
        owner = memory.owner(order.symbol, order.order_id) or order.client_order_id
        report = order_report(order, owner, memory.kind_of(owner))
        if isinstance(report, Unreadable):
            return report.why
        found[owner or f"{order.symbol}-{order.order_id}"] = report
    return list(found.values())
