"""Does memory stay flat? A simulated week with a million orders and as many fills.

    engine   seven days through `step` alone, with a stepped clock: every order, amend, fill, report and timer
    desk     the same week at a tenth of that pace through the real cell with its journal, its tables and its
             flight recorder

20 bots, each on a market of its own, trade back and forth; each order fills about twelve seconds after it was
placed, and is re-priced on the way. What a desk keeps on purpose (orders for an hour, execution ids for six,
ten thousand commands) fills during the first day; after that nothing may grow.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from msgspec import Raw, Struct

from bench.kit import Budget, Part, Size, Table, child, folder, rss_mb, run, timed
from bench.quiet import ACCOUNT, BID, RULES, TICK, QuietVenue, book, instrument, market, ready
from kedge.engine import keyframe
from kedge.engine.bot import Bot, Decision, View
from kedge.engine.effects import Amend, AskReport, Cancel, Effect, Lookup, Place
from kedge.engine.engine import Engine, RiskBook
from kedge.engine.state import Desk, encode_desk
from kedge.engine.step import born, next_ns, step
from kedge.engine.wants import Rest
from kedge.journal.reading import Reading
from kedge.journal.recorder import FlightRecorder
from kedge.journal.sqlite import SqliteJournal
from kedge.model.events import Answered, Command, Event, FillNews, LinkUp, LookedUp, OrderNews, Reported, Tick
from kedge.model.order import Side, State
from kedge.model.venue import AccountReport, Answer, Fill, OrderReport, PlaceOrder, VenuePosition
from kedge.runtime.cell import Cell, CellConfig
from kedge.runtime.env import SteadyClock
from kedge.runtime.readings import Readings

NAME, TITLE = "week", "Memory over a simulated week"
BOTS, MARKETS = 20, 20
DAY_NS = 86_400 * 10**9
START_NS = 1_760_400_000 * 10**9
# One order fills per tick: a million in a week.
TICK_NS = 7 * DAY_NS // 1_000_000
# The whole desk trades at a tenth of that pace, so that a week of it fits into a few minutes.
DESK_TICK_NS = 10 * TICK_NS
LOT = Decimal("0.050")
GROWTH = 1.05


class ChurnConfig(Struct, frozen=True):
    market: str


class ChurnState(Struct, frozen=True):
    fills: int = 0


class Churn(Bot[ChurnConfig, ChurnState]):
    """Buys a lot at the bid, then sells it at the ask, for ever."""

    kind = "churn"
    summary = "Buys and sells the same lot for ever."
    Config = ChurnConfig
    State = ChurnState
    words: ClassVar[dict[str, str]] = {}

    def markets(self, config: ChurnConfig) -> tuple[str, ...]:
        return (config.market,)

    def decide(self, view: View[ChurnConfig, ChurnState]) -> Decision[ChurnState]:
        at = view.market(view.config.market)
        if at is None or not at.ready:
            return Decision(view.state)
        slot = view.slot("main")
        side: Side = "buy" if slot.net <= 0 else "sell"
        fills = int((slot.bought + slot.sold) / LOT)
        want = Rest("main", view.config.market, side, at.near(side), LOT, why="back and forth")
        return Decision(ChurnState(fills), wants=(want,))


def measure(size: Size) -> Part:
    days = 7
    orders, through_desk = size.of(1_000_000, 400), size.of(100_000, 200)
    took, week = timed(lambda: child("bench.week", "engine", orders=orders, days=days))
    with folder() as home:
        part_of = {"home": str(home), "orders": through_desk, "days": days}
        took_desk, day = timed(lambda: child("bench.week", "desk", **part_of))
    part = Part(TITLE)
    for name, found in (("engine, days", week), ("whole desk, days", day)):
        growth = statistics.median(found["rss"][4:]) / statistics.median(found["rss"][1:4])
        part.budgets.append(Budget(f"memory of the {name} 5–7 ÷ 2–4", growth, GROWTH))
    part.tables = [_table(week, day, days)]
    part.says = [
        f"Engine: {week['orders']:,} orders and {week['fills']:,} fills in {days} simulated days, in"
        f" {took:.0f} s of this machine ({took / week['orders'] * 1e6:.0f} µs an order, its books,"
        f" re-pricings, answers and fill included). Kept at the end: {week['kept']}.",
        f"Whole desk: {day['orders']:,} orders at a tenth of that pace, {day['hours'] / 24:.1f} days,"
        f" through cell, journal, tables and flight recorder, in {took_desk:.0f} s. On disk at the end:"
        f" {day['disk']}.",
    ]
    return part


def _table(week: dict[str, Any], day: dict[str, Any], days: int) -> Table:
    heads = ("MB held at the end of", *(f"{i + 1}" for i in range(days)))
    return Table(
        heads,
        [
            ("each day: engine", *(f"{mb:.1f}" for mb in week["rss"])),
            ("each day: whole desk", *(f"{mb:.1f}" for mb in day["rss"])),
        ],
    )


# ── the market that trades with them ────────────────────────────────────────────────────────────


class Tape:
    """What the venue says, tick by tick: in turns one order fills, and every second tick one book moves."""

    def __init__(self, orders: dict[str, OrderReport]) -> None:
        self.orders = orders  # open ones, by client id
        self.positions: dict[str, Decimal] = {}
        self.fills = 0
        self._bids = [BID] * MARKETS

    def tick(self, number: int, now_ns: int) -> list[Event]:
        news: list[Event] = []
        if number % 2:
            at = number // 2 % MARKETS
            self._bids[at] += TICK if number // 40 % 2 else -TICK
            news.append(book(at, self._bids[at], now_ns))
        if len(self.orders) == BOTS:
            news += self._fill(next(iter(self.orders)), now_ns)  # the oldest order
        return news

    def _fill(self, client_id: str, now_ns: int) -> list[Event]:
        order = self.orders.pop(client_id)
        self.fills += 1
        signed = order.qty if order.side == "buy" else -order.qty
        self.positions[order.symbol] = self.positions.get(order.symbol, Decimal(0)) + signed
        fill = Fill(
            exec_id=f"x{self.fills}",
            client_id=client_id,
            venue_id=order.venue_id,
            symbol=order.symbol,
            side=order.side,
            qty=order.qty,
            price=order.price,
            fee=Decimal("0.30"),
            fee_asset="USD",
            venue_ns=now_ns,
            maker=True,
        )
        done = report(client_id, order, now_ns, order.price, State.FILLED)
        return [FillNews(ACCOUNT, fill), OrderNews(ACCOUNT, done)]

    def report(self, now_ns: int) -> AccountReport:
        held = tuple(VenuePosition(symbol, qty, BID) for symbol, qty in self.positions.items() if qty)
        instruments = tuple(instrument(i) for i in range(MARKETS))
        cursor = f"{self.fills}"
        return AccountReport(now_ns, tuple(self.orders.values()), (), (), held, (), instruments, cursor)


def report(
    client_id: str, order: PlaceOrder | OrderReport, now_ns: int, price: Decimal, state: State = State.OPEN
) -> OrderReport:
    return OrderReport(
        client_id=client_id,
        venue_id="v" + client_id[-8:],
        symbol=order.symbol,
        side=order.side,
        qty=order.qty,
        price=price,
        cum_qty=order.qty if state is State.FILLED else Decimal(0),
        state=state,
        venue_ns=now_ns,
    )


def additions() -> list[Command]:
    shape = b'{"name":"churn-%d","kind":"churn","config":{"market":"%b"}}'
    bodies = [Raw(shape % (i, market(i % MARKETS).encode())) for i in range(BOTS)]
    return [Command(f"add-{i}", "bench", "bench", "bot.add", body) for i, body in enumerate(bodies)]


# ── the engine alone ────────────────────────────────────────────────────────────────────────────


def engine(orders: int, days: int) -> dict[str, Any]:
    """In a process of its own."""
    w = _Alone()
    ticks = 0
    marks = []
    for day in range(1, days + 1):
        while w.tape.fills < orders * day // days:
            w.tick(ticks)
            ticks += 1
        gc.collect()
        marks.append(rss_mb())
    return {"rss": marks, "orders": w.placed, "fills": w.tape.fills, "kept": w.kept()}


class _Alone:
    def __init__(self) -> None:
        self.now_ns = START_NS
        self.tape = Tape({})
        self.placed = 0
        self.records = 0
        self.e = Engine(Desk(), {"churn": Churn()}, {ACCOUNT: RULES}, RiskBook(), "bench")
        self._work(born(self.e, self.now_ns, 77, "bench", 1).effects)
        self.hear(LinkUp(ACCOUNT, RULES))
        for i in range(MARKETS):
            self.hear(book(i, BID, self.now_ns))
        for command in additions():
            self.hear(command)

    def tick(self, number: int) -> None:
        self.now_ns += TICK_NS
        due = next_ns(self.e)
        if due is not None and due <= self.now_ns:
            self.hear(Tick())
        for event in self.tape.tick(number, self.now_ns):
            self.hear(event)

    def hear(self, event: Event) -> None:
        out = step(self.e, event, self.now_ns)
        self.records += len(out.records)
        if self.records > 20_000:
            self.records = 0
            encode_desk(self.e.desk)  # as the cell does for its snapshots
        self._work(out.effects)

    def _work(self, effects: list[Effect]) -> None:
        for effect in effects:
            for answer in self._answers(effect):
                self.hear(answer)

    def _answers(self, effect: Effect) -> list[Event]:
        open_orders = self.tape.orders
        if isinstance(effect, Place):
            self.placed += 1
            own = effect.order
            open_orders[own.client_id] = seen = report(own.client_id, own, self.now_ns, own.price)
            return [Answered(ACCOUNT, "place", own.client_id, Answer.DONE, order=seen)]
        if isinstance(effect, Amend):
            there = open_orders.get(effect.client_id)
            if there is None:
                return [Answered(ACCOUNT, "amend", effect.client_id, Answer.REJECTED, "filled")]
            now = report(effect.client_id, there, self.now_ns, effect.price)
            open_orders[effect.client_id] = now
            return [Answered(ACCOUNT, "amend", effect.client_id, Answer.DONE, order=now)]
        if isinstance(effect, Cancel):
            gone = open_orders.pop(effect.client_id, None)
            answer = Answer.DONE if gone else Answer.REJECTED
            news: list[Event] = [Answered(ACCOUNT, "cancel", effect.client_id, answer)]
            if gone is not None:
                ended = msgspec.structs.replace(gone, state=State.CANCELLED, venue_ns=self.now_ns)
                news.append(OrderNews(ACCOUNT, ended))
            return news
        if isinstance(effect, Lookup):
            return [LookedUp(ACCOUNT, effect.client_id, self.now_ns, open_orders.get(effect.client_id))]
        if isinstance(effect, AskReport):
            return [Reported(ACCOUNT, self.tape.report(self.now_ns))]
        return []

    def kept(self) -> str:
        """The sizes of everything that could grow."""
        e, account = self.e, self.e.desk.account(ACCOUNT)
        heap = len(e.timers._heap)
        resting = sum(len(side) for side in e._resting.values())
        return (
            f"{len(account.orders):,} orders, {len(account.seen):,} execution ids, {len(e.cares)} orders"
            f" asked after, {len(e.timers)} timers in a heap of {heap:,}, {resting:,} in the index of resting"
            f" orders, {len(e.counts)} counters, a snapshot of {len(encode_desk(e.desk)) / 2**20:.1f} MB"
        )


# ── the whole desk ──────────────────────────────────────────────────────────────────────────────


class _Venue(QuietVenue):
    """The quiet venue on a stepped clock, whose orders the tape fills."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__(MARKETS, clock)
        self.tape = Tape(self.orders)
        self.placed = 0

    async def place(self, order: PlaceOrder) -> Answered:
        self.placed += 1
        return await super().place(order)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        if client_id not in self.orders:
            return Answered(ACCOUNT, "amend", client_id, Answer.REJECTED, "filled")
        self.orders[client_id] = report(client_id, self.orders[client_id], self._clock(), price)
        return Answered(ACCOUNT, "amend", client_id, Answer.DONE, order=self.orders[client_id])

    async def report(self, cursor: str) -> AccountReport | str:
        return self.tape.report(self._clock())

    def tick(self, number: int) -> None:
        for event in self.tape.tick(number, self._clock()):
            self._emit(event)


