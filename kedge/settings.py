"""What a person sets: one TOML file into frozen structs; the environment overrides; secrets stay apart.

    kedge.toml                     every field below, all optional
    KEDGE__SECTION__KEY=value      overrides one of them (KEDGE__LIMITS__COLLAR=0.02)
    secrets.toml, 0600             NAME = "value"; or an environment variable of that NAME

Settings name secrets, they never hold them. An unknown name is refused with the nearest known one, and
every mistake is one sentence with the place it stands at.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct, field

from kedge.home import Home
from kedge.model.limits import LIMIT_NAMES, NO_LIMITS, Limits
from kedge.model.numbers import BadNumber, exact
from kedge.model.sentences import mistake, unknown_name

OVERRIDE = "KEDGE__"
FILE_BYTES_MAX = 4 * 1024 * 1024
BOTS_MAX = 100_000

_CELL = re.compile(r"^[a-z][a-z0-9-]{0,31}$")
_ACCOUNT = re.compile(r"^[a-z][a-z0-9-]{0,31}/[a-z0-9][a-z0-9-]{0,31}$")
_BOT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_SECRET_NAME = re.compile(r"^[A-Z][A-Z0-9_]{1,63}$")


class SettingsWrong(Exception):
    """Settings, secrets or the bots file cannot be used; the text is one sentence with the mend."""


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class DeskSettings(_Section, frozen=True):
    """The desk itself."""

    name: Annotated[str, Meta(min_length=1, max_length=40, description="What people call this desk.")] = (
        "desk"
    )
    cell: Annotated[
        str,
        Meta(
            description="The engine this home runs: names its journal and socket. Small letters, digits, `-`."
        ),
    ] = "main"

    def __post_init__(self) -> None:
        if not _CELL.match(self.cell):
            raise ValueError(f"`cell` must be small letters, digits and `-`, like main; it is {self.cell!r}")


class LimitSettings(Limits, frozen=True):
    """What the whole desk may risk, all accounts together; `[limits.bot]` is the default of each bot."""

    bot: Annotated[Limits, Meta(description="The default for each bot.")] = NO_LIMITS

    def desk(self) -> Limits:
        return Limits(*(getattr(self, name) for name in LIMIT_NAMES))


class AccountSettings(_Section, frozen=True):
    """One account at one venue, under the name bots use: `[accounts."paper/main"]`."""

    venue: Annotated[
        str, Meta(description="Which venue: `paper` is the simulator that `kedge up` starts.")
    ] = "paper"
    host: Annotated[str, Meta(description="Where the venue is, if not at its usual address.")] = ""
    port: Annotated[
        int, Meta(ge=0, le=65535, description="Its port; 0 with `paper` means that `kedge up` starts one.")
    ] = 0
    key: Annotated[str, Meta(description="NAME of the secret that holds the API key.")] = ""
    secret: Annotated[str, Meta(description="NAME of the secret that holds the API secret.")] = ""
    live: Annotated[
        bool, Meta(description="Must be true for every venue with real money, so that nobody slips.")
    ] = False
    dead_man_s: Annotated[
        int,
        Meta(
            ge=0,
            le=3600,
            description="Have the venue cancel every order of the account, protective stops too,"
            " when this desk was silent for so many seconds. 0 leaves that switch alone.",
        ),
    ] = 0
    limits: Annotated[Limits, Meta(description="What this account may risk.")] = NO_LIMITS

    def __post_init__(self) -> None:
        for name in ("key", "secret"):
            value = getattr(self, name)
            if value and not _SECRET_NAME.match(value):
                # The value is not repeated: it may well be the secret itself.
                raise ValueError(
                    f"`{name}` must be the NAME of a secret, like BYBIT_KEY;"
                    " put the secret itself in secrets.toml"
                )


class PaperSettings(_Section, frozen=True):
    """The paper venue that `kedge up` starts."""

    seed: Annotated[int, Meta(ge=0, description="The same seed gives the same market.")] = 1
    market: Annotated[
        str, Meta(description="Which synthetic market, or the file of recorded data that drives it.")
    ] = "synthetic"


class JournalSettings(_Section, frozen=True):
    """The memory."""

    snapshot_every_records: Annotated[
        int,
        Meta(ge=100, description="Keep the whole state after this many records; a start reads from there."),
    ] = 100_000
    archive: Annotated[
        bool,
        Meta(description="Move records that snapshots cover to archive files; `explain` still reads them."),
    ] = True


class RecorderSettings(_Section, frozen=True):
    """The flight recorder: what the venues said lately, for `kedge replay`."""

    segments: Annotated[int, Meta(ge=0, le=1024, description="Files kept; 0 switches the recorder off.")] = 8
    segment_mb: Annotated[int, Meta(ge=1, le=1024, description="Size of one file, in megabytes.")] = 16


class GateSettings(_Section, frozen=True):
    """The engine's door: how many may come, and how long it is patient."""

    clients_max: Annotated[int, Meta(ge=1, le=4096, description="Callers at once.")] = 64
    requests_max: Annotated[int, Meta(ge=1, le=1024, description="Requests in flight per caller.")] = 16
    streams_max: Annotated[int, Meta(ge=1, le=256, description="Tails and taps per caller.")] = 8
    queue_lines_max: Annotated[int, Meta(ge=1, description="Lines waiting for one caller.")] = 4096
    queue_bytes_max: Annotated[int, Meta(ge=1024, description="Bytes waiting for one caller.")] = (
        8 * 1024 * 1024
    )
    slow_s: Annotated[
        float,
        Meta(ge=0, le=600, description="A caller who makes no room in a full queue for so long is dropped."),
    ] = 5.0
    hello_s: Annotated[
        float, Meta(gt=0, le=600, description="A caller who says nothing for so long is dropped.")
    ] = 5.0
    farewell_s: Annotated[float, Meta(ge=0, le=60, description="Time to hear why one is dropped.")] = 1.0


