"""What a bot still holds, in words: at its end, in what needs a person, and before another takes over."""

from __future__ import annotations

from decimal import Decimal

from kedge.engine.state import BotRow
from kedge.model.numbers import ZERO, text


def residue(row: BotRow) -> str:
    """The bot's open positions, one per market; "" where it is flat."""
    nets: dict[str, Decimal] = {}
    for slot in row.slots.values():
        nets[slot.market] = nets.get(slot.market, ZERO) + slot.position.qty
    return ", ".join(f"{text(qty)} {market}" for market, qty in nets.items() if qty != 0)
