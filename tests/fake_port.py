"""A fake engine behind the gate's port: applies commands once, answers what a test gave it.

Used over a real unix socket by the tests of the gate, the client and the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from kedge.journal.sqlite import SqliteJournal
from kedge.model.events import Command, Event, Tick
from kedge.model.looks import (
    AccountLook,
    BotLook,
    MarketLook,
    OrderLook,
    PositionLook,
    SlotLook,
    Status,
)
from kedge.model.records import (
    BotAdded,
    CommandTaken,
    DeskMade,
    Entry,
    ErrandEnded,
    LifeBegan,
    Noted,
    Raw,
    Told,
)
from kedge.runtime.gate import Door
from kedge.runtime.gate_unix import UnixGate
from kedge.runtime.port import EngineAway
from kedge.settings import GateSettings

D = Decimal
NS = 1_000_000_000
NOW = 1_760_000_000 * NS + 123_000_000


# What errands say when they are done; and where in its journal their ends stand.
ERRANDS = {"desk.backup": "a verified copy is in ", "desk.reload": "1 bot added, none removed"}
FAR = 1000


class FakePort:
    """`wrong` is raised by the next request; `hold` keeps commands waiting until it is set."""

    def __init__(self) -> None:
        self.taken: dict[str, CommandTaken] = {}
        self.commands: list[Command] = []
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.journal = [Entry(n, NOW + n, Noted("info", f"note {n}")) for n in range(1, 6)]
        self.ends: list[ErrandEnded] = []
        self.rows: dict[str, object] = {}
        self.answer = (True, "done")
        self.wrong: BaseException | None = None
        self.hold: asyncio.Event | None = None
        self.heard = asyncio.Event()  # a command has come
        self.entries_closed = 0
        self.live = False
        self.big = ""

    async def command(self, command: Command) -> CommandTaken:
        self.commands.append(command)
        self.heard.set()
        if command.verb in ERRANDS:
            self._end_errand(command)
        else:
            self._maybe_wrong()
        if self.hold is not None:
            await self.hold.wait()
        if command.command_id not in self.taken:
            ok, says = self.answer
            self.taken[command.command_id] = CommandTaken(
                command.command_id, command.actor, command.via, command.verb, command.args, ok, says
            )
        return self.taken[command.command_id]

    def status(self) -> Status:
        self._maybe_wrong()
        return a_status()

    async def read(self, what: str, args: dict[str, object]) -> object:
        self.asked.append((what, args))
        ended = [n for n, end in enumerate(self.ends) if end.command_id == args.get("text")]
        if what == "commands" and ended:
            return [{"seq": FAR + ended[0]}]
        self._maybe_wrong()
        if what not in self.rows:
            raise ValueError(f"there is nothing called `{what}` to read")
        return self.rows[what]

    async def entries(self, after_seq: int) -> AsyncIterator[Entry]:
        try:
            for entry in self.journal:
                if entry.seq > after_seq:
                    yield entry
            for number, end in enumerate(self.ends) if after_seq >= FAR else ():
                if FAR + number >= after_seq:
                    yield Entry(FAR + number + 1, NOW, end)
            while self.live:
                await asyncio.sleep(0)
                yield Entry(99, NOW, Noted("info", self.big))
        finally:
            self.entries_closed += 1

    async def tap(self, kinds: tuple[str, ...]) -> AsyncIterator[Event]:
        if not kinds or "Tick" in kinds:
            yield Tick()

    def _end_errand(self, command: Command) -> None:
        """What is done outside the engine ends at once here; its end stands behind its command."""
        ok, says = self.wrong is None, str(self.wrong or ERRANDS[command.verb])
        if ok and command.verb == "desk.backup":
            says += msgspec.json.decode(command.args)["target"] + "/copy.journal"
        self.ends.append(ErrandEnded(command.command_id, ok, says))

    def _maybe_wrong(self) -> None:
        if self.wrong is not None:
            raise self.wrong


class AwayPort(FakePort):
    async def command(self, command: Command) -> CommandTaken:
        raise EngineAway("the desk is stopping")


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose name leaves room for a socket's (pytest's own may be too long)."""
    with tempfile.TemporaryDirectory(prefix="kedge-") as name:
        yield Path(name)


@contextlib.asynccontextmanager
async def a_gate(
    port: FakePort, path: Path, bounds: GateSettings | None = None, bugs: list[BaseException] | None = None
) -> AsyncIterator[Door]:
    """A door open at `path`; a bug that no test expects fails it."""
    found: list[BaseException] = [] if bugs is None else bugs
    door = Door(port, "main", bounds or GateSettings(), found.append)
    gate = UnixGate(door, path)
    await gate.open()
    try:
        yield door
    finally:
        await gate.close()
    assert bugs is not None or not found


