"""People in the admin: every change goes through `people.py`, so that its rules hold here too."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from kedge.desk.web import people
from kedge.desk.web.adminsite.models import OutboxNotice
from kedge.desk.web.adminsite.site import ReadOnly, site
from kedge.desk.web.lists.cells import moment
from kedge.desk.web.models import ApiToken, Profile
from kedge.desk.web.people import GROUPS, PersonWrong

ROLES = [
    ("viewer", gettext_lazy("viewer")),
    ("trader", gettext_lazy("trader")),
    ("owner", gettext_lazy("owner")),
]


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLES)

    class Meta:
        model = User
        fields = ("username", "is_active")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        held = {group.name for group in self.instance.groups.all()}
        self.initial["role"] = next((name for name in reversed(GROUPS) if name in held), "viewer")
        self.fields["username"].disabled = True


class ProfileInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Profile
    fields = ("language", "zone", "theme", "rows", "must_change_password")
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User, site=site)
class PersonAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = PersonForm
    list_display = ("username", "role", "is_active", "second_factor", "last_login", "date_joined")
    list_filter = ("is_active", "groups")
    search_fields = ("username",)
    ordering = ("username",)
    date_hierarchy = "date_joined"
    readonly_fields = ("last_login", "date_joined")
    fields = ("username", "role", "is_active", "last_login", "date_joined")
    actions = ("factor_off", "sign_out")

    @admin.display(description=gettext_lazy("Role"))
    def role(self, user: User) -> str:
        names = {group.name for group in user.groups.all()}
        return next((_(name) for name in reversed(GROUPS) if name in names), "–")

    @admin.display(description=gettext_lazy("Second factor"), boolean=True)
    def second_factor(self, user: User) -> bool:
        return any(device.confirmed for device in user.totpdevice_set.all())  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups", "totpdevice_set")

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        return [ProfileInline] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The people page does it: there a one-time password is shown once and kept nowhere."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a person did stays theirs: they are switched off, not deleted."""
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **named: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **named)
        except PersonWrong as wrong:
            messages.error(request, str(wrong))
            return redirect(request.path)

    def save_model(self, request: HttpRequest, user: User, form: Any, change: bool) -> None:
        role, active = form.cleaned_data["role"], form.cleaned_data["is_active"]
        if user.pk == request.user.pk and (role != "owner" or not active):
            raise PersonWrong(_("You cannot do this to yourself; ask another owner."))
        people.set_role(user.username, role)
        if people.find(user.username).is_active != active:
            people.set_active(user.username, active)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Groups are set by the role; only the profile is left to save."""
        for formset in formsets:
            self.save_formset(request, form, formset, change=change)

    @admin.action(description=gettext_lazy("Switch the second factor off"))
    def factor_off(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        for user in chosen:
            TOTPDevice.objects.filter(user=user).delete()
            StaticDevice.objects.filter(user=user).delete()
            self.log_change(request, user, "the second factor was switched off")
            messages.success(request, _("The second factor of %(name)s is off.") % {"name": user.username})

    @admin.action(description=gettext_lazy("Sign out everywhere"))
    def sign_out(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        whose = {str(user.pk): user.username for user in chosen}
        ended = [one for one in Session.objects.all() if one.get_decoded().get("_auth_user_id") in whose]
        for session in ended:
            session.delete()
        messages.success(request, _("%(n)d sessions were ended.") % {"n": len(ended)})


@admin.register(ApiToken, site=site)
class TokenAdmin(ReadOnly):
    """The token itself is kept nowhere, and its digest is nobody's business."""

    list_display = (
        "name",
        "user",
        "shown_hint",
        "role",
        "made_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = ("role", "revoked_at")
    search_fields = ("name", "user__username", "hint")
    date_hierarchy = "made_at"
    ordering = ("-made_at",)
    fields = readonly_fields = list_display
    actions = ("revoke",)  # type: ignore[assignment]
    list_select_related = ("user",)

    @admin.display(description=gettext_lazy("Token"))
    def shown_hint(self, token: ApiToken) -> str:
        return f"{token.hint}…"

    @admin.action(description=gettext_lazy("Revoke"))
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        count = chosen.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
        messages.success(request, _("%(n)d tokens were revoked.") % {"n": count})


# ── doors and traces ────────────────────────────────────────────────────────────────────────────


@admin.register(Session, site=site)
class SessionAdmin(ReadOnly):
    """Whose browsers are signed in. A session's key opens it, so it is shown to nobody."""

    list_display = ("who", "expire_date")
    list_display_links = None
    ordering = ("-expire_date",)

    @admin.display(description=gettext_lazy("Person"))
    def who(self, session: Session) -> str:
        number = session.get_decoded().get("_auth_user_id")
        user = User.objects.filter(pk=number).first() if number else None
        return user.get_username() if user else "–"

    def change_view(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        return redirect("admin:sessions_session_changelist")


class TriesAdmin(ReadOnly):
    list_display: tuple[str, ...] = ("attempt_time", "username", "ip_address", "user_agent")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address", "user_agent")
    date_hierarchy = "attempt_time"
    ordering = ("-attempt_time",)
    exclude = ("get_data", "post_data")


site.register(AccessFailureLog, TriesAdmin)
site.register(AccessLog, TriesAdmin)


@admin.register(AccessAttempt, site=site)
class AttemptAdmin(TriesAdmin):
    list_display = (*TriesAdmin.list_display, "failures_since_start")
    actions = ("unlock",)  # type: ignore[assignment]

    @admin.action(description=gettext_lazy("Unlock"))
    def unlock(self, request: HttpRequest, chosen: QuerySet[AccessAttempt]) -> None:
        count, _each = chosen.delete()
        messages.success(request, _("%(n)d locks were taken away.") % {"n": count})


@admin.register(LogEntry, site=site)
class HistoryAdmin(ReadOnly):
    list_display = ("action_time", "user", "content_type", "object_repr", "change_message")
    list_filter = ("action_flag", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")
    date_hierarchy = "action_time"
    ordering = ("-action_time",)
    list_select_related = ("user", "content_type")


@admin.register(OutboxNotice, site=site)
class OutboxAdmin(ReadOnly):
    list_display = ("made", "channel", "level", "kind", "state", "tries", "trouble")
    list_display_links = None
    list_filter = ("state", "channel", "level", "kind")
    search_fields = ("notice", "body", "trouble")
    ordering = ("-made_ns",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxNotice]:
        found: QuerySet[OutboxNotice] = super().get_queryset(request)
        # The post makes its table when it runs first; a desk without messages has none.
        is_there = OutboxNotice._meta.db_table in connection.introspection.table_names()
        return found if is_there else found.none()

    @admin.display(description=gettext_lazy("made"), ordering="made_ns")
    def made(self, notice: OutboxNotice) -> str:
        return f"{moment(notice.made_ns).astimezone(timezone.get_current_timezone()):%Y-%m-%d %H:%M:%S}"
