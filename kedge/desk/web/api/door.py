"""One way in for every request: who asks, how often, what may they, what do they ask, what is answered.

    Authorization: Bearer kedge_...     a program, with what its token may
    the session's cookie                a page of the desk; what changes something needs the CSRF token too

Errors are one shape everywhere: {"error": {"code": "...", "says": "..."}}, and the number of the status says
whose fault it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from asgiref.sync import sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from msgspec import Struct

from kedge.client import DeskAway, Refused
from kedge.desk.commands import ROLES, Role
from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.web import project, tokens
from kedge.desk.web.api import asking
from kedge.desk.web.api.rates import Rates
from kedge.desk.web.api.shapes import Failed, Fault
from kedge.desk.web.headers import address_of
from kedge.desk.web.people import NAMES, Person
from kedge.desk.web.person import Request

JSON = "application/json"
LATER = "Retry-After"

# What a sentence was about, and the status that says so.
STATUS: dict[str, int] = {
    "usage": 400,
    "malformed": 400,
    "unknown": 401,
    "denied": 403,
    "missing": 404,
    "method": 405,
    "refused": 409,
    "too-long": 413,
    "not-json": 415,
    "busy": 429,
    "away": 503,
}
MEANINGS: dict[int, str] = {
    400: "A mistake in the request; the sentence says which.",
    401: "No token and no session, or one that is not valid any more.",
    403: "The role does not allow it, or the CSRF token is missing.",
    404: "There is no such thing.",
    409: "The desk said no.",
    413: "The request is too long.",
    415: "The body is not JSON.",
    429: "Too many requests; `Retry-After` says how many seconds to wait.",
    503: "The engine or the database does not answer; ask again under the same key.",
}

encode = msgspec.json.Encoder(decimal_format="string").encode
# For the older desk's shapes, which have plain numbers.
encode_numbers = msgspec.json.Encoder(decimal_format="number").encode


@dataclass
class Caller:
    """Who asks, and with what."""

    request: Request
    person: Person
    by_token: bool
    key: str = ""  # the idempotency key, "" where none was sent
    about: str = ""  # the id in the address

    @property
    def wants_csv(self) -> bool:
        chosen = self.request.GET.get(asking.FORMAT, "")
        if chosen:
            return chosen == "csv"
        return "text/csv" in self.request.headers.get("Accept", "")


Act = Callable[[Caller, Any], Awaitable[Any]]


class Route(Struct, frozen=True):
    """One address and method. `act` gives a struct or plain data, or a whole response."""

    method: str
    path: str
    name: str
    summary: str
    takes: type[Struct]
    gives: Any
    act: Act
    tag: str
    role: Role = "look"
    errors: tuple[int, ...] = ()
    csv: bool = False
    stream: bool = False
    # Whether numbers are plain numbers, as the older desk had them.
    numbers: bool = False


def view_of(routes: list[Route]) -> Callable[..., Awaitable[HttpResponseBase]]:
    """The view of one address, for all its methods."""
    methods = {route.method: route for route in routes}
    allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))

    async def view(request: HttpRequest, about: str = "") -> HttpResponseBase:
        route = methods.get("GET" if request.method == "HEAD" else str(request.method))
        try:
            person, by_token = await _let_in(cast(Request, request))
            if route is None:
                raise Refused(f"this address takes {allowed}", "method")
            caller = Caller(cast(Request, request), person, by_token, about=about)
            return await _answered(caller, route)
        except (Refused, DeskAway, DatabaseTrouble, DatabaseError) as error:
            response = told(error)
            if response.status_code == 405:
                response["Allow"] = allowed
            return response

    # Programs with a token send no cookie, so there is nothing to forge; sessions are checked below.
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


async def _answered(caller: Caller, route: Route) -> HttpResponseBase:
    request = caller.request
    _may(caller.person, route.role)
    if route.method == "POST":
        if not caller.by_token:
            _check_csrf(request)
        caller.key = asking.key_of(request)
        args = asking.from_body(request, route.takes, route.name)
    else:
        chosen = request.GET.get(asking.FORMAT, "")
        if chosen not in ("", "json", "csv") or (chosen == "csv" and not route.csv):
            raise Refused(f"{route.name}: `format` can be json{' or csv' if route.csv else ''}", "usage")
        args = asking.from_query(request, route.takes, route.name)
    made = await route.act(caller, args)
    if isinstance(made, HttpResponseBase):
        return made
    return HttpResponse((encode_numbers if route.numbers else encode)(made), content_type=JSON)


# ── who asks ────────────────────────────────────────────────────────────────────────────────────


async def _let_in(request: Request) -> tuple[Person, bool]:
    """Raises `Refused`: "unknown" for nobody we know, "busy" for who asks too often."""
    header = request.headers.get("Authorization", "")
    if not header:
        return _of_session(request), False
    scheme, _, token = header.partition(" ")
    token = token.strip()
    _not_too_often(f"token {_digest(token)}")
    if scheme.lower() != "bearer" or not token:
        raise Refused("write the token like this: Authorization: Bearer kedge_...", "unknown")
    person = await sync_to_async(tokens.person_of)(token)
    if person is None:
        # Guessing is hopeless, and still not for free.
        _not_too_often(f"address {address_of(request)}")
        raise Refused("this token is not valid: it is unknown, has expired or was revoked", "unknown")
    return person, True


def _of_session(request: Request) -> Person:
    if request.person is None:
        _not_too_often(f"address {address_of(request)}")
        if not request.user.is_authenticated:
            raise Refused("send a token (Authorization: Bearer ...), or sign in", "unknown")
        raise Refused("you are in no role yet; ask an owner to give you one", "denied")
    _not_too_often(f"person {request.person.name}")
    return request.person


_rates: list[tuple[tuple[int, int], Rates]] = []


def _not_too_often(who: str) -> None:
    here = project.context()
    chosen = (here.settings.api.per_minute, here.settings.api.burst)
    if not _rates or _rates[0][0] != chosen:
        _rates[:] = [(chosen, Rates(*chosen))]
    wait_s = _rates[0][1].wait_s(who, here.clock())
    if wait_s:
        raise Later(wait_s)


class Later(Refused):
    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many requests; ask again in {wait_s} s", "busy")
        self.wait_s = wait_s


def _may(person: Person, role: Role) -> None:
    if ROLES.index(person.role) < ROLES.index(role):
        raise Refused(
            f"{person.name} may {person.role} here ({NAMES[person.role]}); this needs the role {NAMES[role]}",
            "denied",
        )


class _Csrf(CsrfViewMiddleware):
    """Django's own check, told as a reason instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _check_csrf(request: Request) -> None:
    check = _Csrf(lambda _request: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, cast(Any, None), (), {})
    if reason:
        raise Refused(
            "a session needs the CSRF token with what it changes (X-CSRFToken); programs use a token",
            "denied",
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


def told(error: Refused | DeskAway | DatabaseTrouble | DatabaseError) -> HttpResponse:
    """An error as the one shape there is."""
    if isinstance(error, DeskAway):
        fault = Fault("away", str(error), error.command_id)
    elif isinstance(error, Refused):
        code = error.fault if error.fault in STATUS else "refused"
        fault = Fault(code, str(error), error.taken.command_id if error.taken else "", error.taken)
    else:
        why = (str(error).splitlines() or [""])[0][:200]
        fault = Fault("away", f"the desk's database does not answer ({why}); trading goes on")
    status = STATUS.get(fault.code, 409)
    response = HttpResponse(encode(Failed(fault)), content_type=JSON, status=status)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Later):
        response[LATER] = str(error.wait_s)
    return response
