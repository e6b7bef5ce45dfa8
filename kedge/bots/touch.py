"""The price that a passive order joins, without following its own shadow."""

from __future__ import annotations

from decimal import Decimal

from kedge.engine.bot import MarketView, SlotView
from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side, sign


def join(market: MarketView, side: Side, slot: SlotView) -> Decimal:
    """The best price that others hold on this side; zero when there is none.

    Where only our own order holds the best price, the next one is joined.
    """
    levels = market.bids if side == "buy" else market.asks
    if not levels:
        return ZERO
    price = levels[0].price
    own = slot.order
    if own is not None and own.price == price and len(levels) > 1:
        alone = levels[0].qty <= own.qty - own.filled
        price = levels[1].price if alone else price
    return price


def walked(market: MarketView, side: Side, qty: Decimal, slip: Decimal) -> Decimal:
    """The average price at which an aggressive order of this size would be done now; zero for none.

    What the shown levels do not hold is counted at the worst price that `slip` allows, and so is what lies
    beyond it: the order would not be done there, and the rest would have to be tried again.
    """
    levels = market.asks if side == "buy" else market.bids
    if not levels or qty <= 0:
        return levels[0].price if levels else ZERO
    bound = levels[0].price * (ONE + sign(side) * slip)
    left, paid = qty, ZERO
    for level in levels:
        if left <= 0 or (level.price - bound) * sign(side) > 0:
            break
        here = min(left, level.qty)
        paid += here * level.price
        left -= here
    paid += left * bound
    return paid / qty
