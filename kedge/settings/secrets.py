"""Secrets: found by name, in the environment first, then in a file that nobody else can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kedge.settings.files import SettingsWrong, read_toml


class Secret:
    """A value that does not print itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"


class Secrets:
    """Finds secrets by name: the environment first, then the 0600 file."""

    def __init__(self, path: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Raises `SettingsWrong` where the file is readable by others or not understood."""
        self._environ, self._path = environ, path
        self._file = _secrets_file(path) if path.exists() else {}

    def find(self, name: str, wanted_by: str) -> Secret:
        """Raises `SettingsWrong` where there is no such secret."""
        value = self._environ.get(name) or self._file.get(name)
        if not value:
            raise SettingsWrong(
                f"{wanted_by} needs the secret {name}: set that variable, or add it to {self._path}"
            )
        return Secret(value)

    def reveal_all(self) -> tuple[str, ...]:
        """What the file holds, for whoever must see to it that none of it is shown."""
        return tuple(self._file.values())

    def __repr__(self) -> str:
        return f"Secrets({str(self._path)!r})"


def secrets_wrong(path: Path) -> str:
    """What is wrong with the secrets file's rights, in one sentence; "" when nothing is."""
    about = os.stat(path)
    if about.st_uid not in (os.getuid(), 0):
        return f"{path} belongs to another user; make it yours before it is used"
    if about.st_mode & 0o077:
        return f"{path} can be read by other users; run: chmod 600 {path}"
    return ""


def _secrets_file(path: Path) -> dict[str, str]:
    if wrong := secrets_wrong(path):
        raise SettingsWrong(wrong)
    table = read_toml(path)
    for name, value in table.items():
        if not isinstance(value, str):
            raise SettingsWrong(f'{path}: {name} must be text, like {name} = "..."')
    return table