class LogSettings(_Section, frozen=True):
    """What the engine writes beside the journal, for whoever runs the machine."""

    level: Annotated[
        Literal["debug", "info", "warn", "error"], Meta(description="The least that is written.")
    ] = "info"
    form: Annotated[Literal["text", "json"], Meta(description="`json` for log collectors.")] = "text"


def _paper_account() -> dict[str, AccountSettings]:
    return {"paper/main": AccountSettings()}


class Settings(_Section, frozen=True):
    desk: DeskSettings = DeskSettings()
    limits: LimitSettings = LimitSettings()
    accounts: dict[str, AccountSettings] = field(default_factory=_paper_account)
    paper: PaperSettings = PaperSettings()
    journal: JournalSettings = JournalSettings()
    recorder: RecorderSettings = RecorderSettings()
    gate: GateSettings = GateSettings()
    log: LogSettings = LogSettings()


# ── settings ────────────────────────────────────────────────────────────────────────────────────


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a file (absent: the defaults) and the environment. Raises `SettingsWrong`."""
    table = read_toml(path) if path.exists() else {}
    try:
        return parse(overridden(table, environ), str(path))
    except SettingsWrong as wrong:
        if not str(wrong).startswith(f"{path}: "):
            raise
        parse(table, str(path))  # a mistake of the file's own is told as that
        given = ", ".join(name for name in sorted(environ) if name.startswith(OVERRIDE))
        raise SettingsWrong(f"{given} in the environment: {str(wrong).removeprefix(f'{path}: ')}") from None


def parse(table: dict[str, Any], where: str = "the settings") -> Settings:
    """Raises `SettingsWrong`."""
    # Accounts one by one, so that a mistake is told with the account's name.
    accounts = table.get("accounts")
    if isinstance(accounts, dict):
        for name, account in accounts.items():
            _account(name, account, where)
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise SettingsWrong(_at(where, mistake(error, Settings))) from None


def _account(name: str, table: object, where: str) -> None:
    called = f'accounts."{name}"'
    if not _ACCOUNT.match(name):
        raise SettingsWrong(_at(where, f'{called}: an account is named venue/name, like "paper/main"'))
    try:
        account = msgspec.convert(table, AccountSettings)
    except msgspec.ValidationError as error:
        raise SettingsWrong(_at(where, mistake(error, AccountSettings, called))) from None
    if account.venue != "paper" and not account.live:
        says = f"{called} trades real money at {account.venue}; add `live = true` if that is meant"
        raise SettingsWrong(_at(where, says))
    if account.venue == "paper" and account.live:
        raise SettingsWrong(_at(where, f"{called} is a paper account; take `live = true` away"))


def overridden(table: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The table with every KEDGE__SECTION__KEY put in. Values read as TOML, or else as text."""
    for variable in sorted(environ):
        if not variable.startswith(OVERRIDE):
            continue
        path = [part for part in variable.removeprefix(OVERRIDE).split("__") if part]
        if len(path) < 2:
            raise SettingsWrong(f"{variable} names no setting; write it like KEDGE__LIMITS__COLLAR")
        table = _put(table, path, _value(environ[variable]), variable)
    return table


