"""The way around: which pages the menu shows, and what every page says about the engine."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from kedge import __version__
from kedge.desk.commands import ROLES, Role
from kedge.desk.parts import DeskContext
from kedge.desk.web import project

SECOND_NS = 1_000_000_000
# A picture older than this is said to be old.
OLD_NS = 5 * SECOND_NS
# Tables that are so many records behind are said to be: fewer come in any busy second.
BEHIND_MAX = 500


class Item(Struct, frozen=True):
    """One line of the menu. `name` is the route's; a route that is not there is left out."""

    name: str
    label: Any
    role: Role = "look"


# In the order they are shown. Pages of other rooms are listed here too: those not built are not shown.
MENU: tuple[Item, ...] = (
    Item("overview", _("Overview")),
    Item("bots", _("Bots")),
    Item("tasks", _("Tasks")),
    Item("scan", _("Scan")),
    Item("orders", _("Orders")),
    Item("fills", _("Fills")),
    Item("positions", _("Positions")),
    Item("decisions", _("Decisions")),
    Item("notes", _("Notes")),
    Item("preorders", _("Preorders")),
    Item("instruments", _("Instruments")),
    Item("journal", _("Journal")),
    Item("schedules", _("Schedules")),
    Item("people", _("People"), "admin"),
    Item("upkeep", _("Upkeep"), "admin"),
    Item("admin:index", _("Admin"), "admin"),
)


class Trouble(Struct, frozen=True):
    """What is wrong with a part of the desk, and what can be done about it."""

    part: str
    why: str
    mend: Any = ""


# By the first word of the part's name. Every part is tried again by itself, and trading never waits for one.
MENDS: dict[str, Any] = {
    "tables": _("Lists are not kept up. Is the database there, writable, and is there room on the disk?"),
    "post": _("Notices wait until they can be delivered. See Upkeep, and the section of that channel."),
    "telegram": _("Is the token right, and can this machine reach Telegram? See [telegram] in the settings."),
    "equity": _("Is the people's database there, writable, and is there room on the disk?"),
    "people": _("Is the people's database there, and may the desk use it? See [database] in the settings."),
    "web": _("See [web] in the settings; `kedge doctor` examines them."),
    "metrics": _("See [metrics] in the settings; `kedge doctor` examines them."),
    "preorders": _("See [preorders] in the settings, and whether the source can be reached."),
}


class Standing(Struct, frozen=True):
    """How the desk stands with the engine, in what a banner needs."""

    here: bool
    away: str
    away_since_ns: int
    age_ns: int
    old: bool
    killed: bool
    killed_why: str
    needs: tuple[str, ...]
    troubles: tuple[Trouble, ...]
    # How the tables stand, where that is worth a banner: "", away, behind, rebuilding.
    tables: str = ""
    tables_behind: int = 0


def standing(here: DeskContext) -> Standing:
    link, status = here.link, here.link.status
    return Standing(
        here=link.here,
        away=link.away,
        away_since_ns=link.away_since_ns,
        age_ns=link.age_ns(),
        old=link.age_ns() > OLD_NS,
        killed=status.killed if status else False,
        killed_why=status.killed_why if status else "",
        needs=status.needs if status else (),
        troubles=troubles_of(here),
        tables=tables_word(here.tables),
        tables_behind=here.tables.state.behind if here.tables is not None else 0,
    )


def troubles_of(here: DeskContext) -> tuple[Trouble, ...]:
    """Parts that are not well, the database's word on the tables included."""
    told = {name: why for name, why in here.troubles.items() if why}
    if here.tables is not None and here.tables.state.trouble:
        told["tables"] = here.tables.state.trouble
    return tuple(Trouble(name, why, MENDS.get(name.partition(" ")[0], "")) for name, why in told.items())


def tables_word(tables: Any) -> str:
    """An engine that is away is told by its own banner, and a database that is away as a trouble."""
    if tables is None:
        return ""
    state = tables.state
    if state.rebuilding:
        return "rebuilding"
    return "behind" if state.behind > BEHIND_MAX else ""


def on_every_page(request: HttpRequest) -> dict[str, Any]:
    person = getattr(request, "person", None)
    profile = getattr(request, "profile", None)
    here = project.context()
    return {
        "person": person,
        "profile": profile,
        "role": person.role if person else "",
        "theme": profile.theme if profile else "",
        "menu": menu(person.role, request.path) if person else [],
        "standing": standing(here),
        "desk_name": here.settings.desk.name,
        "cell": here.cell,
        "version": __version__,
    }


def menu(role: Role, path: str) -> list[dict[str, Any]]:
    shown = []
    for item in MENU:
        if ROLES.index(role) < ROLES.index(item.role):
            continue
        try:
            where = reverse(item.name)
        except NoReverseMatch:
            continue
        current = path == where or (where != "/" and path.startswith(where))
        shown.append({"name": item.name, "label": item.label, "where": where, "current": current})
    return shown