def desk(home: str, orders: int, days: int) -> dict[str, Any]:
    return run(lambda: _desk(Path(home), orders, days))  # type: ignore[no-any-return]


async def _desk(home: Path, orders: int, days: int) -> dict[str, Any]:
    now = [START_NS]

    def clock() -> int:
        """The stepped clock of everything but the disk."""
        return now[0]

    journal = SqliteJournal.open(home, "bench", "bench", SteadyClock())
    venue = _Venue(clock)
    recorder = FlightRecorder(home / "flight", lambda: (cell.last_seq, keyframe.take(cell.engine)))
    config = CellConfig("bench", "bench", 77)
    kinds: dict[str, Bot[Any, Any]] = {"churn": Churn()}
    cell = Cell(config, journal, {ACCOUNT: venue}, kinds, RiskBook(), clock, recorder.write_event)
    readings = Readings(Reading.open(home, "bench"), journal, print)
    cell.tails[0] = readings.tell
    loop = asyncio.get_running_loop()
    running, following = loop.create_task(cell.run()), loop.create_task(readings.run())
    await ready(cell)
    for i in range(MARKETS):
        cell.hear(book(i, BID, clock()))
    for command in additions():
        await cell.command(command)
    marks, numbers = [], itertools.count()
    for day in range(1, days + 1):
        while venue.tape.fills < orders * day // days:
            now[0] += DESK_TICK_NS
            venue.tick(next(numbers))
            await _quiet(cell)
            if running.done():
                await running
        await _told(readings, cell)
        gc.collect()
        marks.append(rss_mb())
    cell.stop()
    await running
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    recorder.close(clock())
    await readings.close()
    await journal.close()
    return {
        "rss": marks,
        "orders": venue.placed,
        "fills": venue.tape.fills,
        "disk": _disk(home),
        "hours": (now[0] - START_NS) / (DAY_NS / 24),
    }


async def _quiet(cell: Cell) -> None:
    """Until the cell has done what the last tick brought; a stuck one ends the bench."""
    calm = 0
    for _ in range(1_000_000):
        await asyncio.sleep(0)
        busy = cell.durable_seq < cell.last_seq or cell._inbox or cell._books or cell._waiting
        calm = 0 if busy else calm + 1
        if calm == 3:
            return
    raise RuntimeError("the cell never comes to rest")


async def _told(readings: Readings, cell: Cell) -> None:
    while readings._reading.applied_seq < cell.durable_seq:
        readings._wake.set()
        await asyncio.sleep(0.05)


def _disk(home: Path) -> str:
    def mb(pattern: str) -> str:
        return f"{sum(path.stat().st_size for path in home.glob(pattern)) / 2**20:,.0f} MB"

    return (
        f"journal {mb('bench.sqlite*')}, archive {mb('*.archive-*')}, tables {mb('*read*')},"
        f" flight recorder {mb('flight/*')}"
    )
