"""What all parts of one Bybit account's adapter hold in common. The secret is in it: it is never printed."""

from __future__ import annotations

from collections.abc import Callable

from kedge.model.order import TRIGGERED, State
from kedge.model.venue import OrderReport
from kedge.venues.bybit.instruments import Listing
from kedge.venues.bybit.rules import DEMO, LIVE, TESTNET, Hosts, Options, hosts_at
from kedge.venues.line import LineWaits
from kedge.venues.venue import Clock, Setup
from kedge.venues.wires import Wires

# The venue allows 30 of them for each symbol.
STOPS_MAX = 10_000


class Ties:
    def __init__(self, setup: Setup, wires: Wires, clock: Clock, options: Options) -> None:
        self.setup = setup
        self.wires = wires
        self.clock = clock
        self.options = options
        self.hosts = hosts_of(setup)
        self.listing = Listing()
        # Live stops in spot by our id, and whether each waits for its price still: they have a drawer of
        # their own there, and nobody says whether they leave it when they are triggered.
        self.stops: dict[str, bool] = {}
        # Told what people should know and nothing else needs; the adapter shows it as its trouble.
        self.odd: Callable[[str], None] = lambda why: None

    def __repr__(self) -> str:
        return f"Ties({self.setup!r})"

    def note(self, order: OrderReport, waits: bool) -> None:
        """What is known of an order now."""
        if not order.client_id or "/" not in order.symbol:
            return
        if order.state is State.OPEN and order.kind in TRIGGERED:
            self.expect(order.client_id, waits)
        else:
            self.stops.pop(order.client_id, None)

    def expect(self, client_id: str, waits: bool) -> None:
        self.stops[client_id] = waits
        while len(self.stops) > STOPS_MAX:
            del self.stops[next(iter(self.stops))]

    def line_waits(self) -> LineWaits:
        o = self.options
        return LineWaits(
            connect_s=o.connect_s,
            # A venue that waits for a sign of life hears one well before it gives up.
            heartbeat_s=o.heartbeat_s / 2 if self.setup.dead_man_ns else o.heartbeat_s,
            silence_s=o.silence_s,
            backoff_first_s=o.backoff_first_s,
            backoff_max_s=o.backoff_max_s,
        )


def hosts_of(setup: Setup) -> Hosts:
    """A simulator, the demo, real money, or else the test network: never real money by omission."""
    if setup.url:
        return hosts_at(setup.url)
    if setup.demo:
        return DEMO
    return LIVE if setup.live else TESTNET
