"""Which venues can be started, and where they are. A venue joins by one line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedge.sim.testnet.house import Maker

# Venue to the package that offers `make(setup: Setup) -> Hosted`; it is loaded when it is asked for.
VENUES: dict[str, str] = {
    "bybit": "kedge.sim.bybit",
    "binance": "kedge.sim.binance",
    "tinvest": "kedge.sim.tinvest",
}


def maker(venue: str) -> Maker:
    """The maker of a venue that is in `VENUES`."""
    make: Maker = importlib.import_module(VENUES[venue]).make
    return make
