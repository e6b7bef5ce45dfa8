"""Planted faults of the T-Invest adapter: what its protocol tempts one to. A wire storm must catch each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import kedge.engine.naming as naming
import kedge.engine.orders as engine_orders
import kedge.engine.reconcile as reconcile
from kedge.engine.engine import Engine
from kedge.engine.state import Account, Order
from kedge.model.instrument import Instrument
from kedge.model.venue import Ask, Fill, OrderReport
from kedge.storm.mutants import Mutant, Patch
from kedge.venues.tinvest import account as tinvest_account
from kedge.venues.tinvest import orders
from kedge.venues.tinvest.account import Stop
from kedge.venues.tinvest.questions import Found, Questions


def _absent_is_never() -> Sequence[Patch]:
    """Not found is believed without using the key up."""
    old = Questions.order

    async def order(self: Questions, ask: Ask) -> Found | str:
        found = await old(self, ask)
        if isinstance(found, str) or found.told is not None or ask.venue_id:
            return found
        return Found(burnt=True)

    return [(Questions, "order", order)]


def _stop_given_twice() -> Sequence[Patch]:
    """A stop order is found by its trigger alone, whoever has it already."""

    def owner_of(self: Questions, ask: Ask, stop: Stop) -> str:
        return ""

    def is_anothers(account: Account, order: Order, report: OrderReport) -> bool:
        return False

    return [
        (Questions, "owner_of", owner_of),
        (naming, "is_anothers", is_anothers),
        (engine_orders, "is_anothers", is_anothers),
    ]


def _units_as_lots() -> Sequence[Patch]:
    """The quantity goes out as it is."""

    def lots(qty: Decimal, instrument: Instrument) -> int:
        return int(qty)

    return [(orders, "_lots", lots)]


def _free_of_charge() -> Sequence[Patch]:
    """Commissions are not asked for."""

    def costs(*anything: Any) -> tuple[Any, ...]:
        return ()

    return [(tinvest_account, "_costs", costs)]


def _burn_is_the_order() -> Sequence[Patch]:
    """What is found under a key is the order, whatever it is."""

    def no(*anything: Any) -> bool:
        return False

    return [
        (orders, "is_burn", no),
        (orders, "is_burn_stop", no),
        (engine_orders, "burnt_its_key", no),
    ]


def _nameless_is_foreign() -> Sequence[Patch]:
    """A trade of a stop order that nobody has named yet is somebody else's."""

    def nobody(e: Engine, account: Account, symbol: str = "", fill: Fill | None = None) -> Order | None:
        return None

    return [(engine_orders, "nameless_stop", nobody), (reconcile, "nameless_stop", nobody)]


MOEX_MUTANTS: tuple[Mutant, ...] = (
    Mutant("absent-is-never", "not found is believed without burning the key", _absent_is_never),
    Mutant("stop-given-twice", "a stop order found by its looks is given to two orders", _stop_given_twice),
    Mutant("units-as-lots", "pieces are sent as lots", _units_as_lots),
    Mutant("free-of-charge", "commissions of orders are not told", _free_of_charge),
    Mutant("burn-is-order", "what burnt a key is taken for the order", _burn_is_the_order),
    Mutant("nameless-is-foreign", "what a stop order without a name trades is others'", _nameless_is_foreign),
)
