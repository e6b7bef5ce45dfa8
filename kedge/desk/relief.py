"""How the watch tells people: by the post's own channels, also while the desk that sends them is away.

A notice goes into the outbox first, like any other: from there on it is delivered once, whoever does it. The
desk's post holds a lease while it lives and sends what it finds. Where nobody holds it, the watch takes it
for as long as something waits, sends, and gives it back: the desk that comes back finds it free.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence

from kedge.desk.notices import Notice
from kedge.desk.post.channels import senders_of
from kedge.desk.post.delivery import Delivery
from kedge.desk.post.lease import Leases
from kedge.desk.post.outbox import Outbox
from kedge.desk.post.sender import Sender
from kedge.desk.post.service import LEASE
from kedge.desk.tables.people import DatabaseTrouble, PeopleDatabase, people_of
from kedge.home import Home
from kedge.logs import Log
from kedge.settings import Secrets, Settings

CLOSE_S = 5.0

Clock = Callable[[], int]


class Relief:
    """Give `tell` every look's notices, also none: what waits is then looked after."""

    def __init__(
        self, people: PeopleDatabase, senders: Sequence[Sender], settings: Settings, clock: Clock, log: Log
    ) -> None:
        self._senders, self._clock, self._log = senders, clock, log
        self._outbox, self._leases = Outbox(people), Leases(people)
        self._holder = f"watch/{socket.gethostname()}/{os.getpid()}"
        chosen = settings.notices
        self._deliveries = [
            Delivery(self._outbox, one, clock, self._hear, per_minute=chosen.per_minute, gather_s=0)
            for one in senders
        ]
        self._not_put: list[Notice] = []
        self._waits = False
        self._opened = False
        self._sending: asyncio.Task[None] | None = None

    async def tell(self, notices: Sequence[Notice]) -> None:
        """Keep them; have them sent beside the looks, which wait for nobody."""
        self._not_put = [*self._not_put, *notices][-1000:]
        if (self._not_put or self._waits) and (self._sending is None or self._sending.done()):
            self._sending = asyncio.get_running_loop().create_task(self.send(), name="relief")

    async def send(self) -> None:
        """Put what is to be told into the outbox, and deliver it where nobody else does."""
        try:
            await asyncio.to_thread(self._put)
            other = await asyncio.to_thread(self._leases.take, LEASE, self._holder, self._clock())
            if other:
                self._waits = bool(await asyncio.to_thread(self._outbox.counts))
                return  # it is alive, or its lease runs out soon: then it is our turn
            try:
                await self._deliver()
            finally:
                await asyncio.to_thread(self._leases.leave, LEASE, self._holder)
            self._waits = bool(await asyncio.to_thread(self._outbox.counts))
        except DatabaseTrouble as trouble:
            self._waits = True
            self._log.warn(f"people cannot be told: {trouble}")

    async def close(self) -> None:
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=CLOSE_S)
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        for sender in self._senders:
            await sender.close()

    def _put(self) -> None:
        if not self._opened:
            self._leases.open()
            self._outbox.open()
            self._opened = True
        put = self._not_put[:]
        routed = [(one.channel, notice) for notice in put for one in self._senders if one.wants(notice)]
        if routed:
            self._outbox.put(routed, self._clock())
            self._waits = True
        del self._not_put[: len(put)]

    async def _deliver(self) -> None:
        """One round: a channel in trouble is left for the next look, not waited for."""
        for delivery in self._deliveries:
            while await delivery.once() == 0:
                pass

    def _hear(self, channel: str, why: str) -> None:
        if why:
            self._log.warn(f"{channel}: {why}")


def relief_of(home: Home, settings: Settings, clock: Clock, log: Log) -> Relief | None:
    """None where no channel is set up. Raises `SettingsWrong` where a secret is missing."""
    chosen = settings
    if not (chosen.telegram.token or chosen.mail.server or chosen.webhooks.urls):
        return None
    secrets = Secrets(home.secrets)
    people = people_of(home, settings, secrets)
    with contextlib.suppress(ImportError):  # a channel whose library is not installed
        return Relief(people, senders_of(settings, secrets, people, clock), settings, clock, log)
    log.warn("people cannot be told by the post: its libraries are missing; pip install 'kedge[desk]'")
    return None
