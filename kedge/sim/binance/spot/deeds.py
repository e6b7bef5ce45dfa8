"""Requests that do something: read, carried out at the desk, answered in the venue's shapes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from kedge.sim.binance.common import Params, Refused
from kedge.sim.binance.spot.desk import Desk, Named
from kedge.sim.binance.spot.lists import Lists
from kedge.sim.binance.spot.orders import Ticket
from kedge.sim.binance.spot.questions import Ask, Questions
from kedge.sim.binance.spot.shapes import Body
from kedge.sim.binance.spot.wishes import CLIENT_ID, Wish, either_id, need_symbol, read_amount, read_wish

RESTRICTIONS = ("ONLY_NEW", "ONLY_PARTIALLY_FILLED")
MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
RATE_MODES = ("DO_NOTHING", "CANCEL_ONLY")


class Half(Struct, frozen=True):
    """What became of one half of a cancel-and-replace."""

    result: str
    body: Body | None

    @property
    def ok(self) -> bool:
        return self.result == "SUCCESS"


class Deeds:
    def __init__(self, desk: Desk, questions: Questions, lists: Lists) -> None:
        self._desk = desk
        self._questions = questions
        self._lists = lists

    # ── placing ─────────────────────────────────────────────────────────────────────────────────

    def place(self, ask: Ask) -> Body:
        wish = read_wish(ask.params)
        ask.params.all_read()
        ticket = self._desk.place(ask.account, wish, ask.until_ns)
        return self._placed(ask, ticket, wish)

    def test(self, ask: Ask) -> Body:
        """Everything but the matching engine."""
        wish = read_wish(ask.params)
        rates = ask.params.flag("computeCommissionRates")
        ask.params.all_read()
        self._desk.check(ask.account, wish)
        return self._questions.test_rates(wish.symbol, ask.account) if rates else {}

    def _placed(self, ask: Ask, ticket: Ticket, wish: Wish) -> Body:
        deals = list(self._desk.orders.deals_of(ticket))
        return ask.shapes.placed(ticket, deals, wish.response, ticket.created_ns)

    # ── cancelling ──────────────────────────────────────────────────────────────────────────────

    def cancel(self, ask: Ask) -> Body:
        params = ask.params
        named = Named(need_symbol(params), *either_id(params, "orderId", "origClientOrderId"))
        cancel_id = params.matching("newClientOrderId", CLIENT_ID)
        restriction = read_restriction(params)
        params.all_read()
        ticket = self._desk.cancel(ask.account, named, cancel_id, restriction)
        return ask.shapes.cancelled(ticket, ticket.updated_ns)

    def cancel_all(self, ask: Ask) -> list[Body]:
        symbol = need_symbol(ask.params)
        ask.params.all_read()
        tickets = self._desk.cancel_all(ask.account, symbol)
        single = [ticket for ticket in tickets if ticket.list_id < 0]
        numbers = dict.fromkeys(ticket.list_id for ticket in tickets if ticket.list_id >= 0)
        bodies = [ask.shapes.cancelled(ticket, ticket.updated_ns) for ticket in single]
        return bodies + [self._lists.ended(number, ask.shapes) for number in numbers]

    # ── amending ────────────────────────────────────────────────────────────────────────────────

    def amend(self, ask: Ask) -> Body:
        params = ask.params
        named = Named(need_symbol(params), *either_id(params, "orderId", "origClientOrderId"))
        params.need("newQty")
        qty = read_amount(params, "newQty")
        new_id = params.matching("newClientOrderId", CLIENT_ID)
        params.all_read()
        ticket, before_id, execution = self._desk.amend(ask.account, named, qty, new_id)
        return ask.shapes.amended(ticket, before_id, execution, ticket.updated_ns)

    # ── cancel and replace ──────────────────────────────────────────────────────────────────────

    def replace(self, ask: Ask) -> Body:
        """Two halves with an outcome each: 200 both, 409 one of them (-2021), 400 neither (-2022)."""
        params = ask.params
        mode = _one_of(params, "cancelReplaceMode", MODES)
        rate_mode = _one_of(params, "orderRateLimitExceededMode", RATE_MODES, "DO_NOTHING")
        old = Named(need_symbol(params), *either_id(params, "cancelOrderId", "cancelOrigClientOrderId"))
        cancel_id = params.matching("cancelNewClientOrderId", CLIENT_ID)
        restriction = read_restriction(params)
        wish = read_wish(params)
        params.all_read()
        self._desk.check(ask.account, wish)
        counts = self._desk.clerk.counts_of(ask.account)
        full = counts.full(ask.now_ns)
        if full is not None and rate_mode == "DO_NOTHING":
            raise full
        cancelled = self._cancel_half(ask, old, cancel_id, restriction)
        if full is not None:
            placed = Half("NOT_ATTEMPTED", None) if not cancelled.ok else Half("FAILURE", full.body())
        elif not cancelled.ok and mode == "STOP_ON_FAILURE":
            counts.take(ask.now_ns)  # An order that was not attempted counts all the same.
            placed = Half("NOT_ATTEMPTED", None)
        else:
            placed = self._place_half(ask, wish)
        return _outcome(cancelled, placed, 429 if full is not None else 0)

    def _cancel_half(self, ask: Ask, old: Named, cancel_id: str, restriction: str) -> Half:
        try:
            ticket = self._desk.cancel(ask.account, old, cancel_id, restriction)
        except Refused as no:
            return Half("FAILURE", no.body())
        return Half("SUCCESS", ask.shapes.cancelled(ticket, ticket.updated_ns))

    def _place_half(self, ask: Ask, wish: Wish) -> Half:
        try:
            ticket = self._desk.place(ask.account, wish, ask.until_ns)
        except Refused as no:
            return Half("FAILURE", no.body())
        return Half("SUCCESS", self._placed(ask, ticket, wish))


def _outcome(cancelled: Half, placed: Half, status: int) -> Body:
    body: dict[str, Any] = {
        "cancelResult": cancelled.result,
        "newOrderResult": placed.result,
        "cancelResponse": cancelled.body,
        "newOrderResponse": placed.body,
    }
    if cancelled.ok and placed.ok:
        return body
    if cancelled.ok or placed.ok:
        raise Refused(-2021, "Order cancel-replace partially failed.", status or 409, data=body)
    raise Refused(-2022, "Order cancel-replace failed.", status or 400, data=body)


def read_restriction(params: Params) -> str:
    value = params.text("cancelRestrictions")
    if value and value not in RESTRICTIONS:
        raise Refused(-1145, "Invalid cancelRestrictions")
    return value


def _one_of(params: Params, name: str, legal: tuple[str, ...], default: str = "") -> str:
    value = params.text(name, default) if default else params.need(name)
    if value not in legal:
        raise Refused(-1130, f"Data sent for parameter '{name}' is not valid.")
    return value
