"""Which desk a command is about: its home, its cell, its gate."""

from __future__ import annotations

import time
from pathlib import Path

from msgspec import Struct

from kedge import client, settings
from kedge import home as homes
from kedge.client import FarGate, Gate
from kedge.desk.screens import Look
from kedge.home import Home


class Place(Struct, frozen=True):
    home: Home
    cell: str
    # An address that was asked for outright, like tls://trade.example.org:8322.
    gate: str = ""
    # Whether the home was named outright: then KEDGE_GATE is not about it.
    named: bool = False

    @property
    def socket(self) -> Path:
        return self.home.socket(self.cell)

    @property
    def door(self) -> Gate:
        """Where the desk is asked. Raises `SettingsWrong`, `Refused`."""
        if self.gate:
            return client.gate_of(self.home, self.gate)
        return client.gate_at(str(self.home.root) if self.named else None)

    @property
    def far(self) -> bool:
        """Whether the desk is on another machine: its journal and its folders are not here."""
        return isinstance(self.door, FarGate)


def find_place(given: str = "", gate: str = "") -> Place:
    """Raises `SettingsWrong` only where the wrong settings leave open which desk is meant."""
    home = homes.find(given)
    cell = settings.DeskSettings().cell if gate else settings.cell_of(home)
    return Place(home, cell, gate, bool(given))


def look_now() -> Look:
    return Look(time.time_ns())  # storm-ok: what people see as today
