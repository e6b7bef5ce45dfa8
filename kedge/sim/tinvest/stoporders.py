"""StopOrdersService. Lists show no keys: whoever lost an answer finds his stop by its fields."""

from __future__ import annotations

from kedge.model.numbers import HUNDRED, ONE, ZERO
from kedge.protos.tinvest import stoporders_pb2 as pb
from kedge.sim.tinvest.access import Asked, account_of, may_trade, paper_of
from kedge.sim.tinvest.board import NOMINAL
from kedge.sim.tinvest.calendar import DAY_NS
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.desk import direction
from kedge.sim.tinvest.instruments import since
from kedge.sim.tinvest.judge import LIMIT, MARKET, Want
from kedge.sim.tinvest.orders import KEY_MAX, SIDES, Parts
from kedge.sim.tinvest.rows import StopRow
from kedge.sim.tinvest.shapes import money, nanoseconds, number, stamp
from kedge.sim.tinvest.stops import ACTIVE, BY_LIMIT, BY_MARKET, STOP_LIMIT, STOP_LOSS, TAKE_PROFIT, Stops

GOOD_TILL_DATE = 2
EXPIRY_MAX_NS = 400 * DAY_NS
ALL = 1


class StopOrders:
    def __init__(self, parts: Parts, stops: Stops) -> None:
        self._parts = parts
        self._house = parts.house
        self._stops = stops

    def post(self, asked: Asked, request: pb.PostStopOrderRequest) -> pb.PostStopOrderResponse:
        account = may_trade(self._house, asked, request.account_id)
        if len(request.order_id) > KEY_MAX:
            raise Refused(30055)
        known = self._parts.tables.of_key(account, request.order_id) if request.order_id else None
        if known is not None:
            if self._house.own.duplicates == "error" or known.order not in self._parts.tables.stops:
                raise Refused(30057)
            return self._posted(known.order, request.order_id)
        stop = self._stop(asked, account, request)
        self._stops.add(stop)
        self._parts.settle()
        return self._posted(stop.id, stop.key)

    def cancel(self, asked: Asked, request: pb.CancelStopOrderRequest) -> pb.CancelStopOrderResponse:
        account = may_trade(self._house, asked, request.account_id)
        stop = self._parts.tables.stops.get(request.stop_order_id)
        if stop is None or stop.account != account:
            raise Refused(50006)
        self._stops.cancel(stop)
        self._parts.settle()
        return pb.CancelStopOrderResponse(time=stamp(asked.now_ns))

    def listed(self, asked: Asked, request: pb.GetStopOrdersRequest) -> pb.GetStopOrdersResponse:
        """Without a status, what is active."""
        account = account_of(self._house, asked, request.account_id)
        status = request.status or ACTIVE
        lag = self._parts.faults.strikes("lookup_lag", account=account)
        until_ns = asked.now_ns - (lag.delay_ns if lag else 0)
        start_ns = nanoseconds(since(request))
        end_ns = min(nanoseconds(request.to) or until_ns, until_ns)
        found = [
            self._shown(stop)
            for stop in self._parts.tables.stops.values()
            if stop.account == account
            and status in (ALL, stop.status)
            and start_ns <= stop.created_ns <= end_ns
        ]
        return pb.GetStopOrdersResponse(stop_orders=found)

    def _posted(self, stop_id: str, key: str) -> pb.PostStopOrderResponse:
        reply = pb.PostStopOrderResponse(stop_order_id=stop_id, order_request_id=key)
        reply.response_metadata.server_time.CopyFrom(stamp(self._house.now_ns()))
        return reply

    def _stop(self, asked: Asked, account: str, request: pb.PostStopOrderRequest) -> StopRow:
        """Raises `Refused`."""
        paper = paper_of(self._house, request.instrument_id, request.figi)
        side = SIDES.get(request.direction)
        kind = request.stop_order_type
        if side is None:
            raise Refused(30020)
        if kind not in (TAKE_PROFIT, STOP_LOSS, STOP_LIMIT):
            raise Refused(30038)
        if request.take_profit_type == pb.TAKE_PROFIT_TYPE_TRAILING:
            raise Refused(30039)
        stop_price = number(request.stop_price) if request.HasField("stop_price") else ZERO
        if not stop_price:
            raise Refused(30036)
        price = number(request.price) if request.HasField("price") else ZERO
        by = self._exchange_type(request, kind, bool(price))
        if by == BY_LIMIT and not price:
            raise Refused(30017)
        self._parts.judge.price(paper, stop_price)
        want = Want(
            paper, side, request.quantity, price if by == BY_LIMIT else ZERO, LIMIT if price else MARKET, 1
        )
        self._parts.judge.shape(want)
        if account in self._house.own.shut:
            raise Refused(30081)
        return StopRow(
            self._stops.next_id(),
            account,
            paper.symbol,
            side,
            request.quantity,
            kind,
            stop_price,
            price,
            asked.now_ns,
            request.order_id,
            by,
            request.take_profit_type,
            self._expiry(asked, request),
            confirm=request.confirm_margin_trade,
        )

    def _exchange_type(self, request: pb.PostStopOrderRequest, kind: int, priced: bool) -> int:
        """A stop-limit becomes a limit order, a stop-loss a market order; a take-profit what it says."""
        if kind == STOP_LIMIT:
            return BY_LIMIT
        if kind == STOP_LOSS:
            return BY_MARKET
        if request.exchange_order_type not in (0, BY_MARKET, BY_LIMIT):
            raise Refused(30105)
        return request.exchange_order_type or (BY_LIMIT if priced else BY_MARKET)

    def _expiry(self, asked: Asked, request: pb.PostStopOrderRequest) -> int:
        if request.expiration_type == 0:
            raise Refused(30044)
        if request.expiration_type != GOOD_TILL_DATE:
            return 0
        at_ns = nanoseconds(request.expire_date)
        if not asked.now_ns < at_ns <= asked.now_ns + EXPIRY_MAX_NS:
            raise Refused(30040)
        return at_ns

    def _shown(self, stop: StopRow) -> pb.StopOrder:
        """Prices of bonds are money here, though they were given in percent."""
        paper = self._house.paper(stop.symbol)
        one = NOMINAL / HUNDRED if paper.kind == "bond" else ONE
        shown = pb.StopOrder(
            stop_order_id=stop.id,
            lots_requested=stop.lots,
            figi=paper.figi,
            direction=direction(stop.side),  # type: ignore[arg-type]
            currency=paper.currency,
            order_type=stop.kind,  # type: ignore[arg-type]
            create_date=stamp(stop.created_ns),
            price=money(stop.price * one, paper.currency),
            stop_price=money(stop.stop_price * one, paper.currency),
            instrument_uid=paper.uid,
            take_profit_type=stop.take_profit,  # type: ignore[arg-type]
            status=stop.status,  # type: ignore[arg-type]
            exchange_order_type=stop.exchange_type,  # type: ignore[arg-type]
            ticker=paper.ticker,
            class_code=paper.class_code,
        )
        if stop.activated_ns:
            shown.activation_date_time.CopyFrom(stamp(stop.activated_ns))
        if stop.expires_ns:
            shown.expiration_time.CopyFrom(stamp(stop.expires_ns))
        if stop.order:
            shown.exchange_order_id = stop.order
        return shown
