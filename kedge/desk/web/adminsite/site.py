"""The admin's frame: for owners, behind the desk's own sign-in, so nobody goes round the second factor."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from kedge.desk.web.errors import forbidden


class DeskAdmin(AdminSite):
    site_header = _("Kedge: rows of the desk")
    site_title = _("Kedge")
    index_title = _("What is kept as rows")
    empty_value_display = "–"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        person = getattr(request, "person", None)
        return person is not None and person.role == "admin" and super().has_permission(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one door; who came through it and may not be here is told so."""
        if getattr(request, "person", None) is not None:
            return forbidden(request, "admin")
        after = request.GET.get("next", reverse("admin:index"))
        return redirect(f"{reverse('sign-in')}?{urlencode({'next': after})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        from kedge.desk.web.pages.session import sign_out

        return sign_out(request)

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("password")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Apps by what people call them; those of packages have names of their own."""
        found: list[Any] = super().get_app_list(request, app_label)
        for app in found:
            app["name"] = NAMES.get(app["app_label"], app["name"])
        return found


NAMES = {
    "admin": _("History"),
    "auth": _("People"),
    "axes": _("Sign-in attempts"),
    "desk": _("API tokens"),
    "sessions": _("Sessions"),
}

site = DeskAdmin(name="admin")

# Rows of a list that are counted; a longer one is said to be so long.
COUNTED = 10_000


class Counted(Paginator):  # type: ignore[type-arg]
    """Counts no further than people leaf: a count of millions would make every page slow."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(min(COUNTED, rows.order_by()[:COUNTED].count()))


class ReadOnly(ModelAdmin):  # type: ignore[type-arg]
    """Rows that are looked at. Nothing is added, changed or deleted here, whatever a form says."""

    list_per_page = 50
    show_full_result_count = False
    paginator = Counted
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
