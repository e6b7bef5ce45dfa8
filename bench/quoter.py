"""A desk that quotes on Bybit: the real cell, journal and adapter, and a bot that answers a wide spread.

While the spread is two ticks or more the bot has an order at the best bid, else none. So one message of the
venue asks for an order and the next one for its cancel, and every order is an answer to a message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

from msgspec import Raw, Struct
from msgspec.structs import replace

from bench.lean import KEY, SECRET, Lean
from kedge.engine.bot import Bot, Decision, View
from kedge.engine.engine import RiskBook
from kedge.engine.wants import Rest
from kedge.journal.sqlite import SqliteJournal
from kedge.model.events import Command, Event
from kedge.model.instrument import Market, market_of
from kedge.model.order import State
from kedge.runtime.cell import Cell, CellConfig
from kedge.runtime.env import Clock, SteadyClock
from kedge.venues.allowance import Window
from kedge.venues.bybit import asks
from kedge.venues.bybit.client import BybitVenue
from kedge.venues.bybit.rules import BYBIT_RULES
from kedge.venues.venue import Setup
from kedge.venues.wires import Ears, Headers, HttpAsk, HttpSaid, Wires

ACCOUNT = "bybit/main"
TICK = Decimal("0.10")
# The budgets of a market maker who is limited by nothing: what is measured is how quick, not how often.
FREE = replace(BYBIT_RULES, requests_per_s=10**6, burst=10**6, reserve=0)


class QuoterConfig(Struct, frozen=True):
    market: str
    early: bool = False
    qty: Decimal = Decimal("0.010")


class QuoterState(Struct, frozen=True):
    pass


class Quoter(Bot[QuoterConfig, QuoterState]):
    kind = "quoter"
    summary = "Joins the best bid while the spread is two ticks or more."
    Config = QuoterConfig
    State = QuoterState

    def markets(self, config: QuoterConfig) -> tuple[Market, ...]:
        return (config.market,)

    def decide(self, view: View[QuoterConfig, QuoterState]) -> Decision[QuoterState]:
        config = view.config
        market = view.market(config.market)
        if market is None or not market.ready or market.ask - market.bid < 2 * TICK:
            return Decision(view.state)
        want = Rest("bid", config.market, "buy", market.bid, config.qty, tif="post_only", quote=config.early)
        return Decision(view.state, wants=(want,))


class Desk:
    """A cell on an adapter on some wires."""

    def __init__(self, cell: Cell, venue: BybitVenue, clock: Clock) -> None:
        self.cell, self.venue, self.clock = cell, venue, clock

    async def add(self, symbol: str, early: bool) -> None:
        config = b'{"market":"%b","early":%b}' % (
            market_of(ACCOUNT, symbol).encode(),
            b"true" if early else b"false",
        )
        args = Raw(b'{"name":"quoter-%b","kind":"quoter","config":%b}' % (symbol.encode(), config))
        command = Command(f"bench-{symbol}-{self.clock()}", "bench", "bench", "bot.add", args)
        taken = await self.cell.command(command)
        assert taken.ok, taken.says

    async def settled(self) -> None:
        """Until nothing is on its way to the disk, and no order stands or is in doubt."""
        cell = self.cell
        async with asyncio.timeout(30):
            while cell.durable_seq < cell.last_seq or cell._heard() or self._busy():  # noqa: ASYNC110
                await asyncio.sleep(0)  # as a test would: the engine has no event for it

    def _busy(self) -> bool:
        orders = self.cell.engine.desk.account(ACCOUNT).orders.values()
        return any(order.live and (order.change or order.state is State.PENDING) for order in orders)


@contextlib.asynccontextmanager
async def desk(
    home: Path, wires: Wires, url: str, record: Callable[[int, Event], None] | None = None
) -> AsyncIterator[Desk]:
    """A desk that is reconciled and has its line for orders; stopped in good order at the end."""
    clock = SteadyClock()
    asks.WINDOWS.update({name: Window(10**6, window.length_ns) for name, window in asks.WINDOWS.items()})
    journal = SqliteJournal.open(home, "bench", "bench", clock)
    venue = BybitVenue(Setup(ACCOUNT, KEY, SECRET, url=url), wires, clock)
    venue.rules = venue._life.rules = FREE
    config = CellConfig("bench", "bench", 77)
    cell = Cell(config, journal, {ACCOUNT: venue}, {"quoter": Quoter()}, RiskBook(), clock, record)
    running = asyncio.get_running_loop().create_task(cell.run())
    try:
        await _until(lambda: running.done() or (cell.engine.links[ACCOUNT].ready and venue._trade.usable))
        yield Desk(cell, venue, clock)
    finally:
        cell.stop()
        await running
        await journal.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  # these have no event to wait for
            await asyncio.sleep(0.001)


# ── wires without a net ─────────────────────────────────────────────────────────────────────────


class StillWires:
    """The lean venue in the same process: answers come with the loop's next turn, and nothing is sent.

    `ears` are by line: "public", "private", "trade". `on_order` is called with a frame as it would leave.
    """

    def __init__(self, lean: Lean) -> None:
        self.lean = lean
        self.ears: dict[str, Ears] = {}
        self.on_order: Callable[[bytes], None] = lambda frame: None

    async def http(self, base: str, ask: HttpAsk, timeout_s: float) -> HttpSaid:
        path, _, query = ask.target.partition("?")
        return HttpSaid(200, {}, self.lean.http(path, query))

    async def socket(self, url: str, ears: Ears, timeout_s: float, headers: Headers = ()) -> StillMouth:
        line = line_of(url)
        self.ears[line] = ears
        return StillMouth(self, line)

    async def close(self) -> None: ...

    def hear(self, line: str, frame: bytes) -> None:
        """As picows would: one frame, and the read is through."""
        ears = self.ears[line]
        ears.heard(frame)
        ears.paused()  # type: ignore[attr-defined]  # an ear of `Line` has it


class StillMouth:
    def __init__(self, wires: StillWires, line: str) -> None:
        self._wires = wires
        self._line = line

    def say(self, frame: bytes) -> bool:
        wires, soon = self._wires, asyncio.get_running_loop().call_soon
        if self._line == "trade" and b'"order.' in frame:
            wires.on_order(frame)
            ack, news = wires.lean.taken(frame)
            soon(wires.hear, "trade", ack)
            soon(wires.hear, "private", news)
            return True
        for answer in wires.lean.heard(self._line, frame):
            soon(wires.hear, self._line, answer)
        return True

    def ping(self) -> None: ...

    def close(self) -> None: ...


def line_of(url: str) -> str:
    """Which of Bybit's lines an address is."""
    return "public" if "/public/" in url else url.rpartition("/")[2]
