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
from pathlib import Path
from typing import Any

import msgspec

from kedge.home import Home
from kedge.model.numbers import BadNumber
from kedge.model.sentences import mistake
from kedge.settings.api_sections import ApiSettings, HedgeSettings, PreorderSettings, SourceSettings
from kedge.settings.bots import BotSpec, bot_name_wrong, read_bots_file
from kedge.settings.desk_sections import DatabaseSettings, MetricsSettings, WatchSettings, WebSettings
from kedge.settings.files import SettingsWrong, at, exactly, read_toml
from kedge.settings.gate_section import GateSettings, TokenSettings
from kedge.settings.moex_section import MoexSettings
from kedge.settings.notice_sections import MailSettings, NoticeSettings, TelegramSettings, WebhookSettings
from kedge.settings.secrets import Secret, Secrets, secrets_wrong
from kedge.settings.sections import (
    AccountSettings,
    DeskSettings,
    JournalSettings,
    LimitSettings,
    LogSettings,
    PaperSettings,
    RecorderSettings,
    Settings,
)

__all__ = [
    "AccountSettings",
    "ApiSettings",
    "BotSpec",
    "DatabaseSettings",
    "DeskSettings",
    "GateSettings",
    "HedgeSettings",
    "JournalSettings",
    "LimitSettings",
    "LogSettings",
    "MailSettings",
    "MetricsSettings",
    "MoexSettings",
    "NoticeSettings",
    "PaperSettings",
    "PreorderSettings",
    "RecorderSettings",
    "Secret",
    "Secrets",
    "Settings",
    "SettingsWrong",
    "SourceSettings",
    "WatchSettings",
    "WebSettings",
    "TelegramSettings",
    "TokenSettings",
    "WebhookSettings",
    "bot_name_wrong",
    "cell_of",
    "load",
    "overridden",
    "parse",
    "read_bots_file",
    "read_toml",
    "schema",
    "secrets_wrong",
]

OVERRIDE = "KEDGE__"

ACCOUNT_NAME = re.compile(r"^[a-z][a-z0-9-]{0,31}/[a-z0-9][a-z0-9-]{0,31}$")


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
        read = msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise SettingsWrong(at(where, mistake(error, Settings))) from None
    named = {name: _with_venue(name, account) for name, account in read.accounts.items()}
    return msgspec.structs.replace(read, accounts=named)


def _account(name: str, table: object, where: str) -> None:
    called = f'accounts."{name}"'
    if not ACCOUNT_NAME.match(name):
        raise SettingsWrong(at(where, f'{called}: an account is named venue/name, like "paper/main"'))
    try:
        account = msgspec.convert(table, AccountSettings)
    except msgspec.ValidationError as error:
        raise SettingsWrong(at(where, mistake(error, AccountSettings, called))) from None
    if said := _account_wrong(_with_venue(name, account)):
        raise SettingsWrong(at(where, f"{called} {said}"))


def _with_venue(name: str, account: AccountSettings) -> AccountSettings:
    venue = account.venue or name.partition("/")[0]
    return msgspec.structs.replace(account, venue=venue)


def _account_wrong(account: AccountSettings) -> str:
    """What cannot go together, in one sentence; "" when nothing is wrong."""
    if account.venue == "paper":
        for name in ("live", "demo", "url", "leverage", "margin"):
            if getattr(account, name):
                return f"is a paper account; take `{name}` away"
        return ""
    if account.host or account.port:
        return f"trades at {account.venue}; `host` and `port` are for paper accounts, write `url` instead"
    if account.venue == "tinvest":
        return _tinvest_wrong(account)
    for name in ("number", "ca"):
        if getattr(account, name):
            return f"trades at {account.venue}, which has no use for `{name}`; take it away"
    if bool(account.key) != bool(account.secret):
        return f"needs `{'secret' if account.key else 'key'}` too: the NAME of a secret, like BYBIT_KEY"
    if not account.key and not account.url:
        return "needs `key` and `secret`: the NAMEs of two secrets that are kept in secrets.toml"
    return ""


def _tinvest_wrong(account: AccountSettings) -> str:
    """A token is one secret; leverage and margin are the exchange's."""
    for name in ("secret", "demo", "leverage", "margin", "dead_man_s"):
        if getattr(account, name):
            return f"is a T-Invest account, which knows no `{name}`; take it away"
    if not account.key and not account.url:
        return "needs `key`: the NAME of the secret that holds the token, kept in secrets.toml"
    return ""


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
        return tomllib.loads(f"value = {text}", parse_float=exactly)["value"]
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
