"""Deeds at T-Invest: place, cancel, cancel everything. One attempt each, one answer each.

The answer to a new order shows the order as the exchange has taken it; what happens to it later comes on the
stream. Of stop orders no stream tells, so what a deed has done to one is told with its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import Message
from msgspec.structs import replace

from kedge.model.events import Answered, OrderNews, Request
from kedge.model.numbers import ZERO
from kedge.model.order import State
from kedge.model.venue import Answer, OrderReport, PlaceOrder
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.venues.silence import Silence, sentence, unanswered
from kedge.venues.tinvest import orders
from kedge.venues.tinvest import rules as limits
from kedge.venues.tinvest.account import Stop, state_of
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.errors import Fault, answer_of
from kedge.venues.tinvest.questions import Questions
from kedge.venues.tinvest.rules import SECOND_NS, Method
from kedge.venues.tinvest.ties import Ties, stop_id_of
from kedge.venues.tinvest.wire import client_id_of, has, key_of, money_or_zero, ns_of

# Faults of a cancel that are named in what is told of cancelling everything.
NAMED_MOST: Final = 3


class Deeds:
    """`shut()` says why nothing may be changed at all; "" when it may. `locked(why)` is told when a reply
    says that the token, or the account, is no longer good."""

    def __init__(
        self,
        asks: Asks,
        ties: Ties,
        questions: Questions,
        shut: Callable[[], str],
        locked: Callable[[str], None],
    ) -> None:
        self.account = ties.setup.account
        self._asks = asks
        self._ties = ties
        self._questions = questions
        self._shut = shut
        self._locked = locked

    # ── place ───────────────────────────────────────────────────────────────────────────────────

    async def place(self, order: PlaceOrder) -> Answered:
        instrument = self._ties.listing.all.get(order.symbol)
        no = self._shut() or orders.impossible(order, instrument)
        if no or instrument is None:
            return self._unsent("place", order.client_id, no)
        uid, number = self._ties.listing.uid_of(order.symbol), self._ties.number
        if orders.is_stop(order):
            request = orders.post_stop(order, instrument, uid, number)
            stop = await self._asks.do(
                limits.POST_STOP, request, stops.PostStopOrderResponse, order.valid_until_ns
            )
            if not isinstance(stop, stops.PostStopOrderResponse):
                return self._failed("place", order.client_id, stop)
            return self._stop_placed(order, stop)
        self._ties.is_plain(order.client_id)
        plain = await self._asks.do(
            limits.POST,
            orders.post(order, instrument, uid, number),
            pb.PostOrderResponse,
            order.valid_until_ns,
        )
        if not isinstance(plain, pb.PostOrderResponse):
            return self._failed("place", order.client_id, plain)
        return self._placed(order, plain)

    def _placed(self, order: PlaceOrder, said: pb.PostOrderResponse) -> Answered:
        client_id = order.client_id
        if client_id_of(said.order_request_id) not in ("", client_id):
            why = f"the answer is about another order: {said.order_request_id!r}"
            return self._said("place", client_id, Answer.UNKNOWN, why)
        qty = said.lots_requested * self._ties.listing.lot_of(order.symbol)
        state = state_of(said.execution_report_status, said.lots_requested, said.lots_executed)
        if qty != order.qty or state is None or self._is_another(order, said):
            # What its key was used up with, or a status that the venue does not name: only a lookup can say.
            return self._said(
                "place", client_id, Answer.UNKNOWN, "the answer shows something else than the order"
            )
        if state is State.REJECTED:
            return self._said("place", client_id, Answer.REJECTED, said.message or "refused by the exchange")
        self_ending = order.tif in ("ioc", "fok") or order.kind == "market"
        report = OrderReport(
            client_id=client_id,
            venue_id=said.order_id,
            symbol=order.symbol,
            side=order.side,
            qty=qty,
            price=order.price if order.kind != "market" else ZERO,
            cum_qty=said.lots_executed * self._ties.listing.lot_of(order.symbol),
            state=State.EXPIRED if state is State.CANCELLED and self_ending else state,
            venue_ns=self._told_ns(said),
            reason=sentence(said.message),
            kind=order.kind,
        )
        return self._said("place", client_id, Answer.DONE, said.message, report)

    def _is_another(self, order: PlaceOrder, said: pb.PostOrderResponse) -> bool:
        """The key was used for something else. Prices of bonds and futures may be told in money here, and
        say nothing."""
        if said.direction not in (0, orders.DIRECTIONS[order.side]):
            return True
        instrument = self._ties.listing.all.get(order.symbol)
        if instrument is None or instrument.kind != "spot" or order.kind == "market":
            return False
        price = money_or_zero(said, "initial_security_price")
        return price not in (ZERO, order.price)

    def _stop_placed(self, order: PlaceOrder, said: stops.PostStopOrderResponse) -> Answered:
        if client_id_of(said.order_request_id) not in ("", order.client_id) or not said.stop_order_id:
            why = f"the answer is about another order: {said.order_request_id!r}"
            return self._said("place", order.client_id, Answer.UNKNOWN, why)
        stop = Stop(
            stop_id=said.stop_order_id,
            symbol=order.symbol,
            side=order.side,
            kind=order.kind,
            qty=order.qty,
            price=order.price,
            trigger=order.trigger_price,
            status=stops.STOP_ORDER_STATUS_ACTIVE,
            created_ns=self._told_ns(said),
            expires_ns=order.expires_ns,
            ended_ns=0,
            order_id="",
        )
        self._ties.owns(stop.stop_id, order.client_id)
        self._ties.note(stop)
        report = self._ties.stop_report(stop)
        return self._said("place", order.client_id, Answer.ACCEPTED, "", report)

    # ── cancel ──────────────────────────────────────────────────────────────────────────────────

    async def cancel(self, client_id: str, valid_until_ns: int, venue_id: str) -> Answered:
        no = self._shut()
        if no:
            return self._unsent("cancel", client_id, no)
        stop_id = stop_id_of(venue_id) or self._stop_of(client_id)
        if stop_id:
            return await self._cancel_stop(client_id, stop_id, valid_until_ns)
        by_key = bool(client_id)
        name = key_of(client_id) if by_key else venue_id
        return await self._cancel_order(client_id, name, by_key, valid_until_ns)

    async def _cancel_order(self, client_id: str, name: str, by_key: bool, valid_until_ns: int) -> Answered:
        request = orders.cancel(self._ties.number, name, by_key)
        said = await self._asks.do(limits.CANCEL, request, pb.CancelOrderResponse, valid_until_ns)
        if not isinstance(said, pb.CancelOrderResponse):
            return self._failed("cancel", client_id, said)
        return self._said("cancel", client_id, Answer.ACCEPTED, "")

    async def _cancel_stop(self, client_id: str, stop_id: str, valid_until_ns: int) -> Answered:
        """One that was triggered is cancelled as the order that it has become."""
        self._ties.owns(stop_id, client_id)
        stop = self._ties.stops.get(stop_id)
        if stop is not None and stop.order_id:
            return await self._cancel_order(client_id, stop.order_id, False, valid_until_ns)
        request = stops.CancelStopOrderRequest(account_id=self._ties.number, stop_order_id=stop_id)
        said = await self._asks.do(limits.CANCEL_STOP, request, stops.CancelStopOrderResponse, valid_until_ns)
        if isinstance(said, stops.CancelStopOrderResponse):
            return self._said("cancel", client_id, Answer.ACCEPTED, "", self._ended(stop, said))
        if isinstance(said, Fault) and said.meaning == "gone":
            became = await self._questions.triggered()
            stop = became.get(stop_id) if not isinstance(became, str) else None
            if stop is not None and stop.order_id:
                return await self._cancel_order(client_id, stop.order_id, False, valid_until_ns)
        return self._failed("cancel", client_id, said)

    def _stop_of(self, client_id: str) -> str:
        """The number of our stop order, where this life of the adapter knows it."""
        if not client_id:
            return ""
        return next((stop for stop, owner in self._ties.owners.items() if owner == client_id), "")

    def _ended(self, stop: Stop | None, said: stops.CancelStopOrderResponse) -> OrderReport | None:
        if stop is None:
            return None  # the lookup that follows tells
        ended_ns = ns_of(said.time) if has(said, "time") else self._asks.now_ns()
        ended = _cancelled(stop, ended_ns)
        self._ties.note(ended)
        return self._ties.stop_report(ended)

    # ── cancel everything ───────────────────────────────────────────────────────────────────────

    async def cancel_all(self, symbol: str) -> str:
        """Everything of a symbol, or of the account, stop orders too; "" when the venue has agreed to all of
        it.

        There is no such request: each is cancelled by itself, waiting for the venue's limits where they are
        used up. Orders and stop orders have limits of their own, so both go at once.
        """
        no = self._shut()
        if no:
            return no
        live, waiting = await self._questions.live(), await self._questions.waiting_stops()
        failed = [one for one in (live, waiting) if isinstance(one, str)]
        names: dict[str, Message] = {}
        for row in live if isinstance(live, list) else []:
            if symbol in (
                "",
                self._ties.listing.symbol_of(row.instrument_uid, row.figi, row.ticker, row.class_code),
            ):
                names[row.order_id] = orders.cancel(self._ties.number, row.order_id, by_key=False)
        stop_names: dict[str, Message] = {}
        for stop in waiting.values() if isinstance(waiting, dict) else ():
            if stop.is_waiting and symbol in ("", stop.symbol):
                stop_names[stop.stop_id] = stops.CancelStopOrderRequest(
                    account_id=self._ties.number, stop_order_id=stop.stop_id
                )
        until_ns = self._asks.now_ns() + round(self._ties.options.cancel_all_s * SECOND_NS)
        loop = asyncio.get_running_loop()
        other = loop.create_task(
            self._each(limits.CANCEL_STOP, stop_names, stops.CancelStopOrderResponse, until_ns),
            name="tinvest cancel stops",
        )
        try:
            failed += await self._each(limits.CANCEL, names, pb.CancelOrderResponse, until_ns)
            failed += await other
        finally:
            other.cancel()
        return _told(failed)

    async def _each(
        self, method: Method, requests: Mapping[str, Message], reply: type[Message], until_ns: int
    ) -> list[str]:
        """One after another; what went wrong, by number."""
        failed = []
        for number, request in requests.items():
            said = await self._asks.do(method, request, reply)
            while isinstance(said, Silence | Fault) and said.retry_ns and self._asks.now_ns() < until_ns:
                await asyncio.sleep(said.retry_ns / SECOND_NS)
                said = await self._asks.do(method, request, reply)
            if isinstance(said, Silence | Fault):
                if not (isinstance(said, Fault) and said.meaning == "gone"):
                    failed.append(f"{number}: {said.why}")
            elif isinstance(said, stops.CancelStopOrderResponse):
                report = self._ended(self._ties.stops.get(number), said)
                if report is not None:
                    self._ties.say(OrderNews(self.account, report))
        return failed

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _failed(self, request: Request, client_id: str, said: Fault | Silence) -> Answered:
        if isinstance(said, Silence):
            return unanswered(self.account, request, client_id, said)
        if said.meaning == "locked":
            self._locked(said.why)
        return Answered(
            self.account, request, client_id, answer_of(request, said), said.why, retry_ns=said.retry_ns
        )

    def _said(
        self, request: Request, client_id: str, answer: Answer, why: str, order: OrderReport | None = None
    ) -> Answered:
        return Answered(self.account, request, client_id, answer, sentence(why), order)

    def _unsent(self, request: Request, client_id: str, why: str) -> Answered:
        return unanswered(self.account, request, client_id, Silence(f"not sent: {why}", unsent=True))

    def _told_ns(self, said: pb.PostOrderResponse | stops.PostStopOrderResponse) -> int:
        """The venue's clock in the reply, ours where it tells none."""
        if has(said, "response_metadata") and has(said.response_metadata, "server_time"):
            return ns_of(said.response_metadata.server_time)
        return self._asks.now_ns()


def _cancelled(stop: Stop, ended_ns: int) -> Stop:
    return replace(stop, status=stops.STOP_ORDER_STATUS_CANCELED, ended_ns=ended_ns)


def _told(failed: list[str]) -> str:
    if not failed:
        return ""
    more = f" (and {len(failed) - NAMED_MOST} more)" if len(failed) > NAMED_MOST else ""
    return sentence("; ".join(failed[:NAMED_MOST]) + more)
