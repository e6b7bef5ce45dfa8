"""What the desk asks the paper venue: one order, or everything an account has.

Questions keep to the venue's budget by waiting their turn here, so that a report of many pages never earns a
refusal. A question that fails is a sentence; a report with a page missing says `complete=False`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Balance, OrderReport, Quote, VenuePosition
from kedge.venues.paper import prices, wire
from kedge.venues.paper.session import Clock, Session, Silence
from kedge.venues.paper.wire import Unreadable
from kedge.venues.stream import Pace

# The venue allows 20 a second and 40 at once; the rest is for the connection's own requests.
QUESTIONS_PER_S, QUESTIONS_BURST = 15, 25
# A cursor that never ends is a broken venue; what was read until here is kept.
PAGES_MAX = 1_000
# A request that names more symbols grows too long; then all are asked for.
QUOTES_NAMED = 500
STRANGER = (
    "the venue does not know where this desk stopped reading (bad_cursor): it has lost its memory, or is"
    " another one; give it its state back (paper.sqlite), or begin with a new home"
)

B = TypeVar("B", bound=Struct)
P = TypeVar("P", bound=wire.Page)
T = TypeVar("T")


class _Pages(Struct, Generic[T]):
    items: list[T]
    next: str
    failed: str = ""
    clipped: bool = False


class Questions:
    def __init__(self, clock: Clock, timeout_s: float) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._pace = Pace(QUESTIONS_PER_S, QUESTIONS_BURST)

    async def order(
        self, session: Session, client_id: str, symbol: str
    ) -> tuple[OrderReport] | tuple[()] | str:
        """The order with this id, nothing when the venue has none, or why the question failed."""

        def make(id: int) -> bytes:
            return wire.ask("order", id, client_id=client_id, symbol=symbol)

        body = await self._ask(session, make, wire.OrderBody)
        if isinstance(body, str):
            return body
        if body.order is None:
            return ()
        found = wire.order_of(body.order)
        if found.client_id != client_id:
            return f"the answer is about another order: {found.client_id!r}"
        return (found,)

    async def report(self, session: Session, cursor: str) -> AccountReport | str:
        """Everything, in the order of the contract: orders, fills, cash, positions, orders again.

        The second list of orders is the one that counts: an order that was in the first and is not in the
        second ended in between, and whoever believes it alive will miss it and look it up.
        """
        asked_ns = self._clock()
        fills_cursor, cash_cursor = wire.split_cursors(cursor)
        first = await self._orders(session)
        if first.failed and not first.items:
            return first.failed
        fills = await self._pages(
            session, "fills", wire.FillsBody, fills_cursor, lambda b: (wire.fill_of(f) for f in b.fills)
        )
        cash = await self._pages(
            session, "cash", wire.CashBody, cash_cursor, lambda b: (wire.cash_of(c) for c in b.cash)
        )
        if any(pages.failed.startswith("bad_cursor:") for pages in (fills, cash)):
            return STRANGER  # its other answers are about another account than ours
        positions, balances, instruments, failed = await self._state(session)
        last = await self._orders(session)
        orders = first if last.failed else last
        failures = (first.failed, fills.failed, cash.failed, failed, last.failed)
        return AccountReport(
            asked_ns=asked_ns,
            open_orders=tuple(orders.items),
            fills=tuple(fills.items),
            cash=tuple(cash.items),
            positions=positions,
            balances=balances,
            instruments=instruments,
            cursor=wire.join_cursors(fills.next, cash.next),
            complete=not any(failures),
            clipped=fills.clipped or cash.clipped,
        )

    async def _orders(self, session: Session) -> _Pages[OrderReport]:
        return await self._pages(
            session, "open_orders", wire.OrdersBody, "", lambda b: (wire.order_of(o) for o in b.orders)
        )

    async def _state(
        self, session: Session
    ) -> tuple[tuple[VenuePosition, ...], tuple[Balance, ...], tuple[Instrument, ...], str]:
        """Positions, balances, instruments, and what failed."""
        failed = ""
        positions: tuple[VenuePosition, ...] = ()
        balances: tuple[Balance, ...] = ()
        instruments: tuple[Instrument, ...] = ()
        p = await self._ask(session, lambda id: wire.ask("positions", id), wire.PositionsBody)
        if isinstance(p, str):
            failed = p
        else:
            positions = tuple(wire.position_of(one) for one in p.positions)
        b = await self._ask(session, lambda id: wire.ask("balances", id), wire.BalancesBody)
        if isinstance(b, str):
            failed = b
        else:
            balances = tuple(wire.balance_of(one) for one in b.balances)
        i = await self.instruments(session)
        if isinstance(i, str):
            failed = i
        else:
            instruments = i
        return positions, balances, instruments, failed

    async def instruments(self, session: Session) -> tuple[Instrument, ...] | str:
        said = await self._ask(session, lambda id: wire.ask("instruments", id), wire.InstrumentsBody)
        if isinstance(said, str):
            return said
        found = [wire.instrument_of(one) for one in said.instruments]
        return tuple(one for one in found if one is not None)

    async def quotes(self, session: Session, symbols: Sequence[str] | None) -> tuple[Quote, ...] | str:
        """More than fit into a line are picked out of all."""
        some = list(symbols or ())
        asked = some if len(some) <= QUOTES_NAMED else []

        def make(id: int) -> bytes:
            return wire.ask("quotes", id, symbols=asked)

        if symbols is not None and not some:
            return ()
        said = await self._ask(session, make, prices.QuotesBody)
        if isinstance(said, str):
            return said
        wanted = dict.fromkeys(some)
        now_ns = self._clock()
        found = [one for one in said.quotes if symbols is None or one.symbol in wanted]
        return tuple(prices.quote_of(one, now_ns) for one in found)

    async def _pages(
        self,
        session: Session,
        op: str,
        kind: type[P],
        cursor: str,
        take: Callable[[P], Iterable[T]],
    ) -> _Pages[T]:
        """Every page from `cursor` on; on failure what was read so far, and where to go on."""
        pages: _Pages[T] = _Pages([], cursor)
        name = "after" if op == "open_orders" else "cursor"

        def make(id: int) -> bytes:
            return wire.ask(op, id, limit=wire.PAGE, **{name: pages.next})

        for _ in range(PAGES_MAX):
            body = await self._ask(session, make, kind)
            if isinstance(body, str):
                pages.failed = body
                return pages
            if body.clipped and pages.next:
                # Said, and gone on: what is left is still worth having. The audit will find the rest.
                pages.clipped = True
            pages.items.extend(take(body))
            pages.next = body.next
            if not body.more:
                return pages
        pages.failed = f"{op}: more than {PAGES_MAX} pages"
        return pages

    async def _ask(self, session: Session, make: Callable[[int], bytes], kind: type[B]) -> B | str:
        """One question, when its turn comes; its body, or the sentence why there is none."""
        wait_s = self._pace.take(asyncio.get_running_loop().time())
        if wait_s:
            await asyncio.sleep(wait_s)
        reply = await session.ask(make, self._timeout_s)
        if isinstance(reply, Silence):
            return reply.why
        if not reply.ok:
            return f"{reply.code}: {reply.text}"
        body = wire.read_body(reply, kind)
        return body.why if isinstance(body, Unreadable) else body
