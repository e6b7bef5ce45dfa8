"""Who is at the page: found once per request, with their role, language, zone and theme.

`request.person` is None for who is not signed in. Views say whom they are for with `@page("trade")`.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from kedge.client import DeskAway, Refused
from kedge.desk.commands import ROLES, Role
from kedge.desk.web import project
from kedge.desk.web.errors import PEOPLE, busy, forbidden, nobody_known, refused, told
from kedge.desk.web.models import Profile, profile_of
from kedge.desk.web.people import Person, role_of

# What a person who must choose a password first may still reach.
ALWAYS = ("sign-in", "sign-in-code", "sign-out", "password", "asset", "language")
# What machines ask needs nobody's name.
OF_MACHINES = ("/healthz", "/readyz", "/metrics")


class Request(HttpRequest):
    """A request after `PersonMiddleware`."""

    person: Person | None
    profile: Profile | None
    user: User


class PersonMiddleware:
    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self._next = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    async def __call__(self, plain: HttpRequest) -> HttpResponseBase:
        request = cast(Request, plain)
        if request.path.startswith("/static/"):
            request.person, request.profile = None, None
            return await self._next(request)
        if project.context().troubles.get(PEOPLE, ""):
            return await self._unknown(request)
        try:
            await sync_to_async(_identify)(request)
        except DatabaseError as error:
            request.person, request.profile = None, None
            request.user = cast(Any, AnonymousUser())
            return busy(request, error)
        with translation.override(_language(request)), timezone.override(_zone(request)):
            return await self._next(request)

    async def _unknown(self, request: Request) -> HttpResponseBase:
        """While nobody can be known: whether the desk lives is told still, and nothing else."""
        request.person, request.profile = None, None
        request.user = cast(Any, AnonymousUser())
        if request.path.rstrip("/") in OF_MACHINES:
            return await self._next(request)
        with translation.override(_language(request)):
            return nobody_known(request)

    async def process_view(self, plain: HttpRequest, *rest: object) -> HttpResponse | None:
        request = cast(Request, plain)
        match = request.resolver_match
        must = request.profile is not None and request.profile.must_change_password
        if not must or match is None or match.url_name in ALWAYS:
            return None
        if request.path.startswith(("/api/", "/main/")):
            return told(request, 403, _("Choose a password"), _("Choose a password of your own first."))
        return redirect("password")

    async def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What the world did to us, as a page in plain words; a fault of ours goes on to the error page."""
        if isinstance(error, DatabaseError):
            return busy(request, error)
        if isinstance(error, (DeskAway, Refused)):
            return refused(request, error)
        return None


def page(role: Role = "look") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A view for those who hold this role; others are sent to the sign-in page, or told that they may not."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def plain(request: Request, *args: Any, **named: Any) -> HttpResponseBase:
            return _stopped(request, role) or view(request, *args, **named)

        @wraps(view)
        async def waiting(request: Request, *args: Any, **named: Any) -> HttpResponseBase:
            return _stopped(request, role) or await view(request, *args, **named)

        return waiting if iscoroutinefunction(view) else plain

    return decorate


def known(request: Request) -> Person:
    """The person of a page that is for signed-in people."""
    assert request.person is not None
    return request.person


def _stopped(request: Request, role: Role) -> HttpResponse | None:
    if request.person is None:
        if request.profile is None:
            return redirect(f"{reverse('sign-in')}?{urlencode({'next': request.get_full_path()})}")
        return forbidden(request, "")
    if ROLES.index(request.person.role) < ROLES.index(role):
        return forbidden(request, role)
    return None


def _identify(request: Request) -> None:
    """In a thread: everything that asks the database. Afterwards templates need it no more."""
    request.person, request.profile = None, None
    user = cast("User | AnonymousUser", request.user)
    if isinstance(user, AnonymousUser):
        return
    request.profile = profile_of(user)
    if role := role_of(user):
        request.person = Person(user.get_username(), role)


def _language(request: Request) -> str:
    chosen = request.profile.language if request.profile else request.COOKIES.get("kedge_language", "")
    if chosen in dict(_languages()):
        return chosen
    return translation.get_language_from_request(request)


def _languages() -> list[tuple[str, str]]:
    from django.conf import settings

    return list(settings.LANGUAGES)


def _zone(request: Request) -> zoneinfo.ZoneInfo:
    chosen = request.profile.zone if request.profile else ""
    try:
        return zoneinfo.ZoneInfo(chosen or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")
