"""Orders in, changed and out: what the venue checks before the exchange, and what it writes down after it.

Nothing is said here: events wait in the outbox until everything is on disk.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ZERO
from kedge.model.order import Side, State, Tif
from kedge.model.venue import PlaceOrder
from kedge.sim.binance.common import Refused
from kedge.sim.binance.usdm import wishes
from kedge.sim.binance.usdm.codes import no, of_exchange
from kedge.sim.binance.usdm.facts import (
    OUTSIDE,
    AlgoFact,
    Books,
    Memory,
    OrderFact,
    findable,
    leg_of,
)
from kedge.sim.binance.usdm.ledger import Ledger
from kedge.sim.binance.usdm.listings import Contract, Listings
from kedge.sim.binance.usdm.switches import Switches
from kedge.sim.binance.usdm.wishes import Wish
from kedge.sim.exchange import AmendOrder, Exchange, Manner, Reply
from kedge.sim.testnet.listings import wallet

TIFS: dict[str, Tif] = {"GTC": "gtc", "GTD": "gtc", "IOC": "ioc", "FOK": "fok", "GTX": "post_only"}
AMENDMENTS_MAX = 10_000
BOOK_DEPTH = 20


class Entry:
    def __init__(
        self, memory: Memory, exchange: Exchange, listings: Listings, ledger: Ledger, switches: Switches
    ) -> None:
        self._memory = memory
        self._exchange = exchange
        self._listings = listings
        self._ledger = ledger
        self._switches = switches

    # ── placing ─────────────────────────────────────────────────────────────────────────────────

    def place(
        self,
        account: str,
        wish: Wish,
        now_ns: int,
        *,
        until_ns: int = 0,
        algo: AlgoFact | None = None,
        dry: bool = False,
    ) -> OrderFact:
        """Place it, or raise `Refused`. `dry`: only look whether it might be placed."""
        books, contract = self._memory.books(account), wish.contract
        self._check_open(contract)
        price = self.price_of(wish)
        assert wish.qty is not None
        self._check_filters(wish, wish.qty, price)
        client_id = wish.client_id or self.new_client_id()
        self._check_room(books, wish, client_id)
        self._check_legs(books, wish, wish.qty, price)
        fact = _fact(account, wish, client_id, price, now_ns, algo)
        if dry:
            return fact
        reply = self._send(fact, wish, now_ns, until_ns)
        self._take_reply(fact, reply, now_ns)
        return fact

    def price_of(self, wish: Wish) -> Decimal:
        """Zero at the market; a price match is looked up now."""
        if wish.match == "NONE":
            return wish.price or ZERO
        return self.price_at(wish.contract, wish.side, wish.match)

    def price_at(self, contract: Contract, side: Side, match: str) -> Decimal:
        """The price that stands there in the book. Raises -5041 where there is none."""
        view = self._exchange.book(contract.inner, BOOK_DEPTH)
        against = match.startswith("OPPONENT")
        levels = view.asks if (side == "buy") == against else view.bids
        depth = int(match.rpartition("_")[2]) if "_" in match else 1
        if len(levels) < depth:
            raise no(-5041)
        return levels[depth - 1].price

    def new_client_id(self) -> str:
        return f"auto{self._memory.next_number('client_ids'):018d}"

    def _check_open(self, contract: Contract, code: int = -4140) -> None:
        report = self._exchange.market(contract.inner)
        if report.open:
            return
        expires = contract.instrument.expires_ns
        raise no(-4141 if expires and self._exchange.now_ns >= expires else code)

    def _check_filters(self, wish: Wish, qty: Decimal, price: Decimal) -> None:
        contract = wish.contract
        mark = self._exchange.market(contract.inner).mark
        if price:
            wishes.check_price(contract, price)
        wishes.check_qty(contract, qty, market=not price)
        if price:
            wishes.check_percent(contract, wish.side, price, mark)
        else:
            self._check_counterparty(contract, wish.side, mark)
        if not (wish.reduce_only or wish.close_position or _closes(wish)):
            wishes.check_notional(contract, qty, price or mark)

    def _check_counterparty(self, contract: Contract, side: Side, mark: Decimal) -> None:
        """Of a market order: the best price it would meet must be one that a limit order may have."""
        view = self._exchange.book(contract.inner, 1)
        levels = view.asks if side == "buy" else view.bids
        if not levels or not mark:
            return
        try:
            wishes.check_percent(contract, side, levels[0].price, mark)
        except Refused:
            raise no(-4131) from None

    def _check_room(self, books: Books, wish: Wish, client_id: str) -> None:
        number = books.newest.get(client_id)
        if number is not None and number in books.open:
            raise no(-4116)
        symbol = wish.symbol
        if sum(books.orders[n].symbol == symbol for n in books.open) >= wish.contract.orders_max:
            raise no(-2025)

    def _check_legs(self, books: Books, wish: Wish, qty: Decimal, price: Decimal) -> None:
        """Closing orders of a hedge must fit into their leg; opening ones under the bracket's cap."""
        symbol, side = wish.symbol, wish.position_side
        leg = leg_of(books.settings, symbol, side)
        same = [o for n in books.open if (o := books.orders[n]).symbol == symbol and o.side == wish.side]
        waiting = sum((o.left for o in same if o.position_side == side), ZERO)
        if _closes(wish):
            if waiting + qty > abs(leg.qty):
                raise no(-2022)
            return
        if wish.reduce_only:
            return
        mark = self._exchange.market(wish.contract.inner).mark
        held = leg.qty if wish.side == "buy" else -leg.qty
        leverage = self._exchange.leverage(wallet(books.settings.name, "usdm"), wish.contract.inner)
        if (held + waiting + qty) * (price or mark) > wish.contract.cap_at(leverage):
            raise no(-2027)

    def _send(self, fact: OrderFact, wish: Wish, now_ns: int, until_ns: int) -> Reply:
        market = not fact.price
        order = PlaceOrder(
            fact.client_id,
            wish.contract.inner,
            fact.side,
            fact.qty,
            fact.price,
            "market" if market else "limit",
            "ioc" if market else TIFS[fact.tif],
            reduce_only=fact.reduce_only,
            valid_until_ns=until_ns,
        )
        manner = Manner(self_trade=wishes.SELF_TRADE[fact.self_trade])
        return self._exchange.place(wallet(fact.account, "usdm"), order, now_ns, manner)

    def _take_reply(self, fact: OrderFact, reply: Reply, now_ns: int) -> None:
        """Write the order down, unless it is one that leaves no trace."""
        report = reply.order
        code = reply.code or (report.reason.partition(":")[0] if report else "")
        if code == "post_only" and self._switches.gtx == "reject":
            raise no(-5022)
        if code == "fok" and self._switches.fok == "reject":
            raise no(-5021)
        if not reply.ok and code == "post_only":
            # The exchange refuses what this reading of the venue accepts and lets expire.
            fact.id = OUTSIDE + self._memory.next_number("outside")
            self._ledger.opened(fact)
            self._ledger.end(fact, "EXPIRED", "EXPIRED", "0", now_ns)
            return
        if not reply.ok or report is None:
            raise of_exchange(reply)
        fact.id = int(report.venue_id)
        fact.qty = report.qty
        self._ledger.opened(fact)

    # ── finding ─────────────────────────────────────────────────────────────────────────────────

    def find(self, account: str, symbol: str, number: int | None, client_id: str, now_ns: int) -> OrderFact:
        """By number, else by client id (the newest that had it). Raises -2013."""
        books = self._memory.books(account)
        if number is None:
            number = books.newest.get(client_id)
        order = books.orders.get(number) if number is not None else None
        if order is None or order.symbol != symbol or not findable(order, now_ns):
            raise no(-2013)
        return order

    def open_orders(self, account: str, symbol: str = "") -> list[OrderFact]:
        books = self._memory.books(account)
        orders = [books.orders[number] for number in books.open]
        return [order for order in orders if symbol in ("", order.symbol)]

    # ── cancelling ──────────────────────────────────────────────────────────────────────────────

    def cancel(self, account: str, symbol: str, number: int | None, client_id: str, now_ns: int) -> OrderFact:
        """Raises -2011 where there is nothing to cancel."""
        try:
            order = self.find(account, symbol, number, client_id, now_ns)
        except Refused:
            raise no(-2011) from None
        if not order.open:
            raise no(-2011)
        self.withdraw(order, now_ns)
        return order

    def cancel_all(self, account: str, symbol: str, now_ns: int) -> int:
        orders = self.open_orders(account, symbol)
        for order in orders:
            self.withdraw(order, now_ns)
        return len(orders)

    def withdraw(self, order: OrderFact, now_ns: int, ending: str = "", reason: str = "0") -> None:
        """Take it off the exchange; what that is called is told when it is learnt."""
        if ending:
            order.ending, order.ending_reason = ending, reason
            self._memory.put_order(order)
        reply = self._exchange.cancel(wallet(order.account, "usdm"), "", now_ns, venue_id=str(order.id))
        if not reply.ok:
            raise of_exchange(reply)

    def expire(self, order: OrderFact, now_ns: int) -> None:
        """Its time is over, if it still lives."""
        if self._live(order):
            self.withdraw(order, now_ns, "EXPIRED")

    # ── modifying ───────────────────────────────────────────────────────────────────────────────

    def modify(
        self, order: OrderFact, side: Side, qty: Decimal, price: Decimal, now_ns: int, until_ns: int = 0
    ) -> OrderFact:
        """PUT: a limit order with a new price and quantity, at the end of its queue."""
        contract = self._listings[order.symbol]
        self._check_modify(order, contract, side, qty, price)
        order.amendments += 1
        if qty <= order.cum_qty or (order.tif == "GTX" and self._crosses(contract, order.side, price)):
            self._memory.put_order(order)
            self.withdraw(order, now_ns)
            return order
        if price == order.price and qty < order.qty:
            self._requeue(order, contract, now_ns)
        change = AmendOrder("", price, qty, venue_id=str(order.id), valid_until_ns=until_ns)
        reply = self._exchange.amend(wallet(order.account, "usdm"), change, now_ns)
        if not reply.ok or reply.order is None:
            raise of_exchange(reply)
        order.price, order.qty = price, reply.order.qty
        self._ledger.amended(order, now_ns)
        return order

    def _check_modify(
        self, order: OrderFact, contract: Contract, side: Side, qty: Decimal, price: Decimal
    ) -> None:
        if not order.open:
            raise no(-2013)
        if order.kind != "LIMIT":
            raise no(-5025)
        if side != order.side:
            raise no(-1117)
        self._check_open(contract, -5024)
        if order.amendments >= AMENDMENTS_MAX:
            raise no(-5026)
        if (price, qty) == (order.price, order.qty):
            raise no(-5027)
        wishes.check_price(contract, price)
        wishes.check_qty(contract, qty, market=False)
        wishes.check_percent(contract, side, price, self._exchange.market(contract.inner).mark)
        if not order.reduce_only:
            wishes.check_notional(contract, qty, price, -5029)

    def _crosses(self, contract: Contract, side: Side, price: Decimal) -> bool:
        view = self._exchange.book(contract.inner, 1)
        if side == "buy":
            return bool(view.asks) and price >= view.asks[0].price
        return bool(view.bids) and price <= view.bids[0].price

    def _requeue(self, order: OrderFact, contract: Contract, now_ns: int) -> None:
        """A smaller quantity alone would keep its place on the exchange: step away, and come back last."""
        away = order.price - contract.instrument.tick * (1 if order.side == "buy" else -1)
        if away > 0:
            change = AmendOrder("", away, venue_id=str(order.id))
            self._exchange.amend(wallet(order.account, "usdm"), change, now_ns)

    # ── legs of a hedge ─────────────────────────────────────────────────────────────────────────

    def trim_legs(self, account: str, symbol: str, now_ns: int) -> None:
        """Closing orders that no longer fit into their leg go, the youngest first."""
        books = self._memory.books(account)
        if not books.settings.dual:
            return
        for side, closing in (("LONG", "sell"), ("SHORT", "buy")):
            orders = [
                order
                for number in books.open
                if (order := books.orders[number]).symbol == symbol
                and order.position_side == side
                and order.side == closing
            ]
            leg = books.settings.legs.get(f"{symbol}|{side}")
            left = abs(leg.qty) if leg else ZERO
            for order in orders:
                left -= order.left
                if left < 0 and self._live(order):
                    self.withdraw(order, now_ns, "EXPIRED", "4")

    def _live(self, order: OrderFact) -> bool:
        """Whether the exchange still has it: what has just happened there may not have been learnt yet."""
        report = self._exchange.order(wallet(order.account, "usdm"), "", str(order.id))
        return report is not None and report.state is State.OPEN


def _closes(wish: Wish) -> bool:
    """An order that can only make a leg of a hedge smaller."""
    return (wish.position_side, wish.side) in (("LONG", "sell"), ("SHORT", "buy"))


def _fact(
    account: str, wish: Wish, client_id: str, price: Decimal, now_ns: int, algo: AlgoFact | None
) -> OrderFact:
    assert wish.qty is not None
    return OrderFact(
        0,
        account,
        client_id,
        wish.symbol,
        wish.side,
        "LIMIT" if wish.priced else "MARKET",
        wish.tif,
        wish.qty,
        price,
        now_ns,
        now_ns,
        position_side=wish.position_side,
        reduce_only=wish.reduce_only,
        close_position=wish.close_position,
        price_match=wish.match,
        self_trade=wish.self_trade,
        good_till_ms=wish.good_till_ms,
        stop_price=algo.trigger if algo else ZERO,
        working=algo.working if algo else "CONTRACT_PRICE",
        price_protect=algo.price_protect if algo else False,
        algo_id=algo.id if algo else 0,
    )
