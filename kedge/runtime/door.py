"""What the gate may ask of the running engine: `EnginePort` over a `Cell`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from kedge.engine import look
from kedge.journal.journal import JournalError
from kedge.journal.sqlite import SqliteJournal
from kedge.model.events import Command, Event
from kedge.model.looks import Status
from kedge.model.records import CommandTaken, Entry
from kedge.runtime.bots_file import changes
from kedge.runtime.cell import Cell
from kedge.runtime.kinds import Kinds
from kedge.runtime.port import EngineAway
from kedge.runtime.readings import Readings
from kedge.settings import SettingsWrong, read_bots_file

QUEUE_MOST = 10_000
PAGE = 1000


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

    async def command(self, command: Command) -> CommandTaken:
        if command.verb == "bot.add":
            said = self._kinds.load(_kind_in(command))
            if said:
                return CommandTaken(command.command_id, "", "", command.verb, command.args, False, said)
        return await self._cell.command(command)

    def status(self) -> Status:
        cell = self._cell
        return look.status(cell.engine, cell.clock(), cell.began_ns, cell.last_seq, cell.durable_seq)

    async def read(self, what: str, args: dict[str, object]) -> object:
        """`open_orders` and `held` are as the engine has them now; the rest is from the tables."""
        if what == "open_orders":
            return look.orders(self._cell.engine)
        if what == "held":
            return look.positions(self._cell.engine)
        return await self._readings.read(what, args, self._cell.durable_seq)

    async def entries(self, after_seq: int) -> AsyncIterator[Entry]:
        queue: asyncio.Queue[Entry] = asyncio.Queue()
        lost = False

        def tail(entries: Sequence[Entry]) -> None:
            nonlocal lost
            for entry in entries:
                if queue.qsize() < QUEUE_MOST:
                    queue.put_nowait(entry)
                else:
                    lost = True

        key = self._key()
        self._cell.tails[key] = tail
        try:
            seq = after_seq
            while True:
                # History first, then live; after an overflow, history again from where we are.
                lost = False
                upto = self._cell.durable_seq
                while seq < upto:
                    page = list(self._journal.tail(seq, min(PAGE, upto - seq)))
                    for entry in page:
                        yield entry
                        seq = entry.seq
                    await asyncio.sleep(0)
                while not lost or not queue.empty():
                    entry = await queue.get()
                    if entry.seq == seq + 1:
                        yield entry
                        seq = entry.seq
                    elif entry.seq > seq + 1:
                        break
        finally:
            self._cell.tails.pop(key, None)

    async def tap(self, kinds: tuple[str, ...]) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue()

        def tap(event: Event) -> None:
            if (not kinds or type(event).__name__ in kinds) and queue.qsize() < QUEUE_MOST:
                queue.put_nowait(event)

        key = self._key()
        self._cell.taps[key] = tap
        try:
            while True:
                yield await queue.get()
        finally:
            self._cell.taps.pop(key, None)

    async def backup(self, target: str) -> str:
        path = Path(target).expanduser().absolute()
        try:
            await self._journal.backup(path)
        except JournalError as error:
            raise ValueError(str(error)) from None
        return str(path)

    async def reload(self) -> str:
        """Follow the bots file as it is now."""
        try:
            wanted = read_bots_file(self._bots_path())
        except SettingsWrong as error:
            raise ValueError(str(error)) from None
        wrong = self._kinds.load_all(spec.kind for spec in wanted.values())
        if wrong:
            raise ValueError("; ".join(wrong))
        said: list[str] = []
        for command in changes(self._cell.engine.desk, wanted, self._cell.clock()):
            try:
                taken = await self._cell.command(command)
            except EngineAway as away:
                raise ValueError(str(away)) from None
            said.append(taken.says)
        return "; ".join(said) or "nothing has changed"

    def _key(self) -> int:
        self._numbers += 1
        return self._numbers


def _kind_in(command: Command) -> str:
    try:
        return str(msgspec.json.decode(command.args, type=dict[str, object]).get("kind", ""))
    except msgspec.DecodeError:
        return ""
