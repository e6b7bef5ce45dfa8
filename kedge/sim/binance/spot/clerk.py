"""The clerk writes down what has happened: orders, fills, money, the tape; and words it for the streams.

Nothing is decided here but how the venue calls things. Rows are put into drawers, events are gathered; both
are durable, and told, when the house has settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from kedge.model.numbers import MONEY, ZERO
from kedge.model.order import State
from kedge.model.venue import Fill, OrderReport
from kedge.sim.binance.house import BinanceHouse, outer, owner_of
from kedge.sim.binance.spot.numbers import Numbers
from kedge.sim.binance.spot.orders import Deal, Orders, Ticket
from kedge.sim.binance.spot.rules import ORDER_WINDOWS
from kedge.sim.binance.spot.shapes import Event, balance_event, position_event, report, trade_members
from kedge.sim.binance.spot.tape import Tape
from kedge.sim.binance.weights import OrderCounts
from kedge.sim.exchange import (
    BalancesChanged,
    BookChanged,
    CashMoved,
    FillMade,
    Happening,
    OrderChanged,
    TradePrinted,
)
from kedge.sim.testnet.listings import wallet

PAGE = 1_000
# Why the exchange ended an order, in the venue's words.
EXPIRIES = {
    "ioc": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "fok": "UNFILLED_FOK_ORDER_EXPIRED",
    "no_liquidity": "INSUFFICIENT_LIQUIDITY",
    "post_only": "REJECTED",
    "oco": "OCO_TRIGGER",
}


class Clerk:
    def __init__(self, house: BinanceHouse) -> None:
        self.house = house
        self.numbers = Numbers(house.keeper, "spot.numbers")
        self.orders = Orders(house.keeper)
        self.tapes = {
            one.name: Tape(one.name, self.numbers) for one in house.listed() if one.category == "spot"
        }
        self.counts: dict[str, OrderCounts] = {}
        # Not told yet.
        self.events: list[Event] = []
        # The order that is being placed: self-trades name it to their makers.
        self.taker: Ticket | None = None
        # What is to be done about the other order of a list when one has changed.
        self.follow: Callable[[Ticket], None] = lambda ticket: None
        self._balances: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}

    def counts_of(self, account: str) -> OrderCounts:
        return self.counts.setdefault(account, OrderCounts(ORDER_WINDOWS))

    def wake(self) -> None:
        """Catch up with what the exchange did while nobody wrote it down."""
        exchange = self.house.exchange
        for name in exchange.accounts():
            account = owner_of("spot", name)
            if not account:
                continue
            self._balances[account] = {b.asset: (b.free, b.total - b.free) for b in exchange.balances(name)}
            cursor, more = "", True
            while more:
                page = exchange.fills(name, cursor, PAGE)
                cursor, more = page.cursor, page.more
                for fill in page.items:
                    if not self.orders.has_deal(fill.exec_id):
                        self._fill(account, fill)
            for ticket in self.orders.live(account):
                found = exchange.order(name, "", str(ticket.number))
                if found is not None:
                    self._order(account, found)
        self.events.clear()

    def learn(self, news: Sequence[Happening]) -> None:
        for happening in news:
            match happening:
                case OrderChanged(account=name, order=order):
                    if account := owner_of("spot", name):
                        self._order(account, order)
                case FillMade(account=name, fill=fill):
                    if account := owner_of("spot", name):
                        self._fill(account, fill)
                case BalancesChanged():
                    if account := owner_of("spot", happening.account):
                        self._balance(account, happening)
                case CashMoved(account=name, cash=cash):
                    if (account := owner_of("spot", name)) and cash.kind == "transfer":
                        event = balance_event(account, cash.asset, cash.amount, cash.venue_ns)
                        self.events.append(event)
                case TradePrinted(symbol=symbol):
                    if tape := self.tapes.get(outer("spot", symbol)):
                        tape.printed(happening)
                case BookChanged(symbol=symbol):
                    if tape := self.tapes.get(outer("spot", symbol)):
                        tape.changed(happening)
                case _:
                    pass

    def tell(self, ticket: Ticket, happened: str, at_ns: int, **more: object) -> int:
        """Word a report on the order as it stands now; the number of the report."""
        execution = self.numbers.next("execution")
        self.events.append(report(ticket, happened, execution, at_ns, **more))
        if ticket.list_id >= 0 and happened != "REPLACED":
            self.follow(ticket)
        return execution

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def _order(self, account: str, order: OrderReport) -> None:
        ticket = self.orders.get(order.venue_id)
        if ticket is None or ticket.account != account or not ticket.live:
            return
        if order.state is State.OPEN:
            resting = self.house.exchange.queue(wallet(account, "spot"), "", order.venue_id) is not None
            if not ticket.working_ns and resting:
                self._works(ticket, order.venue_ns)
            return
        if order.state is State.FILLED:
            return  # Its last fill has said so.
        ticket.updated_ns = order.venue_ns
        why = order.reason.partition(":")[0]
        if why == "self_trade":
            self._prevented(ticket, order)
            return
        if order.state is State.CANCELLED and why == "cancelled" and not ticket.expiry:
            ticket.status = "CANCELED"
            ticket.cancel_id = ticket.cancel_id or self.numbers.word()
            self.orders.put(ticket)
            self.tell(ticket, "CANCELED", order.venue_ns)
            return
        ticket.status = "EXPIRED"
        ticket.expiry = ticket.expiry or EXPIRIES.get(why, "REJECTED")
        self.orders.put(ticket)
        self.tell(ticket, "EXPIRED", order.venue_ns)

    def _works(self, ticket: Ticket, at_ns: int) -> None:
        """A trigger was reached: the order goes to the book."""
        ticket.working_ns = ticket.updated_ns = at_ns
        self.orders.put(ticket)
        self.tell(ticket, "NEW", at_ns)

    def _prevented(self, ticket: Ticket, order: OrderReport) -> None:
        left = MONEY.subtract(ticket.qty, ticket.cum_qty)
        ticket.status = "EXPIRED_IN_MATCH"
        ticket.prevented_qty = left
        ticket.prevented_id = self.numbers.next(f"prevented:{ticket.symbol}")
        self.orders.put(ticket)
        more: dict[str, object] = {
            "v": ticket.prevented_id,
            "A": f"{left:.8f}",
            "B": f"{left:.8f}",
            "u": -1,
        }
        taker = self.taker
        if taker is not None and taker.number != ticket.number:
            more |= {"U": taker.number, "Cs": taker.symbol}
        self.tell(ticket, "TRADE_PREVENTION", order.venue_ns, **more)

    def _fill(self, account: str, fill: Fill) -> None:
        ticket = self.orders.get(fill.venue_id)
        symbol = outer("spot", fill.symbol)
        if ticket is None or ticket.account != account or symbol not in self.tapes:
            return
        if not ticket.working_ns:
            self._works(ticket, fill.venue_ns)
        # The exchange numbers the maker's side first and the taker's next; the trade is one.
        execution = int(fill.exec_id) - (0 if fill.maker else 1)
        deal = Deal(
            self.tapes[symbol].number(execution),
            ticket.number,
            account,
            symbol,
            fill.price,
            fill.qty,
            fill.fee,
            fill.fee_asset,
            fill.venue_ns,
            fill.side == "buy",
            fill.maker,
            ticket.list_id,
        )
        self.orders.put_deal(fill.exec_id, deal)
        if not ticket.cum_qty:
            self.counts_of(account).give_back(fill.venue_ns)
        ticket.cum_qty = MONEY.add(ticket.cum_qty, fill.qty)
        ticket.cum_quote = MONEY.add(ticket.cum_quote, MONEY.multiply(fill.price, fill.qty))
        ticket.updated_ns = fill.venue_ns
        if ticket.live:
            ticket.status = "FILLED" if ticket.cum_qty >= ticket.qty else "PARTIALLY_FILLED"
        self.orders.put(ticket)
        self.tell(ticket, "TRADE", fill.venue_ns, **trade_members(deal))

    # ── money ───────────────────────────────────────────────────────────────────────────────────

    def _balance(self, account: str, happening: BalancesChanged) -> None:
        known = self._balances.setdefault(account, {})
        changed = []
        for balance in happening.balances:
            free, locked = balance.free, MONEY.subtract(balance.total, balance.free)
            if known.get(balance.asset, (ZERO, ZERO)) != (free, locked):
                known[balance.asset] = (free, locked)
                changed.append((balance.asset, free, locked))
        if changed:
            self.events.append(position_event(account, changed, self.house.exchange.now_ns))
