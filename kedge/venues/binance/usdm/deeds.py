"""Placing, amending and cancelling: one attempt each, and what its answer proves.

An answer is only believed when it is about the order that was meant. Regular orders are answered by the
matching engine, so they are DONE with the order enclosed. The cancel of a conditional order is only heard,
not yet done: ACCEPTED, and the stream tells the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from kedge.model.events import Answered, Request
from kedge.model.venue import Answer, OrderReport, PlaceOrder
from kedge.venues.binance.errors import Failure
from kedge.venues.binance.usdm import asks, mends
from kedge.venues.binance.usdm.asking import Done, Outcome
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.memory import Memory
from kedge.venues.binance.usdm.rules import BATCH_MOST
from kedge.venues.binance.usdm.wire import (
    Algo,
    AlgoDone,
    Order,
    Refusal,
    Unreadable,
    algo_report,
    order_report,
    read,
    read_batch,
)
from kedge.venues.silence import Silence, unanswered

TOO_LATE = "not sent: its last moment has passed"


class _Deed(Struct, frozen=True):
    request: Request
    client_id: str


class Deeds:
    """`trouble` says why there is no link, "" while there is one; `look_into` is told each refusal."""

    def __init__(
        self,
        common: Common,
        memory: Memory,
        trouble: Callable[[], str],
        look_into: Callable[[Failure], None] = lambda failure: None,
    ) -> None:
        self.account = common.account
        self._asking = common.asking
        self._clock = common.clock
        self._memory = memory
        # Why the key may not trade, as the venue said it of the last order; a new link forgets it.
        self.forbidden = ""
        self._trouble = trouble
        self._look_into = look_into

    async def place(self, order: PlaceOrder) -> Answered:
        deed = _Deed("place", order.client_id)
        ask = asks.place(order)
        refused = ask if isinstance(ask, str) else self._refused(order.valid_until_ns, trades=True)
        if refused or isinstance(ask, str):
            return self._unsent(deed, refused)
        self._memory.placing(order)
        outcome = await self._asking.do(ask, order.valid_until_ns)
        if not isinstance(outcome, Done):
            return self._failed(deed, outcome)
        if order.kind in asks.CONDITIONALS:
            algo = read(outcome.body, Algo)
            if isinstance(algo, Unreadable):
                return self._answer(deed, Answer.UNKNOWN, algo.why)
            if algo.client_algo_id != order.client_id:
                return self._stray(deed, algo.client_algo_id)
            self._memory.learn_algo(algo)
            return self._answer(deed, Answer.DONE, order=algo_report(algo))
        return self._regular(deed, read(outcome.body, Order), order.client_id)

    async def place_batch(self, orders: Sequence[PlaceOrder]) -> tuple[Answered, ...]:
        """Regular orders by fives, conditional ones by themselves; every order has its own answer."""
        answers: dict[str, Answered] = {}
        regular = [order for order in orders if order.kind not in asks.CONDITIONALS]
        for at in range(0, len(regular), BATCH_MOST):
            for answer in await self._batch(regular[at : at + BATCH_MOST]):
                answers[answer.client_id] = answer
        for order in orders:
            if order.kind in asks.CONDITIONALS:
                answers[order.client_id] = await self.place(order)
        return tuple(answers[order.client_id] for order in orders)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        deed = _Deed("amend", client_id)
        refused = self._refused(valid_until_ns, trades=True)
        if refused:
            return self._unsent(deed, refused)
        known = self._memory.of(client_id)
        if known is None:
            # The side is wanted again, and only the venue knows it.
            found = await self._asking.read(asks.order(symbol, client_id), Order)
            if not isinstance(found, Order):
                return self._unsent(deed, f"not sent: the order was not found to be amended: {found.why}")
            self._memory.learn_order(found)
            known = self._memory.of(found.client_order_id)
        if known is None or known.algo:
            return self._unsent(deed, f"not sent: {asks.NO_ALGO_AMEND}")
        outcome = await self._asking.do(
            asks.modify(client_id, symbol, known.side, price, qty), valid_until_ns
        )
        if not isinstance(outcome, Done):
            return self._failed(deed, outcome)
        return self._regular(deed, read(outcome.body, Order), client_id)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int) -> Answered:
        deed = _Deed("cancel", client_id)
        refused = self._refused(valid_until_ns)
        if refused:
            return self._unsent(deed, refused)
        known = self._memory.of(client_id)
        if known is not None and known.algo and not known.order_id:
            return await self._cancel_algo(deed, valid_until_ns)
        triggered = known is not None and known.algo
        ask = asks.cancel(symbol, client_id, known.order_id if known is not None and triggered else 0)
        outcome = await self._asking.do(ask, valid_until_ns)
        if known is None and isinstance(outcome, Failure) and outcome.code == mends.NO_LIVE_ORDER:
            # Of an id that nobody here remembers, the kind is not known either.
            return await self._cancel_algo(deed, valid_until_ns)
        if not isinstance(outcome, Done):
            return self._failed(deed, outcome)
        return self._regular(deed, read(outcome.body, Order), client_id)

    async def cancel_all(self, symbol: str, valid_until_ns: int) -> str:
        """Regular and conditional orders of one symbol, whoever placed them. The sentence what is not
        certain to be gone; "" when the venue has confirmed both."""
        said = []
        for what, ask in zip(("orders", "stops"), asks.cancel_all(symbol), strict=True):
            refused = self._refused(valid_until_ns)
            outcome: Outcome = Silence(refused, unsent=True) if refused else Done(b"")
            if not refused:
                outcome = await self._asking.do(ask, valid_until_ns)
            if isinstance(outcome, Failure):
                said.append(f"{what} of {symbol}: {mends.sentence(outcome)}")
            elif isinstance(outcome, Silence):
                said.append(f"{what} of {symbol}: {outcome.why}")
        return "; ".join(said)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    async def _batch(self, orders: Sequence[PlaceOrder]) -> list[Answered]:
        deeds = [_Deed("place", order.client_id) for order in orders]
        until_ns = min(order.valid_until_ns for order in orders)
        refused = self._refused(until_ns)
        if refused:
            return [self._unsent(deed, refused) for deed in deeds]
        for order in orders:
            self._memory.placing(order)
        outcome = await self._asking.do(asks.place_batch(orders), until_ns)
        if not isinstance(outcome, Done):
            return [self._failed(deed, outcome) for deed in deeds]
        rows = read_batch(outcome.body)
        if isinstance(rows, Unreadable) or len(rows) != len(deeds):
            why = rows.why if isinstance(rows, Unreadable) else f"{len(rows)} answers to {len(deeds)} orders"
            return [self._answer(deed, Answer.UNKNOWN, why) for deed in deeds]
        answers = []
        for deed, row in zip(deeds, rows, strict=True):
            if isinstance(row, Refusal):
                answers.append(self._failed(deed, Failure(400, row.code, row.msg)))
            else:
                answers.append(self._regular(deed, row, deed.client_id))
        return answers

    async def _cancel_algo(self, deed: _Deed, valid_until_ns: int) -> Answered:
        outcome = await self._asking.do(asks.cancel_algo(deed.client_id), valid_until_ns)
        if not isinstance(outcome, Done):
            return self._failed(deed, outcome)
        done = read(outcome.body, AlgoDone)
        if isinstance(done, Unreadable):
            return self._answer(deed, Answer.UNKNOWN, done.why)
        if done.client_algo_id != deed.client_id:
            return self._stray(deed, done.client_algo_id)
        return self._answer(deed, Answer.ACCEPTED)

    def _regular(self, deed: _Deed, said: Order | Unreadable, client_id: str) -> Answered:
        """The matching engine's answer about a regular order."""
        if isinstance(said, Unreadable):
            return self._answer(deed, Answer.UNKNOWN, said.why)
        known = self._memory.of(client_id)
        number = known.order_id if known is not None and known.algo else 0
        if said.client_order_id != client_id and said.order_id != number:
            return self._stray(deed, said.client_order_id)
        self._memory.learn_order(said)
        report = order_report(said, client_id, self._memory.kind_of(client_id))
        if isinstance(report, Unreadable):
            return self._answer(deed, Answer.UNKNOWN, report.why)
        return self._answer(deed, Answer.DONE, order=report)

    def _refused(self, valid_until_ns: int, *, trades: bool = False) -> str:
        if trades and self.forbidden:
            return f"not sent: {self.forbidden}"
        trouble = self._trouble()
        if trouble:
            return f"not sent: not connected: {trouble}"
        return TOO_LATE if valid_until_ns and self._clock() > valid_until_ns else ""

    def _failed(self, deed: _Deed, outcome: Failure | Silence) -> Answered:
        if isinstance(outcome, Silence):
            answer = unanswered(self.account, deed.request, deed.client_id, outcome)
        else:
            answer = Answered(
                self.account,
                deed.request,
                deed.client_id,
                mends.class_of(outcome),
                mends.sentence(outcome),
                # Where orders alone have to wait, the allowance knows.
                retry_ns=0 if outcome.of_orders else outcome.retry_ns,
            )
            if outcome.for_a_person and deed.request == "place":
                # The account could be read with this key. Nothing but a deed shows that it may not trade.
                self.forbidden = answer.reason
            self._look_into(outcome)
        if deed.request == "place" and answer.answer is Answer.REJECTED:
            self._memory.ended(deed.client_id)
        return answer

    def _unsent(self, deed: _Deed, why: str) -> Answered:
        return Answered(self.account, deed.request, deed.client_id, Answer.REJECTED, why, unsent=True)

    def _stray(self, deed: _Deed, other: str) -> Answered:
        return self._answer(deed, Answer.UNKNOWN, f"the answer is about another order: {other!r}")

    def _answer(
        self, deed: _Deed, answer: Answer, reason: str = "", order: OrderReport | None = None
    ) -> Answered:
        return Answered(self.account, deed.request, deed.client_id, answer, reason, order=order)
