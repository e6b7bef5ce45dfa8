"""What cards about orders have in common."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from kedge.model.order import TERMINAL, State
from kedge.model.venue import Fill, PlaceOrder
from tests.contract.desk import SECOND, Desk, is_sentence
from tests.contract.rig import Rig


def same(told: Fill, true: Fill) -> bool:
    """What a fill is; only its own id may be written in another way."""
    names = ("client_id", "side", "qty", "price", "fee", "fee_asset", "maker", "kind")
    return all(getattr(told, name) == getattr(true, name) for name in names)


async def told_as_made(rig: Rig, desk: Desk, order: PlaceOrder) -> list[Fill]:
    """Every fill of the order was told once, as the exchange made it."""
    true = rig.true_fills(order)
    await desk.holds(lambda: len(desk.fills(order.client_id)) == len(true), 10)
    told = desk.fills(order.client_id)
    for one, other in zip(told, true, strict=True):
        assert same(one, other), (one, other)
        assert one.symbol == rig.symbol
        assert abs(one.venue_ns - other.venue_ns) < SECOND
    return told


def moves_forward(desk: Desk, order: PlaceOrder) -> None:
    """Filled never falls, and what has ended has ended."""
    reports = desk.orders(order.client_id)
    ended = False
    filled = Decimal(0)
    for report in reports:
        assert report.cum_qty >= filled
        assert not (ended and report.state not in TERMINAL), reports
        filled, ended = report.cum_qty, report.state in TERMINAL
        assert (report.symbol, report.side) == (order.symbol, order.side)


async def refused(rig: Rig, desk: Desk, order: PlaceOrder) -> None:
    """Refused for certain, in one sentence, and nothing of it at the venue."""
    state = await desk.outcome(order)
    assert state is State.REJECTED, state
    await asyncio.sleep(1)
    assert not rig.is_live(order)
    assert rig.true_fills(order) == []
    if desk.orders(order.client_id):
        is_sentence(desk.orders(order.client_id)[-1].reason)
