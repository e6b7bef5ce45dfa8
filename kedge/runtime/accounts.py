"""The accounts that settings name: their secrets found, their adapters made, their first use confirmed.

Real money needs three things that nobody says by accident: `live = true` in the settings, a key, and one
`kedge confirm ACCOUNT` by a person. What was confirmed is this account with this key at this venue: another
key has to be confirmed again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from kedge.home import Home
from kedge.model.exits import Exit, Halt
from kedge.settings import AccountSettings, Secrets, Settings, SettingsWrong
from kedge.venues import registry
from kedge.venues.calls import Calls
from kedge.venues.venue import Clock, Setup, Venue
from kedge.venues.wires import Wires

SECOND_NS = 1_000_000_000
# What `kedge sim` accepts unless it is told otherwise.
SIM_KEY = "paper"
PRINT_LETTERS = 16


class Confirmed(Struct, frozen=True):
    """Somebody has said: yes, real money, with this key."""

    venue: str
    key: str  # a fingerprint of it
    by: str
    at_ns: int


def setup_of(name: str, account: AccountSettings, secrets: Secrets) -> Setup:
    """Raises `SettingsWrong` where a secret is missing."""
    called = f'accounts."{name}"'
    return Setup(
        account=name,
        key=secrets.find(account.key, called).reveal() if account.key else SIM_KEY,
        secret=secrets.find(account.secret, called).reveal() if account.secret else SIM_KEY,
        live=account.live,
        demo=account.demo,
        url=account.url,
        leverage=account.leverage,
        margin=account.margin,
        dead_man_ns=account.dead_man_s * SECOND_NS,
        may_withdraw=account.may_withdraw,
        venue=account.venue,
        number=account.number,
    )


def make_venue(name: str, account: AccountSettings, setup: Setup, net: Wires | Calls, clock: Clock) -> Venue:
    """Raises `Halt` where there is no such venue, or what it needs is not installed."""
    made = maker_of(account.venue)
    if isinstance(made, str):
        raise Halt(Exit.SETTINGS, f'accounts."{name}": {made}')
    return made(setup, net, clock)


def seam_of(venue: str) -> registry.Seam:
    """By what an account of this venue reaches the net."""
    entry = registry.find(venue)
    return "wires" if isinstance(entry, str) else entry.seam


def maker_of(venue: str) -> registry.Make | str:
    """What makes an account's adapter, or the sentence why nothing can."""
    entry = registry.find(venue)
    if isinstance(entry, str):
        return entry
    if entry.lacks:
        return entry.lacks
    try:
        return entry.make()
    except ImportError as error:
        return f"{venue} needs {error.name}, which is not installed: install Kedge anew"


def lock_key(name: str, account: AccountSettings, setup: Setup) -> str:
    """What two homes on one machine must not drive at once: the same key at the same place."""
    if account.venue == "paper":
        return f"paper:{account.host}:{account.port}:{account.key}:{name}"
    where = account.url or ("live" if account.live else "demo" if account.demo else "testnet")
    whose = name if setup.key == SIM_KEY else fingerprint(setup.key)
    return f"{account.venue}:{where}:{whose}" + (f":{account.number}" if account.number else "")


def place_of(account: AccountSettings) -> str:
    """Where an account trades, in words for people; the first that should be read is whether it is real."""
    if account.live:
        return f"REAL MONEY at {account.venue}"
    where = account.url or ("its demo" if account.demo else "its test network")
    return f"{account.venue} at {where}; no real money"


def real_money(settings: Settings) -> Iterator[tuple[str, AccountSettings]]:
    return ((name, account) for name, account in settings.accounts.items() if account.live)


def check_confirmed(home: Home, name: str, account: AccountSettings, setup: Setup) -> None:
    """Raises `Halt` where this account has never been confirmed with this key."""
    known = read_confirmed(home).get(name)
    if known is not None and (known.venue, known.key) == (account.venue, fingerprint(setup.key)):
        return
    why = "with another key or venue than was confirmed" if known else "for the first time from this home"
    raise Halt(
        Exit.SETTINGS,
        f"{name} would trade real money at {account.venue} {why}; if that is meant: kedge confirm {name}",
    )


class Finding(Struct, frozen=True):
    """What `kedge doctor` says of one account. `mend` "": it is fit."""

    account: str
    says: str
    mend: str = ""
    # It could not be started at all.
    fails: bool = False


def examine(home: Home, settings: Settings) -> Iterator[Finding]:
    """Whether each account could be started; nobody is asked over the net."""
    secrets = Secrets(home.secrets)
    for name, account in settings.accounts.items():
        if account.venue == "paper":
            continue
        made = maker_of(account.venue)
        if isinstance(made, str):
            says, _, mend = (
                made.rpartition(": ") if "not installed" in made else (made, "", "mend kedge.toml")
            )
            yield Finding(name, says, mend, fails=True)
            continue
        if account.ca and not os.access(account.ca, os.R_OK):
            yield Finding(
                name, f"its `ca` cannot be read: {account.ca}", "name the file by its whole path", True
            )
            continue
        try:
            setup = setup_of(name, account, secrets)
            if account.live:
                check_confirmed(home, name, account, setup)
        except SettingsWrong as wrong:
            yield Finding(name, str(wrong), "mend secrets.toml, or kedge.toml", fails=True)
        except Halt as halt:
            says, _, mend = str(halt).rpartition("; if that is meant: ")
            yield Finding(name, says, mend)
        else:
            yield Finding(name, place_of(account))


def confirm(home: Home, name: str, account: AccountSettings, setup: Setup, by: str, now_ns: int) -> None:
    kept = read_confirmed(home)
    kept[name] = Confirmed(account.venue, fingerprint(setup.key), by, now_ns)
    path = _path(home)
    fresh = path.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(kept), indent=2))
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def read_confirmed(home: Home) -> dict[str, Confirmed]:
    """Raises `Halt` where the file is not what `confirm` wrote."""
    path = _path(home)
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Confirmed])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError:
        raise Halt(
            Exit.SETTINGS, f"{path} cannot be read; remove it, and confirm your accounts again"
        ) from None


def fingerprint(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:PRINT_LETTERS]


def _path(home: Home) -> Path:
    return home.root / "confirmed.json"
