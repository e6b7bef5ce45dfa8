"""The first values of the lists by which stop orders are placed; people change them while the desk runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from kedge.model import lists
from kedge.model.lists import NUKE_LEVELS, SHORTS_LEVELS, STOPS_EXPIRY, STOPS_LEVELS, STOPS_SUM
from kedge.model.numbers import text

Levels = tuple[Decimal, ...]


def _usual(name: str) -> Levels:
    return tuple(Decimal(item) for item in lists.USUAL[name])


class MoexSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What /stops, /shorts and /nuke do where nothing else is said; lists that people set go before it."""

    stops_levels: Annotated[Levels, Meta(description="How many per cent below the price /stops buys.")] = (
        _usual(STOPS_LEVELS)
    )
    shorts_levels: Annotated[Levels, Meta(description="How many per cent above the price /shorts sells.")] = (
        _usual(SHORTS_LEVELS)
    )
    nuke_levels: Annotated[Levels, Meta(description="How many per cent below the price /nuke buys.")] = (
        _usual(NUKE_LEVELS)
    )
    stops_sum: Annotated[Decimal, Meta(description="Money for each order of /stops and /shorts.")] = Decimal(
        lists.USUAL[STOPS_SUM][0]
    )
    stops_expiry: Annotated[str, Meta(description="How long these orders stand: 120m, 8h, 7d, or none.")] = (
        lists.USUAL[STOPS_EXPIRY][0]
    )

    def __post_init__(self) -> None:
        for name, items in self.lists().items():
            if wrong := lists.wrong(name, items):
                raise ValueError(f"`{name.replace('-', '_')}`: {wrong}")

    def lists(self) -> dict[str, tuple[str, ...]]:
        """The same by the names of the lists."""
        given = {
            STOPS_LEVELS: self.stops_levels,
            SHORTS_LEVELS: self.shorts_levels,
            NUKE_LEVELS: self.nuke_levels,
            STOPS_SUM: (self.stops_sum,),
        }
        found = {name: tuple(text(Decimal(one)) for one in some) for name, some in given.items()}
        return {**found, STOPS_EXPIRY: (self.stops_expiry,)}
