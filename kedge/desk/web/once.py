"""Secrets that a page shows once: a one-time password, a new token.

    POST   makes the secret, keeps it here under a ticket, and leads on to the page with that ticket
    GET    takes it out and shows it; loaded again, the page is the plain one

It is kept in the memory of this process alone, for a minute: no database, session or log ever has it. A form
that is sent twice (a double click, an answer that was lost) gets the ticket of the first: one secret is made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from msgspec import Struct

from kedge.client import new_command_id
from kedge.desk.parts import Clock

SHOWN_WITHIN_NS = 60 * 1_000_000_000
# Forms that were sent stay known as long as a browser may send them again.
FORMS_NS = 3600 * 1_000_000_000
KEPT_MOST = 500
PARAMETER = "shown"


class _Kept(Struct):
    of: Any
    form: str
    made_ns: int
    what: tuple[str, str]


class Once:
    """What waits to be shown, by ticket. Each can be taken once, by the person it was made for."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def make(self, of: Any, form: str, now_ns: int, made: Callable[[], tuple[str, str]]) -> str:
        """The ticket of what this form makes: of what it has made where it was sent before. What `made`
        raises, goes through."""
        with self._lock:
            self._forget(now_ns)
            for ticket, kept in self._kept.items():
                if form and (kept.of, kept.form) == (of, form):
                    return ticket
            ticket = new_command_id()
            self._kept[ticket] = _Kept(of, form, now_ns, made())
            return ticket

    def take(self, of: Any, ticket: str, now_ns: int) -> tuple[str, str] | None:
        with self._lock:
            self._forget(now_ns)
            kept = self._kept.get(ticket)
            if kept is None or kept.of != of or not kept.what[1]:
                return None
            found, kept.what = kept.what, ("", "")
            return found

    def _forget(self, now_ns: int) -> None:
        for ticket, kept in list(self._kept.items()):
            age_ns = now_ns - kept.made_ns
            if age_ns > FORMS_NS or len(self._kept) >= KEPT_MOST:
                del self._kept[ticket]
            elif age_ns > SHOWN_WITHIN_NS:
                kept.what = ("", "")


_once = Once()


def lead_on(
    request: HttpRequest, route: str, clock: Clock, made: Callable[[], tuple[str, str]]
) -> HttpResponse:
    """Make a name with its secret, as the form asks for it, and go to the page that shows it."""
    ticket = _once.make(_person(request), request.POST.get("command_id", ""), clock(), made)
    return redirect(f"{reverse(route)}?{PARAMETER}={ticket}")


def shown(request: HttpRequest, clock: Clock) -> tuple[str, str] | None:
    """The name and the secret that this page shows now and never again."""
    if request.method != "GET" or PARAMETER not in request.GET:
        return None
    return _once.take(_person(request), request.GET[PARAMETER][:64], clock())


def _person(request: HttpRequest) -> Any:
    return request.user.pk
