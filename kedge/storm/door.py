"""The door between us and a harbour: whoever stands there sees every request leave and arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kedge.model.events import Request
from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import AmendOrder, Reply

if TYPE_CHECKING:
    from kedge.storm.venue import Harbour


class Door(Protocol):
    def leaves(self, harbour: Harbour, life: int, request: Request, client_id: str) -> None:
        """A request leaves an engine of that life."""

    def placed(self, harbour: Harbour, account: str, order: PlaceOrder, reply: Reply) -> None:
        """An order has arrived, and is being answered."""

    def amended(self, harbour: Harbour, account: str, change: AmendOrder, reply: Reply) -> None:
        """A change of price or size has arrived, and is being answered."""

    def cancelled(self, harbour: Harbour, account: str, client_id: str, reply: Reply) -> None:
        """A cancel has arrived, and is being answered."""
