"""Lists that belong together: tabs above each of them."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from kedge.desk.web.lists.listings import LISTS

Tab = tuple[str, str, Any]

_OTHERS: dict[str, Any] = {"bots": _("Bots"), "schedules": _("Schedules")}
GROUPS: tuple[tuple[str, ...], ...] = (
    ("positions", "position-history", "days", "cash"),
    ("journal", "commands", "notes"),
    ("orders", "fills", "decisions"),
    ("bots", "bot-history"),
    ("schedules", "schedule-runs"),
)


def siblings(name: str) -> list[Tab]:
    """Route, address and title of each; none where a list stands alone."""
    group = next((group for group in GROUPS if name in group), ())
    found: list[Tab] = []
    for one in group:
        try:
            found.append((one, reverse(one), LISTS[one].title if one in LISTS else _OTHERS[one]))
        except NoReverseMatch:
            continue
    return found
