"""How many units of one instrument stand against one unit of another, by their contracts."""

from __future__ import annotations

from decimal import Decimal

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE, ZERO, divide


def ratio_of(far: Instrument, near: Instrument) -> Decimal:
    """Units of the near leg for one unit of the far leg; zero where nobody can tell.

    A future on what the near leg is: the size of its contract. Two of one kind: one to one, or as the sizes
    of their contracts are, where both are known; but never two futures on different things.
    """
    if far.asset and not near.expires_ns and near.kind in ("spot", "bond"):
        if far.asset in (near.symbol, ticker_of(near), near.base):
            return far.asset_size
        return ZERO
    if far.kind == near.kind:
        if far.asset and near.asset and far.asset != near.asset:
            return ZERO
        if far.asset and far.asset_size > 0 and near.asset_size > 0:
            return divide(far.asset_size, near.asset_size)
        if far.kind in ("linear", "inverse"):
            return divide(far.multiplier, near.multiplier) if far.base == near.base else ZERO
        return ONE
    if far.kind == "linear" and near.kind == "spot" and far.base == near.base:
        return far.multiplier
    return ZERO


def ticker_of(instrument: Instrument) -> str:
    """Its symbol without the board: SBER@TQBR is SBER."""
    return instrument.symbol.partition("@")[0]
