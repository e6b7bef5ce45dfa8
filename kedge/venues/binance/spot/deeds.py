"""Orders and cancels: by the WS API, by REST where that certainly did not send them; one attempt each.

A deed carries its last moment to the venue (`timestamp` + `recvWindow`), which checks it on arrival and again
right before the matching engine. What answers it is an `Answered` of one of the four classes, by the table in
`../errors.py`; an answer about another order, or one that cannot be read, is no knowledge.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kedge.model.events import Answered, Request
from kedge.model.venue import Answer, OrderReport
from kedge.venues.allowance import Cost
from kedge.venues.binance.errors import Failure, answer_of, sentence_of
from kedge.venues.binance.sign import Value, query_of
from kedge.venues.binance.spot import rules
from kedge.venues.binance.spot.asking import ORDER_PATH
from kedge.venues.binance.spot.session import Session
from kedge.venues.binance.spot.us import Us
from kedge.venues.binance.spot.wire import OrderSaid, Unreadable, order_of, read_as
from kedge.venues.rest import Call, Rest
from kedge.venues.silence import Silence, sentence, unanswered
from kedge.venues.venue import Clock
from kedge.venues.wires import Method

PLACE_COST: Cost = ((rules.WEIGHT, rules.W_DEED), (rules.ORDERS, 1))
CANCEL_COST: Cost = ((rules.WEIGHT, rules.W_DEED),)
PAST = "not sent: its last moment has passed"


class Deed(Struct, frozen=True):
    """One request that changes something, in the words of both ways."""

    request: Request
    client_id: str
    ws_method: str
    http_method: Method
    params: dict[str, Value]
    cost: Cost
    valid_until_ns: int


class Deeds:
    """`failed` is told of every refusal: some say that the clock, the key or the instruments need a look."""

    def __init__(
        self,
        account: str,
        us: Us,
        rest: Rest,
        orders: Session,
        clock: Clock,
        failed: Callable[[Failure], None],
    ) -> None:
        self.account = account
        self._us = us
        self._rest = rest
        self._orders = orders
        self._clock = clock
        self._failed = failed

    async def do(self, deed: Deed) -> Answered:
        """Carry it out, once."""
        if not self._orders.is_up:
            return await self._by_rest(deed, deed.cost)
        now_ns = self._clock()
        allowance = self._rest.allowance
        wait_ns = allowance.wait_ns(deed.cost, True, now_ns)
        if wait_ns:
            why = sentence(f"not sent: {allowance.excuse(wait_ns, now_ns)}")
            silence = Silence(why, unsent=True, retry_ns=wait_ns)
            return unanswered(self.account, deed.request, deed.client_id, silence)
        # Now and not when it is answered: others leave meanwhile, and answers may be slow.
        allowance.take(deed.cost, now_ns)
        said = await self._orders.ask(deed.ws_method, deed.params, deed.valid_until_ns)
        if isinstance(said, Silence) and said.unsent:
            return await self._by_rest(deed, ())
        if isinstance(said, Silence):
            return unanswered(self.account, deed.request, deed.client_id, said)
        if said.status == 200:
            return self._done(deed, bytes(said.result))
        return self._refused(deed, self._us.ws_failure(said))

    async def _by_rest(self, deed: Deed, cost: Cost) -> Answered:
        """`cost`: what has not been taken of the allowance yet."""
        if deed.valid_until_ns and deed.valid_until_ns - self._clock() < rules.NS_PER_MS:
            return unanswered(self.account, deed.request, deed.client_id, Silence(PAST, unsent=True))
        call = Call(
            deed.http_method,
            ORDER_PATH,
            query_of(deed.params),
            cost=cost,
            deed=True,
            valid_until_ns=deed.valid_until_ns,
        )
        said = await self._rest.ask(call)
        if isinstance(said, Silence):
            return unanswered(self.account, deed.request, deed.client_id, said)
        if said.status == 200:
            return self._done(deed, said.body)
        return self._refused(deed, self._us.failure(said))

    def _done(self, deed: Deed, body: bytes) -> Answered:
        said = read_as(body, OrderSaid)
        order = order_of(said) if isinstance(said, OrderSaid) else said
        if isinstance(order, Unreadable):
            # "Done" about which nothing can be read is not knowledge.
            return self._answered(deed, Answer.UNKNOWN, order.why)
        if order.client_id != deed.client_id:
            why = f"the answer is about another order: {order.client_id!r}"
            return self._answered(deed, Answer.UNKNOWN, why)
        return self._answered(deed, Answer.DONE, "", order)

    def _refused(self, deed: Deed, failure: Failure) -> Answered:
        self._failed(failure)
        answer = answer_of(failure)
        return Answered(
            self.account,
            deed.request,
            deed.client_id,
            answer,
            sentence_of(failure),
            # Where orders alone have to wait, the allowance knows.
            retry_ns=0 if failure.of_orders else failure.retry_ns,
        )

    def _answered(self, deed: Deed, answer: Answer, why: str, order: OrderReport | None = None) -> Answered:
        return Answered(self.account, deed.request, deed.client_id, answer, sentence(why), order)
