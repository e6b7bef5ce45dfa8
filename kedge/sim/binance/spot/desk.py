"""The trading desk of the venue: place, cancel, amend. Every deed is settled before it returns.

What is refused before it reaches the matching engine (shape, filters, counts) leaves no trace; what the
engine refuses is also reported on the user stream, with the reason.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import MONEY, ZERO, divide, floor_to
from kedge.sim.binance.common import Refused
from kedge.sim.binance.house import BinanceHouse
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.orders import Amendment, Ticket
from kedge.sim.binance.spot.rules import BNB_DISCOUNT, Filters, filters_of
from kedge.sim.binance.spot.wishes import Climate, Wish, check_filters, failure, manner_of, place_order
from kedge.sim.exchange import AmendOrder, Manner, Reply
from kedge.sim.testnet.listings import Listed, wallet

UNKNOWN = "Unknown order sent."
NEW_REJECTED, CANCEL_REJECTED, AMEND_REJECTED = -2010, -2011, -2038

# The exchange's refusals: code, sentence, and the word on the user stream ("" where it says none).
REFUSALS: dict[str, tuple[int, str, str]] = {
    "funds": (-2010, "Account has insufficient balance for requested action.", "INSUFFICIENT_BALANCES"),
    "id_open": (-2010, "Duplicate order sent.", ""),
    "post_only": (-2010, "Order would immediately match and take.", "WOULD_MATCH_IMMEDIATELY"),
    "would_trigger": (-2010, "Order would trigger immediately.", "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY"),
    "halted": (-2010, "Market is closed.", ""),
    "closed": (-2010, "Market is closed.", ""),
    "delivered": (-2010, "Market is closed.", ""),
    "tick": (-1013, "Filter failure: PRICE_FILTER", ""),
    "step": (-1013, "Filter failure: LOT_SIZE", ""),
    "min_qty": (-1013, "Filter failure: LOT_SIZE", ""),
    "max_qty": (-1013, "Filter failure: LOT_SIZE", ""),
    "min_notional": (-1013, "Filter failure: NOTIONAL", ""),
    "price_band": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", ""),
    "too_many_orders": (-1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS", ""),
    "expired": (-1021, "Timestamp for this request is outside of the recvWindow.", ""),
    "unknown_symbol": (-1121, "Invalid symbol.", ""),
    "bad_order": (-2010, "Unsupported order combination", ""),
}


class Account(Struct, omit_defaults=True):
    """What an account has chosen."""

    burns_bnb: bool = False


class Named(Struct, frozen=True):
    """An order as a request names it: by number, by client id, or by both."""

    symbol: str
    number: int | None
    client_id: str


class Desk:
    def __init__(self, house: BinanceHouse, clerk: Clerk) -> None:
        self.house = house
        self.clerk = clerk
        self.orders = clerk.orders
        self.accounts = house.keeper.drawer("spot.accounts", Account)
        self._filters: dict[str, Filters] = {}

    def listed(self, symbol: str) -> Listed:
        found = self.house.find("spot", symbol)
        if found is None:
            raise Refused(-1121, "Invalid symbol.")
        return found

    def filters(self, symbol: str) -> Filters:
        found = self._filters.get(symbol)
        if found is None:
            one = self.listed(symbol)
            found = self._filters[symbol] = filters_of(one.instrument, one.market_max_qty)
        return found

    # ── placing ─────────────────────────────────────────────────────────────────────────────────

    def check(self, account: str, wish: Wish) -> Decimal:
        """Everything that is checked before the matching engine; the quantity that would be sent to it."""
        now_ns = self.house.now_ns()
        self.listed(wish.symbol)
        filters = self.filters(wish.symbol)
        live = self.orders.live(account, wish.symbol)
        average = self.clerk.tapes[wish.symbol].average(now_ns, filters.avg_minutes)
        climate = Climate(average, len(live), sum(ticket.algo for ticket in live))
        check_filters(wish, filters, climate)
        return wish.qty or self._bought_for(wish, filters)

    def place(self, account: str, wish: Wish, until_ns: int) -> Ticket:
        qty = self.check(account, wish)
        now_ns = self.house.now_ns()
        counts = self.clerk.counts_of(account)
        counts.take(now_ns)
        try:
            ticket = self.enter(account, wish, qty, until_ns)
        except Refused:
            counts.give_back(now_ns)
            self.house.settle()
            raise
        self.clerk.taker = ticket
        self.house.settle()
        self.clerk.taker = None
        return ticket

    def enter(self, account: str, wish: Wish, qty: Decimal, until_ns: int) -> Ticket:
        """Send it to the matching engine and open its ticket. The caller settles."""
        client_id = wish.client_id or self.clerk.numbers.word()
        manner = manner_of(wish, self.bnb_price(account), BNB_DISCOUNT)
        reply = self.send(account, wish, client_id, until_ns, manner, qty)
        return self.open_ticket(account, wish, client_id, qty, reply)

    def send(
        self, account: str, wish: Wish, client_id: str, until_ns: int, manner: Manner, qty: Decimal = ZERO
    ) -> Reply:
        """To the matching engine. Raises what the venue says where it is refused."""
        qty = qty or wish.qty
        if self.orders.taken(account, wish.symbol, client_id):
            raise Refused(NEW_REJECTED, "Duplicate order sent.")
        order = place_order(wish, self.listed(wish.symbol).symbol, client_id, qty, until_ns)
        if self._reached(wish):
            reply = Reply(False, "would_trigger")
        else:
            reply = self.house.exchange.place(wallet(account, "spot"), order, self.house.now_ns(), manner)
        if not reply.ok:
            raise self._rejected(account, wish, client_id, qty, reply)
        return reply

    def open_ticket(
        self, account: str, wish: Wish, client_id: str, qty: Decimal, reply: Reply, list_id: int = -1
    ) -> Ticket:
        """The order exists: it has a ticket, and its owner is told first of all that it is new."""
        assert reply.order is not None
        now_ns = self.house.exchange.now_ns
        ticket = self._ticket(account, wish, client_id, qty, int(reply.order.venue_id))
        ticket.list_id = list_id
        ticket.working_ns = 0 if wish.algo else now_ns
        self.orders.put(ticket)
        self.clerk.tell(ticket, "NEW", now_ns)
        return ticket

    def _reached(self, wish: Wish) -> bool:
        """Whether a trigger has been reached before there was a trade at all: by what the market is worth."""
        market = self.house.exchange.market(self.listed(wish.symbol).symbol)
        if not wish.algo or market.last or not market.mark:
            return False
        rises = (wish.side == "BUY") != wish.take_profit
        return market.mark >= wish.stop_price if rises else market.mark <= wish.stop_price

    def _ticket(self, account: str, wish: Wish, client_id: str, qty: Decimal, number: int) -> Ticket:
        now_ns = self.house.exchange.now_ns
        return Ticket(
            number,
            account,
            wish.symbol,
            client_id,
            wish.side,
            wish.type,
            wish.tif,
            qty,
            wish.price,
            wish.stop_price,
            wish.quote_qty,
            wish.stp,
            now_ns,
            now_ns,
            strategy_id=wish.strategy_id,
            strategy_type=wish.strategy_type,
        )

    def _rejected(self, account: str, wish: Wish, client_id: str, qty: Decimal, reply: Reply) -> Refused:
        code, text, word = REFUSALS.get(reply.code, (NEW_REJECTED, reply.sentence, ""))
        if word:
            ticket = self._ticket(account, wish, client_id, qty, -1)
            ticket.status = "REJECTED"
            self.clerk.tell(ticket, "REJECTED", ticket.created_ns, r=word)
        return Refused(code, text)

    def _bought_for(self, wish: Wish, filters: Filters) -> Decimal:
        """How much the book gives for this much quote money, on the step."""
        view = self.house.exchange.book(self.listed(wish.symbol).symbol, 0)
        left, qty = wish.quote_qty, ZERO
        for level in view.asks if wish.side == "BUY" else view.bids:
            value = MONEY.multiply(level.price, level.qty)
            if value > left:
                qty = MONEY.add(qty, floor_to(divide(left, level.price), filters.step))
                break
            qty, left = MONEY.add(qty, level.qty), MONEY.subtract(left, value)
        if not qty:
            raise Refused(NEW_REJECTED, "Order book liquidity is less than symbol minimum quantity.")
        if qty < filters.min_qty:
            raise Refused(
                NEW_REJECTED, "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."
            )
        return qty

    def bnb_price(self, account: str) -> Decimal:
        """What fees in BNB are computed with; 0 where the account does not pay them so."""
        chosen = self.accounts.get(account)
        if chosen is None or not chosen.burns_bnb:
            return ZERO
        market = self.house.exchange.market(self.listed("BNBUSDT").symbol)
        return market.last or market.mark

    # ── cancelling ──────────────────────────────────────────────────────────────────────────────

    def cancel(self, account: str, named: Named, cancel_id: str, restriction: str = "") -> Ticket:
        ticket = self.find(account, named, CANCEL_REJECTED)
        wanted = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}.get(restriction)
        if wanted and ticket.status != wanted:
            raise Refused(CANCEL_REJECTED, "Order was not canceled due to cancel restrictions.")
        self._cancel(ticket, cancel_id or self.clerk.numbers.word())
        self.house.settle()
        return ticket

    def cancel_all(self, account: str, symbol: str) -> list[Ticket]:
        self.listed(symbol)
        tickets = self.orders.live(account, symbol)
        if not tickets:
            raise Refused(CANCEL_REJECTED, UNKNOWN)
        cancel_id = self.clerk.numbers.word()
        for ticket in tickets:
            self._cancel(ticket, cancel_id)
        self.house.settle()
        return tickets

    def find(self, account: str, named: Named, code: int) -> Ticket:
        """A live order; where there is none, a refusal with this code."""
        self.listed(named.symbol)
        ticket = self.orders.find(account, named.symbol, named.number, named.client_id)
        if ticket is None or not ticket.live:
            raise Refused(code, UNKNOWN)
        if named.client_id and ticket.client_id != named.client_id:
            raise Refused(-2039, "Client order ID is not correct for this order ID.")
        return ticket

    def _cancel(self, ticket: Ticket, cancel_id: str) -> None:
        name = wallet(ticket.account, "spot")
        reply = self.house.exchange.cancel(name, "", self.house.now_ns(), venue_id=str(ticket.number))
        if reply.ok:
            ticket.cancel_id = cancel_id
            self.orders.put(ticket)
        elif reply.code != "not_open":
            raise Refused(CANCEL_REJECTED, UNKNOWN)

    # ── amending ────────────────────────────────────────────────────────────────────────────────

    def amend(self, account: str, named: Named, qty: Decimal, new_client_id: str) -> tuple[Ticket, str, int]:
        """Less of an order, in its place; (ticket, the id it had, number of the report)."""
        ticket = self.find(account, named, AMEND_REJECTED)
        self._may_amend(ticket, qty)
        before_id, before_qty = ticket.client_id, ticket.qty
        after_id = new_client_id or self.clerk.numbers.word()
        if after_id != before_id and self.orders.taken(account, ticket.symbol, after_id):
            raise Refused(AMEND_REJECTED, "Duplicate order sent.")
        now_ns = self.house.now_ns()
        if qty <= ticket.cum_qty:
            ticket.expiry = "EXCHANGE_CANCELED"
            self._cancel(ticket, "")
        else:
            change = AmendOrder("", qty=qty, venue_id=str(ticket.number), new_client_id=after_id)
            reply = self.house.exchange.amend(wallet(account, "spot"), change, now_ns)
            if not reply.ok:
                code, text, _ = REFUSALS.get(reply.code, (AMEND_REJECTED, UNKNOWN, ""))
                raise Refused(AMEND_REJECTED if code == NEW_REJECTED else code, text)
        ticket.qty = max(qty, ticket.cum_qty)
        ticket.updated_ns = now_ns
        ticket.amends += 1
        self.orders.rename(ticket, after_id)
        execution = self.clerk.tell(ticket, "REPLACED", now_ns, C=before_id)
        row = Amendment(
            execution, ticket.number, ticket.symbol, before_id, after_id, before_qty, ticket.qty, now_ns
        )
        self.orders.put_amendment(row)
        self.house.settle()
        return ticket, before_id, execution

    def _may_amend(self, ticket: Ticket, qty: Decimal) -> None:
        filters = self.filters(ticket.symbol)
        if qty < filters.min_qty or qty > filters.max_qty or qty % filters.step:
            raise failure("LOT_SIZE")
        price = ticket.price or ticket.stop_price
        if price and MONEY.multiply(qty, price) < filters.min_notional:
            raise failure("NOTIONAL")
        if qty == ticket.qty:
            raise Refused(AMEND_REJECTED, "The requested action would change no state; rejecting")
        if qty > ticket.qty:
            raise Refused(AMEND_REJECTED, "Order amend (quantity increase) is not supported.")
        if ticket.list_id >= 0:
            raise Refused(AMEND_REJECTED, "Order amend is not supported for this symbol.")
        if ticket.amends >= filters.max_amends:
            raise Refused(AMEND_REJECTED, "Filter failure: MAX_NUM_ORDER_AMENDS")
