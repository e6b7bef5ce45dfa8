"""People: accounts, roles, one-time passwords. Used by pages, by `kedge user` and by the first start."""

from __future__ import annotations

import re
import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from msgspec import Struct

from kedge.desk.commands import ROLES, Deed, Role, may
from kedge.desk.web.models import Profile, profile_of

# What people call the roles, and what the commands call them.
GROUPS: dict[str, Role] = {"viewer": "look", "trader": "trade", "owner": "admin"}
NAMES: dict[Role, str] = {role: name for name, role in GROUPS.items()}

# Letters that cannot be mistaken for others when read from a terminal.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
OWNER = "owner"
# What the gate takes as the name of a person.
NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}\Z")


class PersonWrong(ValueError):
    """It cannot be done to this person; the text is one sentence."""


class Person(Struct, frozen=True):
    """Who asks, as commands know them: the name goes into the record."""

    name: str
    role: Role
    via: str = "web"

    def may(self, deed: Deed) -> bool:
        return may(self.role, deed)


def role_of(user: User) -> Role | None:
    """The highest role of the groups the person is in; None for who is in none."""
    names = set(user.groups.values_list("name", flat=True))
    held = [role for name, role in GROUPS.items() if name in names]
    return max(held, key=ROLES.index) if held else None


def lower(one: Role, other: Role) -> Role:
    return min(one, other, key=ROLES.index)


def ensure_groups() -> None:
    for name in GROUPS:
        Group.objects.get_or_create(name=name)


def first_owner() -> str:
    """The first start: an owner and a one-time password, "" where there is somebody already."""
    ensure_groups()
    if get_user_model().objects.exists():
        return ""
    return add(OWNER, "owner")


@transaction.atomic
def add(name: str, group: str, password: str = "") -> str:
    """A new person; the one-time password, "" where one was given. Raises `PersonWrong`."""
    _check_group(group)
    ensure_groups()
    if not NAME.match(name):
        raise PersonWrong(f"a name is 1 to 64 letters, digits and ._@+-, like ann; it is {name[:80]!r}")
    user = User(username=name)
    if User.objects.filter(username__iexact=name).exists():
        raise PersonWrong(f"there is already a person called {name}")
    once = "" if password else one_time_password()
    _set_password(user, password, once)
    user.save()
    Profile.objects.create(user=user, must_change_password=bool(once))
    _put(user, group)
    return once


@transaction.atomic
def set_role(name: str, group: str) -> None:
    _check_group(group)
    user = find(name)
    if group != "owner":
        _keep_an_owner(user)
    _put(user, group)


@transaction.atomic
def set_password(name: str, password: str = "") -> str:
    """A new password, or a one-time one that must be changed; it is returned. Ends no session but by itself:
    Django's sessions of the old password are void at once."""
    user = find(name)
    once = "" if password else one_time_password()
    _set_password(user, password, once)
    user.save()
    Profile.objects.update_or_create(user=user, defaults={"must_change_password": bool(once)})
    return once


@transaction.atomic
def set_active(name: str, active: bool) -> None:
    user = find(name)
    if not active:
        _keep_an_owner(user)
    user.is_active = active
    user.save()


def listed() -> list[dict[str, object]]:
    """Everybody, for `kedge user list`."""
    rows: list[dict[str, object]] = []
    for user in User.objects.order_by("username"):
        role = role_of(user)
        rows.append(
            {
                "name": user.username,
                "role": NAMES[role] if role else "",
                "active": user.is_active,
                "two_factor": user.totpdevice_set.filter(confirmed=True).exists(),  # type: ignore[attr-defined]
                "must_change_password": profile_of(user).must_change_password,
                "last_seen": user.last_login.isoformat() if user.last_login else "",
            }
        )
    return rows


def find(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise PersonWrong(f"there is nobody called {name}; `kedge user list` shows who there is")
    return user


def one_time_password() -> str:
    letters = [secrets.choice(ALPHABET) for _ in range(16)]  # storm-ok: a password must not be guessed
    return "-".join("".join(letters[at : at + 4]) for at in range(0, 16, 4))


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _set_password(user: User, password: str, once: str) -> None:
    if password:
        try:
            validate_password(password, user)
        except ValidationError as wrong:
            raise PersonWrong(_sentence(wrong)) from None
    user.set_password(password or once)


def _put(user: User, group: str) -> None:
    user.groups.set(Group.objects.filter(name=group))
    user.is_staff = user.is_superuser = group == "owner"
    user.save()


def _keep_an_owner(user: User) -> None:
    others = User.objects.filter(groups__name="owner", is_active=True).exclude(pk=user.pk)
    if user.groups.filter(name="owner").exists() and not others.exists():
        raise PersonWrong(f"{user.username} is the only owner; make another one first")


def _check_group(group: str) -> None:
    if group not in GROUPS:
        raise PersonWrong(f"there is no role {group}; it is viewer, trader or owner")


def _sentence(wrong: ValidationError) -> str:
    return " ".join(wrong.messages)
