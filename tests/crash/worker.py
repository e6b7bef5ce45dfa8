"""`kedge up` as it is, in a process of its own that can be struck at any boundary.

The real command line runs the real runtime: home, settings, lease, journal, gate, watchdog, everything. Two
thin wrappers stand around the journal and the venues and come past the boundaries of `points.py`, and the
venues get rules with short waits, so that a doubt is settled in half a second instead of eight. Real adapters
have one more wrapper below them (`wires.py`).

Run as a program this is a stable of such processes: it imports everything once, and for each line (a `Job`)
on its standard input it forks one, says its number, waits, and says how it ended.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kedge import cli
from kedge.engine import orders, reconcile, step
from kedge.engine.engine import Engine, Out
from kedge.engine.state import Account
from kedge.home import Home
from kedge.journal.archive import Bounds
from kedge.journal.sqlite import SqliteJournal
from kedge.logs import Log
from kedge.model import records as r
from kedge.model.events import Answered, Event, FillNews, LinkDown, LinkUp, LookedUp, OrderNews
from kedge.model.instrument import Instrument
from kedge.model.order import Move, State
from kedge.model.records import Entry, kind_of
from kedge.model.venue import AccountReport, Ask, Feed, Fill, PlaceOrder, Quote, Rules
from kedge.runtime import cell as up_cell
from kedge.runtime import up
from kedge.runtime.cell import Cell
from kedge.settings import AccountSettings, Settings
from kedge.venues.paper.client import PaperVenue
from kedge.venues.paper.rules import PAPER_RULES, Options
from kedge.venues.stream import tcp
from kedge.venues.venue import Condition, Emit, Setup, Venue
from kedge.venues.wires import Wires
from tests.crash import wires
from tests.crash.disk import CrashDisk, Trouble
from tests.crash.points import Points, Strike

RULES = replace(PAPER_RULES, request_window_ns=300_000_000, visibility_ns=50_000_000, skew_ns=100_000_000)
OPTIONS = Options(
    request_s=0.6, heartbeat_s=0.25, silence_s=1.5, backoff_first_s=0.02, backoff_max_s=0.2, connect_s=1.0
)
HEARD = (OrderNews, FillNews, LinkUp, LinkDown)
CELL = "main"
SNAPSHOT_EVERY = 30


class Job(Struct, frozen=True):
    """One life."""

    home: str
    life: int
    pids: str
    strike: Strike = Strike()
    trouble: Trouble = Trouble()
    seed: int = 0
    # Where its connections come from, on the machine itself; "": from wherever.
    address: str = ""
    # A fault planted on purpose (see `MUTANTS`), to prove that the checks would see it.
    mutant: str = ""
    # It ends by itself after so long, should nobody be left to end it.
    for_s: int = 300


class Ended(Struct, frozen=True):
    """How a life ended, as `os.waitpid` tells."""

    status: int

    @property
    def signal(self) -> int:
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0

    @property
    def code(self) -> int:
        return os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else -1


def logs_of(home: Path) -> Path:
    """Beside the home, which may be a disk that is full."""
    return home.with_name(f"{home.name}.logs")


def log_of(home: Path, life: int) -> Path:
    """What a life said on stdout and stderr."""
    return logs_of(home) / f"life-{life}.log"


def points_of(home: Path, life: int) -> Path:
    return logs_of(home) / f"life-{life}.points"


# ── the wrappers ────────────────────────────────────────────────────────────────────────────────


class StruckJournal:
    """A journal with boundaries around each append and each snapshot. The rest is the journal's own."""

    def __init__(self, inner: SqliteJournal, points: Points) -> None:
        self.cell, self.life = inner.cell, inner.life
        self._inner = inner
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        kinds = "+".join(dict.fromkeys(kind_of(entry.record) for entry in entries))
        self._points.tick("desk", f"append before {kinds}")
        future = self._inner.append(entries)
        # Heard before the cell hears it: durable, and nothing has been done about it.
        future.add_done_callback(lambda done: self._durable(done, kinds))
        self._points.tick("desk", f"append queued {kinds}")
        return future

    async def snapshot(self, seq: int, body: bytes) -> None:
        self._points.tick("desk", "snapshot before")
        await self._inner.snapshot(seq, body)
        self._points.tick("desk", "snapshot after")

    def _durable(self, done: asyncio.Future[None], kinds: str) -> None:
        if not done.cancelled() and done.exception() is None:
            self._points.tick("desk", f"append durable {kinds}")


