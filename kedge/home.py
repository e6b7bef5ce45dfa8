"""Where a desk keeps everything: one folder, readable by its owner alone.

kedge.toml      settings                     secrets.toml    keys, 0600
bots.toml       bots to run (or .json)       bots/           people's own bot files
logs/           what programs wrote, turned over by size
<cell>.*        the cell's journal, socket, projections, recorder
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class HomeWrong(Exception):
    """The home folder cannot be used; the text says why and what to do, in one sentence."""


class Home(Struct, frozen=True):
    """Names of the files in a home. Making and checking the folder itself is `make`."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "kedge.toml"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.toml"

    @property
    def bots(self) -> Path:
        """The bots file: `bots.toml`, or `bots.json` where only that one is there."""
        other = self.root / "bots.json"
        mine = self.root / "bots.toml"
        return other if other.exists() and not mine.exists() else mine

    @property
    def bots_folder(self) -> Path:
        """People's own bots; the runtime puts it on `sys.path`."""
        return self.root / "bots"

    def socket(self, cell: str) -> Path:
        return self.root / f"{cell}.sock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    def recorder(self, cell: str) -> Path:
        return self.root / f"{cell}.flight"

    def make(self) -> None:
        """Create the folder with its owner's rights only. Raises `HomeWrong`."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            says = f"the home {self.root} is a file, not a folder"
            raise HomeWrong(f"{says}; move it away, or choose another with KEDGE_HOME") from None
        except OSError as error:
            raise HomeWrong(f"the home {self.root} cannot be made: {error.strerror}") from None
        if wrong := self.wrong():
            raise HomeWrong(wrong)

    def wrong(self) -> str:
        """What is wrong with the folder, in one sentence; "" when nothing is."""
        try:
            about = os.stat(self.root)
        except OSError as error:
            return f"the home {self.root} cannot be read: {error.strerror}"
        if not stat.S_ISDIR(about.st_mode):
            return f"the home {self.root} is not a folder"
        if about.st_uid not in (os.getuid(), 0):
            return f"the home {self.root} belongs to another user; choose another with KEDGE_HOME"
        if about.st_mode & 0o077:
            return f"the home {self.root} is open to other users; run: chmod 700 {self.root}"
        if not os.access(self.root, os.W_OK | os.X_OK):
            return f"the home {self.root} cannot be written to; run: chmod 700 {self.root}"
        return ""


def account_locks(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a user's desks tell each other which accounts they drive, whatever folders their homes are in."""
    return _state(environ) / "kedge-accounts"


def find(given: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Home:
    """The home that was asked for: an argument, KEDGE_HOME, or the place the XDG convention gives."""
    chosen = str(given) if given else environ.get("KEDGE_HOME", "")
    if chosen:
        return Home(Path(chosen).expanduser().absolute())
    return Home(_state(environ) / "kedge")


def _state(environ: Mapping[str, str]) -> Path:
    state = environ.get("XDG_STATE_HOME", "")
    return Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
