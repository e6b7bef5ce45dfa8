"""What a bot may want. The engine compares wants with what is, and issues the fewest requests.

Two shapes only. A `Rest` is an order that should stand in the book now. A `Target` is a sum: "this slot
shall have traded this much in all", so a hedge is `Target(net=-ratio * far.net)` and partial fills, late
fills, fills after a cancel and fills while we were dead are one case.

A slot is the bot's own name for one line of its work ("far", "near", "bid-2"); it holds at most one
unresolved order at a time.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from kedge.model.instrument import Market
from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, Side, Tif, Trigger
from kedge.model.records import Role


class Rest(Struct, frozen=True, tag=True, omit_defaults=True):
    """Have `qty` standing at `price` now. What has filled is not part of `qty`: subtract it."""

    slot: str
    market: Market
    side: Side
    price: Decimal
    qty: Decimal
    kind: OrderKind = "limit"
    tif: Tif = "gtc"
    role: Role = "risk"
    reduce_only: bool = False
    trigger_price: Decimal = ZERO
    trigger_by: Trigger = "last"
    # Post-only orders that may be journalled with the send: found and cancelled at start by their id.
    quote: bool = False
    why: str = ""
    # It waits at the venue for its trigger, and needs no fresh book: it stands while the line is cut.
    keep: bool = False
    # When it ends by itself; 0: it stands for as long as it is wanted. What has ended so is not placed again.
    expires_ns: int = 0


class Target(Struct, frozen=True, tag=True, omit_defaults=True):
    """Have this slot's fills sum to `net` (signed; buys positive).

    "cross" takes the touch at once, immediate-or-cancel, no further than `slip` (a fraction of it);
    "touch" rests at the near touch and follows it.
    `limit_price` bounds both. What is less than the venue's smallest order is dust and stays.
    """

    slot: str
    market: Market
    net: Decimal
    how: Literal["cross", "touch"] = "cross"
    slip: Decimal = Decimal("0.005")
    limit_price: Decimal = ZERO
    role: Role = "balance"
    reduce_only: bool = False
    why: str = ""


Want = Rest | Target
