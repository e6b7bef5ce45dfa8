"""Which desk a command is about: its home, its cell, its socket."""

from __future__ import annotations

import time
from pathlib import Path

from msgspec import Struct

from kedge import home as homes
from kedge import settings
from kedge.desk.screens import Look
from kedge.home import Home


class Place(Struct, frozen=True):
    home: Home
    cell: str

    @property
    def socket(self) -> Path:
        return self.home.socket(self.cell)


def find_place(given: str = "") -> Place:
    """Raises `SettingsWrong` only where the wrong settings leave open which desk is meant."""
    home = homes.find(given)
    return Place(home, settings.cell_of(home))


def look_now() -> Look:
    return Look(time.time_ns())  # storm-ok: what people see as today
