"""OperationsService: positions, portfolio, and operations as a report.

Operations come late (`operations_lag`), their ids change while an order is open, and trades may have other
numbers there (`operation_ids`): nobody should build on them what he can learn from orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import HUNDRED, ONE, ZERO, divide
from kedge.model.order import sign
from kedge.model.venue import Cash
from kedge.protos.tinvest import operations_pb2 as pb
from kedge.sim.testnet.faults import Faults
from kedge.sim.tinvest.access import Asked, account_of
from kedge.sim.tinvest.board import NOMINAL, Paper
from kedge.sim.tinvest.cards import TYPES, WORDS
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.desk import average
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.instruments import since
from kedge.sim.tinvest.purse import Holding, Purse
from kedge.sim.tinvest.rows import OrderRow, Tables
from kedge.sim.tinvest.shapes import money, nanoseconds, quotation, stamp

LIMIT_MAX, LIMIT_USUAL = 1000, 100
EXECUTED, PROGRESS = pb.OPERATION_STATE_EXECUTED, pb.OPERATION_STATE_PROGRESS


class Entry(Struct, frozen=True):
    """One operation before it is written."""

    at_ns: int
    item: pb.OperationItem

    @property
    def place(self) -> str:
        """Where it stands in the list; what cursors hold."""
        return f"{self.at_ns:020d}{self.item.id}"


class Operations:
    def __init__(self, house: TinvestHouse, tables: Tables, purse: Purse, faults: Faults) -> None:
        self._house = house
        self._tables = tables
        self._purse = purse
        self._faults = faults

    # ── positions ───────────────────────────────────────────────────────────────────────────────

    def positions(self, asked: Asked, request: pb.PositionsRequest) -> pb.PositionsResponse:
        account = account_of(self._house, asked, request.account_id)
        loading = self._faults.strikes("limits_loading", account=account) is not None
        return self.positions_of(account, loading)

    def positions_of(self, account: str, loading: bool = False) -> pb.PositionsResponse:
        blocked = self._purse.blocked(account)
        reply = pb.PositionsResponse(
            money=[money(self._purse.money(account) - blocked)],
            blocked=[money(blocked)] if blocked else [],
            limits_loading_in_progress=loading,
            account_id=self._house.own.ids[account],
        )
        for one in self._purse.holdings(account):
            if one.paper.kind == "currency":
                reply.money.append(money(one.free, one.paper.what))
                if one.blocked:
                    reply.blocked.append(money(one.blocked, one.paper.what))
            elif one.paper.kind == "future":
                reply.futures.append(self._future(one))
            else:
                reply.securities.append(self._security(one))
        return reply

    def data_of(self, account: str, symbols: list[str]) -> pb.PositionData:
        """What changed, for the stream; a paper that is gone is told with zero."""
        blocked = self._purse.blocked(account)
        available = self._purse.money(account) - blocked
        data = pb.PositionData(
            account_id=self._house.own.ids[account],
            money=[pb.PositionsMoney(available_value=money(available), blocked_value=money(blocked))],
            date=stamp(self._house.now_ns()),
        )
        known = {one.paper.symbol: one for one in self._purse.holdings(account)}
        for symbol in symbols:
            paper = self._house.paper(symbol)
            one = known.get(symbol) or Holding(paper, ZERO, ZERO, ZERO, ZERO)
            if paper.kind == "future":
                data.futures.append(self._future(one))
            elif paper.kind == "currency":
                free, held = money(one.free, paper.what), money(one.blocked, paper.what)
                data.money.append(pb.PositionsMoney(available_value=free, blocked_value=held))
            else:
                data.securities.append(self._security(one))
        return data

    def _future(self, one: Holding) -> pb.PositionsFutures:
        paper = one.paper
        return pb.PositionsFutures(
            figi=paper.figi,
            blocked=int(one.blocked),
            balance=int(one.free),
            position_uid=paper.position_uid,
            instrument_uid=paper.uid,
            ticker=paper.ticker,
            class_code=paper.class_code,
        )

    def _security(self, one: Holding) -> pb.PositionsSecurities:
        paper = one.paper
        return pb.PositionsSecurities(
            figi=paper.figi,
            blocked=int(one.blocked),
            balance=int(one.free),
            position_uid=paper.position_uid,
            instrument_uid=paper.uid,
            ticker=paper.ticker,
            class_code=paper.class_code,
            instrument_type=WORDS[paper.kind],
        )

    def withdrawable(self, asked: Asked, request: pb.WithdrawLimitsRequest) -> pb.WithdrawLimitsResponse:
        account = account_of(self._house, asked, request.account_id)
        blocked = self._purse.blocked(account)
        return pb.WithdrawLimitsResponse(
            money=[money(max(min(self._purse.usable(account), self._purse.money(account) - blocked), ZERO))],
            blocked=[money(blocked)],
            blocked_guarantee=[money(self._purse.margin(account).starting)],
        )

    # ── portfolio ───────────────────────────────────────────────────────────────────────────────

    def portfolio(self, asked: Asked, request: pb.PortfolioRequest) -> pb.PortfolioResponse:
        return self.portfolio_of(account_of(self._house, asked, request.account_id))

    def portfolio_of(self, account: str) -> pb.PortfolioResponse:
        sums = {
            "share": ZERO,
            "bond": ZERO,
            "etf": ZERO,
            "currency": self._purse.money(account),
            "future": ZERO,
        }
        rows = [self._rouble(account)]
        for one in self._purse.holdings(account):
            value = self._house.exchange.instrument(one.paper.symbol).value(one.qty, one.mark)
            if one.paper.owned:
                sums[one.paper.kind] += value
            rows.append(self._position(account, one))
        total = sum(sums.values(), ZERO)
        return pb.PortfolioResponse(
            total_amount_shares=money(sums["share"]),
            total_amount_bonds=money(sums["bond"]),
            total_amount_etf=money(sums["etf"]),
            total_amount_currencies=money(sums["currency"]),
            total_amount_futures=money(sums["future"]),
            total_amount_options=money(ZERO),
            total_amount_sp=money(ZERO),
            total_amount_portfolio=money(total),
            positions=rows,
            account_id=self._house.own.ids[account],
        )

    def _rouble(self, account: str) -> pb.PortfolioPosition:
        return pb.PortfolioPosition(
            figi="RUB000UTSTOM",
            instrument_type="currency",
            quantity=quotation(self._purse.money(account)),
            average_position_price=money(ONE),
            current_price=money(ONE),
            ticker="RUB000UTSTOM",
            class_code="CETS",
        )

    def _position(self, account: str, one: Holding) -> pb.PortfolioPosition:
        paper = one.paper
        instrument = self._house.exchange.instrument(paper.symbol)
        gained = instrument.value(one.qty, one.mark) - self._house.exchange.entered(account, paper.symbol)
        entry, mark = money(one.entry, paper.currency), money(one.mark, paper.currency)
        row = pb.PortfolioPosition(
            figi=paper.figi,
            instrument_type=WORDS[paper.kind],
            quantity=quotation(one.qty),
            average_position_price=entry,
            expected_yield=quotation(gained),
            current_price=mark,
            average_position_price_fifo=entry,
            quantity_lots=quotation(divide(one.qty, Decimal(paper.lot))),
            blocked=bool(one.blocked),
            blocked_lots=quotation(divide(one.blocked, Decimal(paper.lot))),
            position_uid=paper.position_uid,
            instrument_uid=paper.uid,
            expected_yield_fifo=quotation(gained),
            ticker=paper.ticker,
            class_code=paper.class_code,
        )
        if paper.kind == "bond":
            row.current_nkd.CopyFrom(money(paper.accrued(self._house.now_ns())))
        if paper.kind == "future":
            row.var_margin.CopyFrom(money(gained))
        return row

    # ── operations ──────────────────────────────────────────────────────────────────────────────

    def by_cursor(
        self, asked: Asked, request: pb.GetOperationsByCursorRequest
    ) -> pb.GetOperationsByCursorResponse:
        """The newest first."""
        account = account_of(self._house, asked, request.account_id)
        limit = request.limit if request.HasField("limit") else LIMIT_USUAL
        if not 0 < limit <= LIMIT_MAX:
            raise Refused(30069)
        entries = [one for one in self._entries(account, asked.now_ns) if self._wanted(one, request)]
        entries.sort(key=lambda one: one.place, reverse=True)
        if request.cursor:
            entries = [one for one in entries if one.place < request.cursor]
        page = entries[:limit]
        more = len(entries) > limit
        reply = pb.GetOperationsByCursorResponse(has_next=more, next_cursor=page[-1].place if more else "")
        for one in page:
            one.item.cursor = one.place
            reply.items.append(one.item)
        return reply

    def operations(self, asked: Asked, request: pb.OperationsRequest) -> pb.OperationsResponse:
        """The older way to ask: all of them, the newest first."""
        account = account_of(self._house, asked, request.account_id)
        start_ns, end_ns = nanoseconds(since(request)), nanoseconds(request.to) or asked.now_ns
        rows = []
        for one in sorted(self._entries(account, asked.now_ns), key=lambda one: one.place, reverse=True):
            item = one.item
            if not start_ns <= one.at_ns <= end_ns or request.state not in (0, item.state):
                continue
            if request.figi and request.figi != item.figi:
                continue
            rows.append(_older(item))
        return pb.OperationsResponse(operations=rows)

    def _wanted(self, one: Entry, request: pb.GetOperationsByCursorRequest) -> bool:
        item = one.item
        start_ns = nanoseconds(since(request))
        end_ns = nanoseconds(request.to) or one.at_ns
        return (
            start_ns <= one.at_ns <= end_ns
            and request.instrument_id in ("", item.instrument_uid, item.figi)
            and (not request.operation_types or item.type in request.operation_types)
            and request.state in (0, item.state)
            and not (request.without_commissions and item.type == pb.OPERATION_TYPE_BROKER_FEE)
        )

    def _entries(self, account: str, now_ns: int) -> list[Entry]:
        lag = self._faults.strikes("operations_lag", account=account)
        until_ns = now_ns - (lag.delay_ns if lag else 0)
        other = self._faults.strikes("operation_ids", account=account) is not None
        return [one for one in self._all(account, other) if one.at_ns <= until_ns]

    def _all(self, account: str, other: bool) -> Iterator[Entry]:
        for row in self._tables.orders.values():
            if row.account == account and row.done:
                yield self._trade(row, other)
                if row.commission:
                    yield self._fee(row)
        cursor = ""
        while True:
            page = self._house.exchange.cash(account, cursor, 1000)
            for cash in page.items:
                if cash.kind == "transfer":
                    yield self._transfer(account, cash)
            if not page.more:
                return
            cursor = page.cursor

    def _trade(self, row: OrderRow, other: bool) -> Entry:
        """An order's executions, as one operation."""
        paper = self._house.paper(row.symbol)
        paid = ZERO if paper.kind == "future" else -sign(row.side) * (row.worth + row.accrued)
        buys = row.side == "buy"
        # Money for bonds, points for futures.
        one = NOMINAL / HUNDRED if paper.kind == "bond" else ONE
        item = self._item(row.account, _operation_id(row, other), paper)
        item.name = "Покупка ценных бумаг" if buys else "Продажа ценных бумаг"
        item.description = f"{item.name}: {paper.name}"
        item.type = pb.OPERATION_TYPE_BUY if buys else pb.OPERATION_TYPE_SELL
        item.state = PROGRESS if row.open else EXECUTED
        item.date.CopyFrom(stamp(row.trades[0].at_ns))
        item.payment.CopyFrom(money(paid, paper.currency))
        item.price.CopyFrom(money(average(row) * one, paper.currency))
        item.commission.CopyFrom(money(-row.commission, paper.currency))
        item.accrued_int.CopyFrom(money(row.accrued, paper.currency))
        item.quantity = row.lots * paper.lot
        item.quantity_done = row.done * paper.lot
        item.quantity_rest = (row.lots - row.done) * paper.lot
        for trade in row.trades:
            told = item.trades_info.trades.add(num=f"9{trade.id}" if other else trade.id)
            told.date.CopyFrom(stamp(trade.at_ns))
            told.quantity = trade.lots * paper.lot
            told.price.CopyFrom(money(trade.price * one, paper.currency))
        return Entry(row.trades[0].at_ns, item)

    def _fee(self, row: OrderRow) -> Entry:
        paper = self._house.paper(row.symbol)
        item = self._item(row.account, f"{row.id}-fee", paper)
        item.parent_operation_id = _operation_id(row, False)
        item.name = item.description = "Удержание комиссии за операцию"
        item.type = pb.OPERATION_TYPE_BROKER_FEE
        item.state = EXECUTED
        item.date.CopyFrom(stamp(row.trades[-1].at_ns))
        item.payment.CopyFrom(money(-row.commission, paper.currency))
        return Entry(row.trades[-1].at_ns, item)

    def _transfer(self, account: str, cash: Cash) -> Entry:
        comes = cash.amount > 0
        item = self._item(account, f"cash-{cash.cash_id}", None)
        item.name = item.description = "Пополнение счёта" if comes else "Вывод средств"
        item.type = pb.OPERATION_TYPE_INPUT if comes else pb.OPERATION_TYPE_OUTPUT
        item.state = EXECUTED
        item.date.CopyFrom(stamp(cash.venue_ns))
        item.payment.CopyFrom(money(cash.amount, cash.asset))
        return Entry(cash.venue_ns, item)

    def _item(self, account: str, number: str, paper: Paper | None) -> pb.OperationItem:
        item = pb.OperationItem(broker_account_id=self._house.own.ids[account], id=number)
        if paper is not None:
            item.instrument_uid, item.figi = paper.uid, paper.figi
            item.instrument_type, item.instrument_kind = WORDS[paper.kind], TYPES[paper.kind]
            item.position_uid, item.asset_uid = paper.position_uid, paper.asset_uid
            item.ticker, item.class_code = paper.ticker, paper.class_code
        return item


def _operation_id(row: OrderRow, other: bool) -> str:
    """Another one after each fill, until the order is finished."""
    return f"{row.id}-{row.done}" if row.open or other else row.id


def _older(item: pb.OperationItem) -> pb.Operation:
    return pb.Operation(
        id=item.id,
        parent_operation_id=item.parent_operation_id,
        currency=item.payment.currency,
        payment=item.payment,
        price=item.price,
        state=item.state,
        quantity=item.quantity,
        quantity_rest=item.quantity_rest,
        figi=item.figi,
        instrument_type=item.instrument_type,
        date=item.date,
        type=item.description,
        operation_type=item.type,
        position_uid=item.position_uid,
        instrument_uid=item.instrument_uid,
        asset_uid=item.asset_uid,
        trades=[
            pb.OperationTrade(trade_id=one.num, date_time=one.date, quantity=one.quantity, price=one.price)
            for one in item.trades_info.trades
        ],
    )
