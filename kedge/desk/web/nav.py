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


class Item(Struct, frozen=True):
    """One line of the menu. `name` is the route's; a route that is not there is left out."""

    name: str
    label: Any
    role: Role = "look"


# In the order they are shown. Pages of other rooms are listed here too: those not built are not shown.
MENU: tuple[Item, ...] = (
    Item("overview", _("Overview")),
    Item("bots", _("Bots")),
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
    Item("admin:index", _("Admin"), "admin"),
)


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
    troubles: tuple[str, ...]


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
        troubles=tuple(f"{name}: {why}" for name, why in here.troubles.items() if why),
    )


def on_every_page(request: HttpRequest) -> dict[str, Any]:
    person = getattr(request, "person", None)
    profile = getattr(request, "profile", None)
    here = project.context()
    return {
        "person": person,
        "profile": profile,
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
