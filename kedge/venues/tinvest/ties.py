"""What all parts of one account's adapter hold in common. The token is in it: it is never printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kedge.model.events import Event
from kedge.model.venue import OrderReport
from kedge.venues.calls import Calls, Metadata
from kedge.venues.tinvest.account import STOP, Alias, Stop, report_of
from kedge.venues.tinvest.instruments import Listing
from kedge.venues.tinvest.rules import LIVE, SANDBOX, Options
from kedge.venues.venue import Clock, Setup

# Stop orders and what became of them, remembered for a while.
KNOWN_MAX = 5_000


class Ties:
    def __init__(self, setup: Setup, calls: Calls, clock: Clock, options: Options) -> None:
        self.setup = setup
        self.calls = calls
        self.clock = clock
        self.options = options
        self.listing = Listing()
        # The account's number at the venue; known once we are let in.
        self.number = ""
        # Told what people should know, by what it is about; "" takes it back.
        self.odd: Callable[[str, str], None] = lambda about, why: None
        self.say: Callable[[Event], None] = lambda event: None
        # Stop orders by their number, as they were last seen; and whose they are, where this life knows it.
        self.stops: dict[str, Stop] = {}
        self.owners: dict[str, str] = {}
        # Keys of plain orders: ours, and those that were listed and are no stop order's.
        self.plain: dict[str, None] = {}
        # Orders that stop orders have become, by the orders' own numbers.
        self.aliases: dict[str, Alias] = {}

    def __repr__(self) -> str:
        return f"Ties({self.setup!r})"

    @property
    def host(self) -> str:
        """A simulator, real money, or else the sandbox: never real money by omission."""
        return self.setup.url.rstrip("/") or (LIVE if self.setup.live else SANDBOX)

    @property
    def sandbox(self) -> bool:
        """The sandbox has methods of its own for what concerns an account."""
        return not self.setup.url and not self.setup.live

    @property
    def metadata(self) -> Metadata:
        return (("authorization", f"Bearer {self.setup.key}"), ("x-app-name", "kedge"))

    def is_plain(self, client_id: str) -> None:
        """The order with this key was never a stop order."""
        if client_id:
            _put(self.plain, client_id, None)

    # ── stop orders ─────────────────────────────────────────────────────────────────────────────

    def owns(self, stop_id: str, client_id: str) -> None:
        """The stop order of this number is this order of ours."""
        if not client_id:
            return
        _put(self.owners, stop_id, client_id)
        stop = self.stops.get(stop_id)
        if stop is not None and stop.order_id:
            _put(self.aliases, stop.order_id, Alias(stop_id, client_id, stop.kind))

    def note(self, stop: Stop) -> None:
        """A stop order as it is now."""
        _put(self.stops, stop.stop_id, stop)
        if stop.order_id:
            owner = self.owners.get(stop.stop_id, "")
            _put(self.aliases, stop.order_id, Alias(stop.stop_id, owner, stop.kind))

    def owner_of(self, stop_id: str) -> str:
        return self.owners.get(stop_id, "")

    def stop_report(self, stop: Stop, order: OrderReport | None = None) -> OrderReport:
        return report_of(stop, self.owner_of(stop.stop_id), order)


def stop_id_of(venue_id: str) -> str:
    """The number of a stop order, "" of any other."""
    return venue_id.removeprefix(STOP) if venue_id.startswith(STOP) else ""


V = TypeVar("V")


def _put(kept: dict[str, V], key: str, value: V) -> None:
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > KNOWN_MAX:
        del kept[next(iter(kept))]
