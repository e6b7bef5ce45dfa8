"""An order as it is kept in a stash: everything that is needed to put it back as it was."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, Side, Tif, Trigger


class SavedOrder(Struct, frozen=True):
    # Every field is written: which numbers count as left out would depend on where they come from.
    symbol: str
    side: Side
    qty: Decimal  # what was left of it
    kind: OrderKind
    trigger_price: Decimal
    price: Decimal = ZERO
    expires_ns: int = 0
    tif: Tif = "gtc"
    trigger_by: Trigger = "last"
    reduce_only: bool = False
    # How it was known when it was saved, whose it was ("" for somebody else's), and what of it had traded.
    client_id: str = ""
    venue_id: str = ""
    bot: str = ""
    done: Decimal = ZERO
