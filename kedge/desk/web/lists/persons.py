"""People: who may sign in and what they may do. For owners; every rule is kept by `people.py`."""

from __future__ import annotations

from axes.utils import reset
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from kedge.client import new_command_id
from kedge.desk.web import once, project
from kedge.desk.web import people as accounts
from kedge.desk.web.models import ApiToken
from kedge.desk.web.people import GROUPS, PersonWrong
from kedge.desk.web.person import Request, known, page

SORTS = {"name": "username", "seen": "last_login", "added": "date_joined"}
# Buttons whose answer is a one-time password.
SECRETS = ("add", "password")


@page("admin")
def people(request: Request) -> HttpResponse:
    if request.method == "POST":
        return _acted(request)
    word, sort = request.GET.get("q", "")[:200], request.GET.get("sort", "name")
    column = SORTS.get(sort.removeprefix("-"), "username")
    found = User.objects.order_by(f"-{column}" if sort.startswith("-") else column, "pk")
    if word:
        found = found.filter(Q(username__icontains=word))
    devices = Prefetch("totpdevice_set", TOTPDevice.objects.filter(confirmed=True), "factors")
    alive = Prefetch("api_tokens", ApiToken.objects.filter(revoked_at__isnull=True), "alive_tokens")
    related = found.select_related("profile").prefetch_related("groups", devices, alive)
    rows = request.profile.rows if request.profile else 50
    shown = Paginator(related, rows).get_page(request.GET.get("page"))
    context = {
        "people": [_row(user) for user in shown],
        "page": shown,
        "groups": list(GROUPS),
        "q": word,
        "sort": sort,
        "once": once.shown(request, project.context().clock),
        "command_id": new_command_id(),
    }
    return render(request, "lists/people.html", context)


def _row(user: User) -> dict[str, object]:
    role = next((name for name in reversed(GROUPS) if name in {g.name for g in user.groups.all()}), "")
    profile = getattr(user, "profile", None)
    return {
        "name": user.username,
        "role": role,
        "active": user.is_active,
        "two_factor": bool(getattr(user, "factors", ())),
        "tokens": len(getattr(user, "alive_tokens", ())),
        "must_change": bool(profile and profile.must_change_password),
        "seen": user.last_login,
        "added": user.date_joined,
    }


def _acted(request: Request) -> HttpResponse:
    """One of the buttons, and on to the page: loaded again it does nothing twice."""
    name, do = request.POST.get("name", "").strip(), request.POST.get("do", "")
    try:
        if do in SECRETS:
            return once.lead_on(
                request, "people", project.context().clock, lambda: _secret(request, name, do)
            )
        _act(request, name, do)
    except PersonWrong as wrong:
        messages.error(request, str(wrong))
    return redirect("people")


def _secret(request: Request, name: str, do: str) -> tuple[str, str]:
    """The name with its new one-time password. Raises `PersonWrong`."""
    if do == "add":
        password = accounts.add(name, request.POST.get("role", "viewer"))
        messages.success(request, _("%(name)s is added.") % {"name": name})
    else:
        password = accounts.set_password(name)
        messages.success(request, _("%(name)s has a new one-time password.") % {"name": name})
    return name, password


def _act(request: Request, name: str, do: str) -> None:
    """Raises `PersonWrong`."""
    given, me = request.POST, known(request).name
    if name == me and do in ("off", "role"):
        raise PersonWrong(_("You cannot do this to yourself; ask another owner."))
    if do == "role":
        accounts.set_role(name, given.get("role", ""))
        messages.success(request, _("%(name)s has another role now.") % {"name": name})
    elif do in ("on", "off"):
        accounts.set_active(name, do == "on")
        said = _("%(name)s may sign in.") if do == "on" else _("%(name)s may not sign in any more.")
        messages.success(request, said % {"name": name})
    elif do == "unlock":
        reset(username=name)
        messages.success(request, _("%(name)s may try again.") % {"name": name})
    elif do == "factor":
        user = accounts.find(name)
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
        messages.success(request, _("The second factor of %(name)s is off.") % {"name": name})
    else:
        raise PersonWrong(_("There is no such button."))
