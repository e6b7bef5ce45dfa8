"""What every part of one account's adapter works with, in one hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kedge.model.events import Event
from kedge.venues.binance.usdm.asking import Asking
from kedge.venues.binance.usdm.chores import Chores
from kedge.venues.binance.usdm.rules import Hosts, Options
from kedge.venues.venue import Clock
from kedge.venues.wires import Wires


@dataclass(frozen=True)
class Common:
    account: str
    asking: Asking
    wires: Wires
    hosts: Hosts
    clock: Clock
    chores: Chores
    options: Options


class Outlet(Protocol):
    """Where market data goes. What is said while there is no link reaches nobody."""

    @property
    def is_up(self) -> bool: ...

    def say(self, event: Event) -> None: ...

    def contracts_changed(self) -> None:
        """The venue announces a new contract, or the end of one."""
