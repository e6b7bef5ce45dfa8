"""The paper venue as the engine's shell sees it: `Venue`, over any connection that `connect` opens.

One task lives from `open` to `close`: connect, sign in, private stream on, `LinkUp`, listen until
something breaks, `LinkDown`, wait, again. Everything the venue says is handled in that task, in its order;
the engine's calls only post a request and wait for its answer, the cut or the time-out: one attempt each.

What is doubtful is treated as broken: an unreadable line, a hole in the private numbers, three silent
seconds, a clock that is too far behind. A new connection and a report cost little; a missed fill does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

from kedge.model.events import (
    Answered,
    BalanceNews,
    CashNews,
    Event,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    LookedUp,
    OrderNews,
    Request,
)
from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Answer, Ask, Bar, Feed, OrderReport, PlaceOrder, Quote, Rules
from kedge.venues.paper import wire
from kedge.venues.paper.books import Books
from kedge.venues.paper.questions import Questions
from kedge.venues.paper.rules import PAPER_RULES, Options
from kedge.venues.paper.session import Clock, LinkError, Session, Silence
from kedge.venues.paper.wire import (
    BalancesSaid,
    BookSaid,
    CashSaid,
    FillSaid,
    InstrumentSaid,
    MarkSaid,
    OrderSaid,
    Reply,
    Said,
    Unreadable,
)
from kedge.venues.stream import NET_ERRORS, Backoff, Connect
from kedge.venues.venue import Condition, Emit

# However long the venue says to stay away, somebody may lift its ban: look again after this.
STAY_AWAY_MAX_S = 600.0


class PaperVenue:
    """`name` is the account at the venue; without one, the part of `account` after the slash."""

    def __init__(
        self,
        account: str,
        connect: Connect,
        clock: Clock,
        *,
        key: str = "paper",
        secret: str = "paper",
        name: str = "",
        rules: Rules = PAPER_RULES,
        options: Options | None = None,
    ) -> None:
        self.account = account
        self.rules = rules
        self.options = options or Options()
        # Why there is no connection, or what is odd about it; "" when nothing is.
        self.trouble = "not opened"
        self.name = name or account.partition("/")[2] or account
        self._connect = connect
        self._clock = clock
        self._key, self._secret = key, secret
        self._emit: Emit | None = None
        self._task: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._told_down = False
        self._watched: tuple[str, ...] = ()
        self._books = Books(account, clock, rules.book_age_max_ns, self.options, self._say)
        self._questions = Questions(clock, self.options.request_s)

    # ── the protocol ────────────────────────────────────────────────────────────────────────────

    @property
    def condition(self) -> Condition:
        return Condition(skew_ns=self._session.skew_ns) if self._session is not None else Condition()

    async def open(self, emit: Emit) -> None:
        assert self._task is None, "opened twice"
        self._emit = emit
        self._task = asyncio.get_running_loop().create_task(self._live(), name=f"paper:{self.account}")
        self._task.add_done_callback(_report_end)

    async def close(self) -> None:
        task, self._task = self._task, None
        self._emit = None
        if task is None:
            return
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            # Ours, unless somebody cancels the closing itself.
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
        self.trouble = "closed"

    def retry(self) -> None:
        """It never stops trying, and its longest wait is short."""

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        self._watched = tuple(dict.fromkeys(symbols))
        self._books.watch(self._watched)
        if self._session is not None:
            self._books.ask_watch(self._session)

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        return "the paper venue keeps no bars"

    async def place(self, order: PlaceOrder) -> Answered:
        return await self._deed(
            "place", order.client_id, order.valid_until_ns, lambda id: wire.place(id, order)
        )

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        def make(id: int) -> bytes:
            return wire.amend(id, client_id, symbol, price, qty, valid_until_ns)

        return await self._deed("amend", client_id, valid_until_ns, make)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        def make(id: int) -> bytes:
            return wire.cancel(id, client_id, symbol, valid_until_ns)

        return await self._deed("cancel", client_id, valid_until_ns, make)

    async def cancel_all(self, symbol: str | None) -> str:
        session = self._session
        if session is None:
            return f"not sent: not connected: {self.trouble}"
        reply = await session.ask(lambda id: wire.cancel_all(id, symbol or ""), self.options.request_s)
        if isinstance(reply, Silence):
            return reply.why
        return "" if reply.ok else wire.sentence(f"{reply.code}: {reply.text}")

    async def lookup(self, ask: Ask) -> LookedUp:
        asked_ns = self._clock()
        session = self._session
        if session is None:
            return LookedUp(self.account, ask.client_id, asked_ns, error=f"not connected: {self.trouble}")
        found = await self._questions.order(session, ask.client_id, ask.symbol)
        if isinstance(found, str):
            return LookedUp(self.account, ask.client_id, asked_ns, error=found)
        return LookedUp(self.account, ask.client_id, asked_ns, order=found[0] if found else None)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        session = self._session
        if session is None:
            return f"not connected: {self.trouble}"
        return await self._questions.instruments(session)

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        session = self._session
        if session is None:
            return f"not connected: {self.trouble}"
        return await self._questions.quotes(session, symbols)

    async def report(self, cursor: str) -> AccountReport | str:
        session = self._session
        if session is None:
            return f"not connected: {self.trouble}"
        return await self._questions.report(session, cursor)

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    async def _deed(
        self, request: Request, client_id: str, valid_until_ns: int, make: Callable[[int], bytes]
    ) -> Answered:
        def unsent(why: str) -> Answered:
            return Answered(self.account, request, client_id, Answer.REJECTED, why, unsent=True)

        if valid_until_ns and self._clock() > valid_until_ns:
            return unsent("not sent: its last moment has passed")
        session = self._session
        if session is None:
            return unsent(f"not sent: not connected: {self.trouble}")
        reply = await session.ask(make, self.options.request_s)
        if isinstance(reply, Silence):
            if reply.unsent:
                return unsent(reply.why)
            return Answered(self.account, request, client_id, Answer.UNKNOWN, reply.why)
        return self._answered(request, client_id, reply)

    def _answered(self, request: Request, client_id: str, reply: Reply) -> Answered:
        answer = wire.answer_of(request, reply)
        body = wire.read_body(reply, wire.OrderBody)
        order: OrderReport | None = None
        if isinstance(body, Unreadable):
            # "Done" about which nothing can be read is not knowledge; a refusal needs no enclosure.
            if answer is Answer.DONE:
                return Answered(self.account, request, client_id, Answer.UNKNOWN, body.why)
        elif body.order is not None:
            order = wire.order_of(body.order)
        if order is not None and order.client_id != client_id:
            why = f"the answer is about another order: {order.client_id!r}"
            return Answered(self.account, request, client_id, Answer.UNKNOWN, why)
        reason = "" if reply.ok else wire.sentence(f"{reply.code}: {reply.text}")
        if reply.code == "expired" and self.trouble:
            reason = f"{reason} ({self.trouble})"
        return Answered(self.account, request, client_id, answer, reason, order, retry_ns=reply.retry_ns)

    # ── the connection's life ───────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        backoff = Backoff(self.options.backoff_first_s, self.options.backoff_max_s)
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            error = await self._one_session()
            self._down(str(error))
            # A venue that lets us in and throws us out at once must not be hammered.
            if loop.time() - began_s > 2 * backoff.max_s:
                backoff.reset()
            await asyncio.sleep(max(backoff.next_s(), min(error.retry_ns / 1e9, STAY_AWAY_MAX_S)))

    async def _one_session(self) -> LinkError:
        """One connection from beginning to end; returns why it ended."""
        try:
            async with asyncio.timeout(self.options.connect_s):
                reader, writer = await self._connect()
        except TimeoutError:
            return LinkError(f"no connection within {self.options.connect_s:g} s")
        except NET_ERRORS as error:
            return LinkError(f"cannot connect: {error}")
        session = Session(reader, writer, self._clock)
        why = "closed by this side"
        try:
            async with asyncio.timeout(self.options.connect_s):
                instruments = await self._begin(session)
            self._up(session, instruments)
            await session.pump(self._hear, self._books.flush, self.options.silence_s)
        except LinkError as error:
            why = str(error)
            return error
        except TimeoutError:
            why = f"not signed in within {self.options.connect_s:g} s"
            return LinkError(why)
        finally:
            self._session = None
            if self._beat is not None:
                self._beat.cancel()
                self._beat = None
            session.end(why)

    async def _begin(self, session: Session) -> tuple[Instrument, ...]:
        await session.sign_in(self._key, self._secret, self.name)
        self._check_clock(session)
        reply = await session.handshake(lambda id: wire.ask("instruments", id))
        body = wire.read_body(reply, wire.InstrumentsBody)
        if isinstance(body, Unreadable):
            raise LinkError(body.why)
        if self.options.dead_man_ns:
            after_ns = self.options.dead_man_ns
            await session.handshake(lambda id: wire.ask("dead_man", id, after_ns=after_ns))
        # Last, so that nothing is streamed to somebody who is not yet listening.
        await session.handshake(lambda id: wire.ask("private_on", id))
        found = [wire.instrument_of(i) for i in body.instruments]
        return tuple(i for i in found if i is not None)

    def _up(self, session: Session, instruments: tuple[Instrument, ...]) -> None:
        self._session = session
        self._told_down = False
        self._say(LinkUp(self.account, self.rules))
        for instrument in instruments:
            self._say(InstrumentSeen(self.account, instrument))
        self._books.begin(self._watched)
        if self._watched:
            self._books.ask_watch(session)
        self._ping()

    def _down(self, why: str) -> None:
        self.trouble = why
        if not self._told_down:
            self._told_down = True
            self._books.lose_all(why)
            self._say(LinkDown(self.account, why))

    def _ping(self) -> None:
        """Once a heartbeat: ping, and see to books that have gone quiet."""
        session = self._session
        if session is None:
            return
        session.post(lambda id: wire.ask("ping", id), self._ponged)
        self._books.check(session)
        loop = asyncio.get_running_loop()
        self._beat = loop.call_later(self.options.heartbeat_s, self._ping)

    def _ponged(self, reply: Reply | Silence) -> None:
        """Runs inside `pump`, which turns a `LinkError` from here into the end of the connection."""
        session = self._session
        if session is None or isinstance(reply, Silence) or not reply.ok:
            return
        body = wire.read_body(reply, wire.PingBody)
        if isinstance(body, Unreadable):
            raise LinkError(body.why)
        session.check_tail(body.private_seq)
        self._check_clock(session)

    def _check_clock(self, session: Session) -> None:
        """A venue's clock that is behind ours would carry out requests that we have given up for dead.

        One that is ahead refuses them too early, which is harmless and is only said.
        """
        skew_ms = session.skew_ns // 1_000_000
        if session.skew_ns < -self.rules.skew_ns:
            raise LinkError(f"the venue's clock is {-skew_ms} ms behind ours: its answers prove nothing")
        ahead = session.skew_ns > self.rules.skew_ns
        self.trouble = f"the venue's clock is {skew_ms} ms ahead of ours" if ahead else ""

    # ── what the venue says ─────────────────────────────────────────────────────────────────────

    def _hear(self, said: Said) -> None:
        if isinstance(said, BookSaid):
            self._books.hear(said, self._session)
            return
        # Books wait for the end of the chunk, but never let anything overtake them.
        self._books.flush()
        if isinstance(said, OrderSaid):
            self._say(OrderNews(self.account, wire.order_of(said.order)))
        elif isinstance(said, FillSaid):
            self._say(FillNews(self.account, wire.fill_of(said.fill)))
        elif isinstance(said, CashSaid):
            self._say(CashNews(self.account, wire.cash_of(said.cash)))
        elif isinstance(said, BalancesSaid):
            balances = tuple(wire.balance_of(b) for b in said.balances)
            self._say(BalanceNews(self.account, balances))
        elif isinstance(said, MarkSaid):
            self._books.hear_mark(said)
        elif isinstance(said, InstrumentSaid):
            instrument = wire.instrument_of(said.instrument)
            if instrument is not None:
                self._say(InstrumentSeen(self.account, instrument))

    def _say(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)


def _report_end(task: asyncio.Task[None]) -> None:
    """The task ends by `close` alone; anything else is our own mistake, and nobody awaits it: say it."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)
