"""Orders and trades as clients know them: durable rows beside the exchange, and the ways to find them.

The exchange knows quantities, prices and money. A `Ticket` adds what the venue tells of an order: its type,
who asked for what, why it ended. A `Deal` is one side of a trade. What ended without a fill is archived
after ninety days: it is known to have been, and no more is told of it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.sim.binance.spot.rules import ALGO_TYPES, RETENTION_NS
from kedge.sim.testnet.keeper import Facts, Keeper

TICKETS_MAX = 200_000
DEALS_MAX = 500_000
LIVE = ("NEW", "PARTIALLY_FILLED")


class Ticket(Struct, omit_defaults=True):
    """One order. `number` is its id here and in the exchange."""

    number: int
    account: str
    symbol: str
    client_id: str
    side: str
    type: str
    tif: str
    qty: Decimal
    price: Decimal
    stop_price: Decimal
    quote_qty: Decimal
    stp: str
    created_ns: int
    updated_ns: int
    status: str = "NEW"
    cum_qty: Decimal = ZERO
    cum_quote: Decimal = ZERO
    # When it began to work: at once, or when its trigger was reached; 0: it waits.
    working_ns: int = 0
    # The id of the request that cancelled it.
    cancel_id: str = ""
    expiry: str = ""
    prevented_qty: Decimal = ZERO
    prevented_id: int = -1
    strategy_id: int | None = None
    strategy_type: int | None = None
    list_id: int = -1
    amends: int = 0

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def algo(self) -> bool:
        return self.type in ALGO_TYPES


class Deal(Struct, frozen=True):
    """One side of a trade."""

    trade_id: int
    number: int
    account: str
    symbol: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    at_ns: int
    buyer: bool
    maker: bool
    list_id: int = -1


class Amendment(Struct, frozen=True):
    execution: int
    number: int
    symbol: str
    before_id: str
    after_id: str
    before_qty: Decimal
    after_qty: Decimal
    at_ns: int


class Orders:
    """`put` after every change of a ticket: it is what makes the change durable."""

    def __init__(
        self, keeper: Keeper[Facts], tickets_max: int = TICKETS_MAX, deals_max: int = DEALS_MAX
    ) -> None:
        self._tickets_max = tickets_max
        self._deals_max = deals_max
        self._tickets = keeper.drawer("spot.orders", Ticket, most=tickets_max + 1)
        self._deals = keeper.drawer("spot.deals", Deal, most=deals_max + 1)
        self._amendments = keeper.drawer("spot.amendments", Amendment)
        # By account and symbol, ascending.
        self._numbers: dict[tuple[str, str], list[int]] = {}
        self._dealt: dict[tuple[str, str], list[Deal]] = {}
        # The newest order of each client id.
        self._latest: dict[tuple[str, str, str], int] = {}
        self._deals_of: dict[int, list[Deal]] = {}
        self._open: dict[str, dict[int, None]] = {}
        for ticket in self._tickets.values():
            self._index(ticket)
        for deal in self._deals.values():
            self._index_deal(deal)

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def put(self, ticket: Ticket) -> None:
        new = str(ticket.number) not in self._tickets
        if new and len(self._tickets) >= self._tickets_max:
            self._forget()
        self._tickets.put(str(ticket.number), ticket)
        if new:
            self._index(ticket)
        elif not ticket.live:
            self._open.get(ticket.account, {}).pop(ticket.number, None)

    def rename(self, ticket: Ticket, client_id: str) -> None:
        self._latest.pop((ticket.account, ticket.symbol, ticket.client_id), None)
        ticket.client_id = client_id
        self._latest[ticket.account, ticket.symbol, client_id] = ticket.number
        self.put(ticket)

    def get(self, number: int | str) -> Ticket | None:
        return self._tickets.get(str(number))

    def find(self, account: str, symbol: str, number: int | None, client_id: str) -> Ticket | None:
        """By number, else the latest of this client id."""
        if number is None:
            number = self._latest.get((account, symbol, client_id))
        ticket = self._tickets.get(str(number)) if number is not None else None
        if ticket is None or ticket.account != account or ticket.symbol != symbol:
            return None
        return ticket

    def live(self, account: str, symbol: str = "") -> list[Ticket]:
        """In the order they were placed."""
        tickets = (self._tickets[str(number)] for number in self._open.get(account, {}))
        return [ticket for ticket in tickets if symbol in ("", ticket.symbol)]

    def taken(self, account: str, symbol: str, client_id: str) -> bool:
        """Whether an open order has this client id."""
        ticket = self.find(account, symbol, None, client_id)
        return ticket is not None and ticket.live

    def since(self, account: str, symbol: str, number: int = 0) -> Iterator[Ticket]:
        """From this number on, ascending."""
        numbers = self._numbers.get((account, symbol), [])
        for found in numbers[bisect_left(numbers, number) :]:
            yield self._tickets[str(found)]

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    def put_deal(self, exec_id: str, deal: Deal) -> None:
        if len(self._deals) >= self._deals_max:
            oldest = self._deals.drop(next(iter(self._deals)))
            assert oldest is not None
            self._dealt[oldest.account, oldest.symbol].remove(oldest)
            self._deals_of[oldest.number].remove(oldest)
        self._deals.put(exec_id, deal)
        self._index_deal(deal)

    def has_deal(self, exec_id: str) -> bool:
        return exec_id in self._deals

    def deals(self, account: str, symbol: str) -> list[Deal]:
        """Ascending by trade id."""
        return self._dealt.get((account, symbol), [])

    def deals_of(self, ticket: Ticket) -> list[Deal]:
        return self._deals_of.get(ticket.number, [])

    # ── amendments ──────────────────────────────────────────────────────────────────────────────

    def put_amendment(self, amendment: Amendment) -> None:
        self._amendments.put(str(amendment.execution), amendment)

    def amendments(self, number: int) -> list[Amendment]:
        return [one for one in self._amendments.values() if one.number == number]

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _index(self, ticket: Ticket) -> None:
        insort(self._numbers.setdefault((ticket.account, ticket.symbol), []), ticket.number)
        key = (ticket.account, ticket.symbol, ticket.client_id)
        self._latest[key] = max(self._latest.get(key, 0), ticket.number)
        if ticket.live:
            self._open.setdefault(ticket.account, {})[ticket.number] = None

    def _forget(self) -> None:
        """The oldest order that has ended is known no more."""
        oldest = next(ticket for ticket in self._tickets.values() if not ticket.live)
        self._tickets.drop(str(oldest.number))
        numbers = self._numbers[oldest.account, oldest.symbol]
        del numbers[bisect_left(numbers, oldest.number)]
        key = (oldest.account, oldest.symbol, oldest.client_id)
        if self._latest.get(key) == oldest.number:
            del self._latest[key]
        if not self._deals_of.get(oldest.number):
            self._deals_of.pop(oldest.number, None)

    def _index_deal(self, deal: Deal) -> None:
        self._deals_of.setdefault(deal.number, []).append(deal)
        insort(
            self._dealt.setdefault((deal.account, deal.symbol), []),
            deal,
            key=lambda one: (one.trade_id, one.number),
        )


def archived(ticket: Ticket, now_ns: int, retention_ns: int = RETENTION_NS) -> bool:
    """Whether it ended without a fill so long ago that it is told no more."""
    return not ticket.live and not ticket.cum_qty and now_ns - ticket.updated_ns > retention_ns
