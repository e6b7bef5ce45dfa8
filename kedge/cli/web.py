"""The desk's pages on the command line: start them alone, and who may use them.

    kedge desk                       pages and REST, beside an engine that runs elsewhere
    kedge user add ann --role trader

Django is loaded when one of these is asked for.
"""

from __future__ import annotations

import getpass
import importlib.util
import os
import sys
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

from kedge import home as homes
from kedge import logs, settings
from kedge.cli.desk import AS_JSON, HOME
from kedge.cli.home import look_now
from kedge.cli.out import say, show
from kedge.desk.screens import Column, listing, name, state, words
from kedge.home import Home
from kedge.model.exits import Exit, Halt
from kedge.settings import Settings

Group = Literal["viewer", "trader", "owner"]
NAME = Annotated[str, Parameter(help="What the person signs in as.")]

WITHOUT = "the desk's pages are not installed: pip install 'kedge[desk]'"


def add_web_commands(app: cyclopts.App) -> None:
    app.command(desk, help_epilogue="")
    users = cyclopts.App(name="user", help="Who may use the pages, and as what.")
    for function in (user_add, user_list, user_password, user_role, user_disable, user_enable):
        users.command(function, name=function.__name__.removeprefix("user_"), help_epilogue="")
    app.command(users)


def installed() -> bool:
    return importlib.util.find_spec("django") is not None and importlib.util.find_spec("granian") is not None


def desk(*, home: HOME = "", json: AS_JSON = False) -> int:
    """Start the desk alone: pages, REST, tables. `kedge up` starts it beside the engine by itself."""
    where, chosen = _desk(home)
    from kedge.desk.process import run_desk

    with logs.writing("desk", where, chosen, quiet=json) as log:
        run_desk(where, chosen, log)
    return Exit.OK


# ── people ──────────────────────────────────────────────────────────────────────────────────────


def user_add(
    who: NAME,
    /,
    *,
    role: Annotated[
        Group, Parameter(help="viewer looks, trader also trades, owner may everything.")
    ] = "viewer",
    ask: Annotated[bool, Parameter(help="Ask for a password here instead of making a one-time one.")] = False,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Add a person; prints the one-time password with which they sign in first."""
    people = _people(home)
    once = _done(people.add, who, role, _typed() if ask else "")
    return _told(f"{who} may sign in as {role}", once, json, name=who, role=role)


def user_list(*, home: HOME = "", json: AS_JSON = False) -> int:
    """Everybody, with role, second factor and when they last signed in."""
    rows = _people(home).listed()
    show(listing("people", rows, _PEOPLE, look_now(), {"people": rows}), json)
    return Exit.OK


def user_password(
    who: NAME,
    /,
    *,
    ask: Annotated[bool, Parameter(help="Ask for a password here instead of making a one-time one.")] = False,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Give a person a new one-time password; every browser of theirs is signed out."""
    once = _done(_people(home).set_password, who, _typed() if ask else "")
    return _told(f"the password of {who} is changed", once, json, name=who)


def user_role(
    who: NAME,
    role: Annotated[Group, Parameter(help="viewer looks, trader also trades, owner may everything.")],
    /,
    *,
    home: HOME = "",
    json: AS_JSON = False,
) -> int:
    """Change what a person may."""
    _done(_people(home).set_role, who, role)
    return _told(f"{who} is {role} now", "", json, name=who, role=role)


def user_disable(who: NAME, /, *, home: HOME = "", json: AS_JSON = False) -> int:
    """Let a person in no more: sessions and tokens end at once. What they did stays recorded."""
    _done(_people(home).set_active, who, False)
    return _told(f"{who} cannot sign in any more", "", json, name=who)


def user_enable(who: NAME, /, *, home: HOME = "", json: AS_JSON = False) -> int:
    """Let a person in again."""
    _done(_people(home).set_active, who, True)
    return _told(f"{who} may sign in again", "", json, name=who)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────

_PEOPLE = (
    Column("name", ("name",), name),
    Column("role", ("role",), words),
    Column("active", ("active",), state),
    Column("second factor", ("two_factor",), words),
    Column("last seen", ("last_seen",), words),
)


def _desk(given: str) -> tuple[Home, Settings]:
    if not installed():
        raise Halt(Exit.SETTINGS, WITHOUT)
    where = homes.find(given)
    where.make()
    return where, settings.load(where.settings)


def _people(given: str) -> Any:
    """The room of people, with its database made and up to date."""
    where, chosen = _desk(given)
    os.umask(0o077)  # the database holds digests of passwords
    from kedge.desk.process import make_context
    from kedge.desk.web import project

    project.configure(where, chosen)
    project.adopt(make_context(where, chosen, say))
    from django.core.management import call_command

    from kedge.desk.web import people

    call_command("migrate", interactive=False, verbosity=0)
    people.ensure_groups()
    return people


def _done(function: Any, *args: Any) -> Any:
    from kedge.desk.web.people import PersonWrong

    try:
        return function(*args)
    except PersonWrong as wrong:
        raise Halt(Exit.REFUSED, str(wrong)) from None


def _typed() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("password: ")
    if getpass.getpass("again: ") != first:
        raise Halt(Exit.USAGE, "the two are not the same")
    return first


def _told(says: str, once: str, as_json: bool, **data: object) -> int:
    more = f"; the one-time password is {once}" if once else ""
    say(f"{says}{more}", as_json, ok=True, says=says, **data, **({"one_time_password": once} if once else {}))
    return Exit.OK
