"""API tokens: made once, shown once, kept as a digest; each with a role no higher than its person's."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from kedge.desk.commands import Role
from kedge.desk.web.models import ApiToken
from kedge.desk.web.people import Person, lower, role_of

PREFIX = "kedge_"
# Letters of the token that lists show.
HINT = len(PREFIX) + 4
# Writing down each use would be a disk sync per request.
USED_AGAIN = timedelta(minutes=1)
TOKENS_MAX = 50


def make(user: User, name: str, role: Role, days: int = 0) -> str:
    """A new token; 0 days: it does not expire. The text is not kept anywhere."""
    token = PREFIX + secrets.token_urlsafe(32)  # storm-ok: a token must not be guessed
    now = timezone.now()
    ApiToken.objects.create(
        user=user,
        name=name,
        hint=token[:HINT],
        digest=_digest(token),
        role=role,
        made_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )
    return token


def person_of(token: str) -> Person | None:
    """Whose token it is, with what it may; None for one that is unknown, expired or revoked."""
    now = timezone.now()
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    found = (
        ApiToken.objects.select_related("user")
        .filter(alive, digest=_digest(token), revoked_at__isnull=True, user__is_active=True)
        .first()
    )
    if found is None:
        return None
    held = role_of(found.user)
    if held is None or found.user.profile.must_change_password:
        return None
    if found.last_used_at is None or now - found.last_used_at > USED_AGAIN:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return Person(found.user.get_username(), lower(held, _role(found.role)), via="api")


def revoke(user: User, number: int) -> bool:
    """Void from now on; it stays in the list."""
    now = timezone.now()
    return bool(ApiToken.objects.filter(user=user, pk=number, revoked_at__isnull=True).update(revoked_at=now))


def _role(word: str) -> Role:
    return "admin" if word == "admin" else "trade" if word == "trade" else "look"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
