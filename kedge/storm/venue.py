"""Our side of a venue in a storm: wires that lose, delay, double, reorder and lie.

`StormVenue` keeps the `Venue` protocol to the letter: it never raises for what the wires do, tries once per
call, and answers UNKNOWN where it does not know. Who is at the other end is `harbour.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from kedge.model import events as ev
from kedge.model.instrument import Instrument, market_of
from kedge.model.venue import AccountReport, Answer, Ask, Feed, OrderReport, PlaceOrder, Quote
from kedge.sim.exchange import (
    AmendOrder,
    BookChanged,
    CashMoved,
    FillMade,
    Happening,
    MarkMoved,
    OrderChanged,
    Reply,
    StatusChanged,
)
from kedge.sim.loop import Process
from kedge.storm.harbour import Harbour
from kedge.venues.venue import Condition, Emit

MS = 1_000_000
SECOND_NS = 1_000_000_000
PATIENCE_NS = 3 * SECOND_NS
BOOK_DEPTH = 5
# More requests than this in one second, and a real venue would ban us.
BAN_PER_SECOND = 60


class StormVenue:
    """Our side: one account of one harbour, as the engine's process sees it."""

    def __init__(
        self, harbour: Harbour, account: str, process: Process, life: int, patience_ns: int = PATIENCE_NS
    ) -> None:
        self.account = account
        self.life = life
        self.rules = harbour.rules
        self._login = account
        self._harbour = harbour
        self._process = process
        self._loop = harbour.loop
        self._swarm = harbour.swarm
        self._draw = harbour.tape.stream(f"{harbour.name}.wire")
        self._patience_ns = patience_ns
        self._emit: Emit = lambda event: None
        self._watched: tuple[str, ...] = ()
        self._up = False
        self._closed = False
        self._session = 0
        self._deaf_until_ns = 0
        self._silent_until_ns = 0
        self._last_arrival_ns = 0

    # ── the protocol ────────────────────────────────────────────────────────────────────────────

    @property
    def trouble(self) -> str:
        return "" if self._up else "the harbour cannot be reached"

    @property
    def condition(self) -> Condition:
        return Condition()

    async def open(self, emit: Emit) -> None:
        self._emit = emit
        self._process.at_death(self._gone)
        self._connect_later(self._harbour.wire_ns())

    async def close(self) -> None:
        self._closed = True
        self._gone()

    def retry(self) -> None:
        """The harbour never refuses for good."""

    async def bars(self, symbol: str, interval_ns: int, since_ns: int, until_ns: int) -> str:
        return "no bars here"

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        self._watched = tuple(symbols)
        self._push_books()

    async def place(self, order: PlaceOrder) -> ev.Answered:
        def deed() -> Reply:
            return self._harbour.place(self._login, order)

        return await self._request("place", order.client_id, deed)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> ev.Answered:
        change = AmendOrder(client_id, price, qty, valid_until_ns=valid_until_ns)
        return await self._request("amend", client_id, lambda: self._harbour.amend(self._login, change))

    async def cancel(
        self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = ""
    ) -> ev.Answered:
        def deed() -> Reply:
            return self._harbour.cancel(self._login, client_id, valid_until_ns)

        return await self._request("cancel", client_id, deed)

    async def cancel_all(self, symbol: str | None) -> str:
        answer = await self._ask(lambda: (self._harbour.cancel_all(self._login, symbol or ""),))
        return "no answer" if answer is None else ""

    async def lookup(self, ask: Ask) -> ev.LookedUp:
        asked_ns = self._process.wall_ns()
        lookups = self._harbour.lookups
        lookups[ask.client_id] = lookups.get(ask.client_id, 0) + 1
        answer = await self._ask(lambda: self._harbour.look(self._login, ask))
        if answer is None:
            return ev.LookedUp(self.account, ask.client_id, asked_ns, error="no answer")
        found, burnt, why = answer
        return ev.LookedUp(self.account, ask.client_id, asked_ns, found, why, burnt)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        answer = await self._ask(lambda: (self._harbour.exchange.instruments(),))
        return "no answer" if answer is None else answer[0]

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        return "no prices here"

    async def report(self, cursor: str) -> AccountReport | str:
        asked_ns = self._process.wall_ns()
        harbour, login = self._harbour, self._login
        if self._swarm.fires("report-fails"):
            await asyncio.sleep(harbour.wire_ns() / SECOND_NS)
            return "the venue answered with an error"
        orders = await self._ask(lambda: (harbour.open_orders(login),))
        fills = await self._ask(lambda: harbour.fills(login, cursor))
        cash = await self._ask(lambda: (harbour.exchange.cash(login, "", 1000).items,))
        positions = await self._ask(lambda: (harbour.exchange.positions(login),))
        if orders is None or fills is None or cash is None or positions is None:
            return "a question about the account was not answered"
        partial = self._swarm.fires("report-partial")
        found = fills[0][: len(fills[0]) // 2] if partial else fills[0]
        return AccountReport(
            asked_ns=asked_ns,
            open_orders=tuple(orders[0][: len(orders[0]) // 2] if partial else orders[0]),
            fills=tuple(found),
            cash=tuple(cash[0]),
            positions=positions[0],
            balances=harbour.exchange.balances(login),
            instruments=harbour.exchange.instruments(),
            cursor=cursor if partial else fills[1],
            complete=not partial,
        )

    # ── one request ─────────────────────────────────────────────────────────────────────────────

    async def _request(self, request: ev.Request, client_id: str, deed: Callable[[], Reply]) -> ev.Answered:
        """One attempt; every way in which it can go wrong is in here."""
        fires, harbour = self._swarm.fires, self._harbour
        if harbour.door is not None:
            harbour.door.leaves(harbour, self.life, request, client_id)
        harbour.count(self.account)
        answer: asyncio.Future[ev.Answered] = self._loop.create_future()
        there_ns, back_ns = harbour.wire_ns(), harbour.wire_ns()
        there_ns += harbour.sent() if request == "place" else 0
        there_ns += self._draw(14 * SECOND_NS) if fires("request-slow") else 0
        back_ns += self._draw(2 * SECOND_NS) if fires("reply-slow") else 0
        back_ns += self._patience_ns if fires("reply-late") else 0

        def arrive() -> None:
            if harbour.down:
                return None
            if fires("refused-unclear"):
                return reply(self._answered(request, client_id, Answer.UNKNOWN, "503"))
            if fires("too-many"):
                return reply(self._answered(request, client_id, Answer.REJECTED, "too many requests"))
            done = deed()
            if fires("reply-lost"):
                return None
            if fires("reply-broken"):
                return reply(self._answered(request, client_id, Answer.UNKNOWN, "502"))
            return reply(self._from_reply(request, client_id, done))

        def reply(answered: ev.Answered) -> None:
            self._loop.post(self._process, resolve, answered, delay_ns=back_ns)

        def resolve(answered: ev.Answered) -> None:
            if not answer.done():
                answer.set_result(answered)

        if not fires("request-lost"):
            self._loop.post(self._loop.root, arrive, delay_ns=there_ns)
        return await self._patiently(answer, self._answered(request, client_id, Answer.UNKNOWN, "no answer"))

    async def _patiently(self, answer: asyncio.Future[ev.Answered], otherwise: ev.Answered) -> ev.Answered:
        try:
            async with asyncio.timeout(self._patience_ns / SECOND_NS):
                return await answer
        except TimeoutError:
            return otherwise

    def _from_reply(self, request: ev.Request, client_id: str, done: Reply) -> ev.Answered:
        if done.ok:
            return self._answered(request, client_id, Answer.DONE, "", done.order)
        if done.code in ("id_open", "id_used"):
            return self._answered(request, client_id, Answer.UNKNOWN, done.sentence)
        return self._answered(request, client_id, Answer.REJECTED, done.sentence)

    def _answered(
        self,
        request: ev.Request,
        client_id: str,
        answer: Answer,
        reason: str,
        order: OrderReport | None = None,
    ) -> ev.Answered:
        return ev.Answered(self.account, request, client_id, answer, reason, order)

    async def _ask(self, question: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...] | None:
        """A question: lost, slow, or answered as of the moment it arrives; None when it was not answered."""
        fires, harbour = self._swarm.fires, self._harbour
        harbour.count(self.account)
        answer: asyncio.Future[tuple[Any, ...]] = self._loop.create_future()
        back_ns = harbour.wire_ns() + (self._draw(2 * SECOND_NS) if fires("reply-slow") else 0)

        def resolve(found: tuple[Any, ...]) -> None:
            if not answer.done():
                answer.set_result(found)

        def arrive() -> None:
            if not harbour.down and not fires("reply-lost"):
                self._loop.post(self._process, resolve, question(), delay_ns=back_ns)

        self._loop.post(self._loop.root, arrive, delay_ns=harbour.wire_ns())
        try:
            async with asyncio.timeout(self._patience_ns / SECOND_NS):
                return await answer
        except TimeoutError:
            return None

    # ── the link ────────────────────────────────────────────────────────────────────────────────

    def _connect_later(self, delay_ns: int) -> None:
        self._loop.post(self._process, self._connect, delay_ns=delay_ns)

    def _connect(self) -> None:
        if self._closed or self._up:
            return None
        if self._harbour.down:
            return self._connect_later(SECOND_NS)
        self._up = True
        self._session += 1
        self._deaf_until_ns = self._silent_until_ns = 0
        self._harbour.clients.append(self)
        self._emit(ev.LinkUp(self.account, self.rules))
        self._push_books()
        return None

    def cut(self, why: str) -> None:
        """The harbour's side: the line is gone, and our side notices a little later."""
        session = self._session
        if self in self._harbour.clients:
            self._harbour.clients.remove(self)
        self._loop.post(self._process, self._noticed, session, why, delay_ns=self._harbour.wire_ns())

    def half_open(self) -> None:
        """Nothing arrives any more; our heartbeat notices after its patience."""
        if self in self._harbour.clients:
            self._harbour.clients.remove(self)
        session = self._session
        delay_ns = SECOND_NS + self._draw(8 * SECOND_NS)
        self._loop.post(self._process, self._noticed, session, "no heartbeat", delay_ns=delay_ns)

    def _noticed(self, session: int, why: str) -> None:
        if self._closed or not self._up or session != self._session:
            return
        self._up = False
        self._gone()
        self._emit(ev.LinkDown(self.account, why))
        self._connect_later(200 * MS + self._draw(2 * SECOND_NS))

    def _gone(self) -> None:
        if self in self._harbour.clients:
            self._harbour.clients.remove(self)

    # ── what is told ────────────────────────────────────────────────────────────────────────────

    def told(self, happened: Sequence[Happening]) -> None:
        """The harbour's side: messages leave towards us, each with its own fate."""
        for happening in happened:
            if isinstance(happening, BookChanged):
                if happening.symbol in self._watched:
                    self._send_book(happening.symbol)
            elif isinstance(happening, MarkMoved):
                self._send(self._mark(happening), self._harbour.wire_ns())
            elif isinstance(happening, StatusChanged):
                seen = ev.InstrumentSeen(self.account, self._harbour.exchange.instrument(happening.symbol))
                self._send(seen, self._harbour.wire_ns())
            elif isinstance(happening, OrderChanged | FillMade | CashMoved) and self._is_ours(happening):
                self._send_private(happening)

    def _is_ours(self, happening: OrderChanged | FillMade | CashMoved) -> bool:
        if isinstance(happening, OrderChanged) and happening.order.client_id in self._harbour.burnt:
            return False  # what used a key up is nobody's order
        return happening.account == self._login

    def _send_private(self, happening: OrderChanged | FillMade | CashMoved) -> None:
        fires = self._swarm.fires
        event = self._private(happening)
        if fires("message-lost-silently"):
            return None
        if fires("message-lost"):
            return self.cut("a gap in the private stream")
        delay_ns = self._harbour.wire_ns()
        delay_ns += self._draw(3 * SECOND_NS) if fires("message-slow") else 0
        if fires("message-overtaken"):
            self._send(event, delay_ns + self._draw(SECOND_NS))
        else:
            # In order: not before what was sent before it.
            self._last_arrival_ns = max(self._last_arrival_ns + 1, self._loop.now_ns + delay_ns)
            self._send(event, self._last_arrival_ns - self._loop.now_ns)
        if fires("message-twice"):
            self._send(event, delay_ns + self._draw(2 * SECOND_NS))
        return None

    def _private(self, happening: OrderChanged | FillMade | CashMoved) -> ev.Event:
        if isinstance(happening, FillMade):
            return ev.FillNews(self.account, happening.fill)
        if isinstance(happening, CashMoved):
            return ev.CashNews(self.account, happening.cash)
        return ev.OrderNews(self.account, self._harbour.lie(happening.order))

    def _send(self, event: ev.Event, delay_ns: int) -> None:
        self._loop.post(self._process, self._receive, self._session, event, delay_ns=delay_ns)

    def _receive(self, session: int, event: ev.Event) -> None:
        if self._up and not self._closed and session == self._session:
            self._emit(event)

    def _mark(self, moved: MarkMoved) -> ev.MarkUpdate:
        market = market_of(self.account, moved.symbol)
        return ev.MarkUpdate(market, moved.mark, moved.index, moved.last, moved.funding_rate, moved.venue_ns)

    # ── books ───────────────────────────────────────────────────────────────────────────────────

    def _push_books(self) -> None:
        if self._up and not self._harbour.down:
            for symbol in self._watched:
                self._send_book(symbol)

    def _send_book(self, symbol: str) -> None:
        if self._loop.now_ns < self._silent_until_ns:
            return
        book = self._harbour.exchange.book(symbol, BOOK_DEPTH)
        update = ev.BookUpdate(market_of(self.account, symbol), book.bids, book.asks, book.venue_ns)
        self._send(update, self._harbour.wire_ns())

    def lose_books(self, why: str) -> None:
        for symbol in self._watched:
            self._send(ev.BookLost(market_of(self.account, symbol), why), self._harbour.wire_ns())
        self._loop.post(self._process, self._push_books, delay_ns=500 * MS + self._draw(2 * SECOND_NS))

    def silence_books(self, for_ns: int) -> None:
        self._silent_until_ns = self._loop.now_ns + for_ns
        self._loop.post(self._process, self._push_books, delay_ns=for_ns + MS)
