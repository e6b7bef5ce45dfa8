"""The post: from the engine's records and the desk's picture to what people are sent.

    listen     entries since the last one told, and what is wrong now -> notices -> outbox, in one transaction
    deliver    one task per channel
    tidy       what waits for too long, and what is done for long

One process does this at a time (a lease in the people's database). Whatever happens to the database, the
engine or a channel: it is said, waited for, and gone on with from where the outbox stands.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

from kedge.client import DeskAway, Refused
from kedge.desk.notices import HOUR_NS, SECOND_NS, Notice, Scribe, a_notice, troubles, watch
from kedge.desk.parts import DeskContext
from kedge.desk.post.channels import senders_of
from kedge.desk.post.day import Day
from kedge.desk.post.delivery import Delivery
from kedge.desk.post.lease import RENEW_S, Leases, new_holder
from kedge.desk.post.outbox import Outbox, Place
from kedge.desk.post.sender import Sender
from kedge.desk.said import say
from kedge.desk.tables.people import DatabaseTrouble, PeopleDatabase, people_of
from kedge.model.records import Entry

LEASE = "post"
LOOK_S = 1.0
BATCH_MAX = 500
QUEUE_MAX = 2000
AGAIN_S = 2.0
LOOK_AGAIN_S = 0.2
TIDY_S = 600.0


async def run(context: DeskContext) -> None:
    """The part of the desk process. Raises `SettingsWrong` where a secret is missing."""
    people: PeopleDatabase = context.people or people_of(context.home, context.settings, context.secrets)
    senders = senders_of(context.settings, context.secrets, people, context.clock)
    holder = new_holder()
    try:
        while True:
            with contextlib.suppress(LeaseLost):
                try:
                    await _as_holder(context, people, senders, holder)
                except DatabaseTrouble as trouble:
                    context.troubles["post"] = str(trouble)
            await asyncio.sleep(AGAIN_S)
    finally:
        for sender in senders:
            await sender.close()
        with contextlib.suppress(DatabaseTrouble):
            await asyncio.to_thread(Leases(people).leave, LEASE, holder)


class LeaseLost(Exception):
    """Another process does it now."""


async def _as_holder(
    context: DeskContext, people: PeopleDatabase, senders: Sequence[Sender], holder: str
) -> None:
    leases, outbox = Leases(people), Outbox(people)
    await asyncio.to_thread(leases.open)
    await asyncio.to_thread(outbox.open)
    while other := await asyncio.to_thread(leases.take, LEASE, holder, context.clock()):
        context.troubles["post"] = f"notices are sent by another desk process ({other})"
        await asyncio.sleep(AGAIN_S)
    context.troubles.pop("post", None)
    post = Post(context, outbox, senders)
    await together(_renew(context, leases, holder), *post.work())


async def _renew(context: DeskContext, leases: Leases, holder: str) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        if await asyncio.to_thread(leases.take, LEASE, holder, context.clock()):
            raise LeaseLost


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run them side by side; the first that fails ends all."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Post:
    def __init__(self, context: DeskContext, outbox: Outbox, senders: Sequence[Sender]) -> None:
        self._context, self._outbox, self._senders = context, outbox, senders
        chosen = context.settings.notices
        self._deliveries = [
            Delivery(
                outbox,
                sender,
                context.clock,
                self._trouble,
                per_minute=chosen.per_minute,
                gather_s=chosen.gather_s,
            )
            for sender in senders
        ]
        self._day = Day(chosen, context)
        self._heard: asyncio.Queue[Entry] = asyncio.Queue(QUEUE_MAX)
        self._place: Place | None = None
        self._scribe: Scribe | None = None
        # A round and a new beginning both move the place.
        self._turn = asyncio.Lock()

    def work(self) -> list[Coroutine[Any, Any, None]]:
        return [self._listen(), self._tidy(), *(one.run() for one in self._deliveries)]

    # ── listening ───────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> None:
        self._place = await asyncio.to_thread(self._outbox.place, self._context.cell)
        tail = asyncio.ensure_future(self._follow())
        try:
            while not tail.done():
                entries = await self._some()
                async with self._turn:
                    await self._round(entries)
                for _ in entries:
                    self._heard.task_done()
            await tail
        finally:
            tail.cancel()
            await asyncio.gather(tail, return_exceptions=True)

    async def _follow(self) -> None:
        """Entries after the last one that was told, however often the engine goes and comes."""
        link = self._context.link
        while True:
            try:
                now = await link.desk("desk").status()
                if self._place is not None and self._place.seq > now.durable_seq:
                    # The gate shares one look among all who ask within a moment: it may be older than a tail.
                    await asyncio.sleep(LOOK_AGAIN_S)
                    now = await link.desk("desk").status()
                after = await self._begin(now.desk, now.durable_seq)
                assert self._scribe is not None
                self._scribe.knows((bot.number, bot.bot) for bot in now.bots)
                async for entry in link.desk("desk").tail(after):
                    await self._heard.put(entry)
            except (DeskAway, Refused):
                await asyncio.sleep(AGAIN_S / 4)

    async def _begin(self, desk: str, last: int) -> int:
        """Where to go on. History from before the first start is not told; nor is another journal's."""
        await self._heard.join()  # what was heard is told before the question is asked again
        async with self._turn:
            place = self._place
            prefix = f"{self._context.cell}-{desk}"
            if self._scribe is None or place is None or place.desk != desk:
                self._scribe = Scribe(prefix)
            if place is not None and place.desk == desk and place.seq <= last:
                return place.seq
            fresh = Place(desk, last)
            said = []
            if place is not None:
                fresh = Place(desk, last, place.standing, place.summary_day)
                words = say(
                    "the journal is another one, or an older copy, than the desk knew: told from here on"
                )
                now_ns = self._context.clock()
                said = [a_notice(f"{prefix}/journal/{now_ns}", "engine", "warn", words, now_ns)]
            await self._keep(said, fresh)
            return last

    async def _some(self) -> list[Entry]:
        """What came within a moment; nothing, when nothing did."""
        found: list[Entry] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                found.append(await self._heard.get())
        while len(found) < BATCH_MAX and not self._heard.empty():
            found.append(self._heard.get_nowait())
        return found

    async def _round(self, entries: Sequence[Entry]) -> None:
        link, place, now_ns = self._context.link, self._place, self._context.clock()
        if place is None:
            return  # the engine was never met: there is no journal to speak of
        oldest_ns = now_ns - self._context.settings.notices.keep_hours * HOUR_NS
        said: list[Notice] = []
        for entry in entries:
            assert self._scribe is not None
            told = self._scribe.tell(entry)
            said += told if entry.ts_ns >= oldest_ns else ()
        prefix = f"{self._context.cell}-{place.desk}"
        standing = place.standing
        if link.away or link.status is not None:
            found = troubles(link.status, link.away)
            standing, more = watch(standing, found, now_ns, prefix)
            said += more
        day, more = await self._day.due(place.summary_day, now_ns, prefix)
        said += more
        seq = entries[-1].seq if entries else place.seq
        after = Place(place.desk, seq, standing, day)
        if said or after != place:
            await self._keep(said, after)

    async def _keep(self, said: Sequence[Notice], after: Place) -> None:
        for sender in self._senders:
            await sender.refresh()
        routed = [(one.channel, notice) for notice in said for one in self._senders if one.wants(notice)]
        now_ns = self._context.clock()
        await asyncio.to_thread(self._outbox.put, routed, now_ns, self._context.cell, after)
        self._place = after
        if routed:
            for delivery in self._deliveries:
                delivery.woken.set()

    # ── keeping order ───────────────────────────────────────────────────────────────────────────

    async def _tidy(self) -> None:
        channels = [sender.channel for sender in self._senders]
        while True:
            now_ns = self._context.clock()
            keep_ns = self._context.settings.notices.keep_hours * HOUR_NS
            await asyncio.to_thread(self._outbox.give_up, now_ns - keep_ns, now_ns)
            await asyncio.to_thread(self._outbox.tidy, channels, now_ns)
            await asyncio.sleep(TIDY_S)

    def _trouble(self, channel: str, why: str) -> None:
        name = f"post {channel}"
        before = self._context.troubles.get(name, "")
        if not why:
            self._context.troubles.pop(name, None)
        else:
            self._context.troubles[name] = why
        if why != before:
            self._context.say(f"notices by {channel}: {why or 'delivered again'}")


def test_notice(now_ns: int) -> Notice:
    """What `kedge notices --test` and the button on the page send."""
    words = say("a test: this channel works")
    return a_notice(f"test/{now_ns // SECOND_NS}", "note", "alarm", words, now_ns, over=True)
