"""The trading desk of the futures venue: deeds and questions of one account, by whichever door they come.

A deed is settled (learnt, on disk, told) before its answer is made, except that ACK shows the order as it was
accepted, before anything traded.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec

from kedge.sim.binance.common import Params, Refused, read_json_params
from kedge.sim.binance.house import BinanceHouse
from kedge.sim.binance.usdm import wishes
from kedge.sim.binance.usdm.account import Accounts
from kedge.sim.binance.usdm.algos import Conditionals
from kedge.sim.binance.usdm.ask import Ask
from kedge.sim.binance.usdm.bodies import (
    ALL_CANCELLED,
    Body,
    algo_body,
    algo_cancelled,
    brackets_body,
    order_body,
)
from kedge.sim.binance.usdm.codes import invalid, malformed, no, unsent
from kedge.sim.binance.usdm.entry import Entry
from kedge.sim.binance.usdm.facts import Memory, OrderFact
from kedge.sim.binance.usdm.listings import MS, Listings
from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.usdm.rules import ORDER_WINDOWS
from kedge.sim.binance.usdm.wishes import contract_in, either_id, integer_in, number_in, side_in
from kedge.sim.binance.weights import limit_row

T = TypeVar("T")
BATCH_MAX = 5
CANCEL_BATCH_MAX = 10
COUNTDOWN_MAX_MS = 10**10

_raws = msgspec.json.Decoder(list[msgspec.Raw])
_numbers = msgspec.json.Decoder(list[int])
_names = msgspec.json.Decoder(list[str])


class Desk:
    def __init__(
        self,
        house: BinanceHouse,
        memory: Memory,
        listings: Listings,
        entry: Entry,
        algos: Conditionals,
        accounts: Accounts,
    ) -> None:
        self._house = house
        self._memory = memory
        self._listings = listings
        self._entry = entry
        self._algos = algos
        self._accounts = accounts

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def place(self, ask: Ask) -> Body:
        return self._place(ask, ask.params)()

    def _place_one(self, ask: Ask, params: Named) -> Body:
        return self._place(ask, params)()

    def _place(self, ask: Ask, params: Named) -> Callable[[], Body]:
        """Place one; what makes the answer, when all is settled."""
        settings = self._memory.books(ask.account).settings
        wish = wishes.read_order(params, self._listings, settings, ask.now_ns)
        order = self._entry.place(ask.account, wish, ask.now_ns, until_ns=ask.until_ns)
        accepted = self._body(order)
        self._house.settle()
        return (lambda: accepted) if wish.response == "ACK" else (lambda: self._body(order))

    def test(self, ask: Ask) -> Body:
        """Everything but the matching engine."""
        settings = self._memory.books(ask.account).settings
        wish = wishes.read_order(ask.params, self._listings, settings, ask.now_ns)
        return self._body(self._entry.place(ask.account, wish, ask.now_ns, dry=True))

    def modify(self, ask: Ask) -> Body:
        return self._modify(ask, ask.params)

    def _modify(self, ask: Ask, params: Named) -> Body:
        contract = contract_in(params, self._listings)
        number, client_id = either_id(params, "orderId", "origClientOrderId")
        side = side_in(params)
        qty = number_in(params, "quantity")
        if qty is None:
            raise malformed("quantity")
        order = self._entry.find(ask.account, contract.symbol, number, client_id, ask.now_ns)
        price = self._modified_price(params, order)
        self._entry.modify(order, side, qty, price, ask.now_ns, ask.until_ns)
        self._house.settle()
        return self._body(order) | {"pair": contract.pair}

    def _modified_price(self, params: Named, order: OrderFact) -> Decimal:
        match = wishes.match_in(params, order.kind)
        if match == "NONE":
            price = number_in(params, "price")
            if price is None:
                raise malformed("price")
            return price
        return self._entry.price_at(self._listings[order.symbol], order.side, match)

    def cancel(self, ask: Ask) -> Body:
        contract = contract_in(ask.params, self._listings)
        number, client_id = either_id(ask.params, "orderId", "origClientOrderId")
        order = self._entry.cancel(ask.account, contract.symbol, number, client_id, ask.now_ns)
        self._house.settle()
        return self._body(order)

    def cancel_all(self, ask: Ask) -> Body:
        contract = contract_in(ask.params, self._listings)
        self._entry.cancel_all(ask.account, contract.symbol, ask.now_ns)
        self._house.settle()
        return ALL_CANCELLED

    # ── batches ─────────────────────────────────────────────────────────────────────────────────

    def place_batch(self, ask: Ask) -> list[Body]:
        return [
            self._attempt(ask, one, lambda ask, one: self._place(ask, one)()) for one in _batch(ask.params)
        ]

    def modify_batch(self, ask: Ask) -> list[Body]:
        return [self._attempt(ask, one, self._modify) for one in _batch(ask.params)]

    def cancel_batch(self, ask: Ask) -> list[Body]:
        symbol = contract_in(ask.params, self._listings).symbol
        return [self._attempt(ask, (symbol, *one), self._cancel_one) for one in _chosen(ask.params)]

    def _cancel_one(self, ask: Ask, chosen: tuple[str, int | None, str]) -> Body:
        order = self._entry.cancel(ask.account, *chosen, ask.now_ns)
        self._house.settle()
        return self._body(order)

    def _attempt(self, ask: Ask, one: T, do: Callable[[Ask, T], Body]) -> Body:
        """One of a batch: its failure is its own."""
        try:
            return do(ask, one)
        except Refused as refusal:
            return refusal.body()

    # ── conditionals ────────────────────────────────────────────────────────────────────────────

    def place_algo(self, ask: Ask) -> Body:
        algo = self._algos.place(ask.account, ask.params, ask.now_ns)
        self._house.settle()
        return algo_body(self._listings, algo, None)

    def cancel_algo(self, ask: Ask) -> Body:
        number, client_id = either_id(ask.params, "algoId", "clientAlgoId")
        algo = self._algos.cancel(ask.account, number, client_id, ask.now_ns)
        self._house.settle()
        return algo_cancelled(algo)

    def cancel_all_algos(self, ask: Ask) -> Body:
        contract = contract_in(ask.params, self._listings)
        self._algos.cancel_all(ask.account, contract.symbol, ask.now_ns)
        self._house.settle()
        return ALL_CANCELLED

    # ── timers ──────────────────────────────────────────────────────────────────────────────────

    def countdown(self, ask: Ask) -> Body:
        """Cancel the symbol's orders unless this is said again in time; 0 stops it. Conditionals stay."""
        contract = contract_in(ask.params, self._listings)
        span_ms = integer_in(ask.params, "countdownTime")
        if span_ms is None:
            raise malformed("countdownTime")
        if not 0 <= span_ms <= COUNTDOWN_MAX_MS:
            raise invalid("countdownTime")
        settings = self._memory.books(ask.account).settings
        settings.countdowns.pop(contract.symbol, None)
        if span_ms:
            settings.countdowns[contract.symbol] = ask.now_ns + span_ms * MS
        self._memory.put_settings(settings)
        self._house.settle()
        return {"symbol": contract.symbol, "countdownTime": str(span_ms)}

    # ── settings ────────────────────────────────────────────────────────────────────────────────

    def leverage(self, ask: Ask) -> Body:
        return self._settled(self._accounts.set_leverage(ask.account, ask.params, ask.now_ns))

    def margin_type(self, ask: Ask) -> Body:
        return self._settled(self._accounts.set_margin_type(ask.account, ask.params, ask.now_ns))

    def set_dual(self, ask: Ask) -> Body:
        return self._settled(self._accounts.set_dual(ask.account, ask.params))

    def dual(self, ask: Ask) -> Body:
        return {"dualSidePosition": self._memory.books(ask.account).settings.dual}

    def set_multi_assets(self, ask: Ask) -> Body:
        return self._settled(self._accounts.set_multi_assets(ask.account, ask.params, ask.now_ns))

    def multi_assets(self, ask: Ask) -> Body:
        return {"multiAssetsMargin": self._memory.books(ask.account).settings.multi_assets}

    def _settled(self, body: Body) -> Body:
        self._house.settle()
        return body

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    def balances(self, ask: Ask) -> list[Body]:
        return self._accounts.balances(ask.account)

    def account_v2(self, ask: Ask) -> Body:
        return self._accounts.account(ask.account, 2)

    def account_v3(self, ask: Ask) -> Body:
        return self._accounts.account(ask.account, 3)

    def positions_v2(self, ask: Ask) -> list[Body]:
        return self._accounts.positions(ask.account, 2, self._symbol(ask))

    def positions_v3(self, ask: Ask) -> list[Body]:
        return self._accounts.positions(ask.account, 3, self._symbol(ask))

    def config(self, ask: Ask) -> Body:
        settings = self._memory.books(ask.account).settings
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": True,
            "dualSidePosition": settings.dual,
            "updateTime": 0,
            "multiAssetsMargin": settings.multi_assets,
            "tradeGroupId": -1,
        }

    def order_limits(self, ask: Ask) -> list[dict[str, object]]:
        return [limit_row("ORDERS", w.interval, w.number, w.most) for w in ORDER_WINDOWS]

    def symbol_config(self, ask: Ask) -> list[Body]:
        chosen, books = self._symbol(ask), self._memory.books(ask.account)
        found = []
        for contract in self._listings.all.values():
            if chosen in ("", contract.symbol):
                leverage = self._accounts.leverage(books, contract)
                isolated = contract.symbol in books.settings.isolated
                row: Body = {
                    "symbol": contract.symbol,
                    "marginType": "ISOLATED" if isolated else "CROSSED",
                    "isAutoAddMargin": False,
                    "leverage": int(leverage),
                    "maxNotionalValue": str(contract.cap_at(leverage)),
                }
                found.append(row)
        return found

    def brackets(self, ask: Ask) -> Body | list[Body]:
        chosen = self._symbol(ask)
        if chosen:
            return brackets_body(self._listings[chosen])
        return [brackets_body(contract) for contract in self._listings.all.values()]

    def commission(self, ask: Ask) -> Body:
        contract = contract_in(ask.params, self._listings)
        return {
            "symbol": contract.symbol,
            "makerCommissionRate": f"{contract.terms.maker_fee:f}",
            "takerCommissionRate": f"{contract.terms.taker_fee:f}",
            "rpiCommissionRate": "0.00005",
        }

    def _symbol(self, ask: Ask) -> str:
        """An optional symbol, which must be known."""
        return contract_in(ask.params, self._listings).symbol if ask.params.has("symbol") else ""

    def _body(self, order: OrderFact) -> Body:
        return order_body(self._listings, order)


def _batch(params: Named) -> list[Named]:
    """The orders of a batch; what is wrong with one of them is told in its place."""
    try:
        raws = _raws.decode(params.need("batchOrders"))
    except (msgspec.DecodeError, RecursionError):
        raise malformed("batchOrders") from None
    if not 1 <= len(raws) <= BATCH_MAX:
        raise no(-4082)
    found = []
    for raw in raws:
        try:
            found.append(Named(read_json_params(bytes(raw))))
        except Refused:
            found.append(Named(Params({})))
    return found


def _chosen(params: Named) -> list[tuple[int | None, str]]:
    """The orders that a batch of cancels names."""
    try:
        if params.has("orderIdList"):
            chosen: list[tuple[int | None, str]] = [
                (n, "") for n in _numbers.decode(params.need("orderIdList"))
            ]
        elif params.has("origClientOrderIdList"):
            chosen = [(None, name) for name in _names.decode(params.need("origClientOrderIdList"))]
        else:
            raise unsent("orderIdList", "origClientOrderIdList")
    except (msgspec.DecodeError, RecursionError):
        raise malformed("orderIdList") from None
    if len(chosen) > CANCEL_BATCH_MAX:
        raise no(-4032)
    return chosen
