"""How much a desk, an account or a bot may risk: six numbers, each with its unit. 0 means no limit.

The same six stand at three places (desk, account, bot) and an order must pass all of them.
What they are compared with, and when, is `engine/limits.py`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from kedge.model.numbers import LIMIT, ONE, ZERO


class Limits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    order_qty_max: Annotated[
        Decimal,
        Meta(description="Largest quantity of one order, in units of its instrument (coins, contracts)."),
    ] = ZERO
    order_notional_max: Annotated[
        Decimal, Meta(description="Largest size of one order, in the quote money of its instrument.")
    ] = ZERO
    exposure_notional_max: Annotated[
        Decimal,
        Meta(
            description="Largest worst case, in quote money: what is held plus everything open, in flight or"
            " unknown, as if all of it filled."
        ),
    ] = ZERO
    collar: Annotated[
        Decimal,
        Meta(
            description="How far through the opposite touch an order may be priced, as a fraction of it: 0.02"
            " is two per cent."
        ),
    ] = ZERO
    orders_per_minute: Annotated[
        int, Meta(description="Most new orders in any sixty seconds; cancels and hedges are never held back.")
    ] = 0
    daily_loss_max: Annotated[
        Decimal,
        Meta(
            description="Largest loss of one UTC day, realised and unrealised, in the settlement asset: of"
            " the desk, the account or the bot whose limit it is."
        ),
    ] = ZERO

    def __post_init__(self) -> None:
        """Raises `ValueError` with one sentence: msgspec shows it with the place in the file."""
        for name in self.__struct_fields__:
            number = Decimal(getattr(self, name)) if name in LIMIT_NAMES else ZERO
            if not number.is_finite():
                raise ValueError(f"`{name}` must be a finite number")
            if number < 0:
                raise ValueError(f"`{name}` must not be negative; 0 means no limit")
            if number >= LIMIT:
                raise ValueError(f"`{name}` is out of range; 0 means no limit")
        if self.collar >= ONE:
            raise ValueError(
                "`collar` is a fraction of the price: 0.02 is two per cent, and 1 or more is none at all"
            )

    def __bool__(self) -> bool:
        """Whether anything is limited at all."""
        return any(getattr(self, name) for name in LIMIT_NAMES)


LIMIT_NAMES = (
    "order_qty_max",
    "order_notional_max",
    "exposure_notional_max",
    "collar",
    "orders_per_minute",
    "daily_loss_max",
)

NO_LIMITS = Limits()


def or_default(own: Limits, default: Limits) -> Limits:
    """`own` with each number it leaves at 0 taken from `default`."""
    return Limits(*(getattr(own, name) or getattr(default, name) for name in LIMIT_NAMES))
