"""One signed question of Binance spot by REST, read as what its answer should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kedge.model.venue import OrderReport
from kedge.venues.binance.errors import NO_SUCH_ORDER, ORDER_ARCHIVED, Failure
from kedge.venues.binance.sign import Params, query_of
from kedge.venues.binance.spot import rules
from kedge.venues.binance.spot.us import Us
from kedge.venues.binance.spot.wire import OrderSaid, Unreadable, order_of, read_as
from kedge.venues.rest import Call, Rest
from kedge.venues.silence import Silence

T = TypeVar("T")
ORDER_PATH = "/api/v3/order"
OPEN_ORDERS_PATH = "/api/v3/openOrders"
ALL_ORDERS_PATH = "/api/v3/allOrders"
# Refusals of a lookup that say: there is none, as far as this place knows.
ABSENT = (NO_SUCH_ORDER, ORDER_ARCHIVED)


class Asking:
    """`noticed` is told of every order that an answer shows, with the time it was placed."""

    def __init__(self, rest: Rest, us: Us, noticed: Callable[[str, int], None]) -> None:
        self.us = us
        self._rest = rest
        self._noticed = noticed

    async def get(
        self, path: str, params: Params, weight: int, kind: type[T]
    ) -> T | Failure | Unreadable | Silence:
        call = Call("GET", path, query_of(params), cost=((rules.WEIGHT, weight),))
        said = await self._rest.ask(call)
        if isinstance(said, Silence):
            return said
        return read_as(said.body, kind) if said.status == 200 else self.us.failure(said)

    async def order(self, params: Params) -> OrderReport | Failure | Unreadable | Silence | None:
        """One order by its id or number; None: this place does not know it."""
        said = await self.get(ORDER_PATH, params, rules.W_ORDER, OrderSaid)
        if isinstance(said, OrderSaid):
            self._noticed(said.symbol, said.time)
            return order_of(said)
        return None if isinstance(said, Failure) and said.code in ABSENT else said

    async def orders(
        self, path: str, params: Params, weight: int
    ) -> list[OrderReport] | Failure | Unreadable | Silence:
        """A list of orders; one that cannot be read spoils the list, for it may be the one."""
        said = await self.get(path, params, weight, tuple[OrderSaid, ...])
        if not isinstance(said, tuple):
            return said
        found = [order_of(one) for one in said]
        unread = next((one for one in found if isinstance(one, Unreadable)), None)
        return unread or [one for one in found if isinstance(one, OrderReport)]
