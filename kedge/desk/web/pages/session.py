"""Coming and going: password, then the code of the second factor where there is one.

Nobody is signed in before both were right, so no other page has to ask.
"""

from __future__ import annotations

import time

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django_otp import devices_for_user, match_token
from django_otp import login as otp_login

PENDING = "kedge_pending"
# How long the second page waits for its code.
PENDING_S = 300
BACKEND = "django.contrib.auth.backends.ModelBackend"
LANGUAGE_S = 365 * 24 * 3600


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_next(request))
    if request.method != "POST":
        return render(request, "desk/sign_in.html", {"next": request.GET.get("next", "")})
    name, password = request.POST.get("username", ""), request.POST.get("password", "")
    user = authenticate(request, username=name, password=password)
    if isinstance(user, User):
        return _known(request, user)
    locked = getattr(request, "axes_locked_out", False)
    if locked:
        from kedge.desk.web.errors import locked_out

        return locked_out(request)
    says = _("That name and password do not fit together, or the account is switched off.")
    context = {"next": request.POST.get("next", ""), "name": name, "says": says}
    return render(request, "desk/sign_in.html", context, status=401)


@never_cache
@sensitive_post_parameters("code")
def code(request: HttpRequest) -> HttpResponse:
    user = _pending(request)
    if user is None:
        return redirect("sign-in")
    if request.method != "POST":
        return render(request, "desk/sign_in_code.html", {"next": request.GET.get("next", "")})
    typed = request.POST.get("code", "").replace(" ", "")
    # A device that was tried too often answers no for a while, longer each time.
    device = match_token(user, typed) if typed else None
    if device is None:
        says = _("That code is not right, or it was tried too often: wait for the next one.")
        context = {"next": request.POST.get("next", ""), "says": says}
        return render(request, "desk/sign_in_code.html", context, status=401)
    login(request, user, backend=BACKEND)
    otp_login(request, device)
    return redirect(_next(request))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Before anybody has signed in; who has, chooses it on their own page."""
    response = redirect(_next(request))
    response.set_cookie(
        "kedge_language", request.POST.get("language", "")[:8], max_age=LANGUAGE_S, samesite="Lax"
    )
    return response


def _known(request: HttpRequest, user: User) -> HttpResponse:
    if not list(devices_for_user(user)):
        login(request, user, backend=BACKEND)
        return redirect(_next(request))
    request.session.cycle_key()
    request.session[PENDING] = {"user": user.pk, "at": int(time.time())}  # storm-ok: a session's own age
    return redirect("sign-in-code")


def _pending(request: HttpRequest) -> User | None:
    kept = request.session.get(PENDING) or {}
    age_s = time.time() - int(kept.get("at", 0))  # storm-ok: a session's own age
    if age_s > PENDING_S:
        return None
    return User.objects.filter(pk=int(kept.get("user") or 0), is_active=True).first()


def _next(request: HttpRequest) -> str:
    """Back to where they came from, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    fits = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if fits and wanted.startswith("/") else "/"
