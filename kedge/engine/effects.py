"""What the engine asks of the world. The shell carries these out, after the records before them are durable.

Every effect that could cost money names the last moment it may be sent; afterwards the shell must not.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Raw, Struct

from kedge.model.venue import Ask, Feed, PlaceOrder


class Place(Struct, frozen=True):
    account: str
    order: PlaceOrder
    # Cancels and balancing orders have budget kept back for them; risk waits.
    urgent: bool = False
    # A post-only quote: may leave together with its record instead of after it.
    early: bool = False


class Amend(Struct, frozen=True):
    account: str
    client_id: str
    symbol: str
    price: Decimal
    qty: Decimal
    valid_until_ns: int


class Cancel(Struct, frozen=True):
    account: str
    client_id: str
    symbol: str
    valid_until_ns: int
    venue_id: str = ""
    stop: bool = False  # of an order that waits for a trigger


class Lookup(Struct, frozen=True):
    account: str
    ask: Ask

    @property
    def client_id(self) -> str:
        return self.ask.client_id

    @property
    def symbol(self) -> str:
        return self.ask.symbol


class List(Struct, frozen=True):
    """Everything that the venue lists is to be asked for anew."""

    account: str


class AskReport(Struct, frozen=True):
    account: str
    cursor: str


class Watch(Struct, frozen=True):
    account: str
    symbols: tuple[str, ...]
    feeds: tuple[Feed, ...] = ()


class Retry(Struct, frozen=True):
    """A person says that what kept the venue from letting us in is mended."""

    account: str


class CancelAll(Struct, frozen=True):
    """Every open order of the account, ours or not, as far as the venue can."""

    account: str


class Errand(Struct, frozen=True):
    """A deed outside the engine and its venues, done once; `ErrandDone` tells what came of it."""

    command_id: str
    verb: str
    args: Raw


Effect = Place | Amend | Cancel | Lookup | List | AskReport | Watch | Retry | CancelAll | Errand
