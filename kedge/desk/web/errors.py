"""Errors as pages: what happened and what to do, in one plain sentence each."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from kedge.client import DeskAway, Refused

# Where `DeskContext.troubles` tells that the people's database was not there yet since the start.
PEOPLE = "people"

AGAIN_S = 5

# One word for programs, as REST answers it everywhere (web/api/door.py).
CODES = {
    400: "usage",
    401: "unknown",
    403: "denied",
    404: "missing",
    405: "method",
    409: "refused",
    429: "busy",
    503: "away",
}


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/main/"))


def told(request: HttpRequest, status: int, title: str, says: str) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"error": {"code": CODES.get(status, "refused"), "says": says}}, status=status)
    html = render_to_string("desk/error.html", {"title": title, "says": says, "status": status}, request)
    return HttpResponse(html, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return told(request, 400, _("That request cannot be read"), _("Go back, load the page again and retry."))


def forbidden(request: HttpRequest, role: str = "", exception: Exception | None = None) -> HttpResponse:
    says = (
        _("Your role does not allow this; an owner can change it on the people page.")
        if role
        else _("You are in no role yet; ask an owner to give you one.")
    )
    return told(request, 403, _("Not for your role"), says)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return forbidden(request, "any")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return told(
        request, 404, _("There is no such page"), _("The address may be mistyped, or the thing is gone.")
    )


def failed(request: HttpRequest) -> HttpResponse:
    """A fault of ours. Nothing is rendered that could fail again."""
    says = "A fault of Kedge's own. Trading goes on; the desk's log has the details."
    if _wants_json(request):
        return JsonResponse({"error": {"code": "bug", "says": says}}, status=500)
    return HttpResponse(f"<!doctype html><title>Kedge</title><h1>Kedge</h1><p>{says}</p>", status=500)


def busy(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    """The desk's database is locked, away or full; the engine has its own and trades on."""
    says = _("The desk's database does not answer (%(why)s). Trading goes on; try again in a moment.")
    return told(request, 503, _("The database is busy"), says % {"why": str(error).splitlines()[0][:200]})


def nobody_known(request: HttpRequest) -> HttpResponse:
    """The people's database is away since the start. Why, is for the log: anybody may be asking."""
    says = _(
        "Nobody can be let in before it answers; the desk's log says what is wrong with it. Trading goes on,"
        " and this page comes back by itself."
    )
    response = told(request, 503, _("The people's database is away"), says)
    response["Retry-After"] = str(AGAIN_S)
    if not _wants_json(request):
        response["Refresh"] = str(AGAIN_S)
    return response


def refused(request: HttpRequest, error: DeskAway | Refused) -> HttpResponse:
    """The engine is away, or said no: its own sentence."""
    if isinstance(error, DeskAway):
        return told(request, 503, _("The engine does not answer"), str(error))
    return told(request, 409, _("Refused"), str(error))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    says = _(
        "This form did not come from a page of this desk, or it is too old. Load the page again and retry."
    )
    return told(request, 403, _("The form is not valid any more"), says)


def locked_out(
    request: HttpRequest, response: Any = None, credentials: Any = None, *_more: Any
) -> HttpResponse:
    says = _("Too many wrong passwords from this address. Wait a while, or ask an owner for a new password.")
    return told(request, 429, _("Locked for a while"), says)
