"""What everything with two legs lives by:

    near.net = -ratio * far.net

It is recomputed from the ledger each time, so a partial fill, a fill after a cancel and a fill while the desk
was dead are one case. The near leg is balance: it is wanted in every phase, until it is even.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.engine.bot import MarketView, SlotView
from kedge.engine.wants import Target
from kedge.model.instrument import Market
from kedge.model.numbers import ZERO
from kedge.model.order import Side, sign

FAR, NEAR = "far", "near"
# After so many refusals of the near leg in a row, the far leg is not worked any more until one gets through.
STUCK = 2


def even(market: Market, ratio: Decimal, far: SlotView, slip: Decimal) -> Target:
    """The near leg as it has to be, given what the far leg has done."""
    return Target(NEAR, market, net=-ratio * far.net, slip=slip, why="evens the far leg")


def behind(wanted: Target, near: SlotView, market: MarketView) -> Decimal:
    """What the near leg has still to trade, signed; what no order can be made of is not counted."""
    rest = wanted.net - near.net
    price = market.touch("buy" if rest > 0 else "sell") if market.bids and market.asks else market.last
    if price <= 0:
        return rest
    return ZERO if market.instrument.tradable(abs(rest), price) <= 0 else rest


def better(spread: Decimal, than: Decimal, side: Side) -> bool:
    """Whether this spread is strictly better for who does `side` on the far leg."""
    return (than - spread) * sign(side) > 0


def paid(slot: SlotView) -> Decimal:
    """The average price of what a leg has traded net; zero where it is flat. Trades back count against it."""
    net = slot.net
    if net == 0:
        return ZERO
    if slot.sold == 0 or slot.bought == 0:
        return slot.bought_avg if slot.bought else slot.sold_avg
    return (slot.bought * slot.bought_avg - slot.sold * slot.sold_avg) / net
