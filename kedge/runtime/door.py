"""What the gate may ask of the running engine: `EnginePort` over a `Cell`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from kedge.engine import look
from kedge.engine.commands import preview
from kedge.engine.effects import Errand
from kedge.journal.journal import JournalError
from kedge.journal.sqlite import SqliteJournal
from kedge.kinds import Kinds
from kedge.model.commands import COPY_IN, DeskBackup
from kedge.model.events import Command, Event, Outgrown
from kedge.model.looks import Preview, Status
from kedge.model.records import BotPhased, CommandTaken, Entry
from kedge.runtime.bots_file import ENDED, changes, conflicts, farewell, leaving
from kedge.runtime.cell import Cell
from kedge.runtime.meters import Gauges
from kedge.runtime.port import EngineAway
from kedge.runtime.quotes import Listings, Quotes
from kedge.runtime.readings import Readings
from kedge.settings import BotSpec, SettingsWrong, read_bots_file

QUEUE_MOST = 10_000
# History is read in pages so small that the engine's loop is not held up by one.
PAGE = 250
# What became durable is gathered so long before readers are woken: once for many, and after the orders left.
TOLD_AFTER_S = 0.02


class _Follower:
    """Who reads the journal's tail: pages that wait for it, up to a bound."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Entry, ...]] = deque()
        self.lost = False  # the bound was reached, or something is missing: read it from the journal
        self._size = 0
        self._more = asyncio.Event()

    def hear(self, page: tuple[Entry, ...]) -> None:
        if self.lost or self._size + len(page) > QUEUE_MOST:
            self.lose()
            return
        self.waiting.append(page)
        self._size += len(page)
        self._more.set()

    def lose(self) -> None:
        """Nothing that waits is of use: the journal has it all."""
        self.lost, self._size = True, 0
        self.waiting.clear()
        self._more.set()

    async def next(self) -> tuple[Entry, ...]:
        """The next page; nothing once something was lost."""
        while not self.waiting:
            if self.lost:
                return ()
            self._more.clear()
            await self._more.wait()
        page = self.waiting.popleft()
        self._size -= len(page)
        return page


