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

from kedge.desk.web import people as accounts
from kedge.desk.web.models import ApiToken
from kedge.desk.web.people import GROUPS, PersonWrong
from kedge.desk.web.person import Request, known, page

SORTS = {"name": "username", "seen": "last_login", "added": "date_joined"}


@page("admin")
def people(request: Request) -> HttpResponse:
    once: tuple[str, str] | None = None
    if request.method == "POST":
        try:
            once = _act(request)
        except PersonWrong as wrong:
            messages.error(request, str(wrong))
        if once is None:
            return redirect("people")
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
        # Shown in the answer itself: a password is kept nowhere, a session included.
        "once": once,
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


def _act(request: Request) -> tuple[str, str] | None:
    """One of the buttons; a name with its one-time password where one was made. Raises `PersonWrong`."""
    given, me = request.POST, known(request).name
    name, do = given.get("name", "").strip(), given.get("do", "")
    if do == "add":
        once = accounts.add(name, given.get("role", "viewer"))
        messages.success(request, _("%(name)s is added.") % {"name": name})
        return name, once
    if name == me and do in ("off", "role"):
        raise PersonWrong(_("You cannot do this to yourself; ask another owner."))
    if do == "role":
        accounts.set_role(name, given.get("role", ""))
        messages.success(request, _("%(name)s has another role now.") % {"name": name})
    elif do == "password":
        once = accounts.set_password(name)
        messages.success(request, _("%(name)s has a new one-time password.") % {"name": name})
        return name, once
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
    return None
