"""Which order is which: our ids, the exchange's own numbers, and which of our orders are still live.

Most exchanges list trades under their own order number alone. What an order is called here is learnt from
every answer that shows both, and forgotten oldest first.
"""

from __future__ import annotations

from msgspec import Struct

from kedge.model.order import OrderKind, State
from kedge.model.venue import OrderReport


class Known(Struct):
    """One order of ours, as far as this life of the desk has heard."""

    client_id: str
    symbol: str
    kind: OrderKind
    asked_ns: int
    venue_id: str = ""
    live: bool = True
    told: OrderReport | None = None
    # Looks in which it was in no list at all.
    misses: int = 0


class Names:
    def __init__(self, most: int) -> None:
        self._most = most
        self._orders: dict[str, Known] = {}
        # (symbol, the exchange's number) to ours; "" is somebody else's.
        self._names: dict[tuple[str, str], str] = {}

    def placed(self, client_id: str, symbol: str, kind: OrderKind, now_ns: int) -> Known:
        known = Known(client_id, symbol, kind, now_ns)
        self._orders[client_id] = known
        if len(self._orders) > self._most:
            del self._orders[next(iter(self._orders))]
        return known

    def learn(self, symbol: str, venue_id: str, client_id: str) -> None:
        """This number is this order; `client_id` "": it is nobody's that we know."""
        if not venue_id:
            return
        self._names[symbol, venue_id] = client_id
        if len(self._names) > self._most:
            del self._names[next(iter(self._names))]
        known = self._orders.get(client_id)
        if known is not None:
            known.venue_id = venue_id

    def name_of(self, symbol: str, venue_id: str) -> str | None:
        """Ours, "" for a stranger's, None where nobody has asked yet."""
        return self._names.get((symbol, venue_id)) if venue_id else ""

    def known(self, client_id: str) -> Known | None:
        return self._orders.get(client_id)

    def live(self, symbol: str) -> list[Known]:
        return [known for known in self._orders.values() if known.live and known.symbol == symbol]

    def live_symbols(self) -> dict[str, None]:
        return {known.symbol: None for known in self._orders.values() if known.live}

    def heard(self, report: OrderReport, now_ns: int) -> bool:
        """Take note of what an order has come to; False where it says nothing new."""
        self.learn(report.symbol, report.venue_id, report.client_id)
        known = self._orders.get(report.client_id)
        if known is None:
            if report.state is not State.OPEN or not report.client_id:
                return True
            known = self.placed(report.client_id, report.symbol, report.kind, now_ns)
            known.venue_id = report.venue_id
        known.live = report.state is State.OPEN
        new = known.told != report
        known.told = report
        return new

    def ended(self, client_id: str) -> None:
        """Nothing more is expected of it here; the engine asks if it does."""
        known = self._orders.get(client_id)
        if known is not None:
            known.live = False
