"""What an account asks of its past: orders, conditionals, fills, income; within what the venue still keeps.

Orders that ended without a fill vanish after three days, everything after ninety. While lookups lag, what
is younger is not there yet.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from kedge.sim.binance.usdm.algos import Conditionals
from kedge.sim.binance.usdm.ask import Ask, limit_in, page, span_in
from kedge.sim.binance.usdm.bodies import Body, algo_body, fill_body, income_body, order_body
from kedge.sim.binance.usdm.codes import no
from kedge.sim.binance.usdm.entry import Entry
from kedge.sim.binance.usdm.facts import (
    DAY_NS,
    FRUITLESS_NS,
    AlgoFact,
    FillFact,
    Memory,
    OrderFact,
    findable,
    findable_algo,
)
from kedge.sim.binance.usdm.listings import Listings
from kedge.sim.binance.usdm.weather import Weather
from kedge.sim.binance.usdm.wishes import contract_in, either_id, integer_in

INCOME_DAYS = 90
FILL_DAYS = 183
# How client ids of forced orders begin, by what is asked for.
FORCED: dict[str, tuple[str, ...]] = {
    "": ("autoclose-", "adl_autoclose"),
    "LIQUIDATION": ("autoclose-",),
    "ADL": ("adl_autoclose",),
}


class Sight(Struct, frozen=True):
    """What can be seen: nothing younger than this, nothing fruitless longer than that."""

    seen_ns: int
    now_ns: int
    fruitless_ns: int

    def order(self, order: OrderFact) -> bool:
        return order.created_ns <= self.seen_ns and findable(order, self.now_ns, self.fruitless_ns)

    def algo(self, algo: AlgoFact) -> bool:
        return algo.created_ns <= self.seen_ns and findable_algo(algo, self.now_ns, self.fruitless_ns)


class Questions:
    def __init__(
        self, memory: Memory, listings: Listings, entry: Entry, algos: Conditionals, weather: Weather
    ) -> None:
        self._memory = memory
        self._listings = listings
        self._entry = entry
        self._algos = algos
        self._weather = weather

    def _sight(self, ask: Ask, symbol: str) -> Sight:
        path = "/ws-fapi" if ask.socket else "/fapi"
        lag_ns = self._weather.lag_ns(ask.account, symbol, path)
        fruitless_ns = self._weather.fruitless_ns(FRUITLESS_NS, path)
        return Sight(ask.now_ns - lag_ns, ask.now_ns, fruitless_ns)

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def order(self, ask: Ask) -> Body:
        return self._shown(self._one(ask))

    def open_order(self, ask: Ask) -> Body:
        order = self._one(ask)
        if not order.open:
            raise no(-2013)
        return self._shown(order)

    def _one(self, ask: Ask) -> OrderFact:
        contract = contract_in(ask.params, self._listings)
        number, client_id = either_id(ask.params, "orderId", "origClientOrderId")
        order = self._entry.find(ask.account, contract.symbol, number, client_id, ask.now_ns)
        if not self._sight(ask, contract.symbol).order(order):
            raise no(-2013)
        return order

    def open_orders(self, ask: Ask) -> list[Body]:
        symbol = self._symbol(ask)
        sight = self._sight(ask, symbol)
        return [self._shown(o) for o in self._entry.open_orders(ask.account, symbol) if sight.order(o)]

    def all_orders(self, ask: Ask) -> list[Body]:
        contract = contract_in(ask.params, self._listings)
        since, span = integer_in(ask.params, "orderId"), span_in(ask.params, ask.now_ns)
        limit, sight = limit_in(ask.params, 500, 1000), self._sight(ask, contract.symbol)
        orders = self._memory.books(ask.account).orders.values()
        found = [o for o in orders if o.symbol == contract.symbol and sight.order(o)]
        if since is not None:
            found = [o for o in found if o.id >= since]
        else:
            found = [o for o in found if span.start_ns <= o.created_ns <= span.end_ns]
        return [self._shown(o) for o in page(found, limit, first=span.first or since is not None)]

    def forced_orders(self, ask: Ask) -> list[Body]:
        symbol, kind = self._symbol(ask), ask.params.text("autoCloseType")
        span, limit = span_in(ask.params, ask.now_ns), limit_in(ask.params, 50, 100)
        begins = {
            "": ("autoclose-", "adl_autoclose"),
            "LIQUIDATION": ("autoclose-",),
            "ADL": ("adl_autoclose",),
        }
        wanted = begins.get(kind, begins[""])
        found = [
            order
            for order in self._memory.books(ask.account).orders.values()
            if order.client_id.startswith(wanted)
            and symbol in ("", order.symbol)
            and span.start_ns <= order.created_ns <= span.end_ns
        ]
        return [self._shown(order) for order in page(found, limit, first=span.first)]

    def _shown(self, order: OrderFact) -> Body:
        return order_body(self._listings, order, asked=True)

    # ── conditionals ────────────────────────────────────────────────────────────────────────────

    def algo(self, ask: Ask) -> Body:
        number, client_id = either_id(ask.params, "algoId", "clientAlgoId")
        algo = self._algos.find(ask.account, number, client_id, ask.now_ns)
        if not self._sight(ask, algo.symbol).algo(algo):
            raise no(-2013)
        return self._algo_shown(algo)

    def open_algos(self, ask: Ask) -> list[Body]:
        symbol, number = self._symbol(ask), integer_in(ask.params, "algoId")
        sight = self._sight(ask, symbol)
        found = [algo for algo in self._algos.open_algos(ask.account, symbol) if sight.algo(algo)]
        return [self._algo_shown(algo) for algo in found if number in (None, algo.id)]

    def all_algos(self, ask: Ask) -> list[Body]:
        contract = contract_in(ask.params, self._listings)
        since, span = integer_in(ask.params, "algoId"), span_in(ask.params, ask.now_ns)
        limit, sight = limit_in(ask.params, 500, 1000), self._sight(ask, contract.symbol)
        algos = self._memory.books(ask.account).algos.values()
        found = [a for a in algos if a.symbol == contract.symbol and sight.algo(a)]
        if since is not None:
            found = [a for a in found if a.id >= since]
        else:
            found = [a for a in found if span.start_ns <= a.created_ns <= span.end_ns]
        return [self._algo_shown(a) for a in page(found, limit, first=span.first or since is not None)]

    def _algo_shown(self, algo: AlgoFact) -> Body:
        orders = self._memory.books(algo.account).orders
        return algo_body(self._listings, algo, orders.get(algo.order_id), asked=True)

    # ── fills and income ────────────────────────────────────────────────────────────────────────

    def fills(self, ask: Ask) -> list[Body]:
        """By time within a week; or by id from `fromId` on, as far back as fills are kept."""
        params = ask.params
        contract = contract_in(params, self._listings)
        since, number = integer_in(params, "fromId"), integer_in(params, "orderId")
        if since is not None and (params.has("startTime") or params.has("endTime")):
            raise no(-1128)
        limit, span = limit_in(params, 500, 1000), span_in(params, ask.now_ns)
        seen_ns = self._sight(ask, contract.symbol).seen_ns
        rows: Iterable[FillFact] = self._memory.books(ask.account).fills.get(contract.symbol, ())
        oldest_ns = ask.now_ns - FILL_DAYS * DAY_NS
        found = [fill for fill in rows if oldest_ns <= fill.time_ns <= seen_ns]
        if number is not None:
            found = [fill for fill in found if fill.order_id == number]
        if since is not None:
            found = [fill for fill in found if fill.id >= since]
        elif number is None or span.first:
            found = [fill for fill in found if span.start_ns <= fill.time_ns <= span.end_ns]
        chosen = page(found, limit, first=since is not None or span.first)
        return [fill_body(self._listings, fill) for fill in chosen]

    def income(self, ask: Ask) -> list[Body]:
        params = ask.params
        symbol, kind = self._symbol(ask), params.text("incomeType")
        span, limit = span_in(params, ask.now_ns, INCOME_DAYS * DAY_NS), limit_in(params, 100, 1000)
        if not span.first and not params.has("endTime"):
            span = span_in(params, ask.now_ns)
        number = integer_in(params, "page") or 1
        found = [
            row
            for row in self._memory.books(ask.account).income
            if symbol in ("", row.symbol)
            and kind in ("", row.kind)
            and span.start_ns <= row.time_ns <= span.end_ns
        ]
        if params.has("page"):
            found = found[(max(number, 1) - 1) * limit :]
        return [income_body(row) for row in page(found, limit, first=span.first or params.has("page"))]

    def _symbol(self, ask: Ask) -> str:
        return contract_in(ask.params, self._listings).symbol if ask.params.has("symbol") else ""
