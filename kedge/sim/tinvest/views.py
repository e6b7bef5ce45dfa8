"""Orders as the protocol writes them: in replies, in lists, in streams.

Which numbers are money and which are points is by the venue's own table: a reply to PostOrder is money
throughout; a state has the prices of bonds in percent and those of futures in money, unless a `price_type` is
asked for; streams have each instrument's own.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ONE, ZERO
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.sim.exchange import Exchange
from kedge.sim.tinvest.board import Paper
from kedge.sim.tinvest.desk import Said, average, direction
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.purse import COMMISSION
from kedge.sim.tinvest.rows import OrderRow, TradeRow
from kedge.sim.tinvest.shapes import money, quotation, stamp

POINT, CURRENCY = common.PRICE_TYPE_POINT, common.PRICE_TYPE_CURRENCY


class Views:
    def __init__(self, house: TinvestHouse) -> None:
        self._house = house

    def posted(self, row: OrderRow, tracking: str) -> pb.PostOrderResponse:
        paper = self._house.paper(row.symbol)
        currency = paper.currency
        interest = paper.accrued(row.created_ns)
        initial = self._worth(paper, row.lots, self._price(row)) + interest * row.lots * paper.lot
        reply = pb.PostOrderResponse(
            order_id=row.id,
            execution_report_status=row.status,  # type: ignore[arg-type]
            lots_requested=row.lots,
            lots_executed=row.done,
            initial_order_price=money(initial, currency),
            executed_order_price=money(self._cash(paper, average(row)), currency),
            total_order_amount=money(row.worth + row.commission + row.accrued or initial, currency),
            initial_commission=money(initial * COMMISSION, currency),
            executed_commission=money(row.commission, currency),
            aci_value=money(interest, currency),
            figi=paper.figi,
            direction=direction(row.side),  # type: ignore[arg-type]
            initial_security_price=money(self._cash(paper, self._price(row)), currency),
            order_type=row.kind,  # type: ignore[arg-type]
            message=row.message,
            instrument_uid=paper.uid,
            ticker=paper.ticker,
            class_code=paper.class_code,
            order_request_id=row.key,
        )
        if paper.kind == "future":
            reply.initial_order_price_pt.CopyFrom(quotation(self._price(row) * row.lots))
        reply.response_metadata.tracking_id = tracking
        reply.response_metadata.server_time.CopyFrom(stamp(self._house.now_ns()))
        return reply

    def state(self, row: OrderRow, price_type: int = 0) -> pb.OrderState:
        paper = self._house.paper(row.symbol)
        currency = paper.currency
        points = price_type == POINT or (paper.kind == "bond" and price_type != CURRENCY)

        def shown(price: Decimal) -> common.MoneyValue:
            return money(price if points else self._cash(paper, price), currency)

        initial = self._worth(paper, row.lots, self._price(row))
        return pb.OrderState(
            order_id=row.id,
            execution_report_status=row.status,  # type: ignore[arg-type]
            lots_requested=row.lots,
            lots_executed=row.done,
            initial_order_price=money(initial, currency),
            executed_order_price=money(row.worth + row.accrued, currency),
            total_order_amount=money(row.worth + row.commission + row.accrued, currency),
            average_position_price=shown(average(row)),
            initial_commission=money(initial * COMMISSION, currency),
            executed_commission=money(row.commission, currency),
            figi=paper.figi,
            direction=direction(row.side),  # type: ignore[arg-type]
            initial_security_price=shown(row.price),
            stages=[
                pb.OrderStage(
                    price=shown(trade.price),
                    quantity=trade.lots,
                    trade_id=trade.id,
                    execution_time=stamp(trade.at_ns),
                )
                for trade in row.trades
            ],
            service_commission=money(ZERO, currency),
            currency=currency,
            order_type=row.kind,  # type: ignore[arg-type]
            order_date=stamp(row.created_ns),
            instrument_uid=paper.uid,
            order_request_id=row.key,
            ticker=paper.ticker,
            class_code=paper.class_code,
        )

    def streamed(self, said: Said) -> pb.OrderStateStreamResponse:
        """One change of an order, as the stream of states tells it."""
        row = said.row
        assert row is not None
        paper = self._house.paper(row.symbol)
        state = pb.OrderStateStreamResponse.OrderState(
            order_id=said.order_id,
            order_request_id=row.request,
            client_code="",
            created_at=stamp(row.created_ns),
            execution_report_status=row.status,  # type: ignore[arg-type]
            ticker=paper.ticker,
            class_code=paper.class_code,
            lot_size=paper.lot,
            direction=direction(row.side),  # type: ignore[arg-type]
            time_in_force=row.tif or pb.TIME_IN_FORCE_DAY,  # type: ignore[arg-type]
            order_type=row.kind,  # type: ignore[arg-type]
            account_id=self._house.own.ids[row.account],
            initial_order_price=money(self._worth(paper, row.lots, self._price(row)), paper.currency),
            order_price=money(row.price, paper.currency),
            executed_order_price=money(average(row), paper.currency),
            currency=paper.currency,
            lots_requested=row.lots,
            lots_executed=row.done,
            lots_left=row.lots - row.done if row.open else 0,
            lots_cancelled=0 if row.open else row.lots - row.done,
            trades=[self._trade(paper, trade) for trade in said.trades],
            exchange=paper.schedule,
            instrument_uid=paper.uid,
        )
        if row.cause and not row.open:
            state.status_info = row.cause  # type: ignore[assignment]
        if row.marker:
            state.marker = row.marker  # type: ignore[assignment]
        if row.done_ns:
            state.completion_time.CopyFrom(stamp(row.done_ns))
        return pb.OrderStateStreamResponse(order_state=state)

    def traded(self, said: Said) -> pb.TradesStreamResponse:
        row = said.row
        assert row is not None
        paper = self._house.paper(row.symbol)
        return pb.TradesStreamResponse(
            order_trades=pb.OrderTrades(
                order_id=row.id,
                created_at=stamp(row.changed_ns),
                direction=direction(row.side),  # type: ignore[arg-type]
                figi=paper.figi,
                trades=[self._trade(paper, trade) for trade in said.trades],
                account_id=self._house.own.ids[row.account],
                instrument_uid=paper.uid,
            )
        )

    def _trade(self, paper: Paper, trade: TradeRow) -> pb.OrderTrade:
        """Its quantity is in pieces, not in lots."""
        return pb.OrderTrade(
            date_time=stamp(trade.at_ns),
            price=quotation(trade.price),
            quantity=trade.lots * paper.lot,
            trade_id=trade.id,
        )

    def _price(self, row: OrderRow) -> Decimal:
        return row.price or average(row) or self._exchange.market(row.symbol).mark

    def _worth(self, paper: Paper, lots: int, price: Decimal) -> Decimal:
        return self._exchange.instrument(paper.symbol).notional(Decimal(lots * paper.lot), price)

    def _cash(self, paper: Paper, price: Decimal) -> Decimal:
        """What one instrument costs at this price."""
        return self._exchange.instrument(paper.symbol).notional(ONE, price)

    @property
    def _exchange(self) -> Exchange:
        return self._house.exchange
