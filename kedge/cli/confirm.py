"""`kedge confirm`: a person's word that an account may trade real money, given once and kept."""

from __future__ import annotations

import getpass
import sys
import time
from typing import Annotated

from cyclopts import Parameter

from kedge import home as homes
from kedge import settings
from kedge.cli.desk import AS_JSON, HOME
from kedge.cli.out import say
from kedge.model.exits import Exit, Halt
from kedge.model.sentences import nearest


def confirm(
    account: Annotated[str, Parameter(help="The account, like bybit/main.")],
    /,
    *,
    yes: Annotated[bool, Parameter(help="Do not ask: for scripts that know what they do.")] = False,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Say once that an account with `live = true` is meant to trade real money."""
    from kedge.runtime import accounts

    where = homes.find(home)
    chosen = settings.load(where.settings)
    meant = chosen.accounts.get(account)
    if meant is None:
        near = nearest(account, chosen.accounts)
        known = ", ".join(chosen.accounts)
        hint = f"; did you mean {near}?" if near else f"; there are: {known}"
        raise Halt(Exit.USAGE, f"there is no account {account!r} in {where.settings}{hint}")
    if not meant.live:
        raise Halt(Exit.REFUSED, f"{account} trades no real money: nothing is to be confirmed")
    setup = accounts.setup_of(account, meant, settings.Secrets(where.secrets))
    if not yes:
        _ask(account, meant.venue, accounts.fingerprint(setup.key))
    now_ns = time.time_ns()  # storm-ok: when a person said so
    accounts.confirm(where, account, meant, setup, getpass.getuser(), now_ns)
    say(f"{account} may trade real money at {meant.venue} from now on", json, ok=True, account=account)
    return Exit.OK


def _ask(account: str, venue: str, key: str) -> None:
    if not sys.stdin.isatty():
        raise Halt(Exit.USAGE, "nobody is here to be asked; if it is meant, say it with --yes")
    sys.stderr.write(f"{account} will trade REAL MONEY at {venue} with the key whose print is {key}.\n")
    sys.stderr.write("Type the account's name to confirm: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != account:
        raise Halt(Exit.REFUSED, "that is another name: nothing was confirmed")