@contextlib.contextmanager
def desk_in_a_thread(port: FakePort, path: Path) -> Iterator[None]:
    """The same for code that runs its own loop, such as the command line."""
    ready = threading.Event()
    stop: list[Callable[[], None]] = []

    async def run() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(over.set) and None)
        async with a_gate(port, path):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        stop[0]()
        thread.join(10)
        assert not thread.is_alive()


def knock(path: Path) -> socket.socket:
    plain = socket.socket(socket.AF_UNIX)
    plain.connect(str(path))
    return plain


# ── a desk with something on it ─────────────────────────────────────────────────────────────────

CLIENT_ID = "0000002a00000100000003000000000c"


def an_order(**changes: object) -> OrderLook:
    order = OrderLook(
        client_id=CLIENT_ID,
        bot="hedge-1",
        slot="far",
        market="paper/main:BTC-PERP",
        side="sell",
        kind="limit",
        tif="post_only",
        qty=D("0.050"),
        price=D("60012.5"),
        filled=D("0.02"),
        state="open",
        change="",
        since_ns=NOW - 3 * NS,
        venue_id="v-17",
    )
    return msgspec.structs.replace(order, **changes)


def a_bot(**changes: object) -> BotLook:
    slot = SlotLook(
        slot="far",
        market="paper/main:BTC-PERP",
        wants="sell 0.05 at 60012.5 (post only)",
        bought=D(0),
        sold=D("0.02"),
        bought_average=D(0),
        sold_average=D("60012.5"),
        order=an_order(),
        held="",
    )
    bot = BotLook(
        bot="hedge-1",
        number=1,
        kind="hedge",
        phase="running",
        why="",
        origin="command",
        config={"amount": "0.05"},
        state={},
        slots=(slot,),
        last_word="0.02 of 0.05 sold at 60012.5",
        waits_for="",
    )
    return msgspec.structs.replace(bot, **changes)


def a_position(**changes: object) -> PositionLook:
    position = PositionLook(
        bot="hedge-1",
        slot="far",
        market="paper/main:BTC-PERP",
        qty=D("-0.02"),
        average=D("60012.5"),
        mark=D("60001"),
        realised=D("0"),
        unrealised=D("0.23"),
        settle="USDT",
        fees={"USDT": D("0.12")},
    )
    return msgspec.structs.replace(position, **changes)


def a_status(**changes: object) -> Status:
    market = MarketLook(
        market="paper/main:BTC-PERP",
        bid=D("60000.5"),
        bid_qty=D("1.2"),
        ask=D("60001.5"),
        ask_qty=D("0.7"),
        mark=D("60001"),
        last=D("60000.5"),
        age_ns=12_000_000,
        fresh=True,
        open=True,
    )
    account = AccountLook(
        account="paper/main",
        venue="paper",
        up=True,
        ready=True,
        why="",
        since_ns=NOW - 60 * NS,
        last_report_ns=NOW - 5 * NS,
        open_orders=1,
        unknown_orders=0,
        balances={"USDT": D("100000")},
        markets=(market,),
    )
    status = Status(
        cell="main",
        desk="0000002a",
        life=3,
        version="0.1.0",
        now_ns=NOW,
        began_ns=NOW - 3725 * NS,
        seq=420,
        durable_seq=420,
        killed=False,
        killed_why="",
        accounts=(account,),
        bots=(a_bot(), a_bot(bot="peg-1", number=2, kind="peg", phase="parked", why="fault: KeyError")),
        needs=("bot peg-1 is parked: fault: KeyError",),
        realised={"USDT": D("-0.12")},
        unrealised={"USDT": D("0.23")},
        counts={"events": 1234, "records": 420},
        unhedged=D(0),
    )
    return msgspec.structs.replace(status, **changes)


def a_journal(home: Path) -> None:
    """A desk that ran once and stopped."""

    async def go() -> None:
        journal = SqliteJournal.open(home, "main", "0.1.0", lambda: NOW)
        records = [
            DeskMade(42, "main"),
            LifeBegan(1, "0.1.0"),
            BotAdded("hedge-1", 1, "hedge", Raw(b"{}"), Raw(b"{}")),
            Told("hedge-1", 1, "me", "close"),
            Noted("warn", "it is late", bot="hedge-1"),
        ]
        await journal.append([Entry(n, NOW + n, record) for n, record in enumerate(records, 1)])
        await journal.close()

    asyncio.run(go())
