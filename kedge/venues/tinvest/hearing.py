"""What is told of orders, each thing once: the stream's word, completed by questions where it leaves
something out.

The stream may tell an order's trades, or only how much of it is executed; then the order itself is asked
for, which has the stages of its execution. A stop order that was triggered becomes an order under a number
that nobody knows yet: the list of stop orders says which one it was, and is asked before the order is told.

Once a minute everything of today is asked for and what nobody has told is told: a message of the stream that
was lost, a stop order that ran out or was cancelled by somebody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from kedge.model.events import CashNews, FillNews, OrderNews
from kedge.model.numbers import ZERO
from kedge.model.order import State
from kedge.model.venue import OrderReport
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.venues.silence import sentence
from kedge.venues.stream import Backoff
from kedge.venues.tinvest.account import STOP, Told, news_of
from kedge.venues.tinvest.private import Row
from kedge.venues.tinvest.questions import Questions
from kedge.venues.tinvest.streams import report_end
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import Unreadable, client_id_of, is_no_key

# Orders whose last word is remembered, and trades that were told.
ORDERS_MAX: Final = 5_000
FILLS_MAX: Final = 20_000
# How often an order's stages are asked for before the minute's round has to find them.
TRIES_MOST: Final = 6
# Likewise for the list of stop orders, whose limit is small.
STOP_TRIES_MOST: Final = 3


class Hearing:
    def __init__(self, ties: Ties, questions: Questions) -> None:
        self._ties = ties
        self._questions = questions
        self._account = ties.setup.account
        # By the venue's number: state and executed quantity as they were last told.
        self._told: dict[str, tuple[State, Decimal]] = {}
        # Executed quantity whose trades were told.
        self._traded: dict[str, Decimal] = {}
        self._fills: dict[str, None] = {}
        self._cash: dict[str, None] = {}
        # Executed quantity whose trades are being asked for.
        self._wanted: dict[str, Decimal] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self) -> None:
        """A new link: what is told now is told to somebody who may have missed the rest."""
        for about in (self._told, self._traded, self._fills, self._cash):
            about.clear()

    async def close(self) -> None:
        for task in list(self._tasks.values()):
            task.cancel()

    # ── the stream ──────────────────────────────────────────────────────────────────────────────

    def heard(self, row: Row) -> None:
        unknown = row.order_id not in self._ties.aliases
        if unknown and (self._may_be_a_stop(row) or is_no_key(row.order_request_id)):
            self._start(f"stop of {row.order_id}", self._heard_from_stop(row))
        else:
            self._take(row)

    def _take(self, row: Row) -> None:
        made = news_of(row, self._ties.listing, self._ties.aliases)
        if isinstance(made, Unreadable):
            self._ties.odd("orders", made.why)
            return
        executed = made.order.cum_qty
        if self._adds_up(row.order_id, made):
            _put(self._traded, row.order_id, executed, ORDERS_MAX)
            self.tell(made)
            return
        # Trades that do not add up to what is executed may be counted in something else: they are not
        # believed.
        self.tell(replace(made, fills=()))
        self._wanted[row.order_id] = max(executed, self._wanted.get(row.order_id, ZERO))
        self._start(f"stages of {row.order_id}", self._complete(row.order_id))

    def _adds_up(self, order_id: str, told: Told) -> bool:
        """A message names all trades of an order, or those since the last one."""
        whole = sum((fill.qty for fill in told.fills), ZERO)
        fresh = sum((fill.qty for fill in told.fills if fill.exec_id not in self._fills), ZERO)
        executed = told.order.cum_qty
        return executed in (whole, self._traded.get(order_id, ZERO) + fresh)

    def _may_be_a_stop(self, row: Row) -> bool:
        """Some stop order that waits could have become this."""
        if client_id_of(row.order_request_id) in self._ties.plain:
            return False
        listing = self._ties.listing
        symbol = listing.symbol_of(row.instrument_uid, "", row.ticker, row.class_code)
        side = "buy" if row.direction == pb.ORDER_DIRECTION_BUY else "sell"
        qty = row.lots_requested * listing.lot_of(symbol)
        return any(
            stop.is_waiting and (stop.symbol, stop.side, stop.qty) == (symbol, side, qty)
            for stop in self._ties.stops.values()
        )

    async def _heard_from_stop(self, row: Row) -> None:
        """Have the list of stop orders say whether one of them became this order."""
        backoff = Backoff(0.5, 4.0)
        for _ in range(STOP_TRIES_MOST):
            await self._questions.triggered()
            if row.order_id in self._ties.aliases or not self._may_be_a_stop(row):
                break
            await asyncio.sleep(backoff.next_s())
        self._take(row)

    async def _complete(self, order_id: str) -> None:
        """Ask for the stages of an order until they add up to what was executed of it."""
        backoff = Backoff(0.3, 5.0)
        for _ in range(TRIES_MOST):
            told = await self._questions.by_number(order_id)
            if isinstance(told, Told):
                self.tell(told)
            if self._traded.get(order_id, ZERO) >= self._wanted[order_id]:
                break
            await asyncio.sleep(backoff.next_s())
        del self._wanted[order_id]

    # ── the minute's round ──────────────────────────────────────────────────────────────────────

    async def sweep(self) -> None:
        """Ask for everything of today, and tell what nobody has told."""
        waiting = {stop_id: stop for stop_id, stop in self._ties.stops.items() if stop.is_waiting}
        if waiting:
            listed = await self._questions.waiting_stops()
            if not isinstance(listed, str):
                gone = [stop_id for stop_id in waiting if stop_id not in listed]
                if gone:
                    await self._tell_stops(gone)
        today = await self._questions.today()
        if isinstance(today, str):
            self._ties.odd("sweep", "")
            return
        for told in today:
            self.tell(told)

    async def _tell_stops(self, gone: list[str]) -> None:
        """Stop orders that wait no longer: run out, cancelled, or become orders."""
        ended = await self._questions.ended_stops()
        if isinstance(ended, str):
            return
        for stop_id in gone:
            stop = ended.get(stop_id)
            if stop is not None and not stop.order_id:
                self._ties.say(OrderNews(self._account, self._ties.stop_report(stop)))

    # ── telling ─────────────────────────────────────────────────────────────────────────────────

    def tell(self, told: Told, order_too: bool = True) -> None:
        """What is new of an order, its trades before its end. `order_too` False: the order itself is told as
        the answer to a question."""
        if told.odd:
            self._ties.odd("trades", sentence(told.odd))
        number = told.order.venue_id
        for fill in told.fills:
            if fill.exec_id not in self._fills:
                _put(self._fills, fill.exec_id, None, FILLS_MAX)
                self._ties.say(FillNews(self._account, fill))
        whole = sum((fill.qty for fill in told.fills), ZERO)
        if told.fills and whole >= told.order.cum_qty:
            _put(self._traded, _number_of(told.order, self._ties), whole, ORDERS_MAX)
        now = (told.order.state, told.order.cum_qty)
        before = self._told.get(number)
        if order_too and (before is None or (now != before and not _is_older(now, before))):
            _put(self._told, number, now, ORDERS_MAX)
            self._ties.say(OrderNews(self._account, told.order))
        for cash in told.cash:
            if cash.cash_id not in self._cash:
                _put(self._cash, cash.cash_id, None, FILLS_MAX)
                self._ties.say(CashNews(self._account, cash))

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """One of a name at a time; what comes meanwhile is the running one's to find."""
        if name in self._tasks:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name=f"tinvest {name}")
        self._tasks[name] = task
        task.add_done_callback(report_end)
        task.add_done_callback(lambda _: self._tasks.pop(name, None))


def _number_of(order: OrderReport, ties: Ties) -> str:
    """The order's own number, also where it is told under its stop order's."""
    if not order.venue_id.startswith(STOP):
        return order.venue_id
    stop = ties.stops.get(order.venue_id.removeprefix(STOP))
    return stop.order_id if stop is not None else order.venue_id


def _is_older(now: tuple[State, Decimal], before: tuple[State, Decimal]) -> bool:
    """An answer that was made before the stream's last word."""
    return now[1] < before[1] or (now[0] is State.OPEN and before[0] is not State.OPEN)


V = TypeVar("V")


def _put(kept: dict[str, V], key: str, value: V, most: int) -> None:
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]
