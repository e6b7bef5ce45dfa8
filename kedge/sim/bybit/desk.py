"""The order desk: place, amend, cancel, one by one or many, and everything that follows before it is said.

    row = desk.create(account, "linear", params, now_ns)      raises `Refused`
    desk.settle(now_ns)                                        rows, triggers, and all of it on disk

A deed is taken and done in one step; what became of it is told later (`news`). Two faults put time between
the two: `late_match` (acknowledged, and at the matching engine only later) and `reject_after_ack`.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from kedge.model.numbers import ZERO
from kedge.model.venue import PlaceOrder
from kedge.sim.bybit import codes, entry
from kedge.sim.bybit.codes import No
from kedge.sim.bybit.news import News
from kedge.sim.bybit.params import Params, Refused
from kedge.sim.bybit.rows import ON_ITS_WAY, OrderRow, Tables
from kedge.sim.bybit.stops import Stops
from kedge.sim.exchange import AmendOrder
from kedge.sim.testnet.faults import Fault, Faults

# Rounds of consequences in one settling: each fires at least one conditional, and there are not so many.
ROUNDS_MAX = 1_000
CANCEL_ALL_MAX = 500
COUNTER_ACCOUNT = "_race"
SAME = No(10001, "The order remains unchanged as the parameters entered match the existing ones.")


class Desk:
    def __init__(self, tables: Tables, news: News, faults: Faults) -> None:
        self.tables = tables
        self.news = news
        self._keeper = tables.keeper
        self._exchange = tables.keeper.exchange
        self._faults = faults
        self.stops = Stops(tables, news, self._exchange, self._enter)

    # ── place ───────────────────────────────────────────────────────────────────────────────────

    def create(self, account: str, category: str, params: Params, now_ns: int) -> OrderRow:
        row = entry.read_create(self.tables, self._exchange, account, category, params, now_ns)
        entry.name(self.tables, row)
        if row.trigger_price:
            row.status = "Untriggered"
            self._keep(row)
            return row
        fault = self._strikes("reject_after_ack", row)
        if fault is not None:
            self._reject(row, fault.value or "EC_Others", now_ns)
            return row
        late = self._strikes("late_match", row)
        if late is not None:
            row.due_ns = now_ns + late.delay_ns
            self.tables.put_order(row)
            return row
        no = self._enter(row, now_ns)
        if no is not None:
            raise Refused(no)
        return row

    def check(self, account: str, category: str, params: Params, now_ns: int) -> OrderRow:
        """Everything but the deed: what a dry run judges before the money."""
        return entry.read_create(self.tables, self._exchange, account, category, params, now_ns)

    def _enter(self, row: OrderRow, now_ns: int) -> No | None:
        """Hand the order to the matching engine; why it would not have it."""
        instrument = self.news.instrument(row.key)
        order = entry.plain(row, self._exchange, instrument)
        if order is None:
            row.status, row.reject_reason = "Cancelled", "EC_NoImmediateQtyToFill"
            self._keep(row)
            return None
        reply = self._exchange.place(row.account, order, now_ns)
        if not reply.ok:
            return codes.of_refusal(row.category, reply.code, reply.sentence)
        assert reply.order is not None
        if row.kind == "Market" and not row.price:
            row.price = entry.market_price(self._exchange, row, instrument)
        row.engine, row.engine_qty = reply.order.venue_id, reply.order.qty
        row.status = "New"
        self.tables.put_order(row)
        return None

    def _reject(self, row: OrderRow, reason: str, now_ns: int) -> None:
        row.status, row.reject_reason, row.updated_ns = "Rejected", reason, now_ns
        self._keep(row)

    def _keep(self, row: OrderRow) -> None:
        self.tables.put_order(row)
        self.news.tell_order(row)

    # ── amend ───────────────────────────────────────────────────────────────────────────────────

    def amend(self, account: str, category: str, params: Params, now_ns: int) -> OrderRow:
        row = self._find(account, category, params, "amend")
        price, qty = params.amount("price"), params.amount("qty")
        trigger = params.amount("triggerPrice")
        attached = self._amend_attached(row, params)
        if not (price or qty or trigger or attached):
            raise Refused(codes.bad("nothing to amend: qty, price, triggerPrice, takeProfit or stopLoss"))
        same = price in (ZERO, row.price) and qty in (ZERO, row.qty) and trigger in (ZERO, row.trigger_price)
        if same and not attached:
            raise Refused(SAME)
        if row.status == "Untriggered":
            self._amend_waiting(row, price, qty, trigger, params, now_ns)
        elif not same:
            self._amend_live(row, price, qty, trigger, now_ns)
        else:
            row.updated_ns = now_ns
            self._keep(row)
        return row

    def _amend_attached(self, row: OrderRow, params: Params) -> bool:
        """A take profit or stop loss that the order carries; "0" takes it away."""
        before = (row.take_profit, row.stop_loss)
        if row.cum_qty and (params.text("takeProfit") or params.text("stopLoss")):
            words = "Not allowed to  modify the TP/SL of a partially filled open order"
            raise Refused(No(110059, words))
        if params.text("takeProfit"):
            row.take_profit = params.amount("takeProfit")
            row.tp_by = row.tp_by or "LastPrice"
        if params.text("stopLoss"):
            row.stop_loss = params.amount("stopLoss")
            row.sl_by = row.sl_by or "LastPrice"
        return (row.take_profit, row.stop_loss) != before

    def _amend_waiting(
        self, row: OrderRow, price: Decimal, qty: Decimal, trigger: Decimal, params: Params, now_ns: int
    ) -> None:
        changed = replace(row, updated_ns=now_ns)
        changed.price = price or row.price
        changed.qty = qty or row.qty
        changed.trigger_price = trigger or row.trigger_price
        changed.trigger_by = params.text("triggerBy") or row.trigger_by
        entry.check_numbers(changed, self.news.instrument(row.key))
        if row.category != "spot" and trigger:
            entry.check_direction(changed, self._exchange)
        self._keep(changed)

    def _amend_live(self, row: OrderRow, price: Decimal, qty: Decimal, trigger: Decimal, now_ns: int) -> None:
        if trigger:
            raise Refused(codes.bad("a triggered order has no triggerPrice"))
        if row.kind == "Market":
            raise Refused(codes.gone(row.category, "", "amend"))
        change = AmendOrder("", price, qty, venue_id=row.engine)
        reply = self._exchange.amend(row.account, change, now_ns)
        if not reply.ok:
            raise Refused(codes.of_refusal(row.category, reply.code, reply.sentence))

    # ── cancel ──────────────────────────────────────────────────────────────────────────────────

    def cancel(self, account: str, category: str, params: Params, now_ns: int) -> OrderRow:
        row = self._find(account, category, params, "cancel")
        if category == "spot" and row.filter != (params.text("orderFilter", "Order") or "Order"):
            raise Refused(codes.gone(category, ""))
        if self._strikes("cancel_race", row) is not None:
            self._race(row, now_ns)
            self.follow(now_ns)
        self.end(row, "cancelled", now_ns)
        return row

    def end(self, row: OrderRow, why: str, now_ns: int) -> None:
        """End an open order, by the client's wish or another's."""
        if row.status == "Untriggered":
            self.stops.drop(row, why, now_ns)
            return
        if why != "cancelled":
            self.news.reasons[row.engine] = why
        reply = self._exchange.cancel(row.account, "", now_ns, venue_id=row.engine)
        if not reply.ok:
            self.news.reasons.pop(row.engine, None)
            self._too_late(row, now_ns)

    def _race(self, row: OrderRow, now_ns: int) -> None:
        """Somebody fills the order while its cancel is on the way."""
        if row.status == "Untriggered":
            return
        exchange = self._exchange
        exchange.open_account(COUNTER_ACCOUNT, house=True)
        left = row.qty - row.cum_qty
        side = "sell" if row.side == "Buy" else "buy"
        for level in self._before(row):
            exchange.cancel(level[0], "", now_ns, venue_id=level[1])
        order = PlaceOrder("", row.key, side, left, row.price, tif="ioc")  # type: ignore[arg-type]
        exchange.place(COUNTER_ACCOUNT, order, now_ns)

    def _before(self, row: OrderRow) -> list[tuple[str, str]]:
        """House orders at better or equal prices on the same side, which would be met first."""
        exchange = self._exchange
        found = []
        better = max if row.side == "Buy" else min
        side = "buy" if row.side == "Buy" else "sell"
        clients = self._keeper.own.clients
        for account in exchange.accounts():
            if account in clients:
                continue
            for order in exchange.open_orders(account, row.key):
                if order.side == side and better(order.price, row.price) == order.price:
                    found.append((account, order.venue_id))
        return found

    def _too_late(self, row: OrderRow, now_ns: int) -> None:
        """The cancel was acknowledged and the order is done: a second last word says so."""
        said = replace(row, updated_ns=now_ns)
        said.cancel_type, said.reject_reason = "CancelByUser", "EC_OrigClOrdIDDoesNotExist"
        self.news.tell_order(said)

    def cancel_all(self, account: str, category: str, params: Params, now_ns: int) -> list[OrderRow]:
        symbol, base = params.text("symbol"), params.text("baseCoin")
        settle, chosen = params.text("settleCoin"), params.text("orderFilter")
        if category == "spot":
            chosen = chosen or "Order"
            if chosen not in ("Order", "tpslOrder", "StopOrder", "OcoOrder", "BidirectionalTpslOrder"):
                raise Refused(No(170201, "Invalid orderFilter parameter"))
        elif not (symbol or base or settle):
            raise Refused(codes.bad("symbol, baseCoin or settleCoin is required"))
        if symbol:
            entry.instrument_of(self._exchange, category, symbol)
        found = []
        for row in self.tables.open_of(account):
            instrument = self.news.instrument(row.key)
            meant = row.symbol == symbol if symbol else instrument.base == base if base else True
            if settle and not (symbol or base):
                meant = instrument.settle == settle
            if row.category == category and meant and _filtered(row, chosen):
                found.append(row)
        found = found[:CANCEL_ALL_MAX]
        for row in found:
            self.end(row, "cancelled", now_ns)
        return found

    def dead_man(self, account: str, product: str, now_ns: int) -> int:
        """The switch of one product fires; how many orders that ended."""
        spot = product == "SPOT"
        rows = [row for row in self.tables.open_of(account) if (row.category == "spot") == spot]
        for row in rows:
            self.end(row, "dead_man", now_ns)
        return len(rows)

    # ── what follows ────────────────────────────────────────────────────────────────────────────

    def arrive(self, now_ns: int) -> None:
        """Orders that were acknowledged earlier reach the matching engine."""
        for row in self.tables.on_way():
            if row.due_ns > now_ns:
                continue
            no = self._enter(row, now_ns)
            if no is not None:
                self._reject(row, "EC_Others", now_ns)

    def follow(self, now_ns: int) -> None:
        """Turn what has happened into rows, and what follows from it, until nothing does."""
        for _ in range(ROUNDS_MAX):
            moved, noticed = self.news.take(self._exchange.take())
            if noticed:
                self._keeper.touch()
            if not self.stops.follow(moved, now_ns):
                break

    def settle(self, now_ns: int) -> None:
        """The same, and all of it is on disk when this returns."""
        self.follow(now_ns)
        self._keeper.settle()

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _find(self, account: str, category: str, params: Params, deed: str) -> OrderRow:
        """The open order that is meant. Raises `Refused`."""
        symbol = params.need("symbol")
        entry.instrument_of(self._exchange, category, symbol)
        order_id, link = params.text("orderId"), params.text("orderLinkId")
        if not order_id and not link:
            raise Refused(codes.bad("OrderId or orderLinkId is required"))
        row = self.tables.find(account, order_id, link)
        if row is None or row.category != category or row.symbol != symbol:
            raise Refused(codes.gone(category, "", deed))
        if row.status == ON_ITS_WAY:
            raise Refused(codes.PROCESSING)
        if not row.open:
            raise Refused(codes.gone(category, row.status, deed))
        return row

    def _strikes(self, name: str, row: OrderRow) -> Fault | None:
        return self._faults.strikes(name, account=row.account, symbol=row.symbol, client_id=row.link)


def _filtered(row: OrderRow, chosen: str) -> bool:
    if not chosen:
        return True
    if chosen == "OpenOrder":
        return row.status != "Untriggered"
    return row.filter == chosen
