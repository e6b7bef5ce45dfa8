"""A T-Invest testnet without sockets: a clock that is told the time, a client that speaks in messages.

Nothing of the adapter is used here.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import instruments_pb2 as instruments
from kedge.protos.tinvest import operations_pb2 as operations
from kedge.protos.tinvest import orders_pb2 as orders
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Setup
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.web import Reply, Request, Visitor
from kedge.sim.tinvest import TinvestTestnet

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
# Monday 2026-11-23, 12:00 in Moscow.
START_NS = 1_795_424_400 * SECOND_NS
PACKAGE = "tinkoff.public.invest.api.contract.v1"
# What most tests need of the board: shares with their futures, a bond, an index, a currency.
SOME = ("SBER", "GAZP", "LKOH", "AKRN", "GLTR", "VTBR", "SU26238RMFS4", "RTSI", "CNYRUB_TOM")
BUY, SELL = 1, 2
LIMIT, MARKET, BEST = 1, 2, 3
DAY, KILL, FILL_OR_KILL = 1, 2, 3
FILLED, REJECTED, CANCELLED, NEW, PARTLY = 1, 2, 3, 4, 5
TAKE_PROFIT, STOP_LOSS, STOP_LIMIT = 1, 2, 3


class Refusal(Exception):
    """The venue said no: its code, and the status of gRPC."""

    def __init__(self, reply: Reply) -> None:
        self.code = reply.headers["grpc-message"]
        self.status = int(reply.headers["grpc-status"])
        self.text = reply.headers.get("message", "")
        super().__init__(self.code, self.text)


@dataclass
class Ear:
    """The client's side of a stream."""

    answers: Any
    said: list[Any] = field(default_factory=list)
    closed: int | None = None
    visitor: Visitor | None = None

    def say(self, text: bytes) -> None:
        self.said.append(self.answers.FromString(text))

    def ping(self, payload: bytes) -> None:
        raise AssertionError("this venue pings by messages")

    def close(self, code: int, why: str) -> None:
        self.closed = code
        self.gone()

    def gone(self) -> None:
        visitor, self.visitor = self.visitor, None
        if visitor is not None:
            visitor.gone()

    def send(self, message: Any) -> None:
        assert self.visitor is not None
        self.visitor.heard(message.SerializeToString())

    def take(self, word: str = "") -> list[Any]:
        """What was said since, of one kind or of all."""
        said, self.said = self.said, []
        found = [(one.WhichOneof("payload"), one) for one in said]
        return [getattr(one, kind) for kind, one in found if word in ("", kind)]


