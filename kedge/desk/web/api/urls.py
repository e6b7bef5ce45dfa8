"""Addresses of the REST interface."""

from __future__ import annotations

from typing import Any

from django.urls import path

from kedge.desk.commands import Nothing
from kedge.desk.web.api import pages
from kedge.desk.web.api.door import Route, view_of
from kedge.desk.web.api.routes import API, routes

_DOCUMENT = Route(
    "GET", f"{API}/openapi.json", "openapi", "This document.", Nothing, None, pages.openapi, "Looking"
)


def _patterns() -> list[object]:
    by_path: dict[str, list[Route]] = {}
    for route in (*routes(), _DOCUMENT):
        by_path.setdefault(route.path, []).append(route)
    return [
        path(where.lstrip("/").replace("{id}", "<str:about>"), _view(some), name=f"api-{some[0].name}")
        for where, some in by_path.items()
    ]


def _view(some: list[Route]) -> Any:
    """An async view; Django's stubs know only the others."""
    return view_of(some)


urlpatterns = [*_patterns(), path("api/v1/docs", pages.docs, name="api-docs")]
