"""Reading what a person wrote: TOML with exact numbers, of bounded size, and mistakes with their place."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from kedge.model.numbers import BadNumber, exact

FILE_BYTES_MAX = 4 * 1024 * 1024


class SettingsWrong(Exception):
    """Settings, secrets or the bots file cannot be used; the text is one sentence with the mend."""


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file with its numbers exact. Raises `SettingsWrong`."""
    try:
        return tomllib.loads(read_bytes(path).decode(), parse_float=exactly)
    except UnicodeDecodeError:
        raise SettingsWrong(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsWrong(f"{path} is not TOML: {error}") from None
    except BadNumber as error:
        raise SettingsWrong(f"{path}: {error}") from None


def exactly(digits: str) -> Decimal:
    return exact(digits)


def read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsWrong(f"{path} cannot be read: {error.strerror}") from None
    if len(body) > FILE_BYTES_MAX:
        raise SettingsWrong(f"{path} is larger than {FILE_BYTES_MAX // 1024 // 1024} MB")
    return body


def at(where: str, says: str) -> str:
    return f"{where}: {says}"
