"""`kedge up`: one process with the engine and its door, and a child with the paper venue.

    lease -> journal -> venues -> cell -> gate -> bots file, and the same way down

Everything here is wiring; what is decided is decided below. The process ends in good order on SIGINT and
SIGTERM (orders stay as they are at the venues; `kedge kill` cancels them), follows the bots file again on
SIGHUP, and needs no good order at all: starting is recovering.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from kedge import __version__
from kedge.engine import keyframe
from kedge.engine.engine import RiskBook
from kedge.home import Home, account_locks
from kedge.journal.lease import AccountLock
from kedge.journal.reading import Reading
from kedge.journal.recorder import FlightRecorder
from kedge.journal.sqlite import SqliteJournal
from kedge.kinds import Kinds
from kedge.logs import Log
from kedge.model.exits import Exit, Halt
from kedge.model.looks import Status
from kedge.model.outcome import Outcome
from kedge.model.records import BotPhased, Noted, Record
from kedge.runtime import accounts, lists_from_settings
from kedge.runtime.cell import Cell, CellConfig
from kedge.runtime.companion import Companion
from kedge.runtime.door import EngineDoor, kind_to_add
from kedge.runtime.env import JUMP_NS, SteadyClock, new_desk_id
from kedge.runtime.gate import Door
from kedge.runtime.gate_tcp import TcpGate, keys_of
from kedge.runtime.gate_tokens import TokenFiles
from kedge.runtime.gate_unix import UnixGate
from kedge.runtime.newcomer import write_first_bots
from kedge.runtime.paper import PaperFailed, PaperProcess
from kedge.runtime.port import EngineAway
from kedge.runtime.readings import Readings
from kedge.runtime.tree import Tree
from kedge.service.notify import Notifier
from kedge.service.watchdog import Watchdog
from kedge.settings import AccountSettings, GateSettings, Secrets, Settings, load
from kedge.venues.calls import Calls
from kedge.venues.paper.client import PaperVenue
from kedge.venues.paper.rules import Options
from kedge.venues.stream import tcp
from kedge.venues.venue import Setup, Venue
from kedge.venues.wires import Wires

SECOND_NS = 1_000_000_000
# A clock behind the journal by more than this would make new records older than old ones.
CLOCK_BEHIND_NS = 60 * SECOND_NS
SUMMARY_ROWS = 200
SWITCH_S = 0.0001

Say = Callable[[str], None]


def run_up(home: Home, settings: Settings, *, for_ns: int, say: Log, beside: Sequence[str] = ()) -> Outcome:
    """Run the desk until it is stopped or the time is over; `beside` is how to start the pages.

    Raises `JournalError`, `SettingsWrong` and `Halt`, each with a sentence for people.
    """
    # The journal's thread gets Python's own lock back within 0.1 ms of its sync, not within 5 ms.
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        return runner.run(_Up(home, settings, say, beside).run(for_ns))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


class _Up:
    def __init__(self, home: Home, settings: Settings, say: Log, beside: Sequence[str] = ()) -> None:
        self.home = home
        self.settings = settings
        self.say = say
        self.service = Notifier()  # before any child is started
        self.clock = SteadyClock()
        self.cell_name = settings.desk.cell
        self.kinds = Kinds(home.bots_folder)
        self.paper: PaperProcess | None = None
        self.companion = Companion(beside, self.say) if beside else None
        self.gate_keys = keys_of(settings.gate, Secrets(home.secrets), self._token_files())
        self._exits = contextlib.AsyncExitStack()

    async def run(self, for_ns: int) -> Outcome:
        if self.settings.desk.gate:
            raise Halt(
                Exit.SETTINGS,
                f"[desk] gate says that the engine of this home is at {self.settings.desk.gate}: start"
                " `kedge desk` here, or take `gate` away",
            )
        async with self._exits:
            journal = SqliteJournal.open(
                self.home.root, self.cell_name, __version__, self.clock, may=self._check_clock
            )
            self._exits.push_async_callback(journal.close)
            for notice in journal.notices:
                self.say(notice)
            setups = self._setups()
            self._lock_accounts(setups)
            venues = await self._venues(setups)
            cell = self._cell(journal, venues)
            # People's own kinds, before the cell is born: who has none is parked, and told why.
            self.kinds.load_all(bot.kind for bot in cell.engine.desk.bots.values())
            for row in cell.engine.desk.schedules.values():
                if kind := kind_to_add(row.verb, row.args):
                    self.kinds.load(kind)
            return await self._live(cell, journal, for_ns)

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _token_files(self) -> TokenFiles:
        home = self.home

        def read() -> tuple[GateSettings, Secrets]:
            return load(home.settings, os.environ).gate, Secrets(home.secrets)

        return TokenFiles((home.settings, home.secrets), read)

    def _check_clock(self, last_ns: int) -> None:
        behind_ns = last_ns - self.clock()
        if behind_ns > CLOCK_BEHIND_NS:
            raise Halt(
                Exit.CLOCK,
                f"the clock is {behind_ns // SECOND_NS} s behind the journal's last record: set the clock"
                " (for example by NTP) and start again; nothing was changed",
            )

    def _setups(self) -> dict[str, Setup]:
        secrets = Secrets(self.home.secrets)
        return {
            name: accounts.setup_of(name, account, secrets)
            for name, account in self.settings.accounts.items()
        }

    def _lock_accounts(self, setups: dict[str, Setup]) -> None:
        """Two homes on one machine must not drive one account; paper accounts started here are our own."""
        folder = account_locks()
        for name, account in self.settings.accounts.items():
            if account.port or account.venue != "paper":
                lock = AccountLock(folder, accounts.lock_key(name, account, setups[name]))
                lock.take(self.clock())
                self._exits.callback(lock.release)

    async def _venues(self, setups: dict[str, Setup]) -> dict[str, Venue]:
        for name, account in accounts.real_money(self.settings):
            accounts.check_confirmed(self.home, name, account, setups[name])
        venues: dict[str, Venue] = {}
        for name, account in self.settings.accounts.items():
            setup = setups[name]
            if account.venue == "paper":
                venues[name] = await self._paper_venue(account, setup)
            else:
                venues[name] = accounts.make_venue(name, account, setup, self._net(account), self.clock)
                self.say(f"{name}: {accounts.place_of(account)}")
        return venues

    def _net(self, account: AccountSettings) -> Wires | Calls:
        """One way to the net per account: its connections are nobody else's."""
        net: Wires | Calls
        if accounts.seam_of(account.venue) == "calls":
            from kedge.venues.grpc_net import GrpcNet  # an extra, and large

            net = GrpcNet(account.ca)
        else:
            from kedge.venues.net import Net  # a paper desk on a small machine loads no HTTP client

            net = Net()
        self._exits.push_async_callback(net.close)
        return net

    async def _paper_venue(self, account: AccountSettings, setup: Setup) -> Venue:
        port = account.port or await self._paper_port()
        options = Options(dead_man_ns=setup.dead_man_ns)
        connect = tcp(account.host or "127.0.0.1", port)
        return PaperVenue(
            setup.account, connect, self.clock, key=setup.key, secret=setup.secret, options=options
        )

    async def _paper_port(self) -> int:
        """The port of our own paper venue, started when first asked for."""
        if self.paper is None:
            chosen = self.settings.paper
            self.paper = PaperProcess(self.home.root / "paper.sqlite", chosen.seed, chosen.market)
            self._exits.push_async_callback(self.paper.stop)
            try:
                port = await self.paper.start()
            except PaperFailed as error:
                raise Halt(Exit.VENUE, str(error)) from None
            self.say(f"paper venue on 127.0.0.1:{port}")
        return self.paper.port

    def _cell(self, journal: SqliteJournal, venues: dict[str, Venue]) -> Cell:
        limits = RiskBook(
            desk=self.settings.limits.desk(),
            accounts={name: account.limits for name, account in self.settings.accounts.items()},
            bot=self.settings.limits.bot,
        )
        recorder = self._recorder(lambda: _keyframe(cell))
        config = CellConfig(
            cell=self.cell_name,
            version=__version__,
            desk_id=new_desk_id(),
            snapshot_every=self.settings.journal.snapshot_every_records,
        )
        record = recorder.write_event if recorder else None
        cell = Cell(config, journal, venues, self.kinds, limits, self.clock, record)
        return cell

    def _recorder(self, frame: Callable[[], tuple[int, bytes]]) -> FlightRecorder | None:
        chosen = self.settings.recorder
        if chosen.segments < 2:
            return None
        folder = self.home.recorder(self.cell_name)
        recorder = FlightRecorder(folder, frame, chosen.segments, chosen.segment_mb << 20)
        self._exits.callback(lambda: recorder.close(self.clock()))
        return recorder

    # ── life ────────────────────────────────────────────────────────────────────────────────────

    async def _live(self, cell: Cell, journal: SqliteJournal, for_ns: int) -> Outcome:
        tree = Tree("desk")
        asyncio.get_running_loop().set_exception_handler(partial(_on_fault, tree))
        readings = Readings(Reading.open(self.home.root, self.cell_name), journal, self.say.warn)
        cell.tails[0] = readings.tell
        cell.tails[-1] = self._log
        door_port = EngineDoor(cell, journal, readings, self.kinds, lambda: self.home.bots)
        door = Door(door_port, self.cell_name, self.settings.gate, tree.fail)
        gate = UnixGate(door, self.home.socket(self.cell_name))
        afar = await self._open_afar(door)
        await gate.open()
        self._on_signals(tree, door_port)
        tree.start("gate", gate.keep())
        if afar is not None:
            tree.start("gate from afar", afar.keep())
        tree.start("readings", readings.run())
        tree.start("gauges", door_port.gauges.run())
        tree.start("watchdog", Watchdog("the engine").run())
        tree.start("clock", self._watch_clock())
        if self.paper is not None:
            tree.start("paper", self.paper.keep())
        if self.companion is not None:
            self._exits.push_async_callback(self.companion.stop)
            tree.start("companion", self.companion.keep())
        living = tree.start("cell", cell.run())
        tree.start("bots file", self._follow(cell, door_port), lasting=False)
        self.say(f"{self.cell_name}: life {journal.life}, home {self.home.root}; stop with Ctrl-C")
        if for_ns:
            asyncio.get_running_loop().call_later(for_ns / SECOND_NS, tree.finish)
        try:
            await tree.ended()
        finally:
            self._off_signals()
            self.service.stopping()
            status = door_port.status()
            cell.stop()
            await gate.close()
            await asyncio.gather(living, return_exceptions=True)  # in its own order, within its own bound
            await tree.close()
            await readings.finish()
        outcome = await self._outcome(status, readings, journal)
        await readings.close()
        return outcome

    async def _open_afar(self, door: Door) -> TcpGate | None:
        """The gate for other machines, where the settings name one."""
        if self.gate_keys is None:
            return None
        afar = TcpGate(door, self.settings.gate, self.gate_keys, self.say.warn)
        await afar.open()
        self._exits.push_async_callback(afar.close)
        self.say(f"gate: also at {afar.address}")
        return afar

    async def _follow(self, cell: Cell, port: EngineDoor) -> None:
        """Once the accounts are ready or have failed (or after a while), do what the bots file says."""
        newcomer = "paper/main" in cell.venues
        for _ in range(100):
            links = cell.engine.links.values()
            if all(link.ready or (link.since_ns and not link.up and not newcomer) for link in links):
                break
            await asyncio.sleep(0.1)
        first = next(iter(cell.engine.desk.accounts.values()), None)
        if not cell.engine.desk.bots_made and first is not None and newcomer:
            write_first_bots(self.home.bots, first.instruments.values())
        await self._keep_lists(cell)
        await self._reload(port)
        self.service.ready(_standing(port.status()))
        # Its pace is what systemd expects of a loop that turns.
        await self.service.keep(lambda: _standing(port.status()))

    async def _keep_lists(self, cell: Cell) -> None:
        try:
            for command in lists_from_settings.changes(cell.engine.desk, self.settings.moex, self.clock()):
                taken = await cell.command(command)
                self.say(f"lists: {taken.says}")
        except EngineAway as away:
            self.say.warn(f"lists: {away}")

    async def _reload(self, port: EngineDoor) -> None:
        try:
            self.say(f"bots file: {await port.reload()}")
        except ValueError as error:
            self.say.warn(f"bots file: {error}")

    async def _watch_clock(self) -> None:
        behind_ns = 0  # as far as it was told; a clock set ahead is followed, one set back stays behind
        while True:
            await asyncio.sleep(10)
            jump_ns = self.clock.jump_ns()
            moved_ns = jump_ns - behind_ns
            if abs(moved_ns) > JUMP_NS:
                way = "ahead" if moved_ns > 0 else "back"
                self.say.warn(f"the machine's clock was set {way} by {abs(moved_ns) / SECOND_NS:.1f} s")
            behind_ns = min(jump_ns, 0)

    def _on_signals(self, tree: Tree, port: EngineDoor) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, tree.finish)
        again = partial(self._reload, port)
        loop.add_signal_handler(signal.SIGHUP, lambda: tree.start("reload", again(), lasting=False))

    def _off_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)

    def _log(self, entries: Any) -> None:
        """What bots and desk say, as lines for whoever runs the machine."""
        for entry in entries:
            level = _level(entry.record)
            if level and self.say.wants(level):
                self.say(_line(entry.record), level, seq=entry.seq, **_about(entry.record))

    async def _outcome(self, status: Status, readings: Readings, journal: SqliteJournal) -> Outcome:
        rows: dict[str, tuple[dict[str, Any], ...]] = {}
        for what in ("orders", "fills", "notes"):
            found = await readings.read(what, {"limit": SUMMARY_ROWS}, 0)
            rows[what] = tuple(msgspec.to_builtins(row, builtin_types=(), str_keys=True) for row in found)
        return Outcome(status, status.now_ns - status.began_ns, rows["orders"], rows["fills"], rows["notes"])


