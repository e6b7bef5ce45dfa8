"""What a spread has done, reckoned and in words: the amount, both averages, commissions, what is not even."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.bots.legs import paid
from kedge.engine.bot import MarketView, SlotView
from kedge.model.instrument import Instrument, symbol_of
from kedge.model.numbers import ONE, ZERO, divide, text
from kedge.model.order import Side, sign

_FINER = Decimal("0.01")


class Legs(Struct, frozen=True):
    """Both legs at one moment."""

    side: Side
    qty: Decimal
    ratio: Decimal
    far_market: MarketView
    near_market: MarketView
    far: SlotView
    near: SlotView

    @property
    def executed(self) -> Decimal:
        return self.far.traded(self.side)

    @property
    def rest(self) -> Decimal:
        return self.qty - self.executed

    @property
    def owed(self) -> Decimal:
        """What the near leg would have to trade for the remainder of the far leg."""
        return self.ratio * self.rest

    @property
    def residue(self) -> Decimal:
        """What the near leg has too much (or too little) of, signed."""
        return self.near.net + self.ratio * self.far.net


class Got(Struct, frozen=True):
    """The spread that was really got; `after` counts commissions, where they are paid in the same money."""

    spread: Decimal
    after: Decimal
    fees: dict[str, Decimal]


def got(legs: Legs) -> Got | None:
    """None before both legs have traded."""
    if not legs.far.net or not legs.near.net:
        return None
    spread = paid(legs.far) - legs.ratio * paid(legs.near)
    fees: dict[str, Decimal] = {}
    for slot in (legs.far, legs.near):
        for asset, amount in slot.fees.items():
            fees[asset] = fees.get(asset, ZERO) + amount
    instrument = legs.far_market.instrument
    point = _point(instrument)
    cost = divide(fees.get(instrument.settle, ZERO), point * abs(legs.far.net)) if point else ZERO
    return Got(spread, spread + sign(legs.side) * cost, fees)


def progress(legs: Legs) -> str:
    """[executed / amount] at avg: the form that people know."""
    head = f"[{text(legs.executed)} / {text(legs.qty)}]"
    found = got(legs)
    if found is None:
        return head
    after = f", {_shown(legs, found.after)} after commissions" if found.after != found.spread else ""
    return f"{head} at {_shown(legs, found.spread)}{after}"


def ended(legs: Legs) -> str:
    if legs.executed == 0:
        return f"nothing of {text(legs.qty)} was done"
    parts = [progress(legs)]
    for slot, market in ((legs.far, legs.far_market), (legs.near, legs.near_market)):
        if slot.net:
            parts.append(_leg(slot, market))
    if legs.residue:
        step = max(legs.near_market.instrument.qty_step, legs.near_market.instrument.min_qty)
        many = "too much" if legs.residue * legs.near.net > 0 else "missing"
        parts.append(f"{text(abs(legs.residue))} of the near leg is {many}: it trades in {text(step)}")
    return "; ".join(parts)


def residue_ahead(far: MarketView, near: MarketView, ratio: Decimal) -> str:
    """What may stay open because the steps of the legs do not meet; "" where they do."""
    step = near.instrument.qty_step
    unit = ratio * far.instrument.qty_step
    if unit % step == 0:
        return ""
    return (
        f"{text(far.instrument.qty_step)} of {symbol_of(far.market)} needs {text(unit)} of"
        f" {symbol_of(near.market)}, which trades in {text(step)}: less than that may stay open"
    )


def _leg(slot: SlotView, market: MarketView) -> str:
    fees = ", ".join(f"{text(amount)} {asset}" for asset, amount in slot.fees.items() if amount)
    price = text(paid(slot).quantize(market.instrument.tick * _FINER))
    commission = f" (commission {fees})" if fees else ""
    return f"{symbol_of(market.market)} {text(slot.net)} at {price}{commission}"


def _shown(legs: Legs, spread: Decimal) -> str:
    return text(spread.quantize(legs.far_market.instrument.tick * _FINER))


def _point(instrument: Instrument) -> Decimal:
    """What one point of price of one unit is worth, in the settlement asset."""
    return ZERO if instrument.kind == "inverse" else instrument.value(ONE, ONE)
