"""The cards of the contract: each states one rule of `kedge/venues/venue.py` and plays it on any venue's rig.

    @card(301, "rest", "A limit order away from the market rests under our id")
    async def rest(rig: Rig) -> None: ...

A card names what it needs ("stops", "bars"); a rig that lacks that says why, and the card is not collected
for it. Numbers never change their meaning: hundreds are the files (1 link, 2 books, 3 orders, 4 doubt, 5
account, 6 keys and hours).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from tests.contract.rig import Rig

Play = Callable[["Rig"], Awaitable[None]]


class Card(Struct, frozen=True):
    number: int
    name: str
    title: str
    play: Any
    needs: tuple[str, ...] = ()

    def reason(self, lacks: dict[str, str]) -> str:
        """Why it is left out where these things are lacking; "" where it is played."""
        return next((lacks[need] for need in self.needs if need in lacks), "")


CARDS: dict[int, Card] = {}


def card(number: int, name: str, title: str, *needs: str) -> Callable[[Play], Play]:
    """Put a card among the others."""

    def put(play: Play) -> Play:
        assert number not in CARDS, f"two cards have the number {number}"
        assert all(one.name != name for one in CARDS.values()), f"two cards have the name {name}"
        CARDS[number] = Card(number, name, title, play, needs)
        return play

    return put


def both_ways(number: int, name: str, title: str, *needs: str) -> Callable[[Play], None]:
    """The same card twice: deeds by the line for orders, and by HTTP while that line is away.

    `play` reads `rig.by_http`.
    """

    def put(play: Play) -> None:
        async def by_http(rig: Rig) -> None:
            rig.by_http = True
            await play(rig)

        card(number, name, title, *needs)(play)
        card(number + 1, f"{name}-http", f"{title} (by HTTP)", "http", *needs)(by_http)

    return put
