"""One rung of a ladder: an order that waits for its trigger, by its sum and its level."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.engine.wants import Rest
from kedge.model.instrument import Instrument, Market
from kedge.model.numbers import HUNDRED, ONE, ZERO, divide
from kedge.model.order import PRICED, OrderKind, Side, fires_rising, sign


class Rung(Struct, frozen=True):
    slot: str
    market: Market
    side: Side
    qty: Decimal
    kind: OrderKind
    trigger_price: Decimal


def below(side: Side, kind: OrderKind) -> bool:
    """Whether rungs of this sort wait below the price."""
    return not fires_rising(kind, side)


def at_level(base: Decimal, level: Decimal, side: Side, kind: OrderKind) -> Decimal:
    """So many per cent away from the base price, on the side where such a rung waits; not cut to the tick."""
    return base * (HUNDRED + (-level if below(side, kind) else level)) / HUNDRED


def lots(instrument: Instrument, money: Decimal, price: Decimal) -> Decimal:
    """What this much money buys at this price, in whole lots. A bond's price counts its nominal."""
    if price <= 0:
        return ZERO
    qty = instrument.qty_at_most(divide(money, instrument.notional(ONE, price)))
    return min(qty, instrument.qty_at_most(instrument.max_qty))


def rest_of(rung: Rung, left: Decimal, expires_ns: int, through: Decimal) -> Rest:
    price = ZERO
    if rung.kind in PRICED:
        price = rung.trigger_price * (ONE + sign(rung.side) * through)
    return Rest(
        rung.slot,
        rung.market,
        rung.side,
        price,
        left,
        kind=rung.kind,
        trigger_price=rung.trigger_price,
        expires_ns=expires_ns,
        keep=True,
        why="waits for its level",
    )
