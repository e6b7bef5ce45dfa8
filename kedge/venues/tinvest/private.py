"""The account's own streams: orders as they change, and money as it changes.

The link of the account is the stream of orders. It says of every order of the account what became of it,
whoever placed it, with the trades; of stop orders it says nothing until they have become orders. The first
word about an order may carry the broker's own number in place of the exchange's, so an order is known by our
key where it has one.

The stream of positions is for the balances. The venue gives two of them to a user, so an account may have to
do without: reports tell the balances too.
"""

from __future__ import annotations

from typing import Protocol

from kedge.model.events import BalanceNews
from kedge.model.venue import Balance
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import operations_pb2 as ops
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.venues.silence import Refused, Silence
from kedge.venues.tinvest.account import balances_changed, balances_of
from kedge.venues.tinvest.rules import ORDER_STREAM, POSITION_STREAM
from kedge.venues.tinvest.streams import Stream
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import Unreadable, ns_of, read

Row = pb.OrderStateStreamResponse.OrderState


class Home(Protocol):
    """Who lives behind the stream of orders: the account's adapter."""

    async def admit(self) -> Silence | Refused | None: ...

    def let_in(self) -> None: ...

    def cut_off(self, why: str, refused: bool, stopped: bool) -> None: ...

    def order_heard(self, row: Row) -> None: ...

    def pinged(self, venue_ns: int) -> None:
        """The venue's clock, as it was read a moment ago."""


class OrderNewsStream:
    def __init__(self, ties: Ties, home: Home) -> None:
        self._ties = ties
        self._home = home
        self.stream = Stream("stream of orders", ties, self, ORDER_STREAM)

    async def admit(self) -> Silence | Refused | None:
        return await self._home.admit()

    def opening(self) -> bytes:
        ping_ms = round(self._ties.options.ping_s * 1000)
        request = pb.OrderStateStreamRequest(accounts=[self._ties.number], ping_delay_millis=ping_ms)
        return request.SerializeToString()

    def heard(self, message: bytes) -> None:
        said = read(pb.OrderStateStreamResponse, message)
        if isinstance(said, Unreadable):
            self.stream.cut(said.why)  # it may have been a trade
            return
        kind = said.WhichOneof("payload")
        if kind == "order_state" and said.order_state.account_id in ("", self._ties.number):
            self._home.order_heard(said.order_state)
        elif kind == "ping":
            self._home.pinged(ns_of(said.ping.time))
        elif said.subscription.status == common.RESULT_SUBSCRIPTION_STATUS_ERROR:
            error = said.subscription.error
            self.stream.cut(f"the venue refused the stream: {error.message or error.code}")
        # Whatever came first: the venue speaks to us.
        self.stream.greeted()

    def up(self) -> None:
        self._home.let_in()

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        self._home.cut_off(why, refused, stopped)


class BalanceStream:
    """Open while the account is linked."""

    def __init__(self, ties: Ties) -> None:
        self._ties = ties
        self._balances: dict[str, Balance] = {}
        self._opened = False
        self.stream = Stream("stream of positions", ties, self, POSITION_STREAM)

    def begin(self) -> None:
        if not self._opened:
            self._opened = True
            self.stream.open()

    def learn(self, balances: tuple[Balance, ...]) -> None:
        """What a report said of everything: the stream goes on from there."""
        self._balances = {balance.asset: balance for balance in balances}

    async def admit(self) -> Silence | Refused | None:
        return None if self._ties.number else Silence("the account's number is not known yet")

    def opening(self) -> bytes:
        ping = common.PingDelaySettings(ping_delay_ms=round(self._ties.options.ping_s * 1000))
        request = ops.PositionsStreamRequest(
            accounts=[self._ties.number], with_initial_positions=True, ping_settings=ping
        )
        return request.SerializeToString()

    def heard(self, message: bytes) -> None:
        said = read(ops.PositionsStreamResponse, message)
        if isinstance(said, Unreadable):
            self.stream.cut(said.why)
            return
        kind = said.WhichOneof("payload")
        if kind == "subscriptions":
            for row in said.subscriptions.accounts:
                if row.subscription_status != ops.POSITIONS_SUBSCRIPTION_STATUS_SUCCESS:
                    self.stream.cut(f"the venue refused the stream: status {row.subscription_status}")
                    return
        elif kind == "initial_positions":
            self._tell(balances_of(said.initial_positions))
        elif kind == "position":
            self._tell(balances_changed(said.position))
        self.stream.greeted()

    def up(self) -> None:
        self._ties.odd("balances", "")

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        if stopped:
            self._ties.odd("balances", f"balances come with reports only: {why}")

    def _tell(self, changed: tuple[Balance, ...]) -> None:
        for balance in changed:
            self._balances[balance.asset] = balance
        if changed:
            self._ties.say(BalanceNews(self._ties.setup.account, tuple(self._balances.values())))
