"""A venue that answers at once and remembers nothing but its orders, and a cell at work on it.

So that what is measured is Kedge: the venue here costs a microsecond, a wire to a real one costs a thousand.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Raw

from kedge.bots import BUILT_IN
from kedge.engine.bot import Bot
from kedge.engine.engine import RiskBook
from kedge.journal.sqlite import SqliteJournal
from kedge.model.events import Answered, BookUpdate, Command, LinkUp, LookedUp, OrderNews
from kedge.model.instrument import Instrument
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask, Feed, Level, OrderReport, PlaceOrder, Quote, Rules
from kedge.runtime.cell import Cell, CellConfig
from kedge.runtime.env import Clock, SteadyClock
from kedge.venues.venue import Condition, Emit

ACCOUNT = "quiet/main"
# No budget of the venue's stands in the way, and no book grows stale while nothing is measured.
RULES = Rules(venue="quiet", as_of="bench", requests_per_s=10**6, burst=10**6, book_age_max_ns=3600 * 10**9)
BID = Decimal(60_000)
TICK = Decimal("0.5")


def instrument(number: int) -> Instrument:
    return Instrument(
        symbol=f"COIN{number}-PERP",
        kind="linear",
        base=f"COIN{number}",
        quote="USD",
        settle="USD",
        tick=TICK,
        qty_step=Decimal("0.001"),
        min_qty=Decimal("0.001"),
        min_notional=Decimal(5),
    )


def market(number: int) -> str:
    return f"{ACCOUNT}:COIN{number}-PERP"


def book(number: int, bid: Decimal, now_ns: int, qty: Decimal = Decimal(5)) -> BookUpdate:
    """Five levels a side, one tick apart, with one tick between bid and ask."""
    bids = tuple(Level(bid - TICK * i, qty) for i in range(5))
    asks = tuple(Level(bid + TICK * (i + 1), qty) for i in range(5))
    return BookUpdate(market(number), bids, asks, now_ns)


class QuietVenue:
    """Implements `Venue`. `on_request` is told of every order request the moment it would leave."""

    def __init__(self, instruments: int, clock: Clock, rules: Rules = RULES) -> None:
        self.account = ACCOUNT
        self.rules = rules
        self.orders: dict[str, OrderReport] = {}
        self.requests = 0
        self.trouble = ""
        self.condition = Condition()
        self.on_request: Callable[[str], None] = _ignore
        self.reported = asyncio.Event()
        self._instruments = tuple(instrument(i) for i in range(instruments))
        self._clock = clock
        self._emit: Emit = _ignore

    async def open(self, emit: Emit) -> None:
        self._emit = emit
        emit(LinkUp(self.account, self.rules))

    async def close(self) -> None:
        self._emit = _ignore

    def retry(self) -> None: ...

    async def bars(self, symbol: str, interval_ns: int, since_ns: int, until_ns: int) -> str:
        return "no bars here"

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        pass

    async def place(self, order: PlaceOrder) -> Answered:
        self._leaves(order.client_id)
        report = OrderReport(
            client_id=order.client_id,
            venue_id=f"v{len(self.orders)}",
            symbol=order.symbol,
            side=order.side,
            qty=order.qty,
            price=order.price,
            cum_qty=Decimal(0),
            state=State.OPEN,
            venue_ns=self._clock(),
        )
        self.orders[order.client_id] = report
        return Answered(self.account, "place", order.client_id, Answer.DONE, order=report)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        self._leaves(client_id)
        return Answered(self.account, "amend", client_id, Answer.DONE)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        self._leaves(client_id)
        gone = self.orders.pop(client_id, None)
        if gone is None:
            return Answered(self.account, "cancel", client_id, Answer.REJECTED, "no such order")
        news = _cancelled(gone, self._clock())
        self._emit(OrderNews(self.account, news))
        return Answered(self.account, "cancel", client_id, Answer.DONE)

    async def cancel_all(self, symbol: str | None) -> str:
        return "" if not self.orders else "sweeps are not what is measured here"

    async def lookup(self, ask: Ask) -> LookedUp:
        return LookedUp(self.account, ask.client_id, self._clock(), self.orders.get(ask.client_id))

    async def instruments(self) -> tuple[Instrument, ...] | str:
        return self._instruments

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        return "prices are not what is measured here"

    async def report(self, cursor: str) -> AccountReport | str:
        self.reported.set()
        return AccountReport(
            self._clock(), tuple(self.orders.values()), (), (), (), (), self._instruments, cursor
        )

    def _leaves(self, client_id: str) -> None:
        self.requests += 1
        self.on_request(client_id)


def _ignore(_: Any) -> None:
    pass


def _cancelled(order: OrderReport, now_ns: int) -> OrderReport:
    return OrderReport(
        client_id=order.client_id,
        venue_id=order.venue_id,
        symbol=order.symbol,
        side=order.side,
        qty=order.qty,
        price=order.price,
        cum_qty=order.cum_qty,
        state=State.CANCELLED,
        venue_ns=now_ns,
    )


# ── a cell at work ──────────────────────────────────────────────────────────────────────────────


class Desk:
    """A real cell over a real journal and the quiet venue."""

    def __init__(self, cell: Cell, journal: SqliteJournal, venue: QuietVenue, clock: Clock) -> None:
        self.cell, self.journal, self.venue, self.clock = cell, journal, venue, clock
        self._commands = 0
        self._bids: dict[int, Decimal] = {}

    def moved(self, number: int) -> Decimal:
        """A bid one tick from the one before: up and down in turns, so that every peg follows."""
        was = self._bids.get(number, BID)
        self._bids[number] = BID if was > BID else BID + TICK
        return self._bids[number]

    async def add(self, name: str, kind: str, config: bytes) -> None:
        self._commands += 1
        args = b'{"name":"%b","kind":"%b","config":%b}' % (name.encode(), kind.encode(), config)
        command = Command(f"bench-{self.clock()}-{self._commands}", "bench", "bench", "bot.add", Raw(args))
        taken = await self.cell.command(command)
        assert taken.ok, taken.says

    async def add_pegs(self, count: int, markets: int, qty: str = "1", pace_ms: int = 0) -> None:
        """Buying pegs, spread over the markets, in commands that go together."""
        bodies = [
            b'{"market":"%b","side":"buy","qty":"%b","pace_ms":%d}'
            % (market(i % markets).encode(), qty.encode(), pace_ms)
            for i in range(count)
        ]
        for start in range(0, count, 500):
            numbers = range(start, min(start + 500, count))
            await asyncio.gather(*(self.add(f"peg-{i}", "peg", bodies[i]) for i in numbers))

    def books(self, markets: int, bid: Decimal = BID) -> None:
        now_ns = self.clock()
        for i in range(markets):
            self.cell.hear(book(i, bid, now_ns))

    async def settled(self) -> None:
        """Until nothing is on its way: to the disk, to the venue, or back."""
        calm = 0
        async with asyncio.timeout(60):
            while calm < 5:
                await asyncio.sleep(0)
                calm = calm + 1 if self._calm() else 0

    def _calm(self) -> bool:
        cell = self.cell
        if cell.durable_seq < cell.last_seq or cell._inbox or cell._books:  # as a test would
            return False
        orders = cell.engine.desk.account(ACCOUNT).orders.values()
        return not any(o.change or o.state is State.PENDING for o in orders)


@contextlib.asynccontextmanager
async def desk(
    home: Path,
    markets: int,
    rules: Rules = RULES,
    kinds: Mapping[str, Bot[Any, Any]] | None = None,
    snapshot_every: int = 20_000,
) -> AsyncIterator[Desk]:
    """A desk that is reconciled and ready; stopped in good order at the end."""
    clock = SteadyClock()
    journal = SqliteJournal.open(home, "bench", "bench", clock)
    venue = QuietVenue(markets, clock, rules)
    config = CellConfig("bench", "bench", 77, snapshot_every)
    cell = Cell(config, journal, {ACCOUNT: venue}, {**BUILT_IN, **(kinds or {})}, RiskBook(), clock)
    running = asyncio.get_running_loop().create_task(cell.run())
    try:
        await ready(cell)
        yield Desk(cell, journal, venue, clock)
    finally:
        cell.stop()
        await running
        await journal.close()


async def ready(cell: Cell) -> None:
    """Until the account is reconciled."""
    async with asyncio.timeout(60):
        while not cell.engine.links[ACCOUNT].ready:  # noqa: ASYNC110  # the engine has no event for it
            await asyncio.sleep(0)
