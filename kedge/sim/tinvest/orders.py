"""OrdersService: each method judges its request, does its deed, and tells how the order stands.

The same key for the same account is the same order: what was placed under it is shown again (or, by the
switch `duplicates`, refused with 30057). A request that was refused has used no key up.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ZERO, divide
from kedge.model.order import Side, opposite, sign
from kedge.model.venue import PlaceOrder
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.sim.testnet.faults import Faults
from kedge.sim.tinvest.access import Asked, account_of, may_trade, paper_of
from kedge.sim.tinvest.board import Paper
from kedge.sim.tinvest.calendar import day_of, midnight_ns
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.desk import Desk, is_uuid
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.instruments import since
from kedge.sim.tinvest.judge import ALL, BEST, DAY, KILL, LIMIT, MARKET, Judge, Want
from kedge.sim.tinvest.purse import COMMISSION, Purse
from kedge.sim.tinvest.rows import CANCELLED, OPEN, OrderRow, Tables
from kedge.sim.tinvest.shapes import money, nanoseconds, number, quotation, stamp
from kedge.sim.tinvest.views import CURRENCY, POINT, Views

KEY_MAX = 36
RACER = "_racer"
# Finished orders are found for so long.
KEPT_NS = 24 * 3600 * 10**9
SIDES: dict[int, Side] = {1: "buy", 2: "sell"}


class Parts(Struct, frozen=True):
    house: TinvestHouse
    tables: Tables
    desk: Desk
    judge: Judge
    purse: Purse
    views: Views
    faults: Faults
    # Has everything that was done learnt, and on disk.
    settle: Callable[[], None]


class Orders:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._house = parts.house
        self._tables = parts.tables
        self._desk = parts.desk

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    def post(self, asked: Asked, request: pb.PostOrderRequest) -> pb.PostOrderResponse:
        account = may_trade(self._house, asked, request.account_id)
        if not request.order_id:
            raise Refused(30027)
        if len(request.order_id) > KEY_MAX:
            raise Refused(30055)
        known = self._known(account, request.order_id)
        if known is not None:
            return self._posted(known)
        paper = paper_of(self._house, request.instrument_id, request.figi)
        want = self._want(paper, request)
        row = self._desk.place(account, want, request.order_id)
        self._parts.settle()
        killed = row.status == CANCELLED and not row.done and row.tif in (KILL, ALL)
        if killed and self._parts.faults.strikes("kill_refuses", account=account, symbol=paper.symbol):
            raise Refused(30095)
        return self._posted(row)

    def post_async(self, asked: Asked, request: pb.PostOrderAsyncRequest) -> pb.PostOrderAsyncResponse:
        """Taken by the broker: whether the exchange takes it is told by the stream."""
        account = may_trade(self._house, asked, request.account_id)
        if not is_uuid(request.order_id):
            raise Refused(30221)
        row = self._known(account, request.order_id)
        if row is None:
            paper = paper_of(self._house, request.instrument_id)
            fault = self._parts.faults.strikes("late_match", account=account, symbol=paper.symbol)
            want = self._want(paper, request)
            row = self._desk.take(account, want, request.order_id, fault.delay_ns if fault else 0)
            self._parts.settle()
        return pb.PostOrderAsyncResponse(
            order_request_id=request.order_id,
            execution_report_status=row.status,  # type: ignore[arg-type]
            trade_intent_id=row.internal,
        )

    def cancel(self, asked: Asked, request: pb.CancelOrderRequest) -> pb.CancelOrderResponse:
        account = may_trade(self._house, asked, request.account_id)
        row = self._find(account, request.order_id, request.order_id_type, lagging=False)
        if not row.open:
            raise Refused(30059, f"order {row.id} is not active")
        if self._parts.faults.strikes("cancel_race", account=account, symbol=row.symbol):
            self._fill_by_hand(row)
        else:
            self._desk.cancel(row)
        self._parts.settle()
        reply = pb.CancelOrderResponse(time=stamp(asked.now_ns))
        reply.response_metadata.server_time.CopyFrom(stamp(asked.now_ns))
        return reply

    def replace(self, asked: Asked, request: pb.ReplaceOrderRequest) -> pb.PostOrderResponse:
        """Cancel, then place: the second may fail when the first is done."""
        account = may_trade(self._house, asked, request.account_id)
        if not request.idempotency_key:
            raise Refused(30029)
        if len(request.idempotency_key) > KEY_MAX:
            raise Refused(30030)
        known = self._known(account, request.idempotency_key)
        if known is not None:
            return self._posted(known)
        row = self._find(account, request.order_id, pb.ORDER_ID_TYPE_EXCHANGE, lagging=False)
        if not row.open:
            raise Refused(30059, f"order {row.id} is not active")
        paper = self._house.paper(row.symbol)
        price = (
            self._price(paper, request.price, request.price_type) if request.HasField("price") else row.price
        )
        want = Want(paper, row.side, request.quantity, price, row.kind, row.tif, request.confirm_margin_trade)
        self._parts.judge.shape(want)
        self._desk.cancel(row)
        self._parts.settle()
        fault = self._parts.faults.strikes("replace_fails", account=account, symbol=row.symbol)
        if fault is not None:
            raise Refused(int(fault.value) if fault.value.isdecimal() else 30096)
        fresh = self._desk.place(account, want, request.idempotency_key)
        self._parts.settle()
        return self._posted(fresh)

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def state(self, asked: Asked, request: pb.GetOrderStateRequest) -> pb.OrderState:
        account = account_of(self._house, asked, request.account_id)
        row = self._find(account, request.order_id, request.order_id_type, lagging=True)
        return self._parts.views.state(row, request.price_type)

    def active(self, asked: Asked, request: pb.GetOrdersRequest) -> pb.GetOrdersResponse:
        """Active orders; by the filters today's others, too."""
        account = account_of(self._house, asked, request.account_id)
        until_ns = self._seen_until(account)
        if not request.HasField("advanced_filters"):
            rows = self._tables.living()
        else:
            rows = self._filtered(request.advanced_filters, asked.now_ns)
        found = [row for row in rows if row.account == account and row.created_ns <= until_ns]
        return pb.GetOrdersResponse(orders=[self._parts.views.state(row) for row in found])

    def _filtered(self, filters: pb.GetOrdersRequest.GetOrdersRequestFilters, now_ns: int) -> list[OrderRow]:
        start_ns = max(nanoseconds(since(filters)), midnight_ns(day_of(now_ns)))
        end_ns = nanoseconds(filters.to) or now_ns
        wanted: list[int] = [*filters.execution_status] or [*OPEN]
        return [
            row
            for row in self._tables.orders.values()
            if start_ns <= row.created_ns <= end_ns and row.status in wanted
        ]

    def max_lots(self, asked: Asked, request: pb.GetMaxLotsRequest) -> pb.GetMaxLotsResponse:
        account = account_of(self._house, asked, request.account_id)
        paper = paper_of(self._house, request.instrument_id)
        purse = self._parts.purse
        price = number(request.price) if request.HasField("price") else self._mark(paper)
        one = self._house.exchange.instrument(paper.symbol).notional(Decimal(paper.lot), price)
        cash = max(purse.money(account) - purse.blocked(account), ZERO)
        usable = purse.usable(account)
        held = int(purse.spare(account, paper.symbol)) // paper.lot
        most = int(divide(usable / paper.margin_rate, one * (1 + COMMISSION))) if one else 0
        if not self._house.own.margin:
            most = 0
        plain = int(divide(cash, one * (1 + COMMISSION))) if one and paper.owned else most
        limits = pb.GetMaxLotsResponse.BuyLimitsView
        sells = pb.GetMaxLotsResponse.SellLimitsView
        return pb.GetMaxLotsResponse(
            currency=paper.currency,
            buy_limits=limits(
                buy_money_amount=quotation(cash), buy_max_lots=plain, buy_max_market_lots=plain
            ),
            buy_margin_limits=limits(
                buy_money_amount=quotation(usable), buy_max_lots=most, buy_max_market_lots=most
            ),
            sell_limits=sells(sell_max_lots=held if paper.owned else most),
            sell_margin_limits=sells(sell_max_lots=held + most if paper.shortable else held),
        )

    def order_price(self, asked: Asked, request: pb.GetOrderPriceRequest) -> pb.GetOrderPriceResponse:
        account_of(self._house, asked, request.account_id)
        paper = paper_of(self._house, request.instrument_id)
        units = Decimal(request.quantity * paper.lot)
        worth = self._house.exchange.instrument(paper.symbol).notional(units, number(request.price))
        fee = (worth * COMMISSION).quantize(Decimal("0.01"))
        interest = paper.accrued(asked.now_ns) * units
        reply = pb.GetOrderPriceResponse(
            total_order_amount=money(worth + fee + interest),
            initial_order_amount=money(worth),
            lots_requested=request.quantity,
            executed_commission=money(fee),
            executed_commission_rub=money(fee),
            service_commission=money(ZERO),
            deal_commission=money(fee),
        )
        if paper.kind == "bond":
            reply.extra_bond.aci_value.CopyFrom(money(interest))
        if paper.kind == "future":
            reply.extra_future.initial_margin.CopyFrom(money(worth * paper.margin_rate))
        return reply

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _posted(self, row: OrderRow) -> pb.PostOrderResponse:
        return self._parts.views.posted(row, "")

    def _known(self, account: str, key: str) -> OrderRow | None:
        """What was placed under this key. By the switch, a refusal instead."""
        used = self._tables.of_key(account, key)
        if used is None:
            return None
        row = self._tables.orders.get(used.order)
        if row is None or self._house.own.duplicates == "error":
            raise Refused(30057)
        return row

    def _find(self, account: str, order_id: str, id_type: int, *, lagging: bool) -> OrderRow:
        if not order_id:
            raise Refused(30027)
        row = None
        if id_type == pb.ORDER_ID_TYPE_REQUEST:
            used = self._tables.of_key(account, order_id) or self._tables.of_key(account, order_id.lower())
            row = self._tables.orders.get(used.order) if used else None
        else:
            row = self._tables.order_of(account, order_id)
        now_ns = self._house.now_ns()
        if row is None or (not row.open and row.done_ns < now_ns - KEPT_NS):
            raise Refused(50005)
        if lagging and row.created_ns > self._seen_until(account):
            raise Refused(50005)
        return row

    def _seen_until(self, account: str) -> int:
        lag = self._parts.faults.strikes("lookup_lag", account=account)
        return self._house.now_ns() - (lag.delay_ns if lag else 0)

    def _want(self, paper: Paper, request: pb.PostOrderRequest | pb.PostOrderAsyncRequest) -> Want:
        side = SIDES.get(request.direction)
        if side is None:
            raise Refused(30020)
        kind = request.order_type
        if kind not in (LIMIT, MARKET, BEST):
            raise Refused(30026)
        price = ZERO
        if kind == LIMIT:
            if not request.HasField("price"):
                raise Refused(30017)
            price = self._price(paper, request.price, request.price_type)
            if not price:
                raise Refused(30017)
        elif kind == BEST:
            price = self._best(paper, request.direction)
        tif = request.time_in_force or DAY
        if tif not in (DAY, KILL, ALL):
            raise Refused(30254)
        return Want(
            paper,
            side,
            request.quantity,
            price,
            kind,
            tif,
            request.confirm_margin_trade,
        )

    def _price(self, paper: Paper, price: object, price_type: int) -> Decimal:
        """In the instrument's own terms. Without a type a bond's is money and a future's is points."""
        value = number(price)  # type: ignore[arg-type]
        if price_type == CURRENCY or (paper.kind == "bond" and price_type != POINT):
            one = self._house.exchange.instrument(paper.symbol).notional(Decimal(1), Decimal(1))
            return divide(value, one)
        return value

    def _best(self, paper: Paper, direction: int) -> Decimal:
        """The best price of the other side now."""
        book = self._house.exchange.book(paper.symbol, 1)
        levels = book.asks if direction == 1 else book.bids
        return levels[0].price if levels else self._mark(paper)

    def _mark(self, paper: Paper) -> Decimal:
        return self._house.exchange.market(paper.symbol).mark

    def _fill_by_hand(self, row: OrderRow) -> None:
        """The order is filled while its cancel is on the way."""
        exchange = self._house.exchange
        book = exchange.book(row.symbol, 0)
        levels = book.bids if row.side == "buy" else book.asks
        # Whoever stands before it, at better prices or earlier, is filled with it.
        qty = sum((one.qty for one in levels if sign(row.side) * (one.price - row.price) >= 0), ZERO)
        exchange.open_account(RACER, house=True)
        order = PlaceOrder("", row.symbol, opposite(row.side), qty, row.price, tif="ioc")
        exchange.place(RACER, order, self._house.now_ns())
