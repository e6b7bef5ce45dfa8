"""What each market comes to: its worst case and its open profit, reckoned again only when something changed.

A new order is measured against everything the desk has, and a desk may have a thousand bots on a hundred
markets. So each market's figures are kept beside everything they were reckoned from; if all of that is the
same, so are they. Comparing is cheap: what has not changed is the same object.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from kedge.engine.engine import Engine
from kedge.engine.state import Open
from kedge.model.instrument import Market
from kedge.model.numbers import ZERO

_FLAT = (ZERO, ZERO)
_NOTHING_OPEN = Open()


class Worth(Struct, frozen=True):
    of: tuple[object, ...]
    worst: Decimal  # the account's worst case in quote money, whichever side fills
    profit: Decimal  # what our bots' positions have won or lost so far, in the settlement asset
    settle: str


def worths(e: Engine) -> Iterator[tuple[Market, Worth]]:
    """Every market with a position or an order, in the order in which they came to be."""
    for market in dict.fromkeys([*e.desk.nets, *e.desk.open]):
        found = worth(e, market)
        if found is not None:
            yield market, found


def worth(e: Engine, market: Market) -> Worth | None:
    """None while the instrument or a price is not known."""
    instrument = e.desk.instrument(market)
    if instrument is None:
        return None
    now = e.market(market)
    net, standing = e.desk.net(market), e.desk.open.get(market, _NOTHING_OPEN)
    qty, cost = held(e).get(market, _FLAT)
    of = (instrument, net, standing.buy, standing.sell, qty, cost, now.mark, now.bids, now.asks, now.last)
    known: Worth | None = e.worths.get(market)
    if known is not None and known.of == of:
        return known
    price = now.reference
    if price <= 0:
        return None
    most = max(abs(net + standing.buy), abs(net - standing.sell))
    profit = instrument.value(qty, price) - cost if qty else -cost
    found = Worth(of, instrument.notional(most, price), profit, instrument.settle)
    e.worths[market] = found
    return found


def held(e: Engine) -> dict[Market, tuple[Decimal, Decimal]]:
    """What our bots hold of each market together, and what it cost; summed anew after a fill."""
    if e.held is None:
        e.held = {}
        for bot in e.desk.bots.values():
            for slot in bot.slots.values():
                if slot.position.qty:
                    qty, cost = e.held.get(slot.market, _FLAT)
                    e.held[slot.market] = qty + slot.position.qty, cost + slot.position.cost
    return e.held
