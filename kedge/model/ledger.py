"""Fills become positions and profit. One small account-book, used by the engine and by what people read.

A position keeps its open quantity and the value at which it was opened (`cost`, in the settlement
asset). Closing a part takes the same part of the cost with it, so for every history and every price

    realised + unrealised(price)  ==  value(qty, price) - sum of value(each fill)

holds exactly, whatever was rounded on the way: rounding moves between realised and cost, never away.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct, field

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO, divide


class Position(Struct):
    """What is held of one instrument. `qty` is signed; fees are kept per asset, positive is paid."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)

    def book(self, instrument: Instrument, qty: Decimal, price: Decimal) -> Decimal:
        """Add a fill of `qty` (signed) at `price`; return the profit it realised."""
        assert qty != 0
        assert price > 0
        closing = ZERO
        if self.qty != 0 and (qty > 0) != (self.qty > 0):
            closing = qty if abs(qty) <= abs(self.qty) else -self.qty
        profit = ZERO
        if closing != 0:
            whole = closing == -self.qty
            part = self.cost if whole else divide(self.cost * abs(closing), abs(self.qty))
            profit = -instrument.value(closing, price) - part
            self.cost -= part
        opening = qty - closing
        if opening != 0:
            # By difference, so that the parts of one fill add up to its whole value exactly.
            value = instrument.value(qty, price)
            self.cost += value - instrument.value(closing, price) if closing != 0 else value
        self.qty += qty
        self.realised += profit
        return profit

    def pay(self, asset: str, amount: Decimal) -> None:
        """Book a fee (negative is a rebate)."""
        if amount != 0:
            self.fees[asset] = self.fees.get(asset, ZERO) + amount

    def average(self, instrument: Instrument) -> Decimal:
        """The average price of what is open; zero when flat."""
        return instrument.price_of(self.qty, self.cost) if self.qty != 0 else ZERO

    def unrealised(self, instrument: Instrument, price: Decimal) -> Decimal:
        return instrument.value(self.qty, price) - self.cost if self.qty != 0 else ZERO


class Tally(Struct):
    """The cumulative trading of one slot: both sides apart, never netted, never reset."""

    bought: Decimal = ZERO
    sold: Decimal = ZERO
    bought_value: Decimal = ZERO  # sums of `Instrument.value`, both unsigned in quantity
    sold_value: Decimal = ZERO

    def book(self, instrument: Instrument, qty: Decimal, price: Decimal) -> None:
        if qty > 0:
            self.bought += qty
            self.bought_value += instrument.value(qty, price)
        else:
            self.sold -= qty
            self.sold_value += instrument.value(-qty, price)

    @property
    def net(self) -> Decimal:
        return self.bought - self.sold

    def bought_average(self, instrument: Instrument) -> Decimal:
        return instrument.price_of(self.bought, self.bought_value) if self.bought else ZERO

    def sold_average(self, instrument: Instrument) -> Decimal:
        return instrument.price_of(self.sold, self.sold_value) if self.sold else ZERO
