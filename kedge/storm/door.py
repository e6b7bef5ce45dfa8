"""The door between us and a venue of a storm, and what there is behind it.

Whoever stands at the door sees every request leave and arrive. Behind it is a `Harbour` (`venue.py`), where
the venue is joined at the `Venue` protocol, or a `WireHarbour`, where it speaks its own dialect.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from kedge.model.events import Request
from kedge.model.instrument import Instrument
from kedge.model.venue import OrderReport, PlaceOrder, VenuePosition
from kedge.sim.exchange import AmendOrder, MarketReport, Reply


class Books(Protocol):
    """What checks ask of an exchange, whose account and symbols they know as the desk writes them."""

    def order(self, account: str, client_id: str) -> OrderReport | None: ...

    def open_orders(self, account: str, symbol: str = "") -> tuple[OrderReport, ...]: ...

    def fills(self, account: str, cursor: str = "", limit: int = 100) -> Any: ...

    def cash(self, account: str, cursor: str = "", limit: int = 100) -> Any: ...

    def positions(self, account: str) -> tuple[VenuePosition, ...]: ...

    def market(self, symbol: str) -> MarketReport: ...

    def instruments(self) -> tuple[Instrument, ...]: ...

    def halt(self, symbol: str, on: bool, now_ns: int) -> None: ...

    def faults(self) -> list[str]: ...


class Pier(Protocol):
    """A venue of a storm, whatever is behind it."""

    name: str
    door: Door | None
    sent: Callable[[], int]  # told of each order that leaves; how much slower it is
    banned: list[str]
    lookups: dict[str, int]
    understated: dict[str, Decimal]  # client ids whose end was told with too little

    @property
    def exchange(self) -> Books: ...

    def now_ns(self) -> int: ...

    def tell(self) -> None:
        """Send what has happened to whoever listens."""

    def turn(self) -> None:
        """The crowd has traded; the weather of this moment is drawn."""

    def heal(self) -> None:
        """From now on the weather is fine."""


class Door(Protocol):
    def leaves(self, harbour: Pier, life: int, request: Request, client_id: str) -> None:
        """A request leaves an engine of that life."""

    def placed(self, harbour: Pier, account: str, order: PlaceOrder, reply: Reply) -> None:
        """An order has arrived, and is being answered."""

    def amended(self, harbour: Pier, account: str, change: AmendOrder, reply: Reply) -> None:
        """A change of price or size has arrived, and is being answered."""

    def cancelled(self, harbour: Pier, account: str, client_id: str, reply: Reply) -> None:
        """A cancel has arrived, and is being answered."""