class World:
    """One testnet and its clock. `advance` moves time and ticks."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        market: str = "still",
        sessions: str = "calendar",
        now_ns: int = START_NS,
        only: tuple[str, ...] = SOME,
    ) -> None:
        self.now_ns = now_ns
        self._only = only
        self._options = Options(market=market, state=str(state) if state else "", seed=7, sessions=sessions)
        self.net = self._open()
        self.token = "paper"
        self._uids: dict[str, Any] = {}

    def _open(self) -> TinvestTestnet:
        clock = VenueClock(lambda: self.now_ns)
        setup = Setup(self._options, clock, lambda label: random.Random(f"7:{label}"))
        return TinvestTestnet(setup, self._only)

    def kill(self) -> None:
        """As kill -9 does: nothing is said, nothing is folded."""
        self.net.house.keeper.abandon()

    def restart(self, after_ns: int = SECOND_NS) -> None:
        self.kill()
        self.now_ns += after_ns
        self.net = self._open()

    def tick(self) -> None:
        self.net.tick()

    def advance(self, ns: int, steps: int = 1) -> None:
        for _ in range(steps):
            self.now_ns += ns // steps
            self.net.tick()

    def until(self, text: str) -> None:
        """Go to this moment, such as 2026-11-23T14:01:00+03:00."""
        self.fault("jump", value=text)
        self.tick()

    # ── calls ───────────────────────────────────────────────────────────────────────────────────

    def reply(self, name: str, request: Any) -> Reply:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        path = f"/{PACKAGE}.{name}"
        return self.net.http(Request("POST", path, "", headers, request.SerializeToString()))

    def call(self, name: str, request: Any, answers: Any) -> Any:
        """The answer; raises `Refusal`."""
        reply = self.reply(name, request)
        if reply.headers.get("grpc-status", "0") != "0":
            raise Refusal(reply)
        return answers.FromString(reply.body)

    def stream(self, name: str, answers: Any, request: Any) -> Ear:
        ear = Ear(answers)
        headers = {"authorization": f"Bearer {self.token}"}
        found = self.net.socket(Request("POST", f"/{PACKAGE}.{name}", "", headers, b""), ear)
        if isinstance(found, Reply):
            raise Refusal(found)
        ear.visitor = found
        ear.send(request)
        return ear

    # ── the control door's deeds ────────────────────────────────────────────────────────────────

    def price(self, symbol: str, price: str) -> None:
        self.net.house.keeper.market.move(symbol, Decimal(price), self.net.house.now_ns())
        self.tick()

    def fault(self, kind: str, **members: Any) -> None:
        self.net.house.faults.arm(msgspec.convert({"kind": kind, **members}, Fault))

    # ── what a trader does ──────────────────────────────────────────────────────────────────────

    @property
    def account(self) -> str:
        return self.net.house.own.ids["main"]

    def uid(self, ticker: str) -> str:
        house = self.net.house
        found = [paper for paper in house.everything() if paper.ticker == ticker and paper.by_api]
        return found[0].uid

    def order(
        self, ticker: str, side: int, lots: int, price: str = "", *, key: str = "", **more: Any
    ) -> orders.PostOrderRequest:
        request = orders.PostOrderRequest(
            instrument_id=self.uid(ticker),
            quantity=lots,
            direction=side,
            account_id=self.account,
            order_type=LIMIT if price else MARKET,
            order_id=key or fresh(),
            **more,
        )
        if price:
            request.price.CopyFrom(quotation(price))
        return request

    def post(self, ticker: str, side: int, lots: int, price: str = "", *, key: str = "", **more: Any) -> Any:
        request = self.order(ticker, side, lots, price, key=key, **more)
        return self.call("OrdersService/PostOrder", request, orders.PostOrderResponse)

    def cancel(self, order_id: str, id_type: int = 1) -> Any:
        request = orders.CancelOrderRequest(account_id=self.account, order_id=order_id, order_id_type=id_type)
        return self.call("OrdersService/CancelOrder", request, orders.CancelOrderResponse)

    def state(self, order_id: str, id_type: int = 1, price_type: int = 0) -> Any:
        request = orders.GetOrderStateRequest(
            account_id=self.account, order_id=order_id, order_id_type=id_type, price_type=price_type
        )
        return self.call("OrdersService/GetOrderState", request, orders.OrderState)

    def active(self, **more: Any) -> list[Any]:
        request = orders.GetOrdersRequest(account_id=self.account, **more)
        return list(self.call("OrdersService/GetOrders", request, orders.GetOrdersResponse).orders)

    def post_stop(
        self, ticker: str, side: int, lots: int, stop_price: str, kind: int, *, price: str = "", **more: Any
    ) -> str:
        more.setdefault("expiration_type", 1)
        more.setdefault("order_id", fresh())
        request = stops.PostStopOrderRequest(
            instrument_id=self.uid(ticker),
            quantity=lots,
            stop_price=quotation(stop_price),
            direction=side,
            account_id=self.account,
            stop_order_type=kind,
            **more,
        )
        if price:
            request.price.CopyFrom(quotation(price))
        return self.call(
            "StopOrdersService/PostStopOrder", request, stops.PostStopOrderResponse
        ).stop_order_id

    def stops(self, status: int = 0) -> list[Any]:
        request = stops.GetStopOrdersRequest(account_id=self.account, status=status)
        found = self.call("StopOrdersService/GetStopOrders", request, stops.GetStopOrdersResponse)
        return list(found.stop_orders)

    def positions(self) -> Any:
        request = operations.PositionsRequest(account_id=self.account)
        return self.call("OperationsService/GetPositions", request, operations.PositionsResponse)

    def roubles(self) -> Decimal:
        """Free and blocked."""
        found = self.positions()
        rows = [*found.money, *found.blocked]
        return sum((number(row) for row in rows if row.currency == "rub"), Decimal(0))

    def held(self, ticker: str) -> int:
        found = self.positions()
        rows = [*found.securities, *found.futures]
        return sum(row.balance + row.blocked for row in rows if row.ticker == ticker)

    def shares(self, status: int = 1) -> list[Any]:
        request = instruments.InstrumentsRequest(instrument_status=status)
        return list(self.call("InstrumentsService/Shares", request, instruments.SharesResponse).instruments)


def fresh() -> str:
    return str(uuid.uuid4())


def quotation(text: str) -> common.Quotation:
    value = int(Decimal(text).scaleb(9))
    sign = -1 if value < 0 else 1
    units, nano = divmod(abs(value), 10**9)
    return common.Quotation(units=sign * units, nano=sign * nano)


def number(parts: Any) -> Decimal:
    return Decimal(parts.units) + Decimal(parts.nano) * Decimal("1e-9")
