"""The papers are kept here: what the exchange has done becomes orders, fills, positions, income and events.

The exchange knows one net position per wallet and symbol. In hedge mode the venue shows two legs over it:
each fill goes to the leg its order was placed for, and what is shown as wallet is what it would be if the
legs were held apart (cash and entry values differ, their sum does not). Margin is the exchange's, over the
net.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from kedge.model.numbers import ZERO
from kedge.model.order import State
from kedge.model.venue import Cash, CashKind, Fill, OrderReport
from kedge.sim.binance.usdm import events
from kedge.sim.binance.usdm.facts import (
    OUTSIDE,
    Books,
    FillFact,
    IncomeFact,
    Leg,
    Memory,
    OrderFact,
    PositionSide,
    as_position,
    leg_key,
    leg_of,
)
from kedge.sim.binance.usdm.listings import MS, SETTLE, Listings
from kedge.sim.binance.usdm.outbox import Outbox
from kedge.sim.exchange import Exchange
from kedge.sim.exchange.money import book_position
from kedge.sim.testnet.listings import wallet

# How an order ends, by the exchange's reason: execution type, status, expiry reason.
ENDINGS: dict[str, tuple[str, str, str]] = {
    "cancelled": ("CANCELED", "CANCELED", "0"),
    "dead_man": ("CANCELED", "CANCELED", "0"),
    "self_trade": ("EXPIRED", "EXPIRED_IN_MATCH", "1"),
    "ioc": ("EXPIRED", "EXPIRED", "2"),
    "fok": ("EXPIRED", "EXPIRED", "2"),
    "reduce_only": ("EXPIRED", "EXPIRED", "4"),
    "post_only": ("EXPIRED", "EXPIRED", "0"),
    "liquidation": ("EXPIRED", "EXPIRED", "5"),
    "delivery": ("EXPIRED", "EXPIRED", "7"),
    "no_liquidity": ("EXPIRED", "EXPIRED", "9"),
}
# Why money moved, by the exchange's word: the income type, and the reason of ACCOUNT_UPDATE.
CASH: dict[CashKind, tuple[str, str]] = {
    "funding": ("FUNDING_FEE", "FUNDING_FEE"),
    "transfer": ("TRANSFER", "DEPOSIT"),
    "insurance": ("INSURANCE_CLEAR", "INSURANCE_CLEAR"),
    "fee": ("COMMISSION", "ADJUSTMENT"),
    "dust": ("INSURANCE_CLEAR", "ADJUSTMENT"),
    "other": ("INSURANCE_CLEAR", "ADJUSTMENT"),
}

FORCED_IDS = {"liquidation": "autoclose-", "adl": "adl_autoclose", "delivery": "settlement_autoclose-"}


class Ledger:
    def __init__(self, memory: Memory, exchange: Exchange, listings: Listings, outbox: Outbox) -> None:
        self._memory = memory
        self._exchange = exchange
        self._listings = listings
        self._outbox = outbox
        # Told of every change of an order, after it: conditionals wait for the ends of what they placed.
        self.on_order: Callable[[OrderFact, int], None] = lambda order, now_ns: None
        # Told of every forced fill, for the public stream of liquidations.
        self.on_forced: Callable[[OrderFact, FillFact], None] = lambda order, fill: None

    # ── what requests cause ─────────────────────────────────────────────────────────────────────

    def opened(self, order: OrderFact) -> None:
        """A new order is on the exchange; what became of it at once is learnt next."""
        self._memory.put_order(order)
        self.say_order(order, "NEW", order.created_ns)

    def amended(self, order: OrderFact, now_ns: int) -> None:
        order.updated_ns = now_ns
        self._memory.put_order(order)
        self.say_order(order, "AMENDMENT", now_ns)

    def say_order(
        self, order: OrderFact, execution: str, now_ns: int, fill: FillFact | None = None, reason: str = "0"
    ) -> None:
        event = events.order_event(self._listings, order, execution, now_ns, fill, reason)
        self._outbox.put(order.account, event)
        self.on_order(order, now_ns)

    # ── what the exchange says of orders ────────────────────────────────────────────────────────

    def order_changed(self, account: str, report: OrderReport, now_ns: int) -> None:
        """Ends, and what was cut off reduce-only orders; the rest is known from requests and fills."""
        order = self._memory.books(account).orders.get(int(report.venue_id))
        if order is None or not order.open:
            return
        if report.state is State.OPEN:
            if order.cum_qty < report.qty < order.qty:
                order.qty = report.qty
                self.amended(order, now_ns)
            return
        if report.state is State.FILLED:
            if order.cum_qty == report.qty < order.qty:
                # What was left of it was cut off by the fill that closed the position.
                order.qty = report.qty
                self.end(order, "FILLED", "AMENDMENT", "0", now_ns)
            return
        code = report.reason.partition(":")[0]
        execution, status, reason = ENDINGS.get(code, ENDINGS["cancelled"])
        if order.ending:
            execution, status, reason = order.ending, order.ending, order.ending_reason
        elif code == "post_only" and order.amendments:
            execution = status = "CANCELED"
        self.end(order, status, execution, reason, now_ns)

    def end(self, order: OrderFact, status: str, execution: str, reason: str, now_ns: int) -> None:
        order.status = status
        order.updated_ns = now_ns
        order.ending = ""
        self._memory.put_order(order)
        self.say_order(order, execution, now_ns, reason=reason)

    # ── fills ───────────────────────────────────────────────────────────────────────────────────

    def filled(self, account: str, symbol: str, fill: Fill, trade_id: int) -> None:
        books = self._memory.books(account)
        books.settings.last_fill = int(fill.exec_id)
        order = books.orders.get(int(fill.venue_id)) if fill.venue_id else None
        if order is None:
            order = self._forced_order(books, symbol, fill)
        side = order.position_side
        realized = self._book(books, symbol, side, fill)
        order.cum_qty += fill.qty
        order.cum_quote += fill.qty * fill.price
        order.status = "FILLED" if order.cum_qty >= order.qty else "PARTIALLY_FILLED"
        order.updated_ns = fill.venue_ns
        self._memory.put_order(order)
        row = FillFact(
            trade_id,
            order.id,
            symbol,
            fill.side,
            side,
            fill.price,
            fill.qty,
            fill.price * fill.qty,
            fill.fee,
            fill.fee_asset,
            realized,
            fill.maker,
            fill.venue_ns,
            order.client_id,
        )
        self._memory.put_fill(account, row)
        self._earn(account, "REALIZED_PNL", row, realized)
        self._earn(account, "COMMISSION", row, -fill.fee)
        self._tell_fill(books, order, row, forced=fill.kind in ("liquidation", "adl"))
        if fill.kind != "trade":
            self.on_forced(order, row)
        if fill.kind == "delivery":
            self._close_legs(books, symbol, fill.price)

    def _tell_fill(self, books: Books, order: OrderFact, fill: FillFact, *, forced: bool) -> None:
        account, now_ns = order.account, fill.time_ns
        self._outbox.put(account, events.trade_lite(self._listings, order, fill))
        update = events.account_update(
            "ORDER",
            (self.balance_part(books, SETTLE, ZERO),),
            (self.position_part(books, fill.symbol, fill.position_side),),
            now_ns,
        )
        self._outbox.put(account, update)
        self.say_order(order, "CALCULATED" if forced else "TRADE", now_ns, fill)

    def _forced_order(self, books: Books, symbol: str, fill: Fill) -> OrderFact:
        """The order behind a fill that nobody asked for."""
        account = books.settings.name
        known = None
        if fill.venue_id:
            known = self._exchange.order(wallet(account, "usdm"), "", fill.venue_id)
        client_id = FORCED_IDS.get(fill.kind, "autoclose-")
        if client_id.endswith("-"):
            client_id += f"{fill.venue_ns // MS}{int(fill.exec_id) % 1_000_000:06d}"
        side: PositionSide = "BOTH"
        if books.settings.dual:
            side = "LONG" if fill.side == "sell" else "SHORT"
        order = OrderFact(
            int(fill.venue_id) if fill.venue_id else OUTSIDE + self._memory.next_number("outside"),
            account,
            client_id,
            symbol,
            fill.side,
            "LIQUIDATION" if fill.kind == "liquidation" else "LIMIT",
            "IOC",
            known.qty if known else fill.qty,
            known.price if known else fill.price,
            fill.venue_ns,
            fill.venue_ns,
            position_side=side,
        )
        self.opened(order)
        return order

    # ── positions ───────────────────────────────────────────────────────────────────────────────

    def _book(self, books: Books, symbol: str, side: PositionSide, fill: Fill) -> Decimal:
        """Add the fill to its leg (and, of a hedge, to the net); the answer is the leg's profit."""
        settings = books.settings
        signed = fill.qty if fill.side == "buy" else -fill.qty
        realized = self._book_leg(books, symbol, side, signed, fill.price, fill)
        if side != "BOTH":
            self._book_leg(books, symbol, "BOTH", signed, fill.price, fill)
        had = settings.wallets.get(fill.fee_asset, ZERO)
        settings.wallets[fill.fee_asset] = had + realized - fill.fee
        settings.changed_ns = fill.venue_ns
        self._memory.put_settings(settings)
        return realized

    def _book_leg(
        self,
        books: Books,
        symbol: str,
        side: PositionSide,
        signed: Decimal,
        price: Decimal,
        fill: Fill | None,
    ) -> Decimal:
        settings = books.settings
        leg = settings.legs.setdefault(leg_key(symbol, side), Leg())
        position = as_position(leg)
        before = leg.qty
        realized = book_position(position, self._listings[symbol].instrument, signed, price)
        leg.qty, leg.cost = position.qty, position.cost
        leg.realized += realized
        if leg.qty == 0 or (before > 0) != (leg.qty > 0):
            leg.fees = ZERO
        if fill is not None:
            leg.fees += fill.fee
            leg.updated_ns = fill.venue_ns
        if leg.qty == 0:
            leg.fees = ZERO
        return realized

    def _close_legs(self, books: Books, symbol: str, price: Decimal) -> None:
        """What is left of a hedge when its net has been settled: two halves that cancel each other."""
        settings = books.settings
        for side in ("LONG", "SHORT"):
            leg = settings.legs.get(leg_key(symbol, side))
            if leg is not None and leg.qty:
                profit = self._book_leg(books, symbol, side, -leg.qty, price, None)
                settings.wallets[SETTLE] = settings.wallets.get(SETTLE, ZERO) + profit
        self._memory.put_settings(settings)

    # ── money ───────────────────────────────────────────────────────────────────────────────────

    def cash_moved(self, account: str, symbol: str, cash: Cash) -> None:
        """Funding, transfers, insurance."""
        books = self._memory.books(account)
        settings = books.settings
        settings.last_cash = int(cash.cash_id)
        kind, reason = CASH[cash.kind]
        if reason == "DEPOSIT" and cash.amount < 0:
            reason = "WITHDRAW"
        settings.wallets[cash.asset] = settings.wallets.get(cash.asset, ZERO) + cash.amount
        settings.changed_ns = cash.venue_ns
        self._memory.put_settings(settings)
        number = self._memory.next_number("income")
        row = IncomeFact(number, kind, symbol, cash.asset, cash.amount, cash.venue_ns)
        self._memory.put_income(account, row)
        positions = []
        if cash.kind == "funding" and symbol in settings.isolated:
            positions = [self.position_part(books, symbol, side) for side in sides_of(books)]
        part = self.balance_part(books, cash.asset, cash.amount)
        self._outbox.put(account, events.account_update(reason, (part,), positions, cash.venue_ns))

    def _earn(self, account: str, kind: str, fill: FillFact, amount: Decimal) -> None:
        if amount:
            number = self._memory.next_number("income")
            row = IncomeFact(number, kind, fill.symbol, fill.asset, amount, fill.time_ns, fill.id)
            self._memory.put_income(account, row)

    # ── parts of events ─────────────────────────────────────────────────────────────────────────

    def balance_part(self, books: Books, asset: str, change: Decimal) -> events.Event:
        return events.balance_part(asset, books.settings.wallets.get(asset, ZERO), change)

    def position_part(self, books: Books, symbol: str, side: PositionSide) -> events.Event:
        settings = books.settings
        mark = self._exchange.market(self._listings[symbol].inner).mark
        leg = leg_of(settings, symbol, side)
        return events.position_part(symbol, side, leg, mark, self._listings, symbol in settings.isolated)


def sides_of(books: Books) -> tuple[PositionSide, ...]:
    return ("LONG", "SHORT") if books.settings.dual else ("BOTH",)
