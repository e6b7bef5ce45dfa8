"""Which desk a command is about: its home, its cell, its socket."""

from __future__ import annotations

import time
from pathlib import Path

from msgspec import Struct

from kedge import home as homes
from kedge import settings
from kedge.desk.screens import Look
from kedge.home import Home
from kedge.settings import SettingsWrong


class Place(Struct, frozen=True):
    home: Home
    cell: str

    @property
    def socket(self) -> Path:
        return self.home.socket(self.cell)


def find_place(given: str = "") -> Place:
    """Raises `SettingsWrong` only where the wrong settings leave open which desk is meant."""
    home = homes.find(given)
    try:
        return Place(home, settings.load(home.settings).desk.cell)
    except SettingsWrong:
        # The kill switch must not wait for a typing mistake in a file to be mended.
        running = sorted(home.root.glob("*.sock"))
        if len(running) != 1:
            raise
        return Place(home, running[0].stem)


def look_now() -> Look:
    return Look(time.time_ns())  # storm-ok: what people see as today
