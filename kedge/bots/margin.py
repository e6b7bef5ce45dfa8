"""Whether the money is there: what orders would tie up, against what the accounts may still spend.

Only what a venue says is counted: where it tells no margin of a derivative, or no balance, nothing is
refused. What only shrinks a position that the account has needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from kedge.engine.bot import Known, MarketView
from kedge.model.instrument import account_of
from kedge.model.numbers import ONE, ZERO, text
from kedge.model.order import Side, sign

_CENT = Decimal("0.01")


class Part(Struct, frozen=True):
    """One leg of what is about to be traded."""

    market: MarketView
    side: Side
    qty: Decimal


def barred(known: Known, part: Part) -> str:
    """Why this leg cannot be traded at all, in one sentence; "" when nothing says so."""
    it, market = part.market.instrument, part.market.market
    if part.side == "buy":
        return "" if it.can_buy else f"{market} cannot be bought"
    if not it.can_sell:
        return f"{market} cannot be sold"
    if it.can_short:
        return ""
    held = max(known.position(market), known.free(account_of(market), it.base) or ZERO)
    if held >= part.qty:
        return ""
    return f"{market} cannot be sold short, and {text(held)} of {text(part.qty)} is held"


def short_of(known: Known, parts: Iterable[Part]) -> str:
    """What money is missing for all of it together, in one sentence; "" when none is known to be."""
    needed: dict[tuple[str, str], Decimal] = {}
    for part in parts:
        money = _needs(known, part)
        if money > 0:
            place = account_of(part.market.market), part.market.instrument.settle
            needed[place] = needed.get(place, ZERO) + money
    for (account, asset), money in needed.items():
        free = known.free(account, asset)
        if free is not None and free < money:
            return f"it needs {_shown(money)} {asset} of margin, and {_shown(free)} is free on {account}"
    return ""


def _needs(known: Known, part: Part) -> Decimal:
    it = part.market.instrument
    opposing = max(ZERO, -sign(part.side) * known.position(part.market.market))
    more = max(ZERO, part.qty - opposing)
    margin = it.buy_margin if part.side == "buy" else it.sell_margin
    if margin:
        return more * margin
    if it.kind in ("spot", "bond") and part.side == "buy":
        price = _price(part)
        return it.notional(ONE, price) * part.qty if price > 0 else ZERO
    return ZERO


def _price(part: Part) -> Decimal:
    """What would be paid; the last price out of session."""
    market = part.market
    return market.ask if market.asks else market.last or market.mark


def _shown(money: Decimal) -> str:
    return text(money.quantize(_CENT, ROUND_HALF_UP))