class StruckVenue:
    """A venue with boundaries around each request: not sent yet, on its way, answered."""

    def __init__(self, inner: Venue, points: Points) -> None:
        self.account: str = inner.account
        self.rules: Rules = inner.rules
        self._inner = inner
        self._points = points

    async def open(self, emit: Emit) -> None:
        await self._inner.open(emit)

    async def _left(self, what: str, asking: asyncio.Future[Any]) -> None:
        """The first turn writes the request; a loop that gathers its writes lets them go at its end."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._points.tick("desk", f"{what} left")

    async def close(self) -> None:
        await self._inner.close()

    def retry(self) -> None:
        self._inner.retry()

    async def bars(self, symbol: str, interval_ns: int, since_ns: int, until_ns: int) -> Any:
        return await self._inner.bars(symbol, interval_ns, since_ns, until_ns)

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        await self._inner.watch(symbols, feeds)

    async def place(self, order: PlaceOrder) -> Answered:
        return cast(Answered, await self._sent("place", self._inner.place(order)))

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        work = self._inner.amend(client_id, symbol, price, qty, valid_until_ns)
        return cast(Answered, await self._sent("amend", work))

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        work = self._inner.cancel(client_id, symbol, valid_until_ns, venue_id)
        return cast(Answered, await self._sent("cancel", work))

    async def cancel_all(self, symbol: str | None) -> str:
        return cast(str, await self._sent("cancel_all", self._inner.cancel_all(symbol)))

    @property
    def trouble(self) -> str:
        return self._inner.trouble

    @property
    def condition(self) -> Condition:
        return self._inner.condition

    async def lookup(self, ask: Ask) -> LookedUp:
        return cast(LookedUp, await self._sent("lookup", self._inner.lookup(ask)))

    async def instruments(self) -> tuple[Instrument, ...] | str:
        return cast(tuple[Instrument, ...] | str, await self._sent("instruments", self._inner.instruments()))

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        return await self._inner.quotes(symbols)

    async def report(self, cursor: str) -> AccountReport | str:
        return cast(AccountReport | str, await self._sent("report", self._inner.report(cursor)))

    async def _sent(self, what: str, work: Any) -> Any:
        self._points.tick("desk", f"{what} before")
        asking = asyncio.ensure_future(work)
        try:
            await self._left(what, asking)
            answer = await asking
        finally:
            asking.cancel()
        self._points.tick("desk", f"{what} answered")
        return answer


class WireVenue(StruckVenue):
    """The same around a real adapter, and a boundary before the engine hears what it must not forget."""

    def __init__(self, inner: Venue, points: Points, ways: wires.StruckWires) -> None:
        super().__init__(inner, points)
        self.rules = wires.short(inner.rules)
        self._ways = ways

    async def open(self, emit: Emit) -> None:
        def heard(event: Event) -> None:
            if isinstance(event, HEARD):
                self._points.tick("desk", f"heard {type(event).__name__}")
            emit(replace(event, rules=self.rules) if isinstance(event, LinkUp) else event)

        await self._inner.open(heard)

    async def _left(self, what: str, asking: asyncio.Future[Any]) -> None:
        """Told by the net, at that very moment. An adapter may ask something else first, or send nothing."""
        ways = self._ways
        number = ways.when_left(lambda: self._points.tick("desk", f"{what} left"))
        asking.add_done_callback(lambda done: ways.forget(number))


# ── planted faults ──────────────────────────────────────────────────────────────────────────────


def _acts_before_it_writes() -> None:
    """Effects do not wait for their records to be durable, which are written soon afterwards: on a quick disk
    they would else be durable before the request has left."""
    real = Cell._write

    def write(cell: Cell) -> None:
        asyncio.get_running_loop().call_later(0.05, real, cell)

    def release(cell: Cell) -> None:
        while cell._waiting:
            effect = cell._waiting.popleft()[1]
            cell._carry_out(effect)

    Cell._write = write  # type: ignore[method-assign, assignment]
    Cell._release = release  # type: ignore[method-assign, assignment]


def _takes_doubt_for_no() -> None:
    """An order without an answer counts as never placed as soon as a lookup or a start is at hand."""
    real = step.born

    def born(e: Engine, *args: Any) -> Out:
        real(e, *args)
        for account in e.desk.accounts.values():
            for order in list(account.orders.values()):
                if order.state is State.UNKNOWN:
                    e.write(r.OrderMoved(client_id=order.client_id, move=Move.ABSENT, cum_qty=Decimal(0)))
        return e.out

    up_cell.born = born  # type: ignore[attr-defined, assignment]


def _books_fills_again() -> None:
    """A fill that comes a second time is booked a second time."""
    real = orders.hear_fill

    def hear(e: Engine, account: Account, fill: Fill) -> None:
        account.seen.pop(fill.exec_id, None)
        real(e, account, fill)

    reconcile.hear_fill = hear  # type: ignore[attr-defined]


def _names_fills_otherwise() -> None:
    """An adapter that gives an execution one name on the stream, and another in a report."""
    real = WireVenue.report

    async def report(venue: WireVenue, cursor: str) -> AccountReport | str:
        said = await real(venue, cursor)
        if isinstance(said, str):
            return said
        return replace(said, fills=tuple(replace(one, exec_id=f"{one.exec_id}-") for one in said.fills))

    WireVenue.report = report  # type: ignore[method-assign, assignment]


MUTANTS: dict[str, Callable[[], None]] = {
    "acts before it writes": _acts_before_it_writes,
    "takes doubt for no": _takes_doubt_for_no,
    "books fills again": _books_fills_again,
    "names fills otherwise": _names_fills_otherwise,
}


# ── one life ────────────────────────────────────────────────────────────────────────────────────


class Struck(up._Up):
    """The running desk with the two wrappers put in."""

    def __init__(
        self, points: Points, home: Home, settings: Settings, say: Log, beside: Sequence[str] = ()
    ) -> None:
        # Snapshots, and old entries moving to the archive, come within the workload: both are struck too.
        often = replace(settings.journal, snapshot_every_records=SNAPSHOT_EVERY)
        super().__init__(home, replace(settings, journal=often), say, beside)
        self._points = points

    async def _venues(self, setups: dict[str, Setup]) -> dict[str, Venue]:
        venues: dict[str, Venue] = {}
        for name, account in self.settings.accounts.items():
            if account.venue == "paper":
                venues[name] = await self._paper_venue(account, setups[name])
            else:
                ways = wires.StruckWires(cast(Wires, self._net(account)), self._points)
                inner = wires.make(account.venue, setups[name], ways, self.clock)
                venues[name] = WireVenue(inner, self._points, ways)
        return venues

    async def _paper_venue(self, account: AccountSettings, setup: Setup) -> Venue:
        connect = tcp(account.host or "127.0.0.1", account.port)
        return StruckVenue(
            PaperVenue(setup.account, connect, self.clock, rules=RULES, options=OPTIONS), self._points
        )

    def _cell(self, journal: SqliteJournal, venues: dict[str, Venue]) -> Cell:
        journal.bounds = Bounds(least_entries=10)
        return super()._cell(cast(SqliteJournal, StruckJournal(journal, self._points)), venues)


def live(job: Job) -> int:
    """Run one life in this process; its exit code."""
    points = Points(points_of(Path(job.home), job.life), job.strike, Path(job.pids))
    disk = CrashDisk((f"{CELL}.sqlite", f"{CELL}.archive-"), points, job.trouble, job.seed)
    if job.address:
        wires.come_from(job.address)
    if job.mutant:
        MUTANTS[job.mutant]()
    up._Up = partial(Struck, points)  # type: ignore[misc, assignment]
    os.environ["KEDGE_HOME"] = job.home
    os.environ["XDG_STATE_HOME"] = str(Path(job.home).parent)
    try:
        return int(cli.main(["up", "--no-desk", "--for", f"{job.for_s}s"]))
    finally:
        disk.unregister()


# ── the stable ──────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    wires.load()
    for job in _jobs():
        pid = os.fork()
        if pid == 0:
            _child(job)
        _say({"pid": pid})
        _, status = os.waitpid(pid, 0)
        _say({"status": status})


def _jobs() -> Iterator[Job]:
    for line in sys.stdin.buffer:
        yield msgspec.json.decode(line, type=Job)


def _say(what: dict[str, int]) -> None:
    os.write(1, msgspec.json.encode(what) + b"\n")


def _child(job: Job) -> None:
    code = 70
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not to outlive the stable
        nothing = os.open(os.devnull, os.O_RDONLY)
        said = os.open(log_of(Path(job.home), job.life), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for fd, target in ((nothing, 0), (said, 1), (said, 2)):
            os.dup2(fd, target)
        code = live(job)
    except BaseException:  # noqa: BLE001  # whatever it was, it must not go on as a second stable
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
