"""What is a person's own: language, zone and theme, password, second factor, API tokens."""

from __future__ import annotations

import base64
import secrets
import zoneinfo
from functools import lru_cache

import segno
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as otp_login
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from kedge.client import new_command_id
from kedge.desk.commands import ROLES
from kedge.desk.web import once, project
from kedge.desk.web import tokens as api_tokens
from kedge.desk.web.models import ApiToken, Profile, profile_of
from kedge.desk.web.people import ALPHABET, NAMES, lower
from kedge.desk.web.person import Request, known, page
from kedge.desk.web.project import LANGUAGES

RECOVERY_CODES = 10
THEMES = tuple(theme for theme, _label in Profile.THEMES)
DAYS = (30, 90, 365, 0)


@lru_cache(maxsize=1)
def zones() -> list[str]:
    return ["UTC", *sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone)]


@page()
def profile(request: Request) -> HttpResponse:
    mine = profile_of(request.user)
    if request.method == "POST":
        language, zone, theme = (request.POST.get(name, "") for name in ("language", "zone", "theme"))
        if (zone and zone not in zones()) or theme not in THEMES or language not in {"", *dict(LANGUAGES)}:
            messages.error(request, _("Choose one of those that are listed."))
            return redirect("profile")
        mine.language, mine.zone, mine.theme = language, zone, theme
        mine.save()
        messages.success(request, _("Kept."))
        return redirect("profile")
    context = {"mine": mine, "zones": zones(), "languages": LANGUAGES, "themes": Profile.THEMES}
    return render(request, "desk/profile.html", context)


@page()
@sensitive_post_parameters("old", "new", "again")
def password(request: Request) -> HttpResponse:
    mine, user = profile_of(request.user), request.user
    says = ""
    if request.method == "POST":
        says = _changed(user, *(request.POST.get(name, "") for name in ("old", "new", "again")))
        if not says:
            Profile.objects.filter(pk=mine.pk).update(must_change_password=False)
            update_session_auth_hash(request, user)
            messages.success(request, _("Your password is changed. Other browsers are signed out."))
            return redirect("overview" if mine.must_change_password else "profile")
    context = {"must": mine.must_change_password, "says": says}
    return render(request, "desk/password.html", context, status=400 if says else 200)


def _changed(user: User, old: str, new: str, again: str) -> str:
    """Change it, or say why not."""
    if not user.check_password(old):
        return _("The present password is not right.")
    if new != again:
        return _("The two new passwords are not the same.")
    if new == old:
        return _("The new password is the old one.")
    try:
        validate_password(new, user)
    except ValidationError as wrong:
        return " ".join(wrong.messages)
    user.set_password(new)
    user.save()
    return ""


# ── the second factor ───────────────────────────────────────────────────────────────────────────


@page()
@sensitive_post_parameters("code", "password")
def two_factor(request: Request) -> HttpResponse:
    """Enrol by scanning a picture and typing one code; switch off by the password."""
    on = TOTPDevice.objects.filter(user=request.user, confirmed=True).first()
    if request.method == "POST" and request.POST.get("do") == "off":
        return _switched_off(request)
    if request.method == "POST" and on is None:
        return _confirmed(request)
    waiting = None if on else _waiting_device(request.user)
    codes = request.session.pop("kedge_recovery", None)
    context = {"on": on, "codes": codes, "left": _codes_left(request.user)}
    if waiting is not None:
        picture = segno.make(waiting.config_url, error="m").svg_data_uri(scale=5, border=2, light="#fff")
        secret = base64.b32encode(waiting.bin_key).decode()
        context |= {"picture": picture, "secret": " ".join(secret[at : at + 4] for at in range(0, 32, 4))}
    return render(request, "desk/two_factor.html", context)


def _waiting_device(user: User) -> TOTPDevice:
    made, _new = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": "phone"})
    return made


@transaction.atomic
def _confirmed(request: Request) -> HttpResponse:
    device = _waiting_device(request.user)
    if not device.verify_token(request.POST.get("code", "").replace(" ", "")):
        messages.error(request, _("That code is not right; is the clock of your phone right?"))
        return redirect("two-factor")
    device.confirmed = True
    device.save()
    request.session["kedge_recovery"] = _new_codes(request.user)
    otp_login(request, device)
    messages.success(request, _("The second factor is on."))
    return redirect("two-factor")


def _switched_off(request: Request) -> HttpResponse:
    if not request.user.check_password(request.POST.get("password", "")):
        messages.error(request, _("The password is not right; the second factor stays on."))
        return redirect("two-factor")
    TOTPDevice.objects.filter(user=request.user).delete()
    StaticDevice.objects.filter(user=request.user).delete()
    messages.success(request, _("The second factor is off."))
    return redirect("two-factor")


def _new_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery")
    codes = [
        "".join(secrets.choice(ALPHABET) for _n in range(10))  # storm-ok: codes must not be guessed
        for _m in range(RECOVERY_CODES)
    ]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=one) for one in codes)
    return codes


def _codes_left(user: User) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────


@page()
def tokens(request: Request) -> HttpResponse:
    person = known(request)
    if request.method == "POST" and request.POST.get("do") == "revoke":
        number = request.POST.get("number", "")
        if number.isdigit() and api_tokens.revoke(request.user, int(number)):
            messages.success(request, _("The token is void from now on."))
        return redirect("tokens")
    if request.method == "POST":
        try:
            return once.lead_on(request, "tokens", project.context().clock, lambda: _made(request))
        except TokenWrong as wrong:
            messages.error(request, str(wrong))
            return redirect("tokens")
    rows = ApiToken.objects.filter(user=request.user).order_by("-made_at")[: 2 * api_tokens.TOKENS_MAX]
    roles = [(role, NAMES[role]) for role in ROLES if lower(role, person.role) == role]
    context = {
        "tokens": rows,
        "shown": once.shown(request, project.context().clock),
        "roles": roles,
        "days": DAYS,
        "command_id": new_command_id(),
    }
    return render(request, "desk/tokens.html", context)


class TokenWrong(ValueError):
    """It cannot be made; the text is one sentence."""


def _made(request: Request) -> tuple[str, str]:
    """Its name and the new token. Raises `TokenWrong`."""
    name, role = request.POST.get("name", "").strip(), request.POST.get("role", "")
    days = request.POST.get("days", "")
    alive = ApiToken.objects.filter(user=request.user, revoked_at__isnull=True).count()
    if not name or len(name) > 60:
        raise TokenWrong(_("Give the token a name of 1 to 60 letters, so that you know it again."))
    fitting = next((one for one in ROLES if one == role and lower(one, known(request).role) == one), None)
    if fitting is None or not days.isdigit() or int(days) not in DAYS:
        raise TokenWrong(_("Choose one of those that are listed."))
    if alive >= api_tokens.TOKENS_MAX:
        raise TokenWrong(_("You have too many tokens; revoke some first."))
    return name, api_tokens.make(request.user, name, fitting, int(days))