def _put(table: dict[str, Any], path: list[str], value: Any, variable: str) -> dict[str, Any]:
    # Variables cannot hold every letter a name can: PAPER_MAIN finds "paper/main".
    key = next((name for name in table if _folded(name) == _folded(path[0])), path[0].lower())
    if len(path) == 1:
        return {**table, key: value}
    inner = table.get(key, {})
    if key == "accounts" and not inner:
        inner = {"paper/main": {}}
    if not isinstance(inner, dict):
        raise SettingsWrong(f"{variable}: `{key}` is no section")
    return {**table, key: _put(inner, path[1:], value, variable)}


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}", parse_float=_exactly)["value"]
    except (tomllib.TOMLDecodeError, BadNumber):
        return text


def cell_of(home: Home, environ: Mapping[str, str] = os.environ) -> str:
    """The cell that runs in a home, for those who only want to speak to it.

    A typing mistake in the settings must not stand between a person and the kill switch: then the one socket
    that is there is meant. Raises `SettingsWrong` where there is none, or more than one.
    """
    try:
        return load(home.settings, environ).desk.cell
    except SettingsWrong:
        sockets = sorted(home.root.glob("*.sock"))
        if len(sockets) != 1:
            raise
        return sockets[0].stem


def schema() -> dict[str, Any]:
    """The JSON schema of the settings file, for editors."""
    made = msgspec.json.schema(Settings)
    _mend_schema(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Kedge settings", **made}


def _mend_schema(node: Any) -> None:
    """Numbers are written as TOML numbers or as text; both are read exactly."""
    if isinstance(node, list):
        for item in node:
            _mend_schema(item)
        return
    if not isinstance(node, dict):
        return
    if node.get("format") == "decimal":
        del node["format"]
        node["type"] = ["number", "string"]
    for value in list(node.values()):
        _mend_schema(value)


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────


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


# ── the bots file ───────────────────────────────────────────────────────────────────────────────


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
        return msgspec.json.decode(_read(path), type=dict[str, dict[str, Raw]])
    except msgspec.DecodeError as error:
        raise SettingsWrong(f"{path}: {mistake(error, called='the bots file')}") from None


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file with its numbers exact. Raises `SettingsWrong`."""
    try:
        return tomllib.loads(_read(path).decode(), parse_float=_exactly)
    except UnicodeDecodeError:
        raise SettingsWrong(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsWrong(f"{path} is not TOML: {error}") from None
    except BadNumber as error:
        raise SettingsWrong(f"{path}: {error}") from None


def _exactly(digits: str) -> Decimal:
    return exact(digits)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsWrong(f"{path} cannot be read: {error.strerror}") from None
    if len(body) > FILE_BYTES_MAX:
        raise SettingsWrong(f"{path} is larger than {FILE_BYTES_MAX // 1024 // 1024} MB")
    return body


def _at(where: str, says: str) -> str:
    return f"{where}: {says}"


def known_section(name: str) -> str:
    """Raises `SettingsWrong` where `name` is no section of the settings."""
    if name not in Settings.__struct_fields__:
        raise SettingsWrong(unknown_name(name, Settings.__struct_fields__, "section"))
    return name
