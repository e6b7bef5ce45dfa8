"""Conditional orders: they wait beside the exchange, and become an order of their own when their price comes.

    NEW -> TRIGGERING -> TRIGGERED -> FINISHED      the order it became has ended, filled or not
                      -> REJECTED                   the order was refused: margin is looked at only then
    NEW -> CANCELED, EXPIRED

Every price that the exchange tells is looked at in its turn, so a spike between two ticks triggers too.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import HUNDRED, ONE, ZERO
from kedge.model.order import Side
from kedge.sim.binance.common import Refused
from kedge.sim.binance.usdm import events, wishes
from kedge.sim.binance.usdm.codes import invalid, malformed, no
from kedge.sim.binance.usdm.entry import Entry
from kedge.sim.binance.usdm.facts import (
    ALGO_BASE,
    AccountFact,
    AlgoFact,
    Memory,
    OrderFact,
    findable_algo,
    leg_of,
)
from kedge.sim.binance.usdm.listings import Contract, Listings
from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.usdm.outbox import Outbox
from kedge.sim.binance.usdm.switches import Switches
from kedge.sim.binance.usdm.wishes import Wish
from kedge.sim.exchange import Exchange

WAITING_MAX = 200
CALLBACK_LEAST, CALLBACK_MOST = Decimal("0.1"), Decimal(10)


class Prices(Struct, frozen=True):
    """What triggers look at."""

    last: Decimal
    mark: Decimal

    def of(self, working: str) -> Decimal:
        return self.mark if working == "MARK_PRICE" else self.last


class Conditionals:
    def __init__(
        self,
        memory: Memory,
        exchange: Exchange,
        listings: Listings,
        entry: Entry,
        outbox: Outbox,
        switches: Switches,
    ) -> None:
        self._memory = memory
        self._exchange = exchange
        self._listings = listings
        self._entry = entry
        self._outbox = outbox
        self._switches = switches
        # Who waits for which symbol, in the order of their coming.
        self._waiting: dict[str, dict[tuple[str, int], None]] = {}
        for account, books in memory.accounts.items():
            for number in books.waiting:
                self._waiting.setdefault(books.algos[number].symbol, {})[(account, number)] = None

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def place(self, account: str, params: Named, now_ns: int) -> AlgoFact:
        """POST /fapi/v1/algoOrder. Raises `Refused`."""
        books = self._memory.books(account)
        settings: AccountFact = books.settings
        wish = wishes.read_conditional(params, self._listings, settings, now_ns)
        algo = self._draft(account, wish, params, now_ns)
        if len(books.waiting) >= WAITING_MAX:
            raise no(-4045)
        known = books.newest_algo.get(algo.client_id)
        if known is not None and known in books.waiting:
            raise no(-4116)
        algo.id = ALGO_BASE + self._memory.next_number("algos")
        self._waiting.setdefault(algo.symbol, {})[(account, algo.id)] = None
        self._say(algo, now_ns)
        return algo

    def find(self, account: str, number: int | None, client_id: str, now_ns: int) -> AlgoFact:
        """By number, else by client id. Raises -2013."""
        books = self._memory.books(account)
        if number is None:
            number = books.newest_algo.get(client_id)
        algo = books.algos.get(number) if number is not None else None
        if algo is None or not findable_algo(algo, now_ns):
            raise no(-2013)
        return algo

    def cancel(self, account: str, number: int | None, client_id: str, now_ns: int) -> AlgoFact:
        """Raises -2011 where there is nothing to cancel."""
        try:
            algo = self.find(account, number, client_id, now_ns)
        except Refused:
            raise no(-2011) from None
        if not algo.waiting:
            raise no(-2011)
        self.end(algo, "CANCELED", now_ns)
        return algo

    def cancel_all(self, account: str, symbol: str, now_ns: int) -> None:
        for algo in self.open_algos(account, symbol):
            self.end(algo, "CANCELED", now_ns)

    def open_algos(self, account: str, symbol: str = "") -> list[AlgoFact]:
        books = self._memory.books(account)
        algos = [books.algos[number] for number in books.waiting]
        return [algo for algo in algos if symbol in ("", algo.symbol)]

    def end(self, algo: AlgoFact, status: str, now_ns: int, reason: str = "") -> None:
        algo.status, algo.reason, algo.updated_ns = status, reason, now_ns
        self._waiting.get(algo.symbol, {}).pop((algo.account, algo.id), None)
        self._say(algo, now_ns)

    # ── prices ──────────────────────────────────────────────────────────────────────────────────

    def watch(self, symbol: str, prices: Prices, now_ns: int) -> None:
        """A price has come: whoever waited for it is fired, in the order of their coming."""
        for account, number in tuple(self._waiting.get(symbol, ())):
            algo = self._memory.books(account).algos[number]
            price = prices.of(algo.working)
            if algo.status != "NEW" or not price:
                continue
            if self._due(algo, price) and self._unprotected(algo, prices):
                self._fire(algo, now_ns)

    def _due(self, algo: AlgoFact, price: Decimal) -> bool:
        if algo.kind == "TRAILING_STOP_MARKET":
            return self._trail(algo, price)
        return _reached(algo.kind, algo.side, algo.trigger, price)

    def _trail(self, algo: AlgoFact, price: Decimal) -> bool:
        """Follow the price; whether it has come back far enough."""
        sells = algo.side == "sell"
        better = price > algo.best if sells else price < algo.best
        if better or not algo.best:
            algo.best = price
            if not algo.activated:
                algo.activated = price >= algo.activate if sells else price <= algo.activate
            self._memory.put_algo(algo)
        if not algo.activated:
            return False
        way = ONE - algo.callback / HUNDRED if sells else ONE + algo.callback / HUNDRED
        return price <= algo.best * way if sells else price >= algo.best * way

    def _unprotected(self, algo: AlgoFact, prices: Prices) -> bool:
        if not algo.price_protect or not prices.mark:
            return True
        apart = abs(prices.mark - prices.last)
        return apart <= prices.mark * self._listings[algo.symbol].trigger_protect

    # ── firing ──────────────────────────────────────────────────────────────────────────────────

    def _fire(self, algo: AlgoFact, now_ns: int) -> None:
        algo.status, algo.triggered_ns, algo.updated_ns = "TRIGGERING", now_ns, now_ns
        self._say(algo, now_ns)
        try:
            order = self._entry.place(algo.account, self._wish_of(algo), now_ns, algo=algo)
        except Refused as refusal:
            self.end(algo, "REJECTED", now_ns, refusal.text)
            self._outbox.put(algo.account, events.trigger_reject(algo, refusal.text, now_ns))
            return
        algo.order_id = order.id
        self.end(algo, "TRIGGERED", now_ns)
        self.order_moved(order, now_ns)

    def _wish_of(self, algo: AlgoFact) -> Wish:
        """The order it becomes. Raises `Refused` where there is nothing to close."""
        qty = algo.qty
        if algo.close_position:
            leg = leg_of(self._memory.books(algo.account).settings, algo.symbol, algo.position_side)
            if not leg.qty or (leg.qty > 0) == (algo.side == "buy"):
                raise no(-2022)
            qty = abs(leg.qty)
        priced = algo.kind in ("STOP", "TAKE_PROFIT")
        one_way = algo.position_side == "BOTH"
        return Wish(
            self._listings[algo.symbol],
            algo.side,
            "LIMIT" if priced else "MARKET",
            algo.tif if priced else "GTC",
            qty,
            algo.price or None,
            algo.position_side,
            (algo.reduce_only or algo.close_position) and one_way,
            algo.close_position,
            algo.price_match,
            algo.self_trade,
            algo.good_till_ms,
            algo.client_id if self._switches.algo_client_id == "same" else "",
            "RESULT",
        )

    def order_moved(self, order: OrderFact, now_ns: int) -> None:
        """The order of a conditional has changed: when it has ended, so has the conditional."""
        if not order.algo_id or order.open:
            return
        algo = self._memory.books(order.account).algos.get(order.algo_id)
        if algo is not None and algo.status == "TRIGGERED":
            self.end(algo, "FINISHED", now_ns)

    def _say(self, algo: AlgoFact, now_ns: int) -> None:
        self._memory.put_algo(algo)
        order = self._memory.books(algo.account).orders.get(algo.order_id) if algo.order_id else None
        self._outbox.put(algo.account, events.algo_event(self._listings, algo, order, now_ns))

    # ── a new one ───────────────────────────────────────────────────────────────────────────────

    def _draft(self, account: str, wish: Wish, params: Named, now_ns: int) -> AlgoFact:
        contract = wish.contract
        working = params.text("workingType", "CONTRACT_PRICE")
        if working not in wishes.WORKING:
            raise no(-4031)
        report = self._exchange.market(contract.inner)
        price = Prices(report.last or report.mark, report.mark).of(working)
        trailing = wish.kind == "TRAILING_STOP_MARKET"
        trigger = ZERO if trailing else _trigger_in(params, contract)
        _check(wish, contract, trigger or price)
        if trigger and price and _reached(wish.kind, wish.side, trigger, price):
            raise no(-2021)
        algo = AlgoFact(
            0,
            account,
            wish.client_id or self._entry.new_client_id(),
            wish.symbol,
            wish.side,
            wish.kind,
            wish.tif,
            wish.qty or ZERO,
            wish.price or ZERO,
            trigger,
            now_ns,
            now_ns,
            position_side=wish.position_side,
            working=working,
            reduce_only=wish.reduce_only,
            close_position=wish.close_position,
            price_match=wish.match,
            price_protect=params.flag("priceProtect"),
            self_trade=wish.self_trade,
            good_till_ms=wish.good_till_ms,
        )
        if trailing:
            _trailing_in(params, algo, contract, price)
        return algo


def _check(wish: Wish, contract: Contract, price: Decimal) -> None:
    """The filters that can be looked at before the trigger."""
    if wish.price is not None:
        wishes.check_price(contract, wish.price)
    if wish.qty is not None:
        wishes.check_qty(contract, wish.qty, market=not wish.priced)
        if not wish.reduce_only:
            wishes.check_notional(contract, wish.qty, wish.price or price)


def _trigger_in(params: Named, contract: Contract) -> Decimal:
    trigger = wishes.number_in(params, "triggerPrice")
    if trigger is None:
        raise malformed("triggerPrice")
    wishes.check_trigger(contract, trigger)
    return trigger


def _trailing_in(params: Named, algo: AlgoFact, contract: Contract, price: Decimal) -> None:
    callback = wishes.number_in(params, "callbackRate")
    if callback is None:
        raise malformed("callbackRate")
    if not CALLBACK_LEAST <= callback <= CALLBACK_MOST:
        raise invalid("callbackRate")
    # An older name of the same parameter is still in use.
    name = "activatePrice" if params.has("activatePrice") else "activationPrice"
    activate = wishes.number_in(params, name)
    algo.callback = callback
    algo.best = price
    if activate is None:
        algo.activate, algo.activated = price, True
        return
    wishes.check_trigger(contract, activate)
    if price and (activate >= price if algo.side == "buy" else activate <= price):
        raise no(-2021)
    algo.activate = activate


def _reached(kind: str, side: Side, trigger: Decimal, price: Decimal) -> bool:
    """A stop waits for the price to turn against it, a take-profit for the other way."""
    rises = (side == "buy") != kind.startswith("TAKE_PROFIT")
    return price >= trigger if rises else price <= trigger
