"""The shell of one account: carries out effects through its venue, and brings every answer back as an event.

Each effect is tried exactly once. Cancels and balancing orders go first, questions after them; all of these
have budget kept back for them. Just before an order leaves, three things are checked again: this life still
holds the lease, the order's last moment has not passed, and the journal has it (that, the cell sees to).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from kedge.engine.effects import (
    Amend,
    AskReport,
    Cancel,
    CancelAll,
    Effect,
    List,
    Lookup,
    Place,
    Retry,
    Watch,
)
from kedge.model.events import (
    Answered,
    CancelledAll,
    Event,
    Listed,
    LookedUp,
    Reported,
    ReportFailed,
    Request,
)
from kedge.model.instrument import Instrument
from kedge.model.order import TRIGGERED
from kedge.model.venue import AccountReport, Answer, Quote
from kedge.runtime.budget import Budget
from kedge.runtime.env import Clock
from kedge.runtime.tree import Tree
from kedge.venues.venue import Venue

IN_FLIGHT_MOST = 64
# Of these, so many are kept for what is urgent: silent requests for risk must not hold up a cancel.
IN_FLIGHT_RESERVE = 16
QUEUE_MOST = 20_000
# An order is not sent when less than this is left of its time: it would only arrive too late.
MARGIN_NS = 50_000_000
SECOND_NS = 1_000_000_000
ANSWERS_MEASURED = 100
# Who has time looks again after this whether others still wait.
LET_PASS_NS = 50_000_000


class Shell:
    def __init__(
        self, venue: Venue, tree: Tree, clock: Clock, hear: Callable[[Event], None], holds: Callable[[], bool]
    ) -> None:
        self.venue = venue
        self.account = venue.account
        self.budget = Budget(venue.rules, clock())
        self._tree = tree
        self._clock = clock
        self._hear = hear
        self._holds = holds
        self._urgent: deque[Effect] = deque()
        # They may be thousands, and silent: a cancel must not wait behind them.
        self._questions: deque[Effect] = deque()
        self._others: deque[Effect] = deque()
        self._stops: deque[Effect] = deque()  # with an allowance of their own
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._opened = False
        self._watch: Watch | None = None
        self._watching = False
        self.sent = 0
        # How long the last answers to requests took.
        self.answers_ns: deque[int] = deque(maxlen=ANSWERS_MEASURED)

    @property
    def waiting(self) -> int:
        """Effects that wait for their turn here."""
        return len(self._urgent) + len(self._questions) + len(self._others) + len(self._stops)

    @property
    def allowance(self) -> tuple[int, int]:
        """Requests used and allowed at once, by our own count."""
        return self.venue.rules.burst - self.budget.left, self.venue.rules.burst

    async def run(self) -> None:
        """Open the venue and carry out effects until cancelled."""
        await self.venue.open(self._hear)
        self._opened = True
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._drain()
        finally:
            await self.venue.close()

    def carry_out(self, effect: Effect) -> None:
        """Queue one effect. A full queue answers at once that it was not sent."""
        if isinstance(effect, Watch):
            self._watch_newest(effect)
            return
        if isinstance(effect, Retry):
            self.venue.retry()
            return
        if self._is_stop(effect):
            self._queue_stop(effect)
            return
        queue = self._others
        if _is_urgent(effect):
            queue = self._questions if isinstance(effect, (Lookup, List, AskReport)) else self._urgent
        if len(queue) >= QUEUE_MOST:
            self._not_sent(effect, "the request queue is full")
            return
        queue.append(effect)
        self._wake.set()

    def _queue_stop(self, effect: Effect) -> None:
        """Its turn is now or it is not sent: the engine knows the allowance, and waits without a request."""
        wait_ns = self.budget.take_stop(self._clock())
        if wait_ns:
            self._not_sent(effect, "no more stop orders are allowed this minute", wait_ns)
        elif len(self._stops) >= QUEUE_MOST:
            self._not_sent(effect, "the request queue is full")
        else:
            self._stops.append(effect)
            self._wake.set()

    def carry_out_now(self, effect: Effect) -> None:
        """Start one effect without a turn of the loop between. Where something waits already, or there is no
        budget at hand, it takes its place in the queue like any other."""
        waiting = self._urgent or self._questions or self._others or self._is_stop(effect)
        if waiting or not self._opened or isinstance(effect, (Watch, Retry)):
            self.carry_out(effect)
            return
        urgent = _is_urgent(effect)
        room = IN_FLIGHT_MOST - (0 if urgent else IN_FLIGHT_RESERVE)
        if self._in_flight >= room or self.budget.take(self._clock(), urgent):
            self.carry_out(effect)
        else:
            self._start(effect)

    def _start(self, effect: Effect) -> None:
        self._in_flight += 1
        self._tree.start(type(effect).__name__, self._one(effect), lasting=False)

    async def _drain(self) -> None:
        self._start_stops()
        while queue := self._urgent or self._questions or self._others:
            if self._in_flight >= IN_FLIGHT_MOST - (0 if queue is self._urgent else IN_FLIGHT_RESERVE):
                return  # an answer wakes us
            urgent = queue is not self._others
            wait_ns = self.budget.take(self._clock(), urgent)
            if wait_ns:
                await self._pause(wait_ns, urgent)
                self._start_stops()
                continue
            self._start(queue.popleft())

    def _start_stops(self) -> None:
        """Their allowance was taken when they were queued."""
        while self._stops and self._in_flight < IN_FLIGHT_MOST - IN_FLIGHT_RESERVE:
            self._start(self._stops.popleft())

    async def _pause(self, wait_ns: int, urgent: bool) -> None:
        """Wait for budget; something urgent ends the wait of what is not."""
        self._wake.clear()
        try:
            async with asyncio.timeout(wait_ns / SECOND_NS):
                if urgent:
                    await asyncio.get_running_loop().create_future()
                await self._wake.wait()
        except TimeoutError:
            pass

    def _watch_newest(self, watch: Watch) -> None:
        """Subscriptions are told one after another, and of those that wait only the newest counts."""
        self._watch = watch
        if not self._watching:
            self._watching = True
            self._tree.start("watch", self._tell_watches(), lasting=False)

    async def _tell_watches(self) -> None:
        while self._watch is not None:
            watch, self._watch = self._watch, None
            await self.venue.watch(watch.symbols, watch.feeds)
        self._watching = False

    def quotes(self, symbols: Sequence[str] | None) -> asyncio.Future[tuple[Quote, ...] | str]:
        """Prices for people. They have time: everything that waits to be sent goes first."""
        told: asyncio.Future[tuple[Quote, ...] | str] = asyncio.get_running_loop().create_future()
        self._tree.start("quotes", self._tell_quotes(symbols, told), lasting=False)
        return told

    async def _tell_quotes(
        self, symbols: Sequence[str] | None, told: asyncio.Future[tuple[Quote, ...] | str]
    ) -> None:
        said: tuple[Quote, ...] | str = "the desk is stopping"
        try:
            while True:
                busy = self._urgent or self._questions or self._others
                wait_ns = LET_PASS_NS if busy else self.budget.take(self._clock(), urgent=False)
                if not wait_ns:
                    break
                await asyncio.sleep(wait_ns / SECOND_NS)
            said = await self.venue.quotes(symbols)
        finally:
            told.set_result(said)

    async def _one(self, effect: Effect) -> None:
        try:
            await self._carry_out(effect)
        finally:
            self._in_flight -= 1
            self._wake.set()

    async def _carry_out(self, effect: Effect) -> None:
        venue = self.venue
        if isinstance(effect, (Place, Amend, Cancel)):
            stands = self._may_send(effect)
            if stands:
                self._not_sent(effect, stands)
                return
            self.sent += 1
            began_ns = self._clock()
            await self._request(effect)
            self.answers_ns.append(self._clock() - began_ns)
            return
        if isinstance(effect, Lookup):
            if effect.ask.burn and not self._holds():
                self._not_sent(effect, "this process no longer holds the lease")
                return
            self._hear(await venue.lookup(effect.ask))
        elif isinstance(effect, List):
            self._listed(await venue.instruments())
        elif isinstance(effect, AskReport):
            self._report(await venue.report(effect.cursor))
        elif isinstance(effect, CancelAll):
            lost = "" if self._holds() else "not asked: this process no longer holds the lease"
            self._hear(CancelledAll(self.account, lost or await venue.cancel_all(None)))

    async def _request(self, effect: Place | Amend | Cancel) -> None:
        venue = self.venue
        if isinstance(effect, Place):
            self._answered(await venue.place(effect.order), self._is_stop(effect))
        elif isinstance(effect, Cancel):
            self._answered(await self._cancel(effect), self._is_stop(effect))
        else:
            e = effect
            self._answered(await venue.amend(e.client_id, e.symbol, e.price, e.qty, e.valid_until_ns))

    async def _cancel(self, e: Cancel) -> Answered:
        return await self.venue.cancel(e.client_id, e.symbol, e.valid_until_ns, e.venue_id)

    def _is_stop(self, effect: Effect) -> bool:
        if not self.budget.has_stops:
            return False
        if isinstance(effect, Place):
            return effect.order.kind in TRIGGERED
        return isinstance(effect, Cancel) and effect.stop

    def _answered(self, answered: Answered, is_stop: bool = False) -> None:
        if answered.retry_ns and is_stop:
            self.budget.hold_stops(self._clock() + answered.retry_ns)
        elif answered.retry_ns and answered.unsent:
            # The adapter's own count, perhaps of orders alone: a cancel must not wait for it.
            self.budget.hold_back(self._clock() + answered.retry_ns)
        elif answered.retry_ns:
            self.budget.exhaust(self._clock() + answered.retry_ns)
        self._hear(answered)

    def _report(self, report: AccountReport | str) -> None:
        if isinstance(report, str):
            self._hear(ReportFailed(self.account, report))
        else:
            self._hear(Reported(self.account, report))

    def _listed(self, found: tuple[Instrument, ...] | str) -> None:
        if isinstance(found, str):
            self._hear(Listed(self.account, error=found))
        else:
            self._hear(Listed(self.account, found))

    def _may_send(self, effect: Place | Amend | Cancel) -> str:
        """Why this request must not leave any more; "" when it may."""
        if not self._holds():
            return "this process no longer holds the lease"
        until = effect.order.valid_until_ns if isinstance(effect, Place) else effect.valid_until_ns
        if self._clock() > until - MARGIN_NS:
            return "its time ran out before it could be sent"
        return ""

    def _not_sent(self, effect: Effect, why: str, retry_ns: int = 0) -> None:
        if isinstance(effect, Place):
            self._answer("place", effect.order.client_id, why, retry_ns)
        elif isinstance(effect, Amend):
            self._answer("amend", effect.client_id, why)
        elif isinstance(effect, Cancel):
            self._answer("cancel", effect.client_id, why, retry_ns)
        elif isinstance(effect, Lookup):
            self._hear(LookedUp(self.account, effect.client_id, self._clock(), error=why))
        elif isinstance(effect, List):
            self._hear(Listed(self.account, error=why))
        elif isinstance(effect, AskReport):
            self._hear(ReportFailed(self.account, why))
        elif isinstance(effect, CancelAll):
            self._hear(CancelledAll(self.account, f"not asked: {why}"))

    def _answer(self, request: Request, client_id: str, why: str, retry_ns: int = 0) -> None:
        said = f"not sent: {why}"
        self._hear(
            Answered(self.account, request, client_id, Answer.REJECTED, said, unsent=True, retry_ns=retry_ns)
        )


def _is_urgent(effect: Effect) -> bool:
    return effect.urgent if isinstance(effect, Place) else not isinstance(effect, Amend)
