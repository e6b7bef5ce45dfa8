"""The desk and the browser that the tests of a module share, and a fresh profile for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import Visitor, a_browser
from desks import OWNER, RunningDesk, an_own_kind, running
from playwright.sync_api import Browser

# Who signed in once keeps the session in a file: tests after the first do not type passwords again.
Sessions = dict[str, Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture(scope="module")
def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """`kedge up` as a newcomer has it; asks for the browser first, so that without one nothing is started."""
    home = tmp_path_factory.mktemp("desk") / "h"
    an_own_kind(home)
    with running(home) as made:
        yield made


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return {}


Arrive = Callable[..., Visitor]


@pytest.fixture
def arrive(browser: Browser, desk: RunningDesk, sessions: Sessions) -> Iterator[Arrive]:
    """`arrive()` is the owner at the desk, signed in; `arrive("")` is a stranger; `arrive("ann", "viewer")`
    another person of that role. Every page that was seen must have been well."""
    came: list[Visitor] = []

    def coming(name: str = OWNER, role: str = "", **manner: Any) -> Visitor:
        visitor = Visitor(browser, desk, storage_state=sessions.get(name), **manner)
        came.append(visitor)
        if name and name not in sessions:
            visitor.come_in_first(name, once_of(desk, name, role))
            sessions[name] = visitor.context.storage_state()
        return visitor

    yield coming
    for visitor in came:
        visitor.leave()
    for visitor in came:
        visitor.was_well()


def once_of(desk: RunningDesk, name: str, role: str) -> str:
    if name == OWNER:
        return desk.one_time_password()
    return str(desk.json("user", "add", name, "--role", role)["one_time_password"])
