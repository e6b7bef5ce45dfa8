"""A cell with nothing real around it: a journal that becomes durable when a test says so, and a venue that
answers when a test says so, in virtual time.

    in_virtual_time(test)              `test` is a coroutine function without arguments
    async with a_room() as room        a running cell, connected and reconciled, with a fresh book
    room.journal.by_hand = True        from here on nothing is durable before `room.journal.sync()`
    room.venue.hold = True             from here on requests wait for `room.venue.let_go()`
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from decimal import Decimal as D
from typing import Any

import msgspec
from builders import DESK_ID, MAIN, PERP, RULES, SECOND, START, Act, Puppet, perp
from msgspec import Raw

from kedge.bots import BUILT_IN
from kedge.engine.bot import Bot
from kedge.engine.engine import RiskBook
from kedge.journal.journal import JournalError, Past
from kedge.model import records as r
from kedge.model.events import Answered, BookUpdate, Command, LinkUp, LookedUp
from kedge.model.instrument import Instrument
from kedge.model.order import State
from kedge.model.records import CommandTaken, Entry
from kedge.model.venue import AccountReport, Answer, Ask, Feed, Level, OrderReport, PlaceOrder, Quote, Rules
from kedge.runtime.cell import Cell, CellConfig
from kedge.sim.loop import StormLoop
from kedge.venues.venue import Condition, Emit

TURN_S = 0.001


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with StormLoop() as loop:
        loop.run_until_complete(test())
        assert loop.complaints == []


def now_ns() -> int:
    return START + round(asyncio.get_running_loop().time() * SECOND)


async def settle() -> None:
    """Let everything run that is ready (a millisecond of virtual time)."""
    await asyncio.sleep(TURN_S)


class HandJournal:
    """In memory. `durable` is what would survive a crash here and now."""

    def __init__(self, durable: Sequence[Entry] = (), life: int = 1) -> None:
        self.cell, self.life = "main", life
        self.durable = list(durable)
        self.appends: list[Sequence[Entry]] = []
        self.snapshots: list[tuple[int, bytes]] = []
        self.by_hand = False
        self.lease = True
        self.broken: JournalError | None = None
        self._waiting: deque[tuple[Sequence[Entry], asyncio.Future[None]]] = deque()

    def past(self) -> Past:
        last = self.durable[-1].seq if self.durable else 0
        seq, body = self.snapshots[-1] if self.snapshots else (0, None)
        return Past(body, seq, last)

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]:
        found = [entry for entry in self.durable if entry.seq > after_seq]
        return iter(found[:limit] if limit else found)

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if self.broken is not None:
            future.set_exception(self.broken)
            return future
        self.appends.append(entries)
        self._waiting.append((entries, future))
        if not self.by_hand:
            loop.call_soon(self.sync)
        return future

    def sync(self, count: int = 1_000_000) -> None:
        """What waits (or only so many appends of it) is on the disk now."""
        while self._waiting and count:
            entries, future = self._waiting.popleft()
            self.durable += entries
            future.set_result(None)
            count -= 1

    def fail(self, error: JournalError) -> None:
        self.broken = error
        while self._waiting:
            self._waiting.popleft()[1].set_exception(error)

    async def snapshot(self, seq: int, body: bytes) -> None:
        assert self.durable[-1].seq >= seq, "a snapshot of what is not durable"
        self.snapshots.append((seq, body))

    def holds(self) -> bool:
        return self.lease and self.broken is None

    async def close(self) -> None: ...

    def intents(self) -> list[str]:
        return [e.record.client_id for e in self.durable if isinstance(e.record, r.Intent)]


class HandVenue:
    """Answers at once that all is well, unless it is told to `hold`. Keeps what left, and when."""

    def __init__(self, account: str = MAIN, rules: Rules = RULES, clock: Callable[[], int] = now_ns) -> None:
        self.account, self.rules, self.clock = account, rules, clock
        self.left: list[tuple[str, str]] = []
        self.left_ns: list[int] = []
        self.orders: list[PlaceOrder] = []
        self.watched: list[tuple[str, ...]] = []
        self.hold = False
        self.closed = False
        self.report_says = self.quotes_say = ""
        self.at_place: Callable[[PlaceOrder], None] = lambda order: None
        self.retries = 0
        self.cancel_all_says = self.odd = ""
        self.retry_ns = 0
        self.unsent = False
        self.fed: list[tuple[Feed, ...]] = []
        self._held: deque[asyncio.Future[None]] = deque()
        self._emit: Emit | None = None

    async def open(self, emit: Emit) -> None:
        self._emit = emit
        emit(LinkUp(self.account, self.rules))

    async def close(self) -> None:
        self.closed = True

    def retry(self) -> None:
        self.retries += 1

    async def bars(self, symbol: str, interval_ns: int, since_ns: int, until_ns: int) -> str:
        return "no bars here"

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        self.fed.append(tuple(feeds))
        self.watched.append(tuple(symbols))
        await self._turn()

    async def place(self, order: PlaceOrder) -> Answered:
        self.at_place(order)
        self.orders.append(order)
        await self._leave("place", order.client_id)
        if self.retry_ns:
            says, wait_ns = "too many requests", self.retry_ns
            return Answered(
                self.account,
                "place",
                order.client_id,
                Answer.REJECTED,
                says,
                retry_ns=wait_ns,
                unsent=self.unsent,
            )
        shown = OrderReport(
            order.client_id,
            "v" + order.client_id[-4:],
            order.symbol,
            order.side,
            order.qty,
            order.price,
            D(0),
            State.OPEN,
            self.clock(),
        )
        return Answered(self.account, "place", order.client_id, Answer.DONE, order=shown)

    async def amend(self, client_id: str, symbol: str, price: D, qty: D, valid_until_ns: int) -> Answered:
        await self._leave("amend", client_id)
        return Answered(self.account, "amend", client_id, Answer.DONE)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        await self._leave("cancel", client_id)
        return Answered(self.account, "cancel", client_id, Answer.ACCEPTED)

    async def cancel_all(self, symbol: str | None) -> str:
        await self._leave("cancel_all", symbol or "")
        return self.cancel_all_says

    @property
    def trouble(self) -> str:
        return self.odd

    @property
    def condition(self) -> Condition:
        return Condition(3, 100, 5_000_000, 0)

    async def lookup(self, ask: Ask) -> LookedUp:
        asked_ns = self.clock()
        await self._leave("lookup", ask.client_id)
        return LookedUp(self.account, ask.client_id, asked_ns)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        await self._leave("instruments", "")
        return (perp(),)

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        await self._leave("quotes", ",".join(symbols or ()))
        if self.quotes_say:
            return self.quotes_say
        known = (Quote("BTC-PERP", bid=D(60000), ask=D(60001), last=D(60000), venue_ns=self.clock()),)
        return tuple(one for one in known if symbols is None or one.symbol in symbols)

    async def report(self, cursor: str) -> AccountReport | str:
        asked_ns = self.clock()
        await self._leave("report", "")
        if self.report_says:
            return self.report_says
        return AccountReport(asked_ns, (), (), (), (), (), (perp(),), "c")

    def count(self, what: str) -> int:
        return sum(sort == what for sort, _ in self.left)

    def let_go(self) -> None:
        """Answer everything that waits, and hold nothing any more."""
        self.hold = False
        while self._held:
            future = self._held.popleft()
            if not future.done():
                future.set_result(None)

    async def _leave(self, what: str, client_id: str) -> None:
        self.left.append((what, client_id))
        self.left_ns.append(self.clock())
        await self._turn()

    async def _turn(self) -> None:
        if self.hold:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._held.append(future)
            await future


class Room:
    """A cell, its journal, its venue, and the people."""

    def __init__(
        self,
        journal: HandJournal | None = None,
        kinds: Mapping[str, Bot[Any, Any]] | None = None,
        rules: Rules = RULES,
        snapshot_every: int = 100_000,
    ) -> None:
        self.journal = journal or HandJournal()
        self.puppet = Puppet()
        self.venue = HandVenue(rules=rules)
        self.kinds = kinds if kinds is not None else {**BUILT_IN, "puppet": self.puppet}
        config = CellConfig("main", "tests", DESK_ID, snapshot_every)
        self.cell = Cell(config, self.journal, {MAIN: self.venue}, self.kinds, RiskBook(), now_ns)
        self._commands = 0

    def book(self, bid: Any = 60000) -> None:
        self.cell.hear(a_book(bid))

    def a_command(self, verb: str, command_id: str = "", **args: Any) -> Command:
        self._commands += 1
        key = command_id or f"c{self.journal.life}-{self._commands}"
        return Command(key, "ann", "tests", verb, Raw(msgspec.json.encode(args)))

    async def do(self, verb: str, command_id: str = "", **args: Any) -> CommandTaken:
        return await self.cell.command(self.a_command(verb, command_id, **args))

    def ask(self, verb: str, command_id: str = "", **args: Any) -> asyncio.Task[CommandTaken]:
        """The same without waiting for it."""
        return asyncio.get_running_loop().create_task(self.do(verb, command_id, **args))

    async def play(self, name: str, act: Act) -> None:
        """Add a puppet that does this."""
        self.puppet.acts[name] = act
        taken = await self.do("bot.add", name=name, kind="puppet")
        assert taken.ok, taken.says

    def notes(self) -> list[str]:
        return [e.record.text for e in self.journal.durable if isinstance(e.record, r.Noted)]


def a_book(bid: Any = 60000, market: str = PERP) -> BookUpdate:
    at = D(str(bid))
    return BookUpdate(market, (Level(at, D(5)),), (Level(at + D("0.5"), D(5)),), now_ns())


@contextlib.asynccontextmanager
async def a_room(**settings: Any) -> AsyncIterator[Room]:
    """Connected, reconciled, with a fresh book; stopped in good order unless the test has ended it."""
    room = Room(**settings)
    running = asyncio.get_running_loop().create_task(room.cell.run())
    await settle()
    room.book()
    await settle()
    assert room.cell.engine.links[MAIN].ready
    try:
        yield room
    finally:
        room.cell.stop()
        with contextlib.suppress(JournalError):
            await running
