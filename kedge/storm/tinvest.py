"""T-Invest's truth as the desk knows it: several markets of one account, stop orders, keys that were burnt.

The venue keeps orders under keys of ours (or under a stop order's number) in tables beside its exchange, so
the window looks through both. What it tells of a fill is what the venue tells: the commission is no part of
it. Who stands at the door is told of what enters the venue: of orders and stop orders that are placed and
cancelled, not of orders that stop orders become, nor of those that the day ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from kedge.model.ids import as_uuid
from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, State
from kedge.model.venue import Fill, OrderReport, PlaceOrder, VenuePosition
from kedge.sim.exchange import MarketReport, Reply
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.desk import BY_CLIENT
from kedge.sim.tinvest.judge import Want
from kedge.sim.tinvest.rows import OrderRow, StopRow
from kedge.sim.tinvest.stops import ACTIVE, BY_LIMIT, CANCELED, EXPIRED, STOP_LIMIT, TAKE_PROFIT
from kedge.sim.tinvest.testnet import TinvestTestnet
from kedge.storm.calls import SimCalls
from kedge.storm.window import ALL, Amended, Cancelled, Page, Placed, View, Window
from kedge.storm.wires import SimWires
from kedge.venues.tinvest.client import TInvestVenue
from kedge.venues.tinvest.rules import Options
from kedge.venues.venue import Clock, Setup

TIFS = {1: "gtc", 2: "ioc", 3: "fok"}
KINDS: dict[str, Any] = {"bond": "bond", "future": "points"}
ENDED = {CANCELED: State.CANCELLED, EXPIRED: State.EXPIRED}


def adapter(setup: Setup, wires: SimWires, clock: Clock, options: Options | None = None) -> TInvestVenue:
    """The real adapter on the net in memory."""
    return TInvestVenue(setup, SimCalls(wires), clock, options)


class TinvestWindow(Window):
    """`views`: one account, several symbols; the first is the window's own."""

    def __init__(
        self, hosted: TinvestTestnet, views: Sequence[View], burnt: Mapping[str, None] | None = None
    ) -> None:
        super().__init__(hosted.house.exchange, views[0])
        self.hosted = hosted
        # Stop orders alike in every field that go by each other's names.
        self.twins: dict[str, str] = {}
        # Keys that were used up by something that cannot live: there is no order under them.
        self._burnt = burnt if burnt is not None else {}
        self._outside_name = {view.symbol: view.name for view in views}
        self._inside_name = {view.name: view.symbol for view in views}

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def order(self, account: str, client_id: str) -> OrderReport | None:
        """By our id, or as the adapter names what is none of ours: "stop:" and the number."""
        client_id = self.twins.get(client_id, client_id)
        if client_id in self._burnt:
            return None
        named = client_id.removeprefix("stop:")
        if named != client_id:
            stop = self.hosted.tables.stops.get(named)
        else:
            stop = self._stop_of(key_of(client_id))
        if stop is not None:
            return self._of_stop(stop, client_id)
        tables = self.hosted.tables
        used = tables.of_key(self.view.account, key_of(client_id))
        row = tables.orders.get(used.order) if used is not None else None
        return self._of_row(row, client_id) if row is not None else None

    def open_orders(self, account: str, symbol: str = "") -> tuple[OrderReport, ...]:
        mine = self.view.account
        tables = self.hosted.tables
        found = [
            self._of_row(row, self._client_of(row))
            for row in tables.living()
            if row.account == mine and not row.stop
        ]
        found += [
            self._of_stop(stop, client_id_of(stop.key))
            for stop in tables.stops.values()
            if stop.account == mine
        ]
        return tuple(one for one in found if one.state is State.OPEN and one.client_id not in self._burnt)

    def fills(self, account: str, cursor: str = "", limit: int = ALL) -> Page:
        found: list[Fill] = []
        while True:
            page = self.inner.fills(self.view.account, cursor, limit)
            found += map(self._told, page.items)
            cursor = page.cursor
            if not page.more:
                return Page(tuple(found))

    def fees(self) -> Decimal:
        """All commissions of the account."""
        found, cursor = ZERO, ""
        while True:
            page = self.inner.fills(self.view.account, cursor, ALL)
            found += sum((fill.fee for fill in page.items), ZERO)
            cursor = page.cursor
            if not page.more:
                return found

    def cash(self, account: str, cursor: str = "", limit: int = ALL) -> Page:
        return Page(())

    def positions(self, account: str) -> tuple[VenuePosition, ...]:
        found = self.inner.positions(self.view.account)
        known = self._outside_name
        return tuple(replace(one, symbol=known[one.symbol]) for one in found if one.symbol in known)

    def market(self, symbol: str) -> MarketReport:
        return self.inner.market(self._inside_name.get(symbol, symbol))

    def instruments(self) -> tuple[Instrument, ...]:
        """In the desk's words: what is carried on margin inside is owned here."""
        found = []
        for inside, name in self._outside_name.items():
            paper, one = self.hosted.house.paper(inside), self.inner.instrument(inside)
            kind = KINDS.get(paper.kind, "spot")
            money = one.settle.upper()
            found.append(replace(one, symbol=name, kind=kind, quote=money, settle=money))
        return tuple(found)

    def halt(self, symbol: str, on: bool, now_ns: int) -> None:
        """A market that is shut by the calendar is left to it."""
        inside = self._inside_name.get(symbol, symbol)
        house = self.hosted.house
        if house.phase(house.paper(inside), now_ns).trading:
            self.inner.halt(inside, on, now_ns)

    # ── the door ────────────────────────────────────────────────────────────────────────────────

    def watch(self, placed: Placed, amended: Amended, cancelled: Cancelled) -> None:
        desk, stops, mine = self.hosted.desk, self.hosted.stops, self.view.account
        place, cancel, add, take_away = desk.place, desk.cancel, stops.add, stops.cancel

        def watched_place(account: str, want: Want, key: str, stop: str = "") -> OrderRow:
            try:
                row = place(account, want, key, stop)
            except Refused as refused:
                if account == mine and not stop:
                    placed(self._wanted(want, key), Reply(False, str(refused.no.code), refused.no.text))
                raise
            if account == mine and not stop:
                placed(self._wanted(want, key), Reply(True, order=self._of_row(row, client_id_of(key))))
            return row

        def watched_cancel(row: OrderRow, cause: int = BY_CLIENT) -> None:
            cancel(row, cause)
            if row.account == mine and cause == BY_CLIENT:
                cancelled(self._client_of(row), Reply(True))

        def watched_add(stop: StopRow) -> None:
            add(stop)
            if stop.account == mine:
                client_id = client_id_of(stop.key)
                placed(self._wanted_stop(stop), Reply(True, order=self._of_stop(stop, client_id)))

        def watched_take_away(stop: StopRow) -> None:
            take_away(stop)
            if stop.account == mine:
                cancelled(client_id_of(stop.key), Reply(True))

        changes: tuple[tuple[object, str, Any], ...] = (
            (desk, "place", watched_place),
            (desk, "cancel", watched_cancel),
            (stops, "add", watched_add),
            (stops, "cancel", watched_take_away),
        )
        for whose, name, method in changes:
            setattr(whose, name, method)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _client_of(self, row: OrderRow) -> str:
        if row.stop:
            stop = self.hosted.tables.stops.get(row.stop)
            return client_id_of(stop.key) if stop is not None else ""
        return client_id_of(row.key)

    def _stop_of(self, key: str) -> StopRow | None:
        used = self.hosted.tables.of_key(self.view.account, key)
        return self.hosted.tables.stops.get(used.order) if used is not None else None

    def _of_row(self, row: OrderRow, client_id: str) -> OrderReport:
        name = self._outside_name.get(row.symbol, row.symbol)
        found = self.inner.order(row.account, "", row.number) if row.number else None
        if found is not None:
            return replace(found, client_id=client_id, symbol=name)
        state = State.OPEN if row.open else State.REJECTED
        qty = Decimal(row.lots * self.hosted.house.paper(row.symbol).lot)
        return OrderReport(client_id, row.id, name, row.side, qty, row.price, ZERO, state, row.changed_ns)

    def _of_stop(self, stop: StopRow, client_id: str) -> OrderReport:
        """One that was triggered is the order that it has become."""
        row = self.hosted.tables.orders.get(stop.order) if stop.order else None
        if row is not None:
            return replace(
                self._of_row(row, client_id),
                kind=kind_of(stop),
                price=stop.price,
                trigger_price=stop.stop_price,
                expires_ns=stop.expires_ns,
            )
        wanted = self._wanted_stop(stop)
        return OrderReport(
            client_id,
            stop.id,
            wanted.symbol,
            stop.side,
            wanted.qty,
            stop.price,
            ZERO,
            State.OPEN if stop.status == ACTIVE else ENDED.get(stop.status, State.REJECTED),
            stop.changed_ns or stop.created_ns,
            kind=kind_of(stop),
            trigger_price=stop.stop_price,
            expires_ns=stop.expires_ns,
        )

    def _wanted(self, want: Want, key: str) -> PlaceOrder:
        name = self._outside_name.get(want.paper.symbol, want.paper.symbol)
        kind: OrderKind = "limit" if want.price else "market"
        tif: Any = TIFS[want.tif]
        return PlaceOrder(client_id_of(key), name, want.side, want.units, want.price, kind, tif)

    def _wanted_stop(self, stop: StopRow) -> PlaceOrder:
        qty = Decimal(stop.lots * self.hosted.house.paper(stop.symbol).lot)
        name = self._outside_name.get(stop.symbol, stop.symbol)
        return PlaceOrder(
            client_id_of(stop.key),
            name,
            stop.side,
            qty,
            stop.price,
            kind_of(stop),
            trigger_price=stop.stop_price,
            expires_ns=stop.expires_ns,
        )

    def _told(self, fill: Fill) -> Fill:
        row = self.hosted.tables.of_number(fill.venue_id) if fill.venue_id else None
        return replace(
            fill,
            client_id=self._client_of(row) if row is not None else "",
            symbol=self._outside_name.get(fill.symbol, fill.symbol),
            fee=ZERO,
            fee_asset="RUB",
            maker=False,
            kind="trade",
        )


def key_of(client_id: str) -> str:
    """The key that an order of ours has there."""
    return as_uuid(client_id) if len(client_id) == 32 else client_id


def client_id_of(key: str) -> str:
    plain = key.replace("-", "").lower()
    return plain if len(plain) == 32 else key


def kind_of(stop: StopRow) -> OrderKind:
    limit = stop.exchange_type == BY_LIMIT
    if stop.kind == TAKE_PROFIT:
        return "take_limit" if limit else "take"
    return "stop_limit" if stop.kind == STOP_LIMIT else "stop"
