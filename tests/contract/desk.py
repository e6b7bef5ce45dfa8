"""One adapter, what it has told, and the questions a card asks of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from kedge.model.events import (
    Answered,
    BookUpdate,
    Event,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    LookedUp,
    OrderNews,
)
from kedge.model.instrument import Instrument, market_of
from kedge.model.order import TERMINAL, State
from kedge.model.venue import AccountReport, Answer, Ask, Feed, Fill, OrderReport, PlaceOrder
from kedge.sim.loop import StormLoop
from kedge.venues.venue import Venue

SECOND = 1_000_000_000
START_NS = 1_790_000_000 * SECOND
# What must never be said. Odd enough to be found in any text.
KEY = "kontraktkey7f3a"
SECRET = "kontraktsecret91bd"
SENTENCE_MAX = 400
TAKEN = (Answer.ACCEPTED, Answer.DONE)
E = TypeVar("E", bound=Event)


class Desk:
    """One adapter, what it has told, and the questions a card asks of that."""

    def __init__(self, venue: Venue, loop: StormLoop) -> None:
        self.venue = venue
        self.account = venue.account
        self.events: list[Event] = []
        self.answers: list[Answered | LookedUp] = []
        self.closed_at: int | None = None
        self._loop = loop
        self._read = 0
        self._news: asyncio.Future[None] | None = None

    def emit(self, event: Event) -> None:
        self.events.append(event)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def until(
        self, kind: type[E], wanted: Callable[[E], object] = lambda _: True, within_s: float = 60
    ) -> E:
        """The next event of this kind that is wanted; those before it count as read."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._read < len(self.events):
                        event = self.events[self._read]
                        self._read += 1
                        if isinstance(event, kind) and wanted(event):
                            return event
                    self._news = self._loop.create_future()
                    await self._news
        except TimeoutError:
            trouble = getattr(self.venue, "trouble", "")
            said = f"no {kind.__name__} within {within_s:g} s; trouble: {trouble!r}; {self.events[-4:]}"
            raise AssertionError(said) from None

    async def holds(self, what: Callable[[], object], within_s: float = 60) -> None:
        """Wait until this is so."""
        end_s = self._loop.time() + within_s
        while not what():
            assert self._loop.time() < end_s, f"it did not come to this; {self.events[-4:]}"
            await asyncio.sleep(0.05)

    def mark(self) -> int:
        """Where the news stands; for `all(kind, since)`."""
        return len(self.events)

    def skip(self) -> None:
        """Whatever was told until now counts as read."""
        self._read = len(self.events)

    def all(self, kind: type[E], since: int = 0) -> list[E]:
        return [event for event in self.events[since:] if isinstance(event, kind)]

    def orders(self, client_id: str) -> list[OrderReport]:
        return [news.order for news in self.all(OrderNews) if news.order.client_id == client_id]

    def _reports(self, client_id: str) -> list[OrderReport]:
        """Those that the stream has told; where it has told none, what the answers have shown."""
        shown = [
            said.order
            for said in self.answers
            if isinstance(said, Answered) and said.client_id == client_id and said.order is not None
        ]
        return self.orders(client_id) or shown

    def fills(self, client_id: str = "") -> list[Fill]:
        """Each execution once."""
        found = {n.fill.exec_id: n.fill for n in self.all(FillNews) if client_id in ("", n.fill.client_id)}
        return list(found.values())

    def books(self, symbol: str, since: int = 0) -> list[BookUpdate]:
        market = market_of(self.account, symbol)
        return [book for book in self.all(BookUpdate, since) if book.market == market]

    def instruments(self) -> dict[str, Instrument]:
        """As last told."""
        return {seen.instrument.symbol: seen.instrument for seen in self.all(InstrumentSeen)}

    @property
    def linked(self) -> bool:
        links = [event for event in self.events if isinstance(event, LinkUp | LinkDown)]
        return bool(links) and isinstance(links[-1], LinkUp)

    @property
    def trouble(self) -> str:
        return str(getattr(self.venue, "trouble", ""))

    # ── deeds and questions ─────────────────────────────────────────────────────────────────────

    async def place(self, order: PlaceOrder) -> Answered:
        return self._heard("place", order.client_id, await self.venue.place(order))

    async def amend(self, order: PlaceOrder, price: Decimal, qty: Decimal) -> Answered:
        until_ns = self.now_ns() + 5 * SECOND
        said = await self.venue.amend(order.client_id, order.symbol, price, qty, until_ns)
        return self._heard("amend", order.client_id, said)

    async def cancel(self, order: PlaceOrder) -> Answered:
        until_ns = self.now_ns() + 5 * SECOND
        said = await self.venue.cancel(order.client_id, order.symbol, until_ns)
        return self._heard("cancel", order.client_id, said)

    async def lookup(self, order: PlaceOrder) -> LookedUp:
        found = await self.venue.lookup(Ask(order.client_id, order.symbol, order))
        assert found.account == self.account
        assert found.client_id == order.client_id
        assert not (found.error and found.order), "an answer or an error, never both"
        self.answers.append(found)
        return found

    async def report(self, cursor: str = "") -> AccountReport:
        """The account's truth, whole."""
        report = await self.venue.report(cursor)
        assert isinstance(report, AccountReport), report
        assert report.complete
        return report

    async def watch(self, *symbols: str, feeds: Sequence[Feed] = ()) -> None:
        await self.venue.watch(symbols, feeds)

    async def take(self, order: PlaceOrder) -> Answered:
        """Place it; the venue must take it."""
        answered = await self.place(order)
        assert answered.answer in TAKEN, answered
        return answered

    async def rest(self, order: PlaceOrder) -> OrderReport:
        """Place it, and wait until it is told as open."""
        await self.take(order)
        return await self.told(order, lambda one: one.state is State.OPEN)

    async def told(
        self, order: PlaceOrder, wanted: Callable[[OrderReport], object], within_s: float = 30
    ) -> OrderReport:
        """The first report of this order that is wanted, said already or not."""

        def found() -> OrderReport | None:
            return next((one for one in self._reports(order.client_id) if wanted(one)), None)

        await self.holds(found, within_s)
        report = found()
        assert report is not None
        return report

    async def end_of(self, order: PlaceOrder, within_s: float = 30) -> OrderReport:
        """How it ended, by the stream."""
        return await self.told(order, lambda one: one.state in TERMINAL, within_s)

    async def outcome(self, order: PlaceOrder) -> State:
        """Place it; how it ended, whether the answer said so or the stream."""
        answered = await self.place(order)
        if answered.answer is Answer.REJECTED:
            is_sentence(answered.reason)
            return State.REJECTED
        assert answered.answer in TAKEN, answered
        return (await self.end_of(order)).state

    async def filled(self, order: PlaceOrder) -> list[Fill]:
        """Take it, wait for its end and for all of its fills."""
        await self.take(order)
        end = await self.end_of(order)
        assert end.state is State.FILLED, end
        await self.holds(lambda: total(self.fills(order.client_id)) == end.cum_qty)
        return self.fills(order.client_id)

    async def linked_again(self, since: int, within_s: float = 120) -> None:
        """A link that began after this mark."""
        await self.holds(lambda: self.all(LinkUp, since) and self.linked, within_s)

    async def close(self) -> None:
        await self.venue.close()
        self.closed_at = len(self.events)

    def now_ns(self) -> int:
        return START_NS + self._loop.now_ns

    def _heard(self, request: str, client_id: str, answered: Answered) -> Answered:
        assert (answered.account, answered.request, answered.client_id) == (self.account, request, client_id)
        self.answers.append(answered)
        return answered


def is_sentence(words: str) -> str:
    """One line that says something, and not a secret."""
    assert words.strip(), "nothing is said"
    assert "\n" not in words, words
    assert len(words) <= SENTENCE_MAX, words
    assert "Traceback" not in words, words
    has_no_secret(words)
    return words


def has_no_secret(said: object) -> None:
    words = str(said)
    assert SECRET not in words, "a secret was said"
    assert KEY not in words, "a key was said"


def total(fills: Sequence[Fill]) -> Decimal:
    return sum((fill.qty for fill in fills), Decimal(0))
