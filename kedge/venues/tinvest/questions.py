"""What T-Invest is asked about: one order, one stop order, the whole account.

An order is looked up by our key. Absence proves nothing, because a request has no last moment there;
`burn.py` ends the doubt. A stop order carries no key, so it is found by its number where that is known, else
by its fields.

A report asks in this order: orders of today with the ended ones, positions and money, stop orders that wait,
live orders, and last the stop orders that have become orders. The venue keeps ended orders until the end of
the day; what a desk that was away for longer has missed is not told by anything that could be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from msgspec import Struct

from kedge.model.order import State
from kedge.model.venue import AccountReport, Ask, Cash, Fill, OrderReport
from kedge.protos.tinvest import operations_pb2 as ops
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.venues.tinvest import account, calendar, orders
from kedge.venues.tinvest import rules as limits
from kedge.venues.tinvest.account import Stop, Told
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.errors import Fault
from kedge.venues.tinvest.rules import SECOND_NS
from kedge.venues.tinvest.ties import Ties, stop_id_of
from kedge.venues.tinvest.wire import MS, Unreadable, client_id_of, is_no_key, key_of, stamp

# How much earlier than our clock a stop order of ours may be dated there.
EARLIER_NS: Final = 5 * SECOND_NS
# Stop orders are told for the time since yesterday, which is also when a trigger may have come.
BACK_NS: Final = 2 * limits.DAY_NS
ENDED: Final = (
    pb.EXECUTION_REPORT_STATUS_FILL,
    pb.EXECUTION_REPORT_STATUS_REJECTED,
    pb.EXECUTION_REPORT_STATUS_CANCELLED,
)
ALL_STATES: Final = (*ENDED, pb.EXECUTION_REPORT_STATUS_NEW, pb.EXECUTION_REPORT_STATUS_PARTIALLYFILL)
# Filters that the venue does not take: then only live orders are listed.
NO_FILTERS: Final = (30061, 30062, 30245)

STRANGER: Final = (
    "the place where this desk stopped reading ({!r}) is not one of T-Invest's: its journal was written for "
    "another venue; begin with a new home"
)


R = TypeVar("R", Fill, Cash)


class Found(Struct, frozen=True):
    """What a question about one order brought. `order` None: there is none (yet). `burnt`: nor will there
    be.
    """

    told: Told | None = None
    burnt: bool = False


class Questions:
    """`tell` is given what was learnt of an order beside its state: its trades and its costs."""

    def __init__(self, asks: Asks, ties: Ties, tell: Callable[[Told], None]) -> None:
        self._asks = asks
        self._ties = ties
        self._tell = tell

    # ── one order ───────────────────────────────────────────────────────────────────────────────

    async def order(self, ask: Ask) -> Found | str:
        """The order with this key; a string says why that is not known."""
        request = orders.state(self._ties.number, key_of(ask.client_id), by_key=True)
        said = await self._asks.ask(limits.ORDER, request, pb.OrderState)
        if isinstance(said, Fault) and said.meaning == "gone":
            # It may still be listed by the number that it was answered with.
            return await self._by_venue_id(ask) if ask.venue_id else Found()
        if not isinstance(said, pb.OrderState):
            return said.why
        told = account.order_of(said, self._ties.listing, self._ties.aliases)
        if isinstance(told, Unreadable):
            return told.why
        self._ties.is_plain(ask.client_id)
        if told.order.client_id not in ("", ask.client_id):
            return f"the answer is about another order: {told.order.client_id!r}"
        return self._judged(ask, told)

    async def _by_venue_id(self, ask: Ask) -> Found | str:
        told = await self.by_number(ask.venue_id)
        if isinstance(told, str):
            return told
        if told is None or told.order.client_id not in ("", ask.client_id):
            return Found()
        return self._judged(ask, told)

    def _judged(self, ask: Ask, told: Told) -> Found:
        """What was found is the order, or what has burnt its key."""
        order = told.order
        instrument = self._ties.listing.all.get(ask.symbol)
        if ask.placed is not None and orders.is_burn(order, ask.placed, instrument):
            return Found(burnt=True)
        self._tell(told)
        return Found(told)

    async def by_number(self, number: str) -> Told | str | None:
        """The order with this number of the venue's; None: there is none, or none any more."""
        request = orders.state(self._ties.number, number, by_key=False)
        said = await self._asks.ask(limits.ORDER, request, pb.OrderState)
        if isinstance(said, Fault) and said.meaning == "gone":
            return None
        if not isinstance(said, pb.OrderState):
            return said.why
        told = account.order_of(said, self._ties.listing, self._ties.aliases)
        return told.why if isinstance(told, Unreadable) else told

    # ── one stop order ──────────────────────────────────────────────────────────────────────────

    async def stop(self, ask: Ask) -> Found | str:
        """By its number, or by its fields; the latter only among those that are nobody else's."""
        listed = await self._listed_for(ask)
        if isinstance(listed, str):
            return listed
        stop_id = stop_id_of(ask.venue_id)
        stop = listed.get(stop_id) if stop_id else self._by_fields(ask, listed)
        if stop is None:
            return Found()
        self._ties.owns(stop.stop_id, ask.client_id)
        return await self.became(stop)

    async def _listed_for(self, ask: Ask) -> dict[str, Stop] | str:
        """All that may be it: those that wait, and those of its time that wait no longer."""
        waiting = await self.waiting_stops()
        if isinstance(waiting, str):
            return waiting
        since_ns = ask.asked_first_ns or self._asks.now_ns() - BACK_NS
        ended = await self._stops(stops.STOP_ORDER_STATUS_ALL, since_ns - 60 * SECOND_NS)
        return ended if isinstance(ended, str) else {**waiting, **ended}

    def _by_fields(self, ask: Ask, listed: dict[str, Stop]) -> Stop | None:
        fitting = [
            stop for stop in self.alike(ask, listed) if self.owner_of(ask, stop) in ("", ask.client_id)
        ]
        mine = [stop for stop in fitting if self._ties.owner_of(stop.stop_id)]
        return min(mine or fitting, key=lambda stop: (stop.created_ns, stop.stop_id), default=None)

    def alike(self, ask: Ask, listed: dict[str, Stop]) -> list[Stop]:
        """Those that have every field of what was placed."""
        placed, earliest_ns = ask.placed, ask.asked_first_ns - EARLIER_NS
        if placed is None:
            return []
        return [
            stop
            for stop in listed.values()
            if orders.is_the_stop(stop, placed) and stop.created_ns >= earliest_ns
        ]

    def owner_of(self, ask: Ask, stop: Stop) -> str:
        """Whose it is, as far as this life or the journal knows."""
        known = dict(ask.others).get(account.STOP + stop.stop_id, "")
        return known or self._ties.owner_of(stop.stop_id)

    async def became(self, stop: Stop) -> Found | str:
        """A stop order, and the order that it has become."""
        if not stop.order_id:
            return Found(Told(self._ties.stop_report(stop)))
        told = await self.by_number(stop.order_id)
        if isinstance(told, str):
            return told
        if told is None:
            if self._asks.now_ns() - stop.ended_ns < limits.DAY_NS:
                return f"the order {stop.order_id} that the stop order became is not shown yet"
            return Found(Told(self._ties.stop_report(stop)))
        self._tell(told)
        return Found(Told(self._ties.stop_report(stop, told.order), told.fills, told.cash))

    # ── lists ───────────────────────────────────────────────────────────────────────────────────

    async def waiting_stops(self) -> dict[str, Stop] | str:
        return await self._stops(stops.STOP_ORDER_STATUS_ACTIVE, 0)

    async def ended_stops(self) -> dict[str, Stop] | str:
        return await self._stops(stops.STOP_ORDER_STATUS_ALL, self._asks.now_ns() - BACK_NS)

    async def triggered(self) -> dict[str, Stop] | str:
        return await self._stops(stops.STOP_ORDER_STATUS_EXECUTED, self._asks.now_ns() - BACK_NS)

    async def _stops(self, status: stops.StopOrderStatusOption, since_ns: int) -> dict[str, Stop] | str:
        request = stops.GetStopOrdersRequest(account_id=self._ties.number, status=status)
        if since_ns:
            getattr(request, "from").CopyFrom(stamp(since_ns))
            request.to.CopyFrom(stamp(self._asks.now_ns() + 60 * SECOND_NS))
        said = await self._asks.ask(limits.STOPS, request, stops.GetStopOrdersResponse)
        if not isinstance(said, stops.GetStopOrdersResponse):
            return said.why
        found: dict[str, Stop] = {}
        for row in said.stop_orders:
            stop = account.stop_of(row, self._ties.listing)
            if isinstance(stop, Unreadable):
                return stop.why
            found[stop.stop_id] = stop
            self._ties.note(stop)
        return found

    async def today(self) -> list[Told] | str:
        """Orders of today, those that have ended too."""
        rows = await self._orders(whole=True)
        return rows if isinstance(rows, str) else await self._named(rows)

    async def _named(self, rows: list[pb.OrderState]) -> list[Told] | str:
        """Orders with what they were: the list of stop orders is asked after them, so it has their own."""
        aliases = self._ties.aliases
        nameless = any(row.order_id not in aliases and is_no_key(row.order_request_id) for row in rows)
        if nameless or any(stop.is_waiting for stop in self._ties.stops.values()):
            became = await self.triggered()
            if isinstance(became, str):
                return became
        return self._read(rows)

    def _read(self, rows: list[pb.OrderState]) -> list[Told] | str:
        found = []
        for row in rows:
            told = account.order_of(row, self._ties.listing, self._ties.aliases)
            if isinstance(told, Unreadable):
                return told.why
            if row.order_id not in self._ties.aliases:
                self._ties.is_plain(told.order.client_id)
            found.append(told)
        return found

    async def live(self) -> list[pb.OrderState] | str:
        """Orders that live, as the venue lists them."""
        return await self._orders(whole=False)

    async def _orders(self, whole: bool) -> list[pb.OrderState] | str:
        request = pb.GetOrdersRequest(account_id=self._ties.number)
        if whole:
            filters = request.advanced_filters
            getattr(filters, "from").CopyFrom(stamp(calendar.day_of(self._asks.now_ns())))
            filters.to.CopyFrom(stamp(self._asks.now_ns() + 60 * SECOND_NS))
            filters.execution_status.extend(ALL_STATES)
        said = await self._asks.ask(limits.ORDERS, request, pb.GetOrdersResponse)
        if whole and isinstance(said, Fault) and said.code in NO_FILTERS:
            return await self._orders(whole=False)
        if not isinstance(said, pb.GetOrdersResponse):
            return said.why
        return list(said.orders)

    # ── the whole account ───────────────────────────────────────────────────────────────────────

    async def report(self, cursor: str, heard_since_ns: int) -> AccountReport | str:
        """`heard_since_ns`: since when the stream of orders was on without a break."""
        asked_ns = self._asks.now_ns()
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
            return STRANGER.format(cursor)
        today = await self._orders(whole=True)
        held = await self._positions()
        waiting = await self.waiting_stops()
        live = await self._orders(whole=False)
        became = await self.triggered()
        ended = self._read(today) if isinstance(today, list) else []
        known = self._read(live if isinstance(live, list) else today if isinstance(today, list) else [])
        failures = [one for one in (today, held, waiting, live, became, ended, known) if isinstance(one, str)]
        if (
            isinstance(ended, str)
            or isinstance(known, str)
            or (isinstance(live, str) and isinstance(today, str))
        ):
            return failures[0]
        rows = [*ended, *known]
        fills = {fill.exec_id: fill for told in rows for fill in told.fills}
        cash = {one.cash_id: one for told in rows for one in told.cash}
        positions = held if isinstance(held, ops.PositionsResponse) else None
        loading = positions is not None and positions.limits_loading_in_progress
        since_ns = int(cursor) * MS if cursor else asked_ns
        # Told again are those of the overlap; the venue lists the whole day each time.
        from_ns = since_ns - limits.TINVEST_RULES.fills_overlap_ns if cursor else 0
        return AccountReport(
            asked_ns=asked_ns,
            open_orders=(*_open(known), *self._reports_of(waiting)),
            fills=_since(from_ns, sorted(fills.values(), key=lambda fill: (fill.venue_ns, fill.exec_id))),
            cash=_since(from_ns, sorted(cash.values(), key=lambda one: (one.venue_ns, one.cash_id))),
            positions=account.positions_of(positions, self._ties.listing) if positions is not None else (),
            balances=account.balances_of(positions) if positions is not None else (),
            instruments=tuple(self._ties.listing.all.values()),
            cursor=cursor if isinstance(today, str) else str(asked_ns // MS),
            complete=not failures and not loading,
            clipped=self._is_clipped(since_ns, asked_ns, heard_since_ns),
        )

    async def _positions(self) -> ops.PositionsResponse | str:
        request = ops.PositionsRequest(account_id=self._ties.number)
        said = await self._asks.ask(limits.POSITIONS, request, ops.PositionsResponse)
        return said if isinstance(said, ops.PositionsResponse) else said.why

    def _reports_of(self, waiting: dict[str, Stop] | str) -> list[OrderReport]:
        if isinstance(waiting, str):
            return []
        return [self._ties.stop_report(stop) for stop in waiting.values() if stop.is_waiting]

    def _is_clipped(self, since_ns: int, asked_ns: int, heard_since_ns: int) -> bool:
        """Whether something traded, after we stopped reading and before today, while nobody listened."""
        begun_ns = calendar.day_of(asked_ns)
        if since_ns >= begun_ns or since_ns >= heard_since_ns > 0:
            return False
        habits = calendar.Habits(derivative=True, evening=True, weekend=True)
        missed = calendar.usual(habits, since_ns, begun_ns)
        return any(session.close_ns > since_ns for session in missed)


def _since(from_ns: int, rows: Iterable[R]) -> tuple[R, ...]:
    return tuple(row for row in rows if row.venue_ns >= from_ns)


def _open(rows: list[Told]) -> list[OrderReport]:
    return [told.order for told in rows if told.order.state is State.OPEN]


def found_id(row: pb.PostOrderResponse) -> str:
    """Our id of the order that a reply is about; "" where it does not say."""
    return client_id_of(row.order_request_id)
