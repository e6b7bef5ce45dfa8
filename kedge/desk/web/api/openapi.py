"""The OpenAPI document, and the reference page, both made from the routes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from kedge import __version__
from kedge.desk.web.api.door import MEANINGS, Route
from kedge.desk.web.api.routes import API, MAIN, routes
from kedge.desk.web.api.shapes import Failed
from kedge.desk.web.people import NAMES
from kedge.model.forms import form

REF = "#/components/schemas/{name}"
ALWAYS = (401, 403, 429, 503)
WHEN_POSTED = (413, 415)

ABOUT = """\
Everything a desk can be asked. Send `Authorization: Bearer <token>` (make one on the page *API tokens*).
Numbers that are money are text with all their digits, times are nanoseconds since 1970 (UTC).
What changes something takes an `Idempotency-Key`: the same key acts once and is answered the same."""

TAGS = {
    "Looking": "How things are now.",
    "Tables": "What happened, row by row: filters, sorts, pages, CSV.",
    "Doing": "Commands. Each is recorded with who gave it.",
    "Hedge desk": "The older hedge desk's addresses, fields and types.",
}

_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id, as lists have it.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9-]+$"},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "8 to 64 letters, digits, - and _. Asked twice under one key, it is done once.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    shapes = [one.gives for one in routes() if one.gives is not None]
    bodies = [one.takes for one in routes() if one.method == "POST"]
    schemas, components = msgspec.json.schema_components(
        [*shapes, *bodies, Failed], ref_template=REF, schema_hook=_anything
    )
    refs = dict(zip([*map(_key, shapes), *map(_key, bodies), _key(Failed)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes():
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kedge", "version": __version__, "description": ABOUT},
        "tags": [{"name": name, "description": said} for name, said in TAGS.items()],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "kedge_session"},
            },
        },
    }


def _operation(route: Route, refs: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"Role: {NAMES[route.role]}.",
        "tags": [route.tag],
        "parameters": parameters(route),
        "responses": {"200": {"description": "Done." if route.method == "POST" else "Here it is."}},
    }
    content = made["responses"]["200"]["content"] = {}
    if route.stream:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    else:
        content["application/json"] = {"schema": refs[_key(route.gives)]}
    if route.csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    if route.method == "POST":
        needed = any(entry.required for entry in form(route.takes))
        body = {"application/json": {"schema": refs[_key(route.takes)]}}
        made["requestBody"] = {"required": needed, "content": body}
    for status in statuses(route):
        fault = {"application/json": {"schema": refs[_key(Failed)]}}
        made["responses"][str(status)] = {"description": MEANINGS[status], "content": fault}
    return made


def statuses(route: Route) -> list[int]:
    """Every answer but 200 that a route may give."""
    more = WHEN_POSTED if route.method == "POST" else ()
    return sorted({400, *ALWAYS, *more, *route.errors})


def parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [_ID] if "{id}" in route.path else []
    if route.method == "POST":
        return [*found, _KEY]
    _, components = msgspec.json.schema_components([route.takes], ref_template=REF, schema_hook=_anything)
    shape = components[route.takes.__name__]
    for name, schema in shape["properties"].items():
        said = {key: value for key, value in schema.items() if key != "description"}
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in shape["required"],
                "description": schema.get("description", ""),
                "schema": said,
            }
        )
    if route.csv:
        choice = {"type": "string", "enum": ["json", "csv"], "default": "json"}
        about = "csv: all rows that fit as a file; with `limit`, those of the page."
        found.append(
            {"name": "format", "in": "query", "required": False, "description": about, "schema": choice}
        )
    return found


def _anything(kind: type) -> dict[str, Any]:
    """`object` is whatever JSON can be."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "Anything."}


def _key(shape: Any) -> str:
    return shape.__name__ if isinstance(shape, type) and issubclass(shape, Struct) else str(shape)


# ── the reference page ──────────────────────────────────────────────────────────────────────────


def reference() -> str:
    """The generated part of `docs/reference/rest.md`."""
    lines = [
        "| | | |",
        "|---|---|---|",
        f"| | `{API}` | everything |",
        f"| | `{MAIN}` | the hedge desk's contract |",
    ]
    for tag, said in TAGS.items():
        lines += ["", f"### {tag}", "", said, "", "| method | address | who | what |", "|---|---|---|---|"]
        lines += [
            f"| {one.method} | `{one.path}` | {NAMES[one.role]} | {one.summary} |"
            for one in routes()
            if one.tag == tag
        ]
    for route in routes():
        lines += _section(route)
    return "\n".join(lines) + "\n"


def _section(route: Route) -> list[str]:
    given = form(route.takes)
    if not given:
        return []
    lines = ["", f"### {route.method} {route.path}", "", f"{route.summary} Answers {_answers(route)}.", ""]
    lines += ["| parameter | type | meaning |", "|---|---|---|"]
    for entry in given:
        kind = entry.type.replace("|", "\\|") if not entry.type.startswith("name=") else "object"
        needed = " (required)" if entry.required else ""
        lines.append(f"| `{entry.name}` | {kind}{needed} | {entry.help} |")
    return lines


def _answers(route: Route) -> str:
    return ", ".join(["200", *map(str, statuses(route))])