class EngineDoor:
    """Implements `EnginePort`."""

    def __init__(
        self,
        cell: Cell,
        journal: SqliteJournal,
        readings: Readings,
        kinds: Kinds,
        bots_path: Callable[[], Path],
    ) -> None:
        self._cell = cell
        self._journal = journal
        self._readings = readings
        self._kinds = kinds
        self._bots_path = bots_path
        self._numbers = 0
        self.gauges = Gauges(cell)
        # Bots that were stopped because they left the bots file: removed as soon as they have ended.
        self._leaving: dict[str, None] = {}
        self._fresh: list[Entry] = []
        self._followers: dict[int, _Follower] = {}
        cell.tails[self._key()] = self._see_off
        cell.tails[self._key()] = self._gather
        cell.do_errand = self._do_errand
        self._quotes = Quotes(self._listings, cell.shells, cell.clock)

    async def command(self, command: Command) -> CommandTaken:
        """The kind is imported first; where that fails, the engine refuses the command with the reason."""
        kind = self._kind_of(command)
        if kind:
            self._kinds.load(kind)
        return await self._cell.command(command)

    def status(self) -> Status:
        cell = self._cell
        now = look.status(cell.engine, cell.clock(), cell.began_ns, cell.last_seq, cell.durable_seq)
        return self.gauges.fill_in(now)

    async def read(self, what: str, args: dict[str, object]) -> object:
        """`open_orders`, `held` and `listed` are as the engine has them now, `preview` is what a command
        would do now, `quotes` are asked of the venue; the rest is from the tables."""
        if what == "open_orders":
            return look.orders(self._cell.engine)
        if what == "held":
            return look.positions(self._cell.engine)
        if what == "stash":
            return look.stash(self._cell.engine, str(args.get("name", "")))
        if what == "preview":
            return self._preview(args)
        if what == "quotes":
            return await self._quotes.read(args)
        if what == "listed":
            return self._quotes.listed(args)
        return await self._readings.read(what, args, self._cell.durable_seq)

    def _preview(self, args: dict[str, object]) -> Preview:
        verb, given = str(args.get("verb", "")), args.get("args", {})
        return preview(self._cell.engine, verb, msgspec.json.encode(given))

    def _listings(self) -> Listings:
        return {name: account.instruments for name, account in self._cell.engine.desk.accounts.items()}

    async def entries(self, after_seq: int) -> AsyncIterator[Entry]:
        key, follower = self._key(), _Follower()
        self._followers[key] = follower
        try:
            seq = after_seq
            while True:
                # History first, then live; after an overflow, history again from where we are.
                follower.lost = False
                upto = self._cell.durable_seq
                while seq < upto:
                    page = await asyncio.to_thread(self._page, seq, min(PAGE, upto - seq))
                    for entry in page:
                        yield entry
                        seq = entry.seq
                while not follower.lost:
                    for entry in await follower.next():
                        if entry.seq == seq + 1:
                            yield entry
                            seq = entry.seq
                        elif entry.seq > seq + 1:
                            follower.lose()
                            break
        finally:
            self._followers.pop(key, None)

    def _gather(self, entries: Sequence[Entry]) -> None:
        if not self._followers:
            return
        if not self._fresh:
            asyncio.get_running_loop().call_later(TOLD_AFTER_S, self._tell)
        self._fresh.extend(entries)

    def _tell(self) -> None:
        page, self._fresh = tuple(self._fresh), []
        for follower in self._followers.values():
            follower.hear(page)

    def _page(self, after_seq: int, limit: int) -> list[Entry]:
        return list(self._journal.tail(after_seq, limit))

    async def tap(self, kinds: tuple[str, ...]) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue()

        dropped = 0

        def tap(event: Event) -> None:
            nonlocal dropped
            if kinds and type(event).__name__ not in kinds:
                return
            if queue.qsize() < QUEUE_MOST:
                queue.put_nowait(event)
            else:
                dropped += 1

        key = self._key()
        self._cell.taps[key] = tap
        try:
            while True:
                yield await queue.get()
                if dropped and queue.empty():
                    says, dropped = f"{dropped} events were not told: they were read too slowly", 0
                    yield Outgrown("tap", says)
        finally:
            self._cell.taps.pop(key, None)

    async def backup(self, target: str) -> str:
        path = Path(target).expanduser().absolute()
        try:
            await self._journal.backup(path)
        except JournalError as error:
            raise ValueError(str(error)) from None
        return str(path)

    async def _do_errand(self, errand: Errand) -> str:
        """What the engine has begun and cannot do itself; raises ValueError with the reason."""
        if errand.verb == "desk.backup":
            made = await self.backup(msgspec.json.decode(errand.args, type=DeskBackup).target)
            return f"{COPY_IN}{made}"
        return await self.reload()

    async def reload(self) -> str:
        """Follow the bots file as it is now."""
        try:
            wanted = read_bots_file(self._bots_path())
        except SettingsWrong as error:
            raise ValueError(str(error)) from None
        wrong = self._kinds.load_all(spec.kind for spec in wanted.values())
        if wrong:
            raise ValueError("; ".join(wrong))
        said, refused = await self._follow(wanted)
        if refused:
            raise ValueError("; ".join(said))
        return "; ".join(said) or "nothing has changed"

    async def _follow(self, wanted: Mapping[str, BotSpec]) -> tuple[list[str], bool]:
        """What was done and what was not, and whether anything was refused."""
        desk = self._cell.engine.desk
        self._leaving = {row.name: None for row in leaving(desk, wanted)}
        said = conflicts(desk, wanted)
        refused = bool(said)
        for command in changes(desk, self._kinds, wanted, self._cell.clock()):
            try:
                taken = await self._cell.command(command)
            except EngineAway as away:
                raise ValueError(str(away)) from None
            name = _argument(command, "name")
            refused = refused or not taken.ok
            said.append(taken.says if taken.says.startswith(name) else f"{name}: {taken.says}")
        return said, refused

    def _see_off(self, entries: Sequence[Entry]) -> None:
        """Those who left the bots file and have now come to their end."""
        for entry in entries:
            record = entry.record
            if type(record) is BotPhased and record.phase in ENDED and record.bot in self._leaving:
                del self._leaving[record.bot]
                self._cell.hear(farewell(record.bot, entry.ts_ns))

    def _kind_of(self, command: Command) -> str:
        """The kind that a command is about to need; "" where it needs none that is not there."""
        if command.verb == "schedule.set":
            return kind_to_add(_argument(command, "verb"), _raw_args(command))
        if command.verb == "bot.add":
            return _argument(command, "kind")
        row = self._cell.engine.desk.bots.get(_argument(command, "name"))
        return row.kind if row is not None and command.verb in ("bot.resume", "bot.amend") else ""

    def _key(self) -> int:
        self._numbers += 1
        return self._numbers


def kind_to_add(verb: str, args: bytes) -> str:
    """The kind of bot that a schedule's command will start; "" where it starts none."""
    return _word(args, "kind") if verb == "bot.add" else ""


def _raw_args(command: Command) -> bytes:
    try:
        return bytes(msgspec.json.decode(command.args, type=_Args).args)
    except msgspec.DecodeError:
        return b""


class _Args(Struct):
    args: Raw = Raw(b"{}")


def _argument(command: Command, name: str) -> str:
    return _word(command.args, name)


def _word(args: bytes | Raw, name: str) -> str:
    try:
        return str(msgspec.json.decode(args, type=dict[str, object]).get(name, ""))
    except msgspec.DecodeError:
        return ""
