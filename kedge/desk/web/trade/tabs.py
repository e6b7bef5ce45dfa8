"""Tabs above a trader's pages."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

_DAY: tuple[tuple[str, Any], ...] = (("tasks", _("Tasks")), ("stashes", _("Stashes")), ("lists", _("Lists")))
_SCANS: tuple[tuple[str, Any], ...] = (("scan", _("Yields")), ("dividends", _("Dividends")))


def of_the_day() -> list[tuple[str, str, Any]]:
    """Route, address and title of each."""
    return [(name, reverse(name), title) for name, title in _DAY]


def of_scans() -> list[tuple[str, str, Any]]:
    return [(name, reverse(name), title) for name, title in _SCANS]
