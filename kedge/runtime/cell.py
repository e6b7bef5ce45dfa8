"""One cell at work: lease, memory, venues, engine, in one loop. The only way to start is to recover.

    open the journal (the lease is taken, a life begins) -> fold snapshot and tail -> `born`
    -> open the venues -> each, once connected, is asked for its truth -> reconcile -> go

The rule of the house is kept here: records first, then effects. A step's effects wait in `_waiting` until
everything written before them is durable. Only post-only quotes may leave together with their record.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import localcontext
from typing import Any

from msgspec import Raw, Struct

from kedge.engine.apply import fold
from kedge.engine.bot import Bot
from kedge.engine.effects import Effect, Errand, Place
from kedge.engine.engine import Engine, Out, RiskBook
from kedge.engine.state import Desk, decode_desk, encode_desk
from kedge.engine.step import born, next_ns, step
from kedge.journal.journal import Journal, JournalError
from kedge.model import events as ev
from kedge.model.events import (
    BookLost,
    BookUpdate,
    Command,
    ErrandDone,
    Event,
    LinkDown,
    Outgrown,
    Tick,
)
from kedge.model.instrument import account_of
from kedge.model.numbers import MONEY
from kedge.model.records import CommandTaken, Entry
from kedge.runtime.env import Clock
from kedge.runtime.port import EngineAway
from kedge.runtime.shell import Shell
from kedge.runtime.tree import Tree
from kedge.venues.venue import Venue

SECOND_NS = 1_000_000_000
INBOX_MOST = 100_000
# Records written but not yet durable; beyond this the engine waits for the disk.
UNSYNCED_MOST = 20_000
BATCH_MOST = 256
COMMITS_MEASURED = 1_000
# What the venues stream by themselves may be dropped when too much of it waits, since a report brings it
# again. Answers, links and commands are as many as were asked for, and never come twice.
STREAMED = (ev.OrderNews, ev.FillNews, ev.CashNews, ev.BalanceNews, ev.MarkUpdate, ev.InstrumentSeen)


class CellConfig(Struct, frozen=True):
    cell: str
    version: str
    desk_id: int  # used only when the journal is new
    snapshot_every: int = 20_000


Tail = Callable[[Sequence[Entry]], None]
# Carries out a deed outside the engine; raises ValueError with the sentence that says why it could not.
DoErrand = Callable[[Errand], Awaitable[str]]


class Cell:
    """The running whole. `run` returns when asked to stop and raises what ended it otherwise."""

    def __init__(
        self,
        config: CellConfig,
        journal: Journal,
        venues: Mapping[str, Venue],
        kinds: Mapping[str, Bot[Any, Any]],
        limits: RiskBook,
        clock: Clock,
        record: Callable[[int, Event], None] | None = None,
    ) -> None:
        self.config = config
        self.journal = journal
        self.clock = clock
        self.venues = venues
        self.began_ns = 0
        self.last_seq = 0
        self.durable_seq = 0
        self.steps = 0
        self.engine, self._snapshot_seq = self._remember(kinds, limits)
        self.tails: dict[int, Tail] = {}
        self.taps: dict[int, Callable[[Event], None]] = {}
        self.do_errand: DoErrand = _no_errands
        self._record = record
        self._inbox: deque[Event] = deque()
        self._books: dict[str, BookUpdate] = {}
        self._overflow = 0
        # Set when something was heard while the engine waits; and the timer that ends its wait, left standing
        # while it is early enough, because nearly every wait is ended by something heard.
        self._woken: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ns = 0
        self._waiting: deque[tuple[int, Effect]] = deque()
        # Records not yet handed to the journal: those of quotes that leave first, until this turn's end.
        self._unwritten: deque[list[Entry]] = deque()
        self._unsynced: deque[tuple[int, Sequence[Entry]]] = deque()
        self._durable = asyncio.Event()
        self._answers: dict[str, list[asyncio.Future[CommandTaken]]] = {}
        self._taking: dict[str, None] = {}  # commands whose record is not yet durable
        self.shells: dict[str, Shell] = {}
        # When a commit became durable, and how long after its first record was decided.
        self.commits: deque[tuple[int, int]] = deque(maxlen=COMMITS_MEASURED)
        self._tree: Tree | None = None
        self._snapshotting = False
        self.stopped = False

    def _remember(self, kinds: Mapping[str, Bot[Any, Any]], limits: RiskBook) -> tuple[Engine, int]:
        """Fold the journal into a desk, and give it an engine."""
        past = self.journal.past()
        desk = decode_desk(past.snapshot) if past.snapshot is not None else Desk()
        seq = past.snapshot_seq
        with localcontext(MONEY):  # once for all: there may be a million
            for entry in self.journal.tail(past.snapshot_seq):
                assert entry.seq == seq + 1, f"the journal jumps from {seq} to {entry.seq}"
                fold(desk, entry.record, entry.ts_ns)
                seq = entry.seq
        assert seq == past.last_seq, f"the journal ends at {seq}, not at {past.last_seq}"
        self.last_seq = self.durable_seq = seq
        rules = {name: venue.rules for name, venue in self.venues.items()}
        return Engine(desk, kinds, rules, limits, self.config.version), past.snapshot_seq

    @property
    def waiting_events(self) -> int:
        """Events that wait for their step."""
        return len(self._inbox) + len(self._books)

    @property
    def held_effects(self) -> int:
        """Effects that wait for their records to be durable."""
        return len(self._waiting)

    # ── the loop ────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        if self.stopped:
            return
        self._tree = tree = Tree(self.config.cell)
        try:
            self.began_ns = self.clock()
            config = self.config
            out = born(self.engine, self.began_ns, config.desk_id, config.cell, self.journal.life)
            for name, venue in self.venues.items():
                self.shells[name] = Shell(venue, tree, self.clock, self.hear, self.journal.holds)
            self._deliver([(self.engine.now_ns, out)])
            for name, shell in self.shells.items():
                tree.start(name, shell.run())
            tree.start("engine", self._work())
            await tree.ended()
        finally:
            self._hand_over()
            self.stopped = True
            if self._alarm is not None:
                self._alarm.cancel()
            self._refuse_waiting()
            await tree.close()

    def stop(self) -> None:
        """Stop in good order: nothing more is decided; orders stay as they are at the venues."""
        if self._tree is not None:
            self._tree.finish()
        else:
            self.stopped = True  # before it began

    async def _work(self) -> None:
        while True:
            await self._wait()
            while self._heard() or self._due():
                self._batch()
                if self.last_seq - self.durable_seq > UNSYNCED_MOST:
                    await self._caught_up()
                else:
                    await asyncio.sleep(0)  # let answers in, and cancellation

    async def _wait(self) -> None:
        """Until something is heard or the next timer is due."""
        if self._heard():
            return
        due_ns = next_ns(self.engine)
        if due_ns is not None:
            delay_ns = due_ns - self.clock()
            if delay_ns <= 0:
                return
            self._set_alarm(due_ns, delay_ns)
        self._woken = asyncio.get_running_loop().create_future()
        await self._woken

    def _set_alarm(self, due_ns: int, delay_ns: int) -> None:
        if self._alarm is not None:
            if self._alarm_ns <= due_ns:
                return  # it may ring for nothing, and is then set anew
            self._alarm.cancel()
        self._alarm_ns = due_ns
        self._alarm = asyncio.get_running_loop().call_later(delay_ns / SECOND_NS, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._rouse()

    def _rouse(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _heard(self) -> bool:
        return bool(self._inbox or self._books or self._overflow)

    def _due(self) -> bool:
        due_ns = next_ns(self.engine)
        return due_ns is not None and due_ns <= self.clock()

    def _batch(self) -> None:
        """Step what is there, up to a bound; its records are one commit."""
        if not self.journal.holds():
            # Nothing can be written any more. What is under way will say why; where nothing is, we do.
            if not self._unsynced and self._tree is not None:
                self._tree.fail(JournalError("this process no longer holds the lease"))
            return
        outs: list[tuple[int, Out]] = []
        for _ in range(BATCH_MOST):
            event = self._next()
            if event is None:
                break
            now_ns = self.clock()
            if self._record is not None:
                self._record(now_ns, event)
            out = step(self.engine, event, now_ns)
            self.steps += 1
            if out.records or out.effects:
                outs.append((self.engine.now_ns, out))
        self._deliver(outs)
        self._answer_repeats()

    def _next(self) -> Event | None:
        """Accounts before time before books: what is known of orders is decided upon first."""
        if self._inbox:
            return self._inbox.popleft()
        if self._overflow:
            dropped, self._overflow = self._overflow, 0
            return Outgrown("inbox", f"{dropped} events were dropped; asking the venues instead")
        if self._due():
            return Tick()
        if self._books:
            market = next(iter(self._books))
            return self._books.pop(market)
        return None

    def hear(self, event: Event) -> None:
        """Take an event from a venue or the gate. Books are conflated: only the newest counts."""
        if self.stopped:
            return
        if type(event) is BookUpdate:
            self._books[event.market] = event
        elif len(self._inbox) >= INBOX_MOST and isinstance(event, STREAMED):
            self._overflow += 1
        else:
            self._forget_books(event)
            self._inbox.append(event)
        for tap in self.taps.values():
            tap(event)
        self._rouse()

    def _forget_books(self, event: Event) -> None:
        """A book that still waits must not come after the news that it is lost."""
        if type(event) is BookLost:
            self._books.pop(event.market, None)
        elif type(event) is LinkDown:
            for market in [name for name in self._books if account_of(name) == event.account]:
                del self._books[market]

    # ── write, then act ─────────────────────────────────────────────────────────────────────────

    def _deliver(self, outs: list[tuple[int, Out]]) -> None:
        entries: list[Entry] = []
        early = False
        for ts_ns, out in outs:
            for record in out.records:
                self.last_seq += 1
                entries.append(Entry(self.last_seq, ts_ns, record))
                if type(record) is CommandTaken:
                    self._taking[record.command_id] = None
            for effect in out.effects:
                if type(effect) is Place and effect.early:
                    self.shells[effect.account].carry_out_now(effect)
                    early = True
                else:
                    self._waiting.append((self.last_seq, effect))
        if entries:
            self._unwritten.append(entries)
            if early:
                # The journal may make its flush at once. What was just started leaves with the loop's next
                # turn, before this.
                asyncio.get_running_loop().call_soon(self._write)
            else:
                self._write()
        self._release()

    def _write(self) -> None:
        self._hand_over()
        self._perhaps_snapshot()

    def _hand_over(self) -> None:
        """Give the journal what it has not yet, in order."""
        while self._unwritten and not self.stopped:
            entries = self._unwritten.popleft()
            self._unsynced.append((entries[-1].seq, entries))
            done = self.journal.append(entries)
            if done.done() and len(self._unsynced) == 1:
                self._synced(done)  # a quick disk, and nobody in front: no turn of the loop for it
            else:
                done.add_done_callback(self._synced)

    def _synced(self, done: asyncio.Future[None]) -> None:
        """A commit is durable: what waited for it may act, people may be answered."""
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or self.stopped:
            return
        if error is not None:
            if self._tree is not None:
                self._tree.fail(error)
            return
        seq, entries = self._unsynced.popleft()
        assert seq > self.durable_seq
        self.durable_seq = seq
        now_ns = self.clock()
        self.commits.append((now_ns, now_ns - entries[0].ts_ns))
        self._durable.set()
        # What waited to leave goes first: nobody who only reads may stand before an order.
        self._release()
        for entry in entries:
            if type(entry.record) is CommandTaken:
                self._taking.pop(entry.record.command_id, None)
                self._answer(entry.record)
        for tail in list(self.tails.values()):
            tail(entries)
        self._answer_repeats()

    def _release(self) -> None:
        due: list[Effect] = []
        while self._waiting and self._waiting[0][0] <= self.durable_seq:
            due.append(self._waiting.popleft()[1])
        if len(due) == 1 and not isinstance(only := due[0], Errand):
            self.shells[only.account].carry_out_now(only)
            return
        for effect in due:  # the shells know which of them go first
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        if not isinstance(effect, Errand):
            self.shells[effect.account].carry_out(effect)
        elif self._tree is not None:
            self._tree.start("errand", self._run_errand(effect), lasting=False)

    async def _run_errand(self, errand: Errand) -> None:
        try:
            done = ErrandDone(errand.command_id, True, await self.do_errand(errand))
        except ValueError as wrong:
            done = ErrandDone(errand.command_id, False, str(wrong))
        self.hear(done)

    async def _caught_up(self) -> None:
        while self.last_seq - self.durable_seq > UNSYNCED_MOST // 2:
            self._durable.clear()
            await self._durable.wait()

    def _perhaps_snapshot(self) -> None:
        if self.last_seq - self._snapshot_seq < self.config.snapshot_every or self._snapshotting:
            return
        self._snapshotting, self._snapshot_seq = True, self.last_seq
        assert self._tree is not None
        body = encode_desk(self.engine.desk)
        self._tree.start("snapshot", self._snapshot(self.last_seq, body), lasting=False)

    async def _snapshot(self, seq: int, body: bytes) -> None:
        while self.durable_seq < seq:
            self._durable.clear()
            await self._durable.wait()
        await self.journal.snapshot(seq, body)
        self._snapshotting = False

    # ── people ──────────────────────────────────────────────────────────────────────────────────

    async def command(self, command: Command) -> CommandTaken:
        """Apply a command once; returns when it and its result are durable."""
        if self.stopped:
            raise EngineAway("the engine is stopping")
        waiter: asyncio.Future[CommandTaken] = asyncio.get_running_loop().create_future()
        self._answers.setdefault(command.command_id, []).append(waiter)
        self.hear(command)
        try:
            return await waiter
        finally:
            waiters = self._answers.get(command.command_id, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                self._answers.pop(command.command_id, None)

    def _answer(self, taken: CommandTaken) -> None:
        for waiter in self._answers.get(taken.command_id, ()):
            if not waiter.done():
                waiter.set_result(taken)

    def _answer_repeats(self) -> None:
        """A command given twice gets the first one's answer, once that is durable."""
        for command_id, waiters in self._answers.items():
            known = self.engine.desk.commands.get(command_id)
            if known is None or command_id in self._taking:
                continue
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(CommandTaken(command_id, "", "", "", _EMPTY, known[0], known[1]))

    def _refuse_waiting(self) -> None:
        for waiters in self._answers.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(EngineAway("the engine stopped before the command was durable"))


async def _no_errands(errand: Errand) -> str:
    raise ValueError(f"nobody here carries out {errand.verb}")


_EMPTY = Raw(b"{}")
