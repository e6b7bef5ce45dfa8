"""How the engine's shell speaks to any venue: one protocol, one object per account.

An implementation is three files beside this one: `wire.py` (pure: bytes to model and back, signing, the
error table), `rules.py` (limits and bounds as data with a date) and `client.py` (the I/O, this protocol).

The contract, to the last edge:

* No method raises for what a venue or a network can do. Requests answer with an `Answered` of one of the
  four classes; questions (`lookup`, `report`) return a value that says what failed.
* Exactly one attempt per call. Whether to ask again is the engine's decision, never the adapter's.
* `place` refuses to send after `valid_until_ns`, and the request carries that moment to the venue.
* `emit` is called from the loop, in the order the venue spoke, from `open` until `close`. After a
  `LinkDown` nothing is emitted until the next `LinkUp`; reconnecting with back-off is the adapter's work.
* A gap in a book is a `BookLost`, then a fresh snapshot; a gap in private streams is a `LinkDown`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from kedge.model.events import Answered, Event, LookedUp
from kedge.model.venue import AccountReport, PlaceOrder, Rules

Emit = Callable[[Event], None]


class Venue(Protocol):
    account: str
    rules: Rules

    async def open(self, emit: Emit) -> None:
        """Start connecting; returns at once. `LinkUp` follows when streams are on."""

    async def close(self) -> None: ...

    async def watch(self, symbols: Sequence[str]) -> None:
        """Have books and marks of exactly these symbols streamed (the set replaces the earlier one)."""

    async def place(self, order: PlaceOrder) -> Answered: ...

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        """Change price and total quantity of a live order in place."""

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int) -> Answered: ...

    async def lookup(self, client_id: str, symbol: str) -> LookedUp: ...

    async def report(self, cursor: str) -> AccountReport | str:
        """The account's truth with fills since `cursor` ("" = as far back as the venue keeps).

        A string is the one-sentence reason why it could not be had.
        """
