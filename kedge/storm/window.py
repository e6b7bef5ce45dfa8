"""A testnet's exchange as the desk knows it: its own accounts and symbols, and somebody at the door.

Inside a testnet a symbol begins with its category and a wallet is an account of its own. The checks of a
storm speak of markets as the desk writes them. `Window` translates, both ways, and tells the door of every
order, amend and cancel of the account at the moment the exchange takes it, whatever dialect it came in.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO
from kedge.model.venue import Cash, Fill, OrderReport, PlaceOrder, VenuePosition
from kedge.sim.exchange import AmendOrder, Exchange, MarketReport, Reply

ALL = 100_000

Placed = Callable[[PlaceOrder, Reply], None]
Amended = Callable[[AmendOrder, Reply], None]
Cancelled = Callable[[str, Reply], None]


class View(Struct, frozen=True):
    """Which part of an exchange the desk trades: one account, one symbol."""

    account: str  # inside
    symbol: str  # inside
    name: str  # as the desk writes it


class Page(Struct, frozen=True):
    items: tuple[Any, ...]


class Window:
    """The questions that checks ask of an exchange. The `account` they name is the desk's: there is one."""

    def __init__(self, exchange: Exchange, view: View) -> None:
        self.inner = exchange
        self.view = view

    def order(self, account: str, client_id: str) -> OrderReport | None:
        found = self.inner.order(self.view.account, client_id)
        return self._outside(found) if found is not None else None

    def open_orders(self, account: str, symbol: str = "") -> tuple[OrderReport, ...]:
        return tuple(self._outside(one) for one in self.inner.open_orders(self.view.account))

    def fills(self, account: str, cursor: str = "", limit: int = ALL) -> Page:
        found: list[Fill] = []
        while True:
            page = self.inner.fills(self.view.account, cursor, limit)
            found += (replace(fill, symbol=self.view.name) for fill in page.items)
            cursor = page.cursor
            if not page.more:
                return Page(tuple(found))

    def cash(self, account: str, cursor: str = "", limit: int = ALL) -> Page:
        items: tuple[Cash, ...] = self.inner.cash(self.view.account, cursor, limit).items
        return Page(tuple(one for one in items if one.kind == "funding"))

    def positions(self, account: str) -> tuple[VenuePosition, ...]:
        found = self.inner.positions(self.view.account)
        return tuple(replace(one, symbol=self.view.name) for one in found if one.symbol == self.view.symbol)

    def market(self, symbol: str) -> MarketReport:
        return self.inner.market(self.view.symbol)

    def instruments(self) -> tuple[Instrument, ...]:
        return (replace(self.inner.instrument(self.view.symbol), symbol=self.view.name),)

    def halt(self, symbol: str, on: bool, now_ns: int) -> None:
        self.inner.halt(self.view.symbol, on, now_ns)

    def faults(self) -> list[str]:
        return self.inner.faults()

    def _outside(self, report: OrderReport) -> OrderReport:
        return replace(report, symbol=self.view.name)

    # ── the door ────────────────────────────────────────────────────────────────────────────────

    def watch(self, placed: Placed, amended: Amended, cancelled: Cancelled) -> None:
        """Have the exchange tell of what it takes. The exchange itself does not know."""
        exchange, view = self.inner, self.view
        place, amend, cancel = exchange.place, exchange.amend, exchange.cancel

        def watched_place(account: str, order: PlaceOrder, *more: Any) -> Reply:
            reply = place(account, order, *more)
            if account == view.account:
                placed(replace(order, symbol=view.name), reply)
            return reply

        def watched_amend(account: str, change: AmendOrder, now_ns: int) -> Reply:
            before = (
                exchange.order(account, change.client_id, change.venue_id)
                if account == view.account
                else None
            )
            reply = amend(account, change, now_ns)
            if before is not None:
                amended(_whole(change, before), reply)
            return reply

        def watched_cancel(account: str, client_id: str, now_ns: int, **more: Any) -> Reply:
            before = (
                exchange.order(account, client_id, more.get("venue_id", ""))
                if account == view.account
                else None
            )
            reply = cancel(account, client_id, now_ns, **more)
            if before is not None:
                cancelled(before.client_id, reply)
            return reply

        for name, method in (("place", watched_place), ("amend", watched_amend), ("cancel", watched_cancel)):
            setattr(exchange, name, method)


def _whole(change: AmendOrder, before: OrderReport) -> AmendOrder:
    """The change with every number in it: zero leaves one as it was."""

    def chosen(new: Decimal, old: Decimal) -> Decimal:
        return old if new == ZERO else new

    return replace(
        change,
        client_id=before.client_id,
        price=chosen(change.price, before.price),
        qty=chosen(change.qty, before.qty),
    )
