"""The document for programs, and the page for people; for those alone who may look."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from msgspec import Struct

from kedge.desk.web.api.door import JSON, Caller
from kedge.desk.web.api.openapi import TAGS, document, statuses
from kedge.desk.web.api.routes import routes
from kedge.desk.web.people import NAMES
from kedge.desk.web.person import Request, page
from kedge.model.forms import default_word, form


async def openapi(caller: Caller, args: Struct) -> HttpResponseBase:
    return HttpResponse(_document(), content_type=JSON)


@lru_cache(maxsize=1)
def _document() -> bytes:
    return msgspec.json.encode(document())


@page()
def docs(request: Request) -> HttpResponse:
    return render(request, "api/docs.html", {"groups": groups()})


@lru_cache(maxsize=1)
def groups() -> list[dict[str, Any]]:
    """The routes by tag, ready for the template."""
    return [
        {"name": tag, "about": said, "routes": [_told(one) for one in routes() if one.tag == tag]}
        for tag, said in TAGS.items()
    ]


def _told(route: Any) -> dict[str, Any]:
    plain = "{id}" not in route.path and route.method == "GET" and not route.stream
    return {
        "method": route.method,
        "path": route.path,
        "name": route.name,
        "summary": route.summary,
        "role": NAMES[route.role],
        "csv": route.csv,
        "statuses": [200, *statuses(route)],
        "try": route.path if plain and not [one for one in form(route.takes) if one.required] else "",
        "parameters": [
            {
                "name": one.name,
                "type": "object" if one.type.startswith("name=") else one.type,
                "required": one.required,
                "default": default_word(one),
                "help": one.help,
            }
            for one in form(route.takes)
        ],
    }