def _on_fault(tree: Tree, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A task of an adapter that died of a fault of ours would not be missed: the desk ends, and says so."""
    error = context.get("exception")
    if isinstance(error, Exception) and isinstance(context.get("task"), asyncio.Task):
        tree.fail(error)
    else:
        loop.default_exception_handler(context)


def _keyframe(cell: Cell) -> tuple[int, bytes]:
    return cell.last_seq, keyframe.take(cell.engine)


def _level(record: Record) -> str:
    """How loudly it is logged; "" for what the log leaves to the journal."""
    if isinstance(record, Noted):
        return {"info": "info", "warn": "warn", "alarm": "error"}[record.level]
    # Who is parked or paused by the desk gets an alarm that says the same.
    if isinstance(record, BotPhased) and record.why and record.phase not in ("parked", "paused"):
        return "info"
    return ""


def _line(record: Record) -> str:
    if isinstance(record, BotPhased):
        return f"{record.bot}: {record.phase}: {record.why}"
    assert isinstance(record, Noted)
    return f"{record.bot or record.account or 'desk'}: {record.text}"


def _about(record: Record) -> dict[str, str]:
    bot, account = getattr(record, "bot", ""), getattr(record, "account", "")
    return {name: one for name, one in (("bot", bot), ("account", account)) if one}


def _standing(status: Status) -> str:
    """One line for `systemctl status`."""
    ready = sum(account.ready for account in status.accounts)
    unknown = sum(account.unknown_orders for account in status.accounts)
    told = [f"{ready} of {len(status.accounts)} accounts ready", f"{len(status.bots)} bots"]
    told += [f"{unknown} orders UNKNOWN"] if unknown else []
    told += ["KILLED"] if status.killed else []
    return ", ".join([*told, f"life {status.life}, journal at {status.seq}"])
