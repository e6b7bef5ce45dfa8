"""The reference page of REST is today's, and every route is in the document with all its answers."""

from __future__ import annotations

import desk_kit  # noqa: F401 - configures Django
from pages import check_page

from kedge.desk.commands import DEEDS
from kedge.journal.rows import TABLES
from kedge.model.commands import VERBS


def test_the_page_of_rest_is_todays() -> None:
    from kedge.desk.web.api.openapi import reference

    check_page("rest", reference())


def test_every_deed_and_every_table_is_there_once() -> None:
    from kedge.desk.web.api.openapi import document
    from kedge.desk.web.api.routes import TABLE_PATHS, routes

    paths = [(route.method, route.path) for route in routes()]
    assert len(paths) == len(dict.fromkeys(paths))
    names = [route.name for route in routes()]
    assert len(names) == len(dict.fromkeys(names))
    for deed in DEEDS:
        looks = bool(deed.read) or deed.role == "look"
        path = f"/api/v1/{deed.name.replace(' ', '/')}"
        assert (("GET" if looks else "POST"), path) in paths, deed.name
    for what in TABLES:
        path = TABLE_PATHS.get(what, what.replace("_", "-"))
        assert ("GET", f"/api/v1/{path}") in paths, what
    assert set(document()["paths"]) == {path for _, path in paths}


def test_every_verb_belongs_to_a_deed_that_says_who_may() -> None:
    from kedge.desk.web.api.doing import deed_for

    for verb in VERBS:
        assert deed_for(verb).role in ("trade", "admin"), verb
