"""The bots file: which bots run, of which kind, with which parameters."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from kedge.model.sentences import mistake
from kedge.settings.files import SettingsWrong, read_bytes, read_toml

BOTS_MAX = 100_000

_BOT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


class BotSpec(Struct, frozen=True):
    """One bot of the bots file. `kind` is a built-in name or "module:Class"; `config` its parameters."""

    kind: str
    config: Raw


_numbers = msgspec.json.Encoder(decimal_format="number")


def read_bots_file(path: Path) -> dict[str, BotSpec]:
    """Name to kind and parameters, in the file's order; none where there is no file.

    Parameters are kept as written (numbers exactly, as digits) and judged by the kind, not here.
    Raises `SettingsWrong`.
    """
    if not path.exists():
        return {}
    rows = _json_bots(path) if path.suffix == ".json" else _toml_bots(path)
    if len(rows) > BOTS_MAX:
        raise SettingsWrong(f"{path} lists {len(rows)} bots; the limit is {BOTS_MAX}")
    return {name: _spec(path, name, row) for name, row in rows.items()}


def bot_name_wrong(name: str) -> str:
    """Why a bot may not be called so, in one sentence; "" when it may."""
    if _BOT.match(name):
        return ""
    return f"a bot's name is 1 to 64 letters, digits, `.`, `-` or `_`, like hedge-1; it is {name[:80]!r}"


def _spec(path: Path, name: str, row: dict[str, Raw]) -> BotSpec:
    if wrong := bot_name_wrong(name):
        raise SettingsWrong(f"{path}: {wrong}")
    if "kind" not in row:
        raise SettingsWrong(f'{path}: bot {name} has no `kind`; add kind = "hedge", or what it is')
    try:
        kind = msgspec.json.decode(row["kind"], type=str)
    except msgspec.ValidationError:
        raise SettingsWrong(
            f'{path}: bot {name}: `kind` must be text, like "hedge" or "my_module:MyBot"'
        ) from None
    return BotSpec(kind, Raw(_numbers.encode({key: value for key, value in row.items() if key != "kind"})))


def _toml_bots(path: Path) -> dict[str, dict[str, Raw]]:
    rows: dict[str, dict[str, Raw]] = {}
    for name, table in read_toml(path).items():
        if not isinstance(table, dict):
            raise SettingsWrong(
                f"{path}: {name} is not a bot; write a section [{name}] with its kind and parameters"
            )
        rows[name] = {key: Raw(_numbers.encode(value)) for key, value in table.items()}
    return rows


def _json_bots(path: Path) -> dict[str, dict[str, Raw]]:
    try:
        return msgspec.json.decode(read_bytes(path), type=dict[str, dict[str, Raw]])
    except msgspec.DecodeError as error:
        raise SettingsWrong(f"{path}: {mistake(error, called='the bots file')}") from None
